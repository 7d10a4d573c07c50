//! Nodes of a rollout: each asks what it should run and stage, does it without a kernel, and tells.
//! Must never tell what it was not given, unless its part is to lie.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use api::client::ClientError;
use api::client::registry::{RegistryClient, Settings};
use api::node::Measured;
use api::problem::Problem;
use api::registry::{
    Outcome, OutcomeKind, Reach, Reports, Rollout, RolloutPlan, SinceFlip, StartRollout, Wanted,
    Wave,
};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::waits::until;
use crate::fleet::harness::{Registry, TestNode, facts, outcome, runs, spec};

/// Between two looks.
pub(super) const LOOK: Duration = Duration::from_millis(10);

/// What a node makes of a release that it did not run before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Part {
    /// It stages, runs and commits it.
    #[default]
    Good,
    /// Its verifier says no.
    Rejects,
    /// Its own keys do not vouch for it.
    Distrusts,
    /// Its architecture is another one.
    Incompatible,
    /// It goes back from it in its watch.
    GoesBack,
    /// It says nothing any more once it was to run it.
    Dies,
    /// Its programs take ten times as long.
    Slow,
    /// It loses every tenth record.
    Loses,
}

/// What was seen of a node.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Every version that it was given to run, in their order.
    pub(crate) given: Vec<String>,
    /// Versions that it was given to stage.
    pub(crate) staged: Vec<String>,
    /// What it runs now.
    pub(crate) runs: Option<String>,
}

/// Nodes that act by themselves, until this is dropped.
pub(crate) struct Fleet {
    pub(crate) nodes: BTreeMap<String, Arc<Mutex<Seen>>>,
    url: Arc<Mutex<String>>,
    tasks: Vec<JoinHandle<()>>,
}

struct Actor {
    name: String,
    credential: String,
    part: Part,
    url: Arc<Mutex<String>>,
    seen: Arc<Mutex<Seen>>,
    serial: u64,
    /// Outcomes that the registry has not taken yet.
    outbox: Vec<Outcome>,
    /// What it runs, and whether it still watches it.
    runs: BTreeMap<String, (Wanted, bool)>,
    /// Rollouts whose release it staged or refused, and those that it went back from.
    done: Vec<(u64, bool)>,
    first: Option<String>,
    dead: bool,
}

impl Fleet {
    /// Enrols nodes with their parts and lets them act.
    pub(crate) async fn of(registry: &Registry, parts: &[Part]) -> Self {
        let url = Arc::new(Mutex::new(registry.url()));
        let mut fleet = Self {
            nodes: BTreeMap::new(),
            url: Arc::clone(&url),
            tasks: Vec::new(),
        };
        for (index, part) in parts.iter().enumerate() {
            let node = registry.node(&format!("n{index}"), &[]).await;
            fleet.add(node, *part);
        }
        fleet
    }

    /// Lets one more node act.
    pub(crate) fn add(&mut self, node: TestNode, part: Part) {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let actor = Actor {
            name: node.name.clone(),
            credential: node.credential,
            part,
            url: Arc::clone(&self.url),
            seen: Arc::clone(&seen),
            serial: 0,
            outbox: Vec::new(),
            runs: BTreeMap::new(),
            done: Vec::new(),
            first: None,
            dead: false,
        };
        self.nodes.insert(node.name, seen);
        self.tasks.push(tokio::spawn(actor.act()));
    }

    /// Tells the nodes where the registry is by now.
    pub(crate) fn moved(&self, registry: &Registry) {
        *self.url.lock().unwrap() = registry.url();
    }

    /// Every version that each node was given to run.
    pub(crate) fn given(&self) -> Vec<Vec<String>> {
        let nodes = self.nodes.values();
        nodes
            .map(|seen| seen.lock().unwrap().given.clone())
            .collect()
    }

    /// How many run a version now.
    pub(crate) fn running(&self, version: &str) -> usize {
        let runs = |seen: &&Arc<Mutex<Seen>>| seen.lock().unwrap().runs.as_deref() == Some(version);
        self.nodes.values().filter(runs).count()
    }

    /// How many were ever given a version to run.
    pub(crate) fn reached(&self, version: &str) -> usize {
        let given = self.given();
        given
            .iter()
            .filter(|given| given.iter().any(|one| one == version))
            .count()
    }

