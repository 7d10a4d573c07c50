//! How long a call of a guest may run: by ticks of the engine's thread, judged by CPU time, so that a
//! busy machine makes no fault. Asked by the engine when a deadline has passed.
//! Must never end a call that others kept from the CPU, nor let one go on for ever.

use rustix::time::{ClockId, clock_gettime};
use wasmtime::{Store, UpdateDeadline};

use crate::fault::Fault;
use crate::host::Host;

/// Milliseconds between two ticks: an idle machine that is woken for one pays as much as for a thousand
/// records. A call that never ends is ended within its limit and four of them.
pub(crate) const TICK_MS: u64 = 4;
/// Ticks until the CPU time is looked at first: at least one whole one, which most calls never see.
const FIRST_LOOK_TICKS: u64 = 2;
/// A call that is off the CPU may take this many times its limit.
const WALL_FACTOR: u64 = 50;

/// The call that runs, or ran last.
#[derive(Debug)]
pub(crate) struct Call {
    /// The export that runs.
    pub(crate) name: &'static str,
    ms_max: u32,
    waited_ms: u64,
    cpu_ms: Option<u64>,
}

impl Call {
    /// Nothing was called yet.
    pub(crate) fn none() -> Self {
        Self {
            name: "start",
            ms_max: 0,
            waited_ms: 0,
            cpu_ms: None,
        }
    }

    /// What becomes of the call when the ticks it was given are over: how many more it gets. `cpu_ms` is
    /// the thread's CPU time.
    fn overdue(&mut self, cpu_ms: u64) -> Result<u64, Fault> {
        let ms_max = u64::from(self.ms_max);
        let since = *self.cpu_ms.get_or_insert(cpu_ms);
        let left_ms = ms_max.saturating_sub(cpu_ms.saturating_sub(since));
        if left_ms == 0 || self.waited_ms > ms_max * WALL_FACTOR {
            return Err(Fault::Deadline {
                call: self.name,
                ms_max: self.ms_max,
            });
        }
        let ticks = left_ms.div_ceil(TICK_MS);
        self.waited_ms += ticks * TICK_MS;
        Ok(ticks)
    }
}

/// Has deadlines of a store judged here.
pub(crate) fn judge_deadlines<T: AsMut<Host> + 'static>(store: &mut Store<T>) {
    store.epoch_deadline_callback(|mut store| {
        let cpu_ms = cpu_ms();
        let ticks = store.data_mut().as_mut().call.overdue(cpu_ms)?;
        Ok(UpdateDeadline::Continue(ticks))
    });
}

/// Begins a call of `name` that may run for `ms_max`.
pub(crate) fn begin<T: AsMut<Host> + 'static>(
    store: &mut Store<T>,
    name: &'static str,
    ms_max: u32,
) {
    store.set_epoch_deadline(FIRST_LOOK_TICKS);
    store.data_mut().as_mut().call = Call {
        name,
        ms_max,
        waited_ms: 0,
        cpu_ms: None,
    };
}

/// CPU time of this thread, milliseconds.
fn cpu_ms() -> u64 {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    // It began at zero.
    let seconds = now.tv_sec.unsigned_abs();
    seconds * 1000 + now.tv_nsec.unsigned_abs() / 1_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(ms_max: u32) -> Call {
        Call {
            name: "on-tick",
            ms_max,
            ..Call::none()
        }
    }

    #[test]
    fn a_call_that_computes_ends_after_its_limit() {
        let mut call = call(10);
        assert_eq!(call.overdue(500), Ok(3));
        assert_eq!(call.overdue(507), Ok(1));
        let fault = Fault::Deadline {
            call: "on-tick",
            ms_max: 10,
        };
        assert_eq!(call.overdue(510), Err(fault));
    }

    #[test]
    fn a_call_that_waits_for_the_cpu_ends_much_later() {
        let mut call = call(10);
        let looks = (0..1000).take_while(|_| call.overdue(500).is_ok()).count();
        assert_eq!(looks, 42);
    }
}
