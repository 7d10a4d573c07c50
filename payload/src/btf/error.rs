//! What can be wrong with BTF bytes. Raised by the parser only: a parsed `Btf` answers every
//! question without failing. Must never be given a name or number that was not in the input.

use super::{Kind, TypeId};

/// A rule that BTF bytes break.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BtfError {
    /// More bytes than are ever read.
    #[error("BTF has {bytes} bytes, at most {max} are read")]
    TooLarge {
        /// Bytes given.
        bytes: usize,
        /// Bytes accepted.
        max: usize,
    },
    /// Shorter than a header.
    #[error("BTF has {bytes} bytes, its header alone needs {needed}")]
    HeaderCutOff {
        /// Bytes given.
        bytes: usize,
        /// Bytes the header needs.
        needed: usize,
    },
    /// Written for a big-endian machine.
    #[error("BTF is big-endian; only little-endian BTF is read: build with -target bpfel")]
    BigEndian,
    /// Does not begin with the magic number.
    #[error("BTF begins with {found:#06x} instead of its magic number 0xeb9f")]
    MagicWrong {
        /// The 16-bit number found.
        found: u16,
    },
    /// A version or flags of the future.
    #[error("BTF has version {version} and flags {flags:#x}; version 1 without flags is read")]
    VersionUnknown {
        /// Version found.
        version: u8,
        /// Flags found.
        flags: u8,
    },
    /// A section that the bytes do not hold.
    #[error("BTF's {section} section is at {at} with {length} bytes, but there are {bytes} in all")]
    SectionOutside {
        /// "type" or "string".
        section: &'static str,
        /// First byte, counted from the start of the BTF.
        at: u64,
        /// Its length in bytes.
        length: u32,
        /// Bytes of the BTF.
        bytes: usize,
    },
    /// Types and strings share bytes, or types begin at an odd place.
    #[error(
        "BTF's type section (offset {types_at}, {types_length} bytes) is not aligned to 4 or meets \
         the string section (offset {strings_at}, {strings_length} bytes)"
    )]
    SectionsMisplaced {
        /// Offset of the types behind the header.
        types_at: u32,
        /// Bytes of types.
        types_length: u32,
        /// Offset of the strings behind the header.
        strings_at: u32,
        /// Bytes of strings.
        strings_length: u32,
    },
    /// The string section does not begin and end with NUL.
    #[error("BTF's string section of {length} bytes does not begin and end with NUL")]
    StringsUnterminated {
        /// Its length in bytes.
        length: usize,
    },
    /// The string section holds something that is no text.
    #[error("BTF's string section is not UTF-8 at byte {at}")]
    StringsNotText {
        /// First bad byte of the section.
        at: usize,
    },
    /// A string so long that many types sharing it would make every question slow.
    #[error("BTF has a name of {bytes} bytes, at most {max} are accepted")]
    NameTooLong {
        /// The longest name, in bytes.
        bytes: usize,
        /// Bytes accepted.
        max: usize,
    },
    /// More types than the kernel would number.
    #[error("BTF has more than {max} types")]
    TooManyTypes {
        /// Types accepted.
        max: usize,
    },
    /// A record longer than what is left of the type section.
    #[error("BTF type {id} needs {needed} bytes, {left} are left in the type section")]
    RecordCutOff {
        /// The type.
        id: TypeId,
        /// Bytes it needs.
        needed: usize,
        /// Bytes left.
        left: usize,
    },
    /// A kind of the future, or 0.
    #[error("BTF type {id} is of kind {number}; kinds 1 to 19 are known")]
    KindUnknown {
        /// The type.
        id: TypeId,
        /// Its kind's number.
        number: u32,
    },
    /// Reserved bits, a kind flag or a vlen that the kind does not have.
    #[error("BTF type {id} ({kind:?}) has the info word {info:#010x}, which its kind cannot have")]
    InfoInvalid {
        /// The type.
        id: TypeId,
        /// Its kind.
        kind: Kind,
        /// The whole info word.
        info: u32,
    },
    /// A name outside of the string section, or inside of a character.
    #[error("BTF type {id} names the string at {at}; the string section has {length} bytes")]
    NameOutside {
        /// The type.
        id: TypeId,
        /// Offset it names.
        at: u32,
        /// Bytes of the string section.
        length: usize,
    },
    /// A reference to a type that is not there.
    #[error("BTF type {id} refers to type {to}; the last one is {last}")]
    TypeOutside {
        /// The type.
        id: TypeId,
        /// What it refers to.
        to: TypeId,
        /// The highest number there is.
        last: TypeId,
    },
    /// A reference to a type of a kind that cannot stand there.
    #[error("BTF type {id} ({kind:?}) refers to type {to}, which is a {to_kind:?}")]
    ReferenceInvalid {
        /// The type.
        id: TypeId,
        /// Its kind.
        kind: Kind,
        /// What it refers to.
        to: TypeId,
        /// The kind of that.
        to_kind: Kind,
    },
    /// A size that the kind cannot have.
    #[error("BTF type {id} ({kind:?}) has the size {size}, which its kind cannot have")]
    SizeInvalid {
        /// The type.
        id: TypeId,
        /// Its kind.
        kind: Kind,
        /// Its size in bytes.
        size: u32,
    },
    /// An integer whose bits do not fit its bytes, or of an unknown encoding.
    #[error(
        "BTF type {id} is an integer of {size} bytes described by {word:#010x}, which is invalid"
    )]
    IntInvalid {
        /// The type.
        id: TypeId,
        /// Its size in bytes.
        size: u32,
        /// Encoding, offset and bits.
        word: u32,
    },
    /// A member that begins behind the end of its struct.
    #[error("BTF type {id} has {size} bytes, its member {member} begins at bit {bit_offset}")]
    MemberOutside {
        /// The struct or union.
        id: TypeId,
        /// Its size in bytes.
        size: u32,
        /// The member, counted from 0.
        member: usize,
        /// Where it begins.
        bit_offset: u32,
    },
    /// A type that holds itself, or holds types that hold types … without a pointer between.
    #[error("BTF type {id} contains itself, or others more than {max} deep")]
    TooDeep {
        /// The type.
        id: TypeId,
        /// Levels accepted.
        max: u8,
    },
}
