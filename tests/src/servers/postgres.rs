//! A PostgreSQL server of the Debian package, in a folder of its own, as a user without rights.

use super::Process;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// The user and the group that have nothing, on Debian.
const NOBODY: (u32, u32) = (65_534, 65_534);

/// A running server with one superuser, `terrane`.
pub struct Postgres {
    /// The process.
    pub process: Process,
    programs: PathBuf,
}

/// The password of its superuser.
pub const PASSWORD: &str = "hunter2-of-postgres";

impl Postgres {
    /// `None` where it is not installed. `TERRANE_POSTGRES` is the folder of its programs.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn start() -> Option<Self> {
        let programs = PathBuf::from(std::env::var_os("TERRANE_POSTGRES")?);
        let folder = tempfile::tempdir().unwrap();
        let data = Self::prepare(&programs, &folder);
        let process = Process::start_in(folder, |port, folder| {
            let mut command = plain(&programs.join("postgres"));
            command.args(["-h", "127.0.0.1", "-p", &port.to_string(), "-c", "fsync=off"]);
            // A race has more writers than the 100 that are the default.
            command.args(["-c", "max_connections=500", "-D"]).arg(data);
            command.arg("-k").arg(folder);
            command
        });
        // It listens before it answers.
        process.wait_for("ready to accept connections");
        Some(Self { process, programs })
    }

    fn prepare(programs: &Path, folder: &TempDir) -> PathBuf {
        let (data, password) = (folder.path().join("data"), folder.path().join("password"));
        std::fs::write(&password, PASSWORD).unwrap();
        for path in [folder.path(), &password] {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700)).unwrap();
            if is_root() {
                chown(path, Some(NOBODY.0), Some(NOBODY.1)).unwrap();
            }
        }
        let mut command = plain(&programs.join("initdb"));
        command.args(["-U", "terrane", "--auth=scram-sha-256", "-N", "-E", "UTF8", "--locale=C", "-D"]).arg(&data);
        let done = command.arg("--pwfile").arg(&password).current_dir(folder.path()).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        data
    }

    /// How to reach it, as a URL without encryption.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_of("terrane", PASSWORD)
    }

    /// The same as another user.
    #[must_use]
    pub fn url_of(&self, user: &str, password: &str) -> String {
        format!("postgres://{user}:{password}@127.0.0.1:{}/postgres?sslmode=disable", self.process.port())
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // Its workers end with it only when it is told to.
        let data = self.process.folder().join("data");
        let mut command = plain(&self.programs.join("pg_ctl"));
        let _ended = command.args(["stop", "-m", "immediate", "-s", "-D"]).arg(data).status();
    }
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|found| std::os::unix::fs::MetadataExt::uid(&found) == 0)
}

/// A command that runs without rights: the server does not run as root.
fn plain(program: &Path) -> Command {
    let mut command = Command::new(program);
    if is_root() {
        command.gid(NOBODY.1).uid(NOBODY.0);
    }
    command
}
