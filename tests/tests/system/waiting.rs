//! Waiting on a condition, with a deadline, and what a test says that can't run here.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How long anything may take that a test waits for: a grace period alone took 16 seconds once, on a machine
/// that had no time.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);
/// Between two looks.
pub(crate) const BETWEEN_LOOKS: Duration = Duration::from_millis(5);

/// Looks until there is something, and gives it.
pub(crate) fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "{what}: not within {PATIENCE:?}");
        std::thread::park_timeout(BETWEEN_LOOKS);
    }
}

/// Sets its flag when it goes, so that threads of a scope end when the test fails, too.
pub(crate) struct Ends<'flag>(pub(crate) &'flag AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// Does the work while so many threads, told by their numbers, do theirs until the flag that they are
/// given is set: by the end of the work, or by its failure. Gives what each of them gave, and the work.
pub(crate) fn beside<T: Send, W>(
    threads: u32,
    each: impl Fn(u32, &AtomicBool) -> T + Sync,
    work: impl FnOnce() -> W,
) -> (Vec<T>, W) {
    let (flag, each) = (AtomicBool::new(false), &each);
    std::thread::scope(|scope| {
        let (ends, flag) = (Ends(&flag), &flag);
        let threads: Vec<_> = (0..threads)
            .map(|number| scope.spawn(move || each(number, flag)))
            .collect();
        let done = work();
        drop(ends);
        let joined = threads.into_iter().map(|thread| thread.join().unwrap());
        (joined.collect(), done)
    })
}

/// The same with one thread.
pub(crate) fn beside_one<T: Send, W>(
    each: impl Fn(&AtomicBool) -> T + Sync,
    work: impl FnOnce() -> W,
) -> (T, W) {
    let (mut gave, done) = beside(1, |_, flag| each(flag), work);
    (gave.remove(0), done)
}

/// Whether this process may load BPF. Says loudly that `what` did not run where it may not.
pub(crate) fn is_root(what: &str) -> bool {
    use std::os::unix::fs::MetadataExt;

    let is_root = std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
    if !is_root {
        println!("not run: {what}: it loads BPF programs, which needs root");
    }
    is_root
}
