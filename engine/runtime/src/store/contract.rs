//! What every store has to do, as a suite that any store's test runs.
//!
//! Cases return what is wrong in place of stopping, so that one run tells everything about a store.

use super::{Grant, LEASE_MS, LockRequest, StateStore, StoreError};
use std::sync::Arc;
use terrane_core::Text;
use terrane_plan::state::{DriftMark, Entry, FORMAT, State};
use terrane_provider::Async;

/// A place that holds one state, and the clock that its stores go by.
pub trait Place: Send + Sync {
    /// A store on this place, as a new process would open it.
    fn open(&self) -> Arc<dyn StateStore>;
    /// Lets so many milliseconds pass.
    fn advance(&self, ms: u64);
    /// Lets the next request that changes something take effect without an answer. Tells whether it can: where
    /// nothing lies between a store and its place, no answer is lost.
    fn lose_next_reply(&self) -> bool {
        false
    }
}

/// What a case comes to: what is wrong, where something is.
pub type Verdict = Result<(), String>;

/// One case: its name as a sentence, and the check on an empty place.
pub struct Case {
    /// What has to hold.
    pub name: &'static str,
    /// Checks it.
    pub check: fn(&dyn Place) -> Async<'_, Verdict>,
}

/// Every case.
pub const CASES: &[Case] = &[
    Case { name: "an empty place is a new state", check: |p| Box::pin(empty_is_new(p)) },
    Case { name: "appended entries come back in order", check: |p| Box::pin(entries_come_back(p)) },
    Case { name: "appends take their place in the order of the calls", check: |p| Box::pin(order_of_calls(p)) },
    Case { name: "nothing is written without the lock", check: |p| Box::pin(no_write_without_lock(p)) },
    Case { name: "of two runs one gets the lock", check: |p| Box::pin(one_gets_the_lock(p)) },
    Case { name: "a lock given back can be taken", check: |p| Box::pin(given_back(p)) },
    Case { name: "a lock that is renewed stays", check: |p| Box::pin(renewed_stays(p)) },
    Case {
        name: "a lock without heartbeat is taken over, and its run is fenced off",
        check: |p| Box::pin(taken_over(p)),
    },
    Case { name: "a run held up for two leases appends nothing", check: |p| Box::pin(held_up(p)) },
    Case { name: "of many runs that find a dead lock one takes it", check: |p| Box::pin(one_takes_over(p)) },
    Case { name: "a lock is broken by its id alone, and its run is fenced off", check: |p| Box::pin(broken(p)) },
    Case { name: "no lost reply loses or doubles anything", check: |p| Box::pin(lost_replies(p)) },
    Case { name: "a snapshot changes nothing", check: |p| Box::pin(snapshot_changes_nothing(p)) },
    Case { name: "a state from elsewhere is put in place whole", check: |p| Box::pin(put_in_place(p)) },
    Case { name: "a state that is put in place never goes back", check: |p| Box::pin(put_never_goes_back(p)) },
    Case { name: "reading takes no lock and changes nothing", check: |p| Box::pin(reading_is_harmless(p)) },
    Case { name: "every serial can be loaded, over snapshots and runs", check: |p| Box::pin(history_is_kept(p)) },
    Case { name: "a probe finds the place good and changes nothing", check: |p| Box::pin(probe_is_harmless(p)) },
];

/// Runs every case, each on a place of its own; gives what is wrong.
pub async fn run(place: impl Fn() -> Box<dyn Place>) -> Vec<String> {
    let mut wrong = Vec::new();
    for case in CASES {
        if let Err(what) = (case.check)(&*place()).await {
            wrong.push(format!("{}: {what}", case.name));
        }
    }
    wrong
}

/// The request that the suite takes locks with.
#[must_use]
pub fn request(owner: &str) -> LockRequest {
    LockRequest { owner: owner.into(), operation: "apply".into() }
}

/// Entries that make a state: the first and so many more.
#[must_use]
pub fn entries(count: usize) -> Vec<Entry> {
    let start = Entry::Start { format: FORMAT, lineage: "lineage".into() };
    std::iter::once(start).chain((0..count).map(|number| begin(&format!("plan-{number}")))).collect()
}

