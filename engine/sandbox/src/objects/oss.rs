//! Alibaba Cloud OSS: one bucket, addressed by host.
//!
//! # Source
//! Alibaba Cloud OSS API reference (2026): "Include signatures in the Authorization header" (version 1), "PutObject",
//! "GetObject", "ListObjectsV2", "DeleteObject", and its pages of error codes.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Answer, Asked, State, content, iso};

/// How far a request's date may be off, in seconds.
const SKEW: f64 = 900.0;

/// Query parameters that belong to what is signed, as far as they can come here.
const SUBRESOURCES: &[&str] = &["continuation-token"];

pub(super) fn answer(state: &mut State, asked: &Asked) -> Answer {
    if let Some(refusal) = refuse(state, asked) {
        return refusal;
    }
    let name = asked.path.trim_start_matches('/').to_owned();
    match asked.method.as_str() {
        "GET" if name.is_empty() => list(state, asked),
        "GET" => match state.objects.get(&name) {
            Some(kept) => content(kept),
            None => Answer::error(404, "NoSuchKey", "The specified key does not exist."),
        },
        "PUT" => {
            // Any other value is an error of its own there; nobody sends one.
            let if_absent = asked.header("x-oss-forbid-overwrite") == "true";
            if state.put(&name, asked.body.clone(), if_absent) {
                Answer::empty(200)
            } else {
                Answer::error(
                    409,
                    "FileAlreadyExists",
                    "The object you specified already exists and can not be overwritten.",
                )
            }
        }
        "DELETE" => {
            state.objects.remove(&name);
            Answer::empty(204)
        }
        _ => Answer::error(405, "MethodNotAllowed", "The specified method is not allowed against this resource."),
    }
}

/// Why a request is not looked at.
fn refuse(state: &State, asked: &Asked) -> Option<Answer> {
    let host = asked.header("host");
    let bucket = host.split('.').next().unwrap_or_default();
    let Some((id, signature)) =
        asked.header("authorization").strip_prefix("OSS ").and_then(|rest| rest.split_once(':'))
    else {
        return Some(Answer::error(403, "AccessDenied", "Anonymous access is forbidden for this operation."));
    };
    if id != state.seed.key_id {
        let message = "The OSS Access Key Id you provided does not exist in our records.";
        return Some(Answer::error(403, "InvalidAccessKeyId", message));
    }
    let date = jiff::fmt::rfc2822::parse(&asked.header("date").replace("GMT", "+0000"));
    let is_near =
        date.is_ok_and(|date| (date.timestamp().as_duration().as_secs_f64() - state.now_seconds()).abs() <= SKEW);
    if !is_near {
        let message = "The difference between the request time and the current time is too large.";
        return Some(Answer::error(403, "RequestTimeTooSkewed", message));
    }
    if STANDARD.encode(sign(&state.seed.secret, &to_sign(asked, bucket))) != signature {
        let message = "The request signature we calculated does not match the signature you provided.";
        return Some(Answer::error(403, "SignatureDoesNotMatch", message));
    }
    (bucket != state.seed.bucket).then(|| Answer::error(404, "NoSuchBucket", "The specified bucket does not exist."))
}

fn to_sign(asked: &Asked, bucket: &str) -> String {
    let mut vendor: Vec<_> = asked.headers.iter().filter(|(name, _)| name.starts_with("x-oss-")).collect();
    vendor.sort();
    let vendor: String = vendor.iter().map(|(name, value)| format!("{name}:{}\n", value.trim())).collect();
    let mut parts: Vec<_> = asked.query.iter().filter(|(name, _)| SUBRESOURCES.contains(&name.as_str())).collect();
    parts.sort();
    let parts: Vec<String> = parts.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let parts = if parts.is_empty() { String::new() } else { format!("?{}", parts.join("&")) };
    format!(
        "{}\n{}\n{}\n{}\n{vendor}/{bucket}{}{parts}",
        asked.method,
        asked.header("content-md5"),
        asked.header("content-type"),
        asked.header("date"),
        asked.path
    )
}

pub(super) fn sign(secret: &str, text: &str) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.as_bytes());
    hmac::sign(&key, text.as_bytes()).as_ref().to_vec()
}

fn list(state: &State, asked: &Asked) -> Answer {
    if asked.query("list-type") != Some("2") {
        return Answer::error(400, "InvalidArgument", "This place knows version 2 of listings only.");
    }
    let after = asked.query("continuation-token").or(asked.query("start-after")).unwrap_or_default();
    let (found, has_more) = state.page(asked.query("prefix").unwrap_or_default(), after);
    let rows: String = found
        .iter()
        .map(|(name, kept)| {
            let (time, size) = (iso(kept.modified_ms), kept.bytes.len());
            format!("<Contents><Key>{name}</Key><LastModified>{time}</LastModified><ETag>\"0\"</ETag><Size>{size}</Size></Contents>")
        })
        .collect();
    let next = found.last().filter(|_| has_more).map(|(name, _)| name.as_str());
    let next = next.map(|name| format!("<NextContinuationToken>{name}</NextContinuationToken>")).unwrap_or_default();
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult><Name>{}</Name><IsTruncated>{has_more}\
         </IsTruncated><KeyCount>{}</KeyCount>{rows}{next}</ListBucketResult>",
        state.seed.bucket,
        found.len()
    );
    Answer::text(200, "application/xml", body)
}
