//! A folder with a configuration, a sandbox, and the binary run there as a user would run it.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a broken harness ends the suite")]

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tempfile::TempDir;
use terrane_sandbox::{Sandbox, SandboxConfig};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

/// A command that takes longer is stuck.
const DEADLINE: Duration = Duration::from_secs(180);

/// What a run of the binary came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    /// Exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// What it wrote to standard output.
    pub out: String,
    /// What it wrote to standard error.
    pub err: String,
}

impl Finished {
    /// Checks the exit code.
    ///
    /// # Panics
    /// When it is another one, with all that was printed.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "\n{}\n{}", self.out, self.err);
        self
    }
}

/// A folder, a sandbox and the environment of whoever works there.
pub struct Place {
    /// The remote side.
    pub sandbox: Sandbox,
    /// Environment of the binary; starts as that of the first account in eu-west-1.
    pub environment: Vec<(String, String)>,
    folder: TempDir,
}

impl Place {
    /// An empty folder beside a new sandbox.
    ///
    /// # Panics
    /// When there is no port or no folder to be had.
    pub async fn start(config: SandboxConfig) -> Self {
        let sandbox = Sandbox::start(config).await.unwrap();
        let environment = sandbox.environment(0, "eu-west-1");
        Self { sandbox, environment, folder: tempfile::tempdir().unwrap() }
    }

    /// The same folder and the same remote side once more; from here on neither knows of the other.
    ///
    /// # Panics
    /// When there is no port or no folder to be had.
    pub async fn fork(&self) -> Self {
        let sandbox = self.sandbox.fork().await.unwrap();
        let moved = |value: &String| value.replace(self.sandbox.endpoint(), sandbox.endpoint());
        let environment = self.environment.iter().map(|(name, value)| (name.clone(), moved(value))).collect();
        let folder = tempfile::tempdir().unwrap();
        copy(self.path(), folder.path(), &|_| true);
        Self { sandbox, environment, folder }
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file of the configuration.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Copies the configuration files of an example.
    ///
    /// # Panics
    /// When there is no such example.
    pub fn copy_example(&self, name: &str) {
        copy(&root().join("examples").join(name), self.path(), &is_written);
    }

    /// The binary with these arguments, in this folder and environment, and nothing of ours beside it.
    #[must_use]
    pub fn command(&self, words: &[&str]) -> Command {
        self.command_of(&binary(), words)
    }

    /// As [`Place::command`], of another program.
    #[must_use]
    pub fn command_of(&self, program: &Path, words: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(words).current_dir(self.path()).kill_on_drop(true).stdin(Stdio::null());
        let is_foreign = |name: &str| ["AWS_", "TF_", "TERRANE_"].iter().any(|prefix| name.starts_with(prefix));
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_some_and(is_foreign) {
                command.env_remove(name);
            }
        }
        command.envs(self.environment.iter().cloned());
        command
    }

    /// Runs the binary to its end.
    ///
    /// # Panics
    /// When it does not start or does not end in time.
    pub async fn run(&self, words: &[&str]) -> Finished {
        self.run_with("", words).await
    }

    /// Runs `terrane` with that text as its standard input.
    ///
    /// # Panics
    /// When it does not start or does not end in time.
    pub async fn run_with(&self, input: &str, words: &[&str]) -> Finished {
        let mut command = self.command(words);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let given = async move {
            // A program that ends before it has read everything is no fault of the test.
            let _ = stdin.write_all(input.as_bytes()).await;
        };
        let both = async { tokio::join!(given, child.wait_with_output()).1 };
        let output = tokio::time::timeout(DEADLINE, both).await;
        let output = output.expect("the command ends in time").unwrap();
        Finished {
            code: output.status.code(),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// The folder of the project.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The binary that is tested: `TERRANE_BIN`, else the one beside this test.
///
/// # Panics
/// When it is not built.
#[must_use]
pub fn binary() -> PathBuf {
    let beside = || std::env::current_exe().unwrap().parent().unwrap().parent().unwrap().join("terrane");
    let binary = std::env::var_os("TERRANE_BIN").map_or_else(beside, PathBuf::from);
    assert!(binary.is_file(), "{} is not there: cargo build -p terrane", binary.display());
    binary
}

/// What somebody wrote: state and plans of who tried an example are left out.
fn is_written(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let is_text = [".hcl", ".tfvars", ".json", ".tpl", ".yaml"].iter().any(|end| name.ends_with(end));
    if path.is_dir() { name != "terrane.state" } else { is_text }
}

fn copy(from: &Path, to: &Path, is_wanted: &dyn Fn(&Path) -> bool) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if !is_wanted(&path) {
            continue;
        }
        if path.is_dir() {
            copy(&path, &target, is_wanted);
        } else {
            std::fs::copy(&path, target).unwrap();
        }
    }
}
