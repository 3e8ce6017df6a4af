//! The order of steps: what is made after what it refers to, what is destroyed before it.
//!
//! Each vertex has three points: destroyed, made, settled (all that refer to it are made). Edges between points are
//! as in the table of the vocabulary: a reference from B to A means make A, make B; destroy B, destroy A;
//! destroy B before A is touched; and where A is made before its old object goes, everything that refers to A
//! comes in between. What was used goes after those who used it are made without it, unless they wait for
//! something that waits for its going. Points at which nothing happens stay in the plan only where they keep two
//! others in order. Everything is linear in vertices and edges.

use crate::plan::{Phase, Step};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use terrane_provider::StepSpec;

/// A vertex of the graph.
#[derive(Debug, Default)]
pub struct Node {
    /// Its place among all vertices, for an order that does not depend on how they were found.
    pub rank: u32,
    /// Number of its change, where it has one.
    pub change: Option<u32>,
    /// Vertices it refers to.
    pub deps: Vec<u32>,
    /// Steps on the object that is there, with their deadlines.
    pub destroy: Vec<(StepSpec, u64)>,
    /// Steps on the object that will be, with their deadlines.
    pub make: Vec<(StepSpec, u64)>,
    /// Whether a new object is made before the old one goes, here or if it were replaced.
    pub is_create_first: bool,
    /// Whether it is replaced.
    pub is_replaced: bool,
    /// Vertices whose objects it used and uses no more once it is made: they go after that, as far as nothing else is
    /// against it.
    pub leaves: Vec<u32>,
    /// A vertex whose object has the identity that this one's new object gets: it goes first.
    pub takes_place_of: Option<u32>,
    /// Conditions that are found out before its new object is made, and those after it.
    pub conditions: Option<Box<Conditions>>,
}

/// Numbers of conditions that are found out at a vertex.
#[derive(Debug, Default)]
pub struct Conditions {
    /// Before anything is made.
    pub before: Vec<u32>,
    /// When all is made.
    pub after: Vec<u32>,
}

const DESTROY: u32 = 0;
const MAKE: u32 = 1;
const SETTLE: u32 = 2;

fn point(vertex: u32, which: u32) -> u32 {
    vertex.saturating_mul(3).saturating_add(which)
}

fn at(index: u32) -> usize {
    usize::try_from(index).unwrap_or(usize::MAX)
}

/// Marks everything that a create-first vertex refers to, directly or not.
pub fn spread_create_first(nodes: &mut [Node]) {
    let mut stack: Vec<u32> = (0..).zip(nodes.iter()).filter(|(_, n)| n.is_create_first).map(|(v, _)| v).collect();
    while let Some(vertex) = stack.pop() {
        let deps = nodes.get(at(vertex)).map(|node| node.deps.clone()).unwrap_or_default();
        for dep in deps {
            if let Some(node) = nodes.get_mut(at(dep))
                && !node.is_create_first
            {
                node.is_create_first = true;
                stack.push(dep);
            }
        }
    }
}

/// Successors of each point, as one array and offsets into it.
struct Edges {
    offsets: Vec<u32>,
    targets: Vec<u32>,
}

impl Edges {
    fn new(points: usize, pairs: &[(u32, u32)]) -> Self {
        let mut offsets = vec![0_u32; points + 1];
        for (from, _) in pairs {
            if let Some(count) = offsets.get_mut(at(*from) + 1) {
                *count += 1;
            }
        }
        let mut sum = 0;
        for offset in &mut offsets {
            sum += *offset;
            *offset = sum;
        }
        let mut next = offsets.clone();
        let mut targets = vec![0_u32; pairs.len()];
        for (from, to) in pairs {
            if let Some(place) = next.get_mut(at(*from)) {
                if let Some(target) = targets.get_mut(at(*place)) {
                    *target = *to;
                }
                *place += 1;
            }
        }
        Self { offsets, targets }
    }

    fn of(&self, point: u32) -> &[u32] {
        let start = self.offsets.get(at(point)).copied().map_or(0, at);
        let end = self.offsets.get(at(point) + 1).copied().map_or(0, at);
        self.targets.get(start..end).unwrap_or_default()
    }
}

