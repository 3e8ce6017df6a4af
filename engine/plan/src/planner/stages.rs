//! What waits for a later stage: blocks whose keys, and data sources whose arguments, hang on what this plan makes; and
//! whatever refers to them.
//!
//! What refers to the value of something that waits is found while walking: it cannot be evaluated. What only comes
//! after it (`depends_on`) is found when the walk is done, by [`spread`], so that a plan does not depend on the order
//! of answers. What waits stays as it is recorded.

use super::frame::{Cell, FrameId, Slot, Vertex};
use super::judge::Stop;
use super::leaves;
use super::walk::Walk;
use crate::condition::{Condition, Status};
use crate::diag;
use crate::plan::{Deferred, Mode};
use crate::state::Recorded;
use std::collections::{BTreeMap, BTreeSet};
use terrane_core::change::Action;
use terrane_core::{AddrPattern, InstanceAddr, Mode as BlockMode, ModulePath, ObjectId, ResourceAddr, Text, Value};
use terrane_lang::program::ModuleId;

/// Number of what waits first of all, where something waits because of it.
pub type Cause = usize;

/// The keys of a block are not known.
pub const KEYS: &str = "keys-known-after-apply";
/// An argument of a data source is not known.
pub const DATA: &str = "data-known-after-apply";
/// It refers to, or comes after, something that waits.
const DEPENDS: &str = "depends-on-deferred";
/// It would be destroyed, and something that waits was made with it.
const USED: &str = "used-by-deferred";

/// What waits for a later stage.
#[derive(Debug, Default)]
pub struct Later {
    all: Vec<Deferred>,
    blocks: BTreeSet<ResourceAddr>,
    calls: BTreeSet<ModulePath>,
    instances: BTreeSet<InstanceAddr>,
    /// Blocks whose objects are to be imported by ids that wait.
    pub imports: BTreeMap<(ModuleId, usize), Cause>,
}

impl Later {
    /// Whether an instance waits.
    pub fn has(&self, addr: &InstanceAddr) -> bool {
        !self.all.is_empty()
            && (self.instances.contains(addr)
                || self.blocks.contains(&*addr.resource)
                || is_in_call(&self.calls, &addr.resource.module))
    }

    /// The one of several causes that is named: the same in whichever order they were found.
    pub fn earliest(&self, causes: &[Cause]) -> Option<Cause> {
        match causes {
            [] => None,
            [only] => Some(*only),
            _ => causes.iter().copied().min_by_key(|cause| self.all.get(*cause).map(|of| of.addr.to_string())),
        }
    }

    /// Something that waits for these instances.
    fn first(&mut self, addr: AddrPattern, reason: &str, waits_for: Vec<InstanceAddr>) -> Cause {
        self.all.push(Deferred { addr, reason: reason.into(), because: None, waits_for });
        self.all.len() - 1
    }

    /// Something that waits because of something else that does.
    fn next(&mut self, addr: AddrPattern, reason: &str, cause: Cause) -> Cause {
        let (because, waits_for) = match self.all.get(cause) {
            Some(of) => (Some(of.because.clone().unwrap_or_else(|| of.addr.clone())), of.waits_for.clone()),
            None => (None, Vec::new()),
        };
        self.all.push(Deferred { addr, reason: reason.into(), because, waits_for });
        self.all.len() - 1
    }
}

/// Whether a module stands in one of these calls, which have no keys.
pub fn is_in_call(calls: &BTreeSet<ModulePath>, module: &ModulePath) -> bool {
    if calls.is_empty() {
        return false;
    }
    let mut above = ModulePath::root();
    module.steps().iter().any(|step| {
        let is_one = calls.contains(&above.child(step.name.clone(), None));
        above = above.child(step.name.clone(), step.key.clone());
        is_one
    })
}

/// Why a block has no keys yet.
#[derive(Clone, Debug)]
pub enum Waits {
    /// They come from these instances.
    For(Vec<InstanceAddr>),
    /// They come from something that waits itself.
    With(Cause),
}

