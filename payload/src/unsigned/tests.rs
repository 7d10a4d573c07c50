//! The rules of unsigned input. Run by `cargo test`; the whole format is tested in tests/format.
//! Must never use an input that the rules do not speak of.

use super::*;
use crate::legacy::{Rule, wrap, write_generation_0};

const OBJECT: &[u8] = include_bytes!("../../tests/golden/small.bpf.o");
const REGISTERS: &[u8] = include_bytes!("../../tests/fuzz/corpus/core_registers.bpf.o");
const NO_BTF: &[u8] = include_bytes!("../../tests/fuzz/corpus/no_btf.bpf.o");
const PAYLOAD: &[u8] = include_bytes!("../../tests/golden/small.wasm");

fn fallback() -> PayloadName {
    "acme/fallback".parse().unwrap()
}

/// Generation-0 JSON of the golden object under this name.
fn legacy(name: &str) -> String {
    let object = object::inspect(OBJECT).unwrap();
    write_generation_0(name, OBJECT, &Skeleton::from(&object))
}

#[test]
fn kinds_are_told_by_their_beginning() {
    assert_eq!(sniff(PAYLOAD), Some(Kind::Payload));
    assert_eq!(sniff(OBJECT), Some(Kind::Object));
    assert_eq!(sniff(b" \r\n\t{"), Some(Kind::LegacyJson));
    for neither in [
        &b""[..],
        b"[]",
        b"\x7fEL",
        b"\0as",
        b"#!/bin/sh",
        b"\xef\xbb\xbf{",
        b"   ",
    ] {
        assert_eq!(sniff(neither), None, "{neither:?}");
    }
}

#[test]
fn a_foreign_input_is_shown_as_text_if_it_is_text_else_as_bytes() {
    for (input, shown) in [
        (&b""[..], "is empty"),
        (b"#!/bin/sh\n", r##"begins with "#!/bin/sh\n""##),
        (b"PK\x03\x04", "begins with the bytes 50 4b 03 04"),
        (b"\xff\xfe", "begins with the bytes ff fe"),
        (b"\x1b[31m", "begins with the bytes 1b 5b 33 31 6d"),
        (b"\xc3", "begins with the bytes c3"),
        // Of a long text the first sixteen bytes, and no half of a letter.
        (
            "0123456789abcdeä".as_bytes(),
            r#"begins with "0123456789abcde""#,
        ),
    ] {
        let error = Unsigned::from_any(input, &fallback()).unwrap_err();
        let error = error.to_string();
        let (_, beginning) = error.split_once("legacy JSON: ").unwrap();
        assert_eq!(beginning, shown, "{input:02x?}");
    }
}

#[test]
fn every_kind_gives_the_same_object_and_says_where_it_came_from() {
    let legacy = legacy("small");
    for (bytes, name, origin) in [
        (PAYLOAD, "acme/small", Origin::Payload),
        (OBJECT, "acme/fallback", Origin::Object),
        (
            legacy.as_bytes(),
            "local/small",
            Origin::Legacy(Generation::Zero),
        ),
    ] {
        let unsigned = Unsigned::from_any(bytes, &fallback()).unwrap();
        assert_eq!(unsigned.contents().manifest.name.as_str(), name);
        assert_eq!(unsigned.origin(), origin);
        assert_eq!(unsigned.object(Arch::X86_64), Some(OBJECT));
        assert_eq!(unsigned.inspected().events.len(), 1);
    }
}

#[test]
fn digest_without_a_payload_file_is_that_of_the_object() {
    let from_object = Unsigned::from_object(&fallback(), OBJECT).unwrap();
    let from_legacy = Unsigned::from_legacy(legacy("a").as_bytes()).unwrap();
    assert_eq!(from_object.digest(), &Digest::of(OBJECT));
    assert_eq!(from_legacy.digest(), from_object.digest());
    assert_eq!(
        Unsigned::from_payload(PAYLOAD).unwrap().digest(),
        &Digest::of(PAYLOAD)
    );
}

#[test]
fn legacy_names_become_payload_names() {
    for (given, name) in [
        ("execsnoop", "local/execsnoop"),
        ("", "local/default"),
        ("Exec_Snoop.BPF", "local/exec_snoop.bpf"),
        ("../../etc/passwd", "local/etc-passwd"),
        ("<script>", "local/script"),
        ("___", "local/default"),
        ("a__b", "local/a_b"),
        ("ünïx", "local/n-x"),
    ] {
        let unsigned = Unsigned::from_legacy(legacy(given).as_bytes()).unwrap();
        assert_eq!(
            unsigned.contents().manifest.name.as_str(),
            name,
            "{given:?}"
        );
    }
    let long = Unsigned::from_legacy(legacy(&"x".repeat(200)).as_bytes()).unwrap();
    assert_eq!(
        long.contents().manifest.name.name().len(),
        NAME_PART_BYTES_MAX
    );
}

#[test]
fn wrapper_suggests_the_instance_before_the_program() {
    let suggested = |json: &str| {
        let unsigned = Unsigned::from_legacy(json.as_bytes()).unwrap();
        unsigned.suggested_instance().map(str::to_owned)
    };
    assert_eq!(suggested(&legacy("own")).as_deref(), Some("own"));
    assert_eq!(
        suggested(&wrap("outer", &legacy("own"))).as_deref(),
        Some("outer")
    );
    assert_eq!(suggested(&wrap("", &legacy("own"))).as_deref(), Some("own"));
    assert_eq!(suggested(&legacy("")), None);
}

#[test]
fn legacy_name_that_the_object_does_not_have_is_refused_before_loading() {
    let json = legacy("small").replace("\"on_exec\"", "\"on_fork\"");
    let error = Unsigned::from_legacy(json.as_bytes()).unwrap_err();
    let UnsignedError::Legacy(LegacyError { path, rule }) = error else {
        panic!("{error}");
    };
    assert_eq!(path, "progs[0]");
    assert!(
        matches!(rule, Rule::UnknownName { name, has } if name == "on_fork" && has == ["on_exec"])
    );
}

#[test]
fn object_that_reads_registers_is_for_this_machine() {
    let arch = |bytes| {
        Unsigned::from_object(&fallback(), bytes)
            .unwrap()
            .contents()
            .objects[0]
            .arch
    };
    assert_eq!(arch(REGISTERS), Arch::here().unwrap_or(Arch::Any));
    assert_eq!(arch(OBJECT), Arch::Any);
}

#[test]
fn object_without_btf_has_no_types_and_no_events() {
    let unsigned = Unsigned::from_object(&fallback(), NO_BTF).unwrap();
    let manifest = &unsigned.contents().manifest;
    assert!(manifest.events.is_empty());
    assert!(manifest.maps.iter().all(|map| map.value_type.is_none()));
}

#[test]
fn broken_inputs_say_which_kind_they_were_taken_for() {
    let any = |bytes: &[u8]| Unsigned::from_any(bytes, &fallback()).unwrap_err();
    assert!(matches!(any(b"\0asm"), UnsignedError::File(_)));
    assert!(matches!(any(b"\x7fELF"), UnsignedError::Object(_)));
    assert!(matches!(any(b"{"), UnsignedError::Legacy(_)));
    let large = vec![0x7f; OBJECT_BYTES_MAX + 1];
    assert!(matches!(
        Unsigned::from_object(&fallback(), &large),
        Err(UnsignedError::Object(ObjectError::TooLarge { .. }))
    ));
}
