//! What may not be called or named where.

use crate::tidy::Problem;
use crate::tidy::source::Source;

/// Calls that end the process instead of returning an error. `.expect` counts when a text follows: a
/// parser's own `expect(token)` is another thing, and the lint tells them apart by type.
const ENDING: &[&str] = &[".unwrap()", ".expect(\"", ".expect(&format!", "panic!", "todo!", "unimplemented!"];

/// What the pure crates may not name: their input comes as values, their output has an order.
const IMPURE: &[&str] = &["std::env", "std::fs", "SystemTime", "Instant::now", "HashMap", "HashSet"];

/// Crates that touch nothing.
const PURE: &[&str] = &["engine/core/", "engine/lang/", "engine/plan/"];

/// Calls that end the process, outside tests.
#[must_use]
pub fn ending(source: &Source) -> Vec<Problem> {
    named(source, &source.product, ENDING, "ending-call", "return an error, or make the state impossible by type")
}

/// The world, in crates that are pure.
#[must_use]
pub fn impure(source: &Source) -> Vec<Problem> {
    if !PURE.iter().any(|folder| source.path.starts_with(folder)) {
        return Vec::new();
    }
    named(source, &source.product, IMPURE, "pure-crate", "this crate takes it as a value, and keeps an order")
}

/// Lints switched off without a word.
#[must_use]
pub fn allowed(source: &Source) -> Vec<Problem> {
    let why = "write #[expect(lint, reason = \"..\")]";
    named(source, &source.code, &["#[allow(", "#![allow("], "allow", why)
}

fn named(source: &Source, code: &str, words: &[&str], rule: &'static str, why: &str) -> Vec<Problem> {
    let mut found = Vec::new();
    for word in words {
        for at in Source::words(code, word) {
            let text = format!("`{}`: {why}", word.trim_end_matches(['(', '"']));
            found.push(Problem::new(&source.path, source.line_at(at), rule, text));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn check(path: &str, text: &str) -> Vec<String> {
        let source = Source::new(Path::new(path), text);
        let problems = ending(&source).into_iter().chain(impure(&source)).chain(allowed(&source));
        problems.map(|problem| format!("{}:{}", problem.line, problem.rule)).collect()
    }

    #[test]
    fn calls_that_end_the_process_are_told() {
        for call in ["x.unwrap();", "x.expect(\"y\");", "panic!(\"y\")", "todo!()", "unimplemented!()"] {
            assert_eq!(check("engine/cli/src/a.rs", &format!("\nfn a() {{ {call} }}")), ["2:ending-call"], "{call}");
        }
    }

    #[test]
    fn likenesses_are_left_alone() {
        let text =
            "fn a() { x.unwrap_or(1); self.expect(Token::Comma); // panic!\n \"todo!\"; }\n/// `.unwrap()`\nfn b() {}";
        assert_eq!(check("engine/cli/src/a.rs", text), [""; 0]);
        assert_eq!(check("engine/cli/src/a.rs", "#[cfg(test)]\nmod tests { fn a() { x.unwrap(); } }"), [""; 0]);
        assert_eq!(check("tests/src/lib.rs", "fn a() { x.unwrap(); }"), [""; 0]);
    }

    #[test]
    fn pure_crates_see_no_world() {
        for word in ["std::env::var(x)", "use std::fs;", "SystemTime::now()", "Instant::now()", "HashMap::new()"] {
            assert_eq!(check("engine/lang/src/a.rs", word), ["1:pure-crate"], "{word}");
            assert_eq!(check("engine/runtime/src/a.rs", word), [""; 0]);
        }
    }

    #[test]
    fn allow_is_told_even_in_tests() {
        assert_eq!(
            check("engine/core/src/a.rs", "#[cfg(test)]\nmod tests {\n#[allow(dead_code)]\nfn a() {} }"),
            ["3:allow"]
        );
        assert_eq!(check("engine/core/src/a.rs", "#![allow(x)]"), ["1:allow"]);
        assert_eq!(check("engine/core/src/a.rs", "#[expect(x, reason = \"y\")]\nfn a() {}"), [""; 0]);
    }
}
