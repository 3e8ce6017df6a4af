//! Objects that are there and that nothing of ours knows yet: how they are found, and what somebody would write of
//! them.

use crate::{Access, Async, CallContext, Fault};
use std::collections::BTreeMap;
use terrane_core::schema::{Nesting, Role, Shape};
use terrane_core::{Attribute, Block, ObjectId, Path, Text, Value};

/// What is looked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Search {
    /// Names of roots (of clusters); every one where none is given.
    pub names: Vec<Text>,
}

/// An object that was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// What it is; its key is the hint for a name.
    pub id: ObjectId,
    /// How it is reached.
    pub access: Access,
    /// What was seen of it, as its reader shows it.
    pub seen: Value,
    /// The object that it lives in.
    pub parent: Option<ObjectId>,
}

/// Something that was found and stays with whoever has it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LeftAlone {
    /// What it is, with its name: `Fargate profile core/batch`.
    pub what: Text,
    /// Why.
    pub reason: Text,
}

/// What a look at one root came to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Discovered {
    /// What can be adopted, each after the object it lives in.
    pub found: Vec<Found>,
    /// What cannot.
    pub left_alone: Vec<LeftAlone>,
    /// Whether the answer proves that there is no such root.
    pub is_absent: bool,
}

/// Finds objects by reading only.
pub trait Discovery: Send + Sync {
    /// Names of the roots that a search is about, in order; what is inside of them is not looked at.
    fn roots<'a>(&'a self, search: &'a Search, cx: &'a CallContext<'a>) -> Async<'a, Result<Vec<Text>, Fault>>;

    /// Looks at one root and everything in it that has a resource type.
    fn look<'a>(&'a self, root: &'a Text, cx: &'a CallContext<'a>) -> Async<'a, Result<Discovered, Fault>>;

    /// The object that an entry of another tool's state stands for: its type there, and its attributes that are texts.
    /// `None` where it is none of ours.
    ///
    /// # Errors
    /// What the attributes do not say.
    fn foreign(&self, type_name: &str, attributes: &BTreeMap<Text, Text>) -> Option<Result<ObjectId, String>>;
}

/// What somebody would write of an object that is there, by the schema alone: the inverse of
/// [`crate::complete::complete`], which makes the same object of it again.
///
/// Required arguments are written, and optional ones that are not what a missing one means; an empty collection is what
/// a missing one means. What the remote side may choose is written where `kept` names it, `size.min`, because there it
/// is nearly always somebody's choice; inside of repeated blocks always, as nothing else remembers it. Secrets, and what
/// can only be read or only be written, never are.
#[must_use]
pub fn written(block: &Block, seen: &Value, kept: &[&str]) -> Value {
    let kept: Vec<Path> = kept.iter().map(|path| Path::dotted(path)).collect();
    Writing { kept: &kept }.block(block, seen, &Path::default(), false)
}

struct Writing<'a> {
    kept: &'a [Path],
}

impl Writing<'_> {
    fn block(&self, block: &Block, seen: &Value, at: &Path, is_repeated: bool) -> Value {
        let pair = |attribute: &Attribute| {
            let value = seen.get(&attribute.name).unwrap_or(&Value::NULL);
            let at = at.child(attribute.name.clone());
            (attribute.name.clone(), self.attribute(attribute, value, &at, is_repeated))
        };
        Value::object(block.attributes.iter().map(pair).collect())
    }

    fn attribute(&self, attribute: &Attribute, value: &Value, at: &Path, is_repeated: bool) -> Value {
        if attribute.is_secret || matches!(attribute.role, Role::Computed | Role::WriteOnly) || value.is_null() {
            return Value::NULL;
        }
        match &attribute.shape {
            Shape::Block { block, nesting: Nesting::Single } => {
                let inner = self.block(block, value, at, is_repeated);
                let is_empty = inner.entries().is_none_or(|entries| entries.iter().all(|(_, value)| value.is_null()));
                if is_empty && attribute.role == Role::OptionalComputed { Value::NULL } else { inner }
            }
            Shape::Block { block, nesting } => {
                let items = value.items().unwrap_or_default().iter();
                let items = items.map(|item| self.block(block, item, at, true)).collect();
                if *nesting == Nesting::Set { Value::set(items) } else { Value::list(items) }
            }
            Shape::Value(_) if self.is_written(attribute, value, at, is_repeated) => value.clone(),
            Shape::Value(_) => Value::NULL,
        }
    }

    fn is_written(&self, attribute: &Attribute, value: &Value, at: &Path, is_repeated: bool) -> bool {
        match attribute.role {
            Role::Required => true,
            Role::Optional => match &attribute.default {
                Some(default) => !default.is_same(value),
                None => !is_empty(value),
            },
            Role::OptionalComputed => is_repeated || self.kept.contains(at),
            Role::Computed | Role::WriteOnly => false,
        }
    }
}

