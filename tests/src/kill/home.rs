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
    /// Each in a bucket of its own.
    S3(Arc<Moto>),
}

/// Buckets of moto. The binary reaches them over the line, and who looks does without.
///
/// moto lists a bucket by looking at all of its keys, and answers 500 when one of them goes meanwhile: fleets that share
/// a bucket would fail each other's lists.
pub struct Moto {
    server: Process,
    /// The line.
    pub line: BadLine,
    buckets: AtomicU64,
}

impl Moto {
    /// `None` where moto is not installed.
    pub async fn start(seed: u64) -> Option<Arc<Self>> {
        let server = moto()?;
        let line = BadLine::start(server.port(), LINE.0, LINE.1, seed);
        Some(Arc::new(Self { server, line, buckets: AtomicU64::new(0) }))
    }

    fn arguments(endpoint: String) -> Vec<(&'static str, String)> {
        vec![
            ("key", "fleet".to_owned()),
            ("region", "us-east-1".to_owned()),
            ("endpoint", endpoint),
            ("use_path_style", "true".to_owned()),
            ("access_key", "AKIDEXAMPLE".to_owned()),
            ("secret_key", "hunter2".to_owned()),
        ]
    }

    fn objects(&self, bucket: &str) -> Arc<dyn Objects> {
        let pairs = Self::arguments(self.server.endpoint()).into_iter().chain([("bucket", bucket.to_owned())]);
        let arguments: Arguments = pairs.map(|(name, value)| (name.into(), Value::string(value.as_str()))).collect();
        let s3 = kind("s3").unwrap();
        (s3.open)(&arguments, &(s3.layout)(&arguments).default, &Environment::default()).unwrap()
    }

    /// The block, in which the bucket is left to `init`: a saved plan is bound to what is written.
    fn block(&self) -> String {
        let lines = Self::arguments(self.line.endpoint()).into_iter().map(|(name, value)| match value.as_str() {
            "true" => format!("    {name} = true\n"),
            text => format!("    {name} = \"{text}\"\n"),
        });
        format!("terrane {{\n  backend \"s3\" {{\n{}  }}\n}}\n", lines.collect::<String>())
    }

    /// A new bucket, with the objects of another.
    async fn copy(&self, from: Option<&str>) -> String {
        let bucket = format!("fleet-{}", self.buckets.fetch_add(1, Ordering::SeqCst));
        let (status, answer) = ask(self.server.port(), &format!("PUT /{bucket} HTTP/1.1"), "").await;
        assert_eq!(status, 200, "{answer}");
        let Some(from) = from else { return bucket };
        let (from, to) = (self.objects(from), self.objects(&bucket));
        for listed in from.list("", "").await.unwrap() {
            let object = from.read(&listed.name).await.unwrap().unwrap();
            to.create(&listed.name, object.bytes).await.unwrap();
        }
        bucket
    }
}

/// A fleet: its folder, its remote side, and its state.
pub struct Fleet {
    /// Folder and remote side.
    pub place: Place,
    home: Home,
    bucket: Option<String>,
}

impl Fleet {
    /// An empty folder beside a new sandbox.
    ///
    /// # Panics
    /// When something of it cannot be had.
    pub async fn start(config: SandboxConfig, home: Home) -> Self {
        Self { place: Place::start(config).await, home, bucket: None }.moved_in(None).await
    }

    /// All of it once more; from here on neither knows of the other.
    ///
    /// # Panics
    /// When something of it cannot be had.
    pub async fn fork(&self) -> Self {
        let place = self.place.fork().await;
        Self { place, home: self.home.clone(), bucket: None }.moved_in(self.bucket.as_deref()).await
    }

    async fn moved_in(mut self, from: Option<&str>) -> Self {
        let Home::S3(moto) = &self.home else { return self };
        let bucket = moto.copy(from).await;
        self.place.write("backend.hcl", &moto.block());
        let bucket_is = format!("-backend-config=bucket={bucket}");
        self.place.run(&["init", "-input=false", "-reconfigure", &bucket_is]).await.expect(0);
        self.bucket = Some(bucket);
        self
    }

    fn store(&self) -> Box<dyn StateStore> {
        let clock = Arc::new(SystemClock);
        match (&self.home, &self.bucket) {
            (Home::S3(moto), Some(bucket)) => Box::new(ObjectStore::new(moto.objects(bucket), clock, LEASE_MS)),
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
            Home::S3(_) => self.store().holder().await.unwrap().is_some(),
        }
    }
}
