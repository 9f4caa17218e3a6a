//! A real server on a port that the kernel chose, and a bare HTTP client.

use std::{
    io::Write,
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use pullpass_oci::{Digest, Image, media_type};
use pullpass_secrets::Secret;
use pullpass_server::{
    Clock, Config, PatScope, Server, Timeouts, Visibility,
    admin::{self, Request, Response},
};
use reqwest::{Method, RequestBuilder, StatusCode};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::oneshot,
    task::JoinHandle,
    time,
};

pub(crate) const HOUR: i64 = 60 * 60 * 1000;
pub(crate) const DAY: i64 = 24 * HOUR;

/// 2026-11-23T12:00:00Z
pub(crate) const NOON: i64 = 1_795_435_200_000;

pub(crate) const ALL: [PatScope; 3] = [PatScope::Read, PatScope::Write, PatScope::Delete];

/// A running server.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) url: String,
    pub(crate) time: Arc<AtomicI64>,
    pub(crate) data: TempDir,
    pub(crate) http: reqwest::Client,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), pullpass_server::Error>>,
}

pub(crate) fn config(data: PathBuf) -> Config {
    Config::new(data, ([127, 0, 0, 1], 0).into())
}

pub(crate) fn clock(time: &Arc<AtomicI64>) -> Clock {
    let time = Arc::clone(time);
    Arc::new(move || time.load(Ordering::Relaxed))
}

impl Running {
    pub(crate) async fn start() -> Running {
        Running::start_with(Timeouts::default()).await
    }

    pub(crate) async fn start_with(timeouts: Timeouts) -> Running {
        let data = tempfile::tempdir().expect("a temporary directory");
        Running::start_in(data, Arc::new(AtomicI64::new(NOON)), timeouts).await
    }

    pub(crate) async fn start_in(data: TempDir, time: Arc<AtomicI64>, timeouts: Timeouts) -> Running {
        logs();
        let config = Config { timeouts, ..config(data.path().join("data")) };
        let server = Server::bind(config, clock(&time)).await.expect("the server starts");
        let (address, url) = (server.local_addr(), server.url().as_str().trim_end_matches('/').to_owned());
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(server.run(async {
            let _ = stopped.await;
        }));
        let builder = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
        let http = builder.timeout(Duration::from_secs(20)).build().expect("a client");
        Running { address, url, time, data, http, stop, task }
    }

    /// Stops the server as SIGTERM would, and gives back what is left of it.
    pub(crate) async fn stop(self) -> (TempDir, Arc<AtomicI64>) {
        self.stop.send(()).expect("the server runs");
        drop(self.http);
        let ended = time::timeout(Duration::from_secs(20), self.task).await.expect("the server stops in time");
        ended.expect("no panic").expect("no error");
        (self.data, self.time)
    }

    /// Tells the server to stop, without waiting.
    pub(crate) fn tell_to_stop(self) -> (TempDir, JoinHandle<Result<(), pullpass_server::Error>>) {
        self.stop.send(()).expect("the server runs");
        (self.data, self.task)
    }

    pub(crate) async fn restart(self) -> Running {
        let (data, time) = self.stop().await;
        Running::start_in(data, time, Timeouts::default()).await
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.data.path().join("data")
    }

    pub(crate) fn now(&self) -> i64 {
        self.time.load(Ordering::Relaxed)
    }

    pub(crate) fn advance(&self, milliseconds: i64) {
        self.time.fetch_add(milliseconds, Ordering::Relaxed);
    }

    pub(crate) async fn admin(&self, request: Request) -> Result<Response, admin::Error> {
        admin::call(&self.path(), &request, &clock(&self.time)).await
    }

    pub(crate) async fn user(&self, name: &str) {
        let password = Secret::new("correct horse battery".to_owned());
        let request = Request::UserAdd { name: name.to_owned(), password };
        assert!(self.admin(request).await.is_ok(), "user `{name}` is added");
    }

    /// A new token of a user.
    pub(crate) async fn token(&self, user: &str, scopes: &[PatScope], expires: Option<i64>) -> Pat {
        let request =
            Request::TokenNew { user: user.to_owned(), note: "test".to_owned(), scopes: scopes.to_vec(), expires };
        match self.admin(request).await {
            Ok(Response::Token { id, token, fingerprint }) => Pat { id, text: token.reveal().to_owned(), fingerprint },
            Ok(_) => panic!("another answer than a token"),
            Err(error) => panic!("{error}"),
        }
    }

    /// The user `alice` with a token for everything.
    pub(crate) async fn alice(&self) -> Pat {
        self.user("alice").await;
        self.token("alice", &ALL, None).await
    }

    pub(crate) async fn revoke(&self, pat: &Pat) {
        assert!(self.admin(Request::TokenRevoke { id: pat.id }).await.is_ok());
    }

