//! Pushes, mounts, deletes and reads in two packages of its own, one request after the other.

use pullpass_oci::{Algorithm, Digest, Hasher, RepositoryName, media_type, route::ManifestReference};
use reqwest::Method;
use serde_json::{Value, json};

use super::http::{Cut, Http};
use super::judge::digest_of;
use super::model::{Fate, Key, Manifest, Model, Together};
use crate::program::USER;
use crate::random::Random;

/// How many blobs a worker keeps about.
const BLOBS: usize = 24;

/// How many blobs every worker pushes now and then, so that the same file is published from several sides.
const COMMON: u64 = 6;

/// How many tags a package has at most.
const TAGS: u64 = 5;

pub(crate) struct Worker {
    random: Random,
    packages: [String; 2],
    pub(crate) model: Model,
}

impl Worker {
    pub(crate) fn new(number: usize, random: Random) -> Worker {
        let packages = ["a", "b"].map(|name| format!("{USER}/worker-{number}/{name}"));
        Worker { random, packages, model: Model::default() }
    }

    /// Works until the server is gone.
    pub(crate) async fn work(&mut self, http: &Http) {
        while self.step(http).await.is_ok() {}
    }

    async fn step(&mut self, http: &Http) -> Result<(), Cut> {
        let package = self.package();
        if self.model.blobs.values().filter(|blob| blob.fate == Fate::Present).count() > BLOBS {
            // A blob, or else a manifest, so that blobs become free.
            return match self.free_blobs(&package).is_empty() {
                true => self.delete_manifest(http, &package).await,
                false => self.delete_blob(http, &package).await,
            };
        }
        match self.random.below(13) {
            0..=2 => self.push(http, &package).await.map(drop),
            3 => self.push_with_client(http, &package).await,
            4 => self.mount(http).await,
            5 | 6 => self.push_image(http, &package).await,
            7 => self.push_index(http, &package).await,
            8 => self.move_tag(http, &package).await,
            9 => self.delete_blob(http, &package).await,
            10 => self.delete_manifest(http, &package).await,
            11 => self.delete_tag(http, &package).await,
            _ => self.leave_half(http, &package).await,
        }
    }

    fn package(&mut self) -> String {
        self.packages[usize::from(self.random.below(2) == 0)].clone()
    }

    fn content(&mut self) -> Vec<u8> {
        match self.random.below(10) {
            0 | 1 => {
                let which = self.random.below(COMMON);
                Random::new(which).bytes(1000 + which * 40_000)
            }
            2 => {
                let length = self.random.below(2_000_000);
                self.random.bytes(length)
            }
            _ => {
                let length = self.random.below(60_000);
                self.random.bytes(length)
            }
        }
    }

    /// Pushes a blob in one request or in chunks.
    async fn push(&mut self, http: &Http, package: &str) -> Result<Key, Cut> {
        let content = self.content();
        let algorithm = if self.random.below(6) == 0 { Algorithm::Sha512 } else { Algorithm::Sha256 };
        let mut hasher = Hasher::new(algorithm);
        hasher.update(&content);
        self.push_bytes(http, package, content, &hasher.finish().to_string()).await
    }

    async fn push_bytes(&mut self, http: &Http, package: &str, content: Vec<u8>, digest: &str) -> Result<Key, Cut> {
        let (key, size) = ((package.to_owned(), digest.to_owned()), content.len());
        let uploads = format!("/v2/{package}/blobs/uploads/");
        let status = if self.random.below(2) == 0 {
            self.model.pushing(&key, size, Fate::Unknown);
            http.send(Method::POST, &format!("{uploads}?digest={digest}"), content).await?.status
        } else {
            self.model.pushing(&key, size, Fate::Gone);
            let mut location = http.send(Method::POST, &uploads, Vec::new()).await?.location;
            let chunks = self.random.below(4);
            let length = size / usize::try_from(chunks + 1).expect("a few") + 1;
            let (mut rest, mut last) = (content.chunks(length), Vec::new());
            for _ in 0..chunks {
                let chunk = rest.next().unwrap_or_default().to_vec();
                let answer = http.send(Method::PATCH, &location, chunk).await?;
                assert_eq!(answer.status, 202, "a chunk");
                location = answer.location;
            }
            rest.for_each(|chunk| last.extend_from_slice(chunk));
            self.model.pushing(&key, size, Fate::Unknown);
            http.send(Method::PUT, &format!("{location}?digest={digest}"), last).await?.status
        };
        assert_eq!(status, 201, "a push of {digest}");
        self.model.pushing(&key, size, Fate::Present);
        Ok(key)
    }

