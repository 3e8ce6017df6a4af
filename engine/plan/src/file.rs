//! The text form of a plan, its digest, and reading it back. What stands around it in a file: [`crate::saved`].

use crate::diag;
use crate::plan::{Change, FORMAT, Plan};
use serde::Serializer;
use serde::ser::SerializeSeq as _;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::Arc;
use terrane_core::change::Action;
use terrane_core::{Diagnostic, Place, Text, Value};

/// SHA-256, hexadecimal.
#[must_use]
pub fn digest(bytes: &[u8]) -> Text {
    hex(&Sha256::digest(bytes))
}

pub(crate) fn hex(bytes: &[u8]) -> Text {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text.into()
}

/// Feeds text to the digest without keeping it.
struct Sink(Sha256);

impl std::io::Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Plan {
    /// Sets the id from everything else but the times: when it was made and until when it may be applied. Instances
    /// that do not change count by their address only.
    pub fn seal(&mut self) {
        let made_at = std::mem::replace(&mut self.made_at, "".into());
        let expires_at = std::mem::replace(&mut self.expires_at, "".into());
        self.id = "".into();
        let mut sink = Sink(Sha256::new());
        if self.write_to(&mut sink).is_ok() {
            self.id = hex(&sink.0.finalize());
        }
        (self.made_at, self.expires_at) = (made_at, expires_at);
    }

    /// Writes the text form. Instances that do not change are written without values.
    ///
    /// # Errors
    /// When writing fails.
    pub fn write_to(&self, out: impl std::io::Write) -> Result<(), serde_json::Error> {
        let mut out = std::io::BufWriter::with_capacity(1 << 16, out);
        serde_json::to_writer(&mut out, self)?;
        // Dropping the buffer would write the rest and keep silent about a full disk.
        out.flush().map_err(serde_json::Error::io)
    }
}

/// Writes changes; those of instances that do not change without values, one copy at a time.
pub(crate) fn light<S: Serializer>(changes: &[Arc<Change>], serializer: S) -> Result<S::Ok, S::Error> {
    let mut list = serializer.serialize_seq(Some(changes.len()))?;
    for change in changes {
        if change.action == Action::NoOp && !change.is_rerecorded {
            let nothing = Value::NULL;
            let (before, after, written) = (nothing.clone(), nothing.clone(), nothing);
            list.serialize_element(&Change { before, after, written, ..(**change).clone() })?;
        } else {
            list.serialize_element(change)?;
        }
    }
    list.end()
}

/// The number of the format of a plan's text.
///
/// # Errors
/// `plan-file-newer`; `plan-file-damaged` for something else.
pub(crate) fn format(text: &str) -> Result<u32, Box<Diagnostic>> {
    #[derive(serde::Deserialize)]
    struct Head {
        format: u32,
    }
    let head: Head = serde_json::from_str(text).map_err(|error| damaged(error.to_string()))?;
    if head.format > FORMAT {
        return Err(Box::new(diag::PLAN_FILE_NEWER.at(Place::Run).with("format", head.format).with("known", FORMAT)));
    }
    Ok(head.format)
}

/// Reads the text of a plan.
///
/// # Errors
/// A newer format, a damaged or changed text.
pub fn from_text(text: &str) -> Result<Plan, Box<Diagnostic>> {
    format(text)?;
    let mut plan: Plan = serde_json::from_str(text).map_err(|error| damaged(error.to_string()))?;
    let id = plan.id.clone();
    plan.seal();
    if plan.id != id {
        return Err(damaged("its contents do not match its id"));
    }
    Ok(plan)
}

fn damaged(why: impl Into<String>) -> Box<Diagnostic> {
    Box::new(diag::PLAN_FILE_DAMAGED.at(Place::Run).detail(why))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub fn plan() -> Plan {
        let text = r#"{"format":3,"terrane_version":"0","id":"","made_at":"now","mode":"normal","lineage":"l","serial":3,
            "fingerprint":{"configuration":"c","sources":{}},"variables":{},"providers":[],"drift":[],"outputs":[],
            "steps":[],"deferred":[],"changes":[{"addr":"terrane_data.a","action":"no_op","schema_version":1,
            "before":{"input":7},"after":{"input":7},"written":{"input":7}}]}"#;
        let mut plan: Plan = serde_json::from_str(text).unwrap();
        plan.seal();
        plan
    }

    fn text(plan: &Plan) -> String {
        let mut out = Vec::new();
        plan.write_to(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    // A4
    #[test]
    fn a_plan_file_comes_back_and_leaves_out_what_does_not_change() {
        let text = text(&plan());
        assert!(!text.contains("input"), "{text}");
        assert_eq!(from_text(&text).unwrap().id, plan().id);
    }

    #[test]
    fn an_edited_plan_file_is_refused() {
        let edited = text(&plan()).replace("\"serial\":3", "\"serial\":4");
        assert_eq!(from_text(&edited).unwrap_err().kind.id, "plan-file-damaged");
    }

    #[test]
    fn a_full_disk_is_told() {
        struct Full;
        impl std::io::Write for Full {
            fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
                Err(std::io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        assert!(plan().write_to(Full).is_err());
    }

    #[test]
    fn its_times_are_no_part_of_its_id() {
        let mut later = plan();
        (later.made_at, later.expires_at) = ("later".into(), "much later".into());
        later.seal();
        assert_eq!(later.id, plan().id);
    }

    #[test]
    fn a_newer_format_is_refused() {
        let newer = text(&plan()).replace("\"format\":3", "\"format\":4");
        assert_eq!(from_text(&newer).unwrap_err().kind.id, "plan-file-newer");
    }
}