fn pairs(nodes: &[Node]) -> Vec<(u32, u32)> {
    let is_any_create_first = nodes.iter().any(|node| node.is_replaced && node.is_create_first);
    let is_touched = |vertex: u32| {
        nodes.get(at(vertex)).is_some_and(|node| !node.make.is_empty() || node.conditions.is_some() || node.is_replaced)
    };
    let mut pairs = Vec::new();
    for (vertex, node) in (0_u32..).zip(nodes) {
        for dep in &node.deps {
            pairs.push((point(*dep, MAKE), point(vertex, MAKE)));
            pairs.push((point(vertex, DESTROY), point(*dep, DESTROY)));
            // What nothing is done to need not wait, and those who refer to it neither.
            if !node.is_create_first && is_touched(*dep) {
                pairs.push((point(vertex, DESTROY), point(*dep, MAKE)));
            }
            if is_any_create_first {
                pairs.push((point(vertex, MAKE), point(*dep, SETTLE)));
                pairs.push((point(vertex, SETTLE), point(*dep, SETTLE)));
            }
        }
        match (node.is_replaced, node.is_create_first) {
            (true, true) => {
                pairs.push((point(vertex, MAKE), point(vertex, DESTROY)));
                pairs.push((point(vertex, SETTLE), point(vertex, DESTROY)));
            }
            (true, false) => pairs.push((point(vertex, DESTROY), point(vertex, MAKE))),
            (false, _) => {}
        }
        if let Some(other) = node.takes_place_of {
            pairs.push((point(other, DESTROY), point(vertex, MAKE)));
        }
    }
    pairs
}

/// Edges that are left out where they close a circle.
fn partings(nodes: &[Node]) -> impl Iterator<Item = (u32, u32)> {
    (0_u32..)
        .zip(nodes)
        .flat_map(|(vertex, node)| node.leaves.iter().map(move |left| (point(vertex, MAKE), point(*left, DESTROY))))
}

/// The edges of all points, and an order that follows them; shorter than the number of points where there is a cycle.
fn ordered(nodes: &[Node]) -> (Edges, Vec<u32>) {
    let points = nodes.len() * 3;
    let mut pairs = pairs(nodes);
    let needed = pairs.len();
    pairs.extend(partings(nodes));
    let edges = Edges::new(points, &pairs);
    let order = sorted(nodes, &edges, &pairs);
    if order.len() == points || pairs.len() == needed {
        return (edges, order);
    }
    // Those of a circle are reached neither from the front nor from the back.
    let backwards: Vec<(u32, u32)> = pairs.iter().map(|(from, to)| (*to, *from)).collect();
    let behind = sorted(nodes, &Edges::new(points, &backwards), &backwards);
    let mut is_free = vec![false; points];
    for point in order.iter().chain(&behind) {
        if let Some(place) = is_free.get_mut(at(*point)) {
            *place = true;
        }
    }
    let is_free = |point: &u32| is_free.get(at(*point)) == Some(&true);
    pairs.truncate(needed);
    pairs.extend(partings(nodes).filter(|(from, to)| is_free(from) || is_free(to)));
    let edges = Edges::new(points, &pairs);
    let order = sorted(nodes, &edges, &pairs);
    (edges, order)
}

/// Points in an order that follows the edges, ties by rank. Shorter than the number of points where
/// there is a cycle.
fn sorted(nodes: &[Node], edges: &Edges, pairs: &[(u32, u32)]) -> Vec<u32> {
    let points = nodes.len() * 3;
    let mut open = vec![0_u32; points];
    for (_, to) in pairs {
        if let Some(count) = open.get_mut(at(*to)) {
            *count += 1;
        }
    }
    let key = |point: u32| (nodes.get(at(point / 3)).map_or(u32::MAX, |node| node.rank), point % 3, point);
    let mut ready: BinaryHeap<Reverse<(u32, u32, u32)>> =
        (0_u32..).zip(&open).filter(|(_, count)| **count == 0).map(|(point, _)| Reverse(key(point))).collect();
    let mut order = Vec::with_capacity(points);
    while let Some(Reverse((_, _, point))) = ready.pop() {
        order.push(point);
        for next in edges.of(point) {
            if let Some(count) = open.get_mut(at(*next)) {
                *count -= 1;
                if *count == 0 {
                    ready.push(Reverse(key(*next)));
                }
            }
        }
    }
    order
}

