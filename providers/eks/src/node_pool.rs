//! `eks_node_pool`: a managed node group, with the IAM role of its nodes where the configuration names none.

mod act;
mod delta;
mod read;
mod refine;
mod schema;
mod steps;
mod written;

pub use read::{View, describe, object};
pub use schema::NodePool;

use crate::client::Connections;
use crate::names;
use std::sync::Arc;
use terrane_core::{ObjectId, Schema, Value};
use terrane_provider::{Actor, Reader, RefineInput, RefineOutcome, ResourceType, StepSpec, StepsInput};

/// The type.
pub struct NodePoolType {
    schema: Arc<Schema>,
    connections: Arc<Connections>,
}

impl NodePoolType {
    /// The type over these connections.
    pub fn new(connections: Arc<Connections>) -> Self {
        Self { schema: Arc::new(NodePool::schema()), connections }
    }
}

impl ResourceType for NodePoolType {
    fn schema(&self) -> Arc<Schema> {
        Arc::clone(&self.schema)
    }

    fn refine(&self, input: &RefineInput<'_>) -> RefineOutcome {
        refine::refine(input)
    }

    fn steps(&self, input: &StepsInput<'_>) -> Vec<StepSpec> {
        steps::steps(input)
    }

    fn parse_id(&self, text: &str) -> Result<ObjectId, String> {
        names::parse_pool_id(text)
    }

    fn written(&self, seen: &Value, parent: Option<&Value>) -> Value {
        written::written(seen, parent)
    }

    fn reader(&self) -> Arc<dyn Reader> {
        Arc::new(read::NodePoolReader::new(Arc::clone(&self.connections)))
    }

    fn actor(&self) -> Arc<dyn Actor> {
        Arc::new(act::NodePoolActor::new(Arc::clone(&self.connections)))
    }
}
