mod corpus;

use std::{fs, path::Path};

use proptest::prelude::*;
use pullpass_secrets::{
    inventory::{self, Found, InventoryError, KeyPath, KeyPathError, NewValue, Step, Value},
    vault::{self, Password},
};

const SALT: &[u8; 32] = b"pullpass-test-vector-salt-32byte";
const PAYLOAD: &str = "$ANSIBLE_VAULT;1.1;AES256\n3738\n3940\n";

/// File, key path, vault id, and the number at the end of the token there.
const VALUES: [(&str, &str, &str, u32); 19] = [
    ("01-basic.yml", "all.vars.iaas_console.ghcr_pat", "default", 1),
    ("02-comments-layout.yml", "all.vars.iaas_console.ghcr_pat", "default", 2),
    ("03-anchors-aliases.yml", "all.vars._tok", "default", 3),
    ("03-anchors-aliases.yml", "all.vars._tok2", "default", 31),
    ("05-crlf.yml", "all.vars.iaas_console.ghcr_pat", "default", 5),
    ("07-quoted-keys.yml", "all.vars.iaas_console.ghcr_pat", "default", 7),
    ("07-quoted-keys.yml", "all.vars.iaas_console.\"it's.quoted: yes\"", "default", 71),
    ("07-quoted-keys.yml", "all.vars.iaas_console.complex", "default", 72),
    ("07-quoted-keys.yml", "all.vars.iaas_console.café_pat", "default", 73),
    ("09-nested-groups.yml", EU, "default", 91),
    ("09-nested-groups.yml", "all.children.production.vars.iaas_console.ghcr_pat", "prod", 92),
    ("09-nested-groups.yml", "all.children.staging.vars.iaas_console.ghcr_pat", "dev", 93),
    ("09-nested-groups.yml", "all.vars.iaas_console.ghcr_pat", "default", 90),
    ("12-document-markers.yml", "all.vars.iaas_console.ghcr_pat", "default", 12),
    ("13-flow.yml", "all.vars.iaas_console.ghcr_pat", "default", 13),
    ("17-bom.yml", "all.vars.iaas_console.ghcr_pat", "default", 17),
    ("20-tabs.yml", "all.vars.iaas_console.ghcr_pat", "default", 20),
    // Through an alias, and through a merge key and an alias.
    ("03-anchors-aliases.yml", "all.vars.observability.ghcr_pat", "default", 31),
    ("03-anchors-aliases.yml", "all.vars.iaas_console.ghcr_pat", "default", 3),
];
const EU: &str = "all.children.production.children.eu.hosts.\"db.eu.example.net\".iaas_console.ghcr_pat";

