//! What stands at a place of a file, whole or broken: the way from the file down to the innermost part.
//!
//! # What an editor can rely on
//! However a file is broken, [`super::parse`] gives a tree of everything that could be read, and in it:
//!
//! - Spans lie inside the text, on the borders of characters; a part lies inside the part that holds it.
//! - A block without its `}` keeps what stands in it, and its [`Block::braces`] reach to the next thing outside of it.
//! - `name =` is an attribute with a [`ExprKind::Broken`] value, whose span reaches from the sign to the end of the line.
//! - What is neither an argument nor a block yet is a [`Fragment`]: `na`, `resource "eks_`, with the words that were read.
//! - A value that is not finished is [`ExprKind::Broken`] and holds what was read, in the shape that it would have: `a.b.` is an
//!   attribute without name of `a.b`, `f(x, ` a call with one argument, `1 +` a sum without right operand, `{ a = 1, b` an
//!   object whose second item has no value. What is missing is `Broken(None)` or an empty name, at the place where it is missing.
//! - A string without its quote holds the text up to the end of its line, a template its parts one behind the other.
//! - A mistake costs the argument or item it stands in; those around it are read as if it were not there, except behind a
//!   bracket or quote that is not closed, where reading goes on at the next line that looks like a statement.
//!
//! Which brackets are left open is guessed by indentation where braces alone do not tell.

use super::ast::{Attribute, Block, Body, Expr, ExprKind, File, Fragment, TemplatePart};
use terrane_core::Span;

