//! The store in a place of objects: contract, fences, what is cleared away.

use super::memory::{Fault, Faults, MemoryObjects, Verb};
use super::*;
use crate::clock::fake::FakeClock;
use crate::store::contract::{self, Place, entries, replay, request};
use crate::store::{Grant, LEASE_MS, StateStore, StoreError};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Loses the reply of the next request that changes something.
#[derive(Default)]
struct Losing(AtomicBool);

impl Faults for Losing {
    fn next(&self, verb: Verb, _name: &str) -> Fault {
        let is_change = matches!(verb, Verb::Create | Verb::Write | Verb::Delete);
        if is_change && self.0.swap(false, Ordering::SeqCst) { Fault::LostReply } else { Fault::None }
    }
}

struct InMemory {
    objects: MemoryObjects,
    losing: Arc<Losing>,
    clock: Arc<FakeClock>,
}

impl InMemory {
    fn new() -> Self {
        let clock = Arc::new(FakeClock(AtomicU64::new(1_700_000_000_000)));
        let losing = Arc::new(Losing::default());
        let objects = MemoryObjects::new(clock.clone()).with_faults(losing.clone());
        Self { objects, losing, clock }
    }

    fn store(&self) -> ObjectStore {
        ObjectStore::seeded(Arc::new(self.objects.clone()), self.clock.clone(), LEASE_MS, 1)
    }

    async fn ready(&self) -> (ObjectStore, Grant) {
        let store = self.store();
        let grant = store.lock(&request("a@one")).await.unwrap();
        store.load(Some(&grant)).await.unwrap();
        (store, grant)
    }
}

impl Place for InMemory {
    fn open(&self) -> Arc<dyn StateStore> {
        Arc::new(self.store())
    }

    fn advance(&self, ms: u64) {
        self.clock.advance(ms);
    }

    fn lose_next_reply(&self) -> bool {
        self.losing.0.store(true, Ordering::SeqCst);
        true
    }
}

#[tokio::test]
async fn the_store_on_objects_keeps_the_contract() {
    let wrong = contract::run(|| Box::new(InMemory::new())).await;
    assert!(wrong.is_empty(), "{wrong:#?}");
}

impl InMemory {
    fn names(&self, prefix: &str) -> Vec<String> {
        self.objects.content().into_keys().filter(|name| name.starts_with(prefix)).collect()
    }

    fn edit(&self, name: &str, edit: impl FnOnce(&mut Vec<u8>)) {
        let mut content = self.objects.content();
        let object = content.get_mut(name).unwrap();
        let mut bytes = object.bytes.to_vec();
        edit(&mut bytes);
        object.bytes = bytes.into();
        self.objects.restore(content);
    }

    fn remove(&self, name: &str) {
        let mut content = self.objects.content();
        content.remove(name).unwrap();
        self.objects.restore(content);
    }
}

fn reason<T: std::fmt::Debug>(result: Result<T, StoreError>) -> String {
    match result {
        Err(StoreError::Damaged { reason }) => reason,
        other => unreachable!("{other:?}"),
    }
}

#[tokio::test]
async fn all_that_wait_share_one_segment() {
    let place = InMemory::new();
    let (store, grant) = place.ready().await;
    let all = entries(199);
    let appends: Vec<_> = all.iter().map(|entry| store.append(&grant, std::slice::from_ref(entry))).collect();
    let serials: Vec<u64> = futures_util::future::join_all(appends).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(serials, (1..=200).collect::<Vec<_>>());
    assert_eq!(place.names("log/").len(), 2, "a fence, and one segment of all");
    assert_eq!(store.load(None).await.unwrap().state, replay(&all));
}

