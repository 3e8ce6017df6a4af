//! What every resource may have beside its own arguments: repetition, order, provider, lifecycle, timeouts.

use super::body::{Setting, helped};
use super::lower::{Lower, Surroundings, Taken, chain};
use super::names::{Repeats, unknown_provider};
use crate::diag;
use crate::eval::ir::Referent;
use crate::program::{Ignore, Lifecycle, ProviderRef, Repetition, Target, Trigger};
use crate::syntax::ast;
use std::collections::BTreeMap;
use std::sync::Arc;
use terrane_core::diagnostic::suggestion;
use terrane_core::schema::SchemaKind;
use terrane_core::{Block, Number, Path, PathStep, Schema, Text};

const LIFECYCLE: &[&str] = &["prevent_destroy", "create_before_destroy", "ignore_changes", "replace_triggered_by"];
const LIFECYCLE_BLOCKS: &[&str] = &["precondition", "postcondition"];
const VERBS: &[&str] = &["create", "update", "delete", "read"];

/// The argument `name` of a body.
pub(crate) fn find<'b>(body: &'b ast::Body, name: &str) -> Option<&'b ast::Attribute> {
    body.attributes.iter().find(|a| &*a.name.text == name)
}

impl Lower<'_> {
    /// `count` or `for_each`; sets what the other expressions of the block may use.
    pub fn repetition(&mut self, body: &ast::Body, repeats: Repeats) -> Option<Repetition> {
        let (count, for_each) = (find(body, "count"), find(body, "for_each"));
        self.around = Surroundings::PLAIN;
        let result = match (count, for_each) {
            (None, None) => Some(Repetition::Single),
            (Some(count), None) => self.expr(&count.value).map(Repetition::Count),
            (None, Some(each)) => self.expr(&each.value).map(Repetition::ForEach),
            (Some(count), Some(each)) => {
                let problem = diag::COUNT_AND_FOR_EACH.at(each.name.span).detail("a block repeats one way only");
                self.report(problem.label(count.name.span, "and here"));
                None
            }
        };
        self.around.repeats = repeats;
        result
    }

    /// `depends_on`.
    pub fn depends_on(&mut self, body: &ast::Body) -> Option<Vec<Target>> {
        let Some(attribute) = find(body, "depends_on") else { return Some(Vec::new()) };
        let ast::ExprKind::Tuple(items) = &attribute.value.kind else {
            let detail = "`depends_on` is a list of references: [type.name, module.name]";
            self.report(diag::WRONG_SETTING.at(attribute.value.span).detail(detail));
            return None;
        };
        let targets: Vec<Option<Target>> = items.iter().map(|item| self.depended(item)).collect();
        targets.into_iter().collect()
    }

    fn depended(&mut self, item: &ast::Expr) -> Option<Target> {
        let (referent, taken) = self.target(item)?;
        let (_, steps) = chain(item);
        if steps.len() > taken {
            let detail = "`depends_on` names a block as a whole, without keys and attributes";
            self.report(diag::WRONG_SETTING.at(item.span).detail(detail));
            return None;
        }
        Some(match referent {
            Referent::Resource(at) => Target::Resource(super::refer::index(at)),
            Referent::Call(at) => Target::Call(super::refer::index(at)),
        })
    }

    /// `provider = name` or `name.alias`; the default configuration where nothing is written.
    pub fn provider_of(&mut self, body: &ast::Body, type_name: &str) -> Option<ProviderRef> {
        let own = self.world.schemas.provider_of(type_name).unwrap_or_else(|| type_name.into());
        let Some(attribute) = find(body, "provider") else { return Some(ProviderRef { name: own, alias: None }) };
        let (root, steps) = chain(&attribute.value);
        let (name, alias) = match (&root.kind, steps.as_slice()) {
            (ast::ExprKind::Name(name), []) => (name.clone(), None),
            (ast::ExprKind::Name(name), [Taken::Attr(alias, _)]) => (name.clone(), Some(alias.text.clone())),
            _ => {
                let detail = "`provider` is written as a name: eks, or eks.alias";
                self.report(diag::WRONG_SETTING.at(attribute.value.span).detail(detail));
                return None;
            }
        };
        if self.world.schemas.provider(&name).is_none() {
            self.report(unknown_provider(self.world.schemas, &name, root.span));
            return None;
        }
        if name != own {
            let detail = format!("`{type_name}` belongs to the provider `{own}`, not `{name}`");
            self.report(diag::WRONG_SETTING.at(attribute.value.span).detail(detail));
            return None;
        }
        Some(ProviderRef { name, alias })
    }

    /// A value that is read before anything is evaluated.
    pub fn setting(&mut self, expr: &ast::Expr, name: &str) -> Option<Setting> {
        let lowered = self.expr(expr)?;
        let span = lowered.span;
        match lowered.as_literal() {
            Some(value) => Some(Setting { value: value.clone(), span }),
            None => {
                self.report(diag::CONSTANT_WANTED.at(span).detail(format!("`{name}` is a constant")));
                None
            }
        }
    }

    fn bool_setting(&mut self, expr: &ast::Expr, name: &str) -> Option<bool> {
        let setting = self.setting(expr, name)?;
        setting.bool(name, self.problems)
    }

    /// The one block of a kind that may stand once.
    pub fn single<'b>(&mut self, body: &'b ast::Body, kind: &str) -> Option<&'b ast::Block> {
        let mut found = body.blocks.iter().filter(|b| &*b.kind.text == kind);
        let first = found.next()?;
        self.unlabelled(first);
        for twice in found {
            let problem = diag::DUPLICATE_BLOCK.at(twice.header).detail(format!("`{kind}` may stand once"));
            self.report(problem.label(first.header, "first here"));
        }
        Some(first)
    }

    /// Reports labels where a kind of block has none; false where there are any.
    pub fn unlabelled(&mut self, block: &ast::Block) -> bool {
        if block.labels.is_empty() {
            return true;
        }
        let detail = format!("`{}` takes no label; this one has {}", block.kind.text, block.labels.len());
        self.report(diag::WRONG_LABELS.at(block.header).detail(detail));
        false
    }

    /// The `lifecycle` block.
    pub fn lifecycle(&mut self, body: &ast::Body, schema: &Arc<Schema>) -> Option<Lifecycle> {
        let known = if schema.kind == SchemaKind::Data { &[] } else { LIFECYCLE };
        let mut lifecycle = Lifecycle::default();
        let Some(block) = self.single(body, "lifecycle") else { return Some(lifecycle) };
        let mut is_whole = true;
        for nested in &block.body.blocks {
            let list = match &*nested.kind.text {
                "precondition" => &mut lifecycle.preconditions,
                "postcondition" => &mut lifecycle.postconditions,
                other => {
                    let problem = diag::UNKNOWN_BLOCK.at(nested.header);
                    let problem = problem.detail(format!("`lifecycle` has no block `{other}`"));
                    self.report(helped(problem, suggestion(other, LIFECYCLE_BLOCKS.iter().copied())));
                    is_whole = false;
                    continue;
                }
            };
            // Only after the fact there is an object to look at.
            self.self_of = (&*nested.kind.text == "postcondition").then(|| schema.clone());
            match self.validation(nested) {
                Some(condition) => list.push(condition),
                None => is_whole = false,
            }
            self.self_of = None;
        }
        for attribute in &block.body.attributes {
            let value = &attribute.value;
            let read = match &*attribute.name.text {
                name if !known.contains(&name) => {
                    let problem = diag::UNKNOWN_ARGUMENT.at(attribute.name.span);
                    let what = if known.is_empty() { "`lifecycle` of a data source" } else { "`lifecycle`" };
                    let problem = problem.detail(format!("{what} has no argument `{name}`"));
                    self.report(helped(problem, suggestion(name, known.iter().copied())));
                    None
                }
                "prevent_destroy" => {
                    self.bool_setting(value, "prevent_destroy").map(|is| lifecycle.prevent_destroy = Some(is))
                }
                "create_before_destroy" => {
                    self.bool_setting(value, "create_before_destroy").map(|is| lifecycle.create_before_destroy = is)
                }
                "ignore_changes" => self.ignored(value, &schema.body).map(|ignored| lifecycle.ignore_changes = ignored),
                _ => self.triggers(value).map(|triggers| lifecycle.replace_triggered_by = triggers),
            };
            is_whole &= read.is_some();
        }
        is_whole.then_some(lifecycle)
    }

    fn ignored(&mut self, expr: &ast::Expr, schema: &Block) -> Option<Ignore> {
        match &expr.kind {
            ast::ExprKind::Name(name) if &**name == "all" => Some(Ignore::All),
            ast::ExprKind::Tuple(items) => {
                let paths: Vec<Option<Path>> = items.iter().map(|item| self.ignored_path(item, schema)).collect();
                paths.into_iter().collect::<Option<_>>().map(Ignore::Paths)
            }
            _ => {
                let detail = "`ignore_changes` is a list of attributes, or `all`";
                self.report(diag::WRONG_SETTING.at(expr.span).detail(detail));
                None
            }
        }
    }

    fn ignored_path(&mut self, expr: &ast::Expr, schema: &Block) -> Option<Path> {
        let (root, steps) = chain(expr);
        let (ast::ExprKind::Name(first), Some(rest)) = (&root.kind, static_steps(&steps)) else {
            self.report(diag::WRONG_SETTING.at(expr.span).detail("an attribute stands here: tags, or tags[\"team\"]"));
            return None;
        };
        if schema.attribute(first).is_none() {
            let problem = diag::NO_SUCH_ATTRIBUTE.at(root.span).detail(format!("there is no attribute `{first}`"));
            let help = suggestion(first, schema.attributes.iter().map(|a| &*a.name));
            self.report(helped(problem, help));
            return None;
        }
        let mut path = vec![PathStep::Name(first.clone())];
        path.extend(rest);
        Some(Path(path))
    }

    fn triggers(&mut self, expr: &ast::Expr) -> Option<Vec<Trigger>> {
        let ast::ExprKind::Tuple(items) = &expr.kind else {
            let detail = "`replace_triggered_by` is a list of references to resources";
            self.report(diag::WRONG_SETTING.at(expr.span).detail(detail));
            return None;
        };
        let triggers: Vec<Option<Trigger>> = items.iter().map(|item| self.trigger(item)).collect();
        triggers.into_iter().collect()
    }

    fn trigger(&mut self, item: &ast::Expr) -> Option<Trigger> {
        let (referent, taken) = self.target(item)?;
        let Referent::Resource(resource) = referent else {
            let detail = "`replace_triggered_by` names resources, not modules";
            self.report(diag::WRONG_SETTING.at(item.span).detail(detail));
            return None;
        };
        let (_, steps) = chain(item);
        let rest = steps.get(taken..).unwrap_or_default();
        let (key, rest) = match rest.split_first() {
            Some((Taken::Index(key, _), rest)) => (Some(self.expr(key)?), rest),
            _ => (None, rest),
        };
        let Some(path) = static_steps(rest) else {
            self.report(diag::WRONG_SETTING.at(item.span).detail("the path of an attribute has constant keys only"));
            return None;
        };
        Some(Trigger { resource: super::refer::index(resource), key, path: Path(path), span: item.span })
    }

    /// The `timeouts` block: seconds by verb.
    pub fn timeouts(&mut self, body: &ast::Body) -> Option<BTreeMap<Text, u64>> {
        let mut timeouts = BTreeMap::new();
        let Some(block) = self.single(body, "timeouts") else { return Some(timeouts) };
        let mut is_whole = true;
        for nested in &block.body.blocks {
            let detail = format!("`timeouts` has no block `{}`", nested.kind.text);
            self.report(diag::UNKNOWN_BLOCK.at(nested.header).detail(detail));
            is_whole = false;
        }
        for attribute in &block.body.attributes {
            let name = &attribute.name;
            if !VERBS.contains(&&*name.text) {
                let problem = diag::UNKNOWN_ARGUMENT.at(name.span);
                let problem = problem.detail(format!("`timeouts` has no argument `{}`", name.text));
                self.report(helped(problem, suggestion(&name.text, VERBS.iter().copied())));
                is_whole = false;
                continue;
            }
            let setting = self.setting(&attribute.value, &name.text);
            let seconds = setting.and_then(|setting| {
                let seconds = setting.value.as_str().and_then(seconds);
                if seconds.is_none() {
                    let detail = format!("`{}` is a duration: \"30m\", \"1h30m\", \"90s\"", name.text);
                    self.report(diag::WRONG_SETTING.at(setting.span).detail(detail));
                }
                seconds
            });
            match seconds {
                Some(seconds) => {
                    timeouts.insert(name.text.clone(), seconds);
                }
                None => is_whole = false,
            }
        }
        is_whole.then_some(timeouts)
    }
}

