//! Progress as plain lines, for pipes and logs. The lines that scripts look for are those of Terraform.

use super::plan::value::escaped;
use std::collections::BTreeMap;
use std::io::{self, Write};
use terrane_core::InstanceAddr;
use terrane_core::change::Action;
use terrane_core::event::Event;

/// Reads that are told one by one; of the others, one in so many.
const READS_SHOWN: usize = 1_000;
/// A wait is told again after so long.
const WAIT_EVERY_MS: u64 = 10_000;
/// A request that is held back is told when it waits for so long.
const HELD_SHOWN_MS: u64 = 2_000;

/// Writes progress.
pub struct Lines<W> {
    out: W,
    reads: usize,
    told: BTreeMap<InstanceAddr, u64>,
}

impl<W: Write> Lines<W> {
    /// Progress into `out`.
    pub fn new(out: W) -> Self {
        Self { out, reads: 0, told: BTreeMap::new() }
    }

    /// Something that happened. Problems are told by whoever collects them.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn event(&mut self, event: &Event) -> io::Result<()> {
        match event {
            Event::ReadStarted { addr, id } => self.read(addr, id)?,
            Event::ChangeStarted { addr, action, id } => {
                writeln!(self.out, "{addr}: {}...{}", doing(*action), in_brackets(id.as_deref()))?;
            }
            Event::StepWaiting { addr, action, message, percent, elapsed_ms, .. } => {
                let last = self.told.get(addr).copied().unwrap_or(0);
                if elapsed_ms.saturating_sub(last) < WAIT_EVERY_MS {
                    return Ok(());
                }
                self.told.insert(addr.clone(), *elapsed_ms);
                let doing = doing(*action).to_lowercase();
                writeln!(self.out, "{addr}: Still {doing}... [{}]", wait(message, *percent, *elapsed_ms))?;
            }
            Event::ChangeDone { addr, action, id, elapsed_ms } => {
                self.told.remove(addr);
                let seconds = elapsed_ms / 1_000;
                writeln!(
                    self.out,
                    "{addr}: {} complete after {seconds}s{}",
                    done(*action),
                    in_brackets(id.as_deref())
                )?;
            }
            Event::ChangeFailed { addr, action, elapsed_ms, .. } => {
                self.told.remove(addr);
                writeln!(self.out, "{addr}: {} failed after {}s", done(*action), elapsed_ms / 1_000)?;
            }
            Event::Held { budget, why, wait_ms } if *wait_ms >= HELD_SHOWN_MS => {
                writeln!(self.out, "{budget}: held back for {}s, {}", wait_ms / 1_000, escaped(why))?;
            }
            Event::Phase { .. }
            | Event::ReadDone { .. }
            | Event::StepStarted { .. }
            | Event::StepDone { .. }
            | Event::Held { .. }
            | Event::Problem(_) => return Ok(()),
        }
        self.out.flush()
    }

    fn read(&mut self, addr: &InstanceAddr, id: &str) -> io::Result<()> {
        self.reads += 1;
        if self.reads <= READS_SHOWN {
            return writeln!(self.out, "{addr}: Refreshing state... [id={}]", escaped(id));
        }
        if self.reads.is_multiple_of(READS_SHOWN) {
            return writeln!(self.out, "{addr}: Refreshing state... [{} objects so far]", self.reads);
        }
        Ok(())
    }
}

/// `10s elapsed, waiting for CREATING, 40%`.
pub fn wait(message: &str, percent: Option<u8>, elapsed_ms: u64) -> String {
    let mut text = format!("{}s elapsed", elapsed_ms / 1_000);
    if !message.is_empty() {
        text.push_str(&format!(", waiting for {}", escaped(message)));
    }
    if let Some(percent) = percent {
        text.push_str(&format!(", {percent}%"));
    }
    text
}

fn in_brackets(id: Option<&str>) -> String {
    id.map(|id| format!(" [id={}]", escaped(id))).unwrap_or_default()
}

/// What goes on: `Creating`.
pub fn doing(action: Action) -> &'static str {
    match action {
        Action::NoOp => "Checking",
        Action::Read => "Reading",
        Action::Create => "Creating",
        Action::Update => "Modifying",
        Action::DeleteThenCreate | Action::CreateThenDelete => "Replacing",
        Action::Delete => "Destroying",
        Action::Forget => "Forgetting",
    }
}

/// What was done: `Creation`.
pub fn done(action: Action) -> &'static str {
    match action {
        Action::NoOp => "Check",
        Action::Read => "Read",
        Action::Create => "Creation",
        Action::Update => "Modifications",
        Action::DeleteThenCreate | Action::CreateThenDelete => "Replacement",
        Action::Delete => "Destruction",
        Action::Forget => "Removal from the state",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(events: impl IntoIterator<Item = Event>) -> String {
        let mut out = Vec::new();
        let mut lines = Lines::new(&mut out);
        events.into_iter().for_each(|event| lines.event(&event).unwrap());
        String::from_utf8(out).unwrap()
    }

    fn waiting(elapsed_ms: u64) -> Event {
        Event::StepWaiting {
            addr: "t.r".parse().unwrap(),
            action: Action::Create,
            step: "s".into(),
            message: "CREATING".into(),
            percent: Some(40),
            elapsed_ms,
        }
    }

    #[test]
    fn a_change_is_told_from_start_to_end() {
        let addr: InstanceAddr = "t.r".parse().unwrap();
        let started = Event::ChangeStarted { addr: addr.clone(), action: Action::Create, id: None };
        let done = Event::ChangeDone { addr, action: Action::Create, id: Some("x".into()), elapsed_ms: 13_000 };
        let expected = "t.r: Creating...\n\
                        t.r: Still creating... [10s elapsed, waiting for CREATING, 40%]\n\
                        t.r: Creation complete after 13s [id=x]\n";
        assert_eq!(text([started, waiting(4_000), waiting(10_000), waiting(12_000), done]), expected);
    }

    #[test]
    fn many_reads_are_thinned() {
        let read = |at: u64| Event::ReadStarted { addr: format!("t.r[{at}]").parse().unwrap(), id: "i".into() };
        assert_eq!(text((0..100_000).map(read)).lines().count(), 1_000 + 99);
    }
}
