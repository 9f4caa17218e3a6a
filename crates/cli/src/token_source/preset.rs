//! Password managers and secret stores that are asked through their own programs.

use pullpass_secrets::inventory::{KeyPath, Step};

use super::command::{Command, Format};

/// How one of them is asked.
pub(super) struct Preset {
    scheme: &'static str,
    /// How a person writes the source.
    spelling: &'static str,
    pub(super) product: &'static str,
    /// What to do before it can be asked; words behind "install it, then".
    pub(super) sign_in: &'static str,
    /// What tells whether that was done.
    check: &'static str,
    format: Format,
    /// The program and its arguments, for what is behind the scheme; `None` when that is not spelled so.
    words: fn(&str) -> Option<Vec<String>>,
}

impl Preset {
    /// What to do when it gave nothing: its own words went to the person and are not known here.
    pub(super) fn hint(&self) -> String {
        format!("`{}` tells whether it is ready; {}", self.check, self.sign_in)
    }
}

const PRESETS: [Preset; 10] = [
    Preset {
        scheme: "op",
        spelling: "op://VAULT/ITEM/FIELD",
        product: "the 1Password CLI",
        sign_in: "sign in with `op signin`, or set `OP_SERVICE_ACCOUNT_TOKEN`",
        check: "op whoami",
        format: Format::Plain,
        words: |rest| {
            let path =
                rest.strip_prefix("//").filter(|path| path.split('/').filter(|part| !part.is_empty()).count() >= 3)?;
            Some(words(&["op", "read", "--no-newline", &format!("op://{path}")]))
        },
    },
    Preset {
        scheme: "bw",
        spelling: "bw:ITEM",
        product: "the Bitwarden CLI",
        sign_in: "unlock it with `bw unlock` and export the `BW_SESSION` that it prints",
        check: "bw status",
        format: Format::Plain,
        // It asks for the master password otherwise, where it cannot be answered.
        words: |item| Some(words(&["bw", "--nointeraction", "get", "password", item])),
    },
    Preset {
        scheme: "bws",
        spelling: "bws:SECRET-ID",
        product: "the Bitwarden Secrets Manager CLI",
        sign_in: "set `BWS_ACCESS_TOKEN`",
        check: "bws project list",
        format: Format::JsonValue,
        words: |id| Some(words(&["bws", "secret", "get", id, "--output", "json"])),
    },
    Preset {
        scheme: "pass",
        spelling: "pass:NAME",
        product: "pass",
        sign_in: "make a store with `pass init GPG-ID`",
        check: "pass ls",
        format: Format::FirstLine,
        words: |name| Some(words(&["pass", "show", name])),
    },
    Preset {
        scheme: "aws-sm",
        spelling: "aws-sm:SECRET-ID",
        product: "the AWS CLI",
        sign_in: "sign in with `aws sso login` or `aws configure`, and name a region",
        check: "aws sts get-caller-identity",
        format: Format::Json,
        words: |id| {
            let query = ["--query", "SecretString", "--output", "json"];
            Some(words(&[&["aws", "secretsmanager", "get-secret-value", "--secret-id", id][..], &query].concat()))
        },
    },
    Preset {
        scheme: "gcp-sm",
        spelling: "gcp-sm:NAME or gcp-sm:projects/PROJECT/secrets/NAME",
        product: "the Google Cloud CLI",
        sign_in: "sign in with `gcloud auth login`, and name a project",
        check: "gcloud auth list",
        format: Format::Plain,
        words: gcloud,
    },
    Preset {
        scheme: "azkv",
        spelling: "azkv:VAULT/NAME",
        product: "the Azure CLI",
        sign_in: "sign in with `az login`",
        check: "az account show",
        format: Format::Json,
        words: |rest| {
            let (vault, name) = rest.split_once('/').filter(|(vault, name)| is_name(vault) && is_name(name))?;
            let show = ["az", "keyvault", "secret", "show", "--vault-name", vault, "--name", name];
            Some(words(&[&show[..], &["--query", "value", "--output", "json"]].concat()))
        },
    },
    Preset {
        scheme: "sops",
        spelling: "sops:FILE#KEYPATH",
        product: "SOPS",
        sign_in: "name its key, for example in `SOPS_AGE_KEY_FILE`",
        check: "sops filestatus FILE",
        format: Format::Plain,
        words: |rest| {
            let (file, path) = rest.split_once('#').filter(|(file, _)| is_name(file))?;
            Some(words(&["sops", "decrypt", "--extract", &brackets(path)?, file]))
        },
    },
    Preset {
        scheme: "k8s",
        spelling: "k8s:NAMESPACE/NAME#KEY",
        product: "kubectl",
        sign_in: "name a cluster and a user, for example in `KUBECONFIG`",
        check: "kubectl auth whoami",
        format: Format::Base64,
        words: kubectl,
    },
    Preset {
        scheme: "gh",
        spelling: "gh: or gh:HOST",
        product: "the GitHub CLI",
        sign_in: "sign in with `gh auth login --scopes read:packages`",
        check: "gh auth status",
        format: Format::Plain,
        words: |host| match host {
            "" => Some(words(&["gh", "auth", "token"])),
            host => Some(words(&["gh", "auth", "token", "--hostname", host])),
        },
    },
];

