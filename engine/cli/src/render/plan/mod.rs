//! A plan for people: what changes, why, from where, and how long it takes.
//!
//! In: a plan and the schemas of its types. Out: text, written block by block, so that a plan of any size costs
//! the memory of one block (of one resource, where its instances are gathered). The lines that scripts look for
//! are those of Terraform.

mod block;
mod collapse;
mod summary;
#[cfg(test)]
pub mod tests;
pub mod value;

use crate::console::{Hue, Paint};
use block::LeafRemarks;
pub use block::place;
use collapse::{Group, Groups};
use std::io::{self, Write};
use terrane_core::change::Action;
use terrane_core::{InstanceKey, Path};
use terrane_plan::condition::Status;
use terrane_plan::plan::{Change, Drift, Mode, Plan, Step};
use terrane_provider::Registry;
use value::{Lines, Mark, Silent};

/// Plans with more changes than this begin with a summary.
const LONG_PLAN: usize = 50;
/// Instances that are listed as left out.
const LEFT_OUT_SHOWN: usize = 50;
/// Conditions that are listed as known after apply.
const CONDITIONS_SHOWN: usize = 50;
/// Attributes that say which object it is, shown though they do not change.
const IDENTIFYING: &[&str] = &["id", "name"];

/// A plan with what is needed to show it.
#[derive(Clone, Copy)]
pub struct PlanView<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// The schemas of its types.
    pub registry: &'a Registry,
    /// Colours.
    pub paint: Paint,
}

/// Writes the whole plan.
///
/// # Errors
/// Those of `out`.
pub fn write(view: PlanView<'_>, out: &mut dyn Write) -> io::Result<()> {
    let plan = view.plan;
    if !plan.errors.is_empty() {
        return errors(plan, out);
    }
    let changes = plan.changes.iter().filter(|change| change.is_change()).count();
    if changes > LONG_PLAN {
        summary::write(view, out)?;
    }
    drift(view, out)?;
    recovered(view, out)?;
    if changes > 0 {
        legend(view, out)?;
        actions(view, out)?;
    }
    left_out(view, out)?;
    deferred(view, out)?;
    conditions(view, out)?;
    outputs(view, out)?;
    ending(view, out)
}

/// The blocks of a plan, one by one.
pub struct Blocks<'a> {
    view: PlanView<'a>,
    steps: Vec<Vec<&'a Step>>,
}

impl<'a> Blocks<'a> {
    /// Those of a plan.
    pub fn new(view: PlanView<'a>) -> Self {
        Self { view, steps: steps_by_change(view.plan) }
    }

    /// The text of the change of that number.
    pub fn text(&self, at: usize) -> String {
        let Some(change) = self.view.plan.changes.get(at) else { return String::new() };
        let steps = self.steps.get(at).map(Vec::as_slice).unwrap_or_default();
        let mut out = Vec::new();
        // Writing to memory cannot fail.
        let _ = block(self.view, change, &body(self.view, change, steps, IDENTIFYING), &mut out);
        String::from_utf8(out).unwrap_or_default()
    }
}

/// `Plan: 1 to add, 0 to change, 0 to destroy.`
pub fn counts_line(plan: &Plan) -> String {
    let counts = plan.counts();
    let import = if counts.import > 0 { format!("{} to import, ", counts.import) } else { String::new() };
    let mut line =
        format!("Plan: {import}{} to add, {} to change, {} to destroy", counts.add, counts.change, counts.destroy);
    if counts.forget > 0 {
        line.push_str(&format!(", {} to forget", counts.forget));
    }
    line.push('.');
    line
}

/// A plan that ended with errors.
fn errors(plan: &Plan, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "Planning ended with errors, so there is nothing to apply:\n")?;
    for error in &plan.errors {
        let place = error.origin.as_ref().map(|origin| format!("{}: ", place(origin))).unwrap_or_default();
        let text = format!("{place}{}: {}", error.summary, error.detail);
        writeln!(out, "  # {} [{}]", value::escaped(text.trim_end_matches([':', ' '])), error.id)?;
    }
    Ok(())
}

