//! The node as one of a fleet: follows a registry, and goes on without it.
//! Started by the daemon where the configuration names a registry.
//! Must never run what the node's own keys, floors and policy do not allow, whoever asks.

mod begin;
mod calls;
mod check;
mod driver;
mod facts;
mod floors;
mod job;
mod live;
mod machine;
mod pace;
mod store;
mod target;
mod troubles;
mod watch;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use api::client::ClientError;
use api::client::registry::SettingsError;
use api::node::{Applied, Following, Standing};
use api::registry::{Desired, Enrolled, Ring};
use tokio::sync::mpsc;
use tokio::time::Instant;

pub(crate) use calls::{EnrolError, Registry, token, token_from};
pub(crate) use driver::Driver;
pub(crate) use facts::host_name;
pub(crate) use floors::AboveFloor;
use store::Kept;
pub(crate) use store::{BlobError, Credential, Store, StoreError};
pub(crate) use watch::{Tally, Watch};

use crate::engine::Engine;
use crate::output::Output;
use crate::policy::Policy;
use crate::trust::{KeyFolder, KeysError};
use driver::StagingEvent;
use machine::{Attempt, Attempts, Former, Phase, State, Why};
pub(crate) use pace::BackOff;
use pace::Pace;
use target::{NotATarget, Target};

/// What the fleet side of a node is made with.
pub(crate) struct FleetConfig {
    /// The registry.
    pub(crate) registry: Registry,
    /// Where the one-time token is, for a node that is not enrolled.
    pub(crate) token_file: Option<PathBuf>,
    /// What to call the node when it enrols.
    pub(crate) node: String,
    /// What the operator says of it.
    pub(crate) labels: BTreeMap<String, String>,
    /// Whether operators of the fleet may view what instances put out.
    pub(crate) share_events: bool,
    /// How long to wait after failures.
    pub(crate) back_off: BackOff,
    /// The folder of trusted keys.
    pub(crate) trusted_keys: PathBuf,
    /// What payloads may contain and be set to.
    pub(crate) policy: Policy,
    /// The daemon's state folder.
    pub(crate) state_dir: PathBuf,
    /// The engine that runs everything.
    pub(crate) engine: Engine,
    /// Where changes and refusals are told.
    pub(crate) output: Output,
    /// Milliseconds since 1970.
    pub(crate) now_ms: fn() -> u64,
    /// A random number.
    pub(crate) seed: u64,
}

/// Why the node can't follow a registry.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FleetError {
    /// What it kept can't be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What it kept is not what it had written.
    #[error("fleet.json in the state folder names what can't be: {error}")]
    Kept {
        /// The rule that is broken.
        #[from]
        error: NotATarget,
    },
    /// The folder of trusted keys is broken.
    #[error("--trusted-keys: {0}")]
    Keys(#[from] KeysError),
    /// The registry's address, certificates or the credential can't be any.
    #[error("--registry: {0}")]
    Settings(#[from] SettingsError),
}

/// What is wanted, with the name of the answer; nothing where it is as it was.
type Answer = Option<(Desired, String)>;

/// What calls and jobs tell the driver.
enum Event {
    Enrolled(Result<Enrolled, EnrolError>),
    /// `None`: there is no credential to poll with.
    Polled(Option<Result<Answer, ClientError>>),
    BellOpened,
    Rang(Ring),
    BellClosed(Option<ClientError>),
    Fetched(Arc<Target>, Result<(), calls::FetchError>),
    /// `None`: its time has moved away.
    Applied(Arc<Target>, Box<Result<Option<Applied>, job::Fault>>),
    Staging(Arc<Target>, StagingEvent),
    Stopped {
        target: Arc<Target>,
        why: Why,
        problem: Option<String>,
    },
    Reported {
        /// The last outcome of the batch.
        serial: Option<u64>,
        /// `None`: there is no credential to report with.
        sent: Option<Result<(), ClientError>>,
    },
}

/// Opens what the node kept and makes ready to follow the registry. Nothing is called yet.
///
/// # Errors
/// [`FleetError`]; nothing was changed.
pub(crate) fn open(config: FleetConfig) -> Result<(Driver, Watch), FleetError> {
    let store = Store::open(&config.state_dir)?;
    let keys = KeyFolder::open(&config.trusted_keys)?;
    let (kept, floors, credential) = (store.kept()?, store.floors()?, store.credential()?);
    let kept = kept.unwrap_or_else(|| Kept::nothing((config.now_ms)()));
    let client = credential.as_ref();
    let client = client.map(|own| config.registry.client(&own.credential));
    let client = client.transpose()?;
    let phase = match (&credential, &config.token_file) {
        (Some(_), _) => Phase::Enrolled,
        (None, Some(_)) => Phase::Enrolling,
        (None, None) => Phase::Unenrolled,
    };
    let name = credential.as_ref().map_or(&config.node, |own| &own.node);
    let pace = Pace::of(name, config.seed, (config.now_ms)(), config.back_off);
    let instances = kept.instances.into_iter().map(|kept| {
        Ok(Former {
            target: Target::of(kept.wanted)?,
            previous: kept.previous.map(Target::of).transpose()?,
            failed: kept.failed.map(Target::of).transpose()?,
            to_commit: kept.to_commit,
        })
    });
    let instances: Vec<_> = instances.collect::<Result<_, NotATarget>>()?;
    let attempts = kept.attempts.into_iter().map(|kept| {
        let attempt = Attempt {
            instance: kept.instance,
            digest: kept.digest,
            rollout: kept.rollout,
        };
        (attempt, kept.times)
    });
    let former = (instances, Attempts::of(attempts));
    let watch = Watch::new(nothing_yet(&config, name));
    let (sender, events) = mpsc::channel(driver::EVENTS_MAX);
    let driver = Driver {
        state: State::new(phase, pace, former, floors.minimums()),
        began: Instant::now(),
        client: client.map(Arc::new),
        credential,
        problems: BTreeMap::new(),
        not_staged: BTreeMap::new(),
        troubles: troubles::Troubles::default(),
        heard_ms: None,
        bell_open: false,
        disk: driver::Disk::knows(kept.outbox.last_serial()),
        keys: keys.told(),
        outbox: kept.outbox,
        tally: Tally::default(),
        watch: watch.clone(),
        sender,
        events,
        tasks: tokio::task::JoinSet::new(),
        viewed: BTreeMap::new(),
        shared: Arc::new(driver::Shared {
            store,
            keys,
            floors: Mutex::new(floors),
            turns: calls::Turns::default(),
            cpus: facts::cpus(),
            config,
        }),
    };
    Ok((driver, watch))
}

fn nothing_yet(config: &FleetConfig, node: &str) -> Following {
    Following {
        registry: config.registry.url.clone(),
        node: node.to_owned(),
        standing: Standing::Unenrolled,
        heard_ms: None,
        doorbell: false,
        trouble: None,
        keys: 0,
        keys_trouble: None,
        instances: Vec::new(),
        staged: Vec::new(),
        floors: Vec::new(),
        outcomes_waiting: 0,
        outcomes_dropped: 0,
    }
}
