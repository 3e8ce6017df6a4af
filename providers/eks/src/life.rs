//! The life of what EKS takes minutes to make, change and remove: a cluster and a node group go through the same
//! stages, and every stage can be entered again after a stop.
//!
//! In: a step and how its object is asked, made and removed. Out: how the step stands.

use crate::client::Session;
use crate::error;
use crate::limits::table;
use crate::progress::{self, pending};
use crate::role::{CREATE_ROLE, DELETE_ROLE, OwnedRole};
use crate::tags::Tags;
use crate::update::{self, Of, State};
use terrane_core::Value;
use terrane_provider::{Fault, FaultKind, Handle, Progress, StepCall};

/// The step that changes tags.
pub const UPDATE_TAGS: &str = "update-tags";

/// Where an object stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// It is there and at rest.
    Active,
    /// It is being changed.
    Changing,
    /// It never came up; it still occupies its name.
    Broken,
    /// It is being removed, or could not be.
    Going,
    /// It is being made, or EKS says something else.
    Other,
}

/// Names of steps that not every object shares.
#[derive(Clone, Copy, Debug)]
pub struct Steps {
    /// Makes it.
    pub create: &'static str,
    /// Gives its role its policies.
    pub attach: &'static str,
    /// Removes it.
    pub delete: &'static str,
}

/// An object with a long life, in the course of a step.
pub trait Life: Sync {
    /// EKS's own description of it.
    type Remote: Send + Sync;
    /// `node group`.
    const NOUN: &'static str;
    /// The operation that describes it.
    const DESCRIBE: &'static str;
    /// Code of the fault when it never came up and EKS gives none.
    const FAILED: &'static str;
    /// Names of the steps that make it, give its role its policies, and remove it.
    const STEPS: Steps;

    /// The step.
    fn call(&self) -> &StepCall;
    /// Clients.
    fn session(&self) -> &Session<'_>;
    /// The role that was made for it.
    fn role(&self) -> OwnedRole<'_>;
    /// Tags that a create sends.
    fn marked(&self) -> Result<Tags, Fault>;
    /// Whose updates are asked for.
    fn of(&self) -> Of<'_>;
    /// The object; `None` where the answer proves that there is none.
    fn find(&self) -> impl Future<Output = Result<Option<Self::Remote>, Fault>> + Send;
    /// Sends the request that makes it.
    fn send_create(&self, token: &str) -> impl Future<Output = Result<(), Fault>> + Send;
    /// Sends the request that removes it.
    fn send_delete(&self) -> impl Future<Output = Result<(), Fault>> + Send;
    /// Sends the update of this step and gives its id; `None` where there is nothing to change or to wait for.
    fn send_update(&self) -> impl Future<Output = Result<Option<String>, Fault>> + Send;
    /// Brings its tags to what is planned.
    fn send_tags(&self, remote: &Self::Remote) -> impl Future<Output = Result<(), Fault>> + Send;
    /// It as an object of our schema.
    fn shown(&self, remote: &Self::Remote) -> Value;
    /// Whether a run of ours made it for this step.
    fn is_ours(&self, remote: &Self::Remote) -> bool;
    /// Where it stands, and EKS's word for that.
    fn stage<'r>(&self, remote: &'r Self::Remote) -> (Stage, &'r str);
    /// Whether its removal failed.
    fn is_stuck(&self, remote: &Self::Remote) -> bool;
    /// Code and words of what is wrong with it; no words where EKS gives none.
    fn issues(&self, remote: &Self::Remote) -> (Option<String>, String);

    /// Its name.
    fn name(&self) -> &str {
        &self.call().id.key
    }
}

fn check_ms<L: Life>(life: &L) -> u64 {
    table().check_ms(&life.call().step)
}

fn waits<L: Life>(life: &L, kind: &str, count: i64, status: &str) -> Progress {
    pending(progress::counted(kind, count), check_ms(life), &format!("{} {} is {status}", L::NOUN, life.name()))
}

fn busy<L: Life>() -> Progress {
    let handle = progress::counted(progress::RETRY, 0);
    pending(handle, table().waits.busy_check_ms, &format!("waits for another change of the {}", L::NOUN))
}

