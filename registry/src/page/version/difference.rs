//! What is different between two releases, line by line. Made by the page of a version.
//! Must never show what is new in what a payload may do as if it were like any other change.

use api::registry::Difference;
use payload::manifest::Manifest;
use payload::object::Record;

use super::super::visible::visible;
use super::{named, words};
use crate::events::EventRecord;

/// All of it.
pub(crate) struct DifferenceView {
    /// The version that is compared with.
    pub(super) from: String,
    /// What it may do that the other one could not.
    pub(super) rights_added: Vec<String>,
    /// What only the other one could do.
    pub(super) rights_removed: Vec<String>,
    pub(super) changes: Vec<Change>,
    privileges_added: Vec<String>,
}

/// One line.
pub(super) struct Change {
    /// `program`, `map`, `global`, `event`.
    pub(super) what: &'static str,
    /// `new`, `gone`, `changed`.
    pub(super) how: &'static str,
    pub(super) name: String,
    pub(super) before: Option<String>,
    pub(super) after: Option<String>,
}

/// What a side of the comparison holds.
pub(crate) struct Side<'a> {
    pub(crate) manifest: Option<&'a Manifest>,
    pub(crate) records: &'a [EventRecord],
}

impl DifferenceView {
    /// A difference with what both sides say of what is in it.
    pub(crate) fn of(difference: Difference, old: &Side<'_>, new: &Side<'_>) -> Self {
        let lists = [
            (
                "program",
                &difference.programs_added,
                &difference.programs_removed,
                &difference.programs_changed,
            ),
            (
                "map",
                &difference.maps_added,
                &difference.maps_removed,
                &difference.maps_changed,
            ),
            (
                "global",
                &difference.globals_added,
                &difference.globals_removed,
                &difference.globals_changed,
            ),
        ];
        let mut changes = Vec::new();
        for (what, added, removed, changed) in lists {
            for (how, names) in [("new", added), ("gone", removed), ("changed", changed)] {
                changes.extend(
                    names
                        .iter()
                        .map(|name| Change::of(what, how, name, old, new)),
                );
            }
        }
        changes.extend(events(old, new));
        let privileges = difference.privileges_added.iter();
        let added = privileges.chain(&difference.handler_added).cloned();
        let privileges = difference.privileges_removed.iter();
        let removed = privileges.chain(&difference.handler_removed).cloned();
        Self {
            from: difference.from,
            rights_added: added.collect(),
            rights_removed: removed.collect(),
            changes,
            privileges_added: difference.privileges_added,
        }
    }

    /// Whether a privilege is new.
    pub(super) fn adds(&self, privilege: &str) -> bool {
        named(&self.privileges_added).contains(privilege)
    }

    /// Whether nothing is different but the bytes.
    pub(super) fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.rights_added.is_empty() && self.rights_removed.is_empty()
    }
}

impl Change {
    fn of(
        what: &'static str,
        how: &'static str,
        name: &str,
        old: &Side<'_>,
        new: &Side<'_>,
    ) -> Self {
        let said = |side: &Side<'_>| Some(visible(&words::of(side.manifest?, what, name)?));
        Self {
            what,
            how,
            name: name.to_owned(),
            before: said(old),
            after: said(new),
        }
    }
}

/// Events whose struct is new, gone, or has other members.
fn events(old: &Side<'_>, new: &Side<'_>) -> Vec<Change> {
    let record = |side: &Side<'_>, map: &str| {
        let found = side.records.iter().find(|one| one.map == map);
        found.map(said)
    };
    let maps = old.records.iter().chain(new.records).map(|one| &one.map);
    let mut maps: Vec<&String> = maps.collect();
    maps.sort_unstable();
    maps.dedup();
    let changes = maps.into_iter().filter_map(|map| {
        let (before, after) = (record(old, map), record(new, map));
        let how = match (&before, &after) {
            (before, after) if before == after => return None,
            (None, _) => "new",
            (_, None) => "gone",
            _ => "changed",
        };
        Some(Change {
            what: "event",
            how,
            name: map.clone(),
            before,
            after,
        })
    });
    changes.collect()
}

fn said(event: &EventRecord) -> String {
    let Record { size_bytes, fields } = &event.record;
    let fields: Vec<String> = fields.iter().map(words::field).collect();
    let (name, fields) = (&event.struct_name, fields.join("; "));
    format!("struct {name}, {size_bytes} B: {fields}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_handler_asks_for_newly_stands_with_the_new_privileges() {
        let difference = Difference {
            from: "1.0.0".to_owned(),
            privileges_added: vec!["sends signals".to_owned()],
            handler_added: vec!["imports marrow:handler/maps".to_owned()],
            programs_added: vec!["p".to_owned()],
            ..Difference::default()
        };
        let side = Side {
            manifest: None,
            records: &[],
        };
        let view = DifferenceView::of(difference, &side, &side);
        assert_eq!(
            view.rights_added,
            ["sends signals", "imports marrow:handler/maps"]
        );
        assert!(view.adds("sends signals") && !view.adds("may sleep"));
        assert_eq!(
            (view.changes[0].what, view.changes[0].how),
            ("program", "new")
        );
        let nothing = DifferenceView::of(Difference::default(), &side, &side);
        assert!(nothing.is_empty() && !view.is_empty());
    }
}
