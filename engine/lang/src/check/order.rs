//! The order in which everything is evaluated: each node after what it refers to. Linear in nodes and edges.

use crate::diag;
use crate::eval::ir::{Expr, ExprKind, Referent};
use crate::program::{Import, Module, ModuleId, Node, ProviderRef, Repetition, Target, Validation};
use std::collections::{BTreeMap, VecDeque};
use terrane_core::{Diagnostic, Mode, Span};

/// The graph in flat arrays. Beside the nodes of the program it has one for the end of each module, which is
/// what `depends_on = [module.x]` waits for; without it such a line would cost an edge for each resource.
struct Graph<'m> {
    modules: &'m [Module],
    imports: &'m [Import],
    nodes: Vec<Option<Node>>,
    /// Where the nodes of a module start, by kind.
    starts: Vec<Starts>,
    /// `needs[a]` are the nodes that `a` comes after.
    needs: Vec<Vec<usize>>,
}

#[derive(Clone, Copy, Default)]
struct Starts {
    variables: usize,
    locals: usize,
    resources: usize,
    calls: usize,
    outputs: usize,
    providers: usize,
    end: usize,
}

/// The order, or a problem for each circle.
pub(crate) fn order(modules: &[Module], imports: &[Import]) -> Result<Vec<Node>, Vec<Diagnostic>> {
    let mut graph = Graph::new(modules, imports);
    graph.connect();
    let sorted = graph.sorted();
    if sorted.len() == graph.nodes.len() {
        return Ok(sorted.iter().filter_map(|at| graph.nodes.get(*at).copied().flatten()).collect());
    }
    Err(graph.circles(&sorted))
}

fn index(at: u32) -> usize {
    usize::try_from(at).unwrap_or(usize::MAX)
}

impl<'m> Graph<'m> {
    fn new(modules: &'m [Module], imports: &'m [Import]) -> Self {
        let mut nodes = Vec::new();
        let mut starts = Vec::new();
        for (number, module) in modules.iter().enumerate() {
            let id = ModuleId(number);
            let mut add = |count: usize, node: fn(ModuleId, usize) -> Node| {
                let start = nodes.len();
                nodes.extend((0..count).map(|at| Some(node(id, at))));
                start
            };
            let mut start = Starts {
                variables: add(module.variables.len(), Node::Variable),
                locals: add(module.locals.len(), Node::Local),
                providers: add(module.providers.len(), Node::Provider),
                resources: add(module.resources.len(), Node::Resource),
                calls: add(module.calls.len(), Node::Call),
                outputs: add(module.outputs.len(), Node::Output),
                end: 0,
            };
            start.end = nodes.len();
            nodes.push(None);
            starts.push(start);
        }
        nodes.extend((0..imports.len()).map(|at| Some(Node::Import(at))));
        let needs = vec![Vec::new(); nodes.len()];
        Self { modules, imports, nodes, starts, needs }
    }

    fn start(&self, module: ModuleId) -> Starts {
        self.starts.get(module.0).copied().unwrap_or_default()
    }

    fn edge(&mut self, from: usize, to: usize) {
        if let Some(needs) = self.needs.get_mut(from) {
            needs.push(to);
        }
    }

    fn connect(&mut self) {
        self.connect_imports();
        let modules = self.modules;
        for (number, module) in modules.iter().enumerate() {
            let id = ModuleId(number);
            self.connect_module(id, module);
            self.connect_resources(id, module);
            let start = self.start(id);
            // Every node of a module comes after the call that makes it and before its end.
            for at in start.variables..start.end {
                if let Some((caller, call)) = module.caller {
                    let call = self.start(caller).calls + call;
                    self.edge(at, call);
                }
                self.edge(start.end, at);
            }
            if let Some((caller, call)) = module.caller {
                let call = self.start(caller).calls + call;
                self.edge(start.end, call);
                let caller_end = self.start(caller).end;
                self.edge(caller_end, start.end);
            }
        }
    }

