//! What came out, as the lines of specs.
//!
//! - `plan`: a line for each change, `SYMBOL ADDR`, then `moved from ADDR`, `imports ID`, and the reasons in brackets; no
//!   symbol for what is only moved, imported or read. Below it the leaves: `path: before -> after`, of what is made
//!   anew and new `path: value`. `deferred ADDR (reason)` stands at the end.
//! - `drift`: `ADDR is gone`, or `ADDR path: recorded -> actual`.
//! - `order`: the changes of objects in the order of the plan, with those that have to be done before, as far as
//!   these do not follow from each other.
//! - `outputs`: `name = value`, as far as they are known; `~` stands before those that change.
//! - `diagnostics`: `file:line:column-end id: message`; an expected line may leave out what stands behind its last word.

use std::collections::BTreeSet;
use terrane_core::change::Action;
use terrane_core::value::{Entries, Kind};
use terrane_core::{Diagnostic, Place, SourceMap, Span, Value};
use terrane_plan::{Change, LeafChange, Phase, Plan};

/// How collections are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Lists, sets and maps are written with the function that makes them.
    Typed,
    /// As they are written.
    Plain,
}

fn items(items: &[Value], form: Form) -> String {
    let shown: Vec<String> = items.iter().map(|item| value(item, form)).collect();
    format!("[{}]", shown.join(", "))
}

fn entries(entries: &Entries, form: Form) -> String {
    let shown = |(key, of): (&terrane_core::Text, &Value)| {
        let key = if terrane_core::path::is_identifier(key) { key.to_string() } else { quoted(key) };
        format!("{key} = {}", value(of, form))
    };
    let shown: Vec<String> = entries.iter().map(shown).collect();
    if shown.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", shown.join(", ")) }
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}

/// A value as it would be written.
#[must_use]
pub fn value(value: &Value, form: Form) -> String {
    if value.is_sensitive() {
        return "(sensitive value)".to_owned();
    }
    let typed = |name: &str, text: String| if form == Form::Typed { format!("{name}({text})") } else { text };
    match value.kind() {
        Kind::Null => "null".to_owned(),
        Kind::Bool(value) => value.to_string(),
        Kind::Number(number) => number.to_string(),
        Kind::String(text) => quoted(text),
        Kind::Tuple(list) => items(list, form),
        Kind::List(list) => typed("tolist", items(list, form)),
        Kind::Set(list) => typed("toset", items(list, form)),
        Kind::Object(map) => entries(map, form),
        Kind::Map(map) => typed("tomap", entries(map, form)),
        Kind::Unknown(_) => "(known after apply)".to_owned(),
    }
}

fn leaf(leaf: &LeafChange) -> String {
    let mut line = format!("    {}: ", leaf.path);
    if leaf.is_secret {
        line.push_str("(secret)");
    } else {
        line.push_str(&format!("{} -> {}", value(&leaf.before, Form::Plain), value(&leaf.after, Form::Plain)));
    }
    if leaf.replaces.is_some() {
        line.push_str(" # forces replacement");
    }
    if leaf.is_repair {
        line.push_str(" # drift");
    }
    line
}

fn change(change: &Change) -> Vec<String> {
    let symbol = change.action.symbol();
    let mut line = if symbol.is_empty() { change.addr.to_string() } else { format!("{symbol} {}", change.addr) };
    if change.deposed.is_some() {
        line.push_str(" deposed");
    }
    if let Some(from) = &change.moved_from {
        line.push_str(&format!(" moved from {from}"));
    }
    if let Some(id) = &change.importing {
        line.push_str(&format!(" imports {id}"));
    }
    let reasons: Vec<String> = change.reasons.iter().map(ToString::to_string).collect();
    if !reasons.is_empty() && change.action != Action::NoOp {
        line.push_str(&format!(" ({})", reasons.join("; ")));
    }
    let mut lines = vec![line];
    lines.extend(change.leaves.iter().map(leaf));
    if change.action == Action::Create {
        let secret = |path: &str| change.secrets.iter().any(|secret| secret.path.to_string() == path);
        for (name, written) in change.written.entries().into_iter().flat_map(Entries::iter) {
            if !written.is_null() {
                let shown = if secret(name) { "(secret)".to_owned() } else { value(written, Form::Plain) };
                lines.push(format!("    {name}: {shown}"));
            }
        }
    }
    lines.extend(change.handed_over.iter().map(|(path, _)| format!("    {path} is handed over")));
    lines
}

/// The changes.
#[must_use]
pub fn plan(plan: &Plan) -> Vec<String> {
    let shown = plan.changes.iter().filter(|change| change.is_change() || !change.handed_over.is_empty());
    let mut lines: Vec<String> = shown.flat_map(|shown| change(shown)).collect();
    lines.extend(plan.deferred.iter().map(|deferred| format!("deferred {} ({})", deferred.addr, deferred.reason)));
    lines.extend(plan.left_out.iter().map(|left| match &left.because {
        Some(because) => format!("left out {} (because of {because})", left.addr),
        None => format!("left out {}", left.addr),
    }));
    lines
}

