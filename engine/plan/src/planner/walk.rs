//! The walk over the program: every declaration evaluated as soon as what it refers to is known.

use super::ask::Asker;
use super::conditions::{About, Judged};
use super::decide::{Decision, triggering};
use super::frame::{Cell, Frame, FrameId, KeySet, Keys, Over, Repeated, Slot, Vertex};
use super::imports::Imports;
use super::judge::Stop;
use super::keys::{self, Evaluated};
use super::moves::Moves;
use super::scope::PlanScope;
use super::stages::Waits;
use super::{Options, Selection};
use crate::condition::ConditionOf;
use crate::diag;
use crate::plan::Origin;
use crate::state::{Recorded, State};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use terrane_core::{
    AddrPattern, Diagnostic, InstanceAddr, ModulePath, ObjectId, Residual, ResourceAddr, SourceMap, Span, Text, Type,
    Value,
};
use terrane_lang::eval;
use terrane_lang::eval::ir::{Expr, ExprKind, Referent};
use terrane_lang::program::{Input, InputSource, Module, ModuleId, Node, Program, Repetition, Resource, Target};
use terrane_lang::{Sources, inputs};
use terrane_provider::{ProviderName, Registry};

/// More vertices than this behind one value become one join, so that edges stay few.
const JOIN_ABOVE: usize = 8;

/// An instance of a resource or data block, or a join of many vertices.
#[derive(Debug)]
pub struct Instance {
    /// Its address; `None` for a join.
    pub addr: Option<InstanceAddr>,
    /// The frame it stands in.
    pub frame: FrameId,
    /// The resource, by number in the module.
    pub resource: usize,
    /// Its position among the instances of the resource.
    pub position: usize,
    /// What references to it see.
    pub value: Cell,
    /// What it refers to.
    pub deps: Box<[Vertex]>,
    /// What happens to it; `None` for data, joins and what is not decided.
    pub decision: Option<Box<Decision>>,
}

/// How far an attempt came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// It is done, well or badly.
    Done,
    /// It waits for an answer or for something that waits.
    Blocked,
}

/// Everything that planning knows so far.
pub struct Walk<'a> {
    /// The program.
    pub program: &'a Program,
    /// Given variables, by name.
    pub inputs: BTreeMap<Text, &'a Input>,
    /// The linked providers.
    pub registry: &'a Registry,
    /// The recorded state, with what was found out about open intents.
    pub state: Cow<'a, State>,
    /// Files, environment, clock.
    pub sources: &'a dyn Sources,
    /// What was asked for.
    pub options: Options,
    /// Module instances.
    pub frames: Vec<Frame>,
    /// Frames of each static module.
    pub frames_of: Vec<Vec<FrameId>>,
    /// Instances and joins.
    pub instances: Vec<Instance>,
    /// Instances with a remote side, by the text of their id.
    pub by_id: BTreeMap<(Text, Text), (ObjectId, Vertex)>,
    /// Records by the identity of their object, once somebody asked for one.
    pub recorded_by_id: Option<BTreeMap<ObjectId, Arc<Recorded>>>,
    /// What is to be imported.
    pub imports: Imports,
    /// What became of recorded addresses.
    pub moves: Moves,
    /// Provider configurations.
    pub providers: BTreeMap<ProviderName, Value>,
    /// Root variables for the plan: sensitive ones as expressions.
    pub variables: BTreeMap<Text, Value>,
    /// Conditions so far, by what they are about.
    pub conditions: BTreeMap<ConditionOf, Judged>,
    /// Questions and answers.
    pub asker: Asker,
    /// Problems so far.
    pub problems: Vec<Diagnostic>,
    /// Which nodes of the program take part.
    pub is_wanted: Vec<bool>,
    /// Blocks that take part, where something is targeted.
    pub wanted_blocks: BTreeSet<super::targets::Block>,
    /// Instances that take part because what they live in goes, or because something that takes part needs them; with
    /// its address.
    pub taken_along: BTreeMap<InstanceAddr, InstanceAddr>,
    /// What `-exclude` leaves out, and what came to light about it.
    pub excluded: super::excludes::Excluded,
    /// What waits for a later stage.
    pub later: super::stages::Later,
    /// Instances that take no part so far, and that something needs that takes part.
    pub needed: BTreeMap<InstanceAddr, InstanceAddr>,
    /// Nodes that are not done, by number.
    pending: Vec<usize>,
    joins: BTreeMap<(FrameId, TargetKey), Vertex>,
}

