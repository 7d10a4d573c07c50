//! Typed access to the keys of a JSON object: what is missing or of the wrong type is refused with
//! the path of the field. Called by the readers of the generations.
//! Must never guess: nothing is converted, `null` is a value like any other.

use std::collections::BTreeMap;

use super::error::{LegacyError, Rule};
use super::json::Json;
use super::path::Path;
use crate::limits::{IDENTIFIER_BYTES_MAX, LEGACY_PRESET_BYTES_MAX};

/// A value and its place in the document.
#[derive(Clone)]
pub(super) struct Field<'j> {
    pub(super) json: &'j Json,
    pub(super) path: Path,
}

/// An object and its place in the document.
pub(super) struct Fields<'j> {
    keys: &'j BTreeMap<String, Json>,
    path: Path,
}

impl<'j> Field<'j> {
    fn wrong_type(&self, expected: &'static str) -> LegacyError {
        self.path.error(Rule::WrongType {
            found: self.json.described(),
            expected,
        })
    }

    pub(super) fn object(self) -> Result<Fields<'j>, LegacyError> {
        match self.json {
            Json::Object(keys) => Ok(Fields {
                keys,
                path: self.path,
            }),
            _ => Err(self.wrong_type("an object")),
        }
    }

    pub(super) fn text(&self) -> Result<&'j str, LegacyError> {
        match self.json {
            Json::Text(text) => Ok(text),
            _ => Err(self.wrong_type("a string")),
        }
    }

    /// A name of a map, program or variable.
    pub(super) fn identifier(&self) -> Result<&'j str, LegacyError> {
        let text = self.text()?;
        if text.len() > IDENTIFIER_BYTES_MAX {
            let rule = Rule::TooLarge {
                bytes: text.len(),
                bytes_max: IDENTIFIER_BYTES_MAX,
            };
            return Err(self.path.error(rule));
        }
        Ok(text)
    }

    /// A number, a truth value or a string, as text.
    pub(super) fn scalar(&self) -> Result<String, LegacyError> {
        match self.json {
            Json::Text(text) if text.len() > LEGACY_PRESET_BYTES_MAX => {
                let (bytes, bytes_max) = (text.len(), LEGACY_PRESET_BYTES_MAX);
                Err(self.path.error(Rule::TooLarge { bytes, bytes_max }))
            }
            Json::Text(text) => Ok(text.clone()),
            Json::Bool(_) | Json::Natural(_) | Json::Negative(_) | Json::Real(_) => {
                Ok(self.json.described())
            }
            Json::Null | Json::Array(_) | Json::Object(_) => {
                Err(self.wrong_type("a number, true, false or a string"))
            }
        }
    }

    /// A whole number of 64 bits, below 0 too: for a rule that names it beside what it should be.
    pub(super) fn whole(&self) -> Result<i128, LegacyError> {
        match self.json {
            Json::Negative(value) => Ok(i128::from(*value)),
            Json::Natural(value) => Ok(i128::from(*value)),
            _ => Err(self.wrong_type("a whole number of bytes")),
        }
    }

    pub(super) fn elements(&self, count_max: usize) -> Result<Vec<Field<'j>>, LegacyError> {
        let Json::Array(array) = self.json else {
            return Err(self.wrong_type("an array"));
        };
        if array.len() > count_max {
            return Err(self.path.error(Rule::TooMany {
                count: array.len(),
                count_max,
            }));
        }
        let place = |(index, json)| Field {
            json,
            path: self.path.index(index),
        };
        Ok(array.iter().enumerate().map(place).collect())
    }
}

impl<'j> Fields<'j> {
    pub(super) fn has(&self, key: &str) -> bool {
        self.keys.contains_key(key)
    }

    /// The place of a key, whether it is there or not.
    pub(super) fn path_of(&self, key: &str) -> Path {
        self.path.key(key)
    }

    pub(super) fn optional(&self, key: &str) -> Option<Field<'j>> {
        self.keys.get(key).map(|json| Field {
            json,
            path: self.path.key(key),
        })
    }

    pub(super) fn required(
        &self,
        key: &str,
        expected: &'static str,
    ) -> Result<Field<'j>, LegacyError> {
        self.optional(key)
            .ok_or_else(|| self.path.key(key).error(Rule::Missing { expected }))
    }

    /// A key with two spellings, of which one must be there.
    pub(super) fn either(
        &self,
        short: &'static str,
        long: &'static str,
        expected: &'static str,
    ) -> Result<Field<'j>, LegacyError> {
        if self.has(short) && self.has(long) {
            return Err(self
                .path
                .key(long)
                .error(Rule::BothSpellings { other: short }));
        }
        match self.optional(long) {
            Some(field) => Ok(field),
            None => self.required(short, expected),
        }
    }
}
