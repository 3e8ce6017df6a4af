//! What a report says, whatever its form: findings with every word that is shown of them, and the run that found them.
//!
//! Values of secrets are left out here, and control characters are made visible here, so that no form can forget it.

use crate::render::json_value::Plain;
use crate::render::plan::value;
use serde_json::{Value as Json, json};
use terrane_core::change::Owner;
use terrane_core::{DriftSeverity, InstanceAddr, Value};
use terrane_plan::drift::{self, FindingKind, Look};
use terrane_plan::plan::Origin;

/// A report.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The worst first; those that are left alone last.
    pub findings: Vec<Finding>,
    /// The run.
    pub run: Run,
}

/// The run that found them.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// Version of Terrane.
    pub version: String,
    /// When, RFC 3339 in UTC.
    pub at: String,
    /// Folder of the configuration inside its repository; empty for the root of it.
    pub folder: String,
    /// A file that stands for the configuration as a whole.
    pub first_file: String,
    /// Every object that was looked at, in the order of addresses.
    pub objects: Vec<Object>,
}

/// What is told about the run.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// When, RFC 3339 in UTC.
    pub at: String,
    /// Folder of the configuration inside its repository.
    pub folder: String,
    /// A file that stands for the configuration as a whole.
    pub first_file: String,
    /// Whether leaves of others are shown.
    pub has_foreign: bool,
}

/// An object that was looked at.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    /// Its address, with the mark of a deposed object.
    pub addr: String,
    /// The module that it stands in; `root` for the root.
    pub module: String,
    /// Its type.
    pub type_name: String,
    /// Where its block stands.
    pub place: Option<Place>,
}

/// A place in the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file, relative to the root folder of the configuration.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
}

/// A finding.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The instance.
    pub instance: InstanceAddr,
    /// The address, with the mark of a deposed object.
    pub addr: String,
    /// Id of the object.
    pub object: String,
    /// Type of the object.
    pub type_name: String,
    /// What kind it is.
    pub kind: FindingKind,
    /// The leaf; empty for the object as a whole.
    pub path: String,
    /// What it is an instance of: the type with the attribute, or with the kind.
    pub rule: String,
    /// What the schema says about the attribute or type.
    pub doc: String,
    /// What was recorded.
    pub recorded: Shown,
    /// What is there.
    pub actual: Shown,
    /// Where it is written, else the block around.
    pub place: Option<Place>,
    /// How bad it is.
    pub severity: DriftSeverity,
    /// The same in every run.
    pub fingerprint: String,
    /// When it was told of first.
    pub first_seen: Option<String>,
    /// Who decides over the leaf, where it is not us.
    pub owner: Option<String>,
    /// One sentence.
    pub message: String,
    /// What to do.
    pub help: String,
    /// Id of the problem that prevents reading.
    pub problem: Option<String>,
    /// Set where the configuration leaves it alone.
    pub ignored: Option<Ignored>,
}

/// Why and until when a finding is left alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ignored {
    /// Why.
    pub reason: String,
    /// The last day.
    pub until: String,
    /// Where that is written.
    pub place: Option<Place>,
}

/// A value as far as it is shown.
#[derive(Clone, Debug, PartialEq)]
pub enum Shown {
    /// There is none to show.
    Nothing,
    /// It is, or has in it, a secret.
    Secret,
    /// It can be shown.
    Open(Value),
}

impl Shown {
    fn of(value: &Value) -> Self {
        if value.has_sensitive() || !value.is_wholly_known() { Self::Secret } else { Self::Open(value.clone()) }
    }

    /// On one line.
    pub fn text(&self) -> String {
        match self {
            Self::Nothing => String::new(),
            Self::Secret => String::from("(sensitive value)"),
            Self::Open(value) => one_line(value),
        }
    }

    /// As JSON; null for what cannot be shown.
    pub fn json(&self) -> Json {
        match self {
            Self::Nothing | Self::Secret => Json::Null,
            Self::Open(value) => json!(Plain(value)),
        }
    }
}

impl Finding {
    /// Whether it counts.
    pub fn counts(&self) -> bool {
        self.ignored.is_none() && self.kind != FindingKind::NotOurs
    }

    /// The leaf, or the kind for the object as a whole.
    pub fn what(&self) -> &str {
        if self.path.is_empty() { self.kind.name() } else { &self.path }
    }
}

