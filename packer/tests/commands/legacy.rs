//! `packer import` and `packer legacy`: the predecessor's JSON in and out.

use super::stage::{Stage, argument, golden};

fn manifest(stage: &Stage, file: &str) -> serde_json::Value {
    let shown = stage.run(&["inspect", "--json", file]).done();
    let report: serde_json::Value = serde_json::from_slice(&shown.output).expect("JSON");
    report["manifest"].clone()
}

#[test]
fn every_generation_bare_and_wrapped_becomes_a_payload_of_the_same_object() {
    let stage = Stage::new();
    let object = std::fs::read(golden("exec.bpf.o")).unwrap();
    let documents = [
        ("generation-0.json", "local/exec"),
        ("generation-0-no-name.json", "local/default"),
        ("generation-0-long-keys.json", "local/exec"),
        ("generation-1.json", "local/exec"),
        ("generation-2.json", "local/exec_bpf"),
        ("wrapped.json", "local/exec"),
    ];
    for (document, name) in documents {
        stage
            .run(&["import", argument(&golden(document)), "-o", "p.wasm"])
            .done();
        let file = stage.read("p.wasm");
        assert!(
            file.windows(object.len()).any(|window| window == object),
            "{document}"
        );
        let manifest = manifest(&stage, "p.wasm");
        assert_eq!(manifest["name"], name, "{document}");
        assert_eq!(manifest["programs"].as_array().unwrap().len(), 2);
    }
}

#[test]
fn import_keeps_what_generation_1_says_and_takes_name_and_version_from_the_command_line() {
    let stage = Stage::new();
    let document = golden("generation-1.json");
    stage
        .run(&["import", argument(&document), "-o", "one.wasm"])
        .done();
    let one = manifest(&stage, "one.wasm");
    assert_eq!(one["version"], "0.1.0");
    assert_eq!(one["license"], "GPL");
    assert_eq!(one["source"], "https://example.org");
    assert_eq!(one["description"], "starts and exits");
    let named = [
        "--name",
        "acme/exec",
        "--payload-version",
        "3.0.0",
        "-o",
        "two.wasm",
    ];
    let arguments = [&["import", "-"], named.as_slice()].concat();
    stage
        .run_with_input(&arguments, &std::fs::read(&document).unwrap())
        .done();
    let two = manifest(&stage, "two.wasm");
    assert_eq!(
        (&two["name"], &two["version"]),
        (&"acme/exec".into(), &"3.0.0".into())
    );
}

#[test]
fn what_generation_1_says_in_no_form_of_ours_is_left_out_with_a_note() {
    let stage = Stage::new();
    let document = std::fs::read_to_string(golden("generation-1.json")).unwrap();
    stage.file(
        "odd.json",
        document.replace("https://example.org", "somewhere else"),
    );
    let ran = stage.run(&["import", "odd.json", "-o", "p.wasm"]).done();
    assert!(ran.messages.contains("is left out"), "{}", ran.messages);
    assert!(manifest(&stage, "p.wasm")["source"].is_null());
}

#[test]
fn import_of_what_is_no_legacy_json_says_what_it_is() {
    let stage = Stage::new();
    let object = golden("exec.bpf.o");
    let messages = stage
        .run(&["import", argument(&object), "-o", "p.wasm"])
        .failed(3);
    assert!(
        messages.contains("is an object, not the predecessor's JSON"),
        "{messages}"
    );
    stage
        .run(&["build", argument(&object), "-o", "p.wasm"])
        .done();
    let messages = stage.run(&["import", "p.wasm", "-o", "q.wasm"]).failed(3);
    assert!(messages.contains("p.wasm is a payload"), "{messages}");
    assert_eq!(stage.names(), ["p.wasm"]);
}

#[test]
fn a_broken_document_names_the_field_and_both_values_and_nothing_is_written() {
    let stage = Stage::new();
    let document = std::fs::read_to_string(golden("generation-0.json")).unwrap();
    stage.file("huge.json", document.replace(":4768,", ":500000000,"));
    let messages = stage
        .run(&["import", "huge.json", "-o", "p.wasm"])
        .failed(3);
    let error = "huge.json: data_sz: declares 500000000 bytes, data decodes to 4768";
    assert!(messages.contains(error), "{messages}");
    stage.file(
        "name.json",
        document.replace("\"handle_exit\"", "\"handle_fork\""),
    );
    let messages = stage
        .run(&["import", "name.json", "-o", "p.wasm"])
        .failed(3);
    let error = "progs[1]: names handle_fork, the object has handle_exec, handle_exit";
    assert!(messages.contains(error), "{messages}");
    assert_eq!(stage.names(), ["huge.json", "name.json"]);
}

#[test]
fn legacy_writes_the_golden_generation_0_from_an_object_a_payload_and_each_generation() {
    let stage = Stage::new();
    let expected = std::fs::read(golden("generation-0.json")).unwrap();
    let object = golden("exec.bpf.o");
    stage
        .run(&["build", argument(&object), "-o", "exec.wasm"])
        .done();
    let (one, two) = (golden("generation-1.json"), golden("generation-2.json"));
    for input in [
        argument(&object),
        "exec.wasm",
        argument(&one),
        argument(&two),
    ] {
        let ran = stage.run(&["legacy", input, "--instance", "exec"]).done();
        assert!(ran.output == expected, "{input}");
    }
    let ran = stage.run(&["legacy", argument(&object)]).done();
    assert!(ran.output == expected, "the file's name is the object's");
    let ran = stage.run_with_input(&["legacy", "-"], &expected).done();
    assert!(ran.output == expected);
}

#[test]
fn values_that_generation_2_gives_to_variables_go_into_the_object() {
    let stage = Stage::new();
    let text = std::fs::read_to_string(golden("generation-2.json")).unwrap();
    let with = |text: &str| {
        text.replace(
            "\"type\":\"__u32\"}]},{\"name\":\".bss\"",
            "\"type\":\"__u32\",\"value\":4711}]},{\"name\":\".bss\"",
        )
    };
    stage.file("preset.json", with(&text));
    stage.run(&["import", "preset.json", "-o", "p.wasm"]).done();
    let imported = manifest(&stage, "p.wasm");
    let globals = imported["globals"].as_array().unwrap();
    let only_pid = globals
        .iter()
        .find(|global| global["name"] == "only_pid")
        .unwrap();
    assert_eq!(only_pid["default"], "67120000");
    let exported = stage.run(&["legacy", "preset.json"]).done();
    stage.file("zero.json", &exported.output);
    stage.run(&["import", "zero.json", "-o", "q.wasm"]).done();
    assert_eq!(manifest(&stage, "q.wasm")["objects"], imported["objects"]);
    stage.file("wrong.json", with(&text).replace("4711", "-1"));
    let messages = stage.run(&["legacy", "wrong.json"]).failed(3);
    let path = "meta.bpf_skel.data_sections[0].variables[0].value: variable only_pid";
    assert!(messages.contains(path), "{messages}");
}
