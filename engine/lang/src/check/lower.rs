//! Lowers expressions: names become numbers, functions entries of their table, constants values.

use super::names::{Names, Repeats, World};
use crate::diag;
use crate::eval::ir::{AttributeOf, CallOf, Expr, ExprKind, For, Given, Splat};
use crate::eval::{self, Nothing};
use crate::functions;
use crate::syntax::ast;
use std::sync::Arc;
use terrane_core::diagnostic::suggestion;
use terrane_core::{Diagnostic, Operator, Schema, Span, Text, Value};

/// What a block gives to the expressions inside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Surroundings {
    /// Whether `each` or `count.index` has a value.
    pub repeats: Repeats,
}

impl Surroundings {
    pub const PLAIN: Self = Self { repeats: Repeats::Once };
}

/// A step taken from something.
pub(crate) enum Taken<'e> {
    /// `.name`, and the whole up to it.
    Attr(&'e ast::Ident, Span),
    /// `[key]`, and the whole up to it.
    Index(&'e ast::Expr, Span),
}

/// Root and steps of `a.b[c].d`; a parenthesis is a root of its own.
pub(crate) fn chain(expr: &ast::Expr) -> (&ast::Expr, Vec<Taken<'_>>) {
    let mut steps = Vec::new();
    let mut root = expr;
    loop {
        match &root.kind {
            ast::ExprKind::Attr(attr) => {
                steps.push(Taken::Attr(&attr.name, root.span));
                root = &attr.of;
            }
            ast::ExprKind::Index { of, key } => {
                steps.push(Taken::Index(key, root.span));
                root = of;
            }
            _ => break,
        }
    }
    steps.reverse();
    (root, steps)
}

/// Lowers the expressions of one block. Each method gives `None` after reporting a problem.
pub(crate) struct Lower<'a> {
    pub world: &'a World<'a>,
    pub names: &'a Names,
    pub around: Surroundings,
    pub problems: &'a mut Vec<Diagnostic>,
    /// Names of the loop variables that are open; a splat's element has none.
    pub slots: Vec<Option<Text>>,
    /// The schema of `self`, where it has a value.
    pub self_of: Option<Arc<Schema>>,
    /// The `check` block around.
    pub check: Option<Text>,
}

impl<'a> Lower<'a> {
    pub fn new(world: &'a World<'a>, names: &'a Names, problems: &'a mut Vec<Diagnostic>) -> Self {
        let around = Surroundings::PLAIN;
        Self { world, names, around, problems, slots: Vec::new(), self_of: None, check: None }
    }

    pub fn report(&mut self, problem: Diagnostic) {
        self.problems.push(problem);
    }

    pub fn expr(&mut self, expr: &ast::Expr) -> Option<Expr> {
        let span = expr.span;
        let literal = |value: Value| Some(Expr::literal(value, span));
        let kind = match &expr.kind {
            ast::ExprKind::Null => return literal(Value::NULL),
            ast::ExprKind::Bool(truth) => return literal(Value::bool(*truth)),
            ast::ExprKind::Number(number) => return literal(Value::number(number.clone())),
            ast::ExprKind::String(text) => return literal(Value::string(text.clone())),
            ast::ExprKind::Parens(inner) => {
                return self.expr(inner).map(|inner| Expr { kind: inner.kind, span });
            }
            ast::ExprKind::Broken(_) => return None,
            ast::ExprKind::Name(_) | ast::ExprKind::Attr(_) | ast::ExprKind::Index { .. } => {
                return self.traversal(expr).map(fold);
            }
            ast::ExprKind::SplatItem => ExprKind::Slot(self.splat_slot()),
            ast::ExprKind::Template(parts) => return self.template(parts, span),
            ast::ExprKind::Tuple(items) => ExprKind::Tuple(self.all(items)?.into()),
            ast::ExprKind::Object(items) => self.object(items)?,
            ast::ExprKind::Splat { of, each } => self.splat(of, each)?,
            ast::ExprKind::Call(call) => self.call(&call.name, &call.arguments, call.is_spread, span)?,
            ast::ExprKind::Unary { operator, operand } => ExprKind::Unary(*operator, Box::new(self.expr(operand)?)),
            ast::ExprKind::Binary { operator, left, right } => self.binary(*operator, left, right)?,
            ast::ExprKind::Conditional { condition, yes, no } => {
                let (condition, yes, no) = (self.expr(condition), self.expr(yes), self.expr(no));
                ExprKind::Conditional(Box::new((condition?, yes?, no?)))
            }
            ast::ExprKind::For(each) => self.each(each)?,
        };
        Some(fold(Expr { kind, span }))
    }

