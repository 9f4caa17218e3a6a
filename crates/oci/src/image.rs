//! A small image made on the fly: one layer with one file, for a demonstration and for tests. It is a complete OCI
//! image (image spec, `manifest.md`, `config.md`, `layer.md`) that every engine can pull.

use serde_json::json;

use crate::{digest::Digest, media_type};

/// The parts of an image, each the exact bytes to push.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// The configuration blob.
    pub config: Vec<u8>,
    /// The layer blob, an uncompressed tar archive.
    pub layer: Vec<u8>,
    /// The manifest, an OCI image manifest that names the two blobs.
    pub manifest: Vec<u8>,
}

impl Image {
    /// An image for `linux` on `architecture` whose only layer holds the file `name` (without a leading slash, at most
    /// 100 bytes) with `contents`. Equal arguments give equal bytes.
    pub fn with_file(architecture: &str, name: &str, contents: &[u8]) -> Image {
        let layer = tar_with_file(name, contents);
        let layer_digest = Digest::sha256(&layer);
        let config = json!({
            "architecture": architecture,
            "os": "linux",
            "config": { "Cmd": [format!("/{name}")] },
            "rootfs": { "type": "layers", "diff_ids": [layer_digest.to_string()] },
        })
        .to_string()
        .into_bytes();
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": media_type::OCI_MANIFEST,
            "config": {
                "mediaType": media_type::OCI_CONFIG,
                "digest": Digest::sha256(&config).to_string(),
                "size": config.len(),
            },
            "layers": [{
                "mediaType": media_type::OCI_LAYER_TAR,
                "digest": layer_digest.to_string(),
                "size": layer.len(),
            }],
        })
        .to_string()
        .into_bytes();
        Image { config, layer, manifest }
    }

    /// The digest that names the manifest.
    pub fn digest(&self) -> Digest {
        Digest::sha256(&self.manifest)
    }
}

/// A POSIX ustar archive with one regular file: a header block, the contents padded to blocks of 512 bytes, two zero
/// blocks.
fn tar_with_file(name: &str, contents: &[u8]) -> Vec<u8> {
    let mut header = [0u8; 512];
    let mut put = |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, name);
    put(100, "0000755\0");
    put(108, "0000000\0");
    put(116, "0000000\0");
    put(124, &format!("{:011o}\0", contents.len()));
    put(136, "00000000000\0");
    put(148, "        ");
    put(156, "0");
    put(257, "ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());

    let mut archive = header.to_vec();
    archive.extend_from_slice(contents);
    archive.resize(512 + contents.len().next_multiple_of(512) + 1024, 0);
    archive
}
