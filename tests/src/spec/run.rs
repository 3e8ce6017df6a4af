//! Runs a case and compares.

use super::book::{Block, Case};
use super::show::{self, Form};
use crate::memory::MemorySources;
use crate::sim::Simulation;
use std::collections::BTreeMap;
use terrane_core::{Diagnostic, InstanceAddr, Selector, Value};
use terrane_lang::inputs::Flag;
use terrane_plan::planner::Outcome;
use terrane_plan::state::{Entry, Recorded};
use terrane_plan::{Mode, Options, Plan, Selection};

/// What came out of a case where it is not as expected: the block, and its lines.
pub type Found = (&'static str, Vec<String>);

/// Flags, environment and options of a plan.
#[derive(Default)]
struct Asked {
    options: Options,
    flags: Vec<Flag>,
    environment: BTreeMap<String, String>,
}

fn asked(lines: &[String]) -> Result<Asked, String> {
    let mut asked = Asked::default();
    let (mut targets, mut excludes) = (Vec::new(), Vec::new());
    for line in lines {
        if let Some((name, value)) = line.strip_prefix("env ").and_then(|line| line.split_once('=')) {
            asked.environment.insert(name.to_owned(), value.to_owned());
            continue;
        }
        let (name, value) = line.split_once('=').unwrap_or((line, ""));
        let pattern = || value.parse::<Selector>().map_err(|error| format!("{line}: {error}"));
        let options = &mut asked.options;
        match name {
            "-target" => targets.push(pattern()?),
            "-exclude" => excludes.push(pattern()?),
            "-replace" => options.replace.push(pattern()?),
            "-allow-replace" => options.allow_replace.push(pattern()?),
            "-allow-destroy" => options.allow_destroy.push(pattern()?),
            "-destroy" => options.mode = Mode::Destroy,
            "-refresh-only" => options.mode = Mode::RefreshOnly,
            "-refresh" if value == "false" => options.skip_refresh = true,
            "-var" => asked.flags.push(Flag::Var(value.to_owned())),
            "-var-file" => asked.flags.push(Flag::VarFile(value.to_owned())),
            _ => return Err(format!("no option: {line}")),
        }
    }
    asked.options.selection = if excludes.is_empty() { Selection::only(targets) } else { Selection::all_but(excludes) };
    Ok(asked)
}

/// Longer than anything of the simulated cloud takes.
const LATER_MS: u64 = 1_000_000;

fn apply(sim: &mut Simulation, sources: &MemorySources, options: &Options) -> Result<(), String> {
    sim.saved = None;
    let outcome = sim.apply(sources, options, false).map_err(|_| "stopped".to_owned())?;
    sim.cloud.advance(sim.cloud.now_ms + LATER_MS);
    match outcome.problems.iter().find(|problem| problem.is_error()) {
        Some(problem) => Err(format!("applying fails: {} {}", problem.kind.id, problem.message())),
        None => Ok(()),
    }
}

fn record(sim: &Simulation, addr: &str) -> Result<Recorded, String> {
    let addr: InstanceAddr = addr.parse().map_err(|error| format!("{addr}: {error}"))?;
    sim.state().record(&addr).map(|record| (**record).clone()).ok_or_else(|| format!("{addr} is not recorded"))
}

fn edit_state(sim: &mut Simulation, line: &str) -> Result<(), String> {
    match line.split_once(' ') {
        Some(("taint", addr)) => {
            let record = Box::new(Recorded { tainted: true, ..record(sim, addr)? });
            sim.log.push(Entry::Record { step: None, record });
        }
        Some(("forget", addr)) => {
            let addr = record(sim, addr)?.addr;
            sim.log.push(Entry::Forget { step: None, addr, deposed: None });
        }
        Some(("write", edit)) => {
            let (from, to) = edit.split_once(" => ").ok_or_else(|| format!("no edit: {line}"))?;
            let log = serde_json::to_string(&sim.log).map_err(|error| error.to_string())?;
            if !log.contains(from) {
                return Err(format!("the state does not have {from}"));
            }
            sim.log = serde_json::from_str(&log.replace(from, to)).map_err(|error| error.to_string())?;
        }
        _ => return Err(format!("no edit of the state: {line}")),
    }
    Ok(())
}

fn edit_actual(sim: &mut Simulation, line: &str) -> Result<(), String> {
    let (addr, edit) = line.split_once(' ').ok_or_else(|| format!("no edit: {line}"))?;
    let id = record(sim, addr)?.id;
    let kind = if &*id.type_name == "sim_cluster" { "cluster" } else { "item" };
    let name = match &*id.scope.parent {
        "" => id.key.to_string(),
        parent => format!("{parent}/{}", id.key),
    };
    if edit == "is gone" {
        sim.cloud.objects.retain(|object| object.kind != kind || *object.name != *name);
        return Ok(());
    }
    let (attribute, value) = edit.split_once(" = ").ok_or_else(|| format!("no edit: {line}"))?;
    let value: serde_json::Value = serde_json::from_str(value).map_err(|error| error.to_string())?;
    let object = sim.cloud.find_mut(kind, &name).ok_or_else(|| format!("no object: {line}"))?;
    object.attributes.insert(attribute.into(), from_json(&value));
    Ok(())
}

fn from_json(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::NULL,
        serde_json::Value::Bool(value) => Value::bool(*value),
        serde_json::Value::Number(number) => number.as_i64().map_or(Value::NULL, Value::int),
        serde_json::Value::String(text) => Value::string(text.as_str()),
        serde_json::Value::Array(items) => Value::list(items.iter().map(from_json).collect()),
        serde_json::Value::Object(map) => {
            Value::map(map.iter().map(|(key, value)| (key.as_str().into(), from_json(value))).collect())
        }
    }
}

