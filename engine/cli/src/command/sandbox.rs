//! `terrane sandbox start` and `terrane sandbox exec -- CMD`: emulated clouds on this machine.

use crate::args::{SandboxCommand, SandboxExecArguments, SandboxSettings};
use crate::console;
use crate::diag;
use crate::exit::{Ended, Failure, Outcome};
use crate::interrupts::Interrupts;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use terrane_core::Place;
use terrane_runtime::Signal;
use terrane_sandbox::{Sandbox, SandboxConfig, SandboxError};

/// Runs it.
pub async fn run(command: SandboxCommand) -> u8 {
    match command {
        SandboxCommand::Start(settings) => {
            super::quiet(&settings.common.clone(), async |_| start(&settings).await).await
        }
        SandboxCommand::Exec(arguments) => {
            super::quiet(&arguments.settings.common.clone(), async |_| exec(&arguments).await).await
        }
    }
}

/// What the sandbox says of itself.
pub fn failed(error: &SandboxError) -> Failure {
    diag::SANDBOX_FAILED.at(Place::Run).detail(error.to_string()).with("problem", error.id()).into()
}

/// A running sandbox with its profiles file and environment.
pub struct Running {
    /// The sandbox.
    pub sandbox: Sandbox,
    /// What its clients need.
    pub environment: Vec<(String, String)>,
    folder: Folder,
}

impl Running {
    /// Starts one.
    ///
    /// # Errors
    /// No port, no folder for the profiles.
    pub async fn start(settings: &SandboxSettings) -> Result<Self, Failure> {
        let config = SandboxConfig { port: settings.port, clock_rate: settings.clock_rate, ..SandboxConfig::default() };
        let sandbox = Sandbox::start(config).await.map_err(|error| failed(&error))?;
        let folder = Folder::new("sandbox")?;
        let profiles = folder.path().join("profiles");
        write_private(&profiles, &sandbox.aws_profiles_text()).map_err(|error| not_written(&profiles, &error))?;
        let mut environment = sandbox.environment(0, &settings.region);
        for name in ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"] {
            environment.push((String::from(name), profiles.display().to_string()));
        }
        Ok(Self { sandbox, environment, folder })
    }

    fn profiles(&self) -> PathBuf {
        self.folder.path().join("profiles")
    }
}

fn not_written(path: &Path, error: &io::Error) -> Failure {
    diag::FILE_NOT_WRITTEN.at(Place::File(path.display().to_string())).detail(error.to_string()).into()
}

fn write_private(path: &Path, text: &str) -> io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}

/// A folder of our own among the temporary files, gone when dropped unless it is kept.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    is_kept: bool,
}

impl Folder {
    /// Makes one that only its owner can enter.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn new(purpose: &str) -> Result<Self, Failure> {
        use std::os::unix::fs::DirBuilderExt as _;
        let moment = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_nanos();
        let path = std::env::temp_dir().join(format!("terrane-{purpose}-{}-{moment}", std::process::id()));
        std::fs::DirBuilder::new().mode(0o700).create(&path).map_err(|error| not_written(&path, &error))?;
        Ok(Self { path, is_kept: false })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Leaves it in place.
    pub fn keep(&mut self) {
        self.is_kept = true;
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.is_kept {
            // What cannot be removed stays among the temporary files.
            let _left = std::fs::remove_dir_all(&self.path);
        }
    }
}

async fn start(settings: &SandboxSettings) -> Outcome {
    let mut interrupts = Interrupts::listen()?;
    let running = Running::start(settings).await?;
    {
        let mut out = console::stdout();
        writeln!(out, "# Account A in {}. Copy these lines into another shell:", settings.region)?;
        for (name, value) in &running.environment {
            writeln!(out, "export {name}={}", shell_quoted(value))?;
        }
        let profiles = running.profiles();
        writeln!(
            out,
            "# Profiles of both accounts (account-a, account-b, and their -deployer roles): {}",
            profiles.display()
        )?;
        writeln!(out, "# One second here is {} seconds in the sandbox. Ctrl-C ends it.", settings.clock_rate)?;
        out.flush()?;
    }
    interrupts.next().await;
    running.sandbox.stop().await;
    Ok(Ended::OK)
}

fn shell_quoted(value: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+,=".contains(c);
    if !value.is_empty() && value.chars().all(is_plain) {
        return value.to_owned();
    }
    format!("'{}'", value.replace('\'', "'\\''"))
}

async fn exec(arguments: &SandboxExecArguments) -> Outcome {
    let Some((program, rest)) = arguments.command.split_first() else {
        return Err(diag::USAGE
            .at(Place::Argument(String::from("sandbox exec")))
            .detail("a command is missing")
            .into());
    };
    // Ctrl-C at a terminal reaches the command too; the sandbox ends when the command does.
    let mut interrupts = Interrupts::listen()?;
    let running = Running::start(&arguments.settings).await?;
    let mut command = tokio::process::Command::new(program);
    command.args(rest).envs(running.environment.iter().cloned());
    for name in ["AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN"] {
        command.env_remove(name);
    }
    let mut child = command
        .spawn()
        .map_err(|error| diag::COMMAND_NOT_STARTED.at(Place::Argument(program.clone())).detail(error.to_string()))?;
    let pid = child.id();
    let status = loop {
        tokio::select! {
            status = child.wait() => break status?,
            signal = interrupts.next() => forward(signal, pid),
        }
    };
    running.sandbox.stop().await;
    Ok(Ended::with_code(exit_code(status)))
}

/// Hands a request to stop on to the command; one from the terminal it has already.
fn forward(signal: Signal, pid: Option<u32>) {
    let pid = pid.and_then(|pid| i32::try_from(pid).ok()).and_then(rustix::process::Pid::from_raw);
    if let (Signal::Terminate, Some(pid)) = (signal, pid) {
        // It may have ended by itself.
        let _gone = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
    }
}

/// The exit code as a shell has it.
fn exit_code(status: std::process::ExitStatus) -> u8 {
    use std::os::unix::process::ExitStatusExt as _;
    let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0));
    u8::try_from(code).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_survive_a_shell() {
        assert_eq!(shell_quoted("http://127.0.0.1:1"), "http://127.0.0.1:1");
        assert_eq!(shell_quoted("a'b c"), "'a'\\''b c'");
    }
}
