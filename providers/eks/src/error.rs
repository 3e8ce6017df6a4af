//! From what AWS answers, or fails to answer, to classified faults.
//!
//! # Source
//! Amazon EKS API Reference, "Common Errors" and the errors of each operation; Amazon EC2 API Reference, "Error
//! codes"; IAM, STS and KMS API References, "Common Errors" (2025-11).

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_sts::operation::assume_role::AssumeRoleError;
use aws_sdk_sts::operation::assume_role_with_web_identity::AssumeRoleWithWebIdentityError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::request_id::RequestId;
use std::error::Error;
use terrane_provider::{Fault, FaultKind};

/// Classes of AWS error codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    Throttled,
    Conflict,
    Denied,
    Expired,
    Invalid,
    Quota,
    Gone,
    Unavailable,
}

const CODES: &[(&str, Class)] = &[
    ("ThrottlingException", Class::Throttled),
    ("Throttling", Class::Throttled),
    ("ThrottledException", Class::Throttled),
    ("RequestThrottled", Class::Throttled),
    ("RequestLimitExceeded", Class::Throttled),
    ("TooManyRequestsException", Class::Throttled),
    ("ResourceInUseException", Class::Conflict),
    ("EntityAlreadyExists", Class::Conflict),
    ("EntityAlreadyExistsException", Class::Conflict),
    ("DeleteConflict", Class::Conflict),
    ("DeleteConflictException", Class::Conflict),
    ("ConcurrentModification", Class::Conflict),
    ("ConcurrentModificationException", Class::Conflict),
    ("AccessDeniedException", Class::Denied),
    ("AccessDenied", Class::Denied),
    ("UnauthorizedOperation", Class::Denied),
    ("UnrecognizedClientException", Class::Denied),
    ("InvalidClientTokenId", Class::Denied),
    ("SignatureDoesNotMatch", Class::Denied),
    ("InvalidSignatureException", Class::Denied),
    ("IncompleteSignature", Class::Denied),
    ("AuthFailure", Class::Denied),
    ("OptInRequired", Class::Denied),
    ("MissingAuthenticationToken", Class::Denied),
    ("RequestExpired", Class::Denied),
    ("InvalidIdentityToken", Class::Denied),
    ("IDPRejectedClaim", Class::Denied),
    ("ExpiredToken", Class::Expired),
    ("ExpiredTokenException", Class::Expired),
    ("InvalidParameterException", Class::Invalid),
    ("InvalidRequestException", Class::Invalid),
    ("ClientException", Class::Invalid),
    ("BadRequestException", Class::Invalid),
    ("UnsupportedAvailabilityZoneException", Class::Invalid),
    ("ValidationError", Class::Invalid),
    ("MalformedPolicyDocument", Class::Invalid),
    ("ResourceLimitExceededException", Class::Quota),
    ("LimitExceeded", Class::Quota),
    ("LimitExceededException", Class::Quota),
    ("ServiceQuotaExceededException", Class::Quota),
    ("ResourceNotFoundException", Class::Gone),
    ("NotFoundException", Class::Gone),
    ("NoSuchEntity", Class::Gone),
    ("NoSuchEntityException", Class::Gone),
    ("DisabledException", Class::Invalid),
    ("KMSInvalidStateException", Class::Invalid),
    ("KeyUnavailableException", Class::Unavailable),
    ("DependencyTimeoutException", Class::Unavailable),
    ("KMSInternalException", Class::Unavailable),
    ("ServerException", Class::Unavailable),
    ("ServiceUnavailable", Class::Unavailable),
    ("ServiceUnavailableException", Class::Unavailable),
    ("InternalFailure", Class::Unavailable),
    ("InternalError", Class::Unavailable),
    ("IDPCommunicationError", Class::Unavailable),
    ("ResourcePropagationDelayException", Class::Unavailable),
];

/// The parts of an answer that decide what it means.
#[derive(Clone, Debug, Default)]
struct Answer {
    status: u16,
    code: Option<String>,
    message: Option<String>,
    retry_after_ms: Option<u64>,
    content_type: Option<String>,
}

