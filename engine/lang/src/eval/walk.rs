//! Walks an expression and computes its value.

use super::call::{self, Moment, Spread};
use super::fault::Fault;
use super::ir::{CallOf, Expr, ExprKind, For, Given, Reference, Referent, Splat, Step};
use super::loops::{self, Collector, Filter, Form};
use super::operate;
use crate::diag;
use crate::functions::{FunctionContext, Nature};
use crate::scope::{KeyForm, Scope};
use terrane_core::diagnostic::suggestion;
use terrane_core::value::ForResidual;
use terrane_core::{Diagnostic, InstanceKey, Kind, Operator, Residual, Span, Text, Type, Value};

/// What one evaluation carries along.
pub(crate) struct Walk<'a> {
    scope: &'a dyn Scope,
    problems: &'a mut Vec<Diagnostic>,
    /// Loop variables that are open around the expression.
    slots: Vec<Value>,
    /// Number of the next [`Residual::Local`]: counts with the depth, so equal texts make equal residuals.
    next_local: u32,
    /// Inside a secret argument, `file` is a source of secrets.
    pub is_secret: bool,
}

/// What a loop over a known collection comes to.
enum Looped {
    Done(Value),
    Failed,
    /// A key or condition is not known, so the loop waits as a whole.
    Open,
}

impl<'a> Walk<'a> {
    pub fn new(scope: &'a dyn Scope, problems: &'a mut Vec<Diagnostic>) -> Self {
        Self { scope, problems, slots: Vec::new(), next_local: 0, is_secret: false }
    }

    pub fn with_slots(mut self, slots: Vec<Value>) -> Self {
        self.slots = slots;
        self
    }

    /// Notes a problem.
    pub fn report(&mut self, problem: Diagnostic) {
        self.problems.push(problem);
    }

    /// The result, or the problem noted at `span`.
    fn settle(&mut self, result: Result<Value, Fault>, span: Span) -> Option<Value> {
        result.map_err(|fault| self.report(fault.at(span))).ok()
    }

    /// As `settle`, pointing at the operand that the problem is about.
    fn settle_at(&mut self, result: Result<Value, Fault>, operands: &[Span], whole: Span) -> Option<Value> {
        let place = |fault: &Fault| fault.operand.and_then(|at| operands.get(at)).copied().unwrap_or(whole);
        result
            .map_err(|fault| {
                let span = place(&fault);
                self.report(fault.at(span));
            })
            .ok()
    }

    /// The value of an expression; `None` after an error.
    pub fn eval(&mut self, expr: &Expr) -> Option<Value> {
        let span = expr.span;
        match &expr.kind {
            ExprKind::Literal(value) => Some(value.clone()),
            ExprKind::Variable(at) => Some(self.scope.variable(index(*at))),
            ExprKind::Local(at) => Some(self.scope.local(index(*at))),
            ExprKind::Slot(at) => Some(self.slots.get(index(*at)).cloned().unwrap_or(Value::NULL)),
            ExprKind::Given(given) => self.given(*given, span),
            ExprKind::Reference(reference) => self.reference(reference, span),
            ExprKind::Attribute(attribute) => {
                let of = self.eval(&attribute.of)?;
                let result = operate::attribute(&of, &attribute.name);
                self.settle(result, attribute.name_span)
            }
            ExprKind::Index(pair) => {
                let (of, key) = (self.eval(&pair.0), self.eval(&pair.1));
                let result = operate::index(&of?, &key?);
                self.settle_at(result, &[pair.0.span, pair.1.span], span)
            }
            ExprKind::Unary(operator, inner) => {
                let value = self.eval(inner)?;
                let result = operate::unary(*operator, &value);
                self.settle(result, inner.span)
            }
            ExprKind::Binary(operator, pair) => self.binary(*operator, &pair.0, &pair.1, span),
            ExprKind::Conditional(parts) => self.conditional(&parts.0, &parts.1, &parts.2),
            ExprKind::Call(call) => self.call(call, span),
            ExprKind::For(each) => self.each(each),
            ExprKind::Splat(splat) => self.splat(splat),
            ExprKind::Template(parts) => {
                let values = self.all(parts)?;
                let spans: Vec<Span> = parts.iter().map(|p| p.span).collect();
                let result = operate::template(&values);
                self.settle_at(result, &spans, span)
            }
            ExprKind::Join(inner) => {
                let texts = self.eval(inner)?;
                Some(join(texts))
            }
            ExprKind::Tuple(items) => Some(Value::tuple(self.all(items)?)),
            ExprKind::Object(items) => self.object(items),
        }
    }

