//! Objects in memory, with faults to order: for tests and simulation.

use super::{Created, Listed, Object, Objects, ObjectsError};
use crate::clock::Clock;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use terrane_provider::Async;

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// [`Objects::create`].
    Create,
    /// [`Objects::write`].
    Write,
    /// [`Objects::read`].
    Read,
    /// [`Objects::list`].
    List,
    /// [`Objects::delete`].
    Delete,
}

/// What goes wrong with one request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    #[default]
    None,
    /// It takes effect, and the caller hears [`ObjectsError::Unavailable`].
    LostReply,
    /// It takes no effect, and the caller hears [`ObjectsError::Unavailable`].
    LostRequest,
    /// It takes effect so many milliseconds later.
    Slow(u64),
    /// It takes effect at once, and the caller hears of it so many milliseconds later.
    LateReply(u64),
    /// It takes effect twice, and the caller hears what the second came to.
    Repeated,
    /// The caller hears [`ObjectsError::Unavailable`] at once; it takes effect so many milliseconds later, whatever
    /// happened in between.
    Straggling(u64),
    /// It takes no effect, and the caller hears this.
    Refused(ObjectsError),
}

/// Who orders faults.
pub trait Faults: Send + Sync {
    /// The fault of the next request.
    fn next(&self, verb: Verb, name: &str) -> Fault;
}

/// No fault ever.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoFaults;

impl Faults for NoFaults {
    fn next(&self, _verb: Verb, _name: &str) -> Fault {
        Fault::None
    }
}

/// Objects in memory. Clones are handles on the same objects, as two processes would have.
#[derive(Clone)]
pub struct MemoryObjects {
    clock: Arc<dyn Clock>,
    faults: Arc<dyn Faults>,
    objects: Arc<Mutex<BTreeMap<String, Object>>>,
}

/// A request, whole: it may be carried out again, or later.
#[derive(Clone)]
enum Request {
    Create(String, Bytes),
    Write(String, Bytes),
    Read(String),
    List { prefix: String, after: String },
    Delete(String),
}

enum Reply {
    Created(Created),
    Read(Option<Object>),
    Listed(Vec<Listed>),
    Done,
}

impl Request {
    fn what(&self) -> (Verb, &str) {
        match self {
            Self::Create(name, _) => (Verb::Create, name),
            Self::Write(name, _) => (Verb::Write, name),
            Self::Read(name) => (Verb::Read, name),
            Self::List { prefix, .. } => (Verb::List, prefix),
            Self::Delete(name) => (Verb::Delete, name),
        }
    }
}

impl MemoryObjects {
    /// None, in a place that goes by `clock`.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, faults: Arc::new(NoFaults), objects: Arc::default() }
    }

    /// A handle on the same objects whose requests have faults.
    #[must_use]
    pub fn with_faults(&self, faults: Arc<dyn Faults>) -> Self {
        Self { faults, ..self.clone() }
    }

    /// Everything that is there, by name, for tests.
    #[must_use]
    pub fn content(&self) -> BTreeMap<String, Object> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts what [`MemoryObjects::content`] gave in the place of everything.
    pub fn restore(&self, content: BTreeMap<String, Object>) {
        *self.objects.lock().unwrap_or_else(PoisonError::into_inner) = content;
    }

    fn carry_out(&self, request: Request) -> Reply {
        let mut objects = self.objects.lock().unwrap_or_else(PoisonError::into_inner);
        let modified_ms = self.clock.now_ms();
        match request {
            Request::Create(name, _) if objects.contains_key(&name) => Reply::Created(Created::Exists),
            Request::Create(name, bytes) => {
                objects.insert(name, Object { bytes, modified_ms });
                Reply::Created(Created::Made)
            }
            Request::Write(name, bytes) => {
                objects.insert(name, Object { bytes, modified_ms });
                Reply::Done
            }
            Request::Read(name) => Reply::Read(objects.get(&name).cloned()),
            Request::List { prefix, after } => {
                let below = objects.range(prefix.clone()..).take_while(|(name, _)| name.starts_with(&prefix));
                let wanted = below.filter(|(name, _)| **name > after);
                let listed = wanted.map(|(name, object)| Listed {
                    name: name.clone(),
                    bytes: u64::try_from(object.bytes.len()).unwrap_or(u64::MAX),
                    modified_ms: object.modified_ms,
                });
                Reply::Listed(listed.collect())
            }
            Request::Delete(name) => {
                objects.remove(&name);
                Reply::Done
            }
        }
    }

    async fn ask(&self, request: Request) -> Result<Reply, ObjectsError> {
        let (verb, name) = request.what();
        let fault = self.faults.next(verb, name);
        let unavailable = || ObjectsError::Unavailable { reason: "no answer".to_owned() };
        match fault {
            Fault::None => Ok(self.carry_out(request)),
            Fault::LostReply => {
                self.carry_out(request);
                Err(unavailable())
            }
            Fault::LostRequest => Err(unavailable()),
            Fault::Slow(ms) => {
                self.clock.sleep(ms).await;
                Ok(self.carry_out(request))
            }
            Fault::LateReply(ms) => {
                let reply = self.carry_out(request);
                self.clock.sleep(ms).await;
                Ok(reply)
            }
            Fault::Repeated => {
                self.carry_out(request.clone());
                Ok(self.carry_out(request))
            }
            Fault::Straggling(ms) => {
                let late = self.clone();
                tokio::spawn(async move {
                    late.clock.sleep(ms).await;
                    late.carry_out(request);
                });
                Err(unavailable())
            }
            Fault::Refused(error) => Err(error),
        }
    }
}

