//! The names that a legacy document gives to programs and maps, held against those of the object.
//! Called by `unsigned` before anything is loaded, and by the writer of generation 0.
//! Must never let a name pass that the object does not have: libbpf would say so only after loading.

use super::error::{LegacyError, Rule, escaped};
use super::{Generation, Legacy};
use crate::object::Object;

/// The longest name of a map that the kernel keeps (`BPF_OBJ_NAME_LEN` 16 with its NUL, uapi bpf.h).
const KERNEL_NAME_BYTES: usize = 15;
/// Bytes that libbpf keeps free for the section's name at the end of a data section's map name,
/// even if it is shorter (libbpf, `internal_map_name`).
const SECTION_BYTES_MIN: usize = 7;

/// The names of an object's programs and maps in the order of its libbpf skeleton. The map of a
/// data section bears the section's name, such as `.rodata`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Skeleton<'a> {
    /// Programs by section, then by place in it; no sub-programs.
    pub programs: Vec<&'a str>,
    /// Declared maps, then data sections.
    pub maps: Vec<&'a str>,
}

impl<'a> From<&'a Object> for Skeleton<'a> {
    fn from(object: &'a Object) -> Self {
        Self {
            programs: object
                .programs
                .iter()
                .map(|program| program.name.as_str())
                .collect(),
            maps: object.maps.iter().map(|map| map.name.as_str()).collect(),
        }
    }
}

impl Legacy {
    /// Checks that every program and map named in the document is in the inspected object.
    ///
    /// # Errors
    /// As [`Legacy::check_names`].
    pub fn check_against(&self, object: &Object) -> Result<(), LegacyError> {
        self.check_names(&Skeleton::from(object))
    }

    /// Checks that every program and map named in the document is in the object.
    /// The object may have more: all its programs are attached, all its maps created.
    ///
    /// # Errors
    /// The first name that the object does not have, or that stands twice.
    pub fn check_names(&self, skeleton: &Skeleton<'_>) -> Result<(), LegacyError> {
        let suffix = match self.generation {
            Generation::Zero => "",
            Generation::One | Generation::Two => ".name",
        };
        let maps = |element| format!("{}[{element}]{suffix}", self.places.maps);
        check(&self.maps, &skeleton.maps, maps, means_map)?;
        let programs = |element| format!("{}[{element}]{suffix}", self.places.programs);
        check(
            &self.programs,
            &skeleton.programs,
            programs,
            |name, program| name == program,
        )
    }
}

fn check(
    named: &[String],
    has: &[&str],
    path: impl Fn(usize) -> String,
    means: impl Fn(&str, &str) -> bool,
) -> Result<(), LegacyError> {
    let mut first_named: Vec<Option<usize>> = vec![None; has.len()];
    for (element, name) in named.iter().enumerate() {
        let error = |rule| LegacyError {
            path: path(element),
            rule,
        };
        let Some(position) = has.iter().position(|other| means(name, other)) else {
            let has = has.iter().map(|name| (*name).to_owned()).collect();
            return Err(error(Rule::UnknownName {
                name: escaped(name),
                has,
            }));
        };
        match first_named.get_mut(position) {
            Some(Some(first)) => {
                return Err(error(Rule::NamedTwice {
                    name: escaped(name),
                    first: *first,
                }));
            }
            Some(slot) => *slot = Some(element),
            None => {}
        }
    }
    Ok(())
}

/// Whether a skeleton's name of a map means this map of the object.
fn means_map(name: &str, map: &str) -> bool {
    if name == map {
        return true;
    }
    if !map.starts_with('.') {
        return false;
    }
    if has_name_of_its_own(map) {
        // libbpf before 0.6 cut these to what the kernel keeps.
        return map.get(..KERNEL_NAME_BYTES) == Some(name);
    }
    // The object's name, cut short, stands before the section's: which name it was is not known.
    name.strip_suffix(map)
        .is_some_and(|prefix| prefix.len() <= prefix_bytes_max(map))
}

/// What libbpf's skeleton calls a map of an object of this name.
pub(super) fn skeleton_map_name(object_name: &str, map: &str) -> String {
    if !map.starts_with('.') || has_name_of_its_own(map) {
        return map.to_owned();
    }
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.';
    let sanitised = object_name
        .bytes()
        .map(|byte| if allowed(byte) { byte as char } else { '_' });
    let mut name: String = sanitised.take(prefix_bytes_max(map)).collect();
    name.push_str(map);
    name
}

/// A data section that its author named, such as `.data.counters`.
fn has_name_of_its_own(map: &str) -> bool {
    map.chars().filter(|character| *character == '.').count() > 1
}

fn prefix_bytes_max(map: &str) -> usize {
    KERNEL_NAME_BYTES.saturating_sub(map.len().max(SECTION_BYTES_MIN))
}
