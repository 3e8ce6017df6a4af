//! Expressions that stand in no file: those of `terrane console`.

use super::lower::{Lower, number};
use super::names::{CallName, Lost, Names, Repeats, ResourceName, VariableName, World};
use crate::console::type_of_what;
use crate::eval::ir::Expr;
use crate::functions;
use crate::program::{Module, Program, Repetition, Schemas};
use crate::syntax::{self, ast};
use std::collections::{BTreeMap, BTreeSet};
use terrane_core::{Diagnostic, FileId, Mode, diagnostic};

/// Reads expressions as they would mean in the root module.
pub struct Lines<'a> {
    world: World<'a>,
}

impl<'a> Lines<'a> {
    /// With the names of a program.
    #[must_use]
    pub fn new(program: &Program, schemas: &'a dyn Schemas) -> Self {
        let names = |module: &Module| (module.folder.to_string(), names(program, module));
        Self { world: World { schemas, folders: program.modules.iter().map(names).collect() } }
    }

    /// The expression in `text`, and what is wrong with it. Spans count from the beginning of the text.
    #[must_use]
    pub fn expression(&self, file: FileId, text: &str) -> (Option<Expr>, Vec<Diagnostic>) {
        let (expr, problems) = syntax::parse_expression(file, text, 0);
        match expr {
            Some(expr) => self.lower(&expr, problems),
            None => (None, problems),
        }
    }

    fn lower(&self, expr: &ast::Expr, mut problems: Vec<Diagnostic>) -> (Option<Expr>, Vec<Diagnostic>) {
        let Some(names) = self.world.folders.get(".") else { return (None, problems) };
        let lowered = Lower::new(&self.world, names, &mut problems).expr(expr);
        diagnostic::tidy(&mut problems);
        (lowered.filter(|_| !problems.iter().any(Diagnostic::is_error)), problems)
    }

    /// As [`Lines::expression`]; of `type(x)` the expression `x`, and true.
    #[must_use]
    pub fn question(&self, file: FileId, text: &str) -> ((Option<Expr>, Vec<Diagnostic>), bool) {
        let (parsed, problems) = syntax::parse_expression(file, text, 0);
        let Some(parsed) = parsed else { return ((None, problems), false) };
        match type_of_what(&parsed) {
            Some(asked) => (self.lower(asked, problems), true),
            None => (self.lower(&parsed, problems), false),
        }
    }

    /// What an expression may begin with, sorted: for completion.
    #[must_use]
    pub fn beginnings(&self) -> Vec<String> {
        let mut words: BTreeSet<String> = functions::names().map(|name| format!("{name}(")).collect();
        words.extend(["path.module", "path.root", "path.cwd", "terrane.workspace"].map(String::from));
        let Some(names) = self.world.folders.get(".") else { return words.into_iter().collect() };
        words.extend(names.variables.keys().map(|name| format!("var.{name}")));
        words.extend(names.locals.keys().map(|name| format!("local.{name}")));
        words.extend(names.resources.keys().map(|(mode, type_name, name)| match mode {
            Mode::Data => format!("data.{type_name}.{name}"),
            Mode::Managed => format!("{type_name}.{name}"),
        }));
        for (name, call) in &names.calls {
            let outputs = call.folder.as_ref().and_then(|folder| self.world.folders.get(folder));
            words.extend(outputs.into_iter().flat_map(|of| of.outputs.keys()).map(|out| match call.repeats {
                Repeats::Once => format!("module.{name}.{out}"),
                Repeats::Count | Repeats::ForEach => format!("module.{name}["),
            }));
        }
        words.into_iter().collect()
    }
}

fn names(program: &Program, module: &Module) -> Names {
    let variables = module.variables.iter().enumerate().map(|(at, variable)| {
        let (ty, has_default) = (Some(variable.ty.clone()), variable.default.is_some());
        (variable.name.clone(), VariableName { number: number(at), ty, has_default })
    });
    // The data source of a check is for that check alone.
    let common = module.resources.iter().enumerate().filter(|(_, block)| !block.is_scoped);
    let resources = common.map(|(at, block)| {
        let key = (block.mode, block.type_name.clone(), block.name.clone());
        (
            key,
            ResourceName {
                number: number(at),
                repeats: repeats(&block.repetition),
                schema: Some(block.schema.clone()),
                of_check: None,
            },
        )
    });
    let calls = module.calls.iter().enumerate().map(|(at, call)| {
        let folder = program.modules.get(call.module.0).map(|callee| callee.folder.to_string());
        (call.name.clone(), CallName { number: number(at), repeats: repeats(&call.repetition), folder })
    });
    Names {
        variables: variables.collect(),
        locals: module.locals.iter().enumerate().map(|(at, local)| (local.name.clone(), number(at))).collect(),
        resources: resources.collect(),
        calls: calls.collect(),
        outputs: module.outputs.iter().enumerate().map(|(at, output)| (output.name.clone(), number(at))).collect(),
        providers: BTreeMap::new(),
        is_incomplete: false,
        lost: Lost::default(),
    }
}

fn repeats(of: &Repetition) -> Repeats {
    match of {
        Repetition::Single => Repeats::Once,
        Repetition::Count(_) => Repeats::Count,
        Repetition::ForEach(_) => Repeats::ForEach,
    }
}
