//! A plan as JSON in Terraform's plan format 1.2, so that the tools around it go on working. Ours to it: `reason` and
//! `reasons` on each change, `drift` leaves, `steps`, `deferred_changes` with what they wait for.
//!
//! # Source
//! Terraform, "JSON Output Format", plan representation, format version 1.2 (2024).

use super::json_value::{Plain, SensitiveShadow, UnknownShadow};
use super::{json_checks, json_config};
use serde::Serialize;
use serde::ser::{SerializeMap as _, Serializer};
use serde_json::json;
use std::collections::BTreeMap;
use terrane_core::change::Action;
use terrane_core::{InstanceAddr, InstanceKey, ModulePath, Path, PathStep, Text, Value};
use terrane_plan::plan::{Change, Mode, Plan, Step};
use terrane_plan::state::State;
use terrane_provider::Registry;

/// Version of the form.
pub const FORMAT_VERSION: &str = "1.2";

/// A plan to be written; `state` fills in what the plan says of instances that do not change.
pub struct JsonPlan<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// The state it was made against.
    pub state: Option<&'a State>,
    /// The schemas of its types.
    pub registry: &'a Registry,
}

impl Serialize for JsonPlan<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let plan = self.plan;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("format_version", FORMAT_VERSION)?;
        map.serialize_entry("terraform_version", &plan.terrane_version)?;
        map.serialize_entry("terrane_version", &plan.terrane_version)?;
        map.serialize_entry("plan_id", &plan.id)?;
        map.serialize_entry("mode", &plan.mode)?;
        let variables: BTreeMap<&str, _> =
            plan.variables.iter().map(|(name, value)| (&**name, Keyed("value", Plain(value)))).collect();
        map.serialize_entry("variables", &variables)?;
        map.serialize_entry("planned_values", &PlannedValues(self))?;
        map.serialize_entry("resource_drift", &Each(plan.drift.len(), |at| self.drift(at)))?;
        map.serialize_entry("resource_changes", &Each(plan.changes.len(), |at| self.change(at)))?;
        map.serialize_entry("output_changes", &self.output_changes())?;
        if let Some(state) = self.state.filter(|state| !state.is_new()) {
            map.serialize_entry("prior_state", &super::json_state::JsonState { state, registry: self.registry })?;
        }
        map.serialize_entry("configuration", &self.configuration())?;
        map.serialize_entry("relevant_attributes", &json_config::relevant_attributes(&plan.outline))?;
        map.serialize_entry("checks", &json_checks::checks(&plan.conditions))?;
        map.serialize_entry("timestamp", &plan.made_at)?;
        let is_errored = !plan.errors.is_empty();
        map.serialize_entry("applyable", &(!is_errored && !plan.is_empty()))?;
        let is_whole = plan.deferred.is_empty() && plan.targets.is_empty() && plan.since.is_none();
        map.serialize_entry("complete", &(!is_errored && is_whole))?;
        map.serialize_entry("errored", &is_errored)?;
        map.serialize_entry("errors", &plan.errors)?;
        map.serialize_entry("expires_at", &plan.expires_at)?;
        map.serialize_entry("deferred_changes", &plan.deferred)?;
        map.serialize_entry("left_out", &plan.left_out)?;
        map.serialize_entry("recovered", &Each(plan.recovered.len(), |at| {
            plan.recovered.get(at).map(|found: &terrane_plan::plan::Recovered| json!({"address": found.addr, "step": found.step, "finding": found.finding}))
        }))?;
        map.serialize_entry("steps", &Each(plan.steps.len(), |at| plan.steps.get(at).map(|step| self.step(at, step))))?;
        map.end()
    }
}

/// What will be there, by module.
struct PlannedValues<'a, 'p>(&'p JsonPlan<'a>);

impl Serialize for PlannedValues<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let changes = self.0.plan.changes.iter().enumerate();
        let is_there =
            |change: &Change| change.deposed.is_none() && !matches!(change.action, Action::Delete | Action::Forget);
        let there = changes.filter(|(_, change)| is_there(change));
        let tree = ModuleTree::new(there.map(|(at, change)| (at, &change.addr.resource.module)));
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("outputs", &self.0.planned_outputs())?;
        map.serialize_entry("root_module", &tree.with(&|at| self.0.planned_resource(at)))?;
        map.end()
    }
}

/// Elements made one at a time, so that a long plan is never built twice.
struct Each<F>(usize, F);

impl<T: Serialize, F: Fn(usize) -> T> Serialize for Each<F> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq((0..self.0).map(&self.1))
    }
}

