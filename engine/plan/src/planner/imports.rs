//! `import`: objects that are there and are not recorded become what their blocks stand for.
//!
//! An import is a wish: this address, that id. The block of the address takes the object for what is there instead of
//! nothing, and everything else is as with any object. What is in the state already is left alone.

use super::ask::About;
use super::decide::{Decision, Facts, instance_key};
use super::frame::{FrameId, KeySet, Repeated, Vertex};
use super::judge::{Actual, Stop};
use super::keys::{self, Evaluated};
use super::scope::PlanScope;
use super::stages::Cause;
use super::walk::{Attempt, Walk};
use crate::diag;
use crate::plan::{Change, Mode};
use crate::question::{Answer, Question};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use terrane_core::change::Action;
use terrane_core::{
    Diagnostic, InstanceAddr, InstanceKey, Mode as BlockMode, ModulePath, ObjectId, ResourceAddr, Schema, Span, Text,
    Type, Value,
};
use terrane_lang::eval;
use terrane_lang::eval::ir::Expr;
use terrane_lang::program::{Import, ImportTarget, ModuleId};
use terrane_provider::{Access, ProviderName, Reading, ResourceType, Target, Unreadable};

/// An object that somebody wants to be recorded.
#[derive(Clone, Debug)]
pub struct Wish {
    /// The id as it is written.
    pub id: Text,
    /// Number of the `import` block.
    pub number: usize,
    /// Where the id is written.
    pub span: Span,
}

/// An imported object that has no block yet.
#[derive(Clone, Debug, PartialEq)]
pub struct ToGenerate {
    /// Where it is recorded.
    pub addr: InstanceAddr,
    /// The schema of its type.
    pub schema: Arc<Schema>,
    /// What is there.
    pub seen: Value,
    /// What is recorded as written: a block that writes exactly this is followed by an empty plan.
    pub written: Value,
}

/// What imports come to.
#[derive(Debug, Default)]
pub struct Imports {
    /// Wishes by the address that they fill.
    pub wishes: BTreeMap<InstanceAddr, Wish>,
    /// Objects that are taken, and for which address.
    taken: BTreeMap<ObjectId, InstanceAddr>,
    /// Objects without a block.
    pub to_generate: Vec<ToGenerate>,
    /// Imports that wait for an answer, by the block that they fill.
    waiting: BTreeSet<((ModuleId, usize), usize)>,
}

impl Imports {
    /// Whether an import may still fill an instance of that block.
    pub fn is_open(&self, block: (ModuleId, usize)) -> bool {
        self.waiting.range((block, 0)..=(block, usize::MAX)).next().is_some()
    }
}

/// The object that an instance takes over.
#[derive(Clone, Debug)]
pub struct Found {
    /// Its identity.
    pub id: ObjectId,
    /// How it was read.
    pub access: Access,
}

