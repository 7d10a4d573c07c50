//! The thread that counts time for deadlines, while calls are made. One an engine.
//! Must never sleep while a call runs, nor cost a call more than two additions.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle, Thread};
use std::time::Duration;

use crate::call::TICK_MS;

/// Between two ticks.
const TICK: Duration = Duration::from_millis(TICK_MS);
/// Ticks without a call after which the thread waits for one.
const IDLE_TICKS: u32 = 25;

/// What callers and the thread share.
#[derive(Debug, Default)]
struct Calls {
    begun: AtomicU64,
    ended: AtomicU64,
    is_parked: AtomicBool,
    is_closed: AtomicBool,
}

/// The thread; ends when it is dropped.
#[derive(Debug)]
pub(super) struct Ticker {
    calls: Arc<Calls>,
    thread: Thread,
    joined: Option<JoinHandle<()>>,
}

/// Keeps the ticks going until it is dropped.
#[derive(Debug)]
pub(crate) struct Ticking<'a>(&'a Calls);

impl Drop for Ticking<'_> {
    fn drop(&mut self) {
        self.0.ended.fetch_add(1, Ordering::SeqCst);
    }
}

impl Ticker {
    /// Starts the thread; `tick` is called every [`TICK_MS`].
    ///
    /// # Errors
    /// The machine has no thread for it.
    pub(super) fn start(tick: impl Fn() + Send + 'static) -> std::io::Result<Self> {
        let calls = Arc::new(Calls::default());
        let thread_calls = Arc::clone(&calls);
        let joined = thread::Builder::new()
            .name("handler-ticks".to_owned())
            .spawn(move || thread_calls.run(&tick))?;
        Ok(Self {
            calls,
            thread: joined.thread().clone(),
            joined: Some(joined),
        })
    }

    /// Has the thread tick.
    pub(super) fn ticking(&self) -> Ticking<'_> {
        // Both orders must agree with `run`: either it sees this call, or this sees it parked.
        self.calls.begun.fetch_add(1, Ordering::SeqCst);
        if self.calls.is_parked.load(Ordering::SeqCst) {
            self.wake();
        }
        Ticking(&self.calls)
    }

    #[cold]
    fn wake(&self) {
        self.calls.is_parked.store(false, Ordering::SeqCst);
        self.thread.unpark();
    }
}

impl Calls {
    fn run(&self, tick: &dyn Fn()) {
        let (mut seen, mut idle_ticks) = (0, 0);
        while !self.is_closed.load(Ordering::SeqCst) {
            thread::sleep(TICK);
            tick();
            let begun = self.begun.load(Ordering::SeqCst);
            let is_idle = begun == seen && begun == self.ended.load(Ordering::SeqCst);
            idle_ticks = if is_idle { idle_ticks + 1 } else { 0 };
            seen = begun;
            if idle_ticks == IDLE_TICKS {
                self.wait(seen);
                idle_ticks = 0;
            }
        }
    }

    /// Waits for the first call behind `seen` ones.
    fn wait(&self, seen: u64) {
        self.is_parked.store(true, Ordering::SeqCst);
        while self.is_parked.load(Ordering::SeqCst)
            && self.begun.load(Ordering::SeqCst) == seen
            && !self.is_closed.load(Ordering::SeqCst)
        {
            thread::park();
        }
        self.is_parked.store(false, Ordering::SeqCst);
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.calls.is_closed.store(true, Ordering::SeqCst);
        self.wake();
        if let Some(joined) = self.joined.take() {
            // It only counts: there is nothing to hear from it.
            let _ = joined.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::sync_channel;

    use super::*;

    #[test]
    fn a_call_wakes_a_thread_that_waits_and_dropping_ends_it() {
        let (told, ticks) = sync_channel(0);
        let ticker = Ticker::start(move || {
            // Nobody listens any more once the ticker is dropped.
            let _ = told.send(());
        })
        .unwrap();
        // More than it ticks without a call.
        for _ in 0..2 {
            while !ticker.calls.is_parked.load(Ordering::SeqCst) {
                let _ = ticks.try_recv();
                thread::yield_now();
            }
            let ticking = ticker.ticking();
            for _ in 0..2 * IDLE_TICKS {
                ticks.recv().unwrap();
            }
            assert!(!ticker.calls.is_parked.load(Ordering::SeqCst));
            drop(ticking);
        }
        drop(ticks);
        drop(ticker);
    }
}
