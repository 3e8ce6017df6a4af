//! The providers that a binary links.

use crate::key::KeyService;
use crate::{DataSource, Discovery, Limits, ResourceType};
use std::collections::BTreeMap;
use std::sync::Arc;
use terrane_core::{Schema, Text};

/// A provider.
pub trait Provider: Send + Sync {
    /// Its name, as `provider` blocks write it.
    fn name(&self) -> &'static str;
    /// The declaration of its `provider` block.
    fn schema(&self) -> Arc<Schema>;
    /// Its resource types.
    fn resource_types(&self) -> Vec<Arc<dyn ResourceType>>;
    /// Its data sources.
    fn data_sources(&self) -> Vec<Arc<dyn DataSource>>;
    /// Its table of deadlines and budgets.
    fn limits(&self) -> Arc<Limits>;
    /// How objects are found that nothing knows yet; `None` where this provider finds none.
    fn discovery(&self) -> Option<Arc<dyn Discovery>> {
        None
    }
}

/// Something of a provider, found by type name.
struct Entry<T: ?Sized> {
    provider: Text,
    schema: Arc<Schema>,
    part: Arc<T>,
}

/// Every provider, resource type and data source by name.
#[derive(Default)]
pub struct Registry {
    providers: BTreeMap<Text, Arc<dyn Provider>>,
    resources: BTreeMap<Text, Entry<dyn ResourceType>>,
    data: BTreeMap<Text, Entry<dyn DataSource>>,
    key_services: Vec<Arc<dyn KeyService>>,
}

impl Registry {
    /// A registry of these providers; of two types with one name the later stays.
    #[must_use]
    pub fn new(providers: Vec<Arc<dyn Provider>>) -> Self {
        let mut registry = Self::default();
        for provider in providers {
            let name: Text = provider.name().into();
            for part in provider.resource_types() {
                let schema = part.schema();
                let entry = Entry { provider: name.clone(), schema: schema.clone(), part };
                registry.resources.insert(schema.type_name.clone(), entry);
            }
            for part in provider.data_sources() {
                let schema = part.schema();
                let entry = Entry { provider: name.clone(), schema: schema.clone(), part };
                registry.data.insert(schema.type_name.clone(), entry);
            }
            registry.providers.insert(name, provider);
        }
        registry
    }

    /// With services that keep keys.
    #[must_use]
    pub fn with_key_services(mut self, services: Vec<Arc<dyn KeyService>>) -> Self {
        self.key_services = services;
        self
    }

    /// The services that keep keys.
    #[must_use]
    pub fn key_services(&self) -> &[Arc<dyn KeyService>] {
        &self.key_services
    }

    /// A provider by name.
    #[must_use]
    pub fn provider(&self, name: &str) -> Option<&Arc<dyn Provider>> {
        self.providers.get(name)
    }

    /// All providers, by name.
    pub fn providers(&self) -> impl Iterator<Item = &Arc<dyn Provider>> {
        self.providers.values()
    }

    /// A resource type by name.
    #[must_use]
    pub fn resource(&self, type_name: &str) -> Option<&Arc<dyn ResourceType>> {
        self.resources.get(type_name).map(|entry| &entry.part)
    }

    /// A data source by name.
    #[must_use]
    pub fn data(&self, type_name: &str) -> Option<&Arc<dyn DataSource>> {
        self.data.get(type_name).map(|entry| &entry.part)
    }

    /// The schema of a resource type.
    #[must_use]
    pub fn resource_schema(&self, type_name: &str) -> Option<&Arc<Schema>> {
        self.resources.get(type_name).map(|entry| &entry.schema)
    }

    /// The schema of a data source.
    #[must_use]
    pub fn data_schema(&self, type_name: &str) -> Option<&Arc<Schema>> {
        self.data.get(type_name).map(|entry| &entry.schema)
    }

    /// The provider that a resource type or data source belongs to.
    #[must_use]
    pub fn provider_of(&self, type_name: &str) -> Option<&Text> {
        let resource = self.resources.get(type_name).map(|entry| &entry.provider);
        resource.or_else(|| self.data.get(type_name).map(|entry| &entry.provider))
    }

    /// Schemas of all resource types, by name.
    pub fn resource_schemas(&self) -> impl Iterator<Item = &Arc<Schema>> {
        self.resources.values().map(|entry| &entry.schema)
    }

    /// Schemas of all data sources, by name.
    pub fn data_schemas(&self) -> impl Iterator<Item = &Arc<Schema>> {
        self.data.values().map(|entry| &entry.schema)
    }
}
