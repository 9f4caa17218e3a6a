use pullpass_oci::{Digest, Image, Manifest, media_type};

#[test]
fn the_manifest_names_the_other_parts_exactly() {
    let image = Image::with_file("amd64", "hello.txt", b"hello\n");
    let Manifest::Image { config, layers, subject } =
        Manifest::parse(media_type::OCI_MANIFEST, &image.manifest).unwrap()
    else {
        panic!("not an image")
    };
    assert_eq!((config.digest, config.size), (Digest::sha256(&image.config), image.config.len() as u64));
    assert_eq!(layers.len(), 1);
    assert_eq!((&layers[0].digest, layers[0].size), (&Digest::sha256(&image.layer), image.layer.len() as u64));
    assert_eq!(subject, None);
    assert_eq!(image, Image::with_file("amd64", "hello.txt", b"hello\n"));
    assert_ne!(image, Image::with_file("amd64", "hello.txt", b"hello!"));
}

#[test]
fn the_layer_is_an_archive_that_tar_reads() {
    use std::io::Write;
    let image = Image::with_file("amd64", "dir/hello.txt", &[b'x'; 1000]);
    let mut tar = std::process::Command::new("tar")
        .args(["--extract", "--to-stdout", "--file=-", "dir/hello.txt"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    tar.stdin.take().unwrap().write_all(&image.layer).unwrap();
    let output = tar.wait_with_output().unwrap();
    assert!(output.status.success());
    assert_eq!(output.stdout, [b'x'; 1000]);
}
