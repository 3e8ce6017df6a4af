//! The form of a sealed thing, and the arithmetic: no keys are looked up here.
//!
//! A first line (`terrane-sealed 1`, and a checksum of the second), a second line of JSON that says which key opens it,
//! then the contents in parts of 64 KiB, each encrypted by AES-256-GCM. The key of the contents is derived from the
//! data key and a salt of 32 random bytes, and used for this one thing: so the nonces can simply count the parts. The
//! last nonce differs, so that contents that were cut are seen.
//!
//! # Source
//! NIST SP 800-38D (GCM), RFC 5869 (HKDF); Hoang, Reyhanitabar, Rogaway, Vizár, "Online Authenticated-Encryption and its
//! Nonce-Reuse Misuse-Resistance", 2015, the construction STREAM.

use super::SealError;
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::{digest, hkdf, rand};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use std::io::{self, BufRead, Read, Write};
use terrane_core::Text;
use zeroize::{Zeroize, Zeroizing};

/// Version of the format.
pub const FORMAT: u32 = 1;
/// How every sealed thing begins.
pub const MAGIC: &[u8] = b"terrane-sealed ";

/// Bytes of contents in one part.
const PART: usize = 64 * 1024;
/// Bytes that authenticate a part.
const TAG: usize = 16;
const SALT: usize = 32;
/// A header is some hundred bytes; what a key service wraps may be a few thousand.
const LARGEST_HEADER: u64 = 64 * 1024;

/// What a sealed thing is: authenticated with it, so that nothing else is taken for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// `plan`, `object`, `snapshot`, `entry`.
    pub kind: &'static str,
    /// The name of an object; empty where it has none.
    pub name: Text,
    /// The history it belongs to; empty where that is not known from outside.
    pub lineage: Text,
    /// The serial of what is in it, where that is known from outside.
    pub serial: u64,
}

impl Subject {
    /// A thing of this kind with nothing else known of it.
    #[must_use]
    pub fn of(kind: &'static str) -> Self {
        Self { kind, name: "".into(), lineage: "".into(), serial: 0 }
    }

    /// With a name.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        self.name = name.into();
        self
    }

    /// With a history and a serial.
    #[must_use]
    pub fn at(mut self, lineage: &str, serial: u64) -> Self {
        self.lineage = lineage.into();
        self.serial = serial;
        self
    }

    /// Every part with its length before it, so that no two subjects read the same.
    fn bytes(&self, header: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(128 + header.len());
        for part in [header, self.kind.as_bytes(), self.name.as_bytes(), self.lineage.as_bytes()] {
            bytes.extend_from_slice(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            bytes.extend_from_slice(part);
        }
        bytes.extend_from_slice(&self.serial.to_be_bytes());
        bytes
    }
}

/// A data key as it stands in a header: wrapped by the user's key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WrappedKey {
    /// The kind of the user's key: `passphrase`, `raw`, or the name of a key service.
    pub kind: Text,
    /// What tells the user's key from others without telling the key; the name of the key at a key service.
    pub fingerprint: Text,
    /// What the key was derived from the passphrase with, base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub salt: Option<Text>,
    /// How often the derivation was repeated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rounds: Option<u32>,
    /// The data key, encrypted, base64.
    pub wrapped: Text,
}

/// The second line of a sealed thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    key: WrappedKey,
    /// What the key of the contents is derived with, base64.
    salt: Text,
    /// The lineage of the contents, where they have one.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    lineage: Text,
    /// The serial of the contents, where they have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    serial: Option<u64>,
}

/// 32 bytes that other keys are derived from. They cannot be shown and are wiped when dropped.
pub struct DataKey(Zeroizing<[u8; 32]>);

impl std::fmt::Debug for DataKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("(secret)")
    }
}

impl DataKey {
    /// One by chance.
    ///
    /// # Errors
    /// The machine gives no random numbers.
    pub fn random() -> io::Result<Self> {
        let mut bytes = Zeroizing::new([0; 32]);
        fill(&mut *bytes)?;
        Ok(Self(bytes))
    }

