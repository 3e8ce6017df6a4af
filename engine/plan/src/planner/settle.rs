//! What is done about drift, as a plan: the record becomes as the object is (accept), or the object becomes as it is
//! recorded (revert).
//!
//! Either works from records alone. What the configuration would change beside it is no part of the plan.

use super::assemble;
use super::decide::{Decision, Facts, comparable};
use super::drift::drifted;
use super::frame::FrameId;
use super::judge::{Actual, Stop, Surroundings};
use super::recover::overlaid;
use super::walk::Walk;
use super::{Task, targets};
use crate::diag;
use crate::drift::LeafPattern;
use crate::plan::{Change, Drift, LeafChange, Mode, Plan, Recovered};
use crate::state::{RecordKey, Recorded};
use std::sync::Arc;
use terrane_core::change::{Action, Reason};
use terrane_core::{FileId, Path, Schema, Span, Text, Value};
use terrane_lang::eval::ir::Body;
use terrane_lang::program::{Ignore, Lifecycle, ProviderRef, Repetition, Resource};
use terrane_provider::{ResourceType, StepsInput, Verb};

/// The place of what no file has.
const NOWHERE: Span = Span { file: FileId(u32::MAX), start: 0, end: 0 };

/// The plan of an accept or revert; `None` where an error or an open question prevents one.
pub fn plan(walk: &mut Walk<'_>, recovered: Vec<Recovered>) -> Option<Plan> {
    let patterns: Vec<LeafPattern> = match &walk.options.task {
        Task::Accept(patterns) | Task::Revert(patterns) => patterns.clone(),
        Task::Configuration | Task::Look => return None,
    };
    let is_accepted = matches!(walk.options.task, Task::Accept(_));
    // What would replace is refused below, with words of its own.
    let meant = walk.options.selection.targets().unwrap_or_default().to_vec();
    walk.options.allow_replace.clone_from(&meant);
    walk.options.allow_destroy = meant;
    walk.options.mode = if is_accepted { Mode::RefreshOnly } else { Mode::Normal };
    let records: Vec<(RecordKey, Arc<Recorded>)> =
        walk.state.objects.iter().map(|(key, record)| (key.clone(), record.clone())).collect();
    let (mut decisions, mut drift, mut is_waiting) = (Vec::new(), Vec::new(), false);
    for (key, record) in records {
        // A replaced object goes, and a half-made one is finished, by apply.
        let is_settled = key.1.is_none() && record.partial.is_none();
        if !is_settled || !targets::takes_part(walk, &key.0) {
            continue;
        }
        match drift_of(walk, &record, &patterns) {
            Ok(None) => {}
            Ok(Some((actual, found))) => {
                let decided = match is_accepted {
                    true => Ok(accept(walk, &record, &actual, &found)),
                    false => revert(walk, &record, &actual, &found),
                };
                match decided {
                    Ok(decision) => decisions.push(decision),
                    Err(Stop::Wait) => is_waiting = true,
                    Err(Stop::Broken | Stop::LeftOut | Stop::Deferred(_)) => {}
                }
                drift.push(found);
            }
            Err(Stop::Wait) => is_waiting = true,
            Err(Stop::Broken | Stop::LeftOut | Stop::Deferred(_)) => {}
        }
    }
    if is_waiting || walk.problems.iter().any(terrane_core::Diagnostic::is_error) {
        return None;
    }
    assemble::finished(walk, recovered, assemble::Parts { decisions, drift, outputs: Vec::new() })
}

