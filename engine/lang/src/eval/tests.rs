//! Tests of evaluation: answers of operators, what unknown values become, and that finishing them later
//! gives what direct evaluation gives.

use super::{Repeated, ResolveContext, evaluate_body, repeated, resolve};
use crate::convert::convert;
use crate::program::Repetition;
use crate::testing::{Files, World, program, shown, thing, value, value_with};
use terrane_core::{InstanceAddr, Kind, Path, Residual, Text, Type, Value};

fn unknown(name: &str, ty: Type) -> Value {
    Value::unknown(ty, Residual::Variable(name.into()))
}

fn object_id(name: &str, ty: Type) -> Value {
    let instance: InstanceAddr = format!("t_thing.{name}").parse().unwrap();
    Value::unknown(ty, Residual::Attribute { instance, path: Path::attr("id") })
}

fn ids(text: &str) -> Vec<&'static str> {
    value(text).expect_err(text).iter().map(|p| p.kind.id).collect()
}

/// Each text has the value of the other text. field.md 2.5, crates.md 3.3.
#[test]
fn operators_answer_as_terraform_users_expect() {
    for (text, expected) in [
        ("1 == \"1\"", "false"),
        ("1 != \"1\"", "true"),
        ("null == null", "true"),
        ("[] == null", "false"),
        ("\"5\" + 1", "6"),
        ("-7 % 3", "-1"),
        ("0.1 + 0.2 == 0.3", "true"),
        ("1 / 3 * 3 == 1", "true"),
        ("18446744073709551615 + 1", "18446744073709551616"),
        ("\"true\" ? 1 : 2", "1"),
        ("true ? 1 : \"a\"", "\"1\""),
        ("true || 1 / 0 == 1", "true"),
        ("false && 1 / 0 == 1", "false"),
        ("!\"false\"", "true"),
        ("-\"5\"", "-5"),
        ("\"a${1e20}\"", "\"a100000000000000000000\""),
        ("\"a${true}b${2.50}\"", "\"atrueb2.5\""),
        ("[1, 2][\"1\"]", "2"),
        ("{ a = 1 }.a", "1"),
        ("{ a = 1 }[\"a\"]", "1"),
        ("{ 1 = 2 }[1]", "2"),
        ("{ null = 1 }[\"null\"]", "1"),
        ("[for k, v in { b = 1, a = 2 } : \"${k}${v}\"]", "[\"a2\", \"b1\"]"),
        ("[for i, v in [5, 6] : i + v]", "[5, 7]"),
        ("[for v in [1, 2, 3] : v if v > 1]", "[2, 3]"),
        ("{ for v in [\"a\", \"b\"] : v => 1 }", "{ a = 1, b = 1 }"),
        ("{ for v in [\"a\", \"b\", \"a\"] : v => 1... }", "{ a = [1, 1], b = [1] }"),
        ("null[*]", "[]"),
        ("\"x\"[*]", "[\"x\"]"),
        ("[{ a = 1 }, { a = 2 }][*].a", "[1, 2]"),
        ("[[1], [2]][*][0]", "[1, 2]"),
        ("[for x in [1, 2] : [for y in [10, 20] : x * y]]", "[[10, 20], [20, 40]]"),
        ("\"%{ if true }a%{ else }b%{ endif }\"", "\"a\""),
        ("\"%{ for x in [1, 2] }<${x}>%{ endfor }\"", "\"<1><2>\""),
        ("\"${[1, 2]}\"", "[1, 2]"),
        ("true ? null : 1", "null"),
        ("[1, true][1] ? \"y\" : \"n\"", "\"y\""),
    ] {
        let (actual, expected) = (value(text), value(expected).unwrap());
        match actual {
            Ok(actual) => assert!(actual == expected, "{text}: {actual:?} is not {expected:?}"),
            Err(problems) => panic!("{text}: {:?}", shown(&problems)),
        }
    }
}

#[test]
fn arms_of_a_conditional_get_one_type() {
    assert_eq!(value("true ? [1] : [\"a\"]").unwrap(), Value::tuple(vec![Value::string("1")]));
    assert_eq!(value("false ? [] : [1, 2]").unwrap(), Value::list(vec![Value::int(1), Value::int(2)]));
    assert!(matches!(value("true ? { a = 1 } : { b = \"x\" }").unwrap().kind(), Kind::Map(_)));
    assert_eq!(ids("true ? [1] : { a = 1 }"), ["conditional-types"]);
    assert_eq!(ids("true ? 1 : true"), ["conditional-types"]);
}

