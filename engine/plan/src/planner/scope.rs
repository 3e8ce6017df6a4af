//! The scope that expressions of one block see while planning.

use super::frame::{Cell, Frame, FrameId, KeySet, Keys, Repeated, Slot, Vertex};
use super::stages::Cause;
use super::walk::Walk;
use std::cell::{Cell as Flag, RefCell};
use terrane_core::{InstanceKey, Residual, Text, Type, Value};
use terrane_lang::scope::KeyForm;
use terrane_lang::{Scope, Sources};

/// What one evaluation sees, and what it touched.
pub struct PlanScope<'w, 'a> {
    walk: &'w Walk<'a>,
    frame: FrameId,
    repeated: Repeated,
    touched: RefCell<Vec<Vertex>>,
    is_blocked: Flag<bool>,
    is_broken: Flag<bool>,
    is_left_out: Flag<bool>,
    deferred: RefCell<Vec<Cause>>,
    own: Option<Value>,
}

impl<'w, 'a> PlanScope<'w, 'a> {
    /// The scope of the block that stands in `frame`, at one of its instances.
    pub fn new(walk: &'w Walk<'a>, frame: FrameId, repeated: Repeated) -> Self {
        Self {
            walk,
            frame,
            repeated,
            touched: RefCell::default(),
            is_blocked: Flag::new(false),
            is_broken: Flag::new(false),
            is_left_out: Flag::new(false),
            deferred: RefCell::default(),
            own: None,
        }
    }

    /// With the object that `self` means.
    pub fn with_self(mut self, own: Option<Value>) -> Self {
        self.own = own;
        self
    }

    /// Whether something was asked for that is not evaluated yet: the result means nothing.
    pub fn is_blocked(&self) -> bool {
        self.is_blocked.get()
    }

    /// Whether something was asked for that has an error: the result means nothing, and says nothing new.
    pub fn is_broken(&self) -> bool {
        self.is_broken.get()
    }

    /// Whether something was asked for that takes no part and is not recorded: the result means nothing.
    pub fn is_left_out(&self) -> bool {
        self.is_left_out.get()
    }

    /// Why something that was asked for waits for a later stage, where it does: the result means nothing.
    pub fn deferred(&self) -> Option<Cause> {
        self.walk.later.earliest(&self.deferred.borrow())
    }

    /// The vertices that were asked for, sorted, each once.
    pub fn into_touched(self) -> Vec<Vertex> {
        let mut touched = self.touched.into_inner();
        touched.sort_unstable();
        touched.dedup();
        touched
    }

    fn frame(&self) -> Option<&'w Frame> {
        self.walk.frames.get(self.frame.0)
    }

    fn nothing() -> Value {
        Value::unknown(Type::Any, Residual::Local(u32::MAX))
    }

    fn blocked(&self) -> Value {
        self.is_blocked.set(true);
        Self::nothing()
    }

    fn broken(&self) -> Value {
        self.is_broken.set(true);
        Self::nothing()
    }

    fn left_out(&self, touched: &[Vertex]) -> Value {
        self.touched.borrow_mut().extend_from_slice(touched);
        self.is_left_out.set(true);
        Self::nothing()
    }

    fn later(&self, cause: Cause) -> Value {
        self.deferred.borrow_mut().push(cause);
        Self::nothing()
    }

    fn cell(&self, cell: Option<&Cell>) -> Value {
        match cell {
            Some(Cell::LeftOut(touched)) => self.left_out(touched),
            Some(Cell::Ready(value, touched)) => {
                self.touched.borrow_mut().extend_from_slice(touched);
                value.clone()
            }
            Some(Cell::Broken) => self.broken(),
            Some(Cell::Deferred(cause)) => self.later(*cause),
            Some(Cell::Pending) | None => self.blocked(),
        }
    }

    fn slot(&self, slot: Option<&'w Slot>) -> Result<(&'w Keys, usize), Value> {
        match slot {
            Some(Slot::Ready { keys, first }) => Ok((keys, *first)),
            Some(Slot::Broken) => Err(self.broken()),
            Some(Slot::Deferred(cause, _)) => Err(self.later(*cause)),
            Some(Slot::LeftOut(touched)) => Err(self.left_out(touched)),
            Some(Slot::Pending) | None => Err(self.blocked()),
        }
    }

    fn instance_value(&self, vertex: usize) -> Value {
        let Some(instance) = self.walk.instances.get(vertex) else { return self.blocked() };
        if let Ok(vertex) = Vertex::try_from(vertex) {
            self.touched.borrow_mut().push(vertex);
        }
        match &instance.value {
            Cell::Ready(value, _) => value.clone(),
            Cell::Broken => self.broken(),
            Cell::Deferred(cause) => self.later(*cause),
            Cell::LeftOut(_) => self.left_out(&[]),
            Cell::Pending => self.blocked(),
        }
    }

    fn outputs_of(&self, frame: usize) -> Value {
        let Some(frame) = self.walk.frames.get(frame) else { return self.blocked() };
        let Some(module) = self.walk.program.modules.get(frame.module.0) else { return self.blocked() };
        let pairs = module.outputs.iter().zip(&frame.outputs);
        Value::object(pairs.map(|(output, cell)| (output.name.clone(), self.cell(Some(cell)))).collect())
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

    fn key_list(keys: &Keys) -> Option<Vec<InstanceKey>> {
        match keys.set {
            KeySet::Single => None,
            KeySet::Count(_) | KeySet::Each(_) => Some((0..keys.len()).filter_map(|at| keys.key(at)).collect()),
        }
    }
}

