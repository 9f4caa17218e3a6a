//! Who pulls what, where the inventory does not say so: the variables of the role `registry_login`.

use clap::Args;
use pullpass_oci::Reference;
use pullpass_secrets::inventory::{KeyPath, Step};
use serde_json::{Map, Value, json};

use crate::{engines::Choice, login_name::LoginName};

/// Variables of the role. What is not given is the inventory's, or the role's default.
#[derive(Args)]
#[command(next_help_heading = "Who pulls what, if the inventory's registry_login_… variables do not say it")]
pub(super) struct Pulls {
    /// The registry
    #[arg(long, value_name = "REGISTRY")]
    registry: Option<LoginName>,
    /// An image that has to open; may be repeated
    #[arg(long = "image", value_name = "REFERENCE")]
    images: Vec<Reference>,
    /// A user of the hosts who pulls; may be repeated; otherwise whom Ansible connects as
    #[arg(long = "user", value_name = "NAME")]
    users: Vec<String>,
    #[command(flatten)]
    engines: Choice,
    /// The variable with the user of the registry, if it is not iaas_console.ghcr_user
    #[arg(long, value_name = "VARIABLE")]
    username_variable: Option<KeyPath>,
    /// The variable with the token, if it is not iaas_console.ghcr_pat
    #[arg(long, value_name = "VARIABLE")]
    token_variable: Option<KeyPath>,
    /// The program on the hosts, if it is not `pullpass` on PATH
    #[arg(long, value_name = "PATH")]
    executable: Option<String>,
}

impl Pulls {
    /// As variables that go before those of the inventory.
    pub(super) fn variables(&self) -> Map<String, Value> {
        let mut variables = Map::new();
        let mut add = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                variables.insert(format!("registry_login_{name}"), value);
            }
        };
        let template = |path: &KeyPath| json!(format!("{{{{ {path} }}}}"));
        add("registry", self.registry.as_ref().map(|name| json!(name.to_string())));
        let images: Vec<String> = self.images.iter().map(Reference::to_string).collect();
        add("images", Some(json!(images)).filter(|_| !images.is_empty()));
        add("users", self.users());
        add("username", self.username_variable.as_ref().map(template));
        add("token", self.token_variable.as_ref().map(template));
        add("executable", self.executable.as_ref().map(|path| json!(path)));
        variables
    }

    /// The last key of the variable with the token.
    pub(super) fn token_names(&self) -> Vec<&str> {
        let last = match self.token_variable.as_ref().and_then(|path| path.steps().last()) {
            Some(Step::Key(name)) => Some(name.as_str()),
            _ => None,
        };
        vec![last.unwrap_or("ghcr_pat"), "registry_login_token"]
    }

    fn users(&self) -> Option<Value> {
        let engines =
            self.engines.asked().map(|engines| engines.iter().map(|engine| engine.name()).collect::<Vec<_>>());
        let user = |name: Option<&String>| {
            let mut user = Map::new();
            user.extend(name.map(|name| ("name".to_owned(), json!(name))));
            user.extend(engines.as_ref().map(|engines| ("engines".to_owned(), json!(engines))));
            Value::Object(user)
        };
        match self.users.is_empty() {
            true => engines.is_some().then(|| json!([user(None)])),
            false => Some(self.users.iter().map(|name| user(Some(name))).collect()),
        }
    }
}
