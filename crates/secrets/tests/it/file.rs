mod disturbed;
mod in_place;
mod journal;

use std::{
    fs::{self, Permissions},
    os::unix::fs::{MetadataExt, PermissionsExt, symlink},
    path::Path,
    thread,
};

use pullpass_secrets::file::{self, Access, FileError};
use tempfile::TempDir;

fn home() -> TempDir {
    tempfile::tempdir().expect("a temporary directory")
}

fn write(path: &Path, bytes: &[u8]) -> Result<bool, FileError> {
    file::edit(path, Access::Kept, |_| Ok(Some(bytes.to_vec())))
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("chmod");
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).expect("a directory");
    let mut names: Vec<_> =
        entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8")).collect();
    names.sort();
    names
}

#[test]
fn a_missing_file_is_none_and_not_an_error() {
    let home = home();
    assert!(file::read(&home.path().join("none")).unwrap().is_none());
    assert!(file::read(&home.path().join("no/directory")).unwrap().is_none());
    assert!(file::mode(&home.path().join("none")).unwrap().is_none());
}

#[test]
fn a_new_file_is_0600_in_new_directories_of_0700() {
    let home = home();
    let path = home.path().join("a/b/config.json");
    assert!(write(&path, b"new").unwrap());
    assert_eq!(file::read(&path).unwrap().unwrap(), b"new");
    assert_eq!(file::mode(&path).unwrap(), Some(0o600));
    assert_eq!(file::mode(&home.path().join("a")).unwrap(), Some(0o700));
    assert_eq!(file::mode(&home.path().join("a/b")).unwrap(), Some(0o700));
    assert_eq!(names(&home.path().join("a/b")), ["config.json"]);
}

#[test]
fn an_existing_file_keeps_its_mode() {
    let home = home();
    let path = home.path().join("inventory.yml");
    for mode in [0o644, 0o640, 0o600] {
        fs::write(&path, "old").unwrap();
        set_mode(&path, mode);
        assert!(write(&path, b"new").unwrap());
        assert_eq!(file::mode(&path).unwrap(), Some(mode));
        fs::remove_file(&path).unwrap();
    }
}

#[test]
fn a_read_only_file_is_refused_to_root_too_unless_it_holds_credentials() {
    let home = home();
    let path = home.path().join("inventory.yml");
    for mode in [0o444, 0o400, 0o550] {
        fs::write(&path, "old").unwrap();
        set_mode(&path, mode);
        let error = write(&path, b"new").unwrap_err();
        let expected = format!("is read-only (mode {mode:04o}): run `chmod u+w {}`", path.display());
        assert!(error.to_string().contains(&expected), "{error}");
        assert!(matches!(file::check(&path, Access::Kept), Err(FileError::ReadOnly { .. })));
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(names(home.path()), ["inventory.yml"]);
        // Docker and Podman replace a store whatever its mode, and a login has to.
        assert!(file::edit(&path, Access::OwnerOnly, |_| Ok::<_, FileError>(Some(b"new".to_vec()))).unwrap());
        fs::remove_file(&path).unwrap();
    }
}

#[test]
fn no_change_writes_nothing_and_makes_no_directory() {
    let home = home();
    let path = home.path().join("config.json");
    fs::write(&path, "same").unwrap();
    let inode = fs::metadata(&path).unwrap().ino();
    assert!(!write(&path, b"same").unwrap());
    assert!(!file::edit(&path, Access::Kept, |_| Ok::<_, FileError>(None)).unwrap());
    assert_eq!(fs::metadata(&path).unwrap().ino(), inode);
    assert!(!file::edit(&home.path().join("a/b"), Access::Kept, |_| Ok::<_, FileError>(None)).unwrap());
    assert_eq!(names(home.path()), ["config.json"]);
}

#[test]
fn symbolic_links_stay_also_dangling_ones() {
    let home = home();
    fs::create_dir(home.path().join("dotfiles")).unwrap();
    fs::write(home.path().join("dotfiles/one"), "old").unwrap();
    for name in ["one", "two"] {
        let link = home.path().join(name);
        symlink(Path::new("dotfiles").join(name), &link).unwrap();
        assert!(write(&link, b"new").unwrap());
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(home.path().join("dotfiles").join(name)).unwrap(), b"new");
    }
    symlink("loop", home.path().join("loop")).unwrap();
    assert!(matches!(write(&home.path().join("loop"), b"new"), Err(FileError::Io { .. })));
}

#[test]
fn what_is_no_file_is_refused_without_waiting() {
    let home = home();
    let pipe = home.path().join("pipe");
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    for path in [home.path(), &pipe, Path::new("/dev/zero")] {
        let error = file::read(path).unwrap_err();
        assert!(matches!(error, FileError::NotAFile(_)), "{error}");
        assert!(error.to_string().contains(&path.display().to_string()));
    }
    assert!(matches!(write(&pipe, b"new"), Err(FileError::NotAFile(_))));
}

#[test]
fn a_file_that_everybody_may_write_is_refused() {
    let home = home();
    let path = home.path().join("config.json");
    fs::write(&path, "old").unwrap();
    set_mode(&path, 0o602);
    let error = write(&path, b"new").unwrap_err();
    assert!(error.to_string().contains(&format!("chmod o-w {}", path.display())), "{error}");
    assert!(matches!(file::read(&path), Err(FileError::WorldWritable(_))));
    assert_eq!(fs::read(&path).unwrap(), b"old");
}

