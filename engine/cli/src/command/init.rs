//! `terrane init`: modules are fetched, the place of the state is set up, the configuration can be read, its providers
//! are there. Nothing else is downloaded: providers are part of the binary.

use crate::args::InitArguments;
use crate::console::{self, Console};
use crate::diag;
use crate::exit::{Ended, Failure, Outcome};
use crate::prompt;
use crate::voice::write_problems;
use serde_json::json;
use std::io::Write as _;
use terrane_core::{Diagnostic, Place};
use terrane_lang::inputs::Flag;
use terrane_provider::Async;
use terrane_runtime::backend::{Given, Remembered};
use terrane_runtime::migrate::{self, AsyncAsk, Copied, InTheWay};
use terrane_runtime::modules::{Fetched, Fetching};
use terrane_runtime::store::open::Backend;
use terrane_runtime::{Configuration, Folder, diag as words};

/// Runs it.
///
/// # Errors
/// Errors of the configuration; a place that cannot keep a state; a state that would be left behind unsaid.
pub async fn run(arguments: &InitArguments, flags: &[Flag], console: Console) -> Outcome {
    check(arguments)?;
    let folder = super::folder()?;
    let (configuration, fetched) = modules(&folder, flags, arguments).await?;
    // Values of variables are no matter yet, but for those that the backend hangs on.
    let problems = super::validate::of_text(&configuration);
    if problems.iter().any(Diagnostic::is_error) {
        return Err(Failure::new(problems).with_sources(configuration.sources));
    }
    write_problems(console, &problems, &configuration.sources)?;
    let backend = if arguments.backend { set_up(&folder, &configuration, arguments, console).await? } else { None };
    let mut out = console::stdout();
    let version = env!("CARGO_PKG_VERSION");
    let names: Vec<&str> = folder.registry().providers().map(|provider| provider.name()).collect();
    if arguments.json {
        let line = json!({ "type": "init_output", "@level": "info", "@message": "Terrane is initialized",
            "@module": "terrane.ui", "@timestamp": crate::render::events::now(), "providers": names,
            "backend": backend.as_ref().map(|found| &found.0), "states": backend.map(|found| found.1),
            "modules": fetched.iter().map(|module| json!({ "source": module.address, "revision": module.revision })).collect::<Vec<_>>(),
            "terrane": version });
        writeln!(out, "{line}")?;
    } else {
        for Fetched { address, revision } in &fetched {
            writeln!(out, "- {address}: {revision}")?;
        }
        if !fetched.is_empty() {
            writeln!(
                out,
                "\nModules were fetched, and .terrane.lock.hcl says which. Keep it with the configuration.\n"
            )?;
        }
        if let Some((kind, states)) = backend {
            writeln!(out, "The state is kept in the backend \"{kind}\".")?;
            states.iter().try_for_each(|line| writeln!(out, "{line}"))?;
            writeln!(out)?;
        }
        writeln!(out, "Providers of this binary: {} (version {version})\n", names.join(", "))?;
        writeln!(out, "Terrane has been successfully initialized!")?;
    }
    out.flush()?;
    Ok(Ended::OK)
}

/// Fetches what the configuration calls from elsewhere, as far as it is wanted, and reads the configuration.
async fn modules(
    folder: &Folder,
    flags: &[Flag],
    arguments: &InitArguments,
) -> Result<(Configuration, Vec<Fetched>), Failure> {
    if !arguments.get {
        return Ok((folder.load(flags), Vec::new()));
    }
    let how = match (arguments.upgrade, arguments.lockfile.is_some()) {
        (true, _) => Fetching::Upgraded,
        (false, true) => Fetching::ReadOnly,
        (false, false) => Fetching::Locked,
    };
    let mut begins = |address: &str| {
        if !arguments.json {
            // A terminal that is gone stops nothing.
            let _ = writeln!(console::stderr(), "Fetching {address} ...");
        }
    };
    Ok(folder.fetch_modules(flags, how, &mut begins).await?)
}

