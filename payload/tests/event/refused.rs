//! Structs that cannot be decoded are refused when the decoder is made, with the field's path.

use payload::btf::{Btf, Kind, TypeId};
use payload::event::{Decoder, DecoderError};
use payload::limits::{EVENT_BYTES_MAX, EVENT_FIELDS_MAX};

use crate::builder::{Builder, FLAG, info};
use crate::of_fixture;

fn refused(builder: &Builder, id: u32) -> DecoderError {
    let btf = Btf::parse(builder.bytes()).expect("the parser has nothing against it");
    Decoder::new(&btf, TypeId(id)).unwrap_err()
}

#[test]
fn only_structs_and_unions_are_events() {
    let mut builder = Builder::new();
    let int = builder.int("int", 4, 1);
    let expected = DecoderError::NotAStruct {
        id: TypeId(int),
        kind: Kind::Int,
    };
    assert_eq!(refused(&builder, int), expected);
    let nothing = DecoderError::NotAStruct {
        id: TypeId(77),
        kind: Kind::Void,
    };
    assert_eq!(refused(&builder, 77), nothing);
}

#[test]
fn unknown_and_unfit_rules_are_refused_by_name() {
    let (btf, id) = of_fixture("tag_unknown");
    let path = "tag_unknown.pid".to_owned();
    let expected = DecoderError::RuleUnknown {
        path,
        tag: "roman".to_owned(),
    };
    assert_eq!(Decoder::new(&btf, id).unwrap_err(), expected);
    let (btf, id) = of_fixture("tag_unfit");
    let path = "tag_unfit.pid".to_owned();
    let expected = DecoderError::RuleUnfit {
        path,
        rule: "ipv4",
        kind: Kind::Int,
    };
    assert_eq!(Decoder::new(&btf, id).unwrap_err(), expected);
}

#[test]
fn fields_need_a_size_and_a_name() {
    let mut builder = Builder::new();
    let forward = builder.record("hidden", info(7, 0), 0, &[]);
    let event = builder.composite(4, "event", 8, &[("a", forward, 0)]);
    let (path, id, kind) = ("event.a".to_owned(), TypeId(forward), Kind::Fwd);
    assert_eq!(
        refused(&builder, event),
        DecoderError::FieldWithoutSize { path, id, kind }
    );
    let declared_only = builder.record("later", info(6, 0), 0, &[]);
    let event = builder.composite(4, "event", 8, &[("a", declared_only, 0)]);
    let (path, id, kind) = ("event.a".to_owned(), TypeId(declared_only), Kind::Enum);
    assert_eq!(
        refused(&builder, event),
        DecoderError::FieldWithoutSize { path, id, kind }
    );
    let int = builder.int("int", 4, 1);
    let event = builder.composite(4, "event", 8, &[("", int, 0)]);
    let path = "event".to_owned();
    let error = refused(&builder, event);
    assert_eq!(
        error,
        DecoderError::FieldUnnamed {
            path,
            kind: Kind::Int
        }
    );
}

#[test]
fn fields_must_lie_inside_their_struct_on_whole_bytes() {
    let mut builder = Builder::new();
    let int = builder.int("int", 4, 1);
    let inner = builder.composite(4, "inner", 4, &[("b", int, 8)]);
    let event = builder.composite(4, "event", 64, &[("a", inner, 32)]);
    let path = "event.a.b".to_owned();
    let expected = DecoderError::FieldOutside {
        path,
        end_bits: 72,
        struct_bits: 64,
    };
    assert_eq!(refused(&builder, event), expected);
    let pointer = builder.record("", info(2, 0), 0, &[]);
    let event = builder.composite(4, "event", 64, &[("a", pointer, 3)]);
    let path = "event.a".to_owned();
    assert_eq!(
        refused(&builder, event),
        DecoderError::FieldUnaligned {
            path,
            bit_offset: 3
        }
    );
}

#[test]
fn bit_fields_must_fit_their_type() {
    let mut builder = Builder::new();
    let int = builder.int("int", 4, 1);
    let name = builder.text("a");
    let event = builder.record("event", FLAG | info(4, 1), 64, &[name, int, 33 << 24]);
    let path = "event.a".to_owned();
    let expected = DecoderError::BitFieldTooWide {
        path,
        bits: 33,
        max: 32,
    };
    assert_eq!(refused(&builder, event), expected);
}

#[test]
fn events_are_bounded_in_bytes_fields_and_text() {
    let mut builder = Builder::new();
    let byte = builder.int("unsigned char", 1, 0);
    let too_large = u32::try_from(EVENT_BYTES_MAX + 1).unwrap();
    let event = builder.composite(4, "event", too_large, &[]);
    let bytes = EVENT_BYTES_MAX + 1;
    let expected = DecoderError::TooLarge {
        bytes,
        max: EVENT_BYTES_MAX,
    };
    assert_eq!(refused(&builder, event), expected);

    // Each union shows the one below it twice: 2^20 fields out of 20 types.
    let mut of = byte;
    for _ in 0..20 {
        of = builder.composite(5, "u", 1, &[("a", of, 0), ("b", of, 0)]);
    }
    let expected = DecoderError::TooManyFields {
        max: EVENT_FIELDS_MAX,
    };
    assert_eq!(refused(&builder, of), expected);

    // Elements without bytes, four billion of them.
    let empty = builder.composite(4, "empty", 0, &[]);
    let array = builder.array(empty, u32::MAX);
    let event = builder.composite(4, "event", 4, &[("a", array, 0), ("b", byte, 0)]);
    assert!(matches!(
        refused(&builder, event),
        DecoderError::TextTooLarge { .. }
    ));
}

#[test]
fn names_are_bounded() {
    let mut builder = Builder::new();
    let int = builder.int("int", 4, 1);
    let event = builder.composite(4, "event", 4, &[("x".repeat(512).as_str(), int, 0)]);
    let (path, max) = ("event".to_owned(), 511);
    assert_eq!(
        refused(&builder, event),
        DecoderError::NameTooLong {
            path,
            bytes: 512,
            max
        }
    );
}
