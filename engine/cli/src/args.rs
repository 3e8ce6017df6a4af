//! The command line as data: commands, flags, positional arguments. Every flag is declared here once; help,
//! suggestions and the reading of one-dash flags all come from this.

mod saved;
mod state;
mod tools;

pub use saved::{
    GuardArguments, PolicyArguments, PolicyCommand, PolicyTestArguments, SaveArguments, SignArguments, TrustArguments,
};
pub use state::{
    ForceUnlockArguments, LockArguments, LockCommand, PlaceArguments, StateArguments, StateCommand, StateListArguments,
    StateMvArguments, StatePushArguments, StateRmArguments, StateRollbackArguments, StateShowArguments,
    StateVersionsArguments, TaintArguments, WorkspaceArguments, WorkspaceCommand, WorkspaceDeleteArguments,
    WorkspaceNewArguments, WorkspaceSelectArguments, WriteArguments,
};
pub use tools::{CompletionArguments, ConsoleArguments, GraphArguments, GraphForm, Shell};

use clap::{Args, Parser, Subcommand};

/// Reads a truth as Go's flag package does: what Terraform's users write.
fn truth(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err(String::from("write true or false")),
    }
}

/// Reads a duration: `30s`, `2m`, `1h30m`, `500ms`.
fn duration(text: &str) -> Result<std::time::Duration, String> {
    let wrong = || String::from("write a duration such as 30s, 2m or 1h30m");
    let mut total = std::time::Duration::ZERO;
    let mut rest = text;
    if rest == "0" {
        return Ok(total);
    }
    if rest.is_empty() {
        return Err(wrong());
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let (number, tail) = rest.split_at(digits);
        let unit_end = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit_end);
        let number: u64 = number.parse().map_err(|_| wrong())?;
        let millis = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => return Err(wrong()),
        };
        let part = number.checked_mul(millis).map(std::time::Duration::from_millis).ok_or_else(wrong)?;
        total = total.checked_add(part).ok_or_else(wrong)?;
        rest = tail;
    }
    Ok(total)
}

/// The whole command line.
#[derive(Debug, Parser)]
#[command(name = "terrane", about = "Plans and applies fleets of Kubernetes clusters", disable_help_subcommand = true)]
pub struct Arguments {
    /// Run in this folder instead of the current one
    #[arg(long, value_name = "DIR")]
    pub chdir: Option<String>,
    /// Append a log to this file, one JSON object a line; TERRANE_LOG sets its level
    #[arg(long, value_name = "FILE", global = true)]
    pub log_file: Option<String>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Set up the place of the state, and check the configuration and its providers
    Init(InitArguments),
    /// Check the configuration without reading anything remote
    Validate(JsonArguments),
    /// Rewrite configuration files in the canonical form
    Fmt(FmtArguments),
    /// Show what apply would do, and why
    Plan(PlanArguments),
    /// Make the world as it is written
    Apply(ApplyArguments),
    /// Destroy everything that is recorded
    Destroy(ApplyArguments),
    /// Show what others changed behind our back; changes nothing
    Drift(DriftArguments),
    /// Take over clusters that something else made: write them down and record them, without touching them
    Adopt(AdoptArguments),
    /// Show a saved plan, or the state
    Show(ShowArguments),
    /// Sign a saved plan
    Sign(SignArguments),
    /// Test policies
    Policy(PolicyArguments),
    /// Show the outputs of the root module
    Output(OutputArguments),
    /// Look at the state, or change it
    State(StateArguments),
    /// Mark an object to be made anew by the next plan
    Taint(TaintArguments),
    /// Take that mark away
    Untaint(TaintArguments),
    /// Look at the lock of the state
    Lock(LockArguments),
    /// Take the lock away from a run that is gone
    ForceUnlock(ForceUnlockArguments),
    /// Work on one of several states of the configuration
    Workspace(WorkspaceArguments),
    /// List the providers of the configuration
    Providers(ProvidersArguments),
    /// Evaluate expressions, line by line
    Console(ConsoleArguments),
    /// Write which block refers to which, as DOT, Mermaid or SVG
    Graph(GraphArguments),
    /// Write what a shell completes commands and flags by
    Completion(CompletionArguments),
    /// Show the version
    Version(JsonArguments),
    /// Show all of it in a sandbox, without an account, in under a minute
    Demo(DemoArguments),
    /// Run emulated clouds on this machine
    Sandbox(SandboxArguments),
    /// Print schemas, formats and diagnostics as one JSON document
    #[command(hide = true)]
    InternalSchemas(CommonArguments),
}

