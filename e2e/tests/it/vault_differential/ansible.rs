//! ansible-core's own vault classes, in one process of Python that answers line by line.

use std::io::Write as _;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use pullpass_testing::home::Home;
use pullpass_testing::run::wait;
use serde_json::{Value, json};

use crate::program::ansible;

/// How long an answer may take on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);

/// The process. It ends when this is dropped.
pub(super) struct Ansible {
    child: Child,
    requests: Option<ChildStdin>,
    answers: Receiver<String>,
}

impl Ansible {
    /// Starts it in `home`, with `variables` in its environment.
    pub(super) fn start(home: &Home, variables: &[(&str, &str)]) -> Ansible {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/ansible_vault.py");
        let mut command = ansible(home, "python");
        command.arg(script).envs(variables.iter().copied()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("python starts");
        let output = BufReader::new(child.stdout.take().expect("a piped standard output"));
        let (sender, answers) = channel();
        // So that waiting for an answer can end; this thread ends with the process.
        thread::spawn(move || output.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Ansible { requests: child.stdin.take(), child, answers }
    }

    /// `VaultLib.encrypt`; the error is Ansible's own.
    pub(super) fn encrypt(
        &mut self,
        plaintext: &[u8],
        password: &[u8],
        label: Option<&str>,
        salt: &[u8],
    ) -> Result<Vec<u8>, String> {
        let answer = self.ask(&json!({
            "do": "encrypt",
            "plaintext": STANDARD.encode(plaintext),
            "password": STANDARD.encode(password),
            "label": label,
            "salt": STANDARD.encode(salt),
        }));
        bytes(&answer, "payload")
    }

    /// `VaultLib.decrypt` with labelled passwords, likewise.
    pub(super) fn decrypt(&mut self, payload: &[u8], passwords: &[(&str, &[u8])]) -> Result<Vec<u8>, String> {
        let passwords: Vec<_> =
            passwords.iter().map(|(label, password)| json!([label, STANDARD.encode(password)])).collect();
        let answer = self.ask(&json!({ "do": "decrypt", "payload": STANDARD.encode(payload), "secrets": passwords }));
        bytes(&answer, "plaintext")
    }

    /// The label in the header of what it takes for vault data.
    pub(super) fn label(&mut self, payload: &[u8]) -> Option<String> {
        let answer = self.ask(&json!({ "do": "label", "payload": STANDARD.encode(payload) }));
        answer["label"].as_str().map(str::to_owned)
    }

    /// A payload with a right MAC of `text` as it is, which lacks the padding.
    pub(super) fn seal(&mut self, text: &[u8], password: &[u8], salt: &[u8]) -> Vec<u8> {
        let answer = self.ask(&json!({
            "do": "seal",
            "text": STANDARD.encode(text),
            "password": STANDARD.encode(password),
            "salt": STANDARD.encode(salt),
        }));
        bytes(&answer, "payload").expect("a payload")
    }

    fn ask(&mut self, request: &Value) -> Value {
        let requests = self.requests.as_mut().expect("open until it is dropped");
        writeln!(requests, "{request}").expect("python reads");
        let answer = self.answers.recv_timeout(LIMIT).expect("python answers");
        serde_json::from_str(&answer).expect("an answer is JSON")
    }
}

impl Drop for Ansible {
    fn drop(&mut self) {
        self.requests = None;
        if wait(&mut self.child, LIMIT).is_none() {
            drop(self.child.kill());
            drop(self.child.wait());
        }
    }
}

/// The bytes under `name`, else the error that is there instead.
fn bytes(answer: &Value, name: &str) -> Result<Vec<u8>, String> {
    let text = answer[name].as_str().ok_or_else(|| answer["error"].to_string())?;
    Ok(STANDARD.decode(text).expect("bytes are in base64"))
}
