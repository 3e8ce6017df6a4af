//! The connection to a server: made when it is needed, made again when it broke.

use super::super::ObjectsError;
use super::super::transport::chain;
use super::settings::Settings;
use std::sync::Arc;
use tokio::sync::Mutex;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Error};

/// One connection at a time, shared by all requests: each waits for its own answer only.
pub(super) struct Connections {
    settings: Settings,
    current: Mutex<Option<Arc<Client>>>,
}

impl Connections {
    pub(super) fn new(settings: Settings) -> Self {
        Self { settings, current: Mutex::new(None) }
    }

    /// # Errors
    /// [`ObjectsError::Unavailable`] where nobody answers; [`ObjectsError::Refused`] where the password is wrong.
    pub(super) async fn get(&self) -> Result<Arc<Client>, ObjectsError> {
        let mut current = self.current.lock().await;
        if let Some(client) = current.as_ref().filter(|client| !client.is_closed()) {
            return Ok(Arc::clone(client));
        }
        let client = Arc::new(self.connect().await?);
        *current = Some(Arc::clone(&client));
        Ok(client)
    }

    async fn connect(&self) -> Result<Client, ObjectsError> {
        let at = |error: &Error| match explain(error, "CONNECT") {
            ObjectsError::Unavailable { reason } => {
                ObjectsError::Unavailable { reason: format!("waited for {}: {reason}", self.settings.place()) }
            }
            other => other,
        };
        let client = match self.settings.tls() {
            None => {
                let (client, connection) =
                    self.settings.config().connect(tokio_postgres::NoTls).await.map_err(|error| at(&error))?;
                // Ends with the last handle on the client; an error of its own is seen by the request that it broke.
                tokio::spawn(async move { drop(connection.await) });
                client
            }
            Some(tls) => {
                let connector = tokio_postgres_rustls::MakeRustlsConnect::new(tls.clone());
                let (client, connection) =
                    self.settings.config().connect(connector).await.map_err(|error| at(&error))?;
                tokio::spawn(async move { drop(connection.await) });
                client
            }
        };
        // What was confirmed has to survive a crash of the server, whatever its settings are.
        client.batch_execute("SET synchronous_commit = on").await.map_err(|error| at(&error))?;
        Ok(client)
    }
}

/// What a server or a connection says, in the terms of stores. No text of it holds a password.
pub(super) fn explain(error: &Error, action: &'static str) -> ObjectsError {
    let Some(said) = error.as_db_error() else {
        let reason = chain(error);
        let is_hopeless = ["certificate", "password missing", "TLS support", "does not support"];
        return if is_hopeless.iter().any(|words| reason.contains(words)) {
            ObjectsError::Refused { reason }
        } else {
            ObjectsError::Unavailable { reason }
        };
    };
    let reason = format!("{}: {}", said.code().code(), said.message());
    let code = said.code();
    if [SqlState::UNDEFINED_TABLE, SqlState::INVALID_SCHEMA_NAME, SqlState::INVALID_CATALOG_NAME].contains(code) {
        ObjectsError::NoSuchPlace { reason }
    } else if *code == SqlState::INSUFFICIENT_PRIVILEGE {
        ObjectsError::Denied { action, reason }
    } else if [SqlState::INVALID_PASSWORD, SqlState::INVALID_AUTHORIZATION_SPECIFICATION].contains(code) {
        ObjectsError::Refused { reason: format!("the credentials are not accepted: {reason}") }
    } else if ["40", "53"].iter().any(|class| code.code().starts_with(class)) {
        ObjectsError::Throttled { reason } // a deadlock that we lost, too many connections
    } else if ["08", "57", "58"].iter().any(|class| code.code().starts_with(class)) {
        ObjectsError::Unavailable { reason } // starting, stopping, a disk that fails
    } else if [SqlState::UNIQUE_VIOLATION, SqlState::DUPLICATE_TABLE, SqlState::DUPLICATE_SCHEMA].contains(code) {
        ObjectsError::Throttled { reason } // two made the table at the same moment
    } else {
        ObjectsError::Refused { reason }
    }
}
