//! `bench`: time and memory of the built binary at scale.
//!
//! Every command runs as a process of its own, as a user would run it. Figures go to the terminal and, between
//! two marks, into docs/bench.md; the text around them is written by people.

mod build;
mod measure;
mod options;
mod plan;
mod shape;
mod table;

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::{Failure, Outcome};
use crate::root;
use measure::{Cost, DEADLINE, End, measure, median};
use options::{Builds, Options, Page, Subject};
use plan::Step;
use shape::Shape;
use table::Figures;

const PAGE: &str = "docs/bench.md";

/// Measures what the words ask for.
///
/// # Errors
/// When the words make no sense, a build fails, or files cannot be written.
pub fn run(words: &[&str]) -> Result<Outcome, Failure> {
    let options = Options::parse(words)?;
    match &options.subject {
        Subject::Release => one(&build::release()?, &options),
        Subject::Binary(binary) => one(binary, &options),
        Subject::Two(a, b) => two(a, b, &options),
    }
}

fn one(binary: &Path, options: &Options) -> Result<Outcome, Failure> {
    let mut text = build::facts(binary)?;
    if options.builds == Builds::Cold {
        text.push_str(&build::cold()?);
    }
    print!("{text}");
    let mut broken = Vec::new();
    for shape in &options.shapes {
        let mut figures = Figures::new();
        for size in &options.sizes {
            let bench = Bench { shape: *shape, size: *size, binaries: vec![binary.to_owned()] };
            bench.run(options.repetitions, |step, costs| {
                figures.entry(step).or_default().insert(*size, costs.first().copied().flatten());
            })?;
        }
        let table = table::shape(*shape, &figures);
        print!("{table}");
        text.push_str(&table);
        broken.extend(table::broken(*shape, &figures));
    }
    let limits = limits(&broken);
    print!("{limits}");
    text.push_str(&limits);
    if options.page == Page::Written {
        write_page(&text)?;
    }
    Ok(Outcome::of(broken.is_empty()))
}

fn limits(broken: &[String]) -> String {
    if broken.is_empty() {
        return "\nEvery limit is kept.\n".to_owned();
    }
    let lines: Vec<String> = broken.iter().map(|line| format!("- {line}\n")).collect();
    format!("\nLimits that are not kept:\n\n{}", lines.concat())
}

fn two(a: &Path, b: &Path, options: &Options) -> Result<Outcome, Failure> {
    let mut is_good = true;
    for shape in &options.shapes {
        for size in &options.sizes {
            let bench = Bench { shape: *shape, size: *size, binaries: vec![a.to_owned(), b.to_owned()] };
            let mut rows = Vec::new();
            bench.run(options.repetitions, |step, costs| {
                let cost = |index: usize| costs.get(index).copied().flatten();
                rows.push((step, cost(0), cost(1)));
            })?;
            is_good &= rows.iter().all(|(_, a, b)| a.is_some() && b.is_some());
            print!("{}", table::comparison(*shape, *size, &rows));
        }
    }
    Ok(Outcome::of(is_good))
}

/// One shape at one size, for one or more binaries that take turns: what else the machine does then hits all.
struct Bench {
    shape: Shape,
    size: usize,
    binaries: Vec<PathBuf>,
}

impl Bench {
    /// Hands the median of each binary to `each`, step after step; none for one that failed.
    fn run(&self, repetitions: usize, mut each: impl FnMut(Step, &[Option<Cost>])) -> Result<(), Failure> {
        let folders = self.fresh_folders()?;
        let mut written = plan::Step::Init.edit();
        for step in Step::ALL {
            if step.edit() != written {
                written = step.edit();
                for folder in &folders {
                    self.shape.write(self.size, written, folder)?;
                }
            }
            let mut costs = vec![Vec::new(); self.binaries.len()];
            for _ in 0..if step.is_repeatable() { repetitions } else { 1 } {
                for ((binary, folder), costs) in self.binaries.iter().zip(&folders).zip(&mut costs) {
                    costs.push(self.step(step, binary, folder)?);
                }
            }
            let medians: Vec<Option<Cost>> = costs
                .iter()
                .map(|costs| costs.iter().copied().collect::<Option<Vec<Cost>>>().map(|costs| median(&costs)))
                .collect();
            each(step, &medians);
        }
        let base = self.folder()?;
        std::fs::remove_dir_all(&base).map_err(Failure::file(&base))
    }

