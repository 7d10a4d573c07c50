//! Handlers that are refused before any of their code runs: by name, with the rule.
//! Must never be refused by what happens later.

use handler::grant::Grant;
use handler::{Engine, Lane};

use super::stand::{engine, grant, in_both_lanes, module, wasm};

fn said(wasm: &[u8], grant: &Grant) -> String {
    match engine().compile(wasm, grant) {
        Ok(compiled) => format!("{compiled:?}"),
        Err(refused) => refused.to_string(),
    }
}

/// Checks that a module or component with this import is refused by this rule.
fn import_refused(kind: &str, import: &str, rule: &str) {
    let said = said_of(&format!("({kind} (import {import}))"));
    assert!(
        said.contains(&format!("the handler imports {rule}")),
        "{said}"
    );
}

fn said_of(text: &str) -> String {
    said(&wat::parse_str(text).unwrap(), &grant())
}

in_both_lanes! {
    fn a_function_that_was_not_granted_is_refused(lane: Lane) {
        let mut grant = grant();
        grant.imports.remove("emit");
        let call = r#"(func (export "on-tick") (param i64)
            (call $emit (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))"#;
        let wasm = wasm(lane, &["emit"], call);
        let refused = "the handler imports marrow:handler/host@1.0.0#emit, which it was not granted";
        assert_eq!(said(&wasm, &grant), refused);
    }

    fn what_is_no_webassembly_is_refused(lane: Lane) {
        let whole = wasm(lane, &[], "");
        let said = said(&whole[..whole.len() - 1], &grant());
        assert!(said.starts_with("the handler can't be compiled: "), "{said}");
    }
}

#[test]
fn what_fills_or_copies_memory_is_refused_in_the_core_lane() {
    let numbers = "(i32.const 0) (i32.const 0) (i32.const 0)";
    for (operation, data) in [
        (format!("(memory.fill {numbers})"), ""),
        (format!("(memory.copy {numbers})"), ""),
        (format!("(memory.init 1 {numbers})"), "(data \"passive\")"),
        ("(data.drop 1)".to_owned(), "(data \"passive\")"),
    ] {
        let body = format!(r#"{data} (func (export "on-tick") (param i64) {operation})"#);
        let said = said(&module(&[], &body), &grant());
        assert!(
            said.starts_with("the handler can't be compiled: "),
            "{said}"
        );
        assert!(
            said.contains("bulk memory") || said.contains("bulk-memory"),
            "{said}"
        );
    }
}

#[test]
fn components_may_fill_and_copy_their_memory() {
    let body = r#"(func (export "on-tick") (param i64)
        (memory.fill (i32.const 2048) (i32.const 5) (i32.const 4))
        (memory.copy (i32.const 2052) (i32.const 2048) (i32.const 4)))"#;
    let mut guest = super::stand::guest(Lane::Component, &[], body);
    guest.on_tick(0).unwrap();
    assert_eq!(super::stand::words(&mut guest), [0x0505_0505, 0x0505_0505]);
}

