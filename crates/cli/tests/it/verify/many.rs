//! Many references at once.

use std::time::{Duration, Instant};

use pullpass_oci::Image;
use pullpass_testing::{
    ghcr::{Failing, Ghcr, Running, Token, Visibility},
    home::{Home, listing},
};
use tokio::runtime::Runtime;

use crate::support::*;

const REPOSITORIES: usize = 5;
const TAGS: usize = 40;

/// Private packages of octocat's with many tags each.
fn start(runtime: &Runtime) -> Running {
    let image = Image::with_file("amd64", "hello.txt", b"hello\n");
    let package = |ghcr: Ghcr, number| {
        let ghcr = ghcr.package(&format!("octocat/app{number}"), Visibility::Private, &["octocat"]);
        (0..TAGS).fold(ghcr, |ghcr, tag| ghcr.image(&format!("v{tag}"), &image))
    };
    runtime.block_on((0..REPOSITORIES).fold(Ghcr::new().account("octocat"), package).start())
}

/// Every tag, the repositories in turn.
fn list(ghcr: &Running) -> Vec<String> {
    let pairs = (0..TAGS).flat_map(|tag| (0..REPOSITORIES).map(move |number| (tag, number)));
    pairs.map(|(tag, number)| ghcr.reference(&format!("octocat/app{number}:v{tag}"))).collect()
}

fn token_requests(ghcr: &Running) -> usize {
    ghcr.registry.requests().iter().filter(|request| request.path() == "/token").count()
}

#[test]
fn a_file_of_references_takes_one_token_request_a_repository() {
    let (runtime, home) = (Runtime::new().expect("a runtime"), Home::new());
    let ghcr = start(&runtime);
    let token = ghcr.token("octocat", Token::classic(&["read:packages"]));
    login(&home, &ghcr.registry.host(), &token).expect_success();
    let references = list(&ghcr);
    let text = format!("# all of them\n\n{}  # twice\n{}\n", references[0], references.join("\r\n"));
    let before = token_requests(&ghcr);
    let ran = pullpass_with_input(&home, &["verify", "--from-file", "-", "--docker"], &text);
    assert_eq!((ran.code, token_requests(&ghcr) - before), (0, REPOSITORIES), "{ran}");

    let before = token_requests(&ghcr);
    home.write("images.txt", text);
    let ran = pullpass(&home, &["verify", "--from-file", "images.txt", "--docker", "--json"]);
    assert_eq!(ran.code, 0, "{ran}");
    assert_eq!(token_requests(&ghcr) - before, REPOSITORIES);
    let json = json(&ran);
    let answered: Vec<&str> =
        json["references"].as_array().expect("a list").iter().filter_map(|one| one["reference"].as_str()).collect();
    assert_eq!(answered, references, "each once, in the order of the file");
    assert_eq!(ran.stderr, "", "no progress in a pipe");

    let missing = ghcr.reference("octocat/app0:nope");
    let ran = pullpass(&home, &["verify", "--from-file", "images.txt", &missing, "--docker"]);
    assert_eq!(ran.code, 1, "{ran}");
    assert_eq!(ran.stdout.lines().count(), references.len() + 1, "{ran}");
    let first = ran.stdout.lines().next().expect("a line");
    assert!(first.starts_with(&format!("{missing}: docker will not pull: ")) && first.contains("manifest unknown"));
    assert!(ran.stderr.contains("of 201 images: 200 yes, 1 no, 0 not found out"), "{ran}");
}

