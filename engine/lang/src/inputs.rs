//! Variables given from outside: environment, variables files, command line.
//!
//! From low to high: `TF_VAR_x`, `TERRANE_VAR_x`, `terrane.tfvars` (else `terraform.tfvars`), the same as
//! `.json`, `*.auto.tfvars` and `*.auto.tfvars.json` by name, then `-var` and `-var-file` in their order. The
//! last wins as a whole; maps are not merged. Text is a value as it stands, or an expression where the
//! declared type has parts.

use crate::check::constant;
use crate::convert::convert;
use crate::diag;
use crate::eval;
use crate::paths::join;
use crate::program::{Input, InputSource, InputValue, Program, Variable};
use crate::scope::Sources;
use crate::syntax::{self, Given};
use std::collections::BTreeMap;
use terrane_core::diagnostic::{suggestion, tidy};
use terrane_core::{Diagnostic, FileId, Place, SourceMap, Text, Type, Value};

/// `-var` and `-var-file`, in the order of the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flag {
    /// `-var 'name=text'`.
    Var(String),
    /// `-var-file path`, relative to the folder the run works in.
    VarFile(String),
}

/// What was given for the variables of a program.
#[derive(Debug, Default)]
pub struct Inputs {
    /// At most one entry a variable: the one that wins. Sorted by name.
    pub inputs: Vec<Input>,
    /// Problems, sorted by place.
    pub problems: Vec<Diagnostic>,
}

/// What has been read so far; later entries replace earlier ones.
struct Gather<'a> {
    sources: &'a dyn Sources,
    files: &'a mut SourceMap,
    variables: &'a [Variable],
    found: BTreeMap<Text, Input>,
    problems: Vec<Diagnostic>,
}

/// Reads what is given for the variables of the root module. Variables files are added to `files`.
pub fn inputs(program: &Program, folder: &str, sources: &dyn Sources, flags: &[Flag], files: &mut SourceMap) -> Inputs {
    let variables = program.modules.first().map(|root| root.variables.as_slice()).unwrap_or_default();
    let mut gather = Gather { sources, files, variables, found: BTreeMap::new(), problems: Vec::new() };
    gather.environment();
    for name in automatic(sources, folder) {
        gather.file(&name, &join(folder, &name));
    }
    for flag in flags {
        match flag {
            Flag::Var(text) => gather.var(text),
            Flag::VarFile(path) => gather.file(path, path),
        }
    }
    let Gather { found, mut problems, .. } = gather;
    tidy(&mut problems);
    Inputs { inputs: found.into_values().collect(), problems }
}

/// Whether a variables file of this name in the folder of the root module may be read without being named.
#[must_use]
pub fn is_read_unasked(name: &str) -> bool {
    let name = name.strip_suffix(".json").unwrap_or(name);
    !name.contains('/') && (matches!(name, "terrane.tfvars" | "terraform.tfvars") || name.ends_with(".auto.tfvars"))
}

/// Variables files that are read without being named, in the order they are read.
fn automatic(sources: &dyn Sources, folder: &str) -> Vec<String> {
    let listed = sources.list(folder).unwrap_or_default();
    let has = |name: &str| listed.iter().any(|listed| listed == name);
    let own = ["terrane.tfvars", "terrane.tfvars.json"];
    let theirs = ["terraform.tfvars", "terraform.tfvars.json"];
    let main = if own.iter().any(|name| has(name)) { own } else { theirs };
    let mut names: Vec<String> = main.iter().filter(|name| has(name)).map(|name| (*name).to_owned()).collect();
    let is_auto = |name: &&String| name.ends_with(".auto.tfvars") || name.ends_with(".auto.tfvars.json");
    names.extend(listed.iter().filter(is_auto).cloned());
    names
}

