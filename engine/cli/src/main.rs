//! The binary `terrane`: arguments, renderers, exit codes, the list of linked providers. The only crate that prints.

mod args;
mod argv;
mod command;
mod console;
mod diag;
mod exit;
mod guard;
mod interrupts;
mod linked;
mod log;
mod policy;
mod prompt;
mod render;
mod voice;

use args::{Arguments, CommonArguments};
use clap::{CommandFactory as _, FromArgMatches as _};
use console::{Console, Form};
use exit::Failure;
use std::io::Write as _;
use std::process::ExitCode;
use terrane_core::{Diagnostic, Place};
use terrane_lang::inputs::Flag;
use tracing::Instrument as _;

/// A large fleet is millions of small values, made and freed one by one.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Exit code of a bug in Terrane.
const BUG: i32 = 11;
/// Exit code where no command is given.
const NO_COMMAND: u8 = 127;

fn main() -> ExitCode {
    // Before anything can open a connection; a second installation is refused, and there is none.
    let _first = rustls::crypto::aws_lc_rs::default_provider().install_default();
    install_panic_hook();
    match read(std::env::args_os().skip(1)) {
        Ok(Read::Help(text, code)) => print_help(&text, code),
        Ok(Read::Run(arguments, flags)) => run(*arguments, flags),
        Err(refused) => ExitCode::from(refused.tell()),
    }
}

/// What the command line asks for.
enum Read {
    Help(String, u8),
    Run(Box<Arguments>, Vec<Flag>),
}

/// A command line that cannot be understood, and how its user wants to hear of it.
struct Refused {
    problem: Box<Diagnostic>,
    form: Form,
    common: CommonArguments,
    code: u8,
}

impl Refused {
    fn tell(self) -> u8 {
        let failure = Failure::from(self.problem).code(self.code);
        let console = Console::new(self.form, &self.common);
        match voice::Voice::new(console) {
            Ok(voice) if self.form == Form::Json => voice.end(Err(failure)),
            _ => command::tell(console, &failure),
        }
    }
}

fn read(words: impl Iterator<Item = std::ffi::OsString>) -> Result<Read, Refused> {
    let words: Vec<String> = words.map(|word| word.to_string_lossy().into_owned()).collect();
    let words = argv::with_environment(words, |name| std::env::var(name).ok());
    let has = |name: &str| words.iter().any(|word| word.trim_start_matches('-') == name && word.starts_with('-'));
    let form = if has("json") { Form::Json } else { Form::Text };
    let common = CommonArguments { no_color: has("no-color") };
    let code = if words.iter().find(|word| !word.starts_with('-')).is_some_and(|word| word == "fmt") { 2 } else { 1 };
    let refused = |problem| Refused { problem, form, common: common.clone(), code };
    let mut root = Arguments::command();
    root.build();
    if words.is_empty() {
        return Ok(Read::Help(root.render_help().to_string(), NO_COMMAND));
    }
    let words = argv::normalise(words, &root).map_err(refused)?;
    let flags = flags(&words);
    match root.no_binary_name(true).try_get_matches_from(words).and_then(|found| Arguments::from_arg_matches(&found)) {
        Ok(arguments) => Ok(Read::Run(Box::new(arguments), flags)),
        Err(error) if !error.use_stderr() => Ok(Read::Help(error.render().to_string(), 0)),
        Err(error) => Err(refused(Box::new(usage(&error)))),
    }
}

/// `-var` and `-var-file` in their order, which decides which one wins.
fn flags(words: &[String]) -> Vec<Flag> {
    let ours = words.iter().take_while(|word| *word != "--");
    ours.filter_map(|word| {
        let var = word.strip_prefix("--var=").map(|text| Flag::Var(text.to_owned()));
        var.or_else(|| word.strip_prefix("--var-file=").map(|path| Flag::VarFile(path.to_owned())))
    })
    .collect()
}

fn usage(error: &clap::Error) -> Diagnostic {
    let text = error.render().to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    let text = text.split("\n\nFor more information").next().unwrap_or(text).trim_end();
    diag::USAGE.at(Place::Run).detail(text)
}

fn print_help(text: &str, code: u8) -> ExitCode {
    let mut out = console::stdout();
    // Help that nobody reads is no failure.
    let _unread = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    ExitCode::from(code)
}

fn run(arguments: Arguments, flags: Vec<Flag>) -> ExitCode {
    if let Some(folder) = &arguments.chdir
        && let Err(error) = std::env::set_current_dir(folder)
    {
        let problem = diag::CHDIR_FAILED.at(Place::Argument(format!("-chdir={folder}"))).detail(error.to_string());
        return ExitCode::from(command::tell(Console::new(Form::Text, &CommonArguments::default()), &problem.into()));
    }
    let environment = |name: &str| std::env::var(name).ok();
    let logs = match log::start(arguments.log_file.as_deref(), environment) {
        Ok(logs) => logs,
        Err(problem) => {
            return ExitCode::from(command::tell(
                Console::new(Form::Text, &CommonArguments::default()),
                &Failure::from(problem),
            ));
        }
    };
    let span = log::root(arguments.command.name(), environment);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let problem = diag::INTERNAL.at(Place::Run).detail(format!("no threads: {error}"));
            return ExitCode::from(command::tell(
                Console::new(Form::Text, &CommonArguments::default()),
                &problem.into(),
            ));
        }
    };
    let code = runtime.block_on(command::run(arguments.command, flags).instrument(span));
    // Somebody may still be asked on standard input; that thread ends with the process.
    runtime.shutdown_background();
    logs.close();
    ExitCode::from(code)
}

/// A panic is a bug in Terrane, in whichever thread: say so, and end with the code for it.
fn install_panic_hook() {
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map(|at| format!("{}:{}", at.file(), at.line())).unwrap_or_default();
        let said = info.payload_as_str().unwrap_or("no message");
        let mut err = console::stderr();
        // Where even this cannot be written, the exit code still tells.
        let _unread = writeln!(
            err,
            "Error: {}\n\n{said}\n  at {place}, Terrane {}\n\nWhat was recorded is kept; run the same command again. Help: {} [{}]",
            diag::INTERNAL.summary,
            env!("CARGO_PKG_VERSION"),
            diag::INTERNAL.help,
            diag::INTERNAL.id,
        )
        .and_then(|()| err.flush());
        drop(err);
        std::process::exit(BUG);
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_words(words: &[&str]) -> Result<Read, Refused> {
        read(words.iter().map(|word| std::ffi::OsString::from(*word)))
    }

    #[test]
    fn no_command_is_127_and_help_is_0() {
        assert!(matches!(read_words(&[]), Ok(Read::Help(_, 127))));
        assert!(matches!(read_words(&["-help"]), Ok(Read::Help(_, 0))));
        assert!(matches!(read_words(&["plan", "-help"]), Ok(Read::Help(_, 0))));
    }

    #[test]
    fn usage_errors_are_1_and_those_of_fmt_2() {
        let code = |words: &[&str]| read_words(words).err().map(|refused| refused.code);
        assert_eq!(
            (code(&["plan", "-nope"]), code(&["fmt", "-nope"]), code(&["plan", "extra"])),
            (Some(1), Some(2), Some(1))
        );
    }

    #[test]
    fn variables_keep_the_order_of_the_command_line() {
        let Ok(Read::Run(_, flags)) = read_words(&["plan", "-var", "a=1", "-var-file=f", "-var=a=2"]) else {
            unreachable!()
        };
        let expected =
            [Flag::Var(String::from("a=1")), Flag::VarFile(String::from("f")), Flag::Var(String::from("a=2"))];
        assert_eq!(flags, expected);
    }
}
