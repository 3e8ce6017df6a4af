//! What is wrong with `count` and `for_each` before any value is known: the types of variables and attributes and the
//! forms of expressions say that something is a list, whatever stands in it.

use crate::eval::ir::{Expr, ExprKind};
use crate::eval::{self, Nothing};
use crate::program::{Module, Repetition};
use crate::scope::{KeyForm, Scope, Sources};
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use terrane_core::{Diagnostic, InstanceKey, Residual, Text, Type, Value};

/// Locals that refer to each other over more links than this are not looked into.
const MOST_LINKS: u32 = 100;

/// Reports every `count` that cannot be a number and every `for_each` that can only be a list. The modules are whole and
/// without circles; each folder is looked at once.
pub(crate) fn check(modules: &[Module], problems: &mut Vec<Diagnostic>) {
    let mut folders = BTreeSet::new();
    for module in modules.iter().filter(|module| folders.insert(&module.folder)) {
        let types = Types { module, locals: RefCell::new(vec![None; module.locals.len()]), links: Cell::new(0) };
        let blocks = module.resources.iter().map(|resource| &resource.repetition);
        for repetition in blocks.chain(module.calls.iter().map(|call| &call.repetition)) {
            if let Some(expr) = eval::repetition_expression(repetition) {
                eval::repeated_of(repetition, &types.of(expr), problems);
            }
        }
    }
}

/// A scope in which only types are known.
struct Types<'m> {
    module: &'m Module,
    locals: RefCell<Vec<Option<Value>>>,
    links: Cell<u32>,
}

/// A value of which only the type is known. It may turn out to be an error, so `try` goes on to what stands behind it.
fn only(ty: Type) -> Value {
    Value::unknown(ty, Residual::Local(u32::MAX))
}

impl Types<'_> {
    /// What is known of an expression; something of any type where nothing is, or where it has an error.
    fn of(&self, expr: &Expr) -> Value {
        match &expr.kind {
            // A loop over a hundred thousand constants is gone through once, when it is planned.
            ExprKind::For(each) if each.result_key.is_some() => return only(Type::map(Type::Any)),
            ExprKind::For(_) | ExprKind::Splat(_) => return only(Type::list(Type::Any)),
            _ => {}
        }
        let mut is_pure = true;
        expr.visit(&mut |part| {
            if let ExprKind::Call(call) = &part.kind {
                is_pure &= eval::is_pure(call.function);
            }
        });
        // What a file holds, or whether there is one, is a matter of planning.
        let value = is_pure.then(|| eval::evaluate(expr, self, &mut Vec::new())).flatten();
        value.unwrap_or_else(|| only(Type::Any))
    }

    fn whole(&self, index: usize) -> Value {
        let Some(resource) = self.module.resources.get(index) else { return only(Type::Any) };
        let one = resource.schema.body.implied_type();
        only(match resource.repetition {
            Repetition::Single => one,
            Repetition::Count(_) => Type::list(one),
            Repetition::ForEach(_) => Type::map(one),
        })
    }
}

fn form(repetition: Option<&Repetition>) -> Result<KeyForm, Value> {
    match repetition {
        Some(Repetition::Single) => Ok(KeyForm::Single),
        Some(Repetition::Count(_)) => Ok(KeyForm::Index),
        Some(Repetition::ForEach(_)) => Ok(KeyForm::Name),
        None => Err(only(Type::Any)),
    }
}

