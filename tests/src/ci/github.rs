//! Jobs of GitHub Actions.
//!
//! # Source
//! GitHub documentation, "Workflow syntax", "Workflow commands", "Contexts reference" (2026).

#![expect(clippy::unwrap_used, reason = "a broken harness ends the suite")]

use super::{copy, field};
use crate::place::Finished;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use tokio::process::Command;

/// What happened in the repository: the contexts that expressions read, by their whole names.
pub type Contexts = BTreeMap<String, String>;

/// The runner of one workflow: what its jobs hand to each other.
pub struct Runner {
    workflow: Value,
    /// Values of expressions: `vars.X`, `secrets.X`, `github.X`.
    pub contexts: Contexts,
    /// Environment of the machine.
    pub machine: Vec<(String, String)>,
    /// Folders of programs that stand before those of this machine.
    pub tools: Vec<PathBuf>,
    /// Copies the repository into a folder.
    pub checkout: Box<dyn Fn(&Path)>,
    artifacts: TempDir,
}

/// What a job left behind.
pub struct Ran {
    /// Its steps in order: name, and what their scripts came to.
    pub steps: Vec<(String, Finished)>,
    /// Its outputs.
    pub outputs: BTreeMap<String, String>,
    /// What it wrote into its summary.
    pub summary: String,
    /// Its checkout, as it is at the end.
    pub folder: TempDir,
}

impl Ran {
    /// Whether every script ended well.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.steps.iter().all(|(_, finished)| finished.code == Some(0))
    }

    /// What the step of this name came to.
    ///
    /// # Panics
    /// When it did not run.
    #[must_use]
    pub fn step(&self, name: &str) -> &Finished {
        &self.steps.iter().find(|(found, _)| found == name).unwrap().1
    }
}

/// A job that is under way.
struct Job<'r> {
    runner: &'r Runner,
    folder: TempDir,
    temp: TempDir,
    environment: Vec<(String, String)>,
    paths: Vec<PathBuf>,
    outputs: Contexts,
    steps: Vec<(String, Finished)>,
    has_failed: bool,
}

impl Runner {
    /// A runner of `workflow`.
    ///
    /// # Panics
    /// When there is no folder to be had.
    #[must_use]
    pub fn new(workflow: Value, checkout: Box<dyn Fn(&Path)>) -> Self {
        let artifacts = tempfile::tempdir().unwrap();
        Self { workflow, contexts: Contexts::new(), machine: Vec::new(), tools: Vec::new(), checkout, artifacts }
    }

    /// Runs a job; `None` where its condition does not hold.
    ///
    /// # Panics
    /// When the job asks for something that the harness does not know.
    pub async fn run(&mut self, name: &str) -> Option<Ran> {
        let job = self.workflow["jobs"][name].clone();
        if !self.holds(field(&job, "if"), &self.contexts, false) {
            return None;
        }
        let mut at = Job {
            runner: self,
            folder: tempfile::tempdir().unwrap(),
            temp: tempfile::tempdir().unwrap(),
            environment: Vec::new(),
            paths: Vec::new(),
            outputs: self.contexts.clone(),
            steps: Vec::new(),
            has_failed: false,
        };
        for step in job["steps"].as_array().unwrap() {
            at.step(step).await;
        }
        let none = Map::new();
        let declared = job["outputs"].as_object().unwrap_or(&none);
        let outputs: BTreeMap<String, String> = declared
            .iter()
            .map(|(key, value)| (key.clone(), self.filled(value.as_str().unwrap(), &at.outputs)))
            .collect();
        let summary = std::fs::read_to_string(at.temp.path().join("summary")).unwrap_or_default();
        let ran = Ran { steps: at.steps, outputs, summary, folder: at.folder };
        for (key, value) in &ran.outputs {
            self.contexts.insert(format!("needs.{name}.outputs.{key}"), value.clone());
        }
        Some(ran)
    }