#[tokio::test]
async fn a_write_on_its_way_lands_before_the_next_run_or_nowhere() {
    // The first run's segment takes effect at any of these moments, while the second takes over.
    for late_ms in [0, 1, 59_000, 60_001, 61_000, 400_000] {
        let place = InMemory::new();
        let (old, first) = place.ready().await;
        old.append(&first, &entries(0)).await.unwrap();
        let content = place.objects.content();
        old.append(&first, &entries(1)[1..]).await.unwrap();
        let (name, segment) =
            place.objects.content().into_iter().find(|(name, _)| !content.contains_key(name)).unwrap();
        // As if it were still on its way, and nobody had heard.
        place.objects.restore(content);
        let land = || place.objects.create(&name, segment.bytes.clone());
        if late_ms < LEASE_MS {
            land().await.unwrap();
        }
        place.advance(LEASE_MS + 1);
        let new = place.store();
        let second = new.lock(&request("b@two")).await.unwrap();
        if (LEASE_MS..=LEASE_MS + 1).contains(&late_ms) {
            land().await.unwrap();
        }
        let loaded = new.load(Some(&second)).await.unwrap().state;
        let landed = land().await.unwrap();
        assert_eq!(landed, Created::Exists, "its place is taken");
        assert_eq!(loaded.serial, if late_ms <= LEASE_MS + 1 { 2 } else { 1 }, "late by {late_ms} ms");
        new.append(&second, &entries(1)[1..]).await.unwrap();
        assert_eq!(new.load(None).await.unwrap().state.serial, loaded.serial + 1);
        assert!(matches!(old.append(&first, &entries(0)).await, Err(StoreError::LeaseLost(_))));
    }
}

#[tokio::test]
async fn a_run_that_is_overtaken_while_it_takes_over_gives_up() {
    let place = InMemory::new();
    let first = place.store();
    let slow = first.lock(&request("slow@one")).await.unwrap();
    place.advance(LEASE_MS);
    let (_, fast) = place.ready().await;
    assert!(matches!(first.load(Some(&slow)).await, Err(StoreError::LeaseLost(Some(_)))));
    // The log alone refuses it too, whatever the lock says.
    let name: terrane_core::Text = "writer".into();
    let (log, lock) = (log::Log { objects: Arc::new(place.objects.clone()) }, first_lock(&place));
    let refused = log.take_over(&slow, &name, &lock).await.err();
    assert!(matches!(refused, Some(StoreError::LeaseLost(Some(holder))) if holder.fencing == fast.fencing));
}

fn first_lock(place: &InMemory) -> lease::Lock {
    lease::Lock::new(Arc::new(place.objects.clone()), place.clock.clone(), LEASE_MS)
}

#[tokio::test]
async fn a_log_that_was_changed_is_refused() {
    let place = InMemory::new();
    let (store, grant) = place.ready().await;
    for entry in entries(3) {
        store.append(&grant, &[entry]).await.unwrap();
    }
    let content = place.objects.content();
    let read = || async { reason(place.store().load(None).await) };
    place.edit(&names::log(3), |bytes| bytes[60] ^= 1);
    assert!(read().await.contains("segment 3"), "a flipped bit");
    place.objects.restore(content.clone());
    place.remove(&names::log(3));
    assert_eq!(read().await, "segment 3 of the journal is missing");
    place.objects.restore(content.clone());
    // An entry that another writer put there in place of ours, right in itself.
    let end = segment::End { segment: 2, lineage: "lineage".into(), serial: 1, fencing: 1, digest: "".into() };
    let (bytes, _) = end.next(1, &"other".into(), None, &segment::Frames::default()).unwrap();
    place.edit(&names::log(3), |there| *there = bytes.to_vec());
    assert!(read().await.contains("does not follow"));
    place.objects.restore(content);
    place.edit(&names::log(5), |bytes| {
        let text = String::from_utf8(bytes.clone()).unwrap();
        let json = text.lines().next().unwrap()[18..].replace("\"format\":1", "\"format\":2");
        bytes.clear();
        crate::store::frame::push(&serde_json::from_str::<serde_json::Value>(&json).unwrap(), bytes).unwrap();
    });
    assert_eq!(place.store().load(None).await, Err(StoreError::Newer { found: 2 }));
}

