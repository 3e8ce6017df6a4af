//! The checked program: declarations with resolved names, and the order in which they can be evaluated.

mod refactor;

pub use refactor::{Import, ImportTarget, Moved, Removed};

use crate::eval::ir::{Body, Expr};
use std::collections::BTreeMap;
use std::sync::Arc;
use terrane_core::{AddrPattern, InstanceAddr, Mode, Path, Schema, SourceMap, Span, Text, Type};

/// Number of a static module (one call path without keys) in [`Program::modules`]; 0 is the root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ModuleId(pub usize);

/// A checked configuration.
#[derive(Debug)]
pub struct Program {
    /// Every file that was read.
    pub sources: SourceMap,
    /// The modules, each call path one entry, the root first, callers before callees.
    pub modules: Vec<Module>,
    /// `import` blocks of the root module.
    pub imports: Vec<Import>,
    /// Everything that is evaluated, each after what it refers to.
    pub order: Vec<Node>,
    /// The `terrane` block.
    pub settings: Settings,
    /// SHA-256 over names and bytes of all configuration files, hexadecimal.
    pub digest: String,
}

/// The `terrane` block.
#[derive(Debug, Default)]
pub struct Settings {
    /// `required_version`, checked already.
    pub required_version: Option<(Text, Span)>,
    /// The `backend` block; without one the state is in a folder beside the configuration.
    pub backend: Option<Backend>,
    /// The `ignore` blocks of its `drift` blocks.
    pub drift_ignores: Vec<DriftIgnore>,
    /// The `encryption` block; without one nothing is sealed.
    pub encryption: Option<Encryption>,
}

/// The `encryption` block: with which keys state and plan are sealed.
#[derive(Clone, Debug)]
pub struct Encryption {
    /// The key that seals.
    pub key: KeyBlock,
    /// Keys that only open.
    pub previous: Vec<KeyBlock>,
    /// Whether states are sealed.
    pub seals_state: bool,
    /// Whether plan files are sealed.
    pub seals_plan: bool,
    /// Whether what is not sealed is refused.
    pub is_enforced: bool,
    /// The header of the block.
    pub span: Span,
}

/// A `key` or `previous` block. What it may hold depends on its kind and is checked by whoever opens the key.
#[derive(Clone, Debug)]
pub struct KeyBlock {
    /// The kind of key.
    pub kind: Text,
    /// Where the kind stands.
    pub kind_span: Span,
    /// What is written in it, by name.
    pub arguments: BTreeMap<Text, KeyArgument>,
    /// The header of the block.
    pub span: Span,
}

/// One argument of a `key` block: a constant.
#[derive(Clone, Debug)]
pub struct KeyArgument {
    /// Where its name stands.
    pub name_span: Span,
    /// Its value.
    pub value: terrane_core::Value,
    /// Where the value stands.
    pub span: Span,
}

/// The `backend` block: where the state is kept.
#[derive(Debug)]
pub struct Backend {
    /// The kind of store, one of those that this version has.
    pub kind: Text,
    /// Where the kind stands.
    pub kind_span: Span,
    /// What is written in it, by name.
    pub arguments: BTreeMap<Text, BackendArgument>,
    /// The header of the block.
    pub span: Span,
}

/// One argument of a `backend` block. It is made of literals, functions and variables: see [`crate::early`].
#[derive(Debug)]
pub struct BackendArgument {
    /// Where its name stands.
    pub name_span: Span,
    /// Its value.
    pub value: Expr,
}

/// Drift that is left alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DriftIgnore {
    /// Of which objects.
    pub pattern: AddrPattern,
    /// Of which attribute and what lies below it; `None` for all of the object.
    pub attribute: Option<Path>,
    /// Why.
    pub reason: Text,
    /// The last day on which it counts, `2027-01-31`, in UTC.
    pub until: Text,
    /// The header of the block.
    pub span: Span,
}

/// One thing to evaluate: a declaration of a module, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Node {
    /// A variable.
    Variable(ModuleId, usize),
    /// A local value.
    Local(ModuleId, usize),
    /// A resource or data block, with all its instances.
    Resource(ModuleId, usize),
    /// The `count` or `for_each` of a module call.
    Call(ModuleId, usize),
    /// An output.
    Output(ModuleId, usize),
    /// A provider configuration.
    Provider(ModuleId, usize),
    /// An `import` block; its block comes after it.
    Import(usize),
}

/// One module at one call path.
#[derive(Debug)]
pub struct Module {
    /// The call that makes it; `None` for the root.
    pub caller: Option<(ModuleId, usize)>,
    /// Folder relative to the root folder; `.` for the root.
    pub folder: Text,
    /// `variable` blocks.
    pub variables: Vec<Variable>,
    /// Entries of `locals` blocks.
    pub locals: Vec<Local>,
    /// `resource` and `data` blocks.
    pub resources: Vec<Resource>,
    /// `module` blocks.
    pub calls: Vec<Call>,
    /// `output` blocks.
    pub outputs: Vec<Output>,
    /// `provider` blocks.
    pub providers: Vec<ProviderBlock>,
    /// `moved` blocks.
    pub moves: Vec<Moved>,
    /// `removed` blocks.
    pub removals: Vec<Removed>,
    /// `check` blocks.
    pub checks: Vec<Check>,
}

