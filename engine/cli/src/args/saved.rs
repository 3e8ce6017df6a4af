//! Arguments around saved plans: how long one lasts, who signs it, what has to hold before it is applied.

use super::{CommonArguments, duration, truth};
use clap::{Args, Subcommand};

/// What is written beside the plan on standard output.
#[derive(Clone, Debug, Default, Args)]
pub struct SaveArguments {
    /// Save the plan in this file
    #[arg(long, value_name = "FILE")]
    pub out: Option<String>,
    /// How long the saved plan may be applied, 24h where nothing is said
    #[arg(long, value_name = "DURATION", value_parser = duration, requires = "out")]
    pub expires: Option<std::time::Duration>,
    /// Sign the saved plan with this private key
    #[arg(long, value_name = "KEYFILE", requires = "out")]
    pub sign_key: Option<String>,
    /// Write the plan as Markdown for a pull request into this file
    #[arg(long, value_name = "FILE")]
    pub markdown: Option<String>,
}

/// What a plan has to keep to.
#[derive(Clone, Debug, Default, Args)]
pub struct GuardArguments {
    /// Judge the plan by the policies of this folder, beside those of the folder `policy`
    #[arg(long, value_name = "DIR")]
    pub policy: Vec<String>,
    /// Leave out the folder `policy` and -policy; those of TERRANE_POLICY stay
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true",
          default_value = "false", value_parser = truth)]
    pub skip_policy: bool,
    /// Refuse a plan that destroys more objects than this, replaced ones included
    #[arg(long, value_name = "N")]
    pub max_destroy: Option<usize>,
}

/// Whose signatures a saved plan needs.
#[derive(Clone, Debug, Default, Args)]
pub struct TrustArguments {
    /// Apply only a saved plan that one of these public keys signed; once more for one more signature
    #[arg(long, value_name = "PUBKEY[,PUBKEY..]")]
    pub require_signature: Vec<String>,
}

/// `sign`.
#[derive(Debug, Args)]
pub struct SignArguments {
    /// The plan file
    #[arg(value_name = "PLANFILE")]
    pub plan_file: String,
    /// The private key: Ed25519, PKCS#8 in PEM
    #[arg(long, value_name = "KEYFILE", required = true)]
    pub key: String,
    /// What every command takes.
    #[command(flatten)]
    pub common: CommonArguments,
}

/// `policy`.
#[derive(Debug, Args)]
pub struct PolicyArguments {
    /// What to do with policies.
    #[command(subcommand)]
    pub command: PolicyCommand,
}

/// Commands below `policy`.
#[derive(Debug, Subcommand)]
pub enum PolicyCommand {
    /// Run the rules of policies whose names begin with test_
    Test(PolicyTestArguments),
}

/// `policy test`.
#[derive(Debug, Args)]
pub struct PolicyTestArguments {
    /// The folder, `policy` where none is given
    #[arg(value_name = "DIR", default_value = "policy")]
    pub folder: String,
    /// What every command takes.
    #[command(flatten)]
    pub common: CommonArguments,
}
