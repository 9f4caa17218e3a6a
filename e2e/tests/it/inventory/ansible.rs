//! What ansible-core makes of inventories, in one process of Python for many of them.

use std::path::Path;

use pullpass_testing::home::Home;
use pullpass_testing::run::run_with_input;
use serde_json::{Value, json};

use crate::program::ansible;

/// Labels and passwords of the fixtures.
pub(super) const SECRETS: [(&str, &str); 3] = [("default", "fixture-pw"), ("dev", "dev-pw"), ("prod", "prod-pw")];

/// Of each source, `{"hosts": {HOST: {NAME: VALUE}}}` or `{"error": TEXT}`; see `e2e/fixtures/ansible_inventory.py`.
pub(super) fn variables(home: &Home, sources: &[impl AsRef<Path>]) -> Vec<Value> {
    variables_with(home, sources, &[])
}

/// [`variables`] with more in its environment.
pub(super) fn variables_with(home: &Home, sources: &[impl AsRef<Path>], environment: &[(&str, &str)]) -> Vec<Value> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/ansible_inventory.py");
    let sources: Vec<&Path> = sources.iter().map(AsRef::as_ref).collect();
    let request = json!({ "secrets": SECRETS, "sources": sources });
    let mut python = ansible(home, "python");
    python.arg(script).envs(environment.iter().copied());
    let answer = run_with_input(&mut python, &request.to_string()).expect_success();
    let answers: Vec<Value> = serde_json::from_str(&answer).expect("a list");
    assert_eq!(answers.len(), sources.len());
    answers
}
