//! What happens to one instance: its written value, the object that is there and the judgement of its type
//! become an action with reasons.

use super::ask::About;
use super::diff::{self, Difference};
use super::frame::{Cell, Frame, FrameId, Slot, Vertex};
use super::imports::Found;
use super::judge::{Actual, Stop, Surroundings};
use super::walk::{Attempt, Walk};
use crate::diag;
use crate::plan::{Change, LeafChange, Mode};
use crate::question::{Answer, Question};
use crate::state::{Recorded, SecretDigest};
use std::ops::Range;
use std::sync::Arc;
use terrane_core::change::{Action, Owner, Reason};
use terrane_core::schema::{OnChange, Role, Schema, Shape};
use terrane_core::{Diagnostic, InstanceAddr, InstanceKey, Mode as BlockMode, Nesting, Path, Selector, Text, Value};
use terrane_lang::diag as lang_diag;
use terrane_lang::program::{Ignore, Resource, Trigger};
use terrane_provider::{Refined, ResourceType, StepSpec, StepsInput, Verb};

/// What happens to an instance.
#[derive(Debug)]
pub struct Decision {
    /// The change, as the plan will have it.
    pub change: Arc<Change>,
    /// The record of the object, where there is one.
    pub record: Option<Arc<Recorded>>,
    /// Steps on the object that is there.
    pub destroy: Vec<StepSpec>,
    /// Steps on the object that will be.
    pub make: Vec<StepSpec>,
}

/// Everything a decision is made from.
pub struct Facts<'d> {
    pub frame: FrameId,
    pub addr: &'d InstanceAddr,
    pub resource: &'d Resource,
    pub kind: &'d Arc<dyn ResourceType>,
    pub record: Option<&'d Arc<Recorded>>,
    /// The object that it takes over.
    pub import: Option<&'d Found>,
    pub actual: &'d Actual,
    pub written: &'d Value,
    pub around: &'d Surroundings,
    pub secrets: &'d [SecretDigest],
}

