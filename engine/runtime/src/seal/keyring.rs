//! The user's keys, and data keys wrapped and unwrapped by them.
//!
//! One key is current: it seals. Any number of previous ones only open. A data key that the current key opened is used
//! again for what this run seals, so that a key service is asked, and a passphrase stretched, once a run; how often
//! it is used does not matter, since each sealed thing has a key derived from it.

use super::envelope::{self, DataKey, Opening, Subject, WrappedKey};
use super::source::Source;
use super::{SealError, envelope::base64, envelope::unbase64};
use crate::environment::Environment;
use aws_lc_rs::aead::{Aad, Nonce};
use aws_lc_rs::pbkdf2;
use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;
use terrane_core::Text;
use terrane_provider::key::{KeyArguments, KeyService, Unwrapped};
use terrane_provider::{Fault, Services};
use tokio::sync::Mutex;
use zeroize::Zeroizing;

/// How often the derivation from a passphrase is repeated.
///
/// # Source
/// OWASP Cheat Sheet Series, "Password Storage", PBKDF2: 600,000 rounds of HMAC-SHA256.
const ROUNDS: u32 = 600_000;
/// A header that asks for more is not ours: it would keep the run busy for minutes.
const MOST_ROUNDS: u32 = 10_000_000;
const SALT: usize = 32;
const NONCE: usize = 12;
/// A shorter passphrase is guessed, however it is stretched.
const SHORTEST_PASSPHRASE: usize = 16;
/// A command that gives a key has so long.
const COMMAND_TIMEOUT_MS: u64 = 30_000;

/// A key of the user.
#[derive(Clone)]
pub enum Key {
    /// A passphrase that a key is derived from.
    Passphrase(Source),
    /// 32 bytes in base64.
    Raw(Source),
    /// A key that never leaves its service.
    Service(Arc<dyn KeyService>, KeyArguments),
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.kind(), self.place())
    }
}

impl Key {
    fn kind(&self) -> &str {
        match self {
            Self::Passphrase(_) => "passphrase",
            Self::Raw(_) => "raw",
            Self::Service(service, _) => service.name(),
        }
    }

    fn place(&self) -> Text {
        match self {
            Self::Passphrase(source) | Self::Raw(source) => source.place(),
            Self::Service(_, arguments) => arguments.get("key_id").cloned().unwrap_or_default(),
        }
    }
}

/// The keys of a run, and what they are used for.
#[derive(Clone, Debug, Default)]
pub struct Keyring {
    /// The keys; `None` where no encryption is configured.
    pub sealer: Option<Arc<Sealer>>,
    /// Whether states are sealed.
    pub seals_state: bool,
    /// Whether plan files are sealed.
    pub seals_plan: bool,
    /// Whether what is not sealed is refused.
    pub is_enforced: bool,
}

impl Keyring {
    /// What seals the state, where it is sealed.
    #[must_use]
    pub fn for_state(&self) -> Option<&Arc<Sealer>> {
        self.sealer.as_ref().filter(|_| self.seals_state)
    }

    /// The data key of a header.
    ///
    /// # Errors
    /// [`SealError::NoKey`], and those of [`Sealer::open_key`].
    pub async fn open_key(&self, wrapped: &WrappedKey) -> Result<Arc<DataKey>, SealError> {
        match &self.sealer {
            Some(sealer) => sealer.open_key(wrapped).await,
            None => Err(SealError::NoKey { kind: wrapped.kind.clone() }),
        }
    }

    /// The contents of `bytes`, sealed or not.
    ///
    /// # Errors
    /// [`SealError::NotSealed`] where only sealed things are taken; those of [`Sealer::open_key`];
    /// [`SealError::Tampered`].
    pub async fn open(&self, bytes: &[u8], subject: &Subject, is_enforced: bool) -> Result<Vec<u8>, SealError> {
        if !envelope::is_sealed(bytes) {
            return if is_enforced { Err(SealError::NotSealed) } else { Ok(bytes.to_vec()) };
        }
        let mut from = bytes;
        let opening = Opening::read(&mut from).map_err(|_| SealError::tampered("the header is damaged"))??;
        let key = self.open_key(opening.key()).await?;
        envelope::open(opening, from, &key, subject)
    }

