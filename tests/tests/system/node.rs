//! The real daemon in a folder of its own, and the real command line.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Instant;

use serde_json::Value;
use tests::{calls, programs};

use super::http::{self, Answer, Request};
use super::waiting::{BETWEEN_LOOKS, PATIENCE, until};

/// A daemon that ends with the test.
pub(crate) struct Node {
    child: Child,
    folder: tempfile::TempDir,
    address: SocketAddr,
}

impl Node {
    /// Starts one on a free port, with its socket and state in a temporary folder.
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// As [`Node::start`], with more arguments.
    pub(crate) fn start_with(args: &[&str]) -> Self {
        Self::start_as(|command| {
            command.args(args);
        })
    }

    /// As [`Node::start`], with what `change` does to the command.
    pub(crate) fn start_as(change: impl FnOnce(&mut Command)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        Self::start_in(&state, folder, change)
    }

    /// As [`Node::start_with`], with a state folder that outlives it.
    pub(crate) fn start_over(state: &Path, args: &[&str]) -> Self {
        Self::start_in(state, tempfile::tempdir().unwrap(), |command| {
            command.args(args);
        })
    }

    /// As [`Node::start_over`], with what `change` does to the command.
    pub(crate) fn start_over_as(state: &Path, change: impl FnOnce(&mut Command)) -> Self {
        Self::start_in(state, tempfile::tempdir().unwrap(), change)
    }

    fn start_in(
        state: &Path,
        folder: tempfile::TempDir,
        change: impl FnOnce(&mut Command),
    ) -> Self {
        let mut command = Command::new(programs::built("node"));
        command
            .args(["--json", "daemon", "--legacy-listen", "127.0.0.1:0"])
            .arg("--socket")
            .arg(folder.path().join("node.sock"))
            .arg("--state-dir")
            .arg(state)
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(folder.path().join("journal")).unwrap());
        change(&mut command);
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let listening: Value = serde_json::from_str(&line).unwrap_or_else(|_| {
            let journal = std::fs::read_to_string(folder.path().join("journal"));
            panic!("the daemon said {line:?}, and in its journal {journal:?}")
        });
        let address = listening["legacy"].as_str().unwrap().parse().unwrap();
        Self {
            child,
            folder,
            address,
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join("node.sock")
    }

