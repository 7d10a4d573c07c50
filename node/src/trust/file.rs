//! One file of a folder of keys: a publisher's public key and the namespaces it may sign.
//! Read by the folder. Must never take a key from outside of the folder.

use std::fs::File;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Component, Path};

use payload::limits::KEY_PEM_BYTES_MAX;
use payload::name::Namespace;
use payload::signature::PublicKey;
use serde::Deserialize;

use super::{KeysError, check_mode};
use crate::toml_file;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyFile {
    /// The key as PEM.
    key: Option<String>,
    /// Or the name of a file beside this one that holds it.
    #[serde(rename = "key_file")]
    elsewhere: Option<String>,
    /// What it may sign.
    namespaces: Vec<Namespace>,
    /// For people.
    #[serde(rename = "comment")]
    _comment: Option<String>,
}

/// The text of a file of the folder. A link is followed, as who manages a machine's files may make
/// one: whoever could put a wrong one there could put a file there. At its end there must be a
/// regular file that nobody else may write; a pipe is not waited for.
pub(super) fn text(path: &Path) -> Result<String, KeysError> {
    let failed = |reason| KeysError::Folder {
        path: path.to_owned(),
        reason,
    };
    let file = File::options()
        .read(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(path)
        .map_err(failed)?;
    let found = file.metadata().map_err(failed)?;
    if !found.is_file() {
        return Err(KeysError::NotAFile {
            path: path.to_owned(),
        });
    }
    check_mode(path, &found)?;
    Ok(toml_file::text_of(path, file)?)
}

/// Reads a key and its namespaces.
pub(super) fn read(folder: &Path, path: &Path) -> Result<(PublicKey, Vec<Namespace>), KeysError> {
    let wrong = |field, rule: String| KeysError::Key {
        path: path.to_owned(),
        field,
        rule,
    };
    let file: KeyFile = toml_file::parse(path, &text(path)?)?;
    if file.namespaces.is_empty() {
        return Err(wrong(
            "namespaces",
            "is empty; a key signs for one at least".to_owned(),
        ));
    }
    let (field, pem) = match (file.key, file.elsewhere) {
        (Some(key), None) => ("key", key),
        (None, Some(name)) => {
            let plain = matches!(
                Path::new(&name).components().collect::<Vec<_>>()[..],
                [Component::Normal(_)]
            );
            if !plain {
                let rule = format!("{name:?} is not the name of a file beside this one");
                return Err(wrong("key_file", rule));
            }
            ("key_file", text(&folder.join(name))?)
        }
        (None, None) => return Err(wrong("key", "is missing, and key_file too".to_owned())),
        (Some(_), Some(_)) => {
            return Err(wrong(
                "key_file",
                "stands beside key; one of them is enough".to_owned(),
            ));
        }
    };
    if pem.len() > KEY_PEM_BYTES_MAX {
        let rule = format!(
            "{} bytes, at most {KEY_PEM_BYTES_MAX} are allowed",
            pem.len()
        );
        return Err(wrong(field, rule));
    }
    let key = PublicKey::from_pem(pem.as_bytes());
    Ok((
        key.map_err(|error| wrong(field, error.to_string()))?,
        file.namespaces,
    ))
}
