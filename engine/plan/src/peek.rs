//! The values of a configuration as the state knows them, without asking anybody: what `terrane console` looks at.
//!
//! Variables, locals and outputs are evaluated; an object is what was seen of it last, and unknown where nothing is
//! recorded. Nothing is read, decided or planned.

use crate::planner::frame::{KeySet, Keys, Over, Repeated};
use crate::planner::keys::{self, Evaluated};
use crate::state::State;
use std::collections::BTreeMap;
use terrane_core::{
    Diagnostic, InstanceAddr, InstanceKey, ModulePath, Residual, ResourceAddr, Text, Type, Value, diagnostic,
};
use terrane_lang::eval::ir::Expr;
use terrane_lang::program::{Input, Module, ModuleId, Node, Program, Repetition};
use terrane_lang::scope::KeyForm;
use terrane_lang::{Scope, Sources, eval, inputs};

/// A module instance and its values; `None` where there is none, because of an error or because it is not known yet.
struct Frame {
    module: ModuleId,
    path: ModulePath,
    parent: Option<usize>,
    repeated: Repeated,
    variables: Vec<Option<Value>>,
    locals: Vec<Option<Value>>,
    outputs: Vec<Option<Value>>,
    resources: Vec<Option<Keys>>,
    /// Keys, and the frame of the first instance.
    calls: Vec<Option<(Keys, usize)>>,
}

/// All values of a configuration.
pub struct Peek<'a> {
    program: &'a Program,
    state: &'a State,
    sources: &'a dyn Sources,
    frames: Vec<Frame>,
    problems: Vec<Diagnostic>,
}

impl<'a> Peek<'a> {
    /// Evaluates the program over that state.
    #[must_use]
    pub fn new(program: &'a Program, given: &[Input], state: &'a State, sources: &'a dyn Sources) -> Self {
        let mut peek = Self { program, state, sources, frames: Vec::new(), problems: Vec::new() };
        let given: BTreeMap<&str, &Input> = given.iter().map(|input| (&*input.name, input)).collect();
        let mut frames_of: Vec<Vec<usize>> = vec![Vec::new(); program.modules.len()];
        peek.enter(ModuleId(0), ModulePath::default(), None, Repeated::default(), &mut frames_of);
        for node in &program.order {
            let (Node::Variable(ModuleId(module), _)
            | Node::Local(ModuleId(module), _)
            | Node::Resource(ModuleId(module), _)
            | Node::Call(ModuleId(module), _)
            | Node::Output(ModuleId(module), _)) = *node
            else {
                continue;
            };
            for frame in frames_of.get(module).cloned().unwrap_or_default() {
                peek.node(*node, frame, &given, &mut frames_of);
            }
        }
        diagnostic::tidy(&mut peek.problems);
        peek
    }

    /// What is wrong with the configuration's own values, sorted by place.
    #[must_use]
    pub fn problems(&self) -> &[Diagnostic] {
        &self.problems
    }

    /// The value of an expression of the root module; `None` after a problem.
    pub fn evaluate(&self, expr: &Expr, problems: &mut Vec<Diagnostic>) -> Option<Value> {
        eval::evaluate(expr, &self.at(0, Repeated::default()), problems)
    }

    fn enter(
        &mut self,
        module: ModuleId,
        path: ModulePath,
        parent: Option<usize>,
        repeated: Repeated,
        frames_of: &mut [Vec<usize>],
    ) {
        let Some(of) = self.program.modules.get(module.0) else { return };
        if let Some(frames) = frames_of.get_mut(module.0) {
            frames.push(self.frames.len());
        }
        self.frames.push(Frame {
            module,
            path,
            parent,
            repeated,
            variables: vec![None; of.variables.len()],
            locals: vec![None; of.locals.len()],
            outputs: vec![None; of.outputs.len()],
            resources: vec![None; of.resources.len()],
            calls: vec![None; of.calls.len()],
        });
    }

    fn at(&self, frame: usize, repeated: Repeated) -> PeekScope<'_, 'a> {
        PeekScope { peek: self, frame, repeated }
    }

    fn value(&mut self, frame: usize, expr: &Expr) -> Option<Value> {
        let mut problems = Vec::new();
        let value = eval::evaluate(expr, &self.at(frame, Repeated::default()), &mut problems);
        self.problems.append(&mut problems);
        value
    }

