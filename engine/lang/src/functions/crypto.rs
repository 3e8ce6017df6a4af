//! Functions with keys and salts.

use super::ParameterType::{Number as N, String as S};
use super::{Function, FunctionError, Nature, Outcome, of, p, refused, string, text, whole, wrong};
use aws_lc_rs::rsa::{Pkcs1PrivateDecryptingKey, PrivateDecryptingKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use terrane_core::Value;

/// Rounds of `bcrypt`, as a power of 2, where none are given.
const ROUNDS: u32 = 10;
/// Longest password of `bcrypt`, in bytes.
const LONGEST_PASSWORD: usize = 72;

/// The functions.
pub static TABLE: &[Function] = &[
    Function::new(
        "bcrypt",
        "A salted hash of a text, known after apply.",
        &[p("text", S), p("cost", N)],
        string,
        |a, cx| bcrypt(a, cx.sources.random()),
    )
    .optional(1)
    .nature(Nature::AtApply),
    Function::new(
        "rsadecrypt",
        "The text that was encrypted for an RSA key (PKCS #1 v1.5), from Base64.",
        &[p("ciphertext", S), p("privatekey", S)],
        string,
        |a, _| {
            let Ok(ciphertext) = STANDARD.decode(text(a, 0)) else { return wrong(0, "it is no Base64") };
            let key = private_key(text(a, 1))?;
            let mut plain = vec![0; key.min_output_size()];
            match key.decrypt(&ciphertext, &mut plain).map(|plain| std::str::from_utf8(plain)) {
                Ok(Ok(plain)) => of(plain),
                Ok(Err(_)) => wrong(0, "it means bytes that are no text"),
                Err(_) => wrong(0, "the key does not decrypt it"),
            }
        },
    ),
];

fn bcrypt(arguments: &[Value], salt: Option<[u8; 16]>) -> Outcome {
    let rounds = if arguments.len() > 1 { whole(arguments, 1)? } else { i64::from(ROUNDS) };
    let Some(rounds) = u32::try_from(rounds).ok().filter(|rounds| (4..=31).contains(rounds)) else {
        return wrong(1, "it is from 4 to 31");
    };
    if text(arguments, 0).len() > LONGEST_PASSWORD {
        return wrong(0, format!("it has at most {LONGEST_PASSWORD} bytes"));
    }
    let Some(salt) = salt else { return refused("there is no source of randomness here") };
    match bcrypt::hash_with_salt(text(arguments, 0), rounds, salt) {
        Ok(hash) => of(hash.format_for_version(bcrypt::Version::TwoA)),
        Err(_) => wrong(0, "it has no hash"),
    }
}

/// A key in PEM, alone (`RSA PRIVATE KEY`) or in its envelope (`PRIVATE KEY`). Never shown: it is a secret.
fn private_key(pem: &str) -> Result<Pkcs1PrivateDecryptingKey, FunctionError> {
    let body = |label: &str| {
        let (_, rest) = pem.split_once(&format!("-----BEGIN {label}-----"))?;
        let (body, _) = rest.split_once(&format!("-----END {label}-----"))?;
        STANDARD.decode(body.split_ascii_whitespace().collect::<String>()).ok()
    };
    let der = body("PRIVATE KEY").or_else(|| body("RSA PRIVATE KEY").map(|key| enveloped(&key)));
    let key = der.and_then(|der| PrivateDecryptingKey::from_pkcs8(&der).ok());
    match key.and_then(|key| Pkcs1PrivateDecryptingKey::new(key).ok()) {
        Some(key) => Ok(key),
        None => wrong(1, "it is no RSA key of 2,048 to 8,192 bits in PEM without a password"),
    }
}

/// # Source
/// RFC 5208, section 5, with the algorithm of RFC 8017, appendix A.1, in DER.
fn enveloped(key: &[u8]) -> Vec<u8> {
    const VERSION_AND_ALGORITHM: [u8; 18] =
        [2, 1, 0, 0x30, 0x0d, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 5, 0];
    let inner = [&VERSION_AND_ALGORITHM[..], &tagged(4, key)].concat();
    tagged(0x30, &inner)
}

fn tagged(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let significant: Vec<u8> = length.iter().copied().skip_while(|byte| *byte == 0).collect();
    let mut out = vec![tag];
    match (significant.as_slice(), u8::try_from(significant.len())) {
        ([], _) => out.push(0),
        ([short @ 0..=0x7f], _) => out.push(*short),
        (long, Ok(count)) => {
            out.push(0x80 | count);
            out.extend(long);
        }
        (_, Err(_)) => {}
    }
    out.extend(content);
    out
}
