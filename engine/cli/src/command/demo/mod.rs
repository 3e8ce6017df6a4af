//! `terrane demo`: the whole of it in a sandbox, in under a minute, without an account.
//!
//! The example fleet is copied to a folder of its own, a sandbox is started in this process, and the same binary is run
//! as a user would run it. After each stage the sandbox is asked what is there, and that is compared with what should be.

mod fleet;
mod stage;

use crate::args::{DemoArguments, SandboxSettings};
use crate::console::Console;
use crate::exit::{Ended, Failure, Outcome};
use stage::{Counts, Demo, Run};
use terrane_sandbox::{Drift, KillMoment, KillPoint, Victim};

/// Seconds of the sandbox in one second: a cluster takes ten minutes there.
const CLOCK_RATE: u32 = 300;
/// The request at which the run dies, counted among those that change something.
const KILLED_AT: u64 = 3;

/// Runs it.
///
/// # Errors
/// A stage that does not end as it should.
pub async fn run(arguments: &DemoArguments, console: Console) -> Outcome {
    let settings = SandboxSettings {
        port: 0,
        clock_rate: CLOCK_RATE,
        region: String::from("eu-west-1"),
        common: arguments.common.clone(),
    };
    let mut demo = Demo::start(&settings, console).await?;
    if arguments.keep {
        demo.folder.keep();
    }
    let told = tell(&mut demo).await;
    if told.is_err() {
        demo.folder.keep();
        demo.say(&format!("The folder of the demo: {}", demo.folder.path().display()))?;
    }
    told?;
    demo.say("\nDone. Nothing was left behind, and no account was touched.")?;
    demo.running.sandbox.stop().await;
    Ok(Ended::OK)
}

async fn tell(demo: &mut Demo) -> Result<(), Failure> {
    make(demo).await?;
    drift(demo).await?;
    crash(demo).await?;
    destroy(demo).await
}

async fn make(demo: &mut Demo) -> Result<(), Failure> {
    demo.stage("A fleet of two clusters with three node pools each, in two regions: what would be made?")?;
    demo.run(Run::new(&["plan", "-input=false", "-out=fleet.plan"])).await?;
    demo.expect(Counts::NONE)?;
    demo.stage("The plan is made true, in parallel, in the order its references ask for")?;
    demo.run(Run::new(&["apply", "-input=false", "fleet.plan"])).await?;
    demo.expect(Counts { clusters: 2, pools: 6, roles: 8 })?;
    demo.stage("A second plan is empty, and says so to scripts: exit code 0")?;
    demo.run(Run::new(&["plan", "-input=false", "-detailed-exitcode"])).await?;
    demo.expect(Counts { clusters: 2, pools: 6, roles: 8 })
}

async fn drift(demo: &mut Demo) -> Result<(), Failure> {
    demo.stage("Behind our back, somebody changes a label of the pool dublin/general")?;
    demo.drift(Drift::Set {
        object_type: String::from("node-group"),
        account: String::from(fleet::ACCOUNT),
        region: String::from("eu-west-1"),
        name: String::from("dublin/general"),
        pointer: String::from("/labels/team"),
        value: serde_json::Value::from("somebody-else"),
    })?;
    let drift = demo.run(Run::new(&["drift"]).ends_with(2)).await?;
    demo.holds(&drift, "somebody-else")?;
    demo.stage("Apply puts it back, and touches nothing else")?;
    demo.run(Run::new(&["apply", "-input=false", "-auto-approve"])).await?;
    demo.run(Run::new(&["drift"])).await?;
    demo.expect(Counts { clusters: 2, pools: 6, roles: 8 })
}

async fn crash(demo: &mut Demo) -> Result<(), Failure> {
    demo.stage("One more pool for each cluster; in the middle of the work the run is killed with kill -9")?;
    demo.write(fleet::VALUES, &fleet::larger())?;
    let kill = |pid: i32| KillPoint { nth: KILLED_AT, when: KillMoment::AfterEffect, victim: Victim::Process(pid) };
    demo.run_killed(Run::new(&["apply", "-input=false", "-auto-approve"]), kill).await?;
    demo.show_counts()?;
    demo.stage("Apply again: what was under way is found, finished, and made once")?;
    demo.run(Run::new(&["apply", "-input=false", "-auto-approve", "-lock-timeout=90s"])).await?;
    demo.expect(Counts { clusters: 2, pools: 8, roles: 10 })?;
    demo.run(Run::new(&["plan", "-input=false", "-detailed-exitcode"])).await?;
    demo.expect(Counts { clusters: 2, pools: 8, roles: 10 })
}

async fn destroy(demo: &mut Demo) -> Result<(), Failure> {
    demo.stage("All of it goes: pools before clusters, each role with its owner")?;
    demo.run(Run::new(&["destroy", "-input=false", "-auto-approve"])).await?;
    demo.expect(Counts::NONE)
}
