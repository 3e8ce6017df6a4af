//! Terraform's habits on the command line, made into what the parser takes: one dash or two, `-flag value` and
//! `-flag=value`, bare truths, flags after positional arguments. Wrong names end here, with suggestions.

use crate::diag;
use clap::Command;
use terrane_core::diagnostic::suggestion;
use terrane_core::{Diagnostic, Place};

/// Commands of Terraform that this version does not have, below the root and below `state`.
const LATER: &[&str] = &["env", "get", "import", "login", "logout", "metadata", "modules", "refresh", "test"];
const LATER_STATE: &[&str] = &["replace-provider"];

type Problem = Box<Diagnostic>;

/// The arguments after the name of the program, in the form of the parser. `root` is built.
///
/// # Errors
/// An unknown command or flag, a command of a later version, a flag without its value.
pub fn normalise(argv: Vec<String>, root: &Command) -> Result<Vec<String>, Problem> {
    let mut current = root;
    let mut out = Vec::with_capacity(argv.len());
    let mut argv = argv.into_iter();
    while let Some(word) = argv.next() {
        if word == "--" {
            out.push(word);
            out.extend(argv);
            break;
        }
        if let Some(flag) = word.strip_prefix('-').filter(|rest| !rest.is_empty()) {
            out.push(read_flag(flag.strip_prefix('-').unwrap_or(flag), current, root, &mut argv)?);
        } else if current.has_subcommands() {
            current = current.find_subcommand(&word).ok_or_else(|| unknown_command(&word, current))?;
            out.push(word);
        } else {
            out.push(word);
        }
    }
    Ok(out)
}

/// Puts in what the environment adds: `TF_CLI_ARGS` and `TF_CLI_ARGS_plan` (or `TERRANE_CLI_ARGS..`) stand right behind
/// the command, so that what is typed comes later and wins.
pub fn with_environment(mut words: Vec<String>, env: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let Some(at) = words.iter().position(|word| !word.starts_with('-')) else { return words };
    let command = words.get(at).cloned().unwrap_or_default();
    let mut added = Vec::new();
    for suffix in [String::new(), format!("_{command}")] {
        let value = env(&format!("TERRANE_CLI_ARGS{suffix}")).or_else(|| env(&format!("TF_CLI_ARGS{suffix}")));
        added.extend(split_words(&value.unwrap_or_default()));
    }
    words.splice(at + 1..at + 1, added);
    words
}