#[tokio::test]
async fn a_snapshot_that_is_damaged_is_passed_over() {
    let place = InMemory::new();
    let (store, grant) = place.ready().await;
    let all = entries(5);
    for at in [2, 4, 6] {
        store.append(&grant, &all[at - 2..at]).await.unwrap();
        store.compact(&grant, &replay(&all[..at])).await.unwrap();
    }
    let snapshots = place.names("snapshot/");
    assert_eq!(snapshots.len(), 3);
    let newest = snapshots.last().unwrap();
    place.edit(newest, |bytes| *bytes.last_mut().unwrap() ^= 1);
    assert_eq!(place.store().load(None).await.unwrap().state, replay(&all), "an older one and its tail say the same");
    place.edit(newest, |bytes| bytes.truncate(30));
    assert_eq!(place.store().load(None).await.unwrap().state, replay(&all));
    // Where the segments before it are gone, the damage is told.
    for number in 1..4 {
        place.remove(&names::log(number));
    }
    for name in &snapshots[..2] {
        place.remove(name);
    }
    assert!(reason(place.store().load(None).await).contains("snapshot 4"));
}

#[tokio::test]
async fn locks_do_not_pile_up() {
    let place = InMemory::new();
    for number in 1..=20 {
        let (store, grant) = place.ready().await;
        assert_eq!(grant.fencing, number);
        store.renew(&grant).await.unwrap();
        store.unlock(&grant).await.unwrap();
    }
    assert_eq!(place.names("lock/").len(), 4, "the last two and that they are given back");
    assert_eq!(place.names("beat/").len(), 2);
}

#[tokio::test]
async fn a_number_that_was_cleared_away_gives_no_lock() {
    let place = InMemory::new();
    let (store, grant) = place.ready().await;
    store.unlock(&grant).await.unwrap();
    // Somebody looked here, is held up, and goes on when that number is long gone.
    for _ in 0..3 {
        let (store, grant) = place.ready().await;
        store.unlock(&grant).await.unwrap();
    }
    assert_eq!(place.names("lock/").first().unwrap(), &names::lock(3));
    let (_, held) = place.ready().await;
    let late = first_lock(&place).make(2, &request("late@one")).await;
    assert!(matches!(late, Err(StoreError::Locked(holder)) if holder.fencing == held.fencing));
}

const DAY_MS: u64 = 24 * 3_600 * 1_000;

#[tokio::test]
async fn history_ends_after_thirty_days_and_a_run_that_slept_longer_writes_nothing() {
    let place = InMemory::new();
    let (asleep, first) = place.ready().await;
    let mut all = entries(0);
    asleep.append(&first, &all).await.unwrap();
    for number in 0..20 {
        place.advance(5 * DAY_MS);
        let (store, grant) = place.ready().await;
        let more = entries(20)[number + 1].clone();
        store.append(&grant, std::slice::from_ref(&more)).await.unwrap();
        all.push(more);
        store.compact(&grant, &replay(&all)).await.unwrap();
        store.unlock(&grant).await.unwrap();
    }
    assert_eq!(place.names("snapshot/").len(), 10);
    let store = place.store();
    assert_eq!(store.load(None).await.unwrap().state, replay(&all));
    let versions = store.versions().await.unwrap();
    let oldest = versions.first().unwrap().serial;
    assert_eq!((versions.len(), oldest), (10, 12));
    assert_eq!(store.load_at(oldest).await.unwrap().state, replay(&all[..12]));
    let before = store.load_at(oldest - 1).await;
    assert_eq!(before, Err(StoreError::NoSuchSerial { serial: 11, oldest: 12, newest: 21 }));

    // The number that it wants to write was cleared away, and its clock was kept from telling it of the lease.
    assert!(!place.names("log/").contains(&names::log(3)));
    asleep.held(&first, u64::MAX);
    let late = asleep.append(&first, &entries(1)[1..]).await;
    assert!(matches!(late, Err(StoreError::LeaseLost(_))), "{late:?}");
    assert_eq!(place.store().load(None).await.unwrap().state, replay(&all));
    assert_eq!(store.versions().await.unwrap(), versions, "what it left there is nobody's");
}

