//! Arguments of the commands of releases and channels. See `cli`. Must never hold logic.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use payload::name::{PayloadName, Version};

use super::RegistryArguments;
use crate::reference::{ChannelName, Listed, Reference, ReleaseName};

/// `packer publish`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  packer publish bpf/execsnoop --key acme.key
  packer publish execsnoop-1.0.0.wasm --key acme.key --channel stable
  packer publish execsnoop-1.0.0.wasm --envelope execsnoop-1.0.0.envelope.json

A folder is built first, as `packer build` does. What the programs could do is shown, with the
difference from the version before. A release never changes: the same version with other bytes is
refused. The same command again, after a failure, goes on where it stopped.")]
pub(crate) struct PublishArguments {
    /// A payload, or a folder with payload.toml and *.bpf.c
    #[arg(value_name = "FILE.wasm|FOLDER")]
    pub(crate) input: PathBuf,
    /// The private key (PEM) to sign with
    #[arg(short, long, value_name = "FILE", required_unless_present = "envelope")]
    pub(crate) key: Option<PathBuf>,
    /// An envelope of `packer sign` to publish; with --key, a signature is added
    #[arg(short, long, value_name = "FILE")]
    pub(crate) envelope: Option<PathBuf>,
    /// A channel to move to the release
    #[arg(short, long, value_name = "CHANNEL")]
    pub(crate) channel: Option<ChannelName>,
    /// How often to try again when the registry is not there or busy
    #[arg(long, value_name = "NUMBER", default_value_t = 4, value_parser = clap::value_parser!(u32).range(..=20))]
    pub(crate) retries: u32,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) registry: RegistryArguments,
}

/// `packer pull`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  packer pull acme/execsnoop@1.0.0
  packer pull acme/execsnoop@stable -o execsnoop.wasm --key acme.pub
  packer pull sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08

Goes on where a broken transfer stopped. The digest is checked before the file is in its place; the
envelope is written beside it, as FILE.envelope.json.")]
pub(crate) struct PullArguments {
    /// A version, what a channel names, or the bytes of a digest
    #[arg(value_name = "NAMESPACE/NAME@VERSION|@CHANNEL|sha256:…")]
    pub(crate) reference: Reference,
    /// The file to write [default: <name>-<version>.wasm here]
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// A public key (PEM) that must have signed it; of several, one is enough
    #[arg(short, long, value_name = "FILE")]
    pub(crate) key: Vec<PathBuf>,
    /// How often to try again when the registry is not there or busy
    #[arg(long, value_name = "NUMBER", default_value_t = 4, value_parser = clap::value_parser!(u32).range(..=20))]
    pub(crate) retries: u32,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) registry: RegistryArguments,
}

/// `packer list`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  packer list                          # every payload
  packer list acme/execsnoop           # its versions, channels, signers, state, nodes
  packer list acme/execsnoop@1.0.0     # what is in a release, and what is new in it
  packer list --json")]
pub(crate) struct ListArguments {
    /// A payload, or one of its releases
    #[arg(value_name = "NAMESPACE/NAME[@VERSION]")]
    pub(crate) of: Option<Listed>,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) registry: RegistryArguments,
}

/// `packer yank`, `packer unyank`, `packer revoke`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  packer yank acme/execsnoop@1.0.0 --reason 'leaks a file descriptor'
  packer unyank acme/execsnoop@1.0.0
  packer revoke acme/execsnoop@1.0.0 --reason 'key was stolen'

A yanked release is not given to new deployments and channels; those that use it go on.
A revoked one is left by every node within a poll, and does not come back.")]
pub(crate) struct WithdrawArguments {
    /// The release
    #[arg(value_name = "NAMESPACE/NAME@VERSION")]
    pub(crate) release: ReleaseName,
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

/// `packer channel`.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "\
Examples:
  packer channel acme/execsnoop stable 1.1.0     # deployments that follow it update
  packer channel rm acme/execsnoop edge"
)]
pub(crate) struct ChannelArguments {
    #[command(subcommand)]
    pub(crate) command: Option<ChannelCommand>,
    /// The payload
    #[arg(value_name = "NAMESPACE/NAME", required = true)]
    pub(crate) payload: Option<PayloadName>,
    /// The channel, which need not exist
    #[arg(required = true)]
    pub(crate) channel: Option<ChannelName>,
    /// The version it names from now on
    #[arg(required = true)]
    pub(crate) version: Option<Version>,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) registry: RegistryArguments,
}

/// What else can be done with channels.
#[derive(Debug, Subcommand)]
pub(crate) enum ChannelCommand {
    /// Remove a channel: deployments that follow it have nothing to give any more
    Rm(RemoveChannelArguments),
}

/// `packer channel rm`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  packer channel rm acme/execsnoop edge")]
pub(crate) struct RemoveChannelArguments {
    /// The payload
    #[arg(value_name = "NAMESPACE/NAME")]
    pub(crate) payload: PayloadName,
    /// The channel
    pub(crate) channel: ChannelName,
    #[command(flatten)]
    pub(crate) registry: RegistryArguments,
}

/// `packer floor`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  packer floor acme/execsnoop 1.0.3 --key acme.key

Nodes keep the latest floor that they have seen for ever: versions below it never run again,
whoever asks, the registry included. Only a later floor of the publisher can lower it.")]
pub(crate) struct FloorArguments {
    /// The payload
    #[arg(value_name = "NAMESPACE/NAME")]
    pub(crate) payload: PayloadName,
    /// The oldest version that may run
    pub(crate) version: Version,
    /// The private key (PEM) to sign with
    #[arg(short, long, value_name = "FILE")]
    pub(crate) key: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) registry: RegistryArguments,
}
