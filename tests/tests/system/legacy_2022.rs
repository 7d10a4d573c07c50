//! The protocol of 2022: each generation, wrapped and bare, the exact arrays.

use super::node::Node;
use super::objects::{generation_0, generation_1, generation_2, object, wrapped};
use super::waiting::is_root;

type Write = fn(&str, &[u8]) -> String;

const ALL: [(&str, Write); 3] = [
    ("0", generation_0),
    ("1", generation_1),
    ("2", generation_2),
];

#[test]
fn each_generation_starts_bare_and_wrapped() {
    if !is_root("POST /start of each generation") {
        return;
    }
    let node = Node::start();
    let mut list = Vec::new();
    for (generation, write) in ALL {
        for is_wrapped in [false, true] {
            let id = list.len() + 1;
            let name = format!(
                "g{generation}-{}",
                if is_wrapped { "wrapped" } else { "bare" }
            );
            let document = write(if is_wrapped { "inner" } else { &name }, &object("one"));
            let body = if is_wrapped {
                wrapped(&name, &document)
            } else {
                document
            };
            let answer = node.post("/start", body.as_bytes());
            assert_eq!(
                answer.body,
                format!(r#"["status","ok","id",{id}]"#),
                "{name}"
            );
            assert_eq!(
                (answer.status, answer.header("content-type")),
                (200, "text/plain")
            );
            list.push(format!(r#"[{id},"{name}"]"#));
        }
    }
    let answer = node.ask("GET /list", &[], b"");
    assert_eq!(
        answer.body,
        format!(r#"["status","ok","list",[{}]]"#, list.join(","))
    );
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, "text/plain")
    );
}

#[test]
fn the_id_is_the_real_one_and_an_update_keeps_it() {
    if !is_root("ids over an update") {
        return;
    }
    let node = Node::start();
    let first = generation_0("a", &object("one"));
    let second = generation_0("b", &object("one"));
    assert_eq!(
        node.post("/start", first.as_bytes()).body,
        r#"["status","ok","id",1]"#
    );
    assert_eq!(
        node.post("/start", second.as_bytes()).body,
        r#"["status","ok","id",2]"#
    );
    let update = generation_0("a", &object("two"));
    assert_eq!(
        node.post("/start", update.as_bytes()).body,
        r#"["status","ok","id",1]"#
    );
    assert_eq!(node.instance("a")["generation"], 2);
    assert_eq!(node.instance("b")["generation"], 1);
    assert_eq!(
        node.post("/stop", br#"{"id":1}"#).body,
        r#"["status","ok"]"#
    );
    assert_eq!(
        node.ask("GET /list", &[], b"").body,
        r#"["status","ok","list",[[2,"b"]]]"#
    );
    let third = generation_0("c", &object("one"));
    assert_eq!(
        node.post("/start", third.as_bytes()).body,
        r#"["status","ok","id",3]"#,
        "an id is not given twice"
    );
}

#[test]
fn a_stop_of_nothing_is_an_empty_404() {
    if !is_root("POST /stop") {
        return;
    }
    let node = Node::start();
    let answer = node.post("/stop", br#"{"id":7}"#);
    assert_eq!((answer.status, answer.body.as_str()), (404, ""));
    assert_eq!(
        node.ask("GET /list", &[], b"").body,
        r#"["status","ok","list",[]]"#
    );
}

#[test]
fn the_instance_is_the_wrappers_name_then_the_documents_then_default() {
    if !is_root("names of instances") {
        return;
    }
    let node = Node::start();
    for (wrapper, own, expected) in [
        (Some("outer"), "own", "outer"),
        (Some(""), "own", "own"),
        (None, "", "default"),
    ] {
        let document = generation_0(own, &object("bare"));
        let body = wrapper.map_or(document.clone(), |name| wrapped(name, &document));
        assert_eq!(node.post("/start", body.as_bytes()).status, 200);
        assert_eq!(
            node.instance(expected)["generation"],
            1,
            "{wrapper:?} {own}"
        );
    }
}

#[test]
fn a_client_that_closes_its_sending_side_gets_its_answer() {
    use std::io::Write;

    if !is_root("half-closed clients") {
        return;
    }
    let node = Node::start();
    let body = generation_0("half", &object("bare"));
    let request = super::http::Request {
        line: "POST /start",
        headers: &[],
        body: body.as_bytes(),
    };
    let mut stream = std::net::TcpStream::connect(node.address()).unwrap();
    stream.write_all(&request.bytes()).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(
        super::http::answer(stream).body,
        r#"["status","ok","id",1]"#
    );
}