impl Gather<'_> {
    fn declared(&self, name: &str) -> Option<&Variable> {
        self.variables.iter().find(|variable| &*variable.name == name)
    }

    fn put(&mut self, name: Text, value: InputValue, source: InputSource) {
        self.found.insert(name.clone(), Input { name, value, source });
    }

    fn environment(&mut self) {
        for variable in self.variables {
            for prefix in ["TF_VAR_", "TERRANE_VAR_"] {
                let name: Text = format!("{prefix}{}", variable.name).into();
                if let Some(text) = self.sources.env(&name) {
                    self.put(variable.name.clone(), InputValue::Text(text), InputSource::Environment(name));
                }
            }
        }
    }

    fn var(&mut self, text: &str) {
        let Some((name, value)) = text.split_once('=') else {
            let place = Place::Argument(String::from("-var"));
            self.problems.push(diag::WRONG_VARIABLE_FLAG.at(place).detail("the equals sign is missing"));
            return;
        };
        let name = name.trim();
        if self.declared(name).is_none() {
            let place = Place::Argument(format!("-var {name}"));
            let problem = diag::UNDECLARED_VARIABLE.at(place).detail(format!("there is no variable `{name}`"));
            let problem = self.suggested(problem, name);
            self.problems.push(problem);
            return;
        }
        self.put(name.into(), InputValue::Text(value.to_owned()), InputSource::CommandLine);
    }

    fn suggested(&self, problem: Diagnostic, name: &str) -> Diagnostic {
        match suggestion(name, self.variables.iter().map(|v| &*v.name)) {
            Some(help) => problem.help(help),
            None => problem,
        }
    }

    fn file(&mut self, shown: &str, path: &str) {
        let read = self.sources.read(path).and_then(|bytes| {
            std::str::from_utf8(&bytes).map(str::to_owned).map_err(|_| String::from("it is not UTF-8 text"))
        });
        let text = match read {
            Ok(text) => text,
            Err(reason) => {
                let place = Place::File(shown.to_owned());
                self.problems.push(diag::WRONG_VARIABLES_FILE.at(place).detail(reason));
                return;
            }
        };
        let id = self.files.add(shown, text.as_str());
        let is_json = shown.to_ascii_lowercase().ends_with(".json");
        let (values, problems) = syntax::parse_values(id, &text, is_json);
        self.problems.extend(problems);
        for (name, given) in values {
            if self.declared(&name.text).is_none() {
                let detail = format!("there is no variable `{}`", name.text);
                let problem = self.suggested(diag::UNDECLARED_IN_FILE.at(name.span).detail(detail), &name.text);
                self.problems.push(problem);
                continue;
            }
            let (value, span) = match given {
                Given::Value(value) => (Some(value), name.span),
                Given::Expr(expr) => (constant(&expr, &mut self.problems), name.span.to(expr.span)),
            };
            if let Some(value) = value {
                self.put(name.text, InputValue::Value(value), InputSource::File(span));
            }
        }
    }
}

fn place(variable: &Variable, source: &InputSource) -> Place {
    match source {
        InputSource::Environment(name) => Place::Argument(name.to_string()),
        InputSource::File(span) => Place::Span(*span),
        InputSource::CommandLine => Place::Argument(format!("-var {}", variable.name)),
    }
}

/// The value of a variable: converted to its type, the default filled in, marked sensitive where the variable
/// is. `None` after an error.
pub fn variable_value(variable: &Variable, input: Option<&Input>, problems: &mut Vec<Diagnostic>) -> Option<Value> {
    let Some(input) = input else {
        let Some(default) = variable.default.as_ref().and_then(eval::constant) else {
            let detail = format!("nothing gives a value to `{}`, and it has no default", variable.name);
            problems.push(diag::NO_VALUE_FOR_VARIABLE.at(variable.span).detail(detail));
            return None;
        };
        return Some(marked(variable, default));
    };
    let given = match &input.value {
        InputValue::Value(value) => value.clone(),
        InputValue::Text(text) => from_text(variable, text, &input.source, problems)?,
    };
    given_value(variable, given, &place(variable, &input.source), problems)
}

