//! `-secret ADDRESS.path=env:NAME`: another source for a secret whose recorded expression cannot be resolved any more.

use crate::diag::WRONG_SECRET_FLAG;
use terrane_core::{Diagnostic, InstanceAddr, Path, PathStep, Place, Residual, Text, Type, Value};

/// A leaf and the expression that stands in for the recorded one.
#[derive(Clone, Debug, PartialEq)]
pub struct SecretOverride {
    /// The instance.
    pub addr: InstanceAddr,
    /// The leaf.
    pub path: Path,
    /// The expression.
    pub value: Value,
}

impl SecretOverride {
    /// Reads a flag: `ADDRESS.path=env:NAME`, `=file:PATH` or `=exec:COMMAND` (words parted by spaces).
    ///
    /// # Errors
    /// `wrong-secret-flag`.
    pub fn parse(text: &str) -> Result<Self, Box<Diagnostic>> {
        let wrong = |why: &str| {
            // Somebody may have put the secret itself there, so what stands after the equals sign is not repeated.
            let shown = text.split('=').next().unwrap_or_default();
            Box::new(WRONG_SECRET_FLAG.at(Place::Argument("-secret".to_owned())).detail(why).with("for", shown))
        };
        let source = ["=env:", "=file:", "=exec:"].iter().filter_map(|mark| text.rfind(mark)).max();
        let (leaf, source) =
            source.and_then(|at| text.split_at_checked(at)).ok_or_else(|| wrong("there is no source"))?;
        let (addr, path) = split(leaf).ok_or_else(|| wrong("there is no address with a path after it"))?;
        let value = expression(source.trim_start_matches('=')).ok_or_else(|| wrong("the source is empty"))?;
        Ok(Self { addr, path, value })
    }

    /// `object` with the expression in place, where it is an object that has the leaf.
    #[must_use]
    pub fn put_in(&self, object: &Value) -> Value {
        let has_leaf = object.at(&self.path).is_some_and(|leaf| !leaf.is_null());
        if has_leaf { object.with_at(&self.path.0, self.value.clone()) } else { object.clone() }
    }
}

/// The shortest beginning that is an address, and the path after it.
fn split(leaf: &str) -> Option<(InstanceAddr, Path)> {
    leaf.match_indices('.').find_map(|(at, _)| {
        let (addr, path) = leaf.split_at_checked(at)?;
        Some((addr.parse().ok()?, parse_path(path.strip_prefix('.')?)?))
    })
}

/// Names joined by dots, each with positions after it: `nodes[0].password`.
fn parse_path(text: &str) -> Option<Path> {
    let mut steps = Vec::new();
    for part in text.split('.') {
        let mut pieces = part.split('[');
        let name = pieces.next().filter(|name| !name.is_empty())?;
        steps.push(PathStep::Name(name.into()));
        for index in pieces {
            steps.push(PathStep::Index(index.strip_suffix(']')?.parse().ok()?));
        }
    }
    Some(Path(steps))
}

fn expression(source: &str) -> Option<Value> {
    let (function, rest) = source.split_once(':')?;
    let argument = match function {
        "exec" => Value::tuple(rest.split_whitespace().map(Value::string).collect()),
        _ => Value::string(rest),
    };
    let is_empty = argument.as_str().is_some_and(str::is_empty) || argument.items().is_some_and(<[Value]>::is_empty);
    let function: Text = function.into();
    let residual = Residual::Call { function, arguments: vec![argument], is_spread: false };
    (!is_empty).then(|| Value::unknown(Type::String, residual).sensitive())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (String, String, Value) {
        let read = SecretOverride::parse(text).unwrap();
        (read.addr.to_string(), read.path.to_string(), read.value)
    }

    #[test]
    fn addresses_with_dots_and_equals_signs_in_keys_are_read() {
        let (addr, path, value) = read("module.m[\"a=env:b\"].t_x.n[\"c.d\"].nodes[0].password=env:P");
        assert_eq!((addr.as_str(), path.as_str()), ("module.m[\"a=env:b\"].t_x.n[\"c.d\"]", "nodes[0].password"));
        let Residual::Call { function, arguments, .. } = &value.as_unknown().unwrap().residual else { panic!() };
        assert_eq!((&**function, arguments[0].as_str()), ("env", Some("P")));
    }

    #[test]
    fn a_flag_that_is_none_is_refused_without_repeating_the_secret() {
        for text in ["t_x.n.password=hunter2", "t_x.n=env:P", "password=env:P", "t_x.n.p=env:"] {
            let problem = SecretOverride::parse(text).unwrap_err();
            assert_eq!(problem.kind.id, "wrong-secret-flag");
            assert!(!format!("{problem:?}").contains("hunter2"));
        }
    }

    #[test]
    fn only_a_leaf_that_is_there_is_replaced() {
        let flag = SecretOverride::parse("t_x.n.password=file:p.txt").unwrap();
        let with = Value::object(vec![("password".into(), Value::string("x"))]);
        assert!(!flag.put_in(&with).is_wholly_known());
        assert!(flag.put_in(&Value::object(vec![])).is_wholly_known());
    }
}
