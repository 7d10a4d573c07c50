//! `filemon`: everything that happens to files below one folder, in order, and nothing that failed.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::Path;

use super::super::waiting::is_root;
use super::{Keeping, ask, told};

#[test]
fn filemon_tells_what_happened_to_files_in_order_and_nothing_that_failed() {
    if !is_root("filemon") {
        return;
    }
    let node = Keeping::start();
    let folder = tempfile::tempdir().unwrap();
    let below = folder.path().to_str().unwrap();
    let answer = ask(
        &node,
        "filemon",
        "1.0.0",
        &format!("?set=only_prefix={below}/"),
    );
    if answer.status != 200 {
        let problem = answer.problem();
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains("Operation not permitted"), "{problem}");
        println!("not run: filemon: this kernel has no BPF trampolines: {detail}");
        return;
    }
    cause(folder.path());

    let wanted = [
        ("OPEN", "/a", ""),
        ("WRITE", "/a", ""),
        ("OPEN", "/a", ""),
        ("OPEN", "/in/b", ""),
        ("WRITE", "/in/b", ""),
        ("RENAME", "/a", "/in/c"),
        ("RENAME", "/in/c", "/in/b"),
        ("REMOVE", "/in/b", ""),
        ("REMOVE", "/in", ""),
    ];
    let events = told(&node, wanted.len(), |_| true);
    let seen: Vec<(&str, &str, &str)> = events
        .iter()
        .map(|event| {
            let text = |field: &str| event[field].as_str().unwrap();
            let inside = |field: &str| text(field).strip_prefix(below).unwrap_or_default();
            (text("kind"), inside("path"), inside("new_path"))
        })
        .collect();
    assert_eq!(seen, wanted);
    let pid = u64::from(std::process::id());
    assert!(events.iter().all(|event| event["pid"] == pid), "{events:?}");
    // The file that was renamed over another is the one that was removed in the end.
    assert_eq!(events[0]["inode"], events[7]["inode"]);
    assert_ne!(events[3]["inode"], events[7]["inode"]);
}

fn cause(folder: &Path) {
    let (a, inside) = (folder.join("a"), folder.join("in"));
    let mut file = File::create(&a).unwrap();
    for _ in 0..3 {
        file.write_all(b"more").unwrap();
    }
    drop(file);
    File::open(&a)
        .unwrap()
        .read_to_end(&mut Vec::new())
        .unwrap();
    std::fs::create_dir(&inside).unwrap();
    let b = inside.join("b");
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&b)
        .unwrap();
    file.write_all(b"b").unwrap();
    drop(file);
    // None of these happens.
    File::open(folder.join("missing")).unwrap_err();
    std::fs::remove_file(folder.join("missing")).unwrap_err();
    std::fs::remove_dir(&inside).unwrap_err();
    std::fs::rename(&inside, &a).unwrap_err();

    std::fs::rename(&a, inside.join("c")).unwrap();
    std::fs::rename(inside.join("c"), &b).unwrap();
    std::fs::remove_file(&b).unwrap();
    std::fs::remove_dir(&inside).unwrap();
}
