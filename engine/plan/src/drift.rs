//! What others changed behind our back, as findings: one for each leaf of ours that differs, each object that is gone,
//! and each that cannot be read.
//!
//! A finding is complete data. Reports render it, the state remembers its fingerprint, and `ignore` blocks of the
//! configuration leave it out of what counts.

use crate::plan::{Drift, Origin};
use crate::state::{DriftMark, RecordKey, State};
use terrane_core::change::Owner;
use terrane_core::{AddrPattern, Diagnostic, DriftSeverity, InstanceAddr, ObjectId, Path, Text, Value};
use terrane_lang::program::DriftIgnore;

/// What kind of finding it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FindingKind {
    /// The object is not there any more.
    Gone,
    /// It cannot be told whether something changed.
    Unreadable,
    /// A leaf of ours has another value.
    Changed,
    /// A leaf of somebody else's has another value: told where it is asked for, and no drift.
    NotOurs,
}

impl FindingKind {
    /// Every kind, in the order of reports.
    pub const ALL: [Self; 4] = [Self::Gone, Self::Unreadable, Self::Changed, Self::NotOurs];

    /// Its name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::Unreadable => "unreadable",
            Self::Changed => "changed",
            Self::NotOurs => "not-ours",
        }
    }
}

/// One thing that drift tells of.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The instance, and the mark of a deposed object.
    pub key: RecordKey,
    /// The object.
    pub id: ObjectId,
    /// What kind it is.
    pub kind: FindingKind,
    /// The leaf; empty for the object as a whole.
    pub path: Path,
    /// The attribute that the leaf belongs to, by the names of the schema alone; empty for the object as a whole.
    pub attribute: Text,
    /// What the schema says about the attribute, or the type.
    pub doc: Text,
    /// What was seen last; null where nothing was, and for the object as a whole.
    pub recorded: Value,
    /// What is there; null where nothing is.
    pub actual: Value,
    /// How bad it is.
    pub severity: DriftSeverity,
    /// The same in every run, and another for every other finding.
    pub fingerprint: Text,
    /// When it was told of first, where that is remembered.
    pub first_seen: Option<Text>,
    /// Who decides over the leaf.
    pub owner: Owner,
    /// Where the leaf is written, or its block where it is not; missing where there is no block any more.
    pub origin: Option<Origin>,
    /// Whether the leaf itself is written at `origin`.
    pub is_written: bool,
    /// Why it cannot be read.
    pub problem: Option<Box<Diagnostic>>,
    /// Set where the configuration leaves it alone.
    pub ignored: Option<Ignored>,
}

impl Finding {
    /// Whether it counts: it is ours, and nobody said to leave it alone.
    #[must_use]
    pub fn counts(&self) -> bool {
        self.ignored.is_none() && self.kind != FindingKind::NotOurs
    }

    /// What the state remembers it by.
    #[must_use]
    pub fn mark(&self) -> DriftMark {
        let (addr, deposed) = self.key.clone();
        DriftMark { addr, deposed, fingerprint: self.fingerprint.clone() }
    }

    /// The order of reports: the worst first, then by address and leaf.
    #[must_use]
    pub fn order(&self) -> impl Ord + '_ {
        (std::cmp::Reverse(self.severity), self.kind, &self.key, &self.path)
    }
}

/// Why and until when a finding is left alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ignored {
    /// Why.
    pub reason: Text,
    /// The last day on which it is.
    pub until: Text,
    /// Where that is written.
    pub origin: Option<Origin>,
}

/// What a look at the recorded objects came to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Look {
    /// Findings, the worst first.
    pub findings: Vec<Finding>,
    /// Every object that was looked at, in the order of addresses, with the place of its block.
    pub objects: Vec<Looked>,
}

/// An object that was looked at.
#[derive(Clone, Debug, PartialEq)]
pub struct Looked {
    /// The instance, and the mark of a deposed object.
    pub key: RecordKey,
    /// Where its block stands; missing where there is none any more.
    pub origin: Option<Origin>,
}