/// An object with one key.
struct Keyed<T>(&'static str, T);

impl<T: Serialize> Serialize for Keyed<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry(self.0, &self.1)?;
        map.end()
    }
}

/// How an instance is named in every part of the document.
#[derive(Serialize)]
struct Named<'a> {
    address: &'a InstanceAddr,
    #[serde(skip_serializing_if = "Option::is_none")]
    module_address: Option<String>,
    mode: &'static str,
    #[serde(rename = "type")]
    type_name: &'a str,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<serde_json::Value>,
    provider_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    deposed: Option<&'a Text>,
}

impl<'a> Named<'a> {
    fn new(addr: &'a InstanceAddr, deposed: Option<&'a Text>, registry: &'a Registry) -> Self {
        let resource = &addr.resource;
        Self {
            address: addr,
            module_address: (!resource.module.is_root()).then(|| resource.module.to_string()),
            mode: mode(addr),
            type_name: &resource.type_name,
            name: &resource.name,
            index: addr.key.as_ref().map(index),
            provider_name: registry.provider_of(&resource.type_name).map_or("", |name| &**name),
            deposed,
        }
    }
}

/// `managed` or `data`.
pub fn mode(addr: &InstanceAddr) -> &'static str {
    match addr.resource.mode {
        terrane_core::Mode::Managed => "managed",
        terrane_core::Mode::Data => "data",
    }
}

/// The key of an instance.
pub fn index(key: &InstanceKey) -> serde_json::Value {
    match key {
        InstanceKey::Index(index) => json!(index),
        InstanceKey::Name(name) => json!(&**name),
    }
}

/// `change` of a resource or output.
#[derive(Serialize)]
struct JsonChange<'a> {
    actions: &'static [&'static str],
    before: Plain<'a>,
    after: Plain<'a>,
    after_unknown: UnknownShadow<'a>,
    before_sensitive: SensitiveShadow<'a>,
    after_sensitive: SensitiveShadow<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    replace_paths: Vec<&'a [PathStep]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    importing: Option<Importing<'a>>,
}

/// What an import takes over.
#[derive(Serialize)]
struct Importing<'a> {
    id: &'a Text,
}

impl<'a> JsonChange<'a> {
    fn new(action: Action, before: &'a Value, after: &'a Value) -> Self {
        Self {
            actions: actions(action),
            before: Plain(before),
            after: Plain(after),
            after_unknown: UnknownShadow(after),
            before_sensitive: SensitiveShadow(before),
            after_sensitive: SensitiveShadow(after),
            replace_paths: Vec::new(),
            importing: None,
        }
    }
}

fn actions(action: Action) -> &'static [&'static str] {
    match action {
        Action::NoOp => &["no-op"],
        Action::Read => &["read"],
        Action::Create => &["create"],
        Action::Update => &["update"],
        Action::DeleteThenCreate => &["delete", "create"],
        Action::CreateThenDelete => &["create", "delete"],
        Action::Delete => &["delete"],
        Action::Forget => &["forget"],
    }
}

/// An entry of `resource_changes`.
#[derive(Serialize)]
struct ResourceChange<'a> {
    #[serde(flatten)]
    named: Named<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous_address: Option<&'a InstanceAddr>,
    change: JsonChange<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    action_reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reasons: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<&'a terrane_plan::plan::Origin>,
}

/// An entry of `resource_drift`.
#[derive(Serialize)]
struct DriftEntry<'a> {
    #[serde(flatten)]
    named: Named<'a>,
    change: serde_json::Value,
    leaves: Vec<serde_json::Value>,
}