impl Command {
    /// Its word on the command line.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Init(_) => "init",
            Self::Validate(_) => "validate",
            Self::Fmt(_) => "fmt",
            Self::Plan(_) => "plan",
            Self::Apply(_) => "apply",
            Self::Destroy(_) => "destroy",
            Self::Drift(_) => "drift",
            Self::Show(_) => "show",
            Self::Sign(_) => "sign",
            Self::Policy(_) => "policy",
            Self::Output(_) => "output",
            Self::State(_) => "state",
            Self::Providers(_) => "providers",
            Self::Adopt(_) => "adopt",
            Self::Taint(_) => "taint",
            Self::Untaint(_) => "untaint",
            Self::Lock(_) => "lock",
            Self::ForceUnlock(_) => "force-unlock",
            Self::Workspace(_) => "workspace",
            Self::Console(_) => "console",
            Self::Graph(_) => "graph",
            Self::Completion(_) => "completion",
            Self::Version(_) => "version",
            Self::Demo(_) => "demo",
            Self::Sandbox(_) => "sandbox",
            Self::InternalSchemas(_) => "internal-schemas",
        }
    }
}

/// What every command takes.
#[derive(Clone, Debug, Default, Args)]
pub struct CommonArguments {
    /// Write no colour
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true",
          default_value = "false", value_parser = truth)]
    pub no_color: bool,
}

/// A command with nothing but `-json`.
#[derive(Debug, Args)]
pub struct JsonArguments {
    /// Write JSON
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true",
          default_value = "false", value_parser = truth)]
    pub json: bool,
    /// What every command takes.
    #[command(flatten)]
    pub common: CommonArguments,
}

/// `init`.
#[derive(Debug, Args)]
pub struct InitArguments {
    /// Ask nothing
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true",
          default_value = "true", value_parser = truth)]
    pub input: bool,
    /// Set up the backend; without it only the configuration is checked
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true",
          default_value = "true", value_parser = truth)]
    pub backend: bool,
    /// Give the backend an argument, or a file of arguments
    #[arg(long, value_name = "FILE or NAME=VALUE")]
    pub backend_config: Vec<String>,
    /// Take the states along from where they were
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true",
          default_value = "false", value_parser = truth)]
    pub migrate_state: bool,
    /// Replace what is in the way there without asking; as -migrate-state
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true",
          default_value = "false", value_parser = truth)]
    pub force_copy: bool,
    /// Look up every module anew that comes from a repository
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true",
          default_value = "false", value_parser = truth)]
    pub upgrade: bool,
    /// What becomes of the lock file: `readonly` fails where it would change
    #[arg(long, value_name = "MODE", value_parser = ["readonly"])]
    pub lockfile: Option<String>,
    /// Set up the backend anew; the states stay where they were
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true",
          default_value = "false", value_parser = truth)]
    pub reconfigure: bool,
    /// Fetch modules that come from elsewhere
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true",
          default_value = "true", value_parser = truth)]
    pub get: bool,
    /// Write JSON
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true",
          default_value = "false", value_parser = truth)]
    pub json: bool,
    /// What writing takes.
    #[command(flatten)]
    pub write: WriteArguments,
}

/// `fmt`.
#[derive(Debug, Args)]
pub struct FmtArguments {
    /// Files and folders; `-` for standard input
    #[arg(value_name = "PATH")]
    pub paths: Vec<String>,
    /// Write nothing; exit with 3 when there is something to do
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true",
          default_value = "false", value_parser = truth)]
    pub check: bool,
    /// Show what changes
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true",
          default_value = "false", value_parser = truth)]
    pub diff: bool,
    /// Go into folders
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true",
          default_value = "false", value_parser = truth)]
    pub recursive: bool,
    /// Rewrite the files
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true",
          default_value = "true", value_parser = truth)]
    pub write: bool,
    /// Print names of files that change
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true",
          default_value = "true", value_parser = truth)]
    pub list: bool,
    /// What every command takes.
    #[command(flatten)]
    pub common: CommonArguments,
}

