//! What many ask is asked once; what fails is an answer; what is not believed is asked again.

use super::*;
use crate::clock::{Clock, SystemClock};
use crate::environment::Environment;
use crate::secrets::digest::{KEY_VARIABLE, UserKey};
use crate::secrets::{SecretOverride, Secrets};
use crate::services::{Budgets, RunServices};
use crate::testing::{Fake, FakeProvider, access, addr, intent, object, target};
use std::path::Path;
use std::sync::atomic::Ordering;
use terrane_provider::{Registry, Resolution};

fn services(rate: u32) -> Arc<RunServices> {
    let pairs = [(KEY_VARIABLE.to_owned(), "0123456789abcdef".to_owned())];
    let environment = Arc::new(Environment::new("a@b", pairs));
    let key = Arc::new(UserKey::of(environment.clone()));
    let clock = Arc::new(SystemClock);
    Arc::new(RunServices {
        budgets: Arc::new(Budgets::new(clock.clone())),
        clock,
        clock_rate: rate,
        secrets: Arc::new(Secrets::new(Path::new("."), environment, BTreeMap::new(), key)),
        sink: crate::events::nowhere(),
    })
}

fn remote(registry: Arc<Registry>, secrets: Vec<SecretOverride>, rate: u32) -> Arc<Remote> {
    Arc::new(Remote { registry, services: services(rate), secrets, deadlines: BTreeMap::new() })
}

fn answerer(fake: Fake) -> (Arc<Fake>, Answerer) {
    let (fake, registry) = FakeProvider::registry(fake);
    (fake, Answerer::new(remote(registry, Vec::new(), 1), crate::events::nowhere(), 0))
}

fn reads(keys: &[&str]) -> Vec<Asked> {
    let question = |key: &str| Question::Read {
        addr: addr(&format!("fake_thing.{key}")),
        target: Box::new(target(key)),
        configuration: Value::NULL,
    };
    (0..).zip(keys).map(|(number, key)| Asked { id: QuestionId(number), question: question(key) }).collect()
}

async fn answers(answerer: &Answerer, questions: Vec<Asked>) -> Vec<String> {
    let mut answers = answerer.answer_all(questions).await;
    answers.sort_by_key(|(id, _)| *id);
    let shown = |answer: Answer| match answer {
        Answer::Read(Reading::Present(value)) => value.as_str().unwrap_or_default().to_owned(),
        Answer::Read(Reading::Unreadable(Unreadable::Failed(fault))) => format!("{:?} {}", fault.kind, fault.code),
        other => format!("{other:?}"),
    };
    answers.into_iter().map(|(_, answer)| shown(answer)).collect()
}

#[tokio::test]
async fn a_listing_is_taken_where_it_needs_fewer_requests_and_fetched_once() {
    let (fake, answerer) = answerer(Fake { is_listed: true, ..Fake::default() });
    assert_eq!(answers(&answerer, reads(&["a"])).await, ["got a"], "one is read alone");
    assert_eq!(answers(&answerer, reads(&["a", "b"])).await, ["listed a", "listed b"]);
    assert_eq!(answers(&answerer, reads(&["c"])).await, ["listed c"], "what is listed is used");
    assert_eq!((fake.lists.load(Ordering::SeqCst), fake.gets.load(Ordering::SeqCst)), (1, 1));
}

#[tokio::test]
async fn who_may_not_list_looks_at_each() {
    let (_, answerer) = answerer(Fake { is_listed: true, list_denied: true, ..Fake::default() });
    assert_eq!(answers(&answerer, reads(&["a", "b"])).await, ["got a", "got b"]);
}

#[tokio::test]
async fn a_read_that_panics_or_never_ends_is_unreadable() {
    let (panics, hangs) = (["p".into()].into(), ["h".into()].into());
    let (_, answerer) = answerer(Fake { panics, hangs, ..Fake::default() });
    assert_eq!(answers(&answerer, reads(&["p", "a", "h"])).await, ["Bug ", "got a", "Unavailable deadline"]);
}

