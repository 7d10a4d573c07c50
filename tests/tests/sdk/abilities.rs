//! What a handler asks of its node: maps, metrics, settings, processes, layouts, clocks, the log.

use handler::effects::{Change, Level};
use serde_json::{Value, json};

use super::stage::{Driven, MONO_NS, WALL_NS};
use super::steps::{Sdk, What, ask, asked, step, ways, ways_in_c};

/// Outcomes as the handlers number them.
const DENIED: u64 = 1;
const ABSENT: u64 = 2;

#[test]
fn maps_are_reached_by_name_and_right() {
    for way in ways() {
        let mut driven = way.begun();
        let mut ask = |what, key, value| ask(&mut driven, what, key, value, b"");
        assert_eq!(ask(What::Lookup, 5, 0)["outcome"], ABSENT, "{way:?}");
        for (key, value) in [(5, 77), (6, 78), (7, 79)] {
            let told = ask(What::Update, key, value);
            assert_eq!(told["outcome"], 0, "{way:?}");
            assert_eq!(told["not_granted"], DENIED, "{way:?}");
        }
        assert_eq!(ask(What::Lookup, 6, 0)["value"], 78, "{way:?}");
        assert_eq!(ask(What::Scan, 0, 0)["entries"], json!([5, 6]), "{way:?}");
        assert_eq!(ask(What::Scan, 6, 1)["entries"], json!([7]), "{way:?}");
        assert_eq!(ask(What::Scan, 7, 1)["entries"], json!([]), "{way:?}");
        assert_eq!(ask(What::Delete, 6, 0)["outcome"], 0, "{way:?}");
        assert_eq!(ask(What::Delete, 6, 0)["outcome"], ABSENT, "{way:?}");
    }
}

#[test]
fn maps_that_a_handler_in_c_declares_are_asked_for_before_it_starts() {
    for way in ways_in_c() {
        let mut driven = Driven::new(&way.built().without_maps(), way.mapped);
        assert_eq!(driven.denied_at_first(), ["counts"], "{way:?}");
        let mut driven = Driven::new(way.built(), way.mapped);
        assert!(driven.denied_at_first().is_empty(), "{way:?}");
    }
}

#[test]
fn metrics_are_changed_in_the_series_of_their_labels() {
    for way in ways() {
        let mut driven = way.begun();
        driven.events(
            "steps",
            &[
                step(What::Count, 3, 4, b"xy"),
                // The series is there already: it keeps its label.
                step(What::Count, 5, 6, b"other"),
                step(What::Observe, 0, 5, b""),
            ],
        );
        let told = driven.told();
        assert_eq!(told.added("sdk_steps_total", &[]), 3, "{way:?}");
        assert_eq!(told.added("sdk_values_total", &["odd", "\u{e4}"]), 10);
        assert_eq!(told.added("sdk_values_total", &["text", "xy"]), 8);
        let value = |metric: &str| {
            let mut changes = told.changes.iter();
            let (_, change) = changes.find(|(series, _)| series.metric == metric).unwrap();
            match change {
                Change::Set { value, .. } | Change::Observe { value, .. } => *value,
                Change::Add { .. } => panic!("{metric} is no counter"),
            }
        };
        assert!((value("sdk_values") - 2.5).abs() < f64::EPSILON);
        assert!((value("sdk_last_value") - 5.0).abs() < f64::EPSILON);
        // What the manifest does not declare is told to the log.
        assert!(told.log.iter().any(|(level, _)| *level == Level::Warn));
    }
}

#[test]
fn settings_are_those_of_the_manifest() {
    for way in ways() {
        let mut driven = way.begun();
        let mut ask = |name: &str| ask(&mut driven, What::Setting, 0, 0, name.as_bytes());
        let told = ask("n");
        let expected = json!({"is_there": true, "text": "42", "number": 42});
        assert!(has(&told, &expected), "{way:?}: {told}");
        let told = ask("none");
        let expected = json!({"is_there": false, "text": "", "number": 7});
        assert!(has(&told, &expected), "{way:?}: {told}");
        if way.sdk == Sdk::C {
            assert_eq!(ask("t")["truth"], false);
            assert_eq!(ask("n")["truth"], true);
        }
    }
}

#[test]
fn processes_are_those_of_this_machine() {
    for way in ways() {
        let mut driven = way.begun();
        let own = std::process::id();
        let told = ask(&mut driven, What::Process, own, 0, b"");
        assert_eq!(
            told["parent"],
            std::os::unix::process::parent_id(),
            "{way:?}"
        );
        assert!(told["started"].as_u64().unwrap() > 0, "{way:?}");
        let command = told["command"].as_str().unwrap();
        let program = std::env::current_exe().unwrap();
        let program = program.file_name().unwrap().to_str().unwrap();
        assert!(
            !command.is_empty() && program.starts_with(command),
            "{command}"
        );
        // Ids end at 2^22 (PID_MAX_LIMIT of include/linux/threads.h).
        let told = ask(&mut driven, What::Process, 1 << 30, 0, b"");
        assert_eq!(told, json!({}), "{way:?}");
    }
}

#[test]
fn layouts_are_those_of_the_object() {
    for way in ways() {
        let mut driven = way.begun();
        let steps = ask(&mut driven, What::Layout, 1, 0, b"");
        let field = |name: &str, offset_bits: u32, size_bits: u32| json!({"name": name, "offset_bits": offset_bits, "size_bits": size_bits});
        let expected = [
            field("what", 0, 32),
            field("key", 32, 32),
            field("value", 64, 64),
            field("text", 128, 512),
        ];
        assert_eq!(steps["fields"], json!(expected), "{way:?}");
    }
}

#[test]
fn clocks_are_those_of_the_node() {
    for way in ways() {
        let told = ask(&mut way.begun(), What::Clocks, 0, 0, b"");
        assert_eq!(told, json!({"mono": MONO_NS, "wall": WALL_NS}), "{way:?}");
    }
}

#[test]
fn lines_of_the_log_have_their_level() {
    for way in ways() {
        let mut driven = way.begun();
        let levels = [Level::Error, Level::Warn, Level::Info, Level::Debug];
        for (number, level) in (0..).zip(levels) {
            assert!(asked(&mut driven, What::Log, number, 5, b"hello \xff").is_empty());
            driven.events("steps", &[step(What::Log, number, 5, b"hello \xff")]);
            let told = driven.told().log;
            assert_eq!(told, [(level, "hello \u{fffd}: 5".to_owned())], "{way:?}");
        }
    }
}

/// Whether these fields have these values.
fn has(told: &Value, expected: &Value) -> bool {
    let expected = expected.as_object().unwrap();
    expected.iter().all(|(key, value)| told[key] == *value)
}
