//! The maps of an instance and what is in one, as tables that a person reads.
//! Used by `node maps`.
//! Must never let text from a program steer the terminal, nor hide that something is left out.

use std::fmt::Write;

use api::node::{Entry, Histogram, Map, MapContent, Maps};
use serde_json::value::RawValue;

use super::histogram::draw;
use super::table::{clean, row, table};
use crate::sink::stdout::cells::{Cell, cells_of};

/// The widest that a cell becomes, but for the last of its row.
const CELL_CHARS_MAX: usize = 48;
/// The widest that the last cell of a row becomes.
const LAST_CHARS_MAX: usize = 512;

/// One line a map.
pub(super) fn list(maps: &Maps) -> String {
    if maps.maps.is_empty() {
        return format!("{} has no maps\n", clean(&maps.instance));
    }
    let mut rows = vec![row([
        "map",
        "kind",
        "key",
        "value",
        "entries",
        "at most",
        "bytes",
        "id",
        "hand-over",
    ])];
    for map in &maps.maps {
        let optional = |number: Option<u64>| number.map_or_else(String::new, |n| n.to_string());
        rows.push(row([
            &map.name,
            &map.kind,
            &of(map.key_type.as_deref(), map.key_bytes),
            &of(map.value_type.as_deref(), map.value_bytes),
            &format!(
                "{}{}",
                optional(map.entries),
                if map.more { "+" } else { "" }
            ),
            &at_most(map),
            &optional(map.memory_bytes),
            &optional(map.id.map(u64::from)),
            map.hand_over.as_deref().unwrap_or_default(),
        ]));
    }
    for column in [4, 5, 6, 7] {
        to_the_right(&mut rows, column);
    }
    table("", &rows)
}

/// How much it holds, in what it holds.
fn at_most(map: &Map) -> String {
    let unit = match map.kind.as_str() {
        "ringbuf" | "user_ringbuf" => " bytes",
        "arena" => " pages",
        _ => "",
    };
    format!("{}{unit}", map.entries_max)
}

/// A type, or how large it is where there is none.
fn of(name: Option<&str>, bytes: u32) -> String {
    match (name, bytes) {
        (Some(name), _) => name.to_owned(),
        (None, 0) => "-".to_owned(),
        (None, bytes) => format!("{bytes} bytes"),
    }
}

/// What is in a map: a histogram, or a line an entry.
pub(super) fn content(content: &MapContent, per_cpu: bool) -> String {
    let map = &content.map;
    let mut text = String::new();
    if let Some(reason) = &map.unreadable {
        let _ = writeln!(
            text,
            "{} ({}): {}",
            clean(&map.name),
            map.kind,
            clean(reason)
        );
    }
    if let Some(ring) = content.ring {
        text.push_str(&table(
            "",
            &[
                row(["ring", &map.name]),
                row(["holds", &format!("{} bytes", ring.size_bytes)]),
                row(["written", &format!("{} bytes", ring.producer)]),
                row(["read", &format!("{} bytes", ring.consumer)]),
                row(["waiting", &waiting(ring.producer, ring.consumer)]),
            ],
        ));
    } else if let Some(histogram) = &content.histogram {
        text.push_str(&draw(histogram));
    } else if map.unreadable.is_none() {
        text.push_str(&entries(content, per_cpu));
    }
    for note in &content.undecoded {
        let _ = writeln!(text, "shown as bytes: {}", clean(note));
    }
    text
}

fn waiting(producer: u64, consumer: u64) -> String {
    format!("{} bytes", producer.saturating_sub(consumer))
}

