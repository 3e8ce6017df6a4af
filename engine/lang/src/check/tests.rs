//! Tests of checking: every kind of mistake with its place, and what a right configuration becomes.

use super::load;
use crate::program::{Ignore, ModuleId, Node, Target};
use crate::testing::{Files, Types, loaded, program, shown};
use terrane_core::{Path, PathStep, Type, Value};

/// The problems of a configuration, each with the text it points at.
fn found(text: &str) -> Vec<(&'static str, String)> {
    let loaded = loaded(text);
    let place = |p: &terrane_core::Diagnostic| p.span().and_then(|s| loaded.sources.text(s)).unwrap_or("").to_owned();
    loaded.problems.iter().map(|p| (p.kind.id, place(p))).collect()
}

fn check(text: &str, expected: &[(&str, &str)]) {
    let found = found(text);
    let found: Vec<(&str, &str)> = found.iter().map(|(id, place)| (*id, place.as_str())).collect();
    assert_eq!(found, expected, "{text}");
}

/// One problem and the words that help.
fn help(text: &str) -> String {
    let loaded = loaded(text);
    let [problem] = loaded.problems.as_slice() else { panic!("{text}: {:?}", shown(&loaded.problems)) };
    problem.help_text().to_owned()
}

const THING: &str = "resource \"t_thing\" \"a\" {\n  name = \"x\"\n";

fn thing(inside: &str) -> String {
    format!("{THING}  {inside}\n}}\n")
}

#[test]
fn unknown_blocks_and_wrong_labels_are_refused() {
    check("resorce \"t_thing\" \"a\" {\n  name = 1\n}\n", &[("unknown-block", "resorce")]);
    check("terraform {\n}\n", &[("unknown-block", "terraform")]);
    check("resource \"t_thing\" {\n}\n", &[("wrong-labels", "resource \"t_thing\"")]);
    check("locals \"x\" {\n}\n", &[("wrong-labels", "locals \"x\"")]);
    check("variable \"a b\" {\n}\n", &[("invalid-name", "\"a b\"")]);
    check("x = 1\n", &[("unknown-argument", "x")]);
    assert_eq!(help("resorce \"t_thing\" \"a\" {\n}\n"), "Did you mean `resource`?");
}

#[test]
fn a_label_with_a_template_is_told_of_once() {
    check("output \"a-${b}\" {\n  value = 1\n}\n", &[("label-template", "\"a-${b}\"")]);
}

#[test]
fn blocks_of_later_versions_are_named() {
    check("ephemeral \"t\" \"x\" {\n}\n", &[("not-in-this-version", "ephemeral \"t\" \"x\"")]);
    check("terrane {\n  cloud {\n  }\n}\n", &[("not-in-this-version", "cloud")]);
    check(&thing("provisioner \"local-exec\" {\n  }"), &[("not-in-this-version", "provisioner \"local-exec\"")]);
}

// A1
#[test]
fn dynamic_blocks_are_checked_where_they_stand() {
    let dynamic = |kind: &str, inside: &str| thing(&format!("dynamic \"{kind}\" {{\n    {inside}\n  }}"));
    let content = "content {\n name = node.value\n}";
    check(&dynamic("node", &format!("for_each = [\"a\"]\n    {content}")), &[]);
    check(&dynamic("node", &format!("for_each = []\n    iterator = n\n    {content}")), &[("unknown-name", "node")]);
    check(&dynamic("node", content), &[("missing-argument", "dynamic \"node\"")]);
    check(&dynamic("node", "for_each = []"), &[("missing-argument", "dynamic \"node\"")]);
    check(&dynamic("node", "for_each = []\n    content {\n}"), &[("missing-argument", "content")]);
    check(&dynamic("nod", &format!("for_each = []\n    {content}")), &[("unknown-block", "\"nod\"")]);
    check(&dynamic("tags", &format!("for_each = []\n    {content}")), &[("argument-not-block", "\"tags\"")]);
    check(
        &dynamic("node", &format!("for_each = []\n    iterator = \"n\"\n    {content}")),
        &[("wrong-setting", "\"n\"")],
    );
    check(
        &dynamic("node", &format!("for_each = []\n    labels = [\"x\"]\n    {content}")),
        &[("unknown-argument", "labels")],
    );
    check(&dynamic("node", &format!("for_each = []\n    x = 1\n    {content}")), &[("unknown-argument", "x")]);
    check(&thing("dynamic {\n  }"), &[("wrong-labels", "dynamic")]);
    check(&thing("dynamic \"lifecycle\" {\n  }"), &[("unknown-block", "\"lifecycle\"")]);
    let labels = dynamic("node", &format!("for_each = []\n    labels = [\"x\"]\n    {content}"));
    assert_eq!(help(&labels), "Write the label as name = .. in content");
    // A block that has to be there may be made by a dynamic one.
    let net = "dynamic \"net\" {\n for_each = [1]\n content {\n cidrs = []\n}\n}\n  net {\n cidrs = []\n}";
    check(&thing(net), &[]);
}

