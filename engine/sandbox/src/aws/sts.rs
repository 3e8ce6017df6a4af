//! STS: who am I, and becoming a role.
//!
//! # Source
//! AWS Security Token Service API Reference (2011-06-15): GetCallerIdentity, AssumeRole, AssumeRoleWithWebIdentity.

use serde_json::{Value, json};

use super::Cx;
use super::call::{Input, Parsed};
use super::error::AwsError;
use super::iam;
use super::query::Form;
use super::sigv4::hex_digest;
use crate::clock::{iso, real_seconds};
use crate::world::Session;

pub(crate) const VERSION: &str = "2011-06-15";
pub(crate) const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";
/// The operation that needs no signature.
pub(crate) const UNSIGNED: &str = "AssumeRoleWithWebIdentity";

const OPERATIONS: &[(&str, &[&str], bool)] = &[
    ("GetCallerIdentity", &[], false),
    (
        "AssumeRole",
        &[
            "RoleArn",
            "RoleSessionName",
            "DurationSeconds",
            "ExternalId",
            "Policy",
            "PolicyArns",
            "Tags",
            "TransitiveTagKeys",
            "SourceIdentity",
        ],
        false,
    ),
    (
        UNSIGNED,
        &["RoleArn", "RoleSessionName", "DurationSeconds", "WebIdentityToken", "ProviderId", "Policy", "PolicyArns"],
        false,
    ),
];

/// Reads a request.
pub(crate) fn parse(form: Form) -> Parsed {
    Parsed::form(form, OPERATIONS, &["RoleArn"])
}

/// Carries a request out.
pub(crate) fn execute(cx: &mut Cx<'_>) -> Result<Value, AwsError> {
    let Input::Form(form) = &cx.call.input else {
        return Err(AwsError::new(400, "InvalidAction", "not a query request"));
    };
    match cx.call.operation.as_str() {
        "AssumeRole" => assume_role(cx, form),
        UNSIGNED => assume_with_token(cx, form),
        _ => {
            let caller = &cx.call.caller;
            Ok(json!({"Account": caller.account, "Arn": caller.arn, "UserId": caller.user_id}))
        }
    }
}

fn assume_role(cx: &mut Cx<'_>, form: &Form) -> Result<Value, AwsError> {
    let arn = form.text("RoleArn");
    let caller = &cx.call.caller;
    let refused = || cx.call.service.denied(&caller.arn, "sts:AssumeRole", arn);
    let role = iam::role_of_arn(cx.world, arn).filter(|role| role.trusted_at <= cx.now).ok_or_else(refused)?;
    let root = format!("arn:aws:iam::{}:root", caller.account);
    let principals = [caller.arn.as_str(), &root, &caller.account, "*"];
    let statement = iam::trust(role, "AWS", &principals, "sts:AssumeRole").ok_or_else(refused)?;
    let external = statement.pointer("/Condition/StringEquals/sts:ExternalId").and_then(Value::as_str);
    if external.is_some() && external != form.get("ExternalId") {
        return Err(refused());
    }
    let (credentials, user) = session(cx, form, arn)?;
    Ok(json!({"Credentials": credentials, "AssumedRoleUser": user, "PackedPolicySize": 0}))
}

fn assume_with_token(cx: &mut Cx<'_>, form: &Form) -> Result<Value, AwsError> {
    let token = form.text("WebIdentityToken").trim();
    if !cx.world.config.web_identity_tokens.iter().any(|known| known.trim() == token) {
        return Err(AwsError::new(
            400,
            "InvalidIdentityToken",
            "The web identity token that was passed could not be validated",
        ));
    }
    let arn = form.text("RoleArn");
    let refused = || AwsError::new(403, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity");
    let role = iam::role_of_arn(cx.world, arn).filter(|role| role.trusted_at <= cx.now).ok_or_else(refused)?;
    iam::trust(role, "Federated", &[], UNSIGNED_ACTION).ok_or_else(refused)?;
    let (credentials, user) = session(cx, form, arn)?;
    Ok(json!({"Credentials": credentials, "AssumedRoleUser": user, "SubjectFromWebIdentityToken": "sandbox",
        "Audience": "sts.amazonaws.com", "Provider": "sandbox", "PackedPolicySize": 0}))
}

/// Seconds for which an ended session is still told from an unknown one.
const KEPT_AFTER_END: f64 = 3_600.0;
const UNSIGNED_ACTION: &str = "sts:AssumeRoleWithWebIdentity";

/// New credentials; they end by the real clock, because clients compare their end with it.
fn session(cx: &mut Cx<'_>, form: &Form, arn: &str) -> Result<(Value, Value), AwsError> {
    let name = form.text("RoleSessionName");
    let is_name = |name: &str| {
        (2..=64).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_=+,.@-".contains(&byte))
    };
    let invalid = |text: String| AwsError::new(400, "ValidationError", text);
    if !is_name(name) {
        return Err(invalid(format!("Value '{name}' at 'roleSessionName' failed to satisfy constraint")));
    }
    let seconds: u32 = form.get("DurationSeconds").map_or(Ok(3600), str::parse).unwrap_or(0);
    if !(900..=43_200).contains(&seconds) {
        return Err(invalid("Value at 'durationSeconds' must be between 900 and 43200".to_owned()));
    }
    let serial = cx.world.next_serial();
    let Some(role) = iam::role_of_arn(cx.world, arn) else {
        return Err(invalid("RoleArn is no role".to_owned()));
    };
    if i64::from(seconds) > iam::longest_session(role) {
        return Err(invalid(
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.".to_owned(),
        ));
    }
    let account = arn.split(':').nth(4).unwrap_or_default().to_owned();
    let user_id = format!("{}:{name}", crate::json::text(&role.doc, "/RoleId"));
    let session_arn =
        format!("arn:aws:sts::{account}:assumed-role/{}/{name}", crate::json::text(&role.doc, "/RoleName"));
    let key = format!("ASIASANDBOX{serial:09}");
    let session = Session {
        secret: format!("sandbox-session-secret-{}", hex_digest(key.as_bytes()).get(..16).unwrap_or_default()),
        token: format!("sandbox-session-token-{}", hex_digest(format!("token/{key}").as_bytes())),
        account,
        arn: session_arn.clone(),
        user_id: user_id.clone(),
        expires_at: real_seconds() + f64::from(seconds),
    };
    let credentials = json!({"AccessKeyId": key, "SecretAccessKey": session.secret, "SessionToken": session.token,
        "Expiration": iso(session.expires_at)});
    cx.world.sessions.retain(|_, session| session.expires_at + KEPT_AFTER_END > real_seconds());
    cx.world.sessions.insert(key, session);
    Ok((credentials, json!({"Arn": session_arn, "AssumedRoleId": user_id})))
}
