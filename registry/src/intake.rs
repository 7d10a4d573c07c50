//! Where what nodes tell waits for what others tell at the same moment: all that waits is kept
//! together, since a statement for many costs little more than one for one, and after a publication
//! the whole fleet tells at once. Called by the route of reports.
//! Must never keep one of two reports of a node before the older one, nor let one that can't be
//! kept take others with it.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use api::registry::Outcome;
use tokio::sync::oneshot;

use crate::access::Who;
use crate::db::node::Before;
use crate::db::{self, DbError, Write};
use crate::fleet::facts::Change;
use crate::fleet::report::Checked;
use crate::limits::{
    OUTCOMES_KEPT_MAX, REPORTS_TOGETHER_MAX, REPORTS_WAITING_BYTES_MAX, REPORTS_WAITING_MAX,
};
use crate::state::State;

/// What a node told.
#[derive(Debug)]
pub(crate) struct Told {
    /// The node.
    pub(crate) node: String,
    /// The same, for the audit.
    pub(crate) who: Who,
    /// Its batch.
    pub(crate) batch: Checked,
    /// How large it was when it came.
    pub(crate) bytes: usize,
}

struct Waiting {
    told: Arc<Told>,
    answer: oneshot::Sender<Result<(), DbError>>,
}

/// What waits to be kept.
#[derive(Default)]
pub(crate) struct Intake(Mutex<Queue>);

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Waiting>,
    /// Bytes of what waits.
    bytes: usize,
    /// Whether a task keeps what waits.
    busy: bool,
}

impl Intake {
    /// Keeps what a node told: it is on the disk, and in the fleet's memory, when this is `Ok`.
    ///
    /// # Errors
    /// [`DbError::NotInForce`], [`DbError::QueueFull`], or the database's.
    pub(crate) async fn keep(state: &State, told: Told) -> Result<(), DbError> {
        let (answer, answered) = oneshot::channel();
        let told = Arc::new(told);
        if state.intake.add(Waiting { told, answer })? {
            tokio::spawn(empty(state.clone()));
        }
        answered.await.unwrap_or(Err(DbError::Stopped))
    }

    /// Whether it needs a task.
    fn add(&self, one: Waiting) -> Result<bool, DbError> {
        let mut queue = self.queue();
        let waiting = queue.waiting.len();
        let bytes = queue.bytes.saturating_add(one.told.bytes);
        if waiting >= REPORTS_WAITING_MAX || bytes > REPORTS_WAITING_BYTES_MAX {
            return Err(DbError::QueueFull { waiting });
        }
        queue.bytes = bytes;
        queue.waiting.push_back(one);
        Ok(!std::mem::replace(&mut queue.busy, true))
    }

