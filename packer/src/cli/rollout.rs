//! Arguments of `packer rollout`. See `cli`. Must never hold logic.

use std::path::PathBuf;
use std::time::Duration;

use api::registry::OnFailure;
use clap::builder::PossibleValuesParser;
use clap::builder::TypedValueParser as _;
use clap::{Args, Subcommand};
use payload::name::{InstanceName, Version};

use super::RegistryArguments;
use crate::moment::When;
use crate::plan::value::{Approvals, Bound, Percent, Waves};
use crate::reference::RolloutName;

/// `packer rollout`.
#[derive(Debug, Subcommand)]
pub(crate) enum RolloutCommand {
    /// Move a deployment to another release, wave by wave
    Start(StartArguments),
    /// Show what `start` would do, and to which nodes; nothing is changed
    DryRun(DryRunArguments),
    /// Show rollouts, or all of one
    Status(StatusArguments),
    /// Watch one until it ends
    Watch(WatchArguments),
    /// Let no further node run the release for now
    Pause(AskArguments),
    /// Go on with one that is paused
    Resume(AskArguments),
    /// Pass the gate of its wave, whatever that says
    Promote(AskArguments),
    /// End it; nodes keep what they run
    Abort(AskArguments),
    /// Take the release back from every node, also after the end
    Rollback(AskArguments),
}

/// How a rollout goes. What is not said is as in --plan, else as the deployment does it, else by
/// default.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Plan")]
pub(crate) struct PlanArguments {
    /// The waves, by nodes or in percent, each wider than the one before [default:
    /// 1%,10%,50%,100%]
    #[arg(long, value_name = "N|N%,…")]
    pub(crate) waves: Option<Waves>,
    /// How long each wave is watched before its gate [default: 60s]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(crate) bake: Option<Duration>,
    /// How long nodes of a wave have to run it; who is silent then has failed [default: 10m]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(crate) deadline: Option<Duration>,
    /// Waves whose gates wait for `promote`: none, first, each, or numbers [default: none]
    #[arg(long, value_name = "WAVES")]
    pub(crate) approve: Option<Approvals>,
    /// How long nodes have to load and verify it before any runs it [default: 10m]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(crate) preflight: Option<Duration>,
    /// How many nodes may fail [default: 0]
    #[arg(long, value_name = "NODES")]
    pub(crate) failures: Option<u32>,
    /// Who goes back when a gate fails: all, the nodes of its wave, or nobody [default: all]
    #[arg(
        long,
        value_name = "all|wave|pause",
        hide_possible_values = true,
        value_parser = PossibleValuesParser::new(["all", "wave", "pause"]).map(|word| on_failure(&word))
    )]
    pub(crate) on_failure: Option<OnFailure>,
    /// Records lost of a million, at most so many more than on other nodes [default: 1000]
    #[arg(long, value_name = "N|off")]
    pub(crate) lost_ppm: Option<Bound>,
    /// Faults of handlers on a thousand nodes, at most so many more than on others [default: 0]
    #[arg(long, value_name = "N|off")]
    pub(crate) faults: Option<Bound>,
    /// Time of a run of its programs, at most so much of that on other nodes [default: 300%]
    #[arg(long, value_name = "N%|off")]
    pub(crate) run_time: Option<Percent>,
    /// Records, and timed runs, that both sides need to be compared [default: 100]
    #[arg(long, value_name = "N")]
    pub(crate) samples: Option<u64>,
    /// How long a gate waits for them before the rollout pauses [default: 10m]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(crate) wait: Option<Duration>,
    /// A plan as JSON, such as `packer rollout status 12 --json | jq .plan` prints; - for standard
    /// input
    #[arg(long, value_name = "FILE")]
    pub(crate) plan: Option<PathBuf>,
}

fn on_failure(word: &str) -> OnFailure {
    match word {
        "wave" => OnFailure::Wave,
        "pause" => OnFailure::Pause,
        _ => OnFailure::All,
    }
}

