//! Standard output as a sink: JSON lines for programs, an aligned table for people. Made by the
//! foreground commands. Must never buffer: what is delivered has been written.

pub(crate) mod cells;
mod table;

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;

pub(crate) use super::outlet::OnClosed;
use super::outlet::Outlet;
use super::{Delivery, Sink};
use table::Table;

/// How events are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// A JSON object a line.
    Lines,
    /// Columns that line up.
    Table,
}

impl Format {
    /// A table where a person reads, JSON lines everywhere else and where they were asked for.
    pub(crate) fn of_stdout(json: bool) -> Self {
        if json || !io::stdout().is_terminal() {
            Self::Lines
        } else {
            Self::Table
        }
    }
}

/// The sink that prints to standard output. `on_closed` is called once when nobody reads it any
/// more: every event after that is lost in this sink.
///
/// # Errors
/// Standard output is closed already.
pub(crate) fn stdout(format: Format, on_closed: OnClosed) -> io::Result<Box<dyn Sink>> {
    // Not `Stdout`: that looks for newlines and copies what is behind the last one.
    let out = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    let outlet = Outlet::new(out, on_closed);
    Ok(match format {
        Format::Lines => Box::new(Lines(outlet)),
        Format::Table => Box::new(Table::new(outlet)),
    })
}

/// JSON lines as they come.
struct Lines<W>(Outlet<W>);

impl<W: Write + Send> Sink for Lines<W> {
    fn deliver(&mut self, lines: &[u8], count: u64) -> Delivery {
        let written = self.0.put(lines);
        let delivered = if written == lines.len() {
            count
        } else {
            newlines(lines.get(..written).unwrap_or_default())
        };
        Delivery {
            delivered,
            lost_in_sink: count - delivered,
            lost_in_queue: 0,
        }
    }
}

fn newlines(bytes: &[u8]) -> u64 {
    bytes.iter().map(|byte| u64::from(*byte == b'\n')).sum()
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn lines_are_written_as_they_are() {
        let (mut reader, writer) = io::pipe().unwrap();
        let mut sink = Lines(Outlet::new(writer, Box::new(|| {})));
        let all = Delivery {
            delivered: 2,
            ..Delivery::default()
        };
        assert_eq!(sink.deliver(b"{}\n{}\n", 2), all);
        assert_eq!(sink.deliver(b"", 0), Delivery::default());
        drop(sink);
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        assert_eq!(text, "{}\n{}\n");
    }

    #[test]
    fn what_nobody_reads_is_lost_in_the_sink() {
        let (reader, writer) = io::pipe().unwrap();
        let mut sink = Lines(Outlet::new(writer, Box::new(|| {})));
        drop(reader);
        let lost = Delivery {
            lost_in_sink: 2,
            ..Delivery::default()
        };
        assert_eq!(sink.deliver(b"{}\n{}\n", 2), lost);
    }
}
