//! Addresses: where in the configuration a resource instance stands.
//!
//! The text form is Terraform's (`module.m["k"].type.name[0]`, `data.type.name`), and reading it back
//! gives the same address.

use crate::path::{is_identifier, quote};
use crate::{Path, Recent, Text};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::cmp::Ordering;
use std::collections::VecDeque;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// The key of one instance under `count` (a number) or `for_each` (a name).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum InstanceKey {
    /// Position under `count`, from 0.
    Index(u64),
    /// Key under `for_each`.
    Name(Text),
}

impl fmt::Display for InstanceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Index(index) => write!(f, "[{index}]"),
            Self::Name(name) => write!(f, "[{}]", quote(name)),
        }
    }
}

/// One module call on the way from the root, with its key where the call is repeated.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ModuleStep {
    /// Name of the call.
    pub name: Text,
    /// Key of the instance of the call.
    pub key: Option<InstanceKey>,
}

/// A module instance: the calls from the root to it. Empty for the root module.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ModulePath(Arc<[ModuleStep]>);

impl Default for ModulePath {
    fn default() -> Self {
        Self::root()
    }
}

impl ModulePath {
    /// The root module.
    #[must_use]
    pub fn root() -> Self {
        Self(Arc::from([]))
    }

    /// The calls from the root, outermost first.
    #[must_use]
    pub fn steps(&self) -> &[ModuleStep] {
        &self.0
    }

    /// Whether this is the root module.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The module instance that the call `name` with `key` makes inside this one.
    #[must_use]
    pub fn child(&self, name: Text, key: Option<InstanceKey>) -> Self {
        let mut steps = self.0.to_vec();
        steps.push(ModuleStep { name, key });
        Self(steps.into())
    }

    /// Whether `self` is `outer` or lies inside it; a step of `outer` without a key matches every key.
    #[must_use]
    pub fn is_within(&self, outer: &Self) -> bool {
        outer.0.len() <= self.0.len()
            && outer.0.iter().zip(self.0.iter()).all(|(a, b)| a.name == b.name && (a.key.is_none() || a.key == b.key))
    }
}

impl fmt::Display for ModulePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, step) in self.0.iter().enumerate() {
            if position > 0 {
                f.write_str(".")?;
            }
            write!(f, "module.{}", step.name)?;
            if let Some(key) = &step.key {
                write!(f, "{key}")?;
            }
        }
        Ok(())
    }
}

/// Whether a block declares an object we manage or data we only read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// A `resource` block.
    Managed,
    /// A `data` block.
    Data,
}

/// A resource block inside one module instance, without the key of an instance.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ResourceAddr {
    /// The module instance it stands in.
    pub module: ModulePath,
    /// Managed or data.
    pub mode: Mode,
    /// Resource type, `eks_cluster`.
    pub type_name: Text,
    /// The block's name.
    pub name: Text,
}

impl fmt::Display for ResourceAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.module.is_root() {
            write!(f, "{}.", self.module)?;
        }
        if self.mode == Mode::Data {
            f.write_str("data.")?;
        }
        write!(f, "{}.{}", self.type_name, self.name)
    }
}

/// One resource instance. Cloning costs two counters.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct InstanceAddr {
    /// The block.
    pub resource: Arc<ResourceAddr>,
    /// Its key, when the block is repeated.
    pub key: Option<InstanceKey>,
}

impl PartialOrd for InstanceAddr {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// By block, then key. Instances that share their block are compared by key alone.
impl Ord for InstanceAddr {
    fn cmp(&self, other: &Self) -> Ordering {
        let blocks = if Arc::ptr_eq(&self.resource, &other.resource) {
            Ordering::Equal
        } else {
            self.resource.cmp(&other.resource)
        };
        blocks.then_with(|| self.key.cmp(&other.key))
    }
}

impl InstanceAddr {
    /// The instance `key` of `resource`.
    #[must_use]
    pub fn new(resource: Arc<ResourceAddr>, key: Option<InstanceKey>) -> Self {
        Self { resource, key }
    }
}

impl fmt::Display for InstanceAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.resource.fmt(f)?;
        match &self.key {
            Some(key) => key.fmt(f),
            None => Ok(()),
        }
    }
}

