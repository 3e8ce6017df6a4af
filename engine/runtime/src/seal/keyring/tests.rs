//! Keys come from their sources, wrap and unwrap, and wrong ones are told from changed contents.

use super::*;
use std::path::Path;

const PASSPHRASE: &str = "correct horse battery staple";

fn raw_text(byte: u8) -> String {
    base64(&[byte; 32]).to_string()
}

fn environment() -> Arc<Environment> {
    let path = std::env::var("PATH").unwrap();
    let pairs = [
        ("PATH", path),
        ("PASSPHRASE", PASSPHRASE.to_owned()),
        ("OTHER", "another passphrase altogether".to_owned()),
        ("SHORT", "short".to_owned()),
        ("RAW1", raw_text(1)),
        ("RAW2", raw_text(2)),
        ("RAW_SHORT", base64(&[1; 31]).to_string()),
        ("EMPTY", String::new()),
    ];
    Arc::new(Environment::new("a@b", pairs.map(|(name, value)| (name.to_owned(), value))))
}

fn env(name: &str) -> Source {
    Source::Env(name.into())
}

fn sealer(folder: &Path, current: Key, previous: Vec<Key>) -> Sealer {
    Sealer::new(current, previous, folder.to_owned(), environment(), None)
}

fn ring(sealer: Sealer) -> Keyring {
    Keyring { sealer: Some(Arc::new(sealer)), seals_state: true, seals_plan: true, is_enforced: false }
}

fn of(current: Key, previous: Vec<Key>) -> Keyring {
    ring(sealer(Path::new("."), current, previous))
}

impl Keyring {
    async fn seal_plan(&self, contents: Vec<u8>) -> Result<Vec<u8>, SealError> {
        self.sealer.as_ref().unwrap().seal(&contents, &Subject::of("plan")).await
    }
}

fn raw_key(name: &str) -> Key {
    Key::Raw(env(name))
}

// A10
#[tokio::test]
async fn a_passphrase_seals_and_another_run_opens() {
    let sealed = of(Key::Passphrase(env("PASSPHRASE")), vec![]).seal_plan(b"plan".to_vec()).await.unwrap();
    assert!(!sealed.windows(4).any(|part| part == b"plan\n"));
    let header = String::from_utf8_lossy(&sealed).into_owned();
    assert!(header.starts_with("terrane-sealed 1 ") && header.contains("\"rounds\":600000"), "{header}");
    let again = of(Key::Passphrase(env("PASSPHRASE")), vec![]);
    assert_eq!(again.open_plan(&sealed).await.unwrap(), b"plan");
    let other = of(Key::Passphrase(env("OTHER")), vec![]).open_plan(&sealed).await.unwrap_err();
    assert!(matches!(other, SealError::WrongKey { .. }), "{other:?}");
    let other = of(raw_key("RAW1"), vec![]).open_plan(&sealed).await.unwrap_err();
    assert!(matches!(other, SealError::WrongKey { .. }), "{other:?}");
    let none = Keyring::default().open_plan(&sealed).await.unwrap_err();
    assert_eq!(none, SealError::NoKey { kind: "passphrase".into() });
}

// A10
#[tokio::test]
async fn a_previous_key_opens_and_the_current_one_seals() {
    let old = of(raw_key("RAW1"), vec![]).seal_plan(b"plan".to_vec()).await.unwrap();
    let both = of(raw_key("RAW2"), vec![raw_key("RAW1")]);
    assert_eq!(both.open_plan(&old).await.unwrap(), b"plan");
    let new = both.seal_plan(b"plan".to_vec()).await.unwrap();
    assert_eq!(of(raw_key("RAW2"), vec![]).open_plan(&new).await.unwrap(), b"plan");
    assert!(of(raw_key("RAW1"), vec![]).open_plan(&new).await.is_err());
}

// A10
#[tokio::test]
async fn a_data_key_that_was_opened_is_used_again() {
    let first = of(raw_key("RAW1"), vec![]);
    let sealed = first.seal_plan(b"x".to_vec()).await.unwrap();
    let again = of(raw_key("RAW1"), vec![]);
    again.open_plan(&sealed).await.unwrap();
    let (_, one) = first.sealer.as_ref().unwrap().writing().await.unwrap();
    let (_, two) = again.sealer.as_ref().unwrap().writing().await.unwrap();
    assert_eq!(one, two);
    again.sealer.as_ref().unwrap().renew().await.unwrap();
    let (_, three) = again.sealer.as_ref().unwrap().writing().await.unwrap();
    assert_ne!(one, three);
}

