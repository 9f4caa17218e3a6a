//! `pullpass serve`: the accept loop. It is our own so that every wait for a client ends.

use std::{fmt, fs, future::Future, net::SocketAddr, path::Path, pin::pin, sync::Arc, time::Duration};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::{GracefulShutdown, Watcher},
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream, UnixListener},
    time,
};
use tokio_io_timeout::TimeoutStream;
use tokio_rustls::TlsAcceptor;
use url::Url;

use crate::{
    admin::{self, Desk},
    app::App,
    blobs::leftovers,
    clock::Clock,
    config::{Config, Timeouts},
    data_dir::{self, DataDir},
    error::Error,
    registry::answer::Challenger,
    routes, tls,
};

/// How many bytes of headers a request may have.
const MAX_HEADERS: usize = 32 * 1024;

/// How many bytes of a request are read ahead.
const READ_BUFFER: usize = 256 * 1024;

/// How often the last use of tokens is written down and idle uploads are looked for.
const CHORES: Duration = Duration::from_secs(30);

/// A server that holds its data directory and its port, ready to run.
pub struct Server {
    app: Arc<App>,
    desk: Arc<Desk>,
    data: DataDir,
    listener: TcpListener,
    local: SocketAddr,
    url: Url,
    admin: UnixListener,
    tls: Option<tls::Ready>,
    timeouts: Timeouts,
}

impl Server {
    /// Checks the configuration, locks and opens the data directory, and binds the port. From here on connections queue;
    /// [`Server::run`] answers them.
    ///
    /// # Errors
    /// Whatever keeps the server from starting, with the name of the file, directory or address.
    pub async fn bind(config: Config, clock: Clock) -> Result<Server, Error> {
        config.validate()?;
        let data = DataDir::open(&config.data)?;
        let tls = tls::prepare(&config, &data, clock())?;
        let desk = Desk::open(&data, clock).await?;
        leftovers::collect(&desk.db, &desk.blobs).await?;
        let refused = |source| Error::Listen { address: config.listen, source };
        let listener = TcpListener::bind(config.listen).await.map_err(refused)?;
        let local = listener.local_addr().map_err(refused)?;
        let base = config.base(local);
        let url = Url::parse(&base)
            .map_err(|error| Error::Listen { address: local, source: std::io::Error::other(error) })?;
        let registry = url[url::Position::BeforeHost..url::Position::AfterPort].to_owned();
        let service = config.service.unwrap_or_else(|| registry.clone());
        let challenger = Challenger { realm: format!("{base}/token"), service, registry };
        let app = Arc::new(App::new(&desk, challenger).await?);
        let desk = Arc::new(desk);
        let admin = admin::socket::listen(&data_dir::admin_socket(data.path()))?;
        Ok(Server { app, desk, data, listener, local, url, admin, tls, timeouts: config.timeouts })
    }

    /// The base URL under which clients reach the server.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The address that the server listens on, with the port that the kernel chose.
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// The certificate of our own certification authority, which clients must trust, when [`crate::Tls::Dev`] is on.
    pub fn dev_ca_path(&self) -> Option<&Path> {
        self.tls.as_ref().and_then(|tls| tls.dev_ca.as_deref())
    }

    /// Serves until `shutdown` is ready, then finishes the requests under way.
    ///
    /// # Errors
    /// When the database cannot be brought to rest.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), Error> {
        let Server { app, desk, data, listener, local, url, admin, tls, timeouts } = self;
        tracing::info!(address = %local, %url, "listening");
        let chores = tokio::spawn(do_chores(Arc::clone(&desk)));
        let admin = tokio::spawn(admin::socket::serve(admin, Arc::clone(&desk)));
        let graceful = GracefulShutdown::new();
        let connections = Connections {
            router: routes::router(Arc::clone(&app), timeouts.body),
            tls: tls.map(|tls| TlsAcceptor::from(tls.config)),
            timeouts,
        };
        let mut shutdown = pin!(shutdown);
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => connections.spawn(stream, graceful.watcher()),
                    Err(error) => {
                        // Out of files, most likely: existing connections must end first.
                        tracing::warn!(%error, "could not accept a connection");
                        time::sleep(Duration::from_millis(100)).await;
                    }
                },
                () = &mut shutdown => break,
            }
        }
        drop(listener);
        tracing::info!("stopping: finishing the requests under way");
        if time::timeout(timeouts.drain, graceful.shutdown()).await.is_err() {
            tracing::warn!("some requests were not finished in time");
        }
        admin.abort();
        chores.abort();
        let socket = data_dir::admin_socket(data.path());
        if let Err(error) = fs::remove_file(&socket) {
            tracing::warn!(%error, "could not remove the administration socket");
        }
        desk.store_last_used().await?;
        desk.db.close().await;
        Ok(())
    }
}

async fn do_chores(desk: Arc<Desk>) {
    let mut interval = time::interval(CHORES);
    loop {
        interval.tick().await;
        desk.sessions.sweep();
        if let Err(error) = desk.store_last_used().await {
            tracing::warn!(%error, "could not store when tokens were last used");
        }
    }
}

/// How connections are served.
struct Connections {
    router: Router,
    tls: Option<TlsAcceptor>,
    timeouts: Timeouts,
}

impl Connections {
    fn spawn(&self, stream: TcpStream, watcher: Watcher) {
        // Without it, small answers wait for an acknowledgement.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "could not set TCP_NODELAY");
        }
        let (router, timeouts) = (self.router.clone(), self.timeouts);
        let Some(tls) = self.tls.clone() else {
            tokio::spawn(serve(stream, router, timeouts, watcher));
            return;
        };
        tokio::spawn(async move {
            match time::timeout(timeouts.handshake, tls.accept(stream)).await {
                Ok(Ok(stream)) => serve(stream, router, timeouts, watcher).await,
                Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
                Err(_) => tracing::debug!("a TLS handshake took too long"),
            }
        });
    }
}

async fn serve<S>(stream: S, router: Router, timeouts: Timeouts, watcher: Watcher)
where
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(timeouts.write));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(timeouts.header)
        .max_header_size(MAX_HEADERS)
        .max_buf_size(READ_BUFFER)
        .serve_connection(TokioIo::new(Box::pin(stream)), TowerToHyperService::new(router));
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%error, "a connection ended early");
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("url", &self.url.as_str()).finish_non_exhaustive()
    }
}
