//! The doors: who may not come in gets 403, and nothing is loaded, whatever trick is played.

use std::io::Write;
use std::net::TcpStream;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use serde_json::json;

use super::http::{self, Request};
use super::node::Node;
use super::objects::{generation_0, object, wrapped};
use super::sockets::{NOBODY, as_nobody, connect_from, linger_zero, shown, until_accepted};
use super::waiting::{is_root, until};

fn start(headers: &[(&str, &str)]) -> Vec<u8> {
    let body = wrapped("intruder", &generation_0("", &object("bare")));
    Request {
        line: "POST /start",
        headers,
        body: body.as_bytes(),
    }
    .bytes()
}

fn nothing_loaded(node: &Node) {
    assert!(node.instances().is_empty(), "{:?}", node.instances());
}

/// `curl` as another user, because that is what an intruder has: status and body.
fn curl_as(uid: u32, node: &Node, args: &[&str]) -> (String, String) {
    let body = wrapped("intruder", &generation_0("", &object("bare")));
    let mut child = Command::new("curl")
        .args(["-sS", "-w", "\n%{http_code}", "--data-binary", "@-"])
        .args(args)
        .arg(format!("http://{}/start", node.address()))
        .uid(uid)
        .gid(uid)
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(body.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let (body, status) = text.rsplit_once('\n').unwrap();
    (status.to_owned(), body.to_owned())
}

#[test]
fn another_local_user_is_refused_and_root_is_served() {
    if !is_root("a POST as nobody") {
        return;
    }
    let node = Node::start();
    let (status, body) = curl_as(NOBODY, &node, &[]);
    assert_eq!(status, "403", "{body}");
    assert!(
        body.contains("65534") && body.contains("--allow-user"),
        "{body}"
    );
    nothing_loaded(&node);
    let journal = node.journal();
    assert!(journal.contains("not let in: user id 65534"), "{journal}");
    assert_eq!(
        curl_as(0, &node, &[]),
        ("200".to_owned(), r#"["status","ok","id",1]"#.to_owned())
    );
}

#[test]
fn a_named_user_is_served() {
    if !is_root("--allow-user") {
        return;
    }
    let node = Node::start_with(&["--allow-user", "nobody"]);
    let (status, body) = curl_as(NOBODY, &node, &[]);
    assert_eq!(
        (status.as_str(), body.as_str()),
        ("200", r#"["status","ok","id",1]"#)
    );
    assert_eq!(
        curl_as(1, &node, &[]).0,
        "403",
        "daemon is neither root nor named"
    );
}

#[test]
fn an_ipv4_address_in_ipv6_clothes_does_not_help() {
    if !is_root("a POST as nobody from an IPv6 socket") {
        return;
    }
    let node = Node::start();
    let port = node.address().port();
    let mapped = format!("[::ffff:127.0.0.1]:{port}");
    let answer = as_nobody(|| {
        let mut stream = TcpStream::connect(&mapped).unwrap();
        stream.write_all(&start(&[])).unwrap();
        http::answer(stream)
    });
    assert_eq!(answer.problem()["status"], 403);
    nothing_loaded(&node);
    assert_eq!(
        http::tcp(mapped.parse().unwrap(), &start(&[])).status,
        200,
        "root is served"
    );
}

#[test]
fn what_a_web_page_could_send_is_refused_on_every_route() {
    if !is_root("requests of web pages") {
        return;
    }
    let node = Node::start();
    let port = node.address().port();
    let own = format!("http://127.0.0.1:{port}");
    let other_port = format!("127.0.0.1:{}", port.wrapping_add(1).max(1));
    for header in [
        ("Origin", "https://evil.example"),
        ("Origin", "null"),
        ("Origin", own.as_str()),
        ("Host", "evil.example"),
        ("Host", "localhost.evil.example"),
        ("Host", other_port.as_str()),
        ("Sec-Fetch-Site", "cross-site"),
        ("Sec-Fetch-Site", "same-origin"),
    ] {
        let answer = http::tcp(node.address(), &start(&[header]));
        assert_eq!(answer.problem()["status"], 403, "{header:?}");
        for line in [
            "GET /list",
            "POST /stop",
            "GET /task",
            "POST /task",
            "POST /log",
            "POST /pause",
            "GET /api/v1/instances",
            "PUT /api/v1/instances/a",
            "DELETE /api/v1/instances/a",
            "GET /api/v1/instances/a/events",
            "GET /metrics",
            "GET /healthz",
            "GET /nothing",
        ] {
            assert_eq!(
                node.ask(line, &[header], b"{}").status,
                403,
                "{line} {header:?}"
            );
        }
    }
    let absolute = node.ask("POST http://evil.example/start", &[], b"{}");
    assert_eq!(absolute.status, 403, "{absolute:?}");
    nothing_loaded(&node);
    let person = http::tcp(node.address(), &start(&[("Sec-Fetch-Site", "none")]));
    assert_eq!(person.status, 200, "{person:?}");
}

#[test]
fn a_socket_that_its_process_has_closed_is_not_taken_for_roots() {
    if !is_root("an orphaned socket") {
        return;
    }
    let node = Node::start();
    // The daemon does not accept while it is stopped, so the trick always comes in time.
    node.freeze();
    let port = as_nobody(|| {
        let mut stream = TcpStream::connect(node.address()).unwrap();
        stream.write_all(&start(&[])).unwrap();
        stream.local_addr().unwrap().port()
    });
    until("the kernel shows the socket as nobody's", || {
        shown(port, node.address()).filter(|(uid, inode)| (*uid, *inode) == (0, 0))
    });
    node.signal(libc::SIGCONT);
    until_accepted(&node, port);
    nothing_loaded(&node);
}

#[test]
fn a_reset_connection_is_not_taken_for_roots_new_one_on_its_port() {
    if !is_root("a reset connection") {
        return;
    }
    let node = Node::start();
    node.freeze();
    // Closed with a reset: the bytes wait in the daemon's accepted socket, the port is free, and
    // root, who knows nothing, gets it. Another test's connection may hold the port; then again.
    let (port, mut asking) = until("root gets the intruder's port", || {
        let port = as_nobody(|| {
            let mut stream = TcpStream::connect(node.address()).unwrap();
            stream.write_all(&start(&[])).unwrap();
            linger_zero(&stream);
            stream.local_addr().unwrap().port()
        });
        Some((port, connect_from(port, node.address())?))
    });
    assert!(shown(port, node.address()).is_some_and(|(uid, inode)| uid == 0 && inode != 0));
    node.signal(libc::SIGCONT);
    let request = Request {
        line: "GET /healthz",
        headers: &[],
        body: b"",
    };
    asking.write_all(&request.bytes()).unwrap();
    assert_eq!(
        http::answer(asking).status,
        200,
        "root's own connection is served"
    );
    nothing_loaded(&node);
}

#[test]
fn the_unix_socket_is_for_its_owner_and_asks_who_comes() {
    use std::os::unix::fs::PermissionsExt;

    if !is_root("the unix socket as nobody") {
        return;
    }
    let node = Node::start();
    let mode = std::fs::metadata(node.socket())
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    // Even when somebody opens the file to everybody.
    for path in [node.socket(), node.socket().parent().unwrap().to_owned()] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o777)).unwrap();
    }
    let body = generation_0("intruder", &object("bare"));
    let answer = as_nobody(|| node.ask_unix("POST /start", body.as_bytes()));
    assert_eq!(answer.problem()["status"], 403);
    nothing_loaded(&node);
}

