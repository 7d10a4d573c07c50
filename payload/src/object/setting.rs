//! A value for a variable of an object, from text to the bytes of its section. Called by the node
//! for what legacy JSON or a deployment sets. Must never write past the variable, nor a value that
//! its type can't hold.

use super::{Global, Object, type_name};
use crate::btf::{Btf, Enumeration, Int, Type, TypeId};

/// Bytes to put into a data section before the object is loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The section, which is also the name of its map.
    pub section: String,
    /// Where in the section, bytes.
    pub offset: u32,
    /// The variable's whole value, little-endian.
    pub bytes: Vec<u8>,
}

/// Why a variable can't be set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingError {
    /// No such variable.
    #[error("no variable {variable} in {section}; the object has {has}")]
    NoVariable {
        /// The section.
        section: String,
        /// The name that was given.
        variable: String,
        /// The names there are.
        has: String,
    },
    /// The variable's type is unknown or not one that text can name a value of.
    #[error(
        "variable {variable} is {is}: only integers, booleans, enums, floats and texts are set"
    )]
    NotSettable {
        /// The variable.
        variable: String,
        /// Its type.
        is: String,
    },
    /// The text names no value of the variable's type.
    #[error("variable {variable} is {is}, which {value:?} is no value of")]
    NotAValue {
        /// The variable.
        variable: String,
        /// Its type.
        is: String,
        /// What was given.
        value: String,
    },
}

impl Object {
    /// The bytes that give `variable` of `section` the value that `text` names: a decimal or `0x`
    /// number, `true` or `false`, the name of an enumerator, a text for `char` arrays.
    ///
    /// # Errors
    /// [`SettingError`].
    pub fn set(&self, section: &str, variable: &str, text: &str) -> Result<Setting, SettingError> {
        let here = || {
            self.globals
                .iter()
                .filter(|global| global.section == section)
        };
        let global = here().find(|global| global.name == variable);
        let global = global.ok_or_else(|| SettingError::NoVariable {
            section: section.to_owned(),
            variable: variable.to_owned(),
            has: here()
                .map(|global| global.name.as_str())
                .collect::<Vec<_>>()
                .join(", "),
        })?;
        let untyped = || SettingError::NotSettable {
            variable: variable.to_owned(),
            is: "of unknown type".to_owned(),
        };
        let (btf, id) = self.btf.as_ref().zip(global.type_id).ok_or_else(untyped)?;
        let bytes = value(btf, id, global, text)?;
        Ok(Setting {
            section: section.to_owned(),
            offset: global.offset,
            bytes,
        })
    }
}

fn value(btf: &Btf, id: TypeId, global: &Global, text: &str) -> Result<Vec<u8>, SettingError> {
    let is = || type_name(btf, id);
    let not_a_value = || SettingError::NotAValue {
        variable: global.name.clone(),
        is: is(),
        value: text.to_owned(),
    };
    let width = usize::try_from(global.size).unwrap_or(0);
    let found = match btf.type_at(btf.resolve(id)) {
        Type::Int(int) => Some(integer(int, text)),
        Type::Enum(names) => Some(enumerator(names, text)),
        Type::Float(bytes) => Some(float(bytes, text)),
        Type::Array { element, .. } if is_text(btf, element) => Some(characters(width, text)),
        _ => None,
    };
    let settable = found.ok_or_else(|| SettingError::NotSettable {
        variable: global.name.clone(),
        is: is(),
    })?;
    // A type that is wider or narrower than the variable's place would write beside it.
    settable
        .filter(|bytes| bytes.len() == width)
        .ok_or_else(not_a_value)
}

fn is_text(btf: &Btf, element: TypeId) -> bool {
    matches!(btf.type_at(btf.resolve(element)), Type::Int(int) if int.bytes == 1 && !int.boolean)
}

