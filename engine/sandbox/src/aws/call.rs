//! Who asks for what: from a request to an identified call.
//!
//! In: a request and the world's credentials. Out: service, operation, caller and input, or the refusal in the words of
//! the service.
//!
//! # Source
//! Smithy 1.0, "AWS restJson1 protocol", "AWS JSON 1.1 protocol", "AWS query protocol", "AWS EC2 query protocol"; AWS STS, IAM and EC2 API
//! Reference, "Common errors".

use serde_json::Value;

use super::error::AwsError;
use super::query::Form;
use super::sigv4::{self, Claim, SignatureProblem};
use super::{ec2, eks, iam, kms, sts};
use crate::server::Incoming;
use crate::world::World;

/// A service of AWS that is emulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    /// REST-JSON.
    Eks,
    /// EC2 query.
    Ec2,
    /// Query.
    Iam,
    /// JSON 1.1.
    Kms,
    /// Query.
    Sts,
}

/// Who signed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Caller {
    pub(crate) access_key_id: String,
    pub(crate) account: String,
    pub(crate) arn: String,
    pub(crate) user_id: String,
}

/// What an operation is given.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Input {
    /// The parts of the path that are names, the query, and the body.
    Rest { path: Vec<String>, query: Vec<(String, String)>, body: Value },
    /// The parameters.
    Form(Form),
}

/// An identified request.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) service: Service,
    pub(crate) operation: String,
    pub(crate) region: String,
    pub(crate) caller: Caller,
    /// Name of the object for the log.
    pub(crate) name: String,
    /// ARN of the object for refusals, `*` when there is none.
    pub(crate) resource: String,
    pub(crate) is_mutating: bool,
    pub(crate) wants_json: bool,
    pub(crate) input: Input,
    /// Why it is not carried out.
    pub(crate) refusal: Option<AwsError>,
}

/// What a service makes of a request.
#[derive(Debug)]
pub(crate) struct Parsed {
    pub(crate) operation: String,
    pub(crate) name: String,
    pub(crate) is_mutating: bool,
    pub(crate) input: Input,
    pub(crate) refusal: Option<AwsError>,
}

impl Parsed {
    /// A form whose operation may be one of `known` (name, parameters, whether it changes something).
    pub(crate) fn form(form: Form, known: &[(&str, &[&str], bool)], names: &[&str]) -> Self {
        let operation = form.text("Action").to_owned();
        let row = known.iter().find(|(name, ..)| *name == operation);
        let refusal = match row {
            None => Some(AwsError::new(
                400,
                "InvalidAction",
                format!("The action {operation} is not valid for this endpoint."),
            )),
            Some((_, parameters, _)) => form.unknown(parameters).map(|unknown| {
                AwsError::new(400, "UnknownParameter", format!("The parameter {unknown} is not recognized"))
            }),
        };
        let name = names.iter().find_map(|name| form.get(name)).unwrap_or_default().to_owned();
        let is_mutating = row.is_some_and(|(_, _, is_mutating)| *is_mutating);
        Self { operation, name, is_mutating, input: Input::Form(form), refusal }
    }
}

