//! A state in a place of objects, for the contract of stores: its leases take seconds, because nobody moves the clock of
//! a real server.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use terrane_runtime::clock::SystemClock;
use terrane_runtime::store::contract::{self, Place};
use terrane_runtime::store::objects::{ObjectStore, Objects};
use terrane_runtime::store::{LEASE_MS, StateStore};

/// How long a lock lives without a heartbeat, in milliseconds. Places tell whole seconds, and a request to one on a busy
/// machine takes its time.
const SHORT_LEASE_MS: u64 = 6_000;

/// Opens the objects below a prefix.
pub type Open = Arc<dyn Fn(&str) -> Arc<dyn Objects> + Send + Sync>;
/// Loses the answer to the next change; tells whether it can.
pub type LoseReply = Arc<dyn Fn() -> bool + Send + Sync>;

struct On {
    open: Open,
    lose_reply: LoseReply,
    prefix: String,
}

impl Place for On {
    fn open(&self) -> Arc<dyn StateStore> {
        Arc::new(ObjectStore::new((self.open)(&self.prefix), Arc::new(SystemClock), SHORT_LEASE_MS))
    }

    fn advance(&self, ms: u64) {
        // What is meant to end a lease ends it by more than a place rounds.
        let rounded = if ms > LEASE_MS { 2_100 } else { 0 };
        let wait = Duration::from_millis(ms * SHORT_LEASE_MS / LEASE_MS + rounded);
        tokio::task::block_in_place(|| std::thread::sleep(wait));
    }

    fn lose_next_reply(&self) -> bool {
        (self.lose_reply)()
    }
}

/// Runs the contract of stores, each case below a prefix of its own; gives what is wrong. Wants a runtime of several
/// threads.
pub async fn check(open: Open, lose_reply: LoseReply) -> Vec<String> {
    let number = AtomicUsize::new(0);
    contract::run(|| {
        let prefix = format!("state{}", number.fetch_add(1, Ordering::SeqCst));
        Box::new(On { open: Arc::clone(&open), lose_reply: Arc::clone(&lose_reply), prefix })
    })
    .await
}
