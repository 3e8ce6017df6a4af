//! A Rust file as the rules see it: comments and texts blanked, tests marked. No full parser: the rules need
//! only words and braces, and this way they also work on a file that does not compile.

use std::path::{Path, PathBuf};

/// One Rust file.
pub struct Source {
    /// Relative to the repository.
    pub path: PathBuf,
    /// The text as written.
    pub text: String,
    /// The text with comments and the insides of literals replaced by blanks; same length, same lines.
    pub code: String,
    /// `code` with items under `#[cfg(test)]` replaced by blanks too; empty for a file of tests.
    pub product: String,
}

impl Source {
    /// Looks at `text` as the contents of `path`.
    #[must_use]
    pub fn new(path: &Path, text: &str) -> Self {
        let code = blank_comments_and_texts(text);
        let product =
            if is_test_file(path) || code.contains("#![cfg(test)]") { String::new() } else { blank_tests(&code) };
        Self { path: path.to_owned(), text: text.to_owned(), code, product }
    }

    /// The same file, all of it tests.
    #[must_use]
    pub fn into_tests(self) -> Self {
        Self { product: String::new(), ..self }
    }

    /// Modules in files of their own that stand under `#[cfg(test)]` here, as paths without extension.
    #[must_use]
    pub fn test_modules(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        for (at, attribute) in self.code.match_indices("#[cfg(test)]") {
            let item = self.code.get(at + attribute.len()..).unwrap_or_default().trim_start();
            let Some((name, _)) = item.strip_prefix("mod ").and_then(|rest| rest.split_once(';')) else { continue };
            if name.chars().all(is_word_char) {
                found.push(module_folder(&self.path).join(name));
            }
        }
        found
    }

    /// The line, from 1, that byte `offset` is in.
    #[must_use]
    pub fn line_at(&self, offset: usize) -> usize {
        self.text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
    }

    /// Number of lines that are not inside tests.
    #[must_use]
    pub fn product_lines(&self) -> usize {
        let blanked = |(code, product): &(&str, &str)| code.trim().is_empty() || !product.trim().is_empty();
        if self.product.is_empty() {
            return 0;
        }
        self.code.lines().zip(self.product.lines()).filter(blanked).count()
    }

    /// Offsets in `hay` where `word` stands with no letter, digit or underscore touching it.
    pub fn words<'a>(hay: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
        hay.match_indices(word).map(|(at, _)| at).filter(move |at| is_whole_word(hay, *at, word))
    }
}

/// The folder in which the modules of the module at `path` have their files.
fn module_folder(path: &Path) -> PathBuf {
    let is_root = path.file_name().is_some_and(|name| name == "mod.rs" || name == "lib.rs" || name == "main.rs");
    if is_root { path.with_file_name("") } else { path.with_extension("") }
}

fn is_whole_word(hay: &str, at: usize, word: &str) -> bool {
    let part = |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_');
    let bytes = hay.as_bytes();
    let starts_inside = word.starts_with(is_word_char) && at > 0 && part(bytes.get(at - 1));
    let ends_inside = word.ends_with(is_word_char) && part(bytes.get(at + word.len()));
    !starts_inside && !ends_inside
}

fn is_word_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// Whether the whole file is tests by its place.
#[must_use]
pub fn is_test_file(path: &Path) -> bool {
    let is_tests = |part: &std::ffi::OsStr| part == "tests" || part == "benches" || part == "examples";
    path.file_name().is_some_and(|name| name == "tests.rs") || path.iter().any(is_tests)
}

/// Replaces comments and the insides of string and character literals by blanks.
#[must_use]
pub fn blank_comments_and_texts(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let rest = bytes.get(at..).unwrap_or_default();
        let (keep, length, tail) = token(rest, at > 0 && bytes.get(at - 1).copied().is_some_and(is_word_byte));
        let inner = at + keep..(at + length).saturating_sub(tail);
        if keep < length {
            for byte in out.get_mut(inner).unwrap_or_default() {
                if *byte != b'\n' {
                    *byte = b' ';
                }
            }
        }
        at += length.max(1);
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// Length of the token that `rest` begins with: bytes to keep at its start, all bytes, bytes to keep at its end.
fn token(rest: &[u8], is_after_word: bool) -> (usize, usize, usize) {
    if rest.starts_with(b"//") {
        let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
        return (0, end, 0);
    }
    if rest.starts_with(b"/*") {
        return (0, block_comment(rest), 0);
    }
    if !is_after_word && let Some((opening, hashes)) = raw_opening(rest) {
        let mut closing = vec![b'"'];
        closing.resize(hashes + 1, b'#');
        let body = rest.get(opening..).unwrap_or_default();
        let end = body.windows(closing.len()).position(|window| window == closing);
        let length = end.map_or(rest.len(), |end| opening + end + closing.len());
        return (opening, length, if end.is_some() { closing.len() } else { 0 });
    }
    match rest.first() {
        Some(b'"') => quoted(rest, b'"'),
        Some(b'\'') if is_character(rest) => quoted(rest, b'\''),
        _ => (1, 1, 0),
    }
}

fn block_comment(rest: &[u8]) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < rest.len() {
        match rest.get(at..at + 2) {
            Some(b"/*") => {
                depth += 1;
                at += 2;
            }
            Some(b"*/") => {
                depth = depth.saturating_sub(1);
                at += 2;
                if depth == 0 {
                    return at;
                }
            }
            _ => at += 1,
        }
    }
    rest.len()
}

