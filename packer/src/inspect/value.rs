//! The value that a global starts with, as people write it and as settings take it.
//! Called by `text`. Must never show a value that is not the object's: what the type does not
//! explain is shown as bytes.

use payload::btf::{Btf, Enumeration, Int, Type, TypeId};
use payload::manifest::Global;
use payload::object::Object;

/// The widest integer of BPF's C, bytes (`__int128`).
const INTEGER_BYTES_MAX: usize = 16;

/// The default of a manifest's global, by its type in the object.
pub(super) fn of(global: &Global, object: &Object) -> String {
    let mut globals = object.globals.iter();
    let found = globals.find(|other| other.section == global.section && other.name == global.name);
    let bytes = match &global.default {
        Some(hex) => bytes_of(hex),
        // The manifest leaves out zeros, and what is too long for it.
        None if found.is_some_and(|found| found.default.iter().any(|byte| *byte != 0)) => {
            return "too long to show".to_owned();
        }
        None => {
            let width = usize::try_from(global.size_bytes).unwrap_or(0);
            // Enough zeros for any number; a text of zeros is empty at any length.
            Some(vec![0; width.min(INTEGER_BYTES_MAX)])
        }
    };
    // The manifest has been checked to be hexadecimal; other text would be shown as it is.
    let Some(bytes) = bytes else {
        return global.default.clone().unwrap_or_default();
    };
    let typed = found.and_then(|found| object.btf.as_ref().zip(found.type_id));
    match typed.and_then(|(btf, id)| typed_value(btf, id, &bytes)) {
        Some(value) => value,
        None if bytes.iter().all(|byte| *byte == 0) => "0".to_owned(),
        None => spaced(&bytes),
    }
}

fn bytes_of(hex: &str) -> Option<Vec<u8>> {
    let pairs = (0..hex.len()).step_by(2);
    pairs
        .map(|at| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok())
        .collect()
}

/// `02 00 00 00`: in the order of memory, which a number in front of `0x` would not be.
fn spaced(bytes: &[u8]) -> String {
    let bytes: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    bytes.join(" ")
}

/// None where the type is no simple one, or the bytes are no value of it.
fn typed_value(btf: &Btf, id: TypeId, bytes: &[u8]) -> Option<String> {
    match btf.type_at(btf.resolve(id)) {
        Type::Int(int) => integer(int, bytes),
        Type::Enum(enumeration) => enumerator(enumeration, bytes),
        Type::Float(width) if usize::try_from(width) == Ok(bytes.len()) => float(bytes),
        Type::Array { element, .. } if is_char(btf, element) => text(bytes),
        _ => None,
    }
}

fn integer(int: Int, bytes: &[u8]) -> Option<String> {
    let whole = int.bit_offset == 0 && int.bits == int.bytes.checked_mul(8)?;
    if !whole || usize::try_from(int.bytes) != Ok(bytes.len()) {
        return None;
    }
    match (int.boolean, bytes) {
        (true, [0]) => Some("false".to_owned()),
        (true, [1]) => Some("true".to_owned()),
        (true, _) => None,
        (false, _) => number(bytes, int.signed),
    }
}

/// A little-endian number; the object is one, else its BTF could not have been read.
fn number(bytes: &[u8], signed: bool) -> Option<String> {
    let negative = signed && bytes.last()? & 0x80 != 0;
    let mut wide = [if negative { 0xff } else { 0 }; INTEGER_BYTES_MAX];
    wide.get_mut(..bytes.len())?.copy_from_slice(bytes);
    Some(if signed {
        i128::from_le_bytes(wide).to_string()
    } else {
        u128::from_le_bytes(wide).to_string()
    })
}

/// The first name of the value, else its number.
fn enumerator(enumeration: Enumeration<'_>, bytes: &[u8]) -> Option<String> {
    let width = usize::try_from(enumeration.bytes).ok()?;
    if width != bytes.len() {
        return None;
    }
    let mut values = enumeration.values();
    let named = values.find(|(_, value)| value.to_le_bytes().get(..width) == Some(bytes));
    match named {
        Some((name, _)) if !name.is_empty() => Some(name.to_owned()),
        _ => number(bytes, enumeration.signed),
    }
}

fn float(bytes: &[u8]) -> Option<String> {
    if let Ok(bytes) = bytes.try_into() {
        return Some(f32::from_le_bytes(bytes).to_string());
    }
    let bytes = bytes.try_into().ok()?;
    Some(f64::from_le_bytes(bytes).to_string())
}

/// Only C's `char`: an array of `__u8` is an address or a key rather than a text.
fn is_char(btf: &Btf, element: TypeId) -> bool {
    let element = btf.resolve(element);
    matches!(btf.type_at(element), Type::Int(int) if int.bytes == 1 && !int.boolean)
        && btf.name(element) == "char"
}

/// The text in quotes, if nothing but zeros follows it and a terminal can show it.
fn text(bytes: &[u8]) -> Option<String> {
    let end = bytes.iter().position(|byte| *byte == 0);
    let (text, rest) = bytes.split_at_checked(end.unwrap_or(bytes.len()))?;
    let text = str::from_utf8(text).ok()?;
    let only_text = rest.iter().all(|byte| *byte == 0);
    let printable = |letter: char| !letter.is_control() || matches!(letter, '\t' | '\r' | '\n');
    (only_text && text.chars().all(printable)).then(|| format!("{text:?}"))
}
