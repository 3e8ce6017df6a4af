//! The functions of the language, in tables: a function is one entry with name, parameters, doc and body.

use crate::scope::Sources;
use terrane_core::{Type, Value};

/// A parameter of a function.
#[derive(Debug)]
pub struct Parameter {
    /// Its name, for messages and documentation.
    pub name: &'static str,
    /// What an argument is converted to before the body sees it.
    pub ty: ParameterType,
    /// Whether null may be given.
    pub is_nullable: bool,
}

/// The type of a parameter, as a constant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParameterType {
    /// Anything, unconverted.
    Any,
    /// A text.
    String,
    /// A number.
    Number,
    /// A bool.
    Bool,
    /// `list(string)`; sets and tuples convert.
    StringList,
    /// `list(any)`; sets and tuples convert.
    List,
}

/// Why a function has no result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionError {
    /// The argument it is about, from 0; `None` for the call as a whole.
    pub argument: Option<usize>,
    /// What is wrong, in words.
    pub reason: String,
}

/// What a body sees beside its arguments.
pub struct FunctionContext<'a> {
    /// The world outside.
    pub sources: &'a dyn Sources,
    /// Folder of the module, relative to the root folder: relative paths of files start at the root folder.
    pub module_folder: &'a str,
}

/// The body of a function. Arguments are converted, known (deeply, unless the function takes unknowns), and
/// not null unless the parameter says so; marks are taken off and put back on the result by the caller.
pub type Body = fn(&[Value], &FunctionContext<'_>) -> Result<Value, FunctionError>;

/// What the evaluator has to know about a function beyond its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nature {
    /// Same arguments, same result; unknown arguments make an unknown result.
    Pure,
    /// As pure, but the body gets values whose parts may be unknown (`length`, `keys`, `merge`, `concat`, ..): it
    /// answers `None`-like by returning an error only for real errors, and unknown parts are kept as parts.
    TakesUnknownParts,
    /// The evaluator does it itself: `try`, `can`, `sensitive`, `nonsensitive`, `issensitive`.
    Special,
    /// A source of secrets (`env`, `exec`, `vault`): stays residual while planning.
    SecretSource,
    /// Unknown until apply: `uuid`, `timestamp`, `bcrypt`.
    AtApply,
}

/// A function of the language.
#[derive(Debug)]
pub struct Function {
    /// Its name.
    pub name: &'static str,
    /// What it does, one sentence.
    pub doc: &'static str,
    /// Parameters that have to be given.
    pub parameters: &'static [Parameter],
    /// The parameter that may be repeated at the end.
    pub variadic: Option<Parameter>,
    /// How many of `parameters` may be left out at the end.
    pub optional: usize,
    /// How the evaluator treats it.
    pub nature: Nature,
    /// The type of the result where it is always the same; `Any` otherwise.
    pub result: fn(&[Value]) -> Type,
    /// What it computes.
    pub body: Body,
}