    /// What a plan file is sealed with; `None` where plans are not sealed.
    ///
    /// # Errors
    /// Those of [`Sealer::writing`].
    pub async fn for_plan(&self) -> Result<Option<WritingKey>, SealError> {
        match self.sealer.as_ref().filter(|_| self.seals_plan) {
            Some(sealer) => sealer.writing().await.map(Some),
            None => Ok(None),
        }
    }

    /// A plan file that was read.
    ///
    /// # Errors
    /// As [`Keyring::open`].
    pub async fn open_plan(&self, bytes: &[u8]) -> Result<Vec<u8>, SealError> {
        self.open(bytes, &Subject::of("plan"), self.is_enforced && self.seals_plan).await
    }
}

/// A data key and its wrapped form.
pub type WritingKey = (Arc<DataKey>, WrappedKey);

/// Seals with the current key, opens with any.
pub struct Sealer {
    /// The current key first.
    keys: Vec<Key>,
    folder: PathBuf,
    environment: Arc<Environment>,
    services: Option<Arc<dyn Services>>,
    command_timeout_ms: u64,
    known: Mutex<Known>,
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sealer").field("keys", &self.keys).finish_non_exhaustive()
    }
}

/// What was read and derived so far.
#[derive(Default)]
struct Known {
    texts: BTreeMap<usize, Arc<Zeroizing<Vec<u8>>>>,
    user_keys: BTreeMap<(usize, Option<Text>, Option<u32>), Arc<DataKey>>,
    opened: BTreeMap<WrappedKey, Arc<DataKey>>,
    writing: Option<WritingKey>,
}

impl Sealer {
    /// Keys with what they are read with; `services` is for keys at a key service.
    #[must_use]
    pub fn new(
        current: Key,
        previous: Vec<Key>,
        folder: PathBuf,
        environment: Arc<Environment>,
        services: Option<Arc<dyn Services>>,
    ) -> Self {
        let keys = std::iter::once(current).chain(previous).collect();
        let command_timeout_ms = COMMAND_TIMEOUT_MS;
        Self { keys, folder, environment, services, command_timeout_ms, known: Mutex::default() }
    }

    /// With another deadline for commands that give a key.
    #[must_use]
    pub fn with_command_timeout(mut self, ms: u64) -> Self {
        self.command_timeout_ms = ms;
        self
    }