/// A target as a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum TargetKey {
    Resource(usize),
    Call(usize),
}

impl<'a> Walk<'a> {
    /// A walk that has not begun.
    pub fn new(
        program: &'a Program,
        given: &'a [Input],
        registry: &'a Registry,
        state: &'a State,
        sources: &'a dyn Sources,
        options: Options,
    ) -> Self {
        let mut walk = Self {
            program,
            inputs: given.iter().map(|input| (input.name.clone(), input)).collect(),
            registry,
            state: Cow::Borrowed(state),
            sources,
            options,
            frames: Vec::new(),
            frames_of: vec![Vec::new(); program.modules.len()],
            instances: Vec::new(),
            by_id: BTreeMap::new(),
            recorded_by_id: None,
            imports: Imports::default(),
            moves: Moves::default(),
            providers: BTreeMap::new(),
            variables: BTreeMap::new(),
            conditions: BTreeMap::new(),
            asker: Asker::default(),
            problems: Vec::new(),
            is_wanted: vec![true; program.order.len()],
            wanted_blocks: BTreeSet::new(),
            taken_along: BTreeMap::new(),
            excluded: super::excludes::Excluded::default(),
            later: super::stages::Later::default(),
            needed: BTreeMap::new(),
            pending: Vec::new(),
            joins: BTreeMap::new(),
        };
        if !program.modules.is_empty() {
            walk.push_frame(ModuleId(0), ModulePath::root(), None, Repeated::default());
        }
        walk.pending = (0..program.order.len()).collect();
        walk
    }

    /// Evaluates whatever can be. `true` when nothing is left.
    pub fn run(&mut self) -> bool {
        let pending = std::mem::take(&mut self.pending);
        for number in pending {
            let is_wanted = self.is_wanted.get(number).copied().unwrap_or(true);
            let Some(node) = self.program.order.get(number).copied() else { continue };
            if is_wanted && self.attempt(node) == Attempt::Blocked {
                self.pending.push(number);
            }
        }
        self.pending.is_empty()
    }

    /// Makes more of the program take part, after a first run; `left_out` are instances that it passed over.
    pub fn resume(&mut self, wanted: &BTreeSet<Node>, left_out: &BTreeMap<InstanceAddr, InstanceAddr>) {
        for (number, node) in self.program.order.iter().enumerate() {
            if let (Some(place), true) = (self.is_wanted.get_mut(number), wanted.contains(node)) {
                *place = true;
                self.pending.push(number);
            }
        }
        for instance in &mut self.instances {
            if instance.addr.as_ref().is_some_and(|addr| left_out.contains_key(addr)) {
                instance.value = Cell::Pending;
            }
        }
    }

    /// Evaluates anew whatever needed objects that took no part.
    pub fn retry(&mut self) {
        for frame in &mut self.frames {
            for cell in frame.variables.iter_mut().chain(&mut frame.locals).chain(&mut frame.outputs) {
                if matches!(cell, Cell::LeftOut(_)) {
                    *cell = Cell::Pending;
                }
            }
            for slot in frame.resources.iter_mut().chain(&mut frame.calls) {
                if matches!(slot, Slot::LeftOut(_)) {
                    *slot = Slot::Pending;
                }
            }
        }
        for instance in &mut self.instances {
            if matches!(instance.value, Cell::LeftOut(_)) {
                instance.value = Cell::Pending;
            }
        }
        self.pending = (0..self.program.order.len()).collect();
    }

    fn attempt(&mut self, node: Node) -> Attempt {
        match node {
            Node::Variable(module, index) => self.each_frame(module, |walk, frame| walk.variable(frame, index)),
            Node::Local(module, index) => self.each_frame(module, |walk, frame| walk.local(frame, index)),
            Node::Output(module, index) => self.each_frame(module, |walk, frame| walk.output(frame, index)),
            Node::Call(module, index) => self.each_frame(module, |walk, frame| walk.call(frame, index)),
            Node::Resource(module, index) => self.each_frame(module, |walk, frame| walk.resource(frame, index)),
            Node::Provider(module, index) => self.each_frame(module, |walk, frame| walk.provider(frame, index)),
            Node::Import(number) => self.import(number),
        }
    }

