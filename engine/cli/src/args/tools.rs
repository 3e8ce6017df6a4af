//! Arguments of what helps at work: the console, graphs, completion.

use super::{CommonArguments, PlaceArguments};
use clap::{Args, ValueEnum};

/// `console`.
#[derive(Debug, Args)]
pub struct ConsoleArguments {
    /// Where the state is.
    #[command(flatten)]
    pub place: PlaceArguments,
}

/// How a graph is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum GraphForm {
    /// The language of Graphviz.
    Dot,
    /// Mermaid, as Markdown of code hosts shows it.
    Mermaid,
    /// A picture.
    Svg,
}

/// `graph`.
#[derive(Debug, Args)]
pub struct GraphArguments {
    /// How it is written
    #[arg(long, value_name = "FORM", default_value = "dot")]
    pub format: GraphForm,
    /// What every command takes.
    #[command(flatten)]
    pub common: CommonArguments,
}

/// A shell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    /// bash
    Bash,
    /// zsh
    Zsh,
    /// fish
    Fish,
}

/// `completion`.
#[derive(Debug, Args)]
pub struct CompletionArguments {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub shell: Shell,
    /// What every command takes.
    #[command(flatten)]
    pub common: CommonArguments,
}
