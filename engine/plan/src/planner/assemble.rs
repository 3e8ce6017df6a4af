//! The end of planning: orphans, drift, outputs and the order of steps become the plan.

use super::decide::Decision;
use super::frame::{Cell, FrameId};
use super::judge::{Actual, Stop};
use super::order::{self, Node};
use super::walk::Walk;
use super::{Selection, drift, recover, stages, targets};
use crate::diag;
use crate::outline;
use crate::plan::{Change, Drift, FORMAT, FactDigest, Fingerprint, Mode, OutputChange, Plan, Recovered};
use crate::state::{RecordKey, Recorded, State};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use terrane_core::change::{Action, Reason};
use terrane_core::{InstanceAddr, InstanceKey, Mode as BlockMode, ModulePath, Text, Type, Value};
use terrane_lang::program::{ModuleId, Repetition};
use terrane_provider::{StepSpec, StepsInput, Verb};

/// The plan; `None` where an error or an open question prevents one.
pub fn plan(walk: &mut Walk<'_>, recovered: Vec<Recovered>) -> Option<Plan> {
    stages::spread(walk);
    let (held, awaited) = (super::excludes::held(walk), stages::held(walk));
    let (orphans, imported) = (orphans(walk, &held, &awaited), super::imports::without_blocks(walk));
    let orphans = orphans?.into_iter().chain(imported?).chain(super::moves::left_behind(walk)).collect();
    super::excludes::check_held(walk, &held);
    stages::check_held(walk, &awaited);
    super::moves::check_sources(walk);
    targets::check_keys(walk);
    if walk.problems.iter().any(terrane_core::Diagnostic::is_error) {
        return None;
    }
    walk.checks();
    let (drift, outputs) = (drift::drift(walk), outputs(walk));
    finished(walk, recovered, Parts { decisions: orphans, drift, outputs })
}

/// What a plan is put together from, beside the decisions of the walk.
pub struct Parts {
    /// Decisions about recorded objects.
    pub decisions: Vec<Decision>,
    /// What somebody else changed.
    pub drift: Vec<Drift>,
    /// What happens to the outputs.
    pub outputs: Vec<OutputChange>,
}

/// The plan of these parts, with its steps in order.
pub fn finished(walk: &mut Walk<'_>, recovered: Vec<Recovered>, parts: Parts) -> Option<Plan> {
    let Parts { decisions, drift, outputs } = parts;
    let mut graph = Graph::new(walk, decisions);
    if walk.options.mode == Mode::RefreshOnly {
        graph.only_refresh();
    }
    let conditions = super::conditions::finish(walk, &mut graph);
    let steps = order::steps(&mut graph.nodes);
    if steps.is_none() {
        walk.problems.push(diag::ORDER_CYCLE.at(terrane_core::Place::Run));
    }
    let facts = walk.asker.facts().filter_map(|(key, answer)| {
        let value = answer.as_ref().ok()?.clone();
        let text = terrane_core::codec::to_text(&value, &Type::Any);
        Some(FactDigest { key: key.clone(), digest: crate::file::digest(text.as_bytes()), value })
    });
    Some(Plan {
        format: FORMAT,
        terrane_version: env!("CARGO_PKG_VERSION").into(),
        id: "".into(),
        made_at: walk.sources.plan_time().into(),
        expires_at: "".into(),
        mode: walk.options.mode,
        lineage: walk.state.lineage.clone(),
        serial: serial(walk, &recovered),
        fingerprint: Fingerprint { configuration: walk.program.digest.as_str().into(), sources: BTreeMap::new() },
        targets: walk.options.selection.targets().unwrap_or_default().to_vec(),
        since: since(walk),
        left_out: super::excludes::left_out(walk),
        variables: walk.variables.clone(),
        facts: facts.collect(),
        providers: walk.providers.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
        changes: graph.changes,
        drift,
        outputs,
        conditions,
        steps: steps?,
        deferred: stages::deferred(walk),
        recovered,
        outline: outline::of(walk.program),
        errors: Vec::new(),
    })
}

