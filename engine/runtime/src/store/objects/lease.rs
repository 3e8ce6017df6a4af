//! The lock as objects: `lock/N` made where there is none is the lock taken, `lock/N.released` made is the lock given
//! back, `beat/N` written over is its heartbeat. N is the fencing number.
//!
//! The last number counts, whatever stands before it, so the next lock is always another object, and taking a dead
//! lock over is the same request as taking a free one: of all who try, one makes `lock/N+1`. No condition on what is
//! there is needed beyond that, which places have in common that can do little else.
//!
//! Whether a heartbeat is too old is told by the clock of the place alone: its time of the last `beat/N` against
//! its time of an object that is written now. The lock saves runs the trouble of colliding; that an old run cannot
//! write is the work of the log, whatever any clock says.

use super::names;
use super::{Created, Object, Objects, ObjectsError};
use crate::clock::{Clock, rfc3339};
use crate::store::{Grant, LockHolder, LockRequest, StoreError};
use bytes::Bytes;
use std::sync::Arc;
use terrane_core::Text;

/// Looks at a lock that changes under our eyes, before it is given up.
const MOST_LOOKS: u32 = 5;

/// The lock of a place.
#[derive(Clone)]
pub struct Lock {
    objects: Arc<dyn Objects>,
    clock: Arc<dyn Clock>,
    lease_ms: u64,
}

/// The last lock there was.
struct Last {
    fencing: u64,
    is_released: bool,
    /// Everything that stands before it.
    older: Vec<u64>,
}

impl Lock {
    /// The lock in `objects`, which dies without a heartbeat for `lease_ms`.
    pub fn new(objects: Arc<dyn Objects>, clock: Arc<dyn Clock>, lease_ms: u64) -> Self {
        Self { objects, clock, lease_ms }
    }

    /// Takes it, or says who has it.
    pub async fn take(&self, request: &LockRequest) -> Result<Grant, StoreError> {
        let last = self.last().await.map_err(write_failed)?;
        if let Some(last) = &last
            && !last.is_released
            && !self.is_dead(last.fencing).await.map_err(write_failed)?
        {
            return Err(StoreError::Locked(Box::new(self.holder_of(last.fencing).await?)));
        }
        let grant = self.make(last.as_ref().map_or(0, |last| last.fencing) + 1, request).await?;
        for fencing in last.into_iter().flat_map(|last| last.older) {
            self.clear(fencing).await;
        }
        Ok(grant)
    }

    /// Makes the lock of that number, where there is none.
    pub(super) async fn make(&self, fencing: u64, request: &LockRequest) -> Result<Grant, StoreError> {
        let now = rfc3339(self.clock.now_ms());
        let random = || super::super::random_name().map_err(|e| StoreError::WriteFailed { reason: e.to_string() });
        let holder = LockHolder {
            id: random()?.into(),
            owner: request.owner.clone(),
            operation: request.operation.clone(),
            created: now.clone(),
            heartbeat: now,
            fencing,
            machine: "".into(),
            process: "".into(),
        };
        let text =
            serde_json::to_vec(&holder).map_err(|error| StoreError::WriteFailed { reason: error.to_string() })?;
        let name = names::lock(fencing);
        let created = self.objects.create(&name, text.into()).await.map_err(write_failed)?;
        if created == Created::Exists {
            // Somebody was faster, or the reply was lost that told that we were.
            let there = self.holder_of(fencing).await?;
            if there.id != holder.id {
                return Err(StoreError::Locked(Box::new(there)));
            }
        }
        // The list that told us this number can be old: since then the lock may have been taken, given back and its
        // object cleared away, and then the number was free again. The last number is never cleared away, so a look
        // after the making tells.
        match self.last().await {
            Ok(Some(last)) if last.fencing == fencing => Ok(Grant { id: holder.id, fencing }),
            Ok(Some(last)) => Err(StoreError::Locked(Box::new(self.holder_of(last.fencing).await?))),
            Ok(None) => Err(StoreError::WriteFailed { reason: "the lock was cleared away".to_owned() }),
            Err(error) => {
                // Nobody would give it back otherwise; if this fails too, it dies after a lease.
                let _ = self.objects.create(&names::released(fencing), Bytes::new()).await;
                Err(write_failed(error))
            }
        }
    }