impl Walk<'_> {
    /// Plans one instance of a resource or data block.
    pub fn plan_instance(&mut self, vertex: usize, resource: &Resource) -> Attempt {
        let before = self.problems.len();
        let result = match resource.mode {
            BlockMode::Data => self.plan_data(vertex, resource),
            BlockMode::Managed => self.plan_managed(vertex, resource),
        };
        match result {
            Ok(()) => Attempt::Done,
            Err(Stop::Wait) => Attempt::Blocked,
            Err(Stop::LeftOut) => Attempt::Done,
            Err(Stop::Deferred(cause)) => {
                self.defer_instance(vertex, cause);
                Attempt::Done
            }
            Err(Stop::Broken) => {
                if resource.is_scoped {
                    self.warn_of_scoped(before, self.instances.get(vertex).and_then(|i| i.addr.clone()));
                }
                self.set_value(vertex, Cell::Broken);
                Attempt::Done
            }
        }
    }

    /// What references to an instance see.
    pub fn set_value(&mut self, vertex: usize, value: Cell) {
        if let Some(instance) = self.instances.get_mut(vertex) {
            instance.value = value;
        }
    }

    fn set_deps(&mut self, vertex: usize, deps: Vec<Vertex>) {
        if let Some(instance) = self.instances.get_mut(vertex) {
            instance.deps = deps.into();
        }
    }

    /// What is written and what it refers to.
    fn body_of(&mut self, vertex: usize, resource: &Resource) -> Result<(InstanceAddr, Value, Vec<Vertex>), Stop> {
        let addr = self.instances.get(vertex).and_then(|i| i.addr.clone()).ok_or(Stop::Broken)?;
        let (cell, deps) = self.written(vertex, resource).ok_or(Stop::Wait)?;
        self.check_part(vertex, &cell, &deps)?;
        let waits = if let Cell::Deferred(cause) = cell { Some(cause) } else { self.import_waits(vertex) };
        if let Some(cause) = waits {
            self.set_deps(vertex, deps);
            return Err(Stop::Deferred(cause));
        }
        let Cell::Ready(written, _) = cell else { return Err(Stop::Broken) };
        let violations = terrane_core::schema::violations(&resource.schema, &written);
        if violations.is_empty() {
            return Ok((addr, written, deps));
        }
        for violation in violations {
            let span = resource.body.span_of(&violation.path).unwrap_or(resource.span);
            let problem = diag::ARGUMENT_INVALID.at(span).with("instance", &addr);
            self.problems.push(problem.detail(format!("`{}`: {}", violation.path, violation.detail)));
        }
        Err(Stop::Broken)
    }

    fn plan_data(&mut self, vertex: usize, resource: &Resource) -> Result<(), Stop> {
        let before = self.instance_holds(vertex, resource, None)?;
        let (addr, written, mut deps) = self.body_of(vertex, resource)?;
        if !written.is_wholly_known() {
            let waits = super::keys::waits_for(&written);
            // The data source of a check keeps nothing from being planned, and what no apply makes known would wait for
            // ever.
            if !waits.is_empty() && !resource.is_scoped {
                self.set_deps(vertex, deps);
                return Err(self.defer_data(vertex, addr, waits));
            }
            let names: Vec<String> = waits.iter().take(3).map(ToString::to_string).collect();
            let problem = diag::DATA_KNOWN_AFTER_APPLY.at(resource.span).with("data", &addr);
            let problem = if names.is_empty() { problem } else { problem.with("waits for", names.join(", ")) };
            self.problems.push(problem);
            return Err(Stop::Broken);
        }
        let around = self.surroundings(resource, &written)?;
        let configuration = self.configuration(&around.access.provider);
        let about = About::Data(Vertex::try_from(vertex).unwrap_or(Vertex::MAX));
        let question = || Question::Data {
            addr: addr.clone(),
            access: around.access.clone(),
            configuration,
            written: written.clone(),
        };
        let value = match self.asker.ask(about, question) {
            None => return Err(Stop::Wait),
            Some(Answer::Data(Ok(value))) => value.clone(),
            Some(Answer::Data(Err(fault))) => {
                let span = match &fault.kind {
                    terrane_provider::FaultKind::Invalid { argument: Some(path) } => resource.body.span_of(path),
                    _ => None,
                };
                let problem = diag::fault(fault, addr.clone().into()).from_span(Some(span.unwrap_or(resource.span)));
                self.problems.push(problem);
                return Err(Stop::Broken);
            }
            Some(_) => return Err(Stop::Broken),
        };
        let after = self.instance_holds(vertex, resource, Some(&value))?;
        look_at(&mut deps, vertex, before, after);
        if let Some(instance) = self.instances.get_mut(vertex) {
            instance.deps = deps.into();
            instance.value = Cell::Ready(value, Arc::default());
        }
        Ok(())
    }

    fn plan_managed(&mut self, vertex: usize, resource: &Resource) -> Result<(), Stop> {
        let addr = self.instances.get(vertex).and_then(|i| i.addr.clone()).ok_or(Stop::Broken)?;
        let kind = self.registry.resource(&resource.type_name).cloned().ok_or(Stop::Broken)?;
        let before = self.instance_holds(vertex, resource, None)?;
        let record = self.state.record(&addr).cloned();
        let block = self.instances.get(vertex).and_then(|i| Some((self.frames.get(i.frame.0)?.module, i.resource)));
        if record.is_none() && block.is_some_and(|block| self.imports.is_open(block)) {
            return Err(Stop::Wait);
        }
        let actual = self.actual(record.as_ref(), Some(resource.span))?;
        let (addr, mut written, mut deps) = self.body_of(vertex, resource)?;
        if let Some(record) = &record {
            written = written.sharing(&record.sent);
        }
        let around = self.surroundings(resource, &written)?;
        let secrets = self.secrets(resource, &addr, &written)?;
        let frame = self.instances.get(vertex).map_or(FrameId(0), |instance| instance.frame);
        let mut facts = Facts {
            frame,
            addr: &addr,
            resource,
            kind: &kind,
            record: record.as_ref(),
            import: None,
            actual: &actual,
            written: &written,
            around: &around,
            secrets: &secrets,
        };
        let wish = self.imports.wishes.get(&addr).filter(|_| record.is_none()).cloned();
        let imported = wish.map(|wish| self.import_actual(&facts, &wish)).transpose()?;
        if let Some((found, actual)) = &imported {
            (facts.import, facts.actual) = (Some(found), actual);
        }
        let decision = self.decide(&facts)?;
        // A refresh shows others what is there; what is not there yet shows as it is planned.
        let after = if self.options.mode == Mode::RefreshOnly && !decision.change.before.is_null() {
            decision.change.before.clone()
        } else {
            decision.change.after.clone()
        };
        let later = self.instance_holds(vertex, resource, Some(&after))?;
        look_at(&mut deps, vertex, before, later);
        // An object that is nothing but its record is filed under its address, and nothing lives in it.
        if let Some(id) = decision.change.after_id.as_ref().filter(|_| !kind.is_record_only()) {
            let key = (id.scope.provider.clone(), Text::from(id.to_string()));
            let mine = Vertex::try_from(vertex).unwrap_or(Vertex::MAX);
            if let Some((_, other)) = self.by_id.insert(key, (id.clone(), mine))
                && let Some(other) = usize::try_from(other).ok().and_then(|o| self.instances.get(o)?.addr.clone())
            {
                let problem = diag::DUPLICATE_OBJECT.at(resource.span).with("object", id).with("also", other);
                self.problems.push(problem.with("instance", &addr));
                return Err(Stop::Broken);
            }
        }
        if let Some(instance) = self.instances.get_mut(vertex) {
            instance.deps = deps.into();
            instance.value = Cell::Ready(after, Arc::default());
            instance.decision = Some(Box::new(decision));
        }
        Ok(())
    }

    /// What is wrong with the data source of a check is a warning, and the check has no value.
    fn warn_of_scoped(&mut self, before: usize, addr: Option<InstanceAddr>) {
        let Some(addr) = addr else { return };
        let problems: Vec<Diagnostic> = self.problems.drain(before..).collect();
        self.problems.extend(problems.into_iter().map(|problem| {
            let detail = format!("{}: {}", problem.kind.summary, problem.message());
            lang_diag::CHECK_FAILED.at(problem.place).with("data", &addr).detail(detail)
        }));
    }

    /// Keyed digests of the secret arguments that are written.
    fn secrets(
        &mut self,
        resource: &Resource,
        addr: &InstanceAddr,
        written: &Value,
    ) -> Result<Vec<SecretDigest>, Stop> {
        let mut digests = Vec::new();
        for attribute in resource.schema.body.attributes.iter().filter(|attribute| attribute.is_secret) {
            let path = Path::attr(attribute.name.clone());
            let Some(secret) = written.get(&attribute.name).filter(|value| !value.is_null()) else { continue };
            if secret.is_known() {
                let span = resource.body.span_of(&path).unwrap_or(resource.span);
                self.problems.push(diag::SECRET_LITERAL.at(span).with("argument", &path).with("instance", addr));
                return Err(Stop::Broken);
            }
            let question = || Question::Digest { secret: secret.clone() };
            match self.asker.ask(About::Secret(secret.clone()), question) {
                None => return Err(Stop::Wait),
                Some(Answer::Digest(Some(digest))) => digests.push(SecretDigest { path, digest: digest.clone() }),
                Some(_) => {
                    let span = resource.body.span_of(&path).unwrap_or(resource.span);
                    self.problems
                        .push(diag::SECRET_NOT_COMPARABLE.at(span).with("argument", &path).with("instance", addr));
                }
            }
        }
        Ok(digests)
    }

    /// What happens to an instance, from all that is known of it.
    pub fn decide(&mut self, facts: &Facts<'_>) -> Result<Decision, Stop> {
        let prior = match facts.actual {
            Actual::Present(value) => Some(value),
            Actual::None | Actual::Gone | Actual::Partial { .. } => None,
        };
        let mut refined = self.judge(facts, prior)?;
        self.check_imported(facts, refined.id.as_ref())?;
        let Some(prior) = prior else { return Ok(self.create(facts, refined)) };
        if let Ignore::All | Ignore::Paths(_) = &facts.resource.lifecycle.ignore_changes {
            refined.planned = ignoring(&facts.resource.lifecycle.ignore_changes, refined.planned, prior);
        }
        refined.planned = refined.planned.sharing(prior);
        let schema = &facts.resource.schema;
        let found = comparable(schema, prior, &refined);
        let mut reasons = Vec::new();
        self.replace_reasons(facts, &found, &refined, &mut reasons)?;
        let is_replaced = !reasons.is_empty();
        if is_replaced && self.options.mode == Mode::Normal {
            self.check_replace(facts, &reasons)?;
            let anew = self.judge(facts, None)?;
            return Ok(self.replace(facts, prior, anew, reasons));
        }
        Ok(self.update(facts, prior, refined, found))
    }

    /// Why the object has to be made anew; empty where it need not.
    fn replace_reasons(
        &mut self,
        facts: &Facts<'_>,
        found: &[Difference],
        refined: &Refined,
        reasons: &mut Vec<Reason>,
    ) -> Result<(), Stop> {
        let is_meant = |patterns: &[Selector]| patterns.iter().any(|pattern| pattern.matches(facts.addr));
        let schema = &facts.resource.schema;
        for difference in found {
            let special = refined
                .replaces
                .iter()
                .find(|(path, _)| difference.path.starts_with(path) || path.starts_with(&difference.path));
            let why = match special {
                Some((_, why)) => Some(why.clone()),
                None => match rule(schema, &difference.path) {
                    Some(OnChange::Replaces) => Some("it cannot change on a living object".into()),
                    Some(OnChange::Refused(why)) => {
                        let span = facts.resource.body.span_of(&difference.path).unwrap_or(facts.resource.span);
                        let problem = diag::CHANGE_REFUSED.at(span).with("argument", &difference.path);
                        self.problems.push(problem.with("instance", facts.addr).detail(&*why));
                        return Err(Stop::Broken);
                    }
                    Some(OnChange::InPlace) | None => None,
                },
            };
            if let Some(why) = why {
                reasons.push(Reason::CannotUpdate { path: difference.path.clone(), why });
            }
        }
        if facts.record.is_some_and(|record| record.tainted) {
            reasons.push(Reason::Tainted);
        }
        if is_meant(&self.options.replace) {
            reasons.push(Reason::ReplaceRequested);
        }
        self.triggers(facts, reasons);
        reasons.extend(self.replaced_parent(facts).map(|parent| Reason::ParentGoes { parent }));
        Ok(())
    }

    /// The instance that this one lives in, where it is replaced: no remote side lets a cluster go with pools in it, and
    /// the new one has none, though its id may be the same.
    fn replaced_parent(&self, facts: &Facts<'_>) -> Option<InstanceAddr> {
        let (id, _) = facts.around.parent.as_ref()?;
        let (_, vertex) = self.by_id.get(&(id.scope.provider.clone(), Text::from(id.to_string())))?;
        let instance = usize::try_from(*vertex).ok().and_then(|vertex| self.instances.get(vertex))?;
        let change = &instance.decision.as_deref()?.change;
        change.action.is_replace().then(|| change.addr.clone())
    }

    fn triggers(&self, facts: &Facts<'_>, reasons: &mut Vec<Reason>) {
        let Some((frame, _)) = self.module_of(facts.frame) else { return };
        for trigger in &facts.resource.lifecycle.replace_triggered_by {
            let vertices = triggering(frame, trigger, facts.addr.key.as_ref());
            let mut decided = vertices.filter_map(|vertex| self.instances.get(vertex)?.decision.as_deref());
            let changed = |decision: &&Decision| {
                let change = &decision.change;
                (change.action == Action::Update || change.action.is_replace())
                    && (trigger.path.0.is_empty()
                        || change.leaves.iter().any(|leaf| leaf.path.starts_with(&trigger.path)))
            };
            if let Some(decision) = decided.find(changed) {
                let path = if trigger.path.0.is_empty() { String::new() } else { format!(".{}", trigger.path) };
                reasons.push(Reason::ReplaceTriggered { by: format!("{}{path}", decision.change.addr).into() });
                return;
            }
        }
    }

    fn check_replace(&mut self, facts: &Facts<'_>, reasons: &[Reason]) -> Result<(), Stop> {
        let is_meant = |patterns: &[Selector]| patterns.iter().any(|pattern| pattern.matches(facts.addr));
        let (place, why) = match reasons.first() {
            Some(Reason::CannotUpdate { path, why }) => {
                (facts.resource.body.span_of(path).unwrap_or(facts.resource.span), format!("`{path}`: {why}"))
            }
            Some(other) => (facts.resource.span, other.to_string()),
            None => return Ok(()),
        };
        if facts.addr.resource.type_name.ends_with("_cluster") && !is_meant(&self.options.allow_replace) {
            let help = format!("Undo the change, or let it through with `-allow-replace={}`", shell_quoted(facts.addr));
            let problem = diag::CLUSTER_REPLACE_REFUSED.at(place).with("cluster", facts.addr).detail(why).help(help);
            self.problems.push(problem);
            return Err(Stop::Broken);
        }
        let is_protected = self.is_protected(facts);
        if is_protected && !is_meant(&self.options.allow_destroy) {
            self.problems.push(diag::DESTROY_PREVENTED.at(place).with("instance", facts.addr).detail(why));
            return Err(Stop::Broken);
        }
        Ok(())
    }

    fn is_protected(&self, facts: &Facts<'_>) -> bool {
        let recorded = facts.record.is_some_and(|record| record.prevent_destroy);
        facts.resource.lifecycle.prevent_destroy.unwrap_or(recorded)
    }

    fn blank(&self, facts: &Facts<'_>, action: Action, refined: &Refined) -> Change {
        let recorded_cbd = facts.record.is_some_and(|record| record.create_before_destroy);
        // Most objects stay the one that is recorded: the texts of its identity are held once.
        let recorded_id = facts.record.map(|record| &record.id).filter(|id| refined.id.as_ref() == Some(id));
        let (found, recorded) = (facts.import, facts.record);
        Change {
            importing: found.map(|found| found.id.to_string().into()),
            before_id: recorded.map(|record| &record.id).or(found.map(|found| &found.id)).cloned(),
            after_id: recorded_id.or(refined.id.as_ref()).cloned(),
            before_access: recorded.map(|record| &record.access).or(found.map(|found| &found.access)).cloned(),
            after_access: Some(facts.around.access.clone()),
            after: refined.planned.clone(),
            written: facts.written.clone(),
            owners: refined.owners.clone(),
            secrets: facts.secrets.to_vec(),
            schema_version: facts.resource.schema.version,
            prevent_destroy: self.is_protected(facts),
            create_before_destroy: facts.resource.lifecycle.create_before_destroy || recorded_cbd,
            timeouts: facts.resource.timeouts.clone(),
            ..Change::new(facts.addr.clone(), action)
        }
    }

    fn create(&self, facts: &Facts<'_>, refined: Refined) -> Decision {
        let mut change = self.blank(facts, Action::Create, &refined);
        let input = StepsInput { verb: Verb::Create, prior: &Value::NULL, planned: &change.after, changed: &[] };
        let mut make = facts.kind.steps(&input);
        let reason = match facts.actual {
            Actual::Partial { done, seen } => {
                make.retain(|step| !done.contains(&step.name));
                change.done.clone_from(done);
                change.before = seen.clone();
                let next = make.first().map_or_else(|| "record".into(), |step| step.name.clone());
                // A whole object of which only parts are left was taken away by somebody else.
                if facts.record.is_some_and(|record| record.partial.is_none()) {
                    change.reasons.push(Reason::Gone);
                }
                Reason::Incomplete { done: done.clone(), next }
            }
            Actual::Gone => Reason::Gone,
            Actual::None | Actual::Present(_) => Reason::NotRecorded,
        };
        change.reasons.push(reason);
        change.origin = self.origin(facts.resource.span);
        Decision { change: change.into(), record: facts.record.cloned(), destroy: Vec::new(), make }
    }

    fn replace(&self, facts: &Facts<'_>, prior: &Value, anew: Refined, reasons: Vec<Reason>) -> Decision {
        let is_create_first = facts.resource.lifecycle.create_before_destroy;
        let action = if is_create_first { Action::CreateThenDelete } else { Action::DeleteThenCreate };
        let mut change = self.blank(facts, action, &anew);
        let found = comparable(&facts.resource.schema, prior, &anew);
        let why = |path: &Path| {
            reasons.iter().find_map(|reason| match reason {
                Reason::CannotUpdate { path: at, why } if at == path => Some(why.clone()),
                _ => None,
            })
        };
        change.leaves = found.into_iter().map(|d| self.leaf(facts, d, &why)).collect();
        change.before = prior.clone();
        change.reasons = reasons;
        change.origin = self.origin(facts.resource.span);
        let destroy = StepsInput { verb: Verb::Delete, prior, planned: &Value::NULL, changed: &[] };
        let make = StepsInput { verb: Verb::Create, prior: &Value::NULL, planned: &change.after, changed: &[] };
        let (destroy, make) = (facts.kind.steps(&destroy), facts.kind.steps(&make));
        Decision { change: change.into(), record: facts.record.cloned(), destroy, make }
    }

    fn update(&self, facts: &Facts<'_>, prior: &Value, refined: Refined, found: Vec<Difference>) -> Decision {
        let mut change = self.blank(facts, Action::NoOp, &refined);
        change.leaves = found.into_iter().map(|d| self.leaf(facts, d, &|_| None)).collect();
        if let Some(record) = facts.record {
            change.leaves.extend(self.changed_secrets(facts, &record.sent, &record.secrets));
            change.handed_over = handed_over(&facts.resource.schema, facts, record, &change.leaves);
            if record.prevent_destroy != change.prevent_destroy {
                let path = Path::dotted("lifecycle.prevent_destroy");
                let (before, after) = (Value::bool(record.prevent_destroy), Value::bool(change.prevent_destroy));
                change.leaves.push(self.leaf(facts, Difference { path, left: before, right: after }, &|_| None));
            }
            change.is_rerecorded = is_rerecorded(record, &change, prior);
        }
        if facts.import.is_some() {
            // Secrets cannot be read: whether the written ones are in force, nobody knows.
            change.leaves.extend(self.changed_secrets(facts, &Value::NULL, &[]));
            change.is_rerecorded = true;
        }
        change.before = prior.clone();
        let mut make = Vec::new();
        if !change.leaves.is_empty() {
            let changed: Vec<Path> = change.leaves.iter().map(|leaf| leaf.path.clone()).collect();
            let input = StepsInput { verb: Verb::Update, prior, planned: &change.after, changed: &changed };
            make = facts.kind.steps(&input);
        }
        if !change.leaves.is_empty() || !change.handed_over.is_empty() {
            change.action = Action::Update;
            change.reasons.push(Reason::Differs);
            change.origin = self.origin(facts.resource.span);
        }
        Decision { change: change.into(), record: facts.record.cloned(), destroy: Vec::new(), make }
    }

    fn leaf(&self, facts: &Facts<'_>, found: Difference, why: &dyn Fn(&Path) -> Option<Text>) -> LeafChange {
        let seen = facts.record.and_then(|record| record.seen.at(&found.path)).cloned().unwrap_or(Value::NULL);
        LeafChange {
            is_repair: facts.record.is_some() && seen.is_same(&found.right) && !seen.is_same(&found.left),
            replaces: why(&found.path),
            origin: facts.resource.body.span_of(&found.path).and_then(|span| self.origin(span)),
            is_secret: false,
            path: found.path,
            before: found.left,
            after: found.right,
        }
    }

    /// Secrets whose digest, or whose expression where there is no digest, is another than recorded.
    fn changed_secrets(&self, facts: &Facts<'_>, sent: &Value, digests: &[SecretDigest]) -> Vec<LeafChange> {
        let mut leaves = Vec::new();
        for attribute in facts.resource.schema.body.attributes.iter().filter(|attribute| attribute.is_secret) {
            let path = Path::attr(attribute.name.clone());
            let digest = |all: &[SecretDigest]| all.iter().find(|d| d.path == path).map(|d| d.digest.clone());
            let (before, after) = (sent.get(&attribute.name), facts.written.get(&attribute.name));
            let (before, after) = (before.unwrap_or(&Value::NULL), after.unwrap_or(&Value::NULL));
            let is_same = match (digest(digests), digest(facts.secrets)) {
                (Some(a), Some(b)) => a == b,
                _ => before.is_same(after),
            };
            if !is_same {
                let found = Difference { path, left: before.clone(), right: after.clone() };
                leaves.push(LeafChange { is_secret: true, ..self.leaf(facts, found, &|_| None) });
            }
        }
        leaves
    }
}

