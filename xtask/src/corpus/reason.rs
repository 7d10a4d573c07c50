//! Reasons without what differs from object to object, so that the document can count them.
//! Called by `document`; pure. Must never make one reason of two rules.

/// Stands for what was left out.
const LEFT_OUT: &str = "…";

/// Ends what the reason says; then come all programs of the object.
const LIST: &str = "names a hook to attach to:";

/// A reason with `…` for names, numbers, and what stands in quotes or brackets.
pub(super) fn rule_of(reason: &str) -> String {
    let line = reason.lines().next().unwrap_or_default();
    // What follows lists names.
    let line = line.split_inclusive(LIST).next().unwrap_or_default();
    let mut words: Vec<String> = Vec::new();
    for word in without_quoted(line).split_whitespace() {
        // "program NAME (section …)" at the start, "program NAME:" anywhere.
        let named = words.last().is_some_and(|last| last == "program");
        let bare = word.trim_end_matches([':', ',', ';', '.']);
        let end = &word[bare.len()..];
        let differs = bare.contains(|c: char| c.is_ascii_digit() || "_/|$".contains(c));
        if differs || named && (words.len() == 1 || !end.is_empty()) {
            words.push(format!("{LEFT_OUT}{end}"));
        } else if !(word == LEFT_OUT && words.last().is_some_and(|last| last == LEFT_OUT)) {
            words.push(word.to_owned());
        }
    }
    words.join(" ")
}

/// The text with `…` for all between quotes, and for brackets with all in them.
fn without_quoted(text: &str) -> String {
    let (mut kept, mut depth, mut quoted) = (String::new(), 0_usize, false);
    for letter in text.chars() {
        match letter {
            '"' if depth == 0 => {
                if !quoted {
                    kept.push_str(LEFT_OUT);
                }
                quoted = !quoted;
            }
            '(' if !quoted => {
                if depth == 0 {
                    kept.push_str(LEFT_OUT);
                }
                depth += 1;
            }
            ')' if !quoted => depth = depth.saturating_sub(1),
            _ if quoted || depth > 0 => {}
            _ => kept.push(letter),
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_that_differ_in_names_and_numbers_are_one() {
        for (reason, rule) in [
            ("the object has no program", "the object has no program"),
            (
                "program \"a\": section \"x\" names no kind",
                "program …: section … names no kind",
            ),
            (
                "program sub (section fentry/x): a fentry program: it reads SYMBOL",
                "program … …: a fentry program: it reads SYMBOL",
            ),
            (
                "the kernel rejects program trigger: Invalid argument (os error 22)",
                "the kernel rejects program …: Invalid argument …",
            ),
            (
                "none of them names a hook to attach to: a (tc), b (tc)",
                "none of them names a hook to attach to:",
            ),
            (
                "fentry/eth_type_trans cannot be attached: no (libbpf: (x) said)",
                "… cannot be attached: no …",
            ),
        ] {
            assert_eq!(rule_of(reason), rule);
        }
    }
}
