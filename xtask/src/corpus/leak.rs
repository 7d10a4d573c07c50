//! What is left in the kernel when all is judged: nothing may be. Called by `corpus`.
//! Must never take for ours what other processes of the machine load meanwhile.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::judge::Judged;
use crate::{run, waiting};

/// How long the kernel may take to free what nobody holds any more.
const PATIENCE: Duration = Duration::from_secs(30);
/// Bytes of a program's name that the kernel keeps (`BPF_OBJ_NAME_LEN` with its end).
const NAME_BYTES: usize = 15;
/// The BPF file system.
const PINS: &str = "/sys/fs/bpf";

/// How it was before the first object.
pub(super) struct Before {
    last_program: u64,
    pinned: BTreeSet<String>,
}

impl Before {
    /// Looks now.
    ///
    /// # Errors
    /// When bpftool does not say.
    pub(super) fn now() -> Result<Self> {
        let ids = programs()?.into_iter().map(|program| program.id);
        Ok(Self {
            last_program: ids.max().unwrap_or(0),
            pinned: pinned()?,
        })
    }

    /// That no program that was loaded meanwhile is still there, and nothing new is pinned. Who
    /// holds a map without a program or a pin is a process, and those of ours have ended.
    ///
    /// # Errors
    /// What is still there.
    pub(super) fn nothing_new(&self, judged: &[Judged]) -> Result<()> {
        let ours: BTreeSet<(&str, &str)> = judged
            .iter()
            .flat_map(|one| &one.tags)
            .map(|(name, tag)| (kept(name), tag.as_str()))
            .collect();
        let left = || -> Result<Vec<String>> {
            let left = programs()?.into_iter().filter(|program| {
                program.id > self.last_program
                    && ours.contains(&(program.name.as_str(), program.tag.as_str()))
            });
            Ok(left.map(|program| program.name).collect())
        };
        let none_left = || Ok(left()?.is_empty().then_some(()));
        let late = || format!("still in the kernel: {:?}", left());
        waiting::until(PATIENCE, none_left, late)?;
        let new: Vec<String> = pinned()?.difference(&self.pinned).cloned().collect();
        ensure!(new.is_empty(), "left in {PINS}: {}", new.join(" "));
        Ok(())
    }
}

/// What the kernel keeps of a name.
fn kept(name: &str) -> &str {
    name.get(..NAME_BYTES).unwrap_or(name)
}

struct Program {
    id: u64,
    name: String,
    tag: String,
}

fn programs() -> Result<Vec<Program>> {
    let told = run::captured(run::command("bpftool").args(["--json", "prog", "show"]))?;
    let told: Value = serde_json::from_str(&told)?;
    let programs = told.as_array().context("bpftool tells no list")?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let program = |one: &Value| Program {
        id: one["id"].as_u64().unwrap_or(0),
        name: text(&one["name"]),
        tag: text(&one["tag"]),
    };
    Ok(programs.iter().map(program).collect())
}

/// Names at the top of the BPF file system, without the folder that nodes share.
fn pinned() -> Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for entry in std::fs::read_dir(Path::new(PINS))? {
        names.insert(entry?.file_name().to_string_lossy().into_owned());
    }
    names.remove("marrow");
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_compared_as_the_kernel_cuts_it() {
        assert_eq!(kept("handle_sched_switch"), "handle_sched_sw");
        assert_eq!(kept("short"), "short");
    }
}
