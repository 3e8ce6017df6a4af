//! Work under the lock, through the workspace as the command line sees it.

use super::*;
use crate::environment::Environment;
use crate::events::nowhere;
use crate::testing::{Fake, FakeProvider, addr, plan_of_records};
use tempfile::TempDir;
use terrane_core::event::Event;

fn workspace(folder: &TempDir) -> Workspace {
    let (_, registry) = FakeProvider::registry(Fake::default());
    Workspace::open(folder.path(), registry, Environment::new("ann@here", [])).unwrap()
}

fn silence() -> mpsc::Receiver<Signal> {
    mpsc::channel(1).1
}

async fn applied(session: &mut Session<'_>, plan: Plan, sink: &SharedSink) -> Applied {
    session.apply(Arc::new(plan), ApplyRequest::default(), sink, silence()).await.unwrap()
}

#[tokio::test]
async fn ten_thousand_records_are_made_and_are_in_the_state_that_is_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let workspace = workspace(&folder);
    let mut session = workspace.lock("apply", 0).await.unwrap();
    let applied = applied(&mut session, plan_of_records(10_000), &nowhere()).await;
    assert_eq!((applied.end, applied.problems), (End::Complete, Vec::new()));
    let state = session.state().clone();
    assert_eq!(state.objects.len(), 10_000);
    session.close().await.unwrap();
    assert_eq!(workspace.state().await.unwrap(), (state, Vec::new()));
}

#[tokio::test]
async fn a_plan_is_applied_once() {
    let folder = tempfile::tempdir().unwrap();
    let workspace = workspace(&folder);
    let mut session = workspace.lock("apply", 0).await.unwrap();
    applied(&mut session, plan_of_records(2), &nowhere()).await;
    let again = session.apply(Arc::new(plan_of_records(2)), ApplyRequest::default(), &nowhere(), silence()).await;
    assert_eq!(again.unwrap_err().kind.id, "plan-stale");
}

#[tokio::test]
async fn what_is_forgotten_is_gone_and_what_is_not_there_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let workspace = workspace(&folder);
    let mut session = workspace.lock("state rm", 0).await.unwrap();
    applied(&mut session, plan_of_records(3), &nowhere()).await;
    let key = |at: usize| (addr(&format!("fake_record.r[{at}]")), None);
    let refused = session.forget(&[key(0), key(7)]).await.unwrap_err();
    assert_eq!(refused.kind.id, "record-not-found");
    assert_eq!(session.state().objects.len(), 3, "nothing is taken out then");
    session.forget(&[key(0), key(1)]).await.unwrap();
    session.close().await.unwrap();
    let (state, _) = workspace.state().await.unwrap();
    assert_eq!(state.objects.keys().cloned().collect::<Vec<_>>(), [key(2)]);
}

#[tokio::test]
async fn a_second_run_hears_who_holds_the_lock_and_may_wait_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (workspace(&folder), workspace(&folder));
    let session = first.lock("apply", 0).await.unwrap();
    let refused = second.lock("destroy", 2).await.err().unwrap();
    assert_eq!(refused.kind.id, "state-locked");
    assert!(refused.message().contains("ann@here") && refused.message().contains("apply"), "{}", refused.message());
    assert_eq!(&*second.lock_holder().await.unwrap().unwrap().operation, "apply");
    let (waited, closed) = tokio::join!(second.lock("destroy", 10_000), session.close());
    assert!(waited.is_ok() && closed.is_ok());
}

#[tokio::test]
async fn a_run_that_lost_its_lock_stops_writing_and_says_so_once() {
    let folder = tempfile::tempdir().unwrap();
    let workspace = workspace(&folder);
    let mut session = workspace.lock("apply", 0).await.unwrap();
    std::fs::remove_file(folder.path().join("terrane.state/lock")).unwrap();
    let told = Arc::new(std::sync::Mutex::new(Vec::new()));
    let sink: SharedSink = {
        let told = told.clone();
        Arc::new(move |event| {
            if let Event::Problem(problem) = event {
                told.lock().unwrap().push(problem.kind.id);
            }
        })
    };
    let applied = applied(&mut session, plan_of_records(3), &sink).await;
    assert_eq!(applied.end, End::StateFailed);
    assert_eq!(applied.problems.iter().map(|problem| problem.kind.id).collect::<Vec<_>>(), ["lock-lost"]);
    assert_eq!(*told.lock().unwrap(), ["lock-lost"]);
    assert!(session.state().is_new());
}

#[tokio::test]
async fn a_damaged_journal_is_said_once_it_is_not_being_written() {
    let folder = tempfile::tempdir().unwrap();
    let workspace = workspace(&folder);
    let mut session = workspace.lock("apply", 0).await.unwrap();
    applied(&mut session, plan_of_records(1), &nowhere()).await;
    let log = folder.path().join("terrane.state/log");
    let whole = std::fs::metadata(&log).unwrap().len();
    std::fs::OpenOptions::new().write(true).open(&log).unwrap().set_len(whole - 3).unwrap();
    assert!(workspace.state().await.unwrap().1.is_empty(), "an entry on its way is no damage");
    session.close().await.unwrap();
    assert_eq!(workspace.state().await.unwrap().1.first().unwrap().kind.id, "journal-damaged");
    let session = workspace.lock("apply", 0).await.unwrap();
    assert!(session.warnings().first().unwrap().message().contains("log.damaged-"));
}