impl Walk<'_> {
    /// Leaves a block or a module call to a later stage.
    pub fn defer_keys(&mut self, of: AddrPattern, waits: Waits) -> Slot {
        match &of {
            AddrPattern::Module(call) => self.later.calls.insert(call.clone()),
            AddrPattern::Resource(block) => self.later.blocks.insert((*block.resource).clone()),
        };
        let cause = match waits {
            Waits::For(instances) => self.later.first(of, KEYS, instances),
            Waits::With(cause) => self.later.next(of, DEPENDS, cause),
        };
        // Stands for its instances in the graph, so that what comes after them comes after it.
        let vertex = self.push_join(Vec::new());
        self.set_value(usize::try_from(vertex).unwrap_or(usize::MAX), Cell::Deferred(cause));
        Slot::Deferred(cause, vertex)
    }

    /// Leaves a data source to a later stage.
    pub fn defer_data(&mut self, vertex: usize, addr: InstanceAddr, waits_for: Vec<InstanceAddr>) -> Stop {
        self.later.instances.insert(addr.clone());
        let cause = self.later.first(AddrPattern::Resource(addr), DATA, waits_for);
        self.set_value(vertex, Cell::Deferred(cause));
        Stop::Deferred(cause)
    }

    /// Leaves an instance to a later stage because of something that waits.
    pub fn defer_instance(&mut self, vertex: usize, cause: Cause) {
        let Some(instance) = self.instances.get_mut(vertex) else { return };
        if matches!(instance.value, Cell::Deferred(_)) {
            return;
        }
        instance.decision = None;
        let Some(addr) = instance.addr.clone() else { return };
        self.later.instances.insert(addr.clone());
        let own = self.later.next(AddrPattern::Resource(addr), DEPENDS, cause);
        self.set_value(vertex, Cell::Deferred(own));
    }

    /// What an import waits for whose id is written with something that waits.
    pub fn import_waits(&self, vertex: usize) -> Option<Cause> {
        let instance = self.instances.get(vertex).filter(|_| !self.later.imports.is_empty())?;
        let is_recorded = instance.addr.as_ref().is_some_and(|addr| self.state.record(addr).is_some());
        let module = self.frames.get(instance.frame.0)?.module;
        self.later.imports.get(&(module, instance.resource)).copied().filter(|_| !is_recorded)
    }
}

/// Leaves to a later stage whatever comes after something that waits, once the walk is done.
pub fn spread(walk: &mut Walk<'_>) {
    if walk.later.all.is_empty() {
        return;
    }
    let causes = causes(walk);
    for (vertex, cause) in causes.iter().enumerate() {
        let instance = walk.instances.get(vertex);
        let is_managed = |addr: &InstanceAddr| addr.resource.mode == BlockMode::Managed;
        // What is read hangs on its arguments, and those are known.
        if let (Some(cause), true) = (cause, instance.and_then(|i| i.addr.as_ref()).is_some_and(is_managed)) {
            walk.defer_instance(vertex, *cause);
        }
    }
    let touches = |cell: &Cell| match cell {
        Cell::Ready(_, touched) => touched.iter().find_map(|vertex| *causes.get(usize::try_from(*vertex).ok()?)?),
        _ => None,
    };
    if let Some(frame) = walk.frames.get_mut(FrameId(0).0) {
        for output in &mut frame.outputs {
            if let Some(cause) = touches(output) {
                *output = Cell::Deferred(cause);
            }
        }
    }
    let later = &walk.later;
    let waits = |condition: &Condition| {
        let mut found = Vec::new();
        leaves::instances(&condition.condition, &mut found);
        condition.status == Status::Unknown && found.iter().any(|addr| later.has(addr))
    };
    walk.conditions.retain(|_, judged| {
        let vertex = judged.vertex.and_then(|vertex| usize::try_from(vertex).ok());
        let is_deferred = vertex.and_then(|vertex| causes.get(vertex)).is_some_and(Option::is_some);
        !is_deferred && !judged.conditions.iter().any(waits)
    });
}

