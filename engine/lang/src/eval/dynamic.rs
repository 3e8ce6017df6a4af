//! Expands `dynamic` blocks. What is walked may not be known yet: then the nested blocks as a whole are not, and the
//! residual makes them in the order in which they are written.

use super::body::evaluate;
use super::ir::{Dynamic, NestedBlock};
use super::loops;
use super::walk::Walk;
use crate::diag;
use terrane_core::value::ForResidual;
use terrane_core::{Block, Nesting, Residual, Text, Type, Value};

/// What the blocks of one kind are.
pub(crate) struct Kind<'s> {
    pub block: &'s Block,
    pub nesting: Nesting,
    /// The type of all of them together.
    pub ty: Type,
    pub is_secret: bool,
}

/// Blocks of one kind, some of which are `dynamic`; `None` after an error.
pub(crate) fn blocks<'b>(
    walk: &mut Walk<'_>,
    written: impl Iterator<Item = &'b NestedBlock>,
    kind: &Kind<'_>,
) -> Option<Value> {
    let mut parts = Parts::default();
    let (mut has_failed, mut last) = (false, None);
    for nested in written {
        last = Some(nested);
        match &nested.dynamic {
            None => match evaluate(walk, &nested.body, kind.block, kind.is_secret) {
                Some(value) => parts.known.push(value),
                None => has_failed = true,
            },
            Some(dynamic) => has_failed |= expand(walk, nested, dynamic, kind, &mut parts).is_none(),
        }
    }
    if has_failed {
        return None;
    }
    let known =
        parts.known.len() + parts.before.iter().map(|part| part.items().map_or(0, <[Value]>::len)).sum::<usize>();
    if let (Nesting::Single, Some(nested), true) = (kind.nesting, last, known > 1) {
        let detail = format!("`{}` may stand once, and there are {known}", nested.name);
        walk.report(diag::DUPLICATE_BLOCK.at(nested.body.span).detail(detail));
        return None;
    }
    Some(parts.joined(kind))
}

/// The blocks that one `dynamic` block makes; `None` after an error.
fn expand(
    walk: &mut Walk<'_>,
    nested: &NestedBlock,
    dynamic: &Dynamic,
    kind: &Kind<'_>,
    parts: &mut Parts,
) -> Option<()> {
    let collection = walk.eval(&dynamic.for_each)?;
    let span = dynamic.for_each.span;
    if collection.is_sensitive() && !kind.is_secret {
        let detail = format!("the number of `{}` blocks is shown, and `for_each` is sensitive", nested.name);
        walk.report(diag::SECRET_IN_PLAIN_ARGUMENT.at(span).detail(detail));
        return None;
    }
    let result = if collection.is_known() { loops::pairs(&collection).map(Some) } else { Ok(None) };
    let types = loops::pair_types(&collection.type_of());
    let pairs = match (result, types) {
        (Ok(Some(pairs)), _) => pairs,
        (Ok(None), Ok(types)) => {
            let open = open(walk, nested, dynamic, kind, (collection, types))?;
            parts.push_open(open);
            return Some(());
        }
        (Err(fault), _) | (Ok(None), Err(fault)) => {
            walk.report(fault.at(span));
            return None;
        }
    };
    let mut has_failed = false;
    for (key, value) in pairs {
        let made = walk.with_slot(dynamic.slot, iterator(key, value), |walk| {
            evaluate(walk, &nested.body, kind.block, kind.is_secret)
        });
        match made {
            Some(value) => parts.known.push(value),
            None => has_failed = true,
        }
    }
    (!has_failed).then_some(())
}

/// The blocks over something that is not known yet, as the rest of a loop.
fn open(
    walk: &mut Walk<'_>,
    nested: &NestedBlock,
    dynamic: &Dynamic,
    kind: &Kind<'_>,
    (collection, (key, value)): (Value, (Type, Type)),
) -> Option<Value> {
    walk.with_locals(|walk, key_local, value_local| {
        let local = |ty: Type, at: u32| Value::unknown(ty, Residual::Local(at)).marked_like(&collection);
        let iterator = iterator(local(key, key_local), local(value, value_local));
        let result =
            walk.with_slot(dynamic.slot, iterator, |walk| evaluate(walk, &nested.body, kind.block, kind.is_secret))?;
        let residual = ForResidual {
            collection,
            key_local,
            value_local,
            condition: None,
            result_key: None,
            result,
            is_grouped: false,
            is_splat: false,
        };
        Some(Value::unknown(Type::Any, Residual::For(Box::new(residual))))
    })
}

/// What the name of the iterator stands for.
fn iterator(key: Value, value: Value) -> Value {
    Value::object(vec![(Text::from("key"), key), (Text::from("value"), value)])
}

/// The blocks so far: runs of known ones and open loops, in the order in which they are written.
#[derive(Default)]
struct Parts {
    before: Vec<Value>,
    known: Vec<Value>,
    is_open: bool,
}

impl Parts {
    fn push_open(&mut self, open: Value) {
        self.close();
        self.before.push(open);
        self.is_open = true;
    }

    fn close(&mut self) {
        if !self.known.is_empty() {
            self.before.push(Value::tuple(std::mem::take(&mut self.known)));
        }
    }

    fn joined(mut self, kind: &Kind<'_>) -> Value {
        if !self.is_open {
            return match kind.nesting {
                Nesting::Single => self.known.pop().unwrap_or(Value::NULL),
                Nesting::List => Value::list(self.known),
                Nesting::Set => Value::set(self.known),
            };
        }
        self.close();
        let call = |function: &str, arguments: Vec<Value>| {
            Value::unknown(Type::Any, Residual::Call { function: function.into(), arguments, is_spread: false })
        };
        let all = match self.before.len() {
            1 => self.before.pop().unwrap_or(Value::NULL),
            _ => call("concat", self.before),
        };
        let value = if kind.nesting == Nesting::Single { call("one", vec![all]) } else { all };
        let ty = kind.ty.clone();
        Value::unknown(ty.clone(), Residual::Convert { value, ty })
    }
}

