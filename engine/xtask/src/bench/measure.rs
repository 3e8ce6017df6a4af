//! One command: how long it took, how much processor time, how much memory at its peak.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use wait4::Wait4;

use crate::error::Failure;

/// What one command needed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cost {
    /// From start to end, in seconds.
    pub wall_s: f64,
    /// Processor time of it and the children it waited for, in seconds.
    pub cpu_s: f64,
    /// Resident memory at the peak.
    pub peak_mib: f64,
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum End {
    /// With a code; none after a signal.
    Code(Option<i32>),
    /// It was cut off at the deadline.
    CutOff,
}

/// No command of a benchmark runs longer.
pub const DEADLINE: Duration = Duration::from_secs(900);
/// How often we look; below what the table shows.
const LOOK: Duration = Duration::from_millis(1);

/// Runs `command`, its output into `output`.
///
/// # Errors
/// When it cannot be started or waited for.
pub fn measure(command: &mut Command, output: &Path, deadline: Duration) -> Result<(Cost, End), Failure> {
    let line = command.get_program().to_string_lossy().into_owned();
    let not_run = |source| Failure::NotStarted { program: line.clone(), source };
    let file = std::fs::File::create(output).map_err(Failure::file(output))?;
    let errors = file.try_clone().map_err(Failure::file(output))?;
    command.stdin(Stdio::null()).stdout(file).stderr(errors);
    let start = Instant::now();
    let mut child = command.spawn().map_err(not_run)?;
    let mut is_cut_off = false;
    let used = loop {
        if let Some(used) = child.try_wait4().map_err(not_run)? {
            break used;
        }
        if !is_cut_off && start.elapsed() > deadline {
            child.kill().map_err(not_run)?;
            is_cut_off = true;
        }
        std::thread::sleep(LOOK);
    };
    let peak_kib = u32::try_from(used.rusage.maxrss / 1024).unwrap_or(u32::MAX);
    let cost = Cost {
        wall_s: start.elapsed().as_secs_f64(),
        cpu_s: (used.rusage.utime + used.rusage.stime).as_secs_f64(),
        peak_mib: f64::from(peak_kib) / 1024.0,
    };
    Ok((cost, if is_cut_off { End::CutOff } else { End::Code(used.status.code()) }))
}

/// The middle one of each figure; zero of nothing.
#[must_use]
pub fn median(costs: &[Cost]) -> Cost {
    let middle = |figure: fn(&Cost) -> f64| {
        let mut figures: Vec<f64> = costs.iter().map(figure).collect();
        figures.sort_by(f64::total_cmp);
        figures.get(figures.len() / 2).copied().unwrap_or_default()
    };
    Cost { wall_s: middle(|c| c.wall_s), cpu_s: middle(|c| c.cpu_s), peak_mib: middle(|c| c.peak_mib) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(script: &str, deadline: Duration) -> (Cost, End) {
        let folder = tempfile::tempdir().unwrap();
        measure(Command::new("sh").args(["-c", script]), &folder.path().join("out"), deadline).unwrap()
    }

    #[test]
    fn code_and_memory_are_read() {
        let (cost, end) = run("exit 2", DEADLINE);
        assert_eq!(end, End::Code(Some(2)));
        assert!(cost.peak_mib > 0.1, "{cost:?}");
    }

    #[test]
    fn command_is_cut_off_at_its_deadline() {
        assert_eq!(run("exec sleep 60", Duration::from_millis(20)).1, End::CutOff);
    }

    #[test]
    fn median_is_taken_of_each_figure() {
        let cost = |wall_s, cpu_s| Cost { wall_s, cpu_s, peak_mib: 1.0 };
        assert_eq!(median(&[cost(1.0, 9.0), cost(3.0, 7.0), cost(2.0, 8.0)]), cost(2.0, 8.0));
        assert_eq!(median(&[]), Cost::default());
    }
}
