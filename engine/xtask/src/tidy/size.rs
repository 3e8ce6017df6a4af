//! How long files and functions may be.

use crate::tidy::Problem;
use crate::tidy::source::{Source, closing_brace};

/// Lines of a file without its tests, at most.
const FILE_LINES: usize = 999;
/// Lines of a function from its name to its closing brace, at most.
const FUNCTION_LINES: usize = 80;

/// Files that are too long.
#[must_use]
pub fn file(source: &Source) -> Vec<Problem> {
    let lines = source.product_lines();
    if lines <= FILE_LINES {
        return Vec::new();
    }
    vec![Problem::new(&source.path, 1, "file-size", format!("{lines} lines without tests, {FILE_LINES} allowed"))]
}

/// Functions that are too long, tests aside.
#[must_use]
pub fn functions(source: &Source) -> Vec<Problem> {
    let mut found = Vec::new();
    for at in Source::words(&source.product, "fn") {
        let Some((name, open)) = body(&source.product, at) else { continue };
        let (first, last) = (source.line_at(at), source.line_at(closing_brace(&source.product, open)));
        let lines = last - first + 1;
        if lines > FUNCTION_LINES {
            let text = format!("`{name}` has {lines} lines, {FUNCTION_LINES} allowed");
            found.push(Problem::new(&source.path, first, "function-size", text));
        }
    }
    found
}

/// Name and opening brace of the function whose `fn` stands at `at`; none for types `fn(..)` and for
/// functions without a body.
fn body(code: &str, at: usize) -> Option<(&str, usize)> {
    let after = code.get(at + 2..)?;
    let blanks = after.len() - after.trim_start().len();
    let name = after.trim_start();
    let length = name.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(name.len());
    let name = name.get(..length).filter(|name| !name.is_empty())?;
    let mut depth = 0_usize;
    for (offset, byte) in code.bytes().enumerate().skip(at + 2 + blanks + length) {
        match byte {
            b'(' | b'[' => depth += 1,
            b')' | b']' => depth = depth.saturating_sub(1),
            b';' if depth == 0 => return None,
            b'{' if depth == 0 => return Some((name, offset)),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn check(text: &str) -> Vec<String> {
        let source = Source::new(Path::new("src/x.rs"), text);
        let problems = file(&source).into_iter().chain(functions(&source));
        problems.map(|problem| format!("{}: {}", problem.line, problem.text)).collect()
    }

    #[test]
    fn long_function_is_told_with_its_name() {
        let long = format!("\nfn long<'a>(x: [u8; 3]) -> u8 {{\n{}}}\nfn short() {{}}\n", "    x();\n".repeat(79));
        assert_eq!(check(&long), ["2: `long` has 81 lines, 80 allowed"]);
        let right = format!("fn right() {{\n{}}}\n", "    x();\n".repeat(78));
        assert_eq!(check(&right), [""; 0]);
    }

    #[test]
    fn braces_in_texts_do_not_count() {
        let text = format!("fn a() {{\n  \"}}\";\n{}}}\n", "    x();\n".repeat(90));
        assert_eq!(check(&text), ["1: `a` has 93 lines, 80 allowed"]);
    }

    #[test]
    fn declarations_and_tests_are_left_alone() {
        assert_eq!(check("trait T { fn a(&self); }\ntype F = fn(u8) -> u8;\n"), [""; 0]);
        let test = format!("#[cfg(test)]\nmod tests {{\n fn a() {{\n{}}}\n}}\n", "    x();\n".repeat(90));
        assert_eq!(check(&test), [""; 0]);
    }

    #[test]
    fn long_file_is_told_without_its_tests() {
        let lines = "//! x\n".repeat(1000);
        assert_eq!(check(&lines), ["1: 1000 lines without tests, 999 allowed"]);
        let tests = format!("{}#[cfg(test)]\nmod tests {{\n{}}}\n", "//! x\n".repeat(998), "x\n".repeat(100));
        assert_eq!(check(&tests), [""; 0]);
    }
}
