//! C1, C7, A3, A11: credentials that are missing, refused or out of date, requests that are throttled, and answers that
//! are none.

use super::{FLEET, expect_error, finish, is_soak, place};
use std::time::{Duration, Instant};
use terrane_sandbox::{Denial, FaultEffect, FaultRule, RequestMatch, Throttle};
use terrane_tests::place::Place;
use terrane_tests::seen;

/// No case may wait longer than this in real time: deadlines and pauses are divided by the rate of the clock.
const LONGEST: Duration = Duration::from_secs(20);

fn error(status: u16, code: &str) -> FaultEffect {
    FaultEffect::Error { status, code: code.to_owned(), message: String::new(), retry_after: None }
}

/// Hits every request of a service.
fn always(service: &str, effect: FaultEffect) -> FaultRule {
    let matches = RequestMatch { service: Some(service.to_owned()), ..RequestMatch::default() };
    FaultRule { times: 0, ..FaultRule::once(matches, effect) }
}

/// Hits an operation so many times.
fn of(operation: &str, times: u64, effect: FaultEffect) -> FaultRule {
    let matches = RequestMatch { operation: Some(operation.to_owned()), ..RequestMatch::default() };
    FaultRule { times, ..FaultRule::once(matches, effect) }
}

/// Something that is wrong with the remote side while planning, and what is said of it.
struct Trouble {
    name: &'static str,
    rule: FaultRule,
    id: &'static str,
    words: &'static [&'static str],
}

fn troubles() -> Vec<Trouble> {
    vec![
        Trouble {
            name: "expired token",
            rule: always("ec2", error(400, "ExpiredToken")),
            id: "expired-credentials",
            words: &["operation: ec2:DescribeVpcs", "renew the credentials"],
        },
        Trouble {
            name: "unknown key",
            rule: always("sts", error(403, "InvalidClientTokenId")),
            id: "denied",
            words: &["operation: sts:GetCallerIdentity", "check which credentials are used"],
        },
        Trouble {
            name: "a page of a proxy",
            rule: always("ec2", FaultEffect::HtmlPage { status: 200 }),
            id: "unavailable",
            words: &["code: unexpected-answer", "HTTP 200 of type text/html", "no proxy answers in its place"],
        },
        Trouble {
            name: "a page of a balancer",
            rule: always("ec2", FaultEffect::HtmlPage { status: 502 }),
            id: "unavailable",
            words: &["code: unexpected-answer", "HTTP 502 of type text/html"],
        },
        Trouble {
            name: "an answer that is cut off",
            rule: always("ec2", FaultEffect::Truncate { bytes: 100 }),
            id: "unavailable",
            words: &["code: unexpected-answer", "end of file before message length reached"],
        },
        Trouble {
            name: "a huge answer",
            rule: always("ec2", FaultEffect::HugeBody { mebibytes: 9 }),
            id: "unavailable",
            words: &["code: answer-too-large", "the answer is larger than any real one"],
        },
        Trouble {
            name: "connections that are closed",
            rule: always("ec2", FaultEffect::Drop),
            id: "unavailable",
            words: &["code: unreachable", "cannot reach http://127.0.0.1:"],
        },
        Trouble {
            name: "a lasting throttle",
            rule: always("ec2", error(503, "RequestLimitExceeded")),
            id: "throttled",
            words: &["code: RequestLimitExceeded", "Run again later"],
        },
        Trouble {
            name: "a service that is down",
            rule: always("ec2", error(500, "InternalError")),
            id: "unavailable",
            words: &["code: InternalError", "operation: ec2:DescribeVpcs"],
        },
    ]
}

const AT_DATA: &str = "on main.hcl line 1, in data \"eks_network\" \"of\":";

// C7, A2
#[tokio::test(flavor = "multi_thread")]
async fn trouble_while_planning_is_told_with_its_operation() {
    let place = place(FLEET).await;
    for Trouble { name, rule, id, words } in troubles() {
        place.sandbox.inject(rule).unwrap();
        let mut words = words.to_vec();
        words.push(AT_DATA);
        let begun = Instant::now();
        expect_error(name, &place.run(&["apply", "-auto-approve"]).await, id, &words);
        assert!(begun.elapsed() < LONGEST, "{name} took {:?}", begun.elapsed());
        place.sandbox.clear_faults();
    }
    assert_eq!(seen::changes(&place.sandbox, 0), []);
    assert_eq!(seen::made(&place.sandbox), Vec::<String>::new());
    finish("after all of it", &place).await;
}

