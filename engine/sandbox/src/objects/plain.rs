//! Plain HTTP: one address for each object, and a listing.
//!
//! # Source
//! RFC 9110, sections 11.7 (Basic), 13.1.2 (If-None-Match), 15.5.13 (412). The listing is that of Terrane's backend
//! `http`, docs/guide/backends.md.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::{Answer, Asked, State, content, iso};

pub(super) fn answer(state: &mut State, asked: &Asked) -> Answer {
    let wanted = STANDARD.encode(format!("{}:{}", state.seed.key_id, state.seed.secret));
    if asked.header("authorization") != format!("Basic {wanted}") {
        return Answer::empty(401).with("www-authenticate", "Basic realm=\"state\"".to_owned());
    }
    let root = format!("/{}/", state.seed.bucket);
    let Some(name) = asked.path.strip_prefix(&root).map(ToOwned::to_owned) else { return Answer::empty(404) };
    match (asked.method.as_str(), asked.query("list")) {
        ("GET", Some(prefix)) if name.is_empty() => list(state, prefix, asked.query("after").unwrap_or_default()),
        ("GET", _) => state.objects.get(&name).map_or_else(|| Answer::empty(404), content),
        ("PUT", _) if state.put(&name, asked.body.clone(), asked.header("if-none-match") == "*") => Answer::empty(201),
        ("PUT", _) => Answer::empty(412),
        ("DELETE", _) => Answer::empty(if state.objects.remove(&name).is_some() { 204 } else { 404 }),
        _ => Answer::empty(405),
    }
}

fn list(state: &State, prefix: &str, after: &str) -> Answer {
    let (found, has_more) = state.page(prefix, after);
    let last = found.len();
    let rows = found.iter().enumerate().map(|(at, (name, kept))| {
        let row = json!({ "name": name, "bytes": kept.bytes.len(), "modified": iso(kept.modified_ms) });
        let is_end = has_more && at + 1 == last;
        if is_end {
            json!({ "name": name, "bytes": kept.bytes.len(), "modified": iso(kept.modified_ms), "more": true })
        } else {
            row
        }
    });
    Answer::text(200, "application/json", serde_json::Value::Array(rows.collect()).to_string())
}
