//! Waiting on a condition, with a deadline. Called wherever a command waits for what it started.
//! Must never wait longer than it was told.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(10);

/// Looks until there is something, and gives it.
///
/// # Errors
/// What `look` says, or `late` when time is up.
pub(crate) fn until<T>(
    patience: Duration,
    mut look: impl FnMut() -> Result<Option<T>>,
    late: impl FnOnce() -> String,
) -> Result<T> {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(found) = look()? {
            return Ok(found);
        }
        if Instant::now() > deadline {
            bail!(late());
        }
        std::thread::sleep(PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_given_and_what_never_comes_is_late() {
        let late = || "late".to_owned();
        let mut looks = 0;
        let third = until(
            Duration::from_mins(1),
            || {
                looks += 1;
                Ok((looks == 3).then_some(looks))
            },
            late,
        );
        assert_eq!(third.unwrap(), 3);
        let never = until::<()>(Duration::ZERO, || Ok(None), late);
        assert_eq!(never.unwrap_err().to_string(), "late");
        let broken = until::<()>(Duration::from_mins(1), || bail!("broken"), late);
        assert_eq!(broken.unwrap_err().to_string(), "broken");
    }
}
