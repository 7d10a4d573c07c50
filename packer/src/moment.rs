//! Times and sizes as people read them. Called by the commands that list something.
//! Must never read a clock: `main` does.

use std::str::FromStr;
use std::time::{Duration, UNIX_EPOCH};

use indicatif::BinaryBytes;
use thiserror::Error;

/// The end of the year 9999, seconds since 1970: nothing later has a form.
const LATEST_S: u64 = 253_402_300_799;
const MINUTE_MS: u64 = 60_000;
const HOUR_MS: u64 = 60 * MINUTE_MS;
const DAY_MS: u64 = 24 * HOUR_MS;
const TWO_DAYS_MS: u64 = 2 * DAY_MS;

/// A time on the command line: `+5m`, or `2026-01-31T12:00:00Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    /// So long from now.
    In(Duration),
    /// Then, since 1970.
    At(Duration),
}

/// Text that is no time: a wrong command line.
#[derive(Debug, Error)]
#[error("{found:?} is no time: it is +5m from now, or 2026-01-31T12:00:00Z")]
pub(crate) struct NoTime {
    found: String,
}

impl FromStr for When {
    type Err = NoTime;

    fn from_str(text: &str) -> Result<Self, NoTime> {
        let none = || NoTime {
            found: text.to_owned(),
        };
        if let Some(span) = text.strip_prefix('+') {
            let span = humantime::parse_duration(span);
            return span.map(Self::In).map_err(|_| none());
        }
        // Without a zone it would be somebody's local time.
        let utc = text.strip_suffix(['Z', 'z']).ok_or_else(none)?;
        let at = humantime::parse_rfc3339_weak(utc).map_err(|_| none())?;
        let since = at.duration_since(UNIX_EPOCH).map_err(|_| none())?;
        Ok(Self::At(since))
    }
}

impl When {
    /// Milliseconds since 1970.
    pub(crate) fn ms(self, now_ms: u64) -> u64 {
        let ms = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        match self {
            Self::In(span) => now_ms.saturating_add(ms(span)),
            Self::At(since) => ms(since),
        }
    }
}

/// `2026-01-31 12:00:00Z` of milliseconds since 1970.
pub(crate) fn utc(at_ms: u64) -> String {
    let at = UNIX_EPOCH + Duration::from_secs((at_ms / 1000).min(LATEST_S));
    let text = humantime::format_rfc3339_seconds(at).to_string();
    text.replacen('T', " ", 1)
}

/// `3 min ago`, or `in 3 min` of what is to come; `now` within half a second, since two machines'
/// clocks may differ. Milliseconds since 1970.
pub(crate) fn relative(now_ms: u64, at_ms: u64) -> String {
    if now_ms.abs_diff(at_ms) < 500 {
        "now".to_owned()
    } else if at_ms > now_ms {
        format!("in {}", span(at_ms - now_ms))
    } else {
        format!("{} ago", span(now_ms - at_ms))
    }
}

/// `3 min`: to the nearest whole unit.
pub(crate) fn span(ms: u64) -> String {
    let (unit_ms, unit) = match ms {
        0..MINUTE_MS => (1000, "s"),
        MINUTE_MS..HOUR_MS => (MINUTE_MS, "min"),
        HOUR_MS..TWO_DAYS_MS => (HOUR_MS, "h"),
        _ => (DAY_MS, "d"),
    };
    let count = ms.saturating_add(unit_ms / 2) / unit_ms;
    format!("{count} {unit}")
}

/// `12.30 KiB`.
pub(crate) fn size(bytes: u64) -> String {
    BinaryBytes(bytes).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_has_a_form() {
        assert_eq!(utc(0), "1970-01-01 00:00:00Z");
        assert_eq!(utc(1_769_860_800_999), "2026-01-31 12:00:00Z");
        assert_eq!(utc(u64::MAX), "9999-12-31 23:59:59Z");
    }

    #[test]
    fn a_time_is_from_now_or_in_utc() {
        let ms = |text: &str| text.parse::<When>().map(|when| when.ms(1000));
        assert_eq!(ms("+5m").unwrap(), 301_000);
        for text in ["2026-01-31T12:00:00Z", "2026-01-31 12:00:00Z"] {
            assert_eq!(ms(text).unwrap(), 1_769_860_800_000);
        }
        for text in [
            "5m",
            "+5",
            "2026-01-31T12:00:00",
            "1960-01-01T00:00:00Z",
            "",
        ] {
            let error = ms(text).unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("{text:?} is no time")),
                "{error}"
            );
        }
    }

    #[test]
    fn spans_are_told_in_the_largest_unit_that_says_enough() {
        for (ms, text) in [
            (0, "now"),
            (1_000, "1 s ago"),
            (59_000, "59 s ago"),
            (MINUTE_MS, "1 min ago"),
            (HOUR_MS, "1 h ago"),
            (47 * HOUR_MS, "47 h ago"),
            (2 * DAY_MS, "2 d ago"),
        ] {
            assert_eq!(relative(10 * DAY_MS, 10 * DAY_MS - ms), text);
        }
        // What was just made for three days ends in three, not in two and something.
        assert_eq!(relative(1000, 3 * DAY_MS), "in 3 d");
        assert_eq!(size(12 << 10), "12.00 KiB");
    }
}