/// What a finding is known by from run to run.
///
/// It is made of the identity of the object, the kind of finding and the leaf, and of nothing that moves: not the
/// address (a block can be renamed or moved), not file and line, and not the values, which may change again while the
/// finding stays the same one.
#[must_use]
pub fn fingerprint(id: &ObjectId, kind: FindingKind, path: &Path) -> Text {
    let path = path.to_string();
    let scope = &id.scope;
    let parts: [&str; 8] = [
        "terrane-drift/1",
        &id.type_name,
        &scope.provider,
        &scope.account,
        &scope.region,
        &scope.parent,
        &id.key,
        kind.name(),
    ];
    // Each part with its length, so that none can run into the next.
    let text: String = parts.iter().chain([&path.as_str()]).map(|part| format!("{}:{part}\n", part.len())).collect();
    let digest = crate::file::digest(text.as_bytes());
    digest.get(..40).unwrap_or(&digest).into()
}

/// The marks of the findings that a plan tells of, but for those that the state remembers already.
#[must_use]
pub fn new_marks(drift: &[Drift], state: &State) -> Vec<DriftMark> {
    let mut marks = Vec::new();
    for drift in drift {
        let gone = drift.is_gone.then(|| fingerprint(&drift.id, FindingKind::Gone, &Path::default()));
        let leaves = drift.leaves.iter().map(|leaf| fingerprint(&drift.id, FindingKind::Changed, &leaf.path));
        let key = (drift.addr.clone(), drift.deposed.clone());
        for fingerprint in gone.into_iter().chain(leaves) {
            if state.first_seen(&key, &fingerprint).is_none() {
                marks.push(DriftMark { addr: key.0.clone(), deposed: key.1.clone(), fingerprint });
            }
        }
    }
    marks
}

/// What an entry says that remembers a look: findings that are new, and remembered ones that are over. What belongs to
/// an object that could not be read stays as it is.
#[must_use]
pub fn changed_marks(look: &Look, state: &State) -> (Vec<DriftMark>, Vec<DriftMark>) {
    use std::collections::BTreeSet;
    let told = || look.findings.iter().filter(|finding| finding.kind != FindingKind::NotOurs);
    let marks: BTreeSet<DriftMark> = told().map(Finding::mark).collect();
    let is_known =
        |mark: &&DriftMark| state.first_seen(&(mark.addr.clone(), mark.deposed.clone()), &mark.fingerprint).is_some();
    let found = marks.iter().filter(|mark| !is_known(mark)).cloned().collect();
    let unreadable: BTreeSet<&RecordKey> =
        told().filter(|finding| finding.kind == FindingKind::Unreadable).map(|finding| &finding.key).collect();
    let read = look.objects.iter().map(|object| &object.key).filter(|key| !unreadable.contains(key));
    let remembered = read.filter_map(|key| Some((key, state.drift.get(key)?)));
    let over = remembered.flat_map(|((addr, deposed), found)| {
        found.keys().map(|fingerprint| DriftMark {
            addr: addr.clone(),
            deposed: deposed.clone(),
            fingerprint: fingerprint.clone(),
        })
    });
    (found, over.filter(|mark| !marks.contains(mark)).collect())
}

/// An object, or a leaf of it with what lies below, given by a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeafPattern {
    /// The objects.
    pub pattern: AddrPattern,
    /// The leaf; empty for the whole object.
    pub path: Path,
}

impl LeafPattern {
    /// Whether a leaf of an object is meant; the empty path is the object as a whole.
    #[must_use]
    pub fn means(&self, addr: &InstanceAddr, path: &Path) -> bool {
        self.pattern.matches(addr) && path.starts_with(&self.path)
    }
}

impl std::str::FromStr for LeafPattern {
    type Err = terrane_core::address::AddrError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        AddrPattern::with_path(text).map(|(pattern, path)| Self { pattern, path })
    }
}

impl std::fmt::Display for LeafPattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.path.to_string() {
            path if path.is_empty() => self.pattern.fmt(f),
            path if path.starts_with('[') => write!(f, "{}{path}", self.pattern),
            path => write!(f, "{}.{path}", self.pattern),
        }
    }
}