impl Walk<'_> {
    /// Evaluates an `import` block. Until it is done, what it may fill waits.
    pub fn import(&mut self, number: usize) -> Attempt {
        let attempt = self.try_import(number);
        if let Some(block) = self.program.imports.get(number).and_then(|import| import.to.block) {
            match attempt {
                Attempt::Blocked => self.imports.waiting.insert((block, number)),
                Attempt::Done => self.imports.waiting.remove(&(block, number)),
            };
        }
        attempt
    }

    fn try_import(&mut self, number: usize) -> Attempt {
        let program = self.program;
        let Some(import) = program.imports.get(number) else { return Attempt::Done };
        let mut problems = Vec::new();
        let scope = PlanScope::new(self, FrameId(0), Repeated::default());
        let keys = keys::evaluate(&import.repetition, &scope, &mut problems);
        if scope.is_blocked() {
            return Attempt::Blocked;
        }
        if scope.is_left_out() {
            let touched = scope.into_touched();
            return self.import_left_out(import, &touched);
        }
        if let Some(cause) = scope.deferred() {
            return self.import_later(import, cause);
        }
        let keys = match keys {
            Some(Evaluated::Open(value, span)) => {
                problems.push(keys::not_known(&value, span));
                None
            }
            Some(Evaluated::Keys(keys)) => Some(keys),
            None => None,
        };
        let mut wishes = Vec::new();
        for repeated in keys.iter().flat_map(each) {
            let scope = PlanScope::new(self, FrameId(0), repeated);
            let address = address(&import.to, &scope, &mut problems);
            let id = id(import, &scope, &mut problems);
            if scope.is_blocked() {
                return Attempt::Blocked;
            }
            if scope.is_left_out() {
                let touched = scope.into_touched();
                return self.import_left_out(import, &touched);
            }
            if let Some(cause) = scope.deferred() {
                return self.import_later(import, cause);
            }
            if let (Some(addr), Some(id), false) = (address, id, scope.is_broken()) {
                wishes.push((addr, Wish { id, number, span: import.id.span }));
            }
        }
        self.problems.append(&mut problems);
        for (addr, wish) in wishes {
            match self.imports.wishes.get(&addr).filter(|first| first.number != number || first.id != wish.id) {
                Some(first) => {
                    let problem = diag::IMPORT_TWICE.at(wish.span).with("instance", &addr);
                    self.problems.push(problem.label(first.span, "first here"));
                }
                None => {
                    self.imports.wishes.insert(addr, wish);
                }
            }
        }
        Attempt::Done
    }

    /// An import whose id depends on what takes no part: what it would fill takes no part either, or brings that along.
    fn import_left_out(&mut self, import: &Import, touched: &[Vertex]) -> Attempt {
        if !self.options.selection.is_all_but() {
            self.bring_along(touched, None);
            return Attempt::Blocked;
        }
        self.excluded.imports.extend(import.to.block);
        Attempt::Done
    }

    /// An import whose id is written with something that waits for a later stage: so does what it would fill.
    fn import_later(&mut self, import: &Import, cause: Cause) -> Attempt {
        self.later.imports.extend(import.to.block.map(|block| (block, cause)));
        Attempt::Done
    }

    /// What is there of the object that the instance of `facts` takes over.
    pub fn import_actual(&mut self, facts: &Facts<'_>, wish: &Wish) -> Result<(Found, Actual), Stop> {
        let id = self.import_id(facts, wish)?;
        let mut access = facts.around.access.clone();
        if !id.scope.region.is_empty() {
            access.region = id.scope.region.clone();
        }
        self.take(&id, facts.addr, wish)?;
        let seen = self.import_read(facts.addr, &Found { id: id.clone(), access: access.clone() }, wish)?;
        Ok((Found { id, access }, Actual::Present(seen)))
    }

    /// The identity that is written; what it leaves open comes from the block.
    fn import_id(&mut self, facts: &Facts<'_>, wish: &Wish) -> Result<ObjectId, Stop> {
        let form = match facts.kind.parse_id(&wish.id) {
            Ok(id) => return Ok(id),
            Err(form) => form,
        };
        if !facts.kind.is_record_only() {
            let known = self.problems.len();
            match self.judge(facts, None) {
                Ok(refined) => {
                    let is_meant = |id: &ObjectId| {
                        let whole = id.to_string();
                        whole.strip_suffix(&*wish.id).is_some_and(|before| before.is_empty() || before.ends_with('/'))
                    };
                    if let Some(id) = refined.id.filter(is_meant) {
                        return Ok(id);
                    }
                }
                Err(Stop::Wait) => return Err(Stop::Wait),
                // That no new object could be made like this says nothing about the one that is there.
                Err(Stop::Broken | Stop::LeftOut | Stop::Deferred(_)) => self.problems.truncate(known),
            }
        }
        self.problems.push(wrong_id(wish.span, facts.addr, form));
        Err(Stop::Broken)
    }

    /// Reserves an object for an address.
    fn take(&mut self, id: &ObjectId, addr: &InstanceAddr, wish: &Wish) -> Result<(), Stop> {
        if let Some(record) = self.recorded(id) {
            let problem = diag::IMPORT_RECORDED.at(wish.span).with("object", id).with("recorded as", &record.addr);
            self.problems.push(problem.help(format!(
                "Keep it there, or tell where it went: moved {{ from = {}, to = {addr} }}",
                record.addr
            )));
            return Err(Stop::Broken);
        }
        match self.imports.taken.get(id) {
            Some(other) if other != addr => {
                let problem = diag::IMPORT_TWICE.at(wish.span).with("object", id).with("instance", addr);
                self.problems.push(problem.with("also", other));
                Err(Stop::Broken)
            }
            _ => {
                self.imports.taken.insert(id.clone(), addr.clone());
                Ok(())
            }
        }
    }

    fn import_read(&mut self, addr: &InstanceAddr, found: &Found, wish: &Wish) -> Result<Value, Stop> {
        let configuration = self.configuration(&found.access.provider);
        let question = || Question::Read {
            addr: addr.clone(),
            target: Box::new(Target {
                id: found.id.clone(),
                access: found.access.clone(),
                seen: Value::NULL,
                sent: Value::NULL,
                made_ms: 0,
                done: None,
            }),
            configuration,
        };
        let absent = |why: &str| {
            let problem = diag::IMPORT_NOT_THERE.at(wish.span).with("object", &found.id).with("instance", addr);
            problem.detail(why.to_owned())
        };
        let problem = match self.asker.ask(About::Import(addr.clone()), question) {
            None => return Err(Stop::Wait),
            Some(Answer::Read(Reading::Present(seen))) => return Ok(seen.clone()),
            Some(Answer::Read(Reading::Absent)) => absent("there is no object of that id"),
            Some(Answer::Read(Reading::Partial { .. })) => absent("only parts of it are there"),
            Some(Answer::Read(Reading::Unreadable(Unreadable::NotYetReachable))) => {
                absent("what it lives in is not there yet")
            }
            Some(Answer::Read(Reading::Unreadable(Unreadable::WrongScope(fault) | Unreadable::Failed(fault)))) => {
                diag::fault(fault, addr.clone().into()).from_span(Some(wish.span)).with("object", &found.id)
            }
            Some(_) => return Err(Stop::Broken),
        };
        self.problems.push(problem);
        Err(Stop::Broken)
    }

    /// Refuses an object that is another one than the block asks for.
    pub fn check_imported(&mut self, facts: &Facts<'_>, wanted: Option<&ObjectId>) -> Result<(), Stop> {
        let Some(found) = facts.import.filter(|found| wanted != Some(&found.id)) else { return Ok(()) };
        let span = self.imports.wishes.get(facts.addr).map_or(facts.resource.span, |wish| wish.span);
        let problem = diag::IMPORT_OTHER_OBJECT.at(span).with("instance", facts.addr).with("id", &found.id);
        self.problems.push(match wanted {
            Some(wanted) => problem.with("the block asks for", wanted),
            None => problem.detail("which object the block asks for is known only after apply"),
        });
        Err(Stop::Broken)
    }
}