/// The serial of the state as it was read: what was found out about open intents is not written yet.
fn serial(walk: &Walk<'_>, recovered: &[Recovered]) -> u64 {
    let taken_in: usize = recovered.iter().map(|found| found.entries.len()).sum();
    walk.state.serial.saturating_sub(u64::try_from(taken_in).unwrap_or(0))
}

/// Objects that cannot go, with what holds them.
type Held = BTreeMap<InstanceAddr, InstanceAddr>;

/// Decisions about recorded objects that the configuration does not have.
fn orphans(walk: &mut Walk<'_>, held: &Held, awaited: &Held) -> Option<Vec<Decision>> {
    let mut desired: Vec<&InstanceAddr> = walk.instances.iter().filter_map(|i| i.addr.as_ref()).collect();
    // They stand in long runs already, which a stable sort makes use of.
    desired.sort();
    let mut desired = desired.into_iter().peekable();
    let mut is_desired = |addr: &InstanceAddr| {
        while desired.next_if(|next| *next < addr).is_some() {}
        desired.peek() == Some(&addr)
    };
    let records: Vec<(RecordKey, Arc<Recorded>)> = walk
        .state
        .objects
        .iter()
        .filter(|((addr, deposed), _)| !is_desired(addr) || deposed.is_some() || walk.later.has(addr))
        .map(|(key, record)| (key.clone(), record.clone()))
        .collect();
    let declared = Declared::new(walk);
    let homes = stages::Homes::new(walk);
    let mut decisions = Vec::new();
    let mut is_waiting = false;
    for ((addr, deposed), record) in records {
        if !targets::takes_part(walk, &addr) {
            continue;
        }
        let home = homes.of(&record).filter(|_| walk.later.has(&addr));
        if home.is_none() && walk.later.has(&addr) {
            continue;
        }
        if let Some(holder) = awaited.get(&addr) {
            stages::hold(walk, addr, holder);
            continue;
        }
        if let Some(holder) = held.get(&addr) {
            walk.excluded.instances.insert(addr, Some(holder.clone()));
            continue;
        }
        let key = (addr.clone(), deposed.clone());
        let reason = match (home, deposed, walk.options.mode) {
            (Some(parent), ..) => Reason::ParentGoes { parent },
            _ if walk.moves.leftovers.contains(&key) => Reason::Moved,
            _ if walk.moves.forgotten.contains(&key) => Reason::Removed,
            (None, Some(_), _) => Reason::Deposed,
            (None, None, Mode::Destroy) => match walk.taken_along.get(&addr) {
                Some(parent) => Reason::ParentGoes { parent: parent.clone() },
                None => Reason::DestroyRequested,
            },
            (None, None, Mode::Normal | Mode::RefreshOnly) if walk.moves.from.contains_key(&key) => {
                Reason::NoMoveTarget
            }
            (None, None, Mode::Normal | Mode::RefreshOnly) => declared.lacks(&addr),
        };
        match orphan(walk, &record, reason) {
            Ok(decision) => decisions.push(decision),
            Err(Stop::Wait) => is_waiting = true,
            Err(Stop::Broken | Stop::LeftOut | Stop::Deferred(_)) => {}
        }
    }
    (!is_waiting).then_some(decisions)
}

/// The blocks that the configuration has, by where they stand.
struct Declared<'p> {
    modules: BTreeMap<ModulePath, ModuleId>,
    blocks: BTreeMap<(ModuleId, Text, Text), &'p Repetition>,
}

impl<'p> Declared<'p> {
    fn new(walk: &Walk<'p>) -> Self {
        let mut blocks = BTreeMap::new();
        for (number, module) in walk.program.modules.iter().enumerate() {
            for resource in module.resources.iter().filter(|resource| resource.mode == BlockMode::Managed) {
                let key = (ModuleId(number), resource.type_name.clone(), resource.name.clone());
                blocks.insert(key, &resource.repetition);
            }
        }
        let modules = walk.frames.iter().map(|frame| (frame.path.clone(), frame.module)).collect();
        Self { modules, blocks }
    }