/// What is to be rolled out, and how: of `start` and of `dry-run`.
#[derive(Debug, Args)]
pub(crate) struct RolloutArguments {
    /// The deployment
    #[arg(value_name = "DEPLOYMENT")]
    pub(crate) deployment: InstanceName,
    /// The version that it moves to [default: what its channel names]
    #[arg(long)]
    pub(crate) version: Option<Version>,
    /// All nodes take over at this time, in one wave: +30m, or 2026-01-31T12:00:00Z
    #[arg(long, value_name = "WHEN")]
    pub(crate) flip_at: Option<When>,
    /// Begin at this time, and not before
    #[arg(long, value_name = "WHEN")]
    pub(crate) start_at: Option<When>,
    /// Take the place of the deployment's rollout that has not ended
    #[arg(long)]
    pub(crate) supersede: bool,
    #[command(flatten)]
    pub(crate) plan: PlanArguments,
}

/// `packer rollout start`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  packer rollout start execsnoop --version 1.1.0 --watch
  packer rollout start execsnoop --version 1.1.0 --waves 1,10%,50%,100% --bake 5m --approve first
  packer rollout start execsnoop --version 1.1.0 --flip-at 2026-01-31T02:00:00Z
  packer rollout start execsnoop --version 1.1.0 --plan careful.json --failures 3

Every node of the deployment loads and verifies the release before any runs it. Then wave by wave
takes it over, is watched, and is compared with the nodes that do not run it yet. What fails goes
back, as --on-failure says; each node goes back by itself first.
Times are 90s, 10m, 2h; --waves begins anew, so that what --plan says of single waves is gone.")]
pub(crate) struct StartArguments {
    /// Watch it until it ends, as `packer rollout watch`
    #[arg(long)]
    pub(crate) watch: bool,
    /// Print one JSON object; with --watch, one a change
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) rollout: RolloutArguments,
    #[command(flatten)]
    pub(crate) registry: RegistryArguments,
}

/// `packer rollout dry-run`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  packer rollout dry-run execsnoop --version 1.1.0 --waves 1,10%,50%,100%

Which node is in which wave depends on its name and the salt alone: the rollout that is started next
has the same. Nodes that are not there when it comes to them join later.")]
pub(crate) struct DryRunArguments {
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) rollout: RolloutArguments,
    #[command(flatten)]
    pub(crate) registry: RegistryArguments,
}

/// `packer rollout status`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  packer rollout status
  packer rollout status execsnoop           # its rollout that goes on, else its latest
  packer rollout status 12 --nodes
  packer rollout status 12 --json | jq .plan > careful.json")]
pub(crate) struct StatusArguments {
    /// One of them, by its number or its deployment
    #[arg(value_name = "ROLLOUT|DEPLOYMENT")]
    pub(crate) rollout: Option<RolloutName>,
    /// Show where each of its nodes stands
    #[arg(long, requires = "rollout")]
    pub(crate) nodes: bool,
    /// Only what came before this number
    #[arg(long, value_name = "ROLLOUT", conflicts_with = "rollout")]
    pub(crate) before: Option<u64>,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) registry: RegistryArguments,
}

/// `packer rollout watch`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  packer rollout watch execsnoop
  packer rollout watch 12 --until-paused    # for scripts: nobody is there to promote or resume

On a terminal, a picture that is redrawn in place; else a line a change. It goes on when the registry
was away, and ends with the rollout. Ctrl-C leaves the rollout alone.

Exit codes:
  0    it succeeded
  5    it was rejected or rolled back: every node has what it had
  6    it is incomplete, or was aborted or superseded: some nodes may run the release
  7    with --until-paused: it is paused, or waits for `promote`
  130  you left it with Ctrl-C, or nobody reads any more; it goes on")]
pub(crate) struct WatchArguments {
    /// Its number, or its deployment
    #[arg(value_name = "ROLLOUT|DEPLOYMENT")]
    pub(crate) rollout: RolloutName,
    /// End as well when somebody has to resume or promote it
    #[arg(long)]
    pub(crate) until_paused: bool,
    /// Print one JSON object a change
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) registry: RegistryArguments,
}

/// `packer rollout pause`, `resume`, `promote`, `abort` and `rollback`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  packer rollout pause execsnoop      # no further node runs the release
  packer rollout resume execsnoop
  packer rollout promote 12           # the gate of its wave passes; failures so far are borne
  packer rollout abort 12             # it ends, nodes keep what they run
  packer rollout rollback 12          # every node goes back, also after the end")]
pub(crate) struct AskArguments {
    /// Its number, or its deployment
    #[arg(value_name = "ROLLOUT|DEPLOYMENT")]
    pub(crate) rollout: RolloutName,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) registry: RegistryArguments,
}