    /// One of these bytes; `None` where they are not 32.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let bytes: [u8; 32] = bytes.try_into().ok()?;
        Some(Self(Zeroizing::new(bytes)))
    }

    /// The bytes, for wrapping.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &*self.0
    }

    /// A key for one use, by HKDF-SHA256.
    pub(super) fn derive(&self, salt: &[u8], purpose: &[u8]) -> Result<Zeroizing<[u8; 32]>, SealError> {
        let mut key = Zeroizing::new([0; 32]);
        let source = hkdf::Salt::new(hkdf::HKDF_SHA256, salt).extract(&*self.0);
        let expanded = source.expand(&[purpose], hkdf::HKDF_SHA256).and_then(|out| out.fill(&mut *key));
        expanded.map_err(|_| SealError::tampered("no key can be derived"))?;
        Ok(key)
    }

    fn contents_key(&self, salt: &[u8]) -> Result<LessSafeKey, SealError> {
        let mut key = self.derive(salt, b"terrane contents 1")?;
        let cipher = cipher(&*key);
        key.zeroize();
        cipher
    }
}

pub(super) fn cipher(key: &[u8]) -> Result<LessSafeKey, SealError> {
    let key = UnboundKey::new(&AES_256_GCM, key).map_err(|_| SealError::tampered("the key has another length"))?;
    Ok(LessSafeKey::new(key))
}

pub(super) fn fill(bytes: &mut [u8]) -> io::Result<()> {
    rand::fill(bytes).map_err(|_| io::Error::other("the machine gives no random numbers"))
}

pub(super) fn base64(bytes: &[u8]) -> Text {
    STANDARD.encode(bytes).into()
}

pub(super) fn unbase64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// Whether these bytes, or the first of them, are of a sealed thing.
#[must_use]
pub fn is_sealed(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

/// The nonce of part `number`. A thing of 2^64 parts is never written.
fn nonce(number: u64, is_last: bool) -> Nonce {
    let mut nonce = [0; 12];
    let (_, count) = nonce.split_at_mut(4);
    count.copy_from_slice(&number.to_be_bytes());
    if is_last {
        nonce[0] = 1;
    }
    Nonce::assume_unique_for_key(nonce)
}

/// Contents on their way into a sealed thing.
pub struct SealedWriter<W: Write> {
    out: W,
    key: LessSafeKey,
    aad: Vec<u8>,
    part: Vec<u8>,
    number: u64,
}

impl<W: Write> SealedWriter<W> {
    /// Writes the header and is ready for the contents. [`SealedWriter::finish`] has to follow them.
    ///
    /// # Errors
    /// Those of `out`; the machine gives no random numbers.
    pub fn new(mut out: W, data_key: &DataKey, wrapped: &WrappedKey, subject: &Subject) -> io::Result<Self> {
        let mut salt = [0; SALT];
        fill(&mut salt)?;
        let header = Header {
            key: wrapped.clone(),
            salt: base64(&salt),
            lineage: subject.lineage.clone(),
            serial: (!subject.lineage.is_empty()).then_some(subject.serial),
        };
        let mut line = serde_json::to_vec(&header)?;
        line.push(b'\n');
        writeln!(out, "terrane-sealed {FORMAT} {}", checksum(&line))?;
        out.write_all(&line)?;
        let key = data_key.contents_key(&salt).map_err(|_| io::Error::other("no key can be derived"))?;
        Ok(Self { out, key, aad: subject.bytes(&line), part: Vec::with_capacity(PART + TAG), number: 0 })
    }

    fn put(&mut self, is_last: bool) -> io::Result<()> {
        let nonce = nonce(self.number, is_last);
        let sealed = self.key.seal_in_place_append_tag(nonce, Aad::from(&self.aad), &mut self.part);
        sealed.map_err(|_| io::Error::other("a part cannot be encrypted"))?;
        self.out.write_all(&self.part)?;
        self.part.clear();
        self.number += 1;
        Ok(())
    }

    /// Writes the last part; without it the thing does not open.
    ///
    /// # Errors
    /// Those of the writer below.
    pub fn finish(mut self) -> io::Result<W> {
        self.put(true)?;
        self.out.flush()?;
        Ok(self.out)
    }
}

impl<W: Write> Write for SealedWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A full part waits for more: only then is it known that it is not the last.
        if self.part.len() == PART && !bytes.is_empty() {
            self.put(false)?;
        }
        let taken = bytes.get(..bytes.len().min(PART - self.part.len())).unwrap_or_default();
        self.part.extend_from_slice(taken);
        Ok(taken.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        // A part is written when it is full; what is flushed early would be no whole part.
        Ok(())
    }
}

