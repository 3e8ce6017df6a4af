//! Variables given from outside: variables files, environment, command line.

use crate::eval::ResolveContext;
use crate::program::{Input, Program, Variable};
use crate::scope::{Scope, Sources};
use terrane_core::{Diagnostic, SourceMap, Value};

/// `-var` and `-var-file`, in the order of the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flag {
    /// `-var 'name=text'`.
    Var(String),
    /// `-var-file path`.
    VarFile(String),
}

/// What was given for the variables of a program.
#[derive(Debug, Default)]
pub struct Inputs {
    /// One entry a variable: the one that wins.
    pub inputs: Vec<Input>,
    /// Problems, sorted by place.
    pub problems: Vec<Diagnostic>,
}

/// Reads what is given for the variables of the root module. Variables files are added to `files`.
pub fn inputs(program: &Program, folder: &str, sources: &dyn Sources, flags: &[Flag], files: &mut SourceMap) -> Inputs {
    let _ = (program, folder, sources, flags, files);
    Inputs::default()
}

/// The value of a variable: converted, default filled in, marked. `None` after an error.
pub fn variable_value(variable: &Variable, input: Option<&Input>, problems: &mut Vec<Diagnostic>) -> Option<Value> {
    let _ = (variable, input, problems);
    None
}

/// Evaluates the `validation` blocks of a variable. A condition that is not known yet passes for now.
pub fn check_validations(variable: &Variable, scope: &dyn Scope, problems: &mut Vec<Diagnostic>) {
    let _ = (variable, scope, problems);
    let _: Option<ResolveContext<'_>> = None;
}
