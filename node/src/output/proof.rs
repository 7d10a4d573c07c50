//! A proof as a table that a person reads: what was replaced, how long each step took, what was lost.
//! Used by `update`, `run` and `proofs`.
//! Must never show "unknown" as 0.

use std::fmt::Write;

use api::node::{GenerationId, HandlerProof, MapProof, Measured, Proof, Steps, Way};

use super::table::{clean, row, table};

/// The whole proof, a line break at its end.
pub(super) fn text(proof: &Proof) -> String {
    let mut text = heading(proof);
    text.push_str(&table("  ", &steps(&proof.steps)));
    let mut hooks = vec![row(["program", "kind", "target", "strategy", "change"])];
    for hook in &proof.hooks {
        hooks.push(row([
            &hook.program,
            &hook.kind,
            &hook.target,
            &hook.strategy,
            &hook.change,
        ]));
    }
    text.push_str(&section(&hooks));
    let mut maps = vec![row(["map", "hand-over", "reason"])];
    for map in &proof.maps {
        maps.push(row([&map.map, &map.hand_over, &detail(map)]));
    }
    text.push_str(&section(&maps));
    let mut rings = vec![row(["ring", "size", "most waiting", "needed"])];
    for ring in &proof.rings {
        rings.push(row([
            &ring.map,
            &bytes(ring.size_bytes),
            &bytes(ring.high_water_bytes),
            &ring.needed_bytes.map_or_else(|| "-".to_owned(), bytes),
        ]));
    }
    text.push_str(&section(&rings));
    if let Some(handler) = &proof.handler {
        text.push_str(&handler_line(handler));
    }
    text.push_str(&balance(proof));
    text
}

/// How the handler came to its state.
fn handler_line(handler: &HandlerProof) -> String {
    let alone = if handler.alone {
        ", replaced alone"
    } else {
        ""
    };
    let reason = handler.reason.as_ref();
    let reason = reason.map_or_else(String::new, |reason| format!(": {}", clean(reason)));
    format!("\n  handler{alone}: state {}{reason}\n", handler.state)
}

fn heading(proof: &Proof) -> String {
    let to = generation(&proof.to);
    let name = clean(&proof.instance);
    match &proof.from {
        None => format!("{name}: generation {to} started\n"),
        Some(from) => match &proof.rolled_back {
            None => format!("{name}: generation {} replaced by {to}\n", generation(from)),
            Some(back) => format!(
                "{name}: gone back from generation {} to {to}, {}: {}\n",
                generation(from),
                match back.way {
                    Way::Flip => "which was still loaded",
                    Way::Reload => "loaded anew",
                },
                clean(&back.reason)
            ),
        },
    }
}

fn generation(id: &GenerationId) -> String {
    const DIGEST_CHARS: usize = 19;
    let digest: String = id.digest.chars().take(DIGEST_CHARS).collect();
    let version = id
        .version
        .as_ref()
        .map_or_else(String::new, |version| format!("{version}, "));
    clean(&format!("{} ({version}{digest})", id.generation))
}

fn steps(steps: &Steps) -> Vec<Vec<String>> {
    let mut rows = vec![row(["step", "time"])];
    for (name, micros) in [
        ("decode", steps.decode_us),
        ("cut the kernel's BTF", steps.cut_us),
        ("open", steps.open_us),
        ("verify", steps.verify_us),
        ("arm", steps.arm_us),
    ] {
        rows.push(row([name, &time_us(micros)]));
    }
    rows.push(row(["flip", &time_ns(steps.flip_ns)]));
    for (name, micros) in [
        ("grace", steps.grace_us),
        ("drain", steps.drain_us),
        ("reader's pause", steps.pause_us),
        ("retire", steps.retire_us),
    ] {
        rows.push(row([name, &time_us(micros)]));
    }
    rows
}

/// Why a map began empty, or what became of its entries.
fn detail(map: &MapProof) -> String {
    let Some(migrated) = &map.migrated else {
        return map.reason.clone().unwrap_or_default();
    };
    let mut parts = vec![format!("{} entries", migrated.entries)];
    parts.push(format!("{} conflicts", migrated.conflicts));
    if migrated.lost > 0 {
        parts.push(format!("{} without room", migrated.lost));
    }
    parts.push(format!("merge {}", migrated.merge));
    for (word, names) in [
        ("without", &migrated.dropped),
        ("anew", &migrated.renewed),
        ("new", &migrated.added),
    ] {
        if !names.is_empty() {
            parts.push(format!("{word} {}", names.join(", ")));
        }
    }
    parts.join("; ")
}

/// A table, or nothing when it has only its heading.
fn section(rows: &[Vec<String>]) -> String {
    if rows.len() > 1 {
        format!("\n{}", table("  ", rows))
    } else {
        String::new()
    }
}