// C7
#[tokio::test(flavor = "multi_thread")]
async fn without_credentials_the_usual_places_are_named() {
    let mut place = place(FLEET).await;
    let all = place.environment.clone();
    place.environment.retain(|(name, _)| !name.starts_with("AWS_ACCESS_KEY") && !name.starts_with("AWS_SECRET"));
    place.environment.push(("HOME".to_owned(), place.path().display().to_string()));
    let words = [AT_DATA, "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or write `credentials`"];
    expect_error("no credentials", &place.run(&["plan"]).await, "no-credentials", &words);
    assert!(place.sandbox.log().is_empty());

    place.environment = all;
    for (name, value) in &mut place.environment {
        if name == "AWS_ENDPOINT_URL" {
            // The port of discard, on which nobody listens.
            "http://127.0.0.1:9".clone_into(value);
        }
    }
    let begun = Instant::now();
    let words = [AT_DATA, "cannot reach http://127.0.0.1:9", "Check the endpoint and the network"];
    expect_error("unreachable", &place.run(&["plan"]).await, "unavailable", &words);
    assert!(begun.elapsed() < LONGEST, "{:?}", begun.elapsed());
    assert!(place.sandbox.log().is_empty());
}

/// Refuses an action, applies, allows it again, and applies to the end.
async fn denied(action: &str, address: &str, line: &str) {
    let place = place(FLEET).await;
    place.sandbox.deny(Denial { principal: None, action: action.to_owned() });
    let refused = place.run(&["apply", "-auto-approve"]).await;
    let (permission, help) = (format!("permission: {action}"), format!("allow `{action}` to the identity"));
    expect_error(action, &refused, "denied", &[&permission, &help, address, line]);
    place.sandbox.clear_denials();
    finish(action, &place).await;
}

// C7, A3
#[tokio::test(flavor = "multi_thread")]
async fn a_denied_action_is_named_and_the_next_run_goes_on() {
    denied("ec2:DescribeVpcs", "with data.eks_network.of,", AT_DATA).await;
    denied("iam:CreateRole", "with eks_cluster.core:", "declared at: main.hcl:6").await;
    denied("eks:CreateCluster", "with eks_cluster.core:", "declared at: main.hcl:6").await;
    denied("eks:CreateNodegroup", "with eks_node_pool.workers:", "declared at: main.hcl:15").await;
}

/// Spoils requests that change something, so that apply fails; then lets it finish.
async fn fails_then_goes_on(name: &str, rule: FaultRule, id: &str, words: &[&str]) {
    let place = place(FLEET).await;
    place.sandbox.inject(rule).unwrap();
    let begun = Instant::now();
    let failed = place.run(&["apply", "-auto-approve"]).await;
    assert!(begun.elapsed() < LONGEST, "{name} took {:?}", begun.elapsed());
    expect_error(name, &failed, id, words);
    place.sandbox.clear_faults();
    finish(name, &place).await;
}

// A3, A11
#[tokio::test(flavor = "multi_thread")]
async fn what_lasting_trouble_leaves_is_finished_by_the_next_run() {
    let pool = "with eks_node_pool.workers:";
    let throttle = of("CreateNodegroup", 0, error(429, "TooManyRequestsException"));
    fails_then_goes_on("throttle", throttle, "throttled", &[pool, "operation: eks:CreateNodegroup"]).await;
    let page = of("CreateNodegroup", 0, FaultEffect::HtmlPage { status: 503 });
    fails_then_goes_on("page", page, "unavailable", &[pool, "code: unexpected-answer"]).await;
    let ends_badly =
        FaultEffect::FailOperation { code: "Ec2SubnetInvalidConfiguration".into(), message: "no address".into() };
    let failed = of("CreateNodegroup", 1, ends_badly);
    let place = place(FLEET).await;
    place.sandbox.inject(failed).unwrap();
    let stopped = place.run(&["apply", "-auto-approve"]).await.expect(1);
    assert!(stopped.err.contains("Ec2SubnetInvalidConfiguration"), "{}", stopped.err);
    finish("a node group that does not come up", &place).await;
}

