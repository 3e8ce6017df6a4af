//! `import`, `moved` and `removed`: their addresses are read and compared with what is declared.

use super::blocks::Lowered;
use super::lower::{Lower, Taken, chain};
use super::meta::find;
use super::names::Repeats;
use crate::diag;
use crate::eval::ir::Expr;
use crate::program::{self, Import, ImportTarget, Module, ModuleId, Moved, Removed, Repetition};
use crate::syntax::ast;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use terrane_core::schema::SchemaKind;
use terrane_core::{
    AddrPattern, Diagnostic, InstanceAddr, InstanceKey, Mode, ModulePath, Number, ResourceAddr, Span, Text,
};

/// An address as it is written: names are fixed, keys are expressions.
struct Written<'e> {
    modules: Vec<(&'e ast::Ident, Option<&'e ast::Expr>)>,
    resource: Option<WrittenResource<'e>>,
}

struct WrittenResource<'e> {
    type_name: Text,
    type_span: Span,
    name: &'e ast::Ident,
    key: Option<&'e ast::Expr>,
}

/// `module.m["k"].type.name[0]`, or why it is no address.
fn read(expr: &ast::Expr) -> Result<Written<'_>, &'static str> {
    let (root, steps) = chain(expr);
    let ast::ExprKind::Name(root_name) = &root.kind else { return Err("an address begins with a name") };
    let mut steps = steps.iter().peekable();
    let mut first = Some((root_name.clone(), root.span));
    let mut modules = Vec::new();
    while first.as_ref().is_some_and(|(name, _)| &**name == "module") {
        let Some(Taken::Attr(name, _)) = steps.next() else { return Err("`module` is written with a name behind it") };
        let key = steps.next_if(|step| matches!(step, Taken::Index(..))).and_then(index_of);
        modules.push((*name, key));
        first = match steps.next() {
            None => None,
            Some(Taken::Attr(name, _)) => Some((name.text.clone(), name.span)),
            Some(Taken::Index(..)) => return Err("a module has one key"),
        };
    }
    let Some((type_name, type_span)) = first else { return Ok(Written { modules, resource: None }) };
    if &*type_name == "data" {
        return Err("what is only read is no matter of state");
    }
    let Some(Taken::Attr(name, _)) = steps.next() else { return Err("a resource is written type.name") };
    let key = steps.next().map(|step| index_of(step).ok_or("an address ends with the instance, not with an attribute"));
    let key = key.transpose()?;
    match steps.next() {
        None => Ok(Written { modules, resource: Some(WrittenResource { type_name, type_span, name, key }) }),
        Some(_) => Err("an address ends with the instance, not with an attribute"),
    }
}

fn index_of<'e>(step: &Taken<'e>) -> Option<&'e ast::Expr> {
    match step {
        Taken::Index(key, _) => Some(key),
        Taken::Attr(..) => None,
    }
}

/// A key that is a constant.
fn constant_key(key: Option<&ast::Expr>) -> Result<Option<InstanceKey>, &'static str> {
    match key.map(|key| &key.kind) {
        None => Ok(None),
        Some(ast::ExprKind::String(name)) => Ok(Some(InstanceKey::Name(name.clone()))),
        Some(ast::ExprKind::Number(Number::Int(index))) => match u64::try_from(*index) {
            Ok(index) => Ok(Some(InstanceKey::Index(index))),
            Err(_) => Err("an index is not negative"),
        },
        Some(_) => Err("a key is a number or a text in quotes here"),
    }
}

impl Written<'_> {
    fn pattern(&self) -> Result<AddrPattern, &'static str> {
        let mut module = ModulePath::root();
        for (name, key) in &self.modules {
            module = module.child(name.text.clone(), constant_key(*key)?);
        }
        let Some(resource) = &self.resource else { return Ok(AddrPattern::Module(module)) };
        let (type_name, name) = (resource.type_name.clone(), resource.name.text.clone());
        let block = ResourceAddr { module, mode: Mode::Managed, type_name, name };
        Ok(AddrPattern::Resource(InstanceAddr::new(Arc::new(block), constant_key(resource.key)?)))
    }

    fn has_key(&self) -> bool {
        self.modules.iter().any(|(_, key)| key.is_some())
            || self.resource.as_ref().is_some_and(|resource| resource.key.is_some())
    }
}

