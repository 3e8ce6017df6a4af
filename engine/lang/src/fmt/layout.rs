//! Spaces: between tokens, before lines, and before what stands in columns.

use super::lex::{Part, Token};
use crate::syntax::scanner::Kind;
use terrane_core::Operator;
use unicode_segmentation::UnicodeSegmentation;

/// The text that the tokens make, with the spaces that belong between them.
pub fn lay_out(tokens: Vec<Token<'_>>) -> String {
    let mut lines = lines(tokens);
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

/// The tokens of a line: the lead, from `assign` on `= value`, from `comment` on the comment behind it. A heredoc is a
/// part of the line that it begins on.
#[derive(Debug, Default)]
struct Line<'a> {
    tokens: Vec<Token<'a>>,
    assign: usize,
    comment: usize,
    /// The newline, as it is written; nothing at the end of the file.
    end: &'a str,
}

impl Line<'_> {
    /// Finds the cells of the line.
    fn divide(&mut self) {
        let is_comment = |token: &Token<'_>| {
            token.part == Part::LineComment || (self.end.is_empty() && token.part == Part::BlockComment)
        };
        let has_comment = self.tokens.len() > 1 && self.tokens.last().is_some_and(is_comment);
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

    /// By how much the line opens brackets. What stands in a heredoc does not count.
    fn brackets(&self) -> isize {
        let lead = self.tokens.get(..self.assign).unwrap_or_default().iter();
        let lead = lead.take_while(|token| token.part != Part::HeredocOpen);
        // The rest closes what it opens, or it would be no value of its own.
        lead.map(Token::brackets).sum()
    }
}

/// Columns that a token takes with the spaces before it.
fn columns(token: &Token<'_>) -> usize {
    let width = if token.text.is_ascii() { token.text.len() } else { token.text.graphemes(true).count() };
    token.spaces + width
}

fn lines(tokens: Vec<Token<'_>>) -> Vec<Line<'_>> {
    let mut lines = vec![Line::default()];
    for token in tokens {
        let Some(line) = lines.last_mut() else { break };
        if token.part == Part::Newline {
            line.end = token.text;
            lines.push(Line::default());
        } else {
            line.tokens.push(token);
        }
    }
    lines.iter_mut().for_each(Line::divide);
    lines
}

/// Two spaces for each line that left brackets open. What one line opens counts once, however many there are.
fn indent(lines: &mut [Line<'_>]) {
    let mut levels: Vec<isize> = Vec::new();
    for line in lines {
        let net = line.brackets();
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
    use Part::{Code, HeredocClose, HeredocOpen, Literal, QuoteClose, SequenceClose, SequenceOpen};
    match (subject.part, after.part) {
        (Code(Kind::Ident), Code(Kind::ParenOpen | Kind::DoubleColon))
        | (Code(Kind::DoubleColon), Code(Kind::Ident))
        | (Code(Kind::Dot), _)
        | (_, Code(Kind::Dot | Kind::Comma | Kind::Ellipsis)) => false,
        (Code(Kind::Comma), _) => true,
        (Literal | Code(Kind::Quote) | HeredocOpen, _) | (_, Literal | QuoteClose | HeredocClose) => false,
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
            Some(line.tokens.iter().take(at).map(columns).sum::<usize>())
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
    for line in lines {
        for token in &line.tokens {
            text.extend(std::iter::repeat_n(' ', token.spaces));
            text.push_str(token.text);
        }
        text.push_str(line.end);
    }
    text
}
