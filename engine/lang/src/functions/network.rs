//! Functions of address ranges, IPv4 and IPv6.

use super::ParameterType::{Number as N, String as S};
use super::{Function, FunctionError, Outcome, a_bool, is, number, of, p, string, strings, text, whole, wrong};
use num_traits::ToPrimitive;
use std::net::{Ipv4Addr, Ipv6Addr};
use terrane_core::Value;

/// Most bits by which `cidrsubnets` makes a prefix longer.
const MOST_BITS: u32 = 32;

/// The functions.
pub static TABLE: &[Function] = &[
    Function::new(
        "cidrcontains",
        "Whether a range holds an address or another range.",
        &[p("range", S), p("inner", S)],
        a_bool,
        |a, _| {
            let (outer, inner) = (Range::read(text(a, 0), 0)?, Range::read_any(text(a, 1), 1)?);
            if outer.is_v6 != inner.is_v6 {
                return wrong(1, "one is of IPv4 and the other of IPv6");
            }
            is(Value::bool(outer.base <= inner.base && inner.last() <= outer.last()))
        },
    ),
    Function::new(
        "cidrhost",
        "The address of a number inside a range; below 0 counts from the end.",
        &[p("range", S), p("number", N)],
        string,
        |a, _| host(a),
    ),
    Function::new("cidrnetmask", "The mask of an IPv4 range.", &[p("range", S)], string, |a, _| {
        let range = Range::read(text(a, 0), 0)?;
        if range.is_v6 {
            wrong(0, "IPv6 ranges have no mask")
        } else {
            of(range.address(u128::from(u32::MAX) & !range.hosts()))
        }
    }),
    Function::new(
        "cidrsubnet",
        "A range inside a range, by how many more bits its prefix has and its number.",
        &[p("range", S), p("bits", N), p("number", N)],
        string,
        |a, _| subnet(a),
    ),
    Function::new(
        "cidrsubnets",
        "Ranges one after the other inside a range, by how many more bits the prefix of each has.",
        &[p("range", S)],
        strings,
        |a, _| subnets(a),
    )
    .variadic(p("bits", N)),
];

fn big(arguments: &[Value], at: usize) -> Result<i128, FunctionError> {
    let number = number(arguments, at);
    match number.to_ratio().to_integer().to_i128().filter(|_| number.is_integer()) {
        Some(int) => Ok(int),
        None => wrong(at, "it has to be a whole number"),
    }
}

fn host(arguments: &[Value]) -> Outcome {
    let range = Range::read(text(arguments, 0), 0)?;
    let number = big(arguments, 1)?;
    // The last address is number -1.
    let offset = match u128::try_from(number) {
        Ok(number) => Some(number),
        Err(_) => range.hosts().checked_sub(number.unsigned_abs() - 1),
    };
    match offset.filter(|offset| *offset <= range.hosts()) {
        Some(offset) => of(range.address(range.base | offset)),
        None => wrong(1, format!("a range with a prefix of {} has no such address", range.length)),
    }
}

fn subnet(arguments: &[Value]) -> Outcome {
    let range = Range::read(text(arguments, 0), 0)?;
    let longer = u32::try_from(whole(arguments, 1)?).ok().and_then(|bits| range.longer(bits));
    let Some(inner) = longer else {
        return wrong(
            1,
            format!("a prefix of {} can have 0 to {} more bits", range.length, range.width() - range.length),
        );
    };
    let count = range.hosts().checked_shr(inner.width() - inner.length).unwrap_or(0);
    match u128::try_from(big(arguments, 2)?).ok().filter(|number| *number <= count) {
        Some(number) => {
            let base = range.base | number.checked_shl(inner.width() - inner.length).unwrap_or(0);
            of(inner.at(base).to_string())
        }
        None => wrong(2, format!("the numbers are 0 to {count}")),
    }
}