impl Lower<'_> {
    /// An argument that has to be there; what has another name may be meant for it.
    fn wanted<'b>(&mut self, block: &'b ast::Block, name: &str, is_known: bool) -> Option<&'b ast::Attribute> {
        let found = find(&block.body, name);
        if found.is_none() && is_known {
            self.report(diag::MISSING_ARGUMENT.at(block.header).detail(format!("the argument `{name}` is missing")));
        }
        found
    }

    fn no_address(&mut self, expr: &ast::Expr, why: &str) {
        // What could not be read has its problem already.
        if !matches!(chain(expr).0.kind, ast::ExprKind::Broken(_)) {
            self.report(diag::ADDRESS_WANTED.at(expr.span).detail(why.to_owned()));
        }
    }

    fn pattern(&mut self, attribute: &ast::Attribute) -> Option<AddrPattern> {
        match read(&attribute.value).and_then(|written| written.pattern()) {
            Ok(pattern) => Some(pattern),
            Err(why) => {
                self.no_address(&attribute.value, why);
                None
            }
        }
    }

    /// An `import` block; its block is looked up later.
    pub fn import_block(&mut self, block: &ast::Block) -> Option<Import> {
        let is_known = self.only(block, &["to", "id", "for_each", "provider"], &[]);
        let repetition = self.repetition(&block.body, Repeats::of(&block.body));
        let id = self.wanted(block, "id", is_known).map(|attribute| self.expr(&attribute.value));
        let to = self.wanted(block, "to", is_known).map(|attribute| self.import_target(&attribute.value));
        self.around = super::lower::Surroundings::PLAIN;
        let (to, id) = (to??, id??);
        let provider = self.provider_of(&block.body, &to.type_name)?;
        is_known.then_some(Import { to, id, repetition: repetition?, provider, span: block.header })
    }

    fn import_target(&mut self, expr: &ast::Expr) -> Option<ImportTarget> {
        let written = match read(expr) {
            Ok(written) => written,
            Err(why) => {
                self.no_address(expr, why);
                return None;
            }
        };
        let Some(resource) = written.resource else {
            self.no_address(expr, "an import fills one instance of a resource");
            return None;
        };
        let mut key_of = |key: Option<&ast::Expr>| match key {
            None => Some(None),
            Some(key) => self.expr(key).map(Some),
        };
        let modules: Vec<Option<(Text, Option<Expr>)>> =
            written.modules.iter().map(|(name, key)| Some((name.text.clone(), key_of(*key)?))).collect();
        let key = key_of(resource.key);
        let Some(schema) = self.world.schemas.resource(&resource.type_name) else {
            let names = self.world.schemas.names(SchemaKind::Resource);
            let problem =
                diag::UNKNOWN_TYPE.at(resource.type_span).detail(format!("there is no type `{}`", resource.type_name));
            let help = terrane_core::diagnostic::suggestion(&resource.type_name, names.iter().map(|name| &**name));
            self.report(super::body::helped(problem, help));
            return None;
        };
        Some(ImportTarget {
            modules: modules.into_iter().collect::<Option<_>>()?,
            type_name: resource.type_name,
            name: resource.name.text.clone(),
            key: key?,
            schema,
            block: None,
            span: expr.span,
        })
    }

    /// A `moved` block.
    pub fn moved_block(&mut self, block: &ast::Block) -> Option<Moved> {
        let is_known = self.only(block, &["from", "to"], &[]);
        let from = self.wanted(block, "from", is_known).map(|attribute| self.pattern(attribute));
        let to = self.wanted(block, "to", is_known).map(|attribute| self.pattern(attribute));
        let (from, to) = (from??, to??);
        let is_same_kind = match (&from, &to) {
            (AddrPattern::Module(_), AddrPattern::Module(_)) => true,
            (AddrPattern::Resource(a), AddrPattern::Resource(b)) => a.resource.type_name == b.resource.type_name,
            _ => false,
        };
        if !is_same_kind {
            self.report(diag::MOVE_TYPE_CHANGED.at(block.header).with("from", &from).with("to", &to));
            return None;
        }
        is_known.then_some(Moved { from, to, span: block.header })
    }

    /// A `removed` block.
    pub fn removed_block(&mut self, block: &ast::Block) -> Option<Removed> {
        let is_known = self.only(block, &["from"], &["lifecycle"]);
        let from = self.wanted(block, "from", is_known).and_then(|attribute| {
            if read(&attribute.value).is_ok_and(|written| written.has_key()) {
                let why = "`removed` is about all instances, so its address has no keys";
                self.no_address(&attribute.value, why);
                return None;
            }
            self.pattern(attribute)
        });
        let Some(lifecycle) = self.single(&block.body, "lifecycle") else {
            let problem = diag::MISSING_ARGUMENT.at(block.header).detail("the block `lifecycle` is missing");
            let help = "Write lifecycle { destroy = false } to forget the object, or destroy = true to destroy it";
            self.report(problem.help(help));
            return None;
        };
        let is_known = self.only(lifecycle, &["destroy"], &[]) && is_known;
        self.wanted(lifecycle, "destroy", is_known)?;
        let destroys = self.flag(&lifecycle.body, "destroy", false);
        is_known.then_some(Removed { from: from?, destroys: destroys?, span: block.header })
    }
}

