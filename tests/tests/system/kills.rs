//! A daemon that is killed at each step, and at moments that nobody chose: the programs run on, the
//! next daemon goes on with one whole generation, every event is in the file once, nothing is orphaned.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use tests::dice::Dice;
use tests::{calls, corpus, held};

use super::hooks::{CALL_HOOKS, Seen, call_slowly_until, read_any};
use super::kernel::{Held, LETTING_GO, pinned};
use super::node::Node;
use super::objects::object;
use super::waiting::{beside_one, is_root, until};

/// What `tests/corpus/live.h` is set to listen for: the calls of the other tests would fill its ring
/// while there is no daemon.
const WHENCE: i32 = 82;
const PUT: &str = "PUT /api/v1/instances/live?bake_ms=0&set=whence=82";
const WATCHED: &str = "PUT /api/v1/instances/live?bake_ms=60000&set=whence=82";
/// Slow enough that the ring holds what comes while there is no daemon, on a busy machine too.
const BETWEEN_CALLS: Duration = Duration::from_millis(2);
/// Kills at moments that nobody chose.
const KILLS: u64 = 100;
/// The longest life between two of them, milliseconds.
const LIFE_MS_MAX: usize = 250;

/// Steps of an update, each with the kind of update that passes it.
const STEPS: [(&str, &str); 13] = [
    (PUT, "prepare"),
    (PUT, "armed"),
    (PUT, "intended"),
    (PUT, "arm"),
    (PUT, "flip"),
    (PUT, "grace"),
    (PUT, "drained"),
    (PUT, "drain"),
    (PUT, "retire"),
    (WATCHED, "intended"),
    (WATCHED, "flip"),
    (WATCHED, "grace"),
    (WATCHED, "drain"),
];

/// The folders of a node that outlive its daemons.
pub(super) struct Home(tempfile::TempDir);

impl Home {
    pub(super) fn new() -> Self {
        let home = Self(tempfile::tempdir().unwrap());
        std::fs::create_dir(home.events()).unwrap();
        std::fs::create_dir(home.state()).unwrap();
        home
    }

    pub(super) fn state(&self) -> PathBuf {
        self.0.path().join("state")
    }

    fn events(&self) -> PathBuf {
        self.0.path().join("events")
    }

    pub(super) fn start(&self) -> Node {
        self.start_to_die_at(None)
    }

    /// A daemon that dies at a step.
    fn start_to_die_at(&self, step: Option<&str>) -> Node {
        Node::start_over_as(&self.state(), |command| {
            command.arg("--events-dir").arg(self.events());
            command.envs(step.map(|step| ("MARROW_FAULT", step)));
        })
    }
}

fn version(number: u64) -> Vec<u8> {
    corpus::object(&format!("live_{number}")).unwrap()
}

/// Makes numbered calls until `stop`; gives the thread's id and how many it made.
fn call_until(stop: &AtomicBool) -> (u64, u64) {
    call_slowly_until(stop, WHENCE, BETWEEN_CALLS)
}

/// Every call is in the file once, in order, whoever was there to read it.
fn all_are_there(file: &Path, thread: u64, count: u64) {
    let wanted: Vec<u64> = (0..count).collect();
    let seen: Seen = until("every call is in the file", || {
        let seen = read_any(file);
        let of = |hook| seen.get(&(hook, thread)).map_or(0, Vec::len);
        CALL_HOOKS
            .map(of)
            .all(|found| found >= wanted.len())
            .then_some(seen)
    });
    for hook in CALL_HOOKS {
        let found = &seen[&(hook, thread)];
        if *found != wanted {
            let mut times: BTreeMap<u64, usize> = BTreeMap::new();
            for seq in found {
                *times.entry(*seq).or_default() += 1;
            }
            let wrong = times.iter().filter(|(_, times)| **times > 1);
            let lost = wanted.iter().filter(|seq| !times.contains_key(seq));
            panic!(
                "hook {hook}: of {count} calls lost {:?}, twice {:?}, or out of order",
                lost.collect::<Vec<_>>(),
                wrong.collect::<Vec<_>>()
            );
        }
    }
}

/// Stops the node: nothing of what daemons of its state folder ever held is in the kernel then.
pub(super) fn ends(home: &Home, node: Node, objects: &held::Objects) {
    let _letting_go = LETTING_GO.read().unwrap_or_else(PoisonError::into_inner);
    assert_eq!(node.stop(), Some(0));
    let left = pinned(&home.state());
    assert!(left.is_empty(), "{left:?}");
    // Programs go after a grace period.
    until("the kernel has let go of everything", || {
        held::still_there(objects).is_empty().then_some(())
    });
}

