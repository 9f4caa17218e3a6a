//! What an engine does to pull an image, step by step and recorded: up to the manifest to learn whether it opens, and
//! to the last layer where no engine is installed that could.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use pullpass_oci::{Descriptor, Digest, Manifest, Platform, Reference, media_type, route::ManifestReference};
use tokio::{
    fs,
    io::{self, AsyncWrite},
};

use crate::{
    auth::Credential,
    error::{Failure, RegistryError},
    http::{Observer, Options, Step},
    registry::{Fetched, Registry},
};

/// What was tried and what came of it.
#[derive(Debug)]
pub struct Attempt<T> {
    /// Every request, in order.
    pub steps: Vec<Step>,
    /// Whether the credential is alive, whatever it opens; none when it was not sent.
    pub is_credential_alive: Option<bool>,
    /// What was asked for, or where it ended.
    pub outcome: Result<T, RegistryError>,
}

/// An image whose manifest was fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// What the reference names: the image, or an index with the image in it.
    pub digest: Digest,
    /// The image for the platform.
    pub image: Fetched,
    /// The configuration of the image.
    pub config: Descriptor,
    /// The layers of the image, lowest first.
    pub layers: Vec<Descriptor>,
}

/// An image that was fetched whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pulled {
    /// The image.
    pub opened: Opened,
    /// How many bytes of configuration and layers were fetched; what was there already is not.
    pub bytes: u64,
}

/// A connection over which many images are asked for, each with a record of its own. For every repository there is one
/// token request at most, and a credential that was refused is not sent again.
pub struct Connection {
    registry: Registry,
}

impl Connection {
    /// As [`Registry::connect`].
    pub async fn open(
        registry: &pullpass_oci::Registry,
        credential: Option<&Credential>,
        mut options: Options,
    ) -> Attempt<Connection> {
        options.observer = Some(recorder(options.observer.take()));
        let connect = Registry::connect(registry, credential.cloned(), options);
        let (outcome, steps) = recorded(connect).await;
        let outcome = outcome.map(|registry| Connection { registry });
        Attempt { steps, is_credential_alive: None, outcome }
    }

    /// Asks for the manifest of `reference`, and where that is an index for the image of `platform`.
    pub async fn attempt(&self, reference: &Reference, platform: &Platform) -> Attempt<Opened> {
        self.record(open(&self.registry, reference, platform)).await
    }

    /// Fetches a blob of the image of `reference` into `sink` and verifies it; says how long it was.
    pub async fn fetch(
        &self,
        reference: &Reference,
        blob: &Descriptor,
        sink: &mut (impl AsyncWrite + Unpin),
    ) -> Attempt<u64> {
        self.record(self.registry.blob(&reference.repository, &blob.digest, Some(blob.size), sink)).await
    }

    /// As [`Registry::can_push`].
    pub async fn can_push(&self, reference: &Reference) -> Attempt<()> {
        self.record(self.registry.can_push(&reference.repository)).await
    }

    async fn record<T>(&self, work: impl Future<Output = Result<T, RegistryError>>) -> Attempt<T> {
        let (outcome, steps) = recorded(work).await;
        Attempt { steps, is_credential_alive: self.registry.is_credential_alive().await, outcome }
    }
}

/// Asks for the manifest of `reference`, for `linux` on `architecture` where there are several. Asked once with a
/// credential and once without, it answers apart whether the credential is alive ([`Attempt::is_credential_alive`]),
/// whether it opens this image, and whether the image would open with no login at all.
pub async fn attempt(
    reference: &Reference,
    architecture: &str,
    credential: Option<&Credential>,
    options: Options,
) -> Attempt<Opened> {
    let platform = linux(architecture);
    record(reference, credential, options, async |registry| open(registry, reference, &platform).await).await
}

/// Fetches the image of `reference` into `directory`, which becomes an OCI image layout (image spec, `image-layout.md`)
/// with this one image. A blob appears under its name only after its digest was verified.
pub async fn pull(
    reference: &Reference,
    architecture: &str,
    credential: Option<&Credential>,
    options: Options,
    directory: &Path,
) -> Attempt<Pulled> {
    let platform = linux(architecture);
    let fetch = async |registry: &Registry| {
        let opened = open(registry, reference, &platform).await?;
        let mut bytes = 0;
        for blob in std::iter::once(&opened.config).chain(&opened.layers) {
            bytes += fetch_blob(registry, reference, blob, directory).await?;
        }
        let failed = |error| manifest_error(registry, reference, Failure::Sink(error));
        write_layout(&opened.image, directory).await.map_err(failed)?;
        Ok(Pulled { opened, bytes })
    };
    record(reference, credential, options, fetch).await
}

async fn record<T>(
    reference: &Reference,
    credential: Option<&Credential>,
    options: Options,
    work: impl AsyncFnOnce(&Registry) -> Result<T, RegistryError>,
) -> Attempt<T> {
    let Attempt { mut steps, outcome, .. } = Connection::open(&reference.registry, credential, options).await;
    match outcome {
        Err(error) => Attempt { steps, is_credential_alive: None, outcome: Err(error) },
        Ok(connection) => {
            let attempt = connection.record(work(&connection.registry)).await;
            steps.extend(attempt.steps);
            Attempt { steps, ..attempt }
        }
    }
}

type Steps = Arc<Mutex<Vec<Step>>>;

