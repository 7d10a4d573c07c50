//! Nodes, as `packer` shows them: the test speaks for the node, by the node's own calls.

use std::future::Future;

use api::client::registry::RegistryClient;
use api::problem::Problem;
use api::registry::{Enrol, Facts, InstanceReport, Outcome, OutcomeKind, Reports, Wanted};

use super::said::{client, facts, outcome, runs};
use super::stage::Stage;

/// What a node is to the registry.
struct Node {
    client: RegistryClient,
    facts: Facts,
}

fn wait<T>(call: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().build().unwrap().block_on(call)
}

impl Node {
    /// Enrols `web-3` with a token that `packer` makes.
    fn enrol(stage: &Stage) -> Self {
        let new = [
            "token", "new", "rack", "--scope", "enrol", "--label", "env=prod",
        ];
        let token = stage.run(&new).done().text;
        let facts = facts("6.1.0-18-amd64");
        let enrol = Enrol {
            node: "web-3".to_owned(),
            facts: facts.clone(),
        };
        let enrolled = wait(client(stage, token.trim()).enrol(&enrol)).unwrap();
        let client = client(stage, &enrolled.credential);
        Self { client, facts }
    }

    /// The one instance that it should run.
    fn wanted(&self) -> Wanted {
        let desired = wait(self.client.desired("web-3", None)).unwrap();
        let (mut desired, _etag) = desired.unwrap();
        desired.instances.remove(0)
    }

    /// Tells the registry that it runs what it should.
    fn runs(&self, wanted: &Wanted) {
        let instance = runs(wanted);
        self.tell(vec![instance], outcome(wanted, OutcomeKind::Started));
    }

    fn tell(&self, instances: Vec<InstanceReport>, outcome: Outcome) {
        let reports = Reports {
            facts: self.facts.clone(),
            instances,
            outcomes: vec![outcome],
        };
        wait(self.client.report("web-3", &reports)).unwrap();
    }
}

fn deployed() -> Stage {
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
    let deploy = [
        "deploy",
        "exec",
        "--payload",
        "acme/exec",
        "--channel",
        "stable",
    ];
    stage
        .run(&[&deploy[..], &["--selector", "env=prod"]].concat())
        .done();
    stage
}

#[test]
fn a_node_is_shown_with_what_it_runs_and_why() {
    let stage = deployed();
    let node = Node::enrol(&stage);
    let nodes = stage.run(&["nodes"]).done().text;
    assert!(nodes.contains("web-3  changing  -  "), "{nodes}");
    assert!(nodes.contains("env=prod rack=7"), "{nodes}");
    node.runs(&node.wanted());
    let nodes = stage.run(&["nodes"]).done().text;
    assert!(nodes.contains("web-3  settled  exec 1.0.0"), "{nodes}");
    let one = stage.run(&["nodes", "web-3"]).done().text;
    for part in [
        "6.1.0-18-amd64 x86_64, with BTF",
        "exec  acme/exec 1.0.0  generation 1  running  1,234 events",
        "acme/exec 1.0.0  started",
    ] {
        assert!(one.contains(part), "{part}: {one}");
    }
    let why = stage.run(&["explain", "web-3"]).done().text;
    for part in [
        "exec\n  runs      acme/exec 1.0.0, generation 1, running\n",
        "  is given  acme/exec 1.0.0, by exec\n  latest    1.0.0 started, ",
        "  Deployment exec is for `env=prod`",
    ] {
        assert!(why.contains(part), "{part}: {why}");
    }
    let json = stage.json(&["explain", "web-3"]);
    assert_eq!(json["instances"][0]["running"]["version"], "1.0.0");
    let deployments = stage.run(&["deployments"]).done().text;
    assert!(deployments.contains("1 of 1 nodes"), "{deployments}");
    let payload = stage.json(&["list", "acme/exec"]);
    assert_eq!(payload["releases"][0]["nodes"], 1);
}

#[test]
fn who_withdraws_is_told_whom_it_concerns() {
    let stage = deployed();
    let node = Node::enrol(&stage);
    node.runs(&node.wanted());
    for (step, stands) in [
        ("yank", "yanked"),
        ("unyank", "available"),
        ("revoke", "revoked"),
    ] {
        let ran = stage.run(&[step, "acme/exec@1.0.0"]).done();
        let said = format!("acme/exec@1.0.0 is {stands}; 1 node runs it\n");
        assert_eq!(ran.text, said);
        let told = [
            "channel stable still names 1.0.0",
            "deployment exec has nothing to give now (nodes it names: 1): 1.0.0 is revoked",
        ];
        for part in told {
            let messages = &ran.messages;
            assert_eq!(messages.contains(part), step == "revoke", "{messages}");
        }
    }
}

#[test]
fn why_a_node_refuses_is_shown_with_its_log() {
    let stage = deployed();
    let node = Node::enrol(&stage);
    let problem = Problem::new(422, "the kernel says no", "program on_exec: refused")
        .with_log("0: R1=ctx()\ninvalid mem access\u{1b}[2J");
    let mut refused = outcome(&node.wanted(), OutcomeKind::LoadRejected);
    refused.problem = Some(Box::new(problem));
    node.tell(Vec::new(), refused);
    let one = stage.run(&["nodes", "web-3"]).done().text;
    assert!(one.contains("could not be loaded"), "{one}");
    let one = stage.run(&["explain", "web-3"]).done().text;
    for part in [
        "  runs      nothing\n",
        "1.0.0 could not be loaded, ",
        "The node does not run it.",
        "The node refused 1.0.0: it could not load it",
        "program on_exec: refused",
        "invalid mem access\\u{1b}[2J",
    ] {
        assert!(one.contains(part), "{part}: {one}");
    }
    assert!(!one.contains("starts"), "{one}");
    let nodes = stage.run(&["nodes"]).done().text;
    for part in ["web-3  refused  -", "exec 1.0.0  could not be loaded"] {
        assert!(nodes.contains(part), "{part}: {nodes}");
    }
    let deployments = stage.run(&["deployments"]).done().text;
    assert!(
        deployments.contains("0 of 1 nodes, 1 refused it"),
        "{deployments}"
    );
}

#[test]
fn a_forgotten_node_is_nobody() {
    let stage = deployed();
    let node = Node::enrol(&stage);
    stage.run(&["nodes", "web-3", "--forget"]).done();
    assert!(wait(node.client.desired("web-3", None)).is_err());
    stage.run(&["nodes", "web-3"]).failed(3);
    assert_eq!(stage.json(&["nodes"])["nodes"].as_array().unwrap().len(), 0);
}
