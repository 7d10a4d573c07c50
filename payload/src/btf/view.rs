//! Decoded views of type records: what a type is, without knowing bytes. Called by everybody who
//! asks a `Btf` about its types. Must never copy: a view borrows the record and decodes on the way.

use super::record::{HEADER_BYTES, Header, Kind, word};
use super::{Btf, TypeId};

/// One type.
#[derive(Clone, Copy, Debug)]
pub enum Type<'a> {
    /// `void`.
    Void,
    /// An integer, a character or a boolean.
    Int(Int),
    /// A pointer to this type.
    Ptr(TypeId),
    /// An array of one dimension.
    Array {
        /// Type of the elements.
        element: TypeId,
        /// Number of elements; 0 for a flexible array member.
        count: u32,
    },
    /// A struct.
    Struct(Composite<'a>),
    /// A union.
    Union(Composite<'a>),
    /// An enumeration of up to 64 bits.
    Enum(Enumeration<'a>),
    /// A struct or union that is declared but not defined.
    Fwd {
        /// Whether it is a union.
        union: bool,
    },
    /// Another name for this type.
    Typedef(TypeId),
    /// This type, `volatile`.
    Volatile(TypeId),
    /// This type, `const`.
    Const(TypeId),
    /// This type, `restrict`.
    Restrict(TypeId),
    /// A function.
    Func {
        /// Its signature, always a [`Type::FuncProto`].
        proto: TypeId,
        /// Who sees it.
        linkage: Linkage,
    },
    /// A function's signature.
    FuncProto(FuncProto<'a>),
    /// A variable.
    Var {
        /// Its type.
        of: TypeId,
        /// Who sees it.
        linkage: Linkage,
    },
    /// An ELF section and what is in it.
    DataSec(Datasec<'a>),
    /// A floating-point number of this many bytes.
    Float(u32),
    /// An attribute of a declaration; the tag's text is the type's name.
    DeclTag {
        /// What is tagged.
        of: TypeId,
        /// The member or argument that is tagged; none for the whole of it.
        component: Option<u32>,
    },
    /// An attribute of a type; the tag's text is the type's name.
    TypeTag(TypeId),
}

/// An integer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Int {
    /// Bytes it is stored in.
    pub bytes: u32,
    /// Where its bits begin, counted from its first bit; 0 but for old bit fields.
    pub bit_offset: u32,
    /// How many bits it has.
    pub bits: u32,
    /// Whether it has a sign.
    pub signed: bool,
    /// Whether it is declared to be a character (clang never does, other compilers may).
    pub character: bool,
    /// Whether it is a boolean.
    pub boolean: bool,
}

/// Who sees a function or a variable (uapi/linux/btf.h, `BTF_FUNC_*` and `BTF_VAR_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Linkage {
    /// Its file.
    Static,
    /// The whole object.
    Global,
    /// Defined elsewhere: the kernel's configuration, or its functions.
    Extern,
}

impl Linkage {
    fn of(number: u32) -> Linkage {
        match number {
            0 => Linkage::Static,
            1 => Linkage::Global,
            _ => Linkage::Extern,
        }
    }
}

/// A struct or a union.
#[derive(Clone, Copy, Debug)]
pub struct Composite<'a> {
    btf: &'a Btf,
    record: &'a [u8],
    /// Its size in bytes.
    pub bytes: u32,
}

/// One member of a struct or union.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member<'a> {
    /// Its name; empty for an anonymous struct or union.
    pub name: &'a str,
    /// Its type.
    pub of: TypeId,
    /// Where it begins, in bits from the start of the struct.
    pub bit_offset: u32,
    /// Its width if it is a bit field of a struct with the kind flag, else 0. (An old bit field
    /// has an [`Int`] with fewer bits than its bytes hold instead.)
    pub bit_field_bits: u32,
}

/// An enumeration.
#[derive(Clone, Copy, Debug)]
pub struct Enumeration<'a> {
    btf: &'a Btf,
    record: &'a [u8],
    /// Its size in bytes: 1, 2, 4 or 8.
    pub bytes: u32,
    /// Whether its values have a sign.
    pub signed: bool,
}

/// A function's signature.
#[derive(Clone, Copy, Debug)]
pub struct FuncProto<'a> {
    btf: &'a Btf,
    record: &'a [u8],
    /// What it returns.
    pub returns: TypeId,
}

/// An ELF section.
#[derive(Clone, Copy, Debug)]
pub struct Datasec<'a> {
    record: &'a [u8],
    /// Its size in bytes; clang leaves 0, libbpf fills it in.
    pub bytes: u32,
}

/// One variable of a section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Variable {
    /// The [`Type::Var`], or in `.ksyms` the [`Type::Func`].
    pub of: TypeId,
    /// Where it begins; clang before 15 leaves 0 (the symbol table tells).
    pub offset: u32,
    /// Its size in bytes.
    pub bytes: u32,
}

