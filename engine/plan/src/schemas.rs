//! The schemas of a registry, as the language wants them.

use std::sync::Arc;
use terrane_core::schema::SchemaKind;
use terrane_core::{Schema, Text};
use terrane_lang::program::Schemas;
use terrane_provider::Registry;

/// A registry seen by the language.
pub struct RegistrySchemas<'a>(pub &'a Registry);

impl Schemas for RegistrySchemas<'_> {
    fn resource(&self, type_name: &str) -> Option<Arc<Schema>> {
        self.0.resource_schema(type_name).cloned()
    }

    fn data(&self, type_name: &str) -> Option<Arc<Schema>> {
        self.0.data_schema(type_name).cloned()
    }

    fn provider(&self, name: &str) -> Option<Arc<Schema>> {
        self.0.provider(name).map(|provider| provider.schema())
    }

    fn provider_of(&self, type_name: &str) -> Option<Text> {
        self.0.provider_of(type_name).cloned()
    }

    fn names(&self, kind: SchemaKind) -> Vec<Text> {
        match kind {
            SchemaKind::Resource => self.0.resource_schemas().map(|s| s.type_name.clone()).collect(),
            SchemaKind::Data => self.0.data_schemas().map(|s| s.type_name.clone()).collect(),
            SchemaKind::Provider => self.0.providers().map(|p| p.name().into()).collect(),
        }
    }
}
