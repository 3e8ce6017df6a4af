//! `eks_cluster`: a control plane, with its IAM role where the configuration names none.

mod act;
mod read;
mod refine;
mod schema;
mod steps;
mod written;

pub use act::apply_tags;
pub use read::{View, describe as describe_cluster, mark, object, unreadable};
pub use schema::Cluster;

use crate::client::Connections;
use crate::names;
use std::sync::Arc;
use terrane_core::{ObjectId, Schema, Value};
use terrane_provider::{Actor, Reader, RefineInput, RefineOutcome, ResourceType, StepSpec, StepsInput};

/// The type.
pub struct ClusterType {
    schema: Arc<Schema>,
    connections: Arc<Connections>,
}

impl ClusterType {
    /// The type over these connections.
    pub fn new(connections: Arc<Connections>) -> Self {
        Self { schema: Arc::new(Cluster::schema()), connections }
    }
}

impl ResourceType for ClusterType {
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
        names::parse_cluster_id(text)
    }

    fn written(&self, seen: &Value, _parent: Option<&Value>) -> Value {
        written::written(seen)
    }

    fn reader(&self) -> Arc<dyn Reader> {
        Arc::new(read::ClusterReader::new(Arc::clone(&self.connections)))
    }

    fn actor(&self) -> Arc<dyn Actor> {
        Arc::new(act::ClusterActor::new(Arc::clone(&self.connections)))
    }
}
