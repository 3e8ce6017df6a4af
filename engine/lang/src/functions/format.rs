//! `format` and `formatlist`: verbs in a text.

use super::ParameterType::{Any, String as S};
use super::{
    Function, FunctionError, Outcome, argument, is, json, normal, nullable, of, p, string, strings, text, wrong,
};
use crate::convert::convert;
use num_bigint::{BigInt, BigUint};
use num_integer::Integer;
use num_rational::BigRational;
use num_traits::{One, Signed, Zero};
use std::iter::Peekable;
use std::str::CharIndices;
use terrane_core::{Number, Type, Value};
use unicode_segmentation::UnicodeSegmentation;

/// Largest width and precision of a verb.
const WIDEST: usize = 4_096;
/// Bits that a number has when it is rounded to decimal places: what Terraform computes with.
const BITS: u64 = 512;

/// The functions.
pub static TABLE: &[Function] = &[
    Function::new(
        "format",
        "A text with verbs (`%s`, `%d`, `%q`, `%v`, `%#v`, `%f`, `%x`, `%t`, ..) filled in.",
        &[p("format", S)],
        string,
        |a, _| of(formatted(a)?),
    )
    .variadic(nullable("value", Any)),
    Function::new(
        "formatlist",
        "A format filled in once for each element of lists; a single value serves every time.",
        &[p("format", S)],
        strings,
        |a, _| format_list(a),
    )
    .variadic(nullable("value", Any)),
];

fn format_list(arguments: &[Value]) -> Outcome {
    let mut count = None;
    for (at, list) in arguments.iter().enumerate() {
        match (list.items().map(<[Value]>::len), count) {
            (Some(length), Some(count)) if length != count => {
                return wrong(at, format!("it has {length} elements, a list before it {count}"));
            }
            (Some(length), _) => count = Some(length),
            (None, _) => {}
        }
    }
    let mut results = Vec::new();
    for at in 0..count.unwrap_or(1) {
        let row: Vec<Value> = arguments
            .iter()
            .map(|value| value.items().map_or_else(|| value.clone(), |items| argument(items, at).clone()))
            .collect();
        match formatted(&row) {
            Ok(result) => results.push(normal(&result)),
            Err(error) => return Err(FunctionError { reason: format!("element {at}: {}", error.reason), ..error }),
        }
    }
    is(Value::list(results))
}

/// A verb with its flags.
#[derive(Default)]
struct Verb {
    flags: Vec<char>,
    width: usize,
    precision: Option<usize>,
    index: Option<usize>,
    letter: char,
}

impl Verb {
    fn has(&self, flag: char) -> bool {
        self.flags.contains(&flag)
    }
}

/// The format (first argument) filled with the others.
fn formatted(arguments: &[Value]) -> Result<String, FunctionError> {
    let mut out = String::new();
    let mut chars = text(arguments, 0).char_indices().peekable();
    let (mut next, mut used) = (1, 0);
    while let Some((offset, c)) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        if chars.next_if(|(_, c)| *c == '%').is_some() {
            out.push('%');
            continue;
        }
        let verb = read_verb(&mut chars)?;
        let at = verb.index.unwrap_or(next);
        let Some(value) = arguments.get(at) else {
            let given = arguments.len().saturating_sub(1);
            let verb = verb.letter;
            return wrong(0, format!("`%{verb}` at {offset} needs value {at}, and {given} are given"));
        };
        next = at + 1;
        used = used.max(at);
        show(&verb, value, at, &mut out)?;
    }
    if used + 1 < arguments.len() {
        return wrong(used + 1, format!("the format uses only {used} values"));
    }
    Ok(out)
}

fn digits(chars: &mut Peekable<CharIndices<'_>>) -> Option<usize> {
    let mut text = String::new();
    while let Some((_, digit)) = chars.next_if(|(_, c)| c.is_ascii_digit()) {
        text.push(digit);
    }
    if text.is_empty() { None } else { Some(text.parse().unwrap_or(usize::MAX)) }
}

