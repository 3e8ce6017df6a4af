//! What somebody else changed on recorded objects: the part of a plan that tells of it, and a look that does nothing else.

use super::ask::About;
use super::diff::{self, Difference};
use super::walk::{self, Walk};
use crate::diag;
use crate::drift::{Finding, FindingKind, Ignored, Look, Looked, fingerprint, is_about};
use crate::plan::{Drift, LeafChange, Origin};
use crate::question::Answer;
use crate::state::{RecordKey, Recorded};
use std::collections::BTreeMap;
use std::sync::Arc;
use terrane_core::change::Owner;
use terrane_core::{DriftSeverity, InstanceAddr, Path, PathStep, Role, Schema, Shape, Text, Value};
use terrane_lang::program::Resource;
use terrane_provider::{Reading, Unreadable};

/// What somebody else changed on recorded objects, as far as it is ours.
pub fn drift(walk: &Walk<'_>) -> Vec<Drift> {
    let mut found = Vec::new();
    for (key, record) in &walk.state.objects {
        let Some(Answer::Read(reading)) = walk.asker.answer(&About::Record(key.clone())) else { continue };
        let leaves = match reading {
            Reading::Absent => None,
            Reading::Partial { .. } if record.partial.is_none() => None,
            Reading::Present(actual) if record.partial.is_none() => {
                let Some(schema) = walk.registry.resource_schema(&record.id.type_name) else { continue };
                let leaves = drifted(schema, record, actual);
                if leaves.is_empty() {
                    continue;
                }
                Some(leaves)
            }
            Reading::Present(_) | Reading::Partial { .. } | Reading::Unreadable(_) => continue,
        };
        found.push(Drift {
            addr: record.addr.clone(),
            id: record.id.clone(),
            deposed: record.deposed.clone(),
            is_gone: leaves.is_none(),
            leaves: leaves.unwrap_or_default(),
        });
    }
    found
}

/// Leaves of ours that differ from what was seen last.
pub fn drifted(schema: &Schema, record: &Recorded, actual: &Value) -> Vec<LeafChange> {
    let ours = differing(schema, record, actual).into_iter().filter(|(_, owner)| *owner == Owner::Ours);
    ours.map(|(difference, _)| leaf(difference)).collect()
}

fn leaf(difference: Difference) -> LeafChange {
    LeafChange {
        path: difference.path,
        before: difference.left,
        after: difference.right,
        replaces: None,
        is_repair: false,
        is_secret: false,
        origin: None,
    }
}

/// Leaves that differ from what was seen last, with who decides over each.
fn differing(schema: &Schema, record: &Recorded, actual: &Value) -> Vec<(Difference, Owner)> {
    let wanted = |attribute: &terrane_core::Attribute| {
        attribute.is_writable() && !attribute.is_secret && attribute.role != Role::WriteOnly
    };
    let found = diff::differences(&schema.body, &record.seen, actual, &wanted).into_iter();
    found.map(|difference| (owner(schema, record, &difference.path), difference)).map(|(owner, d)| (d, owner)).collect()
}

/// Who decides over a leaf: us, where it is written or its absence is.
fn owner(schema: &Schema, record: &Recorded, path: &Path) -> Owner {
    let by_rule = record.owners.iter().find(|(at, owner)| *owner != Owner::Ours && path.starts_with(at));
    if let Some((_, owner)) = by_rule {
        return owner.clone();
    }
    let mut value = &record.sent;
    for length in 1..=path.0.len() {
        let part = Path(path.0.iter().take(length).cloned().collect());
        let is_chosen = schema.body.find(&part).is_some_and(|attribute| attribute.role == Role::OptionalComputed);
        value = match part.0.last() {
            Some(PathStep::Name(name)) => value.get(name).unwrap_or(&Value::NULL),
            Some(PathStep::Index(_)) | None => return Owner::Ours,
        };
        if value.is_null() {
            return if is_chosen { Owner::Remote } else { Owner::Ours };
        }
    }
    Owner::Ours
}

