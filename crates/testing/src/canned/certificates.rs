//! Certificates for the servers of a test.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use rustls::{
    RootCertStore, ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer},
    server::WebPkiClientVerifier,
};
use tokio_rustls::TlsAcceptor;

/// A certificate authority and what it has signed, made for one test; by default for `127.0.0.1` and `localhost`.
pub struct Certificates {
    /// The authority, to be trusted.
    pub ca_pem: String,
    /// A certificate for the server.
    pub server_cert_pem: String,
    /// Its private key.
    pub server_key_pem: String,
    /// A certificate for a client.
    pub client_cert_pem: String,
    /// Its private key.
    pub client_key_pem: String,
    ca: CertificateDer<'static>,
    server: CertificateDer<'static>,
    server_key: Vec<u8>,
}

impl Certificates {
    /// A new authority with new keys.
    ///
    /// # Panics
    /// When there is no randomness.
    pub fn new() -> Certificates {
        Certificates::for_names(&["127.0.0.1", "localhost"])
    }

    /// The same for a server that is called by other names or addresses.
    ///
    /// # Panics
    /// When a name is none.
    pub fn for_names(names: &[&str]) -> Certificates {
        Certificates::until(4096, names)
    }

    /// The same with certificates that have expired years ago; the authority has not.
    ///
    /// # Panics
    /// When a name is none.
    pub fn expired(names: &[&str]) -> Certificates {
        Certificates::until(2020, names)
    }

    fn until(year: i32, names: &[&str]) -> Certificates {
        let mut authority = CertificateParams::default();
        // Its own name, so that what it signs does not look self-signed.
        authority.distinguished_name.push(DnType::CommonName, "pullpass tests");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let key = KeyPair::generate().expect("a key");
        let ca = authority.self_signed(&key).expect("a self-signed certificate");
        let issuer = Issuer::new(authority, key);

        let sign = |names: &[&str], usage: ExtendedKeyUsagePurpose| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            let mut params = CertificateParams::new(names).expect("valid names");
            params.extended_key_usages = vec![usage];
            params.not_after = date_time_ymd(year, 1, 1);
            let key = KeyPair::generate().expect("a key");
            (params.signed_by(&key, &issuer).expect("a signed certificate"), key)
        };
        let (server, server_key) = sign(names, ExtendedKeyUsagePurpose::ServerAuth);
        let (client, client_key) = sign(&["client"], ExtendedKeyUsagePurpose::ClientAuth);
        Certificates {
            ca_pem: ca.pem(),
            server_cert_pem: server.pem(),
            server_key_pem: server_key.serialize_pem(),
            client_cert_pem: client.pem(),
            client_key_pem: client_key.serialize_pem(),
            ca: ca.der().clone(),
            server: server.der().clone(),
            server_key: server_key.serialize_der(),
        }
    }

    pub(super) fn acceptor(&self, with_client: bool) -> TlsAcceptor {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .expect("protocol versions");
        let builder = if with_client {
            let mut roots = RootCertStore::empty();
            roots.add(self.ca.clone()).expect("an authority");
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.with_client_cert_verifier(verifier.expect("a verifier"))
        } else {
            builder.with_no_client_auth()
        };
        let key = PrivateKeyDer::try_from(self.server_key.clone()).expect("a private key");
        let config = builder.with_single_cert(vec![self.server.clone()], key).expect("a key that fits");
        TlsAcceptor::from(Arc::new(config))
    }
}

impl Default for Certificates {
    fn default() -> Certificates {
        Certificates::new()
    }
}
