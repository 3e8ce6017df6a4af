//! A scope in which no name has a value and no file is there: for constants.

use crate::scope::{KeyForm, Scope, Sources};
use std::sync::Arc;
use terrane_core::{InstanceKey, Text, Value};

/// No name has a value and there is no file.
#[derive(Clone, Copy, Debug)]
pub struct Nothing;

impl Sources for Nothing {
    fn read(&self, _: &str) -> Result<Arc<[u8]>, String> {
        Err(String::from("a constant reads no file"))
    }
    fn exists(&self, _: &str) -> bool {
        false
    }
    fn list(&self, _: &str) -> Option<Vec<String>> {
        None
    }
    fn env(&self, _: &str) -> Option<String> {
        None
    }
    fn env_names(&self, _: &str) -> Vec<String> {
        Vec::new()
    }
    fn plan_time(&self) -> String {
        String::from("1970-01-01T00:00:00Z")
    }
    fn folder(&self) -> String {
        String::from("/")
    }
}

impl Scope for Nothing {
    fn variable(&self, _: usize) -> Value {
        Value::NULL
    }
    fn local(&self, _: usize) -> Value {
        Value::NULL
    }
    fn resource(&self, _: usize) -> Value {
        Value::NULL
    }
    fn instance(&self, _: usize, _: Option<&InstanceKey>) -> Option<Value> {
        None
    }
    fn keys(&self, _: usize) -> Result<Option<Vec<InstanceKey>>, Value> {
        Ok(None)
    }
    fn key_form(&self, _: usize) -> Result<KeyForm, Value> {
        Ok(KeyForm::Single)
    }
    fn module_key_form(&self, _: usize) -> Result<KeyForm, Value> {
        Ok(KeyForm::Single)
    }
    fn module(&self, _: usize) -> Value {
        Value::NULL
    }
    fn module_output(&self, _: usize, _: Option<&InstanceKey>, _: &str) -> Option<Value> {
        None
    }
    fn module_keys(&self, _: usize) -> Result<Option<Vec<InstanceKey>>, Value> {
        Ok(None)
    }
    fn each(&self) -> Option<(Value, Value)> {
        None
    }
    fn count_index(&self) -> Option<Value> {
        None
    }
    fn self_value(&self) -> Option<Value> {
        None
    }
    fn module_folder(&self) -> Text {
        ".".into()
    }
    fn sources(&self) -> &dyn Sources {
        self
    }
}