#[test]
fn mistakes_are_named() {
    for (text, expected) in [
        ("1 / 0", "division-by-zero"),
        ("1 % 0", "division-by-zero"),
        ("\"a\" < \"b\"", "wrong-operand"),
        ("1 + true", "wrong-operand"),
        ("null + 1", "null-value"),
        ("!null", "null-value"),
        ("null ? 1 : 2", "null-value"),
        ("[1] ? 1 : 2", "wrong-operand"),
        ("\"a${[1, 2]}\"", "no-text-form"),
        ("\"a${null}\"", "null-value"),
        ("[1][1]", "index-out-of-range"),
        ("[1][-1]", "index-out-of-range"),
        ("[1][0.5]", "wrong-operand"),
        ("{ a = 1 }.b", "no-such-attribute"),
        ("[1].a", "no-such-attribute"),
        ("5[0]", "not-a-collection"),
        ("null.a", "null-value"),
        ("null[0]", "null-value"),
        ("[for x in 5 : x]", "not-a-collection"),
        ("[for x in null : x]", "null-value"),
        ("{ for x in [1, 1] : x => x }", "duplicate-for-key"),
        ("{ for x in [null] : x => 1 }", "null-value"),
        ("{ (null) = 1 }", "null-value"),
        ("false && x", "unknown-name"),
        ("true || nothing(1)", "unknown-function"),
        ("each.key", "out-of-place"),
        ("path.modul", "unknown-name"),
        ("var.x", "unknown-name"),
    ] {
        assert_eq!(ids(text), [expected], "{text}");
    }
}

#[test]
fn a_problem_points_at_the_operand() {
    let problems = value("10 + 1 / 0").unwrap_err();
    let span = problems[0].span().unwrap();
    assert_eq!((span.start, span.end), (9, 10));
    let problems = value("\"ok ${[1]} ok\"").unwrap_err();
    let span = problems[0].span().unwrap();
    assert_eq!((span.start, span.end), (6, 9));
    let problems = value("{ region = 1 }.regoin").unwrap_err();
    assert_eq!(problems[0].help_text(), "Did you mean `region`?");
    assert_eq!(problems[0].span().unwrap().start, 15);
}

#[test]
fn every_part_of_a_list_reports_its_problem() {
    assert_eq!(ids("[1 / 0, null + 1]"), ["division-by-zero", "null-value"]);
}

#[test]
fn unknown_operands_make_typed_unknowns() {
    let name = unknown("n", Type::String);
    let size = unknown("s", Type::Number);
    let variables = [("n", name), ("s", size)];
    for (text, ty) in [
        ("s + 1", Type::Number),
        ("s > 1", Type::Bool),
        ("s == n", Type::Bool),
        ("!(s > 1)", Type::Bool),
        ("\"a-${n}-b\"", Type::String),
        ("s > 1 ? 1 : 2", Type::Number),
        ("s > 1 ? 1 : n", Type::String),
        ("[1, s][1]", Type::Number),
    ] {
        let found = value_with(text, &variables).unwrap_or_else(|p| panic!("{text}: {:?}", shown(&p)));
        assert!(!found.is_known(), "{text}");
        assert_eq!(found.type_of(), ty, "{text}");
    }
    for (text, expected) in
        [("false && s > 1", "false"), ("s > 1 && false", "false"), ("[1, s][0]", "1"), ("[s] == null", "false")]
    {
        assert_eq!(value_with(text, &variables).unwrap(), value(expected).unwrap(), "{text}");
    }
}

#[test]
fn what_cannot_become_right_is_wrong_already() {
    let variables = [("l", unknown("l", Type::list(Type::String))), ("o", unknown("o", Type::Object([].into())))];
    for (text, expected) in [
        ("l + 1", "wrong-operand"),
        ("\"${l} \"", "no-text-form"),
        ("l ? 1 : 2", "wrong-operand"),
        ("l.name", "no-such-attribute"),
        ("o.name", "no-such-attribute"),
        ("l == 1 ? [] : {}", "conditional-types"),
    ] {
        let problems = value_with(text, &variables).expect_err(text);
        assert_eq!(problems[0].kind.id, expected, "{text}");
    }
}