    /// Why the configuration does not have a recorded instance.
    fn lacks(&self, addr: &InstanceAddr) -> Reason {
        let Some(module) = self.modules.get(&addr.resource.module) else { return Reason::NoModule };
        let key = (*module, addr.resource.type_name.clone(), addr.resource.name.clone());
        match (self.blocks.get(&key), &addr.key) {
            (None, _) => Reason::NoResourceConfig,
            (Some(Repetition::Count(_)), Some(InstanceKey::Index(_))) => Reason::CountIndex,
            (Some(Repetition::ForEach(_)), Some(InstanceKey::Name(_))) => Reason::EachKey,
            (Some(_), _) => Reason::WrongRepetition,
        }
    }
}

fn orphan(walk: &mut Walk<'_>, record: &Arc<Recorded>, reason: Reason) -> Result<Decision, Stop> {
    let is_kept = matches!(reason, Reason::Moved | Reason::Removed);
    // Whether an object that stays is there, and whether it can be read, does not matter.
    let actual = if is_kept { Actual::Present(record.seen.clone()) } else { walk.actual(Some(record), None)? };
    let is_meant = walk.options.allow_destroy.iter().any(|pattern| pattern.matches(&record.addr));
    let (action, before, reason) = match actual {
        Actual::Present(value) if is_kept => (Action::Forget, value, reason),
        Actual::Present(value) => (Action::Delete, value, reason),
        Actual::Partial { seen, .. } => (Action::Delete, recover::overlaid(&record.seen, &seen), reason),
        Actual::None | Actual::Gone => (Action::Forget, Value::NULL, Reason::Gone),
    };
    if action == Action::Delete && record.prevent_destroy && !is_meant && walk.options.mode != Mode::RefreshOnly {
        walk.problems.push(
            diag::DESTROY_PREVENTED.at(record.addr.clone()).with("object", &record.id).detail(reason.to_string()),
        );
        return Err(Stop::Broken);
    }
    let mut destroy = Vec::new();
    if let (Action::Delete, Some(kind)) = (action, walk.registry.resource(&record.id.type_name)) {
        destroy = kind.steps(&StepsInput { verb: Verb::Delete, prior: &before, planned: &Value::NULL, changed: &[] });
        if let Some(partial) = record.partial.as_ref().filter(|partial| partial.verb == Verb::Delete) {
            destroy.retain(|step| !partial.done.contains(&step.name));
        }
    }
    let change = Change {
        deposed: record.deposed.clone(),
        reasons: vec![reason],
        before_id: Some(record.id.clone()),
        before_access: Some(record.access.clone()),
        before,
        schema_version: record.schema_version,
        dependencies: record.dependencies.clone(),
        create_before_destroy: record.create_before_destroy,
        timeouts: record.timeouts.clone(),
        ..Change::new(record.addr.clone(), action)
    };
    Ok(Decision { change: change.into(), record: Some(record.clone()), destroy, make: Vec::new() })
}

/// What happens to the outputs of the root module.
fn outputs(walk: &Walk<'_>) -> Vec<OutputChange> {
    let mut changes = Vec::new();
    let root = walk.module_of(FrameId(0));
    let declared = root.map(|(frame, module)| module.outputs.iter().zip(&frame.outputs)).into_iter().flatten();
    let mut names = BTreeSet::new();
    for (output, cell) in declared {
        if walk.options.mode == Mode::Destroy {
            break;
        }
        names.insert(output.name.clone());
        let recorded = walk.state.outputs.get(&output.name);
        let before = recorded.map_or(Value::NULL, |recorded| recorded.value.clone());
        let Cell::Ready(after, touched) = cell else { continue };
        // A refresh shows what is there, and nothing of what would be made.
        if walk.options.mode == Mode::RefreshOnly && !are_recorded(walk, touched) {
            continue;
        }
        let is_same = recorded.is_some_and(|r| r.value.is_same(after) && r.is_sensitive == output.is_sensitive);
        let action = match recorded {
            Some(_) if is_same => Action::NoOp,
            Some(_) => Action::Update,
            None => Action::Create,
        };
        let (name, is_sensitive) = (output.name.clone(), output.is_sensitive);
        changes.push(OutputChange { name, action, before, after: after.clone(), is_sensitive });
    }
    if walk.options.selection.targets().is_none() {
        for (name, recorded) in walk.state.outputs.iter().filter(|(name, _)| !names.contains(*name)) {
            changes.push(OutputChange {
                name: name.clone(),
                action: Action::Delete,
                before: recorded.value.clone(),
                after: Value::NULL,
                is_sensitive: recorded.is_sensitive,
            });
        }
    }
    changes.sort_by(|a, b| a.name.cmp(&b.name));
    changes
}

