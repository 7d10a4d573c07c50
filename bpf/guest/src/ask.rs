//! What a handler may know beside its events: settings, clocks, processes, layouts; and the log.
//! Used by handlers. What a node has put into the arena is lent for a closure, never longer.

use crate::arena;
use crate::host::{self, lent, Entries, Level, List, MaybeProcess};

/// Nanoseconds of the clock that `bpf_ktime_get_ns` reads.
#[must_use]
pub fn now_mono() -> u64 {
    // SAFETY: it takes nothing.
    unsafe { host::now_mono() }
}

/// Nanoseconds since 1970.
#[must_use]
pub fn now_wall() -> u64 {
    // SAFETY: it takes nothing.
    unsafe { host::now_wall() }
}

/// A line for the node's log; see also [`log!`](crate::log).
pub fn log_text(level: Level, text: &str) {
    let [at, length] = lent(text.as_bytes());
    // SAFETY: the text is lent for the call.
    unsafe { host::log(level as u32, at, length) }
}

/// A line for the node's log, as `format!` has it; 512 bytes of it are kept.
#[macro_export]
macro_rules! log {
    ($level:expr, $($form:tt)*) => {{
        let mut line = $crate::Text::<512>::new();
        let _ = core::fmt::Write::write_fmt(&mut line, core::format_args!($($form)*));
        $crate::log_text($level, line.as_str());
    }};
}

/// Reads a text that the node has written, and gives the room back.
///
/// # Safety
/// The node must have written it just now.
unsafe fn read<R>(mark: u32, bytes: host::Bytes, take: impl FnOnce(&str) -> R) -> R {
    // SAFETY: the caller's word; nobody asks for more room of the arena before it is given back.
    let bytes = unsafe { arena::given(bytes) };
    // The canonical ABI promises UTF-8.
    let taken = take(core::str::from_utf8(bytes).unwrap_or_default());
    arena::release(mark);
    taken
}

/// Gives a setting that the manifest declares to a closure; nothing where there is none.
pub fn config<R>(key: &str, take: impl FnOnce(&str) -> R) -> Option<R> {
    let (mark, mut answer) = (arena::mark(), Entries::default());
    let [at, length] = lent(key.as_bytes());
    // SAFETY: the key is lent for the call, and the answer has the room of `option<string>`.
    unsafe { host::config(at, length, answer.at()) };
    if answer.byte(0, 0) == 0 {
        return None;
    }
    // SAFETY: the node has just written it.
    Some(unsafe { read(mark, answer.bytes(1), take) })
}

/// A setting that is a number of this range; else another, and the log says so.
#[must_use]
pub fn config_number(key: &str, range: core::ops::RangeInclusive<u64>, otherwise: u64) -> u64 {
    let parsed = config(key, |text| text.parse::<u64>().ok()).flatten();
    parsed
        .filter(|number| range.contains(number))
        .unwrap_or_else(|| {
            let (min, max) = (range.start(), range.end());
            log!(
                Level::Warn,
                "setting {key} is no number from {min} to {max}: {otherwise} is taken"
            );
            otherwise
        })
}

/// The nanoseconds since the last time that so many seconds were over; nothing while they are not.
pub fn every(since_ns: &mut u64, now_ns: u64, seconds: u64) -> Option<u64> {
    if *since_ns == 0 {
        *since_ns = now_ns;
    }
    let passed_ns = now_ns.saturating_sub(*since_ns);
    if seconds == 0 || passed_ns < seconds.saturating_mul(1_000_000_000) {
        return None;
    }
    *since_ns = now_ns;
    Some(passed_ns)
}

/// What is known of a process.
#[derive(Debug, Clone, Copy)]
pub struct Process<'a> {
    /// The id of its parent.
    pub parent: u32,
    /// The id of its user.
    pub user: u32,
    /// When it started, nanoseconds of [`now_mono`]'s clock.
    pub started: u64,
    /// Its command.
    pub command: &'a str,
    /// Its arguments, each with a NUL behind it.
    pub arguments: &'a str,
    /// Its group.
    pub cgroup: &'a str,
}

/// Gives what is known of a process to a closure. Nothing is known where it has ended, or where the
/// node does not let a handler ask.
pub fn process<R>(pid: u32, take: impl FnOnce(&Process<'_>) -> R) -> Option<R> {
    let (mark, mut answer) = (arena::mark(), MaybeProcess::default());
    // SAFETY: the answer has the room of `option<process>`.
    unsafe { host::process(pid, answer.at()) };
    if answer.byte(0, 0) == 0 {
        return None;
    }
    // SAFETY: the node has just written all three, and no room is asked for before they are read.
    let text = |word| unsafe {
        core::str::from_utf8(arena::given(answer.bytes(word))).unwrap_or_default()
    };
    let process = Process {
        parent: answer.word(2),
        user: answer.word(3),
        started: answer.long(4),
        command: text(6),
        arguments: text(8),
        cgroup: text(10),
    };
    let taken = take(&process);
    arena::release(mark);
    Some(taken)
}

/// A field of a ring's struct.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field<'a> {
    /// Its name, with dots for nested ones.
    pub name: &'a str,
    /// Bits from the start of the record.
    pub offset_bits: u32,
    /// Its size, bits.
    pub size_bits: u32,
}

/// The fields of a ring's struct.
#[derive(Debug, Clone)]
pub struct Fields<'a>(core::slice::ChunksExact<'a, u8>);

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    fn next(&mut self) -> Option<Field<'a>> {
        let record = self.0.next()?;
        let word = |at: usize| {
            let mut word = [0; 4];
            word.copy_from_slice(&record[at..at + 4]);
            u32::from_le_bytes(word)
        };
        // SAFETY: the node wrote the name for this list.
        let name = unsafe { arena::given([word(0), word(4)]) };
        Some(Field {
            name: core::str::from_utf8(name).unwrap_or_default(),
            offset_bits: word(8),
            size_bits: word(12),
        })
    }
}

/// Gives the fields of a ring's struct to a closure; none for raw bytes.
pub fn layout<R>(ring: u32, take: impl FnOnce(Fields<'_>) -> R) -> R {
    const FIELD_BYTES: u32 = 16;
    let (mark, mut answer) = (arena::mark(), List::default());
    // SAFETY: the answer has the room of `list<field>`.
    unsafe { host::layout(ring, answer.at()) };
    let [at, count] = answer.bytes(0);
    // SAFETY: the node has just written so many fields, and no room is asked for meanwhile.
    let fields = unsafe { arena::given([at, count * FIELD_BYTES]) };
    let taken = take(Fields(fields.chunks_exact(FIELD_BYTES as usize)));
    arena::release(mark);
    taken
}

#[cfg(test)]
mod tests {
    use super::every;

    #[test]
    fn time_is_over_once_a_turn() {
        let mut since = 0;
        let second = 1_000_000_000;
        assert_eq!(every(&mut since, 5, 1), None);
        assert_eq!(every(&mut since, 4 + second, 1), None);
        assert_eq!(every(&mut since, 6 + second, 1), Some(1 + second));
        assert_eq!(every(&mut since, 7 + second, 1), None);
        assert_eq!(every(&mut since, 9 * second, 0), None);
    }
}
