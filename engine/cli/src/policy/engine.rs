//! The evaluator of Rego, behind what is asked of it here.

use regorus::Value;
use regorus::utils::limits::ExecutionTimerConfig;
use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

/// Work between two looks at the clock.
const CHECK_INTERVAL: NonZeroU32 = NonZeroU32::MIN.saturating_add(511);

/// What ended an evaluation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// A policy is wrong at a place.
    At {
        /// The file.
        file: String,
        /// Line, from 1.
        line: u32,
        /// Column, from 1.
        column: u32,
        /// What is wrong.
        message: String,
    },
    /// Something is wrong without a place.
    Failed(String),
    /// It took too long.
    TooSlow,
}

/// A rule of a package.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rule {
    /// The package, `main`.
    pub package: String,
    /// Its name.
    pub name: String,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.package, self.name)
    }
}

/// Policies that are read.
pub struct Engine {
    inner: regorus::Engine,
    rules: Vec<Rule>,
}

impl Engine {
    /// Reads policies: names of files and their texts.
    pub fn new(texts: &[(String, String)], limit: Duration) -> Result<Self, Stop> {
        let mut inner = regorus::Engine::new();
        inner.set_execution_timer_config(ExecutionTimerConfig { limit, check_interval: CHECK_INTERVAL });
        let mut packages = Vec::with_capacity(texts.len());
        for (file, text) in texts {
            let package = inner.add_policy(file.clone(), text.clone()).map_err(|error| stop(&error.to_string()))?;
            packages.push(package.strip_prefix("data.").unwrap_or(&package).to_owned());
        }
        let mut rules = Vec::new();
        for (package, module) in packages.into_iter().zip(inner.get_modules()) {
            for rule in &module.policy {
                let text = rule.span().text();
                let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
                let name = text.get(..end).unwrap_or_default().to_owned();
                rules.push(Rule { package: package.clone(), name });
            }
        }
        rules.sort();
        rules.dedup();
        Ok(Self { inner, rules })
    }

    /// Sets what the policies look at.
    pub fn input(&mut self, document: &str) -> Result<(), Stop> {
        self.inner.set_input_json(document).map_err(|error| Stop::Failed(error.to_string()))
    }

    /// The rules that `is_wanted` picks by package and name, in order.
    pub fn rules(&self, is_wanted: &dyn Fn(&str, &str) -> bool) -> Vec<Rule> {
        self.rules.iter().filter(|rule| is_wanted(&rule.package, &rule.name)).cloned().collect()
    }

    fn value(&mut self, rule: &Rule) -> Result<Value, Stop> {
        self.inner.eval_rule(format!("data.{rule}")).map_err(|error| {
            let is_slow = error.chain().any(|cause| cause.downcast_ref::<regorus::LimitError>().is_some());
            if is_slow { Stop::TooSlow } else { stop(&error.to_string()) }
        })
    }

    /// Whether a rule is true; one that is not defined is not.
    pub fn is_true(&mut self, rule: &Rule) -> Result<bool, Stop> {
        Ok(self.value(rule)? == Value::Bool(true))
    }

    /// The messages of a rule: a set or list of texts, or of objects with `msg`.
    pub fn messages(&mut self, rule: &Rule) -> Result<Vec<String>, Stop> {
        let value = self.value(rule)?;
        let items: Vec<&Value> = match &value {
            Value::Undefined => Vec::new(),
            Value::Set(items) => items.iter().collect(),
            Value::Array(items) => items.iter().collect(),
            _ => return Err(Stop::Failed(format!("`{rule}` is no set of messages"))),
        };
        let message = |item: &Value| match item {
            Value::String(text) => Ok(text.to_string()),
            Value::Object(_) => match &item["msg"] {
                Value::String(text) => Ok(text.to_string()),
                _ => Err(Stop::Failed(format!("`{rule}` holds an object without a text `msg`"))),
            },
            _ => Err(Stop::Failed(format!("`{rule}` holds something that is neither a text nor an object"))),
        };
        items.into_iter().map(message).collect()
    }
}

/// Reads what the evaluator says: `\n--> file:line:column\n`, an excerpt, and `error: what`.
fn stop(text: &str) -> Stop {
    let placed = || {
        let (_, rest) = text.split_once("--> ")?;
        let (place, rest) = rest.split_once('\n')?;
        let (place, column) = place.rsplit_once(':')?;
        let (file, line) = place.rsplit_once(':')?;
        let message = rest.rsplit_once("error: ").map_or(rest, |(_, message)| message).trim();
        Some(Stop::At {
            file: file.to_owned(),
            line: line.parse().ok()?,
            column: column.parse().ok()?,
            message: message.to_owned(),
        })
    };
    placed().unwrap_or_else(|| Stop::Failed(text.trim().to_owned()))
}
