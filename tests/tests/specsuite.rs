//! A1: HCL's own suite of cases against our parser and evaluator.
//!
//! The cases stand in the Go module of HCL and are fetched, not kept here. Each is an input (`.hcl`, `.hcl.json`), a
//! specification of how it is decoded (`.hcldec`) and what is expected (`.t`); all of them are HCL, so what reads them is what
//! is tested. As much of the specification language is understood as the cases use; anything else in one fails it. Not the
//! place for cases of our own: those stand beside the parser.
//!
//! Runs where `TERRANE_HCL_SPECSUITE` names the folder of the cases.
//!
//! # Source
//! github.com/hashicorp/hcl, `specsuite/README.md` and `cmd/hcldec/spec-format.md`.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a case that cannot be read ends the suite")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use terrane_core::{Diagnostic, FileId, Span, Text, Type, Value};
use terrane_lang::check::{evaluate_with, type_constraint};
use terrane_lang::convert::convert;
use terrane_lang::eval::Nothing;
use terrane_lang::syntax::ast::{Attribute, Block, Body, Expr, ExprKind};
use terrane_lang::syntax::{self, Given};

/// How many cases there are in the version that is fetched.
const CASES: usize = 15;

/// Where we answer otherwise, and why: the case, what the suite expects, what is there instead.
const DIFFERENCES: &[(&str, &str, &str, &str)] = &[
    (
        "expressions/operators",
        "arithmetic.mod_frac = 0.80000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000024",
        "arithmetic.mod_frac = 0.8",
        "a result that is a finite decimal is exact; theirs carries the noise of 512 binary digits",
    ),
    ("structure/blocks/single_oneline_invalid", "error 40..41", "error 29..30", ONE_LINE),
    ("structure/blocks/single_oneline_invalid", "error 56..57", "error 45..46", ONE_LINE),
    ("structure/blocks/single_oneline_invalid", "error 84..85", "error 73..74", ONE_LINE),
    (
        "structure/blocks/single_oneline_invalid",
        "error 103..106",
        "error 101..102",
        "the brace of the outer block is marked, as for other blocks of one line that are none: it is what has to be changed",
    ),
];
const ONE_LINE: &str = "the brace that opens the block is marked, for a line break shows nothing that could be marked";

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn parse(path: &Path) -> Body {
    let parsed = syntax::parse(FileId(0), &read(path));
    assert_eq!(parsed.problems, [], "{}", path.display());
    parsed.file.body
}

fn find<'a>(body: &'a Body, name: &str) -> Option<&'a Expr> {
    body.attributes.iter().find(|attribute| &*attribute.name.text == name).map(|attribute| &attribute.value)
}

/// The value of a part of a case, which has one.
fn value(expr: &Expr) -> Value {
    let mut problems = Vec::new();
    evaluate_with(expr, &[], &Nothing, &mut problems).unwrap_or_else(|| panic!("{problems:?}"))
}

fn type_of(expr: &Expr) -> Type {
    let mut problems = Vec::new();
    type_constraint(expr, &mut problems).unwrap_or_else(|| panic!("{problems:?}"))
}

/// Decodes bodies by a specification.
struct Decode {
    variables: Vec<(Text, Value)>,
    problems: Vec<(bool, Span)>,
}

/// What a body may hold.
#[derive(Default)]
struct Allowed {
    attributes: BTreeSet<String>,
    blocks: BTreeSet<String>,
}

/// The name that a specification has as its label, or as an argument.
fn named(spec: &Block, argument: &str) -> String {
    let written = find(&spec.body, argument).map(|expr| value(expr).as_str().unwrap().to_owned());
    written.or_else(|| spec.labels.first().map(|label| label.text.to_string())).unwrap()
}

/// The one specification inside another.
fn nested(spec: &Block) -> &Block {
    let [inner] = spec.body.blocks.as_slice() else { panic!("{} holds one specification", spec.kind.text) };
    inner
}

impl Decode {
    fn expr(&mut self, expr: &Expr) -> Value {
        let mut problems = Vec::new();
        let found = evaluate_with(expr, &self.variables, &Nothing, &mut problems);
        self.problems.extend(problems.iter().filter_map(|problem| Some((problem.is_error(), problem.span()?))));
        found.unwrap_or(Value::NULL)
    }

