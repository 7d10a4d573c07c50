//! The history of an instance as a table that a person reads.
//! Used by `history`.
//! Must never show as kept what can't be gone back to.

use std::time::{Duration, UNIX_EPOCH};

use api::node::{History, HistoryEntry, Proof};

use super::proof::measured;
use super::table::{clean, row, table};

/// One line a start, update or way back.
pub(super) fn text(history: &History) -> String {
    let mut rows = vec![row([
        "at",
        "generation",
        "payload",
        "digest",
        "what",
        "lost",
        "duplicated",
        "file",
    ])];
    rows.extend(history.entries.iter().map(line));
    format!("{}\n{}", clean(&history.instance), table("  ", &rows))
}

fn line(entry: &HistoryEntry) -> Vec<String> {
    const DIGEST_CHARS: usize = 19;
    let proof = &entry.proof;
    let at = UNIX_EPOCH.checked_add(Duration::from_micros(proof.at_us));
    let at = at.map_or_else(String::new, |at| {
        humantime::format_rfc3339_seconds(at).to_string()
    });
    let generation = if entry.in_charge {
        format!("{} *", proof.to.generation)
    } else {
        proof.to.generation.to_string()
    };
    let version = proof.to.version.as_deref();
    let payload = version.map_or_else(
        || entry.payload.clone(),
        |version| format!("{} {version}", entry.payload),
    );
    let digest: String = proof.to.digest.chars().take(DIGEST_CHARS).collect();
    row([
        &at,
        &generation,
        &payload,
        &digest,
        &what(proof),
        &measured(proof.lost),
        &measured(proof.duplicated),
        if entry.kept { "kept" } else { "-" },
    ])
}

fn what(proof: &Proof) -> String {
    match (&proof.from, &proof.rolled_back) {
        (None, _) => "started".to_owned(),
        (Some(from), None) => format!("replaced {}", from.generation),
        (Some(from), Some(back)) => {
            format!("gone back to from {}: {}", from.generation, back.reason)
        }
    }
}
