//! Provider configurations on their way from callers into modules.
//!
//! A module uses the nearest configuration of a name, from itself outwards. `providers` of a call says that a name inside
//! means another one outside.

use super::lower::{Lower, Taken, chain};
use super::meta;
use super::names::unknown_provider;
use crate::diag;
use crate::program::{Module, ModuleId, PassedProvider, ProviderRef, Repetition};
use crate::syntax::ast;
use terrane_core::Diagnostic;

impl Lower<'_> {
    /// `providers = { eks = eks.west }`.
    pub fn passed_providers(&mut self, body: &ast::Body) -> Option<Vec<PassedProvider>> {
        let Some(attribute) = meta::find(body, "providers") else { return Some(Vec::new()) };
        let ast::ExprKind::Object(items) = &attribute.value.kind else {
            let detail = "`providers` names a configuration for each name of the module: { eks = eks.west }";
            self.report(diag::WRONG_SETTING.at(attribute.value.span).detail(detail));
            return None;
        };
        let mut passed: Vec<PassedProvider> = Vec::with_capacity(items.len());
        let mut is_whole = true;
        for item in items {
            let (inside, outside) = (self.provider_name(&item.key), self.provider_name(&item.value));
            let (Some(inside), Some(outside)) = (inside, outside) else {
                is_whole = false;
                continue;
            };
            let span = item.key.span.to(item.value.span);
            let problem = if inside.name != outside.name {
                let detail = format!("`{}` is no configuration of the provider `{}`", outside.name, inside.name);
                Some(diag::WRONG_SETTING.at(item.value.span).detail(detail))
            } else {
                let first = passed.iter().find(|other| other.inside == inside);
                first.map(|first| {
                    let problem = diag::DUPLICATE_KEY.at(item.key.span).detail("the name stands twice");
                    problem.label(first.span, "first here")
                })
            };
            match problem {
                Some(problem) => {
                    is_whole &= !problem.is_error();
                    self.report(problem);
                }
                None => passed.push(PassedProvider { inside, outside, span }),
            }
        }
        is_whole.then_some(passed)
    }

    /// `eks` or `eks.west`.
    fn provider_name(&mut self, expr: &ast::Expr) -> Option<ProviderRef> {
        let (root, steps) = chain(expr);
        let (name, alias) = match (&root.kind, steps.as_slice()) {
            (ast::ExprKind::Name(name), []) => (name.clone(), None),
            (ast::ExprKind::Name(name), [Taken::Attr(alias, _)]) => (name.clone(), Some(alias.text.clone())),
            _ => {
                let detail = "a provider is written as a name: eks, or eks.alias";
                self.report(diag::WRONG_SETTING.at(expr.span).detail(detail));
                return None;
            }
        };
        if self.world.schemas.provider(&name).is_none() {
            self.report(unknown_provider(self.world.schemas, &name, root.span));
            return None;
        }
        Some(ProviderRef { name, alias })
    }
}

/// The configuration that a module means by a name: what it is called where it stands, and its block; without a block it is
/// the default one.
pub(crate) fn resolved(
    modules: &[Module],
    from: ModuleId,
    wanted: &ProviderRef,
) -> (ProviderRef, Option<(ModuleId, usize)>) {
    let mut wanted = wanted.clone();
    let mut at = from;
    while let Some(module) = modules.get(at.0) {
        if let Some(found) = module.providers.iter().position(|block| block.provider == wanted) {
            return (wanted, Some((at, found)));
        }
        let Some((caller, call)) = module.caller else { break };
        let call = modules.get(caller.0).and_then(|caller| caller.calls.get(call));
        let passed = call.and_then(|call| call.providers.iter().find(|passed| passed.inside == wanted));
        if let Some(passed) = passed {
            wanted = passed.outside.clone();
        }
        at = caller;
    }
    (wanted, None)
}