fn begin(plan: &str) -> Entry {
    Entry::Begin {
        plan: plan.into(), summary: "\"\\\n$ é".into(), at: "2026-11-25T00:00:00Z".into(), by: "a@b".into()
    }
}

/// The state that entries come to.
#[must_use]
pub fn replay(entries: &[Entry]) -> State {
    let mut state = State::default();
    entries.iter().cloned().for_each(|entry| state.apply(entry));
    state
}

fn ensure(truth: bool, otherwise: impl FnOnce() -> String) -> Verdict {
    if truth { Ok(()) } else { Err(otherwise()) }
}

fn told<T>(result: Result<T, StoreError>, what: &str) -> Result<T, String> {
    result.map_err(|error| format!("{what}: {error:?}"))
}

/// A store that is ready for writing.
async fn ready(place: &dyn Place, owner: &str) -> Result<(Arc<dyn StateStore>, Grant), String> {
    let store = place.open();
    let grant = told(store.lock(&request(owner)).await, "the lock cannot be taken")?;
    told(store.load(Some(&grant)).await, "the state cannot be loaded under the lock")?;
    Ok((store, grant))
}

async fn loaded(place: &dyn Place) -> Result<State, String> {
    let loaded = told(place.open().load(None).await, "the state cannot be loaded")?;
    ensure(loaded.cut.is_none(), || format!("something was left out: {:?}", loaded.cut))?;
    Ok(loaded.state)
}

async fn empty_is_new(place: &dyn Place) -> Verdict {
    let state = loaded(place).await?;
    ensure(state.is_new() && state.serial == 0, || format!("it is {state:?}"))?;
    let holder = told(place.open().holder().await, "the holder cannot be read")?;
    ensure(holder.is_none(), || format!("somebody holds the lock: {holder:?}"))
}

async fn entries_come_back(place: &dyn Place) -> Verdict {
    let (store, grant) = ready(place, "a@one").await?;
    let entries = entries(4);
    let (first, rest) = entries.split_at(2);
    let serial = told(store.append(&grant, first).await, "append")?;
    ensure(serial == 2, || format!("the serial after two entries is {serial}"))?;
    told(store.append(&grant, rest).await, "append")?;
    let state = loaded(place).await?;
    ensure(state == replay(&entries), || format!("another state came back: {state:?}"))?;
    told(store.unlock(&grant).await, "unlock")?;
    drop(store);
    let (store, grant) = ready(place, "a@two").await?;
    let serial = told(store.append(&grant, &[begin("next")]).await, "append by a later run")?;
    ensure(serial == 6, || format!("a later run goes on with serial {serial}, not 6"))
}

async fn order_of_calls(place: &dyn Place) -> Verdict {
    let (store, grant) = ready(place, "a@one").await?;
    let entries = entries(200);
    let appends: Vec<_> = entries.iter().map(|entry| store.append(&grant, std::slice::from_ref(entry))).collect();
    let mut last = 0;
    // The waits end in another order than the calls were made in.
    for append in appends.into_iter().rev() {
        last = last.max(told(append.await, "append")?);
    }
    ensure(last == 201, || format!("the last serial is {last}"))?;
    let state = loaded(place).await?;
    ensure(state == replay(&entries), || format!("the order was lost: {:?}", state.applying))
}

async fn no_write_without_lock(place: &dyn Place) -> Verdict {
    let store = place.open();
    let forged = Grant { id: "forged".into(), fencing: 1 };
    ensure(store.append(&forged, &entries(0)).await.is_err(), || "an append without a lock was taken".into())?;
    let (held, grant) = ready(place, "a@one").await?;
    ensure(held.append(&forged, &entries(0)).await.is_err(), || "an append with a forged lock was taken".into())?;
    ensure(store.load(Some(&forged)).await.is_err(), || "a forged lock was accepted by load".into())?;
    told(held.unlock(&grant).await, "unlock")?;
    ensure(held.append(&grant, &entries(0)).await.is_err(), || "an append after unlock was taken".into())?;
    ensure(loaded(place).await?.is_new(), || "something was written".into())
}

