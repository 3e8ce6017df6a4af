//! `-target`: which parts of the program and of the state take part.

use super::walk::Walk;
use super::{Selection, Task};
use crate::diag;
use crate::plan::Mode as PlanMode;
use crate::state::Recorded;
use std::collections::{BTreeMap, BTreeSet};
use terrane_core::{AddrPattern, BlockNames, Diagnostic, InstanceAddr, Mode, ObjectId, Place, Selector, Text, Value};
use terrane_lang::eval::ir::{Expr, ExprKind, Referent, Step};
use terrane_lang::program::{ModuleId, Node, Program, Repetition, Target, Validation};

/// A block: calls from the root, mode, type and name.
pub type Block = (Vec<Text>, Mode, Text, Text);

/// Marks the nodes that take part. Everything, where nothing is targeted.
pub fn select(walk: &mut Walk<'_>) {
    if walk.options.task == Task::Look {
        walk.is_wanted.fill(false);
    } else if works_from_records(walk) {
        for (number, node) in walk.program.order.iter().enumerate() {
            let is_kept = match node {
                Node::Variable(ModuleId(module), _) | Node::Local(ModuleId(module), _) => *module == 0,
                Node::Provider(..) => true,
                Node::Resource(..) | Node::Call(..) | Node::Output(..) | Node::Import(_) => false,
            };
            if let Some(place) = walk.is_wanted.get_mut(number) {
                *place = is_kept;
            }
        }
    }
    if walk.options.mode == PlanMode::RefreshOnly {
        // A refresh looks at what is recorded, and takes nothing over.
        for (number, node) in walk.program.order.iter().enumerate() {
            if let (Node::Import(_), Some(place)) = (node, walk.is_wanted.get_mut(number)) {
                *place = false;
            }
        }
    }
    for (flag, pattern) in patterns(walk) {
        let is_recorded = walk.state.objects.keys().any(|(addr, _)| pattern.matches(addr));
        let is_about_records = walk.options.task != Task::Configuration && walk.options.task != Task::Look;
        if !is_recorded && (is_about_records || !is_declared(walk.program, &pattern)) {
            walk.problems.push(nothing(flag, &pattern));
        }
    }
    let Some(targets) = walk.options.selection.targets() else { return };
    if !works_from_records(walk) {
        let wanted = closure(walk.program, targets, changed_outputs(walk));
        for (number, node) in walk.program.order.iter().enumerate() {
            if let Some(place) = walk.is_wanted.get_mut(number) {
                *place = match node {
                    Node::Provider(..) => true,
                    Node::Import(_) if walk.options.mode == PlanMode::RefreshOnly => false,
                    _ => wanted.contains(node),
                };
            }
        }
        walk.wanted_blocks = blocks(walk.program, &wanted);
    }
}

/// Outputs of the root module that take part for their own sake.
fn changed_outputs<'w>(walk: &'w Walk<'_>) -> &'w [Text] {
    match &walk.options.selection {
        Selection::Changed(changed) => &changed.outputs,
        Selection::Everything | Selection::Only(_) | Selection::AllBut(_) => &[],
    }
}

/// What a user named, and has to match something.
fn patterns(walk: &Walk<'_>) -> Vec<(&'static str, Selector)> {
    let is_flag = matches!(walk.options.task, Task::Configuration | Task::Look);
    let (flag, selectors): (_, &[Selector]) = match &walk.options.selection {
        Selection::Everything | Selection::Changed(_) => ("", &[]),
        Selection::Only(selectors) => (if is_flag { "-target" } else { "" }, selectors),
        Selection::AllBut(selectors) => ("-exclude", selectors),
    };
    let selected = selectors.iter().map(|selector| (flag, selector.clone()));
    selected.chain(walk.options.replace.iter().map(|selector| ("-replace", selector.clone()))).collect()
}

fn nothing(flag: &str, pattern: &Selector) -> Diagnostic {
    let kind = if flag == "-exclude" { &diag::EXCLUDE_MATCHES_NOTHING } else { &diag::TARGET_MATCHES_NOTHING };
    let flag = if flag.is_empty() { String::new() } else { format!("{flag}=") };
    kind.at(Place::Argument(format!("{flag}{pattern}")))
}

/// Refuses addresses whose block is there, and not with that key; known once the walk is done.
pub fn check_keys(walk: &mut Walk<'_>) {
    if works_from_records(walk) || walk.problems.iter().any(Diagnostic::is_error) {
        return;
    }
    for (flag, pattern) in patterns(walk) {
        let declared = walk.instances.iter().filter_map(|instance| instance.addr.as_ref());
        let recorded = walk.state.objects.keys().map(|(addr, _)| addr);
        let mut all = declared.chain(recorded).chain(walk.imports.wishes.keys());
        if pattern.has_keys() && walk.excluded.blocks.is_empty() && !all.any(|addr| pattern.matches(addr)) {
            walk.problems.push(nothing(flag, &pattern));
        }
    }
}

