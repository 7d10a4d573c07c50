//! A handler in C: one source, clang for WebAssembly, and the linker. Called by `handler`.
//! Must never let a proposal beyond WebAssembly 1.0 in: bulk memory ends a node's process where it
//! meets a ring.

use std::ffi::OsString;
use std::path::Path;

use payload::limits::HANDLER_CORE_BYTES_MAX;

use super::{C, HandlerError, Places};
use crate::build::headers;
use crate::files;
use crate::output;
use crate::tool::Tool;

/// Flags of the compiler. `-mcpu=mvp` because later versions of clang turn on bulk memory and more by
/// themselves, `-nostdlibinc` because the C library's headers are another machine's, `-Werror=date-time`
/// because `__DATE__` and its like would give other bytes each time.
const COMPILE: [&str; 8] = [
    "--target=wasm32",
    "-mcpu=mvp",
    "-O2",
    "-nostdlibinc",
    "-fvisibility=hidden",
    "-Wall",
    "-Werror=date-time",
    "-Werror=implicit-function-declaration",
];
/// Flags of the linker. The stack comes first, so that one that is used up traps instead of running
/// over variables. Names of functions stay: messages of traps have them.
const LINK: [&str; 6] = [
    "--no-entry",
    "--stack-first",
    "-z",
    "stack-size=65536",
    "--strip-debug",
    "--fatal-warnings",
];
/// What the compiler makes, and what the linker makes of that.
const OBJECT: &str = "handler.o";
const LINKED: &str = "linked.wasm";

/// The core module of the folder's source.
pub(super) fn module(places: Places<'_>) -> Result<Vec<u8>, HandlerError> {
    let headers = places.scratch.join("include");
    headers::write_to(&headers)?;
    compile(places.folder, &headers, &places.scratch.join(OBJECT))?;
    let mut arguments: Vec<OsString> = LINK.map(OsString::from).into();
    arguments.extend(["-o", LINKED, OBJECT].map(OsString::from));
    Tool::WasmLd.run(places.scratch, &arguments, C)?;
    Ok(files::read(
        &places.scratch.join(LINKED),
        HANDLER_CORE_BYTES_MAX,
    )?)
}

fn compile(folder: &Path, headers: &Path, object: &Path) -> Result<(), HandlerError> {
    let mut arguments: Vec<OsString> = COMPILE.map(OsString::from).into();
    let mut include = OsString::from("-I");
    include.push(headers);
    // `__FILE__` is the name of a header, not where it was put.
    let mut mapped = OsString::from("-ffile-prefix-map=");
    mapped.push(headers);
    mapped.push("=marrow");
    arguments.extend(["-I.".into(), include, mapped]);
    arguments.extend(["-c".into(), "-o".into(), object.into(), C.into()]);
    let printed = Tool::Clang.run(folder, &arguments, C)?;
    if !printed.messages.is_empty() {
        output::note(&format!("clang on {C}:\n{}", printed.messages.trim_end()));
    }
    Ok(())
}
