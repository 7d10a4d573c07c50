//! The proof of a start or an update: what was carried, lost, duplicated, how long it took. Made by the
//! page of a node. Must never show 0 for what nobody counted.

use api::node::{GenerationId, MapProof, Proof, Steps, Way};

use super::super::format::{grouped, size};
use super::super::visible::visible;
use super::measured;

/// A proof.
pub(crate) struct ProofView {
    /// In one sentence.
    pub(super) summary: String,
    /// Why nothing is promised, where it is not.
    pub(super) room: Option<String>,
    pub(super) figures: Vec<(&'static str, String)>,
    /// Program, hook, how it was replaced, what became of the hook.
    pub(super) hooks: Vec<(String, String, String, String)>,
    /// Map, how it came, what there is to say.
    pub(super) maps: Vec<(String, String, String)>,
    /// Step and time.
    pub(super) steps: Vec<(&'static str, String)>,
}

impl ProofView {
    pub(super) fn of(proof: &Proof) -> Self {
        let hooks = proof.hooks.iter().map(|hook| {
            let at = visible(&format!("{} {}", hook.kind, hook.target));
            let (strategy, change) = (visible(&hook.strategy), visible(&hook.change));
            (visible(&hook.program), at, strategy, change)
        });
        Self {
            summary: visible(&summary(proof)),
            figures: figures(proof),
            hooks: hooks.collect(),
            maps: proof.maps.iter().map(map).collect(),
            steps: steps(&proof.steps),
            room: proof.room.as_deref().map(visible),
        }
    }
}

fn summary(proof: &Proof) -> String {
    let to = generation(&proof.to);
    let flip = nanoseconds(proof.steps.flip_ns);
    let counted = format!(
        "{} lost, {} seen twice",
        measured(proof.lost),
        measured(proof.duplicated)
    );
    match (&proof.from, &proof.rolled_back) {
        (None, _) => format!("{to} began; {counted}."),
        (Some(from), None) => format!(
            "{to} took over from {} in {flip}; {counted}.",
            generation(from)
        ),
        (Some(from), Some(back)) => {
            let who = if back.automatic {
                "the node by itself"
            } else {
                "somebody"
            };
            let way = match back.way {
                Way::Flip => "still loaded",
                Way::Reload => "loaded again",
            };
            let (from, reason) = (generation(from), &back.reason);
            format!("{who} went back from {from} to {to}, {way}, in {flip}: {reason}; {counted}.")
        }
    }
}

fn generation(of: &GenerationId) -> String {
    match &of.version {
        Some(version) => format!("generation {} ({version})", of.generation),
        None => format!("generation {}", of.generation),
    }
}

fn figures(proof: &Proof) -> Vec<(&'static str, String)> {
    let carried = proof.maps.iter().filter(|map| is_carried(map)).count();
    let mut figures = vec![
        ("Lost", measured(proof.lost)),
        ("Seen twice", measured(proof.duplicated)),
        ("Maps carried", format!("{carried} of {}", proof.maps.len())),
        (
            "Read of the old one behind the flip",
            grouped(proof.drained),
        ),
        ("Pause of the reader", microseconds(proof.steps.pause_us)),
    ];
    if proof.falls_through > 0 {
        let runs = grouped(proof.falls_through);
        figures.push(("Hook runs that met an empty lane", runs));
    }
    if let Some(handler) = &proof.handler {
        let state = match &handler.reason {
            Some(reason) => format!("{}: {reason}", handler.state),
            None => handler.state.clone(),
        };
        figures.push(("Handler's state", state));
    }
    if let Some(back) = &proof.rolled_back {
        figures.push(("Seen only by the one left", grouped(back.only_new)));
    }
    for ring in &proof.rings {
        let full = format!(
            "{} of {} in {}",
            size(ring.high_water_bytes),
            size(ring.size_bytes),
            ring.map
        );
        figures.push(("Fullest ring in the pause", full));
    }
    let figures = figures.into_iter();
    figures.map(|(word, text)| (word, visible(&text))).collect()
}

fn is_carried(map: &MapProof) -> bool {
    matches!(map.hand_over.as_str(), "shared" | "migrated" | "kept")
}

fn map(map: &MapProof) -> (String, String, String) {
    let mut said: Vec<String> = map.reason.clone().into_iter().collect();
    if let Some(migrated) = &map.migrated {
        said.push(format!("{} entries", grouped(migrated.entries)));
        if migrated.conflicts > 0 {
            said.push(format!("{} conflicts", grouped(migrated.conflicts)));
        }
        if migrated.lost > 0 {
            said.push(format!("{} lost", grouped(migrated.lost)));
        }
        said.extend(
            migrated
                .dropped
                .iter()
                .map(|name| format!("without {name}")),
        );
        said.extend(migrated.added.iter().map(|name| format!("with {name}")));
        let renewed = migrated.renewed.iter();
        said.extend(renewed.map(|name| format!("{name} begins anew")));
    }
    let said = visible(&said.join("; "));
    (visible(&map.map), visible(&map.hand_over), said)
}

fn steps(steps: &Steps) -> Vec<(&'static str, String)> {
    let times = [
        ("decoded", steps.decode_us),
        ("BTF cut down", steps.cut_us),
        ("opened", steps.open_us),
        ("verified by the kernel", steps.verify_us),
        ("armed", steps.arm_us),
    ];
    let behind = [
        ("the last old program ended", steps.grace_us),
        ("old rings read", steps.drain_us),
        ("retired", steps.retire_us),
    ];
    let times = times.map(|(step, us)| (step, microseconds(us)));
    let behind = behind.map(|(step, us)| (step, microseconds(us)));
    let flip = ("flipped", nanoseconds(steps.flip_ns));
    times.into_iter().chain([flip]).chain(behind).collect()
}

fn nanoseconds(ns: u64) -> String {
    if ns < 10_000 {
        format!("{} ns", grouped(ns))
    } else {
        microseconds(ns / 1000)
    }
}

/// In the largest unit that leaves two digits or more.
fn microseconds(us: u64) -> String {
    match us {
        0..10_000 => format!("{} µs", grouped(us)),
        10_000..10_000_000 => format!("{} ms", grouped(us / 1000)),
        _ => format!("{} s", grouped(us / 1_000_000)),
    }
}

#[cfg(test)]
mod tests {
    use api::node::Measured;

    use super::*;

    fn proof() -> Proof {
        let id = |generation, version: &str| GenerationId {
            generation,
            digest: String::new(),
            version: Some(version.to_owned()),
        };
        let map = |name: &str, hand_over: &str| MapProof {
            map: name.to_owned(),
            hand_over: hand_over.to_owned(),
            migrated: None,
            reason: None,
        };
        Proof {
            instance: "a".to_owned(),
            from: Some(id(1, "1.0.0")),
            to: id(2, "1.1.0"),
            at_us: 0,
            steps: Steps {
                flip_ns: 1100,
                pause_us: 12_000,
                ..Steps::default()
            },
            hooks: Vec::new(),
            maps: vec![map("m", "shared"), map("n", "fresh")],
            handler: None,
            rings: Vec::new(),
            events_before: 0,
            drained: 7,
            falls_through: 0,
            lost: Measured::Unknown,
            room: None,
            duplicated: Measured::Known(0),
            rolled_back: None,
        }
    }

    #[test]
    fn a_proof_says_what_was_carried_lost_and_seen_twice_and_what_nobody_counted() {
        let view = ProofView::of(&proof());
        assert_eq!(
            view.summary,
            "generation 2 (1.1.0) took over from generation 1 (1.0.0) in 1\u{202f}100 ns; \
             unknown lost, 0 seen twice."
        );
        assert!(
            view.figures
                .contains(&("Maps carried", "1 of 2".to_owned()))
        );
        assert!(
            view.figures
                .contains(&("Pause of the reader", "12 ms".to_owned()))
        );
    }

    #[test]
    fn times_are_told_in_one_unit() {
        for (ns, text) in [
            (0, "0 ns"),
            (9_999, "9\u{202f}999 ns"),
            (10_000, "10 µs"),
            (12_000_000, "12 ms"),
            (30_000_000_000, "30 s"),
        ] {
            assert_eq!(nanoseconds(ns), text);
        }
    }
}