fn legend(view: PlanView<'_>, out: &mut dyn Write) -> io::Result<()> {
    let texts = [
        (Action::Create, "create"),
        (Action::Update, "update in-place"),
        (Action::Delete, "destroy"),
        (Action::DeleteThenCreate, "destroy and then create replacement"),
        (Action::CreateThenDelete, "create replacement and then destroy"),
        (Action::Forget, "forget"),
    ];
    let is_used = |action: Action| view.plan.changes.iter().any(|change| change.action == action);
    if texts.iter().any(|(action, _)| is_used(*action)) {
        writeln!(out, "Terrane made the following plan. The symbols mean:")?;
        for (action, text) in texts.into_iter().filter(|(action, _)| is_used(*action)) {
            writeln!(out, "{:>3} {text}", action.symbol())?;
        }
        writeln!(out)?;
    }
    writeln!(out, "Terrane will perform the following actions:\n")
}

fn actions(view: PlanView<'_>, out: &mut dyn Write) -> io::Result<()> {
    let steps = steps_by_change(view.plan);
    let changes = &view.plan.changes;
    let mut from = 0;
    for run in changes.chunk_by(|a, b| a.addr.resource == b.addr.resource) {
        resource(view, from..from + run.len(), &steps, out)?;
        from += run.len();
    }
    Ok(())
}

fn steps_by_change(plan: &Plan) -> Vec<Vec<&Step>> {
    let mut steps = vec![Vec::new(); plan.changes.len()];
    for step in &plan.steps {
        let at = step.change.and_then(|change| usize::try_from(change).ok());
        if let Some(list) = at.and_then(|at| steps.get_mut(at)) {
            list.push(step);
        }
    }
    steps
}

/// The changes of one resource: those that collapse together, behind those that never do.
fn resource(
    view: PlanView<'_>,
    range: std::ops::Range<usize>,
    all_steps: &[Vec<&Step>],
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut groups = [Groups::default(), Groups::default(), Groups::default(), Groups::default()];
    for at in range {
        let Some(change) = view.plan.changes.get(at).filter(|change| change.is_change()) else { continue };
        let steps = all_steps.get(at).map(Vec::as_slice).unwrap_or_default();
        match (collapses(change), &change.addr.key) {
            (Some(which), Some(key)) => {
                // Each object has another id, which is no part of what changes.
                let text = body(view, change, steps, &["name"]);
                if let Some(closed) = groups.get_mut(which).and_then(|groups| groups.add(at, key, text)) {
                    group(view, &closed, all_steps, out)?;
                }
            }
            _ => block(view, change, &body(view, change, steps, IDENTIFYING), out)?,
        }
    }
    groups.into_iter().flat_map(Groups::into_groups).try_for_each(|closed| group(view, &closed, all_steps, out))
}

/// The one block of instances that change alike.
fn group(view: PlanView<'_>, group: &Group, all_steps: &[Vec<&Step>], out: &mut dyn Write) -> io::Result<()> {
    let Some(change) = view.plan.changes.get(group.first) else { return Ok(()) };
    if group.count() == 1 && change.action == Action::Create {
        return block(view, change, &group.text(), out);
    }
    if group.count() == 1 {
        let steps = all_steps.get(group.first).map(Vec::as_slice).unwrap_or_default();
        return block(view, change, &body(view, change, steps, IDENTIFYING), out);
    }
    let each = if matches!(change.addr.key, Some(InstanceKey::Index(_))) { "count.index" } else { "each.key" };
    let header = format!("# {}[{each}] {}: {} instances", change.addr.resource, block::fate(change), group.count());
    let keys = format!("  # ({})", group.keys());
    writeln!(out, "  {}\n{}", view.paint.text(Hue::Bold, &header), view.paint.text(Hue::Dim, &keys))?;
    writeln!(out, "{}", group.text())
}

/// In which list of groups a change belongs; none where it stands alone. What destroys always stands alone.
fn collapses(change: &Change) -> Option<usize> {
    if change.deposed.is_some() {
        return None;
    }
    match change.action {
        Action::Create => Some(0),
        Action::Update => Some(1),
        Action::Forget => Some(2),
        Action::NoOp if change.importing.is_some() => Some(3),
        Action::NoOp | Action::Read | Action::Delete | Action::DeleteThenCreate | Action::CreateThenDelete => None,
    }
}