/// An address given by a user: a module, a block with all its instances, or one instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AddrPattern {
    /// Everything inside a module instance (or all instances of a call, where the key is missing).
    Module(ModulePath),
    /// A resource: every instance where no key is given.
    Resource(InstanceAddr),
}

impl AddrPattern {
    /// Whether `addr` is meant by this pattern.
    #[must_use]
    pub fn matches(&self, addr: &InstanceAddr) -> bool {
        match self {
            Self::Module(module) => addr.resource.module.is_within(module),
            Self::Resource(pattern) => {
                let (a, b) = (&pattern.resource, &addr.resource);
                a.mode == b.mode
                    && a.type_name == b.type_name
                    && a.name == b.name
                    && a.module.steps().len() == b.module.steps().len()
                    && b.module.is_within(&a.module)
                    && (pattern.key.is_none() || pattern.key == addr.key)
            }
        }
    }
}

impl AddrPattern {
    /// Reads an address with, maybe, a path to an attribute behind it: `eks_cluster.a["k"].tags.owner`. An empty path
    /// means the object.
    ///
    /// # Errors
    /// There is no address, or no path behind it.
    pub fn with_path(text: &str) -> Result<(Self, Path), AddrError> {
        let wrong = |reason| AddrError { text: text.to_owned(), reason };
        let (pattern, rest) = scan(ModulePath::root(), text, &mut |name| name.into()).map_err(wrong)?;
        if rest.is_empty() {
            return Ok((pattern, Path::default()));
        }
        let path = rest.strip_prefix('.').and_then(|path| path.parse().ok());
        path.map(|path| (pattern, path)).ok_or_else(|| wrong("what stands behind it is no path to an attribute"))
    }
}

impl fmt::Display for AddrPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Module(module) => module.fmt(f),
            Self::Resource(addr) => addr.fmt(f),
        }
    }
}

/// A text that is no address, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddrError {
    /// The text.
    pub text: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

impl fmt::Display for AddrError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is not an address: {}", quote(&self.text), self.reason)
    }
}

impl std::error::Error for AddrError {}

/// Cuts an address into names and keys.
pub(crate) struct Scanner<'a> {
    /// What is not cut yet.
    pub rest: &'a str,
}

impl<'a> Scanner<'a> {
    fn name(&mut self) -> Result<&'a str, &'static str> {
        let end = self.rest.find(['.', '[']).unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        if !is_identifier(name) {
            return Err("a name is missing or has a character that names cannot have");
        }
        self.rest = rest;
        Ok(name)
    }

    fn dot(&mut self) -> bool {
        match self.rest.strip_prefix('.') {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    pub fn key(&mut self) -> Result<Option<InstanceKey>, &'static str> {
        let Some(inside) = self.rest.strip_prefix('[') else { return Ok(None) };
        if let Some(quoted) = inside.strip_prefix('"') {
            let mut text = String::new();
            let mut chars = quoted.char_indices();
            while let Some((at, c)) = chars.next() {
                match c {
                    '"' => {
                        self.rest = quoted
                            .get(at + 1..)
                            .and_then(|r| r.strip_prefix(']'))
                            .ok_or("`]` is missing after a key")?;
                        return Ok(Some(InstanceKey::Name(text.into())));
                    }
                    '\\' => match chars.next() {
                        Some((_, 'n')) => text.push('\n'),
                        Some((_, 't')) => text.push('\t'),
                        Some((_, 'r')) => text.push('\r'),
                        Some((_, other)) => text.push(other),
                        None => return Err("a key has no closing quote"),
                    },
                    other => text.push(other),
                }
            }
            return Err("a key has no closing quote");
        }
        let (digits, rest) = inside.split_once(']').ok_or("`]` is missing after an index")?;
        self.rest = rest;
        digits
            .parse()
            .map(|index| Some(InstanceKey::Index(index)))
            .map_err(|_| "an index is a whole number, a key is a quoted text")
    }
}

fn parse(text: &str) -> Result<AddrPattern, &'static str> {
    parse_inside(ModulePath::root(), text, &mut |name| name.into())
}

