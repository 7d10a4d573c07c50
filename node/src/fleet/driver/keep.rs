//! What the driver writes down, and when.
//! A part of the driver. Must never tell the registry what the disk does not know, floors least.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError};

use payload::digest::Digest;
use tokio::task::spawn_blocking;

use super::super::machine::State;
use super::super::store::{Kept, KeptAttempt, KeptInstance};
use super::super::troubles::Concern;
use super::{Disk, Driver};

impl Driver {
    /// Writes what is not written yet. What can't be is told and tried again at the next turn.
    pub(super) async fn write(&mut self) {
        if self.disk.lacks_credential {
            self.write_credential().await;
        }
        if !self.disk.lacks_state && !self.disk.lacks_floors {
            return;
        }
        self.adopt();
        let shared = Arc::clone(&self.shared);
        let with_floors = self.disk.lacks_floors;
        let kept = Kept {
            instances: instances(&self.state),
            attempts: attempts(&self.state),
            outbox: self.outbox.clone(),
        };
        let (needed, serial) = (needed(&self.state), self.outbox.last_serial());
        let written = spawn_blocking(move || {
            if with_floors {
                let floors = shared.floors.lock().unwrap_or_else(PoisonError::into_inner);
                let floors = floors.clone();
                shared.store.keep_floors(&floors)?;
            }
            shared.store.keep(&kept)?;
            // What is too much can be removed the next time too.
            let _ = shared.store.collect(&needed);
            Ok::<(), super::super::store::StoreError>(())
        });
        match written.await {
            Ok(Ok(())) => {
                self.disk = Disk {
                    lacks_credential: self.disk.lacks_credential,
                    ..Disk::knows(serial)
                };
                self.eased(Concern::Disk);
            }
            Ok(Err(error)) => self.not_written(error.to_string()),
            Err(error) => self.not_written(error.to_string()),
        }
    }

    async fn write_credential(&mut self) {
        let Some(credential) = self.credential.clone() else {
            return;
        };
        let (shared, node) = (Arc::clone(&self.shared), credential.node.clone());
        let written = spawn_blocking(move || match shared.store.credential()? {
            // `node enrol` has put another one there meanwhile: that is the newer.
            Some(_) => Ok(()),
            None => shared.store.keep_credential(&credential),
        });
        let reason = match written.await {
            Ok(Ok(())) => {
                self.disk.lacks_credential = false;
                self.eased(Concern::Keeping);
                return;
            }
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        let detail = format!(
            "{reason}; it is tried again until it is kept. If this daemon ends before, let the \
             registry forget the node (`packer nodes {node} --forget`) and enrol it with a new token"
        );
        self.troubled(Concern::Keeping, "the credential can't be kept", detail);
    }

    fn not_written(&mut self, reason: String) {
        self.troubled(Concern::Disk, "the state can't be written", reason);
    }
}

fn instances(state: &State) -> Vec<KeptInstance> {
    let kept = state.managed().values().map(|managed| KeptInstance {
        wanted: managed.target.wanted.clone(),
        previous: managed
            .previous
            .as_ref()
            .map(|target| target.wanted.clone()),
        failed: managed.failed.as_ref().map(|target| target.wanted.clone()),
        to_commit: managed.to_commit,
    });
    kept.collect()
}

fn attempts(state: &State) -> Vec<KeptAttempt> {
    let attempts = state.attempts().iter();
    let kept = attempts.map(|(attempt, times)| KeptAttempt {
        instance: attempt.instance.clone(),
        digest: attempt.digest,
        rollout: attempt.rollout,
        times,
    });
    kept.collect()
}

/// Digests of what runs, ran last, may be gone back to, or is wanted or on its way.
fn needed(state: &State) -> BTreeSet<Digest> {
    let mut needed = BTreeSet::new();
    for managed in state.managed().values() {
        needed.insert(managed.target.digest);
        let others = managed.previous.iter().chain(&managed.failed);
        needed.extend(others.map(|target| target.digest));
    }
    needed.extend(state.desired().values().map(|target| target.digest));
    needed.extend(state.staged().values().map(|target| target.digest));
    let staging = state.staging().values();
    needed.extend(staging.map(|staging| staging.target().digest));
    let targets = state.work().values().filter_map(|work| work.target());
    needed.extend(targets.map(|target| target.digest));
    needed
}
