//! The reference pages of types.

use std::fmt::Write;

use super::document::{
    AttributeSchema, BlockSchema, Change, Document, Kind, Nesting, Role, RuleKind, RuleSchema, TypeSchema,
};

/// Says that the file is not to be edited.
pub const NOTICE: &str = "<!-- Written by `cargo xtask gen`. Change the declaration in the code, not this file. -->";

/// The page of one type.
#[must_use]
pub fn of_type(kind: Kind, schema: &TypeSchema) -> String {
    let mut page = format!("{NOTICE}\n\n# {} `{}`\n\n{}\n", kind.keyword(), schema.type_name, schema.doc);
    if kind == Kind::Resource {
        line(&mut page, format_args!("\nVersion of the recorded form: {}.", schema.version));
        if let Some(gone) = &schema.gone {
            line(&mut page, format_args!("\nDrift: that such an object is gone is {gone}."));
        }
    }
    section(&mut page, "##", None, &schema.attributes);
    if !schema.rules.is_empty() {
        page.push_str("\n## Rules\n\n");
        for rule in &schema.rules {
            line(&mut page, format_args!("- {}", rule_text(rule)));
        }
    }
    let mut sources: Vec<&str> = Vec::new();
    collect_sources(&schema.attributes, &mut sources);
    if !sources.is_empty() {
        page.push_str("\n## Sources\n\n");
        for source in sources {
            line(&mut page, format_args!("- {source}"));
        }
    }
    page
}

/// The list of all pages.
#[must_use]
pub fn index(document: &Document) -> String {
    let mut page = format!("{NOTICE}\n\n# Reference\n");
    for (kind, types) in document.kinds() {
        let heading = match kind {
            Kind::Resource => "Resource types",
            Kind::Data => "Data sources",
            Kind::Provider => "Providers",
        };
        if types.is_empty() {
            continue;
        }
        line(&mut page, format_args!("\n## {heading}\n"));
        for schema in types.values() {
            let folder = if kind.folder().is_empty() { String::new() } else { format!("{}/", kind.folder()) };
            line(&mut page, format_args!("- [`{0}`]({folder}{0}.md): {1}", schema.type_name, schema.doc));
        }
    }
    page
}

/// Tables of arguments and of attributes, then one section for each nested block.
fn section(page: &mut String, level: &str, path: Option<&str>, attributes: &[AttributeSchema]) {
    let (arguments, computed): (Vec<_>, Vec<_>) = attributes.iter().partition(|attribute| attribute.is_writable());
    let of = path.map(|path| format!(" of `{path}`")).unwrap_or_default();
    if !arguments.is_empty() {
        line(page, format_args!("\n{level} Arguments{of}\n"));
        page.push_str("| argument | type | | default | a change | meaning |\n|---|---|---|---|---|---|\n");
        for argument in arguments {
            let cells = [
                format!("`{}`", argument.name),
                type_text(argument),
                role_text(argument.role).to_owned(),
                default_text(argument),
                change_text(argument),
                meaning(argument),
            ];
            row(page, &cells);
        }
    }
    if !computed.is_empty() {
        line(page, format_args!("\n{level} Attributes{of}\n"));
        page.push_str("| attribute | type | meaning |\n|---|---|---|\n");
        for attribute in computed {
            row(page, &[format!("`{}`", attribute.name), type_text(attribute), meaning(attribute)]);
        }
    }
    for attribute in attributes {
        if let Some(block) = &attribute.block {
            let path = path.map_or_else(|| attribute.name.clone(), |path| format!("{path}.{}", attribute.name));
            section(page, "###", Some(&path), &block.attributes);
        }
    }
}

fn type_text(attribute: &AttributeSchema) -> String {
    match (&attribute.block, &attribute.ty) {
        (Some(BlockSchema { nesting: Nesting::Single, .. }), _) => "block, at most once".to_owned(),
        (Some(BlockSchema { nesting: Nesting::List, .. }), _) => "block, any number in order".to_owned(),
        (Some(BlockSchema { nesting: Nesting::Set, .. }), _) => "block, any number".to_owned(),
        (None, Some(ty)) => format!("`{ty}`"),
        (None, None) => String::new(),
    }
}

fn role_text(role: Role) -> &'static str {
    match role {
        Role::Required => "required",
        Role::Optional => "optional",
        Role::OptionalComputed => "optional, else the remote side chooses",
        Role::Computed => "computed",
        Role::WriteOnly => "optional, cannot be read back",
    }
}

fn default_text(attribute: &AttributeSchema) -> String {
    attribute.default.as_ref().map(|default| format!("`{default}`")).unwrap_or_default()
}