    /// What is kept next, no node twice; `None` when nothing waits.
    fn next(&self) -> Option<Vec<Waiting>> {
        let mut queue = self.queue();
        let mut nodes = BTreeSet::new();
        let first = queue.waiting.iter().take(REPORTS_TOGETHER_MAX);
        let fits = first.map(|one| nodes.insert(one.told.node.as_str()));
        let count = fits.take_while(|fits| *fits).count();
        queue.busy = count > 0;
        let batch: Vec<Waiting> = queue.waiting.drain(..count).collect();
        queue.bytes -= batch.iter().map(|one| one.told.bytes).sum::<usize>();
        queue.busy.then_some(batch)
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        // Nothing that holds the lock can stop halfway.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps what waits until nothing does.
async fn empty(state: State) {
    while let Some(batch) = state.intake.next() {
        let told = batch.iter().map(|one| Arc::clone(&one.told)).collect();
        match together(&state, told).await {
            Ok(kept) => {
                for (one, kept) in batch.into_iter().zip(kept) {
                    // A caller that is gone does not want to know.
                    let _ = one
                        .answer
                        .send(kept.then_some(()).ok_or(DbError::NotInForce));
                }
            }
            Err(error) if batch.len() == 1 || error.may_pass_later() => {
                for one in batch {
                    let _ = one.answer.send(Err(error.again()));
                }
            }
            // One of them can't be kept.
            Err(_) => {
                for one in batch {
                    let alone = together(&state, vec![one.told]).await;
                    let kept = alone.map(|kept| kept == [true]);
                    let kept = kept.and_then(|kept| kept.then_some(()).ok_or(DbError::NotInForce));
                    let _ = one.answer.send(kept);
                }
            }
        }
    }
}

/// Keeps these in one transaction; which of them, since the others' accesses are not in force.
async fn together(state: &State, told: Vec<Arc<Told>>) -> Result<Vec<bool>, DbError> {
    let now_ms = state.now_ms();
    let accesses = told.iter().map(|one| one.who.access).collect();
    let done = state.db.write_as_each(accesses, now_ms, {
        let state = state.clone();
        move |write, in_force| {
            Box::pin(async move {
                let may = told.into_iter().zip(&in_force);
                let told: Vec<_> = may.filter_map(|(one, may)| may.then_some(one)).collect();
                let marks = keep(write, &state, &told, now_ms).await?;
                write.then(move || remember(&state, &told, &marks, now_ms));
                Ok(in_force)
            })
        }
    });
    done.await
}

fn remember(state: &State, told: &[Arc<Told>], marks: &[Vec<Outcome>], now_ms: u64) {
    for (Told { node, batch, .. }, marks) in told.iter().map(Arc::as_ref).zip(marks) {
        let reports = &batch.reports;
        let (facts, instances) = (reports.facts.clone(), reports.instances.clone());
        let outcomes = (reports.outcomes.as_slice(), marks.as_slice());
        (state.fleet).reported(node, facts, instances, outcomes, now_ms);
    }
}

/// The outcomes of each that were kept for their rollouts.
async fn keep(
    write: &mut Write,
    state: &State,
    told: &[Arc<Told>],
    now_ms: u64,
) -> Result<Vec<Vec<Outcome>>, DbError> {
    let nodes: Vec<&str> = told.iter().map(|one| one.node.as_str()).collect();
    let before = db::node::before(write, &nodes).await?;
    let rows: Vec<_> = told
        .iter()
        .map(|one| (one.node.as_str(), &one.batch))
        .collect();
    db::node::report(write, &rows, now_ms).await?;
    let (mut outcomes, mut full) = (Vec::new(), Vec::new());
    let (mut gone, mut new) = (Vec::new(), Vec::new());
    let mut marks = Vec::with_capacity(told.len());
    for one in told {
        let (node, batch) = (one.node.as_str(), &one.batch);
        let reports = &batch.reports;
        // Its access is in force, so it is there.
        let before = before.get(node).ok_or(DbError::NotInForce)?;
        let runs = reports.instances.iter().map(|report| &report.digest);
        let runs: BTreeSet<&String> = runs.collect();
        let ran: BTreeSet<&String> = before.digests.iter().collect();
        gone.extend(ran.difference(&runs).map(|digest| (node, digest.as_str())));
        new.extend(runs.difference(&ran).map(|digest| (node, digest.as_str())));
        let texts = reports.outcomes.iter().zip(&batch.outcomes);
        outcomes.extend(texts.map(|(outcome, text)| (node, outcome, text.as_str())));
        if before.outcomes + reports.outcomes.len() as u64 > u64::from(OUTCOMES_KEPT_MAX) {
            full.push(node);
        }
        marks.push(mark(write, state, one).await?);
        audit(write, one, before, now_ms).await?;
    }
    db::node::move_digests(write, &gone, &new).await?;
    db::outcome::add(write, &outcomes).await?;
    for node in full {
        db::outcome::forget(write, node, OUTCOMES_KEPT_MAX).await?;
    }
    Ok(marks)
}

/// Keeps those of its outcomes that decide something in a rollout.
async fn mark(write: &mut Write, state: &State, told: &Told) -> Result<Vec<Outcome>, DbError> {
    let (node, outcomes) = (&told.node, &told.batch.reports.outcomes);
    let mut marks = Vec::new();
    for outcome in state.fleet.told_of_rollouts(node, outcomes) {
        if db::mark::take(write, node, &outcome).await? {
            marks.push(outcome);
        }
    }
    Ok(marks)
}

/// What a node tells of itself decides what it is given.
async fn audit(
    write: &mut Write,
    told: &Told,
    before: &Before,
    now_ms: u64,
) -> Result<(), DbError> {
    let (audited, facts) = (&before.audited, &told.batch.reports.facts);
    let other = before.other_facts(&told.batch.facts)?;
    if other.is_none() && audited.facts.is_none() {
        return Ok(());
    }
    let known = other.unwrap_or_else(|| facts.clone());
    let (news, change) = audited.clone().step(known, facts, now_ms);
    if news != *audited {
        db::node::set_audited(write, &told.node, &news).await?;
    }
    if let Some(Change { before, after }) = change {
        let mut entry = told.who.entry(now_ms, "node.facts", told.node.clone());
        (entry.before, entry.after) = (Some(before), Some(after));
        db::audit::add(write, &entry).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use api::registry::{Facts, Reports};

    use super::*;
    use crate::fleet::report;

    fn add(intake: &Intake, node: &str, bytes: usize) -> Result<bool, DbError> {
        let reports = Reports {
            facts: Facts::default(),
            instances: Vec::new(),
            outcomes: Vec::new(),
        };
        let told = Arc::new(Told {
            node: node.to_owned(),
            who: Who::nobody(String::new()),
            batch: report::check(reports).unwrap(),
            bytes,
        });
        let (answer, _) = oneshot::channel();
        intake.add(Waiting { told, answer })
    }

    fn next(intake: &Intake) -> Option<Vec<String>> {
        let batch = intake.next()?;
        Some(batch.iter().map(|one| one.told.node.clone()).collect())
    }

    #[test]
    fn what_waits_goes_together_in_its_order_and_no_node_twice() {
        let intake = Intake::default();
        for node in ["a", "b", "a", "c", "b"] {
            add(&intake, node, 1).unwrap();
        }
        assert_eq!(next(&intake).unwrap(), ["a", "b"]);
        assert_eq!(next(&intake).unwrap(), ["a", "c", "b"]);
        assert_eq!(next(&intake), None);
    }

    #[test]
    fn one_task_empties_it_and_the_next_one_begins_when_that_has_ended() {
        let intake = Intake::default();
        assert!(add(&intake, "a", 1).unwrap());
        assert!(!add(&intake, "b", 1).unwrap());
        assert!(next(&intake).is_some());
        assert!(!add(&intake, "c", 1).unwrap());
        assert!(next(&intake).is_some());
        assert_eq!(next(&intake), None);
        assert!(add(&intake, "d", 1).unwrap());
    }

    #[test]
    fn reports_and_their_bytes_are_bounded() {
        let intake = Intake::default();
        for _ in 0..REPORTS_WAITING_MAX {
            add(&intake, "a", 1).unwrap();
        }
        let full = add(&intake, "a", 1).unwrap_err();
        assert!(full.may_pass_later(), "{full}");
        let intake = Intake::default();
        add(&intake, "a", REPORTS_WAITING_BYTES_MAX).unwrap();
        assert!(add(&intake, "b", 1).is_err());
        assert!(intake.next().is_some());
        assert!(add(&intake, "b", 1).is_ok());
    }
}