    /// An import comes after what it refers to and after the provider that reads the object, and before its block.
    fn connect_imports(&mut self) {
        let (imports, root) = (self.imports, ModuleId(0));
        let first = self.nodes.len() - imports.len();
        for (at, import) in imports.iter().enumerate() {
            let own = first + at;
            self.refer(own, root, &import.id);
            self.repetition(own, root, &import.repetition);
            let keys = import.to.modules.iter().filter_map(|(_, key)| key.as_ref()).chain(&import.to.key);
            keys.for_each(|key| self.refer(own, root, key));
            if let Some(provider) = self.provider(root, &import.provider) {
                self.edge(own, provider);
            }
            if let Some((module, resource)) = import.to.block {
                let block = self.start(module).resources + resource;
                self.edge(block, own);
            }
        }
    }

    fn connect_module(&mut self, id: ModuleId, module: &Module) {
        let start = self.start(id);
        for (at, variable) in module.variables.iter().enumerate() {
            let own = start.variables + at;
            if let Some((caller, call)) = module.caller
                && let Some(Some(argument)) =
                    self.modules.get(caller.0).and_then(|m| m.calls.get(call)).and_then(|c| c.arguments.get(at))
            {
                self.refer(own, caller, argument);
            }
            self.conditions(own, id, variable.validations.iter());
            if let Some(needs) = self.needs.get_mut(own) {
                needs.retain(|need| *need != own);
            }
        }
        for (at, local) in module.locals.iter().enumerate() {
            self.refer(start.locals + at, id, &local.value);
        }
        for (at, provider) in module.providers.iter().enumerate() {
            provider.body.visit(&mut |expr| self.refer_one(start.providers + at, id, expr));
        }
        for (at, call) in module.calls.iter().enumerate() {
            self.repetition(start.calls + at, id, &call.repetition);
            self.targets(start.calls + at, id, &call.depends_on);
        }
        for (at, output) in module.outputs.iter().enumerate() {
            self.refer(start.outputs + at, id, &output.value);
            self.targets(start.outputs + at, id, &output.depends_on);
            self.conditions(start.outputs + at, id, output.preconditions.iter());
        }
    }

    fn connect_resources(&mut self, id: ModuleId, module: &Module) {
        let start = self.start(id);
        for (at, resource) in module.resources.iter().enumerate() {
            let own = start.resources + at;
            self.repetition(own, id, &resource.repetition);
            resource.body.visit(&mut |expr| self.refer_one(own, id, expr));
            self.targets(own, id, &resource.depends_on);
            self.conditions(own, id, resource.lifecycle.conditions());
            for trigger in &resource.lifecycle.replace_triggered_by {
                self.edge(own, start.resources + trigger.resource);
                if let Some(key) = &trigger.key {
                    self.refer(own, id, key);
                }
            }
            if let Some(provider) = self.provider(id, &resource.provider) {
                self.edge(own, provider);
            }
        }
    }

    /// The nearest configuration of a provider, from the module outwards.
    fn provider(&self, from: ModuleId, wanted: &ProviderRef) -> Option<usize> {
        let (module, at) = super::passed::resolved(self.modules, from, wanted).1?;
        Some(self.start(module).providers + at)
    }

    fn repetition(&mut self, own: usize, id: ModuleId, repetition: &Repetition) {
        match repetition {
            Repetition::Single => {}
            Repetition::Count(expr) | Repetition::ForEach(expr) => self.refer(own, id, expr),
        }
    }

    fn targets(&mut self, own: usize, id: ModuleId, targets: &[Target]) {
        for target in targets {
            let node = match target {
                Target::Resource(at) => Some(self.start(id).resources + at),
                Target::Call(at) => {
                    let call = self.modules.get(id.0).and_then(|m| m.calls.get(*at));
                    call.map(|call| self.start(call.module).end)
                }
            };
            if let Some(node) = node {
                self.edge(own, node);
            }
        }
    }

