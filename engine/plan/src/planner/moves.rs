//! `moved` and `removed`: recorded addresses become those of the configuration before anything is compared.
//!
//! Planning works with a copy of the state in which records stand where the blocks say, and so does everything that
//! refers to them; apply writes that down. A block that got `count`, or lost it, is moved without being told.

use super::decide::Decision;
use super::targets::{call_paths, takes_part};
use super::walk::Walk;
use crate::diag;
use crate::plan::{Change, Mode};
use crate::state::{RecordKey, Recorded};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use terrane_core::change::Action;
use terrane_core::{
    AddrPattern, InstanceAddr, InstanceKey, Mode as BlockMode, ModulePath, ModuleStep, ResourceAddr, Span, Text,
};
use terrane_lang::program::{Moved, Program, Removed, Repetition};

/// What became of recorded addresses.
#[derive(Debug, Default)]
pub struct Moves {
    /// Where moved records stood, by where they stand now.
    pub from: BTreeMap<RecordKey, InstanceAddr>,
    /// Records that refer to a moved one.
    pub redirected: BTreeSet<RecordKey>,
    /// Records of objects that stand at their new address already: a run stopped between the two entries.
    pub leftovers: BTreeSet<RecordKey>,
    /// Records that a `removed` block forgets.
    pub forgotten: BTreeSet<RecordKey>,
    /// Sources of moved records, with the block that moved them.
    sources: BTreeMap<InstanceAddr, Span>,
}

/// A resource block by names alone: calls from the root, type and name.
type BlockName = (Vec<Text>, Text, Text);

/// The blocks of a configuration that are about addresses, by what they begin with.
struct Statements<'p> {
    resources: BTreeMap<BlockName, Vec<Statement<'p>>>,
    modules: BTreeMap<Vec<Text>, Vec<Statement<'p>>>,
    repetitions: BTreeMap<BlockName, &'p Repetition>,
    calls: BTreeMap<Vec<Text>, &'p Repetition>,
    count: usize,
}

#[derive(Clone, Copy)]
struct Statement<'p> {
    /// How many calls lead to the module that it stands in.
    depth: usize,
    moved: &'p Moved,
}

/// Where an address leads.
struct Led {
    addr: InstanceAddr,
    hops: usize,
    /// The last block that led there; none where only `count` changed.
    span: Option<Span>,
}

/// Applies `moved` and `removed` to the state that planning works with.
pub fn apply(walk: &mut Walk<'_>) {
    let program = walk.program;
    let statements = Statements::new(program);
    move_records(walk, &statements);
    let removals = Removals::new(program);
    if !removals.is_empty() && walk.options.mode != Mode::RefreshOnly {
        let records = walk.state.objects.keys();
        let is_forgotten = |(addr, _): &&RecordKey| removals.of(addr).is_some_and(|removed| !removed.destroys);
        walk.moves.forgotten = records.filter(is_forgotten).cloned().collect();
    }
}

fn move_records(walk: &mut Walk<'_>, statements: &Statements<'_>) {
    let mut led: Vec<(RecordKey, Led)> = Vec::new();
    let mut unmoved: Option<(&InstanceAddr, Form)> = None;
    for (addr, deposed) in walk.state.objects.keys() {
        // Instances of one block stand in long runs, and without `moved` blocks only the form of a key counts.
        let form = form(addr.key.as_ref());
        let is_as_before =
            |(before, of): (&InstanceAddr, Form)| of == form && Arc::ptr_eq(&before.resource, &addr.resource);
        if statements.count == 0 && unmoved.is_some_and(is_as_before) {
            continue;
        }
        unmoved = Some((addr, form));
        match statements.follow(addr) {
            Ok(Some(to)) => {
                unmoved = None;
                led.push(((addr.clone(), deposed.clone()), to));
            }
            Ok(None) => {}
            Err(span) => {
                walk.problems.push(terrane_lang::diag::MOVE_CYCLE.at(span).with("instance", addr));
                return;
            }
        }
    }
    if led.is_empty() && statements.count == 0 {
        return;
    }
    // The nearer one has the better right to an address.
    led.sort_by(|(a, led_a), (b, led_b)| (led_a.hops, a).cmp(&(led_b.hops, b)));
    let leaving: BTreeSet<RecordKey> = led.iter().map(|(key, _)| key.clone()).collect();
    let mut moved: BTreeMap<InstanceAddr, InstanceAddr> = BTreeMap::new();
    let mut blocks: BTreeSet<Arc<ResourceAddr>> = BTreeSet::new();
    for (key, led) in led {
        let to = (shared(led.addr, &mut blocks), key.1.clone());
        let mut occupant = walk.state.objects.get(&to).filter(|_| !leaving.contains(&to)).cloned();
        if walk.moves.from.contains_key(&to) {
            occupant = walk.state.objects.get(&to).cloned();
        }
        match (occupant, led.span) {
            (Some(occupant), _) if is_same(walk.state.objects.get(&key), &occupant) => {
                walk.moves.leftovers.insert(key);
            }
            (Some(_), Some(span)) => {
                let problem = diag::MOVE_BLOCKED.at(span).with("from", &key.0).with("to", &to.0);
                walk.problems.push(problem.detail("both are recorded, so the object of the first is not moved"));
            }
            (Some(_), None) => {}
            (None, span) => {
                if let Some(span) = span {
                    walk.moves.sources.insert(key.0.clone(), span);
                }
                moved.insert(key.0.clone(), to.0.clone());
                rename(walk, &key, &to);
            }
        }
    }
    redirect(walk, statements, &moved);
}

