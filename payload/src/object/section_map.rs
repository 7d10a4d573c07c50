//! The maps that libbpf makes of sections: variables, kernel configuration, kernel operations.
//! Called by the inspection of maps only.
//! Must never size a map by the file: zeroes take no room there.
use super::elf::{Content, Elf};
use super::map::Map;
use super::map_kind::MapKind;
use super::{Extern, ExternKind, ObjectError, Variable};
use crate::btf::{Btf, Kind, Linkage, Type, TypeId};
use crate::limits;

/// `BPF_F_RDONLY_PROG`, `BPF_F_MMAPABLE` and `BPF_F_LINK` of `uapi/linux/bpf.h`.
const READ_ONLY_TO_PROGRAMS: u32 = 1 << 7;
const MMAPABLE: u32 = 1 << 10;
const LINK: u32 = 1 << 13;

/// One map a data section, in the order of the file.
pub(super) fn data(elf: &Elf<'_>, btf: Option<&Btf>) -> Result<Vec<Map>, ObjectError> {
    let mut maps: Vec<Map> = Vec::new();
    for section in elf
        .sections
        .iter()
        .filter(|section| is_data(section.name, section.content))
    {
        if section.size == 0 {
            continue;
        }
        if maps.iter().any(|map| map.name == section.name) {
            return Err(ObjectError::SectionTwice {
                section: section.name.to_owned(),
            });
        }
        if maps.len() == limits::MAPS_MAX {
            return Err(ObjectError::TooMany {
                what: "data sections",
                count: maps.len() + 1,
                max: limits::MAPS_MAX,
            });
        }
        let value_size = u32::try_from(section.size).ok();
        let value_size = value_size.filter(|size| *size <= limits::DATA_SECTION_BYTES_MAX);
        let datasec = btf.and_then(|btf| btf.find(Kind::DataSec, section.name));
        let exported = btf
            .zip(datasec)
            .is_some_and(|(btf, id)| has_exported(btf, id));
        let read_only = section.name.starts_with(".rodata");
        maps.push(Map {
            key_size: 4,
            value_size: value_size.ok_or(ObjectError::DataSectionTooLarge {
                section: section.name.to_owned(),
                bytes: section.size,
                max: limits::DATA_SECTION_BYTES_MAX,
            })?,
            max_entries: 1,
            flags: if read_only { READ_ONLY_TO_PROGRAMS } else { 0 }
                | if exported { MMAPABLE } else { 0 },
            value_type: datasec,
            section: Some(section.name.to_owned()),
            ..Map::new(section.name, MapKind::ARRAY)
        });
    }
    Ok(maps)
}

/// Whether libbpf makes a map of a section.
pub(super) fn is_data(name: &str, content: Content) -> bool {
    let named = |base: &str| {
        name.strip_prefix(base)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    match content {
        Content::Bytes => named(".data") || named(".rodata"),
        Content::Zeroes => named(".bss"),
        Content::Code | Content::Other => false,
    }
}

fn has_exported(btf: &Btf, section: TypeId) -> bool {
    let Type::DataSec(section) = btf.type_at(section) else {
        return false;
    };
    section.variables().any(|variable| {
        matches!(btf.type_at(variable.of), Type::Var { linkage, .. } if linkage != Linkage::Static)
    })
}

/// The map of `extern … __kconfig` variables.
pub(super) fn kconfig(btf: Option<&Btf>, externs: &[Extern]) -> Option<Map> {
    let btf = btf?;
    let last = kconfig_places(btf, externs).pop()?;
    let end = last.offset.checked_add(last.bytes)?;
    Some(Map {
        key_size: 4,
        value_size: u32::try_from(end).ok().filter(|bytes| *bytes > 0)?,
        max_entries: 1,
        flags: READ_ONLY_TO_PROGRAMS | MMAPABLE,
        value_type: btf.find(Kind::DataSec, ".kconfig"),
        section: Some(".kconfig".to_owned()),
        ..Map::new(".kconfig", MapKind::ARRAY)
    })
}

/// The `__kconfig` variables, laid out as libbpf does: by descending alignment, then size and name
/// (`cmp_externs`). Empty where they have no sizes or end behind every address.
pub(super) fn kconfig_places(btf: &Btf, externs: &[Extern]) -> Vec<Variable> {
    let mut sizes: Vec<_> = externs
        .iter()
        .filter(|extern_| extern_.kind == ExternKind::Kconfig)
        .filter_map(|extern_| {
            let of = extern_.type_id?;
            Some((alignment(btf, of), btf.size_of(of)?, extern_))
        })
        .collect();
    sizes.sort_by_key(|(align, size, extern_)| {
        (std::cmp::Reverse(*align), *size, extern_.name.as_str())
    });
    let mut end = 0_u64;
    let places = sizes.into_iter().map(|(align, bytes, extern_)| {
        let offset = end.checked_next_multiple_of(align)?;
        end = offset.checked_add(bytes)?;
        Some(Variable {
            name: extern_.name.clone(),
            offset,
            bytes,
            type_id: extern_.type_id,
        })
    });
    places.collect::<Option<Vec<_>>>().unwrap_or_default()
}

/// Alignment of what the kernel's configuration can hold: numbers, enumerations, text.
fn alignment(btf: &Btf, mut of: TypeId) -> u64 {
    for _ in 0..limits::BTF_DEPTH_MAX {
        of = btf.resolve(of);
        let Type::Array { element, .. } = btf.type_at(of) else {
            break;
        };
        of = element;
    }
    btf.size_of(of).unwrap_or_default().clamp(1, 8)
}

/// One map a variable of the sections for kernel operations.
pub(super) fn struct_ops(elf: &Elf<'_>, btf: &Btf) -> Vec<Map> {
    let names = [
        (".struct_ops", 0),
        (".struct_ops.link", LINK),
        ("?.struct_ops", 0),
        ("?.struct_ops.link", LINK),
    ];
    let mut maps = Vec::new();
    for (name, flags) in names
        .into_iter()
        .filter(|(name, _)| elf.section(name).is_some())
    {
        let section = btf.find(Kind::DataSec, name).map(|id| btf.type_at(id));
        let Some(Type::DataSec(section)) = section else {
            continue;
        };
        for variable in section.variables().take(limits::MAPS_MAX) {
            let Type::Var { of, .. } = btf.type_at(variable.of) else {
                continue;
            };
            let bytes = btf.size_of(of).and_then(|bytes| u32::try_from(bytes).ok());
            maps.push(Map {
                key_size: 4,
                value_size: bytes.unwrap_or_default(),
                max_entries: 1,
                flags,
                value_type: Some(of),
                section: Some(name.to_owned()),
                ..Map::new(btf.name(variable.of), MapKind::STRUCT_OPS)
            });
        }
    }
    maps
}