    fn conditions<'v>(&mut self, own: usize, id: ModuleId, conditions: impl Iterator<Item = &'v Validation>) {
        conditions.flat_map(Validation::expressions).for_each(|expr| self.refer(own, id, expr));
    }

    fn refer(&mut self, own: usize, id: ModuleId, expr: &Expr) {
        expr.visit(&mut |part| self.refer_one(own, id, part));
    }

    fn refer_one(&mut self, own: usize, id: ModuleId, expr: &Expr) {
        let start = self.start(id);
        match &expr.kind {
            ExprKind::Variable(at) => self.edge(own, start.variables + index(*at)),
            ExprKind::Local(at) => self.edge(own, start.locals + index(*at)),
            ExprKind::Reference(reference) => match reference.referent {
                Referent::Resource(at) => self.edge(own, start.resources + index(at)),
                Referent::Call(at) => self.call_reference(own, id, index(at), reference),
            },
            _ => {}
        }
    }

    fn call_reference(&mut self, own: usize, id: ModuleId, at: usize, reference: &crate::eval::ir::Reference) {
        let start = self.start(id);
        self.edge(own, start.calls + at);
        let Some(call) = self.modules.get(id.0).and_then(|m| m.calls.get(at)) else { return };
        let Some(callee) = self.modules.get(call.module.0) else { return };
        let outputs = self.start(call.module).outputs;
        let is_instance = reference.key.is_some() || !reference.is_repeated;
        let named = match reference.steps.first() {
            Some(crate::eval::ir::Step::Attribute(name, _)) if is_instance => {
                callee.outputs.iter().position(|output| output.name == *name)
            }
            _ => None,
        };
        match named {
            Some(output) => self.edge(own, outputs + output),
            None => (0..callee.outputs.len()).for_each(|output| self.edge(own, outputs + output)),
        }
    }

    /// Kahn's algorithm; ready nodes leave in the order they became ready, from the first declared on.
    fn sorted(&self) -> Vec<usize> {
        let mut dependents: Vec<Vec<usize>> = vec![Vec::new(); self.nodes.len()];
        let mut waiting: Vec<usize> = self.needs.iter().map(Vec::len).collect();
        for (from, needs) in self.needs.iter().enumerate() {
            for need in needs {
                if let Some(list) = dependents.get_mut(*need) {
                    list.push(from);
                }
            }
        }
        let mut ready: VecDeque<usize> =
            waiting.iter().enumerate().filter(|(_, count)| **count == 0).map(|(at, _)| at).collect();
        let mut sorted = Vec::with_capacity(self.nodes.len());
        while let Some(at) = ready.pop_front() {
            sorted.push(at);
            for dependent in dependents.get(at).map(Vec::as_slice).unwrap_or_default() {
                if let Some(count) = waiting.get_mut(*dependent) {
                    *count -= 1;
                    if *count == 0 {
                        ready.push_back(*dependent);
                    }
                }
            }
        }
        sorted
    }

    /// One problem for each circle among the nodes that could not be sorted.
    fn circles(&self, sorted: &[usize]) -> Vec<Diagnostic> {
        let mut is_left = vec![true; self.nodes.len()];
        for at in sorted {
            if let Some(left) = is_left.get_mut(*at) {
                *left = false;
            }
        }
        let mut problems = Vec::new();
        for circle in components(&self.needs, &is_left) {
            let members: Vec<Node> = circle.iter().filter_map(|at| self.nodes.get(*at).copied().flatten()).collect();
            let is_circle = circle.len() > 1
                || circle.first().is_some_and(|at| self.needs.get(*at).is_some_and(|needs| needs.contains(at)));
            if is_circle && !members.is_empty() {
                problems.push(self.circle(&members));
            }
        }
        problems
    }

    fn circle(&self, members: &[Node]) -> Diagnostic {
        let shown: BTreeMap<(Option<Span>, String), ()> =
            members.iter().map(|node| ((self.span(*node), self.show(*node)), ())).collect();
        let mut places = shown.keys();
        let names: Vec<&str> = shown.keys().map(|(_, name)| name.as_str()).collect();
        let detail = match names.as_slice() {
            [one] => format!("`{one}` refers to itself"),
            many => format!("`{}` refer to each other", many.join("`, `")),
        };
        let first = places.next().and_then(|(span, _)| *span);
        let mut problem = match first {
            Some(span) => diag::REFERENCE_CYCLE.at(span),
            None => diag::REFERENCE_CYCLE.at(terrane_core::Place::Run),
        }
        .detail(detail);
        for (span, name) in shown.keys() {
            if let Some(span) = span {
                problem = problem.label(*span, name.clone());
            }
        }
        problem
    }

    fn span(&self, node: Node) -> Option<Span> {
        let module = |id: ModuleId| self.modules.get(id.0);
        match node {
            Node::Variable(id, at) => module(id)?.variables.get(at).map(|v| v.span),
            Node::Local(id, at) => module(id)?.locals.get(at).map(|l| l.value.span),
            Node::Resource(id, at) => module(id)?.resources.get(at).map(|r| r.span),
            Node::Call(id, at) => module(id)?.calls.get(at).map(|c| c.span),
            Node::Output(id, at) => module(id)?.outputs.get(at).map(|o| o.span),
            Node::Provider(id, at) => module(id)?.providers.get(at).map(|p| p.span),
            Node::Import(at) => self.imports.get(at).map(|import| import.span),
        }
    }

    fn show(&self, node: Node) -> String {
        let name = |id: ModuleId| self.modules.get(id.0);
        let shown = match node {
            Node::Variable(id, at) => name(id).and_then(|m| m.variables.get(at)).map(|v| format!("var.{}", v.name)),
            Node::Local(id, at) => name(id).and_then(|m| m.locals.get(at)).map(|l| format!("local.{}", l.name)),
            Node::Resource(id, at) => name(id).and_then(|m| m.resources.get(at)).map(|r| {
                let prefix = if r.mode == Mode::Data { "data." } else { "" };
                format!("{prefix}{}.{}", r.type_name, r.name)
            }),
            Node::Call(id, at) => name(id).and_then(|m| m.calls.get(at)).map(|c| format!("module.{}", c.name)),
            Node::Output(id, at) => name(id).and_then(|m| m.outputs.get(at)).map(|o| format!("output.{}", o.name)),
            Node::Provider(id, at) => {
                name(id).and_then(|m| m.providers.get(at)).map(|p| format!("provider.{}", p.provider.name))
            }
            Node::Import(at) => {
                self.imports.get(at).map(|import| format!("import to {}.{}", import.to.type_name, import.to.name))
            }
        };
        shown.unwrap_or_default()
    }
}

