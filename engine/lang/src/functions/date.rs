//! Functions of moments, RFC 3339.

use super::ParameterType::String as S;
use super::{Function, FunctionError, Nature, Outcome, a_number, is, of, p, refused, string, text, wrong};
use jiff::SignedDuration;
use jiff::civil::{Date, DateTime, Time};
use terrane_core::Value;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// The functions.
pub static TABLE: &[Function] = &[
    Function::new(
        "formatdate",
        "A moment in a form of its own, such as `YYYY-MM-DD'T'hh:mm:ssZ`.",
        &[p("form", S), p("moment", S)],
        string,
        |a, _| format_date(text(a, 0), &Moment::read(text(a, 1), 1)?),
    ),
    Function::new("plantimestamp", "The moment of the plan, in UTC.", &[], string, |_, cx| of(cx.sources.plan_time())),
    Function::new(
        "timeadd",
        "A moment later by a duration such as `1h30m`.",
        &[p("moment", S), p("duration", S)],
        string,
        |a, _| time_add(Moment::read(text(a, 0), 0)?, text(a, 1)),
    ),
    Function::new(
        "timecmp",
        "-1, 0 or 1, as the first moment is before, at or after the second.",
        &[p("first", S), p("second", S)],
        a_number,
        |a, _| {
            let (first, second) = (Moment::read(text(a, 0), 0)?.in_utc(0)?, Moment::read(text(a, 1), 1)?.in_utc(1)?);
            is(Value::int(i64::from(first.cmp(&second) as i8)))
        },
    ),
    // Whoever carries out a plan gives the moment of apply as the one of its sources.
    Function::new("timestamp", "The moment of apply, in UTC.", &[], string, |_, cx| of(cx.sources.plan_time()))
        .nature(Nature::AtApply),
];

/// A local date and time, and how many minutes it is ahead of UTC.
struct Moment {
    local: DateTime,
    offset: i32,
}

impl Moment {
    fn read(text: &str, at: usize) -> Result<Self, FunctionError> {
        match Self::parse(text) {
            Some(moment) => Ok(moment),
            None => wrong(at, "it has to be a moment as in RFC 3339, such as 2026-01-31T12:00:00Z"),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let (date, behind) = text.split_once('T')?;
        let (time, zone) = behind.split_at(behind.find(['Z', '+', '-'])?);
        let [year, month, day] = fields(date, '-', [4, 2, 2])?;
        let (clock, fraction) = time.split_once('.').unwrap_or((time, "0"));
        let [hour, minute, second] = fields(clock, ':', [2, 2, 2])?;
        let is_fraction = !fraction.is_empty() && fraction.bytes().all(|b| b.is_ascii_digit());
        let nanosecond: i32 = format!("{:0<9}", fraction.get(..9).unwrap_or(fraction)).parse().ok()?;
        let date = Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?;
        let small = |number: i16| i8::try_from(number).ok();
        let time = Time::new(small(hour)?, small(minute)?, small(second)?, nanosecond).ok()?;
        let offset = match zone.split_at_checked(1)? {
            ("Z", "") => 0,
            (sign @ ("+" | "-"), behind) => {
                let [hours, minutes] = fields(behind, ':', [2, 2])?;
                let offset = i32::from(hours) * 60 + i32::from(minutes);
                Some(if sign == "-" { -offset } else { offset }).filter(|_| hours < 24 && minutes < 60)?
            }
            _ => return None,
        };
        is_fraction.then(|| Self { local: DateTime::from_parts(date, time), offset })
    }

    fn in_utc(&self, at: usize) -> Result<DateTime, FunctionError> {
        let offset = SignedDuration::from_mins(i64::from(self.offset));
        self.local.checked_sub(offset).or_else(|_| wrong(at, "it is too long ago or too far ahead"))
    }

    fn zone(&self, between: &str) -> String {
        let sign = if self.offset < 0 { '-' } else { '+' };
        let minutes = self.offset.unsigned_abs();
        format!("{sign}{:02}{between}{:02}", minutes / 60, minutes % 60)
    }
}

/// Decimal numbers of fixed lengths with one character between them.
fn fields<const N: usize>(text: &str, between: char, lengths: [usize; N]) -> Option<[i16; N]> {
    let mut parts = text.split(between);
    let mut numbers = [0; N];
    for (number, length) in numbers.iter_mut().zip(lengths) {
        let part = parts.next().filter(|part| part.len() == length && part.bytes().all(|b| b.is_ascii_digit()))?;
        *number = part.parse().ok()?;
    }
    parts.next().is_none().then_some(numbers)
}

fn time_add(moment: Moment, duration_text: &str) -> Outcome {
    let Some(nanoseconds) = duration(duration_text) else {
        return wrong(1, "it has to be a duration such as 1h30m; the units are h, m, s, ms, us and ns");
    };
    match moment.local.checked_add(SignedDuration::from_nanos(nanoseconds)) {
        Ok(local) => format_date("YYYY-MM-DD'T'hh:mm:ssZ", &Moment { local, ..moment }),
        Err(_) => refused("the result is too long ago or too far ahead"),
    }
}

/// Nanoseconds of `1h30m`, `-10m`, `1.5s`.
fn duration(text: &str) -> Option<i64> {
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0);
    }
    let mut total: i128 = 0;
    loop {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, behind) = rest.split_at(end);
        let unit_end = behind.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(behind.len());
        let (unit, behind) = behind.split_at(unit_end);
        total = total.checked_add(part(number, unit)?)?;
        rest = behind;
        if rest.is_empty() {
            return i64::try_from(total).ok().map(|total| sign * total);
        }
    }
}

