//! Conditions of the configuration while planning: what is known is judged, the rest goes into the plan.

use super::assemble::Graph;
use super::frame::{Cell, FrameId, Repeated, Vertex};
use super::judge::Stop;
use super::order::Conditions;
use super::scope::PlanScope;
use super::walk::Walk;
use crate::condition::{Condition, ConditionOf, Status};
use crate::plan::Mode;
use std::sync::Arc;
use terrane_core::{Diagnostic, Residual, Span, Text, Value};
use terrane_lang::conditions::{self, Verdict};
use terrane_lang::diag;
use terrane_lang::eval::{self, ResolveContext};
use terrane_lang::inputs;
use terrane_lang::program::{Output, Resource, Validation};

/// The conditions of one thing, as they stand.
#[derive(Debug)]
pub struct Judged {
    /// The vertex that waits for them; `None` where nothing does.
    pub vertex: Option<Vertex>,
    /// The conditions, in the order in which they are written.
    pub conditions: Vec<Condition>,
}

/// What conditions are about, and where they see it.
pub struct About {
    of: ConditionOf,
    frame: FrameId,
    repeated: Repeated,
    own: Option<Value>,
    vertex: Option<Vertex>,
    /// Where a failure shows; the condition itself where that is nothing else.
    span: Option<Span>,
}

impl About {
    /// Conditions of a module instance.
    pub fn new(of: ConditionOf, frame: FrameId) -> Self {
        Self { of, frame, repeated: Repeated::default(), own: None, vertex: None, span: None }
    }

    /// Failures show here.
    pub fn at(mut self, span: Span) -> Self {
        self.span = Some(span);
        self
    }
}

/// How one condition stands, and the problem where it does not hold.
struct Stands {
    status: Status,
    condition: Value,
    message: Value,
    problem: Option<Diagnostic>,
}

impl Walk<'_> {
    /// Judges conditions: the vertices that they look at.
    ///
    /// # Errors
    /// `Wait` for what is not evaluated yet, `Broken` where one does not hold, which is told then.
    pub fn hold(&mut self, about: About, conditions: &[Validation]) -> Result<Vec<Vertex>, Stop> {
        let scope = PlanScope::new(self, about.frame, about.repeated).with_self(about.own);
        let reveal = |value: &Value| self.revealed(value);
        let mut problems = Vec::new();
        let mut stands = Vec::with_capacity(conditions.len());
        for condition in conditions {
            stands.push(stand(condition, &scope, &reveal, &mut problems));
        }
        if scope.is_blocked() {
            return Err(Stop::Wait);
        }
        if scope.is_broken() {
            return Err(Stop::Broken);
        }
        if scope.is_left_out() {
            let touched = scope.into_touched();
            let Some(vertex) = about.vertex.and_then(|vertex| usize::try_from(vertex).ok()) else {
                return Err(Stop::LeftOut);
            };
            self.check_part(vertex, &Cell::LeftOut(Arc::default()), &touched)?;
            return Err(Stop::LeftOut);
        }
        if let Some(cause) = scope.deferred() {
            return Err(Stop::Deferred(cause));
        }
        let touched = scope.into_touched();
        let is_warning = matches!(about.of, ConditionOf::Check { .. }) || self.options.mode == Mode::RefreshOnly;
        let mut is_broken = false;
        let folder = self.module_of(about.frame).map_or_else(|| ".".into(), |(_, module)| module.folder.clone());
        let mut judged = Vec::with_capacity(stands.len());
        for (stand, condition) in stands.into_iter().zip(conditions) {
            let span = condition.condition.span;
            if let Some(problem) = stand.problem {
                is_broken |= !is_warning;
                self.problems.push(told(problem, &about.of, about.span.filter(|_| !is_warning), is_warning));
            }
            judged.push(Condition {
                of: about.of.clone(),
                status: stand.status,
                condition: stand.condition,
                message: stand.message,
                folder: folder.clone(),
                origin: self.origin(span),
            });
        }
        self.conditions.insert(about.of, Judged { vertex: about.vertex, conditions: judged });
        if is_broken { Err(Stop::Broken) } else { Ok(touched) }
    }

    /// Judges the conditions before an instance is planned, and those after: `own` is its object then.
    pub fn instance_holds(
        &mut self,
        vertex: usize,
        resource: &Resource,
        own: Option<&Value>,
    ) -> Result<Vec<Vertex>, Stop> {
        let conditions = match own {
            None => &resource.lifecycle.preconditions,
            Some(_) => &resource.lifecycle.postconditions,
        };
        if conditions.is_empty() || self.options.mode == Mode::Destroy {
            return Ok(Vec::new());
        }
        let instance = self.instances.get(vertex).ok_or(Stop::Broken)?;
        let addr = instance.addr.clone().ok_or(Stop::Broken)?;
        let (frame, position) = (instance.frame, instance.position);
        let repeated = self.repeated(frame, instance.resource, position);
        let of = match own {
            None => ConditionOf::Precondition { addr },
            Some(_) => ConditionOf::Postcondition { addr },
        };
        let about =
            About { repeated, own: own.cloned(), vertex: Vertex::try_from(vertex).ok(), ..About::new(of, frame) };
        self.hold(about, conditions)
    }

    /// Judges the preconditions of an output.
    pub fn output_holds(&mut self, frame: FrameId, output: &Output) -> Result<Vec<Vertex>, Stop> {
        if self.options.mode == Mode::Destroy {
            return Ok(Vec::new());
        }
        let module = self.frames.get(frame.0).map(|frame| frame.path.to_string()).unwrap_or_default();
        let of = ConditionOf::Output { module: module.into(), name: output.name.clone() };
        self.hold(About::new(of, frame), &output.preconditions)
    }

    /// Judges the `check` blocks, when all else is planned.
    pub fn checks(&mut self) {
        if self.options.mode == Mode::Destroy {
            return;
        }
        for frame in (0..self.frames.len()).map(FrameId) {
            let Some((found, module)) = self.module_of(frame) else { continue };
            let path = found.path.to_string();
            for check in &module.checks {
                let of = ConditionOf::Check { module: path.as_str().into(), name: check.name.clone() };
                match self.hold(About::new(of.clone(), frame), &check.asserts) {
                    // It is judged in the stage that plans what it looks at.
                    Ok(_) | Err(Stop::Deferred(_)) => {}
                    Err(Stop::Wait | Stop::Broken | Stop::LeftOut) => self.undecided(&of, &check.asserts),
                }
            }
        }
    }

    /// Asserts about what has no value, which is told already, or takes no part.
    fn undecided(&mut self, of: &ConditionOf, asserts: &[Validation]) {
        let one = |assert: &Validation| Condition {
            of: of.clone(),
            status: Status::Error,
            condition: Value::NULL,
            message: Value::NULL,
            folder: ".".into(),
            origin: self.origin(assert.condition.span),
        };
        let conditions = asserts.iter().map(one).collect();
        self.conditions.insert(of.clone(), Judged { vertex: None, conditions });
    }

    /// What waits for sensitive variables only, finished: it is looked at and not kept.
    fn revealed(&self, value: &Value) -> Value {
        if value.is_known() || !value.has_sensitive() {
            return value.clone();
        }
        let known = |residual: &Residual| match residual {
            Residual::Variable(name) => self.given(name),
            Residual::Call { function, arguments, .. } if &**function == "env" => {
                let name = arguments.first().and_then(Value::as_str)?;
                self.sources.env(name).map(Value::string)
            }
            _ => None,
        };
        let cx = ResolveContext { sources: self.sources, module_folder: "." };
        eval::resolve(value, &known, &cx).unwrap_or_else(|_| value.clone())
    }

    /// The value of a variable of the root module, however sensitive.
    fn given(&self, name: &Text) -> Option<Value> {
        let variable = self.program.modules.first()?.variables.iter().find(|variable| variable.name == *name)?;
        inputs::variable_value(variable, self.inputs.get(name).copied(), &mut Vec::new())
    }
}