// A1
#[test]
fn conditions_stand_where_they_mean_something() {
    let condition = |kind: &str, what: &str| {
        thing(&format!("lifecycle {{\n  {kind} {{\n  condition = {what}\n  error_message = \"m\"\n  }}\n  }}"))
    };
    check(&condition("precondition", "path.root == \".\""), &[]);
    check(&condition("postcondition", "self.size > 1"), &[]);
    check(&condition("precondition", "self.size > 1"), &[("out-of-place", "self")]);
    check(&condition("postcondition", "self.sise > 1"), &[("no-such-attribute", "sise")]);
    check(&condition("postcondition", "t_thing.a.size > 1"), &[("reference-cycle", "resource \"t_thing\" \"a\"")]);
    check(&condition("precondtion", "true"), &[("unknown-block", "precondtion")]);
    check(
        &thing("lifecycle {\n  precondition {\n  condition = true\n  }\n  }"),
        &[("missing-argument", "precondition")],
    );
    check(&thing("precondition {\n  }"), &[("unknown-block", "precondition")]);
    let output =
        "output \"o\" {\n  value = 1\n  precondition {\n  condition = self.x\n  error_message = \"m\"\n  }\n}\n";
    check(output, &[("out-of-place", "self")]);
    check("output \"o\" {\n  value = 1\n  postcondition {\n  }\n}\n", &[("unknown-block", "postcondition")]);
}

// A1
#[test]
fn checks_have_asserts_and_a_data_source_of_their_own() {
    let assert = "assert {\n  condition = length(data.t_look.d.subnets) > 0\n  error_message = \"none\"\n  }\n";
    let data = "data \"t_look\" \"d\" {\n  region = \"r\"\n  }\n";
    let checked = format!("check \"c\" {{\n  {data}  {assert}}}\n");
    check(&checked, &[]);
    let program = program(&[("main.hcl", &checked)]);
    assert_eq!(program.modules[0].checks[0].asserts.len(), 1);
    assert!(program.modules[0].resources[0].is_scoped);
    check(&format!("{checked}output \"o\" {{\n  value = data.t_look.d.subnets\n}}\n"), &[("unknown-name", "d")]);
    check(&format!("check \"c\" {{\n  {data}}}\n"), &[("missing-argument", "check \"c\"")]);
    check(&format!("check \"c\" {{\n  {data}  {data}  {assert}}}\n"), &[("duplicate-block", "data \"t_look\" \"d\"")]);
    let many = data.replace("region", "count = 2\n  region");
    check(
        &format!("check \"c\" {{\n  {many}  assert {{\n  condition = true\n  error_message = \"m\"\n  }}\n}}\n"),
        &[("wrong-setting", "count")],
    );
    check(&format!("check \"c\" {{\n  x = 1\n  {data}  {assert}}}\n"), &[("unknown-argument", "x")]);
    check(
        &format!("{checked}check \"c\" {{\n  assert {{\n  condition = true\n  error_message = \"m\"\n  }}\n}}\n"),
        &[("duplicate-declaration", "check \"c\"")],
    );
}