/// Strongly connected components (Tarjan) of the nodes that are left, without recursion.
fn components(needs: &[Vec<usize>], is_left: &[bool]) -> Vec<Vec<usize>> {
    const NEW: usize = usize::MAX;
    let get = |list: &[usize], at: usize| list.get(at).copied().unwrap_or(NEW);
    let mut number = vec![NEW; needs.len()];
    let mut low = vec![NEW; needs.len()];
    let mut is_open = vec![false; needs.len()];
    let (mut stack, mut found, mut next) = (Vec::new(), Vec::new(), 0);
    for root in (0..needs.len()).filter(|at| is_left.get(*at) == Some(&true)) {
        if get(&number, root) != NEW {
            continue;
        }
        let mut work: Vec<(usize, usize)> = vec![(root, 0)];
        while let Some((at, edge)) = work.pop() {
            if edge == 0 {
                set(&mut number, at, next);
                set(&mut low, at, next);
                next += 1;
                stack.push(at);
                set(&mut is_open, at, true);
            }
            let list = needs.get(at).map(Vec::as_slice).unwrap_or_default();
            if let Some(to) = list.get(edge).copied() {
                work.push((at, edge + 1));
                if is_left.get(to) != Some(&true) {
                    continue;
                }
                if get(&number, to) == NEW {
                    work.push((to, 0));
                } else if is_open.get(to) == Some(&true) {
                    let lower = get(&low, at).min(get(&number, to));
                    set(&mut low, at, lower);
                }
                continue;
            }
            if let Some((parent, _)) = work.last().copied() {
                let lower = get(&low, parent).min(get(&low, at));
                set(&mut low, parent, lower);
            }
            if get(&low, at) == get(&number, at) {
                let mut members = Vec::new();
                while let Some(member) = stack.pop() {
                    set(&mut is_open, member, false);
                    members.push(member);
                    if member == at {
                        break;
                    }
                }
                found.push(members);
            }
        }
    }
    found
}

fn set<T>(list: &mut [T], at: usize, value: T) {
    if let Some(slot) = list.get_mut(at) {
        *slot = value;
    }
}