    /// Every value, or `None` after reporting the problems of all of them.
    fn all(&mut self, items: &[Expr]) -> Option<Vec<Value>> {
        let values: Vec<Option<Value>> = items.iter().map(|item| self.eval(item)).collect();
        values.into_iter().collect()
    }

    fn given(&mut self, given: Given, span: Span) -> Option<Value> {
        let value = match given {
            Given::EachKey => self.scope.each().map(|each| each.0),
            Given::EachValue => self.scope.each().map(|each| each.1),
            Given::CountIndex => self.scope.count_index(),
            Given::SelfValue => self.scope.self_value(),
            Given::PathModule => Some(Value::string(self.scope.module_folder())),
            Given::PathRoot => Some(Value::string(".")),
            Given::PathCwd => Some(Value::string(self.scope.sources().folder())),
            Given::Workspace => Some(Value::string(self.scope.sources().workspace())),
        };
        if value.is_none() {
            let (name, where_it_is) = match given {
                Given::EachKey | Given::EachValue => ("each", "inside a block with `for_each`"),
                Given::CountIndex => ("count.index", "inside a block with `count`"),
                _ => ("self", "in postconditions of a resource"),
            };
            self.report(diag::OUT_OF_PLACE.at(span).detail(format!("`{name}` has a value {where_it_is} only")));
        }
        value
    }

    fn reference(&mut self, reference: &Reference, span: Span) -> Option<Value> {
        let (mut value, taken) = match &reference.key {
            Some(key) => {
                let key_value = self.eval(key)?;
                match self.instance_key(reference, &key_value, key.span)? {
                    Some(instance) => {
                        let (found, taken) = self.instance(reference, Some(&instance), span)?;
                        (found.marked_like(&key_value), taken)
                    }
                    None => {
                        let result = operate::index(&self.whole(reference.referent), &key_value);
                        (self.settle(result, key.span)?, 0)
                    }
                }
            }
            None if reference.is_repeated => (self.whole(reference.referent), 0),
            None => self.instance(reference, None, span)?,
        };
        for step in reference.steps.iter().skip(taken) {
            value = match step {
                Step::Attribute(name, at) => {
                    let result = operate::attribute(&value, name);
                    self.settle(result, *at)?
                }
                Step::Index(key) => {
                    let key_value = self.eval(key)?;
                    let result = operate::index(&value, &key_value);
                    self.settle(result, key.span)?
                }
            };
        }
        Some(value)
    }

    fn whole(&self, referent: Referent) -> Value {
        match referent {
            Referent::Resource(at) => self.scope.resource(index(at)),
            Referent::Call(at) => self.scope.module(index(at)),
        }
    }

    fn keys(&self, referent: Referent) -> Result<Option<Vec<InstanceKey>>, Value> {
        match referent {
            Referent::Resource(at) => self.scope.keys(index(at)),
            Referent::Call(at) => self.scope.module_keys(index(at)),
        }
    }

    fn key_form(&self, referent: Referent) -> Result<KeyForm, Value> {
        match referent {
            Referent::Resource(at) => self.scope.key_form(index(at)),
            Referent::Call(at) => self.scope.module_key_form(index(at)),
        }
    }

