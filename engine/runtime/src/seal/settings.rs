//! From the `encryption` block, or the variable that stands in its place, to the keys of a run.

use super::keyring::{Key, Keyring, Sealer};
use super::source::Source;
use crate::backend::Refusal;
use crate::diag;
use crate::environment::Environment;
use crate::sources::FolderSources;
use std::path::Path;
use std::sync::Arc;
use terrane_core::diagnostic::suggestion;
use terrane_core::{Diagnostic, SourceMap, Text, Value};
use terrane_lang::check::{GivenEncryption, encryption, encryption_of};
use terrane_lang::program::{Encryption, KeyArgument, KeyBlock};
use terrane_provider::key::{KeyArguments, KeyService};
use terrane_provider::{Registry, Services};

/// The variable that holds what stands between the braces of an `encryption` block. It replaces the block, but cannot
/// take `enforced = true` back.
pub const VARIABLE: &str = "TERRANE_ENCRYPTION";

/// Where a key of bytes can come from.
const SOURCES: &[&str] = &["env", "file", "exec"];

/// The keys that are configured for `folder`. None is read yet. `services` is for keys at a key service.
///
/// # Errors
/// Problems of the block or of the variable.
pub fn keyring(
    folder: &Path,
    environment: &Arc<Environment>,
    registry: &Registry,
    services: &Arc<dyn Services>,
) -> Result<Keyring, Refusal> {
    let (written, sources) = whole(encryption_of(&FolderSources::new(folder, environment.clone(), 0), "."))?;
    let is_enforced = written.as_ref().is_some_and(|written| written.is_enforced);
    let (found, sources) = match environment.get(VARIABLE).filter(|text| !text.trim().is_empty()) {
        Some(text) => whole(encryption(VARIABLE, text))?,
        None => (written, sources),
    };
    let Some(found) = found else { return Ok(Keyring::default()) };
    let mut problems = Vec::new();
    let current = key(&found.key, registry, &mut problems);
    let previous: Vec<Option<Key>> = found.previous.iter().map(|block| key(block, registry, &mut problems)).collect();
    let (Some(current), Some(previous)) = (current, previous.into_iter().collect::<Option<Vec<Key>>>()) else {
        return Err(Refusal { problems, sources });
    };
    let sealer = Sealer::new(current, previous, folder.to_owned(), environment.clone(), Some(services.clone()));
    Ok(Keyring {
        sealer: Some(Arc::new(sealer)),
        seals_state: found.seals_state,
        seals_plan: found.seals_plan,
        is_enforced: found.is_enforced || is_enforced,
    })
}

fn whole(given: GivenEncryption) -> Result<(Option<Encryption>, SourceMap), Refusal> {
    if given.problems.iter().any(Diagnostic::is_error) {
        return Err(Refusal { problems: given.problems, sources: given.sources });
    }
    Ok((given.encryption, given.sources))
}

/// The key of a block; `None` after reporting what is wrong with it.
fn key(block: &KeyBlock, registry: &Registry, problems: &mut Vec<Diagnostic>) -> Option<Key> {
    match &*block.kind {
        "passphrase" => source(block, problems).map(Key::Passphrase),
        "raw" => source(block, problems).map(Key::Raw),
        kind => {
            let Some(service) = registry.key_services().iter().find(|service| service.name() == kind) else {
                let names = registry.key_services().iter().map(|service| service.name());
                let known: Vec<&str> = ["passphrase", "raw"].into_iter().chain(names).collect();
                let problem = diag::UNKNOWN_KEY_KIND.at(block.kind_span);
                let problem = problem.detail(format!("there is no kind of key {}", terrane_core::path::quote(kind)));
                let help = suggestion(kind, known.iter().copied());
                problems.push(problem.help(help.unwrap_or_else(|| format!("Kinds of keys are {}", known.join(", ")))));
                return None;
            };
            let arguments = arguments(block, &**service, problems)?;
            Some(Key::Service(service.clone(), arguments))
        }
    }
}

fn source(block: &KeyBlock, problems: &mut Vec<Diagnostic>) -> Option<Source> {
    let before = problems.len();
    known(block, SOURCES, problems);
    let mut given = block.arguments.iter().filter(|(name, _)| SOURCES.contains(&&***name));
    let first = given.next();
    if first.is_none() || given.next().is_some() {
        let problem = diag::WRONG_KEY_SETTING.at(block.span);
        problems.push(problem.detail("a key comes from one of `env`, `file` and `exec`"));
        return None;
    }
    let (name, argument) = first?;
    if problems.len() > before {
        return None;
    }
    match &**name {
        "env" => text(name, argument, problems).map(Source::Env),
        "file" => text(name, argument, problems).map(Source::File),
        _ => {
            let words =
                argument.value.items().and_then(|words| words.iter().map(|word| word.as_text().cloned()).collect());
            let words = words.filter(|words: &Vec<Text>| !words.is_empty());
            if words.is_none() {
                let detail = "`exec` is a list of texts: the program and its arguments";
                problems.push(diag::WRONG_KEY_SETTING.at(argument.span).detail(detail));
            }
            words.map(Source::Exec)
        }
    }
}

fn text(name: &str, argument: &KeyArgument, problems: &mut Vec<Diagnostic>) -> Option<Text> {
    let text = argument.value.as_text().filter(|text| !text.is_empty()).cloned();
    if text.is_none() {
        problems
            .push(diag::WRONG_KEY_SETTING.at(argument.span).detail(format!("`{name}` is a text that is not empty")));
    }
    text
}

/// Reports arguments that are none.
fn known(block: &KeyBlock, names: &[&str], problems: &mut Vec<Diagnostic>) {
    for (name, argument) in block.arguments.iter().filter(|(name, _)| !names.contains(&&***name)) {
        let problem = terrane_lang::diag::UNKNOWN_ARGUMENT.at(argument.name_span);
        let problem = problem.detail(format!("a key \"{}\" has no argument `{name}`", block.kind));
        let help = suggestion(name, names.iter().copied());
        problems.push(problem.help(help.unwrap_or_else(|| format!("Its arguments are {}", names.join(", ")))));
    }
}

fn arguments(block: &KeyBlock, service: &dyn KeyService, problems: &mut Vec<Diagnostic>) -> Option<KeyArguments> {
    let before = problems.len();
    let names: Vec<&str> = service.arguments().iter().map(|argument| argument.name).collect();
    known(block, &names, problems);
    let mut given = KeyArguments::new();
    for argument in service.arguments() {
        match block.arguments.get(argument.name).filter(|written| written.value != Value::NULL) {
            Some(written) => {
                given.extend(text(argument.name, written, problems).map(|text| (argument.name.into(), text)))
            }
            None if argument.is_required => {
                let problem = terrane_lang::diag::MISSING_ARGUMENT.at(block.span);
                problems.push(problem.detail(format!("the argument `{}` is missing: {}", argument.name, argument.doc)));
            }
            None => {}
        }
    }
    (problems.len() == before).then_some(given)
}
