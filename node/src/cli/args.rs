//! The arguments of every command, their environment variables and their help.
//! Parsed by `main`.
//! Must never hold logic.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Parser, Subcommand};
use payload::name::InstanceName;

use super::event_files::EventFiles;
use crate::intake::AllowUnsigned;

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  something is broken: on this machine, or in an answer
  2  the command line is wrong
  3  refused: by the payload's rules, the kernel's verifier or a door; it won't pass again
  4  not now: no daemon answers, or the machine is short of something";

const UPDATE_EXAMPLES: &str = "\
Examples:
  node update \"$(cat update.json)\"            as the predecessor took it
  node update @update.json                    longer than an argument may be (128 KiB)
  packer legacy execsnoop.wasm | node update -
  node update --instance trace @execsnoop.wasm";

const RUN_EXAMPLES: &str = "\
Examples:
  node run execsnoop.bpf.o                    events on standard output, Ctrl-C ends it
  node run execsnoop.wasm | jq .event         JSON lines when the output is no terminal
  kill -HUP PID                               reads FILE again and hot-swaps it";

const DAEMON_EXAMPLES: &str = "\
Examples:
  node daemon
  node daemon --legacy-listen 127.0.0.1:0 --socket /tmp/a/node.sock --state-dir /tmp/a
  curl --data-binary @update.json http://127.0.0.1:8527/start
  curl --data-binary @execsnoop.wasm -X PUT \\
      --unix-socket /run/marrow/node.sock http://localhost/api/v1/instances/trace
  curl -N --unix-socket /run/marrow/node.sock http://localhost/api/v1/instances/trace/events";

/// Runs eBPF payloads and replaces them while they run.
#[derive(Debug, Parser)]
#[command(name = "node", version, after_help = EXIT_CODES)]
pub(crate) struct Args {
    /// The daemon's unix socket.
    #[arg(
        long,
        global = true,
        value_name = "PATH",
        env = "MARROW_SOCKET",
        default_value = "/run/marrow/node.sock"
    )]
    pub(crate) socket: PathBuf,
    /// Print JSON instead of text for people.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve both old protocols and the local API until it is told to stop.
    Daemon(DaemonArgs),
    /// Run a payload, an object or legacy JSON in the foreground and print its events.
    Run(RunArgs),
    /// Start or hot-update from legacy JSON, a payload or an object: in the daemon when one
    /// answers, else in the foreground.
    Update(UpdateArgs),
    /// List what runs, or show one instance.
    Status {
        /// Name of the instance.
        instance: Option<String>,
    },
    /// Print the events of an instance as they come.
    Events(EventsArgs),
    /// Show how an instance was started and updated.
    Proofs {
        /// Name of the instance.
        instance: String,
    },
    /// Let no program of an instance run until it is resumed; its hooks stay attached.
    Pause {
        /// Name of the instance.
        instance: String,
    },
    /// Let a paused instance's programs run again.
    Resume {
        /// Name of the instance.
        instance: String,
    },
    /// Stop an instance and detach its hooks.
    Stop {
        /// Name of the instance.
        instance: String,
    },
}

/// Arguments of `node daemon`.
#[derive(Debug, clap::Args)]
#[command(after_help = DAEMON_EXAMPLES)]
pub(crate) struct DaemonArgs {
    /// Loopback address of the old protocols and the local API, or `none`. Port 0 takes a free one.
    #[arg(
        long,
        value_name = "ADDRESS",
        env = "MARROW_LEGACY_LISTEN",
        default_value = "127.0.0.1:8527",
        value_parser = listen
    )]
    pub(crate) legacy_listen: Listen,
    /// Where the daemon keeps its state, no other daemon's; `addresses.json` there tells where it
    /// listens, as long as it does.
    #[arg(
        long,
        value_name = "DIR",
        env = "MARROW_STATE_DIR",
        default_value = "/var/lib/marrow/node"
    )]
    pub(crate) state_dir: PathBuf,
    /// A local user, by name or number, who may use the node as root may. May be repeated.
    #[arg(
        long,
        value_name = "USER",
        env = "MARROW_ALLOW_USER",
        value_delimiter = ','
    )]
    pub(crate) allow_user: Vec<String>,
    /// From whom payloads are loaded that no key vouches for.
    #[arg(
        long,
        value_name = "WHO",
        env = "MARROW_ALLOW_UNSIGNED",
        default_value = "local",
        value_parser = PossibleValuesParser::new(["local", "never"]).map(|who| from_whom(&who))
    )]
    pub(crate) allow_unsigned: AllowUnsigned,
    /// Files of events.
    #[command(flatten)]
    pub(crate) event_files: EventFiles,
}

/// Where to listen on TCP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Listen {
    /// Nowhere.
    None,
    /// At this address.
    At(SocketAddr),
}

/// Arguments of `node run`.
#[derive(Debug, clap::Args)]
#[command(after_help = RUN_EXAMPLES)]
pub(crate) struct RunArgs {
    /// A payload, a BPF object or legacy JSON.
    pub(crate) file: PathBuf,
    /// Name of the instance; else the one that the file asks for.
    #[arg(long, value_name = "NAME")]
    pub(crate) instance: Option<InstanceName>,
    /// Files of events.
    #[command(flatten)]
    pub(crate) event_files: EventFiles,
}

/// Arguments of `node update`.
#[derive(Debug, clap::Args)]
#[command(after_help = UPDATE_EXAMPLES)]
pub(crate) struct UpdateArgs {
    /// The JSON itself, `@FILE`, or `-` for standard input.
    #[arg(value_name = "JSON|@FILE|-", allow_hyphen_values = true)]
    pub(crate) source: String,
    /// Name of the instance; else the one that the document asks for.
    #[arg(long, value_name = "NAME")]
    pub(crate) instance: Option<InstanceName>,
    /// Run it here and print its events, even when a daemon answers.
    #[arg(long)]
    pub(crate) foreground: bool,
}

/// Arguments of `node events`.
#[derive(Debug, clap::Args)]
pub(crate) struct EventsArgs {
    /// Name of the instance; may be left out when only one runs.
    pub(crate) instance: Option<String>,
    /// Go on from here instead of from the oldest event that the daemon keeps.
    #[arg(long, value_name = "CURSOR")]
    pub(crate) cursor: Option<u64>,
    /// Begin with the next event, not with the oldest that the daemon keeps.
    #[arg(long, conflicts_with = "cursor")]
    pub(crate) new: bool,
    /// End after this many events.
    #[arg(long, value_name = "N")]
    pub(crate) count: Option<u64>,
}

fn listen(text: &str) -> Result<Listen, std::net::AddrParseError> {
    if text == "none" {
        Ok(Listen::None)
    } else {
        text.parse().map(Listen::At)
    }
}

/// The parser before lets only these two words through.
fn from_whom(word: &str) -> AllowUnsigned {
    if word == "local" {
        AllowUnsigned::Local
    } else {
        AllowUnsigned::Never
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn a_lone_hyphen_is_standard_input() {
        let args = Args::try_parse_from(["node", "update", "-"]).unwrap();
        assert!(matches!(args.command, Command::Update(update) if update.source == "-"));
    }

    #[test]
    fn an_address_or_none_is_listened_at() {
        assert_eq!(listen("none").unwrap(), Listen::None);
        assert!(matches!(listen("127.0.0.1:0").unwrap(), Listen::At(_)));
        assert!(listen("localhost").is_err());
    }
}