fn body(view: PlanView<'_>, change: &Change, steps: &[&Step], always_shown: &'static [&'static str]) -> String {
    let remarks = LeafRemarks::new(&change.leaves);
    let mut lines = Lines { always_shown, ..Lines::new(view.paint, &remarks) };
    block::notes(change, steps, &mut lines);
    let schema = view.registry.resource_schema(&change.addr.resource.type_name);
    block::resource(change, schema.map(|schema| &schema.body), &mut lines);
    lines.text
}

fn block(view: PlanView<'_>, change: &Change, text: &str, out: &mut dyn Write) -> io::Result<()> {
    let deposed = change.deposed.as_ref().map(|mark| format!(" (deposed object {mark})")).unwrap_or_default();
    let header = match &change.moved_from {
        Some(from) if change.action == Action::NoOp => format!("# {from}{deposed} has moved to {}", change.addr),
        _ => format!("# {}{deposed} {}", change.addr, block::fate(change)),
    };
    writeln!(out, "  {}\n{text}", view.paint.text(Hue::Bold, &header))
}

fn drift(view: PlanView<'_>, out: &mut dyn Write) -> io::Result<()> {
    if view.plan.drift.is_empty() {
        return Ok(());
    }
    writeln!(out, "{}\n", view.paint.text(Hue::Bold, "Note: Objects have changed outside of Terrane"))?;
    for drift in &view.plan.drift {
        let addr = &drift.addr;
        let fate = if drift.is_gone { "has been deleted" } else { "has changed" };
        writeln!(out, "  {}", view.paint.text(Hue::Bold, &format!("# {addr} {fate}")))?;
        if !drift.is_gone {
            writeln!(out, "{}", drift_block(view, drift))?;
        } else {
            writeln!(out, "  # ({})\n", value::escaped(&drift.id.to_string()))?;
        }
    }
    Ok(())
}

fn drift_block(view: PlanView<'_>, drift: &Drift) -> String {
    let mut lines = Lines::new(view.paint, &Silent);
    let resource = &drift.addr.resource;
    lines.begin(2, Mark::Change);
    lines.text.push_str(&format!("resource \"{}\" \"{}\" {{\n", resource.type_name, resource.name));
    let width = drift.leaves.iter().map(|leaf| leaf.path.to_string().chars().count()).max().unwrap_or(0);
    for leaf in &drift.leaves {
        let name = leaf.path.to_string();
        lines.begin(6, Mark::Change);
        lines.text.push_str(&value::escaped(&name));
        lines.blank(width - name.chars().count());
        lines.text.push_str(" = ");
        if leaf.is_secret {
            lines.text.push_str("(sensitive value)");
        } else {
            lines.change(&leaf.before, &leaf.after, 6, &Path::default());
        }
        lines.text.push('\n');
    }
    lines.text.push_str("    }\n");
    lines.text
}

fn recovered(view: PlanView<'_>, out: &mut dyn Write) -> io::Result<()> {
    if view.plan.recovered.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "{}\n",
        view.paint.text(Hue::Bold, "Note: An earlier run was stopped in the middle; its work will be completed")
    )?;
    for found in &view.plan.recovered {
        writeln!(out, "  # {} step {}: {}", found.addr, found.step, value::escaped(&found.finding))?;
    }
    writeln!(out)
}

/// What `-exclude` leaves out: those that are not named themselves one by one, as far as there is room.
fn left_out(view: PlanView<'_>, out: &mut dyn Write) -> io::Result<()> {
    let all = &view.plan.left_out;
    if all.is_empty() {
        return Ok(());
    }
    let named = all.iter().filter(|left| left.because.is_none()).count();
    let heading = format!("Left out by -exclude: {named} named, {} that cannot go without them", all.len() - named);
    writeln!(out, "{}\n", view.paint.text(Hue::Bold, &heading))?;
    let followers = all.iter().filter_map(|left| Some((&left.addr, left.because.as_ref()?)));
    for (addr, because) in followers.take(LEFT_OUT_SHOWN) {
        writeln!(out, "  # {addr} (because {because} is left out)")?;
    }
    let hidden = (all.len() - named).saturating_sub(LEFT_OUT_SHOWN);
    if hidden > 0 {
        writeln!(out, "  # and {hidden} more")?;
    }
    if all.len() > named { writeln!(out) } else { Ok(()) }
}

