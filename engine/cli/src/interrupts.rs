//! Ctrl-C and SIGTERM as something a command can wait for.

use terrane_runtime::Signal;
use tokio::signal::unix::{Signal as Listener, SignalKind, signal};

/// The signals that ask a command to stop. While this lives they no longer end the process by themselves.
#[derive(Debug)]
pub struct Interrupts {
    interrupt: Listener,
    terminate: Listener,
}

impl Interrupts {
    /// Listens from now on.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn listen() -> std::io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// The next one.
    pub async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.interrupt.recv() => Signal::Interrupt,
            _ = self.terminate.recv() => Signal::Terminate,
        }
    }
}
