//! An HTTP server whose answers a test writes down, on a free loopback port, and which remembers everything that was
//! asked of it. It can also misbehave: hang, hang up, break off, stall,
//! never end, answer late, or have a wrong clock.

mod certificates;

use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming};
use hyper_util::rt::TokioIo;
use jiff::{SignedDuration, Timestamp};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;

pub use self::certificates::Certificates;

/// What arrived: all of a request, body included.
#[derive(Clone, Debug)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// Path and query, as they were sent.
    pub target: String,
    /// Every header.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
    /// `http://127.0.0.1:PORT` or `https://127.0.0.1:PORT`: the server that was asked, for answers that name it.
    pub origin: String,
}

impl Request {
    /// The path without its query.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// A header as text; empty when it is missing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// An answer, good or bad.
#[derive(Clone, Debug)]
pub enum Reply {
    /// A whole response.
    Whole(Response<Bytes>),
    /// Announces one byte more than it has, and hangs up after the last one it has.
    BrokenOff(Response<Bytes>),
    /// Announces one byte more than it has, and keeps the client waiting for it.
    Stalled(Response<Bytes>),
    /// Goes on with blanks behind its last byte, for ever.
    Endless(Response<Bytes>),
    /// Never answers.
    Hang,
    /// Hangs up without an answer.
    HangUp,
}

impl From<Response<Bytes>> for Reply {
    fn from(response: Response<Bytes>) -> Reply {
        Reply::Whole(response)
    }
}

/// A response with a status, headers and a body.
///
/// # Panics
/// When a status or a header is none.
pub fn response(status: u16, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Response<Bytes> {
    let builder = Response::builder().status(StatusCode::from_u16(status).expect("a status"));
    let builder = headers.iter().fold(builder, |builder, (name, value)| builder.header(*name, *value));
    builder.body(body.into()).expect("headers")
}

/// A response with a JSON body.
pub fn json(status: u16, body: &str) -> Response<Bytes> {
    response(status, &[("content-type", "application/json")], body.to_owned())
}

/// The running server. Dropping it closes its port and every connection.
pub struct Canned {
    address: SocketAddr,
    scheme: &'static str,
    requests: Requests,
    conditions: Arc<Mutex<Conditions>>,
    accepting: tokio::task::JoinHandle<()>,
}

/// What every answer suffers.
#[derive(Clone, Copy, Default)]
struct Conditions {
    delay: Duration,
    /// How far its clock is ahead.
    clock: SignedDuration,
}

type Requests = Arc<Mutex<Vec<Request>>>;
type Answer = Arc<dyn Fn(&Request) -> Reply + Send + Sync>;

impl Canned {
    /// A server over plain HTTP. `answer` is called once a request.
    pub async fn start<R: Into<Reply>>(answer: impl Fn(&Request) -> R + Send + Sync + 'static) -> Canned {
        Canned::run(None, Arc::new(move |request| answer(request).into())).await
    }

    /// The same over TLS with a certificate that `certificates` has signed.
    pub async fn start_tls<R: Into<Reply>>(
        certificates: &Certificates,
        answer: impl Fn(&Request) -> R + Send + Sync + 'static,
    ) -> Canned {
        Canned::run(Some(certificates.acceptor(false)), Arc::new(move |request| answer(request).into())).await
    }

    /// The same over TLS, to clients that show a certificate of the same authority only.
    pub async fn start_mutual_tls<R: Into<Reply>>(
        certificates: &Certificates,
        answer: impl Fn(&Request) -> R + Send + Sync + 'static,
    ) -> Canned {
        Canned::run(Some(certificates.acceptor(true)), Arc::new(move |request| answer(request).into())).await
    }

    /// A server where it has to be, over TLS when there are `certificates`.
    ///
    /// # Errors
    /// When `address` is taken or not ours.
    pub async fn start_at<R: Into<Reply>>(
        address: SocketAddr,
        certificates: Option<&Certificates>,
        answer: impl Fn(&Request) -> R + Send + Sync + 'static,
    ) -> io::Result<Canned> {
        let tls = certificates.map(|certificates| certificates.acceptor(false));
        Canned::bind(address, tls, Arc::new(move |request| answer(request).into())).await
    }

    async fn run(tls: Option<TlsAcceptor>, answer: Answer) -> Canned {
        let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
        Canned::bind(loopback, tls, answer).await.expect("a free loopback port")
    }

    async fn bind(address: SocketAddr, tls: Option<TlsAcceptor>, answer: Answer) -> io::Result<Canned> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        let requests = Requests::default();
        let conditions = Arc::default();
        let origin = format!("{scheme}://{address}");
        let served = Served { origin, requests: Arc::clone(&requests), conditions: Arc::clone(&conditions), answer };
        let accepting = tokio::spawn(async move {
            // Dropped with this task, and every connection with it.
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (tls, served) = (tls.clone(), served.clone());
                connections.spawn(async move {
                    match tls {
                        None => serve(stream, served).await,
                        Some(acceptor) => {
                            if let Ok(stream) = acceptor.accept(stream).await {
                                serve(stream, served).await;
                            }
                        }
                    }
                });
            }
        });
        Ok(Canned { address, scheme, requests, conditions, accepting })
    }