/// The key that a value is.
pub fn instance_key(value: &Value) -> Option<InstanceKey> {
    let index = value.as_i64().and_then(|index| u64::try_from(index).ok()).map(InstanceKey::Index);
    index.or_else(|| value.as_text().cloned().map(InstanceKey::Name))
}

/// Leaves that count: writable, readable, and not owned by somebody else.
pub fn comparable(schema: &Schema, prior: &Value, refined: &Refined) -> Vec<Difference> {
    let is_foreign =
        |path: &Path| refined.owners.iter().any(|(at, owner)| !matches!(owner, Owner::Ours) && path.starts_with(at));
    let mut found = diff::differences(&schema.body, prior, &refined.planned, &|attribute| {
        attribute.is_writable() && !attribute.is_secret && attribute.role != Role::WriteOnly
    });
    found.retain(|difference| !is_foreign(&difference.path));
    found
}

/// What a change of the leaf means: the rule of the nearest attribute, or of a block around it.
fn rule(schema: &Schema, path: &Path) -> Option<OnChange> {
    let mut strongest = None;
    for length in 1..=path.0.len() {
        let part = Path(path.0.iter().take(length).cloned().collect());
        if let Some(attribute) = schema.body.find(&part)
            && attribute.change != OnChange::InPlace
        {
            strongest = Some(attribute.change.clone());
        }
    }
    strongest
}

