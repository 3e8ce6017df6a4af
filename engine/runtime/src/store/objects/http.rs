//! Objects behind plain HTTP.
//!
//! This is not the protocol of Terraform's `http` backend, which overwrites one state under a lock that a server may
//! not have: here each object has an address of its own below the `address`, and the server promises three things.
//!
//! - `PUT` with `If-None-Match: *` makes an object only where there is none, else it answers 412.
//! - `GET` answers with `Last-Modified`, `DELETE` of what is not there with 404 or success.
//! - `GET address?list=PREFIX&after=NAME` answers with a JSON array of `{ "name", "bytes", "modified" }`, in the order
//!   of the names' bytes, those after `NAME` only, `modified` in RFC 3339. It may end early with the field `"more": true`
//!   in its last element; the rest is asked for.
//!
//! HTTP itself has no listing, so a server that only stores, WebDAV included, does not do.
//!
//! # Source
//! RFC 9110, sections 13.1.2 (If-None-Match), 8.8.2 (Last-Modified), 11.7 (Basic).

use super::kinds::{Layout, given, joined, required};
use super::transport::{chain, client};
use super::{Created, Listed, Object, Objects, ObjectsError, OpenError};
use crate::clock::from_rfc3339;
use crate::environment::Environment;
use crate::store::arguments::{Argument, Arguments, Form};
use bytes::Bytes;
use reqwest::header::{HeaderMap, HeaderValue, IF_NONE_MATCH, LAST_MODIFIED};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, Url};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use std::sync::Arc;
use terrane_provider::Async;

/// What it takes.
pub(super) const ARGUMENTS: &[Argument] = &[
    Argument::required("address", "The address below which the objects stand."),
    Argument::optional("username", Form::Text, "The name for Basic authentication; `TERRANE_HTTP_USERNAME` as well."),
    Argument::secret("password", "The password for it; `TERRANE_HTTP_PASSWORD` as well."),
];

/// Most pages of one listing.
const MOST_PAGES: usize = 10_000;

pub(super) fn layout(_: &Arguments) -> Layout {
    Layout { default: "default".to_owned(), before: String::new(), after: String::new() }
}

pub(super) fn open(arguments: &Arguments, prefix: &str, cx: &Environment) -> Result<Arc<dyn Objects>, OpenError> {
    let wrong = |reason: &str| OpenError::Argument { name: "address", reason: reason.to_owned() };
    let mut address: Url = required(arguments, "address")?.parse().map_err(|_| wrong("it is no URL"))?;
    if !matches!(address.scheme(), "http" | "https") || address.host_str().is_none() {
        return Err(wrong("it is no http or https URL"));
    }
    if !address.username().is_empty() || address.password().is_some() {
        return Err(wrong("name and password have arguments of their own"));
    }
    let username = given(arguments, "username", cx, &["TERRANE_HTTP_USERNAME"]);
    let password = given(arguments, "password", cx, &["TERRANE_HTTP_PASSWORD"]).map(SecretString::from);
    if password.is_some() && address.scheme() == "http" && !is_loopback(&address) {
        return Err(wrong("a password is sent over https only"));
    }
    address.set_query(None);
    address.set_fragment(None);
    address.set_path(&format!("{}/", address.path().trim_end_matches('/')));
    let place = joined(&[address.as_str(), prefix]);
    let prefix = joined(&[prefix]);
    let prefix = if prefix.is_empty() { prefix } else { format!("{prefix}/") };
    let client = client().map_err(|reason| OpenError::Unusable { reason })?;
    Ok(Arc::new(Server { client, address, prefix, place, username, password }))
}

