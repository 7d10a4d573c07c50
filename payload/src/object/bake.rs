//! Values written into an object's bytes, so that it begins with them wherever it is loaded.
//! Called by `packer` where a form can carry no values beside the object.
//! Must never change anything but the bytes of the variables.
use object::elf::FileHeader64;
use object::endian::LittleEndian;
use object::read::elf::ElfFile;
use object::{Object as _, ObjectSection as _};

use super::Setting;

/// Why a value has no place in an object's bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BakeError {
    /// The bytes are not those of an inspected object.
    #[error("the object's sections can't be read: {reason}")]
    NotElf {
        /// What is wrong.
        reason: String,
    },
    /// The section takes no room in the file: its variables begin with zeroes.
    #[error("{section} has no bytes in the object, so a value at {offset} has no place in it")]
    NoBytes {
        /// The section.
        section: String,
        /// The value's offset in it, bytes.
        offset: u32,
    },
}

/// The object with the settings written into its data sections. Zeroes for `.bss` are there already.
///
/// # Errors
/// [`BakeError`]: values for `.bss`, which is not in the file.
pub fn bake(elf: &[u8], settings: &[Setting]) -> Result<Vec<u8>, BakeError> {
    let file = ElfFile::<FileHeader64<LittleEndian>>::parse(elf);
    let file = file.map_err(|error| BakeError::NotElf {
        reason: error.to_string(),
    })?;
    let mut baked = elf.to_vec();
    for setting in settings {
        let section = file.section_by_name(&setting.section);
        let start = section
            .and_then(|section| section.file_range())
            .and_then(|(start, _)| start.checked_add(u64::from(setting.offset)))
            .and_then(|start| usize::try_from(start).ok());
        let place = start.and_then(|start| {
            let end = start.checked_add(setting.bytes.len())?;
            baked.get_mut(start..end)
        });
        match place {
            Some(place) => place.copy_from_slice(&setting.bytes),
            None if setting.bytes.iter().all(|byte| *byte == 0) => {}
            None => {
                let (section, offset) = (setting.section.clone(), setting.offset);
                return Err(BakeError::NoBytes { section, offset });
            }
        }
    }
    Ok(baked)
}
