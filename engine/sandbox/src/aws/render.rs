//! An outcome written in the protocol of its service.
//!
//! # Source
//! Smithy 1.0, "AWS restJson1 protocol", "AWS query protocol", "AWS EC2 query protocol": response serialization and
//! error serialization.

use serde_json::{Value, json};

use super::call::{Call, Service};
use super::error::AwsError;
use super::{ec2, iam, sts, xml};
use crate::server::Reply;

/// The answer to a call.
pub(crate) fn reply(call: &Call, request_id: &str, outcome: Result<Value, AwsError>) -> Reply {
    let retry_after = outcome.as_ref().err().and_then(|error| error.retry_after);
    let reply = match (call.service, outcome) {
        (Service::Eks, Ok(value)) => Reply::new(200, "application/json", value.to_string()),
        (Service::Eks, Err(error)) => rest_error(&error),
        (Service::Kms, Ok(value)) => Reply::new(200, "application/x-amz-json-1.1", value.to_string()),
        (Service::Kms, Err(error)) => {
            let body = json!({"__type": error.code, "message": error.message});
            Reply::new(error.status, "application/x-amz-json-1.1", body.to_string())
        }
        (Service::Ec2, Ok(value)) => ec2_answer(call, request_id, &value),
        (Service::Ec2, Err(error)) => ec2_error(&error, request_id),
        (Service::Sts, Ok(value)) if call.wants_json => json_answer(call, request_id, &value),
        (Service::Iam, outcome) => query(call, request_id, iam::NAMESPACE, outcome),
        (Service::Sts, outcome) => query(call, request_id, sts::NAMESPACE, outcome),
    };
    let reply = match retry_after {
        Some(seconds) => reply.with("retry-after", &seconds.to_string()),
        None => reply,
    };
    reply.with("x-amzn-requestid", request_id)
}

fn rest_error(error: &AwsError) -> Reply {
    let mut body = error.fields.clone();
    body.insert("message".to_owned(), json!(error.message));
    let reply = Reply::new(error.status, "application/json", Value::Object(body).to_string());
    reply.with("x-amzn-errortype", &error.code)
}

fn document(root: &str, namespace: &str, children: &str) -> String {
    let namespace = if namespace.is_empty() { String::new() } else { format!(" xmlns=\"{namespace}\"") };
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{root}{namespace}>{children}</{root}>")
}

fn ec2_answer(call: &Call, request_id: &str, value: &Value) -> Reply {
    let mut children = format!("<requestId>{request_id}</requestId>");
    xml::write(value, "item", &mut children);
    let text = document(&format!("{}Response", call.operation), ec2::NAMESPACE, &children);
    Reply::new(200, "text/xml;charset=UTF-8", text)
}

fn ec2_error(error: &AwsError, request_id: &str) -> Reply {
    let body = json!({"Errors": {"Error": {"Code": error.code, "Message": error.message}}, "RequestID": request_id});
    let mut children = String::new();
    xml::write(&body, "item", &mut children);
    Reply::new(error.status, "text/xml;charset=UTF-8", document("Response", "", &children))
}

fn query(call: &Call, request_id: &str, namespace: &str, outcome: Result<Value, AwsError>) -> Reply {
    let operation = &call.operation;
    let (status, root, body) = match outcome {
        Ok(Value::Null) => {
            (200, format!("{operation}Response"), json!({"ResponseMetadata": {"RequestId": request_id}}))
        }
        Ok(value) => {
            let result = format!("{operation}Result");
            let body = json!({result: value, "ResponseMetadata": {"RequestId": request_id}});
            (200, format!("{operation}Response"), body)
        }
        Err(error) => {
            let kind = if error.status < 500 { "Sender" } else { "Receiver" };
            let detail = json!({"Type": kind, "Code": error.code, "Message": error.message});
            (error.status, "ErrorResponse".to_owned(), json!({"Error": detail, "RequestId": request_id}))
        }
    };
    let mut children = String::new();
    xml::write(&body, "member", &mut children);
    Reply::new(status, "text/xml", document(&root, namespace, &children))
}

/// STS answers JSON when it is asked to; the authenticator of Kubernetes asks so.
///
/// # Source
/// aws-iam-authenticator, `pkg/token`, which sends `accept: application/json` and reads `GetCallerIdentityResponse`.
fn json_answer(call: &Call, request_id: &str, value: &Value) -> Reply {
    let (response, result) = (format!("{}Response", call.operation), format!("{}Result", call.operation));
    let body = json!({response: {result: value, "ResponseMetadata": {"RequestId": request_id}}});
    Reply::new(200, "application/json", body.to_string())
}
