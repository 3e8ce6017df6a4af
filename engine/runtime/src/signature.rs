//! Signatures of saved plans: Ed25519, with keys as `openssl genpkey -algorithm ed25519` writes them.
//!
//! # Source
//! RFC 8032 (Ed25519); RFC 8410, sections 4, 7 and 10.3 (keys as PKCS#8 and SubjectPublicKeyInfo); RFC 7468 (PEM).

use crate::diag;
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fmt::Write as _;
use std::io::Read as _;
use terrane_core::{Diagnostic, Place, Text};
use terrane_plan::saved::{SavedPlan, Signature};
use zeroize::Zeroizing;

/// A file of keys is no longer than this, in bytes.
const LONGEST_FILE: u64 = 16_384;
/// What stands before the 32 bytes of a public key.
const PUBLIC_HEAD: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// A key that signs.
pub struct SigningKey(Ed25519KeyPair);

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("(secret)")
    }
}

impl SigningKey {
    /// Reads a private key: PKCS#8 in PEM, not encrypted.
    ///
    /// # Errors
    /// `signing-key-unusable`.
    pub fn read(path: &str) -> Result<Self, Box<Diagnostic>> {
        let unusable = |why: String| unusable(path, why);
        let text = read(path).map_err(unusable)?;
        if text.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----") {
            return Err(unusable(String::from(
                "the key is encrypted; decrypt it into a file that only the job can read",
            )));
        }
        let der = pem(&text, "PRIVATE KEY").map_err(unusable)?;
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der);
        pair.map(Self).map_err(|_| unusable(String::from("it is no private key of Ed25519")))
    }

    /// The signature of a message.
    ///
    /// # Errors
    /// When the library refuses.
    pub fn sign(&self, message: &[u8]) -> std::io::Result<Signature> {
        let signature = self.0.try_sign(message).map_err(|_| std::io::Error::other("the signature failed"))?;
        Ok(Signature { key: hex(self.0.public_key().as_ref()), signature: hex(signature.as_ref()) })
    }
}

/// A key whose signatures are trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedKey(Text);

impl TrustedKey {
    /// Reads a public key: SubjectPublicKeyInfo in PEM.
    ///
    /// # Errors
    /// `signing-key-unusable`.
    pub fn read(path: &str) -> Result<Self, Box<Diagnostic>> {
        let unusable = |why: String| unusable(path, why);
        let text = read(path).map_err(unusable)?;
        let der = pem(&text, "PUBLIC KEY").map_err(unusable)?;
        let key = der.strip_prefix(&PUBLIC_HEAD).filter(|key| key.len() == 32);
        let key = key.ok_or_else(|| unusable(String::from("it is no public key of Ed25519")))?;
        Ok(Self(hex(key)))
    }
}

/// One of these keys has to have signed.
pub type AnyOf = Vec<TrustedKey>;

/// Whether a plan has the signatures that are required, each of them right.
///
/// # Errors
/// `plan-unsigned`, `plan-signature-wrong`.
pub fn check(saved: &SavedPlan, required: &[AnyOf]) -> Result<(), Box<Diagnostic>> {
    let message = saved.message();
    for signature in &saved.signatures {
        if !is_right(signature, &message) {
            let problem = diag::PLAN_SIGNATURE_WRONG.at(Place::Run);
            let problem = problem.detail("it is not the signature of this plan by the key that it names");
            return Err(Box::new(problem.with("key", &signature.key)));
        }
    }
    let is_by = |any: &AnyOf| saved.signatures.iter().any(|signature| any.iter().any(|key| key.0 == signature.key));
    if required.iter().all(is_by) {
        return Ok(());
    }
    let shown = |keys: &mut dyn Iterator<Item = &Text>| keys.map(|key| &**key).collect::<Vec<_>>().join(", ");
    let missing = required.iter().find(|any| !is_by(any)).into_iter().flatten();
    let wanted = shown(&mut missing.map(|key| &key.0));
    if saved.signatures.is_empty() {
        return Err(Box::new(diag::PLAN_UNSIGNED.at(Place::Run).with("one of these keys has to sign it", wanted)));
    }
    let found = shown(&mut saved.signatures.iter().map(|signature| &signature.key));
    let problem = diag::PLAN_SIGNATURE_WRONG.at(Place::Run).detail("it is signed by another key");
    Err(Box::new(problem.with("signed by", found).with("one of these keys has to sign it", wanted)))
}

fn is_right(signature: &Signature, message: &[u8]) -> bool {
    let (Some(key), Some(bytes)) = (unhex(&signature.key), unhex(&signature.signature)) else { return false };
    UnparsedPublicKey::new(&ED25519, key).verify(message, &bytes).is_ok()
}

fn unusable(path: &str, why: String) -> Box<Diagnostic> {
    Box::new(diag::SIGNING_KEY_UNUSABLE.at(Place::File(path.to_owned())).detail(why))
}

fn read(path: &str) -> Result<Zeroizing<String>, String> {
    let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
    let mut text = Zeroizing::new(String::new());
    file.take(LONGEST_FILE).read_to_string(&mut text).map_err(|error| error.to_string())?;
    Ok(text)
}