// A3, A11
#[tokio::test(flavor = "multi_thread")]
async fn passing_trouble_is_overcome_without_a_word_from_anybody() {
    let applied = |rule: FaultRule| FaultRule { is_applied: true, ..rule };
    let refused = error(429, "TooManyRequestsException");
    let later = FaultEffect::Error {
        status: 429,
        code: "TooManyRequestsException".into(),
        message: String::new(),
        retry_after: Some(30),
    };
    for (name, rule) in [
        ("throttled three times", of("CreateCluster", 3, refused)),
        ("told to come back", of("CreateCluster", 2, later)),
        ("a page instead of the answer", of("CreateCluster", 1, FaultEffect::HtmlPage { status: 502 })),
        ("a page, and yet it was done", applied(of("CreateCluster", 1, FaultEffect::HtmlPage { status: 502 }))),
        ("no answer, and yet it was done", applied(of("CreateNodegroup", 1, FaultEffect::Drop))),
        ("half an answer", of("CreateCluster", 1, FaultEffect::Truncate { bytes: 40 })),
        ("a huge answer", of("CreateNodegroup", 1, FaultEffect::HugeBody { mebibytes: 9 })),
        ("a role, and yet it was done", applied(of("CreateRole", 1, FaultEffect::Drop))),
        ("a poll that finds a page", of("DescribeCluster", 3, FaultEffect::HtmlPage { status: 200 })),
    ] {
        let place = place(FLEET).await;
        place.sandbox.inject(rule).unwrap();
        finish(name, &place).await;
    }
}

// A3
#[tokio::test(flavor = "multi_thread")]
async fn a_slow_bucket_slows_the_run_and_does_not_end_it() {
    let place = place(FLEET).await;
    // A request in ten seconds of the sandbox, where the provider sends up to twenty a second.
    place.sandbox.throttle(Some("eks"), Some(Throttle { per_second: 0.1, burst: 1.0 }));
    finish("a slow bucket", &place).await;
    let refused = place.sandbox.log().iter().filter(|entry| entry.status == Some(429)).count();
    assert!(refused > 0, "nothing was throttled");
}

// C7: half a minute passes, because a request takes real time however fast the clock of the sandbox is.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_comes_too_late_is_asked_for_again() {
    if !is_soak() {
        println!("left out: TERRANE_SOAK is not 1");
        return;
    }
    let place = place(FLEET).await;
    place.sandbox.inject(of("DescribeVpcs", 1, FaultEffect::Delay { millis: 60_000 })).unwrap();
    let begun = Instant::now();
    finish("a late answer", &place).await;
    assert!((30..50).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
}

/// Makes the session of an assumed role end while a cluster is being made.
// C7, A11
#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_ends_in_the_middle_is_told_and_the_next_run_goes_on() {
    let mut place = place(FLEET).await;
    place.write("profiles", &place.sandbox.aws_profiles_text());
    let profiles = place.path().join("profiles").display().to_string();
    place.environment.retain(|(name, _)| !name.starts_with("AWS_ACCESS_KEY") && !name.starts_with("AWS_SECRET"));
    for (name, value) in [
        ("AWS_CONFIG_FILE", profiles.as_str()),
        ("AWS_SHARED_CREDENTIALS_FILE", &profiles),
        ("AWS_PROFILE", "account-a-deployer"),
    ] {
        place.environment.push((name.to_owned(), value.to_owned()));
    }
    let stopped = expire_after(&place, "CreateCluster").await;
    assert_eq!(stopped.code, Some(1), "{}\n{}", stopped.out, stopped.err);
    let ids = seen::ids(&stopped.err);
    assert!(!ids.is_empty() && ids.iter().all(|id| *id == "expired-credentials"), "{}", stopped.err);
    for word in ["with eks_cluster.core:", "renew the credentials"] {
        assert!(stopped.err.contains(word), "{}", stopped.err);
    }
    finish("a new session", &place).await;
    let sessions = place.sandbox.log().iter().filter(|entry| entry.operation == "AssumeRole").count();
    assert!(sessions >= 2, "{sessions}");
    place.run(&["destroy", "-auto-approve"]).await.expect(0);
    assert_eq!(seen::made(&place.sandbox), Vec::<String>::new());
}

/// Applies, and ends all sessions when an operation was carried out.
async fn expire_after(place: &Place, operation: &str) -> terrane_tests::place::Finished {
    let words = ["apply", "-auto-approve"];
    let run = place.run(&words);
    let expire = async {
        let is_done = || place.sandbox.log().iter().any(|entry| entry.operation == operation && entry.is_applied);
        while !is_done() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        place.sandbox.expire_sessions();
        std::future::pending::<()>().await;
    };
    tokio::select! {
        finished = run => finished,
        () = expire => unreachable!("it waits for ever"),
    }
}
