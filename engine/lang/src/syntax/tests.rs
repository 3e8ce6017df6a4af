//! Tests of the grammar and of the places of problems.

use super::ast::{Attribute, Expr, ExprKind, TemplatePart};
use super::*;
use std::fmt::Write as _;

/// Checks problems against the marks in the text: `# ^^^ id` below the place.
#[track_caller]
fn check(text: &str) {
    check_with(text, &parse(FileId(0), text).problems);
}

#[track_caller]
fn check_with(text: &str, problems: &[Diagnostic]) {
    let lines: Vec<&str> = text.split('\n').collect();
    let mut wanted = Vec::new();
    let mut code_line = 0;
    for (number, line) in lines.iter().enumerate() {
        let is_mark = line.trim_start().starts_with('#') && line.contains('^');
        if !is_mark {
            code_line = number;
            continue;
        }
        let from = line.find('^').unwrap();
        let length = line.matches('^').count();
        let id = line.get(from + length..).unwrap().trim();
        wanted.push(format!("{}:{} {length} {id}", code_line + 1, from + 1));
    }
    let mut found: Vec<String> = problems
        .iter()
        .map(|problem| {
            let span = problem.span().unwrap();
            let (start, end) = (span.start as usize, span.end as usize);
            let before = text.get(..start).unwrap();
            let line = before.matches('\n').count() + 1;
            let column = start - before.rfind('\n').map_or(0, |at| at + 1) + 1;
            format!("{line}:{column} {} {}", end - start, problem.kind.id)
        })
        .collect();
    wanted.sort();
    found.sort();
    assert_eq!(found, wanted, "\n{text}");
    assert!(problems.iter().all(|p| !p.help_text().is_empty()));
}

/// The tree in a short form.
pub(super) fn show(expr: &Expr) -> String {
    match &expr.kind {
        ExprKind::Null => "null".into(),
        ExprKind::Bool(value) => value.to_string(),
        ExprKind::Number(number) => number.to_string(),
        ExprKind::String(text) => format!("{text:?}"),
        ExprKind::Template(parts) => format!("t{}", show_parts(parts)),
        ExprKind::Tuple(items) => format!("[{}]", items.iter().map(show).collect::<Vec<_>>().join(", ")),
        ExprKind::Object(items) => {
            let items: Vec<String> = items.iter().map(|i| format!("{}={}", show(&i.key), show(&i.value))).collect();
            format!("{{{}}}", items.join(", "))
        }
        ExprKind::Name(name) => name.to_string(),
        ExprKind::Attr(attr) => format!("{}.{}", show(&attr.of), attr.name.text),
        ExprKind::Index { of, key } => format!("{}[{}]", show(of), show(key)),
        ExprKind::Splat { of, each } => format!("splat({}, {})", show(of), show(each)),
        ExprKind::SplatItem => "_".into(),
        ExprKind::Call(call) => {
            let arguments: Vec<String> = call.arguments.iter().map(show).collect();
            format!("{}({}{})", call.name.text, arguments.join(", "), if call.is_spread { "..." } else { "" })
        }
        ExprKind::Unary { operator, operand } => format!("{}{}", operator.symbol(), show(operand)),
        ExprKind::Binary { operator, left, right } => format!("<{} {} {}>", show(left), operator.symbol(), show(right)),
        ExprKind::Conditional { condition, yes, no } => format!("<{} ? {} : {}>", show(condition), show(yes), show(no)),
        ExprKind::For(parts) => {
            let mut text = String::from("for ");
            if let Some(key) = &parts.key_name {
                let _ = write!(text, "{},", key.text);
            }
            let _ = write!(text, "{} in {}: ", parts.value_name.text, show(&parts.collection));
            if let Some(key) = &parts.result_key {
                let _ = write!(text, "{} => ", show(key));
            }
            text += &show(&parts.result);
            text += if parts.is_grouped { "..." } else { "" };
            if let Some(condition) = &parts.condition {
                let _ = write!(text, " if {}", show(condition));
            }
            text
        }
        ExprKind::Parens(inner) => format!("({})", show(inner)),
        ExprKind::Broken(None) => "broken".into(),
        ExprKind::Broken(Some(inner)) => format!("broken {}", show(inner)),
    }
}

