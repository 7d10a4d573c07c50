//! Whether a manifest says about an object what the object's bytes say. Called by every reader of a
//! payload, so that nobody has to trust the program that wrote the manifest.
//! Must never compare a judgement: a newer inspection would turn old payloads away.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::{Map, Value};

use super::compute::{globals, maps, programs};
use super::{Arch, Carry, Manifest, Merge};
use crate::name::Excerpt;
use crate::object::Object;

/// A field in which a manifest and an object differ.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: the manifest says {manifest}, the object for {arch} has {object}")]
pub struct Disagreement {
    /// The field, in the form `maps[3]`.
    pub field: String,
    /// Which object.
    pub arch: Arch,
    /// What the manifest says.
    pub manifest: Excerpt,
    /// What the object's bytes say.
    pub object: Excerpt,
}

impl Manifest {
    /// Checks that this manifest is true of the object for `arch`.
    ///
    /// # Errors
    /// [`Disagreement`]: the first field that is not.
    pub fn agrees_with(&self, arch: Arch, object: &Object) -> Result<(), Disagreement> {
        let differ = |field: String, manifest: String, object: String| Disagreement {
            field,
            arch,
            manifest: Excerpt::of(&manifest),
            object: Excerpt::of(&object),
        };
        let Some(file) = self.objects.iter().position(|file| file.arch == arch) else {
            return Err(differ(
                "objects".into(),
                "no such object".into(),
                "one".into(),
            ));
        };
        if self.objects[file].license != object.license {
            let field = format!("objects[{file}].license");
            let (manifest, object) = (shown(&self.objects[file].license), shown(&object.license));
            return Err(differ(field, manifest, object));
        }
        let (mut bare_maps, mut bare_globals) = (self.maps.clone(), self.globals.clone());
        let mut bare_programs = self.programs.clone();
        for program in &mut bare_programs {
            program.target_settable = false;
        }
        for map in &mut bare_maps {
            (map.carry, map.merge) = (Carry::default(), Merge::default());
        }
        for global in &mut bare_globals {
            global.settable = false;
        }
        first_difference("programs", &bare_programs, &programs(object))
            .or_else(|| first_difference("maps", &bare_maps, &maps(object)))
            .or_else(|| first_difference("globals", &bare_globals, &globals(object)))
            .map_or(Ok(()), |(field, manifest, object)| {
                Err(differ(field, manifest, object))
            })?;
        self.settable_are_exported(object)
            .map_err(|(field, object)| differ(field, "settable".into(), object))
    }

    /// Only what the source exports can be set from outside: a static variable may have been
    /// folded into the code.
    fn settable_are_exported(&self, object: &Object) -> Result<(), (String, String)> {
        for (index, (entry, global)) in self.globals.iter().zip(&object.globals).enumerate() {
            if entry.settable && !global.exported {
                return Err((format!("globals[{index}]"), "a static variable".into()));
            }
        }
        Ok(())
    }
}

/// The first field in which two lists differ, as (field, manifest's, object's).
fn first_difference<T: PartialEq + Serialize>(
    list: &str,
    manifest: &[T],
    object: &[T],
) -> Option<(String, String, String)> {
    let pairs = manifest.iter().zip(object).enumerate();
    for (index, (one, other)) in pairs {
        if one == other {
            continue;
        }
        let (one, other) = (fields(one), fields(other));
        let names: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
        let differing = names
            .into_iter()
            .find(|name| one.get(*name) != other.get(*name));
        let name = differing.map_or("", String::as_str);
        let field = format!("{list}[{index}].{name}");
        return Some((field, shown(&one.get(name)), shown(&other.get(name))));
    }
    let entries = |list: &[T]| format!("{} entries", list.len());
    (manifest.len() != object.len()).then(|| (list.to_owned(), entries(manifest), entries(object)))
}

/// The fields of an entry by the names they have in JSON.
fn fields<T: Serialize>(entry: &T) -> Map<String, Value> {
    match serde_json::to_value(entry) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    }
}

/// A value as JSON; `null` where there is none.
fn shown<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