fn stand(
    condition: &Validation,
    scope: &PlanScope<'_, '_>,
    reveal: &dyn Fn(&Value) -> Value,
    problems: &mut Vec<Diagnostic>,
) -> Stands {
    let verdict = conditions::judge(condition, scope, reveal, problems);
    let span = condition.condition.span;
    let (status, condition, message, problem) = match verdict {
        Some(Verdict::Holds) => (Status::Pass, Value::NULL, Value::NULL, None),
        Some(Verdict::Fails(said)) => {
            let problem = diag::CONDITION_FAILED.at(span).detail(said.as_str());
            (Status::Fail, Value::NULL, Value::string(said), Some(problem))
        }
        Some(Verdict::Open { condition, message }) => (Status::Unknown, condition, message, None),
        None => {
            let first = (!problems.is_empty()).then(|| problems.swap_remove(0));
            problems.clear();
            (Status::Error, Value::NULL, Value::NULL, first)
        }
    };
    Stands { status, condition, message, problem }
}

/// The problem as it is told: of a check it is a warning, of a variable it shows at the variable.
fn told(problem: Diagnostic, of: &ConditionOf, span: Option<Span>, is_warning: bool) -> Diagnostic {
    let is_failure = std::ptr::eq(problem.kind, &raw const diag::CONDITION_FAILED);
    if is_warning {
        let detail =
            if is_failure { problem.detail } else { format!("{}: {}", problem.kind.summary, problem.message()) };
        return diag::CHECK_FAILED.at(problem.place).with("check", of).detail(detail);
    }
    match (span, is_failure) {
        (Some(span), true) => {
            let told = diag::VALIDATION_FAILED.at(span).detail(problem.detail);
            match problem.place {
                terrane_core::Place::Span(condition) => told.label(condition, "this condition is false"),
                _ => told,
            }
        }
        (_, true) => problem.with("of", of),
        (_, false) => problem,
    }
}

/// The conditions of the plan, in order, and what waits for those that are found out later.
pub fn finish(walk: &mut Walk<'_>, graph: &mut Graph) -> Vec<Condition> {
    let mut all = Vec::new();
    for (of, judged) in std::mem::take(&mut walk.conditions) {
        let is_after = matches!(of, ConditionOf::Postcondition { .. });
        for condition in judged.conditions {
            let number = u32::try_from(all.len()).unwrap_or(u32::MAX);
            let node = judged.vertex.and_then(|vertex| graph.nodes.get_mut(usize::try_from(vertex).ok()?));
            if let (Status::Unknown, Some(node)) = (condition.status, node) {
                let conditions: &mut Conditions = node.conditions.get_or_insert_default();
                if is_after { conditions.after.push(number) } else { conditions.before.push(number) }
            }
            all.push(condition);
        }
    }
    all
}
