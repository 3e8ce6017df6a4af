//! The `encryption` block: which keys seal and open state and plan.
//!
//! It is read before anything else, so that everything in it is a constant. Which arguments a kind of key has is known
//! to whoever uses it; here only the form is checked.

use super::NoSchemas;
use super::lower::Lower;
use super::names::{Names, World};
use crate::diag;
use crate::program::{Encryption, KeyArgument, KeyBlock};
use crate::scope::Sources;
use crate::syntax::{self, ast};
use std::collections::BTreeMap;
use std::sync::Arc;
use terrane_core::diagnostic::tidy;
use terrane_core::{Diagnostic, SourceMap};

const ARGUMENTS: &[&str] = &["state", "plan", "enforced"];
const BLOCKS: &[&str] = &["key", "previous"];

impl Lower<'_> {
    /// An `encryption` block.
    pub(super) fn encryption(&mut self, block: &ast::Block, is_root: bool) -> Option<Encryption> {
        if !is_root {
            let detail = "the state of a module is that of the configuration that calls it";
            let problem = diag::UNKNOWN_BLOCK.at(block.header).detail(detail);
            self.report(problem.help("Write `encryption` in the root module"));
            return None;
        }
        if !block.labels.is_empty() {
            self.report(diag::WRONG_LABELS.at(block.header).detail("`encryption` takes no label"));
        }
        self.encryption_body(&block.body, block)
    }

    fn encryption_body(&mut self, body: &ast::Body, block: &ast::Block) -> Option<Encryption> {
        let is_known = self.only(block, ARGUMENTS, BLOCKS);
        let flags = (self.flag(body, "state", true), self.flag(body, "plan", true), self.flag(body, "enforced", false));
        let mut current = None;
        let mut previous = Vec::new();
        let mut is_whole = is_known;
        for nested in body.blocks.iter().filter(|nested| BLOCKS.contains(&&*nested.kind.text)) {
            let Some(key) = self.key_block(nested) else {
                is_whole = false;
                continue;
            };
            match (&*nested.kind.text, &current) {
                ("previous", _) => previous.push(key),
                (_, None) => current = Some(key),
                (_, Some(first)) => {
                    let problem = diag::DUPLICATE_BLOCK.at(nested.header).detail("one key seals, others are previous");
                    self.report(problem.label(first.span, "first here").help("Write `previous` in place of `key`"));
                    is_whole = false;
                }
            }
        }
        if current.is_none() && is_whole {
            let problem = diag::MISSING_ARGUMENT.at(block.header).detail("the block `key` is missing");
            self.report(problem.help("Write key \"passphrase\" { env = \"TERRANE_PASSPHRASE\" }"));
        }
        let (Some(seals_state), Some(seals_plan), Some(is_enforced)) = flags else { return None };
        let key = current.filter(|_| is_whole)?;
        Some(Encryption { key, previous, seals_state, seals_plan, is_enforced, span: block.header })
    }

    fn key_block(&mut self, block: &ast::Block) -> Option<KeyBlock> {
        let [label] = block.labels.as_slice() else {
            let detail = format!("`{}` takes one label, the kind of key", block.kind.text);
            self.report(diag::WRONG_LABELS.at(block.header).detail(detail));
            return None;
        };
        let mut is_whole = true;
        for nested in &block.body.blocks {
            let detail = format!("`{}` has no block `{}`", block.kind.text, nested.kind.text);
            self.report(diag::UNKNOWN_BLOCK.at(nested.header).detail(detail).help("Write name = value"));
            is_whole = false;
        }
        let mut arguments = BTreeMap::new();
        for attribute in &block.body.attributes {
            let name = &attribute.name;
            match self.setting(&attribute.value, &name.text) {
                Some(setting) => {
                    let argument = KeyArgument { name_span: name.span, value: setting.value, span: setting.span };
                    arguments.insert(name.text.clone(), argument);
                }
                None => is_whole = false,
            }
        }
        let key = KeyBlock { kind: label.text.clone(), kind_span: label.span, arguments, span: block.header };
        is_whole.then_some(key)
    }
}

/// What an `encryption` block given as text says, with the text for showing its problems.
#[derive(Debug)]
pub struct GivenEncryption {
    /// The block; `None` where there is an error.
    pub encryption: Option<Encryption>,
    /// The text.
    pub sources: SourceMap,
    /// All problems.
    pub problems: Vec<Diagnostic>,
}