#[test]
fn known_parts_of_a_template_are_joined() {
    let found = value_with("\"a${1}${n}${2}b\"", &[("n", unknown("n", Type::String))]).unwrap();
    let Residual::Template(parts) = &found.as_unknown().unwrap().residual else { panic!("{found:?}") };
    assert_eq!(parts.len(), 3);
    assert_eq!((parts[0].as_str(), parts[2].as_str()), (Some("a1"), Some("2b")));
}

#[test]
fn steps_into_an_unknown_attribute_make_its_path_longer() {
    let instance: InstanceAddr = "t_thing.a".parse().unwrap();
    let whole = Value::unknown(Type::Any, Residual::Attribute { instance, path: Path::attr("net") });
    let found = value_with("a.nodes[0][\"x\"]", &[("a", whole)]).unwrap();
    let Residual::Attribute { path, .. } = &found.as_unknown().unwrap().residual else { panic!("{found:?}") };
    assert_eq!(path.to_string(), "net.nodes[0].x");
}

#[test]
fn sensitive_marks_spread() {
    let variables = [("s", Value::string("hunter2").sensitive()), ("n", Value::int(1).sensitive())];
    for text in [
        "\"a${s}\"",
        "n + 1",
        "n == 1",
        "n > 0 ? 1 : 2",
        "[1, 2][n]",
        "{ a = 1, b = 2 }[n > 0 ? \"a\" : \"b\"]",
        "{ (s) = 1 }",
        "{ for x in [s] : x => 1 }",
        "[for x in [1] : x if n > 0]",
        "!(n > 0)",
        "-n",
        "n > 0 && true",
    ] {
        assert!(value_with(text, &variables).unwrap().is_sensitive(), "{text}");
    }
    let list = value_with("[s, 1]", &variables).unwrap();
    assert!(list.has_sensitive() && !list.is_sensitive());
}

#[test]
fn secrets_do_not_show_in_messages() {
    let variables = [("s", Value::string("hunter2").sensitive())];
    for text in ["s + 1", "{ a = 1 }[s]", "[1][s]", "{ for x in [1, 2] : s => x }", "s ? 1 : 2"] {
        let problems = value_with(text, &variables).expect_err(text);
        assert!(!format!("{problems:?}").contains("hunter2"), "{text}: {problems:?}");
    }
}

#[test]
fn loops_over_unknown_collections_wait_as_a_whole() {
    let variables = [("l", unknown("l", Type::list(Type::Number)))];
    let found = value_with("[for x in l : x + 1 if x > 2]", &variables).unwrap();
    let Residual::For(each) = &found.as_unknown().unwrap().residual else { panic!("{found:?}") };
    assert!(each.condition.is_some() && !each.is_splat);
    let finished = finish(&found, &[("l", Value::list(vec![Value::int(2), Value::int(3)]))]);
    assert_eq!(finished, Value::tuple(vec![Value::int(4)]));
}

#[test]
fn a_known_collection_with_unknown_elements_is_walked() {
    let found = value_with("[for x in [1, n] : x + 1]", &[("n", unknown("n", Type::Number))]).unwrap();
    let items = found.items().unwrap();
    assert!(items[0] == Value::int(2) && !items[1].is_known());
    let found = value_with("{ for x in [\"a\", n] : x => 1 }", &[("n", unknown("n", Type::String))]).unwrap();
    assert!(!found.is_known());
    let finished = finish(&found, &[("n", Value::string("b"))]);
    assert_eq!(finished, value("{ a = 1, b = 1 }").unwrap());
}

fn finish(value: &Value, known: &[(&str, Value)]) -> Value {
    let files = Files::default();
    let cx = ResolveContext { sources: &files, module_folder: "." };
    let answer = |residual: &Residual| match residual {
        Residual::Variable(name) => known.iter().find(|(k, _)| *k == &**name).map(|(_, v)| v.clone()),
        _ => None,
    };
    resolve(value, &answer, &cx).unwrap()
}

#[test]
fn what_is_not_answered_stays_unknown() {
    let variables = [("a", unknown("a", Type::Number)), ("b", unknown("b", Type::Number))];
    let found = value_with("[for x in [1, 2] : x + a + b]", &variables).unwrap();
    let half = finish(&found, &[("a", Value::int(10))]);
    assert!(!half.is_wholly_known());
    let whole = finish(&half, &[("b", Value::int(100))]);
    assert_eq!(whole, Value::tuple(vec![Value::int(111), Value::int(112)]));
}

