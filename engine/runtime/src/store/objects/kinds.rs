//! The kinds of places that keep objects: what each takes, where the states of workspaces stand in it, how it opens.

use super::{Objects, OpenError, azurerm, cos, gcs, http, obs, oss, pg, s3};
use crate::environment::Environment;
use crate::store::arguments::{Argument, Arguments};
use std::sync::Arc;

/// The workspace that is always there.
const DEFAULT_WORKSPACE: &str = "default";

/// Opens a place: its arguments, the prefix, what the process was told.
pub type Open = fn(&Arguments, &str, &Environment) -> Result<Arc<dyn Objects>, OpenError>;

/// A kind of place.
pub struct PlaceKind {
    /// Its name in a `backend` block.
    pub name: &'static str,
    /// What it takes.
    pub arguments: &'static [Argument],
    /// Where the states of the workspaces stand.
    pub layout: fn(&Arguments) -> Layout,
    /// The objects below a prefix, which is empty for all of them and ends in no slash. Asks nobody anything yet.
    pub open: Open,
}

/// Where the states of workspaces stand in a place: each below a prefix of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Prefix of the default workspace.
    pub default: String,
    /// What stands before the name of any other.
    pub before: String,
    /// What stands after it.
    pub after: String,
}

impl Layout {
    /// The prefix of a workspace.
    #[must_use]
    pub fn prefix(&self, workspace: &str) -> String {
        if workspace == DEFAULT_WORKSPACE {
            return self.default.clone();
        }
        format!("{}{workspace}{}", self.before, self.after)
    }

    /// The workspace to which an object belongs, by its name from the root; `None` for those of the default one and for
    /// what is no part of a state.
    #[must_use]
    pub fn workspace<'a>(&self, name: &'a str) -> Option<&'a str> {
        let rest = name.strip_prefix(&self.before)?;
        let (workspace, rest) = rest.split_once('/')?;
        if self.after.is_empty() {
            return Some(workspace);
        }
        // What follows may be a part of the same path element, or more of them.
        match self.after.strip_prefix('/') {
            Some(after) => rest.strip_prefix(after)?.starts_with('/').then_some(workspace),
            None => workspace.strip_suffix(&self.after),
        }
    }
}

/// Every kind of this version.
pub const KINDS: &[PlaceKind] = &[
    PlaceKind { name: "s3", arguments: s3::ARGUMENTS, layout: s3::layout, open: s3::open },
    PlaceKind { name: "gcs", arguments: gcs::ARGUMENTS, layout: gcs::layout, open: gcs::open },
    PlaceKind { name: "azurerm", arguments: azurerm::ARGUMENTS, layout: azurerm::layout, open: azurerm::open },
    PlaceKind { name: "oss", arguments: oss::ARGUMENTS, layout: oss::layout, open: oss::open },
    PlaceKind { name: "cos", arguments: cos::ARGUMENTS, layout: cos::layout, open: cos::open },
    PlaceKind { name: "obs", arguments: obs::ARGUMENTS, layout: obs::layout, open: obs::open },
    PlaceKind { name: "pg", arguments: pg::ARGUMENTS, layout: pg::layout, open: pg::open },
    PlaceKind { name: "http", arguments: http::ARGUMENTS, layout: http::layout, open: http::open },
];

/// The kind of that name.
#[must_use]
pub fn kind(name: &str) -> Option<&'static PlaceKind> {
    KINDS.iter().find(|kind| kind.name == name)
}

/// A text that the kind does not do without; the table says the same, and whoever checks by it never sees this error.
pub(super) fn required<'a>(arguments: &'a Arguments, name: &'static str) -> Result<&'a str, OpenError> {
    let given = arguments.text(name).filter(|text| !text.is_empty());
    given.ok_or_else(|| OpenError::Argument { name, reason: "it is required".to_owned() })
}

/// A text, from the argument or from the first of these variables that is there.
pub(super) fn given(
    arguments: &Arguments,
    name: &str,
    environment: &Environment,
    variables: &[&str],
) -> Option<String> {
    let found = arguments.text(name).or_else(|| variables.iter().find_map(|variable| environment.get(variable)));
    found.filter(|text| !text.is_empty()).map(ToOwned::to_owned)
}

