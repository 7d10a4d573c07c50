//! What is set in a payload as it is started or updated. Part of `node`'s API: the query of `PUT` and
//! `POST`, `set=NAME=VALUE` and `target=PROGRAM=TARGET`, each as often as needed; `bake_ms=` and
//! `at_ms=` once.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Timing;

/// Values of globals and attach targets of programs.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Settings {
    /// Values as text, by the global's name.
    pub globals: BTreeMap<String, String>,
    /// Targets in place of those of the sections, by the program's name.
    pub targets: BTreeMap<String, String>,
}

impl Settings {
    /// As the query of a request, with its question mark; empty where nothing is set.
    #[must_use]
    pub fn to_query(&self) -> String {
        self.to_query_with(Timing::default())
    }

    /// The same with when it is to happen.
    #[must_use]
    pub fn to_query_with(&self, timing: Timing) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, value) in &self.globals {
            query.append_pair("set", &format!("{name}={value}"));
        }
        for (program, target) in &self.targets {
            query.append_pair("target", &format!("{program}={target}"));
        }
        for (word, value) in [("bake_ms", timing.bake_ms), ("at_ms", timing.at_ms)] {
            if let Some(value) = value {
                query.append_pair(word, &value.to_string());
            }
        }
        match query.finish() {
            query if query.is_empty() => query,
            query => format!("?{query}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_escapes_what_would_end_it() {
        assert_eq!(Settings::default().to_query(), "");
        let one = |name: &str, value: &str| BTreeMap::from([(name.to_owned(), value.to_owned())]);
        let settings = Settings {
            globals: one("min_us", "a&b"),
            targets: one("drop", "eth0,mode=generic"),
        };
        assert_eq!(
            settings.to_query(),
            "?set=min_us%3Da%26b&target=drop%3Deth0%2Cmode%3Dgeneric"
        );
        let timing = Timing {
            bake_ms: Some(0),
            at_ms: Some(7),
        };
        assert_eq!(
            Settings::default().to_query_with(timing),
            "?bake_ms=0&at_ms=7"
        );
    }
}
