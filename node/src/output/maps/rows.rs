//! Entries as rows: a column a field, numbers to the right; variables as a row a field.
//! Used by the output of `node maps`.
//! Must never let a long text push the columns behind it off the screen.

use api::node::{Entry, Map};
use serde_json::value::RawValue;

use crate::output::table::{row, table};
use crate::sink::stdout::cells::{Cell, cells_of};

/// The widest that a cell becomes, but for the last of its row.
const CELL_CHARS_MAX: usize = 48;
/// The widest that the last cell of a row becomes.
const LAST_CHARS_MAX: usize = 512;

/// Whether a map is a data section.
pub(super) fn is_section(map: &Map) -> bool {
    map.name.starts_with('.')
}

/// A line an entry.
pub(super) fn lines(entries: &[&Entry], map: &Map, per_cpu: bool) -> String {
    if is_section(map) {
        return variables(entries);
    }
    let unsummed = entries.iter().any(|entry| entry.value.is_none());
    let rows: Vec<Vec<Cell>> = entries
        .iter()
        .map(|entry| cells_of_entry(entry, map.per_cpu && (per_cpu || unsummed)))
        .collect();
    let mut columns: Vec<(&str, bool)> = Vec::new();
    for cell in rows.iter().flatten() {
        match columns.iter_mut().find(|(name, _)| *name == cell.column) {
            // Enumerations are words or, without a name, numbers.
            Some((_, number)) => *number &= cell.number,
            None => columns.push((&cell.column, cell.number)),
        }
    }
    let mut texts = vec![
        columns
            .iter()
            .map(|(name, _)| name.to_uppercase())
            .collect(),
    ];
    texts.extend(rows.iter().map(|row| {
        let cell = |(number, (name, _)): (usize, &(&str, bool))| {
            let found = row.iter().find(|cell| cell.column == *name);
            let last = number + 1 == columns.len();
            let chars_max = if last { LAST_CHARS_MAX } else { CELL_CHARS_MAX };
            found.map_or_else(String::new, |cell| cut(&cell.text, chars_max))
        };
        columns.iter().enumerate().map(cell).collect::<Vec<_>>()
    }));
    for (column, _) in columns
        .iter()
        .enumerate()
        .filter(|(_, (_, number))| *number)
    {
        to_the_right(&mut texts, column);
    }
    table("", &texts)
}

/// A line a variable, of structs a line a field: no two variables have the same ones.
fn variables(entries: &[&Entry]) -> String {
    let mut rows = vec![row(["VARIABLE", "VALUE"])];
    for entry in entries {
        let name = cells(entry.key.as_deref(), "variable");
        let name = name.first().map_or("", |cell| cell.text.as_str());
        let value = entry.value.as_ref().map_or("null", |value| value.get());
        for cell in cells_of(value, name) {
            rows.push(row([&cell.column, &cut(&cell.text, LAST_CHARS_MAX)]));
        }
    }
    table("", &rows)
}

/// The cells of an entry: key, value, and the values of the CPUs where they are asked for.
fn cells_of_entry(entry: &Entry, per_cpu: bool) -> Vec<Cell> {
    let mut row = cells(entry.key.as_deref(), "key");
    let mut add = |more: Vec<Cell>, prefix: &str| {
        for mut cell in more {
            if row.iter().any(|other| other.column == cell.column) {
                cell.column = format!("{prefix}.{}", cell.column);
            }
            row.push(cell);
        }
    };
    add(cells(entry.value.as_deref(), "value"), "value");
    if per_cpu {
        for (number, value) in entry.cpus.iter().enumerate() {
            let name = format!("cpu{number}");
            add(cells_of(value.get(), &name), &name);
        }
    }
    row
}

/// The cells of a key or value; one that has no fields is called `name`.
pub(super) fn cells(json: Option<&RawValue>, name: &str) -> Vec<Cell> {
    let mut cells = json.map_or_else(Vec::new, |json| cells_of(json.get(), ""));
    for cell in &mut cells {
        if cell.column.is_empty() {
            name.clone_into(&mut cell.column);
        }
    }
    cells
}

fn cut(text: &str, chars_max: usize) -> String {
    if text.chars().count() <= chars_max {
        return text.to_owned();
    }
    let kept: String = text.chars().take(chars_max - 3).collect();
    format!("{kept}...")
}

pub(super) fn to_the_right(rows: &mut [Vec<String>], column: usize) {
    let chars = |row: &Vec<String>| row.get(column).map_or(0, |cell| cell.chars().count());
    let width = rows.iter().map(chars).max().unwrap_or(0);
    for cell in rows.iter_mut().filter_map(|row| row.get_mut(column)) {
        *cell = format!("{cell:>width$}");
    }
}