/// How many findings there are; those that do not count are only in `ignored` and `not_ours`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// By severity, the mildest first.
    pub by_severity: [usize; 4],
    /// Changed leaves.
    pub changed: usize,
    /// Objects that are gone.
    pub gone: usize,
    /// Objects that cannot be read.
    pub unreadable: usize,
    /// Left alone.
    pub ignored: usize,
    /// Others decide over them.
    pub not_ours: usize,
}

impl Counts {
    /// How many count.
    pub fn total(&self) -> usize {
        self.changed + self.gone + self.unreadable
    }
}

impl Report {
    /// How many findings there are.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for finding in &self.findings {
            match (finding.kind, &finding.ignored) {
                (FindingKind::NotOurs, _) => counts.not_ours += 1,
                (_, Some(_)) => counts.ignored += 1,
                (FindingKind::Changed, None) => counts.changed += 1,
                (FindingKind::Gone, None) => counts.gone += 1,
                (FindingKind::Unreadable, None) => counts.unreadable += 1,
            }
            let at = DriftSeverity::ALL.iter().position(|severity| *severity == finding.severity);
            if let Some(count) = at.filter(|_| finding.counts()).and_then(|at| counts.by_severity.get_mut(at)) {
                *count += 1;
            }
        }
        counts
    }

    /// Findings that count, the worst first.
    pub fn counting(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.counts())
    }

    /// One sentence that says how many there are.
    pub fn summary(&self) -> String {
        let Counts { changed, gone, unreadable, ignored, not_ours, .. } = self.counts();
        let objects = |kind: FindingKind| {
            let of_kind = self.counting().filter(|finding| finding.kind == kind).map(|finding| &finding.addr);
            of_kind.collect::<std::collections::BTreeSet<_>>().len()
        };
        let mut text = match changed + gone + unreadable {
            0 => String::from("No drift. The objects are as they were applied."),
            _ => format!("Drift: {} changed, {gone} gone", objects(FindingKind::Changed)),
        };
        if changed + gone + unreadable > 0 {
            if unreadable > 0 {
                text.push_str(&format!(", {unreadable} unreadable"));
            }
            text.push('.');
        }
        if ignored > 0 {
            text.push_str(&format!(" Ignored: {ignored}."));
        }
        if not_ours > 0 {
            text.push_str(&format!(" Not ours: {not_ours}."));
        }
        text
    }

    /// A place as seen from the root of the repository. What has none is placed at the configuration as a whole.
    pub fn in_repository(&self, place: Option<&Place>) -> Place {
        let (file, line) = place.map_or((&self.run.first_file, 1), |place| (&place.file, place.line));
        let mut steps: Vec<&str> = self.run.folder.split('/').filter(|step| !step.is_empty()).collect();
        for step in file.split('/') {
            match step {
                "" | "." => {}
                ".." => {
                    steps.pop();
                }
                step => steps.push(step),
            }
        }
        Place { file: steps.join("/"), line }
    }
}

/// The model of what a look came to.
pub fn report(look: &Look, around: Surroundings) -> Report {
    let is_shown = |finding: &&drift::Finding| around.has_foreign || finding.kind != FindingKind::NotOurs;
    let mut findings: Vec<Finding> = look.findings.iter().filter(is_shown).map(finding).collect();
    // Stable: the order of the look stays within each part.
    findings.sort_by_key(|finding| !finding.counts());
    let objects = look.objects.iter().map(|object| {
        let (addr, deposed) = &object.key;
        let module = addr.resource.module.to_string();
        Object {
            addr: shown_address(&addr.to_string(), deposed.as_deref()),
            module: if module.is_empty() { String::from("root") } else { visible(&module) },
            type_name: addr.resource.type_name.to_string(),
            place: object.origin.as_ref().map(place),
        }
    });
    let run = Run {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        at: around.at,
        folder: around.folder,
        first_file: around.first_file,
        objects: objects.collect(),
    };
    Report { findings, run }
}

