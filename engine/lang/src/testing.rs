//! What tests of several modules share: files in memory, a few resource types, a scope.

use crate::check::{Loaded, evaluate_with, load};
use crate::eval::ir::Expr;
use crate::eval::{Nothing, evaluate};
use crate::program::{Module, Program, Schemas};
use crate::scope::{KeyForm, Scope, Sources};
use crate::syntax;
use std::collections::BTreeMap;
use std::sync::Arc;
use terrane_core::schema::SchemaKind;
use terrane_core::{
    Attribute, Block, Diagnostic, FileId, InstanceKey, Nesting, Role, Schema, Shape, Text, Type, Value,
};

/// Files and environment in memory.
#[derive(Default)]
pub(crate) struct Files {
    pub files: BTreeMap<String, Vec<u8>>,
    pub env: BTreeMap<String, String>,
}

impl Files {
    pub fn of(files: &[(&str, &str)]) -> Self {
        let files = files.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec())).collect();
        Self { files, ..Self::default() }
    }
}

impl Sources for Files {
    fn read(&self, path: &str) -> Result<Arc<[u8]>, String> {
        self.files.get(path).map(|bytes| bytes.as_slice().into()).ok_or_else(|| String::from("there is no such file"))
    }
    fn exists(&self, path: &str) -> bool {
        self.files.contains_key(path)
    }
    fn list(&self, folder: &str) -> Option<Vec<String>> {
        let prefix = if folder == "." { String::new() } else { format!("{folder}/") };
        let names: Vec<String> = self
            .files
            .keys()
            .filter_map(|path| path.strip_prefix(&prefix))
            .filter(|name| !name.contains('/'))
            .map(str::to_owned)
            .collect();
        (!names.is_empty()).then_some(names)
    }
    fn folders(&self, folder: &str) -> Vec<String> {
        let prefix = if folder == "." { String::new() } else { format!("{}/", folder) };
        let inside = self.files.keys().filter_map(|path| path.strip_prefix(prefix.as_str()));
        let folders = inside.filter_map(|path| path.split_once('/')).map(|(folder, _)| folder.to_owned());
        folders.collect::<std::collections::BTreeSet<_>>().into_iter().collect()
    }
    fn env(&self, name: &str) -> Option<String> {
        self.env.get(name).cloned()
    }
    fn env_names(&self, prefix: &str) -> Vec<String> {
        self.env.keys().filter(|name| name.starts_with(prefix)).cloned().collect()
    }
    fn plan_time(&self) -> String {
        String::from("2026-01-02T03:04:05Z")
    }
    fn folder(&self) -> String {
        String::from("/fleet")
    }
}

/// Types of a provider `t`: `t_thing`, and the data source `t_look`.
pub(crate) struct Types;

pub(crate) fn attribute(name: &str, ty: Type, role: Role) -> Attribute {
    Attribute::new(name, Shape::Value(ty), role)
}

pub(crate) fn block(name: &str, nesting: Nesting, attributes: Vec<Attribute>) -> Attribute {
    Attribute::new(name, Shape::Block { block: Block { attributes }, nesting }, Role::Optional)
}

pub(crate) fn schema(type_name: &str, kind: SchemaKind, attributes: Vec<Attribute>) -> Arc<Schema> {
    Arc::new(Schema {
        type_name: type_name.into(),
        kind,
        version: 1,
        doc: "".into(),
        body: Block { attributes },
        rules: Vec::new(),
        gone: terrane_core::DriftSeverity::High,
    })
}

pub(crate) fn thing() -> Arc<Schema> {
    let mut token = attribute("token", Type::String, Role::Optional);
    token.is_secret = true;
    let mut name = attribute("name", Type::String, Role::Required);
    name.example = Some("core".into());
    schema(
        "t_thing",
        SchemaKind::Resource,
        vec![
            attribute("id", Type::String, Role::Computed),
            name,
            attribute("size", Type::Number, Role::Optional),
            attribute("zones", Type::list(Type::String), Role::Optional),
            attribute("tags", Type::map(Type::String), Role::Optional),
            token,
            block("net", Nesting::Single, vec![attribute("cidrs", Type::set(Type::String), Role::Required)]),
            block(
                "node",
                Nesting::List,
                vec![
                    attribute("name", Type::String, Role::Required),
                    attribute("weight", Type::Number, Role::Optional),
                ],
            ),
        ],
    )
}

/// A type whose blocks have blocks.
pub(crate) fn rack() -> Arc<Schema> {
    let disk = block("disk", Nesting::Set, vec![attribute("size", Type::Number, Role::Required)]);
    let shelf = block("shelf", Nesting::List, vec![attribute("name", Type::String, Role::Required), disk]);
    let mut token = attribute("token", Type::String, Role::Optional);
    token.is_secret = true;
    let lock = block("lock", Nesting::Single, vec![token]);
    schema("t_rack", SchemaKind::Resource, vec![shelf, lock])
}

impl Schemas for Types {
    fn resource(&self, type_name: &str) -> Option<Arc<Schema>> {
        match type_name {
            "t_thing" => Some(thing()),
            "t_rack" => Some(rack()),
            _ => None,
        }
    }
    fn data(&self, type_name: &str) -> Option<Arc<Schema>> {
        let attributes = || {
            vec![
                attribute("region", Type::String, Role::Required),
                attribute("subnets", Type::list(Type::String), Role::Computed),
            ]
        };
        (type_name == "t_look").then(|| schema("t_look", SchemaKind::Data, attributes()))
    }
    fn provider(&self, name: &str) -> Option<Arc<Schema>> {
        let attributes = || vec![attribute("region", Type::String, Role::Optional)];
        (name == "t").then(|| schema("t", SchemaKind::Provider, attributes()))
    }
    fn provider_of(&self, type_name: &str) -> Option<Text> {
        type_name.starts_with("t_").then(|| "t".into())
    }
    fn names(&self, kind: SchemaKind) -> Vec<Text> {
        match kind {
            SchemaKind::Resource => vec!["t_thing".into()],
            SchemaKind::Data => vec!["t_look".into()],
            SchemaKind::Provider => vec!["t".into()],
        }
    }
}

