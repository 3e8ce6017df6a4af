//! The `-json` stream: one object a line, in Terraform's form 1.2, with our `reason` and keys.
//!
//! # Source
//! Terraform, "Machine-Readable UI", version 1.2 (2024).

use super::diagnostic;
use super::json_plan::{index, operation};
use super::json_value::{Plain, type_json};
use super::report::Report;
use super::report::model::Finding;
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeMap;
use std::io::{self, Write};
use terrane_core::change::{Action, Reason};
use terrane_core::event::Event;
use terrane_core::{Diagnostic, InstanceAddr, Severity, SourceMap};
use terrane_plan::adopt::Adopted;
use terrane_plan::drift::FindingKind;
use terrane_plan::plan::{Change, Counts, Mode, OutputChange, Plan};
use terrane_plan::state::State;
use terrane_provider::LeftAlone;

/// Version of the form.
pub const UI_VERSION: &str = "1.2";

/// Writes lines of the stream.
pub struct Stream<W> {
    out: W,
    now: fn() -> String,
}

/// The moment, RFC 3339 with microseconds.
pub fn now() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}

/// The moment, RFC 3339 in seconds.
pub fn now_in_seconds() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Level and fields of a line: what is written besides the moment.
type Line = (&'static str, String, &'static str, Json);

impl<W: Write> Stream<W> {
    /// A stream into `out`.
    pub fn new(out: W, now: fn() -> String) -> Self {
        Self { out, now }
    }

    /// The first line.
    ///
    /// # Errors
    /// Those of the writer; so for all that follow.
    pub fn version(&mut self) -> io::Result<()> {
        let version = env!("CARGO_PKG_VERSION");
        let fields = json!({ "terraform": version, "terrane": version, "ui": UI_VERSION });
        self.line(("info", format!("Terrane {version}"), "version", fields))
    }

    /// A problem.
    pub fn problem(&mut self, problem: &Diagnostic, sources: &SourceMap) -> io::Result<()> {
        let (level, word) = match problem.kind.severity {
            Severity::Error => ("error", "Error"),
            Severity::Warning => ("warn", "Warning"),
        };
        let fields = json!({ "diagnostic": diagnostic::json(problem, sources), "reason": problem.kind.id });
        self.line((level, format!("{word}: {}", problem.kind.summary), "diagnostic", fields))
    }

    /// Drift, changes, summary and outputs of a plan.
    pub fn plan(&mut self, plan: &Plan) -> io::Result<()> {
        for drift in &plan.drift {
            let action = if drift.is_gone { "delete" } else { "update" };
            let change = json!({ "resource": resource(&drift.addr), "action": action });
            let leaves: Vec<String> = drift.leaves.iter().map(|leaf| leaf.path.to_string()).collect();
            let message = format!("{}: Drift detected ({action})", drift.addr);
            self.line(("info", message, "resource_drift", json!({ "change": change, "leaves": leaves })))?;
        }
        for change in plan.changes.iter().filter(|change| change.is_change()) {
            self.planned(change)?;
        }
        for deferred in &plan.deferred {
            let message = format!("{}: Deferred to a later stage", deferred.addr);
            self.line((
                "info",
                message,
                "deferred_change",
                json!({ "deferred": deferred, "reason": deferred.reason }),
            ))?;
        }
        self.summary(plan.counts(), operation(plan.mode), super::plan::counts_line(plan))?;
        if plan.outputs.is_empty() {
            return Ok(());
        }
        let outputs: Map<_, _> = plan.outputs.iter().map(planned_output).collect();
        let message = format!("Outputs: {}", outputs.len());
        self.line(("info", message, "outputs", json!({ "outputs": outputs })))
    }

    /// Drift: a line for each object, and how much there is.
    pub fn drift(&mut self, report: &Report) -> io::Result<()> {
        let told = |kind: FindingKind| report.counting().filter(move |finding| finding.kind == kind);
        for gone in told(FindingKind::Gone) {
            self.drifted(&[gone], "delete")?;
        }
        let mut changed: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
        for finding in told(FindingKind::Changed) {
            changed.entry(&finding.addr).or_default().push(finding);
        }
        for findings in changed.values() {
            self.drifted(findings, "update")?;
        }
        let counts = Counts { forget: told(FindingKind::Gone).count(), ..Counts::default() };
        self.summary(counts, "plan", report.summary())?;
        let fields = json!({ "counts": super::report::counts(report), "objects": report.run.objects.len() });
        self.line(("info", report.summary(), "drift_summary", fields))
    }

