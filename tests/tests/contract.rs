//! The contract suite over every resource type: B1 to B9 of the providers, with the sandbox as their remote side.
//!
//! `test` follows each edit up to its plan and stops at a sample of the writes; `soak` (TERRANE_SOAK=1) applies each
//! edit and stops at every write. TERRANE_CONTRACT=eks_cluster runs the cases of one type.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a broken harness ends the suite; figures are printed")]

use futures_util::stream::{self, StreamExt as _};
use std::fmt::Display;
use std::future::Future;
use std::time::Duration;
use terrane_provider::contract::Contract;
use terrane_tests::contract::adoption;
use terrane_tests::contract::checks::{self, Violation};
use terrane_tests::contract::edits;
use terrane_tests::contract::stand::{Stand, is_inside, registry};
use terrane_tests::contract::{contracts, store::Stop};

/// Cases at once: they wait for the sandbox most of the time.
const AT_ONCE: usize = 6;
/// A case that takes longer is stuck.
const DEADLINE: Duration = Duration::from_secs(120);

fn is_soak() -> bool {
    std::env::var("TERRANE_SOAK").is_ok_and(|value| value == "1")
}

fn wanted() -> impl Iterator<Item = &'static Contract> {
    let only = std::env::var("TERRANE_CONTRACT").ok();
    contracts().filter(move |contract| only.as_deref().is_none_or(|only| only == contract.type_name))
}

fn remote() -> impl Iterator<Item = &'static Contract> {
    wanted().filter(|contract| contract.object.is_some())
}

/// Runs cases, and fails with all that is wrong.
async fn all<L: Display, F: Future<Output = Result<(), Violation>>>(cases: impl IntoIterator<Item = (L, F)>) {
    let runs = cases.into_iter().map(|(label, run)| async move {
        let ended = tokio::time::timeout(DEADLINE, run).await;
        let result = ended.unwrap_or_else(|_| Err(format!("it does not end in {} s", DEADLINE.as_secs())));
        result.map_err(|wrong| format!("{label}: {wrong}"))
    });
    let results: Vec<_> = stream::iter(runs).buffer_unordered(AT_ONCE).collect().await;
    let count = results.len();
    let wrong: Vec<String> = results.into_iter().filter_map(Result::err).collect();
    println!("{count} cases, {} wrong", wrong.len());
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// A test in a process of its own, with a runtime whose tasks run beside the one that waits for them.
macro_rules! suite {
    ($(#[$doc:meta])* $name:ident, $body:expr) => {
        $(#[$doc])*
        #[test]
        fn $name() {
            if is_inside(stringify!($name)) {
                let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
                runtime.unwrap().block_on($body);
            }
        }
    };
}

#[test]
fn every_type_has_its_cases() {
    let registry = registry();
    let without: Vec<_> = registry
        .resource_schemas()
        .filter(|schema| !contracts().any(|contract| contract.type_name == &*schema.type_name))
        .map(|schema| schema.type_name.clone())
        .collect();
    assert!(without.is_empty(), "{without:?} have none");
}

suite!(apply_brings_an_empty_plan_and_destroy_leaves_nothing, all(wanted().map(|c| (c.type_name, checks::life(c)))));
suite!(applied_twice_is_done_once, all(wanted().map(|c| (c.type_name, checks::apply_twice(c)))));
suite!(what_is_deleted_outside_is_made_again, all(remote().map(|c| (c.type_name, checks::deleted_outside(c)))));
suite!(another_account_is_never_an_empty_world, all(remote().map(|c| (c.type_name, checks::wrong_scope(c)))));
suite!(what_is_there_is_adopted_without_a_change, all(remote().map(|c| (c.type_name, adoption::adopt(c)))));
suite!(what_moves_keeps_its_object, all(wanted().map(|c| (c.type_name, adoption::moved(c)))));
suite!(an_adoption_that_stops_at_any_write_is_done_again, adoption_stops());
suite!(outside_changes_are_drift_where_the_leaf_is_ours, all(wanted().map(|c| (c.type_name, drift(c)))));
suite!(each_edit_becomes_what_its_type_says, all(wanted().flat_map(edit_cases)));

async fn drift(contract: &'static Contract) -> Result<(), Violation> {
    let stand = Stand::start(contract).await;
    stand.converge(terrane_plan::Options::default(), None).await?;
    for outside in contract.ours {
        checks::our_drift(&stand, outside).await.map_err(|wrong| format!("{}: {wrong}", outside.leaf))?;
    }
    for outside in contract.foreign {
        checks::foreign_drift(&stand, outside).await.map_err(|wrong| format!("{}: {wrong}", outside.leaf))?;
    }
    Ok(())
}

type Case = (String, std::pin::Pin<Box<dyn Future<Output = Result<(), Violation>>>>);

fn edit_cases(contract: &'static Contract) -> Vec<Case> {
    if is_soak() {
        let case = |edit: &'static terrane_provider::contract::Edit| -> Case {
            let label = format!("{} {} {:?}", contract.type_name, edit.argument, edit.to);
            (label, Box::pin(edits::edit(contract, edit)))
        };
        return contract.edits.iter().map(case).collect();
    }
    let planned = async move {
        let stand = Stand::start(contract).await;
        stand.converge(terrane_plan::Options::default(), None).await?;
        let mut wrong = Vec::new();
        for edit in contract.edits {
            if let Err(found) = edits::planned_edit(&stand, edit).await {
                wrong.push(format!("{} {:?}: {found}", edit.argument, edit.to));
            }
        }
        if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n  ")) }
    };
    vec![(contract.type_name.to_owned(), Box::pin(planned))]
}

suite!(a_run_that_stops_at_any_write_is_resumed, stops());

/// An adoption is few writes, whatever it takes over.
async fn adoption_stops() {
    let stops = (1..=4).flat_map(|write| [true, false].map(|is_durable| Stop { write, is_durable }));
    let stops: Vec<Stop> = stops.collect();
    let case = |(contract, stop): (&'static Contract, &Stop)| {
        let label = format!("{} write {}, durable {}", contract.type_name, stop.write, stop.is_durable);
        (label, adoption::adopt_again(contract, *stop))
    };
    all(remote().flat_map(|contract| stops.iter().map(move |stop| (contract, stop))).map(case)).await;
}

async fn stops() {
    let mut cases = Vec::new();
    for contract in wanted() {
        let (create, destroy) = checks::writes(contract).await.unwrap();
        let stride = if is_soak() { 1 } else { 5 };
        let mut number = 0;
        for (destroys, writes) in [(false, create), (true, destroy)] {
            for (write, is_durable) in (1..=writes).flat_map(|write| [(write, true), (write, false)]) {
                number += 1;
                if number % stride == 0 {
                    let label = format!(
                        "{} write {write} of {writes}, durable {is_durable}, destroys {destroys}",
                        contract.type_name
                    );
                    cases.push((label, checks::resume(contract, Stop { write, is_durable }, destroys)));
                }
            }
        }
    }
    all(cases).await;
}
