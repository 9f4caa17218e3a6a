//! The image that engines push and pull: one small file, in the forms that they take.

use std::fs;
use std::path::{Path, PathBuf};

use pullpass_oci::{Digest, Image, media_type};
use pullpass_testing::home::Home;
use serde_json::json;

/// The sample for this machine's architecture, as the engines refuse another's.
pub(crate) fn image() -> Image {
    let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
    Image::with_file(architecture, "hello.txt", b"hello from a private image\n")
}

/// The layer as a file for `docker import`, which every version has; `docker load` takes the OCI layout since 25 only.
pub(crate) fn layer_file(home: &Home) -> PathBuf {
    home.write("layer.tar", image().layer)
}

/// The image as an OCI layout in `dir`, for `skopeo copy oci:DIR` and `podman pull oci:DIR`.
pub(crate) fn oci_layout(dir: &Path) {
    let image = image();
    let blobs = dir.join("blobs/sha256");
    fs::create_dir_all(&blobs).expect("a directory for blobs");
    for bytes in [&image.config, &image.layer, &image.manifest] {
        let digest = Digest::sha256(bytes).to_string();
        let hex = digest.strip_prefix("sha256:").expect("a SHA-256 digest");
        fs::write(blobs.join(hex), bytes).expect("a blob");
    }
    let index = json!({
        "schemaVersion": 2,
        "manifests": [{
            "mediaType": media_type::OCI_MANIFEST,
            "digest": image.digest().to_string(),
            "size": image.manifest.len(),
        }],
    });
    fs::write(dir.join("index.json"), index.to_string()).expect("the index");
    fs::write(dir.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).expect("the layout version");
}
