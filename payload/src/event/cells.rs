//! An event as a row of a table for people: a cell for each field, nested structs spread out.
//! Called by the terminal sink through `Decoder`. Must never write a control character.

use std::ops::Range;

use super::DecoderError;
use super::ops::{Compiler, Ops};
use super::pen::Pen;
use super::tree::{Field, Value};
use crate::btf::Btf;

/// A column of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// The field's path: `peers.port`.
    pub name: String,
    /// Whether its cells are numbers, which stand to the right.
    pub number: bool,
}

/// One row: the texts of its cells, which stay allocated for the next row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cells {
    text: Vec<u8>,
    ends: Vec<usize>,
}

impl Cells {
    /// Forgets the row, keeps the memory.
    pub fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
    }

    /// The cells, in the order of the columns.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, &end)| {
            let cell = self.text.get(start..end).unwrap_or_default();
            // Only whole texts were written.
            std::str::from_utf8(cell).unwrap_or_default()
        })
    }

    /// Adds a cell that `write` writes as JSON: a string loses its quotes and the backslashes
    /// before quotes and backslashes, other values stay as they are.
    pub(super) fn add(&mut self, write: impl FnOnce(&mut Pen<'_>) -> Option<()>) -> Option<()> {
        let start = self.text.len();
        let mut pen = Pen::new(&mut self.text);
        if write(&mut pen).is_none() {
            pen.undo();
            return None;
        }
        pen.end();
        if let Some([b'"', inner @ .., b'"']) = self.text.get(start..) {
            let length = inner.len();
            self.text.copy_within(start + 1..=start + length, start);
            self.text.truncate(start + length);
            self.unescape(start);
        }
        self.ends.push(self.text.len());
        Some(())
    }

    fn unescape(&mut self, start: usize) {
        let (mut from, mut to) = (start, start);
        while let Some(&byte) = self.text.get(from) {
            let next = self.text.get(from + 1).copied();
            if byte == b'\\' && matches!(next, Some(b'"' | b'\\')) {
                from += 1;
            }
            let kept = self.text.get(from).copied().unwrap_or(byte);
            if let Some(slot) = self.text.get_mut(to) {
                *slot = kept;
            }
            from += 1;
            to += 1;
        }
        self.text.truncate(to);
    }
}

/// The columns of an event and the steps that write each.
#[derive(Clone, Debug)]
pub(super) struct Table {
    pub(super) columns: Vec<Column>,
    ops: Ops,
    /// For each column its steps.
    steps: Vec<Range<usize>>,
}

impl Table {
    pub(super) fn new(btf: &Btf, fields: &[Field]) -> Result<Table, DecoderError> {
        let mut compiler = Compiler::new(btf);
        let (mut columns, mut steps) = (Vec::new(), Vec::new());
        let mut path = Vec::new();
        each_column(fields, &mut path, &mut |name, value| {
            let first = compiler.steps();
            compiler.value(value)?;
            steps.push(first..compiler.steps());
            columns.push(Column {
                name,
                number: is_number(value),
            });
            Ok(())
        })?;
        Ok(Table {
            columns,
            ops: compiler.finish()?,
            steps,
        })
    }

    pub(super) fn write(&self, record: &[u8], cells: &mut Cells) -> Option<()> {
        for steps in &self.steps {
            cells.add(|pen| self.ops.run_range(steps.clone(), record, pen))?;
        }
        Some(())
    }
}

fn is_number(value: &Value) -> bool {
    match value {
        Value::Leaf { leaf, .. } => leaf.is_number(),
        Value::Object(_) | Value::Array { .. } => false,
    }
}

/// Calls `found` with the path of every value that is no struct.
fn each_column<'a>(
    fields: &'a [Field],
    path: &mut Vec<&'a str>,
    found: &mut impl FnMut(String, &Value) -> Result<(), DecoderError>,
) -> Result<(), DecoderError> {
    for field in fields {
        path.push(&field.name);
        match &field.value {
            Value::Object(inner) => each_column(inner, path, found)?,
            value => found(path.join("."), value)?,
        }
        path.pop();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_the_text_without_its_json() {
        let mut cells = Cells::default();
        for json in [
            r#""say \"hi\" \\ \u001b""#,
            "17",
            r#"["a"]"#,
            r#""""#,
            r#""\\\"""#,
        ] {
            cells
                .add(|pen| {
                    pen.put(json.as_bytes());
                    Some(())
                })
                .unwrap();
        }
        let seen: Vec<&str> = cells.iter().collect();
        assert_eq!(
            seen,
            ["say \"hi\" \\ \\u001b", "17", r#"["a"]"#, "", "\\\""]
        );
        cells.clear();
        assert_eq!(cells.iter().count(), 0);
    }
}
