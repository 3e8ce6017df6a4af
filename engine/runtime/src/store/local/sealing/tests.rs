//! A sealed state: the contract holds, nothing shows, changes are seen, and sealing begins, changes and ends.

use crate::clock::fake::FakeClock;
use crate::seal::source::Source;
use crate::seal::{Key, Keyring, SealError, Sealer};
use crate::store::contract::{self, Place, entries, request};
use crate::store::local::LocalStore;
use crate::store::{StateStore, StoreError};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use tempfile::TempDir;
use terrane_plan::state::State;

fn clock() -> Arc<FakeClock> {
    Arc::new(FakeClock(AtomicU64::new(1_700_000_000_000)))
}

/// Keys of 32 equal bytes; the first is current.
fn keyring(keys: &[u8]) -> Keyring {
    use base64::Engine as _;
    let text = |byte: &u8| base64::engine::general_purpose::STANDARD.encode([*byte; 32]);
    let pairs = keys.iter().map(|byte| (format!("K{byte}"), text(byte)));
    let environment = Arc::new(crate::Environment::new("a@b", pairs));
    let mut keys = keys.iter().map(|byte| Key::Raw(Source::Env(format!("K{byte}").into())));
    let sealer = keys.next().map(|current| {
        let sealer = Sealer::new(current, keys.collect(), Path::new(".").to_owned(), environment, None);
        Arc::new(sealer)
    });
    Keyring { sealer, seals_state: true, seals_plan: true, is_enforced: false }
}

struct Folder {
    folder: TempDir,
    clock: Arc<FakeClock>,
}

impl Place for Folder {
    fn open(&self) -> Arc<dyn StateStore> {
        let store = LocalStore::new(&self.folder.path().join("state"), self.clock.clone());
        Arc::new(store.with_keyring(keyring(&[1])))
    }

    fn advance(&self, ms: u64) {
        use std::sync::atomic::Ordering;
        self.clock.0.fetch_add(ms, Ordering::SeqCst);
    }
}

