//! Text of a configuration to a checked [`Program`].

use crate::program::{Program, Schemas};
use crate::scope::Sources;
use terrane_core::{Diagnostic, SourceMap};

/// What came of reading a configuration.
#[derive(Debug)]
pub struct Loaded {
    /// The program; `None` where there is an error.
    pub program: Option<Program>,
    /// Every file that was read, for showing problems.
    pub sources: SourceMap,
    /// All problems, sorted by place.
    pub problems: Vec<Diagnostic>,
}

/// Reads and checks the configuration in `folder` and the local modules it calls.
pub fn load(sources: &dyn Sources, folder: &str, schemas: &dyn Schemas) -> Loaded {
    let _ = (sources, folder, schemas);
    Loaded { program: None, sources: SourceMap::default(), problems: Vec::new() }
}
