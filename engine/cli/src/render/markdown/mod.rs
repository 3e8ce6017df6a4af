//! A plan as Markdown for a comment on a pull request: always below the limit of the place where it goes, the riskiest
//! first.
//!
//! Counts are always exact. Names of everything that is destroyed or replaced come before anything else; only what they
//! leave of the room goes to other names, and then to details. What does not fit is counted, never passed over.
//!
//! # Source
//! GitHub limits a comment to 65,536 characters, GitLab a note to 1,000,000, Bitbucket to 32,768 (2024).

mod names;

use super::plan::{Blocks, PlanView, counts_line, value};
use crate::console::Paint;
use names::Pattern;
use terrane_core::change::Action;
use terrane_core::{Diagnostic, Severity};
use terrane_plan::plan::{Change, Plan};
use terrane_provider::Registry;

/// The whole text is no longer, in bytes, of which there are no fewer than characters.
pub const LIMIT: usize = 65_000;
/// By this line a program finds its own comment again.
pub const MARKER: &str = "<!-- terrane-plan -->";
/// Problems are told until they take so many bytes.
const PROBLEMS_ROOM: usize = 8_000;
/// Longest text of a problem, in characters.
const LONGEST_PROBLEM: usize = 600;
/// Room that is kept for headings without a name below them, and for what stands at the end.
const END: usize = 3_000;
/// A detail longer than this is left to `terrane show`.
const LONGEST_DETAIL: usize = 8_000;

/// A plan and what was said about it.
pub struct Markdown<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// The schemas of its types.
    pub registry: &'a Registry,
    /// What policies and the destroy budget say.
    pub problems: &'a [Diagnostic],
}

/// What happens to an instance, the riskiest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Risk {
    LosesCluster,
    LosesPool,
    Loses,
    Changes,
    Makes,
    Takes,
    Forgets,
}

impl Risk {
    const ALL: [Self; 7] =
        [Self::LosesCluster, Self::LosesPool, Self::Loses, Self::Changes, Self::Makes, Self::Takes, Self::Forgets];

    fn of(change: &Change) -> Option<Self> {
        let type_name = &change.addr.resource.type_name;
        Some(match change.action {
            Action::Delete | Action::DeleteThenCreate | Action::CreateThenDelete => {
                if type_name.ends_with("_cluster") {
                    Self::LosesCluster
                } else if type_name.ends_with("_node_pool") {
                    Self::LosesPool
                } else {
                    Self::Loses
                }
            }
            Action::Update => Self::Changes,
            Action::Create => Self::Makes,
            Action::Forget => Self::Forgets,
            Action::NoOp if change.is_change() => Self::Takes,
            Action::NoOp | Action::Read => return None,
        })
    }

    fn title(self) -> &'static str {
        match self {
            Self::LosesCluster => "Clusters destroyed or replaced",
            Self::LosesPool => "Node pools destroyed or replaced",
            Self::Loses => "Other objects destroyed or replaced",
            Self::Changes => "Changed in place",
            Self::Makes => "Created",
            Self::Takes => "Imported or moved, otherwise left as it is",
            Self::Forgets => "Forgotten, left where they are",
        }
    }

    fn loses(self) -> bool {
        self <= Self::Loses
    }
}

/// How a name is marked: the kind of change, in the colours of a diff.
fn mark(action: Action) -> &'static str {
    match action {
        Action::Delete => "-",
        Action::DeleteThenCreate => "-/+",
        Action::CreateThenDelete => "+/-",
        Action::Create => "+",
        Action::Update => "!",
        Action::Forget | Action::NoOp | Action::Read => "#",
    }
}

