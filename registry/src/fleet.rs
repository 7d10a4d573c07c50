//! The fleet: which node should run what, why, and how it hears of changes. Kept in memory from
//! what the database holds, so that asking costs no SQL. Called by the routes and by the server.
//! Must never hold what is not in the database, nor ring before the new state can be asked for.

pub(crate) mod desired;
pub(crate) mod doorbell;
pub(crate) mod facts;
pub(crate) mod headcount;
pub(crate) mod history;
pub(crate) mod live;
mod memory;
pub(crate) mod moving;
pub(crate) mod order;
mod pace;
mod reach;
mod refusals;
pub(crate) mod report;
mod rollouts;
pub(crate) mod search;
mod seen;
pub(crate) mod selector;

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use api::registry::{
    Deployment, DeploymentState, Explanation, Facts, InstanceRate, InstanceReport, LiveEvents,
    Node, Outcome,
};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::db::node::KeptNode;
use crate::db::{self, Db, DbError};
use crate::output::Output;
use desired::{Circumstances, Standing};
use doorbell::{Doorbell, DoorbellFull, Listener};
use live::{Live, Viewing};
use memory::{Known, Memory};
pub(crate) use reach::Census;
use reach::Reach;
pub(crate) use refusals::is_refusal;
use search::{Found, Search};
pub(crate) use seen::Sight;
use selector::Candidate;

/// How long a reader waits for a change that was committed to arrive in memory.
const CATCH_UP: Duration = Duration::from_secs(2);
/// How long to wait after the database could not be read.
const REST: Duration = Duration::from_secs(1);

/// What a node is given, in memory.
pub(crate) struct Given {
    /// The body of the answer, where the asker does not have it yet.
    pub(crate) body: Option<Vec<u8>>,
    /// Digest of that body.
    pub(crate) etag: String,
}

/// The fleet.
pub(crate) struct Fleet {
    memory: RwLock<Memory>,
    doorbell: Arc<Doorbell>,
    live: Arc<Live>,
    poll_ms: u64,
    /// The revision of the database that is in memory.
    revision: watch::Sender<u64>,
    /// Counts up whenever lists would show something else.
    changes: watch::Sender<u64>,
}

impl Fleet {
    /// Reads everything from the database. Nodes are told to ask every `poll_ms`, and so many of
    /// them may wait at the doorbell.
    ///
    /// # Errors
    /// The database's.
    pub(crate) async fn load(
        db: &Db,
        poll_ms: u64,
        doorbells_max: usize,
        now_ms: u64,
    ) -> Result<Self, DbError> {
        let revision = *db.revisions().fleet().borrow();
        let mut reader = db.reader().await?;
        let (standings, floors) = db::deployment::standings(&mut reader).await?;
        let mut memory = Memory::new(poll_ms);
        memory.deploy(standings, floors);
        for kept in db::node::all(&mut reader).await? {
            let latest = db::outcome::latest_by_instance(&mut reader, &kept.node).await?;
            let node = kept.node.clone();
            memory.put(kept);
            memory.happened(&node, &latest);
            let marks = db::mark::of_node(&mut reader, &node).await?;
            memory.remember(&node, marks);
        }
        memory.begins(now_ms);
        // The clock is ahead of every count of an earlier start.
        let doorbell = Doorbell::new(now_ms, doorbells_max);
        Ok(Self {
            memory: RwLock::new(memory),
            live: Live::new(Arc::clone(&doorbell)),
            doorbell,
            poll_ms,
            revision: watch::Sender::new(revision),
            changes: watch::Sender::new(0),
        })
    }

    /// Takes in what is committed and rings for the nodes that it concerns, until the registry
    /// stops.
    pub(crate) async fn follow(&self, db: Db, mut stopping: watch::Receiver<bool>, output: Output) {
        let mut committed = db.revisions().fleet();
        let follow = async {
            loop {
                let revision = *committed.borrow_and_update();
                if revision != *self.revision.borrow()
                    && let Err(error) = self.refresh(&db, revision).await
                {
                    output.journal(&format!("the fleet lags behind the database: {error}"));
                    sleep(REST).await;
                    continue;
                }
                if committed.changed().await.is_err() {
                    return;
                }
            }
        };
        tokio::select! {
            () = follow => {}
            _ = stopping.wait_for(|stops| *stops) => {}
        }
    }

