//! Completion of what is written, by the schema alone.

use terrane_core::schema::{Attribute, Block, Nesting, Role, Shape};
use terrane_core::{InstanceAddr, Path, Residual, Type, Value};

/// The attribute `path` of the object that `instance` will have, not known yet.
#[must_use]
pub fn unknown(instance: &InstanceAddr, path: Path, ty: Type) -> Value {
    Value::unknown(ty, Residual::Attribute { instance: instance.clone(), path })
}

/// Completes `written`: a written value stays; an omitted optional one takes its default or is absent; what
/// the remote side chooses is taken from `prior`, or is unknown where there is none.
#[must_use]
pub fn complete(block: &Block, written: &Value, prior: Option<&Value>, instance: &InstanceAddr) -> Value {
    complete_at(block, written, prior, instance, &Path::default())
}

fn complete_at(block: &Block, written: &Value, prior: Option<&Value>, instance: &InstanceAddr, at: &Path) -> Value {
    let attributes = block.attributes.iter().map(|attribute| {
        let value = written.get(&attribute.name);
        let prior = prior.and_then(|p| p.get(&attribute.name));
        (attribute.name.clone(), complete_attribute(attribute, value, prior, instance, at))
    });
    Value::object(attributes.collect())
}

fn complete_attribute(
    attribute: &Attribute,
    written: Option<&Value>,
    prior: Option<&Value>,
    instance: &InstanceAddr,
    at: &Path,
) -> Value {
    let path = || at.child(attribute.name.clone());
    let written = written.filter(|value| !value.is_null());
    match (&attribute.shape, written) {
        (Shape::Block { block, nesting: Nesting::Single }, Some(value)) if value.is_known() => {
            complete_at(block, value, prior, instance, &path())
        }
        (Shape::Block { block, nesting: Nesting::Single }, None) if attribute.role == Role::OptionalComputed => {
            complete_at(block, &Value::NULL, prior, instance, &path())
        }
        (Shape::Block { block, nesting }, Some(value)) => match value.items() {
            None => value.clone(),
            Some(items) => {
                let at = path();
                let items = items.iter().map(|item| complete_at(block, item, None, instance, &at)).collect();
                if *nesting == Nesting::Set { Value::set(items) } else { Value::list(items) }
            }
        },
        (Shape::Value(_), Some(value)) => value.clone(),
        (_, None) => match attribute.role {
            Role::Required | Role::Optional | Role::WriteOnly => {
                attribute.default.clone().unwrap_or_else(|| empty(attribute))
            }
            Role::OptionalComputed | Role::Computed => {
                prior.cloned().unwrap_or_else(|| unknown(instance, path(), attribute.implied_type()))
            }
        },
    }
}

fn empty(attribute: &Attribute) -> Value {
    match attribute.shape {
        Shape::Block { nesting: Nesting::List, .. } => Value::list(Vec::new()),
        Shape::Block { nesting: Nesting::Set, .. } => Value::set(Vec::new()),
        Shape::Block { nesting: Nesting::Single, .. } | Shape::Value(_) => Value::NULL,
    }
}
