//! What else on this host pulls from the registry: units, quadlets, programs that watch for new images, Kubernetes. Only
//! well-known places are looked at, and only so much of each.

mod compose;
mod kubernetes;
mod quadlet;
mod runner;
mod unit;
mod unit_file;

use std::path::{Path, PathBuf};

use pullpass_client::{
    Failure,
    diagnosis::{Cause, Finding, Fix, judge},
    probe::Evidence,
};
use pullpass_oci::Reference;
use pullpass_secrets::{
    file,
    store::{Credential, Environment, Source},
};

use zeroize::Zeroizing;

use super::super::{
    presented::{Login, Logins},
    report::Found,
};
use crate::logins::name::Name;

/// The longest configuration that is read, in bytes.
const LONGEST: u64 = 256 * 1024;
/// As many files of a directory are looked at.
const MOST: usize = 1024;

/// Something that pulls by itself.
pub(in crate::commands::doctor) struct Service {
    cause: Cause,
    /// The file that says so.
    file: PathBuf,
    /// As in `app.container, podman of root`.
    who: String,
    image: String,
    access: Access,
    fixes: Vec<Fix>,
    /// A login may also come from where nobody here can look.
    is_likely: bool,
}

/// What something presents.
pub(in crate::commands::doctor) enum Access {
    /// One of the distinct credentials.
    Login {
        index: usize,
        source: Source,
        /// A reboot takes it away, and there is no other.
        is_emptied: bool,
    },
    /// One that cannot be tried from here, and whether a reboot takes it away.
    Elsewhere {
        source: String,
        is_emptied: bool,
    },
    /// None; the words say where it looks.
    None(String),
    Broken(String),
    /// Only root can tell.
    Hidden,
}

/// What services are looked for, and what is known of the logins.
pub(in crate::commands::doctor) struct Search<'a> {
    pub(in crate::commands::doctor) name: &'a Name,
    /// Of whoever runs this.
    pub(in crate::commands::doctor) environment: &'a Environment,
    /// The number of a credential that is kept in a file under a key and read by somebody.
    pub(in crate::commands::doctor) number: &'a mut dyn FnMut(&Credential, Place<'_>) -> usize,
    /// The number of the credential with a fingerprint, if it is known.
    pub(in crate::commands::doctor) known: Vec<(String, usize)>,
}

pub(in crate::commands::doctor) struct Place<'a> {
    pub(in crate::commands::doctor) source: &'a Source,
    pub(in crate::commands::doctor) key: &'a str,
    pub(in crate::commands::doctor) reader: &'a str,
}

impl Search<'_> {
    fn registry(&self) -> &str {
        self.name.registry.as_str()
    }

    /// Whether an image is the one that was asked about, or of the registry when none was.
    fn concerns(&self, image: &str) -> bool {
        let Ok(image) = image.strip_prefix("docker://").unwrap_or(image).parse::<Reference>() else { return false };
        let is_meant = |full: &str| full == self.name.full || self.name.full == self.registry();
        image.registry == self.name.registry && is_meant(&format!("{}/{}", image.registry, image.repository))
    }
}

/// Everything of this host that pulls the image that is asked about.
pub(in crate::commands::doctor) fn collect(search: &mut Search<'_>) -> Vec<Service> {
    let mut services = quadlet::collect(search);
    services.extend(unit::collect(search));
    services.extend(compose::collect(search));
    services.extend(kubernetes::collect(search));
    services
}

/// Those that have no login or a dead one.
pub(in crate::commands::doctor) fn findings(evidence: &Evidence, logins: &Logins) -> Vec<Found> {
    let services = logins.services.iter();
    services.filter_map(|service| Some(service.finding(evidence, logins)?.into())).collect()
}

