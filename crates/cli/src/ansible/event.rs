//! What happens in a run.

use serde::Deserialize;
use serde_json::Value;

/// What `events.py` writes a line of.
#[derive(Deserialize)]
pub(crate) struct Event {
    pub(crate) kind: Kind,
    /// Empty for [`Kind::Task`].
    pub(crate) host: String,
    /// The module, `pullpass.registry.login`.
    pub(crate) action: String,
    /// Its name in the playbook.
    pub(crate) task: String,
    /// What a loop is at.
    #[serde(default)]
    pub(crate) item: Value,
    /// What the module returned.
    pub(crate) result: Value,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    /// A task begins.
    Task,
    Ok,
    Failed,
    Unreachable,
    Skipped,
    /// Of a loop.
    Item,
    /// Of a loop.
    ItemFailed,
}

impl Event {
    /// `None` for what is no event of ours.
    pub(super) fn parse(line: &[u8]) -> Option<Event> {
        serde_json::from_slice(line).ok()
    }

    /// The message of a module, or of Ansible with what the host said before a module could run.
    pub(crate) fn message(&self) -> String {
        let texts = ["msg", "module_stderr"].into_iter().filter_map(|name| self.result[name].as_str());
        texts
            .map(|text| text.trim().trim_start_matches("Task failed: "))
            .filter(|text| !text.is_empty())
            .collect::<Vec<_>>()
            .join("\n")
    }

    /// Whether Ansible did not get to the host. Of a loop, its items say so first.
    pub(crate) fn is_unreachable(&self) -> bool {
        self.kind == Kind::Unreachable || self.result["unreachable"] == true
    }
}