/// Whether records alone say what takes part: the blocks of the configuration do not.
fn works_from_records(walk: &Walk<'_>) -> bool {
    walk.options.mode == PlanMode::Destroy || walk.options.task != Task::Configuration
}

/// Whether an instance takes part: it is targeted, something targeted needs its block, or it lives in what goes.
pub fn takes_part(walk: &Walk<'_>, addr: &InstanceAddr) -> bool {
    let targets = match walk.options.selection.targets() {
        None => return !walk.options.selection.is_all_but() || !walk.is_excluded(addr),
        Some(targets) => targets,
    };
    if targets.iter().any(|target| target.matches(addr)) || walk.taken_along.contains_key(addr) {
        return true;
    }
    if works_from_records(walk) {
        return false;
    }
    let block = block_of(addr);
    !targets.iter().any(|target| target.matches_block(&names_of(&block))) && walk.wanted_blocks.contains(&block)
}

fn names_of((modules, mode, type_name, name): &Block) -> BlockNames<'_> {
    BlockNames { modules, mode: *mode, type_name, name }
}

/// Takes along what lives in a targeted object that goes, for good or to be made anew: no remote side lets a cluster go
/// with pools in it. Known only once the walk is done; `true` where it has to go on because of it.
pub fn widen(walk: &mut Walk<'_>) -> bool {
    let is_without_change = walk.options.mode == PlanMode::RefreshOnly || walk.options.task != Task::Configuration;
    if walk.options.selection.targets().is_none() || is_without_change {
        return false;
    }
    let going = going(walk);
    let inside = |record: &Recorded| {
        let home = record.sent.get("cluster").and_then(Value::as_text)?;
        let parent = going.get(&(record.id.scope.provider.clone(), home.clone()))?;
        Some((record.addr.clone(), parent.clone()))
    };
    let records = walk.state.objects.values().filter(|record| !takes_part(walk, &record.addr));
    let found: BTreeMap<InstanceAddr, InstanceAddr> = records.filter_map(|record| inside(record)).collect();
    if found.is_empty() {
        return false;
    }
    if walk.options.mode == PlanMode::Normal {
        let patterns: Vec<Selector> = found.keys().cloned().map(|addr| AddrPattern::Resource(addr).into()).collect();
        let own: BTreeSet<Block> = found.keys().map(block_of).collect();
        let wanted = closure(walk.program, &patterns, &[]);
        // Neighbours in the same block stay as they are.
        let needed = blocks(walk.program, &wanted).into_iter().filter(|block| !own.contains(block));
        walk.wanted_blocks.extend(needed);
        walk.resume(&wanted, &found);
    }
    walk.taken_along.extend(found);
    true
}

/// Addresses of the targeted objects that go, by provider and text of the id.
fn going(walk: &Walk<'_>) -> BTreeMap<(Text, Text), InstanceAddr> {
    let key = |id: &ObjectId| (id.scope.provider.clone(), Text::from(id.to_string()));
    let decided = walk.instances.iter().filter_map(|instance| instance.decision.as_deref());
    let replaced = decided.filter(|decision| decision.change.action.is_replace());
    let replaced = replaced.filter_map(|d| Some((key(d.change.before_id.as_ref()?), d.change.addr.clone())));
    let desired: BTreeSet<&InstanceAddr> =
        walk.instances.iter().filter_map(|instance| instance.addr.as_ref()).collect();
    let records = walk.state.objects.values();
    let orphans = records.filter(|record| !desired.contains(&record.addr) && takes_part(walk, &record.addr));
    replaced.chain(orphans.map(|record| (key(&record.id), record.addr.clone()))).collect()
}

/// The targeted blocks and everything they refer to.
fn closure(program: &Program, targets: &[Selector], outputs: &[Text]) -> BTreeSet<Node> {
    let paths = call_paths(program);
    let mut stack: Vec<Node> = program
        .order
        .iter()
        .filter(|node| match node {
            Node::Resource(module, index) => is_targeted(program, &paths, targets, *module, *index),
            Node::Output(ModuleId(0), index) => {
                let root = program.modules.first();
                let output = root.and_then(|root| root.outputs.get(*index));
                output.is_some_and(|output| outputs.contains(&output.name))
            }
            // Every block is evaluated, so what it refers to has to be there.
            Node::Provider(..) => true,
            // Without a block it is nobody's.
            Node::Import(number) => program.imports.get(*number).is_some_and(|import| import.to.block.is_none()),
            _ => false,
        })
        .copied()
        .collect();
    let mut imports: BTreeMap<(ModuleId, usize), Vec<Node>> = BTreeMap::new();
    for (number, import) in program.imports.iter().enumerate() {
        if let Some(block) = import.to.block {
            imports.entry(block).or_default().push(Node::Import(number));
        }
    }
    let mut wanted = BTreeSet::new();
    while let Some(node) = stack.pop() {
        if wanted.insert(node) {
            references(program, node, &mut stack);
            if let Node::Resource(module, index) = node {
                stack.extend(imports.get(&(module, index)).into_iter().flatten());
            }
        }
    }
    wanted
}