tokio::task_local! {
    /// Where the requests of the image that is being asked for are recorded: a connection serves many at a time.
    static STEPS: Steps;
}

pub(crate) async fn recorded<T>(work: impl Future<Output = T>) -> (T, Vec<Step>) {
    let steps = Steps::default();
    let result = STEPS.scope(Arc::clone(&steps), work).await;
    let steps = std::mem::take(&mut *steps.lock().unwrap_or_else(PoisonError::into_inner));
    (result, steps)
}

pub(crate) fn recorder(next: Option<Observer>) -> Observer {
    Arc::new(move |step| {
        // All requests of a connection are sent inside of `recorded`.
        let _ = STEPS.try_with(|steps| steps.lock().unwrap_or_else(PoisonError::into_inner).push(step.clone()));
        if let Some(next) = &next {
            next(step);
        }
    })
}

/// The manifest, and where that is an index the one manifest in it for the platform.
pub(crate) async fn open(
    registry: &Registry,
    reference: &Reference,
    platform: &Platform,
) -> Result<Opened, RegistryError> {
    let name = &reference.repository;
    let mut asked = manifest_reference(reference);
    let mut fetched = registry.manifest(name, &asked).await?;
    let digest = fetched.digest.clone();
    let failed = |asked: &ManifestReference, failure| registry.manifest_error(name, asked, failure);
    let mut manifest = parse(&fetched).map_err(|failure| failed(&asked, failure))?;
    if let Manifest::Index { manifests, .. } = &manifest {
        let image = choose(manifests, platform).map_err(|failure| failed(&asked, failure))?;
        asked = ManifestReference::Digest(image.digest.clone());
        fetched = registry.manifest(name, &asked).await?;
        manifest = parse(&fetched).map_err(|failure| failed(&asked, failure))?;
    }
    match manifest {
        Manifest::Image { config, layers, .. } => Ok(Opened { digest, image: fetched, config, layers }),
        Manifest::Index { .. } => {
            Err(failed(&asked, Failure::BadAnswer { why: "is an index inside an index".to_owned() }))
        }
    }
}

fn parse(fetched: &Fetched) -> Result<Manifest, Failure> {
    let no_manifest = |error| Failure::BadAnswer { why: format!("is no manifest: {error}") };
    Manifest::parse(&fetched.media_type, &fetched.bytes).map_err(no_manifest)
}

fn choose<'a>(manifests: &'a [Descriptor], wanted: &Platform) -> Result<&'a Descriptor, Failure> {
    let is_wanted = |descriptor: &&Descriptor| descriptor.platform.as_ref().is_some_and(|platform| platform.is(wanted));
    manifests.iter().find(is_wanted).ok_or_else(|| {
        let offered = manifests.iter().filter_map(|descriptor| descriptor.platform.as_ref());
        Failure::NoPlatform { wanted: wanted.to_string(), offered: offered.map(Platform::to_string).collect() }
    })
}

pub(crate) fn linux(architecture: &str) -> Platform {
    Platform { os: "linux".to_owned(), architecture: architecture.to_owned(), variant: None }
}

fn manifest_reference(reference: &Reference) -> ManifestReference {
    let text = reference.manifest_reference();
    text.parse().expect("a reference names a tag or a digest")
}

/// Fetches a blob, unless it is there, and says how many bytes that took.
async fn fetch_blob(
    registry: &Registry,
    reference: &Reference,
    blob: &Descriptor,
    directory: &Path,
) -> Result<u64, RegistryError> {
    let failed = |error| manifest_error(registry, reference, Failure::Sink(error));
    let path = blob_path(directory, &blob.digest);
    if fs::try_exists(&path).await.map_err(failed)? {
        return Ok(0);
    }
    let part = path.with_extension("part");
    let mut file = create(&part).await.map_err(failed)?;
    let result = registry.blob(&reference.repository, &blob.digest, Some(blob.size), &mut file).await;
    drop(file);
    let result = match result {
        Ok(length) => fs::rename(&part, &path).await.map(|()| length).map_err(failed),
        Err(error) => Err(error),
    };
    if result.is_err() {
        // What is left of it is not worth a second error.
        let _ = fs::remove_file(&part).await;
    }
    result
}

async fn create(path: &Path) -> io::Result<fs::File> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).await?;
    }
    fs::File::create(path).await
}

/// Everything of an image layout but the blobs that were fetched one by one.
async fn write_layout(image: &Fetched, directory: &Path) -> io::Result<()> {
    let path = blob_path(directory, &image.digest);
    drop(create(&path).await?);
    fs::write(&path, &image.bytes).await?;
    let index = serde_json::json!({
        "schemaVersion": 2,
        "mediaType": media_type::OCI_INDEX,
        "manifests": [{
            "mediaType": image.media_type,
            "digest": image.digest.to_string(),
            "size": image.bytes.len(),
        }],
    });
    fs::write(directory.join("index.json"), index.to_string()).await?;
    fs::write(directory.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).await
}

fn blob_path(directory: &Path, digest: &Digest) -> PathBuf {
    directory.join("blobs").join(digest.algorithm().as_str()).join(digest.hex())
}

fn manifest_error(registry: &Registry, reference: &Reference, failure: Failure) -> RegistryError {
    registry.manifest_error(&reference.repository, &manifest_reference(reference), failure)
}
