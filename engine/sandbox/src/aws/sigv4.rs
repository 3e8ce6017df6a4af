//! Signature Version 4, verified for real.
//!
//! In: a request as it came off the wire. Out: who claims to have signed it, and whether the signature is right. It
//! leaves out S3's rules: every service here encodes its path twice.
//!
//! # Source
//! AWS Identity and Access Management User Guide, "Create a signed AWS API request" and "Elements of an AWS API
//! request signature".

use std::fmt::Write as _;

use aws_lc_rs::{digest, hmac};

use crate::aws::query::percent_decode;
use crate::server::Incoming;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// Seconds that the date of a request may differ from the real time.
const SKEW: f64 = 300.0;

/// Why a request is not accepted as signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SignatureProblem {
    /// Neither a header nor query parameters sign it.
    Missing,
    /// A part of the signature is absent or malformed.
    Incomplete(String),
    /// Its date is too far from now.
    Expired(String),
    /// The signature is another one than the secret gives.
    Mismatch(String),
}

/// What a request says about its signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(crate) access_key_id: String,
    pub(crate) date: String,
    pub(crate) region: String,
    pub(crate) service: String,
    pub(crate) signed_headers: Vec<String>,
    pub(crate) signature: String,
    pub(crate) timestamp: String,
    pub(crate) token: Option<String>,
    /// Seconds of validity of a presigned URL.
    pub(crate) expires: Option<u32>,
}

/// Reads the claim from the `Authorization` header or, for a presigned URL, from the query.
pub(crate) fn claim(request: &Incoming) -> Result<Claim, SignatureProblem> {
    match request.header("authorization") {
        Some(header) => claim_of_header(request, header),
        None if request.query.contains("X-Amz-Signature=") => claim_of_query(request),
        None => Err(SignatureProblem::Missing),
    }
}

fn claim_of_header(request: &Incoming, header: &str) -> Result<Claim, SignatureProblem> {
    let incomplete =
        |what: &str| SignatureProblem::Incomplete(format!("Authorization header requires '{what}' parameter."));
    let rest = header.strip_prefix(ALGORITHM).ok_or_else(|| incomplete(ALGORITHM))?;
    let part = |name: &str| {
        let mut parts = rest.split(',').filter_map(|part| part.trim().split_once('='));
        parts.find(|(found, _)| *found == name).map(|(_, value)| value.to_owned())
    };
    let credential = part("Credential").ok_or_else(|| incomplete("Credential"))?;
    let signed = part("SignedHeaders").ok_or_else(|| incomplete("SignedHeaders"))?;
    let signature = part("Signature").ok_or_else(|| incomplete("Signature"))?;
    let timestamp = request.header("x-amz-date").ok_or_else(|| incomplete("X-Amz-Date"))?.to_owned();
    let token = request.header("x-amz-security-token").map(str::to_owned);
    let mut claim = scope(&credential)?;
    claim.signed_headers = signed.split(';').map(str::to_owned).collect();
    claim.signature = signature;
    claim.timestamp = timestamp;
    claim.token = token;
    Ok(claim)
}

fn claim_of_query(request: &Incoming) -> Result<Claim, SignatureProblem> {
    let value = |name: &str| {
        let pairs = request.query.split('&').filter_map(|pair| pair.split_once('='));
        let mut values = pairs.filter(|(found, _)| *found == name);
        values.next().map(|(_, value)| percent_decode(value, false))
    };
    let need =
        |name: &str| value(name).ok_or_else(|| SignatureProblem::Incomplete(format!("The query requires '{name}'.")));
    let mut claim = scope(&need("X-Amz-Credential")?)?;
    claim.signed_headers = need("X-Amz-SignedHeaders")?.split(';').map(str::to_owned).collect();
    claim.signature = need("X-Amz-Signature")?;
    claim.timestamp = need("X-Amz-Date")?;
    claim.token = value("X-Amz-Security-Token");
    claim.expires = need("X-Amz-Expires")?.parse().ok();
    Ok(claim)
}

