//! Broken BTF is refused, each time for the rule it breaks. Must never accept "some error".

use payload::btf::{Btf, BtfError, Kind, TypeId};
use payload::limits::{BTF_BYTES_MAX, BTF_DEPTH_MAX};

use crate::KINDS;
use crate::builder::{Builder, FLAG, info};

fn refused(bytes: &[u8]) -> BtfError {
    Btf::parse(bytes.to_vec()).unwrap_err()
}

/// The refusal of a BTF that consists of an `int` and what `add` adds.
fn refused_with<T>(add: impl FnOnce(&mut Builder) -> T) -> BtfError {
    let mut builder = Builder::new();
    builder.int("int", 4, 1);
    add(&mut builder);
    refused(&builder.bytes())
}

fn patched(at: usize, with: &[u8]) -> Vec<u8> {
    let mut bytes = KINDS.to_vec();
    bytes[at..at + with.len()].copy_from_slice(with);
    bytes
}

#[test]
fn big_endian_is_refused_by_name() {
    let error = refused(&patched(0, &[0xeb, 0x9f]));
    assert_eq!(error, BtfError::BigEndian);
    assert!(error.to_string().contains("big-endian"));
}

#[test]
fn header_must_be_whole_and_of_version_1() {
    assert_eq!(
        refused(&[]),
        BtfError::HeaderCutOff {
            bytes: 0,
            needed: 24
        }
    );
    assert_eq!(
        refused(&KINDS[..23]),
        BtfError::HeaderCutOff {
            bytes: 23,
            needed: 24
        }
    );
    assert_eq!(
        refused(&patched(0, b"ab")),
        BtfError::MagicWrong { found: 0x6261 }
    );
    assert_eq!(
        refused(&patched(2, &[2])),
        BtfError::VersionUnknown {
            version: 2,
            flags: 0
        }
    );
    assert_eq!(
        refused(&patched(3, &[1])),
        BtfError::VersionUnknown {
            version: 1,
            flags: 1
        }
    );
    let longer = KINDS.len() + 1;
    let long = u32::try_from(longer).unwrap().to_le_bytes();
    let expected = BtfError::HeaderCutOff {
        bytes: KINDS.len(),
        needed: longer,
    };
    assert_eq!(refused(&patched(4, &long)), expected);
}

#[test]
fn sections_must_lie_inside_and_apart() {
    let far = u32::MAX.to_le_bytes();
    for field in [8, 12, 16, 20] {
        let error = refused(&patched(field, &far));
        assert!(
            matches!(error, BtfError::SectionOutside { .. }),
            "{field}: {error}"
        );
    }
    let error = refused(&patched(16, &0_u32.to_le_bytes()));
    assert!(
        matches!(error, BtfError::SectionsMisplaced { .. }),
        "{error}"
    );
    assert!(matches!(
        refused(&KINDS[..KINDS.len() - 1]),
        BtfError::SectionOutside { .. }
    ));
}

#[test]
fn too_many_bytes_are_not_read() {
    let error = refused(&vec![0; BTF_BYTES_MAX + 1]);
    assert_eq!(
        error,
        BtfError::TooLarge {
            bytes: BTF_BYTES_MAX + 1,
            max: BTF_BYTES_MAX
        }
    );
}

#[test]
fn strings_begin_and_end_with_nul_and_are_text() {
    let with_strings = |strings: &[u8]| {
        let mut builder = Builder::new();
        builder.strings = strings.to_vec();
        refused(&builder.bytes())
    };
    assert_eq!(
        with_strings(b""),
        BtfError::StringsUnterminated { length: 0 }
    );
    assert_eq!(
        with_strings(b"a\0"),
        BtfError::StringsUnterminated { length: 2 }
    );
    assert_eq!(
        with_strings(b"\0a"),
        BtfError::StringsUnterminated { length: 2 }
    );
    assert_eq!(
        with_strings(b"\0\xff\0"),
        BtfError::StringsNotText { at: 1 }
    );
}

#[test]
fn records_must_be_whole() {
    let error = refused_with(|builder| builder.types.truncate(8));
    assert_eq!(
        error,
        BtfError::RecordCutOff {
            id: TypeId(1),
            needed: 12,
            left: 8
        }
    );
    let error = refused_with(|builder| {
        builder.record("s", info(4, 0xffff), 4, &[]);
    });
    let needed = 12 + 12 * 0xffff;
    assert_eq!(
        error,
        BtfError::RecordCutOff {
            id: TypeId(2),
            needed,
            left: 12
        }
    );
}

#[test]
fn unknown_kinds_and_impossible_info_words_are_refused() {
    for number in [0, 20, 31] {
        let error = refused_with(|builder| {
            builder.record("x", info(number, 0), 1, &[]);
        });
        assert_eq!(
            error,
            BtfError::KindUnknown {
                id: TypeId(2),
                number
            }
        );
    }
    for word in [
        FLAG | info(2, 0),
        info(2, 1),
        info(12, 3),
        info(2, 0) | 1 << 16,
        1 << 29 | info(2, 0),
    ] {
        let error = refused_with(|builder| {
            builder.record("x", word, 1, &[]);
        });
        assert!(
            matches!(error, BtfError::InfoInvalid { info, .. } if info == word),
            "{word:#x}"
        );
    }
}