    fn each_frame(&mut self, module: ModuleId, mut visit: impl FnMut(&mut Self, FrameId) -> Attempt) -> Attempt {
        let caller = self.program.modules.get(module.0).and_then(|module| module.caller);
        if let Some((outer, call)) = caller
            && !self.is_expanded(outer, call)
        {
            return Attempt::Blocked;
        }
        let count = self.frames_of.get(module.0).map_or(0, Vec::len);
        let mut result = Attempt::Done;
        for at in 0..count {
            let Some(frame) = self.frames_of.get(module.0).and_then(|frames| frames.get(at)).copied() else { break };
            if visit(self, frame) == Attempt::Blocked {
                result = Attempt::Blocked;
            }
        }
        result
    }

    /// Whether the call has made all its frames (or never will).
    fn is_expanded(&self, module: ModuleId, call: usize) -> bool {
        let caller = self.program.modules.get(module.0).and_then(|module| module.caller);
        let outer_done = caller.is_none_or(|(outer, call)| self.is_expanded(outer, call));
        let frames = self.frames_of.get(module.0);
        outer_done
            && frames.is_some_and(|frames| {
                frames.iter().all(|frame| {
                    let slot = self.frames.get(frame.0).and_then(|frame| frame.calls.get(call));
                    matches!(slot, Some(Slot::Ready { .. } | Slot::Broken | Slot::LeftOut(_) | Slot::Deferred(..)))
                })
            })
    }

    fn push_frame(
        &mut self,
        module: ModuleId,
        path: ModulePath,
        parent: Option<FrameId>,
        repeated: Repeated,
    ) -> FrameId {
        let id = FrameId(self.frames.len());
        let empty = Module {
            caller: None,
            folder: ".".into(),
            variables: Vec::new(),
            locals: Vec::new(),
            resources: Vec::new(),
            calls: Vec::new(),
            outputs: Vec::new(),
            providers: Vec::new(),
            moves: Vec::new(),
            removals: Vec::new(),
            checks: Vec::new(),
        };
        let of = self.program.modules.get(module.0).unwrap_or(&empty);
        let above = parent.and_then(|parent| self.frames.get(parent.0)).map(|frame| frame.waits_for.clone());
        let above = above.unwrap_or_default();
        let waits_for =
            if repeated.over.is_empty() { above } else { above.iter().chain(&*repeated.over).copied().collect() };
        self.frames.push(Frame {
            module,
            path,
            parent,
            repeated,
            waits_for,
            variables: vec![Cell::Pending; of.variables.len()],
            locals: vec![Cell::Pending; of.locals.len()],
            outputs: vec![Cell::Pending; of.outputs.len()],
            resources: vec![Slot::Pending; of.resources.len()],
            calls: vec![Slot::Pending; of.calls.len()],
        });
        if let Some(frames) = self.frames_of.get_mut(module.0) {
            frames.push(id);
        }
        id
    }

    /// The frame and its static module.
    pub fn module_of(&self, frame: FrameId) -> Option<(&Frame, &'a Module)> {
        let frame = self.frames.get(frame.0)?;
        Some((frame, self.program.modules.get(frame.module.0)?))
    }

    /// Evaluates something in a scope: a cell, or `None` where it has to wait.
    fn evaluated(
        &mut self,
        frame: FrameId,
        repeated: Repeated,
        evaluate: impl FnOnce(&PlanScope<'_, 'a>, &mut Vec<Diagnostic>) -> Option<Value>,
    ) -> Option<Cell> {
        let mut problems = Vec::new();
        let scope = PlanScope::new(self, frame, repeated);
        let value = evaluate(&scope, &mut problems);
        if scope.is_blocked() {
            return None;
        }
        if scope.is_broken() {
            return Some(Cell::Broken);
        }
        let (is_left_out, deferred) = (scope.is_left_out(), scope.deferred());
        let touched = scope.into_touched();
        if is_left_out {
            return Some(Cell::LeftOut(self.joined(touched)));
        }
        if let Some(cause) = deferred {
            return Some(Cell::Deferred(cause));
        }
        let has_error = problems.iter().any(Diagnostic::is_error);
        self.problems.append(&mut problems);
        Some(match value {
            Some(value) if !has_error => Cell::Ready(value, self.joined(touched)),
            _ => Cell::Broken,
        })
    }

    /// Few vertices as they are, many as one join.
    fn joined(&mut self, touched: Vec<Vertex>) -> Arc<[Vertex]> {
        if touched.len() <= JOIN_ABOVE {
            return touched.into();
        }
        Arc::from([self.push_join(touched)])
    }

