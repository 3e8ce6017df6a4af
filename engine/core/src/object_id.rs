//! What a remote object is, apart from where the configuration writes it.

use crate::Text;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Who pays for an object and where it is filed. Empty parts do not apply to the type.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Scope {
    /// Provider, `eks`.
    pub provider: Text,
    /// AWS account, project, subscription and group, as the cloud writes it.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub account: Text,
    /// Region, or zone where the cloud files by zone.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub region: Text,
    /// Key of the object that owns this one (the cluster of a pool).
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub parent: Text,
}

/// Identity of a remote object: type, scope and the key inside that scope.
///
/// The text form, `account/region/parent/key` without the empty parts, is the import id and the value
/// of an object's `id` attribute. The type is not in it: the address tells it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ObjectId {
    /// Resource type.
    #[serde(rename = "type")]
    pub type_name: Text,
    /// Where it is filed.
    pub scope: Scope,
    /// Key inside the scope, usually the name.
    pub key: Text,
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in [&self.scope.account, &self.scope.region, &self.scope.parent] {
            if !part.is_empty() {
                write!(f, "{part}/")?;
            }
        }
        f.write_str(&self.key)
    }
}