/// Conditions that are found out while the plan is applied.
fn conditions(view: PlanView<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut open = view.plan.conditions.iter().filter(|condition| condition.status == Status::Unknown).peekable();
    if open.peek().is_none() {
        return Ok(());
    }
    writeln!(out, "Conditions that are known after apply:\n")?;
    let count = open.clone().count();
    for condition in open.take(CONDITIONS_SHOWN) {
        let place = condition.origin.as_ref().map(|origin| format!(" ({})", place(origin))).unwrap_or_default();
        writeln!(out, "  # {}: {}{place}", condition.of, condition.of.word())?;
    }
    if count > CONDITIONS_SHOWN {
        writeln!(out, "  # and {} more", count - CONDITIONS_SHOWN)?;
    }
    writeln!(out)
}

fn deferred(view: PlanView<'_>, out: &mut dyn Write) -> io::Result<()> {
    if view.plan.deferred.is_empty() {
        return Ok(());
    }
    writeln!(out, "{}\n", view.paint.text(Hue::Bold, "Deferred to a later stage:"))?;
    for deferred in &view.plan.deferred {
        let fate = match &*deferred.reason {
            "data-known-after-apply" => "will be read once its arguments are known",
            "used-by-deferred" => "will be destroyed once nothing uses it",
            "depends-on-deferred" => "will be planned after what it depends on",
            _ => "will be planned once its keys are known",
        };
        writeln!(out, "  # {} {fate}", deferred.addr)?;
        if let Some(because) = &deferred.because {
            let used = &*deferred.reason == "used-by-deferred";
            let (verb, of) = if used { ("is used by", "") } else { ("depends on", ", which waits") };
            writeln!(out, "  # (because it {verb} {because}{of})")?;
            continue;
        }
        let waits: Vec<String> = deferred.waits_for.iter().map(ToString::to_string).collect();
        if !waits.is_empty() {
            writeln!(out, "  # (because it waits for {})", waits.join(", "))?;
        }
    }
    writeln!(out)
}

fn outputs(view: PlanView<'_>, out: &mut dyn Write) -> io::Result<()> {
    let changed: Vec<_> = view.plan.outputs.iter().filter(|output| output.action.is_change()).collect();
    if changed.is_empty() {
        return Ok(());
    }
    writeln!(out, "{}", view.paint.text(Hue::Bold, "Changes to Outputs:"))?;
    let width = changed.iter().map(|output| output.name.chars().count()).max().unwrap_or(0);
    for output in changed {
        let mut lines = Lines::new(view.paint, &Silent);
        let mark = match output.action {
            Action::Create => Mark::Add,
            Action::Delete => Mark::Remove,
            _ => Mark::Change,
        };
        lines.begin(2, mark);
        lines.text.push_str(&output.name);
        lines.blank(width - output.name.chars().count());
        lines.text.push_str(" = ");
        match mark {
            _ if output.is_sensitive => lines.text.push_str("(sensitive value)"),
            Mark::Add => lines.whole(&output.after, 2, mark),
            Mark::Remove => {
                lines.whole(&output.before, 2, mark);
                lines.text.push_str(" -> null");
            }
            Mark::Change | Mark::None => lines.change(&output.before, &output.after, 2, &Path::default()),
        }
        writeln!(out, "{}", lines.text)?;
    }
    writeln!(out)
}

/// What a plan is about that is not about everything.
pub fn part(plan: &Plan) -> Option<String> {
    let since = plan.since.as_ref()?;
    Some(format!("This plan is only about what differs from {}.", value::escaped(since)))
}

fn ending(view: PlanView<'_>, out: &mut dyn Write) -> io::Result<()> {
    let plan = view.plan;
    if let Some(part) = part(plan) {
        writeln!(out, "{part}\n")?;
    }
    if !plan.is_empty() {
        return writeln!(out, "{}", view.paint.text(Hue::Bold, &counts_line(plan)));
    }
    let why = match plan.mode {
        Mode::Normal => "Your infrastructure matches the configuration.",
        Mode::Destroy => "No objects need to be destroyed.",
        Mode::RefreshOnly => "The objects are as they were applied.",
    };
    writeln!(out, "{} {why}", view.paint.text(Hue::Bold, "No changes."))
}
