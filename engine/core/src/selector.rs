//! Which instances a user means: an address, or one with wildcards.

use crate::address::{AddrError, Scanner as Exact};
use crate::path::is_identifier;
use crate::{AddrPattern, InstanceAddr, InstanceKey, Mode, ModuleStep, Text};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// An address, or one whose names and keys have `*` in them, which stands for any text: `module.eu-*`,
/// `*_cluster.main`, `eks_node_group.workers[eu-*]`. A key in quotes is always meant as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selector {
    /// An address.
    Exact(AddrPattern),
    /// An address with wildcards.
    Wild(Wild),
}

/// An address with wildcards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wild {
    text: Text,
    modules: Vec<(Glob, Option<KeyGlob>)>,
    /// `None` for everything inside the modules.
    block: Option<WildBlock>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct WildBlock {
    mode: Mode,
    type_name: Glob,
    name: Glob,
    key: Option<KeyGlob>,
}

/// A text in which `*` stands for any text.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Glob(Text);

#[derive(Clone, Debug, PartialEq, Eq)]
enum KeyGlob {
    Exact(InstanceKey),
    Glob(Glob),
}

/// A block, wherever its module is called: names of the calls from the root, mode, type and name.
#[derive(Clone, Copy, Debug)]
pub struct BlockNames<'a> {
    /// Names of the calls from the root.
    pub modules: &'a [Text],
    /// Resource or data.
    pub mode: Mode,
    /// Type.
    pub type_name: &'a str,
    /// Name.
    pub name: &'a str,
}

impl Selector {
    /// Whether `addr` is meant.
    #[must_use]
    pub fn matches(&self, addr: &InstanceAddr) -> bool {
        match self {
            Self::Exact(pattern) => pattern.matches(addr),
            Self::Wild(wild) => wild.matches(addr),
        }
    }

    /// Whether instances of that block can be meant; keys are not looked at.
    #[must_use]
    pub fn matches_block(&self, block: &BlockNames<'_>) -> bool {
        let is_prefix = |steps: &[ModuleStep]| {
            steps.len() <= block.modules.len() && steps.iter().zip(block.modules).all(|(step, name)| step.name == *name)
        };
        match self {
            Self::Exact(AddrPattern::Module(wanted)) => is_prefix(wanted.steps()),
            Self::Exact(AddrPattern::Resource(addr)) => {
                let wanted = &addr.resource;
                wanted.module.steps().len() == block.modules.len()
                    && is_prefix(wanted.module.steps())
                    && wanted.mode == block.mode
                    && *wanted.type_name == *block.type_name
                    && *wanted.name == *block.name
            }
            Self::Wild(wild) => wild.matches_block(block),
        }
    }

    /// Whether a module of these calls from the root can be meant, or something in it.
    #[must_use]
    pub fn reaches(&self, calls: &[Text]) -> bool {
        match self {
            Self::Exact(AddrPattern::Module(wanted)) => {
                wanted.steps().len() == calls.len() && wanted.steps().iter().zip(calls).all(|(a, b)| a.name == *b)
            }
            Self::Exact(AddrPattern::Resource(_)) => false,
            Self::Wild(wild) => {
                wild.block.is_none()
                    && wild.modules.len() == calls.len()
                    && wild.has_names(calls.iter().map(|name| &**name))
            }
        }
    }

    /// Whether it depends on keys which instances are meant.
    #[must_use]
    pub fn has_keys(&self) -> bool {
        match self {
            Self::Exact(AddrPattern::Module(_)) => false,
            Self::Exact(AddrPattern::Resource(addr)) => addr.key.is_some(),
            Self::Wild(wild) => {
                wild.modules.iter().any(|(_, key)| key.is_some())
                    || wild.block.as_ref().is_some_and(|block| block.key.is_some())
            }
        }
    }
}

