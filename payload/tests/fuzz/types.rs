//! The fuzz targets of objects, BTF and events. Each asks every question about what is accepted.
//! Must never accept an input without checking something about it.

use std::cell::RefCell;

use payload::btf::cut::{Cut, cut};
use payload::btf::{Btf, Kind, Type, TypeId};
use payload::event::Decoder;
use payload::histogram::{Declared, Scale};
use payload::migrate::{Conversion, NoConversion};
use payload::object::{inspect, type_name};
use payload::unsigned::Unsigned;

use crate::corpus;
use crate::engine::Target;

#[test]
fn fuzz_object() {
    let kernel = Btf::parse(corpus::BTFS[0].to_vec()).unwrap();
    let name = "acme/fuzz".parse().unwrap();
    let check = |input: &[u8]| {
        let object = match inspect(input) {
            Ok(object) => object,
            Err(error) => return error.to_string(),
        };
        let needs = object.needs();
        drop(object.privileges());
        if let Cut::Small(bytes) = cut(&object, &kernel) {
            Btf::parse(bytes).unwrap();
        }
        for event in &object.events {
            assert!(object.map(&event.map).is_some(), "an event without a ring");
            drop(Decoder::new(object.btf.as_ref().unwrap(), event.type_id));
        }
        for map in &object.maps {
            drop(object.variables(map));
            let section = (&object, map);
            let variables = Conversion::of_variables(section, section, &|_| false);
            assert!(variables.added.is_empty() && variables.renewed.is_empty());
            if let Some(btf) = &object.btf {
                drop(Declared::of(btf).in_map(map, Some(Scale::Log2)));
            }
        }
        if let Ok(unsigned) = Unsigned::from_object(&name, input) {
            unsigned.contents().manifest.to_json().unwrap();
        }
        // What it needs tells objects apart better than that they are accepted.
        format!("accepted: {} maps, {needs:?}", object.maps.len())
    };
    let words: [&[u8]; 8] = [
        b".maps\0",
        b".BTF\0",
        b".rodata\0",
        b"kprobe.multi/",
        b"license\0",
        b"\x18\x01\0\0",
        b"\x85\x10\0\0",
        b".kconfig\0",
    ];
    let corpus = &corpus::OBJECTS;
    Target {
        name: "fuzz_object",
        corpus,
        words: &words,
        check: &check,
    }
    .run();
}

#[test]
fn fuzz_btf() {
    let words: [&[u8]; 4] = [
        b"\0\0\0\x04",
        b"\x01\0\0\x0c",
        b"\x02\0\0\x84",
        b"\xff\xff\0\x05",
    ];
    let corpus = &corpus::BTFS;
    Target {
        name: "fuzz_btf",
        corpus,
        words: &words,
        check: &check_btf,
    }
    .run();
}

/// Asks everything about every type of a BTF.
fn check_btf(input: &[u8]) -> String {
    let btf = match Btf::parse(input.to_vec()) {
        Ok(btf) => btf,
        Err(error) => return error.to_string(),
    };
    let mut kinds = std::collections::BTreeSet::new();
    let declared = Declared::of(&btf);
    for id in btf.ids() {
        kinds.insert(format!("{:?}", btf.kind(id)));
        assert!(!btf.kind(btf.resolve(id)).is_modifier());
        let name = btf.name(id);
        let kind = btf.kind(id);
        if !name.is_empty() {
            let found = btf.find(kind, name).unwrap();
            assert_eq!((btf.kind(found), btf.name(found)), (kind, name));
        }
        let _ = btf.size_of(id);
        drop(type_name(&btf, id));
        elements(&btf, id);
        if let Ok(decoder) = Decoder::new(&btf, id) {
            check_record(&decoder, &[0x41; 64]);
        }
        check_value(&btf, &declared, id);
    }
    format!("accepted: {kinds:?}")
}

