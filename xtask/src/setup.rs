//! Brings a machine to where it can build and test: tools, headers, mounts, `cargo-deny`.
//! Called by `cargo xtask setup` and first by every other command that needs them.
//! Must never change a limit of the machine or install what is already there.

mod apt;
mod axe;
mod deny;
mod mounts;
mod needs;
mod rivals;
mod schemathesis;

use anyhow::Result;

pub(crate) use apt::{download, lists};
pub(crate) use deny::cargo_deny;
pub(crate) use rivals::program as rival;
pub(crate) use schemathesis::program as schemathesis;

use crate::output;

/// Everything that `check` needs.
///
/// # Errors
/// When something is missing and cannot be installed.
pub(crate) fn everything() -> Result<()> {
    apt::install(needs::ALL)?;
    to_boot()?;
    to_browse()?;
    mounts::ensure();
    deny::install()?;
    schemathesis::install()?;
    axe::install()?;
    output::line("setup: everything is there");
    Ok(())
}

/// What building the programs and loading BPF needs: for `demo`, `bench` and `bpf`.
///
/// # Errors
/// When something is missing and cannot be installed.
pub(crate) fn to_build() -> Result<()> {
    apt::install(needs::TO_BUILD)?;
    mounts::ensure();
    Ok(())
}

/// What showing the pages in a browser needs.
///
/// # Errors
/// When something is missing and cannot be had.
pub(crate) fn to_browse() -> Result<()> {
    apt::install(needs::TO_BROWSE)
}

/// What `bench pull` needs: the client, and the servers that it compares with.
///
/// # Errors
/// When something is missing and cannot be had.
pub(crate) fn to_pull() -> Result<()> {
    apt::install(needs::TO_PULL)?;
    rivals::unpack()
}

/// What fetching kernels and booting them in guests needs.
///
/// # Errors
/// When something is missing and cannot be had.
pub(crate) fn to_boot() -> Result<()> {
    apt::install(needs::TO_BOOT)
}