#[test]
fn what_a_window_could_not_stand_is_refused_in_the_core_lane() {
    for (body, rule) in [
        ("(memory 1)", "multiple memories"),
        ("(table 1 externref)", "reference types"),
        (r#"(memory (export "memory") i64 1)"#, "memory64"),
    ] {
        let said = said(&module(&[], body), &grant());
        assert!(
            said.starts_with("the handler can't be compiled: "),
            "{said}"
        );
        assert!(said.contains(rule), "{said}");
    }
}

#[test]
fn imports_that_no_node_has_are_refused_by_name() {
    for (import, rule) in [
        (
            r#""env" "memory" (memory 1)"#,
            "env#memory, which no node has",
        ),
        (r#""env" "abort" (func)"#, "env#abort, which no node has"),
        (
            r#""wasi_snapshot_preview1" "fd_write" (func)"#,
            "wasi_snapshot_preview1#fd_write, which is WASI",
        ),
        (
            r#""marrow:handler/host@1.0.0" "symbolize" (func)"#,
            "marrow:handler/host@1.0.0#symbolize, which the host of version 1.0 does not have",
        ),
        (
            r#""marrow:handler/host@2.0.0" "emit" (func)"#,
            "marrow:handler/host@2.0.0#emit, of version 2.0.0; this node has 1.0",
        ),
        (
            r#""marrow:handler/host@1.0.0" "emit" (func (param i32))"#,
            "marrow:handler/host@1.0.0#emit, as (i32) -> (); it is (i32, i32, i32, i32, i32) -> ()",
        ),
        (
            r#""marrow:handler/host@1.0.0" "emit" (global i32)"#,
            "marrow:handler/host@1.0.0#emit, as a global",
        ),
    ] {
        import_refused("module", import, rule);
    }
    for (import, rule) in [
        (
            r#""wasi:cli/exit@0.2.0" (instance)"#,
            "wasi:cli/exit@0.2.0, which is WASI",
        ),
        (r#""other" (func)"#, "other, which no node has"),
        (
            r#""marrow:handler/host@1.1.0" (instance)"#,
            "marrow:handler/host@1.1.0, of version 1.1.0; this node has 1.0",
        ),
        (
            r#""marrow:handler/host@1.0.0" (instance (export "symbolize" (func)))"#,
            "marrow:handler/host@1.0.0#symbolize, which the host of version 1.0 does not have",
        ),
    ] {
        import_refused("component", import, rule);
    }
}

#[test]
fn a_lower_patch_and_a_higher_one_are_served() {
    for version in ["1.0.0", "1.0.7"] {
        let import =
            format!(r#"(import "marrow:handler/host@{version}" "now-mono" (func (result i64)))"#);
        let text = format!("(module {import} {})", super::stand::parts(""));
        assert!(said_of(&text).starts_with("Compiled"), "{}", said_of(&text));
    }
}

#[test]
fn exports_are_there_and_of_their_type() {
    for (missing, rule) in [
        ("memory", "the handler's export memory: is missing"),
        ("init", "the handler's export init: is missing"),
        ("on-events", "the handler's export on-events: is missing"),
        (
            "cabi_realloc",
            "the handler's export cabi_realloc: is missing",
        ),
    ] {
        // Named in a comment, so that it is left out.
        let body = format!(";; no (export \"{missing}\")\n(memory 1)");
        let body = if missing == "memory" {
            body
        } else {
            body.replace("(memory 1)", "")
        };
        assert_eq!(said(&module(&[], &body), &grant()), rule);
    }
    for (body, rule) in [
        (
            r#"(func (export "on-tick") (param i32))"#,
            "the handler's export on-tick: is (i32) -> (), must be (i64) -> ()",
        ),
        (
            r#"(func (export "on-events") (param i32 i32) (result i32) unreachable)"#,
            "the handler's export on-events: is (i32, i32) -> (i32), must be (i32, i32, i32) -> (i32)",
        ),
        (
            r#"(global (export "snapshot") i32 (i32.const 0))"#,
            "the handler's export snapshot: is a global, must be () -> (i32)",
        ),
        (
            r#"(func (export "ring-window") (param i32) (result i32) unreachable)"#,
            "the handler's export ring-window: is (i32) -> (i32), must be (i32, i32) -> (i32)",
        ),
        (
            r#"(func (export "on-window") (param i32 i32) (result i32) unreachable)"#,
            "the handler's export on-window: is (i32, i32) -> (i32), must be (i32, i32, i32) -> (i32)",
        ),
    ] {
        assert_eq!(said(&module(&[], body), &grant()), rule);
    }
}

#[test]
fn exports_of_components_are_there_and_of_their_type() {
    let component = |exports: &str| {
        said_of(&format!(
            r#"(component
              (core module $m (func (export "f") (param i32) (result i32) unreachable)
                (func (export "g") (param i64)))
              (core instance $i (instantiate $m))
              {exports})"#
        ))
    };
    assert_eq!(component(""), "the handler's export init: is missing");
    let said = component(
        r#"(func $init (param "rings" u32) (result u32) (canon lift (core func $i "f")))
        (export "init" (func $init))"#,
    );
    assert!(
        said.starts_with("the handler's export init: is of another type: "),
        "{said}"
    );
    let said = component(r#"(instance $none) (export "init" (instance $none))"#);
    assert_eq!(said, "the handler's export init: is no function");
}

#[test]
fn a_core_module_has_at_most_four_mebibytes() {
    let body = format!(
        "(@custom \"padding\" {})",
        super::stand::text(vec![0; 4 << 20])
    );
    let said = said(&module(&[], &body), &grant());
    assert!(said.contains("at most 4194304 are allowed"), "{said}");
}

#[test]
fn compiled_code_is_kept_and_believed_only_as_it_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("below/compiled");
    let files = || {
        let mut files: Vec<_> = std::fs::read_dir(&folder)
            .unwrap()
            .map(|e| e.unwrap().path())
            .collect();
        files.sort();
        files
    };
    for lane in [Lane::Core, Lane::Component] {
        let wasm = wasm(lane, &[], "");
        for _ in 0..2 {
            let engine = Engine::new(Some(folder.clone())).unwrap();
            assert_eq!(engine.compile(&wasm, &grant()).unwrap().lane(), lane);
        }
    }
    let kept = files();
    assert_eq!(kept.len(), 2);
    let engine = Engine::new(Some(folder.clone())).unwrap();
    // Each in the place of the other, and one that is cut.
    let contents: Vec<Vec<u8>> = kept
        .iter()
        .map(|path| std::fs::read(path).unwrap())
        .collect();
    for bad in [
        [&contents[1][..], &contents[0][..]],
        [&contents[0][..100], &[]],
    ] {
        for (path, bad) in kept.iter().zip(bad) {
            std::io::Write::write_all(&mut std::fs::File::create(path).unwrap(), bad).unwrap();
        }
        for lane in [Lane::Core, Lane::Component] {
            let compiled = engine.compile(&wasm(lane, &[], ""), &grant()).unwrap();
            assert_eq!(compiled.lane(), lane);
            compiled.guest(&[], super::stand::world()).unwrap();
        }
        let now: Vec<Vec<u8>> = files()
            .iter()
            .map(|path| std::fs::read(path).unwrap())
            .collect();
        assert!(now == contents, "compiled again as before");
    }
}
