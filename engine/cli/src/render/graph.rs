//! A graph of blocks for people: DOT, Mermaid, SVG.

use crate::args::GraphForm;
use layout::backends::svg::SVGWriter;
use layout::core::base::Orientation;
use layout::core::geometry::Point;
use layout::core::style::StyleAttr;
use layout::std_shapes::shapes::{Arrow, Element, ShapeKind};
use layout::topo::layout::VisualGraph;
use std::fmt::Write as _;
use terrane_plan::graph::{Graph, Vertex};

/// Height of a box, and width of a letter in it, in pixels.
const BOX: (f64, f64) = (32.0, 9.0);

/// The whole text, with its last newline.
#[must_use]
pub fn text(graph: &Graph, form: GraphForm) -> String {
    match form {
        GraphForm::Dot => dot(graph),
        GraphForm::Mermaid => mermaid(graph),
        GraphForm::Svg => svg(graph),
    }
}

fn dot(graph: &Graph) -> String {
    let mut out = String::from("digraph G {\n  rankdir = \"RL\";\n  node [shape = rect, fontname = \"sans-serif\"];\n");
    for Vertex { name, is_data } in &graph.vertices {
        let style = if *is_data { ", style = dashed" } else { "" };
        // Names of blocks hold neither quotes nor backslashes.
        let _never_fails = writeln!(out, "  \"{name}\" [label = \"{name}\"{style}];");
    }
    for (from, to) in pairs(graph) {
        let _never_fails = writeln!(out, "  \"{}\" -> \"{}\";", from.name, to.name);
    }
    out.push_str("}\n");
    out
}

fn mermaid(graph: &Graph) -> String {
    let mut out = String::from("flowchart RL\n");
    for (number, Vertex { name, is_data }) in graph.vertices.iter().enumerate() {
        let (open, close) = if *is_data { ("([", "])") } else { ("[", "]") };
        let _never_fails = writeln!(out, "  n{number}{open}\"{name}\"{close}");
    }
    for (from, to) in &graph.edges {
        let _never_fails = writeln!(out, "  n{from} --> n{to}");
    }
    out
}

fn svg(graph: &Graph) -> String {
    let mut picture = VisualGraph::new(Orientation::LeftToRight);
    let boxes: Vec<_> = graph.vertices.iter().map(|vertex| picture.add_node(element(vertex))).collect();
    for (from, to) in &graph.edges {
        if let (Some(from), Some(to)) = (boxes.get(*from), boxes.get(*to)) {
            // What others need stands left of them.
            picture.add_edge(Arrow::simple("").reverse(), *to, *from);
        }
    }
    let mut writer = SVGWriter::new();
    if !graph.vertices.is_empty() {
        picture.do_it(false, false, false, &mut writer);
    }
    writer.finalize() + "\n"
}

fn element(vertex: &Vertex) -> Element {
    let length = u32::try_from(vertex.name.chars().count()).unwrap_or(u32::MAX);
    let size = Point::new(f64::from(length.saturating_add(2)) * BOX.1, BOX.0);
    let shape = if vertex.is_data { ShapeKind::new_circle(&vertex.name) } else { ShapeKind::new_box(&vertex.name) };
    Element::create(shape, StyleAttr::simple(), Orientation::LeftToRight, size)
}

fn pairs(graph: &Graph) -> impl Iterator<Item = (&Vertex, &Vertex)> {
    graph.edges.iter().filter_map(|(from, to)| Some((graph.vertices.get(*from)?, graph.vertices.get(*to)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph() -> Graph {
        let vertex = |name: &str, is_data| Vertex { name: name.into(), is_data };
        let vertices =
            vec![vertex("data.eks_network.of", true), vertex("eks_cluster.a", false), vertex("module.m.x.b", false)];
        Graph { vertices, edges: vec![(1, 0), (2, 1)] }
    }

    // A1
    #[test]
    fn each_form_names_all_blocks_and_edges() {
        let dot = text(&graph(), GraphForm::Dot);
        assert!(dot.starts_with("digraph G {\n") && dot.ends_with("}\n"), "{dot}");
        assert!(dot.contains("\"eks_cluster.a\" -> \"data.eks_network.of\";\n"), "{dot}");
        assert!(dot.contains("\"data.eks_network.of\" [label = \"data.eks_network.of\", style = dashed];"), "{dot}");
        let mermaid = text(&graph(), GraphForm::Mermaid);
        assert_eq!(mermaid.lines().next(), Some("flowchart RL"));
        assert!(
            mermaid.contains("  n0([\"data.eks_network.of\"])\n") && mermaid.contains("  n2 --> n1\n"),
            "{mermaid}"
        );
        let svg = text(&graph(), GraphForm::Svg);
        assert!(svg.contains("<svg ") && svg.trim_end().ends_with("</svg>"), "{svg}");
        for vertex in &graph().vertices {
            assert!(svg.contains(&*vertex.name), "{svg}");
        }
        assert_eq!(svg.matches("marker-").count(), 2, "an arrow has one head: {svg}");
    }

    #[test]
    fn an_empty_graph_is_an_empty_picture() {
        for form in [GraphForm::Dot, GraphForm::Mermaid, GraphForm::Svg] {
            assert!(!text(&Graph::default(), form).contains("eks"));
        }
    }

    #[test]
    fn a_fleet_of_blocks_is_drawn() {
        let vertices = (0..60).map(|at| Vertex { name: format!("t.b{at}").into(), is_data: false }).collect();
        let edges = (1..60).map(|at| (at, at / 2)).collect();
        assert!(text(&Graph { vertices, edges }, GraphForm::Svg).contains("t.b59"));
    }
}
