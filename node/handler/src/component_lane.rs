//! The component lane: a component that gets its records as lists. Used by `Compiled` and `Guest`.
//! Must never do for a guest what the core lane does not: both call the same functions.

mod calls;
mod contract;
mod functions;

use wasmtime::Store;
use wasmtime::component::{Component, InstancePre, Linker};

use crate::call;
use crate::engine::Engine;
use crate::engine::cache::Artifact;
use crate::fault::{Fault, RefusedHandler};
use crate::grant::Grant;
use crate::host::{ARGUMENT_BYTES_MAX, Host};
pub(crate) use calls::ComponentGuest;

/// A component that is ready to be run.
pub(crate) struct ComponentCode {
    ready: InstancePre<Host>,
}

impl ComponentCode {
    /// Compiles and checks a component.
    pub(crate) fn new(engine: &Engine, wasm: &[u8], grant: &Grant) -> Result<Self, RefusedHandler> {
        let refused = |error: wasmtime::Error| RefusedHandler::Compile {
            reason: format!("{error:#}"),
        };
        let of_components = engine.component();
        let compile = || {
            let component = Component::from_binary(of_components, wasm).map_err(refused)?;
            let artifact = component.serialize().map_err(refused)?;
            Ok((component, artifact))
        };
        let read = |artifact: &Artifact| artifact.component(of_components);
        let component = engine.compiled(wasm, of_components, compile, read)?;
        let hosts = contract::check(&component, of_components, grant)?;
        let mut linker = Linker::new(of_components);
        for host in &hosts {
            functions::define(&mut linker, host).map_err(refused)?;
        }
        Ok(Self {
            ready: linker.instantiate_pre(&component).map_err(refused)?,
        })
    }

    /// Makes a guest.
    pub(crate) fn guest(&self, engine: &Engine, host: Host) -> Result<ComponentGuest, Fault> {
        let limits = host.grant.limits;
        let mut store = Store::new(engine.component(), host);
        store.limiter(|host| host);
        store.set_hostcall_fuel(ARGUMENT_BYTES_MAX.saturating_add(limits.state_bytes_max as usize));
        call::judge_deadlines(&mut store);
        let _ticking = engine.ticking();
        call::begin(&mut store, "start", limits.state_ms_max);
        match self.ready.instantiate(&mut store) {
            Ok(instance) => Ok(ComponentGuest::new(store, instance)),
            Err(error) => Err(store.data().fault(error)),
        }
    }
}