    pub(crate) async fn publish(&self, package: &str) {
        let request = Request::PackageSetVisibility { name: package.to_owned(), visibility: Visibility::Public };
        assert!(self.admin(request).await.is_ok(), "`{package}` becomes public");
    }

    /// A request with the token as Basic credentials, or without any.
    pub(crate) fn request(&self, method: Method, path: &str, pat: Option<&Pat>) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.url));
        match pat {
            Some(pat) => request.basic_auth("anybody", Some(&pat.text)),
            None => request,
        }
    }

    pub(crate) async fn get(&self, path: &str, pat: Option<&Pat>) -> Answer {
        Answer::of(self.request(Method::GET, path, pat)).await
    }

    /// Pushes a blob in one request.
    pub(crate) async fn push_blob(&self, package: &str, bytes: &[u8], pat: &Pat) -> Digest {
        let digest = Digest::sha256(bytes);
        let path = format!("/v2/{package}/blobs/uploads/?digest={digest}");
        let answer = Answer::of(self.request(Method::POST, &path, Some(pat)).body(bytes.to_vec())).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
        digest
    }

    /// Pushes a small image and tags it.
    pub(crate) async fn push_image(&self, package: &str, tag: &str, contents: &[u8], pat: &Pat) -> Image {
        let image = Image::with_file("amd64", "hello", contents);
        self.push_blob(package, &image.config, pat).await;
        self.push_blob(package, &image.layer, pat).await;
        let answer = self.put_manifest(package, tag, media_type::OCI_MANIFEST, &image.manifest, pat).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
        image
    }

    pub(crate) async fn put_manifest(
        &self,
        package: &str,
        reference: &str,
        media_type: &str,
        bytes: &[u8],
        pat: &Pat,
    ) -> Answer {
        let path = format!("/v2/{package}/manifests/{reference}");
        let request = self.request(Method::PUT, &path, Some(pat)).header("content-type", media_type);
        Answer::of(request.body(bytes.to_vec())).await
    }

    /// Opens an upload and gives its path.
    pub(crate) async fn open_upload(&self, package: &str, pat: &Pat) -> String {
        let path = format!("/v2/{package}/blobs/uploads/");
        let answer = Answer::of(self.request(Method::POST, &path, Some(pat))).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text());
        answer.header("location").to_owned()
    }

    /// A bearer token from `/token`.
    pub(crate) async fn bearer(&self, query: &str, pat: Option<&Pat>) -> String {
        let answer = self.get(&format!("/token?{query}"), pat).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        answer.json()["token"].as_str().expect("a token").to_owned()
    }

    /// Sends bytes as they are and reads until the server closes.
    pub(crate) async fn raw(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(self.address).await.expect("the server accepts");
        // The server may have closed before it read everything.
        let _ = stream.write_all(request.as_bytes()).await;
        let mut answer = Vec::new();
        let _ = time::timeout(Duration::from_secs(10), stream.read_to_end(&mut answer)).await.expect("an end");
        String::from_utf8_lossy(&answer).into_owned()
    }
}

/// A personal access token as its user has it.
#[derive(Clone)]
pub(crate) struct Pat {
    pub(crate) id: i64,
    pub(crate) text: String,
    pub(crate) fingerprint: String,
}

/// A whole answer.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) async fn of(request: RequestBuilder) -> Answer {
        let response = request.send().await.expect("an answer");
        let (status, headers) = (response.status(), response.headers().clone());
        Answer { status, headers, body: response.bytes().await.expect("a whole body").to_vec() }
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn code(&self) -> String {
        self.json()["errors"][0]["code"].as_str().unwrap_or_default().to_owned()
    }

    pub(crate) fn message(&self) -> String {
        self.json()["errors"][0]["message"].as_str().unwrap_or_default().to_owned()
    }

    /// The one challenge.
    pub(crate) fn challenge(&self) -> String {
        let all: Vec<&str> =
            self.headers.get_all("www-authenticate").iter().filter_map(|value| value.to_str().ok()).collect();
        assert_eq!(all.len(), 1, "exactly one challenge in {:?}", self.headers);
        all[0].to_owned()
    }
}

/// Every log line of this test program, at the finest level.
pub(crate) fn logs() -> String {
    static LINES: OnceLock<Arc<Mutex<Vec<u8>>>> = OnceLock::new();
    #[derive(Clone)]
    struct Sink(Arc<Mutex<Vec<u8>>>);
    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("no panic while logging").extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let lines = LINES.get_or_init(|| {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let sink = Sink(Arc::clone(&lines));
        let subscriber = tracing_subscriber::fmt().with_max_level(tracing_subscriber::filter::LevelFilter::TRACE);
        subscriber.with_ansi(false).with_writer(move || sink.clone()).init();
        lines
    });
    String::from_utf8_lossy(&lines.lock().expect("no panic while logging")).into_owned()
}