#[test]
fn inner_loops_keep_their_variables() {
    let variables = [("l", unknown("l", Type::Any)), ("m", unknown("m", Type::Any))];
    let text = "[for x in l : [for y in m : x * y]]";
    let found = value_with(text, &variables).unwrap();
    let list = |items: &[i64]| Value::tuple(items.iter().map(|i| Value::int(*i)).collect());
    let half = finish(&found, &[("l", list(&[1, 2]))]);
    let whole = finish(&half, &[("m", list(&[10, 20]))]);
    assert_eq!(whole, value("[[10, 20], [20, 40]]").unwrap());
    let other = finish(&finish(&found, &[("m", list(&[10, 20]))]), &[("l", list(&[1, 2]))]);
    assert_eq!(other, whole);
}

#[test]
fn an_error_while_finishing_is_a_problem() {
    let found = value_with("1 / n", &[("n", unknown("n", Type::Number))]).unwrap();
    let files = Files::default();
    let cx = ResolveContext { sources: &files, module_folder: "." };
    let problem = resolve(&found, &|_| Some(Value::int(0)), &cx).unwrap_err();
    assert_eq!(problem.kind.id, "division-by-zero");
    let guarded = value_with("n == 0 ? 0 : 1 / n", &[("n", unknown("n", Type::Number))]).unwrap();
    assert_eq!(resolve(&guarded, &|_| Some(Value::int(0)), &cx).unwrap(), Value::int(0));
}

/// A small generator: the same seed makes the same expression.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }

    fn number(&mut self, depth: usize) -> String {
        let leaf = ["1", "2", "0", "n", "m", "l[0]", "o.size", "\"7\""];
        if depth == 0 {
            return leaf[self.below(leaf.len())].to_owned();
        }
        let inner = depth - 1;
        match self.below(8) {
            0 => format!("({} + {})", self.number(inner), self.number(inner)),
            1 => format!("({} - {})", self.number(inner), self.number(inner)),
            2 => format!("({} * {})", self.number(inner), self.number(inner)),
            3 => format!("({} / {})", self.number(inner), self.number(inner)),
            4 => format!("({} ? {} : {})", self.truth(inner), self.number(inner), self.number(inner)),
            5 => format!("{}[0]", self.list(inner)),
            6 => format!("{{ a = {} }}.a", self.number(inner)),
            _ => leaf[self.below(leaf.len())].to_owned(),
        }
    }

    fn truth(&mut self, depth: usize) -> String {
        if depth == 0 {
            return ["true", "false", "b"][self.below(3)].to_owned();
        }
        let inner = depth - 1;
        match self.below(5) {
            0 => format!("({} > {})", self.number(inner), self.number(inner)),
            1 => format!("({} == {})", self.number(inner), self.text(inner)),
            2 => format!("({} && {})", self.truth(inner), self.truth(inner)),
            3 => format!("({} || {})", self.truth(inner), self.truth(inner)),
            _ => format!("!{}", self.truth(inner)),
        }
    }

    fn text(&mut self, depth: usize) -> String {
        if depth == 0 {
            return ["\"x\"", "t", "\"a${t}\""][self.below(3)].to_owned();
        }
        let inner = depth - 1;
        match self.below(3) {
            0 => format!("\"<${{{}}}|${{{}}}>\"", self.number(inner), self.text(inner)),
            1 => format!("({} ? {} : {})", self.truth(inner), self.text(inner), self.number(inner)),
            _ => format!("\"%{{ for i in {} }}${{i}},%{{ endfor }}\"", self.list(inner)),
        }
    }

    fn list(&mut self, depth: usize) -> String {
        if depth == 0 {
            return ["l", "[1, n]", "[]", "[m, 3]"][self.below(4)].to_owned();
        }
        let inner = depth - 1;
        match self.below(5) {
            0 => format!("[for i, v in {} : v + {}]", self.list(inner), self.number(inner)),
            1 => format!("[for v in {} : v if {}]", self.list(inner), self.truth(inner)),
            2 => format!("[for v in {} : v * {}][*]", self.list(inner), self.number(inner)),
            3 => format!("[for k, v in {{ for v in {} : \"k${{v}}\" => v... }} : v[0]]", self.list(inner)),
            _ => format!("[for v in {} : {} if v > {}]", self.list(inner), self.number(inner), self.number(inner)),
        }
    }
}

