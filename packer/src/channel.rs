//! `packer channel`: moves a channel, or removes it. Called by `main`.
//! Must never move one that was only to be looked at.

use thiserror::Error;

use crate::cli::{ChannelArguments, ChannelCommand};
use crate::failure::{Class, Classed, Failure};
use crate::output;
use crate::registry::Registry;

/// A command line that names nothing; never seen, `cli` demands it.
#[derive(Debug, Error)]
#[error("names no channel")]
struct NoChannel;

impl Classed for NoChannel {
    fn class(&self) -> Class {
        Class::Usage
    }
}

/// Moves or removes.
pub(crate) fn run(arguments: &ChannelArguments) -> Result<(), Failure> {
    if let Some(ChannelCommand::Rm(remove)) = &arguments.command {
        let registry = Registry::connect(&remove.registry)?;
        let (payload, channel) = (remove.payload.as_str(), remove.channel.as_str());
        registry.ask(registry.client().delete_channel(payload, channel))?;
        output::note(&format!("{payload} has no channel {channel} any more"));
        return Ok(());
    }
    let (Some(payload), Some(channel), Some(version)) =
        (&arguments.payload, &arguments.channel, &arguments.version)
    else {
        return Err(NoChannel.into());
    };
    let registry = Registry::connect(&arguments.registry)?;
    let (payload, channel, version) = (payload.as_str(), channel.as_str(), version.as_str());
    let moved = registry.ask(registry.client().set_channel(payload, channel, version))?;
    output::shown(arguments.json, &moved, || {
        format!("{payload}: {} names {}\n", moved.channel, moved.version)
    })?;
    Ok(())
}
