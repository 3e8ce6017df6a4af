//! The layout of configuration files, as `terraform fmt` knows it.
//!
//! Works on tokens: only spaces and line ends change, every comment, blank line and heredoc stays. A text with
//! problems of syntax comes back as it is. Deliberately left out: rewriting (`"${x}"` to `x`, quoting labels).

use crate::syntax::{self, scanner::Chunk, scanner::Kind, scanner::Scanner};
use terrane_core::{FileId, Operator};
use unicode_segmentation::UnicodeSegmentation;

/// Lays a file out anew.
#[must_use]
pub fn format(text: &str) -> String {
    if syntax::parse(FileId(0), text).problems.iter().any(terrane_core::Diagnostic::is_error) {
        return text.to_owned();
    }
    let mut lines = lines(text);
    indent(&mut lines);
    for line in &mut lines {
        let (assign, comment) = (line.assign, line.comment);
        space(line.tokens.get_mut(..assign).unwrap_or_default());
        space(line.tokens.get_mut(assign..comment).unwrap_or_default());
    }
    align(&mut lines, |line| (line.assign < line.comment).then_some(line.assign));
    align(&mut lines, |line| (line.comment < line.tokens.len()).then_some(line.comment));
    render(&lines)
}

/// What a token is to the layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Code(Kind),
    /// Text inside a string.
    Literal,
    QuoteClose,
    /// `${` and `%{`.
    SequenceOpen,
    SequenceClose,
    /// A heredoc from `<<` to its end marker.
    Heredoc,
    LineComment,
    BlockComment,
}

#[derive(Debug)]
struct Token<'a> {
    part: Part,
    text: &'a str,
    spaces: usize,
}

impl Token<'_> {
    /// By how much the token opens (or closes) brackets.
    fn brackets(&self) -> isize {
        match self.part {
            Part::Code(Kind::BraceOpen | Kind::BracketOpen | Kind::ParenOpen) | Part::SequenceOpen => 1,
            Part::Code(Kind::BraceClose | Kind::BracketClose | Kind::ParenClose) | Part::SequenceClose => -1,
            _ => 0,
        }
    }

    /// Columns that the token takes on its (last) line, with the spaces before it.
    fn columns(&self) -> usize {
        let last = self.text.rsplit('\n').next().unwrap_or("");
        let width = if last.is_ascii() { last.len() } else { last.graphemes(true).count() };
        self.spaces + width
    }
}

/// The tokens of a line: the lead, from `assign` on `= value`, from `comment` on the comment behind it.
#[derive(Debug, Default)]
struct Line<'a> {
    tokens: Vec<Token<'a>>,
    assign: usize,
    comment: usize,
}

impl Line<'_> {
    /// Finds the cells of the line.
    fn divide(&mut self) {
        let has_comment = self.tokens.len() > 1 && self.tokens.last().is_some_and(|t| t.part == Part::LineComment);
        self.comment = self.tokens.len() - usize::from(has_comment);
        self.assign = self.comment;
        let code = self.tokens.get(..self.comment).unwrap_or_default();
        let equals = code.iter().skip(1).position(|t| t.part == Part::Code(Kind::Assign)).map(|at| at + 1);
        // A value that goes on over the line is not aligned.
        if let Some(at) = equals
            && code.iter().skip(at).map(Token::brackets).sum::<isize>() == 0
        {
            self.assign = at;
        }
    }
}

/// Where the walk over the text is: how many braces are open in code, or in a string.
enum Place {
    Code(usize),
    String,
}

fn lines(text: &str) -> Vec<Line<'_>> {
    let mut scanner = Scanner::new(text);
    let mut lines = vec![Line::default()];
    let mut places = vec![Place::Code(0)];
    loop {
        if matches!(places.last(), Some(Place::String)) {
            let (chunk, start, end) = scanner.chunk(true);
            let part = match chunk {
                Chunk::Text => Part::Literal,
                Chunk::Quote | Chunk::Newline | Chunk::End => {
                    places.pop();
                    Part::QuoteClose
                }
                Chunk::Value { .. } | Chunk::Directive { .. } => {
                    places.push(Place::Code(0));
                    Part::SequenceOpen
                }
            };
            add(&mut lines, part, scanner.slice(start, end));
            continue;
        }
        let from = scanner.pos;
        let token = scanner.token();
        gap(&mut lines, scanner.slice(from, token.start));
        let is_nested = places.len() > 1;
        let part = match (token.kind, places.last_mut()) {
            (Kind::End | Kind::OpenComment, _) => break,
            (Kind::Heredoc, _) => {
                scanner.pos = heredoc_end(&scanner, token.end);
                Part::Heredoc
            }
            (Kind::BraceOpen, Some(Place::Code(open))) => {
                *open += 1;
                Part::Code(token.kind)
            }
            (Kind::BraceClose | Kind::TrimClose, Some(Place::Code(0))) if is_nested => {
                places.pop();
                Part::SequenceClose
            }
            (Kind::BraceClose, Some(Place::Code(open))) => {
                *open = open.saturating_sub(1);
                Part::Code(token.kind)
            }
            _ => Part::Code(token.kind),
        };
        if token.kind == Kind::Quote {
            places.push(Place::String);
        }
        add(&mut lines, part, scanner.slice(token.start, scanner.pos));
    }
    lines.iter_mut().for_each(Line::divide);
    lines
}

