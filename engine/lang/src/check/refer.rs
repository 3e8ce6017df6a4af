//! References to resources, data blocks and module calls: one node with key and steps, so that evaluation
//! asks for one instance only.

use super::lower::{Lower, Taken, number};
use super::names::{CallName, Repeats, ResourceName};
use crate::diag;
use crate::eval::ir::{Expr, ExprKind, Reference, Referent, Step};
use crate::syntax::ast;
use terrane_core::diagnostic::suggestion;
use terrane_core::schema::SchemaKind;
use terrane_core::{Mode, Span, Text};

/// Roots that every expression may start with, for suggestions.
const ROOTS: &[&str] = &["var", "local", "module", "data", "each", "count", "path"];

/// Roots of what is a value and no block.
const VALUES: &[&str] = &["var", "local", "each", "count", "self", "path", "terrane", "terraform"];

impl Lower<'_> {
    /// `module.x`, `data.t.x` or `t.x` with what is taken from it.
    pub fn referent(&mut self, root: &Text, root_span: Span, span: Span, steps: &[Taken<'_>]) -> Option<Expr> {
        if &**root == "module" {
            let name = self.first_name(root, root_span, steps)?;
            let call = self.call_name(name)?.clone();
            let rest = steps.get(1..).unwrap_or_default();
            let referent = Referent::Call(call.number);
            let reference = self.instance(referent, call.repeats, rest, span, &format!("module.{}", name.text))?;
            self.check_output(&call, &reference)?;
            return Some(Expr { kind: ExprKind::Reference(Box::new(reference)), span });
        }
        let (resource, shown, taken) = self.resource_name(root, root_span, steps)?;
        let resource = resource.clone();
        let rest = steps.get(taken..).unwrap_or_default();
        let referent = Referent::Resource(resource.number);
        let reference = self.instance(referent, resource.repeats, rest, span, &shown)?;
        self.check_attribute(&resource, &reference)?;
        Some(Expr { kind: ExprKind::Reference(Box::new(reference)), span })
    }

    pub fn call_name(&mut self, name: &ast::Ident) -> Option<&CallName> {
        let names = self.names;
        let found = names.calls.get(&name.text);
        if found.is_none() && !names.lost.may_be("module", &name.text) {
            self.unknown("module call", name, names.calls.keys().map(|n| &**n));
        }
        found
    }

    /// The resource or data block that the first steps name, how it is shown, and how many steps that took.
    pub fn resource_name(
        &mut self,
        root: &Text,
        root_span: Span,
        steps: &[Taken<'_>],
    ) -> Option<(&ResourceName, String, usize)> {
        let (mode, type_name, name, taken) = if &**root == "data" {
            let type_name = self.first_name(root, root_span, steps)?;
            let Some(Taken::Attr(name, _)) = steps.get(1) else {
                let detail = "data is written with type and name: data.type.name";
                self.report(diag::UNKNOWN_NAME.at(root_span).detail(detail));
                return None;
            };
            (Mode::Data, type_name.text.clone(), *name, 2)
        } else {
            let Some(Taken::Attr(name, _)) = steps.first() else {
                self.unknown_root(root, root_span, steps.is_empty());
                return None;
            };
            (Mode::Managed, root.clone(), *name, 1)
        };
        let names = self.names;
        let prefix = if mode == Mode::Data { "data." } else { "" };
        if let Some(found) = names.resources.get(&(mode, type_name.clone(), name.text.clone())) {
            if let Some(check) = found.of_check.as_ref().filter(|check| self.check.as_ref() != Some(check)) {
                let detail = format!("`{prefix}{type_name}.{}` is known inside check \"{check}\" only", name.text);
                let problem = diag::UNKNOWN_NAME.at(name.span).detail(detail);
                self.report(problem.help("Declare the data source outside of the check"));
                return None;
            }
            return Some((found, format!("{prefix}{type_name}.{}", name.text), taken));
        }
        let block = if mode == Mode::Data { "data" } else { "resource" };
        if names.lost.may_be(block, &name.text) {
            return None;
        }
        let of_type: Vec<&str> =
            names.resources.keys().filter(|k| k.0 == mode && k.1 == type_name).map(|k| &*k.2).collect();
        let kind = if mode == Mode::Data { SchemaKind::Data } else { SchemaKind::Resource };
        if of_type.is_empty() && !self.world.has_type(kind, &type_name) {
            self.unknown_root(&type_name, root_span, false);
            return None;
        }
        self.unknown(&format!("{prefix}{type_name}"), name, of_type.into_iter());
        None
    }

    fn unknown_root(&mut self, root: &str, span: Span, is_bare: bool) {
        let detail = if is_bare {
            format!("`{root}` alone means nothing: a text stands in quotes, a reference has a dot")
        } else {
            format!("`{root}` is no resource type of this configuration and no other name")
        };
        let names = self.names;
        let types = names.resources.keys().map(|key| &*key.1);
        let open: Vec<Text> = self.slots.iter().flatten().cloned().collect();
        let known = types.chain(ROOTS.iter().copied()).chain(open.iter().map(|n| &**n));
        let help = suggestion(root, known);
        let problem = diag::UNKNOWN_NAME.at(span).detail(detail);
        self.report(match help {
            Some(help) => problem.help(help),
            None => problem,
        });
    }

    fn instance(
        &mut self,
        referent: Referent,
        repeats: Repeats,
        steps: &[Taken<'_>],
        span: Span,
        shown: &str,
    ) -> Option<Reference> {
        let is_repeated = repeats != Repeats::Once;
        let (key, rest) = match steps.split_first() {
            Some((Taken::Index(key, _), rest)) if is_repeated => (Some(self.expr(key)?), rest),
            Some((Taken::Index(key, _), _)) => {
                let detail = format!("`{shown}` has neither `count` nor `for_each`");
                self.report(diag::UNEXPECTED_INSTANCE_KEY.at(key.span).detail(detail));
                return None;
            }
            Some((Taken::Attr(name, _), _)) if is_repeated => {
                let key = if repeats == Repeats::Count { "0" } else { "\"key\"" };
                let problem =
                    diag::MISSING_INSTANCE_KEY.at(span).detail(format!("`{shown}` stands for many instances"));
                self.report(problem.help(format!("Write {shown}[{key}].{} for one of them", name.text)));
                return None;
            }
            _ => (None, steps),
        };
        let lowered: Vec<Option<Step>> = rest
            .iter()
            .map(|step| match step {
                Taken::Attr(name, _) => Some(Step::Attribute(name.text.clone(), name.span)),
                Taken::Index(key, _) => self.expr(key).map(Step::Index),
            })
            .collect();
        let steps: Vec<Step> = lowered.into_iter().collect::<Option<_>>()?;
        Some(Reference { referent, is_repeated, key, steps: steps.into() })
    }

    fn check_output(&mut self, call: &CallName, reference: &Reference) -> Option<()> {
        let is_instance = reference.key.is_some() || !reference.is_repeated;
        let (true, Some(Step::Attribute(output, span))) = (is_instance, reference.steps.first()) else {
            return Some(());
        };
        // A module that could not be read has its own problem.
        let Some(callee) = call.folder.as_ref().and_then(|folder| self.world.folders.get(folder)) else {
            return Some(());
        };
        // What is not declared there may stand in what could not be read.
        if callee.outputs.contains_key(output) || callee.is_incomplete {
            return Some(());
        }
        if callee.lost.may_be("output", output) {
            return None;
        }
        let name = ast::Ident { text: output.clone(), span: *span };
        self.unknown("output of the module", &name, callee.outputs.keys().map(|n| &**n));
        None
    }

    fn check_attribute(&mut self, resource: &ResourceName, reference: &Reference) -> Option<()> {
        let is_instance = reference.key.is_some() || !reference.is_repeated;
        let (true, Some(Step::Attribute(name, span)), Some(schema)) =
            (is_instance, reference.steps.first(), &resource.schema)
        else {
            return Some(());
        };
        if schema.body.attribute(name).is_some() {
            return Some(());
        }
        let detail = format!("`{}` has no attribute `{name}`", schema.type_name);
        let problem = diag::NO_SUCH_ATTRIBUTE.at(*span).detail(detail);
        let help = suggestion(name, schema.body.attributes.iter().map(|a| &*a.name));
        self.report(match help {
            Some(help) => problem.help(help),
            None => problem,
        });
        None
    }

    /// The block that `depends_on` or `replace_triggered_by` names.
    pub fn target(&mut self, expr: &ast::Expr) -> Option<(Referent, usize)> {
        let (root, steps) = super::lower::chain(expr);
        let name = match &root.kind {
            ast::ExprKind::Name(name) if !VALUES.contains(&&**name) => name,
            _ => {
                let detail = "a reference stands here: type.name, data.type.name or module.name";
                self.report(diag::WRONG_SETTING.at(expr.span).detail(detail));
                return None;
            }
        };
        if &**name == "module" {
            let call = self.first_name(name, root.span, &steps)?;
            return self.call_name(call).map(|call| (Referent::Call(call.number), 1));
        }
        self.resource_name(name, root.span, &steps).map(|(found, _, taken)| (Referent::Resource(found.number), taken))
    }
}

/// The number of a referent in its list.
pub(crate) fn index(at: u32) -> usize {
    usize::try_from(at).unwrap_or(usize::MAX)
}

/// Used where a list position becomes a number of the compact form.
pub(crate) fn numbered<T>(items: &[T]) -> u32 {
    number(items.len())
}