/// A reply of another kind than was asked for: [`MemoryObjects::carry_out`] gives none.
fn mixed_up() -> ObjectsError {
    ObjectsError::Refused { reason: "a reply of another kind".to_owned() }
}

impl Objects for MemoryObjects {
    fn place(&self) -> String {
        "memory".to_owned()
    }

    fn create<'a>(&'a self, name: &'a str, bytes: Bytes) -> Async<'a, Result<Created, ObjectsError>> {
        Box::pin(async move {
            match self.ask(Request::Create(name.to_owned(), bytes)).await? {
                Reply::Created(created) => Ok(created),
                Reply::Read(_) | Reply::Listed(_) | Reply::Done => Err(mixed_up()),
            }
        })
    }

    fn write<'a>(&'a self, name: &'a str, bytes: Bytes) -> Async<'a, Result<(), ObjectsError>> {
        Box::pin(async move { self.ask(Request::Write(name.to_owned(), bytes)).await.map(|_| ()) })
    }

    fn read<'a>(&'a self, name: &'a str) -> Async<'a, Result<Option<Object>, ObjectsError>> {
        Box::pin(async move {
            match self.ask(Request::Read(name.to_owned())).await? {
                Reply::Read(object) => Ok(object),
                Reply::Created(_) | Reply::Listed(_) | Reply::Done => Err(mixed_up()),
            }
        })
    }

    fn list<'a>(&'a self, prefix: &'a str, after: &'a str) -> Async<'a, Result<Vec<Listed>, ObjectsError>> {
        Box::pin(async move {
            match self.ask(Request::List { prefix: prefix.to_owned(), after: after.to_owned() }).await? {
                Reply::Listed(listed) => Ok(listed),
                Reply::Created(_) | Reply::Read(_) | Reply::Done => Err(mixed_up()),
            }
        })
    }

    fn delete<'a>(&'a self, name: &'a str) -> Async<'a, Result<(), ObjectsError>> {
        Box::pin(async move { self.ask(Request::Delete(name.to_owned())).await.map(|_| ()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::fake::FakeClock;

    fn objects() -> MemoryObjects {
        MemoryObjects::new(Arc::new(FakeClock::default()))
    }

    struct Overwrites;

    /// A place that overwrites is stood in for by one that says that it made what was there.
    impl Objects for Overwrites {
        fn place(&self) -> String {
            "overwrites".to_owned()
        }
        fn create<'a>(&'a self, _name: &'a str, _bytes: Bytes) -> Async<'a, Result<Created, ObjectsError>> {
            Box::pin(async { Ok(Created::Made) })
        }
        fn write<'a>(&'a self, _name: &'a str, _bytes: Bytes) -> Async<'a, Result<(), ObjectsError>> {
            Box::pin(async { Ok(()) })
        }
        fn read<'a>(&'a self, _name: &'a str) -> Async<'a, Result<Option<Object>, ObjectsError>> {
            Box::pin(async { Ok(None) })
        }
        fn list<'a>(&'a self, _prefix: &'a str, _after: &'a str) -> Async<'a, Result<Vec<Listed>, ObjectsError>> {
            Box::pin(async { Ok(Vec::new()) })
        }
        fn delete<'a>(&'a self, _name: &'a str) -> Async<'a, Result<(), ObjectsError>> {
            Box::pin(async { Ok(()) })
        }
    }

    #[tokio::test]
    async fn a_probe_tells_who_cannot_refuse_and_leaves_nothing() {
        let place = objects();
        assert_eq!(place.probe().await, Ok(()));
        assert!(place.content().is_empty());
        assert_eq!(Overwrites.probe().await, Err(ObjectsError::NotConditional));
    }

    #[tokio::test]
    async fn lists_what_stands_after_a_name() {
        let place = objects();
        for name in ["a/1", "a/2", "a/3", "b/1"] {
            place.create(name, Bytes::from_static(b"x")).await.unwrap();
        }
        let names = |listed: Vec<Listed>| listed.into_iter().map(|listed| listed.name).collect::<Vec<_>>();
        assert_eq!(names(place.list("a/", "").await.unwrap()), ["a/1", "a/2", "a/3"]);
        assert_eq!(names(place.list("a/", "a/1").await.unwrap()), ["a/2", "a/3"]);
        assert_eq!(place.create("a/1", Bytes::new()).await, Ok(Created::Exists));
    }
}
