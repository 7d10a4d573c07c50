//! Values of one layout made into values of another: what goes on, what is refused and why.

use payload::btf::{Btf, Kind};
use payload::migrate::{Conversion, NoConversion, same_variables};
use payload::object::{Map, Object, inspect};

use crate::builder::{Builder, info};

/// Two structs named `value`.
struct Two {
    old: Btf,
    new: Btf,
}

impl Two {
    fn new(old: impl FnOnce(&mut Builder), new: impl FnOnce(&mut Builder)) -> Self {
        let built = |fill: &mut dyn FnMut(&mut Builder)| {
            let mut builder = Builder::new();
            fill(&mut builder);
            Btf::parse(builder.bytes()).unwrap()
        };
        let (mut old, mut new) = (Some(old), Some(new));
        Self {
            old: built(&mut |builder| old.take().unwrap()(builder)),
            new: built(&mut |builder| new.take().unwrap()(builder)),
        }
    }

    fn conversion(&self) -> Result<Conversion, NoConversion> {
        let id = |btf: &Btf| btf.find(Kind::Struct, "value").unwrap();
        Conversion::between((&self.old, id(&self.old)), (&self.new, id(&self.new)))
    }

    fn refused(&self) -> String {
        self.conversion().unwrap_err().to_string()
    }
}

/// A struct `value` of these members after `types` gave the types.
fn value(bytes: u32, members: &[(&str, u32, u32)]) -> impl FnOnce(&mut Builder) {
    move |builder| {
        numbers(builder);
        builder.composite(4, "value", bytes, members);
    }
}

const U8: u32 = 1;
const U32: u32 = 2;
const S32: u32 = 3;
const U64: u32 = 4;
const S64: u32 = 5;
const BOOL: u32 = 6;

fn numbers(builder: &mut Builder) {
    for (name, bytes, encoding) in [
        ("u8", 1, 0),
        ("u32", 4, 0),
        ("s32", 4, 1),
        ("u64", 8, 0),
        ("s64", 8, 1),
        ("bool", 1, 4),
    ] {
        builder.int(name, bytes, encoding);
    }
}

#[test]
fn fields_go_by_name_wherever_they_are() {
    let two = Two::new(
        value(16, &[("a", U32, 0), ("gone", U32, 32), ("b", U64, 64)]),
        |builder| {
            numbers(builder);
            let part = builder.composite(4, "", 8, &[("a", U64, 0)]);
            builder.composite(
                4,
                "value",
                24,
                &[("b", U64, 0), ("fresh", U32, 64), ("", part, 128)],
            );
        },
    );
    let conversion = two.conversion().unwrap();
    assert_eq!(conversion.dropped, ["gone"]);
    assert_eq!(conversion.added, ["fresh"]);
    let old: Vec<u8> = (1..=16).collect();
    let mut new = [9, 10, 11, 12, 13, 14, 15, 16].to_vec();
    new.extend([0; 8]);
    new.extend([1, 2, 3, 4, 0, 0, 0, 0]);
    assert_eq!(conversion.convert(&old), new);
    // What the old layout lacks stays.
    let mut over = vec![0xee; 24];
    conversion.onto(&old, &mut over);
    assert_eq!(over[8..16], [0xee; 8]);
}

#[test]
fn numbers_keep_their_values_when_they_grow() {
    for (was, is, old, new) in [
        (U32, U64, vec![0xff; 4], 0xffff_ffff_u64),
        (
            S32,
            S64,
            (-7_i32).to_le_bytes().to_vec(),
            (-7_i64).cast_unsigned(),
        ),
        (U32, S64, vec![0xff; 4], 0xffff_ffff),
    ] {
        let two = Two::new(value(4, &[("a", was, 0)]), value(8, &[("a", is, 0)]));
        let conversion = two.conversion().unwrap();
        assert_eq!(conversion.convert(&old), new.to_le_bytes());
        assert_eq!(conversion.reversed(4).convert(&new.to_le_bytes()), old);
    }
}

