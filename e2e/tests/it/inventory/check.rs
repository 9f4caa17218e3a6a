//! What `pullpass inventory check` finds, and what ansible-core makes of the same files: it refuses them, fails on the
//! value, or takes another one than a person would think.

use std::fs;
use std::path::Path;

use pullpass_secrets::vault::{self, Password};
use pullpass_testing::home::Home;
use pullpass_testing::run::{Ran, run};
use serde_json::Value;

use super::ansible::{SECRETS, variables, variables_with};
use crate::program::pullpass;

/// What Ansible makes of the host's variable `pat`.
enum Makes {
    /// It does not load the files at all.
    Nothing,
    /// An error when it is used.
    Error,
    Text(String),
}
use Makes::{Error, Nothing, Text};

/// A mistake in a file that is named; its directory has one host.
struct Case {
    name: &'static str,
    file: &'static str,
    text: String,
    /// What is said of it, and at which line and key path.
    problem: &'static str,
    line: u64,
    path: Option<&'static str>,
    makes: Makes,
}

const HOSTS: &str = "all: {hosts: {h: {ansible_connection: local}}}\n";
const VARS: &str = "group_vars/all.yml";

fn encrypted(plaintext: &str, label: Option<&str>) -> String {
    let (_, password) = SECRETS.iter().find(|(known, _)| Some(*known) == label).unwrap_or(&SECRETS[0]);
    let password = Password::from_file(password.as_bytes()).expect("a password");
    vault::encrypt(plaintext.as_bytes(), &password, label).expect("a payload")
}

/// `payload` as a block of YAML under `key`.
fn block(key: &str, payload: &str) -> String {
    payload.lines().fold(format!("{key}\n"), |text, line| format!("{text}  {line}\n"))
}

fn tagged(payload: &str) -> String {
    block("pat: !vault |", payload)
}

/// A token with a right checksum.
fn token() -> String {
    format!("ghp{}{}", '_', "PULLPASSfakeTokenForTests000001SnXls")
}

fn without_last_line(payload: &str) -> String {
    let lines: Vec<&str> = payload.lines().collect();
    lines[..lines.len() - 1].iter().map(|line| format!("{line}\n")).collect()
}

fn cases() -> Vec<Case> {
    let payload = encrypted("the secret", None);
    let in_vars = |name, text, problem, line, path, makes| Case { name, file: VARS, text, problem, line, path, makes };
    let at_pat = |name, text, problem, makes| in_vars(name, text, problem, 1, Some("pat"), makes);
    vec![
        at_pat(
            "trailing blanks",
            tagged(&payload.replace('\n', " \n")),
            "line 2 of the payload has blanks at its ends",
            Error,
        ),
        at_pat("folded", block("pat: !vault >", &payload), "its lines were folded into one", Error),
        at_pat("truncated", tagged(&without_last_line(&payload)), "was cut off", Error),
        Case {
            line: 2,
            ..at_pat("untagged", block("pat: |", &payload), "it has no `!vault` in front", Text(payload.clone()))
        },
        in_vars(
            "commented out",
            format!("pat: plain\n{}", block("# old: !vault |", &payload).replace("\n  ", "\n#   ")),
            "a payload is commented out",
            3,
            None,
            Text("plain".to_owned()),
        ),
        at_pat(
            "a label that can never match",
            tagged(&payload.replacen("1.1;AES256", "1.2;AES256;dév", 1)),
            "its vault id is not ASCII",
            Error,
        ),
        in_vars(
            "the same key twice",
            format!("{}pat: another\n", tagged(&payload)),
            "the key `pat` is there already at line 1; Ansible takes the last one",
            tagged(&payload).lines().count() as u64 + 1,
            None,
            Text("another".to_owned()),
        ),
        at_pat("text under the tag", "pat: !vault plain\n".to_owned(), "is not encrypted", Error),
        at_pat("nothing under the tag", "pat: !vault\n".to_owned(), "the whole file is refused", Nothing),
        at_pat("a mapping under the tag", "pat: !vault {a: b}\n".to_owned(), "the whole file is refused", Nothing),
        at_pat("the old tag", block("pat: !vault-encrypted |", &payload), "goes away", Text("the secret".to_owned())),
        at_pat("another cipher", tagged(&payload.replace("AES256", "AES")), "unknown vault cipher `AES`", Error),
        at_pat("a digit that is none", tagged(&payload.replacen("\n3", "\nx", 1)), "is not hexadecimal", Error),
        at_pat("a wrong password", tagged(&with_other_password()), "wrong vault password", Error),
        at_pat(
            "a line break behind a token",
            tagged(&encrypted(&format!("{}\n", token()), None)),
            "blanks or a line break at its ends",
            Text(format!("{}\n", token())),
        ),
        at_pat("a token in plain text", format!("pat: {}\n", token()), "in plain text", Text(token())),
        in_vars("no YAML", format!("{}b: [\n", tagged(&payload)), "malformed YAML", 9, None, Nothing),
        Case {
            file: "group_vars/all.json",
            ..at_pat(
                "cut off in JSON",
                format!("{{\"pat\": {{\"__ansible_vault\": {}}}}}\n", Value::from(without_last_line(&payload))),
                "was cut off",
                Error,
            )
        },
        in_vars(
            "a blank in front of a whole file",
            format!("\n{}", whole("pat: x\n")),
            "something stands in front of `$ANSIBLE_VAULT`",
            2,
            None,
            Nothing,
        ),
        in_vars(
            "a whole file that was cut off",
            without_last_line(&whole("pat: x\n")),
            "was cut off",
            1,
            None,
            Nothing,
        ),
        in_vars(
            "the same key twice in a whole file",
            whole("pat: one\npat: two\n"),
            "the key `pat` is there already at line 1",
            2,
            None,
            Text("two".to_owned()),
        ),
        in_vars("no YAML in a whole file", whole("pat: [\n"), "in what is encrypted: malformed YAML", 2, None, Nothing),
        Case {
            file: "more.ini",
            ..in_vars(
                "a tag in INI",
                "h pat=!vault\n".to_owned(),
                "plain text in an INI",
                1,
                None,
                Text("!vault".to_owned()),
            )
        },
    ]
}