    /// The key of an instance; `Some(None)` where it is not known.
    fn instance_key(&mut self, reference: &Reference, key: &Value, span: Span) -> Option<Option<InstanceKey>> {
        let Ok(form) = self.key_form(reference.referent) else { return Some(None) };
        if !key.is_known() {
            return Some(None);
        }
        let is_counted = form == KeyForm::Index;
        let number = || {
            let number = crate::convert::convert(key, &Type::Number).ok()?.as_i64()?;
            u64::try_from(number).ok().map(InstanceKey::Index)
        };
        let name = || {
            let text = crate::convert::convert(key, &Type::String).ok()?;
            text.as_text().cloned().map(InstanceKey::Name)
        };
        let is_number = matches!(key.kind(), Kind::Number(_));
        let found = if is_counted {
            number()
        } else if is_number {
            name().or_else(number)
        } else {
            name()
        };
        if found.is_none() {
            let what = if is_counted { "a whole number of 0 or more" } else { "a text" };
            let detail = format!("the key of an instance is {what} here, not {}", crate::convert::describe(key));
            self.report(diag::NO_SUCH_INSTANCE.at(span).detail(detail));
        }
        found.map(Some)
    }

    /// One instance of a resource, or one output of one instance of a module call; and how many steps that took.
    fn instance(&mut self, reference: &Reference, key: Option<&InstanceKey>, span: Span) -> Option<(Value, usize)> {
        let found = match (reference.referent, reference.steps.first()) {
            (Referent::Resource(at), _) => self.scope.instance(index(at), key).map(|found| (found, 0)),
            (Referent::Call(at), Some(Step::Attribute(output, _))) => {
                self.scope.module_output(index(at), key, output).map(|found| (found, 1))
            }
            (Referent::Call(at), _) => {
                let whole = self.scope.module(index(at));
                let found = match key {
                    None => Some(whole),
                    Some(InstanceKey::Name(name)) => whole.get(name).cloned(),
                    Some(InstanceKey::Index(at)) => {
                        usize::try_from(*at).ok().and_then(|at| whole.items()?.get(at)).cloned()
                    }
                };
                found.map(|found| (found, 0))
            }
        };
        if found.is_none() {
            let problem = self.no_instance(reference.referent, key, span);
            self.report(problem);
        }
        found
    }

    fn no_instance(&self, referent: Referent, key: Option<&InstanceKey>, span: Span) -> Diagnostic {
        let shown = key.map_or_else(|| String::from("without a key"), |key| format!("with the key {key}"));
        let problem = diag::NO_SUCH_INSTANCE.at(span).detail(format!("there is no instance {shown}"));
        let keys = self.keys(referent).ok().flatten().unwrap_or_default();
        let Some(InstanceKey::Name(wrong)) = key else {
            return problem.with("instances", keys.len());
        };
        let names = keys.iter().filter_map(|key| match key {
            InstanceKey::Name(name) => Some(&**name),
            InstanceKey::Index(_) => None,
        });
        match suggestion(wrong, names) {
            Some(help) => problem.help(help),
            None => problem,
        }
    }

    fn binary(&mut self, operator: Operator, left: &Expr, right: &Expr, span: Span) -> Option<Value> {
        let a = self.eval(left);
        if let Some(decided) = a.as_ref().and_then(|a| operate::decided(operator, a)) {
            return Some(decided);
        }
        let b = self.eval(right);
        let result = operate::binary(operator, &a?, &b?);
        self.settle_at(result, &[left.span, right.span], span)
    }

    fn conditional(&mut self, condition: &Expr, yes: &Expr, no: &Expr) -> Option<Value> {
        let value = self.eval(condition)?;
        let truth = match operate::truth(&value) {
            Ok(truth) => truth,
            Err(fault) => {
                self.report(fault.at(condition.span));
                return None;
            }
        };
        let Some(truth) = truth else {
            let (a, b) = (self.eval(yes), self.eval(no));
            let result = operate::open_conditional(&value, &a?, &b?);
            return self.settle_at(result, &[condition.span, yes.span, no.span], yes.span.to(no.span));
        };
        let (chosen, other) = if truth { (yes, no) } else { (no, yes) };
        let chosen_value = self.eval(chosen)?;
        // The other arm gives its type only; what is wrong with it does not matter.
        let other_value = self.quietly(|walk| walk.eval(other));
        let result = operate::chosen_arm(&chosen_value, other_value.as_ref());
        Some(self.settle(result, chosen.span)?.marked_like(&value))
    }

