//! Files for the textfile collector of Prometheus's node_exporter: the text format of Prometheus, "Exposition formats".

use std::{
    collections::BTreeSet,
    fmt::Write,
    fs::Permissions,
    io::Write as _,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use pullpass_secrets::token;

use crate::failure::{Failure, OrFail};

/// A token that somebody pasted there would become the name of a file that everybody may see.
pub(crate) fn path(text: &str) -> Result<PathBuf, String> {
    if token::mask(text) == text { Ok(PathBuf::from(text)) } else { Err("there is a token in it".to_owned()) }
}

/// Replaces the file as a whole: the collector may read at any time, as another user.
pub(crate) fn replace(path: &Path, text: &str) -> Result<(), Failure> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let failed = |error: std::io::Error| Failure::unknown(format!("cannot write `{}`: {error}", path.display()));
    let mut file = tempfile::Builder::new().prefix(".pullpass-").tempfile_in(directory).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    file.as_file().set_permissions(Permissions::from_mode(0o644)).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    file.persist(path).map(drop).map_err(|error| error.error).or_unknown()
}

/// The first of several samples that have the same labels, as two entries of one key: the collector takes no file with both.
pub(crate) fn family(text: &mut String, name: &str, help: &str, samples: impl Iterator<Item = (String, String)>) {
    let mut seen = BTreeSet::new();
    let samples: Vec<_> = samples.filter(|(labels, _)| seen.insert(labels.clone())).collect();
    if samples.is_empty() {
        return;
    }
    // Writing to a string does not fail.
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge");
    for (labels, value) in samples {
        let labels = if labels.is_empty() { labels } else { format!("{{{labels}}}") };
        let _ = writeln!(text, "{name}{labels} {value}");
    }
}

/// `name="value"`
pub(crate) fn label(name: &str, value: &str) -> String {
    format!("{name}=\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}
