//! A1: expressions are answered and files are laid out as OpenTofu does, but for what `tests/tofu/differences.md` lists.
//!
//! OpenTofu's answers are recorded in `tests/tofu`. With TERRANE_SOAK=1 and a binary that `TERRANE_TOFU` names, the
//! records are held against that; with `TERRANE_SPECS=update` they are rewritten by it. A new expression is a line
//! `> expression`, a new file a section `== name`.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a broken harness ends the suite; figures are printed"
)]

mod ask;
mod records;

use ask::Program;
use records::{Answer, Asked, LaidOut};
use std::collections::{BTreeMap, BTreeSet};

fn shown(answer: &Answer) -> &str {
    answer.as_deref().unwrap_or("an error")
}

/// The program to hold the records against, and whether they are rewritten.
fn live() -> Option<(Program, bool)> {
    let is = |name: &str, wanted| std::env::var(name).is_ok_and(|value| value == wanted);
    let updates = is("TERRANE_SPECS", "update");
    Program::installed().filter(|_| updates || is("TERRANE_SOAK", "1")).map(|tofu| (tofu, updates))
}

/// The records of expressions. Where OpenTofu is installed, they are what it answers.
fn expressions() -> Vec<Asked> {
    let ask = |tofu: &Program, recorded: &[Asked]| {
        let asked: Vec<&str> = recorded.iter().map(|asked| asked.expression.as_str()).collect();
        let answers = tofu.answers(&asked);
        recorded.iter().zip(answers).map(|(asked, answer)| Asked { answer, ..asked.clone() }).collect()
    };
    held(records::expressions(), ask, records::write_expressions, |asked| (&asked.expression, &asked.answer))
}

/// The records of files. Where OpenTofu is installed, they are how it lays them out.
fn files() -> Vec<LaidOut> {
    let ask = |tofu: &Program, recorded: &[LaidOut]| {
        recorded.iter().map(|file| LaidOut { output: tofu.layout(&file.input), ..file.clone() }).collect()
    };
    held(records::files(), ask, records::write_files, |file| (&file.name, &file.output))
}

/// Records, held against what OpenTofu answers today where it is installed, or rewritten by it.
fn held<R>(
    recorded: Vec<R>,
    ask: impl Fn(&Program, &[R]) -> Vec<R>,
    write: impl Fn(&[R]),
    named: impl Fn(&R) -> (&String, &Answer),
) -> Vec<R> {
    let Some((tofu, updates)) = live() else { return recorded };
    let now = ask(&tofu, &recorded);
    if updates {
        write(&now);
        return now;
    }
    for ((name, before), (_, now)) in recorded.iter().map(&named).zip(now.iter().map(&named)) {
        assert_eq!(shown(before), shown(now), "OpenTofu's answer to {name}");
    }
    println!("{} answers were asked of OpenTofu again", now.len());
    now
}

// A1
#[test]
fn expressions_are_answered_as_opentofu_answers_them() {
    let recorded = expressions();
    let asked: Vec<&str> = recorded.iter().map(|asked| asked.expression.as_str()).collect();
    assert_eq!(asked.iter().collect::<BTreeSet<_>>().len(), asked.len(), "an expression stands there twice");
    let ours = Program::Terrane.answers(&asked);
    let pairs = recorded.iter().zip(&ours).filter(|(theirs, ours)| theirs.answer != **ours);
    let differing: BTreeMap<String, String> = pairs
        .map(|(theirs, ours)| {
            let told = format!(
                "{}\n    OpenTofu: {}\n    Terrane:  {}",
                theirs.expression,
                shown(&theirs.answer),
                shown(ours)
            );
            (theirs.expression.clone(), told)
        })
        .collect();
    let rules = records::hold(&differing, |rule| &rule.expressions);
    println!(
        "{} expressions, {} of them with another answer than OpenTofu's, by {rules} rules",
        asked.len(),
        differing.len()
    );
    assert!(asked.len() >= 1_000);
}

fn calls(expression: &str, name: &str) -> bool {
    let is_of_a_name = |before: char| before.is_alphanumeric() || before == '_';
    expression.match_indices(&format!("{name}(")).any(|(at, _)| !expression[..at].ends_with(is_of_a_name))
}

// A1
#[test]
fn every_function_is_asked() {
    let asked: Vec<String> = records::expressions().into_iter().map(|asked| asked.expression).collect();
    let is_ours = |name: &&str| matches!(*name, "env" | "exec" | "vault");
    let never: Vec<&str> = terrane_lang::functions::names()
        .filter(|name| !is_ours(name))
        .filter(|name| !asked.iter().any(|expression| calls(expression, name)))
        .collect();
    assert!(never.is_empty(), "{never:?}");
}

// A1
#[test]
fn files_are_laid_out_as_opentofu_does() {
    let recorded = files();
    let mut differing = BTreeMap::new();
    for file in &recorded {
        let ours = terrane_lang::fmt::format(&file.input);
        assert_eq!(terrane_lang::fmt::format(&ours), ours, "{} is laid out anew once more", file.name);
        let is_refused = file.output.is_none() && ours == file.input;
        if file.output.as_ref() != Some(&ours) && !is_refused {
            let told = format!("{}\n--- OpenTofu\n{}\n--- Terrane\n{ours}", file.name, shown(&file.output));
            differing.insert(file.name.clone(), told);
        }
    }
    let rules = records::hold(&differing, |rule| &rule.files);
    println!("{} files, {} of them laid out in another way, by {rules} rules", recorded.len(), differing.len());
    assert!(recorded.len() >= 100);
}