    async fn push_with_client(&mut self, http: &Http, package: &str) -> Result<(), Cut> {
        let content = self.content();
        let key = (package.to_owned(), Digest::sha256(&content).to_string());
        let size = content.len();
        self.model.pushing(&key, size, Fate::Unknown);
        http.told(http.registry.upload_blob(&name(package), content.into()).await)?;
        self.model.pushing(&key, size, Fate::Present);
        Ok(())
    }

    /// From one package into the other.
    async fn mount(&mut self, http: &Http) -> Result<(), Cut> {
        let [from, to] = self.packages.clone();
        let Some(source) = self.random.choose(&self.model.present_blobs(&from)).cloned() else { return Ok(()) };
        let (key, size) = ((to.clone(), source.1.clone()), self.model.blobs[&source].size);
        self.model.pushing(&key, size, Fate::Unknown);
        let path = format!("/v2/{to}/blobs/uploads/?mount={}&from={from}", source.1);
        assert_eq!(http.send(Method::POST, &path, Vec::new()).await?.status, 201, "a mount");
        self.model.pushing(&key, size, Fate::Present);
        Ok(())
    }

    async fn push_image(&mut self, http: &Http, package: &str) -> Result<(), Cut> {
        let present = self.model.present_blobs(package);
        let layer = match self.random.choose(&present) {
            Some(layer) if self.random.below(2) == 0 => layer.clone(),
            _ => self.push(http, package).await?,
        };
        let config = json!({ "number": self.random.next() }).to_string().into_bytes();
        let digest = Digest::sha256(&config).to_string();
        let config = self.push_bytes(http, package, config, &digest).await?;
        let entry = |(media_type, key): (&str, &Key)| json!({ "mediaType": media_type, "digest": key.1, "size": self.model.blobs[key].size });
        let names = vec![config.1.clone(), layer.1.clone()];
        let bytes = json!({
            "schemaVersion": 2,
            "mediaType": media_type::OCI_MANIFEST,
            "config": entry((media_type::OCI_CONFIG, &config)),
            "layers": [entry((media_type::OCI_LAYER_TAR, &layer))],
        });
        self.put(http, package, media_type::OCI_MANIFEST, &bytes, names).await
    }

    async fn push_index(&mut self, http: &Http, package: &str) -> Result<(), Cut> {
        let Some(child) = self.random.choose(&self.model.present_manifests(package)).cloned() else { return Ok(()) };
        let manifest = &self.model.manifests[&child];
        let entry = json!({ "mediaType": manifest.media_type, "digest": child.1, "size": manifest.bytes.len() });
        let index = json!({
            "schemaVersion": 2,
            "mediaType": media_type::OCI_INDEX,
            "manifests": [entry],
            "annotations": { "number": self.random.next().to_string() },
        });
        self.put(http, package, media_type::OCI_INDEX, &index, vec![child.1]).await
    }

    async fn put(
        &mut self,
        http: &Http,
        package: &str,
        media_type: &'static str,
        manifest: &Value,
        names: Vec<String>,
    ) -> Result<(), Cut> {
        let manifest = Manifest { fate: Fate::Gone, media_type, bytes: manifest.to_string().into_bytes(), names };
        self.put_bytes(http, package, manifest).await
    }

    async fn move_tag(&mut self, http: &Http, package: &str) -> Result<(), Cut> {
        let Some(key) = self.random.choose(&self.model.present_manifests(package)).cloned() else { return Ok(()) };
        let manifest = self.model.manifests[&key].clone();
        self.put_bytes(http, package, manifest).await
    }