#[test]
fn a_dead_token_is_sent_once_for_all_references_and_once_a_day() {
    let (runtime, home) = (Runtime::new().expect("a runtime"), Home::new());
    let ghcr = start(&runtime);
    let token = ghcr.token("octocat", Token::classic(&["read:packages"]));
    login(&home, &ghcr.registry.host(), &token).expect_success();
    ghcr.revoke(&token);
    home.write("images.txt", list(&ghcr).join("\n"));
    let with_login = || {
        let requests = ghcr.registry.requests();
        requests.iter().filter(|request| request.header("authorization").starts_with("Basic ")).count()
    };
    let before = with_login();
    for asked in [1, 1] {
        let ran = pullpass(&home, &["verify", "--from-file", "images.txt", "--docker"]);
        assert_eq!((ran.code, with_login() - before), (1, asked), "{ran}");
        assert!(!ran.said().contains(&token), "{ran}");
    }
}

#[test]
fn a_line_that_is_no_reference_is_named_by_its_number_and_nothing_is_sent() {
    let (runtime, home) = (Runtime::new().expect("a runtime"), Home::new());
    let ghcr = start(&runtime);
    let secret = ["ghp", "_", "hunter2hunter2hunter2hunter2hunter2"].concat();
    let good = ghcr.reference("octocat/app0:v0");
    home.write("images.txt", format!("{good}\n\n# fine\nghcr.io/Octocat/app\n{good}:{secret}\nhttps://ghcr.io/a/b\n"));
    let ran = pullpass(&home, &["verify", "--from-file", "images.txt", "--docker"]);
    assert_fails(
        &ran,
        2,
        &["line 4 of `images.txt`", "lower case", "line 5", "there is a token", "line 6", "nothing was sent"],
    );
    assert!(!ran.said().contains("hunter2"), "{ran}");
    assert!(ghcr.registry.requests().is_empty());

    for (text, words) in [("# none\n", "no reference"), ("\u{0}", "line 1")] {
        home.write("images.txt", text);
        assert_fails(&pullpass(&home, &["verify", "--from-file", "images.txt"]), 2, &[words]);
    }
    assert_fails(&pullpass(&home, &["verify", "--from-file", "missing.txt"]), 2, &["there is no file `missing.txt`"]);
    assert_fails(
        &pullpass(&home, &["verify", "--from-file", "-", "--password-stdin", "-u", "x"]),
        2,
        &["standard input"],
    );
    let many: String = (0..10_001).map(|number| format!("127.0.0.1:1/a/b:{number}\n")).collect();
    assert_fails(&pullpass_with_input(&home, &["verify", "--from-file", "-"], &many), 2, &["10001", "10000"]);
}

#[test]
fn ten_thousand_references_to_where_nobody_is_end_soon() {
    let home = Home::new();
    let one: String = (0..9_900).map(|number| format!("127.0.0.1:1/a/b:{number}\n")).collect();
    let many: String = (2..102).map(|number| format!("127.0.0.{number}:1/a/b:1\n")).collect();
    let start = Instant::now();
    let ran = pullpass_with_input(&home, &["verify", "--from-file", "-", "--docker"], &format!("{one}{many}"));
    assert!(start.elapsed() < Duration::from_secs(100), "{:?}", start.elapsed());
    assert_eq!(ran.code, 3, "{}", ran.stderr);
    assert!(ran.stderr.contains("of 10000 images: 0 yes, 0 no, 10000 not found out"), "{}", ran.stderr);
}

#[test]
fn a_registry_that_stops_answering_is_left_alone() {
    let (runtime, home) = (Runtime::new().expect("a runtime"), Home::new());
    let ghcr = start(&runtime);
    login(&home, &ghcr.registry.host(), &ghcr.token("octocat", Token::classic(&["read:packages"]))).expect_success();
    ghcr.fail("/v2/octocat", Failing::Hang);
    home.write("images.txt", list(&ghcr).join("\n"));
    let (before, start) = (listing(&home.path()), Instant::now());
    let ran = pullpass(&home, &["verify", "--from-file", "images.txt", "--docker"]);
    assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
    assert_eq!(ran.code, 3, "{ran}");
    assert!(ran.stdout.contains("without an answer") && ran.stdout.contains("did not answer within"), "{ran}");
    assert_eq!(listing(&home.path()), before);
}