    /// The data key of a header.
    ///
    /// # Errors
    /// [`SealError::WrongKey`] when none of the keys is the one that sealed it; [`SealError::Tampered`];
    /// [`SealError::KeyUnavailable`]; [`SealError::Service`].
    pub async fn open_key(&self, wrapped: &WrappedKey) -> Result<Arc<DataKey>, SealError> {
        let mut known = self.known.lock().await;
        if let Some(key) = known.opened.get(wrapped) {
            return Ok(key.clone());
        }
        let mut failure = None;
        for (number, key) in self.keys.iter().enumerate().filter(|(_, key)| *key.kind() == *wrapped.kind) {
            match self.try_key(&mut known, number, key, wrapped).await {
                Ok(Some(data_key)) => {
                    let data_key = Arc::new(data_key);
                    known.opened.insert(wrapped.clone(), data_key.clone());
                    if number == 0 && known.writing.is_none() {
                        known.writing = Some((data_key.clone(), wrapped.clone()));
                    }
                    return Ok(data_key);
                }
                Ok(None) => {}
                // Another key may be the right one; that this one cannot be had is told where none is.
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        Err(failure.unwrap_or_else(|| SealError::WrongKey {
            kind: wrapped.kind.clone(),
            fingerprint: wrapped.fingerprint.clone(),
        }))
    }

    /// The data key that `key` unwraps; `None` where it is not the key.
    async fn try_key(
        &self,
        known: &mut Known,
        number: usize,
        key: &Key,
        wrapped: &WrappedKey,
    ) -> Result<Option<DataKey>, SealError> {
        let damaged = || SealError::tampered("the wrapped key is damaged");
        let bytes = unbase64(&wrapped.wrapped).ok_or_else(damaged)?;
        if let Key::Service(service, arguments) = key {
            let answer = service.unwrap(&bytes, arguments, &**self.services()?).await;
            return match answer.map_err(|fault| SealError::Service(Box::new(fault)))? {
                Unwrapped::Key(bytes) => {
                    let bytes = Zeroizing::new(bytes);
                    DataKey::of(&bytes).map(Some).ok_or_else(damaged)
                }
                Unwrapped::OtherKey => Ok(None),
                Unwrapped::Broken => Err(damaged()),
            };
        }
        let (salt, rounds) = (wrapped.salt.as_deref(), wrapped.rounds);
        let user_key = self.user_key(known, number, salt, rounds).await?;
        if fingerprint(&user_key)? != *wrapped.fingerprint {
            return Ok(None);
        }
        let (nonce, sealed) = bytes.split_at_checked(NONCE).ok_or_else(damaged)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| damaged())?;
        let mut sealed = Zeroizing::new(sealed.to_vec());
        let cipher = wrapping(&user_key)?;
        let opened = cipher.open_in_place(nonce, Aad::from(bound(wrapped)), &mut sealed).map_err(|_| damaged())?;
        DataKey::of(opened).map(Some).ok_or_else(damaged)
    }

    fn services(&self) -> Result<&Arc<dyn Services>, SealError> {
        let missing = || Fault::bug("key service", "a key service is used without services");
        self.services.as_ref().ok_or_else(|| SealError::Service(Box::new(missing())))
    }

    /// The 32 bytes of a passphrase or raw key.
    async fn user_key(
        &self,
        known: &mut Known,
        number: usize,
        salt: Option<&str>,
        rounds: Option<u32>,
    ) -> Result<Arc<DataKey>, SealError> {
        let name = (number, salt.map(Into::into), rounds);
        if let Some(key) = known.user_keys.get(&name) {
            return Ok(key.clone());
        }
        let Some(key) = self.keys.get(number) else { return Err(SealError::tampered("there is no such key")) };
        let (Key::Passphrase(source) | Key::Raw(source)) = key else {
            return Err(SealError::tampered("a key of a service has no bytes"));
        };
        let text = match known.texts.get(&number) {
            Some(text) => text.clone(),
            None => Arc::new(source.read(&self.folder, &self.environment, self.command_timeout_ms).await?),
        };
        known.texts.insert(number, text.clone());
        let unavailable = |reason: &str| SealError::KeyUnavailable { source: source.place(), reason: reason.into() };
        let user_key = match key {
            Key::Raw(_) => raw(&text).ok_or_else(|| unavailable("it is not base64 of 32 bytes"))?,
            _ if text.len() < SHORTEST_PASSPHRASE => {
                return Err(unavailable("it is shorter than 16 bytes"));
            }
            _ => stretch(text, salt, rounds).await?,
        };
        let user_key = Arc::new(user_key);
        known.user_keys.insert(name, user_key.clone());
        Ok(user_key)
    }

    /// The data key that this run seals with.
    ///
    /// # Errors
    /// [`SealError::KeyUnavailable`], [`SealError::Service`].
    pub async fn writing(&self) -> Result<WritingKey, SealError> {
        let mut known = self.known.lock().await;
        if let Some(writing) = &known.writing {
            return Ok(writing.clone());
        }
        let writing = self.new_key(&mut known).await?;
        known.opened.insert(writing.1.clone(), writing.0.clone());
        known.writing = Some(writing.clone());
        Ok(writing)
    }

    /// Makes a new data key for what is sealed from now on.
    ///
    /// # Errors
    /// As [`Sealer::writing`].
    pub async fn renew(&self) -> Result<(), SealError> {
        let mut known = self.known.lock().await;
        let writing = self.new_key(&mut known).await?;
        known.opened.insert(writing.1.clone(), writing.0.clone());
        known.writing = Some(writing);
        Ok(())
    }

    async fn new_key(&self, known: &mut Known) -> Result<WritingKey, SealError> {
        let no_random = |_| SealError::KeyUnavailable {
            source: "random".into(),
            reason: "the machine gives no random numbers".into(),
        };
        let data_key = DataKey::random().map_err(no_random)?;
        let kind: Text = self.keys.first().map_or("", Key::kind).into();
        if let Some(Key::Service(service, arguments)) = self.keys.first() {
            let wrapped = service.wrap(data_key.expose(), arguments, &**self.services()?).await;
            let wrapped = wrapped.map_err(|fault| SealError::Service(Box::new(fault)))?;
            let (fingerprint, wrapped) = (wrapped.key, base64(&wrapped.bytes));
            return Ok((Arc::new(data_key), WrappedKey { kind, fingerprint, salt: None, rounds: None, wrapped }));
        }
        let (mut salt, mut nonce) = ([0; SALT], [0; NONCE]);
        envelope::fill(&mut salt).and_then(|()| envelope::fill(&mut nonce)).map_err(no_random)?;
        let is_passphrase = matches!(self.keys.first(), Some(Key::Passphrase(_)));
        let salt = is_passphrase.then(|| base64(&salt));
        let rounds = is_passphrase.then_some(ROUNDS);
        let user_key = self.user_key(known, 0, salt.as_deref(), rounds).await?;
        let fingerprint = fingerprint(&user_key)?;
        let mut wrapped = WrappedKey { kind, fingerprint: fingerprint.into(), salt, rounds, wrapped: "".into() };
        let mut sealed = Zeroizing::new(data_key.expose().to_vec());
        let sealing = Nonce::assume_unique_for_key(nonce);
        let done = wrapping(&user_key)?.seal_in_place_append_tag(sealing, Aad::from(bound(&wrapped)), &mut *sealed);
        done.map_err(|_| SealError::tampered("the data key cannot be wrapped"))?;
        wrapped.wrapped = base64(&[&nonce, sealed.as_slice()].concat());
        Ok((Arc::new(data_key), wrapped))
    }

    /// Seals contents that are in memory.
    ///
    /// # Errors
    /// As [`Sealer::writing`].
    pub async fn seal(&self, contents: &[u8], subject: &Subject) -> Result<Vec<u8>, SealError> {
        let (data_key, wrapped) = self.writing().await?;
        envelope::seal(contents, &data_key, &wrapped, subject)
            .map_err(|error| SealError::KeyUnavailable { source: "random".into(), reason: error.to_string().into() })
    }
}

/// The text of a raw key as bytes.
fn raw(text: &[u8]) -> Option<DataKey> {
    let bytes = std::str::from_utf8(text).ok().and_then(|text| unbase64(text.trim())).map(Zeroizing::new)?;
    DataKey::of(&bytes)
}

/// PBKDF2 over a passphrase, where it may take a core.
async fn stretch(text: Arc<Zeroizing<Vec<u8>>>, salt: Option<&str>, rounds: Option<u32>) -> Result<DataKey, SealError> {
    let damaged = || SealError::tampered("the header does not say how the key is derived");
    let salt = salt.and_then(unbase64).filter(|salt| salt.len() == SALT).ok_or_else(damaged)?;
    let rounds = rounds.filter(|rounds| (ROUNDS..=MOST_ROUNDS).contains(rounds)).and_then(NonZeroU32::new);
    let rounds = rounds.ok_or_else(damaged)?;
    let derive = move || {
        let mut key = Zeroizing::new([0; 32]);
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, rounds, &salt, &text, &mut *key);
        DataKey::of(&*key)
    };
    let derived = tokio::task::spawn_blocking(derive).await;
    derived.ok().flatten().ok_or_else(|| SealError::tampered("no key can be derived"))
}

/// What tells a key from others: 64 bits that are derived from it.
fn fingerprint(key: &DataKey) -> Result<String, SealError> {
    let derived = key.derive(b"terrane", b"terrane fingerprint 1")?;
    Ok(crate::secrets::digest::hex(derived.get(..8).unwrap_or_default()))
}

fn wrapping(key: &DataKey) -> Result<aws_lc_rs::aead::LessSafeKey, SealError> {
    envelope::cipher(&*key.derive(b"terrane", b"terrane wrapping 1")?)
}

/// What is authenticated with a wrapped key.
fn bound(wrapped: &WrappedKey) -> Vec<u8> {
    let salt = wrapped.salt.as_deref().unwrap_or_default();
    format!("terrane data key 1\n{}\n{}\n{salt}\n{:?}", wrapped.kind, wrapped.fingerprint, wrapped.rounds).into_bytes()
}

#[cfg(test)]
mod tests;
