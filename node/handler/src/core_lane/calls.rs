//! The calls of a guest of the core lane. Called by `Guest`, which calls none after one that failed.
//! Must never believe a pointer that the guest gives.
#![expect(unsafe_code, reason = "spans of a ring are copied without a slice")]

use wasmtime::Store;

use super::exports::Exports;
use super::frame::{Area, allocate, give, text};
use super::linear::{self, Linear, Place};
use crate::call;
use crate::fault::Fault;
use crate::grant::Limits;
use crate::guest::{Calls, Reason, State};
use crate::host::{Host, INIT_ERROR_BYTES_MAX};
use crate::records::{Records, check_span};
use crate::window::Window;

/// Bytes of a `ring` of the contract, and of results that are read.
const RING_BYTES: usize = 20;
const RESULT_BYTES: u32 = 12;

/// A guest of the core lane.
pub(crate) struct CoreGuest {
    store: Store<Linear>,
    exports: Exports,
    windows: Vec<Option<Window>>,
    limits: Limits,
}

impl CoreGuest {
    pub(super) fn new(
        store: Store<Linear>,
        exports: Exports,
        windows: Vec<Option<Window>>,
    ) -> Self {
        Self {
            limits: store.data().host.grant.limits,
            store,
            exports,
            windows,
        }
    }

    fn give_rings(&mut self) -> wasmtime::Result<(u32, u32)> {
        let rings = self.host().rings.clone();
        let bytes = rings.len() * RING_BYTES;
        let list = allocate(&mut self.store, "init", bytes, 4)?;
        let mut lowered = Vec::with_capacity(bytes);
        for ring in &rings {
            let name = give(&mut self.store, "init", ring.name.as_bytes())?;
            let event = give(&mut self.store, "init", ring.event.as_bytes())?;
            let area = Area::<RING_BYTES>::default()
                .list(0, name)
                .list(8, event)
                .word(16, ring.size_bytes);
            lowered.extend(area.0);
        }
        linear::write(&self.store, list, &lowered)?;
        Ok((list.at, u32::try_from(rings.len())?))
    }

    /// What the guest says where it can't go on, or the beginning of it.
    fn said(&mut self, at: u32, bytes: u32) -> Result<String, Fault> {
        let whole = Place {
            call: "init",
            what: "the error",
            at,
            bytes,
        };
        let mut said = Vec::new();
        linear::check(&self.store, whole)?;
        let bytes = bytes.min(INIT_ERROR_BYTES_MAX);
        linear::read(&self.store, Place { bytes, ..whole }, &mut said)?;
        // A cut may go through a character, the beginning of which is left out.
        if let Err(error) = std::str::from_utf8(&said)
            && error.error_len().is_none()
            && bytes < whole.bytes
        {
            said.truncate(error.valid_up_to());
        }
        Ok(text(&said, whole)?.to_owned())
    }

    /// The three words that a result consists of.
    fn result(&self, call: &'static str, at: u32) -> Result<[u32; 3], Fault> {
        let place = Place {
            call,
            what: "the result",
            at,
            bytes: RESULT_BYTES,
        };
        let mut bytes = Vec::with_capacity(RESULT_BYTES as usize);
        linear::read(&self.store, place.aligned(4)?, &mut bytes)?;
        let mut words = [0; 3];
        for (word, bytes) in words.iter_mut().zip(bytes.as_chunks::<4>().0) {
            *word = u32::from_le_bytes(*bytes);
        }
        Ok(words)
    }

    fn copy(&mut self, records: Records<'_>) -> wasmtime::Result<u32> {
        let room = allocate(&mut self.store, "on-events", records.bytes(), 1)?;
        // SAFETY: records are readable for as many bytes as they say, and those of a ring are of the
        // caller's own mapping, which no guest has.
        unsafe { linear::write_from(&self.store, room, records.start()) }?;
        Ok(room.at)
    }
}

impl Calls for CoreGuest {
    fn host(&mut self) -> &mut Host {
        &mut self.store.data_mut().host
    }