    fn all(&mut self, items: &[ast::Expr]) -> Option<Vec<Expr>> {
        let lowered: Vec<Option<Expr>> = items.iter().map(|item| self.expr(item)).collect();
        lowered.into_iter().collect()
    }

    fn binary(&mut self, operator: Operator, left: &ast::Expr, right: &ast::Expr) -> Option<ExprKind> {
        let (left, right) = (self.expr(left), self.expr(right));
        Some(ExprKind::Binary(operator, Box::new((left?, right?))))
    }

    fn splat_slot(&self) -> u32 {
        let at = self.slots.iter().rposition(Option::is_none).unwrap_or(0);
        number(at)
    }

    fn splat(&mut self, of: &ast::Expr, each: &ast::Expr) -> Option<ExprKind> {
        let of = self.expr(of);
        let slot = number(self.slots.len());
        self.slots.push(None);
        let each = self.expr(each);
        self.slots.pop();
        Some(ExprKind::Splat(Box::new(Splat { of: of?, slot, each: each? })))
    }

    fn each(&mut self, each: &ast::ForExpr) -> Option<ExprKind> {
        let collection = self.expr(&each.collection);
        let slot = number(self.slots.len());
        // Without a name of its own the key cannot be meant by any name.
        let key_name = each.key_name.as_ref().map_or_else(|| "".into(), |name| name.text.clone());
        self.slots.extend([Some(key_name), Some(each.value_name.text.clone())]);
        let condition = each.condition.as_ref().map(|e| self.expr(e));
        let result_key = each.result_key.as_ref().map(|e| self.expr(e));
        let result = self.expr(&each.result);
        self.slots.truncate(self.slots.len().saturating_sub(2));
        Some(ExprKind::For(Box::new(For {
            collection: collection?,
            slot,
            condition: written(condition)?,
            result_key: written(result_key)?,
            result: result?,
            is_grouped: each.is_grouped,
        })))
    }

    fn template(&mut self, parts: &[ast::TemplatePart], span: Span) -> Option<Expr> {
        if let [ast::TemplatePart::Value(only)] = parts {
            return self.expr(only);
        }
        let parts = self.parts(parts, span)?;
        Some(fold(Expr { kind: ExprKind::Template(parts.into()), span }))
    }

    fn parts(&mut self, parts: &[ast::TemplatePart], span: Span) -> Option<Vec<Expr>> {
        let lowered: Vec<Option<Expr>> = parts.iter().map(|part| self.part(part, span)).collect();
        lowered.into_iter().collect()
    }

