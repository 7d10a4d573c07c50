//! Events as a table on a terminal: a heading whenever the fields change, columns as wide as what
//! was seen. Made by `stdout`. Must never remember more than the widths of one heading.

use std::io::Write;

use super::super::outlet::Outlet;
use super::super::{Delivery, Sink};
use super::cells::{Cell, cells};

/// The widest that a column becomes; a longer text moves the rest of its line to the right.
const COLUMN_CHARS_MAX: usize = 40;

/// A column of the heading.
struct Column {
    name: String,
    number: bool,
    chars: usize,
}

/// The sink.
pub(super) struct Table<W> {
    outlet: Outlet<W>,
    columns: Vec<Column>,
    text: String,
}

impl<W: Write> Table<W> {
    pub(super) fn new(outlet: Outlet<W>) -> Self {
        Self {
            outlet,
            columns: Vec::new(),
            text: String::new(),
        }
    }

    fn same_columns(&self, row: &[Cell]) -> bool {
        self.columns.len() == row.len()
            && self
                .columns
                .iter()
                .zip(row)
                .all(|(column, cell)| column.name == cell.column)
    }

    /// Rows with the same fields, below one heading where it changed.
    fn write_rows(&mut self, rows: &[Vec<Cell>], ends: &mut Vec<usize>) {
        let Some(first) = rows.first() else { return };
        let heading = !self.same_columns(first);
        if heading {
            let column = |cell: &Cell| Column {
                name: cell.column.clone(),
                number: cell.number,
                chars: cell.column.chars().count(),
            };
            self.columns = first.iter().map(column).collect();
        }
        for row in rows {
            for (column, cell) in self.columns.iter_mut().zip(row) {
                let chars = cell.text.chars().count().min(COLUMN_CHARS_MAX);
                column.chars = column.chars.max(chars);
            }
        }
        if heading {
            let names = self.columns.iter().map(|column| column.name.to_uppercase());
            write_row(&self.columns, names, &mut self.text);
        }
        for row in rows {
            write_row(
                &self.columns,
                row.iter().map(|cell| &cell.text),
                &mut self.text,
            );
            ends.push(self.text.len());
        }
    }
}

fn write_row(columns: &[Column], texts: impl Iterator<Item = impl AsRef<str>>, out: &mut String) {
    let start = out.len();
    for (column, text) in columns.iter().zip(texts) {
        let text = text.as_ref();
        let padding = column.chars.saturating_sub(text.chars().count());
        let (before, after) = if column.number {
            (padding, 0)
        } else {
            (0, padding)
        };
        out.extend(std::iter::repeat_n(' ', before));
        out.push_str(text);
        out.extend(std::iter::repeat_n(' ', after + 2));
    }
    let end = out.trim_end_matches(' ').len().max(start);
    out.truncate(end);
    out.push('\n');
}

impl<W: Write + Send> Sink for Table<W> {
    fn deliver(&mut self, lines: &[u8], count: u64) -> Delivery {
        let lines = lines.split_inclusive(|byte| *byte == b'\n');
        let rows: Vec<Vec<Cell>> = lines.filter_map(cells).collect();
        self.text.clear();
        let mut ends = Vec::with_capacity(rows.len());
        let names = |row: &[Cell]| {
            row.iter()
                .map(|cell| cell.column.clone())
                .collect::<Vec<_>>()
        };
        for alike in rows.chunk_by(|one, next| names(one) == names(next)) {
            self.write_rows(alike, &mut ends);
        }
        let written = self.outlet.put(self.text.as_bytes());
        let rows = ends.partition_point(|end| *end <= written);
        let delivered = u64::try_from(rows).unwrap_or(count).min(count);
        Delivery {
            delivered,
            lost_in_sink: count - delivered,
            lost_in_queue: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    /// A batch as the reader makes it, of events that were read when 1970 began.
    fn read(batch: &str) -> String {
        batch.replace("{\"event\":", "{\"read_us\":0,\"event\":")
    }

    /// What is printed of batches, without the first column, which is the time.
    fn printed(batches: &[&str]) -> String {
        let (mut reader, writer) = std::io::pipe().unwrap();
        let mut table = Table::new(Outlet::new(writer, Box::new(|| {})));
        for batch in batches {
            let count = u64::try_from(batch.lines().count()).unwrap();
            let all = Delivery {
                delivered: count,
                ..Delivery::default()
            };
            assert_eq!(table.deliver(read(batch).as_bytes(), count), all);
        }
        drop(table);
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        let rest = text.lines().map(|line| {
            let (time, rest) = line.split_at(14);
            assert!(
                ["TIME          ", "00:00:00.000  "].contains(&time),
                "{line}"
            );
            format!("{rest}\n")
        });
        rest.collect()
    }

    #[test]
    fn columns_line_up_and_numbers_stand_to_the_right() {
        let batch = "{\"event\":{\"pid\":7,\"comm\":\"bash\",\"uid\":0}}\n\
                     {\"event\":{\"pid\":12345,\"comm\":\"ls\",\"uid\":1000}}\n";
        let expected = "  PID  COMM   UID\n    7  bash     0\n12345  ls    1000\n";
        assert_eq!(printed(&[batch]), expected);
    }

    #[test]
    fn a_column_grows_with_what_was_seen_and_stays_so() {
        let one = "{\"event\":{\"a\":\"x\",\"b\":1}}\n";
        let wide = "{\"event\":{\"a\":\"long\",\"b\":1}}\n";
        assert_eq!(printed(&[one, wide, one]), "A  B\nx  1\nlong  1\nx     1\n");
    }

    #[test]
    fn other_fields_get_their_own_heading() {
        let one = "{\"event\":{\"a\":1}}\n";
        let two = "{\"event\":{\"a\":1,\"b\":2}}\n";
        let both = [one, one, two].concat();
        assert_eq!(printed(&[&both, two]), "A\n1\n1\nA  B\n1  2\n1  2\n");
    }

    #[test]
    fn a_very_long_text_widens_no_column() {
        let long = "x".repeat(COLUMN_CHARS_MAX + 1);
        let text = printed(&[&format!("{{\"event\":{{\"a\":\"{long}\",\"b\":1}}}}\n")]);
        let heading = format!("A{}  B", " ".repeat(COLUMN_CHARS_MAX - 1));
        assert_eq!(text, format!("{heading}\n{long}  1\n"));
    }

    #[test]
    fn what_cannot_be_printed_is_lost_in_the_sink() {
        let (reader, writer) = std::io::pipe().unwrap();
        let mut table = Table::new(Outlet::new(writer, Box::new(|| {})));
        let one = read("{\"event\":{\"a\":1}}\n");
        let some = table.deliver(format!("{one}no output\n").as_bytes(), 2);
        assert_eq!(
            some,
            Delivery {
                delivered: 1,
                lost_in_sink: 1,
                lost_in_queue: 0
            }
        );
        drop(reader);
        let none = table.deliver(one.as_bytes(), 1);
        assert_eq!(
            none,
            Delivery {
                lost_in_sink: 1,
                ..Delivery::default()
            }
        );
    }
}
