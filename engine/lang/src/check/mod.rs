//! Text of a configuration to a checked [`Program`].
//!
//! In: the files of a folder and of the local modules it calls, and the schemas. Out: a program with resolved
//! names in the order of evaluation, or every problem at once. Values are not computed here, but for constants.

mod blocks;
mod body;
mod drift;
mod dynamic;
mod encryption;
mod files;
mod line;
mod lower;
mod meta;
mod names;
mod order;
mod overrides;
mod passed;
mod refactor;
mod refer;
mod repeat;
mod settings;
#[cfg(test)]
mod tests;
mod types;
mod version;

use crate::diag;
use crate::eval::{self, Nothing};
use crate::program::{Call, Module, ModuleId, Program, Schemas, Settings};
use crate::scope::{Scope, Sources};
use crate::syntax::{self, ast};
use blocks::Lowered;
use files::Reader;
use lower::Lower;
use names::{Names, World};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use terrane_core::schema::SchemaKind;
use terrane_core::{Diagnostic, FileId, Schema, SourceMap, Span, Text, Value, diagnostic};

pub use encryption::{GivenEncryption, encryption, encryption_of};
pub use files::{CalledPackage, Packages};
pub use line::Lines;
pub use settings::BACKENDS;
pub use types::read as type_constraint;

/// Most modules a program may have: calls that double at every step would fill the memory.
const MOST_MODULES: usize = 100_000;

/// What came of reading a configuration.
#[derive(Debug)]
pub struct Loaded {
    /// The program; `None` where there is an error.
    pub program: Option<Program>,
    /// Every file that was read, for showing problems.
    pub sources: SourceMap,
    /// All problems, sorted by place.
    pub problems: Vec<Diagnostic>,
    /// Packages that module calls name. Of those that are to be fetched first, nobody knows what they hold.
    pub packages: Packages,
}

/// Reads and checks the configuration in `folder` and the local modules it calls.
pub fn load(sources: &dyn Sources, folder: &str, schemas: &dyn Schemas) -> Loaded {
    let mut reader = Reader::new(sources, schemas, folder);
    reader.read_all();
    let Reader { map, mut problems, has_syntax_errors, unread, shifted, digest, folders, packages, .. } = reader;
    let mut world = World { schemas, folders: BTreeMap::new() };
    let mut parts = BTreeMap::new();
    for (folder, (names, blocks)) in folders {
        parts.insert(folder.clone(), blocks);
        world.folders.insert(folder, names);
    }
    let mut lowered: BTreeMap<String, Lowered> = BTreeMap::new();
    let mut settings = Settings::default();
    for (folder, mut blocks) in parts {
        let Some(names) = world.folders.get(&folder) else { continue };
        let terrane = std::mem::take(&mut blocks.settings);
        let found = Lower::new(&world, names, &mut problems).settings(&terrane, folder == ".");
        if folder == "." {
            settings = found;
        }
        settings.drift_ignores.extend(Lower::new(&world, names, &mut problems).drift_ignores(&terrane, folder == "."));
        lowered.insert(folder, blocks::lower(&world, names, blocks, &mut problems));
    }
    if has_syntax_errors {
        drop_follow_ups(&mut problems, &map, &unread, &shifted);
    }
    let mut imports = refactor::imports(&mut lowered, &mut problems);
    let mut modules = expand(lowered, &mut problems);
    passed::check(&modules, &mut problems);
    let mut order = Vec::new();
    // With a declaration left out, numbers mean something else: only a whole program has an order.
    if !problems.iter().any(Diagnostic::is_error) {
        refactor::check(&modules, &mut imports, &mut problems);
        match order::order(&modules, &imports) {
            Ok(sorted) => {
                order = sorted;
                repeat::check(&modules, &mut problems);
                settings::check(&modules, &settings, &mut problems);
                passed::resolve(&mut modules);
            }
            Err(circles) => problems.extend(circles),
        }
    }
    diagnostic::tidy(&mut problems);
    let is_whole = !problems.iter().any(Diagnostic::is_error);
    let digest = files::hexadecimal(digest);
    let program = is_whole.then(|| Program { sources: map.clone(), modules, imports, order, settings, digest });
    Loaded { program, sources: map, problems, packages }
}

