//! Sealed objects: the store over them keeps its contract, and what is moved, changed or of another key is refused.

use super::*;
use crate::clock::fake::FakeClock;
use crate::seal::keyring::{Key, Sealer};
use crate::seal::source::Source;
use crate::store::contract::{self, Place, entries, request};
use crate::store::objects::ObjectStore;
use crate::store::objects::memory::MemoryObjects;
use crate::store::{LEASE_MS, StateStore, StoreError};
use std::sync::atomic::{AtomicU64, Ordering};
use terrane_plan::state::State;

/// Keys of 32 equal bytes; the first is current.
fn keyring(keys: &[u8]) -> Keyring {
    let text = |byte: &u8| crate::seal::envelope::base64(&[*byte; 32]).to_string();
    let pairs = keys.iter().map(|byte| (format!("K{byte}"), text(byte)));
    let environment = Arc::new(crate::Environment::new("a@b", pairs));
    let mut keys = keys.iter().map(|byte| Key::Raw(Source::Env(format!("K{byte}").into())));
    let sealer = keys.next().map(|current| {
        let folder = std::path::Path::new(".").to_owned();
        Arc::new(Sealer::new(current, keys.collect(), folder, environment, None))
    });
    Keyring { sealer, seals_state: true, seals_plan: true, is_enforced: false }
}

struct InMemory {
    objects: MemoryObjects,
    clock: Arc<FakeClock>,
}

impl InMemory {
    fn new() -> Self {
        let clock = Arc::new(FakeClock(AtomicU64::new(1_700_000_000_000)));
        Self { objects: MemoryObjects::new(clock.clone()), clock }
    }

    fn store(&self, keyring: Keyring) -> ObjectStore {
        let sealed = Sealed::new(Arc::new(self.objects.clone()), keyring);
        ObjectStore::seeded(Arc::new(sealed), self.clock.clone(), LEASE_MS, 1)
    }

    /// Takes the lock and appends the entries `from..to`.
    async fn write(&self, keyring: Keyring, from: usize, to: usize) -> State {
        let store = self.store(keyring);
        let grant = store.lock(&request("a@one")).await.unwrap();
        store.load(Some(&grant)).await.unwrap();
        store.append(&grant, entries(to).get(from..to).unwrap()).await.unwrap();
        store.unlock(&grant).await.unwrap();
        store.load(None).await.unwrap().state
    }

    fn shows(&self, word: &str) -> bool {
        let has = |bytes: &[u8]| bytes.windows(word.len()).any(|part| part == word.as_bytes());
        self.objects.content().values().any(|object| has(&object.bytes))
    }
}

impl Place for InMemory {
    fn open(&self) -> Arc<dyn StateStore> {
        Arc::new(self.store(keyring(&[1])))
    }

    fn advance(&self, ms: u64) {
        self.clock.0.fetch_add(ms, Ordering::SeqCst);
    }
}

// A10
#[tokio::test]
async fn a_store_over_sealed_objects_keeps_the_contract() {
    let wrong = contract::run(|| Box::new(InMemory::new())).await;
    assert!(wrong.is_empty(), "{wrong:#?}");
}

// A10
#[tokio::test]
async fn an_object_is_refused_in_the_place_of_another() {
    let place = InMemory::new();
    place.write(keyring(&[1]), 0, 3).await;
    let state = place.write(keyring(&[1]), 3, 5).await;
    assert!(!place.shows("plan-1"));
    let content = place.objects.content();
    let logs: Vec<&String> = content.keys().filter(|name| name.starts_with("log/")).collect();
    let (first, last) = (logs.first().unwrap(), logs.last().unwrap());
    let mut moved = content.clone();
    moved.insert((*last).clone(), content[*first].clone());
    place.objects.restore(moved);
    let refused = place.store(keyring(&[1])).load(None).await.unwrap_err();
    assert!(matches!(refused, StoreError::Sealed(SealError::Tampered { .. })), "{refused:?}");
    place.objects.restore(content);
    let wrong = place.store(keyring(&[2])).load(None).await.unwrap_err();
    assert!(matches!(wrong, StoreError::Sealed(SealError::WrongKey { .. })), "{wrong:?}");
    assert_eq!(place.store(keyring(&[1])).load(None).await.unwrap().state, state);
}

// A10
#[tokio::test]
async fn after_sealing_anew_nothing_needs_the_old_key() {
    let place = InMemory::new();
    place.write(Keyring::default(), 0, 3).await;
    place.write(keyring(&[1]), 3, 5).await;
    assert!(place.shows("plan-1"), "what was written before stays as it was");
    let both = keyring(&[2, 1]);
    let state = place.write(both.clone(), 5, 6).await;
    let store = place.store(both.clone());
    let grant = store.lock(&request("a@one")).await.unwrap();
    store.load(Some(&grant)).await.unwrap();
    store.reseal(&grant, &state).await.unwrap();
    store.unlock(&grant).await.unwrap();
    assert!(!place.shows("plan-1"));
    let mut new = keyring(&[2]);
    new.is_enforced = true;
    assert_eq!(place.store(new.clone()).load(None).await.unwrap().state, state);
    for serial in 1..=state.serial {
        assert_eq!(place.store(new.clone()).load_at(serial).await.unwrap().state.serial, serial);
    }
}
