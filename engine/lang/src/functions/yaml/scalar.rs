//! What one scalar of YAML means.

use crate::functions::normal;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::civil::{Date, DateTime, Time};
use num_bigint::BigInt;
use terrane_core::{Number, Value};

/// How a scalar is written, as far as its meaning goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Without quotes, or as a block.
    Plain,
    /// In quotes: always a text.
    Quoted,
}

/// The value of a scalar with a tag of YAML (`str`, `int`, ..) or none; the reason in words where it has none.
pub fn scalar(tag: Option<&str>, text: &str, style: Style) -> Result<Value, String> {
    match tag {
        // A tag `!` alone says: a text.
        None | Some("!" | "str" | "bool" | "int" | "float" | "null" | "timestamp" | "binary") => {}
        Some(other) => return Err(format!("the tag `{other}` is not read")),
    }
    if matches!(tag, Some("!" | "str")) {
        return Ok(normal(text));
    }
    if tag == Some("binary") {
        return match STANDARD.decode(text) {
            Ok(_) => Ok(normal(text)),
            Err(_) => Err(String::from("the tag `binary` is on what is no Base64")),
        };
    }
    let misfit = |tag: &str| Err(format!("the tag `{tag}` is on what is none"));
    let is_hinted = text.is_empty() || text.starts_with(|c: char| "+-0123456789yYnNtTfFoO~.".contains(c));
    if is_hinted {
        if style == Style::Quoted {
            return Ok(normal(text));
        }
        if let Some(value) = word(text)? {
            return Ok(value);
        }
        if tag.is_none() && matches!(text, ".nan" | ".NaN" | ".NAN") {
            return Err(String::from("there is no value for not-a-number"));
        }
        if let Some(value) = looks_like(tag, text) {
            return Ok(value);
        }
    }
    match tag {
        Some(tag @ "bool") => match word(text)? {
            Some(value) if value.as_bool().is_some() => Ok(value),
            _ => misfit(tag),
        },
        Some(tag @ ("int" | "float")) => tagged_number(text).map_or_else(|| misfit(tag), Ok),
        Some(tag @ "timestamp") => timestamp(text).map_or_else(|| misfit(tag), |text| Ok(Value::string(text))),
        Some("null") => Ok(Value::NULL),
        _ => Ok(normal(text)),
    }
}

/// Words that mean bool, null or infinity.
fn word(text: &str) -> Result<Option<Value>, String> {
    Ok(Some(match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Value::bool(true),
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => Value::bool(false),
        "" | "~" | "null" | "Null" | "NULL" => Value::NULL,
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" | "-.inf" | "-.Inf" | "-.INF" => {
            return Err(String::from("there is no value for infinity"));
        }
        _ => return Ok(None),
    }))
}

/// A number or a moment without quotes; `None` for anything else.
fn looks_like(tag: Option<&str>, text: &str) -> Option<Value> {
    if text.starts_with('.') {
        return decimal(text);
    }
    if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-')) {
        return None;
    }
    if matches!(tag, None | Some("timestamp"))
        && let Some(moment) = timestamp(text)
    {
        return Some(Value::string(moment));
    }
    decimal(text).or_else(|| prefixed(text, &[("0o", 8), ("0x", 16)]))
}

/// Digits with a point and an exponent; the point may stand at either end.
fn decimal(text: &str) -> Option<Value> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = unsigned.split_at(unsigned.find(['e', 'E']).unwrap_or(unsigned.len()));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let sign = if text.starts_with('-') { "-" } else { "" };
    let exponent = exponent.replace('+', "");
    let whole = if whole.is_empty() { "0" } else { whole };
    let fraction = if fraction.is_empty() { "0" } else { fraction };
    Number::parse(&format!("{sign}{whole}.{fraction}{exponent}")).map(Value::number)
}

fn prefixed(text: &str, bases: &[(&str, u32)]) -> Option<Value> {
    let (digits, base) = bases.iter().find_map(|(prefix, base)| Some((text.strip_prefix(prefix)?, *base)))?;
    let is_plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let number = BigInt::parse_bytes(digits.as_bytes(), base).filter(|_| is_plain)?;
    // 64 bits are the most that the other side reads in these forms.
    (number.bits() <= 64).then(|| Value::number(Number::from_big(number)))
}

/// Under the tags `int` and `float` underscores and more bases are read.
fn tagged_number(text: &str) -> Option<Value> {
    let plain = text.replace('_', "");
    let bases = [("0o", 8), ("0O", 8), ("0x", 16), ("0X", 16), ("0b", 2), ("0B", 2)];
    decimal(&plain).or_else(|| prefixed(&plain, &bases))
}

/// A moment in RFC 3339: a date, or date and time with or without a zone.
fn timestamp(text: &str) -> Option<String> {
    let is_dated = text.len() > 4 && text.as_bytes().iter().position(|b| !b.is_ascii_digit()) == Some(4);
    if !is_dated || text.as_bytes().get(4) != Some(&b'-') {
        return None;
    }
    let (date, rest) = text.split_at(text.find(['T', 't', ' ']).unwrap_or(text.len()));
    let [year, month, day] = numbers(date, '-')?;
    let date = Date::new(i16::try_from(year).ok()?, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?;
    let moment = |time| DateTime::from_parts(date, time).strftime("%Y-%m-%dT%H:%M:%S").to_string();
    if rest.is_empty() {
        return Some(format!("{}Z", moment(Time::midnight())));
    }
    let (separator, rest) = rest.split_at(1);
    let (clock, zone) = rest.split_at(rest.find(['Z', '+', '-']).unwrap_or(rest.len()));
    let has_zone = separator != " ";
    if has_zone == zone.is_empty() {
        return None;
    }
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    if fraction.is_empty() || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let [hour, minute, second] = numbers(clock, ':')?;
    let small = |number: u32| i8::try_from(number).ok();
    let time = Time::new(small(hour)?, small(minute)?, small(second)?, 0).ok()?;
    Some(format!("{}{}", moment(time), zone_of(zone)?))
}

fn zone_of(zone: &str) -> Option<String> {
    if matches!(zone, "" | "Z" | "+00:00" | "-00:00") {
        return Some(String::from("Z"));
    }
    let [hours, minutes] = numbers(zone.strip_prefix(['+', '-'])?, ':')?;
    (zone.len() == 6 && hours < 25 && minutes < 60).then(|| zone.to_owned())
}

/// Numbers of one to four digits with one character between them.
fn numbers<const N: usize>(text: &str, between: char) -> Option<[u32; N]> {
    let mut parts = text.split(between);
    let mut numbers = [0; N];
    for (at, number) in numbers.iter_mut().enumerate() {
        let longest = if at == 0 && between == '-' { 4 } else { 2 };
        let part = parts
            .next()
            .filter(|part| (1..=longest).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit()))?;
        *number = part.parse().ok()?;
    }
    parts.next().is_none().then_some(numbers)
}
