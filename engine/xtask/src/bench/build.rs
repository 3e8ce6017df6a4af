//! The binary itself: its size, and what building it from nothing costs.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::measure::{Cost, End, measure};
use super::table::thousands;
use crate::command::{Program, passes};
use crate::error::Failure;
use crate::root;

/// A cold build on a small machine takes a while.
const BUILD_DEADLINE: Duration = Duration::from_secs(3 * 3600);

/// Builds the release binary.
///
/// # Errors
/// When the build fails.
pub fn release() -> Result<PathBuf, Failure> {
    let build = Program::cargo().arguments(["build", "--release", "--package", "terrane"]);
    if !passes(&build)? {
        return Err(Failure::Ended { program: build.line(), code: Some(1) });
    }
    Ok(root::target_dir()?.join("release").join("terrane"))
}

/// What was measured where.
///
/// # Errors
/// When the binary is not there.
pub fn facts(binary: &Path) -> Result<String, Failure> {
    let bytes = std::fs::metadata(binary).map_err(Failure::file(binary))?.len();
    let kib = usize::try_from(bytes / 1024).unwrap_or(usize::MAX);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    Ok(format!("{cores} cores; the binary has {} KiB.\n", thousands(kib)))
}

/// Builds everything from nothing, in both profiles.
///
/// # Errors
/// When a build cannot be run or fails.
pub fn cold() -> Result<String, Failure> {
    let mut text = "\n| cold build | wall s | CPU s | largest process, MiB |\n|---|---|---|---|\n".to_owned();
    for (name, profile) in [("dev", "dev"), ("release", "release")] {
        let cost = cold_build(profile)?;
        let row = format!("| {name} | {:.0} | {:.0} | {:.0} |\n", cost.wall_s, cost.cpu_s, cost.peak_mib);
        text.push_str(&row);
    }
    Ok(text)
}

fn cold_build(profile: &str) -> Result<Cost, Failure> {
    let folder = root::target_dir()?.join("bench-cold");
    let clear = || if folder.exists() { std::fs::remove_dir_all(&folder) } else { Ok(()) };
    clear().map_err(Failure::file(&folder))?;
    std::fs::create_dir_all(&folder).map_err(Failure::file(&folder))?;
    let build = Program::cargo().arguments(["build", "--package", "terrane", "--profile", profile]);
    let build = build.variable("CARGO_TARGET_DIR", &folder);
    let (cost, end) = measure(&mut build.command(), &folder.join("bench.out"), BUILD_DEADLINE)?;
    clear().map_err(Failure::file(&folder))?;
    match end {
        End::Code(Some(0)) => Ok(cost),
        End::Code(code) => Err(Failure::Ended { program: build.line(), code }),
        End::CutOff => Err(Failure::Ended { program: build.line(), code: None }),
    }
}
