//! `packer publish` and `packer pull` against a registry that is busy, breaks off, or lies. What a
//! registry in good health does with them is tested where the registry is.

use api::registry::{Release, ReleaseState};
use serde_json::json;

use super::server::{self, Answer};
use super::stage::{Stage, argument, golden};

/// A folder with the signed payload `p.wasm` and the keys `one` and `two`, and the release that a
/// registry makes of it.
fn signed() -> (Stage, Release) {
    let stage = Stage::new();
    let object = golden("exec.bpf.o");
    let name = ["--name", "acme/exec", "--payload-version", "1.0.0"];
    let build = ["build", argument(&object), "-o", "p.wasm"];
    stage.run(&[&build[..], &name].concat()).done();
    for name in ["one", "two"] {
        stage.run(&["keygen", "-o", name]).done();
    }
    let sign = ["sign", "p.wasm", "--key", "one.key", "--json"];
    let report = stage.run(&sign).done().json();
    let text = |field: &str| report[field].as_str().expect("text").to_owned();
    let envelope = String::from_utf8(stage.read("p.envelope.json")).expect("UTF-8");
    let release = Release {
        payload: text("payload"),
        version: text("version"),
        digest: text("digest"),
        size_bytes: report["size_bytes"].as_u64().expect("a size"),
        state: ReleaseState::Available,
        reason: None,
        signers: vec![text("key")],
        envelope: Some(envelope),
        manifest: json!({}),
        privileges: Vec::new(),
        published_ms: 0,
        published_by: "ci".to_owned(),
        nodes: 0,
    };
    (stage, release)
}

fn json_of(release: &Release) -> Answer {
    let body = serde_json::to_string(release).expect("JSON");
    Answer::new("200 OK", "application/json", &body)
}

fn not_found() -> Answer {
    Answer::new(
        "404 Not Found",
        "application/problem+json",
        "{\"status\":404}",
    )
}

const WASM: &str = "Content-Type: application/wasm\r\n";

#[test]
fn a_busy_registry_is_asked_again_when_it_says_and_nothing_is_sent_twice() {
    let (stage, release) = signed();
    let busy = Answer::with_headers("503 Service Unavailable", "Retry-After: 0\r\n", b"");
    let (address, server) = server::answering(vec![
        not_found(),
        busy,
        Answer::with_headers("404 Not Found", "", b""),
        Answer::with_headers("201 Created", "", b""),
        json_of(&release),
    ]);
    let registry = format!("http://{address}");
    let publish = [
        "publish",
        "p.wasm",
        "--key",
        "one.key",
        "--registry",
        &registry,
    ];
    let ran = stage.run(&publish).done();
    assert!(
        ran.messages.contains("again in 0.0 s (1 of 4)"),
        "{}",
        ran.messages
    );
    assert!(ran.text().contains("acme/exec 1.0.0"), "{}", ran.text());
    let requests = server.join().unwrap();
    let lines: Vec<&str> = requests
        .iter()
        .map(|request| request.line.as_str())
        .collect();
    let blob = format!("/api/v1/blobs/{} HTTP/1.1", release.digest);
    let expected = [
        "GET /api/v1/payloads/acme/exec HTTP/1.1".to_owned(),
        format!("HEAD {blob}"),
        format!("HEAD {blob}"),
        format!("PUT {blob}"),
        "PUT /api/v1/payloads/acme/exec/versions/1.0.0 HTTP/1.1".to_owned(),
    ];
    assert_eq!(lines, expected);
    assert_eq!(requests[3].body, stage.read("p.wasm"));
    let sent: serde_json::Value = serde_json::from_slice(&requests[4].body).unwrap();
    assert_eq!(sent["digest"], release.digest);
    assert_eq!(sent["envelope"], release.envelope.unwrap());
}

