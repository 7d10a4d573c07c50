//! Lines on a terminal that are drawn again in place, with as few bytes as that takes. Called by
//! `view`. Pure: what it gives is to be written.
//! Must never be given more lines than the terminal has above the cursor's, but for the last time.

use crate::output::Size;

/// What is on the terminal, the cursor at the begin of the line below it.
#[derive(Debug, Default)]
pub(super) struct Screen {
    shown: Vec<String>,
    size: Option<Size>,
}

impl Screen {
    /// What draws these lines in the place of those that are shown.
    pub(super) fn show(&mut self, lines: Vec<String>, size: Size) -> String {
        let mut bytes = String::new();
        if self.size.is_some_and(|before| before != size) {
            // The terminal has moved what was there, nobody knows where to.
            bytes.push_str("\u{1b}[H\u{1b}[J");
            self.shown.clear();
        }
        self.size = Some(size);
        let same = self.shown.iter().zip(&lines);
        let same = same.take_while(|(before, now)| before == now).count();
        let up = self.shown.len() - same;
        if up > 0 {
            control(&mut bytes, up, 'A');
        }
        let changed = lines.get(same..).unwrap_or_default();
        // A wide letter must not push the others to the next line.
        let wide = changed.iter().any(|line| !line.is_ascii());
        if wide {
            bytes.push_str("\u{1b}[?7l");
        }
        for (index, line) in changed.iter().enumerate() {
            match self.shown.get(same + index) {
                Some(before) => again(&mut bytes, before, line),
                None => bytes.push_str(line),
            }
            bytes.push('\n');
        }
        if wide {
            bytes.push_str("\u{1b}[?7h");
        }
        if self.shown.len() > lines.len() {
            bytes.push_str("\u{1b}[J");
        }
        self.shown = lines;
        bytes
    }
}

/// Draws over one line: what both begin with stays.
fn again(bytes: &mut String, before: &str, now: &str) {
    if before == now {
        return;
    }
    let same = before.bytes().zip(now.bytes());
    let same = same.take_while(|(a, b)| a == b && a.is_ascii()).count();
    if same > 0 {
        control(bytes, same + 1, 'G');
    }
    bytes.push_str(now.get(same..).unwrap_or_default());
    if now.chars().count() < before.chars().count() || !before.is_ascii() {
        bytes.push_str("\u{1b}[K");
    }
}

/// A control sequence with its count.
fn control(bytes: &mut String, count: usize, what: char) {
    bytes.push_str("\u{1b}[");
    bytes.push_str(&count.to_string());
    bytes.push(what);
}

#[cfg(test)]
#[path = "screen/tests.rs"]
mod tests;
