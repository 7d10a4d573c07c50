//! A key or a value as JSON: by its type, by what the kernel is known to give, else as bytes.
//! Used by the other files of `maps`.
//! Must never fail: what can't be decoded is shown as it is.

use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr};

use payload::btf::{Btf, Type, TypeId};
use payload::event::{Decoder, Numbers};
use payload::object::{Map, MapKind};
use serde_json::value::{RawValue, to_raw_value};

use super::way::Values;
use crate::kernel::symbols::Symbols;

/// `BPF_F_STACK_BUILD_ID` of `uapi/linux/bpf.h`: frames are places in files.
const STACK_BUILD_ID: u32 = 1 << 5;

/// How a key or a value is shown.
pub(super) enum Part {
    /// By its type.
    Typed(Box<Decoder>, Option<Numbers>),
    /// An integer of up to 8 bytes.
    Integer,
    /// An address and how many of its bits count: the key of an LPM trie.
    Prefix,
    /// Numbers that the kernel gives, each of so many bytes.
    Known(&'static [(&'static str, usize)]),
    /// Addresses of a stack trace.
    Frames(Symbols),
    /// Places of a stack trace, by the build id of their file.
    BuildIds,
    /// `refcnt` and `state` of `struct bpf_struct_ops_common_value`.
    Operations,
    /// Two hex digits a byte.
    Hex,
}

impl Part {
    /// How the keys of a map are shown; the reason where a type is there and can't be decoded.
    pub(super) fn key(btf: Option<&Btf>, map: &Map) -> (Self, Option<String>) {
        if map.kind == MapKind::LPM_TRIE && is_prefix(btf, map) {
            return (Self::Prefix, None);
        }
        match btf.zip(map.key_type) {
            // What a map is called often tells what it is keyed by: `drops_by_saddr`.
            Some((btf, of)) if !is_indexed(map.kind) => Self::typed(btf, of, &map.name, "keys"),
            _ if is_indexed(map.kind) => (Self::Integer, None),
            _ => (Self::Hex, None),
        }
    }

    /// How the values of a map are shown.
    pub(super) fn value(btf: Option<&Btf>, map: &Map, values: Values) -> (Self, Option<String>) {
        match (values, btf.zip(map.value_type)) {
            (Values::Typed, Some((btf, of))) => Self::typed(btf, of, "", "values"),
            (Values::Typed, None) => (Self::Hex, None),
            (Values::Known(fields), _) => (Self::Known(fields), None),
            (Values::Frames, _) if map.flags & STACK_BUILD_ID != 0 => (Self::BuildIds, None),
            (Values::Frames, _) => (Self::Frames(Symbols::read()), None),
            (Values::Operations, _) => (Self::Operations, None),
        }
    }

    /// How something of a type is shown, by what it is called.
    pub(super) fn typed(btf: &Btf, of: TypeId, name: &str, what: &str) -> (Self, Option<String>) {
        match Decoder::of_type(btf, of, name) {
            Ok((decoder, numbers)) => (Self::Typed(Box::new(decoder), numbers), None),
            Err(error) => (Self::Hex, Some(format!("{what}: {error}"))),
        }
    }

    /// Where its numbers are, if it consists of numbers.
    pub(super) fn numbers(&self) -> Option<&Numbers> {
        match self {
            Self::Typed(_, numbers) => numbers.as_ref(),
            _ => None,
        }
    }

    /// The number that it is, if it is one.
    pub(super) fn number(&self, bytes: &[u8]) -> Option<i128> {
        match self {
            Self::Typed(_, numbers) => numbers.as_ref()?.single(bytes),
            Self::Integer => Some(integer(bytes)?.into()),
            _ => None,
        }
    }