    /// What the daemon wrote to standard error.
    pub(crate) fn journal(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("journal")).unwrap()
    }

    pub(crate) fn state_dir(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// A request over TCP.
    pub(crate) fn ask(&self, line: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        http::tcp(
            self.address,
            &Request {
                line,
                headers,
                body,
            }
            .bytes(),
        )
    }

    /// A request over the unix socket.
    pub(crate) fn ask_unix(&self, line: &str, body: &[u8]) -> Answer {
        http::unix(
            &self.socket(),
            &Request {
                line,
                headers: &[],
                body,
            },
        )
    }

    /// `POST` as the client of 2022 sends it.
    pub(crate) fn post(&self, path: &str, body: &[u8]) -> Answer {
        self.ask(
            &format!("POST {path}"),
            &[("Content-Type", "text/plain")],
            body,
        )
    }

    /// What runs, over the unix socket.
    pub(crate) fn instances(&self) -> Vec<Value> {
        let answer = self.ask_unix("GET /api/v1/instances", b"");
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["instances"].as_array().unwrap().clone()
    }

    /// One instance.
    pub(crate) fn instance(&self, name: &str) -> Value {
        let answer = self.ask_unix(&format!("GET /api/v1/instances/{name}"), b"");
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    /// Every event of an instance that the daemon still has, oldest first, as `POST /log` of 2023
    /// gives them.
    pub(crate) fn events(&self, id: u64) -> Vec<Value> {
        let mut events = Vec::new();
        let mut cursor = 0;
        loop {
            let body = format!(r#"{{"id":{id},"log_cursor":{cursor}}}"#);
            let answer = self.post("/log", body.as_bytes());
            assert_eq!(answer.status, 200, "{answer:?}");
            let page = answer.json();
            let entries = page.as_array().unwrap();
            let Some(last) = entries.last() else {
                return events;
            };
            for entry in entries.iter().map(|entry| &entry["log"]) {
                assert_eq!(entry["log_type"], "stdout", "{entry}");
                events.push(serde_json::from_str(entry["log"].as_str().unwrap()).unwrap());
            }
            cursor = last["cursor"].as_u64().unwrap() + 1;
        }
    }

    /// A command of the command line that asks this daemon.
    pub(crate) fn cli(&self, args: &[&str]) -> Output {
        command(&self.socket()).args(args).output().unwrap()
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: i32) {
        send(self.pid(), signal);
    }

    /// Stops it where it is, each of its threads: one that still runs may accept and answer.
    pub(crate) fn freeze(&self) {
        self.signal(libc::SIGSTOP);
        until("every thread has stopped", || {
            let mut threads = std::fs::read_dir(format!("/proc/{}/task", self.pid())).unwrap();
            let stopped = |thread: std::io::Result<std::fs::DirEntry>| {
                let stat = std::fs::read_to_string(thread.unwrap().path().join("stat")).unwrap();
                let state = stat.rsplit_once(") ").unwrap().1;
                state.starts_with('T')
            };
            threads.all(stopped).then_some(())
        });
    }

    /// A request over the unix socket; `None` where the daemon dies of it.
    pub(crate) fn ask_mortal(&self, line: &str, body: &[u8]) -> Option<Answer> {
        http::unix_of_mortal(
            &self.socket(),
            &Request {
                line,
                headers: &[],
                body,
            },
        )
    }

    /// Waits until it has died by itself.
    pub(crate) fn wait_for_death(mut self) {
        until("the daemon dies", || self.child.try_wait().unwrap());
    }

    /// Kills it, as the kernel does when memory runs out.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Stops it as a service manager does, and gives its exit code.
    pub(crate) fn stop(mut self) -> Option<i32> {
        self.signal(libc::SIGTERM);
        until("the daemon ends", || self.child.try_wait().unwrap()).code()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|ended| ended.is_some()) {
            return;
        }
        self.signal(libc::SIGCONT);
        self.signal(libc::SIGTERM);
        // It takes its pins with it, also when the test fails.
        let deadline = Instant::now() + PATIENCE;
        while self.child.try_wait().is_ok_and(|ended| ended.is_none()) && Instant::now() < deadline
        {
            std::thread::park_timeout(BETWEEN_LOOKS);
        }
        if std::thread::panicking() {
            // What led to the failure.
            print!("{}", self.journal());
        } else {
            assert!(self.child.try_wait().unwrap().is_some(), "the daemon ends");
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The command line, with its daemon's socket.
pub(crate) fn command(socket: &Path) -> Command {
    let mut command = Command::new(programs::built("node"));
    command.arg("--socket").arg(socket).stdin(Stdio::null());
    command
}

/// Sends a signal to a process of ours.
pub(crate) fn send(pid: u32, signal: i32) {
    calls::send_signal(pid, signal).unwrap_or_else(|error| panic!("signal {signal}: {error}"));
}

/// A command that does nothing, under a name of its own (at most 15 characters, as the kernel keeps
/// them), so that a test finds its events among those of the whole machine.
pub(crate) struct Named {
    folder: tempfile::TempDir,
    name: String,
}

impl Named {
    pub(crate) fn new(name: &str) -> Self {
        assert!(name.len() <= 15, "{name} is cut off by the kernel");
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/bin/true", folder.path().join(name)).unwrap();
        Self {
            folder,
            name: name.to_owned(),
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Runs it once and gives its process id.
    pub(crate) fn run(&self) -> u64 {
        let mut child = Command::new(self.folder.path().join(&self.name))
            .spawn()
            .unwrap();
        assert!(child.wait().unwrap().success());
        u64::from(child.id())
    }
}
