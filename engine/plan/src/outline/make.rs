//! A checked program becomes its outline.

use super::{
    BlockOutline, BodyOutline, CallOutline, ExprOutline, ModuleOutline, Outline, OutputOutline, ProviderOutline,
    RepetitionOutline, ResourceOutline, VariableOutline,
};
use std::collections::BTreeSet;
use terrane_core::{Block, InstanceKey, Mode, Nesting, PathStep, Shape, Text, Type, Value};
use terrane_lang::eval::ir::{Body, Expr, ExprKind, Given, Reference, Referent, Step};
use terrane_lang::program::{Call, Module, ModuleId, Program, ProviderRef, Repetition, Resource, Target, Variable};

/// Modules inside modules that are gone into; the checker refuses a module that calls itself.
const DEEPEST: usize = 64;

/// The outline of a program.
#[must_use]
pub fn of(program: &Program) -> Outline {
    let mut making = Making { program, relevant: BTreeSet::new() };
    let root = making.module(ModuleId(0), "", 0);
    let modules = program.modules.iter().enumerate();
    let providers = modules.flat_map(|(at, module)| {
        let path = calls_to(program, at);
        let outline = |block: &terrane_lang::program::ProviderBlock| ProviderOutline {
            name: block.provider.name.clone(),
            alias: block.provider.alias.clone(),
            module: path.clone(),
            body: making.body(module, &block.body, Some(&block.schema.body)),
        };
        module.providers.iter().map(outline).collect::<Vec<_>>()
    });
    let providers = providers.collect();
    Outline { providers, root, relevant: making.relevant.into_iter().collect() }
}

/// The names of the calls that lead to a module.
fn calls_to(program: &Program, module: usize) -> Text {
    let mut names = Vec::new();
    let mut at = module;
    while let Some((ModuleId(caller), call)) = program.modules.get(at).and_then(|module| module.caller) {
        if let Some(call) = program.modules.get(caller).and_then(|module| module.calls.get(call)) {
            names.push(&*call.name);
        }
        if names.len() > DEEPEST {
            break;
        }
        at = caller;
    }
    names.reverse();
    names.join(".").into()
}

struct Making<'p> {
    program: &'p Program,
    relevant: BTreeSet<(Text, Vec<PathStep>)>,
}

impl Making<'_> {
    fn module(&mut self, ModuleId(number): ModuleId, path: &str, depth: usize) -> ModuleOutline {
        let Some(module) = self.program.modules.get(number).filter(|_| depth < DEEPEST) else {
            return ModuleOutline::default();
        };
        self.note_relevant(module, path);
        let mut outline = ModuleOutline {
            resources: module.resources.iter().map(|resource| self.resource(module, resource)).collect(),
            calls: Vec::with_capacity(module.calls.len()),
            variables: module.variables.iter().map(variable).collect(),
            outputs: module
                .outputs
                .iter()
                .map(|output| OutputOutline {
                    name: output.name.clone(),
                    value: expr(module, &output.value),
                    is_sensitive: output.is_sensitive,
                    depends_on: targets(module, &output.depends_on),
                })
                .collect(),
        };
        for call in &module.calls {
            outline.calls.push(self.call(module, call, path, depth));
        }
        outline
    }

    fn call(&mut self, module: &Module, call: &Call, path: &str, depth: usize) -> CallOutline {
        let callee = self.program.modules.get(call.module.0);
        let variables = callee.map(|callee| callee.variables.as_slice()).unwrap_or_default();
        let given = variables.iter().zip(&call.arguments);
        let given = given.filter_map(|(variable, value)| {
            let mut value = expr(module, value.as_ref()?);
            if variable.is_sensitive {
                value.constant = None;
            }
            Some((variable.name.clone(), value))
        });
        CallOutline {
            name: call.name.clone(),
            source: callee.map_or_else(|| "".into(), |callee| callee.folder.clone()),
            arguments: given.collect(),
            repetition: repetition(module, &call.repetition),
            depends_on: targets(module, &call.depends_on),
            module: self.module(call.module, &format!("{path}module.{}.", call.name), depth + 1),
        }
    }

    fn resource(&self, module: &Module, resource: &Resource) -> ResourceOutline {
        ResourceOutline {
            is_data: resource.mode == Mode::Data,
            type_name: resource.type_name.clone(),
            name: resource.name.clone(),
            provider: provider(&resource.provider),
            schema_version: resource.schema.version,
            body: self.body(module, &resource.body, Some(&resource.schema.body)),
            repetition: repetition(module, &resource.repetition),
            depends_on: targets(module, &resource.depends_on),
        }
    }

    fn body(&self, module: &Module, body: &Body, schema: Option<&Block>) -> BodyOutline {
        let argument = |argument: &terrane_lang::eval::ir::Argument| {
            let mut value = expr(module, &argument.value);
            if schema.and_then(|schema| schema.attribute(&argument.name)).is_some_and(|known| known.is_secret) {
                value.constant = None;
            }
            (argument.name.clone(), value)
        };
        let block = |block: &terrane_lang::eval::ir::NestedBlock| {
            let shape = schema.and_then(|schema| schema.attribute(&block.name)).map(|known| &known.shape);
            let (inner, is_single) = match shape {
                Some(Shape::Block { block, nesting }) => (Some(block), *nesting == Nesting::Single),
                Some(Shape::Value(_)) | None => (None, false),
            };
            BlockOutline { name: block.name.clone(), is_single, body: self.body(module, &block.body, inner) }
        };
        BodyOutline {
            arguments: body.arguments.iter().map(argument).collect(),
            blocks: body.blocks.iter().map(block).collect(),
        }
    }

    /// Attributes of resources that anything in a module refers to.
    fn note_relevant(&mut self, module: &Module, path: &str) {
        let relevant = &mut self.relevant;
        let mut note = |found: &Expr| {
            let ExprKind::Reference(reference) = &found.kind else { return };
            let Referent::Resource(_) = reference.referent else { return };
            let attribute = steps(reference);
            if !attribute.is_empty() {
                relevant.insert((format!("{path}{}", base(module, reference)).into(), attribute));
            }
        };
        for resource in &module.resources {
            resource.body.visit(&mut note);
            if let Repetition::Count(value) | Repetition::ForEach(value) = &resource.repetition {
                value.visit(&mut note);
            }
        }
        module.locals.iter().for_each(|local| local.value.visit(&mut note));
        module.outputs.iter().for_each(|output| output.value.visit(&mut note));
        module.calls.iter().flat_map(|call| call.arguments.iter().flatten()).for_each(|value| value.visit(&mut note));
    }
}

