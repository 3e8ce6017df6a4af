//! Values that are needed before the state is read: the arguments of a backend.
//!
//! In: an expression of the root module that `check` found to be made of literals, functions and variables, and what was
//! given for the variables. Out: its value. Sources of secrets stay unknown: whoever needs the text asks them.

use crate::check::constant;
use crate::eval::{self, Nothing, ir::Expr};
use crate::inputs::variable_value;
use crate::program::{Input, Program};
use crate::scope::{KeyForm, Scope, Sources};
use crate::syntax;
use std::cell::RefCell;
use terrane_core::{Diagnostic, FileId, InstanceKey, SourceMap, Span, Text, Value};

/// The value of an expression of the root module; `None` after an error.
pub fn evaluate(
    program: &Program,
    inputs: &[Input],
    expr: &Expr,
    sources: &dyn Sources,
    problems: &mut Vec<Diagnostic>,
) -> Option<Value> {
    let scope = Early { program, inputs, sources, problems: RefCell::default() };
    let mut own = Vec::new();
    let value = eval::evaluate(expr, &scope, &mut own);
    let of_names = scope.problems.into_inner();
    let has_names = !of_names.iter().any(Diagnostic::is_error);
    problems.extend(of_names);
    // What comes of a name without a value follows from that alone.
    problems.extend(own.into_iter().filter(|_| has_names));
    value.filter(|_| has_names)
}

/// What a file of arguments gives: names with their places, and constant values. Its text is added to `files`.
///
/// # Errors
/// The reason why it cannot be read; what is wrong inside of it is in `problems`.
pub fn file(
    shown: &str,
    sources: &dyn Sources,
    files: &mut SourceMap,
    problems: &mut Vec<Diagnostic>,
) -> Result<Vec<(Text, Span, Value)>, String> {
    let bytes = sources.read(shown)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| String::from("it is not UTF-8 text"))?;
    let id = files.add(shown, text);
    let is_json = shown.to_ascii_lowercase().ends_with(".json");
    let (values, found) = syntax::parse_values(id, text, is_json);
    problems.extend(found);
    let mut pairs = Vec::with_capacity(values.len());
    for (name, given) in values {
        let value = match given {
            syntax::Given::Value(value) => Some(value),
            syntax::Given::Expr(expr) => constant(&expr, problems),
        };
        pairs.extend(value.map(|value| (name.text, name.span, value)));
    }
    Ok(pairs)
}

/// The constant that a text of the command line is; the text itself where it is none.
#[must_use]
pub fn text(text: &str) -> Value {
    let looks_like_parts = text.trim_start().starts_with(['{', '[']);
    let parsed = if looks_like_parts { syntax::parse_expression(FileId(u32::MAX), text, 0).0 } else { None };
    let value = parsed.and_then(|expr| constant(&expr, &mut Vec::new()));
    value.unwrap_or_else(|| Value::string(text))
}

/// Variables and local values of the root module; nothing else is there yet.
struct Early<'a> {
    program: &'a Program,
    inputs: &'a [Input],
    sources: &'a dyn Sources,
    /// Of the names that were asked for.
    problems: RefCell<Vec<Diagnostic>>,
}

impl Early<'_> {
    fn tell(&self, found: Vec<Diagnostic>) {
        let mut problems = self.problems.borrow_mut();
        let new: Vec<Diagnostic> = found.into_iter().filter(|problem| !problems.contains(problem)).collect();
        problems.extend(new);
    }
}

impl Scope for Early<'_> {
    fn variable(&self, index: usize) -> Value {
        let variable = self.program.modules.first().and_then(|root| root.variables.get(index));
        let Some(variable) = variable else { return Value::NULL };
        let input = self.inputs.iter().find(|input| input.name == variable.name);
        let mut problems = Vec::new();
        let value = variable_value(variable, input, &mut problems);
        self.tell(problems);
        value.unwrap_or(Value::NULL)
    }
    fn local(&self, index: usize) -> Value {
        let local = self.program.modules.first().and_then(|root| root.locals.get(index));
        let Some(local) = local else { return Value::NULL };
        let mut problems = Vec::new();
        let value = eval::evaluate(&local.value, self, &mut problems);
        self.tell(problems);
        value.unwrap_or(Value::NULL)
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
    fn module(&self, index: usize) -> Value {
        Nothing.module(index)
    }
    fn module_output(&self, index: usize, key: Option<&InstanceKey>, output: &str) -> Option<Value> {
        Nothing.module_output(index, key, output)
    }
    fn module_keys(&self, index: usize) -> Result<Option<Vec<InstanceKey>>, Value> {
        Nothing.module_keys(index)
    }
    fn module_key_form(&self, index: usize) -> Result<KeyForm, Value> {
        Nothing.module_key_form(index)
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
        ".".into()
    }
    fn sources(&self) -> &dyn Sources {
        self.sources
    }
}
