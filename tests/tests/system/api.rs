//! The local API: instances, hot updates, events with their cursor, proofs, metrics, addresses.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;

use serde_json::{Value, json};

use super::http::{self, Request};
use super::node::{Named, Node, command};
use super::objects::{generation_0, object};
use super::waiting::{PATIENCE, is_root, until};

#[test]
fn an_instance_is_started_updated_paused_resumed_and_stopped() {
    if !is_root("the life of an instance") {
        return;
    }
    let node = Node::start();
    let put = |object: &[u8]| {
        let answer = node.ask_unix("PUT /api/v1/instances/trace", object);
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    };
    let started = put(&object("one"));
    assert_eq!(started["instance"]["id"], 1);
    assert_eq!(started["proof"].get("from"), None);
    let updated = put(&object("two"));
    assert_eq!(
        (
            &updated["instance"]["id"],
            &updated["instance"]["generation"]
        ),
        (&json!(1), &json!(2))
    );
    assert_eq!(updated["proof"]["from"]["generation"], 1);
    let change = |program: &str| {
        let hooks = updated["proof"]["hooks"].as_array().unwrap();
        let hook = hooks
            .iter()
            .find(|hook| hook["program"] == program)
            .unwrap();
        (hook["change"].clone(), hook["strategy"].clone())
    };
    assert_eq!(change("handle_exec"), (json!("kept"), json!("switch")));
    assert_eq!(change("handle_exit"), (json!("new"), json!("switch")));
    // Legacy JSON goes the same way, under the name of the path.
    let by_json = put(generation_0("other", &object("one")).as_bytes());
    assert_eq!(by_json["instance"]["generation"], 3);
    for (verb, state) in [
        ("pause", "paused"),
        ("pause", "paused"),
        ("resume", "running"),
    ] {
        let answer = node.ask_unix(&format!("POST /api/v1/instances/trace/{verb}"), b"");
        assert_eq!(
            (answer.status, &answer.json()["state"]),
            (200, &json!(state))
        );
    }
    let proofs = node
        .ask_unix("GET /api/v1/instances/trace/proofs", b"")
        .json();
    assert_eq!(proofs["proofs"].as_array().unwrap().len(), 3);
    assert_eq!(
        node.ask_unix("DELETE /api/v1/instances/trace", b"").status,
        204
    );
    for line in [
        "GET /api/v1/instances/trace",
        "DELETE /api/v1/instances/trace",
        "POST /api/v1/instances/trace/pause",
        "GET /api/v1/instances/trace/proofs",
        "GET /api/v1/instances/trace/events",
    ] {
        let problem = node.ask_unix(line, b"").problem();
        assert_eq!(problem["status"], 404, "{line}");
        assert!(
            problem["detail"].as_str().unwrap().contains("trace"),
            "{problem}"
        );
    }
}

#[test]
fn a_post_names_the_instance_as_the_file_does() {
    if !is_root("POST /api/v1/instances") {
        return;
    }
    let node = Node::start();
    let document = generation_0("own", &object("bare"));
    let answer = node.ask_unix("POST /api/v1/instances", document.as_bytes());
    assert_eq!(answer.json()["instance"]["name"], "own");
    let answer = node.ask_unix("POST /api/v1/instances", &object("bare"));
    assert_eq!(answer.json()["instance"]["name"], "default");
}

/// An open event stream.
struct Stream(BufReader<UnixStream>);

