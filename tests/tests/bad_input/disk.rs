//! A6, A11: a state that cannot be written. What was begun is finished by the next run, each object once.

use super::{FLEET, MADE, expect_error, finish, is_soak, place};
use std::process::Stdio;
use terrane_tests::place::{Finished, Place, binary};
use terrane_tests::seen;

/// Runs apply with no file larger than so many KiB: a write beyond that fails as on a full disk.
async fn apply_with_limit(place: &Place, kib: u32) -> Finished {
    // Without the trap, the system ends the process at the first write beyond the limit.
    let script = format!("trap '' XFSZ; ulimit -f {kib}; exec \"$0\" apply -auto-approve");
    let mut command = tokio::process::Command::new("bash");
    command.arg("-c").arg(script).arg(binary()).current_dir(place.path()).stdin(Stdio::null()).kill_on_drop(true);
    for (name, value) in place.command(&[]).as_std().get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let output = command.output().await.unwrap();
    Finished {
        code: output.status.code(),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

const WORDS: [&str; 2] = ["in the state:", "Make room on the disk"];

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_that_cannot_grow_stops_the_run_and_the_next_one_finishes() {
    let limits: &[u32] = if is_soak() { &[1, 2, 4, 6, 9, 12, 14, 16, 18, 20, 22, 24] } else { &[1, 9, 14, 20] };
    for kib in limits {
        let place = place(FLEET).await;
        let case = format!("{kib} KiB");
        let stopped = apply_with_limit(&place, *kib).await;
        expect_error(&case, &stopped, "state-write-failed", &WORDS);
        assert!(stopped.out.contains("Apply stopped, the state cannot be written."), "{case}\n{}", stopped.out);
        finish(&case, &place).await;
    }
}

/// A small file system over the folder of the state, as long as this lives.
struct Small<'p>(&'p Place);

impl<'p> Small<'p> {
    /// `None` where this user may not mount.
    fn over_state(place: &'p Place, kib: u32) -> Option<Self> {
        let folder = place.path().join("terrane.state");
        std::fs::create_dir_all(&folder).unwrap();
        let size = format!("size={kib}k,mode=0700");
        let mut command = std::process::Command::new("mount");
        command.args(["-t", "tmpfs", "-o", &size, "terrane-test"]).arg(folder).stderr(Stdio::null());
        let mounted = command.status();
        mounted.is_ok_and(|status| status.success()).then_some(Self(place))
    }

    fn grow(&self, kib: u32) {
        let size = format!("remount,size={kib}k");
        let folder = self.0.path().join("terrane.state");
        assert!(std::process::Command::new("mount").args(["-o", &size]).arg(folder).status().unwrap().success());
    }
}

impl Drop for Small<'_> {
    fn drop(&mut self) {
        let folder = self.0.path().join("terrane.state");
        // A test that fails has told what matters; the folder goes with the machine.
        let _unmounted = std::process::Command::new("umount").arg(folder).status();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_stops_the_run_and_the_next_one_finishes() {
    let sizes: &[u32] = if is_soak() { &[4, 8, 12, 16, 20, 24, 28] } else { &[8, 24] };
    for kib in sizes {
        let place = place(FLEET).await;
        let Some(disk) = Small::over_state(&place, *kib) else {
            println!("left out: only root may mount a small file system");
            return;
        };
        let case = format!("a disk of {kib} KiB");
        let stopped = place.run(&["apply", "-auto-approve"]).await;
        expect_error(&case, &stopped, "state-write-failed", &WORDS);
        assert!(stopped.err.contains("No space left on device"), "{case}\n{}", stopped.err);
        disk.grow(4 * 1024);
        finish(&case, &place).await;
        assert_eq!(seen::made(&place.sandbox), MADE, "{case}");
    }
}