/// A value of any type is one line of JSON, its sum too; histograms are in it.
fn check_value(btf: &Btf, declared: &Declared<'_>, id: TypeId) {
    const VALUE: &[u8] = &[0x41; 64];
    if let Ok((decoder, numbers)) = Decoder::of_type(btf, id, btf.name(id)) {
        let sum = numbers.and_then(|numbers| numbers.sum([VALUE, &[0; 64]]));
        let mut json = Vec::new();
        let written = decoder.write_json(sum.as_deref().unwrap_or(VALUE), &mut json);
        let read: Result<serde_json::Value, _> = serde_json::from_slice(&json);
        assert_eq!(written.is_ok(), read.is_ok(), "{id}");
        assert!(
            sum.is_none_or(|sum| sum == VALUE),
            "adding nothing changes nothing"
        );
    }
    for slots in declared.in_variable("", id, Some(Scale::Log2)) {
        if let Some(counts) = slots.read(VALUE) {
            assert!(counts.len() > 1 && counts.len() <= VALUE.len());
        }
    }
}

/// Walks what a type is made of; every id in it is one of the BTF.
fn elements(btf: &Btf, id: TypeId) {
    let last = btf.last();
    let known = |id: TypeId| assert!(id <= last, "{id:?} is behind {last:?}");
    match btf.type_at(id) {
        Type::Struct(of) | Type::Union(of) => of.members().for_each(|member| known(member.of)),
        Type::Enum(of) => of.values().for_each(drop),
        Type::FuncProto(of) => of.parameters().for_each(|(_, of)| known(of)),
        Type::DataSec(of) => of.variables().for_each(|variable| known(variable.of)),
        Type::Ptr(of) => known(of),
        Type::Array { element, .. } => known(element),
        _ => {}
    }
}

/// Writes a record. A refused one leaves nothing behind.
fn check_record(decoder: &Decoder, record: &[u8]) -> bool {
    let mut out = b"before".to_vec();
    let object = decoder.write_json(record, &mut out);
    let json = out.strip_prefix(b"before").unwrap();
    if object.is_err() {
        assert_eq!(json, b"");
        return false;
    }
    let object: serde_json::Value = serde_json::from_slice(json).unwrap();
    assert!(object.is_object());
    assert!(!json.contains(&b'\n'), "an event is one line");
    true
}

/// Values of one layout made into values of another, both ways.
fn check_conversion(old: (&Btf, TypeId), new: (&Btf, TypeId)) -> Result<(), NoConversion> {
    let ones = [0xff; 64];
    let conversion = Conversion::between(old, new)?;
    let mask = conversion.written();
    assert_eq!(Some(mask.len() as u64), new.0.size_of(new.1));
    let value = conversion.convert(&ones);
    let outside = value
        .iter()
        .zip(&mask)
        .any(|(byte, mask)| byte & !mask != 0);
    assert!(!outside, "a byte that no field goes to was written");
    let back = conversion.reversed(ones.len()).convert(&value);
    assert_eq!(back.len(), ones.len());
    for number in conversion.numbers(64) {
        assert_eq!(number.to % number.to_bytes, 0);
        assert_eq!(number.added(&ones, &ones), 0);
    }
    Ok(())
}

