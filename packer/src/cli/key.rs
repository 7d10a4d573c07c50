//! Arguments of the commands of keys and signatures. See `cli`. Must never hold logic.

use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::Args;

use super::RegistryArguments;
use crate::reference::ReleaseName;

/// `packer keygen`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  packer keygen -o acme             # acme.key, which only you can read, and acme.pub
  packer keygen -o keys/release --json

The private key stays with the publisher. The public one goes to the registry (`packer key add`)
and, since nodes decide by their own keys, into the folder of trusted keys of each node, named by
a file there such as acme.toml:
  namespaces = [\"acme\"]
  key_file = \"acme.pub\"
Keys of `openssl genpkey -algorithm ed25519` can be used as well.")]
pub(crate) struct KeygenArguments {
    /// Where to write them: NAME.key and NAME.pub, neither of which may exist
    #[arg(short, long, value_name = "NAME", default_value = "marrow")]
    pub(crate) output: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// `packer sign`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  packer sign execsnoop-1.0.0.wasm --key acme.key       # writes execsnoop-1.0.0.envelope.json
  packer sign execsnoop-1.0.0.wasm --key second.key     # adds a signature to it
  packer sign --release acme/execsnoop@1.0.0 --key acme.key

What is signed is the name, the version and the digest of the file, as a DSSE envelope (Ed25519).
A release in the registry is fetched and shown; unsigned ones, which came as legacy JSON, become
signed by it.")]
pub(crate) struct SignArguments {
    /// The payload to sign
    #[arg(value_name = "FILE.wasm", required_unless_present = "release")]
    pub(crate) input: Option<PathBuf>,
    /// A release in the registry, in place of a file
    #[arg(long, value_name = "NAMESPACE/NAME@VERSION", conflicts_with_all = ["input", "output"])]
    pub(crate) release: Option<ReleaseName>,
    /// The private key (PEM)
    #[arg(short, long, value_name = "FILE")]
    pub(crate) key: PathBuf,
    /// The envelope to write or to add to [default: FILE.envelope.json beside the payload]
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) registry: RegistryArguments,
}

/// `packer verify`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  packer verify execsnoop-1.0.0.wasm --key acme.pub
  packer verify execsnoop.wasm --envelope e.json --key acme.pub --key second.pub --signatures 2

Exit code 3 when not enough of the keys signed this file, or a signature by one of them is wrong.")]
pub(crate) struct VerifyArguments {
    /// The payload
    #[arg(value_name = "FILE.wasm")]
    pub(crate) input: PathBuf,
    /// Its envelope [default: FILE.envelope.json beside the payload]
    #[arg(short, long, value_name = "FILE")]
    pub(crate) envelope: Option<PathBuf>,
    /// A public key (PEM) whose signature counts; may be given several times
    #[arg(short, long, value_name = "FILE", required = true)]
    pub(crate) key: Vec<PathBuf>,
    /// How many of the keys must have signed
    #[arg(long, value_name = "NUMBER", default_value = "1")]
    pub(crate) signatures: NonZeroU32,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}
