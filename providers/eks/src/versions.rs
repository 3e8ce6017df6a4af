//! Kubernetes minors on EKS, read from `data/versions.toml`.

use serde::Deserialize;
use std::sync::OnceLock;

const TEXT: &str = include_str!("../data/versions.toml");

#[derive(Debug, Default, Deserialize)]
struct Table {
    #[serde(default)]
    version: Vec<Row>,
}

#[derive(Debug, Deserialize)]
struct Row {
    minor: u32,
    support: Support,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Support {
    Standard,
    Extended,
}

fn table() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    // A test proves that the file can be read, so the empty table is never used.
    TABLE.get_or_init(|| toml::from_str(TEXT).unwrap_or_default())
}

/// The minor of `1.NN`, or of `1.NN.P`.
#[must_use]
pub fn minor(version: &str) -> Option<u32> {
    version.strip_prefix("1.")?.split('.').next()?.parse().ok()
}

/// Whether `version` is written `1.NN`, as EKS takes it.
#[must_use]
pub fn is_minor(version: &str) -> bool {
    version.strip_prefix("1.").is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Whether new clusters can have this minor.
#[must_use]
pub fn is_supported(minor: u32) -> bool {
    table().version.iter().any(|row| row.minor == minor)
}

/// Whether extended support has begun for this minor.
#[must_use]
pub fn is_extended(minor: u32) -> bool {
    table().version.iter().any(|row| row.minor == minor && row.support == Support::Extended)
}

/// The supported minors for people, `1.33, 1.34`.
#[must_use]
pub fn supported() -> String {
    table().version.iter().map(|row| format!("1.{}", row.minor)).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_can_be_read() {
        let table: Table = toml::from_str(TEXT).expect("reads");
        assert!(table.version.len() > 3);
        assert!(is_supported(34) && !is_supported(20) && is_extended(31) && !is_extended(34));
    }

    #[test]
    fn a_minor_is_read_from_either_form() {
        assert_eq!((minor("1.34"), minor("1.34.2"), minor("34")), (Some(34), Some(34), None));
        assert!(is_minor("1.34") && !is_minor("1.34.2") && !is_minor("1."));
    }
}
