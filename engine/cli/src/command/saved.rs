//! Files of saved plans: written whole or not at all, read and proved.

use crate::args::{SaveArguments, TrustArguments};
use crate::diag;
use crate::exit::Failure;
use std::io::Write;
use std::path::Path;
use terrane_core::{Diagnostic, Place};
use terrane_plan::plan::{Origin, Plan, PlanError};
use terrane_plan::saved::{self, SavedPlan};
use terrane_runtime::admission::{VALID_MS, expiry};
use terrane_runtime::diag as runtime_words;
use terrane_runtime::seal::envelope::SealedWriter;
use terrane_runtime::seal::{Keyring, Subject};
use terrane_runtime::signature::{AnyOf, SigningKey, TrustedKey};

/// Public keys, one of which has to have signed; separated by commas. Adds to what the command line asks for.
const REQUIRE_SIGNATURE: &str = "TERRANE_REQUIRE_SIGNATURE";
/// A plan file is no longer than this, in bytes.
const LONGEST_FILE: u64 = 4 << 30;

/// How a plan is saved: the path, how long it lasts, who signs it.
pub struct Saving<'a> {
    path: &'a str,
    valid_ms: u64,
    key: Option<SigningKey>,
}

impl<'a> Saving<'a> {
    /// What the arguments ask for; nothing where no file is named. The key is read at once, so that a wrong one costs no
    /// plan.
    ///
    /// # Errors
    /// `signing-key-unusable`, a plan that would last no time at all.
    pub fn read(arguments: &'a SaveArguments) -> Result<Option<Self>, Failure> {
        let Some(path) = &arguments.out else { return Ok(None) };
        let valid_ms = arguments.expires.map_or(VALID_MS, |time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
        if valid_ms == 0 {
            let place = Place::Argument(String::from("-expires"));
            return Err(diag::USAGE.at(place).detail("a plan that expires at once could never be applied").into());
        }
        let key = arguments.sign_key.as_deref().map(SigningKey::read).transpose()?;
        Ok(Some(Self { path, valid_ms, key }))
    }

    /// Seals and writes a plan.
    ///
    /// # Errors
    /// `file-not-written`.
    pub async fn save(&self, plan: &mut Plan, keyring: &Keyring) -> Result<(), Failure> {
        plan.expires_at = expiry(&plan.made_at, self.valid_ms);
        plan.seal();
        let sign = |message: &[u8]| self.key.iter().map(|key| key.sign(message)).collect();
        write_plan(self.path, keyring, |out| saved::write(plan, &sign, out)).await
    }

    /// Where it goes.
    pub fn path(&self) -> &str {
        self.path
    }
}

/// Writes a file, readable by its owner alone, whole or not at all.
///
/// # Errors
/// `file-not-written`.
pub fn write_file(path: &str, write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>) -> Result<(), Failure> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let failed = |error: std::io::Error| {
        Failure::from(diag::FILE_NOT_WRITTEN.at(Place::File(path.to_owned())).detail(error.to_string()))
    };
    let part = format!("{path}.{}.part", std::process::id());
    let write = || {
        let file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&part)?;
        let mut out = std::io::BufWriter::new(&file);
        write(&mut out)?;
        out.flush()?;
        file.sync_all()?;
        std::fs::rename(&part, path)
    };
    let written = write().map_err(failed);
    if written.is_err() && Path::new(&part).exists() {
        // The half file is of no use to anybody; that writing failed is what is told.
        let _left = std::fs::remove_file(&part);
    }
    written
}

/// Writes a plan file, sealed where plans are.
///
/// # Errors
/// `file-not-written`; what is wrong with the key.
pub async fn write_plan(
    path: &str,
    keyring: &Keyring,
    write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
) -> Result<(), Failure> {
    let place = Place::File(path.to_owned());
    match keyring.for_plan().await.map_err(|error| runtime_words::seal(error, place))? {
        None => write_file(path, write),
        Some((key, wrapped)) => write_file(path, |out| {
            let mut sealed = SealedWriter::new(out, &key, &wrapped, &Subject::of("plan"))?;
            write(&mut sealed)?;
            sealed.finish().map(|_| ())
        }),
    }
}

/// Reads the bytes of a plan file, opened where it is sealed.
///
/// # Errors
/// `file-not-read`; sealed with another key.
pub async fn read_bytes(path: &str, keyring: &Keyring) -> Result<Vec<u8>, Failure> {
    use std::io::Read as _;
    let read = || {
        let mut bytes = Vec::new();
        std::fs::File::open(path)?.take(LONGEST_FILE).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let place = || Place::File(path.to_owned());
    let bytes = read().map_err(|error: std::io::Error| diag::FILE_NOT_READ.at(place()).detail(error.to_string()))?;
    keyring.open_plan(&bytes).await.map_err(|error| runtime_words::seal(error, place()).into())
}

/// Reads a plan file.
///
/// # Errors
/// It is not there, damaged, or of a newer version.
pub async fn read(path: &str, keyring: &Keyring) -> Result<SavedPlan, Failure> {
    saved::read(&read_bytes(path, keyring).await?).map_err(|problem| at(path, problem))
}

/// A problem with the file as its place.
pub fn at(path: &str, mut problem: Box<Diagnostic>) -> Failure {
    problem.place = Place::File(path.to_owned());
    problem.into()
}

/// The signatures that a plan needs: those of the environment, which no flag takes away, and those of the command line.
///
/// # Errors
/// `signing-key-unusable`.
pub fn required(arguments: &TrustArguments) -> Result<Vec<AnyOf>, Failure> {
    let environment = std::env::var(REQUIRE_SIGNATURE).unwrap_or_default();
    let lists = std::iter::once(&environment).filter(|list| !list.is_empty()).chain(&arguments.require_signature);
    let keys = |list: &String| list.split(',').map(|path| TrustedKey::read(path.trim())).collect::<Result<_, _>>();
    Ok(lists.map(keys).collect::<Result<_, _>>()?)
}

/// What a failure leaves for the readers of its plan.
pub fn errors(failure: &Failure, sources: &terrane_core::SourceMap) -> Vec<PlanError> {
    let origin = |problem: &Diagnostic| {
        let span = problem.span()?;
        let file = sources.get(span.file)?;
        let line = u32::try_from(sources.position(span.file, span.start)?.line).ok()?;
        Some(Origin { file: file.name.as_str().into(), line })
    };
    let error = |problem: &Diagnostic| PlanError {
        id: problem.kind.id.into(),
        summary: problem.kind.summary.into(),
        detail: problem.message().into(),
        addr: match &problem.place {
            Place::Instance(addr, _) => Some(addr.clone()),
            _ => None,
        },
        origin: origin(problem),
    };
    failure.problems.iter().filter(|problem| problem.is_error()).map(error).collect()
}
