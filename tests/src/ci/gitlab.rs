//! Jobs of GitLab CI.
//!
//! # Source
//! GitLab documentation, "CI/CD YAML syntax reference" (2026).

#![expect(clippy::unwrap_used, reason = "a broken harness ends the suite")]

use super::{copy, field};
use crate::place::Finished;
use serde_json::Value;
use std::path::Path;
use tempfile::TempDir;
use tokio::process::Command;

/// A pipeline: what its jobs hand to each other.
pub struct Pipeline {
    recipe: Value,
    /// Environment of the machine, and variables of the project.
    pub variables: Vec<(String, String)>,
    /// Copies the repository into a folder.
    pub checkout: Box<dyn Fn(&Path)>,
    artifacts: TempDir,
}

/// What a job left behind.
pub struct Ran {
    /// What its script came to.
    pub finished: Finished,
    /// Its checkout.
    pub folder: TempDir,
}

impl Pipeline {
    /// A pipeline of `recipe`.
    ///
    /// # Panics
    /// When there is no folder to be had.
    #[must_use]
    pub fn new(recipe: Value, checkout: Box<dyn Fn(&Path)>) -> Self {
        Self { recipe, variables: Vec::new(), checkout, artifacts: tempfile::tempdir().unwrap() }
    }

    /// Runs a job. Its artifacts are handed on, and every file of a report must be there.
    ///
    /// # Panics
    /// When something that the job declares is missing.
    pub async fn run(&self, name: &str) -> Ran {
        let job = &self.recipe[name];
        assert!(job.is_object(), "there is no job {name}");
        let folder = tempfile::tempdir().unwrap();
        (self.checkout)(folder.path());
        for needed in job["needs"].as_array().into_iter().flatten() {
            assert!(self.recipe[needed.as_str().unwrap()].is_object());
            for file in std::fs::read_dir(self.artifacts.path()).unwrap() {
                let name = file.unwrap().file_name();
                copy(name.to_str().unwrap(), self.artifacts.path(), folder.path());
            }
        }
        let lines = [&self.recipe["default"]["before_script"], &job["script"]];
        let script: Vec<&str> =
            lines.into_iter().flat_map(|lines| lines.as_array().unwrap()).map(|line| line.as_str().unwrap()).collect();
        let mut command = Command::new("bash");
        command.args(["-eo", "pipefail", "-c", &script.join("\n")]).current_dir(folder.path()).kill_on_drop(true);
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap());
        for (name, text) in self.recipe["variables"].as_object().into_iter().flatten() {
            command.env(name, text.as_str().unwrap());
        }
        command.envs(self.variables.iter().cloned());
        let output = command.output().await.unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let finished = Finished { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) };
        self.hand_on(&job["artifacts"], &finished, folder.path());
        Ran { finished, folder }
    }

    fn hand_on(&self, artifacts: &Value, finished: &Finished, folder: &Path) {
        if finished.code != Some(0) && field(artifacts, "when") != "always" {
            return;
        }
        for path in artifacts["paths"].as_array().into_iter().flatten() {
            copy(path.as_str().unwrap(), folder, self.artifacts.path());
        }
        for (_, report) in artifacts["reports"].as_object().into_iter().flatten() {
            let report = folder.join(report.as_str().unwrap());
            assert!(report.is_file(), "{} is missing\n{finished:?}", report.display());
        }
    }
}