/// The bytes of the only block of PEM of that kind.
fn pem(text: &str, kind: &str) -> Result<Zeroizing<Vec<u8>>, String> {
    let missing = || format!("there is no block `BEGIN {kind}` in it");
    let (_, rest) = text.split_once(&format!("-----BEGIN {kind}-----")).ok_or_else(missing)?;
    let (body, rest) = rest.split_once(&format!("-----END {kind}-----")).ok_or_else(missing)?;
    if rest.contains("-----BEGIN ") {
        return Err(String::from("there is more than one block in it"));
    }
    let body: Zeroizing<String> = Zeroizing::new(body.split_ascii_whitespace().collect());
    STANDARD.decode(body.as_bytes()).map(Zeroizing::new).map_err(|_| String::from("its block is no base64"))
}

fn hex(bytes: &[u8]) -> Text {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text.into()
}

/// The bytes of lower-case hexadecimal, which is the only spelling.
fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let bytes = pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?));
    bytes.collect::<Option<Vec<_>>>().filter(|_| rest.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use terrane_plan::Plan;

    /// # Source
    /// RFC 8410, section 10.3 and 10.1: a private key and its public key.
    const PRIVATE: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n-----END PRIVATE KEY-----\n";
    const PUBLIC: &str = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n";
    /// Made by `openssl genpkey -algorithm ed25519 | openssl pkey -pubout`.
    const OTHER: &str = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----\n";

    fn file(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        file
    }

    fn trusted(text: &str) -> AnyOf {
        vec![TrustedKey::read(file(text).path().to_str().unwrap()).unwrap()]
    }

    fn signed() -> SavedPlan {
        let mut saved = SavedPlan { plan: Plan::default(), sha256: "ab".into(), signatures: Vec::new() };
        let key = SigningKey::read(file(PRIVATE).path().to_str().unwrap()).unwrap();
        saved.signatures.push(key.sign(&saved.message()).unwrap());
        saved
    }

    fn id(result: Result<(), Box<Diagnostic>>) -> &'static str {
        result.map_or_else(|problem| problem.kind.id, |()| "")
    }

    // A4
    #[test]
    fn a_signature_counts_for_its_key_and_its_plan_only() {
        let saved = signed();
        assert_eq!(id(check(&saved, &[trusted(PUBLIC)])), "");
        assert_eq!(id(check(&saved, &[])), "");
        assert_eq!(id(check(&saved, &[trusted(OTHER)])), "plan-signature-wrong");
        assert_eq!(id(check(&saved, &[[trusted(OTHER), trusted(PUBLIC)].concat()])), "");
        assert_eq!(id(check(&saved, &[trusted(PUBLIC), trusted(OTHER)])), "plan-signature-wrong");
        let other_plan = SavedPlan { sha256: "ac".into(), ..saved.clone() };
        assert_eq!(id(check(&other_plan, &[trusted(PUBLIC)])), "plan-signature-wrong");
        let unsigned = SavedPlan { signatures: Vec::new(), ..saved };
        assert_eq!(id(check(&unsigned, &[trusted(PUBLIC)])), "plan-unsigned");
    }

    #[test]
    fn every_bit_of_a_signature_counts() {
        let saved = signed();
        for part in 0..2 {
            let text = |signature: &mut Signature| {
                if part == 0 { &mut signature.key } else { &mut signature.signature }.to_string()
            };
            for at in 0..text(&mut saved.signatures[0].clone()).len() {
                for bit in 0..7 {
                    let mut flipped = saved.clone();
                    let mut bytes = text(&mut flipped.signatures[0]).into_bytes();
                    bytes[at] ^= 1 << bit;
                    let changed = String::from_utf8(bytes).unwrap().into();
                    let signature = &mut flipped.signatures[0];
                    *(if part == 0 { &mut signature.key } else { &mut signature.signature }) = changed;
                    assert_eq!(id(check(&flipped, &[])), "plan-signature-wrong", "{part} {at} {bit}");
                }
            }
        }
    }

    #[test]
    fn other_files_are_no_keys() {
        let encrypted = PRIVATE.replace("PRIVATE", "ENCRYPTED PRIVATE");
        let twice = PRIVATE.repeat(2);
        for text in [PUBLIC, "", &encrypted, &twice, &PRIVATE.replace("MC4C", "MC4D"), &PRIVATE.replace("INTu", "IN*u")]
        {
            let problem = SigningKey::read(file(text).path().to_str().unwrap()).unwrap_err();
            assert_eq!(problem.kind.id, "signing-key-unusable");
            assert!(!problem.message().contains("INTu"), "{}", problem.message());
        }
        assert!(TrustedKey::read(file(PRIVATE).path().to_str().unwrap()).is_err());
        assert!(TrustedKey::read("/nowhere").is_err());
        assert_eq!(format!("{:?}", SigningKey::read(file(PRIVATE).path().to_str().unwrap()).unwrap()), "(secret)");
    }
}
