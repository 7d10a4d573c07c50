//! One JSON line as the cells of a row: a cell for each field of the event, nested ones by their
//! path; a map's key or value likewise. Called by the tables. Must never let a control character
//! through to a terminal.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};

/// A cell with the name of its column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cell {
    /// The field's path: `peers.port`.
    pub(crate) column: String,
    /// What stands in it.
    pub(crate) text: String,
    /// Numbers stand to the right.
    pub(crate) number: bool,
}

/// The cells of any JSON: of an object one a field, with paths below `column`; else one that is
/// called `column`.
pub(crate) fn cells_of(json: &str, column: &str) -> Vec<Cell> {
    let mut cells = Vec::new();
    if let Ok(node) = serde_json::from_str(json) {
        spread(node, column, &mut cells);
    }
    cells
}

/// The cells of an output: when it was read, then the fields in the order of the event's struct;
/// none for what is no output.
pub(super) fn cells(line: &[u8]) -> Option<Vec<Cell>> {
    #[derive(Deserialize)]
    struct Output {
        read_us: u64,
        event: Node,
    }
    let output: Output = serde_json::from_slice(line).ok()?;
    let mut cells = vec![Cell {
        column: "time".to_owned(),
        text: time_of_day(output.read_us),
        number: false,
    }];
    spread(output.event, "", &mut cells);
    Some(cells)
}

/// `13:37:00.123` in UTC, of microseconds since 1970.
fn time_of_day(us: u64) -> String {
    let ms = us / 1000;
    let (s, min, h) = (ms / 1000 % 60, ms / 60_000 % 60, ms / 3_600_000 % 24);
    format!("{h:02}:{min:02}:{s:02}.{:03}", ms % 1000)
}

/// A JSON value that keeps the order of its fields.
enum Node {
    Text(String),
    Number(String),
    /// true, false and null.
    Word(&'static str),
    List(Vec<Node>),
    Object(Vec<(String, Node)>),
}

fn spread(node: Node, path: &str, cells: &mut Vec<Cell>) {
    match node {
        Node::Object(fields) => {
            for (name, value) in fields {
                let path = if path.is_empty() {
                    name
                } else {
                    format!("{path}.{name}")
                };
                spread(value, &path, cells);
            }
        }
        other => {
            let number = matches!(other, Node::Number(_));
            let mut text = String::new();
            other.write(&mut text);
            cells.push(Cell {
                column: clean(path),
                text,
                number,
            });
        }
    }
}

impl Node {
    fn write(&self, out: &mut String) {
        match self {
            Self::Text(text) => out.push_str(&clean(text)),
            Self::Number(number) => out.push_str(number),
            Self::Word(word) => out.push_str(word),
            // Words of a command line: read best as they were typed.
            Self::List(list) if list.iter().all(|node| matches!(node, Self::Text(_))) => {
                write_all(list, " ", out);
            }
            Self::List(list) => {
                out.push('[');
                write_all(list, ",", out);
                out.push(']');
            }
            Self::Object(fields) => {
                out.push('{');
                for (number, (name, value)) in fields.iter().enumerate() {
                    if number > 0 {
                        out.push(',');
                    }
                    out.push_str(&clean(name));
                    out.push(':');
                    value.write(out);
                }
                out.push('}');
            }
        }
    }
}

fn write_all(list: &[Node], between: &str, out: &mut String) {
    for (number, node) in list.iter().enumerate() {
        if number > 0 {
            out.push_str(between);
        }
        node.write(out);
    }
}

/// Control characters, which terminals obey, become U+FFFD.
fn clean(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("any JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Word(if value { "true" } else { "false" }))
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Word("null"))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Number(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Number(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Number(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Node, A::Error> {
        let mut list = Vec::new();
        while let Some(node) = seq.next_element()? {
            list.push(node);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = map.next_entry()? {
            fields.push(field);
        }
        Ok(Node::Object(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The cells of an event that was read at the end of 1970's first day.
    fn seen(event: &str) -> Vec<(String, String, bool)> {
        let line = format!(r#"{{"instance":"x","read_us":86399999999,"event":{event}}}"#);
        let mut cells = cells(line.as_bytes()).unwrap();
        let time = cells.remove(0);
        assert_eq!((&*time.column, &*time.text), ("time", "23:59:59.999"));
        cells
            .into_iter()
            .map(|cell| (cell.column, cell.text, cell.number))
            .collect()
    }

    fn cell(column: &str, text: &str, number: bool) -> (String, String, bool) {
        (column.to_owned(), text.to_owned(), number)
    }

    #[test]
    fn fields_keep_their_order_and_nested_ones_get_a_path() {
        let line = r#"{"z":1,"a":{"y":-2,"b":{"c":true}},"m":"t"}"#;
        let expected = [
            cell("z", "1", true),
            cell("a.y", "-2", true),
            cell("a.b.c", "true", false),
            cell("m", "t", false),
        ];
        assert_eq!(seen(line), expected);
    }

    #[test]
    fn lists_of_words_read_as_typed_and_others_as_lists() {
        let line = r#"{"args":["ls","-l"],"stack":[1,2],"points":[{"x":1,"y":[]}]}"#;
        let expected = [
            cell("args", "ls -l", false),
            cell("stack", "[1,2]", false),
            cell("points", "[{x:1,y:}]", false),
        ];
        assert_eq!(seen(line), expected);
    }

    #[test]
    fn nothing_steers_the_terminal() {
        let line = r#"{"a\u001b":"\u001b[2J\n\u009b"}"#;
        let expected = [cell("a\u{fffd}", "\u{fffd}[2J\u{fffd}\u{fffd}", false)];
        assert_eq!(seen(line), expected);
    }

    #[test]
    fn what_is_no_output_has_no_cells() {
        assert_eq!(cells(b"{}"), None);
        assert_eq!(cells(b"{\"read_us\":1,\"event\":"), None);
    }
}