fn read_verb(chars: &mut Peekable<CharIndices<'_>>) -> Result<Verb, FunctionError> {
    let mut verb = Verb::default();
    while let Some((_, flag)) = chars.next_if(|(_, c)| "-+ #0".contains(*c)) {
        verb.flags.push(flag);
    }
    verb.width = digits(chars).unwrap_or(0);
    if chars.next_if(|(_, c)| *c == '.').is_some() {
        verb.precision = Some(digits(chars).unwrap_or(0));
    }
    if chars.next_if(|(_, c)| *c == '[').is_some() {
        verb.index = digits(chars).filter(|index| *index > 0);
        if chars.next_if(|(_, c)| *c == ']').is_none() || verb.index.is_none() {
            return wrong(0, "an index is written as in `%[1]s`");
        }
    }
    if verb.width > WIDEST || verb.precision.is_some_and(|precision| precision > WIDEST) {
        return wrong(0, format!("a width or precision is at most {WIDEST}"));
    }
    match chars.next() {
        Some((_, letter)) if "vsqtdboxXfeEgG".contains(letter) => {
            verb.letter = letter;
            Ok(verb)
        }
        Some((offset, letter)) => wrong(0, format!("`{letter}` at {offset} ends no verb")),
        None => wrong(0, "it ends inside a verb"),
    }
}

fn show(verb: &Verb, value: &Value, at: usize, out: &mut String) -> Result<(), FunctionError> {
    let wanted = match verb.letter {
        'v' => {
            let shown = any_value(verb, value, at)?;
            pad_text(verb, &shown, out);
            return Ok(());
        }
        's' | 'q' => Type::String,
        't' => Type::Bool,
        _ => Type::Number,
    };
    if value.is_null() {
        return wrong(at, format!("it is null, and `%{}` takes no null", verb.letter));
    }
    let value = convert(value, &wanted).or_else(|error| wrong(at, format!("`%{}`: {}", verb.letter, error.text())))?;
    match verb.letter {
        's' | 'q' => {
            let whole = value.as_str().unwrap_or_default();
            let shown: String = match verb.precision {
                Some(most) if most > 0 => whole.graphemes(true).take(most).collect(),
                _ => whole.to_owned(),
            };
            let shown = if verb.letter == 'q' { json::write(&Value::string(shown), at)? } else { shown };
            pad_text(verb, &shown, out);
        }
        't' => out.push_str(if value.as_bool().unwrap_or(false) { "true" } else { "false" }),
        letter => {
            let number = value.as_number().cloned().unwrap_or(Number::Int(0));
            match letter {
                'd' | 'b' | 'o' | 'x' | 'X' if !number.is_integer() => {
                    return wrong(at, format!("`%{letter}` takes a whole number"));
                }
                'd' | 'b' | 'o' | 'x' | 'X' => integer(verb, &number.to_ratio().to_integer(), out),
                _ => float(verb, &number, out),
            }
        }
    }
    Ok(())
}

fn any_value(verb: &Verb, value: &Value, at: usize) -> Result<String, FunctionError> {
    if !verb.has('#') {
        if let Some(text) = value.as_str() {
            return Ok(text.to_owned());
        }
        if let Some(number) = value.as_number() {
            return Ok(general(number, None));
        }
    }
    json::write(value, at)
}

/// Texts are padded as a whole, with zeros on either side if that is asked for.
fn pad_text(verb: &Verb, shown: &str, out: &mut String) {
    let missing = verb.width.saturating_sub(shown.graphemes(true).count());
    let padding = std::iter::repeat_n(if verb.has('0') { '0' } else { ' ' }, missing);
    if verb.has('-') {
        out.push_str(shown);
        out.extend(padding);
    } else {
        out.extend(padding);
        out.push_str(shown);
    }
}