    fn part(&mut self, part: &ast::TemplatePart, span: Span) -> Option<Expr> {
        let kind = match part {
            ast::TemplatePart::Text(text) => return Some(Expr::literal(Value::string(text.clone()), span)),
            ast::TemplatePart::Value(value) => return self.expr(value),
            ast::TemplatePart::If { condition, yes, no } => {
                let condition = self.expr(condition);
                let (yes, no) = (self.parts(yes, span), self.parts(no, span));
                let arm = |parts: Vec<Expr>| Expr { kind: ExprKind::Template(parts.into()), span };
                ExprKind::Conditional(Box::new((condition?, arm(yes?), arm(no?))))
            }
            ast::TemplatePart::For { key_name, value_name, collection, body } => {
                let collection = self.expr(collection);
                let slot = number(self.slots.len());
                let key_name = key_name.as_ref().map_or_else(|| "".into(), |name| name.text.clone());
                self.slots.extend([Some(key_name), Some(value_name.text.clone())]);
                let body = self.parts(body, span);
                self.slots.truncate(self.slots.len().saturating_sub(2));
                let result = Expr { kind: ExprKind::Template(body?.into()), span };
                let each =
                    For { collection: collection?, slot, condition: None, result_key: None, result, is_grouped: false };
                ExprKind::Join(Box::new(Expr { kind: ExprKind::For(Box::new(each)), span }))
            }
        };
        Some(Expr { kind, span })
    }

    fn object(&mut self, items: &[ast::ObjectItem]) -> Option<ExprKind> {
        let lowered: Vec<Option<(Expr, Expr)>> = items
            .iter()
            .map(|item| {
                let (key, value) = (self.object_key(&item.key), self.expr(&item.value));
                Some((key?, value?))
            })
            .collect();
        let lowered: Vec<(Expr, Expr)> = lowered.into_iter().collect::<Option<_>>()?;
        let mut seen = std::collections::BTreeMap::new();
        for (key, _) in &lowered {
            let Some(text) = key.as_literal().and_then(Value::as_text) else { continue };
            if let Some(first) = seen.insert(text.clone(), key.span) {
                let problem = diag::DUPLICATE_KEY.at(key.span).detail(format!("`{text}` stands twice"));
                self.report(problem.label(first, "first here"));
            }
        }
        Some(ExprKind::Object(lowered.into()))
    }

    fn object_key(&mut self, key: &ast::Expr) -> Option<Expr> {
        let name = match &key.kind {
            ast::ExprKind::Name(name) => name.clone(),
            ast::ExprKind::Null => "null".into(),
            ast::ExprKind::Bool(truth) => if *truth { "true" } else { "false" }.into(),
            ast::ExprKind::Number(number) => number.to_string().into(),
            _ => return self.expr(key),
        };
        Some(Expr::literal(Value::string(name), key.span))
    }

    fn call(&mut self, name: &ast::Ident, arguments: &[ast::Expr], is_spread: bool, span: Span) -> Option<ExprKind> {
        let arguments = match arguments {
            [value, ty] if &*name.text == functions::CONVERT && !is_spread => {
                let (value, read) = (self.expr(value), super::types::read(ty, self.problems));
                value.zip(read).map(|(value, read)| vec![value, Expr::literal(functions::of_type(&read), ty.span)])
            }
            _ => self.all(arguments),
        };
        let Some(function) = functions::lookup(&name.text) else {
            let problem = diag::UNKNOWN_FUNCTION.at(name.span).detail(format!("there is no function `{}`", name.text));
            let help = suggestion(&name.text, functions::all().map(|function| function.name));
            self.report(match help {
                Some(help) => problem.help(help),
                None => problem,
            });
            return None;
        };
        let arguments = arguments?;
        if !is_spread && let Some(detail) = eval::wrong_count(function, arguments.len()) {
            self.report(diag::WRONG_ARGUMENT_COUNT.at(span).detail(detail));
            return None;
        }
        Some(ExprKind::Call(Box::new(CallOf { function, arguments: arguments.into(), is_spread })))
    }

