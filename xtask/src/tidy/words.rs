//! What must not be left behind in any file: reminders, debugging, places of one machine.
//! Called by `tidy`. Must never spell out what it looks for: it reads itself too.

use super::Violation;
use super::source::{File, words};

const REMINDERS: [&str; 4] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("X", "XX"),
    concat!("HA", "CK"),
];
const MACROS: [&str; 3] = ["dbg!", "todo!", "unimplemented!"];
const PLACES: [&str; 4] = [
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("/ho", "me/"),
    concat!("/Us", "ers/"),
];

/// No reminders, no debugging macros, no ignored tests, no paths of one machine.
pub(crate) fn left_behind(file: &File) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut code = file.code.lines();
    for (index, line) in file.text.lines().enumerate() {
        let code = code.next().unwrap_or_default();
        let mut broken = |rule: String| found.push(Violation::new(&file.path, index + 1, rule));
        if let Some(word) = words(line).find(|word| REMINDERS.contains(word)) {
            broken(format!("{word}: do it, or open an issue"));
        }
        if let Some(name) = MACROS.iter().find(|name| code.contains(*name)) {
            broken(format!("{name} is left in the code"));
        }
        if code.trim_start().starts_with("#[ignore") {
            broken("an ignored test: say what it needs and why it did not run".to_owned());
        }
        if let Some(place) = PLACES.iter().find(|place| line.contains(*place)) {
            broken(format!("{place} is a place on one machine"));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(path: &str, text: &str) -> usize {
        left_behind(&File::new(path, text)).len()
    }

    #[test]
    fn reminders_are_refused_everywhere() {
        assert_eq!(
            broken("README.md", &format!("{}: later\n", REMINDERS[0])),
            1
        );
        assert_eq!(broken("a/src/b.rs", &format!("// {} x\n", REMINDERS[1])), 1);
        assert_eq!(broken("a/src/b.rs", "fn f() { dbg!(x); }\n"), 1);
        assert_eq!(broken("a/src/b.rs", "    #[ignore]\n"), 1);
    }

    #[test]
    fn paths_of_one_machine_are_refused() {
        assert_eq!(broken("README.md", &format!("see {}x\n", PLACES[0])), 1);
        assert_eq!(broken("README.md", "see /var/lib/marrow\n"), 0);
    }
}
