//! `packer build` of a folder with a handler. Needs clang and wasm-ld; cargo's target for one test.

use std::path::PathBuf;

use super::stage::{Stage, argument, repository};

const RECIPE: &str = "name = \"acme/handled\"\nversion = \"1.0.0\"\n";

/// What the author says about the handler.
const HANDLER: &str = r#"
[handler]
state = "require"
call_ms_max = 20
log_lines_per_s_max = 5
[handler.maps]
events = "read"
[handler.metrics.events_total]
kind = "counter"
help = "Events."
[handler.metrics.pid]
kind = "histogram"
buckets = [1, 2.5, 1e3]
labels = ["peer"]
series_max = 7
[handler.config]
prefix = ""
"#;

const SOURCE: &str = r#"
#include "handler.h"
#include "event.h"

struct counts {
	__u64 events;
};

HANDLER(2, 1);
HANDLER_STATE(struct counts);
COUNTER(events_all, "events_total");

static void handle(const struct event *event)
{
	state.events++;
	counter_add(&events_all, 1);
}

HANDLE_EVENTS(events, struct event, handle);

const char *on_older_state(__u32 schema, const void *bytes, __u32 length)
{
	return __FILE__;
}
"#;

/// A stage with a payload of a ready object and this handler in C.
fn folder(recipe: &str, source: &str) -> Stage {
    let stage = Stage::new();
    put(&stage, "handled", recipe);
    stage.file("handled/handler.c", source);
    stage.file(
        "handled/event.h",
        "struct event {\n\t__u64 time;\n\t__u32 pid;\n};\n",
    );
    stage
}

/// A folder with a ready object and a recipe.
fn put(stage: &Stage, folder: &str, recipe: &str) {
    let object = repository("payload/tests/golden/small.bpf.o");
    stage.file(
        &format!("{folder}/small.bpf.o"),
        std::fs::read(object).expect("a file of the repository"),
    );
    stage.file(
        &format!("{folder}/payload.toml"),
        format!("{RECIPE}{recipe}"),
    );
}

/// What the manifest of a payload says about its handler.
fn listed(stage: &Stage, file: &str) -> serde_json::Value {
    let report = stage.run(&["inspect", "--json", file]).done().json();
    report["manifest"]["handler"].clone()
}

fn has(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}

/// The functions of the contract, as imports.
fn contract() -> Vec<String> {
    let contract = repository("node/wit/handler.wit");
    let contract = std::fs::read_to_string(contract).expect("the contract");
    let host = contract
        .split_once("interface host {")
        .and_then(|(_, host)| host.split_once("\nworld "))
        .map(|(host, _)| host)
        .expect("the interface before the world");
    let lines = host.lines().filter_map(|line| line.split_once(": func("));
    let mut functions: Vec<String> = lines
        .map(|(name, _)| format!("marrow:handler/host@1.0.0#{}", name.trim()))
        .collect();
    functions.sort();
    functions
}

#[test]
fn a_handler_in_c_is_in_the_payload_with_its_facts_and_its_authors_wishes() {
    let stage = folder(HANDLER, SOURCE);
    stage.run(&["build", "handled", "-o", "p.wasm"]).done();
    let imports = ["add", "log", "series"].map(|name| format!("marrow:handler/host@1.0.0#{name}"));
    let expected = serde_json::json!({
        "world": "marrow:handler@1.0.0", "imports": imports, "sdk": "c/1",
        "state": "require", "schema": 2, "accepts": [1],
        "maps": [{"map": "events", "access": "read"}],
        "metrics": [
            {"name": "events_total", "kind": "counter", "help": "Events."},
            {"name": "pid", "kind": "histogram", "labels": ["peer"],
                "buckets": [1.0, 2.5, 1000.0], "series_max": 7},
        ],
        "config": {"prefix": ""},
        "memory_bytes_max": 16_777_216, "call_ms_max": 20, "log_lines_per_s_max": 5,
    });
    assert_eq!(listed(&stage, "p.wasm"), expected);
    // A core module with names of its functions, and without where and by what it was compiled.
    let file = stage.read("p.wasm");
    assert!(file.starts_with(b"\0asm\x01\0\0\0"));
    assert!(has(&file, "handler_on_events") && !has(&file, "producers"));
}

#[test]
fn the_same_sources_give_the_same_bytes_wherever_they_lie() {
    for lane in ["core", "component"] {
        let recipe = format!("[handler]\nlane = \"{lane}\"\n");
        let stage = folder(&recipe, SOURCE);
        put(&stage, "a/much/longer/way", &recipe);
        for name in ["handler.c", "event.h"] {
            let text = stage.read(&format!("handled/{name}"));
            stage.file(&format!("a/much/longer/way/{name}"), text);
        }
        stage.run(&["build", "handled", "-o", "one.wasm"]).done();
        let way = ["build", "a/much/longer/way", "-o", "two.wasm"];
        stage.run(&way).done();
        let one = stage.read("one.wasm");
        assert!(one == stage.read("two.wasm"), "{lane} differs");
        let place = stage.path("").to_string_lossy().into_owned();
        for trace in [place.trim_end_matches('/'), "/tmp", "/usr"] {
            assert!(!has(&one, trace), "{lane} has {trace} inside");
        }
    }
}

