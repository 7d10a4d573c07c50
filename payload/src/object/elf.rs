//! The ELF structure of an object, checked once: sections, symbols, relocations.
//! Called by the other parts of the inspection, which index it without failing.
//! Must never read outside the bytes, nor a section that the inspection has no use for.
use std::collections::BTreeSet;

use object::elf::{self, FileHeader64};
use object::endian::LittleEndian;
use object::read::elf::{FileHeader, Rel, SectionHeader, Sym};
use object::read::{SectionIndex, SymbolIndex};

use super::ObjectError;
use crate::limits;

const LE: LittleEndian = LittleEndian;
/// ELF identification: the byte that holds the class, and the one that holds the byte order.
const IDENT_CLASS_AT: usize = 4;
const IDENT_ORDER_AT: usize = 5;
/// Offset and value of `e_type` and `e_machine`, the same in both classes.
const TYPE_AT: usize = 16;
const MACHINE_AT: usize = 18;
const TYPE_RELOCATABLE: u16 = 1;
const MACHINE_BPF: u16 = 247;

/// What a section is to a loader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    /// Instructions.
    Code,
    /// Bytes.
    Bytes,
    /// Zeroes that take no room in the file.
    Zeroes,
    /// Anything else: symbols, strings, relocations.
    Other,
}

#[derive(Debug)]
pub(super) struct Section<'a> {
    pub(super) name: &'a str,
    pub(super) content: Content,
    /// Bytes in memory; for [`Content::Zeroes`] not backed by `bytes`.
    pub(super) size: u64,
    /// Empty for [`Content::Zeroes`] and [`Content::Other`].
    pub(super) bytes: &'a [u8],
}

/// What a symbol names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Named {
    Function,
    Variable,
    Other,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Symbol<'a> {
    pub(super) name: &'a str,
    /// None for undefined and absolute symbols.
    pub(super) section: Option<usize>,
    pub(super) undefined: bool,
    pub(super) names: Named,
    pub(super) local: bool,
    pub(super) weak: bool,
    /// Offset in the section.
    pub(super) offset: u64,
    pub(super) size: u64,
}

/// One place of a section that names a symbol.
#[derive(Debug, Clone, Copy)]
pub(super) struct Relocation {
    /// Offset in the section.
    pub(super) offset: u64,
    /// Index into [`Elf::symbols`].
    pub(super) symbol: usize,
}

#[derive(Debug)]
pub(super) struct Elf<'a> {
    /// By section index; the first is the null section.
    pub(super) sections: Vec<Section<'a>>,
    /// By symbol index; the first is the null symbol.
    pub(super) symbols: Vec<Symbol<'a>>,
    /// By section index, sorted by offset.
    relocations: Vec<Vec<Relocation>>,
}

impl<'a> Elf<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, ObjectError> {
        check_ident(bytes)?;
        let header = FileHeader64::<LittleEndian>::parse(bytes).map_err(malformed)?;
        let headers = header.section_headers(LE, bytes).map_err(malformed)?;
        if headers.len() > limits::ELF_SECTIONS_MAX {
            return Err(ObjectError::TooMany {
                what: "ELF sections",
                count: headers.len(),
                max: limits::ELF_SECTIONS_MAX,
            });
        }
        let index = header.shstrndx(LE, bytes).map_err(malformed)?;
        let strings = strings(bytes, headers, index)?;
        let sections = headers
            .iter()
            .map(|header| section(bytes, header, strings))
            .collect::<Result<Vec<_>, _>>()?;
        let symbols = symbols(bytes, header, headers)?;
        let relocations = relocations(bytes, headers, symbols.len())?;
        Ok(Self {
            sections,
            symbols,
            relocations,
        })
    }

    /// The first section of this name.
    pub(super) fn section(&self, name: &str) -> Option<&Section<'a>> {
        self.sections.iter().find(|section| section.name == name)
    }

    /// Index and section of a symbol that is in instructions.
    pub(super) fn code_of(&self, symbol: &Symbol<'_>) -> Option<(usize, &Section<'a>)> {
        let index = symbol.section?;
        let section = self.sections.get(index)?;
        (section.content == Content::Code && section.size > 0).then_some((index, section))
    }

    /// Names of the functions that definitions of maps name: the programs that libbpf puts into
    /// program arrays.
    pub(super) fn functions_in_maps(&self) -> BTreeSet<&'a str> {
        let sections = self.sections.iter().zip(&self.relocations);
        let maps = sections.filter(|(section, _)| section.name == ".maps");
        let symbols = maps.flat_map(|(_, relocations)| relocations);
        let symbols = symbols.filter_map(|relocation| self.symbols.get(relocation.symbol));
        symbols
            .filter(|symbol| self.code_of(symbol).is_some())
            .map(|symbol| symbol.name)
            .collect()
    }

    /// The symbol that the relocation at this offset of a section names.
    pub(super) fn relocated(&self, section: usize, offset: u64) -> Option<&Symbol<'a>> {
        let relocations = self.relocations.get(section)?;
        let at = relocations
            .binary_search_by_key(&offset, |r| r.offset)
            .ok()?;
        self.symbols.get(relocations.get(at)?.symbol)
    }
}

