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

    /// Whether libbpf loads it as a program that may sleep: its name alone says so.
    pub(super) fn may_sleep(&self) -> bool {
        let mut words = self.prefix().split('/');
        words.any(|word| matches!(word.rsplit_once('.'), Some((_, "s"))))
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Sections that stand for what another one stands for.
    const ALIASES: [(&str, &str); 8] = [
        ("tp", "tracepoint"),
        ("raw_tp", "raw_tracepoint"),
        ("raw_tp.w", "raw_tracepoint.w"),
        ("classifier", "tc"),
        ("tcx/ingress", "tc/ingress"),
        ("tcx/egress", "tc/egress"),
        ("cgroup/skb", "cgroup_skb/ingress"),
        ("cgroup/sock", "cgroup/sock_create"),
    ];
    /// Told apart from `struct_ops` by the kernel's operations alone, of which those that Debian's
    /// cloud kernels have never sleep.
    const SLEEPING_OPERATIONS: &str = "struct_ops.s";

    #[test]
    fn every_section_that_the_inspection_knows_is_tried() {
        let cases = cases().unwrap();
        let tried = |name: &str| cases.iter().any(|case| case.prefix() == name);
        for name in payload::object::section::names() {
            let alias = ALIASES.iter().find(|(alias, _)| *alias == name);
            let name = alias.map_or(name, |(_, name)| name);
            assert!(
                tried(name) || name == SLEEPING_OPERATIONS,
                "{name} is not tried"
            );
        }
    }

    #[test]
    fn each_case_has_an_object_of_its_own() {
        let mut names: Vec<String> = cases().unwrap().iter().map(Case::object_name).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
