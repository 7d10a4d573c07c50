//! Rules of Cargo.toml files. Called by `tidy`.
//! Must never let one program depend on another: their contract is `api` and `payload`.

use super::Violation;
use super::source::File;

/// Which of our own crates each may depend on. `tests` may depend on everything.
const MAY_KNOW: [(&str, &[&str]); 8] = [
    ("payload", &[]),
    ("api", &[]),
    ("node/handler", &["payload"]),
    ("packer", &["payload", "api", "handler"]),
    ("registry/rollout", &["api"]),
    ("registry", &["payload", "api", "rollout"]),
    ("node", &["payload", "api", "handler"]),
    ("xtask", &[]),
];
const OURS: [&str; 8] = [
    "payload", "api", "handler", "packer", "registry", "rollout", "node", "xtask",
];
/// Where crates are that are no members: handlers, and the SDK that they are written with.
const HANDLERS: [&str; 2] = ["bpf/", "tests/handlers/"];
/// What a handler may depend on.
const SDK: &str = "guest";
const WITHOUT_UNSAFE: [&str; 5] = ["payload", "api", "packer", "registry", "registry/rollout"];

/// All rules of all Cargo.toml files.
pub(crate) fn manifests(files: &[File]) -> Vec<Violation> {
    let mut found = Vec::new();
    for file in files {
        match file.path.strip_suffix("Cargo.toml") {
            Some("") => found.extend(reasons(file)),
            Some(folder) if HANDLERS.iter().any(|place| folder.starts_with(place)) => {
                found.extend(handler(file));
            }
            Some(folder) => found.extend(member(file, folder.trim_end_matches('/'))),
            None => {}
        }
    }
    found
}

/// Each dependency of the workspace has a comment above it that gives its reason.
fn reasons(file: &File) -> Vec<Violation> {
    let mut found = Vec::new();
    let (mut inside, mut explained) = (false, false);
    for (index, line) in file.text.lines().enumerate() {
        if line.starts_with('[') {
            inside = line == "[workspace.dependencies]";
        } else if inside && line.starts_with('#') {
            explained = true;
        } else if let Some((name, value)) = line.split_once('=').filter(|_| inside) {
            let ours = OURS.contains(&name.trim()) && value.contains("path");
            if !explained && !ours {
                let rule = format!("`{}` has no comment above it that says why", name.trim());
                found.push(Violation::new(&file.path, index + 1, rule));
            }
            explained = false;
        }
    }
    found
}

/// A member takes versions, lints and reasons from the workspace and keeps the fences.
fn member(file: &File, folder: &str) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut section = "";
    for (index, line) in file.text.lines().enumerate() {
        let mut broken = |rule: String| found.push(Violation::new(&file.path, index + 1, rule));
        if line.starts_with('[') {
            section = line;
            continue;
        }
        let Some((key, value)) = line.split_once('=').filter(|_| !line.starts_with('#')) else {
            continue;
        };
        if !section.contains("dependencies") {
            continue;
        }
        if !key.trim().ends_with(".workspace") && !value.contains("workspace = true") {
            broken(format!(
                "`{}`: versions stand in the root Cargo.toml",
                key.trim()
            ));
        }
        let name = key.trim().trim_end_matches(".workspace");
        let may = MAY_KNOW
            .iter()
            .find(|(crate_name, _)| *crate_name == folder);
        if OURS.contains(&name) && may.is_some_and(|(_, known)| !known.contains(&name)) {
            broken(format!("`{folder}` must not know `{name}`"));
        }
    }
    if !file.text.contains("[lints]\nworkspace = true") {
        found.push(Violation::new(
            &file.path,
            1,
            "a crate takes the workspace's lints",
        ));
    }
    found
}

/// A handler of ours is built by a compiler and nothing else: it needs the SDK alone, by its path.
fn handler(file: &File) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut inside = false;
    for (index, line) in file.text.lines().enumerate() {
        if line.starts_with('[') {
            inside = line.contains("dependencies");
            continue;
        }
        let Some((name, value)) = line.split_once('=').filter(|_| inside) else {
            continue;
        };
        if name.trim() != SDK || !value.contains("path = ") {
            let rule = format!("`{}`: a handler needs `{SDK}` alone", name.trim());
            found.push(Violation::new(&file.path, index + 1, rule));
        }
    }
    found
}

/// Crates without `unsafe` forbid it in their root module.
pub(crate) fn no_unsafe(files: &[File]) -> Vec<Violation> {
    let roots = files.iter().filter(|file| {
        WITHOUT_UNSAFE.iter().any(|name| {
            file.path
                .strip_prefix(name)
                .is_some_and(|p| p == "/src/lib.rs" || p == "/src/main.rs")
        })
    });
    roots
        .filter(|file| !file.code.contains("#![forbid(unsafe_code)]"))
        .map(|file| Violation::new(&file.path, 1, "`#![forbid(unsafe_code)]` is missing"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(path: &str, text: &str) -> Vec<String> {
        manifests(&[File::new(path, text)])
            .into_iter()
            .map(|found| found.rule)
            .collect()
    }

    const LINTS: &str = "[lints]\nworkspace = true\n";

    #[test]
    fn a_dependency_without_reason_is_reported() {
        let text =
            "[workspace.dependencies]\napi = { path = \"api\" }\n# Why.\na = \"1\"\nb = \"2\"\n";
        assert_eq!(
            broken("Cargo.toml", text),
            ["`b` has no comment above it that says why"]
        );
    }

    #[test]
    fn programs_do_not_know_each_other() {
        let text = format!("[dependencies]\napi.workspace = true\nnode.workspace = true\n{LINTS}");
        assert_eq!(
            broken("packer/Cargo.toml", &text),
            ["`packer` must not know `node`"]
        );
        assert!(broken("tests/Cargo.toml", &text).is_empty());
    }

    #[test]
    fn versions_and_lints_come_from_the_workspace() {
        assert_eq!(
            broken("node/Cargo.toml", "[dependencies]\nlibc = \"0.2\"\n").len(),
            2
        );
    }

    #[test]
    fn a_handler_needs_the_sdk_alone() {
        let text = "[package]\nname = \"a\"\n[dependencies]\nguest = { path = \"../../guest\" }\n";
        assert!(broken("bpf/a/handler/Cargo.toml", text).is_empty());
        let text = format!("{text}libc = \"0.2\"\nguest = \"1\"\n");
        assert_eq!(broken("bpf/a/handler/Cargo.toml", &text).len(), 2);
    }

    #[test]
    fn unsafe_is_forbidden_where_it_is_not_needed() {
        assert_eq!(
            no_unsafe(&[File::new("payload/src/lib.rs", "//! x\n")]).len(),
            1
        );
        assert!(no_unsafe(&[File::new("node/src/main.rs", "//! x\n")]).is_empty());
        let good = "#![forbid(unsafe_code)]\n";
        assert!(no_unsafe(&[File::new("api/src/lib.rs", good)]).is_empty());
    }
}