/// A `check` block: it looks and warns, and stops nothing. The data source that it may have is a resource of the module.
#[derive(Clone, Debug)]
pub struct Check {
    /// Its name.
    pub name: Text,
    /// Its `assert` blocks.
    pub asserts: Vec<Validation>,
    /// The header of the block.
    pub span: Span,
}

/// A `variable` block.
#[derive(Clone, Debug)]
pub struct Variable {
    /// Its name.
    pub name: Text,
    /// Its type, `Any` where none is written.
    pub ty: Type,
    /// Its default: a constant of its type.
    pub default: Option<Expr>,
    /// Whether values are sensitive.
    pub is_sensitive: bool,
    /// Whether null is a value (the default) or means the default.
    pub is_nullable: bool,
    /// `validation` blocks.
    pub validations: Vec<Validation>,
    /// The header of the block.
    pub span: Span,
}

/// A `validation` or `assert` block, or a pre- or postcondition.
#[derive(Clone, Debug)]
pub struct Validation {
    /// What has to be true.
    pub condition: Expr,
    /// What to say when it is not.
    pub error_message: Expr,
}

/// One entry of a `locals` block.
#[derive(Clone, Debug)]
pub struct Local {
    /// Its name.
    pub name: Text,
    /// Its value.
    pub value: Expr,
}

/// An `output` block.
#[derive(Clone, Debug)]
pub struct Output {
    /// Its name.
    pub name: Text,
    /// Its value.
    pub value: Expr,
    /// `sensitive = true`.
    pub is_sensitive: bool,
    /// `depends_on`, numbers of resources and calls of the module.
    pub depends_on: Vec<Target>,
    /// `precondition` blocks.
    pub preconditions: Vec<Validation>,
    /// The header of the block.
    pub span: Span,
}

/// Something that `depends_on` names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A resource of the module.
    Resource(usize),
    /// A module call of the module.
    Call(usize),
}

/// `count`, `for_each` or neither.
#[derive(Clone, Debug)]
pub enum Repetition {
    /// One instance without a key.
    Single,
    /// `count`.
    Count(Expr),
    /// `for_each`.
    ForEach(Expr),
}

/// A `resource` or `data` block.
#[derive(Clone, Debug)]
pub struct Resource {
    /// Managed or data.
    pub mode: Mode,
    /// Its type.
    pub type_name: Text,
    /// Its name.
    pub name: Text,
    /// The schema of its type.
    pub schema: Arc<Schema>,
    /// How often it stands.
    pub repetition: Repetition,
    /// Its arguments.
    pub body: Body,
    /// `provider = name` or `name.alias`.
    pub provider: ProviderRef,
    /// `depends_on`.
    pub depends_on: Vec<Target>,
    /// The `lifecycle` block.
    pub lifecycle: Lifecycle,
    /// The `timeouts` block: seconds by verb (create, update, delete).
    pub timeouts: BTreeMap<Text, u64>,
    /// Whether it is the data source of a `check` block: what is wrong with it is a warning.
    pub is_scoped: bool,
    /// The header of the block.
    pub span: Span,
}

/// Name and alias of a provider configuration.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProviderRef {
    /// The provider.
    pub name: Text,
    /// Its alias; `None` for the default configuration.
    pub alias: Option<Text>,
}

/// The `lifecycle` block.
#[derive(Clone, Debug, Default)]
pub struct Lifecycle {
    /// `prevent_destroy`; `None` where it is not written.
    pub prevent_destroy: Option<bool>,
    /// `create_before_destroy`.
    pub create_before_destroy: bool,
    /// `ignore_changes`.
    pub ignore_changes: Ignore,
    /// `replace_triggered_by`: a resource or instance, and the attribute path where one is named.
    pub replace_triggered_by: Vec<Trigger>,
    /// `precondition` blocks.
    pub preconditions: Vec<Validation>,
    /// `postcondition` blocks.
    pub postconditions: Vec<Validation>,
}

impl Lifecycle {
    /// The conditions before and after.
    pub fn conditions(&self) -> impl Iterator<Item = &Validation> {
        self.preconditions.iter().chain(&self.postconditions)
    }
}

impl Validation {
    /// Condition and message.
    pub fn expressions(&self) -> [&Expr; 2] {
        [&self.condition, &self.error_message]
    }
}

/// What `ignore_changes` covers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Ignore {
    /// Nothing.
    #[default]
    Nothing,
    /// Everything (`all`).
    All,
    /// These leaves and what lies below.
    Paths(Vec<Path>),
}

/// An entry of `replace_triggered_by`.
#[derive(Clone, Debug)]
pub struct Trigger {
    /// The resource, by its number in the module.
    pub resource: usize,
    /// The key, where one is named (`count.index` and `each.key` are evaluated per instance).
    pub key: Option<Expr>,
    /// The attribute, where one is named.
    pub path: Path,
    /// Where it stands.
    pub span: Span,
}

