//! Arguments of the commands of deployments, pins and nodes. See `cli`. Must never hold logic.

use clap::{ArgGroup, Args};
use payload::name::{InstanceName, PayloadName, Version};

use super::{PlanArguments, RegistryArguments};
use crate::pair::Pair;
use crate::reference::ChannelName;

/// `packer deploy`.
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("source").required(true).args(["version", "channel"]),
    mut_group("PlanArguments", |options| options.requires("by_rollout")),
    after_help = "\
Examples:
  packer deploy execsnoop --payload acme/execsnoop --channel stable --selector 'env=prod'
  packer deploy canary --payload acme/execsnoop --version 1.1.0 --selector 'env=prod, kernel>=5.15' \\
      --instance execsnoop-canary --set only_uid=1000
  packer deploy opens --payload acme/opens --channel stable --selector '*' \\
      --target handle_open=/usr/lib/libc.so.6:open
  packer deploy execsnoop --payload acme/execsnoop --channel stable --selector 'env=prod' \\
      --by-rollout --waves 1,10%,100% --bake 10m

Selectors: terms joined by commas, all of which must hold: label=value, label!=value, label,
!label, kernel>=5.15, arch=x86_64; `*` for every node. Globals and targets are those that the
manifest calls settable; what nodes allow is theirs to say.
The same name again replaces the deployment.
Nodes come to another version at once, unless --by-rollout is given: then each change of the version
or the channel begins a rollout, in the place of one that has not ended."
)]
pub(crate) struct DeployArguments {
    /// The deployment's name
    #[arg(value_name = "NAME")]
    pub(crate) deployment: InstanceName,
    /// The payload
    #[arg(long, value_name = "NAMESPACE/NAME")]
    pub(crate) payload: PayloadName,
    /// Always this version
    #[arg(long)]
    pub(crate) version: Option<Version>,
    /// Whatever this channel names: moving the channel updates the nodes
    #[arg(short, long)]
    pub(crate) channel: Option<ChannelName>,
    /// The nodes, by label
    #[arg(short, long, value_name = "EXPRESSION")]
    pub(crate) selector: String,
    /// Name of the instance on the nodes [default: the payload's, without its namespace]
    #[arg(short, long, value_name = "NAME")]
    pub(crate) instance: Option<InstanceName>,
    /// Value of a global variable, JSON or text; may be given several times
    #[arg(long, value_name = "GLOBAL=VALUE")]
    pub(crate) set: Vec<Pair>,
    /// Attach target of a program; may be given several times
    #[arg(long, value_name = "PROGRAM=TARGET")]
    pub(crate) target: Vec<Pair>,
    /// Move to other versions by rollouts, see `packer rollout`; the options of a plan say how
    #[arg(long)]
    pub(crate) by_rollout: bool,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) plan: PlanArguments,
    #[command(flatten)]
    pub(crate) registry: RegistryArguments,
}

/// `packer undeploy`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  packer undeploy canary")]
pub(crate) struct UndeployArguments {
    /// The deployment's name
    #[arg(value_name = "NAME")]
    pub(crate) deployment: InstanceName,
    #[command(flatten)]
    pub(crate) registry: RegistryArguments,
}

/// `packer deployments`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  packer deployments
  packer deployments canary --json")]
pub(crate) struct DeploymentsArguments {
    /// One of them, with its configuration
    #[arg(value_name = "NAME")]
    pub(crate) deployment: Option<InstanceName>,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) registry: RegistryArguments,
}

/// `packer pin`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  packer pin execsnoop web-3                     # it keeps what it is given now
  packer pin execsnoop web-3 --version 1.0.0 --reason 'crash of 2026-01-31 is looked into'

Neither rollouts nor channels move the node until `packer unpin`. A revoked release is left all the
same. Again with another version moves the pin.")]
pub(crate) struct PinArguments {
    /// The deployment
    #[arg(value_name = "DEPLOYMENT")]
    pub(crate) deployment: InstanceName,
    /// The node
    #[arg(value_name = "NODE")]
    pub(crate) node: InstanceName,
    /// The version that it keeps [default: the one that it is given now]
    #[arg(long)]
    pub(crate) version: Option<Version>,
    /// Why, for people
    #[arg(
        short,
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    pub(crate) reason: String,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) registry: RegistryArguments,
}

/// `packer unpin`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  packer unpin execsnoop web-3")]
pub(crate) struct UnpinArguments {
    /// The deployment
    #[arg(value_name = "DEPLOYMENT")]
    pub(crate) deployment: InstanceName,
    /// The node
    #[arg(value_name = "NODE")]
    pub(crate) node: InstanceName,
    #[command(flatten)]
    pub(crate) registry: RegistryArguments,
}

/// `packer pins`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  packer pins execsnoop
  packer pins execsnoop --json")]
pub(crate) struct PinsArguments {
    /// The deployment
    #[arg(value_name = "DEPLOYMENT")]
    pub(crate) deployment: InstanceName,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) registry: RegistryArguments,
}

/// `packer explain`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  packer explain web-3           # each instance: what runs, what should, why, what comes next and when
  packer explain web-3 --json")]
pub(crate) struct ExplainArguments {
    /// The node
    pub(crate) node: InstanceName,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) registry: RegistryArguments,
}

/// `packer events`.
#[derive(Debug, Args)]
#[command(after_help = "\
Its operator has to allow it: `node daemon --share-events`. Each look stands in the audit.

Examples:
  packer events web-3 execsnoop
  packer events web-3 execsnoop | jq .event.comm")]
pub(crate) struct EventsArguments {
    /// The node
    pub(crate) node: InstanceName,
    /// One of its instances
    pub(crate) instance: InstanceName,
    #[command(flatten)]
    pub(crate) registry: RegistryArguments,
}

/// `packer nodes`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  packer nodes
  packer nodes web-3             # facts, what it runs, what happened there
  packer nodes web-3 --forget    # its credential is void; it has to enrol again
  packer nodes --json")]
pub(crate) struct NodesArguments {
    /// One of them
    pub(crate) node: Option<InstanceName>,
    /// Remove the node from the registry
    #[arg(long, requires = "node", conflicts_with = "json")]
    pub(crate) forget: bool,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) registry: RegistryArguments,
}