#[test]
fn what_does_not_hold_every_value_is_refused() {
    for (was, is, reason) in [
        (
            U64,
            U32,
            "a was u64, is u32, which does not hold every value of it",
        ),
        (
            S32,
            U32,
            "a was s32, is u32, which does not hold every value of it",
        ),
        (
            U32,
            S32,
            "a was u32, is s32, which does not hold every value of it",
        ),
        (
            S32,
            U64,
            "a was s32, is u64, which does not hold every value of it",
        ),
        (BOOL, U8, "a was bool, is u8"),
    ] {
        let two = Two::new(value(8, &[("a", was, 0)]), value(8, &[("a", is, 0)]));
        assert_eq!(two.refused(), reason);
    }
}

#[test]
fn arrays_grow_and_keep_their_elements() {
    let array = |count: u32, wide: bool| {
        move |builder: &mut Builder| {
            numbers(builder);
            let slot = builder.composite(4, "slot", 16, &[("n", if wide { U64 } else { U32 }, 0)]);
            let slots = builder.array(slot, count);
            builder.composite(4, "value", 16 * count, &[("slots", slots, 0)]);
        }
    };
    let two = Two::new(array(2, false), array(3, true));
    let conversion = two.conversion().unwrap();
    let old: Vec<u8> = (0..32).collect();
    let new = conversion.convert(&old);
    assert_eq!(new.len(), 48);
    assert_eq!(new[..4], [0, 1, 2, 3]);
    assert_eq!(new[16..20], [16, 17, 18, 19]);
    assert!(new[4..16].iter().chain(&new[20..]).all(|byte| *byte == 0));
    let places: Vec<_> = conversion
        .numbers(8)
        .iter()
        .map(|one| (one.from, one.to))
        .collect();
    assert_eq!(places, [(0, 0), (16, 16)]);
    let shorter = Two::new(array(3, false), array(2, false));
    assert_eq!(shorter.refused(), "slots had 3 elements, has 2");
    let many = Two::new(array(1 << 21, false), array(1 << 21, true));
    assert!(many.refused().contains("more than"), "{}", many.refused());
}

#[test]
fn long_texts_are_one_step() {
    let text = |bytes: u32| {
        move |builder: &mut Builder| {
            numbers(builder);
            let text = builder.array(U8, bytes);
            builder.composite(4, "value", bytes, &[("text", text, 0)]);
        }
    };
    let two = Two::new(text(1 << 22), text(1 << 23));
    let conversion = two.conversion().unwrap();
    let new = conversion.convert(&vec![7; 1 << 22]);
    assert!(new[..1 << 22].iter().all(|byte| *byte == 7) && new[1 << 22..].iter().all(|b| *b == 0));
}

#[test]
fn unions_go_on_as_bytes_where_every_member_is_still_there() {
    let union = |members: &'static [(&'static str, u32, u32)], bytes: u32| {
        move |builder: &mut Builder| {
            numbers(builder);
            let union = builder.composite(5, "", bytes, members);
            builder.composite(4, "value", 16, &[("", union, 64), ("a", U64, 0)]);
        }
    };
    let old: &[(&str, u32, u32)] = &[("u", U32, 0), ("s", S32, 0)];
    let grown: &[(&str, u32, u32)] = &[("s", S32, 0), ("u", U32, 0), ("wide", U64, 0)];
    let changed: &[(&str, u32, u32)] = &[("u", U32, 0), ("s", U64, 0)];
    let conversion = Two::new(union(old, 4), union(grown, 8))
        .conversion()
        .unwrap();
    let value: Vec<u8> = (1..=16).collect();
    let mut expected = value.clone();
    expected[12..].fill(0);
    assert_eq!(conversion.convert(&value), expected);
    let refused = Two::new(union(old, 4), union(changed, 8)).refused();
    assert_eq!(
        refused,
        "(union) is a union, and its members are not those that it had"
    );
}

