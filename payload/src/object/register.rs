//! Whether a program reads its context, which binds kprobe-like programs to one architecture.
//! Called by the walk over instructions.
//! Must never run longer than the program is long, times a constant: then it answers "yes".
use super::code::{CALL_LOCAL, OP_CALL, OP_LOAD_IMM64, SLOT_BYTES, Slot};

const CLASS: u8 = 0x07;
const CLASS_LOAD: u8 = 0x01;
const CLASS_ALU32: u8 = 0x04;
const CLASS_JUMP: u8 = 0x05;
const CLASS_JUMP32: u8 = 0x06;
const CLASS_ALU64: u8 = 0x07;
const OP_MOV_REG: u8 = 0xbf;
const OP_ADD_IMM: u8 = 0x07;
const OP_ADD_REG: u8 = 0x0f;
const OP_EXIT: u8 = 0x95;
const OP_JUMP: u8 = 0x05;
const OP_JUMP_LONG: u8 = 0x06;
const OP_STORE_64: u8 = 0x7b;
const OP_LOAD_64: u8 = 0x79;
const FRAME: u8 = 10;
/// Helpers that read memory at the address in the third register: the `probe_read` family.
const READERS: [u32; 7] = [4, 45, 112, 113, 114, 115, 148];
/// How often an instruction may be looked at again before the answer is "yes".
const VISITS_MAX: usize = 16;

/// Where the context is: one bit a register, one bit an eight-byte stack slot.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Holders {
    registers: u16,
    stack: u64,
}

impl Holders {
    fn holds(self, register: u8) -> bool {
        self.registers & (1 << register) != 0
    }

    fn set(&mut self, register: usize, holds: bool) {
        let bit = 1 << register;
        self.registers = if holds {
            self.registers | bit
        } else {
            self.registers & !bit
        };
    }
}

/// True if the context, or a pointer computed from it, is dereferenced, read by a helper or given
/// to another function; false if it is only passed on as a handle (`perf_event_output(ctx, …)`).
pub(super) fn reads_context(slots: &[[u8; SLOT_BYTES]]) -> bool {
    let mut states = vec![None; slots.len()];
    let mut next = vec![(
        0,
        Holders {
            registers: 1 << 1,
            stack: 0,
        },
    )];
    let mut visits = slots.len().saturating_mul(VISITS_MAX);
    while let Some((at, incoming)) = next.pop() {
        let (Some(bytes), Some(state)) = (slots.get(at), states.get_mut(at)) else {
            continue;
        };
        let slot = Slot::decode(*bytes);
        let before: Holders = state.unwrap_or_default();
        let merged = Holders {
            registers: before.registers | incoming.registers,
            stack: before.stack | incoming.stack,
        };
        if *state == Some(merged) {
            continue;
        }
        *state = Some(merged);
        if visits == 0 || reads(slot, merged) {
            return true;
        }
        visits -= 1;
        let after = step(slot, merged);
        let follow = if slot.op == OP_LOAD_IMM64 {
            at + 2
        } else {
            at + 1
        };
        let jump = match slot.op & CLASS {
            CLASS_JUMP | CLASS_JUMP32 if slot.op == OP_CALL || slot.op == OP_EXIT => None,
            CLASS_JUMP32 if slot.op == OP_JUMP_LONG => isize::try_from(slot.imm).ok(),
            CLASS_JUMP | CLASS_JUMP32 => Some(isize::from(slot.off)),
            _ => None,
        };
        if let Some(target) = jump.and_then(|distance| follow.checked_add_signed(distance)) {
            next.push((target, after));
        }
        if !matches!(slot.op, OP_EXIT | OP_JUMP | OP_JUMP_LONG) {
            next.push((follow, after));
        }
    }
    false
}

fn reads(slot: Slot, holders: Holders) -> bool {
    match slot.op & CLASS {
        CLASS_LOAD => holders.holds(slot.src),
        _ if slot.op == OP_CALL && slot.src == CALL_LOCAL => holders.registers & 0b11_1110 != 0,
        _ => slot
            .helper()
            .is_some_and(|id| READERS.contains(&id) && holders.holds(3)),
    }
}

