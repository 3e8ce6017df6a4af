//! A10, C3: no secret shows. Random configurations hold secrets in variables, the environment, files, commands, provider
//! blocks and data sources; everything that a run of the binary leaves or says is searched for each of them, in every form.
//!
//! `test` takes a seeded sample of 12, `soak` (TERRANE_SOAK=1) all 1,000. TERRANE_CANARY_SEED=N runs one and keeps its folder.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a broken harness ends the suite")]

use futures_util::StreamExt as _;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use terrane_sandbox::{Dialect, ObjectSeed, ObjectServer, SandboxConfig};
use terrane_tests::canary::{Case, Needles};
use terrane_tests::place::{Finished, Place};

const ALL: u64 = 1_000;
const SAMPLE: u64 = 12;
/// Objects by name.
type Objects = BTreeMap<String, Vec<u8>>;

/// Cases under way at once: most of their time goes to starting programs.
const PARALLEL: usize = 2;

/// What every case goes through. `a.plan` is a file that is searched as well.
const COMMANDS: &[&[&str]] = &[
    &["init", "-input=false"],
    &["validate"],
    &["plan", "-input=false", "-markdown=a.md", "-json-into=a.events"],
    &["plan", "-input=false", "-out=a.plan"],
    &["show", "a.plan"],
    &["show", "-json", "a.plan"],
    &["apply", "-input=false", "-json", "a.plan"],
    &["apply", "-input=false", "-auto-approve"],
    &["state", "list"],
    &["show"],
    &["show", "-json"],
    &["output", "-json"],
    &["state", "pull"],
    DRIFT,
    &["drift", "-input=false", "-json"],
    &["plan", "-input=false", "-json", "-destroy"],
    &["destroy", "-input=false", "-auto-approve"],
];

/// Reports in every format, with what the state knows by then.
const DRIFT: &[&str] = &[
    "drift",
    "-input=false",
    "-record",
    "-report=text",
    "-report=json=drift.json",
    "-report=markdown=drift.md",
    "-report=sarif=drift.sarif",
    "-report=junit=drift.xml",
    "-report=github=drift.github",
    "-report=gitlab=drift.gitlab",
    "-report=html=drift.html",
];

/// What a case came to.
#[derive(Default)]
struct Verdict {
    leaks: Vec<String>,
    commands: u64,
    succeeded: u64,
    artefacts: u64,
    children: u64,
}

/// Texts that commands said, files that they left, and objects in the place of the state, by name.
fn artefacts(place: &Place, case: &Case, said: &[(String, Finished)], objects: Objects) -> BTreeMap<String, Vec<u8>> {
    let mut found: BTreeMap<_, _> =
        objects.into_iter().map(|(name, bytes)| (format!("object {name}"), bytes)).collect();
    for (name, finished) in said {
        found.insert(format!("stdout of {name}"), finished.out.clone().into_bytes());
        found.insert(format!("stderr of {name}"), finished.err.clone().into_bytes());
    }
    let mut paths = Vec::new();
    walk(place.path(), &mut paths);
    for path in paths {
        let name = path.strip_prefix(place.path()).unwrap().display().to_string();
        if !case.files.iter().any(|(written, _)| *written == name) {
            found.insert(name, std::fs::read(path).unwrap());
        }
    }
    let log = place.sandbox.log().iter().map(|entry| format!("{entry:?}\n")).collect::<String>();
    found.insert("log of the sandbox".to_owned(), log.into_bytes());
    found
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { walk(&path, found) } else { found.push(path) }
    }
}

async fn run(seed: u64) -> Verdict {
    let mut case = Case::of(seed);
    let mut config = SandboxConfig { clock_rate: 600, ..SandboxConfig::default() };
    // What the provider signs with is a secret too, and is never sent.
    let key = format!("Canary-{seed}-of-the-first-account-0123456789");
    config.accounts[0].secret_access_key.clone_from(&key);
    case.secrets.push(key);
    let mut place = Place::start(config).await;
    place.environment.extend(case.environment.clone());
    place.environment.push(("TERRANE_LOG".to_owned(), "trace".to_owned()));
    place.environment.push(("TERRANE_DIGEST_KEY".to_owned(), "key-of-the-canary-suite".to_owned()));
    for (name, text) in &case.files {
        place.write(name, text);
    }
    // Every other state is with a server, whose password is a secret too; what is compressed there, `state pull` shows.
    let remote = if seed.is_multiple_of(2) { Some(remote(seed, &mut case, &place).await) } else { None };
    place.environment.push(("TERRANE_LOG_FILE".to_owned(), "a.log".to_owned()));
    let mut said = Vec::new();
    for words in COMMANDS {
        said.push((words.join(" "), place.run(words).await));
    }
    let needles = Needles::of(&case.secrets);
    let mut verdict = Verdict { commands: said.len().try_into().unwrap(), ..Verdict::default() };
    verdict.succeeded = said.iter().filter(|(_, finished)| finished.code == Some(0)).count().try_into().unwrap();
    let objects = remote.map(|server| server.contents()).unwrap_or_default();
    for (name, text) in artefacts(&place, &case, &said, objects) {
        verdict.artefacts += 1;
        verdict.children += u64::from(name == "child.seen");
        let forms = needles.found(&text);
        if !forms.is_empty() {
            verdict.leaks.push(format!("seed {seed}: {name}: {forms:?}\n{}", around(&text, &needles)));
        }
    }
    if std::env::var_os("TERRANE_CANARY_SEED").is_some() {
        println!("{}", case.files.iter().find(|(name, _)| name == "main.hcl").unwrap().1);
        for (name, finished) in &said {
            println!("== {name}: {:?}\n{}{}", finished.code, finished.out, finished.err);
        }
    }
    verdict
}

