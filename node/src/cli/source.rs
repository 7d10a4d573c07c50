//! Where `node update` and `node run` take their bytes from.
//! Called by both commands.
//! Must never read more than the largest payload has.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use payload::limits::PAYLOAD_BYTES_MAX;
use payload::unsigned::sniff;

use super::CliError;

/// The bytes of `JSON`, `@FILE` or `-`.
///
/// # Errors
/// The file can't be read, or is too long; the `@` before its name is missing.
pub(super) fn bytes_of(source: &str) -> Result<Vec<u8>, CliError> {
    match source.strip_prefix('@') {
        Some(path) => file(Path::new(path)),
        None if source == "-" => bounded(io::stdin().lock(), "standard input"),
        // Only where it could not be anything else: JSON is never taken for a name.
        None if sniff(source.as_bytes()).is_none() && Path::new(source).is_file() => {
            Err(CliError::FileWithoutAt {
                name: source.to_owned(),
            })
        }
        None => Ok(source.as_bytes().to_vec()),
    }
}

/// The bytes of a file.
///
/// # Errors
/// As [`bytes_of`].
pub(super) fn file(path: &Path) -> Result<Vec<u8>, CliError> {
    let what = path.display().to_string();
    let file = File::open(path).map_err(|reason| CliError::Read {
        what: what.clone(),
        reason,
    })?;
    bounded(file, &what)
}

fn bounded(reader: impl Read, what: &str) -> Result<Vec<u8>, CliError> {
    let mut bytes = Vec::new();
    let one_more = u64::try_from(PAYLOAD_BYTES_MAX)
        .unwrap_or(u64::MAX)
        .saturating_add(1);
    reader
        .take(one_more)
        .read_to_end(&mut bytes)
        .map_err(|reason| CliError::Read {
            what: what.to_owned(),
            reason,
        })?;
    if bytes.len() > PAYLOAD_BYTES_MAX {
        return Err(CliError::TooLong {
            what: what.to_owned(),
            bytes_max: PAYLOAD_BYTES_MAX,
        });
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_argument_is_taken_as_it_is_and_a_file_by_its_name() {
        assert_eq!(bytes_of(r#"{"a":1}"#).unwrap(), br#"{"a":1}"#);
        let mut file = tempfile::NamedTempFile::new().unwrap();
        io::Write::write_all(&mut file, b"content").unwrap();
        let source = format!("@{}", file.path().display());
        assert_eq!(bytes_of(&source).unwrap(), b"content");
        assert!(matches!(
            bytes_of("@/nowhere/x"),
            Err(CliError::Read { .. })
        ));
    }

    #[test]
    fn the_name_of_a_file_without_its_at_is_told_from_json() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let name = file.path().display().to_string();
        let error = bytes_of(&name).unwrap_err().to_string();
        assert!(error.contains(&format!("@{name}")), "{error}");
        assert_eq!(bytes_of("/nowhere/x").unwrap(), b"/nowhere/x");
    }

    #[test]
    fn what_never_ends_is_refused() {
        assert!(matches!(
            bounded(io::repeat(b' '), "x"),
            Err(CliError::TooLong { .. })
        ));
    }
}
