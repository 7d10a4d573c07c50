//! Handlers that fail behind their probation: they are gone back from, and what they failed on is told.

use serde_json::Value;
use tests::calls::failing_lseek;

use super::handlers::{NEVER, REPORTED, payload_of, put, turn, wasm};
use super::lines;
use super::node::Node;
use super::waiting::{is_root, until};

/// Records that a handler may fail on until it is of no use: so many are skipped at most.
const FAULTS_MAX: u64 = 3;

pub(super) fn fire(from: u64, to: u64) {
    (from..to).for_each(|number| failing_lseek(i64::try_from(number).unwrap(), REPORTED));
}

pub(super) fn count(node: &Node, count: &str) -> u64 {
    let counts = node.instance("v")["counts"].clone();
    counts[count].as_u64().unwrap_or_else(|| panic!("{counts}"))
}

/// Waits until so many were handled, decoded or skipped.
fn all_accepted(node: &Node, wanted: u64) {
    until("each is accepted", || {
        let accepted = ["handled", "decoded", "skipped"].map(|name| count(node, name));
        let accepted: u64 = accepted.iter().sum();
        assert!(accepted <= wanted, "none is counted twice");
        (accepted == wanted).then_some(())
    });
}

#[test]
fn a_handler_that_fails_on_every_record_behind_its_probation_is_gone_back_from() {
    if !is_root("watches of handlers that fail") {
        return;
    }
    // With its object, and alone.
    for object in [2, 1] {
        let _turn = turn();
        let folder = tempfile::tempdir().unwrap();
        let node = Node::start_with(&["--events-dir", folder.path().to_str().unwrap()]);
        put(&node, &payload_of(1, 1, &wasm(1, NEVER)));
        fire(0, 100);
        all_accepted(&node, 100);
        // It takes records of version 9, which nobody submits.
        put(&node, &payload_of(2, object, &wasm(9, NEVER)));
        until("its probation is over", || {
            (node.instance("v")["handler"]["stand"] == "works").then_some(())
        });
        fire(100, 2_100);
        let shown = until("the first generation is in charge", || {
            let shown = node.instance("v");
            (shown["generation"] == 1).then_some(shown)
        });
        let reason = shown["rolled_back"].as_str().unwrap();
        assert!(reason.contains("its handler failed"), "{reason}");
        assert!(reason.contains("on-events trapped"), "{reason}");
        let answer = node.ask_unix("GET /api/v1/instances/v/proofs", b"").json();
        let back = answer["proofs"].as_array().unwrap().last().unwrap().clone();
        assert_eq!(back["rolled_back"]["automatic"], true, "{back}");
        let handled = count(&node, "handled");
        fire(2_100, 2_200);
        all_accepted(&node, 2_200);
        assert!(count(&node, "handled") >= handled + 100);
        let skipped = count(&node, "skipped");
        assert!(skipped <= FAULTS_MAX, "{skipped} were skipped");
        let file = folder.path().join("v.jsonl");
        let seen = until("what was not skipped is in the file", || {
            let seen = numbers(&file);
            (u64::try_from(seen.len()).unwrap() == 2_200 - skipped).then_some(seen)
        });
        assert!(seen.is_sorted(), "each once and in order");
        assert!(node.journal().contains("a record is skipped"));
    }
}

/// The numbers of the calls in the file, whoever wrote of them.
fn numbers(file: &std::path::Path) -> Vec<u64> {
    let mut numbers = Vec::new();
    lines::each(file, |line: Value| {
        let number = &line["event"]["seq"];
        let digits = number
            .as_str()
            .map(|digits| u64::from_str_radix(digits, 16));
        let digits = digits.map(Result::unwrap);
        numbers.push(digits.or_else(|| number.as_u64()).unwrap());
    });
    numbers
}
