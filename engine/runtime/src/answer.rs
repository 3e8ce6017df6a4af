//! Answers to the questions of a planner: what many ask is asked once, and as much at once as the bound allows.

use crate::events::SharedSink;
use crate::remote::Remote;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use terrane_core::event::Event;
use terrane_core::{InstanceAddr, Text, Value};
use terrane_plan::question::{Answer, Asked, Question, QuestionId};
use terrane_provider::{Access, FactKey, Fault, FaultKind, Listing, ListingKey, Reading, Target, Unreadable};

/// Reads under way at once, where the command line says nothing.
pub const DEFAULT_PARALLELISM: usize = 64;

/// What is read is told under this name.
const PHASE: &str = "Reading";

type DataKey = (Text, Access, Value);

/// Answers one planner: each listing, fact, data source and digest is asked for once a run.
pub struct Answerer {
    remote: Arc<Remote>,
    sink: SharedSink,
    parallelism: usize,
    listings: Once<ListingKey, Result<Listing, Fault>>,
    facts: Once<FactKey, Result<Value, Fault>>,
    data: Once<DataKey, Result<Value, Fault>>,
    digests: Once<Value, Option<Text>>,
}

/// Answers that are kept.
struct Once<K, V>(Mutex<BTreeMap<K, V>>);

impl<K: Ord, V: Clone> Once<K, V> {
    fn new() -> Self {
        Self(Mutex::default())
    }

    fn get(&self, key: &K) -> Option<V> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    fn put(&self, key: K, value: V) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key, value);
    }
}

/// An object to be read.
struct Wanted {
    question: QuestionId,
    addr: InstanceAddr,
    target: Target,
    configuration: Value,
}

/// What is asked of the world in one go.
enum Job {
    List(ListingKey, Vec<Wanted>),
    Get(Box<Wanted>),
    Data { key: DataKey, configuration: Value, asked: Vec<QuestionId> },
    Fact { key: FactKey, configuration: Value, asked: Vec<QuestionId> },
    Digest { secret: Value, asked: Vec<QuestionId> },
    Resolve { question: QuestionId, intent: Box<terrane_provider::Intent>, configuration: Value },
}

type Answers = Vec<(QuestionId, Answer)>;

/// Questions sorted by what has to be asked for them.
#[derive(Default)]
struct Sorted {
    answers: Answers,
    jobs: Vec<Job>,
    listed: BTreeMap<ListingKey, Vec<Wanted>>,
    data: BTreeMap<DataKey, (Value, Vec<QuestionId>)>,
    facts: BTreeMap<FactKey, (Value, Vec<QuestionId>)>,
    digests: BTreeMap<Value, Vec<QuestionId>>,
}

impl Answerer {
    /// Answers through `remote`; 0 stands for the default bound.
    pub fn new(remote: Arc<Remote>, sink: SharedSink, parallelism: usize) -> Self {
        let parallelism = if parallelism == 0 { DEFAULT_PARALLELISM } else { parallelism };
        let (listings, facts) = (Once::new(), Once::new());
        Self { remote, sink, parallelism, listings, facts, data: Once::new(), digests: Once::new() }
    }

    /// Answers all of them.
    pub async fn answer_all(&self, questions: Vec<Asked>) -> Answers {
        let total = questions.len();
        let Sorted { mut answers, jobs, .. } = self.sort(questions);
        self.tell(answers.len(), total);
        let mut jobs = jobs.into_iter();
        let mut under_way: FuturesUnordered<_> =
            jobs.by_ref().take(self.parallelism).map(|job| self.run(job)).collect();
        while let Some(answered) = under_way.next().await {
            answers.extend(answered);
            self.tell(answers.len(), total);
            under_way.extend(jobs.next().map(|job| self.run(job)));
        }
        answers
    }

    fn tell(&self, done: usize, total: usize) {
        self.sink.event(Event::Phase { name: PHASE, done, total });
    }

    fn sort(&self, questions: Vec<Asked>) -> Sorted {
        let mut sorted = Sorted::default();
        for Asked { id, question } in questions {
            match question {
                Question::Read { addr, target, configuration } => {
                    self.sort_read(Wanted { question: id, addr, target: *target, configuration }, &mut sorted);
                }
                Question::Data { addr, access, configuration, written } => {
                    let key = (addr.resource.type_name.clone(), access, written);
                    match self.data.get(&key) {
                        Some(known) => sorted.answers.push((id, Answer::Data(known))),
                        None => sorted.data.entry(key).or_insert_with(|| (configuration, Vec::new())).1.push(id),
                    }
                }
                Question::Fact { key, configuration } => match self.facts.get(&key) {
                    Some(known) => sorted.answers.push((id, Answer::Fact(known))),
                    None => sorted.facts.entry(key).or_insert_with(|| (configuration, Vec::new())).1.push(id),
                },
                Question::Digest { secret } => match self.digests.get(&secret) {
                    Some(known) => sorted.answers.push((id, Answer::Digest(known))),
                    None => sorted.digests.entry(secret).or_default().push(id),
                },
                Question::Resolve { intent, configuration } => {
                    sorted.jobs.push(Job::Resolve { question: id, intent, configuration });
                }
            }
        }
        self.make_jobs(&mut sorted);
        sorted
    }

