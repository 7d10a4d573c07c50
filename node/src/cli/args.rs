//! The arguments of every command, their environment variables and their help.
//! Parsed by `main`.
//! Must never hold logic.

use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::{Parser, Subcommand};
use payload::name::InstanceName;

use super::config::Listen;
use super::event_files::EventFileArgs;
use crate::daemon::OnExit;
use crate::intake::AllowUnsigned;
use setting::{BakeArgs, SettingArgs};

mod run;
mod setting;
pub(super) mod steps;

pub(crate) use run::{RecordArgs, RunArgs, VerifyArgs};

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  something is broken: on this machine, or in an answer
  2  the command line or the configuration is wrong
  3  refused: by the payload's rules, the kernel's verifier or a door; it won't pass again
  4  not now: no daemon answers, or the machine is short of something";

const UPDATE_EXAMPLES: &str = "\
Examples:
  node update \"$(cat update.json)\"            as the predecessor took it
  node update @update.json                    longer than an argument may be (128 KiB)
  packer legacy execsnoop.wasm | node update -
  node update --instance trace @execsnoop.wasm";

const ENROL_EXAMPLES: &str = "\
Examples:
  packer token new web7 --scope enrol | node enrol --registry https://registry.example --token-file -
  node enrol --registry http://127.0.0.1:8528 --token-file token --label env=prod";

const MAPS_EXAMPLES: &str = "\
Examples:
  node maps execsnoop                         every map: kind, types, entries, memory
  node maps execsnoop forks                   the 20 entries with the highest values
  node maps execsnoop .rodata                 variables, by name
  node maps runqlat hists --per-cpu           what is declared a histogram is drawn
  node maps trace sizes --linear=64           and so is any array of counts, when asked to
  node --json maps execsnoop forks | jq '.entries[] | select(.value > 10)'";

const DAEMON_EXAMPLES: &str = "\
Examples:
  node daemon
  node daemon --registry https://registry.example --enrol-token-file /etc/marrow/token
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
    /// [default: /run/marrow/node.sock]
    #[arg(long, global = true, value_name = "PATH", env = "MARROW_SOCKET")]
    pub(crate) socket: Option<PathBuf>,
    /// The configuration, TOML; flags and environment go before it. [default:
    /// /etc/marrow/node.toml, if it is there]
    #[arg(long, global = true, value_name = "FILE", env = "MARROW_NODE_CONFIG")]
    pub(crate) config: Option<PathBuf>,
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
    /// Give a one-time token for a credential of this node's own; a running daemon takes it up.
    Enrol(EnrolArgs),
    /// Show how the node stands with the registry it follows, and what that wants.
    Registry,
    /// Run a payload, an object or legacy JSON in the foreground and print its events.
    Run(RunArgs),
    /// Run a payload in the foreground without its handler and keep its records, for `packer test`.
    Record(RecordArgs),
    /// Ask this kernel whether it would take a payload, an object or legacy JSON; attach nothing.
    Verify(VerifyArgs),
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
    /// Run an iterator of an instance and print what it writes.
    Iter {
        /// Name of the instance.
        instance: String,
        /// Name of the program, of a section `iter/…`.
        program: String,
    },
    /// List the maps of an instance, or show what is in one.
    Maps(MapsArgs),
    /// Go back to the generation before the one in charge: at once while that is still loaded, else
    /// from its file, which the daemon keeps.
    Rollback {
        /// Name of the instance.
        instance: String,
    },
    /// Show what was in charge of an instance, in former lives of the daemon too, and what can be
    /// gone back to.
    History {
        /// Name of the instance.
        instance: String,
    },
    /// Load and verify the next generation of an instance without putting it in charge.
    Stage(steps::StageArgs),
    /// Put what is staged in charge, now or at a time.
    Flip(steps::FlipArgs),
    /// Let go of what is staged.
    Unstage {
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
    /// [default: 127.0.0.1:8527]
    #[arg(long, value_name = "ADDRESS", env = "MARROW_LEGACY_LISTEN")]
    pub(super) legacy_listen: Option<Listen>,
    /// Where the daemon keeps its state, no other daemon's; `addresses.json` there tells where it
    /// listens, as long as it does. [default: /var/lib/marrow/node]
    #[arg(long, value_name = "DIR", env = "MARROW_STATE_DIR")]
    pub(crate) state_dir: Option<PathBuf>,
    /// A local user, by name or number, who may use the node as root may. May be repeated.
    #[arg(
        long,
        value_name = "USER",
        env = "MARROW_ALLOW_USER",
        value_delimiter = ','
    )]
    pub(crate) allow_user: Vec<String>,
    /// From whom payloads are loaded through a local door that no key vouches for: `local` or
    /// `never`. [default: local]
    #[arg(long, value_name = "WHO", env = "MARROW_ALLOW_UNSIGNED")]
    pub(crate) allow_unsigned: Option<AllowUnsigned>,
    /// What becomes of the instances when the daemon is told to end: `stop` detaches them, `keep`
    /// leaves them running for the next daemon with this state folder, which goes on with them; after
    /// a restart of the machine it starts them anew. [default: stop]
    #[arg(long, value_name = "WHAT", env = "MARROW_ON_EXIT")]
    pub(crate) on_exit: Option<OnExit>,
    /// The folder of trusted publishers' keys, one TOML file a key: `namespaces = ["acme"]` and
    /// `key = """PEM"""` or `key_file = "acme.pem"`; `thresholds.toml` there says how many
    /// signatures a namespace needs (`acme = 2`). Read again when it changes. [default:
    /// /etc/marrow/keys]
    #[arg(long, value_name = "DIR", env = "MARROW_TRUSTED_KEYS")]
    pub(crate) trusted_keys: Option<PathBuf>,
    /// A file with a one-time token, for a node that has no credential yet.
    #[arg(long, value_name = "FILE", env = "MARROW_ENROL_TOKEN_FILE")]
    pub(crate) enrol_token_file: Option<PathBuf>,
    /// The registry to follow.
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
    /// Files of events.
    #[command(flatten)]
    pub(super) event_files: EventFileArgs,
}