fn entries(content: &MapContent, per_cpu: bool) -> String {
    let map = &content.map;
    if content.entries.is_empty() && content.entries_read == 0 {
        return format!("{} is empty\n", clean(&map.name));
    }
    let mut text = String::new();
    let (drawn, plain): (Vec<&Entry>, Vec<&Entry>) = content
        .entries
        .iter()
        .partition(|entry| !entry.histograms.is_empty());
    for (number, entry) in drawn.iter().enumerate() {
        if number > 0 {
            text.push('\n');
        }
        text.push_str(&with_histograms(entry, map));
    }
    if !drawn.is_empty() && !plain.is_empty() {
        text.push('\n');
    }
    if map.kind == "stack_trace" {
        for entry in &plain {
            text.push_str(&stack(entry));
        }
    } else {
        text.push_str(&lines(&plain, map, per_cpu));
    }
    let shown = u64::try_from(content.entries.len()).unwrap_or(u64::MAX);
    let more = content.entries_read.saturating_sub(shown);
    if more > 0 {
        let least = if content.truncated { "at least " } else { "" };
        let _ = writeln!(text, "... {least}{more} more; --limit N shows more");
    } else if content.truncated {
        text.push_str("... and more than the node reads at once\n");
    }
    text
}

/// What a key is called: an index, or the name of a variable.
fn key_name(map: &Map) -> &'static str {
    if map.name.starts_with('.') {
        "variable"
    } else {
        "key"
    }
}

/// A stack trace, a line a frame.
fn stack(entry: &Entry) -> String {
    let mut text = String::new();
    let key = cells(entry.key.as_deref(), "key");
    for cell in key {
        let _ = writeln!(text, "stack {}", cell.text);
    }
    let value = entry.value.as_ref().map_or("[]", |value| value.get());
    let frames: Vec<String> = serde_json::from_str(value).unwrap_or_default();
    for frame in frames {
        let _ = writeln!(text, "    {}", clean(&frame));
    }
    text
}

/// An entry as what it is about, and its pictures.
fn with_histograms(entry: &Entry, map: &Map) -> String {
    let is_drawn = |cell: &Cell| {
        let mut drawn = entry.histograms.iter();
        drawn.any(|one: &Histogram| one.field == cell.column)
    };
    let name = key_name(map);
    let mut about = cells(entry.key.as_deref(), name);
    // The only entry needs no number.
    about.retain(|cell| cell.column != "key" || map.entries_max > 1);
    let value = entry
        .value
        .as_deref()
        .map_or_else(Vec::new, |value| cells_of(value.get(), ""));
    about.extend(value.into_iter().filter(|cell| !is_drawn(cell)));
    let words = about.iter().map(|cell| {
        if cell.column == "variable" {
            cell.text.clone()
        } else {
            format!("{} {}", cell.column, cell.text)
        }
    });
    let mut text = words.collect::<Vec<_>>().join(", ");
    if !text.is_empty() {
        text.push('\n');
    }
    for histogram in &entry.histograms {
        if entry.histograms.len() > 1 {
            let _ = writeln!(text, "  {}:", clean(&histogram.field));
        }
        text.push_str(&draw(histogram));
    }
    text
}

fn lines(entries: &[&Entry], map: &Map, per_cpu: bool) -> String {
    let unsummed = entries.iter().any(|entry| entry.value.is_none());
    let rows: Vec<Vec<Cell>> = entries
        .iter()
        .map(|entry| cells_of_entry(entry, key_name(map), map.per_cpu && (per_cpu || unsummed)))
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

/// The cells of an entry: key, value, and the values of the CPUs where they are asked for.
fn cells_of_entry(entry: &Entry, key: &str, per_cpu: bool) -> Vec<Cell> {
    let mut row = cells(entry.key.as_deref(), key);
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
fn cells(json: Option<&RawValue>, name: &str) -> Vec<Cell> {
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

fn to_the_right(rows: &mut [Vec<String>], column: usize) {
    let chars = |row: &Vec<String>| row.get(column).map_or(0, |cell| cell.chars().count());
    let width = rows.iter().map(chars).max().unwrap_or(0);
    for cell in rows.iter_mut().filter_map(|row| row.get_mut(column)) {
        *cell = format!("{cell:>width$}");
    }
}
