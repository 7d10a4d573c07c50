//! Whatever is written reads back the same: payloads, envelopes, names. Properties over generated
//! values; a failing one is printed with the seed that gives it again.

use std::collections::BTreeMap;

use payload::digest::Digest;
use payload::file::{ArchObject, Contents, encode};
use payload::manifest::{Arch, Carry, Described, Handler, Inspected, Manifest, Merge};
use payload::name::{InstanceName, PayloadName, Version};
use payload::object::inspect;
use payload::signature::{Envelope, SigningKey, Statement, TrustedKeys, Unverified, VerifyError};
use payload::unsigned::Unsigned;
use proptest::prelude::*;

use super::build::{OBJECT, section};

fn payload_name() -> impl Strategy<Value = PayloadName> {
    "[a-z0-9]{1,8}([-_.][a-z0-9]{1,8}){0,3}/[a-z0-9]{1,8}([-_.][a-z0-9]{1,8}){0,3}"
        .prop_map(|name| name.parse().unwrap())
}

fn version() -> impl Strategy<Value = Version> {
    "(0|[1-9][0-9]{0,4})\\.(0|[1-9][0-9]{0,4})\\.(0|[1-9][0-9]{0,4})(-[a-z][a-z0-9]{0,8})?"
        .prop_map(|version| version.parse().unwrap())
}

fn described() -> impl Strategy<Value = Described> {
    let text = proptest::option::of("[^\\p{Cc}]{1,60}");
    let license = proptest::option::of("[A-Za-z0-9][A-Za-z0-9 .+()-]{0,40}");
    let carry = prop_oneof![Just(Carry::Auto), Just(Carry::Never), Just(Carry::Require)];
    let merge = prop_oneof![Just(Merge::None), Just(Merge::Add), Just(Merge::Replace)];
    let kernel = proptest::option::of((0_u16.., 0_u16..));
    (text, license, carry, merge, any::<bool>(), kernel).prop_map(
        |(description, license, carry, merge, settable, kernel)| Described {
            description,
            license,
            kernel_min: kernel.map(|(major, minor)| format!("{major}.{minor}").parse().unwrap()),
            carry: BTreeMap::from([("events".to_owned(), carry)]),
            merge: BTreeMap::from([(".bss".to_owned(), merge)]),
            settable: settable.then(|| "min_pid".to_owned()).into_iter().collect(),
            ..Described::default()
        },
    )
}

/// A handler that is a module of custom sections, and the manifest's word about it.
fn handler() -> impl Strategy<Value = Option<(Vec<u8>, Handler)>> {
    let sections = proptest::collection::vec(("[a-z.]{1,20}", any::<Vec<u8>>()), 1..5);
    let facts = (
        "[ -~]{1,40}",
        proptest::collection::vec("[ -~]{1,20}", 0..5),
        any::<u64>(),
        any::<u32>(),
    );
    proptest::option::of((sections, facts).prop_map(|(sections, facts)| {
        let mut wasm = b"\0asm\x01\0\0\0".to_vec();
        for (name, data) in sections {
            // Names of metadata sections are refused, see the tests of handlers.
            wasm.extend(section(&format!("x{name}"), &data));
        }
        let (world, imports, memory_bytes_max, call_ms_max) = facts;
        (
            wasm,
            Handler {
                world,
                imports,
                memory_bytes_max,
                call_ms_max,
            },
        )
    }))
}

fn architectures() -> impl Strategy<Value = Vec<Arch>> {
    prop_oneof![
        Just(vec![Arch::Any]),
        proptest::sample::subsequence(
            vec![
                Arch::Aarch64,
                Arch::Loongarch64,
                Arch::Riscv64,
                Arch::X86_64
            ],
            1..=4
        ),
    ]
}

prop_compose! {
    fn contents()(
        name in payload_name(),
        version in version(),
        mut described in described(),
        architectures in architectures(),
        handler in handler(),
    ) -> Contents {
        let (wasm, facts) = handler.unzip();
        described.handler = facts;
        let object = inspect(OBJECT).unwrap();
        let inspected = |arch: &Arch| Inspected { arch: *arch, bytes: OBJECT, object: &object };
        let inspected: Vec<Inspected<'_>> = architectures.iter().map(inspected).collect();
        let manifest = Manifest::computed(name, version, described, &inspected).unwrap();
        let objects = architectures
            .into_iter()
            .map(|arch| ArchObject { arch, bytes: OBJECT.to_vec() })
            .collect();
        Contents { manifest, objects, handler: wasm }
    }
}

proptest! {
    #[test]
    fn decoding_an_encoded_payload_gives_its_contents(contents in contents()) {
        let file = encode(&contents).unwrap();
        let unsigned = Unsigned::from_payload(&file).unwrap();
        prop_assert_eq!(unsigned.contents(), &contents);
        prop_assert_eq!(unsigned.digest(), &Digest::of(&file));
        prop_assert_eq!(encode(&unsigned.into_contents()).unwrap(), file);
    }

    #[test]
    fn enough_signatures_verify_and_a_flipped_bit_does_not(
        contents in contents(),
        signers in proptest::collection::btree_set(0_u8..8, 1..5),
        needed in 1_u32..5,
        at in any::<prop::sample::Index>(),
        bit in 0_u32..8,
    ) {
        let mut file = encode(&contents).unwrap();
        let manifest = &contents.manifest;
        let (name, version) = (manifest.name.clone(), manifest.version.clone());
        let statement = Statement { name, version, digest: Digest::of(&file) };
        let keys: Vec<SigningKey> =
            signers.iter().map(|seed| SigningKey::from_seed(&[*seed; 32])).collect();
        let mut envelope = Envelope::sign(&statement, &keys[0]).unwrap();
        let mut trusted = TrustedKeys::new();
        for key in &keys {
            // The first has signed already.
            let _ = envelope.add(key);
            trusted.trust(key.public(), manifest.name.to_namespace()).unwrap();
        }
        trusted.require(manifest.name.to_namespace(), needed.try_into().unwrap());
        let envelope = envelope.encode().unwrap();
        let verify = |file: Vec<u8>| Unverified::decode(file, &envelope).unwrap().verify(&trusted);
        let result = verify(file.clone());
        prop_assert_eq!(result.is_ok(), keys.len() >= needed as usize);
        if let Ok(verified) = result {
            prop_assert_eq!(verified.contents(), &contents);
            let at = at.index(file.len());
            file[at] ^= 1 << bit;
            let refused = matches!(verify(file), Err(VerifyError::Digest { .. }));
            prop_assert!(refused);
        }
    }

    #[test]
    fn names_read_back_as_they_are_shown(name in payload_name(), version in version()) {
        prop_assert_eq!(&name.to_string().parse::<PayloadName>().unwrap(), &name);
        prop_assert_eq!(&version.to_string().parse::<Version>().unwrap(), &version);
        let joined = format!("{}/{}", name.namespace(), name.name());
        prop_assert_eq!(joined, name.as_str());
    }

    #[test]
    fn any_text_is_a_valid_name_or_an_error(text in "\\PC{0,80}") {
        if let Ok(name) = text.parse::<PayloadName>() {
            prop_assert!(!name.as_str().contains(".."));
            prop_assert_eq!(name.as_str().matches('/').count(), 1);
        }
        if let Ok(name) = text.parse::<InstanceName>() {
            prop_assert!(!name.as_str().starts_with('.') && !name.as_str().contains('/'));
        }
    }
}
