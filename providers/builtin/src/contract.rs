//! The contract cases of the built-in types.

use terrane_provider::contract::{Becomes, Contract, Edit};

const fn edit(argument: &'static str, from: &'static str, to: &'static str, becomes: Becomes) -> Edit {
    Edit { argument, from, to, becomes, is_only_planned: false }
}

/// One case for every type.
pub const CONTRACTS: &[Contract] = &[Contract {
    type_name: "terrane_data",
    configuration: r#"
resource "terrane_data" "kept" {
  input            = "one"
  triggers_replace = "first"
  secret           = env("CONTRACT_SECRET_A")
}
"#,
    address: "terrane_data.kept",
    object: None,
    ours: &[],
    foreign: &[],
    edits: &[
        edit("input", "\"one\"", "\"two\"", Becomes::Update),
        edit("triggers_replace", "\"first\"", "\"second\"", Becomes::Replace),
        edit("secret", "SECRET_A", "SECRET_B", Becomes::Update),
    ],
}];
