//! `packer new`: what it writes builds at once, and its handler does what its README says.

use super::stage::Stage;

/// What a new handler puts out for the records that come with it.
const PUT_OUT: &str = "\
{\"stream\":\"start\",\"event\":{\"number\":1,\"pid\":4711,\"uid\":1000,\"comm\":\"bash\"}}
{\"stream\":\"start\",\"event\":{\"number\":2,\"pid\":4712,\"uid\":1000,\"comm\":\"make\"}}
{\"stream\":\"start\",\"event\":{\"number\":3,\"pid\":4713,\"uid\":0,\"comm\":\"cron\"}}
";

/// The files below a folder, by their places.
fn files(stage: &Stage, folder: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(stage.path(&folder)).expect("a folder") {
            let entry = entry.expect("an entry");
            let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
            if entry.path().is_dir() {
                folders.push(path);
            } else {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// What the manifest says about the handler.
fn listed(stage: &Stage, file: &str) -> serde_json::Value {
    let report = stage.run(&["inspect", "--json", file]).done().json();
    report["manifest"]["handler"].clone()
}

#[test]
fn a_new_folder_builds_and_needs_no_handler() {
    let stage = Stage::new();
    let ran = stage.run(&["new", "acme/starts"]).done();
    assert_eq!(
        ran.text(),
        "starts: payload.toml, starts.bpf.c, event.h, README.md, .gitignore\n"
    );
    assert!(ran.messages.contains("packer build starts"));
    stage.run(&["build", "starts"]).done();
    let report = stage
        .run(&["inspect", "--json", "starts-0.1.0.wasm"])
        .done()
        .json();
    let manifest = &report["manifest"];
    assert_eq!(manifest["name"], "acme/starts");
    assert_eq!(manifest["events"][0]["struct"], "event");
    assert!(manifest["handler"].is_null());
}

#[test]
fn a_new_handler_in_c_builds_in_both_lanes_and_puts_out_what_comes_with_it() {
    let stage = Stage::new();
    // Letters that metrics and sources do not have.
    let new = ["new", "acme/9-starts.of", "--handler", "c", "in/here"];
    let text = stage.run(&new).done().text();
    assert!(text.starts_with("in/here: "), "{text}");
    assert!(text.contains("9-starts.of.bpf.c") && text.contains("handler.c"));
    stage.run(&["build", "in/here", "-o", "core.wasm"]).done();
    let core = listed(&stage, "core.wasm");
    assert_eq!(core["metrics"][0]["name"], "_9_starts_of_starts_total");
    let events = ["--events", "in/here/events.jsonl"];
    for input in ["in/here", "core.wasm"] {
        let ran = stage.run(&[&["test", input], &events[..]].concat()).done();
        assert_eq!(ran.text(), PUT_OUT);
        assert!(ran.messages.contains("_9_starts_of_starts_total"));
    }
    let recipe = String::from_utf8(stage.read("in/here/payload.toml")).unwrap();
    let recipe = recipe.replace("[handler]\n", "[handler]\nlane = \"component\"\n");
    stage.file(
        "in/here/payload.toml",
        recipe.replace("\"true\"", "\"false\""),
    );
    stage
        .run(&["build", "in/here", "-o", "component.wasm"])
        .done();
    let component = listed(&stage, "component.wasm");
    assert_eq!(component["imports"], core["imports"]);
    assert_eq!(component["config"]["tell_each"], "false");
}

#[test]
fn a_new_handler_in_rust_brings_its_sdk_and_builds_without_a_network() {
    let mut stage = Stage::new();
    let new = ["new", "acme/starts", "--handler", "rust"];
    let text = stage.run(&new).done().text();
    assert!(text.contains("handler/src/lib.rs"), "{text}");
    assert!(!text.contains("handler/guest/"), "{text}");
    let written = files(&stage, "starts");
    assert!(written.contains(&"starts/handler/guest/src/lib.rs".to_owned()));
    stage.set("CARGO_NET_OFFLINE", "true");
    let ran = stage.run(&["build", "starts", "-o", "one.wasm"]);
    if ran.lacks_rust_library() {
        println!("not run: building a handler in Rust needs its library for WebAssembly");
        return;
    }
    assert_eq!(files(&stage, "starts"), written, "nothing is left behind");
    assert_eq!(listed(&stage, "one.wasm")["sdk"], "rust/1");
    let tried = ["test", "starts", "--events", "starts/events.jsonl"];
    assert_eq!(stage.run(&tried).done().text(), PUT_OUT);
    stage.run(&[&new[..], &["a/longer/way"]].concat()).done();
    let build = ["build", "a/longer/way", "-o", "two.wasm"];
    stage.run(&build).done();
    assert!(stage.read("one.wasm") == stage.read("two.wasm"));
}

#[test]
fn nothing_is_written_over() {
    let stage = Stage::new();
    stage.file("starts/kept.txt", "kept");
    let messages = stage.run(&["new", "acme/starts"]).failed(3);
    assert!(messages.contains("starts is not empty"), "{messages}");
    assert_eq!(files(&stage, "starts"), ["starts/kept.txt"]);
    stage.file("file", "kept");
    stage.run(&["new", "acme/starts", "file"]).failed(1);
    assert_eq!(stage.read("file"), b"kept");
    std::fs::create_dir(stage.path("empty")).unwrap();
    stage.run(&["new", "acme/starts", "empty"]).done();
    stage.run(&["new", "starts"]).failed(2);
    let messages = stage
        .run(&["new", "acme/other", "--handler", "go"])
        .failed(2);
    assert!(messages.contains("none, c, rust"), "{messages}");
}