/// The steps of a plan; `None` where the order has a cycle.
pub fn steps(nodes: &mut [Node]) -> Option<Vec<Step>> {
    if nodes.iter().all(|node| node.destroy.is_empty() && node.make.is_empty() && node.conditions.is_none()) {
        return Some(Vec::new());
    }
    let (edges, order) = ordered(nodes);
    if order.len() != nodes.len() * 3 {
        return None;
    }
    let is_active = |nodes: &[Node], point: u32| {
        nodes.get(at(point / 3)).is_some_and(|node| match point % 3 {
            DESTROY => !node.destroy.is_empty(),
            MAKE => !node.make.is_empty() || node.conditions.is_some(),
            _ => false,
        })
    };
    let mut follows = vec![false; order.len()];
    for point in &order {
        let is_set = is_active(nodes, *point) || follows.get(at(*point)).copied().unwrap_or(false);
        for next in edges.of(*point) {
            if let Some(place) = follows.get_mut(at(*next)) {
                *place |= is_set;
            }
        }
    }
    let mut leads = vec![false; order.len()];
    for point in order.iter().rev() {
        let is_before =
            edges.of(*point).iter().any(|next| is_active(nodes, *next) || leads.get(at(*next)) == Some(&true));
        if let Some(place) = leads.get_mut(at(*point)) {
            *place = is_before;
        }
    }
    let is_kept = |nodes: &[Node], point: u32| {
        is_active(nodes, point) || (follows.get(at(point)) == Some(&true) && leads.get(at(point)) == Some(&true))
    };
    Some(number(nodes, &order, &edges, &is_kept))
}

fn number(nodes: &mut [Node], order: &[u32], edges: &Edges, is_kept: &dyn Fn(&[Node], u32) -> bool) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut waits: Vec<Vec<u32>> = vec![Vec::new(); order.len()];
    for point in order {
        if !is_kept(nodes, *point) {
            continue;
        }
        let mut after = waits.get_mut(at(*point)).map(std::mem::take).unwrap_or_default();
        after.sort_unstable();
        after.dedup();
        let Some(node) = nodes.get_mut(at(*point / 3)) else { continue };
        let (phase, specs) = match *point % 3 {
            DESTROY => (Phase::Destroy, std::mem::take(&mut node.destroy)),
            MAKE => (Phase::Make, std::mem::take(&mut node.make)),
            _ => (Phase::Make, Vec::new()),
        };
        if specs.is_empty() {
            steps.push(join(std::mem::take(&mut after)));
        }
        let conditions = if *point % 3 == MAKE { node.conditions.take() } else { None };
        let (first, count) = (steps.len() - usize::from(specs.is_empty()), specs.len());
        for (position, (spec, deadline_s)) in specs.into_iter().enumerate() {
            let before = if position == 0 { std::mem::take(&mut after) } else { last(&steps).into_iter().collect() };
            let is_last = position + 1 == count;
            let (change, preconditions, postconditions) = (node.change, Vec::new(), Vec::new());
            let after = before;
            steps.push(Step { change, phase, spec, is_last, after, deadline_s, preconditions, postconditions });
        }
        if let Some(conditions) = conditions {
            if let Some(step) = steps.get_mut(first) {
                step.preconditions = conditions.before;
            }
            if let Some(step) = steps.last_mut() {
                step.postconditions = conditions.after;
            }
        }
        for next in edges.of(*point) {
            if let (Some(place), Some(step)) = (waits.get_mut(at(*next)), last(&steps)) {
                place.push(step);
            }
        }
    }
    steps
}

fn last(steps: &[Step]) -> Option<u32> {
    u32::try_from(steps.len().checked_sub(1)?).ok()
}

fn join(after: Vec<u32>) -> Step {
    let spec = StepSpec::new("join", terrane_provider::Verb::Update, terrane_provider::Recovery::Retry);
    let (preconditions, postconditions) = (Vec::new(), Vec::new());
    let (change, phase, is_last, deadline_s) = (None, Phase::Make, true, 0);
    Step { change, phase, spec, is_last, after, deadline_s, preconditions, postconditions }
}

#[cfg(test)]
mod tests {
    use super::*;
    use terrane_provider::{Recovery, Verb};

    fn step(verb: Verb) -> Vec<(StepSpec, u64)> {
        vec![(StepSpec::new(verb.name(), verb, Recovery::Retry), 60)]
    }

    fn node(rank: u32, deps: &[u32]) -> Node {
        Node { rank, change: Some(rank), deps: deps.to_vec(), ..Node::default() }
    }

    fn replaced(rank: u32, deps: &[u32]) -> Node {
        let (destroy, make) = (step(Verb::Delete), step(Verb::Create));
        Node { destroy, make, is_replaced: true, ..node(rank, deps) }
    }

