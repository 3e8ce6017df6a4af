//! Secrets come from their sources, show nowhere, and end in time.

use super::*;
use crate::command;
use terrane_core::{Residual, Type};
use terrane_provider::call::Revealed;

fn source(function: &str, argument: Value) -> Value {
    let residual = Residual::Call { function: function.into(), arguments: vec![argument], is_spread: false };
    Value::unknown(Type::String, residual).sensitive()
}

fn secrets(folder: &Path) -> Secrets {
    let path = std::env::var("PATH").unwrap();
    let pairs = [("PATH", path.as_str()), ("TOKEN", "hunter2"), (digest::KEY_VARIABLE, "0123456789abcdef")];
    with_environment(folder, &pairs)
}

fn with_environment(folder: &Path, pairs: &[(&str, &str)]) -> Secrets {
    let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let environment = Arc::new(Environment::new("a@b", pairs));
    let variables = BTreeMap::from([("password".into(), Value::string("swordfish").sensitive())]);
    Secrets::new(folder, environment.clone(), variables, Arc::new(UserKey::of(environment)))
}

async fn output(words: &[&str], folder: &Path, timeout_ms: u64) -> Result<zeroize::Zeroizing<Vec<u8>>, String> {
    let path = std::env::var("PATH").unwrap();
    let pairs = [("PATH", path.as_str()), ("TOKEN", "hunter2"), ("VAULT_ADDR", "here"), (command::GIVEN, "VAULT_*, X")];
    let environment = Environment::new("a@b", pairs.map(|(name, value)| (name.to_owned(), value.to_owned())));
    command::secret(words, &command::Run::new(folder, &environment, timeout_ms)).await
}

// A10
#[tokio::test]
async fn a_command_sees_what_it_is_given_and_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let seen = output(&["env"], folder.path(), 10_000).await.unwrap();
    let names: Vec<&str> =
        std::str::from_utf8(&seen).unwrap().lines().filter_map(|line| line.split('=').next()).collect();
    assert_eq!(names, ["PATH", "VAULT_ADDR"]);
}

fn argv(words: &[&str]) -> Value {
    Value::tuple(words.iter().map(|word| Value::string(*word)).collect())
}

#[tokio::test]
async fn digests_tell_equal_from_different_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let secrets = secrets(folder.path());
    let first = secrets.digest(&Value::string("hunter2").sensitive()).await.unwrap();
    assert_eq!(secrets.digest(&Value::string("hunter2")).await, Some(first.clone()));
    assert_ne!(secrets.digest(&Value::string("hunter3")).await, Some(first));
    let list = Value::tuple(vec![Value::string("a").sensitive()]);
    let other = Value::tuple(vec![Value::string("b").sensitive()]);
    assert_ne!(secrets.digest(&list).await, secrets.digest(&other).await);
}

#[tokio::test]
async fn without_a_key_there_is_no_digest() {
    let folder = tempfile::tempdir().unwrap();
    let secrets = with_environment(folder.path(), &[]);
    assert_eq!(secrets.digest(&Value::string("x")).await, None);
    assert!(secrets.key.failure().unwrap().contains("HOME"));
}

#[tokio::test]
async fn a_variable_is_looked_up_and_never_shown() {
    let folder = tempfile::tempdir().unwrap();
    let secrets = secrets(folder.path());
    let secret = Value::unknown(Type::String, Residual::Variable("password".into())).sensitive();
    let revealed = secrets.reveal(&secret).await.unwrap();
    assert_eq!(revealed.expose(), "swordfish");
    assert_eq!(format!("{revealed:?}"), "(secret)");
    assert!(!format!("{secrets:?}").contains("swordfish"));
    let missing = Value::unknown(Type::String, Residual::Variable("gone".into()));
    let fault = secrets.reveal(&missing).await.unwrap_err();
    assert_eq!((&*fault.operation, &*fault.code), ("var.gone", "secret-unavailable"));
}

#[tokio::test]
async fn sources_are_read_when_asked() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("s.txt"), "from a file\n").unwrap();
    let secrets = secrets(folder.path());
    for (secret, expected) in [
        (source("env", Value::string("TOKEN")), "hunter2"),
        (source("file", Value::string("s.txt")), "from a file\n"),
        (source("exec", argv(&["printf", "one\n"])), "one"),
    ] {
        assert_eq!(secrets.reveal(&secret).await.unwrap().expose(), expected);
    }
}

#[tokio::test]
async fn a_command_that_does_not_end_is_ended() {
    let folder = tempfile::tempdir().unwrap();
    let failed = output(&["sh", "-c", "sleep 60 & sleep 60"], folder.path(), 5).await.unwrap_err();
    assert!(failed.contains("did not end within 5 ms"), "{failed}");
}

#[tokio::test]
async fn what_a_failed_command_wrote_is_not_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let words = ["sh", "-c", "echo hunter2; echo hunter2 >&2; exit 3"];
    let failed = output(&words, folder.path(), 10_000).await.unwrap_err();
    assert!(failed.contains('3') && !failed.contains("hunter2"), "{failed}");
}
