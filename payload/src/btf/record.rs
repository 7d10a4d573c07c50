//! The shape of one BTF type record: how long it is and where in it names and types are referred
//! to. Called by the parser, by the views and by whoever copies records into another BTF.
//! Must never trust a length it has not compared with the bytes at hand.

use super::{BtfError, TypeId};

/// Bytes of `struct btf_type` (uapi/linux/btf.h): name offset, info word, size or type.
pub const HEADER_BYTES: usize = 12;

/// Bits of the info word that mean something: kind flag, kind, vlen (uapi/linux/btf.h,
/// `BTF_INFO_KFLAG`, `BTF_INFO_KIND`, `BTF_INFO_VLEN`).
const INFO_BITS: u32 = 0x9f00_ffff;

/// The kinds of BTF types, numbered as in uapi/linux/btf.h (`BTF_KIND_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Kind {
    /// Type 0, which has no record.
    Void = 0,
    /// An integer, a character or a boolean.
    Int = 1,
    /// A pointer.
    Ptr = 2,
    /// An array of one dimension.
    Array = 3,
    /// A struct.
    Struct = 4,
    /// A union.
    Union = 5,
    /// An enumeration whose values fit in 32 bits.
    Enum = 6,
    /// A struct or union that is declared but not defined.
    Fwd = 7,
    /// A typedef.
    Typedef = 8,
    /// `volatile`.
    Volatile = 9,
    /// `const`.
    Const = 10,
    /// `restrict`.
    Restrict = 11,
    /// A function; its type is a [`Kind::FuncProto`].
    Func = 12,
    /// A function's signature.
    FuncProto = 13,
    /// A variable.
    Var = 14,
    /// An ELF section with its variables (or, for `.ksyms`, functions).
    DataSec = 15,
    /// A floating-point number.
    Float = 16,
    /// `__attribute__((btf_decl_tag))`.
    DeclTag = 17,
    /// `__attribute__((btf_type_tag))`.
    TypeTag = 18,
    /// An enumeration with a value beyond 32 bits.
    Enum64 = 19,
}

impl Kind {
    const ALL: [Kind; 20] = [
        Kind::Void,
        Kind::Int,
        Kind::Ptr,
        Kind::Array,
        Kind::Struct,
        Kind::Union,
        Kind::Enum,
        Kind::Fwd,
        Kind::Typedef,
        Kind::Volatile,
        Kind::Const,
        Kind::Restrict,
        Kind::Func,
        Kind::FuncProto,
        Kind::Var,
        Kind::DataSec,
        Kind::Float,
        Kind::DeclTag,
        Kind::TypeTag,
        Kind::Enum64,
    ];

    /// The kind that has this number, if there is one.
    #[must_use]
    pub fn of(number: u32) -> Option<Kind> {
        Kind::ALL.get(usize::try_from(number).ok()?).copied()
    }

    /// Whether a type of this kind only renames or qualifies another one: typedef, const,
    /// volatile, restrict and type tags.
    #[must_use]
    pub fn is_modifier(self) -> bool {
        matches!(
            self,
            Kind::Typedef | Kind::Volatile | Kind::Const | Kind::Restrict | Kind::TypeTag
        )
    }

    /// Whether something may be declared with a type of this kind; false for what only describes
    /// declarations (functions, variables, sections, declaration tags).
    #[must_use]
    pub fn is_type(self) -> bool {
        !matches!(self, Kind::Func | Kind::Var | Kind::DataSec | Kind::DeclTag)
    }
}

/// What the 16-bit vlen of the info word means.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Vlen {
    /// Must be 0.
    Unused,
    /// Number of elements behind the header.
    Elements,
    /// Linkage of a function, 0 to 2.
    Linkage,
}

/// What follows the header of a record of one kind, and which of its words refer elsewhere.
#[derive(Clone, Copy)]
struct Shape {
    /// The third word of the header is a type, not a size.
    refers: bool,
    /// The kind flag may be set.
    flag: bool,
    vlen: Vlen,
    /// Bytes behind the header that do not depend on vlen.
    tail: usize,
    /// Bytes of each element; elements begin with a name unless `each_named` is false.
    each: usize,
    each_named: bool,
    /// Where in an element its type stands.
    each_type_at: Option<usize>,
}

const PLAIN: Shape = Shape {
    refers: false,
    flag: false,
    vlen: Vlen::Unused,
    tail: 0,
    each: 0,
    each_named: false,
    each_type_at: None,
};
const REFERRING: Shape = Shape {
    refers: true,
    ..PLAIN
};
const NAMED_ELEMENTS: Shape = Shape {
    vlen: Vlen::Elements,
    each_named: true,
    flag: true,
    ..PLAIN
};

