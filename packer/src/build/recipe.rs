//! `payload.toml`: what cannot be computed from the object. Read by `build`.
//! Must never accept a key it does not know, nor a rule about something the object does not have.

mod handler;

use std::collections::BTreeMap;

use payload::btf::{Type, TypeId};
use payload::manifest::{Carry, Described, KernelVersion, Merge};
use payload::name::{PayloadName, Version};
use payload::object::Object;
use serde::Deserialize;
use thiserror::Error;
use toml::Spanned;

use crate::failure::{Class, Classed};
pub(crate) use handler::HandlerRule;

/// The file's name in its folder.
pub(crate) const FILE_NAME: &str = "payload.toml";
/// The most that is read of it.
pub(crate) const BYTES_MAX: usize = 256 << 10;

/// What the author says about a payload.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Recipe {
    pub(crate) name: PayloadName,
    pub(crate) version: Version,
    pub(crate) description: Option<String>,
    pub(crate) license: Option<String>,
    pub(crate) source: Option<String>,
    pub(crate) kernel_min: Option<KernelVersion>,
    #[serde(default)]
    maps: BTreeMap<Spanned<String>, MapRule>,
    #[serde(default)]
    events: BTreeMap<Spanned<String>, Spanned<String>>,
    #[serde(default)]
    globals: Globals,
    #[serde(default)]
    programs: Programs,
    pub(crate) handler: Option<HandlerRule>,
    /// The file itself, for the place of an error.
    #[serde(skip)]
    text: String,
}

/// What happens to a map's content at an update.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct MapRule {
    #[serde(default)]
    carry: Carry,
    #[serde(default)]
    merge: Merge,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Globals {
    #[serde(default)]
    settable: Vec<Spanned<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Programs {
    #[serde(default)]
    target_settable: Vec<Spanned<String>>,
}

/// A `payload.toml` that was refused.
#[derive(Debug, Error)]
pub(crate) enum RecipeError {
    /// It is not UTF-8.
    #[error("{FILE_NAME}: byte {at} is not UTF-8")]
    NotText { at: usize },
    /// It is not TOML, a key is unknown or missing, or a value has the wrong form.
    #[error("{FILE_NAME}: {message}")]
    Toml { message: String },
    /// It speaks of something that the object does not have.
    #[error("{FILE_NAME}:{line}: {what} {name:?} is not in the object, which has: {has}")]
    Unknown {
        line: usize,
        what: &'static str,
        name: String,
        has: String,
    },
}

impl Classed for RecipeError {
    fn class(&self) -> Class {
        Class::Refused
    }

    fn next_step(&self) -> Option<String> {
        Some("`packer build --help` shows every key".to_owned())
    }
}

impl Recipe {
    /// Reads the file's bytes.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, RecipeError> {
        let text = std::str::from_utf8(bytes).map_err(|error| RecipeError::NotText {
            at: error.valid_up_to(),
        })?;
        let mut recipe: Self = toml::from_str(text).map_err(|error| {
            // It begins with the place and ends with a newline.
            RecipeError::Toml {
                message: error.to_string().trim_end().to_owned(),
            }
        })?;
        text.clone_into(&mut recipe.text);
        Ok(recipe)
    }

    /// Checks that what it speaks of is in the object.
    pub(crate) fn check(&self, object: &Object) -> Result<(), RecipeError> {
        let maps: Vec<&str> = object.maps.iter().map(|map| map.name.as_str()).collect();
        let variables: Vec<&str> = object
            .globals
            .iter()
            .map(|global| global.name.as_str())
            .collect();
        let structs = structs(object);
        let rings = object.maps.iter().filter(|map| map.kind.carries_events());
        let rings: Vec<&str> = rings.map(|map| map.name.as_str()).collect();
        for map in self.maps.keys() {
            self.known("map", map, &maps)?;
        }
        for map in self.handler.iter().flat_map(|rule| rule.maps.keys()) {
            self.known("map", map, &maps)?;
        }
        for variable in &self.globals.settable {
            self.known("variable", variable, &variables)?;
        }
        let programs = object.programs.iter();
        let programs: Vec<&str> = programs.map(|program| program.name.as_str()).collect();
        for program in &self.programs.target_settable {
            self.known("program", program, &programs)?;
        }
        for (map, record) in &self.events {
            self.known("ring or perf buffer", map, &rings)?;
            self.known("struct", record, &structs)?;
        }
        Ok(())
    }

    /// What the manifest takes from it.
    pub(crate) fn described(&self) -> Described {
        let of_map = |map: &Spanned<String>| map.get_ref().clone();
        let names = |names: &[Spanned<String>]| names.iter().map(of_map).collect();
        Described {
            description: self.description.clone(),
            license: self.license.clone(),
            source: self.source.clone(),
            build: None,
            kernel_min: self.kernel_min,
            handler: None,
            carry: self
                .maps
                .iter()
                .map(|(map, rule)| (of_map(map), rule.carry))
                .collect(),
            merge: self
                .maps
                .iter()
                .map(|(map, rule)| (of_map(map), rule.merge))
                .collect(),
            settable: names(&self.globals.settable),
            target_settable: names(&self.programs.target_settable),
        }
    }

    /// Which struct each ring carries, where the author says so.
    pub(crate) fn events(&self) -> Vec<(String, String)> {
        let pair = |(map, record): (&Spanned<String>, &Spanned<String>)| {
            (map.get_ref().clone(), record.get_ref().clone())
        };
        self.events.iter().map(pair).collect()
    }

    fn known(
        &self,
        what: &'static str,
        name: &Spanned<String>,
        has: &[&str],
    ) -> Result<(), RecipeError> {
        if has.contains(&name.get_ref().as_str()) {
            return Ok(());
        }
        let before = self.text.get(..name.span().start).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let has = match has {
            [] => "none".to_owned(),
            names => names.join(", "),
        };
        Err(RecipeError::Unknown {
            line,
            what,
            name: name.get_ref().clone(),
            has,
        })
    }
}

