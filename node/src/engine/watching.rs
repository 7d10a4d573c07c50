//! The watch over a generation, carried out: what it does is compared with what the one before did. A
//! part of the engine, called on each round under the instance's lock.
//! Must never judge: `watch` and `speed` do.

use std::iter::repeat;
use std::sync::Arc;

use super::ApplyError;
use super::course::{Back, Wish};
use super::generation::{Generation, is_among};
use super::machine::{Input, State};
use super::running::Running;
use super::speed::{Slow, Speed};
use super::watch::judge;
use crate::kernel::seat::Seat;
use crate::kernel::timing::{Timed, Timing};

/// How long runs at one hook take under the watched generation.
pub(super) struct HookSpeed {
    seat: Arc<Seat>,
    program: String,
    /// Its timed runs when the generation took over.
    from: Timed,
    speed: Speed,
}

impl Running {
    /// Whether the generation of before is still loaded.
    pub(super) fn is_watched(&self) -> bool {
        matches!(self.state, State::Watching(_))
    }

    /// Looks at the watch: goes back where the generation fails it, ends it where its time is over.
    /// `None` where nothing was to be done.
    pub(super) fn look(&mut self) -> Option<Result<(), ApplyError>> {
        for hook in &mut self.speeds {
            hook.speed.look(hook.seat.timed().since(hook.from));
        }
        let (State::Watching(watch), Some(before)) = (self.state, &self.beside) else {
            return None;
        };
        let ailment = judge(&before.did, &self.tally().since(&self.charge.mark));
        match ailment {
            Some(ailment) if !watch.given_up && watch.paused_ms.is_none() => {
                let back = Back {
                    reason: ailment.to_string(),
                    automatic: true,
                };
                Some(self.back_by(Input::Ailing, back))
            }
            _ => {
                let ended = self.drive(Input::Tick, Wish::default());
                (!self.is_watched()).then_some(ended)
            }
        }
    }

    /// Where runs take too long under the watched generation.
    pub(super) fn slow(&self) -> Option<Slow> {
        self.speeds.iter().find_map(|hook| {
            let (now_ns, before_ns) = hook.speed.too_slow()?;
            Some(Slow {
                program: hook.program.clone(),
                now_ns,
                before_ns,
            })
        })
    }

    /// Has runs timed from now on. Where that can't be, no run is: then nobody is found to be slow.
    pub(super) fn time_runs(&mut self) {
        if self.timing.is_none() {
            self.timing = Timing::begin();
        }
    }

    /// Has runs timed as long as there are two generations to compare, and no longer.
    pub(super) fn time_if_compared(&mut self) {
        if self.staged.is_some() || self.is_watched() {
            self.time_runs();
        } else {
            self.timing = None;
            self.speeds.clear();
        }
    }

    /// Takes down how long runs took until the flip to this generation, by hook.
    pub(super) fn compare_speeds(&mut self, next: &mut Generation) {
        next.timed_from = next.seats.iter().map(|seat| seat.timed()).collect();
        let charge = &self.charge;
        let hooks = next.seats.iter().zip(&next.hooks).zip(&next.timed_from);
        let speeds = hooks.filter(|((seat, _), _)| is_among(seat, &charge.seats));
        let speeds = speeds.map(|((seat, hook), from)| HookSpeed {
            seat: Arc::clone(seat),
            program: hook.program.clone(),
            from: *from,
            speed: Speed::after(from.since(charge.timed_from(seat))),
        });
        self.speeds = speeds.collect();
    }
}

impl Generation {
    /// The timed runs at one of its hooks when it took over.
    fn timed_from(&self, seat: &Arc<Seat>) -> Timed {
        let from = self.timed_from.iter().copied();
        let mut from = self.seats.iter().zip(from.chain(repeat(Timed::default())));
        let found = from.find(|(own, _)| Arc::ptr_eq(own, seat));
        found.map_or_else(Timed::default, |(_, from)| from)
    }
}
