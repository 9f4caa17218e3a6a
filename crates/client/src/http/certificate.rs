//! Who answers with a certificate that is not trusted. Nothing is sent but a request for `/v2/` without a credential, and
//! nothing of the answer is used but what tells who it is.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::{Client, redirect, tls::TlsInfo};
use url::Url;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::{GITHUB_NUMBER, date};

/// Who answers on a TLS connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// The name of the authority that signed it.
    pub issuer: String,
    /// From when on it counts.
    pub begins: Option<Timestamp>,
    /// Until when.
    pub ends: Option<Timestamp>,
    /// The clock of whoever answered, which nobody vouches for.
    pub date: Option<Timestamp>,
    /// Whether the answer has a number of GitHub's.
    pub is_githubs: bool,
}

/// Looks at whoever answers at `url`, whatever the certificate. None when nobody does.
pub async fn examine(url: Url, system_proxy: bool, limit: Duration) -> Option<Certificate> {
    let builder = Client::builder()
        .redirect(redirect::Policy::none())
        .retry(reqwest::retry::never())
        .tls_info(true)
        .timeout(limit)
        .tls_danger_accept_invalid_certs(true);
    let client = if system_proxy { builder } else { builder.no_proxy() }.build().ok()?;
    let response = client.get(url).send().await.ok()?;
    let info = response.extensions().get::<TlsInfo>()?;
    let (_, certificate) = X509Certificate::from_der(info.peer_certificate()?).ok()?;
    let time = |time: x509_parser::time::ASN1Time| Timestamp::from_second(time.timestamp()).ok();
    Some(Certificate {
        issuer: certificate.issuer().to_string(),
        begins: time(certificate.validity().not_before),
        ends: time(certificate.validity().not_after),
        date: date(response.headers()),
        is_githubs: response.headers().contains_key(GITHUB_NUMBER),
    })
}
