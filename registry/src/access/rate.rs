//! How often somebody may ask: requests of one token, wrong tokens of one address, refusals that
//! are audited. Used by the extractors.
//! Must never keep more addresses than its bound.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Mutex;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::limits::{ADDRESSES_MAX, AUDITED_REFUSALS};

/// How many more than the steady rate may come at once.
const BURST: u32 = 10;

/// Somebody asks too often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooFast {
    /// After how long the next request is welcome.
    pub(crate) wait: Duration,
}

/// The requests of one caller.
#[derive(Debug)]
pub(crate) struct Rate(DefaultDirectRateLimiter);

impl Rate {
    /// So many a second, ten times as many at once.
    pub(crate) fn per_second(count: NonZeroU32) -> Self {
        let burst = count.saturating_mul(NonZeroU32::MIN.saturating_add(BURST - 1));
        Self(RateLimiter::direct(
            Quota::per_second(count).allow_burst(burst),
        ))
    }

    /// Counts one.
    ///
    /// # Errors
    /// There were too many.
    pub(crate) fn count(&self) -> Result<(), TooFast> {
        self.0.check().map_err(|not_until| TooFast {
            wait: not_until.wait_time_from(DefaultClock::default().now()),
        })
    }
}

/// Wrong tokens by address, and the refusals that are audited.
pub(crate) struct Failures {
    by_address: DefaultKeyedRateLimiter<IpAddr>,
    /// All addresses that there was no place for.
    others: DefaultDirectRateLimiter,
    audited: DefaultDirectRateLimiter,
    untold: Mutex<u64>,
}

impl Failures {
    /// So many wrong tokens a minute from one address.
    pub(crate) fn per_minute(count: NonZeroU32) -> Self {
        let quota = Quota::per_minute(count);
        let audited = NonZeroU32::new(AUDITED_REFUSALS).unwrap_or(NonZeroU32::MIN);
        Self {
            by_address: RateLimiter::keyed(quota),
            others: RateLimiter::direct(quota),
            audited: RateLimiter::direct(Quota::per_second(NonZeroU32::MIN).allow_burst(audited)),
            untold: Mutex::new(0),
        }
    }

    /// Counts a wrong token.
    ///
    /// # Errors
    /// There were too many.
    pub(crate) fn count(&self, address: IpAddr) -> Result<(), TooFast> {
        let now = DefaultClock::default().now();
        if self.by_address.len() >= ADDRESSES_MAX {
            self.by_address.retain_recent();
        }
        let counted = if self.by_address.len() >= ADDRESSES_MAX {
            self.others
                .check()
                .map_err(|until| until.wait_time_from(now))
        } else {
            let checked = self.by_address.check_key(&network(address));
            checked.map_err(|until| until.wait_time_from(now))
        };
        counted.map_err(|wait| TooFast { wait })
    }

    /// Whether a refusal is audited, and how many were not since the one before.
    pub(crate) fn audits(&self) -> Option<u64> {
        let mut untold = match self.untold.lock() {
            Ok(untold) => untold,
            Err(poisoned) => poisoned.into_inner(),
        };
        if self.audited.check().is_ok() {
            return Some(std::mem::take(&mut untold));
        }
        *untold += 1;
        None
    }
}

/// Whom an address stands for: who has one IPv6 address has 2^64 of them (RFC 4291, section 2.5.4),
/// but an IPv4 address may come as one.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        v4 @ IpAddr::V4(_) => v4,
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::V6([a, b, c, d, 0, 0, 0, 0].into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_is_told_to_wait_and_another_is_not() {
        let failures = Failures::per_minute(NonZeroU32::MIN);
        let first: IpAddr = "2001:db8::1".parse().unwrap();
        assert!(failures.count(first).is_ok());
        let refused = failures.count("2001:db8::2".parse().unwrap()).unwrap_err();
        assert!(refused.wait > Duration::from_secs(30), "{refused:?}");
        assert!(failures.count("2001:db8:0:1::1".parse().unwrap()).is_ok());
        assert!(failures.count("192.0.2.1".parse().unwrap()).is_ok());
        // On a listener of both families.
        assert!(failures.count("::ffff:192.0.2.1".parse().unwrap()).is_err());
        assert!(failures.count("::ffff:192.0.2.2".parse().unwrap()).is_ok());
    }

    #[test]
    fn addresses_are_bounded() {
        let failures = Failures::per_minute(NonZeroU32::MIN);
        let addresses = u32::try_from(ADDRESSES_MAX).unwrap() + 10;
        for address in 0..addresses {
            let _ = failures.count(IpAddr::V4(address.into()));
        }
        assert_eq!(failures.by_address.len(), ADDRESSES_MAX);
    }

    #[test]
    fn refusals_beyond_the_bound_are_counted_instead() {
        let failures = Failures::per_minute(NonZeroU32::MIN);
        for _ in 0..AUDITED_REFUSALS {
            assert_eq!(failures.audits(), Some(0));
        }
        assert_eq!(failures.audits(), None);
        assert_eq!(*failures.untold.lock().unwrap(), 1);
    }
}
