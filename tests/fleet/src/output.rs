//! What both programs print: one JSON object a line, for the bench that started them.
//! Must never hold a line back.

use std::io::{self, Write};

use serde_json::Value;

/// Prints an object.
///
/// # Errors
/// Nobody reads.
pub(crate) fn line(object: &Value) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{object}")?;
    out.flush()
}
