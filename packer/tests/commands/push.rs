//! `packer push` against a socket that answers what a test says. That a node does what the request
//! asks for is tested where the node is.

use std::net::TcpListener;
use std::thread::{self, JoinHandle};

use super::server::{self, Answer, Request};
use super::stage::{Stage, argument, golden};

/// Listens on a free port of loopback and gives one answer to one request.
fn answering(status: &str, media_type: &str, body: &str) -> (String, JoinHandle<Request>) {
    let (address, server) = server::answering(vec![Answer::new(status, media_type, body)]);
    let one = thread::spawn(move || server.join().expect("no panic").remove(0));
    (address, one)
}

#[test]
fn the_request_is_the_one_that_the_client_of_2022_sent() {
    let stage = Stage::new();
    let (address, server) = answering("200 OK", "text/plain", r#"["status","ok","id",7]"#);
    let object = golden("generation-0.json");
    let ran = stage
        .run(&[
            "push",
            &address,
            argument(&object),
            "--instance",
            "hotupdate",
        ])
        .done();
    assert_eq!(ran.text(), "[\"status\",\"ok\",\"id\",7]\n");
    let request = server.join().unwrap();
    assert_eq!(request.line, "POST /start HTTP/1.1");
    let is_text = |line: &String| line.eq_ignore_ascii_case("content-type: text/plain");
    assert!(request.headers.iter().any(is_text), "{:?}", request.headers);
    let sent: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
    let golden: serde_json::Value =
        serde_json::from_slice(&std::fs::read(golden("wrapped.json")).unwrap()).unwrap();
    assert_eq!(sent["name"], golden["name"]);
    assert_eq!(sent["export_handlers"], golden["export_handlers"]);
    // The object is named after the instance, which the golden one is not.
    let inner = |document: &serde_json::Value| -> serde_json::Value {
        serde_json::from_str(document["args"][0].as_str().unwrap()).unwrap()
    };
    assert_eq!(inner(&sent)["data"], inner(&golden)["data"]);
    assert_eq!(inner(&sent)["progs"], inner(&golden)["progs"]);
    assert_eq!(inner(&sent)["maps"][1], "hotupdat.rodata");
}

#[test]
fn a_payload_goes_to_the_instance_of_its_own_name() {
    let stage = Stage::new();
    let object = golden("exec.bpf.o");
    stage
        .run(&[
            "build",
            argument(&object),
            "--name",
            "acme/mine",
            "-o",
            "p.wasm",
        ])
        .done();
    let (address, server) = answering("200 OK", "text/plain", r#"["status","ok","id",1]"#);
    stage.run(&["push", &address, "p.wasm"]).done();
    let sent: serde_json::Value = serde_json::from_slice(&server.join().unwrap().body).unwrap();
    assert_eq!(sent["name"], "mine");
}

#[test]
fn a_refusal_shows_the_verifiers_log_and_exits_3() {
    let stage = Stage::new();
    let problem = r#"{"type":"about:blank","title":"Unprocessable Content","status":422,
        "detail":"the kernel refuses program p","log":"0: (b7) r0 = 0\nR1 invalid mem access\u001b[2J"}"#;
    let (address, server) = answering(
        "422 Unprocessable Content",
        "application/problem+json",
        problem,
    );
    let object = golden("exec.bpf.o");
    let messages = stage.run(&["push", &address, argument(&object)]).failed(3);
    server.join().unwrap();
    assert!(
        messages.contains("R1 invalid mem access\\u{1b}[2J\n"),
        "{messages}"
    );
    assert!(
        messages.contains("the kernel refuses program p"),
        "{messages}"
    );
    assert!(
        messages.contains("what ran before still runs"),
        "{messages}"
    );
}

#[test]
fn a_server_of_2022_that_answers_404_without_a_word_is_a_refusal() {
    let stage = Stage::new();
    let (address, server) = answering("404 Not Found", "text/plain", "");
    let object = golden("exec.bpf.o");
    let messages = stage.run(&["push", &address, argument(&object)]).failed(3);
    server.join().unwrap();
    assert!(messages.contains("--instance hotupdate"), "{messages}");
}

#[test]
fn an_answer_that_is_no_success_is_not_taken_for_one() {
    let stage = Stage::new();
    let object = golden("exec.bpf.o");
    for body in [
        r#"["status","error"]"#,
        "",
        "{}",
        r#"["status","ok","id","7"]"#,
    ] {
        let (address, server) = answering("200 OK", "text/plain", body);
        let messages = stage.run(&["push", &address, argument(&object)]).failed(1);
        server.join().unwrap();
        assert!(messages.contains("not one of a Marrow node"), "{messages}");
    }
}

#[test]
fn nobody_at_the_address_is_exit_code_4() {
    let stage = Stage::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let object = golden("exec.bpf.o");
    let messages = stage.run(&["push", &address, argument(&object)]).failed(4);
    assert!(
        messages.contains(&address) && messages.contains("node daemon"),
        "{messages}"
    );
}

#[test]
fn an_address_that_is_not_host_and_port_is_a_wrong_command_line() {
    let stage = Stage::new();
    let object = golden("exec.bpf.o");
    for address in [
        "127.0.0.1",
        "127.0.0.1:",
        "127.0.0.1:0",
        "127.0.0.1:65536",
        "localhost",
        ":8527",
        "::1",
        "[::1]",
        "http://127.0.0.1:8527",
    ] {
        let messages = stage.run(&["push", address, argument(&object)]).failed(2);
        assert!(messages.contains("the address is HOST:PORT"), "{messages}");
    }
}

#[test]
fn nothing_is_sent_of_a_file_that_breaks_a_rule() {
    let stage = Stage::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    stage.file("bad.json", "{\"data\":1}");
    stage.run(&["push", &address, "bad.json"]).failed(3);
    listener.set_nonblocking(true).unwrap();
    assert!(listener.accept().is_err(), "nobody connected");
}
