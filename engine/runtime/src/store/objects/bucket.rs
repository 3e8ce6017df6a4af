//! Objects in a bucket or container, whichever cloud it is in.
//!
//! In: an operator of opendal that signs for one bucket and one prefix. Out: [`Objects`]. What differs between the
//! clouds is a table of words: how they name the rights, and by which codes they say what is wrong. Nothing is tried
//! again here.

use super::transport::{chain, client};
use super::{Created, Listed, Object, Objects, ObjectsError, OpenError};
use bytes::Bytes;
use opendal::options::{ListOptions, WriteOptions};
use opendal::{Buffer, EntryMode, Error, ErrorKind, HttpTransporter, Operator};
use opendal_http_transport_reqwest::ReqwestTransport;
use terrane_provider::Async;

/// The words of one cloud.
#[derive(Debug)]
pub(super) struct Words {
    /// The right to read an object.
    pub(super) read: &'static str,
    /// The right to list.
    pub(super) list: &'static str,
    /// The right to make an object.
    pub(super) create: &'static str,
    /// The right to overwrite one.
    pub(super) write: &'static str,
    /// The right to take one away.
    pub(super) delete: &'static str,
}

/// What an error is about, by the code or the words of the place. The first that fits counts.
///
/// # Source
/// "Error responses" of Amazon S3 (2026), "Error codes" of Alibaba Cloud OSS and Tencent Cloud COS, "Status and
/// error codes" of Azure Blob Storage and of Cloud Storage's JSON API.
const MEANINGS: &[(&str, Meaning)] = &[
    ("NoSuchBucket", Meaning::NoPlace),
    ("ContainerNotFound", Meaning::NoPlace),
    ("specified bucket does not exist", Meaning::NoPlace),
    ("RequestTimeTooSkewed", Meaning::Skew),
    ("RequestExpired", Meaning::Skew),
    ("Request has expired", Meaning::Skew),
    ("Signature expired", Meaning::Skew),
    ("Signature not yet current", Meaning::Skew),
    ("Request date header too old", Meaning::Skew),
    ("reasonable timeframe", Meaning::Skew),
    ("SlowDown", Meaning::Throttled),
    ("TooManyRequests", Meaning::Throttled),
    ("QpsLimitExceeded", Meaning::Throttled),
    ("RequestLimitExceeded", Meaning::Throttled),
    ("ServerBusy", Meaning::Throttled),
    ("rateLimitExceeded", Meaning::Throttled),
    // Two writers at the same moment: neither the condition nor the write was decided.
    ("ConditionalRequestConflict", Meaning::Throttled),
    ("OperationAborted", Meaning::Throttled),
    ("InvalidAccessKeyId", Meaning::Stranger),
    ("SignatureDoesNotMatch", Meaning::Stranger),
    ("ExpiredToken", Meaning::Stranger),
    ("InvalidToken", Meaning::Stranger),
    ("AuthenticationFailed", Meaning::Stranger),
    ("failed to authenticate the request", Meaning::Stranger),
    ("invalid_grant", Meaning::Stranger),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    NoPlace,
    Skew,
    Throttled,
    Stranger,
}

/// A bucket, and the prefix below which its names stand.
pub(super) struct Bucket {
    operator: Operator,
    place: String,
    words: &'static Words,
}

impl Bucket {
    /// # Errors
    /// Where opendal does not take the settings.
    pub(super) fn new(builder: impl opendal::Builder, place: String, words: &'static Words) -> Result<Self, OpenError> {
        let operator = Operator::new(builder).map_err(|error| OpenError::Unusable { reason: reason(&error) })?;
        let client = client().map_err(|reason| OpenError::Unusable { reason })?;
        // What asks for credentials on its own, an assumed role, takes the first default of the process.
        HttpTransporter::install_default(ReqwestTransport::new(client.clone()));
        let transport = HttpTransporter::new(ReqwestTransport::new(client));
        let context = operator.base_context().with_http_transport(transport);
        Ok(Self { operator: operator.with_context(context), place, words })
    }

    async fn put(&self, name: &str, bytes: Bytes, if_not_exists: bool) -> Result<(), Error> {
        let options = WriteOptions { if_not_exists, ..WriteOptions::default() };
        self.operator.write_options(name, Buffer::from(bytes), options).await.map(|_| ())
    }

