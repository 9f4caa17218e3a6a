//! The reader of Ansible Vault payloads, up to the point from which a key is needed.

use pullpass_secrets::vault::{self, Password};

pub fn run(bytes: &[u8]) {
    let label = vault::label(bytes);
    let unindented = vault::unindent(bytes);
    assert_eq!(vault::unindent(&unindented), unindented, "there is nothing left to strip");
    match vault::check(bytes) {
        // Where no password could help, none is derived from.
        Err(error) => {
            let password = Password::from_file(b"password").expect("not empty");
            assert_eq!(vault::decrypt(bytes, &password).err(), Some(error));
        }
        Ok(()) => {
            assert!(vault::is_encrypted(bytes) && bytes.is_ascii());
            let text = String::from_utf8_lossy(bytes);
            let (header, body) = text.split_once(['\n', '\r']).expect("a body");
            let digits = body.replace(['\n', '\r'], "").to_uppercase();
            let in_one_line = format!("{header}\r\n{digits}");
            let pasted = in_one_line.lines().fold("x: !vault |".to_owned(), |text, line| text + "\n  \t" + line);
            for same in [in_one_line.into_bytes(), vault::unindent(pasted.as_bytes())] {
                assert_eq!(vault::check(&same), Ok(()), "{}", same.escape_ascii());
                assert_eq!(vault::label(&same), label, "{}", same.escape_ascii());
            }
        }
    }
}