async fn one_gets_the_lock(place: &dyn Place) -> Verdict {
    let (_, _) = ready(place, "a@one").await?;
    let store = place.open();
    match store.lock(&request("b@two")).await {
        Err(StoreError::Locked(holder)) => {
            ensure(&*holder.owner == "a@one" && &*holder.operation == "apply" && !holder.created.is_empty(), || {
                format!("the holder is {holder:?}")
            })
        }
        other => Err(format!("the second run got {other:?}")),
    }
}

async fn given_back(place: &dyn Place) -> Verdict {
    let (store, first) = ready(place, "a@one").await?;
    told(store.unlock(&first).await, "unlock")?;
    let (_, second) = ready(place, "b@two").await?;
    ensure(second.fencing > first.fencing, || format!("fencing {} after {}", second.fencing, first.fencing))?;
    // A lock that is not ours any more is left alone.
    told(store.unlock(&first).await, "a second unlock")?;
    let holder = told(store.holder().await, "the holder cannot be read")?.map(|holder| holder.owner);
    ensure(holder == Some(Text::from("b@two")), || format!("the holder is {holder:?}"))
}

async fn renewed_stays(place: &dyn Place) -> Verdict {
    let (store, grant) = ready(place, "a@one").await?;
    for _ in 0..3 {
        place.advance(LEASE_MS / 2);
        told(store.renew(&grant).await, "renew")?;
    }
    let refused = matches!(place.open().lock(&request("b@two")).await, Err(StoreError::Locked(_)));
    ensure(refused, || "a renewed lock was taken over".into())?;
    told(store.append(&grant, &entries(0)).await, "append after renewals").map(|_| ())
}

async fn taken_over(place: &dyn Place) -> Verdict {
    let (old, first) = ready(place, "a@one").await?;
    told(old.append(&first, &entries(1)).await, "append")?;
    place.advance(LEASE_MS + 1_000);
    let (new, second) = ready(place, "b@two").await?;
    ensure(second.fencing > first.fencing, || format!("fencing {} after {}", second.fencing, first.fencing))?;
    match old.append(&first, &[begin("late")]).await {
        Err(StoreError::LeaseLost(Some(holder))) if &*holder.owner == "b@two" => {}
        other => return Err(format!("the old run's append came to {other:?}")),
    }
    let lost = matches!(old.renew(&first).await, Err(StoreError::LeaseLost(_)));
    ensure(lost, || "the old run could renew".into())?;
    told(new.append(&second, &[begin("next")]).await, "append by the new run")?;
    let state = loaded(place).await?;
    ensure(state.serial == 3 && &*state.applying.plan == "next", || format!("the state is {state:?}"))
}

async fn snapshot_changes_nothing(place: &dyn Place) -> Verdict {
    let (store, grant) = ready(place, "a@one").await?;
    let mut all = entries(3);
    // Between others: how many entries at the end only remember drift is not kept.
    let mark = DriftMark {
        addr: "t_x.a[\"k\"]".parse().map_err(|error| format!("{error}"))?,
        deposed: None,
        fingerprint: "f".into(),
    };
    all.insert(2, Entry::Drift { at: "2026-11-25T00:00:00Z".into(), found: vec![mark], over: Vec::new() });
    told(store.append(&grant, &all).await, "append")?;
    told(store.compact(&grant, &replay(&all)).await, "compact")?;
    ensure(loaded(place).await? == replay(&all), || "the state after a snapshot differs".into())?;
    let more = begin("after");
    told(store.append(&grant, std::slice::from_ref(&more)).await, "append after a snapshot")?;
    all.push(more);
    told(store.unlock(&grant).await, "unlock")?;
    let (_, _) = ready(place, "b@two").await?;
    ensure(loaded(place).await? == replay(&all), || "the state after a snapshot and an append differs".into())
}

/// A state as another store had it.
fn foreign(serial: u64) -> State {
    State { lineage: "other".into(), serial, ..replay(&entries(2)) }
}

