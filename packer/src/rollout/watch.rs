//! `packer rollout watch`: follows a rollout to its end. Called by `rollout` and by `start --watch`.
//! Must never ask anything of the rollout, nor wait without end for a registry that is away.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use api::client::{ClientError, PeerKind};
use api::registry::{RolloutDetail, RolloutPhase};
use thiserror::Error;
use tokio::time::sleep;

use super::view::{Form, View};
use super::words;
use crate::failure::{Class, Classed, Failure};
use crate::files::FileError;
use crate::registry::{Registry, RegistryError, pause_after};

/// How often a picture is drawn without anything new but the time.
const TICK: Duration = Duration::from_secs(1);
/// How often in a row a registry that is away is asked again: for ten minutes.
const TRIES_MAX: u32 = 80;

/// How a watch ends other than well.
#[derive(Debug, Error)]
pub(super) enum WatchError {
    /// Every node has what it had.
    #[error("rollout {number} ended {phase}: {because}")]
    Undone {
        number: u64,
        phase: String,
        because: String,
    },
    /// Some nodes may run the release.
    #[error("rollout {number} ended {phase}: {because}")]
    HalfWay {
        number: u64,
        phase: String,
        because: String,
    },
    /// Somebody has to act.
    #[error("rollout {number} waits for somebody: {because}")]
    Paused { number: u64, because: String },
    /// Ctrl-C.
    #[error("rollout {number} goes on by itself")]
    Left { number: u64 },
    /// Standard output was closed.
    #[error("rollout {number} goes on; nobody reads what it does any more")]
    Unread { number: u64 },
    /// The registry said no, or was away for too long.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// Standard output is full.
    #[error(transparent)]
    Output(#[from] FileError),
}

impl Classed for WatchError {
    fn class(&self) -> Class {
        match self {
            Self::Undone { .. } => Class::Undone,
            Self::HalfWay { .. } => Class::HalfWay,
            Self::Paused { .. } => Class::Paused,
            Self::Left { .. } | Self::Unread { .. } => Class::Left,
            Self::Registry(error) => error.class(),
            Self::Output(error) => error.class(),
        }
    }

    fn next_step(&self) -> Option<String> {
        match self {
            Self::Left { number } | Self::Unread { number } => {
                Some(format!("`packer rollout watch {number}` shows it again"))
            }
            Self::Paused { number, .. } => Some(format!(
                "`packer rollout status {number}` shows why, and what can be done"
            )),
            Self::Registry(error) => error.next_step(),
            Self::Output(error) => error.next_step(),
            Self::Undone { .. } | Self::HalfWay { .. } => None,
        }
    }
}

/// Watches a rollout until it ends, or is left.
pub(super) fn watch(
    registry: &Registry,
    number: u64,
    form: Form,
    until_paused: bool,
    clock_ms: fn() -> u64,
) -> Result<(), Failure> {
    let mut watch = Watch {
        registry,
        number,
        until_paused,
        view: View::new(form, clock_ms),
        tried: 0,
    };
    registry.wait(async {
        tokio::select! {
            done = watch.follow() => done,
            // Where it can't be listened for, Ctrl-C ends the program, as it does anywhere.
            Ok(()) = tokio::signal::ctrl_c() => Err(WatchError::Left { number }),
        }
    })?;
    Ok(())
}

struct Watch<'a> {
    registry: &'a Registry,
    number: u64,
    until_paused: bool,
    view: View,
    /// Tries in a row that brought nothing.
    tried: u32,
}