fn show_parts(parts: &[TemplatePart]) -> String {
    let parts: Vec<String> = parts
        .iter()
        .map(|part| match part {
            TemplatePart::Text(text) => format!("{text:?}"),
            TemplatePart::Value(expr) => show(expr),
            TemplatePart::If { condition, yes, no } => {
                format!("if {} {} {}", show(condition), show_parts(yes), show_parts(no))
            }
            TemplatePart::For { value_name, collection, body, .. } => {
                format!("for {} in {} {}", value_name.text, show(collection), show_parts(body))
            }
        })
        .collect();
    format!("[{}]", parts.join(" | "))
}

pub(super) fn show_body(body: &ast::Body) -> String {
    let mut text = String::new();
    for Attribute { name, value } in &body.attributes {
        let _ = writeln!(text, "{} = {}", name.text, show(value));
    }
    for fragment in &body.fragments {
        let words: Vec<&str> = fragment.words.iter().map(|word| &*word.text).collect();
        let _ = writeln!(text, "{}?", words.join(" "));
    }
    for block in &body.blocks {
        let labels: Vec<&str> = block.labels.iter().map(|l| &*l.text).collect();
        let _ = writeln!(text, "{} {:?} {{\n{}}}", block.kind.text, labels, show_body(&block.body));
    }
    text
}

/// Checks what the value of an argument is read as.
#[track_caller]
fn reads(value: &str, wanted: &str) {
    let text = format!("a = {value}\n");
    let parsed = parse(FileId(0), &text);
    assert!(parsed.problems.is_empty(), "{text}: {:?}", parsed.problems);
    assert_eq!(show(&parsed.file.body.attributes[0].value), wanted, "{text}");
}

#[test]
fn operators_bind_as_in_terraform() {
    reads("1 + 2 * 3 - 4", "<<1 + <2 * 3>> - 4>");
    reads("a || b && c == d < e + f % g", "<a || <b && <c == <d < <e + <f % g>>>>>>");
    reads("-a.b + !c[0]", "<-a.b + !c[0]>");
    reads("-46+5", "<-46 + 5>");
    reads("a-b - c", "<a-b - c>");
    reads("a ? b : c ? d : e", "<a ? b : <c ? d : e>>");
    reads("a == b ? 1 : 2", "<<a == b> ? 1 : 2>");
    reads("(1 + 2) * 3", "<(<1 + 2>) * 3>");
}

#[test]
fn traversals_and_splats() {
    reads("a.b[0].c[\"d\"].0.1", "a.b[0].c[\"d\"][0][1]");
    reads("a.0.b", "a[0].b");
    reads("a[*].b[0].c", "splat(a, _.b[0].c)");
    reads("a.*.b[0]", "splat(a, _.b)[0]");
    reads("a.*.b.0", "splat(a, _.b[0])");
    reads("a[*].b[*].c", "splat(a, splat(_.b, _.c))");
    reads("(\n a\n .b\n [0])", "(a.b[0])");
    reads("f(x).y", "f(x).y");
}

#[test]
fn constants_and_numbers() {
    reads("[null, true, false]", "[null, true, false]");
    reads("18446744073709551616", "18446744073709551616");
    reads("0.1000", "0.1");
    reads("1.5e+3", "1500");
    reads("1e3", "1000");
}

#[test]
fn calls() {
    reads("max(1, 2)", "max(1, 2)");
    reads("max(\n  1,\n  2,\n)", "max(1, 2)");
    reads("max(a...)", "max(a...)");
    reads("f()", "f()");
    reads("core::max(1)", "core::max(1)");
}