    /// A folder of its own, so that two benchmarks at once do not meet.
    fn folder(&self) -> Result<PathBuf, Failure> {
        let name = format!("bench-{}-{}-{}", std::process::id(), self.shape.name(), self.size);
        Ok(root::target_dir()?.join(name))
    }

    fn fresh_folders(&self) -> Result<Vec<PathBuf>, Failure> {
        let base = self.folder()?;
        let mut folders = Vec::new();
        for number in 0..self.binaries.len() {
            let folder = base.join(number.to_string());
            if folder.exists() {
                std::fs::remove_dir_all(&folder).map_err(Failure::file(&folder))?;
            }
            self.shape.write(self.size, Step::Init.edit(), &folder)?;
            folders.push(folder);
        }
        Ok(folders)
    }

    fn step(&self, step: Step, binary: &Path, folder: &Path) -> Result<Option<Cost>, Failure> {
        let output = folder.join("bench.out");
        let mut command = Command::new(binary);
        command.args(step.arguments()).current_dir(folder).env("NO_COLOR", "1");
        let (cost, end) = measure(&mut command, &output, DEADLINE)?;
        let is_right = end == End::Code(Some(step.code()));
        if !is_right {
            let said = std::fs::read(&output).unwrap_or_default();
            let said = String::from_utf8_lossy(&said);
            let last: Vec<&str> = said.lines().rev().take(12).collect();
            println!("{} {}, {}: {end:?}", self.shape.name(), self.size, step.name());
            for line in last.iter().rev() {
                println!("    {line}");
            }
        }
        Ok(is_right.then_some(cost))
    }
}

fn write_page(text: &str) -> Result<(), Failure> {
    let path = root::root().join(PAGE);
    let page = root::read(&path)?;
    match between_marks(&page, text) {
        Some(page) => root::write(&path, &page),
        None => Err(Failure::Malformed { what: PAGE.to_owned(), detail: format!("{BEGIN} or {END} is missing") }),
    }
}

const BEGIN: &str = "<!-- bench: begin -->\n";
const END: &str = "<!-- bench: end -->";

/// `page` with what stands between the marks replaced.
fn between_marks(page: &str, text: &str) -> Option<String> {
    let (before, rest) = page.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{}\n\n{END}{after}", text.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_replace_what_stands_between_the_marks() {
        let page = format!("# Bench\n\n{BEGIN}old\n{END}\nmore\n");
        let wanted = format!("# Bench\n\n{BEGIN}\nnew\n\n{END}\nmore\n");
        assert_eq!(between_marks(&page, "\nnew\n").as_deref(), Some(wanted.as_str()));
        assert_eq!(between_marks(&wanted, "new").as_deref(), Some(wanted.as_str()));
        assert_eq!(between_marks("no marks", "new"), None);
    }

    #[test]
    fn steps_run_in_turns_and_wrong_codes_are_no_figures() {
        let bench = Bench { shape: Shape::Count, size: 10, binaries: vec!["true".into(), "false".into()] };
        let mut seen = Vec::new();
        bench.run(1, |step, costs| seen.push((step, costs.iter().map(Option::is_some).collect::<Vec<_>>()))).unwrap();
        let right: Vec<Step> =
            seen.iter().filter(|(_, is_right)| is_right.first() == Some(&true)).map(|(s, _)| *s).collect();
        assert_eq!(right, [Step::Init, Step::Validate, Step::Apply, Step::StateList, Step::NoopPlan]);
        assert!(seen.iter().all(|(_, is_right)| is_right.get(1) == Some(&false)));
    }
}
