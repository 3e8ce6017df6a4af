//! A6: the places of remote state, against servers that we did not write.
//!
//! moto for S3, fake-gcs-server for Cloud Storage, Azurite for Azure Blob Storage, PostgreSQL for itself. What has no
//! such server (OSS, COS, plain HTTP) is in `stores_emulated.rs`. A server that is not installed is named by `cargo xtask
//! test`. Each starts once for all that is asked of it.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a broken harness ends the suite, and what is left out is said"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};
use terrane_core::Value;
use terrane_runtime::environment::Environment;
use terrane_runtime::store::arguments::Arguments;
use terrane_runtime::store::objects::kinds::kind;
use terrane_runtime::store::objects::{Objects, ObjectsError, contract};
use terrane_tests::servers::state;
use terrane_tests::servers::{Azurite, Postgres, ask, fake_gcs, free_port, moto};

fn arguments(pairs: &[(&str, &str)]) -> Arguments {
    pairs.iter().map(|(name, value)| ((*name).into(), Value::string(*value))).collect()
}

fn open(name: &str, pairs: &[(&str, &str)], prefix: &str) -> Arc<dyn Objects> {
    (kind(name).unwrap().open)(&arguments(pairs), prefix, &Environment::default()).unwrap()
}

/// The contract of stores over a place: every case that the store in a folder passes too.
async fn keeps_a_state(name: &'static str, pairs: &[(&str, &str)]) {
    let pairs: Vec<(String, String)> = pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
    let open: state::Open = Arc::new(move |prefix| {
        let pairs: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (&**name, &**value)).collect();
        open(name, &pairs, prefix)
    });
    assert_eq!(state::check(open, Arc::new(|| false)).await, [""; 0], "{name}");
}

/// Says that a server is not there; what was not tried is not a pass.
fn left_out(what: &str) {
    println!("left out: {what} is not installed");
}

async fn probed(name: &str, pairs: &[(&str, &str)]) -> ObjectsError {
    open(name, pairs, "probed").probe().await.unwrap_err()
}

fn with<'a>(pairs: &[(&'a str, &'a str)], name: &'a str, value: &'a str) -> Vec<(&'a str, &'a str)> {
    let others = pairs.iter().copied().filter(|(found, _)| *found != name);
    others.chain([(name, value)]).collect()
}

// A6
#[tokio::test(flavor = "multi_thread")]
async fn s3_in_moto() {
    let Some(server) = moto() else { return left_out("moto") };
    let (status, answer) = ask(server.port(), "PUT /fleet HTTP/1.1", "").await;
    assert_eq!(status, 200, "{answer}");
    let endpoint = server.endpoint();
    let pairs = [
        ("bucket", "fleet"),
        ("key", "state"),
        ("region", "us-east-1"),
        ("endpoint", &*endpoint),
        ("use_path_style", "true"),
        ("access_key", "AKIDEXAMPLE"),
        ("secret_key", "hunter2"),
    ];
    let pairs = &pairs[..];
    assert_eq!(contract::run(|part| open("s3", pairs, &format!("a/b/{part}"))).await, [""; 0]);
    keeps_a_state("s3", pairs).await;
    let wrong = probed("s3", &with(pairs, "bucket", "no-such-bucket")).await;
    assert!(matches!(&wrong, ObjectsError::NoSuchPlace { reason } if reason.contains("NoSuchBucket")), "{wrong:?}");
}