    fn node(&mut self, node: Node, frame: usize, given: &BTreeMap<&str, &Input>, frames_of: &mut [Vec<usize>]) {
        let Some(module) = self.frames.get(frame).and_then(|f| self.program.modules.get(f.module.0)) else { return };
        match node {
            Node::Variable(_, index) => {
                let value = self.variable(frame, module, index, given);
                self.set(frame, value, |frame| frame.variables.get_mut(index));
            }
            Node::Local(_, index) => {
                let value = module.locals.get(index).and_then(|local| self.value(frame, &local.value));
                self.set(frame, value, |frame| frame.locals.get_mut(index));
            }
            Node::Output(_, index) => {
                let output = module.outputs.get(index);
                let value = output.and_then(|output| {
                    let value = self.value(frame, &output.value)?;
                    Some(if output.is_sensitive { value.sensitive() } else { value })
                });
                self.set(frame, value, |frame| frame.outputs.get_mut(index));
            }
            Node::Resource(_, index) => {
                let keys = module.resources.get(index).and_then(|block| self.keys(frame, &block.repetition));
                self.set(frame, keys, |frame| frame.resources.get_mut(index));
            }
            Node::Call(_, index) => {
                let Some(call) = module.calls.get(index) else { return };
                let Some(keys) = self.keys(frame, &call.repetition) else { return };
                let first = self.frames.len();
                for at in 0..keys.len() {
                    let path = self.frames.get(frame).map(|of| of.path.child(call.name.clone(), keys.key(at)));
                    self.enter(call.module, path.unwrap_or_default(), Some(frame), keys.repeated(at), frames_of);
                }
                self.set(frame, Some((keys, first)), |frame| frame.calls.get_mut(index));
            }
            Node::Provider(..) | Node::Import(_) => {}
        }
    }

    fn set<T>(&mut self, frame: usize, value: Option<T>, place: impl FnOnce(&mut Frame) -> Option<&mut Option<T>>) {
        if let Some(place) = self.frames.get_mut(frame).and_then(place) {
            *place = value;
        }
    }

    fn variable(
        &mut self,
        frame: usize,
        module: &Module,
        index: usize,
        given: &BTreeMap<&str, &Input>,
    ) -> Option<Value> {
        let variable = module.variables.get(index)?;
        let mut problems = Vec::new();
        let of = self.frames.get(frame)?;
        let value = match (of.parent, module.caller) {
            (Some(parent), Some((ModuleId(caller), call))) => {
                let call = self.program.modules.get(caller).and_then(|module| module.calls.get(call));
                match call.and_then(|call| call.arguments.get(index)).and_then(Option::as_ref) {
                    None => inputs::variable_value(variable, None, &mut problems),
                    Some(argument) => {
                        let scope = self.at(parent, of.repeated.clone());
                        let passed = eval::evaluate(argument, &scope, &mut problems);
                        passed.and_then(|value| {
                            inputs::given_value(variable, value, &argument.span.into(), &mut problems)
                        })
                    }
                }
            }
            _ => inputs::variable_value(variable, given.get(&*variable.name).copied(), &mut problems),
        };
        self.problems.append(&mut problems);
        value
    }

    fn keys(&mut self, frame: usize, of: &Repetition) -> Option<Keys> {
        let mut problems = Vec::new();
        let set = keys::evaluate(of, &self.at(frame, Repeated::default()), &mut problems);
        self.problems.append(&mut problems);
        let Evaluated::Keys(set) = set? else { return None };
        Some(Keys { set, over: Over::All(Vec::new().into()) })
    }
}

/// The scope of one module instance.
struct PeekScope<'p, 'a> {
    peek: &'p Peek<'a>,
    frame: usize,
    repeated: Repeated,
}

fn unknown() -> Value {
    Value::unknown(Type::Any, Residual::Local(u32::MAX))
}

fn or_unknown(value: Option<&Option<Value>>) -> Value {
    value.cloned().flatten().unwrap_or_else(unknown)
}

impl PeekScope<'_, '_> {
    fn of(&self) -> Option<(&Frame, &Module)> {
        let frame = self.peek.frames.get(self.frame)?;
        Some((frame, self.peek.program.modules.get(frame.module.0)?))
    }

    fn resource_keys(&self, index: usize) -> Result<&Keys, Value> {
        self.of().and_then(|(frame, _)| frame.resources.get(index)).and_then(Option::as_ref).ok_or_else(unknown)
    }

