//! Checks arguments and nested blocks against a schema and lowers them.

use super::lower::{Lower, number};
use crate::convert::convert;
use crate::diag;
use crate::eval::ir::{Argument, Body, Expr, NestedBlock, part};
use crate::syntax::ast;
use terrane_core::diagnostic::{did_you_mean, suggestion};
use terrane_core::{Attribute, Block, Diagnostic, Nesting, Role, Shape, Span, Text, Type, Value};

/// Arguments and blocks that stand beside those of the schema and are read by somebody else.
#[derive(Clone, Copy, Default)]
pub(crate) struct Meta {
    pub arguments: &'static [&'static str],
    pub blocks: &'static [&'static str],
}

/// Nested blocks of later versions.
const LATER: &[&str] = &["provisioner"];

/// Adds the help where there is one.
pub(crate) fn helped(problem: Diagnostic, help: Option<String>) -> Diagnostic {
    match help {
        Some(help) => problem.help(help),
        None => problem,
    }
}

impl Lower<'_> {
    /// The body of a block; `None` where it has a problem, after all of its problems are reported.
    pub fn body(&mut self, body: &ast::Body, schema: &Block, header: Span, meta: Meta) -> Option<Body> {
        let before = self.problems.iter().filter(|p| p.is_error()).count();
        let mut lowered =
            Body { arguments: Vec::with_capacity(body.attributes.len()), blocks: Vec::new(), span: header };
        let mut is_whole = true;
        for attribute in &body.attributes {
            if meta.arguments.contains(&&*attribute.name.text) {
                continue;
            }
            match self.argument(attribute, schema, meta) {
                Some(argument) => lowered.arguments.push(argument),
                None => is_whole = false,
            }
        }
        for block in &body.blocks {
            if meta.blocks.contains(&&*block.kind.text) {
                continue;
            }
            match self.nested(block, schema, meta) {
                Some(nested) => lowered.blocks.push(nested),
                None => is_whole = false,
            }
        }
        self.required(body, schema, header);
        self.repeated(&lowered, schema);
        lowered.arguments.sort_by_key(|argument| argument.attribute);
        lowered.arguments.dedup_by_key(|argument| argument.attribute);
        let after = self.problems.iter().filter(|p| p.is_error()).count();
        (is_whole && before == after).then_some(lowered)
    }

    fn argument(&mut self, written: &ast::Attribute, schema: &Block, meta: Meta) -> Option<Argument> {
        let name = &written.name;
        let Some((at, attribute)) = find(schema, &name.text) else {
            let known = writable(schema).chain(meta.arguments.iter().copied());
            let problem = diag::UNKNOWN_ARGUMENT.at(name.span).detail(format!("there is no argument `{}`", name.text));
            let help = suggestion(&name.text, known);
            self.report(helped(problem, help));
            // What stands behind a misspelt name is checked all the same.
            self.expr(&written.value);
            return None;
        };
        if attribute.role == Role::Computed {
            let detail = format!("`{}` is set by the remote side", name.text);
            self.report(diag::COMPUTED_ARGUMENT.at(name.span).detail(detail));
            return None;
        }
        let Shape::Value(ty) = &attribute.shape else {
            let problem = diag::BLOCK_NOT_ARGUMENT.at(name.span).detail(format!("`{}` is a block", name.text));
            self.report(problem.help(format!("Write {} {{ .. }} without the equals sign", name.text)));
            return None;
        };
        let value = self.expr(&written.value)?;
        let value = self.of_type(value, ty, &name.text)?;
        if attribute.role == Role::Required && value.as_literal().is_some_and(Value::is_null) {
            let detail = format!("`{}` is required, and null means that it is not there", name.text);
            self.report(diag::MISSING_ARGUMENT.at(written.value.span).detail(detail));
            return None;
        }
        Some(Argument { name: attribute.name.clone(), attribute: number(at), start: name.span.start, value })
    }

    /// The expression, a constant one converted to its type already.
    pub fn of_type(&mut self, expr: Expr, ty: &Type, name: &str) -> Option<Expr> {
        let Some(value) = expr.as_literal() else { return Some(expr) };
        match convert(value, ty) {
            Ok(value) => Some(Expr::literal(value, expr.span)),
            Err(error) => {
                let span = part(&expr, &error.path.0).unwrap_or(expr.span);
                self.report(diag::WRONG_TYPE.at(span).detail(format!("`{name}`: {}", error.text())));
                None
            }
        }
    }

    fn nested(&mut self, block: &ast::Block, schema: &Block, meta: Meta) -> Option<NestedBlock> {
        let kind = &block.kind;
        let found = find(schema, &kind.text);
        if found.is_none() && LATER.contains(&&*kind.text) {
            let detail = format!("`{}` blocks", kind.text);
            self.report(diag::NOT_IN_THIS_VERSION.at(block.header).detail(detail));
            return None;
        }
        if found.is_none() && &*kind.text == "dynamic" {
            return self.dynamic(block, schema);
        }
        let Some((at, attribute)) = found else {
            let kinds = schema.attributes.iter().filter(|a| is_block(a)).map(|a| &*a.name);
            let help = suggestion(&kind.text, kinds.chain(meta.blocks.iter().copied()));
            let problem = diag::UNKNOWN_BLOCK.at(kind.span).detail(format!("there is no block `{}` here", kind.text));
            let inside = "The reference page of the type lists its blocks";
            self.report(problem.help(help.unwrap_or_else(|| inside.to_owned())));
            return None;
        };
        let Shape::Block { block: inner, .. } = &attribute.shape else {
            let problem = diag::ARGUMENT_NOT_BLOCK.at(kind.span).detail(format!("`{}` is an argument", kind.text));
            let form = if attribute.implied_type().is_primitive() { "..".to_owned() } else { "{ .. }".to_owned() };
            self.report(problem.help(format!("Write {} = {form}", kind.text)));
            return None;
        };
        if attribute.role == Role::Computed {
            let detail = format!("`{}` is set by the remote side", kind.text);
            self.report(diag::COMPUTED_ARGUMENT.at(kind.span).detail(detail));
            return None;
        }
        let labelled = self.labelled(block, inner)?;
        let body = labelled.as_ref().unwrap_or(&block.body);
        let body = self.body(body, inner, block.header, Meta::default())?;
        Some(NestedBlock { name: attribute.name.clone(), attribute: number(at), body, dynamic: None })
    }

    /// `class "gp3" { .. }`: one label is the `name` of the block, where it has one.
    fn labelled(&mut self, block: &ast::Block, schema: &Block) -> Option<Option<ast::Body>> {
        let has_name = schema.attribute("name").is_some();
        match block.labels.as_slice() {
            [] => Some(None),
            [label] if has_name => {
                let mut body = block.body.clone();
                let value = ast::Expr { kind: ast::ExprKind::String(label.text.clone()), span: label.span };
                let name = ast::Ident { text: "name".into(), span: label.span };
                if let Some(twice) = body.attributes.iter().find(|a| &*a.name.text == "name") {
                    let detail = "the label of the block is its `name` already";
                    self.report(
                        diag::DUPLICATE_DECLARATION.at(twice.name.span).detail(detail).label(label.span, "the label"),
                    );
                    return None;
                }
                body.attributes.push(ast::Attribute { name, value });
                Some(Some(body))
            }
            labels => {
                let wanted = if has_name { "at most one label" } else { "no label" };
                let detail = format!("`{}` takes {wanted}; this one has {}", block.kind.text, labels.len());
                self.report(diag::WRONG_LABELS.at(block.header).detail(detail));
                None
            }
        }
    }

    fn required(&mut self, body: &ast::Body, schema: &Block, header: Span) {
        for attribute in schema.attributes.iter().filter(|a| a.role == Role::Required) {
            let mut names = written_names(body);
            // A misspelt name is told of already, with this one as what may be meant.
            let is_misspelt = |name: &str| {
                find(schema, name).is_none() && !did_you_mean(name, std::iter::once(&*attribute.name)).is_empty()
            };
            if names.any(|name| *name == *attribute.name || is_misspelt(name)) {
                continue;
            }
            let what = if is_block(attribute) { "block" } else { "argument" };
            let problem =
                diag::MISSING_ARGUMENT.at(header).detail(format!("the {what} `{}` is missing", attribute.name));
            let help = match (&attribute.example, is_block(attribute)) {
                (_, true) => format!("Write {} {{ .. }}", attribute.name),
                (Some(example), false) => format!("Write {} = {}", attribute.name, as_written(example, attribute)),
                (None, false) => format!("Write {} = ..", attribute.name),
            };
            self.report(problem.help(help));
        }
    }

    fn repeated(&mut self, body: &Body, schema: &Block) {
        let mut first: std::collections::BTreeMap<u32, Span> = std::collections::BTreeMap::new();
        for nested in &body.blocks {
            let attribute = schema.attributes.get(super::refer::index(nested.attribute));
            let is_single = attribute.is_some_and(|a| matches!(a.shape, Shape::Block { nesting: Nesting::Single, .. }));
            // How many a `dynamic` block makes is known when it is evaluated.
            if nested.dynamic.is_some() {
                continue;
            }
            match first.get(&nested.attribute) {
                Some(before) if is_single => {
                    let problem =
                        diag::DUPLICATE_BLOCK.at(nested.body.span).detail(format!("`{}` may stand once", nested.name));
                    self.report(problem.label(*before, "first here"));
                }
                Some(_) => {}
                None => {
                    first.insert(nested.attribute, nested.body.span);
                }
            }
        }
    }
}