fn fixture(name: &str) -> Vec<u8> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/inventories");
    fs::read(directory.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn path(text: &str) -> KeyPath {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn get(text: &str, at: &str) -> Option<Value> {
    inventory::get(text.as_bytes(), &path(at)).unwrap_or_else(|error| panic!("{at}: {error}"))
}

fn payload_at(bytes: &[u8], at: &KeyPath) -> String {
    match inventory::get(bytes, at) {
        Ok(Some(Value::Vault(payload))) => payload,
        Ok(_) => panic!("no payload at {at}"),
        Err(error) => panic!("{at}: {error}"),
    }
}

fn set(text: &str, at: &str, value: NewValue) -> Result<String, InventoryError> {
    let edited = inventory::set(Some(text.as_bytes()), &path(at), &value)?;
    Ok(String::from_utf8(edited).expect("UTF-8"))
}

fn vault() -> NewValue {
    NewValue::Vault(PAYLOAD.to_owned())
}

fn plain(text: &str) -> NewValue {
    NewValue::Plain(text.to_owned())
}

/// Every secret's path and payload, but the one at `except`.
fn others(bytes: &[u8], except: &KeyPath) -> Vec<(String, String)> {
    let entries = inventory::show(bytes).expect("a readable file");
    let other = entries.into_iter().filter(|entry| entry.path != *except);
    let payload = |value| match value {
        Found::Vault { payload, .. } => payload,
        Found::PlainToken(secret) | Found::Text(secret) => secret.reveal().to_owned(),
        Found::Reference(variable) => variable.to_string(),
    };
    other.map(|entry| (entry.path.to_string(), payload(entry.value))).collect()
}

#[test]
fn every_fixture_opens_with_its_password() {
    for (file, at, id, number) in VALUES {
        let password = Password::from_file(&fixture(&format!(".pw-{id}"))).unwrap();
        let payload = payload_at(&fixture(file), &path(at));
        let token = vault::decrypt(payload.as_bytes(), &password).unwrap();
        let shown = std::str::from_utf8(&token).unwrap();
        assert!(shown.starts_with("ghp_FIXTURE0") && shown.len() == 40, "{file} {at}: {shown}");
        assert!(shown.ends_with(&format!("0{number}")), "{file} {at}: {shown}");
        assert_eq!(vault::label(payload.as_bytes()).unwrap_or("default".to_owned()), id);
    }
}

#[test]
fn show_lists_every_payload_where_it_is_written() {
    for (file, count) in
        [("01-basic.yml", 1), ("03-anchors-aliases.yml", 2), ("07-quoted-keys.yml", 4), ("09-nested-groups.yml", 4)]
    {
        let entries = inventory::show(&fixture(file)).unwrap();
        assert_eq!(entries.len(), count, "{file}");
        for entry in entries {
            let line = String::from_utf8(fixture(file)).unwrap().lines().nth(entry.line - 1).unwrap().to_owned();
            assert!(line.contains("!vault"), "{file}:{}: {line}", entry.line);
        }
    }
    let text =
        "a:\n  plain: ghp_notChecked\n  json: {__ansible_vault: \"$ANSIBLE_VAULT;1.2;AES256;dev\\n00\"}\n  other: x\n";
    let entries = inventory::show(text.as_bytes()).unwrap();
    let shown: Vec<_> = entries.iter().map(|entry| (entry.path.to_string(), entry.line)).collect();
    assert_eq!(shown, [("a.plain".to_owned(), 2), ("a.json".to_owned(), 3)]);
    assert!(matches!(&entries[0].value, Found::PlainToken(token) if token.reveal() == "ghp_notChecked"));
    assert!(matches!(&entries[1].value, Found::Vault { label: Some(label), .. } if label == "dev"));
}

#[test]
fn replacing_a_payload_touches_nothing_else_and_can_be_undone_to_the_byte() {
    for (file, at, id, _) in &VALUES[..17] {
        let (before, at) = (fixture(file), path(at));
        let old = payload_at(&before, &at);
        let label = Some(*id).filter(|id| *id != "default");
        let password = Password::from_file(b"new").unwrap();
        let new = vault::encrypt_with_salt(&[b'x'; 100], &password, label, SALT).unwrap();
        let after = inventory::set(Some(&before), &at, &NewValue::Vault(new.clone())).unwrap();
        assert_eq!(payload_at(&after, &at).trim_end(), new.trim_end(), "{file}");
        assert_eq!(others(&after, &at), others(&before, &at), "{file}");
        // What differs is digits, blanks, and the escapes of line breaks.
        let same = before.iter().zip(&after).take_while(|(a, b)| a == b).count();
        let room = before.len().min(after.len()) - same;
        let same_behind = before.iter().rev().zip(after.iter().rev()).take(room).take_while(|(a, b)| a == b).count();
        let changed = &before[same..before.len() - same_behind];
        let is_payload = |byte: &u8| byte.is_ascii_hexdigit() || byte.is_ascii_whitespace() || b"\\n".contains(byte);
        assert!(changed.iter().all(is_payload), "{file}: {}", String::from_utf8_lossy(changed));
        let again = inventory::set(Some(&after), &at, &NewValue::Vault(old)).unwrap();
        assert!(again == before, "{file} did not come back as it was");
    }
}

#[test]
fn line_ends_and_a_missing_final_newline_stay() {
    let crlf = inventory::set(Some(&fixture("05-crlf.yml")), &path("all.vars.new.ghcr_pat"), &vault()).unwrap();
    let lines = crlf.iter().filter(|byte| **byte == b'\n').count();
    assert_eq!(crlf.windows(2).filter(|pair| pair == b"\r\n").count(), lines);
    assert_eq!(set("a: 1", "b", plain("x")).unwrap(), "a: 1\nb: x");
    assert_eq!(set("a: 1", "a", vault()).unwrap(), "a: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  3738\n  3940");
    let last = set("k: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  00", "k", vault()).unwrap();
    assert_eq!(last, "k: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  3738\n  3940");
}

#[test]
fn a_file_is_made_from_nothing() {
    let made = inventory::set(None, &path("all.vars.iaas_console.ghcr_user"), &plain("octocat")).unwrap();
    let made = String::from_utf8(made).unwrap();
    let both = set(&made, "all.vars.iaas_console.ghcr_pat", vault()).unwrap();
    insta::assert_snapshot!(both, @r"
    all:
      vars:
        iaas_console:
          ghcr_user: octocat
          ghcr_pat: !vault |
            $ANSIBLE_VAULT;1.1;AES256
            3738
            3940
    ");
    assert!(both.ends_with("3940\n"));
    assert_eq!(set("# a comment", "a.b", plain("1.0")).unwrap(), "# a comment\na:\n  b: \"1.0\"");
    assert_eq!(set("---\n", "a", plain("x")).unwrap(), "---\na: x\n");
    assert_eq!(set("\n", "a", plain("x")).unwrap(), "\na: x\n");
}

#[test]
fn missing_keys_and_mappings_are_added_in_the_files_own_indentation() {
    let text = "\
all:   # comment
    hosts:
        h1: {a: 1}
        h2: {}
        h3:    # nothing yet
    # before vars
    vars:
        keep: |+
            text

        last: x   # trailing
        # after the last
";
    let new = |at| set(text, at, plain("octocat")).unwrap();
    let added = |line: &str, behind: &str| text.replacen(behind, &format!("{behind}{line}"), 1);
    assert_eq!(new("all.vars.user"), added("        user: octocat\n", "last: x   # trailing\n"));
    assert_eq!(new("all.vars.m.user"), added("        m:\n            user: octocat\n", "last: x   # trailing\n"));
    assert_eq!(new("all.hosts.h3.user"), added("            user: octocat\n", "h3:    # nothing yet\n"));
    assert_eq!(new("all.hosts.h1.user"), text.replace("{a: 1}", "{a: 1, user: octocat}"));
    assert_eq!(new("all.hosts.h2.m.user"), text.replace("{}", "{m: {user: octocat}}"));
    assert_eq!(new("other"), text.replace("        # after the last\n", "other: octocat\n        # after the last\n"));
    let flow = set(text, "all.hosts.h2.pat", vault()).unwrap();
    assert_eq!(flow, text.replace("{}", r#"{pat: !vault "$ANSIBLE_VAULT;1.1;AES256\n3738\n3940\n"}"#));
}

#[test]
fn a_plain_value_becomes_a_block_and_its_comment_stays() {
    let block = "\n      $ANSIBLE_VAULT;1.1;AES256\n      3738\n      3940";
    for (value, head) in [
        ("ghp_x", "!vault |"),
        ("'q''q' # why", "!vault | # why"),
        ("\"q\\\"#q\"   # why", "!vault |   # why"),
        ("a b\n      c d  # why", "!vault |  # why"),
        ("&x ghp_x # why", "&x !vault | # why"),
        ("!!str &x 'y'", "&x !vault |"),
        ("|  # why\n      text\n      more", "!vault |  # why"),
        ("null", "!vault |"),
    ] {
        let text = format!("a:\n  b:\n    k: {value}\n    z: 1\n");
        assert_eq!(set(&text, "a.b.k", vault()).unwrap(), format!("a:\n  b:\n    k: {head}{block}\n    z: 1\n"));
    }
    let empty = set("a:\n  b:\n    k:  # none\n    z: 1\n", "a.b.k", vault()).unwrap();
    assert_eq!(empty, format!("a:\n  b:\n    k: !vault |  # none{block}\n    z: 1\n"));
    let item = set("l:\n- a\n- {k: v}\n", "l[0]", vault()).unwrap();
    assert_eq!(item, "l:\n- !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  3738\n  3940\n- {k: v}\n");
    let items = "l:\n  - |  # - |\n\n    one\n  - - >-\n      two\n";
    assert_eq!(set(items, "l[0]", plain("x")).unwrap(), items.replace("|  # - |\n\n    one", "x  # - |"));
    assert_eq!(set(items, "l[1][0]", plain("x")).unwrap(), items.replace(">-\n      two", "x"));
    assert_eq!(set(items, "m", plain("x")).unwrap(), format!("{items}m: x\n"));
}

#[test]
fn what_stands_below_a_block_without_a_line_is_no_part_of_it() {
    for (header, gap) in [("|", ""), (">-", ""), ("|+", "\n\n"), ("!vault |", ""), ("&a |", "\n")] {
        let text = format!("a:\n    b: {header}\n{gap}    # a comment\n    c: 1\n");
        let edited = set(&text, "a.b", plain("new")).unwrap();
        let anchor = if header.starts_with('&') { "&a " } else { "" };
        assert_eq!(edited, format!("a:\n    b: {anchor}new\n{gap}    # a comment\n    c: 1\n"), "{text}");
        let without = inventory::unset(text.as_bytes(), &path("a.b")).unwrap().expect("it was there");
        assert!(String::from_utf8_lossy(&without).ends_with("    # a comment\n    c: 1\n"), "{text}");
    }
}

#[test]
fn other_forms_of_payloads_keep_their_form() {
    let new = "$ANSIBLE_VAULT;1.1;AES256\\n3738\\n3940\\n";
    for (old, expected) in [
        (r#"!vault "$A\n00" # c"#, format!("!vault \"{new}\" # c")),
        // In YAML, Ansible takes no such mapping for a payload.
        (r#"{__ansible_vault: "$A\n00"} # c"#, format!("!vault \"{new}\" # c")),
        (r#"{x: !vault "$A\n00", y: 1}"#, format!("{{x: !vault \"{new}\", y: 1}}")),
    ] {
        let at = if old.starts_with("{x") { "k.x" } else { "k" };
        assert_eq!(set(&format!("k: {old}\nz: 1\n"), at, vault()).unwrap(), format!("k: {expected}\nz: 1\n"));
    }
    for header in ["|", "|-", "|+", "|2", ">  # folded"] {
        let break_ = if header.starts_with('>') { "\n\n" } else { "\n" };
        let block = |lines: &[&str]| format!("k: !vault {header}\n  {}\nz: 1\n", lines.join(&format!("{break_}  ")));
        let expected = block(&["$ANSIBLE_VAULT;1.1;AES256", "3738", "3940"]);
        assert_eq!(set(&block(&["$ANSIBLE_VAULT;1.1;AES256", "00"]), "k", vault()).unwrap(), expected);
    }
    let json = r#"{"all": {"vars": {"pat": {"__ansible_vault": "$A\n00"}}}}"#;
    assert!(set(json, "all.vars.pat", vault()).unwrap().contains(&format!("{{\"__ansible_vault\": \"{new}\"}}")));
}

#[test]
fn plain_texts_are_quoted_where_yaml_would_read_something_else() {
    for text in [
        "yes",
        "No",
        "1.0",
        "null",
        "~",
        "",
        "@x",
        ": ",
        "a: b",
        "a #b",
        "0x1f",
        "2026-01-01",
        "- a",
        "{{ x }}",
        " a",
        "é\n\t\u{85}\u{feff}",
    ] {
        let edited = set("k: old # c\n", "k", plain(text)).unwrap();
        assert!(edited.starts_with("k: \"") && edited.ends_with("\" # c\n"), "{edited}");
        assert!(get(&edited, "k") == Some(Value::Plain(text.to_owned())), "{edited}");
    }
    assert_eq!(set("k: old\n", "k", plain("octo-cat")).unwrap(), "k: octo-cat\n");
    assert_eq!(set("k: 'old'\n", "k", plain("it's")).unwrap(), "k: 'it''s'\n");
    assert_eq!(set("k: \"old\"\n", "k", plain("octocat")).unwrap(), "k: \"octocat\"\n");
    assert_eq!(set("k: !vault |  # c\n  $A\n  00\nz: 1\n", "k", plain("x")).unwrap(), "k: x  # c\nz: 1\n");
    assert_eq!(set("a: 1\n", "\"yes\"", plain("x")).unwrap(), "a: 1\n\"yes\": x\n");
}

#[test]
fn what_cannot_be_edited_safely_is_refused_with_its_place() {
    let refused = |text: &str, at: &str| set(text, at, vault()).unwrap_err().to_string();
    let anchors = String::from_utf8(fixture("03-anchors-aliases.yml")).unwrap();
    let alias = refused(&anchors, "all.vars.observability.ghcr_pat");
    assert!(alias.contains("line 27") && alias.contains("`all.vars._tok2` at line 11"), "{alias}");
    assert!(refused(&anchors, "all.vars.iaas_console.ghcr_pat").contains("merge key"));
    let twice = refused("a:\n  k: 1\n  l: 2\n  k: 3\n", "a.k");
    assert!(twice.contains("line 2") && twice.contains("line 4"), "{twice}");
    assert!(refused("a: [1]\n", "a.b").contains("line 1 is not a mapping"));
    assert!(refused("a: {b: 1}\n", "a").contains("not a single value"));
    assert!(refused("a: [1]\n", "a[1]").contains("list item that is not there"));
    assert!(refused("a:\n\t# c\n  b: 1\n", "a.b").contains("line 2"));
    assert!(refused("a: [1\nb: 2\n", "b").contains("line "));
    let error = |name| inventory::set(Some(&fixture(name)), &path("all.vars.iaas_console.ghcr_pat"), &vault()).err();
    assert_eq!(error("11-latin1.yml"), Some(InventoryError::Encoding { line: 1, column: 6 }));
    assert_eq!(error("16-whole-file-encrypted.yml"), Some(InventoryError::WholeFile));
    assert_eq!(error("20b-tab-indent-broken.yml"), Some(InventoryError::Tab { line: 14 }));
    assert_eq!(error("21-two-documents.yml"), Some(InventoryError::TwoDocuments { line: 15 }));
}

#[test]
fn values_are_read_by_path() {
    let text = "a:\n  list: [x, {k: y}]\n  none:\n  \"1.2\": z\nb: &b {c: d}\ne: {<<: [*b, {f: g}]}\n";
    assert!(get(text, "a.list[0]") == Some(Value::Plain("x".to_owned())));
    assert!(get(text, "a.list[1].k") == Some(Value::Plain("y".to_owned())));
    assert!(get(text, "a.\"1.2\"") == Some(Value::Plain("z".to_owned())));
    assert!(get(text, "e.c") == Some(Value::Plain("d".to_owned())));
    assert!(get(text, "e.f") == Some(Value::Plain("g".to_owned())));
    for missing in ["a.none", "a.list[7]", "a.x.y", "e.h", "a.list.k", "[0]"] {
        assert!(get(text, missing).is_none(), "{missing}");
    }
    assert!(inventory::get(text.as_bytes(), &path("a.list")).is_err());
    assert!(inventory::get(b"", &path("a")).unwrap().is_none());
    assert!(inventory::get(b"a: &a [*a]\nb: &b {<<: *b}\n", &path("b.c")).unwrap().is_none());
}

#[test]
fn key_paths_are_read_and_written() {
    let steps = path(r#"all.hosts."gpu.example.org".tokens[0]"#);
    let key = |key: &str| Step::Key(key.to_owned());
    assert_eq!(steps.steps(), [key("all"), key("hosts"), key("gpu.example.org"), key("tokens"), Step::Item(0)]);
    assert_eq!(path("a.ghcr_pat").sibling("ghcr_user").to_string(), "a.ghcr_user");
    for (text, error) in [
        ("", KeyPathError::EmptyKey),
        ("a..b", KeyPathError::EmptyKey),
        ("a.", KeyPathError::EmptyKey),
        ("a.\"b", KeyPathError::Quote),
        ("a\"b\"", KeyPathError::Quote),
        ("a.\"b\"c", KeyPathError::Quote),
        ("a[x]", KeyPathError::Bracket),
        ("a[0", KeyPathError::Bracket),
        ("a]", KeyPathError::Bracket),
    ] {
        assert_eq!(text.parse::<KeyPath>(), Err(error), "{text}");
    }
}

/// A mapping of leaves and mappings, as its lines, with the path of every leaf and where it stands in them.
#[derive(Clone, Debug)]
struct Generated {
    lines: Vec<String>,
    leaves: Vec<(KeyPath, std::ops::Range<usize>)>,
}

#[derive(Clone, Debug)]
enum Tree {
    Leaf(Vec<&'static str>),
    Comment(&'static str),
    Mapping(Vec<Tree>),
}

fn tree() -> impl Strategy<Value = Tree> {
    let leaf = prop_oneof![
        Just(vec![""]),
        Just(vec![" # c"]),
        Just(vec![" plain"]),
        Just(vec!["  pl#ain"]),
        Just(vec![" 'sin''gle'  # c \" | > {"]),
        Just(vec![" \"dou\\\"ble # \" "]),
        Just(vec![" |  # c | > '", "  text: \"", "", "  # no comment"]),
        Just(vec![" !vault |", "  $ANSIBLE_VAULT;1.1;AES256", "  00"]),
        Just(vec![" !vault |-", "       $ANSIBLE_VAULT;1.1;AES256", "       00"]),
        Just(vec![" &anchor !vault >", "    $ANSIBLE_VAULT;1.1;AES256", "", "    00"]),
        Just(vec![" plain", "    # c"]),
        Just(vec![" two", "  lines # c"]),
        Just(vec![" \"two", "", "   lines\" # c"]),
        Just(vec![" é ü   # ñ"]),
    ];
    let comment = prop_oneof![Just("# c"), Just(""), Just("    # k: !vault |"), Just("   ")];
    let tree = prop_oneof![4 => leaf.prop_map(Tree::Leaf), 1 => comment.prop_map(Tree::Comment)];
    tree.prop_recursive(3, 24, 5, |inner| prop::collection::vec(inner, 1..5).prop_map(Tree::Mapping))
}

fn ends_in_block(tree: &Tree) -> bool {
    match tree {
        Tree::Leaf(lines) => lines.len() > 1,
        Tree::Comment(_) => false,
        Tree::Mapping(trees) => trees.last().is_some_and(ends_in_block),
    }
}

fn write(trees: &[Tree], indent: usize, parents: &[Step], out: &mut Generated) {
    let blanks = " ".repeat(indent);
    for (number, tree) in trees.iter().enumerate() {
        let key = ["a", "\"b.c\"", "'d'", "é", "e f"][number % 5];
        let name = ["a", "b.c", "d", "é", "e f"][number % 5];
        let steps = [parents, &[Step::Key(name.to_owned())]].concat();
        let follows_block = number > 0 && ends_in_block(&trees[number - 1]);
        match tree {
            // Behind a block, what is indented as it is would belong to it.
            Tree::Comment(_) if follows_block => out.lines.push(format!("{blanks}# c")),
            Tree::Comment(comment) => out.lines.push(format!("{blanks}{comment}")),
            Tree::Leaf(lines) => {
                let start = out.lines.len();
                out.lines.push(format!("{blanks}{key}:{}", lines[0]));
                let rest = lines[1..].iter();
                out.lines
                    .extend(rest.map(|line| if line.is_empty() { String::new() } else { format!("{blanks}{line}") }));
                out.leaves.push((KeyPath::new(steps).expect("a step"), start..out.lines.len()));
            }
            Tree::Mapping(trees) => {
                out.lines.push(format!("{blanks}{key}: # {indent}"));
                write(trees, indent + 1 + indent % 3, &steps, out);
            }
        }
    }
}

fn generated() -> impl Strategy<Value = Generated> {
    prop::collection::vec(tree(), 1..5).prop_map(|trees| {
        let mut out = Generated { lines: Vec::new(), leaves: Vec::new() };
        write(&trees, 0, &[], &mut out);
        out
    })
}

/// `Value` has no `Debug`, as it may hold secrets.
fn shown(value: Option<Value>) -> String {
    match value {
        None => "nothing".to_owned(),
        Some(Value::Vault(payload)) => format!("vault {}", payload.trim_end()),
        Some(Value::Plain(text)) => format!("plain {text}"),
    }
}

proptest! {
    #[test]
    fn an_edit_keeps_every_other_line_and_value(
        file in generated(),
        choice: prop::sample::Index,
        text in any::<Option<String>>(),
        eol in prop_oneof![Just("\n"), Just("\r\n")],
        is_terminated: bool,
    ) {
        prop_assume!(!file.leaves.is_empty());
        let before = format!("{}{}", file.lines.join(eol), if is_terminated { eol } else { "" });
        let (at, lines) = choice.get(&file.leaves);
        let value = text.map_or_else(vault, NewValue::Plain);
        let after = inventory::set(Some(before.as_bytes()), at, &value);
        let after = match after {
            Ok(after) => String::from_utf8(after).unwrap(),
            Err(error) => return Err(TestCaseError::fail(format!("{at}: {error}\n{before}"))),
        };
        let head = |to: usize| file.lines[..to].iter().map(|line| line.len() + eol.len()).sum::<usize>();
        prop_assert!(after.starts_with(&before[..head(lines.start)]), "{}", after);
        let tail = &before[head(lines.end).min(before.len())..];
        prop_assert!(after.ends_with(tail), "{}", after);
        for (path, _) in &file.leaves {
            let found = shown(inventory::get(after.as_bytes(), path).unwrap());
            let expected = match &value {
                NewValue::Vault(payload) if path == at => shown(Some(Value::Vault(payload.clone()))),
                NewValue::Plain(text) if path == at => shown(Some(Value::Plain(text.clone()))),
                _ => shown(inventory::get(before.as_bytes(), path).unwrap()),
            };
            prop_assert_eq!(found, expected, "{}\n{}", path, after);
        }
    }

    #[test]
    fn an_added_key_keeps_every_other_byte(file in generated(), choice: prop::sample::Index, new in "[f-z.]{3,6}") {
        prop_assume!(!file.leaves.is_empty());
        let before = file.lines.join("\n") + "\n";
        let at = choice.get(&file.leaves).0.sibling(&new);
        let after = inventory::set(Some(before.as_bytes()), &at, &vault());
        let after = match after {
            Ok(after) => String::from_utf8(after).unwrap(),
            Err(error) => return Err(TestCaseError::fail(format!("{at}: {error}\n{before}"))),
        };
        let start = before.bytes().zip(after.bytes()).take_while(|(a, b)| a == b).count();
        let added = after.len() - before.len();
        let without: Vec<u8> = [&after.as_bytes()[..start], &after.as_bytes()[start + added..]].concat();
        prop_assert_eq!(without, before.clone().into_bytes());
        for (path, _) in &file.leaves {
            let get = |text: &str| shown(inventory::get(text.as_bytes(), path).unwrap());
            prop_assert_eq!(get(&after), get(&before));
        }
    }

    #[test]
    fn key_paths_survive_the_round_trip(steps in prop::collection::vec(prop_oneof![".*".prop_map(Step::Key), (0usize..99).prop_map(Step::Item)], 1..5)) {
        let path = KeyPath::new(steps).expect("steps");
        prop_assert_eq!(path.to_string().parse(), Ok(path));
    }

    #[test]
    fn no_text_makes_the_reader_or_the_editor_panic(text in "[ \\-a:|>{}\\[\\],#&*!'\"\\\\\t\r\né%.?]{0,60}", at in "[a]{1,2}(\\.a)?(\\[0\\])?") {
        let at = path(&at);
        let _ = inventory::show(text.as_bytes());
        if let Ok(after) = inventory::set(Some(text.as_bytes()), &at, &vault()) {
            prop_assert_eq!(shown(inventory::get(&after, &at).unwrap()), shown(Some(Value::Vault(PAYLOAD.to_owned()))));
        }
    }
}

#[test]
fn a_json_inventory_stays_json() {
    let text = "{\n  \"all\": {\"vars\": {\n      \"a\": \"b\",\n      \"n\": null}}}\n";
    let quoted = PAYLOAD.replace('\n', "\\n");
    for (at, old, new) in [
        ("all.vars.a", "\"b\"", format!("{{\"__ansible_vault\": \"{quoted}\"}}")),
        ("all.vars.n", "null", format!("{{\"__ansible_vault\": \"{quoted}\"}}")),
        ("all.vars.new", "null", format!("null, \"new\": {{\"__ansible_vault\": \"{quoted}\"}}")),
        ("new.deep", "null}}", format!("null}}}}, \"new\": {{\"deep\": {{\"__ansible_vault\": \"{quoted}\"}}}}")),
    ] {
        let edited = set(text, at, vault()).unwrap();
        assert_eq!(edited, text.replace(old, &new));
        serde_json::from_str::<serde::de::IgnoredAny>(&edited).expect("JSON");
        assert_eq!(shown(get(&edited, at)), shown(Some(Value::Vault(PAYLOAD.to_owned()))));
        // And back to a text, again as JSON.
        let back = set(&edited, at, plain("x")).unwrap();
        assert_eq!(back, edited.replace(&format!("{{\"__ansible_vault\": \"{quoted}\"}}"), "\"x\""));
    }
}