    fn updated(rank: u32, deps: &[u32]) -> Node {
        Node { make: step(Verb::Update), ..node(rank, deps) }
    }

    fn create_first(node: Node) -> Node {
        Node { is_create_first: true, ..node }
    }

    /// The steps as text, A = 0, B = 1, in the order of the plan, joins left out.
    fn order(mut nodes: Vec<Node>) -> String {
        spread_create_first(&mut nodes);
        let steps = steps(&mut nodes).unwrap();
        for (number, step) in (0_u32..).zip(&steps) {
            assert!(step.after.iter().all(|before| *before < number));
        }
        let name = |step: &Step| {
            step.change
                .map(|change| format!("{} {}", step.spec.name, ["A", "B", "C"][usize::try_from(change).unwrap()]))
        };
        steps.iter().filter_map(name).collect::<Vec<_>>().join(", ")
    }

    // A2, A3: the order table; B refers to A.
    #[test]
    fn both_replaced() {
        assert_eq!(order(vec![replaced(0, &[]), replaced(1, &[0])]), "delete B, delete A, create A, create B");
    }

    #[test]
    fn replaced_then_updated() {
        assert_eq!(order(vec![replaced(0, &[]), updated(1, &[0])]), "delete A, create A, update B");
    }

    #[test]
    fn create_first_keeps_the_old_one_until_those_that_refer_to_it_are_done() {
        let nodes = vec![create_first(replaced(0, &[])), updated(1, &[0])];
        assert_eq!(order(nodes), "create A, update B, delete A");
    }

    // A2
    #[test]
    fn what_is_used_no_more_goes_last_unless_its_going_is_waited_for() {
        let gone = |rank: u32, deps: &[u32]| Node { destroy: step(Verb::Delete), ..node(rank, deps) };
        let leaving = |node: Node, left: u32| Node { leaves: vec![left], ..node };
        assert_eq!(order(vec![gone(0, &[]), leaving(updated(1, &[]), 0)]), "update B, delete A");
        // Both live in C, to which nothing is done.
        let nodes = vec![gone(0, &[2]), leaving(updated(1, &[2]), 0), node(2, &[])];
        assert_eq!(order(nodes), "update B, delete A");
        // C is updated once A is gone, and B waits for that.
        let nodes = vec![gone(0, &[2]), leaving(updated(1, &[2]), 0), updated(2, &[])];
        assert_eq!(order(nodes), "delete A, update C, update B");
        assert_eq!(order(vec![replaced(0, &[]), leaving(updated(1, &[]), 0)]), "update B, delete A, create A");
    }

    // A2
    #[test]
    fn a_circle_takes_no_other_parting_with_it() {
        let gone = |rank: u32, deps: &[u32]| Node { destroy: step(Verb::Delete), ..node(rank, deps) };
        let leaving = |node: Node, left: u32| Node { leaves: vec![left], ..node };
        // 0, 1 and 2 make the circle; 3 waits for 1, and 4 is left by 3.
        let mut nodes = vec![
            gone(0, &[2]),
            leaving(updated(1, &[2]), 0),
            updated(2, &[]),
            leaving(updated(3, &[1]), 4),
            gone(4, &[]),
        ];
        spread_create_first(&mut nodes);
        let steps = steps(&mut nodes).unwrap();
        let changes: Vec<Option<u32>> =
            steps.iter().filter(|step| step.change.is_some()).map(|step| step.change).collect();
        assert_eq!(changes, [0, 2, 1, 3, 4].map(Some));
    }

    #[test]
    fn create_first_below_a_normal_replacement() {
        let nodes = vec![create_first(replaced(0, &[])), replaced(1, &[0])];
        assert_eq!(order(nodes), "delete B, create A, create B, delete A");
    }

    #[test]
    fn create_first_is_forced_on_what_it_refers_to() {
        let nodes = vec![replaced(0, &[]), create_first(replaced(1, &[0]))];
        assert_eq!(order(nodes), "create A, create B, delete B, delete A");
    }

    #[test]
    fn removed_before_what_it_referred_to_is_updated() {
        let removed = Node { destroy: step(Verb::Delete), ..node(1, &[0]) };
        assert_eq!(order(vec![updated(0, &[]), removed]), "delete B, update A");
    }

    #[test]
    fn order_goes_through_what_does_not_change() {
        let nodes = vec![replaced(0, &[]), node(1, &[0]), replaced(2, &[1])];
        assert_eq!(order(nodes), "delete C, delete A, create A, create C");
    }
}
