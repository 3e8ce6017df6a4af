//! The emulated clock: real time since the start, multiplied by a rate.
//!
//! In: the rate and jumps. Out: emulated seconds since the Unix epoch. It leaves out signature dates and the
//! end of session credentials: those are compared with real time, because clients compare them with real time.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The emulated clock of one sandbox.
#[derive(Clone, Debug)]
pub(crate) struct Clock {
    anchor: Instant,
    seconds_at_anchor: f64,
    rate: f64,
}

impl Clock {
    /// Starts at `epoch_seconds`, or at the real time when that is `None`; a rate below 1 counts as 1.
    pub(crate) fn new(epoch_seconds: Option<f64>, rate: u32) -> Self {
        Self {
            anchor: Instant::now(),
            seconds_at_anchor: epoch_seconds.unwrap_or_else(real_seconds),
            rate: f64::from(rate.max(1)),
        }
    }

    /// Emulated seconds since the Unix epoch.
    pub(crate) fn now(&self) -> f64 {
        self.anchor.elapsed().as_secs_f64().mul_add(self.rate, self.seconds_at_anchor)
    }

    /// Emulated seconds that pass in one real second.
    pub(crate) const fn rate(&self) -> f64 {
        self.rate
    }

    /// Changes the rate from now on; what has passed stays passed.
    pub(crate) fn set_rate(&mut self, rate: u32) {
        self.seconds_at_anchor = self.now();
        self.anchor = Instant::now();
        self.rate = f64::from(rate.max(1));
    }

    /// Jumps forward.
    pub(crate) fn advance(&mut self, by: Duration) {
        self.seconds_at_anchor += by.as_secs_f64();
    }
}

/// Real seconds since the Unix epoch.
pub(crate) fn real_seconds() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |past| past.as_secs_f64())
}

/// Rounds to milliseconds, the precision of the services' answers.
pub(crate) fn to_millis(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}

/// `2025-11-23T11:20:00Z`; a time outside the calendar becomes the epoch.
pub(crate) fn iso(seconds: f64) -> String {
    let whole = Duration::try_from_secs_f64(seconds).unwrap_or_default().as_secs();
    let stamp = i64::try_from(whole).ok().and_then(|whole| jiff::Timestamp::from_second(whole).ok());
    stamp.unwrap_or(jiff::Timestamp::UNIX_EPOCH).strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jump_moves_the_clock_forward_at_once() {
        let mut clock = Clock::new(Some(1_000.0), 1);
        clock.advance(Duration::from_secs(600));
        assert!(clock.now() >= 1_600.0);
    }

    #[test]
    fn time_is_written_as_the_services_write_it() {
        assert_eq!(iso(1_763_890_000.7), "2025-11-23T09:26:40Z");
    }
}
