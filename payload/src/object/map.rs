//! The maps of an object: those defined in `.maps`, and those that libbpf makes of data sections.
//! Called by the inspection only.
//! Must never accept a definition that libbpf refuses, nor give it another meaning.
use std::collections::BTreeSet;

use super::elf::Elf;
use super::map_kind::MapKind;
use super::special::{self, Special};
use super::{Extern, ObjectError, section_map};
use crate::btf::{Btf, Kind, Linkage, Member, Type, TypeId};
use crate::limits;

/// One map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Map {
    /// Its name in the source; for a data section the section's name.
    pub name: String,
    /// Its kind.
    pub kind: MapKind,
    /// Bytes of a key.
    pub key_size: u32,
    /// Bytes of a value.
    pub value_size: u32,
    /// Most entries it holds; for rings the bytes as the source asks for them.
    pub max_entries: u32,
    /// `BPF_F_*` flags of `uapi/linux/bpf.h`.
    pub flags: u32,
    /// What the kind does with it: hash functions of a Bloom filter, address of an arena.
    pub extra: u64,
    /// NUMA node asked for.
    pub numa_node: Option<u32>,
    /// Whether the source asks libbpf to pin it by its name.
    pub pinned: bool,
    /// Type of a key, in the object's BTF.
    pub key_type: Option<TypeId>,
    /// Type of a value, in the object's BTF; for a data section its `DATASEC`.
    pub value_type: Option<TypeId>,
    /// What a map of maps holds.
    pub inner: Option<Box<Map>>,
    /// The ELF section it was made of; none for maps defined in `.maps`.
    pub section: Option<String>,
    /// What in its values binds it to the generation that made it.
    pub holds: BTreeSet<Special>,
}

impl Map {
    pub(super) fn new(name: &str, kind: MapKind) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            key_size: 0,
            value_size: 0,
            max_entries: 0,
            flags: 0,
            extra: 0,
            numa_node: None,
            pinned: false,
            key_type: None,
            value_type: None,
            inner: None,
            section: None,
            holds: BTreeSet::new(),
        }
    }
}

/// All maps, in libbpf's order.
pub(super) fn maps(
    elf: &Elf<'_>,
    btf: Option<&Btf>,
    externs: &[Extern],
) -> Result<Vec<Map>, ObjectError> {
    if elf.section("maps").is_some() {
        return Err(ObjectError::LegacyMaps);
    }
    let mut maps = match (elf.section(".maps"), btf) {
        (None, _) => Vec::new(),
        (Some(_), None) => return Err(ObjectError::MapsWithoutBtf),
        (Some(_), Some(btf)) => defined(btf)?,
    };
    maps.extend(section_map::data(elf, btf)?);
    maps.extend(section_map::kconfig(btf, externs));
    if let Some(btf) = btf {
        maps.extend(section_map::struct_ops(elf, btf));
    }
    if maps.len() > limits::MAPS_MAX {
        return Err(ObjectError::TooMany {
            what: "maps",
            count: maps.len(),
            max: limits::MAPS_MAX,
        });
    }
    if let Some(btf) = btf {
        let mut steps = limits::MAP_VALUE_TYPES_MAX;
        for map in &mut maps {
            if let Some(id) = map.value_type {
                map.holds = special::held(btf, id, &mut steps)?;
            }
            if let Some(inner) = &mut map.inner
                && let Some(id) = inner.value_type
            {
                inner.holds = special::held(btf, id, &mut steps)?;
            }
        }
    }
    Ok(maps)
}

fn defined(btf: &Btf) -> Result<Vec<Map>, ObjectError> {
    let section = btf.find(Kind::DataSec, ".maps").map(|id| btf.type_at(id));
    let Some(Type::DataSec(section)) = section else {
        return Err(ObjectError::MapsWithoutBtf);
    };
    if section.variables().len() > limits::MAPS_MAX {
        return Err(ObjectError::TooMany {
            what: "maps",
            count: section.variables().len(),
            max: limits::MAPS_MAX,
        });
    }
    let mut maps = Vec::new();
    for variable in section.variables() {
        let name = btf.name(variable.of);
        let broken = |rule| ObjectError::MapMalformed {
            map: name.to_owned(),
            field: String::new(),
            rule,
        };
        let Type::Var { of, linkage } = btf.type_at(variable.of) else {
            return Err(broken("it is a variable"));
        };
        if linkage != Linkage::Global {
            return Err(broken("it is not static, nor defined elsewhere"));
        }
        maps.push(definition(btf, name, of, false)?);
    }
    Ok(maps)
}

