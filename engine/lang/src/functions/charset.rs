//! Character sets of `textencodebase64` and `textdecodebase64`.

use super::{FunctionError, wrong};

/// A character set.
#[derive(Clone, Copy)]
pub enum Charset {
    Utf8,
    Utf16 {
        is_big: bool,
        has_mark: bool,
    },
    /// One byte a character, up to `last`; `upper` has those of bytes 0x80 to 0x9f that are no control characters.
    Bytes {
        upper: Option<&'static [char; 32]>,
        last: u8,
    },
}

/// # Source
/// WHATWG Encoding Standard, index windows-1252.
const WINDOWS: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}', '‘', '’',
    '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

impl Charset {
    /// The character set of an IANA name or alias.
    pub fn named(name: &str, at: usize) -> Result<Self, FunctionError> {
        Ok(match name.to_ascii_lowercase().as_str() {
            "utf-8" | "utf8" => Self::Utf8,
            "utf-16" => Self::Utf16 { is_big: true, has_mark: true },
            "utf-16be" => Self::Utf16 { is_big: true, has_mark: false },
            "utf-16le" => Self::Utf16 { is_big: false, has_mark: false },
            "us-ascii" => Self::Bytes { upper: None, last: 0x7f },
            "iso-8859-1" | "iso_8859-1" | "latin1" => Self::Bytes { upper: None, last: 0xff },
            "windows-1252" | "cp1252" => Self::Bytes { upper: Some(&WINDOWS), last: 0xff },
            _ => {
                let known = "UTF-8, UTF-16, UTF-16BE, UTF-16LE, US-ASCII, ISO-8859-1 and windows-1252";
                return wrong(at, format!("the character sets are {known}"));
            }
        })
    }
}

/// The bytes of a text; `None` where the set lacks a character.
pub fn encode(text: &str, charset: Charset) -> Option<Vec<u8>> {
    match charset {
        Charset::Utf8 => Some(text.as_bytes().to_vec()),
        Charset::Utf16 { is_big, has_mark } => {
            let mark = has_mark.then_some(0xfeff);
            let units = mark.into_iter().chain(text.encode_utf16());
            Some(units.flat_map(|unit| if is_big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect())
        }
        Charset::Bytes { upper, last } => text.chars().map(|c| byte(c, upper).filter(|byte| *byte <= last)).collect(),
    }
}

fn byte(c: char, upper: Option<&[char; 32]>) -> Option<u8> {
    let known = upper.and_then(|upper| upper.iter().zip(0x80..).find(|(known, _)| **known == c));
    match known {
        Some((_, byte)) => Some(byte),
        None => u8::try_from(u32::from(c)).ok().filter(|byte| upper.is_none() || !(0x80..0xa0).contains(byte)),
    }
}

/// The text that bytes mean; `None` where they mean none.
pub fn decode(bytes: &[u8], charset: Charset) -> Option<String> {
    match charset {
        Charset::Utf8 => String::from_utf8(bytes.to_vec()).ok(),
        Charset::Utf16 { is_big, has_mark } => {
            let (is_big, bytes) = match bytes {
                [0xfe, 0xff, rest @ ..] if has_mark => (true, rest),
                [0xff, 0xfe, rest @ ..] if has_mark => (false, rest),
                _ => (is_big, bytes),
            };
            let (pairs, rest) = bytes.as_chunks::<2>();
            let units =
                pairs.iter().map(|pair| if is_big { u16::from_be_bytes(*pair) } else { u16::from_le_bytes(*pair) });
            if rest.is_empty() { char::decode_utf16(units).collect::<Result<String, _>>().ok() } else { None }
        }
        Charset::Bytes { upper, last } => bytes
            .iter()
            .map(|byte| match upper {
                _ if *byte > last => None,
                Some(upper) if (0x80..0xa0).contains(byte) => upper.get(usize::from(*byte - 0x80)).copied(),
                _ => Some(char::from(*byte)),
            })
            .collect(),
    }
}
