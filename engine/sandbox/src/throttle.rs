//! Token buckets: one for each account, region and service.
//!
//! Times are emulated, so a fast clock also refills fast and a client that divides its waits sees the same picture.
//!
//! # Source
//! Amazon EC2 API Reference, "Request throttling" (token bucket algorithm, per account and region).

use std::collections::BTreeMap;

use crate::config::Throttle;

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    filled_at: f64,
}

/// All buckets and their limits.
#[derive(Debug)]
pub(crate) struct Buckets {
    standard: Throttle,
    limits: BTreeMap<String, Throttle>,
    buckets: BTreeMap<(String, String, String), Bucket>,
}

impl Buckets {
    /// Buckets that all have the standard limit.
    pub(crate) const fn new(standard: Throttle) -> Self {
        Self { standard, limits: BTreeMap::new(), buckets: BTreeMap::new() }
    }

    /// Gives a service, or all when `None`, a limit of its own; without one the standard holds again.
    pub(crate) fn limit(&mut self, service: Option<&str>, limit: Option<Throttle>) {
        match (service, limit) {
            (Some(service), Some(limit)) => {
                self.limits.insert(service.to_owned(), limit);
            }
            (Some(service), None) => {
                self.limits.remove(service);
            }
            (None, Some(limit)) => self.standard = limit,
            (None, None) => self.limits.clear(),
        }
        self.buckets.clear();
    }

    /// Takes a token; on refusal says after how many emulated seconds there is one.
    pub(crate) fn take(&mut self, key: (String, String, String), now: f64) -> Result<(), f64> {
        let limit = self.limits.get(&key.2).copied().unwrap_or(self.standard);
        let full = Bucket { tokens: limit.burst, filled_at: now };
        let bucket = self.buckets.entry(key).or_insert(full);
        let refill = (now - bucket.filled_at).max(0.0) * limit.per_second;
        bucket.tokens = (bucket.tokens + refill).min(limit.burst);
        bucket.filled_at = now;
        if bucket.tokens >= 1.0 {
            bucket.tokens -= 1.0;
            return Ok(());
        }
        Err((1.0 - bucket.tokens) / limit.per_second.max(0.001))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_bucket_refuses_until_it_is_refilled() {
        let mut buckets = Buckets::new(Throttle { per_second: 2.0, burst: 1.0 });
        let key = || ("111122223333".to_owned(), "eu-west-1".to_owned(), "eks".to_owned());
        assert!(buckets.take(key(), 0.0).is_ok());
        assert_eq!(buckets.take(key(), 0.0), Err(0.5));
        assert!(buckets.take(key(), 0.5).is_ok());
    }
}