fn add<'a>(lines: &mut [Line<'a>], part: Part, text: &'a str) {
    if let Some(line) = lines.last_mut()
        && !text.is_empty()
    {
        line.tokens.push(Token { part, text, spaces: 0 });
    }
}

/// Comments and newlines between two tokens.
fn gap<'a>(lines: &mut Vec<Line<'a>>, text: &'a str) {
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches([' ', '\t', '\r']);
        if let Some(next) = rest.strip_prefix('\n') {
            lines.push(Line::default());
            rest = next;
            continue;
        }
        let (part, end) = if rest.starts_with("/*") {
            (Part::BlockComment, rest.get(2..).and_then(|inner| inner.find("*/")).map_or(rest.len(), |at| at + 4))
        } else if rest.starts_with('#') || rest.starts_with("//") {
            (Part::LineComment, rest.find('\n').unwrap_or(rest.len()))
        } else {
            return;
        };
        let comment = rest.get(..end).unwrap_or("");
        add(lines, part, comment.trim_end());
        rest = rest.get(end..).unwrap_or("");
    }
}

/// First byte after the end marker of the heredoc whose opening ends at `open_end`.
fn heredoc_end(scanner: &Scanner<'_>, open_end: usize) -> usize {
    let line_start = scanner.slice(0, open_end).rfind("<<").unwrap_or(open_end);
    let marker = scanner.slice(line_start, open_end).trim_start_matches('<').trim_start_matches('-');
    let body = scanner.slice(open_end, scanner.length());
    let mut at = open_end;
    for line in body.split_inclusive('\n') {
        if at > open_end && line.trim() == marker {
            return at + line.trim_end().len();
        }
        at += line.len();
    }
    scanner.length()
}