#[tokio::test]
async fn a_stop_while_clearing_away_leaves_what_can_be_read() {
    let place = InMemory::new();
    let mut all = entries(0);
    for number in 0..14 {
        let (store, grant) = place.ready().await;
        all.push(entries(20)[number + 1].clone());
        store.append(&grant, if number == 0 { &all } else { std::slice::from_ref(all.last().unwrap()) }).await.unwrap();
        store.compact(&grant, &replay(&all)).await.unwrap();
        store.unlock(&grant).await.unwrap();
    }
    place.advance(40 * DAY_MS);
    let (store, grant) = place.ready().await;
    let whole = place.objects.content();
    store.compact(&grant, &replay(&all)).await.unwrap();
    let cleared = place.objects.content();
    let gone: Vec<String> = whole.keys().filter(|name| !cleared.contains_key(*name)).cloned().collect();
    assert!(gone.iter().any(|name| name.starts_with("snapshot/")) && gone.len() > 3, "{gone:?}");
    let (snapshots, segments): (Vec<_>, Vec<_>) = gone.into_iter().partition(|name| name.starts_with("snapshot/"));
    let mut left = whole;
    for name in snapshots.into_iter().chain(segments) {
        left.remove(&name);
        place.objects.restore(left.clone());
        let store = place.store();
        assert_eq!(store.load(None).await.unwrap().state, replay(&all));
        let versions = store.versions().await.unwrap();
        let oldest = versions.first().unwrap().serial;
        assert_eq!(store.load_at(oldest).await.unwrap().state.serial, oldest, "without {name}");
    }
}

#[tokio::test]
async fn what_the_place_refuses_is_told_as_it_is() {
    struct Refusing(ObjectsError);
    impl Faults for Refusing {
        fn next(&self, _verb: Verb, _name: &str) -> Fault {
            Fault::Refused(self.0.clone())
        }
    }
    let reason = || "because".to_owned();
    for (error, wanted) in [
        (ObjectsError::NoSuchPlace { reason: reason() }, StoreError::NoSuchPlace { reason: reason() }),
        (
            ObjectsError::Denied { action: "list", reason: reason() },
            StoreError::Denied { action: "list", reason: reason() },
        ),
        (ObjectsError::NotConditional, StoreError::NotConditional),
        (ObjectsError::ClockSkew { reason: reason() }, StoreError::ClockSkew { reason: reason() }),
        (ObjectsError::Unavailable { reason: reason() }, StoreError::ReadFailed { reason: reason() }),
    ] {
        let place = InMemory::new();
        let objects = place.objects.with_faults(Arc::new(Refusing(error)));
        let store = ObjectStore::seeded(Arc::new(objects), place.clock.clone(), LEASE_MS, 1);
        assert_eq!(store.load(None).await, Err(wanted.clone()));
        assert_eq!(store.probe().await, Err(wanted));
    }
}

#[tokio::test]
async fn a_tail_of_many_segments_is_compacted_however_short_it_is() {
    let place = InMemory::new();
    let (store, grant) = place.ready().await;
    let mut all = entries(520);
    for entry in &all[..499] {
        store.append(&grant, std::slice::from_ref(entry)).await.unwrap();
    }
    assert!(!store.is_compaction_due());
    store.append(&grant, &all[499..500]).await.unwrap();
    assert!(store.is_compaction_due(), "501 segments with the fence");
    all.truncate(500);
    store.compact(&grant, &replay(&all)).await.unwrap();
    assert!(!store.is_compaction_due());
    store.unlock(&grant).await.unwrap();
    let (store, _) = place.ready().await;
    assert!(!store.is_compaction_due());
}
