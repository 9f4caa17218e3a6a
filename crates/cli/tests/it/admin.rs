use std::fs;

use pullpass_oci::Digest;
use pullpass_testing::home::Home;

use crate::support::*;

#[test]
fn check_tells_what_was_checked_and_names_what_is_wrong() {
    let home = Home::new();
    let server = server(&home);
    let data = home.side_dir("data");
    let check = ["admin", "check", "--data", data.to_str().expect("UTF-8")];
    let ran = pullpass(&home, &check);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ""), "{ran}");
    assert!(ran.stderr.contains("checked 0 packages: 0 blobs (0 bytes)"), "{ran}");
    assert!(ran.stderr.contains("nothing is wrong"), "{ran}");
    let json_check = [&check[..], &["--json"]].concat();
    assert_eq!(json(&pullpass(&home, &json_check))["problems"].as_array().map(Vec::len), Some(0));

    let orphan = Digest::sha256(b"orphan");
    let shard = data.join("blobs/sha256").join(&orphan.hex()[..2]);
    fs::create_dir_all(&shard).expect("a shard");
    fs::write(shard.join(orphan.hex()), b"orphan").expect("a file");
    let wrong = format!("the file of blob `{orphan}` is on no record");
    let ran = pullpass(&home, &check);
    assert_fails(&ran, 1, &["1 thing is wrong", "hint: "]);
    assert_eq!(ran.stdout.trim_end(), wrong);
    // Without a server the same, and as JSON.
    drop(server);
    let ran = pullpass(&home, &json_check);
    assert_eq!(ran.code, 1, "{ran}");
    assert_eq!(json(&ran)["problems"], serde_json::json!([wrong]));
}

#[test]
fn check_needs_a_data_directory() {
    let home = Home::new();
    assert_fails(&pullpass(&home, &["admin", "check", "--data", "nowhere"]), 2, &["nowhere"]);
    assert!(!home.path().join("nowhere").exists());
}
