//! The `terrane` block: which version it asks for, and where the state is kept.
//!
//! What stands in it is read before there is a state, so that nothing in it may refer to an object. The block is lowered
//! here with its own checks; the values come from [`crate::early`].

use super::lower::Lower;
use super::meta::find;
use crate::diag;
use crate::eval::ir::{Expr, ExprKind, Given};
use crate::program::{Backend, BackendArgument, Module, Settings};
use crate::syntax::ast;
use std::collections::{BTreeMap, BTreeSet};
use terrane_core::diagnostic::suggestion;
use terrane_core::{Diagnostic, Span, Text};

/// The kinds of backend of this version.
pub const BACKENDS: &[&str] = &["local", "s3", "gcs", "azurerm", "oss", "cos", "obs", "pg", "http"];
const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Kinds that people know from elsewhere.
const LATER_BACKENDS: &[&str] = &["kubernetes", "consul", "remote"];

impl Lower<'_> {
    /// What the `terrane` blocks of a folder say.
    pub fn settings(&mut self, blocks: &[ast::Block], is_root: bool) -> Settings {
        let mut settings = Settings::default();
        let (mut first, mut first_encryption): (Option<Span>, Option<Span>) = (None, None);
        for block in blocks {
            self.only(block, &["required_version"], &["backend", "drift", "encryption"]);
            settings.required_version = self.required_version(block).or(settings.required_version);
            for nested in block.body.blocks.iter().filter(|nested| &*nested.kind.text == "backend") {
                if let Some(first) = first {
                    let problem = diag::DUPLICATE_BLOCK.at(nested.header).detail("a configuration has one backend");
                    self.report(problem.label(first, "first here"));
                    continue;
                }
                first = Some(nested.header);
                settings.backend = self.backend(nested, is_root);
            }
            for nested in block.body.blocks.iter().filter(|nested| &*nested.kind.text == "encryption") {
                if let Some(first) = first_encryption {
                    let problem = diag::DUPLICATE_BLOCK.at(nested.header).detail("`encryption` may stand once");
                    self.report(problem.label(first, "first here"));
                    continue;
                }
                first_encryption = Some(nested.header);
                settings.encryption = self.encryption(nested, is_root);
            }
        }
        settings
    }

    fn required_version(&mut self, block: &ast::Block) -> Option<(Text, Span)> {
        let attribute = find(&block.body, "required_version")?;
        let setting = self.setting(&attribute.value, "required_version")?;
        let text = setting.text("required_version", self.problems)?;
        match super::version::meets(VERSION, &text) {
            Ok(true) => return Some((text, setting.span)),
            Ok(false) => self.report(unmet(&text, setting.span)),
            Err(part) => {
                let detail = format!("{} is no version constraint", terrane_core::path::quote(&part));
                self.report(diag::WRONG_SETTING.at(setting.span).detail(detail).help("Write it like \">= 0.1, < 2\""));
            }
        }
        None
    }

    fn backend(&mut self, block: &ast::Block, is_root: bool) -> Option<Backend> {
        if !is_root {
            let detail = "the state of a module is that of the configuration that calls it";
            let problem = diag::UNKNOWN_BLOCK.at(block.header).detail(detail);
            self.report(problem.help("Write `backend` in the root module"));
            return None;
        }
        let [label] = block.labels.as_slice() else {
            let detail = format!("`backend` takes one label, its kind; this one has {}", block.labels.len());
            self.report(diag::WRONG_LABELS.at(block.header).detail(detail));
            return None;
        };
        let kind = &label.text;
        if LATER_BACKENDS.contains(&&**kind) {
            self.report(diag::NOT_IN_THIS_VERSION.at(label.span).detail(format!("the backend \"{kind}\"")));
            return None;
        }
        if !BACKENDS.contains(&&**kind) {
            let detail = format!("there is no backend {}", terrane_core::path::quote(kind));
            let problem = diag::UNKNOWN_BACKEND.at(label.span).detail(detail);
            self.report(super::body::helped(problem, suggestion(kind, BACKENDS.iter().copied())));
            return None;
        }
        for nested in &block.body.blocks {
            let name = &nested.kind.text;
            let problem = diag::UNKNOWN_BLOCK.at(nested.header).detail(format!("`backend` has no block `{name}`"));
            self.report(problem.help(format!("Write {name} = {{ .. }}")));
        }
        let mut arguments = BTreeMap::new();
        for attribute in &block.body.attributes {
            let Some(value) = self.expr(&attribute.value) else { continue };
            let argument = BackendArgument { name_span: attribute.name.span, value };
            arguments.insert(attribute.name.text.clone(), argument);
        }
        Some(Backend { kind: kind.clone(), kind_span: label.span, arguments, span: block.header })
    }
}

/// The problem of a folder that wants another version. It is looked for before anything else is, in text that this version
/// need not understand.
pub(crate) fn other_version(files: &[ast::File]) -> Option<Diagnostic> {
    let blocks = files.iter().flat_map(|file| &file.body.blocks).filter(|block| &*block.kind.text == "terrane");
    let mut wanted = blocks.filter_map(|block| find(&block.body, "required_version"));
    wanted.find_map(|attribute| match &attribute.value.kind {
        ast::ExprKind::String(text) if super::version::meets(VERSION, text) == Ok(false) => {
            Some(unmet(text, attribute.value.span))
        }
        _ => None,
    })
}

fn unmet(text: &str, span: Span) -> Diagnostic {
    let detail = format!("this is Terrane {VERSION}, and `{text}` is asked for");
    diag::VERSION_NOT_SUPPORTED.at(span).detail(detail)
}

