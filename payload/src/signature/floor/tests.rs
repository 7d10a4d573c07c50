//! The rules of floors and of joined envelopes. Run by `cargo test`.

use super::*;
use crate::digest::Digest;
use crate::signature::{Envelope, FloorEnvelope, MergeError, SigningKey, Statement};

/// A floor signed by the key of seed 7: what an earlier version wrote must go on being read.
const GOLDEN: &str = concat!(
    r#"{"payload":"eyJuYW1lIjoiYWNtZS9leGVjc25vb3AiLCJtaW5pbXVtX3ZlcnNpb24iOiIxLjIuMCIs"#,
    r#"InNlcmlhbCI6M30=","payloadType":"application/vnd.marrow.floor+json","signatures":["#,
    r#"{"keyid":"sha256:324be2dea8bc44461b0233e51fa48902ed6b1cc671e7739af2551e0bfe68f54e","#,
    r#""sig":"L5rBMJ8E5X7FIVAEdblhD09+aSzI7eHUwD+gd8ll4cKZzsS+bJ2RpAWYzayWUPDxtUyn7ehY"#,
    r#"BCTiUs1w4UXTCQ=="}]}"#,
);

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

fn statement() -> FloorStatement {
    FloorStatement {
        name: "acme/execsnoop".parse().unwrap(),
        minimum_version: "1.2.0".parse().unwrap(),
        serial: 3,
    }
}

fn trusted() -> TrustedKeys {
    let mut keys = TrustedKeys::new();
    keys.trust(key(7).public(), "acme".parse().unwrap())
        .unwrap();
    keys
}

fn signed(seed: u8) -> Vec<u8> {
    FloorEnvelope::sign(&statement(), &key(seed))
        .unwrap()
        .encode()
        .unwrap()
}

#[test]
fn the_bytes_of_a_floor_stay_what_they_are() {
    assert_eq!(String::from_utf8(signed(7)).unwrap(), GOLDEN);
}

#[test]
fn a_floor_of_a_trusted_key_admits_from_its_minimum_on() {
    let floor = UnverifiedFloor::decode(&signed(7)).unwrap();
    assert_eq!(
        (floor.serial(), floor.name().as_str()),
        (3, "acme/execsnoop")
    );
    let floor = floor.verify(&trusted()).unwrap();
    assert_eq!(floor.statement(), &statement());
    for (version, admitted) in [
        ("1.1.9", false),
        ("1.2.0-rc.1", false),
        ("1.2.0", true),
        ("2.0.0", true),
    ] {
        assert_eq!(
            floor.admits(&version.parse().unwrap()),
            admitted,
            "{version}"
        );
    }
}

#[test]
fn a_floor_of_a_stranger_is_none() {
    let floor = UnverifiedFloor::decode(&signed(8)).unwrap();
    assert!(matches!(
        floor.verify(&trusted()),
        Err(NotTrusted::TooFew { .. })
    ));
}

#[test]
fn one_flipped_bit_in_a_floor_never_verifies() {
    let envelope = signed(7);
    for at in 0..envelope.len() {
        for bit in 0..8 {
            let mut flipped = envelope.clone();
            flipped[at] ^= 1 << bit;
            let verified = UnverifiedFloor::decode(&flipped)
                .is_ok_and(|floor| floor.verify(&trusted()).is_ok());
            assert!(!verified, "byte {at}, bit {bit}");
        }
    }
}

#[test]
fn neither_kind_of_envelope_is_taken_for_the_other() {
    let release = Statement {
        name: "acme/execsnoop".parse().unwrap(),
        version: "1.0.0".parse().unwrap(),
        digest: Digest::of(b"file"),
    };
    let release = Envelope::sign(&release, &key(7)).unwrap().encode().unwrap();
    assert!(matches!(
        UnverifiedFloor::decode(&release),
        Err(EnvelopeError::PayloadType { .. })
    ));
    assert!(matches!(
        Envelope::decode(&signed(7)),
        Err(EnvelopeError::PayloadType { .. })
    ));
    // Nor when somebody writes the other type over it: the type is signed.
    let text = String::from_utf8(release).unwrap();
    let renamed = text.replace("marrow.release+json", "marrow.floor+json");
    assert!(UnverifiedFloor::decode(renamed.as_bytes()).is_err());
}

#[test]
fn joined_envelopes_hold_each_key_once() {
    let one = FloorEnvelope::decode(&signed(1)).unwrap();
    let mut both = FloorEnvelope::decode(&signed(2)).unwrap();
    assert_eq!(both.merge(&one), Ok(1));
    assert_eq!(both.merge(&one), Ok(0));
    assert_eq!(both.key_ids().count(), 2);
}

#[test]
fn envelopes_over_other_bytes_or_with_another_signature_are_not_joined() {
    let mut own = FloorEnvelope::decode(&signed(1)).unwrap();
    let before = own.clone();
    let mut other = statement();
    other.serial = 4;
    let other = FloorEnvelope::sign(&other, &key(2)).unwrap();
    assert_eq!(own.merge(&other), Err(MergeError::OtherStatement));
    let text = String::from_utf8(signed(2)).unwrap();
    let key_of = |seed: u8| key(seed).public().id().to_string();
    let forged = text.replace(&key_of(2), &key_of(1));
    let forged = FloorEnvelope::decode(forged.as_bytes()).unwrap();
    assert_eq!(
        own.merge(&forged),
        Err(MergeError::Differs {
            key: key(1).public().id()
        })
    );
    assert_eq!(own, before);
}
