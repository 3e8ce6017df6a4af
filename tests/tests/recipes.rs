//! A4, A7, E1: the recipes of docs/recipes, run as they are written: their scripts, with the identity of a job in the
//! place of keys, from the first plan to the drift that somebody else made.

#![expect(clippy::unwrap_used, reason = "a broken harness ends the suite")]

use serde_json::Value;
use std::path::{Path, PathBuf};
use terrane_sandbox::{Drift, SandboxConfig};
use terrane_tests::ci::{self, github, gitlab, identity};
use terrane_tests::place::{Place, binary, root};
use tokio::process::Command;

const TOKEN: &str = "header.identity-of-the-job.signature";
/// The sandbox has one role that trusts such an identity; a real account has one to read and one to write.
const ROLE: &str = "arn:aws:iam::111122223333:role/terrane-deployer";

/// A remote side that trusts the identity of the jobs, a folder with the programs of the machine, and a state that
/// outlives the checkouts.
struct World {
    place: Place,
    tools: tempfile::TempDir,
}

impl World {
    async fn start() -> Self {
        assert_eq!(ci::missing_program(), None, "a program that the recipes call is not on this machine");
        let tokens = vec![TOKEN.into()];
        let config = SandboxConfig { web_identity_tokens: tokens, clock_rate: 1_000, ..SandboxConfig::default() };
        let mut place = Place::start(config).await;
        place.environment.retain(|(name, _)| !name.contains("ACCESS_KEY"));
        let tools = tempfile::tempdir().unwrap();
        std::fs::copy(binary(), tools.path().join("terrane")).unwrap();
        Self { place, tools }
    }

    /// A checkout of the example, with its state in a place that outlives it.
    fn checkout(&self) -> Box<dyn Fn(&Path)> {
        let state = self.tools.path().join("state");
        Box::new(move |folder| {
            let example = root().join("examples/fleet-eks");
            for name in ["main.hcl", "terrane.tfvars"] {
                std::fs::copy(example.join(name), folder.join(name)).unwrap();
            }
            let backend = format!("terrane {{\n  backend \"local\" {{\n    path = \"{}\"\n  }}\n}}\n", state.display());
            std::fs::write(folder.join("backend.hcl"), backend).unwrap();
        })
    }

    /// A program of the machine that only notes how it was called.
    fn stand_in(&self, name: &str) -> PathBuf {
        let calls = self.tools.path().join(format!("{name}.calls"));
        let script = format!("#!/bin/sh\nprintf '%s\\n' \"$*\" >> '{}'\n", calls.display());
        self.program(name, &script);
        calls
    }

