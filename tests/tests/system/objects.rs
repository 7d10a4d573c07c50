//! The BPF objects of the system tests, compiled once, and every legacy form of them.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{LazyLock, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use payload::legacy::{Skeleton, write_generation_0};
use serde_json::{Value, json};

static COMPILED: LazyLock<Mutex<BTreeMap<String, Vec<u8>>>> = LazyLock::new(Mutex::default);

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

/// The object compiled from `tests/system/<name>.bpf.c`.
pub(crate) fn object(name: &str) -> Vec<u8> {
    let mut compiled = COMPILED
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    compiled
        .entry(name.to_owned())
        .or_insert_with(|| compile(name))
        .clone()
}

/// The same with this number in place of its `build`: another object in each way but what it does.
pub(crate) fn numbered(name: &str, number: u64) -> Vec<u8> {
    const BUILD: [u8; 8] = *b"marrow/b";
    let mut bytes = object(name);
    let place = bytes.windows(8).position(|bytes| bytes == BUILD).unwrap();
    bytes[place..place + 8].copy_from_slice(&number.to_ne_bytes());
    bytes
}

fn compile(name: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let object = folder.path().join("a.bpf.o");
    let includes = format!("/usr/include/{}-linux-gnu", std::env::consts::ARCH);
    let clang = Command::new("clang")
        .args([
            "-g",
            "-O2",
            "-target",
            "bpf",
            "-Wall",
            "-Werror",
            "-idirafter",
            &includes,
        ])
        .arg("-I")
        .arg(root().join("bpf/include"))
        .arg("-c")
        .arg(root().join("tests/system").join(format!("{name}.bpf.c")))
        .arg("-o")
        .arg(&object)
        .output()
        .unwrap();
    assert!(
        clang.status.success(),
        "{}",
        String::from_utf8_lossy(&clang.stderr)
    );
    std::fs::read(&object).unwrap()
}

/// Generation 0, as `packer legacy` writes it.
pub(crate) fn generation_0(name: &str, object: &[u8]) -> String {
    let inspected = payload::object::inspect(object).unwrap();
    write_generation_0(name, object, &Skeleton::from(&inspected))
}

/// Generation 0 as a document that a test can break.
pub(crate) fn document(name: &str, object: &[u8]) -> Value {
    serde_json::from_str(&generation_0(name, object)).unwrap()
}

/// Generation 1: maps and programs are objects.
pub(crate) fn generation_1(name: &str, object: &[u8]) -> String {
    let document = document(name, object);
    let named = |list: &Value| -> Vec<Value> {
        list.as_array()
            .unwrap()
            .iter()
            .map(|name| json!({ "name": name }))
            .collect()
    };
    let (maps, programs) = (named(&document["maps"]), named(&document["progs"]));
    json!({
        "name": name, "data": document["data"], "data_sz": document["data_sz"],
        "maps": maps, "progs": programs,
    })
    .to_string()
}

/// Generation 2: `package.json` of `ecc`, the object deflated.
pub(crate) fn generation_2(name: &str, object: &[u8]) -> String {
    let document = document(name, object);
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    zlib.write_all(object).unwrap();
    let programs: Vec<Value> = document["progs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|name| json!({ "name": name, "attach": "tp/sched/sched_process_exec", "link": true }))
        .collect();
    let maps: Vec<Value> = document["maps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|name| json!({ "name": name, "ident": name }))
        .collect();
    json!({
        "bpf_object": STANDARD.encode(zlib.finish().unwrap()),
        "bpf_object_size": object.len(),
        "meta": {
            "bpf_skel": {
                "obj_name": name, "maps": maps, "progs": programs, "data_sections": [],
            },
            "eunomia_version": "0.3.4",
        },
    })
    .to_string()
}

/// The wrapper of 2022 around a document.
pub(crate) fn wrapped(instance: &str, document: &str) -> String {
    json!({
        "args": [document],
        "export_handlers": [{ "args": [], "name": "plain_text" }],
        "name": instance,
    })
    .to_string()
}

/// The body of `POST /task` of 2023: base64 without padding.
pub(crate) fn task(name: Option<&str>, document: &str) -> String {
    let buf = base64::engine::general_purpose::STANDARD_NO_PAD.encode(document);
    let mut task = json!({ "program_data_buf": buf, "program_type": "json" });
    if let Some(name) = name {
        task["program_name"] = json!(name);
    }
    task.to_string()
}
