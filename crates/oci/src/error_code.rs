//! The error bodies of registries: OCI distribution spec, "Error codes".

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! error_codes {
    ($($variant:ident $text:literal $default:literal;)*) => {
        /// The codes that a registry may answer with.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum ErrorCode {
            $(#[doc = concat!("`", $text, "`")] $variant,)*
        }

        impl ErrorCode {
            /// The code as it is written in a body.
            pub fn as_str(self) -> &'static str {
                match self { $(ErrorCode::$variant => $text,)* }
            }

            /// The text that Docker and containerd know the code by: a body with just this message is printed as the
            /// bare code, any other message is printed as it is.
            pub fn default_message(self) -> &'static str {
                match self { $(ErrorCode::$variant => $default,)* }
            }

            /// The code with this name.
            pub fn from_name(name: &str) -> Option<ErrorCode> {
                match name { $($text => Some(ErrorCode::$variant),)* _ => None }
            }
        }
    };
}

error_codes! {
    BlobUnknown "BLOB_UNKNOWN" "blob unknown to registry";
    BlobUploadInvalid "BLOB_UPLOAD_INVALID" "blob upload invalid";
    BlobUploadUnknown "BLOB_UPLOAD_UNKNOWN" "blob upload unknown to registry";
    DigestInvalid "DIGEST_INVALID" "provided digest did not match uploaded content";
    ManifestBlobUnknown "MANIFEST_BLOB_UNKNOWN" "blob unknown to registry";
    ManifestInvalid "MANIFEST_INVALID" "manifest invalid";
    ManifestUnknown "MANIFEST_UNKNOWN" "manifest unknown";
    NameInvalid "NAME_INVALID" "invalid repository name";
    NameUnknown "NAME_UNKNOWN" "repository name not known to registry";
    SizeInvalid "SIZE_INVALID" "provided length did not match content length";
    Unauthorized "UNAUTHORIZED" "authentication required";
    Denied "DENIED" "requested access to the resource is denied";
    Unsupported "UNSUPPORTED" "The operation is unsupported.";
    TooManyRequests "TOOMANYREQUESTS" "too many requests";
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// `{"errors":[{"code":…,"message":…}]}`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBody {
    /// At least one in a well-formed answer.
    pub errors: Vec<ErrorEntry>,
}

/// One entry of an [`ErrorBody`]. The code is text, because registries in the field invent their own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorEntry {
    /// One of [`ErrorCode`], or a registry's own.
    pub code: String,
    /// For people. Never holds a secret.
    #[serde(default)]
    pub message: String,
}

impl ErrorBody {
    /// A body with one entry.
    pub fn new(code: ErrorCode, message: &str) -> ErrorBody {
        ErrorBody { errors: vec![ErrorEntry { code: code.as_str().to_owned(), message: message.to_owned() }] }
    }
}

impl fmt::Display for ErrorEntry {
    /// As Docker prints it: the code in lower case, then the message unless it is the code's default text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = self.code.to_ascii_lowercase().replace('_', " ");
        let default = ErrorCode::from_name(&self.code).map(ErrorCode::default_message);
        if self.message.is_empty() || default == Some(self.message.as_str()) {
            f.write_str(&code)
        } else {
            write!(f, "{code}: {}", self.message)
        }
    }
}
