//! The rules of signatures, each with the envelope that breaks it. Run by `cargo test`.
//! Keys come from fixed seeds: the same bytes in every run, and never a key that signs anything.

use std::num::NonZeroU32;

use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE, Engine as _};

use super::*;
use crate::digest::Digest;
use crate::limits;

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

fn statement() -> Statement {
    Statement {
        name: "acme/execsnoop".parse().unwrap(),
        version: "1.0.0".parse().unwrap(),
        digest: Digest::of(b"file"),
    }
}

fn envelope(seeds: &[u8]) -> Envelope {
    let mut envelope = Envelope::sign(&statement(), &key(seeds[0])).unwrap();
    for seed in &seeds[1..] {
        envelope.add(&key(*seed)).unwrap();
    }
    envelope
}

fn trusted(seeds: &[u8], namespace: &str, threshold: u32) -> TrustedKeys {
    let mut keys = TrustedKeys::new();
    for seed in seeds {
        keys.trust(key(*seed).public(), namespace.parse().unwrap())
            .unwrap();
    }
    keys.require(
        namespace.parse().unwrap(),
        NonZeroU32::new(threshold).unwrap(),
    );
    keys
}

fn json(envelope: &Envelope) -> serde_json::Value {
    serde_json::from_slice(&envelope.encode().unwrap()).unwrap()
}

fn decode(json: &serde_json::Value) -> Result<Envelope, EnvelopeError> {
    Envelope::decode(&serde_json::to_vec(json).unwrap())
}

#[test]
fn encoding_before_signing_is_that_of_the_specification() {
    // DSSE 1.0.2, protocol.md, "Test Vectors".
    let encoded = pre_authentication_encoding("http://example.com/HelloWorld", b"hello world");
    assert_eq!(
        encoded,
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    );
    assert_eq!(pre_authentication_encoding("", b""), b"DSSEv1 0  0 ");
}

#[test]
fn envelope_survives_writing_and_reading() {
    let envelope = envelope(&[1, 2]);
    let bytes = envelope.encode().unwrap();
    assert_eq!(Envelope::decode(&bytes).unwrap(), envelope);
    assert_eq!(Envelope::decode(&bytes).unwrap().encode().unwrap(), bytes);
}

#[test]
fn signed_bytes_are_kept_as_they_came() {
    let mut other = envelope(&[1]);
    // Another order and spacing than this crate writes: still the bytes that were signed.
    let body = format!(
        "{{ \"digest\": \"{}\", \"version\": \"1.0.0\", \"name\": \"acme/execsnoop\" }}",
        Digest::of(b"file")
    );
    let signature = key(1).sign(&pre_authentication_encoding(
        Statement::PAYLOAD_TYPE,
        body.as_bytes(),
    ));
    let mut document = json(&other);
    document["payload"] = BASE64_STANDARD.encode(&body).into();
    document["signatures"][0]["sig"] = BASE64_STANDARD.encode(signature).into();
    other = decode(&document).unwrap();
    assert!(trusted(&[1], "acme", 1).signers(&other).is_ok());
    other.add(&key(2)).unwrap();
    let again = Envelope::decode(&other.encode().unwrap()).unwrap();
    assert_eq!(again.signed_bytes(), other.signed_bytes());
    assert!(trusted(&[1, 2], "acme", 2).signers(&again).is_ok());
}

#[test]
fn signature_by_an_unknown_key_does_not_count() {
    let error = trusted(&[2], "acme", 1)
        .signers(&envelope(&[1]))
        .unwrap_err();
    let unknown = key(1).public().id();
    assert!(matches!(error, NotTrusted::TooFew { counted: 0, unknown: u, .. } if u == [unknown]));
}

#[test]
fn trust_in_one_namespace_is_none_in_another() {
    let error = trusted(&[1], "other", 1)
        .signers(&envelope(&[1]))
        .unwrap_err();
    let elsewhere = key(1).public().id();
    assert!(matches!(error, NotTrusted::TooFew { elsewhere: e, .. } if e == [elsewhere]));
}

#[test]
fn nobody_is_trusted_without_keys() {
    assert!(TrustedKeys::new().signers(&envelope(&[1])).is_err());
}

#[test]
fn threshold_counts_distinct_keys() {
    let keys = trusted(&[1, 2, 3], "acme", 2);
    assert!(matches!(
        keys.signers(&envelope(&[1])),
        Err(NotTrusted::TooFew {
            needed: 2,
            counted: 1,
            ..
        })
    ));
    assert_eq!(keys.signers(&envelope(&[1, 3])).unwrap().len(), 2);
    assert_eq!(keys.signers(&envelope(&[1, 2, 3, 4])).unwrap().len(), 3);
}

#[test]
fn duplicate_signature_does_not_count_twice() {
    let mut document = json(&envelope(&[1]));
    let signature = document["signatures"][0].clone();
    document["signatures"]
        .as_array_mut()
        .unwrap()
        .push(signature);
    let twice = decode(&document).unwrap();
    assert!(matches!(
        trusted(&[1, 2], "acme", 2).signers(&twice),
        Err(NotTrusted::TooFew { counted: 1, .. })
    ));
    let key = key(1);
    assert_eq!(
        envelope(&[1]).add(&key),
        Err(AlreadySigned {
            key: key.public().id()
        })
    );
}

#[test]
fn signature_under_another_keys_name_is_refused() {
    let mut document = json(&envelope(&[1]));
    document["signatures"][0]["keyid"] = key(2).public().id().to_string().into();
    let error = trusted(&[1, 2], "acme", 1)
        .signers(&decode(&document).unwrap())
        .unwrap_err();
    assert_eq!(
        error,
        NotTrusted::Signature {
            key: key(2).public().id()
        }
    );
}

