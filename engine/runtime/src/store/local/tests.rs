//! The local store: contract, damage, order of its files, dead owners.

use super::*;
use crate::clock::SystemClock;
use crate::clock::fake::FakeClock;
use crate::store::contract::{self, Place, entries, replay, request};
use crate::store::memory::MemoryStore;
use crate::store::snapshot;
use std::sync::atomic::AtomicU64;
use tempfile::TempDir;

struct Folder {
    folder: TempDir,
    clock: Arc<FakeClock>,
}

impl Place for Folder {
    fn open(&self) -> Arc<dyn StateStore> {
        Arc::new(LocalStore::new(&self.folder.path().join("state"), self.clock.clone()))
    }

    fn advance(&self, ms: u64) {
        self.clock.advance(ms);
    }
}

struct Memory(MemoryStore, Arc<FakeClock>);

impl Place for Memory {
    fn open(&self) -> Arc<dyn StateStore> {
        Arc::new(self.0.clone())
    }

    fn advance(&self, ms: u64) {
        self.1.advance(ms);
    }
}

fn clock() -> Arc<FakeClock> {
    Arc::new(FakeClock(AtomicU64::new(1_700_000_000_000)))
}

#[tokio::test]
async fn the_local_store_keeps_the_contract() {
    let wrong = contract::run(|| Box::new(Folder { folder: tempfile::tempdir().unwrap(), clock: clock() })).await;
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn the_memory_store_keeps_the_contract() {
    let wrong = contract::run(|| {
        let clock = clock();
        Box::new(Memory(MemoryStore::new(clock.clone()), clock))
    })
    .await;
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn store(folder: &TempDir) -> LocalStore {
    LocalStore::new(&folder.path().join("state"), Arc::new(SystemClock))
}

async fn opened(store: &LocalStore) -> (Grant, LoadedState) {
    let grant = store.lock(&request("a@one")).await.unwrap();
    let loaded = store.load(Some(&grant)).await.unwrap();
    (grant, loaded)
}

/// The bytes of a log of these entries.
async fn written(entries: &[Entry]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder);
    let (grant, _) = opened(&store).await;
    store.append(&grant, entries).await.unwrap();
    store.unlock(&grant).await.unwrap();
    std::fs::read(store.path("log")).unwrap()
}

fn with_log(log: &[u8]) -> (TempDir, LocalStore) {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder);
    files::make_folder(&store.folder).unwrap();
    std::fs::write(store.path("log"), log).unwrap();
    (folder, store)
}

/// Entries whose records end at or before a byte.
fn whole_entries(log: &[u8], end: usize) -> usize {
    log[..end].iter().filter(|byte| **byte == b'\n').count().saturating_sub(1)
}

#[tokio::test]
async fn a_log_torn_at_any_byte_keeps_its_good_prefix() {
    let entries = entries(3);
    let log = written(&entries).await;
    for end in 0..=log.len() {
        let (_folder, store) = with_log(&log[..end]);
        let kept = whole_entries(&log, end);
        let only_read = store.load(None).await.unwrap();
        assert_eq!(only_read.state, replay(&entries[..kept]), "byte {end}");
        assert_eq!(std::fs::read(store.path("log")).unwrap(), &log[..end], "reading changes nothing");
        let (grant, loaded) = opened(&store).await;
        assert_eq!(loaded.state, only_read.state, "byte {end}");
        let is_whole = end > 0 && log[end - 1] == b'\n';
        assert_eq!(loaded.cut.is_none(), is_whole, "byte {end}");
        if let Some(cut) = loaded.cut {
            let kept_in = std::fs::read(cut.kept_in.unwrap()).unwrap();
            assert_eq!(kept_in.len(), usize::try_from(cut.bytes).unwrap());
            assert!(log[..end].ends_with(&kept_in));
        }
        store.append(&grant, &entries[kept..]).await.unwrap();
        assert_eq!(store.load(None).await.unwrap(), LoadedState { state: replay(&entries), cut: None }, "byte {end}");
    }
}

#[tokio::test]
async fn a_garbled_byte_keeps_what_stands_before_it() {
    let entries = entries(3);
    let log = written(&entries).await;
    for at in 0..log.len() {
        let mut garbled = log.clone();
        garbled[at] ^= 0x55;
        let (_folder, store) = with_log(&garbled);
        let loaded = store.load(None).await.unwrap();
        let kept = log[..at].iter().filter(|byte| **byte == b'\n').count().saturating_sub(1);
        assert_eq!(loaded.state, replay(&entries[..kept]), "byte {at}");
        assert_eq!(loaded.cut.unwrap().serial, u64::try_from(kept).unwrap());
    }
}

