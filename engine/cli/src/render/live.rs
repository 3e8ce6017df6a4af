//! Progress that moves on a terminal: what runs, what waits and how far it is, and above it what is done.

use super::lines::{doing, done, wait};
use super::plan::value::escaped;
use crate::console::{Hue, Paint};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::collections::BTreeMap;
use std::time::Duration;
use terrane_core::InstanceAddr;
use terrane_core::event::Event;

/// Rows that move at once; more are counted.
const ROWS: usize = 20;
/// How often the clock of a row moves.
const TICK: Duration = Duration::from_millis(200);

/// The moving part of the screen.
pub struct Live {
    rows: MultiProgress,
    running: BTreeMap<InstanceAddr, ProgressBar>,
    hidden: BTreeMap<InstanceAddr, ()>,
    reading: Option<ProgressBar>,
    overall: ProgressBar,
    finished: u64,
    paint: Paint,
}

impl Live {
    /// An empty screen part.
    pub fn new(paint: Paint) -> Self {
        let rows = MultiProgress::with_draw_target(ProgressDrawTarget::stdout());
        let overall = rows.add(ProgressBar::new_spinner().with_style(style("  {msg}")));
        Self { rows, running: BTreeMap::new(), hidden: BTreeMap::new(), reading: None, overall, finished: 0, paint }
    }

    /// Something that happened. Problems are told by whoever collects them.
    pub fn event(&mut self, event: &Event) {
        match event {
            Event::Phase { name, done, total } => {
                let of = if *total > 0 { format!(" {done} of {total}") } else { String::new() };
                self.overall.set_message(format!("{name}{of}"));
            }
            Event::ReadStarted { .. } => self.read(0),
            Event::ReadDone { .. } => self.read(1),
            Event::ChangeStarted { addr, action, .. } => self.start(addr, doing(*action)),
            Event::StepStarted { addr, action, step, expected_s } => {
                let about = if *expected_s > 0 { format!(", takes about {expected_s}s") } else { String::new() };
                self.say(addr, format!("{} {step}{about}", doing(*action)));
            }
            Event::StepWaiting { addr, action, step, message, percent, elapsed_ms } => {
                self.say(addr, format!("{} {step} [{}]", doing(*action), wait(message, *percent, *elapsed_ms)));
            }
            Event::StepDone { addr, action, step } => self.say(addr, format!("{} {step} done", doing(*action))),
            Event::ChangeDone { addr, action, id, elapsed_ms } => {
                let id = id.as_ref().map(|id| format!(" [id={}]", escaped(id))).unwrap_or_default();
                let text = format!("{addr}: {} complete after {}s{id}", done(*action), elapsed_ms / 1_000);
                self.end(addr, &self.paint.text(Hue::Green, &text));
            }
            Event::ChangeFailed { addr, action, elapsed_ms, .. } => {
                let text = format!("{addr}: {} failed after {}s", done(*action), elapsed_ms / 1_000);
                self.end(addr, &self.paint.text(Hue::Red, &text));
            }
            Event::Held { budget, why, wait_ms } => {
                self.overall.set_message(format!("{budget}: held back for {wait_ms} ms, {}", escaped(why)));
            }
            Event::Problem(_) => {}
        }
    }

    /// Takes the moving part away; what is done stays.
    pub fn clear(&mut self) {
        // A screen that cannot be written to has nothing to clear.
        let _gone = self.rows.clear();
        self.running.clear();
        self.reading = None;
    }

    fn read(&mut self, done: u64) {
        let bar = self.reading.get_or_insert_with(|| {
            self.rows.insert(0, ProgressBar::new(0).with_style(style("  Refreshing state... {pos} of {len} objects")))
        });
        if done == 0 { bar.inc_length(1) } else { bar.inc(done) }
    }

    fn start(&mut self, addr: &InstanceAddr, doing: &str) {
        if self.running.len() >= ROWS {
            self.hidden.insert(addr.clone(), ());
            self.count();
            return;
        }
        let row = self.rows.insert_before(
            &self.overall,
            ProgressBar::new_spinner().with_style(style("  {spinner} {prefix}: {msg} {elapsed}")),
        );
        row.set_prefix(addr.to_string());
        row.set_message(doing.to_owned());
        row.enable_steady_tick(TICK);
        self.running.insert(addr.clone(), row);
        self.count();
    }

    fn say(&mut self, addr: &InstanceAddr, text: String) {
        if let Some(row) = self.running.get(addr) {
            row.set_message(text);
        }
    }

    fn end(&mut self, addr: &InstanceAddr, text: &str) {
        self.hidden.remove(addr);
        if let Some(row) = self.running.remove(addr) {
            row.finish_and_clear();
            self.rows.remove(&row);
        }
        self.finished += 1;
        // A screen that cannot be written to is no reason to stop a run.
        let _unseen = self.rows.println(text);
        self.count();
    }

    fn count(&self) {
        let running = self.running.len() + self.hidden.len();
        self.overall.set_message(format!("{} done, {running} running", self.finished));
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}
