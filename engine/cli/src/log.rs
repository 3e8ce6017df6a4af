//! Logs and traces: JSON, one object a line, to a file or standard error; with the feature `otlp` spans also go to
//! a collector.
//!
//! Only Terrane's own spans and events are taken in: what libraries log may quote a request, and a request may hold
//! a secret. Ours hold names, numbers and what problems say to people.

#[cfg(feature = "otlp")]
mod otlp;

use crate::diag;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::sync::Mutex;
use terrane_core::event::Event;
use terrane_core::{Diagnostic, Place};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::registry::Registry;

/// The level: `error`, `warn`, `info`, `debug`, `trace`, `off`.
const LEVEL: &str = "TERRANE_LOG";
/// The file, where `-log-file` is not given.
const FILE: &str = "TERRANE_LOG_FILE";
/// The trace that a run belongs to, as W3C Trace Context writes it: what a CI system hands down.
const PARENT: &str = "TRACEPARENT";
/// Crates of ours, whose spans and events are taken in.
const OURS: &str = "terrane";

/// What has to be closed at the end.
#[derive(Default)]
pub struct Logs {
    #[cfg(feature = "otlp")]
    exporter: Option<otlp::Exporter>,
}

impl Logs {
    /// Sends what is left. Traces are a help, never a reason to fail or to wait for long.
    pub fn close(self) {
        #[cfg(feature = "otlp")]
        if let Some(exporter) = self.exporter {
            exporter.close();
        }
    }
}

/// Begins to log, where the command line or the environment asks for it.
///
/// # Errors
/// `log-unusable`: a level that is none, a file that cannot be opened.
pub fn start(file: Option<&str>, environment: impl Fn(&str) -> Option<String>) -> Result<Logs, Box<Diagnostic>> {
    let environment = |name: &str| environment(name).filter(|value| !value.is_empty());
    let file = file.map(str::to_owned).or_else(|| environment(FILE));
    let level = level(environment(LEVEL).as_deref(), file.is_some())?;
    let writer = match file {
        Some(path) if level != LevelFilter::OFF => Writer::File(Mutex::new(open(&path)?)),
        _ => Writer::Stderr,
    };
    #[cfg(feature = "otlp")]
    let exporter = otlp::Exporter::of_environment(&environment)?;
    #[cfg(feature = "otlp")]
    let is_traced = exporter.is_some();
    #[cfg(not(feature = "otlp"))]
    let is_traced = false;
    if level == LevelFilter::OFF && !is_traced {
        return Ok(Logs::default());
    }
    let is_ours = |metadata: &tracing::Metadata<'_>| metadata.target().starts_with(OURS);
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .with_span_events(FmtSpan::CLOSE)
        .with_writer(writer)
        .with_filter(tracing_subscriber::filter::filter_fn(is_ours))
        .with_filter(level);
    let registry = Registry::default().with(lines);
    #[cfg(feature = "otlp")]
    let registry = registry.with(exporter.as_ref().map(|exporter| {
        exporter.layer().with_filter(tracing_subscriber::filter::filter_fn(is_ours)).with_filter(LevelFilter::DEBUG)
    }));
    // A second subscriber is refused, and there is none: this is called once.
    let _first = tracing::subscriber::set_global_default(registry);
    Ok(Logs {
        #[cfg(feature = "otlp")]
        exporter,
    })
}

/// The span of the whole command.
pub fn root(command: &'static str, environment: impl Fn(&str) -> Option<String>) -> tracing::Span {
    let parent = environment(PARENT).filter(|parent| is_trace_parent(parent));
    let span = tracing::info_span!(
        "terrane",
        command,
        version = env!("CARGO_PKG_VERSION"),
        trace_parent = tracing::field::Empty
    );
    if let Some(parent) = parent {
        span.record("trace_parent", &*parent);
        #[cfg(feature = "otlp")]
        otlp::adopt(&span, &parent);
    }
    span
}