    async fn refresh(&self, db: &Db, revision: u64) -> Result<(), DbError> {
        let mut reader = db.reader().await?;
        let (standings, floors) = db::deployment::standings(&mut reader).await?;
        drop(reader);
        let changed = self.write().deploy(standings, floors);
        if !changed.is_empty() {
            self.doorbell.ring(changed.iter().map(String::as_str));
        }
        self.revision.send_replace(revision);
        self.changed();
        Ok(())
    }

    /// Waits until what was committed before this call is in memory, or lets it be: who asks again
    /// is told then.
    pub(crate) async fn caught_up(&self, db: &Db) {
        let committed = *db.revisions().fleet().borrow();
        if *self.revision.borrow() >= committed {
            return;
        }
        let mut revision = self.revision.subscribe();
        let _ = timeout(CATCH_UP, revision.wait_for(|held| *held >= committed)).await;
    }

    /// What to watch for lists that show something else.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    fn changed(&self) {
        self.changes.send_modify(|count| *count += 1);
    }

    /// Takes in a node that was enrolled. This and what follows it is called in the order of the
    /// commits, by the writer.
    pub(crate) fn enrolled(&self, kept: KeptNode) {
        let mut memory = self.write();
        let (node, now_ms) = (kept.node.clone(), kept.enrolled_ms);
        memory.put(kept);
        memory.joined(&node, now_ms);
        drop(memory);
        self.changed();
    }

    /// Takes in what a node told and what happened there, and rings if it should run something else
    /// for it. `marks` are those outcomes that were kept for their rollouts.
    pub(crate) fn reported(
        &self,
        node: &str,
        facts: Facts,
        instances: Vec<InstanceReport>,
        (outcomes, marks): (&[Outcome], &[Outcome]),
        now_ms: u64,
    ) {
        let changed = {
            let mut memory = self.write();
            memory.happened(node, outcomes);
            memory.marked(node, marks);
            memory.report(node, facts, instances, now_ms)
        };
        if changed == Some(true) {
            self.doorbell.ring(std::iter::once(node));
        }
        self.changed();
    }

    /// Forgets a node that was deleted, and ends its wait.
    pub(crate) fn deleted(&self, node: &str) {
        self.write().take_out(node);
        self.doorbell.dismiss(node);
        self.changed();
    }

    /// What a node should run, unless it has the body with digest `known`; notes that it was
    /// heard. `None` where there is no such node.
    pub(crate) fn desired(&self, node: &str, known: Option<&str>, now_ms: u64) -> Option<Given> {
        let memory = self.read();
        let held = memory.nodes.get(node)?;
        memory.heard(held, now_ms);
        if known == Some(held.etag.as_str()) {
            let etag = held.etag.clone();
            return Some(Given { body: None, etag });
        }
        let (body, etag) = memory.desired(node)?;
        Some(Given {
            body: Some(body),
            etag,
        })
    }

    /// Notes that a node was heard.
    pub(crate) fn heard(&self, node: &str, now_ms: u64) {
        let memory = self.read();
        if let Some(known) = memory.nodes.get(node) {
            memory.heard(known, now_ms);
        }
    }

    /// A place at the doorbell.
    ///
    /// # Errors
    /// Every place is taken.
    pub(crate) fn listen(&self, node: &str) -> Result<Listener, DoorbellFull> {
        self.doorbell.listen(node)
    }

    /// Views what an instance of a node puts out; the node is asked for it.
    pub(crate) fn view(&self, node: &str, instance: &str) -> Viewing {
        self.live.view(node, instance)
    }

    /// Passes on what an instance of a node put out; whether anybody views.
    pub(crate) fn pass(&self, node: &str, events: &LiveEvents) -> bool {
        self.live.pass(node, events)
    }

    /// How many nodes wait at the doorbell.
    pub(crate) fn waiting(&self) -> usize {
        self.doorbell.waiting()
    }

    /// A node as lists show it.
    pub(crate) fn node(&self, node: &str, now_ms: u64) -> Option<Node> {
        self.read().node(node, now_ms)
    }

    /// How many nodes are looked for, and at most `limit` of them behind `after`, by name.
    pub(crate) fn search(&self, search: &Search, after: &str, limit: u32, now_ms: u64) -> Found {
        self.read().search(search, after, limit, now_ms)
    }

    /// How fast the counts of a node's instances grew between its last reports.
    pub(crate) fn rates(&self, node: &str) -> Vec<InstanceRate> {
        let memory = self.read();
        let known = memory.nodes.get(node);
        known.map(Known::rates).unwrap_or_default()
    }

    /// How many nodes say that they run this file.
    pub(crate) fn nodes_of_digest(&self, digest: &str) -> u64 {
        self.read().nodes_of_digest(digest)
    }

    /// How many nodes say that they run a release of this payload.
    pub(crate) fn nodes_of_payload(&self, payload: &str) -> u64 {
        self.read().nodes_of_payload(payload)
    }

    /// For each channel of a payload: how many nodes the deployments that follow it are for.
    pub(crate) fn followers(&self, payload: &str) -> BTreeMap<String, u64> {
        self.read().followers(payload)
    }

    /// Why a node runs what it runs. `latest` is the latest outcome of each instance.
    pub(crate) fn explain(
        &self,
        node: &str,
        latest: &[Outcome],
        now_ms: u64,
    ) -> Option<Vec<Explanation>> {
        let memory = self.read();
        let known = memory.nodes.get(node)?;
        let circumstances = Circumstances {
            running: &known.instances,
            latest,
            online: memory.online(known, now_ms),
            poll_ms: self.poll_ms,
            node,
            marks: &known.marks,
            now_ms,
        };
        Some(desired::explain(&known.plan, circumstances))
    }

    /// An older deployment that wants the same instance on a node that is known, and that node.
    /// `standings` come oldest first.
    pub(crate) fn rival(
        &self,
        new: &Standing,
        standings: &[Arc<Standing>],
    ) -> Option<(String, String)> {
        let memory = self.read();
        let nodes = memory.nodes.iter();
        let nodes = nodes.map(|(node, known)| Candidate {
            node,
            facts: &known.facts,
        });
        desired::rival(new, standings, &nodes)
            .map(|(other, node)| (other.deployment.clone(), node.to_owned()))
    }

    /// A deployment as it stands.
    pub(crate) fn deployment(&self, deployment: &str) -> Option<Deployment> {
        let memory = self.read();
        let reach = memory.reach(|one| one == deployment);
        let mut all = memory.standings.iter();
        let standing = all.find(|standing| standing.deployment == deployment)?;
        Some(shown(standing, reach.get(deployment).copied()))
    }

    /// At most `limit` deployments behind `after`, by name.
    pub(crate) fn deployments(&self, after: &str, limit: u32) -> Vec<Deployment> {
        let memory = self.read();
        let behind = |one: &&Arc<Standing>| one.deployment.as_str() > after;
        let mut page: Vec<&Arc<Standing>> = memory.standings.iter().filter(behind).collect();
        page.sort_by(|a, b| a.deployment.cmp(&b.deployment));
        page.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        let named: HashSet<&str> = page.iter().map(|one| one.deployment.as_str()).collect();
        let reach = memory.reach(|one| named.contains(one));
        page.into_iter()
            .map(|one| shown(one, reach.get(one.deployment.as_str()).copied()))
            .collect()
    }

    fn read(&self) -> RwLockReadGuard<'_, Memory> {
        self.memory.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Memory> {
        self.memory.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn shown(standing: &Standing, reach: Option<Reach>) -> Deployment {
    let reach = reach.unwrap_or_default();
    let release = match &standing.given {
        Ok(offer) => DeploymentState::Active {
            version: offer.version.to_string(),
            digest: offer.digest.clone(),
        },
        Err(void) => DeploymentState::Void {
            reason: void.to_string(),
        },
    };
    Deployment {
        deployment: standing.deployment.clone(),
        spec: standing.spec.clone(),
        release,
        rollout: standing.moving().map(|moving| moving.number),
        nodes: reach.nodes,
        running: reach.running,
        refused: reach.refused,
        created_ms: standing.created_ms,
        changed_ms: standing.changed_ms,
    }
}
