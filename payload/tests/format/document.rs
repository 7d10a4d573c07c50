//! FORMAT.md says what the code does: its example is the golden manifest, its limits are those of
//! the code. Must never be satisfied by a document without them.

use payload::limits;
use payload::manifest::Manifest;

use super::build::contents;

const DOCUMENT: &str = include_str!("../../FORMAT.md");

#[test]
fn example_of_the_document_is_the_golden_manifest() {
    let (_, example) = DOCUMENT.split_once("```json\n").unwrap();
    let (example, _) = example.split_once("```").unwrap();
    assert_eq!(
        Manifest::from_json(example.as_bytes()).unwrap(),
        contents().manifest
    );
}

macro_rules! rows {
    ($($name:ident),* $(,)?) => {
        vec![$((stringify!($name), u64::try_from(limits::$name).unwrap())),*]
    };
}

/// Bounds of the file, of its manifest and of legacy JSON, by name.
fn bounds() -> Vec<(&'static str, u64)> {
    rows![
        PAYLOAD_BYTES_MAX,
        OBJECT_BYTES_MAX,
        MANIFEST_BYTES_MAX,
        SECTIONS_MAX,
        SECTION_NAME_BYTES_MAX,
        ENVELOPE_BYTES_MAX,
        STATEMENT_BYTES_MAX,
        SIGNATURES_MAX,
        KEY_PEM_BYTES_MAX,
        TRUSTED_KEYS_MAX,
        NAME_PART_BYTES_MAX,
        INSTANCE_NAME_BYTES_MAX,
        VERSION_BYTES_MAX,
        OBJECTS_MAX,
        PROGRAMS_MAX,
        MAPS_MAX,
        GLOBALS_MAX,
        EVENTS_MAX,
        IDENTIFIER_BYTES_MAX,
        TARGET_BYTES_MAX,
        DESCRIPTION_BYTES_MAX,
        URL_BYTES_MAX,
        LICENSE_BYTES_MAX,
        TOOL_BYTES_MAX,
        GLOBAL_DEFAULT_BYTES_MAX,
        LEGACY_JSON_BYTES_MAX,
        LEGACY_JSON_DEPTH_MAX,
        LEGACY_JSON_VALUES_MAX,
        LEGACY_PRESETS_MAX,
        LEGACY_PRESET_BYTES_MAX,
    ]
}

/// Bounds of the handler.
fn bounds_of_handlers() -> Vec<(&'static str, u64)> {
    rows![
        HANDLER_BYTES_MAX,
        HANDLER_CORE_BYTES_MAX,
        IMPORTS_MAX,
        EXPORTS_MAX,
        ACCEPTS_MAX,
        METRICS_MAX,
        LABELS_MAX,
        BUCKETS_MAX,
        CONFIG_MAX,
        METRIC_NAME_BYTES_MAX,
        METRIC_HELP_BYTES_MAX,
        CONFIG_VALUE_BYTES_MAX,
        SDK_BYTES_MAX,
        ABI_BYTES_MAX,
        HANDLER_MEMORY_BYTES_MIN,
        HANDLER_MEMORY_BYTES_MAX,
        HANDLER_CALL_MS_MAX,
        HANDLER_STATE_MS_MAX,
        HANDLER_STATE_BYTES_MAX,
        HANDLER_EMITS_PER_S_MAX,
        HANDLER_EMIT_BYTES_PER_S_MAX,
        HANDLER_LOG_LINES_PER_S_MAX,
        METRIC_SERIES_MAX,
    ]
}

#[test]
fn limits_of_the_document_are_those_of_the_code() {
    let rows = [bounds(), bounds_of_handlers()].concat();
    for (name, bound) in &rows {
        let row = format!("| `{name}` | {bound} |");
        assert!(DOCUMENT.contains(&row), "FORMAT.md has no row {row}");
    }
    let (_, table) = DOCUMENT.split_once("## Limits").unwrap();
    assert_eq!(
        table.matches("\n| `").count(),
        rows.len(),
        "a row that is not in this test"
    );
}

#[test]
fn defaults_of_a_handler_in_the_document_are_those_of_the_code() {
    for (field, default) in [
        ("state_ms_max", limits::HANDLER_STATE_MS_DEFAULT),
        ("state_bytes_max", limits::HANDLER_STATE_BYTES_DEFAULT),
        ("emits_per_s_max", limits::HANDLER_EMITS_PER_S_DEFAULT),
        (
            "emit_bytes_per_s_max",
            limits::HANDLER_EMIT_BYTES_PER_S_DEFAULT,
        ),
        (
            "log_lines_per_s_max",
            limits::HANDLER_LOG_LINES_PER_S_DEFAULT,
        ),
        ("series_max", limits::METRIC_SERIES_DEFAULT),
    ] {
        let row = DOCUMENT
            .lines()
            .find(|line| line.starts_with(&format!("| `{field}` | number, optional")))
            .unwrap_or_else(|| panic!("FORMAT.md has no row of {field}"));
        let (_, shown) = row.rsplit_once("absent for ").unwrap();
        let digits: String = shown.chars().filter(char::is_ascii_digit).collect();
        assert_eq!(digits, default.to_string(), "{field}");
    }
}
