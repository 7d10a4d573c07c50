//! Statements for many rows at once, and texts that rows are looked for with. Used by the tables'
//! files.
//! Must never make more texts than the driver keeps prepared, nor one with more parameters than
//! either database takes.

use std::fmt::Write as _;

/// About the bytes of one parameter in a text.
const PARAMETER_BYTES: usize = 8;
/// Rows of one statement, so that few texts are enough for any number of rows.
const SIZES: [usize; 4] = [64, 16, 4, 1];

/// Cuts rows into pieces that there are statements for.
pub(super) fn pieces<T>(rows: &[T]) -> impl Iterator<Item = &[T]> {
    let mut left = rows;
    std::iter::from_fn(move || {
        let size = SIZES.into_iter().find(|size| *size <= left.len())?;
        let (piece, rest) = left.split_at(size);
        left = rest;
        Some(piece)
    })
}

/// `$1, $2, $3`.
pub(super) fn list(count: usize) -> String {
    let mut text = String::with_capacity(count * PARAMETER_BYTES);
    parameters(&mut text, 1, count);
    text
}

/// `($1, $2), ($3, $4)`: so many rows of so many columns; `before` parameters stand in front.
pub(super) fn values(before: usize, rows: usize, columns: usize) -> String {
    let mut text = String::with_capacity(rows * columns * PARAMETER_BYTES);
    for row in 0..rows {
        text.push_str(if row == 0 { "(" } else { ", (" });
        parameters(&mut text, before + row * columns + 1, columns);
        text.push(')');
    }
    text
}

/// What `LIKE … ESCAPE '\'` finds a text with, wherever it stands; an empty one is everywhere.
pub(super) fn anywhere(text: &str) -> String {
    format!("%{}%", literal(text))
}

/// The same for what begins with it.
pub(super) fn at_the_front(text: &str) -> String {
    format!("{}%", literal(text))
}

fn literal(text: &str) -> String {
    let mut literal = String::with_capacity(text.len());
    for letter in text.chars() {
        if matches!(letter, '%' | '_' | '\\') {
            literal.push('\\');
        }
        literal.push(letter);
    }
    literal
}

fn parameters(text: &mut String, first: usize, count: usize) {
    for number in first..first + count {
        text.push_str(if number == first { "$" } else { ", $" });
        // Writing to a text does not fail.
        let _ = write!(text, "{number}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_in_one_piece_and_in_its_order() {
        for count in [0, 1, 3, 4, 63, 64, 200, 256] {
            let rows: Vec<usize> = (0..count).collect();
            let found: Vec<&[usize]> = pieces(&rows).collect();
            assert_eq!(found.concat(), rows);
            assert!(found.iter().all(|piece| SIZES.contains(&piece.len())));
        }
    }

    #[test]
    fn what_people_look_for_is_no_pattern() {
        assert_eq!(anywhere(r"50%_\x"), r"%50\%\_\\x%");
        assert_eq!(at_the_front("release."), "release.%");
    }

    #[test]
    fn parameters_are_numbered_through() {
        assert_eq!(list(3), "$1, $2, $3");
        assert_eq!(values(1, 2, 2), "($2, $3), ($4, $5)");
    }
}
