//! `node maps`: the maps of an instance, and what is in one. Asks a running daemon.
//! Called by the command line.
//! Must never read a map itself: only the daemon knows which generation is in charge.

use std::path::Path;

use api::client::{Client, MapQuery};

use super::args::MapsArgs;
use super::{CliError, runtime};
use crate::output::Output;

/// Entries of a table, unless more are asked for.
const ENTRIES_SHOWN: u32 = 20;

/// `node maps INSTANCE [MAP]`.
///
/// # Errors
/// No daemon answers, or it has no such instance or map, or that holds nothing to be drawn.
pub(super) fn run(socket: &Path, args: &MapsArgs, output: Output) -> Result<(), CliError> {
    let client = Client::unix(socket);
    let runtime = runtime::small()?;
    let Some(map) = &args.map else {
        let maps = runtime.block_on(client.maps(&args.instance))?;
        return output.maps(&maps).map_err(CliError::Print);
    };
    let all_or_some = (!output.is_json()).then_some(ENTRIES_SHOWN);
    let query = MapQuery {
        limit: args.limit.or(all_or_some),
        histogram: match args.linear {
            Some(step) => Some(format!("linear:{step}")),
            None => args.log2.then(|| "log2".to_owned()),
        },
    };
    let content = runtime.block_on(client.map(&args.instance, map, &query))?;
    output.map(&content, args.per_cpu).map_err(CliError::Print)
}
