//! Override files: `override.hcl` and `*_override.hcl` change what the other files of a folder declare.
//!
//! # Source
//! Terraform, "Override Files" (2024): arguments replace, nested blocks of a kind replace all of that kind, `lifecycle` is
//! merged by argument, `locals` by name.

use super::names::text_of;
use crate::diag;
use crate::syntax::ast;
use std::collections::BTreeMap;
use terrane_core::{Diagnostic, Text};

/// Where a block stands: file and position.
type At = (usize, usize);
/// Kind, labels and alias of a block.
type Header = (Text, Vec<Text>, Option<Text>);

/// Changes `files` as `over` say, one after the other.
pub(crate) fn merge(files: &mut Vec<ast::File>, over: Vec<ast::File>, problems: &mut Vec<Diagnostic>) {
    if over.is_empty() {
        return;
    }
    let mut merging = Merging { headers: headers(files), files, problems };
    for file in over {
        for attribute in &file.body.attributes {
            let detail = format!("`{}` stands outside of every block", attribute.name.text);
            merging.problems.push(diag::UNKNOWN_ARGUMENT.at(attribute.name.span).detail(detail));
        }
        for block in file.body.blocks {
            merging.block(block);
        }
    }
}

fn header(block: &ast::Block) -> Header {
    let labels = block.labels.iter().map(|label| label.text.clone()).collect();
    let alias = block.body.attributes.iter().find(|a| &*a.name.text == "alias" && &*block.kind.text == "provider");
    (block.kind.text.clone(), labels, alias.and_then(|alias| text_of(&alias.value)))
}

fn headers(files: &[ast::File]) -> BTreeMap<Header, At> {
    let mut headers = BTreeMap::new();
    for (file, blocks) in files.iter().enumerate() {
        for (at, block) in blocks.body.blocks.iter().enumerate() {
            headers.entry(header(block)).or_insert((file, at));
        }
    }
    headers
}

struct Merging<'m> {
    files: &'m mut Vec<ast::File>,
    headers: BTreeMap<Header, At>,
    problems: &'m mut Vec<Diagnostic>,
}

impl Merging<'_> {
    fn block(&mut self, block: ast::Block) {
        match &*block.kind.text {
            "locals" => self.locals(block),
            kind @ ("moved" | "import" | "removed" | "check") => {
                let detail = format!("`{kind}` blocks stand in files that are no override");
                self.problems.push(diag::OVERRIDE_REFUSED.at(block.header).detail(detail));
            }
            "terrane" => match self.headers.get(&header(&block)).copied() {
                Some(at) => self.change(at, block),
                // There are no labels to mistake: it is one more `terrane` block.
                None => {
                    let body = ast::Body { blocks: vec![block], ..ast::Body::default() };
                    self.files.push(ast::File { body });
                }
            },
            _ => match self.headers.get(&header(&block)).copied() {
                Some(at) => self.change(at, block),
                None => {
                    let kind = &block.kind.text;
                    let detail = format!("no other file of the folder has this `{kind}` block");
                    self.problems.push(diag::OVERRIDE_WITHOUT_BASE.at(block.header).detail(detail));
                }
            },
        }
    }

    fn change(&mut self, (file, at): At, block: ast::Block) {
        if let Some(order) = block.body.attributes.iter().find(|a| &*a.name.text == "depends_on") {
            let detail = "`depends_on` of a block is changed where the block stands";
            self.problems.push(diag::OVERRIDE_REFUSED.at(order.name.span).detail(detail));
            return;
        }
        let base = self.files.get_mut(file).and_then(|file| file.body.blocks.get_mut(at));
        if let Some(base) = base {
            body(&mut base.body, block.body);
        }
    }

    fn locals(&mut self, block: ast::Block) {
        for attribute in block.body.attributes {
            let locals = self.files.iter_mut().flat_map(|file| &mut file.body.blocks);
            let mut locals = locals.filter(|block| &*block.kind.text == "locals");
            let place = locals
                .find_map(|block| block.body.attributes.iter_mut().find(|base| base.name.text == attribute.name.text));
            match place {
                Some(base) => *base = attribute,
                None => {
                    let detail = format!("no other file of the folder has a local value `{}`", attribute.name.text);
                    self.problems.push(diag::OVERRIDE_WITHOUT_BASE.at(attribute.name.span).detail(detail));
                }
            }
        }
    }
}

/// The kind of a nested block; a `dynamic` one is of the kind that it makes.
fn kind(block: &ast::Block) -> Text {
    match block.labels.as_slice() {
        [made] if &*block.kind.text == "dynamic" => made.text.clone(),
        _ => block.kind.text.clone(),
    }
}

