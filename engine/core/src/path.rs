//! A path to a leaf inside an object: `size.min`, `tags["team"]`, `taints[0].key`.

use crate::Text;
use serde::{Deserialize, Serialize};
use std::fmt;

/// One step of a [`Path`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub enum PathStep {
    /// Position in a list or tuple, from 0.
    Index(u64),
    /// Attribute of an object or key of a map.
    Name(Text),
}

/// Steps from an object to one of its leaves. Empty for the object itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Path(pub Vec<PathStep>);

impl Path {
    /// The path of an attribute at the top of an object.
    #[must_use]
    pub fn attr(name: impl Into<Text>) -> Self {
        Self(vec![PathStep::Name(name.into())])
    }

    /// Reads `a.b.c`: attribute names joined by dots, without keys or positions.
    #[must_use]
    pub fn dotted(text: &str) -> Self {
        Self(text.split('.').map(|name| PathStep::Name(name.into())).collect())
    }

    /// This path with one more step.
    #[must_use]
    pub fn join(&self, step: PathStep) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }

    /// This path and an attribute below it.
    #[must_use]
    pub fn child(&self, name: impl Into<Text>) -> Self {
        self.join(PathStep::Name(name.into()))
    }

    /// Whether `self` is `outer` or lies below it.
    #[must_use]
    pub fn starts_with(&self, outer: &Self) -> bool {
        self.0.starts_with(&outer.0)
    }

    /// The name of the top attribute.
    #[must_use]
    pub fn first_name(&self) -> Option<&Text> {
        match self.0.first() {
            Some(PathStep::Name(name)) => Some(name),
            _ => None,
        }
    }
}

/// A text that is no path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathError {
    /// The text.
    pub text: String,
}

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is no path to an attribute, such as size.min or tags[\"team\"]", quote(&self.text))
    }
}

impl std::error::Error for PathError {}

impl std::str::FromStr for Path {
    type Err = PathError;

    /// Reads what `Display` writes.
    fn from_str(text: &str) -> Result<Self, PathError> {
        let wrong = || PathError { text: text.to_owned() };
        let mut steps = Vec::new();
        let mut rest = text;
        loop {
            if let Some(inside) = rest.strip_prefix('[') {
                let (step, after) = bracketed(inside).ok_or_else(wrong)?;
                steps.push(step);
                rest = after;
            } else {
                let end = rest.find(['.', '[']).unwrap_or(rest.len());
                let (name, after) = rest.split_at(end);
                if !is_identifier(name) {
                    return Err(wrong());
                }
                steps.push(PathStep::Name(name.into()));
                rest = after;
            }
            match rest.strip_prefix('.') {
                Some(after) if !after.starts_with('[') => rest = after,
                Some(_) => return Err(wrong()),
                None if rest.is_empty() => return Ok(Self(steps)),
                None if rest.starts_with('[') => {}
                None => return Err(wrong()),
            }
        }
    }
}

/// What stands behind an opening bracket, and the text behind the closing one.
fn bracketed(inside: &str) -> Option<(PathStep, &str)> {
    let Some(quoted) = inside.strip_prefix('"') else {
        let (digits, rest) = inside.split_once(']')?;
        return Some((PathStep::Index(digits.parse().ok()?), rest));
    };
    let mut name = String::new();
    let mut chars = quoted.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((PathStep::Name(name.into()), quoted.get(at + 1..)?.strip_prefix(']')?)),
            '\\' => name.push(match chars.next()?.1 {
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                other => other,
            }),
            '$' | '%' if quoted.get(at + 1..)?.starts_with(c) && quoted.get(at + 2..)?.starts_with('{') => {
                name.push(c);
                chars.next();
            }
            other => name.push(other),
        }
    }
    None
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, step) in self.0.iter().enumerate() {
            match step {
                PathStep::Index(index) => write!(f, "[{index}]")?,
                PathStep::Name(name) if is_identifier(name) => {
                    if position > 0 {
                        f.write_str(".")?;
                    }
                    f.write_str(name)?;
                }
                PathStep::Name(name) => write!(f, "[{}]", quote(name))?,
            }
        }
        Ok(())
    }
}

/// Whether `text` can stand as a bare name in HCL.
#[must_use]
pub fn is_identifier(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|c| c.is_alphabetic() || c == '_')
        && chars.all(|c| c.is_alphanumeric() || c == '_' || c == '-')
}

/// `text` as a quoted HCL string.
#[must_use]
pub fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '$' | '%' if chars.peek() == Some(&'{') => {
                out.push(c);
                out.push(c);
            }
            other => out.push(other),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_names_keys_and_positions() {
        let path = Path(vec![
            PathStep::Name("taints".into()),
            PathStep::Index(0),
            PathStep::Name("key".into()),
            PathStep::Name("a/b".into()),
        ]);
        assert_eq!(path.to_string(), "taints[0].key[\"a/b\"]");
    }

    #[test]
    fn what_is_shown_is_read() {
        for names in [&["tags", "owner"][..], &["tags", "a/b.c"], &["tags", "say \"${x}\"\n\\"], &["tags", ""]] {
            let path = Path(names.iter().map(|name| PathStep::Name((*name).into())).collect());
            assert_eq!(path.to_string().parse(), Ok(path));
        }
        let path = Path::attr("taints").join(PathStep::Index(0)).child("key");
        assert_eq!(path.to_string().parse(), Ok(path));
        for wrong in ["", ".", "a.", "a..b", "a[", "a[x]", "a[\"b]", "a.[0]", "a b", "a]"] {
            assert!(wrong.parse::<Path>().is_err(), "{wrong}");
        }
    }
}
