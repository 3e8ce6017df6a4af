//! What is to be adopted: by looking at the remote side, or by the state of another tool.

use super::Adoption;
use crate::args::AdoptEksArguments;
use crate::diag;
use crate::exit::Failure;
use crate::voice::Problems;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use terrane_core::{Diagnostic, ObjectId, Place, Text};
use terrane_plan::adopt::{Candidate, names, tfstate};
use terrane_provider::{Discovery, LeftAlone, Search};
use terrane_runtime::{Survey, Surveyed};

const EKS: &str = "eks";
/// A larger state is none that a person could follow.
const LARGEST: u64 = 256 * 1024 * 1024;

/// What was found.
#[derive(Debug, Default)]
pub struct Candidates {
    /// To be adopted.
    pub candidates: Vec<Candidate>,
    /// Not to be.
    pub left_alone: Vec<LeftAlone>,
}

impl Adoption<'_> {
    /// Clusters and pools of the regions that are named.
    ///
    /// # Errors
    /// `adopt-not-found` for names that nothing has, and why it could not be looked.
    pub async fn eks(&mut self, arguments: &AdoptEksArguments) -> Result<Candidates, Failure> {
        let search = Search { names: arguments.name.iter().map(|name| name.as_str().into()).collect() };
        let regions = match arguments.region.as_slice() {
            [] => vec![Text::from("")],
            named => named.iter().map(|region| region.as_str().into()).collect(),
        };
        let mut all = Candidates::default();
        let mut missing: BTreeMap<Text, usize> = BTreeMap::new();
        for region in &regions {
            let surveyed = self.survey(region, search.clone()).await?;
            for name in surveyed.missing {
                *missing.entry(name).or_default() += 1;
            }
            all.left_alone.extend(surveyed.left_alone);
            let found = surveyed.found.into_iter();
            all.candidates.extend(found.map(|found| Candidate { names: names::of_object(&found.id), found }));
        }
        // Of several regions, one with the name is enough.
        let nowhere = missing.iter().filter(|(_, count)| **count == regions.len());
        let problems: Vec<Diagnostic> = nowhere
            .map(|(name, _)| {
                let shown: Vec<&str> = regions.iter().map(|region| &**region).collect();
                let problem = diag::ADOPT_NOT_FOUND.at(Place::Argument(format!("-name {name}")));
                let problem = problem.detail(format!("there is no cluster `{name}`"));
                if shown == [""] { problem } else { problem.with("region", shown.join(", ")) }
            })
            .collect();
        if problems.is_empty() { Ok(all) } else { Err(Failure::new(problems)) }
    }

    /// The objects of a state file, read where they are; and their addresses there.
    ///
    /// # Errors
    /// `tfstate-unreadable`, `tfstate-version`, `adopt-not-found` for what is not there any more.
    pub async fn tfstate(&mut self, file: &str) -> Result<(Candidates, Vec<String>), Failure> {
        let discoveries: Vec<Arc<dyn Discovery>> =
            self.workspace.registry().providers().filter_map(|provider| provider.discovery()).collect();
        let state = tfstate::read(&read(file)?, file, &discoveries)?;
        let mut clusters: BTreeMap<Text, BTreeSet<Text>> = BTreeMap::new();
        for foreign in &state.objects {
            let scope = &foreign.id.scope;
            let cluster = if scope.parent.is_empty() { &foreign.id.key } else { &scope.parent };
            clusters.entry(scope.region.clone()).or_default().insert(cluster.clone());
        }
        let mut found = BTreeMap::new();
        let mut left_alone = state.left_alone;
        for (region, names) in clusters {
            let surveyed = self.survey(&region, Search { names: names.into_iter().collect() }).await?;
            left_alone.extend(surveyed.left_alone);
            found.extend(surveyed.found.into_iter().map(|found| (found.id.clone(), found)));
        }
        let mut candidates = Vec::with_capacity(state.objects.len());
        let mut problems = Vec::new();
        let mut addresses = Vec::with_capacity(state.objects.len());
        // Clusters before what is in them, whatever the order of the file.
        let (inner, outer): (Vec<_>, Vec<_>) =
            state.objects.into_iter().partition(|foreign| !foreign.id.scope.parent.is_empty());
        for foreign in outer.into_iter().chain(inner) {
            match found.remove(&foreign.id) {
                Some(found) => {
                    candidates.push(Candidate { found, names: vec![foreign.name] });
                    addresses.push(foreign.address);
                }
                None => problems.push(gone(file, &foreign.address, &foreign.id)),
            }
        }
        if problems.is_empty() {
            Ok((Candidates { candidates, left_alone }, addresses))
        } else {
            Err(Failure::new(problems))
        }
    }

    async fn survey(&mut self, region: &Text, search: Search) -> Result<Surveyed, Failure> {
        let survey = Survey { provider: EKS.into(), region: region.clone(), search, parallelism: 0 };
        let sink = self.voice.sink(Problems::Collected);
        let surveyed = tokio::select! {
            surveyed = self.workspace.survey(self.configuration.as_ref(), &self.state, &survey, &sink) => surveyed,
            _ = self.interrupts.next() => return Err(diag::INTERRUPTED.at(Place::Run).into()),
        };
        self.voice.settle();
        surveyed.map_err(Failure::new)
    }
}

fn gone(file: &str, address: &str, id: &ObjectId) -> Diagnostic {
    let detail = format!("`{address}` is in the file, and with these credentials it cannot be adopted or is not there");
    diag::ADOPT_NOT_FOUND.at(Place::File(file.to_owned())).detail(detail).with("id", id)
}

fn read(file: &str) -> Result<String, Failure> {
    use std::io::Read as _;
    let refused = |reason: String| Failure::from(diag::FILE_NOT_READ.at(Place::File(file.to_owned())).detail(reason));
    let mut text = String::new();
    let opened = std::fs::File::open(file).map_err(|error| refused(error.to_string()))?;
    opened.take(LARGEST + 1).read_to_string(&mut text).map_err(|error| refused(error.to_string()))?;
    if u64::try_from(text.len()).unwrap_or(u64::MAX) > LARGEST {
        return Err(refused(format!("it is larger than {} MiB", LARGEST / 1024 / 1024)));
    }
    Ok(text)
}
