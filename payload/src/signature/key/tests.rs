//! The rules of keys, each with the text that breaks it. Run by `cargo test`.
//! Keys come from fixed seeds or from tests/golden: they never sign anything but tests.

use base64::prelude::{BASE64_STANDARD, Engine as _};

use super::{KeyError, PublicKey, SigningKey};
use crate::limits;

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

#[test]
fn public_key_of_the_first_test_vector_of_rfc_8032_signs_as_it_says() {
    // RFC 8032, section 7.1, TEST 1: secret key, public key, signature over the empty message.
    let bytes = |hex: &str| -> Vec<u8> {
        (0..hex.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
            .collect()
    };
    let seed = bytes("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
    let key = SigningKey::from_seed(seed.as_slice().try_into().unwrap());
    let signature = bytes(
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    );
    assert_eq!(key.sign(b"").as_slice(), signature);
    assert!(key.public().signed(b"", &signature));
    assert!(!key.public().signed(b"x", &signature));
}

#[test]
fn malleable_signature_is_refused() {
    // s + L is the same scalar to a lax verifier (RFC 8032, 5.1.7 demands s < L).
    const L: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
        0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let message = b"message";
    let mut signature = key(1).sign(message);
    let mut carry = 0_u16;
    for (byte, add) in signature[32..].iter_mut().zip(L) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        (*byte, carry) = (sum.to_le_bytes()[0], sum >> 8);
    }
    assert_eq!(carry, 0, "s + L fits into 32 bytes");
    assert!(!key(1).public().signed(message, &signature));
}

#[test]
fn keys_survive_writing_and_reading() {
    let key = key(1);
    let pem = key.to_pem().unwrap();
    let again = SigningKey::from_pem(pem.as_str().as_bytes()).unwrap();
    assert_eq!(again.public(), key.public());
    let public = key.public().to_pem().unwrap();
    assert_eq!(
        PublicKey::from_pem(public.as_bytes()).unwrap(),
        key.public()
    );
}

#[test]
fn keys_of_openssl_are_read_and_have_the_id_that_openssl_prints() {
    // openssl genpkey -algorithm ed25519; openssl pkey -pubout;
    // openssl pkey -pubin -outform DER | sha256sum
    let private = include_bytes!("../../../tests/golden/openssl-private.pem");
    let public = include_bytes!("../../../tests/golden/openssl-public.pem");
    let id = include_str!("../../../tests/golden/openssl-public.id");
    let key = SigningKey::from_pem(private).unwrap();
    assert_eq!(key.public(), PublicKey::from_pem(public).unwrap());
    assert_eq!(key.public().id().to_string(), id.trim());
    assert_eq!(key.to_pem().unwrap().as_str().as_bytes(), private);
    assert_eq!(key.public().to_pem().unwrap().as_bytes(), public);
}

#[test]
fn private_key_does_not_show_in_debug() {
    let key = key(1);
    let shown = format!("{key:?} {:?}", key.to_pem().unwrap());
    assert!(!shown.contains("0101"), "{shown}");
    assert!(!shown.contains("BEGIN"), "{shown}");
}

#[test]
fn texts_that_are_no_key_are_refused() {
    let private = key(1).to_pem().unwrap();
    let private = private.as_str();
    let public = key(1).public().to_pem().unwrap();
    assert!(matches!(
        SigningKey::from_pem(public.as_bytes()),
        Err(KeyError::Private { .. })
    ));
    assert!(matches!(
        PublicKey::from_pem(private.as_bytes()),
        Err(KeyError::Public { .. })
    ));
    assert!(matches!(
        PublicKey::from_pem(b"\xff"),
        Err(KeyError::NotText { at: 0 })
    ));
    let long = vec![b'-'; limits::KEY_PEM_BYTES_MAX + 1];
    assert!(matches!(
        PublicKey::from_pem(&long),
        Err(KeyError::TooLong { .. })
    ));
    for cut in 0..public.len() - 1 {
        assert!(
            PublicKey::from_pem(&public.as_bytes()[..cut]).is_err(),
            "{cut} bytes"
        );
    }
}

#[test]
fn public_key_of_small_order_is_refused() {
    // The neutral element: y = 1. Anybody can make signatures that a lax verifier accepts for it.
    let mut der = vec![
        0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00, 1,
    ];
    der.extend([0; 31]);
    let pem = format!(
        "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
        BASE64_STANDARD.encode(der)
    );
    assert_eq!(
        PublicKey::from_pem(pem.as_bytes()),
        Err(KeyError::SmallOrder)
    );
}
