//! What is declared in a folder: blocks sorted by kind, and the names that expressions may use.

use super::types;
use crate::diag;
use crate::program::{ProviderRef, Schemas};
use crate::syntax::ast;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use terrane_core::diagnostic::{did_you_mean, suggestion};
use terrane_core::path::is_identifier;
use terrane_core::schema::SchemaKind;
use terrane_core::{Diagnostic, Mode, Schema, Span, Text, Type};

/// Whether a block stands once or many times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeats {
    Once,
    Count,
    ForEach,
}

impl Repeats {
    pub(super) fn of(body: &ast::Body) -> Self {
        let has = |name: &str| body.attributes.iter().any(|a| &*a.name.text == name);
        if has("for_each") {
            Self::ForEach
        } else if has("count") {
            Self::Count
        } else {
            Self::Once
        }
    }

    /// The same, where an argument that the type does not have may be a misspelt one: then that alone is told.
    fn meant(body: &ast::Body, schema: Option<&Schema>) -> Self {
        let is_known = |name: &str| schema.is_none_or(|schema| schema.body.attribute(name).is_some());
        let strange = body.attributes.iter().map(|a| &*a.name.text).filter(|name| !is_known(name));
        let close: Vec<&str> = strange.flat_map(|name| did_you_mean(name, ["for_each", "count"])).collect();
        match (Self::of(body), close.first()) {
            (Self::Once, Some(&"for_each")) => Self::ForEach,
            (Self::Once, Some(_)) => Self::Count,
            (written, _) => written,
        }
    }
}

/// A variable that expressions may name.
#[derive(Clone, Debug)]
pub(crate) struct VariableName {
    pub number: u32,
    /// Its type; `None` where it could not be read.
    pub ty: Option<Type>,
    pub has_default: bool,
}

/// A resource or data block that expressions may name.
#[derive(Clone, Debug)]
pub(crate) struct ResourceName {
    pub number: u32,
    pub repeats: Repeats,
    /// `None` where the type is not known.
    pub schema: Option<Arc<Schema>>,
    /// The `check` block that it stands in: nobody else may name it.
    pub of_check: Option<Text>,
}

/// A module call that expressions may name.
#[derive(Clone, Debug)]
pub(crate) struct CallName {
    pub number: u32,
    pub repeats: Repeats,
    /// The folder of the callee; `None` where it could not be read.
    pub folder: Option<String>,
}

/// The names of one folder.
#[derive(Debug, Default)]
pub(crate) struct Names {
    pub variables: BTreeMap<Text, VariableName>,
    pub locals: BTreeMap<Text, u32>,
    pub resources: BTreeMap<(Mode, Text, Text), ResourceName>,
    pub calls: BTreeMap<Text, CallName>,
    pub outputs: BTreeMap<Text, u32>,
    pub providers: BTreeMap<ProviderRef, u32>,
    /// Whether something of the folder could not be read, so that a name that is missing may be in it.
    pub is_incomplete: bool,
    pub lost: Lost,
}

/// What declarations with a wrong header may have been meant to declare: who refers to that is not wrong.
#[derive(Debug, Default)]
pub(crate) struct Lost {
    /// Kinds of blocks of which one has no name that could be read.
    kinds: BTreeSet<Text>,
    /// Names that stand in what was left out.
    names: BTreeSet<Text>,
}

impl Lost {
    fn add(&mut self, block: &ast::Block) {
        self.kinds.insert(block.kind.text.clone());
        self.names.extend(block.labels.iter().map(|label| label.text.clone()));
        self.names.extend(block.body.attributes.iter().map(|attribute| attribute.name.text.clone()));
    }

    /// Whether something of that name, in a block of that kind, may have been meant.
    pub fn may_be(&self, kind: &str, name: &str) -> bool {
        self.kinds.contains(kind) || self.names.contains(name)
    }
}

/// The blocks of one folder, each declaration once.
#[derive(Debug, Default)]
pub(crate) struct Blocks {
    pub variables: Vec<ast::Block>,
    pub locals: Vec<ast::Attribute>,
    pub resources: Vec<(Mode, ast::Block)>,
    pub calls: Vec<ast::Block>,
    pub outputs: Vec<ast::Block>,
    pub providers: Vec<(ProviderRef, ast::Block)>,
    pub settings: Vec<ast::Block>,
    pub imports: Vec<ast::Block>,
    pub moves: Vec<ast::Block>,
    pub removals: Vec<ast::Block>,
    pub checks: Vec<ast::Block>,
}

