//! The provider `eks`: clusters, node pools and networks of Amazon EKS.
//!
//! Calls go through the AWS SDKs with their own retries off; every wait is a step that is polled, so a run that ends
//! goes on where it was. What is known of EKS (versions, policies, durations) stands in `data/`. It leaves out
//! add-ons, access entries, pod identity, Fargate, Auto Mode and Outposts.

mod client;
mod cluster;
mod config;
pub mod contract;
mod discovery;
mod ec2;
mod error;
mod iam;
mod kms;
mod life;
mod limits;
mod names;
mod network;
mod node_pool;
mod progress;
mod role;
mod tags;
#[cfg(test)]
mod testing;
mod update;
mod values;
mod versions;
mod web_identity;

use crate::client::Connections;
use crate::cluster::ClusterType;
use crate::discovery::EksDiscovery;
use crate::network::NetworkSource;
use crate::node_pool::NodePoolType;
use std::sync::Arc;
use terrane_core::Schema;
use terrane_provider::key::KeyService;
use terrane_provider::{DataSource, Discovery, Limits, Provider, ResourceType};

struct Eks {
    schema: Arc<Schema>,
    limits: Arc<Limits>,
    connections: Arc<Connections>,
}

/// The provider.
#[must_use]
pub fn provider() -> Arc<dyn Provider> {
    Arc::new(Eks {
        schema: Arc::new(config::Configuration::schema()),
        limits: limits::shared(),
        connections: Arc::default(),
    })
}

/// KMS, for keys that state and plan are sealed with.
#[must_use]
pub fn key_service() -> Arc<dyn KeyService> {
    Arc::new(kms::Kms)
}

impl Provider for Eks {
    fn name(&self) -> &'static str {
        "eks"
    }

    fn schema(&self) -> Arc<Schema> {
        Arc::clone(&self.schema)
    }

    fn resource_types(&self) -> Vec<Arc<dyn ResourceType>> {
        vec![
            Arc::new(ClusterType::new(Arc::clone(&self.connections))),
            Arc::new(NodePoolType::new(Arc::clone(&self.connections))),
        ]
    }

    fn data_sources(&self) -> Vec<Arc<dyn DataSource>> {
        vec![Arc::new(NetworkSource::new(Arc::clone(&self.connections)))]
    }

    fn limits(&self) -> Arc<Limits> {
        Arc::clone(&self.limits)
    }

    fn discovery(&self) -> Option<Arc<dyn Discovery>> {
        Some(Arc::new(EksDiscovery::new(Arc::clone(&self.connections))))
    }
}
