//! Changes of the state alone, as entries: marks, other addresses, an earlier state. Nothing in the world is touched.
//!
//! In: a state and what is wanted of it. Out: entries that are appended under the lock, each whole by itself. A stop
//! between two of them leaves a state from which the same command comes to the same end.

use crate::diag;
use std::collections::BTreeMap;
use std::sync::Arc;
use terrane_core::{AddrPattern, Diagnostic, InstanceAddr, ModulePath, Place, ResourceAddr};
use terrane_plan::state::{Entry, RecordKey, Recorded, State};

/// Something that cannot be done to this state.
pub type Refused = Box<Diagnostic>;

fn argument(text: &impl std::fmt::Display) -> Place {
    Place::Argument(text.to_string())
}

/// Refuses while steps of an earlier run have no outcome: what they did is known to nobody yet.
///
/// # Errors
/// `intents-open`, which names the instances.
pub fn is_settled(state: &State) -> Result<(), Refused> {
    if state.intents.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = state.intents.iter().take(5).map(|open| open.intent.addr.to_string()).collect();
    let more = state.intents.len().saturating_sub(names.len());
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    Err(Box::new(diag::INTENTS_OPEN.at(Place::State).with("instances", format!("{}{more}", names.join(", ")))))
}

fn record(record: Recorded) -> Entry {
    Entry::Record { step: None, record: Box::new(record) }
}

fn forget((addr, deposed): &RecordKey) -> Entry {
    Entry::Forget { step: None, addr: addr.clone(), deposed: deposed.clone() }
}

/// Marks an instance as one to be made anew, or takes the mark away.
///
/// # Errors
/// `record-not-found`, `taint-unchanged`.
pub fn taint(state: &State, addr: &InstanceAddr, is_tainted: bool) -> Result<Vec<Entry>, Refused> {
    let Some(found) = state.record(addr) else { return Err(Box::new(diag::record_not_found(addr, None))) };
    if found.tainted == is_tainted {
        let detail = if is_tainted { "it is tainted already" } else { "it is not tainted" };
        return Err(Box::new(diag::TAINT_UNCHANGED.at(addr.clone()).detail(detail)));
    }
    Ok(vec![record(Recorded { tainted: is_tainted, ..(**found).clone() })])
}

/// What turns the records of `now` into those of `then`.
///
/// # Errors
/// `intents-open` where either of them is the middle of a run.
pub fn rollback(now: &State, then: &State) -> Result<Vec<Entry>, Refused> {
    is_settled(now)?;
    is_settled(then).map_err(|problem| {
        let detail =
            format!("serial {} is in the middle of a run, and what that did is not recorded there", then.serial);
        Box::new(problem.detail(detail).help("Choose a serial that `terrane state versions` lists"))
    })?;
    let mut entries: Vec<Entry> = then
        .objects
        .iter()
        .filter(|(key, old)| now.objects.get(*key) != Some(*old))
        .map(|(_, old)| record((**old).clone()))
        .collect();
    entries.extend(now.objects.keys().filter(|key| !then.objects.contains_key(*key)).map(forget));
    let changed = then.providers.iter().filter(|(name, old)| now.providers.get(*name) != Some(*old));
    entries.extend(changed.map(|(name, old)| Entry::Provider { name: name.clone(), configuration: old.clone() }));
    if now.outputs != then.outputs {
        entries.push(Entry::Outputs { outputs: then.outputs.clone() });
    }
    Ok(entries)
}

/// Addresses before and after a move, in the order of the addresses before.
pub type Moves = Vec<(RecordKey, RecordKey)>;

