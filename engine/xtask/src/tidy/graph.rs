//! Which crate may use which: dependencies point one way.
//!
//! Takes the text of `cargo metadata` and of `cargo tree`. Metadata also lists edges of optional
//! dependencies that no feature switches on (ring below rustls-webpki), so what is really linked is read
//! from the tree.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::error::Failure;
use crate::tidy::Problem;

/// A place in the house: the crates that may stand there and the places they may use. Each list is
/// complete, so checking direct edges checks the transitive ones.
struct Place {
    name: &'static str,
    uses: &'static [&'static str],
    is_async: bool,
}

const PLACES: &[Place] = &[
    Place { name: "core", uses: &[], is_async: false },
    Place { name: "derive", uses: &[], is_async: false },
    Place { name: "lang", uses: &["core"], is_async: false },
    Place { name: "provider", uses: &["core"], is_async: false },
    Place { name: "plan", uses: &["core", "lang", "provider"], is_async: false },
    Place { name: "remote", uses: &["core", "provider"], is_async: true },
    Place { name: "runtime", uses: &["core", "lang", "provider", "plan"], is_async: true },
    Place { name: "sandbox", uses: &["core"], is_async: true },
    Place { name: "providers", uses: &["core", "derive", "provider", "remote"], is_async: true },
    Place { name: "cli", uses: ALL_BUT_TESTS, is_async: true },
    Place { name: "tests", uses: ALL_BUT_TESTS, is_async: true },
    Place { name: "xtask", uses: &[], is_async: false },
];

const ALL_BUT_TESTS: &[&str] =
    &["core", "derive", "lang", "provider", "plan", "remote", "runtime", "sandbox", "providers", "cli"];

/// Crates that nothing may link.
const FORBIDDEN: &[&str] = &["ring", "openssl", "openssl-sys", "native-tls"];
/// Crates that may be linked in one version only.
const SINGLE: &[&str] = &["rustls", "hyper", "http", "h2"];

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    workspace_members: Vec<String>,
    workspace_root: PathBuf,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    manifest_path: PathBuf,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Edge>,
}

#[derive(Deserialize)]
struct Edge {
    pkg: String,
    dep_kinds: Vec<EdgeKind>,
}

#[derive(Deserialize)]
struct EdgeKind {
    kind: Option<String>,
}

/// Edges against the directions of the house.
///
/// # Errors
/// When `metadata` is not what cargo prints.
pub fn directions(metadata: &str) -> Result<Vec<Problem>, Failure> {
    let metadata: Metadata = serde_json::from_str(metadata)
        .map_err(|error| Failure::Malformed { what: "cargo metadata".to_owned(), detail: error.to_string() })?;
    let house = House::new(&metadata);
    let mut found = Vec::new();
    for member in house.members.values() {
        let Some(place) = member.place else {
            let text = format!("`{}` has no place in the table of crates", member.name);
            found.push(Problem::new(&member.manifest, 1, "crate-direction", text));
            continue;
        };
        house.check_edges(member, place, &mut found);
        if !place.is_async && house.reaches_tokio(member.id) {
            let text = format!("`{}` links tokio", member.name);
            found.push(Problem::new(&member.manifest, 1, "crate-direction", text));
        }
    }
    Ok(found)
}

struct House<'a> {
    members: BTreeMap<&'a str, Member<'a>>,
    nodes: BTreeMap<&'a str, &'a Node>,
    names: BTreeMap<&'a str, &'a str>,
}

struct Member<'a> {
    id: &'a str,
    name: &'a str,
    manifest: PathBuf,
    place: Option<&'static Place>,
}

impl<'a> House<'a> {
    fn new(metadata: &'a Metadata) -> Self {
        let is_member = |package: &&Package| metadata.workspace_members.contains(&package.id);
        let members = metadata.packages.iter().filter(is_member).map(|package| {
            let manifest = package.manifest_path.strip_prefix(&metadata.workspace_root);
            let manifest = manifest.unwrap_or(&package.manifest_path).to_owned();
            let place = place(&manifest);
            (package.id.as_str(), Member { id: &package.id, name: &package.name, manifest, place })
        });
        Self {
            members: members.collect(),
            nodes: metadata.resolve.nodes.iter().map(|node| (node.id.as_str(), node)).collect(),
            names: metadata.packages.iter().map(|package| (package.id.as_str(), package.name.as_str())).collect(),
        }
    }

    fn check_edges(&self, member: &Member, place: &Place, found: &mut Vec<Problem>) {
        let edges = self.nodes.get(member.id).map(|node| node.deps.as_slice()).unwrap_or_default();
        for used in edges.iter().filter_map(|edge| self.members.get(edge.pkg.as_str())) {
            let is_right = used.id == member.id || used.place.is_some_and(|used| place.uses.contains(&used.name));
            if !is_right {
                let text = format!("`{}` must not use `{}`", member.name, used.name);
                found.push(Problem::new(&member.manifest, 1, "crate-direction", text));
            }
        }
    }

    /// Whether tokio is below `from`; of other crates' dependencies those for their tests do not count.
    fn reaches_tokio(&self, from: &str) -> bool {
        let mut seen = BTreeSet::from([from]);
        let mut left = vec![from];
        while let Some(id) = left.pop() {
            if self.names.get(id) == Some(&"tokio") {
                return true;
            }
            let counts = |edge: &&Edge| id == from || edge.dep_kinds.iter().any(|k| k.kind.as_deref() != Some("dev"));
            for edge in self.nodes.get(id).map(|node| node.deps.as_slice()).unwrap_or_default().iter().filter(counts) {
                if let Some((id, _)) = self.names.get_key_value(edge.pkg.as_str())
                    && seen.insert(id)
                {
                    left.push(id);
                }
            }
        }
        false
    }
}

