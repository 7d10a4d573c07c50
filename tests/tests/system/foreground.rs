//! `node run` and `node update` without a daemon, and the commands that ask one.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::Value;

use super::node::{Named, Node, command, send};
use super::objects::{generation_0, generation_1, generation_2, object};
use super::waiting::{is_root, until};

/// The user that owns nothing.
const NOBODY: u32 = 65_534;

/// A foreground command that ends with the test.
struct Foreground {
    child: Child,
    events: BufReader<ChildStdout>,
    notes: BufReader<std::process::ChildStderr>,
}

impl Foreground {
    fn spawn(command: &mut Command, input: &[u8]) -> Self {
        let mut child = command
            .arg("--json")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // It may end before it has read, when it is refused.
        let _ = child.stdin.take().unwrap().write_all(input);
        let events = BufReader::new(child.stdout.take().unwrap());
        let notes = BufReader::new(child.stderr.take().unwrap());
        Self {
            child,
            events,
            notes,
        }
    }

    /// The next line on standard error: a proof, a problem, the summary.
    fn note(&mut self) -> Value {
        let mut line = String::new();
        self.notes.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line:?}"))
    }

    /// The event of the next command of this name.
    fn event_of(&mut self, comm: &str) -> Value {
        loop {
            let mut line = String::new();
            assert_ne!(
                self.events.read_line(&mut line).unwrap(),
                0,
                "the output ended"
            );
            let json: Value = serde_json::from_str(&line).unwrap();
            if json["event"]["comm"] == comm {
                return json;
            }
        }
    }

    /// Ends it as a person does, and gives the summary.
    fn end(mut self, signal: i32) -> Value {
        send(self.child.id(), signal);
        let summary = self.note();
        let status = until("the command ends", || self.child.try_wait().unwrap());
        assert!(status.success(), "{status:?}");
        summary
    }
}

