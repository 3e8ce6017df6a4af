//! Plan files: the text form, its digest, and reading it back.

use crate::diag;
use crate::plan::{FORMAT, Plan};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use terrane_core::change::Action;
use terrane_core::{Diagnostic, Place, Text, Value};

/// SHA-256, hexadecimal.
#[must_use]
pub fn digest(bytes: &[u8]) -> Text {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> Text {
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
    /// Sets the id from everything else but the time it was made. Instances that do not change count by
    /// their address only.
    pub fn seal(&mut self) {
        let made_at = std::mem::replace(&mut self.made_at, "".into());
        self.id = "".into();
        let mut sink = Sink(Sha256::new());
        if self.write_to(&mut sink).is_ok() {
            self.id = hex(&sink.0.finalize());
        }
        self.made_at = made_at;
    }

    /// Writes the text form. Instances that do not change are written without values.
    ///
    /// # Errors
    /// When writing fails.
    pub fn write_to(&self, out: impl std::io::Write) -> Result<(), serde_json::Error> {
        let mut light = self.clone();
        for change in light.changes.iter_mut().filter(|c| c.action == Action::NoOp && !c.is_rerecorded) {
            change.before = Value::NULL;
            change.after = Value::NULL;
            change.written = Value::NULL;
        }
        serde_json::to_writer(std::io::BufWriter::with_capacity(1 << 16, out), &light)
    }
}

/// Reads a plan file.
///
/// # Errors
/// A newer format, a damaged or changed file.
pub fn from_text(text: &str) -> Result<Plan, Box<Diagnostic>> {
    #[derive(serde::Deserialize)]
    struct Head {
        format: u32,
    }
    let damaged = |why: String| Box::new(diag::PLAN_FILE_DAMAGED.at(Place::Run).detail(why));
    let head: Head = serde_json::from_str(text).map_err(|error| damaged(error.to_string()))?;
    if head.format > FORMAT {
        return Err(Box::new(diag::PLAN_FILE_NEWER.at(Place::Run).with("format", head.format).with("known", FORMAT)));
    }
    let plan: Plan = serde_json::from_str(text).map_err(|error| damaged(error.to_string()))?;
    let mut again = plan.clone();
    again.seal();
    if again.id != plan.id {
        return Err(damaged("its contents do not match its id".into()));
    }
    Ok(plan)
}