/// The configuration of one file.
pub(crate) fn loaded(text: &str) -> Loaded {
    load(&Files::of(&[("main.hcl", text)]), ".", &Types)
}

/// A configuration without problems.
pub(crate) fn program(files: &[(&str, &str)]) -> Program {
    let loaded = load(&Files::of(files), ".", &Types);
    assert!(loaded.problems.is_empty(), "{:#?}", shown(&loaded.problems));
    loaded.program.expect("a program without problems")
}

/// Ids and messages, for failures that can be read.
pub(crate) fn shown(problems: &[Diagnostic]) -> Vec<String> {
    problems.iter().map(|p| format!("{}: {} [{}]", p.kind.id, p.message(), p.help_text())).collect()
}

/// The value of an expression that may use `variables`.
pub(crate) fn value_with(text: &str, variables: &[(&str, Value)]) -> Result<Value, Vec<Diagnostic>> {
    let (expr, mut problems) = syntax::parse_expression(FileId(0), text, 0);
    let variables: Vec<(Text, Value)> =
        variables.iter().map(|(name, value)| (Text::from(*name), value.clone())).collect();
    let value = expr.and_then(|expr| evaluate_with(&expr, &variables, &Nothing, &mut problems));
    value.ok_or(problems)
}

/// The value of a constant expression.
pub(crate) fn value(text: &str) -> Result<Value, Vec<Diagnostic>> {
    value_with(text, &[])
}

/// A root module whose variables and objects have given values; locals are evaluated where they are asked for.
pub(crate) struct World<'a> {
    pub module: &'a Module,
    pub variables: BTreeMap<&'a str, Value>,
    /// Objects by `name` or `name[key]`.
    pub objects: BTreeMap<&'a str, Value>,
    pub each: Option<(Value, Value)>,
    pub files: Files,
}

impl<'a> World<'a> {
    pub fn of(program: &'a Program) -> Self {
        World {
            module: &program.modules[0],
            variables: BTreeMap::new(),
            objects: BTreeMap::new(),
            each: None,
            files: Files::default(),
        }
    }

    pub fn evaluate(&self, expr: &Expr) -> Result<Value, Vec<Diagnostic>> {
        let mut problems = Vec::new();
        evaluate(expr, self, &mut problems).ok_or(problems)
    }

    pub fn local(&self, name: &str) -> Result<Value, Vec<Diagnostic>> {
        let local = self.module.locals.iter().find(|local| &*local.name == name).expect("a local of that name");
        self.evaluate(&local.value)
    }
}

fn form(keys: Option<&[InstanceKey]>) -> KeyForm {
    match keys {
        None => KeyForm::Single,
        Some([InstanceKey::Index(_), ..]) => KeyForm::Index,
        Some(_) => KeyForm::Name,
    }
}

impl Scope for World<'_> {
    fn variable(&self, index: usize) -> Value {
        self.variables.get(&*self.module.variables[index].name).cloned().unwrap_or(Value::NULL)
    }
    fn local(&self, index: usize) -> Value {
        self.evaluate(&self.module.locals[index].value).expect("a value")
    }
    fn resource(&self, index: usize) -> Value {
        let prefix = format!("{}[", self.module.resources[index].name);
        let entries = self.objects.iter().filter_map(|(name, value)| {
            let key = name.strip_prefix(&prefix)?.trim_end_matches(']');
            Some((Text::from(key), value.clone()))
        });
        Value::object(entries.collect())
    }
    fn instance(&self, index: usize, key: Option<&InstanceKey>) -> Option<Value> {
        let name = &self.module.resources[index].name;
        let shown = match key {
            None => name.to_string(),
            Some(InstanceKey::Name(key)) => format!("{name}[{key}]"),
            Some(InstanceKey::Index(key)) => format!("{name}[{key}]"),
        };
        self.objects.get(shown.as_str()).cloned()
    }
    fn keys(&self, index: usize) -> Result<Option<Vec<InstanceKey>>, Value> {
        let whole = self.resource(index);
        let keys: Vec<InstanceKey> =
            whole.entries().into_iter().flat_map(|e| e.iter()).map(|(key, _)| InstanceKey::Name(key.clone())).collect();
        Ok((!keys.is_empty()).then_some(keys))
    }
    fn key_form(&self, index: usize) -> Result<KeyForm, Value> {
        self.keys(index).map(|keys| form(keys.as_deref()))
    }
    fn module_key_form(&self, index: usize) -> Result<KeyForm, Value> {
        self.module_keys(index).map(|keys| form(keys.as_deref()))
    }
    fn module(&self, _: usize) -> Value {
        Value::NULL
    }
    fn module_output(&self, _: usize, _: Option<&InstanceKey>, _: &str) -> Option<Value> {
        None
    }
    fn module_keys(&self, _: usize) -> Result<Option<Vec<InstanceKey>>, Value> {
        Ok(None)
    }
    fn each(&self) -> Option<(Value, Value)> {
        self.each.clone()
    }
    fn count_index(&self) -> Option<Value> {
        self.each.as_ref().map(|_| Value::int(0))
    }
    fn self_value(&self) -> Option<Value> {
        None
    }
    fn module_folder(&self) -> Text {
        ".".into()
    }
    fn sources(&self) -> &dyn Sources {
        &self.files
    }
}
