//! Kill points: the client dies before the effect of a chosen request, after it, or just after the reply.
//!
//! In: a number of a changing request, counted from the moment of arming, and what dies. Out: for one request
//! whether it is the chosen one. When the moment comes, `Victim::strike` ends a process or calls the embedding program.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The moment within a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum KillMoment {
    /// The request has arrived, nothing is changed; no answer is ever sent.
    BeforeEffect,
    /// The change is made; no answer is ever sent.
    AfterEffect,
    /// The answer has been written in full, one millisecond has passed.
    AfterReply,
}

/// Who dies.
#[derive(Clone)]
pub enum Victim {
    /// The embedding program decides.
    Callback(Arc<dyn Fn() + Send + Sync>),
    /// This process gets SIGKILL.
    Process(i32),
}

impl fmt::Debug for Victim {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Callback(_) => out.write_str("Callback"),
            Self::Process(pid) => write!(out, "Process({pid})"),
        }
    }
}

impl Victim {
    /// Ends the victim; one that is already gone is no problem.
    pub(crate) fn strike(&self) {
        match self {
            Self::Callback(callback) => callback(),
            Self::Process(pid) => {
                if let Some(pid) = rustix::process::Pid::from_raw(*pid) {
                    // The process may have ended by itself; then there is nobody left to kill.
                    let _gone = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
                }
            }
        }
    }

    /// Init, process groups and the sandbox itself are never victims.
    pub(crate) fn is_allowed(&self) -> bool {
        match self {
            Self::Callback(_) => true,
            Self::Process(pid) => *pid > 1 && u32::try_from(*pid).is_ok_and(|pid| pid != std::process::id()),
        }
    }
}

/// One kill.
#[derive(Clone, Debug)]
pub struct KillPoint {
    /// The Nth changing request from now, from 1.
    pub nth: u64,
    /// The moment within that request.
    pub when: KillMoment,
    /// Who dies.
    pub victim: Victim,
}

/// A kill that is due in the request at hand.
#[derive(Clone, Debug)]
pub(crate) struct DueKill {
    pub(crate) when: KillMoment,
    pub(crate) victim: Victim,
}

/// The kill points that wait.
#[derive(Debug, Default)]
pub(crate) struct KillPoints {
    waiting: Vec<(u64, DueKill)>,
    mutating_requests: u64,
}

impl KillPoints {
    /// Arms a point; its number counts from now.
    pub(crate) fn arm(&mut self, point: KillPoint) {
        let number = self.mutating_requests.saturating_add(point.nth.max(1));
        self.waiting.push((number, DueKill { when: point.when, victim: point.victim }));
    }

    /// Forgets all points; the count goes on.
    pub(crate) fn clear(&mut self) {
        self.waiting.clear();
    }

    /// Changing requests so far.
    pub(crate) const fn count(&self) -> u64 {
        self.mutating_requests
    }

    /// Counts one changing request; its number and the kill that is due in it.
    pub(crate) fn next(&mut self) -> (u64, Option<DueKill>) {
        self.mutating_requests += 1;
        let number = self.mutating_requests;
        let due = self.waiting.iter().position(|(waiting, _)| *waiting == number);
        (number, due.map(|position| self.waiting.swap_remove(position).1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_counts_from_the_moment_it_is_armed() {
        let mut points = KillPoints::default();
        points.next();
        let victim = Victim::Callback(Arc::new(|| ()));
        points.arm(KillPoint { nth: 2, when: KillMoment::AfterEffect, victim });
        assert!(points.next().1.is_none());
        let (number, due) = points.next();
        assert_eq!((number, due.map(|due| due.when)), (3, Some(KillMoment::AfterEffect)));
    }

    #[test]
    fn the_sandbox_never_kills_itself_or_a_group() {
        let own = i32::try_from(std::process::id()).expect("pid");
        for pid in [own, 1, 0, -1] {
            assert!(!Victim::Process(pid).is_allowed());
        }
    }
}
