//! The `drift` block of a `terrane` block: what drift is left alone, why, and until when.
//!
//! ```hcl
//! terrane {
//!   drift {
//!     ignore "eks_cluster.core" {
//!       attribute = "tags.owner"
//!       reason    = "the billing robot writes it"
//!       until     = "2027-01-31"
//!     }
//!   }
//! }
//! ```

use super::body::{Setting, helped};
use super::lower::Lower;
use super::meta::find;
use crate::diag;
use crate::program::DriftIgnore;
use crate::syntax::ast;
use terrane_core::diagnostic::suggestion;
use terrane_core::path::quote;
use terrane_core::{AddrPattern, Mode, Path, Span, Text};

const IGNORE: &[&str] = &["attribute", "reason", "until"];

impl Lower<'_> {
    /// What the `terrane` blocks of a folder say about drift.
    pub fn drift_ignores(&mut self, blocks: &[ast::Block], is_root: bool) -> Vec<DriftIgnore> {
        let is_drift = |block: &&ast::Block| &*block.kind.text == "drift";
        let mut found = Vec::new();
        for drift in blocks.iter().flat_map(|block| block.body.blocks.iter().filter(is_drift)) {
            if !is_root {
                let problem = diag::UNKNOWN_BLOCK.at(drift.header).detail("addresses are seen from the root module");
                self.report(problem.help("Write `drift` in the root module"));
                continue;
            }
            if !drift.labels.is_empty() {
                self.report(diag::WRONG_LABELS.at(drift.header).detail("`drift` takes no label"));
            }
            self.only(drift, &[], &["ignore"]);
            let ignores = drift.body.blocks.iter().filter(|nested| &*nested.kind.text == "ignore");
            found.extend(ignores.filter_map(|ignore| self.drift_ignore(ignore)));
        }
        found
    }

    fn drift_ignore(&mut self, block: &ast::Block) -> Option<DriftIgnore> {
        let is_known = self.only(block, IGNORE, &[]);
        let pattern = self.ignored_address(block);
        let attribute = match find(&block.body, "attribute") {
            None => Some(None),
            Some(attribute) => self.ignored_attribute(attribute, pattern.as_ref()).map(Some),
        };
        let reason = self.required_text(block, "reason").and_then(|(reason, span)| {
            let is_empty = reason.trim().is_empty();
            if is_empty {
                self.report(diag::WRONG_SETTING.at(span).detail("`reason` is empty").help("Say why it is left alone"));
            }
            (!is_empty).then_some(reason)
        });
        let until = self.required_text(block, "until").and_then(|(until, span)| {
            let is_day = until.len() == "2027-01-31".len() && until.parse::<jiff::civil::Date>().is_ok();
            if !is_day {
                let detail = format!("{} is no day", quote(&until));
                self.report(diag::WRONG_SETTING.at(span).detail(detail).help("Write it like \"2027-01-31\""));
            }
            is_day.then_some(until)
        });
        let (pattern, attribute, reason, until) = (pattern?, attribute?, reason?, until?);
        is_known.then_some(DriftIgnore { pattern, attribute, reason, until, span: block.header })
    }

    /// The address that the label is.
    fn ignored_address(&mut self, block: &ast::Block) -> Option<AddrPattern> {
        let [label] = block.labels.as_slice() else {
            let detail = format!("`ignore` takes one label, an address; this one has {}", block.labels.len());
            self.report(diag::WRONG_LABELS.at(block.header).detail(detail));
            return None;
        };
        let problem = match label.text.parse() {
            Ok(AddrPattern::Resource(addr)) if addr.resource.mode == Mode::Data => {
                format!("{addr} is read and never recorded, so it does not drift")
            }
            Ok(pattern) => return Some(pattern),
            Err(error) => error.to_string(),
        };
        let help = "Write an address such as \"eks_cluster.core\"; the attribute stands in `attribute`";
        self.report(diag::WRONG_SETTING.at(label.span).detail(problem).help(help));
        None
    }

    /// The path that `attribute` names, checked against the type where one is named.
    fn ignored_attribute(&mut self, attribute: &ast::Attribute, pattern: Option<&AddrPattern>) -> Option<Path> {
        let setting = self.setting(&attribute.value, "attribute")?;
        let text = setting.text("attribute", self.problems)?;
        let path: Path = match text.parse() {
            Ok(path) => path,
            Err(error) => {
                let error: terrane_core::path::PathError = error;
                self.report(diag::WRONG_SETTING.at(setting.span).detail(error.to_string()));
                return None;
            }
        };
        let type_name = pattern.and_then(|pattern| match pattern {
            AddrPattern::Resource(addr) => Some(&addr.resource.type_name),
            AddrPattern::Module(_) => None,
        });
        let schema = type_name.and_then(|name| self.world.schemas.resource(name));
        if let (Some(schema), Some(first)) = (schema, path.first_name())
            && schema.body.attribute(first).is_none()
        {
            let detail = format!("`{}` has no attribute `{first}`", schema.type_name);
            let names = schema.body.attributes.iter().map(|attribute| &*attribute.name);
            self.report(helped(
                diag::UNKNOWN_ARGUMENT.at(setting.span).detail(detail),
                suggestion(first, names.collect::<Vec<_>>()),
            ));
            return None;
        }
        Some(path)
    }

    fn required_text(&mut self, block: &ast::Block, name: &str) -> Option<(Text, Span)> {
        let Some(attribute) = find(&block.body, name) else {
            let detail = format!("the argument `{name}` is missing");
            self.report(diag::MISSING_ARGUMENT.at(block.header).detail(detail));
            return None;
        };
        let setting: Setting = self.setting(&attribute.value, name)?;
        Some((setting.text(name, self.problems)?, setting.span))
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{Files, Types, loaded, program};

    /// The problems of an `ignore` block, each with the text it points at.
    fn check(label: &str, inside: &str, expected: &[(&str, &str)]) {
        let loaded = loaded(&ignore(label, inside));
        let place =
            |p: &terrane_core::Diagnostic| p.span().and_then(|span| loaded.sources.text(span)).unwrap_or("").to_owned();
        let found: Vec<(&str, String)> = loaded.problems.iter().map(|p| (p.kind.id, place(p))).collect();
        let found: Vec<(&str, &str)> = found.iter().map(|(id, place)| (*id, place.as_str())).collect();
        assert_eq!(found, expected, "{inside}");
    }

    fn ignore(label: &str, inside: &str) -> String {
        format!("terrane {{\n  drift {{\n    ignore {label} {{\n{inside}\n    }}\n  }}\n}}\n")
    }

    const WHOLE: &str = "reason = \"r\"\nuntil = \"2027-01-31\"";

    #[test]
    fn reason_and_day_are_required() {
        check("\"t_thing.a\"", WHOLE, &[]);
        check(
            "\"t_thing.a\"",
            "",
            &[("missing-argument", "ignore \"t_thing.a\""), ("missing-argument", "ignore \"t_thing.a\"")],
        );
        check("\"t_thing.a\"", "reason = \" \"\nuntil = \"2027-01-31\"", &[("wrong-setting", "\" \"")]);
        for day in ["2027-02-30", "tomorrow", "2027-01-31T00:00:00Z", "20270131"] {
            let text = format!("reason = \"r\"\nuntil = \"{day}\"");
            check("\"t_thing.a\"", &text, &[("wrong-setting", &format!("\"{day}\""))]);
        }
        check("\"t_thing.a\"", &format!("{WHOLE}\nuntill = 1"), &[("unknown-argument", "untill")]);
    }

    #[test]
    fn label_and_attribute_are_checked() {
        check("", WHOLE, &[("wrong-labels", "ignore")]);
        check("\"t_thing\"", WHOLE, &[("wrong-setting", "\"t_thing\"")]);
        check("\"data.t_thing.a\"", WHOLE, &[("wrong-setting", "\"data.t_thing.a\"")]);
        check("\"t_thing.a\"", &format!("{WHOLE}\nattribute = \"nam\""), &[("unknown-argument", "\"nam\"")]);
        check("\"t_thing.a\"", &format!("{WHOLE}\nattribute = \"a..b\""), &[("wrong-setting", "\"a..b\"")]);
        check("\"module.m\"", &format!("{WHOLE}\nattribute = \"tags.owner\""), &[]);
    }

    #[test]
    fn what_is_ignored_is_in_the_settings() {
        let text = ignore("\"t_thing.a[\\\"k\\\"]\"", &format!("{WHOLE}\nattribute = \"name\""));
        let program = program(&[("main.hcl", &text)]);
        let [ignore] = program.settings.drift_ignores.as_slice() else { unreachable!() };
        let attribute = ignore.attribute.as_ref().map(ToString::to_string);
        assert_eq!((ignore.pattern.to_string(), attribute), ("t_thing.a[\"k\"]".to_owned(), Some("name".to_owned())));
        assert_eq!((&*ignore.reason, &*ignore.until), ("r", "2027-01-31"));
    }

    #[test]
    fn a_module_ignores_nothing() {
        let call = "module \"m\" {\n  source = \"./m\"\n}\n";
        let files = Files::of(&[("main.hcl", call), ("m/main.hcl", &ignore("\"t_thing.a\"", WHOLE))]);
        let ids: Vec<&str> = super::super::load(&files, ".", &Types).problems.iter().map(|p| p.kind.id).collect();
        assert_eq!(ids, ["unknown-block"]);
    }
}
