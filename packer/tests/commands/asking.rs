//! How the commands ask the registry: where, as whom, what they make of a refusal.

use std::fs::{self, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;

use super::server::{self, Answer};
use super::stage::Stage;

const WHO: &str = r#"{"name":"ci","scopes":["read","publish:acme"]}"#;

fn problem(status: u16, detail: &str) -> String {
    format!(
        r#"{{"type":"urn:marrow:problem:x","title":"No","status":{status},"detail":"{detail}","request":"r-7"}}"#
    )
}

#[test]
fn the_token_of_the_configuration_goes_to_the_registry_of_the_configuration() {
    let mut stage = Stage::new();
    let (address, server) = server::answering(vec![Answer::new("200 OK", "application/json", WHO)]);
    let token = stage.file("here/ci.token", "marrow_secret\n");
    fs::set_permissions(token, Permissions::from_mode(0o600)).unwrap();
    let file = format!("registry = \"http://{address}\"\ntoken_file = \"ci.token\"\n");
    let file = stage.file("here/packer.toml", file);
    stage.set("MARROW_PACKER_CONFIG", file);
    let shown = stage.run(&["whoami"]).done().text();
    assert!(shown.contains("read, publish:acme"), "{shown}");
    let request = server.join().unwrap().remove(0);
    assert_eq!(request.line, "GET /api/v1/whoami HTTP/1.1");
    assert_eq!(
        request.header("authorization"),
        Some("Bearer marrow_secret")
    );
}

#[test]
fn an_unknown_key_of_the_configuration_is_refused_with_its_place() {
    let mut stage = Stage::new();
    let file = stage.file(
        "packer.toml",
        "registry = \"http://a\"\ntokenfile = \"t\"\n",
    );
    stage.set("MARROW_PACKER_CONFIG", file);
    let messages = stage.run(&["list"]).failed(2);
    assert!(
        messages.contains("packer.toml:2: unknown field `tokenfile`"),
        "{messages}"
    );
    assert!(messages.contains("packer --help"), "{messages}");
}

#[test]
fn a_token_that_others_can_read_is_not_sent() {
    let stage = Stage::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let registry = format!("http://{}", listener.local_addr().unwrap());
    let token = stage.file("ci.token", "marrow_secret");
    fs::set_permissions(token, Permissions::from_mode(0o644)).unwrap();
    let asked = [
        "whoami",
        "--registry",
        &registry,
        "--token-file",
        "ci.token",
    ];
    let messages = stage.run(&asked).failed(3);
    assert!(messages.contains("chmod 600 ci.token"), "{messages}");
    assert!(!messages.contains("marrow_secret"), "{messages}");
    listener.set_nonblocking(true).unwrap();
    assert!(listener.accept().is_err(), "nobody connected");
}

#[test]
fn a_token_is_not_sent_in_the_clear_to_another_machine() {
    let mut stage = Stage::new();
    stage.set("MARROW_TOKEN", "marrow_secret");
    // A network for documents (RFC 5737): nobody is there.
    let messages = stage
        .run(&["list", "--registry", "http://192.0.2.1"])
        .failed(2);
    assert!(messages.contains("in the clear"), "{messages}");
    assert!(messages.contains("--allow-plain-http"), "{messages}");
}

#[test]
fn a_refusal_says_why_which_request_and_what_to_do() {
    for (status, code, detail, step) in [
        ("401 Unauthorized", 3, "no token", "--token-file FILE"),
        ("403 Forbidden", 3, "needs admin", "packer whoami"),
        ("404 Not Found", 3, "no payload a/b", "packer list"),
        ("500 Internal Server Error", 1, "it broke", "r-7"),
    ] {
        let stage = Stage::new();
        let number = status[..3].parse().unwrap();
        let body = problem(number, detail);
        let answer = Answer::new(status, "application/problem+json", &body);
        let (address, server) = server::answering(vec![answer]);
        let registry = format!("http://{address}");
        let messages = stage
            .run(&["list", "a/b", "--registry", &registry])
            .failed(code);
        server.join().unwrap();
        for part in [detail, "(request r-7)", step] {
            assert!(messages.contains(part), "{status}: {messages}");
        }
    }
}

#[test]
fn a_busy_registry_is_exit_code_4_with_its_time() {
    let stage = Stage::new();
    let body = problem(429, "too many calls");
    let headers = "Content-Type: application/problem+json\r\nRetry-After: 7\r\n";
    let answer = Answer::with_headers("429 Too Many Requests", headers, body.as_bytes());
    let (address, server) = server::answering(vec![answer]);
    let registry = format!("http://{address}");
    let messages = stage.run(&["list", "--registry", &registry]).failed(4);
    server.join().unwrap();
    assert!(messages.contains("try again in 7 s"), "{messages}");
}

#[test]
fn nobody_at_the_address_is_exit_code_4() {
    let stage = Stage::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let registry = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    for command in [&["list"][..], &["nodes"], &["token", "list"], &["audit"]] {
        let asked = [command, &["--registry", &registry]].concat();
        let messages = stage.run(&asked).failed(4);
        assert!(
            messages.contains("no registry answers at 127.0.0.1:"),
            "{messages}"
        );
        assert!(messages.contains("registry serve"), "{messages}");
    }
}

#[test]
fn what_the_registry_sends_cannot_act_on_the_terminal() {
    let stage = Stage::new();
    let body = r#"{"name":"ci\u001b[2J","scopes":["read"]}"#;
    let (address, server) =
        server::answering(vec![Answer::new("200 OK", "application/json", body)]);
    let registry = format!("http://{address}");
    let shown = stage
        .run(&["whoami", "--registry", &registry])
        .done()
        .text();
    server.join().unwrap();
    assert!(shown.contains("ci\\u{1b}[2J"), "{shown}");
}

#[test]
fn a_reader_that_stops_reading_is_no_failure() {
    use std::process::{Command, Stdio};

    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let ran = Command::new(env!("CARGO_BIN_EXE_packer"))
        .args(["completions", "bash"])
        .stdout(writer)
        .stderr(Stdio::piped())
        .output()
        .expect("packer starts");
    assert_eq!(
        ran.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&ran.stderr)
    );
}

#[test]
fn each_shell_gets_completions_that_know_every_command() {
    let stage = Stage::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = stage.run(&["completions", shell]).done().text();
        for command in ["publish", "deployments", "completions", "allow-plain-http"] {
            assert!(script.contains(command), "{shell} lacks {command}");
        }
    }
}

#[test]
fn every_command_shows_an_example() {
    let stage = Stage::new();
    for command in [
        "keygen",
        "sign",
        "verify",
        "publish",
        "pull",
        "list",
        "yank",
        "unyank",
        "revoke",
        "channel",
        "floor",
        "deploy",
        "undeploy",
        "deployments",
        "nodes",
        "audit",
        "whoami",
        "completions",
        "build",
        "inspect",
        "import",
        "legacy",
        "push",
    ] {
        let help = stage.run(&[command, "--help"]).done().text();
        let example = format!("\n  packer {command}");
        assert!(
            help.contains("\nExamples:\n") && help.contains(&example),
            "{command}: {help}"
        );
    }
    for (command, step) in [
        ("token", "new"),
        ("token", "list"),
        ("token", "rm"),
        ("key", "add"),
        ("key", "list"),
        ("key", "rm"),
        ("channel", "rm"),
    ] {
        let help = stage.run(&[command, step, "--help"]).done().text();
        let example = format!("Examples:\n  packer {command} {step}");
        assert!(help.contains(&example), "{command} {step}: {help}");
    }
}
