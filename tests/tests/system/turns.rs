//! Starts, updates and stops of one instance take turns, whoever asks for them.

use super::node::Node;
use super::objects::object;
use super::waiting::is_root;

/// Stops that a start follows at once.
const ROUNDS: usize = 8;

#[test]
fn a_start_during_a_stop_waits_until_the_instance_is_gone() {
    if !is_root("starts during stops") {
        return;
    }
    // One writer an events file: a start that overlaps the stop could not open it.
    let folder = tempfile::tempdir().unwrap();
    let node = Node::start_with(&["--events-dir", folder.path().to_str().unwrap()]);
    let object = object("one");
    let put = || node.ask_unix("PUT /api/v1/instances/turns", &object).status;
    for _ in 0..ROUNDS {
        assert_eq!(put(), 200);
        std::thread::scope(|scope| {
            let stop = scope.spawn(|| node.ask_unix("DELETE /api/v1/instances/turns", b""));
            let starts: Vec<_> = (0..2).map(|_| scope.spawn(put)).collect();
            assert_eq!(stop.join().unwrap().status, 204);
            for start in starts {
                assert_eq!(start.join().unwrap(), 200);
            }
        });
    }
}
