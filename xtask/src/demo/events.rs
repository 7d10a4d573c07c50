//! The instance's event stream, as curl reads it. Called by `demo`.
//! Must never drop a line that came: what is counted here is the proof.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::commands::Ran;
use crate::run;

const PAUSE: Duration = Duration::from_millis(10);
/// Lines that `sample` shows of each kind.
const SAMPLES: usize = 2;

/// One event line: `{"instance":…,"generation":…,"ring":…,"position":…,"read_us":…,"event":{…}}`.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// The line as it came.
    pub(crate) line: String,
    /// The line read.
    pub(crate) value: Value,
}

impl Seen {
    /// The generation that emitted it.
    pub(crate) fn generation(&self) -> u64 {
        self.value["generation"].as_u64().unwrap_or(0)
    }

    /// `EXEC` or `EXIT`.
    pub(crate) fn kind(&self) -> &str {
        self.value["event"]["kind"].as_str().unwrap_or_default()
    }

    /// A number among the fields of the struct.
    pub(crate) fn number(&self, field: &str) -> Option<u64> {
        self.value["event"][field].as_u64()
    }

    /// A text among the fields of the struct.
    pub(crate) fn text(&self, field: &str) -> &str {
        self.value["event"][field].as_str().unwrap_or_default()
    }
}

/// What has come so far, from a thread that reads.
pub(crate) struct Events {
    seen: Arc<Mutex<Vec<Seen>>>,
    curl: Child,
}

impl Events {
    /// Follows the server-sent events of an instance from the oldest that the node still holds.
    ///
    /// # Errors
    /// When curl does not start.
    pub(crate) fn follow(socket: &Path, instance: &str) -> Result<Self> {
        let mut curl = run::command("curl");
        curl.args(["-sSN", "--unix-socket"]).arg(socket);
        curl.arg(format!(
            "http://localhost/api/v1/instances/{instance}/events"
        ));
        let mut curl = curl.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let stdout = curl.stdout.take().context("the output of curl is piped")?;
        let seen = Arc::new(Mutex::new(Vec::new()));
        let into = Arc::clone(&seen);
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let Some(line) = line.strip_prefix("data:") else {
                    continue;
                };
                let Ok(value) = serde_json::from_str(line) else {
                    continue;
                };
                let seen = Seen {
                    line: line.trim().to_owned(),
                    value,
                };
                into.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(seen);
            }
        });
        Ok(Self { seen, curl })
    }

    fn all(&self) -> Vec<Seen> {
        self.seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Waits until a generation has emitted that many events.
    ///
    /// # Errors
    /// When it does not in time.
    pub(crate) fn wait_for(&self, generation: u64, count: usize, patience: Duration) -> Result<()> {
        let deadline = Instant::now() + patience;
        loop {
            let all = self.all();
            let have = all
                .iter()
                .filter(|seen| seen.generation() == generation)
                .count();
            if have >= count {
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!("generation {generation} emitted {have} events, not {count}: {all:#?}");
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// Some lines of a generation, of each kind.
    pub(crate) fn sample(&self, generation: u64) -> Vec<String> {
        let all = self.all();
        let ours = |kind: &'static str| {
            let of = all
                .iter()
                .filter(move |seen| seen.generation() == generation);
            of.filter(move |seen| seen.kind() == kind)
                .take(SAMPLES)
                .map(|seen| seen.line.clone())
        };
        ours("EXEC").chain(ours("EXIT")).collect()
    }

    /// Waits until the end of every command has come, or time is up; gives all events.
    ///
    /// # Errors
    /// When the stream ended by itself.
    pub(crate) fn until_complete(mut self, ran: &[Ran], patience: Duration) -> Result<Vec<Seen>> {
        let deadline = Instant::now() + patience;
        let last = ran.last().context("no command ran")?.pid;
        let is_end = |seen: &Seen| seen.kind() == "EXIT" && seen.number("pid") == Some(last);
        while !self.all().iter().any(is_end) && Instant::now() < deadline {
            if let Some(status) = self.curl.try_wait()? {
                bail!("the event stream ended: curl {status}");
            }
            std::thread::sleep(PAUSE);
        }
        Ok(self.all())
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        // It reads until the instance stops; nobody listens any more.
        let _ = self.curl.kill();
        let _ = self.curl.wait();
    }
}
