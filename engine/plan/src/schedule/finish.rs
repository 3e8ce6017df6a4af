//! The end of a run.

use super::{End, Schedule, Stand, Then};
use crate::state::{Entry, RecordedOutput};
use terrane_core::Residual;
use terrane_core::change::Action;
use terrane_lang::eval::{self, ResolveContext};

impl Schedule<'_> {
    /// Writes outputs and the end when nothing is under way and nothing can be started.
    pub(super) fn finish_if_idle(&mut self) {
        let is_idle = self.running.is_empty() && self.pending.is_empty() && self.thens.is_empty();
        let can_start = !self.is_stopping && !self.ready.is_empty();
        if !self.is_under_way || !is_idle || self.end.is_some() {
            return;
        }
        if self.has_lost_state {
            self.end = Some(End::StateFailed);
            return;
        }
        if can_start || self.is_finishing {
            return;
        }
        self.is_finishing = true;
        self.look_around();
        let mut entries: Vec<Entry> = self.outputs().into_iter().collect();
        if self.stands.iter().all(|stand| *stand == Stand::Done) {
            entries.push(Entry::Finish { plan: self.plan.id.clone() });
        }
        self.write(entries, Then::Finished);
    }

    /// Outputs as far as they are known now; the others stay as they are recorded.
    fn outputs(&self) -> Option<Entry> {
        if self.plan.outputs.iter().all(|output| output.action == Action::NoOp) {
            return None;
        }
        let cx = ResolveContext { sources: self.sources, module_folder: "." };
        let known = |residual: &Residual| match residual {
            Residual::Attribute { instance, path } => self.state.record(instance)?.seen.at(path).cloned(),
            call if eval::is_of_apply(call) => eval::at_apply(call, &cx).ok().flatten(),
            _ => None,
        };
        let mut outputs = self.state.outputs.clone();
        for output in &self.plan.outputs {
            if output.action == Action::Delete {
                outputs.remove(&output.name);
                continue;
            }
            if self.refused_outputs.contains(&output.name) {
                continue;
            }
            let Ok(value) = eval::resolve(&output.after, &known, &cx) else { continue };
            if value.is_wholly_known() || output.is_sensitive {
                outputs.insert(output.name.clone(), RecordedOutput { value, is_sensitive: output.is_sensitive });
            }
        }
        (outputs != self.state.outputs).then_some(Entry::Outputs { outputs })
    }

    pub(super) fn finished_writing(&mut self) {
        let is_complete = self.stands.iter().all(|stand| *stand == Stand::Done) && !self.has_broken_condition;
        self.end = Some(if is_complete {
            End::Complete
        } else if self.stands.contains(&Stand::Failed) || self.has_broken_condition {
            End::Partial
        } else {
            End::Interrupted
        });
    }
}
