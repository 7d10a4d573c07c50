//! What is put out: text of any bytes, numbers, addresses.

use std::net::Ipv6Addr;

use tests::dice::Dice;

use super::steps::{Sdk, What, ask, ways, ways_in_c};

/// Bytes that are parts of characters, or need care.
const PIECES: &[u8] = b"a\"\\\n\x01\x7f\xf0\xe2\x82\xac\xed\xa0\xc3\xf4\x90\x80\xff\xc0\xe0\xf8";
const TEXTS: usize = 2_000;

#[test]
fn bytes_that_are_no_text_are_replaced_as_the_standard_library_does() {
    for way in ways() {
        let (mut driven, mut dice) = (way.begun(), Dice::of(7));
        for _ in 0..TEXTS {
            let length = dice.below(64);
            let bytes: Vec<u8> = (0..length)
                .map(|_| PIECES[dice.below(PIECES.len())])
                .collect();
            let told = ask(&mut driven, What::Text, 0, 0, &bytes);
            let whole = String::from_utf8_lossy(&bytes);
            assert_eq!(told["text"], *whole, "{way:?}: {bytes:x?}");
            // As many whole characters as fit.
            let fits = |end: &usize| whole.is_char_boundary(*end);
            let end = (0..=whole.len().min(11)).rev().find(fits).unwrap();
            assert_eq!(told["copy"], whole[..end], "{way:?}: {bytes:x?}");
        }
        let told = ask(&mut driven, What::Text, 0, 0, b"up to\0here");
        assert_eq!(told["text"], "up to", "{way:?}");
    }
}

#[test]
fn numbers_are_whole_to_their_ends() {
    let numbers: [i64; 12] = [
        0,
        1,
        -1,
        500,
        1001,
        1010,
        1100,
        -2500,
        999_999,
        1 << 43,
        i64::MAX,
        i64::MIN,
    ];
    for way in ways() {
        let mut driven = way.begun();
        for number in numbers {
            let told = ask(&mut driven, What::Number, 0, number.cast_unsigned(), b"");
            assert_eq!(told["u64"], number.cast_unsigned(), "{way:?}");
            assert_eq!(told["s64"], number, "{way:?}");
            #[expect(clippy::cast_precision_loss, reason = "the handlers do the same")]
            let thousandths = number as f64 / 1000.0;
            match told["double"].as_f64() {
                Some(double) => assert!((double - thousandths).abs() <= thousandths.abs() * 1e-12),
                // Beyond what the SDK for Rust writes.
                None => assert!(way.sdk == Sdk::Rust && number.unsigned_abs() > 1 << 59),
            }
        }
    }
}

#[test]
fn lines_are_formed_as_printf_does() {
    for way in ways_in_c() {
        let mut driven = way.begun();
        let told = ask(&mut driven, What::Number, 0, u64::MAX - 1, b"");
        let form = "-2 4294967294 fffffffe -2 18446744073709551614 fffffffffffffffe -2";
        assert_eq!(told["form"], form);
        assert_eq!(told["is_cut"], true);
        let told = ask(&mut driven, What::Text, 0, 0, b"ab\xffcd");
        assert_eq!(told["form"], "ab\u{fffd}|s|a|%");
    }
}

#[test]
fn addresses_are_text_as_the_standard_library_has_it() {
    for way in ways_in_c() {
        let (mut driven, mut dice) = (way.begun(), Dice::of(11));
        for _ in 0..TEXTS {
            let group = |dice: &mut Dice| [0, 0, 1, dice.below(1 << 16)][dice.below(4)];
            let groups: Vec<u16> = (0..8)
                .map(|_| u16::try_from(group(&mut dice)).unwrap())
                .collect();
            let address = Ipv6Addr::from(<[u16; 8]>::try_from(groups).unwrap());
            let told = ask(&mut driven, What::Address, 0, 0, &address.octets());
            assert_eq!(told["address"], address.to_string());
        }
        let mapped: Ipv6Addr = "::ffff:192.0.2.1".parse().unwrap();
        let told = ask(&mut driven, What::Address, 0, 0, &mapped.octets());
        assert_eq!(told["address"], "192.0.2.1");
    }
}
