//! The instructions of a joiner and the input they read. Pure. Called by `join`.
//! Must never jump backwards, nor read or write outside of the value's bytes that the shape names.

use super::Change;

/// The program's answers.
pub(super) const JOINED: u32 = 0;
pub(super) const ABSENT: u32 = 1;
const WRITTEN: i32 = 2;

/// Numbers that one joiner adds to.
pub(crate) const NUMBERS_MAX: usize = 3072;
/// Pieces of a value that one joiner compares: a jump over all of them must fit into 16 bits.
const PIECES_MAX: usize = 4096;
/// Bytes of a value; an instruction reaches 32 KiB.
const VALUE_BYTES_MAX: usize = 32_760;
/// Bytes of a key; `MAX_BPF_STACK` bounds what programs can look up.
const KEY_BYTES_MAX: usize = 512;

/// Where numbers and other bytes are in a value.
pub(crate) struct Shape {
    key_bytes: usize,
    value_bytes: usize,
    /// First byte and size of each number.
    numbers: Vec<(i16, Width)>,
    /// First byte and size of each aligned piece of what is compared and stored.
    pieces: Vec<(i16, Width)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Width {
    One,
    Two,
    Four,
    Eight,
}

impl Width {
    /// `BPF_SIZE` of uapi/linux/bpf.h.
    fn code(self) -> u8 {
        match self {
            Self::One => 0x10,
            Self::Two => 0x08,
            Self::Four => 0x00,
            Self::Eight => 0x18,
        }
    }

    fn of(bytes: usize) -> Option<Self> {
        match bytes {
            1 => Some(Self::One),
            2 => Some(Self::Two),
            4 => Some(Self::Four),
            8 => Some(Self::Eight),
            _ => None,
        }
    }
}

const R0: u8 = 0;
const R1: u8 = 1;
const R2: u8 = 2;
/// The key, and behind it what is added.
const KEY: u8 = 7;
const EXPECTED: u8 = 8;
const LAST: u8 = 9;

/// `src_reg` of a 64-bit load: a map by its descriptor, or the first value of one.
pub(in crate::kernel) const MAP_FD: u8 = 1;
pub(in crate::kernel) const MAP_VALUE: u8 = 2;
const LOOKUP: i32 = 1;

impl Shape {
    /// The shape of values with these numbers (first byte and size, 4 or 8) and `mask` not zero
    /// where other bytes are carried. `None` for what is too large for one program.
    pub(crate) fn new(key_bytes: usize, numbers: &[(usize, usize)], mask: &[u8]) -> Option<Self> {
        if mask.len() > VALUE_BYTES_MAX || key_bytes > KEY_BYTES_MAX || numbers.len() > NUMBERS_MAX
        {
            return None;
        }
        let mut mask = mask.to_vec();
        let mut placed = Vec::with_capacity(numbers.len());
        for &(at, bytes) in numbers {
            mask.get_mut(at..at.checked_add(bytes)?)?.fill(0);
            placed.push((i16::try_from(at).ok()?, Width::of(bytes)?));
        }
        Some(Self {
            key_bytes,
            value_bytes: mask.len(),
            numbers: placed,
            pieces: pieces(&mask)?,
        })
    }

    fn added_at(&self) -> usize {
        self.key_bytes.next_multiple_of(8)
    }

    fn expected_at(&self) -> usize {
        self.added_at() + 8 * self.numbers.len()
    }

    fn last_at(&self) -> usize {
        self.expected_at() + self.value_bytes.next_multiple_of(8)
    }

    pub(super) fn input_bytes(&self) -> usize {
        self.last_at() + self.value_bytes.next_multiple_of(8).max(8)
    }

    /// The input of one run; what `change` has too much of is left out.
    pub(super) fn input(&self, change: &Change<'_>) -> Vec<u8> {
        let mut input = vec![0; self.input_bytes()];
        let mut put = |at: usize, bytes: &[u8], bytes_max: usize| {
            let bytes = bytes.get(..bytes_max).unwrap_or(bytes);
            if let Some(place) = input.get_mut(at..at + bytes.len()) {
                place.copy_from_slice(bytes);
            }
        };
        put(0, change.key, self.key_bytes);
        for (index, added) in change.added.iter().take(self.numbers.len()).enumerate() {
            put(self.added_at() + 8 * index, &added.to_ne_bytes(), 8);
        }
        put(self.expected_at(), change.expected, self.value_bytes);
        put(self.last_at(), change.last, self.value_bytes);
        input
    }