impl Wild {
    /// Whether the names of the calls begin as the modules do.
    fn has_names<'n>(&self, mut names: impl Iterator<Item = &'n str>) -> bool {
        self.modules.iter().all(|(glob, _)| names.next().is_some_and(|name| glob.matches(name)))
    }

    fn matches(&self, addr: &InstanceAddr) -> bool {
        let steps = addr.resource.module.steps();
        let is_inside = steps.len() >= self.modules.len()
            && self
                .modules
                .iter()
                .zip(steps)
                .all(|((name, key), step)| name.matches(&step.name) && of_key(key.as_ref(), step.key.as_ref()));
        is_inside
            && self.block.as_ref().is_none_or(|block| {
                steps.len() == self.modules.len()
                    && block.mode == addr.resource.mode
                    && block.type_name.matches(&addr.resource.type_name)
                    && block.name.matches(&addr.resource.name)
                    && of_key(block.key.as_ref(), addr.key.as_ref())
            })
    }

    fn matches_block(&self, names: &BlockNames<'_>) -> bool {
        self.has_names(names.modules.iter().map(|name| &**name))
            && self.block.as_ref().is_none_or(|block| {
                names.modules.len() == self.modules.len()
                    && block.mode == names.mode
                    && block.type_name.matches(names.type_name)
                    && block.name.matches(names.name)
            })
    }
}

/// Whether a key is meant; without a wish every one is, and what has none.
fn of_key(wanted: Option<&KeyGlob>, key: Option<&InstanceKey>) -> bool {
    match (wanted, key) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(KeyGlob::Exact(wanted)), Some(key)) => wanted == key,
        (Some(KeyGlob::Glob(glob)), Some(InstanceKey::Name(name))) => glob.matches(name),
        (Some(KeyGlob::Glob(glob)), Some(InstanceKey::Index(index))) => glob.matches(&index.to_string()),
    }
}

impl Glob {
    /// Takes each part between stars at the first place where it fits; the last one has to end the text.
    fn matches(&self, text: &str) -> bool {
        let Some((first, rest)) = self.0.split_once('*') else { return *self.0 == *text };
        let Some(mut text) = text.strip_prefix(first) else { return false };
        let mut parts: Vec<&str> = rest.split('*').collect();
        let last = parts.pop().unwrap_or_default();
        for part in parts {
            let Some((_, behind)) = text.split_once(part) else { return false };
            text = behind;
        }
        text.ends_with(last)
    }
}

/// Whether there is a `*` outside of quotes.
fn is_wild(text: &str) -> bool {
    let (mut is_quoted, mut is_escaped) = (false, false);
    for c in text.chars() {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' if is_quoted => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            '*' if !is_quoted => return true,
            _ => {}
        }
    }
    false
}

/// What is left of a text with wildcards.
struct Scanner<'a>(&'a str);

impl<'a> Scanner<'a> {
    fn name(&mut self) -> Result<&'a str, &'static str> {
        let end = self.0.find(['.', '[']).unwrap_or(self.0.len());
        let (name, rest) = self.0.split_at(end);
        if !is_identifier(&name.replace('*', "a")) {
            return Err("a name is missing or has a character that neither names nor wildcards have");
        }
        self.0 = rest;
        Ok(name)
    }

    fn dot(&mut self) -> bool {
        let rest = self.0.strip_prefix('.');
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    fn key(&mut self) -> Result<Option<KeyGlob>, &'static str> {
        if !self.0.starts_with('[') {
            return Ok(None);
        }
        let mut exact = Exact { rest: self.0 };
        if let Ok(Some(key)) = exact.key() {
            self.0 = exact.rest;
            return Ok(Some(KeyGlob::Exact(key)));
        }
        let inside = self.0.get(1..).unwrap_or_default();
        if inside.starts_with('"') {
            return Err("a key in quotes does not end");
        }
        let (glob, rest) = inside.split_once(']').ok_or("`]` is missing after a key")?;
        if glob.is_empty() {
            return Err("a key is missing between the brackets");
        }
        self.0 = rest;
        Ok(Some(KeyGlob::Glob(Glob(glob.into()))))
    }
}

fn wild(text: &str) -> Result<Wild, &'static str> {
    let mut scanner = Scanner(text);
    let mut modules = Vec::new();
    let block = loop {
        let first = scanner.name()?;
        if first == "module" && scanner.dot() {
            modules.push((Glob(scanner.name()?.into()), scanner.key()?));
            if scanner.0.is_empty() {
                break None;
            }
            if !scanner.dot() {
                return Err("`.` is missing after a module");
            }
            continue;
        }
        if !scanner.dot() {
            return Err("a resource is written type.name");
        }
        let (mode, type_name) = if first == "data" { (Mode::Data, scanner.name()?) } else { (Mode::Managed, first) };
        if mode == Mode::Data && !scanner.dot() {
            return Err("data is written data.type.name");
        }
        let (type_name, name) = (Glob(type_name.into()), Glob(scanner.name()?.into()));
        let key = scanner.key()?;
        if !scanner.0.is_empty() {
            return Err("there is text after the address");
        }
        break Some(WildBlock { mode, type_name, name, key });
    };
    Ok(Wild { text: text.into(), modules, block })
}