/// What every folder is checked against.
pub(crate) struct World<'a> {
    pub schemas: &'a dyn Schemas,
    /// Names by folder.
    pub folders: BTreeMap<String, Names>,
}

impl World<'_> {
    /// Whether a resource type or data source of that name exists.
    pub fn has_type(&self, kind: SchemaKind, name: &str) -> bool {
        match kind {
            SchemaKind::Resource => self.schemas.resource(name).is_some(),
            SchemaKind::Data => self.schemas.data(name).is_some(),
            SchemaKind::Provider => self.schemas.provider(name).is_some(),
        }
    }
}

/// Blocks that other versions have.
const LATER: &[&str] = &["ephemeral"];
const KINDS: &[&str] = &[
    "terrane", "provider", "variable", "locals", "resource", "data", "module", "output", "import", "moved", "removed",
    "check",
];

/// Sorts the blocks of a folder by kind and gathers their names.
pub(crate) struct Declare<'a> {
    pub schemas: &'a dyn Schemas,
    pub problems: &'a mut Vec<Diagnostic>,
    pub names: Names,
    pub blocks: Blocks,
    /// Where each thing was declared first.
    seen: BTreeMap<String, Span>,
    /// The schema of each type that came up, shared by its blocks.
    types: BTreeMap<(Mode, Text), Option<Arc<Schema>>>,
}

impl<'a> Declare<'a> {
    pub fn new(schemas: &'a dyn Schemas, problems: &'a mut Vec<Diagnostic>) -> Self {
        let (names, blocks) = (Names::default(), Blocks::default());
        Self { schemas, problems, names, blocks, seen: BTreeMap::new(), types: BTreeMap::new() }
    }

    pub fn file(&mut self, file: ast::File) {
        for attribute in &file.body.attributes {
            let name = &attribute.name;
            let detail = format!("`{}` stands outside of every block", name.text);
            let problem = diag::UNKNOWN_ARGUMENT.at(name.span).detail(detail);
            self.problems
                .push(problem.help("Values of a configuration stand in blocks; values of variables in *.tfvars files"));
        }
        for block in file.body.blocks {
            self.block(block);
        }
    }

    fn block(&mut self, block: ast::Block) {
        match &*block.kind.text {
            "terrane" => {
                if self.labels::<0>(&block).is_some() {
                    self.blocks.settings.push(block);
                }
            }
            "locals" => {
                if self.labels::<0>(&block).is_some() {
                    self.locals(block);
                }
            }
            "variable" => self.variable(block),
            "resource" => self.resource(Mode::Managed, block, None),
            "data" => self.resource(Mode::Data, block, None),
            "check" => self.check(block),
            "module" => self.call(block),
            "output" => self.output(block),
            "provider" => self.provider(block),
            kind @ ("import" | "moved" | "removed") => {
                let list = match kind {
                    "import" => &mut self.blocks.imports,
                    "moved" => &mut self.blocks.moves,
                    _ => &mut self.blocks.removals,
                };
                if block.labels.is_empty() {
                    list.push(block);
                } else {
                    self.labels::<0>(&block);
                }
            }
            later if LATER.contains(&later) => {
                let detail = format!("`{later}` blocks");
                self.problems.push(diag::NOT_IN_THIS_VERSION.at(block.header).detail(detail));
            }
            other => {
                let help = match other {
                    "terraform" => Some(String::from("The block is called `terrane` here")),
                    "local" => Some(String::from("Did you mean `locals`?")),
                    _ => suggestion(other, KINDS.iter().copied()),
                };
                let problem = diag::UNKNOWN_BLOCK.at(block.kind.span).detail(format!("there is no block `{other}`"));
                self.names.lost.add(&block);
                self.problems.push(match help {
                    Some(help) => problem.help(help),
                    None => problem,
                });
            }
        }
    }

