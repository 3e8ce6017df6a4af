//! Blocks that say what became of objects and addresses: `import`, `moved`, `removed`.

use super::{ModuleId, ProviderRef, Repetition};
use crate::eval::ir::Expr;
use std::sync::Arc;
use terrane_core::{AddrPattern, Schema, Span, Text};

/// An `import` block. It stands in the root module; its expressions see what the root module declares.
#[derive(Clone, Debug)]
pub struct Import {
    /// Where the object is recorded.
    pub to: ImportTarget,
    /// The id of the object, in the text form of its type.
    pub id: Expr,
    /// `for_each`, or none.
    pub repetition: Repetition,
    /// `provider`: what reads the object while there is no block that says it.
    pub provider: ProviderRef,
    /// The header of the block.
    pub span: Span,
}

/// The address that an import fills: names are fixed, keys may use `each`.
#[derive(Clone, Debug)]
pub struct ImportTarget {
    /// Module calls from the root, each with its key.
    pub modules: Vec<(Text, Option<Expr>)>,
    /// Resource type.
    pub type_name: Text,
    /// Name of the block.
    pub name: Text,
    /// Key of the instance.
    pub key: Option<Expr>,
    /// The schema of the type.
    pub schema: Arc<Schema>,
    /// The block, where the configuration has one.
    pub block: Option<(ModuleId, usize)>,
    /// Where the address is written.
    pub span: Span,
}

/// A `moved` block. Both addresses are seen from the module that it stands in, in each instance of that module.
#[derive(Clone, Debug, PartialEq)]
pub struct Moved {
    /// Where objects were recorded.
    pub from: AddrPattern,
    /// Where they are recorded from now on.
    pub to: AddrPattern,
    /// The header of the block.
    pub span: Span,
}

impl Moved {
    /// Whether exactly one instance is meant, because one of the addresses ends in a key.
    #[must_use]
    pub fn is_of_one(&self) -> bool {
        has_key(&self.from) || has_key(&self.to)
    }
}

fn has_key(pattern: &AddrPattern) -> bool {
    match pattern {
        AddrPattern::Module(path) => path.steps().last().is_some_and(|step| step.key.is_some()),
        AddrPattern::Resource(addr) => addr.key.is_some(),
    }
}

/// A `removed` block, seen from the module that it stands in, in each instance of that module.
#[derive(Clone, Debug, PartialEq)]
pub struct Removed {
    /// What is not managed any more, without keys: all instances.
    pub from: AddrPattern,
    /// Whether the objects are destroyed, or only forgotten.
    pub destroys: bool,
    /// The header of the block.
    pub span: Span,
}
