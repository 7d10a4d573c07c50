//! One change that every node is told of: when each heard of it, and when each had it running and
//! had said so. Filled by the nodes, waited for by `load`.
//! Must never end before the last node, nor count one twice.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use serde_json::{Value, json};
use tokio::sync::Notify;

/// The round that goes on, and who waits for its end.
pub(crate) struct Rounds {
    round: Mutex<Round>,
    ended: Notify,
}

struct Round {
    version: String,
    began: Instant,
    /// Seconds, by node.
    told_s: Vec<Option<f64>>,
    /// Seconds, by node.
    running_s: Vec<Option<f64>>,
    /// Nodes that do not run it yet.
    left: usize,
    failed: Option<anyhow::Error>,
}

impl Rounds {
    /// So many nodes, none of which waits for anything.
    pub(crate) fn new(nodes: usize) -> Self {
        let round = Round {
            version: String::new(),
            began: Instant::now(),
            told_s: vec![None; nodes],
            running_s: vec![None; nodes],
            left: 0,
            failed: None,
        };
        Self {
            round: Mutex::new(round),
            ended: Notify::new(),
        }
    }

    /// Begins now: every node is to run this version.
    pub(crate) fn begin(&self, version: &str) {
        let mut round = self.round();
        version.clone_into(&mut round.version);
        round.told_s.fill(None);
        round.running_s.fill(None);
        round.left = round.running_s.len();
        round.began = Instant::now();
    }

    /// A node heard a ring.
    pub(crate) fn told(&self, node: usize) {
        let mut round = self.round();
        let told_s = round.began.elapsed().as_secs_f64();
        if round.left > 0 {
            round.told_s[node].get_or_insert(told_s);
        }
    }

    /// The registry has kept a node's word that it runs a version.
    pub(crate) fn runs(&self, node: usize, version: &str) {
        let mut round = self.round();
        if round.left == 0 || round.version != version || round.running_s[node].is_some() {
            return;
        }
        round.running_s[node] = Some(round.began.elapsed().as_secs_f64());
        round.left -= 1;
        if round.left == 0 {
            self.ended.notify_one();
        }
    }

    /// A node could not go on.
    pub(crate) fn failed(&self, error: anyhow::Error) {
        self.round().failed.get_or_insert(error);
        self.ended.notify_one();
    }

    /// Waits until every node runs it; what it took.
    ///
    /// # Errors
    /// When a node could not go on.
    pub(crate) async fn end(&self) -> anyhow::Result<Value> {
        loop {
            let ended = self.ended.notified();
            {
                let mut round = self.round();
                if let Some(error) = round.failed.take() {
                    return Err(error);
                }
                if round.left == 0 {
                    return Ok(round.result());
                }
            }
            ended.await;
        }
    }

    /// How many nodes heard, and run it, for who has waited in vain.
    pub(crate) fn so_far(&self) -> String {
        let round = self.round();
        let nodes = round.told_s.len();
        let told = round.told_s.iter().flatten().count();
        format!(
            "of {nodes} nodes {told} heard and {} run it",
            nodes - round.left
        )
    }

    fn round(&self) -> MutexGuard<'_, Round> {
        self.round.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Round {
    fn result(&self) -> Value {
        json!({
            "told": self.told_s.iter().flatten().count(),
            "told_s_p50": percentile(&self.told_s, 50),
            "told_s_p99": percentile(&self.told_s, 99),
            "running_s_p50": percentile(&self.running_s, 50),
            "running_s_p99": percentile(&self.running_s, 99),
        })
    }
}

/// What so many of a hundred do not exceed. One that did not come counts as endless, which JSON
/// shows as `null`.
fn percentile(values: &[Option<f64>], of_hundred: usize) -> f64 {
    let mut values: Vec<f64> = values.iter().map(|v| v.unwrap_or(f64::INFINITY)).collect();
    values.sort_by(f64::total_cmp);
    let at = (values.len() * of_hundred).div_ceil(100).saturating_sub(1);
    values.get(at).copied().unwrap_or(f64::NAN)
}