/// Evaluating with unknown values and finishing later gives what evaluating with the values gives. Where
/// direct evaluation fails, finishing fails too, or evaluation had found the mistake before.
#[test]
fn finishing_later_equals_evaluating_now() {
    let object = |size: Value| Value::object(vec![(Text::from("size"), size)]);
    let known = [
        ("n", Value::int(3)),
        ("m", Value::int(0)),
        ("b", Value::bool(true)),
        ("t", Value::string("tt")),
        ("l", Value::list(vec![Value::int(4), Value::int(5)])),
        ("o", object(Value::int(6))),
    ];
    let types = [Type::Number, Type::Number, Type::Bool, Type::String, Type::list(Type::Number), Type::Any];
    let open: Vec<(&str, Value)> = known.iter().zip(types).map(|((name, _), ty)| (*name, unknown(name, ty))).collect();
    let files = Files::default();
    let cx = ResolveContext { sources: &files, module_folder: "." };
    let answer = |residual: &Residual| match residual {
        Residual::Variable(name) => known.iter().find(|(k, _)| *k == &**name).map(|(_, v)| v.clone()),
        _ => None,
    };
    let (mut compared, mut random) = (0, Random(7));
    for round in 0..4_000 {
        let depth = 1 + random.below(4);
        let text = match round % 4 {
            0 => random.number(depth),
            1 => random.truth(depth),
            2 => random.text(depth),
            _ => random.list(depth),
        };
        let direct = value_with(&text, &known);
        let later = match value_with(&text, &open) {
            Ok(later) => later,
            // Both arms of an open conditional are evaluated, so a mistake in one shows early.
            Err(_) => continue,
        };
        let finished = resolve(&later, &answer, &cx);
        match (direct, finished) {
            (Ok(direct), Ok(finished)) => {
                // An arm that has no value gives no type either, when it is evaluated at once.
                let alike = convert(&direct, &finished.type_of()).unwrap_or_else(|_| direct.clone());
                assert!(alike.is_same(&finished), "{text}: {direct:?} but later {finished:?}");
                compared += 1;
            }
            (Err(_), Err(_)) => {}
            // `open || true` is true already, whatever the open side would have come to.
            (Err(_), Ok(_)) if text.contains("||") || text.contains("&&") => {}
            (Ok(direct), Err(problem)) => panic!("{text}: {direct:?} but later {}", problem.message()),
            (Err(problems), Ok(finished)) => panic!("{text}: {:?} but later {finished:?}", shown(&problems)),
        }
    }
    assert!(compared > 500, "only {compared} expressions had a value");
}

#[test]
fn a_body_has_every_attribute_in_its_type() {
    let program = program(&[(
        "main.hcl",
        "variable \"n\" {}\nresource \"t_thing\" \"a\" {\n  name  = 5\n  zones = [\"a\", var.n]\n  net {\n    cidrs = [\"b\", \"a\", \"b\"]\n  }\n  node { name = \"x\" }\n  node \"y\" { weight = \"2\" }\n}\n",
    )]);
    let mut world = World::of(&program);
    world.variables.insert("n", Value::int(1));
    let mut problems = Vec::new();
    let body = &world.module.resources[0].body;
    let found = evaluate_body(body, &thing().body, &world, &mut problems).unwrap();
    let get = |path: &str| found.at(&Path::dotted(path)).cloned();
    assert_eq!(get("id"), Some(Value::NULL));
    assert_eq!(get("name"), Some(Value::string("5")));
    assert_eq!(get("zones"), Some(Value::list(vec![Value::string("a"), Value::string("1")])));
    assert_eq!(get("tags"), Some(Value::NULL));
    assert_eq!(get("net.cidrs"), Some(Value::set(vec![Value::string("a"), Value::string("b")])));
    let nodes = get("node").unwrap();
    assert_eq!(nodes.items().unwrap()[1].get("name"), Some(&Value::string("y")));
    assert_eq!(nodes.items().unwrap()[1].get("weight"), Some(&Value::int(2)));
}

#[test]
fn a_leaf_knows_where_it_is_written() {
    let text = "resource \"t_thing\" \"a\" {\n  name  = \"x\"\n  zones = [\"a\", \"b\"]\n  node { name = \"n\" }\n}\n";
    let program = program(&[("main.hcl", text)]);
    let body = &program.modules[0].resources[0].body;
    let at = |path: Path| body.span_of(&path).and_then(|span| program.sources.text(span)).map(str::to_owned);
    let node = Path(vec![terrane_core::PathStep::Name("node".into()), terrane_core::PathStep::Index(0)]);
    assert_eq!(at(Path::attr("name")).as_deref(), Some("name  = \"x\""));
    assert_eq!(at(node.child("name")).as_deref(), Some("name = \"n\""));
    assert_eq!(at(node).as_deref(), Some("node"));
    assert_eq!(at(Path::attr("tags")), None);
}

