//! BTF: the types of a BPF object or of a kernel, read from bytes once and then asked by number or
//! by name. Called by the inspection of objects, the event decoder and the cut of a kernel's BTF.
//! Must never believe a byte it has not checked: what `parse` lets through cannot fail later.

pub mod agree;
mod check;
pub mod cut;
mod error;
mod fields;
mod index;
pub mod layout;
pub mod record;
mod view;

use std::fmt;
use std::ops::Range;
use std::sync::OnceLock;

pub use error::BtfError;
pub use fields::FieldPlace;
pub use index::essential_name;
pub use record::Kind;
pub use view::{Composite, Datasec, Enumeration, FuncProto, Int, Linkage, Member, Type, Variable};

use crate::limits::{BTF_BYTES_MAX, BTF_NAME_BYTES_MAX, BTF_TYPES_MAX};
use index::Index;
use record::{HEADER_BYTES, Header, word};

/// Bytes of `struct btf_header` up to and with `str_len` (uapi/linux/btf.h).
pub const FILE_HEADER_BYTES: usize = 24;
/// `BTF_MAGIC` (uapi/linux/btf.h).
pub const MAGIC: u16 = 0xeb9f;
/// Bytes of a pointer in BPF code and on every kernel that Marrow runs on.
pub const POINTER_BYTES: u64 = 8;

/// The number of a type within one BTF; 0 is void.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TypeId(pub u32);

impl TypeId {
    /// Type 0.
    pub const VOID: TypeId = TypeId(0);
}

impl fmt::Display for TypeId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

/// Checked BTF: its type records, its strings and where each record begins.
#[derive(Clone)]
pub struct Btf {
    types: Vec<u8>,
    strings: String,
    /// Where type 1, 2, … begins in `types`, and at last where the final one ends.
    starts: Vec<u32>,
    /// Types by name, built when a name is first asked for.
    index: OnceLock<Index>,
}

impl Btf {
    /// Reads little-endian BTF: the content of an ELF section `.BTF` or of
    /// `/sys/kernel/btf/vmlinux`. The format is `Documentation/bpf/btf.rst` of the kernel.
    ///
    /// Bytes behind the header's known fields and between or behind the two sections are ignored,
    /// as libbpf does, because newer kernels put other sections there.
    ///
    /// # Errors
    /// The first broken rule, see [`BtfError`].
    pub fn parse(mut bytes: Vec<u8>) -> Result<Btf, BtfError> {
        let sections = Sections::find(&bytes)?;
        let strings = bytes.get(sections.strings).unwrap_or_default().to_vec();
        let strings = String::from_utf8(strings).map_err(|error| BtfError::StringsNotText {
            at: error.utf8_error().valid_up_to(),
        })?;
        if !(strings.starts_with('\0') && strings.ends_with('\0')) {
            return Err(BtfError::StringsUnterminated {
                length: strings.len(),
            });
        }
        let longest = strings.split('\0').map(str::len).max().unwrap_or(0);
        if longest > BTF_NAME_BYTES_MAX {
            return Err(BtfError::NameTooLong {
                bytes: longest,
                max: BTF_NAME_BYTES_MAX,
            });
        }
        bytes.truncate(sections.types.end);
        bytes.drain(..sections.types.start);
        let starts = find_records(&bytes)?;
        let btf = Btf {
            types: bytes,
            strings,
            starts,
            index: OnceLock::new(),
        };
        check::all_types(&btf)?;
        Ok(btf)
    }

    /// Number of types, void not counted: types 1 to this number exist.
    #[must_use]
    pub fn types(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }

    /// The highest type number; void in an empty BTF.
    #[must_use]
    pub fn last(&self) -> TypeId {
        TypeId(u32::try_from(self.types()).unwrap_or(u32::MAX))
    }

    /// All type numbers from 1, ascending.
    pub fn ids(&self) -> impl DoubleEndedIterator<Item = TypeId> + use<> {
        (1..=self.last().0).map(TypeId)
    }

