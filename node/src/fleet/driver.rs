//! Drives the machine: waits for what happens, tells it, does what it asks for.
//! Run by the daemon as long as it serves.
//! Must never block on a job, nor decide anything that the machine should.

mod act;
mod ends;
mod hear;
mod keep;
mod show;
mod stage;

use std::collections::{BTreeMap, BTreeSet};
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use api::client::registry::RegistryClient;
use api::node::Trouble;
use api::problem::Problem;
use payload::name::InstanceName;
use tokio::sync::{mpsc, watch};
use tokio::task::{AbortHandle, JoinError, JoinSet, spawn_blocking};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use super::begin;
use super::calls::Turns;
use super::floors::Floors;
use super::job::Bench;
use super::machine::{Input, Now, Phase, State, step};
use super::store::{Credential, Outbox, Store};
use super::troubles::{Concern, Troubles};
use super::watch::{Tally, Watch};
use super::{Event, FleetConfig};
use crate::trust::{KeyFolder, Told};

pub(super) use stage::StagingEvent;

/// What jobs tell waits here for the driver.
pub(super) const EVENTS_MAX: usize = 64;
/// How often keys and credential are looked at, and what could not be written is tried again.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The driver never turns faster than this, whatever the machine asks for.
const TURN_MIN: Duration = Duration::from_millis(1);

/// Does what may wait for the disk off the async threads. A panic there is one here.
async fn off_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match spawn_blocking(work)
        .await
        .map_err(JoinError::try_into_panic)
    {
        Ok(done) => done,
        Err(Ok(panic)) => resume_unwind(panic),
        // The runtime ends, and with it whoever waits here.
        Err(Err(_)) => std::future::pending().await,
    }
}

/// What jobs share with the driver.
pub(super) struct Shared {
    pub(super) config: FleetConfig,
    pub(super) store: Store,
    pub(super) keys: KeyFolder,
    pub(super) floors: Mutex<Floors>,
    pub(super) turns: Turns,
    pub(super) cpus: u32,
}

impl Shared {
    /// What jobs work with.
    pub(super) fn bench(&self) -> Bench<'_> {
        Bench {
            engine: &self.config.engine,
            store: &self.store,
            keys: &self.keys,
            floors: &self.floors,
            policy: &self.config.policy,
            cpus: self.cpus,
            now_ms: self.config.now_ms,
        }
    }
}

/// What the disk knows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Disk {
    /// The last outcome that it knows: none behind it is reported, or a crash could give its serial
    /// to another.
    serial: u64,
    /// Whether what runs, or an outcome, is not written yet.
    lacks_state: bool,
    /// Whether a floor is not.
    lacks_floors: bool,
    /// Whether the credential is not: the registry gives it once.
    lacks_credential: bool,
}

impl Disk {
    /// It knows everything up to this outcome.
    pub(super) fn knows(serial: u64) -> Self {
        Self {
            serial,
            lacks_state: false,
            lacks_floors: false,
            lacks_credential: false,
        }
    }
}

/// The driver of one node's fleet side.
pub(crate) struct Driver {
    pub(super) shared: Arc<Shared>,
    pub(super) state: State,
    pub(super) began: Instant,
    pub(super) client: Option<Arc<RegistryClient>>,
    pub(super) credential: Option<Credential>,
    pub(super) outbox: Outbox,
    /// What was told of an instance last, where that was no success.
    pub(super) problems: BTreeMap<InstanceName, Problem>,
    /// The same of what was to be staged, with the rollout that asked for it.
    pub(super) not_staged: BTreeMap<InstanceName, (Option<u64>, Problem)>,
    pub(super) troubles: Troubles,
    pub(super) heard_ms: Option<u64>,
    pub(super) bell_open: bool,
    pub(super) disk: Disk,
    /// What the machine knows of the keys.
    pub(super) keys: Told,
    pub(super) tally: Tally,
    pub(super) watch: Watch,
    pub(super) sender: mpsc::Sender<Event>,
    pub(super) events: mpsc::Receiver<Event>,
    pub(super) tasks: JoinSet<()>,
    /// What somebody views at the registry, and the task that sends it there.
    pub(super) viewed: BTreeMap<InstanceName, AbortHandle>,
}

impl Driver {
    /// The instances that the registry wanted when the node heard of it last.
    pub(crate) fn wanted(&self) -> BTreeSet<InstanceName> {
        self.state.managed().keys().cloned().collect()
    }