impl Scope for Types<'_> {
    fn variable(&self, index: usize) -> Value {
        let Some(variable) = self.module.variables.get(index) else { return only(Type::Any) };
        let value = Value::unknown(variable.ty.clone(), Residual::Variable(variable.name.clone()));
        if variable.is_sensitive { value.sensitive() } else { value }
    }
    fn local(&self, index: usize) -> Value {
        if let Some(Some(known)) = self.locals.borrow().get(index) {
            return known.clone();
        }
        let links = self.links.get();
        let Some(local) = self.module.locals.get(index).filter(|_| links < MOST_LINKS) else { return only(Type::Any) };
        self.links.set(links + 1);
        let value = self.of(&local.value);
        self.links.set(links);
        if let Some(place) = self.locals.borrow_mut().get_mut(index) {
            *place = Some(value.clone());
        }
        value
    }
    fn resource(&self, index: usize) -> Value {
        self.whole(index)
    }
    fn instance(&self, index: usize, _: Option<&InstanceKey>) -> Option<Value> {
        let resource = self.module.resources.get(index);
        Some(only(resource.map_or(Type::Any, |resource| resource.schema.body.implied_type())))
    }
    fn keys(&self, _: usize) -> Result<Option<Vec<InstanceKey>>, Value> {
        Err(only(Type::Any))
    }
    fn key_form(&self, index: usize) -> Result<KeyForm, Value> {
        form(self.module.resources.get(index).map(|resource| &resource.repetition))
    }
    fn module(&self, _: usize) -> Value {
        only(Type::Any)
    }
    fn module_output(&self, _: usize, _: Option<&InstanceKey>, _: &str) -> Option<Value> {
        Some(only(Type::Any))
    }
    fn module_keys(&self, _: usize) -> Result<Option<Vec<InstanceKey>>, Value> {
        Err(only(Type::Any))
    }
    fn module_key_form(&self, index: usize) -> Result<KeyForm, Value> {
        form(self.module.calls.get(index).map(|call| &call.repetition))
    }
    fn each(&self) -> Option<(Value, Value)> {
        None
    }
    fn count_index(&self) -> Option<Value> {
        None
    }
    fn self_value(&self) -> Option<Value> {
        None
    }
    fn module_folder(&self) -> Text {
        self.module.folder.clone()
    }
    fn sources(&self) -> &dyn Sources {
        &Nothing
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::loaded;

    /// What is wrong with `count` or `for_each` in a block among these declarations.
    fn found(declarations: &str, repetition: &str) -> Vec<(&'static str, String)> {
        let text = format!("{declarations}\nresource \"t_thing\" \"a\" {{\n  {repetition}\n  name = \"x\"\n}}\n");
        let loaded = loaded(&text);
        let place = |p: &terrane_core::Diagnostic| p.span().and_then(|s| loaded.sources.text(s)).unwrap_or("");
        loaded.problems.iter().map(|p| (p.kind.id, place(p).to_owned())).collect()
    }

    const NAMES: &str = "variable \"names\" {\n  type = list(string)\n}\nvariable \"on\" {\n  type = bool\n}\n\
        variable \"any\" {}\nvariable \"tags\" {\n  type = map(string)\n}\n\
        variable \"pin\" {\n  default   = 1\n  sensitive = true\n}\n\
        data \"t_look\" \"d\" {\n  region = \"r\"\n}\nlocals {\n  names = [for n in var.names : upper(n)]\n  \
        more  = concat(local.names, [\"b\"])\n}\n";

    #[test]
    fn a_list_in_for_each_is_refused_without_a_plan() {
        for list in [
            "[\"a\", \"b\"]",
            "[var.any]",
            "var.names",
            "local.names",
            "data.t_look.d.subnets",
            "keys(var.tags)",
            "var.on ? [\"a\"] : [\"b\", \"c\"]",
            "[for k, v in var.tags : k]",
            "var.any[*]",
            "split(\",\", var.any)",
        ] {
            assert_eq!(found(NAMES, &format!("for_each = {list}")), [("for-each-invalid", list.to_owned())]);
        }
        for text in ["\"a\"", "null", "toset([1])", "var.on"] {
            assert_eq!(found(NAMES, &format!("for_each = {text}")), [("for-each-invalid", text.to_owned())]);
        }
    }

    #[test]
    fn a_count_that_is_no_number_is_refused_without_a_plan() {
        for text in ["\"three\"", "-1", "1.5", "[1]", "null", "var.names", "var.on", "data.t_look.d.subnets"] {
            assert_eq!(found(NAMES, &format!("count = {text}")), [("count-invalid", text.to_owned())]);
        }
    }

    #[test]
    fn a_sensitive_key_is_refused_without_a_plan() {
        assert_eq!(found(NAMES, "count = var.pin"), [("keys-sensitive", "var.pin".to_owned())]);
    }

    #[test]
    fn what_may_fit_is_left_to_the_plan() {
        for text in [
            "for_each = var.any",
            "for_each = toset(var.names)",
            "for_each = var.on ? var.tags : {}",
            "for_each = { for n in var.names : n => n }",
            "for_each = try(var.any.x, [])",
            "for_each = try(jsondecode(file(\"x.json\")), [])",
            "for_each = jsondecode(var.any)",
            "for_each = fileset(\".\", \"*.json\")",
            "count = var.any",
            "count = length(local.more)",
            "count = var.on ? 1 : 0",
            "count = \"3\"",
            "count = nonsensitive(var.pin)",
        ] {
            assert_eq!(found(NAMES, text), [], "{text}");
        }
    }

    #[test]
    fn a_module_called_twice_is_told_of_once_and_a_long_chain_ends() {
        use crate::testing::{Files, Types};
        let calls = "module \"a\" {\n  source = \"./m\"\n}\nmodule \"b\" {\n  source = \"./m\"\n}\n";
        let links: String = (0..5_000).map(|n| format!("  x{n} = local.x{}\n", n + 1)).collect();
        let chain =
            format!("locals {{\n{links}  x5000 = 1\n}}\nmodule \"c\" {{\n  source = \"./m\"\n  count = local.x0\n}}\n");
        let inner = "resource \"t_thing\" \"a\" {\n  name  = \"x\"\n  count = \"x\"\n}\n";
        let files = Files::of(&[("main.hcl", calls), ("chain.hcl", &chain), ("m/main.hcl", inner)]);
        let problems = crate::check::load(&files, ".", &Types).problems;
        assert_eq!(problems.iter().map(|p| p.kind.id).collect::<Vec<_>>(), ["count-invalid"]);
    }
}