impl Service {
    /// Name in credential scopes and actions.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Eks => "eks",
            Self::Ec2 => "ec2",
            Self::Iam => "iam",
            Self::Kms => "kms",
            Self::Sts => "sts",
        }
    }

    fn of_name(name: &str) -> Option<Self> {
        [Self::Eks, Self::Ec2, Self::Iam, Self::Kms, Self::Sts].into_iter().find(|service| service.name() == name)
    }

    /// Best guess for a request that does not say who signed it.
    fn guess(form: &Form) -> Self {
        match form.text("Version") {
            sts::VERSION => Self::Sts,
            iam::VERSION => Self::Iam,
            ec2::VERSION => Self::Ec2,
            _ => Self::Eks,
        }
    }

    /// Refusal of a request that comes too fast.
    pub(crate) fn throttled(self, wait: f64) -> AwsError {
        let mut error = match self {
            Self::Eks => AwsError::new(429, "ThrottlingException", "Rate exceeded"),
            Self::Ec2 => AwsError::new(503, "RequestLimitExceeded", "Request limit exceeded."),
            Self::Kms => AwsError::new(400, "ThrottlingException", "Rate exceeded"),
            Self::Iam | Self::Sts => AwsError::new(400, "Throttling", "Rate exceeded"),
        };
        let seconds = std::time::Duration::try_from_secs_f64(wait.ceil().max(1.0));
        error.retry_after = seconds.ok().map(|seconds| seconds.as_secs());
        error
    }

    /// Refusal of an action that the caller may not do.
    pub(crate) fn denied(self, arn: &str, action: &str, resource: &str) -> AwsError {
        let text = format!("User: {arn} is not authorized to perform: {action} on resource: {resource}");
        match self {
            Self::Eks => AwsError::new(403, "AccessDeniedException", text),
            Self::Kms => AwsError::new(400, "AccessDeniedException", text),
            Self::Ec2 => AwsError::new(
                403,
                "UnauthorizedOperation",
                format!(
                    "You are not authorized to perform this operation. {text} because no identity-based policy \
                     allows the {action} action"
                ),
            ),
            Self::Iam | Self::Sts => AwsError::new(403, "AccessDenied", text),
        }
    }

    fn unauthenticated(self, problem: SignatureProblem) -> AwsError {
        let ec2 = |_| AwsError::new(401, "AuthFailure", "AWS was not able to validate the provided access credentials");
        match (self, problem) {
            (Self::Ec2, SignatureProblem::Missing) => {
                AwsError::new(400, "MissingParameter", "The request must contain the parameter AWSAccessKeyId")
            }
            (Self::Ec2, SignatureProblem::Expired(text)) => AwsError::new(400, "RequestExpired", text),
            (Self::Ec2, SignatureProblem::Incomplete(text) | SignatureProblem::Mismatch(text)) => ec2(text),
            (Self::Kms, SignatureProblem::Missing) => {
                AwsError::new(400, "MissingAuthenticationTokenException", "Missing Authentication Token")
            }
            (Self::Eks, SignatureProblem::Missing) => {
                AwsError::new(403, "MissingAuthenticationTokenException", "Missing Authentication Token")
            }
            (_, SignatureProblem::Missing) => {
                AwsError::new(403, "MissingAuthenticationToken", "Request is missing Authentication Token")
            }
            (Self::Kms, SignatureProblem::Incomplete(text)) => AwsError::new(400, "IncompleteSignatureException", text),
            (Self::Kms, SignatureProblem::Expired(text) | SignatureProblem::Mismatch(text)) => {
                AwsError::new(400, "InvalidSignatureException", text)
            }
            (Self::Eks, SignatureProblem::Incomplete(text)) => AwsError::new(403, "IncompleteSignatureException", text),
            (_, SignatureProblem::Incomplete(text)) => AwsError::new(400, "IncompleteSignature", text),
            (_, SignatureProblem::Expired(text) | SignatureProblem::Mismatch(text)) => {
                AwsError::new(403, "SignatureDoesNotMatch", text)
            }
        }
    }

    fn unknown_key(self) -> AwsError {
        let text = "The security token included in the request is invalid.";
        match self {
            Self::Eks => AwsError::new(403, "UnrecognizedClientException", text),
            Self::Kms => AwsError::new(400, "UnrecognizedClientException", text),
            Self::Ec2 => {
                AwsError::new(401, "AuthFailure", "AWS was not able to validate the provided access credentials")
            }
            Self::Iam | Self::Sts => AwsError::new(403, "InvalidClientTokenId", text),
        }
    }

    fn expired_token(self) -> AwsError {
        let text = "The security token included in the request is expired";
        match self {
            Self::Eks => AwsError::new(403, "ExpiredTokenException", text),
            Self::Kms => AwsError::new(400, "ExpiredTokenException", text),
            Self::Ec2 => AwsError::new(400, "RequestExpired", "Request has expired."),
            Self::Iam | Self::Sts => AwsError::new(403, "ExpiredToken", text),
        }
    }
}

