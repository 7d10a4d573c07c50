//! The one place of `packer` that prints: results on standard output, the rest on standard error.
//! Called by every command.
//! Must never decide anything, and never mix notes into what a script reads.
#![expect(clippy::print_stderr, reason = "the output file of this program")]

use std::io::{self, Write as _};

use console::Term;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use crate::failure::Failure;
use crate::files::FileError;
use crate::table::is_hidden;

/// The result of a command, as it is: text or bytes, nothing added. Who reads no further, as `head`
/// does, has had enough.
///
/// # Errors
/// When standard output is closed or full.
pub(crate) fn result(bytes: &[u8]) -> io::Result<()> {
    part(bytes).map(drop)
}

/// A part of a result that goes on: whether anybody still reads it.
///
/// # Errors
/// As [`result`].
pub(crate) fn part(bytes: &[u8]) -> io::Result<bool> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(error),
    }
}

/// A terminal's size, letters and lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) columns: usize,
    pub(crate) lines: usize,
}

/// The size of the terminal that standard output is; `None` where it is none, or one that can't move
/// its cursor.
pub(crate) fn terminal() -> Option<Size> {
    if std::env::var_os("TERM").is_none_or(|kind| kind == "dumb") {
        return None;
    }
    let stdout = Term::stdout();
    let size = stdout.is_term().then(|| stdout.size_checked()).flatten();
    size.map(|(lines, columns)| Size {
        columns: columns.into(),
        lines: lines.into(),
    })
}

/// One line of a result.
///
/// # Errors
/// As [`result`].
pub(crate) fn result_line(line: &str) -> io::Result<()> {
    result(format!("{line}\n").as_bytes())
}

/// What a command shows: one JSON object on a line, or text for people.
///
/// # Errors
/// When standard output is closed or full.
pub(crate) fn shown(
    json: bool,
    value: &impl Serialize,
    text: impl FnOnce() -> String,
) -> Result<(), FileError> {
    let printed = if json {
        serde_json::to_string(value)
            .map_err(io::Error::other)
            .and_then(|json| result_line(&json))
    } else {
        result(text().as_bytes())
    };
    printed.map_err(unprinted)
}

/// Why a result did not reach standard output.
pub(crate) fn unprinted(source: io::Error) -> FileError {
    FileError::Write {
        path: "standard output".into(),
        source,
    }
}

/// How far a transfer of so many bytes is, on standard error; nothing where that is no terminal.
pub(crate) fn progress(what: &'static str, bytes: u64) -> ProgressBar {
    const FORM: &str = "{msg} {bar:32} {binary_bytes} of {binary_total_bytes} ({eta})";
    let bar = ProgressBar::with_draw_target(Some(bytes), ProgressDrawTarget::stderr());
    // The form is a constant; were it wrong, the default one would do.
    let style = ProgressStyle::with_template(FORM);
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.set_message(what);
    bar
}

/// Something worth knowing that is not the result.
pub(crate) fn note(text: &str) {
    eprintln!("packer: {}", printable(text));
}

/// Why the command failed, its log first so that the reason is the last thing read.
pub(crate) fn failure(failure: &Failure) {
    if let Some(log) = &failure.log {
        eprintln!("{}", printable(log.trim_end()));
    }
    eprintln!("packer: {}", printable(&failure.message));
    if let Some(next_step) = &failure.next_step {
        eprintln!("packer: {}", printable(next_step));
    }
}

/// Text as a terminal may see it: logs come from a node, messages repeat the input.
fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if is_hidden(character) && !matches!(character, '\n' | '\t') {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    shown
}