/// Explains why `operation` (`eks:CreateCluster`) at `endpoint` failed.
pub fn explain<E>(operation: &'static str, endpoint: &str, error: &SdkError<E, HttpResponse>) -> Fault
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    let request_id = error.request_id().map(str::to_owned);
    let fault = match error {
        SdkError::ServiceError(context) => {
            let raw = context.raw();
            let header = |name: &str| raw.headers().get(name).map(str::to_owned);
            answered(
                operation,
                &Answer {
                    status: raw.status().as_u16(),
                    code: context.err().code().map(str::to_owned),
                    message: context.err().message().map(str::to_owned),
                    retry_after_ms: header("retry-after")
                        .and_then(|text| text.trim().parse::<u64>().ok())
                        .map(|s| s * 1_000),
                    content_type: header("content-type"),
                },
            )
            .unwrap_or_else(|unread| unread.with_cause(error))
        }
        SdkError::ResponseError(context) => {
            let answer = Answer { status: context.raw().status().as_u16(), ..Answer::default() };
            Unread { operation, answer }.with_cause(error)
        }
        SdkError::TimeoutError(_) => {
            let message = format!("no answer from {endpoint} in time");
            Fault::new(FaultKind::Unavailable, operation, message).code("timeout")
        }
        _ => undelivered(operation, endpoint, error),
    };
    fault.request_id(request_id.as_deref())
}

/// An answer that does not say what it is.
struct Unread {
    operation: &'static str,
    answer: Answer,
}

impl Unread {
    fn with_cause(self, error: &(dyn Error + 'static)) -> Fault {
        if chain(error).any(|cause| cause.downcast_ref::<http_body_util::LengthLimitError>().is_some()) {
            return Fault::new(FaultKind::Unavailable, self.operation, "the answer is larger than any real one")
                .code("answer-too-large")
                .help("check that the endpoint is an AWS service, and that no proxy answers in its place");
        }
        let kind = self.answer.content_type.map_or_else(String::new, |kind| format!(" of type {kind}"));
        let cause = match text_of(error) {
            text if text.is_empty() => String::new(),
            text => format!(": {text}"),
        };
        let message = format!("HTTP {}{kind} is no answer of this service{cause}", self.answer.status);
        Fault::new(FaultKind::Unavailable, self.operation, message)
            .code("unexpected-answer")
            .help("check that the endpoint is an AWS service that knows this operation, and that no proxy answers in its place")
    }
}

/// What an answer with an error code means; without one it proves nothing, whatever its status.
fn answered(operation: &'static str, answer: &Answer) -> Result<Fault, Unread> {
    let Some(code) = answer.code.as_deref().filter(|code| !code.is_empty()) else {
        if answer.status == 429 {
            let kind = FaultKind::Throttled { after_ms: answer.retry_after_ms };
            return Ok(Fault::new(kind, operation, "too many requests").code("429"));
        }
        return Err(Unread { operation, answer: answer.clone() });
    };
    let message = answer.message.clone().unwrap_or_else(|| format!("HTTP {}", answer.status));
    let fault = |kind: FaultKind| Fault::new(kind, operation, message.as_str()).code(code);
    Ok(match class(code, &message, answer.status) {
        Class::Throttled => fault(FaultKind::Throttled { after_ms: answer.retry_after_ms }),
        Class::Conflict => fault(FaultKind::Conflict),
        Class::Invalid => fault(FaultKind::Invalid { argument: None }),
        Class::Quota => fault(FaultKind::Quota),
        Class::Gone => fault(FaultKind::Gone),
        Class::Unavailable => fault(FaultKind::Unavailable),
        Class::Expired => fault(FaultKind::Denied { permission: None })
            .code("expired-credentials")
            .help("renew the credentials (`aws sso login`, a new session token) and run again"),
        Class::Denied => denied(fault(FaultKind::Denied { permission: permission(&message).map(Into::into) })),
    })
}

fn class(code: &str, message: &str, status: u16) -> Class {
    // EKS also says this way that a cluster is not there.
    if code == "ClientException" && message.contains("No cluster found for name") {
        return Class::Gone;
    }
    if code == "InvalidRequestException" && message.contains("deletion protection") {
        return Class::Conflict;
    }
    let known = CODES.iter().find(|(name, _)| *name == code).map(|(_, class)| *class);
    known.unwrap_or(match status {
        429 => Class::Throttled,
        500.. => Class::Unavailable,
        401 | 403 => Class::Denied,
        _ => Class::Invalid,
    })
}

fn denied(fault: Fault) -> Fault {
    let help = match (&fault.kind, &*fault.code) {
        (FaultKind::Denied { permission: Some(action) }, _) => {
            format!("allow `{action}` to the identity that the message names")
        }
        (_, "SignatureDoesNotMatch" | "InvalidSignatureException" | "RequestExpired") => {
            "check the secret key, and that this machine's clock is right to five minutes".to_owned()
        }
        (_, "InvalidClientTokenId" | "UnrecognizedClientException" | "AuthFailure") => {
            "the access key is not known: check which credentials are used".to_owned()
        }
        _ => return fault,
    };
    fault.help(help)
}

/// The IAM action that a refusal names.
fn permission(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once("not authorized to perform: ")?;
    let action = rest.split([' ', ',']).next()?.trim_end_matches('.');
    (action.contains(':') && !action.contains("arn:")).then_some(action)
}

/// Why a request never got an answer.
fn undelivered(operation: &'static str, endpoint: &str, error: &(dyn Error + 'static)) -> Fault {
    // The causes alone: the error itself may be what assuming a role came to.
    for cause in chain(error).skip(1) {
        if let Some(inner) = cause.downcast_ref::<SdkError<AssumeRoleError, HttpResponse>>() {
            return explain("sts:AssumeRole", "STS", inner);
        }
        if let Some(inner) = cause.downcast_ref::<SdkError<AssumeRoleWithWebIdentityError, HttpResponse>>() {
            return explain("sts:AssumeRoleWithWebIdentity", "STS", inner);
        }
    }
    let credentials = chain(error).find_map(|cause| cause.downcast_ref::<CredentialsError>());
    match credentials {
        Some(CredentialsError::ProviderTimedOut(_)) => {
            Fault::new(FaultKind::Unavailable, operation, "the source of the credentials did not answer in time")
                .code("timeout")
        }
        Some(cause) => Fault::new(FaultKind::Denied { permission: None }, operation, no_credentials(cause))
            .code("no-credentials")
            .help("set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or write `credentials`"),
        None => {
            let message = format!("cannot reach {endpoint}: {}", text_of(error));
            Fault::new(FaultKind::Unavailable, operation, message).code("unreachable")
        }
    }
}

