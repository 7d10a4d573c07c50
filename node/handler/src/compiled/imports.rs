//! What a handler may import: functions of the host, of a version that this node has, that it was
//! granted. Asked by both lanes. Must never let a name pass that it does not know.

use crate::fault::RefusedHandler;
use crate::grant::Grant;

/// The interface of the host, before its version.
const HOST: &str = "marrow:handler/host@";
/// The version that this node has; it serves all lower minors of its major.
const VERSION: (u64, u64) = (1, 0);
/// What WASI's modules and interfaces begin with.
const WASI: [&str; 2] = ["wasi_", "wasi:"];
/// The functions of that version.
const FUNCTIONS: [&str; 16] = [
    "log",
    "emit",
    "series",
    "add",
    "set",
    "observe",
    "map-open",
    "map-lookup",
    "map-update",
    "map-delete",
    "map-scan",
    "now-mono",
    "now-wall",
    "config",
    "layout",
    "process",
];

/// Checks one function that is imported.
///
/// # Errors
/// [`RefusedHandler::Import`].
pub(crate) fn check(host: &str, name: &str, grant: &Grant) -> Result<(), RefusedHandler> {
    let (major, minor) = VERSION;
    let rule = if let Some(rule) = host_rule(host) {
        rule
    } else if !FUNCTIONS.contains(&name) {
        format!("which the host of version {major}.{minor} does not have")
    } else if !grant.imports.contains(name) {
        "which it was not granted".to_owned()
    } else {
        return Ok(());
    };
    Err(RefusedHandler::Import {
        import: format!("{host}#{name}"),
        rule,
    })
}

/// Checks the host that functions are imported from, if there are any.
///
/// # Errors
/// [`RefusedHandler::Import`].
pub(crate) fn check_host(host: &str) -> Result<(), RefusedHandler> {
    let refused = |rule| RefusedHandler::Import {
        import: host.to_owned(),
        rule,
    };
    host_rule(host).map_or(Ok(()), |rule| Err(refused(rule)))
}

/// The rule that a module or interface breaks.
fn host_rule(host: &str) -> Option<String> {
    if WASI.iter().any(|wasi| host.starts_with(wasi)) {
        return Some("which is WASI: a handler has no files, sockets or environment".to_owned());
    }
    let Some(version) = host.strip_prefix(HOST) else {
        return Some("which no node has".to_owned());
    };
    let (major, minor) = VERSION;
    let rule = || format!("of version {version}; this node has {major}.{minor}");
    (!serves(version)).then(rule)
}

/// Whether this node has what was written for a version.
fn serves(version: &str) -> bool {
    semver::Version::parse(version).is_ok_and(|version| {
        let (major, minor) = VERSION;
        version.major == major && (0..=minor).contains(&version.minor) && version.pre.is_empty()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(module: &str, name: &str) -> String {
        let grant = Grant {
            imports: ["emit".to_owned(), "symbolize".to_owned()].into(),
            ..Grant::default()
        };
        check(module, name, &grant).map_or_else(|refused| refused.to_string(), |()| String::new())
    }

    #[test]
    fn a_granted_function_of_a_served_version_may_be_imported() {
        assert_eq!(said("marrow:handler/host@1.0.0", "emit"), "");
        assert_eq!(said("marrow:handler/host@1.0.9", "emit"), "");
    }

    #[test]
    fn each_other_import_is_refused_by_name() {
        for (module, name, rule) in [
            (
                "marrow:handler/host@1.0.0",
                "log",
                "which it was not granted",
            ),
            (
                "marrow:handler/host@1.0.0",
                "symbolize",
                "the host of version 1.0 does not have",
            ),
            (
                "marrow:handler/host@1.1.0",
                "emit",
                "of version 1.1.0; this node has 1.0",
            ),
            (
                "marrow:handler/host@2.0.0",
                "emit",
                "of version 2.0.0; this node has 1.0",
            ),
            (
                "marrow:handler/host@0.9.0",
                "emit",
                "of version 0.9.0; this node has 1.0",
            ),
            (
                "marrow:handler/host@1.0.0-rc.1",
                "emit",
                "of version 1.0.0-rc.1;",
            ),
            ("marrow:handler/host@one", "emit", "of version one;"),
            ("marrow:handler/host", "emit", "which no node has"),
            ("env", "emit", "which no node has"),
            ("wasi_snapshot_preview1", "fd_write", "which is WASI"),
            ("wasi:cli/stdout@0.2.0", "get-stdout", "which is WASI"),
        ] {
            let said = said(module, name);
            assert!(
                said.contains(&format!("imports {module}#{name}, ")),
                "{said}"
            );
            assert!(said.contains(rule), "{said}");
        }
    }
}