/// The header of a sealed thing that is being read.
#[derive(Debug)]
pub struct Opening {
    header: Header,
    line: Vec<u8>,
}

impl Opening {
    /// Reads the header.
    ///
    /// # Errors
    /// [`SealError::NotSealed`], [`SealError::Newer`], [`SealError::Tampered`].
    pub fn read(from: &mut impl BufRead) -> io::Result<Result<Self, SealError>> {
        let first = line_of(from, 256)?;
        if !is_sealed(&first) {
            return Ok(Err(SealError::NotSealed));
        }
        let line = line_of(from, LARGEST_HEADER)?;
        Ok(Self::of_lines(&first, line))
    }

    fn of_lines(first: &[u8], line: Vec<u8>) -> Result<Self, SealError> {
        let damaged = || SealError::tampered("the header is damaged");
        let rest = first.strip_prefix(MAGIC).and_then(|rest| std::str::from_utf8(rest).ok()).ok_or_else(damaged)?;
        let (format, sum) = rest.trim_end_matches('\n').split_once(' ').ok_or_else(damaged)?;
        let format: u32 = format.parse().map_err(|_| damaged())?;
        if format > FORMAT {
            return Err(SealError::Newer { found: format });
        }
        if format == 0 || sum != checksum(&line) || !line.ends_with(b"\n") || !rest.ends_with('\n') {
            return Err(damaged());
        }
        let header = serde_json::from_slice(&line).map_err(|_| damaged())?;
        Ok(Self { header, line })
    }

    /// The key that opens it.
    #[must_use]
    pub fn key(&self) -> &WrappedKey {
        &self.header.key
    }

    /// What it is: of this kind, of the lineage and serial that it says itself.
    #[must_use]
    pub fn subject(&self, kind: &'static str) -> Subject {
        Subject::of(kind).at(&self.header.lineage, self.header.serial.unwrap_or_default())
    }

    /// The contents that follow the header in `from`.
    ///
    /// # Errors
    /// [`SealError::Tampered`].
    pub fn contents<R: BufRead>(
        self,
        from: R,
        data_key: &DataKey,
        subject: &Subject,
    ) -> Result<SealedReader<R>, SealError> {
        let salt = unbase64(&self.header.salt).filter(|salt| salt.len() == SALT);
        let salt = salt.ok_or_else(|| SealError::tampered("the header is damaged"))?;
        Ok(SealedReader {
            from,
            key: data_key.contents_key(&salt)?,
            aad: subject.bytes(&self.line),
            part: Vec::new(),
            at: 0,
            number: 0,
            is_done: false,
        })
    }
}

/// One line, its line feed included, and no more than `most` bytes.
fn line_of(from: &mut impl BufRead, most: u64) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    from.by_ref().take(most).read_until(b'\n', &mut line)?;
    Ok(line)
}

/// A damaged header is told from a wrong key by this; nobody is kept from changing both.
fn checksum(line: &[u8]) -> String {
    let digest = digest::digest(&digest::SHA256, line);
    crate::secrets::digest::hex(digest.as_ref().get(..8).unwrap_or_default())
}

/// The contents of a sealed thing. What was read is authentic even before the end; only the end proves that nothing
/// is missing. A part that does not open is an error of the kind `InvalidData`.
pub struct SealedReader<R> {
    from: R,
    key: LessSafeKey,
    aad: Vec<u8>,
    part: Vec<u8>,
    at: usize,
    number: u64,
    is_done: bool,
}

