//! Conditions that the plan could not decide: found out from what earlier steps have seen.

use super::Schedule;
use crate::condition::{Condition, ConditionOf, Status};
use crate::planner::leaves;
use terrane_core::event::Event;
use terrane_core::{Diagnostic, Place, Residual, Value};
use terrane_lang::eval::{self, ResolveContext};
use terrane_lang::{conditions, diag};

/// What became of a condition.
enum Found {
    Holds,
    Fails(String),
    /// It has no value, and why.
    Lost(String),
    /// It waits for something that is not there.
    Waits,
}

impl Schedule<'_> {
    /// The problems of conditions that do not hold now.
    pub(super) fn not_met(&self, numbers: &[u32]) -> Vec<Diagnostic> {
        let conditions = numbers.iter().filter_map(|number| self.plan.conditions.get(super::at(*number)));
        let problem = |condition: &Condition| match self.found(condition) {
            Found::Holds => None,
            Found::Fails(said) | Found::Lost(said) => Some(problem(condition, said)),
            Found::Waits => Some(problem(condition, String::from("what it looks at has no value"))),
        };
        conditions.filter_map(problem).collect()
    }

    /// Lets what comes after a step go on, where its postconditions hold. What is done is kept in any case.
    pub(super) fn let_go_on(&mut self, step: u32) {
        let plan = self.plan.clone();
        let postconditions = plan.steps.get(super::at(step)).map(|step| step.postconditions.as_slice());
        let problems = self.not_met(postconditions.unwrap_or_default());
        if problems.is_empty() {
            self.release(step);
            return;
        }
        self.has_broken_condition = true;
        for problem in problems {
            self.tell_of(problem);
        }
        for dependent in self.dependents.get(super::at(step)).cloned().unwrap_or_default() {
            self.fail_from(dependent);
        }
    }

    /// At the end: what no step waits for. Checks warn, everything else is an error.
    pub(super) fn look_around(&mut self) {
        let plan = self.plan.clone();
        for condition in plan.conditions.iter().filter(|condition| condition.status == Status::Unknown) {
            if condition.of.addr().is_some() {
                continue;
            }
            let said = match self.found(condition) {
                // What it looks at was not made, which is told already.
                Found::Holds | Found::Waits => continue,
                Found::Fails(said) | Found::Lost(said) => said,
            };
            if let ConditionOf::Output { module, name } = &condition.of
                && module.is_empty()
            {
                self.refused_outputs.insert(name.clone());
            }
            self.has_broken_condition |= !matches!(condition.of, ConditionOf::Check { .. });
            self.tell_of(problem(condition, said));
        }
    }

    fn tell_of(&mut self, problem: Diagnostic) {
        self.tell(Event::Problem(Box::new(problem.clone())));
        self.problems.push(problem);
    }

    fn found(&self, condition: &Condition) -> Found {
        let value = match self.looked_up(&condition.condition, condition) {
            Ok(value) => value,
            Err(problem) => return Found::Lost(problem.message()),
        };
        let mut is_waiting = false;
        leaves::visit(&value, &mut |_| is_waiting = true);
        match conditions::truth(&value) {
            Ok(Some(true)) => Found::Holds,
            Ok(Some(false)) => {
                let said = self.looked_up(&condition.message, condition).unwrap_or(Value::NULL);
                Found::Fails(conditions::message(&said))
            }
            Ok(None) if is_waiting => Found::Waits,
            Ok(None) => Found::Lost(String::from("what it looks at has no value")),
            Err(why) => Found::Lost(why),
        }
    }

    /// An expression with all that is there by now.
    #[expect(clippy::result_large_err, reason = "the error of the evaluator is handed on as it is")]
    fn looked_up(&self, value: &Value, condition: &Condition) -> Result<Value, Diagnostic> {
        let cx = ResolveContext { sources: self.sources, module_folder: &condition.folder };
        let known = |residual: &Residual| match residual {
            Residual::Attribute { instance, path } => self.state.record(instance)?.seen.at(path).cloned(),
            Residual::Variable(name) => self.options.variables.get(name).cloned(),
            Residual::Call { function, arguments, .. } if &**function == "env" => {
                self.sources.env(arguments.first().and_then(Value::as_str)?).map(Value::string)
            }
            other => eval::at_apply(other, &cx).ok().flatten(),
        };
        eval::resolve(value, &known, &cx)
    }
}

fn problem(condition: &Condition, said: String) -> Diagnostic {
    let place = condition.of.addr().cloned().map_or(Place::Run, Place::from);
    let problem = match &condition.of {
        ConditionOf::Check { .. } => diag::CHECK_FAILED.at(place).with("check", &condition.of),
        ConditionOf::Variable { .. } => diag::VALIDATION_FAILED.at(place).with("of", &condition.of),
        ConditionOf::Precondition { .. } | ConditionOf::Postcondition { .. } | ConditionOf::Output { .. } => {
            diag::CONDITION_FAILED.at(place).with("of", &condition.of)
        }
    };
    let problem = problem.with("condition", condition.of.word()).detail(said);
    match &condition.origin {
        Some(origin) => problem.with("declared at", format!("{}:{}", origin.file, origin.line)),
        None => problem,
    }
}
