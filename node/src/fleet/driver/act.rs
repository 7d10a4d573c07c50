//! What the machine asks for, begun: each call and job as a task of its own.
//! A part of the driver. Must never wait for one to end.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use api::node::{Instance, Owner};
use api::problem::Problem;
use api::registry::{
    InstanceCounts, InstanceReport, OutcomeKind, REPORTS_BYTES_MAX, Reports, SinceFlip,
};
use payload::name::{InstanceName, Version};
use tokio::task::{JoinError, spawn_blocking};
use tokio::time::timeout;

use super::super::calls::EnrolError;
use super::super::machine::{Action, Why};
use super::super::target::Target;
use super::super::{Event, calls, facts, job, live};
use super::{Driver, Shared, off_thread};

/// Bytes of a batch that are left to facts and instances.
const REPORT_REST_BYTES: usize = 1 << 20;

/// Most instances whose events are sent at a time.
const VIEWED_MAX: usize = 16;

/// How long an answer waits for a look at the keys.
const LOOK_TIMEOUT: Duration = Duration::from_secs(5);

impl Driver {
    pub(super) fn act(&mut self, action: Action) {
        match action {
            Action::Enrol => self.enrol(),
            Action::Poll { etag } => self.poll(etag),
            Action::Listen => self.listen(),
            Action::Report => self.report(),
            Action::Fetch(target) => {
                // The next life must know what was begun, should this one die of it: it is on disk
                // before the file is heard of.
                self.disk.lacks_state = true;
                self.fetch(target);
            }
            Action::GiveUp { target, back } => self.gave_up(&target, back),
            Action::Apply {
                target,
                at_ms,
                beside,
            } => self.apply(target, beside, at_ms),
            Action::Stage(target, prepare) => self.stage(target, prepare),
            Action::Stop { target, why } => self.stop(target, why),
            Action::Refuse { target, floor } => {
                let problem = below_floor(&target, &floor);
                self.refused(&target, OutcomeKind::BelowFloor, problem);
            }
            Action::Save => self.disk.lacks_state = true,
        }
    }

    pub(super) fn begin(&mut self, task: impl Future<Output = Event> + Send + 'static) {
        let sender = self.sender.clone();
        self.tasks.spawn(async move {
            // The driver is gone when nobody hears it.
            let _ = sender.send(task.await).await;
        });
    }

    fn enrol(&mut self) {
        let shared = Arc::clone(&self.shared);
        self.begin(async move {
            let config = &shared.config;
            let enrolled = async {
                let token = match &config.token_file {
                    Some(path) => calls::token(path)?,
                    None => String::new(),
                };
                let proving = Arc::clone(&shared);
                off_thread(move || proving.store.prove_writable())
                    .await
                    .map_err(EnrolError::NoRoom)?;
                config
                    .registry
                    .enrol(&token, &config.node, &config.labels)
                    .await
            };
            Event::Enrolled(enrolled.await)
        });
    }

    fn poll(&mut self, etag: Option<String>) {
        let (client, node) = (self.client.clone(), self.node());
        let shared = Arc::clone(&self.shared);
        self.begin(async move {
            let Some(client) = client else {
                return Event::Polled(None);
            };
            let answer = client.desired(&node, etag.as_deref()).await;
            // Floors are judged by the keys as they are now. A disk that says nothing makes no node
            // deaf: then it is by the keys of before.
            let look = off_thread(move || shared.keys.look());
            let _ = timeout(LOOK_TIMEOUT, look).await;
            Event::Polled(Some(answer))
        });
    }

    fn listen(&mut self) {
        let (client, node, sender) = (self.client.clone(), self.node(), self.sender.clone());
        self.tasks.spawn(async move {
            match client {
                Some(client) => calls::listen(&client, &node, &sender).await,
                None => {
                    let _ = sender.send(Event::BellClosed(None)).await;
                }
            }
        });
    }