/// Refuses everything that is not a relocatable 64-bit little-endian BPF object, with the reason.
fn check_ident(bytes: &[u8]) -> Result<(), ObjectError> {
    if bytes.len() > limits::OBJECT_BYTES_MAX {
        return Err(ObjectError::TooLarge {
            bytes: bytes.len(),
            max: limits::OBJECT_BYTES_MAX,
        });
    }
    if !bytes.starts_with(&elf::ELFMAG) {
        let mut found = [0; 4];
        found
            .iter_mut()
            .zip(bytes)
            .for_each(|(to, from)| *to = *from);
        return Err(ObjectError::NotElf { found });
    }
    let class = bytes.get(IDENT_CLASS_AT).copied().unwrap_or_default();
    let order = bytes.get(IDENT_ORDER_AT).copied().unwrap_or_default();
    let big = match order {
        1 => false,
        2 => true,
        found => return Err(ObjectError::ByteOrderUnknown { found }),
    };
    let half = |at: usize| {
        let pair = bytes
            .get(at..at + 2)
            .and_then(|pair| <[u8; 2]>::try_from(pair).ok());
        let read = if big {
            u16::from_be_bytes
        } else {
            u16::from_le_bytes
        };
        pair.map(read)
            .ok_or(ObjectError::Cut { bytes: bytes.len() })
    };
    let machine = half(MACHINE_AT)?;
    if machine != MACHINE_BPF {
        return Err(ObjectError::MachineNotBpf { found: machine });
    }
    if big {
        return Err(ObjectError::BigEndian);
    }
    if class != 2 {
        return Err(ObjectError::Not64Bit { class });
    }
    let kind = half(TYPE_AT)?;
    if kind != TYPE_RELOCATABLE {
        return Err(ObjectError::NotRelocatable { found: kind });
    }
    Ok(())
}

fn section<'a>(
    bytes: &'a [u8],
    header: &elf::SectionHeader64<LittleEndian>,
    strings: &'a [u8],
) -> Result<Section<'a>, ObjectError> {
    let name = text(strings, header.sh_name(LE), limits::TARGET_BYTES_MAX)?;
    let kind = header.sh_type(LE);
    let content = if kind == elf::SHT_NOBITS {
        Content::Zeroes
    } else if kind != elf::SHT_PROGBITS {
        Content::Other
    } else if header.sh_flags(LE).contains(elf::SHF_EXECINSTR) {
        Content::Code
    } else {
        Content::Bytes
    };
    // DWARF is not read, so it may be as broken as it likes.
    let wanted = matches!(content, Content::Code | Content::Bytes) && !name.starts_with(".debug");
    Ok(Section {
        name,
        content,
        size: header.sh_size(LE),
        bytes: if wanted {
            header.data(LE, bytes).map_err(malformed)?
        } else {
            &[]
        },
    })
}

/// The bytes of a section that holds names.
fn strings<'a>(
    bytes: &'a [u8],
    headers: &[elf::SectionHeader64<LittleEndian>],
    index: u32,
) -> Result<&'a [u8], ObjectError> {
    let header = usize::try_from(index)
        .ok()
        .and_then(|index| headers.get(index));
    let header = header.ok_or(ObjectError::NamesOutside {
        section: index,
        sections: headers.len(),
    })?;
    header.data(LE, bytes).map_err(malformed)
}