/// Reports what is not known before the state is read.
pub(crate) fn check(modules: &[Module], settings: &Settings, problems: &mut Vec<Diagnostic>) {
    let Some(root) = modules.first() else { return };
    let Some(backend) = &settings.backend else { return };
    for (name, argument) in &backend.arguments {
        early(root, &argument.value, &format!("`{name}` of the backend"), problems);
    }
}

/// Reports every part of an expression of the root module that has no value before the state is read.
pub(crate) fn early(root: &Module, expr: &Expr, what: &str, problems: &mut Vec<Diagnostic>) {
    let mut seen = BTreeSet::new();
    if let Some((span, name)) = late(root, expr, &mut seen) {
        let detail = format!("{what} is made of {name}");
        let problem = diag::KNOWN_TOO_LATE.at(expr.span).detail(detail);
        problems.push(if span == expr.span { problem } else { problem.label(span, "this is not known yet") });
    }
}

/// The first part that has its value later, looking into the local values that it is made of.
fn late(root: &Module, expr: &Expr, seen: &mut BTreeSet<usize>) -> Option<(Span, &'static str)> {
    let mut found = None;
    let mut locals = Vec::new();
    expr.visit(&mut |part| {
        let name = match &part.kind {
            ExprKind::Reference(_) => "an object or the output of a module",
            ExprKind::Given(Given::EachKey | Given::EachValue | Given::CountIndex | Given::SelfValue) => "a repetition",
            ExprKind::Given(Given::Workspace) => "the name of the workspace",
            ExprKind::Local(at) => return locals.push(super::refer::index(*at)),
            _ => return,
        };
        found = found.or(Some((part.span, name)));
    });
    found.or_else(|| {
        let mut new = locals.into_iter().filter(|at| seen.insert(*at)).collect::<Vec<_>>();
        new.dedup();
        new.into_iter().find_map(|at| late(root, &root.locals.get(at)?.value, seen))
    })
}

#[cfg(test)]
mod tests {
    use crate::testing::{Files, loaded, program};
    use terrane_core::{Diagnostic, Value};

    /// The problems of a configuration, each with the text it points at.
    fn check(text: &str, expected: &[(&str, &str)]) {
        let loaded = loaded(text);
        let place = |p: &Diagnostic| p.span().and_then(|s| loaded.sources.text(s)).unwrap_or("").to_owned();
        let found: Vec<(&str, String)> = loaded.problems.iter().map(|p| (p.kind.id, place(p))).collect();
        let found: Vec<(&str, &str)> = found.iter().map(|(id, place)| (*id, place.as_str())).collect();
        assert_eq!(found, expected, "{text}");
    }

    fn backend(inside: &str) -> String {
        format!("terrane {{\n  backend \"s3\" {{\n    {inside}\n  }}\n}}\n")
    }

    // A6
    #[test]
    fn one_backend_of_a_known_kind_is_taken() {
        check(&backend("bucket = \"b\""), &[]);
        let twice = format!("{}{}", backend(""), backend(""));
        check(&twice, &[("duplicate-block", "backend \"s3\"")]);
        check("terrane {\n  backend \"S4\" {\n  }\n}\n", &[("unknown-backend", "\"S4\"")]);
        check("terrane {\n  backend \"kubernetes\" {\n  }\n}\n", &[("not-in-this-version", "\"kubernetes\"")]);
        check("terrane {\n  backend {\n  }\n}\n", &[("wrong-labels", "backend")]);
        check(&backend("endpoints {\n    }"), &[("unknown-block", "endpoints")]);
    }

    // A6
    #[test]
    fn what_comes_after_the_state_cannot_say_where_it_is() {
        let thing = "resource \"t_thing\" \"a\" {\n  name = \"x\"\n}\nlocals {\n  a = \"${local.b}-x\"\n  b = t_thing.a.id\n}\n";
        let with = |inside: &str| format!("{thing}{}", backend(inside));
        check(&with("key = t_thing.a.id"), &[("known-too-late", "t_thing.a.id")]);
        check(&with("key = upper(local.a)"), &[("known-too-late", "upper(local.a)")]);
        check(&backend("key = terrane.workspace"), &[("known-too-late", "terrane.workspace")]);
        check(&backend("key = var.nothing"), &[("unknown-name", "nothing")]);
    }

    // A6
    #[test]
    fn a_module_has_no_backend() {
        let files = Files::of(&[
            ("main.hcl", "module \"m\" {\n  source = \"./m\"\n}\n"),
            ("m/main.hcl", "terrane {\n  backend \"local\" {\n  }\n}\n"),
        ]);
        let loaded = super::super::load(&files, ".", &crate::testing::Types);
        let ids: Vec<&str> = loaded.problems.iter().map(|p| p.kind.id).collect();
        assert_eq!(ids, ["unknown-block"]);
    }

    // A6
    #[test]
    fn arguments_are_made_of_variables_and_local_values() {
        let text = format!(
            "{}variable \"team\" {{\n  default = \"core\"\n}}\nvariable \"none\" {{\n}}\nlocals {{\n  bucket = \"state-${{var.team}}\"\n}}\n",
            backend("bucket = local.bucket\n    key = upper(var.none)")
        );
        let program = program(&[("main.hcl", &text)]);
        let backend = program.settings.backend.as_ref().unwrap();
        let files = Files::default();
        let mut problems = Vec::new();
        let mut value =
            |name: &str| crate::early::evaluate(&program, &[], &backend.arguments[name].value, &files, &mut problems);
        assert_eq!(value("bucket"), Some(Value::string("state-core")));
        assert_eq!(value("key"), None);
        assert_eq!(problems.iter().filter(|p| p.kind.id == "no-value-for-variable").count(), 1);
    }
}
