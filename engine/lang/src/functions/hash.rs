//! Digests, and names made of them.

use super::ParameterType::String as S;
use super::{Function, Nature, Outcome, of, p, refused, string, text, wrong};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};

/// The functions.
pub static TABLE: &[Function] = &[
    Function::new("base64sha256", "SHA-256 of a text, in Base64.", &[p("text", S)], string, |a, _| {
        of(base64_digest::<Sha256>(text(a, 0).as_bytes()))
    }),
    Function::new("base64sha512", "SHA-512 of a text, in Base64.", &[p("text", S)], string, |a, _| {
        of(base64_digest::<Sha512>(text(a, 0).as_bytes()))
    }),
    Function::new("md5", "MD5 of a text, hexadecimal.", &[p("text", S)], string, |a, _| {
        of(hex_digest::<Md5>(text(a, 0).as_bytes()))
    }),
    Function::new("sha1", "SHA-1 of a text, hexadecimal.", &[p("text", S)], string, |a, _| {
        of(hex_digest::<Sha1>(text(a, 0).as_bytes()))
    }),
    Function::new("sha256", "SHA-256 of a text, hexadecimal.", &[p("text", S)], string, |a, _| {
        of(hex_digest::<Sha256>(text(a, 0).as_bytes()))
    }),
    Function::new("sha512", "SHA-512 of a text, hexadecimal.", &[p("text", S)], string, |a, _| {
        of(hex_digest::<Sha512>(text(a, 0).as_bytes()))
    }),
    // This crate has no source of randomness: whoever carries out a plan gives the bytes.
    Function::new("uuid", "A random UUID, known after apply.", &[], string, |_, cx| match cx.sources.random() {
        Some(bytes) => uuid(u128::from_be_bytes(bytes), 4),
        None => refused("there is no source of randomness here"),
    })
    .nature(Nature::AtApply),
    Function::new(
        "uuidv5",
        "The UUID of a name in a namespace: `dns`, `url`, `oid`, `x500` or a UUID.",
        &[p("namespace", S), p("name", S)],
        string,
        |a, _| uuid_v5(text(a, 0), text(a, 1)),
    ),
];

/// The digest of bytes as hexadecimal text.
pub fn hex_digest<D: Digest>(bytes: &[u8]) -> String {
    hex(&D::digest(bytes))
}

/// The digest of bytes in Base64.
pub fn base64_digest<D: Digest>(bytes: &[u8]) -> String {
    STANDARD.encode(D::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// # Source
/// RFC 9562 (2024), sections 5.5 and 6.6.
fn uuid_v5(namespace: &str, name: &str) -> Outcome {
    let namespace = match namespace {
        "dns" => "6ba7b810-9dad-11d1-80b4-00c04fd430c8",
        "url" => "6ba7b811-9dad-11d1-80b4-00c04fd430c8",
        "oid" => "6ba7b812-9dad-11d1-80b4-00c04fd430c8",
        "x500" => "6ba7b814-9dad-11d1-80b4-00c04fd430c8",
        other => other,
    };
    let Some(mut bytes) = uuid_bytes(namespace) else {
        return wrong(0, "it has to be dns, url, oid, x500 or a UUID");
    };
    bytes.extend_from_slice(name.as_bytes());
    let digest = u128::from_be_bytes(Sha1::digest(&bytes).first_chunk().copied().unwrap_or_default());
    uuid(digest, 5)
}

/// The version in the upper half of the seventh byte, variant 10 in the upper bits of the ninth.
fn uuid(bits: u128, version: u128) -> Outcome {
    let uuid = bits & !(0xf << 76) | (version << 76);
    let uuid = uuid & !(0b11 << 62) | (0b10 << 62);
    let digits = format!("{uuid:032x}");
    let parts = [0..8, 8..12, 12..16, 16..20, 20..32].map(|part| digits.get(part).unwrap_or_default().to_owned());
    of(parts.join("-"))
}

/// With hyphens, without, in braces, or after `urn:uuid:`.
fn uuid_bytes(text: &str) -> Option<Vec<u8>> {
    let text = text.strip_prefix("urn:uuid:").unwrap_or(text);
    let text = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or(text);
    let digits = text.replace('-', "");
    let has_hyphens = text.len() == 36 && [8, 13, 18, 23].iter().all(|at| text.as_bytes().get(*at) == Some(&b'-'));
    if digits.len() != 32 || !(text.len() == 32 || has_hyphens) || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    (0..32).step_by(2).map(|at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok()).collect()
}
