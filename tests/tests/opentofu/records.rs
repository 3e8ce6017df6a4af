//! The files in `tests/tofu`: questions with OpenTofu's answers, and the differences that are meant.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;
use terrane_tests::place::root;

/// An answer: text, or nothing where there is an error instead.
pub type Answer = Option<String>;

/// What OpenTofu answers to an expression.
#[derive(Clone)]
pub struct Asked {
    pub group: String,
    pub expression: String,
    pub answer: Answer,
}

/// How OpenTofu lays a text out; nothing where it refuses.
#[derive(Clone)]
pub struct LaidOut {
    pub name: String,
    pub input: String,
    pub output: Answer,
}

pub fn path(name: &str) -> PathBuf {
    root().join("tests/tofu").join(name)
}

fn read(name: &str) -> String {
    let path = path(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Expressions: `# group`, `> expression`, and the lines of the answer after two spaces, or `!`.
pub fn expressions() -> Vec<Asked> {
    let mut group = String::new();
    let mut all: Vec<Asked> = Vec::new();
    for line in read("expressions.txt").lines() {
        if let Some(name) = line.strip_prefix("# ") {
            group = name.to_owned();
        } else if let Some(expression) = line.strip_prefix("> ") {
            all.push(Asked { group: group.clone(), expression: expression.to_owned(), answer: None });
        } else if let (Some(text), Some(last)) = (line.strip_prefix("  "), all.last_mut()) {
            let answer = last.answer.get_or_insert_default();
            if !answer.is_empty() {
                answer.push('\n');
            }
            answer.push_str(text);
        } else {
            assert!(line.is_empty() || line == "!", "expressions.txt: {line}");
        }
    }
    all
}

pub fn write_expressions(all: &[Asked]) {
    let mut text = String::new();
    let mut group = "";
    for asked in all {
        if asked.group != group {
            group = &asked.group;
            let gap = if text.is_empty() { "" } else { "\n" };
            let _ = writeln!(text, "{gap}# {group}");
        }
        let _ = writeln!(text, "> {}", asked.expression);
        match &asked.answer {
            Some(answer) => answer.split('\n').for_each(|line| text.push_str(&format!("  {line}\n"))),
            None => text.push_str("!\n"),
        }
    }
    std::fs::write(path("expressions.txt"), text).unwrap();
}

/// Lines as the files hold them: `|` before each, `.` before a last one that does not end; a carriage return shows.
fn quoted(text: &str) -> String {
    let lines = text.split_inclusive('\n').map(|line| match line.strip_suffix('\n') {
        Some(line) => format!("|{}\n", line.replace('\r', "␍")),
        None => format!(".{}\n", line.replace('\r', "␍")),
    });
    lines.collect()
}

/// Files: `== name`, its lines, `=>`, and the lines that OpenTofu makes of them, or `!`.
pub fn files() -> Vec<LaidOut> {
    let mut all: Vec<LaidOut> = Vec::new();
    let mut is_output = false;
    for line in read("layout.txt").lines() {
        if let Some(name) = line.strip_prefix("== ") {
            all.push(LaidOut { name: name.to_owned(), input: String::new(), output: Some(String::new()) });
            is_output = false;
            continue;
        }
        let Some(last) = all.last_mut() else { panic!("layout.txt: {line}") };
        let text = match (line.strip_prefix('|'), line.strip_prefix('.')) {
            (Some(text), _) => text.replace('␍', "\r") + "\n",
            (None, Some(text)) => text.replace('␍', "\r"),
            (None, None) if line == "=>" => {
                is_output = true;
                continue;
            }
            (None, None) if line == "!" => {
                last.output = None;
                continue;
            }
            _ => panic!("layout.txt: {line}"),
        };
        match &mut last.output {
            Some(output) if is_output => output.push_str(&text),
            _ => last.input.push_str(&text),
        }
    }
    all
}

pub fn write_files(all: &[LaidOut]) {
    let section = |file: &LaidOut| {
        let output = file.output.as_deref().map_or_else(|| String::from("!\n"), quoted);
        format!("== {}\n{}=>\n{output}", file.name, quoted(&file.input))
    };
    std::fs::write(path("layout.txt"), all.iter().map(section).collect::<String>()).unwrap();
}

/// A reason to differ, and what differs by it.
#[derive(Default)]
pub struct Rule {
    pub title: String,
    pub reason: String,
    pub expressions: BTreeSet<String>,
    pub files: BTreeSet<String>,
}

/// The rules in `differences.md`: a heading, a reason, and blocks of expressions and of names of files.
pub fn rules() -> Vec<Rule> {
    let mut rules: Vec<Rule> = Vec::new();
    let mut block: Option<String> = None;
    for line in read("differences.md").lines() {
        if let Some(title) = line.strip_prefix("## ").filter(|_| block.is_none()) {
            rules.push(Rule { title: title.to_owned(), ..Rule::default() });
            continue;
        }
        let Some(rule) = rules.last_mut() else { continue };
        match (line.strip_prefix("```"), &block) {
            (Some(_), Some(_)) => block = None,
            (Some(kind), None) => block = Some(kind.to_owned()),
            (None, None) => rule.reason.push_str(line),
            (None, Some(kind)) => {
                let set = if kind == "files" { &mut rule.files } else { &mut rule.expressions };
                set.insert(line.to_owned());
            }
        }
    }
    rules
}

/// Holds what differs against what the rules list. `differing` has what is to be told of each.
#[track_caller]
pub fn hold(differing: &BTreeMap<String, String>, listed: impl Fn(&Rule) -> &BTreeSet<String>) -> usize {
    let rules = rules();
    let mut known = BTreeSet::new();
    for rule in rules.iter().filter(|rule| !listed(rule).is_empty()) {
        assert!(rule.reason.trim().len() > 20, "{}: there is no reason", rule.title);
        known.extend(listed(rule).iter().cloned());
    }
    let unlisted: Vec<&String> =
        differing.iter().filter(|(what, _)| !known.contains(*what)).map(|(_, told)| told).collect();
    let shown: Vec<&str> = unlisted.iter().take(400).map(|told| told.as_str()).collect();
    assert!(unlisted.is_empty(), "{} differences are not listed:\n{}", unlisted.len(), shown.join("\n"));
    let gone: Vec<&String> = known.iter().filter(|what| !differing.contains_key(*what)).collect();
    assert!(gone.is_empty(), "listed, and no difference: {gone:#?}");
    rules.iter().filter(|rule| !listed(rule).is_empty()).count()
}
