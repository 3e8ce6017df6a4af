//! The question before anything is changed: it names what is lost, and only `yes` is a yes.

use crate::console::{self, Console};
use crate::diag;
use crate::exit::Failure;
use crate::interrupts::Interrupts;
use std::io::{self, BufRead as _, Write as _};
use terrane_core::Place;
use terrane_plan::plan::{Mode, Plan};

/// Objects that are named in the question.
const NAMED: usize = 10;
/// Longest answer that is read, in bytes.
const LONGEST: u64 = 1_024;

/// What came of asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// `yes`.
    Yes,
    /// Anything else, or nobody there.
    No,
    /// A signal came instead.
    Interrupted,
}

/// The text of the question.
pub fn question(plan: &Plan) -> String {
    let lost: Vec<String> =
        plan.changes.iter().filter(|change| change.action.destroys()).map(|change| change.addr.to_string()).collect();
    let mut text = match plan.mode {
        Mode::Destroy => String::from("\nDo you really want to destroy all of this?\n"),
        Mode::RefreshOnly => String::from("\nDo you want to take into the state what was seen?\n"),
        Mode::Normal if is_import_alone(plan) => {
            String::from("\nDo you want to record these objects? None of them is changed.\n")
        }
        Mode::Normal => String::from("\nDo you want to perform these actions?\n"),
    };
    if lost.is_empty() {
        text.push_str("  Nothing is destroyed.\n");
    } else {
        let noun = if lost.len() == 1 { "object" } else { "objects" };
        let named = lost.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
        let more = lost.len().saturating_sub(NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        text.push_str(&format!("  This destroys {} {noun} with everything in them: {named}{more}\n", lost.len()));
    }
    text.push_str("  Only 'yes' will be accepted to approve.\n\n  Enter a value: ");
    text
}

/// Whether objects are recorded and nothing else happens to any.
fn is_import_alone(plan: &Plan) -> bool {
    let is_import = |change: &terrane_plan::plan::Change| change.importing.is_some();
    plan.changes.iter().any(|change| is_import(change))
        && !plan.changes.iter().any(|change| change.action.is_change() || change.moved_from.is_some())
}

/// Asks on the terminal and waits for the answer or a signal.
///
/// # Errors
/// Those of standard output and input.
pub async fn ask(question: String, interrupts: &mut Interrupts) -> io::Result<Answer> {
    {
        let mut out = console::stdout();
        out.write_all(question.as_bytes())?;
        out.flush()?;
    }
    let answer = tokio::task::spawn_blocking(read_line);
    let line = tokio::select! {
        line = answer => line.map_err(io::Error::other)??,
        _ = interrupts.next() => return Ok(Answer::Interrupted),
    };
    let mut out = console::stdout();
    writeln!(out)?;
    out.flush()?;
    Ok(if line.trim() == "yes" { Answer::Yes } else { Answer::No })
}

/// Asks a question that only `yes` answers with yes.
///
/// # Errors
/// `consent-impossible` where nobody can be asked; `interrupted`.
pub async fn confirm(question: String, console: Console) -> Result<bool, Failure> {
    if !console.can_ask {
        return Err(diag::CONSENT_IMPOSSIBLE.at(Place::Run).into());
    }
    match ask(question, &mut Interrupts::listen()?).await? {
        Answer::Yes => Ok(true),
        Answer::No => Ok(false),
        Answer::Interrupted => Err(diag::INTERRUPTED.at(Place::Run).into()),
    }
}

fn read_line() -> io::Result<String> {
    use std::io::Read as _;
    let mut line = String::new();
    io::stdin().lock().take(LONGEST).read_line(&mut line)?;
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::plan::tests::{change, plan};
    use terrane_core::change::Action;

    #[test]
    fn the_question_names_what_is_lost() {
        let text = question(&plan(vec![change("t.a", Action::Delete), change("t.b", Action::Create)]));
        assert!(text.contains("This destroys 1 object with everything in them: t.a\n"), "{text}");
        assert!(question(&plan(vec![change("t.b", Action::Create)])).contains("Nothing is destroyed."));
    }
}
