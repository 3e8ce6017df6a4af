//! AWS: one request from arrival to verdict.
//!
//! In: a request. Out: what becomes of it. The order is: who signed it, which operation it is, the log, faults and
//! kill points, throttling, permission, the effect, the answer in the protocol of the service.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::clock::real_seconds;
use crate::fault::{FaultEffect, Hit, Subject};
use crate::kill::{DueKill, KillMoment};
use crate::log::LogEntry;
use crate::server::{Incoming, Reply, Verdict};
use crate::world::{Region, World, uuid_of};
use crate::{Shared, State};

pub(crate) mod call;
pub(crate) mod ec2;
pub(crate) mod eks;
pub(crate) mod error;
pub(crate) mod iam;
pub(crate) mod kms;
pub(crate) mod query;
pub(crate) mod render;
pub(crate) mod sigv4;
pub(crate) mod sts;
pub(crate) mod xml;

use call::{Call, Service};
use error::AwsError;

/// What an operation works on.
#[derive(Debug)]
pub(crate) struct Cx<'a> {
    pub(crate) world: &'a mut World,
    pub(crate) call: &'a Call,
    /// Emulated time.
    pub(crate) now: f64,
    /// How the long-running operation that this request starts will fail.
    pub(crate) failure: Option<(String, String)>,
}

impl Cx<'_> {
    /// Account of the caller.
    pub(crate) fn account(&self) -> &str {
        &self.call.caller.account
    }

    /// The caller's part of the world in the region of the request.
    pub(crate) fn region(&mut self) -> &mut Region {
        self.world.region(&self.call.caller.account, &self.call.region)
    }

    /// `arn:aws:<service>:<region>:<account>:<rest>`.
    pub(crate) fn arn(&self, service: &str, rest: &str) -> String {
        format!("arn:aws:{service}:{}:{}:{rest}", self.call.region, self.account())
    }
}

/// A request that has been identified, logged and judged.
struct Admission {
    sequence: u64,
    request_id: String,
    call: Call,
    hit: Option<Hit>,
    kill: Option<DueKill>,
}

/// Carries a request through.
pub(crate) async fn answer(shared: &Arc<Shared>, request: &Incoming) -> Verdict {
    let admission = shared.with(|state| admit(state, request));
    if let Some(FaultEffect::Delay { millis }) = admission.hit.as_ref().map(|hit| &hit.effect) {
        tokio::time::sleep(Duration::from_millis(*millis)).await;
    }
    if let Some(silence) = strike(shared, &admission, KillMoment::BeforeEffect) {
        return silence;
    }
    let outcome = if takes_effect(admission.hit.as_ref()) {
        shared.with(|state| execute(state, &admission))
    } else {
        Ok(Value::Null)
    };
    if let Some(silence) = strike(shared, &admission, KillMoment::AfterEffect) {
        return silence;
    }
    finish(shared, admission, outcome)
}

/// Whether the request is carried out in spite of the fault.
fn takes_effect(hit: Option<&Hit>) -> bool {
    match hit.map(|hit| (&hit.effect, hit.is_applied)) {
        Some((FaultEffect::Error { .. } | FaultEffect::Drop | FaultEffect::HtmlPage { .. }, is_applied)) => is_applied,
        // The other effects spoil or delay a real answer, so there has to be one.
        Some(_) | None => true,
    }
}

fn admit(state: &mut State, request: &Incoming) -> Admission {
    let sequence = state.log.next();
    let request_id = uuid_of(&format!("request/{sequence}"));
    let now = state.clock.now();
    let mut call = call::identify(&state.world, request, real_seconds());
    let subject = Subject {
        service: call.service.name(),
        operation: &call.operation,
        account: &call.caller.account,
        region: &call.region,
        name: &call.name,
        is_mutating: call.is_mutating,
    };
    let hit = if call.refusal.is_none() { state.faults.hit(&subject) } else { None };
    let is_counted = call.is_mutating && call.refusal.is_none();
    let counted = is_counted.then(|| state.kills.next());
    if call.refusal.is_none() {
        call.refusal = refuse(state, &call, now);
    }
    state.log.push(LogEntry {
        sequence,
        time: now,
        account: call.caller.account.clone(),
        access_key_id: call.caller.access_key_id.clone(),
        caller_arn: call.caller.arn.clone(),
        service: call.service.name().to_owned(),
        operation: call.operation.clone(),
        region: call.region.clone(),
        name: call.name.clone(),
        is_mutating: call.is_mutating,
        mutating_number: counted.as_ref().map(|(number, _)| *number),
        status: None,
        error_code: None,
        is_applied: false,
        interference: hit.as_ref().map(Hit::describe),
        request_id: request_id.clone(),
    });
    Admission { sequence, request_id, call, hit, kill: counted.and_then(|(_, kill)| kill) }
}