fn is_empty(value: &Value) -> bool {
    value.items().is_some_and(<[Value]>::is_empty) || value.entries().is_some_and(terrane_core::Entries::is_empty)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::complete::complete;
    use terrane_core::Type;

    fn leaf(name: &str, role: Role) -> Attribute {
        Attribute::new(name, Shape::Value(Type::Number), role)
    }

    fn schema() -> Block {
        let mut with_default = leaf("with_default", Role::Optional);
        with_default.default = Some(Value::int(1));
        let leaves = || {
            vec![
                leaf("required", Role::Required),
                leaf("optional", Role::Optional),
                with_default.clone(),
                leaf("chosen", Role::OptionalComputed),
            ]
        };
        let mut top = leaves();
        top.push(leaf("computed", Role::Computed));
        for (name, nesting, role) in [
            ("one", Nesting::Single, Role::Optional),
            ("made", Nesting::Single, Role::OptionalComputed),
            ("many", Nesting::List, Role::Optional),
        ] {
            top.push(Attribute::new(name, Shape::Block { block: Block { attributes: leaves() }, nesting }, role));
        }
        Block { attributes: top }
    }

    fn object(pairs: Vec<(&str, Value)>) -> Value {
        Value::object(pairs.into_iter().map(|(name, value)| (Text::from(name), value)).collect())
    }

    /// Every object of leaves that are 1, 2 or, where they may be, null.
    fn leaves() -> Vec<Value> {
        let mut all = Vec::new();
        for number in 0..36 {
            let digit = |of: i64, from: i64| number / of % from;
            let or_null = |digit: i64| if digit == 0 { Value::NULL } else { Value::int(digit) };
            all.push(object(vec![
                ("required", Value::int(1 + digit(1, 2))),
                ("optional", or_null(digit(2, 3))),
                ("with_default", Value::int(1 + digit(6, 2))),
                ("chosen", or_null(digit(12, 3))),
            ]));
        }
        all
    }

    #[test]
    fn what_is_written_is_completed_to_what_was_seen() {
        let schema = schema();
        let addr = "t.a".parse().unwrap();
        let leaves = leaves();
        for (position, top) in leaves.iter().enumerate() {
            let inner = &leaves[(position * 7 + 3) % leaves.len()];
            let is_known = !inner.get("chosen").unwrap().is_null();
            let one = if position % 3 == 0 { Value::NULL } else { inner.clone() };
            let many = if is_known { vec![inner.clone(), inner.clone()] } else { Vec::new() };
            let more =
                [("computed", Value::int(9)), ("one", one), ("made", inner.clone()), ("many", Value::list(many))];
            let pairs = top.entries().unwrap().iter().map(|(name, value)| (&**name, value.clone()));
            let seen = object(pairs.chain(more).collect());
            for kept in [&[][..], &["chosen", "made.chosen"]] {
                let written = written(&schema, &seen, kept);
                let again = complete(&schema, &written, Some(&seen), &addr);
                assert_eq!(again, seen, "{written:?}");
            }
        }
    }

    #[test]
    fn only_what_is_somebodys_choice_is_written() {
        let seen = leaves().into_iter().find(|leaf| leaf.get("chosen") == Some(&Value::int(2))).unwrap();
        let block = Block { attributes: schema().attributes.into_iter().take(5).collect() };
        let plain = written(&block, &seen, &[]);
        assert_eq!(plain.get("chosen"), Some(&Value::NULL));
        assert_eq!(plain.get("with_default"), Some(&Value::NULL), "it is the default");
        assert_eq!(written(&block, &seen, &["chosen"]).get("chosen"), Some(&Value::int(2)));
    }

    #[test]
    fn secrets_are_never_written() {
        let mut secret = Attribute::new("secret", Shape::Value(Type::String), Role::Required);
        secret.is_secret = true;
        let seen = object(vec![("secret", Value::string("hunter2"))]);
        let written = written(&Block { attributes: vec![secret] }, &seen, &["secret"]);
        assert_eq!(written.get("secret"), Some(&Value::NULL));
    }
}