    pub fn push_join(&mut self, deps: Vec<Vertex>) -> Vertex {
        let vertex = Vertex::try_from(self.instances.len()).unwrap_or(Vertex::MAX);
        self.instances.push(Instance {
            addr: None,
            frame: FrameId(0),
            resource: usize::MAX,
            position: 0,
            value: Cell::Pending,
            deps: deps.into(),
            decision: None,
        });
        vertex
    }

    fn variable(&mut self, frame: FrameId, index: usize) -> Attempt {
        let Some((found, module)) = self.module_of(frame) else { return Attempt::Done };
        if !matches!(found.variables.get(index), Some(Cell::Pending)) {
            return self.validate(frame, index);
        }
        let Some(variable) = module.variables.get(index) else { return Attempt::Done };
        let cell = match (found.parent, module.caller) {
            (Some(parent), Some((caller, call))) => {
                let argument = self
                    .program
                    .modules
                    .get(caller.0)
                    .and_then(|module| module.calls.get(call))
                    .and_then(|call| call.arguments.get(index))
                    .and_then(Option::as_ref);
                let repeated = found.repeated.clone();
                self.evaluated(parent, repeated, |scope, problems| match argument {
                    None => inputs::variable_value(variable, None, problems),
                    Some(argument) => {
                        let value = eval::evaluate(argument, scope, problems)?;
                        passed(variable, value, argument.span, problems)
                    }
                })
            }
            _ => {
                let input = self.inputs.get(&variable.name).copied();
                self.evaluated(frame, Repeated::default(), |_, problems| {
                    let value = inputs::variable_value(variable, input, problems)?;
                    Some(sealed(variable, input, value))
                })
            }
        };
        let Some(cell) = cell else { return Attempt::Blocked };
        if let (Cell::Ready(value, _), true) = (&cell, frame == FrameId(0)) {
            self.variables.insert(variable.name.clone(), value.clone());
        }
        self.set(frame, |frame| frame.variables.get_mut(index), cell);
        self.validate(frame, index)
    }

    /// Validations see more than the variable, so they may have to wait though it has its value.
    fn validate(&mut self, frame: FrameId, index: usize) -> Attempt {
        let Some((found, module)) = self.module_of(frame) else { return Attempt::Done };
        let Some(variable) = module.variables.get(index) else { return Attempt::Done };
        if variable.validations.is_empty() {
            return Attempt::Done;
        }
        let of = ConditionOf::Variable { module: found.path.to_string().into(), name: variable.name.clone() };
        if self.conditions.contains_key(&of) {
            return Attempt::Done;
        }
        let about = About::new(of, frame).at(variable.span);
        match self.hold(about, &variable.validations) {
            Err(Stop::Wait) => Attempt::Blocked,
            Ok(_) | Err(Stop::Broken | Stop::LeftOut | Stop::Deferred(_)) => Attempt::Done,
        }
    }

    fn set(&mut self, frame: FrameId, place: impl FnOnce(&mut Frame) -> Option<&mut Cell>, cell: Cell) {
        if let Some(place) = self.frames.get_mut(frame.0).and_then(place) {
            *place = cell;
        }
    }

    fn local(&mut self, frame: FrameId, index: usize) -> Attempt {
        let Some((found, module)) = self.module_of(frame) else { return Attempt::Done };
        let (Some(Cell::Pending), Some(local)) = (found.locals.get(index), module.locals.get(index)) else {
            return Attempt::Done;
        };
        let cell =
            self.evaluated(frame, Repeated::default(), |scope, problems| eval::evaluate(&local.value, scope, problems));
        let Some(cell) = cell else { return Attempt::Blocked };
        self.set(frame, |frame| frame.locals.get_mut(index), cell);
        Attempt::Done
    }