    /// `of` with the steps behind it, one expression each.
    pub fn steps(&mut self, of: Option<Expr>, steps: &[Taken<'_>]) -> Option<Expr> {
        let mut lowered = of;
        for step in steps {
            let (next, span) = match step {
                Taken::Attr(name, span) => {
                    let kind = lowered.map(|of| {
                        let (name, name_span) = (name.text.clone(), name.span);
                        ExprKind::Attribute(Box::new(AttributeOf { of, name, name_span }))
                    });
                    (kind, *span)
                }
                Taken::Index(key, span) => {
                    let key = self.expr(key);
                    (lowered.zip(key).map(|pair| ExprKind::Index(Box::new(pair))), *span)
                }
            };
            lowered = next.map(|kind| Expr { kind, span });
        }
        lowered
    }

    fn traversal(&mut self, expr: &ast::Expr) -> Option<Expr> {
        let (root, steps) = chain(expr);
        let ast::ExprKind::Name(name) = &root.kind else {
            let root = self.expr(root);
            return self.steps(root, &steps);
        };
        if let Some(slot) = self.slots.iter().rposition(|open| open.as_ref() == Some(name)) {
            let slot = Expr { kind: ExprKind::Slot(number(slot)), span: root.span };
            return self.steps(Some(slot), &steps);
        }
        let kind = match &**name {
            "var" => self.variable(root.span, &steps),
            "local" => self.local(root.span, &steps),
            "each" | "count" | "self" | "path" | "terrane" | "terraform" => {
                let (given, taken) = self.given(name, root.span, &steps)?;
                let span = steps.first().map_or(root.span, |s| if taken == 0 { root.span } else { step_span(s) });
                let given = Expr { kind: ExprKind::Given(given), span };
                return self.steps(Some(given), steps.get(taken..).unwrap_or_default());
            }
            _ => return self.referent(name, root.span, expr.span, &steps),
        };
        let span = steps.first().map_or(root.span, step_span);
        let first = kind.map(|kind| Expr { kind, span });
        self.steps(first, steps.get(1..).unwrap_or_default())
    }

    /// The name behind `var`, `local`, ..
    pub fn first_name<'e>(&mut self, root: &str, span: Span, steps: &[Taken<'e>]) -> Option<&'e ast::Ident> {
        if let Some(Taken::Attr(name, _)) = steps.first() {
            return Some(name);
        }
        self.report(
            diag::UNKNOWN_NAME.at(span).detail(format!("`{root}` is written with a name behind it: {root}.name")),
        );
        None
    }

    pub fn unknown<'n>(&mut self, what: &str, name: &ast::Ident, names: impl Iterator<Item = &'n str>) {
        let problem = diag::UNKNOWN_NAME.at(name.span).detail(format!("no {what} `{}` is declared here", name.text));
        let help = suggestion(&name.text, names);
        self.report(match help {
            Some(help) => problem.help(help),
            None => problem,
        });
    }

    fn variable(&mut self, span: Span, steps: &[Taken<'_>]) -> Option<ExprKind> {
        let name = self.first_name("var", span, steps)?;
        let names = self.names;
        match names.variables.get(&name.text) {
            Some(variable) => Some(ExprKind::Variable(variable.number)),
            None if names.lost.may_be("variable", &name.text) => None,
            None => {
                self.unknown("variable", name, names.variables.keys().map(|n| &**n));
                None
            }
        }
    }

    fn local(&mut self, span: Span, steps: &[Taken<'_>]) -> Option<ExprKind> {
        let name = self.first_name("local", span, steps)?;
        let names = self.names;
        match names.locals.get(&name.text) {
            Some(number) => Some(ExprKind::Local(*number)),
            None if names.lost.may_be("locals", &name.text) => None,
            None => {
                self.unknown("local value", name, names.locals.keys().map(|n| &**n));
                None
            }
        }
    }

    /// A name that the surroundings give, and how many steps it takes up.
    fn given(&mut self, root: &str, span: Span, steps: &[Taken<'_>]) -> Option<(Given, usize)> {
        let repeats = self.around.repeats;
        let out_of_place = |detail: &str| diag::OUT_OF_PLACE.at(span).detail(detail.to_owned());
        if root == "self" {
            let Some(schema) = self.self_of.clone() else {
                self.report(out_of_place("`self` has a value in postconditions only"));
                return None;
            };
            if let Some(Taken::Attr(name, _)) = steps.first()
                && schema.body.attribute(&name.text).is_none()
            {
                let detail = format!("`{}` has no attribute `{}`", schema.type_name, name.text);
                let problem = diag::NO_SUCH_ATTRIBUTE.at(name.span).detail(detail);
                let help = suggestion(&name.text, schema.body.attributes.iter().map(|a| &*a.name));
                self.report(super::body::helped(problem, help));
                return None;
            }
            return Some((Given::SelfValue, 0));
        }
        let name = self.first_name(root, span, steps)?;
        let (given, known): (_, &[&str]) = match (root, &*name.text) {
            ("each", "key") => (Some(Given::EachKey), &[]),
            ("each", "value") => (Some(Given::EachValue), &[]),
            ("each", _) => (None, &["key", "value"]),
            ("count", "index") => (Some(Given::CountIndex), &[]),
            ("count", _) => (None, &["index"]),
            ("path", "module") => (Some(Given::PathModule), &[]),
            ("path", "root") => (Some(Given::PathRoot), &[]),
            ("path", "cwd") => (Some(Given::PathCwd), &[]),
            ("path", _) => (None, &["module", "root", "cwd"]),
            ("terrane" | "terraform", "workspace") => (Some(Given::Workspace), &[]),
            _ => (None, &["workspace"]),
        };
        let Some(given) = given else {
            let problem = diag::UNKNOWN_NAME.at(name.span).detail(format!("`{root}` has no `{}`", name.text));
            let all = format!("`{root}` has {}", known.join(", "));
            self.report(problem.help(suggestion(&name.text, known.iter().copied()).unwrap_or(all)));
            return None;
        };
        if root == "each" && repeats != Repeats::ForEach {
            self.report(out_of_place("`each` has a value inside a block with `for_each` only"));
            return None;
        }
        if root == "count" && repeats != Repeats::Count {
            self.report(out_of_place("`count.index` has a value inside a block with `count` only"));
            return None;
        }
        Some((given, 1))
    }
}

fn step_span(step: &Taken<'_>) -> Span {
    match step {
        Taken::Attr(_, span) | Taken::Index(_, span) => *span,
    }
}

/// `Some(None)` where nothing was written, `None` where it could not be lowered.
pub(crate) fn written<T>(lowered: Option<Option<T>>) -> Option<Option<T>> {
    match lowered {
        None => Some(None),
        Some(lowered) => lowered.map(Some),
    }
}

/// A number of the compact form. Text of more than four billion names does not fit the memory.
pub(crate) fn number(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// The expression as a literal, where all its parts are and it has a value.
fn fold(expr: Expr) -> Expr {
    let is_constant = match &expr.kind {
        ExprKind::Tuple(items) | ExprKind::Template(items) => items.iter().all(is_literal),
        ExprKind::Object(items) => items.iter().all(|(key, value)| is_literal(key) && is_literal(value)),
        ExprKind::Unary(_, inner) => is_literal(inner),
        ExprKind::Binary(_, pair) | ExprKind::Index(pair) => is_literal(&pair.0) && is_literal(&pair.1),
        ExprKind::Conditional(parts) => is_literal(&parts.0) && is_literal(&parts.1) && is_literal(&parts.2),
        ExprKind::Attribute(attribute) => is_literal(&attribute.of),
        ExprKind::Call(call) => call.arguments.iter().all(is_literal) && eval::is_pure(call.function),
        _ => false,
    };
    if !is_constant {
        return expr;
    }
    match eval::evaluate(&expr, &Nothing, &mut Vec::new()) {
        Some(value) if value.is_wholly_known() => Expr::literal(value, expr.span),
        _ => expr,
    }
}

fn is_literal(expr: &Expr) -> bool {
    expr.as_literal().is_some()
}
