//! KMS: keys that encrypt and decrypt, bound to an encryption context.
//!
//! Each region of each account has two keys from the start, `alias/terrane` and `alias/other`; drift on an object of the
//! type `key` changes them (`/KeyState` to `Disabled`, `PendingDeletion`). It leaves out making keys, grants, policies
//! of keys and asymmetric keys.
//!
//! # Source
//! AWS Key Management Service API Reference (2014-11-01): Encrypt, Decrypt, GenerateDataKey, DescribeKey, each with its
//! errors; Smithy 1.0, "AWS JSON 1.1 protocol".

use std::collections::BTreeMap;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::{digest, rand};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::Cx;
use super::call::{Input, Parsed};
use super::error::AwsError;
use crate::json::text;
use crate::server::Incoming;
use crate::world::uuid_of;

/// How operations are named in the header of a request.
const TARGET: &str = "TrentService.";
/// More is refused by Encrypt and Decrypt.
const LARGEST_PLAINTEXT: usize = 4_096;
const LARGEST_CIPHERTEXT: usize = 6_144;

/// Operations with the members they know.
const OPERATIONS: &[(&str, &[&str])] = &[
    ("Encrypt", &["KeyId", "Plaintext", "EncryptionContext", "GrantTokens", "EncryptionAlgorithm", "DryRun"]),
    (
        "Decrypt",
        &["CiphertextBlob", "EncryptionContext", "GrantTokens", "KeyId", "EncryptionAlgorithm", "Recipient", "DryRun"],
    ),
    (
        "GenerateDataKey",
        &["KeyId", "EncryptionContext", "NumberOfBytes", "KeySpec", "GrantTokens", "Recipient", "DryRun"],
    ),
    ("DescribeKey", &["KeyId", "GrantTokens"]),
];

/// The keys of a region, by id.
pub(crate) fn seed(account: &str, region: &str) -> BTreeMap<String, Value> {
    let key = |alias: &str| {
        let id = uuid_of(&format!("key/{account}/{region}/{alias}"));
        let doc = json!({"KeyId": id, "Arn": format!("arn:aws:kms:{region}:{account}:key/{id}"), "Alias": alias,
            "KeyState": "Enabled"});
        (id, doc)
    };
    [key("alias/terrane"), key("alias/other")].into()
}

/// Reads a request.
pub(crate) fn parse(request: &Incoming) -> Parsed {
    let target = request.header("x-amz-target").unwrap_or_default();
    let operation = target.strip_prefix(TARGET).unwrap_or(target).to_owned();
    let body: Value = serde_json::from_slice(&request.body).unwrap_or(Value::Null);
    let row = OPERATIONS.iter().find(|(name, _)| *name == operation && target.starts_with(TARGET));
    let refusal = match (row, body.as_object()) {
        (None, _) => Some(AwsError::new(400, "UnknownOperationException", "")),
        (_, None) => Some(AwsError::new(400, "SerializationException", "the body is no object")),
        (Some((_, members)), Some(object)) => object
            .keys()
            .find(|name| !members.contains(&name.as_str()))
            .map(|name| AwsError::new(400, "ValidationException", format!("{name} is no member of {operation}"))),
    };
    let name = text(&body, "/KeyId").to_owned();
    let input = Input::Rest { path: Vec::new(), query: Vec::new(), body };
    Parsed { operation, name, is_mutating: false, input, refusal }
}

/// Carries a request out.
pub(crate) fn execute(cx: &mut Cx<'_>) -> Result<Value, AwsError> {
    let Input::Rest { body, .. } = &cx.call.input else {
        return Err(AwsError::new(400, "SerializationException", "not a JSON request"));
    };
    let keys = cx.world.region(&cx.call.caller.account, &cx.call.region).keys.clone();
    match cx.call.operation.as_str() {
        "Encrypt" => {
            let key = usable(&keys, text(body, "/KeyId"))?;
            let plaintext = blob(body, "/Plaintext", LARGEST_PLAINTEXT)?;
            Ok(json!({"CiphertextBlob": STANDARD.encode(sealed(key, body, &plaintext)?), "KeyId": text(key, "/Arn"),
                "EncryptionAlgorithm": "SYMMETRIC_DEFAULT"}))
        }
        "GenerateDataKey" => {
            let key = usable(&keys, text(body, "/KeyId"))?;
            if text(body, "/KeySpec") != "AES_256" {
                return Err(AwsError::new(400, "ValidationException", "this emulator knows the KeySpec AES_256"));
            }
            let mut plaintext = [0; 32];
            rand::fill(&mut plaintext).map_err(|_| internal())?;
            Ok(json!({"CiphertextBlob": STANDARD.encode(sealed(key, body, &plaintext)?),
                "Plaintext": STANDARD.encode(plaintext), "KeyId": text(key, "/Arn")}))
        }
        "Decrypt" => decrypt(&keys, body),
        _ => {
            let key = found(&keys, text(body, "/KeyId"))?;
            let state = text(key, "/KeyState");
            Ok(json!({"KeyMetadata": {"KeyId": text(key, "/KeyId"), "Arn": text(key, "/Arn"), "KeyState": state,
                "Enabled": state == "Enabled", "KeyUsage": "ENCRYPT_DECRYPT", "KeySpec": "SYMMETRIC_DEFAULT"}}))
        }
    }
}

