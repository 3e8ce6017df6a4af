//! Instance types: families times sizes, with architecture and memory.
//!
//! # Source
//! Amazon EC2 Instance Types guide, "Instance type specifications" (general purpose, compute, memory, accelerated).

use serde_json::{Value, json};

/// Family, architecture, MiB of memory for each virtual CPU, first and last size by position in [`SIZES`].
const FAMILIES: &[(&str, &str, u32, usize, usize)] = &[
    ("a1", "arm64", 2048, 2, 6),
    ("t3", "x86_64", 4096, 1, 5),
    ("t3a", "x86_64", 4096, 1, 5),
    ("t4g", "arm64", 4096, 1, 5),
    ("m5", "x86_64", 4096, 3, 10),
    ("m5a", "x86_64", 4096, 3, 10),
    ("m6a", "x86_64", 4096, 3, 10),
    ("m6i", "x86_64", 4096, 3, 10),
    ("m6g", "arm64", 4096, 2, 9),
    ("m7a", "x86_64", 4096, 3, 10),
    ("m7i", "x86_64", 4096, 3, 10),
    ("m7g", "arm64", 4096, 2, 9),
    ("c5", "x86_64", 2048, 3, 10),
    ("c6a", "x86_64", 2048, 3, 10),
    ("c6i", "x86_64", 2048, 3, 10),
    ("c6g", "arm64", 2048, 2, 9),
    ("c7i", "x86_64", 2048, 3, 10),
    ("c7g", "arm64", 2048, 2, 9),
    ("r5", "x86_64", 8192, 3, 10),
    ("r6i", "x86_64", 8192, 3, 10),
    ("r6g", "arm64", 8192, 2, 9),
    ("r7i", "x86_64", 8192, 3, 10),
    ("r7g", "arm64", 8192, 2, 9),
    ("g4dn", "x86_64", 4096, 4, 9),
    ("g5", "x86_64", 4096, 4, 9),
];

/// Size and its virtual CPUs.
const SIZES: &[(&str, u32)] = &[
    ("nano", 2),
    ("small", 2),
    ("medium", 2),
    ("large", 2),
    ("xlarge", 4),
    ("2xlarge", 8),
    ("4xlarge", 16),
    ("8xlarge", 32),
    ("12xlarge", 48),
    ("16xlarge", 64),
    ("24xlarge", 96),
];

/// One instance type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct InstanceType {
    pub(crate) name: String,
    pub(crate) architecture: &'static str,
    pub(crate) cpus: u32,
    pub(crate) memory_mib: u32,
}

/// All types, by family and size.
pub(crate) fn all() -> impl Iterator<Item = InstanceType> {
    FAMILIES.iter().flat_map(|(family, architecture, ratio, first, last)| {
        let sizes = SIZES.iter().enumerate().filter(|(position, _)| (*first..=*last).contains(position));
        sizes.map(move |(_, (size, cpus))| {
            // Burstable sizes below large have two virtual CPUs and less memory; the others follow the ratio.
            let (cpus, memory_mib) = match (*size, family.starts_with('t')) {
                ("small", true) => (2, 2048),
                ("medium", true) => (2, 4096),
                ("medium", false) => (1, *ratio),
                _ => (*cpus, cpus * ratio),
            };
            InstanceType { name: format!("{family}.{size}"), architecture, cpus, memory_mib }
        })
    })
}

/// A type by its name.
pub(crate) fn find(name: &str) -> Option<InstanceType> {
    all().find(|kind| kind.name == name)
}

impl InstanceType {
    /// As DescribeInstanceTypes answers it.
    pub(crate) fn document(&self) -> Value {
        json!({
            "instanceType": self.name, "currentGeneration": true, "hypervisor": "nitro", "bareMetal": false,
            "supportedUsageClasses": ["on-demand", "spot"],
            "processorInfo": {"supportedArchitectures": [self.architecture]},
            "vCpuInfo": {"defaultVCpus": self.cpus, "defaultCores": self.cpus.div_ceil(2), "defaultThreadsPerCore": 2},
            "memoryInfo": {"sizeInMiB": self.memory_mib},
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn graviton_types_are_arm() {
        assert_eq!(find("m6g.large").map(|kind| kind.architecture), Some("arm64"));
        assert_eq!(find("t3.medium").map(|kind| (kind.cpus, kind.memory_mib)), Some((2, 4096)));
        assert_eq!(find("m5.medium"), None);
        assert!(["a1.medium", "a1.large", "a1.4xlarge"].iter().all(|name| find(name).is_some()));
    }
}
