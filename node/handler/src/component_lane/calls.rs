//! The calls of a guest of the component lane. Called by `Guest`, which calls none after one that
//! failed. Must never hand out records but for the time of the call.

use wasmtime::Store;
use wasmtime::component::{ComponentNamedList, Func, Instance, Lift, Lower};

use super::contract::{
    InitParams, InitResult, OnEventsParams, OnEventsResult, OnTickParams, ShutdownParams,
    SnapshotResult, ToldRing,
};
use crate::call;
use crate::fault::Fault;
use crate::grant::Limits;
use crate::guest::{Calls, Reason, State};
use crate::host::{Host, INIT_ERROR_BYTES_MAX};
use crate::records::Records;

/// A guest of the component lane.
pub(crate) struct ComponentGuest {
    store: Store<Host>,
    init: Option<Func>,
    on_events: Option<Func>,
    on_tick: Option<Func>,
    snapshot: Option<Func>,
    shutdown: Option<Func>,
    limits: Limits,
}

impl ComponentGuest {
    pub(super) fn new(mut store: Store<Host>, instance: Instance) -> Self {
        let mut function = |name| instance.get_func(&mut store, name);
        Self {
            init: function("init"),
            on_events: function("on-events"),
            on_tick: function("on-tick"),
            snapshot: function("snapshot"),
            shutdown: function("shutdown"),
            limits: store.data().grant.limits,
            store,
        }
    }

    /// Calls a function, the type of which was checked when the component was compiled.
    fn call<Params, Return>(
        &mut self,
        (name, ms_max): (&'static str, u32),
        function: Option<Func>,
        params: Params,
    ) -> wasmtime::Result<Return>
    where
        Params: ComponentNamedList + Lower,
        Return: ComponentNamedList + Lift,
    {
        call::begin(&mut self.store, name, ms_max);
        let function = function.ok_or_else(|| Fault::Contract {
            call: name,
            reason: "is missing".to_owned(),
        })?;
        let function = function.typed::<Params, Return>(&self.store)?;
        function.call(&mut self.store, params)
    }
}

impl Calls for ComponentGuest {
    fn host(&mut self) -> &mut Host {
        self.store.data_mut()
    }

    fn init(&mut self, previous: Option<&State>) -> wasmtime::Result<Result<(), String>> {
        let rings: Vec<ToldRing> = self.host().rings.iter().map(ToldRing::of).collect();
        let params: InitParams<'_> = (&rings, previous);
        let call = ("init", self.limits.state_ms_max);
        let (said,): InitResult = self.call(call, self.init, params)?;
        Ok(said.map_err(|mut said| {
            said.truncate(said.floor_char_boundary(INIT_ERROR_BYTES_MAX as usize));
            said
        }))
    }

    fn on_events(&mut self, ring: usize, records: Records<'_>) -> wasmtime::Result<u32> {
        records.check(self.host().ring_bytes(ring)?)?;
        let params: OnEventsParams<'_> = (u32::try_from(ring)?, records.as_slice());
        let call = ("on-events", self.limits.call_ms_max);
        let (claimed,): OnEventsResult = self.call(call, self.on_events, params)?;
        Ok(claimed)
    }

    fn on_window(&mut self, _: usize, _: u32, _: u32) -> wasmtime::Result<u32> {
        let reason = "is of the core lane alone".to_owned();
        Err(Fault::Contract {
            call: "on-window",
            reason,
        })?
    }

    fn on_tick(&mut self, now_ns: u64) -> wasmtime::Result<()> {
        if self.on_tick.is_none() {
            return Ok(());
        }
        let params: OnTickParams = (now_ns,);
        self.call(("on-tick", self.limits.call_ms_max), self.on_tick, params)
    }

    fn has_state(&self) -> bool {
        self.snapshot.is_some()
    }

    fn snapshot(&mut self) -> wasmtime::Result<State> {
        if self.snapshot.is_none() {
            return Ok(State::default());
        }
        let call = ("snapshot", self.limits.state_ms_max);
        let (state,): SnapshotResult = self.call(call, self.snapshot, ())?;
        self.host().check_state(state.bytes.len())?;
        Ok(state)
    }

    fn shutdown(&mut self, reason: Reason) -> wasmtime::Result<()> {
        if self.shutdown.is_none() {
            return Ok(());
        }
        let params: ShutdownParams = (reason,);
        self.call(("shutdown", self.limits.call_ms_max), self.shutdown, params)
    }

    fn is_mapped(&self, _: usize) -> bool {
        false
    }

    fn walks(&self, _: usize) -> bool {
        false
    }
}