    /// The JSON of some bytes.
    pub(super) fn json(&self, bytes: &[u8]) -> Box<RawValue> {
        let known = match self {
            Self::Typed(decoder, _) => typed(decoder, bytes),
            Self::Integer => integer(bytes).and_then(|number| to_raw_value(&number).ok()),
            Self::Prefix => prefix(bytes).and_then(|text| to_raw_value(&text).ok()),
            Self::Known(fields) => numbers(fields, bytes),
            Self::Frames(symbols) => to_raw_value(&frames(symbols, bytes)).ok(),
            Self::BuildIds => to_raw_value(&build_ids(bytes)).ok(),
            Self::Operations => operations(bytes),
            Self::Hex => None,
        };
        known.unwrap_or_else(|| hex(bytes))
    }
}

/// Kinds whose keys are indexes.
fn is_indexed(kind: MapKind) -> bool {
    matches!(
        kind,
        MapKind::ARRAY
            | MapKind::PERCPU_ARRAY
            | MapKind::PROG_ARRAY
            | MapKind::STACK_TRACE
            | MapKind::ARRAY_OF_MAPS
            | MapKind::DEVMAP
            | MapKind::CPUMAP
            | MapKind::SOCKMAP
            | MapKind::REUSEPORT_SOCKARRAY
            | MapKind::STRUCT_OPS
            | MapKind::INSN_ARRAY
    )
}

/// Whether the key of a trie is nothing but the number of bits and one address.
fn is_prefix(btf: Option<&Btf>, map: &Map) -> bool {
    let address_bytes = match map.key_size {
        8 => 4,
        20 => 16,
        _ => return false,
    };
    let Some((btf, of)) = btf.zip(map.key_type) else {
        return true;
    };
    let Type::Struct(key) = btf.type_at(btf.resolve(of)) else {
        return false;
    };
    let members: Vec<_> = key.members().collect();
    let [_, address] = members.as_slice() else {
        return false;
    };
    let whole = address.bit_offset == 32 && btf.size_of(address.of) == Some(address_bytes);
    let id = btf.resolve(address.of);
    let plain = match btf.type_at(id) {
        Type::Int(_) => true,
        Type::Array { element, .. } => matches!(btf.type_at(btf.resolve(element)), Type::Int(_)),
        Type::Struct(_) => matches!(btf.name(id), "in_addr" | "in6_addr"),
        _ => false,
    };
    whole && plain
}

fn typed(decoder: &Decoder, bytes: &[u8]) -> Option<Box<RawValue>> {
    let mut text = Vec::new();
    decoder.write_json(bytes, &mut text).ok()?;
    RawValue::from_string(String::from_utf8(text).ok()?).ok()
}

fn integer(bytes: &[u8]) -> Option<u64> {
    if bytes.is_empty() || bytes.len() > 8 {
        return None;
    }
    let wide = bytes.iter().rev();
    Some(wide.fold(0, |wide, &byte| wide << 8 | u64::from(byte)))
}

fn prefix(bytes: &[u8]) -> Option<String> {
    let (bits, address) = bytes.split_at_checked(4)?;
    let bits = integer(bits)?;
    if let Ok(octets) = <[u8; 4]>::try_from(address) {
        return (bits <= 32).then(|| format!("{}/{bits}", Ipv4Addr::from(octets)));
    }
    let octets = <[u8; 16]>::try_from(address).ok()?;
    (bits <= 128).then(|| format!("{}/{bits}", Ipv6Addr::from(octets)))
}

/// An object of as many numbers as there are bytes for.
fn numbers(fields: &[(&str, usize)], bytes: &[u8]) -> Option<Box<RawValue>> {
    let mut text = String::from("{");
    let mut rest = bytes;
    for (name, length) in fields {
        let Some((number, behind)) = rest.split_at_checked(*length) else {
            break;
        };
        if text.len() > 1 {
            text.push(',');
        }
        // Writing to a string does not fail.
        let _ = write!(text, "\"{name}\":{}", integer(number)?);
        rest = behind;
    }
    text.push('}');
    RawValue::from_string(text).ok()
}

fn frames(symbols: &Symbols, bytes: &[u8]) -> Vec<String> {
    let (words, _) = bytes.as_chunks::<8>();
    let addresses = words.iter().map(|word| u64::from_le_bytes(*word));
    // Behind the last frame there are zeroes.
    let used = addresses.take_while(|address| *address != 0);
    used.map(|address| {
        symbols
            .name(address)
            .unwrap_or_else(|| format!("{address:#x}"))
    })
    .collect()
}

