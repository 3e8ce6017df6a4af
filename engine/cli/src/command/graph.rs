//! `terrane graph`: which block refers to which.

use crate::args::{GraphArguments, GraphForm};
use crate::console;
use crate::diag;
use crate::exit::{Ended, Failure, Outcome};
use crate::render::graph;
use std::io::Write as _;
use terrane_core::Place;

/// More blocks than this make no picture that anybody could read, and drawing it costs more than the square of them.
const MOST_DRAWN: usize = 200;

/// Runs it.
///
/// # Errors
/// Errors of the configuration; a picture of too many blocks.
pub fn run(arguments: &GraphArguments) -> Outcome {
    let configuration = super::folder()?.load(&[]);
    let Some(program) = &configuration.program else {
        return Err(Failure::new(configuration.problems).with_sources(configuration.sources));
    };
    let graph = terrane_plan::graph::of_program(program);
    if arguments.format == GraphForm::Svg && graph.vertices.len() > MOST_DRAWN {
        let detail = format!("{} blocks, and at most {MOST_DRAWN} are drawn", graph.vertices.len());
        return Err(diag::GRAPH_TOO_LARGE.at(Place::Argument(String::from("-format=svg"))).detail(detail).into());
    }
    let mut out = console::stdout();
    out.write_all(graph::text(&graph, arguments.format).as_bytes())?;
    out.flush()?;
    Ok(Ended::OK)
}
