//! The Kubernetes versions that the emulated service has.
//!
//! # Source
//! Amazon EKS User Guide, "Understand the Kubernetes version lifecycle on EKS" (release calendar) and "platform versions".

use serde_json::{Value, json};

use super::page;
use crate::aws::Cx;
use crate::aws::error::AwsError;

/// One minor version.
#[derive(Debug)]
pub(super) struct Version {
    pub(super) minor: u32,
    pub(super) platform: &'static str,
    pub(super) patch: u32,
    status: Status,
    /// Release, end of standard support, end of extended support: seconds since the Unix epoch.
    dates: [i64; 3],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    Standard,
    Extended,
    Unsupported,
}

const fn row(minor: u32, platform: &'static str, patch: u32, status: Status, dates: [i64; 3]) -> Version {
    Version { minor, platform, patch, status, dates }
}

/// Oldest first.
const VERSIONS: &[Version] = &[
    row(29, "eks.50", 15, Status::Unsupported, [1_705_968_000, 1_742_688_000, 1_774_224_000]),
    row(30, "eks.55", 14, Status::Extended, [1_716_422_400, 1_753_228_800, 1_784_764_800]),
    row(31, "eks.45", 13, Status::Extended, [1_727_308_800, 1_764_115_200, 1_795_651_200]),
    row(32, "eks.32", 9, Status::Extended, [1_737_590_400, 1_774_224_000, 1_805_760_000]),
    row(33, "eks.22", 5, Status::Standard, [1_748_476_800, 1_785_369_600, 1_816_905_600]),
    row(34, "eks.9", 2, Status::Standard, [1_759_363_200, 1_796_256_000, 1_827_792_000]),
    row(35, "eks.3", 0, Status::Standard, [1_769_472_000, 1_806_364_800, 1_837_900_800]),
];

/// The version of a cluster that is created without one.
pub(super) const DEFAULT_MINOR: u32 = 34;

impl Version {
    /// `1.NN`.
    pub(super) fn name(&self) -> String {
        format!("1.{}", self.minor)
    }

    /// Whether clusters can have it.
    pub(super) fn is_supported(&self) -> bool {
        self.status != Status::Unsupported
    }

    /// Whether extended support has begun.
    pub(super) fn is_extended(&self) -> bool {
        self.status == Status::Extended
    }

    /// The latest image release of node groups.
    pub(super) fn release(&self) -> String {
        format!("1.{}.{}-20251001", self.minor, self.patch)
    }

    fn document(&self) -> Value {
        let (status, version_status) = match self.status {
            Status::Standard => ("standard-support", "STANDARD_SUPPORT"),
            Status::Extended => ("extended-support", "EXTENDED_SUPPORT"),
            Status::Unsupported => ("unsupported", "UNSUPPORTED"),
        };
        let [release, standard_end, extended_end] = self.dates;
        json!({
            "clusterVersion": self.name(), "clusterType": "eks", "defaultPlatformVersion": self.platform,
            "defaultVersion": self.minor == DEFAULT_MINOR, "releaseDate": release,
            "endOfStandardSupportDate": standard_end, "endOfExtendedSupportDate": extended_end,
            "status": status, "versionStatus": version_status,
            "kubernetesPatchVersion": format!("1.{}.{}", self.minor, self.patch),
        })
    }
}

/// The minor of `1.NN`.
pub(super) fn minor(text: &str) -> Option<u32> {
    text.strip_prefix("1.")?.parse().ok()
}

/// A version by its minor.
pub(super) fn find(minor: u32) -> Option<&'static Version> {
    VERSIONS.iter().find(|version| version.minor == minor)
}

/// A supported version by its name, the default when none is named.
pub(super) fn supported(name: Option<&str>) -> Result<&'static Version, AwsError> {
    let wanted = name.map_or(Some(DEFAULT_MINOR), minor);
    let found = wanted.and_then(find).filter(|version| version.is_supported());
    found.ok_or_else(|| AwsError::parameter(format!("unsupported Kubernetes version {}", name.unwrap_or_default())))
}

/// DescribeClusterVersions: newest first; unsupported versions only on request.
pub(super) fn describe(cx: &Cx<'_>) -> Result<Value, AwsError> {
    let one = |name: &str| super::query(cx, name).into_iter().next();
    let is_on = |name: &str| one(name).is_some_and(|value| value == "true");
    let (default_only, all) = (is_on("defaultOnly"), is_on("includeAll"));
    let names = super::query(cx, "clusterVersions");
    let (status, version_status) = (one("status"), one("versionStatus"));
    let shown = VERSIONS.iter().rev().filter_map(|version| {
        let doc = version.document();
        let is = |field: &str, wanted: &Option<String>| {
            wanted.as_deref().is_none_or(|wanted| crate::json::text(&doc, field).eq_ignore_ascii_case(wanted))
        };
        let is_shown = (!default_only || version.minor == DEFAULT_MINOR)
            && (all || version.is_supported() || !names.is_empty() || status.is_some() || version_status.is_some())
            && (names.is_empty() || names.contains(&version.name()))
            && is("/status", &status)
            && is("/versionStatus", &version_status);
        is_shown.then(|| (version.name(), doc))
    });
    page(cx, "clusterVersions", shown.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_supported_and_old_ones_are_not() {
        assert_eq!(supported(None).map(|version| version.minor), Ok(DEFAULT_MINOR));
        assert!(supported(Some("1.29")).is_err());
        assert!(supported(Some("1.340")).is_err());
        assert!(supported(Some("34")).is_err());
    }
}