#[test]
fn a_secret_in_a_plain_argument_is_refused() {
    let program = program(&[(
        "main.hcl",
        "variable \"s\" {}\nresource \"t_thing\" \"a\" {\n  name  = \"x-${var.s}\"\n  token = var.s\n}\n",
    )]);
    for secret in [Value::string("hunter2").sensitive(), unknown("s", Type::String).sensitive()] {
        let mut world = World::of(&program);
        world.variables.insert("s", secret);
        let mut problems = Vec::new();
        assert!(evaluate_body(&world.module.resources[0].body, &thing().body, &world, &mut problems).is_none());
        let found: Vec<_> = problems.iter().map(|p| (p.kind.id, program.sources.text(p.span().unwrap()))).collect();
        assert_eq!(found, [("secret-in-plain-argument", Some("\"x-${var.s}\""))]);
    }
}

#[test]
fn one_instance_is_asked_for_by_its_key() {
    let program = program(&[(
        "main.hcl",
        "resource \"t_thing\" \"m\" {\n  for_each = { alpha = 1, beta = 2 }\n  name = each.key\n}\nresource \"t_thing\" \"s\" {\n  name = \"s\"\n}\nlocals {\n  one  = t_thing.m[\"alpha\"].id\n  none = t_thing.m[\"alfa\"].id\n  all  = [for k, o in t_thing.m : o.id]\n  single = t_thing.s.id\n}\n",
    )]);
    let mut world = World::of(&program);
    let object = |id: Value| Value::object(vec![("id".into(), id)]);
    world.objects.insert("m[alpha]", object(Value::string("1")));
    world.objects.insert("m[beta]", object(Value::string("2")));
    world.objects.insert("s", object(object_id("s", Type::String)));
    assert_eq!(world.local("one").unwrap(), Value::string("1"));
    assert_eq!(world.local("all").unwrap(), Value::tuple(vec![Value::string("1"), Value::string("2")]));
    assert_eq!(world.local("single").unwrap(), object_id("s", Type::String));
    let problems = world.local("none").unwrap_err();
    assert_eq!(problems[0].kind.id, "no-such-instance");
    assert!(problems[0].help_text().contains("`alpha`"), "{}", problems[0].help_text());
}

#[test]
fn repetition_says_what_it_cannot_be() {
    let program = program(&[("main.hcl", "variable \"x\" {}\nlocals {\n  x = var.x\n}\n")]);
    let expr = || program.modules[0].locals[0].value.clone();
    let run = |repetition: Repetition, given: Value| {
        let mut world = World::of(&program);
        world.variables.insert("x", given);
        let mut problems = Vec::new();
        repeated(&repetition, &world, &mut problems).ok_or_else(|| problems[0].kind.id)
    };
    let count = |given| run(Repetition::Count(expr()), given);
    let each = |given| run(Repetition::ForEach(expr()), given);
    let set = |items: Vec<Value>| Value::set(items);
    assert_eq!(count(Value::string("2")), Ok(Repeated::Count(2)));
    assert_eq!(count(Value::int(-1)), Err("count-invalid"));
    assert_eq!(count(Value::NULL), Err("count-invalid"));
    assert_eq!(count(Value::int(1).sensitive()), Err("keys-sensitive"));
    assert!(matches!(count(unknown("x", Type::Number)), Ok(Repeated::Open(_))));
    assert_eq!(each(set(vec![Value::string("a")])), Ok(Repeated::Each(vec![("a".into(), Value::string("a"))])));
    assert_eq!(each(set(vec![])), Ok(Repeated::Each(vec![])));
    assert_eq!(each(set(vec![Value::int(1)])), Err("for-each-invalid"));
    assert_eq!(each(Value::list(vec![Value::string("a")])), Err("for-each-invalid"));
    assert_eq!(each(Value::NULL), Err("for-each-invalid"));
    assert_eq!(each(set(vec![Value::string("a").sensitive()])), Err("keys-sensitive"));
    assert!(matches!(each(set(vec![unknown("x", Type::String)])), Ok(Repeated::Open(_))));
    assert!(matches!(each(unknown("x", Type::Any)), Ok(Repeated::Open(_))));
    assert_eq!(each(unknown("x", Type::list(Type::String))), Err("for-each-invalid"));
}

