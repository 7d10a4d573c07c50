//! The CO-RE relocations of an object, from its `.BTF.ext` section.
//! Called by the inspection; the cut of the kernel's BTF goes by these records.
//! Must never be more liberal than libbpf, which ignores a section that it finds broken.
use super::{ObjectError, elf};
use crate::btf::{Btf, TypeId};
use crate::limits;

/// Layout of `struct btf_ext_header` (kernel, Documentation/bpf/btf.rst).
const MAGIC: u32 = 0xeb9f;
const HEADER_LENGTH_AT: usize = 4;
const RELOCATIONS_AT: usize = 24;
/// Header length from which on the header has the two words about relocations.
const HEADER_BYTES_WITH_RELOCATIONS: usize = 32;
const SECTION_HEADER_BYTES: usize = 8;
const RECORD_BYTES_MIN: usize = 16;

/// What a relocation asks of the kernel's types (`enum bpf_core_relo_kind`, `uapi/linux/bpf.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CoreKind {
    /// Offset of a field, bytes.
    FieldOffset,
    /// Size of a field, bytes.
    FieldSize,
    /// Whether a field exists.
    FieldExists,
    /// Whether a field is signed.
    FieldSigned,
    /// Left shift that isolates a bit field.
    FieldLeftShift,
    /// Right shift that isolates a bit field.
    FieldRightShift,
    /// Number of a type in the object's own BTF.
    TypeIdLocal,
    /// Number of a type in the kernel's BTF.
    TypeIdTarget,
    /// Whether a type exists.
    TypeExists,
    /// Size of a type, bytes.
    TypeSize,
    /// Whether a name of an enumeration exists.
    EnumeratorExists,
    /// Value of a name of an enumeration.
    EnumeratorValue,
    /// Whether a type exists and has the members that the object expects.
    TypeMatches,
}

impl CoreKind {
    const BY_NUMBER: [Self; 13] = [
        Self::FieldOffset,
        Self::FieldSize,
        Self::FieldExists,
        Self::FieldSigned,
        Self::FieldLeftShift,
        Self::FieldRightShift,
        Self::TypeIdLocal,
        Self::TypeIdTarget,
        Self::TypeExists,
        Self::TypeSize,
        Self::EnumeratorExists,
        Self::EnumeratorValue,
        Self::TypeMatches,
    ];
}

/// One place where the object depends on the layout of a kernel type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoreRelocation {
    /// Byte offset of the instruction in its section.
    pub offset: u32,
    /// The root: a type of the object's BTF that stands for the kernel's type of its name.
    pub root: TypeId,
    /// The path to a field, as indices (`0:1:2`); the index of a name for enumerations; else `0`.
    pub access: String,
    /// What is asked.
    pub kind: CoreKind,
}

/// All relocations, in the order of the section.
pub(super) fn core_relocations(
    bytes: &[u8],
    btf: &Btf,
) -> Result<Vec<CoreRelocation>, ObjectError> {
    let word = |at: usize| word(bytes, at);
    if word(0)? & 0xffff != MAGIC {
        return Err(ObjectError::ExtMalformed {
            rule: "begins with the magic number",
            at: 0,
        });
    }
    let header = size(word(HEADER_LENGTH_AT)?);
    if header < HEADER_BYTES_WITH_RELOCATIONS {
        return Ok(Vec::new());
    }
    let length = size(word(RELOCATIONS_AT + 4)?);
    if length == 0 {
        return Ok(Vec::new());
    }
    let start = header.saturating_add(size(word(RELOCATIONS_AT)?));
    let records =
        bytes
            .get(start..start.saturating_add(length))
            .ok_or(ObjectError::ExtMalformed {
                rule: "relocations lie inside the section",
                at: start,
            })?;
    read(records, btf)
}

fn read(bytes: &[u8], btf: &Btf) -> Result<Vec<CoreRelocation>, ObjectError> {
    let record_bytes = size(word(bytes, 0)?);
    if record_bytes < RECORD_BYTES_MIN || !record_bytes.is_multiple_of(4) {
        return Err(ObjectError::ExtMalformed {
            rule: "a record has 16 bytes or more",
            at: 0,
        });
    }
    let mut relocations = Vec::new();
    let mut at = 4;
    while at < bytes.len() {
        let count = size(word(bytes, at + 4)?);
        at += SECTION_HEADER_BYTES;
        let end = count
            .checked_mul(record_bytes)
            .and_then(|all| at.checked_add(all));
        let records = end
            .and_then(|end| bytes.get(at..end))
            .ok_or(ObjectError::ExtMalformed {
                rule: "records lie inside the section",
                at,
            })?;
        if relocations.len() + count > limits::CORE_RELOCATIONS_MAX {
            return Err(ObjectError::TooMany {
                what: "CO-RE relocations",
                count: relocations.len() + count,
                max: limits::CORE_RELOCATIONS_MAX,
            });
        }
        for record in records.chunks_exact(record_bytes) {
            relocations.push(relocation(record, btf)?);
        }
        at += records.len();
    }
    Ok(relocations)
}

fn relocation(record: &[u8], btf: &Btf) -> Result<CoreRelocation, ObjectError> {
    let root = TypeId(word(record, 4)?);
    let number = word(record, 12)?;
    let kind = usize::try_from(number)
        .ok()
        .and_then(|n| CoreKind::BY_NUMBER.get(n).copied());
    let kind = kind.ok_or(ObjectError::CoreKindUnknown { found: number })?;
    if root > btf.last() {
        return Err(ObjectError::CoreRootOutside {
            root: root.0,
            last: btf.last().0,
        });
    }
    let strings = btf.strings().as_bytes();
    let access = elf::text(strings, word(record, 8)?, limits::CORE_ACCESS_BYTES_MAX)?;
    Ok(CoreRelocation {
        offset: word(record, 0)?,
        root,
        access: access.to_owned(),
        kind,
    })
}

fn word(bytes: &[u8], at: usize) -> Result<u32, ObjectError> {
    at.checked_add(4)
        .and_then(|end| bytes.get(at..end))
        .and_then(|four| <[u8; 4]>::try_from(four).ok())
        .map(u32::from_le_bytes)
        .ok_or(ObjectError::ExtMalformed {
            rule: "words lie inside the section",
            at,
        })
}

fn size(word: u32) -> usize {
    usize::try_from(word).unwrap_or(usize::MAX)
}
