//! The table of kinds of hook and kernels in `tests/HOOKS.md`: made by runs, compared with what is
//! committed. Used by `cargo xtask kernel`.
//! Must never hold a cell that no run has filled.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::run;

const HEAD: &str = "\
# Kinds of hook on kernels

Made by `cargo xtask kernel --write`, and compared by each `cargo xtask kernel`; nothing here is
written by hand. A cell says how the programs of a section are replaced on a kernel (`switch`,
`link-update`, `overlap`: see ARCHITECTURE.md), or, by the number of a note, why the node refuses it
there before anything is attached. Where it says a strategy, the test `hooks` has seen it attached,
fired, updated under load with every run counted exactly once (where programs overlap: at least
once), its answer passed on, paused with nobody noticing, its target taken away and given back where
it can be, and stopped with nothing left behind. On the newest kernel `fexit.s` and `fsession.s` are
updated while nothing fires them: that kernel died, in emulation, when a trampoline that only looks at
returns was changed while its function was being entered; behind a switch none is ever changed.

The kernels are Debian's cloud kernels: 5.10 (bullseye), 6.1 (bookworm), 6.12 (bookworm-backports),
the newest of trixie-backports; and one of 6.18 without kprobes and trampolines.

";

/// What a run said of one section on one kernel: a strategy, or the reason of a refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cell {
    /// Its strategy.
    Works(String),
    /// Why not.
    Refused(String),
}

/// Sections in their order, and what became of each on each kernel.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Table {
    sections: Vec<String>,
    cells: BTreeMap<(String, String), Cell>,
}

/// Where it is.
pub(crate) fn path() -> PathBuf {
    run::root().join("tests/HOOKS.md")
}

impl Table {
    /// Takes a line of the program `hooks`.
    ///
    /// # Errors
    /// It is no such line, or says that a section failed.
    pub(crate) fn take(&mut self, kernel: &str, line: &str) -> Result<()> {
        let row: Value = serde_json::from_str(line).with_context(|| line.to_owned())?;
        let text = |field: &str| row[field].as_str().unwrap_or_default().to_owned();
        let section = text("section");
        let cell = match row["outcome"].as_str() {
            Some("works") => Cell::Works(text("strategy")),
            Some("refused") => Cell::Refused(plain(&text("why"))),
            Some("failed") => bail!("{section} on {kernel}: {}", text("why")),
            _ => bail!("not a line of `hooks`: {line}"),
        };
        if !self.sections.contains(&section) {
            self.sections.push(section.clone());
        }
        self.cells.insert((section, kernel.to_owned()), cell);
        Ok(())
    }

    /// Reads the committed table.
    ///
    /// # Errors
    /// It does not read as it is written here.
    pub(crate) fn read(text: &str) -> Result<Self> {
        let notes: BTreeMap<&str, &str> = text
            .lines()
            .filter_map(|line| line.strip_prefix("- ["))
            .filter_map(|line| line.split_once("] "))
            .collect();
        let mut rows = text.lines().filter(|line| line.starts_with('|'));
        let cells = |line: &str| -> Vec<String> {
            let inner = line.trim_matches('|');
            inner
                .split('|')
                .map(|cell| cell.trim().to_owned())
                .collect()
        };
        let head = cells(rows.next().unwrap_or_default());
        let mut table = Self::default();
        for line in rows.skip(1) {
            let row = cells(line);
            let section = row.first().context("a row without a section")?;
            let section = section.trim_matches('`').to_owned();
            for (kernel, cell) in head.iter().zip(&row).skip(1) {
                let number = cell
                    .strip_prefix('[')
                    .and_then(|cell| cell.strip_suffix(']'));
                let cell = match number {
                    Some(number) => {
                        let note = notes
                            .get(number)
                            .with_context(|| format!("note {number}"))?;
                        Cell::Refused((*note).to_owned())
                    }
                    None if cell.is_empty() => bail!("{section} on {kernel}: an empty cell"),
                    None => Cell::Works(cell.clone()),
                };
                table.cells.insert((section.clone(), kernel.clone()), cell);
            }
            table.sections.push(section);
        }
        Ok(table)
    }

    /// What differs from `other` on `kernels`, a line each.
    pub(crate) fn differences(&self, other: &Self, kernels: &[&str]) -> Vec<String> {
        let mut sections = self.sections.clone();
        let theirs = other.sections.iter();
        sections.extend(
            theirs
                .filter(|section| !self.sections.contains(section))
                .cloned(),
        );
        let mut differences = Vec::new();
        for section in &sections {
            for kernel in kernels {
                let key = (section.clone(), (*kernel).to_owned());
                let (now, before) = (self.cells.get(&key), other.cells.get(&key));
                if now != before {
                    let (now, before) = (shown(now), shown(before));
                    differences.push(format!("{section} on {kernel}: {now}; committed: {before}"));
                }
            }
        }
        differences
    }

