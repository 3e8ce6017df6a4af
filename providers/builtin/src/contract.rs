//! The contract cases of the built-in types.

use terrane_provider::contract::{Becomes, Contract, Edit};

/// One case for every type.
pub const CONTRACTS: &[Contract] = &[Contract {
    type_name: "terrane_data",
    configuration: r#"
resource "terrane_data" "kept" {
  input            = "one"
  triggers_replace = "first"
  secret           = exec(["printf", "alpha"])
}
"#,
    address: "terrane_data.kept",
    ours: &[],
    foreign: &[],
    edits: &[
        Edit { argument: "input", from: "\"one\"", to: "\"two\"", becomes: Becomes::Update },
        Edit { argument: "triggers_replace", from: "\"first\"", to: "\"second\"", becomes: Becomes::Replace },
        Edit { argument: "secret", from: "\"alpha\"", to: "\"beta\"", becomes: Becomes::Update },
    ],
}];
