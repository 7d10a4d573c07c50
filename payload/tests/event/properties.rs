//! For any record and any BTF: the decoder agrees with the naive reader, its JSON parses, and it
//! never panics.

use payload::btf::{Btf, Kind, TypeId};
use payload::event::{Cells, Decoder};
use proptest::prelude::*;
use serde_json::Value;

use crate::builder::Builder;
use crate::{EVENTS, naive, of_fixture};

/// Writes the record every way there is; gives the JSON if it was well-formed.
fn decode(decoder: &Decoder, record: &[u8]) -> Option<Value> {
    let mut out = vec![b'!'];
    let mut cells = Cells::default();
    let row = decoder.write_cells(record, &mut cells);
    let object = decoder.write_json(record, &mut out);
    assert_eq!(row, object);
    if object.is_err() {
        assert_eq!(out, b"!");
        return None;
    }
    assert_eq!(cells.iter().count(), decoder.columns().len());
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
    assert_eq!(decode(&decoder, record), Some(expected), "{name}");
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
fn every_flipped_bit_of_the_btf_gives_json_or_is_refused() {
    let record: Vec<u8> = (0..=255).collect();
    let mut bytes = EVENTS.to_vec();
    // The types that matter here; strings are patched by the property above.
    for bit in 0..2400 * 8 {
        bytes[bit / 8] ^= 1 << (bit % 8);
        if let Ok(btf) = Btf::parse(bytes.clone())
            && let Some(id) = btf.find(Kind::Struct, "nested")
            && let Ok(decoder) = Decoder::new(&btf, id)
        {
            decode(&decoder, &record);
        }
        bytes[bit / 8] ^= 1 << (bit % 8);
    }
}
