//! What became of the intents that an earlier run left open.
//!
//! Planning takes the answers into its copy of the state; apply writes them down before anything else.

use super::ask::About;
use super::walk::Walk;
use crate::diag;
use crate::plan::Recovered;
use crate::question::{Answer, Question};
use crate::state::{Entry, OpenIntent, Partial, Recorded, StepResult};
use terrane_core::{Text, Value};
use terrane_provider::{Reading, Resolution, Target, Verb};

/// Asks about every open intent.
pub fn ask(walk: &mut Walk<'_>) {
    for open in walk.state.intents.clone() {
        let configuration = walk.configuration(&open.intent.access.provider);
        walk.asker.ask(About::Intent(open.intent.id.clone()), || Question::Resolve {
            intent: Box::new((*open.intent).clone()),
            configuration,
        });
    }
}

/// Takes the answers into the state that planning works with.
pub fn take_in(walk: &mut Walk<'_>) -> Vec<Recovered> {
    let mut recovered = Vec::new();
    for open in walk.state.intents.clone() {
        let answer = walk.asker.answer(&About::Intent(open.intent.id.clone())).cloned();
        let Some(Answer::Resolve(resolution)) = answer else { continue };
        let place = open.intent.addr.clone();
        let (finding, entries): (Text, Vec<Entry>) = match resolution {
            Resolution::Done(seen) => ("it took effect".into(), vec![done(&open, seen)]),
            Resolution::NotDone => ("it did not take effect".into(), vec![not_done(&open, walk)]),
            Resolution::Running(_) => ("it is still going on".into(), vec![running(&open)]),
            Resolution::Unclear(what) => {
                let problem = diag::RECOVERY_UNCLEAR.at(place).with("object", &open.intent.object);
                walk.problems.push(problem.with("step", &open.intent.step.name).detail(&*what));
                continue;
            }
            Resolution::Failed(fault) => {
                walk.problems.push(diag::fault(&fault, place.into()).with("object", &open.intent.object));
                continue;
            }
        };
        let state = walk.state.to_mut();
        for entry in &entries {
            state.apply(entry.clone());
        }
        recovered.push(Recovered {
            addr: open.intent.addr.clone(),
            intent: open.intent.id.clone(),
            step: open.intent.step.name.clone(),
            finding,
            entries,
        });
    }
    recovered
}

/// The outcome of a step that took effect.
#[must_use]
pub fn done(open: &OpenIntent, seen: Value) -> Entry {
    let mut template = (*open.record).clone();
    if open.intent.step.verb == Verb::Create {
        template.made_ms = open.intent.at_ms;
    }
    let record = after_step(&template, overlaid(&open.intent.seen, &seen));
    Entry::Outcome { intent: open.intent.id.clone(), result: StepResult::Done, record }
}

/// The record after a step that took effect, given the record that its intent carried.
#[must_use]
pub fn after_step(template: &Recorded, seen: Value) -> Option<Box<Recorded>> {
    let is_gone =
        template.partial.as_ref().is_some_and(|partial| partial.verb == Verb::Delete && partial.next.is_empty());
    if is_gone {
        return None;
    }
    let mut record = template.clone();
    record.seen = seen;
    if record.partial.as_ref().is_some_and(|partial| partial.next.is_empty()) {
        record.partial = None;
    }
    Some(Box::new(record))
}

/// `newer` laid over `older`, attribute by attribute.
#[must_use]
pub fn overlaid(older: &Value, newer: &Value) -> Value {
    match (older.entries(), newer.entries()) {
        (Some(a), Some(b)) => Value::object(a.iter().chain(b.iter()).map(|(k, v)| (k.clone(), v.clone())).collect()),
        _ if newer.is_null() => older.clone(),
        _ => newer.clone(),
    }
}

fn not_done(open: &OpenIntent, walk: &Walk<'_>) -> Entry {
    let key = (open.intent.addr.clone(), open.intent.deposed.clone());
    let record = walk.state.objects.get(&key).map(|record| Box::new((**record).clone()));
    Entry::Outcome { intent: open.intent.id.clone(), result: StepResult::NotDone, record }
}

/// A step that still runs leaves an object that is half made; the next plan completes or removes it, and knows the
/// object by the intents that began it: by then the step may have come to its end.
fn running(open: &OpenIntent) -> Entry {
    let mut record = (*open.record).clone();
    record.seen = open.intent.seen.clone();
    let mut done = record.partial.take().map(|partial| partial.done).unwrap_or_default();
    done.retain(|step| *step != open.intent.step.name);
    record.partial = Some(Partial {
        verb: open.intent.step.verb,
        done,
        next: open.intent.step.name.clone(),
        begun: open.intent.begun(),
    });
    Entry::Outcome { intent: open.intent.id.clone(), result: StepResult::Failed, record: Some(Box::new(record)) }
}

/// What to do with an answer about an intent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Belief {
    /// Take it.
    Believe,
    /// Ask again, not earlier than this moment in milliseconds since the Unix epoch.
    AskAgain(u64),
}

/// Whether a reading can be believed: that less is there than is recorded only once it would have shown, `settle_ms`
/// of the remote side's time after it was made.
#[must_use]
pub fn believe_reading(reading: &Reading, target: &Target, settle_ms: u64, now_ms: u64) -> Belief {
    let settled_ms = target.made_ms.saturating_add(settle_ms);
    if target.made_ms > 0 && now_ms < settled_ms && target.is_more_than(reading) {
        return Belief::AskAgain(settled_ms);
    }
    Belief::Believe
}

/// Whether an answer can be believed: that nothing was done only once what was done would have shown, `settle_ms`
/// after it was asked first. The call can have been made long after its intent was written, so the time of the
/// intent says nothing.
#[must_use]
pub fn believe(resolution: &Resolution, first_asked_ms: u64, settle_ms: u64, now_ms: u64) -> Belief {
    let settled_ms = first_asked_ms.saturating_add(settle_ms);
    if *resolution == Resolution::NotDone && now_ms < settled_ms {
        return Belief::AskAgain(settled_ms);
    }
    Belief::Believe
}
