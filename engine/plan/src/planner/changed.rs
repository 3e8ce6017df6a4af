//! Which part of a configuration a difference of its files touches: what was changed, and all that refers to it.

use super::selection::Changed;
use super::targets::{call_paths, expressions_of, references};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use terrane_core::{AddrPattern, InstanceAddr, Kind, Mode, ModulePath, ResourceAddr, Selector, Text};
use terrane_lang::difference::{given, parts};
use terrane_lang::eval::ir::{Expr, ExprKind, Given};
use terrane_lang::paths::join;
use terrane_lang::program::{ModuleId, Node, Program, Resource};

/// A file in which two versions of the configuration differ. Names are relative to the folder of the root module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangedFile {
    /// Its text at the other version; `None` where it is not there, or is no text.
    pub before: Option<Text>,
    /// Its text now.
    pub after: Option<Text>,
}

/// What is locked of modules that come from elsewhere, beside the configuration.
pub const LOCK_FILE: &str = ".terrane.lock.hcl";

/// Functions that read the file which their argument names.
const OF_A_FILE: &[&str] = &[
    "file",
    "filebase64",
    "fileexists",
    "filemd5",
    "filesha1",
    "filesha256",
    "filesha512",
    "filebase64sha256",
    "filebase64sha512",
];
/// Functions that read any file.
const OF_ANY_FILE: &[&str] = &["fileset", "templatefile"];

/// What is touched where these files differ. `variables` are the names of the variables files that count.
#[must_use]
pub fn changed(
    program: &Program,
    since: Text,
    files: &BTreeMap<Text, ChangedFile>,
    variables: &BTreeSet<Text>,
) -> Changed {
    let mut search = Search { program, paths: call_paths(program), nodes: BTreeSet::new(), named: BTreeSet::new() };
    search.of_blocks(files);
    search.of_packages(files);
    for (name, file) in files.iter().filter(|(name, _)| variables.contains(*name)) {
        let text = |side: &Option<Text>| side.clone().unwrap_or_else(|| "".into());
        for name in given(&text(&file.before), &text(&file.after), name.ends_with(".json")) {
            search.part(ModuleId(0), &["variable".into(), name], files);
        }
    }
    search.of_files(files, variables);
    search.told(since)
}

struct Search<'p> {
    program: &'p Program,
    paths: BTreeMap<ModuleId, Vec<Text>>,
    /// What was changed itself.
    nodes: BTreeSet<Node>,
    /// What was changed, and has no node: blocks that are gone, both ends of a move.
    named: BTreeSet<String>,
}

