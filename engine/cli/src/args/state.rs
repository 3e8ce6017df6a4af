//! Commands that work with the state alone: looking at it, changing it, its lock, its workspaces.

use super::{CommonArguments, duration, truth};
use clap::{Args, Subcommand};

/// What says where the state is, where that hangs on variables.
#[derive(Clone, Debug, Default, Args)]
pub struct PlaceArguments {
    /// Give a variable its value, where the backend hangs on it
    #[arg(long = "var", value_name = "NAME=VALUE")]
    pub var: Vec<String>,
    /// Read values of variables from a file
    #[arg(long, value_name = "FILE")]
    pub var_file: Vec<String>,
    /// What every command takes.
    #[command(flatten)]
    pub common: CommonArguments,
}

/// What every command takes that writes the state.
#[derive(Clone, Debug, Args)]
pub struct WriteArguments {
    /// Accepted for scripts: the lock is held in any case
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true",
          default_value = "true", value_parser = truth)]
    pub lock: bool,
    /// Wait for the lock for so long
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = duration)]
    pub lock_timeout: std::time::Duration,
    /// Where the state is.
    #[command(flatten)]
    pub place: PlaceArguments,
}

impl WriteArguments {
    /// How long to wait for the lock, in milliseconds.
    pub fn timeout_ms(&self) -> u64 {
        u64::try_from(self.lock_timeout.as_millis()).unwrap_or(u64::MAX)
    }
}

/// `state`.
#[derive(Debug, Args)]
pub struct StateArguments {
    /// What to do with the state.
    #[command(subcommand)]
    pub command: StateCommand,
}

/// Commands below `state`.
#[derive(Debug, Subcommand)]
pub enum StateCommand {
    /// List addresses in the state
    List(StateListArguments),
    /// Show one object as it is recorded
    Show(StateShowArguments),
    /// Take objects out of the state; they stay where they are
    Rm(StateRmArguments),
    /// Give recorded objects another address
    Mv(StateMvArguments),
    /// Print the state as one JSON document
    Pull(PlaceArguments),
    /// Put a JSON document in the place of the state
    Push(StatePushArguments),
    /// List the runs that wrote the state, as far back as history is kept
    Versions(StateVersionsArguments),
    /// Bring the records of an earlier serial back; nothing in the world is touched
    Rollback(StateRollbackArguments),
    /// Encrypt the state and its history anew with the current key
    Rekey(WriteArguments),
    /// Take the state as it is for the newest, after a copy was restored
    AcceptOlder(PlaceArguments),
}

/// `state list`.
#[derive(Debug, Args)]
pub struct StateListArguments {
    /// Only these
    #[arg(value_name = "ADDR")]
    pub addresses: Vec<String>,
    /// Only the object with this id
    #[arg(long, value_name = "ID")]
    pub id: Option<String>,
    /// Where the state is.
    #[command(flatten)]
    pub place: PlaceArguments,
}

/// `state show`.
#[derive(Debug, Args)]
pub struct StateShowArguments {
    /// The instance
    #[arg(value_name = "ADDR")]
    pub address: String,
    /// Where the state is.
    #[command(flatten)]
    pub place: PlaceArguments,
}

/// `state rm`.
#[derive(Debug, Args)]
pub struct StateRmArguments {
    /// What is forgotten
    #[arg(value_name = "ADDR", required = true)]
    pub addresses: Vec<String>,
    /// Only say what would be forgotten
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true",
          default_value = "false", value_parser = truth)]
    pub dry_run: bool,
    /// What writing takes.
    #[command(flatten)]
    pub write: WriteArguments,
}

/// `state mv`.
#[derive(Debug, Args)]
pub struct StateMvArguments {
    /// What moves: an instance, a block or a module
    #[arg(value_name = "FROM")]
    pub from: String,
    /// Its new address
    #[arg(value_name = "TO")]
    pub to: String,
    /// Only say what would move
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true",
          default_value = "false", value_parser = truth)]
    pub dry_run: bool,
    /// What writing takes.
    #[command(flatten)]
    pub write: WriteArguments,
}

