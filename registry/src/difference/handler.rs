//! What the handler of a release asks for, in words that can be compared. Called by `difference`.
//! Pure. Must never call a limit new that is as high as it was, however it is written.

use std::collections::{BTreeMap, BTreeSet};

use api::registry::Release;
use payload::manifest::{Access, Handler};

/// What a handler wishes of the node; nothing where there is none.
#[derive(Debug, Default)]
pub(super) struct Wishes {
    rights: BTreeSet<String>,
    limits: BTreeMap<&'static str, u64>,
}

/// Those of a release.
pub(super) fn wishes(release: &Release) -> Wishes {
    let handler = release.manifest.get("handler").cloned();
    let handler = handler.and_then(|value| serde_json::from_value::<Handler>(value).ok());
    handler.as_ref().map(Wishes::of).unwrap_or_default()
}

impl Wishes {
    fn of(handler: &Handler) -> Self {
        let imports = handler.imports.iter();
        let imports = imports.map(|import| format!("imports {import}"));
        let maps = handler.maps.iter().map(|wish| match wish.access {
            Access::Read => format!("reads the map {}", wish.map),
            Access::Write => format!("reads and writes the map {}", wish.map),
        });
        let limits = [
            ("bytes of memory", handler.memory_bytes_max),
            ("ms for a call", handler.call_ms_max.into()),
            ("ms to hand its state over", handler.state_ms_max.0.into()),
            ("bytes of state", handler.state_bytes_max.0.into()),
            ("outputs a second", handler.emits_per_s_max.0.into()),
            (
                "bytes of output a second",
                handler.emit_bytes_per_s_max.0.into(),
            ),
            ("log lines a second", handler.log_lines_per_s_max.0.into()),
        ];
        Self {
            rights: imports.chain(maps).collect(),
            limits: limits.into(),
        }
    }

    /// What it wishes and the other one does not, in words.
    pub(super) fn beyond(&self, other: &Self) -> Vec<String> {
        let rights = self.rights.difference(&other.rights).cloned();
        let limits = self
            .limits
            .iter()
            .filter_map(|(unit, limit)| match other.limits.get(unit) {
                Some(before) if before >= limit => None,
                Some(before) => Some(format!("up to {limit} {unit}, where it was {before}")),
                None => Some(format!("up to {limit} {unit}")),
            });
        rights.chain(limits).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wishes(json: serde_json::Value) -> Wishes {
        Wishes::of(&serde_json::from_value(json).unwrap())
    }

    #[test]
    fn rights_and_higher_limits_are_told_and_lower_ones_are_not() {
        let old = wishes(serde_json::json!({
            "world": "marrow:handler@0.1.0", "imports": ["a"], "memory_bytes_max": 10,
            "call_ms_max": 5, "maps": [{ "map": "m", "access": "read" }],
        }));
        let new = wishes(serde_json::json!({
            "world": "marrow:handler@0.1.0", "imports": ["a", "b"], "memory_bytes_max": 20,
            "call_ms_max": 4, "maps": [{ "map": "m", "access": "write" }],
        }));
        assert_eq!(
            new.beyond(&old),
            [
                "imports b",
                "reads and writes the map m",
                "up to 20 bytes of memory, where it was 10"
            ]
        );
        assert_eq!(
            old.beyond(&new),
            ["reads the map m", "up to 5 ms for a call, where it was 4"]
        );
        assert_eq!(new.beyond(&Wishes::default()).len(), 3 + 7);
        assert!(Wishes::default().beyond(&new).is_empty());
    }
}
