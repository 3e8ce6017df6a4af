//! Identical changes of one repeated resource become one block.
//!
//! Two blocks are identical when their text is, or when it differs only in that each holds its own key at the same
//! places: those show `${each.key}` or `${count.index}`, and putting a key back gives exactly the block of that
//! instance.

use std::collections::VecDeque;
use terrane_core::InstanceKey;

/// Groups that an instance is compared with before a new one is opened.
const OPEN_GROUPS: usize = 8;
/// Keys that are listed.
const LISTED_KEYS: usize = 100;

/// Instances whose blocks are alike.
#[derive(Debug)]
pub struct Group {
    /// Number of the first one in the plan.
    pub first: usize,
    keys: Vec<InstanceKey>,
    text: String,
    /// Where the key stands in the text, once two instances have been compared.
    keyed: Option<Vec<usize>>,
}

/// The open groups of one resource and one action. Only so many are open at once, so that many different instances
/// cost no memory.
#[derive(Debug, Default)]
pub struct Groups {
    open: VecDeque<Group>,
}

impl Groups {
    /// Sorts an instance in by the text of its block. Gives back the oldest group, where it has to be closed for that.
    pub fn add(&mut self, at: usize, key: &InstanceKey, text: String) -> Option<Group> {
        for group in self.open.iter_mut().rev() {
            if group.takes(key, &text) {
                group.keys.push(key.clone());
                return None;
            }
        }
        self.open.push_back(Group { first: at, keys: vec![key.clone()], text, keyed: None });
        if self.open.len() > OPEN_GROUPS { self.open.pop_front() } else { None }
    }

    /// The groups that are still open, in the order of their first instances.
    pub fn into_groups(self) -> impl Iterator<Item = Group> {
        self.open.into_iter()
    }
}

impl Group {
    /// How many instances there are.
    pub fn count(&self) -> usize {
        self.keys.len()
    }

    /// The block, with the key's name where its value would stand.
    pub fn text(&self) -> String {
        let (Some(keyed), Some(first)) = (&self.keyed, self.keys.first()) else { return self.text.clone() };
        let name = match first {
            InstanceKey::Index(_) => "${count.index}",
            InstanceKey::Name(_) => "${each.key}",
        };
        let length = bare(first).len();
        let mut out = String::with_capacity(self.text.len() + keyed.len() * name.len());
        let mut from = 0;
        for at in keyed {
            out.push_str(self.text.get(from..*at).unwrap_or_default());
            out.push_str(name);
            from = at + length;
        }
        out.push_str(self.text.get(from..).unwrap_or_default());
        out
    }

    /// The keys: ranges of numbers, or names.
    pub fn keys(&self) -> String {
        let mut parts = Vec::new();
        let mut run: Option<(u64, u64)> = None;
        let close = |run: Option<(u64, u64)>, parts: &mut Vec<String>| match run {
            Some((from, to)) if from == to => parts.push(from.to_string()),
            Some((from, to)) => parts.push(format!("{from} to {to}")),
            None => {}
        };
        for key in &self.keys {
            match key {
                InstanceKey::Index(number) => match run {
                    Some((from, to)) if to.checked_add(1) == Some(*number) => run = Some((from, *number)),
                    other => {
                        close(other, &mut parts);
                        run = Some((*number, *number));
                    }
                },
                InstanceKey::Name(name) => parts.push(super::value::quoted(name)),
            }
        }
        close(run, &mut parts);
        let hidden = parts.len().saturating_sub(LISTED_KEYS);
        parts.truncate(LISTED_KEYS);
        if hidden > 0 {
            parts.push(format!("and {hidden} more"));
        }
        parts.join(", ")
    }

    fn takes(&mut self, key: &InstanceKey, text: &str) -> bool {
        let Some(first) = self.keys.first() else { return false };
        let Some(found) = places(&self.text, &bare(first), text, &bare(key)) else { return false };
        if self.keyed.as_ref().is_some_and(|keyed| *keyed != found) {
            return false;
        }
        self.keyed = Some(found);
        true
    }
}

/// Where both texts hold their own keys, as offsets in the first; nothing when they differ in anything else.
fn places(a: &str, a_key: &str, b: &str, b_key: &str) -> Option<Vec<usize>> {
    let is_keyed = !a_key.is_empty() && !b_key.is_empty();
    let start = |text: &str, key: &str| if is_keyed { text.find(key).unwrap_or(text.len()) } else { text.len() };
    let (mut own, mut other) = (a, b);
    let mut found = Vec::new();
    loop {
        // Everything before the next key of either has to be the same.
        let same = start(own, a_key).min(start(other, b_key));
        let (own_rest, other_rest) = (own.get(same..)?, other.get(same..)?);
        if own.get(..same) != other.get(..same) {
            return None;
        }
        match (own_rest.strip_prefix(a_key), other_rest.strip_prefix(b_key)) {
            (Some(own_next), Some(other_next)) if is_keyed => {
                found.push(a.len() - own_rest.len());
                (own, other) = (own_next, other_next);
            }
            _ => {
                // A key stands here in one of them only: it is text like any other.
                let (mut own_chars, mut other_chars) = (own_rest.chars(), other_rest.chars());
                match (own_chars.next(), other_chars.next()) {
                    (None, None) => return Some(found),
                    (x, y) if x != y => return None,
                    _ => (own, other) = (own_chars.as_str(), other_chars.as_str()),
                }
            }
        }
    }
}

/// The key as it stands inside quotes.
fn bare(key: &InstanceKey) -> String {
    match key {
        InstanceKey::Index(number) => number.to_string(),
        InstanceKey::Name(name) => {
            let quoted = super::value::quoted(name);
            quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(&quoted).to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(instances: &[(InstanceKey, &str)]) -> Vec<(String, String)> {
        let mut groups = Groups::default();
        for (at, (key, text)) in instances.iter().enumerate() {
            assert!(groups.add(at, key, (*text).to_owned()).is_none());
        }
        groups.into_groups().map(|group| (group.keys(), group.text())).collect()
    }

    #[test]
    fn blocks_that_differ_in_their_key_alone_are_one() {
        let key = |name: &str| InstanceKey::Name(name.into());
        let found = group(&[
            (key("a"), "n = \"x-a\"\nv = 1\n"),
            (key("b"), "n = \"x-b\"\nv = 1\n"),
            (key("c"), "n = \"x-c\"\nv = 2\n"),
        ]);
        assert_eq!(found[0], (String::from("\"a\", \"b\""), String::from("n = \"x-${each.key}\"\nv = 1\n")));
        assert_eq!(found[1].0, "\"c\"");
    }

    #[test]
    fn indices_are_shown_as_ranges() {
        let found = group(&[0, 1, 2, 7].map(|at| (InstanceKey::Index(at), "v = 1\n")));
        assert_eq!(found, [(String::from("0 to 2, 7"), String::from("v = 1\n"))]);
    }
}