impl Markdown<'_> {
    /// The text.
    pub fn text(&self) -> String {
        let mut page = Page { text: format!("{MARKER}\n") };
        self.head(&mut page);
        let mut left_out = Vec::new();
        for risk in Risk::ALL {
            self.names(risk, &mut page, &mut left_out);
        }
        self.outside(&mut page, &mut left_out);
        self.details(&mut page, &mut left_out);
        self.end(&mut page, &left_out);
        page.text
    }

    fn head(&self, page: &mut Page) {
        let plan = self.plan;
        if !plan.errors.is_empty() {
            page.text.push_str("## Terrane plan failed\n\n");
            let mut told = 0;
            for error in &plan.errors {
                if page.text.len() > PROBLEMS_ROOM {
                    break;
                }
                told += 1;
                let place = error.origin.as_ref().map(super::plan::place).unwrap_or_default();
                let with = error.addr.as_ref().map(|addr| format!(" {addr}")).unwrap_or_default();
                page.problem("Error", &error.summary, &format!("{place}{with} {}", error.detail), &error.id);
            }
            page.more(plan.errors.len(), told, "errors");
            return;
        }
        page.text.push_str("## Terrane plan\n\n");
        if plan.is_empty() {
            page.text.push_str("**No changes.**\n\n");
        } else {
            page.text.push_str(&format!("**{}**\n\n", counts_line(plan)));
        }
        let mut problems: Vec<&Diagnostic> = self.problems.iter().collect();
        problems.sort_by_key(|problem| std::cmp::Reverse(problem.kind.severity));
        let mut told = 0;
        for problem in &problems {
            if page.text.len() > PROBLEMS_ROOM {
                break;
            }
            told += 1;
            let word = if problem.kind.severity == Severity::Error { "Refused" } else { "Warning" };
            page.problem(word, problem.kind.summary, &problem.message(), problem.kind.id);
        }
        page.more(problems.len(), told, "problems");
    }

    /// Names of what meets one fate, as many as fit.
    fn names(&self, risk: Risk, page: &mut Page, left_out: &mut Vec<String>) {
        let changes: Vec<&Change> =
            self.plan.changes.iter().map(AsRef::as_ref).filter(|change| Risk::of(change) == Some(risk)).collect();
        if changes.is_empty() {
            return;
        }
        let mut by_mark: std::collections::BTreeMap<&str, Vec<String>> = std::collections::BTreeMap::new();
        for change in &changes {
            let deposed = change.deposed.as_ref().map(|mark| format!(" (deposed {mark})")).unwrap_or_default();
            let name = value::escaped(&format!("{}{deposed}", change.addr)).into_owned();
            by_mark.entry(mark(change.action)).or_default().push(name);
        }
        let patterns =
            by_mark.into_iter().flat_map(|(mark, names)| names::patterns(&names).into_iter().map(move |p| (mark, p)));
        let mut lines = Vec::new();
        let mut named = 0;
        let mut room = page.room().saturating_sub(200);
        for (mark, Pattern { text, count }) in patterns {
            let line = if count == 1 { format!("{mark} {text}") } else { format!("{mark} {text}  # {count}") };
            if line.len() < room {
                room -= line.len() + 1;
                named += count;
                lines.push(line);
            }
        }
        let open = if risk.loses() { " open" } else { "" };
        let all = changes.len();
        let shown = if named == all { String::new() } else { format!(", {named} of them named here") };
        page.text.push_str(&format!("<details{open}><summary>{}: {all}{shown}</summary>\n\n", risk.title()));
        if !lines.is_empty() {
            page.fenced(&lines.join("\n"));
        }
        page.text.push_str("</details>\n\n");
        if named < all {
            left_out.push(format!("{}: {} names do not fit", risk.title(), all - named));
        }
    }

    /// What others changed, outputs and what is deferred: how many, and names as far as a line goes.
    fn outside(&self, page: &mut Page, left_out: &mut Vec<String>) {
        let plan = self.plan;
        if let Some(part) = super::plan::part(plan) {
            page.text.push_str(&format!("{}\n\n", inline(&part, 200)));
        }
        let drift: Vec<String> = plan.drift.iter().map(|drift| drift.addr.to_string()).collect();
        let outputs = plan.outputs.iter().filter(|output| output.action.is_change());
        let outputs: Vec<String> = outputs.map(|output| output.name.to_string()).collect();
        let deferred: Vec<String> = plan.deferred.iter().map(|deferred| deferred.addr.to_string()).collect();
        let recovered: Vec<String> = plan.recovered.iter().map(|found| found.addr.to_string()).collect();
        for (title, names) in [
            ("Changed outside of Terrane", drift),
            ("Begun by an earlier run, to be completed", recovered),
            ("Outputs that change", outputs),
            ("Deferred to a later stage", deferred),
        ] {
            if names.is_empty() {
                continue;
            }
            if page.room() < 8_000 {
                left_out.push(format!("{title}: {}, without names", names.len()));
                continue;
            }
            let shown: Vec<String> = names.iter().take(10).map(|name| inline(name, 120)).collect();
            let more = names.len().saturating_sub(shown.len());
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            page.text.push_str(&format!("{title}: {}: {}{more}\n\n", names.len(), shown.join(", ")));
        }
    }

    /// The blocks of the plan, the riskiest first, as long as they fit.
    fn details(&self, page: &mut Page, left_out: &mut Vec<String>) {
        let view = PlanView { plan: self.plan, registry: self.registry, paint: Paint::PLAIN };
        let blocks = Blocks::new(view);
        let mut order: Vec<(Risk, usize)> =
            self.plan.changes.iter().enumerate().filter_map(|(at, change)| Some((Risk::of(change)?, at))).collect();
        order.sort();
        let all = order.len();
        let mut text = String::new();
        let mut shown = 0;
        let room = page.room().saturating_sub(200);
        for (_, at) in order {
            let block = diff_marks(&blocks.text(at));
            if block.len() > LONGEST_DETAIL {
                continue;
            }
            if text.len() + block.len() > room {
                break;
            }
            text.push_str(&block);
            text.push('\n');
            shown += 1;
        }
        if shown > 0 {
            page.text.push_str(&format!("<details><summary>Details of {shown} of {all} changes</summary>\n\n"));
            page.fenced(text.trim_end());
            page.text.push_str("</details>\n\n");
        }
        if shown < all {
            left_out.push(format!("details of {} changes are left out", all - shown));
        }
    }

    fn end(&self, page: &mut Page, left_out: &[String]) {
        if !left_out.is_empty() {
            let said = left_out.join("; ");
            page.text.push_str(&format!("_Not all of it fits here. {said}. `terrane show PLANFILE` shows all._\n\n"));
        }
        let plan = self.plan;
        let id = if plan.id.is_empty() { String::new() } else { format!("Plan `{}` ", inline(&plan.id, 64)) };
        let until = &plan.expires_at;
        let until =
            if until.is_empty() { String::new() } else { format!(", may be applied until {}", inline(until, 40)) };
        page.text.push_str(&format!("<sub>{id}made at {}{until}</sub>\n", inline(&plan.made_at, 40)));
    }
}