/// Takes out what only follows from text that could not be read: the lines of that, and from where on the blocks of a
/// file may be other than they look.
fn drop_follow_ups(
    problems: &mut Vec<Diagnostic>,
    map: &SourceMap,
    unread: &BTreeSet<(FileId, usize)>,
    shifted: &BTreeMap<FileId, u32>,
) {
    // What could not be read may be what these miss.
    let follows = [&diag::UNKNOWN_NAME, &diag::MISSING_ARGUMENT];
    problems.retain(|problem| !follows.iter().any(|kind| std::ptr::eq(*kind, problem.kind)));
    problems.retain(|problem| !is_shifted(problem, shifted));
    // Of a line that could not be read nothing else is known but what stands before it: the word of a block.
    let is_of_the_word = |problem: &Diagnostic| {
        [&diag::ARGUMENT_NOT_BLOCK, &diag::UNKNOWN_BLOCK].iter().any(|kind| std::ptr::eq(*kind, problem.kind))
    };
    let line = |span: Span| map.position(span.file, span.start).map(|at| (span.file, at.line));
    let is_unread = |problem: &Diagnostic| problem.span().and_then(line).is_some_and(|line| unread.contains(&line));
    let is_syntax = |problem: &Diagnostic| syntax::diag::ALL.iter().any(|kind| std::ptr::eq(*kind, problem.kind));
    problems.retain(|problem| is_syntax(problem) || is_of_the_word(problem) || !is_unread(problem));
    // A label that is no fixed text is no name either.
    let is_template = |problem: &&Diagnostic| std::ptr::eq(problem.kind, &syntax::diag::LABEL_TEMPLATE);
    let templates: Vec<Option<Span>> = problems.iter().filter(is_template).map(Diagnostic::span).collect();
    problems.retain(|p| !std::ptr::eq(p.kind, &diag::INVALID_NAME) || !templates.contains(&p.span()));
}

/// Whether a problem says that something stands in the wrong block, behind a bracket that is missing or too many.
fn is_shifted(problem: &Diagnostic, shifted: &BTreeMap<FileId, u32>) -> bool {
    let kinds = [
        &diag::UNKNOWN_ARGUMENT,
        &diag::UNKNOWN_BLOCK,
        &diag::NOT_IN_THIS_VERSION,
        &diag::ARGUMENT_NOT_BLOCK,
        &diag::BLOCK_NOT_ARGUMENT,
        &diag::WRONG_LABELS,
    ];
    let span = problem.span().filter(|_| kinds.iter().any(|kind| std::ptr::eq(*kind, problem.kind)));
    span.is_some_and(|span| shifted.get(&span.file).is_some_and(|from| *from < span.start))
}

/// A module to be: what calls it, its folder, and the modules that its own calls make.
struct Place {
    caller: Option<(ModuleId, usize)>,
    folder: String,
    callees: Vec<ModuleId>,
}

/// One module for each call path, callers before callees.
fn expand(mut lowered: BTreeMap<String, Lowered>, problems: &mut Vec<Diagnostic>) -> Vec<Module> {
    let places = places(&lowered, problems);
    let mut uses: BTreeMap<String, usize> = BTreeMap::new();
    for place in &places {
        *uses.entry(place.folder.clone()).or_default() += 1;
    }
    let mut modules = Vec::with_capacity(places.len());
    for place in places {
        let left = uses.entry(place.folder.clone()).or_default();
        *left = left.saturating_sub(1);
        // The last use takes what was lowered: a large configuration without modules is never copied.
        let part = if *left == 0 { lowered.remove(&place.folder) } else { lowered.get(&place.folder).cloned() };
        modules.push(module(place, part.unwrap_or_default()));
    }
    modules
}