/// Numbers are padded with zeros between the sign and the digits. `text` is ASCII, with its sign if it has one.
fn pad_number(verb: &Verb, text: &str, takes_zeros: bool, out: &mut String) {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None if verb.has('+') => ("+", text),
        None if verb.has(' ') => (" ", text),
        None => ("", text),
    };
    let missing = verb.width.saturating_sub(sign.len() + digits.len());
    let (before, between, behind) = match (verb.has('-'), verb.has('0') && takes_zeros) {
        (true, _) => (0, 0, missing),
        (false, true) => (0, missing, 0),
        (false, false) => (missing, 0, 0),
    };
    out.extend(std::iter::repeat_n(' ', before));
    out.push_str(sign);
    out.extend(std::iter::repeat_n('0', between));
    out.push_str(digits);
    out.extend(std::iter::repeat_n(' ', behind));
}

fn integer(verb: &Verb, int: &BigInt, out: &mut String) {
    let (radix, prefix) = match verb.letter {
        'b' => (2, "0b"),
        'o' => (8, "0"),
        'x' => (16, "0x"),
        'X' => (16, "0X"),
        _ => (10, ""),
    };
    let digits = int.magnitude().to_str_radix(radix);
    let digits = if verb.letter == 'X' { digits.to_uppercase() } else { digits };
    let sign = if int.is_negative() { "-" } else { "" };
    let prefix = if verb.has('#') { prefix } else { "" };
    let least = verb.precision.unwrap_or(0);
    pad_number(verb, &format!("{sign}{prefix}{digits:0>least$}"), verb.precision.is_none(), out);
}

fn float(verb: &Verb, number: &Number, out: &mut String) {
    let shown = match verb.letter {
        'f' => fixed(&binary(number), verb.precision.unwrap_or(6)),
        'e' | 'E' => {
            let places = verb.precision.unwrap_or(6);
            Decimal::rounded(&binary(number), places + 1).scientific(places)
        }
        _ => general(number, verb.precision),
    };
    let is_capital = verb.letter.is_ascii_uppercase();
    pad_number(verb, &if is_capital { shown.to_uppercase() } else { shown }, true, out);
}

/// The number as a fraction with 512 bits, so that a half is a half where it is one for Terraform.
fn binary(number: &Number) -> BigRational {
    let exact = number.to_ratio();
    if exact.is_integer() {
        return exact;
    }
    let (numerator, denominator) = (exact.numer().abs(), exact.denom());
    let shift = (BITS + 1 + denominator.bits()).saturating_sub(numerator.bits());
    let scaled = BigRational::new(numerator << shift, denominator.clone());
    let extra = scaled.to_integer().bits().saturating_sub(BITS);
    let mantissa = half_even(&(scaled / BigRational::from_integer(BigInt::one() << extra)));
    let rounded = BigRational::new(mantissa << extra, BigInt::one() << shift);
    if exact.is_negative() { -rounded } else { rounded }
}

/// The nearest whole number, the even one of two.
fn half_even(ratio: &BigRational) -> BigInt {
    let (floor, rest) = ratio.numer().div_mod_floor(ratio.denom());
    match (rest * 2u8).cmp(ratio.denom()) {
        std::cmp::Ordering::Less => floor,
        std::cmp::Ordering::Greater => floor + 1u8,
        std::cmp::Ordering::Equal => &floor + floor.mod_floor(&BigInt::from(2u8)),
    }
}

fn power_of_ten(exponent: i64) -> BigRational {
    let power = BigInt::from(10u8).pow(u32::try_from(exponent.unsigned_abs()).unwrap_or(u32::MAX));
    if exponent < 0 { BigRational::new(BigInt::one(), power) } else { BigRational::from_integer(power) }
}