#[test]
fn the_very_same_core_module_becomes_a_component_that_says_the_same() {
    let stage = folder(HANDLER, SOURCE);
    stage.run(&["build", "handled", "-o", "core.wasm"]).done();
    let component = HANDLER.replace("[handler]\n", "[handler]\nlane = \"component\"\n");
    let stage = {
        put(&stage, "handled", &component);
        stage
    };
    let build = ["build", "handled", "-o", "component.wasm"];
    stage.run(&build).done();
    assert!(
        stage
            .read("component.wasm")
            .starts_with(b"\0asm\x0d\0\x01\0")
    );
    assert_eq!(
        listed(&stage, "component.wasm"),
        listed(&stage, "core.wasm")
    );
}

#[test]
fn every_function_of_the_contract_has_the_same_signature_in_both_lanes() {
    // It uses all that handler.h has; the component's linking compares each signature.
    let read = |name| std::fs::read_to_string(repository(name)).unwrap();
    let source = read("tests/handlers/sdk.c");
    for lane in ["core", "component"] {
        let stage = folder(&format!("[handler]\nlane = \"{lane}\"\n"), &source);
        stage.file("handled/step.h", read("tests/handlers/step.h"));
        stage.run(&["build", "handled", "-o", "p.wasm"]).done();
        let imports = listed(&stage, "p.wasm")["imports"].clone();
        assert_eq!(imports, serde_json::json!(contract()), "{lane}");
    }
}

#[test]
fn a_ready_module_is_taken_and_its_author_says_what_no_sdk_wrote() {
    let corpus = repository("payload/tests/fuzz/corpus");
    let ready = |name: &str| std::fs::read(corpus.join(name)).unwrap();
    let stage = Stage::new();
    put(&stage, "handled", "");
    stage.file("handled/handler.wasm", ready("handler.core.wasm"));
    stage.run(&["build", "handled", "-o", "p.wasm"]).done();
    assert_eq!(listed(&stage, "p.wasm")["schema"], 2);
    // Beside a ready object that is named by itself, too.
    let object = ["build", "handled/small.bpf.o", "-o", "o.wasm"];
    stage.run(&object).done();
    assert!(stage.read("o.wasm") == stage.read("p.wasm"));
    put(&stage, "handled", "[handler]\nschema = 3\n");
    let messages = stage.run(&["build", "handled"]).failed(3);
    assert!(
        messages.contains("handler.schema is said by handler.wasm itself"),
        "{messages}"
    );
    stage.file("handled/handler.wasm", ready("handler.component.wasm"));
    put(&stage, "handled", "[handler]\nlane = \"core\"\n");
    let messages = stage.run(&["build", "handled"]).failed(3);
    assert!(
        messages.contains("handler.wasm is a component, and payload.toml says handler.lane"),
        "{messages}"
    );
    // A module that says nothing.
    stage.file("handled/handler.wasm", b"\0asm\x01\0\0\0\0\x02\x01x");
    put(
        &stage,
        "handled",
        "[handler]\nschema = 3\naccepts = [1, 2]\n",
    );
    stage.run(&["build", "handled", "-o", "p.wasm"]).done();
    let listed = listed(&stage, "p.wasm");
    assert_eq!(
        (&listed["world"], &listed["schema"], &listed["accepts"]),
        (
            &"marrow:handler@1.0.0".into(),
            &3.into(),
            &serde_json::json!([1, 2])
        )
    );
}