    /// Waits until all run a version.
    pub(crate) async fn all_run(&self, version: &str) {
        until(&format!("all run {version}"), || {
            self.running(version) == self.nodes.len()
        })
        .await;
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl Actor {
    async fn act(mut self) {
        while !self.dead {
            // The registry may be away.
            let _ = self.turn().await;
            sleep(LOOK).await;
        }
    }

    fn client(&self) -> RegistryClient {
        let url = self.url.lock().unwrap().clone();
        RegistryClient::new(Settings {
            url: &url,
            bearer: Some(&self.credential),
            ca_pem: None,
            allow_plain: false,
        })
        .unwrap()
    }

    async fn turn(&mut self) -> Result<(), ClientError> {
        let client = self.client();
        let asked = client.desired(&self.name, None).await?;
        let (desired, _) = asked.expect("it was asked without a name of an answer");
        for wanted in &desired.staged {
            self.stage(wanted);
        }
        self.runs
            .retain(|name, _| desired.instances.iter().any(|one| one.instance == *name));
        for (_, watched) in self.runs.values_mut() {
            *watched = false;
        }
        for wanted in desired.instances {
            self.run(wanted);
        }
        if self.dead {
            return Ok(());
        }
        let reports = Reports {
            facts: facts(&[]),
            instances: self.runs.values().map(|one| self.report(one)).collect(),
            outcomes: self.outbox.clone(),
        };
        client.report(&self.name, &reports).await?;
        self.outbox.clear();
        Ok(())
    }

    fn stage(&mut self, wanted: &Wanted) {
        let by = wanted
            .rollout
            .expect("what is staged is brought by a rollout");
        if self.done.contains(&(by.id, true)) {
            return;
        }
        self.done.push((by.id, true));
        self.seen
            .lock()
            .unwrap()
            .staged
            .push(wanted.version.clone());
        let kind = match self.part {
            Part::Rejects => OutcomeKind::LoadRejected,
            Part::Distrusts => OutcomeKind::SignatureRejected,
            Part::Incompatible => OutcomeKind::Incompatible,
            Part::Good | Part::GoesBack | Part::Dies | Part::Slow | Part::Loses => {
                OutcomeKind::Staged
            }
        };
        self.tell(wanted, kind, true);
    }

    fn run(&mut self, wanted: Wanted) {
        let has_it = self.runs.get(&wanted.instance);
        if has_it.is_some_and(|(runs, _)| runs.digest == wanted.digest) {
            return;
        }
        let rollout = wanted.rollout.map(|by| by.id);
        if rollout.is_some_and(|id| self.done.contains(&(id, false))) {
            return;
        }
        {
            let mut seen = self.seen.lock().unwrap();
            seen.given.push(wanted.version.clone());
            seen.runs = Some(wanted.version.clone());
        }
        let first = self.first.get_or_insert_with(|| wanted.version.clone());
        let is_new = *first != wanted.version;
        match self.part {
            Part::GoesBack if is_new => {
                self.done.extend(rollout.map(|id| (id, false)));
                self.seen.lock().unwrap().runs = self.first.clone();
                self.tell(&wanted, OutcomeKind::RolledBack, false);
            }
            Part::Dies if is_new => self.dead = true,
            Part::Incompatible if is_new => {
                self.seen.lock().unwrap().runs.clone_from(&self.first);
                self.tell(&wanted, OutcomeKind::Incompatible, false);
            }
            _ => {
                self.tell(&wanted, OutcomeKind::Updated, false);
                self.runs.insert(wanted.instance.clone(), (wanted, true));
            }
        }
    }

    fn tell(&mut self, wanted: &Wanted, kind: OutcomeKind, staging: bool) {
        self.serial += 1;
        let mut told = outcome(self.serial, kind, &wanted.digest);
        told.rollout = wanted.rollout.map(|by| by.id);
        told.staging = staging;
        if kind == OutcomeKind::LoadRejected {
            let problem = Problem::new(422, "not loaded", "the verifier rejects trace");
            told.problem = Some(Box::new(problem.with_log("R1 invalid mem access 'scalar'")));
        }
        self.outbox.push(told);
    }

    fn report(&self, (wanted, watched): &(Wanted, bool)) -> api::registry::InstanceReport {
        let is_new = self.first.as_ref() != Some(&wanted.version);
        let (run_ns, lost) = match self.part {
            Part::Slow if is_new => (100_000_000, 0),
            Part::Loses if is_new => (10_000_000, 1_000),
            _ => (10_000_000, 0),
        };
        let mut report = runs(wanted);
        report.watched = *watched;
        report.since_flip = SinceFlip {
            accepted: 10_000,
            kernel_lost: Measured::Known(lost),
            handler_faults: 0,
            runs: 1_000,
            run_ns,
        };
        report
    }
}

/// A plan that needs no time: waves of 1 node, half, and all.
pub(crate) fn quick() -> RolloutPlan {
    let wave = |reach| Wave {
        reach,
        bake_ms: 0,
        deadline_ms: 30_000,
        approval: false,
    };
    RolloutPlan {
        waves: vec![
            wave(Reach::Nodes(1)),
            wave(Reach::Percent(50)),
            wave(Reach::Percent(100)),
        ],
        ..RolloutPlan::default()
    }
}

/// A registry that gives 1.0.0 to every node, and has 1.1.0 too.
pub(crate) async fn furnished(poll_ms: u64) -> Registry {
    let registry = Registry::start_polled(poll_ms);
    registry.publish("1.0.0").await;
    registry.publish("1.1.0").await;
    let mut spec = spec("*");
    spec.source = api::registry::Source::Version("1.0.0".into());
    registry.admin().put_deployment("d", &spec).await.unwrap();
    registry
}

/// What begins a rollout to a version.
pub(crate) fn to(version: &str, plan: RolloutPlan) -> StartRollout {
    StartRollout {
        deployment: "d".into(),
        version: Some(version.into()),
        plan: Some(plan),
        start_at_ms: None,
        supersede: false,
    }
}

/// Begins one.
pub(crate) async fn start(registry: &Registry, version: &str, plan: RolloutPlan) -> Rollout {
    registry
        .admin()
        .start_rollout(&to(version, plan))
        .await
        .unwrap()
}