/// What a move of `from` to `to` means in this state.
///
/// # Errors
/// `not-in-state`'s twin `record-not-found` where nothing is at `from`; `move-refused` where the two do not go together;
/// `address-taken`.
pub fn moves(state: &State, from: &AddrPattern, to: &AddrPattern) -> Result<Moves, Refused> {
    is_settled(state)?;
    let found: Moves = match (from, to) {
        (AddrPattern::Module(old), AddrPattern::Module(new)) => {
            if new.is_within(old) {
                return Err(refused(to, "a module cannot move into itself"));
            }
            let inside = state.objects.keys().filter(|(addr, _)| is_inside(&addr.resource.module, old));
            inside.map(|key| (key.clone(), (into_module(&key.0, old, new), key.1.clone()))).collect()
        }
        (AddrPattern::Resource(old), AddrPattern::Resource(new)) => of_resource(state, old, new)?,
        _ => return Err(refused(to, "a module moves to a module, and a resource to a resource")),
    };
    if found.is_empty() {
        return Err(Box::new(diag::RECORD_NOT_FOUND.at(argument(&shown(from)))));
    }
    let names = names(&found);
    for (old, new) in &found {
        // The same object at both addresses is what a move leaves that was stopped. Records that are named by their
        // address may be alike and two all the same, so nobody but their owner can say which one goes.
        let is_half_moved = |there: &Arc<Recorded>| {
            let is_it = |here: &Arc<Recorded>| here.id == there.id && moved(here, &new.0, &names) == **there;
            state.objects.get(old).is_some_and(is_it)
        };
        if state.objects.get(new).is_some_and(|there| !is_half_moved(there)) {
            return Err(Box::new(diag::ADDRESS_TAKEN.at(argument(&new.0)).with("moved", &old.0)));
        }
    }
    Ok(found)
}

fn shown(pattern: &AddrPattern) -> String {
    pattern.to_string()
}

fn refused(to: &AddrPattern, why: &str) -> Refused {
    Box::new(diag::MOVE_REFUSED.at(argument(&shown(to))).detail(why))
}

fn of_resource(state: &State, old: &InstanceAddr, new: &InstanceAddr) -> Result<Moves, Refused> {
    let to = || AddrPattern::Resource(new.clone());
    if old.resource.type_name != new.resource.type_name || old.resource.mode != new.resource.mode {
        return Err(refused(&to(), "the address is one of another type"));
    }
    if old == new {
        return Err(refused(&to(), "it is the same address"));
    }
    // An address without a key is the one instance without a key, or all of a block that is repeated.
    let is_whole = old.key.is_none() && new.key.is_none();
    let is_meant = |addr: &InstanceAddr| addr.resource == old.resource && (is_whole || addr.key == old.key);
    let keys = state.objects.keys().filter(|(addr, _)| is_meant(addr));
    let after = |addr: &InstanceAddr| {
        let key = if is_whole { addr.key.clone() } else { new.key.clone() };
        InstanceAddr::new(state.shared_block(new.resource.clone()), key)
    };
    Ok(keys.map(|key| (key.clone(), (after(&key.0), key.1.clone()))).collect())
}

/// Whether a module is `outer` or inside of it. Without a key every instance of the call is meant.
fn is_inside(module: &ModulePath, outer: &ModulePath) -> bool {
    let Some((last, before)) = outer.steps().split_last() else { return false };
    let step = module.steps().get(before.len());
    module.steps().starts_with(before)
        && step.is_some_and(|step| step.name == last.name && (last.key.is_none() || step.key == last.key))
}

fn into_module(addr: &InstanceAddr, old: &ModulePath, new: &ModulePath) -> InstanceAddr {
    let steps = addr.resource.module.steps();
    let (target, others) = new.steps().split_last().map_or((None, &[] as &[_]), |(last, rest)| (Some(last), rest));
    let outer = others.iter().fold(ModulePath::root(), |path, step| path.child(step.name.clone(), step.key.clone()));
    // A call that moves as a whole keeps the keys of its instances.
    let kept = steps.get(old.steps().len().saturating_sub(1)).and_then(|step| step.key.clone());
    let is_whole = old.steps().last().is_some_and(|step| step.key.is_none());
    let start = match target {
        Some(step) => outer.child(step.name.clone(), step.key.clone().or(if is_whole { kept } else { None })),
        None => outer,
    };
    let rest = steps.get(old.steps().len()..).unwrap_or_default();
    let module = rest.iter().fold(start, |path, step| path.child(step.name.clone(), step.key.clone()));
    let resource = ResourceAddr { module, ..(*addr.resource).clone() };
    InstanceAddr::new(Arc::new(resource), addr.key.clone())
}