fn change_text(attribute: &AttributeSchema) -> String {
    let change = match attribute.change.unwrap_or(Change::InPlace) {
        Change::InPlace => "in place",
        Change::Replaces => "replaces the object",
        Change::Refused => "is refused",
    };
    match (&attribute.refused_because, &attribute.disrupts) {
        (Some(why), _) => format!("{change}: {why}"),
        (None, Some(disrupts)) => format!("{change}, {disrupts}"),
        (None, None) => change.to_owned(),
    }
}

fn rule_text(rule: &RuleSchema) -> String {
    let paths: Vec<String> = rule.paths.iter().map(|path| format!("`{path}`")).collect();
    let (all, first, second) = (paths.join(", "), paths.first(), paths.get(1));
    match (rule.rule, first, second) {
        (RuleKind::Conflicts, ..) => format!("At most one of {all} is written."),
        (RuleKind::ExactlyOne, ..) => format!("Exactly one of {all} is written."),
        (RuleKind::AnyTrue, ..) => format!("At least one of {all} is true."),
        (RuleKind::Requires, Some(first), Some(second)) => format!("{first} needs {second}."),
        (RuleKind::AtMost, Some(first), Some(second)) => format!("{first} is at most {second}."),
        (RuleKind::Requires | RuleKind::AtMost, ..) => all,
    }
}

fn meaning(attribute: &AttributeSchema) -> String {
    let mut parts = vec![attribute.doc.clone()];
    let unit = attribute.unit.as_deref();
    match (attribute.range, unit) {
        (Some((low, high)), _) if attribute.ty.as_deref() == Some("string") => {
            parts.push(format!("{low} to {high} characters."));
        }
        (Some((low, high)), Some(unit)) => parts.push(format!("{low} to {high} {unit}.")),
        (Some((low, high)), None) => parts.push(format!("{low} to {high}.")),
        (None, Some(unit)) => parts.push(format!("In {unit}.")),
        (None, None) => {}
    }
    if let Some(one_of) = attribute.one_of.as_ref().filter(|one_of| !one_of.is_empty()) {
        let values: Vec<String> = one_of.iter().map(|value| format!("`{value}`")).collect();
        parts.push(format!("One of {}.", values.join(", ")));
    }
    if attribute.secret {
        parts.push("Secret.".to_owned());
    }
    if let Some(severity) = &attribute.severity {
        parts.push(format!("Drift of it is {severity}."));
    }
    if let Some(example) = &attribute.example {
        parts.push(format!("Example: `{example}`."));
    }
    parts.retain(|part| !part.is_empty());
    parts.join(" ")
}

fn collect_sources<'a>(attributes: &'a [AttributeSchema], sources: &mut Vec<&'a str>) {
    for attribute in attributes {
        if let Some(source) = &attribute.source
            && !sources.contains(&source.as_str())
        {
            sources.push(source);
        }
        if let Some(block) = &attribute.block {
            collect_sources(&block.attributes, sources);
        }
    }
}

/// One row of a table; a bar inside a cell would end it.
pub fn row(page: &mut String, cells: &[String]) {
    let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|").replace('\n', " ")).collect();
    line(page, format_args!("| {} |", cells.join(" | ")));
}

fn line(page: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = writeln!(page, "{text}");
}

#[cfg(test)]
mod tests {
    use super::super::document::EXAMPLE;
    use super::*;

    fn page() -> String {
        let document = Document::parse(EXAMPLE).unwrap();
        of_type(Kind::Resource, document.types.get("demo_cluster").unwrap())
    }

    #[test]
    fn rows_carry_what_the_declaration_says() {
        let page = page();
        for wanted in [
            "# resource `demo_cluster`",
            "| `name` | `string` | required |  | replaces the object | Its name. 1 to 100 characters. Example: `\"eu-1\"`. |",
            "| `tier` | `string` | optional | `\"small\"` | in place, restarts the API server | Class \\| of control plane. One of `small`, `large`. |",
            "| `size` | `number` | optional, else the remote side chooses |  | in place | Disk. 1 to 64 GiB. |",
            "| `token` | `string` | optional, cannot be read back |  | is refused: the vendor keeps the first | Token. Secret. |",
            "- `token` needs `logs`.",
            "Drift: that such an object is gone is critical.",
            "| `logs` | `set(string)` | optional |  | in place | Logs. One of `api`, `audit`. Drift of it is high. |",
            "| `taints` | block, any number in order | optional |  | in place | Taints. |",
            "### Arguments of `taints`",
            "| `arn` | `string` | Its ARN. |",
            "- Vendor API, CreateCluster, 2026-01",
        ] {
            assert!(page.contains(wanted), "{wanted}\n\n{page}");
        }
    }

    #[test]
    fn index_links_every_page() {
        let index = index(&Document::parse(EXAMPLE).unwrap());
        for wanted in ["[`demo_cluster`](demo_cluster.md): A cluster.", "(data/demo_network.md)", "(providers/demo.md)"]
        {
            assert!(index.contains(wanted), "{wanted}\n\n{index}");
        }
    }
}
