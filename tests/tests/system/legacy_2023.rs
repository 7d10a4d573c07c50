//! The protocol of 2023: each generation, the exact JSON, and the route that both protocols share.

use serde_json::{Value, json};

use super::http::Answer;
use super::node::{Named, Node};
use super::objects::{generation_0, generation_1, generation_2, object, task};
use super::waiting::{is_root, until};

const JSON: (&str, &str) = ("Content-Type", "application/json");

fn post(node: &Node, path: &str, body: &str) -> Answer {
    node.ask(&format!("POST {path}"), &[JSON], body.as_bytes())
}

#[test]
fn each_generation_starts_and_the_answers_are_the_old_ones() {
    if !is_root("POST /task of each generation") {
        return;
    }
    let node = Node::start();
    assert_eq!(node.ask("GET /task", &[], b"").body, r#"{"tasks":[]}"#);
    let object = object("one");
    let documents = [
        generation_0("zero", &object),
        generation_1("one", &object),
        generation_2("two", &object),
    ];
    let mut tasks = Vec::new();
    for (index, document) in documents.iter().enumerate() {
        let (id, name) = (index + 1, ["zero", "one", "two"][index]);
        let answer = post(&node, "/task", &task(None, document));
        tasks.push(format!(
            r#"{{"status":"running","id":{id},"name":"{name}"}}"#
        ));
        let list = tasks.join(",");
        assert_eq!(
            answer.body,
            format!(r#"{{"id":{id},"task_list":{{"tasks":[{list}]}}}}"#)
        );
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (200, "application/json")
        );
    }
}

#[test]
fn the_program_name_goes_before_the_documents_own_and_an_update_keeps_the_id() {
    if !is_root("names of tasks") {
        return;
    }
    let node = Node::start();
    let document = generation_0("own", &object("one"));
    let answer = post(
        &node,
        "/task",
        &task(Some("bpf-program-1691432359"), &document),
    );
    assert_eq!(
        answer.json()["task_list"]["tasks"][0]["name"],
        "bpf-program-1691432359"
    );
    let update = generation_0("own", &object("two"));
    let answer = post(
        &node,
        "/task",
        &task(Some("bpf-program-1691432359"), &update),
    );
    assert_eq!(answer.json()["id"], 1);
    assert_eq!(node.instance("bpf-program-1691432359")["generation"], 2);
}

#[test]
fn pause_resume_and_stop_answer_as_they_did() {
    if !is_root("pause, resume, stop") {
        return;
    }
    let node = Node::start();
    post(
        &node,
        "/task",
        &task(Some("a"), &generation_0("", &object("one"))),
    );
    assert_eq!(post(&node, "/pause", r#"{"id":1}"#).body, r#""paused""#);
    let list = r#"{"tasks":[{"status":"paused","id":1,"name":"a"}]}"#;
    assert_eq!(node.ask("GET /task", &[], b"").body, list);
    assert_eq!(post(&node, "/resume", r#"{"id":1}"#).body, r#""running""#);
    assert_eq!(post(&node, "/stop", r#"{"id":1}"#).body, "{}");
    for path in ["/stop", "/pause", "/resume", "/log"] {
        let answer = post(&node, path, r#"{"id":1}"#);
        assert_eq!(answer.status, 404, "{path}");
        assert!(answer.json()["message"].is_string(), "{path}: {answer:?}");
    }
    assert_eq!(node.ask("GET /task", &[], b"").body, r#"{"tasks":[]}"#);
}

#[test]
fn the_media_type_decides_which_stop_is_answered() {
    if !is_root("both answers of POST /stop") {
        return;
    }
    let node = Node::start();
    for name in ["a", "b"] {
        let document = generation_0(name, &object("bare"));
        assert_eq!(node.post("/start", document.as_bytes()).status, 200);
    }
    assert_eq!(
        node.post("/stop", br#"{"id":1}"#).body,
        r#"["status","ok"]"#
    );
    assert_eq!(post(&node, "/stop", r#"{"id":2}"#).body, "{}");
}

#[test]
fn the_log_holds_events_from_a_cursor_on() {
    if !is_root("POST /log") {
        return;
    }
    let node = Node::start();
    post(
        &node,
        "/task",
        &task(Some("a"), &generation_0("", &object("one"))),
    );
    let named = Named::new("mw-log");
    named.run();
    named.run();
    let log = |body: Value| -> Vec<Value> {
        post(&node, "/log", &body.to_string())
            .json()
            .as_array()
            .unwrap()
            .clone()
    };
    let entries = until("two events are in the log", || {
        let entries = log(json!({ "id": 1, "log_cursor": 0 }));
        let ours = entries
            .iter()
            .filter(|e| e["log"]["log"].as_str().unwrap().contains("mw-log"));
        (ours.count() == 2).then_some(entries)
    });
    let first = entries[0].as_object().unwrap();
    assert_eq!(first.keys().collect::<Vec<_>>(), ["cursor", "log"]);
    let keys: Vec<_> = first["log"].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["log", "log_type", "timestamp"]);
    assert_eq!(first["log"]["log_type"], "stdout");
    let cursor = entries.last().unwrap()["cursor"].as_u64().unwrap();
    let from_last = log(json!({ "id": 1, "log_cursor": cursor, "maximum_count": 1 }));
    assert_eq!(from_last[0]["cursor"], cursor);
    assert_eq!(from_last.len(), 1);
}

#[test]
fn what_is_not_run_any_more_is_refused_with_the_way_to_convert() {
    if !is_root("wasm and tar") {
        return;
    }
    let node = Node::start();
    for kind in ["wasm", "tar"] {
        let body = json!({ "program_data_buf": "AGFzbQ", "program_type": kind }).to_string();
        let problem = post(&node, "/task", &body).problem();
        assert_eq!(
            (&problem["status"], &problem["field"]),
            (&json!(422), &json!("program_type"))
        );
        assert!(
            problem["detail"].as_str().unwrap().contains(kind),
            "{problem}"
        );
    }
    assert!(node.instances().is_empty());
}
