//! Text for people in aligned columns: summaries, lists, details. Called by every command that
//! shows something. Must never let a control character of foreign text through to a terminal.

/// Spaces between columns.
const GAP: usize = 2;

/// A row of cells.
pub(crate) fn row<const N: usize>(cells: [&str; N]) -> Vec<String> {
    cells.map(str::to_owned).into()
}

/// `1,234 bytes`.
pub(crate) fn bytes(count: u64) -> String {
    format!("{} bytes", grouped(count))
}

/// `1 node`, `1,234 nodes`.
pub(crate) fn nodes(count: u64) -> String {
    match count {
        1 => "1 node".to_owned(),
        count => format!("{} nodes", grouped(count)),
    }
}

/// `1,234,567`.
pub(crate) fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// Lines that grow.
#[derive(Debug, Default)]
pub(crate) struct Text(String);

impl Text {
    /// What was written.
    pub(crate) fn into_string(self) -> String {
        self.0
    }

    /// One line behind `indent`; of a text with several, one each.
    pub(crate) fn lines(&mut self, indent: &str, text: &str) {
        for line in text.lines() {
            self.0.push_str(indent);
            self.0.push_str(escaped(line).trim_end());
            self.0.push('\n');
        }
    }

    /// Rows in columns below the names of the columns.
    pub(crate) fn table<const N: usize>(&mut self, names: [&str; N], rows: Vec<Vec<String>>) {
        let rows = std::iter::once(row(names)).chain(rows).collect();
        self.rows("", rows);
    }

    /// An empty line.
    pub(crate) fn gap(&mut self) {
        self.0.push('\n');
    }

    /// A heading with its number of entries, and the entries in columns; nothing for none.
    pub(crate) fn list(&mut self, heading: &str, rows: impl Iterator<Item = Vec<String>>) {
        let rows: Vec<Vec<String>> = rows.collect();
        if !rows.is_empty() {
            self.0.push_str(&escaped(heading));
            self.0.push('\n');
            self.rows("  ", rows);
        }
    }

    /// Rows in columns, each line behind `indent`.
    pub(crate) fn rows(&mut self, indent: &str, rows: Vec<Vec<String>>) {
        let rows: Vec<Vec<String>> = rows
            .into_iter()
            .map(|row| row.iter().map(|cell| escaped(cell)).collect())
            .collect();
        let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            rows.iter()
                .filter_map(|row| row.get(column))
                .map(|cell| cell.chars().count())
                .max()
        };
        let widths: Vec<usize> = (0..columns)
            .map(|column| width(column).unwrap_or(0))
            .collect();
        for row in &rows {
            let mut line = indent.to_owned();
            for (cell, width) in row.iter().zip(&widths) {
                line.push_str(cell);
                // An empty column takes no room.
                let gap = if *width == 0 { 0 } else { GAP };
                line.extend(std::iter::repeat_n(' ', width + gap - cell.chars().count()));
            }
            self.0.push_str(line.trim_end());
            self.0.push('\n');
        }
    }
}

/// Whether a letter does something to a terminal, or to the order of its neighbours, in place of being
/// seen.
pub(crate) fn is_hidden(letter: char) -> bool {
    // Of no width, directions, line ends (Unicode 16, 23.2), and the mark of byte order.
    let formats = matches!(
        letter,
        '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{2069}' | '\u{feff}'
    );
    letter.is_control() || formats
}

/// Hidden letters as escapes: a description may hold line breaks, and worse.
pub(crate) fn escaped(text: &str) -> String {
    let escape = |character: char| {
        if is_hidden(character) {
            character.escape_default().to_string()
        } else {
            character.into()
        }
    };
    text.chars().map(escape).collect()
}
