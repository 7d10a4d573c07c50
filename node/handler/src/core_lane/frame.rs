//! One call of a host function: what it was given is copied, what it gives is written where the guest
//! says. Used by `functions` and `calls`. Must never call the guest while it gives memory.

use std::ops::Range;

use wasmtime::{AsContextMut, Caller, Extern};

use super::linear::{self, Linear, Place};
use crate::fault::Fault;
use crate::host::{ARGUMENT_BYTES_MAX, Host, Refusal};

/// Room for arguments that is kept from call to call.
const SCRATCH_BYTES_MAX: usize = 128 << 10;
/// Bytes of a list or string where it is an element of another.
const LIST_BYTES: u32 = 8;

/// A host function that runs.
pub(super) struct Frame<'a> {
    caller: Caller<'a, Linear>,
    call: &'static str,
    given: Vec<u8>,
}

/// An argument that was copied.
#[derive(Debug, Clone)]
pub(super) struct Given {
    range: Range<usize>,
    place: Place,
}

/// All arguments that were copied.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arguments<'a>(&'a [u8]);

impl<'a> Arguments<'a> {
    /// One of them.
    pub(super) fn bytes(self, given: &Given) -> &'a [u8] {
        self.0.get(given.range.clone()).unwrap_or_default()
    }

    /// One of them, if it is text.
    pub(super) fn text(self, given: &Given) -> Result<&'a str, Fault> {
        text(self.bytes(given), given.place)
    }
}

/// Bytes from `place` as text.
pub(super) fn text(bytes: &[u8], place: Place) -> Result<&str, Fault> {
    std::str::from_utf8(bytes).map_err(|_| place.fault("is not UTF-8"))
}

impl<'a> Frame<'a> {
    /// Begins a call.
    pub(super) fn enter(mut caller: Caller<'a, Linear>, call: &'static str) -> Result<Self, Fault> {
        let linear = leaving(&mut caller, call)?;
        let mut given = std::mem::take(&mut linear.scratch);
        given.clear();
        if linear.memory.is_none() {
            adopt(&mut caller);
        }
        Ok(Self {
            caller,
            call,
            given,
        })
    }

    /// The node's side.
    pub(super) fn host(&mut self) -> &mut Host {
        &mut self.caller.data_mut().host
    }

    /// The node's side, and what was copied.
    pub(super) fn arguments(&mut self) -> (&mut Host, Arguments<'_>) {
        (&mut self.caller.data_mut().host, Arguments(&self.given))
    }

    fn place(&self, what: &'static str, (at, bytes): (u32, u32)) -> Place {
        Place {
            call: self.call,
            what,
            at,
            bytes,
        }
    }

    /// Checks an argument that is not copied.
    pub(super) fn check(&self, what: &'static str, list: (u32, u32)) -> Result<(), Fault> {
        linear::check(&self.caller, self.place(what, list))
    }

    /// Copies an argument.
    pub(super) fn take(&mut self, what: &'static str, list: (u32, u32)) -> Result<Given, Fault> {
        let place = self.place(what, list);
        let start = self.given.len();
        if start.saturating_add(place.bytes as usize) > ARGUMENT_BYTES_MAX {
            linear::check(&self.caller, place)?;
            return Err(place.fault("is too long"));
        }
        linear::read(&self.caller, place, &mut self.given)?;
        let range = start..self.given.len();
        Ok(Given { range, place })
    }

    /// Copies a list of texts, `count` of them at `at`.
    pub(super) fn take_list(
        &mut self,
        what: &'static str,
        (at, count): (u32, u32),
    ) -> Result<Vec<Given>, Fault> {
        let bytes = count.checked_mul(LIST_BYTES);
        let bytes = bytes.ok_or_else(|| self.place(what, (at, u32::MAX)).fault("is too long"))?;
        self.place(what, (at, bytes)).aligned(4)?;
        let list = self.take(what, (at, bytes))?;
        let places: Vec<(u32, u32)> = Arguments(&self.given)
            .bytes(&list)
            .as_chunks::<4>()
            .0
            .as_chunks::<2>()
            .0
            .iter()
            .map(|[at, bytes]| (u32::from_le_bytes(*at), u32::from_le_bytes(*bytes)))
            .collect();
        places
            .into_iter()
            .map(|list| self.take(what, list))
            .collect()
    }

    /// Gives the guest bytes of its own.
    pub(super) fn give(&mut self, bytes: &[u8]) -> wasmtime::Result<(u32, u32)> {
        give(&mut self.caller, self.call, bytes)
    }

    /// Gives the guest room for `bytes`.
    pub(super) fn allocate(&mut self, bytes: usize, align: u32) -> wasmtime::Result<Place> {
        allocate(&mut self.caller, self.call, bytes, align)
    }

