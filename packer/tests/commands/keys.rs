//! `packer keygen`, and the use of private keys.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::stage::{Stage, argument, golden};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("a file").permissions().mode() & 0o777
}

#[test]
fn a_pair_is_a_secret_file_and_a_public_one() {
    let stage = Stage::new();
    let made = stage.run(&["keygen", "-o", "acme", "--json"]).done().json();
    assert_eq!(stage.names(), ["acme.key", "acme.pub"]);
    assert_eq!(mode(&stage.path("acme.key")), 0o600);
    assert_eq!(mode(&stage.path("acme.pub")), 0o644);
    let key = payload::signature::SigningKey::from_pem(&stage.read("acme.key")).unwrap();
    let public = payload::signature::PublicKey::from_pem(&stage.read("acme.pub")).unwrap();
    assert_eq!(key.public(), public);
    assert_eq!(made["key"], public.id().to_string());
}

#[test]
fn two_pairs_are_different() {
    let stage = Stage::new();
    let first = stage.run(&["keygen", "-o", "a", "--json"]).done().json();
    let second = stage.run(&["keygen", "-o", "b", "--json"]).done().json();
    assert_ne!(first["key"], second["key"]);
}

#[test]
fn no_file_is_ever_overwritten() {
    for taken in ["acme.key", "acme.pub"] {
        let stage = Stage::new();
        stage.file(taken, "precious");
        let messages = stage.run(&["keygen", "-o", "acme"]).failed(3);
        assert!(messages.contains(&format!("{taken} exists")), "{messages}");
        assert!(messages.contains("another name"), "{messages}");
        assert_eq!(stage.read(taken), b"precious");
        assert_eq!(stage.names(), [taken], "nothing half-done");
    }
}

#[test]
fn a_private_key_that_others_can_read_is_not_used() {
    let stage = Stage::new();
    stage.run(&["keygen", "-o", "acme"]).done();
    stage.file("p.wasm", "never read");
    for mode in [0o640, 0o604, 0o666] {
        fs::set_permissions(stage.path("acme.key"), Permissions::from_mode(mode)).unwrap();
        let sign = ["sign", "p.wasm", "--key", "acme.key"];
        let messages = stage.run(&sign).failed(3);
        assert!(messages.contains(&format!("mode {mode:04o}")), "{messages}");
        assert!(messages.contains("chmod 600 acme.key"), "{messages}");
    }
}

#[test]
fn a_public_key_does_not_sign_and_a_private_one_does_not_check() {
    let stage = Stage::new();
    stage.run(&["keygen", "-o", "acme"]).done();
    for mode in [0o644, 0o600] {
        fs::set_permissions(stage.path("acme.pub"), Permissions::from_mode(mode)).unwrap();
        let messages = stage
            .run(&["sign", "p.wasm", "--key", "acme.pub"])
            .failed(3);
        assert!(messages.contains("acme.pub is a public key"), "{messages}");
        assert!(!messages.contains("chmod"), "{messages}");
    }
    let object = golden("exec.bpf.o");
    stage
        .run(&["build", argument(&object), "-o", "p.wasm"])
        .done();
    stage.run(&["sign", "p.wasm", "--key", "acme.key"]).done();
    let messages = stage
        .run(&["verify", "p.wasm", "--key", "acme.key"])
        .failed(3);
    assert!(messages.contains("not an Ed25519 public key"), "{messages}");
    assert!(messages.contains("NAME.pub checks"), "{messages}");
}