/// Everything that drift tells of. Problems of `ignore` blocks are added to those of the walk.
pub fn look(walk: &mut Walk<'_>) -> Look {
    let blocks = Blocks::new(walk);
    let mut look = Look::default();
    for (key, record) in &walk.state.objects {
        let Some(Answer::Read(reading)) = walk.asker.answer(&About::Record(key.clone())) else { continue };
        let block = blocks.of(&record.addr);
        let about = Object { walk, key, record, block };
        about.findings(reading, &mut look.findings);
        let origin = block.and_then(|block| walk.origin(block.span));
        look.objects.push(Looked { key: key.clone(), origin });
    }
    leave_alone(walk, &mut look);
    look.findings.sort_by(|a, b| a.order().cmp(&b.order()));
    look
}

/// The blocks of the program by the calls that lead to them, type and name.
struct Blocks<'p>(BTreeMap<super::targets::Block, &'p Resource>);

impl<'p> Blocks<'p> {
    fn new(walk: &Walk<'p>) -> Self {
        let paths = super::targets::call_paths(walk.program);
        let mut blocks = BTreeMap::new();
        for (module, path) in paths {
            for resource in walk.program.modules.get(module.0).map(|m| m.resources.as_slice()).unwrap_or_default() {
                let key = (path.clone(), resource.mode, resource.type_name.clone(), resource.name.clone());
                blocks.insert(key, resource);
            }
        }
        Self(blocks)
    }

    fn of(&self, addr: &InstanceAddr) -> Option<&'p Resource> {
        self.0.get(&super::targets::block_of(addr)).copied()
    }
}

/// An object that is looked at.
struct Object<'l> {
    walk: &'l Walk<'l>,
    key: &'l RecordKey,
    record: &'l Arc<Recorded>,
    block: Option<&'l Resource>,
}

impl Object<'_> {
    fn findings(&self, reading: &Reading, out: &mut Vec<Finding>) {
        let schema = self.walk.registry.resource_schema(&self.record.id.type_name);
        match reading {
            Reading::Absent => out.extend(schema.map(|schema| self.gone(schema))),
            Reading::Partial { .. } if self.record.partial.is_none() => out.extend(schema.map(|s| self.gone(s))),
            Reading::Present(actual) if self.record.partial.is_none() => {
                let Some(schema) = schema else { return };
                let found = differing(schema, self.record, actual);
                out.extend(found.into_iter().map(|(difference, owner)| self.changed(schema, difference, owner)));
            }
            // An object that is recorded as half made is finished by apply.
            Reading::Present(_) | Reading::Partial { .. } => {}
            Reading::Unreadable(unreadable) => out.push(self.unreadable(unreadable)),
        }
    }

    fn gone(&self, schema: &Schema) -> Finding {
        self.whole(FindingKind::Gone, schema.gone, schema.doc.clone())
    }

    fn unreadable(&self, unreadable: &Unreadable) -> Finding {
        let doc = self.walk.registry.resource_schema(&self.record.id.type_name).map(|schema| schema.doc.clone());
        let place = || self.record.addr.clone().into();
        let problem = match unreadable {
            Unreadable::WrongScope(fault) | Unreadable::Failed(fault) => diag::fault(fault, place()),
            Unreadable::NotYetReachable => {
                diag::FAULT_UNAVAILABLE.at(self.record.addr.clone()).detail("what it lives in cannot be reached")
            }
        };
        let problem = problem.from_span(self.block.map(|block| block.span)).with("object", &self.record.id);
        Finding {
            problem: Some(Box::new(problem)),
            ..self.whole(FindingKind::Unreadable, DriftSeverity::High, doc.unwrap_or_else(|| "".into()))
        }
    }

    fn whole(&self, kind: FindingKind, severity: DriftSeverity, doc: Text) -> Finding {
        let fingerprint = fingerprint(&self.record.id, kind, &Path::default());
        Finding {
            first_seen: self.walk.state.first_seen(self.key, &fingerprint).cloned(),
            key: self.key.clone(),
            id: self.record.id.clone(),
            kind,
            path: Path::default(),
            attribute: "".into(),
            doc,
            recorded: Value::NULL,
            actual: Value::NULL,
            severity,
            fingerprint,
            owner: Owner::Ours,
            origin: self.block.and_then(|block| self.walk.origin(block.span)),
            is_written: false,
            problem: None,
            ignored: None,
        }
    }

    fn changed(&self, schema: &Schema, found: Difference, owner: Owner) -> Finding {
        let is_ours = owner == Owner::Ours;
        let kind = if is_ours { FindingKind::Changed } else { FindingKind::NotOurs };
        let severity = if is_ours { schema.body.severity(&found.path) } else { DriftSeverity::Low };
        let (origin, is_written) = self.written(&found.path);
        let fingerprint = fingerprint(&self.record.id, kind, &found.path);
        let attribute = schema.body.find(&found.path);
        Finding {
            first_seen: self.walk.state.first_seen(self.key, &fingerprint).cloned(),
            fingerprint,
            owner,
            origin,
            is_written,
            attribute: attribute_name(schema, &found.path),
            path: found.path,
            recorded: found.left,
            actual: found.right,
            ..self.whole(kind, severity, attribute.map_or_else(|| schema.doc.clone(), |a| a.doc.clone()))
        }
    }

    /// Where a leaf is written, else the attribute or block around it, else the block of the object; and whether it is the
    /// leaf or something around it.
    fn written(&self, path: &Path) -> (Option<Origin>, bool) {
        let Some(block) = self.block else { return (None, false) };
        match block.body.span_of(path) {
            Some(span) => (self.walk.origin(span), true),
            None => (self.walk.origin(block.span), false),
        }
    }
}