    /// The bytes of a type's record, header and all; none for void and for numbers that do not
    /// exist. [`record::references`] tells which of its words refer to other things.
    #[must_use]
    pub fn raw(&self, id: TypeId) -> &[u8] {
        let Ok(number) = usize::try_from(id.0) else {
            return &[];
        };
        let Some(before) = number.checked_sub(1) else {
            return &[];
        };
        match (self.starts.get(before), self.starts.get(number)) {
            (Some(&start), Some(&end)) => self
                .types
                .get(usize_of(start)..usize_of(end))
                .unwrap_or_default(),
            _ => &[],
        }
    }

    /// The fixed part of a type's record; [`Kind::Void`] for numbers that do not exist.
    #[must_use]
    pub fn header(&self, id: TypeId) -> Header {
        Header::of_checked(self.raw(id))
    }

    /// A type's kind; [`Kind::Void`] for numbers that do not exist.
    #[must_use]
    pub fn kind(&self, id: TypeId) -> Kind {
        Kind::of((word(self.raw(id), 4) >> 24) & 0x1f).unwrap_or(Kind::Void)
    }

    /// A type, decoded; void for numbers that do not exist.
    #[must_use]
    pub fn type_at(&self, id: TypeId) -> Type<'_> {
        Type::of(self, self.raw(id))
    }

    /// A type's name; empty for what has none.
    #[must_use]
    pub fn name(&self, id: TypeId) -> &str {
        self.string(word(self.raw(id), 0))
    }

    /// The string section: NUL-terminated names, the first one empty.
    #[must_use]
    pub fn strings(&self) -> &str {
        &self.strings
    }

    /// The string that begins at `at` in the string section; empty if there is none.
    #[must_use]
    pub fn string(&self, at: u32) -> &str {
        let from = self.strings.get(usize_of(at)..).unwrap_or_default();
        from.split_once('\0').map_or("", |(name, _)| name)
    }

    /// All types of this name, ascending.
    pub fn by_name<'a>(&'a self, name: &'a str) -> impl Iterator<Item = TypeId> + 'a {
        self.by_essential_name(essential_name(name))
            .filter(move |&id| self.name(id) == name)
    }

    /// All types whose name without its flavour (see [`essential_name`]) is `name`, ascending.
    pub fn by_essential_name<'a>(&'a self, name: &'a str) -> impl Iterator<Item = TypeId> + 'a {
        self.index
            .get_or_init(|| Index::new(self))
            .candidates(name)
            .filter(move |&id| essential_name(self.name(id)) == name)
    }

    /// The first type of this kind and name.
    #[must_use]
    pub fn find(&self, kind: Kind, name: &str) -> Option<TypeId> {
        self.by_name(name).find(|&id| self.kind(id) == kind)
    }

    /// The type behind typedefs, const, volatile, restrict and type tags.
    #[must_use]
    pub fn resolve(&self, mut id: TypeId) -> TypeId {
        // `parse` has refused endless chains.
        while self.kind(id).is_modifier() {
            id = TypeId(word(self.raw(id), 8));
        }
        id
    }

    /// Bytes that a value of this type takes; for a section its declared size. None for what has
    /// no size: void, functions, forward declarations, or more than 2^64 bytes.
    #[must_use]
    pub fn size_of(&self, id: TypeId) -> Option<u64> {
        let mut id = id;
        let mut times = 1_u64;
        loop {
            let header = self.header(id);
            let one = match header.kind {
                Kind::Int
                | Kind::Struct
                | Kind::Union
                | Kind::Enum
                | Kind::Enum64
                | Kind::Float
                | Kind::DataSec => u64::from(header.size_or_type),
                Kind::Ptr => POINTER_BYTES,
                Kind::Array => {
                    let record = self.raw(id);
                    times = times.checked_mul(u64::from(word(record, HEADER_BYTES + 8)))?;
                    id = TypeId(word(record, HEADER_BYTES));
                    continue;
                }
                Kind::Var => {
                    id = TypeId(header.size_or_type);
                    continue;
                }
                kind if kind.is_modifier() => {
                    id = TypeId(header.size_or_type);
                    continue;
                }
                _ => return None,
            };
            return one.checked_mul(times);
        }
    }
}

