//! The HTTP server: one loopback port for all emulated services and the control endpoint.
//!
//! In: connections. Out: answers, or none where a fault or a kill point says so. What an answer says is decided in
//! `aws` and `control`; here it is only carried.

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use http_body_util::{BodyExt, Limited};
use hyper::body::{Body, Bytes, Frame, Incoming as WireBody, SizeHint};
use hyper::header::{CONNECTION, HeaderName, HeaderValue};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::kill::Victim;
use crate::{Shared, aws, control};

/// Largest request body; the services accept far less.
const MOST_BYTES: usize = 4 << 20;

/// How long a connection may be idle. The standard 30 seconds would close connections that a client still holds in
/// its pool, and a request sent just then is lost without a fault that was asked for.
const IDLE: Duration = Duration::from_secs(600);

/// A request with its body.
#[derive(Clone, Debug)]
pub(crate) struct Incoming {
    pub(crate) method: String,
    /// As on the wire: still encoded.
    pub(crate) path: String,
    /// As on the wire, without the question mark.
    pub(crate) query: String,
    /// Names in lower case, in the order of arrival.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Bytes,
}

impl Incoming {
    /// The first header of a name given in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }
}

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Bytes,
    /// Bytes of the body after which the connection breaks.
    pub(crate) cut_after: Option<usize>,
}

impl Reply {
    /// An answer with one content type.
    pub(crate) fn new(status: u16, content_type: &str, body: impl Into<Bytes>) -> Self {
        Self {
            status,
            headers: vec![("content-type".to_owned(), content_type.to_owned())],
            body: body.into(),
            cut_after: None,
        }
    }

    /// Adds a header.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// What becomes of a request.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// It is answered.
    Reply(Reply),
    /// It is answered, and then the client dies.
    ReplyThenKill(Reply, Victim),
    /// The connection is closed.
    Drop,
    /// It is never answered.
    Silence,
}

/// A body that may break off.
struct ReplyBody {
    rest: Option<Bytes>,
    announced: u64,
    is_cut: bool,
    is_flushed: bool,
}

/// The connection breaks here on purpose.
#[derive(Debug)]
struct Broken;

impl fmt::Display for Broken {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("the connection breaks here on purpose")
    }
}

impl std::error::Error for Broken {}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        match self.rest.take() {
            Some(bytes) if !bytes.is_empty() => Poll::Ready(Some(Ok(Frame::data(bytes)))),
            // The server writes out what it has only when the body makes it wait; an error at once would take the
            // head and the first bytes with it.
            _ if self.is_cut && !self.is_flushed => {
                self.is_flushed = true;
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            _ if self.is_cut => Poll::Ready(Some(Err(Broken))),
            _ => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        !self.is_cut && self.rest.as_ref().is_none_or(Bytes::is_empty)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.announced)
    }
}

/// Accepts connections until `stop` says true.
pub(crate) async fn serve(listener: TcpListener, shared: Arc<Shared>, mut stop: watch::Receiver<bool>) {
    let for_connections = stop.clone();
    loop {
        let accepted = tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                tokio::spawn(connection(stream, Arc::clone(&shared), for_connections.clone()));
            }
            // Out of file handles, for instance: some come back when connections end.
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

/// Serves one connection; a kill that is due after a reply strikes when the reply has been written.
async fn connection(stream: TcpStream, shared: Arc<Shared>, mut stop: watch::Receiver<bool>) {
    // Small answers must not wait for the acknowledgement of earlier ones; without it they are only slower.
    let _slower = stream.set_nodelay(true);
    let after_reply: Arc<Mutex<Option<Victim>>> = Arc::default();
    let service = hyper::service::service_fn(|request| {
        let (shared, after_reply) = (Arc::clone(&shared), Arc::clone(&after_reply));
        async move { answer(request, &shared, &after_reply).await }
    });
    let serving = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE)
        .serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        _ = stop.wait_for(|stop| *stop) => {}
        _ended = serving => {}
    }
    let victim = after_reply.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(victim) = victim {
        tokio::time::sleep(Duration::from_millis(1)).await;
        victim.strike();
    }
}

async fn answer(
    request: Request<WireBody>,
    shared: &Arc<Shared>,
    after_reply: &Mutex<Option<Victim>>,
) -> Result<Response<ReplyBody>, Broken> {
    let Some(request) = read(request).await else {
        return Ok(respond(Reply::new(413, "text/plain", "too large")));
    };
    if request.path.starts_with(control::PREFIX) {
        return Ok(respond(control::answer(shared, &request)));
    }
    match aws::answer(shared, &request).await {
        Verdict::Reply(reply) => Ok(respond(reply)),
        Verdict::ReplyThenKill(reply, victim) => {
            *after_reply.lock().unwrap_or_else(PoisonError::into_inner) = Some(victim);
            let mut response = respond(reply);
            // Ending the connection is how this side learns that the reply has been written.
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            Ok(response)
        }
        Verdict::Drop => Err(Broken),
        Verdict::Silence => {
            std::future::pending::<Result<Response<ReplyBody>, Infallible>>().await.map_err(|never| match never {})
        }
    }
}

async fn read(request: Request<WireBody>) -> Option<Incoming> {
    let (parts, body) = request.into_parts();
    let body = Limited::new(body, MOST_BYTES).collect().await.ok()?.to_bytes();
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = parts.headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value)));
    Some(Incoming {
        method: parts.method.as_str().to_owned(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: headers.collect(),
        body,
    })
}

fn respond(reply: Reply) -> Response<ReplyBody> {
    let announced = u64::try_from(reply.body.len()).unwrap_or(u64::MAX);
    let cut = reply.cut_after.filter(|cut| *cut < reply.body.len());
    let rest = cut.map_or_else(|| reply.body.clone(), |cut| reply.body.slice(..cut));
    let mut response =
        Response::new(ReplyBody { rest: Some(rest), announced, is_cut: cut.is_some(), is_flushed: false });
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in &reply.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name.as_str()), HeaderValue::try_from(value.as_str())) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}
