//! One flipped bit anywhere in a payload or its envelope is never accepted, and nothing panics.
//! Must never leave out a byte, nor a bit of one.

use payload::signature::{Envelope, SigningKey, TrustedKeys, Unverified, VerifyError};
use payload::unsigned::Unsigned;

use super::build::{ENVELOPE, FILE, contents, key, signed, trusted};

/// All copies of `bytes` with one bit flipped, with the place.
fn flips(bytes: &[u8]) -> impl Iterator<Item = (usize, u8, Vec<u8>)> + '_ {
    (0..bytes.len()).flat_map(move |at| {
        (0..8).map(move |bit| {
            let mut flipped = bytes.to_vec();
            flipped[at] ^= 1 << bit;
            (at, bit, flipped)
        })
    })
}

fn verify(file: &[u8], envelope: &[u8], keys: &TrustedKeys) -> Result<(), VerifyError> {
    Unverified::decode(file.to_vec(), envelope)?
        .verify(keys)
        .map(drop)
}

#[test]
fn one_flipped_bit_in_a_payload_never_verifies() {
    let keys = trusted();
    verify(FILE, ENVELOPE, &keys).unwrap();
    for (at, bit, flipped) in flips(FILE) {
        let refused = verify(&flipped, ENVELOPE, &keys);
        assert!(
            matches!(refused, Err(VerifyError::Digest { .. })),
            "byte {at}, bit {bit}"
        );
    }
}

#[test]
fn one_flipped_bit_in_an_envelope_never_verifies() {
    let keys = trusted();
    for (at, bit, flipped) in flips(ENVELOPE) {
        assert!(
            verify(FILE, &flipped, &keys).is_err(),
            "byte {at}, bit {bit}"
        );
    }
}

#[test]
fn one_flipped_bit_in_an_envelope_of_two_needed_signatures_never_verifies() {
    let other = SigningKey::from_seed(&[1; 32]);
    let mut envelope = signed(FILE, &key());
    envelope.add(&other).unwrap();
    let mut keys = trusted();
    keys.trust(other.public(), "acme".parse().unwrap()).unwrap();
    keys.require("acme".parse().unwrap(), 2.try_into().unwrap());
    let envelope = envelope.encode().unwrap();
    verify(FILE, &envelope, &keys).unwrap();
    for (at, bit, flipped) in flips(&envelope) {
        assert!(
            verify(FILE, &flipped, &keys).is_err(),
            "byte {at}, bit {bit}"
        );
    }
}

#[test]
fn one_flipped_bit_in_an_unsigned_payload_never_panics_nor_passes_for_the_original() {
    let original = contents();
    let mut still_a_payload = 0;
    // Each reaches the decoders behind the digest, which takes longer: two bits of every byte.
    let some = |(at, bit, _): &(usize, u8, Vec<u8>)| (at + usize::from(*bit)).is_multiple_of(4);
    for (at, bit, flipped) in flips(FILE).filter(some) {
        if let Ok(unsigned) = Unsigned::from_payload(&flipped) {
            assert_ne!(unsigned.contents(), &original, "byte {at}, bit {bit}");
            still_a_payload += 1;
        }
    }
    // Letters of the description may change: nothing in the file is a checksum of it.
    assert!(
        still_a_payload < FILE.len(),
        "{still_a_payload} flips were accepted"
    );
}

#[test]
fn truncated_payloads_and_envelopes_are_refused() {
    let keys = trusted();
    for length in 0..FILE.len() {
        assert!(
            Unsigned::from_payload(&FILE[..length]).is_err(),
            "{length} bytes"
        );
    }
    for length in 0..ENVELOPE.len() {
        assert!(
            Envelope::decode(&ENVELOPE[..length]).is_err(),
            "{length} bytes"
        );
    }
    assert!(verify(&FILE[..FILE.len() - 1], ENVELOPE, &keys).is_err());
}