fn whole(text: &str) -> String {
    encrypted(text, None)
}

fn with_other_password() -> String {
    let password = Password::from_file(b"nobody's").expect("a password");
    vault::encrypt(b"the secret", &password, None).expect("a payload")
}

/// `inventory check` with every password but the one that nobody has.
fn check(home: &Home, path: &Path, environment: &[(&str, &str)]) -> Ran {
    let mut command = pullpass(home);
    command.args(["inventory", "check", "--json"]).arg(path).envs(environment.iter().copied());
    for (label, password) in SECRETS {
        home.write(&format!("pw-{label}"), password);
        command.args(["--vault-id", &format!("{label}@pw-{label}")]);
    }
    run(&mut command)
}

fn findings(ran: &Ran) -> Vec<Value> {
    let answer: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran}"));
    answer["findings"].as_array().expect("a list").clone()
}

#[test]
fn what_is_found_is_what_ansible_refuses_or_takes_for_something_else() {
    let home = Home::new();
    let cases = cases();
    let directory = |number: usize| home.path().join(format!("case-{number}"));
    let mut failures = Vec::new();
    for (number, case) in cases.iter().enumerate() {
        home.write(&format!("case-{number}/hosts.yml"), HOSTS);
        let path = home.write(&format!("case-{number}/{}", case.file), &case.text);
        let ran = check(&home, &directory(number), &[]);
        let found = findings(&ran);
        let is_it = |finding: &Value| {
            finding["problem"].as_str().is_some_and(|problem| problem.contains(case.problem))
                && finding["line"] == case.line
                && finding["path"].as_str() == case.path
                && finding["file"].as_str() == path.to_str()
        };
        let is_all = ran.code == 1 && found.len() == 1 && is_it(&found[0]);
        failures.extend((!is_all).then(|| format!("{}: {ran}\n{}", case.name, case.text)));
    }
    let sources: Vec<_> = (0..cases.len()).map(directory).collect();
    for (case, seen) in cases.iter().zip(variables(&home, &sources)) {
        let pat = &seen["hosts"]["h"]["pat"];
        let is_made = match &case.makes {
            Nothing => seen["error"].is_string(),
            Error => pat["error"].is_string(),
            Text(text) => pat == text,
        };
        failures.extend((!is_made).then(|| format!("{}: Ansible makes {seen} of it", case.name)));
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

#[test]
fn a_label_without_a_password_is_found_where_only_matching_ones_count() {
    let home = Home::new();
    home.write("all/hosts.yml", HOSTS);
    home.write(&format!("all/{VARS}"), tagged(&encrypted("the secret", Some("nobody"))));
    let all = home.path().join("all");
    let only_matching = [("ANSIBLE_VAULT_ID_MATCH", "1")];
    let ran = check(&home, &all, &only_matching);
    assert!(ran.code == 1 && findings(&ran)[0]["problem"].to_string().contains("labelled `nobody`"), "{ran}");
    assert!(variables_with(&home, &[&all], &only_matching)[0]["hosts"]["h"]["pat"]["error"].is_string());
    // Otherwise a label is but a hint.
    assert_eq!(check(&home, &all, &[]).code, 0);
    assert_eq!(variables(&home, &[&all])[0]["hosts"]["h"]["pat"], "the secret");
}

#[test]
fn nothing_is_found_in_what_ansible_reads() {
    let home = Home::new();
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/secrets/tests/fixtures/inventories");
    for entry in fs::read_dir(from).expect("the fixtures") {
        let path = entry.expect("a readable entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let is_rejected = ["11-", "20b-", "21-"].iter().any(|number| name.starts_with(number));
        if path.is_file() && !is_rejected && name.ends_with(".yml") {
            home.write(&format!("all/{name}"), fs::read(&path).expect("a fixture"));
        }
    }
    // Without a password: the checksums of their tokens are wrong on purpose.
    let ran = run(pullpass(&home).args(["inventory", "check", "all"]));
    assert!(ran.code == 0 && ran.stderr.contains("nothing wrong in 18 encrypted values of 11 files"), "{ran}");

    home.write("clean/hosts.yml", HOSTS);
    home.write(
        "clean/group_vars/all/vars.yml",
        format!("pat: '{{{{ vault_pat }}}}'\nb: 1\n{}", block("c: !vault |", &encrypted(&token(), Some("dev")))),
    );
    home.write("clean/group_vars/all/vault.yml", whole(&format!("vault_pat: {}\n", token())));
    home.write("clean/README.md", block("    pat: !vault |", &without_last_line(&encrypted("an example", None))));
    let clean = home.path().join("clean");
    let ran = check(&home, &clean, &[]);
    assert!(ran.code == 0 && findings(&ran).is_empty(), "{ran}");
    assert_eq!(variables(&home, &[clean])[0]["hosts"]["h"]["pat"], token());
}