impl Watch<'_> {
    async fn follow(&mut self) -> Result<(), WatchError> {
        loop {
            let error = match self.stream().await? {
                Streamed::Ended => return Ok(()),
                Streamed::Lost(error) => error,
            };
            let pause = pause_after(&error, self.tried).filter(|_| self.tried < TRIES_MAX);
            let Some(pause) = pause else {
                return Err(self.registry.failed(error).into());
            };
            self.tried += 1;
            let goes_on = self.view.away(&error.to_string(), pause)?;
            self.read(goes_on)?;
            self.meanwhile(sleep(pause)).await?;
        }
    }

    /// One connection.
    async fn stream(&mut self) -> Result<Streamed, WatchError> {
        let (client, number) = (self.registry.client(), self.number);
        let mut events = match self
            .meanwhile(Box::pin(client.rollout_events(number)))
            .await?
        {
            Ok(events) => events,
            Err(error) => return Ok(Streamed::Lost(error)),
        };
        loop {
            match self.meanwhile(events.next()).await? {
                Ok(Some(detail)) => {
                    self.tried = 0;
                    if self.told(detail)? {
                        return Ok(Streamed::Ended);
                    }
                }
                Ok(None) => return Ok(Streamed::Lost(closed(self.registry))),
                Err(error) => return Ok(Streamed::Lost(error)),
            }
        }
    }

    /// Shows it; whether it has ended well.
    fn told(&mut self, detail: RolloutDetail) -> Result<bool, WatchError> {
        let ended = ended(&detail, self.until_paused);
        let goes_on = self.view.tell(detail)?;
        let ended = ended?;
        self.read(goes_on || ended)?;
        Ok(ended)
    }

    fn read(&self, goes_on: bool) -> Result<(), WatchError> {
        let number = self.number;
        if goes_on {
            Ok(())
        } else {
            Err(WatchError::Unread { number })
        }
    }

    /// Waits, and lets the picture go on.
    async fn meanwhile<T>(&mut self, wait: impl Future<Output = T>) -> Result<T, WatchError> {
        let mut wait = pin!(wait);
        loop {
            tokio::select! {
                biased;
                done = &mut wait => return Ok(done),
                () = sleep(TICK), if self.view.ticks() => {
                    let goes_on = self.view.tick()?;
                    self.read(goes_on)?;
                }
            }
        }
    }
}

/// What became of a connection.
enum Streamed {
    /// The rollout ended well.
    Ended,
    /// The connection did not come about, or broke.
    Lost(ClientError),
}

/// A stream that the registry ended though the rollout goes on: it stops, or has no room.
fn closed(registry: &Registry) -> ClientError {
    ClientError::Broken {
        peer: PeerKind::Registry,
        address: registry.client().address().to_string(),
        reason: "it ended the stream".to_owned(),
    }
}

/// Whether a rollout has ended well.
///
/// # Errors
/// How else it has ended, or why it waits.
fn ended(detail: &RolloutDetail, until_paused: bool) -> Result<bool, WatchError> {
    let rollout = &detail.rollout;
    let number = rollout.rollout;
    let (phase, because) = (words::stands(rollout), words::because(rollout).to_owned());
    match rollout.phase {
        RolloutPhase::Succeeded => Ok(true),
        RolloutPhase::Rejected | RolloutPhase::RolledBack => Err(WatchError::Undone {
            number,
            phase,
            because,
        }),
        RolloutPhase::Incomplete | RolloutPhase::Aborted | RolloutPhase::Superseded => {
            Err(WatchError::HalfWay {
                number,
                phase,
                because,
            })
        }
        RolloutPhase::Scheduled
        | RolloutPhase::Preflight
        | RolloutPhase::Deploying
        | RolloutPhase::Baking
        | RolloutPhase::Gate
        | RolloutPhase::RollingBack => {
            if until_paused && (rollout.paused.is_some() || waits_for_approval(detail)) {
                return Err(WatchError::Paused { number, because });
            }
            Ok(false)
        }
    }
}

/// Whether nothing but somebody's word is missing for the next wave.
fn waits_for_approval(detail: &RolloutDetail) -> bool {
    let rollout = &detail.rollout;
    let wave = usize::try_from(rollout.wave).ok();
    let wave = wave.and_then(|wave| detail.plan.waves.get(wave.checked_sub(1)?));
    let open = detail.compared.iter().any(|one| one.passes != Some(true));
    rollout.phase == RolloutPhase::Gate && wave.is_some_and(|wave| wave.approval) && !open
}

#[cfg(test)]
#[path = "watch/tests.rs"]
mod tests;
