//! Columns that line up, and text from outside made harmless.
//! Used by everything that prints.
//! Must never pass a control character on.

/// Rows of cells as lines of aligned columns; the first row is the heading. Two spaces between
/// columns, none at the end of a line.
pub(super) fn table(indent: &str, rows: &[Vec<String>]) -> String {
    let rows: Vec<Vec<String>> = rows
        .iter()
        .map(|row| row.iter().map(|cell| clean(cell)).collect())
        .collect();
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(|c| c.chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in &rows {
        let mut line = indent.to_owned();
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(cell);
            let padding = width - cell.chars().count() + 2;
            line.extend(std::iter::repeat_n(' ', padding));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// A row of cells.
pub(super) fn row<const N: usize>(cells: [&str; N]) -> Vec<String> {
    cells.map(str::to_owned).to_vec()
}

/// One line of harmless text: control characters become U+FFFD.
pub(super) fn clean(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}

/// As [`clean`], but line breaks and tabs stay.
pub(super) fn clean_lines(text: &str) -> String {
    let keep = |c: char| matches!(c, '\n' | '\t') || !c.is_control();
    text.chars()
        .map(|c| if keep(c) { c } else { '\u{fffd}' })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_lines_end_where_the_text_does() {
        let text = table(
            "  ",
            &[row(["a", "long heading", "c"]), row(["bcd", "x", ""])],
        );
        assert_eq!(text, "  a    long heading  c\n  bcd  x\n");
    }

    #[test]
    fn rows_of_different_lengths_are_no_problem() {
        assert_eq!(table("", &[row(["a"]), row(["b", "c"])]), "a\nb  c\n");
        assert_eq!(table("", &[]), "");
    }

    #[test]
    fn nothing_steers_the_terminal() {
        assert_eq!(clean("a\x1b[2J\nb\u{9b}"), "a\u{fffd}[2J\u{fffd}b\u{fffd}");
        assert_eq!(clean_lines("a\n\tb\x07"), "a\n\tb\u{fffd}");
    }
}
