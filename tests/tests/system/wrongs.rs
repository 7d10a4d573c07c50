//! The table "What it did wrong": one test a row. Over HTTP the answer is 422 with the field and
//! both values, nothing is loaded, and the daemon goes on.

use serde_json::{Value, json};

use super::node::{Named, Node, command};
use super::objects::{document, generation_0, generation_2, object};
use super::waiting::{is_root, until};

/// Posts a broken document to both protocols and gives the problem of the first.
fn refused(node: &Node, body: &str) -> Value {
    let problem = node.post("/start", body.as_bytes()).problem();
    assert_eq!(problem["status"], 422, "{problem}");
    let task = super::objects::task(None, body);
    let again = node.ask(
        "POST /task",
        &[("Content-Type", "application/json")],
        task.as_bytes(),
    );
    assert_eq!(again.problem(), problem, "both protocols say the same");
    assert!(node.instances().is_empty(), "{:?}", node.instances());
    problem
}

fn says(problem: &Value, field: &str, words: &[&str]) {
    assert_eq!(problem["field"], field, "{problem}");
    let detail = problem["detail"].as_str().unwrap();
    for word in words {
        assert!(detail.contains(word), "{word} is not in {detail}");
    }
}

#[test]
fn a_size_that_is_not_the_datas_is_refused_with_both_sizes() {
    if !is_root("wrong sizes") {
        return;
    }
    let node = Node::start();
    let object = object("one");
    let real = object.len().to_string();
    for size in [
        json!(object.len() + 1),
        json!(-1),
        json!(500_000_000),
        json!(0),
    ] {
        let mut broken = document("a", &object);
        broken["data_sz"] = size.clone();
        says(
            &refused(&node, &broken.to_string()),
            "data_sz",
            &[&size.to_string(), &real],
        );
        let mut broken: Value = serde_json::from_str(&generation_2("a", &object)).unwrap();
        broken["bpf_object_size"] = size.clone();
        says(
            &refused(&node, &broken.to_string()),
            "bpf_object_size",
            &[&size.to_string()],
        );
    }
}

#[test]
fn base64_without_padding_is_taken_when_it_decodes_exactly() {
    if !is_root("base64 without padding") {
        return;
    }
    let node = Node::start();
    let mut object = object("one");
    // Bytes behind the section headers' table change nothing but the length.
    while object.len().is_multiple_of(3) {
        object.push(0);
    }
    let mut unpadded = document("a", &object);
    let data = unpadded["data"].as_str().unwrap().replace(['=', '\n'], "");
    unpadded["data"] = json!(data);
    assert_eq!(
        node.post("/start", unpadded.to_string().as_bytes()).status,
        200
    );
    let mut cut = unpadded.clone();
    cut["data"] = json!(data[..data.len() - 1]);
    let answer = node.post("/start", cut.to_string().as_bytes()).problem();
    assert_eq!(answer["status"], 422, "{answer}");
}

#[test]
fn a_missing_key_a_wrong_type_and_no_json_are_refused_with_the_path() {
    if !is_root("broken documents") {
        return;
    }
    let node = Node::start();
    let whole = document("a", &object("one"));
    for key in ["data", "data_sz", "maps", "progs"] {
        let mut broken = whole.clone();
        broken.as_object_mut().unwrap().remove(key);
        let problem = refused(&node, &broken.to_string());
        assert!(problem.to_string().contains(key), "{key}: {problem}");
        let mut broken = whole.clone();
        broken[key] = json!({ "wrong": true });
        says(&refused(&node, &broken.to_string()), key, &[]);
    }
    let mut broken = whole.clone();
    broken["progs"] = json!(["handle_exec", 7]);
    says(&refused(&node, &broken.to_string()), "progs[1]", &[]);
    for text in [
        "",
        "{",
        "null",
        "[]",
        "{}",
        "not json",
        "{\"data\":\"\"}{}",
        "\u{0}",
    ] {
        refused(&node, text);
    }
    let twice = whole.to_string().replacen('{', "{\"data_sz\":1,", 1);
    says(&refused(&node, &twice), "data_sz", &[]);
}

#[test]
fn every_program_is_attached() {
    if !is_root("several programs") {
        return;
    }
    let node = Node::start();
    let answer = node.post("/start", generation_0("a", &object("two")).as_bytes());
    assert_eq!(answer.status, 200, "{answer:?}");
    let instance = node.instance("a");
    let programs: Vec<&Value> = instance["hooks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|hook| &hook["program"])
        .collect();
    assert_eq!(programs, ["handle_exec", "handle_exit"]);
    let named = Named::new("mw-both");
    named.run();
    until("both programs saw the command", || {
        let events = node.events(1);
        let seen = |kind: &str| {
            let mut events = events.iter().map(|line| &line["event"]);
            events.any(|event| event["comm"] == "mw-both" && event["kind"] == kind)
        };
        (seen("EXEC") && seen("EXIT")).then_some(())
    });
}

#[test]
fn unknown_names_are_refused_before_loading_with_both_lists() {
    if !is_root("unknown names") {
        return;
    }
    let node = Node::start();
    let mut broken = document("a", &object("two"));
    broken["progs"][1] = json!("handle_nothing");
    let known = ["handle_nothing", "handle_exec", "handle_exit"];
    says(&refused(&node, &broken.to_string()), "progs[1]", &known);
    let mut broken = document("a", &object("two"));
    broken["maps"][0] = json!("no_map");
    says(
        &refused(&node, &broken.to_string()),
        "maps[0]",
        &["no_map", "rb", "seen"],
    );
}

#[test]
fn an_object_without_maps_runs() {
    if !is_root("no maps") {
        return;
    }
    let node = Node::start();
    let answer = node.post("/start", generation_0("a", &object("bare")).as_bytes());
    assert_eq!(answer.body, r#"["status","ok","id",1]"#);
    assert_eq!(node.instance("a")["hooks"][0]["program"], "handle_exec");
}

#[test]
fn json_longer_than_an_argument_comes_by_file_and_by_standard_input() {
    use std::io::Write;
    use std::process::Stdio;

    if !is_root("long JSON") {
        return;
    }
    let node = Node::start();
    let mut document = document("long", &object("one"));
    // Line breaks between the groups of base64 are allowed, and make it long.
    let data = document["data"]
        .as_str()
        .unwrap()
        .replace('\n', &"\n".repeat(1000));
    document["data"] = json!(data);
    let text = document.to_string();
    assert!(text.len() > 128 * 1024, "{} bytes", text.len());
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    let by_file = node.cli(&["update", &format!("@{}", file.path().display())]);
    assert!(by_file.status.success(), "{by_file:?}");
    let mut child = command(&node.socket())
        .args(["update", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(node.instance("long")["generation"], 2);
}

#[test]
fn events_are_decoded_through_the_objects_own_types() {
    if !is_root("another struct than the daemon was built with") {
        return;
    }
    let node = Node::start();
    let named = Named::new("mw-types");
    for (version, keys) in [
        ("one", ["comm", "pid"].as_slice()),
        ("two", &["comm", "kind", "pid", "seen"]),
    ] {
        let answer = node.post("/start", generation_0("a", &object(version)).as_bytes());
        assert_eq!(answer.status, 200, "{answer:?}");
        let pid = named.run();
        let event = until("the command is in the log", || {
            node.events(1)
                .into_iter()
                .find(|line| line["event"]["pid"] == pid)
        });
        let fields: Vec<&String> = event["event"].as_object().unwrap().keys().collect();
        assert_eq!(fields, keys);
        assert_eq!(event["event"]["comm"], named.name());
    }
}
