//! Runs a sandbox until it is interrupted: `cargo run -p terrane-sandbox --example serve -- [port] [clock rate]`.

use std::io::Write as _;

use terrane_sandbox::{Sandbox, SandboxConfig};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let port = arguments.next().map_or(Ok(0), |port| port.parse())?;
    let clock_rate = arguments.next().map_or(Ok(600), |rate| rate.parse())?;
    let config = SandboxConfig {
        port,
        clock_rate,
        web_identity_tokens: vec!["sandbox-web-identity".to_owned()],
        ..SandboxConfig::default()
    };
    let sandbox = Sandbox::start(config).await?;
    let mut out = std::io::stdout().lock();
    for (name, value) in sandbox.environment(0, "eu-west-1") {
        writeln!(out, "{name}={value}")?;
    }
    out.flush()?;
    std::future::pending::<()>().await;
    Ok(())
}
