//! Fetches a commit of a repository with the machine's git.
//!
//! Every argument that comes from a configuration was checked by [`terrane_lang::source`] and stands behind
//! `--end-of-options`. Hooks, links and repositories inside of the repository are left out, nothing is asked for at a
//! terminal, and only transports that say who answers are allowed.

use crate::command::{self, Run};
use crate::environment::Environment;
use std::path::Path;
use terrane_lang::source::Package;

/// A large repository over a slow line.
const TIMEOUT_MS: u64 = 600_000;
/// What git sees of the environment, beside what every command does: how to reach and trust a host.
const SEES: &[&str] = &[
    "SSH_AUTH_SOCK",
    "SSH_ASKPASS",
    "GIT_SSH",
    "GIT_SSH_COMMAND",
    "GIT_ASKPASS",
    "GIT_SSL_*",
    "GIT_HTTP_*",
    "GIT_PROXY_*",
    "GIT_CONFIG*",
    "*_proxy",
    "*_PROXY",
];
/// Nobody sits at the terminal of a fetch.
const SET: &[(&str, &str)] =
    &[("GIT_TERMINAL_PROMPT", "0"), ("GCM_INTERACTIVE", "never"), ("SSH_ASKPASS_REQUIRE", "force")];
const SETTINGS: &[&str] = &[
    "protocol.allow=never",
    "protocol.https.allow=always",
    "protocol.ssh.allow=always",
    "protocol.file.allow=always",
    "core.hooksPath=/dev/null",
    "core.symlinks=false",
    "core.fsmonitor=false",
    "core.autocrlf=false",
    "fetch.recurseSubmodules=false",
    "submodule.recurse=false",
    "gc.auto=0",
    "advice.detachedHead=false",
];

/// Git in an empty folder.
pub(crate) struct Git<'a> {
    pub folder: &'a Path,
    pub environment: &'a Environment,
}

impl Git<'_> {
    /// Fills the folder with the files of a package; the commit. `locked` is the commit that it has to be.
    ///
    /// # Errors
    /// What git complained.
    pub async fn check_out(&self, package: &Package, locked: Option<&str>) -> Result<String, String> {
        self.run(&["init", "--quiet", "--template="]).await?;
        let commit = self.fetch(&package.url, locked.or(package.revision.as_deref())).await?;
        if locked.is_some_and(|locked| locked != commit) {
            return Err(format!("the repository answers with the commit {commit}"));
        }
        self.run(&["checkout", "--quiet", "--detach", &commit]).await?;
        std::fs::remove_dir_all(self.folder.join(".git")).map_err(|error| error.to_string())?;
        Ok(commit)
    }

    /// Fetches a revision, or what the repository shows by itself; its commit.
    async fn fetch(&self, url: &str, revision: Option<&str>) -> Result<String, String> {
        let quick = ["fetch", "--quiet", "--no-tags", "--depth=1", "--end-of-options", url, revision.unwrap_or("HEAD")];
        let Err(refused) = self.run(&quick).await else { return self.commit("FETCH_HEAD").await };
        // A commit by a part of its name, or on a host that gives out branches and tags alone.
        let is_commit = |name: &&str| name.len() >= 4 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
        let Some(revision) = revision.filter(is_commit) else { return Err(refused) };
        let all = ["fetch", "--quiet", "--tags", "--end-of-options", url, "+refs/heads/*:refs/remotes/from/*"];
        self.run(&all).await?;
        self.commit(revision).await
    }

    async fn commit(&self, revision: &str) -> Result<String, String> {
        let name = format!("{revision}^{{commit}}");
        let told = self.run(&["rev-parse", "--verify", "--end-of-options", &name]).await?;
        let told = String::from_utf8_lossy(&told);
        Ok(told.lines().last().unwrap_or_default().trim().to_owned())
    }

    async fn run(&self, words: &[&str]) -> Result<Vec<u8>, String> {
        let settings = SETTINGS.iter().flat_map(|setting| ["-c", setting]);
        let all: Vec<&str> = std::iter::once("git").chain(settings).chain(words.iter().copied()).collect();
        let run = Run { sees: SEES, set: SET, ..Run::new(self.folder, self.environment, TIMEOUT_MS) };
        command::output(&all, b"", &run).await.map_err(|why| format!("git {}: {why}", words.first().unwrap_or(&"")))
    }
}
