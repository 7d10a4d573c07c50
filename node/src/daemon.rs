//! The daemon: listeners, doors and routes around one engine, until it is told to stop.
//! Called by `main` for `node daemon`.
//! Must never be reachable before the doors stand, nor end with hooks still attached that it was not
//! told to keep.

mod body;
mod chunks;
mod connection;
mod events;
mod guard;
mod health;
mod instances;
mod journal;
mod legacy_2022;
mod legacy_2023;
mod legacy_stop;
mod limits;
mod listen;
mod maps;
mod metrics;
mod places;
mod query;
mod refusal;
mod registry;
mod router;
mod state;
mod steps;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use api::node::Settings;
use payload::name::InstanceName;
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::admit::Admitted;
use crate::door::Door;
use crate::engine::Engine;
use crate::fleet::{Driver, Watch};
use crate::intake::{self, AllowUnsigned, Asked, IntakeError};
use crate::output::Output;
use body::Uploads;
use journal::Journal;
use limits::{ACCEPT_REST, DRAIN_TIMEOUT, MAP_READS_MAX, SUBSCRIBERS_MAX};
use listen::Socket;
pub(crate) use listen::{ListenError, check_socket};
use places::Places;
use state::{Parts, State};

/// What becomes of the instances when the daemon is told to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum OnExit {
    /// They are stopped.
    #[default]
    Stop,
    /// They run on, for the next daemon to go on with.
    Keep,
}

impl std::str::FromStr for OnExit {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        match word {
            "stop" => Ok(Self::Stop),
            "keep" => Ok(Self::Keep),
            _ => Err(format!("{word:?} is neither \"stop\" nor \"keep\"")),
        }
    }
}

/// What a daemon is made with.
pub(crate) struct DaemonConfig {
    /// The path of the unix socket.
    pub(crate) socket: PathBuf,
    /// The loopback address of both old protocols and of the local API; `None` for no TCP.
    pub(crate) legacy_listen: Option<SocketAddr>,
    /// User ids that may come in beside root.
    pub(crate) allowed_users: Vec<u32>,
    /// Whether payloads that no key vouches for may run.
    pub(crate) allow_unsigned: AllowUnsigned,
    /// What follows a registry, where one is to be followed, and the view of it.
    pub(crate) fleet: Option<(Driver, Watch)>,
    /// What becomes of the instances when the daemon is told to end.
    pub(crate) on_exit: OnExit,
    /// Where changes and refusals are told.
    pub(crate) output: Output,
    /// Milliseconds since 1970.
    pub(crate) now_ms: fn() -> u64,
}

/// A daemon whose listeners are bound; callers queue until it runs.
pub(crate) struct Daemon {
    parts: Parts,
    driver: Option<Driver>,
    stop: watch::Sender<bool>,
    door: Door,
    socket: Socket,
    tcp: Option<TcpListener>,
    bound: Option<SocketAddr>,
    on_exit: OnExit,
}

impl Daemon {
    /// Binds both listeners.
    ///
    /// # Errors
    /// An address that is taken, or reachable from other machines.
    pub(crate) async fn bind(config: DaemonConfig, engine: Engine) -> Result<Self, ListenError> {
        let socket = listen::unix(&config.socket)?;
        let (tcp, bound) = match config.legacy_listen {
            Some(address) => {
                let (listener, bound) = listen::tcp(address).await?;
                (Some(listener), Some(bound))
            }
            None => (None, None),
        };
        let (stop, stopping) = watch::channel(false);
        let (driver, fleet) = config.fleet.unzip();
        let parts = Parts {
            engine,
            allow_unsigned: config.allow_unsigned,
            uploads: Uploads::new(),
            subscribers: Arc::new(Semaphore::new(SUBSCRIBERS_MAX)),
            map_reads: Arc::new(Semaphore::new(MAP_READS_MAX)),
            journal: Arc::new(Journal::new(config.output)),
            stopping,
            fleet,
            now_ms: config.now_ms,
        };
        Ok(Self {
            parts,
            driver,
            stop,
            door: Door::new(config.allowed_users),
            socket,
            tcp,
            bound,
            on_exit: config.on_exit,
        })
    }

    /// Goes on with what another daemon left, before anybody is served.
    pub(crate) async fn resume(&self) {
        let wanted = self.driver.as_ref().map(Driver::wanted).unwrap_or_default();
        let (engine, allow) = (self.parts.engine.clone(), self.parts.allow_unsigned);
        let resuming = tokio::task::spawn_blocking(move || {
            engine.resume(
                &|name, bytes, settings| readmit(name, bytes, settings, allow),
                &wanted,
            );
        });
        // A panic has been told, and what it did not come to stays as it is.
        let _ = resuming.await;
    }

