//! The traits a provider author writes.

use crate::reading::ReadCost;
use crate::{
    Async, CallContext, FactKey, Fault, Handle, Intent, Listing, ListingKey, Progress, Reading, RefineInput,
    RefineOutcome, Resolution, StepCall, StepSpec, StepsInput, Target,
};
use std::sync::Arc;
use terrane_core::{ObjectId, Schema, Value};

/// A managed resource type: its pure part.
pub trait ResourceType: Send + Sync {
    /// Its declaration.
    fn schema(&self) -> Arc<Schema>;

    /// Completes what is written, says what is unknown, what replaces, and what is wrong. Pure.
    fn refine(&self, input: &RefineInput<'_>) -> RefineOutcome;

    /// The steps of a change, in order. Pure; the same input gives the same steps.
    fn steps(&self, input: &StepsInput<'_>) -> Vec<StepSpec>;

    /// Reads the text form of an id.
    ///
    /// # Errors
    /// What the form is.
    fn parse_id(&self, text: &str) -> Result<ObjectId, String>;

    /// Whether the object is nothing but its record (`terrane_data`): it is never read and never called.
    fn is_record_only(&self) -> bool {
        false
    }

    /// The listing that tells about this object; `None` where each is read alone.
    fn listing(&self, target: &Target) -> Option<ListingKey> {
        let _ = target;
        None
    }

    /// Expected requests of reading `wanted` objects of a listing.
    fn read_cost(&self, wanted: usize) -> ReadCost {
        ReadCost { list: 1, get: wanted }
    }

    /// Takes one object out of a listing.
    fn extract(&self, listing: &Listing, target: &Target) -> Reading {
        let _ = (listing, target);
        Reading::Unreadable(crate::Unreadable::Failed(Fault::bug("extract", "this type has no listing")))
    }

    /// What somebody would write of an object that is there; null where nothing. `parent` is what was seen of the object
    /// that it lives in. Planned against the same object, it changes nothing.
    fn written(&self, seen: &Value, parent: Option<&Value>) -> Value {
        let _ = parent;
        crate::adopt::written(&self.schema().body, seen, &[])
    }

    /// Brings a recorded value of an older schema version to the current one.
    ///
    /// # Errors
    /// Why it cannot be read.
    fn migrate(&self, version: u32, recorded: Value) -> Result<Value, String> {
        let _ = version;
        Ok(recorded)
    }

    /// The half that cannot change anything.
    fn reader(&self) -> Arc<dyn Reader>;

    /// The half that changes things.
    fn actor(&self) -> Arc<dyn Actor>;
}

/// The reading half: all that planning and drift hold.
pub trait Reader: Send + Sync {
    /// Reads everything of a listing, page by page.
    fn list<'a>(&'a self, key: &'a ListingKey, cx: &'a CallContext<'a>) -> Async<'a, Result<Listing, Fault>> {
        let _ = (key, cx);
        Box::pin(async { Err(Fault::bug("list", "this type has no listing")) })
    }

    /// Reads one object. A missing object is [`Reading::Absent`] only when the answer proves it.
    fn get<'a>(&'a self, target: &'a Target, cx: &'a CallContext<'a>) -> Async<'a, Reading>;

    /// Asks the remote side something that planning needs.
    fn fact<'a>(&'a self, key: &'a FactKey, cx: &'a CallContext<'a>) -> Async<'a, Result<Value, Fault>> {
        let _ = cx;
        Box::pin(async move { Err(Fault::bug(key.name.clone(), "this type answers no such question")) })
    }

    /// Finds out what became of an intent, without changing anything. What is found by name without our mark is
    /// [`Resolution::Unclear`].
    fn resolve<'a>(&'a self, intent: &'a Intent, cx: &'a CallContext<'a>) -> Async<'a, Resolution>;
}

/// The acting half: only apply holds it.
pub trait Actor: Send + Sync {
    /// Starts a step. Returns as soon as the remote side has taken it; waiting is done by polls.
    fn start<'a>(&'a self, call: &'a StepCall, cx: &'a CallContext<'a>) -> Async<'a, Result<Progress, Fault>>;

    /// Asks how a running step stands.
    fn poll<'a>(
        &'a self,
        handle: &'a Handle,
        call: &'a StepCall,
        cx: &'a CallContext<'a>,
    ) -> Async<'a, Result<Progress, Fault>>;
}

/// A data source.
pub trait DataSource: Send + Sync {
    /// Its declaration.
    fn schema(&self) -> Arc<Schema>;

    /// Reads it. `written` is an object of the schema's type with what is written, wholly known.
    fn read<'a>(&'a self, written: &'a Value, cx: &'a CallContext<'a>) -> Async<'a, Result<Value, Fault>>;
}
