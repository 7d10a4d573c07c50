//! Numbers and times for people. Called by `view`.
//! Must never read the clock: now is a parameter.

use std::time::{Duration, UNIX_EPOCH};

/// A moment, as pages show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Moment {
    /// RFC 3339, in UTC.
    pub(crate) iso: String,
    /// How long ago, in one unit.
    pub(crate) ago: String,
}

/// `12 s ago`; what lies ahead, by a clock that is wrong, is `now`.
pub(super) fn moment(at_ms: u64, now_ms: u64) -> Moment {
    let ago = match now_ms.saturating_sub(at_ms) / 1000 {
        0 => "now".to_owned(),
        past_s => format!("{} ago", in_one_unit(past_s)),
    };
    Moment {
        iso: iso(at_ms),
        ago,
    }
}

fn in_one_unit(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// `10 min`: exact, in the largest unit in which it is a whole number.
pub(super) fn span(ms: u64) -> String {
    const UNITS: [(u64, &str); 4] = [
        (86_400_000, "d"),
        (3_600_000, "h"),
        (60_000, "min"),
        (1_000, "s"),
    ];
    let exact = UNITS
        .iter()
        .find(|(unit, _)| ms >= *unit && ms.is_multiple_of(*unit));
    match exact {
        Some((unit, word)) => format!("{} {word}", ms / unit),
        None if ms == 0 => "0 s".to_owned(),
        None => format!("{ms} ms"),
    }
}

/// `in 3 d`, for what is yet to come; what has passed is as in [`moment`].
pub(crate) fn ahead(at_ms: u64, now_ms: u64) -> Moment {
    let mut moment = moment(at_ms, now_ms);
    if at_ms >= now_ms.saturating_add(1_000) {
        moment.ago = format!("in {}", in_one_unit((at_ms - now_ms) / 1000));
    }
    moment
}

/// RFC 3339, in UTC, to the second. Beyond the year 9999 a node's clock is wrong.
fn iso(at_ms: u64) -> String {
    const LAST_S: u64 = 253_402_300_799;
    let at = UNIX_EPOCH + Duration::from_secs((at_ms / 1000).min(LAST_S));
    humantime::format_rfc3339_seconds(at).to_string()
}

/// `64.2 KiB`.
pub(super) fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let (mut tenths, mut unit) = (bytes.saturating_mul(10) / 1024, 0);
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        tenths /= 1024;
        unit += 1;
    }
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}

/// `1 node`, `2 000 nodes`.
pub(crate) fn nodes_text(count: u64) -> String {
    match count {
        1 => "1 node".to_owned(),
        count => format!("{} nodes", grouped(count)),
    }
}

/// Thousands apart by a narrow space: `1 234 567`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 2);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_in_one_unit() {
        for (past_ms, ago) in [
            (0, "now"),
            (999, "now"),
            (1000, "1 s ago"),
            (119_999, "119 s ago"),
            (120_000, "2 min ago"),
            (7_199_999, "119 min ago"),
            (7_200_000, "2 h ago"),
            (172_799_999, "47 h ago"),
            (172_800_000, "2 d ago"),
        ] {
            let at = 1_700_000_000_000;
            assert_eq!(moment(at, at + past_ms).ago, ago);
        }
        assert_eq!(moment(1_700_000_000_000, 0).ago, "now");
        assert_eq!(ahead(1_700_000_000_000, 1_700_000_060_000).ago, "60 s ago");
        assert_eq!(
            ahead(1_700_000_000_000 + 3_600_000, 1_700_000_000_000).ago,
            "in 60 min"
        );
        assert_eq!(moment(1_700_000_000_999, 0).iso, "2023-11-14T22:13:20Z");
        assert_eq!(moment(u64::MAX, 0).iso, "9999-12-31T23:59:59Z");
    }

    #[test]
    fn spans_are_exact() {
        for (ms, text) in [
            (0, "0 s"),
            (7, "7 ms"),
            (60_000, "1 min"),
            (90_000, "90 s"),
            (7_200_000, "2 h"),
            (5_400_000, "90 min"),
            (86_400_000, "1 d"),
            (7_261_000, "7261 s"),
            (u64::MAX, "18446744073709551615 ms"),
        ] {
            assert_eq!(span(ms), text);
        }
        assert_eq!(ahead(180_000, 0).ago, "in 3 min");
        assert_eq!(ahead(999, 0).ago, "now");
        assert_eq!(ahead(0, 5_000).ago, "5 s ago");
    }

    #[test]
    fn sizes_have_four_digits_at_most_and_numbers_are_grouped() {
        for (bytes, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (65_740, "64.1 KiB"),
            (1_048_575, "1023.9 KiB"),
            (1 << 20, "1.0 MiB"),
            (u64::MAX, "1677721.5 TiB"),
        ] {
            assert_eq!(size(bytes), text);
        }
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1\u{202f}000"),
            (1_234_567, "1\u{202f}234\u{202f}567"),
        ] {
            assert_eq!(grouped(number), text);
        }
    }
}
