//! Many names in little room, without losing one: `eks_node_pool.fleet["eu-{001..120}/{general,gpu}"]`.
//!
//! Names that differ in one word become one name with that word in braces; a run of numbers of one width is written
//! `{first..last}`. A name stands for exactly those that come of putting in each choice: nothing more, nothing less. A
//! brace or backslash that belongs to a name stands behind a backslash.

use std::collections::{BTreeMap, BTreeSet};

/// Names longer than this many words are not looked into.
const MOST_WORDS: usize = 64;

/// A name with choices, and how many names it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// The text.
    pub text: String,
    /// How many names it stands for.
    pub count: usize,
}

/// Longest text of the choices in one place, in bytes, about.
const LONGEST_CHOICE: usize = 600;

/// The words of a name that may differ, and what stands around them.
type Choices<'a> = Vec<BTreeSet<&'a str>>;

/// Writes names as patterns, in the order of names. The first words, up to the first dot, are never merged: they are
/// what kind of thing it is.
pub fn patterns(names: &[String]) -> Vec<Pattern> {
    let mut by_shape: BTreeMap<String, BTreeSet<Vec<&str>>> = BTreeMap::new();
    for name in names {
        let (shape, words) = split(name);
        by_shape.entry(shape).or_default().insert(words);
    }
    let mut patterns = Vec::new();
    for (shape, names) in by_shape {
        for choices in merged(names) {
            let count = choices.iter().map(BTreeSet::len).product();
            patterns.push(Pattern { text: join(&shape, &choices), count });
        }
    }
    patterns.sort_by(|a, b| a.text.cmp(&b.text));
    patterns
}

/// A name as its words and the rest, in which `\0` stands for each word.
fn split(name: &str) -> (String, Vec<&str>) {
    let fixed = name.find('.').map_or(0, |dot| dot + 1);
    let (head, rest) = name.split_at(fixed);
    let mut shape = escaped(head);
    let mut words = Vec::new();
    let mut rest = rest;
    while !rest.is_empty() {
        let is_digit = rest.starts_with(|c: char| c.is_ascii_digit());
        let is_letter = rest.starts_with(|c: char| c.is_ascii_alphabetic());
        let end = |is_in: &dyn Fn(char) -> bool| rest.find(|c: char| !is_in(c)).unwrap_or(rest.len());
        let length = match (is_digit, is_letter) {
            (true, _) => end(&|c| c.is_ascii_digit()),
            (_, true) => end(&|c| c.is_ascii_alphabetic()),
            _ => end(&|c| !c.is_ascii_alphanumeric()),
        };
        let (part, tail) = rest.split_at(length);
        if (is_digit || is_letter) && words.len() < MOST_WORDS {
            words.push(part);
            shape.push('\0');
        } else {
            shape.push_str(&escaped(part));
        }
        rest = tail;
    }
    (shape, words)
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars().filter(|c| *c != '\0') {
        if matches!(c, '{' | '}' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// Merges names that differ in one word, from the last word to the first.
fn merged(names: BTreeSet<Vec<&str>>) -> Vec<Choices<'_>> {
    let length = names.first().map_or(0, Vec::len);
    let mut all: Vec<Choices<'_>> =
        names.into_iter().map(|words| words.into_iter().map(|word| BTreeSet::from([word])).collect()).collect();
    for at in (0..length).rev() {
        let mut groups: BTreeMap<Choices<'_>, BTreeSet<&str>> = BTreeMap::new();
        for mut choices in all {
            let word = choices.get_mut(at).map(std::mem::take).unwrap_or_default();
            groups.entry(choices).or_default().extend(word);
        }
        all = Vec::with_capacity(groups.len());
        for (choices, words) in groups {
            for words in chunks(&words) {
                let mut choices = choices.clone();
                if let Some(place) = choices.get_mut(at) {
                    *place = words;
                }
                all.push(choices);
            }
        }
    }
    all
}

/// Choices in portions that people can read, so that a few names too many cost their own room only.
fn chunks<'a>(words: &BTreeSet<&'a str>) -> Vec<BTreeSet<&'a str>> {
    let mut chunks = Vec::new();
    let mut chunk = BTreeSet::new();
    let mut length = 0;
    for (text, members) in parts(words) {
        if length + text.len() > LONGEST_CHOICE && !chunk.is_empty() {
            chunks.push(std::mem::take(&mut chunk));
            length = 0;
        }
        length += text.len() + 1;
        chunk.extend(members);
    }
    chunks.push(chunk);
    chunks
}

fn join(shape: &str, choices: &Choices<'_>) -> String {
    let mut text = String::new();
    let mut choices = choices.iter();
    for c in shape.chars() {
        match c {
            '\0' => text.push_str(&choice(choices.next())),
            other => text.push(other),
        }
    }
    text
}

fn choice(words: Option<&BTreeSet<&str>>) -> String {
    let Some(words) = words else { return String::new() };
    if let (1, Some(word)) = (words.len(), words.first()) {
        return (*word).to_owned();
    }
    let parts: Vec<String> = parts(words).into_iter().map(|(text, _)| text).collect();
    format!("{{{}}}", parts.join(","))
}

/// A number of a name: its width, its value, its text.
type Numeral<'a> = (usize, u64, &'a str);

