//! Where the registry is: arguments of every command that asks it. See `cli`, and `configuration`,
//! which reads the rest. Must never hold logic, nor take a token itself: others see command lines.

use std::path::PathBuf;

use clap::Args;

/// Where the registry is, and as whom to ask it.
#[derive(Debug, Args)]
#[command(next_help_heading = "Registry")]
pub(crate) struct RegistryArguments {
    /// The registry [default: the configuration file's, else this machine's, 127.0.0.1:8528]
    #[arg(long, value_name = "URL", env = "MARROW_REGISTRY")]
    pub(crate) registry: Option<String>,
    /// A file with the token; others must not be able to read it
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// Certificates (PEM) that vouch for the registry's, in place of those this machine trusts
    #[arg(long, value_name = "FILE", env = "MARROW_CA")]
    pub(crate) ca: Option<PathBuf>,
    /// Send the token over plain http:// to another machine, where everybody on the way can read it
    #[arg(long)]
    pub(crate) allow_plain_http: bool,
    /// The configuration file
    #[arg(long, value_name = "FILE", env = "MARROW_PACKER_CONFIG")]
    pub(crate) config: Option<PathBuf>,
}