/// Goes on once more: every call of this thread is in the file, and at the end nothing is left, of what
/// former daemons held either.
fn ends_with_all(home: &Home, (thread, count): (u64, u64), mut objects: held::Objects) {
    let node = home.start();
    all_are_there(&home.events().join("live.jsonl"), thread, count);
    objects.extend(Held::by(node.pid()).objects);
    ends(home, node, &objects);
}

#[test]
fn a_daemon_killed_at_any_step_of_an_update_leaves_one_whole_generation() {
    if !is_root("kills at each step") {
        return;
    }
    let home = Home::new();
    let first = home.start();
    assert_eq!(first.ask_unix(PUT, &version(1)).status, 200);
    let mut objects = Held::by(first.pid()).objects;
    let (calls, ()) = beside_one(call_until, || {
        first.kill();
        for (update, step) in STEPS {
            let node = home.start_to_die_at(Some(step));
            let before = generation(&node);
            objects.extend(Held::by(node.pid()).objects);
            assert!(node.ask_mortal(update, &version(2)).is_none(), "{step}");
            node.wait_for_death();
            let node = home.start();
            let now = generation(&node);
            // The gate alone says which: the flip is one store. Whatever a daemon dies with while it is
            // watched is left.
            let flipped = !["prepare", "armed", "intended", "arm"].contains(&step);
            let moved = flipped && update == PUT;
            assert_eq!(now, before + u64::from(moved), "{step}");
            assert_eq!(node.instance("live")["state"], "running", "{step}");
            assert_eq!(in_charge_by_history(&node), now, "{step}");
            objects.extend(Held::by(node.pid()).objects);
            // What goes on can be updated, and the next kill meets an instance as good as new.
            assert_eq!(node.ask_unix(PUT, &version(1)).status, 200, "{step}");
            node.kill();
        }
    });
    ends_with_all(&home, calls, objects);
}

/// What the history says is in charge.
fn in_charge_by_history(node: &Node) -> u64 {
    let history = node
        .ask_unix("GET /api/v1/instances/live/history", b"")
        .json();
    let entries = history["entries"].as_array().unwrap();
    let mut in_charge = entries.iter().filter(|entry| entry["in_charge"] == true);
    let entry = in_charge.next().unwrap();
    entry["proof"]["to"]["generation"].as_u64().unwrap()
}

fn generation(node: &Node) -> u64 {
    node.instance("live")["generation"].as_u64().unwrap()
}

#[test]
fn a_daemon_killed_in_a_start_a_pause_a_stop_or_a_resume_leaves_a_whole_instance_or_none() {
    if !is_root("kills beside updates") {
        return;
    }
    let home = Home::new();
    let states = |node: &Node| -> Vec<Value> {
        let instances = node.instances();
        instances
            .iter()
            .map(|found| found["state"].clone())
            .collect()
    };
    let steps = [
        ("start intended", PUT, vec![]),
        ("start flip", PUT, vec!["running"]),
        (
            "pause intended",
            "POST /api/v1/instances/live/pause",
            vec!["paused"],
        ),
        (
            "pause flip",
            "POST /api/v1/instances/live/resume",
            vec!["paused"],
        ),
        ("stop intended", "DELETE /api/v1/instances/live", vec![]),
    ];
    for (step, ask, expected) in steps {
        let node = home.start_to_die_at(Some(step));
        assert!(node.ask_mortal(ask, &version(1)).is_none(), "{step}");
        node.wait_for_death();
        let node = home.start();
        assert_eq!(states(&node), expected, "{step}");
        if expected.is_empty() {
            assert!(pinned(&home.state()).len() <= 1, "{step}");
        }
        node.kill();
    }
    let node = home.start();
    assert_eq!(node.ask_unix(PUT, &version(1)).status, 200);
    node.kill();
    for step in ["resume found", "resume read"] {
        home.dies_in_resume(step);
    }
    let node = home.start();
    assert_eq!(states(&node), ["running"]);
    let objects = Held::by(node.pid()).objects;
    ends(&home, node, &objects);
}

#[test]
fn a_hundred_kills_at_any_moment_lose_nothing_and_leave_nothing() {
    if !is_root("a hundred kills") {
        return;
    }
    let home = Home::new();
    let updates = AtomicU64::new(0);
    let node = home.start();
    assert_eq!(node.ask_unix(PUT, &version(1)).status, 200);
    node.kill();
    let mut objects = held::Objects::new();
    let (calls, ()) = beside_one(call_until, || {
        let mut dice = Dice::of(7);
        for _ in 0..KILLS {
            let node = home.start();
            objects.extend(Held::by(node.pid()).objects);
            let life = Duration::from_millis(u64::try_from(dice.below(LIFE_MS_MAX)).unwrap());
            let died = AtomicBool::new(false);
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    while !died.load(Ordering::Acquire) {
                        let number = updates.fetch_add(1, Ordering::Relaxed) % 2 + 1;
                        let _died = node.ask_mortal(PUT, &version(number));
                    }
                });
                let until = Instant::now() + life;
                while Instant::now() < until {
                    std::thread::park_timeout(Duration::from_millis(1));
                }
                super::node::send(node.pid(), libc::SIGKILL);
                died.store(true, Ordering::Release);
            });
            node.wait_for_death();
        }
    });
    ends_with_all(&home, calls, objects);
    println!(
        "{KILLS} kills, {} updates, {} calls",
        updates.into_inner(),
        calls.1
    );
}

