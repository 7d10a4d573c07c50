//! The command line of `packer`. Parsed by `main`; each command's arguments go to its own file.
//! Must never hold logic: names, texts and defaults only.

mod access;
mod file;
mod fleet;
mod key;
mod place;
mod release;
mod rollout;

use clap::{Parser, Subcommand};
use clap_complete::Shell;

pub(crate) use access::{
    AddKeyArguments, AuditArguments, CollectArguments, KeyCommand, NewTokenArguments, TokenCommand,
    WhoAmIArguments,
};
pub(crate) use file::{
    BuildArguments, ImportArguments, InspectArguments, LegacyArguments, NewArguments,
    PushArguments, TestArguments, WrittenIn,
};
pub(crate) use fleet::{
    DeployArguments, DeploymentsArguments, EventsArguments, ExplainArguments, NodesArguments,
    PinArguments, PinsArguments, UndeployArguments, UnpinArguments,
};
pub(crate) use key::{KeygenArguments, SignArguments, VerifyArguments};
pub(crate) use place::RegistryArguments;
pub(crate) use release::{
    ChannelArguments, ChannelCommand, FloorArguments, ListArguments, PublishArguments,
    PullArguments, WithdrawArguments,
};
pub(crate) use rollout::{
    AskArguments, DryRunArguments, PlanArguments, RolloutArguments, RolloutCommand, StartArguments,
    StatusArguments,
};

/// Builds, signs and publishes Marrow payloads, and rolls them out to nodes.
#[derive(Debug, Parser)]
#[command(version, after_help = EXIT_CODES, max_term_width = 100)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  this machine: a file cannot be read or written, a tool is missing
  2  the command line or the configuration file is wrong
  3  refused: the input breaks a rule, a signature does not hold, or the compiler, the registry,
     the node or its kernel's verifier says no
  4  not now: no registry or node answers, or it asks to come back later
  5, 6, 7 and 130: see `packer rollout watch --help`

Environment:
  MARROW_REGISTRY, MARROW_CA  where the registry is, and who vouches for its certificate
  MARROW_TOKEN  the token itself, where no --token-file is given
  MARROW_PACKER_CONFIG  the configuration file (default: marrow/packer.toml in the user's
                        configuration, else /etc/marrow/packer.toml)
  MARROW_CLANG, MARROW_LLVM_STRIP, MARROW_BPFTOOL, MARROW_WASM_LD, MARROW_CARGO
                        paths of the tools
  MARROW_CACHE_DIR  where generated vmlinux.h are kept (default: marrow/ in the user's cache)

The configuration file; flags and the environment go before it:
  registry = \"https://registry.example.org\"
  token_file = \"packer.token\"   # beside the file; mode 0600
  ca = \"ca.pem\"                 # default: the certificates that this machine trusts
  allow_plain_http = false      # true: tokens may go over http:// to another machine

From source to running nodes:
  packer keygen -o marrow
  packer key add marrow.pub --namespace marrow
  packer publish bpf/execsnoop --key marrow.key --channel stable
  packer deploy execsnoop --payload marrow/execsnoop --channel stable --selector 'env=prod'";

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write a folder that builds and runs at once
    New(NewArguments),
    /// Compile a folder, or wrap a ready object, into a payload
    Build(BuildArguments),
    /// Run a payload's handler on recorded events: without a kernel, and without rights
    Test(TestArguments),
    /// Show what a payload, an object or a legacy JSON document contains
    Inspect(InspectArguments),
    /// Make a payload of the predecessor's JSON, any of its three generations
    Import(ImportArguments),
    /// Write a payload or an object as the predecessor's JSON (generation 0) on standard output
    Legacy(LegacyArguments),
    /// Start or hot-update an instance on a node through its legacy address
    Push(PushArguments),
    /// Make a pair of keys for signing
    Keygen(KeygenArguments),
    /// Sign a payload file, or a release in the registry
    Sign(SignArguments),
    /// Check who signed a payload file
    Verify(VerifyArguments),
    /// Sign a payload and put it into the registry
    Publish(PublishArguments),
    /// Fetch a payload and its signatures from the registry
    Pull(PullArguments),
    /// Show payloads, one payload's releases, or one release
    List(ListArguments),
    /// Hide a release from new deployments; those that use it go on
    Yank(WithdrawArguments),
    /// Take a yank back
    Unyank(WithdrawArguments),
    /// Make every node leave a release, for ever
    Revoke(WithdrawArguments),
    /// Move a channel to a version, or remove it
    Channel(ChannelArguments),
    /// Sign that versions below one must no longer run
    Floor(FloorArguments),
    /// Say which payload should run on which nodes
    Deploy(DeployArguments),
    /// End a deployment: its nodes stop the instance
    Undeploy(UndeployArguments),
    /// Show deployments
    Deployments(DeploymentsArguments),
    /// Move deployments to other releases in waves, and back
    #[command(subcommand)]
    Rollout(RolloutCommand),
    /// Let a node keep its version, whatever its deployment gives
    Pin(PinArguments),
    /// Let a node have again what its deployment gives
    Unpin(UnpinArguments),
    /// Show the nodes that keep their versions
    Pins(PinsArguments),
    /// Show nodes, or what one is, runs and did
    Nodes(NodesArguments),
    /// Show why a node runs what it runs, what it waits for, and when that will be
    Explain(ExplainArguments),
    /// Show what an instance puts out on its node, as it comes: a line of JSON an event
    Events(EventsArguments),
    /// Make, show and revoke tokens
    #[command(subcommand)]
    Token(TokenCommand),
    /// Say whose signatures the registry takes
    #[command(subcommand)]
    Key(KeyCommand),
    /// Show who changed what, newest first
    Audit(AuditArguments),
    /// Remove bytes from the registry that no release and no node refers to
    Collect(CollectArguments),
    /// Show what the token in use may do
    Whoami(WhoAmIArguments),
    /// Print completions for a shell
    #[command(after_help = "\
Examples:
  packer completions bash > /etc/bash_completion.d/packer
  packer completions zsh > ~/.zfunc/_packer
  packer completions fish > ~/.config/fish/completions/packer.fish")]
    Completions {
        /// Whose completions
        #[arg(value_parser = clap::builder::EnumValueParser::<Shell>::new())]
        shell: Shell,
    },
}