    fn output(&mut self, frame: FrameId, index: usize) -> Attempt {
        let Some((found, module)) = self.module_of(frame) else { return Attempt::Done };
        let (Some(Cell::Pending), Some(output)) = (found.outputs.get(index), module.outputs.get(index)) else {
            return Attempt::Done;
        };
        let is_root = frame == FrameId(0);
        let cell = self.evaluated(frame, Repeated::default(), |scope, problems| {
            let value = eval::evaluate(&output.value, scope, problems)?;
            if is_root && value.has_sensitive() && !output.is_sensitive {
                problems.push(diag::OUTPUT_SENSITIVE.at(output.span).with("output", &output.name));
                return None;
            }
            Some(if output.is_sensitive { value.sensitive() } else { value })
        });
        let Some(mut cell) = cell else { return Attempt::Blocked };
        if !output.depends_on.is_empty() {
            let Some(targets) = self.targets(frame, &output.depends_on) else { return Attempt::Blocked };
            cell = cell.touching(targets);
        }
        if let (false, Cell::Ready(..)) = (output.preconditions.is_empty(), &cell) {
            match self.output_holds(frame, output) {
                Err(Stop::Wait) => return Attempt::Blocked,
                Err(Stop::Broken) => cell = Cell::Broken,
                Err(Stop::Deferred(cause)) => cell = Cell::Deferred(cause),
                Ok(_) | Err(Stop::LeftOut) => {}
            }
        }
        self.set(frame, |frame| frame.outputs.get_mut(index), cell);
        Attempt::Done
    }

    fn provider(&mut self, frame: FrameId, index: usize) -> Attempt {
        let Some((_, module)) = self.module_of(frame) else { return Attempt::Done };
        let Some(block) = module.providers.get(index) else { return Attempt::Done };
        let name = ProviderName { name: block.provider.name.clone(), alias: block.provider.alias.clone() };
        if self.providers.contains_key(&name) {
            return Attempt::Done;
        }
        let cell = self.evaluated(frame, Repeated::default(), |scope, problems| {
            let value = eval::evaluate_body(&block.body, &block.schema.body, scope, problems)?;
            for violation in terrane_core::schema::violations(&block.schema, &value) {
                let span = block.body.span_of(&violation.path).unwrap_or(block.span);
                problems.push(diag::ARGUMENT_INVALID.at(span).detail(violation.detail));
            }
            Some(value)
        });
        match cell {
            None => Attempt::Blocked,
            Some(Cell::Ready(value, touched)) => {
                if !touched.is_empty() && !value.is_wholly_known() {
                    self.problems.push(diag::PROVIDER_KNOWN_AFTER_APPLY.at(block.span).with("provider", &name));
                }
                self.providers.insert(name, value);
                Attempt::Done
            }
            Some(Cell::LeftOut(_) | Cell::Deferred(_)) => {
                self.problems.push(diag::PROVIDER_KNOWN_AFTER_APPLY.at(block.span).with("provider", &name));
                Attempt::Done
            }
            Some(_) => Attempt::Done,
        }
    }

    fn call(&mut self, frame: FrameId, index: usize) -> Attempt {
        let Some((found, module)) = self.module_of(frame) else { return Attempt::Done };
        let (Some(Slot::Pending), Some(call)) = (found.calls.get(index), module.calls.get(index)) else {
            return Attempt::Done;
        };
        let path = found.path.clone();
        let Some(waits) = self.targets(frame, &call.depends_on) else { return Attempt::Blocked };
        let of = AddrPattern::Module(path.child(call.name.clone(), None));
        let keys = match self.repetition(frame, &call.repetition, of) {
            Ok(keys) => keys,
            Err(Slot::Pending) => return Attempt::Blocked,
            Err(slot) => {
                if matches!(slot, Slot::LeftOut(_)) && self.options.selection.is_all_but() {
                    self.excluded.calls.insert(path.child(call.name.clone(), None));
                }
                self.set_slot(frame, |frame| frame.calls.get_mut(index), slot);
                return Attempt::Done;
            }
        };
        let first = self.frames.len();
        for at in 0..keys.len() {
            let child = path.child(call.name.clone(), keys.key(at));
            let id = self.push_frame(call.module, child, Some(frame), keys.repeated(at));
            if let (Some(child), false) = (self.frames.get_mut(id.0), waits.is_empty()) {
                child.waits_for = child.waits_for.iter().chain(&waits).copied().collect();
            }
        }
        self.set_slot(frame, |frame| frame.calls.get_mut(index), Slot::Ready { keys, first });
        Attempt::Done
    }

    fn set_slot(&mut self, frame: FrameId, place: impl FnOnce(&mut Frame) -> Option<&mut Slot>, slot: Slot) {
        if let Some(place) = self.frames.get_mut(frame.0).and_then(place) {
            *place = slot;
        }
    }

