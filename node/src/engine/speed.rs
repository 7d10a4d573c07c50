//! How long runs at a hook take under a new generation, beside the one before it. Pure; looked at on each
//! round of a watch.
//! Must never fail a generation for a moment in which the machine had no time, nor for a load that has
//! changed: each hook is compared with itself.

use crate::kernel::timing::Timed;

/// Runs that a window has at least: fewer tell nothing.
const WINDOW_RUNS_MIN: u64 = 100;
/// Runs of the generation before that were timed, at least.
const BEFORE_RUNS_MIN: u64 = 100;
/// Windows before anything is said. All of them must be slow: a machine that stands still for a moment
/// spoils one.
const WINDOWS_MIN: u32 = 4;
/// What is too much: more than so many times as long, and so many nanoseconds longer. A program of a few
/// dozen nanoseconds may well do five times as much in its next version, and is noticed by nobody.
const TOO_MUCH: [(u64, u64); 2] = [(5, 2_000), (8, 250)];

/// A hook at which runs take too long.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{program} takes {now_ns} ns a run, its predecessor took {before_ns}; too much is {}",
    rule()
)]
pub(super) struct Slow {
    pub(super) program: String,
    pub(super) now_ns: u64,
    pub(super) before_ns: u64,
}

fn rule() -> String {
    let parts =
        TOO_MUCH.map(|(ratio, ns)| format!("more than {ratio} times as much and {ns} ns longer"));
    parts.join(", or ")
}

/// The runs at one hook since a generation took over.
#[derive(Debug, Clone, Default)]
pub(super) struct Speed {
    /// Of the generation before, while it was timed.
    before: Timed,
    /// Up to the end of the last window.
    until: Timed,
    windows: u32,
    /// The quickest of them.
    best: Option<Timed>,
}

impl Speed {
    /// Of a hook that has just been taken over from a generation with these timed runs.
    pub(super) fn after(before: Timed) -> Self {
        Self {
            before,
            ..Self::default()
        }
    }

    /// Takes in the timed runs since the generation took over.
    pub(super) fn look(&mut self, now: Timed) {
        let window = now.since(self.until);
        if window.runs < WINDOW_RUNS_MIN {
            return;
        }
        self.until = now;
        self.windows = self.windows.saturating_add(1);
        let quicker = |best: Timed| product(window.ns, best.runs) < product(best.ns, window.runs);
        if self.best.is_none_or(quicker) {
            self.best = Some(window);
        }
    }

    /// Nanoseconds of a run now and before, where that is too much.
    pub(super) fn too_slow(&self) -> Option<(u64, u64)> {
        let best = self.best.filter(|_| self.windows >= WINDOWS_MIN)?;
        if self.before.runs < BEFORE_RUNS_MIN {
            return None;
        }
        let (now_ns, before_ns) = (best.ns / best.runs, self.before.ns / self.before.runs);
        let is_slow = TOO_MUCH.iter().any(|(ratio, longer_ns)| {
            now_ns > before_ns.saturating_mul(*ratio)
                && now_ns > before_ns.saturating_add(*longer_ns)
        });
        is_slow.then_some((now_ns, before_ns))
    }
}

fn product(one: u64, other: u64) -> u128 {
    u128::from(one) * u128::from(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEFORE_NS: u64 = 1_000;

    fn timed(runs: u64, ns_a_run: u64) -> Timed {
        Timed {
            runs,
            ns: runs * ns_a_run,
        }
    }

    /// What is said after windows of so many runs that take so long each.
    fn after(before: Timed, windows: &[(u64, u64)]) -> Option<(u64, u64)> {
        let mut speed = Speed::after(before);
        let mut sum = Timed::default();
        for (runs, ns_a_run) in windows {
            sum = [sum, timed(*runs, *ns_a_run)].into_iter().sum();
            speed.look(sum);
        }
        speed.too_slow()
    }

    #[test]
    fn each_bound_fails_what_is_one_beyond_it() {
        let (few, enough) = (WINDOW_RUNS_MIN - 1, WINDOW_RUNS_MIN);
        let windows = usize::try_from(WINDOWS_MIN).unwrap();
        let (most, slow) = (BEFORE_NS * 5, BEFORE_NS * 5 + 1);
        let before = timed(BEFORE_RUNS_MIN, BEFORE_NS);
        let told = Some((slow, BEFORE_NS));
        assert_eq!(after(before, &vec![(enough, slow); windows]), told);
        assert_eq!(after(before, &vec![(enough, most); windows]), None);
        assert_eq!(after(before, &vec![(enough, slow); windows - 1]), None);
        // Windows of too few runs become one.
        assert_eq!(after(before, &vec![(few, slow); windows]), None);
        assert_eq!(after(before, &vec![(few, slow); 2 * windows]), told);
        let fewer = timed(BEFORE_RUNS_MIN - 1, BEFORE_NS);
        assert_eq!(after(fewer, &vec![(enough, slow); windows]), None);
        // Of short runs, that are many times as long and a quarter of a microsecond longer.
        let quick = |before_ns, now_ns| {
            let before = timed(1_000, before_ns);
            after(before, &vec![(enough, now_ns); windows]).is_some()
        };
        assert!(!quick(30, 280) && quick(30, 281));
        assert!(!quick(100, 800) && quick(100, 801));
        assert!(!quick(300, 2_300) && quick(300, 2_401));
    }

    #[test]
    fn one_window_that_is_quick_enough_is_enough() {
        let before = timed(10_000, BEFORE_NS);
        let stolen = (100, 1_000_000);
        assert_eq!(
            after(before, &[stolen, stolen, (100, 900), stolen, stolen]),
            None
        );
        assert_eq!(after(before, &[]), None);
        assert_eq!(after(timed(0, 0), &[stolen; 9]), None);
    }
}
