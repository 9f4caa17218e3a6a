//! `pullpass admin check`: whether everything that was acknowledged is there and whole, and nothing else is.

use std::{path::PathBuf, time::Duration};

use pullpass_oci::{Digest, Hasher, Manifest};
use serde::{Deserialize, Serialize};
use tokio::time;

use super::Desk;
use crate::{
    blobs::{BlobStore, leftovers},
    db::{
        check::ManifestRow,
        content::{BadReference, References},
    },
    error::Error,
};

/// How many blobs are asked of the database at once.
const BLOBS: u32 = 200;

/// How often, and how long apart, to look again at a file that nobody owns: an upload may be between its file and its
/// row.
const LOOKS: u32 = 8;
const PAUSE: Duration = Duration::from_millis(250);

/// What was checked, and what is wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// How many packages there are.
    pub packages: u64,
    /// How many blobs were read and hashed.
    pub blobs: u64,
    /// How many bytes they have together.
    pub bytes: u64,
    /// How many manifests were hashed, and everything that they name looked for.
    pub manifests: u64,
    /// How many tags there are.
    pub tags: u64,
    /// How many uploads are under way.
    pub uploads: u64,
    /// What is wrong, each as a lowercase fragment that names the thing. Empty when all is well.
    pub problems: Vec<String>,
}

/// Checks everything, while requests are answered.
pub(super) async fn run(desk: &Desk) -> Result<Report, Error> {
    let mut report = Report::default();
    report.problems.extend(desk.db.damage().await?.into_iter().map(|line| format!("the database is damaged: {line}")));
    if !report.problems.is_empty() {
        // What it says of anything else cannot be relied on.
        return Ok(report);
    }
    check_blobs(desk, &mut report).await?;
    check_manifests(desk, &mut report).await?;
    check_rows(desk, &mut report).await?;
    check_files(desk, &mut report).await?;
    Ok(report)
}

/// Every blob on record has its file with the right bytes. While a server runs, no file of a blob goes or changes.
async fn check_blobs(desk: &Desk, report: &mut Report) -> Result<(), Error> {
    let mut last = String::new();
    loop {
        let blobs = desk.db.blobs_after(&last, BLOBS).await?;
        let Some((digest, _)) = blobs.last() else { return Ok(()) };
        last.clone_from(digest);
        for (name, size) in blobs {
            let size = size.unsigned_abs();
            report.blobs += 1;
            report.bytes += size;
            let damage = match name.parse::<Digest>() {
                Ok(digest) => desk.blobs.run(move |store| store.damage(&digest, size)).await?,
                Err(invalid) => Some(invalid.to_string()),
            };
            report.problems.extend(damage.map(|damage| format!("blob `{name}`: {damage}")));
        }
    }
}

/// Every manifest is what its digest says, and its package has everything that it names.
async fn check_manifests(desk: &Desk, report: &mut Report) -> Result<(), Error> {
    let mut last = (0, String::new());
    loop {
        // A manifest and what it names are looked at in one snapshot: both may be deleted meanwhile, in that order.
        let mut snapshot = desk.db.snapshot().await?;
        let rows = snapshot.manifests_after(&last).await?;
        let Some(row) = rows.last() else { return Ok(()) };
        last = (row.package, row.digest.clone());
        let read = move |_: &BlobStore| rows.into_iter().map(|row| (references(&row), row)).collect::<Vec<_>>();
        for (references, row) in desk.blobs.run(read).await? {
            report.manifests += 1;
            let problem = match references {
                Ok(references) => snapshot.verify(row.package, &references).await?.err().map(|bad| match bad {
                    BadReference::Missing(digest) => format!("names `{digest}`, which the package does not have"),
                    BadReference::Size(digest) => format!("gives `{digest}` another size than it has"),
                }),
                Err(problem) => Some(problem),
            };
            let named = |problem| format!("manifest `{}` of `{}` {problem}", row.digest, row.name);
            report.problems.extend(problem.map(named));
        }
    }
}

/// What a manifest names, or what is wrong with it.
fn references(row: &ManifestRow) -> Result<References, String> {
    let digest = row.digest.parse::<Digest>().map_err(|invalid| format!("has no digest: {invalid}"))?;
    let mut hasher = Hasher::new(digest.algorithm());
    hasher.update(&row.bytes);
    let found = hasher.finish();
    if found != digest {
        return Err(format!("has bytes with the digest `{found}`"));
    }
    if usize::try_from(row.size) != Ok(row.bytes.len()) {
        return Err(format!("has {} bytes instead of {}", row.bytes.len(), row.size));
    }
    let manifest = Manifest::parse(&row.media_type, &row.bytes).map_err(|invalid| format!("is none: {invalid}"))?;
    Ok(References::of(manifest).0)
}

/// Every row that names another has it.
async fn check_rows(desk: &Desk, report: &mut Report) -> Result<(), Error> {
    let mut snapshot = desk.db.snapshot().await?;
    let counts = snapshot.counts().await?;
    (report.packages, report.tags) = (counts.packages, counts.tags);
    for (package, tag, digest) in snapshot.dangling_tags().await? {
        report.problems.push(format!("tag `{tag}` of `{package}` names the manifest `{digest}`, which is not there"));
    }
    for (package, digest) in snapshot.dangling_blobs().await? {
        report.problems.push(format!("package `{package}` has the blob `{digest}`, which is not on record"));
    }
    for (table, row, parent) in snapshot.broken_foreign_keys().await? {
        report.problems.push(format!("row {row} of the table `{table}` names a row of `{parent}` that is not there"));
    }
    Ok(())
}

/// Every file in `blobs/` is on record, and every file in `uploads/` belongs to an open upload.
async fn check_files(desk: &Desk, report: &mut Report) -> Result<(), Error> {
    let mut found = ownerless(desk, report).await?;
    for _ in 0..LOOKS {
        if found.is_empty() {
            break;
        }
        time::sleep(PAUSE).await;
        let again = ownerless(desk, report).await?;
        found.retain(|problem| again.contains(problem));
    }
    report.problems.append(&mut found);
    Ok(())
}

async fn ownerless(desk: &Desk, report: &mut Report) -> Result<Vec<String>, Error> {
    let uploads = desk.blobs.run(BlobStore::uploads).await??;
    let listed = uploads.len();
    // The file of an upload that ended since it was listed is gone.
    let is_ownerless = |(path, name): &(PathBuf, String)| !desk.sessions.owns(name) && path.exists();
    let uploads: Vec<_> = uploads.into_iter().filter(is_ownerless).collect();
    report.uploads = (listed - uploads.len()) as u64;
    let uploads = uploads.into_iter().map(|(_, name)| format!("file `uploads/{name}` belongs to no upload"));
    let blobs = leftovers::unrecorded(&desk.db, &desk.blobs).await?;
    let blobs = blobs.into_iter().map(|digest| format!("the file of blob `{digest}` is on no record"));
    Ok(uploads.chain(blobs).collect())
}
