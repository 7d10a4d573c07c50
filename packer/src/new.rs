//! `packer new`: a folder that builds and runs at once, to be changed into what its author wants.
//! Called by `main`. Must never write into a folder that has something in it.

mod guest;
mod text;

use std::fs;
use std::path::{Path, PathBuf};

use payload::name::PayloadName;
use thiserror::Error;

use crate::cli::{NewArguments, WrittenIn};
use crate::failure::{Class, Classed, Failure};
use crate::files::{self, Access, FileError};
use crate::output;

/// Why there is no new folder.
#[derive(Debug, Error)]
pub(crate) enum NewError {
    /// A file cannot be written.
    #[error(transparent)]
    File(#[from] FileError),
    /// Something is there.
    #[error("{} is not empty, and nothing is written over", .folder.display())]
    NotEmpty { folder: PathBuf },
}

impl Classed for NewError {
    fn class(&self) -> Class {
        match self {
            Self::File(error) => error.class(),
            Self::NotEmpty { .. } => Class::Refused,
        }
    }

    fn next_step(&self) -> Option<String> {
        match self {
            Self::File(error) => error.next_step(),
            Self::NotEmpty { .. } => Some("name another folder behind the name".to_owned()),
        }
    }
}

/// A file of the new folder: its place there, and its text.
type NewFile = (String, String);

/// Writes the folder, and prints what is in it.
pub(crate) fn run(arguments: &NewArguments) -> Result<(), Failure> {
    let name = &arguments.name;
    let of_name = || PathBuf::from(name.name());
    let folder = arguments.folder.clone().unwrap_or_else(of_name);
    let files = of(name, arguments.handler);
    write(&folder, &files)?;
    let shown: Vec<&str> = files
        .iter()
        .map(|(path, _)| path.as_str())
        .filter(|path| !path.starts_with(guest::FOLDER))
        .collect();
    // A closed standard output does not undo the files.
    let _ = output::result_line(&format!("{}: {}", folder.display(), shown.join(", ")));
    output::note(&format!("next: packer build {}", folder.display()));
    Ok(())
}

/// Every file of a payload with this name.
fn of(name: &PayloadName, handler: WrittenIn) -> Vec<NewFile> {
    let file = |path: &str, text: String| (path.to_owned(), text);
    let mut files = vec![
        file("payload.toml", text::recipe(name, handler)),
        file(&format!("{}.bpf.c", name.name()), text::PROGRAM.to_owned()),
        file("event.h", text::EVENT.to_owned()),
        file("README.md", text::readme(name, handler)),
        file(".gitignore", text::IGNORED.to_owned()),
    ];
    match handler {
        WrittenIn::None => return files,
        WrittenIn::C => files.push(file("handler.c", text::in_c(name))),
        WrittenIn::Rust => {
            files.push(file("handler/Cargo.toml", text::CARGO_TOML.to_owned()));
            files.push(file("handler/Cargo.lock", text::CARGO_LOCK.to_owned()));
            files.push(file("handler/src/lib.rs", text::in_rust(name)));
            files.extend(guest::files());
        }
    }
    files.push(file("events.jsonl", text::sample()));
    files
}

fn write(folder: &Path, files: &[NewFile]) -> Result<(), NewError> {
    files::make_folder(folder)?;
    let mut entries = fs::read_dir(folder).map_err(|source| FileError::Read {
        path: folder.to_owned(),
        source,
    })?;
    if entries.next().is_some() {
        let folder = folder.to_owned();
        return Err(NewError::NotEmpty { folder });
    }
    for (path, text) in files {
        let path = folder.join(path);
        if let Some(parent) = path.parent() {
            files::make_folder(parent)?;
        }
        files::write_new(&path, text.as_bytes(), Access::Everybody)?;
    }
    Ok(())
}