fn places(lowered: &BTreeMap<String, Lowered>, problems: &mut Vec<Diagnostic>) -> Vec<Place> {
    let mut places = Vec::new();
    if lowered.contains_key(".") {
        places.push(Place { caller: None, folder: String::from("."), callees: Vec::new() });
    }
    let mut at = 0;
    while let Some(place) = places.get(at) {
        let calls = lowered.get(&place.folder).map(|part| part.calls.as_slice()).unwrap_or_default();
        for (number, (call, folder)) in calls.iter().enumerate() {
            let id = ModuleId(places.len());
            if is_inside(&places, at, folder) {
                let detail = format!("`{}` leads back to the folder `{folder}`", call.name);
                problems.push(diag::MODULE_CYCLE.at(call.span).detail(detail));
                return places;
            }
            if id.0 >= MOST_MODULES {
                let detail = format!("there are more than {MOST_MODULES} modules");
                problems.push(diag::WRONG_SETTING.at(call.span).detail(detail));
                return places;
            }
            let caller = Some((ModuleId(at), number));
            places.push(Place { caller, folder: folder.clone(), callees: Vec::new() });
            if let Some(place) = places.get_mut(at) {
                place.callees.push(id);
            }
        }
        at += 1;
    }
    places
}

fn module(place: Place, lowered: Lowered) -> Module {
    let calls = lowered.calls.into_iter().zip(place.callees);
    Module {
        caller: place.caller,
        folder: place.folder.into(),
        variables: lowered.variables,
        locals: lowered.locals,
        resources: lowered.resources,
        calls: calls.map(|((call, _), module)| Call { module, ..call }).collect(),
        outputs: lowered.outputs,
        providers: lowered.providers,
        moves: lowered.moves,
        removals: lowered.removals,
        checks: lowered.checks,
    }
}

/// Whether the module `at` or one of its callers is of that folder.
fn is_inside(places: &[Place], at: usize, folder: &str) -> bool {
    let mut next = places.get(at);
    while let Some(place) = next {
        if place.folder == folder {
            return true;
        }
        next = place.caller.and_then(|(caller, _)| places.get(caller.0));
    }
    false
}

/// A scope of names that has no schemas: for constants and templates.
struct NoSchemas;

impl Schemas for NoSchemas {
    fn resource(&self, _: &str) -> Option<Arc<Schema>> {
        None
    }
    fn data(&self, _: &str) -> Option<Arc<Schema>> {
        None
    }
    fn provider(&self, _: &str) -> Option<Arc<Schema>> {
        None
    }
    fn provider_of(&self, _: &str) -> Option<Text> {
        None
    }
    fn names(&self, _: SchemaKind) -> Vec<Text> {
        Vec::new()
    }
}

/// The value of an expression that refers to nothing; `None` after reporting why it has none.
pub(crate) fn constant(expr: &ast::Expr, problems: &mut Vec<Diagnostic>) -> Option<Value> {
    evaluate_with(expr, &[], &Nothing, problems)
}

/// The value of an expression that may use `variables` and nothing else, as `templatefile` does it. `None`
/// after reporting why it has none.
pub fn evaluate_with(
    expr: &ast::Expr,
    variables: &[(Text, Value)],
    scope: &dyn Scope,
    problems: &mut Vec<Diagnostic>,
) -> Option<Value> {
    let world = World { schemas: &NoSchemas, folders: BTreeMap::new() };
    let names = Names::default();
    let mut lower = Lower::new(&world, &names, problems);
    lower.slots = variables.iter().map(|(name, _)| Some(name.clone())).collect();
    let lowered = lower.expr(expr)?;
    let values = variables.iter().map(|(_, value)| value.clone()).collect();
    eval::evaluate_with(&lowered, values, scope, problems)
}