    async fn get(&self, name: &str) -> Result<Object, Error> {
        let reader = self.operator.reader(name).await?;
        let bytes = reader.read(..).await?.to_bytes();
        // The time comes with the bytes; a place that leaves it out is asked for it.
        let told = reader.metadata().and_then(opendal::Metadata::last_modified);
        let modified = match told {
            Some(modified) => Some(modified),
            None => self.operator.stat(name).await?.last_modified(),
        };
        Ok(Object { bytes, modified_ms: milliseconds(modified) })
    }

    async fn entries(&self, prefix: &str, after: &str) -> Result<Vec<Listed>, Error> {
        let can_start = self.operator.info().capability().list_with_start_after;
        let start_after = (can_start && !after.is_empty()).then(|| after.to_owned());
        let options = ListOptions { recursive: true, start_after, ..ListOptions::default() };
        let entries = self.operator.list_options(prefix, options).await?;
        let mut listed = Vec::with_capacity(entries.len());
        for entry in entries {
            let (name, metadata) = entry.into_parts();
            if metadata.mode() == EntryMode::FILE && name.starts_with(prefix) && *name > *after {
                let modified_ms = milliseconds(metadata.last_modified());
                listed.push(Listed { name, bytes: metadata.content_length(), modified_ms });
            }
        }
        listed.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(listed)
    }
}

impl Objects for Bucket {
    fn place(&self) -> String {
        self.place.clone()
    }

    fn create<'a>(&'a self, name: &'a str, bytes: Bytes) -> Async<'a, Result<Created, ObjectsError>> {
        Box::pin(async move {
            match self.put(name, bytes, true).await {
                Ok(()) => Ok(Created::Made),
                Err(error) if error.kind() == ErrorKind::ConditionNotMatch => Ok(Created::Exists),
                Err(error) => Err(explain(&error, self.words.create)),
            }
        })
    }

    fn write<'a>(&'a self, name: &'a str, bytes: Bytes) -> Async<'a, Result<(), ObjectsError>> {
        Box::pin(async move { self.put(name, bytes, false).await.map_err(|error| explain(&error, self.words.write)) })
    }

    fn read<'a>(&'a self, name: &'a str) -> Async<'a, Result<Option<Object>, ObjectsError>> {
        Box::pin(async move {
            match self.get(name).await {
                Ok(object) => Ok(Some(object)),
                Err(error) if is_absent(&error) => Ok(None),
                Err(error) => Err(explain(&error, self.words.read)),
            }
        })
    }

    fn list<'a>(&'a self, prefix: &'a str, after: &'a str) -> Async<'a, Result<Vec<Listed>, ObjectsError>> {
        Box::pin(async move { self.entries(prefix, after).await.map_err(|error| explain(&error, self.words.list)) })
    }

    fn delete<'a>(&'a self, name: &'a str) -> Async<'a, Result<(), ObjectsError>> {
        Box::pin(async move {
            match self.operator.delete(name).await {
                Err(error) if !is_absent(&error) => Err(explain(&error, self.words.delete)),
                _ => Ok(()),
            }
        })
    }
}

fn milliseconds(moment: Option<opendal::raw::Timestamp>) -> u64 {
    let moment = moment.map_or(0, |moment| moment.into_inner().as_millisecond());
    u64::try_from(moment).unwrap_or(0)
}

/// Whether it is the object that is not there, and not the bucket.
fn is_absent(error: &Error) -> bool {
    error.kind() == ErrorKind::NotFound && meaning(error) != Some(Meaning::NoPlace)
}

fn meaning(error: &Error) -> Option<Meaning> {
    let text = reason(error);
    MEANINGS.iter().find(|(words, _)| text.contains(words)).map(|(_, meaning)| *meaning)
}