impl Stream {
    fn open(node: &Node, line: &str, headers: &[(&str, &str)]) -> Self {
        let mut stream = UnixStream::connect(node.socket()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
            .write_all(
                &Request {
                    line,
                    headers,
                    body: b"",
                }
                .bytes(),
            )
            .unwrap();
        let mut reader = BufReader::new(stream);
        let (status, headers) = http::head(&mut reader);
        assert_eq!(status, 200);
        let media_type = headers.iter().find(|(name, _)| name == "content-type");
        assert_eq!(media_type.unwrap().1, "text/event-stream");
        Self(reader)
    }

    /// The next event: its kind, its id, its data. Sizes of chunks and comments are passed over.
    fn next(&mut self) -> (String, u64, Value) {
        let (mut kind, mut id) = (String::new(), 0);
        loop {
            let mut line = String::new();
            assert_ne!(self.0.read_line(&mut line).unwrap(), 0, "the stream ended");
            let line = line.trim_end();
            if let Some(found) = line.strip_prefix("event: ") {
                found.clone_into(&mut kind);
            } else if let Some(found) = line.strip_prefix("id: ") {
                id = found.parse().unwrap();
            } else if let Some(found) = line.strip_prefix("data: ") {
                return (kind, id, serde_json::from_str(found).unwrap());
            }
        }
    }

    /// The next event of a command of this name, with its id.
    fn next_of(&mut self, comm: &str) -> (u64, Value) {
        loop {
            let (kind, id, json) = self.next();
            assert_eq!(kind, "", "{json}");
            if json["event"]["comm"] == comm {
                return (id, json);
            }
        }
    }
}

#[test]
fn events_stream_as_they_come_and_go_on_from_a_cursor() {
    if !is_root("the event stream") {
        return;
    }
    let node = Node::start();
    node.post("/start", generation_0("a", &object("one")).as_bytes());
    let named = Named::new("mw-stream");
    let mut live = Stream::open(&node, "GET /api/v1/instances/a/events?cursor=now", &[]);
    let pids = [named.run(), named.run()];
    let (first_id, first) = live.next_of("mw-stream");
    let (_, second) = live.next_of("mw-stream");
    assert_eq!(
        [&first["event"]["pid"], &second["event"]["pid"]],
        [&json!(pids[0]), &json!(pids[1])]
    );
    assert_eq!(
        (&first["instance"], &first["generation"], &first["ring"]),
        (&json!("a"), &json!(1), &json!("rb"))
    );
    // Who comes back with the id of the first goes on with the second.
    let id = first_id.to_string();
    let by_query = format!("GET /api/v1/instances/a/events?cursor={id}");
    for (line, headers) in [
        (by_query.as_str(), [].as_slice()),
        (
            "GET /api/v1/instances/a/events",
            &[("Last-Event-ID", id.as_str())],
        ),
    ] {
        let mut again = Stream::open(&node, line, headers);
        assert_eq!(again.next_of("mw-stream").1, second, "{line}");
    }
    // An update goes on in the same stream, in the new struct.
    node.post("/start", generation_0("a", &object("two")).as_bytes());
    let pid = named.run();
    let (_, third) = live.next_of("mw-stream");
    assert_eq!(
        (&third["generation"], &third["event"]["pid"]),
        (&json!(2), &json!(pid))
    );
    assert_eq!(third["event"]["kind"], "EXEC");
    // And the end is said.
    node.post("/stop", br#"{"id":1}"#);
    let end = std::iter::from_fn(|| Some(live.next())).find(|(kind, _, _)| !kind.is_empty());
    assert_eq!(end.unwrap().0, "stopped");
}

#[test]
fn a_reader_that_was_too_slow_is_told_how_much_it_missed() {
    if !is_root("lost marks") {
        return;
    }
    let node = Node::start();
    node.post("/start", generation_0("a", &object("two")).as_bytes());
    // More than the window holds: each command makes two events of more than 100 bytes.
    let named = Named::new("mw-slow");
    let lost = until("the window has moved on", || {
        for _ in 0..200 {
            named.run();
        }
        let mut from_start = Stream::open(&node, "GET /api/v1/instances/a/events?cursor=0", &[]);
        let (kind, id, json) = from_start.next();
        (kind == "lost").then_some((id, json))
    });
    assert_eq!(
        lost.1["lost"], lost.0,
        "from 0 to the first that is still there"
    );
    let mut oldest = Stream::open(&node, "GET /api/v1/instances/a/events", &[]);
    assert_eq!(
        oldest.next().0,
        "",
        "who asks for no cursor has missed nothing"
    );
}

#[test]
fn metrics_count_what_each_instance_saw() {
    if !is_root("/metrics") {
        return;
    }
    let node = Node::start();
    node.post("/start", generation_0("a", &object("one")).as_bytes());
    Named::new("mw-metrics").run();
    until("the command is counted", || {
        let text = node.ask_unix("GET /metrics", b"").body;
        let line = text
            .lines()
            .find(|line| line.starts_with("marrow_events_accepted_total{instance=\"a\"} "))
            .unwrap_or_else(|| panic!("{text}"));
        let count: u64 = line.rsplit(' ').next().unwrap().parse().unwrap();
        (count > 0).then_some(())
    });
    let health = node.ask_unix("GET /healthz", b"").json();
    assert_eq!(
        (&health["status"], &health["instances"]),
        (&json!("ok"), &json!(1))
    );
}

#[test]
fn the_addresses_are_recorded_and_a_second_daemon_does_not_take_them() {
    if !is_root("two daemons") {
        return;
    }
    let node = Node::start();
    let recorded = std::fs::read_to_string(node.state_dir().join("addresses.json")).unwrap();
    let recorded: Value = serde_json::from_str(&recorded).unwrap();
    assert_eq!(recorded["legacy"], node.address().to_string());
    let own = tempfile::tempdir().unwrap();
    let (own_state, own_socket) = (own.path().join("state"), own.path().join("node.sock"));
    for (state, socket, refusal) in [
        (own_state, node.socket(), "another daemon serves it"),
        (
            node.state_dir(),
            own_socket,
            "another daemon keeps its state there",
        ),
    ] {
        let second = command(&socket)
            .args(["daemon", "--legacy-listen", "none", "--state-dir"])
            .arg(&state)
            .output()
            .unwrap();
        assert_eq!(second.status.code(), Some(4), "{second:?}");
        assert!(String::from_utf8_lossy(&second.stderr).contains(refusal));
    }
    assert!(node.instances().is_empty(), "the first still answers");
    let file = node.state_dir().join("addresses.json");
    let still = std::fs::read_to_string(&file).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&still).unwrap(), recorded);
    let socket = node.socket();
    node.signal(libc::SIGTERM);
    until("socket and addresses go with their daemon", || {
        (!socket.exists() && !file.exists()).then_some(())
    });
    assert_eq!(node.stop(), Some(0));
}