#[test]
fn arguments_are_checked_against_the_schema() {
    check(&thing("nmae = 1"), &[("unknown-argument", "nmae")]);
    check("resource \"t_thing\" \"a\" {\n}\n", &[("missing-argument", "resource \"t_thing\" \"a\"")]);
    check("resource \"t_thing\" \"a\" {\n  name = null\n}\n", &[("missing-argument", "null")]);
    // A misspelt name is told once, not as missing too.
    check("resource \"t_thing\" \"a\" {\n  nmae = \"x\"\n}\n", &[("unknown-argument", "nmae")]);
    check(&thing("net {\n  cdrs = []\n  }"), &[("unknown-argument", "cdrs")]);
    check(&thing("id = \"x\""), &[("computed-argument", "id")]);
    check(&thing("net = { cidrs = [] }"), &[("block-not-argument", "net")]);
    check(&thing("tags {\n  }"), &[("argument-not-block", "tags")]);
    check(&thing("size = \"big\""), &[("wrong-type", "\"big\"")]);
    check(&thing("zones = [\"a\", [\"b\"]]"), &[("wrong-type", "[\"a\", [\"b\"]]")]);
    check(&thing("net {\n  }"), &[("missing-argument", "net")]);
    check(&thing("nod {\n  }"), &[("unknown-block", "nod")]);
    check(&thing("net {\n cidrs = []\n}\n  net {\n cidrs = []\n}"), &[("duplicate-block", "net")]);
    check(&thing("node \"x\" {\n  name = \"y\"\n  }"), &[("duplicate-declaration", "name")]);
    check(&thing("node \"x\" \"y\" {\n  }"), &[("wrong-labels", "node \"x\" \"y\"")]);
    assert_eq!(help(&thing("tag = {}")), "Did you mean `tags`?");
    assert_eq!(help("resource \"t_thing\" \"a\" {\n}\n"), "Write name = \"core\"");
}

#[test]
fn types_and_providers_are_known() {
    check("resource \"t_thnig\" \"a\" {\n  whatever = x\n}\n", &[("unknown-type", "\"t_thnig\"")]);
    check("data \"t_thing\" \"a\" {\n}\n", &[("unknown-type", "\"t_thing\"")]);
    check("provider \"x\" {\n}\n", &[("unknown-provider", "\"x\"")]);
    check(&thing("provider = t.west"), &[("unknown-provider", "resource \"t_thing\" \"a\"")]);
    check(&thing("provider = u"), &[("unknown-provider", "u")]);
    assert_eq!(help("data \"t_thing\" \"a\" {\n}\n"), "It is a `resource` block that has this type");
}

#[test]
fn an_unknown_type_brings_no_other_problem() {
    let text = "resource \"t_thnig\" \"a\" {\n  x = 1\n}\noutput \"o\" {\n  value = t_thnig.a.id\n}\n";
    check(text, &[("unknown-type", "\"t_thnig\"")]);
}

#[test]
fn names_are_known_and_misspelt_ones_are_suggested() {
    let around = |expr: &str| {
        format!("variable \"region\" {{}}\nlocals {{\n  one = 1\n  x = {expr}\n}}\n{}", thing("for_each = {}"))
    };
    for (expr, id, place) in [
        ("var.regoin", "unknown-name", "regoin"),
        ("var", "unknown-name", "var"),
        ("local.oen", "unknown-name", "oen"),
        ("module.m.x", "unknown-name", "m"),
        ("t_thing.b.id", "unknown-name", "b"),
        ("t_thing.a[\"k\"].ide", "no-such-attribute", "ide"),
        ("t_thing.a.id", "missing-instance-key", "t_thing.a.id"),
        ("data.t_look.x.id", "unknown-name", "x"),
        ("foo", "unknown-name", "foo"),
        ("foo.bar", "unknown-name", "foo"),
        ("each.key", "out-of-place", "each"),
        ("count.index", "out-of-place", "count"),
        ("self.id", "out-of-place", "self"),
        ("path.root.x", "", ""),
        ("[for v in [] : w]", "unknown-name", "w"),
    ] {
        let expected: &[(&str, &str)] = if id.is_empty() { &[] } else { &[(id, place)] };
        check(&around(expr), expected);
    }
    assert_eq!(help(&around("var.regoin")), "Did you mean `region`?");
    assert_eq!(help(&around("vra.region")), "Did you mean `var`?");
    check(&format!("{}locals {{\n  x = t_thing.a[0].id\n}}\n", thing("")), &[("unexpected-instance-key", "0")]);
}

