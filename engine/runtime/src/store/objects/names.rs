//! The names of the objects of a state. Numbers have twenty digits, so that the order of names is theirs.

use super::Listed;

/// Below it, the log: one object a segment.
pub const LOG: &str = "log/";
/// Below it, the snapshots, by the number of the last segment in them.
pub const SNAPSHOT: &str = "snapshot/";
/// Below it, the locks, by fencing number.
pub const LOCK: &str = "lock/";
/// Written to learn what time it is at the place.
pub const NOW: &str = "now";

/// What ends the name of the mark that a lock is given back.
const RELEASED: &str = ".released";

/// A segment.
pub fn log(number: u64) -> String {
    format!("{LOG}{number:020}")
}

/// A snapshot.
pub fn snapshot(number: u64) -> String {
    format!("{SNAPSHOT}{number:020}")
}

/// A lock.
pub fn lock(fencing: u64) -> String {
    format!("{LOCK}{fencing:020}")
}

/// The mark that a lock is given back.
pub fn released(fencing: u64) -> String {
    format!("{LOCK}{fencing:020}{RELEASED}")
}

/// The heartbeat of a lock.
pub fn beat(fencing: u64) -> String {
    format!("beat/{fencing:020}")
}

/// The number in a name below `prefix`, and whether it is the mark of a lock given back; `None` for what is not ours.
pub fn number(prefix: &str, name: &str) -> Option<(u64, bool)> {
    let rest = name.strip_prefix(prefix)?;
    let (digits, is_released) = match rest.strip_suffix(RELEASED) {
        Some(digits) => (digits, true),
        None => (rest, false),
    };
    let is_plain = digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_plain.then(|| digits.parse().ok()).flatten().map(|number| (number, is_released))
}

/// What is listed below a prefix, by number, in their order.
pub fn numbered(prefix: &str, listed: Vec<Listed>) -> Vec<(u64, Listed)> {
    let plain = |listed: Listed| match number(prefix, &listed.name) {
        Some((number, false)) => Some((number, listed)),
        _ => None,
    };
    listed.into_iter().filter_map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_in_the_order_of_their_numbers() {
        assert!(log(9) < log(10) && lock(7) < released(7) && released(7) < lock(8));
        assert_eq!(number(LOCK, &lock(12)), Some((12, false)));
        assert_eq!(number(LOCK, &released(12)), Some((12, true)));
        for foreign in ["lock/x", "lock/12", "log/00000000000000000012", "lock/0000000000000000001x"] {
            assert_eq!(number(LOCK, foreign), None, "{foreign}");
        }
    }
}
