//! What is different between two releases, for a reviewer. Computed from both manifests and
//! privileges when somebody looks. Pure.
//! Must never call two things different because they stand in another order.

mod handler;

use std::collections::{BTreeMap, BTreeSet};

use api::registry::{Difference, Release};
use serde_json::Value;

/// The difference from one release to another, as a rule a higher one.
pub(crate) fn between(from: &Release, to: &Release) -> Difference {
    let (old_maps, new_maps) = (by_name(from, "maps"), by_name(to, "maps"));
    let (old_programs, new_programs) = (by_name(from, "programs"), by_name(to, "programs"));
    let (old_globals, new_globals) = (by_name(from, "globals"), by_name(to, "globals"));
    let (old_wishes, new_wishes) = (handler::wishes(from), handler::wishes(to));
    Difference {
        from: from.version.clone(),
        to: to.version.clone(),
        programs_added: only_in(&new_programs, &old_programs),
        programs_removed: only_in(&old_programs, &new_programs),
        programs_changed: changed(&old_programs, &new_programs, &PROGRAM_FACTS),
        maps_added: only_in(&new_maps, &old_maps),
        maps_removed: only_in(&old_maps, &new_maps),
        maps_changed: changed(&old_maps, &new_maps, &MAP_FACTS),
        globals_added: only_in(&new_globals, &old_globals),
        globals_removed: only_in(&old_globals, &new_globals),
        globals_changed: changed(&old_globals, &new_globals, &GLOBAL_FACTS),
        handler_added: new_wishes.beyond(&old_wishes),
        handler_removed: old_wishes.beyond(&new_wishes),
        privileges_added: not_in(&to.privileges, &from.privileges),
        privileges_removed: not_in(&from.privileges, &to.privileges),
    }
}

/// The entries of one of the manifest's lists.
fn by_name<'a>(release: &'a Release, list: &str) -> BTreeMap<&'a str, &'a Value> {
    let entries = release.manifest.get(list).and_then(Value::as_array);
    let named = entries.into_iter().flatten().filter_map(|entry| {
        let name = entry.get("name")?.as_str()?;
        Some((name, entry))
    });
    named.collect()
}

/// Where and how a program attaches.
const PROGRAM_FACTS: [&str; 5] = ["section", "kind", "target", "sleepable", "target_settable"];
/// What the object says of a map; not what its author wishes for it.
const MAP_FACTS: [&str; 7] = [
    "kind",
    "key_size",
    "value_size",
    "max_entries",
    "flags",
    "key_type",
    "value_type",
];
/// What a global is, and whether a deployment may set it.
const GLOBAL_FACTS: [&str; 5] = ["section", "type", "size_bytes", "default", "settable"];

/// Those of both whose facts differ.
fn changed(
    old: &BTreeMap<&str, &Value>,
    new: &BTreeMap<&str, &Value>,
    facts: &[&str],
) -> Vec<String> {
    let of = |entry: &Value| -> Vec<Value> {
        let facts = facts.iter();
        facts
            .map(|fact| entry.get(fact).cloned().unwrap_or_default())
            .collect()
    };
    let both = new.iter().filter_map(|(name, new)| {
        let old = old.get(name)?;
        (of(old) != of(new)).then(|| (*name).to_owned())
    });
    both.collect()
}

fn only_in(here: &BTreeMap<&str, &Value>, there: &BTreeMap<&str, &Value>) -> Vec<String> {
    let only = here.keys().filter(|name| !there.contains_key(*name));
    only.map(|name| (*name).to_owned()).collect()
}

fn not_in(here: &[String], there: &[String]) -> Vec<String> {
    let there: BTreeSet<&String> = there.iter().collect();
    let only = here.iter().filter(|word| !there.contains(word));
    only.cloned().collect()
}

#[cfg(test)]
mod tests {
    use api::registry::ReleaseState;
    use serde_json::json;

    use super::*;

    fn release(version: &str, manifest: Value, privileges: &[&str]) -> Release {
        Release {
            payload: "acme/x".to_owned(),
            version: version.to_owned(),
            digest: String::new(),
            size_bytes: 0,
            state: ReleaseState::Available,
            reason: None,
            signers: Vec::new(),
            envelope: None,
            manifest,
            privileges: privileges.iter().map(|word| (*word).to_owned()).collect(),
            published_ms: 0,
            published_by: String::new(),
            nodes: 0,
        }
    }

    #[test]
    fn what_is_new_gone_and_changed_is_told_and_order_is_not() {
        let map = |name: &str, entries: u32| json!({"name": name, "kind": "hash", "max_entries": entries});
        let from = release(
            "1.0.0",
            json!({"programs": [{"name": "a"}, {"name": "b"}], "maps": [map("m", 1), map("n", 1), map("o", 1)]}),
            &["may sleep", "reads user memory"],
        );
        let to = release(
            "1.1.0",
            json!({"programs": [{"name": "c"}, {"name": "a"}], "maps": [map("o", 1), map("m", 2), map("p", 1)]}),
            &["reads user memory", "sends signals"],
        );
        let found = between(&from, &to);
        let words = |words: &[&str]| {
            words
                .iter()
                .map(|word| (*word).to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(found.programs_added, words(&["c"]));
        assert_eq!(found.programs_removed, words(&["b"]));
        assert_eq!(found.maps_added, words(&["p"]));
        assert_eq!(found.maps_removed, words(&["n"]));
        assert_eq!(found.maps_changed, words(&["m"]));
        assert_eq!(found.privileges_added, words(&["sends signals"]));
        assert_eq!(found.privileges_removed, words(&["may sleep"]));
        let (from, to) = ("1.0.0".to_owned(), "1.0.0".to_owned());
        let nothing = Difference {
            from,
            to,
            ..Difference::default()
        };
        let same = release("1.0.0", json!({}), &[]);
        assert_eq!(between(&same, &same), nothing);
    }
}
