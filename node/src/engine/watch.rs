//! Whether a new generation fails what a node can see by itself, from what the one before it and
//! itself did while they were in charge. Pure; asked on each round and after each drain.
//! Must never fail a generation for what was like that before it.

use api::node::Measured;

use super::speed::Slow;

/// Runs that may meet an empty lane without anybody meaning them to.
const FALLS_THROUGH_MAX: u64 = 0;
/// Records that full rings and perf buffers may refuse where those of the generation before refused
/// none.
const LOST_MAX: u64 = 0;
/// Of a thousand records, how many may be too short for their struct.
const MALFORMED_PER_MILLE_MAX: u64 = 10;
/// Outputs that a sink may lose one after the other where it lost none before.
const SINK_LOST_MAX: u64 = 100;

/// What happened while one generation was in charge.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    /// Runs that met an empty lane without anybody meaning them to.
    pub(super) falls_through: u64,
    /// Records that full rings and perf buffers refused.
    pub(super) lost: Measured,
    /// Records that were read.
    pub(super) accepted: u64,
    /// Those of them that were too short.
    pub(super) malformed: u64,
    /// What became of outputs, by sink.
    pub(super) sinks: Vec<SinkTally>,
    /// A hook at which its runs take too long.
    pub(super) slow: Option<Slow>,
    /// Why its handler is of no use to it, where it is not.
    pub(super) handler_failed: Option<String>,
    /// Nobody reads any more.
    pub(super) reader_dead: bool,
}

/// What became of outputs at one sink.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SinkTally {
    pub(super) sink: String,
    pub(super) delivered: u64,
    pub(super) lost: u64,
}

/// What a watched generation fails.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Ailment {
    #[error("{count} hook runs met an empty lane, at most {FALLS_THROUGH_MAX} may")]
    FellThrough { count: u64 },
    #[error(
        "its rings refused {count} records, those of the generation before refused none; at most \
         {LOST_MAX} may be"
    )]
    Lost { count: u64 },
    #[error(
        "{malformed} of {accepted} records are too short for their struct, at most \
         {MALFORMED_PER_MILLE_MAX} of 1000 may be"
    )]
    Malformed { malformed: u64, accepted: u64 },
    #[error(
        "sink {sink} lost {lost} outputs and took none, and lost none before; at most \
         {SINK_LOST_MAX} may be lost so"
    )]
    Sink { sink: String, lost: u64 },
    #[error(transparent)]
    Slow(Slow),
    #[error("its handler failed: {reason}")]
    Handler { reason: String },
    #[error("the reader of its events has died")]
    ReaderDead,
}

/// What the new generation fails, if anything. `before` is what the one before it did in its time.
pub(super) fn judge(before: &Tally, new: &Tally) -> Option<Ailment> {
    if new.reader_dead {
        return Some(Ailment::ReaderDead);
    }
    if let Some(reason) = &new.handler_failed {
        return Some(Ailment::Handler {
            reason: reason.clone(),
        });
    }
    if new.falls_through > FALLS_THROUGH_MAX {
        let count = new.falls_through;
        return Some(Ailment::FellThrough { count });
    }
    if let (Measured::Known(0), Measured::Known(count)) = (before.lost, new.lost)
        && count > LOST_MAX
    {
        return Some(Ailment::Lost { count });
    }
    if let Some(slow) = &new.slow {
        return Some(Ailment::Slow(slow.clone()));
    }
    if has_many_malformed(new) && !has_many_malformed(before) {
        return Some(Ailment::Malformed {
            malformed: new.malformed,
            accepted: new.accepted,
        });
    }
    let died = |sink: &&SinkTally| {
        let mut others = before.sinks.iter().filter(|other| other.sink == sink.sink);
        sink.delivered == 0 && sink.lost > SINK_LOST_MAX && others.all(|before| before.lost == 0)
    };
    new.sinks.iter().find(died).map(|sink| Ailment::Sink {
        sink: sink.sink.clone(),
        lost: sink.lost,
    })
}

fn has_many_malformed(tally: &Tally) -> bool {
    tally.malformed.saturating_mul(1000) > tally.accepted.saturating_mul(MALFORMED_PER_MILLE_MAX)
}