/// The named structs of an object.
fn structs(object: &Object) -> Vec<&str> {
    let Some(btf) = &object.btf else {
        return Vec::new();
    };
    let is_struct = |id: &TypeId| matches!(btf.type_at(*id), Type::Struct(_));
    let names = btf.ids().filter(is_struct).map(|id| btf.name(id));
    names.filter(|name| !name.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINIMAL: &str = "name = \"a/b\"\nversion = \"1.0.0\"\n";

    fn refused(text: &str) -> String {
        Recipe::parse(text.as_bytes())
            .expect_err("must be refused")
            .to_string()
    }

    #[test]
    fn only_name_and_version_are_required() {
        let recipe = Recipe::parse(MINIMAL.as_bytes()).unwrap();
        assert_eq!(recipe.described(), Described::default());
        assert!(refused("name = \"a/b\"\n").contains("missing field `version`"));
    }

    #[test]
    fn an_error_names_line_and_column() {
        let error = refused("name = \"a/b\"\nversion = \"one\"\n");
        assert!(error.contains("line 2, column 11"), "{error}");
        let error = refused(&format!("{MINIMAL}[maps.counts]\ncarry = \"allways\"\n"));
        assert!(
            error.contains("line 4, column 9") && error.contains("allways"),
            "{error}"
        );
    }

    #[test]
    fn unknown_and_repeated_keys_are_refused() {
        for more in [
            "colour = 1\n",
            "[maps.a]\ncary = \"auto\"\n",
            "[globals]\nset = []\n",
        ] {
            let error = refused(&format!("{MINIMAL}{more}"));
            assert!(error.contains("unknown field"), "{error}");
        }
        let error = refused(&format!("{MINIMAL}name = \"a/c\"\n"));
        assert!(error.contains("duplicate key"), "{error}");
    }

    #[test]
    fn bytes_that_are_no_text_are_refused() {
        let error = Recipe::parse(b"name = \"\xff\"").expect_err("must be refused");
        assert_eq!(error.to_string(), "payload.toml: byte 8 is not UTF-8");
    }
}
