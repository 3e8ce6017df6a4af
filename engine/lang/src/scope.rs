//! What evaluation sees: the values that names stand for, and the world outside.

use std::sync::Arc;
use terrane_core::{InstanceKey, Text, Value};

/// The workspace that is there from the beginning.
pub const DEFAULT_WORKSPACE: &str = "default";

/// Files, environment and clock, as the language may see them. Whoever implements it keeps a digest of each
/// answer, so that a plan knows what it was made from.
pub trait Sources: Send + Sync {
    /// The bytes of a file; paths are relative to the folder the run works in.
    ///
    /// # Errors
    /// The reason in words, without the path.
    fn read(&self, path: &str) -> Result<Arc<[u8]>, String>;
    /// Whether there is a file of that path.
    fn exists(&self, path: &str) -> bool;
    /// Names (not paths) of the files in a folder, sorted; `None` where there is no such folder.
    fn list(&self, folder: &str) -> Option<Vec<String>>;
    /// Names of the folders in a folder, sorted, links left out; none where there is no such folder.
    fn folders(&self, folder: &str) -> Vec<String> {
        let _ = folder;
        Vec::new()
    }
    /// The folder of a package that a module call names by its address; `None` where it was not fetched.
    ///
    /// # Errors
    /// Why what was fetched cannot be taken, in words.
    fn package(&self, address: &str) -> Result<Option<String>, String> {
        let _ = address;
        Ok(None)
    }
    /// An environment variable.
    fn env(&self, name: &str) -> Option<String>;
    /// All names of environment variables with that prefix, sorted.
    fn env_names(&self, prefix: &str) -> Vec<String>;
    /// The moment of this plan, RFC 3339 in UTC.
    fn plan_time(&self) -> String;
    /// The folder the run works in, absolute.
    fn folder(&self) -> String;
    /// Random bytes, for functions of the moment of apply; `None` where there is nothing to apply.
    fn random(&self) -> Option<[u8; 16]> {
        None
    }
    /// The workspace: which of the states of a configuration this run works on.
    fn workspace(&self) -> String {
        String::from(DEFAULT_WORKSPACE)
    }
}

/// The form that the keys of a block have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyForm {
    /// It is not repeated.
    Single,
    /// Positions, under `count`.
    Index,
    /// Names, under `for_each`.
    Name,
}

/// The values that names stand for while one block of one module instance is evaluated.
///
/// Whoever implements it notes which instances were asked for: those are the edges of the graph. Asking for
/// one instance or one attribute never builds the whole.
pub trait Scope {
    /// `var.x`, by its number in the module.
    fn variable(&self, index: usize) -> Value;
    /// `local.x`, by its number in the module.
    fn local(&self, index: usize) -> Value;
    /// A resource or data block as a whole, by its number in the module: an object, a tuple under `count`,
    /// a map under `for_each`.
    fn resource(&self, index: usize) -> Value;
    /// One instance of a resource; `None` where there is no such key.
    fn instance(&self, index: usize, key: Option<&InstanceKey>) -> Option<Value>;
    /// The keys a resource has; `None` where it is not repeated. `Err` where the keys are not known yet.
    ///
    /// # Errors
    /// A value that is unknown and says what the keys wait for.
    fn keys(&self, index: usize) -> Result<Option<Vec<InstanceKey>>, Value>;
    /// The form of the keys of a resource. Asked for each reference, so it must not build them.
    ///
    /// # Errors
    /// As for [`Scope::keys`].
    fn key_form(&self, index: usize) -> Result<KeyForm, Value>;
    /// A module call as a whole: an object of outputs, or a tuple or map of them.
    fn module(&self, index: usize) -> Value;
    /// One output of one instance of a module call; `None` where there is no such instance.
    fn module_output(&self, index: usize, key: Option<&InstanceKey>, output: &str) -> Option<Value>;
    /// The keys a module call has, as for [`Scope::keys`].
    ///
    /// # Errors
    /// A value that is unknown and says what the keys wait for.
    fn module_keys(&self, index: usize) -> Result<Option<Vec<InstanceKey>>, Value>;
    /// The form of the keys of a module call, as for [`Scope::key_form`].
    ///
    /// # Errors
    /// As for [`Scope::keys`].
    fn module_key_form(&self, index: usize) -> Result<KeyForm, Value>;
    /// `each.key` and `each.value`, or `count.index` as the key.
    fn each(&self) -> Option<(Value, Value)>;
    /// `count.index`.
    fn count_index(&self) -> Option<Value>;
    /// `self`, in conditions after the object is known.
    fn self_value(&self) -> Option<Value>;
    /// `path.module`: the folder of the module, relative to the root folder.
    fn module_folder(&self) -> Text;
    /// The world outside.
    fn sources(&self) -> &dyn Sources;
    /// How many templates (`templatefile`, `templatestring`) the expression stands in.
    fn template_depth(&self) -> u32 {
        0
    }
}
