//! Mistakes in the text: told by `validate` with lines and columns, and by `apply` before anything is asked or made.

use super::{expect_error, place};
use terrane_sandbox::SandboxConfig;
use terrane_tests::place::Place;

/// One mistake.
struct Mistake {
    name: &'static str,
    text: &'static str,
    id: &'static str,
    /// Where `apply` says that it is.
    place: &'static str,
    words: &'static [&'static str],
}

const MISTAKES: &[Mistake] = &[
    Mistake {
        name: "unclosed string",
        text: "terrane {\n  required_version = \">= 0.1\n}\n",
        id: "unclosed-string",
        place: "on main.hcl line 2, in terrane:",
        words: &["Close the string with `\"`"],
    },
    Mistake {
        name: "unclosed brace",
        text: "resource \"terrane_data\" \"a\" {\n  input = 1\n\nresource \"terrane_data\" \"b\" {\n  input = 2\n}\n",
        id: "unclosed-block",
        place: "on main.hcl line 1, in resource \"terrane_data\" \"a\":",
        words: &["Close the block with `}`"],
    },
    Mistake {
        name: "unknown block",
        text: "resorce \"terrane_data\" \"a\" {\n  input = 1\n}\n",
        id: "unknown-block",
        place: "on main.hcl line 1",
        words: &["there is no block `resorce`", "Did you mean `resource`?"],
    },
    Mistake {
        name: "unknown nested block",
        text: "resource \"eks_cluster\" \"a\" {\n  name = \"a\"\n  netwrk {\n    subnets = []\n  }\n}\n",
        id: "unknown-block",
        place: "on main.hcl line 3, in resource \"eks_cluster\" \"a\":",
        words: &["Did you mean `network`?"],
    },
    Mistake {
        name: "unknown argument",
        text: "resource \"terrane_data\" \"a\" {\n  inptu = 1\n}\n",
        id: "unknown-argument",
        place: "on main.hcl line 2, in resource \"terrane_data\" \"a\":",
        words: &["there is no argument `inptu`", "Did you mean `input`?"],
    },
    Mistake {
        name: "unknown type",
        text: "resource \"eks_clutser\" \"a\" {\n  name = \"a\"\n}\n",
        id: "unknown-type",
        place: "on main.hcl line 1, in resource \"eks_clutser\" \"a\":",
        words: &["Did you mean `eks_cluster`?"],
    },
    Mistake {
        name: "unknown function",
        text: "output \"n\" {\n  value = lenght([1, 2])\n}\n",
        id: "unknown-function",
        place: "on main.hcl line 2, in output \"n\":",
        words: &["there is no function `lenght`", "Did you mean `length`?"],
    },
    Mistake {
        name: "unknown name",
        text: "variable \"region\" {\n  default = \"x\"\n}\n\noutput \"n\" {\n  value = var.regoin\n}\n",
        id: "unknown-name",
        place: "on main.hcl line 6, in output \"n\":",
        words: &["Did you mean `region`?"],
    },
    Mistake {
        name: "unknown provider",
        text: "provider \"ekz\" {\n  region = \"eu-west-1\"\n}\n",
        id: "unknown-provider",
        place: "on main.hcl line 1, in provider \"ekz\":",
        words: &["Did you mean `eks`?"],
    },
    Mistake {
        name: "wrong type",
        text: "resource \"eks_node_pool\" \"a\" {\n  cluster = \"111122223333/eu-west-1/core\"\n  name    = \"a\"\n  \
               size {\n    min = \"many\"\n  }\n}\n",
        id: "wrong-type",
        place: "on main.hcl line 5, in resource \"eks_node_pool\" \"a\":",
        words: &["a number is wanted, not the text \"many\""],
    },
    Mistake {
        name: "missing required argument",
        text: "resource \"eks_cluster\" \"a\" {\n  network {\n    subnets = []\n  }\n}\n",
        id: "missing-argument",
        place: "on main.hcl line 1, in resource \"eks_cluster\" \"a\":",
        words: &["the argument `name` is missing", "Write name = \"core\""],
    },
    Mistake {
        name: "duplicate names",
        text: "resource \"terrane_data\" \"a\" {}\n\nresource \"terrane_data\" \"a\" {\n  input = 2\n}\n",
        id: "duplicate-declaration",
        place: "on main.hcl line 3, in resource \"terrane_data\" \"a\":",
        words: &["`terrane_data.a` is declared twice", "1: resource \"terrane_data\" \"a\" {}  # first here"],
    },
    Mistake {
        name: "list in for_each",
        text: "resource \"terrane_data\" \"a\" {\n  for_each = [\"x\", \"y\"]\n  input = each.value\n}\n",
        id: "for-each-invalid",
        place: "on main.hcl line 2, in resource \"terrane_data\" \"a\":",
        words: &["toset(..)"],
    },
    Mistake {
        name: "list in count",
        text: "variable \"zones\" {\n  type = list(string)\n}\nresource \"terrane_data\" \"a\" {\n  count = var.zones\n}\n",
        id: "count-invalid",
        place: "on main.hcl line 5, in resource \"terrane_data\" \"a\":",
        words: &["a number is wanted, not a list(string)"],
    },
    Mistake {
        name: "reference cycle",
        text: "locals {\n  a = local.b\n  b = terrane_data.c.output\n}\n\nresource \"terrane_data\" \"c\" {\n  \
               input = local.a\n}\n",
        id: "reference-cycle",
        place: "on main.hcl line 2, in locals:",
        words: &[
            "`local.a`, `local.b`, `terrane_data.c` refer to each other",
            "2:   a = local.b  # local.a",
            "3:   b = terrane_data.c.output  # local.b",
            "6: resource \"terrane_data\" \"c\" {  # terrane_data.c",
        ],
    },
];