    /// What `work` gives, without the problems it meets.
    fn quietly(&mut self, work: impl FnOnce(&mut Self) -> Option<Value>) -> Option<Value> {
        let before = self.problems.len();
        let result = work(self);
        self.problems.truncate(before);
        result
    }

    fn object(&mut self, items: &[(Expr, Expr)]) -> Option<Value> {
        let mut pairs: Vec<(Text, Value)> = Vec::with_capacity(items.len());
        let mut is_sensitive = false;
        let mut has_failed = false;
        for (key, value) in items {
            let key_value = self.eval(key);
            let value = self.eval(value);
            let (Some(key_value), Some(value)) = (key_value, value) else {
                has_failed = true;
                continue;
            };
            is_sensitive |= key_value.is_sensitive();
            match self.object_key(&key_value, key.span) {
                Some(key) => pairs.push((key, value)),
                None => has_failed = true,
            }
        }
        let object = (!has_failed).then(|| Value::object(pairs))?;
        Some(if is_sensitive { object.sensitive() } else { object })
    }

    fn object_key(&mut self, key: &Value, span: Span) -> Option<Text> {
        if let Some(text) = key.as_text() {
            return Some(text.clone());
        }
        let problem = if key.is_null() {
            diag::NULL_VALUE.at(span).detail("a key is null")
        } else if key.is_known() {
            match crate::convert::convert(key, &Type::String) {
                Ok(text) => return text.as_text().cloned(),
                Err(error) => diag::WRONG_OPERAND.at(span).detail(format!("a key: {}", error.reason)),
            }
        } else {
            diag::UNKNOWN_KEY.at(span).detail("the key of an object has to be known while planning")
        };
        self.report(problem);
        None
    }

    fn call(&mut self, call: &CallOf, span: Span) -> Option<Value> {
        let function = call.function;
        if function.nature == Nature::Special {
            return self.special(call, span);
        }
        let values = self.all(&call.arguments)?;
        let spans: Vec<Span> = call.arguments.iter().map(|a| a.span).collect();
        let arguments = match call::spread(function, values, call.is_spread) {
            Ok(Spread::Arguments(arguments)) => arguments,
            Ok(Spread::Open(open)) => return Some(open),
            Err(fault) => return self.settle_at(Err(fault), &spans, span),
        };
        if self.is_secret && function.name == "file" {
            return Some(call::secret_source(function, arguments));
        }
        let folder = self.scope.module_folder();
        let depth = self.scope.template_depth();
        let cx = FunctionContext { sources: self.scope.sources(), module_folder: &folder, depth };
        let result = call::call(function, arguments, &cx, Moment::Plan);
        // A spread argument stands for many, so only the ones before it have places of their own.
        self.settle_at(result, &spans, span)
    }

    fn special(&mut self, call: &CallOf, span: Span) -> Option<Value> {
        let [first, ..] = &call.arguments[..] else {
            let detail = call::wrong_count(call.function, 0).unwrap_or_default();
            self.report(diag::WRONG_ARGUMENT_COUNT.at(span).detail(detail));
            return None;
        };
        match call.function.name {
            "try" => self.attempt(&call.arguments, span),
            "can" => Some(match self.quietly(|walk| walk.eval(first)) {
                None => Value::bool(false),
                Some(value) if is_settled(&value) => Value::bool(true),
                Some(value) => open_call("can", Type::Bool, vec![value]),
            }),
            "sensitive" => Some(self.eval(first)?.sensitive()),
            "issensitive" => Some(Value::bool(self.eval(first)?.is_sensitive())),
            _ => Some(super::resolve::unmark(self.eval(first)?)),
        }
    }

