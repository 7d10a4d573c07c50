//! Text as it stands in JSON: escaped strings, hex, addresses. Called for every event by the
//! decoder. Must never allocate, nor let a control character or invalid UTF-8 through: what is
//! written may end on somebody's terminal.

use std::ffi::CStr;
use std::fmt::Write;
// The address as a value; nothing in `core` can open a socket.
use core::net::Ipv6Addr;

use super::pen::Pen;

const HEX: &[u8; 16] = b"0123456789abcdef";

/// What invalid UTF-8 is replaced by, visibly: U+FFFD.
const REPLACEMENT: &str = "\u{fffd}";

/// Writes a JSON string, quotes and all, of the bytes before the first NUL.
pub(super) fn string(bytes: &[u8], pen: &mut Pen<'_>) {
    pen.byte(b'"');
    // Whole blocks as long as there is nothing special in them: the compiler turns the test of a
    // block into a few vector instructions, and nearly all names of commands and files pass.
    let (blocks, _) = bytes.as_chunks::<16>();
    let plain = blocks.iter().take_while(|block| is_plain(block));
    let mut done = 0;
    for block in plain {
        pen.put(block);
        done += block.len();
    }
    let rest = bytes.get(done..).unwrap_or_default();
    let tail = rest.get(..rest.len().min(16)).unwrap_or_default();
    match tail.iter().position(|&byte| is_special(byte)) {
        Some(end) if tail.get(end) == Some(&0) => pen.put(tail.get(..end).unwrap_or_default()),
        None if tail.len() == rest.len() => pen.put(tail),
        _ => escaped(
            CStr::from_bytes_until_nul(rest).map_or(rest, CStr::to_bytes),
            pen,
        ),
    }
    pen.byte(b'"');
}

fn is_plain(block: &[u8; 16]) -> bool {
    let mut special = false;
    for &byte in block {
        special |= is_special(byte);
    }
    !special
}

/// Whether a byte is more than itself: NUL, a control character, a quote, part of a longer
/// character.
fn is_special(byte: u8) -> bool {
    let quote = byte == b'"';
    let backslash = byte == b'\\';
    byte.wrapping_sub(0x20) >= 0x5f || quote || backslash
}

fn escaped(bytes: &[u8], pen: &mut Pen<'_>) {
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '"' => pen.put(b"\\\""),
                '\\' => pen.put(b"\\\\"),
                '\n' => pen.put(b"\\n"),
                '\r' => pen.put(b"\\r"),
                '\t' => pen.put(b"\\t"),
                // C0, DEL and C1: JSON asks for the first, terminals obey all of them.
                control if control.is_control() => {
                    pen.put(b"\\u00");
                    // Control characters end at U+009F.
                    hex_byte(u8::try_from(u32::from(control)).unwrap_or(0), pen);
                }
                other => {
                    pen.put(other.encode_utf8(&mut [0; 4]).as_bytes());
                }
            }
        }
        if !chunk.invalid().is_empty() {
            pen.put(REPLACEMENT.as_bytes());
        }
    }
}

/// Writes a JSON array of the NUL-separated words; NULs at the end are padding.
pub(super) fn words(bytes: &[u8], pen: &mut Pen<'_>) {
    let end = bytes
        .iter()
        .rposition(|&byte| byte != 0)
        .map_or(0, |last| last + 1);
    pen.byte(b'[');
    if let Some(used @ [_, ..]) = bytes.get(..end) {
        for (number, word) in used.split(|&byte| byte == 0).enumerate() {
            if number > 0 {
                pen.byte(b',');
            }
            string(word, pen);
        }
    }
    pen.byte(b']');
}

fn digit(nibble: u8) -> u8 {
    HEX.get(usize::from(nibble & 0xf)).copied().unwrap_or(b'?')
}

fn hex_byte(byte: u8, pen: &mut Pen<'_>) {
    pen.put(&[digit(byte >> 4), digit(byte)]);
}

/// Writes a JSON string of two hex digits a byte, in the order of memory.
pub(super) fn hex(bytes: &[u8], pen: &mut Pen<'_>) {
    pen.byte(b'"');
    for &byte in bytes {
        hex_byte(byte, pen);
    }
    pen.byte(b'"');
}

/// Writes a JSON string `"0x…"` without leading zeros.
pub(super) fn hex_number(number: u64, pen: &mut Pen<'_>) {
    pen.put(b"\"0x");
    let digits = (64 - number.leading_zeros()).div_ceil(4).max(1);
    for place in (0..digits).rev() {
        pen.byte(digit(
            u8::try_from((number >> (place * 4)) & 0xf).unwrap_or(0),
        ));
    }
    pen.byte(b'"');
}

