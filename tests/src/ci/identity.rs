//! The identity provider of a CI system: hands out the token of a job to whoever shows that it is the job.

#![expect(clippy::unwrap_used, reason = "a broken harness ends the suite")]

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;

/// What a job shows to get its token.
pub const REQUEST_TOKEN: &str = "request-token-of-the-job";

/// Serves `token` on a port of its own for as long as the process lives; gives the address.
///
/// # Panics
/// When no port is to be had.
#[must_use]
pub fn serve(token: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/token?api-version=1", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        while let Ok((stream, _)) = listener.accept() {
            let mut reader = BufReader::new(stream);
            let (mut first, mut is_allowed) = (String::new(), false);
            reader.read_line(&mut first).unwrap();
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                is_allowed |= line.trim().eq_ignore_ascii_case(&format!("authorization: bearer {REQUEST_TOKEN}"));
                if line.trim().is_empty() {
                    break;
                }
            }
            let is_ours = is_allowed && first.contains("audience=sts.amazonaws.com");
            let (status, body) = if is_ours {
                ("200 OK", format!("{{\"count\":1,\"value\":\"{token}\"}}"))
            } else {
                ("403 Forbidden", "{}".into())
            };
            let length = body.len();
            let answer = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
            // Who does not wait for the answer does not need it.
            let _gone = reader.get_mut().write_all(answer.as_bytes());
        }
    });
    address
}