/// A `module` block.
#[derive(Clone, Debug)]
pub struct Call {
    /// Its name.
    pub name: Text,
    /// The module it makes.
    pub module: ModuleId,
    /// How often it stands.
    pub repetition: Repetition,
    /// Values of the callee's variables by number; `None` where the default stands.
    pub arguments: Vec<Option<Expr>>,
    /// `depends_on`.
    pub depends_on: Vec<Target>,
    /// `providers`: configurations of the callee, by the name that it uses.
    pub providers: Vec<PassedProvider>,
    /// The header of the block.
    pub span: Span,
}

/// One entry of `providers` of a module call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassedProvider {
    /// What the module calls it.
    pub inside: ProviderRef,
    /// What the caller calls it.
    pub outside: ProviderRef,
    /// Where it stands.
    pub span: Span,
}

/// A `provider` block.
#[derive(Clone, Debug)]
pub struct ProviderBlock {
    /// Provider and alias.
    pub provider: ProviderRef,
    /// The schema of its configuration.
    pub schema: Arc<Schema>,
    /// Its arguments.
    pub body: Body,
    /// The header of the block.
    pub span: Span,
}

/// The schemas that a program is checked against.
pub trait Schemas {
    /// A managed resource type.
    fn resource(&self, type_name: &str) -> Option<Arc<Schema>>;
    /// A data source.
    fn data(&self, type_name: &str) -> Option<Arc<Schema>>;
    /// The configuration of a provider.
    fn provider(&self, name: &str) -> Option<Arc<Schema>>;
    /// The provider that a type belongs to.
    fn provider_of(&self, type_name: &str) -> Option<Text>;
    /// Every name, for suggestions: resource types, data sources, providers.
    fn names(&self, kind: terrane_core::schema::SchemaKind) -> Vec<Text>;
}

/// A variable given from outside, as text or as a value from a variables file.
#[derive(Clone, Debug)]
pub struct Input {
    /// Name of the variable.
    pub name: Text,
    /// What it was given.
    pub value: InputValue,
    /// Where from.
    pub source: InputSource,
}

/// The form in which a variable was given.
#[derive(Clone, Debug)]
pub enum InputValue {
    /// Text of the command line or environment: a literal, or an expression where the declared type is complex.
    Text(String),
    /// A value of a variables file.
    Value(terrane_core::Value),
}

/// Where a variable was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InputSource {
    /// An environment variable of that name.
    Environment(Text),
    /// A variables file, and the place in it.
    File(Span),
    /// `-var`.
    CommandLine,
}

/// Addresses of everything declared, for `-target` checks and messages.
impl Program {
    /// The block that an instance is of (keys are not looked at).
    #[must_use]
    pub fn block(&self, addr: &InstanceAddr) -> Option<&Resource> {
        let wanted = &addr.resource;
        let calls = wanted.module.steps().iter().map(|step| &step.name);
        let module = self.modules.get(callee(&self.modules, ModuleId(0), calls)?.0)?;
        let is_wanted =
            |r: &&Resource| r.mode == wanted.mode && r.type_name == wanted.type_name && r.name == wanted.name;
        module.resources.iter().find(is_wanted)
    }

    /// Whether `pattern` can mean something of this configuration (keys are not looked at).
    #[must_use]
    pub fn declares(&self, pattern: &AddrPattern) -> bool {
        let is_filled = |import: &Import| match pattern {
            AddrPattern::Module(_) => false,
            AddrPattern::Resource(addr) => {
                let names = addr.resource.module.steps().iter().map(|step| &step.name);
                import.to.modules.iter().map(|(name, _)| name).eq(names)
                    && import.to.type_name == addr.resource.type_name
                    && import.to.name == addr.resource.name
            }
        };
        declares(&self.modules, ModuleId(0), pattern) || self.imports.iter().any(is_filled)
    }
}

/// Whether `pattern`, seen from a module, can mean something that is declared (keys are not looked at).
pub(crate) fn declares(modules: &[Module], from: ModuleId, pattern: &AddrPattern) -> bool {
    let (steps, resource) = match pattern {
        AddrPattern::Module(module) => (module.steps(), None),
        AddrPattern::Resource(addr) => (addr.resource.module.steps(), Some(&addr.resource)),
    };
    let callee = callee(modules, from, steps.iter().map(|step| &step.name));
    callee.and_then(|id| modules.get(id.0)).is_some_and(|module| match resource {
        None => true,
        Some(wanted) => module
            .resources
            .iter()
            .any(|r| r.mode == wanted.mode && r.type_name == wanted.type_name && r.name == wanted.name),
    })
}

/// The module that calls of these names lead to.
pub(crate) fn callee<'n>(
    modules: &[Module],
    from: ModuleId,
    mut calls: impl Iterator<Item = &'n Text>,
) -> Option<ModuleId> {
    calls.try_fold(from, |at, name| {
        let call = modules.get(at.0)?.calls.iter().find(|call| call.name == *name)?;
        Some(call.module)
    })
}
