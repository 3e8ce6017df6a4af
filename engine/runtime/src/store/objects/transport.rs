//! The HTTP client of stores: one set of connections a store, and no wait without an end.

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

/// How long making a connection may take.
const CONNECT: Duration = Duration::from_secs(10);
/// How long nothing may arrive on one.
const SILENCE: Duration = Duration::from_secs(30);

/// A client. It follows no redirect: what is signed for one place is not sent to another.
///
/// # Errors
/// Where the machine's certificates cannot be used.
pub(super) fn client() -> Result<reqwest::Client, String> {
    let builder = reqwest::Client::builder()
        .connect_timeout(CONNECT)
        .read_timeout(SILENCE)
        .redirect(reqwest::redirect::Policy::none())
        .dns_resolver(Arc::new(Names));
    builder.build().map_err(|error| chain(&error))
}

/// An error with what caused it, in one line.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let part = error.to_string();
        if !text.contains(&part) {
            text = format!("{text}: {part}");
        }
        cause = error.source();
    }
    text
}

/// The names of the machine, and those below `localhost`, which are the machine itself: emulators are asked for
/// `bucket.localhost`, and the C library does not know such names everywhere.
///
/// # Source
/// RFC 6761, section 6.3.
struct Names;

impl Resolve for Names {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found: Vec<SocketAddr> = if name.as_str().ends_with(".localhost") {
                vec![SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0)]
            } else {
                tokio::net::lookup_host((name.as_str(), 0)).await?.collect()
            };
            let found: Addrs = Box::new(found.into_iter());
            Ok(found)
        })
    }
}
