//! The variables of an object: those with a place in a data section, and those defined elsewhere.
//! Called by the inspection only.
//! Must never trust BTF for an offset: clang 14 leaves 0 there, the symbol table knows.
use std::collections::{BTreeMap, BTreeSet};

use super::elf::{Elf, Named, Section, Symbol};
use super::{ObjectError, section_map};
use crate::btf::{Btf, Kind, Linkage, Type, TypeId};
use crate::limits;

/// A variable in a data section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Global {
    /// Its name; a static one of a function is called `function.name`.
    pub name: String,
    /// The data section, which is also the name of its map.
    pub section: String,
    /// Offset in the section, bytes.
    pub offset: u32,
    /// Its size, bytes.
    pub size: u32,
    /// Its type in the object's BTF; none without BTF.
    pub type_id: Option<TypeId>,
    /// Whether it is visible outside of its source file, so that a deployment may set it.
    pub exported: bool,
    /// The value the object starts with; empty for zeroes (`.bss`).
    pub default: Vec<u8>,
}

/// What an extern stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ExternKind {
    /// A value of the kernel's configuration.
    Kconfig,
    /// A variable of the kernel.
    Ksym,
    /// A function of the kernel.
    Kfunc,
}

/// A name that the kernel defines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extern {
    /// Its name.
    pub name: String,
    /// What it stands for.
    pub kind: ExternKind,
    /// Its type in the object's BTF.
    pub type_id: Option<TypeId>,
    /// Whether the object runs without it.
    pub weak: bool,
}

/// Variables of data sections, by section and offset.
pub(super) fn globals(elf: &Elf<'_>, btf: Option<&Btf>) -> Result<Vec<Global>, ObjectError> {
    let mut globals = Vec::new();
    let mut types_of = BTreeMap::new();
    let mut left = limits::OBJECT_BYTES_MAX;
    for symbol in elf.symbols.iter().filter(|s| s.names == Named::Variable) {
        let section = symbol.section.and_then(|index| elf.sections.get(index));
        let Some(section) = section.filter(|s| section_map::is_data(s.name, s.content)) else {
            continue;
        };
        if globals.len() == limits::GLOBALS_MAX {
            return Err(ObjectError::TooMany {
                what: "global variables",
                count: globals.len() + 1,
                max: limits::GLOBALS_MAX,
            });
        }
        let types = types_of
            .entry(section.name)
            .or_insert_with(|| btf.map(|btf| types(btf, section.name)).unwrap_or_default());
        let global = global(section, symbol, types.get(symbol.name).copied())?;
        // Variables that share bytes would take more memory than the file has.
        left = left
            .checked_sub(global.default.len())
            .ok_or(ObjectError::TooMany {
                what: "bytes of variables",
                count: limits::OBJECT_BYTES_MAX + 1,
                max: limits::OBJECT_BYTES_MAX,
            })?;
        globals.push(global);
    }
    globals.sort_by(|a, b| (&a.section, a.offset, &a.name).cmp(&(&b.section, b.offset, &b.name)));
    Ok(globals)
}

fn types<'a>(btf: &'a Btf, section: &'a str) -> BTreeMap<&'a str, TypeId> {
    let section = btf.find(Kind::DataSec, section).map(|id| btf.type_at(id));
    let Some(Type::DataSec(section)) = section else {
        return BTreeMap::new();
    };
    let typed = section
        .variables()
        .filter_map(|variable| match btf.type_at(variable.of) {
            Type::Var { of, .. } => Some((btf.name(variable.of), of)),
            _ => None,
        });
    typed.collect()
}

fn global(
    section: &Section<'_>,
    symbol: &Symbol<'_>,
    type_id: Option<TypeId>,
) -> Result<Global, ObjectError> {
    let outside = || ObjectError::GlobalOutside {
        variable: symbol.name.to_owned(),
        offset: symbol.offset,
        bytes: symbol.size,
        section: section.name.to_owned(),
        section_bytes: section.size,
    };
    let end = symbol
        .offset
        .checked_add(symbol.size)
        .filter(|end| *end <= section.size);
    let (start, end) = (symbol.offset, end.ok_or_else(outside)?);
    let range = usize::try_from(start).ok().zip(usize::try_from(end).ok());
    let bytes = range.and_then(|(start, end)| section.bytes.get(start..end));
    Ok(Global {
        name: symbol.name.to_owned(),
        section: section.name.to_owned(),
        offset: u32::try_from(start).map_err(|_| outside())?,
        size: u32::try_from(symbol.size).map_err(|_| outside())?,
        type_id,
        exported: !symbol.local,
        default: bytes.unwrap_or_default().to_vec(),
    })
}

/// What the object expects the kernel to define.
pub(super) fn externs(elf: &Elf<'_>, btf: Option<&Btf>) -> Vec<Extern> {
    let Some(btf) = btf else {
        return Vec::new();
    };
    let weak: BTreeSet<_> = elf
        .symbols
        .iter()
        .filter(|symbol| symbol.undefined && symbol.weak)
        .map(|symbol| symbol.name)
        .collect();
    let mut externs = Vec::new();
    for (section, variable_kind) in [
        (".kconfig", ExternKind::Kconfig),
        (".ksyms", ExternKind::Ksym),
    ] {
        let section = btf.find(Kind::DataSec, section).map(|id| btf.type_at(id));
        let Some(Type::DataSec(section)) = section else {
            continue;
        };
        for variable in section.variables().take(limits::GLOBALS_MAX) {
            let (kind, type_id) = match btf.type_at(variable.of) {
                Type::Var {
                    of,
                    linkage: Linkage::Extern,
                } => (variable_kind, of),
                Type::Func { proto, .. } => (ExternKind::Kfunc, proto),
                _ => continue,
            };
            let name = btf.name(variable.of);
            externs.push(Extern {
                name: name.to_owned(),
                kind,
                type_id: Some(type_id),
                weak: weak.contains(name),
            });
        }
    }
    externs
}