fn subnets(arguments: &[Value]) -> Outcome {
    let range = Range::read(text(arguments, 0), 0)?;
    let mut all = Vec::new();
    let mut next = Some(range.base);
    for at in 1..arguments.len() {
        let bits = u32::try_from(whole(arguments, at)?).ok().filter(|bits| (1..=MOST_BITS).contains(bits));
        let Some(bits) = bits else { return wrong(at, format!("it has to be from 1 to {MOST_BITS}")) };
        let Some(inner) = range.longer(bits) else {
            return wrong(
                at,
                format!("a prefix of {} has only {} bits left", range.length, range.width() - range.length),
            );
        };
        // Up to the next multiple of the size.
        let aligned = next.and_then(|next| next.checked_add(inner.hosts())).map(|base| base & !inner.hosts());
        let Some(placed) = aligned.map(|base| inner.at(base)).filter(|placed| placed.last() <= range.last()) else {
            return wrong(at, "no addresses are left");
        };
        all.push(Value::string(placed.to_string()));
        next = placed.last().checked_add(1);
    }
    is(Value::list(all))
}

/// A range of addresses; the bits behind the prefix are 0.
struct Range {
    base: u128,
    length: u32,
    is_v6: bool,
}

impl Range {
    fn read(text: &str, at: usize) -> Result<Self, FunctionError> {
        let parsed = text.split_once('/').and_then(|(address, length)| {
            let length = Some(length).filter(|l| l.bytes().all(|b| b.is_ascii_digit()))?.parse().ok()?;
            Self::of_address(address, Some(length))
        });
        parsed.map_or_else(|| wrong(at, "it has to be a range of addresses, such as 10.0.0.0/16"), Ok)
    }

    /// A range, or an address as a range of one.
    fn read_any(text: &str, at: usize) -> Result<Self, FunctionError> {
        match Self::of_address(text, None) {
            Some(address) => Ok(address),
            None => Self::read(text, at),
        }
    }

    fn of_address(text: &str, length: Option<u32>) -> Option<Self> {
        let (bits, is_v6) = match ipv4(text) {
            Some(bits) => (u128::from(bits), false),
            None => (u128::from(text.parse::<Ipv6Addr>().ok()?), true),
        };
        let width = if is_v6 { 128 } else { 32 };
        let length = length.unwrap_or(width);
        (length <= width).then(|| Self { base: 0, length, is_v6 }.at(bits))
    }

    fn width(&self) -> u32 {
        if self.is_v6 { 128 } else { 32 }
    }

    /// The bits behind the prefix, all 1.
    fn hosts(&self) -> u128 {
        u128::MAX.checked_shr(128 - (self.width() - self.length)).unwrap_or(0)
    }

    fn last(&self) -> u128 {
        self.base | self.hosts()
    }

    /// A range with a prefix of so many more bits, at the same base.
    fn longer(&self, bits: u32) -> Option<Self> {
        let length = self.length.checked_add(bits).filter(|length| *length <= self.width())?;
        Some(Self { base: self.base, length, is_v6: self.is_v6 })
    }

    /// The range of this size that holds an address.
    fn at(&self, address: u128) -> Self {
        Self { base: address & !self.hosts(), length: self.length, is_v6: self.is_v6 }
    }

    fn address(&self, bits: u128) -> String {
        match u32::try_from(bits) {
            Ok(bits) if !self.is_v6 => Ipv4Addr::from(bits).to_string(),
            _ => Ipv6Addr::from(bits).to_string(),
        }
    }
}

impl std::fmt::Display for Range {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.address(self.base), self.length)
    }
}

/// Four decimal bytes. Leading zeros are allowed and do not mean octal.
fn ipv4(text: &str) -> Option<u32> {
    let mut parts = text.split('.');
    let mut bits = 0_u32;
    for _ in 0..4 {
        let part = parts.next().filter(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))?;
        bits = bits << 8 | u32::from(part.parse::<u8>().ok()?);
    }
    parts.next().is_none().then_some(bits)
}
