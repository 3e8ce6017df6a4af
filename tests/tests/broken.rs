//! E1: broken configurations: every way to spoil a line of an example gives a problem with an id, in the block that was
//! spoiled, and never a panic.
//!
//! What comes of each stands in `tests/broken`, a file for each file of an example, a section for each way to
//! spoil: `LINE => ID at FIRST-LINE:COLUMN`, with `elsewhere` where the problem is not in that block. `TERRANE_SPECS=update` rewrites it;
//! ways that leave a configuration that can be planned are left out. Configurations that were broken by hand are the
//! pages of docs/diagnostics.

#![expect(clippy::unwrap_used, reason = "a broken harness ends the suite")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use terrane_core::{Diagnostic, FileId, Place};
use terrane_lang::check::{Loaded, load};
use terrane_lang::syntax;
use terrane_plan::schemas::RegistrySchemas;
use terrane_provider::Registry;
use terrane_tests::memory::MemorySources;
use terrane_tests::place::root;

/// How many broken configurations there are at least.
const LEAST: usize = 300;

/// A way to spoil a line: its title, whether what is wrong may show elsewhere and why, and what becomes of the line.
struct Way {
    title: &'static str,
    elsewhere: Option<&'static str>,
    spoil: fn(&str) -> Option<String>,
}

const WAYS: &[Way] = &[
    Way {
        title: "A brace that closes is missing",
        elsewhere: None,
        spoil: |line| (line.trim() == "}").then(String::new),
    },
    Way {
        title: "A brace is doubled",
        elsewhere: None,
        spoil: |line| line.ends_with('{').then(|| format!("{line} {{")),
    },
    Way {
        title: "A quote is missing",
        elsewhere: None,
        spoil: |line| line.rfind('"').map(|at| [&line[..at], &line[at + 1..]].concat()),
    },
    Way {
        title: "The equals sign is missing",
        elsewhere: None,
        spoil: |line| argument(line).map(|_| line.replacen('=', "", 1)),
    },
    Way {
        title: "The value is missing",
        elsewhere: None,
        spoil: |line| argument(line).map(|(name, _)| format!("{name} =")),
    },
    Way {
        title: "An argument is misspelt",
        elsewhere: Some("What refers to the local value misses it first."),
        spoil: |line| argument(line).map(|(name, value)| format!("{}x = {value}", name.trim_end())),
    },
    Way {
        title: "An argument is written twice",
        elsewhere: None,
        spoil: |line| argument(line).filter(|_| is_closed(line)).map(|_| format!("{line}\n{line}")),
    },
    Way {
        title: "An argument is missing",
        elsewhere: Some("What refers to the local value misses it."),
        spoil: |line| argument(line).filter(|_| is_closed(line)).map(|_| String::new()),
    },
    Way {
        title: "A list stands in place of the value",
        elsewhere: Some("The value is used where another type is wanted."),
        spoil: |line| argument(line).filter(|_| is_closed(line)).map(|(name, _)| format!("{name} = [[]]")),
    },
    Way { title: "A reference is misspelt", elsewhere: None, spoil: misspelt_reference },
    Way { title: "A function is misspelt", elsewhere: None, spoil: misspelt_function },
    Way {
        title: "A block has another kind",
        elsewhere: Some("What refers to the block misses it."),
        spoil: |line| block(line).map(|(kind, rest)| format!("{kind}x{rest}")),
    },
    Way {
        title: "A label is misspelt",
        elsewhere: Some("What refers to the block misses it."),
        spoil: |line| block(line).and_then(|_| line.find("\" ").map(|at| [&line[..at], "x", &line[at..]].concat())),
    },
    Way {
        title: "A label is missing",
        elsewhere: None,
        spoil: |line| block(line).and_then(|(kind, rest)| Some(format!("{kind} {}", &rest[rest.find('{')?..]))),
    },
    Way {
        title: "A character is out of place",
        elsewhere: None,
        spoil: |line| argument(line).map(|_| line.replacen('=', "= @", 1)),
    },
    Way {
        title: "A bracket is missing",
        elsewhere: None,
        spoil: |line| line.rfind([')', ']']).map(|at| [&line[..at], &line[at + 1..]].concat()),
    },
];

/// The name of an argument, with the spaces around it, and its value.
fn argument(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once('=')?;
    let is_name = name.trim().chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && !name.trim().is_empty();
    (is_name && !value.starts_with(['=', '>'])).then_some((name, value.trim()))
}

/// Whether a line closes what it opens.
fn is_closed(line: &str) -> bool {
    let count = |brackets: [char; 3]| line.matches(brackets).count();
    count(['{', '[', '(']) == count(['}', ']', ')'])
}

/// The kind of a block that begins here, with the spaces before it, and the rest of its line.
fn block(line: &str) -> Option<(&str, &str)> {
    let from = line.len() - line.trim_start().len();
    let end = line[from..].find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).map(|at| from + at)?;
    let rest = &line[end..];
    let is_block = rest.ends_with('{') && !rest.contains('=') && rest.starts_with(' ') && end > from;
    is_block.then(|| line.split_at(end))
}

fn misspelt_reference(line: &str) -> Option<String> {
    let roots = ["var.", "local.", "each.", "data.", "eks_cluster.", "terrane_data."];
    let at = roots.iter().filter_map(|root| line.find(root).map(|at| at + root.len())).min()?;
    Some([&line[..at], "x", &line[at..]].concat())
}

