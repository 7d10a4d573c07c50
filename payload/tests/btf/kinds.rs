//! What clang wrote is read as it was meant. Must never compare with the parser's own idea of the
//! bytes: expectations come from the C source and from `bpftool btf dump`.

use payload::btf::record::{Reference, references, word};
use payload::btf::{Btf, Kind, Linkage, Type, TypeId, essential_name};

use crate::KINDS;
use crate::builder::{Builder, FLAG, info};

fn kinds() -> Btf {
    Btf::parse(KINDS.to_vec()).unwrap()
}

fn only(btf: &Btf, kind: Kind, name: &str) -> TypeId {
    let found = btf.find(kind, name);
    found.unwrap_or_else(|| panic!("{kind:?} {name} is in the fixture"))
}

#[test]
fn every_kind_that_clang_writes_is_seen() {
    let btf = kinds();
    assert_eq!(btf.types(), 65);
    let seen: std::collections::BTreeSet<Kind> = btf.ids().map(|id| btf.kind(id)).collect();
    let missing: Vec<Kind> = (1..=19)
        .filter_map(Kind::of)
        .filter(|kind| !seen.contains(kind))
        .collect();
    assert_eq!(missing, [Kind::Enum64]);
}

#[test]
fn struct_members_keep_names_types_and_bit_positions() {
    let btf = kinds();
    let Type::Struct(event) = btf.type_at(only(&btf, Kind::Struct, "event")) else {
        panic!()
    };
    let members: Vec<_> = event
        .members()
        .map(|m| (m.name, m.of.0, m.bit_offset, m.bit_field_bits))
        .collect();
    assert_eq!(event.bytes, 112);
    assert_eq!(members.len(), 12);
    assert_eq!(members[0], ("ts", 6, 0, 0));
    assert_eq!(members[1], ("pid", 13, 64, 22));
    assert_eq!(members[2], ("level", 27, 86, 7));
    assert_eq!(members[3], ("fatal", 28, 93, 1));
    assert_eq!(members[5], ("", 30, 128, 0));
    assert_eq!(members[11], ("rest", 45, 896, 0));
}

#[test]
fn typedefs_and_qualifiers_resolve_to_what_is_behind_them() {
    let btf = kinds();
    let event = only(&btf, Kind::Typedef, "event_t");
    assert_eq!(btf.resolve(event), only(&btf, Kind::Struct, "event"));
    let threshold = only(&btf, Kind::Var, "threshold");
    let Type::Var { of, linkage } = btf.type_at(threshold) else {
        panic!()
    };
    assert_eq!(btf.name(btf.resolve(of)), "unsigned int");
    assert_eq!(linkage, Linkage::Global);
}

#[test]
fn sizes_count_arrays_pointers_and_nested_structs() {
    let btf = kinds();
    assert_eq!(btf.size_of(only(&btf, Kind::Struct, "node")), Some(48));
    assert_eq!(
        btf.size_of(TypeId(39)),
        Some(36),
        "struct {{u16, u8[16]}}[2]"
    );
    assert_eq!(btf.size_of(TypeId(45)), Some(0), "char[]");
    assert_eq!(btf.size_of(only(&btf, Kind::Var, "task")), Some(8));
    assert_eq!(btf.size_of(only(&btf, Kind::Fwd, "opaque")), None);
    assert_eq!(btf.size_of(TypeId::VOID), None);
}

#[test]
fn a_size_beyond_64_bits_is_no_size() {
    let mut builder = Builder::new();
    let mut of = builder.int("int", 4, 1);
    for _ in 0..3 {
        of = builder.array(of, u32::MAX);
    }
    assert_eq!(
        Btf::parse(builder.bytes()).unwrap().size_of(TypeId(of)),
        None
    );
}

#[test]
fn sections_list_variables_and_kernel_functions() {
    let btf = kinds();
    let Type::DataSec(bss) = btf.type_at(only(&btf, Kind::DataSec, ".bss")) else {
        panic!()
    };
    let names: Vec<&str> = bss
        .variables()
        .map(|variable| btf.name(variable.of))
        .collect();
    assert_eq!(names, ["tagged", "task", "root"]);
    let Type::DataSec(ksyms) = btf.type_at(only(&btf, Kind::DataSec, ".ksyms")) else {
        panic!()
    };
    let function = ksyms.variables().next().unwrap().of;
    let Type::Func { proto, linkage } = btf.type_at(function) else {
        panic!()
    };
    assert_eq!(linkage, Linkage::Extern);
    let Type::FuncProto(signature) = btf.type_at(proto) else {
        panic!()
    };
    assert_eq!(btf.name(signature.returns), "int");
    assert_eq!(signature.parameters().len(), 1);
}

