//! Problems for people (framed on a terminal, plain text elsewhere) and for programs (JSON with lines and columns).

use crate::console::{Hue, Paint};
use crate::render::plan::value::escaped;
use serde_json::json;
use std::io::{self, Write};
use terrane_core::{Diagnostic, Place, Severity, SourceMap, Span};

/// Problems that are framed; the rest of a long list is plain, because frames cost time.
const FRAMED: usize = 50;
/// Longest line of the configuration that is shown whole, in characters.
const WIDEST: usize = 400;

/// How problems are shown.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// Colours.
    pub paint: Paint,
    /// Whether frames are drawn around text of the configuration.
    pub is_framed: bool,
    /// Warnings as one line each.
    pub has_compact_warnings: bool,
}

/// Writes problems in their order.
///
/// # Errors
/// Those of `out`.
pub fn write_all(problems: &[Diagnostic], sources: &SourceMap, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let (compact, whole): (Vec<&Diagnostic>, Vec<&Diagnostic>) =
        problems.iter().partition(|problem| style.has_compact_warnings && !problem.is_error());
    for (at, problem) in whole.into_iter().enumerate() {
        if style.is_framed && at < FRAMED && problem.span().is_some() {
            framed(problem, sources, style.paint, out)?;
        } else {
            plain(problem, sources, style.paint, out)?;
        }
    }
    if compact.is_empty() {
        return Ok(());
    }
    writeln!(out, "{}\n", style.paint.text(Hue::Yellow, "Warnings:"))?;
    for problem in compact {
        write!(out, "- {}", problem.kind.summary)?;
        if let Some(place) = place_text(problem, sources) {
            write!(out, " ({place})")?;
        }
        writeln!(out)?;
    }
    writeln!(out)
}

fn title(problem: &Diagnostic, paint: Paint) -> String {
    let (word, hue) = match problem.kind.severity {
        Severity::Error => ("Error: ", Hue::Red),
        Severity::Warning => ("Warning: ", Hue::Yellow),
    };
    format!("{}{}", paint.text(hue, word), paint.text(Hue::Bold, problem.kind.summary))
}

/// A lock that somebody else holds, in the words that scripts look for.
fn lock_held(problem: &Diagnostic, paint: Paint, out: &mut dyn Write) -> io::Result<()> {
    let word = paint.text(Hue::Red, "Error: ");
    writeln!(out, "{word}{}\n", paint.text(Hue::Bold, "Error acquiring the state lock"))?;
    writeln!(out, "{}\n\nLock Info:", problem.kind.summary)?;
    for (name, value) in &problem.facts {
        let name = match *name {
            "lock" => "ID",
            "state" => "Path",
            "operation" => "Operation",
            "held by" => "Who",
            "since" => "Created",
            other => other,
        };
        writeln!(out, "  {:<15} {}", format!("{name}:"), lines_escaped(value))?;
    }
    writeln!(out, "\nHelp: {} [{}]\n", lines_escaped(problem.help_text()), problem.kind.id)
}

fn plain(problem: &Diagnostic, sources: &SourceMap, paint: Paint, out: &mut dyn Write) -> io::Result<()> {
    if problem.kind.id == terrane_runtime::diag::STATE_LOCKED.id {
        return lock_held(problem, paint, out);
    }
    writeln!(out, "{}\n", title(problem, paint))?;
    if let Some(place) = place_text(problem, sources) {
        writeln!(out, "  {place}:")?;
    }
    // A label on the very place says what stands there: one line is enough for both.
    let bare = problem.span().filter(|span| !problem.labels.iter().any(|(label, _)| label == span));
    if let Some(span) = bare {
        excerpt(span, None, sources, out)?;
    }
    for (span, word) in &problem.labels {
        excerpt(*span, Some(word.as_str()), sources, out)?;
    }
    if problem.span().is_some() || place_text(problem, sources).is_some() {
        writeln!(out)?;
    }
    if !problem.detail.is_empty() {
        writeln!(out, "{}\n", lines_escaped(&problem.detail))?;
    }
    for (name, value) in &problem.facts {
        writeln!(out, "  {name}: {}", lines_escaped(value))?;
    }
    if !problem.facts.is_empty() {
        writeln!(out)?;
    }
    writeln!(out, "Help: {} [{}]\n", lines_escaped(problem.help_text()), problem.kind.id)
}

