//! Names for what has none of its own: a bare object is called after its file.
//! Called by `build` and by every command that reads a file.
//! Must never fail: what cannot be kept of a file's name is left out.

use std::path::Path;

use payload::limits::NAME_PART_BYTES_MAX;
use payload::name::{NameError, PayloadName};

/// Namespace of payloads that have none.
const LOCAL: &str = "local";
/// Name of a payload whose file's name has nothing that could be kept.
const DEFAULT: &str = "default";
/// What a file's name may end in, besides its own words.
const ENDINGS: [&str; 5] = [".bpf.o", ".o", ".json", ".wasm", ".bpf.c"];

/// `local/` and the file's name without its ending, in the letters that a payload's name may have.
///
/// # Errors
/// Never, by construction; the type of names is not built in any other way.
pub(crate) fn payload_name(path: &Path) -> Result<PayloadName, NameError> {
    let file = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .to_ascii_lowercase();
    let stem = ENDINGS
        .iter()
        .find_map(|ending| file.strip_suffix(ending))
        .unwrap_or(&file);
    let mut part = String::new();
    for letter in stem.chars().take(NAME_PART_BYTES_MAX) {
        match letter {
            'a'..='z' | '0'..='9' => part.push(letter),
            // Only one separator at a time, and none in front.
            _ if !part.ends_with(|last: char| last.is_ascii_alphanumeric()) => {}
            '_' | '.' => part.push(letter),
            _ => part.push('-'),
        }
    }
    let part = part.trim_end_matches(|last: char| !last.is_ascii_alphanumeric());
    let part = if part.is_empty() { DEFAULT } else { part };
    format!("{LOCAL}/{part}").parse()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_called_after_its_file() {
        let cases = [
            ("a/execsnoop.bpf.o", "local/execsnoop"),
            ("Exec Snoop (2).o", "local/exec-snoop-2"),
            ("update.json", "local/update"),
            ("tcp__rtt..x.bpf.o", "local/tcp_rtt.x"),
            ("-", "local/default"),
            ("..", "local/default"),
            ("ä.o", "local/default"),
        ];
        for (file, name) in cases {
            assert_eq!(
                payload_name(Path::new(file)).unwrap().as_str(),
                name,
                "{file}"
            );
        }
        let long = format!("{}-x.o", "a".repeat(NAME_PART_BYTES_MAX - 1));
        assert_eq!(
            payload_name(Path::new(&long)).unwrap().name().len(),
            NAME_PART_BYTES_MAX - 1
        );
    }
}
