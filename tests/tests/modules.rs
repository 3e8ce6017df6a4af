//! A1: modules that come from git repositories: fetched, locked, and held to what was locked.
//!
//! The repositories are folders of this machine; nothing is fetched over a network.

#![expect(clippy::unwrap_used, reason = "a broken harness ends the suite")]

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use terrane_sandbox::SandboxConfig;
use terrane_tests::place::Place;

fn git(place: &Place, words: &[&str]) {
    let who = ["-c", "user.name=me", "-c", "user.email=me@example.com", "-c", "commit.gpgsign=false"];
    let ran = place.command_of(Path::new("git"), &[&who[..], words].concat()).as_std_mut().output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
}

fn commit(place: &Place, repository: &str, files: &[(&str, &str)]) {
    if !place.path().join(repository).exists() {
        git(place, &["init", "--quiet", "--initial-branch=main", repository]);
    }
    for (name, text) in files {
        place.write(&format!("{repository}/{name}"), text);
    }
    git(place, &["-C", repository, "add", "--all"]);
    git(place, &["-C", repository, "commit", "--quiet", "--message=next"]);
}

/// A repository `pools` with a module at its top that calls another one in it, and a tag on it.
async fn place() -> Place {
    let place = Place::start(SandboxConfig::default()).await;
    let top = "variable \"size\" {\n  default = 1\n}\nmodule \"inner\" {\n  source = \"./parts/inner\"\n  size   = var.size\n}\n";
    let inner = "variable \"size\" {}\nresource \"terrane_data\" \"pool\" {\n  input = \"first ${var.size}\"\n}\n";
    commit(&place, "pools", &[("main.hcl", top), ("parts/inner/main.hcl", inner)]);
    git(&place, &["-C", "pools", "tag", "v1"]);
    place
}

fn call(place: &Place, name: &str, behind: &str) -> String {
    let url = format!("git::file://{}/pools{behind}", place.path().display());
    format!("module \"{name}\" {{\n  source = \"{url}\"\n}}\n")
}

/// Another content of the inner module.
const SECOND: &str = "variable \"size\" {}\nresource \"terrane_data\" \"pool\" {\n  input = \"second\"\n}\n";

fn lock(place: &Place) -> String {
    std::fs::read_to_string(place.path().join(".terrane.lock.hcl")).unwrap()
}

fn packages(place: &Place) -> Vec<PathBuf> {
    let listed = std::fs::read_dir(place.path().join(".terrane/modules")).unwrap();
    listed.map(|entry| entry.unwrap().path()).collect()
}

async fn planned(place: &Place) -> String {
    place.run(&["plan"]).await.expect(0).out
}

// A1
#[tokio::test(flavor = "multi_thread")]
async fn a_module_of_a_repository_is_fetched_by_init_and_planned() {
    let place = place().await;
    place.write(
        "main.hcl",
        &(call(&place, "pool", "?ref=v1")
            + &call(&place, "part", "//parts/inner?ref=v1").replace("}\n", "  size = 5\n}\n")),
    );
    let told = place.run(&["plan"]).await.expect(1).err;
    assert!(told.contains("[module-not-installed]"), "{told}");
    let told = place.run(&["init"]).await.expect(0);
    assert_eq!(told.err.matches("Fetching ").count(), 1, "one package is fetched once: {}", told.err);
    let plan = planned(&place).await;
    assert!(plan.contains("module.pool.module.inner.terrane_data.pool") && plan.contains("first 1"), "{plan}");
    assert!(plan.contains("module.part.terrane_data.pool") && plan.contains("first 5"), "{plan}");
    assert_eq!((packages(&place).len(), lock(&place).matches("\nmodule ").count()), (1, 1));
    assert!(!packages(&place)[0].join(".git").exists());
    // What is there is not fetched again.
    assert!(!place.run(&["init"]).await.expect(0).err.contains("Fetching"));
    // What nobody calls is not locked.
    place.write("main.hcl", "");
    place.run(&["init"]).await.expect(0);
    assert!(!place.path().join(".terrane.lock.hcl").exists());
}