/// Two spaces for each line that left brackets open. What one line opens counts once, however many there are.
fn indent(lines: &mut [Line<'_>]) {
    let mut levels: Vec<isize> = Vec::new();
    for line in lines {
        let code = line.tokens.get(..line.comment).unwrap_or_default();
        let heredoc = code.iter().position(|t| t.part == Part::Heredoc).unwrap_or(code.len());
        let net: isize = code.iter().take(heredoc).map(Token::brackets).sum();
        let mut closed = -net;
        while closed > 0
            && let Some(level) = levels.pop()
        {
            if closed < level {
                levels.push(level - closed);
            }
            closed -= level;
        }
        if let Some(first) = line.tokens.first_mut() {
            first.spaces = 2 * levels.len();
        }
        if net > 0 {
            levels.push(net);
        }
    }
}

/// Sets the spaces between the tokens of a cell.
fn space(tokens: &mut [Token<'_>]) {
    let mut before = None;
    for at in 1..tokens.len() {
        let Some([subject, after]) = tokens.get_mut(at - 1..=at) else { return };
        after.spaces = usize::from(has_space(before, subject, after));
        before = Some(subject.part);
    }
}

/// Whether a minus after `before` is a sign, not a difference.
fn is_sign(before: Option<Part>) -> bool {
    use Kind::{Assign, Bang, BraceOpen, BracketOpen, Colon, Comma, ParenOpen, Question};
    match before {
        None => true,
        Some(Part::Code(kind)) => {
            matches!(
                kind,
                ParenOpen | BraceOpen | BracketOpen | Assign | Colon | Comma | Question | Bang | Kind::Operator(_)
            )
        }
        Some(_) => false,
    }
}

/// Whether a space stands between `subject` and `after`.
fn has_space(before: Option<Part>, subject: &Token<'_>, after: &Token<'_>) -> bool {
    use Part::{Code, Literal, QuoteClose, SequenceClose, SequenceOpen};
    match (subject.part, after.part) {
        (Code(Kind::Ident), Code(Kind::ParenOpen | Kind::DoubleColon))
        | (Code(Kind::DoubleColon), Code(Kind::Ident))
        | (Code(Kind::Dot), _)
        | (_, Code(Kind::Dot | Kind::Comma | Kind::Ellipsis)) => false,
        (Code(Kind::Comma), _) => true,
        (Literal | Code(Kind::Quote), _) | (_, Literal | QuoteClose) => false,
        (Code(Kind::Ident), _) if subject.text == "in" && before == Some(Code(Kind::Ident)) => true,
        (Code(Kind::Ident | Kind::Number), Code(Kind::BracketOpen)) => false,
        (_, Code(Kind::BracketOpen)) if subject.brackets() < 0 => false,
        (Code(Kind::Bang), _) => false,
        (Code(Kind::Operator(Operator::Subtract)), _) => !is_sign(before),
        (Code(Kind::BraceOpen), Code(Kind::BraceClose)) => false,
        (Code(Kind::BraceOpen), _) | (_, Code(Kind::BraceClose)) => true,
        (SequenceOpen, Code(Kind::BraceOpen)) | (Code(Kind::BraceClose), SequenceClose) => true,
        (SequenceClose, SequenceOpen) => false,
        _ => subject.brackets() <= 0 && after.brackets() >= 0,
    }
}

/// Puts the cells that begin at `cell` in one column, in each run of lines that have it.
fn align(lines: &mut [Line<'_>], cell: impl Fn(&Line<'_>) -> Option<usize>) {
    for run in lines.chunk_by_mut(|a, b| cell(a).is_some() == cell(b).is_some()) {
        let width = |line: &Line<'_>| {
            let at = cell(line)?;
            Some(line.tokens.iter().take(at).map(Token::columns).sum::<usize>())
        };
        let widest = run.iter().filter_map(width).max().unwrap_or(0);
        for line in run {
            if let (Some(at), Some(columns)) = (cell(line), width(line))
                && let Some(token) = line.tokens.get_mut(at)
            {
                token.spaces = widest - columns + 1;
            }
        }
    }
}

fn render(lines: &[Line<'_>]) -> String {
    let mut text = String::new();
    for (position, line) in lines.iter().enumerate() {
        if position > 0 {
            text.push('\n');
        }
        for token in &line.tokens {
            text.extend(std::iter::repeat_n(' ', token.spaces));
            text.push_str(token.text);
        }
    }
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn becomes(text: &str, wanted: &str) {
        assert_eq!(format(text), wanted);
        assert_eq!(format(wanted), wanted);
    }

    #[test]
    fn equals_signs_and_comments_are_aligned_in_runs() {
        becomes(
            "a=1 # x\nbbb   = \"y\"   // z\n\ncc = 2\nd {\ne=1\n}\n",
            "a   = 1   # x\nbbb = \"y\" // z\n\ncc = 2\nd {\n  e = 1\n}\n",
        );
    }

    #[test]
    fn the_slash_that_opens_a_comment_does_not_close_it() {
        becomes("a = {\n  b = 1 /*/**/\n}\n", "a = {\n  b = 1 /*/**/\n}\n");
    }

    #[test]
    fn brackets_indent_by_line() {
        becomes(
            "a = {\nb = [\n1,2,\n]\n}\nc = f([\n{\nx=1\n}])\n",
            "a = {\n  b = [\n    1, 2,\n  ]\n}\nc = f([\n  {\n    x = 1\n}])\n",
        );
    }

    #[test]
    fn operators_have_spaces_and_signs_have_none() {
        becomes("a = -  1+!  b - - c\n", "a = -1 + !b - -c\n");
        becomes("a = x ? -y:z\n", "a = x ? -y : z\n");
        becomes("a = f (x , y ...)\n", "a = f(x, y...)\n");
        becomes("a = x [ 0 ] . b\n", "a = x[0].b\n");
        becomes("a = [for k,v in[1]: v]\n", "a = [for k, v in [1] : v]\n");
        becomes("a = {b=1}\nc {  }\n", "a = { b = 1 }\nc {}\n");
    }

    #[test]
    fn strings_change_only_inside_of_sequences() {
        becomes("a = \" x ${  b+1 } %{ if   c }y%{ endif } \"\n", "a = \" x ${b + 1} %{if c}y%{endif} \"\n");
    }

    #[test]
    fn heredocs_stay() {
        becomes("a=<<-EOT\n  x  \n ${ a+b }\n   EOT\nbbb=1\n", "a   = <<-EOT\n  x  \n ${ a+b }\n   EOT\nbbb = 1\n");
    }

    #[test]
    fn comments_and_blank_lines_stay() {
        becomes(
            "\n# a  \n\n\nb { # c\n// d\n\n/* e\n f */ g = 1\n}",
            "\n# a\n\n\nb { # c\n  // d\n\n  /* e\n f */ g = 1\n}\n",
        );
        becomes("", "");
    }

    #[test]
    fn windows_line_ends_become_plain() {
        becomes("a=1\r\nb  =2\r\n", "a = 1\nb = 2\n");
    }

    #[test]
    fn a_file_with_problems_stays() {
        becomes("a=  1\nb =\n", "a=  1\nb =\n");
    }
}
