//! What is stored: repositories, of which those with a manifest are packages.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bytes::Bytes;
use pullpass_oci::{Digest, Image, RepositoryName, media_type, route::ManifestReference};
use serde_json::json;

use super::accounts::Account;

/// Who may see a package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visibility {
    /// Everybody.
    Public,
    /// Accounts with a role.
    Private,
    /// The members of the organization that owns it, and accounts with a role.
    Internal,
}

impl Visibility {
    /// Its word in GitHub's API.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Visibility::Public => "public",
            Visibility::Private => "private",
            Visibility::Internal => "internal",
        }
    }
}

/// Everything below `/v2/`, and the bytes that the storage host serves.
#[derive(Default)]
pub(crate) struct Packages {
    repositories: BTreeMap<RepositoryName, Repository>,
    pub(crate) blobs: HashMap<Digest, Bytes>,
}

/// A repository. Until its first manifest it only holds uploaded blobs, and nobody can see it.
#[derive(Default)]
pub(crate) struct Repository {
    /// `None` until it is a package.
    pub(crate) visibility: Option<Visibility>,
    pub(crate) readers: BTreeSet<String>,
    pub(crate) writers: BTreeSet<String>,
    /// `OWNER/REPOSITORY` that it is linked to.
    pub(crate) linked_to: Option<String>,
    /// The repositories whose workflows may use it beside that one.
    pub(crate) actions_access: BTreeSet<String>,
    pub(crate) manifests: HashMap<Digest, Manifest>,
    /// Oldest first.
    pub(crate) tags: Vec<(String, Digest)>,
    pub(crate) blobs: BTreeSet<Digest>,
}

#[derive(Clone)]
pub(crate) struct Manifest {
    pub(crate) media_type: String,
    pub(crate) bytes: Bytes,
}

impl Packages {
    /// The package, if it is one.
    pub(crate) fn package(&self, name: &RepositoryName) -> Option<&Repository> {
        self.repositories.get(name).filter(|repository| repository.visibility.is_some())
    }

    /// The repository, package or not, made when it is not there.
    pub(crate) fn repository(&mut self, name: &RepositoryName) -> &mut Repository {
        self.repositories.entry(name.clone()).or_default()
    }

    /// The names of all packages.
    pub(crate) fn names(&self) -> impl Iterator<Item = &RepositoryName> {
        self.repositories.keys().filter(|name| self.package(name).is_some())
    }

    pub(crate) fn add_blob(&mut self, name: &RepositoryName, bytes: Bytes) -> Digest {
        let digest = Digest::sha256(&bytes);
        self.repository(name).blobs.insert(digest.clone());
        self.blobs.insert(digest.clone(), bytes);
        digest
    }

    /// A blob that is linked to this repository.
    pub(crate) fn blob(&self, name: &RepositoryName, digest: &Digest) -> Option<&Bytes> {
        self.repositories.get(name).filter(|repository| repository.blobs.contains(digest))?;
        self.blobs.get(digest)
    }

    /// Pushes a whole image, without a tag when `tag` is `None`.
    pub(crate) fn add_image(&mut self, name: &RepositoryName, tag: Option<&str>, image: &Image) -> Digest {
        self.add_blob(name, image.config.clone().into());
        self.add_blob(name, image.layer.clone().into());
        self.repository(name).add_manifest(tag, media_type::OCI_MANIFEST, image.manifest.clone().into())
    }

    /// Pushes images for several architectures and the index that names them.
    pub(crate) fn add_index(&mut self, name: &RepositoryName, tag: &str, images: &[(&str, &Image)]) -> Digest {
        let mut manifests = Vec::new();
        for (architecture, image) in images {
            manifests.push(json!({
                "mediaType": media_type::OCI_MANIFEST,
                "digest": self.add_image(name, None, image).to_string(),
                "size": image.manifest.len(),
                "platform": { "architecture": architecture, "os": "linux" },
            }));
        }
        let index = json!({ "schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": manifests });
        self.repository(name).add_manifest(Some(tag), media_type::OCI_INDEX, index.to_string().into())
    }
}

impl Repository {
    /// Whether `login` may read it, the members of whose owner are those of `owner`.
    pub(crate) fn is_readable_by(&self, login: &str, owner: Option<&Account>) -> bool {
        match self.visibility {
            Some(Visibility::Public) => true,
            Some(Visibility::Internal) if owner.is_some_and(|owner| owner.has_member(login)) => true,
            _ => self.readers.contains(login),
        }
    }

    /// Whether the workflows of `repository` may read and write it.
    pub(super) fn is_open_to_workflows_of(&self, repository: &str) -> bool {
        self.linked_to.as_deref() == Some(repository) || self.actions_access.contains(repository)
    }

    pub(crate) fn add_manifest(&mut self, tag: Option<&str>, media_type: &str, bytes: Bytes) -> Digest {
        let digest = Digest::sha256(&bytes);
        self.manifests.insert(digest.clone(), Manifest { media_type: media_type.to_owned(), bytes });
        if let Some(tag) = tag {
            match self.tags.iter_mut().find(|(known, _)| known == tag) {
                Some((_, moved)) => *moved = digest.clone(),
                None => self.tags.push((tag.to_owned(), digest.clone())),
            }
        }
        digest
    }

    pub(crate) fn manifest(&self, reference: &ManifestReference) -> Option<(&Digest, &Manifest)> {
        let digest = match reference {
            ManifestReference::Digest(digest) => digest,
            ManifestReference::Tag(tag) => &self.tags.iter().find(|(known, _)| known == tag.as_str())?.1,
        };
        self.manifests.get_key_value(digest)
    }
}
