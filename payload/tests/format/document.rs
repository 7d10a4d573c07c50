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

#[test]
fn limits_of_the_document_are_those_of_the_code() {
    macro_rules! rows {
        ($($name:ident),* $(,)?) => {
            [$((stringify!($name), limits::$name)),*]
        };
    }
    let rows = rows![
        PAYLOAD_BYTES_MAX,
        OBJECT_BYTES_MAX,
        HANDLER_BYTES_MAX,
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
        IMPORTS_MAX,
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
    ];
    for (name, bound) in rows {
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
