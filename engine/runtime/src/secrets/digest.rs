//! Keyed digests of secrets, and the key: by them a change is seen, and nothing else can be told.

use crate::environment::Environment;
use aws_lc_rs::hmac;
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use terrane_core::Text;
use zeroize::{Zeroize, Zeroizing};

/// The environment variable that holds the key.
pub const KEY_VARIABLE: &str = "TERRANE_DIGEST_KEY";
/// A shorter key could be guessed together with a short secret.
const SHORTEST_KEY: usize = 16;
const LARGEST_KEY: u64 = 4_096;

/// The key.
pub struct DigestKey(hmac::Key);

impl std::fmt::Debug for DigestKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("(secret)")
    }
}

impl DigestKey {
    /// A key of these bytes.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }

    /// HMAC-SHA256 over texts, each with its length before it; hexadecimal.
    #[must_use]
    pub fn digest(&self, texts: &[&str]) -> Text {
        let mut context = hmac::Context::with_key(&self.0);
        for text in texts {
            context.update(&u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
            context.update(text.as_bytes());
        }
        hex(context.sign().as_ref()).into()
    }

    /// The key of this user: from the environment, else from its file, which is made at first.
    ///
    /// # Errors
    /// Why there is none.
    pub fn of(environment: &Environment) -> Result<Self, String> {
        if let Some(text) = environment.get(KEY_VARIABLE) {
            return Self::checked(text.as_bytes(), KEY_VARIABLE);
        }
        let path = key_path(environment).ok_or("neither XDG_DATA_HOME nor HOME is set")?;
        let shown = path.display().to_string();
        let bytes = read_or_make(&path).map_err(|error| format!("{shown}: {error}"))?;
        Self::checked(bytes.trim_ascii(), &shown)
    }

    fn checked(bytes: &[u8], place: &str) -> Result<Self, String> {
        if bytes.len() < SHORTEST_KEY {
            return Err(format!("{place} holds {} characters", bytes.len()));
        }
        Ok(Self::new(bytes))
    }
}

/// The key of this user, looked for when it is needed first: a run without secrets makes no file.
pub struct UserKey {
    environment: Arc<Environment>,
    found: OnceLock<Result<DigestKey, String>>,
}

impl UserKey {
    /// That of `environment`.
    #[must_use]
    pub fn of(environment: Arc<Environment>) -> Self {
        Self { environment, found: OnceLock::new() }
    }

    /// The key; `None` where there is none.
    pub fn get(&self) -> Option<&DigestKey> {
        self.found.get_or_init(|| DigestKey::of(&self.environment)).as_ref().ok()
    }

    /// Why there is none, when it was looked for.
    #[must_use]
    pub fn failure(&self) -> Option<&str> {
        self.found.get().and_then(|found| found.as_ref().err()).map(String::as_str)
    }
}

/// Lower-case hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
        // Writing to a text cannot fail.
        let _ = write!(out, "{byte:02x}");
        out
    })
}

fn key_path(environment: &Environment) -> Option<PathBuf> {
    let absolute = |name: &str| environment.get(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let data = absolute("XDG_DATA_HOME").or_else(|| absolute("HOME").map(|home| home.join(".local/share")))?;
    Some(data.join("terrane/digest.key"))
}

fn read_or_make(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    match read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        other => return other,
    }
    make(path)?;
    read(path)
}

fn read(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    let file = std::fs::File::open(path)?;
    let found = file.metadata()?;
    if found.permissions().mode() & 0o077 != 0 {
        return Err(io::Error::other("others may read it; its mode has to be 0600"));
    }
    if found.uid() != rustix::process::geteuid().as_raw() {
        return Err(io::Error::other("it belongs to somebody else"));
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(128));
    file.take(LARGEST_KEY).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Makes the file whole or not at all: of two runs that make it at once the first wins, and both read it.
fn make(path: &Path) -> io::Result<()> {
    let folder = path.parent().ok_or_else(|| io::Error::other("it has no folder"))?;
    std::fs::create_dir_all(folder)?;
    let mut random = [0; 32];
    aws_lc_rs::rand::fill(&mut random).map_err(|_| io::Error::other("the machine gives no random numbers"))?;
    let text = Zeroizing::new(hex(&random));
    random.zeroize();
    let temporary = folder.join(format!("digest.key.tmp-{}", std::process::id()));
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
    io::Write::write_all(&mut file, text.as_bytes())?;
    file.sync_all()?;
    let linked = std::fs::hard_link(&temporary, path);
    std::fs::remove_file(&temporary)?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> Environment {
        Environment::new("a@b", pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    #[test]
    fn the_key_file_is_made_once_and_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let environment = environment(&[("XDG_DATA_HOME", folder.path().to_str().unwrap())]);
        let first = DigestKey::of(&environment).unwrap().digest(&["s"]);
        let path = folder.path().join("terrane/digest.key");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(DigestKey::of(&environment).unwrap().digest(&["s"]), first);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(DigestKey::of(&environment).unwrap_err().contains("0600"));
    }

    #[test]
    fn a_short_key_is_refused_and_a_long_one_never_shows() {
        assert!(DigestKey::of(&environment(&[(KEY_VARIABLE, "short")])).is_err());
        let key = DigestKey::of(&environment(&[(KEY_VARIABLE, "0123456789abcdef")])).unwrap();
        assert_eq!(format!("{key:?}"), "(secret)");
        assert_ne!(key.digest(&["ab", "c"]), key.digest(&["a", "bc"]));
    }
}
