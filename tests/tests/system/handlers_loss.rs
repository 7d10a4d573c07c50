//! What rings refused, over updates of the handler alone: the generations share the rings.

use tests::payloads;

use super::handlers::{put, turn};
use super::handlers_failing::{count, fire};
use super::node::Node;
use super::objects::numbered;
use super::waiting::{is_root, until};

/// A handler that takes each record and says nothing.
fn quiet(version: u64) -> Vec<u8> {
    let handler = format!(
        "(module
           (memory (export \"memory\") 4)
           (data (i32.const 64) \"{version}\")
           (func (export \"cabi_realloc\") (param i32 i32 i32 i32) (result i32) (i32.const 65536))
           (func (export \"init\") (param i32 i32 i32 i32 i32 i32) (result i32) (i32.const 32))
           (func (export \"on-events\") (param i32 i32 i32) (result i32) (local.get 2)))"
    );
    let object = numbered("versioned", 1);
    let wasm = wat::parse_str(handler).unwrap();
    let version = format!("{version}.0.0");
    payloads::handled("test/v", &version, &object, &wasm, |asked| {
        asked.call_ms_max = 200;
    })
    .unwrap()
}

#[test]
fn what_rings_refused_before_a_handler_was_replaced_alone_is_counted_once() {
    if !is_root("loss over updates of handlers") {
        return;
    }
    let _turn = turn();
    let node = Node::start();
    put(&node, &quiet(1));
    node.freeze();
    // The ring has 8 MiB, a record 32 bytes.
    let fired = (8 << 20) / 32 + 809;
    fire(0, fired);
    node.signal(libc::SIGCONT);
    let lost = until("all but what was refused is handled", || {
        let lost = count(&node, "kernel_lost");
        (count(&node, "handled") + lost == fired).then_some(lost)
    });
    assert!(lost >= 809, "{lost}");
    let proof = put(&node, &quiet(2));
    assert_eq!(proof["handler"]["alone"], true, "{proof}");
    assert_eq!(proof["lost"], lost, "since the start: {proof}");
    assert!(node.instance("v")["watch"].is_object());
    assert_eq!(count(&node, "kernel_lost"), lost);
    let proof = put(&node, &quiet(3));
    assert_eq!(proof["lost"], 0, "{proof}");
    assert_eq!(count(&node, "kernel_lost"), lost);
    // The watch of the third compares it with the second, which lost nothing.
    fire(0, 100);
    until("they are handled", || {
        (count(&node, "handled") + lost == fired + 100).then_some(())
    });
    let back = node.ask_unix("POST /api/v1/instances/v/rollback", b"");
    assert_eq!(back.json()["proof"]["to"]["generation"], 2, "{back:?}");
    assert_eq!(back.json()["proof"]["lost"], 0, "{back:?}");
    assert_eq!(count(&node, "kernel_lost"), lost);
    let short = node.ask_unix("PUT /api/v1/instances/v?bake_ms=50", &quiet(4));
    assert_eq!(short.status, 200, "{short:?}");
    until("its watch is over", || {
        node.instance("v").get("watch").is_none().then_some(())
    });
    assert_eq!(node.instance("v")["generation"], 4);
    assert_eq!(count(&node, "kernel_lost"), lost);
}
