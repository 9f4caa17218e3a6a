//! The terminal by itself: programs that ask are answered there, as by a person.

use pullpass_testing::home::Home;
use pullpass_testing::run::Ran;
use pullpass_testing::terminal;

/// What a script shows and answers to.
fn converse(script: &str, answers: &[(&str, &str)]) -> Ran {
    let home = Home::new();
    let path = home.write("script", script);
    let mut command = home.command("script");
    terminal::bash(&mut command, &path);
    terminal::converse(&mut command, answers)
}

#[test]
fn a_program_that_asks_is_answered_on_its_terminal() {
    let script = "read -rsp 'Password: ' one </dev/tty; echo; read -rp 'Name: ' two; echo \"$two has ${#one}\"; exit 3";
    let ran = converse(script, &[("Password: ", "hidden"), ("Name: ", "octocat")]);
    assert_eq!((ran.code, ran.stdout.as_str()), (3, "Password: \nName: octocat\noctocat has 6\n"));
}

#[test]
fn a_question_that_is_never_asked_is_a_failure() {
    let ran = converse("echo done", &[("Password: ", "hidden")]);
    assert_eq!(ran.code, -1);
    assert_eq!(ran.stderr, "`Password: ` was never asked");
}
