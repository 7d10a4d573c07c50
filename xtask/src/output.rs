//! The one place of `xtask` that prints. Called by every command.
//! Must never format or decide anything: it writes what it is given.
#![expect(clippy::print_stdout, reason = "the output file of this program")]

use std::io::Write;

/// Prints one line on standard output.
pub(crate) fn line(text: &str) {
    println!("{text}");
    // A pipe that closed is no reason to stop half-way through an installation.
    let _ = std::io::stdout().flush();
}