    fn program(&self, name: &str, script: &str) {
        use std::os::unix::fs::PermissionsExt as _;
        let path = self.tools.path().join(name);
        std::fs::write(&path, script).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// `PATH` with the programs of this machine in front.
    fn path(&self) -> String {
        format!("{}:{}", self.tools.path().display(), std::env::var("PATH").unwrap())
    }

    /// Somebody changes the size of a pool by hand.
    fn meddle(&self) {
        let objects = self.place.sandbox.objects();
        let pool = objects.into_iter().find(|object| object.object_type == "node-group").unwrap();
        let changed = Drift::Set {
            object_type: pool.object_type,
            account: pool.account,
            region: pool.region,
            name: pool.name,
            pointer: "/scalingConfig/maxSize".into(),
            value: 9.into(),
        };
        self.place.sandbox.drift(changed).unwrap();
    }

    /// The roles that asked for something since `from`.
    fn callers(&self, from: usize) -> Vec<String> {
        let log = self.place.sandbox.log();
        let mut arns: Vec<String> =
            log.iter().skip(from).filter(|r| r.service == "eks").map(|request| request.caller_arn.clone()).collect();
        arns.sort();
        arns.dedup();
        arns
    }
}

async fn run(program: &str, words: &[&str], folder: &Path) {
    let done = Command::new(program).args(words).current_dir(folder).output().await.unwrap();
    assert!(done.status.success(), "{program} {words:?}: {}", String::from_utf8_lossy(&done.stderr));
}

// A4, A7
#[tokio::test(flavor = "multi_thread")]
async fn github_actions_plans_applies_and_looks_for_drift() {
    let world = World::start().await;
    let keys = tempfile::tempdir().unwrap();
    run("openssl", &["genpkey", "-algorithm", "ed25519", "-out", "key.pem"], keys.path()).await;
    run("openssl", &["pkey", "-in", "key.pem", "-pubout", "-out", "public.pem"], keys.path()).await;
    let read = |name: &str| std::fs::read_to_string(keys.path().join(name)).unwrap();
    let sum = Command::new("sha256sum").arg(binary()).output().await.unwrap();
    let sum = String::from_utf8(sum.stdout).unwrap().split(' ').next().unwrap().to_owned();
    let comments = world.stand_in("gh");
    let mut runner = github::Runner::new(ci::recipe("github-actions.yml"), world.checkout());
    runner.machine = world.place.environment.clone();
    runner.machine.push(("ACTIONS_ID_TOKEN_REQUEST_URL".into(), identity::serve(TOKEN)));
    runner.machine.push(("ACTIONS_ID_TOKEN_REQUEST_TOKEN".into(), identity::REQUEST_TOKEN.into()));
    runner.tools.push(world.tools.path().to_owned());
    let url = format!("file://{}", binary().canonicalize().unwrap().display());
    let known = [
        ("vars.TERRANE_URL", url.as_str()),
        ("vars.TERRANE_SHA256", &sum),
        ("vars.AWS_ROLE_PLAN", ROLE),
        ("vars.AWS_ROLE_APPLY", ROLE),
        ("vars.PLAN_PUBLIC_KEY", &read("public.pem")),
        ("secrets.PLAN_KEY", &read("key.pem")),
        ("github.token", "token-of-the-job"),
        ("github.event.pull_request.number", "7"),
        ("github.event_name", "pull_request"),
    ];
    runner.contexts = known.map(|(name, value)| (name.to_owned(), value.to_owned())).into();

    let plan = runner.run("plan").await.unwrap();
    assert!(plan.is_good(), "{:#?}", plan.steps);
    assert!(plan.summary.contains("eks_cluster.fleet"), "{}", plan.summary);
    assert_eq!(
        std::fs::read_to_string(&comments).unwrap(),
        "pr comment 7 --body-file plan.md --edit-last --create-if-none\n"
    );
    assert!(runner.run("apply").await.is_none(), "a pull request applies nothing");
    assert_eq!(world.place.sandbox.objects().iter().filter(|object| object.object_type == "cluster").count(), 0);

    runner.contexts.insert("github.event_name".into(), "push".into());
    let plan = runner.run("plan").await.unwrap();
    assert_eq!(plan.outputs["has_changes"], "true");
    let before = world.place.sandbox.log().len();
    let apply = runner.run("apply").await.unwrap();
    assert!(apply.is_good(), "{:#?}", apply.steps);
    assert!(world.callers(before).iter().all(|arn| arn.contains("assumed-role/terrane-deployer/")));
    let again = runner.run("plan").await.unwrap();
    assert_eq!((again.is_good(), again.outputs["has_changes"].as_str()), (true, "false"));
    assert!(runner.run("apply").await.is_none(), "there is nothing to apply");

    runner.contexts.insert("github.event_name".into(), "schedule".into());
    assert!(runner.run("drift").await.unwrap().is_good());
    world.meddle();
    let drift = runner.run("drift").await.unwrap();
    let told = drift.step("Drift");
    assert_eq!(told.code, Some(2), "{told:?}");
    assert!(told.out.lines().any(|line| line.starts_with("::") && line.contains("file=main.hcl")), "{}", told.out);
    assert!(drift.summary.contains("dublin/general"), "{}", drift.summary);
}

// A4, A7
#[tokio::test(flavor = "multi_thread")]
async fn gitlab_ci_plans_applies_and_looks_for_drift() {
    let world = World::start().await;
    let mut pipeline = gitlab::Pipeline::new(ci::recipe("gitlab-ci.yml"), world.checkout());
    pipeline.variables = world.place.environment.clone();
    let variables = [("AWS_TOKEN", TOKEN), ("AWS_ROLE_PLAN", ROLE), ("AWS_ROLE_APPLY", ROLE)];
    pipeline.variables.extend(variables.map(|(name, value)| (name.to_owned(), value.to_owned())));
    pipeline.variables.push(("PATH".into(), world.path()));

    let plan = pipeline.run("plan").await;
    assert_eq!(plan.finished.code, Some(0), "{:?}", plan.finished);
    let widget = std::fs::read_to_string(plan.folder.path().join("plan.json")).unwrap();
    let widget: Value = serde_json::from_str(&widget).unwrap();
    assert!(widget["create"].as_u64().unwrap() >= 8, "{widget}");
    assert_eq!((&widget["update"], &widget["delete"]), (&0.into(), &0.into()));
    let before = world.place.sandbox.log().len();
    let apply = pipeline.run("apply").await;
    assert_eq!(apply.finished.code, Some(0), "{:?}", apply.finished);
    assert!(world.callers(before).iter().all(|arn| arn.contains("assumed-role/terrane-deployer/")));
    assert_eq!(pipeline.run("drift").await.finished.code, Some(0));
    world.meddle();
    let drift = pipeline.run("drift").await;
    assert_eq!(drift.finished.code, Some(2), "{:?}", drift.finished);
    let quality = std::fs::read_to_string(drift.folder.path().join("drift.codequality.json")).unwrap();
    let quality: Value = serde_json::from_str(&quality).unwrap();
    assert_eq!(quality.as_array().unwrap().len(), 1, "{quality}");
}

/// The fleet in a checkout of its own, made.
async fn made(world: &World) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    world.checkout()(folder.path());
    let script = "terrane init -input=false && terrane apply -input=false -auto-approve";
    let done = shell(world, folder.path(), script, &[]).await;
    assert_eq!(done.0, Some(0), "{}", done.1);
    folder
}

