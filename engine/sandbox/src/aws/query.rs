//! Requests of the query protocol: a form with dotted, numbered names.
//!
//! In: a form body. Out: parameters by name, lists in the order of their numbers, and a list of parameters that the
//! operation does not have.
//!
//! # Source
//! AWS query protocol and EC2 query protocol of Smithy 1.0, "Query key resolution".

use std::collections::BTreeMap;

/// The parameters of one request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Form {
    fields: BTreeMap<String, String>,
}

/// One `Filter.N`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Filter {
    pub(crate) name: String,
    pub(crate) values: Vec<String>,
}

/// Undoes percent encoding; broken sequences stay as they are.
pub(crate) fn percent_decode(text: &str, is_form: bool) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let pair = tail.get(..2).and_then(|pair| std::str::from_utf8(pair).ok());
        let code = pair.and_then(|pair| u8::from_str_radix(pair, 16).ok());
        rest = tail;
        match (first, code) {
            (b'%', Some(code)) => {
                out.push(code);
                rest = tail.get(2..).unwrap_or_default();
            }
            (b'+', _) if is_form => out.push(b' '),
            (other, _) => out.push(*other),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

impl Form {
    /// Reads a form body or a query string.
    pub(crate) fn parse(text: &str) -> Self {
        let pairs = text.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (percent_decode(name, true), percent_decode(value, true))
        });
        Self { fields: pairs.collect() }
    }

    /// One parameter.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str)
    }

    /// One parameter, or nothing when absent.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.get(name).unwrap_or_default()
    }

    /// Values of `prefix.1`, `prefix.2`, .. in the order of the numbers.
    pub(crate) fn list(&self, prefix: &str) -> Vec<String> {
        let mut found: Vec<(u32, String)> = Vec::new();
        for (name, value) in &self.fields {
            let number = name.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('.'));
            if let Some(number) = number.and_then(|number| number.parse().ok()) {
                found.push((number, value.clone()));
            }
        }
        found.sort();
        found.into_iter().map(|(_, value)| value).collect()
    }

    /// The numbers `n` for which `prefix.n` or `prefix.n.anything` exists.
    pub(crate) fn numbers(&self, prefix: &str) -> Vec<u32> {
        let rest = |name: &str| -> Option<u32> {
            let rest = name.strip_prefix(prefix)?.strip_prefix('.')?;
            rest.split('.').next()?.parse().ok()
        };
        let mut numbers: Vec<u32> = self.fields.keys().filter_map(|name| rest(name)).collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers
    }

    /// Key and value of `prefix.N.Key` and `prefix.N.Value`; the value is `None` when it is left out.
    pub(crate) fn tags(&self, prefix: &str) -> Vec<(String, Option<String>)> {
        let tag = |number: u32| {
            let value = self.get(&format!("{prefix}.{number}.Value")).map(str::to_owned);
            (self.text(&format!("{prefix}.{number}.Key")).to_owned(), value)
        };
        self.numbers(prefix).into_iter().map(tag).collect()
    }

    /// All `Filter.N`.
    pub(crate) fn filters(&self) -> Vec<Filter> {
        let filter = |number: u32| Filter {
            name: self.text(&format!("Filter.{number}.Name")).to_owned(),
            values: self.list(&format!("Filter.{number}.Value")),
        };
        self.numbers("Filter").into_iter().map(filter).collect()
    }

    /// The first parameter whose head (the part before the first dot) is none of `known`.
    pub(crate) fn unknown(&self, known: &[&str]) -> Option<&str> {
        let head = |name: &'_ str| name.split('.').next().unwrap_or_default().to_owned();
        let is_known = |name: &str| {
            let head = head(name);
            matches!(head.as_str(), "Action" | "Version")
                || head.starts_with("X-Amz-")
                || known.contains(&head.as_str())
        };
        self.fields.keys().find(|name| !is_known(name)).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbered_values_keep_their_order() {
        let form = Form::parse("VpcId.10=c&VpcId.2=b&VpcId.1=a%2Fx&Filter.1.Name=tag%3Ateam&Filter.1.Value.1=a+b");
        assert_eq!(form.list("VpcId"), ["a/x", "b", "c"]);
        assert_eq!(form.filters(), [Filter { name: "tag:team".to_owned(), values: vec!["a b".to_owned()] }]);
        assert_eq!(form.unknown(&["VpcId"]), Some("Filter.1.Name"));
    }
}