    /// Whether it is still ours.
    pub async fn check(&self, grant: &Grant) -> Result<(), StoreError> {
        let last = self.last().await.map_err(write_failed)?;
        match last {
            Some(last) if last.fencing == grant.fencing && !last.is_released => {
                let holder = self.holder_of(last.fencing).await?;
                if holder.id == grant.id { Ok(()) } else { Err(StoreError::LeaseLost(Some(Box::new(holder)))) }
            }
            _ => Err(self.lost().await),
        }
    }

    /// That it is lost, and to whom where that can be told.
    pub async fn lost(&self) -> StoreError {
        StoreError::LeaseLost(self.holder().await.ok().flatten().map(Box::new))
    }

    /// Renews the heartbeat.
    pub async fn renew(&self, grant: &Grant) -> Result<(), StoreError> {
        // One request in the way of every heartbeat: what stands behind our lock is its end.
        let behind = self.objects.list(names::LOCK, &names::lock(grant.fencing)).await.map_err(write_failed)?;
        if behind.iter().any(|listed| names::number(names::LOCK, &listed.name).is_some()) {
            return Err(self.lost().await);
        }
        // Between the look and this, another run may take over: a beat of a number that is not the last says nothing.
        let beat = Bytes::from(grant.id.to_string());
        self.objects.write(&names::beat(grant.fencing), beat).await.map_err(write_failed)
    }

