//! `terrane lock show` and `terrane force-unlock`: who holds the lock of the state, and taking it away.

use crate::args::{ForceUnlockArguments, LockCommand};
use crate::console::{self, Console};
use crate::diag;
use crate::exit::{Ended, Outcome};
use crate::prompt;
use crate::voice::write_problems;
use serde_json::json;
use std::io::Write as _;
use terrane_core::{Place, SourceMap};
use terrane_lang::inputs::Flag;
use terrane_runtime::Workspace;
use terrane_runtime::store::{LockHolder, StoreError};

/// Runs `lock show`.
///
/// # Errors
/// A state that cannot be reached.
pub async fn show(command: &LockCommand, flags: &[Flag]) -> Outcome {
    let LockCommand::Show(arguments) = command;
    let workspace = super::workspace(flags).await?;
    let holder = workspace.lock_holder().await?;
    let mut out = console::stdout();
    if arguments.json {
        let lock = holder.as_ref().map(|holder| {
            json!({ "id": holder.id, "owner": holder.owner, "operation": holder.operation, "created": holder.created,
                "heartbeat": holder.heartbeat, "heartbeat_age_s": workspace.heartbeat_age_s(holder),
                "fencing": holder.fencing })
        });
        let document = json!({ "format_version": "1.0", "state": workspace.place(), "lock": lock });
        serde_json::to_writer_pretty(&mut out, &document).map_err(std::io::Error::from)?;
        writeln!(out)?;
    } else {
        match &holder {
            None => writeln!(out, "Nobody holds the lock of {}.", workspace.place())?,
            Some(holder) => write!(out, "Lock Info:\n{}", info(&workspace, holder))?,
        }
    }
    out.flush()?;
    Ok(Ended::OK)
}

/// A lock in the words that Terraform's users know.
fn info(workspace: &Workspace, holder: &LockHolder) -> String {
    let age = workspace.heartbeat_age_s(holder).map_or_else(String::new, |age| format!(" ({age} s ago)"));
    let lines = [
        ("ID", holder.id.to_string()),
        ("Path", workspace.place()),
        ("Operation", holder.operation.to_string()),
        ("Who", holder.owner.to_string()),
        ("Created", holder.created.to_string()),
        ("Last heartbeat", format!("{}{age}", holder.heartbeat)),
    ];
    lines.iter().map(|(name, value)| format!("  {:<16} {value}\n", format!("{name}:"))).collect()
}

/// Runs `force-unlock`.
///
/// # Errors
/// `lock-not-that`; a state that cannot be reached.
pub async fn force(arguments: &ForceUnlockArguments, flags: &[Flag], console: Console) -> Outcome {
    let workspace = super::workspace(flags).await?;
    let holder = match workspace.lock_holder().await? {
        Some(holder) if *holder.id == *arguments.id => holder,
        other => {
            let error = StoreError::OtherLock(other.map(Box::new));
            return Err(terrane_runtime::diag::explain(error, &workspace.place()).into());
        }
    };
    let question = format!(
        "\nDo you really want to take this lock away?\n{}  The run that holds it stops writing the state; what it is \
         doing in the world goes on until it ends.\n  Only 'yes' will be accepted to approve.\n\n  Enter a value: ",
        info(&workspace, &holder)
    );
    if !arguments.force && !prompt::confirm(question, console).await? {
        write_problems(console, &[diag::DECLINED.at(Place::Run)], &SourceMap::default())?;
        return Ok(Ended::DECLINED);
    }
    let broken = workspace.break_lock(&arguments.id).await?;
    let mut out = console::stdout();
    writeln!(
        out,
        "The lock that {} held for {} since {} is taken away.",
        broken.owner, broken.operation, broken.created
    )?;
    out.flush()?;
    Ok(Ended::OK)
}
