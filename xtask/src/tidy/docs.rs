//! Documents must be true: what they name exists. Called by `tidy`.
//! Must never be satisfied by a document that is not there.

use super::Violation;
use super::source::File;
use crate::run;

/// Their paths are checked, and they must exist.
const DOCUMENTS: [&str; 7] = [
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "CHANGELOG.md",
    "LICENSE",
    "payload/FORMAT.md",
];
const ROOMS: [&str; 11] = [
    "payload",
    "api",
    "packer",
    "registry",
    "node",
    "bpf",
    "migrations",
    "web",
    "tests",
    "xtask",
    ".ci",
];

/// Every path that a document names in backticks or as a link exists.
pub(crate) fn named_paths(files: &[File]) -> Vec<Violation> {
    let root = run::root();
    named(files, &|path| root.join(path).exists())
}

fn named(files: &[File], exists: &dyn Fn(&str) -> bool) -> Vec<Violation> {
    let missing = DOCUMENTS.iter().filter(|path| !exists(path));
    let mut found: Vec<Violation> = missing
        .map(|path| Violation::new(path, 1, "the document is missing"))
        .collect();
    for file in files
        .iter()
        .filter(|file| DOCUMENTS.contains(&file.path.as_str()))
    {
        let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        for (index, line) in file.text.lines().enumerate() {
            let gone = paths_in(line, folder)
                .into_iter()
                .filter(|path| !exists(path));
            found.extend(gone.map(|path| {
                Violation::new(&file.path, index + 1, format!("`{path}` does not exist"))
            }));
        }
    }
    found
}

/// The paths of this repository that a line names, from its root.
fn paths_in(line: &str, folder: &str) -> Vec<String> {
    let quoted = line.split('`').skip(1).step_by(2);
    let rooms = quoted.filter_map(|text| {
        let path = text
            .split(['*', '{', '<', ':', '#', ' '])
            .next()
            .unwrap_or_default();
        let whole = path.len() == text.len();
        let (room, _) = path.split_once('/')?;
        // Before a pattern only the folder is certain.
        let path = if whole {
            path
        } else {
            path.rsplit_once('/')?.0
        };
        ROOMS
            .contains(&room)
            .then(|| path.trim_end_matches('/').to_owned())
    });
    let links = line.split("](").skip(1).filter_map(|rest| {
        let target = rest
            .split([')', '#'])
            .next()
            .filter(|target| !target.is_empty())?;
        let local = !target.contains("://") && !target.starts_with("mailto:");
        local.then(|| {
            if folder.is_empty() {
                target.to_owned()
            } else {
                format!("{folder}/{target}")
            }
        })
    });
    rooms.chain(links).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(text: &str) -> Vec<String> {
        let exists = |path: &str| DOCUMENTS.contains(&path) || path == "node/src";
        named(&[File::new("ARCHITECTURE.md", text)], &exists)
            .into_iter()
            .map(|found| found.rule)
            .collect()
    }

    #[test]
    fn a_path_that_is_gone_is_reported() {
        assert_eq!(
            broken("see `node/src/gone.rs` and `node/src/`"),
            ["`node/src/gone.rs` does not exist"]
        );
        assert_eq!(broken("see [this](gone.md)"), ["`gone.md` does not exist"]);
        assert_eq!(
            broken("`node/src/*.rs`, `registry/src/db/*`"),
            ["`registry/src/db` does not exist"]
        );
    }

    #[test]
    fn what_is_no_path_of_ours_is_not_looked_up() {
        assert!(broken("`application/wasm`, `/var/lib/marrow`, `namespace/name`").is_empty());
    }

    #[test]
    fn a_missing_document_is_reported() {
        assert_eq!(named(&[], &|_| false).len(), DOCUMENTS.len());
    }
}
