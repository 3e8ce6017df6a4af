//! Finishes unknown values once more is known, with the operators that evaluation uses.

use super::call::{self, Moment, Spread};
use super::fault::Fault;
use super::loops::{self, Collector, Filter, Form};
use super::operate;
use crate::convert::convert;
use crate::diag;
use crate::functions::{FunctionContext, Nature};
use terrane_core::value::ForResidual;
use terrane_core::{Entries, Kind, Operator, Residual, Text, Type, Value};

type Computed = Result<Value, Fault>;

/// One run over a value.
pub(crate) struct Resolver<'a> {
    known: &'a dyn Fn(&Residual) -> Option<Value>,
    cx: FunctionContext<'a>,
    /// Loop variables that are open; `None` where the loop itself is not taken apart yet.
    locals: Vec<(u32, Option<Value>)>,
}

impl<'a> Resolver<'a> {
    pub fn new(known: &'a dyn Fn(&Residual) -> Option<Value>, cx: FunctionContext<'a>) -> Self {
        Self { known, cx, locals: Vec::new() }
    }

    pub fn value(&mut self, value: &Value) -> Computed {
        if value.is_wholly_known() {
            return Ok(value.clone());
        }
        let resolved = match value.kind() {
            Kind::Tuple(items) => Value::tuple(self.values(items)?),
            Kind::List(items) => Value::list(self.values(items)?),
            Kind::Set(items) => Value::set(self.values(items)?),
            Kind::Object(entries) => Value::object(self.entries(entries)?),
            Kind::Map(entries) => Value::map(self.entries(entries)?),
            Kind::Unknown(unknown) => self.residual(value, &unknown.residual, &unknown.ty)?,
            Kind::Null | Kind::Bool(_) | Kind::Number(_) | Kind::String(_) => value.clone(),
        };
        Ok(resolved.marked_like(value))
    }

    fn values(&mut self, items: &[Value]) -> Result<Vec<Value>, Fault> {
        items.iter().map(|item| self.value(item)).collect()
    }

    fn entries(&mut self, entries: &Entries) -> Result<Vec<(Text, Value)>, Fault> {
        entries.iter().map(|(key, item)| Ok((key.clone(), self.value(item)?))).collect()
    }

    fn residual(&mut self, whole: &Value, residual: &Residual, ty: &Type) -> Computed {
        match residual {
            Residual::Attribute { .. } | Residual::Variable(_) => {
                Ok((self.known)(residual).unwrap_or_else(|| whole.clone()))
            }
            Residual::Local(number) => {
                let bound = self.locals.iter().rev().find(|(open, _)| open == number);
                Ok(bound.and_then(|(_, value)| value.clone()).unwrap_or_else(|| whole.clone()))
            }
            Residual::Call { function, arguments, is_spread } => self.call(whole, function, arguments, *is_spread),
            Residual::Operation { operator, operands } => self.operation(*operator, operands),
            Residual::Conditional { condition, yes, no } => {
                let condition = self.value(condition)?;
                let result = match operate::truth(&condition)? {
                    Some(true) => self.value(yes)?,
                    Some(false) => self.value(no)?,
                    None => operate::open_conditional(&condition, &self.value(yes)?, &self.value(no)?)?,
                };
                Ok(result.marked_like(&condition))
            }
            Residual::Template(parts) => operate::template(&self.values(parts)?),
            Residual::Index { collection, key } => operate::index(&self.value(collection)?, &self.value(key)?),
            Residual::Convert { value, ty } => {
                let value = self.value(value)?;
                convert(&value, ty).map_err(|error| Fault::new(&diag::WRONG_TYPE, error.text()))
            }
            Residual::For(each) => self.each(each, ty),
        }
    }

    fn operation(&mut self, operator: Operator, operands: &[Value]) -> Computed {
        match operands {
            [operand] => operate::unary(operator, &self.value(operand)?),
            [left, right] => {
                let left = self.value(left)?;
                if let Some(decided) = operate::decided(operator, &left) {
                    return Ok(decided);
                }
                operate::binary(operator, &left, &self.value(right)?)
            }
            _ => Err(Fault::new(
                &diag::BROKEN_RESIDUAL,
                format!("`{}` has {} operands", operator.symbol(), operands.len()),
            )),
        }
    }

    fn call(&mut self, whole: &Value, name: &str, arguments: &[Value], is_spread: bool) -> Computed {
        match name {
            "try" => return self.attempt(arguments),
            "can" => return self.can(arguments),
            _ => {}
        }
        let arguments = self.values(arguments)?;
        if name == "nonsensitive" {
            return Ok(unmark(arguments.into_iter().next().unwrap_or(Value::NULL)));
        }
        let Some(function) = crate::functions::lookup(name) else {
            return Err(Fault::new(&diag::BROKEN_RESIDUAL, format!("there is no function `{name}`")));
        };
        let arguments = match call::spread(function, arguments, is_spread)? {
            Spread::Arguments(arguments) => arguments,
            Spread::Open(open) => return Ok(open),
        };
        let is_leaf = matches!(function.nature, Nature::SecretSource | Nature::AtApply)
            || (function.name == "file" && whole.is_sensitive());
        if !is_leaf {
            return call::call(function, arguments, &self.cx, Moment::Plan);
        }
        let residual = Residual::Call { function: name.into(), arguments, is_spread: false };
        Ok((self.known)(&residual).unwrap_or_else(|| Value::unknown(whole.type_of(), residual)))
    }