/// What `count` looks at in a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    None,
    First,
    Other,
}

fn form(key: Option<&InstanceKey>) -> Form {
    match key {
        None => Form::None,
        Some(InstanceKey::Index(0)) => Form::First,
        Some(_) => Form::Other,
    }
}

fn is_same(one: Option<&Arc<Recorded>>, other: &Recorded) -> bool {
    one.is_some_and(|one| one.id == other.id)
}

/// Addresses that share their block are compared by key alone.
fn shared(addr: InstanceAddr, blocks: &mut BTreeSet<Arc<ResourceAddr>>) -> InstanceAddr {
    if let Some(known) = blocks.get(&addr.resource) {
        return InstanceAddr::new(known.clone(), addr.key);
    }
    blocks.insert(addr.resource.clone());
    addr
}

fn rename(walk: &mut Walk<'_>, from: &RecordKey, to: &RecordKey) {
    let state = walk.state.to_mut();
    if let Some(record) = state.objects.remove(from) {
        let record = Recorded { addr: to.0.clone(), ..(*record).clone() };
        state.objects.insert(to.clone(), record.into());
        walk.moves.from.insert(to.clone(), from.0.clone());
    }
}

/// Lets records that refer to a moved one refer to where it is now.
fn redirect(walk: &mut Walk<'_>, statements: &Statements<'_>, moved: &BTreeMap<InstanceAddr, InstanceAddr>) {
    let is_there = |dep: &InstanceAddr| walk.state.record(dep).is_some();
    // What moved in an earlier run may still be named by its old address.
    let earlier = |dep: &InstanceAddr| match statements.follow(dep) {
        Ok(Some(led)) if is_there(&led.addr) => Some(led.addr),
        _ => statements.block(dep),
    };
    let target = |dep: &InstanceAddr| match moved.get(dep) {
        Some(to) => Some(to.clone()),
        None if is_there(dep) => None,
        None => earlier(dep),
    };
    let mut changed = Vec::new();
    for (key, record) in &walk.state.objects {
        if record.dependencies.iter().any(|dep| target(dep).is_some()) {
            let all = record.dependencies.iter().map(|dep| target(dep).unwrap_or_else(|| dep.clone()));
            let dependencies: BTreeSet<InstanceAddr> = all.collect();
            let dependencies = dependencies.into_iter().collect();
            changed.push((key.clone(), Recorded { dependencies, ..(**record).clone() }));
        }
    }
    for (key, record) in changed {
        walk.state.to_mut().objects.insert(key.clone(), record.into());
        walk.moves.redirected.insert(key);
    }
}

/// Moved records that take no part otherwise: where they are recorded is one thing with what refers to them.
pub fn left_behind(walk: &Walk<'_>) -> Vec<Decision> {
    let is_left = |(addr, _): &&RecordKey| !takes_part(walk, addr);
    let decision = |key: &RecordKey| {
        let record = walk.state.objects.get(key)?;
        let change = Change {
            deposed: record.deposed.clone(),
            before_id: Some(record.id.clone()),
            after_id: Some(record.id.clone()),
            before_access: Some(record.access.clone()),
            after_access: Some(record.access.clone()),
            before: record.seen.clone(),
            after: record.seen.clone(),
            written: record.sent.clone(),
            schema_version: record.schema_version,
            dependencies: record.dependencies.clone(),
            prevent_destroy: record.prevent_destroy,
            create_before_destroy: record.create_before_destroy,
            ..Change::new(record.addr.clone(), Action::NoOp)
        };
        Some(Decision { change: change.into(), record: Some(record.clone()), destroy: Vec::new(), make: Vec::new() })
    };
    walk.moves.from.keys().filter(is_left).filter_map(decision).collect()
}

