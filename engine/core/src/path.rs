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
}
