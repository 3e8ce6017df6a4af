//! E1: every page of docs/diagnostics shows its problem and a way out of it, and both are run as they stand there. The
//! folder is the list, so that no page can be forgotten.
//!
//! A section is read from above: an `hcl` block is written to `main.hcl`, a block with a file name behind its language to
//! that file, and the lines of an `sh` block are run one after the other. Behind a last block that is a file, `terrane
//! plan` is run. What stands before `## Wrong` comes first in both sections. `console` blocks are for people alone.
//! `TERRANE_PAGE=some-id` runs one page.

#![expect(clippy::unwrap_used, reason = "a broken harness ends the suite")]

use futures_util::StreamExt as _;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use terrane_sandbox::SandboxConfig;
use terrane_tests::place::{Finished, Place, binary, root};
use terrane_tests::seen;

/// Pages under way at once: most of their time goes to starting programs.
const PARALLEL: usize = 4;
/// A line that takes longer is stuck.
const DEADLINE: Duration = Duration::from_secs(60);
/// What is run where a section ends with a file.
const PLAN: &str = "terrane plan -input=false";

/// Where a problem is shown that no page can show by itself.
enum Shown {
    /// By a test of that name, whose file names the id.
    By(&'static str),
    /// Nowhere, and why.
    Nowhere(&'static str),
}
use Shown::{By, Nowhere};

/// Pages that are not run: id, what a page would need, and the test that shows the problem instead.
const ELSEWHERE: &[(&str, &str, Shown)] = &[
    (
        "backend-secret-unavailable",
        "a backend with a secret",
        By("a_secret_of_the_backend_that_cannot_be_read_is_told"),
    ),
    ("broken-residual", "an edited plan", By("a_function_that_nobody_knows_is_a_broken_residual")),
    ("change-refused", "a type that refuses a change", By("a_change_that_no_replacement_can_make_is_refused")),
    ("demo-failed", "a fault in Terrane", Nowhere("the demo takes nothing from outside that could spoil it")),
    (
        "expired-credentials",
        "a session that ends during the run",
        By("a_session_that_ends_in_the_middle_is_told_and_the_next_run_goes_on"),
    ),
    ("file-too-large", "a file of 1 GiB", By("a_file_of_more_than_a_gibibyte_is_not_read")),
    ("inconsistent-result", "a faulty provider", By("an_object_that_comes_out_other_than_planned_is_told")),
    ("intents-open", "a run that is killed", By("what_is_open_is_not_moved_or_brought_back")),
    ("internal", "a fault in Terrane", Nowhere("only a panic leads there")),
    ("lock-not-that", "a lock whose id is known", By("each_refusal_of_a_store_has_its_id")),
    (
        "lock-lost",
        "a lock that is taken away during the run",
        By("a_run_that_lost_its_lock_stops_writing_and_says_so_once"),
    ),
    ("order-cycle", "a wrong state", By("records_that_refer_to_each_other_make_an_order_cycle")),
    ("planner-stuck", "a fault in Terrane", Nowhere("no input is known that stops the planner")),
    ("planner-waits", "a fault in Terrane", Nowhere("no input is known that stops the planner")),
    (
        "plan-other-version",
        "a plan of another version, sealed as that version would",
        By("a_plan_of_another_version_is_refused"),
    ),
    ("policy-too-slow", "ten seconds", By("an_evaluation_has_a_limit")),
    ("provider-bug", "a faulty provider", By("a_mistake_of_a_provider_is_told_as_one")),
    (
        "record-not-found",
        "a caller that does not look first: `state rm` does, and says `not-in-state`",
        By("what_is_forgotten_is_gone_and_what_is_not_there_is_said"),
    ),
    (
        "recovery-unclear",
        "a run that is killed, and somebody else",
        By("an_object_with_the_mark_of_somebody_else_leaves_recovery_unclear"),
    ),
    (
        "revert-replaces",
        "somebody who changes what no request changes",
        By("drift_that_only_a_replacement_undoes_is_not_reverted"),
    ),
    ("schedule-waits", "a fault in Terrane", Nowhere("no plan is known that stops the schedule")),
    ("state-clock-skew", "a place with a clock of its own", By("each_refusal_of_a_store_has_its_id")),
    ("state-denied", "a place that refuses", By("each_refusal_of_a_store_has_its_id")),
    ("state-locked", "two runs at once", By("a_lock_that_another_run_holds_is_respected")),
    ("state-not-conditional", "a place that overwrites", By("each_refusal_of_a_store_has_its_id")),
    (
        "state-not-written",
        "a store that does not say why: ours tells `state-write-failed` or `lock-lost`",
        By("a_state_that_cannot_be_written_stops_the_run"),
    ),
    ("state-place-missing", "a remote place", By("each_refusal_of_a_store_has_its_id")),
    ("state-serial-unknown", "a long history", By("each_refusal_of_a_store_has_its_id")),
    ("step-value-unknown", "an edited plan", By("a_value_that_no_step_brings_is_unknown_to_its_step")),
    ("throttled", "a busy remote side", By("what_lasting_trouble_leaves_is_finished_by_the_next_run")),
    ("too-many-problems", "a thousand other problems", By("problems_have_a_limit")),
    (
        "type-not-linked",
        "a binary without a provider",
        By("a_recorded_object_of_a_type_that_is_not_linked_stops_the_plan"),
    ),
];

/// A part of a page, in its order.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    /// A file and what stands in it.
    File(String, String),
    /// Command lines.
    Lines(Vec<String>),
}

/// The parts of a page.
#[derive(Debug, Default, PartialEq, Eq)]
struct Page {
    before: Vec<Part>,
    wrong: Vec<Part>,
    right: Vec<Part>,
}

impl Page {
    fn read(text: &str) -> Result<Self, String> {
        let mut page = Self::default();
        let mut section = &mut page.before;
        let mut lines = text.lines();
        let mut above = "";
        while let Some(line) = lines.next() {
            match line {
                "## Wrong" => section = &mut page.wrong,
                "## Right" => section = &mut page.right,
                _ if line.starts_with("## ") => return Err(format!("`{line}` is neither `## Wrong` nor `## Right`")),
                _ => {}
            }
            let Some(info) = line.strip_prefix("```") else {
                above = if line.is_empty() { above } else { line };
                continue;
            };
            let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            let (language, file) = info.split_once(' ').unwrap_or((info, ""));
            match (language, file) {
                ("console", "") => {}
                ("sh", "") => section.push(Part::Lines(block.iter().map(|line| (*line).to_owned()).collect())),
                ("hcl", "") => section.push(Part::File("main.hcl".to_owned(), text_of(&block))),
                (_, "") => return Err(format!("a `{language}` block needs the name of a file behind it")),
                (_, file) if !above.contains(&format!("`{file}`")) => {
                    return Err(format!("the words above a block do not say that it is `{file}`"));
                }
                (_, file) => section.push(Part::File(file.to_owned(), text_of(&block))),
            }
        }
        Ok(page)
    }