impl<'a> JsonPlan<'a> {
    fn change(&self, at: usize) -> Option<ResourceChange<'a>> {
        let change = self.plan.changes.get(at)?;
        let (before, after) = self.sides(change);
        let mut json = JsonChange::new(change.action, before, after);
        let replacing = change.leaves.iter().filter(|leaf| leaf.replaces.is_some());
        json.replace_paths = replacing.map(|leaf| leaf.path.0.as_slice()).collect();
        json.importing = change.importing.as_ref().map(|id| Importing { id });
        Some(ResourceChange {
            named: Named::new(&change.addr, change.deposed.as_ref(), self.registry),
            previous_address: change.moved_from.as_ref(),
            change: json,
            action_reason: change.reasons.iter().find_map(terrane_core::change::Reason::terraform_name),
            reasons: change.reasons.iter().map(ToString::to_string).collect(),
            origin: change.origin.as_ref(),
        })
    }

    /// What is there and what will be; from the state where the plan lists the instance without values.
    fn sides(&self, change: &'a Change) -> (&'a Value, &'a Value) {
        if !matches!(change.action, Action::NoOp) || !change.before.is_null() {
            return (&change.before, &change.after);
        }
        let recorded = change.moved_from.as_ref().unwrap_or(&change.addr);
        let seen = self.state.and_then(|state| state.record(recorded)).map_or(&Value::NULL, |record| &record.seen);
        (seen, seen)
    }

    fn drift(&self, at: usize) -> Option<DriftEntry<'a>> {
        let drift = self.plan.drift.get(at)?;
        let side = |pick: fn(&terrane_plan::plan::LeafChange) -> &Value| {
            let whole = drift.leaves.iter().fold(Value::object(Vec::new()), |whole, leaf| {
                let value = if leaf.is_secret { Value::NULL.sensitive() } else { pick(leaf).clone() };
                whole.with_at(&leaf.path.0, value)
            });
            json!({ "value": Plain(&whole), "sensitive": SensitiveShadow(&whole) })
        };
        let (before, after) = (side(|leaf| &leaf.before), side(|leaf| &leaf.after));
        let part = |side: &serde_json::Value, name: &str| side.get(name).cloned().unwrap_or_default();
        let change = json!({
            "actions": if drift.is_gone { ["delete"] } else { ["update"] },
            "before": part(&before, "value"),
            "after": if drift.is_gone { serde_json::Value::Null } else { part(&after, "value") },
            "after_unknown": {},
            "before_sensitive": part(&before, "sensitive"),
            "after_sensitive": part(&after, "sensitive"),
        });
        let leaves = drift.leaves.iter().map(|leaf| leaf_json(&leaf.path, leaf.is_secret, (&leaf.before, &leaf.after)));
        Some(DriftEntry { named: Named::new(&drift.addr, None, self.registry), change, leaves: leaves.collect() })
    }

    fn output_changes(&self) -> BTreeMap<&'a str, JsonChange<'a>> {
        static HIDDEN: std::sync::LazyLock<Value> = std::sync::LazyLock::new(|| Value::NULL.sensitive());
        let hide =
            |value: &'a Value, is_sensitive: bool| if is_sensitive && !value.is_null() { &*HIDDEN } else { value };
        let change = |output: &'a terrane_plan::OutputChange| {
            let (before, after) = (hide(&output.before, output.is_sensitive), hide(&output.after, output.is_sensitive));
            (&*output.name, JsonChange::new(output.action, before, after))
        };
        self.plan.outputs.iter().map(change).collect()
    }

    fn planned_outputs(&self) -> serde_json::Map<String, serde_json::Value> {
        let outputs = self.plan.outputs.iter().filter(|output| output.action != Action::Delete);
        let entry = |output: &terrane_plan::OutputChange| {
            let is_shown = !output.is_sensitive && output.after.is_wholly_known();
            let mut entry = json!({ "sensitive": output.is_sensitive });
            if let Some(entry) = entry.as_object_mut().filter(|_| is_shown) {
                entry.insert("value".into(), json!(Plain(&output.after)));
            }
            (output.name.to_string(), entry)
        };
        outputs.map(entry).collect()
    }

    fn planned_resource(&self, at: usize) -> Option<PlannedResource<'a>> {
        let change = self.plan.changes.get(at)?;
        let (_, after) = self.sides(change);
        Some(PlannedResource {
            named: Named::new(&change.addr, None, self.registry),
            schema_version: change.schema_version,
            values: Plain(after),
            sensitive_values: SensitiveShadow(after),
        })
    }

    fn configuration(&self) -> serde_json::Value {
        let providers = self.plan.providers.iter().map(|(name, _)| (name.name.clone(), name.alias.clone()));
        json_config::configuration(&self.plan.outline, &providers.collect::<Vec<_>>())
    }

    fn step(&self, at: usize, step: &Step) -> serde_json::Value {
        let change = step.change.and_then(|at| self.plan.changes.get(usize::try_from(at).ok()?));
        json!({
            "number": at,
            "address": change.map(|change| &change.addr),
            "name": step.spec.name,
            "verb": step.spec.verb.name(),
            "expected_seconds": step.spec.expected_s,
            "disrupts": step.spec.disrupts,
            "after": step.after,
        })
    }
}

fn leaf_json(path: &Path, is_secret: bool, (before, after): (&Value, &Value)) -> serde_json::Value {
    if is_secret || before.has_sensitive() || after.has_sensitive() {
        return json!({ "path": path.to_string(), "sensitive": true });
    }
    json!({ "path": path.to_string(), "before": Plain(before), "after": Plain(after) })
}