    /// Follows the registry until `stopping` turns true. What runs is left to whoever owns the engine.
    /// A panic here, or in a call, ends it: whoever runs it must look for that.
    pub(crate) async fn run(mut self, mut stopping: watch::Receiver<bool>) {
        let mut look = interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let engine = self.shared.config.engine.clone();
        let phase = self.state.link().phase();
        for line in begin::told(&self.shared.config, self.keys.count, phase) {
            self.journal(&line);
        }
        self.leave_behind();
        self.watch_anew();
        self.tell(Input::Tick);
        loop {
            self.write().await;
            self.show();
            let wake = self.wake();
            tokio::select! {
                Some(event) = self.events.recv() => self.hear(event),
                () = sleep_until(wake) => self.tell(Input::Tick),
                _ = look.tick() => self.look(),
                () = engine.stirred() => self.look_for_ends(),
                Some(ended) = self.tasks.join_next() => if let Err(died) = ended {
                    // Its call would count as under way for ever: the node would be deaf to it.
                    if let Ok(panic) = died.try_into_panic() {
                        resume_unwind(panic);
                    }
                },
                _ = stopping.wait_for(|stopping| *stopping) => break,
            }
            self.hear_of_keys();
        }
        self.write().await;
    }

    /// The machine's time.
    fn now_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn wall_ms(&self) -> u64 {
        (self.shared.config.now_ms)()
    }

    fn wake(&self) -> Instant {
        let least = Instant::now() + TURN_MIN;
        let wake = self
            .began
            .checked_add(Duration::from_millis(self.state.wake_ms()));
        // No wake-up is asked for: the next look comes before that anyway.
        wake.unwrap_or_else(|| least + LOOK_EVERY).max(least)
    }

    /// Tells the machine and does what it asks for.
    fn tell(&mut self, input: Input) {
        let now = Now {
            ms: self.now_ms(),
            wall_ms: self.wall_ms(),
        };
        let (state, actions) = step(self.state.clone(), input, now);
        self.state = state;
        for action in actions {
            self.act(action);
        }
    }

    /// Looks whether people changed keys or credential.
    fn look(&mut self) {
        let shared = Arc::clone(&self.shared);
        self.tasks
            .spawn(async move { off_thread(move || shared.keys.glance()).await });
        self.look_for_ends();
        // What waits for a time of the wall's clock hears that this was set.
        self.tell(Input::Tick);
        if self.state.link().phase() == Phase::Enrolled {
            return;
        }
        match self.shared.store.credential() {
            Ok(Some(found)) if self.credential.as_ref() != Some(&found) => {
                self.enrolled(found);
                self.disk.lacks_credential = false;
            }
            Ok(_) => {}
            Err(error) => {
                let title = "the credential can't be read";
                self.troubled(Concern::Credential, title, error.to_string());
            }
        }
    }

    /// Hears what looks at the keys have found.
    fn hear_of_keys(&mut self) {
        let told = self.shared.keys.told();
        if told == self.keys {
            return;
        }
        if told.changes != self.keys.changes {
            self.journal(&format!("{} from now on", begin::trusted(told.count)));
            self.tell(Input::Trust);
        }
        if let Some(trouble) = &told.trouble
            && self.keys.trouble.as_ref() != Some(trouble)
        {
            self.journal(&format!("trusted keys: {trouble}"));
        }
        self.keys = told;
    }

    /// The node has a credential, perhaps another one.
    fn enrolled(&mut self, credential: Credential) {
        match self.shared.config.registry.client(&credential.credential) {
            Ok(client) => {
                self.journal(&format!("enrolled as {}", credential.node));
                self.client = Some(Arc::new(client));
                self.credential = Some(credential);
                self.eased(Concern::Credential);
                self.tell(Input::Enrolled);
            }
            Err(error) => {
                let title = "the credential is no use";
                self.troubled(Concern::Credential, title, error.to_string());
            }
        }
    }

    fn node(&self) -> String {
        let credential = self.credential.as_ref();
        credential.map_or_else(|| self.shared.config.node.clone(), |own| own.node.clone())
    }

    fn journal(&self, text: &str) {
        self.shared
            .config
            .output
            .journal(&format!("registry: {text}"));
    }

    /// Remembers what went wrong, and tells it unless it was told lately.
    fn troubled(&mut self, concern: Concern, title: &str, detail: String) {
        let problem = Problem::new(503, title, detail);
        let at_ms = self.wall_ms();
        let (trouble, now_ms) = (Trouble { at_ms, problem }, self.now_ms());
        if let Some(line) = self.troubles.arise(concern, trouble, now_ms) {
            self.journal(&line);
        }
    }

    /// It works again.
    fn eased(&mut self, concern: Concern) {
        if let Some(line) = self.troubles.ease(concern) {
            self.journal(line);
        }
    }
}
