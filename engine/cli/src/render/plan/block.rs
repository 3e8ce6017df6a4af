//! One changing instance: header, reasons, steps, and the block with its attributes and nested blocks.

use super::value::{self, Lines, Mark, Remarks};
use crate::console::Hue;
use std::collections::BTreeMap;
use terrane_core::change::{Action, Reason};
use terrane_core::{Block, Nesting, Path, PathStep, Shape, Value};
use terrane_plan::plan::{Change, LeafChange, Origin, Step};

/// Column of the mark of a resource.
const RESOURCE_INDENT: usize = 2;

/// What is said about leaves of a change.
pub struct LeafRemarks<'a> {
    leaves: BTreeMap<&'a Path, &'a LeafChange>,
}

impl<'a> LeafRemarks<'a> {
    /// The remarks of these leaves.
    pub fn new(leaves: &'a [LeafChange]) -> Self {
        Self { leaves: leaves.iter().map(|leaf| (&leaf.path, leaf)).collect() }
    }
}

impl Remarks for LeafRemarks<'_> {
    fn at(&self, path: &Path) -> String {
        let Some(leaf) = self.leaves.get(path) else { return String::new() };
        let mut remark = String::new();
        if let Some(why) = &leaf.replaces {
            remark.push_str("# forces replacement");
            let place = leaf.origin.as_ref().map(place);
            let parts: Vec<&str> =
                [Some(&**why), place.as_deref()].into_iter().flatten().filter(|p| !p.is_empty()).collect();
            if !parts.is_empty() {
                remark.push_str(&format!(" ({})", parts.join("; ")));
            }
        } else if leaf.is_repair {
            remark.push_str("# changed outside of Terrane");
        }
        remark
    }

    fn is_empty(&self) -> bool {
        self.leaves.is_empty()
    }

    fn is_changed(&self, path: &Path) -> bool {
        let from = (std::ops::Bound::Included(path), std::ops::Bound::Unbounded);
        let mut below = self.leaves.range::<Path, _>(from).take_while(|(leaf, _)| leaf.starts_with(path));
        below.any(|(_, change)| change.is_secret)
    }
}

/// `file:line`.
pub fn place(origin: &Origin) -> String {
    format!("{}:{}", origin.file, origin.line)
}

/// What happens, behind `# ADDR `.
pub fn fate(change: &Change) -> &'static str {
    let is_incomplete = matches!(change.reasons.first(), Some(Reason::Incomplete { .. }));
    let is_tainted = change.reasons.contains(&Reason::Tainted);
    match change.action {
        Action::NoOp if change.importing.is_some() => "will be imported",
        Action::NoOp => "stays as it is",
        Action::Read => "was read",
        Action::Create | Action::Update if is_incomplete => "will be completed",
        Action::Create => "will be created",
        Action::Update => "will be updated in-place",
        Action::DeleteThenCreate | Action::CreateThenDelete if is_tainted => "is tainted, so must be replaced",
        Action::DeleteThenCreate | Action::CreateThenDelete => "must be replaced",
        Action::Delete => "will be destroyed",
        Action::Forget => "will no longer be managed by Terrane, but will not be destroyed",
    }
}

/// The lines `  # (because ..)` and `  # (steps: ..)` under a header.
pub fn notes(change: &Change, steps: &[&Step], lines: &mut Lines<'_>) {
    if let Some(from) = change.moved_from.as_ref().filter(|_| change.action != Action::NoOp) {
        note(lines, &format!("moved from {from}"));
    }
    if let Some(id) = change.importing.as_ref().filter(|_| change.action != Action::NoOp) {
        note(lines, &format!("imported from {}", value::quoted(id)));
    }
    for reason in &change.reasons {
        let text = match reason {
            Reason::NotRecorded | Reason::Differs => continue,
            other => other.to_string(),
        };
        let origin = change.origin.as_ref().filter(|_| change.action.is_replace());
        let place = origin.map(|origin| format!("; {}", place(origin))).unwrap_or_default();
        note(lines, &format!("because {text}{place}"));
    }
    for (path, owner) in &change.handed_over {
        note(lines, &handed_over(path, owner));
    }
    let is_shown = steps.iter().any(|step| step.spec.expected_s > 0 || step.spec.disrupts.is_some());
    if is_shown {
        note(lines, &format!("steps: {}", steps.iter().map(|step| step_text(step)).collect::<Vec<_>>().join(", ")));
    }
}

fn note(lines: &mut Lines<'_>, text: &str) {
    let text = format!("  # ({})\n", value::escaped(text));
    lines.text.push_str(&lines.paint.text(Hue::Dim, text.trim_end_matches('\n')));
    lines.text.push('\n');
}

