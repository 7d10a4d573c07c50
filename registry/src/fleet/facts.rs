//! When a change of what a node tells about itself is audited, and what of it: a node may tell
//! something else in every report, and the audit is kept for ever. Called by the route of reports.
//! Pure. Must never lose the first value of a change, nor let a node fill the disk.

use api::registry::Facts;
use serde_json::{Map, Value, json};

use crate::limits::FACTS_AUDITED_EVERY_MS;

/// What the audit says of a node's facts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Audited {
    /// When a change was audited last, milliseconds since 1970.
    pub(crate) at_ms: u64,
    /// The facts as the audit has them, where those that are kept are newer.
    pub(crate) facts: Option<Facts>,
}

/// A change to be audited: the fields, and the labels, that are different.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Change {
    /// As they were when one was audited last.
    pub(crate) before: Value,
    /// As they are.
    pub(crate) after: Value,
}

impl Audited {
    /// Takes in a report whose facts were `before` in the one before it. A change that comes too
    /// soon after the last one waits for a later report, and what came in between is left out.
    pub(crate) fn step(self, before: Facts, after: &Facts, now_ms: u64) -> (Self, Option<Change>) {
        let at_ms = self.at_ms;
        let known = self.facts.unwrap_or(before);
        if known == *after {
            return (Self { at_ms, facts: None }, None);
        }
        // Also where the clock was set back.
        if now_ms.abs_diff(at_ms) < FACTS_AUDITED_EVERY_MS {
            let facts = Some(known);
            return (Self { at_ms, facts }, None);
        }
        let (before, after) = different(&json!(known), &json!(after));
        let (at_ms, facts) = (now_ms, None);
        (Self { at_ms, facts }, Some(Change { before, after }))
    }
}

/// The members of two objects, and of objects in them, that are not the same in both.
fn different(before: &Value, after: &Value) -> (Value, Value) {
    let (Value::Object(old), Value::Object(new)) = (before, after) else {
        return (before.clone(), after.clone());
    };
    let (mut was, mut is) = (Map::new(), Map::new());
    for key in old
        .keys()
        .chain(new.keys().filter(|key| !old.contains_key(*key)))
    {
        match (old.get(key), new.get(key)) {
            (Some(one), Some(other)) if one == other => {}
            (Some(one), Some(other)) => {
                let (one, other) = different(one, other);
                was.insert(key.clone(), one);
                is.insert(key.clone(), other);
            }
            (one, other) => {
                was.extend(one.map(|one| (key.clone(), one.clone())));
                is.extend(other.map(|other| (key.clone(), other.clone())));
            }
        }
    }
    (was.into(), is.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(kernel: &str, labels: &[(&str, &str)]) -> Facts {
        let labels = labels.iter();
        Facts {
            kernel: kernel.into(),
            labels: labels
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect(),
            ..Facts::default()
        }
    }

    #[test]
    fn only_what_is_different_is_audited() {
        let before = facts("6.1", &[("env", "prod"), ("rack", "1"), ("gone", "x")]);
        let after = facts("6.2", &[("env", "prod"), ("rack", "2"), ("new", "y")]);
        let (_, change) = Audited::default().step(before, &after, FACTS_AUDITED_EVERY_MS);
        let change = change.unwrap();
        let was = json!({ "kernel": "6.1", "labels": { "rack": "1", "gone": "x" } });
        let is = json!({ "kernel": "6.2", "labels": { "rack": "2", "new": "y" } });
        assert_eq!((change.before, change.after), (was, is));
    }

    #[test]
    fn a_node_that_changes_all_the_time_is_audited_at_its_pace_and_no_change_is_lost() {
        let start_ms = 1_700_000_000_000;
        let (mut audited, mut before) = (Audited::default(), facts("k0", &[]));
        let mut changes = Vec::new();
        for count in 1..=10_000 {
            let after = facts(&format!("k{count}"), &[]);
            let change;
            (audited, change) = audited.step(before, &after, start_ms + count * 60);
            changes.extend(change);
            before = after;
        }
        // Ten minutes.
        assert_eq!(changes.len(), 10);
        for pair in changes.windows(2) {
            assert_eq!(pair[0].after, pair[1].before);
        }
        let last = facts("k10000", &[]);
        let (_, change) = audited.step(last.clone(), &last, start_ms + 999_999);
        assert_eq!(change.unwrap().after, json!({ "kernel": "k10000" }));
    }

    #[test]
    fn what_went_back_in_between_is_no_change_and_a_clock_set_back_stops_nothing() {
        let (a, b) = (facts("a", &[]), facts("b", &[]));
        let (audited, change) = Audited::default().step(a.clone(), &b, 1_000_000);
        assert!(change.is_some());
        let (audited, change) = audited.step(b.clone(), &a, 1_000_001);
        assert!(change.is_none() && audited.facts == Some(b.clone()));
        let (audited, change) = audited.step(a.clone(), &b, 1_000_002);
        assert!(change.is_none() && audited.facts.is_none());
        assert!(audited.step(b, &a, 500_000).1.is_some());
    }
}
