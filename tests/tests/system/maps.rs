//! `node maps`: maps of every kind, read through BTF, summed, drawn, bounded.

use serde_json::{Value, json};

use super::node::{Named, Node};
use super::objects::object;
use super::waiting::is_root;

/// Commands of this name are what the object counts.
const COUNTED: &str = "mk-";

pub(crate) fn start(node: &Node, name: &str) -> Value {
    // What is counted is what is loaded: the generation before goes at once.
    let line = format!("PUT /api/v1/instances/{name}?bake_ms=0");
    let answer = node.ask_unix(&line, &object(name));
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

pub(crate) fn get(node: &Node, path: &str) -> Value {
    let answer = node.ask_unix(&format!("GET /api/v1/instances/{path}"), b"");
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
    answer.json()
}

/// Lets nothing change the maps any more.
pub(crate) fn pause(node: &Node) {
    let paused = node.ask_unix("POST /api/v1/instances/maps/pause", b"");
    assert_eq!(paused.status, 200, "{paused:?}");
}

/// The entries of a map: key, value.
pub(crate) fn entries(content: &Value) -> Vec<(Value, Value)> {
    let entries = content["entries"].as_array().unwrap();
    let pair = |entry: &Value| (entry["key"].clone(), entry["value"].clone());
    entries.iter().map(pair).collect()
}

/// What a command prints to standard output.
fn said(node: &Node, args: &[&str]) -> String {
    let output = node.cli(args);
    assert!(output.status.success(), "{args:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// A command that is counted, by a name of this process's own.
pub(crate) fn counted(number: u32) -> Named {
    Named::new(&format!(
        "{COUNTED}{}{number}",
        std::process::id() % 100_000
    ))
}

#[test]
fn every_map_has_an_answer_or_a_reason() {
    if !is_root("maps of every kind") {
        return;
    }
    let node = Node::start();
    start(&node, "maps");
    counted(1).run();
    let list = get(&node, "maps/maps");
    let maps = list["maps"].as_array().unwrap();
    assert!(maps.len() > 40, "{list}");
    for map in maps {
        let name = map["name"].as_str().unwrap();
        let content = get(&node, &format!("maps/maps/{name}"));
        assert!(content["map"]["id"].as_u64() > Some(0), "{content}");
        assert!(content["map"]["memory_bytes"].is_u64(), "{content}");
        assert_eq!(content["map"]["unreadable"], map["unreadable"], "{content}");
        let text = said(&node, &["maps", "maps", name]);
        assert!(!text.trim().is_empty(), "{name}");
    }
    let reason = |name: &str| {
        let map = maps.iter().find(|map| map["name"] == name).unwrap();
        map["unreadable"].as_str().map(str::to_owned)
    };
    let closed = [
        ("bloom", "Bloom filter"),
        ("cgroup_array", "cgroups"),
        ("perf_events", "node events"),
        ("xskmap", "AF_XDP"),
        ("sockmap_of_4", "8 bytes"),
        ("sk_storage", "sockets"),
        ("inode_storage", "files"),
        ("task_storage", "tasks"),
        ("cgrp_storage", "cgroups"),
    ];
    for (name, word) in closed {
        let reason = reason(name).unwrap_or_else(|| panic!("{name} has no reason"));
        assert!(reason.contains(word), "{name}: {reason}");
    }
    let open = maps.iter().filter(|map| map.get("unreadable").is_none());
    assert_eq!(open.count() + closed.len(), maps.len(), "{list}");
}

#[test]
fn keys_and_values_are_shown_by_their_types() {
    if !is_root("keys and values of maps") {
        return;
    }
    let node = Node::start();
    start(&node, "maps");
    let (often, once) = (counted(2), counted(3));
    let pid = once.run();
    (0..3).for_each(|_| {
        often.run();
    });
    let map = |name: &str| get(&node, &format!("maps/maps/{name}"));
    let counts = map("counts");
    let all = entries(&counts);
    let place = |command: &Named| {
        let found = all
            .iter()
            .position(|(key, _)| key["comm"] == command.name());
        found.unwrap_or_else(|| panic!("{}: {counts}", command.name()))
    };
    assert_eq!(all[place(&often)].1, 3);
    assert_eq!(all[place(&once)].1, 1);
    assert!(place(&often) < place(&once), "the highest first: {counts}");
    assert_eq!(counts["order"], "value");
    let seen = entries(&map("seen_by_pid"));
    let ours = &seen.iter().find(|(key, _)| *key == pid).unwrap().1;
    let expected = json!({
        "color": "GREEN", "mac": "0102030405ff", "port": 443, "saddr": "10.0.0.1",
        "runs": 1_u64 << 53,
    });
    assert_eq!(*ours, expected);
    assert_eq!(entries(&map("routes")), [(json!("10.1.2.3/8"), json!(1))]);
    assert_eq!(
        entries(&map("raw")),
        [(json!("010203040506"), json!("616263"))]
    );
    let queue = |name: &str| map(name)["entries"].clone();
    assert_eq!(queue("queue"), json!([{"value": "0100000000000000"}]));
    assert_eq!(queue("stack"), json!([{"value": {"runs": 7, "twice": 14}}]));
    assert_eq!(
        queue("queue").as_array().unwrap().len(),
        1,
        "looking takes nothing"
    );
    let ids = entries(&map("array_of_maps"));
    assert_eq!(
        ids,
        [(json!(1), json!({"map_id": map("first")["map"]["id"]}))]
    );
    assert_eq!(entries(&map("hash_of_maps"))[0].1, ids[0].1);
    let programs = entries(&map("programs"));
    assert_eq!((programs.len(), &programs[0].0), (1, &json!(2)));
    assert!(programs[0].1["program_id"].as_u64() > Some(0));
    let frames = entries(&map("stacks")).remove(0).1;
    let list = std::fs::read_to_string("/proc/kallsyms").unwrap();
    // Where the kernel hides its addresses, they have no names.
    let shown = if list.starts_with("0000000000000000") {
        "0x"
    } else {
        "execve"
    };
    assert!(frames.to_string().contains(shown), "{frames}");
    let variables = entries(&map(".data"));
    assert!(
        variables.contains(&(json!("color"), json!("GREEN"))),
        "{variables:?}"
    );
    assert_eq!(entries(&map(".rodata")), [(json!("only_pid"), json!(42))]);
    assert!(entries(&map(".kconfig"))[0].1.as_u64() > Some(0));
}

#[test]
fn values_of_all_cpus_add_up() {
    if !is_root("values a CPU") {
        return;
    }
    let node = Node::start();
    start(&node, "maps");
    let command = counted(4);
    (0..7).for_each(|_| {
        command.run();
    });
    // Other tests run counted commands meanwhile.
    pause(&node);
    let totals = &get(&node, "maps/maps/totals")["entries"][0];
    let runs = totals["value"]["runs"].as_u64().unwrap();
    assert!(runs >= 7, "{totals}");
    let cpus = totals["cpus"].as_array().unwrap();
    let sum = |field: &str| {
        cpus.iter()
            .map(|cpu| cpu[field].as_u64().unwrap())
            .sum::<u64>()
    };
    assert_eq!((sum("runs"), sum("twice")), (runs, 2 * runs));
    assert_eq!(totals["value"]["twice"], 2 * runs);
    let signed = &get(&node, "maps/maps/recent_by_kind")["entries"][0];
    assert!(signed["value"].as_i64() < Some(0), "{signed}");
    let summed = said(&node, &["maps", "maps", "totals"]);
    assert!(summed.starts_with("KEY  RUNS  TWICE\n"), "{summed}");
    let heading = said(&node, &["maps", "maps", "totals", "--per-cpu"]);
    assert!(heading.contains("CPU0.RUNS  CPU0.TWICE"), "{heading}");
}

#[test]
fn histograms_are_drawn_where_declared_or_asked_for() {
    if !is_root("histograms") {
        return;
    }
    let node = Node::start();
    start(&node, "maps");
    counted(5).run();
    pause(&node);
    let map = |name: &str| get(&node, &format!("maps/maps/{name}"));
    let hist = map("hists")["entries"][0]["histograms"][0].clone();
    assert_eq!(
        (&hist["field"], &hist["scale"]),
        (&json!("slots"), &json!("log2"))
    );
    let slots = hist["slots"].as_array().unwrap();
    assert!(
        slots[2].as_u64() > Some(0) && slots[2] == slots[7],
        "{hist}"
    );
    let sizes = map("sizes")["entries"][0]["histograms"][0].clone();
    assert_eq!(
        (&sizes["scale"], &sizes["step"], &sizes["unit"]),
        (&json!("linear"), &json!(8), &json!("bytes"))
    );
    assert!(sizes["slots"][2].as_u64() > Some(0), "{sizes}");
    let wait = map("wait_us")["histogram"].clone();
    assert_eq!(wait["unit"], "us");
    assert!(wait["slots"][6].as_u64() > Some(0), "{wait}");
    let drawn = said(&node, &["maps", "maps", "wait_us"]);
    assert!(
        drawn.contains("64 -> 127") && drawn.contains("|****"),
        "{drawn}"
    );
    let bss = said(&node, &["maps", "maps", ".bss"]);
    assert!(
        bss.starts_with("spread_us\n") && bss.contains("2 -> 3"),
        "{bss}"
    );
    assert!(bss.contains("VARIABLE  VALUE\nruns      "), "{bss}");
    assert!(map("numbers").get("histogram").is_none());
    let wished = said(&node, &["maps", "maps", "numbers", "--linear=10"]);
    assert!(wished.contains("30 -> 39"), "{wished}");
    let refused = node.cli(&["maps", "maps", "counts", "--log2"]);
    assert_eq!(refused.status.code(), Some(3), "{refused:?}");
}

#[test]
fn an_answer_has_its_bounds_and_says_so() {
    if !is_root("bounds of maps") {
        return;
    }
    let node = Node::start();
    start(&node, "maps");
    let fills = Named::new(&format!("{COUNTED}full-{}", std::process::id() % 10_000));
    fills.run();
    let many = get(&node, "maps/maps/many?limit=3");
    assert_eq!(entries(&many).len(), 3);
    assert_eq!(
        (&many["entries_read"], &many["truncated"]),
        (&json!(65536), &json!(true))
    );
    let list = get(&node, "maps/maps");
    let listed = list["maps"]
        .as_array()
        .unwrap()
        .iter()
        .find(|map| map["name"] == "many");
    let listed = listed.unwrap();
    assert_eq!(
        (&listed["entries"], &listed["more"]),
        (&json!(1024), &json!(true))
    );
    let text = said(&node, &["maps", "maps", "many", "--limit", "2"]);
    assert!(
        text.ends_with("... at least 65534 more; --limit N shows more\n"),
        "{text}"
    );
    let whole = said(&node, &["--json", "maps", "maps", "many"]);
    let whole: Value = serde_json::from_str(&whole).unwrap();
    assert_eq!(entries(&whole).len(), 65536);
}

#[test]
fn a_wrong_question_names_what_is_wrong() {
    if !is_root("wrong questions about maps") {
        return;
    }
    let node = Node::start();
    start(&node, "maps");
    let refused = |path: &str, status: u16| {
        let answer = node.ask_unix(&format!("GET /api/v1/instances/{path}"), b"");
        assert_eq!(answer.status, status, "{path}: {answer:?}");
        answer.problem()
    };
    for path in ["nobody/maps", "nobody/maps/counts"] {
        assert!(
            refused(path, 404)["detail"]
                .as_str()
                .unwrap()
                .contains("nobody")
        );
    }
    let unknown = refused("maps/maps/cuonts", 404);
    let detail = unknown["detail"].as_str().unwrap();
    assert!(
        detail.contains("cuonts") && detail.contains("counts"),
        "{detail}"
    );
    for (query, field) in [
        ("limit=x", "limit"),
        ("limit=-1", "limit"),
        ("histogram=log10", "histogram"),
        ("histogram=linear:0", "histogram"),
        ("histogram=log2", "histogram"),
        ("unknown=1", "query"),
    ] {
        let problem = refused(&format!("maps/maps/counts?{query}"), 422);
        assert_eq!(problem["field"], field, "{query}: {problem}");
    }
    let cli = node.cli(&["maps", "maps", "cuonts"]);
    assert_eq!(cli.status.code(), Some(3), "{cli:?}");
    assert!(
        String::from_utf8_lossy(&cli.stderr).contains("it has first"),
        "{cli:?}"
    );
}

#[test]
fn text_of_a_program_steers_no_terminal() {
    if !is_root("text in maps") {
        return;
    }
    let node = Node::start();
    start(&node, "maps");
    let text = said(&node, &["maps", "maps", ".data"]);
    assert!(
        text.contains("hi\u{fffd}[2J") && !text.contains('\u{1b}'),
        "{text:?}"
    );
    let json = said(&node, &["--json", "maps", "maps", ".data"]);
    assert!(json.contains(r#""hi\u001b[2J""#), "{json}");
}