/// The imports of the root folder; those of other folders are refused.
pub(crate) fn imports(lowered: &mut BTreeMap<String, Lowered>, problems: &mut Vec<Diagnostic>) -> Vec<Import> {
    let mut root = Vec::new();
    for (folder, part) in lowered.iter_mut() {
        let imports = std::mem::take(&mut part.imports);
        if folder == "." {
            root = imports;
        } else {
            problems.extend(imports.iter().map(|import| diag::IMPORT_IN_MODULE.at(import.span)));
        }
    }
    root
}

/// Finds the blocks of imports, and reports what `moved` and `removed` contradict.
pub(crate) fn check(modules: &[Module], imports: &mut [Import], problems: &mut Vec<Diagnostic>) {
    for import in imports {
        import.to.block = find_block(modules, &import.to, problems);
    }
    let mut folders = BTreeSet::new();
    for (number, module) in modules.iter().enumerate() {
        if folders.insert(&module.folder) {
            check_moves(modules, ModuleId(number), module, problems);
            check_removals(modules, ModuleId(number), module, problems);
        }
    }
}

fn find_block(modules: &[Module], to: &ImportTarget, problems: &mut Vec<Diagnostic>) -> Option<(ModuleId, usize)> {
    let mut at = ModuleId(0);
    for (name, key) in &to.modules {
        let call = modules.get(at.0)?.calls.iter().find(|call| call.name == *name)?;
        check_key(&call.repetition, key.as_ref(), &format!("module.{name}"), (to, problems));
        at = call.module;
    }
    let resources = &modules.get(at.0)?.resources;
    let is_meant = |r: &program::Resource| r.mode == Mode::Managed && r.type_name == to.type_name && r.name == to.name;
    let index = resources.iter().position(is_meant)?;
    let repetition = &resources.get(index)?.repetition;
    check_key(repetition, to.key.as_ref(), &format!("{}.{}", to.type_name, to.name), (to, problems));
    Some((at, index))
}

fn check_key(
    repetition: &Repetition,
    key: Option<&Expr>,
    shown: &str,
    (to, problems): (&ImportTarget, &mut Vec<Diagnostic>),
) {
    match (repetition, key) {
        (Repetition::Single, Some(key)) => {
            let detail = format!("`{shown}` has neither `count` nor `for_each`");
            problems.push(diag::UNEXPECTED_INSTANCE_KEY.at(key.span).detail(detail));
        }
        (Repetition::Count(_) | Repetition::ForEach(_), None) => {
            let problem = diag::MISSING_INSTANCE_KEY.at(to.span).detail(format!("`{shown}` stands for many instances"));
            problems.push(problem.help("Name the one that the object becomes"));
        }
        (Repetition::Single, None) | (Repetition::Count(_) | Repetition::ForEach(_), Some(_)) => {}
    }
}