fn provider(of: &ProviderRef) -> Text {
    match &of.alias {
        Some(alias) => format!("{}.{alias}", of.name).into(),
        None => of.name.clone(),
    }
}

fn variable(variable: &Variable) -> VariableOutline {
    let default = variable.default.as_ref().and_then(constant).filter(|_| !variable.is_sensitive);
    VariableOutline {
        name: variable.name.clone(),
        ty: (variable.ty != Type::Any).then(|| variable.ty.clone()),
        default,
        is_required: variable.default.is_none(),
        is_sensitive: variable.is_sensitive,
        validations: variable.validations.len(),
    }
}

fn repetition(module: &Module, repetition: &Repetition) -> RepetitionOutline {
    match repetition {
        Repetition::Single => RepetitionOutline::Single,
        Repetition::Count(value) => RepetitionOutline::Count(expr(module, value)),
        Repetition::ForEach(value) => RepetitionOutline::ForEach(expr(module, value)),
    }
}

fn targets(module: &Module, targets: &[Target]) -> Vec<Text> {
    let name = |target: &Target| match target {
        Target::Resource(number) => module.resources.get(*number).map(resource_name),
        Target::Call(number) => module.calls.get(*number).map(|call| format!("module.{}", call.name)),
    };
    targets.iter().filter_map(name).map(Text::from).collect()
}

fn resource_name(resource: &Resource) -> String {
    let data = if resource.mode == Mode::Data { "data." } else { "" };
    format!("{data}{}.{}", resource.type_name, resource.name)
}

fn expr(module: &Module, expr: &Expr) -> ExprOutline {
    if let Some(constant) = constant(expr) {
        return ExprOutline { constant: Some(constant), references: Vec::new() };
    }
    let mut references: Vec<Text> = Vec::new();
    let mut seen = BTreeSet::new();
    expr.visit(&mut |part| {
        for name in names(module, part) {
            let name = Text::from(name);
            if seen.insert(name.clone()) {
                references.push(name);
            }
        }
    });
    ExprOutline { constant: None, references }
}

/// The value of an expression that refers to nothing and calls nothing.
fn constant(expr: &Expr) -> Option<Value> {
    match &expr.kind {
        ExprKind::Literal(value) => Some(value.clone()).filter(|value| !value.has_sensitive()),
        ExprKind::Tuple(items) => items.iter().map(constant).collect::<Option<Vec<_>>>().map(Value::tuple),
        ExprKind::Object(entries) => {
            let entry = |(key, value): &(Expr, Expr)| Some((constant(key)?.as_text()?.clone(), constant(value)?));
            entries.iter().map(entry).collect::<Option<Vec<_>>>().map(Value::object)
        }
        _ => None,
    }
}

