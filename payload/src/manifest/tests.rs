//! The manifest's rules, each with a document that breaks it. Run by `cargo test`.
//! Must never use a document that a correct reader would accept as a hostile one.

use super::*;
use crate::limits;

fn sample() -> serde_json::Value {
    serde_json::json!({
        "format": 1,
        "name": "acme/execsnoop",
        "version": "1.2.0",
        "description": "Shows started processes.\nAnd ended ones.",
        "license": "Apache-2.0 OR MIT",
        "source": "https://example.com/execsnoop",
        "build": {"clang": "14.0.6"},
        "objects": [{
            "arch": "any",
            "digest": crate::digest::Digest::of(b"object"),
            "size_bytes": 6,
            "license": "GPL",
        }],
        "programs": [{
            "name": "handle_exec",
            "section": "tp/sched/sched_process_exec",
            "kind": "tracepoint",
            "target": "sched/sched_process_exec",
        }],
        "maps": [{
            "name": "events", "kind": "ringbuf",
            "key_size": 0, "value_size": 0, "max_entries": 262_144,
        }],
        "globals": [{"name": "min_ms", "section": ".rodata", "type": "unsigned int",
            "size_bytes": 4, "default": "0a000000", "settable": true}],
        "events": [{"map": "events", "struct": "event"}],
        "kernel_min": "5.15",
    })
}

fn read(document: &serde_json::Value) -> Result<Manifest, ManifestError> {
    Manifest::from_json(&serde_json::to_vec(document).unwrap())
}

fn with(pointer: &str, value: serde_json::Value) -> Result<Manifest, ManifestError> {
    let mut document = sample();
    *document.pointer_mut(pointer).unwrap() = value;
    read(&document)
}

#[test]
fn manifest_survives_writing_and_reading() {
    let manifest = read(&sample()).unwrap();
    let json = manifest.to_json().unwrap();
    assert_eq!(Manifest::from_json(&json).unwrap(), manifest);
    assert_eq!(Manifest::from_json(&json).unwrap().to_json().unwrap(), json);
}

#[test]
fn newer_format_is_incompatible_even_with_fields_unknown_here() {
    let mut document = sample();
    document["format"] = 2.into();
    document["colour"] = "blue".into();
    assert_eq!(
        read(&document),
        Err(ManifestError::Format {
            format: 2,
            known: 1
        })
    );
}

#[test]
fn unknown_missing_and_repeated_fields_are_refused_by_path() {
    let mut document = sample();
    document["maps"][0]["colour"] = "blue".into();
    let error = read(&document).unwrap_err().to_string();
    assert!(
        error.contains("maps[0]") && error.contains("colour"),
        "{error}"
    );

    let mut document = sample();
    document["programs"][0]
        .as_object_mut()
        .unwrap()
        .remove("section");
    let error = read(&document).unwrap_err().to_string();
    assert!(
        error.contains("programs[0]") && error.contains("section"),
        "{error}"
    );

    let json = sample()
        .to_string()
        .replacen("\"format\":1", "\"format\":1,\"format\":1", 1);
    let error = Manifest::from_json(json.as_bytes())
        .unwrap_err()
        .to_string();
    assert!(error.contains("duplicate field `format`"), "{error}");
}

#[test]
fn text_behind_the_manifest_is_refused() {
    let json = sample().to_string() + "{}";
    assert!(matches!(
        Manifest::from_json(json.as_bytes()),
        Err(ManifestError::Json { .. })
    ));
}

#[test]
fn lists_end_at_their_bound() {
    for (list, bound) in [
        ("programs", limits::PROGRAMS_MAX),
        ("maps", limits::MAPS_MAX),
        ("globals", limits::GLOBALS_MAX),
        ("events", limits::EVENTS_MAX),
    ] {
        let mut document = sample();
        let entry = document[list][0].clone();
        document[list] = vec![entry; bound + 1].into();
        let error = read(&document).unwrap_err().to_string();
        assert!(
            error.contains(list) && error.contains(&bound.to_string()),
            "{list}: {error}"
        );
    }
    let mut document = sample();
    document["maps"] = vec![document["maps"][0].clone(); limits::MAPS_MAX].into();
    assert!(read(&document).is_ok());
}

#[test]
fn texts_end_at_their_bound() {
    for (pointer, bound) in [
        ("/description", limits::DESCRIPTION_BYTES_MAX),
        ("/build/clang", limits::TOOL_BYTES_MAX),
        ("/maps/0/name", limits::IDENTIFIER_BYTES_MAX),
        ("/programs/0/section", limits::TARGET_BYTES_MAX),
        ("/license", limits::LICENSE_BYTES_MAX),
    ] {
        let error = with(pointer, "a".repeat(bound + 1).into())
            .unwrap_err()
            .to_string();
        assert!(
            error.contains(&format!("at most {bound}")),
            "{pointer}: {error}"
        );
        let fits = with(pointer, "a".repeat(bound).into());
        // A renamed map leaves its event without a map; its length is not what is wrong.
        assert!(
            matches!(fits, Ok(_) | Err(ManifestError::EventMap { .. })),
            "{pointer}: {fits:?}"
        );
    }
}

