//! The fuzz targets of the format, its signatures and the legacy JSON. Each checks that what is
//! accepted reads back the same. Must never accept an input without checking something about it.

use payload::file::encode;
use payload::file::handler::bare;
use payload::handler::inspect;
use payload::legacy;
use payload::limits;
use payload::manifest::{Handler, Manifest};
use payload::signature::{
    Envelope, PublicKey, SigningKey, TrustedKeys, Unverified, UnverifiedFloor,
};
use payload::unsigned::{Unsigned, UnsignedError};

use crate::corpus;
use crate::engine::Target;

const JSON_WORDS: [&[u8]; 14] = [
    b"{}",
    b"[]",
    b"null",
    b"-1",
    b"1e999",
    b"18446744073709551616",
    b"\"\\ud800\"",
    b"\\u0000",
    b"\"\"",
    b",",
    b":",
    b"[[[[[[[[",
    b"true",
    b"\"name\":",
];

/// What came of an input: the error, or that there was none.
fn outcome<T, E: std::fmt::Display>(result: &Result<T, E>) -> String {
    match result {
        Ok(_) => "accepted".to_owned(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn fuzz_payload_file() {
    let check = |input: &[u8]| {
        let result = Unsigned::from_payload(input);
        if let Ok(unsigned) = &result {
            let file = encode(unsigned.contents()).unwrap();
            assert_eq!(
                Unsigned::from_payload(&file).unwrap().contents(),
                unsigned.contents()
            );
        }
        outcome(&result)
    };
    let words: [&[u8]; 6] = [
        b"marrow:manifest",
        b"marrow:object/x86_64",
        b"\0asm\x0d\0\x01\0",
        b"\x00\x01\x00",
        b"\x80\x80\x80\x80\x10",
        b"producers",
    ];
    let corpus = &corpus::PAYLOADS;
    Target {
        name: "fuzz_payload_file",
        corpus,
        words: &words,
        check: &check,
    }
    .run();
}

#[test]
fn fuzz_handler() {
    let check = |input: &[u8]| {
        let handler = match inspect(input) {
            Ok(handler) => handler,
            Err(error) => return error.to_string(),
        };
        assert!(handler.imports.is_sorted_by(|one, next| one < next));
        assert!(handler.imports.iter().all(|import| import.contains('#')));
        // Metadata is all that is taken out: it is the same handler. Names that no tool could read
        // are refused.
        if let Ok(without) = bare(input) {
            assert_eq!(inspect(&without).unwrap(), handler);
        }
        let mut manifest = Handler::of_world(&"1.0.0".parse().unwrap());
        manifest.take_facts(&handler);
        manifest.agrees_with(&handler).unwrap();
        // What it has tells handlers apart better than that they are accepted.
        let (imports, exports) = (handler.imports.len(), handler.exports.len());
        let abi = handler.abi.map(|abi| abi.accepts.len());
        let counts = ["i".repeat(imports), "e".repeat(exports)].join(" ");
        format!("accepted: {counts} {}", "a".repeat(abi.unwrap_or(0)))
    };
    let words: [&[u8]; 8] = [
        b"\0asm\x0d\0\x01\0",
        b"\0asm\x01\0\0\0",
        b"handler-abi",
        b";schema=7",
        b";accepts=1, 2",
        b"marrow:handler/host@1.0.0",
        b"\x80\x80\x80\x80\x10",
        b"\0\x0d\x0bhandler-abi",
    ];
    let corpus = &corpus::HANDLERS;
    Target {
        name: "fuzz_handler",
        corpus,
        words: &words,
        check: &check,
    }
    .run();
}

#[test]
fn fuzz_manifest() {
    let check = |input: &[u8]| {
        let result = Manifest::from_json(input);
        if let Ok(manifest) = &result {
            let json = manifest.to_json().unwrap();
            assert_eq!(&Manifest::from_json(&json).unwrap(), manifest);
        }
        outcome(&result)
    };
    let words: Vec<&[u8]> = [
        &JSON_WORDS[..],
        &[b"\"format\":2,", b"\"any\"", b"\"x86_64\""],
    ]
    .concat();
    let corpus = &corpus::MANIFESTS;
    Target {
        name: "fuzz_manifest",
        corpus,
        words: &words,
        check: &check,
    }
    .run();
}

#[test]
fn fuzz_envelope() {
    let public = PublicKey::from_pem(corpus::KEYS[1]).unwrap();
    let mut keys = TrustedKeys::new();
    keys.trust(public, "acme".parse().unwrap()).unwrap();
    let signed = Envelope::decode(corpus::ENVELOPES[0])
        .unwrap()
        .unverified_statement()
        .clone();
    let check = |input: &[u8]| {
        let result = Envelope::decode(input);
        // No key of this process signs floors: none is ever believed.
        let floor = UnverifiedFloor::decode(input);
        assert!(floor.is_err() || result.is_err(), "two kinds at once");
        assert!(floor.is_err() || floor.unwrap().verify(&keys).is_err());
        if let Ok(envelope) = &result {
            let bytes = envelope.encode().unwrap();
            assert_eq!(&Envelope::decode(&bytes).unwrap(), envelope);
            let unverified = Unverified::decode(corpus::PAYLOADS[0].to_vec(), input).unwrap();
            // Only what the key's holder signed: the key is not in this process.
            if unverified.verify(&keys).is_ok() {
                assert_eq!(envelope.unverified_statement(), &signed);
            }
        }
        outcome(&result)
    };
    let words: Vec<&[u8]> = [&JSON_WORDS[..], &[b"\"sig\":\"\"", b"=", b"\"keyid\":"]].concat();
    let corpus = &corpus::ENVELOPES;
    Target {
        name: "fuzz_envelope",
        corpus,
        words: &words,
        check: &check,
    }
    .run();
}

#[test]
fn fuzz_key() {
    let check = |input: &[u8]| {
        let private = SigningKey::from_pem(input);
        if let Ok(key) = &private {
            let again = SigningKey::from_pem(key.to_pem().unwrap().as_str().as_bytes()).unwrap();
            assert_eq!(again.public(), key.public());
        }
        let public = PublicKey::from_pem(input);
        if let Ok(key) = &public {
            assert_eq!(
                PublicKey::from_pem(key.to_pem().unwrap().as_bytes()).unwrap(),
                *key
            );
        }
        assert!(private.is_err() || public.is_err(), "one text is two keys");
        outcome(&private) + &outcome(&public)
    };
    let words: [&[u8]; 4] = [b"-----BEGIN PUBLIC KEY-----\n", b"MC4CAQ", b"=", b"\r\n"];
    let corpus = &corpus::KEYS;
    Target {
        name: "fuzz_key",
        corpus,
        words: &words,
        check: &check,
    }
    .run();
}

/// What must hold for any legacy JSON.
fn check_legacy(input: &[u8]) -> String {
    let result = legacy::read(input);
    if let Ok(legacy) = &result {
        assert!(legacy.object.len() <= limits::OBJECT_BYTES_MAX);
    }
    let unsigned = Unsigned::from_legacy(input);
    match (&result, &unsigned) {
        (Ok(legacy), Ok(unsigned)) => {
            let object = &unsigned.contents().objects[0].bytes;
            assert_eq!(object, &legacy.object);
            unsigned.contents().manifest.to_json().unwrap();
            let json =
                legacy::write_generation_0(&legacy.name, object, &unsigned.inspected().into());
            assert_eq!(&legacy::read(json.as_bytes()).unwrap().object, object);
        }
        (Err(error), Err(UnsignedError::Legacy(same))) => assert_eq!(error, same),
        (Err(error), other) => panic!("{error}, but unsigned says {other:?}"),
        (Ok(_), Err(_)) => {}
    }
    outcome(&unsigned)
}

fn run_legacy(name: &'static str, corpus: &[&[u8]]) {
    let words: Vec<&[u8]> = [
        &JSON_WORDS[..],
        &[
            b"\"data_sz\":",
            b"\\n",
            b"=",
            b"eJw",
            b"\"maps\":",
            b"\"progs\":",
            b"\"args\":[\"",
        ],
    ]
    .concat();
    Target {
        name,
        corpus,
        words: &words,
        check: &check_legacy,
    }
    .run();
}

#[test]
fn fuzz_legacy_generation_0() {
    run_legacy("fuzz_legacy_generation_0", &corpus::GENERATION_0);
}

#[test]
fn fuzz_legacy_generation_1() {
    run_legacy("fuzz_legacy_generation_1", &corpus::GENERATION_1);
}

#[test]
fn fuzz_legacy_generation_2() {
    run_legacy("fuzz_legacy_generation_2", &corpus::GENERATION_2);
}