impl Drop for Foreground {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn each_generation_runs_from_an_argument_a_file_and_standard_input() {
    if !is_root("node update in the foreground") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let no_daemon = folder.path().join("node.sock");
    let object = object("one");
    for (number, document) in [
        generation_0("a", &object),
        generation_1("a", &object),
        generation_2("a", &object),
    ]
    .iter()
    .enumerate()
    {
        let path = folder.path().join("update.json");
        std::fs::File::create(&path)
            .unwrap()
            .write_all(document.as_bytes())
            .unwrap();
        let by_file = format!("@{}", path.display());
        for (source, input) in [
            (document.as_str(), b"".as_slice()),
            (&by_file, b""),
            ("-", document.as_bytes()),
        ] {
            let mut running =
                Foreground::spawn(command(&no_daemon).args(["update", source]), input);
            assert_eq!(running.note()["to"]["generation"], 1, "generation {number}");
            let named = Named::new("mw-update");
            let pid = named.run();
            assert_eq!(running.event_of("mw-update")["event"]["pid"], pid);
            let summary = running.end(libc::SIGINT);
            assert!(
                summary["counts"]["accepted"].as_u64().unwrap() >= 1,
                "{summary}"
            );
        }
    }
}

#[test]
fn a_hang_up_reads_the_file_again_and_a_bad_file_changes_nothing() {
    if !is_root("SIGHUP in node run") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("trace.bpf.o");
    let write = |version: &str| {
        let temporary = folder.path().join("new");
        std::fs::File::create(&temporary)
            .unwrap()
            .write_all(&object(version))
            .unwrap();
        std::fs::rename(&temporary, &file).unwrap();
    };
    write("one");
    let socket = folder.path().join("node.sock");
    let mut running = Foreground::spawn(command(&socket).arg("run").arg(&file), b"");
    assert_eq!(running.note()["to"]["generation"], 1);
    let named = Named::new("mw-run");
    named.run();
    assert!(running.event_of("mw-run")["event"].get("kind").is_none());
    write("rejected");
    send(running.child.id(), libc::SIGHUP);
    let problem = running.note();
    assert!(
        problem["log"]
            .as_str()
            .unwrap()
            .contains("invalid mem access"),
        "{problem}"
    );
    named.run();
    assert_eq!(running.event_of("mw-run")["generation"], 1);
    write("two");
    send(running.child.id(), libc::SIGHUP);
    let proof = running.note();
    assert_eq!(
        (&proof["from"]["generation"], &proof["to"]["generation"]),
        (&1.into(), &2.into())
    );
    named.run();
    assert_eq!(running.event_of("mw-run")["event"]["kind"], "EXEC");
    assert_eq!(running.end(libc::SIGTERM)["generation"], 2);
}

#[test]
fn update_goes_to_the_daemon_where_one_answers() {
    if !is_root("node update with a daemon") {
        return;
    }
    let node = Node::start();
    let update = |version: &str, more: &[&str]| {
        let document = generation_0("own", &object(version));
        node.cli(&[["update", document.as_str()].as_slice(), more].concat())
    };
    let started = update("one", &[]);
    assert!(started.status.success(), "{started:?}");
    let proof = String::from_utf8(update("two", &[]).stdout).unwrap();
    for part in [
        "own: generation 1",
        "replaced by 2",
        "verify",
        "flip",
        "handle_exit",
        "lost 0",
    ] {
        assert!(proof.contains(part), "{part:?} is not in\n{proof}");
    }
    assert!(update("one", &["--instance", "named"]).status.success());
    let status = String::from_utf8(node.cli(&["status"]).stdout).unwrap();
    assert!(
        status.contains("own") && status.contains("named"),
        "{status}"
    );
    let refused = node.cli(&["update", "{}"]);
    assert_eq!(refused.status.code(), Some(3), "{refused:?}");
    assert_eq!(node.instance("own")["generation"], 2);
}

#[test]
fn the_other_commands_ask_the_daemon() {
    if !is_root("status, events, proofs, pause, resume, stop") {
        return;
    }
    let node = Node::start();
    assert!(
        node.cli(&["update", &generation_0("a", &object("one"))])
            .status
            .success()
    );
    Named::new("mw-events").run();
    let events = node.cli(&["events", "--count", "1"]);
    let event: Value = serde_json::from_slice(&events.stdout).unwrap();
    assert_eq!(event["instance"], "a");
    let json = |args: &[&str]| -> Value {
        let output = node.cli(&[["--json"].as_slice(), args].concat());
        assert!(output.status.success(), "{args:?}: {output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    };
    assert_eq!(json(&["status"])["instances"][0]["name"], "a");
    assert_eq!(json(&["pause", "a"])["state"], "paused");
    assert_eq!(json(&["resume", "a"])["state"], "running");
    assert_eq!(json(&["proofs", "a"])["proofs"][0]["to"]["generation"], 1);
    assert_eq!(json(&["stop", "a"])["stopped"], "a");
    let again = node.cli(&["stop", "a"]);
    assert_eq!(again.status.code(), Some(3), "{again:?}");
}

#[test]
fn without_a_daemon_the_exit_code_says_so() {
    let folder = tempfile::tempdir().unwrap();
    for args in [["status"].as_slice(), &["events"], &["stop", "a"]] {
        let output = command(&folder.path().join("node.sock"))
            .args(args)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(4), "{args:?}: {output:?}");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        for words in ["no node answers", "start one with `node daemon`"] {
            assert!(told.contains(words), "{told}");
        }
    }
    let wrong = command(&folder.path().join("node.sock"))
        .arg("nonsense")
        .output()
        .unwrap();
    assert_eq!(wrong.status.code(), Some(2), "{wrong:?}");
}

#[test]
fn a_user_without_the_rights_is_not_told_that_the_object_is_at_fault() {
    if !is_root("another user's node run") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    // Where the tests are built may be closed to other users.
    let open = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(folder.path(), open).unwrap();
    let node = folder.path().join("node");
    std::fs::copy(tests::programs::built("node"), &node).unwrap();
    let mut command = Command::new(node);
    command.args(["update", "--foreground", "-"]);
    command.uid(NOBODY).gid(NOBODY);
    let mut running = Foreground::spawn(&mut command, &object("one"));
    let problem = running.note();
    let detail = problem["detail"].as_str().unwrap();
    assert!(
        detail.starts_with("loading BPF needs root (CAP_BPF and CAP_PERFMON)"),
        "{problem}"
    );
    let ended = until("the command ends", || running.child.try_wait().unwrap());
    assert_eq!(ended.code(), Some(3), "{ended:?}");
}

#[test]
fn nobody_reading_the_events_ends_a_foreground_instance() {
    if !is_root("a closed pipe") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.bpf.o");
    std::fs::File::create(&file)
        .unwrap()
        .write_all(&object("one"))
        .unwrap();
    let mut child = command(&folder.path().join("node.sock"))
        .arg("run")
        .arg(&file)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let named = Named::new("mw-pipe");
    let status = until("the command ends", || {
        named.run();
        child.try_wait().unwrap()
    });
    assert!(status.success(), "{status:?}");
}

#[test]
fn a_second_ctrl_c_ends_what_waits_for_a_reader_that_does_not_read() {
    if !is_root("a stuck reader") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.bpf.o");
    std::fs::File::create(&file)
        .unwrap()
        .write_all(&object("two"))
        .unwrap();
    let (_unread, output) = std::io::pipe().unwrap();
    let mut child = command(&folder.path().join("node.sock"))
        .arg("--json")
        .arg("run")
        .arg(&file)
        .stdout(output)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut notes = BufReader::new(child.stderr.take().unwrap());
    notes.read_line(&mut String::new()).unwrap();
    // Two events a command, of more than 100 bytes each: more than the 64 KiB of a pipe.
    let named = Named::new("mw-stuck");
    for _ in 0..400 {
        named.run();
    }
    let status = until("the command ends", || {
        send(child.id(), libc::SIGINT);
        child.try_wait().unwrap()
    });
    assert_eq!(status.code(), Some(1), "ended by the second");
}
