//! A6: the places of remote state that have no server of somebody else to try: OSS, COS and plain HTTP, against our own
//! emulator, whose rules name the vendors' documents. It shows that what we send is what is documented, not that the
//! document is right.

#![expect(clippy::unwrap_used, reason = "a broken harness ends the suite, and what is left out is said")]

use std::sync::Arc;
use terrane_core::Value;
use terrane_runtime::environment::Environment;
use terrane_runtime::store::arguments::Arguments;
use terrane_runtime::store::objects::kinds::kind;
use terrane_runtime::store::objects::{Created, Objects, ObjectsError, contract};
use terrane_sandbox::{Dialect, ObjectFault, ObjectSeed, ObjectServer};
use terrane_tests::servers::state;

const BUCKET: &str = "fleet-1250000000";
const SECRET: &str = "hunter2-of-objects";

const DIALECTS: [Dialect; 3] = [Dialect::Oss, Dialect::Cos, Dialect::Plain];

async fn server(dialect: Dialect) -> ObjectServer {
    let seed = ObjectSeed {
        dialect,
        bucket: BUCKET.to_owned(),
        key_id: "AKIDEXAMPLE".to_owned(),
        secret: SECRET.to_owned(),
        is_conditional: true,
        clock_offset_seconds: 0,
    };
    ObjectServer::start(seed).await.unwrap()
}

/// A handle as a new process would have it, with the arguments that people write.
fn open_as(dialect: Dialect, server: &ObjectServer, bucket: &str, secret: &str, prefix: &str) -> Arc<dyn Objects> {
    let endpoint = server.endpoint();
    let address = format!("{endpoint}/{bucket}");
    let (name, pairs) = match dialect {
        Dialect::Oss => (
            "oss",
            [("bucket", bucket), ("endpoint", &*endpoint), ("access_key", "AKIDEXAMPLE"), ("secret_key", secret)]
                .to_vec(),
        ),
        Dialect::Cos => (
            "cos",
            [("bucket", bucket), ("endpoint", &*endpoint), ("secret_id", "AKIDEXAMPLE"), ("secret_key", secret)]
                .to_vec(),
        ),
        Dialect::Plain => {
            ("http", [("address", &*address), ("username", "AKIDEXAMPLE"), ("password", secret)].to_vec())
        }
    };
    let arguments: Arguments = pairs.iter().map(|(name, value)| ((*name).into(), Value::string(*value))).collect();
    (kind(name).unwrap().open)(&arguments, prefix, &Environment::default()).unwrap()
}

fn open(dialect: Dialect, server: &ObjectServer) -> Arc<dyn Objects> {
    open_as(dialect, server, BUCKET, SECRET, "a/b")
}

// A6
#[tokio::test(flavor = "multi_thread")]
async fn each_keeps_the_contract() {
    for dialect in DIALECTS {
        let server = server(dialect).await;
        let open = |part: &str| open_as(dialect, &server, BUCKET, SECRET, &format!("a/b/{part}"));
        assert_eq!(contract::run(open).await, [""; 0], "{dialect:?}");
    }
}

// A6
#[tokio::test(flavor = "multi_thread")]
async fn each_keeps_a_state_with_replies_that_are_lost() {
    let mut checks = Vec::new();
    for dialect in DIALECTS {
        let server = Arc::new(server(dialect).await);
        let losing = Arc::clone(&server);
        let open: state::Open = Arc::new(move |prefix| open_as(dialect, &server, BUCKET, SECRET, prefix));
        let lose: state::LoseReply = Arc::new(move || {
            losing.inject("PUT", ObjectFault::LoseReply);
            true
        });
        checks.push(tokio::spawn(async move { (dialect, state::check(open, lose).await) }));
    }
    for check in checks {
        let (dialect, wrong) = check.await.unwrap();
        assert_eq!(wrong, [""; 0], "{dialect:?}");
    }
}

// A6
#[tokio::test]
async fn a_place_that_overwrites_is_refused_by_the_probe() {
    for dialect in DIALECTS {
        let server = server(dialect).await;
        server.set_conditional(false);
        assert_eq!(open(dialect, &server).probe().await, Err(ObjectsError::NotConditional), "{dialect:?}");
        assert_eq!(server.names(), [""; 0], "{dialect:?}: the probe leaves nothing");
    }
}

// A6
#[tokio::test]
async fn what_is_wrong_is_told_by_its_name() {
    for dialect in DIALECTS {
        let server = server(dialect).await;
        let wrong = open_as(dialect, &server, "other-1250000000", SECRET, "a").probe().await;
        assert!(matches!(wrong, Err(ObjectsError::NoSuchPlace { .. })), "{dialect:?}: {wrong:?}");
        let wrong = open_as(dialect, &server, BUCKET, "hunter3", "a").probe().await;
        let told = format!("{wrong:?}");
        assert!(told.contains("credentials are not accepted") && !told.contains("hunter3"), "{dialect:?}: {told}");
        server.inject("PUT", ObjectFault::Busy);
        let wrong = open(dialect, &server).probe().await;
        assert!(matches!(wrong, Err(ObjectsError::Throttled { .. })), "{dialect:?}: {wrong:?}");
    }
}

// A6
#[tokio::test]
async fn a_missing_right_is_told_as_the_place_calls_it() {
    for (dialect, rights) in [
        (Dialect::Oss, ["oss:PutObject", "oss:GetObject", "oss:DeleteObject"]),
        (Dialect::Cos, ["name/cos:PutObject", "name/cos:GetObject", "name/cos:DeleteObject"]),
        (Dialect::Plain, ["PUT with If-None-Match", "GET", "DELETE"]),
    ] {
        for (method, right) in ["PUT", "GET", "DELETE"].into_iter().zip(rights) {
            let server = server(dialect).await;
            server.inject(method, ObjectFault::Deny);
            let wrong = open(dialect, &server).probe().await;
            let is_named = matches!(&wrong, Err(ObjectsError::Denied { action, .. }) if *action == right);
            assert!(is_named, "{dialect:?} {method}: {wrong:?}");
        }
    }
}

// A6
#[tokio::test]
async fn a_clock_that_is_off_is_told() {
    for dialect in [Dialect::Oss, Dialect::Cos] {
        let server = server(dialect).await;
        server.set_clock_offset(4_000);
        let wrong = open(dialect, &server).probe().await;
        assert!(matches!(wrong, Err(ObjectsError::ClockSkew { .. })), "{dialect:?}: {wrong:?}");
    }
}

// A6
#[tokio::test]
async fn after_a_lost_reply_the_object_may_be_there() {
    for dialect in DIALECTS {
        let server = server(dialect).await;
        let objects = open(dialect, &server);
        for (fault, after) in [(ObjectFault::LoseReply, Created::Exists), (ObjectFault::LoseRequest, Created::Made)] {
            let name = format!("log/{after:?}");
            server.inject("PUT", fault);
            let lost = objects.create(&name, "x".into()).await;
            assert!(matches!(lost, Err(ObjectsError::Unavailable { .. })), "{dialect:?} {fault:?}: {lost:?}");
            assert_eq!(objects.create(&name, "x".into()).await, Ok(after), "{dialect:?} {fault:?}");
        }
    }
}