fn part(number: &str, unit: &str) -> Option<i128> {
    let scale: i128 = match unit {
        "ns" => 1,
        "us" | "\u{b5}s" | "\u{3bc}s" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let digits = |text: &str| if text.is_empty() { Some(0) } else { text.parse::<i128>().ok() };
    // Digits beyond the eighteenth are less than a nanosecond.
    let fraction = fraction.get(..18).unwrap_or(fraction);
    let tenth = 10_i128.pow(u32::try_from(fraction.len()).ok()?);
    digits(whole)?.checked_mul(scale)?.checked_add(digits(fraction)?.checked_mul(scale)? / tenth)
}

fn format_date(form: &str, moment: &Moment) -> Outcome {
    let mut out = String::new();
    let mut rest = form;
    while let Some(c) = rest.chars().next() {
        if let Some(behind) = rest.strip_prefix('\'') {
            rest = quoted(behind, &mut out)?;
            continue;
        }
        let end = rest.find(|other| other != c).unwrap_or(rest.len());
        let (run, behind) = rest.split_at(end);
        if c.is_ascii_alphabetic() {
            match letters(run, moment) {
                Some(shown) => out.push_str(&shown),
                None => return wrong(0, format!("`{run}` is no part of a moment; text stands in single quotes")),
            }
        } else {
            out.push_str(run);
        }
        rest = behind;
    }
    of(out)
}

/// Text behind a quote; two quotes mean one.
fn quoted<'f>(behind: &'f str, out: &mut String) -> Result<&'f str, FunctionError> {
    let mut rest = behind;
    loop {
        let Some((text, behind)) = rest.split_once('\'') else { return wrong(0, "a quote is not closed") };
        out.push_str(text);
        match behind.strip_prefix('\'') {
            Some(more) => {
                out.push('\'');
                rest = more;
            }
            None => return Ok(behind),
        }
    }
}

fn letters(run: &str, moment: &Moment) -> Option<String> {
    let (date, time) = (moment.local.date(), moment.local.time());
    let nth = |names: &[&'static str], number: i8| names.get(usize::try_from(number - 1).ok()?).copied();
    let month = nth(&MONTHS, date.month())?;
    let day = nth(&DAYS, date.weekday().to_monday_one_offset())?;
    let twelve = if time.hour() % 12 == 0 { 12 } else { time.hour() % 12 };
    let is_morning = time.hour() < 12;
    Some(match run {
        "YYYY" => format!("{:04}", date.year()),
        "YY" => format!("{:02}", date.year().rem_euclid(100)),
        "MMMM" => month.to_owned(),
        "MMM" => month.get(..3)?.to_owned(),
        "MM" => format!("{:02}", date.month()),
        "M" => date.month().to_string(),
        "DD" => format!("{:02}", date.day()),
        "D" => date.day().to_string(),
        "EEEE" => day.to_owned(),
        "EEE" => day.get(..3)?.to_owned(),
        "hh" => format!("{:02}", time.hour()),
        "h" => time.hour().to_string(),
        "HH" => format!("{twelve:02}"),
        "H" => twelve.to_string(),
        "AA" => if is_morning { "AM" } else { "PM" }.to_owned(),
        "aa" => if is_morning { "am" } else { "pm" }.to_owned(),
        "mm" => format!("{:02}", time.minute()),
        "m" => time.minute().to_string(),
        "ss" => format!("{:02}", time.second()),
        "s" => time.second().to_string(),
        "Z" if moment.offset == 0 => "Z".to_owned(),
        "ZZZ" if moment.offset == 0 => "UTC".to_owned(),
        "Z" | "ZZZZZ" => moment.zone(":"),
        "ZZZ" | "ZZZZ" => moment.zone(""),
        _ => return None,
    })
}