/// Reads the rest of an address, from a module on.
fn parse_inside(
    module: ModulePath,
    rest: &str,
    text_of: &mut dyn FnMut(&str) -> Text,
) -> Result<AddrPattern, &'static str> {
    match scan(module, rest, text_of)? {
        (pattern, "") => Ok(pattern),
        _ => Err("there is text after the address"),
    }
}

/// Reads an address from a module on, and gives back the text behind it.
fn scan<'t>(
    mut module: ModulePath,
    rest: &'t str,
    text_of: &mut dyn FnMut(&str) -> Text,
) -> Result<(AddrPattern, &'t str), &'static str> {
    let mut scanner = Scanner { rest };
    loop {
        let first = scanner.name()?;
        if first == "module" && scanner.dot() {
            let name = scanner.name()?;
            let key = scanner.key()?;
            module = module.child(text_of(name), key);
            if scanner.rest.is_empty() {
                return Ok((AddrPattern::Module(module), ""));
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
        let name = scanner.name()?;
        let key = scanner.key()?;
        let resource = ResourceAddr { module, mode, type_name: text_of(type_name), name: text_of(name) };
        return Ok((AddrPattern::Resource(InstanceAddr::new(Arc::new(resource), key)), scanner.rest));
    }
}

/// Blocks that an [`AddrReader`] remembers: those of one module instance and what they refer to.
const BLOCKS: usize = 8;

/// Reads the addresses of a state, which stand in order: instances of one block share it, blocks of one module
/// instance share that.
#[derive(Default)]
pub struct AddrReader {
    names: Recent,
    /// Text and block, the one that was read last in front.
    blocks: VecDeque<(String, Arc<ResourceAddr>)>,
}

impl AddrReader {
    /// Reads an address.
    ///
    /// # Errors
    /// The text is no address of an instance.
    pub fn read(&mut self, text: &str) -> Result<InstanceAddr, AddrError> {
        if let Some(known) = self.known(text) {
            return Ok(known);
        }
        let (module, rest) = self.known_module(text).unwrap_or_else(|| (ModulePath::root(), text));
        let names = &mut self.names;
        let found = parse_inside(module, rest, &mut |name| names.text(name));
        let addr = instance_of(text, found)?;
        let block = match &addr.key {
            None => text.to_owned(),
            Some(_) => addr.resource.to_string(),
        };
        self.blocks.truncate(BLOCKS - 1);
        self.blocks.push_front((block, addr.resource.clone()));
        Ok(addr)
    }

    /// The address, where its block was read lately: what follows is nothing, or a key and nothing more.
    fn known(&mut self, text: &str) -> Option<InstanceAddr> {
        for (block, resource) in &self.blocks {
            let Some(rest) = text.strip_prefix(block.as_str()) else { continue };
            let mut scanner = Scanner { rest };
            if let Ok(key) = scanner.key()
                && scanner.rest.is_empty()
            {
                return Some(InstanceAddr::new(resource.clone(), key));
            }
        }
        None
    }

    /// The module instance of the block that was read last, where the address stands in it, and what follows.
    fn known_module<'t>(&self, text: &'t str) -> Option<(ModulePath, &'t str)> {
        let (block, resource) = self.blocks.front()?;
        let data = if resource.mode == Mode::Data { "data.".len() } else { 0 };
        // The text ends with the type, a dot and the name; before them stands the module with its dot.
        let length = block.len().checked_sub(data + resource.type_name.len() + 1 + resource.name.len())?;
        let (module, rest) = text.split_at_checked(length)?;
        (length > 0 && block.get(..length) == Some(module)).then(|| (resource.module.clone(), rest))
    }
}

fn instance_of(text: &str, found: Result<AddrPattern, &'static str>) -> Result<InstanceAddr, AddrError> {
    let refused = |reason| AddrError { text: text.to_owned(), reason };
    match found.map_err(refused)? {
        AddrPattern::Resource(addr) => Ok(addr),
        AddrPattern::Module(_) => Err(refused("it names a module, not a resource")),
    }
}

impl FromStr for AddrPattern {
    type Err = AddrError;
    fn from_str(text: &str) -> Result<Self, AddrError> {
        parse(text).map_err(|reason| AddrError { text: text.to_owned(), reason })
    }
}

impl FromStr for InstanceAddr {
    type Err = AddrError;
    fn from_str(text: &str) -> Result<Self, AddrError> {
        instance_of(text, parse(text))
    }
}

impl Serialize for InstanceAddr {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for InstanceAddr {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl Serialize for AddrPattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for AddrPattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_round_trips() {
        for text in [
            "terrane_data.a",
            "terrane_data.a[3]",
            "data.eks_network.of[\"a\\\"b\"]",
            "module.m[\"k.x\"].module.n[0].eks_cluster.c[\"é\"]",
        ] {
            assert_eq!(text.parse::<InstanceAddr>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in ["", "a", "a.b.c", "a.b[", "a.b[x]", "a.b[\"x]", "data.a", "module.", "a.b[0]x"] {
            assert!(text.parse::<InstanceAddr>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_attribute_may_stand_behind_an_address() {
        let read = |text: &str| AddrPattern::with_path(text).map(|(addr, path)| (addr.to_string(), path.to_string()));
        for (addr, path) in [
            ("eks_cluster.a", ""),
            ("eks_cluster.a", "tags.owner"),
            ("module.m[\"k.x\"].eks_cluster.a[\"b.c\"]", "tags[\"a/b\"]"),
            ("module.m", ""),
        ] {
            let text = if path.is_empty() { addr.to_owned() } else { format!("{addr}.{path}") };
            assert_eq!(read(&text), Ok((addr.to_owned(), path.to_owned())));
        }
        for wrong in ["", "a", "a.b.", "a.b.c..d", "a.b[0]c", "module.m.tags"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn addresses_in_a_row_share_their_blocks_and_modules() {
        let texts = [
            "module.m[\"a\"].t_x.n[0]",
            "module.m[\"a\"].t_x.n[1]",
            "module.m[\"a\"].t_x.other[\"k[\\\"\"]",
            "module.m[\"a\"].module.m.t_x.n",
            "module.m[\"a\"].data.t_y.n",
            "module.m[\"a\"].t_x.n[2]",
            "module.m[\"b\"].t_x.n",
            "t_x.n",
            "t_x.n2[\"k\"]",
            "t_x.n[\"k\"]",
        ];
        let mut reader = AddrReader::default();
        let read: Vec<InstanceAddr> = texts.iter().map(|text| reader.read(text).unwrap()).collect();
        for (addr, text) in read.iter().zip(texts) {
            assert_eq!((addr.to_string(), addr), (text.to_owned(), &text.parse().unwrap()));
        }
        assert!(Arc::ptr_eq(&read[0].resource, &read[1].resource) && Arc::ptr_eq(&read[0].resource, &read[5].resource));
        assert!(Arc::ptr_eq(&read[0].resource.module.0, &read[2].resource.module.0));
        for text in ["t_x.n[", "t_x.n[0]x", "module.m[\"b\"]", "module.m[\"b\"].", ""] {
            assert!(reader.read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn pattern_without_key_means_every_instance() {
        let addr: InstanceAddr = "module.m[\"a\"].t_x.n[1]".parse().unwrap();
        for (pattern, expected) in [
            ("module.m", true),
            ("module.m[\"a\"]", true),
            ("module.m[\"b\"]", false),
            ("module.m.t_x.n", true),
            ("module.m[\"a\"].t_x.n[1]", true),
            ("module.m[\"a\"].t_x.n[2]", false),
            ("t_x.n", false),
        ] {
            assert_eq!(pattern.parse::<AddrPattern>().unwrap().matches(&addr), expected, "{pattern}");
        }
    }
}