impl Scope for PlanScope<'_, '_> {
    fn variable(&self, index: usize) -> Value {
        self.cell(self.frame().and_then(|frame| frame.variables.get(index)))
    }

    fn local(&self, index: usize) -> Value {
        self.cell(self.frame().and_then(|frame| frame.locals.get(index)))
    }

    fn resource(&self, index: usize) -> Value {
        match self.slot(self.frame().and_then(|frame| frame.resources.get(index))) {
            Ok((keys, first)) => Self::whole(keys, |at| self.instance_value(first + at)),
            Err(value) => value,
        }
    }

    fn instance(&self, index: usize, key: Option<&InstanceKey>) -> Option<Value> {
        match self.slot(self.frame().and_then(|frame| frame.resources.get(index))) {
            Ok((keys, first)) => keys.position(key).map(|at| self.instance_value(first + at)),
            Err(value) => Some(value),
        }
    }

    fn keys(&self, index: usize) -> Result<Option<Vec<InstanceKey>>, Value> {
        self.slot(self.frame().and_then(|frame| frame.resources.get(index))).map(|(keys, _)| Self::key_list(keys))
    }

    fn key_form(&self, index: usize) -> Result<KeyForm, Value> {
        self.slot(self.frame().and_then(|frame| frame.resources.get(index))).map(|(keys, _)| keys.form())
    }

    fn module_key_form(&self, index: usize) -> Result<KeyForm, Value> {
        self.slot(self.frame().and_then(|frame| frame.calls.get(index))).map(|(keys, _)| keys.form())
    }

    fn module(&self, index: usize) -> Value {
        match self.slot(self.frame().and_then(|frame| frame.calls.get(index))) {
            Ok((keys, first)) => Self::whole(keys, |at| self.outputs_of(first + at)),
            Err(value) => value,
        }
    }

    fn module_output(&self, index: usize, key: Option<&InstanceKey>, output: &str) -> Option<Value> {
        let (keys, first) = match self.slot(self.frame().and_then(|frame| frame.calls.get(index))) {
            Ok(found) => found,
            Err(value) => return Some(value),
        };
        let frame = self.walk.frames.get(first + keys.position(key)?)?;
        let module = self.walk.program.modules.get(frame.module.0)?;
        let at = module.outputs.iter().position(|o| &*o.name == output)?;
        Some(self.cell(frame.outputs.get(at)))
    }

    fn module_keys(&self, index: usize) -> Result<Option<Vec<InstanceKey>>, Value> {
        self.slot(self.frame().and_then(|frame| frame.calls.get(index))).map(|(keys, _)| Self::key_list(keys))
    }

    fn each(&self) -> Option<(Value, Value)> {
        self.touched.borrow_mut().extend_from_slice(&self.repeated.over);
        self.repeated.each.clone()
    }

    fn count_index(&self) -> Option<Value> {
        self.touched.borrow_mut().extend_from_slice(&self.repeated.over);
        self.repeated.count_index.clone()
    }

    fn self_value(&self) -> Option<Value> {
        self.own.clone()
    }

    fn module_folder(&self) -> Text {
        let module = self.frame().and_then(|frame| self.walk.program.modules.get(frame.module.0));
        module.map_or_else(|| ".".into(), |module| module.folder.clone())
    }

    fn sources(&self) -> &dyn Sources {
        self.walk.sources
    }
}