fn handed_over(path: &Path, owner: &terrane_core::change::Owner) -> String {
    use terrane_core::change::Owner;
    match owner {
        Owner::Ours => format!("{path} is taken over, its value stays"),
        Owner::Remote => format!("{path} is given back to the remote side, its value stays"),
        Owner::Other(name) => format!("{path} is given to {name}, its value stays"),
    }
}

fn step_text(step: &Step) -> String {
    let mut text = step.spec.name.to_string();
    if step.spec.expected_s > 0 {
        text.push_str(&format!(" about {}", duration(step.spec.expected_s)));
    }
    if let Some(disrupts) = &step.spec.disrupts {
        text.push_str(&format!(" {disrupts}"));
    }
    text
}

/// `90s`, `10m`, `1h5m`.
pub fn duration(seconds: u32) -> String {
    match seconds {
        0..=119 => format!("{seconds}s"),
        120..=3_599 if seconds.is_multiple_of(60) => format!("{}m", seconds / 60),
        120..=3_599 => format!("{}m{}s", seconds / 60, seconds % 60),
        _ if seconds % 3_600 / 60 == 0 => format!("{}h", seconds / 3_600),
        _ => format!("{}h{}m", seconds / 3_600, seconds % 3_600 / 60),
    }
}

/// `  + resource "type" "name" {` to its closing brace.
pub fn resource(change: &Change, schema: Option<&Block>, lines: &mut Lines<'_>) {
    let hue = match change.action {
        Action::Create => Hue::Green,
        Action::Delete | Action::DeleteThenCreate | Action::CreateThenDelete => Hue::Red,
        Action::Update | Action::NoOp | Action::Forget => Hue::Yellow,
        Action::Read => Hue::Cyan,
    };
    let symbol = lines.paint.text(hue, &format!("{:>3}", change.action.symbol()));
    let addr = &change.addr.resource;
    lines.text.push_str(&format!("{symbol} resource \"{}\" \"{}\" {{\n", addr.type_name, addr.name));
    let (before, after) = match change.action {
        Action::Create => (&Value::NULL, &change.after),
        Action::Delete | Action::Forget => (&change.before, &Value::NULL),
        Action::Update | Action::DeleteThenCreate | Action::CreateThenDelete | Action::NoOp | Action::Read => {
            (&change.before, &change.after)
        }
    };
    let is_forgotten = change.action == Action::Forget;
    body(lines, schema, Sides::new(before, after, is_forgotten), RESOURCE_INDENT, &Path::default());
    lines.text.push_str("    }\n");
}

/// The two forms of a block.
#[derive(Clone, Copy)]
struct Sides<'a> {
    before: &'a Value,
    after: &'a Value,
    mark: Mark,
}

impl<'a> Sides<'a> {
    fn new(before: &'a Value, after: &'a Value, is_forgotten: bool) -> Self {
        let mark = match (value::is_missing(before), value::is_missing(after)) {
            _ if is_forgotten => Mark::None,
            (true, _) => Mark::Add,
            (false, true) => Mark::Remove,
            (false, false) => Mark::Change,
        };
        Self { before, after, mark }
    }

    fn part(&self, name: &str) -> (&'a Value, &'a Value) {
        let get = |value: &'a Value| value.get(name).unwrap_or(&Value::NULL);
        (get(self.before), get(self.after))
    }
}

/// Attributes, then nested blocks, of a block whose mark stands at `indent`.
fn body(lines: &mut Lines<'_>, schema: Option<&Block>, sides: Sides<'_>, indent: usize, path: &Path) {
    let none = terrane_core::Entries::default();
    let before = sides.before.entries().unwrap_or(&none);
    let after = sides.after.entries().unwrap_or(&none);
    let mut blocks = Vec::new();
    let mut shown = Vec::new();
    let mut hidden = 0;
    for name in value::merged_keys(before, after) {
        let shape = schema.and_then(|schema| schema.attribute(name)).map(|attribute| &attribute.shape);
        if let Some(Shape::Block { block, nesting }) = shape {
            blocks.push((name, block, *nesting));
            continue;
        }
        let (old, new) = sides.part(name);
        if value::is_missing(old) && value::is_missing(new) {
            continue;
        }
        let is_changed = sides.mark != Mark::Change
            || !value::is_unchanged(old, new)
            || lines.remarks.is_changed(&path.child(name.clone()));
        if is_changed || lines.always_shown.contains(&&**name) {
            shown.push((name, old, new, is_changed));
        } else if &**name != "id" {
            // Every object has an id; it is no attribute that somebody might have changed.
            hidden += 1;
        }
    }
    let width = shown.iter().map(|(name, ..)| name.chars().count()).max().unwrap_or(0);
    for (name, old, new, is_changed) in shown {
        let mark = attribute_mark(sides.mark, (old, new), is_changed);
        lines.begin(indent + 4, mark);
        lines.text.push_str(name);
        lines.blank(width - name.chars().count());
        lines.text.push_str(" = ");
        // Whole values without remarks need no path; a long plan is made of them.
        match mark {
            Mark::None => lines.whole(if value::is_missing(old) { new } else { old }, indent + 4, mark),
            Mark::Add if lines.remarks.is_empty() => lines.whole(new, indent + 4, mark),
            Mark::Add | Mark::Remove | Mark::Change => {
                attribute(lines, mark, (old, new), indent + 4, &path.child(name.clone()));
            }
        }
        lines.text.push('\n');
    }
    lines.hidden(indent + 4, hidden, "attribute");
    nested(lines, &blocks, sides, indent, path);
}

