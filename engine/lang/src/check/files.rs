//! Reads the files of a folder and of the local modules it calls.

use super::meta::find;
use super::names::{Blocks, Declare, Names, text_of};
use super::{overrides, settings};
use crate::diag;
use crate::paths::join;
use crate::program::Schemas;
use crate::scope::Sources;
use crate::source::{self, Package, Source};
use crate::syntax::{self, ast};
use sha2::{Digest, Sha256};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use terrane_core::{Diagnostic, FileId, Place, SourceMap, Span, Text};

/// Folders by their path relative to the root folder.
pub(crate) type Folders = BTreeMap<String, (Names, Blocks)>;

/// Packages that module calls name, by their address.
pub type Packages = BTreeMap<Text, CalledPackage>;

/// A package that module calls name.
#[derive(Clone, Debug)]
pub struct CalledPackage {
    /// The `source` of the first call that was read.
    pub call: Span,
    /// The folder it stands in, relative to the root folder; `None` where it is to be fetched.
    pub folder: Option<String>,
}

/// Reads folders, each once.
pub(crate) struct Reader<'a> {
    pub sources: &'a dyn Sources,
    pub schemas: &'a dyn Schemas,
    /// The root folder, relative to the folder the run works in.
    pub root: &'a str,
    pub map: SourceMap,
    pub problems: Vec<Diagnostic>,
    pub has_syntax_errors: bool,
    /// The lines that could not be read.
    pub unread: BTreeSet<(FileId, usize)>,
    /// From where on the blocks of a file may be other than they look.
    pub shifted: BTreeMap<FileId, u32>,
    pub digest: Sha256,
    pub folders: Folders,
    pub packages: Packages,
}

impl<'a> Reader<'a> {
    pub fn new(sources: &'a dyn Sources, schemas: &'a dyn Schemas, root: &'a str) -> Self {
        Self {
            sources,
            schemas,
            root,
            map: SourceMap::default(),
            problems: Vec::new(),
            has_syntax_errors: false,
            unread: BTreeSet::new(),
            shifted: BTreeMap::new(),
            digest: Sha256::new(),
            folders: Folders::new(),
            packages: Packages::new(),
        }
    }

    /// Reads the root folder and every folder that a module call leads to.
    pub fn read_all(&mut self) {
        let mut waiting: Vec<(String, Option<Span>)> = vec![(String::from("."), None)];
        while let Some((folder, from)) = waiting.pop() {
            if self.folders.contains_key(&folder) {
                continue;
            }
            let Some((mut names, blocks)) = self.folder(&folder, from) else { continue };
            for call in &blocks.calls {
                let Some(label) = call.labels.first() else { continue };
                let Some((target, span)) = self.source(&folder, call) else { continue };
                if let Some(name) = names.calls.get_mut(&label.text) {
                    name.folder = Some(target.clone());
                }
                waiting.push((target, Some(span)));
            }
            self.folders.insert(folder, (names, blocks));
        }
    }

    /// The folder that a call names, relative to the root folder.
    fn source(&mut self, folder: &str, call: &ast::Block) -> Option<(String, Span)> {
        let Some(attribute) = find(&call.body, "source") else {
            self.problems.push(diag::MISSING_ARGUMENT.at(call.header).detail("the argument `source` is missing"));
            return None;
        };
        let span = attribute.value.span;
        let Some(text) = text_of(&attribute.value) else {
            self.problems.push(diag::CONSTANT_WANTED.at(span).detail("`source` is a text without ${ }"));
            return None;
        };
        match source::read(&text) {
            Ok(Source::Local) => self.beside(folder, &text, span),
            Ok(Source::Package(package)) => self.package(&package, span),
            Ok(Source::Later(what)) => {
                let problem = diag::NOT_IN_THIS_VERSION.at(span).detail(format!("{what}: `{text}`"));
                self.problems.push(problem.help("Take it from a git repository, or copy it into a folder"));
                None
            }
            Err(why) => {
                self.problems.push(diag::WRONG_MODULE_SOURCE.at(span).detail(format!("`{text}`: {why}")));
                None
            }
        }
    }

    /// A folder beside that of the caller. What comes in a package stays in it.
    fn beside(&mut self, folder: &str, text: &str, span: Span) -> Option<(String, Span)> {
        let target = join(folder, text);
        let mut roots = self.packages.values().filter_map(|package| package.folder.as_deref());
        if roots.any(|root| is_in(root, folder) && !is_in(root, &target)) {
            self.problems.push(diag::MODULE_NOT_FOUND.at(span).detail(format!("`{text}` leads out of the package")));
            return None;
        }
        Some((target, span))
    }

