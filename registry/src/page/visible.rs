//! Text of nodes as people can trust it: what would act on a terminal, or turn the direction of a line,
//! is shown by its number. Called by the views of what nodes tell.
//! Must never change a letter that can be seen.

use std::fmt::Write as _;

/// `text` with every control and every mark of direction as `\u{…}`; lines and tabs stay.
pub(super) fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        if is_hidden(letter) {
            // Writing to a text never fails.
            let _ = write!(shown, "\\u{{{:x}}}", u32::from(letter));
        } else {
            shown.push(letter);
        }
    }
    shown
}

fn is_hidden(letter: char) -> bool {
    let acts = letter.is_control() && !matches!(letter, '\n' | '\t');
    // Unicode Standard Annex 9, section 2: embeddings, overrides, isolates and marks.
    let turns = matches!(letter, '\u{200e}' | '\u{200f}' | '\u{61c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    acts || turns || matches!(letter, '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hides_or_acts_is_shown_and_what_is_seen_stays() {
        assert_eq!(visible("R1 = é\n\tnext"), "R1 = é\n\tnext");
        assert_eq!(visible("a\u{1b}[31mb\0\r"), "a\\u{1b}[31mb\\u{0}\\u{d}");
        assert_eq!(visible("x\u{202e}y\u{200b}"), "x\\u{202e}y\\u{200b}");
    }
}
