//! Yanking, revoking, channels and floors.

use super::stage::Stage;

fn published() -> Stage {
    let stage = Stage::with_publisher();
    stage.run(&["publish", "exec", "--key", "acme.key"]).done();
    stage.payload("1.1.0", "seen++;");
    stage.run(&["publish", "exec", "--key", "acme.key"]).done();
    stage
}

fn state(stage: &Stage) -> String {
    let release = stage.json(&["list", "acme/exec@1.0.0"]);
    release["release"]["state"].as_str().unwrap().to_owned()
}

#[test]
fn a_yank_can_be_taken_back_and_a_revocation_not() {
    let stage = published();
    let yank = ["yank", "acme/exec@1.0.0", "--reason", "it leaks"];
    stage.run(&yank).done();
    assert_eq!(state(&stage), "yanked");
    let listed = stage.run(&["list", "acme/exec"]).done().text;
    assert!(listed.contains("1.0.0  yanked  it leaks"), "{listed}");
    let channel = ["channel", "acme/exec", "stable", "1.0.0"];
    stage.run(&channel).failed(3);
    stage.run(&["unyank", "acme/exec@1.0.0"]).done();
    assert_eq!(state(&stage), "available");
    stage.run(&channel).done();
    stage.run(&["revoke", "acme/exec@1.0.0"]).done();
    assert_eq!(state(&stage), "revoked");
    stage.run(&["unyank", "acme/exec@1.0.0"]).failed(3);
    assert_eq!(state(&stage), "revoked");
    let pull = ["pull", "acme/exec@1.0.0", "-o", "out.wasm"];
    let messages = stage.run(&pull).done().messages;
    assert!(messages.contains("1.0.0 is revoked"), "{messages}");
}

#[test]
fn a_channel_moves_and_goes() {
    let stage = published();
    for version in ["1.0.0", "1.1.0", "1.0.0"] {
        let moved = stage.json(&["channel", "acme/exec", "stable", version]);
        assert_eq!(moved["version"], version);
        let pull = ["pull", "acme/exec@stable", "-o", "out.wasm"];
        assert_eq!(stage.json(&pull)["version"], version);
    }
    let messages = stage.run(&["pull", "acme/exec@edge"]).failed(3);
    assert!(
        messages.contains("no channel edge; it has stable"),
        "{messages}"
    );
    stage
        .run(&["channel", "acme/exec", "stable", "9.9.9"])
        .failed(3);
    stage.run(&["channel", "rm", "acme/exec", "stable"]).done();
    stage
        .run(&["channel", "rm", "acme/exec", "stable"])
        .failed(3);
}

#[test]
fn each_floor_has_the_next_serial() {
    let stage = published();
    for (serial, version) in [(1, "1.0.0"), (2, "1.1.0"), (3, "1.0.0")] {
        let floor = ["floor", "acme/exec", version, "--key", "acme.key"];
        let floor = stage.json(&floor);
        assert_eq!(floor["serial"], serial);
        assert_eq!(floor["minimum_version"], version);
    }
    let listed = stage.run(&["list", "acme/exec"]).done().text;
    assert!(!listed.contains("below"), "{listed}");
    assert!(listed.contains("floor 1.0.0 (serial 3"), "{listed}");
    stage.run(&["keygen", "-o", "foreign"]).done();
    let floor = ["floor", "acme/exec", "1.1.0", "--key", "foreign.key"];
    stage.run(&floor).failed(3);
}

#[test]
fn a_floor_tells_what_it_leaves_without_a_release() {
    let stage = published();
    stage
        .run(&["channel", "acme/exec", "stable", "1.0.0"])
        .done();
    let deploy = ["deploy", "exec", "--payload", "acme/exec", "--channel"];
    let more = ["stable", "--selector", "env=prod"];
    stage.run(&[&deploy[..], &more].concat()).done();
    let floor = |version| stage.run(&["floor", "acme/exec", version, "--key", "acme.key"]);
    let told = floor("1.0.0").done().messages;
    assert!(told.is_empty(), "{told}");
    let told = floor("1.1.0").done().messages;
    for part in [
        "channel stable still names 1.0.0",
        "deployment exec has nothing to give now (nodes it names: 0): 1.0.0 is below the floor",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    let listed = stage.run(&["list", "acme/exec"]).done().text;
    assert!(
        listed.contains("1.0.0    stable    below the floor"),
        "{listed}"
    );
    let detail = stage.run(&["list", "acme/exec@1.0.0"]).done().text;
    assert!(detail.contains("nothing below 1.1.0 may run"), "{detail}");
    let messages = stage
        .run(&["channel", "acme/exec", "edge", "1.0.0"])
        .failed(3);
    assert!(
        messages.contains("acme/exec@1.0.0 is below the floor"),
        "{messages}"
    );
}