/// `00-<32 hexadecimal digits>-<16>-<2>`; anything else is left alone, as the standard asks.
///
/// # Source
/// W3C Recommendation "Trace Context", 23 November 2021, section 3.2.
fn is_trace_parent(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let is_hex = |part: &str, length: usize| {
        part.len() == length && part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    let is_set = |part: &str| part.bytes().any(|byte| byte != b'0');
    match parts.as_slice() {
        [version, trace, span, flags] => {
            is_hex(version, 2)
                && *version != "ff"
                && is_hex(trace, 32)
                && is_hex(span, 16)
                && is_hex(flags, 2)
                && is_set(trace)
                && is_set(span)
        }
        _ => false,
    }
}

fn level(asked: Option<&str>, has_file: bool) -> Result<LevelFilter, Box<Diagnostic>> {
    match asked {
        None if has_file => Ok(LevelFilter::INFO),
        None => Ok(LevelFilter::OFF),
        Some(text) => text.parse().map_err(|_| {
            let detail = format!("{LEVEL} is {}", terrane_core::path::quote(text));
            let problem = diag::LOG_UNUSABLE.at(Place::Run).detail(detail);
            Box::new(problem.help("set it to error, warn, info, debug, trace or off"))
        }),
    }
}

fn open(path: &str) -> Result<File, Box<Diagnostic>> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path)
        .map_err(|error| Box::new(diag::LOG_UNUSABLE.at(Place::Run).detail(format!("{path}: {error}"))))
}

/// Where lines go.
enum Writer {
    File(Mutex<File>),
    Stderr,
}

impl<'a> tracing_subscriber::fmt::MakeWriter<'a> for Writer {
    type Writer = Box<dyn std::io::Write + 'a>;

    fn make_writer(&'a self) -> Self::Writer {
        match self {
            Self::File(file) => Box::new(file.make_writer()),
            Self::Stderr => Box::new(std::io::stderr()),
        }
    }
}

/// What happens in a run, as log events.
pub fn event(event: &Event) {
    match event {
        Event::Phase { .. } | Event::ReadStarted { .. } => {}
        Event::ReadDone { addr, .. } => tracing::debug!(%addr, "read"),
        Event::ChangeStarted { addr, action, .. } => tracing::info!(%addr, ?action, "change started"),
        Event::StepStarted { addr, step, .. } => tracing::info!(%addr, step = &**step, "step started"),
        Event::StepWaiting { addr, step, message, elapsed_ms, .. } => {
            tracing::debug!(%addr, step = &**step, elapsed_ms, "waits: {message}");
        }
        Event::StepDone { addr, step, .. } => tracing::info!(%addr, step = &**step, "step done"),
        Event::ChangeDone { addr, action, elapsed_ms, .. } => {
            tracing::info!(%addr, ?action, elapsed_ms, "change done");
        }
        Event::ChangeFailed { addr, action, elapsed_ms, .. } => {
            tracing::error!(%addr, ?action, elapsed_ms, "change failed");
        }
        Event::Held { budget, why, wait_ms } => tracing::warn!(budget = &**budget, wait_ms, "held back: {why}"),
        Event::Problem(problem) => self::problem(problem),
    }
}

/// A problem as it is told to people, without its text of the configuration.
pub fn problem(problem: &Diagnostic) {
    let (id, summary) = (problem.kind.id, problem.kind.summary);
    if problem.is_error() {
        tracing::error!(id, "{summary}");
    } else {
        tracing::warn!(id, "{summary}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_alone_asks_for_info_and_a_level_alone_for_standard_error() {
        assert_eq!(level(None, true).unwrap(), LevelFilter::INFO);
        assert_eq!(level(None, false).unwrap(), LevelFilter::OFF);
        assert_eq!(level(Some("trace"), false).unwrap(), LevelFilter::TRACE);
        assert_eq!(level(Some("loud"), true).unwrap_err().kind.id, "log-unusable");
    }

    #[test]
    fn a_file_that_cannot_be_opened_is_told() {
        let problem = start(Some("/dev/null/log"), |_| None).err().unwrap();
        assert_eq!(problem.kind.id, "log-unusable");
    }

    #[test]
    fn only_a_whole_trace_parent_is_taken() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert!(is_trace_parent(good));
        for bad in [
            "",
            "00",
            &good[1..],
            &good.to_uppercase(),
            &good.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32)),
        ] {
            assert!(!is_trace_parent(bad), "{bad}");
        }
    }
}