/// The place of a crate, by its folder.
fn place(manifest: &Path) -> Option<&'static Place> {
    let folders: Vec<&str> = manifest.parent()?.iter().filter_map(|part| part.to_str()).collect();
    let name = match folders.as_slice() {
        ["engine", name] => name,
        ["providers", _] => "providers",
        ["tests"] => "tests",
        _ => return None,
    };
    PLACES.iter().find(|place| place.name == name)
}

/// Crates in `tree` that nothing may link, or in more than one version. `tree` is the output of
/// `cargo tree --prefix none --format {p}`.
#[must_use]
pub fn linked(tree: &str) -> Vec<Problem> {
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for line in tree.lines() {
        if let [name, version, ..] = line.split_whitespace().collect::<Vec<_>>().as_slice() {
            versions.entry(name).or_default().insert(version);
        }
    }
    let lock = Path::new("Cargo.lock");
    let mut found = Vec::new();
    for name in FORBIDDEN.iter().filter(|name| versions.contains_key(**name)) {
        found.push(Problem::new(lock, 1, "forbidden-crate", format!("`{name}` is linked")));
    }
    for name in SINGLE {
        let versions: Vec<&str> = versions.get(name).into_iter().flatten().copied().collect();
        if versions.len() > 1 {
            let text = format!("`{name}` is linked in {}", versions.join(" and "));
            found.push(Problem::new(lock, 1, "single-crate", text));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Crates as `folder`, edges as (from, to, kind).
    fn check(folders: &[&str], edges: &[(&str, &str, Option<&str>)]) -> Vec<String> {
        let outside = edges.iter().map(|(_, to, _)| *to).filter(|to| !folders.contains(to));
        let all: BTreeSet<&str> = folders.iter().copied().chain(outside).collect();
        let packages: Vec<_> = all
            .iter()
            .map(|id| json!({ "id": id, "name": id, "manifest_path": format!("/x/{id}/Cargo.toml") }))
            .collect();
        let edge = |(_, to, kind): &&(&str, &str, Option<&str>)| json!({ "pkg": to, "dep_kinds": [{ "kind": kind }] });
        let nodes: Vec<_> = all
            .iter()
            .map(|id| {
                let deps: Vec<_> = edges.iter().filter(|(from, _, _)| from == id).collect();
                json!({ "id": id, "deps": deps.iter().map(edge).collect::<Vec<_>>() })
            })
            .collect();
        let metadata = json!({
            "packages": packages, "workspace_members": folders, "workspace_root": "/x", "resolve": { "nodes": nodes },
        });
        directions(&metadata.to_string()).unwrap().into_iter().map(|problem| problem.text).collect()
    }

    #[test]
    fn right_directions_pass() {
        let folders = ["engine/core", "engine/plan", "providers/eks", "engine/cli", "tests"];
        let edges = [
            ("engine/plan", "engine/core", None),
            ("providers/eks", "engine/core", None),
            ("providers/eks", "tokio", None),
            ("engine/cli", "engine/plan", None),
            ("engine/cli", "providers/eks", None),
            ("tests", "engine/cli", Some("dev")),
        ];
        assert_eq!(check(&folders, &edges), [""; 0]);
    }

    #[test]
    fn wrong_directions_are_told_even_for_tests() {
        let folders =
            ["engine/core", "engine/plan", "engine/sandbox", "providers/eks", "providers/gke", "tests", "engine/xtask"];
        for (from, to) in [
            ("engine/core", "engine/plan"),
            ("providers/eks", "engine/plan"),
            ("providers/eks", "engine/sandbox"),
            ("providers/eks", "providers/gke"),
            ("engine/plan", "tests"),
            ("engine/xtask", "engine/core"),
        ] {
            let wanted = [format!("`{from}` must not use `{to}`")];
            assert_eq!(check(&folders, &[(from, to, None)]), wanted);
            assert_eq!(check(&folders, &[(from, to, Some("dev"))]), wanted);
        }
    }

    #[test]
    fn tokio_is_found_below_other_crates() {
        let edges = [("engine/plan", "futures", None), ("futures", "tokio", None)];
        assert_eq!(check(&["engine/plan"], &edges), ["`engine/plan` links tokio"]);
        let edges = [("engine/plan", "futures", None), ("futures", "tokio", Some("dev"))];
        assert_eq!(check(&["engine/plan"], &edges), [""; 0]);
    }

    #[test]
    fn crate_without_a_place_is_told() {
        assert_eq!(check(&["engine/extra"], &[]), ["`engine/extra` has no place in the table of crates"]);
    }

    #[test]
    fn forbidden_and_double_crates_are_told() {
        let tree = "terrane v0.1.0 (x)\nring v0.17.1\nhyper v1.1.0\nhyper v1.1.0 (*)\nhttp v0.2.0\nhttp v1.0.0\n";
        let found: Vec<String> = linked(tree).into_iter().map(|problem| problem.text).collect();
        assert_eq!(found, ["`ring` is linked", "`http` is linked in v0.2.0 and v1.0.0"]);
    }
}
