//! The control endpoint under `/_sandbox/`: what tests and the command line do to a running sandbox.
//!
//! JSON in, JSON out, no signature; the server listens on loopback only. A request from a web page (it carries an
//! `Origin`) is refused, because a browser reaches loopback too.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::config::Throttle;
use crate::fault::FaultRule;
use crate::kill::{KillMoment, KillPoint, Victim};
use crate::server::{Incoming, Reply};
use crate::world::Drift;
use crate::{SandboxError, Shared, State};

/// Start of every control path.
pub(crate) const PREFIX: &str = "/_sandbox/";

/// An action that is refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Denial {
    /// Access key id, ARN or account of the caller; every caller when `None`.
    #[serde(default)]
    pub principal: Option<String>,
    /// `eks:CreateCluster`, `eks:*` or `*`.
    pub action: String,
}

impl Denial {
    /// Whether it refuses this.
    pub(crate) fn refuses(&self, principals: &[&str], action: &str) -> bool {
        let is_meant = self.principal.as_deref().is_none_or(|meant| principals.contains(&meant));
        let is_action = match self.action.strip_suffix('*') {
            Some(start) => action.starts_with(start),
            None => self.action == action,
        };
        is_meant && is_action
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KillOrder {
    n: u64,
    when: KillMoment,
    pid: i32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ThrottleOrder {
    #[serde(default)]
    service: Option<String>,
    #[serde(default)]
    per_second: Option<f64>,
    #[serde(default)]
    burst: Option<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClockOrder {
    #[serde(default)]
    rate: Option<u32>,
    #[serde(default)]
    advance_seconds: Option<f64>,
    #[serde(default)]
    expire_sessions: bool,
}

/// Answers a control request.
pub(crate) fn answer(shared: &Shared, request: &Incoming) -> Reply {
    if request.header("origin").is_some() {
        return reply(403, &json!({"error": "requests from web pages are refused"}));
    }
    let topic = request.path.strip_prefix(PREFIX).unwrap_or_default();
    let done = shared.with(|state| match (request.method.as_str(), topic) {
        ("GET", _) => Ok(read(state, topic, &request.query)),
        ("POST", _) => order(state, topic, &request.body).map(Some),
        ("DELETE", _) => Ok(clear(state, topic)),
        _ => Ok(None),
    });
    match done {
        Ok(Some(answer)) => reply(200, &answer),
        Ok(None) => reply(404, &json!({"error": format!("no such control: {} {topic}", request.method)})),
        Err(SandboxError::NotFound { what }) => reply(404, &json!({"error": format!("the sandbox has no {what}")})),
        Err(problem) => reply(400, &json!({"error": problem.to_string()})),
    }
}

fn reply(status: u16, body: &Value) -> Reply {
    Reply::new(status, "application/json", body.to_string())
}

fn read(state: &mut State, topic: &str, query: &str) -> Option<Value> {
    match topic {
        "log" => {
            let after = query.strip_prefix("after=").and_then(|number| number.parse().ok());
            Some(json!({"entries": state.log.since(after.unwrap_or(0))}))
        }
        "objects" => {
            state.world.settle(state.clock.now());
            Some(json!({"objects": state.world.objects()}))
        }
        "clock" => Some(json!({"now": state.clock.now(), "rate": state.clock.rate()})),
        "status" => Some(json!({"now": state.clock.now(), "mutating_requests": state.kills.count()})),
        _ => None,
    }
}

fn clear(state: &mut State, topic: &str) -> Option<Value> {
    match topic {
        "fault" => state.faults.clear(),
        "kill" => state.kills.clear(),
        "deny" => state.denials.clear(),
        "throttle" => state.buckets.limit(None, Some(state.world.config.throttle)),
        _ => return None,
    }
    Some(json!({}))
}

fn order(state: &mut State, topic: &str, body: &[u8]) -> Result<Value, SandboxError> {
    match topic {
        "fault" => {
            let rule: FaultRule = parse(body)?;
            if !state.faults.add(rule) {
                return Err(SandboxError::Instruction { problem: "there are too many fault rules".to_owned() });
            }
        }
        "drift" => {
            let drift: Drift = parse(body)?;
            let what = format!("object or pointer for {drift:?}");
            state.world.settle(state.clock.now());
            if !state.world.drift(drift) {
                return Err(SandboxError::NotFound { what });
            }
        }
        "kill" => {
            let KillOrder { n, when, pid } = parse(body)?;
            let victim = Victim::Process(pid);
            if !victim.is_allowed() {
                return Err(SandboxError::Instruction { problem: format!("process {pid} is no allowed victim") });
            }
            state.kills.arm(KillPoint { nth: n, when, victim });
        }
        "deny" => state.denials.push(parse(body)?),
        "throttle" => throttle(state, &parse(body)?),
        "clock" => turn_clock(state, &parse(body)?),
        "reset" => state.reset(),
        _ => {
            return Err(SandboxError::NotFound { what: format!("control {topic}") });
        }
    }
    Ok(json!({}))
}

fn throttle(state: &mut State, order: &ThrottleOrder) {
    let limit = order.per_second.map(|per_second| Throttle { per_second, burst: order.burst.unwrap_or(1.0) });
    state.buckets.limit(order.service.as_deref(), limit);
}

fn turn_clock(state: &mut State, order: &ClockOrder) {
    if let Some(rate) = order.rate {
        state.clock.set_rate(rate);
    }
    if let Some(by) = order.advance_seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()) {
        state.clock.advance(by);
    }
    if order.expire_sessions {
        state.world.expire_sessions();
    }
}

fn parse<T: for<'a> Deserialize<'a>>(body: &[u8]) -> Result<T, SandboxError> {
    serde_json::from_slice(body).map_err(|problem| SandboxError::Instruction { problem: problem.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_denial_covers_all_actions_of_a_service() {
        let denial = Denial { principal: None, action: "eks:*".to_owned() };
        assert!(denial.refuses(&["AKIA"], "eks:CreateCluster"));
        assert!(!denial.refuses(&["AKIA"], "ec2:DescribeVpcs"));
    }
}
