//! What every place of objects has to do, as a suite that the test of any place runs.
//!
//! Cases return what is wrong in place of stopping, so that one run tells everything about a place.

use super::{Created, Objects, ObjectsError};
use bytes::Bytes;
use std::collections::BTreeSet;
use std::sync::Arc;
use terrane_provider::Async;

/// Gives handles on an empty part of a place, each as a new process would have it.
pub type Open<'a> = &'a (dyn Fn() -> Arc<dyn Objects> + Send + Sync);

/// What a case comes to: what is wrong, where something is.
pub type Verdict = Result<(), String>;

/// One case: its name as a sentence, and the check on an empty part of a place.
pub struct Case {
    /// What has to hold.
    pub name: &'static str,
    /// Checks it.
    pub check: for<'a> fn(Open<'a>) -> Async<'a, Verdict>,
}

/// Every case.
pub const CASES: &[Case] = &[
    Case { name: "the probe passes and leaves nothing", check: |open| Box::pin(probe(open)) },
    Case { name: "what is made is there and cannot be made twice", check: |open| Box::pin(twice(open)) },
    Case { name: "writing makes and overwrites", check: |open| Box::pin(overwritten(open)) },
    Case {
        name: "what is not there reads as nothing and is deleted without complaint",
        check: |open| Box::pin(absent(open)),
    },
    Case { name: "what is deleted can be made again", check: |open| Box::pin(again(open)) },
    Case { name: "of 32 that make one object exactly one made it", check: |open| Box::pin(race(open)) },
    Case { name: "a listing has all names of a prefix in order, beyond one page", check: |open| Box::pin(pages(open)) },
    Case { name: "a prefix is one of characters, and names may hold slashes", check: |open| Box::pin(prefixes(open)) },
    Case { name: "the time of the last write never goes back", check: |open| Box::pin(times(open)) },
    Case { name: "20 MiB come back as they were", check: |open| Box::pin(large(open)) },
    Case { name: "an empty object is an object", check: |open| Box::pin(empty(open)) },
];

/// Runs every case, each on a part of its own; gives what is wrong.
pub async fn run(open: impl Fn(&str) -> Arc<dyn Objects> + Send + Sync) -> Vec<String> {
    let mut wrong = Vec::new();
    for (number, case) in CASES.iter().enumerate() {
        let part = format!("part{number}");
        let open = || open(&part);
        if let Err(what) = (case.check)(&open).await {
            wrong.push(format!("{}: {what}", case.name));
        }
    }
    wrong
}

/// Requests under way at once where there are many.
const ABREAST: usize = 16;
const MEBIBYTE: usize = 1 << 20;

fn ensure(truth: bool, otherwise: impl FnOnce() -> String) -> Verdict {
    if truth { Ok(()) } else { Err(otherwise()) }
}

fn told<T>(result: Result<T, ObjectsError>, what: &str) -> Result<T, String> {
    result.map_err(|error| format!("{what}: {error:?}"))
}

async fn made(objects: &dyn Objects, name: &str, bytes: &'static [u8]) -> Result<Created, String> {
    told(objects.create(name, Bytes::from_static(bytes)).await, "create")
}

async fn content(objects: &dyn Objects, name: &str) -> Result<Option<Bytes>, String> {
    Ok(told(objects.read(name).await, "read")?.map(|object| object.bytes))
}

async fn names(objects: &dyn Objects, prefix: &str, after: &str) -> Result<Vec<String>, String> {
    Ok(told(objects.list(prefix, after).await, "list")?.into_iter().map(|listed| listed.name).collect())
}

async fn probe(open: Open<'_>) -> Verdict {
    told(open().probe().await, "the probe")?;
    let left = names(&*open(), "", "").await?;
    ensure(left.is_empty(), || format!("it left {left:?}"))
}