async fn put_in_place(place: &dyn Place) -> Verdict {
    let (store, grant) = ready(place, "a@one").await?;
    told(store.append(&grant, &entries(3)).await, "append")?;
    let mut state = foreign(500);
    told(store.put(&grant, &state).await, "put")?;
    ensure(loaded(place).await? == state, || "another state is there than the one that was put".into())?;
    let serial = told(store.append(&grant, &[begin("after")]).await, "append after a put")?;
    ensure(serial == 501, || format!("the serial after a put of 500 and an entry is {serial}"))?;
    state.apply(begin("after"));
    told(store.unlock(&grant).await, "unlock")?;
    let (store, grant) = ready(place, "b@two").await?;
    ensure(loaded(place).await? == state, || "a later run finds another state".into())?;
    told(store.append(&grant, &[begin("later")]).await, "append by a later run").map(|_| ())
}

async fn put_never_goes_back(place: &dyn Place) -> Verdict {
    let (store, grant) = ready(place, "a@one").await?;
    told(store.append(&grant, &entries(3)).await, "append")?;
    for serial in [3, 4] {
        let refused = matches!(store.put(&grant, &foreign(serial)).await, Err(StoreError::WriteFailed { .. }));
        ensure(refused, || format!("a state of serial {serial} was put over one of serial 4"))?;
    }
    let forged = Grant { id: "forged".into(), fencing: grant.fencing };
    ensure(store.put(&forged, &foreign(9)).await.is_err(), || "a put without the lock was taken".into())?;
    told(store.load(Some(&grant)).await, "load again")?;
    told(store.append(&grant, &[begin("after")]).await, "append after refused puts")?;
    ensure(loaded(place).await?.serial == 5, || "what was there is not there any more".into())
}

async fn reading_is_harmless(place: &dyn Place) -> Verdict {
    let (store, grant) = ready(place, "a@one").await?;
    told(store.append(&grant, &entries(1)).await, "append")?;
    loaded(place).await?;
    told(store.append(&grant, &[begin("next")]).await, "append after a read")?;
    ensure(loaded(place).await?.serial == 3, || "an entry is missing".into())
}

async fn held_up(place: &dyn Place) -> Verdict {
    let (old, first) = ready(place, "a@one").await?;
    told(old.append(&first, &entries(1)).await, "append")?;
    place.advance(2 * LEASE_MS);
    // The next run has the lock, and has not so much as looked at the log.
    let new = place.open();
    let second = told(new.lock(&request("b@two")).await, "a dead lock cannot be taken over")?;
    let late = old.append(&first, &[begin("late")]).await;
    ensure(matches!(late, Err(StoreError::LeaseLost(_))), || format!("the late append came to {late:?}"))?;
    told(new.load(Some(&second)).await, "load by the new run")?;
    let later = old.append(&first, &[begin("later")]).await;
    ensure(later.is_err(), || format!("the later append came to {later:?}"))?;
    ensure(loaded(place).await?.serial == 2, || "something was written".into())
}

async fn one_takes_over(place: &dyn Place) -> Verdict {
    let (_, _) = ready(place, "dead@one").await?;
    place.advance(LEASE_MS + 1_000);
    let runs: Vec<_> = (0..8).map(|number| (place.open(), request(&format!("b@{number}")))).collect();
    let tries = runs.iter().map(|(store, request)| store.lock(request));
    let tried = futures_util::future::join_all(tries).await;
    let won = tried.iter().filter(|tried| tried.is_ok()).count();
    let is_told = tried.iter().all(|tried| matches!(tried, Ok(_) | Err(StoreError::Locked(_))));
    ensure(won == 1 && is_told, || format!("{won} runs got the lock: {tried:?}"))
}