    fn call(&self, index: usize) -> Result<&(Keys, usize), Value> {
        self.of().and_then(|(frame, _)| frame.calls.get(index)).and_then(Option::as_ref).ok_or_else(unknown)
    }

    fn seen(&self, index: usize, key: Option<InstanceKey>) -> Value {
        let recorded = || {
            let (frame, module) = self.of()?;
            let block = module.resources.get(index)?;
            let resource = ResourceAddr {
                module: frame.path.clone(),
                mode: block.mode,
                type_name: block.type_name.clone(),
                name: block.name.clone(),
            };
            Some(self.peek.state.record(&InstanceAddr { resource: resource.into(), key })?.seen.clone())
        };
        recorded().unwrap_or_else(unknown)
    }

    fn outputs(&self, frame: usize) -> Value {
        let scope = self.peek.at(frame, Repeated::default());
        let Some((frame, module)) = scope.of() else { return unknown() };
        let pairs = module.outputs.iter().zip(&frame.outputs);
        Value::object(pairs.map(|(output, value)| (output.name.clone(), or_unknown(Some(value)))).collect())
    }
}

fn whole(keys: &Keys, one: impl Fn(usize) -> Value) -> Value {
    match &keys.set {
        KeySet::Single => one(0),
        KeySet::Count(count) => Value::tuple((0..*count).map(one).collect()),
        KeySet::Each(pairs) => {
            Value::object(pairs.iter().enumerate().map(|(at, (key, _))| (key.clone(), one(at))).collect())
        }
    }
}

fn list(keys: &Keys) -> Option<Vec<InstanceKey>> {
    match keys.set {
        KeySet::Single => None,
        KeySet::Count(_) | KeySet::Each(_) => Some((0..keys.len()).filter_map(|at| keys.key(at)).collect()),
    }
}

impl Scope for PeekScope<'_, '_> {
    fn variable(&self, index: usize) -> Value {
        or_unknown(self.of().and_then(|(frame, _)| frame.variables.get(index)))
    }

    fn local(&self, index: usize) -> Value {
        or_unknown(self.of().and_then(|(frame, _)| frame.locals.get(index)))
    }

    fn resource(&self, index: usize) -> Value {
        self.resource_keys(index).map_or_else(|open| open, |keys| whole(keys, |at| self.seen(index, keys.key(at))))
    }

    fn instance(&self, index: usize, key: Option<&InstanceKey>) -> Option<Value> {
        match self.resource_keys(index) {
            Ok(keys) => keys.position(key).map(|_| self.seen(index, key.cloned())),
            Err(open) => Some(open),
        }
    }

    fn keys(&self, index: usize) -> Result<Option<Vec<InstanceKey>>, Value> {
        self.resource_keys(index).map(list)
    }

    fn key_form(&self, index: usize) -> Result<KeyForm, Value> {
        self.resource_keys(index).map(Keys::form)
    }

    fn module(&self, index: usize) -> Value {
        self.call(index).map_or_else(|open| open, |(keys, first)| whole(keys, |at| self.outputs(first + at)))
    }

    fn module_output(&self, index: usize, key: Option<&InstanceKey>, output: &str) -> Option<Value> {
        let (keys, first) = match self.call(index) {
            Ok(found) => found,
            Err(open) => return Some(open),
        };
        let scope = self.peek.at(first + keys.position(key)?, Repeated::default());
        let (frame, module) = scope.of()?;
        let at = module.outputs.iter().position(|found| &*found.name == output)?;
        Some(or_unknown(frame.outputs.get(at)))
    }

    fn module_keys(&self, index: usize) -> Result<Option<Vec<InstanceKey>>, Value> {
        self.call(index).map(|(keys, _)| list(keys))
    }

    fn module_key_form(&self, index: usize) -> Result<KeyForm, Value> {
        self.call(index).map(|(keys, _)| keys.form())
    }

    fn each(&self) -> Option<(Value, Value)> {
        self.repeated.each.clone()
    }

    fn count_index(&self) -> Option<Value> {
        self.repeated.count_index.clone()
    }

    fn self_value(&self) -> Option<Value> {
        None
    }

    fn module_folder(&self) -> Text {
        self.of().map_or_else(|| ".".into(), |(_, module)| module.folder.clone())
    }

    fn sources(&self) -> &dyn Sources {
        self.peek.sources
    }
}