/// Reports names that no configuration has, and modules that stand many times and configure providers.
pub(crate) fn check(modules: &[Module], problems: &mut Vec<Diagnostic>) {
    let unknown = |provider: &ProviderRef, alias: &str| {
        format!("no provider \"{}\" block has the alias `{alias}`", provider.name)
    };
    for (number, module) in modules.iter().enumerate() {
        let from = ModuleId(number);
        for resource in &module.resources {
            let Some(alias) = &resource.provider.alias else { continue };
            let (means, block) = resolved(modules, from, &resource.provider);
            // What a call passes is told at the call.
            if block.is_none() && means == resource.provider {
                let detail = unknown(&resource.provider, alias);
                problems.push(diag::UNKNOWN_PROVIDER.at(resource.span).detail(detail));
            }
        }
        for call in &module.calls {
            for passed in &call.providers {
                let Some(alias) = &passed.outside.alias else { continue };
                let (means, block) = resolved(modules, from, &passed.outside);
                if block.is_none() && means.alias.is_some() {
                    problems.push(diag::UNKNOWN_PROVIDER.at(passed.span).detail(unknown(&passed.outside, alias)));
                }
            }
            let callee = modules.get(call.module.0);
            let block = callee.and_then(|callee| callee.providers.first());
            if let (Some(block), false) = (block, matches!(call.repetition, Repetition::Single)) {
                let detail = "a module that configures a provider stands once, and this call repeats it";
                let problem = diag::WRONG_SETTING.at(call.span).detail(detail).label(block.span, "configured here");
                problems.push(problem.help("Configure the provider outside and pass it with `providers`"));
            }
        }
    }
}

/// Writes into each resource what its provider is called where it is configured. The order of evaluation is made before:
/// it follows the names as they stand.
pub(crate) fn resolve(modules: &mut [Module]) {
    if modules.iter().all(|module| module.calls.iter().all(|call| call.providers.is_empty())) {
        return;
    }
    for number in 0..modules.len() {
        let count = modules.get(number).map_or(0, |module| module.resources.len());
        for at in 0..count {
            let wanted = modules.get(number).and_then(|module| module.resources.get(at)).map(|r| r.provider.clone());
            let Some(wanted) = wanted else { continue };
            let (means, _) = resolved(modules, ModuleId(number), &wanted);
            if let Some(resource) = modules.get_mut(number).and_then(|module| module.resources.get_mut(at)) {
                resource.provider = means;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::check::load;
    use crate::program::Node;
    use crate::testing::{Files, Types, program, shown};

    const PROVIDERS: &str = "provider \"t\" {\n}\nprovider \"t\" {\n  alias = \"west\"\n}\n";
    const THING: &str = "resource \"t_thing\" \"a\" {\n  name = \"a\"\n}\nresource \"t_thing\" \"b\" {\n  name = \"b\"\n  provider = t.peer\n}\n";

    fn call(folder: &str, providers: &str) -> String {
        format!("module \"m\" {{\n  source = \"./{folder}\"\n  providers = {providers}\n}}\n")
    }

    // A1
    #[test]
    fn a_module_is_given_its_providers_over_several_calls() {
        let root = format!("{PROVIDERS}{}", call("m", "{ t = t.west, t.far = t }"));
        let files =
            [("main.hcl", root.as_str()), ("m/main.hcl", &call("../n", "{ t.peer = t.far }")), ("n/main.hcl", THING)];
        let program = program(&files);
        let aliases: Vec<Option<&str>> =
            program.modules[2].resources.iter().map(|resource| resource.provider.alias.as_deref()).collect();
        assert_eq!(aliases, [Some("west"), None]);
        let at = |wanted: &dyn Fn(&Node) -> bool| program.order.iter().position(wanted).unwrap();
        let provider = at(&|node| matches!(node, Node::Provider(_, 1)));
        assert!(provider < at(&|node| matches!(node, Node::Resource(_, 0))));
    }

    #[test]
    fn what_cannot_be_passed_is_told() {
        for (providers, id) in [
            ("{ t.peer = t.west }", None),
            ("{ t.peer = t.wset }", Some("unknown-provider")),
            ("{ t.peer = u }", Some("unknown-provider")),
            ("{ \"t\" = t }", Some("wrong-setting")),
            ("[t]", Some("wrong-setting")),
            ("{ t.other = t.west }", Some("unknown-provider")),
        ] {
            let root = format!("{PROVIDERS}{}", call("m", providers));
            let loaded = load(&Files::of(&[("main.hcl", &root), ("m/main.hcl", THING)]), ".", &Types);
            let ids: Vec<&str> = loaded.problems.iter().map(|problem| problem.kind.id).collect();
            assert_eq!(ids, Vec::from_iter(id), "{providers}: {:?}", shown(&loaded.problems));
        }
    }

    #[test]
    fn a_module_that_configures_a_provider_stands_once() {
        let root = "module \"m\" {\n  source = \"./m\"\n  count = 2\n}\n";
        let loaded = load(&Files::of(&[("main.hcl", root), ("m/main.hcl", "provider \"t\" {\n}\n")]), ".", &Types);
        assert_eq!(loaded.problems[0].kind.id, "wrong-setting", "{:?}", shown(&loaded.problems));
    }
}
