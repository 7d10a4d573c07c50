//! `packer rollout`: moves deployments in waves, and shows how that goes. Called by `main`.
//! Must never show text of a node unescaped, nor ask anything of another rollout than the one that
//! was named.

#[cfg(test)]
mod example;
mod failures;
mod figures;
mod matrix;
mod paper;
mod picture;
mod screen;
mod start;
mod status;
mod track;
mod view;
mod watch;
mod words;

use api::client::registry::Ask;
use payload::name::InstanceName;
use thiserror::Error;

use crate::cli::{AskArguments, RolloutCommand};
use crate::failure::{Class, Classed, Failure};
use crate::output;
use crate::reference::RolloutName;
use crate::registry::Registry;

/// A deployment that was never rolled out.
#[derive(Debug, Error)]
#[error("there is no rollout of {deployment}")]
struct NoRollout {
    deployment: InstanceName,
}

impl Classed for NoRollout {
    fn class(&self) -> Class {
        Class::Refused
    }

    fn next_step(&self) -> Option<String> {
        Some(
            "`packer rollout status` shows every rollout, `packer deployments` what could have one"
                .to_owned(),
        )
    }
}

/// Starts, shows or asks something of a rollout. `clock_ms` tells milliseconds since 1970.
pub(crate) fn run(command: &RolloutCommand, clock_ms: fn() -> u64) -> Result<(), Failure> {
    match command {
        RolloutCommand::Start(arguments) => start::start(arguments, clock_ms),
        RolloutCommand::DryRun(arguments) => start::dry_run(arguments, clock_ms()),
        RolloutCommand::Status(arguments) => status::run(arguments, clock_ms()),
        RolloutCommand::Watch(arguments) => {
            let registry = Registry::connect(&arguments.registry)?;
            let number = meant(&registry, &arguments.rollout)?;
            let form = view::Form::of(arguments.json);
            watch::watch(&registry, number, form, arguments.until_paused, clock_ms)
        }
        RolloutCommand::Pause(arguments) => ask(arguments, Ask::Pause),
        RolloutCommand::Resume(arguments) => ask(arguments, Ask::Resume),
        RolloutCommand::Promote(arguments) => ask(arguments, Ask::Promote),
        RolloutCommand::Abort(arguments) => ask(arguments, Ask::Abort),
        RolloutCommand::Rollback(arguments) => ask(arguments, Ask::RollBack),
    }
}

/// The number of the rollout that is meant.
fn meant(registry: &Registry, name: &RolloutName) -> Result<u64, Failure> {
    let deployment = match name {
        RolloutName::Number(number) => return Ok(*number),
        RolloutName::Of(deployment) => deployment,
    };
    let client = registry.client();
    let rollouts = registry.ask(client.rollouts(Some(deployment.as_str()), None))?;
    // One that goes on is the latest: there is one at a time.
    let latest = rollouts.rollouts.first().ok_or_else(|| NoRollout {
        deployment: deployment.clone(),
    })?;
    Ok(latest.rollout)
}

fn ask(arguments: &AskArguments, what: Ask) -> Result<(), Failure> {
    let registry = Registry::connect(&arguments.registry)?;
    let number = meant(&registry, &arguments.rollout)?;
    let rollout = registry.ask(registry.client().ask_rollout(number, what))?;
    output::shown(arguments.json, &rollout, || {
        format!("{}\n", words::line(&rollout))
    })?;
    Ok(())
}
