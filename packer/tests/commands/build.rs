//! `packer build` without `vmlinux.h`.

use super::stage::{Stage, argument, golden, repository};

const RECIPE: &str = "name = \"acme/probe\"\nversion = \"1.2.3\"\n";

const SOURCE: &str = r#"
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "emit.bpf.h"

struct event {
	int pid;
};
EMITS(struct event);

const volatile int limit = 3;

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events SEC(".maps");

SEC("tp/sched/sched_process_exec")
int on_exec(void *ctx)
{
	struct event *event = emit_reserve(&events, struct event);

	if (!event)
		return 0;
	event->pid = limit;
	emit_submit(event);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
"#;

/// A stage with a payload folder of one source.
fn folder(recipe: &str, source: &str) -> Stage {
    let stage = Stage::new();
    stage.file("probe/payload.toml", recipe);
    stage.file("probe/probe.bpf.c", source);
    stage
}

/// The manifest of a payload, as `inspect --json` shows it.
fn manifest(stage: &Stage, file: &str) -> serde_json::Value {
    let shown = stage.run(&["inspect", "--json", file]).done();
    let report: serde_json::Value = serde_json::from_slice(&shown.output).expect("JSON");
    report["manifest"].clone()
}

#[test]
fn every_payload_of_the_repository_builds_to_the_same_bytes_wherever_it_lies() {
    for name in ["execsnoop", "execsnoop-1", "opensnoop"] {
        let stage = Stage::new();
        for copy in ["here", "a/much/longer/way"] {
            let from = repository("bpf").join(name);
            for entry in std::fs::read_dir(from).unwrap() {
                let entry = entry.unwrap();
                let bytes = std::fs::read(entry.path()).unwrap();
                stage.file(
                    &format!("{copy}/{}", entry.file_name().to_string_lossy()),
                    bytes,
                );
            }
        }
        stage.run(&["build", "here", "-o", "one.wasm"]).done();
        stage
            .run(&["build", "a/much/longer/way/", "-o", "two.wasm"])
            .done();
        let one = stage.read("one.wasm");
        assert!(one == stage.read("two.wasm"), "{name} differs");
        let place = stage.path("").to_string_lossy().into_owned();
        for trace in [
            place.trim_end_matches('/'),
            "/tmp",
            env!("CARGO_MANIFEST_DIR"),
        ] {
            let found = one
                .windows(trace.len())
                .any(|bytes| bytes == trace.as_bytes());
            assert!(!found, "{name} has {trace} inside");
        }
    }
}

#[test]
fn dwarf_is_taken_out_and_btf_is_kept() {
    let stage = folder(RECIPE, SOURCE);
    stage.run(&["build", "probe"]).done();
    let file = stage.read("probe-1.2.3.wasm");
    let has = |text: &[u8]| file.windows(text.len()).any(|bytes| bytes == text);
    assert!(has(b".BTF\0") && has(b".BTF.ext\0"));
    assert!(!has(b".debug_info\0"));
}

#[test]
fn the_manifest_has_what_the_object_and_the_recipe_say() {
    let recipe = format!(
        "{RECIPE}description = \"a probe\"\nlicense = \"MIT\"\nsource = \"https://example.org\"\n\
         kernel_min = \"5.8\"\n[maps.marrow_loss]\ncarry = \"never\"\n[events]\n\
         events = \"event\"\n[globals]\nsettable = [\"limit\"]\n\
         [programs]\ntarget_settable = [\"on_exec\"]\n"
    );
    let stage = folder(&recipe, SOURCE);
    let ran = stage.run(&["build", "probe", "-o", "p.wasm"]).done();
    assert!(
        ran.text().starts_with("p.wasm: acme/probe 1.2.3, "),
        "{}",
        ran.text()
    );
    let manifest = manifest(&stage, "p.wasm");
    assert_eq!(manifest["name"], "acme/probe");
    assert_eq!(manifest["version"], "1.2.3");
    assert_eq!(manifest["license"], "MIT");
    assert_eq!(manifest["kernel_min"], "5.8");
    assert_eq!(manifest["objects"][0]["arch"], "any");
    assert_eq!(
        manifest["programs"][0]["target"],
        "sched/sched_process_exec"
    );
    assert_eq!(manifest["events"][0]["struct"], "event");
    let maps = manifest["maps"].as_array().unwrap();
    let loss = maps
        .iter()
        .find(|map| map["name"] == "marrow_loss")
        .unwrap();
    assert_eq!(loss["carry"], "never");
    let globals = manifest["globals"].as_array().unwrap();
    let limit = globals
        .iter()
        .find(|global| global["name"] == "limit")
        .unwrap();
    assert_eq!(limit["settable"], true);
    assert_eq!(manifest["programs"][0]["target_settable"], true);
    assert!(manifest["build"]["clang"].as_str().unwrap().contains('.'));
}

#[test]
fn a_recipe_about_what_the_object_lacks_names_the_line_and_what_there_is() {
    let cases = [
        (
            "[maps.gone]\ncarry = \"never\"\n",
            "payload.toml:3: map \"gone\" is not in the object, which has: ",
        ),
        (
            "[globals]\nsettable = [\n  \"gone\",\n]\n",
            "payload.toml:5: variable \"gone\" is not",
        ),
        (
            "[programs]\ntarget_settable = [\"gone\"]\n",
            "payload.toml:4: program \"gone\" is not",
        ),
        (
            "[events]\nmarrow_loss = \"event\"\n",
            "payload.toml:4: ring or perf buffer \"marrow_loss\"",
        ),
        (
            "[events]\nevents = \"gone\"\n",
            "payload.toml:4: struct \"gone\" is not in the object",
        ),
    ];
    for (more, error) in cases {
        let stage = folder(&format!("{RECIPE}{more}"), SOURCE);
        let messages = stage.run(&["build", "probe"]).failed(3);
        assert!(messages.contains(error), "{messages}");
        assert_eq!(stage.names(), ["probe"], "nothing is written");
    }
}

#[test]
fn a_source_that_is_called_like_an_option_is_refused_and_spaces_are_not() {
    let stage = Stage::new();
    stage.file("a folder/payload.toml", RECIPE);
    stage.file("a folder/two words.bpf.c", SOURCE);
    stage.run(&["build", "a folder", "-o", "p.wasm"]).done();
    stage.file("a folder/-o evil.bpf.c", SOURCE);
    let messages = stage.run(&["build", "a folder"]).failed(3);
    assert!(
        messages.contains("a folder/-o evil.bpf.c: the name"),
        "{messages}"
    );
    assert_eq!(stage.names(), ["a folder", "p.wasm"]);
}

#[test]
fn what_a_manifest_cannot_say_is_refused() {
    let long = format!("{RECIPE}description = \"{}\"\n", "x".repeat(5000));
    for (recipe, field) in [
        (long.as_str(), "description"),
        (
            &format!("{RECIPE}source = \"file:///etc/passwd\"\n"),
            "source",
        ),
        (&format!("{RECIPE}license = \"\\u001b[31m\"\n"), "license"),
    ] {
        let stage = folder(recipe, SOURCE);
        let messages = stage.run(&["build", "probe"]).failed(3);
        assert!(messages.contains(field), "{messages}");
        assert!(!messages.contains('\u{1b}'), "{messages}");
        assert_eq!(stage.names(), ["probe"]);
    }
}

#[test]
fn what_clang_refuses_is_shown_with_its_place_and_nothing_is_written() {
    let stage = folder(RECIPE, "int broken(void)\n{\n\treturn nothing;\n}\n");
    let messages = stage.run(&["build", "probe", "-o", "p.wasm"]).failed(3);
    assert!(messages.contains("probe.bpf.c:3:9: error:"), "{messages}");
    assert!(
        messages.contains("clang failed (exit status: 1) on probe.bpf.c"),
        "{messages}"
    );
    assert_eq!(stage.names(), ["probe"]);
}

#[test]
fn what_is_missing_is_said_with_what_to_do() {
    let stage = Stage::new();
    let messages = stage.run(&["build", "gone"]).failed(1);
    assert!(
        messages.contains("cannot read gone: No such file"),
        "{messages}"
    );
    stage.file("empty/other.txt", "");
    let messages = stage.run(&["build", "empty"]).failed(3);
    assert!(messages.contains("empty has no payload.toml"), "{messages}");
    stage.file("empty/payload.toml", RECIPE);
    let messages = stage.run(&["build", "empty"]).failed(3);
    assert!(
        messages.contains("empty has no *.bpf.c and not exactly one"),
        "{messages}"
    );
    stage.file("text.bpf.o", "not an object");
    let messages = stage.run(&["build", "text.bpf.o"]).failed(3);
    assert!(messages.contains("text.bpf.o: "), "{messages}");
}

#[test]
fn a_missing_tool_is_the_machines_fault_and_says_what_to_install() {
    let mut stage = folder(RECIPE, SOURCE);
    stage.set("PATH", "");
    stage.set("MARROW_LLVM_STRIP", "/usr/bin/llvm-strip");
    let messages = stage.run(&["build", "probe"]).failed(1);
    assert!(messages.contains("`clang` is not installed"), "{messages}");
    assert!(messages.contains("apt-get install clang"), "{messages}");
    stage.set("MARROW_CLANG", "/no/such/clang");
    let messages = stage.run(&["build", "probe"]).failed(1);
    assert!(messages.contains("cannot run /no/such/clang"), "{messages}");
}

#[test]
fn bpftool_is_not_needed_for_one_source_without_vmlinux() {
    let mut stage = folder(RECIPE, SOURCE);
    stage.set("MARROW_BPFTOOL", "/no/such/bpftool");
    stage.run(&["build", "probe"]).done();
}

#[test]
fn a_ready_object_is_taken_as_it_is() {
    let stage = Stage::new();
    let object = golden("exec.bpf.o");
    stage
        .run(&["build", argument(&object), "-o", "p.wasm"])
        .done();
    let manifest_of = manifest(&stage, "p.wasm");
    assert_eq!(manifest_of["name"], "local/exec");
    assert_eq!(manifest_of["version"], "0.0.0");
    assert!(manifest_of["build"].is_null());
    let bytes = std::fs::read(&object).unwrap();
    let file = stage.read("p.wasm");
    assert!(
        file.windows(bytes.len()).any(|window| window == bytes),
        "unchanged inside"
    );
    let named = ["--name", "acme/x", "--payload-version", "2.0.0"];
    let arguments = [&["build", argument(&object)], named.as_slice()].concat();
    stage.run(&arguments).done();
    assert_eq!(manifest(&stage, "x-2.0.0.wasm")["name"], "acme/x");
}

#[test]
fn a_ready_object_in_a_folder_takes_the_folders_recipe() {
    let stage = Stage::new();
    stage.file("ready/payload.toml", RECIPE);
    let object = std::fs::read(golden("exec.bpf.o")).unwrap();
    stage.file("ready/exec.bpf.o", &object);
    stage.run(&["build", "ready", "-o", "one.wasm"]).done();
    stage
        .run(&["build", "ready/exec.bpf.o", "-o", "two.wasm"])
        .done();
    assert!(stage.read("one.wasm") == stage.read("two.wasm"));
    assert_eq!(manifest(&stage, "one.wasm")["name"], "acme/probe");
    stage.file("ready/other.bpf.o", &object);
    let messages = stage.run(&["build", "ready"]).failed(3);
    assert!(messages.contains("not exactly one *.bpf.o"), "{messages}");
}

#[test]
fn the_time_of_the_build_cannot_get_into_the_object() {
    let source = SOURCE.replace("= limit;", "= sizeof(__DATE__ __TIME__);");
    let stage = folder(RECIPE, &source);
    let messages = stage.run(&["build", "probe"]).failed(3);
    assert!(messages.contains("date-time"), "{messages}");
}

#[test]
fn a_wrong_command_line_is_exit_code_2() {
    let stage = Stage::new();
    let messages = stage
        .run(&["build", "x", "--name", "NoNamespace"])
        .failed(2);
    assert!(messages.contains("namespace/name"), "{messages}");
    stage.run(&["bulid"]).failed(2);
}
