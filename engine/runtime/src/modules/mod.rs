//! Packages of modules that come from elsewhere: fetched by `init`, kept by their content below `.terrane/modules`, and
//! held to the digests of the lock file whenever a configuration is read.

pub(crate) mod git;
pub(crate) mod lock;
pub(crate) mod tree;

use crate::backend::Refusal;
use crate::diag;
use crate::environment::Environment;
use crate::workspace::{Configuration, Folder};
use lock::{Entry, LOCK_FILE, LockFile};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use terrane_core::{Diagnostic, Place, Span, Text};
use terrane_lang::check::CalledPackage;
use terrane_lang::inputs::Flag;
use terrane_lang::source::{self, Package, Source};

/// Packages call packages: deeper than this is a circle of new addresses.
const MOST_ROUNDS: usize = 50;

/// How packages are fetched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fetching {
    /// What is locked stays; what is not locked yet is added.
    #[default]
    Locked,
    /// Everything is looked up anew.
    Upgraded,
    /// As locked, and the lock file stays as it is.
    ReadOnly,
}

/// A package that was fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// Its address.
    pub address: Text,
    /// The commit.
    pub revision: Text,
}

/// Where packages are kept.
pub(crate) fn store(folder: &Path, environment: &Environment) -> PathBuf {
    crate::selection::data_folder_of(folder, environment).join("modules")
}

/// The folder of a package as the lock file has it, as the language sees it; `None` where it is not there.
///
/// # Errors
/// Why what is there cannot be taken, in words.
pub(crate) fn installed(folder: &Path, environment: &Environment, address: &str) -> Result<Option<String>, String> {
    let lock = LockFile::read(folder).map_err(|problem| format!("{LOCK_FILE}: {}", problem.detail))?;
    let Some(entry) = lock.entries.get(address) else { return Ok(None) };
    let place = store(folder, environment).join(entry.folder());
    if !place.is_dir() {
        return Ok(None);
    }
    let found = tree::digest(&place)?;
    if found != entry.digest {
        return Err(format!("its files are {found}, and {} was locked", entry.digest));
    }
    let seen = place.strip_prefix(folder).unwrap_or(&place);
    seen.to_str().map(|seen| Some(seen.to_owned())).ok_or_else(|| String::from("its folder has a name that is no text"))
}

impl Folder {
    /// Fetches the packages that a configuration calls and that are not there, and loads it with them. `begins` is
    /// told each address before.
    ///
    /// # Errors
    /// `module-not-fetched`, `module-other-digest`, `lock-file-unreadable`, `lock-file-readonly`.
    pub async fn fetch_modules(
        &self,
        flags: &[Flag],
        how: Fetching,
        begins: &mut dyn FnMut(&str),
    ) -> Result<(Configuration, Vec<Fetched>), Refusal> {
        let mut lock = LockFile::read(&self.folder)?;
        let mut done: BTreeSet<Text> = BTreeSet::new();
        let mut all = Vec::new();
        for _ in 0..MOST_ROUNDS {
            let configuration = self.load(flags);
            let is_wanted = |address: &Text, package: &CalledPackage| {
                !done.contains(address) && (how == Fetching::Upgraded || package.folder.is_none())
            };
            let wanted = configuration.packages.iter().filter(|(address, package)| is_wanted(address, package));
            let wanted: Vec<(Text, Span)> = wanted.map(|(address, package)| (address.clone(), package.call)).collect();
            if wanted.is_empty() {
                self.prune(&mut lock, &configuration, how)?;
                return Ok((configuration, all));
            }
            for (address, call) in wanted {
                begins(&address);
                let fetched = self.fetch((&address, call), lock.entries.get(&address), how).await;
                let entry = fetched.map_err(|problem| configuration.refusal(*problem))?;
                all.push(Fetched { address: address.clone(), revision: entry.revision.clone() });
                lock.entries.insert(address.clone(), entry);
                done.insert(address);
            }
            if how != Fetching::ReadOnly {
                lock.write(&self.folder)?;
            }
        }
        let detail = format!("packages lead to packages more than {MOST_ROUNDS} times");
        Err(Box::new(diag::MODULE_NOT_FETCHED.at(Place::Run).detail(detail)).into())
    }

    /// Takes out of the lock file what nobody calls any more.
    fn prune(&self, lock: &mut LockFile, configuration: &Configuration, how: Fetching) -> Result<(), Box<Diagnostic>> {
        // Behind what could not be read, there may be more calls.
        let is_known = configuration.program.is_some() && how != Fetching::ReadOnly;
        let before = lock.entries.len();
        lock.entries.retain(|address, _| !is_known || configuration.packages.contains_key(address));
        if lock.entries.len() == before { Ok(()) } else { lock.write(&self.folder) }
    }

    async fn fetch(
        &self,
        (address, call): (&Text, Span),
        locked: Option<&Entry>,
        how: Fetching,
    ) -> Result<Entry, Box<Diagnostic>> {
        let failed = |why: String| Box::new(diag::MODULE_NOT_FETCHED.at(call).detail(format!("{address}: {why}")));
        let locked = locked.filter(|_| how != Fetching::Upgraded);
        if locked.is_none() && how == Fetching::ReadOnly {
            return Err(Box::new(diag::LOCK_FILE_READONLY.at(call).detail(format!("{address} is not locked"))));
        }
        let package = match source::read(address) {
            Ok(Source::Package(package)) => package,
            Ok(_) | Err(_) => return Err(failed(String::from("it is no package"))),
        };
        let store = store(&self.folder, &self.environment);
        let draft = Draft::begin(&store).map_err(|error| failed(error.to_string()))?;
        let entry = self.fetched(&package, locked, &draft).await.map_err(failed)?;
        if let Some(locked) = locked.filter(|locked| locked.digest != entry.digest) {
            let detail = format!("{address} is {} now, and {} was locked", entry.digest, locked.digest);
            return Err(Box::new(diag::MODULE_OTHER_DIGEST.at(call).detail(detail)));
        }
        draft.keep(&store.join(entry.folder())).map_err(|error| failed(error.to_string()))?;
        Ok(entry)
    }

    async fn fetched(&self, package: &Package, locked: Option<&Entry>, draft: &Draft) -> Result<Entry, String> {
        let git = git::Git { folder: &draft.0, environment: &self.environment };
        let revision = git.check_out(package, locked.map(|entry| &*entry.revision)).await?;
        Ok(Entry { revision: revision.into(), digest: tree::digest(&draft.0)? })
    }
}

/// A folder that is filled, and gone unless it is kept.
struct Draft(PathBuf);

impl Draft {
    fn begin(store: &Path) -> std::io::Result<Self> {
        std::fs::create_dir_all(store)?;
        // Nobody who was killed leaves one that is taken for a package: those are named after their content.
        let draft = store.join(format!("draft-{}", std::process::id()));
        if draft.exists() {
            std::fs::remove_dir_all(&draft)?;
        }
        std::fs::create_dir(&draft)?;
        // Absolute, since git is run inside of it.
        Ok(Self(std::path::absolute(draft)?))
    }

    fn keep(&self, place: &Path) -> std::io::Result<()> {
        if place.exists() {
            // What is there may have been altered.
            std::fs::remove_dir_all(place)?;
        }
        std::fs::rename(&self.0, place)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // Kept, or of no use; the next run begins with a new one either way.
        let _left = std::fs::remove_dir_all(&self.0);
    }
}