    /// `try`: the first argument that has a value. What is not known yet may fail later, so those behind it stay.
    fn attempt(&mut self, arguments: &[Expr], span: Span) -> Option<Value> {
        let mut waiting = Vec::new();
        let before = self.problems.len();
        let mut reasons = Vec::new();
        for argument in arguments {
            let value = self.eval(argument);
            reasons.extend(self.problems.drain(before..).map(|problem| problem.detail));
            let Some(value) = value else { continue };
            let is_last_word = is_settled(&value);
            waiting.push(value);
            if is_last_word {
                break;
            }
        }
        if waiting.len() == 1 && waiting.first().is_some_and(is_settled) {
            return waiting.pop();
        }
        if waiting.is_empty() {
            self.report(
                diag::FUNCTION_FAILED
                    .at(span)
                    .detail(format!("no argument of `try` has a value: {}", reasons.join("; "))),
            );
            return None;
        }
        let ty = crate::convert::unify(&waiting.iter().map(Value::type_of).collect::<Vec<_>>());
        let is_sensitive = waiting.iter().any(Value::is_sensitive);
        let ty = if waiting.iter().all(|v| Some(v.type_of()) == ty) { ty.unwrap_or(Type::Any) } else { Type::Any };
        let open = open_call("try", ty, waiting);
        Some(if is_sensitive { open.sensitive() } else { open })
    }

    fn splat(&mut self, splat: &Splat) -> Option<Value> {
        let of = self.eval(&splat.of)?;
        let base = index(splat.slot);
        if of.is_known() {
            let mut results = Vec::new();
            for item in loops::splat_items(&of) {
                self.slots.truncate(base);
                self.slots.push(item);
                results.push(self.eval(&splat.each));
            }
            self.slots.truncate(base);
            let results: Option<Vec<Value>> = results.into_iter().collect();
            return Some(loops::splat_result(&of, results?));
        }
        let element = of.type_of().element();
        let (key_local, value_local) = self.open_locals();
        self.slots.truncate(base);
        self.slots.push(Value::unknown(element, Residual::Local(value_local)).marked_like(&of));
        let result = self.eval(&splat.each);
        self.slots.truncate(base);
        self.next_local = key_local;
        let residual = ForResidual {
            collection: of.clone(),
            key_local,
            value_local,
            condition: None,
            result_key: None,
            result: result?,
            is_grouped: false,
            is_splat: true,
        };
        Some(Value::unknown(Type::Any, Residual::For(Box::new(residual))).marked_like(&of))
    }

    /// What `work` gives while the iterator of a `dynamic` block has a value.
    pub fn with_slot<T>(&mut self, slot: u32, value: Value, work: impl FnOnce(&mut Self) -> T) -> T {
        let base = index(slot);
        self.slots.truncate(base);
        self.slots.push(value);
        let result = work(self);
        self.slots.truncate(base);
        result
    }

    /// What `work` makes of the numbers of a loop that stays open.
    pub fn with_locals<T>(&mut self, work: impl FnOnce(&mut Self, u32, u32) -> T) -> T {
        let (key, value) = self.open_locals();
        let result = work(self, key, value);
        self.next_local = key;
        result
    }

    fn open_locals(&mut self) -> (u32, u32) {
        let key = self.next_local;
        self.next_local = key.saturating_add(2);
        (key, key.saturating_add(1))
    }

    fn each(&mut self, each: &For) -> Option<Value> {
        let collection = self.eval(&each.collection)?;
        if collection.is_known() {
            match self.each_known(each, &collection) {
                Looped::Done(value) => return Some(value),
                Looped::Failed => return None,
                Looped::Open => {}
            }
        }
        self.each_open(each, &collection)
    }

    fn each_known(&mut self, each: &For, collection: &Value) -> Looped {
        let pairs = match loops::pairs(collection) {
            Ok(pairs) => pairs,
            Err(fault) => {
                self.report(fault.at(each.collection.span));
                return Looped::Failed;
            }
        };
        let base = index(each.slot);
        let mut collector = Collector::new(collection, Form::of(each.result_key.as_ref(), each.is_grouped));
        let before = self.problems.len();
        for (key, value) in pairs {
            self.slots.truncate(base);
            self.slots.extend([key, value]);
            match self.each_step(each, &mut collector) {
                Looped::Done(_) => {}
                other => {
                    if matches!(other, Looped::Open) {
                        self.problems.truncate(before);
                    }
                    self.slots.truncate(base);
                    return other;
                }
            }
        }
        self.slots.truncate(base);
        Looped::Done(collector.finish())
    }