// A1
#[tokio::test(flavor = "multi_thread")]
async fn a_branch_stays_where_it_was_locked_until_it_is_looked_up_anew() {
    let place = place().await;
    place.write("main.hcl", &call(&place, "part", "//parts/inner?ref=main").replace("}\n", "  size = 1\n}\n"));
    place.run(&["init"]).await.expect(0);
    let before = lock(&place);
    commit(&place, "pools", &[("parts/inner/main.hcl", SECOND)]);
    // Also on a machine that has nothing yet.
    std::fs::remove_dir_all(place.path().join(".terrane")).unwrap();
    place.run(&["init", "-lockfile=readonly"]).await.expect(0);
    assert!(planned(&place).await.contains("first 1"));
    assert_eq!(lock(&place), before);
    place.run(&["init", "-upgrade"]).await.expect(0);
    assert!(planned(&place).await.contains("second"));
    assert_ne!(lock(&place), before);
}

// A1
#[tokio::test(flavor = "multi_thread")]
async fn a_commit_is_found_by_its_name_and_by_a_part_of_it() {
    let place = place().await;
    let told = place.command_of(Path::new("git"), &["-C", "pools", "rev-parse", "HEAD"]).as_std_mut().output().unwrap();
    let first = String::from_utf8(told.stdout).unwrap().trim().to_owned();
    commit(&place, "pools", &[("parts/inner/main.hcl", "variable \"size\" {}\n")]);
    for name in [&first[..], &first[..8]] {
        place.write("main.hcl", &call(&place, "pool", &format!("?ref={name}")));
        place.run(&["init"]).await.expect(0);
        assert!(planned(&place).await.contains("first 1"));
        assert!(lock(&place).contains(&first), "{}", lock(&place));
    }
}

// A1
#[tokio::test(flavor = "multi_thread")]
async fn what_was_fetched_is_held_to_what_was_locked() {
    let place = place().await;
    place.write("main.hcl", &call(&place, "pool", ""));
    place.run(&["init"]).await.expect(0);
    let file = packages(&place)[0].join("parts/inner/main.hcl");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("first", "other")).unwrap();
    assert!(place.run(&["plan"]).await.expect(1).err.contains("[module-altered]"));
    place.run(&["init"]).await.expect(0);
    assert!(planned(&place).await.contains("first 1"));
    // A lock that names another content.
    let wrong = lock(&place).replace("sha256:", "sha256:0").replacen("0\"\n", "\"\n", 1);
    let digest = wrong.split("sha256:").nth(1).unwrap();
    let cut = digest.split('"').next().unwrap();
    place.write(".terrane.lock.hcl", &wrong.replace(cut, &cut[..64]));
    let told = place.run(&["init"]).await.expect(1).err;
    assert!(told.contains("[module-other-digest]"), "{told}");
}

// A1
#[tokio::test(flavor = "multi_thread")]
async fn a_package_holds_no_links_and_no_way_out() {
    let place = place().await;
    place.write("secret.hcl", "locals {\n  secret = 1\n}\n");
    std::os::unix::fs::symlink("../secret.hcl", place.path().join("pools/link.hcl")).unwrap();
    commit(&place, "pools", &[("main.hcl", "module \"out\" {\n  source = \"../../..\"\n}\n")]);
    place.write("main.hcl", &call(&place, "pool", ""));
    let told = place.run(&["init"]).await.expect(1).err;
    assert!(told.contains("[module-not-found]") && told.contains("leads out of the package"), "{told}");
    let link = packages(&place)[0].join("link.hcl");
    assert!(std::fs::symlink_metadata(&link).unwrap().is_file());
}