fn excerpt(span: Span, word: Option<&str>, sources: &SourceMap, out: &mut dyn Write) -> io::Result<()> {
    let Some((at, line)) = line_of(span, sources) else { return Ok(()) };
    let short: String = line.chars().take(WIDEST).collect();
    write!(out, "  {at:>4}: {}", escaped(&short))?;
    match word {
        Some(word) => writeln!(out, "  # {word}"),
        None => writeln!(out),
    }
}

fn lines_escaped(text: &str) -> String {
    text.lines().map(escaped).collect::<Vec<_>>().join("\n")
}

/// Number and text of the line a span begins on.
fn line_of(span: Span, sources: &SourceMap) -> Option<(usize, &str)> {
    let at = sources.position(span.file, span.start)?;
    let text = &sources.get(span.file)?.text;
    text.lines().nth(at.line.checked_sub(1)?).map(|line| (at.line, line))
}

/// `on main.hcl line 3, in resource "x" "y"`.
fn place_text(problem: &Diagnostic, sources: &SourceMap) -> Option<String> {
    let on_span = problem.span().and_then(|span| {
        let (file, at) = (sources.get(span.file)?, sources.position(span.file, span.start)?);
        let context = block_header(&file.text, span.start).map(|header| format!(", in {header}")).unwrap_or_default();
        Some(format!("on {} line {}{context}", file.name, at.line))
    });
    match &problem.place {
        Place::Span(_) => on_span,
        Place::Instance(addr, path) => {
            let leaf = if path.0.is_empty() { String::new() } else { format!(".{path}") };
            Some(match on_span {
                Some(on_span) => format!("with {addr}{leaf},\n  {on_span}"),
                None => format!("with {addr}{leaf}"),
            })
        }
        Place::Argument(argument) => Some(format!("in the argument {}", escaped(argument))),
        Place::File(file) => Some(format!("in {}", escaped(file))),
        Place::State => Some(String::from("in the state")),
        Place::Run => None,
    }
}

/// The header of the top-level block around a byte, without its brace.
fn block_header(text: &str, byte: u32) -> Option<String> {
    let end = usize::try_from(byte).ok()?;
    let line_end = text.get(end..)?.find('\n').map_or(text.len(), |offset| end + offset);
    for line in text.get(..line_end)?.lines().rev() {
        if line.starts_with('}') {
            return None;
        }
        if line.starts_with(|c: char| c.is_ascii_alphabetic())
            && let Some((header, _)) = line.split_once('{')
            && !header.contains('=')
        {
            return Some(header.trim_end().to_owned());
        }
    }
    None
}

/// A problem as miette takes it.
#[derive(Debug)]
struct Framed {
    title: String,
    id: &'static str,
    help: String,
    source: Option<miette::NamedSource<String>>,
    labels: Vec<miette::LabeledSpan>,
    is_error: bool,
}

impl std::fmt::Display for Framed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.title)
    }
}

impl std::error::Error for Framed {}

impl miette::Diagnostic for Framed {
    fn code<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        Some(Box::new(self.id))
    }
    fn severity(&self) -> Option<miette::Severity> {
        Some(if self.is_error { miette::Severity::Error } else { miette::Severity::Warning })
    }
    fn help<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        Some(Box::new(&self.help))
    }
    fn source_code(&self) -> Option<&dyn miette::SourceCode> {
        self.source.as_ref().map(|source| source as &dyn miette::SourceCode)
    }
    fn labels(&self) -> Option<Box<dyn Iterator<Item = miette::LabeledSpan> + '_>> {
        Some(Box::new(self.labels.iter().cloned()))
    }
}