#[test]
fn a_daemon_that_is_replaced_leaves_its_instances_running() {
    if !is_root("a daemon that is replaced") {
        return;
    }
    let home = Home::new();
    let keep = |command: &mut std::process::Command| {
        command.arg("--events-dir").arg(home.events());
        command.args(["--on-exit", "keep"]);
    };
    let node = Node::start_over_as(&home.state(), keep);
    assert_eq!(node.ask_unix(PUT, &version(1)).status, 200);
    let (calls, ()) = beside_one(call_until, || {
        assert_eq!(node.stop(), Some(0));
        for _ in 0..5 {
            let node = Node::start_over_as(&home.state(), keep);
            assert_eq!(generation(&node), 1);
            assert_eq!(node.stop(), Some(0));
        }
    });
    ends_with_all(&home, calls, held::Objects::new());
}

#[test]
fn a_watch_that_a_daemon_leaves_can_be_failed_in_the_next() {
    if !is_root("a watch that goes on in another daemon") {
        return;
    }
    let home = Home::new();
    let keep = |command: &mut std::process::Command| {
        command.arg("--events-dir").arg(home.events());
        command.args(["--on-exit", "keep"]);
    };
    let node = Node::start_over_as(&home.state(), keep);
    assert_eq!(node.ask_unix(PUT, &version(1)).status, 200);
    let (calls, ()) = beside_one(call_until, || {
        assert_eq!(node.ask_unix(WATCHED, &version(2)).status, 200);
        assert_eq!(node.stop(), Some(0));
        let node = Node::start_over_as(&home.state(), keep);
        assert_eq!(generation(&node), 2);
        assert_eq!(node.instance("live")["watch"]["before"]["generation"], 1);
        let back = node.ask_unix("POST /api/v1/instances/live/rollback", b"");
        assert_eq!(
            back.json()["proof"]["rolled_back"]["way"],
            "flip",
            "{back:?}"
        );
        assert_eq!(generation(&node), 1);
        assert_eq!(node.ask_unix(WATCHED, &version(2)).status, 200);
        // It is watched by this daemon, and that dies.
        node.kill();
        let node = home.start();
        assert_eq!(generation(&node), 1);
        let shown = node.instance("live");
        assert!(
            shown["rolled_back"]
                .as_str()
                .unwrap()
                .contains("daemon died"),
            "{shown}"
        );
        node.kill();
    });
    ends_with_all(&home, calls, held::Objects::new());
}

#[test]
fn perf_buffers_are_made_anew_and_the_gap_is_unknown_loss() {
    /// What `tests/system/perf.bpf.c` listens for.
    const OF_PERF: i32 = 81;
    if !is_root("perf buffers over a kill") {
        return;
    }
    let home = Home::new();
    let lost = |node: &Node| node.instance("perf")["counts"]["kernel_lost"].clone();
    let seen = |count: usize| {
        until("the calls are in the file", || {
            let text = std::fs::read_to_string(home.events().join("perf.jsonl")).ok()?;
            (text.lines().count() >= count).then_some(())
        });
    };
    let call = || (0..10).for_each(|number| calls::failing_lseek(number, OF_PERF));
    let node = home.start();
    let put = node.ask_unix("PUT /api/v1/instances/perf", &object("perf"));
    assert_eq!(put.status, 200, "{put:?}");
    call();
    seen(10);
    assert_eq!(lost(&node), 0);
    node.kill();
    let node = home.start();
    call();
    seen(20);
    assert_eq!(lost(&node), "unknown");
    let objects = Held::by(node.pid()).objects;
    ends(&home, node, &objects);
}

impl Home {
    /// A daemon that dies before it serves anybody.
    pub(super) fn dies_in_resume(&self, step: &str) {
        let folder = tempfile::tempdir().unwrap();
        let mut daemon = std::process::Command::new(tests::programs::built("node"))
            .args(["daemon", "--legacy-listen", "none", "--socket"])
            .arg(folder.path().join("node.sock"))
            .arg("--state-dir")
            .arg(self.state())
            .env("MARROW_FAULT", step)
            .spawn()
            .unwrap();
        until("the daemon dies", || daemon.try_wait().unwrap());
    }
}
