//! `terrane completion SHELL`: what a shell has to know to complete commands and flags.

use crate::args::{Arguments, CompletionArguments, Shell};
use crate::console;
use crate::exit::{Ended, Outcome};
use clap::{Command, CommandFactory as _};
use std::io::Write as _;

/// Runs it.
///
/// # Errors
/// Those of standard output.
pub fn run(arguments: &CompletionArguments) -> Outcome {
    let mut out = console::stdout();
    out.write_all(&script(arguments.shell))?;
    out.flush()?;
    Ok(Ended::OK)
}

fn script(shell: Shell) -> Vec<u8> {
    let (mut command, mut script) = (shown(&Arguments::command()), Vec::new());
    let shell = match shell {
        Shell::Bash => clap_complete::Shell::Bash,
        Shell::Zsh => clap_complete::Shell::Zsh,
        Shell::Fish => clap_complete::Shell::Fish,
    };
    clap_complete::generate(shell, &mut command, "terrane", &mut script);
    script
}

/// The command line without what its help hides, which scripts for bash would offer.
fn shown(root: &Command) -> Command {
    let commands = root.get_subcommands().filter(|command| !command.is_hide_set()).cloned();
    Command::new("terrane").args(root.get_arguments().cloned()).subcommands(commands)
}

#[cfg(test)]
mod tests {
    use super::*;

    // A1
    #[test]
    fn commands_and_flags_are_in_each_script_and_hidden_ones_in_none() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let script = String::from_utf8(script(shell)).unwrap();
            for word in ["plan", "force-unlock", "detailed-exitcode", "require-signature", "rollback"] {
                assert!(script.contains(word), "{shell:?} lacks {word}");
            }
            assert!(!script.contains("internal-schemas"), "{shell:?}");
        }
    }
}
