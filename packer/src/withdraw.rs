//! `packer yank`, `unyank` and `revoke`. Called by `main`.
//! Must never do one for another: only a yank can be taken back.

use api::registry::{Reason, Release};

use crate::aftermath;
use crate::cli::WithdrawArguments;
use crate::failure::Failure;
use crate::list::state;
use crate::output;
use crate::registry::Registry;

/// What is done to the release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Hide it from new deployments.
    Yank,
    /// Show it again.
    Unyank,
    /// Take it from everybody.
    Revoke,
}

/// Does it, and shows how the release stands.
pub(crate) fn run(arguments: &WithdrawArguments, step: Step) -> Result<(), Failure> {
    let registry = Registry::connect(&arguments.registry)?;
    let client = registry.client();
    let name = arguments.release.payload.as_str();
    let version = arguments.release.version.as_str();
    let reason = &Reason {
        reason: arguments.reason.clone(),
    };
    let release: Release = match step {
        Step::Yank => registry.ask(client.yank(name, version, reason))?,
        Step::Unyank => registry.ask(client.unyank(name, version, reason))?,
        Step::Revoke => registry.ask(client.revoke(name, version, reason))?,
    };
    output::shown(arguments.json, &release, || {
        let (stands, nodes) = (state(release.state), release.nodes);
        let run = if nodes == 1 { "node runs" } else { "nodes run" };
        format!("{} is {stands}; {nodes} {run} it\n", arguments.release)
    })?;
    if step == Step::Revoke {
        aftermath::tell(&registry, name, |named| named == version);
    }
    Ok(())
}