    fn drifted(&mut self, findings: &[&Finding], action: &str) -> io::Result<()> {
        let Some(first) = findings.first() else { return Ok(()) };
        let change = json!({ "resource": resource(&first.instance), "action": action });
        let leaves: Vec<&String> = findings.iter().map(|f| &f.path).filter(|path| !path.is_empty()).collect();
        let told: Vec<Json> = findings.iter().map(|finding| super::report::finding(finding)).collect();
        let fields = json!({ "change": change, "leaves": leaves, "findings": told });
        self.line(("info", format!("{}: Drift detected ({action})", first.addr), "resource_drift", fields))
    }

    fn planned(&mut self, change: &Change) -> io::Result<()> {
        let action = match (change.action, &change.importing, &change.moved_from) {
            (Action::NoOp, Some(_), _) => "import",
            (Action::NoOp, None, Some(_)) => "move",
            (action, _, _) => action_name(action),
        };
        let mut fields = json!({ "resource": resource(&change.addr), "action": action });
        if let Some(from) = &change.moved_from {
            extend(&mut fields, json!({ "previous_resource": resource(from) }));
        }
        if let Some(id) = &change.importing {
            extend(&mut fields, json!({ "importing": { "id": id } }));
        }
        if let Some(fields) = fields.as_object_mut() {
            if let Some(reason) = change.reasons.iter().find_map(reason_name) {
                fields.insert("reason".into(), json!(reason));
            }
            if let Some(origin) = &change.origin {
                fields.insert("origin".into(), json!(origin));
            }
            if let Some(deposed) = &change.deposed {
                fields.insert("deposed".into(), json!(deposed));
            }
        }
        self.line(("info", format!("{}: Plan to {action}", change.addr), "planned_change", json!({ "change": fields })))
    }

    /// How many instances met which fate.
    pub fn summary(&mut self, counts: Counts, operation: &str, message: String) -> io::Result<()> {
        let changes = json!({
            "add": counts.add, "change": counts.change, "remove": counts.destroy, "import": counts.import,
            "forget": counts.forget, "operation": operation,
        });
        self.line(("info", message, "change_summary", json!({ "changes": changes })))
    }

    /// What adoption found.
    pub fn adoption(&mut self, adopted: &[Adopted], left_alone: &[LeftAlone]) -> io::Result<()> {
        let found: Vec<_> =
            adopted.iter().map(|one| json!({ "address": one.addr, "id": one.id.to_string() })).collect();
        let left: Vec<_> = left_alone.iter().map(|left| json!({ "what": left.what, "reason": left.reason })).collect();
        let message = format!("Found {} objects to adopt", found.len());
        self.line(("info", message, "adoption", json!({ "found": found, "left_alone": left })))
    }

    /// Outputs after apply.
    pub fn outputs(&mut self, state: &State) -> io::Result<()> {
        if state.outputs.is_empty() {
            return Ok(());
        }
        let outputs: Map<_, _> = state
            .outputs
            .iter()
            .map(|(name, output)| {
                let mut entry = json!({ "sensitive": output.is_sensitive, "type": type_json(&output.value.type_of()) });
                if let Some(entry) = entry.as_object_mut().filter(|_| !output.is_sensitive) {
                    entry.insert("value".into(), json!(Plain(&output.value)));
                }
                (name.to_string(), entry)
            })
            .collect();
        self.line(("info", format!("Outputs: {}", outputs.len()), "outputs", json!({ "outputs": outputs })))
    }

    /// The last line: exit code and the reason of it.
    pub fn outcome(&mut self, code: u8, reason: &str) -> io::Result<()> {
        let level = if code == 1 { "error" } else { "info" };
        self.line((level, format!("Ended: {reason}"), "outcome", json!({ "exit_code": code, "reason": reason })))?;
        self.out.flush()
    }

    /// Something that happened.
    pub fn event(&mut self, event: &Event, sources: &SourceMap) -> io::Result<()> {
        if let Event::Problem(problem) = event {
            return self.problem(problem, sources);
        }
        match line_of(event) {
            Some(line) => self.line(line),
            None => Ok(()),
        }
    }

