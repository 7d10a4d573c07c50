//! Room for the arguments and results of calls, which lie one behind the other until the call of the
//! handler ends, and the windows that the node maps rings over. Used by `run` and by whatever reads a
//! result. Must never give out what a window covers, nor forget what was asked for before `init`.

use core::cell::UnsafeCell;

/// Bytes of a page of memory.
#[cfg_attr(not(any(target_arch = "wasm32", test)), allow(dead_code))]
pub(crate) const PAGE_BYTES: u32 = 65536;
/// What the widest type needs, and the records of a batch.
#[cfg_attr(not(any(target_arch = "wasm32", test)), allow(dead_code))]
const ALIGN: u32 = 8;

/// A value of a guest, which has one thread and is not called while it runs.
pub(crate) struct Alone<T>(pub(crate) UnsafeCell<T>);

// SAFETY: modules of handlers have no threads: the node's engines refuse shared memories.
unsafe impl<T> Sync for Alone<T> {}

impl<T> Alone<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(UnsafeCell::new(value))
    }
}

#[cfg_attr(not(any(target_arch = "wasm32", test)), allow(dead_code))]
/// How memory grows: by the engine, in tests by numbers alone.
trait Memory {
    /// Where the module's own variables end.
    fn begin(&self) -> u32;
    /// Its size, pages.
    fn pages(&self) -> u32;
    /// The pages that it had before so many more.
    fn grow(&mut self, pages: u32) -> Option<u32>;
}

#[derive(Debug, Clone, Copy)]
struct Arena {
    /// Below it lies what the node keeps for as long as the guest lives.
    floor: u32,
    at: u32,
    end: u32,
}

// Elsewhere only tests take room: there is no node that would ask.
#[cfg_attr(not(any(target_arch = "wasm32", test)), allow(dead_code))]
impl Arena {
    const NEW: Self = Self {
        floor: 0,
        at: 0,
        end: 0,
    };

    /// Before anything else can grow the memory.
    fn begin(&mut self, memory: &impl Memory) {
        if self.end == 0 {
            self.floor = memory.begin();
            self.at = self.floor;
            self.end = memory.pages() * PAGE_BYTES;
        }
    }

    /// Room for so many bytes, or nothing where the node gives no more.
    fn take(&mut self, align: u32, bytes: u32, memory: &mut impl Memory) -> Option<u32> {
        self.begin(memory);
        let align = align.max(ALIGN);
        let mut at = self.at.checked_add(align - 1)? & align.wrapping_neg();
        if at > self.end || bytes > self.end - at {
            let pages = (u64::from(bytes) + u64::from(align)) / u64::from(PAGE_BYTES) + 1;
            let pages = u32::try_from(pages).ok()?;
            let grown = memory.grow(pages)? * PAGE_BYTES;
            if grown != self.end {
                // A window stands in the way: the arena goes on behind it.
                at = grown;
                self.floor = grown;
            }
            self.end = grown + pages * PAGE_BYTES;
        }
        self.at = at + bytes;
        Some(at)
    }

    /// Keeps what lies below the arguments of `init`: the node asked for it before those.
    fn keep_below(&mut self, lowest: u32) {
        if lowest > self.floor && lowest <= self.at {
            self.floor = lowest;
        }
    }

    /// Takes back all that was taken since, where it is of one piece.
    fn release(&mut self, mark: u32) {
        if mark >= self.floor && mark <= self.at {
            self.at = mark;
        }
    }
}

static ARENA: Alone<Arena> = Alone::new(Arena::NEW);

/// What becomes of the arena in one step.
fn with<R>(step: impl FnOnce(&mut Arena) -> R) -> R {
    // SAFETY: one thread, and no step calls another.
    step(unsafe { &mut *ARENA.0.get() })
}

/// How far the arena is used, for [`release`].
pub(crate) fn mark() -> u32 {
    with(|arena| arena.at)
}

/// Takes back all that was taken since, where it is of one piece.
pub(crate) fn release(mark: u32) {
    with(|arena| arena.release(mark));
}

/// Takes back everything but what was asked for before `init`.
pub(crate) fn reset() {
    with(|arena| arena.at = arena.floor);
}

/// Keeps what lies below the lowest argument of `init`.
pub(crate) fn keep_below(lowest: u32) {
    with(|arena| arena.keep_below(lowest));
}

