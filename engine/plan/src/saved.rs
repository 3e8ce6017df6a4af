//! The file of a saved plan: a line with the plan, and a line that seals it.
//!
//! The seal holds the SHA-256 of the first line and the signatures over it, so that a change of any byte shows. Both
//! lines have one spelling only. This knows what is signed, not how: signing and its proof belong to the runtime.

use crate::diag;
use crate::file::{self, digest};
use crate::plan::Plan;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::io::Write;
use terrane_core::{Diagnostic, Place, Text};

/// The format before the seal. Its files are one line.
const FORMAT_WITHOUT_SEAL: u32 = 1;
/// What the message of a signature begins with, so that it cannot be taken for one over something else.
const SIGNED_FOR: &str = "terrane plan signature 1";

/// A signature of a plan.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signature {
    /// The public key of Ed25519, 32 bytes in hexadecimal.
    pub key: Text,
    /// The signature, 64 bytes in hexadecimal.
    pub signature: Text,
}

/// What stands behind the plan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Seal {
    sha256: Text,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    signatures: Vec<Signature>,
}

/// The line of the seal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SealLine {
    seal: Seal,
}

/// A plan with what its file says about it.
#[derive(Clone, Debug, PartialEq)]
pub struct SavedPlan {
    /// The plan.
    pub plan: Plan,
    /// SHA-256 of its line, hexadecimal.
    pub sha256: Text,
    /// Signatures, none of them proved yet.
    pub signatures: Vec<Signature>,
}

impl SavedPlan {
    /// What a signature of this plan is over.
    #[must_use]
    pub fn message(&self) -> Vec<u8> {
        message(&self.plan.id, &self.sha256)
    }
}

fn message(id: &str, sha256: &str) -> Vec<u8> {
    format!("{SIGNED_FOR}\n{id}\n{sha256}\n").into_bytes()
}

/// Passes on what is written, and digests it.
struct Digesting<W> {
    out: W,
    sha256: Sha256,
}

impl<W: Write> Write for Digesting<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.sha256.update(bytes.get(..written).unwrap_or(bytes));
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}

/// Gets what is signed and gives the signatures.
pub type Sign<'a> = &'a dyn Fn(&[u8]) -> std::io::Result<Vec<Signature>>;

/// Writes the file of a sealed plan.
///
/// # Errors
/// When writing or signing fails.
pub fn write(plan: &Plan, sign: Sign<'_>, mut out: impl Write) -> std::io::Result<()> {
    let mut digesting = Digesting { out: &mut out, sha256: Sha256::new() };
    plan.write_to(&mut digesting)?;
    let sha256 = file::hex(&digesting.sha256.finalize());
    let signatures = sign(&message(&plan.id, &sha256))?;
    out.write_all(b"\n")?;
    out.write_all(seal_line(sha256, signatures).as_bytes())?;
    out.flush()
}

/// The file of a plan with one more signature; the plan is left as it is. A signature of the same key gives way.
/// `saved` is what [`read`] gave for `bytes`.
///
/// # Errors
/// `plan-file-damaged` for a file of a format that has no place for signatures.
pub fn with_signature(bytes: &[u8], saved: SavedPlan, signature: Signature) -> Result<Vec<u8>, Box<Diagnostic>> {
    let end = bytes.iter().position(|byte| *byte == b'\n').filter(|_| saved.plan.format > FORMAT_WITHOUT_SEAL);
    let Some(line) = end.and_then(|end| bytes.get(..=end)) else {
        return Err(damaged("format 1 has no place for a signature"));
    };
    let mut signatures = saved.signatures;
    signatures.retain(|other| other.key != signature.key);
    signatures.push(signature);
    signatures.sort();
    Ok([line, seal_line(saved.sha256, signatures).as_bytes()].concat())
}

fn seal_line(sha256: Text, signatures: Vec<Signature>) -> String {
    let line = SealLine { seal: Seal { sha256, signatures } };
    // Texts and lists of texts have a JSON form in any case.
    serde_json::to_string(&line).unwrap_or_default() + "\n"
}

/// Reads the file of a plan.
///
/// # Errors
/// `plan-file-newer`; `plan-file-damaged` for a file that was cut off or in which a byte differs.
pub fn read(bytes: &[u8]) -> Result<SavedPlan, Box<Diagnostic>> {
    let text = std::str::from_utf8(bytes).map_err(|error| damaged(error.to_string()))?;
    let (line, seal) = match text.split_once('\n') {
        Some((line, seal)) => (line, Some(seal)),
        None => (text, None),
    };
    let format = file::format(line)?;
    let sha256 = digest(line.as_bytes());
    let signatures = match (format, seal) {
        (FORMAT_WITHOUT_SEAL, None | Some("")) => Vec::new(),
        (FORMAT_WITHOUT_SEAL, Some(_)) => return Err(damaged("something stands behind the plan")),
        (_, None) => return Err(damaged("its seal is missing")),
        (_, Some(seal)) => signatures(seal, &sha256)?,
    };
    Ok(SavedPlan { plan: file::from_text(line)?, sha256, signatures })
}