fn misspelt_function(line: &str) -> Option<String> {
    let at = line.find('(')?;
    line[..at].ends_with(|c: char| c.is_ascii_alphanumeric()).then(|| [&line[..at], "x", &line[at..]].concat())
}

/// The files of an example, by name.
fn files(folder: &Path) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    let mut waiting = vec![folder.to_owned()];
    while let Some(place) = waiting.pop() {
        for entry in std::fs::read_dir(&place).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                waiting.push(path);
            } else if path.extension().is_some_and(|end| end == "hcl") {
                let name = path.strip_prefix(folder).unwrap().display().to_string();
                files.insert(name, std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    files
}

/// The lines of the outermost block that a line of a file stands in, first and last.
fn block_around(text: &str, line: usize) -> (usize, usize) {
    let line_of = |byte: u32| text[..usize::try_from(byte).unwrap()].matches('\n').count();
    let parsed = syntax::parse(FileId(0), text);
    let blocks = parsed.file.body.blocks.iter();
    let lines = blocks.map(|block| (line_of(block.header.start), line_of(block.braces.end)));
    lines.into_iter().find(|(first, last)| (*first..=*last).contains(&line)).unwrap_or((line, line))
}

fn loaded(files: BTreeMap<String, String>, registry: &Registry) -> Loaded {
    let sources = MemorySources { files, ..MemorySources::default() };
    load(&sources, ".", &RegistrySchemas(registry))
}

/// What comes of a spoiled line: nothing where the configuration can be planned, else the problem, and whether it is
/// in the block.
fn problem(name: &str, loaded: &Loaded, (first, last): (usize, usize)) -> Option<(String, bool)> {
    let error = loaded.problems.iter().find(|problem| problem.is_error())?;
    let Place::Span(span) = &error.place else { return Some((format!("{} without a place", error.kind.id), false)) };
    let start = loaded.sources.position(span.file, span.start).unwrap();
    let shown = loaded.sources.get(span.file).unwrap();
    let line = start.line;
    let is_inside = &*shown.name == name && (first..=last).contains(&(line - 1));
    let file = if &*shown.name == name { String::new() } else { format!("{} ", shown.name) };
    Some((format!("{} at {file}{line}:{}", error.kind.id, start.column), is_inside))
}

/// All that comes of one file of an example, as it is written down, and how many configurations that are.
fn outcome(name: &str, files: &BTreeMap<String, String>, registry: &Registry) -> (String, usize, Vec<String>) {
    let text = &files[name];
    let lines: Vec<&str> = text.lines().collect();
    let (mut page, mut count, mut wrong) = (String::new(), 0, Vec::new());
    for way in WAYS {
        let mut found = String::new();
        for (number, line) in lines.iter().enumerate().filter(|(_, line)| !line.trim_start().starts_with('#')) {
            let Some(spoiled) = (way.spoil)(line) else { continue };
            let added = spoiled.matches('\n').count();
            let all: Vec<&str> =
                lines.iter().enumerate().map(|(at, line)| if at == number { &*spoiled } else { line }).collect();
            let mut files = files.clone();
            files.insert(name.to_owned(), all.join("\n") + "\n");
            let (first, last) = block_around(text, number);
            let Ok(loaded) = catch_unwind(AssertUnwindSafe(|| loaded(files, registry))) else {
                wrong.push(format!("{name}:{}: {}: it panics", number + 1, way.title));
                continue;
            };
            let Some((told, is_inside)) = problem(name, &loaded, (first, last + added)) else { continue };
            let elsewhere = if is_inside { "" } else { " elsewhere" };
            if !is_inside && way.elsewhere.is_none() {
                wrong.push(format!("{name}:{}: {}: {told}, which is not in the block", number + 1, way.title));
            }
            let _ = writeln!(found, "{} => {told}{elsewhere}", number + 1);
            count += 1;
        }
        if !found.is_empty() {
            let why = way
                .elsewhere
                .filter(|_| found.contains(" elsewhere"))
                .map(|why| format!("\n{why}\n"))
                .unwrap_or_default();
            let _ = write!(page, "\n## {}\n{why}\n```broken\n{found}```\n", way.title);
        }
    }
    (page, count, wrong)
}

fn examples() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root().join("examples")).unwrap();
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

// E1
#[test]
fn every_spoiled_line_is_told_in_its_block() {
    let registry = Registry::new(vec![terrane_eks::provider(), terrane_builtin::provider()]);
    let updates = std::env::var("TERRANE_SPECS").is_ok_and(|value| value == "update");
    let (mut total, mut wrong) = (0, Vec::new());
    for example in examples() {
        let files = files(&example);
        let of_example = example.file_name().unwrap().to_str().unwrap();
        assert!(!loaded(files.clone(), &registry).problems.iter().any(Diagnostic::is_error), "{of_example}");
        for name in files.keys() {
            let (page, count, mut misplaced) = outcome(name, &files, &registry);
            total += count;
            wrong.append(&mut misplaced);
            let page = format!("# {of_example}/{name}\n{page}");
            let shown = format!("{of_example}-{}.md", name.trim_end_matches(".hcl").replace('/', "-"));
            let path = root().join("tests/broken").join(&shown);
            if updates {
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(&path, &page).unwrap();
            }
            let recorded = std::fs::read_to_string(&path).unwrap_or_default();
            let changed = page.lines().filter(|line| !recorded.contains(line)).map(|line| format!("{shown}: {line}"));
            wrong.extend(changed.take(20));
            if recorded != page {
                wrong.push(format!("{shown} says something else"));
            }
        }
    }
    println!("{total} broken configurations");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(total >= LEAST, "{total}");
}
