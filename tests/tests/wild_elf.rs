//! ELF files that lie: one number of a good object replaced, each with the reason it is tried.
//! The inspection names the rule that is broken. The fuzz target of `hostile_objects.rs` finds what
//! nobody thought of; this holds what somebody did.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use payload::object::{ObjectError, inspect};
use tests::corpus;

/// Offsets of the ELF64 header, of a section header and of a symbol (System V gABI, chapter 4).
const SECTIONS_AT: usize = 0x28;
const SECTION_COUNT_AT: usize = 0x3c;
const NAMES_SECTION_AT: usize = 0x3e;
const SECTION_BYTES: usize = 64;
const SYMBOL_BYTES: usize = 24;
const TYPE_SYMBOLS: u32 = 2;
const TYPE_RELOCATIONS: u32 = 9;
/// A moment on the slowest machine that runs these tests.
const MOMENT: Duration = Duration::from_secs(5);

/// A good object, to be spoiled.
struct Elf(Vec<u8>);

impl Elf {
    fn of(name: &str) -> Result<Self> {
        Ok(Self(corpus::object(name)?))
    }

    fn number<const N: usize>(&self, at: usize) -> Result<u64> {
        let bytes = self.0.get(at..at + N).context("inside the file")?;
        Ok(bytes
            .iter()
            .rev()
            .fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
    }

    fn put(&mut self, at: usize, number: &[u8]) {
        self.0[at..at + number.len()].copy_from_slice(number);
    }

    /// Where the header of section `index` is.
    fn header(&self, index: usize) -> Result<usize> {
        Ok(usize::try_from(self.number::<8>(SECTIONS_AT)?)? + index * SECTION_BYTES)
    }

    fn headers(&self) -> Result<Vec<usize>> {
        let count = usize::try_from(self.number::<2>(SECTION_COUNT_AT)?)?;
        (0..count).map(|index| self.header(index)).collect()
    }

    /// Where the header of the section of this name is.
    fn section(&self, name: &str) -> Result<usize> {
        let names = self.header(usize::try_from(self.number::<2>(NAMES_SECTION_AT)?)?)?;
        let names = usize::try_from(self.number::<8>(names + 24)?)?;
        for header in self.headers()? {
            let at = names + usize::try_from(self.number::<4>(header)?)?;
            if self.0[at..].starts_with(&[name.as_bytes(), &[0]].concat()) {
                return Ok(header);
            }
        }
        anyhow::bail!("no section {name}")
    }

    /// Where the first section of this type is.
    fn first(&self, kind: u32) -> Result<usize> {
        for header in self.headers()? {
            if self.number::<4>(header + 4)? == u64::from(kind) {
                return Ok(header);
            }
        }
        anyhow::bail!("no section of type {kind}")
    }

    /// Where the content of a section begins.
    fn content(&self, header: usize) -> Result<usize> {
        Ok(usize::try_from(self.number::<8>(header + 24)?)?)
    }

    /// Where the symbols of functions are.
    fn functions(&self) -> Result<Vec<usize>> {
        let header = self.first(TYPE_SYMBOLS)?;
        let (start, size) = (
            self.content(header)?,
            usize::try_from(self.number::<8>(header + 32)?)?,
        );
        let symbols = (start..start + size).step_by(SYMBOL_BYTES);
        Ok(symbols.filter(|at| self.0[at + 4] & 0xf == 2).collect())
    }

    fn refused(&self) -> Result<ObjectError> {
        let started = Instant::now();
        let error = inspect(&self.0).err().context("it is accepted")?;
        assert!(
            started.elapsed() < MOMENT,
            "{error} took {:?}",
            started.elapsed()
        );
        Ok(error)
    }
}

#[test]
fn section_headers_behind_the_end_are_refused() -> Result<()> {
    // A reader that adds offset and length without a check reads foreign memory.
    for offset in [u64::MAX, u64::MAX - 64, 1 << 40] {
        let mut elf = Elf::of("no_map")?;
        elf.put(SECTIONS_AT, &offset.to_le_bytes());
        assert!(
            matches!(elf.refused()?, ObjectError::Malformed { .. }),
            "{offset:#x}"
        );
    }
    Ok(())
}

#[test]
fn content_behind_the_end_is_refused() -> Result<()> {
    for (name, field) in [(".BTF", 24), (".BTF", 32), (".symtab", 24), ("license", 32)] {
        let mut elf = Elf::of("no_map")?;
        let at = elf.section(name)? + field;
        elf.put(at, &(u64::MAX - 3).to_le_bytes());
        assert!(
            matches!(elf.refused()?, ObjectError::Malformed { .. }),
            "{name} {field}"
        );
    }
    Ok(())
}

#[test]
fn a_names_section_that_is_not_there_is_refused() -> Result<()> {
    let mut elf = Elf::of("no_map")?;
    elf.put(NAMES_SECTION_AT, &0xfe_u16.to_le_bytes());
    assert!(matches!(
        elf.refused()?,
        ObjectError::NamesOutside { section: 0xfe, .. }
    ));
    Ok(())
}

#[test]
fn a_function_longer_than_its_section_is_refused() -> Result<()> {
    // What libbpf checks too; its size would otherwise be read as instructions.
    for size in [8_u64 << 20, u64::MAX - 7] {
        let mut elf = Elf::of("no_map")?;
        let at = elf.functions()?[0] + 16;
        elf.put(at, &size.to_le_bytes());
        assert!(
            matches!(elf.refused()?, ObjectError::FunctionOutside { .. }),
            "{size}"
        );
    }
    Ok(())
}

#[test]
fn half_an_instruction_is_refused() -> Result<()> {
    let mut elf = Elf::of("no_map")?;
    let at = elf.functions()?[0] + 16;
    elf.put(at, &12_u64.to_le_bytes());
    assert!(matches!(
        elf.refused()?,
        ObjectError::FunctionMisaligned { bytes: 12, .. }
    ));
    Ok(())
}

#[test]
fn functions_that_share_instructions_are_refused() -> Result<()> {
    // Thousands of symbols over one large section would be gigabytes of instructions.
    let mut elf = Elf::of("functions")?;
    let functions = elf.functions()?;
    let of = |elf: &Elf, at: usize| elf.number::<2>(at + 6);
    let mut pairs = functions.windows(2).map(|pair| (pair[0], pair[1]));
    let same = pairs.find(|(one, other)| of(&elf, *one).ok() == of(&elf, *other).ok());
    let (one, other) = same.context("two functions in one section")?;
    let start = elf.number::<8>(one + 8)?;
    elf.put(other + 8, &start.to_le_bytes());
    let error = elf.refused()?;
    assert!(
        matches!(
            error,
            ObjectError::FunctionsOverlap { .. } | ObjectError::FunctionOutside { .. }
        ),
        "{error}"
    );
    Ok(())
}

#[test]
fn two_data_sections_of_one_name_are_refused() -> Result<()> {
    // Both would be the same map, and each pass over one of them would read the types of both.
    let mut elf = Elf::of("many_sections")?;
    let (one, other) = (elf.section(".data")?, elf.section(".data.moved")?);
    let name = elf.number::<4>(one)?;
    elf.put(other, &u32::try_from(name)?.to_le_bytes());
    let error = elf.refused()?;
    assert_eq!(
        error,
        ObjectError::SectionTwice {
            section: ".data".to_owned()
        }
    );
    Ok(())
}

#[test]
fn a_data_section_larger_than_any_map_is_refused() -> Result<()> {
    // Zeroes take no room in the file: a tiny object could ask for all memory.
    let mut elf = Elf::of("many_sections")?;
    let at = elf.section(".bss")? + 32;
    elf.put(at, &(1_u64 << 40).to_le_bytes());
    assert!(
        matches!(elf.refused()?, ObjectError::DataSectionTooLarge { bytes, .. } if bytes == 1 << 40)
    );
    Ok(())
}

#[test]
fn a_relocation_against_no_symbol_is_refused() -> Result<()> {
    let mut elf = Elf::of("several_rings")?;
    let header = elf.first(TYPE_RELOCATIONS)?;
    // The symbol is the upper half of the second word of an entry.
    let at = elf.content(header)? + 12;
    elf.put(at, &u32::MAX.to_le_bytes());
    assert!(matches!(
        elf.refused()?,
        ObjectError::RelocationOutside { .. }
    ));
    Ok(())
}

#[test]
fn two_symbol_tables_are_refused() -> Result<()> {
    // Readers that take the first and readers that take the last would see different programs.
    let mut elf = Elf::of("several_rings")?;
    let at = elf.section("license")? + 4;
    elf.put(at, &TYPE_SYMBOLS.to_le_bytes());
    assert_eq!(elf.refused()?, ObjectError::SymbolTables { found: 2 });
    Ok(())
}

#[test]
fn relocation_records_that_reach_too_far_are_refused() -> Result<()> {
    // .BTF.ext: the length of the CO-RE records, and how many its first section claims to have.
    for (field, number) in [(28, u32::MAX), (28, 8)] {
        let mut elf = Elf::of("core_fields")?;
        let header = elf.section(".BTF.ext")?;
        let at = elf.content(header)? + field;
        elf.put(at, &number.to_le_bytes());
        assert!(
            matches!(elf.refused()?, ObjectError::ExtMalformed { .. }),
            "{number}"
        );
    }
    Ok(())
}