fn symbols<'a>(
    bytes: &'a [u8],
    header: &FileHeader64<LittleEndian>,
    headers: &'a [elf::SectionHeader64<LittleEndian>],
) -> Result<Vec<Symbol<'a>>, ObjectError> {
    let tables = headers
        .iter()
        .filter(|h| h.sh_type(LE) == elf::SHT_SYMTAB)
        .count();
    if tables != 1 {
        return Err(ObjectError::SymbolTables { found: tables });
    }
    let sections = header.sections(LE, bytes).map_err(malformed)?;
    let table = sections
        .symbols(LE, bytes, elf::SHT_SYMTAB)
        .map_err(malformed)?;
    if table.len() > limits::ELF_SYMBOLS_MAX {
        return Err(ObjectError::TooMany {
            what: "ELF symbols",
            count: table.len(),
            max: limits::ELF_SYMBOLS_MAX,
        });
    }
    let link = headers.iter().find(|h| h.sh_type(LE) == elf::SHT_SYMTAB);
    let strings = strings(bytes, headers, link.map_or(0, |header| header.sh_link(LE)))?;
    let mut symbols = Vec::with_capacity(table.len());
    for (index, symbol) in table.enumerate() {
        let section = if index == SymbolIndex(0) {
            None
        } else {
            table.symbol_section(LE, symbol, index).map_err(malformed)?
        };
        if let Some(SectionIndex(section)) = section
            && section >= headers.len()
        {
            return Err(ObjectError::SymbolOutside {
                section,
                sections: headers.len(),
            });
        }
        let kind = symbol.st_type();
        symbols.push(Symbol {
            name: text(strings, symbol.st_name(LE), limits::TARGET_BYTES_MAX)?,
            section: section.map(|SectionIndex(section)| section),
            undefined: symbol.is_undefined(LE),
            names: match kind {
                elf::STT_FUNC => Named::Function,
                elf::STT_OBJECT => Named::Variable,
                _ => Named::Other,
            },
            local: symbol.is_local(),
            weak: symbol.is_weak(),
            offset: symbol.st_value(LE),
            size: symbol.st_size(LE),
        });
    }
    Ok(symbols)
}

/// The relocations of sections that hold instructions or map definitions, by section index.
fn relocations(
    bytes: &[u8],
    headers: &[elf::SectionHeader64<LittleEndian>],
    symbols: usize,
) -> Result<Vec<Vec<Relocation>>, ObjectError> {
    let mut by_section = vec![Vec::new(); headers.len()];
    let mut left = limits::ELF_RELOCATIONS_MAX;
    for header in headers {
        let Some((entries, _)) = header.rel(LE, bytes).map_err(malformed)? else {
            continue;
        };
        let SectionIndex(target) = header.info_link(LE);
        // Debug information is relocated too, with more entries than all the rest.
        let of_interest = headers
            .get(target)
            .is_some_and(|t| t.sh_flags(LE).contains(elf::SHF_ALLOC));
        let Some(list) = by_section.get_mut(target).filter(|_| of_interest) else {
            continue;
        };
        left = left
            .checked_sub(entries.len())
            .ok_or(ObjectError::TooMany {
                what: "ELF relocations",
                count: entries.len(),
                max: limits::ELF_RELOCATIONS_MAX,
            })?;
        for entry in entries {
            let SymbolIndex(symbol) = entry.symbol(LE).unwrap_or(SymbolIndex(0));
            if symbol >= symbols {
                return Err(ObjectError::RelocationOutside { symbol, symbols });
            }
            list.push(Relocation {
                offset: entry.r_offset(LE),
                symbol,
            });
        }
    }
    for list in &mut by_section {
        list.sort_by_key(|relocation| relocation.offset);
    }
    Ok(by_section)
}

/// The name at an offset of a string table. Names may share bytes, so each is only looked for as
/// far as a name may reach.
pub(super) fn text(strings: &[u8], at: u32, max: usize) -> Result<&str, ObjectError> {
    let rest = usize::try_from(at).ok().and_then(|at| strings.get(at..));
    let rest = rest.ok_or(ObjectError::NameOutside {
        at,
        bytes: strings.len(),
    })?;
    let near = rest.get(..=max).unwrap_or(rest);
    let name = match near.iter().position(|byte| *byte == 0) {
        Some(end) => near.get(..end).unwrap_or_default(),
        None => return Err(ObjectError::NameTooLong { at, max }),
    };
    std::str::from_utf8(name).map_err(|_| ObjectError::NameNotText {
        name: String::from_utf8_lossy(name).into_owned(),
    })
}

fn malformed(error: object::read::Error) -> ObjectError {
    ObjectError::Malformed {
        reason: error.to_string(),
    }
}
