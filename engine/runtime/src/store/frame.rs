//! Framing of a log: each record is a line of length, checksum and JSON, so that people can read it and a
//! record that was not written to its end is seen.

use serde::Serialize;

/// Length and checksum, eight hexadecimal digits each, and the two spaces after them.
const PREFIX: usize = 18;

/// Appends one record to `out`.
///
/// # Errors
/// The record has no JSON form.
pub fn push(record: &impl Serialize, out: &mut Vec<u8>) -> Result<(), serde_json::Error> {
    let start = out.len();
    out.extend_from_slice(&[b' '; PREFIX]);
    if let Err(error) = serde_json::to_writer(&mut *out, record) {
        out.truncate(start);
        return Err(error);
    }
    let body = out.get(start + PREFIX..).unwrap_or_default();
    let prefix = format!("{:08x} {:08x} ", body.len(), crc32fast::hash(body));
    if let Some(place) = out.get_mut(start..start + PREFIX) {
        place.copy_from_slice(prefix.as_bytes());
    }
    out.push(b'\n');
    Ok(())
}

/// What comes next in a log.
#[derive(Debug, PartialEq, Eq)]
pub enum Next<'a> {
    /// The JSON of a record, and where the record after it begins.
    Record(&'a [u8], usize),
    /// The end.
    End,
    /// Nothing that can be read, and why.
    Damaged(&'static str),
}

/// The record that begins at byte `at` of `log`.
#[must_use]
pub fn next(log: &[u8], at: usize) -> Next<'_> {
    let Some(rest) = log.get(at..).filter(|rest| !rest.is_empty()) else { return Next::End };
    let Some((prefix, rest)) = rest.split_at_checked(PREFIX) else {
        return Next::Damaged("the last record is not complete");
    };
    let (Some(length), Some(checksum)) = (field(prefix, 0), field(prefix, 9)) else {
        return Next::Damaged("a record does not begin with its length and checksum");
    };
    let Some((body, rest)) = usize::try_from(length).ok().and_then(|length| rest.split_at_checked(length)) else {
        return Next::Damaged("the last record is not complete");
    };
    match rest.first() {
        None => return Next::Damaged("the last record is not complete"),
        Some(b'\n') => {}
        Some(_) => return Next::Damaged("a record does not end where its length says"),
    }
    if crc32fast::hash(body) != checksum {
        return Next::Damaged("a record does not have its checksum");
    }
    Next::Record(body, at + PREFIX + body.len() + 1)
}

/// Eight hexadecimal digits and a space from byte `at` of a prefix.
fn field(prefix: &[u8], at: usize) -> Option<u32> {
    let field = prefix.get(at..at + 9)?;
    let (digits, space) = field.split_at_checked(8)?;
    let is_plain = digits.iter().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
    if space != b" " || !is_plain {
        return None;
    }
    u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log() -> Vec<u8> {
        let mut log = Vec::new();
        for text in ["one", "two\n", "three"] {
            push(&text, &mut log).unwrap();
        }
        log
    }

    fn read(log: &[u8]) -> (Vec<String>, bool) {
        let (mut at, mut found) = (0, Vec::new());
        loop {
            match next(log, at) {
                Next::Record(body, after) => {
                    found.push(serde_json::from_slice(body).unwrap());
                    at = after;
                }
                Next::End => return (found, true),
                Next::Damaged(_) => return (found, false),
            }
        }
    }

    #[test]
    fn records_come_back_and_each_is_a_line() {
        assert_eq!(read(&log()), (vec!["one".to_owned(), "two\n".to_owned(), "three".to_owned()], true));
        assert_eq!(log().iter().filter(|byte| **byte == b'\n').count(), 3);
    }

    #[test]
    fn a_changed_byte_ends_the_good_prefix() {
        let whole = log();
        for at in 0..whole.len() {
            let mut log = whole.clone();
            log[at] ^= 1;
            let (found, is_whole) = read(&log);
            assert!(!is_whole && found.len() < 3, "byte {at}");
        }
    }
}
