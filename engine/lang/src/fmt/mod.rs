//! The layout of configuration files, as `tofu fmt` knows it.
//!
//! Works on tokens: spaces change, every comment, blank line and text of a string stays. Beyond the layout, three old
//! ways to write a thing become the usual one ([`rewrite`]). A text with problems of syntax comes back as it is.
//!
//! # Source
//! The behaviour of `tofu fmt` 1.12, which the suite `opentofu` compares file by file.

mod layout;
mod lex;
mod rewrite;

use crate::syntax;
use terrane_core::FileId;

/// Lays a file out anew.
#[must_use]
pub fn format(text: &str) -> String {
    let parsed = syntax::parse(FileId(0), text);
    if parsed.problems.iter().any(terrane_core::Diagnostic::is_error) {
        return text.to_owned();
    }
    let mut tokens = lex::tokens(text);
    rewrite::rewrite(&mut tokens, &parsed.file.body);
    layout::lay_out(tokens)
}

#[cfg(test)]
mod tests;