fn number(text: &str) -> Option<i128> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let magnitude = match digits.strip_prefix("0x") {
        Some(hex) => i128::from(u64::from_str_radix(hex, 16).ok()?),
        None => i128::from(digits.parse::<u64>().ok()?),
    };
    Some(if negative { -magnitude } else { magnitude })
}

/// The lowest `bytes` bytes of a number that fits them.
fn truncated(number: i128, bytes: u32, signed: bool) -> Option<Vec<u8>> {
    let bits = bytes
        .checked_mul(8)
        .filter(|bits| (8..=64).contains(bits))?;
    let (low, high) = if signed {
        (-(1i128 << (bits - 1)), (1i128 << (bits - 1)) - 1)
    } else {
        (0, (1i128 << bits) - 1)
    };
    let all = number.to_le_bytes();
    let kept = all.get(..usize::try_from(bytes).ok()?)?;
    (low..=high).contains(&number).then(|| kept.to_vec())
}

fn integer(int: Int, text: &str) -> Option<Vec<u8>> {
    let number = match text {
        "true" if int.boolean => 1,
        "false" if int.boolean => 0,
        _ => number(text)?,
    };
    let fits = !int.boolean || (0..=1).contains(&number);
    truncated(number, int.bytes, int.signed).filter(|_| fits)
}

fn enumerator(enumeration: Enumeration<'_>, text: &str) -> Option<Vec<u8>> {
    let bytes = usize::try_from(enumeration.bytes).ok()?;
    match enumeration.values().find(|(name, _)| *name == text) {
        // The view gives the value's bits, sign-extended; the low bytes are what is stored.
        Some((_, value)) => Some(value.to_le_bytes().get(..bytes)?.to_vec()),
        None => truncated(number(text)?, enumeration.bytes, enumeration.signed),
    }
}

fn float(bytes: u32, text: &str) -> Option<Vec<u8>> {
    match bytes {
        4 => Some(text.parse::<f32>().ok()?.to_le_bytes().to_vec()),
        8 => Some(text.parse::<f64>().ok()?.to_le_bytes().to_vec()),
        _ => None,
    }
}

/// The text and at least one NUL, filled up to `width`.
fn characters(width: usize, text: &str) -> Option<Vec<u8>> {
    let fits = text.len() < width && !text.contains('\0');
    let mut bytes = text.as_bytes().to_vec();
    bytes.resize(width, 0);
    fits.then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const INT: Int = Int {
        bytes: 4,
        bit_offset: 0,
        bits: 32,
        signed: true,
        character: false,
        boolean: false,
    };

    #[test]
    fn an_integer_is_set_only_within_its_range() {
        assert_eq!(integer(INT, "-2"), Some(vec![0xfe, 0xff, 0xff, 0xff]));
        assert_eq!(integer(INT, "0x10"), Some(vec![16, 0, 0, 0]));
        assert_eq!(
            integer(INT, "2147483647"),
            Some(vec![0xff, 0xff, 0xff, 0x7f])
        );
        assert_eq!(integer(INT, "2147483648"), None);
        assert_eq!(integer(INT, "many"), None);
        let byte = Int {
            bytes: 1,
            signed: false,
            ..INT
        };
        assert_eq!(integer(byte, "255"), Some(vec![255]));
        assert_eq!(integer(byte, "-1"), None);
    }

    #[test]
    fn a_boolean_is_true_or_false_or_its_number() {
        let boolean = Int {
            bytes: 1,
            boolean: true,
            signed: false,
            ..INT
        };
        assert_eq!(integer(boolean, "true"), Some(vec![1]));
        assert_eq!(integer(boolean, "0"), Some(vec![0]));
        assert_eq!(integer(boolean, "2"), None);
        assert_eq!(integer(INT, "true"), None);
    }

    #[test]
    fn a_text_leaves_room_for_its_end() {
        assert_eq!(characters(4, "abc"), Some(b"abc\0".to_vec()));
        assert_eq!(characters(4, "abcd"), None);
        assert_eq!(characters(4, "a\0b"), None);
    }
}
