//! A Chromium without a window, told what to do by its `DevTools` protocol
//! (chromedevtools.github.io/devtools-protocol) over two pipes: no port that others can reach, no
//! crate that brings the whole protocol, and it ends when its input does, however the test ended.
//! Called by `tab`. Must never use a profile but its own, nor outlive its test.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// Where Debian's package puts it. The program on the `PATH` is a script that asks what the machine has.
pub(crate) const PROGRAM: &str = "/usr/lib/chromium/chromium";
/// How long it may take for one answer: two cores are shared with whatever else is tested.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long it may take to end.
const ENDS_WITHIN: Duration = Duration::from_secs(5);
/// Messages that are not read yet; then it waits.
const MESSAGES_MAX: usize = 1024;
/// Events that are kept until somebody asks; the oldest go first.
const EVENTS_MAX: usize = 10_000;
/// The shell gives it the pipes where `--remote-debugging-pipe` looks for them.
const WITH_PIPES: &str = "exec \"$0\" \"$@\" 3<&0 4>&1 </dev/null >/dev/null";
const FLAGS: [&str; 10] = [
    "--headless=new",
    "--remote-debugging-pipe",
    "--no-first-run",
    "--disable-gpu",
    // Nobody reads what it would keep of a crash, and who would outlives it.
    "--disable-breakpad",
    // It asks nobody for anything by itself.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    // The same on every machine.
    "--force-color-profile=srgb",
    "--hide-scrollbars",
];

/// A running Chromium.
pub(crate) struct Chromium {
    child: Child,
    input: Option<ChildStdin>,
    told: Receiver<Value>,
    last_id: u64,
    events: VecDeque<Value>,
    profile: tempfile::TempDir,
}

impl Chromium {
    /// Starts one and waits until it answers.
    ///
    /// # Errors
    /// Why there is none here.
    pub(crate) fn start() -> Result<Self, String> {
        if !Path::new(PROGRAM).exists() {
            return Err(format!("{PROGRAM} is missing: cargo xtask setup"));
        }
        let profile = tempfile::tempdir().unwrap();
        let journal = std::fs::File::create(profile.path().join("journal")).unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", WITH_PIPES, PROGRAM]).args(FLAGS);
        // Its sandbox refuses to be root's; all it is shown here is a registry of this test.
        command.arg("--no-sandbox");
        let folder = profile.path().join("profile");
        command.arg(format!("--user-data-dir={}", folder.display()));
        command.arg("about:blank").env("HOME", profile.path());
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.stderr(journal).spawn().unwrap();
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let (sender, told) = sync_channel(MESSAGES_MAX);
        std::thread::spawn(move || read(output.unwrap(), &sender));
        let mut chromium = Self {
            child,
            input,
            told,
            last_id: 0,
            events: VecDeque::new(),
            profile,
        };
        let version = chromium.call(None, "Browser.getVersion", json!({}));
        version.map_err(|error| {
            let journal = std::fs::read_to_string(chromium.profile.path().join("journal"));
            format!("{PROGRAM} does not answer: {error}: {journal:?}")
        })?;
        Ok(chromium)
    }

    /// Asks for something, in a session where there is one, and gives the answer.
    ///
    /// # Errors
    /// What it says in place of an answer: pages go away while they are asked.
    pub(crate) fn call(
        &mut self,
        session: Option<&str>,
        method: &str,
        params: Value,
    ) -> Result<Value, String> {
        let id = self.send(session, method, params)?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            let mut message = self
                .next(deadline)
                .map_err(|why| format!("{method}: {why}"))?;
            if message["id"] != id {
                self.note(message)?;
            } else if let Some(error) = message.get("error") {
                return Err(format!("{method}: {error}"));
            } else {
                return Ok(message["result"].take());
            }
        }
    }

    /// What happened since it was asked last.
    pub(crate) fn events(&mut self) -> Vec<Value> {
        while let Ok(message) = self.told.try_recv() {
            // Who has gone away is seen by who asks next.
            let _ = self.note(message);
        }
        self.events.drain(..).collect()
    }

    fn send(&mut self, session: Option<&str>, method: &str, params: Value) -> Result<u64, String> {
        self.last_id += 1;
        let mut message = json!({ "id": self.last_id, "method": method });
        message["params"] = params;
        if let Some(session) = session {
            message["sessionId"] = session.into();
        }
        let mut bytes = message.to_string().into_bytes();
        bytes.push(0);
        let input = self
            .input
            .as_mut()
            .expect("it is open until this is dropped");
        input.write_all(&bytes).map_err(|error| error.to_string())?;
        Ok(self.last_id)
    }

    fn next(&mut self, deadline: Instant) -> Result<Value, String> {
        let left = deadline.saturating_duration_since(Instant::now());
        self.told.recv_timeout(left).map_err(|error| match error {
            RecvTimeoutError::Timeout => format!("no answer in {PATIENCE:?}"),
            RecvTimeoutError::Disconnected => "it has ended".to_owned(),
        })
    }

    /// Keeps an event. A question stops its page, and whoever clicked, until it is answered: yes.
    fn note(&mut self, message: Value) -> Result<(), String> {
        if message["method"] == "Page.javascriptDialogOpening" {
            let session = message["sessionId"].as_str().map(str::to_owned);
            let yes = json!({ "accept": true });
            self.send(session.as_deref(), "Page.handleJavaScriptDialog", yes)?;
        }
        if message.get("method").is_some() {
            if self.events.len() == EVENTS_MAX {
                self.events.pop_front();
            }
            self.events.push_back(message);
        }
        Ok(())
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        drop(self.input.take());
        let deadline = Instant::now() + ENDS_WITHIN;
        // What it says at its end is nobody's; its last word is the end of the pipe.
        while self.next(deadline).is_ok() {}
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads messages, each with a NUL behind it, until the pipe ends or nobody wants them.
fn read(output: ChildStdout, sender: &SyncSender<Value>) {
    let mut messages = BufReader::new(output).split(0);
    while let Some(Ok(bytes)) = messages.next() {
        let message = serde_json::from_slice(&bytes).unwrap();
        if sender.send(message).is_err() {
            return;
        }
    }
}
