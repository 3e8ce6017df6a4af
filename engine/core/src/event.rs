//! What happens in a run, as it happens: the one stream behind the live view, JSON lines and reports.

use crate::change::Action;
use crate::{Diagnostic, InstanceAddr, Text};

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// Work on the processor goes on: what, how much is done, how much there is (0: not known).
    Phase {
        /// What is done, `Reading configuration`.
        name: &'static str,
        /// How many are done.
        done: usize,
        /// How many there are.
        total: usize,
    },
    /// An object is being read.
    ReadStarted {
        /// Its instance.
        addr: InstanceAddr,
        /// Its id.
        id: Text,
    },
    /// An object was read.
    ReadDone {
        /// Its instance.
        addr: InstanceAddr,
        /// Its id.
        id: Text,
    },
    /// Work on an instance began.
    ChangeStarted {
        /// The instance.
        addr: InstanceAddr,
        /// What is done to it.
        action: Action,
        /// Id of the object, where it is known.
        id: Option<Text>,
    },
    /// A step of an instance began.
    StepStarted {
        /// The instance.
        addr: InstanceAddr,
        /// What is done to it.
        action: Action,
        /// Name of the step.
        step: Text,
        /// How long it usually takes, in seconds; 0 where that is not known.
        expected_s: u32,
    },
    /// A step waits for the remote side.
    StepWaiting {
        /// The instance.
        addr: InstanceAddr,
        /// What is done to it.
        action: Action,
        /// Name of the step.
        step: Text,
        /// What it waits for.
        message: Text,
        /// How far the remote side is, where it tells.
        percent: Option<u8>,
        /// Since when, in milliseconds.
        elapsed_ms: u64,
    },
    /// A step ended and its outcome is durable.
    StepDone {
        /// The instance.
        addr: InstanceAddr,
        /// What is done to it.
        action: Action,
        /// Name of the step.
        step: Text,
    },
    /// Work on an instance ended well and its outcome is durable.
    ChangeDone {
        /// The instance.
        addr: InstanceAddr,
        /// What was done to it.
        action: Action,
        /// Id of the object.
        id: Option<Text>,
        /// How long it took, in milliseconds.
        elapsed_ms: u64,
    },
    /// Work on an instance stopped; the diagnostic comes as an event of its own.
    ChangeFailed {
        /// The instance.
        addr: InstanceAddr,
        /// What was to be done to it.
        action: Action,
        /// Id of the object, where it is known.
        id: Option<Text>,
        /// How long it took, in milliseconds.
        elapsed_ms: u64,
    },
    /// A request is held back by a budget or sent again.
    Held {
        /// What waits, `eks/111122223333/eu-west-1`.
        budget: Text,
        /// Why.
        why: Text,
        /// For how long, in milliseconds.
        wait_ms: u64,
    },
    /// A problem.
    Problem(Box<Diagnostic>),
}
