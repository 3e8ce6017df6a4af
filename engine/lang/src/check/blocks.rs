//! Lowers the top-level blocks of one folder.

use super::body::{Meta, helped};
use super::lower::{Lower, Surroundings, written};
use super::meta::find;
use super::names::{Blocks, Names, Repeats, World};
use crate::diag;
use crate::eval::ir::Expr;
use crate::program::{Call, Import, Local, ModuleId, Moved, Output, ProviderBlock, ProviderRef, Removed, Resource};
use crate::program::{Check, Validation, Variable};
use crate::syntax::ast;
use terrane_core::diagnostic::suggestion;
use terrane_core::{Diagnostic, Mode, Type};

/// What a folder lowers to; calls name folders, not modules yet.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lowered {
    pub variables: Vec<Variable>,
    pub locals: Vec<Local>,
    pub resources: Vec<Resource>,
    pub calls: Vec<(Call, String)>,
    pub outputs: Vec<Output>,
    pub providers: Vec<ProviderBlock>,
    pub imports: Vec<Import>,
    pub moves: Vec<Moved>,
    pub removals: Vec<Removed>,
    pub checks: Vec<Check>,
}

const RESOURCE: Meta =
    Meta { arguments: &["count", "for_each", "depends_on", "provider"], blocks: &["lifecycle", "timeouts"] };
const PROVIDER: Meta = Meta { arguments: &["alias"], blocks: &[] };
const VARIABLE: &[&str] = &["type", "default", "description", "sensitive", "nullable"];
const OUTPUT: &[&str] = &["value", "description", "sensitive", "depends_on"];
pub(super) const CALL: &[&str] = &["source", "count", "for_each", "depends_on", "providers"];
/// Arguments of blocks that later versions have.
const LATER: &[&str] = &["ephemeral", "deprecated", "version", "write_only", "identity"];

fn is_null(expr: &Expr) -> bool {
    expr.as_literal().is_some_and(terrane_core::Value::is_null)
}

/// Lowers every block of a folder; what has a problem is left out.
pub(crate) fn lower(world: &World<'_>, names: &Names, blocks: Blocks, problems: &mut Vec<Diagnostic>) -> Lowered {
    let mut lowered = Lowered::default();
    let mut cx = Lower::new(world, names, problems);
    for block in blocks.variables {
        lowered.variables.extend(cx.variable_block(&block));
    }
    for attribute in blocks.locals {
        let value = cx.expr(&attribute.value);
        lowered.locals.extend(value.map(|value| Local { name: attribute.name.text, value }));
    }
    lowered.resources.reserve_exact(blocks.resources.len());
    for (mode, block) in blocks.resources {
        lowered.resources.extend(cx.resource_block(mode, &block));
    }
    for block in blocks.calls {
        lowered.calls.extend(cx.call_block(&block));
    }
    for block in blocks.outputs {
        lowered.outputs.extend(cx.output_block(&block));
    }
    for (provider, block) in blocks.providers {
        lowered.providers.extend(cx.provider_block(provider, &block));
    }
    for block in blocks.checks {
        lowered.checks.extend(cx.check_block(&block));
    }
    lowered.imports.extend(blocks.imports.iter().filter_map(|block| cx.import_block(block)));
    lowered.moves.extend(blocks.moves.iter().filter_map(|block| cx.moved_block(block)));
    lowered.removals.extend(blocks.removals.iter().filter_map(|block| cx.removed_block(block)));
    lowered
}