    /// Puts a manifest under a tag, or under its digest alone.
    async fn put_bytes(&mut self, http: &Http, package: &str, mut manifest: Manifest) -> Result<(), Cut> {
        let digest = Digest::sha256(&manifest.bytes);
        let key = (package.to_owned(), digest.to_string());
        let tag = (self.random.below(4) > 0).then(|| format!("t{}", self.random.below(TAGS)));
        let (media_type, bytes, is_new) = (manifest.media_type, manifest.bytes.clone(), manifest.fate != Fate::Present);
        if is_new {
            manifest.fate = Fate::Unknown;
            self.model.manifests.insert(key.clone(), manifest);
        }
        let reference = match &tag {
            Some(tag) => {
                let pointed = self.model.tags.entry((package.to_owned(), tag.clone())).or_insert_with(|| vec![None]);
                if pointed[0].as_deref() != Some(key.1.as_str()) {
                    pointed.push(Some(key.1.clone()));
                }
                if is_new {
                    self.model.together = Some(Together { manifest: key.clone(), tags: vec![tag.clone()] });
                }
                ManifestReference::Tag(tag.parse().expect("a tag"))
            }
            None => ManifestReference::Digest(digest),
        };
        if self.random.below(2) == 0 {
            http.told(http.registry.put_manifest(&name(package), &reference, media_type, bytes.into()).await)?;
        } else {
            let path = format!("/v2/{package}/manifests/{reference}");
            let body = bytes;
            let token = http.token();
            assert_eq!(http.send_as(token, Method::PUT, &path, media_type, body).await?.status, 201, "a manifest");
        }
        if let Some(manifest) = self.model.manifests.get_mut(&key) {
            manifest.fate = Fate::Present;
        }
        if let Some(tag) = tag {
            self.model.tags.insert((package.to_owned(), tag), vec![Some(key.1)]);
        }
        self.model.together = None;
        Ok(())
    }

    /// The blobs that no manifest needs.
    fn free_blobs(&self, package: &str) -> Vec<Key> {
        let mut free = self.model.present_blobs(package);
        free.retain(|key| !self.model.is_named(key));
        free
    }

    /// Deletes a blob that no manifest needs.
    async fn delete_blob(&mut self, http: &Http, package: &str) -> Result<(), Cut> {
        let Some(key) = self.random.choose(&self.free_blobs(package)).cloned() else { return Ok(()) };
        self.fate(&key, Fate::Unknown);
        let path = format!("/v2/{package}/blobs/{}", key.1);
        assert_eq!(http.send(Method::DELETE, &path, Vec::new()).await?.status, 202, "a deletion of {}", key.1);
        self.fate(&key, Fate::Gone);
        Ok(())
    }

    fn fate(&mut self, key: &Key, fate: Fate) {
        self.model.blobs.get_mut(key).expect("a known blob").fate = fate;
    }

    /// Deletes a manifest that no index needs, and with it its tags.
    async fn delete_manifest(&mut self, http: &Http, package: &str) -> Result<(), Cut> {
        let mut free = self.model.present_manifests(package);
        free.retain(|key| !self.model.is_named(key));
        let Some(key) = self.random.choose(&free).cloned() else { return Ok(()) };
        let tags = self.model.tags_of(&key);
        self.model.manifests.get_mut(&key).expect("a known manifest").fate = Fate::Unknown;
        for tag in &tags {
            self.model.tags.entry((package.to_owned(), tag.clone())).or_default().push(None);
        }
        self.model.together = Some(Together { manifest: key.clone(), tags: tags.clone() });
        let path = format!("/v2/{package}/manifests/{}", key.1);
        assert_eq!(http.send(Method::DELETE, &path, Vec::new()).await?.status, 202, "a deletion of {}", key.1);
        self.model.manifests.get_mut(&key).expect("a known manifest").fate = Fate::Gone;
        for tag in tags {
            self.model.tags.insert((package.to_owned(), tag), vec![None]);
        }
        self.model.together = None;
        Ok(())
    }

    async fn delete_tag(&mut self, http: &Http, package: &str) -> Result<(), Cut> {
        let is = |(key, digests): &(&Key, &Vec<Option<String>>)| key.0 == package && digests[0].is_some();
        let tags: Vec<Key> = self.model.tags.iter().filter(is).map(|(key, _)| key.clone()).collect();
        let Some(key) = self.random.choose(&tags).cloned() else { return Ok(()) };
        self.model.tags.entry(key.clone()).or_default().push(None);
        let path = format!("/v2/{package}/manifests/{}", key.1);
        assert_eq!(http.send(Method::DELETE, &path, Vec::new()).await?.status, 202, "a deletion of {}", key.1);
        self.model.tags.insert(key, vec![None]);
        Ok(())
    }

