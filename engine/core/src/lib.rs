//! The vocabulary of Terrane: addresses, identities, values, spans, diagnostics, schemas, changes, events.
//!
//! Nothing here does input or output, waits, reads a clock or the environment, or prints. Every other
//! crate speaks in these types; wording for people and formats for files are built on top of them.

pub mod address;
pub mod change;
pub mod codec;
pub mod diagnostic;
pub mod event;
pub mod number;
pub mod object_id;
pub mod path;
pub mod recent;
pub mod schema;
pub mod selector;
pub mod span;
pub mod types;
pub mod value;

pub use address::{AddrPattern, AddrReader, InstanceAddr, InstanceKey, Mode, ModulePath, ModuleStep, ResourceAddr};
pub use diagnostic::{Diagnostic, DiagnosticKind, Place, Severity};
pub use number::Number;
pub use object_id::{ObjectId, Scope};
pub use path::{Path, PathStep};
pub use recent::Recent;
pub use schema::{Attribute, Block, DriftSeverity, Nesting, OnChange, Role, Schema, Shape};
pub use selector::{BlockNames, Selector};
pub use span::{FileId, SourceMap, Span};
pub use types::Type;
pub use value::{Entries, Kind, Operator, Residual, Unknown, Value};

/// Shared, immutable text. Cloning costs a counter.
pub type Text = std::sync::Arc<str>;