fn signatures(line: &str, sha256: &Text) -> Result<Vec<Signature>, Box<Diagnostic>> {
    let parsed: SealLine = serde_json::from_str(line).map_err(|error| damaged(format!("its seal: {error}")))?;
    if parsed.seal.sha256 != *sha256 {
        return Err(damaged("its contents do not match its seal"));
    }
    if seal_line(sha256.clone(), parsed.seal.signatures.clone()) != line {
        return Err(damaged("its seal is spelled otherwise than Terrane spells it"));
    }
    Ok(parsed.seal.signatures)
}

fn damaged(why: impl Into<String>) -> Box<Diagnostic> {
    Box::new(diag::PLAN_FILE_DAMAGED.at(Place::Run).detail(why))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn plan() -> Plan {
        let mut plan = file::tests::plan();
        plan.seal();
        plan
    }

    fn signature(key: &str) -> Signature {
        Signature { key: key.into(), signature: "00ff".into() }
    }

    fn bytes(key: &str) -> Vec<u8> {
        let mut out = Vec::new();
        write(&plan(), &|_| Ok(vec![signature(key)]), &mut out).unwrap();
        out
    }

    // A4
    #[test]
    fn a_saved_plan_comes_back_with_its_signatures() {
        let saved = read(&bytes("aa")).unwrap();
        assert_eq!((saved.plan.id.clone(), saved.signatures.len()), (plan().id, 1));
        let message = String::from_utf8(saved.message()).unwrap();
        assert_eq!(message, format!("terrane plan signature 1\n{}\n{}\n", saved.plan.id, saved.sha256));
    }

    // A4
    #[test]
    fn every_bit_counts() {
        let whole = bytes("aa");
        for at in 0..whole.len() {
            for bit in 0..8 {
                let mut flipped = whole.clone();
                flipped[at] ^= 1 << bit;
                // Whether key and signature belong together is proved elsewhere.
                let is_seen = read(&flipped).is_err_and(|problem| problem.kind.id.starts_with("plan-file-"));
                assert!(is_seen || read(&flipped).unwrap().signatures != [signature("aa")], "{at}/{bit}");
            }
        }
        for end in 0..whole.len() {
            assert!(read(&whole[..end]).is_err(), "cut at {end}");
        }
        assert!(read(&[whole.as_slice(), b"\n"].concat()).is_err());
    }

    /// The file with pieces of it replaced.
    fn mutated() -> impl Strategy<Value = Vec<u8>> {
        let piece = proptest::collection::vec(any::<u8>(), 0..6);
        let edit = (any::<proptest::sample::Index>(), 0_usize..8, piece);
        proptest::collection::vec(edit, 1..4).prop_map(|edits| {
            let mut file = bytes("aa");
            for (at, cut, piece) in edits {
                let at = at.index(file.len());
                let end = (at + cut).min(file.len());
                file.splice(at..end, piece);
            }
            file
        })
    }

    // E1
    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig { failure_persistence: None, ..Default::default() })]

        #[test]
        fn any_bytes_are_no_plan(file in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(read(&file).is_err());
        }

        #[test]
        fn a_file_that_was_changed_is_no_plan(file in mutated()) {
            let is_whole = file == bytes("aa");
            match read(&file) {
                Ok(saved) => prop_assert!(is_whole || saved.signatures != [signature("aa")]),
                Err(problem) => prop_assert!(!is_whole && problem.kind.id.starts_with("plan-file-")),
            }
        }
    }

    #[test]
    fn a_second_signature_leaves_the_plan_as_it_is() {
        let once = bytes("bb");
        let with_aa = |bytes: &[u8]| with_signature(bytes, read(bytes).unwrap(), signature("aa")).unwrap();
        let twice = with_aa(&once);
        let keys: Vec<Text> = read(&twice).unwrap().signatures.into_iter().map(|signature| signature.key).collect();
        assert_eq!(keys, ["aa".into(), Text::from("bb")]);
        assert_eq!(with_aa(&twice), twice);
    }

    // A12
    #[test]
    fn a_plan_of_a_format_before_is_read() {
        for (format, text) in [(1, include_str!("saved/format-1.json")), (2, include_str!("saved/format-2.json"))] {
            let saved = read(text.as_bytes()).unwrap();
            assert_eq!((saved.plan.format, saved.signatures.len(), saved.plan.changes.len()), (format, 0, 1));
            assert_eq!(read(text.replace("1.34", "1.35").as_bytes()).unwrap_err().kind.id, "plan-file-damaged");
        }
        assert_eq!(crate::plan::FORMAT, 3);
    }
}
