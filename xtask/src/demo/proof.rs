//! Prints the node's report of an update. Called by `demo`.
//! Must never leave out a number because it looks bad.

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::output;

/// The steps in their order; what is after the flip no longer keeps the new version waiting.
const STEPS: [(&str, &str); 10] = [
    ("decode_us", "decode and inspect the bytes"),
    ("cut_us", "cut the kernel's BTF to what the object needs"),
    ("open_us", "libbpf: open, maps, relocations"),
    ("verify_us", "the kernel's verifier"),
    (
        "arm_us",
        "programs into the free lane, switches for new hooks",
    ),
    ("flip_ns", "the flip"),
    ("grace_us", "grace: no run of the old generation is left"),
    ("drain_us", "drain: the old rings read to their end"),
    (
        "pause_us",
        "from the flip to the first record of the new rings",
    ),
    ("retire_us", "behind that: the old generation is closed"),
];

/// Prints the newest proof among `{"proofs":[…]}`.
///
/// # Errors
/// When there is none of an update, or it names a loss or a duplicate.
pub(crate) fn print(proofs: &Value) -> Result<()> {
    let proofs = proofs["proofs"]
        .as_array()
        .context("the proofs are no list")?;
    let proof = proofs.iter().rfind(|proof| !proof["from"].is_null());
    let proof = proof.context("no proof of an update")?;
    for (field, what) in STEPS {
        let time = proof["steps"][field]
            .as_f64()
            .with_context(|| format!("no {field}"))?;
        let time_us = if field.ends_with("_ns") {
            time / 1e3
        } else {
            time
        };
        output::line(&format!("{time_us:>12.1} µs  {what}"));
    }
    for hook in proof["hooks"].as_array().into_iter().flatten() {
        let field = |name: &str| hook[name].as_str().unwrap_or("?").to_owned();
        output::line(&format!(
            "hook {} {}: {} by {}",
            field("kind"),
            field("target"),
            field("change"),
            field("strategy")
        ));
    }
    for map in proof["maps"].as_array().into_iter().flatten() {
        let field = |name: &str| map[name].as_str().unwrap_or_default().to_owned();
        output::line(&format!(
            "map {}: {} {}",
            field("map"),
            field("hand_over"),
            field("reason")
        ));
    }
    output::line(&format!(
        "lost {}, duplicated {}, fell through {}; drained from the old rings after the flip: {}",
        proof["lost"], proof["duplicated"], proof["falls_through"], proof["drained"]
    ));
    ensure!(
        proof["lost"] == 0 && proof["duplicated"] == 0,
        "the proof names a loss"
    );
    Ok(())
}
