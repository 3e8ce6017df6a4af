//! Address ranges.

use std::net::{Ipv4Addr, Ipv6Addr};

/// A range of IPv4 addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cidr {
    first: u32,
    prefix: u32,
}

impl Cidr {
    /// Reads `a.b.c.d/n`; `None` when it is none or has host bits.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = text.split_once('/')?;
        let first = u32::from(address.parse::<Ipv4Addr>().ok()?);
        let prefix: u32 = prefix.parse().ok().filter(|prefix| *prefix <= 32)?;
        let cidr = Self { first, prefix };
        (cidr.last() & !cidr.host_bits() == first).then_some(cidr)
    }

    const fn host_bits(self) -> u32 {
        match u32::MAX.checked_shr(self.prefix) {
            Some(bits) => bits,
            None => 0,
        }
    }

    const fn last(self) -> u32 {
        self.first | self.host_bits()
    }

    /// Bits of the network part.
    pub(super) const fn prefix(self) -> u32 {
        self.prefix
    }

    /// Whether an address is in both.
    pub(super) const fn overlaps(self, other: Self) -> bool {
        self.first <= other.last() && other.first <= self.last()
    }

    /// Whether all of the other is in this one.
    pub(super) const fn contains(self, other: Self) -> bool {
        self.first <= other.first && other.last() <= self.last()
    }
}

/// Whether a text is an IPv6 range without host bits.
pub(super) fn is_ipv6(text: &str) -> bool {
    let parsed = text.split_once('/').and_then(|(address, prefix)| {
        let first = u128::from(address.parse::<Ipv6Addr>().ok()?);
        let prefix = prefix.parse::<u32>().ok().filter(|prefix| *prefix <= 128)?;
        Some(first & u128::MAX.checked_shr(prefix).unwrap_or(0) == 0)
    });
    parsed == Some(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_bits_are_refused() {
        assert!(Cidr::parse("10.0.0.0/8").is_some());
        assert!(Cidr::parse("0.0.0.0/0").is_some());
        assert!(Cidr::parse("203.0.113.1/32").is_some());
        assert!(Cidr::parse("10.0.0.1/8").is_none());
        assert!(is_ipv6("2001:db8::/32") && !is_ipv6("2001:db8::1/32") && is_ipv6("::/0"));
    }

    #[test]
    fn ranges_overlap_when_one_is_in_the_other() {
        let (wide, narrow) = (Cidr::parse("172.16.0.0/12"), Cidr::parse("172.20.0.0/16"));
        let (Some(wide), Some(narrow)) = (wide, narrow) else { panic!("ranges") };
        assert!(wide.contains(narrow) && wide.overlaps(narrow) && !narrow.contains(wide));
    }
}
