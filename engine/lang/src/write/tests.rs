//! What is written is read again, and means the same.

use super::*;
use crate::eval::Nothing;
use crate::testing::{attribute, block};
use proptest::prelude::*;
use terrane_core::schema::Role;
use terrane_core::{Number, Type};

fn schema() -> Block {
    let mut secret = attribute("secret", Type::String, Role::Optional);
    secret.is_secret = true;
    let inner = || {
        vec![
            attribute("cidrs", Type::set(Type::String), Role::Required),
            attribute("weight", Type::Number, Role::Optional),
            block("port", Nesting::List, vec![attribute("number", Type::Number, Role::Required)]),
        ]
    };
    Block {
        attributes: vec![
            attribute("name", Type::String, Role::Required),
            attribute("size", Type::Number, Role::Optional),
            attribute("is_on", Type::Bool, Role::Optional),
            block("net", Nesting::Single, inner()),
            attribute("zones", Type::list(Type::String), Role::Optional),
            attribute("tags", Type::map(Type::String), Role::Optional),
            attribute("free", Type::Any, Role::Optional),
            block("rule", Nesting::Set, vec![attribute("key", Type::String, Role::Required)]),
            secret,
        ],
    }
}

/// What a `resource` block in `text` evaluates to.
fn read(text: &str, schema: &Block) -> Value {
    let schema = std::sync::Arc::new(terrane_core::Schema {
        type_name: "t_thing".into(),
        kind: terrane_core::schema::SchemaKind::Resource,
        version: 1,
        doc: "".into(),
        body: schema.clone(),
        rules: Vec::new(),
        gone: terrane_core::DriftSeverity::default(),
    });
    let files = crate::testing::Files::of(&[("main.hcl", text)]);
    let loaded = crate::check::load(&files, ".", &OneType(schema.clone()));
    assert!(loaded.problems.is_empty(), "{:#?}\n{text}", crate::testing::shown(&loaded.problems));
    let program = loaded.program.expect("a program");
    let resource = program.modules[0].resources.first().expect("a resource");
    let mut problems = Vec::new();
    let value = crate::eval::evaluate_body(&resource.body, &schema.body, &Nothing, &mut problems);
    value.unwrap_or_else(|| panic!("{:#?}\n{text}", crate::testing::shown(&problems)))
}

struct OneType(std::sync::Arc<terrane_core::Schema>);

impl crate::program::Schemas for OneType {
    fn resource(&self, _: &str) -> Option<std::sync::Arc<terrane_core::Schema>> {
        Some(self.0.clone())
    }
    fn data(&self, _: &str) -> Option<std::sync::Arc<terrane_core::Schema>> {
        None
    }
    fn provider(&self, _: &str) -> Option<std::sync::Arc<terrane_core::Schema>> {
        None
    }
    fn provider_of(&self, _: &str) -> Option<Text> {
        Some("t".into())
    }
    fn names(&self, _: terrane_core::schema::SchemaKind) -> Vec<Text> {
        vec!["t_thing".into()]
    }
}

fn object(pairs: &[(&str, Value)]) -> Value {
    Value::object(pairs.iter().map(|(name, value)| (Text::from(*name), value.clone())).collect())
}

fn strings(texts: &[&str]) -> Vec<Value> {
    texts.iter().map(|text| Value::string(*text)).collect()
}

#[test]
fn a_block_reads_as_somebody_would_write_it() {
    let tags = [("team", "platform"), ("cost centre", "${x}"), ("for", "a \"b\"")];
    let tags = tags.map(|(key, value)| (Text::from(key), Value::string(value)));
    let value = object(&[
        ("name", Value::string("core")),
        ("size", Value::int(3)),
        ("zones", Value::list(strings(&["b", "a"]))),
        ("tags", Value::map(tags.to_vec())),
        ("net", object(&[("cidrs", Value::set(strings(&["10.0.0.0/8"])))])),
        ("rule", Value::set(vec![object(&[("key", Value::string("x"))]), object(&[("key", Value::string("a"))])])),
    ]);
    let references = BTreeMap::from([(Path::attr("name"), String::from("t_thing.other.id"))]);
    let written = resource("t_thing", "core", &schema(), &value, &references);
    let expected = r#"resource "t_thing" "core" {
  name  = t_thing.other.id
  size  = 3
  zones = ["b", "a"]
  tags = {
    "cost centre" = "$${x}"
    "for"         = "a \"b\""
    team          = "platform"
  }

  net {
    cidrs = ["10.0.0.0/8"]
  }

  rule {
    key = "a"
  }

  rule {
    key = "x"
  }
}
"#;
    assert_eq!(written.text, expected);
    assert_eq!(written.left_out, Vec::new());
}

#[test]
fn long_text_becomes_a_heredoc_that_no_line_of_it_ends() {
    let text = "first ${a}\n  EOT\n\n%{ if x }\n";
    let value = object(&[("name", Value::string(text)), ("size", Value::int(1))]);
    let written = resource("t_thing", "a", &schema(), &value, &BTreeMap::new());
    assert!(written.text.contains("= <<EOT2\nfirst $${a}\n  EOT\n\n%%{ if x }\nEOT2\n"), "{}", written.text);
    assert_eq!(read(&written.text, &schema()).get("name"), Some(&Value::string(text)));
}