#[test]
fn declarations_have_distinct_names() {
    for text in [
        "variable \"a\" {}\nvariable \"a\" {}\n",
        "locals {\n  a = 1\n}\nlocals {\n  a = 2\n}\n",
        "output \"a\" {\n  value = 1\n}\noutput \"a\" {\n  value = 1\n}\n",
        "provider \"t\" {}\nprovider \"t\" {}\n",
        &format!("{}{}", thing(""), thing("")),
    ] {
        let loaded = loaded(text);
        assert_eq!(loaded.problems.len(), 1, "{text}: {:?}", shown(&loaded.problems));
        assert_eq!(loaded.problems[0].kind.id, "duplicate-declaration");
        assert_eq!(loaded.problems[0].labels.len(), 1);
    }
}

#[test]
fn variables_have_types_and_constant_defaults() {
    let text = "variable \"fleet\" {\n  type = map(object({ name = string, size = optional(number, \"3\"), zones = optional(list(string)) }))\n  default = { a = { name = 1 } }\n}\n";
    let program = program(&[("main.hcl", text)]);
    let variable = &program.modules[0].variables[0];
    assert_eq!(
        variable.ty.to_string(),
        "map(object({ name = string, size = optional(number), zones = optional(list(string)) }))"
    );
    let default = variable.default.as_ref().and_then(|d| d.as_literal()).unwrap();
    assert_eq!(default.at(&Path::dotted("a.size")), Some(&Value::int(3)));
    assert_eq!(default.at(&Path::dotted("a.name")), Some(&Value::string("1")));
    for (text, id, place) in [
        ("type = strng", "invalid-type", "strng"),
        ("type = \"string\"", "invalid-type", "\"string\""),
        ("type = optional(string)", "invalid-type", "optional(string)"),
        ("type = list(string, number)", "invalid-type", "list(string, number)"),
        ("type = number\n  default = \"x\"", "wrong-type", "\"x\""),
        ("default = var.a", "unknown-name", "a"),
        ("sensitive = 5", "wrong-setting", "5"),
        ("ephemeral = true", "not-in-this-version", "ephemeral"),
        ("nulable = true", "unknown-argument", "nulable"),
        ("validation {\n  condition = true\n  }", "missing-argument", "validation"),
    ] {
        check(&format!("variable \"x\" {{\n  {text}\n}}\n"), &[(id, place)]);
    }
    check("locals {\n  a = 1\n}\nvariable \"x\" {\n  default = local.a\n}\n", &[("constant-wanted", "local.a")]);
}

#[test]
fn meta_arguments_are_read() {
    let text = "resource \"t_thing\" \"b\" {\n  count = 2\n  name = \"b-${count.index}\"\n}\nresource \"t_thing\" \"a\" {\n  name = \"a\"\n  provider = t.west\n  depends_on = [t_thing.b]\n  lifecycle {\n    prevent_destroy = true\n    create_before_destroy = true\n    ignore_changes = [tags[\"x\"], size]\n    replace_triggered_by = [t_thing.b[0].id]\n  }\n  timeouts {\n    create = \"1h30m\"\n  }\n}\nprovider \"t\" {\n  alias = \"west\"\n}\n";
    let program = program(&[("main.hcl", text)]);
    let resource = &program.modules[0].resources[1];
    assert_eq!(resource.depends_on, [Target::Resource(0)]);
    assert_eq!(resource.provider.alias.as_deref(), Some("west"));
    assert_eq!(resource.lifecycle.prevent_destroy, Some(true));
    assert!(resource.lifecycle.create_before_destroy);
    let tags = Path::attr("tags").join(PathStep::Name("x".into()));
    assert_eq!(resource.lifecycle.ignore_changes, Ignore::Paths(vec![tags, Path::attr("size")]));
    let trigger = &resource.lifecycle.replace_triggered_by[0];
    assert_eq!((trigger.resource, trigger.path.to_string().as_str()), (0, "id"));
    assert!(trigger.key.is_some());
    assert_eq!(resource.timeouts.get("create"), Some(&5_400));
}

