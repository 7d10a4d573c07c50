//! Arguments of the commands of tokens, publishers' keys and the audit. See `cli`.
//! Must never hold logic.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use payload::name::Namespace;

use super::RegistryArguments;
use crate::pair::Pair;

/// `packer token`.
#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Make a token; its secret is shown this once
    New(NewTokenArguments),
    /// Show tokens, without their secrets
    List(ListTokensArguments),
    /// Revoke a token
    Rm(RemoveTokenArguments),
}

/// `packer token new`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  packer token new ci --scope publish:acme --expires 30d -o ci.token
  packer token new alice --scope operate
  packer token new rack-7 --scope enrol --uses 40 --label env=prod --label rack=7 -o rack-7.token

Scopes: read; operate (deployments, nodes, channels), which may read; admin, which may everything;
publish:NAMESPACE or publish:*; enrol, which alone lets nodes enrol. Labels given here are those of
every node that enrols with the token; the nodes cannot change them.")]
pub(crate) struct NewTokenArguments {
    /// What people call it
    pub(crate) name: String,
    /// What it may do; may be given several times
    #[arg(short, long, value_name = "SCOPE", required = true)]
    pub(crate) scope: Vec<String>,
    /// How long it is in force, such as 12h or 30d [default: 90 days, one day for enrol]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(crate) expires: Option<Duration>,
    /// For enrol: how many nodes may enrol with it [default: 1]
    #[arg(long, value_name = "NUMBER")]
    pub(crate) uses: Option<u32>,
    /// For enrol: a label of the nodes; may be given several times
    #[arg(short, long, value_name = "LABEL=VALUE")]
    pub(crate) label: Vec<Pair>,
    /// Write the secret to this new file, which only you can read, in place of standard output
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Print one JSON object, the secret in it
    #[arg(long, conflicts_with = "output")]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) registry: RegistryArguments,
}

/// `packer token list`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  packer token list
  packer token list --json")]
pub(crate) struct ListTokensArguments {
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) registry: RegistryArguments,
}

/// `packer token rm`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  packer token rm ci")]
pub(crate) struct RemoveTokenArguments {
    /// The token's name
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) registry: RegistryArguments,
}

/// `packer key`.
#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Take releases that this key signed
    Add(AddKeyArguments),
    /// Show the keys
    List(ListKeysArguments),
    /// Take no more releases that this key signed
    Rm(RemoveKeyArguments),
}

/// `packer key add`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  packer key add acme.pub --namespace acme
  packer key add acme.pub --namespace acme --namespace acme-labs --comment 'build server'

The same key again replaces its namespaces and its comment. Which payloads run on a node is
decided by the node's own keys, not by these.")]
pub(crate) struct AddKeyArguments {
    /// The public key (PEM)
    #[arg(value_name = "FILE.pub")]
    pub(crate) key: PathBuf,
    /// A namespace it may sign for; may be given several times
    #[arg(short, long, value_name = "NAMESPACE", required = true)]
    pub(crate) namespace: Vec<Namespace>,
    /// For people
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    pub(crate) comment: String,
    #[command(flatten)]
    pub(crate) registry: RegistryArguments,
}

/// `packer key list`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  packer key list
  packer key list --json")]
pub(crate) struct ListKeysArguments {
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) registry: RegistryArguments,
}

/// `packer key rm`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  packer key rm sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
  packer key rm acme.pub")]
pub(crate) struct RemoveKeyArguments {
    /// The key's id, or its file
    #[arg(value_name = "sha256:…|FILE.pub")]
    pub(crate) key: String,
    #[command(flatten)]
    pub(crate) registry: RegistryArguments,
}

/// `packer audit`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  packer audit
  packer audit --limit 20 --before 1234
  packer audit --json | jq '.entries[]'")]
pub(crate) struct AuditArguments {
    /// The most entries to show
    #[arg(long, value_name = "NUMBER", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=200))]
    pub(crate) limit: u32,
    /// Only entries before this one
    #[arg(long, value_name = "ID")]
    pub(crate) before: Option<u64>,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) registry: RegistryArguments,
}

/// `packer collect`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  packer collect --dry-run     # what would go
  packer collect

Goes through what was uploaded and never published, or belongs to no release any more, once it is
older than the registry's --collect-after-s. What a node runs stays.")]
pub(crate) struct CollectArguments {
    /// Only say what would go
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) registry: RegistryArguments,
}

/// `packer whoami`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  packer whoami
  MARROW_TOKEN=marrow_… packer whoami --json")]
pub(crate) struct WhoAmIArguments {
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) registry: RegistryArguments,
}