/// Throttling, then permission.
fn refuse(state: &mut State, call: &Call, now: f64) -> Option<AwsError> {
    let key = (call.caller.account.clone(), call.region.clone(), call.service.name().to_owned());
    if let Err(wait) = state.buckets.take(key, now) {
        return Some(call.service.throttled(wait));
    }
    let action = format!("{}:{}", call.service.name(), call.operation);
    let caller = &call.caller;
    let principals = [caller.access_key_id.as_str(), &caller.arn, &caller.account];
    let is_denied = state.denials.iter().any(|denial| denial.refuses(&principals, &action));
    is_denied.then(|| call.service.denied(&caller.arn, &action, &call.resource))
}

fn execute(state: &mut State, admission: &Admission) -> Result<Value, AwsError> {
    if let Some(refusal) = &admission.call.refusal {
        return Err(refusal.clone());
    }
    let now = state.clock.now();
    state.world.settle(now);
    let failure = match admission.hit.as_ref().map(|hit| &hit.effect) {
        Some(FaultEffect::FailOperation { code, message }) => Some((code.clone(), message.clone())),
        _ => None,
    };
    let mut cx = Cx { world: &mut state.world, call: &admission.call, now, failure };
    let outcome = match admission.call.service {
        Service::Eks => eks::execute(&mut cx),
        Service::Ec2 => ec2::execute(&mut cx),
        Service::Iam => iam::execute(&mut cx),
        Service::Kms => kms::execute(&mut cx),
        Service::Sts => sts::execute(&mut cx),
    };
    let is_applied = outcome.is_ok();
    state.log.amend(admission.sequence, |entry| entry.is_applied = is_applied);
    outcome
}

fn strike(shared: &Shared, admission: &Admission, moment: KillMoment) -> Option<Verdict> {
    let kill = admission.kill.as_ref().filter(|kill| kill.when == moment)?;
    shared.with(|state| {
        state.log.amend(admission.sequence, |entry| entry.interference = Some(format!("killed: {moment:?}")));
    });
    kill.victim.strike();
    Some(Verdict::Silence)
}

fn finish(shared: &Shared, admission: Admission, outcome: Result<Value, AwsError>) -> Verdict {
    let Admission { sequence, request_id, call, hit, kill } = admission;
    let effect = hit.map(|hit| hit.effect);
    let outcome = match &effect {
        Some(FaultEffect::Error { status, code, message, retry_after }) => {
            let message = if message.is_empty() { "This error was injected" } else { message };
            let mut error = AwsError::new(*status, code, message);
            error.retry_after = *retry_after;
            Err(error)
        }
        _ => outcome,
    };
    let error_code = outcome.as_ref().err().map(|error| error.code.clone());
    let mut reply = render::reply(&call, &request_id, outcome);
    match effect {
        Some(FaultEffect::Truncate { bytes }) => reply.cut_after = Some(bytes),
        Some(FaultEffect::HugeBody { mebibytes }) => pad(&mut reply, mebibytes),
        Some(FaultEffect::HtmlPage { status }) => {
            let page = format!("<!DOCTYPE html><html><head><title>{status}</title></head><body>{status}</body></html>");
            reply = Reply::new(status, "text/html", page);
        }
        _ => {}
    }
    let is_dropped = matches!(effect, Some(FaultEffect::Drop));
    shared.with(|state| {
        state.log.amend(sequence, |entry| {
            entry.status = (!is_dropped).then_some(reply.status);
            entry.error_code = error_code;
            if let Some(kill) = &kill {
                entry.interference = Some(format!("killed: {:?}", kill.when));
            }
        });
    });
    match kill {
        _ if is_dropped => Verdict::Drop,
        Some(kill) => Verdict::ReplyThenKill(reply, kill.victim),
        None => Verdict::Reply(reply),
    }
}

/// White space in front is no part of a JSON or XML answer, so the padded answer is still a right one.
fn pad(reply: &mut Reply, mebibytes: u16) {
    let mut body = reply.body.to_vec();
    let padding = usize::from(mebibytes) << 20;
    // XML allows white space only after the document, so for both forms it goes to the end.
    body.resize(body.len().saturating_add(padding), b' ');
    reply.body = body.into();
}
