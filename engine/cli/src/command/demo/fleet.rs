//! The example that the demo runs, and the edit that it makes to it.

/// The first account of the sandbox.
pub const ACCOUNT: &str = "111122223333";
/// The file with the values of the fleet.
pub const VALUES: &str = "terrane.tfvars";

/// Files of the example: name and text.
pub const FILES: &[(&str, &str)] = &[
    ("main.hcl", include_str!("../../../../../examples/fleet-eks/main.hcl")),
    (VALUES, include_str!("../../../../../examples/fleet-eks/terrane.tfvars")),
];

/// A pool that each cluster has already, and the one that is added behind it.
const LAST_POOL: &str = "memory  = { types = [\"r6i.large\"], min = 1, max = 4 }\n";
const NEW_POOL: &str = "      batch   = { types = [\"c6i.large\"], min = 1, max = 8 }\n";

/// The values with one more pool in each cluster.
pub fn larger() -> String {
    let values = FILES.iter().find(|(name, _)| *name == VALUES).map_or("", |(_, text)| *text);
    values.replace(LAST_POOL, &format!("{LAST_POOL}{NEW_POOL}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_edit_adds_a_pool_to_both_clusters() {
        assert_eq!(larger().matches("batch").count(), 2);
    }
}
