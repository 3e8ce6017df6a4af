//! Objects in a table of PostgreSQL, one row each.
//!
//! Making an object only where there is none is `INSERT .. ON CONFLICT DO NOTHING`: of two transactions that insert the
//! same key one waits for the other and then inserts nothing. The time of a row is the server's. The schema and the table
//! are made by the probe, which is what `init` calls, and by nothing else.
//!
//! Not covered: `~/.pgpass` and service files.
//!
//! # Source
//! PostgreSQL 18 documentation, "INSERT" (ON CONFLICT clause) and "Appendix A. PostgreSQL Error Codes".

mod connection;
mod settings;

use super::kinds::{Layout, given, joined};
use super::{Created, Listed, Object, Objects, ObjectsError, OpenError};
use crate::environment::Environment;
use crate::store::arguments::{Argument, Arguments, Form};
use bytes::Bytes;
use connection::Connections;
use settings::Settings;
use std::sync::Arc;
use terrane_provider::Async;
use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};

/// What it takes.
pub(super) const ARGUMENTS: &[Argument] = &[
    Argument::secret("conn_str", "The server and the database, as a URL or `key=value`; `PG_CONN_STR` as well."),
    Argument::optional("schema_name", Form::Text, "The schema of the table; `terrane` by default."),
    Argument::optional("skip_schema_creation", Form::Truth, "Whether init leaves making the schema to somebody else."),
    Argument::optional("skip_table_creation", Form::Truth, "Whether init leaves making the table to somebody else."),
];

pub(super) fn layout(_: &Arguments) -> Layout {
    Layout { default: "default".to_owned(), before: String::new(), after: String::new() }
}

pub(super) fn open(arguments: &Arguments, prefix: &str, cx: &Environment) -> Result<Arc<dyn Objects>, OpenError> {
    let text = given(arguments, "conn_str", cx, &["PG_CONN_STR"]).unwrap_or_default();
    let settings = Settings::read(&text, cx)?;
    let schema = arguments.text("schema_name").unwrap_or("terrane").to_owned();
    let prefix = joined(&[prefix]);
    let place = format!("{}, schema {schema}{}", settings.place(), if prefix.is_empty() { "" } else { ", " });
    Ok(Arc::new(Table {
        place: format!("{place}{prefix}"),
        prefix: if prefix.is_empty() { prefix } else { format!("{prefix}/") },
        name: format!("{}.objects", quoted(&schema)),
        schema: quoted(&schema),
        makes_schema: !arguments.truth("skip_schema_creation"),
        makes_table: !arguments.truth("skip_table_creation"),
        connections: Connections::new(settings),
    }))
}

/// A name as SQL takes it whatever is in it.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

struct Table {
    place: String,
    /// Empty, or ends in a slash.
    prefix: String,
    name: String,
    schema: String,
    makes_schema: bool,
    makes_table: bool,
    connections: Connections,
}

