//! Publishing, listing, pulling and signing releases.

use super::stage::Stage;

/// A call of the helper `bpf_send_signal(9)`.
const SIGNALS: &str = "((long (*)(__u32))109)(9);";

#[test]
fn what_is_published_is_listed_and_pulled_with_its_signatures() {
    let stage = Stage::with_publisher();
    let publish = [
        "publish",
        "exec",
        "--key",
        "acme.key",
        "--channel",
        "stable",
    ];
    let published = stage.run(&publish).done().text;
    assert!(
        published.contains("published: acme/exec 1.0.0, stable names it"),
        "{published}"
    );
    let every = stage.run(&["list"]).done().text;
    assert!(every.contains("acme/exec  1.0.0   stable 1.0.0"), "{every}");
    let one = stage.run(&["list", "acme/exec"]).done().text;
    for part in ["1.0.0", "stable", "available", "sha256:"] {
        assert!(one.contains(part), "{part}: {one}");
    }
    let release = stage.json(&["list", "acme/exec@1.0.0"]);
    assert_eq!(release["channels"][0], "stable");
    let pull = [
        "pull",
        "acme/exec@stable",
        "-o",
        "out.wasm",
        "--key",
        "acme.pub",
    ];
    let pulled = stage.json(&pull);
    assert_eq!(pulled["digest"], release["release"]["digest"]);
    assert_eq!(pulled["verified_by"], release["release"]["signers"]);
    stage
        .run(&["verify", "out.wasm", "--key", "acme.pub"])
        .done();
    let digest = pulled["digest"].as_str().unwrap();
    stage.run(&["pull", digest, "-o", "bare.wasm"]).done();
    let read = |name| std::fs::read(stage.path(name)).unwrap();
    assert_eq!(read("bare.wasm"), read("out.wasm"));
    assert!(!stage.path("bare.envelope.json").exists());
}

#[test]
fn a_release_never_changes_and_the_same_one_again_is_no_mistake() {
    let stage = Stage::with_publisher();
    let publish = ["publish", "exec", "--key", "acme.key"];
    stage.run(&publish).done();
    let again = stage.run(&publish).done().text;
    assert!(again.contains("there already: acme/exec 1.0.0"), "{again}");
    stage.payload("1.0.0", "seen++;");
    let messages = stage.run(&publish).failed(3);
    assert!(messages.contains("the registry says no"), "{messages}");
    let payload = stage.json(&["list", "acme/exec"]);
    assert_eq!(payload["releases"].as_array().unwrap().len(), 1);
}

#[test]
fn new_privileges_are_shown_before_they_are_published() {
    let stage = Stage::with_publisher();
    stage.run(&["publish", "exec", "--key", "acme.key"]).done();
    stage.payload("1.1.0", SIGNALS);
    let shown = stage
        .run(&["publish", "exec", "--key", "acme.key"])
        .done()
        .text;
    assert!(shown.contains("since 1.0.0  + sends signals"), "{shown}");
    let detail = stage.run(&["list", "acme/exec@1.1.0"]).done().text;
    assert!(detail.contains("privileges  + sends signals"), "{detail}");
    let json = stage.json(&["list", "acme/exec@1.1.0"]);
    assert_eq!(json["difference"]["privileges_added"][0], "sends signals");
}

