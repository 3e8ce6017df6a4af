//! One member of gzip: framing around deflate.
//!
//! # Source
//! RFC 1952.

use miniz_oxide::deflate::compress_to_vec;
use miniz_oxide::inflate::decompress_to_vec_with_limit;

/// Longest text that is taken out, in bytes: some bytes mean very many.
const LONGEST: usize = 64 << 20;
const LEVEL: u8 = 6;
/// Deflate, no flags, no time, no hint, system unknown.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

const HAS_CHECKSUM: u8 = 2;
const HAS_EXTRA: u8 = 4;
const HAS_NAME: u8 = 8;
const HAS_COMMENT: u8 = 16;

/// Bytes made smaller.
pub fn compress(bytes: &[u8]) -> Vec<u8> {
    let mut out = HEADER.to_vec();
    out.extend(compress_to_vec(bytes, LEVEL));
    out.extend(checksum(bytes).to_le_bytes());
    // The length counts modulo 2^32.
    out.extend(u32::try_from(bytes.len() & 0xffff_ffff).unwrap_or(0).to_le_bytes());
    out
}

/// The bytes of one member; the reason in words where it is none.
pub fn decompress(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let no_member = || String::from("it means bytes that are no gzip");
    let body = body(bytes).ok_or_else(no_member)?;
    let (deflated, trailer) = body.split_at_checked(body.len().saturating_sub(8)).ok_or_else(no_member)?;
    let plain = decompress_to_vec_with_limit(deflated, LONGEST).map_err(|error| match error.status {
        miniz_oxide::inflate::TINFLStatus::HasMoreOutput => format!("it means more than {} MiB", LONGEST >> 20),
        _ => no_member(),
    })?;
    let wanted = trailer.first_chunk::<4>().map(|bytes| u32::from_le_bytes(*bytes));
    if wanted == Some(checksum(&plain)) { Ok(plain) } else { Err(String::from("the checksum of the gzip is wrong")) }
}

/// What stands behind the header.
fn body(bytes: &[u8]) -> Option<&[u8]> {
    let (header, mut rest) = bytes.split_at_checked(HEADER.len())?;
    let [0x1f, 0x8b, 8, flags, ..] = header else { return None };
    if flags & HAS_EXTRA != 0 {
        let (length, behind) = rest.split_first_chunk::<2>()?;
        rest = behind.get(usize::from(u16::from_le_bytes(*length))..)?;
    }
    for flag in [HAS_NAME, HAS_COMMENT] {
        if flags & flag != 0 {
            let end = rest.iter().position(|byte| *byte == 0)?;
            rest = rest.get(end + 1..)?;
        }
    }
    if flags & HAS_CHECKSUM != 0 { rest.get(2..) } else { Some(rest) }
}

/// CRC-32 of ISO 3309.
fn checksum(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| (sum >> 1) ^ if sum & 1 == 1 { 0xedb8_8320 } else { 0 })
    })
}