/// `struct bpf_stack_build_id` of `uapi/linux/bpf.h`: status, 20 bytes of id, offset or address.
fn build_ids(bytes: &[u8]) -> Vec<String> {
    const VALID: u64 = 1;
    const ADDRESS: u64 = 2;
    let (frames, _) = bytes.as_chunks::<32>();
    let shown = frames.iter().map_while(|frame| {
        let (status, rest) = frame.split_at_checked(4)?;
        let (id, place) = rest.split_at_checked(20)?;
        let place = integer(place)?;
        match integer(status)? {
            VALID => Some(format!("{}+{place:#x}", digits(id))),
            ADDRESS => Some(format!("{place:#x}")),
            _ => None,
        }
    });
    shown.collect()
}

/// `enum bpf_struct_ops_state` of `kernel/bpf/bpf_struct_ops.c`.
fn operations(bytes: &[u8]) -> Option<Box<RawValue>> {
    const STATES: [&str; 4] = ["not registered", "in use", "to be freed", "ready"];
    let (references, rest) = bytes.split_at_checked(4)?;
    let state = usize::try_from(integer(rest.get(..4)?)?).ok()?;
    let state = STATES.get(state)?;
    let references = integer(references)?;
    RawValue::from_string(format!(
        "{{\"state\":\"{state}\",\"references\":{references}}}"
    ))
    .ok()
}

fn digits(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn hex(bytes: &[u8]) -> Box<RawValue> {
    to_raw_value(&digits(bytes)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_an_address_and_its_bits() {
        assert_eq!(
            prefix(&[8, 0, 0, 0, 10, 0, 0, 0]).as_deref(),
            Some("10.0.0.0/8")
        );
        let mut six = [0; 20];
        (six[0], six[4], six[5]) = (16, 0xfe, 0x80);
        assert_eq!(prefix(&six).as_deref(), Some("fe80::/16"));
        assert_eq!(prefix(&[33, 0, 0, 0, 10, 0, 0, 0]), None);
        assert_eq!(prefix(&[8, 0, 0, 0, 10]), None);
    }

    #[test]
    fn what_the_kernel_gives_has_names() {
        let both = &[("interface", 4), ("program_id", 4)];
        let json = |bytes: &[u8]| Part::Known(both).json(bytes).get().to_owned();
        assert_eq!(json(&[2, 0, 0, 0]), r#"{"interface":2}"#);
        assert_eq!(
            json(&[2, 0, 0, 0, 9, 0, 0, 0]),
            r#"{"interface":2,"program_id":9}"#
        );
    }

    #[test]
    fn frames_end_at_zero_and_unknown_ones_are_addresses() {
        let mut bytes = 0x40_1000_u64.to_le_bytes().to_vec();
        bytes.extend([0; 16]);
        let json = Part::Frames(Symbols::parse(String::new())).json(&bytes);
        assert_eq!(json.get(), r#"["0x401000"]"#);
        let mut place = [0; 64];
        (place[0], place[4], place[24]) = (1, 0xab, 0x10);
        assert_eq!(
            Part::BuildIds.json(&place).get(),
            format!(r#"["ab{}+0x10"]"#, "00".repeat(19))
        );
    }

    #[test]
    fn operations_show_their_state() {
        let json = Part::Operations.json(&[1, 0, 0, 0, 1, 0, 0, 0, 9]);
        assert_eq!(json.get(), r#"{"state":"in use","references":1}"#);
        assert_eq!(Part::Operations.json(&[1, 0]).get(), r#""0100""#);
    }

    #[test]
    fn what_nothing_describes_is_shown_as_bytes() {
        assert_eq!(Part::Hex.json(&[0, 0xab]).get(), r#""00ab""#);
        assert_eq!(Part::Integer.json(&[1, 2]).get(), "513");
    }
}
