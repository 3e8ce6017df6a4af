//! Servers of others, started for one suite on free ports of loopback and ended with it.
//!
//! Where a server is comes from the environment, `TERRANE_MOTO_PYTHON` and its like, which `cargo xtask test` sets for
//! the parts that are installed. A part that is not there gives `None`, and `cargo xtask test` names it in its summary.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a broken harness ends the suite")]

mod azurite;
mod bad_line;
mod postgres;
pub mod state;

pub use azurite::Azurite;
pub use bad_line::{BadLine, Passed};
pub use postgres::Postgres;

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// A server that is not up by then is broken.
const START: Duration = Duration::from_secs(60);

/// A process that ends when it is dropped, and the port it listens on.
pub struct Process {
    child: Child,
    port: u16,
    log: PathBuf,
    folder: TempDir,
}

impl Process {
    /// Starts `command`, made for a free port and a folder of its own, and waits until something listens.
    ///
    /// # Panics
    /// When it ends or does not listen in time, with what it printed.
    pub fn start(command: impl FnOnce(u16, &Path) -> Command) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self::start_in(folder, command)
    }

    fn start_in(folder: TempDir, command: impl FnOnce(u16, &Path) -> Command) -> Self {
        let port = free_port();
        let log = folder.path().join("output");
        let output = std::fs::File::create(&log).unwrap();
        let mut command = command(port, folder.path());
        command.stdin(Stdio::null()).stdout(output.try_clone().unwrap()).stderr(output);
        let child = command.spawn().expect("the server does not start");
        let mut process = Self { child, port, log, folder };
        let until = Instant::now() + START;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let ended = process.child.try_wait().unwrap();
            assert!(ended.is_none() && Instant::now() < until, "no server: {ended:?}\n{}", process.output());
            std::thread::sleep(Duration::from_millis(20));
        }
        process
    }

    /// Waits until it printed a text.
    ///
    /// # Panics
    /// When it does not in time.
    pub fn wait_for(&self, text: &str) {
        let until = Instant::now() + START;
        while !self.output().contains(text) {
            assert!(Instant::now() < until, "it never said `{text}`\n{}", self.output());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What it printed.
    #[must_use]
    pub fn output(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Its folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended on its own.
        let _killed = self.child.kill();
        let _ended = self.child.wait();
    }
}

/// A port that nobody listens on.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

/// moto, an AWS emulator; `None` where it is not installed.
#[must_use]
pub fn moto() -> Option<Process> {
    let python = std::env::var_os("TERRANE_MOTO_PYTHON")?;
    Some(Process::start(|port, _| {
        let mut command = Command::new(python);
        command.args(["-m", "moto.server", "-H", "127.0.0.1", "-p", &port.to_string()]);
        command
    }))
}

/// fake-gcs-server, an emulator of Cloud Storage; `None` where it is not installed.
#[must_use]
pub fn fake_gcs() -> Option<Process> {
    let program = std::env::var_os("TERRANE_FAKE_GCS")?;
    Some(Process::start(|port, _| {
        let mut command = Command::new(program);
        command.args(["-scheme", "http", "-host", "127.0.0.1", "-backend", "memory", "-log-level", "warn"]);
        command.args(["-port", &port.to_string(), "-external-url", &format!("http://127.0.0.1:{port}")]);
        command
    }))
}

/// One request of HTTP/1.1 without encryption; status and body.
///
/// # Panics
/// When nobody answers in HTTP.
pub async fn ask(port: u16, head: &str, body: &str) -> (u16, String) {
    let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let length = body.len();
    let text =
        format!("{head}\r\nHost: 127.0.0.1:{port}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}");
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer.split_whitespace().nth(1).and_then(|status| status.parse().ok());
    (status.unwrap_or_else(|| panic!("no HTTP: {answer}")), answer)
}