#[test]
fn wrong_meta_arguments_are_refused() {
    check(&thing("count = 1\n  for_each = {}"), &[("count-and-for-each", "for_each")]);
    check(&thing("depends_on = [t_thing.a[0]]"), &[("wrong-setting", "t_thing.a[0]")]);
    check(&thing("depends_on = \"x\""), &[("wrong-setting", "\"x\"")]);
    check(&thing("lifecycle {\n  prevent_destroy = local.x\n  }"), &[("unknown-name", "x")]);
    check("locals {\n  x = true\n}\n", &[]);
    check(
        &format!("variable \"x\" {{}}\n{}", thing("lifecycle {\n  prevent_destroy = var.x\n  }")),
        &[("constant-wanted", "var.x")],
    );
    check(&thing("lifecycle {\n  ignore_changes = [tagz]\n  }"), &[("no-such-attribute", "tagz")]);
    check(&thing("lifecycle {\n  ignore = all\n  }"), &[("unknown-argument", "ignore")]);
    check(&thing("timeouts {\n  create = \"soon\"\n  }"), &[("wrong-setting", "\"soon\"")]);
    check(&thing("timeouts {\n  craete = \"1m\"\n  }"), &[("unknown-argument", "craete")]);
}

#[test]
fn circles_show_every_member() {
    let text = "locals {\n  a = local.b\n  b = local.c\n  c = local.a\n  d = local.a\n}\n";
    let loaded = loaded(text);
    let [problem] = loaded.problems.as_slice() else { panic!("{:?}", shown(&loaded.problems)) };
    assert_eq!(problem.kind.id, "reference-cycle");
    assert_eq!(problem.labels.len(), 3);
    assert!(problem.detail.contains("`local.a`, `local.b`, `local.c`"), "{}", problem.detail);
    check(&format!("{THING}  zones = [t_thing.a.id]\n}}\n"), &[("reference-cycle", "resource \"t_thing\" \"a\"")]);
    let two = "locals {\n  a = local.b\n  b = local.a\n  x = local.x\n}\n";
    assert_eq!(found(two).len(), 2);
}

#[test]
fn modules_are_expanded_and_ordered() {
    let program = program(&[
        (
            "main.hcl",
            "module \"east\" {\n  source = \"./pool\"\n  for_each = { a = 1 }\n  name = \"${each.key}-${local.x}\"\n}\nmodule \"west\" {\n  source = \"./pool\"\n  name = module.east[\"a\"].id\n}\nlocals {\n  x = \"e\"\n}\noutput \"o\" {\n  value = module.west.id\n}\n",
        ),
        (
            "pool/main.hcl",
            "variable \"name\" {\n  type = string\n}\nvariable \"size\" {\n  default = 1\n}\nresource \"t_thing\" \"p\" {\n  name = var.name\n  size = var.size\n}\noutput \"id\" {\n  value = t_thing.p.id\n}\n",
        ),
    ]);
    assert_eq!(program.modules.len(), 3);
    assert_eq!(program.modules[1].caller, Some((ModuleId(0), 0)));
    assert_eq!(&*program.modules[2].folder, "pool");
    assert!(program.modules[0].calls[0].arguments[0].is_some() && program.modules[0].calls[0].arguments[1].is_none());
    let at = |node: Node| program.order.iter().position(|n| *n == node).unwrap();
    let (root, east, west) = (ModuleId(0), ModuleId(1), ModuleId(2));
    let chain = [
        at(Node::Local(root, 0)),
        at(Node::Variable(east, 0)),
        at(Node::Resource(east, 0)),
        at(Node::Output(east, 0)),
        at(Node::Variable(west, 0)),
        at(Node::Resource(west, 0)),
        at(Node::Output(west, 0)),
        at(Node::Output(root, 0)),
    ];
    assert!(chain.is_sorted(), "{chain:?}");
    assert!(at(Node::Call(root, 0)) < at(Node::Variable(east, 1)));
    assert_eq!(program.digest.len(), 64);
    assert!(program.declares(&"module.east[\"a\"].t_thing.p".parse().unwrap()));
}

