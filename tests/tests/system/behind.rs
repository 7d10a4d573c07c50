//! A step behind the flip that fails: the new generation is in charge, and the listing says so.

use std::time::Duration;

use tests::calls;

use super::node::Node;
use super::objects::object;
use super::waiting::is_root;

const PUT: &str = "PUT /api/v1/instances/bare";
/// Far more than an update of an object without maps takes.
const FREE_MAX: u64 = 32;
/// How often all numbers of free descriptors are tried.
const ROUNDS: usize = 8;
/// Long enough for a connection that ended to be closed.
const BETWEEN_COUNTS: Duration = Duration::from_millis(20);
/// Descriptors of a daemon that is short of nothing.
const PLENTY: u64 = 1024;

#[test]
fn a_grace_period_that_fails_leaves_the_new_generation_in_charge_and_listed() {
    if !is_root("a step behind the flip that fails") {
        return;
    }
    let node = Node::start_as(calls::without_membarrier);
    let bare = object("bare");
    // Its first generation waits through a map inside a map.
    assert_eq!(node.ask_unix(PUT, &bare).status, 200);
    let generation = || node.instance("bare")["generation"].as_u64().unwrap();
    // Preparing takes fewer descriptors than waiting, so that some number is enough for the one
    // and too small for the other. The caller's own connection takes the first. One that is being
    // closed while they are counted makes that number be missed: then all are tried once more.
    let mut in_charge = 1;
    let failed = (0..ROUNDS).flat_map(|_| 2..FREE_MAX).find_map(|free| {
        calls::limit_descriptors(node.pid(), open_descriptors(&node) + free).unwrap();
        let answer = node.ask_unix(PUT, &bare);
        calls::limit_descriptors(node.pid(), PLENTY).unwrap();
        let problem = (answer.status != 200).then(|| answer.problem());
        let behind_the_flip = problem.as_ref().is_some_and(|problem| {
            let detail = problem["detail"].as_str().unwrap();
            detail.contains("the grace period after the flip")
        });
        if problem.is_none() || behind_the_flip {
            in_charge += 1;
        }
        assert_eq!(generation(), in_charge, "{problem:?}");
        problem.filter(|_| behind_the_flip)
    });
    let problem = failed.expect("an update failed behind its flip");
    assert_eq!(problem["status"], 503, "{problem}");
    // The next update follows the generation that took over.
    assert_eq!(node.ask_unix(PUT, &bare).status, 200);
    assert_eq!(generation(), in_charge + 1);
}

/// How many descriptors the daemon has open, once two counts agree.
fn open_descriptors(node: &Node) -> u64 {
    let count = || {
        let listed = std::fs::read_dir(format!("/proc/{}/fd", node.pid())).unwrap();
        listed.count() as u64
    };
    let mut before = count();
    loop {
        std::thread::sleep(BETWEEN_COUNTS);
        let now = count();
        if now == before {
            return now;
        }
        before = now;
    }
}
