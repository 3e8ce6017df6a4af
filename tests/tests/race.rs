//! A6, A11: writers that race for one state, over a line that loses, delays and repeats requests, while runs are killed
//! or stand still for longer than their lease. Nothing that was acknowledged is lost, and nothing is doubled.
//!
//! All of it happens in memory and on a clock of its own, so a round takes milliseconds. The whole suite runs in `soak`
//! (TERRANE_SOAK=1); `test` takes a sample. TERRANE_RACE_SEED=N runs one round. Real places have their own suite.

use std::sync::Arc;
use terrane_tests::race::{InMemory, Mutant, Tally, VirtualTime, race};

fn is_soak() -> bool {
    std::env::var("TERRANE_SOAK").is_ok_and(|value| value == "1")
}

fn rounds(seeds: impl Iterator<Item = u64>, mutant: Mutant) -> Tally {
    let mut tally = Tally::default();
    for seed in seeds {
        let (clock, runtime) = VirtualTime::start(1_700_000_000_000);
        tally += runtime.block_on(race(Arc::new(InMemory::new(clock)), mutant, seed));
    }
    tally
}

#[test]
fn no_race_loses_or_doubles_an_entry() {
    let only = std::env::var("TERRANE_RACE_SEED").ok().map(|seed| seed.parse::<u64>().unwrap());
    let seeds = only.map_or(1..=if is_soak() { 1_000 } else { 40 }, |seed| seed..=seed);
    let tally = rounds(seeds, Mutant::None);
    println!("{tally}");
    assert!(tally.violations.is_empty(), "{:#?}", tally.violations);
    let is_rough = tally.fenced > 20 && tally.killed > 20 && tally.landed > 5 && tally.lost > 5;
    assert!(only.is_some() || (is_rough && tally.acknowledged > 1_000), "the rounds went too smoothly: {tally}");
}

#[test]
fn a_place_that_breaks_its_word_is_noticed() {
    for mutant in [Mutant::Overwrites, Mutant::Forgets] {
        let tally = rounds(1..=20, mutant);
        println!("{mutant:?}: {} violations in {} rounds", tally.violations.len(), tally.rounds);
        assert!(!tally.violations.is_empty(), "{mutant:?} goes unnoticed");
    }
}