impl<R: BufRead> SealedReader<R> {
    fn next_part(&mut self) -> io::Result<()> {
        self.part.clear();
        self.at = 0;
        let most = u64::try_from(PART + TAG).unwrap_or(u64::MAX);
        self.from.by_ref().take(most).read_to_end(&mut self.part)?;
        let is_last = self.from.fill_buf()?.is_empty();
        let nonce = nonce(self.number, is_last);
        let opened = self.key.open_in_place(nonce, Aad::from(&self.aad), &mut self.part);
        let length = opened.map(|contents| contents.len()).map_err(|_| {
            io::Error::new(io::ErrorKind::InvalidData, "the contents do not fit the key, the name or each other")
        })?;
        self.part.truncate(length);
        self.number += 1;
        self.is_done = is_last;
        Ok(())
    }
}

impl<R: BufRead> Read for SealedReader<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.at == self.part.len() && !self.is_done {
            self.next_part()?;
        }
        let rest = self.part.get(self.at..).unwrap_or_default();
        let count = rest.len().min(out.len());
        if let (Some(to), Some(from)) = (out.get_mut(..count), rest.get(..count)) {
            to.copy_from_slice(from);
        }
        self.at += count;
        Ok(count)
    }
}

/// Seals contents that are in memory.
///
/// # Errors
/// The machine gives no random numbers.
pub fn seal(contents: &[u8], data_key: &DataKey, wrapped: &WrappedKey, subject: &Subject) -> io::Result<Vec<u8>> {
    let mut writer = SealedWriter::new(
        Vec::with_capacity(contents.len() + contents.len() / 1_024 + 1_024),
        data_key,
        wrapped,
        subject,
    )?;
    writer.write_all(contents)?;
    writer.finish()
}

/// Opens contents that are in memory: `from` stands behind the header.
///
/// # Errors
/// [`SealError::Tampered`].
pub fn open(opening: Opening, from: &[u8], data_key: &DataKey, subject: &Subject) -> Result<Vec<u8>, SealError> {
    let mut contents = Vec::with_capacity(from.len());
    let mut reader = opening.contents(from, data_key, subject)?;
    reader
        .read_to_end(&mut contents)
        .map_err(|_| SealError::tampered("the contents do not fit the key, the name or each other"))?;
    Ok(contents)
}

/// Seals one record of a log: a salt and the contents, without a header.
///
/// # Errors
/// The machine gives no random numbers.
pub fn seal_record(contents: &[u8], data_key: &DataKey, subject: &Subject) -> io::Result<Vec<u8>> {
    let mut salt = [0; SALT];
    fill(&mut salt)?;
    let failed = |_| io::Error::other("a record cannot be encrypted");
    let key = data_key.contents_key(&salt).map_err(failed)?;
    let mut sealed = Vec::with_capacity(SALT + contents.len() + TAG);
    sealed.extend_from_slice(contents);
    let aad = subject.bytes(&[]);
    key.seal_in_place_append_tag(nonce(0, true), Aad::from(aad), &mut sealed)
        .map_err(|_| io::Error::other("a record cannot be encrypted"))?;
    sealed.splice(0..0, salt);
    Ok(sealed)
}

