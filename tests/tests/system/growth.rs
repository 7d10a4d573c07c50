//! A thousand updates of one daemon, a new object each time: it grows no further once its windows
//! and histories are full, and keeps nothing of what is gone.

use tests::calls::failing_lseek;
use tests::held;

use super::kernel::Held;
use super::kernel::bpftool;
use super::node::Node;
use super::objects::numbered;
use super::waiting::{is_root, until};

/// From here on nothing may grow: by then 64 cuts of the kernel's BTF, 64 proofs and 1 MiB of events
/// are kept, which is as many as ever are.
const SETTLED: u64 = 100;
/// Updates behind which its memory hardly grows: of 3,000 the last 1,200 took 32 KiB, the first 500 took
/// 400, and the allocator's arenas differ by more from run to run.
const WARM: u64 = 500;
const UPDATES: u64 = 1000;
/// Calls between two updates, and what `growth.bpf.c` looks for in them.
const CALLS: u64 = 128;
const WHENCE: i32 = 80;
const GROWTH_KIB_MAX: u64 = 1024;
/// Looks, one after the other, that must show the same.
const LOOKS: u32 = 20;

/// What there is of a daemon.
#[derive(Debug, PartialEq, Eq)]
struct Holding {
    descriptors: usize,
    /// Programs, maps and links by its descriptors.
    objects: [usize; 3],
    /// Programs and maps of the payload, whoever holds them, where there is a bpftool to ask.
    loaded: [Option<usize>; 2],
}

impl Holding {
    fn of(node: &Node) -> Self {
        let held = Held::by(node.pid());
        Self {
            descriptors: held::descriptors(node.pid()).unwrap().len(),
            objects: ["prog_id", "map_id", "link_id"].map(|kind| held.count(kind)),
            loaded: [("prog", "growth"), ("map", "growth_")].map(|(kind, name)| loaded(kind, name)),
        }
    }
}

/// The same once nothing changes: what an update leaves is closed behind its answer, by the kernel
/// behind a grace period, and so are connections.
fn at_rest(node: &Node) -> Holding {
    let (mut last, mut looks) = (Holding::of(node), 0);
    until("nothing changes any more", || {
        let now = Holding::of(node);
        looks = if now == last { looks + 1 } else { 0 };
        last = now;
        (looks == LOOKS).then_some(())
    });
    last
}

/// How many programs or maps of the kernel have a name that begins so.
fn loaded(kind: &str, name: &str) -> Option<usize> {
    let output = bpftool(kind)?;
    let text = String::from_utf8_lossy(&output.stdout);
    let name = format!(" name {name}");
    Some(text.lines().filter(|line| line.contains(&name)).count())
}

/// Memory of its own: pages of its program come and go with what was called.
fn resident_kib(node: &Node) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", node.pid())).unwrap();
    let resident = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"));
    let resident = resident.and_then(|rest| rest.trim().strip_suffix(" kB"));
    resident.unwrap().parse().unwrap()
}

#[test]
fn a_thousand_updates_leave_a_daemon_as_it_was_after_a_hundred() {
    if !is_root("a thousand updates") {
        return;
    }
    let node = Node::start();
    let (mut settled, mut warm) = (None, None);
    for number in 1..=UPDATES {
        let object = numbered("growth", number);
        let answer = node.ask_unix("PUT /api/v1/instances/growth?bake_ms=0", &object);
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.json()["proof"]["to"]["generation"], number);
        (0..CALLS).for_each(|call| failing_lseek(i64::try_from(call).unwrap(), WHENCE));
        if number == SETTLED {
            settled = Some(at_rest(&node));
        }
        if number == WARM {
            warm = Some(resident_kib(&node));
        }
    }
    assert_eq!(Some(at_rest(&node)), settled);
    let resident = warm.unwrap();
    let grown = resident_kib(&node).saturating_sub(resident);
    assert!(
        grown <= GROWTH_KIB_MAX,
        "{grown} KiB more than the {resident} after {WARM} updates"
    );
    println!("{grown} KiB more than the {resident} after {WARM} updates");
}
