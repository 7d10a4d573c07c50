//! A registry on a free port with a data folder of its own, ended with the test.
//! Must never outlive its test, nor use another one's folder.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::client::{self, Answer};
use crate::fixture::{self, Made};

const BINARY: &str = env!("CARGO_BIN_EXE_registry");
/// Bounds that no test meets by accident.
const WIDE: [&str; 4] = [
    "--requests-per-second",
    "100000",
    "--failures-per-minute",
    "100000",
];

/// A registry that serves.
pub(crate) struct Registry {
    child: Child,
    /// Kept open: who prints into a closed pipe ends.
    stdout: BufReader<ChildStdout>,
    pub(crate) address: SocketAddr,
    /// The token of the first start.
    pub(crate) admin: String,
    pub(crate) folder: TempDir,
    flags: Vec<String>,
}

/// The command that serves from a folder.
pub(crate) fn command(data_dir: &Path, flags: &[&str]) -> Command {
    let mut command = Command::new(BINARY);
    command.args(["--json", "serve", "--data-dir"]);
    command.arg(data_dir).args(flags);
    if !flags.contains(&"--listen") {
        command.args(["--listen", "127.0.0.1:0"]);
    }
    clean(&mut command);
    command
}

/// Runs a command of the registry to its end.
pub(crate) fn run(arguments: &[&str]) -> std::process::Output {
    let mut command = Command::new(BINARY);
    clean(command.args(arguments));
    command.output().unwrap()
}

/// What stands in the environment of whoever tests is not the registry's.
fn clean(command: &mut Command) {
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("MARROW_")) {
        command.env_remove(name);
    }
    command.stdin(Stdio::null());
}

impl Registry {
    /// One with bounds that no test meets by accident.
    pub(crate) fn start() -> Self {
        Self::start_with(&WIDE)
    }

    /// One with these flags.
    pub(crate) fn start_with(flags: &[&str]) -> Self {
        Self::start_from(tempfile::tempdir().unwrap(), flags)
    }

    /// One whose data folder is `data` in this one.
    pub(crate) fn start_in(folder: TempDir) -> Self {
        Self::start_from(folder, &WIDE)
    }

    /// One behind a command of the shell, such as `ulimit`.
    pub(crate) fn start_behind(shell: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let plain = command(&folder.path().join("data"), &WIDE);
        let mut behind = Command::new("sh");
        behind
            .arg("-c")
            .arg(format!("{shell} && exec \"$0\" \"$@\""));
        behind.arg(plain.get_program()).args(plain.get_args());
        clean(&mut behind);
        Self::started(folder, &WIDE, behind)
    }

    fn start_from(folder: TempDir, flags: &[&str]) -> Self {
        let command = command(&folder.path().join("data"), flags);
        Self::started(folder, flags, command)
    }

    fn started(folder: TempDir, flags: &[&str], command: Command) -> Self {
        let (child, stdout, lines) = spawn(command);
        let admin = lines.iter().find_map(|line| line["admin_token"].as_str());
        Self {
            child,
            stdout,
            address: address_in(&lines),
            admin: admin.expect("the first start tells a token").to_owned(),
            folder,
            flags: flags.iter().map(|flag| (*flag).to_owned()).collect(),
        }
    }

    /// The data folder.
    pub(crate) fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Where the bytes of a blob lie.
    pub(crate) fn blob_file(&self, digest: &str) -> PathBuf {
        let hex = digest.strip_prefix("sha256:").unwrap();
        let folder = self.data_dir().join("blobs/sha256");
        folder.join(&hex[..2]).join(hex)
    }

    /// Ends it as a crash does.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to stop, and waits.
    pub(crate) fn stop(&mut self) -> ExitStatus {
        let pid = self.child.id().to_string();
        assert!(
            // The shell's own: the program of this name is of a package that a machine may lack.
            Command::new("sh")
                .args(["-c", &format!("kill -TERM {pid}")])
                .status()
                .unwrap()
                .success()
        );
        self.child.wait().unwrap()
    }

    /// Starts it again from the same folder, on another port. No token is told.
    pub(crate) fn start_again(&mut self) {
        assert_eq!(self.started_again(), None);
    }