fn body(base: &mut ast::Body, over: ast::Body) {
    for attribute in over.attributes {
        let other = match &*attribute.name.text {
            "count" => "for_each",
            "for_each" => "count",
            _ => "",
        };
        base.attributes.retain(|a| &*a.name.text != other);
        match base.attributes.iter_mut().find(|a| a.name.text == attribute.name.text) {
            Some(place) => *place = attribute,
            None => base.attributes.push(attribute),
        }
    }
    let (merged, replacing): (Vec<_>, Vec<_>) =
        over.blocks.into_iter().partition(|nested| &*nested.kind.text == "lifecycle");
    for nested in merged {
        match base.blocks.iter_mut().find(|block| &*block.kind.text == "lifecycle") {
            Some(place) => body(&mut place.body, nested.body),
            None => base.blocks.push(nested),
        }
    }
    let kinds: Vec<Text> = replacing.iter().map(kind).collect();
    base.blocks.retain(|block| !kinds.contains(&kind(block)));
    base.blocks.extend(replacing);
}

#[cfg(test)]
mod tests {
    use crate::check::load;
    use crate::testing::{Files, Types, program, shown};
    use terrane_core::Value;

    const BASE: &str = "variable \"size\" {\n  default = 1\n}\nlocals {\n  a = 1\n  b = 2\n}\n\
        resource \"t_thing\" \"a\" {\n  count = 2\n  name = \"a\"\n  size = var.size\n  node \"x\" {\n  }\n  node \"y\" {\n  }\n  net {\n    cidrs = []\n  }\n  \
        lifecycle {\n    prevent_destroy = true\n    create_before_destroy = true\n  }\n}\n";

    // A1; field.md 2.1
    #[test]
    fn an_override_changes_what_it_names() {
        let over = "variable \"size\" {\n  default = 9\n}\nlocals {\n  b = 3\n}\nresource \"t_thing\" \"a\" {\n  for_each = {}\n  name = \"o\"\n  \
            dynamic \"node\" {\n    for_each = []\n    content {\n      name = \"z\"\n    }\n  }\n  lifecycle {\n    prevent_destroy = false\n  }\n}\n";
        let last = "resource \"t_thing\" \"a\" {\n  name = \"last\"\n}\nterrane {\n  required_version = \">= 0\"\n}\n";
        let program = program(&[("a_override.hcl", over), ("main.hcl", BASE), ("override.hcl", last)]);
        let root = &program.modules[0];
        assert_eq!(root.variables[0].default.as_ref().unwrap().as_literal(), Some(&Value::int(9)));
        let locals: Vec<_> = root.locals.iter().map(|local| local.value.as_literal().unwrap().clone()).collect();
        assert_eq!(locals, [Value::int(1), Value::int(3)]);
        let thing = &root.resources[0];
        assert!(matches!(thing.repetition, crate::program::Repetition::ForEach(_)));
        assert_eq!(thing.body.arguments[0].value.as_literal(), Some(&Value::string("last")));
        let blocks: Vec<&str> = thing.body.blocks.iter().map(|block| &*block.name).collect();
        assert_eq!(blocks, ["net", "node"]);
        assert!(thing.body.blocks[1].dynamic.is_some());
        assert_eq!(thing.lifecycle.prevent_destroy, Some(false));
        assert!(thing.lifecycle.create_before_destroy);
        assert!(program.settings.required_version.is_some());
    }

    #[test]
    fn an_override_without_a_base_is_refused() {
        for (over, id) in [
            ("resource \"t_thing\" \"b\" {\n  name = \"x\"\n}\n", "override-without-base"),
            ("locals {\n  c = 1\n}\n", "override-without-base"),
            ("resource \"t_thing\" \"a\" {\n  depends_on = []\n}\n", "override-refused"),
            ("moved {\n  from = t_thing.b\n  to = t_thing.a\n}\n", "override-refused"),
            ("check \"c\" {\n}\n", "override-refused"),
            ("x = 1\n", "unknown-argument"),
        ] {
            let loaded = load(&Files::of(&[("main.hcl", BASE), ("x_override.hcl", over)]), ".", &Types);
            let ids: Vec<&str> = loaded.problems.iter().map(|problem| problem.kind.id).collect();
            assert_eq!(ids, [id], "{over}: {:?}", shown(&loaded.problems));
        }
    }

    #[test]
    fn another_version_is_told_before_anything_else() {
        let other = "terrane {\n  required_version = \">= 99\"\n  stacks {\n  }\n}\nresource \"t_new\" {\n  = \n}\n";
        let module = "module \"m\" {\n  source = \"./m\"\n  what = 1\n}\n";
        for files in [vec![("main.hcl", other)], vec![("main.hcl", module), ("m/main.hcl", other)]] {
            let loaded = load(&Files::of(&files), ".", &Types);
            let ids: Vec<&str> = loaded.problems.iter().map(|problem| problem.kind.id).collect();
            assert_eq!(ids, ["version-not-supported"], "{:?}", shown(&loaded.problems));
        }
    }
}