    /// A text with its expressions evaluated.
    fn filled(&self, text: &str, contexts: &Contexts) -> String {
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${{") {
            let (expression, after) = after.split_once("}}").unwrap();
            filled.push_str(before);
            filled.push_str(&value(expression.trim(), contexts));
            rest = after;
        }
        filled + rest
    }

    /// Whether a condition holds: comparisons with `==` and `!=`, joined by `&&`, and `always()`.
    fn holds(&self, condition: &str, contexts: &Contexts, has_failed: bool) -> bool {
        if condition == "always()" {
            return true;
        }
        let is_true = |term: &str| match (term.split_once("=="), term.split_once("!=")) {
            (Some((left, right)), _) => value(left.trim(), contexts) == value(right.trim(), contexts),
            (_, Some((left, right))) => value(left.trim(), contexts) != value(right.trim(), contexts),
            _ => unreachable!("an unknown condition: {term}"),
        };
        !has_failed && (condition.is_empty() || condition.split("&&").all(is_true))
    }
}

fn value(expression: &str, contexts: &Contexts) -> String {
    match expression.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) {
        Some(literal) => literal.to_owned(),
        None => contexts.get(expression).unwrap_or_else(|| unreachable!("nothing is known of {expression}")).clone(),
    }
}

impl Job<'_> {
    async fn step(&mut self, step: &Value) {
        if !self.runner.holds(field(step, "if"), &self.outputs, self.has_failed) {
            return;
        }
        match field(step, "uses") {
            "" => self.script(step).await,
            "actions/checkout@v4" => (self.runner.checkout)(self.folder.path()),
            "actions/upload-artifact@v4" => {
                copy(field(&step["with"], "path"), self.folder.path(), self.runner.artifacts.path());
            }
            "actions/download-artifact@v4" => {
                for file in std::fs::read_dir(self.runner.artifacts.path()).unwrap() {
                    let name = file.unwrap().file_name();
                    copy(name.to_str().unwrap(), self.runner.artifacts.path(), self.folder.path());
                }
            }
            "github/codeql-action/upload-sarif@v3" => {
                let report =
                    std::fs::read_to_string(self.folder.path().join(field(&step["with"], "sarif_file"))).unwrap();
                let report: Value = serde_json::from_str(&report).unwrap();
                assert_eq!(report["version"], "2.1.0");
            }
            other => unreachable!("the harness does not know the action {other}"),
        }
    }

    async fn script(&mut self, step: &Value) {
        let temp = self.temp.path().to_owned();
        let file = |name: &str| temp.join(name);
        for name in ["env", "output", "path"] {
            std::fs::write(file(name), "").unwrap();
        }
        std::fs::write(file("script.sh"), self.runner.filled(field(step, "run"), &self.outputs)).unwrap();
        let mut path: Vec<PathBuf> = self.paths.clone();
        path.extend(self.runner.tools.iter().cloned());
        path.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap()));
        let mut command = Command::new("bash");
        command.arg("-e").arg(file("script.sh")).current_dir(self.folder.path()).kill_on_drop(true).env_clear();
        command.env("PATH", std::env::join_paths(path).unwrap()).env("RUNNER_TEMP", &temp);
        command.envs(self.runner.machine.iter().cloned()).envs(self.environment.iter().cloned());
        for (name, file_name) in [
            ("GITHUB_ENV", "env"),
            ("GITHUB_OUTPUT", "output"),
            ("GITHUB_PATH", "path"),
            ("GITHUB_STEP_SUMMARY", "summary"),
        ] {
            command.env(name, file(file_name));
        }
        for environment in [&self.runner.workflow["env"], &step["env"]] {
            for (name, text) in environment.as_object().into_iter().flatten() {
                command.env(name, self.runner.filled(text.as_str().unwrap(), &self.outputs));
            }
        }
        let output = command.output().await.unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let finished = Finished { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) };
        self.has_failed |= finished.code != Some(0);
        self.steps.push((field(step, "name").to_owned(), finished));
        self.take_in(field(step, "id"));
    }

    /// What the script wrote for the steps after it.
    fn take_in(&mut self, id: &str) {
        let lines = |name: &str| -> Vec<String> {
            std::fs::read_to_string(self.temp.path().join(name)).unwrap().lines().map(str::to_owned).collect()
        };
        let pair =
            |line: String| line.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned())).unwrap();
        let environment: Vec<_> = lines("env").into_iter().map(pair).collect();
        let outputs: Vec<_> = lines("output").into_iter().map(pair).collect();
        let paths: Vec<_> = lines("path").into_iter().map(PathBuf::from).collect();
        self.environment.extend(environment);
        self.outputs.extend(outputs.into_iter().map(|(name, value)| (format!("steps.{id}.outputs.{name}"), value)));
        self.paths.splice(0..0, paths);
    }
}
