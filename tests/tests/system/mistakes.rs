//! Mistakes that a person makes on the command line: each is told in words that help, with the exit
//! code of its class, and nothing is touched.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;

use super::node::{Node, command};
use super::sockets::as_nobody;
use super::waiting::{is_root, until};

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
fn settings_that_can_not_be_are_told_with_their_place_before_anything_begins() {
    let folder = tempfile::tempdir().unwrap();
    let (socket, state) = (folder.path().join("s"), folder.path().join("state"));
    let refused = |more: &[&str], words: &[&str]| {
        says(&daemon(&socket, &state, more), 2, words);
        assert!(!state.exists(), "{more:?} leaves a folder behind");
    };
    let nowhere = folder.path().join("nowhere").display().to_string();
    refused(&["--trusted-keys", &nowhere], &["--trusted-keys", &nowhere]);
    refused(&["--config", &nowhere], &[&nowhere]);
    refused(&["--allow-user", "no-such-user"], &["no-such-user"]);
    refused(
        &["--registry", "ftp://x"],
        &["--registry: ", "ftp://x", "https://"],
    );
    refused(
        &["--registry", "http://registry.example"],
        &["--registry: ", "in the clear", "--allow-plain-http"],
    );
    let https = ["--registry", "https://registry.example", "--ca"];
    let with_ca = |ca: &str, words: &[&str]| refused(&[https.as_slice(), &[ca]].concat(), words);
    with_ca(&nowhere, &[&format!("--ca {nowhere}: ")]);
    let empty = folder.path().join("empty.pem");
    std::fs::File::create(&empty).unwrap();
    let empty = empty.display().to_string();
    with_ca(&empty, &[&format!("--ca {empty}: no certificate")]);

    // What the file says is told with the file and its key, its relative paths taken from there.
    let config = folder.path().join("node.toml");
    let write = |text: &str| {
        let mut file = std::fs::File::create(&config).unwrap();
        file.write_all(text.as_bytes()).unwrap();
        config.display().to_string()
    };
    let path = write("[registry]\nurl = \"https://registry.example\"\nca = \"empty.pem\"\n");
    refused(
        &["--config", &path],
        &[&format!("{path}: registry.ca {empty}: no certificate")],
    );
    let path = write("trusted_keys = \"nowhere\"\n");
    refused(
        &["--config", &path],
        &[&format!("{path}: trusted_keys {nowhere}: is no folder")],
    );
    let path = write("sokcet = 1\n");
    refused(&["--config", &path], &[&format!("{path}:1: ")]);
}

#[test]
fn a_node_that_lacks_a_step_to_follow_its_registry_says_which() {
    if !is_root("a node that follows a registry") {
        return;
    }
    let keys = tempfile::tempdir().unwrap();
    let keys = keys.path().display().to_string();
    let node = Node::start_with(&["--registry", "http://127.0.0.1:1", "--trusted-keys", &keys]);
    until("both steps are told", || {
        let journal = node.journal();
        let words = ["0 trusted keys", "`node enrol`", "no key is trusted"];
        words
            .iter()
            .all(|word| journal.contains(word))
            .then_some(())
    });
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