/// Whether an `ignore` block is about a finding. An object that cannot be read is never left alone: that would hide
/// that nobody knows.
#[must_use]
pub fn is_about(ignore: &DriftIgnore, finding: &Finding) -> bool {
    let is_leaf = match &ignore.attribute {
        None => matches!(finding.kind, FindingKind::Changed | FindingKind::Gone),
        Some(attribute) => finding.kind == FindingKind::Changed && finding.path.starts_with(attribute),
    };
    is_leaf && ignore.pattern.matches(&finding.key.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use terrane_core::Scope;

    fn id(key: &str) -> ObjectId {
        let scope =
            Scope { provider: "eks".into(), account: "1".into(), region: "eu-west-1".into(), parent: "".into() };
        ObjectId { type_name: "eks_cluster".into(), scope, key: key.into() }
    }

    #[test]
    fn fingerprints_tell_objects_kinds_and_leaves_apart() {
        let mut all = Vec::new();
        for key in ["a", "b"] {
            for kind in FindingKind::ALL {
                for path in ["tags.a", "tags[\"a.b\"]", "tags.a.b"] {
                    all.push(fingerprint(&id(key), kind, &path.parse().unwrap()));
                }
            }
        }
        let count = all.len();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), count);
    }

    #[test]
    fn a_fingerprint_is_never_computed_in_another_way() {
        // Code scanning of others knows findings by it: a change would tell of each as new.
        let found = fingerprint(&id("core"), FindingKind::Changed, &"tags.owner".parse().unwrap());
        assert_eq!(&*found, "1e3abb9d8fb6c207572a73f667182a4d07e7da49");
    }

    #[test]
    fn a_pattern_means_the_leaf_and_what_lies_below() {
        let pattern: LeafPattern = "eks_cluster.a.tags".parse().unwrap();
        let (addr, other) = ("eks_cluster.a[\"k\"]".parse().unwrap(), "eks_cluster.b".parse().unwrap());
        let path = |text: &str| text.parse::<Path>().unwrap();
        assert!(pattern.means(&addr, &path("tags.owner")) && pattern.means(&addr, &path("tags")));
        assert!(!pattern.means(&addr, &path("version")) && !pattern.means(&addr, &Path::default()));
        assert!(!pattern.means(&other, &path("tags")));
        assert_eq!(pattern.to_string(), "eks_cluster.a.tags");
    }

    #[test]
    fn what_is_remembered_comes_and_goes_but_for_what_cannot_be_read() {
        let finding = |addr: &str, kind| Finding {
            key: (addr.parse().unwrap(), None),
            id: id(addr),
            kind,
            path: Path::default(),
            attribute: "".into(),
            doc: "".into(),
            recorded: Value::NULL,
            actual: Value::NULL,
            severity: DriftSeverity::High,
            fingerprint: fingerprint(&id(addr), kind, &Path::default()),
            first_seen: None,
            owner: Owner::Ours,
            origin: None,
            is_written: false,
            problem: None,
            ignored: None,
        };
        let look = |findings: Vec<Finding>| {
            let objects = ["t.a", "t.b"].map(|addr| Looked { key: (addr.parse().unwrap(), None), origin: None });
            Look { findings, objects: objects.into() }
        };
        let moments = |state: &State| {
            let mut moments: Vec<String> = state.remembered_drift().map(|r| r.first_seen.to_string()).collect();
            moments.sort();
            moments
        };
        let mut state = State::default();
        let mut remember = |look: &Look, at: &str| {
            let (found, over) = changed_marks(look, &state);
            let counts = (found.len(), over.len());
            state.apply(crate::state::Entry::Drift { at: at.into(), found, over });
            (counts, moments(&state))
        };
        let first = look(vec![finding("t.a", FindingKind::Gone), finding("t.b", FindingKind::Gone)]);
        assert_eq!(remember(&first, "1"), ((2, 0), vec!["1".to_owned(), "1".to_owned()]));
        assert_eq!(remember(&first, "2").0, (0, 0));
        let second = look(vec![finding("t.a", FindingKind::Unreadable)]);
        assert_eq!(remember(&second, "3"), ((1, 1), vec!["1".to_owned(), "3".to_owned()]));
        assert_eq!(remember(&look(Vec::new()), "4"), ((0, 2), Vec::new()));
    }
}
