//! The cases of `tests/hooks/cases.txt`. Read by `hooks` and by `xtask`, which compiles them.
//! Must never leave out a section that the inspection knows.

use anyhow::{Context, Result};

const TABLE: &str = include_str!("../../hooks/cases.txt");

/// One section to try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// The section's name, with its target where it has one.
    pub section: String,
    /// How the program knows the test's own events.
    pub filter: String,
    /// What it returns to let things go on.
    pub pass: i32,
    /// What it returns to refuse them, where it can.
    pub deny: Option<i32>,
}

impl Case {
    /// The section without its target.
    #[must_use]
    pub fn prefix(&self) -> &str {
        let known = payload::object::section::names();
        let fits = known.filter(|name| {
            let rest = self.section.strip_prefix(name);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        });
        fits.max_by_key(|name| name.len()).unwrap_or(&self.section)
    }

    /// The name of its compiled object: its section's, in letters that file names have.
    #[must_use]
    pub fn object_name(&self) -> String {
        format!("{}.bpf.o", self.section.replace(['/', '?'], "-"))
    }
}

/// Every case, in the order of the table.
///
/// # Errors
/// A line that does not read as it must.
pub fn cases() -> Result<Vec<Case>> {
    let lines = TABLE.lines();
    let lines = lines.filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    lines
        .map(|line| case(line).with_context(|| format!("cases.txt: {line}")))
        .collect()
}

fn case(line: &str) -> Result<Case> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [section, filter, pass, deny] = words[..] else {
        anyhow::bail!("section, filter, pass and deny are wanted");
    };
    Ok(Case {
        section: section.to_owned(),
        filter: filter.to_owned(),
        pass: pass.parse()?,
        deny: if deny == "-" {
            None
        } else {
            Some(deny.parse()?)
        },
    })
}
