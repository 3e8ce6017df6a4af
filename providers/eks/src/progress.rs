//! How running steps are told, and what their handles hold.

use terrane_core::Value;
use terrane_provider::{Handle, Progress};

/// The object is being made.
pub const CREATE: &str = "create";
/// The request waits for a role to be known everywhere, or for another change to end.
pub const RETRY: &str = "retry";
/// An update with an id.
pub const UPDATE: &str = "update";
/// The update is over, or never had an id; the object comes to rest.
pub const SETTLE: &str = "settle";
/// The object is being deleted.
pub const DELETE: &str = "delete";
/// A failed object of that name is being removed first.
pub const CLEAR: &str = "clear-failed";

/// A handle of a kind with one count.
pub fn counted(kind: &str, count: i64) -> Handle {
    Handle { kind: kind.into(), data: Value::object(vec![("count".into(), Value::int(count))]) }
}

/// The count of a handle.
pub fn count(handle: &Handle) -> i64 {
    handle.data.get("count").and_then(Value::as_i64).unwrap_or(0)
}

/// A handle of an update.
pub fn update(id: &str) -> Handle {
    Handle { kind: UPDATE.into(), data: Value::object(vec![("id".into(), Value::string(id))]) }
}

/// The update that a handle names.
pub fn update_id(handle: &Handle) -> &str {
    handle.data.get("id").and_then(Value::as_str).unwrap_or_default()
}

/// Ask again later.
pub fn pending(handle: Handle, check_after_ms: u64, message: &str) -> Progress {
    Progress::Pending { handle, check_after_ms, percent: None, message: message.into() }
}

/// A time as RFC 3339; null where there is none.
pub fn time(at: Option<&aws_smithy_types::DateTime>) -> Option<String> {
    at?.fmt(aws_smithy_types::date_time::Format::DateTime).ok()
}
