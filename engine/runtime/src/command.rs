//! Commands that are run for what they write: with a deadline, their output bounded, and with little of our
//! environment, since the secrets in it are none of their business.

use crate::environment::Environment;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};
use zeroize::Zeroizing;

/// No secret is larger.
const LARGEST_SECRET: u64 = 1024 * 1024;
/// The listings and files of a repository that a command may write.
const LARGEST_OUTPUT: u64 = 256 * 1024 * 1024;
/// So much of what a command complains is told.
const LONGEST_COMPLAINT: usize = 400;

/// The variable that names others that commands may see too: names with commas between them, `*` at the end of one
/// for any rest.
pub const GIVEN: &str = "TERRANE_EXEC_ENV";
/// Variables that every command sees: who runs it, where programs and certificates are, in which language.
const ALWAYS: &str = "PATH,HOME,USER,LOGNAME,SHELL,LANG,LC_*,LANGUAGE,TZ,TMPDIR,TERM,XDG_*,SSL_CERT_FILE,SSL_CERT_DIR";

/// What a command is run with.
pub struct Run<'a> {
    /// Where it works.
    pub folder: &'a Path,
    /// What it is given a part of.
    pub environment: &'a Environment,
    /// How long it may take.
    pub timeout_ms: u64,
    /// Names of further variables that it sees; `*` at one end stands for anything.
    pub sees: &'a [&'a str],
    /// Variables that it gets from us.
    pub set: &'a [(&'a str, &'a str)],
}

impl<'a> Run<'a> {
    /// With what every command sees.
    pub fn new(folder: &'a Path, environment: &'a Environment, timeout_ms: u64) -> Self {
        Self { folder, environment, timeout_ms, sees: &[], set: &[] }
    }
}

/// The variables that a command sees.
fn visible<'a>(run: &Run<'a>) -> Vec<(&'a str, &'a str)> {
    let given = run.environment.get(GIVEN).unwrap_or_default();
    let names = || ALWAYS.split(',').chain(given.split(',')).chain(run.sees.iter().copied()).map(str::trim);
    let is_meant = |known: &str, name: &str| match (known.strip_prefix('*'), known.strip_suffix('*')) {
        (Some(suffix), _) => name.ends_with(suffix),
        (None, Some(prefix)) => name.starts_with(prefix),
        (None, None) => known == name,
    };
    let is_visible = |name: &str| names().any(|known| !known.is_empty() && is_meant(known, name));
    run.environment.with_prefix("").filter(|(name, _)| is_visible(name)).collect()
}

/// What a command that gives a secret writes to its standard output.
///
/// # Errors
/// Why there is none. What it wrote to its standard error may hold the secret and is not in it.
pub async fn secret(words: &[&str], run: &Run<'_>) -> Result<Zeroizing<Vec<u8>>, String> {
    let mut command = prepared(words, run)?;
    command.stdin(Stdio::null()).stderr(Stdio::null());
    let collect = async |child: &mut Child| {
        let bytes = read(child.stdout.take(), LARGEST_SECRET).await?;
        ended(child, "").await.map(|()| bytes)
    };
    supervised(command, run, collect).await
}

/// What a command answers to `input`; nothing of it is secret.
///
/// # Errors
/// Why there is no answer, with what it complained.
pub async fn output(words: &[&str], input: &[u8], run: &Run<'_>) -> Result<Vec<u8>, String> {
    let mut command = prepared(words, run)?;
    command.stdin(Stdio::piped()).stderr(Stdio::piped());
    let collect = async |child: &mut Child| {
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let write = async {
            if let Some(mut stdin) = stdin {
                // A command that wants no more input says so by how it ends.
                let _ = stdin.write_all(input).await;
            }
        };
        let ((), bytes, complaint) = tokio::join!(write, read(stdout, LARGEST_OUTPUT), read(stderr, LARGEST_SECRET));
        let complaint = complaint.unwrap_or_default();
        ended(child, &String::from_utf8_lossy(&complaint)).await?;
        Ok(bytes?.to_vec())
    };
    supervised(command, run, collect).await
}

fn prepared(words: &[&str], run: &Run<'_>) -> Result<Command, String> {
    let (program, arguments) = words.split_first().ok_or("there is no command")?;
    let mut command = Command::new(program);
    command.env_clear().envs(visible(run)).envs(run.set.iter().copied()).args(arguments).current_dir(run.folder);
    // A group of its own, so that what it starts can be ended with it and Ctrl-C at the terminal does not reach it.
    command.stdout(Stdio::piped()).process_group(0).kill_on_drop(true);
    Ok(command)
}

async fn supervised<T>(
    mut command: Command,
    run: &Run<'_>,
    collect: impl AsyncFnOnce(&mut Child) -> Result<T, String>,
) -> Result<T, String> {
    let mut child = command.spawn().map_err(|error| error.to_string())?;
    let group = Group(child.id());
    let result = tokio::time::timeout(Duration::from_millis(run.timeout_ms), collect(&mut child)).await;
    if let Ok(Ok(_)) = &result {
        group.leave();
    }
    result.unwrap_or_else(|_| Err(format!("the command did not end within {} ms", run.timeout_ms)))
}

async fn read(from: Option<impl AsyncRead + Unpin>, largest: u64) -> Result<Zeroizing<Vec<u8>>, String> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(4_096));
    if let Some(from) = from {
        from.take(largest + 1).read_to_end(&mut bytes).await.map_err(|error| error.to_string())?;
    }
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > largest {
        return Err(format!("the command wrote more than {} MiB", largest / (1024 * 1024)));
    }
    Ok(bytes)
}

async fn ended(child: &mut Child, complaint: &str) -> Result<(), String> {
    let status = child.wait().await.map_err(|error| error.to_string())?;
    if status.success() {
        return Ok(());
    }
    let complaint: String = complaint.trim().chars().take(LONGEST_COMPLAINT).collect();
    Err(if complaint.is_empty() { format!("the command failed: {status}") } else { complaint })
}

/// Ends the processes of a command unless it ended well.
struct Group(Option<u32>);

impl Group {
    fn leave(mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let pid = self.0.and_then(|pid| i32::try_from(pid).ok()).and_then(rustix::process::Pid::from_raw);
        if let Some(pid) = pid {
            // Gone already is as good as ended.
            let _ = rustix::process::kill_process_group(pid, rustix::process::Signal::KILL);
        }
    }
}
