//! Files, environment and clock as the language sees them, with a digest of every answer.

use crate::clock::rfc3339;
use crate::environment::Environment;
use crate::secrets::digest::UserKey;
use aws_lc_rs::digest::{SHA256, digest};
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use terrane_core::Text;
use terrane_lang::Sources;

/// Files above this size are no configuration.
const LARGEST_FILE: u64 = 256 * 1024 * 1024;

/// Sources over a folder of the file system, the environment and one moment.
pub struct FolderSources {
    folder: PathBuf,
    environment: Arc<Environment>,
    time: Text,
    key: Option<Arc<UserKey>>,
    digests: Mutex<BTreeMap<Text, Text>>,
}

impl FolderSources {
    /// Sources that work in `folder` at the moment `now_ms`.
    #[must_use]
    pub fn new(folder: &Path, environment: Arc<Environment>, now_ms: u64) -> Self {
        Self { folder: folder.to_owned(), environment, time: rfc3339(now_ms), key: None, digests: Mutex::default() }
    }

    /// With a key for the digests of environment variables; without one only their presence is noted.
    #[must_use]
    pub fn keyed(mut self, key: Arc<UserKey>) -> Self {
        self.key = Some(key);
        self
    }

    /// What was asked so far, and a digest of each answer: `file:PATH`, `folder:PATH`, `folders:PATH`,
    /// `env:NAME`,
    /// `module:ADDRESS`.
    #[must_use]
    pub fn digests(&self) -> BTreeMap<Text, Text> {
        self.digests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, kind: &str, name: &str, digest: impl Into<Text>) {
        let mut digests = self.digests.lock().unwrap_or_else(PoisonError::into_inner);
        digests.insert(format!("{kind}:{name}").into(), digest.into());
    }

    fn env_digest(&self, name: &str, value: Option<&str>) -> Text {
        match (value, self.key.as_ref().and_then(|key| key.get())) {
            (None, _) => "absent".into(),
            (Some(_), None) => "present".into(),
            (Some(value), Some(key)) => key.digest(&["env", name, value]),
        }
    }
}

/// SHA-256, hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> Text {
    crate::secrets::digest::hex(digest(&SHA256, bytes).as_ref()).into()
}

impl Sources for FolderSources {
    fn read(&self, path: &str) -> Result<Arc<[u8]>, String> {
        let result = read_bounded(&self.folder.join(path));
        match &result {
            Ok(bytes) => self.note("file", path, sha256(bytes)),
            Err(_) => self.note("file", path, "absent"),
        }
        result.map(Into::into)
    }

    fn exists(&self, path: &str) -> bool {
        let exists = self.folder.join(path).is_file();
        if !exists {
            self.note("file", path, "absent");
        }
        exists
    }

    fn list(&self, folder: &str) -> Option<Vec<String>> {
        let entries = std::fs::read_dir(self.folder.join(folder)).ok()?;
        let mut names: Vec<String> = entries
            .filter_map(Result::ok)
            .filter(|entry| entry.path().is_file())
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect();
        names.sort();
        self.note("folder", folder, sha256(names.join("\n").as_bytes()));
        Some(names)
    }

    fn folders(&self, folder: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.join(folder)).into_iter().flatten().filter_map(Result::ok);
        let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        let mut names: Vec<String> = folders.filter_map(|entry| entry.file_name().into_string().ok()).collect();
        names.sort();
        self.note("folders", folder, sha256(names.join("\n").as_bytes()));
        names
    }

    fn package(&self, address: &str) -> Result<Option<String>, String> {
        let found = crate::modules::installed(&self.folder, &self.environment, address);
        let digest = match &found {
            Ok(Some(place)) => place.rsplit('/').next().unwrap_or_default(),
            Ok(None) => "absent",
            Err(_) => "altered",
        };
        self.note("module", address, digest);
        found
    }

    fn env(&self, name: &str) -> Option<String> {
        let value = self.environment.get(name);
        self.note("env", name, self.env_digest(name, value));
        value.map(ToOwned::to_owned)
    }

    fn env_names(&self, prefix: &str) -> Vec<String> {
        self.environment.with_prefix(prefix).map(|(name, _)| name.to_owned()).collect()
    }

    fn plan_time(&self) -> String {
        self.time.to_string()
    }

    fn folder(&self) -> String {
        let absolute = std::path::absolute(&self.folder).unwrap_or_else(|_| self.folder.clone());
        absolute.display().to_string()
    }

    fn random(&self) -> Option<[u8; 16]> {
        let mut bytes = [0; 16];
        aws_lc_rs::rand::fill(&mut bytes).ok().map(|()| bytes)
    }

    fn workspace(&self) -> String {
        let name = crate::selection::selected(&self.folder, &self.environment);
        self.note("workspace", "", name.clone());
        name.to_string()
    }
}

fn read_bounded(path: &Path) -> Result<Vec<u8>, String> {
    let file = std::fs::File::open(path).map_err(|error| reason(&error))?;
    if !file.metadata().map_err(|error| reason(&error))?.is_file() {
        return Err("it is no file".to_owned());
    }
    let mut bytes = Vec::new();
    file.take(LARGEST_FILE + 1).read_to_end(&mut bytes).map_err(|error| reason(&error))?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > LARGEST_FILE {
        return Err(format!("it is larger than {} MiB", LARGEST_FILE / 1024 / 1024));
    }
    Ok(bytes)
}

fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
        std::io::ErrorKind::PermissionDenied => "it may not be read".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(folder: &Path) -> FolderSources {
        let pairs = [("TOKEN", "hunter2"), ("TERRANE_DIGEST_KEY", "0123456789abcdef")];
        let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
        FolderSources::new(folder, Arc::new(Environment::new("a@b", pairs)), 0)
    }

    #[test]
    fn every_answer_leaves_a_digest() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.txt"), "abc").unwrap();
        let sources = sources(folder.path());
        let key = Arc::new(UserKey::of(sources.environment.clone()));
        let sources = sources.keyed(key);
        assert_eq!(&*sources.read("a.txt").unwrap(), b"abc");
        assert!(sources.read("b.txt").is_err());
        assert_eq!(sources.env("TOKEN").as_deref(), Some("hunter2"));
        assert_eq!(sources.list("."), Some(vec!["a.txt".to_owned()]));
        let digests = sources.digests();
        assert_eq!(
            digests.get("file:a.txt").map(|d| &**d),
            Some("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        );
        assert_eq!(digests.get("file:b.txt").map(|d| &**d), Some("absent"));
        assert_eq!(digests.get("env:TOKEN").map(|d| d.len()), Some(64));
        assert!(!format!("{digests:?}").contains("hunter2"));
    }

    #[test]
    fn without_a_key_an_environment_variable_has_no_digest() {
        let folder = tempfile::tempdir().unwrap();
        let sources = sources(folder.path());
        sources.env("TOKEN");
        sources.env("NONE");
        let digests = sources.digests();
        assert_eq!(digests.get("env:TOKEN").map(|d| &**d), Some("present"));
        assert_eq!(digests.get("env:NONE").map(|d| &**d), Some("absent"));
    }

    #[test]
    fn random_bytes_are_never_the_same() {
        let sources = sources(Path::new("."));
        assert!(sources.random().is_some());
        assert_ne!(sources.random(), sources.random());
    }
}
