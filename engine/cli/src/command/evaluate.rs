//! `terrane console`: one expression, one answer. On a terminal with a prompt, editing and completion; from a pipe
//! without any of it, and an error does not end it.

use crate::console::{self, Console};
use crate::exit::{Ended, Failure, Outcome};
use crate::voice::write_problems;
use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::MemHistory;
use rustyline::validate::Validator;
use rustyline::{Config, Context, Editor, Helper};
use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use terrane_core::{Diagnostic, SourceMap};
use terrane_lang::check::Lines;
use terrane_lang::console::{show, show_type};
use terrane_lang::inputs::Flag;
use terrane_plan::peek::Peek;
use terrane_plan::schemas::RegistrySchemas;

const PROMPT: &str = "> ";
/// What asks for the rest of an expression.
const PROMPT_MORE: &str = ": ";
/// How problems name the line.
const NAME: &str = "<console>";

/// Runs it.
///
/// # Errors
/// Errors of the configuration; a state that cannot be read; those of reading and writing.
pub async fn run(flags: &[Flag], console: Console) -> Outcome {
    let folder = super::folder()?;
    let configuration = folder.load(flags);
    if configuration.program.is_none() {
        return Err(Failure::new(configuration.problems).with_sources(configuration.sources));
    }
    let workspace = folder.workspace(&configuration).await?;
    let (state, warnings) = workspace.state().await?;
    write_problems(console, &warnings, &SourceMap::default())?;
    let registry = crate::linked::registry();
    let schemas = RegistrySchemas(&registry);
    let ended = workspace.peek(&configuration, &state, |program, peek| {
        write_problems(console, peek.problems(), &configuration.sources)?;
        let lines = Lines::new(program, &schemas);
        let answers = Answers { lines, peek, console };
        if io::stdin().is_terminal() { answers.to_somebody() } else { answers.to_a_pipe() }
    });
    ended.transpose().map(|ended| ended.unwrap_or(Ended::OK))
}

/// What came of some text.
enum Answer {
    /// Its value as text.
    Text(String),
    /// There is more to come: a bracket is open.
    More,
    /// It has no value.
    Wrong(Vec<Diagnostic>),
}

struct Answers<'a> {
    lines: Lines<'a>,
    peek: &'a Peek<'a>,
    console: Console,
}

impl Answers<'_> {
    fn answer(&self, text: &str) -> Answer {
        let file = SourceMap::default().add(NAME, text);
        let (inner, is_type) = self.lines.question(file, text);
        let (expr, mut problems) = inner;
        if problems.iter().any(|problem| problem.kind.id.starts_with("unclosed-")) {
            return Answer::More;
        }
        match expr.and_then(|expr| self.peek.evaluate(&expr, &mut problems)) {
            Some(value) if is_type => Answer::Text(show_type(&value.type_of())),
            Some(value) => Answer::Text(show(&value)),
            None => Answer::Wrong(problems),
        }
    }

    /// Writes the answer to what was asked so far; gives back what waits for more. `is_last` when nothing comes.
    fn reply(&self, asked: String, is_last: bool) -> Result<(String, bool), Failure> {
        if asked.trim().is_empty() {
            return Ok((String::new(), true));
        }
        let problems = match self.answer(&asked) {
            Answer::Text(text) => {
                let mut out = console::stdout();
                writeln!(out, "{text}")?;
                out.flush()?;
                return Ok((String::new(), true));
            }
            Answer::More if !is_last => return Ok((asked, true)),
            Answer::More => {
                let file = SourceMap::default().add(NAME, asked.as_str());
                self.lines.question(file, &asked).0.1
            }
            Answer::Wrong(problems) => problems,
        };
        let mut sources = SourceMap::default();
        sources.add(NAME, asked);
        write_problems(self.console, &problems, &sources)?;
        Ok((String::new(), false))
    }

    fn to_a_pipe(&self) -> Outcome {
        let (mut asked, mut is_good) = (String::new(), true);
        for line in io::stdin().lock().lines() {
            let line = line?;
            if asked.is_empty() && line.trim() == "exit" {
                break;
            }
            asked.push_str(&line);
            asked.push('\n');
            let (rest, went_well) = self.reply(asked, false)?;
            asked = rest;
            is_good &= went_well;
        }
        is_good &= self.reply(asked, true)?.1;
        Ok(if is_good { Ended::OK } else { Ended { code: 1, reason: "expression-failed" } })
    }

    fn to_somebody(&self) -> Outcome {
        let config = Config::builder().auto_add_history(true).build();
        let mut editor = Editor::with_history(config, MemHistory::new()).map_err(failed)?;
        editor.set_helper(Some(Words { beginnings: self.lines.beginnings() }));
        let mut asked = String::new();
        loop {
            match editor.readline(if asked.is_empty() { PROMPT } else { PROMPT_MORE }) {
                Ok(line) if asked.is_empty() && line.trim() == "exit" => return Ok(Ended::OK),
                Ok(line) => {
                    // An empty line says that there is no more.
                    let is_last = !asked.is_empty() && line.trim().is_empty();
                    asked.push_str(&line);
                    asked.push('\n');
                    asked = self.reply(asked, is_last)?.0;
                }
                Err(ReadlineError::Interrupted) => asked.clear(),
                Err(ReadlineError::Eof) => return Ok(Ended::OK),
                Err(error) => return Err(failed(error)),
            }
        }
    }
}

fn failed(error: ReadlineError) -> Failure {
    match error {
        ReadlineError::Io(error) => error.into(),
        other => io::Error::other(other.to_string()).into(),
    }
}

/// Completes the word before the cursor.
struct Words {
    beginnings: Vec<String>,
}

impl Helper for Words {}
impl Highlighter for Words {}
impl Hinter for Words {
    type Hint = String;
}
impl Validator for Words {}

impl Completer for Words {
    type Candidate = String;

    fn complete(&self, line: &str, at: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<String>)> {
        let before = line.get(..at).unwrap_or(line);
        let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
        let start = before.rfind(|c| !is_word(c)).map_or(0, |space| {
            space + before.get(space..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8)
        });
        Ok((start, completed(&self.beginnings, before.get(start..).unwrap_or_default())))
    }
}

/// What the words can go on with: all that begin like that, cut after the next dot.
fn completed(words: &[String], begun: &str) -> Vec<String> {
    let next = |word: &String| {
        let rest = word.strip_prefix(begun)?;
        let end = rest.find('.').map_or(rest.len(), |dot| dot + 1);
        Some(format!("{begun}{}", rest.get(..end)?))
    };
    let mut found: Vec<String> = words.iter().filter_map(next).collect();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    // A1
    #[test]
    fn a_word_is_completed_up_to_its_next_dot() {
        let words: Vec<String> = ["length(", "local.a", "local.b", "lookup(", "var.region"].map(String::from).into();
        assert_eq!(completed(&words, "lo"), ["local.", "lookup("]);
        assert_eq!(completed(&words, "local."), ["local.a", "local.b"]);
        assert_eq!(completed(&words, "nothing"), [""; 0]);
    }
}