    /// Writes to room of the guest.
    pub(super) fn write(&self, place: Place, bytes: &[u8]) -> Result<(), Fault> {
        linear::write(&self.caller, place, bytes)
    }

    /// Puts the result where the guest has room for it, and ends the call.
    pub(super) fn done<const N: usize>(
        &mut self,
        at: u32,
        align: u32,
        area: &Area<N>,
    ) -> wasmtime::Result<()> {
        let place = self.place("room for the result", (at, u32::try_from(N)?));
        linear::write(&self.caller, place.aligned(align)?, &area.0)?;
        Ok(())
    }
}

impl Drop for Frame<'_> {
    fn drop(&mut self) {
        if self.given.capacity() <= SCRATCH_BYTES_MAX {
            self.caller.data_mut().scratch = std::mem::take(&mut self.given);
        }
    }
}

/// The node's side, for a host function that is given numbers alone.
pub(super) fn host<'a>(
    caller: &'a mut Caller<'_, Linear>,
    call: &'static str,
) -> Result<&'a mut Host, Fault> {
    Ok(&mut leaving(caller, call)?.host)
}

/// The store's side, if the guest may call the host now.
fn leaving<'a>(
    caller: &'a mut Caller<'_, Linear>,
    call: &'static str,
) -> Result<&'a mut Linear, Fault> {
    let linear = caller.data_mut();
    if linear.may_leave {
        return Ok(linear);
    }
    let reason = "was called while the guest gave or took back memory".to_owned();
    Err(Fault::Contract { call, reason })
}

/// What a host function needs of an instance whose start function calls it.
fn adopt(caller: &mut Caller<'_, Linear>) {
    let memory = caller.get_export("memory").and_then(Extern::into_memory);
    let realloc = caller
        .get_export("cabi_realloc")
        .and_then(Extern::into_func);
    let realloc = realloc.and_then(|realloc| realloc.typed(&mut *caller).ok());
    let linear = caller.data_mut();
    linear.memory = memory;
    linear.realloc = realloc;
}

/// Room for `bytes` that the guest gives, which is the guest's when the call goes on.
pub(super) fn allocate(
    store: &mut impl AsContextMut<Data = Linear>,
    call: &'static str,
    bytes: usize,
    align: u32,
) -> wasmtime::Result<Place> {
    let bytes = u32::try_from(bytes)?;
    let mut store = store.as_context_mut();
    let linear = store.data_mut();
    let Some(realloc) = linear.realloc.clone() else {
        let reason = "the guest has no cabi_realloc yet".to_owned();
        return Err(Fault::Contract { call, reason })?;
    };
    // Left as it is where this fails: that tells which function did.
    let caller = std::mem::replace(&mut linear.host.call.name, "cabi_realloc");
    linear.may_leave = false;
    let at = realloc.call(&mut store, (0, 0, align, bytes))?;
    let linear = store.data_mut();
    linear.may_leave = true;
    linear.host.call.name = caller;
    let place = Place {
        call: "cabi_realloc",
        what: "the room that it gave",
        at,
        bytes,
    };
    linear::check_writable(&store, place.aligned(align)?)?;
    Ok(place)
}

/// Copies `bytes` into room that the guest gives; its address and length.
pub(super) fn give(
    store: &mut impl AsContextMut<Data = Linear>,
    call: &'static str,
    bytes: &[u8],
) -> wasmtime::Result<(u32, u32)> {
    let room = allocate(store, call, bytes.len(), 1)?;
    linear::write(store, room, bytes)?;
    Ok((room.at, room.bytes))
}

/// `N` bytes as the canonical ABI lays out a value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Area<const N: usize>(pub(super) [u8; N]);

impl<const N: usize> Default for Area<N> {
    fn default() -> Self {
        Self([0; N])
    }
}

impl<const N: usize> Area<N> {
    /// With bytes at `at`.
    pub(super) fn with<const B: usize>(mut self, at: usize, bytes: [u8; B]) -> Self {
        let places = self.0.iter_mut().skip(at);
        places.zip(bytes).for_each(|(place, byte)| *place = byte);
        self
    }

    /// With a number of 32 bits at `at`.
    pub(super) fn word(self, at: usize, word: u32) -> Self {
        self.with(at, word.to_le_bytes())
    }

    /// With a list or string at `at`, given by its address and length.
    pub(super) fn list(self, at: usize, (start, bytes): (u32, u32)) -> Self {
        self.word(at, start).word(at + 4, bytes)
    }

    /// With a case of a variant at `at`.
    pub(super) fn case(self, at: usize, case: u8) -> Self {
        self.with(at, [case])
    }

    /// A result that is a refusal, `at` where the payload of results of its type is.
    pub(super) fn refused(refusal: Refusal, at: usize) -> Self {
        Self::default().case(0, 1).case(at, refusal as u8)
    }
}
