//! The leaves of expressions that are not finished.

use terrane_core::value::{ForResidual, Kind};
use terrane_core::{InstanceAddr, Residual, Value};

/// Adds the instances whose attributes `value` waits for, each once.
pub fn instances(value: &Value, found: &mut Vec<InstanceAddr>) {
    visit(value, &mut |residual| {
        if let Residual::Attribute { instance, .. } = residual
            && !found.contains(instance)
        {
            found.push(instance.clone());
        }
    });
}

/// Calls `see` with every residual in `value`.
pub fn visit(value: &Value, see: &mut dyn FnMut(&Residual)) {
    if value.is_wholly_known() {
        return;
    }
    match value.kind() {
        Kind::Tuple(items) | Kind::List(items) | Kind::Set(items) => items.iter().for_each(|item| visit(item, see)),
        Kind::Object(entries) | Kind::Map(entries) => entries.iter().for_each(|(_, value)| visit(value, see)),
        Kind::Unknown(unknown) => {
            see(&unknown.residual);
            inside(&unknown.residual, see);
        }
        Kind::Null | Kind::Bool(_) | Kind::Number(_) | Kind::String(_) => {}
    }
}

fn inside(residual: &Residual, see: &mut dyn FnMut(&Residual)) {
    match residual {
        Residual::Attribute { .. } | Residual::Variable(_) | Residual::Local(_) => {}
        Residual::Call { arguments: parts, .. }
        | Residual::Operation { operands: parts, .. }
        | Residual::Template(parts) => parts.iter().for_each(|part| visit(part, see)),
        Residual::Conditional { condition, yes, no } => {
            visit(condition, see);
            visit(yes, see);
            visit(no, see);
        }
        Residual::Index { collection, key } => {
            visit(collection, see);
            visit(key, see);
        }
        Residual::Convert { value, .. } => visit(value, see),
        Residual::For(of) => {
            let ForResidual { collection, condition, result_key, result, .. } = &**of;
            visit(collection, see);
            condition.iter().chain(result_key).for_each(|part| visit(part, see));
            visit(result, see);
        }
    }
}