fn check_moves(modules: &[Module], id: ModuleId, module: &Module, problems: &mut Vec<Diagnostic>) {
    let mut sources: BTreeMap<String, &Moved> = BTreeMap::new();
    let mut targets: BTreeMap<String, &Moved> = BTreeMap::new();
    for moved in &module.moves {
        if is_declared(modules, id, moved) {
            problems.push(diag::MOVE_SOURCE_DECLARED.at(moved.span).with("from", &moved.from));
        }
        let (from, to) = (moved.from.to_string(), moved.to.to_string());
        for (known, name, what) in [(&mut sources, from, "two targets"), (&mut targets, to, "two sources")] {
            match known.get(&name) {
                Some(first) => {
                    let problem = diag::MOVE_AMBIGUOUS.at(moved.span).detail(format!("`{name}` has {what}"));
                    problems.push(problem.label(first.span, "first here"));
                }
                None => {
                    known.insert(name, moved);
                }
            }
        }
    }
    check_cycles(&module.moves, &sources, problems);
}

/// Whether the source of a move is there: keys are compared when they are known.
fn is_declared(modules: &[Module], id: ModuleId, moved: &Moved) -> bool {
    let steps = match &moved.from {
        AddrPattern::Module(path) => path.steps(),
        AddrPattern::Resource(addr) => addr.resource.module.steps(),
    };
    let has_key = steps.iter().any(|step| step.key.is_some())
        || matches!(&moved.from, AddrPattern::Resource(addr) if addr.key.is_some());
    if has_key || !program::declares(modules, id, &moved.from) {
        return false;
    }
    // `a` to `a["x"]`: the block is there, and repeated now.
    !moved.is_of_one() || matches!(repetition_of(modules, id, &moved.from), Some(Repetition::Single))
}

fn repetition_of<'m>(modules: &'m [Module], id: ModuleId, pattern: &AddrPattern) -> Option<&'m Repetition> {
    match pattern {
        AddrPattern::Module(path) => {
            let (last, above) = path.steps().split_last()?;
            let caller = program::callee(modules, id, above.iter().map(|step| &step.name))?;
            modules.get(caller.0)?.calls.iter().find(|call| call.name == last.name).map(|call| &call.repetition)
        }
        AddrPattern::Resource(addr) => {
            let wanted = &addr.resource;
            let module = program::callee(modules, id, wanted.module.steps().iter().map(|step| &step.name))?;
            let is_meant = |r: &&program::Resource| {
                r.mode == wanted.mode && r.type_name == wanted.type_name && r.name == wanted.name
            };
            modules.get(module.0)?.resources.iter().find(is_meant).map(|resource| &resource.repetition)
        }
    }
}

/// Each circle is told at its first block.
fn check_cycles(moves: &[Moved], sources: &BTreeMap<String, &Moved>, problems: &mut Vec<Diagnostic>) {
    let mut is_told = BTreeSet::new();
    for first in moves {
        let mut chain = vec![first];
        let mut next = sources.get(&first.to.to_string()).copied();
        while let Some(moved) = next.filter(|_| chain.len() <= moves.len()) {
            if std::ptr::eq(moved, first) {
                let names: Vec<String> = chain.iter().map(|moved| moved.from.to_string()).collect();
                if is_told.is_disjoint(&names.iter().cloned().collect()) {
                    problems.push(diag::MOVE_CYCLE.at(first.span).detail(names.join(" to ")));
                }
                is_told.extend(names);
                break;
            }
            chain.push(moved);
            next = sources.get(&moved.to.to_string()).copied();
        }
    }
}

fn check_removals(modules: &[Module], id: ModuleId, module: &Module, problems: &mut Vec<Diagnostic>) {
    let mut seen: BTreeMap<String, Span> = BTreeMap::new();
    for removed in &module.removals {
        let name = removed.from.to_string();
        if program::declares(modules, id, &removed.from) {
            problems.push(diag::REMOVED_STILL_DECLARED.at(removed.span).with("from", &name));
        }
        match seen.get(&name) {
            Some(first) => {
                let problem = diag::DUPLICATE_DECLARATION.at(removed.span);
                problems.push(problem.detail(format!("`{name}` is removed twice")).label(*first, "first here"));
            }
            None => {
                seen.insert(name, removed.span);
            }
        }
    }
}
