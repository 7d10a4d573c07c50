//! TOML files that people write: read bounded, refused with file and line.
//! Used for the configuration and for trusted keys.
//! Must never let an unknown or misspelt key pass for nothing.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

/// Most bytes of such a file.
pub(crate) const TOML_BYTES_MAX: u64 = 256 << 10;

/// Why a file says nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TomlError {
    /// It can't be read.
    #[error("{}: {reason}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: io::Error,
    },
    /// It is longer than any file of its kind.
    #[error("{}: has more than {bytes_max} bytes", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
        /// The bound.
        bytes_max: u64,
    },
    /// A line breaks a rule.
    #[error("{}:{line}: {rule}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Counts from 1.
        line: usize,
        /// The rule that is broken.
        rule: String,
    },
}

impl TomlError {
    /// Whether there is no such file.
    pub(crate) fn is_missing(&self) -> bool {
        matches!(self, Self::Read { reason, .. } if reason.kind() == io::ErrorKind::NotFound)
    }

    /// Whether this user may not read it.
    pub(crate) fn is_denied(&self) -> bool {
        matches!(self, Self::Read { reason, .. } if reason.kind() == io::ErrorKind::PermissionDenied)
    }
}

/// Reads a file as `T`.
///
/// # Errors
/// [`TomlError`].
pub(crate) fn read<T: DeserializeOwned>(path: &Path) -> Result<T, TomlError> {
    parse(path, &text(path)?)
}

fn text(path: &Path) -> Result<String, TomlError> {
    let file = File::open(path).map_err(|reason| TomlError::Read {
        path: path.to_owned(),
        reason,
    })?;
    text_of(path, file)
}

/// The text of a file that was opened at `path`.
///
/// # Errors
/// [`TomlError`], also where it is no text.
pub(crate) fn text_of(path: &Path, file: File) -> Result<String, TomlError> {
    let failed = |reason| TomlError::Read {
        path: path.to_owned(),
        reason,
    };
    let mut text = String::new();
    let read = file.take(TOML_BYTES_MAX + 1).read_to_string(&mut text);
    let bytes = u64::try_from(read.map_err(failed)?).unwrap_or(u64::MAX);
    if bytes > TOML_BYTES_MAX {
        return Err(TomlError::TooLong {
            path: path.to_owned(),
            bytes_max: TOML_BYTES_MAX,
        });
    }
    Ok(text)
}

/// Reads text that stands in `path` as `T`.
///
/// # Errors
/// [`TomlError::Line`].
pub(crate) fn parse<T: DeserializeOwned>(path: &Path, text: &str) -> Result<T, TomlError> {
    toml::from_str(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        let before = text.get(..at).unwrap_or(text);
        TomlError::Line {
            path: path.to_owned(),
            line: 1 + before.matches('\n').count(),
            rule: error.message().trim().replace('\n', "; "),
        }
    })
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Asked {
        count: u8,
    }

    #[test]
    fn the_line_that_breaks_a_rule_is_named() {
        let path = Path::new("/etc/x.toml");
        for (text, begins, word) in [
            ("\ncuont = 1\n", "/etc/x.toml:2: ", "cuont"),
            ("count = 1\nmore = 2\n", "/etc/x.toml:2: ", "more"),
            ("count = 1000\n", "/etc/x.toml:1: ", "1000"),
            ("count = \n", "/etc/x.toml:1: ", ""),
            ("", "/etc/x.toml:1: ", "count"),
        ] {
            let error = parse::<Asked>(path, text).unwrap_err().to_string();
            assert!(error.starts_with(begins), "{error}");
            assert!(error.contains(word), "{error}");
            assert!(!error.contains('\n'), "{error}");
        }
        assert_eq!(parse::<Asked>(path, "count = 7").unwrap().count, 7);
    }
}
