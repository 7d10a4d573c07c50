//! `packer pin`, `unpin` and `pins`: nodes that keep their versions. Called by `main`.
//! Must never show a reason unescaped: somebody else wrote it.

use api::registry::{Pin, Pins, SetPin};

use crate::cli::{PinArguments, PinsArguments, UnpinArguments};
use crate::failure::Failure;
use crate::list::or_dash;
use crate::moment;
use crate::output;
use crate::registry::Registry;
use crate::table::{Text, row};

/// Lets a node keep a version.
pub(crate) fn pin(arguments: &PinArguments) -> Result<(), Failure> {
    let registry = Registry::connect(&arguments.registry)?;
    let (deployment, node) = (arguments.deployment.as_str(), arguments.node.as_str());
    let asked = SetPin {
        version: arguments.version.as_ref().map(ToString::to_string),
        reason: arguments.reason.clone(),
    };
    let pin = registry.ask(registry.client().set_pin(deployment, node, &asked))?;
    output::shown(arguments.json, &pin, || {
        let mut text = Text::default();
        let version = &pin.version;
        text.lines("", &format!("{node} keeps {version} of {deployment}"));
        text.into_string()
    })?;
    Ok(())
}

/// Lets it have what the deployment gives.
pub(crate) fn unpin(arguments: &UnpinArguments) -> Result<(), Failure> {
    let registry = Registry::connect(&arguments.registry)?;
    let (deployment, node) = (arguments.deployment.as_str(), arguments.node.as_str());
    registry.ask(registry.client().delete_pin(deployment, node))?;
    output::note(&format!(
        "{node} has again what {deployment} gives: `packer explain {node}` says when"
    ));
    Ok(())
}

/// Shows the pins of a deployment.
pub(crate) fn list(arguments: &PinsArguments, now_ms: u64) -> Result<(), Failure> {
    let registry = Registry::connect(&arguments.registry)?;
    let deployment = arguments.deployment.as_str();
    let pins = registry.every(|after| {
        let client = registry.client();
        async move {
            let Pins { pins, next } = client.pins(deployment, after.as_deref()).await?;
            Ok((pins, next))
        }
    })?;
    let pins = Pins { pins, next: None };
    output::shown(arguments.json, &pins, || table(&pins.pins, now_ms))?;
    if pins.pins.is_empty() && !arguments.json {
        output::note(&format!("{deployment} pins no node"));
    }
    Ok(())
}

fn table(pins: &[Pin], now_ms: u64) -> String {
    let rows = pins.iter().map(|pin| {
        row([
            &pin.node,
            &pin.version,
            &pin.set_by,
            &moment::relative(now_ms, pin.set_ms),
            &or_dash(&pin.reason),
        ])
    });
    let rows: Vec<Vec<String>> = rows.collect();
    let mut text = Text::default();
    if !rows.is_empty() {
        text.table(["node", "keeps", "who", "since", "because"], rows);
    }
    text.into_string()
}