    /// A section from its beginning, ending with a line to run.
    fn section(&self, own: &[Part]) -> Result<Vec<Part>, String> {
        let mut parts = [&self.before, own].concat();
        match (own.last(), parts.last()) {
            (None, _) => return Err("there is nothing to run".to_owned()),
            (Some(_), Some(Part::File(..))) => parts.push(Part::Lines(vec![PLAN.to_owned()])),
            _ => {}
        }
        Ok(parts)
    }
}

fn text_of(block: &[&str]) -> String {
    block.iter().map(|line| format!("{line}\n")).collect()
}

/// A folder with the binary under its name, so that lines find it as a user's shell does.
fn programs() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(binary(), folder.path().join("terrane")).unwrap();
    folder
}

async fn run_line(place: &Place, line: &str) -> Finished {
    let mut command = place.command_of(Path::new("bash"), &["-c", line]);
    let output = command.stdout(Stdio::piped()).stderr(Stdio::piped()).output();
    let Ok(output) = tokio::time::timeout(DEADLINE, output).await else {
        return Finished { code: None, out: String::new(), err: "it does not end\n".to_owned() };
    };
    let output = output.unwrap();
    Finished {
        code: output.status.code(),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Goes through a section; what the last line came to. The others have to end well and tell nothing.
async fn run_section(programs: &Path, parts: Vec<Part>) -> Result<(String, Finished), String> {
    let mut place = Place::start(SandboxConfig { clock_rate: 1_000, ..SandboxConfig::default() }).await;
    let home = tempfile::tempdir().unwrap();
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
    for (name, value) in [("PATH", path), ("HOME", home.path().display().to_string())] {
        place.environment.push((name.to_owned(), value));
    }
    let mut last = None;
    for part in parts {
        let lines = match part {
            Part::File(name, text) => {
                place.write(&name, &text);
                continue;
            }
            Part::Lines(lines) => lines,
        };
        for line in lines {
            if let Some((line, finished)) = last.replace((line.clone(), run_line(&place, &line).await)) {
                is_well(&line, &finished)?;
            }
        }
    }
    last.ok_or_else(|| "there is no line to run".to_owned())
}

fn shown(line: &str, finished: &Finished) -> String {
    format!("$ {line}\n{}{}(exit code {:?})", finished.out, finished.err, finished.code)
}

/// Whether a line ended well: 2 is that of drift and of `-detailed-exitcode`.
fn is_well(line: &str, finished: &Finished) -> Result<(), String> {
    if !matches!(finished.code, Some(0 | 2)) || !seen::ids(&finished.err).is_empty() {
        return Err(shown(line, finished));
    }
    Ok(())
}

/// Whether a line told this problem, and no error beside it. An error ends a run, a warning does not.
fn tells(finished: &Finished, id: &str) -> bool {
    let titles = finished.err.lines().filter(|line| line.starts_with("Error: ") || line.starts_with("Warning: "));
    let told: Vec<(bool, &str)> =
        titles.map(|title| title.starts_with("Error: ")).zip(seen::ids(&finished.err)).collect();
    let is_failed = told.iter().any(|(is_error, _)| *is_error);
    let heaviest: BTreeSet<&str> =
        told.iter().filter(|(is_error, _)| *is_error == is_failed).map(|(_, id)| *id).collect();
    heaviest == BTreeSet::from([id]) && is_failed == (finished.code != Some(0))
}

/// Runs both sections of a page; what is wrong with it.
async fn check(programs: &Path, id: &str, page: &Page) -> Result<(), String> {
    let section = page.section(&page.wrong).map_err(|why| format!("Wrong: {why}"))?;
    let (line, wrong) = run_section(programs, section).await.map_err(|why| format!("Wrong, on the way:\n{why}"))?;
    if !tells(&wrong, id) {
        return Err(format!("Wrong:\n{}", shown(&line, &wrong)));
    }
    let section = page.section(&page.right).map_err(|why| format!("Right: {why}"))?;
    let (line, right) = run_section(programs, section).await.map_err(|why| format!("Right, on the way:\n{why}"))?;
    is_well(&line, &right).map_err(|why| format!("Right:\n{why}"))?;
    let is_laid_out = |part: &Part| match part {
        Part::File(name, text) if name.ends_with(".hcl") || name.ends_with(".tfvars") => {
            terrane_lang::fmt::format(text) == *text
        }
        Part::File(..) | Part::Lines(_) => true,
    };
    if !page.before.iter().chain(&page.right).all(is_laid_out) {
        return Err("`terrane fmt` would lay it out otherwise".to_owned());
    }
    Ok(())
}

fn folder() -> PathBuf {
    root().join("docs/diagnostics")
}

/// The pages, by id.
fn pages() -> BTreeMap<String, String> {
    let entries = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let page = |path: PathBuf| {
        let id = path.file_stem().unwrap().to_str().unwrap().to_owned();
        (id != "index").then(|| (id, std::fs::read_to_string(&path).unwrap()))
    };
    entries.filter_map(page).collect()
}

// E1
#[tokio::test(flavor = "multi_thread")]
async fn every_page_shows_its_problem_and_its_cure() {
    let programs = programs();
    let only = std::env::var("TERRANE_PAGE").ok();
    let wanted = |id: &str| only.as_deref().is_none_or(|only| only == id);
    let is_run = |id: &str| wanted(id) && ELSEWHERE.iter().all(|(elsewhere, ..)| *elsewhere != id);
    let runs = pages().into_iter().filter(|(id, _)| is_run(id)).map(|(id, text)| {
        let programs = programs.path();
        async move {
            let found = match Page::read(&text) {
                Ok(page) => check(programs, &id, &page).await,
                Err(why) => Err(why),
            };
            found.err().map(|why| format!("{id}: {why}"))
        }
    });
    let mut wrong: Vec<String> =
        futures_util::stream::iter(runs).buffer_unordered(PARALLEL).filter_map(async |found| found).collect().await;
    wrong.sort();
    assert!(wrong.is_empty(), "{} pages are wrong\n\n{}", wrong.len(), wrong.join("\n\n"));
}

// E1
#[test]
fn every_page_begins_with_its_id_and_what_the_catalogue_says() {
    let index = std::fs::read_to_string(folder().join("index.md")).unwrap();
    let entry = |line: &str| {
        let cells: Vec<&str> = line.split(" | ").collect();
        let id = cells.first()?.strip_prefix("| [`")?.split('`').next()?;
        Some((id.to_owned(), (*cells.get(2)?).to_owned()))
    };
    let declared: BTreeMap<String, String> = index.lines().filter_map(entry).collect();
    let pages = pages();
    assert!(declared.keys().eq(pages.keys()), "the index has other pages than the folder: cargo xtask gen");
    // The index is written by the binary, from the lists of all crates; those of the library ones can be asked here too.
    let lists =
        [terrane_lang::diag::ALL, terrane_lang::syntax::diag::ALL, terrane_plan::diag::ALL, terrane_runtime::diag::ALL];
    for kind in lists.iter().copied().flatten() {
        assert!(declared.contains_key(kind.id), "{} is in no index: cargo xtask gen", kind.id);
    }
    for (id, text) in pages {
        let title = format!("# {id}: {}", declared[&id]);
        assert_eq!(text.lines().next(), Some(title.as_str()), "{id}");
    }
}

/// The text of every Rust file of the project.
fn sources(folder: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("target") {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(std::fs::read_to_string(path).unwrap());
        }
    }
}

#[test]
fn pages_that_are_not_run_are_shown_elsewhere() {
    let mut texts = Vec::new();
    for folder in ["engine", "providers", "tests"] {
        sources(&root().join(folder), &mut texts);
    }
    let pages = pages();
    for (id, needs, shown) in ELSEWHERE {
        let page = Page::read(&pages[*id]).unwrap();
        assert_eq!(page, Page::default(), "{id} needs {needs}, so what it shows stands in `console` blocks");
        match shown {
            By(test) => {
                let (head, name) = (format!("fn {test}("), format!("\"{id}\""));
                assert!(texts.iter().any(|text| text.contains(&head) && text.contains(&name)), "{id}: no test {test}");
            }
            Nowhere(why) => assert!(!why.is_empty(), "{id}"),
        }
    }
}

#[test]
fn a_page_is_read_in_its_order() {
    let file = |name: &str, text: &str| Part::File(name.to_owned(), text.to_owned());
    let lines = |line: &str| Part::Lines(vec![line.to_owned()]);
    let text = "# a: B\n\nC.\n\n```hcl\na = 1\n```\n\n## Wrong\n\nD:\n\n```sh\nx\n```\n\n`a.json`:\n\n```json a.json\n{}\n```\n\n\
        ## Right\n\n```console\n$ y\n```\n";
    let page = Page::read(text).unwrap();
    assert_eq!(
        page.section(&page.wrong).unwrap(),
        [file("main.hcl", "a = 1\n"), lines("x"), file("a.json", "{}\n"), lines(PLAN)]
    );
    assert_eq!(page.section(&page.right).unwrap_err(), "there is nothing to run");
    for wrong in ["## Rihgt\n", "```yaml\n```\n", "So:\n```json a.json\n```\n"] {
        assert!(Page::read(wrong).is_err(), "{wrong}");
    }
}
