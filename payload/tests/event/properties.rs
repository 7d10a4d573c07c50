//! For any record and any BTF: the decoder agrees with the naive reader, its JSON parses, and it
//! never panics.

use payload::btf::{Btf, TypeId};
use payload::event::Decoder;
use proptest::prelude::*;
use serde_json::Value;

use crate::builder::Builder;
use crate::{EVENTS, naive, of_fixture};

/// Gives the JSON if it was well-formed.
fn decode(decoder: &Decoder, record: &[u8]) -> Option<Value> {
    let mut out = vec![b'!'];
    if decoder.write_json(record, &mut out).is_err() {
        assert_eq!(out, b"!");
        return None;
    }
    assert!(
        !out.iter().any(|&byte| byte < b' ' || byte == 0x7f),
        "no control characters"
    );
    Some(serde_json::from_slice(&out[1..]).unwrap())
}

fn agree(name: &str, record: &[u8]) {
    let (btf, id) = of_fixture(name);
    let decoder = Decoder::new(&btf, id).unwrap();
    let expected = Value::Object(naive::object(&btf, id, record, 0));
    let found = decode(&decoder, record).expect("the record is long enough");
    assert!(same(&found, &expected), "{name}: {found} is not {expected}");
}

/// Whether two values are equal. Half-way between two shortest texts of a `float`, either stands for
/// it: 3805607.25 is 3805607.2 to one writer and 3805607.3 to another.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .all(|(name, value)| other.get(name).is_some_and(|o| same(value, o)))
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Number(one), Value::Number(other)) if one != other => {
            // No `float` needs more than 9 digits; a `double` that short is exact.
            let texts = [one, other].map(ToString::to_string);
            let digits = |text: &String| text.bytes().filter(u8::is_ascii_digit).count();
            one.is_f64()
                && texts.iter().all(|text| digits(text) <= 11)
                && texts[0].parse::<f32>() == texts[1].parse::<f32>()
        }
        _ => one == other,
    }
}

#[test]
fn halves_of_a_float_are_the_same_and_other_numbers_are_not() {
    let number = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    assert!(same(&number("3805607.2"), &number("3805607.3")));
    assert!(!same(&number("3805607.2"), &number("3805608.3")));
    assert!(!same(
        &number("5.730723323445248e16"),
        &number("5.730723323445249e16")
    ));
    assert!(!same(&number("1"), &number("2")));
}

/// All structs of a BTF decode all of these records, or refuse.
fn try_all(btf: &Btf, records: &[&[u8]]) {
    for id in btf.ids() {
        if let Ok(decoder) = Decoder::new(btf, id) {
            for record in records {
                decode(&decoder, record);
            }
        }
    }
}

proptest! {
    // Each case makes a decoder for every struct; the fuzz targets try more.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_record_is_read_as_the_naive_reader_reads_it(
        record in proptest::collection::vec(prop_oneof![any::<u8>(), Just(0), 32_u8..127], 200),
    ) {
        for name in ["exec", "numbers", "fields", "point", "bare"] {
            agree(name, &record);
        }
        // The naive reader knows no names: these few bytes are text by theirs.
        let mut record = record;
        record[42..50].fill(0);
        let (btf, id) = of_fixture("nested");
        let mut expected = naive::object(&btf, id, &record, 0);
        expected["comm"] = "".into();
        let decoder = Decoder::new(&btf, id).unwrap();
        prop_assert_eq!(decode(&decoder, &record), Some(Value::Object(expected)));
    }

    #[test]
    fn any_length_of_record_is_decoded_or_malformed(
        record in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let btf = Btf::parse(EVENTS.to_vec()).unwrap();
        try_all(&btf, &[&record]);
        prop_assert!(decode(&Decoder::raw(), &record).is_some());
    }

    #[test]
    fn any_patched_btf_gives_json_or_is_refused(
        patches in proptest::collection::vec((0..EVENTS.len(), any::<u8>()), 1..6),
        record in proptest::collection::vec(any::<u8>(), 256),
    ) {
        let mut bytes = EVENTS.to_vec();
        for (at, byte) in patches {
            bytes[at] = byte;
        }
        if let Ok(btf) = Btf::parse(bytes) {
            try_all(&btf, &[&record, &record[..40], &[]]);
        }
    }

    #[test]
    fn any_names_of_fields_and_values_are_escaped(name in "\\PC{1,20}", value in "\\PC{1,20}") {
        let mut builder = Builder::new();
        let value_at = builder.text(&value);
        let of = builder.record("e", crate::builder::info(6, 1), 4, &[value_at, 0]);
        let event = builder.composite(4, "event", 4, &[(name.as_str(), of, 0)]);
        let btf = Btf::parse(builder.bytes()).unwrap();
        let decoder = Decoder::new(&btf, TypeId(event)).unwrap();
        let expected = serde_json::json!({ name: value });
        prop_assert_eq!(decode(&decoder, &[0; 4]), Some(expected));
    }
}

#[test]
fn a_flipped_bit_in_any_byte_of_the_btf_gives_json_or_is_refused() {
    let record: Vec<u8> = (0..=255).collect();
    let mut bytes = EVENTS.to_vec();
    for at in 0..bytes.len() {
        let bit = 1 << (at % 8);
        bytes[at] ^= bit;
        if let Ok(btf) = Btf::parse(bytes.clone()) {
            try_all(&btf, &[&record]);
        }
        bytes[at] ^= bit;
    }
}