/// What is there of an object, and the drift that is meant; `None` where there is none.
fn drift_of(
    walk: &mut Walk<'_>,
    record: &Arc<Recorded>,
    patterns: &[LeafPattern],
) -> Result<Option<(Actual, Drift)>, Stop> {
    let actual = walk.actual(Some(record), walk.program.block(&record.addr).map(|block| block.span))?;
    let is_meant = |path: &Path| patterns.iter().any(|pattern| pattern.means(&record.addr, path));
    let (is_gone, leaves) = match &actual {
        Actual::Present(value) => {
            let schema = walk.registry.resource_schema(&record.id.type_name).ok_or(Stop::Broken)?;
            let found = drifted(schema, record, value).into_iter();
            (false, found.filter(|leaf| is_meant(&leaf.path)).collect::<Vec<LeafChange>>())
        }
        Actual::Gone | Actual::Partial { .. } => (is_meant(&Path::default()), Vec::new()),
        Actual::None => (false, Vec::new()),
    };
    if !is_gone && leaves.is_empty() {
        return Ok(None);
    }
    let block = walk.program.block(&record.addr);
    let written = |leaf: &LeafChange| walk.origin(block?.body.span_of(&leaf.path)?);
    let leaves = leaves.into_iter().map(|leaf| LeafChange { origin: written(&leaf), ..leaf }).collect();
    let (addr, id) = (record.addr.clone(), record.id.clone());
    Ok(Some((actual, Drift { addr, id, deposed: None, is_gone, leaves })))
}

/// The record as the object is, in the leaves that are meant.
fn accept(walk: &Walk<'_>, record: &Arc<Recorded>, actual: &Actual, drift: &Drift) -> Decision {
    let mut change = unchanged(record);
    match actual {
        Actual::Gone => {
            change.action = Action::Forget;
            change.reasons.push(Reason::Gone);
            (change.after_id, change.after_access) = (None, None);
        }
        // Parts of it are left, and the record is the only one that knows of them: it is half made from here on, so that
        // apply makes it whole, or takes away what is left where the block is gone.
        Actual::Partial { done, seen } => {
            change.before = overlaid(&record.seen, seen);
            change.after = change.before.clone();
            change.is_rerecorded = true;
            change.reasons.push(Reason::Incomplete { done: done.clone(), next: next_step(walk, record, done) });
        }
        Actual::None => {}
        Actual::Present(value) => {
            let put = |seen: Value, leaf: &LeafChange| with_leaf(seen, value, &leaf.path);
            change.before = drift.leaves.iter().fold(record.seen.clone(), put);
            change.after = change.before.clone();
            change.is_rerecorded = true;
        }
    }
    Decision { change: change.into(), record: Some(record.clone()), destroy: Vec::new(), make: Vec::new() }
}

/// The first step of its creation that is not done.
fn next_step(walk: &Walk<'_>, record: &Recorded, done: &[Text]) -> Text {
    let input = StepsInput { verb: Verb::Create, prior: &Value::NULL, planned: &record.seen, changed: &[] };
    let steps = walk.registry.resource(&record.id.type_name).map(|kind| kind.steps(&input)).unwrap_or_default();
    steps.into_iter().map(|step| step.name).find(|name| !done.contains(name)).unwrap_or_else(|| "record".into())
}

/// `object` with a leaf as another object has it. A key that the other does not have is taken out of its map.
fn with_leaf(object: Value, other: &Value, path: &Path) -> Value {
    let Some((last, above)) = path.0.split_last() else { return other.clone() };
    let above = Path(above.to_vec());
    match (other.at(path), other.at(&above).map(Value::kind), last) {
        (Some(leaf), ..) => object.with_at(&path.0, leaf.clone()),
        (None, Some(terrane_core::Kind::Map(_)), terrane_core::PathStep::Name(name)) => {
            let Some(terrane_core::Kind::Map(entries)) = object.at(&above).map(Value::kind) else { return object };
            let map = Value::map(entries.without(name).iter().map(|(k, v)| (k.clone(), v.clone())).collect());
            object.with_at(&above.0, map)
        }
        // What holds it is gone as a whole.
        (None, ..) if object.at(&above).is_some_and(|held| held.entries().is_some()) => {
            let held = other.at(&above).cloned().unwrap_or(Value::NULL);
            object.with_at(&above.0, held)
        }
        (None, ..) => object,
    }
}