/// `state push`.
#[derive(Debug, Args)]
pub struct StatePushArguments {
    /// A document of `state pull`; `-` for standard input
    #[arg(value_name = "FILE")]
    pub file: String,
    /// Put it in place whatever is there
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true",
          default_value = "false", value_parser = truth)]
    pub force: bool,
    /// What writing takes.
    #[command(flatten)]
    pub write: WriteArguments,
}

/// `state versions`.
#[derive(Debug, Args)]
pub struct StateVersionsArguments {
    /// Write JSON
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true",
          default_value = "false", value_parser = truth)]
    pub json: bool,
    /// Where the state is.
    #[command(flatten)]
    pub place: PlaceArguments,
}

/// `state rollback`.
#[derive(Debug, Args)]
pub struct StateRollbackArguments {
    /// One that `state versions` lists
    #[arg(value_name = "SERIAL")]
    pub serial: u64,
    /// Do not ask
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true",
          default_value = "false", value_parser = truth)]
    pub auto_approve: bool,
    /// What writing takes.
    #[command(flatten)]
    pub write: WriteArguments,
}

/// `taint` and `untaint`.
#[derive(Debug, Args)]
pub struct TaintArguments {
    /// The instance
    #[arg(value_name = "ADDR")]
    pub address: String,
    /// End well where nothing is recorded there
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true",
          default_value = "false", value_parser = truth)]
    pub allow_missing: bool,
    /// What writing takes.
    #[command(flatten)]
    pub write: WriteArguments,
}

/// `lock`.
#[derive(Debug, Args)]
pub struct LockArguments {
    /// What to do with the lock.
    #[command(subcommand)]
    pub command: LockCommand,
}

/// Commands below `lock`.
#[derive(Debug, Subcommand)]
pub enum LockCommand {
    /// Show who holds the lock of the state, since when, and for what
    Show(StateVersionsArguments),
}

/// `force-unlock`.
#[derive(Debug, Args)]
pub struct ForceUnlockArguments {
    /// The id that `lock show` prints
    #[arg(value_name = "ID")]
    pub id: String,
    /// Do not ask
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true",
          default_value = "false", value_parser = truth)]
    pub force: bool,
    /// Where the state is.
    #[command(flatten)]
    pub place: PlaceArguments,
}

/// `workspace`.
#[derive(Debug, Args)]
pub struct WorkspaceArguments {
    /// What to do with workspaces.
    #[command(subcommand)]
    pub command: WorkspaceCommand,
}

/// Commands below `workspace`.
#[derive(Debug, Subcommand)]
pub enum WorkspaceCommand {
    /// List the workspaces; the selected one has a star
    List(PlaceArguments),
    /// Make a workspace and select it
    New(WorkspaceNewArguments),
    /// Select a workspace
    Select(WorkspaceSelectArguments),
    /// Print the selected workspace
    Show(CommonArguments),
    /// Take a workspace and its state away
    Delete(WorkspaceDeleteArguments),
}

/// `workspace new`.
#[derive(Debug, Args)]
pub struct WorkspaceNewArguments {
    /// Its name
    #[arg(value_name = "NAME")]
    pub name: String,
    /// What writing takes.
    #[command(flatten)]
    pub write: WriteArguments,
}

/// `workspace select`.
#[derive(Debug, Args)]
pub struct WorkspaceSelectArguments {
    /// Its name
    #[arg(value_name = "NAME")]
    pub name: String,
    /// Make it where it is not there
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true",
          default_value = "false", value_parser = truth)]
    pub or_create: bool,
    /// What writing takes.
    #[command(flatten)]
    pub write: WriteArguments,
}

/// `workspace delete`.
#[derive(Debug, Args)]
pub struct WorkspaceDeleteArguments {
    /// Its name
    #[arg(value_name = "NAME")]
    pub name: String,
    /// Take it away though it has objects; they stay where they are, and nobody knows of them then
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true",
          default_value = "false", value_parser = truth)]
    pub force: bool,
    /// What writing takes.
    #[command(flatten)]
    pub write: WriteArguments,
}