    /// Each argument may turn out to be an error; the first that does not wait and has a value wins.
    fn attempt(&mut self, arguments: &[Value]) -> Computed {
        let mut waiting = Vec::new();
        let mut reasons = Vec::new();
        for argument in arguments {
            match self.value(argument) {
                Ok(value) if value.is_wholly_known() && waiting.is_empty() => return Ok(value),
                Ok(value) => {
                    let is_last_word = value.is_wholly_known();
                    waiting.push(value);
                    if is_last_word {
                        break;
                    }
                }
                Err(fault) => reasons.push(fault.detail),
            }
        }
        if waiting.is_empty() {
            let detail = format!("no argument of `try` has a value: {}", reasons.join("; "));
            return Err(Fault::new(&diag::FUNCTION_FAILED, detail));
        }
        Ok(Value::unknown(Type::Any, Residual::Call { function: "try".into(), arguments: waiting, is_spread: false }))
    }

    fn can(&mut self, arguments: &[Value]) -> Computed {
        let first = arguments.first().cloned().unwrap_or(Value::NULL);
        Ok(match self.value(&first) {
            Err(_) => Value::bool(false),
            Ok(value) if value.is_wholly_known() => Value::bool(true),
            Ok(value) => Value::unknown(
                Type::Bool,
                Residual::Call { function: "can".into(), arguments: vec![value], is_spread: false },
            ),
        })
    }

    fn each(&mut self, each: &ForResidual, ty: &Type) -> Computed {
        let collection = self.value(&each.collection)?;
        if collection.is_known()
            && let Some(done) = self.each_known(each, &collection)?
        {
            return Ok(done);
        }
        // The loop stays: its variables are its own, whatever an outer loop binds under their numbers.
        let depth = self.locals.len();
        self.locals.extend([(each.key_local, None), (each.value_local, None)]);
        let open = self.each_open(each, collection);
        self.locals.truncate(depth);
        Ok(Value::unknown(ty.clone(), Residual::For(Box::new(open?))))
    }

    fn each_open(&mut self, each: &ForResidual, collection: Value) -> Result<ForResidual, Fault> {
        Ok(ForResidual {
            collection,
            key_local: each.key_local,
            value_local: each.value_local,
            condition: each.condition.as_ref().map(|v| self.value(v)).transpose()?,
            result_key: each.result_key.as_ref().map(|v| self.value(v)).transpose()?,
            result: self.value(&each.result)?,
            is_grouped: each.is_grouped,
            is_splat: each.is_splat,
        })
    }

    fn bound(
        &mut self,
        each: &ForResidual,
        key: Value,
        value: Value,
        work: impl FnOnce(&mut Self) -> Computed,
    ) -> Computed {
        let depth = self.locals.len();
        self.locals.extend([(each.key_local, Some(key)), (each.value_local, Some(value))]);
        let result = work(self);
        self.locals.truncate(depth);
        result
    }

    /// `None` where a key or condition is still not known.
    fn each_known(&mut self, each: &ForResidual, collection: &Value) -> Result<Option<Value>, Fault> {
        if each.is_splat {
            let mut results = Vec::new();
            for item in loops::splat_items(collection) {
                results.push(self.bound(each, Value::NULL, item, |r| r.value(&each.result))?);
            }
            return Ok(Some(loops::splat_result(collection, results)));
        }
        let mut collector = Collector::new(collection, Form::of(each.result_key.as_ref(), each.is_grouped));
        for (key, value) in loops::pairs(collection)? {
            if let Some(condition) = &each.condition {
                let condition = self.bound(each, key.clone(), value.clone(), |r| r.value(condition))?;
                match collector.filter(&condition)? {
                    Filter::Keep => {}
                    Filter::Drop => continue,
                    Filter::Open => return Ok(None),
                }
            }
            let result_key = match &each.result_key {
                Some(wanted) => Some(self.bound(each, key.clone(), value.clone(), |r| r.value(wanted))?),
                None => None,
            };
            let result = self.bound(each, key, value, |r| r.value(&each.result))?;
            match result_key {
                None => collector.push(result),
                Some(key) => {
                    if !collector.insert(&key, result)? {
                        return Ok(None);
                    }
                }
            }
        }
        Ok(Some(collector.finish()))
    }
}

/// `nonsensitive`: takes the mark off; what is not known keeps the wish.
pub(crate) fn unmark(value: Value) -> Value {
    if value.is_known() || !value.is_sensitive() {
        return value.nonsensitive();
    }
    let ty = value.type_of();
    Value::unknown(ty, Residual::Call { function: "nonsensitive".into(), arguments: vec![value], is_spread: false })
}
