//! `node daemon`: builds everything, says where it listens, serves, drains.
//! Called by the command line.
//! Must never say that it is ready before both listeners are bound.

use std::net::SocketAddr;
use std::panic::resume_unwind;
use std::path::Path;
use std::sync::Arc;

use super::args::{DaemonArgs, Listen};
use super::runtime::{self, Signals};
use super::state_dir::StateDir;
use super::{CliError, Clock};
use crate::daemon::{Daemon, DaemonConfig, check_socket};
use crate::door::{self, ALLOWED_USERS_MAX};
use crate::engine::{Engine, EngineConfig};
use crate::output::{Listening, Output};
use crate::sink::Sinks;
use crate::sink::hub::HubSink;

/// Serves until Ctrl-C or SIGTERM.
///
/// # Errors
/// A listener can't be bound, a user is unknown, the state folder can't be used.
pub(super) fn run(
    socket: &Path,
    args: DaemonArgs,
    clock: Clock,
    output: Output,
) -> Result<(), CliError> {
    // First of all: a path that can't be a socket's leaves nothing behind.
    check_socket(socket)?;
    let allowed_users = user_ids(&args.allow_user)?;
    let state_dir = StateDir::taken(&args.state_dir)?;
    let event_files = args.event_files;
    event_files.check()?;
    let config = DaemonConfig {
        socket: socket.to_owned(),
        legacy_listen: match args.legacy_listen {
            Listen::None => None,
            Listen::At(address) => Some(address),
        },
        allowed_users,
        allow_unsigned: args.allow_unsigned,
        output,
        now_ms: clock.now_ms,
    };
    let engine = Engine::new(EngineConfig {
        now_us: clock.now_us,
        sinks: Box::new(move |name, hub| {
            let window = HubSink {
                hub: Arc::clone(hub),
                now_ms: clock.now_ms,
            };
            event_files.add_to(Sinks::default().with("window", Box::new(window)), name)
        }),
    });
    runtime::threaded()?.block_on(async {
        let mut signals = Signals::caught()?;
        let daemon = Daemon::bind(config, engine).await?;
        let listening = Listening {
            socket: socket.display().to_string(),
            legacy: daemon
                .bound()
                .map(|address: SocketAddr| address.to_string()),
        };
        state_dir.record(&listening)?;
        output.listening(&listening).map_err(CliError::Print)?;
        // On a worker: the thread that a caller's arrival wakes also reads what it sent.
        let serving = tokio::spawn(async move { daemon.run(signals.stop()).await });
        if let Err(panicked) = serving.await {
            resume_unwind(panicked.into_panic());
        }
        output.journal("stopped");
        Ok(())
    })
}

fn user_ids(names: &[String]) -> Result<Vec<u32>, CliError> {
    if names.len() > ALLOWED_USERS_MAX {
        return Err(CliError::Users {
            count: names.len(),
            count_max: ALLOWED_USERS_MAX,
        });
    }
    names.iter().map(|name| Ok(door::uid_of(name)?)).collect()
}
