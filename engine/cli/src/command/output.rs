//! `terrane output`: the outputs of the root module as they are recorded. Sensitive ones never show.

use crate::args::OutputArguments;
use crate::console::{self, Console, Paint};
use crate::diag;
use crate::exit::{Ended, Outcome};
use crate::render::json_state::{output_json, outputs_json};
use crate::render::json_value::Plain;
use crate::render::plan::value::{Lines, Silent};
use crate::voice::write_problems;
use std::io::{self, Write};
use terrane_core::diagnostic::suggestion;
use terrane_core::value::Kind;
use terrane_core::{Diagnostic, Place, SourceMap};
use terrane_lang::inputs::Flag;
use terrane_plan::state::{RecordedOutput, State};

/// Runs it.
///
/// # Errors
/// An unknown name, or `-raw` of something without a bare text.
pub async fn run(arguments: &OutputArguments, flags: &[Flag], console: Console) -> Outcome {
    let (state, warnings) = super::workspace(flags).await?.state().await?;
    write_problems(console, &warnings, &SourceMap::default())?;
    let mut out = console::stdout();
    match &arguments.name {
        Some(name) => one(&state, name, arguments, &mut out)?,
        None if arguments.raw => {
            return Err(diag::USAGE
                .at(Place::Argument(String::from("-raw")))
                .detail("-raw needs the name of an output")
                .into());
        }
        None if arguments.json => {
            serde_json::to_writer_pretty(&mut out, &outputs_json(&state)).map_err(io::Error::from)?;
            writeln!(out)?;
        }
        None if state.outputs.is_empty() => {
            write_problems(console, &[diag::NO_OUTPUTS.at(Place::State)], &SourceMap::default())?;
        }
        None => writeln!(out, "{}", text(&state))?,
    }
    out.flush()?;
    Ok(Ended::OK)
}

fn one(
    state: &State,
    name: &str,
    arguments: &OutputArguments,
    out: &mut dyn Write,
) -> Result<(), crate::exit::Failure> {
    let Some(output) = state.outputs.get(name) else { return Err(unknown(state, name).into()) };
    if arguments.json {
        let document = output_json(output).get("value").cloned().unwrap_or_default();
        serde_json::to_writer(&mut *out, &document).map_err(io::Error::from)?;
        writeln!(out)?;
        return Ok(());
    }
    if arguments.raw {
        let raw = raw(output).ok_or_else(|| diag::NOT_RAW.at(Place::Argument(name.to_owned())))?;
        write!(out, "{raw}")?;
        return Ok(());
    }
    writeln!(out, "{}", value_text(output))?;
    Ok(())
}

fn raw(output: &RecordedOutput) -> Option<String> {
    if output.is_sensitive || output.value.is_sensitive() {
        return None;
    }
    match output.value.kind() {
        Kind::String(text) => Some(text.to_string()),
        Kind::Bool(_) | Kind::Number(_) => serde_json::to_string(&Plain(&output.value)).ok(),
        Kind::Null
        | Kind::Tuple(_)
        | Kind::List(_)
        | Kind::Set(_)
        | Kind::Object(_)
        | Kind::Map(_)
        | Kind::Unknown(_) => None,
    }
}

fn unknown(state: &State, name: &str) -> Diagnostic {
    let problem = diag::NO_SUCH_OUTPUT.at(Place::Argument(name.to_owned()));
    match suggestion(name, state.outputs.keys().map(|name| &**name)) {
        Some(help) => problem.help(help),
        None => problem,
    }
}

fn value_text(output: &RecordedOutput) -> String {
    if output.is_sensitive {
        return String::from("(sensitive value)");
    }
    let mut lines = Lines::new(Paint::PLAIN, &Silent);
    lines.flat(&output.value);
    lines.text
}

/// All outputs, `name = value` each.
pub fn text(state: &State) -> String {
    let pair = |(name, output): (&terrane_core::Text, &RecordedOutput)| format!("{name} = {}", value_text(output));
    state.outputs.iter().map(pair).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use terrane_core::Value;

    #[test]
    fn sensitive_outputs_have_no_text() {
        let mut state = State::default();
        state.outputs.insert("a".into(), RecordedOutput { value: Value::string("x"), is_sensitive: false });
        state.outputs.insert("b".into(), RecordedOutput { value: Value::string("hunter2"), is_sensitive: true });
        assert_eq!(text(&state), "a = \"x\"\nb = (sensitive value)");
        assert_eq!(raw(&state.outputs["b"]), None);
        assert!(!outputs_json(&state).to_string().contains("hunter2"));
    }
}
