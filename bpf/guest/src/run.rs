//! The calls of the node, from the numbers of the canonical ABI to a handler and back. Used by what
//! `handler!` exports. Must never let what the node lends for a call outlive it.

use core::cell::UnsafeCell;

use crate::arena::{self, given, Alone};
use crate::host::{address, lent, Bytes, Level};
use crate::records::Records;
use crate::state::{Reader, Writer};
use crate::{log, Handler};

/// Why a handler is called for the last time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Another one follows.
    Update,
    /// The instance stops.
    Stop,
    /// It, or another part of the instance, has failed.
    Fault,
}

/// A ring of the payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ring<'a> {
    /// The name of its map.
    pub name: &'a str,
    /// The struct that it carries; empty for raw bytes.
    pub event: &'a str,
    /// Bytes of records it holds.
    pub size_bytes: u32,
}

/// A ring as the node writes it.
#[repr(C)]
struct GivenRing {
    name: Bytes,
    event: Bytes,
    size_bytes: u32,
}

/// The rings of the payload, in the order of their numbers.
#[derive(Clone)]
pub struct Rings<'a>(core::slice::Iter<'a, GivenRing>);

impl<'a> Iterator for Rings<'a> {
    type Item = Ring<'a>;

    fn next(&mut self) -> Option<Ring<'a>> {
        let ring = self.0.next()?;
        // SAFETY: the node wrote both texts for this call.
        let text = |bytes| core::str::from_utf8(unsafe { given(bytes) }).unwrap_or_default();
        Some(Ring {
            name: text(ring.name),
            event: text(ring.event),
            size_bytes: ring.size_bytes,
        })
    }
}

/// What a handler begins with.
#[derive(Clone)]
pub struct Start<'a> {
    rings: Rings<'a>,
    previous: Option<Reader<'a>>,
}

impl<'a> Start<'a> {
    /// The rings of the payload, in the order of their numbers.
    #[must_use]
    pub fn rings(&self) -> Rings<'a> {
        self.rings.clone()
    }

    /// The number of the ring of this name.
    #[must_use]
    pub fn ring(&self, name: &str) -> Option<u32> {
        let at = self.rings().position(|ring| ring.name == name)?;
        Some(at as u32)
    }

    /// The state of the handler before, if this one goes on with it.
    #[must_use]
    pub fn previous(&self) -> Option<Reader<'a>> {
        self.previous.clone()
    }
}

/// The longest state.
const STATE_BYTES_MAX: usize = 1 << 20;

/// Where `snapshot` writes. A static of its own: zeros take no room in the file.
#[allow(clippy::large_stack_arrays)]
static STATE: Alone<[u8; STATE_BYTES_MAX]> = Alone::new([0; STATE_BYTES_MAX]);

/// What lives as long as the guest.
struct Inner<H> {
    handler: H,
    /// A result that the node reads behind a call.
    answer: [u32; 3],
    /// Records that were too short, since the last tick.
    short: u64,
}

/// A handler, and what its calls need.
#[doc(hidden)]
pub struct Guest<H> {
    schema: u32,
    inner: Alone<Inner<H>>,
}

impl<H: Handler> Guest<H> {
    #[must_use]
    pub const fn new(schema: u32) -> Self {
        let inner = Inner {
            handler: H::NEW,
            answer: [0; 3],
            short: 0,
        };
        Self {
            schema,
            inner: Alone(UnsafeCell::new(inner)),
        }
    }

    /// One call of the node; what it lent is gone behind it.
    fn call<R>(&self, run: impl FnOnce(&mut Inner<H>) -> R) -> R {
        // SAFETY: one thread, and the node does not call a guest that calls it.
        let result = run(unsafe { &mut *self.inner.0.get() });
        arena::reset();
        result
    }

    pub fn init(
        &self,
        [rings, count]: [u32; 2],
        is_state: u32,
        schema: u32,
        [at, length]: [u32; 2],
    ) -> u32 {
        let rings = match count {
            0 => &[],
            // SAFETY: the node has written so many for this call.
            _ => unsafe {
                core::slice::from_raw_parts(rings as usize as *const GivenRing, count as usize)
            },
        };
        let length = if is_state == 0 { 0 } else { length };
        arena::keep_below(lowest(rings, [at, length]));
        self.call(|inner| {
            // SAFETY: the node has written the state for this call.
            let bytes = unsafe { given([at, length]) };
            let start = Start {
                rings: Rings(rings.iter()),
                previous: (is_state != 0).then(|| Reader::new(schema, bytes)),
            };
            inner.answer = match inner.handler.start(&start) {
                Ok(()) => [0; 3],
                Err(why) => {
                    let [at, length] = lent(why.as_bytes());
                    [1, at, length]
                }
            };
            address(inner.answer.as_ptr())
        })
    }

    pub fn on_events(&self, ring: u32, at: u32, bytes: u32) -> u32 {
        // SAFETY: the node gives records, and takes none back during the call.
        self.read(ring, unsafe {
            Records::new(at as usize as *const u8, bytes)
        })
    }

    pub fn on_window(&self, ring: u32, at: u32, bytes: u32) -> u32 {
        // SAFETY: the node gives what is in a window, and takes no record back during the call.
        self.read(ring, unsafe {
            Records::unseen(at as usize as *const u8, bytes)
        })
    }

    fn read(&self, ring: u32, mut records: Records<'_>) -> u32 {
        self.call(|inner| {
            inner.handler.on_events(ring, &mut records);
            // What the handler did not want to see.
            while records.next().is_some() {}
            inner.short += u64::from(records.short());
            records.done()
        })
    }

    pub fn on_tick(&self, now_ns: u64) {
        self.call(|inner| {
            let short = core::mem::take(&mut inner.short);
            if short != 0 {
                log!(
                    Level::Warn,
                    "{short} records were too short for their struct"
                );
            }
            inner.handler.on_tick(now_ns);
        });
    }

    /// # Panics
    /// The state is longer than there is room for.
    pub fn snapshot(&self) -> u32 {
        self.call(|inner| {
            // SAFETY: one thread, and nobody else names it.
            let mut state = Writer::new(unsafe { &mut *STATE.0.get() });
            inner.handler.snapshot(&mut state);
            // Half a state would be taken for a whole one.
            assert!(!state.is_cut(), "the state is too long to be kept");
            let [at, length] = lent(state.written());
            inner.answer = [self.schema, at, length];
            address(inner.answer.as_ptr())
        })
    }

    pub fn shutdown(&self, reason: u32) {
        let reason = match reason {
            0 => Reason::Update,
            1 => Reason::Stop,
            _ => Reason::Fault,
        };
        self.call(|inner| inner.handler.shutdown(reason));
    }
}

/// The lowest address that an argument of `init` has.
fn lowest(rings: &[GivenRing], state: Bytes) -> u32 {
    let list = [address(rings.as_ptr()), rings.len() as u32];
    let texts = rings.iter().flat_map(|ring| [ring.name, ring.event]);
    let all = texts.chain([list, state]);
    let addresses = all.filter(|bytes| bytes[1] != 0).map(|bytes| bytes[0]);
    addresses.fold(arena::mark(), u32::min)
}

/// A text as an array of its bytes, while compiling.
#[doc(hidden)]
#[must_use]
pub const fn array_of<const LENGTH: usize>(text: &str) -> [u8; LENGTH] {
    let (bytes, mut array, mut at) = (text.as_bytes(), [0; LENGTH], 0);
    while at < LENGTH {
        array[at] = bytes[at];
        at += 1;
    }
    array
}