/// Reads a definition: an anonymous struct whose members' types carry the values.
fn definition(btf: &Btf, name: &str, of: TypeId, inner: bool) -> Result<Map, ObjectError> {
    let Type::Struct(definition) = btf.type_at(btf.resolve(of)) else {
        return Err(ObjectError::MapMalformed {
            map: name.to_owned(),
            field: String::new(),
            rule: "it is defined by a struct",
        });
    };
    let fields = definition.members().len();
    if fields > limits::MAP_FIELDS_MAX {
        return Err(ObjectError::TooMany {
            what: "fields of a map",
            count: fields,
            max: limits::MAP_FIELDS_MAX,
        });
    }
    let mut map = Map::new(name, MapKind(0));
    for member in definition.members() {
        field(btf, &mut map, member, inner)?;
    }
    if map.kind == MapKind(0) {
        return Err(ObjectError::MapMalformed {
            map: name.to_owned(),
            field: "type".to_owned(),
            rule: "it is given, and not 0",
        });
    }
    Ok(map)
}

fn field(btf: &Btf, map: &mut Map, member: Member<'_>, inner: bool) -> Result<(), ObjectError> {
    let broken = |rule| ObjectError::MapMalformed {
        map: map.name.clone(),
        field: member.name.to_owned(),
        rule,
    };
    let number = || number(btf, member.of).ok_or_else(|| broken("its type is int (*)[number]"));
    match member.name {
        "type" => map.kind = MapKind(number()?),
        "max_entries" => map.max_entries = number()?,
        "map_flags" => map.flags = number()?,
        "numa_node" => map.numa_node = Some(number()?),
        "map_extra" => {
            map.extra = long(btf, member.of).ok_or_else(|| broken("it is a number"))?;
        }
        "key_size" => map.key_size = agree(map, "key", map.key_size, number()?)?,
        "value_size" => map.value_size = agree(map, "value", map.value_size, number()?)?,
        "key" | "value" => {
            let Type::Ptr(of) = btf.type_at(member.of) else {
                return Err(broken("its type is a pointer"));
            };
            let bytes = btf.size_of(of).and_then(|bytes| u32::try_from(bytes).ok());
            let bytes = bytes.ok_or_else(|| broken("its type has a size"))?;
            if member.name == "key" {
                map.key_size = agree(map, "key", map.key_size, bytes)?;
                map.key_type = Some(of);
            } else {
                map.value_size = agree(map, "value", map.value_size, bytes)?;
                map.value_type = Some(of);
            }
        }
        "values" if inner => return Err(broken("an inner map holds no maps")),
        "values" => values(btf, map, member)?,
        "pinning" if inner => return Err(broken("an inner map is not pinned")),
        "pinning" => {
            map.pinned = match number()? {
                0 => false,
                1 => true,
                _ => return Err(broken("it is LIBBPF_PIN_NONE or LIBBPF_PIN_BY_NAME")),
            };
        }
        _ => return Err(broken("libbpf knows the field")),
    }
    Ok(())
}

/// What an array of maps or of programs holds: `__array(values, …)`.
fn values(btf: &Btf, map: &mut Map, member: Member<'_>) -> Result<(), ObjectError> {
    let broken = |map: &Map, rule| ObjectError::MapMalformed {
        map: map.name.clone(),
        field: member.name.to_owned(),
        rule,
    };
    map.value_size = agree(map, "value", map.value_size, 4)?;
    let Type::Array { element, count: 0 } = btf.type_at(member.of) else {
        return Err(broken(map, "its type is an array without length"));
    };
    let Type::Ptr(of) = btf.type_at(btf.resolve(element)) else {
        return Err(broken(map, "its elements are pointers"));
    };
    if map.kind.holds_maps() {
        let name = format!("{}.inner", map.name);
        map.inner = Some(Box::new(definition(btf, &name, of, true)?));
        return Ok(());
    }
    let to_function = matches!(btf.type_at(btf.resolve(of)), Type::FuncProto(_));
    if map.kind == MapKind::PROG_ARRAY && to_function {
        return Ok(());
    }
    Err(broken(map, "only maps of maps and program arrays have it"))
}

fn agree(map: &Map, what: &'static str, known: u32, found: u32) -> Result<u32, ObjectError> {
    if known != 0 && known != found {
        return Err(ObjectError::MapSizes {
            map: map.name.clone(),
            what,
            one: known,
            other: found,
        });
    }
    Ok(found)
}

/// `__uint(name, number)`: a pointer to an array of that length.
fn number(btf: &Btf, of: TypeId) -> Option<u32> {
    let Type::Ptr(to) = btf.type_at(btf.resolve(of)) else {
        return None;
    };
    let Type::Array { count, .. } = btf.type_at(to) else {
        return None;
    };
    Some(count)
}

/// `__ulong(name, number)`: an enumeration with one value; or as [`number`].
fn long(btf: &Btf, of: TypeId) -> Option<u64> {
    match btf.type_at(btf.resolve(of)) {
        Type::Enum(one) if one.values().len() == 1 => one.values().next().map(|(_, value)| value),
        _ => number(btf, of).map(u64::from),
    }
}