fn decrypt(keys: &BTreeMap<String, Value>, body: &Value) -> Result<Value, AwsError> {
    let invalid = || AwsError::new(400, "InvalidCiphertextException", "");
    let bytes = blob(body, "/CiphertextBlob", LARGEST_CIPHERTEXT)?;
    // Which key it was is part of the ciphertext, as it is at AWS.
    let (id, rest) = bytes.split_at_checked(36).ok_or_else(invalid)?;
    let made_with = std::str::from_utf8(id).ok().and_then(|id| keys.get(id)).ok_or_else(invalid)?;
    let wanted = text(body, "/KeyId");
    if !wanted.is_empty() && found(keys, wanted)? != made_with {
        let message = "The key ID in the request does not identify a CMK that can perform this operation.";
        return Err(AwsError::new(400, "IncorrectKeyException", message));
    }
    let key = usable(keys, text(made_with, "/KeyId"))?;
    let (nonce, sealed) = rest.split_at_checked(12).ok_or_else(invalid)?;
    let mut sealed = sealed.to_vec();
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| invalid())?;
    let opened = cipher(key)?.open_in_place(nonce, Aad::from(context(body)), &mut sealed).map_err(|_| invalid())?;
    Ok(json!({"Plaintext": STANDARD.encode(opened), "KeyId": text(key, "/Arn"),
        "EncryptionAlgorithm": "SYMMETRIC_DEFAULT"}))
}

fn internal() -> AwsError {
    AwsError::new(500, "KMSInternalException", "")
}

fn blob(body: &Value, pointer: &str, most: usize) -> Result<Vec<u8>, AwsError> {
    let bytes = STANDARD.decode(text(body, pointer)).unwrap_or_default();
    if bytes.is_empty() || bytes.len() > most {
        let member = pointer.trim_start_matches('/');
        let message = format!("Value at '{member}' failed to satisfy constraint: length between 1 and {most}");
        return Err(AwsError::new(400, "ValidationException", message));
    }
    Ok(bytes)
}

/// A key by id, ARN, alias or ARN of an alias.
fn found<'k>(keys: &'k BTreeMap<String, Value>, name: &str) -> Result<&'k Value, AwsError> {
    let is_it = |key: &&Value| {
        let arn = text(key, "/Arn");
        let alias_arn = arn.split_once(":key/").map(|(front, _)| format!("{front}:{}", text(key, "/Alias")));
        name == arn || name == text(key, "/KeyId") || name == text(key, "/Alias") || Some(name) == alias_arn.as_deref()
    };
    let missing = || AwsError::new(400, "NotFoundException", format!("Key '{name}' does not exist"));
    keys.values().find(is_it).ok_or_else(missing)
}

/// A key that may be used.
fn usable<'k>(keys: &'k BTreeMap<String, Value>, name: &str) -> Result<&'k Value, AwsError> {
    let key = found(keys, name)?;
    let arn = text(key, "/Arn");
    match text(key, "/KeyState") {
        "Enabled" => Ok(key),
        "Disabled" => Err(AwsError::new(400, "DisabledException", format!("{arn} is disabled."))),
        state => Err(AwsError::new(400, "KMSInvalidStateException", format!("{arn} is {state}."))),
    }
}

fn cipher(key: &Value) -> Result<LessSafeKey, AwsError> {
    let material = digest::digest(&digest::SHA256, text(key, "/Arn").as_bytes());
    let unbound = UnboundKey::new(&AES_256_GCM, material.as_ref()).map_err(|_| internal())?;
    Ok(LessSafeKey::new(unbound))
}

/// The encryption context in one order, whatever the request's is.
fn context(body: &Value) -> Vec<u8> {
    let none = Map::new();
    let pairs = body.pointer("/EncryptionContext").and_then(Value::as_object).unwrap_or(&none);
    let sorted: BTreeMap<&String, &Value> = pairs.iter().collect();
    serde_json::to_vec(&sorted).unwrap_or_default()
}

fn sealed(key: &Value, body: &Value, plaintext: &[u8]) -> Result<Vec<u8>, AwsError> {
    let mut nonce = [0; 12];
    rand::fill(&mut nonce).map_err(|_| internal())?;
    let mut bytes = plaintext.to_vec();
    let unique = Nonce::assume_unique_for_key(nonce);
    cipher(key)?.seal_in_place_append_tag(unique, Aad::from(context(body)), &mut bytes).map_err(|_| internal())?;
    Ok([text(key, "/KeyId").as_bytes(), &nonce, &bytes].concat())
}
