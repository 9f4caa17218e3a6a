//! `pullpass serve`

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::Args;
use pullpass_secrets::file;
use pullpass_server::{Clock, Config, Error, Server, Tls};
use serde::Deserialize;
use tracing_subscriber::filter::LevelFilter;

use crate::{
    environment,
    failure::{Failure, OrFail},
    network, output,
};

/// The port that registries are looked for on.
const DEFAULT_ADDRESS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 5000);

/// Run the registry and its token service
///
/// Keeps everything in one data directory. Plain HTTP on loopback by default; any other address needs TLS. Stop it with
/// Ctrl-C or SIGTERM: requests under way are finished.
#[derive(Args)]
#[command(after_help = "\
Examples:
  pullpass serve --data /srv/pullpass
  pullpass serve --data /srv/pullpass --listen 0.0.0.0:443 --url https://registry.example.org \\
      --tls-cert /etc/ssl/registry.pem --tls-key /etc/ssl/registry.key
  pullpass serve --config /etc/pullpass.toml

The configuration file has the same names: data = \"/srv/pullpass\", tls-dev = true, …
PULLPASS_LOG says how much is logged to standard error: warn, info (the default), debug.")]
pub(crate) struct Serve {
    /// Read settings from a TOML file; options on the command line go before it
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    settings: Settings,
}

/// Options and keys of the configuration file alike.
#[derive(Args, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Settings {
    /// The data directory; made when it is missing
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Address and port [default: 127.0.0.1:5000]; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// The base URL under which clients reach the server
    #[arg(long)]
    url: Option<String>,
    /// The service that tokens are for [default: host and port of the URL]
    #[arg(long, value_name = "NAME")]
    service: Option<String>,
    /// The certificate chain, PEM
    #[arg(long, value_name = "FILE", requires = "tls_key", conflicts_with = "tls_dev")]
    tls_cert: Option<PathBuf>,
    /// The private key, PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Make a certificate authority of our own, for trying things out
    #[arg(long)]
    tls_dev: bool,
    /// Serve plain HTTP on an address that is not loopback, behind a proxy that speaks TLS
    #[arg(long)]
    allow_plain_http: bool,
}

impl Serve {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let settings = match &self.config {
            Some(path) => self.settings.or(read(path)?),
            None => self.settings,
        };
        let config = settings.into_config()?;
        log()?;
        let runtime = tokio::runtime::Runtime::new().or_unknown()?;
        runtime.block_on(async {
            let server = Server::bind(config, clock()).await.map_err(|error| failure(&error))?;
            announce(&server);
            let mut stopped = Ok(());
            server.run(async { stopped = network::interrupted().await }).await.map_err(|error| failure(&error))?;
            stopped
        })
    }
}

impl Settings {
    fn or(self, file: Settings) -> Settings {
        // A certificate and a CA of our own exclude each other, wherever each was named.
        let has_tls = self.tls_dev || self.tls_cert.is_some();
        Settings {
            data: self.data.or(file.data),
            listen: self.listen.or(file.listen),
            url: self.url.or(file.url),
            service: self.service.or(file.service),
            tls_cert: self.tls_cert.or(file.tls_cert.filter(|_| !has_tls)),
            tls_key: self.tls_key.or(file.tls_key.filter(|_| !has_tls)),
            tls_dev: self.tls_dev || (file.tls_dev && !has_tls),
            allow_plain_http: self.allow_plain_http || file.allow_plain_http,
        }
    }

    fn into_config(self) -> Result<Config, Failure> {
        let data = match self.data {
            Some(data) => data,
            None => environment::default_data_directory()?,
        };
        let mut config = Config::new(data, self.listen.unwrap_or(DEFAULT_ADDRESS));
        let unreadable = |error| Failure::usage(format!("the `url` cannot be read: {error}"));
        config.url = self.url.map(|url| url.parse().map_err(unreadable)).transpose()?;
        config.service = self.service;
        config.tls = match (self.tls_cert, self.tls_key, self.tls_dev) {
            (Some(cert), Some(key), false) => Tls::Files { cert, key },
            (None, None, true) => Tls::Dev,
            (None, None, false) => Tls::None,
            _ => return Err(Failure::usage("give `tls-cert` and `tls-key` together, or `tls-dev`, or none of them")),
        };
        config.allow_plain_http = self.allow_plain_http;
        config.validate().or_usage()?;
        Ok(config)
    }
}

fn read(path: &Path) -> Result<Settings, Failure> {
    let bytes =
        file::read(path)?.ok_or_else(|| Failure::usage(format!("there is no configuration `{}`", path.display())))?;
    let text = String::from_utf8(bytes)
        .map_err(|_| Failure::usage(format!("the configuration `{}` is not UTF-8 text", path.display())))?;
    toml::from_str(&text).map_err(|error| {
        let at = error.span().map(|span| text[..span.start].matches('\n').count() + 1);
        let line = at.map(|line| format!(", line {line}")).unwrap_or_default();
        Failure::usage(format!("the configuration `{}`{line}: {}", path.display(), error.message()))
    })
}

/// The system's clock, for the server.
pub(crate) fn clock() -> Clock {
    Arc::new(|| jiff::Timestamp::now().as_millisecond())
}

/// What a server's error means here.
pub(crate) fn failure(error: &Error) -> Failure {
    let failure = match error {
        Error::Config(_) | Error::WorldWritable(_) | Error::NoDataDirectory(_) | Error::Tls { .. } => {
            Failure::usage(error.to_string())
        }
        _ => Failure::unknown(error.to_string()),
    };
    match error {
        Error::InUse(_) => failure.hint("stop that server, or give this one another directory with `--data`"),
        Error::Listen { .. } => failure.hint("choose another port with `--listen`; port 0 takes a free one"),
        Error::NoDataDirectory(_) => failure.hint("name it with `--data`, or begin one with `pullpass admin user add`"),
        _ => failure,
    }
}

/// Logs to standard error, so that standard output stays free for data.
fn log() -> Result<(), Failure> {
    let level = match environment::variable("PULLPASS_LOG") {
        None => LevelFilter::INFO,
        Some(text) => text.to_str().and_then(|text| text.parse().ok()).ok_or_else(|| {
            Failure::usage("`PULLPASS_LOG` is none of `off`, `error`, `warn`, `info`, `debug` and `trace`")
        })?,
    };
    let is_colourful = anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never;
    tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(std::io::stderr)
        .with_ansi(is_colourful)
        .with_target(false)
        .init();
    Ok(())
}

fn announce(server: &Server) {
    let url = server.url().as_str().trim_end_matches('/');
    output::say(format_args!("listening on {url}"));
    if let Some(ca) = server.dev_ca_path() {
        let host = url.trim_start_matches("https://");
        let ca = ca.display();
        output::say(format_args!("its certificate authority is `{ca}`; the engines want it at"));
        output::say(format_args!("  docker: /etc/docker/certs.d/{host}/ca.crt"));
        output::say(format_args!(
            "  podman: /etc/containers/certs.d/{host}/ca.crt, or below ~/.config/containers/certs.d"
        ));
    }
}
