//! The list of all diagnostics.

use super::document::DiagnosticEntry;
use super::page::{NOTICE, row};

/// The index page, sorted by id.
#[must_use]
pub fn index(entries: &[DiagnosticEntry]) -> String {
    let mut entries: Vec<&DiagnosticEntry> = entries.iter().collect();
    entries.sort_by(|a, b| a.id.cmp(&b.id));
    let mut page = format!("{NOTICE}\n\n# Diagnostics\n\n| id | | what it says | what helps |\n|---|---|---|---|\n");
    for entry in entries {
        let link = format!("[`{0}`]({0}.md)", entry.id);
        row(&mut page, &[link, entry.severity.clone(), entry.summary.clone(), entry.help.clone()]);
    }
    page
}

#[cfg(test)]
mod tests {
    use super::super::document::{Document, EXAMPLE};
    use super::*;

    #[test]
    fn entries_are_sorted_and_linked() {
        let page = index(&Document::parse(EXAMPLE).unwrap().diagnostics);
        let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("| [")).collect();
        assert_eq!(
            rows,
            [
                "| [`a-one`](a-one.md) | error | First | Do a \\| c |",
                "| [`b-two`](b-two.md) | warning | Second | Do b |",
            ]
        );
    }
}