    fn report(&mut self) {
        let (client, node) = (self.client.clone(), self.node());
        let outcomes = self
            .outbox
            .batch(self.disk.serial, REPORTS_BYTES_MAX - REPORT_REST_BYTES);
        let serial = outcomes.last().map(|outcome| outcome.serial);
        let figures = self.shared.config.engine.figures();
        let config = &self.shared.config;
        let reports = Reports {
            facts: facts::facts(&config.labels, config.share_events),
            instances: figures.into_iter().map(reported).collect(),
            outcomes,
        };
        self.begin(async move {
            let sent = match client {
                Some(client) => Some(client.report(&node, &reports).await),
                None => None,
            };
            Event::Reported { serial, sent }
        });
    }

    /// Sends the registry what these instances put out, and of no others: somebody views them there.
    pub(super) fn view(&mut self, instances: &[String]) {
        let names = instances.iter().filter_map(|name| name.parse().ok());
        let names: BTreeSet<InstanceName> = names.collect();
        self.viewed.retain(|name, task| {
            let stays = names.contains(name) && !task.is_finished();
            if !stays {
                task.abort();
            }
            stays
        });
        let (Some(client), true) = (&self.client, self.shared.config.share_events) else {
            return;
        };
        for name in names.into_iter().take(VIEWED_MAX) {
            if self.viewed.len() < VIEWED_MAX && !self.viewed.contains_key(&name) {
                let engine = self.shared.config.engine.clone();
                let (client, node) = (Arc::clone(client), self.node());
                let task = live::send(engine, client, node, name.clone());
                self.viewed.insert(name, self.tasks.spawn(task));
            }
        }
    }

    fn fetch(&mut self, target: Arc<Target>) {
        let (shared, client) = (Arc::clone(&self.shared), self.client.clone());
        self.begin(async move {
            let Shared { store, turns, .. } = &*shared;
            let fetched = calls::fetch(store, turns, client.as_deref(), &target).await;
            Event::Fetched(target, fetched)
        });
    }

    fn apply(&mut self, target: Arc<Target>, beside: Option<Arc<Target>>, at_ms: Option<u64>) {
        let shared = Arc::clone(&self.shared);
        self.begin(async move {
            let of = Arc::clone(&target);
            let applied = spawn_blocking(move || {
                job::apply(&shared.bench(), &of, (beside.as_deref(), at_ms))
            });
            let died = |error: JoinError| Err(job::Fault::Died(error.to_string()));
            Event::Applied(target, Box::new(applied.await.unwrap_or_else(died)))
        });
    }

    fn stop(&mut self, target: Arc<Target>, why: Why) {
        let shared = Arc::clone(&self.shared);
        self.begin(async move {
            let of = Arc::clone(&target);
            let stopped = spawn_blocking(move || job::stop(&shared.config.engine, &of));
            // A stop that died has let go of what it held.
            let problem = stopped.await.ok().and_then(Result::err);
            let problem = problem.map(|error| error.to_string());
            Event::Stopped {
                target,
                why,
                problem,
            }
        });
    }
}

/// A refusal of what is below this floor.
pub(super) fn below_floor(target: &Target, floor: &Version) -> Problem {
    let detail = format!(
        "{} {} is below the floor {floor}, which this node holds",
        target.payload, target.version
    );
    Problem::new(422, "refused by this node", detail).with_field("version")
}

fn reported((instance, since_flip): (Instance, SinceFlip)) -> InstanceReport {
    InstanceReport {
        managed: matches!(instance.owner, Owner::Registry { .. }),
        counts: InstanceCounts {
            accepted: instance.counts.accepted,
            decoded: instance.counts.decoded,
            malformed: instance.counts.malformed,
            kernel_lost: instance.counts.kernel_lost,
        },
        instance: instance.name,
        payload: instance.payload,
        version: instance.version,
        digest: instance.digest,
        generation: instance.generation,
        state: instance.state,
        trust: instance.trust,
        started_ms: instance.started_ms,
        watched: instance.watch.is_some(),
        since_flip,
    }
}
