//! Finding objects that nothing knows yet: roots first, then a look at each, as much at once as the bound allows.

use crate::answer::DEFAULT_PARALLELISM;
use crate::events::SharedSink;
use crate::workspace::{Configuration, Workspace};
use futures_util::StreamExt;
use futures_util::stream;
use std::collections::BTreeMap;
use terrane_core::event::Event;
use terrane_core::{Diagnostic, Place, Text, Value};
use terrane_plan::planner::provider_blocks;
use terrane_plan::state::State;
use terrane_provider::{Access, Discovered, Fault, Found, LeftAlone, ProviderName, Search};

/// What looking is told under.
const PHASE: &str = "Looking";

/// Where to look, and for what.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    /// The provider, `eks`.
    pub provider: Text,
    /// The region; that of the provider block or the environment where it is empty.
    pub region: Text,
    /// What is looked for.
    pub search: Search,
    /// How many looks may be under way at once; 0 for the default.
    pub parallelism: usize,
}

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Surveyed {
    /// What can be adopted, each after the object it lives in.
    pub found: Vec<Found>,
    /// What stays with whoever has it.
    pub left_alone: Vec<LeftAlone>,
    /// Names that were looked for and that nothing has.
    pub missing: Vec<Text>,
}

/// Looks: see [`Workspace::survey`].
pub(crate) async fn survey(
    workspace: &Workspace,
    configuration: Option<&Configuration>,
    state: &State,
    survey: &Survey,
    sink: &SharedSink,
) -> Result<Surveyed, Vec<Diagnostic>> {
    let name = ProviderName { name: survey.provider.clone(), alias: None };
    let block = block(workspace, configuration, state, &name)?;
    let none = BTreeMap::new();
    let variables = configuration.map_or(&none, |configuration| &configuration.variables);
    let remote = workspace.remote(variables, Vec::new(), BTreeMap::new(), sink);
    let access = Access { region: survey.region.clone(), ..Access::of(name) };
    let told = |fault: &Fault, what: &str| {
        terrane_plan::diag::fault(fault, Place::Run).with("looked at", what).with("region", shown(&survey.region))
    };
    let roots = remote.roots(&survey.search, &access, &block).await;
    let roots = roots.map_err(|fault| vec![told(&fault, &survey.provider)])?;
    let parallelism = if survey.parallelism == 0 { DEFAULT_PARALLELISM } else { survey.parallelism };
    let total = roots.len();
    let look = async |root: Text| {
        let looked = remote.look(&root, &access, &block).await;
        (root, looked)
    };
    let mut looks = stream::iter(roots).map(look).buffered(parallelism);
    let (mut surveyed, mut problems) = (Surveyed::default(), Vec::new());
    let mut done = 0;
    while let Some((root, looked)) = looks.next().await {
        done += 1;
        sink.event(Event::Phase { name: PHASE, done, total });
        match looked {
            Ok(Discovered { is_absent: true, .. }) => surveyed.missing.push(root),
            Ok(looked) => {
                surveyed.found.extend(looked.found);
                surveyed.left_alone.extend(looked.left_alone);
            }
            Err(fault) => problems.push(told(&fault, &root)),
        }
    }
    if problems.is_empty() { Ok(surveyed) } else { Err(problems) }
}

fn shown(region: &str) -> &str {
    if region.is_empty() { "that of the environment" } else { region }
}

/// The provider block, as far as it rests on variables alone.
fn block(
    workspace: &Workspace,
    configuration: Option<&Configuration>,
    state: &State,
    name: &ProviderName,
) -> Result<Value, Vec<Diagnostic>> {
    let program = configuration.and_then(|configuration| Some((configuration, configuration.program.as_ref()?)));
    let Some((configuration, program)) = program else {
        return Ok(state.providers.get(name).cloned().unwrap_or(Value::NULL));
    };
    let sources = workspace.base.fresh_sources();
    let (blocks, problems) = provider_blocks(program, &configuration.inputs, &workspace.base.registry, state, &sources);
    if problems.iter().any(Diagnostic::is_error) {
        return Err(problems);
    }
    Ok(blocks.get(name).cloned().unwrap_or(Value::NULL))
}