/// Runs a script as the reader's role; its exit code and what it printed.
async fn shell(world: &World, folder: &Path, script: &str, more: &[(&str, &str)]) -> (Option<i32>, String) {
    let token = world.tools.path().join("token");
    std::fs::write(&token, TOKEN).unwrap();
    let mut command = Command::new("sh");
    command.args(["-c", script]).current_dir(folder).env_clear().env("PATH", world.path()).kill_on_drop(true);
    command.envs(world.place.environment.iter().cloned()).env("AWS_ROLE_ARN", ROLE);
    command.env("AWS_WEB_IDENTITY_TOKEN_FILE", &token).envs(more.iter().copied());
    let output = command.output().await.unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output.status.code(), text)
}

// A7
#[tokio::test(flavor = "multi_thread")]
async fn cron_is_silent_until_somebody_changes_something() {
    let world = World::start().await;
    let fleet = made(&world).await;
    let reports = world.tools.path().join("reports");
    let script = root().join("docs/recipes/drift-cron.sh").canonicalize().unwrap();
    let places = [("FLEET", fleet.path().to_str().unwrap()), ("REPORTS", reports.to_str().unwrap())];
    let run = || shell(&world, Path::new("/"), script.to_str().unwrap(), &places);
    assert_eq!(run().await, (Some(0), String::new()));
    world.meddle();
    let (code, text) = run().await;
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("eks_node_pool.fleet"), "{text}");
    assert!(reports.join("drift.html").is_file() && reports.join("drift.log").is_file());
    let held = format!("exec 9> '{}/running'; flock 9; '{}'", reports.display(), script.display());
    assert_eq!(shell(&world, Path::new("/"), &held, &places).await, (Some(0), String::new()), "one at a time");
}

// A7
#[tokio::test(flavor = "multi_thread")]
async fn the_cron_job_of_a_cluster_runs_its_own_command() {
    let world = World::start().await;
    let fleet = made(&world).await;
    let documents = ci::documents("kubernetes-cronjob.yaml");
    let job = documents.iter().find(|document| document["kind"] == "CronJob").unwrap();
    let pod = &job["spec"]["jobTemplate"]["spec"]["template"]["spec"];
    let account = documents.iter().find(|document| document["kind"] == "ServiceAccount").unwrap();
    assert_eq!(account["metadata"]["name"], pod["serviceAccountName"]);
    let container = &pod["containers"][0];
    assert_eq!(container["command"], serde_json::json!(["sh", "-c"]));
    let script = container["args"][0].as_str().unwrap();
    assert_eq!(shell(&world, fleet.path(), script, &[]).await.0, Some(0));
    world.meddle();
    let (code, text) = shell(&world, fleet.path(), script, &[]).await;
    assert_eq!(code, Some(2), "{text}");
    let volumes: Vec<&Value> = pod["volumes"].as_array().unwrap().iter().map(|volume| &volume["name"]).collect();
    for mount in
        ["initContainers", "containers"].iter().flat_map(|kind| pod[kind][0]["volumeMounts"].as_array().unwrap())
    {
        assert!(volumes.contains(&&mount["name"]), "{mount}");
    }
}

// E1
#[test]
fn the_image_is_built_from_what_is_there() {
    let text = ci::text("Containerfile");
    let pinned = std::fs::read_to_string(root().join("rust-toolchain.toml")).unwrap();
    let version = pinned.split('"').nth(1).unwrap().rsplit_once('.').unwrap().0.to_owned();
    assert!(
        text.contains(&format!("rust:{version}-")),
        "the image builds with the toolchain that is pinned: {version}"
    );
    assert!(text.contains("--package terrane") && text.contains("/src/target/release/terrane "));
    for program in ["git", "jq", "curl"] {
        assert!(text.contains(&format!(" {program} ")), "the scripts of the recipes call {program}");
    }
}
