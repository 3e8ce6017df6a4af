//! Answers of functions, called by their bodies as the evaluator calls them.

use super::{
    Body, Function, FunctionContext, FunctionError, Nature, Parameter, ParameterType, all, json, lookup, names,
};
use crate::convert::convert;
use crate::eval::Nothing;
use crate::testing::Files;
use std::collections::BTreeSet;
use terrane_core::{Residual, Type, Value};

const OPENTOFU: &str = "abs abspath alltrue anytrue base64decode base64encode base64gunzip base64gzip base64sha256
    base64sha512 basename bcrypt can ceil chomp chunklist cidrcontains cidrhost cidrnetmask cidrsubnet cidrsubnets
    coalesce coalescelist compact concat contains convert csvdecode dirname distinct element endswith ephemeralasnull
    file filebase64 filebase64sha256 filebase64sha512 fileexists filemd5 fileset filesha1 filesha256 filesha512 flatten
    floor format formatdate formatlist indent index issensitive join jsondecode jsonencode keys length log lookup lower
    matchkeys max md5 merge min nonsensitive one parseint pathexpand plantimestamp pow range regex regexall replace
    reverse rsadecrypt sensitive setintersection setproduct setsubtract setunion sha1 sha256 sha512 signum slice sort
    split startswith strcontains strrev substr sum templatefile templatestring textdecodebase64 textencodebase64 timeadd
    timecmp timestamp title tobool tolist tomap tonumber toset tostring transpose trim trimprefix trimspace trimsuffix
    try type upper urldecode urlencode uuid uuidv5 values yamldecode yamlencode zipmap";
const ANSWERS: &str = include_str!("answers.txt");

fn cx(sources: &dyn crate::Sources) -> FunctionContext<'_> {
    FunctionContext { sources, module_folder: ".", depth: 0 }
}

/// The argument in the form that the parameter wants; `None` where it has none.
fn converted(parameter: &Parameter, value: &Value) -> Option<Value> {
    let ty = match parameter.ty {
        ParameterType::Any => Type::Any,
        ParameterType::String => Type::String,
        ParameterType::Number => Type::Number,
        ParameterType::Bool => Type::Bool,
        ParameterType::StringList => Type::list(Type::String),
        ParameterType::List => Type::list(Type::Any),
    };
    if value.is_null() && !parameter.is_nullable { None } else { convert(value, &ty).ok() }
}

/// What the evaluator does around a body; `None` where the call is refused before.
fn arguments_of(function: &Function, given: &[Value]) -> Option<Vec<Value>> {
    let most = function.parameters.len();
    let is_count = given.len() + function.optional >= most && (given.len() <= most || function.variadic.is_some());
    let parameter = |at: usize| function.parameters.get(at).or(function.variadic.as_ref());
    given
        .iter()
        .enumerate()
        .map(|(at, value)| converted(parameter(at)?, value))
        .collect::<Option<_>>()
        .filter(|_| is_count)
}

fn call_with(name: &str, given: &[Value], sources: &dyn crate::Sources) -> Result<Option<Value>, FunctionError> {
    let function = lookup(name).unwrap_or_else(|| panic!("no function {name}"));
    match arguments_of(function, given) {
        Some(arguments) => (function.body)(&arguments, &cx(sources)),
        None => super::refused("the arguments do not fit"),
    }
}

fn call(name: &str, given: &[Value]) -> Result<Option<Value>, FunctionError> {
    call_with(name, given, &Nothing)
}

/// JSON with `{"$list": ..}`, `{"$set": ..}` and `{"$map": ..}` as what they say.
fn unmarked(value: &Value) -> Value {
    if let Some(items) = value.items() {
        return Value::tuple(items.iter().map(unmarked).collect());
    }
    let Some(entries) = value.entries() else { return value.clone() };
    let inner = |key: &str| entries.get(key).map(unmarked);
    if let Some(list) = inner("$list") {
        return Value::list(list.items().unwrap().to_vec());
    }
    if let Some(set) = inner("$set") {
        return Value::set(set.items().unwrap().to_vec());
    }
    if let Some(map) = inner("$map") {
        return Value::map(map.entries().unwrap().iter().map(|(k, v)| (k.clone(), v.clone())).collect());
    }
    Value::object(entries.iter().map(|(key, value)| (key.clone(), unmarked(value))).collect())
}

fn rows() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    ANSWERS.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(|line| {
        let (call, wanted) = line.rsplit_once(" => ").expect("an arrow");
        let (name, arguments) = call.split_once(' ').unwrap_or((call, ""));
        (name, arguments, wanted)
    })
}