    fn sort_read(&self, mut wanted: Wanted, sorted: &mut Sorted) {
        let kind = match self.remote.resource(&wanted.target.id.type_name) {
            Ok(kind) => kind,
            Err(fault) => {
                sorted.answers.push((wanted.question, failed(fault)));
                return;
            }
        };
        if kind.is_record_only() {
            sorted.answers.push((wanted.question, Answer::Read(Reading::Present(wanted.target.seen))));
            return;
        }
        wanted.target = self.remote.with_secrets_in_target(&wanted.addr, wanted.target);
        match kind.listing(&wanted.target) {
            Some(key) => sorted.listed.entry(key).or_default().push(wanted),
            None => sorted.jobs.push(Job::Get(Box::new(wanted))),
        }
    }

    fn make_jobs(&self, sorted: &mut Sorted) {
        for (key, wanted) in std::mem::take(&mut sorted.listed) {
            if self.listings.get(&key).is_some() || self.is_listing_cheaper(&wanted) {
                sorted.jobs.push(Job::List(key, wanted));
            } else {
                sorted.jobs.extend(wanted.into_iter().map(|wanted| Job::Get(Box::new(wanted))));
            }
        }
        let data = std::mem::take(&mut sorted.data).into_iter();
        sorted.jobs.extend(data.map(|(key, (configuration, asked))| Job::Data { key, configuration, asked }));
        let facts = std::mem::take(&mut sorted.facts).into_iter();
        sorted.jobs.extend(facts.map(|(key, (configuration, asked))| Job::Fact { key, configuration, asked }));
        let digests = std::mem::take(&mut sorted.digests).into_iter();
        sorted.jobs.extend(digests.map(|(secret, asked)| Job::Digest { secret, asked }));
    }

    fn is_listing_cheaper(&self, wanted: &[Wanted]) -> bool {
        let Some(first) = wanted.first() else { return false };
        let kind = self.remote.resource(&first.target.id.type_name);
        kind.map(|kind| kind.read_cost(wanted.len())).is_ok_and(|cost| cost.list < cost.get)
    }

    async fn run(&self, job: Job) -> Answers {
        match job {
            Job::List(key, wanted) => self.list(key, wanted).await,
            Job::Get(wanted) => vec![self.get(*wanted).await],
            Job::Data { key, configuration, asked } => {
                let (type_name, access, written) = &key;
                let result = self.remote.data(type_name, access, written, &configuration).await;
                self.data.put(key, result.clone());
                same_for_all(asked, &Answer::Data(result))
            }
            Job::Fact { key, configuration, asked } => {
                let result = self.remote.fact(&key, &configuration).await;
                self.facts.put(key, result.clone());
                same_for_all(asked, &Answer::Fact(result))
            }
            Job::Digest { secret, asked } => {
                let digest = self.remote.services.secrets.digest(&secret).await;
                self.digests.put(secret, digest.clone());
                same_for_all(asked, &Answer::Digest(digest))
            }
            Job::Resolve { question, intent, configuration } => {
                vec![(question, Answer::Resolve(self.remote.resolve(&intent, &configuration).await))]
            }
        }
    }

    async fn get(&self, wanted: Wanted) -> (QuestionId, Answer) {
        let Wanted { question, addr, target, configuration } = wanted;
        let id: Text = target.id.to_string().into();
        self.sink.event(Event::ReadStarted { addr: addr.clone(), id: id.clone() });
        let reading = self.remote.get(&target, &configuration).await;
        self.sink.event(Event::ReadDone { addr, id });
        (question, Answer::Read(reading))
    }

    async fn list(&self, key: ListingKey, wanted: Vec<Wanted>) -> Answers {
        let Some(first) = wanted.first() else { return Vec::new() };
        let (type_name, account) = (first.target.id.type_name.clone(), first.target.id.scope.account.clone());
        let configuration = first.configuration.clone();
        let listing = match self.listings.get(&key) {
            Some(known) => known,
            None => {
                let listing = self.remote.list(&type_name, &key, &account, &configuration).await;
                self.listings.put(key, listing.clone());
                listing
            }
        };
        match listing {
            Ok(listing) => {
                let mut answers = Vec::with_capacity(wanted.len());
                for wanted in wanted {
                    answers.push(self.extract(&listing, wanted).await);
                }
                answers
            }
            // Whoever may not list may still be allowed to look at each.
            Err(fault) if matches!(fault.kind, FaultKind::Denied { .. }) => {
                let mut answers = Vec::with_capacity(wanted.len());
                for wanted in wanted {
                    answers.push(self.get(wanted).await);
                }
                answers
            }
            Err(fault) => wanted.into_iter().map(|wanted| (wanted.question, failed(fault.clone()))).collect(),
        }
    }

    /// What a listing shows of an object; one that is too new to show is looked at alone.
    async fn extract(&self, listing: &Listing, wanted: Wanted) -> (QuestionId, Answer) {
        let reading = self.remote.extract(listing, &wanted.target);
        if !self.remote.is_believed(&reading, &wanted.target) {
            return self.get(wanted).await;
        }
        let Wanted { question, addr, target, .. } = wanted;
        let id: Text = target.id.to_string().into();
        self.sink.event(Event::ReadStarted { addr: addr.clone(), id: id.clone() });
        self.sink.event(Event::ReadDone { addr, id });
        (question, Answer::Read(reading))
    }
}

fn same_for_all(asked: Vec<QuestionId>, answer: &Answer) -> Answers {
    asked.into_iter().map(|id| (id, answer.clone())).collect()
}

fn failed(fault: Fault) -> Answer {
    let reason = match fault.kind {
        FaultKind::WrongScope { .. } => Unreadable::WrongScope(fault),
        _ => Unreadable::Failed(fault),
    };
    Answer::Read(Reading::Unreadable(reason))
}

#[cfg(test)]
mod tests;