    /// The labels, when there are as many as there have to be and all are names.
    fn labels<const N: usize>(&mut self, block: &ast::Block) -> Option<[Text; N]> {
        let labels: Vec<Text> = block.labels.iter().map(|l| l.text.clone()).collect();
        let given = labels.len();
        let Ok(labels) = <[Text; N]>::try_from(labels) else {
            let wanted = match N {
                0 => "no label",
                1 => "one label, its name",
                _ => "two labels, type and name",
            };
            let detail = format!("`{}` takes {wanted}; this one has {given}", block.kind.text);
            self.problems.push(diag::WRONG_LABELS.at(block.header).detail(detail));
            self.names.lost.add(block);
            return None;
        };
        for label in &block.labels {
            if !is_identifier(&label.text) {
                self.problems.push(
                    diag::INVALID_NAME
                        .at(label.span)
                        .detail(format!("{} is no name", terrane_core::path::quote(&label.text))),
                );
                self.names.lost.add(block);
                return None;
            }
        }
        Some(labels)
    }

    /// Whether this is the first declaration; the problem is reported where it is not.
    fn is_first(&mut self, shown: String, span: Span) -> bool {
        if let Some(first) = self.seen.get(&shown) {
            let problem = diag::DUPLICATE_DECLARATION.at(span).detail(format!("`{shown}` is declared twice"));
            self.problems.push(problem.label(*first, "first here"));
            return false;
        }
        self.seen.insert(shown, span);
        true
    }

    fn locals(&mut self, block: ast::Block) {
        for nested in &block.body.blocks {
            let detail = format!("`locals` holds values, and `{}` is a block", nested.kind.text);
            self.problems.push(diag::UNKNOWN_BLOCK.at(nested.header).detail(detail).help("Write name = value"));
        }
        for attribute in block.body.attributes {
            if self.is_first(format!("local.{}", attribute.name.text), attribute.name.span) {
                let number = super::refer::numbered(&self.blocks.locals);
                self.names.locals.insert(attribute.name.text.clone(), number);
                self.blocks.locals.push(attribute);
            }
        }
    }

    fn variable(&mut self, block: ast::Block) {
        let Some([name]) = self.labels::<1>(&block) else { return };
        if super::blocks::CALL.contains(&&*name) {
            let detail = format!("`{name}` means something else where a module is called");
            let problem = diag::INVALID_NAME.at(block.labels.first().map_or(block.header, |label| label.span));
            self.problems.push(problem.detail(detail).help("Give the variable another name"));
        }
        if !self.is_first(format!("var.{name}"), block.header) {
            return;
        }
        let find = |wanted: &str| block.body.attributes.iter().find(|a| &*a.name.text == wanted);
        let ty = match find("type") {
            Some(attribute) => types::read(&attribute.value, self.problems),
            None => Some(Type::Any),
        };
        let has_default = find("default").is_some();
        let number = super::refer::numbered(&self.blocks.variables);
        self.names.variables.insert(name, VariableName { number, ty, has_default });
        self.blocks.variables.push(block);
    }

    /// A `check` block; its data source is a block of the folder that only the check knows.
    fn check(&mut self, mut block: ast::Block) {
        let Some([name]) = self.labels::<1>(&block) else { return };
        if !self.is_first(format!("check.{name}"), block.header) {
            return;
        }
        let (data, others) = block.body.blocks.into_iter().partition(|nested| &*nested.kind.text == "data");
        block.body.blocks = others;
        let mut data: Vec<ast::Block> = data;
        if let [first, twice, ..] = data.as_slice() {
            let problem = diag::DUPLICATE_BLOCK.at(twice.header).detail("a check has at most one data source");
            self.problems.push(problem.label(first.header, "first here"));
        }
        data.truncate(1);
        for nested in data {
            let mut arguments = nested.body.attributes.iter();
            if let Some(repeated) = arguments.find(|a| matches!(&*a.name.text, "count" | "for_each")) {
                let detail = "the data source of a check stands once";
                self.problems.push(diag::WRONG_SETTING.at(repeated.name.span).detail(detail));
                continue;
            }
            self.resource(Mode::Data, nested, Some(name.clone()));
        }
        self.blocks.checks.push(block);
    }

