//! Where a rule does not hold, and why. The only such list.

use crate::tidy::Problem;

/// A rule that does not hold in a file.
pub struct Exception {
    /// Name of the rule.
    pub rule: &'static str,
    /// The file, or a folder that ends in `/`.
    pub path: &'static str,
    /// Part of the problem's text; empty for every problem of the rule there.
    pub text: &'static str,
    /// Why. Read in review, printed nowhere.
    #[expect(dead_code, reason = "an exception without a reason must not compile")]
    pub reason: &'static str,
}

/// All of them.
pub const ALL: &[Exception] = &[
    Exception {
        rule: "machine-path",
        path: "engine/xtask/src/tidy/text.rs",
        text: "",
        reason: "the rule itself and its tests spell the folders out",
    },
    Exception { rule: "machine-path", path: "LICENSE", text: "", reason: "text of others, kept to the letter" },
];

/// Takes out what an exception covers.
#[must_use]
pub fn without(problems: Vec<Problem>, exceptions: &[Exception]) -> Vec<Problem> {
    problems.into_iter().filter(|problem| !exceptions.iter().any(|exception| covers(exception, problem))).collect()
}

fn covers(exception: &Exception, problem: &Problem) -> bool {
    let is_there = match exception.path.strip_suffix('/') {
        Some(folder) => problem.path.starts_with(folder),
        None => problem.path == std::path::Path::new(exception.path),
    };
    is_there && exception.rule == problem.rule && problem.text.contains(exception.text)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn exception_covers_its_rule_in_its_file_only() {
        let exceptions = [
            Exception { rule: "a", path: "x/y.rs", text: "", reason: "" },
            Exception { rule: "b", path: "z/", text: "fn f", reason: "" },
        ];
        let problem = |rule, path: &str, text: &str| Problem::new(Path::new(path), 1, rule, text.to_owned());
        let left = without(
            vec![
                problem("a", "x/y.rs", "t"),
                problem("a", "x/z.rs", "t"),
                problem("b", "z/q.rs", "the fn f"),
                problem("b", "z/q.rs", "the fn g"),
            ],
            &exceptions,
        );
        let left: Vec<String> = left.iter().map(ToString::to_string).collect();
        assert_eq!(left, ["x/z.rs:1: a: t", "z/q.rs:1: b: the fn g"]);
    }
}