    /// The program for these two maps.
    pub(super) fn code(&self, map: i32, input: i32) -> Vec<u64> {
        let place = |at: usize| i32::try_from(at).unwrap_or(i32::MAX);
        let mut code = Vec::new();
        code.extend(load_wide(KEY, MAP_VALUE, input, 0));
        code.extend(load_wide(
            EXPECTED,
            MAP_VALUE,
            input,
            place(self.expected_at()),
        ));
        code.extend(load_wide(LAST, MAP_VALUE, input, place(self.last_at())));
        code.extend(load_wide(R1, MAP_FD, map, 0));
        code.push(instruction(0xbf, R2, KEY, 0, 0));
        code.push(instruction(0x85, 0, 0, 0, LOOKUP));
        // A value: on behind the answer that there is none.
        code.push(instruction(0x55, R0, 0, 2, 0));
        code.extend(answer(ABSENT.cast_signed()));
        for (index, &(at, width)) in self.numbers.iter().enumerate() {
            let added = i16::try_from(self.added_at() + 8 * index).unwrap_or(i16::MAX);
            code.push(load(R1, KEY, added, Width::Eight));
            // BPF_STX | BPF_ATOMIC with BPF_ADD.
            code.push(instruction(0xc3 | width.code(), R0, R1, at, 0));
        }
        self.compare_and_store(&mut code);
        code
    }

    fn compare_and_store(&self, code: &mut Vec<u64>) {
        const COMPARE: usize = 3;
        const STORE: usize = 2;
        let count = self.pieces.len();
        for (index, &(at, width)) in self.pieces.iter().enumerate() {
            // Over the comparisons that are left, the stores, and the answer behind them.
            let over = COMPARE * (count - index - 1) + STORE * count + 2;
            code.push(load(R1, R0, at, width));
            code.push(load(R2, EXPECTED, at, width));
            let over = i16::try_from(over).unwrap_or(i16::MAX);
            code.push(instruction(0x5d, R1, R2, over, 0));
        }
        for &(at, width) in &self.pieces {
            code.push(load(R1, LAST, at, width));
            code.push(instruction(0x63 | width.code(), R0, R1, at, 0));
        }
        code.extend(answer(JOINED.cast_signed()));
        // The verifier refuses what no jump leads to.
        if count > 0 {
            code.extend(answer(WRITTEN));
        }
    }
}

/// The largest aligned pieces that make up the bytes of a mask.
fn pieces(mask: &[u8]) -> Option<Vec<(i16, Width)>> {
    let mut pieces = Vec::new();
    let mut at = 0;
    while at < mask.len() {
        let all = |bytes: usize| {
            at % bytes == 0
                && mask
                    .get(at..at + bytes)
                    .is_some_and(|mask| mask.iter().all(|byte| *byte != 0))
        };
        let Some(bytes) = [8, 4, 2, 1].into_iter().find(|bytes| all(*bytes)) else {
            at += 1;
            continue;
        };
        if pieces.len() == PIECES_MAX {
            return None;
        }
        pieces.push((i16::try_from(at).ok()?, Width::of(bytes)?));
        at += bytes;
    }
    Some(pieces)
}

/// One instruction: code, registers, offset, immediate (uapi/linux/bpf.h, `struct bpf_insn`).
pub(in crate::kernel) fn instruction(
    code: u8,
    to: u8,
    from: u8,
    offset: i16,
    immediate: i32,
) -> u64 {
    u64::from(code)
        | u64::from(to) << 8
        | u64::from(from) << 12
        | u64::from(offset.cast_unsigned()) << 16
        | u64::from(immediate.cast_unsigned()) << 32
}

fn load(to: u8, from: u8, at: i16, width: Width) -> u64 {
    instruction(0x61 | width.code(), to, from, at, 0)
}

pub(in crate::kernel) fn load_wide(to: u8, what: u8, fd: i32, offset: i32) -> [u64; 2] {
    [
        instruction(0x18, to, what, 0, fd),
        instruction(0, 0, 0, 0, offset),
    ]
}

fn answer(answer: i32) -> [u64; 2] {
    [
        instruction(0xb7, R0, 0, 0, answer),
        instruction(0x95, 0, 0, 0, 0),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_aligned_and_cover_the_mask_once() {
        let mut mask = vec![0xff; 21];
        mask[3] = 0;
        let pieces = pieces(&mask).unwrap();
        let mut covered = vec![0; 21];
        for (at, width) in pieces {
            let bytes = match width {
                Width::One => 1,
                Width::Two => 2,
                Width::Four => 4,
                Width::Eight => 8,
            };
            let at = usize::try_from(at).unwrap();
            assert_eq!(at % bytes, 0);
            covered[at..at + bytes].fill(0xff);
        }
        assert_eq!(covered, mask);
    }

    #[test]
    fn numbers_are_no_pieces() {
        let shape = Shape::new(4, &[(8, 8)], &[0xff; 24]).unwrap();
        assert_eq!(shape.pieces, [(0, Width::Eight), (16, Width::Eight)]);
    }

    #[test]
    fn what_no_jump_reaches_over_has_no_shape() {
        let sparse: Vec<u8> = (0..2 * PIECES_MAX + 2)
            .map(|at| u8::from(at % 2 == 0))
            .collect();
        assert!(Shape::new(4, &[], &sparse).is_none());
        assert!(Shape::new(4, &[], &vec![0xff; VALUE_BYTES_MAX + 1]).is_none());
        assert!(Shape::new(4, &[], &vec![0xff; VALUE_BYTES_MAX]).is_some());
    }
}