fn is_loopback(address: &Url) -> bool {
    let host = address.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost"
        || host.ends_with(".localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

struct Server {
    client: Client,
    /// Ends in a slash.
    address: Url,
    /// Empty, or ends in a slash.
    prefix: String,
    place: String,
    username: Option<String>,
    password: Option<SecretString>,
}

/// One line of a listing.
#[derive(Deserialize)]
struct Row {
    name: String,
    bytes: u64,
    modified: String,
    #[serde(default)]
    more: bool,
}

impl Server {
    fn request(&self, method: Method, url: Url) -> RequestBuilder {
        let request = self.client.request(method, url);
        match &self.username {
            Some(name) => request.basic_auth(name, self.password.as_ref().map(|password| password.expose_secret())),
            None => request,
        }
    }

    fn url(&self, name: &str) -> Url {
        let mut url = self.address.clone();
        url.set_path(&format!("{}{}{name}", self.address.path(), self.prefix));
        url
    }

    async fn put(
        &self,
        name: &str,
        bytes: Bytes,
        if_absent: bool,
        action: &'static str,
    ) -> Result<Created, ObjectsError> {
        let mut request = self.request(Method::PUT, self.url(name)).body(bytes);
        if if_absent {
            request = request.header(IF_NONE_MATCH, HeaderValue::from_static("*"));
        }
        let response = send(request).await?;
        match response.status() {
            status if status.is_success() => Ok(Created::Made),
            StatusCode::PRECONDITION_FAILED if if_absent => Ok(Created::Exists),
            _ => Err(refusal(response, action).await),
        }
    }

    async fn get(&self, name: &str) -> Result<Option<Object>, ObjectsError> {
        let response = send(self.request(Method::GET, self.url(name))).await?;
        match response.status() {
            StatusCode::OK => {
                let modified_ms = modified(response.headers())?;
                let bytes = response.bytes().await.map_err(|error| broken(&error))?;
                Ok(Some(Object { bytes, modified_ms }))
            }
            StatusCode::NOT_FOUND => Ok(None),
            _ => Err(refusal(response, "GET").await),
        }
    }

    async fn page(&self, prefix: &str, after: &str) -> Result<Vec<Row>, ObjectsError> {
        let mut url = self.address.clone();
        url.query_pairs_mut().append_pair("list", prefix).append_pair("after", after);
        let response = send(self.request(Method::GET, url)).await?;
        if response.status() != StatusCode::OK {
            return Err(refusal(response, "GET ?list").await);
        }
        let bytes = response.bytes().await.map_err(|error| broken(&error))?;
        let unreadable = |error: serde_json::Error| {
            let reason = format!("the answer to ?list is no listing: {error}");
            ObjectsError::Refused { reason }
        };
        serde_json::from_slice(&bytes).map_err(unreadable)
    }

    async fn all(&self, prefix: &str, after: &str) -> Result<Vec<Listed>, ObjectsError> {
        let prefix = format!("{}{prefix}", self.prefix);
        let mut after = if after.is_empty() { String::new() } else { format!("{}{after}", self.prefix) };
        let mut listed = Vec::new();
        for _ in 0..MOST_PAGES {
            let page = self.page(&prefix, &after).await?;
            let more = page.last().filter(|row| row.more && *row.name > *after).map(|row| row.name.clone());
            for row in page {
                let Some(name) = row.name.strip_prefix(&self.prefix).filter(|_| row.name.starts_with(&prefix)) else {
                    return Err(ObjectsError::Refused { reason: "it lists what was not asked for".to_owned() });
                };
                let modified_ms = from_rfc3339(&row.modified).ok_or_else(|| no_time(&row.modified))?;
                listed.push(Listed { name: name.to_owned(), bytes: row.bytes, modified_ms });
            }
            match more {
                Some(name) => after = name,
                None => {
                    listed.sort_by(|a, b| a.name.cmp(&b.name));
                    return Ok(listed);
                }
            }
        }
        Err(ObjectsError::Refused { reason: format!("the listing has more than {MOST_PAGES} pages") })
    }
}

impl Objects for Server {
    fn place(&self) -> String {
        self.place.clone()
    }

    fn create<'a>(&'a self, name: &'a str, bytes: Bytes) -> Async<'a, Result<Created, ObjectsError>> {
        Box::pin(self.put(name, bytes, true, "PUT with If-None-Match"))
    }

    fn write<'a>(&'a self, name: &'a str, bytes: Bytes) -> Async<'a, Result<(), ObjectsError>> {
        Box::pin(async move { self.put(name, bytes, false, "PUT").await.map(|_| ()) })
    }

    fn read<'a>(&'a self, name: &'a str) -> Async<'a, Result<Option<Object>, ObjectsError>> {
        Box::pin(self.get(name))
    }

    fn list<'a>(&'a self, prefix: &'a str, after: &'a str) -> Async<'a, Result<Vec<Listed>, ObjectsError>> {
        Box::pin(self.all(prefix, after))
    }

    fn delete<'a>(&'a self, name: &'a str) -> Async<'a, Result<(), ObjectsError>> {
        Box::pin(async move {
            let response = send(self.request(Method::DELETE, self.url(name))).await?;
            let status = response.status();
            if status.is_success() || status == StatusCode::NOT_FOUND {
                return Ok(());
            }
            Err(refusal(response, "DELETE").await)
        })
    }
}