/// Bytes that the node has written, or nothing for none.
///
/// # Safety
/// They must be there, unchanged, for as long as they are used.
pub(crate) unsafe fn given<'a>([at, length]: [u32; 2]) -> &'a [u8] {
    if length == 0 {
        return &[];
    }
    // SAFETY: the caller's word.
    unsafe { core::slice::from_raw_parts(at as usize as *const u8, length as usize) }
}

#[cfg(target_arch = "wasm32")]
mod exports {
    use super::{with, Memory, PAGE_BYTES};
    use crate::host::address;
    use core::arch::wasm32::{memory_grow, memory_size};

    extern "C" {
        static __heap_base: u8;
    }

    pub(crate) struct Engine;

    impl Memory for Engine {
        fn begin(&self) -> u32 {
            // SAFETY: only the address of what the linker put there is taken.
            address(unsafe { core::ptr::addr_of!(__heap_base) })
        }

        fn pages(&self) -> u32 {
            memory_size::<0>() as u32
        }

        fn grow(&mut self, pages: u32) -> Option<u32> {
            let before = memory_grow::<0>(pages as usize);
            (before != usize::MAX).then(|| before as u32)
        }
    }

    #[export_name = "cabi_realloc"]
    extern "C" fn cabi_realloc(old: u32, old_bytes: u32, align: u32, bytes: u32) -> u32 {
        let at = match with(|arena| arena.take(align, bytes, &mut Engine)) {
            Some(at) => at,
            None => core::arch::wasm32::unreachable(),
        };
        if old_bytes != 0 {
            let (from, to) = (old as usize as *const u8, at as usize as *mut u8);
            // SAFETY: both are room of the arena, and what was taken just now overlaps nothing.
            unsafe { core::ptr::copy_nonoverlapping(from, to, old_bytes.min(bytes) as usize) };
        }
        at
    }

    /// Room that is nobody else's, for the node to map a ring over; 0 where there is none.
    #[export_name = "ring-window"]
    extern "C" fn ring_window(_ring: u32, bytes: u32) -> u32 {
        with(|arena| arena.begin(&Engine));
        if bytes == 0 || bytes % PAGE_BYTES != 0 {
            return 0;
        }
        let mut engine = Engine;
        engine
            .grow(bytes / PAGE_BYTES)
            .map_or(0, |page| page * PAGE_BYTES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Numbers(u32);

    impl Memory for Numbers {
        fn begin(&self) -> u32 {
            1000
        }

        fn pages(&self) -> u32 {
            self.0
        }

        fn grow(&mut self, pages: u32) -> Option<u32> {
            let before = self.0;
            self.0 = before.checked_add(pages).filter(|pages| *pages <= 64)?;
            Some(before)
        }
    }

    #[test]
    fn room_is_aligned_and_grows_where_the_memory_ends() {
        let (mut arena, mut memory) = (Arena::NEW, Numbers(1));
        assert_eq!(arena.take(1, 3, &mut memory), Some(1000));
        assert_eq!(arena.take(1, 3, &mut memory), Some(1008));
        assert_eq!(arena.take(64, 1, &mut memory), Some(1024));
        assert_eq!(arena.take(1, PAGE_BYTES, &mut memory), Some(1032));
        assert_eq!(memory.0, 3);
        assert_eq!(arena.take(1, 64 * PAGE_BYTES, &mut memory), None);
        assert_eq!(arena.take(1, u32::MAX, &mut memory), None);
    }

    #[test]
    fn behind_a_window_the_arena_goes_on_and_never_comes_back() {
        let (mut arena, mut memory) = (Arena::NEW, Numbers(1));
        arena.begin(&memory);
        let window = memory.grow(2).unwrap() * PAGE_BYTES;
        let below = arena.take(1, 100, &mut memory).unwrap();
        let behind = arena.take(1, PAGE_BYTES, &mut memory).unwrap();
        assert!(below < window && behind >= window + 2 * PAGE_BYTES);
        arena.at = arena.floor;
        assert_eq!(arena.take(1, 8, &mut memory), Some(behind));
    }

    #[test]
    fn what_was_asked_for_before_init_stays() {
        let (mut arena, mut memory) = (Arena::NEW, Numbers(2));
        let room = arena.take(8, 500, &mut memory).unwrap();
        let rings = arena.take(4, 20, &mut memory).unwrap();
        arena.keep_below(rings);
        arena.at = arena.floor;
        assert_eq!(arena.take(1, 1, &mut memory), Some(rings));
        arena.release(room);
        assert_eq!(arena.take(1, 1, &mut memory), Some(rings + 8));
    }
}
