//! Commands that give a secret: run with a deadline, without input, their output bounded, and with little of our
//! environment: what other secrets stand in it is none of their business.

use crate::environment::Environment;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};
use zeroize::Zeroizing;

/// No secret is larger.
const LARGEST_OUTPUT: u64 = 1024 * 1024;

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
}

/// The variables that a command sees.
fn visible(environment: &Environment) -> Vec<(&str, &str)> {
    let given = environment.get(GIVEN).unwrap_or_default();
    let names = || ALWAYS.split(',').chain(given.split(',')).map(str::trim).filter(|name| !name.is_empty());
    let is_visible = |name: &str| {
        names().any(|known| known.strip_suffix('*').map_or(known == name, |prefix| name.starts_with(prefix)))
    };
    environment.with_prefix("").filter(|(name, _)| is_visible(name)).collect()
}

/// What the command writes to its standard output.
///
/// # Errors
/// Why there is none. What it wrote to its standard error may hold the secret and is not in it.
pub async fn output(words: &[&str], run: &Run<'_>) -> Result<Zeroizing<Vec<u8>>, String> {
    let (program, arguments) = words.split_first().ok_or("there is no command")?;
    let mut command = Command::new(program);
    command.env_clear().envs(visible(run.environment)).args(arguments).current_dir(run.folder);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    // A group of its own, so that what it starts can be ended with it and Ctrl-C at the terminal does not reach it.
    let mut child = command.process_group(0).kill_on_drop(true).spawn().map_err(|error| error.to_string())?;
    let group = Group(child.id());
    let result = tokio::time::timeout(Duration::from_millis(run.timeout_ms), collect(&mut child)).await;
    if let Ok(Ok(_)) = &result {
        group.leave();
    }
    result.unwrap_or_else(|_| Err(format!("the command did not end within {} ms", run.timeout_ms)))
}

async fn collect(child: &mut Child) -> Result<Zeroizing<Vec<u8>>, String> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(4_096));
    if let Some(stdout) = child.stdout.take() {
        stdout.take(LARGEST_OUTPUT + 1).read_to_end(&mut bytes).await.map_err(|error| error.to_string())?;
    }
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > LARGEST_OUTPUT {
        return Err("the command wrote more than 1 MiB".to_owned());
    }
    let status = child.wait().await.map_err(|error| error.to_string())?;
    if !status.success() {
        return Err(format!("the command failed: {status}"));
    }
    Ok(bytes)
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