/// What cannot be told.
pub(in crate::commands::doctor) fn notes(evidence: &Evidence, logins: &Logins) -> Vec<String> {
    let note = |service: &Service| {
        let Service { image, who, file, .. } = service;
        match &service.access {
            Access::Hidden => {
                Some(format!("{who} pulls `{image}` ({}): only root can tell with which login", file.display()))
            }
            Access::None(_) if evidence.reference.is_none() && service.cause == Cause::Service => Some(format!(
                "{who} pulls `{image}` without a login ({}): `pullpass doctor {image}` tells whether it needs one",
                file.display()
            )),
            _ => None,
        }
    };
    logins.services.iter().filter_map(note).collect()
}

impl Service {
    /// Whether it presents a credential.
    pub(in crate::commands::doctor) fn presents(&self, credential: usize) -> bool {
        matches!(self.access, Access::Login { index, .. } if index == credential)
    }

    fn finding(&self, evidence: &Evidence, logins: &Logins) -> Option<Finding> {
        let finding = match &self.access {
            Access::Login { index, source, is_emptied } => {
                let credited = evidence.credentials.get(*index)?;
                let problem = judge::credential(evidence, credited, "").into_iter().find(|finding| finding.blocks);
                match problem {
                    // What is said of an engine with the same login in the same place is enough.
                    Some(_) if is_presented(logins, *index, source) => return None,
                    Some(problem) => {
                        let fingerprint = &logins.stored[*index].fingerprint;
                        let finding = self.seen().seen(format!("{fingerprint} in {source}: {}", problem.title()));
                        if problem.certainty == pullpass_client::diagnosis::Certainty::Sure {
                            finding
                        } else {
                            finding.likely()
                        }
                    }
                    None if *is_emptied && needs_login(evidence) => self.seen().seen(emptied(&source.to_string())),
                    None => return None,
                }
            }
            Access::Elsewhere { source, is_emptied: true } if needs_login(evidence) => {
                self.seen().seen(emptied(source))
            }
            Access::None(places) if needs_login(evidence) => self.seen().seen(places.clone()),
            Access::Broken(reason) => self.seen().seen(reason.clone()),
            _ => return None,
        };
        let finding = if self.is_likely { finding.likely() } else { finding };
        Some(self.fixes.iter().cloned().fold(finding, Finding::fix))
    }

    fn seen(&self) -> Finding {
        Finding::new(self.cause).warning().about(self.who.clone()).seen(format!(
            "{} has `{}`",
            self.file.display(),
            self.image
        ))
    }
}

fn emptied(source: &str) -> String {
    format!("its login is in {source}, which a reboot empties, and nowhere else")
}

/// Whether an engine has this login from the same place.
fn is_presented(logins: &Logins, index: usize, source: &Source) -> bool {
    let same = |login: &Login| matches!(login, Login::Stored { source: its, index: number } if *number == index && its == source);
    logins.programs.iter().any(|program| same(&program.login))
}

/// Whether the image does not open to everybody, and is there.
fn needs_login(evidence: &Evidence) -> bool {
    let Err(error) = &evidence.anonymous.outcome else { return false };
    matches!(error.failure, Failure::AuthenticationRequired(_))
        || (!evidence.is_githubs && matches!(error.failure, Failure::AccessDenied(_)))
}

/// A configuration as text, in which secrets may be; none when it is missing, too long, or no file that can be read.
fn text(path: &Path) -> Option<Zeroizing<String>> {
    let metadata = path.metadata().ok()?;
    if !metadata.is_file() || metadata.len() > LONGEST {
        return None;
    }
    let bytes = Zeroizing::new(file::read(path).ok()??);
    str::from_utf8(&bytes).ok().map(|text| Zeroizing::new(text.to_owned()))
}

/// What is in a directory, in the order of its names.
fn entries(directory: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<PathBuf> =
        std::fs::read_dir(directory).into_iter().flatten().flatten().take(MOST).map(|entry| entry.path()).collect();
    entries.sort();
    entries
}

fn has_extension(path: &Path, extensions: &[&str]) -> bool {
    path.extension().is_some_and(|end| extensions.iter().any(|extension| end == *extension))
}

/// How a person calls a file.
fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