/// The command of a source, if it is one of these; an error when it is not spelled as they are.
pub(super) fn parse(text: &str) -> Option<Result<Command, String>> {
    let (scheme, rest) = text.split_once(':')?;
    let preset = PRESETS.iter().find(|preset| preset.scheme == scheme)?;
    // An empty name could mean everything there is, and a dash would be read as an option.
    let is_usable = scheme == "gh" && rest.is_empty() || is_name(rest);
    let words = Some(rest).filter(|_| is_usable).and_then(preset.words);
    let spelled = words.ok_or_else(|| format!("such a source is spelled {}", preset.spelling));
    Some(spelled.and_then(|words| Ok(Command::new(words, preset.format, Some(preset))?)))
}

/// How each is spelled, for a person who has to choose.
pub(super) fn spellings() -> String {
    PRESETS.map(|preset| format!("`{}`", preset.spelling)).join(", ")
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && !text.starts_with('-') && !text.contains(char::is_control)
}

fn gcloud(rest: &str) -> Option<Vec<String>> {
    let access = ["gcloud", "--quiet", "secrets", "versions", "access"];
    let named = match rest.split('/').collect::<Vec<_>>().as_slice() {
        [name] => words(&["latest", &format!("--secret={name}")]),
        ["projects", project, "secrets", name] if is_name(project) && is_name(name) => {
            words(&[&format!("{rest}/versions/latest")])
        }
        ["projects", _, "secrets", _, "versions", _] => words(&[rest]),
        _ => return None,
    };
    Some([words(&access), named].concat())
}

fn kubectl(rest: &str) -> Option<Vec<String>> {
    let is_in = |more: &'static str| {
        move |text: &str| is_name(text) && text.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c))
    };
    let (secret, key) = rest.split_once('#').filter(|(_, key)| is_in("-._")(key))?;
    let (namespace, name) =
        secret.split_once('/').filter(|(namespace, name)| is_in("-")(namespace) && is_in("-.")(name))?;
    // A dot would lead into the value.
    let path = format!("jsonpath={{.data.{}}}", key.replace('.', "\\."));
    Some(words(&["kubectl", "--namespace", namespace, "get", "secret", name, "--output", &path]))
}

/// The path to a value as SOPS writes it, `["a"]["b"][0]`, for one that is spelled so or is a key path.
fn brackets(path: &str) -> Option<String> {
    if path.starts_with("[\"") || path.starts_with("['") {
        return Some(path.to_owned());
    }
    let path: KeyPath = path.parse().ok()?;
    let steps = path.steps().iter().map(|step| match step {
        Step::Key(key) => format!("[{}]", serde_json::Value::from(key.as_str())),
        Step::Item(index) => format!("[{index}]"),
    });
    Some(steps.collect())
}