fn balance(proof: &Proof) -> String {
    let (lost, duplicated) = (measured(proof.lost), measured(proof.duplicated));
    if proof.from.is_none() {
        return String::new();
    }
    let mut text = format!(
        "\n  {} events before, {} of them read after the flip; lost {lost}, duplicated {duplicated}, \
         fell through {}\n",
        proof.events_before, proof.drained, proof.falls_through
    );
    if let Some(back) = &proof.rolled_back {
        let _ = writeln!(
            text,
            "  {} events were seen by the generation that was left alone",
            back.only_new
        );
    }
    if let Some(room) = &proof.room {
        let _ = writeln!(
            text,
            "  that nothing is lost was not promised: {}",
            clean(room)
        );
    }
    text
}

/// A count that may be unknown.
pub(super) fn measured(count: Measured) -> String {
    match count {
        Measured::Unknown => "unknown".to_owned(),
        Measured::Known(number) => number.to_string(),
    }
}

fn time_ns(nanos: u64) -> String {
    if nanos < 10_000 {
        format!("{nanos} ns")
    } else {
        time_us(nanos / 1000)
    }
}

fn time_us(micros: u64) -> String {
    if micros < 10_000 {
        return format!("{micros} us");
    }
    format!("{}.{} ms", micros / 1000, micros % 1000 / 100)
}

fn bytes(count: u64) -> String {
    const KIB: u64 = 1024;
    if count >= KIB && count.is_multiple_of(KIB) {
        format!("{} KiB", count / KIB)
    } else {
        format!("{count} B")
    }
}

#[cfg(test)]
mod tests {
    use api::node::{HookProof, Migrated, RingProof, RolledBack};

    use super::*;

    fn id(generation: u64) -> GenerationId {
        GenerationId {
            generation,
            digest: "sha256:0123456789abcdef0123".into(),
            version: None,
        }
    }

    fn proof() -> Proof {
        Proof {
            instance: "trace".into(),
            from: Some(id(1)),
            to: id(2),
            at_us: 0,
            steps: Steps {
                verify_us: 12_345,
                flip_ns: 640,
                ..Steps::default()
            },
            hooks: vec![HookProof {
                program: "handle_exec".into(),
                kind: "tracepoint".into(),
                target: "sched/sched_process_exec".into(),
                strategy: "switch".into(),
                change: "kept".into(),
            }],
            maps: vec![MapProof {
                map: "starts".into(),
                hand_over: "fresh".into(),
                migrated: None,
                reason: Some("value grew".into()),
            }],
            handler: None,
            rings: vec![RingProof {
                map: "events".into(),
                size_bytes: 262_144,
                high_water_bytes: 168,
                needed_bytes: Some(1024),
            }],
            events_before: 41,
            drained: 2,
            falls_through: 0,
            lost: Measured::Unknown,
            room: Some("ring events is small".into()),
            duplicated: Measured::Known(0),
            rolled_back: None,
        }
    }

    #[test]
    fn an_update_is_shown_whole() {
        let text = text(&proof());
        for part in [
            "trace: generation 1 (sha256:0123456789ab) replaced by 2 (",
            "  verify                12.3 ms\n",
            "  flip                  640 ns\n",
            "handle_exec  tracepoint  sched/sched_process_exec  switch    kept\n",
            "starts  fresh      value grew\n",
            "events  256 KiB  168 B         1 KiB\n",
            "not promised: ring events is small\n",
            "41 events before, 2 of them read after the flip; lost unknown, duplicated 0",
        ] {
            assert!(text.contains(part), "{part:?} is not in\n{text}");
        }
    }

    #[test]
    fn a_migration_says_what_came_and_what_did_not() {
        let mut migrated = proof();
        let map = &mut migrated.maps[0];
        (map.hand_over, map.reason) = ("migrated".into(), None);
        map.migrated = Some(Migrated {
            entries: 12,
            conflicts: 1,
            merge: "add".into(),
            dropped: vec!["pid".into(), "comm".into()],
            ..Migrated::default()
        });
        let text = text(&migrated);
        let line = "starts  migrated   12 entries; 1 conflicts; merge add; without pid, comm\n";
        assert!(text.contains(line), "{text}");
    }

    #[test]
    fn a_way_back_says_why_how_and_what_only_the_new_generation_saw() {
        let back = Proof {
            from: Some(id(2)),
            to: id(1),
            rolled_back: Some(RolledBack {
                reason: "its rings refused 3 records".into(),
                automatic: true,
                way: Way::Flip,
                only_new: 17,
            }),
            ..proof()
        };
        let text = text(&back);
        for part in [
            "trace: gone back from generation 2 (sha256:0123456789ab) to 1 (",
            ", which was still loaded: its rings refused 3 records\n",
            "  17 events were seen by the generation that was left alone\n",
        ] {
            assert!(text.contains(part), "{part:?} is not in\n{text}");
        }
    }

    #[test]
    fn a_start_has_no_balance_and_empty_tables_no_heading() {
        let start = Proof {
            from: None,
            maps: Vec::new(),
            rings: Vec::new(),
            ..proof()
        };
        let text = text(&start);
        assert!(
            text.starts_with("trace: generation 2 (sha256:0123456789ab) started\n"),
            "{text}"
        );
        assert!(
            !text.contains("hand-over") && !text.contains("lost"),
            "{text}"
        );
    }
}
