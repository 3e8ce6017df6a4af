//! Azurite, Microsoft's emulator of Azure Storage.

use super::{Process, ask};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::process::Command;

/// A running Azurite with an account of its own.
pub struct Azurite {
    /// The process.
    pub process: Process,
    /// The key of the account.
    pub key: String,
}

/// The account.
pub const ACCOUNT: &str = "fleet";

impl Azurite {
    /// `None` where it is not installed.
    #[must_use]
    pub fn start() -> Option<Self> {
        let script = std::env::var_os("TERRANE_AZURITE")?;
        let key = STANDARD.encode(b"a key for tests, known to nobody else");
        let process = Process::start(|port, folder| {
            let mut command = Command::new("node");
            command.arg(script).args(["--blobHost", "127.0.0.1", "--blobPort", &port.to_string(), "--silent"]);
            command.args(["--inMemoryPersistence", "--skipApiVersionCheck", "--disableTelemetry"]);
            command.env("AZURITE_ACCOUNTS", format!("{ACCOUNT}:{key}")).current_dir(folder);
            command
        });
        Some(Self { process, key })
    }

    /// The address of the account.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("{}/{ACCOUNT}", self.process.endpoint())
    }

    /// Makes a container.
    ///
    /// # Panics
    /// When Azurite says no.
    ///
    /// # Source
    /// Microsoft, "Authorize with Shared Key" and "Create Container" (2026).
    pub async fn make_container(&self, name: &str) {
        let date = jiff::Timestamp::now().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        let version = "2021-08-06";
        // The path of an emulator begins with the account, and the signed resource names it once more.
        let resource = format!("/{ACCOUNT}/{ACCOUNT}/{name}\nrestype:container");
        let headers = format!("x-ms-date:{date}\nx-ms-version:{version}\n");
        let to_sign = format!("PUT\n\n\n\n\n\n\n\n\n\n\n\n{headers}{resource}");
        let key = hmac::Key::new(hmac::HMAC_SHA256, &STANDARD.decode(&self.key).unwrap());
        let signature = STANDARD.encode(hmac::sign(&key, to_sign.as_bytes()));
        let head = format!(
            "PUT /{ACCOUNT}/{name}?restype=container HTTP/1.1\r\nx-ms-date: {date}\r\nx-ms-version: {version}\r\n\
             Authorization: SharedKey {ACCOUNT}:{signature}"
        );
        let (status, answer) = ask(self.process.port(), &head, "").await;
        assert_eq!(status, 201, "{answer}");
    }
}