fn no_credentials(cause: &CredentialsError) -> String {
    match text_of(cause) {
        text if text.is_empty() => "no AWS credentials were found".to_owned(),
        text => format!("no AWS credentials could be had: {text}"),
    }
}

fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    let next = |error: &&'a (dyn Error + 'static)| -> Option<&'a (dyn Error + 'static)> { (*error).source() };
    std::iter::successors(Some(error), next).take(32)
}

/// Longest text of causes, in characters: the usual chain of credentials fits.
const LONGEST_TEXT: usize = 1_000;

/// The texts of an error and its causes, each once; a longer one ends with two dots.
fn text_of(error: &(dyn Error + 'static)) -> String {
    let mut parts: Vec<String> = Vec::new();
    for cause in chain(error).skip(1) {
        let text = cause.to_string();
        if !parts.iter().any(|part| part.contains(&text)) {
            parts.push(text);
        }
    }
    let text = parts.join(": ");
    match text.char_indices().nth(LONGEST_TEXT) {
        Some((end, _)) => format!("{} ..", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

/// Whether the object, or its cluster, is busy with another change that ends by itself.
pub fn is_busy(fault: &Fault) -> bool {
    match fault.kind {
        FaultKind::Conflict => fault.message.contains("in progress") || fault.message.contains("not in ACTIVE"),
        FaultKind::Invalid { .. } => fault.message.contains("not in ACTIVE"),
        _ => false,
    }
}

/// Whether the change was refused because there is nothing to change.
pub fn is_nothing_to_change(fault: &Fault) -> bool {
    let texts = ["already at the desired", "No changes needed"];
    matches!(fault.kind, FaultKind::Invalid { .. }) && texts.iter().any(|text| fault.message.contains(text))
}

/// Whether a role that was just made is not known everywhere yet.
pub fn is_propagating(fault: &Fault) -> bool {
    let texts = [
        "does not exist",
        "Error in role params",
        "could not be assumed because",
        "doesn't have the Amazon EKS Managed Policies",
        "IAM role's policy must include",
        "cannot be found",
        "were not found in the trust relationships",
    ];
    let is_about_role = fault.message.to_ascii_lowercase().contains("role");
    matches!(fault.kind, FaultKind::Invalid { .. })
        && is_about_role
        && texts.iter().any(|text| fault.message.contains(text))
}

/// Whether the name is taken.
pub fn is_taken(fault: &Fault) -> bool {
    fault.kind == FaultKind::Conflict && fault.message.contains("already exists")
}

/// Whether the answer proves that the object is not there.
pub fn is_gone(fault: &Fault) -> bool {
    fault.kind == FaultKind::Gone
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(status: u16, code: &str, message: &str) -> Fault {
        let answer = Answer {
            status,
            code: Some(code.to_owned()).filter(|code| !code.is_empty()),
            message: Some(message.to_owned()),
            ..Answer::default()
        };
        answered("eks:Test", &answer).unwrap_or_else(|unread| unread.with_cause(&std::fmt::Error))
    }

    #[test]
    fn only_an_error_code_proves_that_something_is_gone() {
        assert_eq!(judge(404, "ResourceNotFoundException", "No cluster found for name: a.").kind, FaultKind::Gone);
        assert_eq!(judge(400, "ClientException", "No cluster found for name: a.").kind, FaultKind::Gone);
        let html = judge(404, "", "");
        assert_eq!((html.kind, &*html.code), (FaultKind::Unavailable, "unexpected-answer"));
    }

    #[test]
    fn codes_have_their_class() {
        assert_eq!(judge(400, "Throttling", "").kind, FaultKind::Throttled { after_ms: None });
        assert_eq!(judge(503, "ServiceUnavailable", "").kind, FaultKind::Unavailable);
        assert_eq!(judge(500, "Strange", "").kind, FaultKind::Unavailable);
        assert_eq!(judge(400, "ResourceLimitExceededException", "").kind, FaultKind::Quota);
        assert_eq!(judge(400, "InvalidSubnetID.NotFound", "").kind, FaultKind::Invalid { argument: None });
        assert_eq!(&*judge(403, "ExpiredTokenException", "").code, "expired-credentials");
        assert_eq!(judge(409, "ResourceInUseException", "").kind, FaultKind::Conflict);
    }

    #[test]
    fn a_refusal_names_the_missing_action() {
        let text =
            "User: arn:aws:iam::111122223333:user/a is not authorized to perform: eks:CreateCluster on resource: arn:x";
        let fault = judge(403, "AccessDeniedException", text);
        assert_eq!(fault.kind, FaultKind::Denied { permission: Some("eks:CreateCluster".into()) });
        assert!(fault.help.is_some_and(|help| help.contains("eks:CreateCluster")));
        assert_eq!(judge(403, "AccessDenied", "no").kind, FaultKind::Denied { permission: None });
    }

    #[test]
    fn texts_that_decide_are_recognised() {
        let busy = "Cannot DeleteCluster because cluster a currently has update b in progress";
        assert!(is_busy(&judge(409, "ResourceInUseException", busy)));
        assert!(!is_busy(&judge(409, "ResourceInUseException", "Cluster has nodegroups attached")));
        assert!(is_taken(&judge(409, "ResourceInUseException", "Cluster already exists with name: a")));
        let same = "Cluster is already at the desired configuration with endpointPublicAccess: true";
        assert!(is_nothing_to_change(&judge(400, "InvalidParameterException", same)));
        let role = "Role could not be assumed because the trusted entity is not correct";
        assert!(is_propagating(&judge(400, "InvalidParameterException", role)));
        assert!(!is_propagating(&judge(400, "InvalidParameterException", "The subnet ID 's' does not exist")));
    }

    #[test]
    fn a_text_that_is_cut_shows_it() {
        let long = CredentialsError::provider_error("x".repeat(2_000));
        let text = text_of(&long);
        assert!(text.ends_with("x ..") && text.len() < 1_100, "{}", text.len());
        let short = CredentialsError::provider_error("short");
        assert_eq!(text_of(&short), "short");
    }

    #[test]
    fn a_missing_credential_is_told_apart_from_a_dead_endpoint() {
        let error = CredentialsError::not_loaded_no_source();
        assert_eq!(&*undelivered("eks:Test", "http://e", &error).code, "no-credentials");
        let io = std::io::Error::other("refused");
        let fault = undelivered("eks:Test", "http://e", &io);
        assert_eq!(&*fault.code, "unreachable");
        assert!(fault.message.contains("http://e"));
    }
}