#[test]
fn bytes_that_are_there_are_not_sent_again() {
    let (stage, release) = signed();
    let size = usize::try_from(release.size_bytes).unwrap();
    let (address, server) = server::answering(vec![
        not_found(),
        Answer::claiming("200 OK", WASM, b"", size),
        json_of(&release),
    ]);
    let registry = format!("http://{address}");
    // With the envelope of `sign`, no key is needed.
    let envelope = ["--envelope", "p.envelope.json", "--registry", &registry];
    stage
        .run(&[&["publish", "p.wasm"], &envelope[..]].concat())
        .done();
    let requests = server.join().unwrap();
    assert!(
        requests[2].line.starts_with("PUT /api/v1/payloads/"),
        "{}",
        requests[2].line
    );
}

#[test]
fn a_registry_that_stays_busy_is_given_up() {
    let (stage, _) = signed();
    let busy = || Answer::with_headers("503 Service Unavailable", "Retry-After: 0\r\n", b"");
    let (address, server) = server::answering(vec![busy(), busy(), busy()]);
    let registry = format!("http://{address}");
    let publish = [
        "publish",
        "p.wasm",
        "--key",
        "one.key",
        "--registry",
        &registry,
    ];
    let messages = stage
        .run(&[&publish[..], &["--retries", "2"]].concat())
        .failed(4);
    server.join().unwrap();
    assert!(messages.contains("(2 of 2)"), "{messages}");
}

#[test]
fn a_broken_transfer_goes_on_where_it_stopped() {
    let (stage, release) = signed();
    let file = stage.read("p.wasm");
    let (half, rest) = file.split_at(file.len() / 2);
    let range = format!(
        "{WASM}Content-Range: bytes {}-{}/{}\r\n",
        half.len(),
        file.len() - 1,
        file.len()
    );
    let (address, server) = server::answering(vec![
        json_of(&release),
        Answer::claiming("200 OK", WASM, half, file.len()),
        Answer::with_headers("206 Partial Content", &range, rest),
    ]);
    let registry = format!("http://{address}");
    let pull = [
        "pull",
        "acme/exec@1.0.0",
        "-o",
        "out.wasm",
        "--registry",
        &registry,
    ];
    let ran = stage
        .run(&[&pull[..], &["--key", "one.pub"]].concat())
        .done();
    assert!(
        ran.text().contains("verified by  sha256:"),
        "{}",
        ran.text()
    );
    let requests = server.join().unwrap();
    assert_eq!(requests[1].header("range"), None);
    let asked = format!("bytes={}-", half.len());
    assert_eq!(requests[2].header("range"), Some(asked.as_str()));
    assert_eq!(stage.read("out.wasm"), file);
    let envelope = release.envelope.unwrap();
    assert_eq!(stage.read("out.envelope.json"), envelope.as_bytes());
    let partial = |name: &String| name.contains("partial");
    assert!(!stage.names().iter().any(partial), "{:?}", stage.names());
}

#[test]
fn another_run_goes_on_with_what_one_left_unless_it_is_wrong() {
    for wrong in [false, true] {
        let (stage, release) = signed();
        let file = stage.read("p.wasm");
        let mut half = file[..1000].to_vec();
        half[7] ^= u8::from(wrong);
        let digits = &release.digest["sha256:".len()..][..16];
        stage.file(&format!("out.wasm.{digits}.partial"), &half);
        let range = format!(
            "{WASM}Content-Range: bytes 1000-{}/{}\r\n",
            file.len() - 1,
            file.len()
        );
        let mut answers = vec![
            json_of(&release),
            Answer::with_headers("206 Partial Content", &range, &file[1000..]),
        ];
        if wrong {
            answers.push(Answer::with_headers("200 OK", WASM, &file));
        }
        let (address, server) = server::answering(answers);
        let registry = format!("http://{address}");
        let pull = [
            "pull",
            "acme/exec@1.0.0",
            "-o",
            "out.wasm",
            "--registry",
            &registry,
        ];
        stage.run(&pull).done();
        server.join().unwrap();
        assert_eq!(stage.read("out.wasm"), file);
    }
}