// A1, E1
#[tokio::test(flavor = "multi_thread")]
async fn mistakes_are_told_with_their_place_before_anything_is_done() {
    let place = place("").await;
    for Mistake { name, text, id, place: at, words } in MISTAKES {
        place.write("main.hcl", text);
        let mut words = words.to_vec();
        words.push(at);
        expect_error(name, &place.run(&["apply", "-auto-approve"]).await, id, &words);

        let validated = place.run(&["validate", "-json"]).await.expect(1);
        let told: serde_json::Value = serde_json::from_str(&validated.out).unwrap();
        let first = &told["diagnostics"][0];
        assert_eq!((&first["id"], &told["error_count"]), (&serde_json::json!(id), &serde_json::json!(1)), "{name}");
        let line = first["range"]["start"]["line"].as_u64().unwrap();
        assert!(at.starts_with(&format!("on main.hcl line {line}")), "{name}: line {line} is not {at}");
        assert!(!first["help"].as_str().unwrap().is_empty(), "{name}");
    }
    assert!(place.sandbox.log().is_empty(), "something was asked");
    assert!(!place.path().join("terrane.state").exists(), "a state was made");
}

// A1, E1
#[tokio::test(flavor = "multi_thread")]
async fn variables_files_that_cannot_be_read_are_named() {
    let place = Place::start(SandboxConfig::default()).await;
    place.write("main.hcl", "variable \"a\" {\n  type = number\n}\n");
    place.write("folder/x.tfvars", "a = 1\n");
    std::fs::write(place.path().join("latin.tfvars"), b"a = \"Z\xfcrich\"\n").unwrap();
    place.write("wrong.tfvars", "a = \"many\"\n");
    place.write("half.tfvars", "a = {\n");
    for (file, id, words) in [
        ("absent.tfvars", "wrong-variables-file", ["in absent.tfvars:", "there is no such file"]),
        ("folder", "wrong-variables-file", ["in folder:", "it is no file"]),
        ("latin.tfvars", "wrong-variables-file", ["in latin.tfvars:", "it is not UTF-8 text"]),
        ("half.tfvars", "unclosed-bracket", ["on half.tfvars line 1", "a = {"]),
        ("wrong.tfvars", "wrong-type", ["on wrong.tfvars line 1", "many"]),
    ] {
        let run = place.run(&["plan", "-input=false", &format!("-var-file={file}")]).await;
        expect_error(file, &run, id, &words);
    }
    expect_error(
        "no value",
        &place.run(&["plan", "-input=false"]).await,
        "no-value-for-variable",
        &["on main.hcl line 1, in variable \"a\":"],
    );
}