#[test]
fn control_characters_and_empty_texts_are_refused() {
    for text in ["", "a\u{1b}[2J", "a\0b", "line\nbreak", "\u{9b}31m"] {
        assert!(
            with("/programs/0/name", text.into()).is_err(),
            "{text:?} was accepted"
        );
    }
    assert!(with("/description", "line\nbreak".into()).is_ok());
    assert!(with("/description", "bell\u{7}".into()).is_err());
}

#[test]
fn manifest_over_its_bound_is_not_parsed() {
    let json = vec![b'['; limits::MANIFEST_BYTES_MAX + 1];
    assert!(matches!(
        Manifest::from_json(&json),
        Err(ManifestError::TooLong { .. })
    ));
}

#[test]
fn deep_nesting_is_refused_without_recursion_to_the_end() {
    let json = vec![b'['; limits::MANIFEST_BYTES_MAX];
    assert!(matches!(
        Manifest::from_json(&json),
        Err(ManifestError::Json { .. })
    ));
    let nested = format!("{{\"format\":1,\"x\":{}", "[".repeat(100_000));
    assert!(matches!(
        Manifest::from_json(nested.as_bytes()),
        Err(ManifestError::Json { .. })
    ));
}

#[test]
fn objects_are_ordered_each_once_and_any_alone() {
    let entry = |arch: &str| {
        let mut entry = sample()["objects"][0].clone();
        entry["arch"] = arch.into();
        entry
    };
    let objects = |archs: &[&str]| {
        with(
            "/objects",
            archs
                .iter()
                .map(|arch| entry(arch))
                .collect::<Vec<_>>()
                .into(),
        )
    };
    assert!(objects(&["aarch64", "x86_64"]).is_ok());
    assert_eq!(objects(&[]), Err(ManifestError::NoObject));
    assert!(matches!(
        objects(&["x86_64", "aarch64"]),
        Err(ManifestError::ObjectOrder { .. })
    ));
    assert!(matches!(
        objects(&["any", "any"]),
        Err(ManifestError::ObjectOrder { .. })
    ));
    assert!(matches!(
        objects(&["any", "x86_64"]),
        Err(ManifestError::AnyNotAlone { .. })
    ));
    assert!(matches!(
        objects(&["aarch64", "any"]),
        Err(ManifestError::AnyNotAlone { .. })
    ));
    assert!(matches!(
        objects(&["s390x"]),
        Err(ManifestError::Json { .. })
    ));
    let size = with(
        "/objects/0/size_bytes",
        (limits::OBJECT_BYTES_MAX + 1).into(),
    );
    assert!(matches!(size, Err(ManifestError::ObjectSize { .. })));
}

#[test]
fn events_name_maps_that_exist_once() {
    let event = |map: &str| serde_json::json!({"map": map, "struct": "event"});
    let unknown = with("/events", vec![event("ring")].into());
    assert_eq!(unknown, Err(ManifestError::EventMap { map: "ring".into() }));
    let twice = with("/events", vec![event("events"), event("events")].into());
    assert_eq!(
        twice,
        Err(ManifestError::EventTwice {
            map: "events".into()
        })
    );
}

#[test]
fn events_are_ordered_by_map() {
    let mut document = sample();
    document["maps"] = ["a", "b"]
        .map(|name| {
            let mut map = sample()["maps"][0].clone();
            map["name"] = name.into();
            map
        })
        .to_vec()
        .into();
    let event = |map: &str| serde_json::json!({"map": map, "struct": "event"});
    document["events"] = vec![event("a"), event("b")].into();
    assert!(read(&document).is_ok());
    document["events"] = vec![event("b"), event("a")].into();
    let (first, second) = ("b".into(), "a".into());
    assert_eq!(
        read(&document),
        Err(ManifestError::EventOrder { first, second })
    );
}

#[test]
fn what_is_not_there_is_left_out_not_null() {
    for pointer in [
        "/description",
        "/build",
        "/kernel_min",
        "/programs/0/target",
        "/license",
    ] {
        let error = with(pointer, serde_json::Value::Null);
        assert!(
            matches!(error, Err(ManifestError::Json { .. })),
            "{pointer}: {error:?}"
        );
    }
    let mut document = sample();
    document["handler"] = serde_json::Value::Null;
    assert!(read(&document).is_err());
}

#[test]
fn defaults_have_the_size_of_their_variable() {
    for default in ["0a", "0A000000", "0a00000000", "xx000000", "0a 00000"] {
        let error = with("/globals/0/default", default.into());
        assert!(
            matches!(error, Err(ManifestError::GlobalDefault { .. })),
            "{default}"
        );
    }
}

#[test]
fn source_and_license_have_the_form_a_page_can_show() {
    for url in [
        "javascript:alert(1)",
        "ftp://x",
        "https://",
        "https://a b",
        "https://a\"b",
        "x",
    ] {
        let error = with("/source", url.into());
        assert!(matches!(error, Err(ManifestError::Source { .. })), "{url}");
    }
    for license in ["<b>MIT</b>", "MIT;", " MIT"] {
        let error = with("/license", license.into());
        assert!(
            matches!(error, Err(ManifestError::License { .. })),
            "{license}"
        );
    }
}