#[tokio::test]
async fn a_newer_format_is_refused_and_left_alone() {
    let mut log = Vec::new();
    frame::push(&serde_json::json!({ "format": FORMAT + 1, "shape": "another" }), &mut log).unwrap();
    let (_folder, store) = with_log(&log);
    assert_eq!(store.load(None).await, Err(StoreError::Newer { found: FORMAT + 1 }));
    let grant = store.lock(&request("a@one")).await.unwrap();
    assert_eq!(store.load(Some(&grant)).await, Err(StoreError::Newer { found: FORMAT + 1 }));
    assert_eq!(std::fs::read(store.path("log")).unwrap(), log);
    std::fs::write(store.path("snapshot"), format!("{{\"format\":{}}}\n", FORMAT + 7)).unwrap();
    std::fs::remove_file(store.path("log")).unwrap();
    assert_eq!(store.load(None).await, Err(StoreError::Newer { found: FORMAT + 7 }));
}

#[tokio::test]
async fn a_whole_entry_of_another_version_is_not_cut_off() {
    let mut log = written(&entries(1)).await;
    frame::push(&serde_json::json!({ "entry": "tomorrow" }), &mut log).unwrap();
    let (_folder, store) = with_log(&log);
    assert!(matches!(store.load(None).await, Err(StoreError::Damaged { .. })));
}

#[tokio::test]
async fn a_stop_between_the_renames_of_a_compaction_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder);
    let (grant, _) = opened(&store).await;
    let entries = entries(5);
    store.append(&grant, &entries).await.unwrap();
    let old_log = std::fs::read(store.path("log")).unwrap();
    store.compact(&grant, &replay(&entries)).await.unwrap();
    std::fs::write(store.path("log"), &old_log).unwrap();
    assert_eq!(store.load(None).await.unwrap().state, replay(&entries));
    std::fs::remove_file(store.path("snapshot")).unwrap();
    assert_eq!(store.load(None).await.unwrap().state, replay(&entries), "the log alone tells all");
}

#[tokio::test]
async fn a_log_that_begins_after_the_snapshot_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder);
    let (grant, _) = opened(&store).await;
    let entries = entries(2);
    store.append(&grant, &entries).await.unwrap();
    store.compact(&grant, &replay(&entries)).await.unwrap();
    let snapshot = std::fs::read(store.path("snapshot")).unwrap();
    std::fs::remove_file(store.path("snapshot")).unwrap();
    assert!(matches!(store.load(None).await, Err(StoreError::Damaged { .. })));
    for end in 0..snapshot.len() {
        std::fs::write(store.path("snapshot"), &snapshot[..end]).unwrap();
        assert!(matches!(store.load(None).await, Err(StoreError::Damaged { .. })), "byte {end}");
    }
}

#[tokio::test]
async fn a_snapshot_holds_every_part_of_a_state() {
    let state = crate::testing::full_state();
    let mut bytes = Vec::new();
    let count = snapshot::write(&state, &mut bytes).unwrap();
    assert_eq!(usize::try_from(count).unwrap(), bytes.len());
    assert_eq!(snapshot::read(&*bytes).unwrap(), state);
    bytes.push(b'x');
    assert!(snapshot::read(&*bytes).is_err(), "something stands after its end");
    bytes.pop();
    bytes[40] ^= 1;
    assert!(snapshot::read(&*bytes).is_err());
}

// E1
proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn any_bytes_are_no_snapshot_and_no_record(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
        proptest::prop_assert!(snapshot::read(&*bytes).is_err());
        let is_record = matches!(crate::store::frame::next(&bytes, 0), crate::store::frame::Next::Record(..));
        proptest::prop_assert!(!is_record);
    }

    #[test]
    fn a_snapshot_that_was_changed_is_not_taken_for_another_state(
        at in proptest::prelude::any::<proptest::sample::Index>(),
        cut in 0_usize..9,
        piece in proptest::collection::vec(proptest::num::u8::ANY, 0..5),
    ) {
        let state = crate::testing::full_state();
        let mut bytes = Vec::new();
        snapshot::write(&state, &mut bytes).unwrap();
        let at = at.index(bytes.len());
        let end = (at + cut).min(bytes.len());
        bytes.splice(at..end, piece);
        if let Ok(found) = snapshot::read(&*bytes) {
            proptest::prop_assert_eq!(found, state);
        }
    }
}

