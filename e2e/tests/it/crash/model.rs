//! What a worker knows of its packages, from what was acknowledged alone.

use std::collections::BTreeMap;

/// A package, and a digest or tag in it.
pub(crate) type Key = (String, String);

/// How many things that are gone are still looked for.
const GONE: usize = 30;

/// What is known of one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Acknowledged.
    Present,
    /// Its deletion was acknowledged, or it was never finished.
    Gone,
    /// A request was sent, and the answer has not come.
    Unknown,
}

pub(crate) struct Blob {
    pub(crate) fate: Fate,
    pub(crate) size: usize,
}

#[derive(Clone)]
pub(crate) struct Manifest {
    pub(crate) fate: Fate,
    pub(crate) media_type: &'static str,
    pub(crate) bytes: Vec<u8>,
    /// The digests of blobs and manifests that it names.
    pub(crate) names: Vec<String>,
}

/// A manifest and tags that appear or vanish in one step.
pub(crate) struct Together {
    pub(crate) manifest: Key,
    pub(crate) tags: Vec<String>,
}

#[derive(Default)]
pub(crate) struct Model {
    pub(crate) blobs: BTreeMap<Key, Blob>,
    pub(crate) manifests: BTreeMap<Key, Manifest>,
    /// The digests that a tag may point to; one is certainty, and none is none.
    pub(crate) tags: BTreeMap<Key, Vec<Option<String>>>,
    pub(crate) together: Option<Together>,
}

impl Model {
    /// Notes what is known of a blob. A blob that is there stays, whatever becomes of a second push of it.
    pub(crate) fn pushing(&mut self, key: &Key, size: usize, fate: Fate) {
        let blob = self.blobs.entry(key.clone()).or_insert(Blob { fate: Fate::Gone, size });
        if blob.fate != Fate::Present {
            blob.fate = fate;
        }
    }

    /// The digests of the blobs that a package certainly has.
    pub(crate) fn present_blobs(&self, package: &str) -> Vec<Key> {
        let is = |(key, blob): &(&Key, &Blob)| key.0 == package && blob.fate == Fate::Present;
        self.blobs.iter().filter(is).map(|(key, _)| key.clone()).collect()
    }

    /// The manifests that a package certainly has.
    pub(crate) fn present_manifests(&self, package: &str) -> Vec<Key> {
        let is = |(key, manifest): &(&Key, &Manifest)| key.0 == package && manifest.fate == Fate::Present;
        self.manifests.iter().filter(is).map(|(key, _)| key.clone()).collect()
    }

    /// Whether a manifest of the package, which may be there, names this digest.
    pub(crate) fn is_named(&self, (package, digest): &Key) -> bool {
        let mut manifests =
            self.manifests.iter().filter(|(key, manifest)| key.0 == *package && manifest.fate != Fate::Gone);
        manifests.any(|(_, manifest)| manifest.names.contains(digest))
    }

    /// The tags that may point to a manifest.
    pub(crate) fn tags_of(&self, (package, digest): &Key) -> Vec<String> {
        let points = |(key, digests): &(&Key, &Vec<Option<String>>)| {
            key.0 == *package && digests.iter().flatten().any(|tagged| tagged == digest)
        };
        self.tags.iter().filter(points).map(|(key, _)| key.1.clone()).collect()
    }

    /// Whether anything was under way when the server was killed.
    pub(crate) fn is_unsettled(&self) -> bool {
        self.blobs.values().any(|blob| blob.fate == Fate::Unknown)
            || self.manifests.values().any(|manifest| manifest.fate == Fate::Unknown)
            || self.tags.values().any(|digests| digests.len() != 1)
    }

    /// Stops looking for most of what is gone.
    pub(crate) fn forget(&mut self) {
        let mut blobs = 0;
        self.blobs.retain(|_, blob| {
            blob.fate == Fate::Present || {
                blobs += 1;
                blobs <= GONE
            }
        });
        let mut manifests = 0;
        self.manifests.retain(|_, manifest| {
            manifest.fate == Fate::Present || {
                manifests += 1;
                manifests <= GONE
            }
        });
    }
}
