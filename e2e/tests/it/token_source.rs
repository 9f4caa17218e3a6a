//! Token sources on a terminal, where a person can be asked.

use pullpass_testing::home::Home;

use crate::vault_password::converse;

#[test]
fn a_token_command_can_ask_the_person_although_its_standard_input_is_closed() {
    let home = Home::new();
    let version = "credentialprovider.kubelet.k8s.io/v1";
    let request = format!(r#"{{"apiVersion":"{version}","kind":"CredentialProviderRequest","image":"ghcr.io/a/b"}}"#);
    home.write("request", request);
    let asks = "read -rp 'Master password: ' word </dev/tty 2>/dev/tty; read -r none || echo token-of-$word";
    home.write("ask", asks);
    let words = "kubelet -u octocat --token-from 'cmd:bash ask' < request";
    let ran = converse(&home, words, &[("Master password: ", "me")]);
    assert!(ran.code == 0 && ran.stdout.contains(r#""password":"token-of-me""#), "{ran}");
}

#[test]
fn a_person_types_the_token_without_seeing_it() {
    let home = Home::new();
    let words = "login 127.0.0.1:1 -u octocat --docker --token-from prompt";
    let ran = converse(&home, words, &[("token: ", "typed-and-not-shown")]);
    // Nobody answers at that port; the token was taken.
    assert!(ran.code == 3 && ran.stdout.contains("127.0.0.1:1") && !ran.stdout.contains("typed"), "{ran}");
}