async fn twice(open: Open<'_>) -> Verdict {
    let first = made(&*open(), "log/1", b"one").await?;
    ensure(first == Created::Made, || "the first is there already".to_owned())?;
    let second = made(&*open(), "log/1", b"two").await?;
    ensure(second == Created::Exists, || "it was made twice".to_owned())?;
    let found = content(&*open(), "log/1").await?;
    ensure(found.as_deref() == Some(b"one"), || format!("it holds {found:?}"))
}

async fn overwritten(open: Open<'_>) -> Verdict {
    for bytes in [&b"one"[..], b"the second"] {
        told(open().write("beat/1", Bytes::from_static(bytes)).await, "write")?;
        let found = content(&*open(), "beat/1").await?;
        ensure(found.as_deref() == Some(bytes), || format!("it holds {found:?}"))?;
    }
    let listed = told(open().list("beat/", "").await, "list")?;
    ensure(listed.len() == 1 && listed.iter().all(|listed| listed.bytes == 10), || format!("it lists {listed:?}"))
}

async fn absent(open: Open<'_>) -> Verdict {
    let found = content(&*open(), "log/none").await?;
    ensure(found.is_none(), || format!("it holds {found:?}"))?;
    told(open().delete("log/none").await, "delete")?;
    let listed = names(&*open(), "log/", "").await?;
    ensure(listed.is_empty(), || format!("it lists {listed:?}"))
}

async fn again(open: Open<'_>) -> Verdict {
    made(&*open(), "log/1", b"one").await?;
    told(open().delete("log/1").await, "delete")?;
    ensure(content(&*open(), "log/1").await?.is_none(), || "it is still there".to_owned())?;
    let second = made(&*open(), "log/1", b"two").await?;
    ensure(second == Created::Made, || "it cannot be made again".to_owned())
}

async fn race(open: Open<'_>) -> Verdict {
    let creators = (0..32).map(|number| async move {
        let bytes = Bytes::from(format!("creator {number}"));
        // A place may say of two at the same moment that it decided nothing: then one asks again, as runs do.
        for _ in 0..20 {
            match open().create("lock/1", bytes.clone()).await {
                Err(ObjectsError::Throttled { .. }) => {}
                // Without an answer a creator may have made it, and does not know.
                Err(ObjectsError::Unavailable { .. }) => return Ok((None, bytes)),
                other => return told(other, "create").map(|created| (Some(created), bytes)),
            }
        }
        Err("a creator heard nothing but `throttled`".to_owned())
    });
    let ended = futures_util::future::join_all(creators).await;
    let ended = ended.into_iter().collect::<Result<Vec<_>, String>>()?;
    let heard = |wanted: Option<Created>| ended.iter().filter(move |(created, _)| *created == wanted);
    let (winners, silent) = (heard(Some(Created::Made)).count(), heard(None).count());
    ensure(winners == 1 || (winners == 0 && silent > 0), || format!("{winners} made it"))?;
    let found = content(&*open(), "lock/1").await?;
    let may_have = if winners == 1 { Some(Created::Made) } else { None };
    let is_theirs = heard(may_have).any(|(_, bytes)| Some(bytes) == found.as_ref());
    ensure(is_theirs, || format!("it holds {found:?}, which is not what the one that made it wrote"))
}

async fn pages(open: Open<'_>) -> Verdict {
    let objects = open();
    let wanted: Vec<String> = (0..1_100).map(|number| format!("log/{number:020}")).collect();
    for some in wanted.chunks(ABREAST) {
        futures_util::future::try_join_all(some.iter().map(|name| made(&*objects, name, b"x"))).await?;
    }
    made(&*objects, "lock/1", b"x").await?;
    let found = names(&*objects, "log/", "").await?;
    ensure(found == wanted, || format!("{} names for {}", found.len(), wanted.len()))?;
    let (before, after) = wanted.split_at(1_050);
    let found = names(&*objects, "log/", before.last().map_or("", String::as_str)).await?;
    ensure(found == after, || format!("{} names after the 1,050th", found.len()))
}