/// What planning takes, in whichever command it happens.
#[derive(Clone, Debug, Default, Args)]
pub struct PlanningArguments {
    /// Give a variable its value
    #[arg(long = "var", value_name = "NAME=VALUE")]
    pub var: Vec<String>,
    /// Read values of variables from a file
    #[arg(long, value_name = "FILE")]
    pub var_file: Vec<String>,
    /// Plan only this address and what it depends on
    #[arg(long, value_name = "ADDR")]
    pub target: Vec<String>,
    /// Plan only the addresses in this file, one a line
    #[arg(long, value_name = "FILE")]
    pub target_file: Vec<String>,
    /// Plan everything but this address and what depends on it
    #[arg(long, value_name = "ADDR")]
    pub exclude: Vec<String>,
    /// Plan everything but the addresses in this file, one a line
    #[arg(long, value_name = "FILE")]
    pub exclude_file: Vec<String>,
    /// Plan only what differs from this git revision, what uses it, and what it depends on
    #[arg(long, value_name = "REVISION")]
    pub only_changed_since: Option<String>,
    /// Replace this object even if it need not be
    #[arg(long, value_name = "ADDR")]
    pub replace: Vec<String>,
    /// Read objects before planning
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true",
          default_value = "true", value_parser = truth)]
    pub refresh: bool,
    /// Only take into the state what is seen
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true",
          default_value = "false", value_parser = truth)]
    pub refresh_only: bool,
    /// Plan to destroy everything
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true",
          default_value = "false", value_parser = truth)]
    pub destroy: bool,
    /// Let a plan replace this cluster
    #[arg(long, value_name = "ADDR")]
    pub allow_replace: Vec<String>,
    /// Let a plan destroy this protected object
    #[arg(long, value_name = "ADDR")]
    pub allow_destroy: Vec<String>,
    /// Say where a secret comes from now, `ADDR.path=env:NAME` or `file:PATH`
    #[arg(long, value_name = "ADDR.PATH=SOURCE")]
    pub secret: Vec<String>,
}

/// What every command takes that works with the world and the state.
#[derive(Clone, Debug, Default, Args)]
pub struct RunArguments {
    /// How many steps may be started and unfinished at once
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..))]
    pub parallelism: u16,
    /// Hold the lock of the state
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true",
          default_value = "true", value_parser = truth)]
    pub lock: bool,
    /// Wait for the lock for so long
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = duration)]
    pub lock_timeout: std::time::Duration,
    /// Ask when something is missing
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true",
          default_value = "true", value_parser = truth)]
    pub input: bool,
    /// Write JSON, one object a line
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true",
          default_value = "false", value_parser = truth)]
    pub json: bool,
    /// Write JSON into this file, whatever goes to standard output
    #[arg(long, value_name = "FILE")]
    pub json_into: Option<String>,
    /// Show warnings as one line each
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true",
          default_value = "false", value_parser = truth)]
    pub compact_warnings: bool,
    /// What every command takes.
    #[command(flatten)]
    pub common: CommonArguments,
}

/// `plan`.
#[derive(Debug, Args)]
pub struct PlanArguments {
    /// What is written beside the plan on standard output.
    #[command(flatten)]
    pub save: SaveArguments,
    /// Write blocks for imports that have none into this new file
    #[arg(long, value_name = "FILE")]
    pub generate_config_out: Option<String>,
    /// Exit with 2 when there are changes
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true",
          default_value = "false", value_parser = truth)]
    pub detailed_exitcode: bool,
    /// What the plan has to keep to.
    #[command(flatten)]
    pub guard: GuardArguments,
    /// What planning takes.
    #[command(flatten)]
    pub planning: PlanningArguments,
    /// What working with the world takes.
    #[command(flatten)]
    pub run: RunArguments,
}

