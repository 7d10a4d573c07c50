//! Rollouts, driven: the pure machine of the crate `rollout` fed with what the fleet knows, each of
//! its transitions kept in one transaction. Called by the routes, and by a task of the server.
//! Must never act on a transition that is not on the disk.

mod begin;
mod drive;
mod dry;
mod ended;
mod shown;
mod transition;
mod trend;

pub(crate) use begin::{BeginError, Start, begin, check, end, held_back};
pub(crate) use drive::drive;
pub(crate) use dry::dry_run;
pub(crate) use ended::Ended;
pub(crate) use shown::{Rows, Told, detail, nodes, summary, summary_of};
pub(crate) use transition::{Asked, Press, Who, ask, keep, possible};
pub(crate) use trend::{FIGURES, Point, Trend, Trends};
