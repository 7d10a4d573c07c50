//! Keys, values and variables of any type, and sums of values.

use payload::btf::{Btf, Kind, TypeId};
use payload::event::{Decoder, DecoderError, Numbers};
use payload::histogram::{Declared, Scale};

use crate::EVENTS;

fn fixture() -> Btf {
    Btf::parse(EVENTS.to_vec()).unwrap()
}

/// The type of a member of a struct of the fixture.
fn member(btf: &Btf, of: &str, name: &str) -> TypeId {
    let id = btf.find(Kind::Struct, of).unwrap();
    let payload::btf::Type::Struct(of) = btf.type_at(id) else {
        panic!("{of} is a struct");
    };
    of.members().find(|member| member.name == name).unwrap().of
}

fn shown(btf: &Btf, id: TypeId, name: &str, bytes: &[u8]) -> String {
    let (decoder, _) = Decoder::of_type(btf, id, name).unwrap();
    let mut out = Vec::new();
    decoder.write_json(bytes, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn numbers(btf: &Btf, id: TypeId) -> Option<Numbers> {
    Decoder::of_type(btf, id, "").unwrap().1
}

#[test]
fn a_value_of_any_type_is_one_json_value() {
    let btf = fixture();
    let typedef = |name| btf.find(Kind::Typedef, name).unwrap();
    let action = btf.find(Kind::Enum, "action").unwrap();
    let point = btf.find(Kind::Struct, "point").unwrap();
    assert_eq!(
        shown(&btf, typedef("u64"), "", &[1; 8]),
        "72340172838076673"
    );
    assert_eq!(shown(&btf, typedef("s8"), "", &[0xff]), "-1");
    assert_eq!(shown(&btf, action, "", &[1, 0, 0, 0]), "\"ACTION_EXEC\"");
    assert_eq!(
        shown(&btf, point, "", &[1, 0, 0xff, 0xff]),
        r#"{"x":1,"y":-1}"#
    );
    let comm = member(&btf, "exec", "comm");
    assert_eq!(
        shown(&btf, comm, "", b"bash\0\0\0\0\0\0\0\0\0\0\0\0"),
        "\"bash\""
    );
    let many = member(&btf, "nested", "many");
    assert_eq!(
        shown(&btf, many, "", &[0; 12]),
        r#"[{"x":0,"y":0},{"x":0,"y":0},{"x":0,"y":0}]"#
    );
    let pointer = member(&btf, "numbers", "o");
    assert_eq!(
        shown(&btf, pointer, "", &[0x10; 8]),
        "\"0x1010101010101010\""
    );
    assert_eq!(
        shown(&btf, member(&btf, "numbers", "m"), "", &[0; 4]),
        "0.0"
    );
}

#[test]
fn what_a_key_is_called_tells_how_it_is_shown() {
    let btf = fixture();
    let u32_ = btf.find(Kind::Typedef, "u32").unwrap();
    assert_eq!(
        shown(&btf, u32_, "drops_by_saddr", &[10, 0, 0, 1]),
        "\"10.0.0.1\""
    );
    assert_eq!(shown(&btf, u32_, "by_pid", &[10, 0, 0, 0]), "10");
}

#[test]
fn a_short_value_and_a_type_without_size_are_refused() {
    let btf = fixture();
    let (decoder, _) = Decoder::of_type(&btf, member(&btf, "exec", "comm"), "").unwrap();
    assert!(decoder.write_json(&[0; 15], &mut Vec::new()).is_err());
    let refused = Decoder::of_type(&btf, TypeId::VOID, "start").unwrap_err();
    assert!(matches!(refused, DecoderError::FieldWithoutSize { path, .. } if path == "start"));
}

#[test]
fn values_that_are_numbers_are_added_number_by_number() {
    let btf = fixture();
    let many = numbers(&btf, member(&btf, "nested", "many")).unwrap();
    let one: Vec<u8> = [1_i16, -1, 2, 3, 0, 0].map(i16::to_le_bytes).concat();
    let sum: Vec<u8> = [2_i16, -2, 4, 6, 0, 0].map(i16::to_le_bytes).concat();
    assert_eq!(many.sum([one.as_slice(), &one]), Some(sum));
    assert_eq!(many.sum([one.as_slice()]), Some(one.clone()));
    assert_eq!(many.sum([one.as_slice(), &[]]), None);
    assert_eq!(many.single(&one), None);
}

#[test]
fn a_sum_without_room_is_no_sum() {
    let btf = fixture();
    let byte = numbers(&btf, btf.find(Kind::Typedef, "u8").unwrap()).unwrap();
    assert_eq!(byte.single(&[7]), Some(7));
    assert_eq!(byte.sum([&[200_u8][..], &[55]]), Some(vec![255]));
    assert_eq!(byte.sum([&[200_u8][..], &[56]]), None);
    let signed = numbers(&btf, btf.find(Kind::Typedef, "s8").unwrap()).unwrap();
    assert_eq!(signed.sum([&[0x80_u8][..], &[0xff]]), None, "-128 - 1");
}

#[test]
fn text_names_and_addresses_are_not_added() {
    let btf = fixture();
    let exec = btf.find(Kind::Struct, "exec").unwrap();
    assert_eq!(numbers(&btf, exec), None);
    for name in ["i", "k", "l", "m", "o", "p"] {
        assert_eq!(numbers(&btf, member(&btf, "numbers", name)), None, "{name}");
    }
}

#[test]
fn arrays_of_unsigned_numbers_are_histograms_when_asked_for() {
    let btf = fixture();
    let declared = Declared::of(&btf);
    let nested = btf.find(Kind::Struct, "nested").unwrap();
    let found = declared.in_variable("x_us", nested, Some(Scale::Log2));
    let fields: Vec<&str> = found.iter().map(|slots| slots.field.as_str()).collect();
    let expected = ["matrix[0]", "matrix[1]", "mac", "comm"];
    assert_eq!(fields, expected, "no signed, boolean or text");
    assert!(found.iter().all(|slots| slots.unit == Some("us")));
    assert!(declared.in_variable("x_us", nested, None).is_empty());
}