/// Opens one record of a log.
///
/// # Errors
/// [`SealError::Tampered`].
pub fn open_record(sealed: &[u8], data_key: &DataKey, subject: &Subject) -> Result<Vec<u8>, SealError> {
    let tampered = || SealError::tampered("an entry does not fit its key or its place");
    let (salt, rest) = sealed.split_at_checked(SALT).ok_or_else(tampered)?;
    let mut contents = rest.to_vec();
    let key = data_key.contents_key(salt)?;
    let aad = subject.bytes(&[]);
    let length = key.open_in_place(nonce(0, true), Aad::from(aad), &mut contents).map_err(|_| tampered())?.len();
    contents.truncate(length);
    Ok(contents)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrapped() -> WrappedKey {
        WrappedKey { kind: "raw".into(), fingerprint: "f".into(), salt: None, rounds: None, wrapped: "w".into() }
    }

    fn opened(sealed: &[u8], key: &DataKey, subject: &Subject) -> Result<Vec<u8>, SealError> {
        let mut from = sealed;
        let opening = Opening::read(&mut from).unwrap()?;
        open(opening, from, key, subject)
    }

    fn key() -> DataKey {
        DataKey::of(&[7; 32]).unwrap()
    }

    // A10
    #[test]
    fn contents_of_every_length_come_back() {
        let subject = Subject::of("plan");
        for length in [0, 1, PART - 1, PART, PART + 1, 2 * PART, 3 * PART + 5] {
            let contents: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
            let sealed = seal(&contents, &key(), &wrapped(), &subject).unwrap();
            assert!(is_sealed(&sealed));
            assert_eq!(opened(&sealed, &key(), &subject).unwrap(), contents, "{length}");
        }
    }

    // A10
    #[test]
    fn a_flipped_bit_anywhere_is_seen() {
        let subject = Subject::of("object").named("log/1");
        let sealed = seal(b"what nobody may know", &key(), &wrapped(), &subject).unwrap();
        for bit in 0..sealed.len() * 8 {
            let mut changed = sealed.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let error = opened(&changed, &key(), &subject).unwrap_err();
            let is_told = match &error {
                SealError::Tampered { .. } => true,
                // Bits of the first word and of the number after it.
                SealError::NotSealed => bit / 8 < MAGIC.len(),
                SealError::Newer { .. } => bit / 8 == MAGIC.len(),
                _ => false,
            };
            assert!(is_told, "bit {bit}: {error:?}");
        }
    }

    // A10
    #[test]
    fn what_is_cut_or_longer_or_shuffled_does_not_open() {
        let subject = Subject::of("plan");
        let contents = vec![1; 3 * PART];
        let sealed = seal(&contents, &key(), &wrapped(), &subject).unwrap();
        let start = sealed.len() - 3 * (PART + TAG);
        let part = |at: usize| sealed[start + at * (PART + TAG)..start + (at + 1) * (PART + TAG)].to_vec();
        let of = |parts: &[usize]| {
            let parts = parts.iter().flat_map(|at| part(*at));
            sealed[..start].iter().copied().chain(parts).collect::<Vec<u8>>()
        };
        assert!(opened(&of(&[0, 1, 2]), &key(), &subject).is_ok());
        for wrong in [&[0, 1][..], &[0, 2], &[1, 0, 2], &[0, 1, 2, 2], &[]] {
            assert!(opened(&of(wrong), &key(), &subject).is_err(), "{wrong:?}");
        }
        assert!(opened(&sealed[..sealed.len() - 1], &key(), &subject).is_err());
    }

    // A10
    #[test]
    fn what_it_is_belongs_to_it() {
        let subject = Subject::of("object").named("snapshot/2").at("l", 3);
        let sealed = seal(b"x", &key(), &wrapped(), &subject).unwrap();
        let record = seal_record(b"x", &key(), &subject).unwrap();
        let others = [
            Subject::of("object").named("snapshot/3").at("l", 3),
            Subject::of("object").named("snapshot/2").at("m", 3),
            Subject::of("object").named("snapshot/2").at("l", 4),
            Subject::of("plan").named("snapshot/2").at("l", 3),
            Subject::of("object").named("snapshot/").at("2l", 3),
        ];
        for other in &others {
            assert!(opened(&sealed, &key(), other).is_err(), "{other:?}");
            assert!(open_record(&record, &key(), other).is_err(), "{other:?}");
        }
        assert_eq!(open_record(&record, &key(), &subject).unwrap(), b"x");
        assert!(opened(&sealed, &DataKey::of(&[8; 32]).unwrap(), &subject).is_err());
    }

    // A10
    #[test]
    fn two_seals_of_one_thing_share_nothing() {
        let subject = Subject::of("entry");
        let (one, two) = (seal_record(b"same", &key(), &subject), seal_record(b"same", &key(), &subject));
        assert_ne!(one.unwrap(), two.unwrap());
        assert_eq!(format!("{:?}", key()), "(secret)");
    }
}