/// Refuses moves away from instances that are still declared; known once the walk is done.
pub fn check_sources(walk: &mut Walk<'_>) {
    if walk.moves.sources.is_empty() {
        return;
    }
    let declared = walk.instances.iter().filter_map(|instance| instance.addr.as_ref());
    let wrong: BTreeSet<(Span, InstanceAddr)> =
        declared.filter_map(|addr| Some((*walk.moves.sources.get(addr)?, addr.clone()))).collect();
    for (span, addr) in wrong {
        walk.problems.push(terrane_lang::diag::MOVE_SOURCE_DECLARED.at(span).with("from", addr));
    }
}

fn names<'s>(steps: impl IntoIterator<Item = &'s ModuleStep>) -> Vec<Text> {
    steps.into_iter().map(|step| step.name.clone()).collect()
}

impl<'p> Statements<'p> {
    fn new(program: &'p Program) -> Self {
        let (mut resources, mut modules) = (BTreeMap::new(), BTreeMap::new());
        let (mut repetitions, mut calls) = (BTreeMap::new(), BTreeMap::new());
        let mut count = 0;
        for (id, base) in call_paths(program) {
            let Some(module) = program.modules.get(id.0) else { continue };
            for moved in &module.moves {
                count += 1;
                let statement = Statement { depth: base.len(), moved };
                let mut at = base.clone();
                match &moved.from {
                    AddrPattern::Module(path) => {
                        at.extend(names(path.steps()));
                        modules.entry(at).or_insert_with(Vec::new).push(statement);
                    }
                    AddrPattern::Resource(addr) => {
                        at.extend(names(addr.resource.module.steps()));
                        let block = (at, addr.resource.type_name.clone(), addr.resource.name.clone());
                        resources.entry(block).or_insert_with(Vec::new).push(statement);
                    }
                }
            }
            for resource in module.resources.iter().filter(|resource| resource.mode == BlockMode::Managed) {
                let block = (base.clone(), resource.type_name.clone(), resource.name.clone());
                repetitions.insert(block, &resource.repetition);
            }
            for call in &module.calls {
                let mut at = base.clone();
                at.push(call.name.clone());
                calls.insert(at, &call.repetition);
            }
        }
        Self { resources, modules, repetitions, calls, count }
    }

    /// Where a recorded address leads in the end; the block where that has no end.
    fn follow(&self, from: &InstanceAddr) -> Result<Option<Led>, Span> {
        let mut led: Option<Led> = None;
        for hops in 1..=self.count + 3 {
            let at = led.as_ref().map_or(from, |led| &led.addr);
            let (addr, span) = match self.step(at) {
                Some((addr, moved)) => (addr, Some(moved.span)),
                None => match self.counted(at) {
                    Some(addr) => (addr, led.as_ref().and_then(|led| led.span)),
                    None => return Ok(led.filter(|led| led.addr != *from)),
                },
            };
            led = Some(Led { addr, hops, span });
        }
        match led.and_then(|led| led.span) {
            Some(span) => Err(span),
            None => Ok(None),
        }
    }

    /// One step along a `moved` block.
    fn step(&self, addr: &InstanceAddr) -> Option<(InstanceAddr, &'p Moved)> {
        if self.count == 0 {
            return None;
        }
        let steps = addr.resource.module.steps();
        let mut path = names(steps);
        let block = (path.clone(), addr.resource.type_name.clone(), addr.resource.name.clone());
        let of_block = self.resources.get(&block).into_iter().flatten();
        if let Some(found) = of_block.filter_map(|s| Some((resource_to(s, addr)?, s.moved))).next() {
            return Some(found);
        }
        loop {
            let of_module = self.modules.get(&path).into_iter().flatten();
            if let Some(found) = of_module.filter_map(|s| Some((module_to(s, addr)?, s.moved))).next() {
                return Some(found);
            }
            path.pop()?;
        }
    }

    /// `x` is `x[0]` once it has `count`, and back; so are modules.
    fn counted(&self, addr: &InstanceAddr) -> Option<InstanceAddr> {
        let fitting = |key: &Option<InstanceKey>, of: Option<&&Repetition>| match (key, of) {
            (None, Some(Repetition::Count(_))) => Some(Some(InstanceKey::Index(0))),
            (Some(InstanceKey::Index(0)), Some(Repetition::Single)) => Some(None),
            _ => None,
        };
        let path = names(addr.resource.module.steps());
        let mut is_moved = false;
        let mut module = ModulePath::root();
        for (depth, step) in addr.resource.module.steps().iter().enumerate() {
            let key = fitting(&step.key, path.get(..=depth).and_then(|at| self.calls.get(at)));
            is_moved |= key.is_some();
            module = module.child(step.name.clone(), key.unwrap_or_else(|| step.key.clone()));
        }
        let block = (path, addr.resource.type_name.clone(), addr.resource.name.clone());
        let key = fitting(&addr.key, self.repetitions.get(&block));
        is_moved |= key.is_some();
        is_moved.then(|| {
            let resource = ResourceAddr { module, ..(*addr.resource).clone() };
            InstanceAddr::new(Arc::new(resource), key.unwrap_or_else(|| addr.key.clone()))
        })
    }