/// A server for the state, and the block that says so.
async fn remote(seed: u64, case: &mut Case, place: &Place) -> ObjectServer {
    let password = format!("Canary-{seed}-of-the-state-0123456789");
    let server = ObjectServer::start(ObjectSeed {
        dialect: Dialect::Plain,
        bucket: "fleet".to_owned(),
        key_id: "terrane".to_owned(),
        secret: password.clone(),
        is_conditional: true,
        clock_offset_seconds: 0,
    });
    let server = server.await.unwrap();
    let address = format!("{}/fleet", server.endpoint());
    let lines = format!("address = \"{address}\"\nusername = \"terrane\"\npassword = \"{password}\"\n");
    let block = format!("terrane {{\nbackend \"http\" {{\n{lines}}}\n}}\n");
    place.write("backend.hcl", &block);
    case.files.push(("backend.hcl".to_owned(), block));
    case.secrets.push(password);
    server
}

/// The lines that leak.
fn around(text: &[u8], needles: &Needles) -> String {
    let text = String::from_utf8_lossy(text);
    let lines = text.lines().filter(|line| !needles.found(line.as_bytes()).is_empty()).take(3);
    lines.map(|line| format!("    {}\n", line.chars().take(600).collect::<String>())).collect()
}

#[tokio::test]
async fn no_secret_shows_anywhere() {
    let seeds: Vec<u64> = match std::env::var("TERRANE_CANARY_SEED") {
        Ok(seed) => vec![seed.parse().unwrap()],
        Err(_) if std::env::var("TERRANE_SOAK").is_ok_and(|value| value == "1") => (0..ALL).collect(),
        Err(_) => (0..SAMPLE).collect(),
    };
    let configurations = seeds.len();
    let verdicts: Vec<Verdict> = futures_util::stream::iter(seeds).map(run).buffer_unordered(PARALLEL).collect().await;
    let sum = |count: fn(&Verdict) -> u64| verdicts.iter().map(count).sum::<u64>();
    let leaks: Vec<&String> = verdicts.iter().flat_map(|verdict| &verdict.leaks).collect();
    println!(
        "canary: {configurations} configurations, {} commands ({} succeeded), {} artefacts, {} of them environments of children, {} leaks",
        sum(|v| v.commands),
        sum(|v| v.succeeded),
        sum(|v| v.artefacts),
        sum(|v| v.children),
        leaks.len()
    );
    let shown: String = leaks.iter().take(40).map(|leak| leak.as_str()).collect();
    assert!(leaks.is_empty(), "{} leaks:\n{shown}", leaks.len());
    if configurations > 1 {
        assert!(sum(|v| v.succeeded) * 5 > sum(|v| v.commands), "most configurations are too wrong to show anything");
        assert!(sum(|v| v.children) > 0, "no command was run");
    }
}

/// The search can fail: a secret that is planted in what a run left is found, in each form.
#[tokio::test]
async fn a_secret_that_is_planted_is_found() {
    let case = Case::of(3);
    let place = Place::start(SandboxConfig::default()).await;
    let needles = Needles::of(&case.secrets);
    place.write("main.hcl", "resource \"terrane_data\" \"a\" {\n  input = \"harmless\"\n}\n");
    let said = vec![("apply".to_owned(), place.run(&["apply", "-auto-approve"]).await.expect(0))];
    let leaks = |place: &Place, said: &[(String, Finished)]| {
        let found = artefacts(place, &Case { files: Vec::new(), ..case.clone() }, said, Objects::new());
        found.values().filter(|text| !needles.found(text).is_empty()).count()
    };
    assert_eq!(leaks(&place, &said), 0);
    let log = place.path().join("terrane.state/log");
    let clean = std::fs::read(&log).unwrap();
    for (name, form) in needles.forms() {
        let planted = String::from_utf8_lossy(&clean).replace("harmless", form);
        std::fs::write(&log, planted).unwrap();
        assert_eq!(leaks(&place, &said), 1, "{name}");
    }
    std::fs::write(&log, clean).unwrap();
    let mut spoken = said.clone();
    spoken[0].1.err.push_str(&case.secrets[1]);
    assert_eq!(leaks(&place, &spoken), 1);
}

/// The product can fail: a value that is not marked does show, by the same commands.
#[tokio::test]
async fn a_value_that_is_no_secret_shows() {
    let place = Place::start(SandboxConfig::default()).await;
    let needles = Needles::of(&["CanaryInTheOpen".to_owned()]);
    place.write("main.hcl", "resource \"terrane_data\" \"a\" {\n  input = \"CanaryInTheOpen\"\n}\n");
    let plan = place.run(&["plan", "-out=a.plan"]).await.expect(0);
    place.run(&["apply", "a.plan"]).await.expect(0);
    assert!(!needles.found(plan.out.as_bytes()).is_empty());
    for name in ["a.plan", "terrane.state/log"] {
        assert!(!needles.found(&std::fs::read(place.path().join(name)).unwrap()).is_empty(), "{name}");
    }
}