/// Words as a shell splits them, quotes and backslashes heeded, nothing expanded.
fn split_words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, quote) {
            ('\\', None | Some('"')) => word.get_or_insert_default().extend(chars.next()),
            (c, Some(open)) if c == open => quote = None,
            ('"' | '\'', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (c, None) if c.is_whitespace() => words.extend(word.take()),
            (c, _) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

fn read_flag(
    flag: &str,
    current: &Command,
    root: &Command,
    rest: &mut impl Iterator<Item = String>,
) -> Result<String, Problem> {
    let (name, value) = match flag.split_once('=') {
        Some((name, value)) => (name, Some(value.to_owned())),
        None => (flag, None),
    };
    if matches!(name, "h" | "help") {
        return Ok(String::from("--help"));
    }
    if matches!(name, "v" | "version") && std::ptr::eq(current, root) {
        return Ok(String::from("version"));
    }
    let known = current.get_arguments().find(|argument| argument.get_long() == Some(name));
    let Some(argument) = known else { return Err(unknown_flag(name, current, root)) };
    let is_truth = argument.get_num_args().is_some_and(|count| count.min_values() == 0);
    let value = match value {
        Some(value) => value,
        None if is_truth => String::from("true"),
        None => {
            rest.next().ok_or_else(|| Box::new(diag::USAGE.at(place(name)).detail(format!("-{name} needs a value"))))?
        }
    };
    Ok(format!("--{name}={value}"))
}

fn place(flag: &str) -> Place {
    Place::Argument(format!("-{flag}"))
}

fn unknown_flag(name: &str, current: &Command, root: &Command) -> Problem {
    let is_global = root.get_arguments().any(|argument| argument.get_long() == Some(name));
    let names: Vec<&str> = current.get_arguments().filter_map(clap::Arg::get_long).collect();
    let mut problem = diag::UNKNOWN_FLAG.at(place(name));
    problem = problem.detail(format!("`{}` has no flag -{name}", command_name(current)));
    if is_global {
        problem = problem.help(format!("-{name} stands before the command"));
    } else if let Some(help) = suggestion(name, names) {
        problem = problem.help(help.replace('`', "").replace("Did you mean ", "Did you mean -").replace(", ", ", -"));
    }
    Box::new(problem)
}

fn unknown_command(word: &str, current: &Command) -> Problem {
    let later = if current.get_name() == "state" { LATER_STATE } else { LATER };
    let place = Place::Argument(word.to_owned());
    if later.contains(&word) {
        let problem = terrane_lang::diag::NOT_IN_THIS_VERSION.at(place);
        let name = if current.get_name() == "state" { format!("state {word}") } else { word.to_owned() };
        return Box::new(problem.detail(format!("The command `{name}`")));
    }
    let names: Vec<&str> = current.get_subcommands().filter(|sub| !sub.is_hide_set()).map(Command::get_name).collect();
    let mut problem =
        diag::UNKNOWN_COMMAND.at(place).detail(format!("`{}` has no command `{word}`", command_name(current)));
    if let Some(help) = suggestion(word, names) {
        problem = problem.help(help);
    }
    Box::new(problem)
}

fn command_name(command: &Command) -> &str {
    command.get_bin_name().unwrap_or_else(|| command.get_name())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Arguments;
    use clap::{CommandFactory as _, FromArgMatches as _};

    fn read(words: &[&str]) -> Result<Vec<String>, Problem> {
        let mut root = Arguments::command();
        root.build();
        normalise(words.iter().map(|word| (*word).to_owned()).collect(), &root)
    }

    fn parse(words: &[&str]) -> Arguments {
        let words = read(words).unwrap();
        let matches = Arguments::command().no_binary_name(true).try_get_matches_from(words).unwrap();
        Arguments::from_arg_matches(&matches).unwrap()
    }

    #[test]
    fn one_dash_is_as_good_as_two() {
        assert_eq!(read(&["plan", "-out=x", "--var", "a=-b"]).unwrap(), ["plan", "--out=x", "--var=a=-b"]);
    }

    #[test]
    fn truths_may_be_bare_and_stand_after_the_plan_file() {
        let crate::args::Command::Apply(apply) =
            parse(&["apply", "p.tfplan", "-auto-approve", "-refresh=false"]).command
        else {
            unreachable!()
        };
        assert!(apply.auto_approve && !apply.planning.refresh);
        assert_eq!(apply.plan_file.as_deref(), Some("p.tfplan"));
    }

    #[test]
    fn a_folder_is_chosen_before_the_command() {
        assert_eq!(parse(&["-chdir=a", "validate", "-json"]).chdir.as_deref(), Some("a"));
        let problem = read(&["validate", "-chdir=a"]).unwrap_err();
        assert_eq!(problem.help_text(), "-chdir stands before the command");
    }

    #[test]
    fn wrong_names_bring_suggestions() {
        let problem = read(&["plann"]).unwrap_err();
        assert_eq!((problem.kind.id, problem.help_text()), ("unknown-command", "Did you mean `plan`?"));
        let problem = read(&["plan", "-detailed-exit-code"]).unwrap_err();
        assert_eq!(problem.help_text(), "Did you mean -detailed-exitcode?");
    }

    #[test]
    fn commands_of_a_later_version_are_named() {
        let problem = read(&["state", "replace-provider", "a", "b"]).unwrap_err();
        let detail = "The command `state replace-provider`";
        assert_eq!((problem.kind.id, problem.detail.as_str()), ("not-in-this-version", detail));
    }

    #[test]
    fn the_environment_adds_flags_behind_the_command() {
        let env = |name: &str| (name == "TF_CLI_ARGS_plan").then(|| String::from("-var 'a=b c' -no-color"));
        let words = with_environment(vec![String::from("plan"), String::from("-refresh=false")], env);
        assert_eq!(words, ["plan", "-var", "a=b c", "-no-color", "-refresh=false"]);
    }

    #[test]
    fn what_follows_two_dashes_is_left_alone() {
        let words = ["sandbox", "exec", "--", "sh", "-c", "-x"];
        assert_eq!(read(&words).unwrap(), words);
    }
}
