//! Waiting on a condition, with a deadline, and what a test says that can't run here.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How long anything may take that a test waits for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
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

/// Whether this process may load BPF. Says loudly that `what` did not run where it may not.
pub(crate) fn is_root(what: &str) -> bool {
    use std::os::unix::fs::MetadataExt;

    let is_root = std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
    if !is_root {
        println!("not run: {what}: it loads BPF programs, which needs root");
    }
    is_root
}
