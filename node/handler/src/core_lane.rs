//! The core lane: a core module whose rings are in its own memory. Used by `Compiled` and `Guest`.
//! Must never make a slice of a guest's memory that reaches into a window: the kernel writes there.

mod calls;
mod exports;
mod frame;
mod functions;
mod linear;
mod rings;
mod signatures;

use std::ops::Range;

use wasmtime::{InstancePre, Linker, Module, Store};

use crate::call;
use crate::engine::Engine;
use crate::engine::cache::Artifact;
use crate::fault::{Fault, RefusedHandler};
use crate::grant::Grant;
use crate::guest::GuestRing;
use crate::host::Host;
pub(crate) use calls::CoreGuest;
use exports::Exports;
use linear::Linear;

/// Bytes of a core module.
const MODULE_BYTES_MAX: usize = 4 << 20;

/// A core module that is ready to be run.
pub(crate) struct CoreCode {
    ready: InstancePre<Linear>,
    /// Where it puts what it begins with.
    filled: Vec<Range<u64>>,
}

impl CoreCode {
    /// Compiles and checks a module.
    pub(crate) fn new(engine: &Engine, wasm: &[u8], grant: &Grant) -> Result<Self, RefusedHandler> {
        let (bytes, bytes_max) = (wasm.len(), MODULE_BYTES_MAX);
        if bytes > bytes_max {
            let reason = format!("the module has {bytes} bytes, at most {bytes_max} are allowed");
            return Err(RefusedHandler::Compile { reason });
        }
        let refused = |error: wasmtime::Error| RefusedHandler::Compile {
            reason: format!("{error:#}"),
        };
        let core = engine.core();
        let compile = || {
            let module = Module::from_binary(core, wasm).map_err(refused)?;
            let artifact = module.serialize().map_err(refused)?;
            Ok((module, artifact))
        };
        let read = |artifact: &Artifact| artifact.module(core);
        let module = engine.compiled(wasm, core, compile, read)?;
        signatures::check(&module, grant)?;
        let mut linker = Linker::new(core);
        let mut hosts: Vec<&str> = module.imports().map(|import| import.module()).collect();
        hosts.sort_unstable();
        hosts.dedup();
        for host in hosts {
            functions::define(&mut linker, host).map_err(refused)?;
        }
        Ok(Self {
            ready: linker.instantiate_pre(&module).map_err(refused)?,
            filled: rings::filled(wasm),
        })
    }

    /// Makes a guest and maps its rings.
    pub(crate) fn guest(
        &self,
        engine: &Engine,
        host: Host,
        rings: &[GuestRing<'_>],
    ) -> Result<CoreGuest, Fault> {
        let limits = host.grant.limits;
        let mut store = Store::new(engine.core(), Linear::new(host));
        store.limiter(|linear| &mut linear.host);
        call::judge_deadlines(&mut store);
        let room = &mut store.data_mut().host.room;
        room.bytes_max = room.bytes_max.saturating_add(rings::offered_bytes(rings));
        let _ticking = engine.ticking();
        call::begin(&mut store, "start", limits.state_ms_max);
        let made = self.ready.instantiate(&mut store).and_then(|instance| {
            let exports = Exports::of(&instance, &mut store)?;
            exports.initialize(&mut store)?;
            let windows = rings::map(&mut store, &exports, rings, &self.filled)?;
            Ok((exports, windows))
        });
        match made {
            Ok((exports, windows)) => Ok(CoreGuest::new(store, exports, windows)),
            Err(error) => Err(store.data().host.fault(error)),
        }
    }
}
