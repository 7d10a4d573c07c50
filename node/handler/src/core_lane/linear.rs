//! A guest's memory, as host functions and calls reach it: by checked copies only.
//! Used by all of the core lane. Must never write into a window, which would end the process, nor make
//! a slice of a guest's memory.
#![expect(
    unsafe_code,
    reason = "windows are in this memory, so there are no slices of it"
)]

use wasmtime::{AsContext, AsContextMut, Memory, TypedFunc};

use crate::fault::Fault;
use crate::host::Host;
use crate::window::Window;

/// What a store of the core lane holds.
pub(super) struct Linear {
    /// The node's side.
    pub(super) host: Host,
    /// The guest's memory, once there is one.
    pub(super) memory: Option<Memory>,
    /// `cabi_realloc`, once there is one.
    pub(super) realloc: Option<TypedFunc<(u32, u32, u32, u32), u32>>,
    /// Parts of the memory that are rings.
    pub(super) windows: Vec<Window>,
    /// Whether the guest may call the host: not while it gives or takes back memory.
    pub(super) may_leave: bool,
    /// Room for what a host function was given.
    pub(super) scratch: Vec<u8>,
}

impl AsMut<Host> for Linear {
    fn as_mut(&mut self) -> &mut Host {
        &mut self.host
    }
}

impl Linear {
    /// A store's side without an instance.
    pub(super) fn new(host: Host) -> Self {
        Self {
            host,
            memory: None,
            realloc: None,
            windows: Vec::new(),
            may_leave: true,
            scratch: Vec::new(),
        }
    }
}

/// A place in a guest's memory, and what it is for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// The function that was called.
    pub(super) call: &'static str,
    /// What is there.
    pub(super) what: &'static str,
    /// Its address.
    pub(super) at: u32,
    /// Its length.
    pub(super) bytes: u32,
}

impl Place {
    /// The fault of a place that breaks a rule.
    pub(super) fn fault(self, rule: &'static str) -> Fault {
        Fault::Pointer {
            call: self.call,
            what: self.what,
            at: self.at,
            bytes: self.bytes,
            rule,
        }
    }

    /// Refuses a place that is not aligned.
    pub(super) fn aligned(self, align: u32) -> Result<Self, Fault> {
        if self.at.is_multiple_of(align) {
            return Ok(self);
        }
        Err(self.fault("is not aligned"))
    }

    /// The first byte; as many as there should be lie inside the memory.
    fn start(self, store: &impl AsContext<Data = Linear>) -> Result<*mut u8, Fault> {
        let store = store.as_context();
        let Some(memory) = store.data().memory else {
            return Err(self.fault("is of no memory"));
        };
        let end = u64::from(self.at) + u64::from(self.bytes);
        if end > memory.data_size(&store) as u64 {
            return Err(self.fault("is outside of the memory"));
        }
        // SAFETY: the address is at most the memory's end.
        Ok(unsafe { memory.data_ptr(&store).add(self.at as usize) })
    }

    /// As `start`, and none of it lies in a window.
    fn start_outside_windows(
        self,
        store: &impl AsContext<Data = Linear>,
    ) -> Result<*mut u8, Fault> {
        let start = self.start(store)?;
        let range = u64::from(self.at)..u64::from(self.at) + u64::from(self.bytes);
        let windows = &store.as_context().data().windows;
        if windows.iter().any(|window| window.overlaps(&range)) {
            return Err(self.fault("lies in a ring's window, which nobody writes to"));
        }
        Ok(start)
    }
}

/// Checks that a place is of the memory.
pub(super) fn check(store: &impl AsContext<Data = Linear>, place: Place) -> Result<(), Fault> {
    place.start(store).map(|_| ())
}

/// Checks that the host may write to a place.
pub(super) fn check_writable(
    store: &impl AsContext<Data = Linear>,
    place: Place,
) -> Result<(), Fault> {
    place.start_outside_windows(store).map(|_| ())
}

/// Appends what is at `place` to `into`.
pub(super) fn read(
    store: &impl AsContext<Data = Linear>,
    place: Place,
    into: &mut Vec<u8>,
) -> Result<(), Fault> {
    let start = place.start(store)?;
    let bytes = place.bytes as usize;
    into.reserve(bytes);
    // SAFETY: the room behind what is in the vector was just made.
    let room = unsafe { into.as_mut_ptr().add(into.len()) };
    // SAFETY: `start` was checked for as many bytes, the guest does not run, and the two don't overlap.
    // A window is read too: pages of the kernel's that are copied as they are.
    unsafe { start.copy_to_nonoverlapping(room, bytes) };
    // SAFETY: these bytes were just written.
    unsafe { into.set_len(into.len() + bytes) };
    Ok(())
}

/// Writes as many bytes as `place` has.
pub(super) fn write(
    store: &impl AsContextMut<Data = Linear>,
    place: Place,
    bytes: &[u8],
) -> Result<(), Fault> {
    debug_assert_eq!(bytes.len(), place.bytes as usize);
    // SAFETY: a slice is readable for its length.
    unsafe { write_from(store, place, bytes.as_ptr()) }
}

/// Writes as many bytes as `place` has, from `source` on.
///
/// # Safety
/// `source` must be readable for as many bytes, none of them of the guest's memory.
pub(super) unsafe fn write_from(
    store: &impl AsContextMut<Data = Linear>,
    place: Place,
    source: *const u8,
) -> Result<(), Fault> {
    let start = place.start_outside_windows(store)?;
    // SAFETY: `start` was checked for as many bytes, all of them outside of windows; the guest does not
    // run; of `source` the caller knows.
    unsafe { start.copy_from_nonoverlapping(source, place.bytes as usize) };
    Ok(())
}
