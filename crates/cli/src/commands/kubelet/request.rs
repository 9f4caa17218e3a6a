//! What the kubelet asks: `CredentialProviderRequest`.

use std::collections::BTreeMap;

use pullpass_oci::Reference;
use serde::Deserialize;
use serde_json::error::Category;
use zeroize::Zeroize;

use super::{API_VERSION, Image};
use crate::{failure::Failure, prompt};

/// Every field of version 1. The service account's token is not asked for by our configuration and is not used.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Request {
    api_version: String,
    kind: String,
    image: String,
    service_account_token: Option<String>,
    #[serde(rename = "serviceAccountAnnotations")]
    _annotations: Option<BTreeMap<String, String>>,
}

/// Reads a request from standard input.
///
/// # Errors
/// It is not exactly what the API says. No part of it is repeated but the image: it may hold a token.
pub(super) fn read() -> Result<Image, Failure> {
    let text = prompt::standard_input()?;
    if text.is_empty() {
        return Err(Failure::no("there is no request on standard input")
            .fact("the kubelet writes one there")
            .hint("print its configuration with `pullpass kubelet config`"));
    }
    parse(&text)
}

fn parse(text: &[u8]) -> Result<Image, Failure> {
    let refused = |why: &str| Failure::no("the kubelet's request is not answered").fact(why);
    let mut request: Request = serde_json::from_slice(text).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        match error.classify() {
            Category::Data => refused(&format!("it does not have the fields of {API_VERSION}"))
                .fact("those are apiVersion, kind, image, serviceAccountToken and serviceAccountAnnotations")
                .fact(format!("line {line}, column {column}")),
            _ => refused(&format!("it is malformed JSON at line {line}, column {column}")),
        }
    })?;
    request.service_account_token.zeroize();
    if request.api_version != API_VERSION {
        return Err(refused(&format!("its apiVersion is not {API_VERSION}"))
            .hint("print the kubelet's configuration with `pullpass kubelet config`"));
    }
    if request.kind != "CredentialProviderRequest" {
        return Err(refused("its kind is not CredentialProviderRequest"));
    }
    let reference: Reference =
        request.image.parse().map_err(|error| refused("its image is no image reference").fact(format!("{error}")))?;
    Ok(Image::from(&reference))
}
