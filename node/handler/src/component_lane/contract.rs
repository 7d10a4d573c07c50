//! The contract as components have it: types of the functions, and what may be imported.
//! Asked when a component is compiled. Must never accept an export of another type.

use std::collections::BTreeSet;

use wasmtime::component::types::{self, ComponentFunc, ComponentInstance, ComponentItem};
use wasmtime::component::{Component, ComponentNamedList, ComponentType, Lift, Lower};

use crate::compiled::imports;
use crate::fault::RefusedHandler;
use crate::grant::{Grant, Ring};
use crate::guest::{Reason, State};

/// A `ring` of the contract.
#[derive(Debug, Clone, ComponentType, Lower)]
#[component(record)]
pub(super) struct ToldRing {
    name: String,
    event: String,
    #[component(name = "size-bytes")]
    size_bytes: u32,
}

impl ToldRing {
    /// What a guest is told of a ring.
    pub(super) fn of(ring: &Ring) -> Self {
        Self {
            name: ring.name.clone(),
            event: ring.event.clone(),
            size_bytes: ring.size_bytes,
        }
    }
}

/// What `init` takes.
pub(super) type InitParams<'a> = (&'a [ToldRing], Option<&'a State>);
/// What `init` gives.
pub(super) type InitResult = (Result<(), String>,);
/// What `on-events` takes.
pub(super) type OnEventsParams<'a> = (u32, &'a [u8]);
/// What `on-events` gives.
pub(super) type OnEventsResult = (u32,);
/// What `on-tick` takes.
pub(super) type OnTickParams = (u64,);
/// What `snapshot` gives.
pub(super) type SnapshotResult = (State,);
/// What `shutdown` takes.
pub(super) type ShutdownParams = (Reason,);

/// Checks all imports and exports of a component; gives the names of the hosts that it imports.
pub(super) fn check(
    component: &Component,
    engine: &wasmtime::Engine,
    grant: &Grant,
) -> Result<BTreeSet<String>, RefusedHandler> {
    let whole = component.component_type();
    let mut hosts = BTreeSet::new();
    for (name, import) in whole.imports(engine) {
        imports::check_host(name)?;
        if let ComponentItem::ComponentInstance(host) = import.ty {
            check_host(name, &host, engine, grant)?;
            hosts.insert(name.to_owned());
        }
    }
    let export = |name| whole.get_export(engine, name).map(|found| found.ty);
    let required = |name| {
        export(name).ok_or_else(|| RefusedHandler::Export {
            export: name,
            rule: "is missing".to_owned(),
        })
    };
    let init = Some(required("init")?);
    of_type::<InitParams<'_>, InitResult>(&whole, "init", init)?;
    let on_events = Some(required("on-events")?);
    of_type::<OnEventsParams<'_>, OnEventsResult>(&whole, "on-events", on_events)?;
    of_type::<OnTickParams, ()>(&whole, "on-tick", export("on-tick"))?;
    of_type::<(), SnapshotResult>(&whole, "snapshot", export("snapshot"))?;
    of_type::<ShutdownParams, ()>(&whole, "shutdown", export("shutdown"))?;
    Ok(hosts)
}

fn check_host(
    name: &str,
    host: &ComponentInstance,
    engine: &wasmtime::Engine,
    grant: &Grant,
) -> Result<(), RefusedHandler> {
    for (item, import) in host.exports(engine) {
        // Types come along with the functions that use them.
        if !matches!(import.ty, ComponentItem::Type(_)) {
            imports::check(name, item, grant)?;
        }
    }
    Ok(())
}

fn of_type<Params, Return>(
    whole: &types::Component,
    name: &'static str,
    found: Option<ComponentItem>,
) -> Result<(), RefusedHandler>
where
    Params: ComponentNamedList + Lower,
    Return: ComponentNamedList + Lift,
{
    let checked = match found {
        None => Ok(()),
        Some(ComponentItem::ComponentFunc(found)) => is_of_type::<Params, Return>(&found, whole),
        Some(_) => Err("is no function".to_owned()),
    };
    checked.map_err(|rule| RefusedHandler::Export { export: name, rule })
}

fn is_of_type<Params, Return>(found: &ComponentFunc, whole: &types::Component) -> Result<(), String>
where
    Params: ComponentNamedList + Lower,
    Return: ComponentNamedList + Lift,
{
    let checked = found.typecheck::<Params, Return>(&whole.instance_type());
    checked.map_err(|error| format!("is of another type: {error:#}"))
}
