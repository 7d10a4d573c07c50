//! The contract as the canonical ABI lowers it: which functions of which type there are.
//! Asked when a module is compiled. Must never accept an export of another type.

use wasmtime::{ExternType, FuncType, Module};

use crate::compiled::imports;
use crate::fault::RefusedHandler;
use crate::grant::Grant;

/// Functions of the host.
const IMPORTS: [(&str, &str); 16] = [
    ("log", "(i32, i32, i32) -> ()"),
    ("emit", "(i32, i32, i32, i32, i32) -> ()"),
    ("series", "(i32, i32, i32, i32, i32) -> ()"),
    ("add", "(i32, i64) -> ()"),
    ("set", "(i32, f64) -> ()"),
    ("observe", "(i32, f64) -> ()"),
    ("map-open", "(i32, i32, i32) -> ()"),
    ("map-lookup", "(i32, i32, i32, i32) -> ()"),
    ("map-update", "(i32, i32, i32, i32, i32, i32) -> ()"),
    ("map-delete", "(i32, i32, i32, i32) -> ()"),
    ("map-scan", "(i32, i32, i32, i32, i32, i32) -> ()"),
    ("now-mono", "() -> (i64)"),
    ("now-wall", "() -> (i64)"),
    ("config", "(i32, i32, i32) -> ()"),
    ("layout", "(i32, i32) -> ()"),
    ("process", "(i32, i32) -> ()"),
];

/// Functions of the guest that must be there.
const REQUIRED: [(&str, &str); 3] = [
    ("init", "(i32, i32, i32, i32, i32, i32) -> (i32)"),
    ("on-events", "(i32, i32, i32) -> (i32)"),
    ("cabi_realloc", "(i32, i32, i32, i32) -> (i32)"),
];

/// Functions of the guest that may be there.
const OPTIONAL: [(&str, &str); 11] = [
    ("on-tick", "(i64) -> ()"),
    ("snapshot", "() -> (i32)"),
    ("shutdown", "(i32) -> ()"),
    ("ring-window", "(i32, i32) -> (i32)"),
    ("on-window", "(i32, i32, i32) -> (i32)"),
    ("_initialize", "() -> ()"),
    ("cabi_post_init", "(i32) -> ()"),
    ("cabi_post_on-events", "(i32) -> ()"),
    ("cabi_post_on-tick", "() -> ()"),
    ("cabi_post_snapshot", "(i32) -> ()"),
    ("cabi_post_shutdown", "() -> ()"),
];

/// Checks all imports and exports of a module.
pub(super) fn check(module: &Module, grant: &Grant) -> Result<(), RefusedHandler> {
    for import in module.imports() {
        imports::check(import.module(), import.name(), grant)?;
        let expected = IMPORTS.iter().find(|(name, _)| *name == import.name());
        let found = described(&import.ty());
        if expected.is_none_or(|(_, expected)| *expected != found) {
            let expected = expected.map_or("unknown", |(_, expected)| expected);
            return Err(RefusedHandler::Import {
                import: format!("{}#{}", import.module(), import.name()),
                rule: format!("as {found}; it is {expected}"),
            });
        }
    }
    for (name, expected) in REQUIRED {
        export(module, name, expected, true)?;
    }
    for (name, expected) in OPTIONAL {
        export(module, name, expected, false)?;
    }
    export(module, "memory", "a memory", true)
}

fn export(
    module: &Module,
    name: &'static str,
    expected: &str,
    is_required: bool,
) -> Result<(), RefusedHandler> {
    let rule = match module.get_export(name).map(|found| described(&found)) {
        None if is_required => "is missing".to_owned(),
        Some(found) if found != expected => format!("is {found}, must be {expected}"),
        _ => return Ok(()),
    };
    Err(RefusedHandler::Export { export: name, rule })
}

fn described(found: &ExternType) -> String {
    match found {
        ExternType::Func(found) => signature(found),
        ExternType::Memory(_) => "a memory".to_owned(),
        ExternType::Global(_) => "a global".to_owned(),
        ExternType::Table(_) => "a table".to_owned(),
        ExternType::Tag(_) => "a tag".to_owned(),
    }
}

fn signature(found: &FuncType) -> String {
    let params: Vec<String> = found.params().map(|value| value.to_string()).collect();
    let results: Vec<String> = found.results().map(|value| value.to_string()).collect();
    format!("({}) -> ({})", params.join(", "), results.join(", "))
}