fn lines<'c>(case: &'c Case, info: &str) -> &'c [String] {
    case.block(info).map(|block| block.lines.as_slice()).unwrap_or_default()
}

/// The world before.
fn world(case: &Case, asked: &Asked) -> Result<Simulation, String> {
    let mut sim = Simulation::new(1);
    sim.flags.clone_from(&asked.flags);
    for files in case.recorded() {
        let sources = MemorySources { files, environment: asked.environment.clone() };
        // Later configurations may destroy and replace what they like.
        let everything = |addr: &str| addr.parse().ok();
        let names: Vec<String> = sim.state().objects.keys().map(|(addr, _)| addr.to_string()).collect();
        let allow_replace = names.iter().filter_map(|addr| everything(addr)).collect();
        let options = Options { allow_replace, ..Options::default() };
        let mut is_deferred = true;
        while is_deferred {
            apply(&mut sim, &sources, &options).map_err(|why| format!("on the way: {why}"))?;
            is_deferred = sim.saved.as_ref().is_some_and(|plan| !plan.deferred.is_empty());
        }
    }
    for line in lines(case, "state") {
        edit_state(&mut sim, line)?;
    }
    for line in lines(case, "actual") {
        edit_actual(&mut sim, line)?;
    }
    Ok(sim)
}

/// Whether a line is as expected: a problem may be told in short.
fn fits(info: &str, expected: &str, found: &str) -> bool {
    if expected == found || !matches!(info, "diagnostics" | "values") {
        return expected == found;
    }
    let mut words = found.split(' ');
    let (Some(place), Some(id)) = (words.next(), words.next()) else { return false };
    let mut wanted = expected.split(' ');
    let (Some(wanted_place), Some(wanted_id)) = (wanted.next(), wanted.next()) else { return false };
    let rest: Vec<&str> = wanted.collect();
    let is_place = place == wanted_place
        || place.strip_prefix(wanted_place).is_some_and(|rest| rest.starts_with(':') || rest.starts_with('-'));
    is_place && id.trim_end_matches(':') == wanted_id.trim_end_matches(':') && found.contains(&rest.join(" "))
}

fn differs(block: &Block, found: &[String]) -> bool {
    block.lines.len() != found.len() || block.lines.iter().zip(found).any(|(a, b)| !fits(&block.info, a, b))
}

/// The lines of what was found, those that fit kept as they are expected.
fn merged(block: Option<&Block>, found: Vec<String>) -> Vec<String> {
    let Some(block) = block else { return found };
    let kept =
        |line: String| block.lines.iter().find(|wanted| fits(&block.info, wanted, &line)).cloned().unwrap_or(line);
    found.into_iter().map(kept).collect()
}

/// What an expression comes to within a configuration.
fn evaluated(sim: &Simulation, sources: &MemorySources, expression: &str) -> String {
    let with = |more: &str| {
        let mut sources = sources.clone();
        let text = format!("output \"value_of_spec\" {{\n  value = {expression}\n{more}}}\n");
        sources.files.insert("values.hcl".to_owned(), text);
        sim.clone().outcome(&sources, &Options::default())
    };
    let mut outcome = with("");
    if matches!(outcome.problems.as_slice(), [problem] if problem.kind.id == "output-sensitive") {
        outcome = with("  sensitive = true\n");
    }
    match (outcome.plan, outcome.problems.iter().find(|problem| problem.is_error())) {
        (Some(plan), None) => plan
            .outputs
            .iter()
            .find(|output| &*output.name == "value_of_spec")
            .map_or_else(|| "null".to_owned(), |output| show::value(&output.after, Form::Typed)),
        (_, Some(problem)) => format!("error {}: {}", problem.kind.id, problem.message()),
        (None, None) => "(no plan)".to_owned(),
    }
}

