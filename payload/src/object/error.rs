//! What can be wrong with an object. Raised by the inspection; shown to whoever gave the object.
//! Must never be raised without the operands: a person has to find the place from the text alone.
use thiserror::Error;

use super::section::UnknownSection;
use crate::btf::BtfError;

/// A rule that an object breaks.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[expect(missing_docs, reason = "the operands are named in each message")]
pub enum ObjectError {
    /// More bytes than are ever read.
    #[error("the object has {bytes} bytes, at most {max} are read")]
    TooLarge { bytes: usize, max: usize },
    /// No ELF file.
    #[error("the object begins with {found:02x?}, an ELF file with [7f, 45, 4c, 46]")]
    NotElf { found: [u8; 4] },
    /// Ends inside the ELF header.
    #[error("the object ends after {bytes} bytes, inside its ELF header")]
    Cut { bytes: usize },
    /// Neither little- nor big-endian.
    #[error("the object's byte order is {found}, known are 1 (little) and 2 (big)")]
    ByteOrderUnknown { found: u8 },
    /// Built for a machine with the other byte order.
    #[error(
        "the object is big-endian; nodes run on little-endian machines: compile with -target bpfel"
    )]
    BigEndian,
    /// An ELF file of 32 bits.
    #[error("the object's ELF class is {class}, BPF objects have 2 (64 bits)")]
    Not64Bit { class: u8 },
    /// Built for a processor.
    #[error("the object is for ELF machine {found}, BPF is 247: compile with -target bpf")]
    MachineNotBpf { found: u16 },
    /// Linked, or a core dump.
    #[error("the object's ELF type is {found}, relocatable is 1: compile with -c")]
    NotRelocatable { found: u16 },
    /// Structure that contradicts itself.
    #[error("the object's ELF structure is broken: {reason}")]
    Malformed { reason: String },
    /// Not exactly one symbol table.
    #[error("the object has {found} symbol tables, a loader needs 1: do not strip it with -s")]
    SymbolTables { found: usize },
    /// A symbol in a section that is not there.
    #[error("a symbol is in section {section}, the object has {sections} sections")]
    SymbolOutside { section: usize, sections: usize },
    /// A relocation against a symbol that is not there.
    #[error("a relocation names symbol {symbol}, the object has {symbols} symbols")]
    RelocationOutside { symbol: usize, symbols: usize },
    /// A name in no known encoding.
    #[error("the name \"{name}\" is not UTF-8")]
    NameNotText { name: String },
    /// A table of names that is not there.
    #[error("names are in section {section}, the object has {sections} sections")]
    NamesOutside { section: u32, sections: usize },
    /// A name that its table does not hold.
    #[error("a name is at {at}, its table has {bytes} bytes")]
    NameOutside { at: u32, bytes: usize },
    /// A name beyond its bound, or without an end.
    #[error("the name at {at} of its table does not end within {max} bytes")]
    NameTooLong { at: u32, max: usize },
    /// A licence beyond its bound.
    #[error("the licence has {bytes} bytes, at most {max} are read")]
    LicenseTooLong { bytes: usize, max: usize },
    /// More of something than are ever read.
    #[error("the object has {count} {what} or more, at most {max} are read")]
    TooMany {
        what: &'static str,
        count: usize,
        max: usize,
    },
    /// Its types are broken.
    #[error("the object's types: {0}")]
    Btf(#[source] BtfError),
    /// `.BTF.ext` is broken.
    #[error("section .BTF.ext breaks the rule \"{rule}\" at byte {at}")]
    ExtMalformed { rule: &'static str, at: usize },
    /// A relocation that libbpf does not know either.
    #[error("a CO-RE relocation has kind {found}, known are 0 to 12")]
    CoreKindUnknown { found: u32 },
    /// A relocation against a type that is not there.
    #[error("a CO-RE relocation has type {root} as its root, the last type is {last}")]
    CoreRootOutside { root: u32, last: u32 },
    /// No function in any section but `.text`.
    #[error("the object has no program: no function is in a section that names a hook")]
    NoPrograms,
    /// A section name that is no hook.
    #[error("program \"{program}\": {source}; for example \"tracepoint/…\", \"kprobe/…\", \"xdp\"")]
    UnknownSection {
        program: String,
        source: UnknownSection,
    },
    /// A program that a loader can't see.
    #[error("program \"{program}\" in section \"{section}\" is static; a program is not")]
    StaticProgram { section: String, program: String },
    /// A function that its section does not hold.
    #[error(
        "function \"{function}\" has {bytes} bytes at {offset}, its section has {section_bytes}"
    )]
    FunctionOutside {
        function: String,
        offset: u64,
        bytes: u64,
        section_bytes: usize,
    },
    /// A function that is not made of whole instructions.
    #[error(
        "function \"{function}\" has {bytes} bytes at {offset}; both are multiples of 8, not 0 long"
    )]
    FunctionMisaligned {
        function: String,
        offset: u64,
        bytes: u64,
    },
    /// Two functions that share instructions.
    #[error("functions \"{first}\" and \"{second}\" overlap")]
    FunctionsOverlap { first: String, second: String },
    /// Calls that take too long to follow.
    #[error("following calls from every program takes more than {max} steps")]
    CallGraphTooLarge { max: usize },
    /// Map definitions of the time before BTF.
    #[error(
        "maps are defined in section \"maps\", which libbpf 1.0 and later refuse: define them in \
         section \".maps\" with BTF"
    )]
    LegacyMaps,
    /// Map definitions without the types that carry their values.
    #[error(
        "maps are defined in section \".maps\", but the object has no BTF about it: compile with -g"
    )]
    MapsWithoutBtf,
    /// A map definition that libbpf refuses.
    #[error("map \"{map}\", field \"{field}\" breaks the rule \"{rule}\"")]
    MapMalformed {
        map: String,
        field: String,
        rule: &'static str,
    },
    /// Two sizes for one thing.
    #[error("map \"{map}\" gives its {what} two sizes: {one} and {other} bytes")]
    MapSizes {
        map: String,
        what: &'static str,
        one: u32,
        other: u32,
    },
    /// A data section beyond its bound.
    #[error("section \"{section}\" has {bytes} bytes of variables, at most {max} are loaded")]
    DataSectionTooLarge {
        section: String,
        bytes: u64,
        max: u32,
    },
    /// Two data sections of one name, which would be one map.
    #[error("the object has two sections named \"{section}\"")]
    SectionTwice { section: String },
    /// A variable that its section does not hold.
    #[error(
        "variable \"{variable}\" has {bytes} bytes at {offset}, its section \"{section}\" has \
         {section_bytes}"
    )]
    GlobalOutside {
        variable: String,
        offset: u64,
        bytes: u64,
        section: String,
        section_bytes: u64,
    },
}