/// uapi/linux/btf.h, the structs that follow `struct btf_type` by kind.
fn shape(kind: Kind) -> Shape {
    match kind {
        Kind::Void | Kind::Float => PLAIN,
        Kind::Int => Shape { tail: 4, ..PLAIN },
        Kind::Ptr | Kind::Typedef | Kind::Volatile | Kind::Const | Kind::Restrict => REFERRING,
        Kind::Array => Shape { tail: 12, ..PLAIN },
        Kind::Struct | Kind::Union => Shape {
            each: 12,
            each_type_at: Some(4),
            ..NAMED_ELEMENTS
        },
        Kind::Enum => Shape {
            each: 8,
            ..NAMED_ELEMENTS
        },
        Kind::Enum64 => Shape {
            each: 12,
            ..NAMED_ELEMENTS
        },
        Kind::Fwd => Shape {
            flag: true,
            ..PLAIN
        },
        Kind::Func => Shape {
            vlen: Vlen::Linkage,
            ..REFERRING
        },
        Kind::FuncProto => Shape {
            refers: true,
            flag: false,
            each: 8,
            each_type_at: Some(4),
            ..NAMED_ELEMENTS
        },
        Kind::Var => Shape {
            tail: 4,
            ..REFERRING
        },
        Kind::DataSec => Shape {
            vlen: Vlen::Elements,
            each: 12,
            each_type_at: Some(0),
            ..PLAIN
        },
        // The flag says "any attribute, not only a tag" since kernel commit 53ee0d66d7a6.
        Kind::DeclTag => Shape {
            tail: 4,
            flag: true,
            ..REFERRING
        },
        Kind::TypeTag => Shape {
            flag: true,
            ..REFERRING
        },
    }
}

/// The 32-bit word at byte `at`, 0 where there is none. Callers stay inside checked records; the
/// 0 only keeps a mistake from becoming a panic.
#[must_use]
pub fn word(bytes: &[u8], at: usize) -> u32 {
    at.checked_add(4)
        .and_then(|end| bytes.get(at..end))
        .and_then(|four| four.try_into().ok())
        .map_or(0, u32::from_le_bytes)
}

/// The fixed part of a record, decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Offset of the name in the string section.
    pub name_at: u32,
    /// The kind.
    pub kind: Kind,
    /// The kind flag, bit 31 of the info word.
    pub flag: bool,
    /// Number of elements (for a function: its linkage).
    pub vlen: u16,
    /// Size in bytes or a type, depending on the kind.
    pub size_or_type: u32,
}

impl Header {
    /// Reads the header of the record at the start of `bytes`, which belongs to type `id`.
    pub(super) fn read(id: TypeId, bytes: &[u8]) -> Result<Header, BtfError> {
        if bytes.len() < HEADER_BYTES {
            return Err(BtfError::RecordCutOff {
                id,
                needed: HEADER_BYTES,
                left: bytes.len(),
            });
        }
        let info = word(bytes, 4);
        let number = (info >> 24) & 0x1f;
        let kind = match Kind::of(number) {
            None | Some(Kind::Void) => return Err(BtfError::KindUnknown { id, number }),
            Some(kind) => kind,
        };
        let header = Header::of_checked(bytes);
        let form = shape(kind);
        let vlen_fits = match form.vlen {
            Vlen::Unused => header.vlen == 0,
            Vlen::Elements => true,
            Vlen::Linkage => header.vlen <= 2,
        };
        if info & !INFO_BITS != 0 || (header.flag && !form.flag) || !vlen_fits {
            return Err(BtfError::InfoInvalid { id, kind, info });
        }
        Ok(header)
    }

    /// Reads the header of a record that [`Header::read`] has accepted before.
    pub(super) fn of_checked(bytes: &[u8]) -> Header {
        let info = word(bytes, 4);
        Header {
            name_at: word(bytes, 0),
            kind: Kind::of((info >> 24) & 0x1f).unwrap_or(Kind::Void),
            flag: info >> 31 == 1,
            vlen: u16::try_from(info & 0xffff).unwrap_or(0),
            size_or_type: word(bytes, 8),
        }
    }

    /// Bytes of the whole record.
    #[must_use]
    pub fn record_bytes(&self) -> usize {
        let form = shape(self.kind);
        HEADER_BYTES + form.tail + form.each * usize::from(self.vlen)
    }

    /// Bytes of each element behind the header; 0 for kinds without.
    #[must_use]
    pub fn element_bytes(&self) -> usize {
        shape(self.kind).each
    }
}

/// A word of a record that refers to something outside of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reference {
    /// An offset into the string section, at this byte of the record.
    Name(usize),
    /// A type's number, at this byte of the record.
    Type(usize),
}

/// Calls `found` for every word of the record that is a name or a type, in no promised order.
/// Whoever copies a record into another BTF must rewrite exactly these words.
///
/// # Errors
/// The first error that `found` returns.
pub fn references<E>(
    header: &Header,
    mut found: impl FnMut(Reference) -> Result<(), E>,
) -> Result<(), E> {
    let form = shape(header.kind);
    found(Reference::Name(0))?;
    if form.refers {
        found(Reference::Type(8))?;
    }
    if header.kind == Kind::Array {
        found(Reference::Type(HEADER_BYTES))?;
        found(Reference::Type(HEADER_BYTES + 4))?;
    }
    if form.vlen == Vlen::Elements {
        let first = HEADER_BYTES + form.tail;
        for element in 0..usize::from(header.vlen) {
            let at = first + element * form.each;
            if form.each_named {
                found(Reference::Name(at))?;
            }
            if let Some(type_at) = form.each_type_at {
                found(Reference::Type(at + type_at))?;
            }
        }
    }
    Ok(())
}
