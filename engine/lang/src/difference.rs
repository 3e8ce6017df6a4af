//! Which parts of configuration files differ from the same files at another time. Layout does not count.

use crate::syntax::{self, ast};
use std::collections::{BTreeMap, BTreeSet};
use terrane_core::{FileId, Span, Text};

/// A part of a module: the kind of its block and what names it. `resource type name`, `data type name`,
/// `module name` (source, keys, order), `module name argument`, `variable name`, `local name`, `output name`,
/// `provider name`; of `import`, `moved` and `removed` the kind alone.
pub type Part = Vec<Text>;

/// Arguments of a module call that say what is called and how often, and not what is given to it.
const META: &[&str] = &["source", "version", "count", "for_each", "depends_on", "providers"];

/// The parts that two versions of the files of one folder do not share.
#[must_use]
pub fn parts<'t>(before: impl Iterator<Item = &'t str>, after: impl Iterator<Item = &'t str>) -> BTreeSet<Part> {
    let (before, after) = (all(before), all(after));
    let names = before.keys().chain(after.keys());
    names.filter(|part| before.get(*part) != after.get(*part)).cloned().collect()
}

/// The variables that two versions of a variables file do not give the same.
#[must_use]
pub fn given(before: &str, after: &str, is_json: bool) -> BTreeSet<Text> {
    let (before, after) = (values(before, is_json), values(after, is_json));
    let names = before.keys().chain(after.keys());
    names.filter(|name| before.get(*name) != after.get(*name)).cloned().collect()
}

/// What stands in each part, in the order of files.
fn all<'t>(files: impl Iterator<Item = &'t str>) -> BTreeMap<Part, Vec<String>> {
    let mut found = BTreeMap::new();
    for file in files {
        let text = crate::fmt::format(file);
        let parsed = syntax::parse(FileId(0), &text);
        for block in &parsed.file.body.blocks {
            add(&mut found, block, &text);
        }
    }
    found
}

fn add(found: &mut BTreeMap<Part, Vec<String>>, block: &ast::Block, text: &str) {
    let kind = &block.kind.text;
    let mut note = |part: Part, content: &str| found.entry(part).or_default().push(content.to_owned());
    let labels = block.labels.iter().map(|label| label.text.clone());
    match &**kind {
        "locals" => {
            for local in &block.body.attributes {
                note(vec!["local".into(), local.name.text.clone()], slice(text, local.value.span));
            }
        }
        "module" => {
            let call: Part = std::iter::once(kind.clone()).chain(labels).collect();
            let is_meta = |name: &str| META.contains(&name);
            let (meta, arguments): (Vec<_>, Vec<_>) =
                block.body.attributes.iter().partition(|attribute| is_meta(&attribute.name.text));
            let whole =
                |attribute: &&ast::Attribute| format!("{}={}", attribute.name.text, slice(text, attribute.value.span));
            let mut meta: Vec<String> = meta.iter().map(whole).collect();
            meta.sort();
            meta.extend(block.body.blocks.iter().map(|inner| of_block(text, inner).to_owned()));
            note(call.clone(), &meta.join("\n"));
            for argument in arguments {
                let part = call.iter().cloned().chain([argument.name.text.clone()]).collect();
                note(part, slice(text, argument.value.span));
            }
        }
        "import" | "moved" | "removed" => note(vec![kind.clone()], of_block(text, block)),
        _ => note(std::iter::once(kind.clone()).chain(labels).collect(), of_block(text, block)),
    }
}

fn of_block<'t>(text: &'t str, block: &ast::Block) -> &'t str {
    slice(text, Span { start: block.header.start, end: block.braces.end, ..block.header })
}

fn slice(text: &str, span: Span) -> &str {
    let at = |byte: u32| usize::try_from(byte).unwrap_or(usize::MAX);
    text.get(at(span.start)..at(span.end)).unwrap_or_default()
}

fn values(text: &str, is_json: bool) -> BTreeMap<Text, String> {
    let (given, _) = syntax::parse_values(FileId(0), text, is_json);
    let told = |given: &syntax::Given| match given {
        syntax::Given::Value(value) => format!("{value:?}"),
        syntax::Given::Expr(expr) => slice(text, expr.span).to_owned(),
    };
    given.iter().map(|(name, given)| (name.text.clone(), told(given))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn differ(before: &[&str], after: &[&str]) -> Vec<String> {
        let found = parts(before.iter().copied(), after.iter().copied());
        found.iter().map(|part| part.iter().map(|word| &**word).collect::<Vec<_>>().join(" ")).collect()
    }

    // A5
    #[test]
    fn what_was_written_another_way_is_no_difference() {
        let before = "locals {\n  a = 1\n}\nresource \"t\" \"x\" {\n  a = [1, 2]\n}\n";
        let after = "resource \"t\" \"x\" {\n    a   = [1,2]\n}\n\n\nlocals {\n  a=1\n}\n";
        assert_eq!(differ(&[before], &[after]), [""; 0]);
        let moved = ["locals {\n  a = 1\n}\n", "resource \"t\" \"x\" {\n  a = [1, 2]\n}\n"];
        assert_eq!(differ(&[before], &moved), [""; 0], "from one file to another");
    }

    // A5
    #[test]
    fn each_part_is_told_by_its_name() {
        let before = "locals {\n  a = 1\n  b = 2\n}\nresource \"t\" \"x\" {}\ndata \"t\" \"x\" {}\nvariable \"v\" {}\n\
                      output \"o\" {\n  value = 1\n}\nprovider \"p\" {}\nmodule \"m\" {\n  source = \"./m\"\n  x = 1\n  \
                      y = 2\n}\n";
        let after = "locals {\n  a = 1\n  b = 3\n  c = 4\n}\ndata \"t\" \"x\" {\n  a = 1\n}\nresource \"t\" \"y\" {}\n\
                     variable \"v\" {\n  default = 1\n}\noutput \"o\" {\n  value = 2\n}\nprovider \"p\" {\n  a = 1\n}\n\
                     module \"m\" {\n  source = \"./m\"\n  x = 1\n  y = 3\n}\nimport {\n  to = t.y\n  id = \"a\"\n}\n";
        assert_eq!(
            differ(&[before], &[after]),
            [
                "data t x",
                "import",
                "local b",
                "local c",
                "module m y",
                "output o",
                "provider p",
                "resource t x",
                "resource t y",
                "variable v"
            ]
        );
        let elsewhere = before.replace("\"./m\"", "\"./n\"");
        assert_eq!(differ(&[before], &[&elsewhere]), ["module m"]);
    }

    #[test]
    fn values_differ_by_name() {
        let told =
            |before, after, is_json| given(before, after, is_json).iter().map(|n| n.to_string()).collect::<Vec<_>>();
        assert_eq!(told("a = 1\nb = [1]\nc = 3\n", "a   = 1\nb = [2]\nd = 3\n", false), ["b", "c", "d"]);
        assert_eq!(told("{\"a\": 1, \"b\": 2}", "{\"b\": 3, \"a\": 1}", true), ["b"]);
        assert_eq!(told("", "a = 1\n", false), ["a"]);
    }
}