/// `planned` with the ignored leaves as they are.
pub fn ignoring(ignore: &Ignore, planned: Value, prior: &Value) -> Value {
    match ignore {
        Ignore::Nothing => planned,
        Ignore::All => prior.clone(),
        Ignore::Paths(paths) => paths.iter().fold(planned, |planned, path| {
            let actual = prior.at(path).cloned().unwrap_or(Value::NULL);
            planned.with_at(&path.0, actual)
        }),
    }
}

/// Leaves that were ours and are left to the remote side now, or the other way round.
fn handed_over(schema: &Schema, facts: &Facts<'_>, record: &Recorded, leaves: &[LeafChange]) -> Vec<(Path, Owner)> {
    let mut found = Vec::new();
    collect_handed(&schema.body, (&record.sent, facts.written), &Path::default(), &mut found);
    found.retain(|(path, _)| !leaves.iter().any(|leaf| leaf.path.starts_with(path)));
    found
}

fn collect_handed(
    block: &terrane_core::Block,
    (sent, written): (&Value, &Value),
    at: &Path,
    found: &mut Vec<(Path, Owner)>,
) {
    for attribute in &block.attributes {
        let (before, after) = (sent.get(&attribute.name), written.get(&attribute.name));
        let (before, after) = (before.unwrap_or(&Value::NULL), after.unwrap_or(&Value::NULL));
        let path = || at.child(attribute.name.clone());
        match &attribute.shape {
            Shape::Block { block, nesting: Nesting::Single } => collect_handed(block, (before, after), &path(), found),
            _ if attribute.role != Role::OptionalComputed => {}
            _ => match (before.is_null(), after.is_null()) {
                (false, true) => found.push((path(), Owner::Remote)),
                (true, false) => found.push((path(), Owner::Ours)),
                _ => {}
            },
        }
    }
}