/// What each vertex waits for, directly or through what it comes after.
fn causes(walk: &Walk<'_>) -> Vec<Option<Cause>> {
    let mut after: Vec<Vec<Vertex>> = vec![Vec::new(); walk.instances.len()];
    let mut causes: Vec<Option<Cause>> = vec![None; walk.instances.len()];
    let mut stack = Vec::new();
    for (number, instance) in walk.instances.iter().enumerate() {
        let Ok(vertex) = Vertex::try_from(number) else { continue };
        for dep in &instance.deps {
            if let Some(list) = usize::try_from(*dep).ok().and_then(|dep| after.get_mut(dep)) {
                list.push(vertex);
            }
        }
        if let (Cell::Deferred(cause), Some(place)) = (&instance.value, causes.get_mut(number)) {
            *place = Some(*cause);
            stack.push((number, *cause));
        }
    }
    // Of several causes the same one is named in any case: the one that comes first by address.
    stack.sort_by_key(|(_, cause)| std::cmp::Reverse(walk.later.all.get(*cause).map(|of| of.addr.to_string())));
    while let Some((vertex, cause)) = stack.pop() {
        for next in after.get(vertex).into_iter().flatten() {
            let Ok(next) = usize::try_from(*next) else { continue };
            if let Some(place @ None) = causes.get_mut(next) {
                *place = Some(cause);
                stack.push((next, cause));
            }
        }
    }
    causes
}

/// Recorded objects that something which waits was made with: they stay, with what holds them.
pub fn held(walk: &Walk<'_>) -> BTreeMap<InstanceAddr, InstanceAddr> {
    if walk.later.all.is_empty() || walk.options.mode != Mode::Normal {
        return BTreeMap::new();
    }
    super::excludes::held_by(walk, &|addr| walk.later.has(addr))
}

/// Leaves a destruction to a later stage.
pub fn hold(walk: &mut Walk<'_>, addr: InstanceAddr, holder: &InstanceAddr) {
    let of = AddrPattern::Resource(addr.clone());
    walk.later.instances.insert(addr);
    let because = Some(AddrPattern::Resource(holder.clone()));
    walk.later.all.push(Deferred { addr: of, reason: USED.into(), because, waits_for: Vec::new() });
}

/// Refuses to let an object go before what waits has left it: of one that is made anew first, the old one.
pub fn check_held(walk: &mut Walk<'_>, held: &BTreeMap<InstanceAddr, InstanceAddr>) {
    if held.is_empty() {
        return;
    }
    let decided = walk.instances.iter().filter_map(|instance| instance.decision.as_deref());
    let changes = decided.map(|decision| &decision.change);
    let wrong: Vec<_> = changes
        .filter(|change| change.action == Action::CreateThenDelete)
        .filter_map(|change| {
            Some((change.addr.clone(), held.get(&change.addr)?.clone(), change.reasons.first().cloned()))
        })
        .collect();
    for (addr, holder, why) in wrong {
        let problem = diag::DEFERRED_HOLDS.at(addr.clone()).with("would be replaced", &addr).with("waits", holder);
        walk.problems.push(problem.detail(why.map(|why| why.to_string()).unwrap_or_default()));
    }
}

/// Objects that others live in and that are made anew, by provider and id. What lives there goes with it, though it
/// comes back in a later stage only.
pub struct Homes(BTreeMap<(Text, Text), InstanceAddr>);

impl Homes {
    /// Of a finished walk.
    pub fn new(walk: &Walk<'_>) -> Self {
        if walk.later.all.is_empty() {
            return Self(BTreeMap::new());
        }
        let decided = walk.instances.iter().filter_map(|instance| instance.decision.as_deref());
        let replaced = decided.map(|decision| &decision.change).filter(|change| change.action.is_replace());
        let key = |id: &ObjectId| (id.scope.provider.clone(), Text::from(id.to_string()));
        Self(replaced.filter_map(|change| Some((key(change.before_id.as_ref()?), change.addr.clone()))).collect())
    }

    /// The one that a recorded object lives in.
    pub fn of(&self, record: &Recorded) -> Option<InstanceAddr> {
        let home = record.sent.get("cluster").and_then(Value::as_text).filter(|_| !self.0.is_empty())?;
        self.0.get(&(record.id.scope.provider.clone(), home.clone())).cloned()
    }
}

/// What waits for a later stage, in the order of addresses.
pub fn deferred(walk: &Walk<'_>) -> Vec<Deferred> {
    if walk.options.mode != Mode::Normal {
        return Vec::new();
    }
    let mut all = walk.later.all.clone();
    all.sort_by_cached_key(|deferred| deferred.addr.to_string());
    all
}