/// `root_module` with its `child_modules`: which entries belong where, so that each is made only when it is written.
#[derive(Default)]
pub struct ModuleTree {
    entries: Vec<usize>,
    children: BTreeMap<String, ModuleTree>,
}

impl ModuleTree {
    /// The tree of these modules, each with the number of an entry in it.
    pub fn new<'a>(modules: impl Iterator<Item = (usize, &'a ModulePath)>) -> Self {
        let mut root = Self::default();
        for (entry, path) in modules {
            let mut module = &mut root;
            let mut at = ModulePath::root();
            for step in path.steps() {
                at = at.child(step.name.clone(), step.key.clone());
                module = module.children.entry(at.to_string()).or_default();
            }
            module.entries.push(entry);
        }
        root
    }

    /// The tree with its entries, to be written.
    pub fn with<'t, F>(&'t self, entry: &'t F) -> TreeWith<'t, F> {
        TreeWith { address: "", tree: self, entry }
    }
}

/// A part of a tree with its entries.
pub struct TreeWith<'t, F> {
    address: &'t str,
    tree: &'t ModuleTree,
    entry: &'t F,
}

impl<T: Serialize, F: Fn(usize) -> T> Serialize for TreeWith<'_, F> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if !self.address.is_empty() {
            map.serialize_entry("address", self.address)?;
        }
        if !self.tree.entries.is_empty() {
            let entry = |at: usize| self.tree.entries.get(at).map(|number| (self.entry)(*number));
            map.serialize_entry("resources", &Each(self.tree.entries.len(), entry))?;
        }
        if !self.tree.children.is_empty() {
            let mut children = Vec::with_capacity(self.tree.children.len());
            for (address, tree) in &self.tree.children {
                children.push(TreeWith { address, tree, entry: self.entry });
            }
            map.serialize_entry("child_modules", &children)?;
        }
        map.end()
    }
}

/// A resource inside `planned_values`.
#[derive(Serialize)]
struct PlannedResource<'a> {
    #[serde(flatten)]
    named: Named<'a>,
    schema_version: u32,
    values: Plain<'a>,
    sensitive_values: SensitiveShadow<'a>,
}

/// Whether a plan destroys everything, for `change_summary`.
pub fn operation(mode: Mode) -> &'static str {
    match mode {
        Mode::Destroy => "destroy",
        Mode::Normal | Mode::RefreshOnly => "plan",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::plan::tests::{change, object, plan};

    fn json_of(plan: &Plan) -> serde_json::Value {
        serde_json::to_value(JsonPlan { plan, state: None, registry: &Registry::default() }).unwrap()
    }

    // A5
    #[test]
    fn an_import_and_a_move_stand_beside_no_op() {
        let mut import = change("t.r", Action::NoOp);
        import.importing = Some("a/b".into());
        let mut moved = change("t.s", Action::NoOp);
        moved.moved_from = Some("t.old".parse().unwrap());
        let json = json_of(&plan(vec![import, moved]));
        let changes = &json["resource_changes"];
        assert_eq!(changes[0]["change"]["actions"], json!(["no-op"]));
        assert_eq!(changes[0]["change"]["importing"], json!({ "id": "a/b" }));
        assert_eq!(changes[1]["previous_address"], "t.old");
    }

    #[test]
    fn changes_have_the_keys_that_readers_want() {
        let mut create = change("module.m[\"k\"].t.r[0]", Action::CreateThenDelete);
        create.before = object(&[("name", "a")]);
        create.after = Value::object(vec![("name".into(), Value::string("hunter2").sensitive())]);
        create.reasons = vec![terrane_core::change::Reason::ReplaceRequested];
        let json = json_of(&plan(vec![create]));
        assert_eq!(json["format_version"], "1.2");
        let change = &json["resource_changes"][0];
        assert_eq!(change["address"], "module.m[\"k\"].t.r[0]");
        assert_eq!(change["module_address"], "module.m[\"k\"]");
        assert_eq!(change["change"]["actions"], json!(["create", "delete"]));
        assert_eq!(change["change"]["after_sensitive"], json!({"name": true}));
        assert_eq!(change["action_reason"], "replace_by_request");
        let module = &json["planned_values"]["root_module"]["child_modules"][0];
        assert_eq!((&module["address"], &module["resources"][0]["index"]), (&json!("module.m[\"k\"]"), &json!(0)));
        assert!(!json.to_string().contains("hunter2"));
    }
}