async fn broken(place: &dyn Place) -> Verdict {
    let nothing = place.open().break_lock("any").await;
    ensure(nothing == Err(StoreError::OtherLock(None)), || format!("a lock that is not there: {nothing:?}"))?;
    let (old, first) = ready(place, "a@one").await?;
    told(old.append(&first, &entries(1)).await, "append")?;
    let breaker = place.open();
    match breaker.break_lock("another").await {
        Err(StoreError::OtherLock(Some(holder))) if *holder.id == *first.id => {}
        other => return Err(format!("breaking another lock came to {other:?}")),
    }
    told(old.append(&first, &[begin("still ours")]).await, "append after a wrong id")?;
    let was = told(breaker.break_lock(&first.id).await, "the lock cannot be broken")?;
    ensure(&*was.owner == "a@one" && was.fencing == first.fencing, || format!("it was {was:?}"))?;
    let holder = told(breaker.holder().await, "the holder cannot be read")?;
    ensure(holder.is_none(), || format!("somebody holds it: {holder:?}"))?;
    let late = old.append(&first, &[begin("late")]).await;
    ensure(matches!(late, Err(StoreError::LeaseLost(_))), || format!("the broken run's append came to {late:?}"))?;
    let renewed = old.renew(&first).await;
    ensure(matches!(renewed, Err(StoreError::LeaseLost(_))), || format!("its renewal came to {renewed:?}"))?;
    told(old.unlock(&first).await, "its unlock")?;
    let (new, second) = ready(place, "b@two").await?;
    ensure(second.fencing > first.fencing, || format!("fencing {} after {}", second.fencing, first.fencing))?;
    told(new.append(&second, &[begin("next")]).await, "append by the next run")?;
    ensure(loaded(place).await?.serial == 4, || "the state has other entries".into())
}

async fn lost_replies(place: &dyn Place) -> Verdict {
    if !place.lose_next_reply() {
        return Ok(());
    }
    let store = place.open();
    let grant = told(store.lock(&request("a@one")).await, "a lock whose reply is lost")?;
    place.lose_next_reply();
    told(store.load(Some(&grant)).await, "a load whose first write has no reply")?;
    let all = entries(3);
    for (entry, serial) in all.iter().zip(1..) {
        place.lose_next_reply();
        let appended = told(store.append(&grant, std::slice::from_ref(entry)).await, "an append without a reply")?;
        ensure(appended == serial, || format!("serial {appended} in place of {serial}"))?;
    }
    place.lose_next_reply();
    told(store.compact(&grant, &replay(&all)).await, "a snapshot without a reply")?;
    place.lose_next_reply();
    told(store.renew(&grant).await, "a renewal without a reply")?;
    ensure(loaded(place).await? == replay(&all), || "another state came back".into())?;
    place.lose_next_reply();
    told(store.unlock(&grant).await, "an unlock without a reply")?;
    let (_, second) = ready(place, "b@two").await?;
    ensure(second.fencing == grant.fencing + 1, || format!("fencing {} after {}", second.fencing, grant.fencing))
}

async fn history_is_kept(place: &dyn Place) -> Verdict {
    let all = entries(7);
    let mut written = 0;
    for run in 0..4 {
        let (store, grant) = ready(place, "a@one").await?;
        for entry in all.iter().skip(written).take(2) {
            told(store.append(&grant, std::slice::from_ref(entry)).await, "append")?;
            written += 1;
        }
        if run % 2 == 1 {
            let state = replay(all.get(..written).unwrap_or_default());
            told(store.compact(&grant, &state).await, "compact")?;
            // A second snapshot of the same serial says the same.
            told(store.compact(&grant, &state).await, "compact again")?;
        }
        told(store.unlock(&grant).await, "unlock")?;
    }
    let store = place.open();
    for (serial, known) in (0..=8u8).map(|serial| (serial, all.get(..usize::from(serial)))) {
        let loaded = told(store.load_at(u64::from(serial)).await, "load of an earlier serial")?;
        ensure(known.is_some_and(|known| loaded.state == replay(known)), || {
            format!("another state at {serial}: {:?}", loaded.state)
        })?;
    }
    let beyond = store.load_at(9).await;
    ensure(beyond == Err(StoreError::NoSuchSerial { serial: 9, oldest: 0, newest: 8 }), || {
        format!("at 9: {beyond:?}")
    })?;
    let versions = told(store.versions().await, "the versions cannot be read")?;
    let plans: Vec<(u64, Text)> = versions.into_iter().map(|version| (version.serial, version.plan)).collect();
    let wanted: Vec<(u64, Text)> = (0..7).map(|number| (number + 2, format!("plan-{number}").into())).collect();
    ensure(plans == wanted, || format!("the versions are {plans:?}"))
}

async fn probe_is_harmless(place: &dyn Place) -> Verdict {
    let store = place.open();
    told(store.probe().await, "the probe")?;
    ensure(told(store.holder().await, "the holder cannot be read")?.is_none(), || "it left a lock".into())?;
    ensure(loaded(place).await?.is_new(), || "it left a state".into())
}
