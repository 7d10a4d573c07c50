//! `runqlat`: a thread waits once for each time that it is put on a CPU, which the kernel counts too.

use std::sync::mpsc;

use tests::calls;

use super::super::node::Node;
use super::super::waiting::{is_root, until};
use super::{entries, number, put};

/// Times that the thread is woken.
const WAKES: usize = 200;
/// Threads that are woken before not each wait was counted.
const TRIES_MAX: usize = 5;

#[test]
fn runqlat_counts_each_wait_of_a_thread_once() {
    if !is_root("runqlat") {
        return;
    }
    let node = Node::start();
    put(&node, "runqlat", "1.0.0", "?set=group_by=THREAD");
    // A program that interrupts another one on its CPU is not run: of what others trace here, that may
    // be a wait. It is not so each time.
    let mut tries = (0..TRIES_MAX).map(|_| Woken::often(&node));
    let Woken {
        thread,
        id,
        wake,
        waited,
        ..
    } = tries
        .find(|one| one.waited == one.switches)
        .expect("in one of some tries each wait is counted once");
    assert!(waited > 0);

    // All waits of the machine are at least those of one thread.
    let all = entries(&node, "runqlat", "wait_us");
    assert!(
        all.iter()
            .map(|(_, count)| count.as_u64().unwrap())
            .sum::<u64>()
            >= waited
    );
    // The next version goes on counting.
    put(&node, "runqlat", "1.0.1", "?set=group_by=THREAD");
    drop(wake);
    thread.join().unwrap();
    let groups = entries(&node, "runqlat", "groups");
    let ours = groups.iter().find(|(key, _)| number(key, "id") == id);
    let counts = ours.unwrap().1["wait_us"].as_array().unwrap().clone();
    assert!(
        counts
            .iter()
            .map(|count| count.as_u64().unwrap())
            .sum::<u64>()
            > waited
    );
}

/// A thread that was woken often and sleeps now.
struct Woken {
    thread: std::thread::JoinHandle<()>,
    id: u64,
    /// Wakes it; it ends when this is gone.
    wake: mpsc::SyncSender<()>,
    /// How often it waited, as `runqlat` has it.
    waited: u64,
    /// The same as the kernel has it.
    switches: u64,
}

impl Woken {
    fn often(node: &Node) -> Self {
        let (wake, woken) = mpsc::sync_channel::<()>(1);
        let (answer, answered) = mpsc::sync_channel(1);
        let thread = std::thread::spawn(move || {
            answer.send(calls::thread_id()).unwrap();
            for () in woken {
                answer.send(0).unwrap();
            }
        });
        let id = answered.recv().unwrap();
        for _ in 0..WAKES {
            wake.send(()).unwrap();
            answered.recv().unwrap();
        }
        let switches = until("the thread sleeps", || switches_while_asleep(id));
        let groups = entries(node, "runqlat", "groups");
        let (_, waits) = groups
            .iter()
            .find(|(key, _)| key["group"] == "THREAD" && key["id"] == id)
            .unwrap_or_else(|| panic!("{id} is not in {groups:?}"));
        let counts = waits["wait_us"].as_array().unwrap();
        let waited = counts.iter().map(|count| count.as_u64().unwrap()).sum();
        assert!(waited <= switches, "{waits}: more than {switches}");
        Self {
            thread,
            id,
            wake,
            waited,
            switches,
        }
    }
}

/// How often a thread of this process was taken off a CPU; nothing while it is on one or wants to be.
fn switches_while_asleep(thread: u64) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/self/task/{thread}/status")).unwrap();
    let field = |name: &str| {
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(name))
            .unwrap();
        line.trim().to_owned()
    };
    let count = |name: &str| field(name).parse::<u64>().unwrap();
    field("State:")
        .starts_with('S')
        .then(|| count("voluntary_ctxt_switches:") + count("nonvoluntary_ctxt_switches:"))
}