/// What makes each instance of a block another than its neighbours.
fn each(keys: &KeySet) -> Vec<Repeated> {
    let of = super::frame::Keys { set: keys.clone(), over: super::frame::Over::All(Arc::default()) };
    (0..of.len()).map(|at| of.repeated(at)).collect()
}

/// The address with its keys; `None` after a problem.
fn address(to: &ImportTarget, scope: &PlanScope<'_, '_>, problems: &mut Vec<Diagnostic>) -> Option<InstanceAddr> {
    let mut module = ModulePath::root();
    for (name, written) in &to.modules {
        module = module.child(name.clone(), key(written.as_ref(), scope, problems)?);
    }
    let (type_name, name) = (to.type_name.clone(), to.name.clone());
    let block = ResourceAddr { module, mode: BlockMode::Managed, type_name, name };
    Some(InstanceAddr::new(Arc::new(block), key(to.key.as_ref(), scope, problems)?))
}

fn key(
    written: Option<&Expr>,
    scope: &PlanScope<'_, '_>,
    problems: &mut Vec<Diagnostic>,
) -> Option<Option<InstanceKey>> {
    let Some(expr) = written else { return Some(None) };
    let value = eval::evaluate(expr, scope, problems)?;
    let key = if value.has_sensitive() { None } else { instance_key(&value) };
    if key.is_none() && !scope.is_blocked() && !scope.is_broken() && !scope.is_left_out() && scope.deferred().is_none()
    {
        problems.push(diag::IMPORT_ID_INVALID.at(expr.span).detail(why(&value, "a key")));
    }
    key.map(Some)
}

fn id(import: &Import, scope: &PlanScope<'_, '_>, problems: &mut Vec<Diagnostic>) -> Option<Text> {
    let value = eval::evaluate(&import.id, scope, problems)?;
    if scope.is_blocked() || scope.is_broken() || scope.is_left_out() || scope.deferred().is_some() {
        return None;
    }
    let text = if value.has_sensitive() || value.is_null() || !value.is_known() {
        None
    } else {
        terrane_lang::convert::convert(&value, &Type::String).ok().and_then(|text| text.as_text().cloned())
    };
    if text.is_none() {
        problems.push(diag::IMPORT_ID_INVALID.at(import.id.span).detail(why(&value, "the id")));
    }
    text
}