/// `apply` and `destroy`.
#[derive(Debug, Args)]
pub struct ApplyArguments {
    /// A plan file, applied as it is
    #[arg(value_name = "PLANFILE")]
    pub plan_file: Option<String>,
    /// Do not ask
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true",
          default_value = "false", value_parser = truth)]
    pub auto_approve: bool,
    /// What the plan has to keep to.
    #[command(flatten)]
    pub guard: GuardArguments,
    /// Whose signatures a saved plan needs.
    #[command(flatten)]
    pub trust: TrustArguments,
    /// What planning takes.
    #[command(flatten)]
    pub planning: PlanningArguments,
    /// What working with the world takes.
    #[command(flatten)]
    pub run: RunArguments,
}

/// `drift`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct DriftArguments {
    /// What to do about drift.
    #[command(subcommand)]
    pub command: Option<DriftCommand>,
    /// Write a report: text, json, markdown, sarif, junit, github, gitlab or html; to standard output without a file
    #[arg(long, value_name = "FORMAT[=FILE]")]
    pub report: Vec<String>,
    /// Remember in the state when each finding was told of first; takes the lock
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true",
          default_value = "false", value_parser = truth)]
    pub record: bool,
    /// Tell also of what others decide over; it is no drift
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true",
          default_value = "false", value_parser = truth)]
    pub not_ours: bool,
    /// Exit with 2 when there is drift
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true",
          default_value = "true", value_parser = truth)]
    pub detailed_exitcode: bool,
    /// Give a variable its value
    #[arg(long = "var", value_name = "NAME=VALUE")]
    pub var: Vec<String>,
    /// Read values of variables from a file
    #[arg(long, value_name = "FILE")]
    pub var_file: Vec<String>,
    /// Look only at this address
    #[arg(long, value_name = "ADDR")]
    pub target: Vec<String>,
    /// What working with the world takes.
    #[command(flatten)]
    pub run: RunArguments,
}

/// What can be done about drift.
#[derive(Debug, Subcommand)]
pub enum DriftCommand {
    /// Take into the state what is there
    Accept(SettleArguments),
    /// Put back what is recorded, and nothing else
    Revert(SettleArguments),
}

/// `drift accept` and `drift revert`.
#[derive(Debug, Args)]
pub struct SettleArguments {
    /// Objects, each with an attribute behind it where only that is meant
    #[arg(value_name = "ADDR[.PATH]", required = true)]
    pub leaves: Vec<String>,
    /// Save the plan in this file and do nothing
    #[arg(long, value_name = "FILE")]
    pub out: Option<String>,
    /// Do not ask
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true",
          default_value = "false", value_parser = truth)]
    pub auto_approve: bool,
    /// Give a variable its value
    #[arg(long = "var", value_name = "NAME=VALUE")]
    pub var: Vec<String>,
    /// Read values of variables from a file
    #[arg(long, value_name = "FILE")]
    pub var_file: Vec<String>,
    /// Say where a secret comes from now, `ADDR.path=env:NAME` or `file:PATH`
    #[arg(long, value_name = "ADDR.PATH=SOURCE")]
    pub secret: Vec<String>,
    /// What working with the world takes.
    #[command(flatten)]
    pub run: RunArguments,
}

/// `adopt`.
#[derive(Debug, Args)]
pub struct AdoptArguments {
    /// What to adopt.
    #[command(subcommand)]
    pub command: AdoptCommand,
}

/// Commands below `adopt`.
#[derive(Debug, Subcommand)]
pub enum AdoptCommand {
    /// Adopt the EKS clusters of a region with their node pools
    Eks(AdoptEksArguments),
    /// Adopt the EKS clusters and node groups that a state of Terraform or OpenTofu holds; the file stays as it is
    Tfstate(AdoptTfstateArguments),
}

/// What every way of adopting takes.
#[derive(Clone, Debug, Args)]
pub struct AdoptFlags {
    /// Write into this new file, or into this folder
    #[arg(long, value_name = "DIR|FILE")]
    pub out: Option<String>,
    /// Do not ask
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true",
          default_value = "false", value_parser = truth)]
    pub auto_approve: bool,
    /// Give a variable its value
    #[arg(long = "var", value_name = "NAME=VALUE")]
    pub var: Vec<String>,
    /// Read values of variables from a file
    #[arg(long, value_name = "FILE")]
    pub var_file: Vec<String>,
    /// What working with the world takes.
    #[command(flatten)]
    pub run: RunArguments,
}