/// Which registry, and as whom.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct RegistryArgs {
    /// The registry to follow: `http://HOST:PORT` or `https://HOST:PORT`.
    #[arg(long = "registry", value_name = "URL", env = "MARROW_REGISTRY")]
    pub(crate) url: Option<String>,
    /// Certificates to trust for it, PEM. [default: those that the machine trusts]
    #[arg(long, value_name = "FILE", env = "MARROW_CA")]
    pub(crate) ca: Option<PathBuf>,
    /// Send the credential in the clear, to a registry on another machine without https.
    #[arg(long)]
    pub(crate) allow_plain_http: bool,
    /// What to call this node there. [default: the host's name]
    #[arg(long = "node-name", value_name = "NAME", env = "MARROW_NODE_NAME")]
    pub(crate) node: Option<String>,
    /// What selectors may ask for, such as `env=prod`. May be repeated. Where the enrolment token
    /// gives the node a label of the same key, the registry goes by the token's:
    /// `packer nodes NAME` shows which hold.
    #[arg(
        long = "label",
        value_name = "KEY=VALUE",
        env = "MARROW_LABELS",
        value_delimiter = ',',
        value_parser = pair
    )]
    pub(crate) labels: Vec<(String, String)>,
    /// Let operators of the fleet see what the instances of this node put out, as it comes: file
    /// names, command lines, addresses. Each look stands in the registry's audit.
    #[arg(long, env = "MARROW_SHARE_EVENTS")]
    pub(crate) share_events: bool,
    /// The shortest wait before it is asked again after a failure, milliseconds. [default: 1000]
    #[arg(long, value_name = "MS", env = "MARROW_BACK_OFF_MIN_MS")]
    pub(crate) back_off_min_ms: Option<NonZeroU32>,
    /// The longest, after many failures in a row, milliseconds. [default: 60000]
    #[arg(long, value_name = "MS", env = "MARROW_BACK_OFF_MAX_MS")]
    pub(crate) back_off_max_ms: Option<NonZeroU32>,
}

/// Arguments of `node enrol`.
#[derive(Debug, clap::Args)]
#[command(after_help = ENROL_EXAMPLES)]
pub(crate) struct EnrolArgs {
    /// The registry to enrol at.
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
    /// A file with the one-time token, or `-` for standard input.
    #[arg(long, value_name = "FILE|-")]
    pub(crate) token_file: PathBuf,
    /// The daemon's state folder, where the credential is kept. [default: /var/lib/marrow/node]
    #[arg(long, value_name = "DIR", env = "MARROW_STATE_DIR")]
    pub(crate) state_dir: Option<PathBuf>,
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
    /// What is set in it.
    #[command(flatten)]
    pub(super) settings: SettingArgs,
    /// How long it is watched.
    #[command(flatten)]
    pub(super) bake: BakeArgs,
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

/// Arguments of `node maps`.
#[derive(Debug, clap::Args)]
#[command(after_help = MAPS_EXAMPLES)]
pub(crate) struct MapsArgs {
    /// Name of the instance.
    pub(crate) instance: String,
    /// Name of the map; `.bss`, `.data`, `.rodata` and `.kconfig` hold variables.
    pub(crate) map: Option<String>,
    /// Show at most so many entries; those with the highest values where a value is one number.
    /// [default: 20, with --json all]
    #[arg(long, value_name = "N", requires = "map")]
    pub(crate) limit: Option<u32>,
    /// Show the value of each CPU beside the sum.
    #[arg(long, requires = "map")]
    pub(crate) per_cpu: bool,
    /// Draw every array of counts as a histogram of powers of two.
    #[arg(long, requires = "map")]
    pub(crate) log2: bool,
    /// Draw every array of counts as a histogram of equal steps. [default step: 1]
    #[arg(
        long,
        value_name = "STEP",
        requires = "map",
        conflicts_with = "log2",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "1"
    )]
    pub(crate) linear: Option<std::num::NonZeroU64>,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (key, value) = text
        .split_once('=')
        .ok_or_else(|| format!("{text:?} has no `=` between a name and its value"))?;
    Ok((key.to_owned(), value.to_owned()))
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
        let listen = |text: &str| text.parse::<Listen>();
        assert_eq!(listen("none").unwrap(), Listen::None);
        assert!(matches!(listen("127.0.0.1:0").unwrap(), Listen::At(_)));
        assert!(listen("localhost").is_err());
    }

    #[test]
    fn a_label_is_a_key_and_a_value() {
        assert_eq!(
            pair("env=prod").unwrap(),
            ("env".to_owned(), "prod".to_owned())
        );
        assert_eq!(pair("a=b=c").unwrap().1, "b=c");
        assert!(pair("env").is_err());
    }
}