/// Values with their types: a statement that need not be prepared first takes one round trip.
type Values<'a> = &'a [(&'a (dyn ToSql + Sync), Type)];

impl Table {
    async fn ask(&self, sql: &str, values: Values<'_>, action: &'static str) -> Result<Vec<Row>, ObjectsError> {
        let client = self.connections.get().await?;
        client.query_typed(sql, values).await.map_err(|error| connection::explain(&error, action))
    }

    fn full(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    async fn make(&self) -> Result<(), ObjectsError> {
        // Making what is there takes a right that is not needed for anything else.
        let is_there = self.ask("SELECT to_regclass($1) IS NOT NULL", &[(&self.name, Type::TEXT)], "USAGE").await?;
        if is_there.first().is_some_and(|row| row.try_get(0).unwrap_or(false)) {
            return Ok(());
        }
        let is_there = "SELECT EXISTS (SELECT FROM pg_namespace WHERE quote_ident(nspname) = $1 OR nspname = $1)";
        let bare = self.schema.trim_matches('"').replace("\"\"", "\"");
        let is_there = self.ask(is_there, &[(&bare, Type::TEXT)], "USAGE").await?;
        if self.makes_schema && !is_there.first().is_some_and(|row| row.try_get(0).unwrap_or(false)) {
            let sql = format!("CREATE SCHEMA IF NOT EXISTS {}", self.schema);
            self.ask(&sql, &[], "CREATE ON DATABASE").await?;
        }
        if self.makes_table {
            // The order of names is that of their bytes, whatever the language of the database is.
            let sql = format!(
                "CREATE TABLE IF NOT EXISTS {} (name text COLLATE \"C\" PRIMARY KEY, bytes bytea NOT NULL, \
                 modified timestamptz NOT NULL)",
                self.name
            );
            self.ask(&sql, &[], "CREATE ON SCHEMA").await?;
        }
        Ok(())
    }

    async fn all(&self, prefix: &str, after: &str) -> Result<Vec<Listed>, ObjectsError> {
        let from = self.full(prefix);
        // Above every character that a name has.
        let to = format!("{from}\u{7f}");
        let after = if after.is_empty() { String::new() } else { self.full(after) };
        let sql = format!(
            "SELECT name, octet_length(bytes)::bigint, (extract(epoch FROM modified) * 1000)::bigint FROM {} \
             WHERE name >= $1 AND name < $2 AND name > $3 ORDER BY name",
            self.name
        );
        let values: Values<'_> = &[(&from, Type::TEXT), (&to, Type::TEXT), (&after, Type::TEXT)];
        let rows = self.ask(&sql, values, "SELECT").await?;
        rows.iter().map(|row| self.listed(row)).collect()
    }

    fn listed(&self, row: &Row) -> Result<Listed, ObjectsError> {
        let name: String = row.try_get(0).map_err(|error| connection::explain(&error, "SELECT"))?;
        let name = name.strip_prefix(&self.prefix).unwrap_or(&name).to_owned();
        Ok(Listed { name, bytes: whole(row, 1)?, modified_ms: whole(row, 2)? })
    }
}

fn whole(row: &Row, column: usize) -> Result<u64, ObjectsError> {
    let number: i64 = row.try_get(column).map_err(|error| connection::explain(&error, "SELECT"))?;
    Ok(u64::try_from(number).unwrap_or(0))
}

impl Objects for Table {
    fn place(&self) -> String {
        self.place.clone()
    }

    fn create<'a>(&'a self, name: &'a str, bytes: Bytes) -> Async<'a, Result<Created, ObjectsError>> {
        Box::pin(async move {
            let sql = format!(
                "INSERT INTO {} (name, bytes, modified) VALUES ($1, $2, clock_timestamp()) \
                 ON CONFLICT (name) DO NOTHING RETURNING name",
                self.name
            );
            let values: Values<'_> = &[(&self.full(name), Type::TEXT), (&bytes.as_ref(), Type::BYTEA)];
            let made = self.ask(&sql, values, "INSERT").await?;
            Ok(if made.is_empty() { Created::Exists } else { Created::Made })
        })
    }

    fn write<'a>(&'a self, name: &'a str, bytes: Bytes) -> Async<'a, Result<(), ObjectsError>> {
        Box::pin(async move {
            let sql = format!(
                "INSERT INTO {} (name, bytes, modified) VALUES ($1, $2, clock_timestamp()) \
                 ON CONFLICT (name) DO UPDATE SET bytes = excluded.bytes, modified = clock_timestamp()",
                self.name
            );
            let values: Values<'_> = &[(&self.full(name), Type::TEXT), (&bytes.as_ref(), Type::BYTEA)];
            self.ask(&sql, values, "UPDATE").await.map(|_| ())
        })
    }

    fn read<'a>(&'a self, name: &'a str) -> Async<'a, Result<Option<Object>, ObjectsError>> {
        Box::pin(async move {
            let sql = format!(
                "SELECT bytes, (extract(epoch FROM modified) * 1000)::bigint FROM {} WHERE name = $1",
                self.name
            );
            let rows = self.ask(&sql, &[(&self.full(name), Type::TEXT)], "SELECT").await?;
            let Some(row) = rows.first() else { return Ok(None) };
            let bytes: Vec<u8> = row.try_get(0).map_err(|error| connection::explain(&error, "SELECT"))?;
            Ok(Some(Object { bytes: bytes.into(), modified_ms: whole(row, 1)? }))
        })
    }

    fn list<'a>(&'a self, prefix: &'a str, after: &'a str) -> Async<'a, Result<Vec<Listed>, ObjectsError>> {
        Box::pin(self.all(prefix, after))
    }

    fn delete<'a>(&'a self, name: &'a str) -> Async<'a, Result<(), ObjectsError>> {
        Box::pin(async move {
            let sql = format!("DELETE FROM {} WHERE name = $1", self.name);
            self.ask(&sql, &[(&self.full(name), Type::TEXT)], "DELETE").await.map(|_| ())
        })
    }

    fn probe(&self) -> Async<'_, Result<(), ObjectsError>> {
        Box::pin(async move {
            self.make().await?;
            super::probe(self).await
        })
    }
}
