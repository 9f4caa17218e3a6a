//! The second judge: reads the files and the database itself, with nothing of the server's.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::fs;
use std::path::Path;

use serde_json::Value;
use sha2::{Digest as _, Sha256, Sha512};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection};

use super::model::{Fate, Key, Model};
use super::tokens::Tokens;

/// The digest of bytes, as text.
pub(crate) fn digest_of(algorithm: &str, bytes: &[u8]) -> String {
    let hex = match algorithm {
        "sha256" => hex::encode(Sha256::digest(bytes)),
        "sha512" => hex::encode(Sha512::digest(bytes)),
        _ => panic!("`{algorithm}` is no algorithm of ours"),
    };
    format!("{algorithm}:{hex}")
}

/// How many unfinished uploads, and blob files without a row, a killed server has left.
pub(crate) async fn leftovers(data: &Path) -> (usize, usize) {
    let mut database = open(data).await;
    let rows = blobs(&mut database).await;
    let files = files(&data.join("blobs"));
    database.close().await.expect("the database closes");
    (files_in(&data.join("uploads")), files.iter().filter(|file| !rows.contains(file)).count())
}

/// Compares the data directory of a running server, to which nobody writes, with all that is known of it. Says what there
/// is.
pub(crate) async fn judge(data: &Path, models: &[&Model], tokens: &Tokens) -> String {
    let mut database = open(data).await;
    assert_eq!(files_in(&data.join("uploads")), 0, "uploads that nobody can finish");
    let blobs = blobs(&mut database).await;
    same("files of blobs", &files(&data.join("blobs")), &blobs);

    let sql = "SELECT packages.name, package_blobs.digest FROM package_blobs \
               JOIN packages ON packages.id = package_blobs.package_id";
    let held: BTreeSet<Key> = set(sqlx::query_as(sql).fetch_all(&mut database).await);
    same("blobs that a package holds", &held.iter().map(|(_, digest)| digest.clone()).collect(), &{
        blobs.iter().map(|(digest, _)| digest.clone()).collect()
    });
    let known = models.iter().flat_map(|model| &model.blobs).filter(|(_, blob)| blob.fate == Fate::Present);
    same("blobs in packages", &held, &known.map(|(key, _)| key.clone()).collect());

    let sql = "SELECT packages.name, digest, bytes FROM manifests JOIN packages ON packages.id = package_id";
    let rows: Vec<(String, String, Vec<u8>)> = sqlx::query_as(sql).fetch_all(&mut database).await.expect("manifests");
    let manifests: BTreeSet<Key> = rows.iter().map(|(package, digest, _)| (package.clone(), digest.clone())).collect();
    for (package, digest, bytes) in &rows {
        assert_eq!(digest_of("sha256", bytes), *digest, "the bytes of a manifest of {package}");
        let json: Value = serde_json::from_slice(bytes).expect("a manifest is JSON");
        let is_there = |set: &BTreeSet<Key>, descriptor: &Value| {
            let named = descriptor["digest"].as_str().expect("a digest").to_owned();
            assert!(set.contains(&(package.clone(), named.clone())), "{package} lacks {named}, which {digest} names");
        };
        let all = |field: &str| json[field].as_array().cloned().unwrap_or_default();
        json.get("config").into_iter().for_each(|config| is_there(&held, config));
        all("layers").iter().for_each(|layer| is_there(&held, layer));
        all("manifests").iter().for_each(|manifest| is_there(&manifests, manifest));
    }
    let known = models.iter().flat_map(|model| &model.manifests).filter(|(_, known)| known.fate == Fate::Present);
    same("manifests", &manifests, &known.map(|(key, _)| key.clone()).collect());

    let sql = "SELECT packages.name, tags.name, digest FROM tags JOIN packages ON packages.id = package_id";
    let tags: BTreeSet<(String, String, String)> = set(sqlx::query_as(sql).fetch_all(&mut database).await);
    let known = models.iter().flat_map(|model| &model.tags);
    let known = known.filter_map(|(key, digests)| Some((key.0.clone(), key.1.clone(), digests[0].clone()?)));
    same("tags", &tags, &known.collect());

    for token in &tokens.tokens {
        let sql = "SELECT revoked IS NOT NULL FROM pats WHERE id = $1 AND hash = $2";
        let hash = Sha256::digest(token.secret.as_bytes()).to_vec();
        let row: Option<bool> =
            sqlx::query_scalar(sql).bind(token.id).bind(hash).fetch_optional(&mut database).await.expect("a token");
        assert_eq!(row, Some(token.fate == Fate::Gone), "whether token {} is revoked", token.id);
    }
    database.close().await.expect("the database closes");
    let tokens = tokens.tokens.len();
    format!("{} blobs, {} manifests, {} tags and {tokens} tokens are right", held.len(), rows.len(), tags.len())
}

async fn open(data: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(data.join("pullpass.db")).read_only(true);
    options.connect().await.expect("the database opens")
}

async fn blobs(database: &mut SqliteConnection) -> BTreeSet<(String, u64)> {
    let rows: Vec<(String, i64)> =
        sqlx::query_as("SELECT digest, size FROM blobs").fetch_all(database).await.expect("blobs");
    rows.into_iter().map(|(digest, size)| (digest, size.unsigned_abs())).collect()
}

/// Every file below `blobs/`, which all must hold what their names say, with its size.
fn files(directory: &Path) -> BTreeSet<(String, u64)> {
    let mut found = BTreeSet::new();
    for algorithm in ["sha256", "sha512"] {
        for shard in fs::read_dir(directory.join(algorithm)).expect("a directory of blobs") {
            for file in fs::read_dir(shard.expect("a shard").path()).expect("a shard") {
                let path = file.expect("a file").path();
                let bytes = fs::read(&path).expect("a readable blob");
                let digest = digest_of(algorithm, &bytes);
                let name = path.file_name().and_then(|name| name.to_str()).expect("a name");
                assert_eq!(digest, format!("{algorithm}:{name}"), "{} holds other bytes", path.display());
                found.insert((digest, bytes.len() as u64));
            }
        }
    }
    found
}

fn files_in(directory: &Path) -> usize {
    fs::read_dir(directory).expect("a directory").count()
}

fn set<T: Ord>(rows: sqlx::Result<Vec<T>>) -> BTreeSet<T> {
    rows.expect("rows").into_iter().collect()
}

#[track_caller]
fn same<T: Ord + Debug>(what: &str, found: &BTreeSet<T>, expected: &BTreeSet<T>) {
    let (lost, extra): (Vec<_>, Vec<_>) = (expected.difference(found).collect(), found.difference(expected).collect());
    assert!(lost.is_empty() && extra.is_empty(), "{what}: lost {lost:?}, not expected {extra:?}");
}