#[test]
fn a_door_that_is_shut_lets_nothing_unsigned_in() {
    if !is_root("--allow-unsigned never") {
        return;
    }
    let node = Node::start_with(&["--allow-unsigned", "never"]);
    let task = super::objects::task(Some("a"), &generation_0("a", &object("bare")));
    for (line, body) in [
        (
            "POST /start",
            generation_0("a", &object("bare")).into_bytes(),
        ),
        ("POST /task", task.into_bytes()),
        ("PUT /api/v1/instances/a", object("bare")),
        ("POST /api/v1/instances", object("bare")),
    ] {
        let problem = node.ask(line, &[], &body).problem();
        assert_eq!(problem["status"], 403, "{line}");
        assert!(
            problem["detail"]
                .as_str()
                .unwrap()
                .contains("--allow-unsigned"),
            "{problem}"
        );
    }
    nothing_loaded(&node);
}

#[test]
fn an_address_that_others_can_reach_is_not_bound() {
    let folder = tempfile::tempdir().unwrap();
    let output = super::node::command(&folder.path().join("node.sock"))
        .args([
            "--json",
            "daemon",
            "--legacy-listen",
            "0.0.0.0:0",
            "--state-dir",
        ])
        .arg(folder.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let problem: serde_json::Value = serde_json::from_slice(&output.stderr).unwrap();
    let detail = problem["detail"].as_str().unwrap();
    assert!(
        detail.contains("--legacy-listen 0.0.0.0:0 is not a loopback address"),
        "{detail}"
    );
    assert_eq!(problem["status"], json!(400));
}