    /// The same; gives the token that was told.
    pub(crate) fn started_again(&mut self) -> Option<String> {
        let flags: Vec<&str> = self.flags.iter().map(String::as_str).collect();
        let (child, stdout, lines) = spawn(command(&self.data_dir(), &flags));
        self.address = address_in(&lines);
        self.child = child;
        self.stdout = stdout;
        let told = lines.iter().find_map(|line| line["admin_token"].as_str());
        told.map(str::to_owned)
    }

    /// One request with a token, and a JSON body where there is one.
    pub(crate) fn ask(
        &self,
        token: &str,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Answer {
        let bearer = format!("Bearer {token}");
        let mut headers = vec![("authorization", bearer.as_str())];
        if body.is_some() {
            headers.push(("content-type", "application/json"));
        }
        let body = body.map(|body| body.to_string().into_bytes());
        self.send(method, path, &headers, &body.unwrap_or_default())
    }

    /// As the administrator.
    pub(crate) fn admin(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        self.ask(&self.admin, method, path, body)
    }

    /// Any request; paths without a leading `/api` get the prefix.
    pub(crate) fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        let bare = ["/healthz", "/readyz", "/metrics"].contains(&path) || path.starts_with("/api/");
        let prefix = if bare { "" } else { "/api/v1" };
        let target = format!("{prefix}{path}");
        client::send(self.address, method, &target, headers, body)
            .unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    /// Makes a token.
    pub(crate) fn token(&self, name: &str, scopes: &[&str]) -> String {
        let body = json!({ "name": name, "scopes": scopes });
        let made = self
            .admin("POST", "/tokens", Some(&body))
            .expect(201)
            .json();
        made["secret"].as_str().unwrap().to_owned()
    }

    /// Trusts the key of the fixtures for `acme`.
    pub(crate) fn trust(&self) {
        let key = fixture::trusted_key(&fixture::key(1), &["acme"]);
        let path = format!("/keys/{}", key["key"].as_str().unwrap());
        self.admin("PUT", &path, Some(&key)).expect(201);
    }

    /// Puts the bytes of a release.
    pub(crate) fn put_blob(&self, token: &str, digest: &str, bytes: &[u8]) -> Answer {
        let bearer = format!("Bearer {token}");
        let headers = [("authorization", bearer.as_str())];
        self.send("PUT", &format!("/blobs/{digest}"), &headers, bytes)
    }

    /// Puts the bytes and publishes.
    pub(crate) fn publish(&self, token: &str, made: &Made) -> Answer {
        let put = self.put_blob(token, &made.digest, &made.file);
        assert!([200, 201].contains(&put.status), "{put:?}");
        self.ask(token, "PUT", &made.path(), Some(&made.body()))
    }

    /// The audit's newest page.
    pub(crate) fn audit(&self) -> Vec<Value> {
        let audit = self.admin("GET", "/audit", None).expect(200).json();
        audit["entries"].as_array().unwrap().clone()
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        // Ended already is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts a registry and reads what it tells until it listens.
#[expect(
    clippy::zombie_processes,
    reason = "`Registry` waits for it when it is dropped"
)]
fn spawn(mut command: Command) -> (Child, BufReader<ChildStdout>, Vec<Value>) {
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        let bytes = stdout.read_line(&mut line).unwrap();
        assert!(bytes > 0, "it ended: {:?}", child.wait());
        let line: Value = serde_json::from_str(&line).unwrap();
        let listens = line.get("listening").is_some();
        lines.push(line);
        if listens {
            return (child, stdout, lines);
        }
    }
}

fn address_in(lines: &[Value]) -> SocketAddr {
    let url = lines.iter().find_map(|line| line["listening"].as_str());
    let (_, address) = url.unwrap().split_once("://").unwrap();
    address.parse().unwrap()
}

/// Waits until something holds.
#[track_caller]
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !holds() {
        assert!(Instant::now() < deadline, "not within 30 s: {what}");
        std::thread::yield_now();
    }
}

/// Everything that a child said on standard error.
pub(crate) fn stderr_of(mut command: Command) -> (ExitStatus, String) {
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut said)
        .unwrap();
    (child.wait().unwrap(), said)
}
