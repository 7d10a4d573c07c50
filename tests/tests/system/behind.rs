//! A step behind the flip that fails: the new generation is in charge, and the listing says so.

use tests::calls;

use super::node::Node;
use super::objects::object;
use super::waiting::is_root;

const PUT: &str = "PUT /api/v1/instances/bare";
/// Far more than an update of an object without maps takes.
const FREE_MAX: u64 = 32;
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
    let open = || {
        let listed = std::fs::read_dir(format!("/proc/{}/fd", node.pid())).unwrap();
        listed.count() as u64
    };
    // Preparing takes fewer descriptors than waiting, so that some number is enough for the one
    // and too small for the other. The caller's own connection takes the first.
    let failed = (2..FREE_MAX).find_map(|free| {
        calls::limit_descriptors(node.pid(), open() + free).unwrap();
        let answer = node.ask_unix(PUT, &bare);
        calls::limit_descriptors(node.pid(), PLENTY).unwrap();
        assert_ne!(answer.status, 200, "no number of descriptors made it fail");
        let problem = answer.problem();
        let detail = problem["detail"].as_str().unwrap().to_owned();
        let behind_the_flip = detail.contains("the grace period after the flip");
        assert_eq!(
            generation(),
            if behind_the_flip { 2 } else { 1 },
            "{problem}"
        );
        behind_the_flip.then_some(problem)
    });
    let problem = failed.expect("an update failed behind its flip");
    assert_eq!(problem["status"], 503, "{problem}");
    // The next update follows the generation that took over.
    assert_eq!(node.ask_unix(PUT, &bare).status, 200);
    assert_eq!(generation(), 3);
}
