//! Lines of at most so many letters: what a picture is made of. Used by `picture` and its parts.
//! Must never hold a control character, nor a line that is wider than the terminal.

use crate::table::escaped;

/// Letters between columns.
const GAP: usize = 2;
/// The narrowest paper: below this nothing can be read anyway.
const COLUMNS_MIN: usize = 20;

/// Lines that grow.
#[derive(Debug)]
pub(super) struct Paper {
    columns: usize,
    lines: Vec<String>,
}

impl Paper {
    /// Empty, of so many letters a line.
    pub(super) fn of(columns: usize) -> Self {
        Self {
            columns: columns.max(COLUMNS_MIN),
            lines: Vec::new(),
        }
    }

    /// Letters of a line.
    pub(super) fn columns(&self) -> usize {
        self.columns
    }

    /// What was written.
    pub(super) fn into_lines(self) -> Vec<String> {
        self.lines
    }

    /// An empty line, unless there is one already.
    pub(super) fn gap(&mut self) {
        if self.lines.last().is_some_and(|line| !line.is_empty()) {
            self.lines.push(String::new());
        }
    }

    /// One line, cut where it is too long.
    pub(super) fn line(&mut self, text: &str) {
        let text = escaped(text);
        let line = if text.chars().count() > self.columns {
            let kept = text.chars().take(self.columns - 1);
            kept.chain(std::iter::once('…')).collect()
        } else {
            text.trim_end().to_owned()
        };
        self.lines.push(line);
    }

    /// A text on as many lines as it needs: the first behind `first`, the others behind as many
    /// spaces.
    pub(super) fn prose(&mut self, first: &str, text: &str) {
        let indent = first.chars().count();
        let mut line = first.to_owned();
        let mut is_empty = true;
        for word in escaped(text).split_whitespace() {
            let needs = usize::from(!is_empty) + word.chars().count();
            if !is_empty && line.chars().count() + needs > self.columns {
                self.line(&line);
                line = " ".repeat(indent);
                is_empty = true;
            }
            if !is_empty {
                line.push(' ');
            }
            line.push_str(word);
            is_empty = false;
        }
        self.line(&line);
    }

    /// Rows in columns below the names of the columns, or, where that is too wide, a row in prose:
    /// its first cell, then each other with its column's name. Empty cells are left out there, and
    /// drawn as `-` here; the first column is text, the others are right-aligned.
    pub(super) fn table(&mut self, names: &[&str], rows: &[Vec<String>]) {
        let width = |column: usize| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            let cells = cells.map(|cell| escaped(cell).chars().count());
            let name = names.get(column).map_or(0, |name| name.chars().count());
            cells.chain([name]).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..names.len()).map(width).collect();
        let whole = widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1);
        if whole > self.columns {
            self.line(names.first().unwrap_or(&""));
            for row in rows {
                self.stacked(names, row);
            }
            return;
        }
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        for row in std::iter::once(&names).chain(rows) {
            let mut line = String::new();
            for (index, (cell, width)) in row.iter().zip(&widths).enumerate() {
                let cell = if cell.is_empty() { "-" } else { cell };
                let cell = escaped(cell);
                if index == 0 {
                    line = format!("{cell:<width$}");
                } else {
                    line.extend(std::iter::repeat_n(' ', GAP + width - cell.chars().count()));
                    line.push_str(&cell);
                }
            }
            self.line(&line);
        }
    }

    fn stacked(&mut self, names: &[&str], row: &[String]) {
        let cells = names.iter().zip(row).skip(1);
        let cells = cells.filter(|(_, cell)| !cell.is_empty());
        let cells: Vec<String> = cells.map(|(name, cell)| format!("{name} {cell}")).collect();
        let first = row.first().map_or("", String::as_str);
        self.prose("  ", &format!("{first}: {}", cells.join(", ")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(columns: usize, draw: impl FnOnce(&mut Paper)) -> Vec<String> {
        let mut paper = Paper::of(columns);
        draw(&mut paper);
        paper.into_lines()
    }

    #[test]
    fn a_line_is_cut_and_prose_is_folded() {
        let text = "one two three four five";
        assert_eq!(
            drawn(20, |paper| paper.line(text)),
            ["one two three four …"]
        );
        let folded = drawn(20, |paper| paper.prose("- ", text));
        assert_eq!(folded, ["- one two three four", "  five"]);
        // A word that fits nowhere is cut.
        let long = drawn(20, |paper| paper.prose("", &"x".repeat(30)));
        assert_eq!(long, [format!("{}…", "x".repeat(19))]);
    }

    #[test]
    fn nothing_reaches_the_terminal_as_it_came() {
        let lines = drawn(40, |paper| {
            paper.line("a\u{1b}[2J");
            paper.prose("", "b\u{7}\u{9b}c\u{202e}d");
            paper.table(&["k", "v"], &[vec!["d\r".into(), "1\n".into()]]);
        });
        assert!(
            lines
                .iter()
                .flat_map(|line| line.chars())
                .all(|one| !one.is_control())
        );
        assert_eq!(lines[0], "a\\u{1b}[2J");
        assert_eq!(lines[1], "b\\u{7}\\u{9b}c\\u{202e}d");
    }

    #[test]
    fn a_table_that_is_too_wide_is_told_row_by_row() {
        let names = ["kernel", "staged", "could not be loaded"];
        let rows = [
            vec!["6.1.0-18-amd64".to_owned(), "12".to_owned(), String::new()],
            vec!["5.10.0".to_owned(), "3".to_owned(), "1".to_owned()],
        ];
        assert_eq!(
            drawn(80, |paper| paper.table(&names, &rows)),
            [
                "kernel          staged  could not be loaded",
                "6.1.0-18-amd64      12                    -",
                "5.10.0               3                    1",
            ]
        );
        assert_eq!(
            drawn(40, |paper| paper.table(&names, &rows)),
            [
                "kernel",
                "  6.1.0-18-amd64: staged 12",
                "  5.10.0: staged 3, could not be loaded",
                "  1",
            ]
        );
    }
}