/// The `values` of a case as they are.
fn values(case: &Case, sim: &Simulation, sources: &MemorySources) -> Result<Option<Found>, String> {
    let Some(block) = case.block("values") else { return Ok(None) };
    let mut found = Vec::new();
    for line in &block.lines {
        if line.is_empty() || line.starts_with('#') {
            found.push(line.clone());
            continue;
        }
        let (expression, wanted) = line.rsplit_once(" => ").ok_or_else(|| format!("no value: {line}"))?;
        let value = evaluated(sim, sources, expression);
        let is_told = |wanted: &str| value.starts_with("error ") && value.starts_with(wanted);
        found.push(if is_told(wanted) { line.clone() } else { format!("{expression} => {value}") });
    }
    Ok((found != block.lines).then_some(("values", found)))
}

/// Whether a plan has something left to do for objects.
fn left(plan: &Plan) -> Vec<String> {
    let mut lines = show::plan(plan);
    lines.extend(show::outputs(plan).into_iter().filter(|line| line.starts_with("~ ")));
    lines
}

/// Applies and plans again.
fn again(mut sim: Simulation, sources: &MemorySources, asked: &Asked) -> Result<Vec<String>, String> {
    apply(&mut sim, sources, &asked.options)?;
    let outcome = sim.outcome(sources, &Options::default());
    if let Some(problem) = outcome.problems.iter().find(|problem| problem.is_error()) {
        return Ok(vec![show::diagnostic(&sim.map, problem)]);
    }
    Ok(outcome.plan.as_ref().map(left).unwrap_or_default())
}

/// What a case came to.
pub struct Verdict {
    /// Blocks that are not as expected.
    pub wrong: Vec<Found>,
    /// Ids of the problems that it shows.
    pub ids: Vec<&'static str>,
}

/// Plans a configuration in an empty world.
#[must_use]
pub fn planned(sources: &MemorySources) -> (Outcome, Simulation) {
    let mut sim = Simulation::new(1);
    let outcome = sim.outcome(sources, &Options::default());
    (outcome, sim)
}

/// Runs a case.
///
/// # Errors
/// What keeps it from being run.
pub fn run(case: &Case) -> Result<Verdict, String> {
    let asked = asked(lines(case, "options"))?;
    let mut sim = world(case, &asked)?;
    let sources = MemorySources { files: case.files(), environment: asked.environment.clone() };
    let outcome = sim.outcome(&sources, &asked.options);
    let mut ids: Vec<&'static str> = outcome.problems.iter().map(|problem| problem.kind.id).collect();
    let mut wrong: Vec<Found> = Vec::new();
    let mut compare = |info: &'static str, found: Vec<String>, is_wanted: bool| match case.block(info) {
        Some(block) if differs(block, &found) => wrong.push((info, merged(Some(block), found))),
        None if is_wanted => wrong.push((info, found)),
        _ => {}
    };
    let told: Vec<String> = outcome.problems.iter().map(|problem| show::diagnostic(&sim.map, problem)).collect();
    let is_told = !told.is_empty();
    compare("diagnostics", told, is_told);
    if let Some(plan) = &outcome.plan {
        let findings = terrane_plan::audit::findings(plan);
        if !findings.is_empty() {
            return Err(format!("the audit found {findings:?}"));
        }
        compare("plan", show::plan(plan), false);
        compare("drift", show::drift(plan), false);
        compare("order", show::order(plan), false);
        compare("outputs", show::outputs(plan), false);
    } else if !outcome.problems.iter().any(Diagnostic::is_error) {
        return Err("there is neither a plan nor an error".to_owned());
    } else if case.block("plan").or(case.block("outputs")).or(case.block("order")).is_some() {
        let lines = case.block("diagnostics").map(|block| block.lines.clone()).unwrap_or_default();
        return Err(format!(
            "there is no plan: {:?}\n{lines:?}",
            outcome.problems.iter().map(|p| show::diagnostic(&sim.map, p)).collect::<Vec<_>>()
        ));
    }
    let options = &asked.options;
    let is_whole = options.selection == Selection::Everything && options.mode == Mode::Normal;
    let is_applied = outcome.plan.is_some() && case.block("plan").is_some();
    if is_applied && (is_whole || case.block("again").is_some()) {
        let found = again(sim.clone(), &sources, &asked)?;
        let is_left = !found.is_empty();
        compare("again", found, is_left);
    }
    wrong.extend(values(case, &sim, &sources)?);
    ids.extend(lines(case, "values").iter().filter_map(|line| raised(line)));
    Ok(Verdict { wrong, ids })
}

/// The id that a line of `values` tells of.
fn raised(line: &str) -> Option<&'static str> {
    let (_, told) = line.rsplit_once(" => error ")?;
    let id = told.split([':', ' ']).next()?;
    terrane_lang::diag::ALL.iter().map(|kind| kind.id).find(|known| *known == id)
}
