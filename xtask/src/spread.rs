//! Work on many things by as many threads as the smallest machine has cores. Called where objects
//! are compiled and judged, and where guests are booted. Must never change the order of the results.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result};

/// Threads at work.
pub(crate) const WORKERS: usize = 2;

/// Does `work` with the worker's number and each item; the results are in the items' order.
///
/// # Errors
/// The first error of `work`, by the items' order; the rest is done all the same.
pub(crate) fn over<T: Sync, R: Send>(
    items: &[T],
    work: impl Fn(usize, &T) -> Result<R> + Sync,
) -> Result<Vec<R>> {
    let next = AtomicUsize::new(0);
    let results: Vec<Mutex<Option<Result<R>>>> = items.iter().map(|_| Mutex::new(None)).collect();
    std::thread::scope(|scope| {
        for worker in 0..WORKERS {
            let (next, results, work) = (&next, &results, &work);
            scope.spawn(move || {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let (Some(item), Some(place)) = (items.get(at), results.get(at)) else {
                        return;
                    };
                    let result = work(worker, item);
                    if let Ok(mut place) = place.lock() {
                        *place = Some(result);
                    }
                }
            });
        }
    });
    let done = |place: Mutex<Option<Result<R>>>| {
        let result = place.into_inner().ok().flatten();
        result.context("a worker died")?
    };
    results.into_iter().map(done).collect()
}

#[cfg(test)]
mod tests {
    use anyhow::bail;

    use super::*;

    #[test]
    fn results_keep_their_order_and_the_first_error_is_given() {
        let items: Vec<usize> = (0..100).collect();
        let doubled = over(&items, |worker, item| {
            assert!(worker < WORKERS);
            Ok(item * 2)
        });
        assert_eq!(
            doubled.unwrap(),
            items.iter().map(|i| i * 2).collect::<Vec<_>>()
        );
        let failed = over(&items, |_, item| match item {
            30.. => bail!("no {item}"),
            _ => Ok(()),
        });
        assert_eq!(failed.unwrap_err().to_string(), "no 30");
    }
}
