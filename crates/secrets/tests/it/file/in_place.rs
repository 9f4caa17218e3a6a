//! Files that are mounted by themselves, as `-v ~/.docker/config.json:/root/.docker/config.json` does it.

use std::{
    fs,
    os::unix::fs::{MetadataExt, symlink},
    path::{Path, PathBuf},
    process::Command,
    thread,
};

use pullpass_secrets::file::{self, Access, FileError};

use super::{home, journal::tree::tampered, names, set_mode, write};

/// A mount that ends with the test.
struct Mount(PathBuf);

impl Mount {
    fn new(arguments: &[&str], at: &Path) -> Mount {
        mount(arguments, at);
        Mount(at.to_owned())
    }

    /// `from` by another name.
    fn bind(from: &Path, at: &Path) -> Mount {
        fs::create_dir_all(at.parent().expect("a directory")).expect("a directory");
        fs::write(at, "").expect("a file to mount on");
        Mount::new(&["--bind", from.to_str().expect("UTF-8")], at)
    }

    fn tmpfs(at: &Path) -> Mount {
        fs::create_dir_all(at).expect("a directory");
        Mount::new(&["-t", "tmpfs", "-o", "size=1m,mode=0700", "tmpfs"], at)
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("--lazy").arg(&self.0).status());
    }
}

fn mount(arguments: &[&str], at: &Path) {
    let mounted = Command::new("mount").args(arguments).arg(at).status().expect("mount starts");
    assert!(mounted.success(), "it takes root to mount");
}

#[test]
fn it_is_written_in_place_and_stays_the_same_file() {
    let home = home();
    let (source, path) = (home.path().join("outside.json"), home.path().join("inside/config.json"));
    fs::write(&source, "a longer old text").unwrap();
    set_mode(&source, 0o644);
    let inode = fs::metadata(&source).unwrap().ino();
    let _mount = Mount::bind(&source, &path);
    let link = home.path().join("link");
    symlink("inside/config.json", &link).unwrap();
    for (text, access, mode) in [("short", Access::Kept, 0o644), ("and longer again", Access::OwnerOnly, 0o600)] {
        assert!(file::edit(&link, access, |_| Ok::<_, FileError>(Some(text.into()))).unwrap());
        assert_eq!(fs::read_to_string(&source).unwrap(), text);
        assert_eq!(file::mode(&source).unwrap(), Some(mode));
    }
    let before = fs::metadata(&source).unwrap();
    assert!(!write(&path, b"and longer again").unwrap());
    let after = fs::metadata(&source).unwrap();
    assert_eq!((after.ino(), after.ctime_nsec()), (inode, before.ctime_nsec()), "no change writes nothing");
    assert_eq!(names(&home.path().join("inside")), ["config.json"]);
    set_mode(&source, 0o444);
    assert!(matches!(write(&path, b"new"), Err(FileError::ReadOnly { .. })));
}

#[test]
fn it_may_be_the_only_thing_in_a_read_only_system_that_can_be_written() {
    let home = home();
    let (source, root) = (home.path().join("outside.json"), home.path().join("root"));
    fs::write(&source, "old").unwrap();
    let _root = Mount::tmpfs(&root);
    let path = root.join(".docker/config.json");
    let _mount = Mount::bind(&source, &path);
    mount(&["-o", "remount,ro"], &root);
    assert!(file::check(&path, Access::Kept).is_ok());
    assert!(write(&path, b"new").unwrap());
    assert_eq!(fs::read_to_string(&source).unwrap(), "new");
    // Anything else is refused, with the name of what cannot be written.
    for path in [root.join("auth.json"), root.join("missing/auth.json")] {
        let errors = [write(&path, b"new").unwrap_err(), file::check(&path, Access::Kept).unwrap_err()];
        for error in errors.map(|error| error.to_string()) {
            assert!(error.contains("cannot") && error.contains("`: Read-only file system"), "{error}");
        }
    }
}

#[test]
fn it_is_not_touched_when_the_new_bytes_do_not_fit() {
    let home = home();
    let (disk, path) = (home.path().join("disk"), home.path().join("inside/config.json"));
    let _disk = Mount::tmpfs(&disk);
    let source = disk.join("config.json");
    fs::write(&source, "old").unwrap();
    assert!(fs::write(disk.join("filler"), vec![0; 2 << 20]).is_err(), "two megabytes do not fit into one");
    let _mount = Mount::bind(&source, &path);
    let error = write(&path, &vec![b'x'; 100_000]).unwrap_err();
    assert!(error.to_string().contains("No space left"), "{error}");
    assert_eq!(fs::read_to_string(&source).unwrap(), "old");
    assert_eq!(names(&home.path().join("inside")), ["config.json"]);
    // What fits into the space that it has, goes in.
    assert!(write(&path, b"new").unwrap());
    assert_eq!(fs::read_to_string(&source).unwrap(), "new");
}

#[test]
fn containers_that_share_it_lose_nothing_of_each_other() {
    let home = home();
    let source = home.path().join("outside.json");
    fs::write(&source, "").unwrap();
    let paths = ["one/config.json", "two/config.json", "three/config.json"].map(|path| home.path().join(path));
    let _mounts = paths.clone().map(|path| Mount::bind(&source, &path));
    thread::scope(|scope| {
        for number in 0..30 {
            let path = &paths[number % 3];
            scope.spawn(move || {
                file::edit(path, Access::OwnerOnly, |old| {
                    let line = format!("{number:02}\n");
                    Ok::<_, FileError>(Some([old.unwrap_or_default(), line.as_bytes()].concat()))
                })
                .unwrap()
            });
        }
    });
    let text = fs::read_to_string(&source).unwrap();
    let mut numbers: Vec<usize> = text.lines().map(|line| line.parse().unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..30).collect::<Vec<_>>());
}

#[test]
fn it_is_put_back_when_writing_fails_and_else_the_new_bytes_are_kept_beside_it() {
    for (failing, holds, said) in [
        ("error=EIO:when=1", "old", "cannot write `PATH`: Input/output error"),
        ("error=EIO", "old", "`PATH` is broken, it was written in part only (whole, it is in `DIRECTORY/.pullpass-"),
    ] {
        let home = home();
        let (source, path) = (home.path().join("outside.json"), home.path().join("inside/config.json"));
        fs::write(&source, "old").unwrap();
        let _mount = Mount::bind(&source, &path);
        let directory = path.parent().unwrap();
        let (ended, _) = tampered("edit", directory, "pwrite64", failing);
        let stderr = String::from_utf8_lossy(&ended.stderr).into_owned();
        let said = said.replace("PATH", path.to_str().unwrap()).replace("DIRECTORY", directory.to_str().unwrap());
        assert!(!ended.status.success() && stderr.contains(&said), "{stderr}");
        assert_eq!(fs::read_to_string(&source).unwrap(), holds);
        let beside: Vec<String> = names(directory).into_iter().filter(|name| name != "config.json").collect();
        assert_eq!(beside.len(), usize::from(said.contains("whole")));
        for name in beside {
            assert_eq!(fs::read_to_string(directory.join(&name)).unwrap(), "old and mine");
            assert_eq!(file::mode(&directory.join(name)).unwrap(), Some(0o600));
        }
    }
}