    /// Where a block as a whole leads, for records that refer to all its instances.
    fn block(&self, dep: &InstanceAddr) -> Option<InstanceAddr> {
        if dep.key.is_some() {
            return None;
        }
        let mut at: Option<InstanceAddr> = None;
        for _ in 0..=self.count {
            let next = self.step(at.as_ref().unwrap_or(dep));
            match next.filter(|(_, moved)| !matches!(moved.from, AddrPattern::Resource(_)) || !moved.is_of_one()) {
                Some((addr, _)) => at = Some(addr),
                None => break,
            }
        }
        at
    }
}

fn resource_to(statement: &Statement<'_>, addr: &InstanceAddr) -> Option<InstanceAddr> {
    let (AddrPattern::Resource(from), AddrPattern::Resource(to)) = (&statement.moved.from, &statement.moved.to) else {
        return None;
    };
    let (above, rest) = addr.resource.module.steps().split_at_checked(statement.depth)?;
    if rest != from.resource.module.steps() {
        return None;
    }
    let key = match statement.moved.is_of_one() {
        true if addr.key == from.key => to.key.clone(),
        true => return None,
        false => addr.key.clone(),
    };
    let module = path(above.iter().chain(to.resource.module.steps()));
    Some(InstanceAddr::new(Arc::new(ResourceAddr { module, ..(*to.resource).clone() }), key))
}

fn module_to(statement: &Statement<'_>, addr: &InstanceAddr) -> Option<InstanceAddr> {
    let (AddrPattern::Module(from), AddrPattern::Module(to)) = (&statement.moved.from, &statement.moved.to) else {
        return None;
    };
    let (above, rest) = addr.resource.module.steps().split_at_checked(statement.depth)?;
    let (own, inside) = rest.split_at_checked(from.steps().len())?;
    let ((last_from, before), (last_to, to_before)) = (from.steps().split_last()?, to.steps().split_last()?);
    let (last, own_before) = own.split_last()?;
    if own_before != before || last.name != last_from.name {
        return None;
    }
    let key = match statement.moved.is_of_one() {
        true if last.key == last_from.key => last_to.key.clone(),
        true => return None,
        false => last.key.clone(),
    };
    let last = ModuleStep { name: last_to.name.clone(), key };
    let module = path(above.iter().chain(to_before).chain([&last]).chain(inside));
    Some(InstanceAddr::new(Arc::new(ResourceAddr { module, ..(*addr.resource).clone() }), addr.key.clone()))
}

fn path<'s>(steps: impl Iterator<Item = &'s ModuleStep>) -> ModulePath {
    steps.fold(ModulePath::root(), |path, step| path.child(step.name.clone(), step.key.clone()))
}

/// The `removed` blocks, by names alone.
struct Removals<'p> {
    resources: BTreeMap<BlockName, &'p Removed>,
    modules: BTreeMap<Vec<Text>, &'p Removed>,
}

impl<'p> Removals<'p> {
    fn new(program: &'p Program) -> Self {
        let (mut resources, mut modules) = (BTreeMap::new(), BTreeMap::new());
        if program.modules.iter().all(|module| module.removals.is_empty()) {
            return Self { resources, modules };
        }
        for (id, base) in call_paths(program) {
            for removed in program.modules.get(id.0).into_iter().flat_map(|module| &module.removals) {
                let mut at = base.clone();
                match &removed.from {
                    AddrPattern::Module(path) => {
                        at.extend(names(path.steps()));
                        modules.insert(at, removed);
                    }
                    AddrPattern::Resource(addr) => {
                        at.extend(names(addr.resource.module.steps()));
                        resources.insert((at, addr.resource.type_name.clone(), addr.resource.name.clone()), removed);
                    }
                }
            }
        }
        Self { resources, modules }
    }

    fn is_empty(&self) -> bool {
        self.resources.is_empty() && self.modules.is_empty()
    }

    /// The block that is about an address: that of the resource, else that of the innermost module.
    fn of(&self, addr: &InstanceAddr) -> Option<&'p Removed> {
        let mut path = names(addr.resource.module.steps());
        let block = (path.clone(), addr.resource.type_name.clone(), addr.resource.name.clone());
        if let Some(removed) = self.resources.get(&block) {
            return Some(removed);
        }
        loop {
            if let Some(removed) = self.modules.get(&path) {
                return Some(removed);
            }
            path.pop()?;
        }
    }
}
