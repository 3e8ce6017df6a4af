//! A11: stop before and after every effect, lose what was not durable, recover, finish, and look.
//!
//! The whole suite runs in `soak` (TERRANE_SOAK=1); `test` takes a seeded sample. TERRANE_SIM_SEED=N runs the
//! graph of that seed alone, or `fleet` the fleet.

#![expect(clippy::unwrap_used, reason = "a broken harness ends the suite")]

use terrane_core::Diagnostic;
use terrane_core::change::Action;
use terrane_plan::Options;
use terrane_plan::plan::Mode;
use terrane_plan::schedule::End;
use terrane_tests::memory::MemorySources;
use terrane_tests::sim::driver::{Dice, Outcome, SECRET};
use terrane_tests::sim::graphs::{Graph, fleet};
use terrane_tests::sim::{CrashAt, Mutant, Simulation};

/// One configuration after another, with what the cloud has to hold after it.
struct Transition {
    sources: MemorySources,
    options: Options,
    holds: Vec<(String, String)>,
    /// Whether the state was lost before.
    is_forgotten: bool,
}

fn sources(text: &str) -> MemorySources {
    let mut sources = MemorySources::main(text);
    sources.environment.insert("SIM_SECRET".into(), SECRET.into());
    sources
}

fn to(text: &str, holds: Vec<(String, String)>) -> Transition {
    let labels = (0..13).flat_map(|name| ["c", "k"].map(|label| format!("sim_cluster.{label}{name}")));
    let allow_replace = labels.map(|label| label.parse().unwrap()).collect();
    let options = Options { allow_replace, ..Options::default() };
    Transition { sources: sources(text), options, holds, is_forgotten: false }
}

fn destroy(text: &str) -> Transition {
    Transition {
        sources: sources(text),
        options: Options { mode: Mode::Destroy, ..Options::default() },
        holds: Vec::new(),
        is_forgotten: false,
    }
}

fn shown(problems: &[Diagnostic]) -> String {
    problems.iter().map(|p| format!("{} {:?} {}\n", p.kind.id, p.place, p.message())).collect()
}

/// What is wrong with a finished world; empty when nothing is.
fn violations(sim: &mut Simulation, transition: &Transition, outcome: &Outcome) -> Vec<String> {
    let mut found = Vec::new();
    if outcome.end != Some(End::Complete) {
        found.push(format!("ended as {:?}: {}", outcome.end, shown(&outcome.problems)));
    }
    let mut live: Vec<(String, String)> =
        sim.cloud.objects.iter().map(|object| (object.kind.to_string(), object.name.to_string())).collect();
    live.sort();
    if live != transition.holds {
        found.push(format!("the cloud holds {live:?} instead of {:?}", transition.holds));
    }
    let state = sim.state();
    if !state.intents.is_empty() {
        found.push(format!("open intents: {}", state.intents.len()));
    }
    let recorded: Vec<String> = state.objects.values().map(|record| record.id.to_string()).collect();
    for object in sim.cloud.objects.iter().filter(|object| object.kind != "role") {
        if !recorded.contains(&format!("acct/r1/{}", object.name)) {
            found.push(format!("{} {} is not in the state", object.kind, object.name));
        }
    }
    sim.cloud.advance(sim.cloud.now_ms + 1_000_000);
    match sim.plan(&transition.sources, &transition.options) {
        Ok(plan) if plan.is_empty() => {}
        Ok(plan) => {
            let changes: Vec<_> = plan
                .changes
                .iter()
                .filter(|c| c.action != Action::NoOp)
                .map(|c| (c.addr.to_string(), c.action, c.leaves.clone()))
                .collect();
            found.push(format!("the next plan is not empty: {changes:?} {:?}", plan.outputs));
        }
        Err(problems) => found.push(format!("the next plan fails: {}", shown(&problems))),
    }
    if sim.artefacts().contains(SECRET) {
        found.push("a secret is written somewhere".into());
    }
    found
}

