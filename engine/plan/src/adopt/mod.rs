//! Adoption: what was found becomes configuration and import blocks.
//!
//! In: objects that were found, and what is recorded and written already. Out: text of two files, and the addresses in
//! it. Pure; looking and reading is done before, planning and recording after.

pub mod names;
pub mod tfstate;

use crate::planner::imports::ToGenerate;
use crate::state::State;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use terrane_core::{InstanceAddr, Mode, ModulePath, ObjectId, Path, ResourceAddr, Text, Value};
use terrane_lang::program::Program;
use terrane_lang::write;
use terrane_provider::{Found, Registry};

/// The argument that names the object that another one lives in.
const PARENT: &str = "cluster";

/// An object to be adopted, and how its block may be called, the best name first.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// The object.
    pub found: Found,
    /// Texts for its name; they need not be valid names.
    pub names: Vec<String>,
}

/// What is known of the world before adoption.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Blocks of the root module, recorded or written, by type and name.
    blocks: BTreeSet<(Text, Text)>,
    /// Recorded objects.
    recorded: BTreeMap<ObjectId, (InstanceAddr, Value)>,
    /// Blocks that are written.
    written: BTreeSet<(Text, Text)>,
}

impl Known {
    /// What a state and a configuration hold.
    #[must_use]
    pub fn of(state: &State, program: Option<&Program>) -> Self {
        let mut known = Self::default();
        for ((addr, deposed), record) in &state.objects {
            if addr.resource.module.is_root() {
                known.blocks.insert((addr.resource.type_name.clone(), addr.resource.name.clone()));
            }
            if deposed.is_none() {
                known.recorded.insert(record.id.clone(), (addr.clone(), record.seen.clone()));
            }
        }
        for resource in program.and_then(|program| program.modules.first()).iter().flat_map(|module| &module.resources)
        {
            if resource.mode == Mode::Managed {
                known.written.insert((resource.type_name.clone(), resource.name.clone()));
            }
        }
        known.blocks.extend(known.written.iter().cloned());
        known
    }

    /// Whether the block of an instance can be referred to from the root module.
    fn is_written(&self, addr: &InstanceAddr) -> bool {
        let block = &addr.resource;
        block.module.is_root() && self.written.contains(&(block.type_name.clone(), block.name.clone()))
    }

    /// The instance that an object is recorded at.
    #[must_use]
    pub fn recorded_at(&self, id: &ObjectId) -> Option<&InstanceAddr> {
        self.recorded.get(id).map(|(addr, _)| addr)
    }
}

/// An object in the draft.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adopted {
    /// The instance it will be.
    pub addr: InstanceAddr,
    /// The object.
    pub id: ObjectId,
    /// Arguments that stand nowhere because they are secret or not known.
    pub left_out: Vec<Path>,
}

/// What adoption would write.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Draft {
    /// `resource` blocks.
    pub configuration: String,
    /// `import` blocks.
    pub imports: String,
    /// What is in them, in the order of the text.
    pub adopted: Vec<Adopted>,
}

const CONFIGURATION_HEAD: &str = "# Written by terrane adopt, and yours from here on.\n";
const GENERATED_HEAD: &str = "# Written by terrane plan -generate-config-out, and yours from here on.\n";
const IMPORTS_HEAD: &str = "# What terrane adopt found. Once apply has recorded it, this file has done its work.\n";

/// Writes candidates down, each object after the one it lives in. Types that no provider has are left out.
#[must_use]
pub fn draft(registry: &Registry, candidates: &[Candidate], known: &Known) -> Draft {
    let names = names::choose(candidates, &known.blocks);
    let addrs: BTreeMap<&ObjectId, InstanceAddr> = candidates
        .iter()
        .zip(&names)
        .map(|(candidate, name)| (&candidate.found.id, addr_of(&candidate.found.id, name)))
        .collect();
    let seen: BTreeMap<&ObjectId, &Value> =
        candidates.iter().map(|candidate| (&candidate.found.id, &candidate.found.seen)).collect();
    let mut draft = Draft::default();
    for candidate in candidates {
        let found = &candidate.found;
        let (Some(kind), Some(addr)) = (registry.resource(&found.id.type_name), addrs.get(&found.id)) else { continue };
        let parent = found.parent.as_ref();
        let of_parent = parent.and_then(|id| seen.get(id).copied().or_else(|| known.recorded.get(id).map(|(_, v)| v)));
        let value = kind.written(&found.seen, of_parent);
        let references = parent.map(|id| reference(id, &value, addrs.get(id), known)).unwrap_or_default();
        let schema = kind.schema();
        let (block, name) = (&schema.body, &addr.resource.name);
        let written = write::resource(&schema.type_name, name, block, &value, &references);
        draft.configuration.push('\n');
        draft.configuration.push_str(&written.text);
        draft.imports.push('\n');
        draft.imports.push_str(&write::import(addr, &found.id.to_string()));
        draft.adopted.push(Adopted { addr: addr.clone(), id: found.id.clone(), left_out: written.left_out });
    }
    if !draft.adopted.is_empty() {
        draft.configuration.insert_str(0, CONFIGURATION_HEAD);
        draft.imports.insert_str(0, IMPORTS_HEAD);
    }
    draft
}

/// Blocks for imported objects that have none, with the names that their imports give them.
#[must_use]
pub fn generated(objects: &[ToGenerate], known: &Known) -> String {
    let by_text = |text: &str| {
        let here = objects.iter().find(|object| object.seen.get("id").and_then(Value::as_str) == Some(text));
        let before = || known.recorded.iter().find(|(id, _)| id.to_string() == text).map(|(_, (addr, _))| addr);
        here.map(|object| &object.addr).or_else(|| before().filter(|addr| known.is_written(addr)))
    };
    let mut text = String::from(GENERATED_HEAD);
    for object in objects {
        let parent = object.written.get(PARENT).and_then(Value::as_str).and_then(by_text);
        let references = parent.map(|addr| (Path::attr(PARENT), format!("{addr}.id"))).into_iter().collect();
        let (block, name) = (&object.schema.body, &object.addr.resource.name);
        text.push('\n');
        let written = write::resource(&object.schema.type_name, name, block, &object.written, &references);
        text.push_str(&written.text);
    }
    text
}

fn addr_of(id: &ObjectId, name: &str) -> InstanceAddr {
    let module = ModulePath::root();
    let resource = ResourceAddr { module, mode: Mode::Managed, type_name: id.type_name.clone(), name: name.into() };
    InstanceAddr::new(Arc::new(resource), None)
}

/// `eks_cluster.core.id` in place of the id of a cluster that is written too, here or before.
fn reference(
    parent: &ObjectId,
    value: &Value,
    drafted: Option<&InstanceAddr>,
    known: &Known,
) -> BTreeMap<Path, String> {
    let is_id = value.get(PARENT).and_then(Value::as_str).is_some_and(|text| text == parent.to_string());
    let addr = drafted.or_else(|| known.recorded_at(parent).filter(|addr| known.is_written(addr))).filter(|_| is_id);
    addr.map(|addr| (Path::attr(PARENT), format!("{addr}.id"))).into_iter().collect()
}

#[cfg(test)]
mod tests;
