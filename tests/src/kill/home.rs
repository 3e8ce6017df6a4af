//! Where the fleet's state is kept: in its folder, or in S3 behind a bad line.

#![expect(clippy::unwrap_used, reason = "a broken harness ends the suite")]

use crate::place::Place;
use crate::servers::{BadLine, Process, ask, moto};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use terrane_core::Value;
use terrane_plan::state::State;
use terrane_runtime::clock::SystemClock;
use terrane_runtime::environment::Environment;
use terrane_runtime::store::arguments::Arguments;
use terrane_runtime::store::local::LocalStore;
use terrane_runtime::store::objects::kinds::kind;
use terrane_runtime::store::objects::{ObjectStore, Objects};
use terrane_runtime::store::{LEASE_MS, StateStore};
use terrane_sandbox::SandboxConfig;

/// One request of so many has a fault, and none is late by more milliseconds than that.
const LINE: (u64, u64) = (8, 400);

/// Where states are.
#[derive(Clone)]
pub enum Home {
    /// Each in the folder of its fleet.
    Folder,
    /// Each below a key of its own.
    Bucket(Arc<Bucket>),
}

/// A bucket of moto. The binary reaches it over the line, and who looks does without.
pub struct Bucket {
    server: Process,
    /// The line.
    pub line: BadLine,
    keys: AtomicU64,
}

impl Bucket {
    /// `None` where moto is not installed.
    ///
    /// # Panics
    /// When the bucket cannot be made.
    pub async fn start(seed: u64) -> Option<Arc<Self>> {
        let server = moto()?;
        let (status, answer) = ask(server.port(), "PUT /fleet HTTP/1.1", "").await;
        assert_eq!(status, 200, "{answer}");
        let line = BadLine::start(server.port(), LINE.0, LINE.1, seed);
        Some(Arc::new(Self { server, line, keys: AtomicU64::new(0) }))
    }

    fn arguments(endpoint: String) -> Vec<(&'static str, String)> {
        vec![
            ("bucket", "fleet".to_owned()),
            ("region", "us-east-1".to_owned()),
            ("endpoint", endpoint),
            ("use_path_style", "true".to_owned()),
            ("access_key", "AKIDEXAMPLE".to_owned()),
            ("secret_key", "hunter2".to_owned()),
        ]
    }

    fn objects(&self, key: &str) -> Arc<dyn Objects> {
        let pairs = Self::arguments(self.server.endpoint()).into_iter().chain([("key", key.to_owned())]);
        let arguments: Arguments = pairs.map(|(name, value)| (name.into(), Value::string(value.as_str()))).collect();
        let s3 = kind("s3").unwrap();
        (s3.open)(&arguments, &(s3.layout)(&arguments).default, &Environment::default()).unwrap()
    }

    /// The block, in which the key is left to `init`: a saved plan is bound to what is written.
    fn block(&self) -> String {
        let lines = Self::arguments(self.line.endpoint()).into_iter().map(|(name, value)| match value.as_str() {
            "true" => format!("    {name} = true\n"),
            text => format!("    {name} = \"{text}\"\n"),
        });
        format!("terrane {{\n  backend \"s3\" {{\n{}  }}\n}}\n", lines.collect::<String>())
    }

    /// A key that nobody has, with the objects of another.
    async fn copy(&self, from: Option<&str>) -> String {
        let key = format!("fleet-{}", self.keys.fetch_add(1, Ordering::SeqCst));
        let Some(from) = from else { return key };
        let (from, to) = (self.objects(from), self.objects(&key));
        for listed in from.list("", "").await.unwrap() {
            let object = from.read(&listed.name).await.unwrap().unwrap();
            to.create(&listed.name, object.bytes).await.unwrap();
        }
        key
    }
}

/// A fleet: its folder, its remote side, and its state.
pub struct Fleet {
    /// Folder and remote side.
    pub place: Place,
    home: Home,
    key: Option<String>,
}

impl Fleet {
    /// An empty folder beside a new sandbox.
    ///
    /// # Panics
    /// When something of it cannot be had.
    pub async fn start(config: SandboxConfig, home: Home) -> Self {
        Self { place: Place::start(config).await, home, key: None }.moved_in(None).await
    }

    /// All of it once more; from here on neither knows of the other.
    ///
    /// # Panics
    /// When something of it cannot be had.
    pub async fn fork(&self) -> Self {
        let place = self.place.fork().await;
        Self { place, home: self.home.clone(), key: None }.moved_in(self.key.as_deref()).await
    }

    async fn moved_in(mut self, from: Option<&str>) -> Self {
        let Home::Bucket(bucket) = &self.home else { return self };
        let key = bucket.copy(from).await;
        self.place.write("backend.hcl", &bucket.block());
        let key_is = format!("-backend-config=key={key}");
        self.place.run(&["init", "-input=false", "-reconfigure", &key_is]).await.expect(0);
        self.key = Some(key);
        self
    }

    fn store(&self) -> Box<dyn StateStore> {
        let clock = Arc::new(SystemClock);
        match (&self.home, &self.key) {
            (Home::Bucket(bucket), Some(key)) => Box::new(ObjectStore::new(bucket.objects(key), clock, LEASE_MS)),
            _ => Box::new(LocalStore::new(&self.place.path().join("terrane.state"), clock)),
        }
    }

    /// Its state.
    ///
    /// # Panics
    /// When it cannot be read.
    pub async fn state(&self) -> State {
        self.store().load(None).await.unwrap().state
    }

    /// Whether somebody holds the lock of its state.
    ///
    /// # Panics
    /// When that cannot be read.
    pub async fn is_locked(&self) -> bool {
        match self.home {
            Home::Folder => self.place.path().join("terrane.state/lock").exists(),
            Home::Bucket(_) => self.store().holder().await.unwrap().is_some(),
        }
    }
}