impl From<AddrPattern> for Selector {
    fn from(pattern: AddrPattern) -> Self {
        Self::Exact(pattern)
    }
}

impl FromStr for Selector {
    type Err = AddrError;
    fn from_str(text: &str) -> Result<Self, AddrError> {
        if !is_wild(text) {
            return text.parse().map(Self::Exact);
        }
        wild(text).map(Self::Wild).map_err(|reason| AddrError { text: text.to_owned(), reason })
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(pattern) => pattern.fmt(f),
            Self::Wild(wild) => f.write_str(&wild.text),
        }
    }
}

impl Serialize for Selector {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Selector {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // A5
    #[test]
    fn a_star_stands_for_any_text_within_a_name_or_a_key() {
        let cases = [
            ("eks_*.main", "eks_cluster.main", true),
            ("eks_*.main", "gke_cluster.main", false),
            ("eks_*.main", "data.eks_cluster.main", false),
            ("data.*.*", "data.eks_cluster.main", true),
            ("*.*", "module.m.eks_cluster.main", false),
            ("module.*", "module.m[\"a\"].module.n.eks_cluster.main[0]", true),
            ("module.eu-*", "module.eu-west.eks_cluster.main", true),
            ("module.eu-*", "module.us-west.eks_cluster.main", false),
            ("module.*.eks_cluster.main", "module.m.eks_cluster.main[\"a\"]", true),
            ("module.*.eks_cluster.main", "module.m.module.n.eks_cluster.main", false),
            ("module.m[eu-*].*.main", "module.m[\"eu-1\"].eks_cluster.main", true),
            ("module.m[eu-*].*.main", "module.m[\"us-1\"].eks_cluster.main", false),
            ("module.m[eu-*].*.main", "module.m.eks_cluster.main", false),
            ("eks_cluster.a[*]", "eks_cluster.a[3]", true),
            ("eks_cluster.a[*]", "eks_cluster.a", false),
            ("eks_cluster.*[\"*\"]", "eks_cluster.a[\"*\"]", true),
            ("eks_cluster.*[\"*\"]", "eks_cluster.a[\"b\"]", false),
            ("eks_cluster.*[1]", "eks_cluster.a[1]", true),
            ("eks_cluster.a[*-1*a]", "eks_cluster.a[\"eu-1-1a\"]", true),
            ("eks_cluster.a[*-1*a]", "eks_cluster.a[\"eu-1a-b\"]", false),
            ("eks_cluster.a[\"*\"]", "eks_cluster.a[\"b\"]", false),
        ];
        for (pattern, addr, expected) in cases {
            let selector: Selector = pattern.parse().unwrap();
            assert_eq!(selector.matches(&addr.parse().unwrap()), expected, "{pattern} {addr}");
            assert_eq!(selector.to_string().parse(), Ok(selector), "{pattern}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused_with_the_reason() {
        for (text, reason) in [
            ("*", "a resource is written type.name"),
            ("module.*.", "a name is missing"),
            ("a.*[", "`]` is missing"),
            ("a.*[]", "a key is missing"),
            ("a.*[\"b]", "does not end"),
            ("data.*", "data is written"),
            ("a.*.b", "text after the address"),
            ("module.*[0]x", "`.` is missing"),
        ] {
            let error = text.parse::<Selector>().unwrap_err();
            assert!(error.reason.contains(reason), "{text}: {error}");
        }
    }

    #[test]
    fn blocks_are_matched_without_keys() {
        let modules: [Text; 1] = ["m".into()];
        let block = BlockNames { modules: &modules, mode: Mode::Managed, type_name: "eks_cluster", name: "main" };
        for (pattern, expected) in [
            ("module.m", true),
            ("module.m[\"a\"].eks_cluster.main[0]", true),
            ("module.m.eks_cluster.other", false),
            ("eks_cluster.main", false),
            ("module.*[eu-*].*.ma*", true),
            ("module.*", true),
            ("*.*", false),
        ] {
            assert_eq!(pattern.parse::<Selector>().unwrap().matches_block(&block), expected, "{pattern}");
        }
        assert!("module.*".parse::<Selector>().unwrap().reaches(&modules));
        assert!(!"module.n".parse::<Selector>().unwrap().reaches(&modules));
    }
}