#[test]
fn fuzz_migrate() {
    // A mutated BTF on either side of one that a compiler made.
    let whole = Btf::parse(corpus::BTFS[1].to_vec()).unwrap();
    let check = |input: &[u8]| {
        let btf = match Btf::parse(input.to_vec()) {
            Ok(btf) => btf,
            Err(error) => return error.to_string(),
        };
        let (mut made, mut refused) = (0, String::new());
        for id in btf.ids() {
            let same = Conversion::between((&btf, id), (&btf, id));
            if let Ok(same) = same {
                let value = same.convert(&[0x5a; 64]);
                assert!(value.iter().all(|byte| byte & !0x5a == 0), "{id}: new bits");
                assert_eq!(same.convert(&value), value, "{id}: not the same twice");
                assert!(same.dropped.is_empty() && same.added.is_empty(), "{id}");
            }
            let namesake = whole.find(btf.kind(id), btf.name(id));
            let Some(namesake) = namesake else { continue };
            for pair in [
                check_conversion((&btf, id), (&whole, namesake)),
                check_conversion((&whole, namesake), (&btf, id)),
            ] {
                match pair {
                    Ok(()) => made += 1,
                    Err(error) => refused = error.to_string(),
                }
            }
        }
        format!("accepted: {} {refused}", "i".repeat(made))
    };
    let words: [&[u8]; 3] = [b"\0\0\0\x84", b"\x03\0\0\x04", b"\0\0\0\x03"];
    Target {
        name: "fuzz_migrate",
        corpus: &corpus::BTFS,
        words: &words,
        check: &check,
    }
    .run();
}

#[test]
fn fuzz_event() {
    // The first byte chooses the struct, the rest is the record.
    let btf = Btf::parse(corpus::BTFS[1].to_vec()).unwrap();
    let structs: Vec<TypeId> = btf
        .ids()
        .filter(|id| matches!(btf.kind(*id), Kind::Struct | Kind::Union))
        .collect();
    let decoders: Vec<Decoder> = structs
        .iter()
        .filter_map(|id| Decoder::new(&btf, *id).ok())
        .chain([Decoder::raw()])
        .collect();
    assert!(decoders.len() > 5, "the fixture has structs of events");
    let check = |input: &[u8]| {
        let (choice, record) = input.split_first().unwrap_or((&0, &[]));
        let index = usize::from(*choice) % decoders.len();
        let written = check_record(&decoders[index], record);
        // A record of another length is another outcome of its struct.
        let letter = char::from(b'a' + u8::try_from(record.len().min(250) / 10).unwrap());
        format!("struct {} {letter} {written}", "i".repeat(index))
    };
    let zeros: Vec<Vec<u8>> = (0..decoders.len())
        .map(|index| vec![u8::try_from(index).unwrap(); 300])
        .collect();
    let corpus: Vec<&[u8]> = zeros.iter().map(Vec::as_slice).collect();
    let words: [&[u8]; 4] = [b"\xff\xfe", b"\"\\\n", b"\xe2\x82", b"\0\0\0\0\0\0\0\x80"];
    Target {
        name: "fuzz_event",
        corpus: &corpus,
        words: &words,
        check: &check,
    }
    .run();
}

#[test]
fn fuzz_event_of_any_struct() {
    // A mutated BTF, and a record of its own bytes: layouts that no compiler makes.
    let scratch = RefCell::new(0_usize);
    let check = |input: &[u8]| {
        let btf = match Btf::parse(input.to_vec()) {
            Ok(btf) => btf,
            Err(error) => return error.to_string(),
        };
        let (mut made, mut refused) = (0, String::new());
        for id in btf
            .ids()
            .filter(|id| matches!(btf.kind(*id), Kind::Struct | Kind::Union))
        {
            match Decoder::new(&btf, id) {
                Ok(decoder) => {
                    made += 1;
                    for length in [0, 1, 16, 128, input.len()] {
                        let record = input.get(..length).unwrap_or(input);
                        *scratch.borrow_mut() += usize::from(check_record(&decoder, record));
                    }
                }
                Err(error) => refused = error.to_string(),
            }
        }
        format!("accepted: {} {refused}", "i".repeat(made))
    };
    let words: [&[u8]; 3] = [b"\0\0\0\x84", b"\x03\0\0\x04", b"marrow:"];
    let corpus = &corpus::BTFS[1..];
    Target {
        name: "fuzz_event_of_any_struct",
        corpus,
        words: &words,
        check: &check,
    }
    .run();
    assert!(scratch.into_inner() > 0, "no record was decoded");
}