#[tokio::test]
async fn the_lock_of_a_process_that_is_gone_is_taken_over_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder);
    store.lock(&request("a@one")).await.unwrap();
    let mut holder = store.holder().await.unwrap().unwrap();
    assert!(matches!(store.lock(&request("b@two")).await, Err(StoreError::Locked(_))), "this process lives");
    // The number may come again: a process of another birth is another process.
    holder.process = holder.process.replace(' ', " 1").into();
    std::fs::write(store.path("lock"), serde_json::to_vec(&holder).unwrap()).unwrap();
    assert_eq!(store.lock(&request("b@two")).await.unwrap().fencing, holder.fencing + 1);
    // On another machine nobody can tell.
    let mut holder = store.holder().await.unwrap().unwrap();
    holder.process = holder.process.replace(' ', " 1").into();
    holder.machine = "another".into();
    std::fs::write(store.path("lock"), serde_json::to_vec(&holder).unwrap()).unwrap();
    assert!(matches!(store.lock(&request("c@three")).await, Err(StoreError::Locked(_))));
}

#[tokio::test]
async fn of_many_runs_that_find_a_dead_lock_one_takes_it() {
    let clock = clock();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    let open = || LocalStore::new(&path, clock.clone());
    open().lock(&request("dead@one")).await.unwrap();
    clock.advance(crate::store::LEASE_MS);
    let tries = (0..16).map(|_| {
        let store = open();
        tokio::spawn(async move { store.lock(&request("b@two")).await.is_ok() })
    });
    let won: Vec<bool> = futures_util::future::join_all(tries).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(won.into_iter().filter(|won| *won).count(), 1);
}

#[tokio::test]
async fn entries_that_appear_behind_our_back_stop_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder);
    let (grant, _) = opened(&store).await;
    store.append(&grant, &entries(0)).await.unwrap();
    std::fs::OpenOptions::new().append(true).open(store.path("log")).unwrap().write_all(b"x").unwrap();
    assert!(matches!(store.append(&grant, &entries(0)).await, Err(StoreError::LeaseLost(_))));
    assert!(store.append(&grant, &entries(0)).await.is_err(), "and nothing is written after that");
}

#[tokio::test]
async fn a_disk_that_cannot_be_written_stops_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder);
    let (grant, _) = opened(&store).await;
    store.append(&grant, &entries(0)).await.unwrap();
    let before = std::fs::read(store.path("log")).unwrap();
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut log = store.open().writer.take().unwrap().stop().unwrap();
    log.file = full;
    log.bytes = 0;
    store.open().writer = Some(Writer::start(log).unwrap());
    let failed = store.append(&grant, &entries(0)).await;
    assert!(matches!(&failed, Err(StoreError::WriteFailed { reason }) if reason.contains("space")), "{failed:?}");
    assert_eq!(std::fs::read(store.path("log")).unwrap(), before);
}

#[tokio::test]
async fn files_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder);
    let (grant, _) = opened(&store).await;
    store.append(&grant, &entries(0)).await.unwrap();
    store.compact(&grant, &replay(&entries(0))).await.unwrap();
    for name in ["log", "snapshot", "lock", "fencing"] {
        let mode = std::fs::metadata(store.path(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[tokio::test]
async fn a_log_is_not_read_while_a_run_that_lost_its_lease_writes() {
    let place = Folder { folder: tempfile::tempdir().unwrap(), clock: clock() };
    let (first, second) = (place.open(), place.open());
    let grant = first.lock(&request("a@one")).await.unwrap();
    first.load(Some(&grant)).await.unwrap();
    // As the writer of the first run does, which is then held up for longer than its lease.
    let held_up = File::open(place.folder.path().join("state/log")).unwrap();
    lock::hold(&held_up).unwrap();
    place.advance(crate::store::LEASE_MS);
    let next = second.lock(&request("b@two")).await.unwrap();
    let Err(StoreError::WriteFailed { reason }) = second.load(Some(&next)).await else { unreachable!() };
    assert!(reason.contains("in the middle of a write"), "{reason}");
    drop(held_up);
    assert!(second.load(Some(&next)).await.is_ok());
    assert!(matches!(first.append(&grant, &entries(1)).await, Err(StoreError::LeaseLost(_))));
}
