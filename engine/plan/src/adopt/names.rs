//! Names of blocks: from the names of objects, made valid, each once for a type.

use super::Candidate;
use std::collections::{BTreeMap, BTreeSet};
use terrane_core::{ObjectId, Text};

/// Texts for the name of an object, the best first: its key, then with what it lives in, then with its region and
/// account, which tell all objects apart.
#[must_use]
pub fn of_object(id: &ObjectId) -> Vec<String> {
    let scope = &id.scope;
    let joined = |parts: &[&Text]| {
        let parts: Vec<&str> = parts.iter().map(|part| &***part).filter(|part| !part.is_empty()).collect();
        parts.join("_")
    };
    let mut names = vec![
        joined(&[&id.key]),
        joined(&[&scope.parent, &id.key]),
        joined(&[&scope.parent, &id.key, &scope.region]),
        joined(&[&scope.parent, &id.key, &scope.region, &scope.account]),
    ];
    names.dedup();
    names
}

/// A name for each candidate, in their order. A text that several objects of a type have, or a block that is there
/// already, is passed over for the next one; where there is none left, a number makes the difference.
#[must_use]
pub fn choose(candidates: &[Candidate], taken: &BTreeSet<(Text, Text)>) -> Vec<Text> {
    let mut uses: BTreeMap<(&Text, Text), usize> = BTreeMap::new();
    for candidate in candidates {
        let names: BTreeSet<Text> = candidate.names.iter().map(|name| valid(name)).collect();
        for name in names {
            *uses.entry((&candidate.found.id.type_name, name)).or_default() += 1;
        }
    }
    let mut given = taken.clone();
    let mut chosen: Vec<Option<Text>> = Vec::with_capacity(candidates.len());
    // Whoever has a name of its own gets it before numbers are given out.
    for candidate in candidates {
        let type_name = &candidate.found.id.type_name;
        let is_alone = |name: &Text| uses.get(&(type_name, name.clone())) == Some(&1);
        let is_free = |name: &Text| !given.contains(&(type_name.clone(), name.clone()));
        let name = candidate.names.iter().map(|name| valid(name)).find(|name| is_alone(name) && is_free(name));
        given.extend(name.iter().map(|name| (type_name.clone(), name.clone())));
        chosen.push(name);
    }
    let mut numbered = |candidate: &Candidate| {
        let type_name = &candidate.found.id.type_name;
        let last = candidate.names.last().map_or_else(|| "adopted".into(), |name| valid(name));
        let others = (2_u32..).map(|number| Text::from(format!("{last}_{number}")));
        let is_free = |name: &Text| !given.contains(&(type_name.clone(), name.clone()));
        let name = std::iter::once(last.clone()).chain(others).find(is_free).unwrap_or(last);
        given.insert((type_name.clone(), name.clone()));
        name
    };
    chosen.into_iter().zip(candidates).map(|(name, candidate)| name.unwrap_or_else(|| numbered(candidate))).collect()
}

/// A text as a name of the language: what cannot stand in one becomes `_`.
fn valid(text: &str) -> Text {
    let is_sound = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let mut name: String = text.chars().map(|c| if is_sound(c) { c } else { '_' }).collect();
    if !name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
        name.insert(0, '_');
    }
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use terrane_core::{Scope, Value};
    use terrane_provider::{Access, Found, ProviderName};

    fn candidate(names: &[&str]) -> Candidate {
        let scope = Scope { provider: "t".into(), ..Scope::default() };
        let id = ObjectId { type_name: "t_a".into(), scope, key: names.concat().into() };
        let access = Access::of(ProviderName { name: "t".into(), alias: None });
        let found = Found { id, access, seen: Value::NULL, parent: None };
        Candidate { found, names: names.iter().map(|name| (*name).to_owned()).collect() }
    }

    fn chosen(candidates: &[&[&str]], taken: &[&str]) -> Vec<String> {
        let candidates: Vec<Candidate> = candidates.iter().map(|names| candidate(names)).collect();
        let taken = taken.iter().map(|name| (Text::from("t_a"), Text::from(*name))).collect();
        choose(&candidates, &taken).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_name_is_made_longer_only_where_it_has_to_be() {
        let pools: &[&[&str]] = &[&["system", "core_system"], &["system", "edge_system"], &["spot", "core_spot"]];
        assert_eq!(chosen(pools, &[]), ["core_system", "edge_system", "spot"]);
        assert_eq!(chosen(pools, &["spot"]), ["core_system", "edge_system", "core_spot"]);
    }

    #[test]
    fn numbers_make_the_last_difference() {
        assert_eq!(chosen(&[&["a"], &["a"], &["a_2"]], &[]), ["a", "a_3", "a_2"].map(String::from));
    }

    #[test]
    fn names_are_made_valid() {
        assert_eq!(chosen(&[&["1a"], &["b.c/é"], &["-d"], &[""]], &[]), ["_1a", "b_c__", "_-d", "_"]);
    }
}