    /// The keys of a block, or what its slot becomes instead.
    fn repetition(&mut self, frame: FrameId, of: &Repetition, addr: AddrPattern) -> Result<Keys, Slot> {
        let mut problems = Vec::new();
        let scope = PlanScope::new(self, frame, Repeated::default());
        let evaluated = keys::evaluate(of, &scope, &mut problems);
        if scope.is_blocked() {
            return Err(Slot::Pending);
        }
        if scope.is_broken() {
            return Err(Slot::Broken);
        }
        let (is_left_out, deferred) = (scope.is_left_out(), scope.deferred());
        let touched = scope.into_touched();
        if is_left_out {
            self.bring_along(&touched, None);
            return Err(Slot::LeftOut(self.joined(touched)));
        }
        if let Some(cause) = deferred {
            return Err(self.defer_keys(addr, Waits::With(cause)));
        }
        self.problems.append(&mut problems);
        let set = match evaluated {
            None => return Err(Slot::Broken),
            Some(Evaluated::Keys(set)) => set,
            Some(Evaluated::Open(value, span)) => {
                let waits = keys::waits_for(&value);
                // What no apply makes known would wait for ever.
                if waits.is_empty() {
                    self.problems.push(keys::not_known(&value, span));
                    return Err(Slot::Broken);
                }
                return Err(self.defer_keys(addr, Waits::For(waits)));
            }
        };
        let over = match self.chained(frame, of) {
            Some(first) => Over::SameKey(first),
            None => Over::All(self.joined(touched)),
        };
        Ok(Keys { set, over })
    }

    /// The first instance of the block that is the whole of a `for_each`, where that block has keys itself. Without
    /// this, an instance would wait for all instances of that block instead of the one of its key.
    fn chained(&self, frame: FrameId, of: &Repetition) -> Option<usize> {
        let Repetition::ForEach(Expr { kind: ExprKind::Reference(reference), .. }) = of else { return None };
        let Referent::Resource(index) = reference.referent else { return None };
        let slot = self.frames.get(frame.0)?.resources.get(usize::try_from(index).ok()?)?;
        match slot {
            Slot::Ready { keys: Keys { set: KeySet::Each(_), .. }, first }
                if reference.key.is_none() && reference.steps.is_empty() =>
            {
                Some(*first)
            }
            _ => None,
        }
    }

    /// The vertices that `depends_on` means; `None` while some are not there yet.
    pub fn targets(&mut self, frame: FrameId, targets: &[Target]) -> Option<Vec<Vertex>> {
        let mut vertices = Vec::new();
        for target in targets {
            let key = match target {
                Target::Resource(index) => TargetKey::Resource(*index),
                Target::Call(index) => TargetKey::Call(*index),
            };
            if let Some(join) = self.joins.get(&(frame, key)) {
                vertices.push(*join);
                continue;
            }
            let all = match key {
                TargetKey::Resource(index) => self.vertices_of_resource(frame, index)?,
                TargetKey::Call(index) => self.vertices_of_call(frame, index)?,
            };
            if all.len() > JOIN_ABOVE {
                let join = self.push_join(all);
                self.joins.insert((frame, key), join);
                vertices.push(join);
            } else {
                vertices.extend(all);
            }
        }
        Some(vertices)
    }

    fn vertices_of_resource(&self, frame: FrameId, index: usize) -> Option<Vec<Vertex>> {
        match self.frames.get(frame.0)?.resources.get(index)? {
            Slot::Pending => None,
            Slot::Broken => Some(Vec::new()),
            Slot::LeftOut(vertices) => Some(vertices.to_vec()),
            Slot::Deferred(_, vertex) => Some(vec![*vertex]),
            Slot::Ready { keys, first } => {
                (*first..first + keys.len()).map(|vertex| Vertex::try_from(vertex).ok()).collect()
            }
        }
    }

    fn vertices_of_call(&self, frame: FrameId, index: usize) -> Option<Vec<Vertex>> {
        match self.frames.get(frame.0)?.calls.get(index)? {
            Slot::Pending => None,
            Slot::Broken => Some(Vec::new()),
            Slot::LeftOut(vertices) => Some(vertices.to_vec()),
            Slot::Deferred(_, vertex) => Some(vec![*vertex]),
            Slot::Ready { keys, first } => {
                let mut all = Vec::new();
                for child in *first..first + keys.len() {
                    let found = self.frames.get(child)?;
                    for resource in 0..found.resources.len() {
                        all.extend(self.vertices_of_resource(FrameId(child), resource)?);
                    }
                    for call in 0..found.calls.len() {
                        all.extend(self.vertices_of_call(FrameId(child), call)?);
                    }
                }
                Some(all)
            }
        }
    }