impl Search<'_> {
    fn of_blocks(&mut self, files: &BTreeMap<Text, ChangedFile>) {
        let mut folders: BTreeMap<&str, Vec<&ChangedFile>> = BTreeMap::new();
        let is_configuration = |name: &str| name.ends_with(".hcl") && name != LOCK_FILE;
        for (name, file) in files.iter().filter(|(name, _)| is_configuration(name)) {
            folders.entry(folder_of(name)).or_default().push(file);
        }
        for (folder, files_of_it) in folders {
            let before = files_of_it.iter().filter_map(|file| file.before.as_deref());
            let after = files_of_it.iter().filter_map(|file| file.after.as_deref());
            let differing = parts(before, after);
            let here = self.program.modules.iter().enumerate().filter(|(_, module)| *module.folder == *folder);
            let here: Vec<ModuleId> = here.map(|(number, _)| ModuleId(number)).collect();
            for (module, part) in here.iter().flat_map(|module| differing.iter().map(move |part| (*module, part))) {
                self.part(module, part, files);
            }
        }
    }

    /// Notes calls of packages whose content was not locked before: their folders are named after it.
    fn of_packages(&mut self, files: &BTreeMap<Text, ChangedFile>) {
        let Some(lock) = files.get(LOCK_FILE) else { return };
        let before = lock.before.as_deref().unwrap_or_default();
        let is_new = |folder: &str| {
            let mut digests = folder.split('/').filter(|step| step.len() == 64);
            digests.any(|digest| digest.bytes().all(|byte| byte.is_ascii_hexdigit()) && !before.contains(digest))
        };
        let modules = self.program.modules.iter().filter(|module| is_new(&module.folder));
        let callers: Vec<(ModuleId, usize)> = modules.filter_map(|module| module.caller).collect();
        for (caller, call) in callers {
            let called = self.program.modules.get(caller.0).and_then(|module| module.calls.get(call));
            if let Some(name) = called.map(|call| call.name.clone()) {
                self.part(caller, &["module".into(), name], files);
            }
        }
    }

    /// Notes a part of a module.
    fn part(&mut self, module: ModuleId, part: &[Text], files: &BTreeMap<Text, ChangedFile>) {
        let Some(of) = self.program.modules.get(module.0) else { return };
        let words: Vec<&str> = part.iter().map(|word| &**word).collect();
        let node = match *words.as_slice() {
            [kind @ ("resource" | "data"), type_name, name] => {
                let mode = if kind == "data" { Mode::Data } else { Mode::Managed };
                let is_it = |r: &Resource| r.mode == mode && *r.type_name == *type_name && *r.name == *name;
                let found = of.resources.iter().position(is_it).map(|index| Node::Resource(module, index));
                if found.is_none() {
                    let (type_name, name) = (type_name.into(), name.into());
                    let resource = ResourceAddr { module: self.path(module), mode, type_name, name };
                    self.name(AddrPattern::Resource(InstanceAddr::new(Arc::new(resource), None)));
                }
                found
            }
            ["module", name] => {
                let found = of.calls.iter().position(|call| *call.name == *name);
                // What was made by the call as it was before is told by its name alone.
                self.name(AddrPattern::Module(self.path(module).child(name.into(), None)));
                found.map(|index| Node::Call(module, index))
            }
            ["module", name, argument] => {
                let callee = of.calls.iter().find(|call| *call.name == *name).map(|call| call.module);
                callee.and_then(|callee| self.variable(callee, argument))
            }
            ["variable", name] => self.variable(module, name),
            ["local", name] => {
                of.locals.iter().position(|local| *local.name == *name).map(|index| Node::Local(module, index))
            }
            ["output", name] => {
                of.outputs.iter().position(|output| *output.name == *name).map(|index| Node::Output(module, index))
            }
            ["provider", name] => {
                let blocks = of.providers.iter().enumerate();
                let named = blocks.filter(|(_, block)| *block.provider.name == *name);
                self.nodes.extend(named.map(|(index, _)| Node::Provider(module, index)));
                None
            }
            ["import"] => {
                let imports = self.program.imports.iter().enumerate();
                let here = imports.filter(|(_, import)| self.stands_in(import.span, files));
                let blocks = here.filter_map(|(_, import)| import.to.block);
                let nodes: Vec<Node> = blocks.map(|(module, index)| Node::Resource(module, index)).collect();
                self.nodes.extend(nodes);
                None
            }
            ["moved"] => {
                let here = of.moves.iter().filter(|moved| self.stands_in(moved.span, files));
                let ends: Vec<_> = here.flat_map(|moved| [moved.from.clone(), moved.to.clone()]).collect();
                ends.into_iter().for_each(|end| self.name_inside(module, end));
                None
            }
            ["removed"] => {
                let here = of.removals.iter().filter(|removed| self.stands_in(removed.span, files));
                let from: Vec<_> = here.map(|removed| removed.from.clone()).collect();
                from.into_iter().for_each(|from| self.name_inside(module, from));
                None
            }
            _ => None,
        };
        self.nodes.extend(node);
    }

    fn variable(&self, module: ModuleId, name: &str) -> Option<Node> {
        let variables = &self.program.modules.get(module.0)?.variables;
        variables.iter().position(|variable| *variable.name == *name).map(|index| Node::Variable(module, index))
    }

    fn stands_in(&self, span: terrane_core::Span, files: &BTreeMap<Text, ChangedFile>) -> bool {
        self.program.sources.get(span.file).is_some_and(|file| files.contains_key(join(".", &file.name).as_str()))
    }

    fn path(&self, module: ModuleId) -> ModulePath {
        let calls = self.paths.get(&module).into_iter().flatten();
        calls.fold(ModulePath::root(), |path, name| path.child(name.clone(), None))
    }

    fn name(&mut self, pattern: AddrPattern) {
        self.named.insert(pattern.to_string());
    }

    /// Notes an address that is written inside a module.
    fn name_inside(&mut self, module: ModuleId, pattern: AddrPattern) {
        let outer = self.path(module);
        let prefix = if outer.steps().is_empty() { String::new() } else { format!("{outer}.") };
        self.named.insert(format!("{prefix}{pattern}"));
    }

    /// What reads files that differ.
    fn of_files(&mut self, files: &BTreeMap<Text, ChangedFile>, variables: &BTreeSet<Text>) {
        let is_other = |name: &&Text| !name.ends_with(".hcl") && !variables.contains(*name);
        let others: BTreeSet<&str> = files.keys().filter(is_other).map(|name| &**name).collect();
        if others.is_empty() {
            return;
        }
        let reads = |node: &&Node| {
            let mut is_touched = false;
            expressions_of(self.program, **node, &mut |module, expr| {
                let folder = self.program.modules.get(module.0).map_or(".", |module| &*module.folder);
                is_touched |= reads_any(expr, folder, &others);
            });
            is_touched
        };
        let found: Vec<Node> = self.program.order.iter().filter(reads).copied().collect();
        self.nodes.extend(found);
    }

    /// What was changed with all that refers to it.
    fn told(self, since: Text) -> Changed {
        let providers = self.providers();
        let mut users: BTreeMap<Node, Vec<Node>> = BTreeMap::new();
        let mut used = Vec::new();
        for node in &self.program.order {
            references(self.program, *node, &mut used);
            let provider = self.resource(*node).and_then(|resource| providers.get(&resource.provider.name));
            used.extend(provider.into_iter().flatten());
            for of in used.drain(..) {
                users.entry(of).or_default().push(*node);
            }
        }
        let mut touched = BTreeSet::new();
        let mut stack: Vec<Node> = self.nodes.iter().copied().collect();
        while let Some(node) = stack.pop() {
            if touched.insert(node) {
                stack.extend(users.get(&node).into_iter().flatten());
            }
        }
        let mut named = self.named.clone();
        let mut outputs = Vec::new();
        for node in touched {
            match node {
                Node::Resource(module, index) => named.extend(self.address(module, index)),
                Node::Output(ModuleId(0), index) => {
                    let root = self.program.modules.first();
                    outputs.extend(root.and_then(|root| root.outputs.get(index)).map(|output| output.name.clone()));
                }
                _ => {}
            }
        }
        // They were made from addresses.
        let blocks = named.iter().filter_map(|address| address.parse::<AddrPattern>().ok()).map(Selector::from);
        Changed { since, blocks: blocks.collect(), outputs }
    }

    /// The blocks of each provider; any of them may be the one that a resource is reached through.
    fn providers(&self) -> BTreeMap<Text, Vec<Node>> {
        let mut blocks: BTreeMap<Text, Vec<Node>> = BTreeMap::new();
        for node in &self.program.order {
            let Node::Provider(module, index) = node else { continue };
            let block = self.program.modules.get(module.0).and_then(|module| module.providers.get(*index));
            if let Some(block) = block {
                blocks.entry(block.provider.name.clone()).or_default().push(*node);
            }
        }
        blocks
    }

    fn resource(&self, node: Node) -> Option<&Resource> {
        let Node::Resource(module, index) = node else { return None };
        self.program.modules.get(module.0)?.resources.get(index)
    }

    fn address(&self, module: ModuleId, index: usize) -> Option<String> {
        let resource = self.resource(Node::Resource(module, index))?;
        let (type_name, name) = (resource.type_name.clone(), resource.name.clone());
        Some(ResourceAddr { module: self.path(module), mode: resource.mode, type_name, name }.to_string())
    }
}

fn folder_of(name: &str) -> &str {
    name.rsplit_once('/').map_or(".", |(folder, _)| folder)
}

/// Whether an expression is a call that reads one of these files, or may.
fn reads_any(expr: &Expr, folder: &str, files: &BTreeSet<&str>) -> bool {
    let ExprKind::Call(call) = &expr.kind else { return false };
    let name = call.function.name;
    if OF_ANY_FILE.contains(&name) {
        return true;
    }
    let path = || call.arguments.first().and_then(|argument| written(argument, folder));
    OF_A_FILE.contains(&name) && path().is_none_or(|path| files.contains(join(".", &path).as_str()))
}

/// The text of an expression that is the same in every evaluation.
fn written(expr: &Expr, folder: &str) -> Option<String> {
    match &expr.kind {
        ExprKind::Literal(value) => match value.kind() {
            Kind::String(text) => Some(text.to_string()),
            _ => None,
        },
        ExprKind::Given(Given::PathModule) => Some(folder.to_owned()),
        ExprKind::Given(Given::PathRoot | Given::PathCwd) => Some(String::from(".")),
        ExprKind::Template(parts) => parts.iter().map(|part| written(part, folder)).collect(),
        _ => None,
    }
}
