//! `dynamic` blocks: as many nested blocks as a collection has elements.

use super::body::{Meta, find, helped};
use super::lower::{Lower, number};
use super::meta;
use crate::diag;
use crate::eval::ir::{Dynamic, NestedBlock};
use crate::syntax::ast;
use terrane_core::diagnostic::suggestion;
use terrane_core::{Attribute, Block, Role, Shape, Text};

const ARGUMENTS: &[&str] = &["for_each", "iterator"];

impl Lower<'_> {
    /// A `dynamic` block; `None` after reporting what is wrong with it.
    pub fn dynamic(&mut self, block: &ast::Block, schema: &Block) -> Option<NestedBlock> {
        let [label] = block.labels.as_slice() else {
            let detail =
                format!("`dynamic` takes one label, the kind of block it makes; this one has {}", block.labels.len());
            self.report(diag::WRONG_LABELS.at(block.header).detail(detail));
            return None;
        };
        let (at, attribute) = self.made(label, schema)?;
        let Shape::Block { block: inner, .. } = &attribute.shape else { return None };
        let for_each = match meta::find(&block.body, "for_each") {
            Some(written) => self.expr(&written.value),
            None => {
                self.report(diag::MISSING_ARGUMENT.at(block.header).detail("the argument `for_each` is missing"));
                None
            }
        };
        let iterator = self.iterator(&block.body, &label.text);
        let is_known = self.only_dynamic(block, attribute);
        let Some(content) = self.single(&block.body, "content") else {
            let problem = diag::MISSING_ARGUMENT.at(block.header).detail("the block `content` is missing");
            self.report(problem.help("Write content { .. } with the arguments of the block"));
            return None;
        };
        if let Some(label) = content.labels.first() {
            let detail = "`content` takes no label; this one has one";
            self.report(diag::WRONG_LABELS.at(label.span).detail(detail));
            return None;
        }
        let slot = number(self.slots.len());
        self.slots.push(Some(iterator?));
        let body = self.body(&content.body, inner, content.header, Meta::default());
        self.slots.pop();
        let dynamic = Dynamic { for_each: for_each?, slot };
        let (name, attribute) = (attribute.name.clone(), number(at));
        let body = body.filter(|_| is_known)?;
        Some(NestedBlock { name, attribute, body, dynamic: Some(Box::new(dynamic)) })
    }

    /// The kind of block that it makes.
    fn made<'s>(&mut self, label: &ast::Ident, schema: &'s Block) -> Option<(usize, &'s Attribute)> {
        let kind = &label.text;
        let Some((at, attribute)) = find(schema, kind) else {
            let kinds = schema.attributes.iter().filter(|a| matches!(a.shape, Shape::Block { .. })).map(|a| &*a.name);
            let detail = format!("the type has no block `{kind}`, so `dynamic` cannot make any");
            self.report(helped(diag::UNKNOWN_BLOCK.at(label.span).detail(detail), suggestion(kind, kinds)));
            return None;
        };
        if attribute.role == Role::Computed {
            let detail = format!("`{kind}` is set by the remote side");
            self.report(diag::COMPUTED_ARGUMENT.at(label.span).detail(detail));
            return None;
        }
        if let Shape::Value(_) = attribute.shape {
            let problem = diag::ARGUMENT_NOT_BLOCK.at(label.span).detail(format!("`{kind}` is an argument"));
            self.report(problem.help(format!("Write {kind} = [for .. in .. : ..]")));
            return None;
        }
        Some((at, attribute))
    }

    /// The name of the iterator: the one that is written, else the kind of block.
    fn iterator(&mut self, body: &ast::Body, kind: &Text) -> Option<Text> {
        let Some(written) = meta::find(body, "iterator") else { return Some(kind.clone()) };
        if let ast::ExprKind::Name(name) = &written.value.kind {
            return Some(name.clone());
        }
        let detail = "`iterator` is a name without quotes: iterator = node";
        self.report(diag::WRONG_SETTING.at(written.value.span).detail(detail));
        None
    }

    fn only_dynamic(&mut self, block: &ast::Block, made: &Attribute) -> bool {
        if let Some(labels) = meta::find(&block.body, "labels") {
            let has_name = matches!(&made.shape, Shape::Block { block, .. } if block.attribute("name").is_some());
            let problem = diag::UNKNOWN_ARGUMENT.at(labels.name.span);
            let problem = problem.detail(format!("`{}` blocks have no labels to make", made.name));
            let name = "Write the label as name = .. in content";
            self.report(problem.help(if has_name { name } else { "Remove the argument" }));
            return false;
        }
        self.only(block, ARGUMENTS, &["content"])
    }
}