fn scope(credential: &str) -> Result<Claim, SignatureProblem> {
    let parts: Vec<&str> = credential.split('/').collect();
    let &[key, date, region, service, "aws4_request"] = parts.as_slice() else {
        let problem = "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term";
        return Err(SignatureProblem::Incomplete(problem.to_owned()));
    };
    Ok(Claim {
        access_key_id: key.to_owned(),
        date: date.to_owned(),
        region: region.to_owned(),
        service: service.to_owned(),
        signed_headers: Vec::new(),
        signature: String::new(),
        timestamp: String::new(),
        token: None,
        expires: None,
    })
}

/// Checks date, signed headers and signature; `now` is the real time in seconds since the Unix epoch.
pub(crate) fn verify(request: &Incoming, claim: &Claim, secret: &str, now: f64) -> Result<(), SignatureProblem> {
    check_date(claim, now)?;
    let must_be_signed = |name: &&str| request.header(name).is_some();
    let required = ["host", "x-amz-security-token"];
    for name in required.iter().filter(|name| **name == "host" || must_be_signed(name)) {
        if !claim.signed_headers.iter().any(|signed| signed == name) {
            let problem = format!("'{name}' must be a 'SignedHeader' in the AWS Authorization.");
            return Err(SignatureProblem::Mismatch(problem));
        }
    }
    if let Some(declared) = request.header("x-amz-content-sha256")
        && declared != "UNSIGNED-PAYLOAD"
        && declared != hex_digest(&request.body)
    {
        return Err(SignatureProblem::Mismatch("The payload has another hash than x-amz-content-sha256.".to_owned()));
    }
    if signature(request, claim, secret) == claim.signature {
        return Ok(());
    }
    Err(SignatureProblem::Mismatch(
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access \
         Key and signing method. Consult the service documentation for details."
            .to_owned(),
    ))
}

fn check_date(claim: &Claim, now: f64) -> Result<(), SignatureProblem> {
    let parsed = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", &claim.timestamp);
    let instant = parsed.ok().and_then(|civil| civil.to_zoned(jiff::tz::TimeZone::UTC).ok());
    let Some(instant) = instant else {
        let problem = format!("Date must be in ISO-8601 'basic format'. Got '{}'.", claim.timestamp);
        return Err(SignatureProblem::Incomplete(problem));
    };
    if !claim.timestamp.starts_with(&claim.date) {
        let problem = "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP.";
        return Err(SignatureProblem::Mismatch(problem.to_owned()));
    }
    let seconds = instant.timestamp().as_duration().as_secs_f64();
    let late = claim.expires.map_or(SKEW, |expires| f64::from(expires).max(SKEW));
    if now - seconds > late {
        return Err(SignatureProblem::Expired(format!(
            "Signature expired: {} is now earlier than allowed",
            claim.timestamp
        )));
    }
    if seconds - now > SKEW {
        return Err(SignatureProblem::Expired(format!(
            "Signature not yet current: {} is still later",
            claim.timestamp
        )));
    }
    Ok(())
}

/// The signature that the secret gives for the request.
pub(crate) fn signature(request: &Incoming, claim: &Claim, secret: &str) -> String {
    let hashed = hex_digest(canonical_request(request, claim).as_bytes());
    let Claim { date, region, service, timestamp, .. } = claim;
    let to_sign = format!("{ALGORITHM}\n{timestamp}\n{date}/{region}/{service}/aws4_request\n{hashed}");
    let mut key = format!("AWS4{secret}").into_bytes();
    for part in [date.as_str(), region, service, "aws4_request", &to_sign] {
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), part.as_bytes());
        key = tag.as_ref().to_vec();
    }
    hex(&key)
}

