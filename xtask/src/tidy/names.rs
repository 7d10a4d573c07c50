//! Names that say nothing. Called by `tidy`.
//! Must never list a word that the overview's glossary uses.

use super::Violation;
use super::source::{File, words};

const EMPTY_WORDS: [&str; 8] = [
    "Manager", "Helper", "Util", "Utils", "Common", "Data", "Info", "Service",
];
/// A file may be about the kernel's helpers or about data sections: those are terms of the field.
const EMPTY_FILES: [&str; 8] = [
    "manager", "util", "utils", "common", "info", "service", "misc", "helpers",
];
const DEFINING: [&str; 5] = ["struct", "enum", "trait", "type", "union"];

/// No type is called by a word that fits every type.
pub(crate) fn types(file: &File) -> Vec<Violation> {
    if !file.is_rust() {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (index, line) in file.code.lines().enumerate() {
        // An indented `type` fills in a trait's: its name is the trait's.
        if line.trim_start().len() < line.len() && line.trim_start().starts_with("type ") {
            continue;
        }
        let all: Vec<&str> = words(line).collect();
        for pair in all.windows(2).filter(|pair| DEFINING.contains(&pair[0])) {
            if let Some(word) = camel_words(pair[1]).find(|word| EMPTY_WORDS.contains(word)) {
                let rule = format!("type `{}` says \"{word}\": name what it is", pair[1]);
                found.push(Violation::new(&file.path, index + 1, rule));
            }
        }
    }
    found
}

/// No source file is called by a word that fits every file.
pub(crate) fn files(file: &File) -> Vec<Violation> {
    if !file.is_rust() && !file.is_c() {
        return Vec::new();
    }
    let name = file.path.rsplit('/').next().unwrap_or_default();
    let stem = name.split('.').next().unwrap_or_default();
    let empty = stem.split('_').find(|part| EMPTY_FILES.contains(part));
    let Some(word) = empty else { return Vec::new() };
    vec![Violation::new(
        &file.path,
        1,
        format!("file name says \"{word}\": name what is in it"),
    )]
}

/// `BtfReader` as `Btf`, `Reader`.
fn camel_words(name: &str) -> impl Iterator<Item = &str> {
    let mut rest = name;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let skip = first.len_utf8();
        let end = rest[skip..]
            .find(char::is_uppercase)
            .map_or(rest.len(), |at| at + skip);
        let (word, tail) = rest.split_at(end);
        rest = tail;
        Some(word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_words_are_refused_as_words_of_types() {
        let text = "pub struct MapManager;\nenum Info { A }\nstruct Datasec;\nstruct Metadata;\n    type Data = B;\n";
        let found = types(&File::new("a/src/b.rs", text));
        assert_eq!(found.iter().map(|v| v.line).collect::<Vec<_>>(), [1, 2]);
    }

    #[test]
    fn empty_words_are_refused_as_names_of_files() {
        assert_eq!(files(&File::new("a/src/utils.rs", "")).len(), 1);
        assert_eq!(files(&File::new("bpf/include/common.h", "")).len(), 1);
        assert!(files(&File::new("a/src/database.rs", "")).is_empty());
    }
}