/// The names of a path that are the schema's, without keys and positions.
fn attribute_name(schema: &Schema, path: &Path) -> Text {
    let mut names = Vec::new();
    let mut block = Some(&schema.body);
    for step in &path.0 {
        let PathStep::Name(name) = step else { continue };
        let Some(attribute) = block.and_then(|block| block.attribute(name)) else { break };
        names.push(&**name);
        block = match &attribute.shape {
            Shape::Block { block, .. } => Some(block),
            Shape::Value(_) => None,
        };
    }
    names.join(".").into()
}

/// Marks findings that `ignore` blocks are about; tells of blocks that are over or about nothing.
fn leave_alone(walk: &mut Walk<'_>, look: &mut Look) {
    let now = walk.sources.plan_time();
    let today = now.get(..10).unwrap_or(&now).to_owned();
    let program = walk.program;
    for ignore in &program.settings.drift_ignores {
        let is_expired = *ignore.until < *today;
        let origin = walk::origin(&program.sources, ignore.span);
        let mut count = 0;
        for finding in look.findings.iter_mut().filter(|finding| is_about(ignore, finding)) {
            count += 1;
            if !is_expired && finding.ignored.is_none() {
                let (reason, until) = (ignore.reason.clone(), ignore.until.clone());
                finding.ignored = Some(Ignored { reason, until, origin: origin.clone() });
            }
        }
        let is_unknown = look
            .findings
            .iter()
            .any(|finding| finding.kind == FindingKind::Unreadable && ignore.pattern.matches(&finding.key.0));
        // Where only some objects are looked at, or one cannot be read, nobody knows what is there.
        let is_unused = count == 0 && !is_unknown && walk.options.selection.targets().is_none();
        let problem = if is_expired {
            Some(diag::DRIFT_IGNORE_EXPIRED.at(ignore.span).with("until", &ignore.until))
        } else {
            is_unused.then(|| diag::DRIFT_IGNORE_UNUSED.at(ignore.span))
        };
        walk.problems.extend(problem.map(|problem| problem.with("ignore", &ignore.pattern)));
    }
}