fn canonical_request(request: &Incoming, claim: &Claim) -> String {
    let path = if request.path.is_empty() { "/" } else { &request.path };
    let mut out = format!("{}\n{}\n{}\n", request.method, encode(path, true), canonical_query(&request.query));
    for name in &claim.signed_headers {
        let values = request.headers.iter().filter(|(found, _)| found == name);
        let values: Vec<String> = values.map(|(_, value)| squeeze(value)).collect();
        // Writing to a String cannot fail.
        let _infallible = writeln!(out, "{name}:{}", values.join(","));
    }
    let declared = request.header("x-amz-content-sha256").map(str::to_owned);
    let payload = declared.unwrap_or_else(|| hex_digest(&request.body));
    let _infallible = write!(out, "\n{}\n{payload}", claim.signed_headers.join(";"));
    out
}

fn squeeze(value: &str) -> String {
    value.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
}

fn canonical_query(query: &str) -> String {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let mut pairs: Vec<(String, String)> = pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .filter(|(name, _)| *name != "X-Amz-Signature")
        .map(|(name, value)| {
            (encode(&percent_decode(name, false), false), encode(&percent_decode(value, false), false))
        })
        .collect();
    pairs.sort();
    let pairs: Vec<String> = pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join("&")
}

/// Percent encoding of everything but unreserved characters; `/` stays when `keep_slash`.
pub(crate) fn encode(text: &str, keep_slash: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || (keep_slash && byte == b'/') {
            out.push(char::from(byte));
        } else {
            let _infallible = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// SHA-256 in lower-case hexadecimal.
pub(crate) fn hex_digest(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
        let _infallible = write!(out, "{byte:02x}");
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

    fn request(method: &str, query: &str, headers: &[(&str, &str)], body: &'static str) -> Incoming {
        let mut all = vec![("x-amz-date".to_owned(), "20150830T123600Z".to_owned())];
        all.extend(headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        Incoming {
            method: method.to_owned(),
            path: "/".to_owned(),
            query: query.to_owned(),
            headers: all,
            body: body.into(),
        }
    }

    fn check(mut request: Incoming, service: &str, signed: &str, expected: &str) {
        let header = format!(
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/{service}/aws4_request, \
             SignedHeaders={signed}, Signature={expected}"
        );
        request.headers.push(("authorization".to_owned(), header));
        let claim = claim(&request).expect("claim");
        assert_eq!(signature(&request, &claim, SECRET), expected);
        assert_eq!(verify(&request, &claim, SECRET, 1_440_938_160.0), Ok(()));
        assert!(matches!(verify(&request, &claim, "other", 1_440_938_160.0), Err(SignatureProblem::Mismatch(_))));
        assert!(matches!(verify(&request, &claim, SECRET, 1_440_938_461.0), Err(SignatureProblem::Expired(_))));
    }

    const HOST: (&str, &str) = ("host", "example.amazonaws.com");

    #[test]
    fn vector_get_vanilla() {
        let expected = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31";
        check(request("GET", "", &[HOST], ""), "service", "host;x-amz-date", expected);
    }

    #[test]
    fn vector_get_vanilla_query_order_key_case() {
        let expected = "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500";
        let request = request("GET", "Param2=value2&Param1=value1", &[HOST], "");
        check(request, "service", "host;x-amz-date", expected);
    }

    #[test]
    fn vector_post_x_www_form_urlencoded() {
        let expected = "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a";
        let kind = ("content-type", "application/x-www-form-urlencoded");
        check(request("POST", "", &[HOST, kind], "Param1=value1"), "service", "content-type;host;x-amz-date", expected);
    }

    #[test]
    fn vector_of_the_user_guide_list_users() {
        let expected = "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7";
        let kind = ("content-type", "application/x-www-form-urlencoded; charset=utf-8");
        let host = ("host", "iam.amazonaws.com");
        let request = request("GET", "Action=ListUsers&Version=2010-05-08", &[host, kind], "");
        check(request, "iam", "content-type;host;x-amz-date", expected);
    }

    #[test]
    fn an_escaped_path_is_escaped_again() {
        assert_eq!(encode("/tags/arn%3Aaws", true), "/tags/arn%253Aaws");
    }

    #[test]
    fn a_claim_with_four_elements_is_incomplete() {
        assert!(matches!(scope("a/b/c/d"), Err(SignatureProblem::Incomplete(_))));
    }
}