// A10
#[tokio::test]
async fn a_sealed_store_keeps_the_contract() {
    let wrong = contract::run(|| Box::new(Folder { folder: tempfile::tempdir().unwrap(), clock: clock() })).await;
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn store(folder: &TempDir, keyring: Keyring) -> LocalStore {
    LocalStore::new(&folder.path().join("state"), clock()).with_keyring(keyring)
}

/// Takes the lock and appends so many entries more.
async fn write(store: &LocalStore, from: usize, to: usize, compacts: bool) -> State {
    let grant = store.lock(&request("a@one")).await.unwrap();
    store.load(Some(&grant)).await.unwrap();
    let all = entries(to);
    store.append(&grant, all.get(from..to).unwrap()).await.unwrap();
    let state = store.load(None).await.unwrap().state;
    if compacts {
        store.compact(&grant, &state).await.unwrap();
    }
    store.unlock(&grant).await.unwrap();
    state
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

fn shows(folder: &TempDir, word: &str) -> Vec<String> {
    let has = |path: &std::path::PathBuf| String::from_utf8_lossy(&std::fs::read(path).unwrap()).contains(word);
    files(folder.path()).iter().filter(|path| has(path)).map(|path| path.display().to_string()).collect()
}

// A10
#[tokio::test]
async fn a_plain_state_is_sealed_from_the_next_write_on_its_history_with_it() {
    let folder = tempfile::tempdir().unwrap();
    write(&store(&folder, Keyring::default()), 0, 4, true).await;
    let plain = write(&store(&folder, Keyring::default()), 4, 7, false).await;
    assert!(!shows(&folder, "plan-1").is_empty());
    let sealed = store(&folder, keyring(&[1]));
    assert_eq!(sealed.load(None).await.unwrap().state, plain);
    assert!(!shows(&folder, "plan-1").is_empty(), "reading changes nothing");
    let state = write(&sealed, 7, 9, false).await;
    assert_eq!(shows(&folder, "plan-1"), [""; 0]);
    assert_eq!(state.serial, plain.serial + 2);
    for serial in 0..=state.serial {
        assert_eq!(sealed.load_at(serial).await.unwrap().state.serial, serial);
    }
    let without = store(&folder, Keyring::default()).load(None).await.unwrap_err();
    assert_eq!(without, StoreError::Sealed(SealError::NoKey { kind: "raw".into() }));
}

// A10
#[tokio::test]
async fn after_a_new_key_nothing_needs_the_old_one() {
    let folder = tempfile::tempdir().unwrap();
    write(&store(&folder, keyring(&[1])), 0, 4, true).await;
    write(&store(&folder, keyring(&[1])), 4, 6, false).await;
    let wrong = store(&folder, keyring(&[2])).load(None).await.unwrap_err();
    assert!(matches!(wrong, StoreError::Sealed(SealError::WrongKey { .. })), "{wrong:?}");
    let state = write(&store(&folder, keyring(&[2, 1])), 6, 7, false).await;
    let new = store(&folder, keyring(&[2]));
    assert_eq!(new.load(None).await.unwrap().state, state);
    for serial in 0..=state.serial {
        assert_eq!(new.load_at(serial).await.unwrap().state.serial, serial);
    }
}

// A10
#[tokio::test]
async fn sealing_can_end() {
    let folder = tempfile::tempdir().unwrap();
    write(&store(&folder, keyring(&[1])), 0, 4, true).await;
    let mut ring = keyring(&[1]);
    ring.seals_state = false;
    let state = write(&store(&folder, ring), 4, 5, false).await;
    assert_eq!(store(&folder, Keyring::default()).load(None).await.unwrap().state, state);
}

// A10
#[tokio::test]
async fn what_is_enforced_is_never_plain() {
    let folder = tempfile::tempdir().unwrap();
    write(&store(&folder, Keyring::default()), 0, 3, true).await;
    let mut ring = keyring(&[1]);
    ring.is_enforced = true;
    let refused = store(&folder, ring.clone()).load(None).await.unwrap_err();
    assert_eq!(refused, StoreError::Sealed(SealError::NotSealed));
    std::fs::remove_file(folder.path().join("state/snapshot")).unwrap();
    let log = folder.path().join("state/log");
    let text = std::fs::read_to_string(&log).unwrap();
    assert!(text.lines().count() == 1, "{text}");
    let fresh = tempfile::tempdir().unwrap();
    write(&store(&fresh, ring), 0, 3, false).await;
}

// A10
#[tokio::test]
async fn entries_that_are_changed_moved_or_foreign_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    write(&store(&folder, keyring(&[1])), 0, 5, false).await;
    let path = folder.path().join("state/log");
    let log = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = log.lines().collect();
    let swapped = [lines[0], lines[2], lines[1], lines[3], lines[4], lines[5]].join("\n") + "\n";
    let shorter = [lines[0], lines[2], lines[3]].join("\n") + "\n";
    let body = &lines[1][18..];
    // The last bits of base64 may be padding; one in the middle never is.
    let middle = body.len() / 2;
    let other = if body.as_bytes()[middle] == b'A' { "B" } else { "A" };
    let changed = format!("{}{other}{}", &body[..middle], &body[middle + 1..]);
    let reframed = format!("{:08x} {:08x} {changed}", changed.len(), crc32fast::hash(changed.as_bytes()));
    let edited = log.replacen(lines[1], &reframed, 1);
    let plain = format!("{:08x} {:08x} {{}}", 2, crc32fast::hash(b"{}"));
    let plain = log.replacen(lines[1], &plain, 1);
    for (what, text) in [("swapped", swapped), ("shorter", shorter), ("edited", edited), ("plain", plain)] {
        std::fs::write(&path, text).unwrap();
        let refused = store(&folder, keyring(&[1])).load(None).await.unwrap_err();
        assert!(matches!(refused, StoreError::Sealed(SealError::Tampered { .. })), "{what}: {refused:?}");
    }
}

// A10
#[tokio::test]
async fn a_flipped_bit_of_a_snapshot_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    write(&store(&folder, keyring(&[1])), 0, 3, true).await;
    let path = folder.path().join("state/snapshot");
    let whole = std::fs::read(&path).unwrap();
    for at in 0..whole.len() {
        let mut changed = whole.clone();
        changed[at] ^= 4;
        std::fs::write(&path, &changed).unwrap();
        let refused = store(&folder, keyring(&[1])).load(None).await;
        assert!(refused.is_err(), "byte {at}");
    }
}

// A10
#[tokio::test]
async fn a_plain_log_beside_a_sealed_snapshot_is_refused() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let state = write(&store(&folder, keyring(&[1])), 0, 3, true).await;
    write(&store(&other, Keyring::default()), 0, 5, false).await;
    let plain = std::fs::read_to_string(other.path().join("state/log")).unwrap();
    assert_eq!(state.serial, 3);
    std::fs::write(folder.path().join("state/log"), plain).unwrap();
    let refused = store(&folder, keyring(&[1])).load(None).await.unwrap_err();
    assert!(matches!(refused, StoreError::Sealed(SealError::Tampered { .. })), "{refused:?}");
}
