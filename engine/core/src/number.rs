//! Exact numbers: a machine integer where it fits, else a fraction of any size.
//!
//! Sums, products and quotients never lose a digit, so `0.1 + 0.2 == 0.3` and `1 / 3 * 3 == 1`. Text of a
//! fraction without a finite decimal form is rounded to 40 significant digits.

use num_bigint::BigInt;
use num_integer::Integer;
use num_rational::BigRational;
use num_traits::{One, Signed, ToPrimitive, Zero};
use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

/// Largest power of ten that a written number may have; larger ones are refused, not computed.
pub const MAX_EXPONENT: i64 = 4_096;
const DIGITS: u32 = 40;

/// An exact number.
#[derive(Clone)]
pub enum Number {
    /// A whole number of 64 bits.
    Int(i64),
    /// Anything else, in lowest terms and never a whole number that fits [`Number::Int`].
    Ratio(Arc<BigRational>),
}

impl Number {
    fn from_ratio(ratio: BigRational) -> Self {
        if ratio.is_integer()
            && let Some(int) = ratio.numer().to_i64()
        {
            return Self::Int(int);
        }
        Self::Ratio(Arc::new(ratio))
    }

    /// The value as a fraction.
    #[must_use]
    pub fn to_ratio(&self) -> BigRational {
        match self {
            Self::Int(int) => BigRational::from_integer(BigInt::from(*int)),
            Self::Ratio(ratio) => (**ratio).clone(),
        }
    }

    /// A whole number of any size.
    #[must_use]
    pub fn from_big(int: BigInt) -> Self {
        Self::from_ratio(BigRational::from_integer(int))
    }

    /// The shortest decimal that means `float`; `None` for infinities and not-a-number.
    #[must_use]
    pub fn from_f64(float: f64) -> Option<Self> {
        if !float.is_finite() {
            return None;
        }
        Self::parse(&format!("{float:e}"))
    }

    /// The nearest double.
    #[must_use]
    pub fn to_f64(&self) -> f64 {
        match self {
            Self::Int(int) => int.to_f64().unwrap_or(f64::NAN),
            Self::Ratio(ratio) => ratio.to_f64().unwrap_or(f64::NAN),
        }
    }

    /// The value, when it is whole and fits.
    #[must_use]
    pub fn to_i64(&self) -> Option<i64> {
        match self {
            Self::Int(int) => Some(*int),
            Self::Ratio(_) => None,
        }
    }

    /// Whether the value is whole.
    #[must_use]
    pub fn is_integer(&self) -> bool {
        match self {
            Self::Int(_) => true,
            Self::Ratio(ratio) => ratio.is_integer(),
        }
    }

    /// Reads a decimal number: sign, digits, fraction, exponent. `None` for anything else, and for
    /// exponents beyond [`MAX_EXPONENT`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if let Ok(int) = text.parse::<i64>() {
            return (!text.starts_with('+')).then_some(Self::Int(int));
        }
        let (mantissa, exponent) = match text.find(['e', 'E']) {
            Some(at) => (text.get(..at)?, text.get(at + 1..)?.parse::<i64>().ok()?),
            None => (text, 0),
        };
        let (sign, digits) = match mantissa.strip_prefix('-') {
            Some(rest) => (-1, rest),
            None => (1, mantissa),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let is_digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty()
            || (digits.contains('.') && fraction.is_empty())
            || !is_digits(whole)
            || !is_digits(fraction)
        {
            return None;
        }
        let scale = exponent.checked_sub(i64::try_from(fraction.len()).ok()?)?;
        if exponent.abs() > MAX_EXPONENT || fraction.len() > 65_536 || whole.len() > 65_536 {
            return None;
        }
        let int: BigInt = format!("{whole}{fraction}").parse().ok()?;
        let power = BigInt::from(10).pow(u32::try_from(scale.unsigned_abs()).ok()?);
        let int = int * sign;
        Some(Self::from_ratio(if scale >= 0 {
            BigRational::from_integer(int * power)
        } else {
            BigRational::new(int, power)
        }))
    }

    /// Sum.
    #[must_use]
    pub fn add(&self, other: &Self) -> Self {
        if let (Self::Int(a), Self::Int(b)) = (self, other)
            && let Some(sum) = a.checked_add(*b)
        {
            return Self::Int(sum);
        }
        Self::from_ratio(self.to_ratio() + other.to_ratio())
    }

    /// Difference.
    #[must_use]
    pub fn sub(&self, other: &Self) -> Self {
        self.add(&other.neg())
    }

    /// Product.
    #[must_use]
    pub fn mul(&self, other: &Self) -> Self {
        if let (Self::Int(a), Self::Int(b)) = (self, other)
            && let Some(product) = a.checked_mul(*b)
        {
            return Self::Int(product);
        }
        Self::from_ratio(self.to_ratio() * other.to_ratio())
    }

    /// Quotient; `None` for a zero divisor.
    #[must_use]
    pub fn div(&self, other: &Self) -> Option<Self> {
        if other.is_zero() {
            return None;
        }
        if let (Self::Int(a), Self::Int(b)) = (self, other)
            && let Some(0) = a.checked_rem(*b)
            && let Some(quotient) = a.checked_div(*b)
        {
            return Some(Self::Int(quotient));
        }
        Some(Self::from_ratio(self.to_ratio() / other.to_ratio()))
    }

    /// Remainder with the sign of `self`; `None` for a zero divisor.
    #[must_use]
    pub fn rem(&self, other: &Self) -> Option<Self> {
        if other.is_zero() {
            return None;
        }
        if let (Self::Int(a), Self::Int(b)) = (self, other)
            && let Some(rest) = a.checked_rem(*b)
        {
            return Some(Self::Int(rest));
        }
        let (a, b) = (self.to_ratio(), other.to_ratio());
        let quotient = (&a / &b).trunc();
        Some(Self::from_ratio(a - b * quotient))
    }

    /// The value with the other sign.
    #[must_use]
    pub fn neg(&self) -> Self {
        match self {
            Self::Int(int) => int.checked_neg().map_or_else(|| Self::from_ratio(-self.to_ratio()), Self::Int),
            Self::Ratio(ratio) => Self::from_ratio(-(**ratio).clone()),
        }
    }

    /// The largest whole number not above the value.
    #[must_use]
    pub fn floor(&self) -> Self {
        match self {
            Self::Int(_) => self.clone(),
            Self::Ratio(ratio) => Self::from_ratio(ratio.floor()),
        }
    }

    /// The smallest whole number not below the value.
    #[must_use]
    pub fn ceil(&self) -> Self {
        match self {
            Self::Int(_) => self.clone(),
            Self::Ratio(ratio) => Self::from_ratio(ratio.ceil()),
        }
    }

    /// Whether the value is 0.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        matches!(self, Self::Int(0))
    }

    /// Whether the value is below 0.
    #[must_use]
    pub fn is_negative(&self) -> bool {
        match self {
            Self::Int(int) => *int < 0,
            Self::Ratio(ratio) => ratio.is_negative(),
        }
    }
}

