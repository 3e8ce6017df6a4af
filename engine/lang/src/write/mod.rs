//! A value as configuration text: what `adopt` and `-generate-config-out` write.
//!
//! In: an object of what is to be written, null where nothing is, and the schema that says what is an argument and
//! what a block. Out: text in the layout of `terrane fmt` that evaluates to the same object. Which arguments are worth
//! writing is decided before, by the type; here nothing is left out but what cannot stand in a file: secrets, and what
//! is not known.

mod expr;
#[cfg(test)]
mod tests;

use crate::fmt;
use std::collections::BTreeMap;
use terrane_core::path::quote;
use terrane_core::{Attribute, Block, InstanceAddr, Nesting, Path, PathStep, Shape, Text, Value};

pub use expr::expression;

/// Text, and what could not be written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Blocks in the layout of `terrane fmt`.
    pub text: String,
    /// Leaves that are secret or not known: they are not in the text.
    pub left_out: Vec<Path>,
}

/// A `resource` block.
///
/// `references` are expressions that stand in place of values, by the path of the argument.
#[must_use]
pub fn resource(
    type_name: &str,
    name: &str,
    block: &Block,
    value: &Value,
    references: &BTreeMap<Path, String>,
) -> Written {
    let mut writer = Writer { text: String::new(), left_out: Vec::new(), references };
    writer.text.push_str(&format!("resource {} {} {{\n", quote(type_name), quote(name)));
    writer.body(block, value, &Path::default());
    writer.text.push_str("}\n");
    Written { text: fmt::format(&writer.text), left_out: writer.left_out }
}

/// An `import` block.
#[must_use]
pub fn import(to: &InstanceAddr, id: &str) -> String {
    fmt::format(&format!("import {{\nto = {to}\nid = {}\n}}\n", expr::string(id)))
}

struct Writer<'a> {
    text: String,
    left_out: Vec<Path>,
    references: &'a BTreeMap<Path, String>,
}

impl Writer<'_> {
    /// Arguments first, then nested blocks, both in the order of the schema.
    fn body(&mut self, block: &Block, value: &Value, at: &Path) {
        let is_value = |attribute: &&Attribute| matches!(attribute.shape, Shape::Value(_));
        let start = self.text.len();
        for attribute in block.attributes.iter().filter(is_value) {
            self.argument(attribute, value.get(&attribute.name), &at.child(attribute.name.clone()));
        }
        for attribute in &block.attributes {
            let Shape::Block { block, nesting } = &attribute.shape else { continue };
            let Some(nested) = value.get(&attribute.name).filter(|nested| !nested.is_null()) else { continue };
            let at = at.child(attribute.name.clone());
            if attribute.is_secret || !nested.is_known() || nested.is_sensitive() {
                self.left_out.push(at);
                continue;
            }
            let several = match nesting {
                Nesting::Single => std::slice::from_ref(nested),
                Nesting::List | Nesting::Set => nested.items().unwrap_or_default(),
            };
            for (position, item) in several.iter().enumerate() {
                if self.text.len() > start {
                    self.text.push('\n');
                }
                self.nested(&attribute.name, block, item, &numbered(&at, *nesting, position));
            }
        }
    }

    fn nested(&mut self, name: &Text, block: &Block, value: &Value, at: &Path) {
        self.text.push_str(name);
        self.text.push_str(" {");
        let open = self.text.len();
        self.text.push('\n');
        let inside = self.text.len();
        self.body(block, value, at);
        if self.text.len() == inside {
            self.text.truncate(open);
        }
        self.text.push_str("}\n");
    }

    fn argument(&mut self, attribute: &Attribute, value: Option<&Value>, at: &Path) {
        if let Some(reference) = self.references.get(at) {
            self.text.push_str(&format!("{} = {reference}\n", attribute.name));
            return;
        }
        let Some(value) = value.filter(|value| !value.is_null()) else { return };
        if attribute.is_secret {
            self.left_out.push(at.clone());
            return;
        }
        match expr::argument(value, &attribute.implied_type()) {
            Some(text) => self.text.push_str(&format!("{} = {text}\n", attribute.name)),
            None => self.left_out.push(at.clone()),
        }
    }
}

fn numbered(at: &Path, nesting: Nesting, position: usize) -> Path {
    match nesting {
        Nesting::Single => at.clone(),
        Nesting::List | Nesting::Set => at.join(PathStep::Index(u64::try_from(position).unwrap_or(u64::MAX))),
    }
}