fn attribute_mark(block: Mark, (old, new): (&Value, &Value), is_changed: bool) -> Mark {
    match block {
        Mark::Change if !is_changed => Mark::None,
        Mark::Change if value::is_missing(old) => Mark::Add,
        Mark::Change if value::is_missing(new) => Mark::Remove,
        other => other,
    }
}

fn attribute(lines: &mut Lines<'_>, mark: Mark, (old, new): (&Value, &Value), indent: usize, path: &Path) {
    let mut remark = lines.remarks.at(path);
    if !remark.is_empty() {
        remark.insert(0, ' ');
    }
    match mark {
        Mark::None | Mark::Add => lines.whole_remarked(new, indent, mark, &remark),
        Mark::Remove => {
            lines.whole(old, indent, mark);
            lines.text.push_str(" -> null");
            lines.text.push_str(&remark);
        }
        Mark::Change => lines.change(old, new, indent, path),
    }
}

fn nested(
    lines: &mut Lines<'_>,
    blocks: &[(&terrane_core::Text, &Block, Nesting)],
    sides: Sides<'_>,
    indent: usize,
    path: &Path,
) {
    let mut hidden = 0;
    for (name, schema, nesting) in blocks {
        let (old, new) = sides.part(name);
        let mut is_first = true;
        for (old, new, inner) in pairs(old, new, *nesting, &path.child((*name).clone())) {
            let part = Sides { mark: attribute_mark(sides.mark, (old, new), true), before: old, after: new };
            if sides.mark == Mark::Change && value::is_unchanged(old, new) && !lines.remarks.is_changed(&inner) {
                hidden += 1;
                continue;
            }
            if std::mem::take(&mut is_first) {
                lines.text.push('\n');
            }
            lines.begin(indent + 4, part.mark);
            lines.text.push_str(name);
            lines.text.push_str(" {");
            let remark = lines.remarks.at(&inner);
            if !remark.is_empty() {
                lines.text.push(' ');
                lines.text.push_str(&remark);
            }
            lines.text.push('\n');
            body(lines, Some(schema), part, indent + 4, &inner);
            lines.blank(indent + 6);
            lines.text.push_str("}\n");
        }
    }
    if hidden > 0 {
        lines.text.push('\n');
        lines.hidden(indent + 4, hidden, "block");
    }
}

/// The blocks of one name, old and new side by side.
fn pairs<'a>(old: &'a Value, new: &'a Value, nesting: Nesting, path: &Path) -> Vec<(&'a Value, &'a Value, Path)> {
    if nesting == Nesting::Single || (old.items().is_none() && new.items().is_none()) {
        let is_there = !value::is_missing(old) || !value::is_missing(new);
        return if is_there { vec![(old, new, path.clone())] } else { Vec::new() };
    }
    let (a, b) = (old.items().unwrap_or_default(), new.items().unwrap_or_default());
    let at = |index: usize| path.join(PathStep::Index(u64::try_from(index).unwrap_or(u64::MAX)));
    if nesting == Nesting::List {
        let longer = a.len().max(b.len());
        let side = |items: &'a [Value], index: usize| items.get(index).unwrap_or(&Value::NULL);
        return (0..longer).map(|index| (side(a, index), side(b, index), at(index))).collect();
    }
    let gone = a.iter().filter(|item| !b.contains(item)).map(|item| (item, &Value::NULL));
    let kept = b.iter().map(|item| (a.iter().find(|old| *old == item).unwrap_or(&Value::NULL), item));
    gone.chain(kept).enumerate().map(|(index, (old, new))| (old, new, at(index))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_short() {
        assert_eq!([duration(90), duration(600), duration(125), duration(3_900)], ["90s", "10m", "2m5s", "1h5m"]);
    }
}
