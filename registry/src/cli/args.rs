//! The arguments of every command, their environment variables and their help.
//! Parsed by `main`.
//! Must never hold logic.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::{Parser, Subcommand};

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  something is broken on this machine
  2  the command line or the configuration file is wrong
  4  not now: the address or the data folder is another's, or the machine is short of something";

const SERVE_EXAMPLES: &str = "\
Examples:
  registry serve                              on 127.0.0.1:8528, with SQLite; while no
                                              admin token is in force, a start prints one
  registry serve --listen 127.0.0.1:0 --data-dir /tmp/registry
  registry serve --listen 0.0.0.0:8528 --tls-cert cert.pem --tls-key key.pem
  curl -H \"Authorization: Bearer $TOKEN\" http://127.0.0.1:8528/api/v1/payloads

Each flag can also stand in the environment (MARROW_REGISTRY_LISTEN) and in the configuration file
(listen = \"127.0.0.1:8528\"); a flag goes before the environment, and that before the file.";

const BACKUP_EXAMPLES: &str = "\
Examples:
  registry backup /srv/backup/registry-1
  registry serve --data-dir /srv/backup/registry-1   serves from the copy

Where the disk has lost bytes that a release names, everything else is copied, what is lost is named,
and the exit code is 1.";

/// Keeps signed eBPF payloads and tells nodes which to run.
#[derive(Debug, Parser)]
#[command(name = "registry", version, after_help = EXIT_CODES)]
pub(crate) struct Args {
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
    /// Serve until it is told to stop.
    Serve(ServeFlags),
    /// Copy everything that is kept, also while a registry serves it.
    Backup(BackupFlags),
}

/// Flags of `registry serve`; what is absent comes from the configuration file, else is a default.
#[derive(Debug, clap::Args)]
#[command(after_help = SERVE_EXAMPLES)]
pub(crate) struct ServeFlags {
    /// The configuration file; may be missing where it is not named [default:
    /// /etc/marrow/registry.toml].
    #[arg(long, value_name = "FILE", env = "MARROW_REGISTRY_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Where to listen; port 0 takes a free one [default: 127.0.0.1:8528].
    #[arg(long, value_name = "ADDRESS", env = "MARROW_REGISTRY_LISTEN")]
    pub(crate) listen: Option<SocketAddr>,
    /// Where everything is kept, no other registry's [default: /var/lib/marrow/registry].
    #[arg(long, value_name = "DIR", env = "MARROW_REGISTRY_DATA_DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Certificates of this server and of those who signed them, PEM; with --tls-key.
    #[arg(long, value_name = "FILE", env = "MARROW_REGISTRY_TLS_CERT")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// The private key of the first certificate, PEM.
    #[arg(long, value_name = "FILE", env = "MARROW_REGISTRY_TLS_KEY")]
    pub(crate) tls_key: Option<PathBuf>,
    /// Take connections from other machines without TLS: tokens then go over the network readable.
    #[arg(long, env = "MARROW_REGISTRY_ALLOW_PLAIN_HTTP", num_args = 0..=1,
          default_missing_value = "true")]
    pub(crate) allow_plain_http: Option<bool>,
    /// Requests that a token may make a second, downloads not counted; ten times as many at once
    /// [default: 200].
    #[arg(
        long,
        value_name = "COUNT",
        env = "MARROW_REGISTRY_REQUESTS_PER_SECOND"
    )]
    pub(crate) requests_per_second: Option<NonZeroU32>,
    /// Wrong tokens that an address may send a minute [default: 60].
    #[arg(
        long,
        value_name = "COUNT",
        env = "MARROW_REGISTRY_FAILURES_PER_MINUTE"
    )]
    pub(crate) failures_per_minute: Option<NonZeroU32>,
    /// How long an uploaded blob may be without a release before it is collected, seconds
    /// [default: 86400].
    #[arg(long, value_name = "SECONDS", env = "MARROW_REGISTRY_COLLECT_AFTER_S")]
    pub(crate) collect_after_s: Option<u64>,
    /// How often nodes ask what they should run, milliseconds; the doorbell tells them at once
    /// [default: 30000].
    #[arg(long, value_name = "MS", env = "MARROW_REGISTRY_POLL_MS")]
    pub(crate) poll_ms: Option<NonZeroU32>,
}

/// Flags of `registry backup`.
#[derive(Debug, clap::Args)]
#[command(after_help = BACKUP_EXAMPLES)]
pub(crate) struct BackupFlags {
    /// The folder to make; must not exist yet.
    #[arg(value_name = "DIR")]
    pub(crate) into: PathBuf,
    /// The configuration file; may be missing where it is not named [default:
    /// /etc/marrow/registry.toml].
    #[arg(long, value_name = "FILE", env = "MARROW_REGISTRY_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Where everything is kept [default: /var/lib/marrow/registry].
    #[arg(long, value_name = "DIR", env = "MARROW_REGISTRY_DATA_DIR")]
    pub(crate) data_dir: Option<PathBuf>,
}