/// Refuses what does not go together.
fn check(arguments: &InitArguments) -> Result<(), Failure> {
    super::refuse_without_lock(arguments.write.lock)?;
    let refuse = |flag: &str, why: &str| Err(diag::USAGE.at(Place::Argument(flag.to_owned())).detail(why).into());
    if arguments.upgrade && arguments.lockfile.is_some() {
        return refuse("-lockfile", "-upgrade writes the lock file, and -lockfile=readonly keeps it as it is");
    }
    if arguments.reconfigure && (arguments.migrate_state || arguments.force_copy) {
        return refuse(
            "-reconfigure",
            "-reconfigure leaves the states where they are, -migrate-state takes them along",
        );
    }
    let needs_backend = [
        ("-migrate-state", arguments.migrate_state),
        ("-force-copy", arguments.force_copy),
        ("-reconfigure", arguments.reconfigure),
        ("-backend-config", !arguments.backend_config.is_empty()),
    ];
    match needs_backend.iter().find(|(_, is_given)| *is_given && !arguments.backend) {
        Some((flag, _)) => refuse(flag, "-backend=false leaves the backend alone"),
        None => Ok(()),
    }
}

/// Sets up the backend: gives its kind, and what became of the states.
async fn set_up(
    folder: &Folder,
    configuration: &Configuration,
    arguments: &InitArguments,
    console: Console,
) -> Result<Option<(String, Vec<String>)>, Failure> {
    let remembered = match Remembered::read(folder) {
        // It is about to be written anew.
        Err(_) if arguments.reconfigure => None,
        other => other?,
    };
    let given = given(arguments, remembered.as_ref());
    let wanted = folder.wanted(configuration, &given).await?;
    if wanted.is_none() && remembered.is_none() {
        return Ok(None);
    }
    let backend = wanted.clone().unwrap_or_default();
    let selected = folder.selected();
    folder.again().with_backend(&backend, &selected)?.probe().await?;
    let moves = arguments.migrate_state || arguments.force_copy;
    let is_same = remembered.as_ref().is_some_and(|found| found.is(&backend));
    let mut told = Vec::new();
    if !is_same && !arguments.reconfigure {
        let before = match &remembered {
            Some(found) => folder.remembered(configuration, found).await?,
            None => Backend::default(),
        };
        if moves {
            told = take_along(folder, (&before, &backend), arguments, console).await?;
        } else if remembered.is_some() || migrate::holds_state(folder, &before).await? {
            let detail = format!("the state so far is in the backend \"{}\"", before.kind);
            return Err(words::BACKEND_CHANGED.at(Place::Run).detail(detail).into());
        }
    }
    match wanted {
        Some(_) => Remembered::of(&backend, given).write(folder)?,
        None => Remembered::remove(folder)?,
    }
    Ok(Some((backend.kind.to_string(), told)))
}

/// `-backend-config`; without one, those of the last time.
fn given(arguments: &InitArguments, remembered: Option<&Remembered>) -> Vec<Given> {
    if arguments.backend_config.is_empty() && !arguments.reconfigure {
        return remembered.map(|found| found.given.clone()).unwrap_or_default();
    }
    arguments.backend_config.iter().map(|text| Given::parse(text)).collect()
}

async fn take_along(
    folder: &Folder,
    (before, after): (&Backend, &Backend),
    arguments: &InitArguments,
    console: Console,
) -> Result<Vec<String>, Failure> {
    let mut asker = Asker { may_replace: arguments.force_copy, can_ask: arguments.input && !arguments.json, console };
    let mut told = Vec::new();
    for name in migrate::workspaces(folder, before).await? {
        let from = folder.again().with_backend(before, &name)?;
        let to = folder.again().with_backend(after, &name)?;
        if from.place() == to.place() {
            continue;
        }
        let copied = migrate::copy(&from, &to, arguments.write.timeout_ms(), &mut asker).await?;
        told.extend(match copied {
            Copied::Copied => Some(format!("Copied the state of \"{name}\" from {} to {}.", from.place(), to.place())),
            Copied::AlreadyThere => Some(format!("The state of \"{name}\" is in {} already.", to.place())),
            Copied::Nothing => None,
        });
    }
    if !told.is_empty() {
        told.push(String::from("Where they were, the states stay as they are; nobody uses them any more."));
    }
    Ok(told)
}

/// Asks before a state is replaced.
struct Asker {
    may_replace: bool,
    can_ask: bool,
    console: Console,
}

impl AsyncAsk for Asker {
    fn ask<'a>(&'a mut self, found: &'a InTheWay) -> Async<'a, bool> {
        let question = format!(
            "\nDo you want to replace the state in {}?\n  It records {} objects, and its history is another one ({}).\n  \
             Only 'yes' will be accepted to approve.\n\n  Enter a value: ",
            found.place, found.objects, found.lineage
        );
        Box::pin(async move {
            if self.may_replace || !self.can_ask {
                return self.may_replace;
            }
            // Who cannot be asked has not said yes.
            prompt::confirm(question, self.console).await.unwrap_or(false)
        })
    }
}
