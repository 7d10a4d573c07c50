//! A guest: one instance of a handler, and the calls that it answers. Used by whoever runs handlers.
//! Must never be called again after it failed.

use std::fmt;
use std::os::fd::BorrowedFd;

use wasmtime::component::{ComponentType, Lift, Lower};

use crate::effects::Effects;
use crate::engine::Engine;
use crate::fault::Fault;
use crate::grant::Ring;
use crate::host::Host;
use crate::records::{Records, check_claim};

/// A ring that a guest reads.
#[derive(Debug, Clone, Copy)]
pub struct GuestRing<'a> {
    /// What the guest is told of it.
    pub ring: &'a Ring,
    /// The ring's map, to be mapped into the guest; without it the guest gets copies.
    pub memory: Option<BorrowedFd<'a>>,
}

/// What a handler needs to go on, of its own making.
#[derive(Debug, Clone, Default, PartialEq, Eq, ComponentType, Lift, Lower)]
#[component(record)]
pub struct State {
    /// What the bytes mean: the payload's own number.
    pub schema: u32,
    /// The state.
    pub bytes: Vec<u8>,
}

/// Why a guest is shut down: `reason` of the contract, by its number there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ComponentType, Lower)]
#[component(enum)]
#[repr(u8)]
pub enum Reason {
    /// Another version follows it.
    #[component(name = "update")]
    Update,
    /// Its instance stops.
    #[component(name = "stop")]
    Stop,
    /// It failed, or another guest of its handler did.
    #[component(name = "fault")]
    Fault,
}

/// One instance of a handler.
pub struct Guest {
    engine: Engine,
    running: Box<dyn Calls>,
    has_failed: bool,
}

/// What a guest answers, in either lane. Errors are what ended a call: a [`Fault`], or the engine's.
pub(crate) trait Calls: Send {
    /// The node's side of it.
    fn host(&mut self) -> &mut Host;
    /// As [`Guest::init`].
    fn init(&mut self, previous: Option<&State>) -> wasmtime::Result<Result<(), String>>;
    /// As [`Guest::on_events`], where nothing that the guest claims is checked.
    fn on_events(&mut self, ring: usize, records: Records<'_>) -> wasmtime::Result<u32>;
    /// As [`Guest::on_window`], where nothing that the guest claims is checked.
    fn on_window(&mut self, ring: usize, offset: u32, bytes: u32) -> wasmtime::Result<u32>;
    /// As [`Guest::on_tick`].
    fn on_tick(&mut self, now_ns: u64) -> wasmtime::Result<()>;
    /// As [`Guest::has_state`].
    fn has_state(&self) -> bool;
    /// As [`Guest::snapshot`].
    fn snapshot(&mut self) -> wasmtime::Result<State>;
    /// As [`Guest::shutdown`].
    fn shutdown(&mut self, reason: Reason) -> wasmtime::Result<()>;
    /// As [`Guest::is_mapped`].
    fn is_mapped(&self, ring: usize) -> bool;
    /// As [`Guest::walks`].
    fn walks(&self, ring: usize) -> bool;
}

impl fmt::Debug for Guest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guest")
            .field("has_failed", &self.has_failed)
            .finish_non_exhaustive()
    }
}

impl Guest {
    pub(crate) fn new(engine: Engine, running: Box<dyn Calls>) -> Self {
        Self {
            engine,
            running,
            has_failed: false,
        }
    }

    /// Tells the guest of its rings and of the state of the one before it. The inner error is what the
    /// guest says where it can't go on with that.
    ///
    /// # Errors
    /// [`Fault`].
    pub fn init(&mut self, previous: Option<&State>) -> Result<Result<(), String>, Fault> {
        self.called("init", |running| running.init(previous))
    }

    /// Has records of a ring handled, the number of which is its place among those of
    /// [`Compiled::guest`](crate::Compiled::guest). Gives how many bytes were: a multiple of 8, at most
    /// all of them. Whether a record ends there is the caller's to check, as
    /// [`check_consumed`](crate::records::check_consumed) does for bytes of its own.
    ///
    /// # Errors
    /// [`Fault`].
    pub fn on_events(&mut self, ring: usize, records: Records<'_>) -> Result<u32, Fault> {
        self.called("on-events", |running| {
            let claimed = running.on_events(ring, records)?;
            check_claim(claimed, records.bytes())?;
            Ok(claimed)
        })
    }

    /// Has the guest go through what is in its window of a ring, `bytes` behind `offset`, both counted in
    /// the ring's data: the records there may be busy, and the last one may be cut. Gives how many bytes
    /// it handled, a multiple of 8, at most all of them; none where the first one is busy or cut. That
    /// these are submitted records, and whole, is the caller's to check.
    ///
    /// # Errors
    /// [`Fault`], also of a guest that does not do so ([`walks`](Self::walks)).
    pub fn on_window(&mut self, ring: usize, offset: u32, bytes: u32) -> Result<u32, Fault> {
        self.called("on-window", |running| {
            let claimed = running.on_window(ring, offset, bytes)?;
            check_claim(claimed, bytes as usize)?;
            Ok(claimed)
        })
    }

    /// Tells the guest that time has passed.
    ///
    /// # Errors
    /// [`Fault`].
    pub fn on_tick(&mut self, now_ns: u64) -> Result<(), Fault> {
        self.called("on-tick", |running| running.on_tick(now_ns))
    }

    /// Whether it keeps a state.
    #[must_use]
    pub fn has_state(&self) -> bool {
        self.running.has_state()
    }

    /// The state of now; schema 0 and no bytes of a handler that keeps none.
    ///
    /// # Errors
    /// [`Fault`], also for more state than it may have.
    pub fn snapshot(&mut self) -> Result<State, Fault> {
        self.called("snapshot", |running| running.snapshot())
    }

    /// Tells the guest that it is not called any more.
    ///
    /// # Errors
    /// [`Fault`].
    pub fn shutdown(&mut self, reason: Reason) -> Result<(), Fault> {
        self.called("shutdown", |running| running.shutdown(reason))
    }

    /// What it asked for since the caller has cleared them; after a fault also what the call that
    /// failed had asked for.
    pub fn effects(&mut self) -> &mut Effects {
        &mut self.running.host().effects
    }

    /// Whether it reads a ring where the kernel writes it.
    #[must_use]
    pub fn is_mapped(&self, ring: usize) -> bool {
        self.running.is_mapped(ring)
    }

    /// Whether it goes through a ring by itself, where the kernel writes it: it stops at a record that is
    /// busy or cut.
    #[must_use]
    pub fn walks(&self, ring: usize) -> bool {
        self.running.walks(ring)
    }

    /// Whether it is shown again what it has handled already: then it changes no map, writes no log,
    /// and what it puts out counts against no limit of a second.
    pub fn suppress(&mut self, on: bool) {
        self.running.host().is_suppressed = on;
    }

    fn called<T>(
        &mut self,
        call: &'static str,
        run: impl FnOnce(&mut dyn Calls) -> wasmtime::Result<T>,
    ) -> Result<T, Fault> {
        if self.has_failed {
            let reason = "the guest has failed before".to_owned();
            return Err(Fault::Contract { call, reason });
        }
        let done = {
            let _ticking = self.engine.ticking();
            run(self.running.as_mut())
        };
        done.map_err(|error| {
            self.has_failed = true;
            self.running.host().fault(error)
        })
    }
}