// A10
#[tokio::test]
async fn what_is_not_sealed_is_taken_unless_it_is_refused() {
    let mut ring = of(raw_key("RAW1"), vec![]);
    assert_eq!(ring.open_plan(b"{}").await.unwrap(), b"{}");
    ring.is_enforced = true;
    assert_eq!(ring.open_plan(b"{}").await.unwrap_err(), SealError::NotSealed);
}

async fn unavailable(key: Key) -> String {
    match of(key, vec![]).seal_plan(vec![1]).await.unwrap_err() {
        SealError::KeyUnavailable { source, reason } => format!("{source}: {reason}"),
        other => panic!("{other:?}"),
    }
}

fn exec(words: &[&str]) -> Source {
    Source::Exec(words.iter().map(|word| (*word).into()).collect())
}

// A10
#[tokio::test]
async fn keys_that_cannot_be_had_are_told_without_showing_them() {
    assert!(unavailable(Key::Passphrase(env("NONE"))).await.contains("env(NONE): the environment has no such"));
    assert!(unavailable(Key::Passphrase(env("EMPTY"))).await.contains("it is empty"));
    assert!(unavailable(Key::Passphrase(env("SHORT"))).await.contains("shorter than 16"));
    assert!(unavailable(raw_key("RAW_SHORT")).await.contains("not base64 of 32 bytes"));
    let passphrase = unavailable(raw_key("PASSPHRASE")).await;
    assert!(passphrase.contains("not base64") && !passphrase.contains("horse"), "{passphrase}");
    assert!(unavailable(Key::Raw(Source::File("none.key".into()))).await.starts_with("file(none.key): No such file"));
    let failed = unavailable(Key::Passphrase(exec(&["sh", "-c", "echo hunter2hunter2hunter2; exit 3"]))).await;
    assert!(failed.starts_with("exec(sh)") && failed.contains('3') && !failed.contains("hunter2"), "{failed}");
    assert!(unavailable(Key::Passphrase(exec(&["no-such-program-here"]))).await.contains("No such file"));
    let wordy = exec(&["sh", "-c", "head -c 5000 /dev/zero | tr '\\0' a"]);
    assert!(unavailable(Key::Passphrase(wordy)).await.contains("longer than 4096 bytes"));
    let endless = exec(&["sh", "-c", "yes"]);
    assert!(unavailable(Key::Passphrase(endless)).await.contains("more than 1 MiB"));
}

// A10
#[tokio::test]
async fn a_command_that_hangs_is_ended() {
    let hanging = Key::Passphrase(exec(&["sleep", "60"]));
    let sealer = sealer(Path::new("."), hanging, vec![]).with_command_timeout(50);
    let error = ring(sealer).seal_plan(vec![1]).await.unwrap_err();
    assert!(matches!(&error, SealError::KeyUnavailable { reason, .. } if reason.contains("within 50 ms")), "{error:?}");
}

// A10
#[tokio::test]
async fn files_and_commands_end_their_line() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("key"), format!("{}\n", raw_text(1))).unwrap();
    let sealed = of(raw_key("RAW1"), vec![]).seal_plan(vec![1]).await.unwrap();
    let file = ring(sealer(folder.path(), Key::Raw(Source::File("key".into())), vec![]));
    assert_eq!(file.open_plan(&sealed).await.unwrap(), [1]);
    let command = ring(sealer(folder.path(), Key::Raw(exec(&["cat", "key"])), vec![]));
    assert_eq!(command.open_plan(&sealed).await.unwrap(), [1]);
}

// A10
#[tokio::test]
async fn a_previous_key_that_cannot_be_had_is_no_matter_until_it_is_needed() {
    let ring = of(raw_key("RAW2"), vec![raw_key("NONE"), raw_key("RAW1")]);
    let old = of(raw_key("RAW1"), vec![]).seal_plan(vec![1]).await.unwrap();
    assert_eq!(ring.open_plan(&old).await.unwrap(), [1]);
    let lost = of(raw_key("RAW2"), vec![raw_key("NONE")]).open_plan(&old).await.unwrap_err();
    assert!(matches!(lost, SealError::KeyUnavailable { .. }), "{lost:?}");
}
