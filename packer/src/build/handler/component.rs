//! A component of a core module that was written for the core lane: the contract itself is the only
//! thing that is added. Called by `handler`.
//! Must never ask the author for bindings: the core module's functions are already those of the
//! canonical ABI.

use payload::handler::Abi;
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// The contract, as nodes have it.
const CONTRACT: &str = include_str!("../../../../node/wit/handler.wit");
/// The contract's file, for errors in it.
const CONTRACT_NAME: &str = "handler.wit";
/// The world in it.
const WORLD: &str = "handler";

/// The component, or why there is none. What the SDK wrote into the module stands in the component
/// too, where readers look for it.
pub(super) fn of_core(core: &[u8], abi: Option<&Abi>) -> Result<Vec<u8>, String> {
    let mut contract = Resolve::default();
    let package = contract.push_str(CONTRACT_NAME, CONTRACT).map_err(shown)?;
    let world = contract
        .select_world(&[package], Some(WORLD))
        .map_err(shown)?;
    let mut module = core.to_vec();
    embed_component_metadata(&mut module, &contract, world, StringEncoding::UTF8).map_err(shown)?;
    let encoder = ComponentEncoder::default().module(&module).map_err(shown)?;
    let mut component = encoder.validate(true).encode().map_err(shown)?;
    component.extend(abi.map(Abi::to_section).unwrap_or_default());
    Ok(component)
}

/// The whole chain of causes on one line.
fn shown(error: impl std::fmt::Display) -> String {
    format!("{error:#}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::handler::WORLD_VERSION;

    #[test]
    fn a_handler_that_says_nothing_is_of_the_contracts_version() {
        let package = format!("package marrow:handler@{WORLD_VERSION};");
        assert!(CONTRACT.contains(&package));
    }

    #[test]
    fn a_module_without_the_functions_of_the_world_makes_no_component() {
        let refused = of_core(b"\0asm\x01\0\0\0", None).unwrap_err();
        assert!(refused.contains("init"), "{refused}");
    }
}