#[test]
fn answers_are_the_observed_ones() {
    let mut wrong = Vec::new();
    for (name, arguments, wanted) in rows() {
        let given = unmarked(&json::read(&format!("[{arguments}]")).expect("arguments as JSON"));
        let result = call(name, given.items().unwrap());
        let is_right = match wanted {
            "error" => result.is_err(),
            wanted => result == Ok(Some(unmarked(&json::read(wanted).expect("a result as JSON")))),
        };
        if !is_right {
            wrong.push(format!("{name} {arguments} => {result:?}, not {wanted}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_function_has_an_answer() {
    let answered: BTreeSet<&str> = rows().map(|(name, ..)| name).collect();
    let untold: Vec<&str> = all()
        .filter(|function| matches!(function.nature, Nature::Pure | Nature::TakesUnknownParts))
        .map(|function| function.name)
        .filter(|name| !answered.contains(name) && !name.starts_with("file"))
        .filter(|name| !["plantimestamp", "templatefile", "type", "convert", "rsadecrypt"].contains(name))
        .collect();
    assert_eq!(untold, Vec::<&str>::new());
}

#[test]
fn names_are_sorted_and_each_leads_to_its_function() {
    let names: Vec<&str> = names().collect();
    assert!(names.windows(2).all(|pair| pair[0] < pair[1]));
    assert!(names.iter().all(|name| lookup(name).is_some_and(|function| function.name == *name)));
    assert!(lookup("no_such").is_none());
}

/// field.md 2.5.
#[test]
fn every_function_of_opentofu_is_there() {
    let missing: Vec<&str> = OPENTOFU.split_ascii_whitespace().filter(|name| lookup(name).is_none()).collect();
    assert_eq!(missing, Vec::<&str>::new());
}

#[test]
fn every_doc_is_a_sentence() {
    for function in all() {
        assert!(function.doc.ends_with('.') && !function.doc.contains('\n'), "{}", function.name);
        assert!(function.optional <= function.parameters.len(), "{}", function.name);
    }
}

fn unknown(ty: Type) -> Value {
    Value::unknown(ty, Residual::Variable("x".into()))
}

fn tuple(items: &[Value]) -> Value {
    Value::tuple(items.to_vec())
}

#[test]
fn unknown_parts_stay_parts_where_they_decide_nothing() {
    let open = unknown(Type::String);
    let (a, list) = (Value::string("a"), tuple(&[Value::string("a"), unknown(Type::String)]));
    let map = Value::object(vec![("k".into(), open.clone())]);
    for (name, arguments, wanted) in [
        ("length", vec![list.clone()], Value::int(2)),
        ("keys", vec![map.clone()], tuple(&[Value::string("k")])),
        ("values", vec![map.clone()], tuple(std::slice::from_ref(&open))),
        ("lookup", vec![map.clone(), Value::string("k")], open.clone()),
        ("merge", vec![map.clone(), Value::NULL], map.clone()),
        ("concat", vec![list.clone(), tuple(&[])], list.clone()),
        ("element", vec![list.clone(), Value::int(1)], open.clone()),
        ("flatten", vec![tuple(std::slice::from_ref(&list))], list.clone()),
        ("reverse", vec![list.clone()], tuple(&[open.clone(), a.clone()])),
        ("zipmap", vec![tuple(&[Value::string("k")]), tuple(std::slice::from_ref(&open))], map.clone()),
        ("contains", vec![list.clone(), a.clone()], Value::bool(true)),
        ("index", vec![list.clone(), a.clone()], Value::int(0)),
        ("anytrue", vec![tuple(&[unknown(Type::Bool), Value::bool(true)])], Value::bool(true)),
        ("alltrue", vec![tuple(&[unknown(Type::Bool), Value::bool(false)])], Value::bool(false)),
        ("tolist", vec![list.clone()], Value::list(vec![a, open])),
    ] {
        assert_eq!(call(name, &arguments), Ok(Some(wanted)), "{name}");
    }
}

#[test]
fn what_an_unknown_part_decides_is_not_known_yet() {
    let list = tuple(&[unknown(Type::String), Value::string("a")]);
    let set = Value::set(vec![unknown(Type::String), Value::string("a")]);
    for (name, arguments) in [
        ("length", vec![set.clone()]),
        ("one", vec![set.clone()]),
        ("reverse", vec![set.clone()]),
        ("setproduct", vec![set.clone(), list.clone()]),
        ("flatten", vec![tuple(&[set])]),
        ("flatten", vec![tuple(&[unknown(Type::Any)])]),
        ("flatten", vec![tuple(&[unknown(Type::list(Type::String))])]),
        ("contains", vec![list.clone(), Value::string("b")]),
        ("index", vec![list.clone(), Value::string("a")]),
        ("index", vec![list.clone(), Value::string("b")]),
        ("zipmap", vec![list.clone(), list]),
        ("anytrue", vec![tuple(&[unknown(Type::Bool), Value::bool(false)])]),
        ("alltrue", vec![tuple(&[unknown(Type::Bool), Value::bool(true)])]),
    ] {
        assert_eq!(call(name, &arguments), Ok(None), "{name}");
    }
}

#[test]
fn results_drawn_from_secret_parts_are_secret() {
    let secret = Value::string("s").sensitive();
    let list = tuple(std::slice::from_ref(&secret));
    let inside = |name: &str, arguments: &[Value]| call(name, arguments).unwrap().unwrap();
    for (name, arguments) in [
        ("contains", vec![list.clone(), Value::string("s")]),
        ("index", vec![list.clone(), Value::string("s")]),
        ("anytrue", vec![tuple(&[Value::bool(true).sensitive()])]),
        ("toset", vec![tuple(&[Value::string("s"), secret])]),
        ("zipmap", vec![list.clone(), tuple(&[Value::int(1)])]),
        ("element", vec![list.clone(), Value::int(0)]),
    ] {
        assert!(inside(name, &arguments).is_sensitive(), "{name}");
    }
    let flat = inside("flatten", &[tuple(&[tuple(&[Value::int(1)]).sensitive()])]);
    assert!(flat.items().unwrap()[0].is_sensitive());
    assert!(!inside("length", &[list]).has_sensitive());
}

#[test]
fn files_are_read_through_the_sources() {
    let mut files = Files::of(&[("d/a.txt", "hello"), ("d/b.txt", ""), ("d/sub/c.txt", ""), ("d/.hid", "")]);
    files.files.insert("d/bin".into(), vec![0xff]);
    let text = |value: &str| Value::string(value);
    let set = |names: &[&str]| Value::set(names.iter().map(|name| Value::string(*name)).collect());
    for (name, arguments, wanted) in [
        ("file", vec!["d/a.txt"], text("hello")),
        ("fileexists", vec!["d/a.txt"], Value::bool(true)),
        ("fileexists", vec!["d/none"], Value::bool(false)),
        ("filebase64", vec!["d/bin"], text("/w==")),
        ("filemd5", vec!["d/a.txt"], text("5d41402abc4b2a76b9719d911017c592")),
        ("filesha1", vec!["d/a.txt"], text("aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d")),
        ("filebase64sha256", vec!["d/a.txt"], text("LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=")),
        ("fileset", vec!["d", "*"], set(&[".hid", "a.txt", "b.txt", "bin"])),
        ("fileset", vec!["d", "sub/*"], set(&["sub/c.txt"])),
        ("fileset", vec!["d", "../d/?.txt"], set(&["a.txt", "b.txt"])),
        ("fileset", vec!["d", "[^a-b]*"], set(&[".hid"])),
        ("fileset", vec!["d", "[!a]*"], set(&["a.txt"])),
        ("fileset", vec!["d", "/{a,b}.txt"], set(&["a.txt", "b.txt"])),
        ("fileset", vec!["none", "*"], set(&[])),
        ("fileset", vec!["d", "**"], set(&[".hid", "a.txt", "b.txt", "bin", "sub/c.txt"])),
        ("fileset", vec!["d", "**/*.txt"], set(&["a.txt", "b.txt", "sub/c.txt"])),
        ("fileset", vec!["d", "*/c.txt"], set(&["sub/c.txt"])),
        ("fileset", vec!["d", "**/none/*"], set(&[])),
        ("fileset", vec!["d/sub", "../*.txt"], set(&["../a.txt", "../b.txt"])),
        ("abspath", vec!["a/../b"], text("/fleet/b")),
        ("abspath", vec![""], text("/fleet")),
    ] {
        let arguments: Vec<Value> = arguments.into_iter().map(Value::string).collect();
        assert_eq!(call_with(name, &arguments, &files), Ok(Some(wanted)), "{name} {arguments:?}");
    }
    for (name, arguments) in
        [("file", vec!["d/none"]), ("file", vec!["d/bin"]), ("fileset", vec!["d", "["]), ("fileset", vec!["d", "{a"])]
    {
        let arguments: Vec<Value> = arguments.into_iter().map(Value::string).collect();
        assert_eq!(call_with(name, &arguments, &files).unwrap_err().argument, Some(arguments.len() - 1), "{name}");
    }
}

#[test]
fn moments_are_those_of_the_sources() {
    let files = Files::default();
    for name in ["plantimestamp", "timestamp"] {
        assert_eq!(call_with(name, &[], &files), Ok(Some(Value::string("2026-01-02T03:04:05Z"))));
    }
    let natures: Vec<&str> = all().filter(|f| f.nature == Nature::AtApply).map(|f| f.name).collect();
    assert_eq!(natures, ["bcrypt", "timestamp", "uuid"]);
}

#[test]
fn what_the_evaluator_does_itself_has_no_body() {
    let bodies: Vec<(&str, Body)> = all()
        .filter(|function| matches!(function.nature, Nature::Special | Nature::SecretSource))
        .map(|function| (function.name, function.body))
        .collect();
    let names: Vec<&str> = bodies.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["can", "env", "exec", "issensitive", "nonsensitive", "sensitive", "try", "vault"]);
    assert!(bodies.iter().all(|(_, body)| body(&[Value::string("x")], &cx(&Nothing)).is_err()));
}

#[test]
fn texts_are_composed() {
    let parts = tuple(&[Value::string("e"), Value::string("\u{301}")]);
    assert_eq!(call("join", &[Value::string(""), parts]), Ok(Some(Value::string("\u{e9}"))));
}

#[test]
fn sizes_are_bounded() {
    let long = Value::string("a".repeat(1 << 20));
    assert!(call("replace", &[long, Value::string("a"), Value::string("b".repeat(100))]).is_err());
    assert!(call("format", &[Value::string("%1000000000s"), Value::string("a")]).is_err());
    assert!(json::read(&"[".repeat(100_000)).is_err());
    let many = Value::list((0..1_001).map(Value::int).collect());
    assert!(call("setproduct", &[many.clone(), many]).is_err());
}

#[test]
fn templates_see_their_variables_and_files_only() {
    let files = Files::of(&[
        ("greet.tftpl", "Hello ${name}!\n%{ for x in xs ~}\n- ${upper(x)}\n%{ endfor ~}\n"),
        ("outer.tftpl", "<${templatefile(\"greet.tftpl\", { name = n, xs = [] })}>"),
        ("self.tftpl", "${templatefile(\"self.tftpl\", {})}"),
        ("broken.tftpl", "a\nb ${name + }"),
        ("wrong.tftpl", "a\nb ${1 + name}"),
        ("var.tftpl", "${path.module}"),
        ("only.tftpl", "${xs}"),
    ]);
    let name = |name: &str| ("name".into(), Value::string(name));
    let xs = ("xs".into(), tuple(&[Value::string("a"), Value::string("b")]));
    let fill = |path: &str, variables: &[(terrane_core::Text, Value)]| {
        call_with("templatefile", &[Value::string(path), Value::object(variables.to_vec())], &files)
    };
    let text = |value: &str| Ok(Some(Value::string(value)));
    assert_eq!(fill("greet.tftpl", &[name("x"), xs.clone()]), text("Hello x!\n- A\n- B\n"));
    assert_eq!(fill("outer.tftpl", &[("n".into(), Value::string("y"))]), text("<Hello y!\n>"));
    assert_eq!(fill("only.tftpl", std::slice::from_ref(&xs)), Ok(Some(xs.1.clone())));
    let open = ("name".into(), unknown(Type::String));
    assert!(!fill("greet.tftpl", &[open, xs]).unwrap().unwrap().is_known());
    let secret = ("name".into(), Value::string("s").sensitive());
    assert!(fill("greet.tftpl", &[secret, ("xs".into(), tuple(&[]))]).unwrap().unwrap().is_sensitive());
    for (path, argument, wanted) in [
        ("none.tftpl", 0, "none.tftpl"),
        ("broken.tftpl", 0, "broken.tftpl:2:"),
        ("wrong.tftpl", 0, "wrong.tftpl:2:9"),
        ("greet.tftpl", 1, "`xs`, which the template uses at greet.tftpl:2:"),
        ("var.tftpl", 1, "`path`"),
        ("self.tftpl", 0, "8 deep"),
    ] {
        let error = fill(path, &[name("x")]).unwrap_err();
        assert_eq!(error.argument, Some(argument), "{path}: {}", error.reason);
        assert!(error.reason.contains(wanted), "{path}: {}", error.reason);
    }
    assert!(fill("only.tftpl", &[("a b".into(), Value::NULL)]).unwrap_err().reason.contains("a b"));
}

#[test]
fn gzip_is_taken_back_whole() {
    let text = Value::string("hello ".repeat(1_000));
    let small = call("base64gzip", std::slice::from_ref(&text)).unwrap().unwrap();
    assert!(small.as_str().unwrap().len() < 200);
    assert_eq!(call("base64gunzip", &[small]), Ok(Some(text)));
    // gzip -c of "hi" with a name in the header.
    let named = "H4sICAAAAAAAA2EAy8gEAKwqk9gCAAAA";
    assert_eq!(call("base64gunzip", &[Value::string(named)]), Ok(Some(Value::string("hi"))));
    for broken in ["", "H4sI", "H4sIAAAAAAAA/8rIBAAAAAAAAgAAAA=="] {
        assert!(call("base64gunzip", &[Value::string(broken)]).is_err(), "{broken}");
    }
}