#[test]
fn secrets_and_what_is_not_known_are_left_out_and_named() {
    let unknown = Value::unknown(Type::String, terrane_core::Residual::Local(0));
    let value = object(&[
        ("name", unknown.clone()),
        ("tags", Value::map(vec![("a".into(), Value::string("s").sensitive())])),
        ("secret", Value::string("hunter2")),
        ("net", object(&[("cidrs", Value::set(vec![unknown]))])),
    ]);
    let written = resource("t_thing", "a", &schema(), &value, &BTreeMap::new());
    assert!(!written.text.contains("hunter2"));
    let left: Vec<String> = written.left_out.iter().map(Path::to_string).collect();
    assert_eq!(left, ["name", "tags", "secret", "net.cidrs"]);
}

#[test]
fn what_does_not_show_is_written_by_its_number() {
    assert_eq!(expr::string("a\u{0}\u{202e}\u{e0001}$${"), "\"a\\u0000\\u202e\u{e0001}$$${\"");
    let value = object(&[("name", Value::string("a\u{1b}[0m\u{202e}b\u{7f}\r\n"))]);
    let written = resource("t_thing", "a", &schema(), &value, &BTreeMap::new());
    assert!(written.text.chars().all(|c| c == '\n' || !c.is_control()), "{}", written.text);
    assert_eq!(read(&written.text, &schema()).get("name"), value.get("name"));
}

#[test]
fn an_import_names_address_and_id() {
    let addr: InstanceAddr = "eks_cluster.core".parse().expect("an address");
    assert_eq!(import(&addr, "1/a/core"), "import {\n  to = eks_cluster.core\n  id = \"1/a/core\"\n}\n");
}

fn text() -> impl Strategy<Value = String> {
    use unicode_normalization::UnicodeNormalization as _;
    let bits = prop::sample::select(vec![
        "$",
        "{",
        "}",
        "%",
        "\\",
        "\"",
        "\n",
        "\r",
        "\t",
        "EOT",
        " ",
        "a",
        "é",
        "${x}",
        "%{ if }",
        "~",
        "\u{0}",
        "\u{2028}",
        "for",
        "=",
        "#",
        "//",
        "\u{1f600}",
        "<<",
        "'",
        "null",
    ]);
    prop_oneof![
        prop::collection::vec(bits, 0..8).prop_map(|bits| bits.concat()),
        any::<String>().prop_map(|text| text.nfc().collect::<String>()),
    ]
    .prop_map(|text| text.nfc().collect::<String>())
}

fn string() -> impl Strategy<Value = Value> {
    text().prop_map(Value::string)
}

fn number() -> impl Strategy<Value = Value> {
    let whole = any::<i64>().prop_map(Value::int);
    let part = (any::<i32>(), 0_u32..6).prop_map(|(digits, shift)| {
        let text = format!("{digits}e-{shift}");
        Value::number(Number::parse(&text).expect("a number"))
    });
    prop_oneof![whole, part]
}

fn or_null(value: impl Strategy<Value = Value> + 'static) -> impl Strategy<Value = Value> {
    prop_oneof![1 => Just(Value::NULL), 3 => value]
}

/// A value that no schema gives a type.
fn free() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![string(), number(), any::<bool>().prop_map(Value::bool)];
    let of_one_type = prop_oneof![
        prop::collection::vec(string(), 0..3).prop_map(Value::list),
        prop::collection::vec(number(), 1..3).prop_map(Value::set),
        prop::collection::vec((text().prop_map(Text::from), string()), 1..3).prop_map(Value::map),
    ];
    prop_oneof![leaf, of_one_type].prop_recursive(3, 12, 4, |inner| {
        let nullable = prop_oneof![1 => Just(Value::NULL), 5 => inner];
        prop_oneof![
            prop::collection::vec(nullable.clone(), 0..4).prop_map(Value::tuple),
            prop::collection::vec((text().prop_map(Text::from), nullable), 0..4).prop_map(Value::object),
        ]
    })
}

fn net() -> impl Strategy<Value = Value> {
    let port = number().prop_map(|number| object(&[("number", number)]));
    (prop::collection::vec(string(), 0..4), or_null(number()), prop::collection::vec(port, 0..3)).prop_map(
        |(cidrs, weight, ports)| {
            object(&[("cidrs", Value::set(cidrs)), ("weight", weight), ("port", Value::list(ports))])
        },
    )
}

fn thing() -> impl Strategy<Value = Value> {
    let rule = string().prop_map(|key| object(&[("key", key)]));
    let arguments = (
        string(),
        or_null(number()),
        or_null(any::<bool>().prop_map(Value::bool)),
        or_null(prop::collection::vec(string(), 0..12).prop_map(Value::list)),
        or_null(prop::collection::vec((text().prop_map(Text::from), string()), 0..5).prop_map(Value::map)),
        or_null(free()),
    );
    (arguments, or_null(net()), prop::collection::vec(rule, 0..3)).prop_map(
        |((name, size, is_on, zones, tags, free), net, rules)| {
            object(&[
                ("name", name),
                ("size", size),
                ("is_on", is_on),
                ("zones", zones),
                ("tags", tags),
                ("free", free),
                ("net", net),
                ("rule", Value::set(rules)),
                ("secret", Value::NULL),
            ])
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn what_is_written_means_the_same_and_stays_as_it_is(value in thing()) {
        let written = resource("t_thing", "a", &schema(), &value, &BTreeMap::new());
        prop_assert_eq!(fmt::format(&written.text), written.text.clone());
        prop_assert!(written.left_out.is_empty());
        let read = read(&written.text, &schema());
        prop_assert!(read.is_identical(&value), "{read:?}\n{value:?}\n{}", written.text);
    }
}
