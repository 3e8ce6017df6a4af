//! A6, A11: races for one state on servers that we did not write: moto for S3, and PostgreSQL.
//!
//! Of 64 `terrane apply` one holds the lock and the others say whose it is; one that is killed is followed after its
//! lease, not before; one that is stopped for longer than that writes nothing when it goes on. And the check of `race.rs`,
//! with real requests: a few rounds in `test`, more in `soak` (TERRANE_SOAK=1), or TERRANE_RACE_ROUNDS of them. It exists because only a server of
//! others shows that our requests mean there what the protocol takes them to mean; do not add what `race.rs` can show.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a broken harness ends the suite; figures are printed")]

use futures_util::future::join_all;
use serde_json::Value as Json;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};
use terrane_core::Value;
use terrane_runtime::clock::SystemClock;
use terrane_runtime::environment::Environment;
use terrane_runtime::store::arguments::Arguments;
use terrane_runtime::store::objects::kinds::kind;
use terrane_runtime::store::objects::{ObjectStore, Objects};
use terrane_runtime::store::{LEASE_MS, LockHolder, StateStore as _};
use terrane_sandbox::{ConsistencyLag, Durations, LogEntry, SandboxConfig};
use terrane_tests::place::Place;
use terrane_tests::race::{Mutant, Real, Tally, race};
use terrane_tests::servers::{Postgres, Process, ask, moto};
use tokio::process::{Child, Command};

/// Emulated seconds in one of ours, and so how much shorter leases are.
const RATE: u32 = 10;
/// A lock without a heartbeat is dead after that.
const LEASE: Duration = Duration::from_millis(LEASE_MS / RATE as u64);
/// Runs that race.
const RUNS: usize = 64;
/// A wait that takes longer is stuck: the machine is shared, and the runs come in dozens.
const DEADLINE: Duration = Duration::from_secs(240);

const FLEET: &str = r#"data "eks_network" "of" {
  region = "eu-west-1"
  filter = { "tag:team" = "platform" }
}
resource "eks_cluster" "core" {
  name    = "core"
  region  = "eu-west-1"
  version = "1.31"
  network {
    subnets = data.eks_network.of.private_subnets
  }
}
"#;

/// A server and the backend that keeps states there.
struct Server {
    kind: &'static str,
    pairs: Vec<(&'static str, String)>,
    /// Most of a round is waiting; with more of them, runs would wait for the server and not for each other.
    rounds_at_once: usize,
    _process: Box<dyn Send + Sync>,
}

impl Server {
    /// moto and PostgreSQL, as far as they are installed.
    async fn all() -> Vec<Self> {
        let mut servers = Vec::new();
        match moto() {
            Some(process) => servers.push(Self::s3(process).await),
            None => println!("left out: moto is not installed"),
        }
        match Postgres::start() {
            Some(process) => servers.push(Self::pg(process)),
            None => println!("left out: postgresql is not installed"),
        }
        servers
    }

    async fn s3(process: Process) -> Self {
        let (status, answer) = ask(process.port(), "PUT /fleet HTTP/1.1", "").await;
        assert_eq!(status, 200, "{answer}");
        let pairs = vec![
            ("bucket", "fleet".to_owned()),
            ("key", "state".to_owned()),
            ("region", "us-east-1".to_owned()),
            ("endpoint", process.endpoint()),
            ("use_path_style", "true".to_owned()),
            ("access_key", "AKIDEXAMPLE".to_owned()),
            ("secret_key", "hunter2".to_owned()),
        ];
        Self { kind: "s3", pairs, rounds_at_once: 10, _process: Box::new(process) }
    }

    fn pg(process: Postgres) -> Self {
        let pairs = vec![("conn_str", process.url()), ("schema_name", "fleet".to_owned())];
        Self { kind: "pg", pairs, rounds_at_once: 50, _process: Box::new(process) }
    }

    fn arguments(&self) -> Arguments {
        self.pairs.iter().map(|(name, value)| ((*name).into(), Value::string(value.as_str()))).collect()
    }

    fn open(&self, prefix: &str) -> Arc<dyn Objects> {
        (kind(self.kind).unwrap().open)(&self.arguments(), prefix, &Environment::default()).unwrap()
    }

    /// The objects of a workspace.
    fn objects(&self, workspace: &str) -> Arc<dyn Objects> {
        self.open(&(kind(self.kind).unwrap().layout)(&self.arguments()).prefix(workspace))
    }

