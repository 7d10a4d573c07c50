//! No bytes make the parser panic, and whatever it accepts can be walked from end to end.

use payload::btf::layout::side_by_side;
use payload::btf::{Btf, Type};
use proptest::prelude::*;

use crate::KINDS;

/// Asks every question there is about every type.
fn walk(btf: &Btf) {
    for id in btf.ids() {
        assert!(!btf.kind(btf.resolve(id)).is_modifier());
        let _ = btf.size_of(id);
        assert!(btf.by_name(btf.name(id)).any(|found| found == id) || btf.name(id).is_empty());
        match btf.type_at(id) {
            Type::Struct(of) | Type::Union(of) => {
                drop(of.members().collect::<Vec<_>>());
                let own = (btf, id);
                assert!(side_by_side(own, own).contains("(all)"));
            }
            Type::Enum(of) => drop(of.values().collect::<Vec<_>>()),
            Type::FuncProto(of) => drop(of.parameters().collect::<Vec<_>>()),
            Type::DataSec(of) => drop(of.variables().collect::<Vec<_>>()),
            _ => {}
        }
    }
}

#[test]
fn every_flipped_bit_is_refused_or_can_be_walked() {
    let mut bytes = KINDS.to_vec();
    for bit in 0..bytes.len() * 8 {
        bytes[bit / 8] ^= 1 << (bit % 8);
        if let Ok(btf) = Btf::parse(bytes.clone()) {
            walk(&btf);
        }
        bytes[bit / 8] ^= 1 << (bit % 8);
    }
}

#[test]
fn every_truncation_is_refused() {
    for length in 0..KINDS.len() {
        assert!(Btf::parse(KINDS[..length].to_vec()).is_err(), "{length}");
    }
}

proptest! {
    #[test]
    fn any_words_behind_a_good_header_never_panic(
        words in proptest::collection::vec(prop_oneof![0_u32..20, any::<u32>(), (0_u32..20, 0_u32..4).prop_map(|(kind, vlen)| kind << 24 | vlen)], 0..60),
    ) {
        let mut builder = crate::builder::Builder::new();
        builder.text("a_name");
        builder.types = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        if let Ok(btf) = Btf::parse(builder.bytes()) {
            walk(&btf);
        }
    }

    #[test]
    fn any_patch_of_a_good_btf_never_panics(
        patches in proptest::collection::vec((0..KINDS.len(), any::<u8>()), 1..8),
    ) {
        let mut bytes = KINDS.to_vec();
        for (at, byte) in patches {
            bytes[at] = byte;
        }
        if let Ok(btf) = Btf::parse(bytes) {
            walk(&btf);
        }
    }
}