    /// Leaves what it has gone on with to the next daemon, where it can't begin to serve.
    pub(crate) async fn leave(self) {
        let engine = self.parts.engine.clone();
        // A panic has been told.
        let _ = tokio::task::spawn_blocking(move || engine.leave_all()).await;
    }

    /// The TCP address that was bound, with the port that the kernel chose for port 0.
    pub(crate) fn bound(&self) -> Option<SocketAddr> {
        self.bound
    }

    /// Serves until `until` is done, then lets open requests end and stops every instance.
    ///
    /// # Errors
    /// What follows the registry has died, and the daemon ended because of that: one that is deaf to
    /// its registry would run what was revoked, and nobody would know. The next one begins with what
    /// ran last.
    pub(crate) async fn run(self, until: impl Future<Output = ()>) -> Result<(), FollowerDied> {
        let Self {
            parts,
            driver,
            stop,
            door,
            socket,
            tcp,
            bound: _,
            on_exit,
        } = self;
        let (engine, warming) = (parts.engine.clone(), parts.engine.clone());
        // Beside the listeners: who comes before it is done waits for the same reading.
        tokio::task::spawn_blocking(move || warming.warm());
        let mut following = driver.map(|driver| tokio::spawn(driver.run(parts.stopping.clone())));
        let places = Places::new();
        let mut served = Ok(());
        {
            let unix = accept_unix(&socket.listener, &door, &parts, &places);
            let tcp = async {
                match &tcp {
                    Some(listener) => accept_tcp(listener, &door, &parts, &places).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = unix => {}
                () = tcp => {}
                () = until => {}
                died = death(&mut following) => served = Err(died),
            }
        }
        // New callers find nobody; those that are being served have a moment.
        drop((tcp, socket));
        // Nobody may be left to hear it.
        let _ = stop.send(true);
        let _ = timeout(DRAIN_TIMEOUT, places.all_free()).await;
        if let Some(following) = following {
            // What it was about to do is done by the next life.
            let _ = timeout(DRAIN_TIMEOUT, following).await;
        }
        // The instances stop even when the thread that stops them panics half-way: the kernel
        // detaches what the process held.
        let ending = tokio::task::spawn_blocking(move || match on_exit {
            OnExit::Stop => engine.stop_all(),
            OnExit::Keep => engine.leave_all(),
        });
        let _ = ending.await;
        served
    }
}

/// Lets the bytes of a file in once more, with what is set in it.
fn readmit(
    name: &InstanceName,
    bytes: &[u8],
    settings: Settings,
    allow: AllowUnsigned,
) -> Result<Admitted, IntakeError> {
    let asked = Asked {
        name: Some(name.clone()),
        settings,
    };
    Ok(intake::read(bytes, asked, allow)?.payload)
}

/// What follows the registry died.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("what follows the registry has died: {0}; the daemon ends, so that it is started anew")]
pub(crate) struct FollowerDied(String);

/// Waits until what follows the registry ends by itself, which it never should.
async fn death(following: &mut Option<JoinHandle<()>>) -> FollowerDied {
    let Some(task) = following.as_mut() else {
        return std::future::pending().await;
    };
    let ended = task.await;
    *following = None;
    FollowerDied(match ended {
        Ok(()) => "it ended".to_owned(),
        Err(error) => error.to_string(),
    })
}

async fn accept_tcp(listener: &TcpListener, door: &Door, parts: &Parts, places: &Places) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                connection::begin(stream, door, parts, places);
            }
            // Out of descriptors, or a caller that was gone before it was accepted.
            Err(_) => sleep(ACCEPT_REST).await,
        }
    }
}

async fn accept_unix(listener: &UnixListener, door: &Door, parts: &Parts, places: &Places) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                connection::begin(stream, door, parts, places);
            }
            Err(_) => sleep(ACCEPT_REST).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_follower_that_dies_is_noticed_and_not_waited_for_again() {
        let mut following = Some(tokio::spawn(async { panic!("a broken rule") }));
        let died = death(&mut following).await.to_string();
        assert!(died.contains("a broken rule"), "{died}");
        assert!(following.is_none());
        let short = std::time::Duration::from_millis(10);
        assert!(
            timeout(short, death(&mut None)).await.is_err(),
            "none is none that died"
        );
    }
}
