//! `pullpass inventory rekey` of fifty files: every payload under the new password or every payload under the old one,
//! whatever comes in between. The long run is `scripts/soak rekey`.

mod ansible;
mod interrupted;
mod kill;
mod others;
mod payload;
mod system;
mod tree;

use pullpass_testing::home::Home;

use tree::Tree;

#[test]
fn ansible_opens_every_value_with_the_new_passwords_and_none_with_the_old_ones() {
    let (home, tree) = (Home::new(), Tree::new());
    assert!(tree.is_old());
    ansible::assert_opens(&home, &tree, "old", "new");

    let ran = tree.run(&home, &[]);
    assert_eq!(ran.code, 0, "{ran}");
    assert!(ran.stderr.ends_with("under the new password: 222 payloads in 50 files\n"), "{ran}");
    tree.assert_new("all went well");
    ansible::assert_opens(&home, &tree, "new", "old");
}
