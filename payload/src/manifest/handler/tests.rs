//! The rules about a manifest's handler, each with a document that breaks it. Run by `cargo test`.
//! Must never use a document that a correct reader would accept as a hostile one.

use serde_json::{Value, json};

use super::super::{Manifest, ManifestError};
use super::*;
use crate::limits;

/// A manifest whose handler says everything that it can.
fn sample() -> Value {
    json!({
        "format": 1, "name": "acme/full", "version": "1.0.0",
        "objects": [{
            "arch": "any", "digest": crate::digest::Digest::of(b"object"), "size_bytes": 6,
        }],
        "programs": [],
        "maps": [
            {"name": "events", "kind": "ringbuf", "key_size": 0, "value_size": 0,
                "max_entries": 4096},
            {"name": "started", "kind": "hash", "key_size": 4, "value_size": 8,
                "max_entries": 64},
        ],
        "globals": [], "events": [],
        "handler": {
            "world": "marrow:handler@1.0.0",
            "imports": ["marrow:handler/host@1.0.0#emit", "marrow:handler/host@1.0.0#log"],
            "sdk": "c/1", "state": "require", "schema": 3, "accepts": [1, 2],
            "maps": [{"map": "started", "access": "write"}],
            "metrics": [
                {"name": "latency_seconds", "kind": "histogram", "help": "How long.",
                    "labels": ["peer"], "buckets": [0.001, 0.1, 2.5], "series_max": 50},
                {"name": "runs_total", "kind": "counter"},
            ],
            "config": {"min_ms": "10", "prefix": ""},
            "memory_bytes_max": 1_048_576, "call_ms_max": 5, "state_ms_max": 50,
            "state_bytes_max": 1000, "emits_per_s_max": 100, "emit_bytes_per_s_max": 10_000,
            "log_lines_per_s_max": 1,
        },
    })
}

fn read(document: &Value) -> Result<Manifest, ManifestError> {
    Manifest::from_json(&serde_json::to_vec(document).unwrap())
}

/// What comes of another value at a place in the handler.
fn with(pointer: &str, value: Value) -> Result<Manifest, ManifestError> {
    let mut document = sample();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let parent = document.pointer_mut(&format!("/handler{parent}")).unwrap();
    match key.parse::<usize>() {
        Ok(index) => parent[index] = value,
        Err(_) => parent[key] = value,
    }
    read(&document)
}

fn refused(pointer: &str, value: Value) -> String {
    let Err(error) = with(pointer, value) else {
        panic!("{pointer} was accepted");
    };
    error.to_string()
}

#[test]
fn everything_that_a_handler_says_is_read_and_written_as_it_was() {
    let manifest = read(&sample()).unwrap();
    let json: Value = serde_json::from_slice(&manifest.to_json().unwrap()).unwrap();
    assert_eq!(json["handler"], sample()["handler"]);
    let handler = manifest.handler.unwrap();
    assert_eq!(
        handler.metrics[0].buckets[1].get().to_bits(),
        0.1_f64.to_bits()
    );
    assert_eq!(handler.world_version().unwrap().as_str(), "1.0.0");
    for (schema, goes_on) in [(0, false), (1, true), (2, true), (3, true), (4, false)] {
        assert_eq!(handler.goes_on_with(schema), goes_on, "{schema}");
    }
}

#[test]
fn what_stands_at_its_default_is_left_out_and_four_fields_are_enough() {
    let mut document = sample();
    document["handler"] = json!({"world": "marrow:handler@1.0.0", "imports": [],
        "memory_bytes_max": limits::HANDLER_MEMORY_BYTES_DEFAULT,
        "call_ms_max": limits::HANDLER_CALL_MS_DEFAULT});
    let manifest = read(&document).unwrap();
    let json: Value = serde_json::from_slice(&manifest.to_json().unwrap()).unwrap();
    assert_eq!(json["handler"], document["handler"]);
    let handler = manifest.handler.unwrap();
    assert_eq!(handler, Handler::of_world(&"1.0.0".parse().unwrap()));
    assert_eq!(handler.state_ms_max.0, limits::HANDLER_STATE_MS_DEFAULT);
    for field in ["world", "imports", "memory_bytes_max", "call_ms_max"] {
        let mut lacking = document.clone();
        lacking["handler"].as_object_mut().unwrap().remove(field);
        let said = read(&lacking).unwrap_err().to_string();
        assert!(said.contains(&format!("missing field `{field}`")), "{said}");
    }
}

