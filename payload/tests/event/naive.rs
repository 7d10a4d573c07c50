//! A second reader of the same BTF, as slow and plain as can be: it walks the types for each record
//! and builds a `serde_json::Value`. What it says and what the decoder writes must be the same.
//! Must never share code with the decoder; names and tags that change how a field is shown are
//! left to the hand-written tests.

use payload::btf::{Btf, Type, TypeId};
use serde_json::{Map, Value, json};

/// The value of `bits` bits at bit `at`, sign not extended.
fn bits(record: &[u8], at: usize, bits: usize) -> u128 {
    (0..bits).fold(0, |number, bit| {
        let place = at + bit;
        number | u128::from(record[place / 8] >> (place % 8) & 1) << bit
    })
}

fn extended(value: u128, bits: usize) -> i128 {
    let negative = bits < 128 && value >> (bits - 1) & 1 == 1;
    value.cast_signed() - if negative { 1_i128 << bits } else { 0 }
}

fn number(value: u128, width: usize, signed: bool) -> Value {
    let text = if signed {
        extended(value, width).to_string()
    } else {
        value.to_string()
    };
    if width > 64 {
        json!(text)
    } else {
        serde_json::from_str(&text).unwrap()
    }
}

fn text(bytes: &[u8]) -> Value {
    let used = bytes.split(|&byte| byte == 0).next().unwrap();
    json!(String::from_utf8_lossy(used))
}

fn float(value: f64) -> Value {
    match value {
        value if value.is_nan() => json!("NaN"),
        value if value.is_infinite() && value > 0.0 => json!("Infinity"),
        value if value.is_infinite() => json!("-Infinity"),
        value => json!(value),
    }
}

/// The value of type `id` at bit `at`; `width` is that of a bit field, else 0.
fn value(btf: &Btf, id: TypeId, record: &[u8], at: usize, width: usize) -> Value {
    let id = btf.resolve(id);
    match btf.type_at(id) {
        Type::Int(int) => {
            let own = usize::try_from(int.bits).unwrap();
            let width = if width == 0 { own } else { width };
            let raw = bits(record, at, width);
            if int.boolean {
                json!(raw != 0)
            } else if btf.name(id) == "char" && width == 8 {
                text(&[u8::try_from(raw).unwrap()])
            } else {
                number(raw, width, int.signed)
            }
        }
        Type::Enum(of) => {
            let whole = usize::try_from(of.bytes * 8).unwrap();
            let width = if width == 0 { whole } else { width };
            let raw = bits(record, at, width);
            let mask = (1_u128 << whole) - 1;
            let known = of.values().find(|&(_, value)| {
                if of.signed {
                    i128::from(value.cast_signed()) == extended(raw, width)
                } else {
                    u128::from(value) & mask == raw
                }
            });
            known.map_or_else(|| number(raw, width, of.signed), |(name, _)| json!(name))
        }
        Type::Float(4) => {
            let bits = u32::try_from(bits(record, at, 32)).unwrap();
            let single = f32::from_bits(bits);
            // The shortest text of a single, read as a double.
            if single.is_finite() {
                json!(single.to_string().parse::<f64>().unwrap())
            } else {
                float(single.into())
            }
        }
        Type::Float(_) => float(f64::from_bits(u64::try_from(bits(record, at, 64)).unwrap())),
        Type::Ptr(_) => json!(format!("{:#x}", bits(record, at, 64))),
        Type::Array { element, count } => array(btf, element, count, record, at),
        Type::Struct(_) | Type::Union(_) => Value::Object(object(btf, id, record, at)),
        other => panic!("{other:?} is in no fixture"),
    }
}

fn array(btf: &Btf, element: TypeId, count: u32, record: &[u8], at: usize) -> Value {
    let stride = usize::try_from(btf.size_of(element).unwrap()).unwrap();
    let count = usize::try_from(count).unwrap();
    let bytes = &record[at / 8..at / 8 + stride * count];
    match btf.type_at(btf.resolve(element)) {
        Type::Int(_) if btf.name(btf.resolve(element)) == "char" => text(bytes),
        Type::Int(int) if int.bytes == 1 && !int.signed && !int.boolean => {
            let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            json!(digits.concat())
        }
        _ => (0..count)
            .map(|i| value(btf, element, record, at + i * stride * 8, 0))
            .collect(),
    }
}

/// The members of the struct or union `id` at bit `at`.
pub(crate) fn object(btf: &Btf, id: TypeId, record: &[u8], at: usize) -> Map<String, Value> {
    let (Type::Struct(of) | Type::Union(of)) = btf.type_at(btf.resolve(id)) else {
        panic!()
    };
    let mut object = Map::new();
    for member in of.members() {
        let at = at + usize::try_from(member.bit_offset).unwrap();
        let width = usize::try_from(member.bit_field_bits).unwrap();
        if member.name.is_empty() {
            object.extend(self::object(btf, member.of, record, at));
        } else {
            object.insert(
                member.name.to_owned(),
                value(btf, member.of, record, at, width),
            );
        }
    }
    object
}
