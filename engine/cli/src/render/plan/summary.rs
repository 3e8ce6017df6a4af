//! What a long plan begins with: how many instances of which resource meet which fate.

use super::PlanView;
use crate::console::Hue;
use std::collections::BTreeMap;
use std::io::{self, Write};
use terrane_core::change::Action;

/// Resources that are listed.
const LISTED: usize = 40;

/// Writes the summary.
///
/// # Errors
/// Those of `out`.
pub fn write(view: PlanView<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut counts: BTreeMap<(usize, String), (Action, usize)> = BTreeMap::new();
    for run in view.plan.changes.chunk_by(|a, b| a.addr.resource == b.addr.resource) {
        let Some(first) = run.first() else { continue };
        let addr = &first.addr.resource;
        let modules: String = addr.module.steps().iter().map(|step| format!("module.{}.", step.name)).collect();
        let name = format!("{modules}{}.{}", addr.type_name, addr.name);
        for change in run.iter().filter(|change| change.is_change()) {
            let what = match (change.action, &change.importing, &change.moved_from) {
                (Action::NoOp, Some(_), _) => " (import)",
                (Action::NoOp, None, Some(_)) => " (move)",
                _ => "",
            };
            let key = (order(change.action), format!("{name}{what}"));
            counts.entry(key).or_insert((change.action, 0)).1 += 1;
        }
    }
    let total: usize = counts.values().map(|(_, count)| count).sum();
    let counted = super::counts_line(view.plan);
    let counted = counted.strip_prefix("Plan: ").unwrap_or(&counted);
    let heading = format!("Summary of {total} changes: {counted}");
    writeln!(out, "{}", view.paint.text(Hue::Bold, &heading))?;
    let width = counts.values().map(|(_, count)| count.to_string().len()).max().unwrap_or(0);
    for ((_, name), (action, count)) in counts.iter().take(LISTED) {
        writeln!(out, "{:>3} {count:>width$} {name}", action.symbol())?;
    }
    if counts.len() > LISTED {
        writeln!(out, "    and {} more resources", counts.len() - LISTED)?;
    }
    writeln!(out)
}

/// What destroys comes first.
fn order(action: Action) -> usize {
    match action {
        Action::Delete => 0,
        Action::DeleteThenCreate => 1,
        Action::CreateThenDelete => 2,
        Action::Forget => 3,
        Action::Update => 4,
        Action::Create => 5,
        Action::Read => 6,
        Action::NoOp => 7,
    }
}