impl fmt::Debug for Btf {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the content: it is megabytes.
        out.debug_struct("Btf")
            .field("types", &self.types())
            .field("string_bytes", &self.strings.len())
            .finish_non_exhaustive()
    }
}

impl PartialEq for Btf {
    fn eq(&self, other: &Btf) -> bool {
        self.types == other.types && self.strings == other.strings
    }
}

impl Eq for Btf {}

/// Where the two sections are, in bytes of the whole BTF.
struct Sections {
    types: Range<usize>,
    strings: Range<usize>,
}

impl Sections {
    fn find(bytes: &[u8]) -> Result<Sections, BtfError> {
        if bytes.len() > BTF_BYTES_MAX {
            return Err(BtfError::TooLarge {
                bytes: bytes.len(),
                max: BTF_BYTES_MAX,
            });
        }
        if let Some(&[first, second]) = bytes.get(..2) {
            let found = u16::from_le_bytes([first, second]);
            if found == MAGIC.swap_bytes() {
                return Err(BtfError::BigEndian);
            }
            if found != MAGIC {
                return Err(BtfError::MagicWrong { found });
            }
        }
        let header_bytes = usize_of(word(bytes, 4)).max(FILE_HEADER_BYTES);
        if bytes.len() < header_bytes {
            return Err(BtfError::HeaderCutOff {
                bytes: bytes.len(),
                needed: header_bytes,
            });
        }
        let (version, flags) = (bytes.get(2).copied(), bytes.get(3).copied());
        if (version, flags) != (Some(1), Some(0)) {
            let (version, flags) = (version.unwrap_or(0), flags.unwrap_or(0));
            return Err(BtfError::VersionUnknown { version, flags });
        }
        let [types_at, types_length, strings_at, strings_length] =
            [8, 12, 16, 20].map(|at| word(bytes, at));
        let types = section("type", bytes, header_bytes, types_at, types_length)?;
        let strings = section("string", bytes, header_bytes, strings_at, strings_length)?;
        let apart = types.end <= strings.start || strings.end <= types.start;
        if !types_at.is_multiple_of(4) || !apart {
            return Err(BtfError::SectionsMisplaced {
                types_at,
                types_length,
                strings_at,
                strings_length,
            });
        }
        Ok(Sections { types, strings })
    }
}

fn section(
    section: &'static str,
    bytes: &[u8],
    header_bytes: usize,
    at: u32,
    length: u32,
) -> Result<Range<usize>, BtfError> {
    let outside = || BtfError::SectionOutside {
        section,
        at: u64::try_from(header_bytes)
            .unwrap_or(u64::MAX)
            .saturating_add(u64::from(at)),
        length,
        bytes: bytes.len(),
    };
    let start = header_bytes.checked_add(usize_of(at)).ok_or_else(outside)?;
    let end = start.checked_add(usize_of(length)).ok_or_else(outside)?;
    if end > bytes.len() {
        Err(outside())
    } else {
        Ok(start..end)
    }
}

/// Where each record begins, and where the last one ends.
fn find_records(types: &[u8]) -> Result<Vec<u32>, BtfError> {
    // A vmlinux has a type for every 25 bytes or so; a guess that is wrong costs one copy.
    let mut starts = Vec::with_capacity((types.len() / 24).min(BTF_TYPES_MAX) + 1);
    let mut rest = types;
    loop {
        let at = types.len() - rest.len();
        starts.push(u32::try_from(at).unwrap_or(u32::MAX));
        if rest.is_empty() {
            return Ok(starts);
        }
        if starts.len() > BTF_TYPES_MAX {
            return Err(BtfError::TooManyTypes { max: BTF_TYPES_MAX });
        }
        let id = TypeId(u32::try_from(starts.len()).unwrap_or(u32::MAX));
        let needed = Header::read(id, rest)?.record_bytes();
        rest = match rest.get(needed..) {
            Some(behind) => behind,
            None => {
                return Err(BtfError::RecordCutOff {
                    id,
                    needed,
                    left: rest.len(),
                });
            }
        };
    }
}

/// Lossless wherever Rust's `usize` has at least 32 bits.
fn usize_of(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
