//! What the planner asks, and the answers.

use terrane_core::{InstanceAddr, Text, Value};
use terrane_provider::{Access, FactKey, Fault, Intent, Reading, Resolution, Target};

/// Number of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct QuestionId(pub u32);

/// A question about the world. `configuration` is the provider block that the access names.
#[derive(Clone, Debug, PartialEq)]
pub enum Question {
    /// What is there of an object?
    Read {
        /// The instance.
        addr: InstanceAddr,
        /// The object.
        target: Box<Target>,
        /// The provider block.
        configuration: Value,
    },
    /// What does a data source say?
    Data {
        /// The instance.
        addr: InstanceAddr,
        /// How it is reached.
        access: Access,
        /// The provider block.
        configuration: Value,
        /// What is written, wholly known.
        written: Value,
    },
    /// A fact that a type needs for its judgement.
    Fact {
        /// The question of the type.
        key: FactKey,
        /// The provider block.
        configuration: Value,
    },
    /// What became of an intent?
    Resolve {
        /// The intent.
        intent: Box<Intent>,
        /// The provider block.
        configuration: Value,
    },
    /// The keyed digest of a secret.
    Digest {
        /// The secret, an expression.
        secret: Value,
    },
}

/// A numbered question.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// Its number.
    pub id: QuestionId,
    /// The question.
    pub question: Question,
}

/// An answer to the question of the same kind.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// To [`Question::Read`].
    Read(Reading),
    /// To [`Question::Data`].
    Data(Result<Value, Fault>),
    /// To [`Question::Fact`].
    Fact(Result<Value, Fault>),
    /// To [`Question::Resolve`].
    Resolve(Resolution),
    /// To [`Question::Digest`]; `None` without a key or when the secret cannot be resolved.
    Digest(Option<Text>),
}

/// How far a planner is.
#[derive(Debug)]
pub enum Progress {
    /// Answer any of these, in any order, and come again.
    Ask(Vec<Asked>),
    /// The plan, or the problems that prevent one.
    Done(Box<crate::planner::Outcome>),
}
