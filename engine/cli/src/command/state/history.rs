//! `terrane state pull | push | versions | rollback`: the state as a document, and as it was.

use super::under_lock;
use crate::args::{StatePushArguments, StateRollbackArguments, StateVersionsArguments};
use crate::console::{self, Console};
use crate::diag;
use crate::exit::{Ended, Failure, Outcome};
use crate::prompt;
use crate::voice::write_problems;
use serde_json::json;
use std::io::{Read as _, Write as _};
use terrane_core::{Place, SourceMap};
use terrane_lang::inputs::Flag;
use terrane_plan::state::{Entry, State};
use terrane_runtime::{amend, document, migrate};

/// No document that is pushed is larger.
const LARGEST: u64 = 4 * 1024 * 1024 * 1024;

pub(super) async fn pull(flags: &[Flag], console: Console) -> Outcome {
    let (state, warnings) = super::super::workspace(flags).await?.state().await?;
    let state = super::UntilEnd::new(state);
    write_problems(console, &warnings, &SourceMap::default())?;
    if state.is_new() {
        return Err(diag::NO_STATE.at(Place::State).into());
    }
    let mut out = console::stdout();
    document::write(&state, &mut out)?;
    writeln!(out)?;
    out.flush()?;
    Ok(Ended::OK)
}

pub(super) async fn push(arguments: &StatePushArguments, flags: &[Flag]) -> Outcome {
    let state = document::read(&content(&arguments.file)?, &arguments.file)?;
    let workspace = super::super::workspace(flags).await?;
    let serial = under_lock(&workspace, ("state push", &arguments.write), async |session| {
        migrate::push(session, state, arguments.force).await?;
        Ok(session.state().serial)
    })
    .await?;
    let mut out = console::stdout();
    writeln!(out, "The state is now that of {}, with serial {serial}.", arguments.file)?;
    out.flush()?;
    Ok(Ended::OK)
}

fn content(file: &str) -> Result<Vec<u8>, Failure> {
    let failed = |error: std::io::Error| {
        Failure::from(diag::FILE_NOT_READ.at(Place::File(file.to_owned())).detail(error.to_string()))
    };
    let mut bytes = Vec::new();
    if file == "-" {
        std::io::stdin().lock().take(LARGEST).read_to_end(&mut bytes).map_err(failed)?;
    } else {
        std::fs::File::open(file).and_then(|file| file.take(LARGEST).read_to_end(&mut bytes)).map_err(failed)?;
    }
    Ok(bytes)
}

pub(super) async fn versions(arguments: &StateVersionsArguments, flags: &[Flag]) -> Outcome {
    let workspace = super::super::workspace(flags).await?;
    // A workspace that is not there has no history either, and that is what is told.
    let (state, _) = workspace.state().await?;
    let versions = workspace.versions().await?;
    let mut out = console::stdout();
    if arguments.json {
        let document = json!({ "format_version": "1.0", "lineage": state.lineage, "serial": state.serial,
            "versions": versions });
        serde_json::to_writer_pretty(&mut out, &document).map_err(std::io::Error::from)?;
        writeln!(out)?;
    } else if versions.is_empty() {
        writeln!(out, "No run wrote this state yet.")?;
    } else {
        for version in &versions {
            writeln!(out, "{:>8}  {}  {}  {}", version.serial, version.at, version.by, version.summary)?;
        }
    }
    out.flush()?;
    Ok(Ended::OK)
}

/// What a rollback does, in numbers.
struct Counts {
    back: usize,
    gone: usize,
}

impl Counts {
    fn of(entries: &[Entry]) -> Self {
        let back = entries.iter().filter(|entry| matches!(entry, Entry::Record { .. })).count();
        let gone = entries.iter().filter(|entry| matches!(entry, Entry::Forget { .. })).count();
        Self { back, gone }
    }
}

pub(super) async fn rollback(arguments: &StateRollbackArguments, flags: &[Flag], console: Console) -> Outcome {
    let workspace = super::super::workspace(flags).await?;
    let serial = arguments.serial;
    let rolled = under_lock(&workspace, ("state rollback", &arguments.write), async |session| {
        let then: State = workspace.state_at(serial).await?;
        let entries = amend::rollback(session.state(), &then)?;
        if entries.is_empty() {
            return Ok(Some(Counts { back: 0, gone: 0 }));
        }
        let counts = Counts::of(&entries);
        let question = format!(
            "\nDo you want to bring back the records of serial {serial}?\n  {} records become what they were, {} go. \
             Nothing in the world is touched: the next plan\n  shows how the world differs from them.\n  \
             Only 'yes' will be accepted to approve.\n\n  Enter a value: ",
            counts.back, counts.gone
        );
        if !arguments.auto_approve && !prompt::confirm(question, console).await? {
            return Ok(None);
        }
        session.amend(&format!("state rollback: to serial {serial}"), entries).await?;
        Ok(Some(counts))
    })
    .await?;
    let Some(counts) = rolled else {
        write_problems(console, &[diag::DECLINED.at(Place::Run)], &SourceMap::default())?;
        return Ok(Ended::DECLINED);
    };
    let mut out = console::stdout();
    if counts.back + counts.gone == 0 {
        writeln!(out, "The records are those of serial {serial} already.")?;
    } else {
        writeln!(
            out,
            "The records are those of serial {serial} again: {} brought back, {} gone.\n\nTo see how the world \
             differs from them, run:\n    terrane plan",
            counts.back, counts.gone
        )?;
    }
    out.flush()?;
    Ok(Ended::OK)
}