fn gone<L: Life>(what: &str) -> Fault {
    Fault::new(FaultKind::Gone, L::DESCRIBE, format!("{what} is not there any more"))
}

/// Begins the step.
///
/// # Errors
/// Why that failed.
pub async fn start<L: Life>(life: &L) -> Result<Progress, Fault> {
    begin(life, 0).await
}

/// Asks how the step stands.
///
/// # Errors
/// Why it failed.
pub async fn poll<L: Life>(life: &L, handle: &Handle) -> Result<Progress, Fault> {
    let count = progress::count(handle);
    match &*handle.kind {
        progress::CREATE => created(life, count).await,
        progress::UPDATE => updating(life, progress::update_id(handle)).await,
        progress::SETTLE => settled(life).await,
        progress::DELETE => deleted(life).await,
        progress::CLEAR => cleared(life).await,
        progress::RETRY => begin(life, count).await,
        other => {
            let message = format!("no step of a {} leaves a handle {other}", L::NOUN);
            Err(Fault::bug(life.call().step.clone(), message))
        }
    }
}

/// Sends what the step sends; `tries` counts those that came too early.
async fn begin<L: Life>(life: &L, tries: i64) -> Result<Progress, Fault> {
    let Steps { create: create_step, attach, delete: delete_step } = L::STEPS;
    match &*life.call().step {
        CREATE_ROLE => life.role().create(&life.marked()?, tries).await,
        DELETE_ROLE => life.role().delete(tries).await,
        UPDATE_TAGS => tags(life).await,
        step if step == attach => life.role().attach(tries).await,
        step if step == create_step => create(life, tries, "").await,
        step if step == delete_step => delete(life).await,
        _ => update(life).await,
    }
}

/// Brings the tags to what is planned. It starts from what is there now, so it can be repeated.
async fn tags<L: Life>(life: &L) -> Result<Progress, Fault> {
    life.send_tags(&must_find(life).await?).await?;
    settled(life).await
}

/// Makes it. While its role is not known everywhere, or something else is busy, that is tried again.
/// `suffix` sets the token apart from that of a request whose object was removed again.
async fn create<L: Life>(life: &L, tries: i64, suffix: &str) -> Result<Progress, Fault> {
    match life.send_create(&format!("{}{suffix}", life.call().token)).await {
        Ok(()) => Ok(waits(life, progress::CREATE, 0, "CREATING")),
        Err(fault) if error::is_taken(&fault) => adopt(life, fault).await,
        Err(fault) if error::is_busy(&fault) => Ok(busy::<L>()),
        Err(fault) if error::is_propagating(&fault) && tries < table().propagation_tries() => {
            let handle = progress::counted(progress::RETRY, tries + 1);
            Ok(pending(handle, table().waits.propagation_check_ms, "the role is not known to EKS yet"))
        }
        Err(fault) => Err(fault),
    }
}

/// One of that name is there: begun by an earlier try of ours, or somebody else's.
async fn adopt<L: Life>(life: &L, fault: Fault) -> Result<Progress, Fault> {
    match life.find().await?.as_ref() {
        Some(remote) if !life.is_ours(remote) => {
            let help = format!("choose another name, or import the {}: its id is {}", L::NOUN, life.call().id);
            Err(fault.code("name-taken").help(help))
        }
        Some(remote) if life.stage(remote).0 == Stage::Broken => clear(life).await,
        _ => created(life, 0).await,
    }
}

/// Removes one of ours that failed to come up; it still occupies the name.
async fn clear<L: Life>(life: &L) -> Result<Progress, Fault> {
    match life.send_delete().await {
        Err(fault) if !error::is_gone(&fault) && !error::is_busy(&fault) => Err(fault),
        _ => Ok(clearing(life)),
    }
}

fn clearing<L: Life>(life: &L) -> Progress {
    let message = format!("removes the {} that failed, to make it again", L::NOUN);
    pending(progress::counted(progress::CLEAR, 0), check_ms(life), &message)
}

