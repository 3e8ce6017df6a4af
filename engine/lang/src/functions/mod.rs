//! The functions of the language, in tables: a function is one entry with name, parameters, doc and body.

mod charset;
mod collection;
mod crypto;
mod csv;
mod date;
mod encoding;
mod file_set;
mod filesystem;
mod format;
mod gzip;
mod hash;
mod json;
mod map;
mod names;
mod network;
mod numeric;
mod pattern;
mod sets;
mod string;
mod template;
mod types;
mod yaml;

pub(crate) use types::{CONVERT, TYPE, of_type};

use crate::scope::Sources;
use std::sync::LazyLock;
use terrane_core::{Number, Type, Value};
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

/// Every table. A function is one entry in one of them.
static TABLES: [&[Function]; 15] = [
    collection::TABLE,
    crypto::TABLE,
    date::TABLE,
    encoding::TABLE,
    filesystem::TABLE,
    format::TABLE,
    hash::TABLE,
    map::TABLE,
    network::TABLE,
    numeric::TABLE,
    pattern::TABLE,
    sets::TABLE,
    string::TABLE,
    template::TABLE,
    types::TABLE,
];

static SORTED: LazyLock<Vec<&'static Function>> = LazyLock::new(|| {
    let mut sorted: Vec<&'static Function> = TABLES.iter().copied().flatten().collect();
    sorted.sort_by_key(|function| function.name);
    sorted
});

/// The function of that name, with or without the `core::` before it.
#[must_use]
pub fn lookup(name: &str) -> Option<&'static Function> {
    let name = name.strip_prefix("core::").unwrap_or(name);
    let at = SORTED.binary_search_by(|function| function.name.cmp(name)).ok()?;
    SORTED.get(at).copied()
}

/// Every function, sorted by name.
pub fn all() -> impl Iterator<Item = &'static Function> {
    SORTED.iter().copied()
}

/// Every name, sorted.
pub fn names() -> impl Iterator<Item = &'static str> {
    all().map(|function| function.name)
}

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
    /// How many templates the call stands in.
    pub depth: u32,
}

/// The body of a function. Arguments are converted, known (deeply, unless the function takes unknowns), and
/// not null unless the parameter says so; marks of arguments are put on the result by the caller, marks of parts
/// by the body of a function that takes parts. `None` says that the result depends on a part that is not known yet:
/// the caller keeps the call as a residual.
pub type Body = fn(&[Value], &FunctionContext<'_>) -> Result<Option<Value>, FunctionError>;

/// What the evaluator has to know about a function beyond its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nature {
    /// Same arguments, same result; unknown arguments make an unknown result.
    Pure,
    /// As pure, but the body gets values whose parts may be unknown (`length`, `keys`, `merge`, `concat`, ..),
    /// and keeps unknown parts as parts.
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

impl Function {
    /// A pure function.
    const fn new(
        name: &'static str,
        doc: &'static str,
        parameters: &'static [Parameter],
        result: fn(&[Value]) -> Type,
        body: Body,
    ) -> Self {
        Self { name, doc, parameters, variadic: None, optional: 0, nature: Nature::Pure, result, body }
    }

    /// With a parameter that may be repeated.
    const fn variadic(mut self, parameter: Parameter) -> Self {
        self.variadic = Some(parameter);
        self
    }

    /// With so many parameters that may be left out.
    const fn optional(mut self, optional: usize) -> Self {
        self.optional = optional;
        self
    }

    /// Of another nature.
    const fn nature(mut self, nature: Nature) -> Self {
        self.nature = nature;
        self
    }

    /// With a body that takes parts that are not known.
    const fn parts(self) -> Self {
        self.nature(Nature::TakesUnknownParts)
    }
}

/// A parameter that takes no null.
const fn p(name: &'static str, ty: ParameterType) -> Parameter {
    Parameter { name, ty, is_nullable: false }
}

/// A parameter that takes null.
const fn nullable(name: &'static str, ty: ParameterType) -> Parameter {
    Parameter { name, ty, is_nullable: true }
}

/// What a body answers.
type Outcome = Result<Option<Value>, FunctionError>;

fn is(value: Value) -> Outcome {
    Ok(Some(value))
}

/// A text that a body made, in normal form C as every text of the language.
fn normal(text: &str) -> Value {
    if text.is_ascii() || is_nfc_quick(text.chars()) == IsNormalized::Yes {
        return Value::string(text);
    }
    Value::string(text.nfc().collect::<String>())
}

fn of(text: impl AsRef<str>) -> Outcome {
    is(normal(text.as_ref()))
}

/// A refusal that is about one argument.
fn wrong<T>(argument: usize, reason: impl Into<String>) -> Result<T, FunctionError> {
    Err(FunctionError { argument: Some(argument), reason: reason.into() })
}

/// A refusal of the call as a whole.
fn refused<T>(reason: impl Into<String>) -> Result<T, FunctionError> {
    Err(FunctionError { argument: None, reason: reason.into() })
}

/// An argument; null where it was left out.
fn argument(arguments: &[Value], at: usize) -> &Value {
    arguments.get(at).unwrap_or(&Value::NULL)
}

/// The text of an argument that the caller converted.
fn text(arguments: &[Value], at: usize) -> &str {
    argument(arguments, at).as_str().unwrap_or_default()
}

/// The number of an argument that the caller converted.
fn number(arguments: &[Value], at: usize) -> Number {
    argument(arguments, at).as_number().cloned().unwrap_or(Number::Int(0))
}

/// A whole number of an argument.
fn whole(arguments: &[Value], at: usize) -> Result<i64, FunctionError> {
    match number(arguments, at).to_i64() {
        Some(int) => Ok(int),
        None => wrong(at, "it has to be a whole number of 64 bits"),
    }
}

/// A whole number of an argument that counts something.
fn size(arguments: &[Value], at: usize) -> Result<usize, FunctionError> {
    usize::try_from(whole(arguments, at)?).or_else(|_| wrong(at, "it has to be 0 or more"))
}

/// The items of an argument.
fn items(arguments: &[Value], at: usize) -> &[Value] {
    argument(arguments, at).items().unwrap_or_default()
}

/// What a body computed from the content of its arguments is as secret as that content. Only bodies that take
/// parts need it: for the others the caller looks inside.
fn drawn_from(arguments: &[Value], value: Value) -> Outcome {
    is(if arguments.iter().any(Value::has_sensitive) { value.sensitive() } else { value })
}

fn any(_: &[Value]) -> Type {
    Type::Any
}

fn string(_: &[Value]) -> Type {
    Type::String
}

fn a_number(_: &[Value]) -> Type {
    Type::Number
}

fn a_bool(_: &[Value]) -> Type {
    Type::Bool
}

fn strings(_: &[Value]) -> Type {
    Type::list(Type::String)
}

#[cfg(test)]
mod tests;