    fn each_step(&mut self, each: &For, collector: &mut Collector) -> Looped {
        if let Some(condition) = &each.condition {
            let Some(value) = self.eval(condition) else { return Looped::Failed };
            match collector.filter(&value) {
                Ok(Filter::Keep) => {}
                Ok(Filter::Drop) => return Looped::Done(Value::NULL),
                Ok(Filter::Open) => return Looped::Open,
                Err(fault) => {
                    self.report(fault.at(condition.span));
                    return Looped::Failed;
                }
            }
        }
        let key = match &each.result_key {
            None => None,
            Some(key) => match self.eval(key) {
                Some(value) => Some((value, key.span)),
                None => return Looped::Failed,
            },
        };
        let Some(result) = self.eval(&each.result) else { return Looped::Failed };
        let Some((key, span)) = key else {
            collector.push(result);
            return Looped::Done(Value::NULL);
        };
        match collector.insert(&key, result) {
            Ok(true) => Looped::Done(Value::NULL),
            Ok(false) => Looped::Open,
            Err(fault) => {
                self.report(fault.at(span));
                Looped::Failed
            }
        }
    }

    fn each_open(&mut self, each: &For, collection: &Value) -> Option<Value> {
        let (key_type, value_type) = match loops::pair_types(&collection.type_of()) {
            Ok(types) => types,
            Err(fault) => {
                self.report(fault.at(each.collection.span));
                return None;
            }
        };
        let (key_local, value_local) = self.open_locals();
        let base = index(each.slot);
        let local = |ty: Type, at: u32| Value::unknown(ty, Residual::Local(at)).marked_like(collection);
        self.slots.truncate(base);
        self.slots.extend([local(key_type, key_local), local(value_type, value_local)]);
        let condition = each.condition.as_ref().map(|e| self.eval(e));
        let result_key = each.result_key.as_ref().map(|e| self.eval(e));
        let result = self.eval(&each.result);
        self.slots.truncate(base);
        self.next_local = key_local;
        let (condition, result_key) = (all_or_none(condition)?, all_or_none(result_key)?);
        let is_sensitive = collection.is_sensitive() || condition.iter().chain(&result_key).any(Value::is_sensitive);
        let residual = ForResidual {
            collection: collection.clone(),
            key_local,
            value_local,
            condition,
            result_key,
            result: result?,
            is_grouped: each.is_grouped,
            is_splat: false,
        };
        let open = Value::unknown(Type::Any, Residual::For(Box::new(residual)));
        Some(if is_sensitive { open.sensitive() } else { open })
    }
}

/// `Some(None)` where nothing was written, `None` where what was written has no value.
fn all_or_none(value: Option<Option<Value>>) -> Option<Option<Value>> {
    match value {
        None => Some(None),
        Some(value) => value.map(Some),
    }
}

fn open_call(function: &str, ty: Type, arguments: Vec<Value>) -> Value {
    Value::unknown(ty, Residual::Call { function: function.into(), arguments, is_spread: false })
}

/// Whether a value cannot turn out to be an error: it is known, or a leaf that only waits.
fn is_settled(value: &Value) -> bool {
    value.is_wholly_known()
        || value
            .as_unknown()
            .is_some_and(|unknown| matches!(unknown.residual, Residual::Variable(_)) && unknown.ty != Type::Any)
}

fn join(texts: Value) -> Value {
    if texts.is_wholly_known() {
        let text: String = texts.items().unwrap_or_default().iter().filter_map(Value::as_str).collect();
        let is_sensitive = texts.has_sensitive();
        return if is_sensitive { Value::string(text).sensitive() } else { Value::string(text) };
    }
    let is_sensitive = texts.has_sensitive();
    let open = open_call("join", Type::String, vec![Value::string(""), texts]);
    if is_sensitive { open.sensitive() } else { open }
}

fn index(at: u32) -> usize {
    usize::try_from(at).unwrap_or(usize::MAX)
}
