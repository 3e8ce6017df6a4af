//! Functions of encodings: Base64, JSON, CSV, URLs, character sets.

use super::ParameterType::{Any, String as S};
use super::{
    Function, FunctionError, Outcome, any, argument, charset, csv, gzip, json, nullable, of, p, string, text, wrong,
    yaml,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fmt::Write as _;
use terrane_core::Type;

/// The functions.
pub static TABLE: &[Function] =
    &[
        Function::new("base64decode", "The text that Base64 means.", &[p("text", S)], string, |a, _| {
            match String::from_utf8(bytes(text(a, 0))?) {
                Ok(decoded) => of(decoded),
                Err(_) => wrong(0, "it means bytes that are no text; textdecodebase64 reads other character sets"),
            }
        }),
        Function::new("base64encode", "The text in Base64.", &[p("text", S)], string, |a, _| {
            of(STANDARD.encode(text(a, 0)))
        }),
        Function::new("base64gunzip", "The text that Base64 of gzip means.", &[p("text", S)], string, |a, _| {
            let plain = gzip::decompress(&bytes(text(a, 0))?).or_else(|reason| wrong(0, reason))?;
            String::from_utf8(plain).map_or_else(|_| wrong(0, "it means bytes that are no text"), of)
        }),
        Function::new("base64gzip", "The text made smaller with gzip, in Base64.", &[p("text", S)], string, |a, _| {
            of(STANDARD.encode(gzip::compress(text(a, 0).as_bytes())))
        }),
        Function::new(
            "csvdecode",
            "A list of objects, one for each row of CSV, with the names of the first row.",
            &[p("text", S)],
            |_| Type::list(Type::Any),
            |a, _| csv::read(text(a, 0)).map(Some),
        ),
        Function::new("jsondecode", "The value that JSON means.", &[p("text", S)], any, |a, _| {
            json::read(text(a, 0)).map(Some).or_else(|reason| wrong(0, format!("it is no JSON: {reason}")))
        }),
        Function::new("jsonencode", "The value as JSON.", &[nullable("value", Any)], string, |a, _| {
            of(json::write(argument(a, 0), 0)?)
        }),
        Function::new(
            "textdecodebase64",
            "The text that Base64 of a character set means.",
            &[p("text", S), p("charset", S)],
            string,
            |a, _| match charset::decode(&bytes(text(a, 0))?, charset::Charset::named(text(a, 1), 1)?) {
                Some(decoded) => of(decoded),
                None => wrong(0, format!("it holds bytes that mean nothing in {}", text(a, 1))),
            },
        ),
        Function::new(
            "textencodebase64",
            "The text in a character set, in Base64.",
            &[p("text", S), p("charset", S)],
            string,
            |a, _| match charset::encode(text(a, 0), charset::Charset::named(text(a, 1), 1)?) {
                Some(encoded) => of(STANDARD.encode(encoded)),
                None => wrong(0, format!("it holds characters that {} does not have", text(a, 1))),
            },
        ),
        Function::new("urldecode", "The text that a part of a URL query means.", &[p("text", S)], string, |a, _| {
            url_decode(text(a, 0))
        }),
        Function::new("urlencode", "The text as a part of a URL query.", &[p("text", S)], string, |a, _| {
            of(url_encode(text(a, 0)))
        }),
        Function::new("yamldecode", "The value that YAML means.", &[p("text", S)], any, |a, _| {
            yaml::read(text(a, 0)).map(Some).or_else(|reason| wrong(0, format!("it is no YAML: {reason}")))
        }),
        Function::new("yamlencode", "The value as YAML.", &[nullable("value", Any)], string, |a, _| {
            of(yaml::write(argument(a, 0), 0)?)
        }),
    ];

/// The bytes that Base64 means; line ends inside are passed over.
fn bytes(text: &str) -> Result<Vec<u8>, FunctionError> {
    let lines: String = text.split(['\n', '\r']).collect();
    STANDARD.decode(lines).or_else(|_| wrong(0, "it is no Base64"))
}

fn url_encode(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            b' ' => out.push('+'),
            other => {
                // Writing to a string does not fail.
                let _ = write!(out, "%{other:02X}");
            }
        }
    }
    out
}

fn url_decode(text: &str) -> Outcome {
    let mut decoded = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => match (rest.next().and_then(digit), rest.next().and_then(digit)) {
                (Some(high), Some(low)) => high << 4 | low,
                _ => return wrong(0, "`%` stands before two hexadecimal digits"),
            },
            other => other,
        });
    }
    String::from_utf8(decoded).map_or_else(|_| wrong(0, "it means bytes that are no text"), of)
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}
