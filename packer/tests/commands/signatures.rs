//! `packer sign` and `packer verify` of files.

use super::stage::{Stage, argument, golden};

/// A folder with the payload `p.wasm` and the keys `one`, `two` and `three`.
fn stage() -> Stage {
    let stage = Stage::new();
    build(&stage, "1.0.0", "p.wasm");
    for name in ["one", "two", "three"] {
        stage.run(&["keygen", "-o", name]).done();
    }
    stage
}

fn build(stage: &Stage, version: &str, output: &str) {
    let object = golden("exec.bpf.o");
    let name = ["--name", "acme/exec", "--payload-version", version];
    let mut arguments = vec!["build", argument(&object), "-o", output];
    arguments.extend(name);
    stage.run(&arguments).done();
}

#[test]
fn what_was_signed_is_shown_and_holds() {
    let stage = stage();
    let ran = stage.run(&["sign", "p.wasm", "--key", "one.key"]).done();
    let shown = ran.text();
    for part in [
        "acme/exec 1.0.0",
        "sha256:",
        "p.envelope.json",
        "handle_exec",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let verified = stage.run(&["verify", "p.wasm", "--key", "one.pub", "--json"]);
    let verified = verified.done().json();
    assert_eq!(verified["payload"], "acme/exec");
    assert_eq!(verified["version"], "1.0.0");
    assert_eq!(verified["signers"].as_array().unwrap().len(), 1);
}

#[test]
fn a_second_key_adds_its_signature_and_the_same_one_nothing() {
    let stage = stage();
    stage.run(&["sign", "p.wasm", "--key", "one.key"]).done();
    let verify = |number| {
        let keys = [
            "--key",
            "one.pub",
            "--key",
            "two.pub",
            "--signatures",
            number,
        ];
        stage.run(&[&["verify", "p.wasm"], &keys[..]].concat())
    };
    let messages = verify("2").failed(3);
    assert!(messages.contains("1 of them signed"), "{messages}");
    let added = stage
        .run(&["sign", "p.wasm", "--key", "two.key", "--json"])
        .done();
    assert_eq!(added.json()["signers"].as_array().unwrap().len(), 2);
    verify("2").done();
    let before = stage.read("p.envelope.json");
    let again = stage.run(&["sign", "p.wasm", "--key", "two.key"]).done();
    assert!(
        again.messages.contains("signed it already"),
        "{}",
        again.messages
    );
    assert_eq!(stage.read("p.envelope.json"), before);
}

#[test]
fn a_signature_by_another_key_is_none() {
    let stage = stage();
    stage.run(&["sign", "p.wasm", "--key", "one.key"]).done();
    let messages = stage
        .run(&["verify", "p.wasm", "--key", "three.pub"])
        .failed(3);
    assert!(messages.contains("0 of them signed"), "{messages}");
    assert!(messages.contains("other signers: sha256:"), "{messages}");
}

#[test]
fn one_changed_byte_does_not_verify() {
    let stage = stage();
    stage.run(&["sign", "p.wasm", "--key", "one.key"]).done();
    let mut file = stage.read("p.wasm");
    let middle = file.len() / 2;
    file[middle] ^= 1;
    stage.file("p.wasm", file);
    let messages = stage
        .run(&["verify", "p.wasm", "--key", "one.pub"])
        .failed(3);
    assert!(messages.contains("the signed digest is"), "{messages}");
    assert!(messages.contains("was altered"), "{messages}");
}

#[test]
fn an_altered_signature_does_not_verify() {
    let stage = stage();
    stage.run(&["sign", "p.wasm", "--key", "one.key"]).done();
    let text = String::from_utf8(stage.read("p.envelope.json")).unwrap();
    let mut envelope: serde_json::Value = serde_json::from_str(&text).unwrap();
    let other = "A".repeat(86) + "==";
    envelope["signatures"][0]["sig"] = other.into();
    stage.file("p.envelope.json", envelope.to_string());
    let messages = stage
        .run(&["verify", "p.wasm", "--key", "one.pub"])
        .failed(3);
    assert!(messages.contains("does not hold"), "{messages}");
    assert!(messages.contains("altered the envelope"), "{messages}");
}

#[test]
fn an_envelope_of_another_file_is_not_added_to() {
    let stage = stage();
    stage.run(&["sign", "p.wasm", "--key", "one.key"]).done();
    let before = stage.read("p.envelope.json");
    build(&stage, "1.1.0", "p.wasm");
    let messages = stage.run(&["sign", "p.wasm", "--key", "two.key"]).failed(3);
    for part in [
        "p.envelope.json is about acme/exec 1.0.0",
        "this is acme/exec 1.1.0",
    ] {
        assert!(messages.contains(part), "{messages}");
    }
    assert_eq!(stage.read("p.envelope.json"), before);
}

#[test]
fn only_a_payload_is_signed() {
    let stage = stage();
    for (file, what) in [
        ("exec.bpf.o", "an object"),
        ("generation-0.json", "legacy JSON"),
    ] {
        let file = golden(file);
        let sign = ["sign", argument(&file), "--key", "one.key", "-o", "e.json"];
        let messages = stage.run(&sign).failed(3);
        assert!(messages.contains(&format!("is {what}")), "{messages}");
        assert!(messages.contains("packer import"), "{messages}");
    }
    assert!(!stage.path("e.json").exists());
}

#[test]
fn a_file_or_a_release_must_be_named_and_not_both() {
    let stage = Stage::new();
    stage.run(&["sign", "--key", "one.key"]).failed(2);
    let both = [
        "sign",
        "p.wasm",
        "--release",
        "a/b@1.0.0",
        "--key",
        "one.key",
    ];
    stage.run(&both).failed(2);
    let messages = stage
        .run(&["sign", "--release", "a/b", "--key", "k"])
        .failed(2);
    assert!(messages.contains("NAMESPACE/NAME@VERSION"), "{messages}");
}
