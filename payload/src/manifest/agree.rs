//! Whether a manifest says about objects and handler what their bytes say. Called by every reader of a
//! payload, so that nobody has to trust the program that wrote the manifest.
//! Must never compare a judgement: a newer inspection would turn old payloads away.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::{Map, Value};

use super::compute::{globals, maps, programs};
use super::{Arch, Carry, HANDLER_WORLD, Handler, Manifest, Merge};
use crate::handler::{self, ABI_SECTION};
use crate::limits::NAMES_SHOWN_MAX;
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

/// A field in which a manifest and the handler differ.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HandlerDisagreement {
    /// The lists of imports are not the same.
    #[error(
        "handler.imports: only the manifest has {}, only the handler has {}",
        listed(manifest),
        listed(handler)
    )]
    Imports {
        /// What the handler does not import.
        manifest: Vec<String>,
        /// What the manifest does not list.
        handler: Vec<String>,
    },
    /// What the handler was built for is not what the manifest says.
    #[error("handler.{field}: the manifest says {manifest}, the handler's {ABI_SECTION} {handler}")]
    Abi {
        /// The field.
        field: &'static str,
        /// What the manifest says.
        manifest: Excerpt,
        /// What the bytes of the handler say.
        handler: Excerpt,
    },
}

impl Handler {
    /// Checks that this is true of a handler.
    ///
    /// # Errors
    /// [`HandlerDisagreement`]: the first field that is not.
    pub fn agrees_with(&self, handler: &handler::Handler) -> Result<(), HandlerDisagreement> {
        if self.imports != handler.imports {
            let lacks = |these: &[String], others: &[String]| {
                let missing = these.iter().filter(|import| !others.contains(import));
                missing.cloned().collect::<Vec<String>>()
            };
            return Err(HandlerDisagreement::Imports {
                manifest: lacks(&self.imports, &handler.imports),
                handler: lacks(&handler.imports, &self.imports),
            });
        }
        let Some(abi) = &handler.abi else {
            return Ok(());
        };
        let world = format!("{HANDLER_WORLD}{}", abi.world);
        for (field, manifest, handler) in [
            ("world", shown(&self.world), shown(&world)),
            ("sdk", shown(&self.sdk), shown(&abi.sdk)),
            ("schema", shown(&self.schema), shown(&abi.schema)),
            ("accepts", shown(&self.accepts), shown(&abi.accepts)),
        ] {
            if manifest != handler {
                return Err(HandlerDisagreement::Abi {
                    field,
                    manifest: Excerpt::of(&manifest),
                    handler: Excerpt::of(&handler),
                });
            }
        }
        Ok(())
    }
}

/// The first of some names, and how many more there are.
fn listed(names: &[String]) -> String {
    let (shown, more) = names.split_at(names.len().min(NAMES_SHOWN_MAX));
    match (shown.is_empty(), more.len()) {
        (true, _) => "none".to_owned(),
        (false, 0) => shown.join(", "),
        (false, more) => format!("{} and {more} more", shown.join(", ")),
    }
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
