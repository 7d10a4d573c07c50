//! Rollouts, decided: who is in a wave, what a gate says, what comes next. Called by the registry,
//! which does what this says and keeps it, and by its own simulation of ten thousand nodes.
//! Pure. Must never read a clock, a database or anything else that is not a parameter.

#![forbid(unsafe_code)]

mod cohort;
mod compare;
mod count;
mod machine;
mod plan;
mod seen;

pub use cohort::{EVERYWHERE, NOWHERE, Place};
pub use compare::{FAULTS_PER_MILLE, LOST_PPM, RUN_NS, Sample, compare, most};
pub use count::{Census, Names, count, count_by_wave, sides};
pub use machine::{Input, Pause, Refused, State, Then, preview, step};
pub use plan::{PlanError, check};
pub use seen::{Runs, Seen, Staged, Stands};