    /// This table with the kernels that it lacks from `other`.
    pub(crate) fn completed_by(mut self, other: Self) -> Self {
        for (key, cell) in other.cells {
            if self.sections.contains(&key.0) {
                self.cells.entry(key).or_insert(cell);
            }
        }
        self
    }

    /// As it is committed, the kernels in this order.
    ///
    /// # Errors
    /// A cell is empty.
    pub(crate) fn text(&self, kernels: &[&str]) -> Result<String> {
        ensure!(!self.sections.is_empty(), "no section was tried");
        let mut notes: Vec<&str> = Vec::new();
        let mut lines = vec![
            format!("{HEAD}| section | {} |", kernels.join(" | ")),
            format!("|---|{}", "---|".repeat(kernels.len())),
        ];
        for section in &self.sections {
            let mut row = vec![format!("`{section}`")];
            for kernel in kernels {
                row.push(
                    match self.cells.get(&(section.clone(), (*kernel).to_owned())) {
                        Some(Cell::Works(strategy)) => strategy.clone(),
                        Some(Cell::Refused(why)) => {
                            let known = notes.iter().position(|note| note == why);
                            let number = known.unwrap_or_else(|| {
                                notes.push(why);
                                notes.len() - 1
                            });
                            format!("[{}]", number + 1)
                        }
                        None => bail!("{section} on {kernel}: no run has filled this cell"),
                    },
                );
            }
            lines.push(format!("| {} |", row.join(" | ")));
        }
        lines.push("\nWhy not:\n".to_owned());
        for (index, note) in notes.iter().enumerate() {
            lines.push(format!("- [{}] {note}", index + 1));
        }
        Ok(lines.join("\n") + "\n")
    }
}

fn shown(cell: Option<&Cell>) -> &str {
    match cell {
        Some(Cell::Works(text) | Cell::Refused(text)) => text,
        None => "nothing",
    }
}

/// The node's words without what names this test and this very kernel.
fn plain(why: &str) -> String {
    let mut text = why;
    if let Some(rest) = text.strip_prefix("program hooks_program (section ") {
        text = rest.split_once("): ").map_or(rest, |(_, rest)| rest);
    }
    let text = text.split(" (libbpf: ").next().unwrap_or(text);
    let parts = text
        .split("; ")
        .filter(|part| !part.starts_with("this is "));
    let parts: Vec<&str> = parts.collect();
    parts.join("; ").replace('|', "/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::default();
        let works = r#"{"section":"xdp","outcome":"works","strategy":"switch"}"#;
        let refused = r#"{"section":"fentry","outcome":"refused","why":"program hooks_program (section fentry/x): fentry/x cannot be attached: EPERM; a fentry program needs kernel 5.5; this is 6.1 (libbpf: x)"}"#;
        for kernel in ["6.1", "newest"] {
            table.take(kernel, works).unwrap();
            table.take(kernel, refused).unwrap();
        }
        table
    }

    #[test]
    fn what_is_written_is_read_again() {
        let text = table().text(&["6.1", "newest"]).unwrap();
        assert!(text.contains("| `fentry` | [1] | [1] |"), "{text}");
        assert!(
            text.contains("a fentry program needs kernel 5.5\n"),
            "{text}"
        );
        assert_eq!(Table::read(&text).unwrap(), table());
    }

    #[test]
    fn a_cell_that_no_run_filled_is_an_error() {
        let error = table().text(&["6.1", "5.10"]).unwrap_err().to_string();
        assert!(error.contains("xdp on 5.10"), "{error}");
    }

    #[test]
    fn another_outcome_is_a_difference() {
        let mut other = table();
        let line = r#"{"section":"xdp","outcome":"works","strategy":"overlap"}"#;
        other.take("6.1", line).unwrap();
        assert_eq!(
            other.differences(&table(), &["6.1", "newest"]),
            ["xdp on 6.1: overlap; committed: switch"]
        );
    }

    #[test]
    fn a_section_that_failed_is_an_error() {
        let line = r#"{"section":"xdp","outcome":"failed","why":"3 runs counted, 4 caused"}"#;
        let error = Table::default().take("6.1", line).unwrap_err().to_string();
        assert!(error.contains("3 runs"), "{error}");
    }
}