    fn backend(&self) -> String {
        let lines = self.pairs.iter().map(|(name, value)| match value.as_str() {
            "true" => format!("    {name} = true\n"),
            text => format!("    {name} = \"{text}\"\n"),
        });
        format!("terrane {{\n  backend \"{}\" {{\n{}  }}\n}}\n", self.kind, lines.collect::<String>())
    }
}

/// A folder, a sandbox in which a cluster takes so long, and a state of its own on a server.
struct Team<'s> {
    server: &'s Server,
    place: Place,
    workspace: &'static str,
}

impl<'s> Team<'s> {
    async fn start(server: &'s Server, workspace: &'static str, cluster: Duration) -> Self {
        let config = SandboxConfig {
            clock_rate: RATE,
            durations: Durations {
                cluster_create: cluster.as_secs_f64() * f64::from(RATE),
                ..SandboxConfig::default().durations
            },
            lag: ConsistencyLag { eks: 0.0, iam: 0.0, iam_propagation: 0.0 },
            ..SandboxConfig::default()
        };
        let place = Place::start(config).await;
        place.write("main.hcl", &format!("{}{FLEET}", server.backend()));
        place.run(&["init"]).await.expect(0);
        place.run(&["workspace", "new", workspace]).await.expect(0);
        Self { server, place, workspace }
    }