/// So many places behind the point.
fn fixed(ratio: &BigRational, places: usize) -> String {
    let scaled = half_even(&(ratio * power_of_ten(i64::try_from(places).unwrap_or(0))));
    let digits = format!("{:0>width$}", scaled.magnitude().to_string(), width = places + 1);
    let (whole, fraction) = digits.split_at(digits.len().saturating_sub(places));
    let sign = if ratio.is_negative() { "-" } else { "" };
    if places == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

/// Significant digits without zeros at the end, and the power of ten of the first.
struct Decimal {
    is_negative: bool,
    digits: String,
    exponent: i64,
}

impl Decimal {
    /// All digits of the text of a number.
    fn shortest(number: &Number) -> Self {
        let text = number.to_string();
        let unsigned = text.trim_start_matches('-');
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        let all = format!("{whole}{fraction}");
        let significant = all.trim_start_matches('0');
        let zeros = all.len() - significant.len();
        let count = |length: usize| i64::try_from(length).unwrap_or(i64::MAX);
        let exponent = if significant.is_empty() { 0 } else { count(whole.len()) - 1 - count(zeros) };
        Self { is_negative: text.starts_with('-'), digits: significant.trim_end_matches('0').to_owned(), exponent }
    }

    /// So many digits.
    fn rounded(ratio: &BigRational, count: usize) -> Self {
        if ratio.is_zero() {
            return Self { is_negative: false, digits: String::new(), exponent: 0 };
        }
        let length = |int: &BigUint| i64::try_from(int.to_string().len()).unwrap_or(i64::MAX);
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        let absolute = ratio.abs();
        let mut exponent = length(ratio.numer().magnitude()) - length(ratio.denom().magnitude());
        if absolute < power_of_ten(exponent) {
            exponent -= 1;
        }
        let scaled = half_even(&(absolute * power_of_ten(count - 1 - exponent))).magnitude().to_string();
        if i64::try_from(scaled.len()).is_ok_and(|length| length > count) {
            exponent += 1;
        }
        Self { is_negative: ratio.is_negative(), digits: scaled.trim_end_matches('0').to_owned(), exponent }
    }

    /// `d.ddde+xx`.
    fn scientific(&self, places: usize) -> String {
        let mut digits = self.digits.chars();
        let first = digits.next().unwrap_or('0');
        let fraction = format!("{:0<places$}", digits.as_str());
        let point = if fraction.is_empty() { "" } else { "." };
        let (minus, sign) = (if self.is_negative { "-" } else { "" }, if self.exponent < 0 { '-' } else { '+' });
        format!("{minus}{first}{point}{fraction}e{sign}{:02}", self.exponent.unsigned_abs())
    }

    /// `ddd.ddd`.
    fn plain(&self) -> String {
        let minus = if self.is_negative { "-" } else { "" };
        let Ok(whole) = usize::try_from(self.exponent + 1) else {
            let zeros = usize::try_from(-1 - self.exponent).unwrap_or(0);
            return format!("{minus}0.{}{}", "0".repeat(zeros), self.digits);
        };
        match self.digits.split_at_checked(whole) {
            Some((whole, fraction)) if !fraction.is_empty() => {
                format!("{minus}{}{whole}.{fraction}", if whole.is_empty() { "0" } else { "" })
            }
            _ => format!("{minus}{:0<width$}", self.digits, width = whole.max(1)),
        }
    }
}

/// The shorter of both forms, as `%g` chooses: an exponent below 10^-4, and from the precision on.
fn general(number: &Number, precision: Option<usize>) -> String {
    let decimal = match precision {
        None => Decimal::shortest(number),
        Some(count) => Decimal::rounded(&binary(number), count.max(1)),
    };
    let length = decimal.digits.len();
    let count = i64::try_from(length).unwrap_or(i64::MAX);
    let limit = match precision.map(|most| i64::try_from(most.max(1)).unwrap_or(i64::MAX)) {
        None => 6,
        Some(most) if most > count && count > decimal.exponent => count,
        Some(most) => most,
    };
    if decimal.exponent < -4 || decimal.exponent >= limit {
        return decimal.scientific(length.saturating_sub(1));
    }
    decimal.plain()
}