// A6
#[tokio::test(flavor = "multi_thread")]
async fn gcs_in_fake_gcs_server() {
    let Some(server) = fake_gcs() else { return left_out("fake-gcs-server") };
    let head = "POST /storage/v1/b?project=p HTTP/1.1\r\nContent-Type: application/json";
    let (status, answer) = ask(server.port(), head, r#"{"name":"fleet"}"#).await;
    assert_eq!(status, 200, "{answer}");
    let endpoint = server.endpoint();
    let pairs = [("bucket", "fleet"), ("storage_custom_endpoint", &*endpoint), ("access_token", "hunter2")];
    assert_eq!(contract::run(|part| open("gcs", &pairs, &format!("a/b/{part}"))).await, [""; 0]);
    keeps_a_state("gcs", &pairs).await;
    let wrong = probed("gcs", &with(&pairs, "bucket", "no-such-bucket")).await;
    assert!(matches!(wrong, ObjectsError::NoSuchPlace { .. }), "{wrong:?}");
}

// A6
#[tokio::test(flavor = "multi_thread")]
async fn azure_blobs_in_azurite() {
    let Some(server) = Azurite::start() else { return left_out("azurite") };
    server.make_container("fleet").await;
    let endpoint = server.endpoint();
    let pairs = [
        ("storage_account_name", "fleet"),
        ("container_name", "fleet"),
        ("key", "state"),
        ("endpoint", &*endpoint),
        ("access_key", &*server.key),
    ];
    assert_eq!(contract::run(|part| open("azurerm", &pairs, &format!("a/b/{part}"))).await, [""; 0]);
    keeps_a_state("azurerm", &pairs).await;
    let wrong = probed("azurerm", &with(&pairs, "container_name", "no-such-container")).await;
    assert!(
        matches!(&wrong, ObjectsError::NoSuchPlace { reason } if reason.contains("ContainerNotFound")),
        "{wrong:?}"
    );
    let wrong = probed("azurerm", &with(&pairs, "access_key", "aHVudGVyMg==")).await;
    let told = format!("{wrong:?}");
    assert!(told.contains("credentials are not accepted") && !told.contains("aHVudGVyMg"), "{told}");
}

// A6
#[tokio::test(flavor = "multi_thread")]
async fn rows_in_postgresql() {
    let Some(server) = Postgres::start() else { return left_out("postgresql") };
    let url = server.url();
    let pairs = [("conn_str", &*url), ("schema_name", "fleet \"of\" states")];
    // A table is made by the probe and by nothing else.
    let early = open("pg", &pairs, "x").list("", "").await.unwrap_err();
    assert!(matches!(early, ObjectsError::NoSuchPlace { .. }), "{early:?}");
    open("pg", &pairs, "x").probe().await.unwrap();
    assert_eq!(contract::run(|part| open("pg", &pairs, &format!("a/b/{part}"))).await, [""; 0]);
    keeps_a_state("pg", &pairs).await;
    for (user, password) in [("terrane", "hunter3"), ("nobody", "hunter3")] {
        let wrong = probed("pg", &[("conn_str", &server.url_of(user, password))]).await;
        let told = format!("{wrong:?}");
        assert!(told.contains("credentials are not accepted") && !told.contains("hunter3"), "{told}");
    }
    let elsewhere = url.replace("/postgres?", "/nowhere?");
    let wrong = probed("pg", &[("conn_str", &elsewhere)]).await;
    assert!(matches!(wrong, ObjectsError::NoSuchPlace { .. }), "{wrong:?}");
}

// A6
#[tokio::test(flavor = "multi_thread")]
async fn nobody_listening_is_told_with_what_was_waited_for() {
    let port = free_port();
    let begun = Instant::now();
    let url = format!("postgres://u:hunter2@127.0.0.1:{port}/x?sslmode=disable");
    let wrong = probed("pg", &[("conn_str", &url)]).await;
    let waited = format!("waited for postgres://127.0.0.1:{port}/x");
    let told = format!("{wrong:?}");
    assert!(matches!(wrong, ObjectsError::Unavailable { .. }), "{told}");
    assert!(told.contains(&waited) && told.contains("refused") && !told.contains("hunter2"), "{told}");
    let endpoint = format!("http://127.0.0.1:{port}");
    let pairs =
        [("bucket", "b"), ("region", "r"), ("endpoint", &*endpoint), ("access_key", "a"), ("secret_key", "hunter2")];
    for (name, pairs) in [("s3", &pairs[..]), ("http", &[("address", &*endpoint)])] {
        let wrong = probed(name, pairs).await;
        let told = format!("{wrong:?}");
        assert!(matches!(wrong, ObjectsError::Unavailable { .. }), "{name}: {told}");
        assert!(told.contains("refused") && !told.contains("hunter2"), "{name}: {told}");
    }
    assert!(begun.elapsed() < Duration::from_secs(30));
}