#[test]
fn a_file_that_is_too_large_is_refused() {
    let home = home();
    let path = home.path().join("large");
    fs::File::create(&path).unwrap().set_len(file::MAX_LEN).unwrap();
    assert_eq!(file::read(&path).unwrap().unwrap().len() as u64, file::MAX_LEN);
    for len in [file::MAX_LEN + 1, 100 << 20] {
        fs::File::create(&path).unwrap().set_len(len).unwrap();
        assert!(matches!(file::read(&path), Err(FileError::TooLarge(_))));
        assert!(matches!(write(&path, b"new"), Err(FileError::TooLarge(_))));
        assert_eq!(fs::metadata(&path).unwrap().len(), len);
    }
}

#[test]
fn a_change_that_fails_leaves_everything_as_it_was() {
    let home = home();
    let path = home.path().join("config.json");
    fs::write(&path, "old").unwrap();
    let refused = file::edit(&path, Access::Kept, |_| Err(FileError::NotAFile("refused".into())));
    assert!(refused.unwrap_err().to_string().contains("refused"));
    assert_eq!(fs::read(&path).unwrap(), b"old");
    assert_eq!(names(home.path()), ["config.json"]);
}

#[test]
fn edits_at_the_same_time_lose_nothing() {
    let home = home();
    let path = home.path().join("config.json");
    thread::scope(|scope| {
        for number in 0..20 {
            let path = &path;
            scope.spawn(move || {
                file::edit(path, Access::Kept, |old| {
                    let line = format!("{number}\n");
                    Ok::<_, FileError>(Some([old.unwrap_or_default(), line.as_bytes()].concat()))
                })
                .unwrap()
            });
        }
    });
    let text = String::from_utf8(file::read(&path).unwrap().unwrap()).unwrap();
    let mut numbers: Vec<u32> = text.lines().map(|line| line.parse().unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..20).collect::<Vec<_>>());
    assert_eq!(names(home.path()), ["config.json"]);
}

#[test]
fn a_writer_that_does_not_lock_is_not_overwritten() {
    for existing in [Some("old,"), None] {
        let home = home();
        let path = home.path().join("config.json");
        if let Some(text) = existing {
            fs::write(&path, text).unwrap();
        }
        let mut calls = 0;
        file::edit(&path, Access::Kept, |old| {
            let mine = [old.unwrap_or_default(), b"mine"].concat();
            calls += 1;
            if calls == 1 {
                // As Docker does it: a new file renamed over the old one.
                fs::write(home.path().join("docker"), "theirs,").unwrap();
                fs::rename(home.path().join("docker"), &path).unwrap();
            }
            Ok::<_, FileError>(Some(mine))
        })
        .unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "theirs,mine");
        assert_eq!(calls, 2);
    }
}

#[test]
fn a_file_that_never_rests_is_given_up() {
    let home = home();
    let path = home.path().join("config.json");
    let mut calls = 0;
    let result = file::edit(&path, Access::Kept, |_| {
        calls += 1;
        fs::write(&path, "theirs".repeat(calls)).unwrap();
        Ok(Some(b"mine".to_vec()))
    });
    assert!(matches!(result, Err(FileError::Changing(_))));
    assert!(fs::read_to_string(&path).unwrap().starts_with("theirs"));
    assert_eq!(names(home.path()), ["config.json"]);
}

#[test]
fn credentials_become_their_owners_alone_even_when_nothing_else_changes() {
    let home = home();
    let path = home.path().join("config.json");
    for (before, after) in [(0o644, 0o600), (0o660, 0o600), (0o400, 0o400)] {
        let _ = fs::remove_file(&path);
        fs::write(&path, "old").unwrap();
        set_mode(&path, before);
        let is_changed = file::edit(&path, Access::OwnerOnly, |_| Ok::<_, FileError>(Some(b"old".to_vec()))).unwrap();
        assert_eq!(is_changed, before != after);
        assert_eq!(file::mode(&path).unwrap(), Some(after));
        file::edit(&path, Access::OwnerOnly, |_| Ok::<_, FileError>(Some(b"new".to_vec()))).unwrap();
        assert_eq!(file::mode(&path).unwrap(), Some(after));
    }
}

#[test]
fn extended_attributes_stay_with_the_file() {
    let home = home();
    let path = home.path().join("inventory.yml");
    fs::write(&path, "old").unwrap();
    let flags = rustix::fs::XattrFlags::empty();
    if rustix::fs::setxattr(&path, "user.origin", b"here", flags) == Err(rustix::io::Errno::NOTSUP) {
        // A file system without attributes has none to lose.
        return;
    }
    write(&path, b"new").unwrap();
    let mut value = [0; 16];
    let length = rustix::fs::getxattr(&path, "user.origin", &mut value).unwrap();
    assert_eq!(&value[..length], b"here");
}

#[test]
fn a_backup_is_its_owners_alone_and_never_in_the_place_of_another() {
    let home = home();
    fs::create_dir(home.path().join("dotfiles")).unwrap();
    let (path, link) = (home.path().join("dotfiles/config.json"), home.path().join("config.json"));
    fs::write(&path, "{ broken").unwrap();
    set_mode(&path, 0o644);
    std::os::unix::fs::chown(&path, Some(1234), Some(1234)).unwrap();
    symlink("dotfiles/config.json", &link).unwrap();
    for number in 1..=3 {
        let backup = file::back_up(&link, format!("broken {number}").as_bytes()).unwrap();
        assert_eq!(backup, home.path().join(format!("dotfiles/config.json.bak-{number}")));
        assert_eq!(file::mode(&backup).unwrap(), Some(0o600));
        assert_eq!(fs::metadata(&backup).unwrap().uid(), 1234);
    }
    let expected = ["config.json", "config.json.bak-1", "config.json.bak-2", "config.json.bak-3"];
    assert_eq!(names(&home.path().join("dotfiles")), expected);
    assert_eq!(fs::read(home.path().join("dotfiles/config.json.bak-1")).unwrap(), b"broken 1");
    assert_eq!(fs::read(&path).unwrap(), b"{ broken");
}