fn call_text(value: &Value) -> String {
    match value.as_unknown().map(|unknown| &unknown.residual) {
        Some(Residual::Call { function, arguments, .. }) => format!("{function}{arguments:?}"),
        _ => format!("{value:?}"),
    }
}

#[test]
fn calls_convert_their_arguments_and_spread_lists() {
    for (text, expected) in [
        ("join(\"-\", [1, true, \"a\"])", "\"1-true-a\""),
        ("upper(5)", "\"5\""),
        ("max([1, 3, 2]...)", "3"),
        ("length([1, 2])", "2"),
        ("join(\",\", [for x in [1, 2] : upper(\"a${x}\")])", "\"A1,A2\""),
    ] {
        let found = value(text).unwrap_or_else(|p| panic!("{text}: {:?}", shown(&p)));
        assert_eq!(found, value(expected).unwrap(), "{text}");
    }
    assert_eq!(ids("upper([])"), ["wrong-function-argument"]);
    assert_eq!(ids("upper(null)"), ["null-value"]);
    assert_eq!(ids("upper()"), ["wrong-argument-count"]);
    assert_eq!(ids("upper(\"a\", \"b\")"), ["wrong-argument-count"]);
    assert_eq!(ids("max(null...)"), ["null-value"]);
    assert_eq!(ids("max(5...)"), ["not-a-collection"]);
    assert_eq!(ids("uper(\"a\")"), ["unknown-function"]);
    assert_eq!(value("uper(\"a\")").unwrap_err()[0].help_text(), "Did you mean `upper`?");
}

#[test]
fn calls_of_unknown_arguments_wait() {
    let variables = [("n", unknown("n", Type::String)), ("l", unknown("l", Type::list(Type::String)))];
    let found = value_with("upper(n)", &variables).unwrap();
    assert_eq!((call_text(&found).as_str(), found.type_of()), ("upper[unknown(string)]", Type::String));
    assert_eq!(finish(&found, &[("n", Value::string("x"))]), Value::string("X"));
    assert_eq!(value_with("length([n, n])", &variables).unwrap(), Value::int(2));
    let spread = value_with("join(\",\", [upper(l...)])", &variables).unwrap();
    assert_eq!(finish(&spread, &[("l", Value::list(vec![Value::string("x")]))]), Value::string("X"));
    let problems = value_with("upper(l)", &variables).unwrap_err();
    assert_eq!(problems[0].kind.id, "wrong-function-argument");
}

#[test]
fn marks_go_through_calls() {
    let variables = [("s", Value::string("x").sensitive())];
    assert!(value_with("upper(s)", &variables).unwrap().is_sensitive());
    assert!(value_with("join(\",\", [s])", &variables).unwrap().is_sensitive());
    assert!(!value_with("nonsensitive(s)", &variables).unwrap().has_sensitive());
    assert!(value("sensitive(1)").unwrap().is_sensitive());
    assert_eq!(value_with("issensitive(s)", &variables).unwrap(), Value::bool(true));
}

#[test]
fn try_takes_the_first_that_has_a_value() {
    let variables = [("o", unknown("o", Type::Any)), ("n", unknown("n", Type::Number))];
    assert_eq!(value("try({ a = 1 }.b, 2)").unwrap(), Value::int(2));
    assert_eq!(value("can(1 / 0)").unwrap(), Value::bool(false));
    assert_eq!(value("can(1 / 2)").unwrap(), Value::bool(true));
    assert_eq!(ids("try(1 / 0, null + 1)"), ["function-failed"]);
    let object = |size: i64| Value::object(vec![("size".into(), Value::int(size))]);
    let found = value_with("try(o.size, 7)", &variables).unwrap();
    assert_eq!(finish(&found, &[("o", object(3))]), Value::int(3));
    assert_eq!(finish(&found, &[("o", Value::object(vec![]))]), Value::int(7));
    let found = value_with("can(1 / n)", &variables).unwrap();
    assert_eq!(finish(&found, &[("n", Value::int(0))]), Value::bool(false));
    assert_eq!(value_with("try(n, 1)", &variables).unwrap(), unknown("n", Type::Number));
}