#[test]
fn tags_tell_what_they_are_attached_to() {
    let btf = kinds();
    let tag = only(&btf, Kind::DeclTag, "event");
    let Type::DeclTag { of, component } = btf.type_at(tag) else {
        panic!()
    };
    assert_eq!((btf.name(of), component), ("event", None));
    let Type::TypeTag(of) = btf.type_at(only(&btf, Kind::TypeTag, "user")) else {
        panic!()
    };
    assert_eq!(btf.name(of), "int");
    let Type::Fwd { union } = btf.type_at(only(&btf, Kind::Fwd, "opaque_union")) else {
        panic!()
    };
    assert!(union);
}

#[test]
fn enum_values_are_extended_by_their_sign() {
    let mut builder = Builder::new();
    let low = builder.text("LOW");
    let high = builder.text("HIGH");
    builder.record("signed", FLAG | info(6, 1), 4, &[low, 0xffff_fffe]);
    builder.record("unsigned", info(6, 1), 4, &[low, 0xffff_fffe]);
    builder.record("wide", info(19, 2), 8, &[low, 5, 0, high, 1, 0x8000_0000]);
    let btf = Btf::parse(builder.bytes()).unwrap();
    let values = |name| {
        let kind = if name == "wide" {
            Kind::Enum64
        } else {
            Kind::Enum
        };
        let Type::Enum(of) = btf.type_at(only(&btf, kind, name)) else {
            panic!()
        };
        of.values().collect::<Vec<_>>()
    };
    assert_eq!(values("signed"), [("LOW", (-2_i64).cast_unsigned())]);
    assert_eq!(values("unsigned"), [("LOW", 0xffff_fffe)]);
    assert_eq!(
        values("wide"),
        [("LOW", 5), ("HIGH", 0x8000_0000_0000_0001)]
    );
}

#[test]
fn names_are_found_with_and_without_their_flavour() {
    let btf = kinds();
    assert!(btf.find(Kind::Struct, "task").is_none());
    let flavoured = only(&btf, Kind::Struct, "task___old");
    let by_root: Vec<TypeId> = btf.by_essential_name("task").collect();
    assert_eq!(by_root, [flavoured, only(&btf, Kind::Var, "task")]);
    let all: Vec<Kind> = btf.by_name("event").map(|id| btf.kind(id)).collect();
    assert_eq!(all, [Kind::Struct, Kind::DeclTag]);
    assert_eq!(
        btf.by_name("").count(),
        0,
        "anonymous types have no name to be found by"
    );
}

#[test]
fn a_flavour_begins_at_the_last_three_underscores_between_others() {
    for (name, essential) in [
        ("task_struct", "task_struct"),
        ("task_struct___v5", "task_struct"),
        ("a___b___c", "a___b"),
        ("a____b", "a____b"),
        ("___a", "___a"),
        ("a___", "a___"),
        ("", ""),
    ] {
        assert_eq!(essential_name(name), essential, "{name}");
    }
}

#[test]
fn raw_records_and_their_references_are_enough_to_copy_a_btf() {
    let btf = kinds();
    let mut copy = Builder::new();
    copy.strings = btf.strings().as_bytes().to_vec();
    for id in btf.ids() {
        let mut record = btf.raw(id).to_vec();
        // Taken apart and put together again, so that each word is named exactly once.
        let mut seen = Vec::new();
        references(&btf.header(id), |reference| {
            let (Reference::Name(at) | Reference::Type(at)) = reference;
            seen.push((at, word(&record, at)));
            Ok::<(), ()>(())
        })
        .unwrap();
        for (at, _) in &seen {
            record[*at..at + 4].fill(0xff);
        }
        for (at, value) in seen {
            assert_eq!(word(&record, at), u32::MAX);
            record[at..at + 4].copy_from_slice(&value.to_le_bytes());
        }
        copy.types.extend_from_slice(&record);
    }
    assert_eq!(copy.bytes(), KINDS);
}

#[test]
fn numbers_beyond_the_last_type_are_void() {
    let btf = kinds();
    for id in [0, 66, u32::MAX] {
        assert!(matches!(btf.type_at(TypeId(id)), Type::Void));
        assert_eq!(btf.name(TypeId(id)), "");
        assert!(btf.raw(TypeId(id)).is_empty());
    }
}
