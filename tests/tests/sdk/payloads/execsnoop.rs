//! `execsnoop`: the tree above each start, and what ran most.

use serde_json::json;

use super::{EVENTS, begun, built, summary, text};

const EXEC: u32 = 1;
const EXIT: u32 = 2;
/// The series of durations that the manifest allows, that of others included.
const COMMANDS: u32 = 100;

/// A record of `bpf/execsnoop/event.h`.
#[derive(Clone, Copy)]
struct Event<'a> {
    kind: u32,
    pid: u32,
    ppid: u32,
    comm: &'a str,
    parent: &'a str,
    duration_ns: u64,
    code: u8,
    signal: u8,
}

impl Event<'_> {
    fn bytes(self) -> Vec<u8> {
        let mut bytes = self.duration_ns.to_le_bytes().to_vec();
        for number in [self.kind, self.pid, self.ppid, 1000, 100, 3] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend([self.code, self.signal, 0, 0, 0, 0, 0, 0]);
        bytes.extend([77_u64, 5].map(u64::to_le_bytes).concat());
        bytes.extend(text::<16>(self.comm));
        bytes.extend(text::<16>(self.parent));
        bytes.extend(text::<128>("/usr/bin/it"));
        bytes.extend(text::<256>("it \"all\""));
        bytes
    }
}

fn exec<'a>(pid: u32, comm: &'a str, of: u32, parent: &'a str) -> Event<'a> {
    Event {
        kind: EXEC,
        pid,
        ppid: of,
        comm,
        parent,
        duration_ns: 0,
        code: 0,
        signal: 0,
    }
}

fn exit(pid: u32, comm: &str, duration_ns: u64, code: u8, signal: u8) -> Event<'_> {
    Event {
        kind: EXIT,
        duration_ns,
        code,
        signal,
        ..exec(pid, comm, 1 << 29, "sh")
    }
}

#[test]
fn execsnoop_tells_the_ancestors_of_each_start() {
    let mut driven = begun(&built("execsnoop"));
    // Ids that no process of this machine has: nothing is known of the first parent but its name.
    let [shell, make, cc, top] = [1 << 29, (1 << 29) + 1, (1 << 29) + 2, (1 << 29) + 3];
    driven.events(
        EVENTS,
        &[
            exec(shell, "sh", top, "init").bytes(),
            exec(make, "make", shell, "sh").bytes(),
            exec(cc, "cc", make, "make").bytes(),
            exit(make, "make", 5, 0, 0).bytes(),
            exec(cc + 9, "ld", make, "make").bytes(),
        ],
    );
    let told = driven.told().of("exec");
    let ancestor = |pid: u32, comm: &str| json!({"pid": pid, "comm": comm});
    let above = [
        ancestor(make, "make"),
        ancestor(shell, "sh"),
        ancestor(top, "init"),
    ];
    assert_eq!(told[0]["ancestors"], json!(above[2..]));
    // Of the one at the top only the number is known.
    assert_eq!(told[2]["ancestors"], json!(above[..2]));
    // What has ended is no link any more.
    assert_eq!(told[3]["ancestors"], json!(above[..1]));
    let expected = json!({
        "kind": "EXEC", "pid": make, "ppid": shell, "uid": 1000, "gid": 100, "cgroup_id": 77,
        "comm": "make", "parent_comm": "sh", "filename": "/usr/bin/it", "args": "it \"all\"",
        "ancestors": above[1..2],
    });
    assert_eq!(told[1], expected);
}

#[test]
fn execsnoop_asks_the_node_for_processes_that_were_there_before() {
    let mut driven = begun(&built("execsnoop"));
    let own = std::process::id();
    let name = std::fs::read_to_string("/proc/self/comm").unwrap();
    driven.events(
        EVENTS,
        &[exec(1 << 29, "child", own, name.trim_end()).bytes()],
    );
    let told = driven.told().of("exec");
    let ancestors = told[0]["ancestors"].as_array().unwrap();
    assert_eq!(ancestors[0]["pid"], own);
    assert_eq!(ancestors[1]["pid"], std::os::unix::process::parent_id());
}

#[test]
fn execsnoop_counts_ends_by_their_result() {
    let built = built("execsnoop");
    let mut driven = begun(&built);
    let ends = [(0, 0), (1, 0), (2, 0), (126, 0), (127, 0), (0, 9)];
    let ends = ends.map(|(code, signal)| exit(7, "job", 3_000_000, code, signal).bytes());
    driven.events(EVENTS, &ends);
    let told = driven.told();
    let results: Vec<_> = told
        .of("exit")
        .iter()
        .map(|end| end["result"].clone())
        .collect();
    let expected = [
        "success", "failure", "failure", "not_run", "not_run", "signal",
    ];
    assert_eq!(json!(results), json!(expected));
    for (result, count) in [
        ("success", 1),
        ("failure", 2),
        ("not_run", 2),
        ("signal", 1),
    ] {
        assert_eq!(
            told.added("execsnoop_exits_total", &[result]),
            count,
            "{result}"
        );
    }
    driven.events(
        EVENTS,
        &[
            exec(8, "job", 7, "sh").bytes(),
            exec(9, "it", 7, "sh").bytes(),
        ],
    );
    driven.events(EVENTS, &[exec(8, "it", 7, "sh").bytes()]);
    let summary = summary(&built, &mut driven);
    assert_eq!(
        (&summary["execs"], &summary["exits"]),
        (&json!(3), &json!(6))
    );
    assert_eq!(summary["seconds"], 10);
    let commands = summary["commands"].as_array().unwrap();
    assert_eq!(commands[0]["comm"], "it");
    let job = json!({
        "comm": "job", "execs": 1, "exits": 6, "failures": 4, "signals": 1,
        "duration_ns": 18_000_000, "duration_p50_us": 4095, "duration_p99_us": 4095,
        "duration_us": [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 6],
    });
    assert_eq!(commands[1], job);
}

#[test]
fn execsnoop_counts_commands_beyond_its_series_as_others() {
    let mut driven = begun(&built("execsnoop"));
    let names: Vec<String> = (0..2 * COMMANDS)
        .map(|number| format!("c{number}"))
        .collect();
    let ends: Vec<Vec<u8>> = names
        .iter()
        .map(|name| exit(7, name, 1, 0, 0).bytes())
        .collect();
    driven.events(EVENTS, &ends);
    let told = driven.told();
    let observed = |label: &str| {
        let changes = told.changes.iter();
        let ours = changes.filter(|(series, _)| series.labels == [label]);
        ours.filter(|(series, _)| series.metric == "execsnoop_duration_seconds")
            .count()
    };
    assert_eq!((observed("c0"), observed("c98")), (1, 1));
    assert_eq!(observed("other"), 2 * COMMANDS as usize - 99);
}

#[test]
fn execsnoop_tells_only_summaries_where_it_is_set_so() {
    let built = built("execsnoop").set(&[("tell_each", "false"), ("top", "1")]);
    let mut driven = begun(&built);
    driven.events(
        EVENTS,
        &[exec(1, "a", 7, "sh").bytes(), exec(2, "b", 7, "sh").bytes()],
    );
    assert!(driven.told().outputs.is_empty());
    let summary = summary(&built, &mut driven);
    assert_eq!(summary["commands"].as_array().unwrap().len(), 1);
}
