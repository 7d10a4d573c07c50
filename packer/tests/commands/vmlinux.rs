//! `packer build` with `vmlinux.h`, and of several sources. Needs bpftool; the kernel's BTF for some.

use std::path::Path;

use super::stage::{Stage, argument};

const RECIPE: &str = "name = \"acme/pair\"\nversion = \"0.1.0\"\n";
const KERNEL_BTF: &str = "/sys/kernel/btf/vmlinux";

const FIRST: &str = r#"
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, u32);
	__type(value, u64);
} counts SEC(".maps");

int count(u32 key);

SEC("kprobe/do_nanosleep")
int BPF_KPROBE(on_sleep, void *first)
{
	return count((long)first);
}

char LICENSE[] SEC("license") = "GPL";
"#;

const SECOND: &str = r#"
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

extern struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, u32);
	__type(value, u64);
} counts SEC(".maps");

int count(u32 key)
{
	u64 *value = bpf_map_lookup_elem(&counts, &key);

	return value ? *value : 0;
}

SEC("tp/sched/sched_process_exec")
int on_exec(void *ctx)
{
	return count(1);
}

char LICENSE[] SEC("license") = "GPL";
"#;

/// A stage with two sources that need each other; none where this kernel shows no BTF.
fn pair() -> Option<Stage> {
    if !Path::new(KERNEL_BTF).exists() {
        return None;
    }
    let stage = Stage::new();
    stage.file("pair/payload.toml", RECIPE);
    stage.file("pair/first.bpf.c", FIRST);
    stage.file("pair/second.bpf.c", SECOND);
    Some(stage)
}

fn report(stage: &Stage, file: &str) -> serde_json::Value {
    let shown = stage.run(&["inspect", "--json", file]).done();
    serde_json::from_slice(&shown.output).expect("JSON")
}

#[test]
fn several_sources_become_one_object_for_one_architecture_if_it_reads_registers() {
    let Some(stage) = pair() else {
        println!("not run: this kernel has no {KERNEL_BTF}");
        return;
    };
    stage.run(&["build", "pair", "-o", "p.wasm"]).done();
    let report = report(&stage, "p.wasm");
    let manifest = &report["manifest"];
    let programs = manifest["programs"].as_array().unwrap();
    let names: Vec<&str> = programs
        .iter()
        .map(|p| p["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["on_sleep", "on_exec"]);
    assert_eq!(manifest["maps"].as_array().unwrap().len(), 1);
    assert_eq!(manifest["objects"][0]["arch"], std::env::consts::ARCH);
    assert_eq!(report["judgements"][0]["needs"]["one_architecture"], true);
    let digest = manifest["build"]["btf"].as_str().unwrap();
    assert!(digest.starts_with("sha256:"));
}

#[test]
fn vmlinux_h_is_made_once_for_a_btf_and_the_same_bytes_come_out() {
    let Some(mut stage) = pair() else {
        println!("not run: this kernel has no {KERNEL_BTF}");
        return;
    };
    stage.run(&["build", "pair", "-o", "one.wasm"]).done();
    let kept: Vec<_> = std::fs::read_dir(stage.path("cache/vmlinux"))
        .unwrap()
        .collect();
    assert_eq!(kept.len(), 1);
    let header = kept[0].as_ref().unwrap().path().join("vmlinux.h");
    let made = std::fs::metadata(&header).unwrap().modified().unwrap();
    // The same BTF by another name.
    std::fs::copy(KERNEL_BTF, stage.path("copy.btf")).unwrap();
    stage
        .run(&["build", "pair", "--btf", "copy.btf", "-o", "two.wasm"])
        .done();
    assert_eq!(
        std::fs::metadata(&header).unwrap().modified().unwrap(),
        made
    );
    assert!(stage.read("one.wasm") == stage.read("two.wasm"));
    // Another cache at another place leaves no trace in the object.
    stage.set("MARROW_CACHE_DIR", stage.path("elsewhere/far/away"));
    stage.run(&["build", "pair", "-o", "three.wasm"]).done();
    assert!(stage.read("one.wasm") == stage.read("three.wasm"));
}

#[test]
fn a_folder_with_its_own_vmlinux_h_uses_that() {
    let mut stage = Stage::new();
    stage.file("own/payload.toml", RECIPE);
    stage.file(
        "own/vmlinux.h",
        "#include <linux/types.h>\n#include <linux/bpf.h>\n",
    );
    let source = "#include \"vmlinux.h\"\n#include <bpf/bpf_helpers.h>\n\
                  SEC(\"tp/sched/sched_process_exec\") int p(void *ctx) { return 0; }\n";
    stage.file("own/own.bpf.c", source);
    stage.set("MARROW_BPFTOOL", "/no/such/bpftool");
    stage.run(&["build", "own", "-o", "p.wasm"]).done();
    assert!(report(&stage, "p.wasm")["manifest"]["build"]["btf"].is_null());
}

#[test]
fn a_btf_that_is_none_is_refused_by_name() {
    let stage = Stage::new();
    stage.file("pair/payload.toml", RECIPE);
    stage.file("pair/first.bpf.c", "#include \"vmlinux.h\"\nint x;\n");
    let broken = stage.file("broken.btf", "no BTF");
    let messages = stage
        .run(&["build", "pair", "--btf", argument(&broken)])
        .failed(3);
    assert!(messages.contains("vmlinux.h: bpftool failed"), "{messages}");
    assert!(messages.contains("broken.btf"), "{messages}");
    let messages = stage.run(&["build", "pair", "--btf", "gone.btf"]).failed(1);
    assert!(
        messages.contains("vmlinux.h: cannot read gone.btf"),
        "{messages}"
    );
}
