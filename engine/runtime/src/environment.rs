//! What a run is told about the machine and the process it runs in.

use std::collections::BTreeMap;
use terrane_core::Text;

/// Environment variables, the user and the machine, taken once so that a run sees one picture.
#[derive(Clone, Default)]
pub struct Environment {
    variables: BTreeMap<String, String>,
    owner: Text,
}

/// Shows names only: values may be secret.
impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Environment").field("owner", &self.owner).field("names", &self.variables.keys()).finish()
    }
}

impl Environment {
    /// That of this process. Variables that are no text are left out.
    #[must_use]
    pub fn of_process() -> Self {
        let variables: BTreeMap<String, String> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let user = ["USER", "LOGNAME"].iter().find_map(|name| variables.get(*name)).map_or("unknown", String::as_str);
        let owner = format!("{user}@{}", host()).into();
        Self { variables, owner }
    }

    /// One made of these.
    #[must_use]
    pub fn new(owner: &str, variables: impl IntoIterator<Item = (String, String)>) -> Self {
        Self { variables: variables.into_iter().collect(), owner: owner.into() }
    }

    /// A variable.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    /// Name and value of all variables with that prefix, by name.
    pub fn with_prefix<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        let from = self.variables.range::<str, _>((std::ops::Bound::Included(prefix), std::ops::Bound::Unbounded));
        from.take_while(move |(name, _)| name.starts_with(prefix)).map(|(name, value)| (&**name, &**value))
    }

    /// `user@host`.
    #[must_use]
    pub fn owner(&self) -> &Text {
        &self.owner
    }
}

fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_never_show() {
        let environment = Environment::new("a@b", [("TOKEN".to_owned(), "hunter2".to_owned())]);
        assert!(!format!("{environment:?}").contains("hunter2"));
        assert_eq!(environment.with_prefix("TO").collect::<Vec<_>>(), [("TOKEN", "hunter2")]);
    }
}
