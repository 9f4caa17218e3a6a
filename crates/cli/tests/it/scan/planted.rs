//! Tokens in every kind of file that people leave them in, and what looks like tokens and is none.

use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::*;

/// What stands for a token in the text of a file, and what is written there.
type Spelling = (&'static str, fn(&str) -> String);

const SPELLINGS: [Spelling; 8] = [
    ("{token}", str::to_owned),
    ("{auth}", auth),
    ("{unpadded}", |token| URL_SAFE_NO_PAD.encode(format!("octocat:{token}"))),
    ("{lines}", |token| in_lines(&auth(token), 64)),
    ("{identity}", |token| STANDARD.encode(format!(r#"{{"ghcr.io":{{"identitytoken":"{token}"}}}}"#))),
    ("{dockercfg}", |token| STANDARD.encode(format!(r#"{{"ghcr.io":{{"auth":"{}"}}}}"#, auth(token)))),
    ("{secret}", |token| STANDARD.encode(auth_file(token))),
    ("{secret lines}", |token| in_lines(&STANDARD.encode(auth_file(token)), 76)),
];

fn auth(token: &str) -> String {
    STANDARD.encode(format!("octocat:{token}"))
}

fn auth_file(token: &str) -> String {
    format!("{{\n\t\"auths\": {{\n\t\t\"ghcr.io\": {{\n\t\t\t\"auth\": \"{}\"\n\t\t}}\n\t}}\n}}", auth(token))
}

fn in_lines(text: &str, width: usize) -> String {
    text.as_bytes().chunks(width).map(String::from_utf8_lossy).collect::<Vec<_>>().join("\n    ")
}

/// Files as programs and people write them, with one spelling of a token each.
const FILES: [(&str, &str); 33] = [
    (".bash_history", "ls\ndocker login ghcr.io -u octocat -p {token}\nexit\n"),
    (".histfile", ": 1700000000:0;cd\n: 1700000001:5;echo '{token}' | docker login ghcr.io -u me --password-stdin\n"),
    (".local/share/fish/fish_history", "- cmd: export CR_PAT={token}\n  when: 1700000000\n  paths:\n    - a\n"),
    (".netrc", "machine ghcr.io\n  login octocat\n  password {token}\n"),
    (".git-credentials", "https://octocat:{token}@github.com\n"),
    ("clone/.git/config", "[remote \"origin\"]\n\turl = https://x-access-token:{token}@github.com/a/b.git\n"),
    (
        "clone/.git/logs/HEAD",
        "0000 1111 a <a@example.org> 1700000000 +0000\tclone: from https://{token}@github.com/a/b\n",
    ),
    (".docker/config.json", "{\n\t\"auths\": {\n\t\t\"ghcr.io\": {\n\t\t\t\"auth\": \"{auth}\"\n\t\t}\n\t}\n}"),
    (".docker/identity.json", r#"{"auths":{"ghcr.io":{"auth":"b2N0b2NhdDo=","identitytoken":"{token}"}}}"#),
    ("containers/auth.json", "{\"auths\":{\"ghcr.io/octocat\":{\"auth\":\"{auth}\"}}}\n"),
    ("unpadded.json", r#"{"auths":{"ghcr.io":{"auth":"{unpadded}"}}}"#),
    ("wrapped.txt", "    {lines}\n"),
    ("secret.yml", "kind: Secret\ntype: kubernetes.io/dockerconfigjson\ndata:\n  .dockerconfigjson: {secret}\n"),
    ("secret-lines.yml", "kind: Secret\ndata:\n  .dockerconfigjson: |\n    {secret lines}\n"),
    ("secret-old.yml", "type: kubernetes.io/dockercfg\ndata: { .dockercfg: {dockercfg} }\n"),
    ("secret-identity.yml", "data:\n  .dockerconfigjson: \"{identity}\"\n"),
    ("secret-string.yml", "stringData:\n  .dockerconfigjson: '{\"auths\":{\"ghcr.io\":{\"auth\":\"{auth}\"}}}'\n"),
    (".env", "A=1\r\nGHCR_TOKEN=\"{token}\"\r\n"),
    (".npmrc", "@octocat:registry=https://npm.pkg.github.com\n//npm.pkg.github.com/:_authToken={token}\n"),
    ("inventory.yml", "all:\n  vars:\n    iaas_console:\n      ghcr_pat: {token}  # rotate\n"),
    ("group_vars.json", r#"{"ghcr_pat": "{token}", "next": 1}"#),
    ("Dockerfile", "FROM scratch\nARG TOKEN={token}\n"),
    (".github/workflows/ci.yml", "      - run: docker login -p '{token}' ghcr.io\n"),
    ("curl.log", "> Authorization: Basic {auth}\n< HTTP/1.1 200\n> Authorization: Bearer x\n"),
    ("bearer.log", "> Authorization: Bearer {token}\n"),
    ("escaped.json", r#"{"stdout":"docker login\n{token}\nLogin Succeeded"}"#),
    ("no-line-end", "\n\n{token}"),
    ("ignored.secret", "{token}\n"),
    ("word", "abc{token}\n"),
    ("terraform.tfstate", r#"{"value":"{\"auths\":{\"ghcr.io\":{\"auth\":\"{auth}\"}}}"}"#),
    ("query.txt", "GET /?token={token}&page=2\n"),
    ("{utf-16}.ps1", "$user = 'octocat'\r\n$env:GHCR = '{token}'\r\n"),
    ("{noise}.core", "\0GHCR={token}\0HOME=/root\0"),
];

/// Bytes without a pattern.
fn noise(number: usize, length: usize) -> Vec<u8> {
    let mut state = number as u64;
    let mut next = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 40) as u8
    };
    (0..length).map(|_| next()).collect()
}

/// The bytes of a file, in which line the token begins, and whether it is in base64.
fn file(name: &str, text: &str, token: &str, number: usize) -> (Vec<u8>, usize, bool) {
    let (spelling, spell) = SPELLINGS.iter().find(|(spelling, _)| text.contains(spelling)).expect("one spelling");
    let before = match name {
        "{noise}.core" => noise(number, 100_000),
        "group_vars.json" => "{\"a\": [1, 2, 3]}, ".repeat(30_000).into_bytes(),
        _ => Vec::new(),
    };
    let line_ends = |bytes: &[u8]| bytes.iter().filter(|byte| **byte == b'\n').count();
    let line = 1 + line_ends(&before) + line_ends(&text.as_bytes()[..text.find(spelling).expect("one")]);
    let text = text.replace(spelling, &spell(token));
    let bytes = match name {
        "{utf-16}.ps1" => format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect(),
        _ => [before, text.into_bytes()].concat(),
    };
    (bytes, line, *spelling != "{token}")
}

#[test]
fn every_kind_is_found_in_every_kind_of_file_and_nothing_else_is() {
    let home = repository();
    home.write(".gitignore", "*.secret\n");
    decoys(&home);
    let ran = scan(&home, &[]);
    assert!(ran.code == 0 && ran.stderr.starts_with("no token in "), "{ran}");
    let mut expected = BTreeSet::new();
    for (index, (name, text)) in FILES.iter().enumerate() {
        for form in 0..FORMS {
            let number = index * FORMS + form;
            let (bytes, line, is_encoded) = file(name, text, &token(number), number);
            let path = format!("{form}/{name}");
            home.write(&path, bytes);
            let encoded = if is_encoded { " in base64" } else { "" };
            expected.insert(format!("{path}:{line}: {}{encoded}", told(&home, &token(number))));
        }
    }
    let ran = scan(&home, &[]);
    assert_fails(&ran, 1, &[&format!("found {0} tokens in {0} places", FILES.len() * FORMS)]);
    assert_same(&ran, &expected);

    // The same out of git: what is staged, and then what is committed.
    git(&home, &["-c", "core.safecrlf=false", "add", "--all"]).expect_success();
    let tracked = |line: &&String| !line.contains("/.git/") && !line.contains(".secret:");
    let staged: BTreeSet<String> = expected.iter().filter(tracked).cloned().collect();
    assert_same(&scan(&home, &["--staged"]), &staged);
    let commit = commit(&home, "all");
    let committed = staged.iter().map(|line| format!("{}:{line}", &commit[..12])).collect();
    assert_same(&scan(&home, &["--history"]), &committed);
    assert_eq!(scan(&home, &["--staged"]).code, 0);
}

/// Writes what looks like tokens, and is none.
pub(super) fn decoys(home: &Home) {
    let last = |token: &str, by: char| format!("{}{by}", &token[..token.len() - 1]);
    let mut lines = Vec::new();
    for form in 0..FORMS {
        let token = token(form);
        if ![5, 7, 8].contains(&form) {
            // The checksum tells.
            let wrong = last(&token, if token.ends_with('x') { 'y' } else { 'x' });
            lines.extend([wrong.clone(), last(&token, '_'), last(&token, ' '), format!("{wrong}{wrong}")]);
        }
        let short: String = token.chars().take(30).collect();
        lines.extend([short.clone(), token.replace('_', "-"), token.to_uppercase(), token.chars().rev().collect()]);
        let prefix = &token[..token.rfind('_').expect("every token has one") + 1];
        lines.extend([
            format!("{prefix}YourTokenHere"),
            format!("{prefix}{}", "x".repeat(36)),
            format!("high{prefix}level"),
        ]);
        lines.push(format!("docker login -p {prefix}{}", "*".repeat(36)));
    }
    // Kinds that are known by their shape, when it is not quite that.
    let fine_grained = token(8);
    lines.extend([format!("{fine_grained}x"), last(&fine_grained, '-'), fine_grained.replacen("pat_", "pat_x", 1)]);
    lines.extend([format!("ghr{}{}", '_', random(1, 59)), format!("ghr{}{}", '_', random(1, 201))]);
    lines.push(token(5).rsplit_once('.').expect("a JWT").0.to_owned());
    lines.push(token(5).replace("_eyJ", "_abc"));
    for (at, line) in lines.clone().into_iter().enumerate() {
        lines.extend(SPELLINGS[1..].iter().map(|(_, spell)| spell(&line)));
        let wide: Vec<u8> = line.encode_utf16().flat_map(u16::to_le_bytes).collect();
        home.write(&format!("decoys/wide-{at}"), wide);
    }
    home.write("decoys/lines", lines.join("\n"));
    home.write("decoys/one-line", lines.join(" "));
    let integrity = |number| format!("  \"integrity\": \"sha512-{}\",\n", STANDARD.encode(noise(number, 64)));
    home.write("decoys/package-lock.json", (0..4000).map(integrity).collect::<String>());
    home.write("decoys/key.pem", in_lines(&STANDARD.encode(noise(1, 300_000)), 64));
    home.write("decoys/noise", noise(2, 1_000_000));
    home.write("decoys/vault.yml", "a: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  33363665386131396565313238666131\n");
    home.write("decoys/regex", "gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{82}|ppt_\\w+\n");
}