/// Identifies a request; `real_now` is the real time in seconds since the Unix epoch.
pub(crate) fn identify(world: &World, request: &Incoming, real_now: f64) -> Call {
    let claim = sigv4::claim(request);
    let form_text = if request.method == "GET" {
        request.query.clone()
    } else {
        String::from_utf8_lossy(&request.body).into_owned()
    };
    let form = || Form::parse(&form_text);
    let named = claim.as_ref().ok().map(|claim| Service::of_name(&claim.service));
    let service = named.flatten().unwrap_or_else(|| Service::guess(&form()));
    let parsed = match service {
        Service::Eks => eks::parse(request),
        Service::Ec2 => ec2::parse(form()),
        Service::Iam => iam::parse(form()),
        Service::Kms => kms::parse(request),
        Service::Sts => sts::parse(form()),
    };
    let is_unsigned = service == Service::Sts && parsed.operation == sts::UNSIGNED;
    let region = claim.as_ref().map_or("us-east-1", |claim| claim.region.as_str()).to_owned();
    let mut call = Call {
        service,
        operation: parsed.operation,
        region,
        caller: Caller::default(),
        name: parsed.name,
        resource: "*".to_owned(),
        is_mutating: parsed.is_mutating,
        wants_json: request.header("accept").is_some_and(|accept| accept.contains("application/json")),
        input: parsed.input,
        refusal: None,
    };
    let authenticated = match claim {
        Ok(_) if named == Some(None) => {
            Err(AwsError::new(403, "SignatureDoesNotMatch", "Credential should be scoped to a known service."))
        }
        Ok(claim) => authenticate(world, request, &claim, service, real_now),
        Err(SignatureProblem::Missing) if is_unsigned => Ok(Caller::default()),
        Err(problem) => Err(service.unauthenticated(problem)),
    };
    match authenticated {
        Ok(caller) => {
            call.caller = caller;
            call.refusal = parsed.refusal;
        }
        Err(refusal) => call.refusal = Some(refusal),
    }
    call.resource = resource(&call);
    call
}

fn authenticate(
    world: &World,
    request: &Incoming,
    claim: &Claim,
    service: Service,
    real_now: f64,
) -> Result<Caller, AwsError> {
    let key = &claim.access_key_id;
    let verified = |secret: &str| {
        sigv4::verify(request, claim, secret, real_now).map_err(|problem| service.unauthenticated(problem))
    };
    if let Some(session) = world.sessions.get(key) {
        if claim.token.as_deref() != Some(session.token.as_str()) {
            return Err(service.unknown_key());
        }
        verified(&session.secret)?;
        if session.expires_at <= real_now {
            return Err(service.expired_token());
        }
        return Ok(Caller {
            access_key_id: key.clone(),
            account: session.account.clone(),
            arn: session.arn.clone(),
            user_id: session.user_id.clone(),
        });
    }
    let seed = world.config.accounts.iter().find(|seed| seed.access_key_id == *key);
    let seed = seed.ok_or_else(|| service.unknown_key())?;
    verified(&seed.secret_access_key)?;
    Ok(Caller {
        access_key_id: key.clone(),
        account: seed.id.clone(),
        arn: format!("arn:aws:iam::{}:user/sandbox", seed.id),
        user_id: "AIDASANDBOXUSER000001".to_owned(),
    })
}

fn resource(call: &Call) -> String {
    let Call { region, name, caller: Caller { account, .. }, .. } = call;
    match call.service {
        Service::Eks if name.starts_with("arn:") => name.clone(),
        Service::Eks if name.contains('/') => {
            format!("arn:aws:eks:{region}:{account}:nodegroup/{name}/*")
        }
        Service::Eks if !name.is_empty() => {
            format!("arn:aws:eks:{region}:{account}:cluster/{name}")
        }
        Service::Iam if !name.is_empty() => format!("arn:aws:iam::{account}:role/{name}"),
        Service::Sts if !name.is_empty() => name.clone(),
        Service::Kms if name.starts_with("arn:") => name.clone(),
        Service::Kms if !name.is_empty() => format!("arn:aws:kms:{region}:{account}:{name}"),
        Service::Eks | Service::Ec2 | Service::Iam | Service::Kms | Service::Sts => "*".to_owned(),
    }
}