    /// The folder of a package, which is asked for once: whether its content is what was locked takes reading all of it.
    fn package(&mut self, package: &Package, span: Span) -> Option<(String, Span)> {
        let called = match self.packages.entry(package.address()) {
            Entry::Occupied(called) => called.into_mut(),
            Entry::Vacant(entry) => {
                let address = entry.key();
                let (folder, problem) = match self.sources.package(address) {
                    Ok(Some(root)) => (Some(join(".", &root)), None),
                    Ok(None) => (None, Some(diag::MODULE_NOT_INSTALLED.at(span).detail(address.to_string()))),
                    Err(why) => (None, Some(diag::MODULE_ALTERED.at(span).detail(format!("{address}: {why}")))),
                };
                self.problems.extend(problem);
                entry.insert(CalledPackage { call: span, folder })
            }
        };
        Some((join(called.folder.as_deref()?, &package.folder), span))
    }

    fn folder(&mut self, folder: &str, from: Option<Span>) -> Option<(Names, Blocks)> {
        let path = join(self.root, folder);
        let listed = self.sources.list(&path);
        let names: Vec<String> =
            listed.iter().flatten().filter(|name| name.ends_with(".hcl") && !name.starts_with('.')).cloned().collect();
        if names.is_empty() {
            self.empty(&path, listed.as_deref(), from);
            return None;
        }
        let (before, had_syntax_errors) = (self.problems.len(), self.has_syntax_errors);
        let (mut files, mut over) = (Vec::with_capacity(names.len()), Vec::new());
        for name in names {
            let shown = if folder == "." { name.clone() } else { format!("{folder}/{name}") };
            let file = self.file(&shown, &join(&path, &name));
            let is_override = name == "override.hcl" || name.ends_with("_override.hcl");
            if is_override { over.extend(file) } else { files.extend(file) }
        }
        let mut problems = Vec::new();
        overrides::merge(&mut files, over, &mut problems);
        if let Some(problem) = settings::other_version(&files) {
            // What another version says in other words is no mistake.
            self.problems.truncate(before);
            self.has_syntax_errors = had_syntax_errors;
            self.problems.push(problem);
            return None;
        }
        let mut declare = Declare::new(self.schemas, &mut problems);
        for file in files {
            declare.file(file);
        }
        let (mut names, blocks) = (declare.names, declare.blocks);
        self.problems.append(&mut problems);
        names.is_incomplete = self.problems.iter().skip(before).any(Diagnostic::is_error);
        Some((names, blocks))
    }

    fn empty(&mut self, path: &str, listed: Option<&[String]>, from: Option<Span>) {
        let has_tf = listed.is_some_and(|names| names.iter().any(|n| n.ends_with(".tf")));
        let reason = match (listed, has_tf) {
            (None, _) => format!("there is no folder `{path}`"),
            (Some(_), true) => format!("`{path}` has *.tf files, and Terrane reads *.hcl"),
            (Some(_), false) => format!("`{path}` has no *.hcl file"),
        };
        self.problems.push(match from {
            Some(span) => diag::MODULE_NOT_FOUND.at(span).detail(reason),
            None => diag::NO_CONFIGURATION.at(Place::Run).detail(reason),
        });
    }

    fn file(&mut self, shown: &str, path: &str) -> Option<ast::File> {
        let bytes = match self.sources.read(path) {
            Ok(bytes) => bytes,
            Err(reason) => {
                self.problems.push(diag::UNREADABLE_FILE.at(Place::File(shown.to_owned())).detail(reason));
                return None;
            }
        };
        self.digest.update(u64::try_from(shown.len()).unwrap_or(u64::MAX).to_be_bytes());
        self.digest.update(shown);
        self.digest.update(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
        self.digest.update(&bytes);
        let text = match std::str::from_utf8(&bytes) {
            Ok(text) => text,
            Err(error) => {
                let detail = format!("byte {} is not UTF-8", error.valid_up_to());
                self.problems.push(diag::UNREADABLE_FILE.at(Place::File(shown.to_owned())).detail(detail));
                return None;
            }
        };
        let id = self.map.add(shown, text);
        let parsed = syntax::parse(id, text);
        self.has_syntax_errors |= parsed.problems.iter().any(Diagnostic::is_error);
        self.shifted.extend(parsed.shifted.map(|from| (id, from)));
        let places = parsed.problems.iter().filter_map(Diagnostic::span);
        self.unread.extend(places.filter_map(|span| Some((id, self.map.position(id, span.start)?.line))));
        self.problems.extend(parsed.problems);
        Some(parsed.file)
    }
}

/// Whether a folder is another one or below it.
fn is_in(root: &str, folder: &str) -> bool {
    folder.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The digest as text.
pub(crate) fn hexadecimal(digest: Sha256) -> String {
    digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
