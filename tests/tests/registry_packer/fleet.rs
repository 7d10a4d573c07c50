//! Nodes that act by themselves until they are dropped: each asks what it should run and stage when
//! its doorbell rings, does it without a kernel, and tells. Used by tests of rollouts.

use std::time::{Duration, UNIX_EPOCH};

use api::client::ClientError;
use api::client::registry::RegistryClient;
use api::problem::Problem;
use api::registry::{Enrol, LiveEvent, LiveEvents, Outcome, OutcomeKind, Reports, Wanted};
use tokio::runtime::{Builder, Runtime};

use super::said::{client, facts, outcome, runs};
use super::stage::Stage;

/// Between two tries to reach a registry that is away.
const AWAY: Duration = Duration::from_millis(20);

/// What each instance puts out when somebody begins to watch it, and when.
pub(crate) const EVENT: &str =
    r#"{"event":{"comm":"<script>window.hit=1</script>","pid":4711},"kind":"exec"}"#;
const EVENT_MS: u64 = 1_767_225_600_000;

/// What a node makes of a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// It stages, runs and commits it.
    Good,
    /// Its verifier says no to another one than its first.
    Rejects,
    /// It goes back from it in its watch.
    GoesBack,
}

/// Nodes, called `n0`, `n1`, …, labelled `env=prod`.
pub(crate) struct Fleet {
    runtime: Runtime,
}

impl Fleet {
    /// Enrols them and lets them act, each with its kernel.
    pub(crate) fn of(stage: &Stage, parts: &[(Part, &str)]) -> Self {
        let uses = parts.len().to_string();
        let new = [
            "token", "new", "racks", "--scope", "enrol", "--label", "env=prod",
        ];
        let token = stage
            .run(&[&new[..], &["--uses", &uses]].concat())
            .done()
            .text;
        let mut runtime = Builder::new_multi_thread();
        let runtime = runtime.worker_threads(1).enable_all().build().unwrap();
        for (index, (part, kernel)) in parts.iter().enumerate() {
            let (node, facts) = (format!("n{index}"), facts(kernel));
            let enrol = Enrol {
                node: node.clone(),
                facts: facts.clone(),
            };
            let enrolled = runtime.block_on(client(stage, token.trim()).enrol(&enrol));
            let actor = Actor {
                node,
                client: client(stage, &enrolled.unwrap().credential),
                part: *part,
                reports: Reports {
                    facts,
                    instances: Vec::new(),
                    outcomes: Vec::new(),
                },
                first: None,
                serial: 0,
                done: Vec::new(),
            };
            runtime.spawn(actor.act());
        }
        Self { runtime }
    }

    /// Waits until so many of them are settled.
    pub(crate) fn settled(&self, stage: &Stage, nodes: usize) {
        let admin = client(stage, stage.admin());
        let settled = async {
            loop {
                let page = admin.nodes(None).await.unwrap();
                if page.nodes.iter().filter(|node| node.settled).count() == nodes {
                    return;
                }
                tokio::time::sleep(AWAY).await;
            }
        };
        let patience = Duration::from_mins(1);
        let waited = async { tokio::time::timeout(patience, settled).await };
        assert!(self.runtime.block_on(waited).is_ok(), "nodes do not settle");
    }
}

struct Actor {
    node: String,
    client: RegistryClient,
    part: Part,
    /// What it tells next.
    reports: Reports,
    first: Option<String>,
    serial: u64,
    /// Rollouts whose release it staged or refused, and those that it went back from.
    done: Vec<(u64, bool)>,
}

impl Actor {
    async fn act(mut self) {
        loop {
            // The registry may be away.
            let _ = self.listen().await;
            tokio::time::sleep(AWAY).await;
        }
    }

    async fn listen(&mut self) -> Result<(), ClientError> {
        let mut doorbell = self.client.doorbell(&self.node).await?;
        loop {
            self.turn().await?;
            let Some(ring) = doorbell.next().await? else {
                return Ok(());
            };
            for instance in ring.viewed {
                let events = vec![LiveEvent {
                    at_ms: EVENT_MS,
                    event: serde_json::from_str(EVENT).unwrap(),
                }];
                let batch = LiveEvents {
                    instance,
                    events,
                    skipped: 3,
                };
                self.client.pass_events(&self.node, &batch).await?;
            }
        }
    }

    async fn turn(&mut self) -> Result<(), ClientError> {
        let asked = self.client.desired(&self.node, None).await?;
        let (desired, _etag) = asked.expect("it was asked without a name of an answer");
        for wanted in &desired.staged {
            self.stage(wanted);
        }
        for wanted in &desired.instances {
            self.run(wanted);
        }
        // Twice, so that there was a watch, and it is over.
        for watched in [true, false] {
            for instance in &mut self.reports.instances {
                instance.watched = watched;
            }
            self.client.report(&self.node, &self.reports).await?;
            self.reports.outcomes.clear();
        }
        Ok(())
    }

    fn stage(&mut self, wanted: &Wanted) {
        let rollout = wanted.rollout.map(|by| (by.id, true));
        let rollout = rollout.expect("what is staged is brought by a rollout");
        if self.done.contains(&rollout) {
            return;
        }
        self.done.push(rollout);
        let kind = match self.part {
            Part::Rejects => OutcomeKind::LoadRejected,
            Part::Good | Part::GoesBack => OutcomeKind::Staged,
        };
        let mut told = outcome(wanted, kind);
        told.staging = true;
        if kind == OutcomeKind::LoadRejected {
            let problem = Problem::new(422, "the kernel says no", "program on_exec: refused");
            let log = "0: R1=ctx() <script>window.hit=1</script>\ninvalid mem access\u{1b}[2J";
            told.problem = Some(Box::new(problem.with_log(log)));
        }
        self.tell(told);
    }

    fn run(&mut self, wanted: &Wanted) {
        let rollout = wanted.rollout.map(|by| (by.id, false));
        let has_it = |one: &api::registry::InstanceReport| one.digest == wanted.digest;
        if self.reports.instances.iter().any(has_it)
            || rollout.is_some_and(|rollout| self.done.contains(&rollout))
        {
            return;
        }
        let first = self.first.get_or_insert_with(|| wanted.digest.clone());
        if self.part == Part::GoesBack && *first != wanted.digest {
            self.done.extend(rollout);
            return self.tell(outcome(wanted, OutcomeKind::RolledBack));
        }
        let mut instance = runs(wanted);
        let now = UNIX_EPOCH.elapsed().unwrap().as_millis();
        instance.started_ms = u64::try_from(now).unwrap();
        self.reports.instances = vec![instance];
        self.tell(outcome(wanted, OutcomeKind::Updated));
    }

    fn tell(&mut self, mut told: Outcome) {
        self.serial += 1;
        told.serial = self.serial;
        self.reports.outcomes.push(told);
    }
}
