//! Asks a console many expressions at once, and a formatter for a layout.

use super::records::Answer;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;
use terrane_tests::place::binary;

/// What the expressions may refer to.
const CONFIGURATION: &str = r#"
variable "text" {
  default = "abc"
}
variable "number" {
  default = 12.5
}
variable "list" {
  type    = list(number)
  default = [3, 1, 2]
}
variable "object" {
  type    = object({ a = string, b = optional(number, 7) })
  default = { a = 1 }
}
variable "secret" {
  default   = "hunter2"
  sensitive = true
}
locals {
  nested   = { a = { b = [1, "x"] } }
  texts    = tolist(["b", "a"])
  set      = toset(["b", "a"])
  map      = tomap({ k = "v" })
  template = "Hello $${name}!"
}
"#;

/// Files that functions read.
const FILES: &[(&str, &str)] = &[
    ("files/a.txt", "abc\n"),
    ("files/b.txt", "b"),
    ("files/deep/c.txt", "c"),
    // A key that was made for this, and "hello" under it.
    ("files/key.pem", include_str!("../../tofu/files/key.pem")),
    ("files/secret.b64", include_str!("../../tofu/files/secret.b64")),
    ("files/t.tftpl", "Hello ${name}!\n%{ for item in items ~}\n- ${item}\n%{ endfor ~}\n"),
];

/// A program that evaluates and lays out.
pub enum Program {
    Terrane,
    OpenTofu(PathBuf),
}

impl Program {
    /// OpenTofu, where it is installed.
    pub fn installed() -> Option<Self> {
        std::env::var_os("TERRANE_TOFU").map(|path| Self::OpenTofu(path.into()))
    }

    fn command(&self, folder: &Path) -> Command {
        let mut command = match self {
            Self::Terrane => Command::new(binary()),
            Self::OpenTofu(path) => Command::new(path),
        };
        command.env_clear().env("HOME", "/me").env("TMPDIR", folder).current_dir(folder);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        command
    }

    fn told(&self, folder: &Path, words: &[&str], input: String) -> (String, bool) {
        let mut child = self.command(folder).args(words).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        // A console that ends at an error reads no more.
        let writer = std::thread::spawn(move || drop(stdin.write_all(input.as_bytes())));
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        (String::from_utf8_lossy(&output.stdout).into_owned(), output.status.success())
    }

    /// The answers to these expressions.
    pub fn answers(&self, expressions: &[&str]) -> Vec<Answer> {
        let place = place();
        let mut answers: Vec<Answer> = Vec::new();
        while answers.len() < expressions.len() {
            let rest = expressions.get(answers.len()..).unwrap_or_default();
            let told = self.told(place.path(), &["console"], input(rest)).0;
            let found = split(&told, rest.len());
            let is_whole = found.len() == rest.len();
            answers.extend(found);
            if !is_whole {
                // It ended at the expression behind the last mark, or did not even start.
                assert!(told.contains("\"@@"), "the console answers nothing: {told}");
            }
        }
        answers
    }

    /// A text laid out; nothing where it is refused.
    pub fn layout(&self, text: &str) -> Answer {
        let place = tempfile::tempdir().unwrap();
        let (out, is_good) = self.told(place.path(), &["fmt", "-"], text.to_owned());
        is_good.then_some(out)
    }
}

fn place() -> TempDir {
    let place = tempfile::tempdir().unwrap();
    let files = FILES.iter().copied().chain([("main.hcl", CONFIGURATION), ("main.tf", CONFIGURATION)]);
    for (name, text) in files {
        let path = place.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    place
}

/// Each expression behind a mark of its own.
fn input(expressions: &[&str]) -> String {
    let lines = expressions.iter().enumerate().map(|(at, expression)| format!("\"@@{at}\"\n{expression}\n"));
    lines.chain([format!("\"@@{}\"\n", expressions.len())]).collect()
}

/// What stands between the marks; of a console that ended early, up to the expression at which it did.
fn split(told: &str, count: usize) -> Vec<Answer> {
    let mut answers: Vec<Answer> = Vec::new();
    let mut lines: Option<Vec<&str>> = None;
    let answer = |lines: Vec<&str>| (!lines.is_empty()).then(|| lines.join("\n"));
    for line in told.lines() {
        let next = answers.len() + usize::from(lines.is_some());
        if line == format!("\"@@{next}\"") {
            answers.extend(lines.take().map(answer));
            lines = Some(Vec::new());
        } else if let Some(lines) = &mut lines {
            lines.push(line);
        }
    }
    if answers.len() < count {
        answers.extend(lines.map(answer));
    }
    answers
}