    /// Everything of a body by `spec`; what it has no place for is an error.
    fn body(&mut self, spec: &Block, body: &Body) -> Value {
        let mut allowed = Allowed::default();
        allow(spec, &mut allowed);
        if !matches!(&*spec.kind.text, "literal") {
            let attributes = body.attributes.iter().filter(|a| !allowed.attributes.contains(&*a.name.text));
            self.problems.extend(attributes.map(|a| (true, a.name.span)));
            let blocks = body.blocks.iter().filter(|b| !allowed.blocks.contains(&*b.kind.text));
            self.problems.extend(blocks.map(|b| (true, b.kind.span)));
        }
        self.part(spec, body)
    }

    fn part(&mut self, spec: &Block, body: &Body) -> Value {
        match &*spec.kind.text {
            "literal" => value(find(&spec.body, "value").unwrap()),
            "object" => {
                let parts = spec.body.blocks.iter().map(|part| (key(part), self.part(part, body))).collect();
                Value::object(parts)
            }
            "attr" => {
                let ty = find(&spec.body, "type").map_or(Type::Any, type_of);
                let found = find(body, &named(spec, "name")).map_or(Value::NULL, |expr| self.expr(expr));
                convert(&found, &ty).unwrap_or_else(|error| panic!("{}", error.text()))
            }
            "block" | "block_list" | "block_map" => {
                let kind = named(spec, "block_type");
                let inner = nested(spec);
                let blocks: Vec<&Block> = body.blocks.iter().filter(|block| *block.kind.text == *kind).collect();
                let read = |block: &&Block| {
                    let label = block.labels.first().map(|label| label.text.clone());
                    (label, self.body(inner, &block.body))
                };
                let mut values = blocks.iter().map(read).collect::<Vec<_>>();
                match &*spec.kind.text {
                    "block" => values.pop().map_or(Value::NULL, |(_, value)| value),
                    "block_list" => Value::list(values.into_iter().map(|(_, value)| value).collect()),
                    _ => Value::map(values.into_iter().map(|(label, value)| (label.unwrap(), value)).collect()),
                }
            }
            other => panic!("`{other}` is a specification that this suite does not know"),
        }
    }
}

/// The key that a part has in an object.
fn key(spec: &Block) -> Text {
    spec.labels.first().map_or_else(|| named(spec, "name").into(), |label| label.text.clone())
}

fn allow(spec: &Block, allowed: &mut Allowed) {
    match &*spec.kind.text {
        "attr" => {
            allowed.attributes.insert(named(spec, "name"));
        }
        "block" | "block_list" | "block_map" => {
            allowed.blocks.insert(named(spec, "block_type"));
        }
        _ => spec.body.blocks.iter().for_each(|part| allow(part, allowed)),
    }
}

/// The errors that a case expects, in the form in which ours are compared.
fn expected_problems(test: &Body) -> Option<BTreeSet<String>> {
    let block = test.blocks.iter().find(|block| &*block.kind.text == "diagnostics")?;
    let byte = |expected: &Block, end: &str| {
        let place = expected.body.blocks.iter().find(|block| &*block.kind.text == end).unwrap();
        value(find(&place.body, "byte").unwrap()).as_i64().unwrap()
    };
    let shown =
        |expected: &Block| format!("{} {}..{}", expected.kind.text, byte(expected, "from"), byte(expected, "to"));
    Some(block.body.blocks.iter().map(shown).collect())
}

/// What differs between two values, leaf by leaf: on the left what is wanted, on the right what is there.
fn differences(path: &str, wanted: &Value, found: &Value, differ: &mut Vec<(String, String)>) {
    let (Some(left), Some(right)) = (wanted.entries(), found.entries()) else {
        if !wanted.is_identical(found) {
            differ.push((format!("{path} = {wanted:?}"), format!("{path} = {found:?}")));
        }
        return;
    };
    let keys: BTreeSet<&Text> = left.iter().chain(right.iter()).map(|(key, _)| key).collect();
    for key in keys {
        let path = if path.is_empty() { key.to_string() } else { format!("{path}.{key}") };
        let null = Value::NULL;
        differences(&path, left.get(key).unwrap_or(&null), right.get(key).unwrap_or(&null), differ);
    }
}

/// Names that expressions of a body refer to.
fn has_references(body: &Body) -> bool {
    let is_reference =
        |attribute: &Attribute| !matches!(attribute.value.kind, ExprKind::String(_) | ExprKind::Number(_));
    body.attributes.iter().any(is_reference) || body.blocks.iter().any(|block| has_references(&block.body))
}

