//! The built-in provider `terrane`: `terrane_data`, which stores a value and has no remote side.

pub mod contract;
mod data;

use std::sync::Arc;
use terrane_core::Schema;
use terrane_derive::Resource;
use terrane_provider::limits::Deadline;
use terrane_provider::{DataSource, Limits, Provider, ResourceType, Verb};

/// What Terrane brings itself.
#[derive(Resource)]
#[resource(type = "terrane", version = 1, kind = provider)]
struct Configuration {}

struct Builtin {
    schema: Arc<Schema>,
    limits: Arc<Limits>,
}

/// The provider.
#[must_use]
pub fn provider() -> Arc<dyn Provider> {
    Arc::new(Builtin { schema: Arc::new(Configuration::schema()), limits: Arc::new(limits()) })
}

/// Nothing waits and nothing is asked, so the numbers only have to be there.
fn limits() -> Limits {
    let deadline = |verb| Deadline { type_name: data::TYPE_NAME.into(), verb, seconds: 60 };
    Limits {
        request_timeout_ms: 1_000,
        attempts: 1,
        backoff_ms: 0,
        backoff_cap_ms: 0,
        settle_ms: 0,
        rate_per_s: 1_000_000,
        burst: 1_000_000,
        parallel: 1_024,
        deadlines: [Verb::Create, Verb::Update, Verb::Delete].into_iter().map(deadline).collect(),
    }
}

impl Provider for Builtin {
    fn name(&self) -> &'static str {
        "terrane"
    }

    fn schema(&self) -> Arc<Schema> {
        Arc::clone(&self.schema)
    }

    fn resource_types(&self) -> Vec<Arc<dyn ResourceType>> {
        vec![Arc::new(data::TerraneData::new())]
    }

    fn data_sources(&self) -> Vec<Arc<dyn DataSource>> {
        Vec::new()
    }

    fn limits(&self) -> Arc<Limits> {
        Arc::clone(&self.limits)
    }
}
