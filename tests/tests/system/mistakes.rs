//! Mistakes that a person makes on the command line: each is told in words that help, with the exit
//! code of its class, and nothing is touched.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;

use super::node::{Node, command};
use super::sockets::as_nobody;
use super::waiting::is_root;

/// The command failed with this exit code, and said all of these words.
fn says(output: &Output, code: i32, words: &[&str]) {
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    let text = String::from_utf8_lossy(&output.stderr);
    for word in words {
        assert!(text.contains(word), "{word:?} is not in {text:?}");
    }
}

fn daemon(socket: &Path, state: &Path, more: &[&str]) -> Output {
    command(socket)
        .args(["daemon", "--legacy-listen", "none", "--state-dir"])
        .arg(state)
        .args(more)
        .output()
        .unwrap()
}

#[test]
fn a_file_or_a_folder_in_the_place_of_the_socket_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (file, state) = (folder.path().join("notes"), folder.path().join("state"));
    std::fs::copy("/proc/self/comm", &file).unwrap();
    let before = std::fs::read(&file).unwrap();
    for path in [&file, folder.path()] {
        says(
            &daemon(path, &state, &[]),
            3,
            &["--socket", "only a socket"],
        );
        let asked = command(path).arg("status").output().unwrap();
        says(&asked, 3, &["is no socket"]);
    }
    assert_eq!(std::fs::read(&file).unwrap(), before);
    let left = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left, 1, "neither a lock nor a state folder is made");
}

#[test]
fn a_socket_path_that_is_too_long_is_refused_with_both_lengths() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a").join("b".repeat(200));
    let bytes = path.as_os_str().len().to_string();
    let words = ["has", bytes.as_str(), "at most 107"];
    says(&daemon(&path, &folder.path().join("state"), &[]), 3, &words);
    says(&command(&path).arg("status").output().unwrap(), 3, &words);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn events_that_can_not_be_kept_are_told_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let (socket, state) = (folder.path().join("s"), folder.path().join("state"));
    let output = daemon(&socket, &state, &["--events-dir", "/proc/x"]);
    says(&output, 1, &["--events-dir /proc/x: "]);
    assert!(!socket.exists());
}

#[test]
fn a_forgotten_at_and_nothing_that_runs_are_told_with_the_next_step() {
    if !is_root("a daemon without instances") {
        return;
    }
    let node = Node::start();
    let output = node.cli(&["events"]);
    says(&output, 3, &["nothing runs here", "node update"]);
    let file = node
        .state_dir()
        .join("addresses.json")
        .display()
        .to_string();
    says(&node.cli(&["update", &file]), 3, &[&format!("@{file}")]);
    let output = node.cli(&["update", "{}"]);
    let text = String::from_utf8_lossy(&output.stderr);
    says(&output, 3, &[]);
    assert!(!text.contains("the JSON: the JSON"), "{text}");
}

#[test]
fn a_user_who_may_not_use_the_socket_is_not_told_that_nobody_answers() {
    if !is_root("a socket of another user") {
        return;
    }
    let node = Node::start();
    let folder = node.socket().parent().unwrap().to_owned();
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o755)).unwrap();
    let client = api::client::Client::unix(&node.socket());
    let refused = as_nobody(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(client.health()).unwrap_err()
    });
    assert_eq!(refused.class(), api::client::Class::Reject);
    assert!(refused.to_string().contains("may not use"), "{refused}");
}