/// The body of an input, and what is wrong with its syntax.
fn input(path: &Path) -> (Body, Vec<Diagnostic>) {
    let text = read(path);
    if path.extension().is_some_and(|ending| ending == "json") {
        let (values, problems) = syntax::parse_values(FileId(0), &text, true);
        let of_values = values.into_iter().map(|(name, given)| match given {
            Given::Expr(value) => Attribute { name, value },
            Given::Value(_) => panic!("values of JSON have no place in the cases so far"),
        });
        return (Body { attributes: of_values.collect(), ..Body::default() }, problems);
    }
    let parsed = syntax::parse(FileId(0), &text);
    (parsed.file.body, parsed.problems)
}

/// Runs a case on one input: where it differs, what is wanted and what is there.
fn differ(case: &Path, input_path: &Path) -> Vec<(String, String)> {
    let (test, spec) = (parse(&case.with_extension("t")), parse(&case.with_extension("hcldec")));
    let (body, syntax) = input(input_path);
    if test.blocks.iter().any(|block| &*block.kind.text == "traversals" && block.body.blocks.is_empty()) {
        assert!(!has_references(&body), "{}", input_path.display());
    }
    let mut decode = Decode { variables: Vec::new(), problems: Vec::new() };
    decode.problems.extend(syntax.iter().map(|problem| (problem.is_error(), problem.span().unwrap())));
    let variables = spec.blocks.iter().filter(|block| &*block.kind.text == "variables");
    let variables = variables.flat_map(|block| &block.body.attributes).map(|a| (a.name.text.clone(), value(&a.value)));
    decode.variables = variables.collect();
    let specs: Vec<&Block> = spec.blocks.iter().filter(|block| &*block.kind.text != "variables").collect();
    let [root] = specs.as_slice() else { panic!("{}: one specification is wanted", case.display()) };
    let found = decode.body(root, &body);
    let shown = |(is_error, span): &(bool, Span)| {
        format!("{} {}..{}", if *is_error { "error" } else { "warning" }, span.start, span.end)
    };
    let problems: BTreeSet<String> = decode.problems.iter().map(shown).collect();
    let wanted = expected_problems(&test).unwrap_or_default();
    let missing: Vec<String> = wanted.difference(&problems).cloned().collect();
    let surplus: Vec<String> = problems.difference(&wanted).cloned().collect();
    let longest = missing.len().max(surplus.len());
    let at = |list: &[String], at: usize| list.get(at).cloned().unwrap_or_else(|| "nothing".to_owned());
    let mut differ: Vec<(String, String)> = (0..longest).map(|n| (at(&missing, n), at(&surplus, n))).collect();
    if !wanted.is_empty() {
        return differ;
    }
    let ty = find(&test, "result_type").map_or(Type::Any, type_of);
    let found = convert(&found, &ty).unwrap_or_else(|error| panic!("{}: {}", case.display(), error.text()));
    if let Some(result) = find(&test, "result") {
        let wanted = convert(&value(result), &ty).unwrap_or_else(|error| panic!("{}", error.text()));
        differences("", &wanted, &found, &mut differ);
    }
    differ
}

fn cases(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            cases(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "t") {
            found.push(path.with_extension(""));
        }
    }
}

#[test]
fn the_cases_of_hcl_are_answered_as_expected_but_for_what_is_listed() {
    let Ok(folder) = std::env::var("TERRANE_HCL_SPECSUITE") else {
        println!("left out: TERRANE_HCL_SPECSUITE is not set");
        return;
    };
    let folder = Path::new(&folder);
    let mut all = Vec::new();
    cases(folder, &mut all);
    all.sort();
    let (mut met, mut used) = (0, BTreeSet::new());
    let mut wrong = Vec::new();
    for case in &all {
        let name = case.strip_prefix(folder).unwrap().display().to_string();
        let inputs =
            ["hcl", "hcl.json"].map(|ending| case.with_extension(ending)).into_iter().filter(|path| path.exists());
        let differ: Vec<_> = inputs.flat_map(|input| differ(case, &input)).collect();
        met += usize::from(differ.is_empty());
        for (wanted, found) in differ {
            let listed = DIFFERENCES.iter().position(|(case, w, f, _)| *case == name && *w == wanted && *f == found);
            match listed {
                Some(at) => {
                    println!("{name}: {found} instead of {wanted}: {}", DIFFERENCES[at].3);
                    used.insert(at);
                }
                None => wrong.push(format!("{name}: {wanted} is wanted, {found} is there")),
            }
        }
    }
    println!("{} cases of HCL's suite: {met} as expected, {} with listed differences", all.len(), all.len() - met);
    assert_eq!(wrong, Vec::<String>::new());
    assert_eq!(used.len(), DIFFERENCES.len(), "a listed difference is no longer there");
    assert_eq!(all.len(), CASES);
}