#[test]
fn wrong_module_calls_are_refused() {
    let call = |inside: &str| {
        let files = Files::of(&[
            ("main.hcl", &format!("module \"m\" {{\n  {inside}\n}}\nlocals {{\n  x = module.m.id\n}}\n")),
            ("pool/main.hcl", "variable \"size\" {\n  type = number\n}\noutput \"id\" {\n  value = 1\n}\n"),
            ("loop/main.hcl", "module \"m\" {\n  source = \"../loop\"\n}\noutput \"id\" {\n  value = 1\n}\n"),
        ]);
        let loaded = load(&files, ".", &Types);
        loaded.problems.iter().map(|p| p.kind.id).collect::<Vec<_>>()
    };
    assert_eq!(call("source = \"./pool\"\n  size = 1"), Vec::<&str>::new());
    assert_eq!(call("source = \"./pool\""), ["missing-argument"]);
    assert_eq!(call("source = \"./pool\"\n  size = 1\n  sise = 1"), ["unknown-argument"]);
    assert_eq!(call("source = \"./pool\"\n  size = \"x\""), ["wrong-type"]);
    assert_eq!(call("source = \"./none\""), ["module-not-found"]);
    assert_eq!(call("source = \"acme/pool/t\""), ["not-in-this-version"]);
    assert_eq!(call("size = 1"), ["missing-argument"]);
    assert_eq!(call("source = \"./loop\""), ["module-cycle"]);
    let files = Files::of(&[
        ("main.hcl", "module \"m\" {\n  source = \"./pool\"\n}\nlocals {\n  x = module.m.idd\n}\n"),
        ("pool/main.hcl", "output \"id\" {\n  value = 1\n}\n"),
    ]);
    let loaded = load(&files, ".", &Types);
    assert_eq!(loaded.problems[0].help_text(), "Did you mean `id`?");
}

#[test]
fn a_module_as_a_whole_may_be_waited_for() {
    let program = program(&[
        (
            "main.hcl",
            "module \"m\" {\n  source = \"./pool\"\n}\nresource \"t_thing\" \"a\" {\n  name = \"a\"\n  depends_on = [module.m]\n}\n",
        ),
        ("pool/main.hcl", "resource \"t_thing\" \"p\" {\n  name = \"p\"\n}\n"),
    ]);
    let at = |node: Node| program.order.iter().position(|n| *n == node).unwrap();
    assert!(at(Node::Resource(ModuleId(1), 0)) < at(Node::Resource(ModuleId(0), 0)));
}

#[test]
fn constants_are_folded() {
    let program = program(&[(
        "main.hcl",
        "locals {\n  a = [1 + 1, \"x-${2}\", { b = true ? 1 : 2 }]\n  b = 1 / 0 == 1 ? 1 : 2\n}\n",
    )]);
    let locals = &program.modules[0].locals;
    assert!(locals[0].value.as_literal().is_some());
    assert!(locals[1].value.as_literal().is_none());
}

#[test]
fn a_version_that_is_not_met_is_told() {
    check("terrane {\n  required_version = \">= 0.1\"\n}\n", &[]);
    check("terrane {\n  required_version = \">= 99\"\n}\n", &[("version-not-supported", "\">= 99\"")]);
    check("terrane {\n  required_version = \"new\"\n}\n", &[("wrong-setting", "\"new\"")]);
}

#[test]
fn all_problems_come_together_in_order() {
    let text = "locals {\n  a = var.x\n  b = { k = 1, k = 2 }\n}\nresource \"t_thing\" \"a\" {\n  colour = 1\n}\n";
    let ids: Vec<&str> = found(text).iter().map(|(id, _)| *id).collect();
    assert_eq!(ids, ["unknown-name", "duplicate-key", "missing-argument", "unknown-argument"]);
}

