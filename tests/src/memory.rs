//! Files, environment and clock in memory.

use std::collections::BTreeMap;
use std::sync::Arc;
use terrane_lang::Sources;

/// Sources that hold what a test put in.
#[derive(Clone, Debug, Default)]
pub struct MemorySources {
    /// Text by path.
    pub files: BTreeMap<String, String>,
    /// Environment variables.
    pub environment: BTreeMap<String, String>,
}

impl MemorySources {
    /// One file `main.hcl`.
    #[must_use]
    pub fn main(text: &str) -> Self {
        Self { files: BTreeMap::from([("main.hcl".into(), text.into())]), environment: BTreeMap::new() }
    }
}

fn clean(path: &str) -> &str {
    path.trim_start_matches("./")
}

impl Sources for MemorySources {
    fn read(&self, path: &str) -> Result<Arc<[u8]>, String> {
        self.files.get(clean(path)).map(|text| text.as_bytes().into()).ok_or_else(|| "no such file".into())
    }

    fn exists(&self, path: &str) -> bool {
        self.files.contains_key(clean(path))
    }

    fn list(&self, folder: &str) -> Option<Vec<String>> {
        let folder = if clean(folder) == "." || clean(folder).is_empty() {
            String::new()
        } else {
            format!("{}/", clean(folder))
        };
        let inside = self.files.keys().filter_map(|path| path.strip_prefix(folder.as_str()));
        let names: Vec<String> = inside.filter(|name| !name.contains('/')).map(Into::into).collect();
        (!names.is_empty()).then_some(names)
    }

    fn folders(&self, folder: &str) -> Vec<String> {
        let prefix = if matches!(clean(folder), "" | ".") { String::new() } else { format!("{}/", clean(folder)) };
        let inside = self.files.keys().filter_map(|path| path.strip_prefix(prefix.as_str()));
        let folders = inside.filter_map(|path| path.split_once('/')).map(|(folder, _)| folder.to_owned());
        folders.collect::<std::collections::BTreeSet<_>>().into_iter().collect()
    }

    fn env(&self, name: &str) -> Option<String> {
        self.environment.get(name).cloned()
    }

    fn env_names(&self, prefix: &str) -> Vec<String> {
        self.environment.keys().filter(|name| name.starts_with(prefix)).cloned().collect()
    }

    fn plan_time(&self) -> String {
        "2026-01-01T00:00:00Z".into()
    }

    fn folder(&self) -> String {
        "/".into()
    }
}