    fn init(&mut self, previous: Option<&State>) -> wasmtime::Result<Result<(), String>> {
        call::begin(&mut self.store, "init", self.limits.state_ms_max);
        let (rings, count) = self.give_rings()?;
        let (has_state, schema, at, bytes) = match previous {
            None => (0, 0, 0, 0),
            Some(state) => {
                let (at, bytes) = give(&mut self.store, "init", &state.bytes)?;
                (1, state.schema, at, bytes)
            }
        };
        let params = (rings, count, has_state, schema, at, bytes);
        let result = self.exports.init.call(&mut self.store, params)?;
        let [kind, at, bytes] = self.result("init", result)?;
        // The kind is one byte; what is behind it is padding.
        let said = match kind & 0xff {
            0 => Ok(()),
            1 => Err(self.said(at, bytes)?),
            kind => {
                let reason = format!("its result is of kind {kind}");
                Err(Fault::Contract {
                    call: "init",
                    reason,
                })?
            }
        };
        self.exports.init.take_back(&mut self.store, result)?;
        Ok(said)
    }

    fn on_events(&mut self, ring: usize, records: Records<'_>) -> wasmtime::Result<u32> {
        call::begin(&mut self.store, "on-events", self.limits.call_ms_max);
        records.check(self.host().ring_bytes(ring)?)?;
        let number = u32::try_from(ring)?;
        let bytes = u32::try_from(records.bytes())?;
        let at = match (records, self.windows.get(ring)) {
            (Records::Ring(span), Some(Some(window))) => window.at + span.offset(),
            _ => self.copy(records)?,
        };
        let claimed = self
            .exports
            .on_events
            .call(&mut self.store, (number, at, bytes))?;
        self.exports.on_events.take_back(&mut self.store, claimed)?;
        Ok(claimed)
    }

    fn on_window(&mut self, ring: usize, offset: u32, bytes: u32) -> wasmtime::Result<u32> {
        call::begin(&mut self.store, "on-window", self.limits.call_ms_max);
        check_span("on-window", offset, bytes, self.host().ring_bytes(ring)?)?;
        let (Some(on_window), Some(Some(window))) =
            (&self.exports.on_window, self.windows.get(ring))
        else {
            let reason =
                "the guest has no window of the ring, or does not go through it".to_owned();
            return Err(Fault::Contract {
                call: "on-window",
                reason,
            })?;
        };
        let params = (u32::try_from(ring)?, window.at + offset, bytes);
        on_window.call(&mut self.store, params)
    }

    fn on_tick(&mut self, now_ns: u64) -> wasmtime::Result<()> {
        let Some(on_tick) = &self.exports.on_tick else {
            return Ok(());
        };
        call::begin(&mut self.store, "on-tick", self.limits.call_ms_max);
        on_tick.call(&mut self.store, now_ns)?;
        on_tick.take_back(&mut self.store, ())
    }

    fn has_state(&self) -> bool {
        self.exports.snapshot.is_some()
    }

    fn snapshot(&mut self) -> wasmtime::Result<State> {
        let Some(snapshot) = &self.exports.snapshot else {
            return Ok(State::default());
        };
        call::begin(&mut self.store, "snapshot", self.limits.state_ms_max);
        let result = snapshot.call(&mut self.store, ())?;
        let [schema, at, bytes] = self.result("snapshot", result)?;
        self.host().check_state(bytes as usize)?;
        let place = Place {
            call: "snapshot",
            what: "the state",
            at,
            bytes,
        };
        let mut state = Vec::new();
        linear::read(&self.store, place, &mut state)?;
        if let Some(snapshot) = &self.exports.snapshot {
            snapshot.take_back(&mut self.store, result)?;
        }
        Ok(State {
            schema,
            bytes: state,
        })
    }

    fn shutdown(&mut self, reason: Reason) -> wasmtime::Result<()> {
        let Some(shutdown) = &self.exports.shutdown else {
            return Ok(());
        };
        call::begin(&mut self.store, "shutdown", self.limits.call_ms_max);
        shutdown.call(&mut self.store, u32::from(reason as u8))?;
        shutdown.take_back(&mut self.store, ())
    }

    fn is_mapped(&self, ring: usize) -> bool {
        matches!(self.windows.get(ring), Some(Some(_)))
    }

    fn walks(&self, ring: usize) -> bool {
        self.exports.on_window.is_some() && self.is_mapped(ring)
    }
}