/// What was told to be done has to be in the state that is left.
fn told_is_durable(sim: &Simulation) -> Vec<String> {
    let state = sim.state();
    let is_kept = |addr: &terrane_core::InstanceAddr, action: &Action| match action {
        Action::Delete => true,
        _ => state.record(addr).is_some_and(|record| record.partial.is_none()),
    };
    let gone_later: Vec<_> =
        sim.told.iter().filter(|(_, action)| *action == Action::Delete).map(|(addr, _)| addr).collect();
    sim.told
        .iter()
        .filter(|(addr, action)| !is_kept(addr, action) && !gone_later.contains(&addr))
        .map(|(addr, _)| format!("{addr} was told to be done, and is not in the state"))
        .collect()
}

/// Stops a transition at one point, recovers, finishes, and looks.
fn crash(before: &Simulation, transition: &Transition, at: u64, dice: &mut Dice) -> Vec<String> {
    let mut sim = before.clone();
    sim.crash_at = Some(CrashAt(at));
    let first = sim.apply(&transition.sources, &transition.options, false);
    let mut found = Vec::new();
    if first.is_err() {
        sim.lose_memory();
        found.extend(told_is_durable(&sim));
    }
    sim.crash_at = None;
    // A second stop, somewhere on the way to recovery.
    if dice.roll(4) == 0 {
        sim.crash_at = Some(CrashAt(1 + dice.roll(40)));
        if sim.apply(&transition.sources, &transition.options, dice.roll(2) == 0).is_err() {
            sim.lose_memory();
        }
        sim.crash_at = None;
    }
    let goes_on = dice.roll(2) == 0;
    let mut outcome = sim.apply(&transition.sources, &transition.options, goes_on).unwrap();
    if goes_on {
        // A plan file continues; what it could not know is left to the next plan.
        outcome = sim.apply(&transition.sources, &transition.options, false).unwrap_or(outcome);
    }
    found.extend(violations(&mut sim, transition, &outcome));
    if !found.is_empty() {
        found.push(sim.history());
    }
    found
}

/// Crash points of one chain of transitions, every `stride`-th of them.
fn chain(
    name: &str,
    transitions: &[Transition],
    mut sim: Simulation,
    (seed, stride): (u64, u64),
    mutant: Mutant,
) -> (u64, Vec<String>) {
    let mut dice = Dice(seed);
    sim.mutant = mutant;
    let mut points = 0;
    let mut found = Vec::new();
    for (number, transition) in transitions.iter().enumerate() {
        if transition.is_forgotten {
            sim.log.clear();
            sim.cloud.advance(sim.cloud.now_ms + 1_000_000);
        }
        let before = sim.clone();
        let outcome = sim.apply(&transition.sources, &transition.options, false).unwrap();
        let total = sim.points;
        if mutant == Mutant::None {
            let clean = violations(&mut sim.clone(), transition, &outcome);
            assert!(
                clean.is_empty(),
                "{name}, transition {number}, without a stop: {clean:#?}\n{}",
                transition.sources.files["main.hcl"]
            );
        }
        for at in (1 + dice.roll(stride)..=total).step_by(usize::try_from(stride).unwrap()) {
            points += 1;
            let violations = crash(&before, transition, at, &mut dice);
            if !violations.is_empty() {
                found.push(format!(
                    "{name}, transition {number}, stop at {at} of {total}: {violations:#?}\nreplay: TERRANE_SIM_SEED={name} TERRANE_SOAK=1 cargo test -p terrane-tests --test sim\n"
                ));
            }
        }
        sim.saved = None;
    }
    (points, found)
}

fn random_chain(seed: u64, stride: u64, mutant: Mutant, sim: Simulation) -> (u64, Vec<String>) {
    let mut dice = Dice(seed ^ 0x5eed);
    let first = Graph::random(&mut dice);
    let second = first.mutated(&mut dice);
    let transitions =
        [to(&first.text(), first.objects()), to(&second.text(), second.objects()), destroy(&second.text())];
    chain(&seed.to_string(), &transitions, sim, (seed, stride), mutant)
}

/// Everything gets another address while some of it changes; then the state is lost, and all is imported.
fn adopting_chain(seed: u64, stride: u64) -> (u64, Vec<String>) {
    let mut dice = Dice(seed ^ 0xad0b7);
    let first = Graph::random(&mut dice);
    let second = first.mutated(&mut dice);
    let moved = format!("{}{}", second.labelled("k"), second.moves("c", "k"));
    let imported = format!("{}{}", second.labelled("c"), second.imports("c"));
    let transitions = [
        to(&first.text(), first.objects()),
        to(&moved, second.objects()),
        Transition { is_forgotten: true, ..to(&imported, second.objects()) },
        destroy(&imported),
    ];
    chain(&format!("adopting {seed}"), &transitions, Simulation::new(seed), (seed, stride), Mutant::None)
}

