//! Values of layouts that chance made: every field keeps its value, in any order and width.

use payload::btf::{Btf, TypeId};
use payload::migrate::Conversion;
use proptest::prelude::*;

use crate::builder::Builder;

/// A field of a layout that chance made: its name, and its size in each of the two.
#[derive(Debug, Clone)]
struct Chance {
    name: String,
    widths: [u32; 2],
    signed: bool,
    place: u32,
}

fn fields() -> impl Strategy<Value = Vec<Chance>> {
    let field = (0_u32..4, 0_u32..4, any::<bool>(), any::<u32>());
    proptest::collection::vec(field, 1..12).prop_map(|fields| {
        let named = fields.into_iter().enumerate();
        let made = named.map(|(index, (one, other, signed, place))| Chance {
            name: format!("f{index}"),
            widths: [1 << one.min(other), 1 << one.max(other)],
            signed,
            place,
        });
        made.collect()
    })
}

/// The struct of these fields in their order, and where each field is.
fn laid_out(fields: &[Chance], side: usize) -> (Btf, TypeId, Vec<usize>) {
    let mut builder = Builder::new();
    let (mut members, mut places, mut end) = (Vec::new(), Vec::new(), 0_u32);
    for field in fields {
        let bytes = field.widths[side];
        let of = builder.int("int", bytes, u32::from(field.signed));
        end = end.next_multiple_of(bytes);
        members.push((field.name.as_str(), of, end * 8));
        places.push(usize::try_from(end).unwrap());
        end += bytes;
    }
    let id = builder.composite(4, "value", end.next_multiple_of(8), &members);
    (Btf::parse(builder.bytes()).unwrap(), TypeId(id), places)
}

fn read(value: &[u8], at: usize, field: &Chance, side: usize) -> i128 {
    let bytes = &value[at..at + usize::try_from(field.widths[side]).unwrap()];
    let wide = bytes
        .iter()
        .rev()
        .fold(0_i128, |wide, byte| wide << 8 | i128::from(*byte));
    let negative = field.signed && bytes.last().unwrap() & 0x80 != 0;
    if negative {
        wide - (1 << (8 * bytes.len()))
    } else {
        wide
    }
}

proptest! {
    #[test]
    fn every_field_keeps_its_value_in_any_order_and_width(
        fields in fields(),
        bytes in proptest::collection::vec(any::<u8>(), 128),
        later in proptest::collection::vec(any::<u8>(), 128),
    ) {
        let mut moved = fields.clone();
        moved.sort_by_key(|field| field.place);
        let (old, old_id, old_places) = laid_out(&fields, 0);
        let (new, new_id, new_places) = laid_out(&moved, 1);
        let conversion = Conversion::between((&old, old_id), (&new, new_id)).unwrap();
        prop_assert!(conversion.dropped.is_empty() && conversion.added.is_empty());
        let size = usize::try_from(old.size_of(old_id).unwrap()).unwrap();
        let (value, later) = (&bytes[..size], &later[..size]);
        let converted = conversion.convert(value);
        for (field, at) in fields.iter().zip(&old_places) {
            let to = moved.iter().position(|other| other.name == field.name).unwrap();
            let kept = read(&converted, new_places[to], &moved[to], 1);
            prop_assert_eq!(kept, read(value, *at, field, 0), "{:?}", field);
        }
        // There and back is the same, but for what is between the fields.
        let back = conversion.reversed(size).convert(&converted);
        prop_assert_eq!(&conversion.convert(&back), &converted);
        // What was added in the old layout, added in the new one, is the new value.
        let last = conversion.convert(later);
        for number in conversion.numbers(64) {
            let field = number.to..number.to + number.to_bytes;
            let wide = |value: &[u8]| {
                value[field.clone()].iter().rev().fold(0_u64, |wide, byte| wide << 8 | u64::from(*byte))
            };
            let sum = wide(&converted).wrapping_add(number.added(value, later));
            let mask = u64::MAX >> (64 - 8 * number.to_bytes);
            prop_assert_eq!(sum & mask, wide(&last));
        }
    }

    #[test]
    fn a_layout_becomes_itself(
        fields in fields(),
        bytes in proptest::collection::vec(any::<u8>(), 128),
    ) {
        let (btf, id, _) = laid_out(&fields, 0);
        let conversion = Conversion::between((&btf, id), (&btf, id)).unwrap();
        let mask = conversion.written();
        let value: Vec<u8> = bytes.iter().zip(&mask).map(|(byte, mask)| byte & mask).collect();
        prop_assert_eq!(conversion.convert(&value), value);
    }
}
