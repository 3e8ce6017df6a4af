//! Tags: defaults merged in, marks of AWS and of ours left out, differences as requests want them.

use std::collections::{BTreeMap, BTreeSet};

/// The tag that every create carries, so that it can be found again after a crash.
pub const INTENT_TAG: &str = "terrane:intent";

/// Most tags of one object; ours is one of them.
///
/// # Source
/// Amazon EKS User Guide, "Tag restrictions" (2025-11): 50.
pub const MOST: usize = 49;

/// Tags by key.
pub type Tags = BTreeMap<String, String>;

/// What the provider block says about tags.
#[derive(Clone, Debug, Default)]
pub struct TagRules {
    defaults: Tags,
    ignored: BTreeSet<String>,
}

impl TagRules {
    /// Default tags, and keys (or beginnings of keys with `*`) that are never looked at.
    #[must_use]
    pub fn new(defaults: Tags, ignored: BTreeSet<String>) -> Self {
        Self { defaults, ignored }
    }

    /// Whether others set this key.
    #[must_use]
    pub fn is_ignored(&self, key: &str) -> bool {
        self.ignored.iter().any(|pattern| match pattern.strip_suffix('*') {
            Some(start) => key.starts_with(start),
            None => pattern == key,
        })
    }

    /// The tags that an object shall have; what is written wins over a default.
    #[must_use]
    pub fn merged(&self, written: &Tags) -> Tags {
        let mut tags = self.defaults.clone();
        tags.extend(written.iter().map(|(key, value)| (key.clone(), value.clone())));
        tags
    }

    /// Of the tags that an object has, those that count.
    #[must_use]
    pub fn visible<'a>(&self, seen: impl IntoIterator<Item = (&'a String, &'a String)>) -> Tags {
        let counts = |key: &str| !is_reserved(key) && !self.is_ignored(key);
        let seen = seen.into_iter().filter(|(key, _)| counts(key));
        seen.map(|(key, value)| (key.clone(), value.clone())).collect()
    }
}

/// Whether a key belongs to AWS or to us.
#[must_use]
pub fn is_reserved(key: &str) -> bool {
    key == INTENT_TAG || key.to_ascii_lowercase().starts_with("aws:")
}

/// Tags with our mark.
#[must_use]
pub fn marked(tags: &Tags, intent: &str) -> Tags {
    let mut tags = tags.clone();
    tags.insert(INTENT_TAG.to_owned(), intent.to_owned());
    tags
}

/// What has to be set and what has to go.
#[must_use]
pub fn difference(before: &Tags, after: &Tags) -> (Tags, Vec<String>) {
    let set = after.iter().filter(|(key, value)| before.get(*key) != Some(value));
    let gone = before.keys().filter(|key| !after.contains_key(*key)).cloned().collect();
    (set.map(|(key, value)| (key.clone(), value.clone())).collect(), gone)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(pairs: &[(&str, &str)]) -> Tags {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    fn rules() -> TagRules {
        let ignored = ["cost:*", "owner"].iter().map(|key| (*key).to_owned()).collect();
        TagRules::new(tags(&[("team", "platform"), ("stage", "dev")]), ignored)
    }

    #[test]
    fn what_is_written_wins_over_a_default() {
        let merged = rules().merged(&tags(&[("stage", "prod"), ("app", "a")]));
        assert_eq!(merged, tags(&[("app", "a"), ("stage", "prod"), ("team", "platform")]));
    }

    #[test]
    fn marks_and_ignored_tags_are_not_seen() {
        let seen = tags(&[("a", "1"), ("aws:eks:x", "2"), (INTENT_TAG, "3"), ("cost:centre", "4"), ("owner", "5")]);
        assert_eq!(rules().visible(&seen), tags(&[("a", "1")]));
    }

    #[test]
    fn a_difference_is_what_to_set_and_what_to_remove() {
        let (set, gone) = difference(&tags(&[("a", "1"), ("b", "2")]), &tags(&[("b", "3"), ("c", "4")]));
        assert_eq!((set, gone), (tags(&[("b", "3"), ("c", "4")]), vec!["a".to_owned()]));
    }
}