fn why(value: &Value, what: &str) -> String {
    let why = if value.has_sensitive() {
        "is sensitive, and the plan shows it"
    } else if value.is_null() {
        "is null"
    } else if !value.is_known() {
        "is known only after apply"
    } else {
        "is no text"
    };
    format!("{what} {why}")
}

fn wrong_id(span: Span, addr: &InstanceAddr, form: String) -> Diagnostic {
    diag::IMPORT_ID_INVALID.at(span).with("instance", addr).detail(form)
}

/// Decisions about imported objects that the configuration has no block for; `None` while something is asked.
pub fn without_blocks(walk: &mut Walk<'_>) -> Option<Vec<Decision>> {
    if walk.imports.wishes.is_empty() || walk.options.mode != Mode::Normal {
        return Some(Vec::new());
    }
    let desired: std::collections::BTreeSet<&InstanceAddr> =
        walk.instances.iter().filter_map(|instance| instance.addr.as_ref()).collect();
    let is_left = |addr: &InstanceAddr| !desired.contains(addr) && walk.state.record(addr).is_none();
    let left: Vec<(InstanceAddr, Wish)> = walk
        .imports
        .wishes
        .iter()
        .filter(|(addr, _)| is_left(addr) && super::targets::takes_part(walk, addr))
        .map(|(addr, wish)| (addr.clone(), wish.clone()))
        .collect();
    let mut decisions = Vec::new();
    let mut is_waiting = false;
    for (addr, wish) in left {
        match without_block(walk, &addr, &wish) {
            Ok(decision) => decisions.push(decision),
            Err(Stop::Wait) => is_waiting = true,
            Err(Stop::Broken | Stop::LeftOut | Stop::Deferred(_)) => {}
        }
    }
    (!is_waiting).then_some(decisions)
}

fn without_block(walk: &mut Walk<'_>, addr: &InstanceAddr, wish: &Wish) -> Result<Decision, Stop> {
    let program = walk.program;
    let import = program.imports.get(wish.number).ok_or(Stop::Broken)?;
    let has_error = walk.problems.iter().any(Diagnostic::is_error);
    let can_generate = import.to.block.is_none() && addr.key.is_none() && addr.resource.module.is_root();
    if !walk.options.generate_config || !can_generate {
        // Where something else is wrong, the instance may be missing because of it.
        if !has_error || import.to.block.is_none() {
            let problem = diag::IMPORT_NOT_CONFIGURED.at(import.to.span).with("instance", addr);
            walk.problems.push(match (import.to.block.is_some(), can_generate) {
                (true, _) => {
                    problem.detail("its block has no instance of that key").help("Add the key, or remove the import")
                }
                (false, true) => problem,
                (false, false) => problem.help("Write its block; one with a key or in a module is not generated"),
            });
        }
        return Err(Stop::Broken);
    }
    let kind = walk.registry.resource(&import.to.type_name).cloned().ok_or(Stop::Broken)?;
    let id = kind.parse_id(&wish.id).map_err(|form| {
        walk.problems.push(wrong_id(wish.span, addr, form));
        Stop::Broken
    })?;
    let provider = ProviderName { name: import.provider.name.clone(), alias: import.provider.alias.clone() };
    let access = Access { region: id.scope.region.clone(), ..Access::of(provider) };
    walk.take(&id, addr, wish)?;
    let found = Found { id, access };
    let seen = walk.import_read(addr, &found, wish)?;
    let change = as_it_is(addr, &kind, &found, seen.clone());
    let (schema, written) = (import.to.schema.clone(), change.written.clone());
    walk.imports.to_generate.push(ToGenerate { addr: addr.clone(), schema, seen, written });
    Ok(Decision { change: change.into(), record: None, destroy: Vec::new(), make: Vec::new() })
}

/// The import of an object exactly as it is.
fn as_it_is(addr: &InstanceAddr, kind: &Arc<dyn ResourceType>, found: &Found, seen: Value) -> Change {
    let schema = kind.schema();
    Change {
        importing: Some(found.id.to_string().into()),
        before_id: Some(found.id.clone()),
        after_id: Some(found.id.clone()),
        before_access: Some(found.access.clone()),
        after_access: Some(found.access.clone()),
        written: kind.written(&seen, None),
        after: seen.clone(),
        before: seen,
        is_rerecorded: true,
        schema_version: schema.version,
        ..Change::new(addr.clone(), Action::NoOp)
    }
}