fn framed(problem: &Diagnostic, sources: &SourceMap, paint: Paint, out: &mut dyn Write) -> io::Result<()> {
    let file = problem.span().and_then(|span| sources.get(span.file).map(|file| (span.file, file)));
    let mut labels = Vec::new();
    if let Some(span) = problem.span().filter(|span| !problem.labels.iter().any(|(label, _)| label == span)) {
        labels.push(labeled(span, None));
    }
    let same_file = |span: &Span| file.is_some_and(|(id, _)| id == span.file);
    labels.extend(
        problem
            .labels
            .iter()
            .filter(|(span, _)| same_file(span))
            .map(|(span, word)| labeled(*span, Some(word.clone()))),
    );
    let mut title = format!("{}: {}", if problem.is_error() { "Error" } else { "Warning" }, problem.kind.summary);
    if let Place::Instance(addr, _) = &problem.place {
        title.push_str(&format!("\n{addr}"));
    }
    let message = problem.message();
    if !message.is_empty() {
        title.push_str(&format!("\n{}", lines_escaped(&message)));
    }
    let report = Framed {
        title,
        id: problem.kind.id,
        help: lines_escaped(problem.help_text()),
        source: file.map(|(_, file)| miette::NamedSource::new(&file.name, file.text.to_string())),
        labels,
        is_error: problem.is_error(),
    };
    let theme =
        if paint.is_on() { miette::GraphicalTheme::unicode() } else { miette::GraphicalTheme::unicode_nocolor() };
    let handler = miette::GraphicalReportHandler::new_themed(theme).with_width(terminal_width()).without_cause_chain();
    let mut text = String::new();
    if handler.render_report(&mut text, &report).is_err() {
        return plain(problem, sources, paint, out);
    }
    writeln!(out, "{text}")
}

fn labeled(span: Span, word: Option<String>) -> miette::LabeledSpan {
    let start = usize::try_from(span.start).unwrap_or(usize::MAX);
    let length = usize::try_from(span.end.saturating_sub(span.start)).unwrap_or(0);
    miette::LabeledSpan::new(word, start, length.max(1))
}

fn terminal_width() -> usize {
    rustix::termios::tcgetwinsize(io::stderr()).map_or(100, |size| usize::from(size.ws_col).max(40))
}

/// A problem as Terraform's JSON writes it, with our id, facts and help.
pub fn json(problem: &Diagnostic, sources: &SourceMap) -> serde_json::Value {
    let mut detail = problem.message();
    if !detail.is_empty() {
        detail.push('\n');
    }
    detail.push_str(problem.help_text());
    let facts: serde_json::Map<_, _> =
        problem.facts.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    let mut entry = json!({
        "severity": problem.kind.severity,
        "id": problem.kind.id,
        "summary": problem.kind.summary,
        "detail": detail,
        "help": problem.help_text(),
        "facts": facts,
    });
    let Some(fields) = entry.as_object_mut() else { return entry };
    if let Place::Instance(addr, path) = &problem.place {
        fields.insert("address".into(), json!(addr));
        if !path.0.is_empty() {
            fields.insert("path".into(), json!(path.to_string()));
        }
    }
    if let Some((range, snippet)) =
        problem.span().and_then(|span| Some((range(span, sources)?, snippet(span, sources)?)))
    {
        fields.insert("range".into(), range);
        fields.insert("snippet".into(), snippet);
    }
    entry
}

fn range(span: Span, sources: &SourceMap) -> Option<serde_json::Value> {
    let point = |byte: u32| {
        let at = sources.position(span.file, byte)?;
        Some(json!({ "line": at.line, "column": at.column, "byte": byte }))
    };
    let file = sources.get(span.file)?;
    Some(json!({ "filename": file.name, "start": point(span.start)?, "end": point(span.end)? }))
}

