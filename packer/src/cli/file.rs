//! Arguments of the commands that work on files, and on a node's legacy address. See `cli`.
//! Must never hold logic.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use payload::manifest::Arch;
use payload::name::{InstanceName, PayloadName, Version};

use crate::push;

/// `packer build`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  packer build bpf/execsnoop
  packer build bpf/execsnoop -o execsnoop.wasm --btf vmlinux.btf
  packer build execsnoop.bpf.o --name acme/execsnoop --payload-version 1.2.0

A folder has a payload.toml and one or more *.bpf.c, which become one object:
  name = \"acme/execsnoop\"
  version = \"1.2.0\"
  description = \"Shows every command that runs\"   # this and all below: optional
  license = \"Apache-2.0\"
  source = \"https://example.org/execsnoop\"
  kernel_min = \"5.8\"
  [maps.counts]
  carry = \"require\"        # auto, never or require
  merge = \"add\"            # none, add or replace
  [events]
  events = \"event\"         # map = struct of its records
  [globals]
  settable = [\"min_ms\"]    # what a deployment may set
  [programs]
  target_settable = [\"probe\"]  # what a deployment may attach elsewhere

Beside them it may have a handler: handler.c (clang and lld), a crate in handler/ (cargo, and
`rustup target add wasm32v1-none`), or a ready handler.wasm. payload.toml says what it asks for:
  [handler]
  lane = \"core\"            # or \"component\"; a core module becomes one
  state = \"carry\"          # or require, or fresh
  memory_bytes_max = 16777216     # and call_ms_max, state_ms_max, state_bytes_max,
                           # emits_per_s_max, emit_bytes_per_s_max, log_lines_per_s_max
  [handler.maps]
  counts = \"read\"          # or \"write\"
  [handler.metrics.latency_seconds]
  kind = \"histogram\"       # counter, gauge or histogram
  help = \"How long it took\"
  labels = [\"peer\"]
  buckets = [0.001, 0.1]
  series_max = 100
  [handler.config]
  prefix = \"/etc\"          # settings, with their defaults

The same sources, tools and BTF give the same bytes.")]
pub(crate) struct BuildArguments {
    /// A folder with payload.toml and *.bpf.c, or a compiled object (*.bpf.o)
    #[arg(value_name = "FOLDER|FILE.bpf.o")]
    pub(crate) input: PathBuf,
    /// The payload to write [default: <name>-<version>.wasm here]
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// BTF that vmlinux.h is generated from, if a source includes it [default: this kernel's]
    #[arg(long, value_name = "FILE")]
    pub(crate) btf: Option<PathBuf>,
    /// The architecture to compile for [default: this machine's]
    #[arg(long)]
    pub(crate) arch: Option<Arch>,
    /// Name of the payload, in place of payload.toml's
    #[arg(long, value_name = "NAMESPACE/NAME")]
    pub(crate) name: Option<PayloadName>,
    /// Version of the payload, in place of payload.toml's
    #[arg(long, value_name = "VERSION")]
    pub(crate) payload_version: Option<Version>,
}

/// `packer new`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  packer new acme/starts
  packer new acme/starts --handler c
  packer new acme/starts --handler rust payloads/starts

The folder builds as it is, and tells which programs are started.")]
pub(crate) struct NewArguments {
    /// Name of the payload
    #[arg(value_name = "NAMESPACE/NAME")]
    pub(crate) name: PayloadName,
    /// The folder to write; it must be empty or not there [default: NAME here]
    #[arg(value_name = "FOLDER")]
    pub(crate) folder: Option<PathBuf>,
    /// What its handler is written in; with none, events are decoded
    #[arg(long, value_name = "LANGUAGE", default_value = "none")]
    pub(crate) handler: WrittenIn,
}

/// What a new handler is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum WrittenIn {
    /// There is none.
    None,
    /// One source, and the headers that `packer` brings.
    C,
    /// A crate, and the SDK that `packer` brings.
    Rust,
}

/// `packer test`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  node record execsnoop.wasm -o events.jsonl --for 10
  packer test bpf/execsnoop --events events.jsonl
  packer test execsnoop.wasm --events events.jsonl | jq .event

What the handler puts out goes to standard output, a JSON line each; its log, its metrics and the
sums to standard error. Time is that of the records; maps are empty at first, and in memory.")]
pub(crate) struct TestArguments {
    /// A folder as `packer build` takes it, or a payload
    #[arg(value_name = "FOLDER|FILE")]
    pub(crate) input: PathBuf,
    /// Records that `node record` has kept; `-` reads standard input
    #[arg(long, value_name = "FILE|-")]
    pub(crate) events: PathBuf,
}

/// `packer inspect`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  packer inspect execsnoop.wasm
  packer inspect update.json --json
  ./client | packer inspect -")]
pub(crate) struct InspectArguments {
    /// A payload, an object or legacy JSON; `-` reads standard input
    #[arg(value_name = "FILE|-")]
    pub(crate) input: PathBuf,
    /// Print one JSON object (defaults of globals are hexadecimal bytes, in memory order)
    #[arg(long)]
    pub(crate) json: bool,
}

/// `packer import`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  packer import update.json -o execsnoop.wasm
  ./client | packer import - -o execsnoop.wasm --name acme/execsnoop --payload-version 1.0.0")]
pub(crate) struct ImportArguments {
    /// Legacy JSON, bare or wrapped; `-` reads standard input
    #[arg(value_name = "FILE|-")]
    pub(crate) input: PathBuf,
    /// The payload to write
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// Name of the payload [default: local/ and the name in the JSON]
    #[arg(long, value_name = "NAMESPACE/NAME")]
    pub(crate) name: Option<PayloadName>,
    /// Version of the payload [default: the JSON's, if it is one, else 0.0.0]
    #[arg(long, value_name = "VERSION")]
    pub(crate) payload_version: Option<Version>,
}

/// `packer legacy`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  packer legacy execsnoop.wasm > update.json
  packer legacy execsnoop.bpf.o --instance execsnoop | node update -")]
pub(crate) struct LegacyArguments {
    /// A payload, an object or legacy JSON; `-` reads standard input
    #[arg(value_name = "FILE|-")]
    pub(crate) input: PathBuf,
    /// The name in the JSON, by which a node names the instance [default: the payload's or file's]
    #[arg(long, value_name = "NAME")]
    pub(crate) instance: Option<InstanceName>,
    /// The architecture whose object is taken [default: this machine's]
    #[arg(long)]
    pub(crate) arch: Option<Arch>,
}

/// `packer push`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  packer push 127.0.0.1:8527 execsnoop.wasm
  packer push 127.0.0.1:8527 execsnoop-2.wasm --instance execsnoop   # replaces it while it runs
  packer push 127.0.0.1:8527 update.json --instance hotupdate        # a server of 2022")]
pub(crate) struct PushArguments {
    /// The legacy address of a node
    #[arg(value_name = "HOST:PORT", value_parser = push::host_and_port)]
    pub(crate) address: String,
    /// A payload, an object or legacy JSON; `-` reads standard input
    #[arg(value_name = "FILE|-")]
    pub(crate) input: PathBuf,
    /// The instance to start or update [default: what the file asks for]
    #[arg(long, value_name = "NAME")]
    pub(crate) instance: Option<InstanceName>,
    /// The architecture whose object is taken [default: this machine's]
    #[arg(long)]
    pub(crate) arch: Option<Arch>,
}
