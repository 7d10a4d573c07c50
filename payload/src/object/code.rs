//! The instructions of an object: functions, who calls whom, helpers, and what is written to rings.
//! Called by the inspection only.
//! Must never follow a jump: each instruction is looked at once, so that time is bounded by size.
use std::collections::{BTreeMap, BTreeSet};

use super::ObjectError;
use super::elf::{Elf, Named, Symbol};
use super::register;
use crate::limits;

/// Bytes of one instruction slot (kernel, Documentation/bpf/standardization/instruction-set.rst).
pub(super) const SLOT_BYTES: usize = 8;
pub(super) const OP_LOAD_IMM64: u8 = 0x18;
pub(super) const OP_CALL: u8 = 0x85;
const OP_MOV_IMM: u8 = 0xb7;
const OP_MOV_IMM_32: u8 = 0xb4;
/// `src_reg` of a call to a function of the same object, and of a call to a kernel function.
pub(super) const CALL_LOCAL: u8 = 1;
const CALL_KFUNC: u8 = 2;
const CLASS: u8 = 0x07;
const CLASSES_WRITING_DST: [u8; 4] = [0, 1, 4, 7];
/// Helpers that put a record into a ring: number, register of the map, register of the size.
const EMITTERS: [(u32, usize, usize); 4] = [
    (25, 2, 5),  // perf_event_output
    (130, 1, 3), // ringbuf_output
    (131, 1, 2), // ringbuf_reserve
    (111, 2, 5), // skb_output
];

/// One decoded slot.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slot {
    pub(super) op: u8,
    pub(super) dst: usize,
    pub(super) src: u8,
    pub(super) off: i16,
    pub(super) imm: i32,
}

impl Slot {
    pub(super) fn decode(bytes: [u8; SLOT_BYTES]) -> Self {
        let [op, regs, off0, off1, imm0, imm1, imm2, imm3] = bytes;
        Self {
            op,
            dst: usize::from(regs & 0x0f),
            src: regs >> 4,
            off: i16::from_le_bytes([off0, off1]),
            imm: i32::from_le_bytes([imm0, imm1, imm2, imm3]),
        }
    }

    /// From this slot to the target of a local call, bytes.
    fn distance(self) -> i64 {
        (i64::from(self.imm) + 1) * 8
    }

    /// The helper's number, if this calls one.
    pub(super) fn helper(self) -> Option<u32> {
        (self.op == OP_CALL && self.src == 0).then(|| self.imm.cast_unsigned())
    }
}

/// One function: a program, or a sub-program of `.text`.
#[derive(Debug)]
pub(super) struct Function<'a> {
    pub(super) name: &'a str,
    pub(super) section: usize,
    /// Offset in the section, bytes.
    start: u64,
    pub(super) slots: &'a [[u8; SLOT_BYTES]],
    /// Indices of functions that it calls or takes the address of.
    callees: BTreeSet<usize>,
    helpers: BTreeSet<u32>,
    kfuncs: BTreeSet<&'a str>,
    /// Map symbol and record size, bytes, of everything it puts into a ring.
    emitted: BTreeSet<(&'a str, u32)>,
}

/// What a program and all it calls can do.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Reach<'a> {
    pub(super) helpers: BTreeSet<u32>,
    pub(super) kfuncs: BTreeSet<&'a str>,
}

/// All functions of an object.
#[derive(Debug)]
pub(super) struct Code<'a> {
    pub(super) functions: Vec<Function<'a>>,
}

