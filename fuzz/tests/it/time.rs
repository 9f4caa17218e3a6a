//! How long a file takes grows as the file does.

use std::time::Duration;

use pullpass_secrets::inventory::{self, KeyPath, NewValue};
use pullpass_secrets::scan::Scanner;
use pullpass_secrets::vault;
use rustix::time::{ClockId, clock_gettime};

const SIZE: usize = 500;
/// How much larger the other file is. Twice as much time as that is let pass, for a busy machine.
const TIMES: usize = 16;

/// Of the processor, the least of three runs.
fn time(run: impl Fn()) -> Duration {
    let now = || Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).expect("a time after the start");
    let once = || {
        let started = now();
        run();
        now() - started
    };
    (0..3).map(|_| once()).min().expect("three")
}

fn assert_linear(name: &str, run: impl Fn(usize)) {
    let (small, large) = (time(|| run(SIZE)), time(|| run(SIZE * TIMES)));
    let most = small * 2 * TIMES as u32 + Duration::from_millis(20);
    assert!(large < most, "{name}: {small:?}, and {large:?} for {TIMES} times as much");
}

#[test]
fn of_an_inventory() {
    let keys = |line: fn(usize) -> String| move |size: usize| (0..size).map(line).collect();
    let repeated = |head: &'static str, line: &'static str| move |size: usize| format!("{head}{}", line.repeat(size));
    type File = Box<dyn Fn(usize) -> String>;
    let files: [(&str, File); 13] = [
        ("keys", Box::new(keys(|n| format!("k{n}: ä\n")))),
        ("payloads", Box::new(keys(|n| format!("k{n}: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  3061\n")))),
        ("anchors", Box::new(keys(|n| format!("k{n}: &a{n} v\nl{n}: *a{n}\n")))),
        ("merges", Box::new(keys(|n| format!("k{n}: &a{n}\n  <<: &b{n} {{x: 1}}\n")))),
        ("depth", Box::new(keys(|n| format!("{}k:\n", " ".repeat(n / 50))))),
        ("items", Box::new(repeated("a:\n", "- x\n"))),
        ("flow", Box::new(repeated("a: [x, ", "x, "))),
        ("brackets", Box::new(repeated("a: ", "["))),
        ("words", Box::new(repeated("a: ", "x "))),
        ("block", Box::new(repeated("a: |\n", "  x\n\n"))),
        ("comments", Box::new(repeated("a: 1\n", "  # x\n"))),
        ("blank lines", Box::new(repeated("a: 1\n", "   \n"))),
        ("carriage returns", Box::new(repeated("a: 1\n", "\r"))),
    ];
    let path: KeyPath = "a.new".parse().expect("a path");
    for (name, file) in files {
        assert_linear(name, |size| {
            let file = file(size);
            drop(inventory::show(file.as_bytes()));
            drop(inventory::get(file.as_bytes(), &path));
            drop(inventory::set(Some(file.as_bytes()), &path, &NewValue::Plain("x".to_owned())));
        });
    }
}

#[test]
fn of_a_payload() {
    assert_linear("digits", |size| {
        drop(vault::check(format!("$ANSIBLE_VAULT;1.1;AES256\n{}", "30\n".repeat(size)).as_bytes()))
    });
    assert_linear("pasted", |size| drop(vault::unindent("$ANSIBLE_VAULT\n  ".repeat(size).as_bytes())));
}

#[test]
fn of_what_is_scanned() {
    let scanner = Scanner::new([7; 32]);
    for text in ["ghp_", "ghs_1_eyJ", "ghr_a", "Z2hwXw", "ImF1dGhzI", "{\"auths\"", "Z2hwXyJhdXRocyI6", "ghp_Z2hwXw\n"]
    {
        assert_linear(text, |size| drop(scanner.bytes(text.repeat(size).as_bytes())));
    }
}
