//! Markdown to cases and back.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A fenced block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// What stands behind the fence.
    pub info: String,
    /// Number of the first line in it, from 0.
    pub start: usize,
    /// Its lines.
    pub lines: Vec<String>,
}

impl Block {
    /// Its lines as the text of a file.
    #[must_use]
    pub fn text(&self) -> String {
        self.lines.iter().map(|line| format!("{line}\n")).collect()
    }
}

/// A case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// What it shows.
    pub title: String,
    /// Feature rows.
    pub rows: Vec<String>,
    /// Its blocks.
    pub blocks: Vec<Block>,
    /// Number of the first line after it, from 0.
    pub end: usize,
}

/// The blocks that say what is expected.
pub const EXPECTED: &[&str] = &["plan", "drift", "order", "outputs", "diagnostics", "again", "values"];
/// The blocks that say what was before.
const BEFORE: &[&str] = &["state", "actual", "options"];

impl Case {
    /// The block of that info.
    #[must_use]
    pub fn block(&self, info: &str) -> Option<&Block> {
        self.blocks.iter().find(|block| block.info == info)
    }

    /// The files of the configuration, by name.
    #[must_use]
    pub fn files(&self) -> BTreeMap<String, String> {
        let file = |block: &Block| {
            let name = match block.info.split_once(' ') {
                None if block.info == "hcl" => "main.hcl",
                Some((_, name)) if name != "recorded" && !name.starts_with("recorded ") => name,
                _ => return None,
            };
            Some((name.to_owned(), block.text()))
        };
        let mut files: BTreeMap<String, String> = self.blocks.iter().filter_map(file).collect();
        if !files.keys().any(|name| name.ends_with(".hcl")) {
            // Where everything goes, and where expressions stand alone.
            files.insert("main.hcl".to_owned(), String::new());
        }
        files
    }

    /// The earlier configurations, in their order.
    #[must_use]
    pub fn recorded(&self) -> Vec<BTreeMap<String, String>> {
        let mut found: Vec<BTreeMap<String, String>> = Vec::new();
        for block in &self.blocks {
            let Some(name) = block.info.strip_prefix("hcl recorded") else { continue };
            let name = if name.is_empty() { "main.hcl" } else { name.trim() };
            match found.last_mut() {
                Some(last) if !last.contains_key(name) => last.insert(name.to_owned(), block.text()),
                _ => {
                    found.push(BTreeMap::from([(name.to_owned(), block.text())]));
                    None
                }
            };
        }
        found
    }
}

/// A file of cases.
#[derive(Clone, Debug)]
pub struct Book {
    /// Where it is.
    pub path: PathBuf,
    /// Its lines.
    pub lines: Vec<String>,
    /// Its cases.
    pub cases: Vec<Case>,
}

/// The title of a heading and the feature rows behind it.
fn heading(line: &str) -> Result<(String, Vec<String>), String> {
    let (title, rows) = line
        .strip_suffix(')')
        .and_then(|line| line.rsplit_once(" ("))
        .ok_or_else(|| format!("`{line}` names no feature row in brackets at its end"))?;
    let rows: Vec<String> = rows.split(", ").map(str::to_owned).collect();
    let is_row = |row: &String| {
        let (letter, number) = row.split_at_checked(1).unwrap_or_default();
        "ABCDE".contains(letter) && number.parse::<u8>().is_ok()
    };
    if rows.iter().all(is_row) { Ok((title.to_owned(), rows)) } else { Err(format!("`{line}`: no feature rows")) }
}

impl Book {
    /// The cases of a text.
    ///
    /// # Errors
    /// What is wrong with its form.
    pub fn read(path: &Path, text: &str) -> Result<Self, String> {
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let mut cases: Vec<Case> = Vec::new();
        let mut at = 0;
        while let Some(line) = lines.get(at) {
            at += 1;
            if let Some(title) = line.strip_prefix("## ") {
                let (title, rows) = heading(title)?;
                cases.push(Case { title, rows, blocks: Vec::new(), end: at });
            }
            let Some(info) = line.strip_prefix("```") else { continue };
            let start = at;
            let inside: Vec<String> = lines.iter().skip(start).take_while(|line| *line != "```").cloned().collect();
            at += inside.len() + 1;
            if at > lines.len() {
                return Err(format!("the block of line {start} is not closed"));
            }
            let case = cases.last_mut().ok_or_else(|| format!("the block of line {start} has no `##` above it"))?;
            let known = info == "hcl" || info.contains(' ') || EXPECTED.contains(&info) || BEFORE.contains(&info);
            if !known || (EXPECTED.contains(&info) && case.block(info).is_some()) {
                return Err(format!("line {start}: a block `{info}` is not known, or stands twice"));
            }
            case.blocks.push(Block { info: info.to_owned(), start, lines: inside });
            case.end = at;
        }
        for case in &cases {
            if !case.blocks.iter().any(|block| EXPECTED.contains(&&*block.info)) {
                return Err(format!("`{}` expects nothing", case.title));
            }
        }
        Ok(Self { path: path.to_owned(), lines, cases })
    }

    /// The text with blocks replaced: number of the case, info, lines. A block that is missing is added to its case.
    #[must_use]
    pub fn with(&self, blocks: &[(usize, &'static str, Vec<String>)]) -> String {
        let mut lines = self.lines.clone();
        let place = |(case, info, _): &(usize, &'static str, Vec<String>)| {
            let case = &self.cases[*case];
            case.block(info).map_or((case.end, None), |block| (block.start, Some(block.lines.len())))
        };
        let mut ordered: Vec<_> = blocks.iter().map(|block| (place(block), block)).collect();
        ordered.sort_by_key(|((start, _), _)| std::cmp::Reverse(*start));
        for ((start, length), (_, info, new)) in ordered {
            match length {
                Some(length) => drop(lines.splice(start..start + length, new.iter().cloned())),
                None => {
                    let fenced = [String::new(), format!("```{info}")].into_iter();
                    drop(lines.splice(start..start, fenced.chain(new.iter().cloned()).chain(["```".to_owned()])));
                }
            }
        }
        lines.iter().map(|line| format!("{line}\n")).collect()
    }
}

/// Every Markdown file below a folder, by its path.
///
/// # Errors
/// What cannot be read, and files that are not in form.
pub fn books(folder: &Path) -> Result<Vec<Book>, String> {
    let mut found = Vec::new();
    let entries = std::fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            found.extend(books(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            let shown = |why| format!("{}: {why}", path.display());
            let text = std::fs::read_to_string(&path).map_err(|error| shown(error.to_string()))?;
            found.push(Book::read(&path, &text).map_err(shown)?);
        }
    }
    Ok(found)
}