#[test]
fn other_bytes_than_were_asked_for_never_become_the_file() {
    let (stage, release) = signed();
    let mut file = stage.read("p.wasm");
    file[100] ^= 1;
    let before = stage.names();
    let (address, server) = server::answering(vec![
        json_of(&release),
        Answer::with_headers("200 OK", WASM, &file),
    ]);
    let registry = format!("http://{address}");
    let pull = [
        "pull",
        "acme/exec@1.0.0",
        "-o",
        "out.wasm",
        "--registry",
        &registry,
    ];
    let messages = stage.run(&pull).failed(3);
    server.join().unwrap();
    assert!(
        messages.contains("sent bytes of digest sha256:"),
        "{messages}"
    );
    assert_eq!(stage.names(), before, "nothing half-done");
}

#[test]
fn a_release_that_no_given_key_signed_never_becomes_the_file() {
    let (stage, release) = signed();
    let file = stage.read("p.wasm");
    let before = stage.names();
    let (address, server) = server::answering(vec![
        json_of(&release),
        Answer::with_headers("200 OK", WASM, &file),
    ]);
    let registry = format!("http://{address}");
    let pull = [
        "pull",
        "acme/exec@1.0.0",
        "-o",
        "out.wasm",
        "--registry",
        &registry,
    ];
    let messages = stage
        .run(&[&pull[..], &["--key", "two.pub"]].concat())
        .failed(3);
    server.join().unwrap();
    assert!(messages.contains("other signers: sha256:"), "{messages}");
    assert_eq!(stage.names(), before, "nothing half-done");
}

#[test]
fn an_envelope_of_another_release_is_refused_before_anything_is_fetched() {
    let (stage, mut release) = signed();
    release.version = "1.0.1".to_owned();
    let (address, server) = server::answering(vec![json_of(&release)]);
    let registry = format!("http://{address}");
    let pull = [
        "pull",
        "acme/exec@1.0.1",
        "-o",
        "out.wasm",
        "--registry",
        &registry,
    ];
    let messages = stage.run(&pull).failed(3);
    server.join().unwrap();
    assert!(messages.contains("is about acme/exec 1.0.0"), "{messages}");
}

#[test]
fn a_release_without_signatures_is_not_pulled_where_one_is_demanded() {
    let (stage, mut release) = signed();
    release.envelope = None;
    release.signers.clear();
    let (address, server) = server::answering(vec![json_of(&release)]);
    let registry = format!("http://{address}");
    let pull = [
        "pull",
        "acme/exec@1.0.0",
        "--key",
        "one.pub",
        "--registry",
        &registry,
    ];
    let messages = stage.run(&pull).failed(3);
    server.join().unwrap();
    assert!(messages.contains("is not signed"), "{messages}");
    assert!(messages.contains("has no signatures"), "{messages}");
}

#[test]
fn a_file_that_is_there_is_not_fetched_again() {
    let (stage, release) = signed();
    let file = stage.read("p.wasm");
    stage.file("out.wasm", &file);
    let (address, server) = server::answering(vec![json_of(&release), json_of(&release)]);
    let registry = format!("http://{address}");
    let pull = [
        "pull",
        "acme/exec@1.0.0",
        "-o",
        "out.wasm",
        "--registry",
        &registry,
    ];
    stage
        .run(&[&pull[..], &["--key", "one.pub"]].concat())
        .done();
    assert!(stage.path("out.envelope.json").exists());
    // It is judged all the same, and stays: it was there before.
    let messages = stage
        .run(&[&pull[..], &["--key", "two.pub"]].concat())
        .failed(3);
    server.join().unwrap();
    assert!(messages.contains("other signers: sha256:"), "{messages}");
    assert_eq!(stage.read("out.wasm"), file);
}