#[test]
fn a_folder_without_configuration_is_told() {
    let loaded = load(&Files::of(&[("main.tf", "")]), ".", &Types);
    assert_eq!(loaded.problems[0].kind.id, "no-configuration");
    assert!(loaded.problems[0].detail.contains("*.tf"), "{}", loaded.problems[0].detail);
}

#[test]
fn an_unread_file_brings_no_unknown_names() {
    let files = Files::of(&[("a.hcl", "variable \"x\" {\n"), ("b.hcl", "locals {\n  y = var.x + var.z\n}\n")]);
    let loaded = load(&files, ".", &Types);
    assert!(loaded.problems.iter().all(|p| p.kind.id != "unknown-name"), "{:?}", shown(&loaded.problems));
    assert!(!loaded.problems.is_empty() && loaded.program.is_none());
}

#[test]
fn any_is_the_type_of_a_variable_without_one() {
    let program = program(&[("main.hcl", "variable \"x\" {}\n")]);
    assert_eq!(program.modules[0].variables[0].ty, Type::Any);
}

// A7
#[test]
fn what_a_wrong_header_may_have_declared_is_not_missed() {
    let output = "output \"o\" {\n  value = t_thing.a.size\n}\n";
    check(&format!("resurce \"t_thing\" \"a\" {{\n}}\n{output}"), &[("unknown-block", "resurce")]);
    check(&format!("resource \"t_thingg\" \"a\" {{\n}}\n{output}"), &[("unknown-type", "\"t_thingg\"")]);
    check(&format!("resource \"t_thing.a\" {{\n}}\n{output}"), &[("wrong-labels", "resource \"t_thing.a\"")]);
    let local = "output \"o\" {\n  value = local.x\n}\n";
    check(&format!("local {{\n  x = 1\n}}\n{local}"), &[("unknown-block", "local")]);
    check(&format!("locals {{\n  y = 1\n}}\n{local}"), &[("unknown-name", "x")]);
    check("variable {\n}\noutput \"o\" {\n  value = var.x\n}\n", &[("wrong-labels", "variable")]);
    check(&thing("for_eech = [each.key]"), &[("unknown-argument", "for_eech")]);
    check(&thing("kount = 2\n  size = count.index"), &[("unknown-argument", "kount")]);
    check("output \"o\" {\n  vaule = 1\n}\n", &[("unknown-argument", "vaule")]);
}

// A7
#[test]
fn behind_a_missing_bracket_nothing_is_told_of_where_things_stand() {
    let rest = "output \"o\" {\n  value = 1\n}\n";
    check(
        &format!("resource \"t_thing\" \"a\"\n  name = \"x\"\n  size = 1\n}}\n{rest}"),
        &[("unexpected-token", "\"a\"")],
    );
    check(&format!("{THING}  net\n    cidrs = []\n  }}\n}}\n{rest}"), &[("missing-equals", "net")]);
    check("variable \"v\" {\n  type = map(\n    a = string\n    b = number\n  }))\n}\n", &[("unclosed-bracket", "(")]);
    check(&thing("zones = [\"a]"), &[("unclosed-string", "\"")]);
    check(&format!("{THING}}}\n/* the rest\n{rest}"), &[("unclosed-comment", "/*")]);
}

// A1
#[test]
fn nested_blocks_without_names_take_no_labels() {
    check(&thing("lifecycle \"x\" {\n  }"), &[("wrong-labels", "lifecycle \"x\"")]);
    let inside = "condition = true\n    error_message = \"m\"\n";
    check(
        &format!("variable \"v\" {{\n  validation \"x\" {{\n    {inside}  }}\n}}\n"),
        &[("wrong-labels", "validation \"x\"")],
    );
}

// A1
#[test]
fn a_variable_is_not_called_as_an_argument_of_module_calls() {
    check("variable \"count\" {\n}\n", &[("invalid-name", "\"count\"")]);
    check("variable \"version\" {\n}\n", &[]);
}

