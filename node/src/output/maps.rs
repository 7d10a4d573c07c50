//! The maps of an instance and what is in one, as tables that a person reads.
//! Used by `node maps`.
//! Must never let text from a program steer the terminal, nor hide that something is left out.

mod rows;

use std::fmt::Write;

use api::node::{Entry, Histogram, Map, MapContent, Maps};

use super::histogram::draw;
use super::table::{clean, row, table};
use crate::sink::stdout::cells::{Cell, cells_of};
use rows::{cells, is_section, lines, to_the_right};

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
    } else if !plain.is_empty() {
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
        drawn.any(|one: &Histogram| {
            let behind = one.field.strip_prefix(&cell.column);
            behind.is_some_and(|behind| behind.is_empty() || behind.starts_with(['[', '.']))
        })
    };
    let name = if is_section(map) { "variable" } else { "key" };
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
    let used = |one: &&Histogram| one.slots.iter().any(|count| *count != 0);
    let several = entry.histograms.len() > 1;
    for histogram in entry.histograms.iter().filter(|one| !several || used(one)) {
        if several {
            let _ = writeln!(text, "  {}:", clean(&histogram.field));
        }
        text.push_str(&draw(histogram));
    }
    if several && !entry.histograms.iter().any(|one| used(&one)) {
        text.push_str("  nothing counted yet\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// What the daemon answers, of a map that has so much of it.
    fn answer(entries: &serde_json::Value, read: u64, more: serde_json::Value) -> MapContent {
        let mut answer = json!({
            "instance": "t", "generation": 1, "order": "value", "entries_read": read,
            "truncated": false, "entries": entries,
            "map": {
                "name": "m", "kind": "hash", "key_bytes": 4, "value_bytes": 8, "per_cpu": true,
                "entries_max": 8,
            },
        });
        if let (Some(answer), serde_json::Value::Object(more)) = (answer.as_object_mut(), more) {
            answer.extend(more);
        }
        // Values keep their text only when they are read from one.
        serde_json::from_str(&answer.to_string()).unwrap()
    }

    #[test]
    fn fields_are_columns_and_those_of_the_same_name_are_told_apart() {
        let entries = json!([
            {"key": {"pid": 7, "comm": "bash"}, "value": {"pid": 1, "runs": 12345}},
            {"key": {"pid": 12, "comm": "a\u{1b}b"}, "value": {"pid": 1, "runs": 1}},
        ]);
        let text = content(&answer(&entries, 30, json!({})), false);
        // The names of `json!` are sorted; those of a node keep the order of the struct.
        let expected = "COMM  PID  VALUE.PID   RUNS\n\
            bash    7          1  12345\n\
            a\u{fffd}b    12          1      1\n\
            ... 28 more; --limit N shows more\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn values_of_cpus_are_shown_when_asked_for_or_when_there_is_no_sum() {
        let summed = json!([{"key": 1, "value": 5, "cpus": [2, 3]}]);
        let both = answer(&summed, 1, json!({}));
        assert_eq!(content(&both, false), "KEY  VALUE\n  1      5\n");
        assert_eq!(
            content(&both, true),
            "KEY  VALUE  CPU0  CPU1\n  1      5     2     3\n"
        );
        let without = json!([{"key": 1, "cpus": ["a", "b"]}]);
        let text = content(&answer(&without, 1, json!({})), false);
        assert_eq!(text, "KEY  CPU0  CPU1\n  1  a     b\n");
    }

    #[test]
    fn variables_are_shown_one_below_the_other_and_structs_by_field() {
        let entries = json!([{"key": "last", "value": {"a": 1, "b": {"c": "x"}}},
            {"key": "runs", "value": 10}, {"key": "", "value": "00ab"}]);
        let mut section = answer(&entries, 3, json!({}));
        ".bss".clone_into(&mut section.map.name);
        let expected = "VARIABLE  VALUE\nlast.a    1\nlast.b.c  x\nruns      10\n          00ab\n";
        assert_eq!(content(&section, false), expected);
    }

    #[test]
    fn what_is_left_out_is_told() {
        let one = json!([{"key": 1, "value": 5}]);
        let cut = content(&answer(&one, 1, json!({"truncated": true})), false);
        assert!(
            cut.ends_with("... and more than the node reads at once\n"),
            "{cut}"
        );
        let notes = content(
            &answer(&one, 1, json!({"undecoded": ["keys: \u{1b}"]})),
            false,
        );
        assert!(
            notes.ends_with("shown as bytes: keys: \u{fffd}\n"),
            "{notes}"
        );
        assert_eq!(
            content(&answer(&json!([]), 0, json!({})), false),
            "m is empty\n"
        );
    }

    #[test]
    fn an_entry_with_histograms_is_named_by_its_other_fields() {
        let hist = json!({"field": "slots", "scale": "log2", "slots": [1, 0]});
        let value = json!({"slots": [1, 0], "comm": "ls"});
        let entries = json!([{"key": 3, "value": value, "histograms": [hist]}]);
        let text = content(&answer(&entries, 1, json!({})), false);
        assert!(text.starts_with("key 3, comm ls\n"), "{text}");
        assert!(text.contains("0 -> 1"), "{text}");
    }
}
