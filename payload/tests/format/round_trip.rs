//! Whatever is written reads back the same: payloads, envelopes, names. Properties over generated
//! values; a failing one is printed with the seed that gives it again.

use std::collections::BTreeMap;

use payload::digest::Digest;
use payload::file::{ArchObject, Contents, encode};
use payload::handler::{ABI_SECTION, inspect as inspect_handler};
use payload::manifest::{
    Access, Arch, Carry, CarryState, Described, Handler as ManifestHandler, Inspected, Limit,
    Manifest, MapAccess, Merge, Metric, MetricKind, UpperBound,
};
use payload::name::{InstanceName, PayloadName, Version};
use payload::object::inspect;
use payload::signature::{Envelope, SigningKey, Statement, TrustedKeys, Unverified, VerifyError};
use payload::unsigned::Unsigned;
use proptest::prelude::*;

use super::build::{OBJECT, core_importing, section};

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

/// A metric that has no name yet.
fn metric() -> impl Strategy<Value = Metric> {
    let kind = prop_oneof![
        Just(MetricKind::Counter),
        Just(MetricKind::Gauge),
        Just(MetricKind::Histogram)
    ];
    let buckets = proptest::collection::btree_set(any::<i32>(), 1..8);
    let labels = proptest::collection::btree_set("[a-h_][a-z0-9]{0,8}", 0..4);
    let last = any::<f64>().prop_filter("behind the others", |last| *last > 1e9);
    (kind, buckets, labels, 1..10_000_u32, last).prop_map(
        |(kind, buckets, labels, series, last)| {
            // All digits of a number must come back.
            let bounds = buckets.iter().map(|bound| f64::from(*bound) / 7.0);
            let bounds = bounds.chain([last]).map(UpperBound::try_from);
            let histogram = kind == MetricKind::Histogram;
            Metric {
                name: String::new(),
                kind,
                help: series.is_multiple_of(2).then(|| "help".to_owned()),
                labels: labels.into_iter().collect(),
                buckets: bounds.flatten().filter(|_| histogram).collect(),
                series_max: Limit(series),
            }
        },
    )
}

/// Metrics in the order of their names.
fn metrics() -> impl Strategy<Value = Vec<Metric>> {
    let named = |(name, metric)| Metric { name, ..metric };
    proptest::collection::btree_map("[a-z_][a-z0-9]{0,20}", metric(), 0..4)
        .prop_map(move |metrics| metrics.into_iter().map(named).collect())
}

/// Wishes for a handler.
fn wishes() -> impl Strategy<Value = ManifestHandler> {
    let access = prop_oneof![Just(Access::Read), Just(Access::Write)];
    let state = prop_oneof![
        Just(CarryState::Carry),
        Just(CarryState::Require),
        Just(CarryState::Fresh)
    ];
    let config = proptest::collection::btree_map("[a-z_][a-z0-9_]{0,20}", "[ -~\n\t]{0,40}", 0..5);
    let limits = (65_536..1_u64 << 30, 1..1000_u32, 0..1000_u32, 1..10_000_u32);
    let maps = proptest::option::of(access);
    (state, maps, metrics(), config, limits).prop_map(|(state, access, metrics, config, limits)| {
        let (memory_bytes_max, call_ms_max, log_lines, state_ms) = limits;
        let entry = |access| MapAccess {
            map: "events".to_owned(),
            access,
        };
        ManifestHandler {
            state,
            maps: access.map(entry).into_iter().collect(),
            metrics,
            config,
            memory_bytes_max,
            call_ms_max,
            log_lines_per_s_max: Limit(log_lines),
            state_ms_max: Limit(state_ms),
            ..ManifestHandler::of_world(&"1.0.0".parse().unwrap())
        }
    })
}

/// A handler that imports functions and has custom sections, and the manifest's word about it.
fn handler() -> impl Strategy<Value = Option<(Vec<u8>, ManifestHandler)>> {
    let sections = proptest::collection::vec(("[a-z.]{1,20}", any::<Vec<u8>>()), 0..4);
    let imports = proptest::collection::vec("[ !$-~]{1,20}", 0..5);
    let abi = proptest::option::of((
        any::<u32>(),
        proptest::collection::btree_set(0..9_u32, 0..4),
    ));
    proptest::option::of((sections, imports, abi, wishes()).prop_map(
        |(sections, imports, abi, mut listed)| {
            let mut wasm = core_importing(&imports);
            for (name, data) in sections {
                // Names of metadata sections are refused, see the tests of handlers.
                wasm.extend(section(&format!("x{name}"), &data));
            }
            if let Some((schema, accepts)) = abi {
                let accepts: Vec<String> = accepts.iter().map(u32::to_string).collect();
                let accepts = accepts.join(",");
                let text = format!("world=1.3.0;sdk=any/2;schema={schema};accepts={accepts}");
                wasm.extend(section(ABI_SECTION, text.as_bytes()));
            }
            listed.take_facts(&inspect_handler(&wasm).unwrap());
            (wasm, listed)
        },
    ))
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