/// What one part of an expression refers to, the longest name first.
fn names(module: &Module, part: &Expr) -> Vec<String> {
    match &part.kind {
        ExprKind::Reference(reference) => reference_names(module, reference),
        ExprKind::Variable(_) | ExprKind::Local(_) | ExprKind::Given(_) | ExprKind::Attribute(_) => {
            chain(module, part).map(|(base, rest)| beginnings(base, rest)).unwrap_or_default()
        }
        ExprKind::Index(_) => chain(module, part).map(|(base, rest)| beginnings(base, rest)).unwrap_or_default(),
        _ => Vec::new(),
    }
}

/// The name that attributes and constant keys are taken from, and those, each as it is written.
fn chain(module: &Module, part: &Expr) -> Option<(String, Vec<String>)> {
    let number = |number: &u32| usize::try_from(*number).ok();
    match &part.kind {
        ExprKind::Variable(at) => Some((format!("var.{}", module.variables.get(number(at)?)?.name), Vec::new())),
        ExprKind::Local(at) => Some((format!("local.{}", module.locals.get(number(at)?)?.name), Vec::new())),
        ExprKind::Given(given) => Some((given_name(*given).to_owned(), Vec::new())),
        ExprKind::Attribute(attribute) => {
            let (base, mut rest) = chain(module, &attribute.of)?;
            rest.push(format!(".{}", attribute.name));
            Some((base, rest))
        }
        ExprKind::Index(pair) => {
            let (base, mut rest) = chain(module, &pair.0)?;
            rest.push(key(&pair.1)?);
            Some((base, rest))
        }
        _ => None,
    }
}

fn given_name(given: Given) -> &'static str {
    match given {
        Given::EachKey => "each.key",
        Given::EachValue => "each.value",
        Given::CountIndex => "count.index",
        Given::SelfValue => "self",
        Given::PathModule => "path.module",
        Given::PathRoot => "path.root",
        Given::PathCwd => "path.cwd",
        Given::Workspace => "terraform.workspace",
    }
}

/// `[0]` or `["k"]` of a constant key.
fn key(expr: &Expr) -> Option<String> {
    let value = expr.as_literal()?;
    let key = match value.as_i64().and_then(|at| u64::try_from(at).ok()) {
        Some(at) => InstanceKey::Index(at),
        None => InstanceKey::Name(value.as_text()?.clone()),
    };
    Some(key.to_string())
}

/// A resource or module call, with its key where that is constant.
fn base(module: &Module, reference: &Reference) -> String {
    let name = match reference.referent {
        Referent::Resource(at) => usize::try_from(at).ok().and_then(|at| module.resources.get(at)).map(resource_name),
        Referent::Call(at) => {
            usize::try_from(at).ok().and_then(|at| module.calls.get(at)).map(|call| format!("module.{}", call.name))
        }
    };
    name.unwrap_or_default() + &reference.key.as_ref().and_then(key).unwrap_or_default()
}

/// The attributes and constant keys that are taken from an instance, up to the first that is not constant.
fn steps(reference: &Reference) -> Vec<PathStep> {
    if reference.key.as_ref().is_some_and(|written| key(written).is_none()) {
        // The instance is not known, and whatever is taken from it is taken from the whole.
        return reference.steps.iter().take(1).filter_map(step).collect();
    }
    reference.steps.iter().map_while(step).collect()
}

fn step(step: &Step) -> Option<PathStep> {
    match step {
        Step::Attribute(name, _) => Some(PathStep::Name(name.clone())),
        Step::Index(key) => {
            let value = key.as_literal()?;
            match value.as_i64().and_then(|at| u64::try_from(at).ok()) {
                Some(at) => Some(PathStep::Index(at)),
                None => Some(PathStep::Name(value.as_text()?.clone())),
            }
        }
    }
}

fn reference_names(module: &Module, reference: &Reference) -> Vec<String> {
    let whole = Reference { key: None, ..reference.clone() };
    let name = base(module, &whole);
    let mut rest = Vec::new();
    if let Some(written) = &reference.key {
        match key(written) {
            Some(key) => rest.push(key),
            None => return vec![name],
        }
    }
    for step in &reference.steps {
        match step {
            Step::Attribute(attribute, _) => rest.push(format!(".{attribute}")),
            Step::Index(written) => match key(written) {
                Some(key) => rest.push(key),
                None => break,
            },
        }
    }
    beginnings(name, rest)
}

/// `a` with `.b`, `[0]`: `a.b[0]`, `a.b`, `a`.
fn beginnings(base: String, rest: Vec<String>) -> Vec<String> {
    let mut names = vec![base];
    for part in rest {
        let longer = names.last().cloned().unwrap_or_default() + &part;
        names.push(longer);
    }
    names.reverse();
    names
}