impl From<i64> for Number {
    fn from(int: i64) -> Self {
        Self::Int(int)
    }
}

impl From<usize> for Number {
    fn from(size: usize) -> Self {
        i64::try_from(size).map_or_else(|_| Self::from_big(BigInt::from(size)), Self::Int)
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Number {}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => a.cmp(b),
            _ => self.to_ratio().cmp(&other.to_ratio()),
        }
    }
}

impl std::hash::Hash for Number {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        match self {
            Self::Int(int) => int.hash(state),
            Self::Ratio(ratio) => ratio.hash(state),
        }
    }
}

/// How often `factor` divides `int`, and what is left.
fn factor_out(mut int: BigInt, factor: u32) -> (u32, BigInt) {
    let factor = BigInt::from(factor);
    let mut count = 0;
    loop {
        let (quotient, rest) = int.div_rem(&factor);
        if !rest.is_zero() {
            return (count, int);
        }
        int = quotient;
        count += 1;
    }
}

fn decimal(ratio: &BigRational) -> String {
    let (twos, rest) = factor_out(ratio.denom().clone(), 2);
    let (fives, rest) = factor_out(rest, 5);
    let whole_digits = u32::try_from(ratio.to_integer().abs().to_string().len()).unwrap_or(DIGITS);
    let places = if rest.is_one() { twos.max(fives) } else { DIGITS.saturating_sub(whole_digits).max(1) };
    let scaled = (ratio * BigRational::from_integer(BigInt::from(10).pow(places))).round().to_integer();
    let sign = if scaled.is_negative() { "-" } else { "" };
    let digits = scaled.abs().to_string();
    let places = usize::try_from(places).unwrap_or(0);
    let padded = format!("{digits:0>width$}", width = places + 1);
    let (whole, fraction) = padded.split_at(padded.len() - places);
    let fraction = fraction.trim_end_matches('0');
    if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(int) => int.fmt(f),
            Self::Ratio(ratio) if ratio.is_integer() => ratio.numer().fmt(f),
            Self::Ratio(ratio) => f.write_str(&decimal(ratio)),
        }
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn n(text: &str) -> Number {
        Number::parse(text).unwrap()
    }

    #[test]
    fn arithmetic_is_exact() {
        assert_eq!(n("0.1").add(&n("0.2")), n("0.3"));
        assert_eq!(n("1").div(&n("3")).unwrap().mul(&n("3")), n("1"));
        assert_eq!(n("18446744073709551615").add(&n("1")).to_string(), "18446744073709551616");
        assert_eq!(n("-7").rem(&n("3")).unwrap(), n("-1"));
        assert_eq!(n("9223372036854775807").add(&n("1")).to_string(), "9223372036854775808");
    }

    #[test]
    fn text_is_plain_decimal() {
        assert_eq!(n("1e20").to_string(), "100000000000000000000");
        assert_eq!(n("0.1000").to_string(), "0.1");
        assert_eq!(n("-2.50").to_string(), "-2.5");
        assert_eq!(n("1").div(&n("3")).unwrap().to_string(), "0.333333333333333333333333333333333333333");
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in ["", "1.", ".5", "1e", "+1", "0x10", "1e99999", "--1", "1_000", "١"] {
            assert!(Number::parse(text).is_none(), "{text}");
        }
    }
}
