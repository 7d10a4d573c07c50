//! `vmlinux.h`, written by bpftool from a kernel's BTF and kept by the BTF's digest.
//! Called by `build` when a source includes it.
//! Must never mix two kernels or two versions of bpftool: both are in the folder's name.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use payload::digest::Digest;
use payload::limits::BTF_BYTES_MAX;
use thiserror::Error;

use crate::failure::{Class, Classed};
use crate::files::{self, FileError};
use crate::tool::{Tool, ToolError};

/// The running kernel's BTF (`CONFIG_DEBUG_INFO_BTF`).
const RUNNING: &str = "/sys/kernel/btf/vmlinux";
/// The header's name, as sources include it.
pub(super) const HEADER: &str = "vmlinux.h";

/// Why there is no `vmlinux.h`.
#[derive(Debug, Error)]
pub(crate) enum VmlinuxError {
    /// The BTF cannot be read, or the header not be kept.
    #[error("vmlinux.h: {0}")]
    File(#[from] FileError),
    /// bpftool is missing or refuses the BTF.
    #[error("vmlinux.h: {0}")]
    Tool(#[from] ToolError),
    /// Nowhere to keep it.
    #[error("vmlinux.h: no folder to keep it in")]
    NoCache,
}

impl Classed for VmlinuxError {
    fn class(&self) -> Class {
        match self {
            Self::File(error) => error.class(),
            Self::Tool(error) => error.class(),
            Self::NoCache => Class::Fatal,
        }
    }

    fn next_step(&self) -> Option<String> {
        match self {
            Self::File(FileError::Read { path, .. }) if path == Path::new(RUNNING) => {
                Some("this kernel shows no BTF: give one with --btf FILE".to_owned())
            }
            Self::File(error) => error.next_step(),
            Self::Tool(error) => error.next_step(),
            Self::NoCache => Some("set MARROW_CACHE_DIR or HOME to a folder".to_owned()),
        }
    }

    fn log(&self) -> Option<String> {
        match self {
            Self::Tool(error) => error.log(),
            Self::File(_) | Self::NoCache => None,
        }
    }
}

/// A generated header.
pub(super) struct Vmlinux {
    /// The folder that has it, and nothing else.
    pub(super) folder: PathBuf,
    /// Digest of the BTF it was made of.
    pub(super) btf: Digest,
}

/// The header for `btf`, or for the running kernel; made if it is not kept yet.
pub(super) fn header(btf: Option<&Path>) -> Result<Vmlinux, VmlinuxError> {
    let path = btf.unwrap_or(Path::new(RUNNING));
    let digest = Digest::of(&files::read(path, BTF_BYTES_MAX)?);
    let path = std::path::absolute(path).map_err(|source| FileError::Read {
        path: path.to_owned(),
        source,
    })?;
    let folder = cache()?
        .join("vmlinux")
        .join(format!("{}-{}", hex(&digest), version()?));
    let header = folder.join(HEADER);
    if !header.is_file() {
        let arguments = ["btf", "dump", "file"].map(OsString::from).into_iter();
        let arguments = arguments.chain([path.clone().into(), "format".into(), "c".into()]);
        let arguments: Vec<OsString> = arguments.collect();
        let what = path.display().to_string();
        files::make_folder(&folder)?;
        let printed = Tool::Bpftool.run(&folder, &arguments, &what)?;
        files::write(&header, &printed.output)?;
    }
    Ok(Vmlinux {
        folder,
        btf: digest,
    })
}

/// The digits of a digest: a file name has no colon.
fn hex(digest: &Digest) -> String {
    let text = digest.to_string();
    text.split_once(':')
        .map_or(text.clone(), |(_, digits)| digits.to_owned())
}

/// bpftool's version as part of a file name, such as `7.1.0`.
fn version() -> Result<String, ToolError> {
    let printed = Tool::Bpftool.run(Path::new("/"), &["version".into()], "its version")?;
    let text = String::from_utf8_lossy(&printed.output).into_owned();
    let allowed = |character: &char| character.is_ascii_alphanumeric() || *character == '.';
    let word = text.split_whitespace().nth(1).unwrap_or("unknown");
    Ok(word
        .trim_start_matches('v')
        .chars()
        .filter(allowed)
        .collect())
}

fn cache() -> Result<PathBuf, VmlinuxError> {
    let below = |name: &str| {
        let value = std::env::var_os(name).filter(|value| !value.is_empty());
        value.map(PathBuf::from)
    };
    below("MARROW_CACHE_DIR")
        .or_else(|| below("XDG_CACHE_HOME").map(|folder| folder.join("marrow")))
        .or_else(|| below("HOME").map(|folder| folder.join(".cache/marrow")))
        .ok_or(VmlinuxError::NoCache)
}
