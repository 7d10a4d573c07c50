//! The functions of a guest, typed. Called by `calls`. Must never be called without a deadline.

use wasmtime::{AsContextMut, Instance, Store, TypedFunc, WasmParams, WasmResults};

use super::linear::Linear;
use crate::fault::Fault;

/// A function, and the one that takes back what its result points to.
pub(super) struct Export<Params, Result> {
    function: TypedFunc<Params, Result>,
    after: Option<TypedFunc<Result, ()>>,
}

/// The functions of a guest; those that may be missing are `None` then.
pub(super) struct Exports {
    pub(super) init: Export<(u32, u32, u32, u32, u32, u32), u32>,
    pub(super) on_events: Export<(u32, u32, u32), u32>,
    pub(super) on_tick: Option<Export<u64, ()>>,
    pub(super) snapshot: Option<Export<(), u32>>,
    pub(super) shutdown: Option<Export<u32, ()>>,
    pub(super) ring_window: Option<TypedFunc<(u32, u32), u32>>,
    pub(super) on_window: Option<TypedFunc<(u32, u32, u32), u32>>,
    initialize: Option<TypedFunc<(), ()>>,
}

impl Exports {
    /// Those of an instance, the memory of which is what its store works on from now on.
    pub(super) fn of(instance: &Instance, store: &mut Store<Linear>) -> wasmtime::Result<Self> {
        let memory = instance.get_memory(&mut *store, "memory");
        let realloc = function(instance, store, "cabi_realloc");
        let linear = store.data_mut();
        linear.memory = memory;
        linear.realloc = realloc;
        Ok(Self {
            init: required(instance, store, ["init", "cabi_post_init"])?,
            on_events: required(instance, store, ["on-events", "cabi_post_on-events"])?,
            on_tick: export(instance, store, ["on-tick", "cabi_post_on-tick"]),
            snapshot: export(instance, store, ["snapshot", "cabi_post_snapshot"]),
            shutdown: export(instance, store, ["shutdown", "cabi_post_shutdown"]),
            ring_window: function(instance, store, "ring-window"),
            on_window: function(instance, store, "on-window"),
            initialize: function(instance, store, "_initialize"),
        })
    }

    /// Has the guest set itself up, as a part of its start.
    pub(super) fn initialize(&self, store: &mut Store<Linear>) -> wasmtime::Result<()> {
        match &self.initialize {
            Some(initialize) => initialize.call(store, ()),
            None => Ok(()),
        }
    }
}

impl<Params: WasmParams, Result: WasmResults + WasmParams + Copy> Export<Params, Result> {
    /// Calls it. What its result points to is the host's until [`take_back`](Self::take_back).
    pub(super) fn call(
        &self,
        store: &mut Store<Linear>,
        params: Params,
    ) -> wasmtime::Result<Result> {
        self.function.call(store, params)
    }

    /// Lets the guest have back what the result of its call points to.
    pub(super) fn take_back(
        &self,
        store: &mut Store<Linear>,
        result: Result,
    ) -> wasmtime::Result<()> {
        let Some(after) = &self.after else {
            return Ok(());
        };
        store.data_mut().may_leave = false;
        let done = after.call(&mut *store, result);
        store.data_mut().may_leave = true;
        done
    }
}

/// A function of this type, if there is one; its type was checked when the module was compiled.
fn function<Params: WasmParams, Result: WasmResults>(
    instance: &Instance,
    store: &mut Store<Linear>,
    name: &str,
) -> Option<TypedFunc<Params, Result>> {
    instance.get_typed_func(store.as_context_mut(), name).ok()
}

fn export<Params: WasmParams, Result: WasmResults + WasmParams>(
    instance: &Instance,
    store: &mut Store<Linear>,
    [name, after]: [&str; 2],
) -> Option<Export<Params, Result>> {
    Some(Export {
        function: function(instance, store, name)?,
        after: function(instance, store, after),
    })
}

fn required<Params: WasmParams, Result: WasmResults + WasmParams>(
    instance: &Instance,
    store: &mut Store<Linear>,
    names: [&'static str; 2],
) -> std::result::Result<Export<Params, Result>, Fault> {
    export(instance, store, names).ok_or_else(|| Fault::Contract {
        call: names[0],
        reason: "is missing".to_owned(),
    })
}
