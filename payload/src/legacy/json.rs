//! A bounded reader of JSON: size, depth and number of values are checked while reading, a key may
//! stand once in an object, and every error knows the path of the value it is about.
//! Called by `legacy::read`. Must never keep more than the bounds of `limits` allow.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::error::{LegacyError, Rule};
use super::path::Path;
use crate::limits::{LEGACY_JSON_BYTES_MAX, LEGACY_JSON_DEPTH_MAX, LEGACY_JSON_VALUES_MAX};

/// One value of a JSON document.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Json {
    Null,
    Bool(bool),
    /// A whole number of at most 64 bits.
    Natural(u64),
    /// A whole number below 0.
    Negative(i64),
    /// A fraction, an exponent, or a whole number of more than 64 bits.
    Real(f64),
    Text(String),
    Array(Vec<Json>),
    Object(BTreeMap<String, Json>),
}

impl Json {
    /// What it is, for an error: the type, and the value where that is short.
    pub(super) fn described(&self) -> String {
        match self {
            Self::Null => "null".to_owned(),
            Self::Bool(value) => value.to_string(),
            Self::Natural(value) => value.to_string(),
            Self::Negative(value) => value.to_string(),
            Self::Real(value) => value.to_string(),
            Self::Text(_) => "a string".to_owned(),
            Self::Array(_) => "an array".to_owned(),
            Self::Object(_) => "an object".to_owned(),
        }
    }
}

/// Reads one document; `at` is where it stands, if inside another one.
pub(super) fn parse(text: &[u8], at: &Path) -> Result<Json, LegacyError> {
    if text.len() > LEGACY_JSON_BYTES_MAX {
        let rule = Rule::TooLarge {
            bytes: text.len(),
            bytes_max: LEGACY_JSON_BYTES_MAX,
        };
        return Err(at.error(rule));
    }
    let state = RefCell::new(State {
        path: at.clone(),
        values: 0,
        broken: None,
    });
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let read = Tree {
        state: &state,
        depth: 1,
    }
    .deserialize(&mut deserializer)
    .and_then(|json| deserializer.end().map(|()| json));
    let state = state.into_inner();
    read.map_err(|error| match state.broken {
        Some(rule) => state.path.error(rule),
        None => state.path.error(syntax(&error)),
    })
}

fn syntax(error: &serde_json::Error) -> Rule {
    let text = error.to_string();
    // The position stands in fields of its own.
    let message = text
        .split(" at line ")
        .next()
        .unwrap_or_default()
        .to_owned();
    Rule::Syntax {
        message,
        line: error.line(),
        column: error.column(),
    }
}

/// What the readers of all values share.
struct State {
    path: Path,
    values: usize,
    /// The rule that stopped the reading; without one the text is no JSON.
    broken: Option<Rule>,
}

/// Reads one value at `depth`.
#[derive(Clone, Copy)]
struct Tree<'s> {
    state: &'s RefCell<State>,
    depth: usize,
}

impl Tree<'_> {
    fn refuse<E: serde::de::Error>(self, rule: Rule) -> E {
        let error = E::custom(&rule);
        self.state.borrow_mut().broken = Some(rule);
        error
    }

    /// The reader of what an array or object at this depth holds.
    fn inner<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth >= LEGACY_JSON_DEPTH_MAX {
            return Err(self.refuse(Rule::TooDeep {
                depth_max: LEGACY_JSON_DEPTH_MAX,
            }));
        }
        Ok(Self {
            depth: self.depth + 1,
            ..self
        })
    }
}

impl<'de> DeserializeSeed<'de> for Tree<'_> {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        self.state.borrow_mut().values += 1;
        if self.state.borrow().values > LEGACY_JSON_VALUES_MAX {
            return Err(self.refuse(Rule::TooManyValues {
                values_max: LEGACY_JSON_VALUES_MAX,
            }));
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Tree<'_> {
    type Value = Json;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Natural(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(u64::try_from(value).map_or(Json::Negative(value), Json::Natural))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(Json::Real(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Json, E> {
        Ok(Json::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Json, A::Error> {
        let inner = self.inner()?;
        let mut array = Vec::new();
        loop {
            self.state.borrow_mut().path.enter_index(array.len());
            // On an error the path stays where it is: that is the place the error is about.
            let element = elements.next_element_seed(inner)?;
            self.state.borrow_mut().path.leave();
            match element {
                Some(element) => array.push(element),
                None => return Ok(Json::Array(array)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Json, A::Error> {
        let inner = self.inner()?;
        let mut object = BTreeMap::new();
        while let Some(key) = entries.next_key::<String>()? {
            self.state.borrow_mut().path.enter_key(&key);
            if object.contains_key(&key) {
                return Err(self.refuse(Rule::DuplicateKey));
            }
            let value = entries.next_value_seed(inner)?;
            self.state.borrow_mut().path.leave();
            object.insert(key, value);
        }
        Ok(Json::Object(object))
    }
}