#[test]
fn collections() {
    reads("[1, \n 2 # c\n , 3,]", "[1, 2, 3]");
    reads("{ a = 1, b : 2 }", "{a=1, b=2}");
    reads("{\n  a = 1\n  b = 2,\n\n  (c) = 3\n  \"d\" = 4\n}", "{a=1, b=2, (c)=3, \"d\"=4}");
    reads("{ null = 1, true = 2, for = 3 }", "{null=1, true=2, for=3}");
    reads("{ 1 = 2, \"${k}\" = 3 }", "{1=2, t[k]=3}");
    reads("{}", "{}");
    reads("[for x in y : x]", "for x in y: x");
    reads("[for k, v in y : k if v]", "for k,v in y: k if v");
    reads("{\nfor k, v in y :\n k => v...\n if k}", "for k,v in y: k => v... if k");
    reads("[for, x]", "[for, x]");
}

#[test]
fn strings() {
    reads(r#""a\n\t\"\\\u00e9\U0001F600""#, "\"a\\n\\t\\\"\\\\é😀\"");
    reads(r#""$${a} %%{b} $x % $$""#, "\"${a} %{b} $x % $$\"");
    reads(r#""$$${a}""#, "\"$${a}\"");
    reads(r#""e\u0301""#, "\"é\"");
    reads("\"e\u{301}\"", "\"é\"");
    reads(r#""a${b}c""#, "t[\"a\" | b | \"c\"]");
    reads(r#""${a}""#, "t[a]");
    reads(r#""${"${"x"}"}""#, "t[t[\"x\"]]");
    reads(r#""${ {a = 1}["a"] }""#, "t[{a=1}[\"a\"]]");
    reads("\"${\n a\n}\"", "t[a]");
    reads(r#"" ${~ a ~} b""#, "t[\"\" | a | \"b\"]");
    reads(r#""%{ if a }x%{ else }y%{ endif }""#, "t[if a [\"x\"] [\"y\"]]");
    reads(r#""%{ for x in y ~} ${x}, %{ endfor }""#, "t[for x in y [\"\" | x | \", \"]]");
}

#[test]
fn heredocs() {
    reads("<<EOT\na\n  b\nEOT", "\"a\\n  b\\n\"");
    reads("<<EOT\nEOT", "\"\"");
    reads("<<-EOT\n    a\n      b\n   \n    ${c}\n  EOT", "t[\"a\\n  b\\n   \\n\" | c | \"\\n\"]");
    reads("<<EOT\r\na\\n\r\n  EOT \r\n", "\"a\\\\n\\n\"");
    reads("[<<A\nx\nA\n, <<B\ny\nB\n]", "[\"x\\n\", \"y\\n\"]");
    reads("<<EOT\nEOT,\nEOT", "\"EOT,\\n\"");
    reads(
        "<<EOT\n%{ for x in y ~}\n   - ${x}\n%{ endfor ~}\n   end\nEOT",
        "t[for x in y [\"   - \" | x | \"\\n\"] | \"   end\\n\"]",
    );
    reads("<<EOT\n${f(<<B\nq\nB\n)}\nEOT", "t[f(\"q\\n\") | \"\\n\"]");
}

#[test]
fn bodies() {
    let text = "\u{feff}# c\r\na = 1\r\n\r\nb \"x\" y {\r\n  c { d = 2 }\r\n  e {}\r\n}\r\n";
    let parsed = parse(FileId(0), text);
    assert!(parsed.problems.is_empty(), "{:?}", parsed.problems);
    assert_eq!(show_body(&parsed.file.body), "a = 1\nb [\"x\", \"y\"] {\nc [] {\nd = 2\n}\ne [] {\n}\n}\n");
    let header = parsed.file.body.blocks[0].header;
    assert_eq!(text.get(header.start as usize..header.end as usize), Some("b \"x\" y"));
    let name = parsed.file.body.attributes[0].name.span;
    assert_eq!(text.get(name.start as usize..name.end as usize), Some("a"));
}

#[test]
fn spans_cover_what_they_name() {
    let text = "a = f(x.y)[0] + \"s${z}\"";
    let parsed = parse(FileId(0), text);
    let ExprKind::Binary { left, right, .. } = &parsed.file.body.attributes[0].value.kind else { panic!() };
    let of = |span: Span| text.get(span.start as usize..span.end as usize).unwrap();
    assert_eq!((of(left.span), of(right.span)), ("f(x.y)[0]", "\"s${z}\""));
    let (expr, problems) = parse_expression(FileId(0), "\n a.b", 100);
    assert!(problems.is_empty());
    assert_eq!(expr.unwrap().span, Span::new(FileId(0), 102, 105));
}

#[test]
fn a_string_without_end_is_marked_at_its_quote() {
    check(
        r#"a = "foo
#   ^ unclosed-string
b = 1
c = "x
#   ^ unclosed-string
"#,
    );
    check(
        r#"a = "foo ${b
#        ^^ unclosed-interpolation
b = 1
c =
# ^ missing-expression
"#,
    );
    check(
        r#"a = [
  "x ${y",
#    ^^ unclosed-interpolation
  "z",
]
b = 2"#,
    );
}

#[test]
fn a_line_break_in_a_string_is_refused() {
    check(
        r#"a = "foo
#   ^ newline-in-string
bar"
b = 1
"#,
    );
}

#[test]
fn a_block_without_end_is_found_by_indentation() {
    check(
        r#"a "b" {
  c {
#   ^ unclosed-block
    d = 1

}

e "f" {
  g = 1
}
"#,
    );
    check(
        r#"a "b" {
#     ^ unclosed-block
  c = 1

e "f" {
  g = 1
}
"#,
    );
    check(
        r#"a {
# ^ unclosed-block
b = 1
"#,
    );
    check(
        r#"a {
  t = {
#     ^ unclosed-bracket
    x = 1
}
b {
}
"#,
    );
    check(
        r#"a {
  t = {
#     ^ unclosed-bracket
    x = 1
  u = 2
  c {
  }
}
d = 1
"#,
    );
    check(concat!(
        "a {\n",
        "  t = {\n",
        "#     ^ unclosed-bracket\n",
        "    x = 1\n",
        "  c {\n",
        "  }\n",
        "}\n",
        "d = \n",
        "# ^ missing-expression\n",
    ));
}

#[test]
fn a_list_or_call_without_end_is_marked_at_its_bracket() {
    check(
        r#"a = [1, 2
#   ^ unclosed-bracket
b = 3
"#,
    );
    check(
        r#"a = [1, 2,
#   ^ unclosed-bracket
b = 3
"#,
    );
    check(
        r#"a {
  b = f(1,
#      ^ unclosed-bracket
}
c = (1
#   ^ unclosed-bracket
d = 1
"#,
    );
    check(
        r#"a = [f(1]
#     ^ unclosed-bracket
b = 1
"#,
    );
    check(
        r#"a = x[1
#    ^ unclosed-bracket
b = 1
"#,
    );
}

#[test]
fn a_heredoc_without_end_is_marked_at_its_marker() {
    check(concat!(
        "a = <<EOT\n",
        "#   ^^^^^ unclosed-heredoc\n",
        "  text\n",
        "b = 1\n",
        "c = \n",
        "# ^ missing-expression\n",
    ));
    check(
        r#"a = f(<<EOT
#     ^^^^^ unclosed-heredoc
  text
EOT)
b = 1
"#,
    );
    check(
        r#"a = <<EOT x
#         ^ heredoc-marker
EOT
"#,
    );
}

#[test]
fn a_dot_without_name_does_not_swallow_the_next_line() {
    check(
        r#"a = foo.
#      ^ missing-attribute-name
b = 1
c = [x., y]
#     ^ missing-attribute-name
"#,
    );
}

#[test]
fn stray_characters() {
    check(
        r#"a = 'x'
#   ^ single-quotes
b = 1;
#    ^ stray-character
c = a & b
#     ^ unknown-operator
 @
#^ stray-character
"#,
    );
    check(
        r#"a = 1 }
#     ^ unopened-bracket
b = 2)
#    ^ unopened-bracket
"#,
    );
}

#[test]
fn statements_that_are_none() {
    check(
        r#"  foo
# ^^^ missing-equals
"#,
    );
    check(
        r#"  foo 1
# ^^^ missing-equals
  bar : 2
#     ^ missing-equals
  b = 2
"#,
    );
    check(
        r#"  a = 1 b = 2
#       ^ missing-newline
  c = 3
  d = x y
#       ^ unexpected-token
"#,
    );
    check(
        r#"  "a" = 1
# ^^^ quoted-name
  a.b = 2
# ^^^ dotted-name
"#,
    );
    check(concat!(
        "  a = \n",
        "#   ^ missing-expression\n",
        "  b = 1 +\n",
        "#       ^ missing-expression\n",
        "  c = )\n",
        "#   ^ missing-expression\n",
    ));
    check(
        r#"  a == 1
# ^ missing-equals
  b = 1 2
#       ^ unexpected-token
"#,
    );
}

#[test]
fn block_headers() {
    check(
        r#"a "b"
  {
# ^ misplaced-brace
}"#,
    );
    check(
        r#"a "b {
# ^ unclosed-string
  c = 1
}
d = 1
"#,
    );
    check(
        r#"a "b${c}" {
# ^^^^^^^ label-template
}
"#,
    );
    check(
        r#"a b = 1
#   ^ unexpected-token
c { d = 1
# ^ one-line-block
}
e { f {} }
# ^ one-line-block
g { h = 1
# ^ one-line-block
  i = 2 }
j = 1
"#,
    );
    check(
        r#"a {
  b = 1 }
#       ^ missing-newline
c {} d {}
#    ^ missing-newline
"#,
    );
    check(
        r#"  a "b"
#   ^^^ missing-equals
"#,
    );
    check(concat!(
        "a \"b\" 3 {\n",
        "#     ^ unexpected-token\n",
        "  c = 1\n",
        "}\n",
        "d = \n",
        "# ^ missing-expression\n",
    ));
}

#[test]
fn objects_and_lists_go_on_after_an_error() {
    check(
        r#"a = {
  b = $
#     ^ stray-character
  c
# ^ missing-equals
  d.e = 1
# ^^^ object-key-expression
  f = 1 g = 2
#     ^ missing-comma
}
h = 1
"#,
    );
    check(
        r#"a = [
  1
# ^ missing-comma
  2,
  $,
# ^ stray-character
  3,
]
"#,
    );
    check(
        r#"a = f(1 2)
#     ^ missing-comma
"#,
    );
    check(
        r#"a = [,]
#   ^ missing-expression
b = {x=1,,y=2}
#       ^ missing-expression
"#,
    );
    check(
        r#"a = [for 1 in x : y]
#        ^ unexpected-token
b = {for x in y : x}
#                  ^ unexpected-token
"#,
    );
}

#[test]
fn numbers_and_escapes() {
    check(
        r#"a = 1.
#   ^^ invalid-number
b = 10.0.0.0/16
#   ^^^^^^^^ invalid-number
c = 10Gi
#   ^^^^ invalid-number
d = 1e9999
#   ^^^^^^ invalid-number
"#,
    );
    check(
        r#"a = "\q \u12 \""
#    ^^ invalid-escape
#       ^^ invalid-escape
"#,
    );
    check(
        r#"a = x.*.y.*.z
#        ^^ splat-in-splat
"#,
    );
}

#[test]
fn templates() {
    check(
        r#"a = "${b c} x"
#        ^ unexpected-token
b = 1
"#,
    );
    check(
        r#"a = "%{ if x }y"
#    ^^^^^^^^^ unclosed-directive
b = "%{ endif }"
#    ^^^^^^^^^^ stray-directive
c = "%{ foo }"
#       ^^^ unexpected-token
"#,
    );
    check(
        r#"a = "${b
  c
# ^ unexpected-token
}"
"#,
    );
    check(
        r#"a = "${}"
#    ^^ missing-expression
"#,
    );
    check(
        r#"a = <<EOT
${b c}
#   ^ unexpected-token
EOT
c = 1
"#,
    );
}

#[test]
fn a_comment_without_end() {
    check(
        r#"a = 1
  /* b
# ^^ unclosed-comment"#,
    );
}

#[test]
fn duplicates_are_told_with_both_places() {
    let text = "a = 1\nb = 2\na = 3\n";
    let parsed = parse(FileId(0), text);
    assert_eq!(parsed.problems.len(), 1);
    assert_eq!(parsed.problems[0].kind.id, "duplicate-attribute");
    assert_eq!(parsed.problems[0].labels.len(), 2);
    assert_eq!(parsed.file.body.attributes.len(), 2);
    let many: String = (0..100).map(|n| format!("a{} = 1\n", n % 50)).collect();
    assert_eq!(parse(FileId(0), &many).problems.len(), 50);
}

#[test]
fn nesting_has_a_limit() {
    let deep = |open: &str, close: &str, n: usize| format!("a = {}1{}\n", open.repeat(n), close.repeat(n));
    for (open, close) in [
        ("[", "]"),
        ("(", ")"),
        ("{a=", "}"),
        ("f(", ")"),
        ("-", ""),
        ("\"${", "}\""),
        ("x[", "]"),
        ("[for x in ", ": x]"),
        ("a ? b : ", ""),
    ] {
        assert_eq!(parse(FileId(0), &deep(open, close, 200)).problems, [], "{open}");
        for n in [300, 20_000] {
            let parsed = parse(FileId(0), &deep(open, close, n));
            assert_eq!(parsed.problems.first().map(|p| p.kind.id), Some("nested-too-deep"), "{open}");
        }
    }
    for chain in [" + 1", ".a", "[0]", "[*]", " ? 1 : 1"] {
        let text = format!("a = b{}\nc = 1\n", chain.repeat(50_000));
        let parsed = parse(FileId(0), &text);
        assert_eq!(parsed.problems.first().map(|p| p.kind.id), Some("nested-too-deep"), "{chain}");
    }
    let blocks = format!("{}{}", "a {\n".repeat(200), "}\n".repeat(200));
    assert_eq!(parse(FileId(0), &blocks).problems, []);
    let blocks = format!("{}{}", "a {\n".repeat(1_000), "}\n".repeat(1_000));
    assert!(parse(FileId(0), &blocks).problems.iter().any(|p| p.kind.id == "nested-too-deep"));
    assert!(parse(FileId(0), &"a {\n".repeat(1_000)).problems.len() > 1);
    let directives = format!("a = \"{}{}\"", "%{if x}".repeat(1_000), "%{endif}".repeat(1_000));
    assert!(parse(FileId(0), &directives).problems.iter().any(|p| p.kind.id == "nested-too-deep"));
}

#[test]
fn problems_have_a_limit() {
    let parsed = parse(FileId(0), &"a = )\n".repeat(5_000));
    assert_eq!(parsed.problems.len(), parser::MAX_PROBLEMS + 1);
    assert!(parsed.problems.iter().any(|p| p.kind.id == "too-many-problems"));
}

/// Bytes read for a text of `n` parts, by part.
fn work(part: &str, around: (&str, &str), n: usize) -> f64 {
    let text = format!("{}{}{}", around.0, part.repeat(n), around.1);
    let mut parser = Parser::new(FileId(0), &text, 0);
    let _ = parser.file();
    parser.scan.work as f64 / n as f64
}

#[test]
fn work_grows_with_the_length_of_the_text() {
    let plain = ("", "");
    for (part, around) in [
        ("a = 1\n", plain),
        ("  k = \"v\"\n", ("a = {\n", "}\n")),
        ("a \"b\" {\n  c = 1\n}\n", plain),
        ("1, ", ("a = [", "]\n")),
        ("${a} x ", ("a = \"", "\"\n")),
        ("line ${a}\n", ("a = <<EOT\n", "EOT\n")),
        ("a = \"x\n", plain),
        ("a \"x {\n", plain),
        ("a = b.\n", plain),
        ("na\n", plain),
        ("a = \"${x\n", plain),
        ("a = <<EOT\n  x\n", plain),
        ("a = <<EOT\n", plain),
        ("a = [\n", plain),
        ("a = \"${[\n", plain),
        ("a = \"${{\n", plain),
        ("a = \"${f(\n", plain),
        ("\"${f(\n", plain),
        ("\"${{\"a\" = \n", plain),
        ("${{\n", ("a = <<EOT\n", "EOT\n")),
        ("${<<A\n", plain),
        ("<<A\n${\n", ("a = ", "")),
        ("a {\n", plain),
        ("[", ("a = ", "\n")),
        ("\"${", ("a = ", "\n")),
        ("} ", plain),
        ("a = ) ", plain),
    ] {
        let (few, many) = (work(part, around, 400), work(part, around, 20_000));
        assert!(many < few * 2.0 + 10.0, "{part:?}: {few} {many}");
    }
}

#[test]
fn many_keys_and_blocks() {
    let keys: String = (0..40_000).map(|n| format!("  k{n} = {n}\n")).collect();
    let parsed = parse(FileId(0), &format!("a = {{\n{keys}}}\n{keys}"));
    assert!(parsed.problems.is_empty());
    assert_eq!(parsed.file.body.attributes.len(), 40_001);
}

#[test]
fn template_files() {
    let (expr, problems) = parse_template(FileId(0), "a \"q\" \\n ${b}\n%{ if c ~}\n  d\n%{ endif ~}\n");
    assert!(problems.is_empty());
    assert_eq!(show(&expr.unwrap()), "t[\"a \\\"q\\\" \\\\n \" | b | \"\\n\" | if c [\"  d\\n\"] [] | \"\"]");
    assert_eq!(parse_template(FileId(0), "${a").1[0].kind.id, "unclosed-interpolation");
}

#[test]
fn expressions_alone() {
    let (expr, problems) = parse_expression(FileId(0), "[1,\n2]\n", 0);
    assert!(problems.is_empty() && expr.is_some());
    let (expr, problems) = parse_expression(FileId(0), "1 2", 0);
    assert!(expr.is_none());
    assert_eq!(problems[0].kind.id, "unexpected-token");
    assert_eq!(parse_expression(FileId(0), "", 0).1[0].kind.id, "missing-expression");
}

#[test]
fn variables_files() {
    let (values, problems) = parse_values(FileId(0), "a = [1]\nb {}\n", false);
    assert_eq!(values.len(), 1);
    assert_eq!(problems[0].kind.id, "block-in-values");
    let text = r#" { "a": 36893488147419103232, "b": [0.10, -1e2, null, true], "c": {"d": "e\u0301\ud83d\ude00"} } "#;
    let (values, problems) = parse_values(FileId(0), text, true);
    assert!(problems.is_empty(), "{problems:?}");
    let shown: Vec<String> = values.iter().map(|(name, value)| format!("{} {value:?}", name.text)).collect();
    assert_eq!(
        shown,
        ["a Value(36893488147419103232)", "b Value([0.1, -100, null, true])", "c Value({\"d\": \"é😀\"})"]
    );
    assert_eq!(values[1].0.span, Span::new(FileId(0), 30, 33));
}

#[test]
fn wrong_json_is_told_at_its_place() {
    for (text, id, start) in [
        ("[1]", "json-values-object", 0),
        ("{\"a\": 01}", "invalid-number", 6),
        ("{\"a\": }", "invalid-json", 6),
        ("{\"a\" 1}", "invalid-json", 5),
        ("{\"a\": 1,}", "invalid-json", 8),
        ("{\"a\": \"x", "unclosed-string", 6),
        ("{\"a\": \"\\q\"}", "invalid-escape", 7),
        ("{} x", "invalid-json", 3),
        ("", "invalid-json", 0),
        ("{\"a\": \"\\ud800x\"}", "invalid-escape", 7),
    ] {
        let (_, problems) = parse_values(FileId(0), text, true);
        assert_eq!(
            problems.iter().map(|p| (p.kind.id, p.span().unwrap().start)).collect::<Vec<_>>(),
            [(id, start)],
            "{text}"
        );
    }
    let deep = format!("{{\"a\": {}", "[".repeat(100_000));
    assert_eq!(parse_values(FileId(0), &deep, true).1[0].kind.id, "nested-too-deep");
}

#[test]
fn a_file_of_more_than_a_gibibyte_is_not_read() {
    // Zeroes that nobody writes take no memory.
    let text = String::from_utf8(vec![0; MAX_BYTES + 1]).unwrap();
    let parsed = parse(FileId(0), &text);
    assert_eq!(parsed.problems.iter().map(|p| p.kind.id).collect::<Vec<_>>(), ["file-too-large"]);
}

/// Every kind of thing the grammar knows, to cut and mix.
const SAMPLE: &str = r#"# c
a = 1 + 2 * -x.y[0].z // d
b "l" m { c = "a${b ? "x" : "y"}%{ if q ~} z %{ else }w%{ endif }\n$${e}" }
d = {
  k  = [1, 2.5e3, [for x in y : x.w if x], {for k, v in m : k => v...}]
  "q" : f(a, b...), (p) = !true
  null = a.*.b[*].c /*/ e
  */
}
e = <<-EOT
    x ${f(<<IN
y
IN
)} y
      %{ for x in y }${x}%{ endfor ~}
  EOT
g = core::max(
  1, # one
  null,
)
blk {}
"#;

fn mutated() -> impl proptest::strategy::Strategy<Value = String> {
    use proptest::prelude::*;
    let bits = proptest::sample::select(vec![
        "", "\"", "${", "}", "{", "[", "]", "(", ")", "\n", "<<A\n", "A\n", "=", ",", ".", "~}", "%{", "\\", "/*", "#",
        " ", "a", "é", "0", "\r\n",
    ]);
    proptest::collection::vec((any::<proptest::sample::Index>(), 0_usize..6, bits), 0..6).prop_map(|edits| {
        let mut chars: Vec<char> = SAMPLE.chars().collect();
        for (at, cut, bit) in edits {
            let at = at.index(chars.len() + 1);
            let end = (at + cut).min(chars.len());
            chars.splice(at..end, bit.chars());
        }
        chars.into_iter().collect()
    })
}

/// Reads and formats a text, which must not panic; what holds of every text is checked.
fn exercise(text: &str) {
    let parsed = parse(FileId(0), text);
    for problem in &parsed.problems {
        let span = problem.span().unwrap();
        assert!(text.get(span.start as usize..span.end as usize).is_some(), "{:?} in {text:?}", problem);
    }
    let _ = parse_template(FileId(0), text);
    let _ = parse_expression(FileId(0), text, 7);
    let _ = parse_values(FileId(0), text, true);
    let formatted = crate::fmt::format(text);
    assert_eq!(crate::fmt::format(&formatted), formatted, "{text:?}");
    if parsed.problems.is_empty() {
        let again = parse(FileId(0), &formatted);
        assert!(again.problems.is_empty(), "{text:?}\n{formatted}\n{:?}", again.problems);
        assert_eq!(show_body(&again.file.body), show_body(&parsed.file.body), "{text:?}\n{formatted}");
    } else {
        assert_eq!(formatted, text);
    }
}

#[test]
fn the_sample_is_right() {
    assert_eq!(parse(FileId(0), SAMPLE).problems, Vec::new());
    exercise(SAMPLE);
}

#[test]
fn every_cut_of_the_sample_is_read() {
    for (at, _) in SAMPLE.char_indices() {
        exercise(SAMPLE.get(..at).unwrap());
        exercise(SAMPLE.get(at..).unwrap());
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn any_text_is_read_and_formatted(text in "\\PC{0,60}") {
        exercise(&text);
    }

    #[test]
    fn any_signs_are_read_and_formatted(text in "[a-c0-2 \"$%{}\\[\\]()<>=~.,:?!&|*/#\\\\\n\r-]{0,60}") {
        exercise(&text);
    }

    #[test]
    fn mutations_are_read_and_formatted(text in mutated()) {
        exercise(&text);
    }
}

#[test]
fn an_expression_is_six_words() {
    assert!(std::mem::size_of::<Expr>() <= 48, "{}", std::mem::size_of::<Expr>());
}