/// The block that an instance is of.
pub fn block_of(addr: &InstanceAddr) -> Block {
    let module = addr.resource.module.steps().iter().map(|step| step.name.clone()).collect();
    (module, addr.resource.mode, addr.resource.type_name.clone(), addr.resource.name.clone())
}

/// Where the wanted blocks stand.
fn blocks(program: &Program, wanted: &BTreeSet<Node>) -> BTreeSet<Block> {
    let paths = call_paths(program);
    let block = |node: &Node| match node {
        Node::Resource(module, index) => {
            let resource = program.modules.get(module.0)?.resources.get(*index)?;
            let path = paths.get(module)?.clone();
            Some((path, resource.mode, resource.type_name.clone(), resource.name.clone()))
        }
        _ => None,
    };
    wanted.iter().filter_map(block).collect()
}

/// The calls from the root to each module.
pub fn call_paths(program: &Program) -> BTreeMap<ModuleId, Vec<Text>> {
    let mut paths = BTreeMap::from([(ModuleId(0), Vec::new())]);
    for (number, module) in program.modules.iter().enumerate() {
        let Some(path) = paths.get(&ModuleId(number)).cloned() else { continue };
        for call in &module.calls {
            let mut inner = path.clone();
            inner.push(call.name.clone());
            paths.insert(call.module, inner);
        }
    }
    paths
}

fn is_targeted(
    program: &Program,
    paths: &BTreeMap<ModuleId, Vec<Text>>,
    targets: &[Selector],
    module: ModuleId,
    index: usize,
) -> bool {
    let resource = program.modules.get(module.0).and_then(|module| module.resources.get(index));
    let (Some(path), Some(resource)) = (paths.get(&module), resource) else { return false };
    let (type_name, name) = (&*resource.type_name, &*resource.name);
    let block = BlockNames { modules: path, mode: resource.mode, type_name, name };
    targets.iter().any(|target| target.matches_block(&block))
}

/// Whether a selector can mean something of the configuration; keys are not looked at.
fn is_declared(program: &Program, selector: &Selector) -> bool {
    if let Selector::Exact(pattern) = selector {
        return program.declares(pattern);
    }
    let paths = call_paths(program);
    let has_block = |module: &ModuleId, path: &Vec<Text>| {
        selector.reaches(path)
            || program.modules.get(module.0).is_some_and(|of| {
                (0..of.resources.len())
                    .any(|index| is_targeted(program, &paths, std::slice::from_ref(selector), *module, index))
            })
    };
    paths.iter().any(|(module, path)| has_block(module, path))
}

/// Adds the nodes that `node` refers to.
pub(crate) fn references(program: &Program, node: Node, out: &mut Vec<Node>) {
    if let Node::Import(number) = node {
        import(program, number, out);
        return;
    }
    let (Node::Variable(module, _)
    | Node::Local(module, _)
    | Node::Resource(module, _)
    | Node::Call(module, _)
    | Node::Output(module, _)
    | Node::Provider(module, _)) = node
    else {
        return;
    };
    let Some(of) = program.modules.get(module.0) else { return };
    if let Some((caller, call)) = of.caller {
        out.push(Node::Call(caller, call));
    }
    expressions_of(program, node, &mut |module, expr| one(program, module, expr, out));
    match node {
        Node::Output(_, index) => {
            of.outputs.get(index).into_iter().for_each(|output| targets(program, module, &output.depends_on, out));
        }
        Node::Call(_, index) => {
            of.calls.get(index).into_iter().for_each(|call| targets(program, module, &call.depends_on, out));
        }
        Node::Resource(_, index) => {
            if let Some(resource) = of.resources.get(index) {
                targets(program, module, &resource.depends_on, out);
                out.extend(resource.lifecycle.replace_triggered_by.iter().map(|t| Node::Resource(module, t.resource)));
            }
        }
        Node::Variable(..) | Node::Local(..) | Node::Provider(..) | Node::Import(_) => {}
    }
}