#[test]
fn bit_fields_keep_their_values() {
    // The kind flag: eight bits of width above the offset.
    let bits = |places: [(u32, u32); 2]| {
        move |builder: &mut Builder| {
            numbers(builder);
            let mut words = Vec::new();
            for (name, (at, width)) in ["low", "high"].into_iter().zip(places) {
                words.extend([builder.text(name), S32, width << 24 | at]);
            }
            builder.record("value", 1 << 31 | info(4, 2), 4, &words);
        }
    };
    let two = Two::new(bits([(0, 3), (3, 5)]), bits([(12, 7), (5, 5)]));
    let conversion = two.conversion().unwrap();
    // -2 in three bits, 9 in five.
    let old = 0b110_u32 | 9 << 3;
    let new = (-2_i32).cast_unsigned() & 0x7f;
    assert_eq!(
        conversion.convert(&old.to_le_bytes()),
        (new << 12 | 9 << 5).to_le_bytes()
    );
    assert!(
        conversion.numbers(8).is_empty(),
        "nobody adds to bits at once"
    );
    let narrower = Two::new(bits([(0, 3), (3, 5)]), bits([(0, 2), (3, 5)]));
    assert!(
        narrower.refused().starts_with("low was s32"),
        "{}",
        narrower.refused()
    );
}

#[test]
fn names_of_values_keep_their_numbers() {
    let colour = |values: &'static [(&'static str, u32)]| {
        move |builder: &mut Builder| {
            numbers(builder);
            let mut words = Vec::new();
            for (name, number) in values {
                words.extend([builder.text(name), *number]);
            }
            let count = u32::try_from(values.len()).unwrap();
            let colour = builder.record("colour", info(6, count), 4, &words);
            builder.composite(4, "value", 4, &[("colour", colour, 0)]);
        }
    };
    let (old, more): (&[_], &[_]) = (
        &[("RED", 0), ("BLUE", 2)],
        &[("RED", 0), ("BLUE", 2), ("ANY", 9)],
    );
    let conversion = Two::new(colour(old), colour(more)).conversion().unwrap();
    assert_eq!(conversion.convert(&[2, 0, 0, 0]), [2, 0, 0, 0]);
    assert!(conversion.numbers(8).is_empty());
    let moved = Two::new(colour(old), colour(&[("RED", 0), ("BLUE", 1)]));
    assert_eq!(moved.refused(), "colour: BLUE was 2, is 1");
}

/// An object with variables in many sections, of the inspection's corpus.
const SECTIONS: &[u8] = include_bytes!("../fuzz/corpus/many_sections.bpf.o");

#[test]
fn variables_that_are_given_a_value_begin_with_it() {
    let object = inspect(SECTIONS).unwrap();
    let map = object.map(".data").unwrap();
    let section = (&object, map);
    assert!(same_variables(section, section));
    let first = object.variables(map)[0].clone();
    let all = Conversion::of_variables(section, section, &|_| false);
    assert!(all.renewed.is_empty() && all.dropped.is_empty(), "{all:?}");
    let others = Conversion::of_variables(section, section, &|variable| *variable == first);
    assert_eq!(
        others.renewed,
        [format!("{} (its value is set from outside)", first.name)]
    );
    let mut value = vec![0xee; others.bytes()];
    others.onto(&vec![0x11; others.bytes()], &mut value);
    let (start, end) = (first.offset, first.offset + first.bytes);
    for (at, byte) in (0..).zip(&value) {
        assert_eq!(
            *byte == 0xee,
            (start..end).contains(&at) || !covered(&object, map, at)
        );
    }
}

#[test]
fn a_changed_initial_value_begins_anew() {
    let object = inspect(SECTIONS).unwrap();
    let mut changed = object.clone();
    let global = changed
        .globals
        .iter_mut()
        .find(|global| global.section == ".data")
        .unwrap();
    global.default = vec![0x7f; global.default.len()];
    let name = global.name.clone();
    let map = object.map(".data").unwrap();
    assert!(!same_variables((&object, map), (&changed, map)));
    let conversion = Conversion::of_variables((&object, map), (&changed, map), &|_| false);
    assert_eq!(
        conversion.renewed,
        [format!("{name} (its initial value changed)")]
    );
}

/// Whether a variable is at this byte.
fn covered(object: &Object, map: &Map, at: u64) -> bool {
    let variables = object.variables(map);
    variables
        .iter()
        .any(|one| (one.offset..one.offset + one.bytes).contains(&at))
}