fn snippet(span: Span, sources: &SourceMap) -> Option<serde_json::Value> {
    let (start_line, code) = line_of(span, sources)?;
    let file = sources.get(span.file)?;
    let start = usize::try_from(span.start).ok()?;
    let line_start = file.text.get(..start)?.rfind('\n').map_or(0, |at| at + 1);
    let from = start - line_start;
    let length = usize::try_from(span.end.saturating_sub(span.start)).ok()?;
    Some(json!({
        "context": block_header(&file.text, span.start),
        "code": code,
        "start_line": start_line,
        "highlight_start_offset": from.min(code.len()),
        "highlight_end_offset": (from + length).min(code.len()),
        "values": [],
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    terrane_core::diagnostics! {
        WRONG: error "wrong" => "Something is wrong"; help: "Write it right";
        ODD: warning "odd" => "Something is odd"; help: "Look at it";
    }

    fn source() -> (SourceMap, Span) {
        let mut sources = SourceMap::default();
        let text = "resource \"x\" \"y\" {\n  nmae = 1\n}\n";
        let file = sources.add("main.hcl", text);
        (sources, Span::new(file, 21, 25))
    }

    fn text(problem: Diagnostic, is_compact: bool) -> String {
        let style = Style { paint: Paint::PLAIN, is_framed: false, has_compact_warnings: is_compact };
        let mut out = Vec::new();
        write_all(&[problem], &source().0, style, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn plain_text_names_place_block_and_help() {
        let problem = WRONG.at(source().1).detail("There is no `nmae`").with("wanted", "name");
        let expected = "Error: Something is wrong\n\n  on main.hcl line 2, in resource \"x\" \"y\":\n     2:   nmae = 1\n\n\
                        There is no `nmae`\n\n  wanted: name\n\nHelp: Write it right [wrong]\n\n";
        assert_eq!(text(problem, false), expected);
    }

    #[test]
    fn a_label_on_the_place_itself_is_one_line() {
        let span = source().1;
        let text = text(WRONG.at(span).label(span, "here").label(Span::new(span.file, 0, 8), "the block"), false);
        assert_eq!(text.matches("nmae = 1").count(), 1, "{text}");
        assert!(text.contains("2:   nmae = 1  # here\n     1: resource \"x\" \"y\" {  # the block\n"), "{text}");
    }

    #[test]
    fn compact_warnings_are_one_line() {
        let problem = ODD.at(source().1);
        assert_eq!(
            text(problem, true),
            "Warnings:\n\n- Something is odd (on main.hcl line 2, in resource \"x\" \"y\")\n\n"
        );
    }

    #[test]
    fn json_has_lines_columns_and_bytes() {
        let (sources, span) = source();
        let json = json(&WRONG.at(span), &sources);
        assert_eq!(json["range"]["start"], json!({"line": 2, "column": 3, "byte": 21}));
        assert_eq!(json["snippet"]["highlight_end_offset"], 6);
        assert_eq!((&json["id"], &json["severity"]), (&json!("wrong"), &json!("error")));
    }

    #[test]
    fn a_held_lock_keeps_terraforms_words() {
        let problem = terrane_runtime::diag::STATE_LOCKED.at(Place::State).with("held by", "a@b").with("lock", "17");
        let text = text(problem, false);
        assert!(text.starts_with("Error: Error acquiring the state lock\n"), "{text}");
        assert!(text.contains("Lock Info:\n  Who:            a@b\n  ID:             17\n"), "{text}");
    }

    #[test]
    fn frames_hold_the_text_and_the_id() {
        let (sources, span) = source();
        let style = Style { paint: Paint::COLOURED, is_framed: true, has_compact_warnings: false };
        let mut out = Vec::new();
        write_all(&[WRONG.at(span)], &sources, style, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.contains("nmae") && text.contains("wrong"), "{text}");
    }
}