fn is_soak() -> bool {
    std::env::var("TERRANE_SOAK").is_ok_and(|value| value == "1")
}

fn fleet_holds() -> Vec<(String, String)> {
    let mut holds = Vec::new();
    for cluster in ["eu", "us"] {
        for pool in ["general", "spot", "system"] {
            holds.push(("item".to_string(), format!("{cluster}/{pool}")));
        }
        holds.push(("cluster".to_string(), cluster.to_string()));
        holds.push(("role".to_string(), cluster.to_string()));
    }
    holds.sort();
    holds
}

/// Every `stride`-th crash point of the fleet and of those random graphs, each in a world that `new` makes.
fn stops(seeds: std::ops::RangeInclusive<u64>, stride: u64, new: impl Fn(u64) -> Simulation) -> (u64, Vec<String>) {
    let only = std::env::var("TERRANE_SIM_SEED").ok();
    let (mut points, mut found) = (0, Vec::new());
    if only.as_deref().is_none_or(|name| name == "fleet") {
        let transitions = [to(&fleet(1), fleet_holds()), to(&fleet(2), fleet_holds()), destroy(&fleet(2))];
        let (count, violations) = chain("fleet", &transitions, new(7), (7, stride), Mutant::None);
        points += count;
        found.extend(violations);
    }
    let is_wanted = |seed: &u64| only.as_ref().is_none_or(|name| *name == seed.to_string());
    for seed in seeds.filter(is_wanted) {
        let (count, violations) = random_chain(seed, stride, Mutant::None, new(seed));
        points += count;
        found.extend(violations);
    }
    assert!(!is_soak() || only.is_some() || points >= 10_000, "only {points} crash points");
    (points, found)
}

#[test]
fn no_stop_loses_or_doubles_anything() {
    let (points, found) = stops(1..=50, if is_soak() { 1 } else { 23 }, Simulation::new);
    println!("{points} crash points, {} with a violation", found.len());
    assert!(found.is_empty(), "{}", found.into_iter().take(3).collect::<String>());
}

#[test]
fn no_stop_loses_or_doubles_anything_where_the_state_is_in_objects() {
    let (seeds, stride) = if is_soak() { (1..=50, 1) } else { (1..=12, 23) };
    let (points, found) = stops(seeds, stride, Simulation::on_objects);
    println!("{points} crash points with the state in objects, {} with a violation", found.len());
    assert!(found.is_empty(), "{}", found.into_iter().take(3).collect::<String>());
}

// A5, A9
#[test]
fn no_stop_spoils_a_move_or_an_import() {
    let stride = if is_soak() { 1 } else { 37 };
    let only = std::env::var("TERRANE_SIM_SEED").ok();
    let is_wanted = |seed: &u64| only.as_ref().is_none_or(|name| *name == format!("adopting {seed}"));
    let (mut points, mut found) = (0, Vec::new());
    for seed in (1..=20).filter(is_wanted) {
        let (count, violations) = adopting_chain(seed, stride);
        points += count;
        found.extend(violations);
    }
    println!("{points} crash points, {} with a violation", found.len());
    assert!(found.is_empty(), "{}", found.into_iter().take(3).collect::<String>());
}

#[test]
fn each_mutant_is_noticed() {
    for mutant in [Mutant::NoIntent, Mutant::OutcomeNotSynced, Mutant::NoSettle] {
        let found = (1..=12).map(|seed| random_chain(seed, 5, mutant, Simulation::new(seed)).1.len()).sum::<usize>();
        println!("{mutant:?}: noticed at {found} crash points");
        assert!(found > 0, "{mutant:?} goes unnoticed");
    }
    for mutant in [Mutant::NoIntent, Mutant::OutcomeNotSynced] {
        let on_objects = |seed: u64| random_chain(seed, 11, mutant, Simulation::on_objects(seed)).1.len();
        let found = (1..=3).map(on_objects).sum::<usize>();
        println!("{mutant:?}, with the state in objects: noticed at {found} crash points");
        assert!(found > 0, "{mutant:?} goes unnoticed where the state is in objects");
    }
}