    fn resource(&mut self, frame: FrameId, index: usize) -> Attempt {
        let Some((found, module)) = self.module_of(frame) else { return Attempt::Done };
        let (Some(slot), Some(resource)) = (found.resources.get(index), module.resources.get(index)) else {
            return Attempt::Done;
        };
        let (first, count) = match slot {
            Slot::Broken | Slot::LeftOut(_) | Slot::Deferred(..) => return Attempt::Done,
            Slot::Ready { keys, first } => (*first, keys.len()),
            Slot::Pending => match self.expand(frame, index, resource) {
                Ok(range) => range,
                Err(attempt) => return attempt,
            },
        };
        let mut result = Attempt::Done;
        for vertex in first..first + count {
            let is_pending = self.instances.get(vertex).is_some_and(|i| matches!(i.value, Cell::Pending));
            if is_pending && !self.is_left_out(vertex) && self.plan_instance(vertex, resource) == Attempt::Blocked {
                result = Attempt::Blocked;
            }
        }
        result
    }

    /// Whether an instance takes no part because others of its block are targeted, or because it is excluded: it stays
    /// as it is recorded.
    fn is_left_out(&mut self, vertex: usize) -> bool {
        if self.options.selection == Selection::Everything {
            return false;
        }
        let Some(addr) = self.instances.get(vertex).and_then(|instance| instance.addr.clone()) else { return false };
        if super::targets::takes_part(self, &addr) {
            return false;
        }
        self.leave_out(vertex);
        true
    }

    /// Leaves an instance as it is recorded.
    pub fn leave_out(&mut self, vertex: usize) {
        let Some(addr) = self.instances.get(vertex).and_then(|instance| instance.addr.clone()) else { return };
        let seen = self.state.record(&addr).map(|record| record.seen.clone());
        if let Some(instance) = self.instances.get_mut(vertex) {
            instance.value =
                seen.map_or_else(|| Cell::LeftOut(Arc::default()), |seen| Cell::Ready(seen, Arc::default()));
        }
    }

    fn expand(&mut self, frame: FrameId, index: usize, resource: &Resource) -> Result<(usize, usize), Attempt> {
        let block = InstanceAddr::new(Arc::new(self.block_of(frame, resource)), None);
        let keys = match self.repetition(frame, &resource.repetition, AddrPattern::Resource(block)) {
            Ok(keys) => keys,
            Err(Slot::Pending) => return Err(Attempt::Blocked),
            Err(slot) => {
                if matches!(slot, Slot::LeftOut(_)) && self.options.selection.is_all_but() {
                    self.excluded.blocks.insert(self.block_of(frame, resource));
                }
                self.set_slot(frame, |frame| frame.resources.get_mut(index), slot);
                return Err(Attempt::Done);
            }
        };
        let addr = Arc::new(self.block_of(frame, resource));
        let addr = self.state.shared_block(addr);
        let (first, count) = (self.instances.len(), keys.len());
        self.instances.reserve(count);
        for position in 0..count {
            self.instances.push(Instance {
                addr: Some(InstanceAddr::new(addr.clone(), keys.key(position))),
                frame,
                resource: index,
                position,
                value: Cell::Pending,
                deps: Box::default(),
                decision: None,
            });
        }
        self.set_slot(frame, |frame| frame.resources.get_mut(index), Slot::Ready { keys, first });
        Ok((first, count))
    }

    fn block_of(&self, frame: FrameId, resource: &Resource) -> ResourceAddr {
        let module = self.frames.get(frame.0).map(|frame| frame.path.clone()).unwrap_or_default();
        let (type_name, name) = (resource.type_name.clone(), resource.name.clone());
        ResourceAddr { module, mode: resource.mode, type_name, name }
    }

    /// What makes an instance another than its neighbours.
    pub fn repeated(&self, frame: FrameId, resource: usize, position: usize) -> Repeated {
        match self.frames.get(frame.0).and_then(|frame| frame.resources.get(resource)) {
            Some(Slot::Ready { keys, .. }) => keys.repeated(position),
            Some(Slot::Pending | Slot::Broken | Slot::LeftOut(_) | Slot::Deferred(..)) | None => Repeated::default(),
        }
    }