    fn apply(&self, lock_timeout: &str) -> Child {
        self.command(lock_timeout).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    fn command(&self, lock_timeout: &str) -> Command {
        self.place.command(&["apply", "-auto-approve", "-json", &format!("-lock-timeout={lock_timeout}")])
    }

    async fn holder(&self) -> Option<LockHolder> {
        let store = ObjectStore::new(self.server.objects(self.workspace), Arc::new(SystemClock), LEASE_MS);
        store.holder().await.unwrap()
    }

    /// Waits until another than `before` holds the lock.
    async fn next_holder(&self, before: u64) -> LockHolder {
        let until = Instant::now() + DEADLINE;
        loop {
            match self.holder().await {
                Some(holder) if holder.fencing > before => return holder,
                _ => assert!(Instant::now() < until, "nobody takes the lock after {before}"),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The headers of the log, in their order.
    async fn segments(&self) -> Vec<Json> {
        let objects = self.server.objects(self.workspace);
        let mut headers = Vec::new();
        for listed in objects.list("log/", "").await.unwrap() {
            let object = objects.read(&listed.name).await.unwrap().unwrap();
            let line = object.bytes.split(|byte| *byte == b'\n').next().unwrap();
            headers.push(serde_json::from_slice(&line[18..]).unwrap());
        }
        headers
    }

    /// Segments that the run with that fencing number wrote.
    async fn written_by(&self, fencing: u64) -> usize {
        self.segments().await.iter().filter(|header| header["fencing"] == fencing).count()
    }

    /// Waits until that run has told the remote side to make the cluster: then it waits, and holds the lock.
    async fn is_at_work(&self, mut run: Child) -> Child {
        let until = Instant::now() + DEADLINE;
        while !self.place.sandbox.log().iter().any(|entry| entry.operation == "CreateCluster") {
            let has_ended = run.try_wait().unwrap().is_some();
            assert!(!has_ended, "the run has ended: {:?}", ended(run).await);
            assert!(Instant::now() < until, "no run begins");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        run
    }
}

/// The reason that the last line of a run gives, and all that it told.
async fn ended(child: Child) -> (Option<i32>, String, String) {
    let output = tokio::time::timeout(DEADLINE, child.wait_with_output()).await.unwrap().unwrap();
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    let last = out.lines().last().unwrap_or_default().to_owned();
    let reason = serde_json::from_str::<Json>(&last).ok().and_then(|line| Some(line["reason"].as_str()?.to_owned()));
    (output.status.code(), reason.unwrap_or_default(), out + &String::from_utf8_lossy(&output.stderr))
}

fn signal(child: &Child, name: &str) {
    let id = child.id().unwrap().to_string();
    assert!(std::process::Command::new("kill").args([name, &id]).status().unwrap().success());
}

// A6
#[tokio::test(flavor = "multi_thread")]
async fn of_64_applies_one_holds_the_lock_and_is_followed_when_it_is_killed() {
    for server in Server::all().await {
        let team = Team::start(&server, "race", Duration::from_secs(3_600)).await;
        let mut runs: Vec<Child> = (0..RUNS).map(|_| team.apply("0s")).collect();
        // All but one end by themselves.
        let until = Instant::now() + DEADLINE;
        while runs.len() > 1 {
            assert!(Instant::now() < until, "{} runs go on", runs.len());
            let mut left = Vec::new();
            for mut run in runs {
                if run.try_wait().unwrap().is_none() {
                    left.push(run);
                    continue;
                }
                let (code, reason, told) = ended(run).await;
                assert_eq!((code, reason.as_str()), (Some(1), "lock-busy"), "{told}");
                let holder = team.holder().await.unwrap();
                let names = [&*holder.owner, &*holder.id, "since", "last heartbeat"];
                assert!(names.iter().all(|name| told.contains(name)), "{told}");
            }
            runs = left;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let owner = team.is_at_work(runs.pop().unwrap()).await;
        let first = team.holder().await.unwrap();

        signal(&owner, "-KILL");
        let killed = Instant::now();
        let (code, ..) = ended(owner).await;
        assert_eq!(code, None);
        let next = team.apply("120s");
        let holder = team.next_holder(first.fencing).await;
        let waited = killed.elapsed();
        println!("{}: {RUNS} runs, one lock; taken over {} ms after a kill", server.kind, waited.as_millis());
        // The last heartbeat came up to a twelfth of a lease before the kill; the times of S3 are whole seconds.
        assert!(waited + LEASE / 12 + Duration::from_secs(2) >= LEASE, "after {waited:?}");
        assert!(waited < LEASE + Duration::from_secs(30), "after {waited:?}");
        assert!(holder.fencing > first.fencing);
        drop(next);
    }
}

// A11
#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_stopped_for_two_leases_writes_nothing_when_it_goes_on() {
    for server in Server::all().await {
        let team = Team::start(&server, "asleep", LEASE * 3).await;
        let asleep = team.is_at_work(team.apply("0s")).await;
        signal(&asleep, "-STOP");
        let first = team.holder().await.unwrap();
        let written = team.written_by(first.fencing).await;
        let begun = Instant::now();

        let next = team.apply("120s");
        let (code, reason, told) = ended(next).await;
        assert_eq!((code, reason.as_str()), (Some(0), "ok"), "{told}");
        tokio::time::sleep((LEASE * 2).saturating_sub(begun.elapsed())).await;
        let before = team.segments().await;

        signal(&asleep, "-CONT");
        let (code, _, told) = ended(asleep).await;
        assert!(code == Some(1) && told.contains("lock-lost"), "{code:?}: {told}");
        assert_eq!(team.written_by(first.fencing).await, written);
        assert_eq!(team.segments().await, before, "nothing is written at all");
        // The next run cannot know whether that request arrived, and sends it again; a name is given once.
        let is_made = |entry: &LogEntry| entry.operation == "CreateCluster" && entry.status == Some(200);
        let made = team.place.sandbox.log().iter().filter(|entry| is_made(entry)).count();
        println!("{}: stopped for {} ms, then nothing written", server.kind, begun.elapsed().as_millis());
        assert_eq!(made, 1, "and nothing is made twice");
    }
}

// A11
#[tokio::test(flavor = "multi_thread")]
async fn no_race_on_a_server_loses_or_doubles_an_entry() {
    let only = std::env::var("TERRANE_RACE_ROUNDS").ok().map(|rounds| rounds.parse::<u64>().unwrap());
    let is_soak = std::env::var("TERRANE_SOAK").is_ok_and(|value| value == "1");
    let rounds = only.unwrap_or(if is_soak { 50 } else { 2 });
    for server in Server::all().await {
        let server = Arc::new(server);
        server.open("probe").probe().await.unwrap();
        let (mut tally, begun) = (Tally::default(), Instant::now());
        for seeds in (1..=rounds).collect::<Vec<u64>>().chunks(server.rounds_at_once) {
            let races = seeds.iter().map(|seed| {
                let (server, seed) = (server.clone(), *seed);
                let open = Box::new(move || server.open(&format!("round-{seed}")));
                race(Arc::new(Real { open, lease_ms: 3_000 }), Mutant::None, seed)
            });
            for told in join_all(races).await {
                tally += told;
            }
        }
        println!("{}: {tally} ({} s)", server.kind, begun.elapsed().as_secs());
        assert!(tally.violations.is_empty(), "{:#?}", tally.violations);
        assert!(tally.acknowledged > 20, "{tally}");
    }
}