    /// Opens an upload that is never finished, or finished with a digest that its bytes do not have.
    async fn leave_half(&mut self, http: &Http, package: &str) -> Result<(), Cut> {
        let content = self.content();
        let size = content.len();
        let location = http.send(Method::POST, &format!("/v2/{package}/blobs/uploads/"), Vec::new()).await?.location;
        let answer = http.send(Method::PATCH, &location, content).await?;
        assert_eq!(answer.status, 202, "a chunk");
        if self.random.below(2) == 0 {
            let promised = Digest::sha256(&self.random.bytes(32)).to_string();
            self.model.pushing(&(package.to_owned(), promised.clone()), size, Fate::Gone);
            let path = format!("{}?digest={promised}", answer.location);
            assert_eq!(http.send(Method::PUT, &path, Vec::new()).await?.status, 400, "bytes of another digest");
        }
        Ok(())
    }

    /// Asks the server for everything, finds out what became of the requests that were cut off, and panics when anything
    /// is not as it was acknowledged.
    pub(crate) async fn settle(&mut self, http: &Http) {
        for (key, blob) in &mut self.model.blobs {
            blob.fate = settled(http, "blobs", key, blob.fate).await;
        }
        for (key, manifest) in &mut self.model.manifests {
            manifest.fate = settled(http, "manifests", key, manifest.fate).await;
        }
        for (key, digests) in &mut self.model.tags {
            let found = fetch(http, "manifests", key).await.map(|body| digest_of("sha256", &body));
            assert!(digests.contains(&found), "tag {key:?} points to {found:?}, known is {digests:?}");
            *digests = vec![found];
        }
        if let Some(Together { manifest, tags }) = self.model.together.take() {
            let is_there = self.model.manifests[&manifest].fate == Fate::Present;
            for tag in tags {
                let is_tagged = self.model.tags[&(manifest.0.clone(), tag.clone())][0].as_ref() == Some(&manifest.1);
                assert_eq!(is_there, is_tagged, "{manifest:?} and its tag `{tag}` are one transaction");
            }
        }
        for package in &self.packages {
            let listed = fetch(http, "tags", &(package.clone(), "list".to_owned())).await;
            let listed: Value = serde_json::from_slice(&listed.unwrap_or_default()).unwrap_or_default();
            let listed: Vec<&str> = listed["tags"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            let known = self.model.tags.iter().filter(|(key, digests)| key.0 == *package && digests[0].is_some());
            let known: Vec<&str> = known.map(|(key, _)| key.1.as_str()).collect();
            assert_eq!(listed, known, "the tags of {package}");
        }
        self.model.forget();
    }
}

/// What is known of a blob or manifest now that the server was asked for it.
async fn settled(http: &Http, kind: &str, key: &Key, known: Fate) -> Fate {
    let found = fetch(http, kind, key).await;
    if let Some(body) = &found {
        let algorithm = key.1.split_once(':').expect("a digest").0;
        assert_eq!(digest_of(algorithm, body), key.1, "{kind} {key:?} is served with other bytes");
    }
    let found = if found.is_some() { Fate::Present } else { Fate::Gone };
    assert!(known == found || known == Fate::Unknown, "{kind} {key:?} is {found:?}, acknowledged was {known:?}");
    found
}

/// What the server has; none is 404.
async fn fetch(http: &Http, kind: &str, (package, name): &Key) -> Option<Vec<u8>> {
    let answer = http.send(Method::GET, &format!("/v2/{package}/{kind}/{name}"), Vec::new()).await;
    let Ok(answer) = answer else { panic!("{kind} {package} {name}: no answer") };
    match answer.status {
        404 => None,
        200 => {
            assert!(kind == "tags" || name.len() < 20 || answer.digest == *name, "{name} has {}", answer.digest);
            answer.body().ok()
        }
        status => panic!("{kind} {package} {name}: {status}"),
    }
}

fn name(package: &str) -> RepositoryName {
    package.parse().expect("a repository name")
}