impl Tally {
    /// What was added since `mark` was taken. Loss is unknown where either is.
    pub(super) fn since(&self, mark: &Self) -> Self {
        let lost = match (self.lost, mark.lost) {
            (Measured::Known(now), Measured::Known(then)) => {
                Measured::Known(now.saturating_sub(then))
            }
            _ => Measured::Unknown,
        };
        let sinks = self.sinks.iter().map(|sink| {
            let then = mark.sinks.iter().find(|then| then.sink == sink.sink);
            let (delivered, lost) = then.map_or((0, 0), |then| (then.delivered, then.lost));
            SinkTally {
                sink: sink.sink.clone(),
                delivered: sink.delivered.saturating_sub(delivered),
                lost: sink.lost.saturating_sub(lost),
            }
        });
        Self {
            falls_through: self.falls_through.saturating_sub(mark.falls_through),
            lost,
            accepted: self.accepted.saturating_sub(mark.accepted),
            malformed: self.malformed.saturating_sub(mark.malformed),
            sinks: sinks.collect(),
            slow: self.slow.clone(),
            handler_failed: self.handler_failed.clone(),
            reader_dead: self.reader_dead,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Change = fn(&mut Tally);

    fn well() -> Tally {
        Tally {
            lost: Measured::Known(0),
            accepted: 1000,
            sinks: vec![SinkTally {
                sink: "file".to_owned(),
                delivered: 1000,
                lost: 0,
            }],
            ..Tally::default()
        }
    }

    fn slow() -> Slow {
        Slow {
            program: "trace".to_owned(),
            now_ns: 50_000,
            before_ns: 1_000,
        }
    }

    fn sink(delivered: u64, lost: u64) -> Tally {
        let mut tally = well();
        tally.sinks[0].delivered = delivered;
        tally.sinks[0].lost = lost;
        tally
    }

    #[test]
    fn each_bound_fails_a_generation_that_is_one_beyond_it() {
        let cases: [(Change, bool); 9] = [
            (|tally| tally.falls_through = FALLS_THROUGH_MAX, false),
            (|tally| tally.falls_through = FALLS_THROUGH_MAX + 1, true),
            (|tally| tally.lost = Measured::Known(LOST_MAX), false),
            (|tally| tally.lost = Measured::Known(LOST_MAX + 1), true),
            (|tally| tally.lost = Measured::Unknown, false),
            (|tally| tally.malformed = MALFORMED_PER_MILLE_MAX, false),
            (|tally| tally.malformed = MALFORMED_PER_MILLE_MAX + 1, true),
            (|tally| tally.slow = Some(slow()), true),
            (|tally| tally.reader_dead = true, true),
        ];
        for (index, (change, fails)) in cases.into_iter().enumerate() {
            let mut new = well();
            change(&mut new);
            let ailment = judge(&well(), &new);
            assert_eq!(ailment.is_some(), fails, "case {index}: {ailment:?}");
        }
        assert_eq!(judge(&well(), &sink(0, SINK_LOST_MAX)), None);
        assert_eq!(judge(&well(), &sink(1, SINK_LOST_MAX + 1)), None);
        assert!(judge(&well(), &sink(0, SINK_LOST_MAX + 1)).is_some());
    }

    #[test]
    fn what_was_like_that_before_fails_nobody() {
        let mut before = sink(900, 1);
        before.lost = Measured::Known(1);
        before.malformed = 100;
        let mut new = sink(0, 1000);
        new.lost = Measured::Known(50);
        new.malformed = 100;
        assert_eq!(judge(&before, &new), None);
        before.lost = Measured::Unknown;
        assert_eq!(judge(&before, &new), None);
    }

    #[test]
    fn a_tally_since_a_mark_is_what_was_added() {
        let mut later = sink(1500, 3);
        later.accepted = 1600;
        later.lost = Measured::Known(4);
        let added = later.since(&well());
        assert_eq!((added.accepted, added.lost), (600, Measured::Known(4)));
        assert_eq!((added.sinks[0].delivered, added.sinks[0].lost), (500, 3));
        let unknown = Tally::default();
        assert_eq!(later.since(&unknown).lost, Measured::Unknown);
    }
}