/// How the removal of one that failed to come up stands; once it is gone, it is made again.
async fn cleared<L: Life>(life: &L) -> Result<Progress, Fault> {
    match life.find().await? {
        None => create(life, 0, "-again").await,
        Some(remote) if life.stage(&remote).0 == Stage::Broken => clear(life).await,
        Some(_) => Ok(clearing(life)),
    }
}

/// How its making stands. `missing` counts answers in which it was not.
async fn created<L: Life>(life: &L, missing: i64) -> Result<Progress, Fault> {
    let Some(remote) = life.find().await? else {
        if missing < table().missing_polls(&life.call().step) {
            return Ok(waits(life, progress::CREATE, missing + 1, "not in answers yet"));
        }
        return Err(gone::<L>(&format!("the new {}", L::NOUN)));
    };
    match life.stage(&remote) {
        (Stage::Active, _) => Ok(Progress::Done(life.shown(&remote))),
        (Stage::Broken | Stage::Going, _) => Err(failed(life, &remote)),
        (Stage::Changing | Stage::Other, status) => Ok(waits(life, progress::CREATE, 0, status)),
    }
}

fn failed<L: Life>(life: &L, remote: &L::Remote) -> Fault {
    let (code, issues) = life.issues(remote);
    let issues = if issues.is_empty() { "EKS gives no reason".to_owned() } else { issues };
    let message = format!("{} {} is {}: {issues}", L::NOUN, life.name(), life.stage(remote).1);
    let help = format!("mend the reason and apply again: a {} that never came up is removed and made anew", L::NOUN);
    Fault::new(FaultKind::Conflict, L::DESCRIBE, message).code(code.unwrap_or_else(|| L::FAILED.to_owned())).help(help)
}

/// The object, where a step works on one that has to be there.
///
/// # Errors
/// `Gone`.
pub async fn must_find<L: Life>(life: &L) -> Result<L::Remote, Fault> {
    life.find().await?.ok_or_else(|| gone::<L>(&format!("the {}", L::NOUN)))
}

/// Sends the update of this step, and waits for it.
async fn update<L: Life>(life: &L) -> Result<Progress, Fault> {
    match life.send_update().await {
        Ok(Some(id)) => Ok(pending(progress::update(&id), check_ms(life), "the update was taken")),
        Ok(None) => settled(life).await,
        Err(fault) if error::is_nothing_to_change(&fault) => settled(life).await,
        Err(fault) if error::is_busy(&fault) => Ok(busy::<L>()),
        Err(fault) => Err(fault),
    }
}

/// How an update stands.
async fn updating<L: Life>(life: &L, id: &str) -> Result<Progress, Fault> {
    match update::state(life.session(), life.of(), id).await? {
        State::Done => settled(life).await,
        State::Running => Ok(pending(progress::update(id), check_ms(life), "the update goes on")),
    }
}

/// The object as it is now, once it is at rest.
async fn settled<L: Life>(life: &L) -> Result<Progress, Fault> {
    let remote = must_find(life).await?;
    match life.stage(&remote).0 {
        Stage::Changing => {
            let message = format!("the {} is UPDATING", L::NOUN);
            Ok(pending(progress::counted(progress::SETTLE, 0), check_ms(life), &message))
        }
        Stage::Broken => Err(failed(life, &remote)),
        Stage::Active | Stage::Going | Stage::Other => Ok(Progress::Done(life.shown(&remote))),
    }
}

/// Removes it.
async fn delete<L: Life>(life: &L) -> Result<Progress, Fault> {
    match life.send_delete().await {
        Ok(()) => Ok(waits(life, progress::DELETE, 0, "DELETING")),
        Err(fault) if error::is_gone(&fault) => Ok(Progress::Done(Value::NULL)),
        Err(fault) if error::is_busy(&fault) => Ok(busy::<L>()),
        Err(fault) => Err(fault),
    }
}

/// How its removal stands.
async fn deleted<L: Life>(life: &L) -> Result<Progress, Fault> {
    match life.find().await? {
        None => Ok(Progress::Done(Value::NULL)),
        Some(remote) if life.is_stuck(&remote) => Err(failed(life, &remote)),
        Some(remote) => Ok(waits(life, progress::DELETE, 0, life.stage(&remote).1)),
    }
}
