//! A1, A2, A5, A7: what configurations mean and what is planned for them, as Markdown in `tests/specs`.
//!
//! A case costs milliseconds, so this is the place for anything that a configuration, a recorded state and a world can
//! show. [`terrane_tests::spec`] tells how a file reads; `TERRANE_SPECS=update` rewrites what is expected, and
//! `TERRANE_SPEC=text` runs the cases whose title has the text.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use terrane_tests::place::root;
use terrane_tests::spec::book::books;
use terrane_tests::spec::run::{Found, run};
use terrane_tests::spec::{Book, Case};

fn folder() -> PathBuf {
    root().join("tests/specs")
}

/// Expected and found, line by line.
fn difference(case: &Case, (info, found): &Found) -> String {
    let expected = case.block(info).map(|block| block.lines.clone()).unwrap_or_default();
    let mut text = format!("```{info}\n");
    for line in &expected {
        let mark = if found.contains(line) { ' ' } else { '-' };
        text.push_str(&format!("{mark} {line}\n"));
    }
    for line in found.iter().filter(|line| !expected.contains(line)) {
        text.push_str(&format!("+ {line}\n"));
    }
    text.push_str("as it came out:\n");
    text.extend(found.iter().map(|line| format!("{line}\n")));
    text + "```\n"
}

/// Runs the cases of a file; what is wrong, and the file as it would be right.
fn check(book: &Book) -> (Vec<String>, Option<String>) {
    let only = std::env::var("TERRANE_SPEC").ok();
    let shown = book.path.strip_prefix(root()).unwrap_or(&book.path).display().to_string();
    let (mut wrong, mut blocks) = (Vec::new(), Vec::new());
    for (number, case) in book.cases.iter().enumerate() {
        if only.as_deref().is_some_and(|only| !case.title.contains(only)) {
            continue;
        }
        match catch_unwind(AssertUnwindSafe(|| run(case))) {
            Ok(Ok(result)) => {
                for found in result.wrong {
                    wrong.push(format!("{shown}: {}\n{}", case.title, difference(case, &found)));
                    blocks.push((number, found.0, found.1));
                }
            }
            Ok(Err(why)) => wrong.push(format!("{shown}: {}\n{why}\n", case.title)),
            Err(_) => wrong.push(format!("{shown}: {}\nit panics\n", case.title)),
        }
    }
    let updated = (!blocks.is_empty()).then(|| book.with(&blocks));
    (wrong, updated)
}

/// The folder of a file, below that of all.
fn group(book: &Book) -> String {
    let parent = book.path.parent().unwrap_or(Path::new(""));
    parent.strip_prefix(folder()).unwrap_or(parent).display().to_string()
}

// A1, A2
#[test]
fn every_case_comes_out_as_it_says() {
    let books = books(&folder()).unwrap();
    let is_update = std::env::var("TERRANE_SPECS").is_ok_and(|value| value == "update");
    let mut counts: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    let mut wrong = Vec::new();
    for book in &books {
        let (found, updated) = check(book);
        if let (true, Some(text)) = (is_update, updated) {
            std::fs::write(&book.path, text).unwrap();
        }
        wrong.extend(found);
        let count = counts.entry(group(book)).or_default();
        count.0 += book.cases.len();
        let values = book.cases.iter().filter_map(|case| case.block("values"));
        count.1 += values.map(|block| block.lines.iter().filter(|line| line.contains(" => ")).count()).sum::<usize>();
    }
    for (group, (cases, values)) in &counts {
        println!("{group}: {cases} cases, {values} values");
    }
    println!("{} cases", counts.values().map(|count| count.0).sum::<usize>());
    assert!(wrong.is_empty(), "{} are wrong\n\n{}", wrong.len(), wrong.join("\n"));
}