    /// Sends on what was written.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn line(&mut self, (level, message, kind, fields): Line) -> io::Result<()> {
        let mut line = json!({
            "@level": level, "@message": message, "@module": "terrane.ui", "@timestamp": (self.now)(), "type": kind,
        });
        if let (Some(line), Json::Object(fields)) = (line.as_object_mut(), fields) {
            line.extend(fields);
        }
        writeln!(self.out, "{line}")
    }
}

fn line_of(event: &Event) -> Option<Line> {
    Some(match event {
        Event::Phase { .. } | Event::Problem(_) => return None,
        Event::ReadStarted { addr, id } => (
            "info",
            format!("{addr}: Refreshing state... [id={id}]"),
            "refresh_start",
            hook(addr, None, Some(id), None),
        ),
        Event::ReadDone { addr, id } => (
            "info",
            format!("{addr}: Refresh complete [id={id}]"),
            "refresh_complete",
            hook(addr, None, Some(id), None),
        ),
        Event::ChangeStarted { addr, action, id } => {
            let message = format!("{addr}: {}...", super::lines::doing(*action));
            ("info", message, "apply_start", hook(addr, Some(*action), id.as_ref(), None))
        }
        Event::StepStarted { addr, action, step, expected_s } => {
            let mut fields = hook(addr, Some(*action), None, Some(0));
            extend(&mut fields, json!({ "step": step, "expected_seconds": expected_s }));
            ("info", format!("{addr}: Step {step} started"), "apply_progress", fields)
        }
        Event::StepWaiting { addr, action, step, message, percent, elapsed_ms } => {
            let mut fields = hook(addr, Some(*action), None, Some(*elapsed_ms));
            extend(&mut fields, json!({ "step": step, "waiting_for": message, "percent": percent }));
            let seconds = elapsed_ms / 1_000;
            let text = format!("{addr}: Still {}... [{seconds}s elapsed]", super::lines::doing(*action).to_lowercase());
            ("info", text, "apply_progress", fields)
        }
        Event::StepDone { addr, action, step } => {
            let mut fields = hook(addr, Some(*action), None, Some(0));
            extend(&mut fields, json!({ "step": step, "is_step_done": true }));
            ("info", format!("{addr}: Step {step} done"), "apply_progress", fields)
        }
        Event::ChangeDone { addr, action, id, elapsed_ms } => {
            let message = format!("{addr}: {} complete after {}s", super::lines::done(*action), elapsed_ms / 1_000);
            ("info", message, "apply_complete", hook(addr, Some(*action), id.as_ref(), Some(*elapsed_ms)))
        }
        Event::ChangeFailed { addr, action, id, elapsed_ms } => {
            let message = format!("{addr}: {} errored after {}s", super::lines::done(*action), elapsed_ms / 1_000);
            ("error", message, "apply_errored", hook(addr, Some(*action), id.as_ref(), Some(*elapsed_ms)))
        }
        Event::Held { budget, why, wait_ms } => {
            let fields = json!({ "budget": budget, "why": why, "wait_ms": wait_ms });
            ("info", format!("{budget}: held back for {wait_ms} ms, {why}"), "log", fields)
        }
    })
}

fn hook(addr: &InstanceAddr, action: Option<Action>, id: Option<&terrane_core::Text>, elapsed_ms: Option<u64>) -> Json {
    let mut hook = json!({ "resource": resource(addr) });
    if let Some(action) = action {
        extend(&mut hook, json!({ "action": action_name(action) }));
    }
    if let Some(id) = id {
        extend(&mut hook, json!({ "id_key": "id", "id_value": id }));
    }
    if let Some(elapsed_ms) = elapsed_ms {
        extend(&mut hook, json!({ "elapsed_seconds": elapsed_ms / 1_000 }));
    }
    json!({ "hook": hook })
}

/// Puts fields into the hook of a line, or into an object without one.
fn extend(line: &mut Json, fields: Json) {
    let target = match line.get("hook").is_some() {
        true => line.get_mut("hook"),
        false => Some(line),
    };
    if let (Some(target), Json::Object(fields)) = (target.and_then(Json::as_object_mut), fields) {
        target.extend(fields);
    }
}

fn resource(addr: &InstanceAddr) -> Json {
    let resource = &addr.resource;
    let module = resource.module.to_string();
    let whole = addr.to_string();
    let local = whole.strip_prefix(&module).and_then(|rest| rest.strip_prefix('.')).unwrap_or(&whole);
    let provider = resource.type_name.split('_').next().unwrap_or_default();
    json!({
        "addr": whole, "module": module, "resource": local, "implied_provider": provider,
        "resource_type": resource.type_name, "resource_name": resource.name,
        "resource_key": addr.key.as_ref().map(index),
    })
}