/// `r"`, `r#"`, `br##"`, `cr"`: length of the opening and number of hashes.
fn raw_opening(rest: &[u8]) -> Option<(usize, usize)> {
    let prefix = [&b"br"[..], b"cr", b"r"].into_iter().find(|prefix| rest.starts_with(prefix))?;
    let after = rest.get(prefix.len()..)?;
    let hashes = after.iter().take_while(|byte| **byte == b'#').count();
    (after.get(hashes) == Some(&b'"')).then_some((prefix.len() + hashes + 1, hashes))
}

fn quoted(rest: &[u8], quote: u8) -> (usize, usize, usize) {
    let mut at = 1;
    while let Some(byte) = rest.get(at) {
        match byte {
            b'\\' => at += 2,
            byte if *byte == quote => return (1, at + 1, 1),
            _ => at += 1,
        }
    }
    (1, rest.len(), 0)
}

/// A character literal, not a lifetime: `'\..` or one character and a quote.
fn is_character(rest: &[u8]) -> bool {
    let body = rest.get(1..rest.len().min(8)).unwrap_or_default();
    let text = String::from_utf8_lossy(body);
    let mut chars = text.chars();
    matches!((chars.next(), chars.next()), (Some('\\'), _) | (Some(_), Some('\'')))
}

/// Replaces every item under `#[cfg(test)]` by blanks. `code` has no comments and texts any more.
fn blank_tests(code: &str) -> String {
    let mut out = code.as_bytes().to_vec();
    for (at, _) in code.match_indices("#[cfg(test)]") {
        let end = item_end(code, at + "#[cfg(test)]".len());
        for byte in out.get_mut(at..end).unwrap_or_default() {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Where the item that starts at `from` ends: after its `;`, or after the brace that closes its first one.
fn item_end(code: &str, from: usize) -> usize {
    let mut depth = 0_usize;
    for (offset, byte) in code.bytes().enumerate().skip(from) {
        match byte {
            b';' if depth == 0 => return offset + 1,
            b'{' | b'(' | b'[' => depth += 1,
            b'}' | b')' | b']' => {
                depth = depth.saturating_sub(1);
                if depth == 0 && byte == b'}' {
                    return offset + 1;
                }
            }
            _ => {}
        }
    }
    code.len()
}

/// The byte after the brace that closes the one at `open`.
#[must_use]
pub fn closing_brace(code: &str, open: usize) -> usize {
    let mut depth = 0_usize;
    for (offset, byte) in code.bytes().enumerate().skip(open) {
        match byte {
            b'{' => depth += 1,
            b'}' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return offset + 1;
                }
            }
            _ => {}
        }
    }
    code.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blanked(text: &str) -> String {
        let code = blank_comments_and_texts(text);
        assert_eq!(code.len(), text.len());
        code.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn comments_and_texts_become_blanks() {
        assert_eq!(blanked("a // panic!\nb /* x /* y */ z */ c"), "a b c");
        assert_eq!(blanked(r#"f("a \" }", 'x', '\'', '}')"#), r#"f(" ", ' ', ' ', ' ')"#);
        assert_eq!(blanked("r#\"a \" }\"# + br\"{\" + x"), "r#\" \"# + br\" \" + x");
        assert_eq!(blanked("fn f<'a>(x: &'a str) {}"), "fn f<'a>(x: &'a str) {}");
        assert_eq!(blanked("let bar = for\"x\";"), "let bar = for\" \";");
    }

    #[test]
    fn tests_are_cut_out() {
        let text = "fn a() {}\n#[cfg(test)]\nmod tests {\n  fn b() { '{'; }\n}\nfn c() {}\n#[cfg(test)]\nmod more;\nfn d() {}\n";
        let source = Source::new(Path::new("src/x.rs"), text);
        let left: Vec<&str> = source.product.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        assert_eq!(left, ["fn a() {}", "fn c() {}", "fn d() {}"]);
        assert_eq!(source.product_lines(), 3);
    }

    #[test]
    fn files_of_tests_have_no_product() {
        for path in ["tests/src/lib.rs", "engine/lang/src/syntax/tests.rs", "engine/core/tests/a.rs"] {
            assert!(is_test_file(Path::new(path)), "{path}");
            assert_eq!(Source::new(Path::new(path), "fn a() {}").product, "");
        }
        assert!(!is_test_file(Path::new("engine/core/src/tests_of.rs")));
    }

    #[test]
    fn modules_of_tests_are_found_by_their_declaration() {
        let text = "#[cfg(test)]\nmod testing;\n#[cfg(test)]\nmod tests { mod more; }\nmod product;\n";
        let modules = |path: &str| Source::new(Path::new(path), text).test_modules();
        assert_eq!(modules("engine/lang/src/lib.rs"), [Path::new("engine/lang/src/testing")]);
        assert_eq!(modules("engine/lang/src/eval.rs"), [Path::new("engine/lang/src/eval/testing")]);
    }

    #[test]
    fn words_are_whole() {
        let found: Vec<usize> = Source::words("HashMap IndexHashMap HashMapper HashMap<", "HashMap").collect();
        assert_eq!(found, [0, 32]);
    }
}
