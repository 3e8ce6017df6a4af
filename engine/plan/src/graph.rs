//! Which block refers to which, for people: `terrane graph`.
//!
//! Vertices are `resource` and `data` blocks, however often they are repeated. What lies between two of them (locals,
//! variables, outputs, the repetition of module calls) is looked through. Planning never uses this graph.

use crate::planner::targets::references;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use terrane_core::{Mode, Text};
use terrane_lang::program::{ModuleId, Node, Program};

/// A vertex.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vertex {
    /// Its address.
    pub name: Text,
    /// Whether it is a `data` block.
    pub is_data: bool,
}

/// A graph: each edge goes from what refers to what it refers to, by number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Graph {
    /// The vertices, in the order of their names.
    pub vertices: Vec<Vertex>,
    /// The edges, sorted, each once.
    pub edges: Vec<(usize, usize)>,
}

/// The blocks that lie behind a node: itself, or those that it refers to.
type Behind = Rc<BTreeSet<Node>>;

/// The graph of a configuration.
#[must_use]
pub fn of_program(program: &Program) -> Graph {
    let mut behind: BTreeMap<Node, Behind> = BTreeMap::new();
    let mut needs: BTreeMap<Node, BTreeSet<Node>> = BTreeMap::new();
    let mut referred = Vec::new();
    for node in &program.order {
        referred.clear();
        references(program, *node, &mut referred);
        let reached = || referred.iter().filter_map(|to| behind.get(to));
        if matches!(node, Node::Resource(..)) {
            needs.insert(*node, reached().flat_map(|set| set.iter().copied()).collect());
            behind.insert(*node, Rc::new(BTreeSet::from([*node])));
            continue;
        }
        let mut sets = reached();
        let set = match (sets.next(), sets.next()) {
            (None, _) => Behind::default(),
            // Most look through to one thing.
            (Some(only), None) => only.clone(),
            (Some(_), Some(_)) => Rc::new(reached().flat_map(|set| set.iter().copied()).collect()),
        };
        behind.insert(*node, set);
    }
    let paths = paths(program);
    let vertices = needs.keys().filter_map(|node| Some((*node, vertex(program, &paths, *node)?))).collect();
    numbered(vertices, &needs)
}

fn numbered(mut vertices: Vec<(Node, Vertex)>, needs: &BTreeMap<Node, BTreeSet<Node>>) -> Graph {
    vertices.sort_by(|(_, a), (_, b)| a.name.cmp(&b.name));
    let numbers: BTreeMap<Node, usize> = vertices.iter().enumerate().map(|(at, (node, _))| (*node, at)).collect();
    let mut edges: Vec<(usize, usize)> = needs
        .iter()
        .flat_map(|(from, to)| to.iter().map(move |to| (*from, *to)))
        .filter_map(|(from, to)| Some((*numbers.get(&from)?, *numbers.get(&to)?)))
        .filter(|(from, to)| from != to)
        .collect();
    edges.sort_unstable();
    Graph { vertices: vertices.into_iter().map(|(_, vertex)| vertex).collect(), edges }
}

/// `module.a.module.b.` of each module; nothing for the root.
fn paths(program: &Program) -> Vec<String> {
    let mut paths: Vec<String> = Vec::with_capacity(program.modules.len());
    for module in &program.modules {
        let path = module.caller.and_then(|(ModuleId(caller), call)| {
            let name = &program.modules.get(caller)?.calls.get(call)?.name;
            Some(format!("{}module.{name}.", paths.get(caller)?))
        });
        paths.push(path.unwrap_or_default());
    }
    paths
}

fn vertex(program: &Program, paths: &[String], node: Node) -> Option<Vertex> {
    let Node::Resource(ModuleId(module), index) = node else { return None };
    let block = program.modules.get(module)?.resources.get(index)?;
    let is_data = block.mode == Mode::Data;
    let kind = if is_data { "data." } else { "" };
    let name = format!("{}{kind}{}.{}", paths.get(module)?, block.type_name, block.name);
    Some(Vertex { name: name.into(), is_data })
}