#[test]
fn names_and_types_must_exist() {
    let error = refused_with(|builder| {
        builder.record("", info(2, 0), 3, &[]);
    });
    let (to, last) = (TypeId(3), TypeId(2));
    assert_eq!(
        error,
        BtfError::TypeOutside {
            id: TypeId(2),
            to,
            last
        }
    );
    let error = refused_with(|builder| {
        builder.types[0] = 200;
    });
    assert_eq!(
        error,
        BtfError::NameOutside {
            id: TypeId(1),
            at: 200,
            length: 5
        }
    );
    let error = refused_with(|builder| {
        builder.text("é");
        builder.types[0] = 6;
    });
    assert!(
        matches!(error, BtfError::NameOutside { at: 6, .. }),
        "{error}"
    );
}

#[test]
fn references_must_be_of_a_kind_that_can_stand_there() {
    let error = refused_with(|builder| {
        builder.record("f", info(12, 1), 1, &[]);
    });
    let (id, to) = (TypeId(2), TypeId(1));
    let expected = BtfError::ReferenceInvalid {
        id,
        kind: Kind::Func,
        to,
        to_kind: Kind::Int,
    };
    assert_eq!(error, expected);
    let error = refused_with(|builder| {
        builder.array(0, 3);
    });
    assert!(
        matches!(error, BtfError::ReferenceInvalid { to: TypeId(0), .. }),
        "{error}"
    );
    let error = refused_with(|builder| {
        builder.record("section", info(15, 1), 0, &[1, 0, 4]);
    });
    assert!(
        matches!(
            error,
            BtfError::ReferenceInvalid {
                kind: Kind::DataSec,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn sizes_must_be_possible() {
    let refuse = |kind, size, rest: &[u32]| {
        refused_with(|builder| {
            builder.record("x", info(kind, 0), size, rest);
        })
    };
    assert!(matches!(
        refuse(16, 3, &[]),
        BtfError::SizeInvalid { size: 3, .. }
    ));
    assert!(matches!(
        refuse(6, 3, &[]),
        BtfError::SizeInvalid { size: 3, .. }
    ));
    let valued = refused_with(|builder| {
        let name = builder.text("A");
        builder.record("x", info(6, 1), 0, &[name, 1]);
    });
    assert!(matches!(valued, BtfError::SizeInvalid { size: 0, .. }));
    for word in [0, 33, 8 << 24 | 32, 3 << 24 | 32, 1 << 16 | 32] {
        assert!(
            matches!(refuse(1, 4, &[word]), BtfError::IntInvalid { .. }),
            "{word:#x}"
        );
    }
    assert!(matches!(refuse(1, 17, &[32]), BtfError::IntInvalid { .. }));
}

#[test]
fn members_must_begin_inside_their_struct() {
    let error = refused_with(|builder| {
        builder.composite(4, "s", 4, &[("a", 1, 0), ("b", 1, 33)]);
    });
    let expected = BtfError::MemberOutside {
        id: TypeId(2),
        size: 4,
        member: 1,
        bit_offset: 33,
    };
    assert_eq!(error, expected);
}

#[test]
fn types_that_contain_themselves_are_refused() {
    let loops: [fn(&mut Builder) -> u32; 4] = [
        |builder| builder.composite(4, "s", 4, &[("s", 2, 0)]),
        |builder| builder.record("t", info(8, 0), 2, &[]),
        |builder| builder.array(2, 1),
        |builder| {
            builder.record("", info(10, 0), 3, &[]);
            builder.composite(5, "u", 4, &[("a", 1, 0), ("c", 2, 0)])
        },
    ];
    for (number, add) in loops.into_iter().enumerate() {
        let error = refused_with(add);
        assert!(
            matches!(error, BtfError::TooDeep { .. }),
            "{number}: {error}"
        );
    }
}

#[test]
fn nesting_is_accepted_to_the_limit_and_no_further() {
    let nested = |levels: u8, downwards: bool| {
        let mut builder = Builder::new();
        let last = u32::from(levels);
        // The same chain of typedefs, written from its end or from its beginning.
        for id in 1..=last {
            if id == (if downwards { last } else { 1 }) {
                builder.int("int", 4, 1);
            } else {
                builder.record(
                    "t",
                    info(8, 0),
                    if downwards { id + 1 } else { id - 1 },
                    &[],
                );
            }
        }
        Btf::parse(builder.bytes())
    };
    for downwards in [true, false] {
        assert!(nested(BTF_DEPTH_MAX, downwards).is_ok());
        let error = nested(BTF_DEPTH_MAX + 1, downwards).unwrap_err();
        assert!(
            matches!(
                error,
                BtfError::TooDeep {
                    max: BTF_DEPTH_MAX,
                    ..
                }
            ),
            "{error}"
        );
    }
}