    /// `127.0.0.1:PORT`
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The port alone, for names other than `127.0.0.1`.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// `http://127.0.0.1:PORT` or `https://127.0.0.1:PORT`
    pub fn origin(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    /// From now on every answer comes that much later. Those to different connections wait side by side.
    pub fn delay(&self, delay: Duration) {
        self.conditions().delay = delay;
    }

    /// From now on the `Date` of every answer is that far from the real one.
    pub fn clock(&self, ahead: SignedDuration) {
        self.conditions().clock = ahead;
    }

    fn conditions(&self) -> MutexGuard<'_, Conditions> {
        self.conditions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everything that was asked so far, in the order of arrival.
    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// `METHOD /path?query` of everything that was asked so far.
    pub fn log(&self) -> Vec<String> {
        self.requests().iter().map(|request| format!("{} {}", request.method, request.target)).collect()
    }
}

impl Drop for Canned {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

#[derive(Clone)]
struct Served {
    origin: String,
    requests: Requests,
    conditions: Arc<Mutex<Conditions>>,
    answer: Answer,
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin, served: Served) {
    let service = hyper::service::service_fn(|request| reply(request, &served));
    // A connection that ends badly is what some tests want; the client's side is what they look at.
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn reply(request: hyper::Request<Incoming>, served: &Served) -> io::Result<Response<Replied>> {
    let (parts, body) = request.into_parts();
    let request = Request {
        method: parts.method,
        target: parts.uri.path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string),
        headers: parts.headers,
        body: body.collect().await.map_err(io::Error::other)?.to_bytes(),
        origin: served.origin.clone(),
    };
    served.requests.lock().unwrap_or_else(PoisonError::into_inner).push(request.clone());
    let Conditions { delay, clock } = *served.conditions.lock().unwrap_or_else(PoisonError::into_inner);
    tokio::time::sleep(delay).await;
    let mut response = match (served.answer)(&request) {
        Reply::Whole(response) => response.map(|bytes| Replied::new(bytes, End::Proper)),
        Reply::BrokenOff(response) => one_byte_more(response, End::Broken),
        Reply::Stalled(response) => one_byte_more(response, End::Never),
        Reply::Endless(response) => response.map(|bytes| Replied::new(bytes, End::Blanks)),
        Reply::Hang => match std::future::pending::<Infallible>().await {},
        Reply::HangUp => return Err(io::Error::other("told to hang up")),
    };
    if !clock.is_zero() {
        let date = (Timestamp::now() + clock).strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        let date = HeaderValue::try_from(date).map_err(io::Error::other)?;
        response.headers_mut().insert(header::DATE, date);
    }
    Ok(response)
}

fn one_byte_more(mut response: Response<Bytes>, end: End) -> Response<Replied> {
    let length = response.body().len() + 1;
    response.headers_mut().insert(header::CONTENT_LENGTH, length.into());
    response.map(|bytes| Replied::new(bytes, end))
}

/// A body of one piece and how it ends.
struct Replied {
    bytes: Option<Bytes>,
    end: End,
    is_flushed: bool,
}

impl Replied {
    fn new(bytes: Bytes, end: End) -> Replied {
        Replied { bytes: Some(bytes), end, is_flushed: false }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum End {
    Proper,
    Broken,
    Never,
    Blanks,
}

/// What a body without an end has in each piece.
static BLANKS: [u8; 64 * 1024] = [b' '; 64 * 1024];

impl Body for Replied {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match (self.bytes.take(), self.end) {
            (Some(bytes), _) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
            (None, End::Proper) => Poll::Ready(None),
            (None, End::Broken) if !self.is_flushed => {
                // What was written so far goes out while the body has nothing more for now.
                self.is_flushed = true;
                context.waker().wake_by_ref();
                Poll::Pending
            }
            (None, End::Broken) => Poll::Ready(Some(Err(io::Error::other("told to break off")))),
            (None, End::Never) => Poll::Pending,
            (None, End::Blanks) => Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&BLANKS))))),
        }
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        match (&self.bytes, self.end) {
            (Some(bytes), End::Proper) => hyper::body::SizeHint::with_exact(bytes.len() as u64),
            _ => hyper::body::SizeHint::default(),
        }
    }
}