/// Shows every expression that is evaluated for a node, those inside of others too, with the module that it is written
/// in.
pub(crate) fn expressions_of(program: &Program, node: Node, each: &mut dyn FnMut(ModuleId, &Expr)) {
    let (Node::Variable(module, index)
    | Node::Local(module, index)
    | Node::Resource(module, index)
    | Node::Call(module, index)
    | Node::Output(module, index)
    | Node::Provider(module, index)) = node
    else {
        return;
    };
    let Some(of) = program.modules.get(module.0) else { return };
    if let (Node::Variable(..), Some((caller, call))) = (node, of.caller) {
        let call = program.modules.get(caller.0).and_then(|of| of.calls.get(call));
        let argument = call.and_then(|call| call.arguments.get(index)?.as_ref());
        argument.into_iter().for_each(|argument| argument.visit(&mut |expr| each(caller, expr)));
    }
    let mut here = |expr: &Expr| each(module, expr);
    match node {
        Node::Variable(..) => {
            of.variables.get(index).into_iter().for_each(|variable| conditions(variable.validations.iter(), &mut here));
        }
        Node::Local(..) => of.locals.get(index).into_iter().for_each(|local| local.value.visit(&mut here)),
        Node::Output(..) => {
            if let Some(output) = of.outputs.get(index) {
                output.value.visit(&mut here);
                conditions(output.preconditions.iter(), &mut here);
            }
        }
        Node::Call(..) => of.calls.get(index).into_iter().for_each(|call| repeated(&call.repetition, &mut here)),
        Node::Resource(..) => {
            if let Some(resource) = of.resources.get(index) {
                repeated(&resource.repetition, &mut here);
                resource.body.visit(&mut here);
                conditions(resource.lifecycle.conditions(), &mut here);
            }
        }
        Node::Provider(..) => of.providers.get(index).into_iter().for_each(|block| block.body.visit(&mut here)),
        Node::Import(_) => {}
    }
}

fn conditions<'v>(of: impl Iterator<Item = &'v Validation>, each: &mut dyn FnMut(&Expr)) {
    of.flat_map(Validation::expressions).for_each(|expr| expr.visit(&mut |inner| each(inner)));
}

fn repeated(of: &Repetition, each: &mut dyn FnMut(&Expr)) {
    match of {
        Repetition::Single => {}
        Repetition::Count(expr) | Repetition::ForEach(expr) => expr.visit(&mut |inner| each(inner)),
    }
}

fn import(program: &Program, number: usize, out: &mut Vec<Node>) {
    let Some(import) = program.imports.get(number) else { return };
    let root = ModuleId(0);
    repeated(&import.repetition, &mut |expr| one(program, root, expr, out));
    expression(program, root, &import.id, out);
    let keys = import.to.modules.iter().filter_map(|(_, key)| key.as_ref()).chain(&import.to.key);
    keys.for_each(|key| expression(program, root, key, out));
}

fn targets(program: &Program, module: ModuleId, of: &[Target], out: &mut Vec<Node>) {
    for target in of {
        match target {
            Target::Resource(index) => out.push(Node::Resource(module, *index)),
            Target::Call(index) => whole_call(program, module, *index, out),
        }
    }
}

/// Everything inside a module call.
fn whole_call(program: &Program, module: ModuleId, index: usize, out: &mut Vec<Node>) {
    out.push(Node::Call(module, index));
    let Some(callee) = program.modules.get(module.0).and_then(|m| m.calls.get(index)).map(|call| call.module) else {
        return;
    };
    let Some(inner) = program.modules.get(callee.0) else { return };
    out.extend((0..inner.resources.len()).map(|index| Node::Resource(callee, index)));
    for call in 0..inner.calls.len() {
        whole_call(program, callee, call, out);
    }
}

fn expression(program: &Program, module: ModuleId, of: &Expr, out: &mut Vec<Node>) {
    of.visit(&mut |expr| one(program, module, expr, out));
}

fn one(program: &Program, module: ModuleId, expr: &Expr, out: &mut Vec<Node>) {
    let index = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
    match &expr.kind {
        ExprKind::Variable(number) => out.push(Node::Variable(module, index(*number))),
        ExprKind::Local(number) => out.push(Node::Local(module, index(*number))),
        ExprKind::Reference(reference) => match reference.referent {
            Referent::Resource(number) => out.push(Node::Resource(module, index(number))),
            Referent::Call(number) => {
                out.push(Node::Call(module, index(number)));
                let called = program.modules.get(module.0).and_then(|m| m.calls.get(index(number)));
                let Some(call) = called else { return };
                let Some(callee) = program.modules.get(call.module.0) else { return };
                let name = reference.steps.iter().find_map(|step| match step {
                    Step::Attribute(name, _) => Some(name),
                    Step::Index(_) => None,
                });
                for (at, output) in callee.outputs.iter().enumerate() {
                    if name.is_none_or(|name| *name == output.name) {
                        out.push(Node::Output(call.module, at));
                    }
                }
            }
        },
        _ => {}
    }
}