impl Lower<'_> {
    /// Reports arguments and blocks that a block of the language does not have; false where there are any.
    pub fn only(&mut self, block: &ast::Block, arguments: &[&str], blocks: &[&str]) -> bool {
        let before = self.problems.len();
        let kind = &block.kind.text;
        for attribute in &block.body.attributes {
            let name = &attribute.name;
            if arguments.contains(&&*name.text) {
                continue;
            }
            if LATER.contains(&&*name.text) {
                let detail = format!("`{}` of a {kind}", name.text);
                self.report(diag::NOT_IN_THIS_VERSION.at(name.span).detail(detail));
                continue;
            }
            let problem =
                diag::UNKNOWN_ARGUMENT.at(name.span).detail(format!("`{kind}` has no argument `{}`", name.text));
            self.report(helped(problem, suggestion(&name.text, arguments.iter().copied())));
        }
        for nested in &block.body.blocks {
            if blocks.contains(&&*nested.kind.text) {
                continue;
            }
            let name = &nested.kind.text;
            if matches!(&**name, "cloud" | "required_providers") {
                self.report(diag::NOT_IN_THIS_VERSION.at(nested.header).detail(format!("`{name}` blocks of a {kind}")));
                continue;
            }
            let problem = diag::UNKNOWN_BLOCK.at(nested.kind.span).detail(format!("`{kind}` has no block `{name}`"));
            let none = String::from("Write name = value");
            self.report(problem.help(suggestion(name, blocks.iter().copied()).unwrap_or(none)));
        }
        self.problems.len() == before
    }

    pub fn flag(&mut self, body: &ast::Body, name: &str, otherwise: bool) -> Option<bool> {
        match find(body, name) {
            None => Some(otherwise),
            Some(attribute) => {
                let setting = self.setting(&attribute.value, name)?;
                setting.bool(name, self.problems)
            }
        }
    }

    fn description(&mut self, body: &ast::Body) {
        if let Some(attribute) = find(body, "description")
            && let Some(setting) = self.setting(&attribute.value, "description")
        {
            setting.text("description", self.problems);
        }
    }

    fn variable_block(&mut self, block: &ast::Block) -> Option<Variable> {
        let name = block.labels.first()?.text.clone();
        let ty = self.names.variables.get(&name).and_then(|variable| variable.ty.clone());
        let is_known = self.only(block, VARIABLE, &["validation"]);
        self.description(&block.body);
        let default = find(&block.body, "default").map(|a| self.default(&a.value, ty.as_ref()));
        let validations = self.conditions(&block.body, "validation");
        let is_sensitive = self.flag(&block.body, "sensitive", false);
        let is_nullable = self.flag(&block.body, "nullable", true);
        if is_nullable == Some(false)
            && let Some(Some(Expr { span, .. })) =
                default.as_ref().filter(|default| default.as_ref().is_some_and(is_null))
        {
            let detail = "null is no value of a variable with `nullable = false`";
            self.report(diag::WRONG_SETTING.at(*span).detail(detail).help("Write another default, or none"));
            return None;
        }
        if !is_known {
            return None;
        }
        Some(Variable {
            name,
            ty: ty?,
            default: written(default)?,
            is_sensitive: is_sensitive?,
            is_nullable: is_nullable?,
            validations: validations?,
            span: block.header,
        })
    }

    fn default(&mut self, expr: &ast::Expr, ty: Option<&Type>) -> Option<Expr> {
        let setting = self.setting(expr, "default")?;
        // Without a type there is a problem already, and nothing to compare with.
        self.of_type(Expr::literal(setting.value, setting.span), ty?, "default")
    }

    /// The blocks of a kind, each with a condition and what to say where it is false.
    fn conditions(&mut self, body: &ast::Body, kind: &str) -> Option<Vec<Validation>> {
        let blocks = body.blocks.iter().filter(|nested| &*nested.kind.text == kind);
        let lowered: Vec<Option<Validation>> = blocks.map(|nested| self.validation(nested)).collect();
        lowered.into_iter().collect()
    }

    fn check_block(&mut self, block: &ast::Block) -> Option<Check> {
        let name = block.labels.first()?.text.clone();
        let is_known = self.only(block, &[], &["assert"]);
        self.check = Some(name.clone());
        let asserts = self.conditions(&block.body, "assert");
        self.check = None;
        if is_known && !block.body.blocks.iter().any(|nested| &*nested.kind.text == "assert") {
            self.report(diag::MISSING_ARGUMENT.at(block.header).detail("the block `assert` is missing"));
            return None;
        }
        is_known.then_some(Check { name, asserts: asserts?, span: block.header })
    }

    pub(super) fn validation(&mut self, block: &ast::Block) -> Option<Validation> {
        let is_known = self.only(block, &["condition", "error_message"], &[]) && self.unlabelled(block);
        let mut required = |name: &str| match find(&block.body, name) {
            Some(attribute) => self.expr(&attribute.value),
            None if !is_known => None,
            None => {
                self.report(
                    diag::MISSING_ARGUMENT.at(block.header).detail(format!("the argument `{name}` is missing")),
                );
                None
            }
        };
        let (condition, error_message) = (required("condition"), required("error_message"));
        is_known.then_some(Validation { condition: condition?, error_message: error_message? })
    }

    fn resource_block(&mut self, mode: Mode, block: &ast::Block) -> Option<Resource> {
        let [type_name, name] = block.labels.as_slice() else { return None };
        let (type_name, name) = (type_name.text.clone(), name.text.clone());
        let found = self.names.resources.get(&(mode, type_name.clone(), name.clone()))?;
        // An unknown type has its problem already; nothing can be said about its arguments.
        let schema = found.schema.clone()?;
        let body = &block.body;
        let repetition = self.repetition(body, found.repeats);
        let lowered = self.body(body, &schema.body, block.header, RESOURCE);
        let provider = self.provider_of(body, &type_name);
        let depends_on = self.depends_on(body);
        let lifecycle = self.lifecycle(body, &schema);
        let is_scoped = found.of_check.is_some();
        let timeouts = self.timeouts(body);
        self.around = Surroundings::PLAIN;
        Some(Resource {
            mode,
            type_name,
            name,
            schema,
            repetition: repetition?,
            body: lowered?,
            provider: provider?,
            depends_on: depends_on?,
            lifecycle: lifecycle?,
            timeouts: timeouts?,
            is_scoped,
            span: block.header,
        })
    }

    fn call_block(&mut self, block: &ast::Block) -> Option<(Call, String)> {
        let name = block.labels.first()?.text.clone();
        // A call whose folder could not be read has its problem already.
        let folder = self.names.calls.get(&name)?.folder.clone();
        let world = self.world;
        let callee = folder.as_ref().and_then(|folder| world.folders.get(folder));
        let repetition = self.repetition(&block.body, Repeats::of(&block.body));
        let depends_on = self.depends_on(&block.body);
        let arguments = match callee {
            Some(callee) => self.call_arguments(block, callee),
            None => None,
        };
        self.around = Surroundings::PLAIN;
        let providers = self.passed_providers(&block.body);
        let call = Call {
            name,
            module: ModuleId(0),
            repetition: repetition?,
            arguments: arguments?,
            depends_on: depends_on?,
            providers: providers?,
            span: block.header,
        };
        Some((call, folder?))
    }

    fn call_arguments(&mut self, block: &ast::Block, callee: &Names) -> Option<Vec<Option<Expr>>> {
        let mut known: Vec<&str> = callee.variables.keys().map(|name| &**name).collect();
        known.extend(CALL);
        if callee.is_incomplete {
            // What is not declared there may stand in what could not be read.
            known.extend(block.body.attributes.iter().map(|attribute| &*attribute.name.text));
        }
        let is_known = self.only(block, &known, &[]);
        let mut arguments: Vec<Option<Expr>> = vec![None; callee.variables.len()];
        let mut is_whole = is_known;
        for (name, variable) in &callee.variables {
            let Some(attribute) = find(&block.body, name).filter(|_| !CALL.contains(&&**name)) else {
                // What has another name may be meant for this one.
                if !variable.has_default && is_known {
                    let detail = format!("the module needs a value for its variable `{name}`");
                    self.report(diag::MISSING_ARGUMENT.at(block.header).detail(detail));
                }
                is_whole &= variable.has_default;
                continue;
            };
            let value = self.expr(&attribute.value);
            let value = value.and_then(|value| match &variable.ty {
                Some(ty) => self.of_type(value, ty, name),
                None => Some(value),
            });
            is_whole &= value.is_some();
            if let Some(slot) = arguments.get_mut(super::refer::index(variable.number)) {
                *slot = value;
            }
        }
        is_whole.then_some(arguments)
    }

    fn output_block(&mut self, block: &ast::Block) -> Option<Output> {
        let name = block.labels.first()?.text.clone();
        let is_known = self.only(block, OUTPUT, &["precondition"]);
        self.description(&block.body);
        let value = match find(&block.body, "value") {
            Some(attribute) => self.expr(&attribute.value),
            None if !is_known => None,
            None => {
                self.report(diag::MISSING_ARGUMENT.at(block.header).detail("the argument `value` is missing"));
                None
            }
        };
        let is_sensitive = self.flag(&block.body, "sensitive", false);
        let depends_on = self.depends_on(&block.body);
        let preconditions = self.conditions(&block.body, "precondition");
        if !is_known {
            return None;
        }
        Some(Output {
            name,
            value: value?,
            is_sensitive: is_sensitive?,
            depends_on: depends_on?,
            preconditions: preconditions?,
            span: block.header,
        })
    }

    fn provider_block(&mut self, provider: ProviderRef, block: &ast::Block) -> Option<ProviderBlock> {
        let schema = self.world.schemas.provider(&provider.name)?;
        let body = self.body(&block.body, &schema.body, block.header, PROVIDER)?;
        Some(ProviderBlock { provider, schema, body, span: block.header })
    }
}
