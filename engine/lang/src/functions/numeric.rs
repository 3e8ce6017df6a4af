//! Functions of numbers. Whole numbers are exact; roots, logarithms and broken powers go through doubles.

use super::ParameterType::{Any, Number as N};
use super::{Function, FunctionError, Outcome, a_number, argument, is, number, p, refused, whole, wrong};
use num_bigint::{BigInt, BigUint, Sign};
use terrane_core::{Number, Value};

/// Most bits of a power.
const MOST_BITS: u64 = 13_600;
/// Longest text that `parseint` reads.
const LONGEST: usize = 4_096;

/// The functions.
pub static TABLE: &[Function] = &[
    Function::new("abs", "The number without its sign.", &[p("number", N)], a_number, |a, _| {
        let n = number(a, 0);
        is(Value::number(if n.is_negative() { n.neg() } else { n }))
    }),
    Function::new("ceil", "The smallest whole number not below the number.", &[p("number", N)], a_number, |a, _| {
        is(Value::number(number(a, 0).ceil()))
    }),
    Function::new("floor", "The largest whole number not above the number.", &[p("number", N)], a_number, |a, _| {
        is(Value::number(number(a, 0).floor()))
    }),
    Function::new("log", "The logarithm of a number to a base.", &[p("number", N), p("base", N)], a_number, |a, _| {
        float(number(a, 0).to_f64().ln() / number(a, 1).to_f64().ln())
    }),
    Function::new("max", "The largest of the numbers.", &[], a_number, |a, _| {
        extreme(a.iter().filter_map(Value::as_number).max())
    })
    .variadic(p("number", N)),
    Function::new("min", "The smallest of the numbers.", &[], a_number, |a, _| {
        extreme(a.iter().filter_map(Value::as_number).min())
    })
    .variadic(p("number", N)),
    Function::new(
        "parseint",
        "The whole number that a text means in a base from 2 to 62.",
        &[p("text", Any), p("base", N)],
        a_number,
        |a, _| parse(a),
    ),
    Function::new("pow", "A number raised to a power.", &[p("number", N), p("power", N)], a_number, |a, _| power(a)),
    Function::new("signum", "-1, 0 or 1, as the sign of a whole number.", &[p("number", N)], a_number, |a, _| {
        is(Value::int(whole(a, 0)?.signum()))
    }),
];

fn extreme(found: Option<&Number>) -> Outcome {
    match found {
        Some(found) => is(Value::number(found.clone())),
        None => refused("at least one number is needed"),
    }
}

fn float(result: f64) -> Outcome {
    match Number::from_f64(result) {
        Some(number) => is(Value::number(number)),
        None => refused("the result is no finite number"),
    }
}

fn power(arguments: &[Value]) -> Outcome {
    let (base, exponent) = (number(arguments, 0), number(arguments, 1));
    match exponent.to_i64().and_then(|e| u64::try_from(e).ok()) {
        Some(exponent) if base.is_integer() => exact(&base.to_ratio().to_integer(), exponent),
        _ => float(base.to_f64().powf(exponent.to_f64())),
    }
}

fn exact(base: &BigInt, exponent: u64) -> Outcome {
    // 0, 1 and -1 stay small: only whether the exponent is 0, odd or even counts.
    let exponent = if base.bits() <= 1 && exponent > 0 { 2 - exponent % 2 } else { exponent };
    match u32::try_from(exponent).ok().filter(|e| base.bits().saturating_mul(u64::from(*e)) <= MOST_BITS) {
        Some(exponent) => is(Value::number(Number::from_big(base.pow(exponent)))),
        None => refused("the result has more than 4096 digits"),
    }
}

fn parse(arguments: &[Value]) -> Outcome {
    let Some(text) = argument(arguments, 0).as_str() else { return wrong(0, "it has to be a text") };
    let base = whole(arguments, 1)?;
    let Some(base) = u8::try_from(base).ok().filter(|base| (2..=62).contains(base)) else {
        return wrong(1, "it has to be from 2 to 62");
    };
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (Sign::Minus, rest),
        None => (Sign::Plus, text.strip_prefix('+').unwrap_or(text)),
    };
    let values: Option<Vec<u8>> = digits.bytes().map(|byte| digit(byte, base)).collect();
    let read = values.filter(|v| !v.is_empty() && v.len() <= LONGEST);
    match read.and_then(|v| BigUint::from_radix_be(&v, u32::from(base))) {
        Some(int) => is(Value::number(Number::from_big(BigInt::from_biguint(sign, int)))),
        None => no_integer(base),
    }
}

fn no_integer(base: u8) -> Result<Option<Value>, FunctionError> {
    wrong(0, format!("it is no whole number in base {base}"))
}

/// Up to base 36 the case of a letter does not count; above, capitals come after small letters.
fn digit(byte: u8, base: u8) -> Option<u8> {
    let value = match byte {
        b'0'..=b'9' => byte - b'0',
        b'a'..=b'z' => byte - b'a' + 10,
        b'A'..=b'Z' if base <= 36 => byte - b'A' + 10,
        b'A'..=b'Z' => byte - b'A' + 36,
        _ => return None,
    };
    (value < base).then_some(value)
}