/// The version of the configuration whose difference is planned.
fn since(walk: &Walk<'_>) -> Option<terrane_core::Text> {
    match &walk.options.selection {
        Selection::Changed(changed) => Some(changed.since.clone()),
        Selection::Everything | Selection::Only(_) | Selection::AllBut(_) => None,
    }
}

/// Whether every object among vertices is recorded.
fn are_recorded(walk: &Walk<'_>, vertices: &[u32]) -> bool {
    let mut seen: BTreeSet<u32> = vertices.iter().copied().collect();
    let mut stack = vertices.to_vec();
    while let Some(vertex) = stack.pop() {
        let Some(instance) = usize::try_from(vertex).ok().and_then(|vertex| walk.instances.get(vertex)) else {
            continue;
        };
        match &instance.addr {
            Some(addr) if addr.resource.mode == BlockMode::Managed => {
                if walk.state.record(addr).is_none() {
                    return false;
                }
            }
            Some(_) | None => stack.extend(instance.deps.iter().filter(|dep| seen.insert(**dep))),
        }
    }
    true
}

/// Vertices of objects that go: all of them, and those that the configuration does not have by their resource.
struct Going<'d> {
    /// The vertex, and whether the configuration does not have it.
    by_addr: BTreeMap<&'d InstanceAddr, (u32, bool)>,
    by_resource: BTreeMap<&'d terrane_core::ResourceAddr, Vec<u32>>,
    /// A vertex for all instances of a resource that go, once it was asked for.
    joins: BTreeMap<&'d terrane_core::ResourceAddr, u32>,
}

impl<'d> Going<'d> {
    fn of(decisions: &'d [(usize, Decision)], first_orphan: usize) -> Self {
        let mut going = Self { by_addr: BTreeMap::new(), by_resource: BTreeMap::new(), joins: BTreeMap::new() };
        for (vertex, decision) in decisions {
            let (change, is_orphan) = (&decision.change, *vertex >= first_orphan);
            if !(change.action.is_replace() || is_orphan) {
                continue;
            }
            let vertex = u32::try_from(*vertex).unwrap_or(u32::MAX);
            going.by_addr.insert(&change.addr, (vertex, is_orphan));
            if is_orphan {
                going.by_resource.entry(&change.addr.resource).or_default().push(vertex);
            }
        }
        going
    }

    /// A vertex that goes before all instances of a resource that go.
    fn join(&mut self, addr: &InstanceAddr, nodes: &mut Vec<Node>) -> Option<u32> {
        let (resource, all) = self.by_resource.get_key_value(&*addr.resource)?;
        Some(*self.joins.entry(resource).or_insert_with(|| {
            nodes.push(Node { deps: all.clone(), rank: u32::MAX, ..Node::default() });
            u32::try_from(nodes.len() - 1).unwrap_or(u32::MAX)
        }))
    }
}

/// Changes in the order of addresses, and the graph of their vertices.
pub struct Graph {
    changes: Vec<Arc<Change>>,
    pub(super) nodes: Vec<Node>,
}

