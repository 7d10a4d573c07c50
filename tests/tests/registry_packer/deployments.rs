//! Deployments and nodes, as far as they need no node.

use super::stage::Stage;

fn published() -> Stage {
    let stage = Stage::with_publisher();
    let publish = [
        "publish",
        "exec",
        "--key",
        "acme.key",
        "--channel",
        "stable",
    ];
    stage.run(&publish).done();
    stage
}

#[test]
fn a_deployment_is_shown_as_it_was_asked_for() {
    let stage = published();
    let deploy = [
        "deploy",
        "exec",
        "--payload",
        "acme/exec",
        "--channel",
        "stable",
    ];
    let more = [
        "--selector",
        "env=prod",
        "--instance",
        "prod-exec",
        "--set",
        "limit=9",
    ];
    let made = stage.json(&[&deploy[..], &more].concat());
    assert_eq!(made["release"]["version"], "1.0.0");
    assert_eq!(made["spec"]["globals"]["limit"], 9);
    assert_eq!(made["spec"]["instance"], "prod-exec");
    let every = stage.run(&["deployments"]).done().text;
    for part in [
        "exec",
        "acme/exec",
        "1.0.0 (stable)",
        "env=prod",
        "0 of 0 nodes",
    ] {
        assert!(every.contains(part), "{part}: {every}");
    }
    let one = stage.run(&["deployments", "exec"]).done().text;
    assert!(one.contains("limit = 9"), "{one}");
    stage.run(&["undeploy", "exec"]).done();
    stage.run(&["undeploy", "exec"]).failed(3);
    assert_eq!(
        stage.json(&["deployments"])["deployments"]
            .as_array()
            .unwrap()
            .len(),
        0
    );
}

#[test]
fn a_deployment_that_breaks_a_rule_is_refused_with_its_field() {
    let stage = published();
    let deploy = [
        "deploy",
        "exec",
        "--payload",
        "acme/exec",
        "--version",
        "1.0.0",
    ];
    for (more, said) in [
        (&["--selector", "env=="][..], "selector"),
        (&["--selector", "*", "--set", "seen=1"], "seen"),
        (
            &["--selector", "*", "--target", "on_exec=sched/sched_switch"],
            "on_exec",
        ),
    ] {
        let messages = stage.run(&[&deploy[..], more].concat()).failed(3);
        assert!(messages.contains(said), "{said}: {messages}");
    }
    assert_eq!(
        stage.json(&["deployments"])["deployments"]
            .as_array()
            .unwrap()
            .len(),
        0
    );
}

#[test]
fn a_value_that_the_variable_cannot_have_is_refused_with_both() {
    let stage = published();
    let values = [
        (
            "abc",
            "is \"abc\", which is no value of the variable's type",
        ),
        ("-1", "is -1, which is no value"),
        ("99999999999", "is 99999999999, which is no value"),
        ("[1]", "is [1], a number, true, false or a text is needed"),
    ];
    let deploy = |source: [&str; 2], value| {
        let set = format!("limit={value}");
        let deploy = ["deploy", "exec", "--payload", "acme/exec"];
        let more = ["--selector", "*", "--set", &set];
        stage.run(&[&deploy[..], &source, &more].concat())
    };
    for source in [["--version", "1.0.0"], ["--channel", "stable"]] {
        for (value, said) in values {
            let messages = deploy(source, value).failed(3);
            let said = format!("globals.limit: {said}");
            assert!(messages.contains(&said), "{said}: {messages}");
        }
        for value in ["0x10", "4294967295"] {
            deploy(source, value).done();
        }
        stage.run(&["undeploy", "exec"]).done();
    }
}

#[test]
fn there_are_no_nodes_yet() {
    let stage = Stage::new();
    let nodes = stage.run(&["nodes"]).done();
    assert!(
        nodes.messages.contains("--scope enrol"),
        "{}",
        nodes.messages
    );
    let messages = stage.run(&["nodes", "web-3"]).failed(3);
    assert!(messages.contains("web-3"), "{messages}");
}