impl<'a> Code<'a> {
    pub(super) fn read(elf: &Elf<'a>) -> Result<Self, ObjectError> {
        let mut functions = Vec::new();
        let mut left = limits::INSTRUCTIONS_MAX;
        for symbol in elf.symbols.iter().filter(|s| s.names == Named::Function) {
            let Some((index, section)) = elf.code_of(symbol) else {
                continue;
            };
            if functions.len() == limits::FUNCTIONS_MAX {
                return Err(ObjectError::TooMany {
                    what: "functions",
                    count: functions.len() + 1,
                    max: limits::FUNCTIONS_MAX,
                });
            }
            if symbol.local && section.name != ".text" {
                return Err(ObjectError::StaticProgram {
                    section: section.name.to_owned(),
                    program: symbol.name.to_owned(),
                });
            }
            let function = function(index, section.bytes, symbol)?;
            // Sections may share bytes of the file, functions may not overlap: see check_apart.
            left = left
                .checked_sub(function.slots.len())
                .ok_or(ObjectError::TooMany {
                    what: "instructions",
                    count: limits::INSTRUCTIONS_MAX + 1,
                    max: limits::INSTRUCTIONS_MAX,
                })?;
            functions.push(function);
        }
        functions.sort_by_key(|f| (f.section, f.start));
        check_apart(&functions)?;
        let starts: BTreeMap<_, _> = functions
            .iter()
            .enumerate()
            .map(|(i, f)| ((f.section, f.start), i))
            .collect();
        for function in &mut functions {
            scan(elf, &starts, function);
        }
        Ok(Self { functions })
    }

    /// What the function with this index can do, alone and by what it calls.
    ///
    /// `steps` is what is left of the bound on walking the call graph.
    pub(super) fn reach(&self, root: usize, steps: &mut usize) -> Result<Reach<'a>, ObjectError> {
        let mut reach = Reach::default();
        let mut seen = BTreeSet::from([root]);
        let mut next = vec![root];
        while let Some(function) = next.pop().and_then(|index| self.functions.get(index)) {
            *steps = steps.checked_sub(1 + function.callees.len()).ok_or(
                ObjectError::CallGraphTooLarge {
                    max: limits::CALL_GRAPH_STEPS_MAX,
                },
            )?;
            reach.helpers.extend(&function.helpers);
            reach.kfuncs.extend(&function.kfuncs);
            next.extend(
                function
                    .callees
                    .iter()
                    .filter(|callee| seen.insert(**callee)),
            );
        }
        Ok(reach)
    }

    /// Sizes in bytes of the records that functions put into each map, by the map's name.
    pub(super) fn record_sizes(&self) -> BTreeMap<&'a str, BTreeSet<u32>> {
        let mut sizes = BTreeMap::<_, BTreeSet<u32>>::new();
        for (map, bytes) in self.functions.iter().flat_map(|f| &f.emitted) {
            sizes.entry(*map).or_default().insert(*bytes);
        }
        sizes
    }

    /// Whether the function reads its context, as far as one pass over registers can tell.
    pub(super) fn reads_context(&self, index: usize) -> bool {
        self.functions
            .get(index)
            .is_some_and(|f| register::reads_context(f.slots))
    }
}

fn function<'a>(
    section: usize,
    bytes: &'a [u8],
    symbol: &Symbol<'a>,
) -> Result<Function<'a>, ObjectError> {
    let outside = || ObjectError::FunctionOutside {
        function: symbol.name.to_owned(),
        offset: symbol.offset,
        bytes: symbol.size,
        section_bytes: bytes.len(),
    };
    let start = usize::try_from(symbol.offset).map_err(|_| outside())?;
    let size = usize::try_from(symbol.size).map_err(|_| outside())?;
    let end = start.checked_add(size).ok_or_else(outside)?;
    let body = bytes.get(start..end).ok_or_else(outside)?;
    let (slots, rest) = body.as_chunks::<SLOT_BYTES>();
    if slots.is_empty() || !rest.is_empty() || start % SLOT_BYTES != 0 {
        return Err(ObjectError::FunctionMisaligned {
            function: symbol.name.to_owned(),
            offset: symbol.offset,
            bytes: symbol.size,
        });
    }
    Ok(Function {
        name: symbol.name,
        section,
        start: symbol.offset,
        slots,
        callees: BTreeSet::new(),
        helpers: BTreeSet::new(),
        kfuncs: BTreeSet::new(),
        emitted: BTreeSet::new(),
    })
}

