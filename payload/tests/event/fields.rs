//! Each kind of field is shown as `Decoder` documents it. Expectations are written by hand from
//! the C source of the fixture.

use payload::event::{Decoder, Malformed};
use serde_json::{Value, json};

use crate::of_fixture;

/// A record under construction, bytes at their offsets in the struct.
struct Record(Vec<u8>);

impl Record {
    fn of(bytes: usize) -> Record {
        Record(vec![0; bytes])
    }

    fn at(mut self, offset: usize, bytes: &[u8]) -> Record {
        self.0[offset..offset + bytes.len()].copy_from_slice(bytes);
        self
    }
}

fn text(name: &str, record: &[u8]) -> Result<String, Malformed> {
    let (btf, id) = of_fixture(name);
    let mut out = b"before".to_vec();
    let written = Decoder::new(&btf, id).unwrap().write_json(record, &mut out);
    let after = String::from_utf8(out)
        .unwrap()
        .strip_prefix("before")
        .unwrap()
        .to_owned();
    match written {
        Ok(()) => Ok(after),
        Err(error) => {
            assert_eq!(after, "", "what could not be decoded leaves no trace");
            Err(error)
        }
    }
}

fn shown(name: &str, record: &[u8]) -> Value {
    let text = text(name, record).unwrap();
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn an_event_is_one_object_in_the_order_of_the_struct() {
    let record = Record::of(176)
        .at(0, &123_456_789_012_345_u64.to_le_bytes())
        .at(8, &12345_u32.to_le_bytes())
        .at(12, &1_u32.to_le_bytes())
        .at(16, &u32::MAX.to_le_bytes())
        .at(20, &1_u32.to_le_bytes())
        .at(24, &(-2_i32).to_le_bytes())
        .at(28, b"bash\0left over")
        .at(44, b"/usr/bin/bash");
    assert_eq!(
        text("exec", &record.0).unwrap(),
        "{\"ts\":123456789012345,\"pid\":12345,\"ppid\":1,\"uid\":4294967295,\
         \"action\":\"ACTION_EXEC\",\"code\":-2,\"comm\":\"bash\",\"filename\":\"/usr/bin/bash\"}"
    );
}

#[test]
fn integers_of_every_width_keep_their_value() {
    let ones = Record(vec![0xff; 112]).at(64, &[1]).at(65, b"R");
    let shown_ones = shown("numbers", &ones.0);
    let wide = "340282366920938463463374607431768211455";
    for (name, expected) in [
        ("a", json!(255)),
        ("b", json!(-1)),
        ("c", json!(65535)),
        ("d", json!(-1)),
        ("e", json!(u32::MAX)),
        ("f", json!(-1)),
        ("g", json!(u64::MAX)),
        ("h", json!(-1)),
        ("i", json!(wide)),
        ("j", json!("-1")),
        ("k", json!(true)),
        ("l", json!("R")),
        ("m", json!("NaN")),
        ("n", json!("NaN")),
        ("o", json!("0xffffffffffffffff")),
        ("p", json!(u32::MAX)),
        ("r", json!(255)),
    ] {
        assert_eq!(shown_ones[name], expected, "{name}");
    }
    let lowest = Record::of(112)
        .at(1, &i8::MIN.to_le_bytes())
        .at(4, &i16::MIN.to_le_bytes())
        .at(12, &i32::MIN.to_le_bytes())
        .at(24, &i64::MIN.to_le_bytes())
        .at(48, &i128::MIN.to_le_bytes())
        .at(68, &(-0.5_f32).to_le_bytes())
        .at(72, &1e-300_f64.to_le_bytes());
    let lowest = shown("numbers", &lowest.0);
    assert_eq!(lowest["b"], -128);
    assert_eq!(lowest["d"], -32768);
    assert_eq!(lowest["f"], i32::MIN);
    assert_eq!(lowest["h"], i64::MIN);
    assert_eq!(lowest["j"], i128::MIN.to_string());
    assert_eq!(lowest["k"], false);
    assert_eq!(lowest["l"], "");
    assert_eq!(lowest["m"], -0.5);
    assert_eq!(lowest["n"], 1e-300);
    assert_eq!(lowest["o"], "0x0");
}

#[test]
fn enumerations_are_shown_by_name_and_unknown_values_as_numbers() {
    let with = |action: u32, level: i32, small: u8| {
        let record = Record::of(112)
            .at(88, &action.to_le_bytes())
            .at(92, &level.to_le_bytes())
            .at(96, &[small]);
        let shown = shown("numbers", &record.0);
        (shown["p"].clone(), shown["q"].clone(), shown["r"].clone())
    };
    let named = (json!("ACTION_EXIT"), json!("LEVEL_LOW"), json!("SMALL_B"));
    assert_eq!(with(2, -5, 200), named);
    // clang 14 does not say which enumerations have a sign.
    assert_eq!(with(3, 1, 0), (json!(3), json!(1), json!(0)));
    assert_eq!(
        with(0, 1000, 1),
        (json!("ACTION_FORK"), json!("LEVEL_HIGH"), json!("SMALL_A"))
    );
}

#[test]
fn bit_fields_are_cut_out_and_keep_their_sign() {
    let low: u64 = 1 | 100 << 1 | 0b10110 << 8 | 1 << 13 | 2 << 14 | 0xdead_beef_cafe << 16;
    let record = Record::of(16)
        .at(0, &low.to_le_bytes())
        .at(8, &(-7_i64).to_le_bytes());
    let expected = json!({
        "a": 1, "b": 100, "c": -10, "d": true, "e": "ACTION_EXIT", "f": 0xdead_beef_cafe_u64, "g": -7
    });
    assert_eq!(shown("fields", &record.0), expected);
}

#[test]
fn structs_arrays_and_unions_are_shown_whole() {
    let record = Record::of(72)
        .at(0, &[1, 0, 2, 0])
        .at(4, &[3, 0, 4, 0, 5, 0, 6, 0, 0xff, 0xff, 8, 0])
        .at(16, &[1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0])
        .at(28, b"ab\0\0full")
        .at(36, &[0, 1, 0xab, 0xcd, 0xef, 0xff])
        .at(42, b"swapper")
        .at(50, &[1, 0xff])
        .at(52, &[0, 1])
        .at(56, &[1, 0, 0, 0, 9, 0, 0, 0])
        .at(64, &[1, 2, 3, 4])
        .at(68, &[5, 0, 6, 0]);
    let expected = json!({
        "one": {"x": 1, "y": 2},
        "many": [{"x": 3, "y": 4}, {"x": 5, "y": 6}, {"x": -1, "y": 8}],
        "matrix": [[1, 2, 3], [4, 5, 6]],
        "words": ["ab", "full"],
        "mac": "0001abcdefff",
        "comm": "swapper",
        "levels": [1, -1],
        "flags": [false, true],
        "actions": ["ACTION_EXEC", 9],
        "either": {"number": 0x0403_0201, "bytes": "01020304"},
        "code": 0x0006_0005, "low": 5, "high": 6,
        "empty": {},
    });
    assert_eq!(shown("nested", &record.0), expected);
}

#[test]
fn addresses_are_known_by_name_type_or_declaration() {
    let six = [0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    let record = Record::of(112)
        .at(0, &[10, 0, 0, 1])
        .at(4, &[10, 0, 0, 2])
        .at(8, &[192, 168, 1, 255])
        .at(12, &six)
        .at(32, &six)
        .at(48, &[0; 16])
        .at(64, &[127, 0, 0, 1])
        .at(68, &six)
        .at(88, &[1])
        .at(96, &[1, 2, 3, 4, 5, 6, 7, 8])
        .at(104, &[1, 0, 0, 1]);
    let expected = json!({
        "saddr": "10.0.0.1",
        "daddr_v4": "10.0.0.2",
        "remote_ip": "192.168.1.255",
        "saddr_v6": "2001:db8::1",
        "daddr_v6": "2001:db8::1",
        "addr6": "::",
        "source": "127.0.0.1",
        "target": "2001:db8::1",
        "page_addr": 1,
        "hosts": ["1.2.3.4", "5.6.7.8"],
        "plain_addr": 0x0100_0001,
    });
    assert_eq!(shown("addresses", &record.0), expected);
}

#[test]
fn declared_rules_override_types() {
    let record = Record::of(48)
        .at(0, b"label")
        .at(8, &[0xde, 0xad, 0, 1])
        .at(12, &0x8000_0001_u32.to_le_bytes())
        .at(16, &[2])
        .at(20, &[7, 8, 255])
        .at(24, &[9])
        .at(32, b"ls\0-l\0/tmp\0\0\0\0\0\0");
    let expected = json!({
        "label": "label",
        "digest": "dead0001",
        "flags": "0x80000001",
        "action": 2,
        "bytes": [7, 8, 255],
        "cookie": 9,
        "args": ["ls", "-l", "/tmp"],
    });
    assert_eq!(shown("declared", &record.0), expected);
}

#[test]
fn a_flexible_array_takes_what_the_record_has() {
    let record = Record::of(12 + 5).at(8, &[5]).at(12, b"hello");
    assert_eq!(shown("flexible_text", &record.0)["text"], "hello");
    // The struct is padded to 16 bytes; a record with nothing in the array need not be.
    assert_eq!(shown("flexible_text", &record.0[..12])["text"], "");
    let points = Record::of(4 + 11).at(4, &[1, 0, 2, 0, 3, 0, 4, 0, 9, 9, 9]);
    let expected = json!([{"x": 1, "y": 2}, {"x": 3, "y": 4}]);
    assert_eq!(
        shown("flexible_points", &points.0)["points"],
        expected,
        "a half point is none"
    );
    assert_eq!(
        shown("flexible_points", &points.0[..4])["points"],
        json!([])
    );
}

#[test]
fn a_text_at_the_end_may_be_cut_short_by_the_record() {
    let record = Record::of(176).at(44, b"/usr/bin/bash");
    assert_eq!(shown("exec", &record.0[..44 + 8])["filename"], "/usr/bin");
    assert_eq!(shown("exec", &record.0[..44])["filename"], "");
    assert_eq!(
        text("exec", &record.0[..43]),
        Err(Malformed {
            bytes: 43,
            needed: 44
        })
    );
}

#[test]
fn records_too_short_are_malformed_and_longer_ones_are_not() {
    for (name, needed) in [
        ("numbers", 97),
        ("fields", 16),
        ("nested", 72),
        ("addresses", 108),
    ] {
        for bytes in [0, 1, needed - 1] {
            let error = text(name, &vec![0; bytes]).unwrap_err();
            assert_eq!(error, Malformed { bytes, needed }, "{name}");
        }
        assert!(text(name, &vec![0; needed]).is_ok(), "{name}");
        assert!(text(name, &vec![0; needed + 100]).is_ok(), "{name}");
    }
}

#[test]
fn without_btf_a_record_is_hex() {
    let mut out = Vec::new();
    Decoder::raw()
        .write_json(&[0, 0x1f, 0xff], &mut out)
        .unwrap();
    Decoder::raw().write_json(&[], &mut out).unwrap();
    assert_eq!(out, b"{\"raw\":\"001fff\"}{\"raw\":\"\"}");
}
