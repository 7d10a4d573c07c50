//! Tokens, keys and the audit.

use std::os::unix::fs::PermissionsExt as _;

use super::stage::Stage;

fn token(stage: &Stage, name: &str, scope: &str) -> String {
    let made = ["token", "new", name, "--scope", scope];
    stage.run(&made).done().text.trim().to_owned()
}

#[test]
fn a_token_may_what_its_scopes_say_until_it_is_revoked() {
    let stage = Stage::with_publisher();
    let reader = token(&stage, "reader", "read");
    let who = stage.run_as(&reader, &["whoami"]).done().text;
    assert!(who.contains("reader") && who.contains("read"), "{who}");
    stage.run_as(&reader, &["list"]).done();
    let publish = ["publish", "exec", "--key", "acme.key"];
    let messages = stage.run_as(&reader, &publish).failed(3);
    assert!(messages.contains("packer whoami"), "{messages}");
    let publisher = token(&stage, "ci", "publish:acme");
    stage.run_as(&publisher, &publish).done();
    stage.run(&["token", "rm", "reader"]).done();
    let messages = stage.run_as(&reader, &["list"]).failed(3);
    assert!(messages.contains("not in force"), "{messages}");
    let audit = stage.run(&["audit"]).done().text;
    for part in ["ci", "acme/exec@1.0.0", "reader"] {
        assert!(audit.contains(part), "{part}: {audit}");
    }
    assert!(!audit.contains(&publisher), "no secret");
}

#[test]
fn a_secret_is_told_once_and_into_a_file_that_others_cannot_read() {
    let stage = Stage::new();
    let new = ["token", "new", "rack", "--scope", "enrol", "--uses", "3"];
    let label = [
        "--label",
        "env=prod",
        "--expires",
        "12h",
        "-o",
        "rack.token",
    ];
    let ran = stage.run(&[&new[..], &label].concat()).done();
    assert!(ran.text.is_empty(), "{}", ran.text);
    let path = stage.path("rack.token");
    let secret = std::fs::read_to_string(&path).unwrap();
    assert!(
        secret.starts_with("marrow_") && secret.trim().len() == 50,
        "{secret}"
    );
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let listed = stage.json(&["token", "list"]);
    let tokens = listed["tokens"].as_array().unwrap();
    let rack = tokens.iter().find(|token| token["name"] == "rack").unwrap();
    assert_eq!(rack["uses_left"], 3);
    assert!(!listed.to_string().contains(secret.trim()), "no secret");
    // The file is there: no second token is made.
    let again = [
        "token",
        "new",
        "other",
        "--scope",
        "read",
        "-o",
        "rack.token",
    ];
    let messages = stage.run(&again).failed(3);
    assert!(messages.contains("rack.token exists"), "{messages}");
    let listed = stage.json(&["token", "list"]).to_string();
    assert!(!listed.contains("other"), "{listed}");
}

#[test]
fn keys_are_listed_with_their_namespaces_and_go() {
    let stage = Stage::new();
    stage.run(&["keygen", "-o", "acme"]).done();
    let add = [
        "key",
        "add",
        "acme.pub",
        "--namespace",
        "acme",
        "--comment",
        "build server",
    ];
    let added = stage.run(&add).done();
    assert!(
        added.messages.contains("may sign for acme"),
        "{}",
        added.messages
    );
    let listed = stage.run(&["key", "list"]).done().text;
    assert!(listed.contains("acme        build server"), "{listed}");
    let key = stage.json(&["key", "list"])["keys"][0]["key"]
        .as_str()
        .unwrap()
        .to_owned();
    stage.run(&["key", "rm", &key]).done();
    assert_eq!(
        stage.json(&["key", "list"])["keys"]
            .as_array()
            .unwrap()
            .len(),
        0
    );
    stage.run(&["key", "rm", &key]).failed(3);
}

#[test]
fn without_a_token_the_next_step_is_to_show_one() {
    let stage = Stage::new();
    let messages = stage.run_as("", &["list"]).failed(3);
    assert!(messages.contains("--token-file FILE"), "{messages}");
}
