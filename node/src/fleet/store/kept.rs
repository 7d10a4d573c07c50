//! What is written down about the fleet, as types. A part of the store.
//! Must never hold what could be had from somewhere else.

use std::collections::VecDeque;
use std::fmt;

use api::registry::{OUTCOMES_MAX, Outcome, Wanted};
use payload::digest::Digest;
use payload::name::InstanceName;
use serde::{Deserialize, Serialize};

/// Outcomes that wait for the registry; the oldest goes first.
const OUTBOX_MAX: usize = OUTCOMES_MAX;

/// All that a life of the daemon leaves to the next but floors and credential.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Kept {
    /// What ran because the registry wanted it.
    pub(crate) instances: Vec<KeptInstance>,
    /// What was begun and had not come to an end.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) attempts: Vec<KeptAttempt>,
    /// What there is to report.
    pub(crate) outbox: Outbox,
}

/// What was begun without an end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeptAttempt {
    /// Under which name.
    pub(crate) instance: InstanceName,
    /// Which file.
    pub(crate) digest: Digest,
    /// By which rollout.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) rollout: Option<u64>,
    /// How often.
    pub(crate) times: u32,
}

/// What ran under a name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeptInstance {
    /// What it is.
    pub(crate) wanted: Wanted,
    /// What ran there before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) previous: Option<Wanted>,
    /// What failed its watch there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) failed: Option<Wanted>,
    /// Whether it was not told yet that its watch had ended well.
    #[serde(default)]
    pub(crate) to_commit: bool,
}

/// Outcomes that the registry has not taken yet. Their serials only grow, also over what was lost: a
/// registry takes no serial of a node twice, and drops what comes under one that it knows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Outbox {
    /// The serial of the last outcome there was.
    last_serial: u64,
    /// Outcomes that were dropped because too many waited.
    dropped: u64,
    waiting: VecDeque<Outcome>,
}

impl Kept {
    /// Nothing, where there is no life before, or what it left was moved away, at this time in
    /// milliseconds since 1970.
    pub(crate) fn nothing(now_ms: u64) -> Self {
        Self {
            instances: Vec::new(),
            attempts: Vec::new(),
            outbox: Outbox::beginning(now_ms),
        }
    }
}

impl Outbox {
    /// An empty one. Its serials begin at the time: they count outcomes, so that no life before can
    /// have come so far, unless the clock of then was ahead of today's.
    pub(crate) fn beginning(now_ms: u64) -> Self {
        Self {
            last_serial: now_ms,
            dropped: 0,
            waiting: VecDeque::new(),
        }
    }

    /// Puts an outcome behind the others, under the next serial.
    pub(crate) fn add(&mut self, mut outcome: Outcome) {
        self.last_serial += 1;
        outcome.serial = self.last_serial;
        if self.waiting.len() == OUTBOX_MAX {
            self.waiting.pop_front();
            self.dropped += 1;
        }
        self.waiting.push_back(outcome);
    }

    /// The serial of the last outcome there was.
    pub(crate) fn last_serial(&self) -> u64 {
        self.last_serial
    }

    /// The oldest outcomes, none behind `last_serial`, whose JSON is at most so many bytes; one at
    /// least, where there is one.
    pub(crate) fn batch(&self, last_serial: u64, bytes_max: usize) -> Vec<Outcome> {
        let mut bytes = 0;
        let mut batch = Vec::new();
        let may_go = |outcome: &&Outcome| outcome.serial <= last_serial;
        for outcome in self.waiting.iter().take_while(may_go) {
            bytes += serde_json::to_vec(outcome).map_or(0, |json| json.len());
            if bytes > bytes_max && !batch.is_empty() {
                break;
            }
            batch.push(outcome.clone());
        }
        batch
    }

    /// Forgets what the registry has taken: all up to this serial.
    pub(crate) fn taken(&mut self, serial: u64) {
        self.waiting.retain(|outcome| outcome.serial > serial);
    }

    /// Gives up what the registry will never take: all up to this serial.
    pub(crate) fn give_up(&mut self, serial: u64) {
        let before = self.waiting.len();
        self.taken(serial);
        self.dropped += u64::try_from(before - self.waiting.len()).unwrap_or(0);
    }

    /// How many wait.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// How many were dropped.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped
    }
}

/// What a node says who it is with.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Credential {
    /// What the registry calls the node.
    pub(crate) node: String,
    /// The secret.
    pub(crate) credential: String,
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credential({}, ..)", self.node)
    }
}