/// A part of a tree.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Node<'t> {
    /// An argument.
    Attribute(&'t Attribute),
    /// A block; the place is in its header or between its braces.
    Block(&'t Block),
    /// What began as one of these.
    Fragment(&'t Fragment),
    /// An expression.
    Expr(&'t Expr),
}

impl Block {
    /// From its kind to behind its closing brace.
    #[must_use]
    pub fn span(&self) -> Span {
        self.kind.span.to(self.braces)
    }
}

impl Fragment {
    /// From its first word to its last.
    #[must_use]
    pub fn span(&self) -> Option<Span> {
        Some(self.words.first()?.span.to(self.words.last()?.span))
    }
}

impl Attribute {
    /// From its name to the end of its value.
    #[must_use]
    pub fn span(&self) -> Span {
        self.name.span.to(self.value.span)
    }
}

fn holds(span: Span, byte: u32) -> bool {
    span.start <= byte && byte <= span.end
}

/// The parts that `byte` lies in or touches, the outermost first. Of two that touch each other there it is the
/// first: what is being typed, not what follows it.
#[must_use]
pub fn path_at(file: &File, byte: u32) -> Vec<Node<'_>> {
    let mut path = Vec::new();
    let mut body: &Body = &file.body;
    loop {
        if let Some(attribute) = body.attributes.iter().find(|attribute| holds(attribute.span(), byte)) {
            path.push(Node::Attribute(attribute));
            if holds(attribute.value.span, byte) {
                expressions(&attribute.value, byte, &mut path);
            }
            return path;
        }
        if let Some(fragment) = body.fragments.iter().find(|f| f.span().is_some_and(|span| holds(span, byte))) {
            path.push(Node::Fragment(fragment));
            return path;
        }
        let Some(block) = body.blocks.iter().find(|block| holds(block.span(), byte)) else { return path };
        path.push(Node::Block(block));
        if !holds(block.braces, byte) {
            return path;
        }
        body = &block.body;
    }
}

fn expressions<'t>(whole: &'t Expr, byte: u32, path: &mut Vec<Node<'t>>) {
    let mut next = Some(whole);
    while let Some(expr) = next {
        path.push(Node::Expr(expr));
        next = None;
        expr.children(&mut |child| {
            if next.is_none() && holds(child.span, byte) {
                next = Some(child);
            }
        });
    }
}

impl Expr {
    /// Hands every expression right inside this one to `each`, in the order in which they are written.
    pub fn children<'t>(&'t self, each: &mut dyn FnMut(&'t Expr)) {
        match &self.kind {
            ExprKind::Null
            | ExprKind::Bool(_)
            | ExprKind::Number(_)
            | ExprKind::String(_)
            | ExprKind::Name(_)
            | ExprKind::SplatItem
            | ExprKind::Broken(None) => {}
            ExprKind::Template(parts) => parts_of(parts, each),
            ExprKind::Tuple(items) => items.iter().for_each(each),
            ExprKind::Object(items) => items.iter().for_each(|item| {
                each(&item.key);
                each(&item.value);
            }),
            ExprKind::Attr(attr) => each(&attr.of),
            ExprKind::Index { of: first, key: second }
            | ExprKind::Splat { of: first, each: second }
            | ExprKind::Binary { left: first, right: second, .. } => {
                each(first);
                each(second);
            }
            ExprKind::Call(call) => call.arguments.iter().for_each(each),
            ExprKind::Unary { operand: inner, .. } | ExprKind::Parens(inner) | ExprKind::Broken(Some(inner)) => {
                each(inner)
            }
            ExprKind::Conditional { condition, yes, no } => {
                each(condition);
                each(yes);
                each(no);
            }
            ExprKind::For(parts) => {
                each(&parts.collection);
                parts.result_key.iter().for_each(&mut *each);
                each(&parts.result);
                parts.condition.iter().for_each(each);
            }
        }
    }
}

fn parts_of<'t>(parts: &'t [TemplatePart], each: &mut dyn FnMut(&'t Expr)) {
    for part in parts {
        match part {
            TemplatePart::Text(_) => {}
            TemplatePart::Value(expr) => each(expr),
            TemplatePart::If { condition, yes, no } => {
                each(condition);
                parts_of(yes, each);
                parts_of(no, each);
            }
            TemplatePart::For { collection, body, .. } => {
                each(collection);
                parts_of(body, each);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{show, show_body};
    use super::*;
    use crate::syntax::{parse, parse_input};
    use terrane_core::FileId;

    /// The tree of a broken file.
    #[track_caller]
    fn keeps(text: &str, wanted: &str) {
        let parsed = parse(FileId(0), text);
        assert!(!parsed.problems.is_empty(), "{text}");
        assert_eq!(show_body(&parsed.file.body), wanted, "{text}\n{:?}", parsed.problems);
    }

    /// What stands at the `|` of a text, from the outside in.
    #[track_caller]
    fn at(text: &str) -> Vec<String> {
        let byte = text.find('|').unwrap();
        let text = text.replace('|', "");
        let parsed = parse(FileId(0), &text);
        let shown = |node: &Node<'_>| match node {
            Node::Attribute(attribute) => format!("{} =", attribute.name.text),
            Node::Block(block) => format!("{} {{", block.kind.text),
            Node::Fragment(fragment) => {
                fragment.words.iter().map(|word| format!("{}?", word.text)).collect::<Vec<_>>().join(" ")
            }
            Node::Expr(expr) => show(expr),
        };
        path_at(&parsed.file, u32::try_from(byte).unwrap()).iter().map(shown).collect()
    }

    #[test]
    fn a_traversal_without_its_last_name_is_kept() {
        keeps("a = b.c.\nd = 1\n", "a = broken b.c.\nd = 1\n");
        keeps("a = f(x, b.)\n", "a = f(x, broken b.)\n");
        keeps("a = [b., c]\n", "a = [broken b., c]\n");
        keeps("a = \"x ${b.} y\"\n", "a = t[\"x \" | broken b. | \" y\"]\n");
        keeps("a = b[*].\n", "a = broken splat(b, _.)\n");
        keeps("a = b[c.\nd = 1\n", "a = broken b[c.]\nd = 1\n");
        assert_eq!(at("a = b.c.|\n"), ["a =", "broken b.c.", "b.c."]);
        assert_eq!(at("a = f(x, b.|)\n"), ["a =", "f(x, broken b.)", "broken b.", "b."]);
    }

    #[test]
    fn a_half_written_argument_is_in_the_tree() {
        keeps("a {\n  na\n}\nb = 1\n", "b = 1\na [] {\nna?\n}\n");
        keeps("a {\n  name =\n  b = 1\n}\n", "a [] {\nname = broken\nb = 1\n}\n");
        keeps("resource \"eks_\nb = 1\n", "b = 1\nresource eks_?\n");
        keeps("resource \"eks_cluster\" \"a\n\nb = 1\n", "b = 1\nresource eks_cluster a?\n");
        keeps("a \"b {\n  c = 1\n}\nd = 1\n", "d = 1\na [\"b\"] {\nc = 1\n}\n");
        assert_eq!(at("a {\n  na|\n}\n"), ["a {", "na?"]);
        assert_eq!(at("a {\n  name = |\n  b = 1\n}\n"), ["a {", "name =", "broken"]);
        assert_eq!(at("a {\n  name =|\n  b = 1\n}\n"), ["a {", "name =", "broken"]);
        assert_eq!(at("resource \"eks_|\n"), ["resource? eks_?"]);
    }

    #[test]
    fn a_block_without_its_brace_keeps_its_contents() {
        keeps("a \"b\" {\n  c = 1\n  d {\n    e = 2\n", "a [\"b\"] {\nc = 1\nd [] {\ne = 2\n}\n}\n");
        keeps("a \"b\" {\n  c = 1\n\ne \"f\" {\n  g = 1\n}\n", "a [\"b\"] {\nc = 1\n}\ne [\"f\"] {\ng = 1\n}\n");
        let text = "a \"b\" {\n  c = 1\n\ne \"f\" {\n  g = 1\n}\n";
        let parsed = parse(FileId(0), text);
        let [open, closed] = parsed.file.body.blocks.as_slice() else { panic!() };
        assert!(!open.is_closed && closed.is_closed);
        let of = |span: Span| text.get(span.start as usize..span.end as usize).unwrap();
        assert_eq!((of(open.braces), of(closed.span())), ("{\n  c = 1\n\n", "e \"f\" {\n  g = 1\n}"));
        assert_eq!(at("a \"b\" {\n  c = 1\n  |\n"), ["a {"]);
        assert_eq!(at("a \"b|\" {\n  c = 1\n}\n"), ["a {"]);
    }

    #[test]
    fn an_unfinished_value_keeps_its_shape() {
        keeps("a = 1 +\n", "a = broken <1 + broken>\n");
        keeps("a = b ? c :\n", "a = broken <b ? c : broken>\n");
        keeps("a = b ? c.\n", "a = broken <b ? c. : broken>\n");
        keeps("a = !b.\n", "a = broken !b.\n");
        keeps("a = (b.\n", "a = broken (b.)\n");
        keeps("a = f(x, g(y,\nb = 1\n", "a = broken f(x, g(y))\nb = 1\n");
        keeps("a = [1, 2,\nb = 1\n", "a = broken [1, 2]\nb = 1\n");
        keeps("a = {\n  b = 1\n  c = d.\n  e\n}\n", "a = {b=1, c=broken d., e=broken}\n");
        keeps("a = [for k, v in b.\n", "a = broken for k,v in b.: broken\n");
        keeps("a = [for v in b : v.]\n", "a = broken for v in b: v.\n");
        keeps("a = {for k, v in b : k => v.\n", "a = broken for k,v in b: k => v.\n");
        keeps("a = [for v in b : v if v.]\n", "a = broken for v in b: v if v.\n");
        keeps("a = core::\n", "a = broken core::\n");
    }

    #[test]
    fn a_text_without_its_end_keeps_what_was_read() {
        keeps("a = \"b\nc = 1\n", "a = broken \"b\"\nc = 1\n");
        keeps("a = \"b ${c}\nd = 1\n", "a = broken t[\"b \" | c]\nd = 1\n");
        keeps("a = \"b ${c.\nd = 1\n", "a = broken t[\"b \" | broken c.]\nd = 1\n");
        keeps("a = <<EOT\n${b.}\nEOT\n", "a = t[broken b. | \"\\n\"]\n");
        keeps("a = \"%{ if b.c. }x%{ endif }\"\n", "a = t[broken b.c. | \"x\"]\n");
    }

    #[test]
    fn the_rest_of_a_list_is_read_behind_a_mistake() {
        keeps("a = [1, $, 2]\nb = { c = , d = 2 }\n", "a = [1, broken, 2]\nb = {c=broken, d=2}\n");
        keeps("a = f(1, , 2)\n", "a = f(1, broken, 2)\n");
    }

    #[test]
    fn input_that_is_not_finished_has_a_tree() {
        let (expr, problems) = parse_input(FileId(0), "upper(var.", 0);
        assert!(!problems.is_empty());
        assert_eq!(show(&expr), "broken upper(broken var.)");
        assert_eq!(show(&parse_input(FileId(0), "", 0).0), "broken");
    }
}
