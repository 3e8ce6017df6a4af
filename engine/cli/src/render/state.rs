//! The state for people: each object as a block, with what is known of it.

use super::json_state::hide_secrets;
use super::plan::value::{Lines, Silent, quoted};
use crate::console::{Hue, Paint};
use std::io::{self, Write};
use terrane_core::{Block, Nesting, Shape, Value};
use terrane_plan::state::{Recorded, State};
use terrane_provider::Registry;

/// Writes all objects and outputs.
///
/// # Errors
/// Those of `out`.
pub fn write_all(state: &State, registry: &Registry, paint: Paint, out: &mut dyn Write) -> io::Result<()> {
    if state.objects.is_empty() && state.outputs.is_empty() {
        return writeln!(out, "The state is empty. No objects are recorded.");
    }
    for record in state.objects.values() {
        write_one(record, registry, paint, out)?;
        writeln!(out)?;
    }
    if !state.outputs.is_empty() {
        writeln!(out, "\n{}\n", paint.text(Hue::Bold, "Outputs:"))?;
        for (name, output) in &state.outputs {
            let mut lines = Lines::new(paint, &Silent);
            if output.is_sensitive {
                lines.text.push_str("(sensitive value)");
            } else {
                lines.flat(&output.value);
            }
            writeln!(out, "{name} = {}", lines.text)?;
        }
    }
    Ok(())
}

/// Writes one object.
///
/// # Errors
/// Those of `out`.
pub fn write_one(record: &Recorded, registry: &Registry, paint: Paint, out: &mut dyn Write) -> io::Result<()> {
    let resource = &record.addr.resource;
    let deposed = record.deposed.as_ref().map(|mark| format!(" (deposed object {mark})")).unwrap_or_default();
    writeln!(out, "{}", paint.text(Hue::Bold, &format!("# {}{deposed}:", record.addr)))?;
    if record.tainted {
        writeln!(out, "# (tainted: the next plan replaces it)")?;
    }
    if let Some(partial) = &record.partial {
        let done: Vec<&str> = partial.done.iter().map(|step| &**step).collect();
        writeln!(out, "# (half done: {} done; next {})", done.join(", "), partial.next)?;
    }
    writeln!(out, "resource {} {} {{", quoted(&resource.type_name), quoted(&resource.name))?;
    let schema = registry.resource_schema(&resource.type_name);
    let mut lines = Lines::new(paint, &Silent);
    body(&mut lines, schema.map(|schema| &schema.body), &hide_secrets(record), 4);
    writeln!(out, "{}}}", lines.text)
}

fn body(lines: &mut Lines<'_>, schema: Option<&Block>, value: &Value, indent: usize) {
    let Some(entries) = value.entries() else { return };
    let shape = |name: &str| schema.and_then(|schema| schema.attribute(name)).map(|attribute| &attribute.shape);
    let there = entries.iter().filter(|(_, value)| !super::plan::value::is_missing(value));
    let (blocks, attributes): (Vec<_>, Vec<_>) =
        there.partition(|(name, _)| matches!(shape(name), Some(Shape::Block { .. })));
    let width = attributes.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    for (name, value) in attributes {
        lines.blank(indent);
        lines.text.push_str(name);
        lines.blank(width - name.chars().count());
        lines.text.push_str(" = ");
        lines.flat_at(value, indent);
        lines.text.push('\n');
    }
    for (name, value) in blocks {
        let Some(Shape::Block { block, nesting }) = shape(name) else { continue };
        let items =
            if *nesting == Nesting::Single { std::slice::from_ref(value) } else { value.items().unwrap_or_default() };
        for item in items {
            lines.text.push('\n');
            lines.blank(indent);
            lines.text.push_str(&format!("{name} {{\n"));
            body(lines, Some(block), item, indent + 4);
            lines.blank(indent);
            lines.text.push_str("}\n");
        }
    }
}
