//! Tencent Cloud COS: one bucket, addressed by host.
//!
//! # Source
//! Tencent Cloud COS API reference: "Request Signature" (2025), "PUT Object" (2024-09-26), "GET Object", "GET Bucket (List
//! Objects)", "DELETE Object", "Error Codes".

use std::collections::BTreeMap;

use aws_lc_rs::digest;

use super::oss::sign;
use super::{Answer, Asked, State, content, hex, iso};

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
            let if_absent = asked.header("x-cos-forbid-overwrite") == "true";
            if state.put(&name, asked.body.clone(), if_absent) {
                Answer::empty(200)
            } else {
                Answer::error(409, "FileAlreadyExists", "The object already exists.")
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
    let given: BTreeMap<&str, &str> =
        asked.header("authorization").split('&').filter_map(|pair| pair.split_once('=')).collect();
    let given = |name: &str| given.get(name).copied().unwrap_or_default();
    if given("q-sign-algorithm") != "sha1" {
        return Some(Answer::error(403, "AccessDenied", "Access Denied."));
    }
    if given("q-ak") != state.seed.key_id {
        return Some(Answer::error(403, "InvalidAccessKeyId", "The Access Key Id you provided does not exist."));
    }
    let times = given("q-sign-time").split_once(';');
    let times = times.and_then(|(from, to)| Some((from.parse::<f64>().ok()?, to.parse::<f64>().ok()?)));
    if !times.is_some_and(|(from, to)| from <= state.now_seconds() + 1.0 && state.now_seconds() < to) {
        return Some(Answer::error(403, "RequestTimeTooSkewed", "The time of the signature does not fit."));
    }
    let key = hex(&sign(&state.seed.secret, given("q-key-time")));
    let text = to_sign(asked, given("q-header-list"), given("q-url-param-list"), given("q-sign-time"));
    if hex(&sign(&key, &text)) != given("q-signature") {
        return Some(Answer::error(403, "SignatureDoesNotMatch", "The Signature you specified is invalid."));
    }
    let bucket = asked.header("host").split('.').next().unwrap_or_default();
    (bucket != state.seed.bucket).then(|| Answer::error(404, "NoSuchBucket", "The specified bucket does not exist."))
}

fn to_sign(asked: &Asked, headers: &str, parameters: &str, times: &str) -> String {
    let listed = |names: &str, find: &dyn Fn(&str) -> String| {
        let names = names.split(';').filter(|name| !name.is_empty());
        names.map(|name| format!("{name}={}", encoded(&find(name)))).collect::<Vec<_>>().join("&")
    };
    let parameters = listed(parameters, &|name| asked.query(name).unwrap_or_default().to_owned());
    let headers = listed(headers, &|name| asked.header(name).to_owned());
    let text = format!("{}\n{}\n{parameters}\n{headers}\n", asked.method.to_lowercase(), asked.path);
    let hash = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes());
    format!("sha1\n{times}\n{}\n", hex(hash.as_ref()))
}

/// Everything but letters, digits and `-_.~` as a percent sign and two digits.
fn encoded(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    let encode = |byte: u8| if is_plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(encode).collect()
}

fn list(state: &State, asked: &Asked) -> Answer {
    let (found, has_more) =
        state.page(asked.query("prefix").unwrap_or_default(), asked.query("marker").unwrap_or_default());
    let rows: String = found
        .iter()
        .map(|(name, kept)| {
            let (time, size) = (iso(kept.modified_ms), kept.bytes.len());
            format!("<Contents><Key>{name}</Key><LastModified>{time}</LastModified><ETag>\"0\"</ETag><Size>{size}</Size></Contents>")
        })
        .collect();
    let next = found.last().filter(|_| has_more).map(|(name, _)| name.as_str());
    let next = next.map(|name| format!("<NextMarker>{name}</NextMarker>")).unwrap_or_default();
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult><Name>{}</Name><IsTruncated>{has_more}\
         </IsTruncated>{rows}{next}</ListBucketResult>",
        state.seed.bucket
    );
    Answer::text(200, "application/xml", body)
}
