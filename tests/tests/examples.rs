//! A1, A2, A3, A5, E1, E2: every folder of examples/ lives its whole life in a sandbox, and its page says nothing that
//! the binary does not know. The folder itself is the list, so that no example can be forgotten.

#![expect(clippy::unwrap_used, reason = "a broken harness ends the suite")]

use std::path::{Path, PathBuf};
use terrane_sandbox::SandboxConfig;
use terrane_tests::place::{Place, binary, root};
use terrane_tests::seen;

/// Examples with this end of their name are written for an emulator that others write, and run in its suite.
const FOR_MOTO: &str = "-moto";

fn examples() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root().join("examples")).unwrap();
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    assert!(!folders.is_empty());
    folders
}

fn name_of(example: &Path) -> &str {
    example.file_name().unwrap().to_str().unwrap()
}

/// Checks the configuration, and, where the sandbox can be its world, takes it from nothing to nothing.
async fn live(name: &str) {
    let place = Place::start(SandboxConfig { clock_rate: 600, ..SandboxConfig::default() }).await;
    let before = place.sandbox.objects();
    place.copy_example(name);
    place.run(&["init", "-input=false"]).await.expect(0);
    place.run(&["validate"]).await.expect(0);
    place.run(&["fmt", "-check", "-recursive"]).await.expect(0);
    if name.ends_with(FOR_MOTO) {
        return;
    }
    place.run(&["plan", "-input=false", "-detailed-exitcode", "-out=first.plan"]).await.expect(2);
    assert_eq!(place.sandbox.mutating_requests(), 0, "{name}: a plan changed something");
    place.run(&["apply", "-input=false", "first.plan"]).await.expect(0);
    place.run(&["plan", "-input=false", "-detailed-exitcode"]).await.expect(0);
    place.run(&["drift", "-input=false"]).await.expect(0);
    place.run(&["destroy", "-input=false", "-auto-approve"]).await.expect(0);
    assert_eq!(seen::made(&place.sandbox), Vec::<String>::new(), "{name}");
    assert_eq!(place.sandbox.objects(), before, "{name}");
    assert_eq!(place.run(&["state", "list"]).await.expect(0).out, "", "{name}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_example_lives_from_nothing_to_nothing() {
    for example in examples() {
        println!("{}", example.display());
        live(name_of(&example)).await;
    }
}

/// The command lines of a page: those of its `sh` blocks, and `terrane ..` between backticks.
fn commands(page: &str) -> Vec<String> {
    let mut is_in_block = false;
    let mut commands = Vec::new();
    for line in page.lines() {
        if let Some(language) = line.strip_prefix("```") {
            is_in_block = language == "sh";
        } else if is_in_block {
            let line = line.split(" #").next().unwrap_or_default();
            commands.push(line.trim().to_owned());
        } else {
            let quoted = line.split('`').skip(1).step_by(2);
            commands.extend(quoted.filter(|text| text.starts_with("terrane ")).map(str::to_owned));
        }
    }
    commands
}

/// Asks the binary for the help of a command line, so that nothing is run: subcommands and flags have to be there, and
/// the folder of `-chdir`, seen from the root of the project.
fn is_known(command: &str) -> bool {
    let words: Vec<&str> = command.split_whitespace().take_while(|word| *word != "--").collect();
    let Some((&"terrane", words)) = words.split_first() else { return false };
    let mut folders = words.iter().filter_map(|word| word.strip_prefix("-chdir="));
    if folders.any(|folder| !root().join(folder).is_dir()) {
        return false;
    }
    let asked = std::process::Command::new(binary()).args(words).arg("-help").current_dir(root()).output().unwrap();
    asked.status.success()
}

#[test]
fn every_example_has_a_page_with_commands_that_there_are() {
    for example in examples() {
        let page = std::fs::read_to_string(example.join("README.md"))
            .unwrap_or_else(|error| panic!("{} has no README.md: {error}", example.display()));
        assert!(page.starts_with("# "), "{}", example.display());
        let commands = commands(&page);
        assert!(
            !commands.is_empty() || name_of(&example).ends_with(FOR_MOTO),
            "{} says no command to run",
            example.display()
        );
        for command in commands {
            assert!(is_known(&command), "{}: `{command}` is no command", example.display());
        }
    }
}

#[test]
fn a_command_that_is_not_there_is_noticed() {
    let page = "Use `terrane plan` on `main.hcl`.\n\n```sh\nterrane -chdir=examples/data aply   # makes it\n```\n";
    assert_eq!(commands(page), ["terrane plan", "terrane -chdir=examples/data aply"]);
    assert!(is_known("terrane plan -refresh=false"));
    for wrong in ["terrane -chdir=examples/data aply", "terrane plan -refreshh", "terrane -chdir=no/such plan"] {
        assert!(!is_known(wrong), "{wrong}");
    }
}