/// The text so far.
struct Page {
    text: String,
}

impl Page {
    fn room(&self) -> usize {
        LIMIT.saturating_sub(self.text.len() + END)
    }

    /// A block in which nothing but its end means anything.
    fn fenced(&mut self, text: &str) {
        let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
        let fence = "`".repeat(longest.max(2) + 1);
        self.text.push_str(&format!("{fence}diff\n{text}\n{fence}\n\n"));
    }

    fn problem(&mut self, word: &str, summary: &str, message: &str, id: &str) {
        let message = inline(message.trim(), LONGEST_PROBLEM);
        self.text.push_str(&format!("> **{word}: {}** {message} [{id}]\n\n", inline(summary, 200)));
    }

    fn more(&mut self, all: usize, shown: usize, what: &str) {
        if all > shown {
            self.text.push_str(&format!("and {} more {what}\n\n", all - shown));
        }
    }
}

/// Text inside a line of Markdown, in which nothing means anything, cut behind so many characters.
fn inline(text: &str, longest: usize) -> String {
    let mut out = String::with_capacity(text.len());
    for (at, c) in value::escaped(text).chars().enumerate() {
        if at == longest {
            out.push('…');
            break;
        }
        match c {
            '&' | '<' | '>' | '@' | '*' | '_' | '`' | '[' | ']' | '#' | '|' | '~' | '\\' | '!' | '$' | ':' => {
                out.push_str(&format!("&#{};", u32::from(c)));
            }
            c if c.is_whitespace() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// Marks at the beginning of a line, where a diff has them; `~` becomes `!`.
fn diff_marks(block: &str) -> String {
    let mut out = String::with_capacity(block.len());
    for line in block.trim_end().lines() {
        let bare = line.trim_start();
        let (word, rest) = bare.split_once(' ').unwrap_or((bare, ""));
        let indent = line.len() - bare.len();
        let (mark, kept) = match word {
            "+" => ("+", " "),
            "-" => ("-", " "),
            "~" => ("!", " "),
            "-/+" | "+/-" => ("-", word),
            _ => ("", ""),
        };
        if mark.is_empty() || indent == 0 {
            out.push_str(line);
        } else {
            out.push_str(&format!("{mark}{:1$}{kept} {rest}", "", indent - 1));
        }
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests;