/// Reads what stands between the braces of an `encryption` block. `name` is what its problems call the text.
#[must_use]
pub fn encryption(name: &str, text: &str) -> GivenEncryption {
    let mut given = GivenEncryption { encryption: None, sources: SourceMap::default(), problems: Vec::new() };
    let whole: Arc<str> = format!("encryption {{\n{text}\n}}\n").into();
    let file = given.sources.add(name.to_owned(), whole.clone());
    let parsed = syntax::parse(file, &whole);
    given.problems = parsed.problems;
    given.lower(&parsed.file.body.blocks);
    given
}

/// Reads the `encryption` block of the configuration in `folder`, and nothing else of it: files that do not speak of
/// encryption are not even parsed. Problems of anything else are for whoever loads the configuration.
pub fn encryption_of(sources: &dyn Sources, folder: &str) -> GivenEncryption {
    let mut given = GivenEncryption { encryption: None, sources: SourceMap::default(), problems: Vec::new() };
    let names = sources.list(folder).unwrap_or_default();
    let mut blocks = Vec::new();
    for name in names.iter().filter(|name| name.ends_with(".hcl") && !name.starts_with('.')) {
        let Ok(bytes) = sources.read(&crate::paths::join(folder, name)) else { continue };
        let Ok(text) = std::str::from_utf8(&bytes) else { continue };
        if !text.contains("encryption") {
            continue;
        }
        let file = given.sources.add(name.clone(), text);
        let terrane = syntax::parse(file, text).file.body.blocks.into_iter();
        let inner = terrane.filter(|block| &*block.kind.text == "terrane").flat_map(|block| block.body.blocks);
        blocks.extend(inner.filter(|block| &*block.kind.text == "encryption"));
    }
    given.lower(&blocks);
    given
}

impl GivenEncryption {
    fn lower(&mut self, blocks: &[ast::Block]) {
        let world = World { schemas: &NoSchemas, folders: BTreeMap::new() };
        let names = Names::default();
        let mut lower = Lower::new(&world, &names, &mut self.problems);
        let found: Vec<Option<Encryption>> = blocks.iter().map(|block| lower.encryption(block, true)).collect();
        tidy(&mut self.problems);
        let is_whole = !self.problems.iter().any(Diagnostic::is_error);
        self.encryption = found.into_iter().next().flatten().filter(|_| is_whole);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Files, loaded};

    fn check(text: &str, expected: &[(&str, &str)]) {
        let loaded = loaded(text);
        let place = |p: &Diagnostic| p.span().and_then(|s| loaded.sources.text(s)).unwrap_or("").to_owned();
        let found: Vec<(&str, String)> = loaded.problems.iter().map(|p| (p.kind.id, place(p))).collect();
        let found: Vec<(&str, &str)> = found.iter().map(|(id, place)| (*id, place.as_str())).collect();
        assert_eq!(found, expected, "{text}");
    }

    fn block(inside: &str) -> String {
        format!("terrane {{\n  encryption {{\n    {inside}\n  }}\n}}\n")
    }

    const KEY: &str = "key \"passphrase\" {\n      env = \"P\"\n    }";

    // A10
    #[test]
    fn one_key_seals_and_all_of_it_is_constant() {
        check(&block(KEY), &[]);
        check(
            &block(&format!("{KEY}\n    previous \"raw\" {{\n      file = \"old.key\"\n    }}\n    plan = false")),
            &[],
        );
        check(&block(&format!("{KEY}\n    {KEY}")), &[("duplicate-block", "key \"passphrase\"")]);
        check(&block("state = true"), &[("missing-argument", "encryption")]);
        check(&block("key {\n    }"), &[("wrong-labels", "key")]);
        check(&block(&KEY.replace("\"P\"", "var.p")), &[("unknown-name", "p")]);
        check(&block(&KEY.replace("\"P\"", "uuid()")), &[("constant-wanted", "uuid()")]);
        check(&block(&format!("{KEY}\n    enforce = true")), &[("unknown-argument", "enforce")]);
        check(&format!("{}{}", block(KEY), block(KEY)), &[("duplicate-block", "encryption")]);
    }

    // A10
    #[test]
    fn it_can_be_read_by_itself() {
        let text = format!("resource \"broken\" {{\n{}", "}\n");
        let files = Files::of(&[("a.hcl", text.as_str()), ("b.hcl", &block(&format!("{KEY}\n    enforced = true")))]);
        let given = encryption_of(&files, ".");
        let found = given.encryption.unwrap();
        assert!(given.problems.is_empty() && found.is_enforced && found.seals_plan);
        assert_eq!(&*found.key.kind, "passphrase");
        let given = encryption("TERRANE_ENCRYPTION", KEY);
        assert!(given.encryption.is_some(), "{:?}", given.problems);
        let given = encryption("TERRANE_ENCRYPTION", "key \"raw\" {");
        assert!(given.encryption.is_none() && !given.problems.is_empty());
    }
}
