//! Evaluation of secret expressions: the sources of secrets are read one after the other until nothing is open.

use super::{Secrets, fault};
use crate::command;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use terrane_core::{Residual, Value};
use terrane_lang::eval::{ResolveContext, at_apply, resolve};
use terrane_provider::Fault;
use zeroize::Zeroizing;

/// A source may need another for its arguments; deeper nesting than this is a mistake.
const DEEPEST: usize = 16;
/// No secret is larger.
const LARGEST_SECRET: u64 = 1024 * 1024;

impl Secrets {
    /// The value an expression comes to, wholly known.
    pub(crate) async fn evaluate(&self, secret: &Value) -> Result<Value, Fault> {
        if secret.is_wholly_known() {
            return Ok(secret.clone());
        }
        let mut known = BTreeMap::new();
        for _ in 0..DEEPEST {
            let (value, open) = self.resolve(secret, &known)?;
            if value.is_wholly_known() {
                return Ok(value);
            }
            if open.is_empty() {
                break;
            }
            for source in open {
                let value = self.read(&source).await?;
                known.insert(source, value.sensitive());
            }
        }
        Err(fault("reveal", "a part of the secret is known only after apply"))
    }

    /// What is known with these sources, and the sources that are still asked for.
    fn resolve(&self, secret: &Value, known: &BTreeMap<Residual, Value>) -> Result<(Value, BTreeSet<Residual>), Fault> {
        let open = RefCell::new(BTreeSet::new());
        let cx = ResolveContext { sources: &self.sources, module_folder: "." };
        let leaf = |residual: &Residual| {
            let found = known.get(residual);
            if found.is_none() && is_source(residual) {
                open.borrow_mut().insert(residual.clone());
            }
            found.cloned()
        };
        let value = resolve(secret, &leaf, &cx).map_err(|problem| fault("reveal", problem.kind.summary))?;
        Ok((value, open.into_inner()))
    }

    async fn read(&self, source: &Residual) -> Result<Value, Fault> {
        match source {
            Residual::Variable(name) => {
                let missing = || fault(format!("var.{name}"), "the variable has no value in this run");
                self.variables.get(name).cloned().ok_or_else(missing)
            }
            Residual::Call { function, arguments, .. } => match (&**function, arguments.as_slice()) {
                ("env", [name]) => self.env(name),
                ("file", [path]) => self.file(path),
                ("exec", [argv]) => self.exec(argv).await,
                ("vault", _) => Err(fault("vault", "this version has no vault").code("not-in-this-version")),
                _ => self.of_apply(source, function),
            },
            _ => Err(fault("reveal", "the expression has a source that this version does not know")),
        }
    }

    fn of_apply(&self, source: &Residual, function: &str) -> Result<Value, Fault> {
        let cx = ResolveContext { sources: &self.sources, module_folder: "." };
        match at_apply(source, &cx) {
            Ok(Some(value)) => Ok(value),
            Ok(None) => Err(fault(function, "this is no source of secrets")),
            Err(problem) => Err(fault(function, problem.kind.summary)),
        }
    }

    fn env(&self, name: &Value) -> Result<Value, Fault> {
        let name = name.as_str().ok_or_else(|| fault("env", "the name is no text"))?;
        let value = self.environment.get(name);
        value.map(Value::string).ok_or_else(|| fault(format!("env({name})"), "the environment has no such variable"))
    }

    fn file(&self, path: &Value) -> Result<Value, Fault> {
        let path = path.as_str().ok_or_else(|| fault("file", "the path is no text"))?;
        let operation = format!("file({path})");
        let failed = |error: std::io::Error| fault(operation.clone(), error.to_string());
        let file = std::fs::File::open(self.folder.join(path)).map_err(failed)?;
        let mut bytes = Zeroizing::new(Vec::with_capacity(4_096));
        file.take(LARGEST_SECRET + 1).read_to_end(&mut bytes).map_err(failed)?;
        if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > LARGEST_SECRET {
            return Err(fault(operation, "the file is larger than 1 MiB"));
        }
        let text = std::str::from_utf8(&bytes).map_err(|_| fault(operation.clone(), "the file is no UTF-8 text"))?;
        Ok(Value::string(text))
    }

    async fn exec(&self, argv: &Value) -> Result<Value, Fault> {
        let words: Option<Vec<&str>> = argv.items().and_then(|words| words.iter().map(Value::as_str).collect());
        let words = words.filter(|words| !words.is_empty());
        let words = words.ok_or_else(|| fault("exec", "the argument is no list of texts"))?;
        // Arguments may hold a secret themselves; the name of the program is enough for people.
        let operation = format!("exec({})", words.first().unwrap_or(&""));
        let run = command::Run::new(&self.folder, &self.environment, self.command_timeout_ms);
        let output = command::secret(&words, &run).await;
        let output = output.map_err(|reason| fault(operation.clone(), reason))?;
        let text = std::str::from_utf8(&output).map_err(|_| fault(operation, "the command wrote no UTF-8 text"))?;
        // Commands end their only line; files and environments do not.
        let text = text.strip_suffix('\n').unwrap_or(text);
        Ok(Value::string(text.strip_suffix('\r').unwrap_or(text)))
    }
}

/// Whether it is read by [`Secrets::read`]; its arguments have to be known for that.
fn is_source(residual: &Residual) -> bool {
    match residual {
        Residual::Variable(_) => true,
        Residual::Call { arguments, .. } => arguments.iter().all(Value::is_wholly_known),
        Residual::Attribute { .. }
        | Residual::Operation { .. }
        | Residual::Conditional { .. }
        | Residual::Template(_)
        | Residual::Index { .. }
        | Residual::Convert { .. }
        | Residual::For(_)
        | Residual::Local(_) => false,
    }
}