/// The object as it is recorded, in the leaves that are meant.
fn revert(walk: &mut Walk<'_>, record: &Arc<Recorded>, actual: &Actual, drift: &Drift) -> Result<Decision, Stop> {
    let kind = walk.registry.resource(&record.id.type_name).cloned().ok_or(Stop::Broken)?;
    let schema = walk.registry.resource_schema(&record.id.type_name).cloned().ok_or(Stop::Broken)?;
    let mut resource = as_recorded(walk, record, schema);
    let written = record.sent.clone();
    let around = Surroundings { access: record.access.clone(), ..walk.surroundings(&resource, &written)? };
    let parts = Parts { record, kind: &kind, actual, written: &written, around: &around };
    if let Actual::Present(prior) = actual {
        let refined = walk.judge(&parts.facts(&resource), Some(prior))?;
        let is_meant = |path: &Path| drift.leaves.iter().any(|leaf| path.starts_with(&leaf.path));
        let others = comparable(&resource.schema, prior, &refined).into_iter().map(|difference| difference.path);
        resource.lifecycle.ignore_changes = Ignore::Paths(others.filter(|path| !is_meant(path)).collect());
    }
    let mut decision = walk.decide(&parts.facts(&resource))?;
    let change = Arc::make_mut(&mut decision.change);
    if change.action.is_replace() {
        let why = change.reasons.first().map(ToString::to_string).unwrap_or_default();
        walk.problems.push(diag::REVERT_REPLACES.at(record.addr.clone()).with("object", &record.id).detail(why));
        return Err(Stop::Broken);
    }
    change.dependencies.clone_from(&record.dependencies);
    // What others may decide over is taken in by a refresh.
    change.is_rerecorded &= change.action != Action::NoOp;
    Ok(decision)
}

struct Parts<'p> {
    record: &'p Arc<Recorded>,
    kind: &'p Arc<dyn ResourceType>,
    actual: &'p Actual,
    written: &'p Value,
    around: &'p Surroundings,
}

impl<'p> Parts<'p> {
    fn facts(&self, resource: &'p Resource) -> Facts<'p> {
        Facts {
            frame: FrameId(0),
            addr: &self.record.addr,
            resource,
            kind: self.kind,
            record: Some(self.record),
            import: None,
            actual: self.actual,
            written: self.written,
            around: self.around,
            secrets: &self.record.secrets,
        }
    }
}

/// The block that a record would be written as, where its own stands.
fn as_recorded(walk: &Walk<'_>, record: &Recorded, schema: Arc<Schema>) -> Resource {
    let block = walk.program.block(&record.addr);
    let span = block.map_or_else(|| NOWHERE, |block| block.span);
    let provider = &record.access.provider;
    Resource {
        mode: record.addr.resource.mode,
        type_name: record.addr.resource.type_name.clone(),
        name: record.addr.resource.name.clone(),
        schema,
        repetition: Repetition::Single,
        body: block
            .map_or_else(|| Body { arguments: Vec::new(), blocks: Vec::new(), span }, |block| block.body.clone()),
        provider: ProviderRef { name: provider.name.clone(), alias: provider.alias.clone() },
        depends_on: Vec::new(),
        lifecycle: Lifecycle {
            prevent_destroy: Some(record.prevent_destroy),
            create_before_destroy: record.create_before_destroy,
            ..Lifecycle::default()
        },
        timeouts: record.timeouts.clone(),
        is_scoped: false,
        span,
    }
}

/// A change that does nothing and says all that the record says.
fn unchanged(record: &Recorded) -> Change {
    Change {
        deposed: record.deposed.clone(),
        before_id: Some(record.id.clone()),
        after_id: Some(record.id.clone()),
        before_access: Some(record.access.clone()),
        after_access: Some(record.access.clone()),
        written: record.sent.clone(),
        owners: record.owners.clone(),
        secrets: record.secrets.clone(),
        schema_version: record.schema_version,
        dependencies: record.dependencies.clone(),
        prevent_destroy: record.prevent_destroy,
        create_before_destroy: record.create_before_destroy,
        timeouts: record.timeouts.clone(),
        ..Change::new(record.addr.clone(), Action::NoOp)
    }
}