async fn send(request: RequestBuilder) -> Result<Response, ObjectsError> {
    request.send().await.map_err(|error| broken(&error))
}

/// The address is left out: whoever reads the message has it from the place.
fn broken(error: &reqwest::Error) -> ObjectsError {
    let reason = std::error::Error::source(error).map_or_else(|| "the connection broke".to_owned(), chain);
    if reason.contains("certificate") { ObjectsError::Refused { reason } } else { ObjectsError::Unavailable { reason } }
}

/// An answer that says no.
async fn refusal(response: Response, action: &'static str) -> ObjectsError {
    let status = response.status();
    // The status says enough; the body is a page of HTML more often than not.
    let reason = format!("it answers {action} with {status}");
    drop(response);
    match status.as_u16() {
        401 => ObjectsError::Refused { reason: format!("the credentials are not accepted: {reason}") },
        403 => ObjectsError::Denied { action, reason },
        404 | 409 | 410 => ObjectsError::NoSuchPlace { reason },
        429 => ObjectsError::Throttled { reason },
        408 | 500.. => ObjectsError::Unavailable { reason },
        _ => ObjectsError::Refused { reason },
    }
}

/// # Source
/// RFC 9110, section 5.6.7: the form in which a server sends times.
fn modified(headers: &HeaderMap) -> Result<u64, ObjectsError> {
    let text = headers.get(LAST_MODIFIED).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let moment = jiff::fmt::rfc2822::parse(&text.replace("GMT", "+0000")).map_err(|_| no_time(text))?;
    Ok(u64::try_from(moment.timestamp().as_millisecond()).unwrap_or(0))
}

fn no_time(text: &str) -> ObjectsError {
    ObjectsError::Refused { reason: format!("it does not tell when an object was written: `{text}`") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use terrane_core::Value;

    fn opened(pairs: &[(&str, &str)]) -> Result<String, OpenError> {
        let arguments = pairs.iter().map(|(name, value)| ((*name).into(), Value::string(*value))).collect();
        open(&arguments, "default", &Environment::default()).map(|objects| objects.place())
    }

    // A6
    #[test]
    fn passwords_travel_encrypted_or_not_at_all() {
        let secret = ("password", "hunter2");
        assert!(opened(&[("address", "http://state.example.com/x"), secret]).is_err());
        assert!(opened(&[("address", "http://me:hunter2@localhost/x")]).is_err());
        assert_eq!(
            opened(&[("address", "http://127.0.0.1:1/x"), secret]),
            Ok("http://127.0.0.1:1/x/default".to_owned())
        );
        assert!(opened(&[("address", "https://state.example.com/x"), secret]).is_ok());
        assert!(opened(&[("address", "ftp://state.example.com")]).is_err());
    }

    #[test]
    fn times_are_read_as_servers_send_them() {
        let mut headers = HeaderMap::new();
        headers.insert(LAST_MODIFIED, HeaderValue::from_static("Tue, 15 Nov 1994 12:45:26 GMT"));
        assert_eq!(modified(&headers), Ok(784_903_526_000));
        assert!(modified(&HeaderMap::new()).is_err());
    }
}