    /// Evaluates the body of an instance: what is written, and what it refers to.
    pub fn written(&mut self, vertex: usize, resource: &Resource) -> Option<(Cell, Vec<Vertex>)> {
        let instance = self.instances.get(vertex)?;
        let (frame, position) = (instance.frame, instance.position);
        let found = self.frames.get(frame.0)?;
        let Some(Slot::Ready { keys, .. }) = found.resources.get(instance.resource) else { return None };
        let repeated = keys.repeated(position);
        // An instance is there because of what its keys come from, whether or not its body looks at that.
        let waits: Vec<Vertex> = found.waits_for.iter().chain(&*repeated.over).copied().collect();
        // What makes it anew is done before that.
        let triggers = &resource.lifecycle.replace_triggered_by;
        let (whole, keyed): (Vec<_>, Vec<_>) = triggers.iter().partition(|trigger| trigger.key.is_none());
        let own = instance.addr.as_ref().and_then(|addr| addr.key.clone());
        let keyed = keyed.into_iter().flat_map(|trigger| triggering(found, trigger, own.as_ref()));
        let waits: Vec<Vertex> = waits.into_iter().chain(keyed.filter_map(|at| Vertex::try_from(at).ok())).collect();
        let whole: Vec<Target> = whole.into_iter().map(|trigger| Target::Resource(trigger.resource)).collect();
        let depends_on = [self.targets(frame, &resource.depends_on)?, self.targets(frame, &whole)?].concat();
        let mut problems = Vec::new();
        let scope = PlanScope::new(self, frame, repeated);
        let value = eval::evaluate_body(&resource.body, &resource.schema.body, &scope, &mut problems);
        if scope.is_blocked() {
            return None;
        }
        let (is_broken, is_left_out) = (scope.is_broken(), scope.is_left_out());
        let deferred = scope.deferred();
        let mut deps = scope.into_touched();
        if !depends_on.is_empty() || !waits.is_empty() {
            deps.extend(depends_on);
            deps.extend(waits);
            deps.sort_unstable();
            deps.dedup();
        }
        if is_left_out && !is_broken {
            return Some((Cell::LeftOut(Arc::default()), deps));
        }
        if let (Some(cause), false) = (deferred, is_broken) {
            return Some((Cell::Deferred(cause), deps));
        }
        if !is_broken {
            self.problems.append(&mut problems);
        }
        let cell = match value {
            Some(value) if !is_broken => Cell::Ready(value, Arc::default()),
            _ => Cell::Broken,
        };
        Some((cell, deps))
    }

    /// File and line of a span.
    pub fn origin(&self, span: Span) -> Option<Origin> {
        origin(&self.program.sources, span)
    }

    /// The configuration of a provider: the block, else what is recorded, else null.
    pub fn configuration(&self, name: &ProviderName) -> Value {
        let found = self.providers.get(name).or_else(|| self.state.providers.get(name));
        found.cloned().unwrap_or(Value::NULL)
    }
}

/// File and line of a span.
pub fn origin(sources: &SourceMap, span: Span) -> Option<Origin> {
    let file = sources.get(span.file)?;
    let at = sources.position(span.file, span.start)?;
    Some(Origin { file: file.name.as_str().into(), line: u32::try_from(at.line).unwrap_or(u32::MAX) })
}

/// A value passed to a module's variable: converted, null replaced by the default where null is no value.
fn passed(
    variable: &terrane_lang::program::Variable,
    value: Value,
    span: Span,
    problems: &mut Vec<Diagnostic>,
) -> Option<Value> {
    if value.is_null() && !variable.is_nullable {
        return inputs::variable_value(variable, None, problems);
    }
    match terrane_lang::convert::convert(&value, &variable.ty) {
        Ok(value) if variable.is_sensitive => Some(value.sensitive()),
        Ok(value) => Some(value),
        Err(error) => {
            let at = if error.path.0.is_empty() { String::new() } else { format!("{}: ", error.path) };
            problems.push(
                diag::VARIABLE_WRONG_TYPE
                    .at(span)
                    .with("variable", &variable.name)
                    .detail(format!("{at}{}", error.reason)),
            );
            None
        }
    }
}

/// A sensitive root variable stays outside: only the way to its value goes on.
fn sealed(variable: &terrane_lang::program::Variable, input: Option<&Input>, value: Value) -> Value {
    if !variable.is_sensitive || value.is_null() {
        return value;
    }
    let residual = match input.map(|input| &input.source) {
        Some(InputSource::Environment(name)) if variable.ty == Type::String => {
            Residual::Call { function: "env".into(), arguments: vec![Value::string(name.clone())], is_spread: false }
        }
        _ => Residual::Variable(variable.name.clone()),
    };
    Value::unknown(variable.ty.clone(), residual).sensitive()
}