/// Path elements put together; empty ones fall out.
pub(super) fn joined(parts: &[&str]) -> String {
    let parts = parts.iter().map(|part| part.trim_matches('/')).filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use terrane_core::Value;

    fn layout(kind_name: &str, pairs: &[(&str, &str)]) -> Layout {
        let arguments = pairs.iter().map(|(name, value)| ((*name).into(), Value::string(*value))).collect();
        (kind(kind_name).unwrap().layout)(&arguments)
    }

    // A6
    #[test]
    fn workspaces_stand_where_terraform_puts_them() {
        for (kind, pairs, default, other) in [
            ("s3", &[("key", "fleet/state")][..], "fleet/state", "env:/eu/fleet/state"),
            ("s3", &[("key", "a"), ("workspace_key_prefix", "ws")][..], "a", "ws/eu/a"),
            ("gcs", &[("prefix", "fleet")][..], "fleet/default", "fleet/eu"),
            ("gcs", &[][..], "default", "eu"),
            ("azurerm", &[("key", "fleet")][..], "fleet", "fleetenv:eu"),
            ("oss", &[("key", "state")][..], "env:/state", "env:/eu/state"),
            ("cos", &[("prefix", "p"), ("key", "state")][..], "p/state", "p/eu/state"),
            ("pg", &[][..], "default", "eu"),
            ("http", &[][..], "default", "eu"),
        ] {
            let layout = layout(kind, pairs);
            assert_eq!((&*layout.prefix("default"), &*layout.prefix("eu")), (default, other), "{kind}");
            assert_eq!(layout.workspace(&format!("{other}/log/1")), Some("eu"), "{kind}");
        }
        assert_eq!(layout("s3", &[("key", "a")]).workspace("a/log/1"), None);
        assert_eq!(layout("s3", &[("key", "a")]).workspace("env:/eu/b/log/1"), None);
    }

    // A6
    #[test]
    fn no_argument_is_there_twice_and_each_says_what_it_is() {
        for kind in KINDS {
            let mut names: Vec<&str> = kind.arguments.iter().map(|argument| argument.name).collect();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), kind.arguments.len(), "{}", kind.name);
            assert!(kind.arguments.iter().all(|argument| argument.doc.ends_with('.')), "{}", kind.name);
        }
    }

    /// The table of a backend's arguments on its page.
    fn table(arguments: &[Argument]) -> String {
        let row = |argument: &Argument| {
            let mark = match (argument.is_required, argument.is_secret) {
                (true, _) => "required",
                (false, true) => "secret",
                (false, false) => "",
            };
            format!("| `{}` | {mark} | {} |\n", argument.name, argument.doc)
        };
        let head = "| argument | | what it says |\n|---|---|---|\n";
        head.to_owned() + &arguments.iter().map(row).collect::<String>()
    }

    /// The arguments that the examples of a section write.
    fn written<'a>(section: &'a str, kind: &str) -> Vec<Vec<&'a str>> {
        let head = format!("backend \"{kind}\" {{\n");
        let blocks = section.split(&head).skip(1).filter_map(|rest| rest.split_once('}'));
        let names = |(block, _): (&'a str, &str)| {
            block.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name.trim()).collect()
        };
        blocks.map(names).collect()
    }

    // A6
    #[test]
    fn the_page_has_every_backend_with_its_arguments() {
        let page =
            std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/guide/backends.md")).unwrap();
        for kind in KINDS {
            let (_, section) = page.split_once(&format!("\n## {}\n", kind.name)).unwrap();
            let section = section.split("\n## ").next().unwrap();
            let wanted = format!("<!-- arguments: {} -->\n\n{}", kind.name, table(kind.arguments));
            assert!(section.contains(&wanted), "the page lacks\n{wanted}");
            let examples = written(section, kind.name);
            assert_eq!(examples.is_empty(), kind.name == "obs", "{}", kind.name);
            for example in examples {
                let is_known = |name: &&str| kind.arguments.iter().any(|argument| argument.name == *name);
                assert!(example.iter().all(is_known), "{}: {example:?}", kind.name);
                let needed = kind.arguments.iter().filter(|argument| argument.is_required);
                let missing: Vec<_> = needed.filter(|argument| !example.contains(&argument.name)).collect();
                assert!(missing.is_empty(), "{}: {missing:?}", kind.name);
            }
        }
    }
}