// A1
#[tokio::test(flavor = "multi_thread")]
async fn a_fetch_runs_no_hooks_of_whoever_fetches() {
    let mut place = place().await;
    let (hooks, caught) = (place.path().join("hooks"), place.path().join("caught"));
    place.write("hooks/post-checkout", &format!("#!/bin/sh\ntouch {}\n", caught.display()));
    std::fs::set_permissions(hooks.join("post-checkout"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let settings = [
        ("GIT_CONFIG_COUNT", "1".to_owned()),
        ("GIT_CONFIG_KEY_0", "core.hooksPath".to_owned()),
        ("GIT_CONFIG_VALUE_0", hooks.display().to_string()),
    ];
    place.environment.extend(settings.map(|(name, value)| (name.to_owned(), value)));
    // The hook does run where nobody says otherwise.
    git(&place, &["-C", "pools", "checkout", "--quiet", "--detach", "v1"]);
    assert!(caught.exists());
    std::fs::remove_file(&caught).unwrap();
    place.write("main.hcl", &call(&place, "pool", "?ref=v1"));
    place.run(&["init"]).await.expect(0);
    assert!(planned(&place).await.contains("first 1"));
    assert!(!caught.exists());
}

// A1
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_fetched_is_told_where_it_is_called() {
    let place = place().await;
    place.write("main.hcl", &call(&place, "pool", "?ref=none"));
    let told = place.run(&["init"]).await.expect(1).err;
    assert!(told.contains("[module-not-fetched]") && told.contains("on main.hcl line 2"), "{told}");
}

// A1
#[tokio::test(flavor = "multi_thread")]
async fn packages_call_packages_and_a_run_that_is_killed_leaves_none_half() {
    let place = place().await;
    let caller = call(&place, "pool", "?ref=v1");
    commit(&place, "fleet", &[("main.hcl", &caller)]);
    let fleet = call(&place, "fleet", "").replace("/pools", "/fleet");
    place.write("main.hcl", &fleet);
    // What a run left that was ended in the middle.
    place.write(".terrane/modules/draft-1/main.hcl", "resource \"none\" \"x\" {}\n");
    place.run(&["init"]).await.expect(0);
    assert!(planned(&place).await.contains("module.fleet.module.pool.module.inner.terrane_data.pool"));
    assert_eq!(lock(&place).matches("\nmodule ").count(), 2);
}

// A1, A5
#[tokio::test(flavor = "multi_thread")]
async fn a_package_that_was_locked_anew_is_a_change_since_the_revision() {
    let place = place().await;
    place.write("main.hcl", &(call(&place, "pool", "") + "resource \"terrane_data\" \"other\" {}\n"));
    place.write(".gitignore", ".terrane/\nterrane.state/\npools/\n");
    git(&place, &["init", "--quiet"]);
    place.run(&["init"]).await.expect(0);
    git(&place, &["add", "."]);
    git(&place, &["commit", "--quiet", "--message=first"]);
    place.run(&["apply", "-auto-approve"]).await.expect(0);
    commit(&place, "pools", &[("parts/inner/main.hcl", SECOND)]);
    place.run(&["init", "-upgrade"]).await.expect(0);
    let plan = place.run(&["plan", "-only-changed-since=HEAD"]).await.expect(0).out;
    assert!(
        plan.contains("module.pool.module.inner.terrane_data.pool will be updated") && plan.contains("0 to destroy"),
        "{plan}"
    );
}

// A1
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_fetched_is_told_and_nothing_is_locked() {
    let place = place().await;
    for (behind, id) in [
        ("?ref=none", "module-not-fetched"),
        ("?ref=00000000", "module-not-fetched"),
        ("//none?ref=v1", "module-not-found"),
    ] {
        place.write("main.hcl", &call(&place, "pool", behind));
        let told = place.run(&["init"]).await.expect(1).err;
        assert!(told.contains(&format!("[{id}]")), "{behind}: {told}");
    }
    place.write("main.hcl", "module \"pool\" {\n  source = \"git::ext::sh -c touch% caught\"\n}\n");
    assert!(place.run(&["init"]).await.expect(1).err.contains("[wrong-module-source]"));
    assert!(place.run(&["init", "-upgrade", "-lockfile=readonly"]).await.expect(1).err.contains("[usage]"));
    assert!(!place.path().join("caught").exists());
}
