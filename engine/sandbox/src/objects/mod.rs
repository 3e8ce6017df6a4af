//! Emulated places of objects: what keeps remote state and has no emulator of somebody else.
//!
//! An [`ObjectServer`] is one bucket of Alibaba Cloud OSS or Tencent Cloud COS, or one folder behind plain HTTP. It
//! verifies signatures as the vendor documents them, honours the header that forbids overwriting, or ignores it where
//! it is told to, and can lose and delay requests and answers. It knows as much of each service as keeping objects takes.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming as WireBody};
use hyper::header::{HeaderName, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::SandboxError;
use crate::aws::query::percent_decode;
use crate::clock::real_seconds;

mod cos;
mod oss;
mod plain;

/// Largest object.
const MOST_BYTES: usize = 64 << 20;
/// Objects to a page of a listing.
const PAGE: usize = 1_000;

/// Whose protocol it speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Alibaba Cloud OSS, signature version 1.
    Oss,
    /// Tencent Cloud COS.
    Cos,
    /// Plain HTTP with Basic authentication and `?list=`.
    Plain,
}

/// What a place of objects is made of.
#[derive(Clone, Debug)]
pub struct ObjectSeed {
    /// Whose protocol it speaks.
    pub dialect: Dialect,
    /// The bucket; of plain HTTP the first part of the path.
    pub bucket: String,
    /// The id of the key, or the user's name.
    pub key_id: String,
    /// Its secret, or the password.
    pub secret: String,
    /// Whether it honours the condition that an object is not there. OSS does not in a bucket with versioning.
    pub is_conditional: bool,
    /// Seconds that its clock is ahead of ours; negative, behind.
    pub clock_offset_seconds: i64,
}

/// What happens to a request on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectFault {
    /// It takes effect, and the connection closes without an answer.
    LoseReply,
    /// It takes no effect, and the connection closes without an answer.
    LoseRequest,
    /// It takes effect after so many milliseconds.
    Delay(u64),
    /// It takes no effect and is answered as by a service that has too much to do.
    Busy,
    /// It takes no effect and is answered as for a caller without the right.
    Deny,
}

/// An object as it is kept.
#[derive(Clone, Debug)]
struct Kept {
    bytes: Bytes,
    /// Milliseconds since the Unix epoch.
    modified_ms: i64,
}

#[derive(Debug)]
struct State {
    seed: ObjectSeed,
    objects: BTreeMap<String, Kept>,
    /// By method, in the order in which they are due.
    faults: BTreeMap<String, VecDeque<ObjectFault>>,
    requests: u64,
}

/// A request that a dialect looks at.
struct Asked {
    method: String,
    /// Decoded, with its first slash.
    path: String,
    /// Decoded pairs in the order of the wire.
    query: Vec<(String, String)>,
    /// Names in lower case.
    headers: Vec<(String, String)>,
    body: Bytes,
}

impl Asked {
    fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(found, _)| found == name).map_or("", |(_, value)| value.as_str())
    }

    fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }
}

/// An answer of a dialect.
struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Bytes,
}

impl Answer {
    fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Bytes::new() }
    }

    fn text(status: u16, content_type: &str, body: String) -> Self {
        Self { status, headers: vec![("content-type", content_type.to_owned())], body: body.into() }
    }

    fn with(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    /// An error in the form that OSS and COS share.
    fn error(status: u16, code: &str, message: &str) -> Self {
        let body = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message>\
             <RequestId>5C3D9175B6FC201293AD4890</RequestId></Error>"
        );
        Self::text(status, "application/xml", body)
    }
}

impl State {
    fn now_ms(&self) -> i64 {
        jiff::Timestamp::now().as_millisecond() + self.seed.clock_offset_seconds * 1_000
    }

    fn now_seconds(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "an offset of a clock is small")]
        let offset = self.seed.clock_offset_seconds as f64;
        real_seconds() + offset
    }

    fn answer(&mut self, asked: &Asked) -> Answer {
        match self.seed.dialect {
            Dialect::Oss => oss::answer(self, asked),
            Dialect::Cos => cos::answer(self, asked),
            Dialect::Plain => plain::answer(self, asked),
        }
    }

    fn refusal(&self, fault: ObjectFault) -> Option<Answer> {
        let dialect = self.seed.dialect;
        match fault {
            ObjectFault::LoseReply | ObjectFault::LoseRequest | ObjectFault::Delay(_) => None,
            ObjectFault::Busy if dialect == Dialect::Plain => Some(Answer::empty(429)),
            ObjectFault::Deny if dialect == Dialect::Plain => Some(Answer::empty(403)),
            ObjectFault::Busy => Some(Answer::error(503, "SlowDown", "Reduce your request rate.")),
            ObjectFault::Deny => Some(Answer::error(403, "AccessDenied", "You have no right to access this object.")),
        }
    }

    /// Names below a prefix after another name, at most a page, and whether there are more.
    fn page(&self, prefix: &str, after: &str) -> (Vec<(&String, &Kept)>, bool) {
        let below = self.objects.range(prefix.to_owned()..).take_while(|(name, _)| name.starts_with(prefix));
        let mut found: Vec<_> = below.filter(|(name, _)| ***name > *after).take(PAGE + 1).collect();
        let has_more = found.len() > PAGE;
        found.truncate(PAGE);
        (found, has_more)
    }

    /// Makes or overwrites an object; false where that was forbidden.
    fn put(&mut self, name: &str, bytes: Bytes, if_absent: bool) -> bool {
        if if_absent && self.seed.is_conditional && self.objects.contains_key(name) {
            return false;
        }
        let kept = Kept { bytes, modified_ms: self.now_ms() };
        self.objects.insert(name.to_owned(), kept);
        true
    }
}