#[test]
fn a_daemon_that_is_told_to_stop_does_not_wait_for_its_readers() {
    if !is_root("stopping under an open stream") {
        return;
    }
    let node = Node::start();
    node.post("/start", generation_0("a", &object("bare")).as_bytes());
    let mut stream = Stream::open(&node, "GET /api/v1/instances/a/events", &[]);
    let asked = std::time::Instant::now();
    assert_eq!(node.stop(), Some(0));
    // The daemon gives connections five seconds; this one must not need them.
    let took = asked.elapsed();
    assert!(took < std::time::Duration::from_secs(4), "{took:?}");
    let mut rest = String::new();
    // A stream that is cut off may also be an error, but never one more event.
    let _ = std::io::Read::read_to_string(&mut stream.0, &mut rest);
    assert!(!rest.contains("data:"), "{rest}");
}

#[test]
fn every_change_is_told_with_who_asked_for_it() {
    if !is_root("the journal") {
        return;
    }
    let node = Node::start();
    node.post("/start", generation_0("a", &object("one")).as_bytes());
    node.ask_unix("PUT /api/v1/instances/a", &object("bare"));
    node.post("/start", b"{}");
    node.ask_unix("POST /api/v1/instances/a/pause", b"");
    node.ask_unix("DELETE /api/v1/instances/a", b"");
    let journal = node.journal();
    let lines: Vec<Value> = journal
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let expected = [
        "user id 0 by TCP: a (generation 1): started, sha256:",
        "user id 0 by unix socket: a (generation 2): generation 1 replaced, now sha256:",
        "user id 0 by TCP: refused: ",
        "user id 0 by unix socket: a (generation 2): paused",
        "user id 0 by unix socket: a (generation 2): stopped",
    ];
    assert_eq!(lines.len(), expected.len(), "{journal}");
    for (line, expected) in lines.iter().zip(expected) {
        let told = line["journal"].as_str().unwrap();
        assert!(told.starts_with(expected), "{told:?} is not {expected:?}");
    }
}
