//! What is where in the map of a data section, the kernel's configuration included.
//! Called by whoever shows the content of such a map.
//! Must never place a variable by BTF's offsets: clang 14 leaves them 0.
use super::section_map::kconfig_places;
use super::{Map, Object};
use crate::btf::TypeId;

/// A variable and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// First byte in the section's map.
    pub offset: u64,
    /// Its size, bytes.
    pub bytes: u64,
    /// Its type in the object's BTF; none without BTF.
    pub type_id: Option<TypeId>,
}

impl Object {
    /// The variables in the map of a data section, by offset; none in other maps.
    #[must_use]
    pub fn variables(&self, map: &Map) -> Vec<Variable> {
        match (map.section.as_deref(), &self.btf) {
            (Some(".kconfig"), Some(btf)) => kconfig_places(btf, &self.externs),
            (Some(section), _) => {
                let here = self
                    .globals
                    .iter()
                    .filter(|global| global.section == section);
                let variables = here.map(|global| Variable {
                    name: global.name.clone(),
                    offset: global.offset.into(),
                    bytes: global.size.into(),
                    type_id: global.type_id,
                });
                variables.collect()
            }
            (None, _) => Vec::new(),
        }
    }
}