impl Graph {
    fn new(walk: &mut Walk<'_>, orphans: Vec<Decision>) -> Self {
        let mut nodes: Vec<Node> = Vec::with_capacity(walk.instances.len() + orphans.len());
        let mut decisions: Vec<(usize, Decision)> = Vec::with_capacity(nodes.capacity());
        for (vertex, dependencies) in dependencies(walk).into_iter().enumerate() {
            let Some(instance) = walk.instances.get_mut(vertex) else { continue };
            nodes.push(Node { deps: instance.deps.to_vec(), ..Node::default() });
            if let Some(mut decision) = instance.decision.take() {
                let change = Arc::make_mut(&mut decision.change);
                let recorded = decision.record.as_ref();
                let key = (change.addr.clone(), None);
                change.moved_from = walk.moves.from.get(&key).cloned();
                change.is_rerecorded |= change.action == Action::NoOp
                    && (recorded.is_some_and(|record| record.dependencies != dependencies)
                        || change.moved_from.is_some()
                        || walk.moves.redirected.contains(&key));
                change.dependencies = dependencies;
                decisions.push((vertex, *decision));
            }
        }
        let first_orphan = nodes.len();
        for mut decision in orphans {
            let key = (decision.change.addr.clone(), decision.change.deposed.clone());
            if let Some(from) = walk.moves.from.get(&key) {
                Arc::make_mut(&mut decision.change).moved_from = Some(from.clone());
            }
            decisions.push((nodes.len(), decision));
            nodes.push(Node::default());
        }
        let mut graph = Self { changes: Vec::new(), nodes };
        graph.connect_orphans(&decisions, first_orphan);
        graph.connect_left(&decisions, first_orphan, &walk.state);
        for (vertex, decision) in &decisions {
            if let Some(node) = graph.nodes.get_mut(*vertex) {
                node.is_create_first = decision.change.create_before_destroy;
                node.is_replaced = decision.change.action.is_replace();
            }
        }
        order::spread_create_first(&mut graph.nodes);
        graph.take_places(&decisions);
        graph.rank(walk, &decisions);
        graph.fill(walk, decisions);
        graph
    }

    /// Edges of recorded objects that the configuration does not have, by the recorded addresses.
    fn connect_orphans(&mut self, decisions: &[(usize, Decision)], first_orphan: usize) {
        if decisions.iter().all(|(vertex, _)| *vertex < first_orphan) {
            return;
        }
        let mut by_addr: BTreeMap<&InstanceAddr, u32> = BTreeMap::new();
        let mut by_resource: BTreeMap<&terrane_core::ResourceAddr, Vec<u32>> = BTreeMap::new();
        for (vertex, decision) in decisions {
            let vertex = u32::try_from(*vertex).unwrap_or(u32::MAX);
            by_addr.insert(&decision.change.addr, vertex);
            by_resource.entry(&decision.change.addr.resource).or_default().push(vertex);
        }
        let mut joins: BTreeMap<InstanceAddr, u32> = BTreeMap::new();
        for (vertex, decision) in decisions {
            if *vertex < first_orphan {
                continue;
            }
            let mut deps = Vec::new();
            for addr in &decision.change.dependencies {
                if let Some(dep) = by_addr.get(addr) {
                    deps.push(*dep);
                } else if let (None, Some(all)) = (&addr.key, by_resource.get(&*addr.resource)) {
                    let join = *joins.entry(addr.clone()).or_insert_with(|| {
                        self.nodes.push(Node { deps: all.clone(), rank: u32::MAX, ..Node::default() });
                        u32::try_from(self.nodes.len() - 1).unwrap_or(u32::MAX)
                    });
                    deps.push(join);
                }
            }
            let own = u32::try_from(*vertex).unwrap_or(u32::MAX);
            deps.retain(|dep| *dep != own);
            if let Some(node) = self.nodes.get_mut(*vertex) {
                node.deps = deps;
            }
        }
    }

