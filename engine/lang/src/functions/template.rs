//! Functions that fill in a text with `${ }` and `%{ }`: from a file, or as it is given.
//!
//! A template sees the variables it is given and nothing else, so that what it depends on can be read off the
//! call. A template may fill in others, [`DEEPEST`] deep.

use super::ParameterType::{Any, String as S};
use super::{Function, FunctionContext, FunctionError, Outcome, any, is, p, text, wrong};
use crate::check::evaluate_with;
use crate::eval::Nothing;
use crate::scope::{KeyForm, Scope, Sources};
use crate::syntax::{self, ast};
use terrane_core::{Diagnostic, FileId, InstanceKey, Place, Text, Value};
use unicode_ident::{is_xid_continue, is_xid_start};

/// Most templates inside each other.
const DEEPEST: u32 = 8;
/// How often what a problem stands in is looked up before the rest of the problems is left out.
const MOST_PROBLEMS: usize = 3;

/// The functions.
pub static TABLE: &[Function] = &[
    Function::new(
        "templatefile",
        "The text of a file with its `${ }` and `%{ }` filled in from variables.",
        &[p("path", S), p("vars", Any)],
        any,
        |a, cx| {
            let path = text(a, 0);
            let bytes = cx.sources.read(path).or_else(|reason| wrong(0, format!("`{path}`: {reason}")))?;
            match std::str::from_utf8(&bytes) {
                Ok(template) => fill(&Template { text: template, path: Some(path) }, a, cx),
                Err(_) => wrong(0, format!("`{path}` is no text")),
            }
        },
    )
    .parts(),
    Function::new(
        "templatestring",
        "A text with its `${ }` and `%{ }` filled in from variables.",
        &[p("template", S), p("vars", Any)],
        any,
        |a, cx| fill(&Template { text: text(a, 0), path: None }, a, cx),
    )
    .parts(),
];

struct Template<'a> {
    text: &'a str,
    path: Option<&'a str>,
}

fn fill(template: &Template<'_>, arguments: &[Value], cx: &FunctionContext<'_>) -> Outcome {
    if cx.depth >= DEEPEST {
        return wrong(0, format!("templates inside each other go {DEEPEST} deep"));
    }
    let variables = variables(arguments)?;
    let (expr, problems) = syntax::parse_template(FileId(0), template.text);
    let Some(expr) = expr else { return template.refuse(&problems) };
    template.check_names(&expr, &variables)?;
    let inside = Inside { cx, depth: cx.depth + 1 };
    let mut problems = Vec::new();
    match evaluate_with(&expr, &variables, &inside, &mut problems) {
        Some(value) => is(value),
        None => template.refuse(&problems),
    }
}

fn variables(arguments: &[Value]) -> Result<Vec<(Text, Value)>, FunctionError> {
    let given = super::argument(arguments, 1);
    let Some(entries) = given.entries() else {
        return wrong(1, format!("a map or an object is wanted, not {}", crate::convert::describe(given)));
    };
    let is_name = |name: &str| {
        let mut chars = name.chars();
        chars.next().is_some_and(is_xid_start) && chars.all(|c| c == '-' || is_xid_continue(c))
    };
    match entries.iter().find(|(name, _)| !is_name(name)) {
        Some((name, _)) => wrong(1, format!("`{name}` cannot be the name of a variable")),
        None => Ok(entries.iter().map(|(name, value)| (name.clone(), value.clone())).collect()),
    }
}

impl Template<'_> {
    /// The first problems, each with its place in the template.
    fn refuse<T>(&self, problems: &[Diagnostic]) -> Result<T, FunctionError> {
        let shown: Vec<String> = problems.iter().take(MOST_PROBLEMS).map(|problem| self.shown(problem)).collect();
        wrong(0, shown.join("; "))
    }

    fn shown(&self, problem: &Diagnostic) -> String {
        let message = match problem.message() {
            message if message.is_empty() => problem.kind.summary.to_owned(),
            message => message,
        };
        match &problem.place {
            Place::Span(span) => format!("{}: {message}", self.place(span.start)),
            _ => message,
        }
    }

    /// `motd.tftpl:3:14`.
    fn place(&self, offset: u32) -> String {
        let before = self.text.get(..usize::try_from(offset).unwrap_or(usize::MAX)).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        match self.path {
            Some(path) => format!("{path}:{line}:{column}"),
            None => format!("line {line}, column {column}"),
        }
    }

    fn check_names(&self, expr: &ast::Expr, variables: &[(Text, Value)]) -> Result<(), FunctionError> {
        let mut names = Vec::new();
        super::names::free(expr, &mut Vec::new(), &mut names);
        let missing = names.iter().find(|(name, _)| !variables.iter().any(|(known, _)| known == name));
        let Some((name, span)) = missing else { return Ok(()) };
        let known = variables.iter().map(|(name, _)| &**name);
        let help = terrane_core::diagnostic::suggestion(name, known).map(|help| format!(" ({help})"));
        let place = self.place(span.start);
        wrong(1, format!("it does not have `{name}`, which the template uses at {place}{}", help.unwrap_or_default()))
    }
}

/// What a template sees: no name but its variables, and the same files as its caller.
struct Inside<'a> {
    cx: &'a FunctionContext<'a>,
    depth: u32,
}

impl Scope for Inside<'_> {
    fn variable(&self, index: usize) -> Value {
        Nothing.variable(index)
    }
    fn local(&self, index: usize) -> Value {
        Nothing.local(index)
    }
    fn resource(&self, index: usize) -> Value {
        Nothing.resource(index)
    }
    fn instance(&self, index: usize, key: Option<&InstanceKey>) -> Option<Value> {
        Nothing.instance(index, key)
    }
    fn keys(&self, index: usize) -> Result<Option<Vec<InstanceKey>>, Value> {
        Nothing.keys(index)
    }
    fn key_form(&self, index: usize) -> Result<KeyForm, Value> {
        Nothing.key_form(index)
    }
    fn module_key_form(&self, index: usize) -> Result<KeyForm, Value> {
        Nothing.module_key_form(index)
    }
    fn module(&self, index: usize) -> Value {
        Nothing.module(index)
    }
    fn module_output(&self, index: usize, key: Option<&InstanceKey>, output: &str) -> Option<Value> {
        Nothing.module_output(index, key, output)
    }
    fn module_keys(&self, index: usize) -> Result<Option<Vec<InstanceKey>>, Value> {
        Nothing.module_keys(index)
    }
    fn each(&self) -> Option<(Value, Value)> {
        None
    }
    fn count_index(&self) -> Option<Value> {
        None
    }
    fn self_value(&self) -> Option<Value> {
        None
    }
    fn module_folder(&self) -> Text {
        self.cx.module_folder.into()
    }
    fn sources(&self) -> &dyn Sources {
        self.cx.sources
    }
    fn template_depth(&self) -> u32 {
        self.depth
    }
}