/// What stands between the commas, each with the words that it stands for: runs of numbers, then other words.
fn parts<'a>(words: &BTreeSet<&'a str>) -> Vec<(String, Vec<&'a str>)> {
    let mut others = Vec::new();
    let mut numbers: Vec<Numeral<'a>> = Vec::new();
    for word in words {
        // A number that does not fit is a word like others.
        match word.parse() {
            Ok(number) if word.starts_with(|c: char| c.is_ascii_digit()) => numbers.push((word.len(), number, word)),
            _ => others.push(((*word).to_owned(), vec![*word])),
        }
    }
    // By width where one begins with 0, else by value: 9 and 10 are neighbours, 09 and 10 too, 9 and 010 are not.
    let is_padded = numbers.iter().any(|(_, _, word)| word.len() > 1 && word.starts_with('0'));
    numbers.sort_by_key(|(width, number, _)| if is_padded { (*width, *number) } else { (0, *number) });
    let is_next = |(width, number, _): &Numeral<'_>, (next_width, next, _): &Numeral<'_>| {
        number.checked_add(1) == Some(*next) && (!is_padded || width == next_width)
    };
    let runs = numbers.chunk_by(is_next);
    runs.map(|run| (range(run), run.iter().map(|(_, _, word)| *word).collect())).chain(others).collect()
}

fn range(numbers: &[Numeral<'_>]) -> String {
    match numbers {
        [] => String::new(),
        [(_, _, only)] => (*only).to_owned(),
        [(_, _, first), (_, _, second)] => format!("{first},{second}"),
        [(_, _, first), .., (_, _, last)] => format!("{first}..{last}"),
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// Every name that a pattern stands for.
    pub fn expanded(pattern: &str) -> Vec<String> {
        let mut names = vec![String::new()];
        let mut chars = pattern.chars();
        while let Some(c) = chars.next() {
            let choices: Vec<String> = match c {
                '\\' => vec![chars.next().unwrap().to_string()],
                '{' => {
                    let inner: String = chars.by_ref().take_while(|c| *c != '}').collect();
                    inner.split(',').flat_map(choices).collect()
                }
                other => vec![other.to_string()],
            };
            names = names.iter().flat_map(|name| choices.iter().map(move |choice| format!("{name}{choice}"))).collect();
        }
        names
    }

    fn choices(part: &str) -> Vec<String> {
        let Some((first, last)) = part.split_once("..") else { return vec![part.to_owned()] };
        let width = if first.starts_with('0') { first.len() } else { 0 };
        let numbers = first.parse::<u64>().unwrap()..=last.parse().unwrap();
        numbers.map(|number| format!("{number:0width$}")).collect()
    }

    fn check(names: &[String]) -> Vec<String> {
        let patterns = patterns(names);
        let mut found: Vec<String> = patterns.iter().flat_map(|pattern| expanded(&pattern.text)).collect();
        assert_eq!(patterns.iter().map(|pattern| pattern.count).sum::<usize>(), found.len());
        found.sort();
        let mut wanted = names.to_vec();
        wanted.sort();
        assert_eq!(found, wanted);
        patterns.into_iter().map(|pattern| pattern.text).collect()
    }

    #[test]
    fn products_and_ranges_are_one_pattern() {
        let mut names = Vec::new();
        for cluster in 1..=120 {
            for pool in ["general", "gpu"] {
                names.push(format!("eks_node_pool.fleet[\"eu-{cluster:03}/{pool}\"]"));
            }
        }
        assert_eq!(check(&names), ["eks_node_pool.fleet[\"eu-{001..120}/{general,gpu}\"]"]);
        names.remove(7);
        assert_eq!(check(&names).len(), 2);
    }

    #[test]
    fn numbers_keep_their_width() {
        let names: Vec<String> = ["9", "10", "11", "012", "13", "0"].iter().map(|n| format!("t.r[{n}]")).collect();
        check(&names);
        let names: Vec<String> = (0..1_000).map(|n| format!("t.r[{n}]")).collect();
        assert_eq!(check(&names), ["t.r[{0..999}]"]);
        let long: Vec<String> = (0..3).map(|n| format!("t.r[\"1234567890123456789012345{n}\"]")).collect();
        check(&long);
    }

    #[test]
    fn hostile_names_come_back_as_they_are() {
        let names = ["t.r[\"{a,b}\"]", "t.r[\"{a..b}\"]", "t.r[\"\\\\{\"]", "t.r[\"ä é}\"]", "t.r", "u.r[\"x\"]"];
        check(&names.map(String::from));
    }

    #[test]
    fn random_names_come_back_as_they_are() {
        let mut seed = 7_u64;
        let mut next = |below: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % below
        };
        for _ in 0..200 {
            let mut names = BTreeSet::new();
            for _ in 0..next(60) {
                let word = |n: u64| {
                    ["a", "b", "0", "00", "01", "1", "2", "3", "10", "-", "/", "{", ",", ".."]
                        [usize::try_from(n).unwrap()]
                };
                let key: String = (0..next(5)).map(|_| word(next(14))).collect();
                names.insert(format!("t.r[\"{key}\"]"));
            }
            check(&names.into_iter().collect::<Vec<_>>());
        }
    }
}
