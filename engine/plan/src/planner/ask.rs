//! Questions that were asked, each once, and their answers.

use super::frame::Vertex;
use crate::question::{Answer, Asked, Question, QuestionId};
use crate::state::RecordKey;
use std::collections::BTreeMap;
use terrane_core::{InstanceAddr, Text, Value};
use terrane_provider::{FactKey, Facts, Fault};

/// What a question is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum About {
    /// A recorded object.
    Record(RecordKey),
    /// An object that is to be imported.
    Import(InstanceAddr),
    /// A data instance.
    Data(Vertex),
    /// A fact.
    Fact(FactKey),
    /// An intent.
    Intent(Text),
    /// A secret.
    Secret(Value),
}

/// The questions of one plan.
#[derive(Default)]
pub struct Asker {
    numbers: BTreeMap<About, usize>,
    answers: Vec<Option<Answer>>,
    facts: BTreeMap<FactKey, Result<Value, Fault>>,
    outbox: Vec<Asked>,
}

impl Asker {
    /// The answer about `about`; asks when nobody has.
    pub fn ask(&mut self, about: About, question: impl FnOnce() -> Question) -> Option<&Answer> {
        if let Some(number) = self.numbers.get(&about) {
            return self.answers.get(*number).and_then(Option::as_ref);
        }
        let number = self.answers.len();
        self.answers.push(None);
        self.numbers.insert(about, number);
        let id = QuestionId(u32::try_from(number).unwrap_or(u32::MAX));
        self.outbox.push(Asked { id, question: question() });
        None
    }

    /// The answer about `about`, without asking.
    pub fn answer(&self, about: &About) -> Option<&Answer> {
        self.numbers.get(about).and_then(|number| self.answers.get(*number)).and_then(Option::as_ref)
    }

    /// Takes in answers.
    pub fn supply(&mut self, answers: Vec<(QuestionId, Answer)>) {
        for (id, answer) in answers {
            if let Some(place) = usize::try_from(id.0).ok().and_then(|number| self.answers.get_mut(number)) {
                *place = Some(answer);
            }
        }
        for (about, number) in &self.numbers {
            if let (About::Fact(key), Some(Some(Answer::Fact(answer)))) = (about, self.answers.get(*number)) {
                self.facts.entry(key.clone()).or_insert_with(|| answer.clone());
            }
        }
    }

    /// Questions that nobody was given yet.
    pub fn take(&mut self) -> Vec<Asked> {
        std::mem::take(&mut self.outbox)
    }

    /// Whether every question has an answer.
    pub fn is_settled(&self) -> bool {
        self.answers.iter().all(Option::is_some)
    }

    /// Every fact that was answered, in order.
    pub fn facts(&self) -> impl Iterator<Item = (&FactKey, &Result<Value, Fault>)> {
        self.facts.iter()
    }
}

impl Facts for Asker {
    fn get(&self, key: &FactKey) -> Option<&Result<Value, Fault>> {
        self.facts.get(key)
    }
}
