//! The clock of a run: the real one, and the seam at which tests put another.

use std::time::{Duration, SystemTime, UNIX_EPOCH};
use terrane_core::Text;
use terrane_provider::Async;

/// Time, as a run sees it.
pub trait Clock: Send + Sync {
    /// Milliseconds since the Unix epoch.
    fn now_ms(&self) -> u64;
    /// Waits so many milliseconds.
    fn sleep(&self, ms: u64) -> Async<'_, ()>;
}

/// The clock of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now_ms(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }

    fn sleep(&self, ms: u64) -> Async<'_, ()> {
        Box::pin(tokio::time::sleep(Duration::from_millis(ms)))
    }
}

/// A moment as RFC 3339 in UTC, to the second.
#[must_use]
pub fn rfc3339(ms: u64) -> Text {
    let seconds = i64::try_from(ms / 1_000).unwrap_or(i64::MAX);
    jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::MAX).to_string().into()
}

/// The milliseconds since the Unix epoch of an RFC 3339 moment; `None` where it is none.
#[must_use]
pub fn from_rfc3339(text: &str) -> Option<u64> {
    let moment: jiff::Timestamp = text.parse().ok()?;
    u64::try_from(moment.as_millisecond()).ok()
}

#[cfg(test)]
pub(crate) mod fake {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    /// A clock that moves when somebody sleeps.
    #[derive(Debug, Default)]
    pub struct FakeClock(pub AtomicU64);

    impl FakeClock {
        pub fn advance(&self, ms: u64) {
            self.0.fetch_add(ms, Ordering::SeqCst);
        }
    }

    impl Clock for FakeClock {
        fn now_ms(&self) -> u64 {
            self.0.load(Ordering::SeqCst)
        }

        fn sleep(&self, ms: u64) -> Async<'_, ()> {
            Box::pin(async move {
                self.advance(ms);
                tokio::task::yield_now().await;
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_survive_their_text() {
        assert_eq!(&*rfc3339(1_700_000_000_999), "2023-11-14T22:13:20Z");
        assert_eq!(from_rfc3339("2023-11-14T22:13:20Z"), Some(1_700_000_000_000));
        assert_eq!(from_rfc3339("yesterday"), None);
    }
}
