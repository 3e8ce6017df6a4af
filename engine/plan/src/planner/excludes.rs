//! `-exclude`: what is named takes no part, nor does what depends on it; and `-target`: what takes part brings along what
//! it needs.
//!
//! Both are found out while walking, instance by instance: an instance knows what it refers to once its body is
//! evaluated. What takes no part stays as it is recorded.

use super::frame::{Cell, Vertex};
use super::judge::Stop;
use super::stages::is_in_call;
use super::walk::Walk;
use crate::diag;
use crate::plan::LeftOut;
use std::collections::{BTreeMap, BTreeSet};
use terrane_core::{InstanceAddr, ModulePath, ObjectId, ResourceAddr, Text, Value};
use terrane_lang::program::ModuleId;

/// What is left out.
#[derive(Debug, Default)]
pub struct Excluded {
    /// Instances, with what they depend on where they are not named themselves.
    pub instances: BTreeMap<InstanceAddr, Option<InstanceAddr>>,
    /// Blocks whose keys depend on what is left out.
    pub blocks: BTreeSet<ResourceAddr>,
    /// Module calls whose keys depend on what is left out, without keys.
    pub calls: BTreeSet<ModulePath>,
    /// Blocks whose objects are to be imported by ids that depend on what is left out.
    pub imports: BTreeSet<(ModuleId, usize)>,
}

impl Walk<'_> {
    /// Leaves an instance out, or asks for what it needs, where its body refers to what takes no part.
    pub fn check_part(&mut self, vertex: usize, cell: &Cell, deps: &[Vertex]) -> Result<(), Stop> {
        let needs_absent = matches!(cell, Cell::LeftOut(_)) || self.is_import_left_out(vertex);
        if !self.options.selection.is_all_but() && !needs_absent {
            return Ok(());
        }
        let Some(addr) = self.instances.get(vertex).and_then(|instance| instance.addr.clone()) else { return Ok(()) };
        if !self.options.selection.is_all_but() {
            self.bring_along(deps, Some(&addr));
            return Err(Stop::Wait);
        }
        let mut found = BTreeSet::new();
        self.left_out_among(deps, &mut BTreeSet::new(), &mut found);
        if !needs_absent && found.is_empty() {
            return Ok(());
        }
        self.excluded.instances.insert(addr, found.into_iter().next());
        self.leave_out(vertex);
        Err(Stop::LeftOut)
    }

    /// In a targeted plan: lets what `by` needs take part.
    pub fn bring_along(&mut self, vertices: &[Vertex], by: Option<&InstanceAddr>) {
        if self.options.selection.is_all_but() {
            return;
        }
        let mut found = BTreeSet::new();
        self.left_out_among(vertices, &mut BTreeSet::new(), &mut found);
        self.needed.extend(found.into_iter().map(|needed| (needed.clone(), by.unwrap_or(&needed).clone())));
    }

    fn is_import_left_out(&self, vertex: usize) -> bool {
        let Some(instance) = self.instances.get(vertex).filter(|_| !self.excluded.imports.is_empty()) else {
            return false;
        };
        let is_recorded = instance.addr.as_ref().is_some_and(|addr| self.state.record(addr).is_some());
        let module = self.frames.get(instance.frame.0).map(|frame| frame.module);
        !is_recorded && module.is_some_and(|module| self.excluded.imports.contains(&(module, instance.resource)))
    }

    /// Adds the instances among vertices that are left out; in targeted plans only those that are not recorded either.
    fn left_out_among(&self, vertices: &[Vertex], seen: &mut BTreeSet<Vertex>, found: &mut BTreeSet<InstanceAddr>) {
        for vertex in vertices {
            let Some(instance) = usize::try_from(*vertex).ok().and_then(|at| self.instances.get(at)) else { continue };
            match &instance.addr {
                None if seen.insert(*vertex) => self.left_out_among(&instance.deps, seen, found),
                None => {}
                Some(addr) => {
                    let is_absent = matches!(instance.value, Cell::LeftOut(_));
                    if is_absent || (self.options.selection.is_all_but() && self.is_excluded(addr)) {
                        found.insert(addr.clone());
                    }
                }
            }
        }
    }

    /// Whether `-exclude` leaves an instance out, directly or not.
    pub fn is_excluded(&self, addr: &InstanceAddr) -> bool {
        self.excluded.instances.contains_key(addr)
            || self.options.selection.excludes().iter().any(|pattern| pattern.matches(addr))
            || self.excluded.blocks.contains(&*addr.resource)
            || is_in_call(&self.excluded.calls, &addr.resource.module)
    }
}