#[test]
fn sources_of_secrets_stay_expressions() {
    let program = program(&[(
        "main.hcl",
        "locals {\n  plain = file(\"a.txt\")\n  env = upper(env(\"TOKEN\"))\n}\nresource \"t_thing\" \"a\" {\n  name  = \"x\"\n  token = \"t-${file(\"a.txt\")}\"\n}\n",
    )]);
    let mut world = World::of(&program);
    world.files = Files::of(&[("a.txt", "text")]);
    assert_eq!(world.local("plain").unwrap(), Value::string("text"));
    let env = world.local("env").unwrap();
    assert!(env.is_sensitive() && !env.is_known());
    let mut problems = Vec::new();
    let body = evaluate_body(&world.module.resources[0].body, &thing().body, &world, &mut problems).unwrap();
    let token = body.get("token").unwrap();
    assert!(token.is_sensitive() && !token.is_known());
    let cx = ResolveContext { sources: &world.files, module_folder: "." };
    let answer = |residual: &Residual| match residual {
        Residual::Call { function, .. } if &**function == "env" => Some(Value::string("tok")),
        Residual::Call { function, .. } if &**function == "file" => super::at_apply(residual, &cx).unwrap(),
        _ => None,
    };
    let finished = resolve(token, &answer, &cx).unwrap();
    assert!(finished == Value::string("t-text") && finished.is_sensitive());
    assert_eq!(resolve(&env, &answer, &cx).unwrap(), Value::string("TOK"));
    assert!(!resolve(&env, &|_| None, &cx).unwrap().is_known());
    assert_eq!(ids("vault(\"a\", \"b\")"), ["not-in-this-version"]);
}

#[test]
fn what_depends_on_the_moment_of_apply_waits_for_it() {
    let program = program(&[("main.hcl", "locals {\n  id = \"a-${uuid()}\"\n}\n")]);
    let world = World::of(&program);
    let found = world.local("id").unwrap();
    assert!(!found.is_known());
    let cx = ResolveContext { sources: &world.files, module_folder: "." };
    assert!(!resolve(&found, &|_| None, &cx).unwrap().is_known());
    assert_eq!(resolve(&found, &|_| Some(Value::string("u")), &cx).unwrap(), Value::string("a-u"));
}

/// Expressions of every form over a few values, most of which have none.
fn any_expression() -> impl proptest::strategy::Strategy<Value = String> {
    use proptest::prelude::*;
    use proptest::sample::select;
    let atoms = vec![
        "0",
        "1",
        "-1",
        "2.5",
        "100",
        "\"\"",
        "\"a\"",
        "\"1\"",
        "\"é\"",
        "true",
        "null",
        "[]",
        "{}",
        "[1, \"a\"]",
        "{ a = 1 }",
        "toset([\"a\"])",
        "tomap({ a = [null] })",
        "\"10.0.0.0/8\"",
        "\"2026-01-01T00:00:00Z\"",
        "\"%s\"",
        "sensitive(\"s\")",
        "timestamp()",
        "x",
    ];
    let operators = vec!["+", "-", "*", "/", "%", "==", "!=", "<", ">=", "&&", "||"];
    let functions: Vec<&str> = crate::functions::names().collect();
    select(atoms).prop_map(str::to_owned).prop_recursive(3, 24, 3, move |inner| {
        let (one, two) = (inner.clone(), (inner.clone(), inner.clone()));
        prop_oneof![
            (two.clone(), select(operators.clone())).prop_map(|((a, b), sign)| format!("({a} {sign} {b})")),
            (two.clone(), inner.clone()).prop_map(|((a, b), c)| format!("({a} ? {b} : {c})")),
            two.clone().prop_map(|(a, b)| format!("({a})[{b}]")),
            two.clone().prop_map(|(a, b)| format!("[for k, v in {a} : {b} if v != k]")),
            two.clone().prop_map(|(a, b)| format!("{{ for k, v in {a} : k => {b}... }}")),
            two.prop_map(|(a, b)| format!("\"<${{{a}}}%{{ for v in {b} }}${{v}}%{{ endfor }}>\"")),
            one.clone().prop_map(|a| format!("({a})[*].a")),
            one.prop_map(|a| format!("!(-({a}))")),
            (select(functions.clone()), proptest::collection::vec(inner, 0..4))
                .prop_map(|(name, arguments)| format!("{name}({})", arguments.join(", "))),
        ]
    })
}

// E1
proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 2_000, failure_persistence: None, ..Default::default() })]

    #[test]
    fn any_expression_has_a_value_or_a_problem(text in any_expression()) {
        if let Err(problems) = value(&text) {
            proptest::prop_assert!(!problems.is_empty(), "{text}");
        }
    }
}