#[test]
fn a_key_that_the_registry_does_not_know_publishes_nothing() {
    let stage = Stage::with_publisher();
    stage.run(&["keygen", "-o", "foreign"]).done();
    let publish = ["publish", "exec", "--key", "foreign.key"];
    let messages = stage.run(&publish).failed(3);
    let next = "packer key add FILE.pub --namespace NAMESPACE";
    for part in ["the registry says no", "unknown here: sha256:", next] {
        assert!(messages.contains(part), "{part}: {messages}");
    }
    assert!(!messages.contains("other namespaces"), "{messages}");
    stage.key("elsewhere", "other");
    let publish = ["publish", "exec", "--key", "elsewhere.key"];
    let messages = stage.run(&publish).failed(3);
    for part in ["trusted for other namespaces: sha256:", next] {
        assert!(messages.contains(part), "{part}: {messages}");
    }
    let publish = ["publish", "exec", "--key", "elsewhere.pub"];
    let messages = stage.run(&publish).failed(3);
    assert!(
        messages.contains("elsewhere.pub is a public key"),
        "{messages}"
    );
    let publish = [
        "publish",
        "exec",
        "--key",
        "acme.key",
        "--channel",
        "Bad Channel",
    ];
    let messages = stage.run(&publish).failed(2);
    assert!(
        messages.contains("channel \"Bad Channel\" has 'B'"),
        "{messages}"
    );
    assert!(!messages.contains("namespace"), "{messages}");
    assert_eq!(
        stage.json(&["list"])["payloads"].as_array().unwrap().len(),
        0
    );
    stage.run(&["key", "rm", "acme.pub"]).done();
    stage
        .run(&["publish", "exec", "--key", "acme.key"])
        .failed(3);
}

#[test]
fn a_second_signature_is_added_to_a_release() {
    let stage = Stage::with_publisher();
    stage.key("second", "acme");
    stage.run(&["publish", "exec", "--key", "acme.key"]).done();
    let sign = [
        "sign",
        "--release",
        "acme/exec@1.0.0",
        "--key",
        "second.key",
    ];
    let signed = stage.json(&sign);
    assert_eq!(signed["signers"].as_array().unwrap().len(), 2);
    let again = stage.json(&sign);
    assert_eq!(again["added"], false);
    let pull = ["pull", "acme/exec@1.0.0", "-o", "out.wasm"];
    stage.run(&pull).done();
    let both = [
        "--key",
        "acme.pub",
        "--key",
        "second.pub",
        "--signatures",
        "2",
    ];
    stage
        .run(&[&["verify", "out.wasm"], &both[..]].concat())
        .done();
}

#[test]
fn an_unsigned_release_becomes_signed() {
    let stage = Stage::with_publisher();
    let golden = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../payload/tests/golden/legacy/generation-0.json"
    );
    let settings = api::client::registry::Settings {
        url: stage.url(),
        bearer: Some(stage.admin()),
        ca_pem: None,
        allow_plain: false,
    };
    let client = api::client::registry::RegistryClient::new(settings).unwrap();
    let json = std::fs::read(golden).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let put = client.publish_legacy("acme/old", "1.0.0", json);
    let (new, release) = runtime.block_on(put).unwrap();
    assert!(new && release.signers.is_empty());
    let listed = stage.run(&["list", "acme/old"]).done().text;
    assert!(listed.contains("nobody"), "{listed}");
    let pull = ["pull", "acme/old@1.0.0", "-o", "old.wasm"];
    let messages = stage.run(&pull).done().messages;
    assert!(messages.contains("is not signed"), "{messages}");
    let sign = ["sign", "--release", "acme/old@1.0.0", "--key", "acme.key"];
    let signed = stage.run(&sign).done().text;
    assert!(signed.contains("acme/old 1.0.0"), "{signed}");
    stage
        .run(&[&pull[..], &["--key", "acme.pub"]].concat())
        .done();
}

#[test]
fn bytes_that_were_never_published_are_collected_and_published_ones_are_not() {
    let stage = Stage::forgetful();
    stage.key("acme", "acme");
    stage.payload("1.0.0", "");
    stage.run(&["publish", "exec", "--key", "acme.key"]).done();
    // The bytes are there before the registry finds that the key is a stranger's.
    stage.run(&["keygen", "-o", "stranger"]).done();
    stage.payload("1.1.0", "seen++;");
    stage
        .run(&["publish", "exec", "--key", "stranger.key"])
        .failed(3);
    let orphans = |ran: &serde_json::Value| ran["digests"].as_array().unwrap().len();
    assert_eq!(orphans(&stage.json(&["collect", "--dry-run"])), 1);
    let gone = stage.json(&["collect"]);
    assert_eq!(
        (orphans(&gone), gone["dry_run"].as_bool()),
        (1, Some(false))
    );
    assert_eq!(orphans(&stage.json(&["collect"])), 0);
    stage.run(&["pull", "acme/exec@1.0.0"]).done();
}
