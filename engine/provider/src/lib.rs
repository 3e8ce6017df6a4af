//! The contract between Terrane and its providers.
//!
//! A provider brings resource types and data sources. Each resource type has a pure part ([`ResourceType`]:
//! schema, [`ResourceType::refine`], steps), a reading half ([`Reader`]) that planning and drift hold, and an
//! acting half ([`Actor`]) that only apply holds. Nothing here knows of an executor: futures are boxed, and
//! waiting, permits and secrets are asked from [`Services`].

pub mod access;
pub mod adopt;
pub mod call;
pub mod complete;
pub mod contract;
pub mod fault;
pub mod key;
pub mod limits;
pub mod reading;
pub mod refine;
pub mod registry;
pub mod resource;
pub mod retry;
pub mod step;
pub mod typed;

pub use access::{Access, ProviderName};
pub use adopt::{Discovered, Discovery, Found, LeftAlone, Search};
pub use call::{Attempt, CallContext, Feedback, Services};
pub use fault::{Fault, FaultKind};
pub use limits::{BudgetKey, Limits, Verb};
pub use reading::{FactKey, Listing, ListingKey, Reading, Target, Unreadable};
pub use refine::{Facts, Parent, RefineInput, RefineOutcome, Refined, Refusal};
pub use registry::{Provider, Registry};
pub use resource::{Actor, DataSource, Reader, ResourceType};
pub use step::{Handle, Intent, Progress, Recovery, Resolution, StepCall, StepSpec, StepsInput};

/// A future that a trait object can return.
pub type Async<'a, T> = std::pin::Pin<Box<dyn Future<Output = T> + Send + 'a>>;