fn explain(error: &Error, action: &'static str) -> ObjectsError {
    let reason = reason(error);
    match meaning(error) {
        Some(Meaning::NoPlace) => ObjectsError::NoSuchPlace { reason },
        Some(Meaning::Skew) => ObjectsError::ClockSkew { reason },
        Some(Meaning::Throttled) => ObjectsError::Throttled { reason },
        Some(Meaning::Stranger) => {
            ObjectsError::Refused { reason: format!("the credentials are not accepted: {reason}") }
        }
        None => match error.kind() {
            ErrorKind::NotFound | ErrorKind::ConfigInvalid => ObjectsError::NoSuchPlace { reason },
            ErrorKind::PermissionDenied => ObjectsError::Denied { action, reason },
            ErrorKind::RateLimited => ObjectsError::Throttled { reason },
            _ if error.is_temporary() || is_unanswered(error) => ObjectsError::Unavailable { reason },
            _ => ObjectsError::Refused { reason },
        },
    }
}

/// Whether the request broke on its way. A certificate that is not trusted breaks it each time.
fn is_unanswered(error: &Error) -> bool {
    error.message().starts_with("send http request") && !reason(error).contains("certificate")
}

/// What went wrong, without what the error says of the request: its address may hold a token.
///
/// opendal gives the answer of a place as the debug text of a structure of its own, from which code and message are
/// taken; what has another shape is shown as it is.
fn reason(error: &Error) -> String {
    let text = error.message();
    let code = field(text, "code: \"").or_else(|| field(text, "reason: \""));
    let said = match (code, field(text, "message: \"")) {
        (Some(code), Some(message)) if !code.is_empty() => format!("{code}: {message}"),
        (None, Some(message)) => message,
        _ => text.to_owned(),
    };
    let cause = std::error::Error::source(error).map(chain).unwrap_or_default();
    let whole = if cause.is_empty() { said } else { format!("{said}: {cause}") };
    let line = whole.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(MOST_CHARACTERS) {
        Some((end, _)) => format!("{} ..", line.get(..end).unwrap_or_default()),
        None => line,
    }
}

const MOST_CHARACTERS: usize = 400;

/// What stands in a debug text between `key` and the next quote that is none of the text itself.
fn field(text: &str, key: &str) -> Option<String> {
    let (_, rest) = text.split_once(key)?;
    let mut found = String::new();
    let mut is_escaped = false;
    for character in rest.chars() {
        match character {
            _ if is_escaped => {
                found.push(if character == 'n' { ' ' } else { character });
                is_escaped = false;
            }
            '\\' => is_escaped = true,
            '"' => return Some(found),
            _ => found.push(character),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(kind: ErrorKind, message: &str) -> ObjectsError {
        explain(&Error::new(kind, message), "s3:PutObject")
    }

    #[test]
    fn code_and_message_are_what_is_shown() {
        let message =
            "S3Error { code: \"AccessDenied\", message: \"not \\\"allowed\\\"\", resource: \"\", request_id: \"1\" }";
        let reason = "AccessDenied: not \"allowed\"".to_owned();
        assert_eq!(told(ErrorKind::PermissionDenied, message), ObjectsError::Denied { action: "s3:PutObject", reason });
    }

    #[test]
    fn a_missing_bucket_is_no_missing_object() {
        let bucket = Error::new(ErrorKind::NotFound, "OssError { code: \"NoSuchBucket\", message: \"none\" }");
        assert!(!is_absent(&bucket));
        assert!(is_absent(&Error::new(ErrorKind::NotFound, "OssError { code: \"NoSuchKey\", message: \"none\" }")));
    }

    #[test]
    fn each_trouble_has_its_kind() {
        let code = |code: &str| format!("X {{ code: \"{code}\", message: \"m\" }}");
        let kinds = [
            ("RequestTimeTooSkewed", "ClockSkew"),
            ("SlowDown", "Throttled"),
            ("ConditionalRequestConflict", "Throttled"),
            ("ContainerNotFound", "NoSuchPlace"),
            ("SignatureDoesNotMatch", "Refused"),
            ("MethodNotAllowed", "Refused"),
        ];
        for (said, kind) in kinds {
            let error = told(ErrorKind::Unexpected, &code(said));
            assert!(format!("{error:?}").starts_with(kind), "{said}: {error:?}");
        }
        let temporary = Error::new(ErrorKind::Unexpected, "x").set_temporary();
        assert!(matches!(explain(&temporary, "x"), ObjectsError::Unavailable { .. }));
    }

    #[test]
    fn long_answers_are_cut() {
        assert!(reason(&Error::new(ErrorKind::Unexpected, "é".repeat(1_000))).len() < 900);
    }
}