fn planned_output(output: &OutputChange) -> (String, Json) {
    (output.name.to_string(), json!({ "action": action_name(output.action), "sensitive": output.is_sensitive }))
}

fn action_name(action: Action) -> &'static str {
    match action {
        Action::NoOp => "noop",
        Action::Read => "read",
        Action::Create => "create",
        Action::Update => "update",
        Action::DeleteThenCreate | Action::CreateThenDelete => "replace",
        Action::Delete => "delete",
        Action::Forget => "remove",
    }
}

/// The reason as this stream names it: plan JSON's name without the verb where it is about replacing.
fn reason_name(reason: &Reason) -> Option<&'static str> {
    match reason {
        Reason::CannotUpdate { .. } => Some("cannot_update"),
        Reason::ReplaceRequested => Some("requested"),
        Reason::Tainted => Some("tainted"),
        Reason::ReplaceTriggered { .. } => Some("replace_triggered_by"),
        Reason::NoResourceConfig
        | Reason::WrongRepetition
        | Reason::CountIndex
        | Reason::EachKey
        | Reason::NoModule
        | Reason::NoMoveTarget => reason.terraform_name(),
        Reason::Moved => Some("moved"),
        Reason::Removed => Some("removed"),
        Reason::Gone => Some("gone"),
        Reason::Incomplete { .. } => Some("incomplete"),
        Reason::DestroyRequested => Some("destroy_requested"),
        Reason::Deposed => Some("deposed"),
        Reason::ParentGoes { .. } => Some("parent_goes"),
        Reason::NotRecorded | Reason::Differs => None,
    }
}

/// What a finished apply did, for `change_summary`.
pub fn applied_operation(mode: Mode) -> &'static str {
    match mode {
        Mode::Destroy => "destroy",
        Mode::Normal | Mode::RefreshOnly => "apply",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::plan::tests::{change, plan};

    fn lines(write: impl FnOnce(&mut Stream<&mut Vec<u8>>)) -> Vec<Json> {
        let mut out = Vec::new();
        write(&mut Stream::new(&mut out, || String::from("T")));
        String::from_utf8(out).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn the_first_line_is_the_version() {
        let lines = lines(|stream| stream.version().unwrap());
        assert_eq!((&lines[0]["type"], &lines[0]["ui"]), (&json!("version"), &json!("1.2")));
    }

    #[test]
    fn a_plan_is_changes_and_a_summary() {
        let mut delete = change("module.m.t.r[\"k\"]", Action::Delete);
        delete.reasons = vec![Reason::EachKey];
        let lines = lines(|stream| stream.plan(&plan(vec![delete])).unwrap());
        assert_eq!(lines[0]["change"]["reason"], "delete_because_each_key");
        assert_eq!(lines[0]["change"]["resource"]["resource"], "t.r[\"k\"]");
        assert_eq!(lines[1]["changes"]["remove"], 1);
    }

    // A5
    #[test]
    fn imports_and_moves_are_actions_of_their_own() {
        let mut import = change("t.r", Action::NoOp);
        import.importing = Some("a/b".into());
        let mut moved = change("t.s", Action::NoOp);
        moved.moved_from = Some("t.old".parse().unwrap());
        let lines = lines(|stream| stream.plan(&plan(vec![import, moved])).unwrap());
        assert_eq!(
            (&lines[0]["change"]["action"], &lines[0]["change"]["importing"]["id"]),
            (&json!("import"), &json!("a/b"))
        );
        assert_eq!(lines[1]["change"]["action"], "move");
        assert_eq!(lines[1]["change"]["previous_resource"]["addr"], "t.old");
        assert_eq!(lines[2]["changes"]["import"], 1);
    }

    #[test]
    fn a_wait_tells_what_for_and_how_far() {
        let event = Event::StepWaiting {
            addr: "t.r".parse().unwrap(),
            action: Action::Create,
            step: "wait".into(),
            message: "CREATING".into(),
            percent: Some(40),
            elapsed_ms: 10_500,
        };
        let lines = lines(|stream| stream.event(&event, &SourceMap::default()).unwrap());
        let hook = &lines[0]["hook"];
        assert_eq!(
            (&hook["percent"], &hook["elapsed_seconds"], &hook["waiting_for"]),
            (&json!(40), &json!(10), &json!("CREATING"))
        );
    }
}