pub(super) fn find<'s>(schema: &'s Block, name: &str) -> Option<(usize, &'s Attribute)> {
    schema.attributes.iter().enumerate().find(|(_, attribute)| &*attribute.name == name)
}

fn written_names(body: &ast::Body) -> impl Iterator<Item = &str> {
    let attributes = body.attributes.iter().map(|attribute| &*attribute.name.text);
    attributes.chain(body.blocks.iter().map(|block| match block.labels.as_slice() {
        [made] if &*block.kind.text == "dynamic" => &*made.text,
        _ => &*block.kind.text,
    }))
}

/// An example in the form of the configuration: examples of texts are declared without quotes, references as they are.
fn as_written(example: &str, attribute: &Attribute) -> String {
    let is_reference = example.split('.').count() > 2 && example.split('.').next().is_some_and(|of| of.contains('_'));
    match &attribute.shape {
        Shape::Value(Type::String) if !is_reference => format!("\"{example}\""),
        Shape::Value(_) | Shape::Block { .. } => example.to_owned(),
    }
}

fn is_block(attribute: &Attribute) -> bool {
    matches!(attribute.shape, Shape::Block { .. })
}

fn writable(schema: &Block) -> impl Iterator<Item = &str> {
    schema.attributes.iter().filter(|a| a.is_writable()).map(|a| &*a.name)
}

/// A setting that has to be constant: name and value.
pub(crate) struct Setting {
    pub value: Value,
    pub span: Span,
}

impl Setting {
    /// The setting as a bool.
    pub fn bool(&self, name: &str, problems: &mut Vec<Diagnostic>) -> Option<bool> {
        let converted = convert(&self.value, &Type::Bool).ok().and_then(|v| v.as_bool());
        if converted.is_none() {
            problems.push(diag::WRONG_SETTING.at(self.span).detail(format!("`{name}` is true or false")));
        }
        converted
    }

    /// The setting as a text.
    pub fn text(&self, name: &str, problems: &mut Vec<Diagnostic>) -> Option<Text> {
        let text = self.value.as_text().cloned();
        if text.is_none() {
            problems.push(diag::WRONG_SETTING.at(self.span).detail(format!("`{name}` is a text")));
        }
        text
    }
}
