//! Patterns of the policy: text in which `*` stands for any text, the empty one too.
//! Used by the policy. Must never take long, whatever the pattern.

use serde::Deserialize;

/// A pattern.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub(crate) struct Pattern(String);

impl Pattern {
    /// The one that every text matches.
    pub(super) fn anything() -> Self {
        Self("*".to_owned())
    }

    /// Whether all of `text` is as the pattern says.
    pub(super) fn matches(&self, text: &str) -> bool {
        let mut parts = self.0.split('*');
        // What stands before the first star, else all of it.
        let first = parts.next().unwrap_or_default();
        let Some(mut rest) = text.strip_prefix(first) else {
            return false;
        };
        let mut parts = parts.peekable();
        if parts.peek().is_none() {
            return rest.is_empty();
        }
        while let Some(part) = parts.next() {
            if parts.peek().is_none() {
                return rest.ends_with(part);
            }
            // The first place is the best: it leaves the most for what follows.
            let Some((_, after)) = rest.split_once(part) else {
                return false;
            };
            rest = after;
        }
        true
    }
}

/// Whether one of them matches.
pub(super) fn any(patterns: &[Pattern], text: &str) -> bool {
    patterns.iter().any(|pattern| pattern.matches(text))
}

/// The patterns as they were written.
pub(super) fn shown(patterns: &[Pattern]) -> Vec<String> {
    patterns.iter().map(|pattern| pattern.0.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_any_text_and_everything_else_itself() {
        for (pattern, text, matches) in [
            ("*", "", true),
            ("*", "x", true),
            ("", "", true),
            ("", "x", false),
            ("a", "a", true),
            ("a", "ab", false),
            ("a*", "ab", true),
            ("a*", "b", false),
            ("*b", "ab", true),
            ("*b", "ba", false),
            ("a*b", "ab", true),
            ("a*b", "aXb", true),
            ("ab*b", "ab", false),
            ("a*b*c", "a1b2c", true),
            ("a*b*c", "acb", false),
            ("**", "x", true),
            ("*a*a*", "a", false),
            ("*a*a*", "xaxax", true),
            ("tracepoint/sched/*", "tracepoint/sched/sched_switch", true),
            ("tracepoint/sched/*", "raw_tracepoint/sched/x", false),
            ("uprobe/*:readline", "uprobe//bin/bash:readline", true),
            ("a?", "ab", false),
        ] {
            let found = Pattern(pattern.to_owned()).matches(text);
            assert_eq!(found, matches, "{pattern:?} {text:?}");
        }
    }
}