fn static_steps(steps: &[Taken<'_>]) -> Option<Vec<PathStep>> {
    let step = |step: &Taken<'_>| match step {
        Taken::Attr(name, _) => Some(PathStep::Name(name.text.clone())),
        Taken::Index(key, _) => match &key.kind {
            ast::ExprKind::String(text) => Some(PathStep::Name(text.clone())),
            ast::ExprKind::Number(Number::Int(at)) => u64::try_from(*at).ok().map(PathStep::Index),
            _ => None,
        },
    };
    steps.iter().map(step).collect()
}

/// Seconds of `1h30m`; `None` for anything else, and for nothing at all.
pub(crate) fn seconds(text: &str) -> Option<u64> {
    let mut total: u64 = 0;
    let mut rest = text;
    let mut largest = u64::MAX;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: u64 = rest.get(..digits)?.parse().ok()?;
        let unit = match rest.get(digits..=digits)? {
            "h" => 3_600,
            "m" => 60,
            "s" => 1,
            _ => return None,
        };
        if unit >= largest {
            return None;
        }
        largest = unit;
        total = total.checked_add(number.checked_mul(unit)?)?;
        rest = rest.get(digits + 1..)?;
    }
    (largest != u64::MAX).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn durations_are_hours_minutes_seconds_in_this_order() {
        for (text, expected) in [
            ("30m", Some(1_800)),
            ("1h30m", Some(5_400)),
            ("90s", Some(90)),
            ("1h0m5s", Some(3_605)),
            ("", None),
            ("30", None),
            ("30m1h", None),
            ("1m1m", None),
            ("1.5h", None),
            ("5é", None),
            ("99999999999999999999s", None),
        ] {
            assert_eq!(seconds(text), expected, "{text}");
        }
    }
}