#[cfg(test)]
mod tests {
    use crate::eval::{ResolveContext, evaluate_body, resolve};
    use crate::testing::{Files, World, program, rack, shown, value};
    use terrane_core::{Diagnostic, Residual, Type, Value};

    const SHELVES: &str = "variable \"of\" {}\nresource \"t_rack\" \"a\" {\n  shelf {\n    name = \"first\"\n  }\n  \
        dynamic \"shelf\" {\n    for_each = var.of\n    iterator = it\n    content {\n      name = \"${it.key}-${it.value.name}\"\n      \
        dynamic \"disk\" {\n        for_each = it.value.disks\n        content {\n          size = disk.value + it.value.more\n        }\n      }\n    }\n  }\n  \
        shelf {\n    name = \"last\"\n  }\n}\n";

    fn body(text: &str, of: Value) -> Result<Value, Vec<Diagnostic>> {
        let program = program(&[("main.hcl", text)]);
        let mut world = World::of(&program);
        world.variables.insert("of", of);
        let mut problems = Vec::new();
        evaluate_body(&program.modules[0].resources[0].body, &rack().body, &world, &mut problems).ok_or(problems)
    }

    fn names(shelves: &Value) -> Vec<String> {
        let items = shelves.items().unwrap().iter();
        items.map(|shelf| shelf.get("name").unwrap().as_str().unwrap().to_owned()).collect()
    }

    fn of() -> Value {
        value("{ b = { name = \"x\", disks = [1, 2], more = 10 }, a = { name = \"y\", disks = [], more = 0 } }")
            .unwrap()
    }

    // A1
    #[test]
    fn each_element_makes_a_block_among_the_written_ones() {
        let rack = body(SHELVES, of()).unwrap();
        let shelves = rack.get("shelf").unwrap();
        assert_eq!(names(shelves), ["first", "a-y", "b-x", "last"]);
        let disks = shelves.items().unwrap()[2].get("disk").unwrap();
        let sizes: Vec<_> = disks.items().unwrap().iter().map(|disk| disk.get("size").unwrap().clone()).collect();
        assert_eq!(sizes, [Value::int(11), Value::int(12)]);
        assert_eq!(names(body(SHELVES, value("[]").unwrap()).unwrap().get("shelf").unwrap()), ["first", "last"]);
    }

    // A1
    #[test]
    fn what_is_walked_later_makes_what_it_would_make_now() {
        let open = Value::unknown(Type::Any, Residual::Variable("of".into()));
        let planned = body(SHELVES, open).unwrap();
        let shelves = planned.get("shelf").unwrap();
        assert_eq!(shelves.type_of(), rack().body.attribute("shelf").unwrap().implied_type());
        assert!(!shelves.is_known());
        let known = |residual: &Residual| matches!(residual, Residual::Variable(_)).then(of);
        let cx = ResolveContext { sources: &Files::default(), module_folder: "." };
        assert_eq!(resolve(&planned, &known, &cx).unwrap(), body(SHELVES, of()).unwrap());
    }

    #[test]
    fn a_set_gives_its_elements_as_keys() {
        let text = "variable \"of\" {}\nresource \"t_rack\" \"a\" {\n  dynamic \"shelf\" {\n    for_each = var.of\n    content {\n      name = \"${shelf.key}${shelf.value}\"\n    }\n  }\n}\n";
        assert_eq!(
            names(body(text, value("toset([\"b\", \"a\"])").unwrap()).unwrap().get("shelf").unwrap()),
            ["aa", "bb"]
        );
        assert_eq!(names(body(text, value("[\"x\"]").unwrap()).unwrap().get("shelf").unwrap()), ["0x"]);
    }

    #[test]
    fn what_cannot_be_walked_is_told_where_it_stands() {
        let problem = |of: Value| {
            let problems = body(SHELVES, of).unwrap_err();
            let program = program(&[("main.hcl", SHELVES)]);
            let place = problems[0].span().and_then(|span| program.sources.text(span)).unwrap_or("").to_owned();
            (problems.iter().map(|p| p.kind.id).collect::<Vec<_>>(), place)
        };
        assert_eq!(problem(Value::NULL), (vec!["null-value"], "var.of".to_owned()));
        assert_eq!(problem(Value::int(1)), (vec!["not-a-collection"], "var.of".to_owned()));
        assert_eq!(problem(of().sensitive()), (vec!["secret-in-plain-argument"], "var.of".to_owned()));
        let bare = value("[{ name = \"x\", more = 1 }]").unwrap();
        assert_eq!(problem(bare), (vec!["no-such-attribute"], "disks".to_owned()));
    }

    #[test]
    fn a_single_block_stands_once() {
        let text = "variable \"of\" {}\nresource \"t_rack\" \"a\" {\n  dynamic \"lock\" {\n    for_each = var.of\n    content {\n      token = null\n    }\n  }\n}\n";
        assert!(body(text, value("[]").unwrap()).unwrap().get("lock").unwrap().is_null());
        assert!(body(text, value("[1]").unwrap()).unwrap().get("lock").unwrap().is_known());
        let problems = body(text, value("[1, 2]").unwrap()).unwrap_err();
        assert_eq!(problems[0].kind.id, "duplicate-block", "{:?}", shown(&problems));
    }
}