#[test]
fn unknown_and_repeated_keys_are_refused() {
    for pointer in ["/colour", "/maps/0/colour", "/metrics/0/colour"] {
        assert!(refused(pointer, 1.into()).contains("unknown field `colour`"));
    }
    let text = sample().to_string();
    let twice = text.replacen(
        "\"min_ms\":\"10\"",
        "\"min_ms\":\"10\",\"min_ms\":\"11\"",
        1,
    );
    let said = Manifest::from_json(twice.as_bytes())
        .unwrap_err()
        .to_string();
    assert!(said.contains("duplicate setting \"min_ms\""), "{said}");
    for (pointer, value) in [
        ("/state", "keep"),
        ("/maps/0/access", "all"),
        ("/metrics/0/kind", "summary"),
    ] {
        assert!(
            refused(pointer, value.into()).contains("unknown variant"),
            "{pointer}"
        );
    }
}

/// The entry of a list at an index.
type Entry<'a> = &'a dyn Fn(usize) -> Value;

#[test]
fn lists_and_texts_end_at_their_bounds() {
    let metric = |name: String| json!({"name": name, "kind": "counter"});
    let many = |count: usize, entry: &dyn Fn(usize) -> Value| -> Value {
        (0..count).map(entry).collect::<Vec<_>>().into()
    };
    let entries: [(&str, usize, Entry<'_>); 5] = [
        ("/imports", limits::IMPORTS_MAX, &|at| {
            format!("m#{at:04}").into()
        }),
        ("/accepts", limits::ACCEPTS_MAX, &|at| at.into()),
        ("/metrics", limits::METRICS_MAX, &|at| {
            metric(format!("m_{at:04}"))
        }),
        ("/metrics/0/labels", limits::LABELS_MAX, &|at| {
            format!("l_{at}").into()
        }),
        ("/metrics/0/buckets", limits::BUCKETS_MAX, &|at| at.into()),
    ];
    for (list, max, entry) in entries {
        assert!(with(list, many(max, entry)).is_ok(), "{list}");
        let said = refused(list, many(max + 1, entry));
        assert!(said.contains(&format!("at most {max}")), "{list}: {said}");
    }
    for (pointer, max) in [
        ("/sdk", limits::SDK_BYTES_MAX),
        ("/metrics/0/name", limits::METRIC_NAME_BYTES_MAX),
        ("/metrics/0/help", limits::METRIC_HELP_BYTES_MAX),
        ("/metrics/0/labels/0", limits::METRIC_NAME_BYTES_MAX),
        ("/config/prefix", limits::CONFIG_VALUE_BYTES_MAX),
    ] {
        assert!(with(pointer, "a".repeat(max).into()).is_ok(), "{pointer}");
        let said = refused(pointer, "a".repeat(max + 1).into());
        assert!(
            said.contains(&format!("at most {max}")),
            "{pointer}: {said}"
        );
    }
    let settings = |count: usize| -> Value {
        let entry = |at| (format!("k{at}"), Value::from(""));
        Value::Object((0..count).map(entry).collect())
    };
    assert!(with("/config", settings(limits::CONFIG_MAX)).is_ok());
    assert!(refused("/config", settings(limits::CONFIG_MAX + 1)).contains("more than 64"));
}

#[test]
fn lists_are_ascending_and_each_stands_once() {
    let metric = |name: &str| json!({"name": name, "kind": "counter"});
    let map = |name: &str| json!({"map": name, "access": "read"});
    for (list, first, second) in [
        ("imports", json!("a#b"), json!("a#c")),
        ("accepts", json!(9), json!(10)),
        ("maps", map("events"), map("started")),
        ("metrics", metric("a"), metric("b")),
    ] {
        let pointer = format!("/{list}");
        let pair = |a: &Value, b: &Value| json!([a, b]);
        assert!(with(&pointer, pair(&first, &second)).is_ok(), "{list}");
        for (a, b) in [(&second, &first), (&first, &first)] {
            let said = refused(&pointer, pair(a, b));
            assert!(said.contains(&format!("handler.{list}: ")), "{said}");
            assert!(said.contains("the order is ascending"), "{said}");
        }
    }
}

#[test]
fn maps_are_those_of_the_manifest() {
    let said = refused("/maps/0/map", "other".into());
    assert_eq!(
        said,
        "manifest field handler.maps: map \"other\" is none of the maps"
    );
}

#[test]
fn metrics_labels_and_settings_have_names_that_prometheus_takes() {
    for name in ["A", "1a", "a-b", "a.b", "ä", "a b"] {
        for pointer in ["/metrics/1/name", "/metrics/0/labels/0"] {
            let said = refused(pointer, name.into());
            assert!(
                said.contains("is not of the form [a-z_][a-z0-9_]*"),
                "{said}"
            );
        }
        assert!(
            refused("/config", json!({name: ""})).contains("handler.config"),
            "{name}"
        );
    }
    for (labels, rule) in [
        (
            json!(["peer", "peer"]),
            "label \"peer\" of latency_seconds stands twice",
        ),
        (json!(["instance"]), "is the node's to give"),
        (json!(["le"]), "is reserved by Prometheus"),
        (json!(["__name"]), "is reserved by Prometheus"),
    ] {
        let said = refused("/metrics/0/labels", labels);
        assert!(said.contains(rule), "{said}");
    }
    let said = refused("/metrics/1/name", "latency_seconds_sum".into());
    assert!(
        said.contains("are both shown as latency_seconds_sum"),
        "{said}"
    );
}

#[test]
fn buckets_are_ascending_numbers_of_a_histogram() {
    for (pointer, value, rule) in [
        (
            "/metrics/0/buckets",
            json!([]),
            "a histogram has at least one",
        ),
        (
            "/metrics/1/buckets",
            json!([1]),
            "only a histogram has some",
        ),
        (
            "/metrics/0/buckets",
            json!([2, 1]),
            "they are not ascending",
        ),
        (
            "/metrics/0/buckets",
            json!([1, 1.0]),
            "they are not ascending",
        ),
        (
            "/metrics/0/buckets",
            json!([-0.0, 0.0]),
            "they are not ascending",
        ),
    ] {
        let said = refused(pointer, value);
        assert!(said.contains(rule), "{said}");
    }
    let text = sample().to_string().replacen("2.5]", "1e999]", 1);
    assert!(Manifest::from_json(text.as_bytes()).is_err());
    for number in [f64::INFINITY, f64::NAN] {
        assert!(UpperBound::try_from(number).is_err(), "{number}");
    }
}

#[test]
fn limits_are_within_what_may_be_asked_for() {
    for (field, min, max) in [
        (
            "memory_bytes_max",
            limits::HANDLER_MEMORY_BYTES_MIN,
            limits::HANDLER_MEMORY_BYTES_MAX,
        ),
        ("call_ms_max", 1, limits::HANDLER_CALL_MS_MAX.into()),
        ("state_ms_max", 1, limits::HANDLER_STATE_MS_MAX.into()),
        ("state_bytes_max", 0, limits::HANDLER_STATE_BYTES_MAX.into()),
        ("emits_per_s_max", 0, limits::HANDLER_EMITS_PER_S_MAX.into()),
        (
            "emit_bytes_per_s_max",
            0,
            limits::HANDLER_EMIT_BYTES_PER_S_MAX.into(),
        ),
        (
            "log_lines_per_s_max",
            0,
            limits::HANDLER_LOG_LINES_PER_S_MAX.into(),
        ),
        ("metrics/0/series_max", 1, limits::METRIC_SERIES_MAX.into()),
    ] {
        let pointer = format!("/{field}");
        assert!(with(&pointer, min.into()).is_ok(), "{field}");
        assert!(with(&pointer, max.into()).is_ok(), "{field}");
        let beyond = [min.checked_sub(1), max.checked_add(1)];
        for value in beyond.into_iter().flatten() {
            let said = refused(&pointer, value.into());
            assert!(
                said.contains(&format!("{value} is not from {min} to {max}")),
                "{said}"
            );
        }
    }
}

#[test]
fn the_world_is_this_projects_and_has_a_version() {
    for world in [
        "marrow:handler",
        "marrow:handler@",
        "marrow:handler@1",
        "marrow:handler@1.0.0+x",
        "other:handler@1.0.0",
    ] {
        let said = refused("/world", world.into());
        assert!(
            said.contains("is not marrow:handler@ with a version"),
            "{said}"
        );
    }
}

#[test]
fn texts_cannot_act_on_a_terminal() {
    for pointer in ["/sdk", "/metrics/0/help", "/config/prefix", "/imports/1"] {
        assert!(
            refused(pointer, "z\u{1b}[2J".into()).contains("control character"),
            "{pointer}"
        );
    }
    assert!(with("/config/prefix", "one\n\ttwo".into()).is_ok());
}
