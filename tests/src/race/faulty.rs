//! A place as a process sees it over a bad line, and a process that can be killed.

use crate::sim::driver::Dice;
use bytes::Bytes;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use terrane_provider::Async;
use terrane_runtime::clock::Clock;
use terrane_runtime::store::objects::memory::Fault;
use terrane_runtime::store::objects::{Created, Listed, Object, Objects, ObjectsError};

/// A fault of the place itself, to show that the check notices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mutant {
    /// None.
    #[default]
    None,
    /// It overwrites where it should refuse, and says that it made the object.
    Overwrites,
    /// Now and then it says that it made an object, and did not.
    Forgets,
}

/// How bad the line is: of so many requests one has a fault; 0 for none.
#[derive(Clone, Copy, Debug)]
pub struct Line {
    /// One in so many.
    pub one_in: u64,
    /// The longest delay.
    pub longest_ms: u64,
}

/// Objects over a bad line. Clones are requests of the same process.
#[derive(Clone)]
pub struct Faulty {
    inner: Arc<dyn Objects>,
    clock: Arc<dyn Clock>,
    line: Line,
    mutant: Mutant,
    dice: Arc<Mutex<Dice>>,
    is_dead: Arc<AtomicBool>,
}

impl Faulty {
    /// The line of a new process.
    #[must_use]
    pub fn new(inner: Arc<dyn Objects>, clock: Arc<dyn Clock>, line: Line, seed: u64) -> Self {
        let dice = Arc::new(Mutex::new(Dice(seed)));
        Self { inner, clock, line, mutant: Mutant::None, dice, is_dead: Arc::default() }
    }

    /// With a fault of the place itself.
    #[must_use]
    pub fn with(self, mutant: Mutant) -> Self {
        Self { mutant, ..self }
    }

    /// Kills the process: it asks for nothing more and hears of nothing more. What is on its way may arrive.
    pub fn kill(&self) {
        self.is_dead.store(true, Ordering::SeqCst);
    }

    fn roll(&self, bound: u64) -> u64 {
        self.dice.lock().unwrap_or_else(PoisonError::into_inner).roll(bound)
    }

    fn fault(&self) -> Fault {
        if self.line.one_in == 0 || self.roll(self.line.one_in) != 0 {
            return Fault::None;
        }
        // Mostly short, now and then longer than two leases.
        let longest_ms = if self.roll(4) == 0 { self.line.longest_ms } else { self.line.longest_ms / 50 };
        let ms = self.roll(longest_ms);
        match self.roll(7) {
            0 => Fault::LostReply,
            1 => Fault::LostRequest,
            2 => Fault::Slow(ms),
            3 => Fault::LateReply(ms),
            4 => Fault::Repeated,
            5 => Fault::Straggling(ms),
            _ => Fault::Refused(ObjectsError::Throttled { reason: "slow down".to_owned() }),
        }
    }

    /// Sends a request the way its fault says.
    async fn send<'a, T>(
        &'a self,
        request: impl Fn(Arc<dyn Objects>) -> Async<'static, Result<T, ObjectsError>> + Send + 'a,
    ) -> Result<T, ObjectsError>
    where
        T: Send + 'static,
    {
        let answer = self.answer(&request).await;
        if self.is_dead.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        answer
    }

    async fn answer<T: Send + 'static>(
        &self,
        request: &(impl Fn(Arc<dyn Objects>) -> Async<'static, Result<T, ObjectsError>> + Send),
    ) -> Result<T, ObjectsError> {
        if self.is_dead.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        let send = || request(self.inner.clone());
        let unavailable = || ObjectsError::Unavailable { reason: "no answer".to_owned() };
        match self.fault() {
            Fault::None => send().await,
            Fault::LostReply => {
                send().await?;
                Err(unavailable())
            }
            Fault::LostRequest => Err(unavailable()),
            Fault::Slow(ms) => {
                self.clock.sleep(ms).await;
                send().await
            }
            Fault::LateReply(ms) => {
                let answer = send().await;
                self.clock.sleep(ms).await;
                answer
            }
            Fault::Repeated => {
                send().await?;
                send().await
            }
            Fault::Straggling(ms) => {
                let (clock, late) = (self.clock.clone(), send());
                tokio::spawn(async move {
                    clock.sleep(ms).await;
                    // Nobody hears what it came to.
                    let _ = late.await;
                });
                Err(unavailable())
            }
            Fault::Refused(error) => Err(error),
        }
    }
}

impl Objects for Faulty {
    fn place(&self) -> String {
        self.inner.place()
    }

    fn create<'a>(&'a self, name: &'a str, bytes: Bytes) -> Async<'a, Result<Created, ObjectsError>> {
        let (name, mutant) = (name.to_owned(), self.mutant);
        let forgets = mutant == Mutant::Forgets && self.roll(40) == 0;
        Box::pin(self.send(move |objects| {
            let (name, bytes) = (name.clone(), bytes.clone());
            Box::pin(async move {
                if forgets {
                    return Ok(Created::Made);
                }
                if mutant == Mutant::Overwrites {
                    return objects.write(&name, bytes).await.map(|()| Created::Made);
                }
                objects.create(&name, bytes).await
            })
        }))
    }

    fn write<'a>(&'a self, name: &'a str, bytes: Bytes) -> Async<'a, Result<(), ObjectsError>> {
        let name = name.to_owned();
        Box::pin(self.send(move |objects| {
            let (name, bytes) = (name.clone(), bytes.clone());
            Box::pin(async move { objects.write(&name, bytes).await })
        }))
    }

    fn read<'a>(&'a self, name: &'a str) -> Async<'a, Result<Option<Object>, ObjectsError>> {
        let name = name.to_owned();
        Box::pin(self.send(move |objects| {
            let name = name.clone();
            Box::pin(async move { objects.read(&name).await })
        }))
    }

    fn list<'a>(&'a self, prefix: &'a str, after: &'a str) -> Async<'a, Result<Vec<Listed>, ObjectsError>> {
        let (prefix, after) = (prefix.to_owned(), after.to_owned());
        Box::pin(self.send(move |objects| {
            let (prefix, after) = (prefix.clone(), after.clone());
            Box::pin(async move { objects.list(&prefix, &after).await })
        }))
    }

    fn delete<'a>(&'a self, name: &'a str) -> Async<'a, Result<(), ObjectsError>> {
        let name = name.to_owned();
        Box::pin(self.send(move |objects| {
            let name = name.clone();
            Box::pin(async move { objects.delete(&name).await })
        }))
    }
}