#[test]
fn what_is_wrong_with_a_handler_is_said_with_its_file_and_rule() {
    let importing = SOURCE.replace(
        "return __FILE__;",
        "extern __attribute__((import_module(\"env\"), import_name(\"open\"))) void host_open(void);\n\
         \thost_open();\n\treturn NULL;",
    );
    let unlinked = SOURCE.replace(
        "return __FILE__;",
        "extern const char *gone(void);\n\n\treturn gone();",
    );
    let undefined = SOURCE.replace("return __FILE__;", "return printf(\"no\");");
    for (recipe, source, says) in [
        (
            "[handler]\nlane = \"wide\"\n",
            SOURCE,
            "unknown variant `wide`",
        ),
        ("[handler]\ncolour = 1\n", SOURCE, "line 4, column 1"),
        (
            "[handler.maps]\nother = \"read\"\n",
            SOURCE,
            "payload.toml:4: map \"other\" is not in the object",
        ),
        (
            "[handler]\ncall_ms_max = 5000\n",
            SOURCE,
            "manifest field handler.call_ms_max: 5000 is not from 1 to 1000",
        ),
        (
            "[handler.metrics.Bad]\nkind = \"counter\"\n",
            SOURCE,
            "manifest field handler.metrics: \"Bad\" is not of the form",
        ),
        (
            "[handler.metrics.bad]\nkind = \"histogram\"\nbuckets = [inf]\n",
            SOURCE,
            "inf is no finite number",
        ),
        (
            "[handler]\nlane = \"component\"\n",
            &importing,
            "handler.c makes no component of marrow:handler: ",
        ),
        ("", &undefined, "handler.c:23:9: error: "),
        (
            "",
            "int broken(void)\n{\n\treturn nothing;\n}\n",
            "handler.c:3:9: error:",
        ),
        ("", &unlinked, "wasm-ld failed"),
    ] {
        let stage = folder(recipe, source);
        let messages = stage.run(&["build", "handled", "-o", "p.wasm"]).failed(3);
        assert!(messages.contains(says), "{says:?} is not in\n{messages}");
        assert_eq!(stage.names(), ["handled"], "nothing is written");
    }
}

#[test]
fn a_payload_has_one_handler_and_no_rules_for_none() {
    let stage = folder("", SOURCE);
    stage.file("handled/handler.wasm", b"\0asm\x01\0\0\0");
    let messages = stage.run(&["build", "handled"]).failed(3);
    assert!(
        messages.contains("there are handler.c and handler.wasm: a payload has one handler"),
        "{messages}"
    );
    let stage = Stage::new();
    put(&stage, "handled", "[handler]\n");
    let messages = stage.run(&["build", "handled"]).failed(3);
    assert!(
        messages.contains(
            "payload.toml has [handler], and there is neither handler.c nor handler.wasm nor \
             handler/Cargo.toml"
        ),
        "{messages}"
    );
    put(&stage, "handled", "");
    stage.run(&["build", "handled", "-o", "p.wasm"]).done();
    assert!(listed(&stage, "p.wasm").is_null());
}

#[test]
fn a_missing_linker_is_said_with_the_package_that_has_it() {
    let mut stage = folder("", SOURCE);
    let clang = ["/usr/bin/clang", "/usr/bin/clang-14"].map(PathBuf::from);
    let clang = clang.into_iter().find(|path| path.is_file());
    stage.set("MARROW_CLANG", clang.expect("clang, as setup installs it"));
    stage.set("PATH", "");
    let messages = stage.run(&["build", "handled"]).failed(1);
    assert!(
        messages.contains("`wasm-ld` is not installed"),
        "{messages}"
    );
    assert!(messages.contains("apt-get install lld"), "{messages}");
    assert!(messages.contains("MARROW_WASM_LD"), "{messages}");
}

const CARGO_TOML: &str = "[package]\nname = \"counts\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\
    [lib]\ncrate-type = [\"cdylib\"]\n[workspace]\n";

const LIB: &str = r#"#![no_std]

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

#[link(wasm_import_module = "marrow:handler/host@1.0.0")]
extern "C" {
    #[link_name = "now-mono"]
    fn now_mono() -> u64;
}

#[export_name = "on-tick"]
pub extern "C" fn on_tick(now: u64) {
    assert!(now <= unsafe { now_mono() }, "{}", file!());
}
"#;

#[test]
fn a_crate_is_built_to_a_core_module_or_what_is_missing_is_said() {
    let stage = Stage::new();
    for copy in ["handled", "a/longer/way"] {
        put(&stage, copy, "");
        stage.file(&format!("{copy}/handler/Cargo.toml"), CARGO_TOML);
        stage.file(&format!("{copy}/handler/src/lib.rs"), LIB);
    }
    let ran = stage.run(&["build", "handled", "-o", "one.wasm"]);
    if ran.lacks_rust_library() {
        println!("not run: building a handler in Rust needs its library for WebAssembly");
        return;
    }
    assert_eq!(
        listed(&stage, "one.wasm")["imports"],
        serde_json::json!(["marrow:handler/host@1.0.0#now-mono"])
    );
    stage
        .run(&["build", "a/longer/way", "-o", "two.wasm"])
        .done();
    let one = stage.read("one.wasm");
    assert!(one == stage.read("two.wasm"), "the folder is in it");
    for trace in [argument(&stage.path("handled")), "/tmp", ".cargo"] {
        assert!(!has(&one, trace), "{trace} is in it");
    }
    let target = stage.path("handled/handler/target");
    assert!(!target.exists(), "cargo's folder is not left behind");
    stage.file(
        "handled/handler/Cargo.toml",
        CARGO_TOML.replace("cdylib", "lib"),
    );
    let messages = stage.run(&["build", "handled"]).failed(3);
    assert!(messages.contains("gives 0 modules"), "{messages}");
}