/// The value of a variable that a module call or an input gives: converted, null replaced by the default
/// where null is no value, marked. `None` after an error at `place`.
pub fn given_value(variable: &Variable, given: Value, place: &Place, problems: &mut Vec<Diagnostic>) -> Option<Value> {
    let value = match convert(&given, &variable.ty) {
        Ok(value) => value,
        Err(error) => {
            let reason = if variable.is_sensitive { format!("a {} is wanted", variable.ty) } else { error.text() };
            let detail = format!("`{}`: {reason}", variable.name);
            problems.push(diag::WRONG_TYPE.at(place.clone()).detail(detail));
            return None;
        }
    };
    if !value.is_null() || variable.is_nullable {
        return Some(marked(variable, value));
    }
    let Some(default) = variable.default.as_ref().and_then(eval::constant) else {
        let detail = format!("`{}` cannot be null and has no default", variable.name);
        problems.push(diag::NO_VALUE_FOR_VARIABLE.at(place.clone()).detail(detail));
        return None;
    };
    Some(marked(variable, default))
}

fn marked(variable: &Variable, value: Value) -> Value {
    if variable.is_sensitive { value.sensitive() } else { value }
}

/// A text as it stands, or as an expression where the type has parts.
fn from_text(variable: &Variable, text: &str, source: &InputSource, problems: &mut Vec<Diagnostic>) -> Option<Value> {
    if variable.ty.is_primitive() || matches!(variable.ty, Type::Any) {
        return Some(Value::string(text));
    }
    // The text is in no file, so spans inside mean nothing to anybody.
    let mut inner = Vec::new();
    let (expr, syntax) = syntax::parse_expression(FileId(u32::MAX), text, 0);
    inner.extend(syntax);
    let value = expr.and_then(|expr| constant(&expr, &mut inner));
    if value.is_none() {
        let shown = inner.first().map(|problem| {
            let message = if variable.is_sensitive { String::new() } else { problem.message() };
            if message.is_empty() { problem.kind.summary.to_owned() } else { message }
        });
        let detail = format!(
            "`{}` takes a {} written as an expression: {}",
            variable.name,
            variable.ty,
            shown.unwrap_or_default()
        );
        problems.push(diag::WRONG_TYPE.at(place(variable, source)).detail(detail));
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Files, program, shown};

    const VARIABLES: &str = "variable \"name\" {\n  type = string\n  default = \"d\"\n}\nvariable \"list\" {\n  type = list(number)\n  default = []\n}\nvariable \"secret\" {\n  type = string\n  sensitive = true\n  default = \"\"\n}\nvariable \"strict\" {\n  type = string\n  nullable = false\n  default = \"s\"\n}\nvariable \"needed\" {\n  type = number\n  validation {\n    condition = var.needed > 1\n    error_message = \"needed is ${var.needed}\"\n  }\n}\n";

    struct Given {
        files: Vec<(&'static str, &'static str)>,
        env: Vec<(&'static str, &'static str)>,
        flags: Vec<Flag>,
    }

    fn read(given: &Given) -> (Program, Inputs) {
        let program = program(&[("main.hcl", VARIABLES)]);
        let mut sources = Files::of(&given.files);
        sources.env = given.env.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let inputs = inputs(&program, ".", &sources, &given.flags, &mut SourceMap::default());
        (program, inputs)
    }

    fn value_of(name: &str, given: &Given) -> Result<Value, Vec<Diagnostic>> {
        let (program, inputs) = read(given);
        let variable = program.modules[0].variables.iter().find(|v| &*v.name == name).unwrap();
        let input = inputs.inputs.iter().find(|input| &*input.name == name);
        let mut problems = Vec::new();
        variable_value(variable, input, &mut problems).ok_or(problems)
    }

    fn var(text: &str) -> Flag {
        Flag::Var(text.to_owned())
    }

    #[test]
    fn the_later_source_wins() {
        let mut given = Given { files: vec![], env: vec![("TF_VAR_name", "tf")], flags: vec![] };
        let name = |given: &Given| value_of("name", given).unwrap().as_str().unwrap().to_owned();
        assert_eq!(name(&Given { files: vec![], env: vec![], flags: vec![] }), "d");
        assert_eq!(name(&given), "tf");
        given.env.push(("TERRANE_VAR_name", "own"));
        assert_eq!(name(&given), "own");
        given.files.push(("terraform.tfvars", "name = \"file\"\n"));
        assert_eq!(name(&given), "file");
        given.files.push(("terrane.tfvars", "name = \"own file\"\n"));
        assert_eq!(name(&given), "own file");
        given.files.push(("b.auto.tfvars", "name = \"b\"\n"));
        given.files.push(("a.auto.tfvars.json", "{\"name\": \"a\"}"));
        assert_eq!(name(&given), "b");
        given.files.push(("x.tfvars", "name = \"x\"\n"));
        given.flags = vec![var("name=v"), Flag::VarFile(String::from("x.tfvars"))];
        assert_eq!(name(&given), "x");
        given.flags.push(var("name=a=b"));
        assert_eq!(name(&given), "a=b");
    }

    #[test]
    fn text_is_an_expression_where_the_type_has_parts() {
        let given = |text: &str| Given { files: vec![], env: vec![], flags: vec![var(text)] };
        let list = value_of("list", &given("list=[1, \"2\"]")).unwrap();
        assert_eq!(list, Value::list(vec![Value::int(1), Value::int(2)]));
        assert_eq!(value_of("name", &given("name=[1]")).unwrap(), Value::string("[1]"));
        for wrong in ["list=[1", "list=5", "list=var.x"] {
            let problems = value_of("list", &given(wrong)).unwrap_err();
            assert_eq!(problems[0].kind.id, "wrong-type", "{wrong}: {:?}", shown(&problems));
        }
    }

    #[test]
    fn undeclared_values_are_silent_warned_of_or_refused() {
        let given = Given {
            files: vec![("terrane.tfvars", "nmae = 1\n")],
            env: vec![("TF_VAR_other", "1")],
            flags: vec![var("lsit=1"), var("broken"), Flag::VarFile(String::from("none.tfvars"))],
        };
        let (_, inputs) = read(&given);
        let mut ids: Vec<&str> = inputs.problems.iter().map(|p| p.kind.id).collect();
        ids.sort_unstable();
        assert_eq!(ids, ["undeclared-in-file", "undeclared-variable", "wrong-variable-flag", "wrong-variables-file"]);
    }

    #[test]
    fn null_means_the_default_where_it_is_no_value() {
        let given =
            Given { files: vec![("terrane.tfvars", "strict = null\nname = null\n")], env: vec![], flags: vec![] };
        assert_eq!(value_of("strict", &given).unwrap(), Value::string("s"));
        assert!(value_of("name", &given).unwrap().is_null());
    }

    #[test]
    fn a_sensitive_variable_is_marked_and_its_mistakes_do_not_show_it() {
        let given = Given { files: vec![], env: vec![("TF_VAR_secret", "hunter2")], flags: vec![] };
        assert!(value_of("secret", &given).unwrap().is_sensitive());
        let given = Given { files: vec![("terrane.tfvars", "secret = [\"hunter2\"]\n")], env: vec![], flags: vec![] };
        let problems = value_of("secret", &given).unwrap_err();
        assert!(!format!("{problems:?}").contains("hunter2"));
    }

    #[test]
    fn a_variable_without_a_value_is_told() {
        let problems = value_of("needed", &Given { files: vec![], env: vec![], flags: vec![] }).unwrap_err();
        assert_eq!(problems[0].kind.id, "no-value-for-variable");
    }
}
