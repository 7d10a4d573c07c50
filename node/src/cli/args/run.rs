//! Arguments of the commands that work on a file in the foreground: run, record, verify. Must never hold
//! logic.

use std::path::PathBuf;

use payload::name::InstanceName;

use super::setting::{BakeArgs, SettingArgs};
use crate::cli::event_files::EventFileArgs;

const RUN_EXAMPLES: &str = "\
Examples:
  node run execsnoop.bpf.o                    events on standard output, Ctrl-C ends it
  node run execsnoop.wasm | jq .event         JSON lines when the output is no terminal
  kill -HUP PID                               reads FILE again and hot-swaps it";

const RECORD_EXAMPLES: &str = "\
Examples:
  node record execsnoop.wasm -o events.jsonl --for 10
  node record execsnoop.wasm --events 100 > events.jsonl
  packer test bpf/execsnoop --events events.jsonl";

const VERIFY_EXAMPLES: &str = "\
Examples:
  node verify execsnoop.bpf.o                 a line a program; 3 when the kernel refuses one
  node verify execsnoop.wasm --json | jq .programs";

/// Arguments of `node run`.
#[derive(Debug, clap::Args)]
#[command(after_help = RUN_EXAMPLES)]
pub(crate) struct RunArgs {
    /// A payload, a BPF object or legacy JSON.
    pub(crate) file: PathBuf,
    /// Name of the instance; else the one that the file asks for.
    #[arg(long, value_name = "NAME")]
    pub(crate) instance: Option<InstanceName>,
    /// What is set in it.
    #[command(flatten)]
    pub(in crate::cli) settings: SettingArgs,
    /// How long a file that is read again is watched.
    #[command(flatten)]
    pub(in crate::cli) bake: BakeArgs,
    /// Files of events.
    #[command(flatten)]
    pub(in crate::cli) event_files: EventFileArgs,
}

/// Arguments of `node record`.
#[derive(Debug, clap::Args)]
#[command(after_help = RECORD_EXAMPLES)]
pub(crate) struct RecordArgs {
    /// A payload, or a BPF object.
    #[arg(value_name = "FILE")]
    pub(in crate::cli) file: PathBuf,
    /// Where the records go, a JSON line each. [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    pub(in crate::cli) output: Option<PathBuf>,
    /// How many records are kept. [default: all until Ctrl-C]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    pub(in crate::cli) events: Option<u64>,
    /// How long it runs. [default: until Ctrl-C]
    #[arg(long = "for", value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    pub(in crate::cli) seconds: Option<u64>,
    /// Name of the instance; else the one that the file asks for.
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) instance: Option<InstanceName>,
    /// What is set in it.
    #[command(flatten)]
    pub(in crate::cli) settings: SettingArgs,
}

/// Arguments of `node verify`.
#[derive(Debug, clap::Args)]
#[command(after_help = VERIFY_EXAMPLES)]
pub(crate) struct VerifyArgs {
    /// A payload, a BPF object or legacy JSON.
    pub(crate) file: PathBuf,
    /// What is set in it.
    #[command(flatten)]
    pub(in crate::cli) settings: SettingArgs,
}