impl<'a> Type<'a> {
    /// Decodes a record that `Btf::parse` has checked.
    pub(super) fn of(btf: &'a Btf, record: &'a [u8]) -> Type<'a> {
        let Header {
            kind,
            flag,
            vlen,
            size_or_type,
            ..
        } = Header::of_checked(record);
        let to = TypeId(size_or_type);
        let tail = word(record, HEADER_BYTES);
        match kind {
            Kind::Void => Type::Void,
            Kind::Int => Type::Int(Int::of(size_or_type, tail)),
            Kind::Ptr => Type::Ptr(to),
            Kind::Array => Type::Array {
                element: TypeId(tail),
                count: word(record, HEADER_BYTES + 8),
            },
            Kind::Struct => Type::Struct(Composite {
                btf,
                record,
                bytes: size_or_type,
            }),
            Kind::Union => Type::Union(Composite {
                btf,
                record,
                bytes: size_or_type,
            }),
            Kind::Enum | Kind::Enum64 => Type::Enum(Enumeration {
                btf,
                record,
                bytes: size_or_type,
                signed: flag,
            }),
            Kind::Fwd => Type::Fwd { union: flag },
            Kind::Typedef => Type::Typedef(to),
            Kind::Volatile => Type::Volatile(to),
            Kind::Const => Type::Const(to),
            Kind::Restrict => Type::Restrict(to),
            Kind::Func => Type::Func {
                proto: to,
                linkage: Linkage::of(u32::from(vlen)),
            },
            Kind::FuncProto => Type::FuncProto(FuncProto {
                btf,
                record,
                returns: to,
            }),
            Kind::Var => Type::Var {
                of: to,
                linkage: Linkage::of(tail),
            },
            Kind::DataSec => Type::DataSec(Datasec {
                record,
                bytes: size_or_type,
            }),
            Kind::Float => Type::Float(size_or_type),
            // -1 stands for the whole declaration.
            Kind::DeclTag => Type::DeclTag {
                of: to,
                component: Some(tail).filter(|&c| c >> 31 == 0),
            },
            Kind::TypeTag => Type::TypeTag(to),
        }
    }
}

impl Int {
    fn of(bytes: u32, word: u32) -> Int {
        let encoding = word >> 24;
        Int {
            bytes,
            bit_offset: (word >> 16) & 0xff,
            bits: word & 0xff,
            signed: encoding & 1 != 0,
            character: encoding & 2 != 0,
            boolean: encoding & 4 != 0,
        }
    }
}

/// The elements behind the header, `bytes` each.
fn elements(record: &[u8], bytes: usize) -> impl ExactSizeIterator<Item = &[u8]> {
    record
        .get(HEADER_BYTES..)
        .unwrap_or_default()
        .chunks_exact(bytes)
}

impl<'a> Composite<'a> {
    /// Its members, in the order of the source.
    #[must_use]
    pub fn members(&self) -> impl ExactSizeIterator<Item = Member<'a>> + use<'a> {
        let (btf, flag) = (self.btf, Header::of_checked(self.record).flag);
        elements(self.record, 12).map(move |member| {
            let offset = word(member, 8);
            Member {
                name: btf.string(word(member, 0)),
                of: TypeId(word(member, 4)),
                bit_offset: if flag { offset & 0x00ff_ffff } else { offset },
                bit_field_bits: if flag { offset >> 24 } else { 0 },
            }
        })
    }
}

impl<'a> Enumeration<'a> {
    /// Names and values, in the order of the source. A negative value is sign-extended to 64 bits
    /// if the enumeration is signed.
    #[must_use]
    pub fn values(&self) -> impl ExactSizeIterator<Item = (&'a str, u64)> + use<'a> {
        let (btf, signed) = (self.btf, self.signed);
        let wide = Header::of_checked(self.record).kind == Kind::Enum64;
        elements(self.record, if wide { 12 } else { 8 }).map(move |value| {
            let low = word(value, 4);
            let number = match (wide, signed) {
                (true, _) => u64::from(word(value, 8)) << 32 | u64::from(low),
                (false, true) => i64::from(low.cast_signed()).cast_unsigned(),
                (false, false) => u64::from(low),
            };
            (btf.string(word(value, 0)), number)
        })
    }
}

impl<'a> FuncProto<'a> {
    /// Names and types of its parameters. A last one without name and of type void stands for
    /// variable arguments.
    #[must_use]
    pub fn parameters(&self) -> impl ExactSizeIterator<Item = (&'a str, TypeId)> + use<'a> {
        let btf = self.btf;
        elements(self.record, 8)
            .map(move |parameter| (btf.string(word(parameter, 0)), TypeId(word(parameter, 4))))
    }
}

impl<'a> Datasec<'a> {
    /// What is in the section, in the order of the record.
    #[must_use]
    pub fn variables(&self) -> impl ExactSizeIterator<Item = Variable> + use<'a> {
        elements(self.record, 12).map(|variable| Variable {
            of: TypeId(word(variable, 0)),
            offset: word(variable, 4),
            bytes: word(variable, 8),
        })
    }
}