/// Lets what is needed take part; `true` where the walk has to go on because of it.
pub fn need(walk: &mut Walk<'_>) -> bool {
    let needed = std::mem::take(&mut walk.needed);
    let fresh: BTreeMap<_, _> = needed.into_iter().filter(|(addr, _)| !walk.taken_along.contains_key(addr)).collect();
    if fresh.is_empty() {
        return false;
    }
    walk.taken_along.extend(fresh);
    walk.retry();
    true
}

/// Recorded objects that something left out depends on, with one that does: they cannot go.
pub fn held(walk: &Walk<'_>) -> BTreeMap<InstanceAddr, InstanceAddr> {
    if !walk.options.selection.is_all_but() {
        return BTreeMap::new();
    }
    held_by(walk, &|addr| walk.is_excluded(addr))
}

/// Recorded objects that one of those depends on which `stays` picks, with one that does.
pub fn held_by(walk: &Walk<'_>, stays: &dyn Fn(&InstanceAddr) -> bool) -> BTreeMap<InstanceAddr, InstanceAddr> {
    let mut held = BTreeMap::new();
    let name = |id: &ObjectId| (id.scope.provider.clone(), Text::from(id.to_string()));
    let by_id: BTreeMap<_, &InstanceAddr> =
        walk.state.objects.values().map(|record| (name(&record.id), &record.addr)).collect();
    let mut of_block: BTreeMap<&ResourceAddr, Vec<&InstanceAddr>> = BTreeMap::new();
    for (addr, _) in walk.state.objects.keys() {
        of_block.entry(&*addr.resource).or_default().push(addr);
    }
    let mut stack: Vec<&InstanceAddr> =
        walk.state.objects.keys().map(|(addr, _)| addr).filter(|addr| stays(addr)).collect();
    while let Some(addr) = stack.pop() {
        let Some(record) = walk.state.record(addr) else { continue };
        let home = record.sent.get("cluster").and_then(Value::as_text);
        let home = home.and_then(|home| by_id.get(&(record.id.scope.provider.clone(), home.clone())).copied());
        for dep in record.dependencies.iter().chain(home) {
            let is_one = dep.key.is_some() || walk.state.record(dep).is_some();
            let all = if is_one { None } else { of_block.get(&*dep.resource) };
            for dep in all.into_iter().flatten().copied().chain(is_one.then_some(dep)) {
                if held.insert(dep.clone(), addr.clone()).is_none() {
                    stack.push(dep);
                }
            }
        }
    }
    held
}

/// Refuses to replace what something left out depends on.
pub fn check_held(walk: &mut Walk<'_>, held: &BTreeMap<InstanceAddr, InstanceAddr>) {
    let decided = walk.instances.iter().filter_map(|instance| instance.decision.as_deref());
    let replaced = decided.filter(|decision| decision.change.action.is_replace()).map(|decision| &decision.change.addr);
    let wrong: Vec<_> = replaced.filter_map(|addr| Some((addr.clone(), held.get(addr)?.clone()))).collect();
    for (addr, holder) in wrong {
        walk.problems
            .push(diag::EXCLUDE_HOLDS.at(addr.clone()).with("would be replaced", &addr).with("left out", holder));
    }
}

/// What is left out, in the order of addresses.
pub fn left_out(walk: &Walk<'_>) -> Vec<LeftOut> {
    let mut all = walk.excluded.instances.clone();
    if walk.options.selection.is_all_but() {
        let recorded = walk.state.objects.keys().map(|(addr, _)| addr);
        let declared = walk.instances.iter().filter_map(|instance| instance.addr.as_ref());
        for addr in recorded.chain(declared).filter(|addr| walk.is_excluded(addr)) {
            all.entry(addr.clone()).or_insert(None);
        }
    }
    all.into_iter().map(|(addr, because)| LeftOut { addr, because }).collect()
}
