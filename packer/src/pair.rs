//! `name=value` on the command line: labels, globals, targets. Parsed by `cli`.
//! Must never let a second value of one name win silently.

use std::collections::BTreeMap;
use std::str::FromStr;

use thiserror::Error;

use crate::failure::{Class, Classed};

/// A name and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pair {
    pub(crate) name: String,
    pub(crate) value: String,
}

/// Text that is no pair: a wrong command line.
#[derive(Debug, Error)]
pub(crate) enum PairError {
    /// No `=`.
    #[error("has no `=`: it is NAME=VALUE")]
    NoValue,
    /// Nothing in front of the `=`.
    #[error("has nothing in front of the `=`: it is NAME=VALUE")]
    NoName,
}

impl FromStr for Pair {
    type Err = PairError;

    fn from_str(text: &str) -> Result<Self, PairError> {
        let (name, value) = text.split_once('=').ok_or(PairError::NoValue)?;
        if name.is_empty() {
            return Err(PairError::NoName);
        }
        Ok(Self {
            name: name.to_owned(),
            value: value.to_owned(),
        })
    }
}

/// One name with two values.
#[derive(Debug, Error)]
#[error("--{option} gives {name} twice: {first:?} and {second:?}")]
pub(crate) struct Twice {
    option: &'static str,
    name: String,
    first: String,
    second: String,
}

impl Classed for Twice {
    fn class(&self) -> Class {
        Class::Usage
    }
}

/// The pairs of an option by name.
pub(crate) fn by_name(
    option: &'static str,
    pairs: &[Pair],
) -> Result<BTreeMap<String, String>, Twice> {
    let mut map = BTreeMap::new();
    for Pair { name, value } in pairs {
        if let Some(first) = map.insert(name.clone(), value.clone()) {
            return Err(Twice {
                option,
                name: name.clone(),
                first,
                second: value.clone(),
            });
        }
    }
    Ok(map)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_may_hold_anything_and_be_empty() {
        let pair: Pair = "probe=/lib/libc.so:open=1".parse().unwrap();
        assert_eq!(pair.value, "/lib/libc.so:open=1");
        assert_eq!("a=".parse::<Pair>().unwrap().value, "");
        assert!("a".parse::<Pair>().is_err());
        assert!("=a".parse::<Pair>().is_err());
    }

    #[test]
    fn two_values_of_one_name_are_refused() {
        let pairs: Vec<Pair> = ["a=1", "b=1", "a=2"]
            .map(|pair| pair.parse().unwrap())
            .into();
        let error = by_name("set", &pairs).unwrap_err();
        assert_eq!(error.to_string(), "--set gives a twice: \"1\" and \"2\"");
        assert_eq!(by_name("set", &pairs[..2]).unwrap().len(), 2);
    }
}