fn finding(found: &drift::Finding) -> Finding {
    let (addr, deposed) = &found.key;
    let is_leaf = matches!(found.kind, FindingKind::Changed | FindingKind::NotOurs);
    let shown = |value: &Value| if is_leaf { Shown::of(value) } else { Shown::Nothing };
    let type_name = found.id.type_name.to_string();
    let rule = match is_leaf {
        true => format!("{type_name}.{}", found.attribute),
        false => format!("{type_name}/{}", found.kind.name()),
    };
    let (recorded, actual) = (shown(&found.recorded), shown(&found.actual));
    Finding {
        instance: addr.clone(),
        addr: shown_address(&addr.to_string(), deposed.as_deref()),
        object: visible(&found.id.to_string()),
        type_name,
        kind: found.kind,
        path: visible(&found.path.to_string()),
        rule,
        doc: found.doc.to_string(),
        message: message(found, &recorded, &actual),
        help: help(found),
        recorded,
        actual,
        place: found.origin.as_ref().map(place),
        severity: found.severity,
        fingerprint: found.fingerprint.to_string(),
        first_seen: found.first_seen.as_ref().map(ToString::to_string),
        owner: match &found.owner {
            Owner::Ours => None,
            Owner::Remote => Some(String::from("remote")),
            Owner::Other(name) => Some(visible(name)),
        },
        problem: found.problem.as_ref().map(|problem| problem.kind.id.to_owned()),
        ignored: found.ignored.as_ref().map(|ignored| Ignored {
            reason: visible(&ignored.reason),
            until: ignored.until.to_string(),
            place: ignored.origin.as_ref().map(place),
        }),
    }
}

fn message(found: &drift::Finding, recorded: &Shown, actual: &Shown) -> String {
    match (found.kind, &found.problem) {
        (FindingKind::Gone, _) => String::from("The object is not there any more"),
        (FindingKind::Unreadable, Some(problem)) => {
            let detail = problem.message();
            let detail = if detail.is_empty() { String::new() } else { format!(": {}", visible(&detail)) };
            format!("It cannot be told whether it changed. {}{detail}", problem.kind.summary)
        }
        (FindingKind::Unreadable, None) => String::from("It cannot be told whether it changed"),
        (FindingKind::Changed | FindingKind::NotOurs, _) => {
            let path = visible(&found.path.to_string());
            match (recorded, actual) {
                (Shown::Secret, _) | (_, Shown::Secret) => format!("{path} changed; the value is secret"),
                _ => format!("{path} is {}, recorded is {}", actual.text(), recorded.text()),
            }
        }
    }
}

fn help(found: &drift::Finding) -> String {
    let addr = shell_word(&visible(&found.key.0.to_string()));
    let leaf = || {
        let pattern = terrane_core::AddrPattern::Resource(found.key.0.clone());
        shell_word(&visible(&drift::LeafPattern { pattern, path: found.path.clone() }.to_string()))
    };
    match found.kind {
        FindingKind::Gone => {
            format!("`terrane drift revert {addr}` makes it anew, `terrane drift accept {addr}` takes it as gone")
        }
        FindingKind::Unreadable => match &found.problem {
            Some(problem) => visible(problem.help_text()),
            None => String::from("Look at the credentials and the network, and run again"),
        },
        FindingKind::Changed => {
            let leaf = leaf();
            let at = match (&found.origin, found.is_written) {
                (Some(origin), true) => format!(" and change {}:{}", visible(&origin.file), origin.line),
                _ => String::from(" and write it into the configuration"),
            };
            format!("`terrane drift revert {leaf}` puts it back; to keep it, `terrane drift accept {leaf}`{at}")
        }
        FindingKind::NotOurs => String::from("Nothing: others decide over it"),
    }
}

fn shell_word(text: &str) -> String {
    if text.contains(['"', ' ', '$', '\\']) { format!("'{}'", text.replace('\'', "'\\''")) } else { text.to_owned() }
}

fn shown_address(addr: &str, deposed: Option<&str>) -> String {
    match deposed {
        None => visible(addr),
        Some(mark) => format!("{} (deposed {})", visible(addr), visible(mark)),
    }
}

fn place(origin: &Origin) -> Place {
    Place { file: visible(&origin.file), line: origin.line }
}

/// `text` with control characters made visible.
fn visible(text: &str) -> String {
    value::escaped(text).into_owned()
}

/// A value on one line, secrets left out.
pub fn one_line(value: &Value) -> String {
    value::scalar(value)
}