/// `adopt eks`.
#[derive(Debug, Args)]
pub struct AdoptEksArguments {
    /// Look in this region; without one, in that of the provider block or the environment
    #[arg(long, value_name = "REGION")]
    pub region: Vec<String>,
    /// Only the cluster of this name
    #[arg(long, value_name = "NAME")]
    pub name: Vec<String>,
    /// What every way of adopting takes.
    #[command(flatten)]
    pub adopt: AdoptFlags,
}

/// `adopt tfstate`.
#[derive(Debug, Args)]
pub struct AdoptTfstateArguments {
    /// The state file, version 4
    #[arg(value_name = "FILE")]
    pub file: String,
    /// What every way of adopting takes.
    #[command(flatten)]
    pub adopt: AdoptFlags,
}

/// `show`.
#[derive(Debug, Args)]
pub struct ShowArguments {
    /// A plan file; the state where none is given
    #[arg(value_name = "PLANFILE")]
    pub plan_file: Option<String>,
    /// Write JSON
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true",
          default_value = "false", value_parser = truth)]
    pub json: bool,
    /// Write Markdown for a pull request
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true",
          default_value = "false", value_parser = truth, conflicts_with = "json", requires = "plan_file")]
    pub markdown: bool,
    /// Where the state is.
    #[command(flatten)]
    pub place: PlaceArguments,
}

/// `output`.
#[derive(Debug, Args)]
pub struct OutputArguments {
    /// One output; all of them where none is given
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    /// Write JSON
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true",
          default_value = "false", value_parser = truth, conflicts_with = "raw")]
    pub json: bool,
    /// Write the bare text of one output
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true",
          default_value = "false", value_parser = truth)]
    pub raw: bool,
    /// Where the state is.
    #[command(flatten)]
    pub place: PlaceArguments,
}

/// `providers`.
#[derive(Debug, Args)]
pub struct ProvidersArguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Option<ProvidersCommand>,
    /// What every command takes.
    #[command(flatten)]
    pub common: CommonArguments,
}

/// Commands below `providers`.
#[derive(Debug, Subcommand)]
pub enum ProvidersCommand {
    /// Print the schemas of all types; needs -json
    Schema(JsonArguments),
}

/// `demo`.
#[derive(Debug, Args)]
pub struct DemoArguments {
    /// Leave the folder of the demo in place
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true",
          default_value = "false", value_parser = truth)]
    pub keep: bool,
    /// What every command takes.
    #[command(flatten)]
    pub common: CommonArguments,
}

/// `sandbox`.
#[derive(Debug, Args)]
pub struct SandboxArguments {
    /// What to do.
    #[command(subcommand)]
    pub command: SandboxCommand,
}

/// Commands below `sandbox`.
#[derive(Debug, Subcommand)]
pub enum SandboxCommand {
    /// Run in the foreground and print the environment to export
    Start(SandboxSettings),
    /// Run a command with the environment of a sandbox that lives as long as it
    Exec(SandboxExecArguments),
}

/// How a sandbox is set up.
#[derive(Clone, Debug, Args)]
pub struct SandboxSettings {
    /// Port on 127.0.0.1; a free one when 0
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub port: u16,
    /// Seconds that pass in the sandbox in one second
    #[arg(long, value_name = "N", default_value_t = 120, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub clock_rate: u32,
    /// Region of the environment
    #[arg(long, value_name = "REGION", default_value = "eu-west-1")]
    pub region: String,
    /// What every command takes.
    #[command(flatten)]
    pub common: CommonArguments,
}

/// `sandbox exec`.
#[derive(Debug, Args)]
pub struct SandboxExecArguments {
    /// How the sandbox is set up.
    #[command(flatten)]
    pub settings: SandboxSettings,
    /// The command and its arguments
    #[arg(value_name = "CMD", required = true, last = true)]
    pub command: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_declaration_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn durations_are_read_as_go_writes_them() {
        assert_eq!(duration("1h30m").unwrap().as_secs(), 5_400);
        assert_eq!(duration("500ms").unwrap().as_millis(), 500);
        assert!(duration("3").is_err() && duration("s").is_err() && duration("").is_err());
    }
}