    /// What used an object that goes, and is changed to use it no more: the change comes first. A replaced object goes
    /// before what it lived in does.
    fn connect_left(&mut self, decisions: &[(usize, Decision)], first_orphan: usize, state: &State) {
        let mut going = Going::of(decisions, first_orphan);
        if going.by_addr.is_empty() {
            return;
        }
        let changed = |change: &Change| change.action == Action::Update || change.action.is_replace();
        for (vertex, decision) in decisions.iter().filter(|(_, decision)| changed(&decision.change)) {
            let change = &decision.change;
            let Some(record) = state.record(&change.addr) else { continue };
            let own = u32::try_from(*vertex).unwrap_or(u32::MAX);
            let mut left = Vec::new();
            for addr in &record.dependencies {
                match going.by_addr.get(addr) {
                    Some((other, true)) => left.push(*other),
                    Some((other, false)) => {
                        // Two that are replaced may have changed places.
                        let is_left = !change.action.is_replace() && !change.dependencies.contains(addr);
                        left.extend(is_left.then_some(*other));
                    }
                    None if addr.key.is_none() => left.extend(going.join(addr, &mut self.nodes)),
                    None => {}
                }
            }
            left.retain(|other| *other != own);
            if let Some(node) = self.nodes.get_mut(*vertex) {
                if change.action.is_replace() { node.deps.extend(left) } else { node.leaves = left }
            }
        }
    }

    /// An object that goes and one that comes with the same identity: first one, then the other.
    fn take_places(&mut self, decisions: &[(usize, Decision)]) {
        let going: BTreeMap<_, u32> = decisions
            .iter()
            .filter(|(_, decision)| decision.change.action == Action::Delete)
            .filter_map(|(vertex, decision)| Some((decision.change.before_id.clone()?, u32::try_from(*vertex).ok()?)))
            .collect();
        if going.is_empty() {
            return;
        }
        for (vertex, decision) in decisions {
            if decision.make.is_empty() || decision.change.action == Action::Update {
                continue;
            }
            let other = decision.change.after_id.as_ref().and_then(|id| going.get(id));
            if let (Some(other), Some(node)) = (other, self.nodes.get_mut(*vertex)) {
                node.takes_place_of = Some(*other);
            }
        }
    }

    /// Ranks by address, so that the order of steps does not depend on the order of answers.
    fn rank(&mut self, walk: &Walk<'_>, decisions: &[(usize, Decision)]) {
        let mut all: Vec<(&InstanceAddr, Option<&Text>, usize)> =
            decisions.iter().map(|(v, d)| (&d.change.addr, d.change.deposed.as_ref(), *v)).collect();
        let undecided = walk.instances.iter().enumerate().filter_map(|(v, i)| Some((i.addr.as_ref()?, None, v)));
        let mut is_decided = vec![false; self.nodes.len()];
        for (vertex, _) in decisions {
            if let Some(place) = is_decided.get_mut(*vertex) {
                *place = true;
            }
        }
        all.extend(undecided.filter(|(_, _, v)| is_decided.get(*v) == Some(&false)));
        // Long runs of them stand in order already.
        all.sort();
        for (rank, (_, _, vertex)) in all.iter().enumerate() {
            if let Some(node) = self.nodes.get_mut(*vertex) {
                node.rank = u32::try_from(rank).unwrap_or(u32::MAX);
            }
        }
        for vertex in 0..walk.instances.len() {
            if walk.instances.get(vertex).is_some_and(|instance| instance.addr.is_none()) {
                let deps = self.nodes.get(vertex).map(|node| node.deps.clone()).unwrap_or_default();
                let ranks = deps.iter().filter_map(|dep| self.nodes.get(usize::try_from(*dep).ok()?).map(|n| n.rank));
                let rank = ranks.max().unwrap_or(0);
                if let Some(node) = self.nodes.get_mut(vertex) {
                    node.rank = rank;
                }
            }
        }
    }

    fn fill(&mut self, walk: &Walk<'_>, mut decisions: Vec<(usize, Decision)>) {
        // Ranks are in the order of addresses.
        decisions.sort_by_key(|(vertex, _)| self.nodes.get(*vertex).map(|node| node.rank));
        self.changes.reserve_exact(decisions.len());
        for (number, (vertex, mut decision)) in decisions.into_iter().enumerate() {
            let (destroy, make) = (std::mem::take(&mut decision.destroy), std::mem::take(&mut decision.make));
            let (destroy, make) = timed(walk, &decision.change, destroy, make);
            let change = Arc::make_mut(&mut decision.change);
            if let Some(node) = self.nodes.get_mut(vertex) {
                node.change = u32::try_from(number).ok();
                (node.destroy, node.make) = (destroy, make);
                if change.action == Action::DeleteThenCreate && node.is_create_first {
                    change.action = Action::CreateThenDelete;
                }
                change.create_before_destroy = node.is_create_first;
            }
            self.changes.push(decision.change);
        }
    }

