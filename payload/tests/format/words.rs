//! Hostile manifests: each says one thing that is not true of its payload, with the reason why it
//! must be refused. Must never hold a manifest that a reader should accept.

use payload::digest::Digest;

use super::build::{contents, section};
use super::hostile::{component, pieces, refuse};

/// The golden file with another manifest.
fn with_manifest(change: impl FnOnce(&mut serde_json::Value)) -> Vec<u8> {
    let json = contents().manifest.to_json().unwrap();
    let mut manifest: serde_json::Value = serde_json::from_slice(&json).unwrap();
    change(&mut manifest);
    let manifest = section("marrow:manifest", &serde_json::to_vec(&manifest).unwrap());
    let pieces = pieces();
    component(&[&manifest, &pieces.object, &pieces.metadata])
}

#[test]
fn hostile_words_of_the_manifest_are_refused() {
    refuse(vec![
        (
            "an object of another digest: the object was exchanged",
            with_manifest(|m| m["objects"][0]["digest"] = Digest::of(b"").to_string().into()),
            "object for any: the manifest says sha256:e3b0",
        ),
        (
            "an object of another size",
            with_manifest(|m| m["objects"][0]["size_bytes"] = 1.into()),
            "the manifest says 1 bytes",
        ),
        (
            "another licence: a GPL program shown as one that is not",
            with_manifest(|m| m["objects"][0]["license"] = "MIT".into()),
            "objects[0].license: the manifest says \"MIT\", the object for any has \"GPL\"",
        ),
        (
            "another hook than the code's: policy would judge the wrong one",
            with_manifest(|m| m["programs"][0]["target"] = "sched/sched_switch".into()),
            "programs[0].target: the manifest says \"sched/sched_switch\"",
        ),
        (
            "a program left out",
            with_manifest(|m| m["programs"] = serde_json::json!([])),
            "programs: the manifest says 0 entries",
        ),
    ]);
}

/// What a manifest says about a handler that is not there.
fn unheard_handler() -> serde_json::Value {
    serde_json::json!({"world": "marrow:handler@1.0.0", "imports": [],
        "memory_bytes_max": 65_536, "call_ms_max": 1})
}

#[test]
fn more_hostile_words_of_the_manifest_are_refused() {
    refuse(vec![
        (
            "another size of a map",
            with_manifest(|m| m["maps"][0]["max_entries"] = 1.into()),
            "maps[0].max_entries: the manifest says 1, the object for any has 4096",
        ),
        (
            "a global of another type",
            with_manifest(|m| m["globals"][1]["type"] = "char[4]".into()),
            "globals[1].type: the manifest says",
        ),
        (
            "another default: a deployment would see a value that is not there",
            with_manifest(|m| m["globals"][1]["default"] = "0b000000".into()),
            "globals[1].default",
        ),
        (
            "a struct that the object lacks: events could not be decoded",
            with_manifest(|m| m["events"][0]["struct"] = "task_struct".into()),
            "which the object's BTF lacks",
        ),
        (
            "events in a map that is no ring",
            with_manifest(|m| m["events"][0]["map"] = ".bss".into()),
            "no map \".bss\"",
        ),
        (
            "another name than tools show",
            with_manifest(|m| m["name"] = "acme/other".into()),
            "metadata sections at byte",
        ),
        (
            "another licence than tools show",
            with_manifest(|m| m["license"] = "MIT".into()),
            "metadata sections at byte",
        ),
        (
            "a handler that is not there",
            with_manifest(|m| m["handler"] = unheard_handler()),
            "the file has none",
        ),
        (
            "a format of tomorrow",
            with_manifest(|m| m["format"] = 2.into()),
            "manifest format 2 is not known here",
        ),
    ]);
}