fn step(slot: Slot, mut holders: Holders) -> Holders {
    // A slot below the frame pointer, as a bit: -8 is bit 0.
    let spill = u32::try_from(-(i32::from(slot.off) / 8) - 1)
        .ok()
        .filter(|bit| *bit < 64);
    match slot.op {
        OP_MOV_REG => holders.set(slot.dst, holders.holds(slot.src)),
        OP_ADD_IMM => {}
        OP_ADD_REG => {
            let either = holders.holds(slot.src) || holders.registers & (1 << slot.dst) != 0;
            holders.set(slot.dst, either);
        }
        OP_CALL => holders.registers &= !0b11_1111,
        OP_STORE_64 if slot.dst == usize::from(FRAME) => {
            if let Some(bit) = spill {
                let cleared = holders.stack & !(1 << bit);
                holders.stack = cleared | u64::from(holders.holds(slot.src)) << bit;
            }
        }
        OP_LOAD_64 if slot.src == FRAME => {
            holders.set(
                slot.dst,
                spill.is_some_and(|bit| holders.stack & (1 << bit) != 0),
            );
        }
        op if matches!(op & CLASS, CLASS_ALU32 | CLASS_ALU64 | CLASS_LOAD | 0) => {
            holders.set(slot.dst, false);
        }
        _ => {}
    }
    holders
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(slots: &[[u8; 8]]) -> bool {
        reads_context(slots)
    }

    const EXIT: [u8; 8] = [OP_EXIT, 0, 0, 0, 0, 0, 0, 0];
    const SAVE_IN_R6: [u8; 8] = [OP_MOV_REG, 0x16, 0, 0, 0, 0, 0, 0];

    const fn helper(id: u8) -> [u8; 8] {
        [OP_CALL, 0, 0, 0, id, 0, 0, 0]
    }

    #[test]
    fn load_from_context_is_a_read() {
        assert!(program(&[[0x79, 0x12, 112, 0, 0, 0, 0, 0], EXIT]));
        assert!(program(&[
            SAVE_IN_R6,
            helper(14),
            [0x79, 0x62, 112, 0, 0, 0, 0, 0],
            EXIT
        ]));
    }

    #[test]
    fn probe_read_of_context_is_a_read() {
        let to_r3 = [OP_MOV_REG, 0x13, 0, 0, 0, 0, 0, 0];
        assert!(program(&[
            to_r3,
            [OP_ADD_IMM, 3, 0, 0, 8, 0, 0, 0],
            helper(113),
            EXIT
        ]));
    }

    #[test]
    fn context_as_a_handle_is_not_a_read() {
        assert!(!program(&[helper(14), EXIT]));
        let back_to_r1 = [OP_MOV_REG, 0x61, 0, 0, 0, 0, 0, 0];
        assert!(!program(&[
            SAVE_IN_R6,
            helper(14),
            back_to_r1,
            helper(25),
            EXIT
        ]));
    }

    #[test]
    fn spilled_context_is_followed_through_the_stack() {
        let spill = [OP_STORE_64, 0x1a, 0xf8, 0xff, 0, 0, 0, 0];
        let fill = [OP_LOAD_64, 0xa2, 0xf8, 0xff, 0, 0, 0, 0];
        assert!(program(&[
            spill,
            helper(14),
            fill,
            [0x79, 0x21, 0, 0, 0, 0, 0, 0],
            EXIT
        ]));
    }

    #[test]
    fn wild_jumps_end_the_walk() {
        assert!(!program(&[[OP_JUMP, 0, 0xff, 0x7f, 0, 0, 0, 0], EXIT]));
        assert!(!program(&[[OP_JUMP, 0, 0xff, 0xff, 0, 0, 0, 0]]));
        assert!(!program(&[[OP_LOAD_IMM64, 1, 0, 0, 0, 0, 0, 0]]));
    }
}
