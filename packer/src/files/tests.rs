//! Files are whole, secrets are secret, and what is no file stays. Run by `cargo test`.

use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::process::Command;
use std::thread;

use super::*;

#[test]
fn writing_replaces_the_file_and_leaves_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.wasm");
    write(&path, b"one").unwrap();
    write(&path, b"two").unwrap();
    assert_eq!(read(&path, 3).unwrap(), b"two");
    assert_eq!(names_ending(folder.path(), "").unwrap(), ["a.wasm"]);
}

#[test]
fn a_failed_write_leaves_no_partial_file() {
    let folder = tempfile::tempdir().unwrap();
    // Fits a folder, but not with the ending of an unfinished file.
    let path = folder.path().join("n".repeat(255));
    assert!(matches!(write(&path, b"x"), Err(FileError::Write { .. })));
    assert_eq!(names_ending(folder.path(), "").unwrap(), [""; 0]);
}

#[test]
fn a_folder_and_a_link_to_nothing_are_refused_by_what_they_are() {
    let folder = tempfile::tempdir().unwrap();
    make_folder(&folder.path().join("taken")).unwrap();
    symlink("nowhere", folder.path().join("link")).unwrap();
    let _listener = UnixListener::bind(folder.path().join("socket")).unwrap();
    for (name, found) in [
        ("link", "it is a symbolic link to what does not exist"),
        ("socket", "it is a socket"),
        ("taken", "it is a folder"),
    ] {
        let error = write(&folder.path().join(name), b"x").unwrap_err();
        assert!(error.to_string().ends_with(found), "{error}");
    }
    let left = names_ending(folder.path(), "").unwrap();
    assert_eq!(left, ["link", "socket", "taken"]);
}

#[test]
fn a_link_to_a_file_stays_and_the_file_gets_the_bytes() {
    let folder = tempfile::tempdir().unwrap();
    make_folder(&folder.path().join("real")).unwrap();
    let file = folder.path().join("real/a.wasm");
    write(&file, b"old").unwrap();
    let link = folder.path().join("latest.wasm");
    symlink("real/a.wasm", &link).unwrap();
    write(&link, b"new").unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert!(fs::symlink_metadata(&file).unwrap().is_file());
    assert_eq!(read(&file, 3).unwrap(), b"new");
}

#[test]
fn a_fifo_is_written_into_and_stays_directly_and_through_a_link() {
    let folder = tempfile::tempdir().unwrap();
    let fifo = folder.path().join("fifo");
    let made = Command::new("mkfifo").arg(&fifo).status().unwrap();
    assert!(made.success());
    let link = folder.path().join("link");
    symlink("fifo", &link).unwrap();
    for path in [&fifo, &link] {
        let reader = thread::spawn({
            let fifo = fifo.clone();
            move || fs::read(fifo)
        });
        write(path, b"bytes").unwrap();
        // Before the reader is joined: it would wait forever for one who never comes.
        let kind = fs::symlink_metadata(&fifo).unwrap().file_type();
        assert!(kind.is_fifo(), "{kind:?}");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(reader.join().unwrap().unwrap(), b"bytes");
    }
    assert_eq!(names_ending(folder.path(), "").unwrap(), ["fifo", "link"]);
}

#[test]
fn a_new_file_replaces_nothing_and_has_its_mode() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret");
    write_new(&path, b"one", Access::Owner).unwrap();
    let error = write_new(&path, b"two", Access::Everybody).unwrap_err();
    assert!(matches!(error, FileError::Exists { .. }), "{error}");
    assert_eq!(read_private(&path, 3).unwrap(), b"one");
    assert_eq!(names_ending(folder.path(), "").unwrap(), ["secret"]);
}

#[test]
fn a_secret_that_others_can_read_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret");
    write_new(&path, b"one", Access::Owner).unwrap();
    for mode in [0o640, 0o604, 0o620] {
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        let error = read_private(&path, 3).unwrap_err();
        assert!(matches!(error, FileError::Exposed { mode: found, .. } if found == mode));
        assert!(error.next_step().unwrap().contains("chmod 600 "));
    }
}

#[test]
fn a_file_over_the_bound_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("f");
    write(&path, b"1234").unwrap();
    assert!(matches!(
        read(&path, 3),
        Err(FileError::TooLarge { bytes_max: 3, .. })
    ));
    assert_eq!(read(&path, 4).unwrap(), b"1234");
}
