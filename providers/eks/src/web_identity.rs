//! Credentials of a role for a web identity token.
//!
//! The SDK has such a provider, which asks STS where the environment says, whatever address is written. This one asks
//! through a client of ours. The token is read each time: whoever puts it there renews it.

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{self, ProvideCredentials, future};
use std::fmt;
use std::path::PathBuf;
use std::time::SystemTime;

/// Who asks for credentials, and with which token.
pub struct WebIdentity {
    /// Where STS is.
    pub sts: aws_sdk_sts::Client,
    /// The role.
    pub role: String,
    /// Name of the session.
    pub session_name: String,
    /// The file with the token.
    pub file: PathBuf,
}

impl fmt::Debug for WebIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebIdentity").field("role", &self.role).field("file", &self.file).finish_non_exhaustive()
    }
}

impl WebIdentity {
    async fn ask(&self) -> provider::Result {
        let read = tokio::fs::read_to_string(&self.file).await;
        let token = read.map_err(|error| {
            CredentialsError::invalid_configuration(format!("{} cannot be read: {error}", self.file.display()))
        })?;
        let request = self.sts.assume_role_with_web_identity().role_arn(&self.role);
        let request = request.role_session_name(&self.session_name).web_identity_token(token.trim());
        let answer = request.send().await.map_err(CredentialsError::provider_error)?;
        let given = answer.credentials.ok_or_else(|| CredentialsError::unhandled("the answer holds no credentials"))?;
        let end = SystemTime::try_from(given.expiration).map_err(CredentialsError::unhandled)?;
        Ok(Credentials::new(
            given.access_key_id,
            given.secret_access_key,
            Some(given.session_token),
            Some(end),
            "WebIdentityToken",
        ))
    }
}

impl ProvideCredentials for WebIdentity {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.ask())
    }
}