/// What somebody else changed.
#[must_use]
pub fn drift(plan: &Plan) -> Vec<String> {
    let mut lines = Vec::new();
    for drift in &plan.drift {
        if drift.is_gone {
            lines.push(format!("{} is gone", drift.addr));
        }
        for leaf in &drift.leaves {
            let (before, after) = (value(&leaf.before, Form::Plain), value(&leaf.after, Form::Plain));
            lines.push(format!("{} {}: {before} -> {after}", drift.addr, leaf.path));
        }
    }
    lines
}

/// The outputs.
#[must_use]
pub fn outputs(plan: &Plan) -> Vec<String> {
    let line = |output: &terrane_plan::OutputChange| {
        let is_deleted = output.action == Action::Delete;
        let shown = match output.is_sensitive {
            _ if is_deleted => "gone".to_owned(),
            true => "(sensitive value)".to_owned(),
            false => value(&output.after, Form::Typed),
        };
        let mark = if output.action.is_change() && !output.before.is_null() { "~ " } else { "" };
        format!("{mark}{} = {shown}", output.name)
    };
    plan.outputs.iter().map(line).collect()
}

/// A phase of a change, or a join.
type Point = (Option<u32>, Phase);

/// The order of changes: one line for each phase, with what comes right before it.
#[must_use]
pub fn order(plan: &Plan) -> Vec<String> {
    // Points by the number of their first step; joins by their own.
    let mut points: Vec<(usize, Point)> = Vec::new();
    let mut of_step: Vec<usize> = Vec::new();
    let mut before: Vec<BTreeSet<usize>> = Vec::new();
    for (number, step) in plan.steps.iter().enumerate() {
        let key = (step.change, step.phase);
        let known = points.iter().position(|(_, point)| *point == key && key.0.is_some());
        let point = known.unwrap_or(points.len());
        if known.is_none() {
            points.push((number, key));
            before.push(BTreeSet::new());
        }
        of_step.push(point);
        for earlier in &step.after {
            let earlier = of_step[usize::try_from(*earlier).unwrap_or(usize::MAX)];
            if earlier != point {
                before[point].insert(earlier);
            }
        }
    }
    let name = |point: usize| {
        let (first, (number, phase)) = points[point];
        let addr = &plan.changes[usize::try_from(number?).ok()?].addr;
        let verb = plan.steps[first].spec.verb.name();
        let verb = if phase == Phase::Destroy { "destroy" } else { verb };
        Some(format!("{verb} {addr}"))
    };
    // Everything before a point, and of that what is not before something else that is: joins are gone through.
    let mut all: Vec<BTreeSet<usize>> = Vec::new();
    let mut lines = Vec::new();
    for (point, direct) in before.iter().enumerate() {
        let mut earlier = direct.clone();
        for near in direct {
            earlier.extend(all[*near].iter().copied());
        }
        let named: BTreeSet<usize> = earlier.iter().copied().filter(|at| name(*at).is_some()).collect();
        let is_near = |at: &&usize| !named.iter().any(|other| all[*other].contains(at));
        let near: Vec<String> = named.iter().filter(is_near).filter_map(|at| name(*at)).collect();
        if let Some(name) = name(point) {
            lines.push(if near.is_empty() { name } else { format!("{name}, after {}", near.join(", ")) });
        }
        all.push(earlier);
    }
    lines
}

/// Where a span is: `main.hcl:3:5-9`, over lines `main.hcl:3:5-4:2`.
#[must_use]
pub fn place(map: &SourceMap, span: Span) -> String {
    let (Some(file), Some(from), Some(to)) =
        (map.get(span.file), map.position(span.file, span.start), map.position(span.file, span.end))
    else {
        return "(unknown place)".to_owned();
    };
    let end = if from.line == to.line { to.column.to_string() } else { format!("{}:{}", to.line, to.column) };
    format!("{}:{}:{}-{end}", file.name, from.line, from.column)
}

/// A problem in a line.
#[must_use]
pub fn diagnostic(map: &SourceMap, problem: &Diagnostic) -> String {
    let place = match (&problem.place, problem.span()) {
        (_, Some(span)) => place(map, span),
        (Place::Instance(addr, path), None) if path.to_string().is_empty() => addr.to_string(),
        (Place::Instance(addr, path), None) => format!("{addr}.{path}"),
        (Place::Argument(argument), None) => argument.replace(' ', "="),
        (Place::File(file), None) => file.clone(),
        (Place::State, None) => "state".to_owned(),
        (Place::Run | Place::Span(_), None) => "run".to_owned(),
    };
    let message = problem.message().replace('\n', "\\n");
    if message.is_empty() {
        format!("{place} {}", problem.kind.id)
    } else {
        format!("{place} {}: {message}", problem.kind.id)
    }
}
