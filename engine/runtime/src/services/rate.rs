//! `TERRANE_CLOCK_RATE`: a sandbox with a fast clock, and the proof that nothing else is meant.

use crate::diag::CLOCK_RATE_REFUSED;
use crate::environment::Environment;
use std::net::IpAddr;
use terrane_core::{Diagnostic, Place, Value};
use terrane_provider::{Fault, FaultKind};

const VARIABLE: &str = "TERRANE_CLOCK_RATE";
const FASTEST: u32 = 1_000_000;
/// Prefixes of variables that send a provider elsewhere. A cloud whose endpoints are not set this way has to be
/// refused by the address in its provider block.
const ENDPOINTS: &[&str] = &["AWS_ENDPOINT_URL"];

/// The rate that the environment asks for; 1 where it asks for none.
///
/// # Errors
/// `clock-rate-refused` when it is no whole number, no endpoint is set, or one of them is not on this machine.
pub fn clock_rate(environment: &Environment) -> Result<u32, Box<Diagnostic>> {
    let refused = || CLOCK_RATE_REFUSED.at(Place::Run);
    let Some(text) = environment.get(VARIABLE) else { return Ok(1) };
    let rate = text.parse().ok().filter(|rate| (1..=FASTEST).contains(rate));
    let Some(rate) = rate else {
        return Err(Box::new(refused().detail(format!("{VARIABLE} is no whole number from 1 to {FASTEST}"))));
    };
    if rate == 1 {
        return Ok(1);
    }
    let mut is_any_set = false;
    for (name, url) in ENDPOINTS.iter().flat_map(|prefix| environment.with_prefix(prefix)) {
        is_any_set = true;
        if !is_loopback(url) {
            return Err(Box::new(refused().detail("an endpoint is not on this machine").with("variable", name)));
        }
    }
    if !is_any_set {
        return Err(Box::new(refused().detail("no endpoint is set, so real remote sides would be called")));
    }
    Ok(rate)
}

/// Refuses a provider block that names an address which is not on this machine.
///
/// # Errors
/// The address, as a fault of the call that would have gone there.
pub fn refuse_far_endpoint(configuration: &Value) -> Result<(), Fault> {
    let inner = |value: &Value| refuse_far_endpoint(value);
    if let Some(url) = configuration.as_str() {
        if url.contains("://") && !is_loopback(url) {
            let message =
                format!("{VARIABLE} is set, and the provider block names an address that is not on this machine");
            return Err(Fault::new(FaultKind::Invalid { argument: None }, VARIABLE, message).code("clock-rate-refused"));
        }
        return Ok(());
    }
    if let Some(entries) = configuration.entries() {
        return entries.iter().try_for_each(|(_, value)| inner(value));
    }
    configuration.items().unwrap_or_default().iter().try_for_each(inner)
}

/// Whether a URL leads to this machine.
#[must_use]
pub fn is_loopback(url: &str) -> bool {
    let Some((_, rest)) = url.split_once("://") else { return false };
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    let host_and_port = authority.rsplit('@').next().unwrap_or_default();
    let host = match host_and_port.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host_and_port.split(':').next().unwrap_or_default(),
    };
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(pairs: &[(&str, &str)]) -> Result<u32, &'static str> {
        let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        clock_rate(&Environment::new("a@b", pairs)).map_err(|problem| problem.kind.id)
    }

    #[test]
    fn a_fast_clock_is_for_this_machine_only() {
        let here = ("AWS_ENDPOINT_URL", "http://127.0.0.1:4566");
        assert_eq!(rate(&[]), Ok(1));
        assert_eq!(rate(&[(VARIABLE, "60"), here]), Ok(60));
        assert_eq!(rate(&[(VARIABLE, "60")]), Err("clock-rate-refused"));
        assert_eq!(rate(&[(VARIABLE, "fast"), here]), Err("clock-rate-refused"));
        let there = ("AWS_ENDPOINT_URL_EKS", "https://eks.eu-west-1.amazonaws.com");
        assert_eq!(rate(&[(VARIABLE, "60"), here, there]), Err("clock-rate-refused"));
    }

    #[test]
    fn addresses_that_only_look_like_this_machine_are_not() {
        for url in
            ["http://localhost", "http://LOCALHOST:1/x", "http://[::1]:80/", "https://127.1.2.3", "http://u@127.0.0.1"]
        {
            assert!(is_loopback(url), "{url}");
        }
        for url in [
            "http://127.0.0.1@evil.example/",
            "http://localhost.example",
            "127.0.0.1:80",
            "http://[::2]",
            "http://evil.example\\@127.0.0.1",
        ] {
            assert!(!is_loopback(url), "{url}");
        }
    }

    #[test]
    fn a_provider_block_with_a_far_address_is_refused() {
        let block = |url: &str| Value::object(vec![("endpoints".into(), Value::tuple(vec![Value::string(url)]))]);
        assert!(refuse_far_endpoint(&block("http://127.0.0.1:80")).is_ok());
        assert!(refuse_far_endpoint(&block("https://eks.example")).is_err());
    }
}
