//! The provider blocks of a program, without a plan.

use super::Options;
use super::walk::Walk;
use crate::state::State;
use std::collections::BTreeMap;
use terrane_core::{Diagnostic, Value};
use terrane_lang::Sources;
use terrane_lang::program::{Input, Node, Program};
use terrane_provider::{ProviderName, Registry};

/// Evaluates the provider blocks as far as they rest on variables and locals alone; what a state remembers of others is
/// added. Nothing is asked. The second part are the problems on the way.
#[must_use]
pub fn provider_blocks(
    program: &Program,
    inputs: &[Input],
    registry: &Registry,
    state: &State,
    sources: &dyn Sources,
) -> (BTreeMap<ProviderName, Value>, Vec<Diagnostic>) {
    let mut walk = Walk::new(program, inputs, registry, state, sources, Options::default());
    for (wanted, node) in walk.is_wanted.iter_mut().zip(&program.order) {
        *wanted = matches!(node, Node::Variable(..) | Node::Local(..) | Node::Provider(..));
    }
    let _waits_for_objects = walk.run();
    let mut blocks = state.providers.clone();
    blocks.extend(std::mem::take(&mut walk.providers));
    (blocks, std::mem::take(&mut walk.problems))
}