async fn prefixes(open: Open<'_>) -> Verdict {
    for name in ["a/b/c", "a/b.released", "a/b", "ab", "b"] {
        ensure(made(&*open(), name, b"x").await? == Created::Made, || format!("{name} is there"))?;
    }
    for (prefix, after, wanted) in [
        ("a/", "", &["a/b", "a/b.released", "a/b/c"][..]),
        ("a/b", "", &["a/b", "a/b.released", "a/b/c"]),
        ("a", "a/b.released", &["a/b/c", "ab"]),
        ("c", "", &[]),
    ] {
        let found = names(&*open(), prefix, after).await?;
        ensure(found == wanted, || format!("below `{prefix}` after `{after}` are {found:?}"))?;
    }
    told(open().delete("a/b").await, "delete")?;
    let found = names(&*open(), "a/", "").await?;
    ensure(found == ["a/b.released", "a/b/c"], || format!("after a deletion there are {found:?}"))
}

async fn times(open: Open<'_>) -> Verdict {
    let objects = open();
    let mut last = 0;
    for name in ["now", "beat/1", "now", "beat/1"] {
        told(objects.write(name, Bytes::from_static(b"x")).await, "write")?;
        let read = told(objects.read(name).await, "read")?.map_or(0, |object| object.modified_ms);
        let listed = told(objects.list(name, "").await, "list")?;
        let listed = listed.first().map_or(0, |listed| listed.modified_ms);
        // A listing may tell seconds where a read tells milliseconds, or the other way round.
        ensure(read / 1_000 == listed / 1_000, || format!("read tells {read}, the listing {listed}"))?;
        ensure(read > 1_600_000_000_000 && read / 1_000 >= last / 1_000, || format!("{read} after {last}"))?;
        last = read;
    }
    Ok(())
}

async fn large(open: Open<'_>) -> Verdict {
    let bytes: Vec<u8> = (0..20 * MEBIBYTE).map(|at| u8::try_from(at * 7 % 251).unwrap_or(0)).collect();
    let bytes = Bytes::from(bytes);
    let created = told(open().create("snapshot/1", bytes.clone()).await, "create")?;
    ensure(created == Created::Made, || "it is there already".to_owned())?;
    let again = told(open().create("snapshot/1", bytes.clone()).await, "create again")?;
    ensure(again == Created::Exists, || "it was made twice".to_owned())?;
    let found = content(&*open(), "snapshot/1").await?;
    ensure(found.as_ref() == Some(&bytes), || format!("{:?} bytes came back", found.map(|bytes| bytes.len())))?;
    let listed: BTreeSet<u64> = told(open().list("", "").await, "list")?.iter().map(|listed| listed.bytes).collect();
    ensure(listed == BTreeSet::from([20 << 20]), || format!("the listing says {listed:?}"))
}

async fn empty(open: Open<'_>) -> Verdict {
    ensure(made(&*open(), "log/1", b"").await? == Created::Made, || "it is there already".to_owned())?;
    ensure(made(&*open(), "log/1", b"x").await? == Created::Exists, || "it was made twice".to_owned())?;
    let found = content(&*open(), "log/1").await?;
    ensure(found.as_deref() == Some(b""), || format!("it holds {found:?}"))
}

#[cfg(test)]
mod tests {
    use super::super::memory::MemoryObjects;
    use super::*;
    use crate::clock::SystemClock;
    use std::collections::BTreeMap;
    use std::sync::Mutex;

    // A6
    #[tokio::test]
    async fn objects_in_memory_keep_the_contract() {
        let parts: Mutex<BTreeMap<String, MemoryObjects>> = Mutex::default();
        let open = |part: &str| {
            let mut parts = parts.lock().unwrap();
            let objects = parts.entry(part.to_owned()).or_insert_with(|| MemoryObjects::new(Arc::new(SystemClock)));
            Arc::new(objects.clone()) as Arc<dyn Objects>
        };
        assert_eq!(run(open).await, [""; 0]);
    }
}
