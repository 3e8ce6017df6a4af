//! Faults on purpose: which requests are hit, and what happens to them.
//!
//! In: rules from the embedding program or the control endpoint. Out: for one request the effect of the first rule
//! that fits. Killing the client is in `kill`.

use serde::{Deserialize, Serialize};

/// Rules kept at most; more are refused.
const MOST_RULES: usize = 1_000;

/// Which requests a rule is about; what is not said fits all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RequestMatch {
    /// `eks`, `ec2`, `iam` or `sts`.
    pub service: Option<String>,
    /// Name of the operation as the vendor writes it.
    pub operation: Option<String>,
    /// Twelve digits.
    pub account: Option<String>,
    /// Region of the credential scope.
    pub region: Option<String>,
    /// Name of the object, as the request log shows it.
    pub name: Option<String>,
    /// True for changing requests only, false for reading ones only.
    pub is_mutating: Option<bool>,
}

/// What happens to a request that is hit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum FaultEffect {
    /// An error answer in the form of the service.
    Error {
        /// HTTP status.
        status: u16,
        /// Error code.
        code: String,
        /// Message; a stock text when empty.
        #[serde(default)]
        message: String,
        /// `Retry-After` in seconds.
        #[serde(default)]
        retry_after: Option<u64>,
    },
    /// The connection is closed without an answer.
    Drop,
    /// The answer ends after so many bytes of its body, with the full length announced.
    Truncate {
        /// Bytes that are sent.
        bytes: usize,
    },
    /// The body is padded to at least this size.
    HugeBody {
        /// Mebibytes.
        mebibytes: u16,
    },
    /// An HTML page instead of an answer, as a proxy or a load balancer sends it.
    HtmlPage {
        /// HTTP status.
        status: u16,
    },
    /// The request waits before anything is done.
    Delay {
        /// Real milliseconds.
        millis: u64,
    },
    /// The request is accepted; the long-running operation that it starts ends badly.
    FailOperation {
        /// Code of the update error or health issue.
        code: String,
        /// Its message.
        message: String,
    },
}

/// One fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultRule {
    /// Which requests it is about.
    #[serde(default, rename = "match")]
    pub matches: RequestMatch,
    /// The first fitting request that is hit, from 1, counted since the rule was given.
    #[serde(default = "one")]
    pub nth: u64,
    /// How many fitting requests in a row are hit; 0 for no end.
    #[serde(default = "one")]
    pub times: u64,
    /// Whether the request takes effect although its answer is spoiled. Only `Error`, `Drop` and `HtmlPage` ask: the
    /// other effects spoil or delay a real answer, so the request always takes effect.
    #[serde(default)]
    pub is_applied: bool,
    /// What happens.
    pub effect: FaultEffect,
}

const fn one() -> u64 {
    1
}

impl FaultRule {
    /// Hits the first request that fits `matches`, once, without applying it.
    pub const fn once(matches: RequestMatch, effect: FaultEffect) -> Self {
        Self { matches, nth: 1, times: 1, is_applied: false, effect }
    }
}

/// What rules look at.
#[derive(Debug)]
pub(crate) struct Subject<'a> {
    pub(crate) service: &'a str,
    pub(crate) operation: &'a str,
    pub(crate) account: &'a str,
    pub(crate) region: &'a str,
    pub(crate) name: &'a str,
    pub(crate) is_mutating: bool,
}

impl RequestMatch {
    /// Whether a request fits.
    pub(crate) fn fits(&self, subject: &Subject<'_>) -> bool {
        let fits = |wanted: &Option<String>, found: &str| wanted.as_deref().is_none_or(|wanted| wanted == found);
        fits(&self.service, subject.service)
            && fits(&self.operation, subject.operation)
            && fits(&self.account, subject.account)
            && fits(&self.region, subject.region)
            && fits(&self.name, subject.name)
            && self.is_mutating.is_none_or(|wanted| wanted == subject.is_mutating)
    }
}

#[derive(Debug)]
struct Armed {
    rule: FaultRule,
    seen: u64,
}

/// A fault that hits the request at hand.
#[derive(Clone, Debug)]
pub(crate) struct Hit {
    pub(crate) effect: FaultEffect,
    pub(crate) is_applied: bool,
}

impl Hit {
    /// Short text for the request log.
    pub(crate) fn describe(&self) -> String {
        let kind = match &self.effect {
            FaultEffect::Error { status, code, .. } => format!("error {status} {code}"),
            FaultEffect::Drop => "drop".to_owned(),
            FaultEffect::Truncate { bytes } => format!("truncate after {bytes} bytes"),
            FaultEffect::HugeBody { mebibytes } => format!("huge body of {mebibytes} MiB"),
            FaultEffect::HtmlPage { status } => format!("html page {status}"),
            FaultEffect::Delay { millis } => format!("delay of {millis} ms"),
            FaultEffect::FailOperation { code, .. } => format!("operation fails with {code}"),
        };
        if self.is_applied { format!("{kind}, applied") } else { kind }
    }
}

/// The rules in force.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    rules: Vec<Armed>,
}

impl Faults {
    /// Adds a rule; false when there are too many.
    pub(crate) fn add(&mut self, rule: FaultRule) -> bool {
        let has_room = self.rules.len() < MOST_RULES;
        if has_room {
            self.rules.push(Armed { rule, seen: 0 });
        }
        has_room
    }

    /// Forgets all rules.
    pub(crate) fn clear(&mut self) {
        self.rules.clear();
    }

    /// Every rule counts the request; the first one that is due gives its effect.
    pub(crate) fn hit(&mut self, subject: &Subject<'_>) -> Option<Hit> {
        let mut hit = None;
        for armed in &mut self.rules {
            if !armed.rule.matches.fits(subject) {
                continue;
            }
            armed.seen += 1;
            let first = armed.rule.nth.max(1);
            let is_over = armed.rule.times != 0 && armed.seen >= first.saturating_add(armed.rule.times);
            if hit.is_none() && armed.seen >= first && !is_over {
                hit = Some(Hit { effect: armed.rule.effect.clone(), is_applied: armed.rule.is_applied });
            }
        }
        self.rules.retain(|armed| {
            let last = armed.rule.nth.max(1).saturating_add(armed.rule.times);
            armed.rule.times == 0 || armed.seen.saturating_add(1) < last
        });
        hit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUBJECT: Subject<'_> = Subject {
        service: "eks",
        operation: "CreateCluster",
        account: "111122223333",
        region: "eu-west-1",
        name: "a",
        is_mutating: true,
    };

    #[test]
    fn only_the_requests_that_are_due_are_hit() {
        let mut faults = Faults::default();
        let matches = RequestMatch { operation: Some("CreateCluster".to_owned()), ..RequestMatch::default() };
        faults.add(FaultRule { nth: 2, times: 2, ..FaultRule::once(matches, FaultEffect::Drop) });
        let hits: Vec<bool> = (0..4).map(|_| faults.hit(&SUBJECT).is_some()).collect();
        assert_eq!(hits, [false, true, true, false]);
        assert!(faults.rules.is_empty());
    }

    #[test]
    fn a_rule_for_another_region_is_not_counted() {
        let mut faults = Faults::default();
        let matches = RequestMatch { region: Some("us-east-1".to_owned()), ..RequestMatch::default() };
        faults.add(FaultRule::once(matches, FaultEffect::Drop));
        assert!(faults.hit(&SUBJECT).is_none());
        assert_eq!(faults.rules.len(), 1);
    }
}