/// A time as HTTP writes it.
fn http_date(ms: i64) -> String {
    let moment = jiff::Timestamp::from_millisecond(ms).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    moment.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// A time as listings write it.
fn iso(ms: i64) -> String {
    let moment = jiff::Timestamp::from_millisecond(ms).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    moment.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string()
}

/// The answer to GET of an object.
fn content(kept: &Kept) -> Answer {
    let answer = Answer { status: 200, headers: Vec::new(), body: kept.bytes.clone() };
    let answer = answer.with("last-modified", http_date(kept.modified_ms)).with("etag", "\"0\"".to_owned());
    answer.with("content-type", "application/octet-stream".to_owned())
}

/// A running place of objects; it stops when dropped.
#[derive(Debug)]
pub struct ObjectServer {
    state: Arc<Mutex<State>>,
    port: u16,
    stop: watch::Sender<bool>,
}

impl ObjectServer {
    /// Starts on the current tokio runtime.
    /// # Errors
    /// `Listen` when no loopback port can be opened.
    pub async fn start(seed: ObjectSeed) -> Result<Self, SandboxError> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await;
        let listener = listener.map_err(|source| SandboxError::Listen { source })?;
        let port = listener.local_addr().map_err(|source| SandboxError::Listen { source })?.port();
        let state = State { seed, objects: BTreeMap::new(), faults: BTreeMap::new(), requests: 0 };
        let state = Arc::new(Mutex::new(state));
        let (stop, stopped) = watch::channel(false);
        tokio::spawn(accept(listener, Arc::clone(&state), stopped));
        Ok(Self { state, port, stop })
    }

    fn with<T>(&self, run: impl FnOnce(&mut State) -> T) -> T {
        run(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The address of the service: buckets are below it as a part of the host, `http://BUCKET.localhost:PORT`.
    pub fn endpoint(&self) -> String {
        format!("http://localhost:{}", self.port)
    }

    /// Adds a fault to the requests of a method, `PUT`; each fault hits one, in the order in which they were added.
    pub fn inject(&self, method: &str, fault: ObjectFault) {
        self.with(|state| state.faults.entry(method.to_owned()).or_default().push_back(fault));
    }

    /// Changes whether it honours the condition that an object is not there.
    pub fn set_conditional(&self, is_conditional: bool) {
        self.with(|state| state.seed.is_conditional = is_conditional);
    }

    /// Puts its clock that far ahead of ours.
    pub fn set_clock_offset(&self, seconds: i64) {
        self.with(|state| state.seed.clock_offset_seconds = seconds);
    }

    /// Names of all objects, in order.
    pub fn names(&self) -> Vec<String> {
        self.with(|state| state.objects.keys().cloned().collect())
    }

    /// The bytes of all objects, by name.
    pub fn contents(&self) -> BTreeMap<String, Vec<u8>> {
        let of = |(name, object): (&String, &Kept)| (name.clone(), object.bytes.to_vec());
        self.with(|state| state.objects.iter().map(of).collect())
    }

    /// Requests so far.
    pub fn requests(&self) -> u64 {
        self.with(|state| state.requests)
    }
}

impl Drop for ObjectServer {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}

async fn accept(listener: TcpListener, state: Arc<Mutex<State>>, mut stopped: watch::Receiver<bool>) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopped.changed() => return,
        };
        if let Ok((stream, _)) = accepted {
            tokio::spawn(serve(stream, Arc::clone(&state), stopped.clone()));
        }
    }
}

async fn serve(stream: TcpStream, state: Arc<Mutex<State>>, mut stopped: watch::Receiver<bool>) {
    let service = service_fn(|request| respond(request, Arc::clone(&state)));
    let connection = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        // A connection that breaks is the client's business.
        _ended = connection => {}
        _ = stopped.changed() => {}
    }
}

/// The connection closes here on purpose.
#[derive(Debug)]
struct Lost;

impl std::fmt::Display for Lost {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("the connection closes here on purpose")
    }
}

impl std::error::Error for Lost {}

impl From<Infallible> for Lost {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

async fn respond(request: Request<WireBody>, state: Arc<Mutex<State>>) -> Result<Response<Full<Bytes>>, Lost> {
    let (parts, body) = request.into_parts();
    let body = Limited::new(body, MOST_BYTES).collect().await.map_err(|_| Lost)?.to_bytes();
    let headers = parts.headers.iter();
    let asked = Asked {
        method: parts.method.to_string(),
        path: percent_decode(parts.uri.path(), false),
        query: pairs(parts.uri.query().unwrap_or_default()),
        headers: headers.map(|(name, value)| (name.to_string(), text(value))).collect(),
        body,
    };
    let fault = {
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        state.requests += 1;
        state.faults.get_mut(&asked.method).and_then(VecDeque::pop_front)
    };
    match fault {
        Some(ObjectFault::LoseRequest) => return Err(Lost),
        Some(ObjectFault::Delay(ms)) => tokio::time::sleep(Duration::from_millis(ms)).await,
        _ => {}
    }
    let answer = {
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        match fault.and_then(|fault| state.refusal(fault)) {
            Some(answer) => answer,
            None => state.answer(&asked),
        }
    };
    if fault == Some(ObjectFault::LoseReply) {
        return Err(Lost);
    }
    let mut response = Response::new(Full::new(answer.body));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in answer.headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
    Ok(response)
}

fn text(value: &HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}

fn pairs(query: &str) -> Vec<(String, String)> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    pairs.map(|(name, value)| (percent_decode(name, true), percent_decode(value, true))).collect()
}

/// Lower-case hexadecimal digits.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
