//! Each kind of hook on the kernel that runs: attached, fired, updated under load, refused, paused,
//! taken away and given back, left by a killed daemon, stopped; and before them maps that go on over updates. Run by the
//! program `hooks`, on this machine and in guests.
//! Must never say that a kind works unless its program counted what was caused.

mod bystander;
mod case;
mod course;
mod daemon;
mod deed;
mod field;
mod handover;
mod kernel;
mod nbd;
mod network;

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

pub use case::{Case, cases};
use daemon::Daemon;
use deed::At;
use field::Field;

/// What came of a section on a kernel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// The section, without target.
    pub section: String,
    /// What came of it.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// What came of a section on a kernel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum Outcome {
    /// All that is asked of it was seen.
    Works {
        /// How its programs are replaced.
        strategy: String,
    },
    /// The node refused it before anything was attached.
    Refused {
        /// The node's words.
        why: String,
    },
    /// It did not do what it must.
    Failed {
        /// What was wrong.
        why: String,
    },
}

/// Of which cases the daemon is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kills {
    /// Of each.
    All,
    /// Of the first that works of each sort of place: those whose programs are of one type of the
    /// kernel's, and whose deeds meet them at one sort of target. For emulated machines, where a
    /// daemon takes a second to start.
    OnePerPlace,
}

/// What the kills cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cost {
    /// Daemons that were killed.
    pub kills: u32,
    /// The time of all that was done for it.
    pub took: Duration,
}

/// Tries the hand-over of maps and every case, or of them those that `wanted` names, and shows each
/// case's row.
///
/// # Errors
/// When a count did not go on, or the daemon or the place to try cases in can't be had.
pub fn try_all(
    node: &Path,
    objects: &Path,
    (kills, wanted): (Kills, &[String]),
    mut show: impl FnMut(&Row),
) -> Result<Cost> {
    // The daemon first: it must not be in the cgroup that comes and goes.
    let daemon = Daemon::start(node)?;
    if wanted.is_empty() || wanted.iter().any(|name| name == handover::NAME) {
        handover::prove(&daemon, objects).context("counts that go on over updates")?;
    }
    let mut field = Field::new()?;
    let mut cost = Cost::default();
    let mut killed = Vec::new();
    for case in cases()? {
        if !wanted.is_empty() && !wanted.contains(&case.prefix().to_owned()) {
            continue;
        }
        let object = objects.join(case.object_name());
        let object = std::fs::read(&object).with_context(|| object.display().to_string())?;
        let place = place(&case)?;
        let kill = kills == Kills::All || !killed.contains(&place);
        let outcome = course::run(&case, &object, &daemon, &mut field, (kill, &mut cost));
        let outcome = outcome.unwrap_or_else(|error| Outcome::Failed {
            why: format!("{error:#}"),
        });
        if let Outcome::Works { .. } = outcome {
            killed.push(place);
        }
        daemon.stop_instance();
        show(&Row {
            section: case.prefix().to_owned(),
            outcome,
        });
    }
    Ok(cost)
}

/// What is the same for cases at one sort of place: `enum bpf_prog_type`, and where it is.
fn place(case: &Case) -> Result<(u32, At)> {
    let section = payload::object::section::parse(&case.section)?;
    Ok((section.program_type, deed::deed(case.prefix()).at))
}