    /// Gives it back; one that is not ours is left alone.
    pub async fn release(&self, grant: &Grant) -> Result<(), StoreError> {
        match self.read(grant.fencing).await.map_err(write_failed)? {
            Some((holder, _)) if holder.id == grant.id => {
                // That it exists already means a lost reply, or that somebody broke it: given back it is.
                self.objects.create(&names::released(grant.fencing), Bytes::new()).await.map_err(write_failed)?;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Who holds it, with its heartbeat by the clock of the place.
    pub async fn holder(&self) -> Result<Option<LockHolder>, StoreError> {
        for _ in 0..MOST_LOOKS {
            let last = match self.last().await.map_err(read_failed)? {
                Some(last) if !last.is_released => last,
                _ => return Ok(None),
            };
            // It can be given back, taken again and cleared away between the two requests: then another is the last.
            if let Some((holder, made)) = self.read(last.fencing).await.map_err(read_failed)? {
                return Ok(Some(self.with_beat(holder, &made).await?));
            }
        }
        Err(StoreError::ReadFailed { reason: "the lock changes hands too fast to be read".to_owned() })
    }

    /// Takes the lock of that id over without waiting for its lease; gives the one that was there, and ours.
    pub async fn take_from(&self, id: &str) -> Result<(LockHolder, Grant), StoreError> {
        let holder = match self.holder().await? {
            Some(holder) if *holder.id == *id => holder,
            other => return Err(StoreError::OtherLock(other.map(Box::new))),
        };
        let name = Text::from("force-unlock");
        match self.make(holder.fencing + 1, &LockRequest { owner: name.clone(), operation: name }).await {
            Ok(grant) => Ok((holder, grant)),
            Err(StoreError::Locked(other)) => Err(StoreError::OtherLock(Some(other))),
            Err(error) => Err(error),
        }
    }

    async fn last(&self) -> Result<Option<Last>, ObjectsError> {
        let listed = self.objects.list(names::LOCK, "").await?;
        let mut found: Option<Last> = None;
        for (fencing, is_released) in listed.iter().filter_map(|listed| names::number(names::LOCK, &listed.name)) {
            match &mut found {
                Some(last) if last.fencing == fencing => last.is_released |= is_released,
                Some(last) => {
                    last.older.push(last.fencing);
                    (last.fencing, last.is_released) = (fencing, is_released);
                }
                None => found = Some(Last { fencing, is_released, older: Vec::new() }),
            }
        }
        Ok(found)
    }

    /// Whether the heartbeat is older than the lease.
    ///
    /// The order matters: the time first, then the beat. A look that is held up in between then takes a lock for
    /// younger than it is and never for older.
    async fn is_dead(&self, fencing: u64) -> Result<bool, ObjectsError> {
        self.objects.write(names::NOW, Bytes::from_static(b"now")).await?;
        let Some(now) = self.objects.read(names::NOW).await? else { return Ok(false) };
        let beat = self.objects.read(&names::beat(fencing)).await?;
        let made = self.objects.read(&names::lock(fencing)).await?;
        let last_ms = [beat, made].into_iter().flatten().map(|object| object.modified_ms).max();
        // Without either it is not the last any more: let its taker find out who is.
        Ok(last_ms.is_some_and(|last_ms| now.modified_ms.saturating_sub(last_ms) >= self.lease_ms))
    }

    /// The lock of that number. One that cannot be read is somebody's, of whom nothing is known.
    async fn read(&self, fencing: u64) -> Result<Option<(LockHolder, Object)>, ObjectsError> {
        let object = self.objects.read(&names::lock(fencing)).await?;
        Ok(object.map(|object| {
            let holder = serde_json::from_slice(&object.bytes).unwrap_or_else(|_| stranger(fencing));
            (holder, object)
        }))
    }

    async fn holder_of(&self, fencing: u64) -> Result<LockHolder, StoreError> {
        match self.read(fencing).await.map_err(read_failed)? {
            Some((holder, made)) => self.with_beat(holder, &made).await,
            None => Ok(self.holder().await?.unwrap_or_else(|| stranger(fencing))),
        }
    }

    async fn with_beat(&self, holder: LockHolder, made: &Object) -> Result<LockHolder, StoreError> {
        let beat = self.objects.read(&names::beat(holder.fencing)).await.map_err(read_failed)?;
        let beat_ms = beat.map_or(made.modified_ms, |beat| beat.modified_ms.max(made.modified_ms));
        Ok(LockHolder { created: rfc3339(made.modified_ms), heartbeat: rfc3339(beat_ms), ..holder })
    }

    /// Takes away what a lock left that is not the last; what stays is taken away the next time.
    async fn clear(&self, fencing: u64) {
        for name in [names::beat(fencing), names::released(fencing), names::lock(fencing)] {
            if self.objects.delete(&name).await.is_err() {
                return;
            }
        }
    }
}

fn stranger(fencing: u64) -> LockHolder {
    let unknown = || Text::from("unknown");
    LockHolder {
        id: unknown(),
        owner: unknown(),
        operation: unknown(),
        created: unknown(),
        heartbeat: unknown(),
        fencing,
        machine: "".into(),
        process: "".into(),
    }
}

/// What a refusal is to who wanted to read.
pub fn read_failed(error: ObjectsError) -> StoreError {
    match error {
        ObjectsError::Throttled { reason }
        | ObjectsError::Unavailable { reason }
        | ObjectsError::Refused { reason } => StoreError::ReadFailed { reason },
        other => refused(other),
    }
}

/// What a refusal is to who wanted to write.
pub fn write_failed(error: ObjectsError) -> StoreError {
    match error {
        ObjectsError::Throttled { reason }
        | ObjectsError::Unavailable { reason }
        | ObjectsError::Refused { reason } => StoreError::WriteFailed { reason },
        other => refused(other),
    }
}

fn refused(error: ObjectsError) -> StoreError {
    match error {
        ObjectsError::NoSuchPlace { reason } => StoreError::NoSuchPlace { reason },
        ObjectsError::Denied { action, reason } => StoreError::Denied { action, reason },
        ObjectsError::NotConditional => StoreError::NotConditional,
        ObjectsError::ClockSkew { reason } => StoreError::ClockSkew { reason },
        ObjectsError::Sealed(error) => StoreError::Sealed(error),
        ObjectsError::Throttled { reason }
        | ObjectsError::Unavailable { reason }
        | ObjectsError::Refused { reason } => StoreError::WriteFailed { reason },
    }
}
