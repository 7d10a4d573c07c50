//! A handler in Rust: the crate in `handler/`, built by cargo. Called by `handler`.
//! Must never build for a target with more than WebAssembly 1.0: the library that comes with
//! `wasm32-unknown-unknown` has bulk memory in it, which no core module may have.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use payload::limits::HANDLER_CORE_BYTES_MAX;

use super::{HandlerError, Places, RUST};
use crate::files::{self, FileError};
use crate::tool::{Tool, ToolError};

/// A library of Rust's for WebAssembly 1.0, and the programs that have it.
struct Toolchain {
    target: &'static str,
    /// Programs at places of their own; otherwise cargo as it is found, and the compiler that it finds.
    programs: Option<[&'static str; 2]>,
}

/// What rustup can add: WebAssembly 1.0 with mutable globals.
const RUSTUP: Toolchain = Toolchain {
    target: "wasm32v1-none",
    programs: None,
};
/// What Debian 12 has: of the time before that target had bulk memory.
const DEBIAN: Toolchain = Toolchain {
    target: "wasm32-unknown-unknown",
    programs: Some(["/usr/bin/cargo", "/usr/bin/rustc"]),
};
/// Where it is, from the package `libstd-rust-dev-wasm32`.
const DEBIAN_LIBRARY: &str = "/usr/lib/rustlib/wasm32-unknown-unknown";
/// Between flags in `CARGO_ENCODED_RUSTFLAGS` (cargo's reference, environment variables).
const FLAG_END: char = '\x1f';

/// The core module of the folder's crate.
pub(super) fn module(places: Places<'_>) -> Result<Vec<u8>, HandlerError> {
    let crate_folder = absolute(&places.folder.join("handler"))?;
    let built = places.scratch.join("rust");
    let lock = crate_folder.join("Cargo.lock");
    let is_locked = lock.is_file();
    let toolchain = match build(&RUSTUP, &crate_folder, &built) {
        Ok(()) => RUSTUP,
        Err(error) if error.lacks_library() && Path::new(DEBIAN_LIBRARY).is_dir() => {
            // The newer cargo locks before it looks for the library, in words that this one can't read.
            if !is_locked && lock.is_file() {
                files::remove(&lock)?;
            }
            build(&DEBIAN, &crate_folder, &built)?;
            DEBIAN
        }
        Err(error) => return Err(error.into()),
    };
    let folder = built.join(toolchain.target).join("release");
    let modules = files::names_ending(&folder, ".wasm")?;
    let [module] = modules.as_slice() else {
        let count = modules.len();
        return Err(HandlerError::Modules { count });
    };
    Ok(files::read(&folder.join(module), HANDLER_CORE_BYTES_MAX)?)
}

/// Builds a crate into the folder `built`.
fn build(toolchain: &Toolchain, crate_folder: &Path, built: &Path) -> Result<(), ToolError> {
    let mut arguments = ["build", "--release", "--quiet"]
        .map(OsString::from)
        .to_vec();
    arguments.extend(["--target".into(), toolchain.target.into()]);
    arguments.extend(["--target-dir".into(), built.into()]);
    if crate_folder.join("Cargo.lock").is_file() {
        arguments.push("--locked".into());
    }
    let mut environment = vec![
        ("CARGO_ENCODED_RUSTFLAGS", flags(crate_folder)),
        // Names of functions stay: messages of traps have them.
        ("CARGO_PROFILE_RELEASE_STRIP", "debuginfo".into()),
        ("CARGO_TERM_COLOR", "never".into()),
    ];
    let program = match toolchain.programs {
        Some([cargo, compiler]) => {
            environment.push(("RUSTC", compiler.into()));
            cargo.into()
        }
        None => Tool::Cargo.find()?,
    };
    Tool::Cargo
        .run_at(&program, &environment, crate_folder, &arguments, RUST)
        .map(drop)
}

/// Panics carry the files of their sources: those of the crate and beside it relative to it, the others
/// by role. The last prefix that fits counts.
fn flags(crate_folder: &Path) -> OsString {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")));
    let above: Vec<&Path> = crate_folder.ancestors().collect();
    let relative = |depth| match depth {
        0 => ".".to_owned(),
        depth => vec![".."; depth].join("/"),
    };
    let above = above.iter().enumerate().rev();
    // A crate is in no folder that is the root of all.
    let above = above.skip(1).map(|(depth, path)| (*path, relative(depth)));
    let home = home.iter().map(|home| (home.as_path(), "cargo".to_owned()));
    let mut flags = OsString::new();
    for (path, role) in above.chain(home) {
        if !flags.is_empty() {
            flags.push(FLAG_END.to_string());
        }
        flags.push("--remap-path-prefix=");
        flags.push(path);
        flags.push(format!("={role}"));
    }
    flags
}

fn absolute(path: &Path) -> Result<PathBuf, FileError> {
    std::fs::canonicalize(path).map_err(|source| FileError::Read {
        path: path.to_owned(),
        source,
    })
}
