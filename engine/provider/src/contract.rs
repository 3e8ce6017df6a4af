//! The cases that every resource type has to pass, as data. The crate in tests/ runs them.

/// An object as the emulator's control endpoint names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Emulated {
    /// Its kind, `cluster`.
    pub kind: &'static str,
    /// The account.
    pub account: &'static str,
    /// The region; empty for what is global.
    pub region: &'static str,
    /// The name, `core/workers`.
    pub name: &'static str,
}

/// A change of one leaf behind our back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outside {
    /// The leaf, as a dotted path of the schema.
    pub leaf: &'static str,
    /// JSON pointer inside the emulated object.
    pub pointer: &'static str,
    /// The JSON value it is set to.
    pub value: &'static str,
}

/// A change of the configuration and what it has to become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// The argument it is about, as a dotted path of the schema.
    pub argument: &'static str,
    /// Text that is looked for in the configuration.
    pub from: &'static str,
    /// Text that takes its place.
    pub to: &'static str,
    /// What the plan has to do.
    pub becomes: Becomes,
    /// Whether the world of the cases lacks what the edit refers to, another role say: then it is planned, not applied.
    pub is_only_planned: bool,
}

/// What an edit has to become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Becomes {
    /// An update in place.
    Update,
    /// A replacement.
    Replace,
    /// A refusal at plan time with this diagnostic id or rule.
    Refused(&'static str),
}

/// Environment variables that hold secrets while the cases run; configurations read them with `env`.
pub const SECRETS: [&str; 2] = ["CONTRACT_SECRET_A", "CONTRACT_SECRET_B"];

/// The cases of one resource type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contract {
    /// The type.
    pub type_name: &'static str,
    /// A configuration with one instance of it and all it needs.
    pub configuration: &'static str,
    /// Address of the instance.
    pub address: &'static str,
    /// The object on the remote side; `None` where there is no remote side.
    pub object: Option<Emulated>,
    /// Changes of leaves we own: drift.
    pub ours: &'static [Outside],
    /// Changes of leaves that somebody else owns: no drift.
    pub foreign: &'static [Outside],
    /// Changes of the configuration, one for every writable argument.
    pub edits: &'static [Edit],
}
