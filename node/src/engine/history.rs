//! What was in charge under a name, over all lives of the daemon: the proof of each start, update and
//! way back, and the line of payloads that lead to the one in charge. Pure; `keeper` has it on disk.
//! Must never lead back to a generation that was itself gone back from.

use std::sync::Arc;

use api::node::{self, GenerationId, Proof, Settings};
use payload::digest::Digest;
use serde::{Deserialize, Serialize};

/// Proofs that are kept for a name; the oldest goes first.
const ENTRIES_MAX: usize = 64;
/// Generations of a name whose payloads are kept, the one in charge included.
const LINE_MAX: usize = 8;
/// Bytes of these payloads, but for the one in charge and the one before it.
const LINE_BYTES_MAX: u64 = 64 << 20;

/// All that is known of a name.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct History {
    /// Shared with whoever has a view of it: a new one is made with each change.
    entries: Vec<Arc<Entry>>,
    /// The last one is in charge, or was; each came by an update of the one before it.
    line: Vec<Link>,
}

/// One start, update or way back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    started_ms: u64,
    payload: String,
    proof: Proof,
}

/// A generation in the line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Link {
    /// When the instance was started whose generation it is.
    pub(super) started_ms: u64,
    /// The generation.
    pub(super) id: GenerationId,
    /// What it was made from; nothing where the file is not the engine's to keep.
    pub(super) original: Option<Original>,
}

/// What a generation was made from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Original {
    /// Of the file.
    pub(super) digest: Digest,
    /// Bytes of the file.
    pub(super) size_bytes: u64,
    /// What was set in it.
    pub(super) settings: Settings,
}

impl History {
    /// A generation has taken over from the one in charge, by a start or an update.
    pub(super) fn follow(&mut self, payload: &str, link: Link, proof: Proof) {
        let again = self.line.last().is_some_and(|last| {
            // The same once more in another life is no step from which there is a way back.
            last.started_ms != link.started_ms
                && last.id.digest == link.id.digest
                && last.original == link.original
        });
        if again {
            self.line.pop();
        }
        self.add(payload, link.started_ms, proof);
        self.line.push(link);
        self.shorten();
    }

    /// A generation is in charge, whether it is known of or not: a kill may have come before that was
    /// written.
    pub(super) fn catch_up(&mut self, payload: &str, link: Link, mut proof: Proof) {
        let of_it = |other: &Link| other.started_ms == link.started_ms && other.id == link.id;
        let known = self.line.iter().rposition(of_it);
        if known.is_some_and(|index| index + 1 == self.line.len()) {
            return;
        }
        let last = self.line.last();
        let last = last.filter(|last| last.started_ms == link.started_ms);
        proof.from = last.map(|last| last.id.clone());
        match known {
            // It was gone back to.
            Some(index) => {
                self.line.truncate(index + 1);
                self.add(payload, link.started_ms, proof);
            }
            None => self.follow(payload, link, proof),
        }
    }

    /// The one in charge was left for the one before it, which runs as this generation now.
    pub(super) fn go_back(&mut self, payload: &str, link: Link, proof: Proof) {
        self.line.truncate(self.line.len().saturating_sub(2));
        self.add(payload, link.started_ms, proof);
        self.line.push(link);
    }

    /// The newest proof, where it can be completed.
    pub(super) fn last_proof_mut(&mut self) -> Option<&mut Proof> {
        Some(&mut Arc::make_mut(self.entries.last_mut()?).proof)
    }

    /// The generation before the one in charge.
    pub(super) fn before(&self) -> Option<&Link> {
        self.line.iter().rev().nth(1)
    }

    /// The proofs of one life of the instance, oldest first.
    pub(super) fn proofs_of(&self, started_ms: u64) -> impl DoubleEndedIterator<Item = &Proof> {
        let of_it = move |entry: &&Arc<Entry>| entry.started_ms == started_ms;
        self.entries.iter().filter(of_it).map(|entry| &entry.proof)
    }

    /// The files that it needs.
    pub(super) fn needed(&self) -> impl Iterator<Item = &Digest> {
        let originals = self.line.iter().filter_map(|link| link.original.as_ref());
        originals.map(|original| &original.digest)
    }

    /// In the words of the API. `has` says whether a file is there.
    pub(super) fn shown(&self, instance: &str, has: impl Fn(&Digest) -> bool) -> node::History {
        let in_charge = self.entries.len().checked_sub(1);
        let shown = self.entries.iter().enumerate().map(|(index, entry)| {
            let to = &entry.proof.to;
            let of_it = |link: &&Link| link.started_ms == entry.started_ms && link.id == *to;
            let original = self.line.iter().find(of_it);
            let original = original.and_then(|link| link.original.as_ref());
            node::HistoryEntry {
                started_ms: entry.started_ms,
                payload: entry.payload.clone(),
                in_charge: Some(index) == in_charge,
                kept: original.is_some_and(|original| has(&original.digest)),
                proof: entry.proof.clone(),
            }
        });
        node::History {
            instance: instance.to_owned(),
            entries: shown.collect(),
        }
    }

    fn add(&mut self, payload: &str, started_ms: u64, proof: Proof) {
        if self.entries.len() >= ENTRIES_MAX {
            self.entries.remove(0);
        }
        self.entries.push(Arc::new(Entry {
            started_ms,
            payload: payload.to_owned(),
            proof,
        }));
    }

    /// Forgets the oldest generations of the line, where they are too many or too large.
    fn shorten(&mut self) {
        let size = |link: &Link| link.original.as_ref().map_or(0, |from| from.size_bytes);
        let spare = self.line.len().saturating_sub(2);
        let mut bytes = 0_u64;
        let mut kept = 0;
        for link in self.line.iter().take(spare).rev() {
            bytes = bytes.saturating_add(size(link));
            if kept + 2 >= LINE_MAX || bytes > LINE_BYTES_MAX {
                break;
            }
            kept += 1;
        }
        self.line.drain(..spare - kept);
    }
}

#[cfg(test)]
mod tests;
