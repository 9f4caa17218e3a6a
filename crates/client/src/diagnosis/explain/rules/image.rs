//! What a registry says of an image.

use super::{On, Rule, rule};
use crate::diagnosis::{Cause::*, Stage};

pub(super) const RULES: &[Rule] = &[
    rule(
        On::Any,
        &[
            "no matching manifest for",
            "no image found in manifest list",
            "no image found in image index",
            "no match for platform in manifest",
            "no child with platform",
        ],
        Stage::Manifest,
        &[NoPlatform],
        "The registry gave the image, and nothing in it is for this machine.",
    ),
    rule(
        On::Any,
        &[
            "accept header does not support oci",
            "unsupported manifest media type",
            "missing signature key",
            "unsupported media type application/vnd",
        ],
        Stage::Manifest,
        &[OldClient],
        "The image is there, in a format that this client does not ask for or does not know.",
    ),
    rule(
        On::Any,
        &["manifest unknown", "manifest_unknown", "manifest for <image> not found", "manifest for <name> not found"],
        Stage::Manifest,
        &[NoSuchTag],
        "The registry let the client look into the package, and has nothing under this tag or digest.",
    ),
    rule(
        On::Registry,
        &["<image>: not found$", "<manifest>*404 not found", "tag does not exist", "<manifest>*status code 404"],
        Stage::Manifest,
        &[NoSuchTag, NoSuchPackage],
        "The registry answered that there is nothing under this tag or digest.",
    ),
    rule(
        On::Registry,
        &["name unknown", "name_unknown", "repository name not known"],
        Stage::Manifest,
        &[NoSuchPackage],
        "The registry says that it has no such repository.",
    ),
];