/// Whether the record has to be written though nothing is done to the object.
fn is_rerecorded(record: &Recorded, change: &Change, actual: &Value) -> bool {
    !record.sent.is_same(&change.written)
        || !record.seen.is_same(actual)
        || record.owners != change.owners
        || record.partial.is_some()
        || record.schema_version != change.schema_version
        || record.timeouts != change.timeouts
        || Some(&record.access) != change.after_access.as_ref()
        || (!change.secrets.is_empty() && record.secrets != change.secrets)
        || Some(&record.id) != change.after_id.as_ref()
}

/// An address as one word of a shell.
fn shell_quoted(addr: &InstanceAddr) -> String {
    let text = addr.to_string();
    if text.contains('"') { format!("'{text}'") } else { text }
}

/// What conditions look at is there before the instance, as what its arguments refer to.
fn look_at(deps: &mut Vec<Vertex>, vertex: usize, before: Vec<Vertex>, after: Vec<Vertex>) {
    if before.is_empty() && after.is_empty() {
        return;
    }
    let own = Vertex::try_from(vertex).unwrap_or(Vertex::MAX);
    deps.extend(before.into_iter().chain(after).filter(|dep| *dep != own));
    deps.sort_unstable();
    deps.dedup();
}

/// The vertices that an instance with this key has for a trigger.
pub(super) fn triggering(frame: &Frame, trigger: &Trigger, own: Option<&InstanceKey>) -> Range<usize> {
    let Some(Slot::Ready { keys, first }) = frame.resources.get(trigger.resource) else { return 0..0 };
    // A key that is no constant is `each.key` or `count.index`: the instance of the same key is meant.
    let key = match trigger.key.as_ref().map(terrane_lang::eval::constant) {
        None => return *first..*first + keys.len(),
        Some(None) => own.cloned(),
        Some(Some(value)) => instance_key(&value),
    };
    keys.position(key.as_ref()).map_or(0..0, |at| *first + at..*first + at + 1)
}
