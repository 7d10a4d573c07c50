//! Maps in JSON whose every key is there once, as the fields of a struct are. Used by the types of
//! this module. Must never let the last of two entries win: whoever looked at the first would not
//! know what is meant.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};

/// Characters of a key that an error shows.
const SHOWN_CHARS_MAX: usize = 64;

struct Entries<V>(PhantomData<V>);

impl<'de, V: Deserialize<'de>> Visitor<'de> for Entries<V> {
    type Value = BTreeMap<String, V>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entries = BTreeMap::new();
        while let Some(key) = map.next_key::<String>()? {
            match entries.entry(key) {
                Entry::Vacant(place) => place.insert(map.next_value()?),
                Entry::Occupied(place) => {
                    let shown: String = place.key().chars().take(SHOWN_CHARS_MAX).collect();
                    return Err(A::Error::custom(format_args!("duplicate key {shown:?}")));
                }
            };
        }
        Ok(entries)
    }
}

/// For `#[serde(deserialize_with)]`.
///
/// # Errors
/// A key that is there twice, by name; what does not fit the type.
pub(super) fn unique<'de, D: Deserializer<'de>, V: Deserialize<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, V>, D::Error> {
    deserializer.deserialize_map(Entries(PhantomData))
}

#[cfg(test)]
mod tests {
    use crate::registry::{DeploymentSpec, Desired, Facts, NewToken};

    fn refused<T: serde::de::DeserializeOwned + std::fmt::Debug>(json: &str) -> String {
        serde_json::from_str::<T>(json).unwrap_err().to_string()
    }

    #[test]
    fn a_key_that_is_there_twice_is_refused_by_name() {
        let twice = r#"{"env":"prod","env":"test"}"#;
        let spec = |field: &str| {
            format!(
                r#"{{"payload":"a/b","source":{{"channel":"s"}},"selector":"*","{field}":{twice}}}"#
            )
        };
        let facts = format!(
            r#"{{"kernel":"6","arch":"x","btf":true,"cpus":1,"version":"1","labels":{twice}}}"#
        );
        let token = format!(r#"{{"name":"a","scopes":["enrol"],"labels":{twice}}}"#);
        let wanted = |field: &str| {
            format!(
                r#"{{"node":"a","poll_ms":1,"floors":[],"instances":[{{"instance":"a",
                "deployment":"d","payload":"a/b","version":"1.0.0","digest":"sha256:0",
                "size_bytes":1,"{field}":{twice}}}]}}"#
            )
        };
        for said in [
            refused::<DeploymentSpec>(&spec("globals")),
            refused::<DeploymentSpec>(&spec("targets")),
            refused::<Facts>(&facts),
            refused::<NewToken>(&token),
            refused::<Desired>(&wanted("globals")),
            refused::<Desired>(&wanted("targets")),
        ] {
            assert!(said.contains("duplicate key \"env\""), "{said}");
        }
        let once = spec("globals").replace(r#""env":"prod","#, "");
        let spec: DeploymentSpec = serde_json::from_str(&once).unwrap();
        assert_eq!(spec.globals["env"], "test");
    }

    #[test]
    fn a_long_key_is_shown_in_part() {
        let key = "k".repeat(1000);
        let json = format!(r#"{{"labels":{{"{key}":"1","{key}":"2"}}}}"#);
        let said = refused::<Facts>(&json);
        assert!(said.contains("duplicate key") && said.len() < 200, "{said}");
    }
}