/// Instances by the address they had.
type Names<'a> = BTreeMap<&'a InstanceAddr, &'a InstanceAddr>;

fn names(moves: &Moves) -> Names<'_> {
    moves.iter().map(|(old, new)| (&old.0, &new.0)).collect()
}

fn renamed(found: &Recorded, names: &Names<'_>) -> Vec<InstanceAddr> {
    found.dependencies.iter().map(|addr| (*names.get(addr).unwrap_or(&addr)).clone()).collect()
}

/// What a moved record is. An object that is nothing but its record is called by its address, and so changes its name.
fn moved(found: &Recorded, addr: &InstanceAddr, names: &Names<'_>) -> Recorded {
    let mut id = found.id.clone();
    if *id.key == found.addr.to_string() {
        id.key = addr.to_string().into();
    }
    Recorded { addr: addr.clone(), id, dependencies: renamed(found, names), ..found.clone() }
}

/// The entries of a move. New records stand before the old ones go, so that a stop in between loses none.
#[must_use]
pub fn relocate(state: &State, moves: &Moves) -> Vec<Entry> {
    let names = names(moves);
    let keys: BTreeMap<&RecordKey, &RecordKey> = moves.iter().map(|(old, new)| (old, new)).collect();
    let mut entries = Vec::new();
    for (key, found) in &state.objects {
        let dependencies = renamed(found, &names);
        match keys.get(key) {
            Some((addr, _)) => entries.push(record(moved(found, addr, &names))),
            // What refers to it goes on to do so: the order of a destroy hangs on that.
            None if dependencies != found.dependencies => {
                entries.push(record(Recorded { dependencies, ..(**found).clone() }));
            }
            None => {}
        }
    }
    entries.extend(moves.iter().map(|(old, _)| forget(old)));
    entries
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{addr, recorded};

    fn state(addrs: &[&str]) -> State {
        let mut state = State { lineage: "l".into(), ..State::default() };
        for at in addrs {
            state.apply(record(Recorded { partial: None, ..recorded(at) }));
        }
        state
    }

    fn after(mut state: State, entries: Vec<Entry>) -> State {
        entries.into_iter().for_each(|entry| state.apply(entry));
        state
    }

    fn addresses(state: &State) -> Vec<String> {
        state.objects.keys().map(|(addr, _)| addr.to_string()).collect()
    }

    /// The addresses after a move, or why there is none.
    fn moved(addrs: &[&str], from: &str, to: &str) -> Result<Vec<String>, &'static str> {
        let state = state(addrs);
        let found = moves(&state, &from.parse().unwrap(), &to.parse().unwrap()).map_err(|problem| problem.kind.id)?;
        let entries = relocate(&state, &found);
        Ok(addresses(&after(state, entries)))
    }

    // A6
    #[test]
    fn instances_blocks_and_modules_move() {
        let there = ["fake_thing.a", "fake_thing.l[0]", "fake_thing.l[1]", "module.m.fake_thing.a"];
        let moved = |from, to| moved(&there, from, to);
        let with = |index: usize, new: &str| {
            let mut all = there.map(String::from);
            all[index] = new.into();
            all.sort();
            all
        };
        let sorted = |from, to| {
            let mut all = moved(from, to).unwrap();
            all.sort();
            all
        };
        assert_eq!(sorted("fake_thing.a", "fake_thing.b"), with(0, "fake_thing.b"));
        assert_eq!(sorted("fake_thing.a", "fake_thing.b[\"x\"]"), with(0, "fake_thing.b[\"x\"]"));
        assert_eq!(sorted("fake_thing.l[1]", "fake_thing.x"), with(2, "fake_thing.x"));
        assert_eq!(sorted("module.m", "module.n[0]"), with(3, "module.n[0].fake_thing.a"));
        let keyed =
            super::tests::moved(&["module.m[0].fake_thing.a", "module.m[1].fake_thing.a"], "module.m", "module.n");
        assert_eq!(keyed.unwrap(), ["module.n[0].fake_thing.a", "module.n[1].fake_thing.a"]);
        let block = moved("fake_thing.l", "module.n.fake_thing.k").unwrap();
        assert!(block.contains(&"module.n.fake_thing.k[1]".to_owned()) && block.len() == 4, "{block:?}");
    }

    // A6
    #[test]
    fn moves_that_mean_nothing_are_refused() {
        let there = ["fake_thing.a", "fake_thing.b"];
        for (from, to, id) in [
            ("fake_thing.a", "fake_thing.b", "address-taken"),
            ("fake_thing.a", "fake_thing.a", "move-refused"),
            ("fake_thing.a", "other_thing.a", "move-refused"),
            ("fake_thing.a", "module.m", "move-refused"),
            ("module.m", "module.m.module.n", "move-refused"),
            ("fake_thing.c", "fake_thing.d", "record-not-found"),
        ] {
            assert_eq!(moved(&there, from, to), Err(id), "{from} {to}");
        }
    }

    // A6, A11
    #[test]
    fn a_move_that_stopped_half_way_is_finished_by_the_same_command() {
        let mut before = state(&["fake_thing.a"]);
        let elsewhere = crate::testing::object("an-object");
        before.apply(record(Recorded { partial: None, id: elsewhere, ..recorded("fake_thing.x") }));
        let pair = (&"fake_thing.x".parse().unwrap(), &"fake_thing.y".parse().unwrap());
        let entries = relocate(&before, &moves(&before, pair.0, pair.1).unwrap());
        let whole = after(before.clone(), entries.clone()).objects;
        for stop in 0..entries.len() {
            let half = after(before.clone(), entries[..stop].to_vec());
            let rest = relocate(&half, &moves(&half, pair.0, pair.1).unwrap());
            assert_eq!(after(half, rest).objects, whole, "stopped after {stop}");
        }
        // What refers to it has the new address.
        assert_eq!(whole[&(addr("fake_thing.a"), None)].dependencies, [addr("fake_thing.y")]);
    }

    // A6
    #[test]
    fn a_rollback_brings_the_earlier_records_back() {
        let then = state(&["fake_thing.a", "fake_thing.b"]);
        let now = after(then.clone(), taint(&then, &addr("fake_thing.a"), true).unwrap());
        let now = after(now, vec![forget(&(addr("fake_thing.b"), None)), record(recorded("fake_thing.c"))]);
        let entries = rollback(&now, &then).unwrap();
        assert_eq!(entries.len(), 3);
        let back = after(now.clone(), entries);
        assert_eq!((back.objects, back.outputs), (then.objects.clone(), then.outputs));
        assert!(back.serial > now.serial);
    }

    // A5
    #[test]
    fn a_taint_is_set_once_and_taken_away_once() {
        let state = state(&["fake_thing.a"]);
        let id = |state: &State, name: &str, is| taint(state, &addr(name), is).map_err(|problem| problem.kind.id);
        assert_eq!(id(&state, "fake_thing.b", true), Err("record-not-found"));
        assert_eq!(id(&state, "fake_thing.a", false), Err("taint-unchanged"));
        let entries = id(&state, "fake_thing.a", true).unwrap();
        assert_eq!(id(&after(state, entries), "fake_thing.a", true), Err("taint-unchanged"));
    }
}