    /// Nothing is done to objects: what is seen goes into the record.
    fn only_refresh(&mut self) {
        for node in &mut self.nodes {
            node.make.clear();
            node.destroy.clear();
        }
        for change in self.changes.iter_mut().map(Arc::make_mut) {
            change.leaves.clear();
            change.handed_over.clear();
            match change.action {
                Action::Forget => {}
                // Where parts are left the record stays: it is the only one that knows of them.
                Action::Create if change.reasons == [Reason::Gone] => change.action = Action::Forget,
                Action::Update | Action::DeleteThenCreate | Action::CreateThenDelete | Action::NoOp => {
                    change.action = Action::NoOp;
                    change.is_rerecorded = true;
                    change.after = change.before.clone();
                    change.after_id = change.before_id.clone();
                }
                Action::Create | Action::Delete | Action::Read => {
                    change.action = Action::NoOp;
                    change.after_id = None;
                    change.is_rerecorded = false;
                }
            }
        }
    }
}

/// Steps with the seconds after which each is given up.
type Timed = Vec<(StepSpec, u64)>;

fn timed(walk: &Walk<'_>, change: &Change, destroy: Vec<StepSpec>, make: Vec<StepSpec>) -> (Timed, Timed) {
    if destroy.is_empty() && make.is_empty() {
        return (Vec::new(), Vec::new());
    }
    let type_name = &change.addr.resource.type_name;
    let provider = walk.registry.provider_of(type_name).and_then(|name| walk.registry.provider(name));
    let limits = provider.map(|provider| provider.limits());
    let timed = |step: StepSpec| {
        let written = change.timeouts.get(step.verb.name()).copied();
        let seconds =
            written.unwrap_or_else(|| limits.as_ref().map_or(3_600, |limits| limits.deadline_s(type_name, step.verb)));
        (step, seconds)
    };
    (destroy.into_iter().map(timed).collect(), make.into_iter().map(timed).collect())
}

/// Addresses that each vertex refers to, through joins and data; a join of many stands as blocks without keys.
fn dependencies(walk: &Walk<'_>) -> Vec<Vec<InstanceAddr>> {
    let mut blocks: BTreeMap<u32, BTreeSet<InstanceAddr>> = BTreeMap::new();
    walk.instances
        .iter()
        .map(|instance| {
            let mut found = BTreeSet::new();
            for dep in &instance.deps {
                name(walk, *dep, &mut found, &mut blocks);
            }
            found.into_iter().collect()
        })
        .collect()
}

fn name(
    walk: &Walk<'_>,
    vertex: u32,
    found: &mut BTreeSet<InstanceAddr>,
    blocks: &mut BTreeMap<u32, BTreeSet<InstanceAddr>>,
) {
    let Some(instance) = usize::try_from(vertex).ok().and_then(|vertex| walk.instances.get(vertex)) else { return };
    match &instance.addr {
        Some(addr) if addr.resource.mode == BlockMode::Managed => {
            found.insert(addr.clone());
        }
        Some(_) => {
            for dep in &instance.deps {
                name(walk, *dep, found, blocks);
            }
        }
        None => {
            if !blocks.contains_key(&vertex) {
                let mut inner = BTreeSet::new();
                for dep in &instance.deps {
                    name(walk, *dep, &mut inner, blocks);
                }
                let whole = inner.into_iter().map(|addr| InstanceAddr::new(addr.resource, None)).collect();
                blocks.insert(vertex, whole);
            }
            found.extend(blocks.get(&vertex).into_iter().flatten().cloned());
        }
    }
}