// A1
#[test]
fn null_is_no_default_of_what_may_not_be_null() {
    check("variable \"v\" {\n  default = null\n  nullable = false\n}\n", &[("wrong-setting", "null")]);
    check("variable \"v\" {\n  default = null\n}\n", &[]);
}

// A1
#[test]
fn the_lifecycle_of_data_has_conditions_only() {
    let data =
        |inside: &str| format!("data \"t_look\" \"d\" {{\n  region = \"r\"\n  lifecycle {{\n    {inside}\n  }}\n}}\n");
    check(&data("prevent_destroy = true"), &[("unknown-argument", "prevent_destroy")]);
    check(&data("precondition {\n condition = true\n error_message = \"m\"\n}"), &[]);
}

// A1
#[test]
fn an_attribute_of_a_type_stands_once() {
    check("variable \"v\" {\n  type = object({ a = string, a = number })\n}\n", &[("duplicate-key", "a")]);
}

const WHOLE: &str = "terrane {\n  required_version = \">= 0.1\"\n}\nvariable \"v\" {\n  type = map(object({ a = optional(string, \"x\") }))\n  \
    default = {}\n  validation {\n    condition = length(var.v) < 9\n    error_message = \"no ${var.v.a.a}\"\n  }\n}\nlocals {\n  \
    l = { for k, e in var.v : k => e.a if e != null }\n}\nresource \"t_thing\" \"a\" {\n  for_each = local.l\n  name = each.key\n  \
    tags = { x = <<-T\n    %{ if true ~}\n    ${each.value}\n    %{ endif }\n    T\n  }\n  dynamic \"node\" {\n    for_each = [1]\n    \
    content {\n      name = node.value\n    }\n  }\n  lifecycle {\n    ignore_changes = [tags[\"x\"]]\n  }\n}\nmoved {\n  \
    from = t_thing.b\n  to = t_thing.a[\"c\"]\n}\noutput \"o\" {\n  value = t_thing.a[*].id\n}\n";

fn mistaken() -> impl proptest::strategy::Strategy<Value = String> {
    use proptest::prelude::*;
    let words = proptest::sample::select(vec![
        "",
        "",
        "\"",
        "${",
        "}",
        "{",
        "[",
        "]",
        "(",
        ")",
        "\n",
        "=",
        ",",
        ".",
        "x",
        "1",
        "null",
        "each",
        "var.",
        "t_thing.a",
        "count = 1\n",
        "for_each = []\n",
        "module \"m\" {\n  source = \"./m\"\n}\n",
        "depends_on = [t_thing.a]\n",
        "...",
    ]);
    let edit = (any::<proptest::sample::Index>(), 0_usize..12, words);
    proptest::collection::vec(edit, 1..5).prop_map(|edits| {
        let mut chars: Vec<char> = WHOLE.chars().collect();
        for (at, cut, word) in edits {
            let at = at.index(chars.len() + 1);
            let end = (at + cut).min(chars.len());
            chars.splice(at..end, word.chars());
        }
        chars.into_iter().collect()
    })
}

// A7
#[test]
fn an_address_that_cannot_be_read_is_told_of_once() {
    check("moved {\n  from = .b\n  to = t_thing.a\n}\n", &[("unexpected-token", ".")]);
}

#[test]
fn the_whole_sample_is_right() {
    check(WHOLE, &[]);
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { failure_persistence: None, ..Default::default() })]

    // A7
    #[test]
    fn every_mistake_is_a_program_or_a_problem_with_a_place(text in mistaken()) {
        let loaded = loaded(&text);
        let is_told = loaded.problems.iter().any(terrane_core::Diagnostic::is_error);
        proptest::prop_assert_eq!(loaded.program.is_none(), is_told);
        for problem in &loaded.problems {
            let text = problem.span().and_then(|span| loaded.sources.text(span));
            proptest::prop_assert!(text.is_some_and(|text| !text.is_empty()), "{:?}", problem);
        }
    }
}
