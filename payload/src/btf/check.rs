//! The checks that make a parsed BTF safe to walk: every name and type exists, references are of
//! a kind that can stand there, and nothing contains itself. Called once, by `Btf::parse`.
//! Must never recurse deeper than `limits::BTF_DEPTH_MAX`.

use super::record::{HEADER_BYTES, Header, Kind, Reference, references, word};
use super::{Btf, BtfError, TypeId};
use crate::limits::BTF_DEPTH_MAX;

/// Checks all types of a BTF whose records have been found to be whole.
pub(super) fn all_types(btf: &Btf) -> Result<(), BtfError> {
    for id in btf.ids() {
        let record = btf.raw(id);
        let header = Header::of_checked(record);
        references(&header, |reference| match reference {
            Reference::Name(at) => name(btf, id, word(record, at)),
            Reference::Type(at) => reference_kind(btf, id, header.kind, TypeId(word(record, at))),
        })?;
        match header.kind {
            Kind::Int => int(id, header.size_or_type, word(record, HEADER_BYTES))?,
            Kind::Float => size(id, &header, &[2, 4, 8, 12, 16])?,
            // One that is declared only; clang writes it for what is pointed to.
            Kind::Enum if header.vlen == 0 && header.size_or_type == 0 => {}
            Kind::Enum | Kind::Enum64 => size(id, &header, &[1, 2, 4, 8])?,
            Kind::Struct | Kind::Union => members(id, &header, record)?,
            _ => {}
        }
    }
    nesting(btf)
}

fn name(btf: &Btf, id: TypeId, at: u32) -> Result<(), BtfError> {
    let length = btf.strings().len();
    let inside =
        usize::try_from(at).is_ok_and(|at| at < length && btf.strings().is_char_boundary(at));
    if inside {
        Ok(())
    } else {
        Err(BtfError::NameOutside { id, at, length })
    }
}

fn reference_kind(btf: &Btf, id: TypeId, kind: Kind, to: TypeId) -> Result<(), BtfError> {
    let last = btf.last();
    if to > last {
        return Err(BtfError::TypeOutside { id, to, last });
    }
    let to_kind = btf.kind(to);
    let fits = match kind {
        Kind::Func => to_kind == Kind::FuncProto,
        // Variables, and in `.ksyms` the kernel functions a program calls.
        Kind::DataSec => matches!(to_kind, Kind::Var | Kind::Func),
        Kind::DeclTag => !matches!(to_kind, Kind::Void | Kind::DeclTag | Kind::DataSec),
        // Void has no size: no array and no struct can hold it.
        Kind::Array | Kind::Struct | Kind::Union => {
            to_kind.is_type() && !matches!(to_kind, Kind::Void | Kind::FuncProto)
        }
        _ => to_kind.is_type(),
    };
    if fits {
        Ok(())
    } else {
        Err(BtfError::ReferenceInvalid {
            id,
            kind,
            to,
            to_kind,
        })
    }
}

fn size(id: TypeId, header: &Header, allowed: &[u32]) -> Result<(), BtfError> {
    if allowed.contains(&header.size_or_type) {
        return Ok(());
    }
    Err(BtfError::SizeInvalid {
        id,
        kind: header.kind,
        size: header.size_or_type,
    })
}

/// uapi/linux/btf.h: `BTF_INT_ENCODING`, `BTF_INT_OFFSET`, `BTF_INT_BITS`.
fn int(id: TypeId, size: u32, word: u32) -> Result<(), BtfError> {
    let (encoding, offset, bits) = ((word >> 24) & 0xf, (word >> 16) & 0xff, word & 0xff);
    let encoding_known = matches!(encoding, 0 | 1 | 2 | 4) && word >> 28 == 0;
    let bits_fit = bits > 0 && bits <= 128 && offset + bits <= size.saturating_mul(8);
    if encoding_known && bits_fit && size <= 16 && word & 0xff00 == 0 {
        return Ok(());
    }
    Err(BtfError::IntInvalid { id, size, word })
}

fn members(id: TypeId, header: &Header, record: &[u8]) -> Result<(), BtfError> {
    let size = header.size_or_type;
    for member in 0..usize::from(header.vlen) {
        let offset = word(record, HEADER_BYTES + member * header.element_bytes() + 8);
        let bit_offset = if header.flag {
            offset & 0x00ff_ffff
        } else {
            offset
        };
        if u64::from(bit_offset) > u64::from(size) * 8 {
            return Err(BtfError::MemberOutside {
                id,
                size,
                member,
                bit_offset,
            });
        }
    }
    Ok(())
}

/// Refuses types that contain themselves. What a pointer points at is not contained.
fn nesting(btf: &Btf) -> Result<(), BtfError> {
    let mut heights = vec![0_u8; btf.types()];
    for id in btf.ids() {
        height(btf, id, 1, &mut heights)?;
    }
    Ok(())
}

/// Levels of containment below and with `id`; `level` is the number of levels above and with it.
/// Each type's height is found once, so the whole costs one visit of each reference.
fn height(btf: &Btf, id: TypeId, level: u8, heights: &mut [u8]) -> Result<u8, BtfError> {
    let Some(slot) = slot(id) else { return Ok(0) };
    let known = heights.get(slot).copied().unwrap_or(0);
    if known > 0 {
        return Ok(known);
    }
    if level > BTF_DEPTH_MAX {
        return Err(BtfError::TooDeep {
            id,
            max: BTF_DEPTH_MAX,
        });
    }
    let record = btf.raw(id);
    let header = Header::of_checked(record);
    let mut below = 0;
    match header.kind {
        kind if kind.is_modifier() => {
            below = height(btf, TypeId(header.size_or_type), level + 1, heights)?;
        }
        Kind::Array => {
            below = height(btf, TypeId(word(record, HEADER_BYTES)), level + 1, heights)?;
        }
        Kind::Struct | Kind::Union => {
            for member in 0..usize::from(header.vlen) {
                let at = HEADER_BYTES + member * header.element_bytes() + 4;
                below = below.max(height(btf, TypeId(word(record, at)), level + 1, heights)?);
            }
        }
        _ => {}
    }
    if below >= BTF_DEPTH_MAX {
        return Err(BtfError::TooDeep {
            id,
            max: BTF_DEPTH_MAX,
        });
    }
    if let Some(height) = heights.get_mut(slot) {
        *height = below + 1;
    }
    Ok(below + 1)
}

/// Where a type's facts stand in a list of all types; none for void.
fn slot(id: TypeId) -> Option<usize> {
    usize::try_from(id.0).ok()?.checked_sub(1)
}
