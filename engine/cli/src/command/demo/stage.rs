//! Running the binary as a user would, and comparing what the sandbox holds with what it should hold.

use super::super::sandbox::{Folder, Running, failed};
use super::fleet;
use crate::args::SandboxSettings;
use crate::console::{self, Console, Hue};
use crate::diag;
use crate::exit::Failure;
use std::fmt;
use std::io::Write as _;
use std::process::Stdio;
use std::time::Duration;
use terrane_core::Place;
use terrane_sandbox::{Drift, KillPoint};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

/// A command that takes longer is stuck.
const DEADLINE: Duration = Duration::from_secs(180);

/// One run of the binary.
pub struct Run {
    words: Vec<&'static str>,
    code: i32,
}

impl Run {
    /// With these arguments, ending with 0.
    pub fn new(words: &[&'static str]) -> Self {
        Self { words: words.to_vec(), code: 0 }
    }

    /// Ending with another exit code.
    pub fn ends_with(mut self, code: i32) -> Self {
        self.code = code;
        self
    }
}

/// What the sandbox holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Clusters.
    pub clusters: usize,
    /// Node groups.
    pub pools: usize,
    /// Roles beyond those that every account has.
    pub roles: usize,
}

impl Counts {
    /// Nothing.
    pub const NONE: Self = Self { clusters: 0, pools: 0, roles: 0 };
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} clusters, {} node groups, {} roles", self.clusters, self.pools, self.roles)
    }
}

/// The demo under way.
pub struct Demo {
    /// The sandbox.
    pub running: Running,
    /// Where the configuration is.
    pub folder: Folder,
    console: Console,
    roles_before: usize,
    number: usize,
}

impl Demo {
    /// Starts the sandbox and copies the example.
    ///
    /// # Errors
    /// No port, no folder.
    pub async fn start(settings: &SandboxSettings, console: Console) -> Result<Self, Failure> {
        let running = Running::start(settings).await?;
        let folder = Folder::new("demo")?;
        let mut demo = Self { running, folder, console, roles_before: 0, number: 0 };
        demo.roles_before = demo.counts().roles;
        for (name, text) in fleet::FILES {
            demo.write(name, text)?;
        }
        Ok(demo)
    }

    /// Writes a file of the configuration.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self, name: &str, text: &str) -> Result<(), Failure> {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).map_err(|error| {
            diag::FILE_NOT_WRITTEN.at(Place::File(path.display().to_string())).detail(error.to_string()).into()
        })
    }

    /// Begins a stage.
    ///
    /// # Errors
    /// Those of standard output; so for all that follow.
    pub fn stage(&mut self, text: &str) -> Result<(), Failure> {
        self.number += 1;
        let heading = format!("{}. {text}", self.number);
        self.say(&format!("\n{}", self.console.out.text(Hue::Bold, &heading)))
    }

    /// A line.
    pub fn say(&self, text: &str) -> Result<(), Failure> {
        let mut out = console::stdout();
        writeln!(out, "{text}")?;
        out.flush()?;
        Ok(())
    }

    /// What the sandbox holds now.
    pub fn counts(&self) -> Counts {
        let objects = self.running.sandbox.objects();
        let count = |kind: &str| objects.iter().filter(|object| object.object_type == kind).count();
        let roles = count("role").saturating_sub(self.roles_before);
        Counts { clusters: count("cluster"), pools: count("node-group"), roles }
    }

    /// Prints what the sandbox holds.
    pub fn show_counts(&self) -> Result<(), Failure> {
        self.say(&format!("   The sandbox holds {}", self.counts()))
    }

    /// Prints what the sandbox holds and compares it.
    ///
    /// # Errors
    /// It holds something else.
    pub fn expect(&self, expected: Counts) -> Result<(), Failure> {
        self.show_counts()?;
        let found = self.counts();
        if found == expected {
            return Ok(());
        }
        Err(self.wrong().with("expected", expected).with("found", found).into())
    }

    /// Checks that a run printed something.
    ///
    /// # Errors
    /// It did not.
    pub fn holds(&self, output: &str, text: &str) -> Result<(), Failure> {
        if output.contains(text) { Ok(()) } else { Err(self.wrong().with("not printed", text).into()) }
    }

    /// Changes an object behind the back of the binary.
    ///
    /// # Errors
    /// There is no such object.
    pub fn drift(&self, drift: Drift) -> Result<(), Failure> {
        self.running.sandbox.drift(drift).map_err(|error| failed(&error))
    }

    /// Runs the binary to its end and shows what it prints; gives it back.
    ///
    /// # Errors
    /// It ends with another code than it should, or not at all.
    pub async fn run(&self, run: Run) -> Result<String, Failure> {
        let mut child = self.spawn(&run)?;
        let output = self.echo(&mut child).await?;
        let status = child.wait().await?;
        if status.code() == Some(run.code) {
            return Ok(output);
        }
        Err(self.wrong().with("command", run.words.join(" ")).with("ended with", status).into())
    }

    /// Runs the binary until the sandbox kills it.
    ///
    /// # Errors
    /// It came to its end instead.
    pub async fn run_killed(&self, run: Run, kill: impl FnOnce(i32) -> KillPoint) -> Result<(), Failure> {
        use std::os::unix::process::ExitStatusExt as _;
        let mut child = self.spawn(&run)?;
        let pid = child.id().and_then(|pid| i32::try_from(pid).ok()).unwrap_or_default();
        // It reads before it changes anything, so the kill point is armed in time.
        self.running.sandbox.arm_kill(kill(pid)).map_err(|error| failed(&error))?;
        self.echo(&mut child).await?;
        let status = child.wait().await?;
        self.running.sandbox.clear_kills();
        match status.signal() {
            Some(signal) => self.say(&format!("   Killed by signal {signal}")),
            None => Err(self.wrong().with("command", run.words.join(" ")).with("ended with", status).into()),
        }
    }

    fn spawn(&self, run: &Run) -> Result<Child, Failure> {
        self.say(&self.console.out.text(Hue::Cyan, &format!("   $ terrane {}", run.words.join(" "))))?;
        let program = std::env::current_exe()?;
        let mut command = Command::new(&program);
        command.args(&run.words).current_dir(self.folder.path()).kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let is_foreign = |name: &str| ["AWS_", "TF_", "TERRANE_"].iter().any(|prefix| name.starts_with(prefix));
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_some_and(is_foreign) {
                command.env_remove(name);
            }
        }
        command.envs(self.running.environment.iter().cloned());
        command.spawn().map_err(|error| {
            diag::COMMAND_NOT_STARTED
                .at(Place::Argument(program.display().to_string()))
                .detail(error.to_string())
                .into()
        })
    }

    /// Shows what a run prints, indented, as it comes.
    async fn echo(&self, child: &mut Child) -> Result<String, Failure> {
        let Some(stdout) = child.stdout.take() else { return Ok(String::new()) };
        let mut lines = BufReader::new(stdout).lines();
        let mut output = String::new();
        let copy = async {
            while let Some(line) = lines.next_line().await? {
                self.say(format!("   | {line}").trim_end())?;
                output.push_str(&line);
                output.push('\n');
            }
            Ok::<(), Failure>(())
        };
        let copied = tokio::time::timeout(DEADLINE, copy).await;
        copied.map_err(|_| self.wrong().with("not ended after", format!("{} s", DEADLINE.as_secs())))??;
        Ok(output)
    }

    fn wrong(&self) -> terrane_core::Diagnostic {
        diag::DEMO_FAILED.at(Place::Run).detail(format!("Stage {}", self.number))
    }
}