/// Overlapping functions would let a small file claim any number of instructions.
fn check_apart(functions: &[Function<'_>]) -> Result<(), ObjectError> {
    for pair in functions.windows(2) {
        if let [first, second] = pair
            && first.section == second.section
            && first.start + (first.slots.len() * SLOT_BYTES) as u64 > second.start
        {
            return Err(ObjectError::FunctionsOverlap {
                first: first.name.to_owned(),
                second: second.name.to_owned(),
            });
        }
    }
    Ok(())
}

/// What is known about a register in straight-line code. Only a hint, for the sizes of records.
#[derive(Clone, Copy, Default)]
enum Known<'a> {
    #[default]
    Nothing,
    Constant(i32),
    Map(&'a str),
}

/// Fills in what a function calls and emits.
fn scan<'a>(elf: &Elf<'a>, starts: &BTreeMap<(usize, u64), usize>, function: &mut Function<'a>) {
    let mut registers = [Known::Nothing; 16];
    let mut at = 0;
    while let Some(bytes) = function.slots.get(at) {
        let slot = Slot::decode(*bytes);
        let offset = function.start + (at * SLOT_BYTES) as u64;
        let symbol = elf.relocated(function.section, offset).copied();
        match slot.op {
            OP_CALL => {
                call(function, starts, slot, offset, symbol);
                if let Some((map, bytes)) = emitted(slot, &registers) {
                    function.emitted.insert((map, bytes));
                }
                registers[..6].fill(Known::Nothing);
            }
            OP_LOAD_IMM64 => {
                registers[slot.dst] = load(elf, function, starts, slot, symbol);
                // The second slot of the pair holds the upper half of the constant.
                at += 1;
            }
            OP_MOV_IMM | OP_MOV_IMM_32 => registers[slot.dst] = Known::Constant(slot.imm),
            op if CLASSES_WRITING_DST.contains(&(op & CLASS)) => {
                registers[slot.dst] = Known::Nothing;
            }
            _ => {}
        }
        at += 1;
    }
}

fn call<'a>(
    function: &mut Function<'a>,
    starts: &BTreeMap<(usize, u64), usize>,
    slot: Slot,
    offset: u64,
    symbol: Option<Symbol<'a>>,
) {
    match (slot.src, symbol) {
        (_, Some(symbol)) if symbol.undefined => {
            function.kfuncs.insert(symbol.name);
        }
        (
            CALL_LOCAL,
            Some(Symbol {
                section: Some(section),
                offset: base,
                ..
            }),
        ) => {
            // A section symbol leaves the distance in `imm`, one less than the target's slot.
            let target = base.wrapping_add_signed(slot.distance());
            function.callees.extend(
                starts
                    .get(&(section, target))
                    .or(starts.get(&(section, base))),
            );
        }
        (CALL_LOCAL, _) => {
            let target = offset.wrapping_add_signed(slot.distance());
            function
                .callees
                .extend(starts.get(&(function.section, target)));
        }
        (CALL_KFUNC, _) => {}
        _ => function.helpers.extend(slot.helper()),
    }
}

/// A 64-bit constant is a map, or the address of a function (a callback), or neither.
fn load<'a>(
    elf: &Elf<'a>,
    function: &mut Function<'a>,
    starts: &BTreeMap<(usize, u64), usize>,
    slot: Slot,
    symbol: Option<Symbol<'a>>,
) -> Known<'a> {
    let Some(symbol) = symbol else {
        return Known::Constant(slot.imm);
    };
    let Some(section) = symbol.section else {
        return Known::Nothing;
    };
    let base = symbol.offset;
    let target = base.wrapping_add_signed(slot.imm.into());
    if let Some(callee) = starts
        .get(&(section, target))
        .or(starts.get(&(section, base)))
    {
        function.callees.insert(*callee);
    }
    match elf.sections.get(section) {
        Some(section) if section.name == ".maps" => Known::Map(symbol.name),
        _ => Known::Nothing,
    }
}

fn emitted<'a>(slot: Slot, registers: &[Known<'a>; 16]) -> Option<(&'a str, u32)> {
    let helper = slot.helper()?;
    let (_, map, size) = EMITTERS.iter().find(|(id, ..)| *id == helper)?;
    match (registers.get(*map)?, registers.get(*size)?) {
        (Known::Map(map), Known::Constant(bytes)) => Some((map, u32::try_from(*bytes).ok()?)),
        _ => None,
    }
}
