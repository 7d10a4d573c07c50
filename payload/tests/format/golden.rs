//! The golden payload reads as it was written, and is written as it reads.
//! Must never be adapted to a change: a new form of the format gets new files.

use payload::file::encode;
use payload::manifest::Arch;
use payload::signature::{Envelope, Unverified};
use payload::unsigned::{Origin, Unsigned};
use wasmparser::{KnownCustom, Name, Parser, Payload};

use super::build::{ENVELOPE, FILE, OBJECT, contents, key, signed, trusted};

#[test]
fn golden_payload_is_written_byte_for_byte() {
    assert!(
        encode(&contents()).unwrap() == FILE,
        "the written payload is not the golden one"
    );
}

#[test]
fn golden_payload_reads_as_it_was_written() {
    let unsigned = Unsigned::from_payload(FILE).unwrap();
    assert_eq!(unsigned.contents(), &contents());
    assert_eq!(unsigned.origin(), Origin::Payload);
    assert_eq!(unsigned.object(Arch::X86_64), Some(OBJECT));
    let inspected = unsigned.inspected();
    assert_eq!(inspected.programs[0].name, "on_exec");
    assert_eq!(inspected.events[0].struct_name, "event");
}

#[test]
fn golden_envelope_is_written_byte_for_byte() {
    assert_eq!(signed(FILE, &key()).encode().unwrap(), ENVELOPE);
}

#[test]
fn golden_payload_is_verified_by_the_golden_key() {
    let unverified = Unverified::decode(FILE.to_vec(), ENVELOPE).unwrap();
    assert_eq!(unverified.name().as_str(), "acme/small");
    assert_eq!(unverified.version().as_str(), "1.0.0");
    assert_eq!(
        unverified.key_ids().collect::<Vec<_>>(),
        [key().public().id()]
    );
    let verified = unverified.verify(&trusted()).unwrap();
    assert_eq!(verified.contents(), &contents());
    assert_eq!(verified.signers().len(), 1);
    assert_eq!(verified.object(Arch::Aarch64), Some(OBJECT));
    assert_eq!(
        verified.digest(),
        Unsigned::from_payload(FILE).unwrap().digest()
    );
}

#[test]
fn wasm_tools_show_what_the_manifest_says() {
    // The sections that `wasm-tools metadata show` prints, found the way it finds them.
    let mut shown = Vec::new();
    for part in Parser::new(0).parse_all(FILE) {
        let Payload::CustomSection(section) = part.unwrap() else {
            continue;
        };
        match section.as_known() {
            KnownCustom::ComponentName(names) => {
                for name in names {
                    if let wasmparser::ComponentName::Component { name, .. } = name.unwrap() {
                        shown.push(("name", name.to_owned()));
                    }
                }
            }
            KnownCustom::Name(names) => {
                for name in names {
                    assert!(
                        !matches!(name.unwrap(), Name::Module { .. }),
                        "that of a module"
                    );
                }
            }
            KnownCustom::Producers(fields) => {
                for field in fields {
                    let field = field.unwrap();
                    for value in field.values {
                        let value = value.unwrap();
                        shown.push((field.name, format!("{} {}", value.name, value.version)));
                    }
                }
            }
            _ if section.name().starts_with("marrow:") => {}
            _ => shown.push((
                section.name(),
                String::from_utf8(section.data().into()).unwrap(),
            )),
        }
    }
    let manifest = contents().manifest;
    let expected = [
        ("name", "acme/small".to_owned()),
        ("language", "C ".to_owned()),
        ("processed-by", "clang 14.0.6".to_owned()),
        ("version", "1.0.0".to_owned()),
        ("description", manifest.description.unwrap()),
        ("licenses", manifest.license.unwrap()),
        ("source", manifest.source.unwrap()),
    ];
    assert_eq!(shown, expected);
    wasmparser::Validator::new().validate_all(FILE).unwrap();
}

#[test]
fn another_tools_spacing_of_the_envelope_is_read() {
    let spaced: serde_json::Value = serde_json::from_slice(ENVELOPE).unwrap();
    let spaced = serde_json::to_vec_pretty(&spaced).unwrap();
    let envelope = Envelope::decode(&spaced).unwrap();
    assert_eq!(envelope.encode().unwrap(), ENVELOPE);
}