/// Writes a JSON string of an IPv4 address in network byte order.
pub(super) fn ipv4(octets: [u8; 4], pen: &mut Pen<'_>) {
    let mut digits = itoa::Buffer::new();
    pen.byte(b'"');
    for (number, octet) in octets.into_iter().enumerate() {
        if number > 0 {
            pen.byte(b'.');
        }
        pen.put(digits.format(octet).as_bytes());
    }
    pen.byte(b'"');
}

/// Writes a JSON string of an IPv6 address in network byte order, as RFC 5952 section 4 wants it.
pub(super) fn ipv6(octets: [u8; 16], pen: &mut Pen<'_>) {
    pen.byte(b'"');
    // Writing to a pen cannot fail.
    let _ = write!(pen, "{}", Ipv6Addr::from(octets));
    pen.byte(b'"');
}

/// Writes a JSON number, or what JSON has no numbers for as "NaN", "Infinity" and "-Infinity" (the
/// names that protobuf's JSON mapping uses).
pub(super) fn float64(number: f64, pen: &mut Pen<'_>) {
    if number.is_finite() {
        pen.put(zmij::Buffer::new().format_finite(number).as_bytes());
    } else if number.is_nan() {
        pen.put(b"\"NaN\"");
    } else if number > 0.0 {
        pen.put(b"\"Infinity\"");
    } else {
        pen.put(b"\"-Infinity\"");
    }
}

/// As [`float64`], with the fewest digits that read back as the same 32-bit number.
pub(super) fn float32(number: f32, pen: &mut Pen<'_>) {
    if number.is_finite() {
        pen.put(zmij::Buffer::new().format_finite(number).as_bytes());
    } else {
        float64(f64::from(number), pen);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Pen<'_>)) -> String {
        let mut out = Vec::new();
        let mut pen = Pen::new(&mut out);
        write(&mut pen);
        pen.end();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn text_ends_at_nul_and_is_escaped() {
        for (bytes, expected) in [
            (&b"ls\0garbage"[..], r#""ls""#),
            (b"no end", r#""no end""#),
            (b"", r#""""#),
            (b"a\"b\\c\n\r\t", r#""a\"b\\c\n\r\t""#),
            (b"\x1b[31m\x7f", r#""\u001b[31m\u007f""#),
            ("\u{9b}31m".as_bytes(), r#""\u009b31m""#),
            (
                "na\u{ef}ve \u{1f980}".as_bytes(),
                "\"na\u{ef}ve \u{1f980}\"",
            ),
            (b"cut \xf0\x9f\xa6", "\"cut \u{fffd}\""),
            (b"\xff\xfe", "\"\u{fffd}\u{fffd}\""),
        ] {
            assert_eq!(written(|pen| string(bytes, pen)), expected, "{bytes:?}");
        }
    }

    #[test]
    fn words_are_separated_by_nul_and_padding_is_no_word() {
        for (bytes, expected) in [
            (&b"ls\0-l\0\0\0"[..], r#"["ls","-l"]"#),
            (b"sh\0\0x", r#"["sh","","x"]"#),
            (b"one", r#"["one"]"#),
            (b"\0\0", "[]"),
            (b"", "[]"),
        ] {
            assert_eq!(written(|pen| words(bytes, pen)), expected);
        }
    }

    #[test]
    fn hex_keeps_the_order_of_memory() {
        assert_eq!(written(|pen| hex(&[0, 0xab, 0x10], pen)), "\"00ab10\"");
        assert_eq!(written(|pen| hex_number(0, pen)), "\"0x0\"");
        assert_eq!(
            written(|pen| hex_number(0xffff_8000, pen)),
            "\"0xffff8000\""
        );
        assert_eq!(
            written(|pen| hex_number(u64::MAX, pen)),
            "\"0xffffffffffffffff\""
        );
    }

    #[test]
    fn addresses_are_in_network_order() {
        assert_eq!(written(|pen| ipv4([10, 0, 0, 255], pen)), "\"10.0.0.255\"");
        let mut octets = [0; 16];
        octets[0] = 0xfe;
        octets[1] = 0x80;
        octets[15] = 1;
        assert_eq!(written(|pen| ipv6(octets, pen)), "\"fe80::1\"");
    }

    #[test]
    fn floats_are_numbers_and_what_json_lacks_is_a_string() {
        let write = |number: f64| written(|pen| float64(number, pen));
        assert_eq!(written(|pen| float32(0.1, pen)), "0.1");
        assert_eq!(write(-2.5), "-2.5");
        for number in [0.1, 1e300, -5e-324, f64::MAX, 0.0, -0.0] {
            let read: f64 = serde_json::from_str(&write(number)).unwrap();
            assert_eq!(read.to_bits(), number.to_bits(), "{number}");
        }
        assert_eq!(write(f64::NAN), "\"NaN\"");
        assert_eq!(write(f64::INFINITY), "\"Infinity\"");
        assert_eq!(write(f64::NEG_INFINITY), "\"-Infinity\"");
    }
}
