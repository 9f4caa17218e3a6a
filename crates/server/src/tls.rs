//! TLS with the operator's certificate, or with one from a certification authority of our own for trying things out.

use std::{
    fs,
    io::Write,
    net::IpAddr,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use jiff::{Timestamp, ToSpan, civil::Date, tz::Offset};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};

use crate::{
    config::{Config, Tls},
    data_dir::{self, DataDir},
    error::Error,
};

/// How long our own certification authority lives, and how early it is replaced.
const CA_YEARS: i64 = 10;
const CA_RENEW_DAYS: i64 = 30;

/// How long a certificate of ours lives. It is made anew at each start.
const LEAF_DAYS: i64 = 397;

/// TLS, ready to serve.
pub(crate) struct Ready {
    pub(crate) config: Arc<ServerConfig>,
    /// The certificate that clients must trust, when it is our own.
    pub(crate) dev_ca: Option<PathBuf>,
}

/// Loads or makes what the configuration asks for.
pub(crate) fn prepare(config: &Config, data: &DataDir, now: i64) -> Result<Option<Ready>, Error> {
    match &config.tls {
        Tls::None => Ok(None),
        Tls::Files { cert, key } => {
            let chain = read_chain(cert)?;
            let private = PrivateKeyDer::from_pem_file(key).map_err(|error| unusable(key, "private key", &error))?;
            let config = server_config(chain, private).map_err(|error| unusable(key, "private key", &error))?;
            Ok(Some(Ready { config, dev_ca: None }))
        }
        Tls::Dev => dev(config, data, now).map(Some),
    }
}

fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let certificates = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match certificates {
        Ok(chain) if chain.is_empty() => Err(unusable(path, "certificate", &"it holds none")),
        Ok(chain) => Ok(chain),
        Err(error) => Err(unusable(path, "certificate", &error)),
    }
}

fn server_config(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<Arc<ServerConfig>, rustls::Error> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let mut config = builder.with_no_client_auth().with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn unusable(path: &Path, what: &'static str, reason: &dyn std::fmt::Display) -> Error {
    Error::Tls { path: path.to_owned(), what, reason: reason.to_string() }
}

/// `DATA/tls/`: `ca.crt`, `ca.key` and `ca.expires` (a day). The certification authority stays the same for years,
/// because people tell their engines to trust it.
fn dev(config: &Config, data: &DataDir, now: i64) -> Result<Ready, Error> {
    let directory = data.directory("tls")?;
    let (certificate, key_file) = (directory.join("ca.crt"), directory.join("ca.key"));
    let failed = |error: rcgen::Error| unusable(&certificate, "certificate", &error);
    let today = Offset::UTC.to_datetime(Timestamp::from_millisecond(now).unwrap_or_default()).date();

    if !is_fresh(&directory, today) {
        let key = KeyPair::generate().map_err(failed)?;
        let until = today.saturating_add(CA_YEARS.years());
        let ca = ca_params(today, until).self_signed(&key).map_err(failed)?;
        write_private(&key_file, &key.serialize_pem())?;
        write_private(&certificate, &ca.pem())?;
        // Last, as its presence says that the others are whole.
        write_private(&directory.join("ca.expires"), &until.to_string())?;
        data_dir::sync(&directory).map_err(Error::io(&directory))?;
    }

    let pem = fs::read_to_string(&key_file).map(zeroize::Zeroizing::new).map_err(Error::io(&key_file))?;
    let ca_key = KeyPair::from_pem(&pem).map_err(|error| unusable(&key_file, "private key", &error))?;
    let issuer = Issuer::new(ca_params(today, today), ca_key);
    let leaf_key = KeyPair::generate().map_err(failed)?;
    let leaf = leaf_params(names(config), today).and_then(|params| params.signed_by(&leaf_key, &issuer));
    let leaf = leaf.map_err(failed)?;
    let mut chain = vec![leaf.der().clone()];
    chain.extend(read_chain(&certificate)?);
    let private = PrivateKeyDer::try_from(leaf_key.serialize_der());
    let private = private.map_err(|error| unusable(&certificate, "private key", &error))?;
    let config = server_config(chain, private).map_err(|error| unusable(&certificate, "certificate", &error))?;
    Ok(Ready { config, dev_ca: Some(certificate) })
}

/// The start of a day, as a type whose name only `rcgen` knows.
macro_rules! midnight {
    ($date:expr) => {{
        let date: Date = $date;
        date_time_ymd(date.year().into(), date.month().unsigned_abs(), date.day().unsigned_abs())
    }};
}

fn is_fresh(directory: &Path, today: Date) -> bool {
    let until = fs::read_to_string(directory.join("ca.expires")).ok().and_then(|text| text.trim().parse().ok());
    until.is_some_and(|until: Date| today.saturating_add(CA_RENEW_DAYS.days()) < until)
}

/// The name and the key are what a certificate refers to its issuer by, so the dates do not matter for issuing.
fn ca_params(from: Date, until: Date) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = name("pullpass development CA");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.not_before = midnight!(from.saturating_sub(1.days()));
    params.not_after = midnight!(until);
    params
}

fn leaf_params(names: Vec<String>, today: Date) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name = name("pullpass");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    params.not_before = midnight!(today.saturating_sub(1.days()));
    params.not_after = midnight!(today.saturating_add(LEAF_DAYS.days()));
    Ok(params)
}

/// Every name under which clients may reach the server.
fn names(config: &Config) -> Vec<String> {
    let mut names: Vec<String> = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec();
    if !config.listen.ip().is_unspecified() {
        names.push(config.listen.ip().to_string());
    }
    names.extend(config.host().map(|host| match host {
        url::Host::Domain(domain) => domain.to_owned(),
        url::Host::Ipv4(address) => IpAddr::from(address).to_string(),
        url::Host::Ipv6(address) => IpAddr::from(address).to_string(),
    }));
    names.sort_unstable();
    names.dedup();
    names
}

fn name(common: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common);
    name
}

fn write_private(path: &Path, text: &str) -> Result<(), Error> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options.open(path).map_err(Error::io(path))?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(Error::io(path))
}
