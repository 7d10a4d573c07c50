//! `packer whoami`: what the token in use may do. Called by `main`.
//! Must never show the token itself.

use api::registry::WhoAmI;

use crate::cli::WhoAmIArguments;
use crate::failure::Failure;
use crate::moment;
use crate::output;
use crate::registry::Registry;
use crate::summary;
use crate::table::row;

/// Asks, and shows.
pub(crate) fn run(arguments: &WhoAmIArguments, now_ms: u64) -> Result<(), Failure> {
    let registry = Registry::connect(&arguments.registry)?;
    let who = registry.ask(registry.client().whoami())?;
    output::shown(arguments.json, &who, || text(&who, now_ms))?;
    Ok(())
}

fn text(who: &WhoAmI, now_ms: u64) -> String {
    let mut rows = vec![
        row(["name", &who.name]),
        row(["scopes", &who.scopes.join(", ")]),
    ];
    if let Some(at_ms) = who.expires_ms {
        let expires = format!(
            "{} ({})",
            moment::utc(at_ms),
            moment::relative(now_ms, at_ms)
        );
        rows.push(row(["expires", &expires]));
    }
    summary::text(rows)
}