#[tokio::test]
async fn facts_and_digests_are_asked_once() {
    let (fake, answerer) = answerer(Fake::default());
    let fact = FactKey { access: access(), type_name: "fake_thing".into(), name: "n".into(), arguments: Vec::new() };
    let secret = Value::string("s").sensitive();
    let questions = [
        Question::Fact { key: fact.clone(), configuration: Value::NULL },
        Question::Fact { key: fact, configuration: Value::NULL },
        Question::Digest { secret: secret.clone() },
        Question::Digest { secret },
        Question::Digest { secret: crate::testing::later("token") },
    ];
    let asked: Vec<Asked> =
        (0..).zip(questions).map(|(number, question)| Asked { id: QuestionId(number), question }).collect();
    let first = answers(&answerer, asked.clone()).await;
    assert_eq!((&first[0], &first[2], &*first[4]), (&first[1], &first[3], "Digest(None)"));
    assert_eq!(answers(&answerer, asked).await, first);
    assert_eq!(fake.facts.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn that_nothing_was_done_is_believed_only_after_the_settle_time() {
    let resolutions = vec![Resolution::Done(Value::int(1)), Resolution::NotDone].into();
    let (fake, registry) = FakeProvider::registry(Fake { settle_ms: 200, resolutions, ..Fake::default() });
    let remote = remote(registry, Vec::new(), 100);
    let now_ms = remote.services.clock.now_ms();
    assert_eq!(remote.resolve(&intent("a", now_ms), &Value::NULL).await, Resolution::Done(Value::int(1)));
    assert!(remote.services.clock.now_ms() >= now_ms + 2, "200 ms at 100 times the speed");
    fake.resolutions.lock().unwrap().extend([Resolution::NotDone, Resolution::NotDone]);
    assert_eq!(remote.resolve(&intent("a", now_ms - 200), &Value::NULL).await, Resolution::NotDone, "asked twice");
}

#[tokio::test]
async fn that_a_new_object_is_missing_is_believed_only_after_the_settle_time() {
    let half = |done: &[&str]| Reading::Partial {
        done: done.iter().map(|step| Text::from(*step)).collect(),
        seen: Value::NULL,
    };
    let (fake, registry) = FakeProvider::registry(Fake { settle_ms: 200, ..Fake::default() });
    let remote = remote(registry, Vec::new(), 100);
    let (now_ms, mut new) = (remote.services.clock.now_ms(), target("a"));
    let asked = async |target: &Target, readings: Vec<Reading>| {
        let before = fake.gets.load(Ordering::SeqCst);
        fake.readings.lock().unwrap().extend(readings);
        let reading = remote.get(target, &Value::NULL).await;
        (reading, fake.gets.load(Ordering::SeqCst) - before)
    };
    let got = Reading::Present(Value::string("got a"));
    assert_eq!(asked(&new, vec![Reading::Absent]).await, (Reading::Absent, 1), "it was made long ago");
    new.made_ms = now_ms + 60_000;
    assert_eq!(asked(&new, vec![Reading::Absent]).await, (got.clone(), 2));
    assert_eq!(asked(&new, vec![half(&["role"])]).await, (got.clone(), 2), "all of it is recorded");
    new.done = Some(vec!["role".into()]);
    assert_eq!(asked(&new, vec![half(&["role"])]).await, (half(&["role"]), 1), "no more than this is recorded");
    assert_eq!(asked(&new, vec![half(&[])]).await, (got, 2));
    new.made_ms = now_ms;
    assert_eq!(asked(&new, vec![Reading::Absent; 2]).await.0, Reading::Absent, "asked again, and still not there");
    fake.readings.lock().unwrap().clear();
}

#[tokio::test]
async fn what_a_listing_does_not_show_yet_is_looked_at_alone() {
    let (fake, answerer) = answerer(Fake { is_listed: true, settle_ms: 60_000, ..Fake::default() });
    fake.unlisted.lock().unwrap().insert("b".into());
    let mut questions = reads(&["a", "b"]);
    for asked in &mut questions {
        let Question::Read { target, .. } = &mut asked.question else { unreachable!() };
        target.made_ms = SystemClock.now_ms();
    }
    assert_eq!(answers(&answerer, questions).await, ["listed a", "got b"]);
}

#[tokio::test]
async fn a_fast_clock_does_not_reach_a_provider_block_with_a_far_address() {
    let (fake, registry) = FakeProvider::registry(Fake::default());
    let block = Value::object(vec![("endpoint".into(), Value::string("https://far.example"))]);
    let reading = remote(registry, Vec::new(), 100).get(&target("a"), &block).await;
    assert!(matches!(reading, Reading::Unreadable(Unreadable::Failed(fault)) if &*fault.code == "clock-rate-refused"));
    assert_eq!(fake.gets.load(Ordering::SeqCst), 0, "the call was not made");
}

#[test]
fn secret_flags_reach_what_was_sent_and_the_credentials() {
    let (_, registry) = FakeProvider::registry(Fake::default());
    let flags = ["fake_thing.a.token=env:T", "fake_thing.a.credentials.key=env:K", "fake_thing.b.token=env:X"];
    let flags = flags.iter().map(|flag| SecretOverride::parse(flag).unwrap()).collect();
    let mut old = target("a");
    old.sent = Value::object(vec![("token".into(), Value::string("old"))]);
    old.access.credentials = Value::object(vec![("key".into(), Value::string("old"))]);
    let new = remote(registry, flags, 1).with_secrets_in_target(&addr("fake_thing.a"), old);
    assert!(new.sent.get("token").unwrap().is_sensitive() && !new.sent.is_wholly_known());
    assert!(!new.access.credentials.is_wholly_known());
    assert_eq!(new.id, object("a"));
}