    fn resource(&mut self, mode: Mode, block: ast::Block, of_check: Option<Text>) {
        let Some([type_name, name]) = self.labels::<2>(&block) else { return };
        let prefix = if mode == Mode::Data { "data." } else { "" };
        if !self.is_first(format!("{prefix}{type_name}.{name}"), block.header) {
            return;
        }
        let kind = if mode == Mode::Data { SchemaKind::Data } else { SchemaKind::Resource };
        let schemas = self.schemas;
        let found = self.types.entry((mode, type_name.clone())).or_insert_with(|| match mode {
            Mode::Managed => schemas.resource(&type_name),
            Mode::Data => schemas.data(&type_name),
        });
        let schema = found.clone();
        if schema.is_none() {
            self.unknown_type(&block, &type_name, kind);
            self.names.lost.names.insert(name.clone());
        }
        let number = super::refer::numbered(&self.blocks.resources);
        let repeats = Repeats::meant(&block.body, schema.as_deref());
        self.names.resources.insert((mode, type_name, name), ResourceName { number, repeats, schema, of_check });
        self.blocks.resources.push((mode, block));
    }

    fn unknown_type(&mut self, block: &ast::Block, type_name: &str, kind: SchemaKind) {
        let span = block.labels.first().map_or(block.header, |label| label.span);
        let (what, other) = match kind {
            SchemaKind::Data => ("data source", self.schemas.resource(type_name).map(|_| "resource")),
            _ => ("resource type", self.schemas.data(type_name).map(|_| "data")),
        };
        let problem = diag::UNKNOWN_TYPE.at(span).detail(format!("there is no {what} `{type_name}`"));
        let names = self.schemas.names(kind);
        let help = other
            .map(|other| format!("It is a `{other}` block that has this type"))
            .or_else(|| suggestion(type_name, names.iter().map(|n| &**n)));
        self.problems.push(match help {
            Some(help) => problem.help(help),
            None => problem,
        });
    }

    fn call(&mut self, block: ast::Block) {
        let Some([name]) = self.labels::<1>(&block) else { return };
        if !self.is_first(format!("module.{name}"), block.header) {
            return;
        }
        let number = super::refer::numbered(&self.blocks.calls);
        let repeats = Repeats::of(&block.body);
        self.names.calls.insert(name, CallName { number, repeats, folder: None });
        self.blocks.calls.push(block);
    }

    fn output(&mut self, block: ast::Block) {
        let Some([name]) = self.labels::<1>(&block) else { return };
        if self.is_first(format!("output.{name}"), block.header) {
            self.names.outputs.insert(name, super::refer::numbered(&self.blocks.outputs));
            self.blocks.outputs.push(block);
        }
    }

    fn provider(&mut self, block: ast::Block) {
        let Some([name]) = self.labels::<1>(&block) else { return };
        if self.schemas.provider(&name).is_none() {
            let span = block.labels.first().map_or(block.header, |label| label.span);
            self.problems.push(unknown_provider(self.schemas, &name, span));
            return;
        }
        let alias = block.body.attributes.iter().find(|a| &*a.name.text == "alias");
        let alias = match alias.map(|a| (&a.value.kind, a.value.span)) {
            None => None,
            Some((ast::ExprKind::String(alias), _)) if is_identifier(alias) => Some(alias.clone()),
            Some((_, span)) => {
                self.problems.push(diag::CONSTANT_WANTED.at(span).detail("`alias` is a name in quotes"));
                return;
            }
        };
        let shown = match &alias {
            Some(alias) => format!("provider.{name}.{alias}"),
            None => format!("provider.{name}"),
        };
        if self.is_first(shown, block.header) {
            let provider = ProviderRef { name, alias };
            self.names.providers.insert(provider.clone(), super::refer::numbered(&self.blocks.providers));
            self.blocks.providers.push((provider, block));
        }
    }
}

/// The problem of a provider that does not exist.
pub(crate) fn unknown_provider(schemas: &dyn Schemas, name: &str, span: Span) -> Diagnostic {
    let problem = diag::UNKNOWN_PROVIDER.at(span).detail(format!("there is no provider `{name}`"));
    let names = schemas.names(SchemaKind::Provider);
    match suggestion(name, names.iter().map(|n| &**n)) {
        Some(help) => problem.help(help),
        None => problem,
    }
}

/// A constant of a setting, for callers that need no more than its value.
pub(crate) fn text_of(expr: &ast::Expr) -> Option<Text> {
    match &expr.kind {
        ast::ExprKind::String(text) => Some(text.clone()),
        _ => None,
    }
}