#[test]
fn wrong_signature_of_a_trusted_key_is_refused_beside_enough_good_ones() {
    let mut document = json(&envelope(&[1, 2]));
    document["signatures"][1]["sig"] = BASE64_STANDARD.encode([7; 64]).into();
    let error = trusted(&[1, 2], "acme", 1)
        .signers(&decode(&document).unwrap())
        .unwrap_err();
    assert_eq!(
        error,
        NotTrusted::Signature {
            key: key(2).public().id()
        }
    );
}

#[test]
fn signature_over_another_name_version_or_digest_is_refused() {
    for (field, value) in [
        ("name", "acme/opensnoop".to_owned()),
        ("version", "1.0.1".to_owned()),
        ("digest", Digest::of(b"other").to_string()),
    ] {
        let mut document = json(&envelope(&[1]));
        let mut body = serde_json::to_value(statement()).unwrap();
        body[field] = value.into();
        document["payload"] = BASE64_STANDARD.encode(body.to_string()).into();
        let error = trusted(&[1], "acme", 1)
            .signers(&decode(&document).unwrap())
            .unwrap_err();
        assert!(
            matches!(error, NotTrusted::Signature { .. }),
            "{field}: {error}"
        );
    }
}

#[test]
fn signature_over_the_bare_statement_is_refused() {
    // Without the type in the signed bytes, a signature made for something else would hold.
    let mut document = json(&envelope(&[1]));
    let body = serde_json::to_vec(&statement()).unwrap();
    document["signatures"][0]["sig"] = BASE64_STANDARD.encode(key(1).sign(&body)).into();
    assert!(
        trusted(&[1], "acme", 1)
            .signers(&decode(&document).unwrap())
            .is_err()
    );
}

#[test]
fn envelope_of_another_type_is_refused() {
    let mut document = json(&envelope(&[1]));
    document["payloadType"] = "application/vnd.in-toto+json".into();
    assert!(matches!(
        decode(&document),
        Err(EnvelopeError::PayloadType { .. })
    ));
}

#[test]
fn base64_has_one_spelling() {
    let mut document = json(&envelope(&[1]));
    let signature = BASE64_STANDARD.encode([0xfb; 64]);
    for wrong in [
        BASE64_URL_SAFE.encode([0xfb; 64]),
        signature.trim_end_matches('=').to_owned(),
        format!("{signature}\n"),
        format!(" {signature}"),
        signature.replacen("w==", "x==", 1),
    ] {
        document["signatures"][0]["sig"] = wrong.clone().into();
        let error = decode(&document);
        assert!(
            matches!(error, Err(EnvelopeError::Base64 { .. })),
            "{wrong:?}: {error:?}"
        );
    }
}

#[test]
fn statement_has_exactly_its_three_fields() {
    for body in [
        "{}".to_owned(),
        "[]".to_owned(),
        serde_json::to_string(&statement()).unwrap() + "x",
        serde_json::to_string(&statement())
            .unwrap()
            .replacen('{', "{\"more\":1,", 1),
        serde_json::to_string(&statement())
            .unwrap()
            .replacen("acme/", "acme/../", 1),
    ] {
        let mut document = json(&envelope(&[1]));
        document["payload"] = BASE64_STANDARD.encode(&body).into();
        let error = decode(&document);
        assert!(
            matches!(error, Err(EnvelopeError::Statement { .. })),
            "{body}: {error:?}"
        );
    }
}

#[test]
fn envelope_ends_at_its_bounds() {
    let long = vec![b' '; limits::ENVELOPE_BYTES_MAX + 1];
    assert!(matches!(
        Envelope::decode(&long),
        Err(EnvelopeError::TooLarge { .. })
    ));

    let mut document = json(&envelope(&[1]));
    document["signatures"] = serde_json::json!([]);
    assert_eq!(decode(&document), Err(EnvelopeError::NoSignature));
    let one = serde_json::json!({"keyid": "", "sig": ""});
    document["signatures"] = vec![one; limits::SIGNATURES_MAX + 1].into();
    assert!(matches!(
        decode(&document),
        Err(EnvelopeError::TooLarge { .. })
    ));

    let mut document = json(&envelope(&[1]));
    document["payload"] = "A".repeat(limits::STATEMENT_BYTES_MAX + 4).into();
    assert!(matches!(
        decode(&document),
        Err(EnvelopeError::TooLarge { .. })
    ));
}

#[test]
fn fields_that_dsse_does_not_know_are_ignored_and_known_ones_stand_once() {
    let mut document = json(&envelope(&[1]));
    document["more"] = 1.into();
    assert!(decode(&document).is_ok());
    let text = String::from_utf8(envelope(&[1]).encode().unwrap()).unwrap();
    let twice = text.replacen(
        "\"payloadType\":",
        "\"payloadType\":\"x\",\"payloadType\":",
        1,
    );
    assert!(matches!(
        Envelope::decode(twice.as_bytes()),
        Err(EnvelopeError::Json { .. })
    ));
}

#[test]
fn trusted_keys_end_at_their_bound() {
    let mut keys = TrustedKeys::new();
    let key_of = |number: usize| {
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&number.to_le_bytes());
        SigningKey::from_seed(&seed).public()
    };
    for number in 0..limits::TRUSTED_KEYS_MAX {
        keys.trust(key_of(number), "acme".parse().unwrap()).unwrap();
    }
    let more = key_of(limits::TRUSTED_KEYS_MAX);
    assert!(keys.trust(more, "acme".parse().unwrap()).is_err());
    assert!(keys.trust(key_of(0), "other".parse().unwrap()).is_ok());
}
