//! What an entry of the audit says was before and is after, as lines: one for each value that is
//! different, by its path. Made by the page of the audit.
//! Must never show more lines, or longer ones, than the bounds.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::page::visible::visible;

/// Lines of one change.
const LINES_MAX: usize = 200;
/// Letters of one line.
const LINE_CHARS_MAX: usize = 1000;
/// How deep objects are taken apart; what is deeper stands as JSON.
const DEPTH_MAX: usize = 8;

/// One line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// `-` was, `+` is, a space is neither.
    pub(super) sign: &'static str,
    pub(super) text: String,
}

/// The lines of a change.
pub(super) fn lines(before: Option<&Value>, after: Option<&Value>) -> Vec<Line> {
    let (before, after) = (leaves(before), leaves(after));
    let mut lines = Vec::new();
    let only_after = after.keys().filter(|path| !before.contains_key(*path));
    let mut paths: Vec<&String> = before.keys().chain(only_after).collect();
    paths.sort_unstable();
    for path in paths {
        let (was, is) = (before.get(path), after.get(path));
        if was == is {
            continue;
        }
        for (sign, value) in [("-", was), ("+", is)] {
            lines.extend(value.map(|value| line(sign, path, value)));
        }
        if lines.len() >= LINES_MAX {
            let text = format!("more than {LINES_MAX} lines: the JSON has them");
            lines.push(Line { sign: " ", text });
            break;
        }
    }
    lines
}

fn line(sign: &'static str, path: &str, value: &str) -> Line {
    let text = if path.is_empty() {
        visible(value)
    } else {
        visible(&format!("{path}: {value}"))
    };
    let mut letters = text.char_indices();
    let text = match letters.nth(LINE_CHARS_MAX) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    };
    Line { sign, text }
}

/// Each value with its path; objects are taken apart, lists are values.
fn leaves(value: Option<&Value>) -> BTreeMap<String, String> {
    let mut leaves = BTreeMap::new();
    let mut left: Vec<(String, &Value, usize)> = Vec::new();
    left.extend(value.map(|value| (String::new(), value, 0)));
    while let Some((path, value, depth)) = left.pop() {
        match value {
            Value::Object(members) if depth < DEPTH_MAX && !members.is_empty() => {
                for (key, member) in members {
                    let path = if path.is_empty() {
                        key.clone()
                    } else {
                        format!("{path}.{key}")
                    };
                    left.push((path, member, depth + 1));
                }
            }
            // What is absent and what is null are told alike.
            Value::Null => {}
            value => {
                leaves.insert(path, value.to_string());
            }
        }
    }
    leaves
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn texts(lines: &[Line]) -> Vec<String> {
        let lines = lines.iter();
        lines
            .map(|line| format!("{} {}", line.sign, line.text))
            .collect()
    }

    #[test]
    fn what_is_different_is_told_by_its_path_and_what_is_the_same_is_not() {
        let before = json!({"state": "available", "reason": null, "same": 1, "in": {"a": [1, 2]}});
        let after = json!({"state": "yanked", "reason": "slow\u{1b}", "same": 1, "in": {"a": [2]}});
        assert_eq!(
            texts(&lines(Some(&before), Some(&after))),
            [
                "- in.a: [1,2]",
                "+ in.a: [2]",
                "+ reason: \"slow\\u001b\"",
                "- state: \"available\"",
                "+ state: \"yanked\""
            ]
        );
        assert_eq!(texts(&lines(None, Some(&json!("1.0.0")))), ["+ \"1.0.0\""]);
        assert!(lines(None, None).is_empty());
    }

    #[test]
    fn a_change_has_bounds() {
        let many: Value = (0..1000).map(|n| (n.to_string(), json!(n))).collect();
        assert!(lines(None, Some(&many)).len() <= LINES_MAX + 1);
        let long = json!({ "a": "é".repeat(10_000) });
        let lines = lines(None, Some(&long));
        assert_eq!(lines[0].text.chars().count(), LINE_CHARS_MAX + 1);
        let mut deep = json!(1);
        for _ in 0..100 {
            deep = json!({ "a": deep });
        }
        assert_eq!(super::lines(None, Some(&deep)).len(), 1);
    }
}
