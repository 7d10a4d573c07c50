//! The `Range` of a request (RFC 9110, section 14): one range of bytes, anything else is ignored
//! as the RFC allows. Used by the route that gives out blobs. Pure.
//! Must never give a range beyond the blob.

use std::ops::Range;

/// What a request asks for of a blob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// All of it.
    Whole,
    /// These bytes, at least one.
    Part(Range<u64>),
    /// Bytes that it does not have.
    Beyond,
}

/// Reads the value of `Range` for a blob of this length.
pub(crate) fn wanted(value: &str, size_bytes: u64) -> Wanted {
    let Some((unit, ranges)) = value.split_once('=') else {
        return Wanted::Whole;
    };
    let Some((first, last)) = ranges.trim_ascii().split_once('-') else {
        return Wanted::Whole;
    };
    // Several ranges: what comes is all of it, which has them too.
    if !unit.trim_ascii().eq_ignore_ascii_case("bytes") || last.contains([',', '-']) {
        return Wanted::Whole;
    }
    let range = match (number(first), number(last)) {
        (Number::Is(first), Number::Absent) => first..size_bytes,
        (Number::Is(first), Number::Is(last)) if first <= last => {
            first..last.saturating_add(1).min(size_bytes)
        }
        // The last so many.
        (Number::Absent, Number::Is(count)) => size_bytes.saturating_sub(count)..size_bytes,
        _ => return Wanted::Whole,
    };
    if range.is_empty() {
        return Wanted::Beyond;
    }
    Wanted::Part(range)
}

/// One end of a range.
enum Number {
    Absent,
    Is(u64),
    Wrong,
}

fn number(text: &str) -> Number {
    if text.is_empty() {
        return Number::Absent;
    }
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Number::Wrong;
    }
    // More digits than a number has are more bytes than a blob has.
    Number::Is(text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_is_read_as_the_rfc_says() {
        for (value, found) in [
            ("bytes=0-0", Wanted::Part(0..1)),
            ("bytes=2-4", Wanted::Part(2..5)),
            ("bytes=2-", Wanted::Part(2..10)),
            ("bytes=9-", Wanted::Part(9..10)),
            ("bytes=8-99", Wanted::Part(8..10)),
            ("bytes=-3", Wanted::Part(7..10)),
            ("bytes=-99", Wanted::Part(0..10)),
            ("Bytes=5-5", Wanted::Part(5..6)),
            ("bytes=0-99999999999999999999999", Wanted::Part(0..10)),
            ("bytes=10-", Wanted::Beyond),
            ("bytes=10-20", Wanted::Beyond),
            ("bytes=99999999999999999999999-", Wanted::Beyond),
            ("bytes=-0", Wanted::Beyond),
            ("bytes=4-2", Wanted::Whole),
            ("bytes=-", Wanted::Whole),
            ("bytes=0-1,3-4", Wanted::Whole),
            ("bytes=a-b", Wanted::Whole),
            ("bytes=1--2", Wanted::Whole),
            ("bytes=+1-2", Wanted::Whole),
            ("pages=0-1", Wanted::Whole),
            ("", Wanted::Whole),
        ] {
            assert_eq!(wanted(value, 10), found, "{value}");
        }
    }

    #[test]
    fn nothing_of_an_empty_blob_is_a_part() {
        for value in ["bytes=0-", "bytes=-1", "bytes=0-0"] {
            assert_eq!(wanted(value, 0), Wanted::Beyond, "{value}");
        }
    }
}
