//! `node daemon`: builds everything, says where it listens, serves, drains.
//! Called by the command line.
//! Must never say that it is ready before both listeners are bound.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::panic::resume_unwind;
use std::path::Path;
use std::sync::Arc;

use super::args::DaemonArgs;
use super::config::{Config, Listen};
use super::registry;
use super::runtime::{self, Signals};
use super::state_dir::StateDir;
use super::{CliError, Clock};
use crate::daemon::{Daemon, DaemonConfig, check_socket};
use crate::door::{self, ALLOWED_USERS_MAX};
use crate::engine::{Engine, EngineConfig, Keeper, Notice};
use crate::fleet::{self, FleetConfig};
use crate::intake::AllowUnsigned;
use crate::kernel::pins::Pins;
use crate::output::{Listening, Output};
use crate::sink::Sinks;
use crate::sink::hub::HubSink;

/// The address of both old protocols and of the local API where nobody says otherwise.
/// Compiled handlers, below the state folder.
const HANDLERS: &str = "handlers";
const LEGACY_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8527);

/// Serves until Ctrl-C or SIGTERM.
///
/// # Errors
/// A listener can't be bound, a user is unknown, the state folder can't be used, a setting is none.
pub(super) fn run(
    socket: &Path,
    args: DaemonArgs,
    config: Config,
    clock: Clock,
    output: Output,
) -> Result<(), CliError> {
    // First of all: a path that can't be a socket's leaves nothing behind.
    check_socket(socket)?;
    let users = if args.allow_user.is_empty() {
        &config.allow_users
    } else {
        &args.allow_user
    };
    let allowed_users = user_ids(users)?;
    let followed = registry::followed(args.registry, &config)?;
    let event_files = args.event_files.or(&config.events)?;
    let state_path = config.state_dir(args.state_dir);
    let trusted_keys = config.trusted_keys(args.trusted_keys)?;
    let token_file = args.enrol_token_file.or(config.registry.token_file);
    let state_dir = StateDir::taken(&state_path)?;
    event_files.check()?;
    let keeper = Keeper::open(&state_path, Box::new(move |text| output.journal(text)))?;
    let engine = Engine::new(EngineConfig {
        now_us: clock.now_us,
        sinks: Box::new(move |name, hub| {
            let window = HubSink {
                hub: Arc::clone(hub),
                now_ms: clock.now_ms,
            };
            event_files.add_to(Sinks::default().with("window", Box::new(window)), name)
        }),
        keeper: Some(keeper),
        pins: pins(&state_path, output),
        handlers: Some(state_path.join(HANDLERS)),
        raw: false,
        told: Box::new(move |notice| hear(notice, output)),
    });
    let fleet = followed.map(|followed| FleetConfig {
        registry: followed.registry,
        token_file,
        node: followed.node,
        labels: followed.labels,
        share_events: followed.share_events,
        back_off: followed.back_off,
        trusted_keys,
        policy: config.policy,
        state_dir: state_path,
        engine: engine.clone(),
        output,
        now_ms: clock.now_ms,
        seed: clock.seed,
    });
    let legacy_listen = args.legacy_listen.or(config.legacy_listen);
    let legacy_listen = legacy_listen.unwrap_or(Listen::At(LEGACY_LISTEN));
    let daemon_config = DaemonConfig {
        socket: socket.to_owned(),
        legacy_listen: legacy_listen.address(),
        allowed_users,
        allow_unsigned: args
            .allow_unsigned
            .or(config.allow_unsigned)
            .unwrap_or(AllowUnsigned::Local),
        fleet: fleet.map(fleet::open).transpose()?,
        on_exit: args.on_exit.or(config.on_exit).unwrap_or_default(),
        output,
        now_ms: clock.now_ms,
    };
    runtime::threaded()?.block_on(serve(daemon_config, engine, &state_dir))
}

/// Where what runs outlives the daemon, if it can.
fn pins(state_dir: &Path, output: Output) -> Option<Pins> {
    let pins = Pins::open(state_dir);
    if let Err(reason) = &pins {
        output.journal(&format!(
            "what runs ends with this daemon, and is started anew by the next one: {reason}"
        ));
    }
    pins.ok()
}

/// Binds, says where, serves, drains.
async fn serve(config: DaemonConfig, engine: Engine, state_dir: &StateDir) -> Result<(), CliError> {
    let (socket, output) = (config.socket.clone(), config.output);
    let mut signals = Signals::caught()?;
    let daemon = Daemon::bind(config, engine).await?;
    let listening = Listening {
        socket: socket.display().to_string(),
        legacy: daemon
            .bound()
            .map(|address: SocketAddr| address.to_string()),
    };
    daemon.resume().await;
    let told = state_dir.record(&listening);
    let told = told.and_then(|()| output.listening(&listening).map_err(CliError::Print));
    if let Err(error) = told {
        // Who could not begin takes nothing with it.
        daemon.leave().await;
        return Err(error);
    }
    // On a worker: the thread that a caller's arrival wakes also reads what it sent.
    let serving = tokio::spawn(async move { daemon.run(signals.stop()).await });
    let served = serving
        .await
        .unwrap_or_else(|panicked| resume_unwind(panicked.into_panic()));
    output.journal("stopped");
    Ok(served?)
}

/// What the engine did by itself.
fn hear(notice: &Notice<'_>, output: Output) {
    let text = match notice {
        Notice::RolledBack(applied) => {
            let back = applied.proof.rolled_back.as_ref();
            let reason = back.map_or("", |back| back.reason.as_str());
            let generation = applied.instance.generation;
            let name = &applied.instance.name;
            format!("{name}: gone back to generation {generation} by itself: {reason}")
        }
        Notice::LeftBehind(left) => format!(
            "{}: gone back to the generation before: {}",
            left.instance, left.reason
        ),
        Notice::Flipped(applied) => {
            let generation = applied.instance.generation;
            let name = &applied.instance.name;
            format!("{name}: generation {generation}, which was staged, took over at its time")
        }
        Notice::Resumed(instance) => {
            let (name, generation) = (&instance.name, instance.generation);
            format!("{name} (generation {generation}): gone on with, as the last daemon left it")
        }
        Notice::Restarted(instance) => {
            let (name, generation) = (&instance.name, instance.generation);
            format!("{name} (generation {generation}): started anew, as it ran last")
        }
        Notice::Handler {
            instance,
            level,
            line,
        } => format!("{instance}: {}: {line}", level.word()),
        Notice::Failed {
            instance,
            what,
            reason,
        } => format!("{instance}: {what}: {reason}"),
    };
    output.journal(&text);
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
