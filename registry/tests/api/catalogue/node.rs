//! `/nodes/{node}`.

use api::node::{GenerationId, MapProof, Measured, Proof, Steps};
use api::problem::Problem;
use api::registry::{OutcomeKind, Reports};

use crate::browser::Browser;
use crate::fleet::harness::{POLL_MS, Registry, TestNode, facts, outcome, runs, spec};

/// A node that should run `acme/execsnoop` 1.0.0 by the deployment `d`.
async fn deployed(registry: &Registry) -> TestNode {
    registry.stable().await;
    registry
        .admin()
        .put_deployment("d", &spec("*"))
        .await
        .unwrap();
    registry.node("web-1", &[("env", "prod")]).await
}

fn proof() -> Proof {
    let id = |generation, version: &str| GenerationId {
        generation,
        digest: String::new(),
        version: Some(version.to_owned()),
    };
    Proof {
        instance: "execsnoop".to_owned(),
        from: Some(id(1, "0.9.0")),
        to: id(2, "1.0.0"),
        at_us: 0,
        steps: Steps {
            flip_ns: 840,
            ..Steps::default()
        },
        hooks: Vec::new(),
        maps: vec![MapProof {
            map: "<counts>".to_owned(),
            hand_over: "migrated".to_owned(),
            migrated: None,
            reason: Some("its value grew".to_owned()),
        }],
        handler: None,
        rings: Vec::new(),
        events_before: 5,
        drained: 3,
        falls_through: 0,
        lost: Measured::Known(0),
        room: None,
        duplicated: Measured::Unknown,
        rolled_back: None,
    }
}

#[tokio::test]
async fn a_node_says_what_it_runs_and_why_and_what_it_waits_for() {
    let registry = Registry::start();
    let node = deployed(&registry).await;
    let browser = Browser::of(&registry, &["read"]).await;
    let waits = browser.page("/nodes/web-1");
    for text in [
        "6.1.0-18-cloud-amd64, x86_64, with BTF",
        "Debian 12",
        "env=prod",
        "Deployment d is for `*`, which holds for this node",
        "The node does not run it yet; 1.0.0 starts.",
        &format!("and every {} s.", POLL_MS / 1000),
        "href=\"/deployments/d\"",
        "unsettled",
        "It has told of nothing yet.",
    ] {
        assert!(waits.contains(text), "{text} is not in {waits}");
    }
    node.settle(&[("env", "prod")]).await;
    let settled = browser.page("/nodes/web-1");
    for text in [
        "The node runs it.",
        "generation 1",
        "<strong>1\u{202f}234\u{202f}567</strong> events",
        "<strong>unknown</strong> lost in the kernel",
        "on the mean since it was started",
    ] {
        assert!(settled.contains(text), "{text} is not in {settled}");
    }
    assert_eq!(browser.ask("/nodes/absent").status, 404);
    assert_eq!(browser.ask("/nodes/%3Cscript%3E").status, 400);
}

#[tokio::test]
async fn outcomes_are_shown_with_their_proofs_and_the_verifiers_words() {
    let registry = Registry::start();
    let node = deployed(&registry).await;
    let wanted = &node.instances().await[0];
    let mut updated = outcome(1, OutcomeKind::Updated, &wanted.digest);
    updated.proof = Some(Box::new(proof()));
    let mut refused = outcome(2, OutcomeKind::LoadRejected, &wanted.digest);
    let log = "R1 <invalid> & \"mem\"";
    refused.problem = Some(Box::new(
        Problem::new(422, "Load rejected", "program <p> is refused").with_log(log),
    ));
    let reports = Reports {
        facts: facts(&[]),
        instances: Vec::new(),
        outcomes: vec![updated, refused],
    };
    node.report(reports).await.unwrap();
    let page = Browser::of(&registry, &["read"]).await.page("/nodes/web-1");
    for text in [
        "generation 2 (1.0.0) took over from generation 1 (0.9.0) in 840 ns; 0 lost, unknown seen twice.",
        "<code>&#60;counts&#62;</code>: migrated; its value grew",
        "Maps carried</dt><dd>1 of 1",
        "could not be loaded",
        "program &#60;p&#62; is refused",
        "R1 &#60;invalid&#62; &#38; &#34;mem&#34;",
        "The node refused 1.0.0",
    ] {
        assert!(page.contains(text), "{text} is not in {page}");
    }
}

#[tokio::test]
async fn rates_come_from_two_reports_and_from_nothing_else() {
    let registry = Registry::start();
    let node = deployed(&registry).await;
    let first = runs(&node.instances().await[0]);
    let report = |accepted| {
        let mut report = first.clone();
        report.counts.accepted = accepted;
        report.counts.kernel_lost = Measured::Known(0);
        Reports {
            facts: facts(&[]),
            instances: vec![report],
            outcomes: Vec::new(),
        }
    };
    node.report(report(1000)).await.unwrap();
    let admin = registry.admin();
    assert!(admin.node("web-1").await.unwrap().rates.is_empty());
    // Reports that follow each other at once are not compared: it is asked again until they are.
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    let rate = loop {
        assert!(std::time::Instant::now() < deadline, "no rate within 30 s");
        node.report(report(4000)).await.unwrap();
        if let Some(rate) = admin.node("web-1").await.unwrap().rates.pop() {
            break rate;
        }
    };
    assert_eq!((rate.instance.as_str(), rate.accepted), ("execsnoop", 3000));
    assert!(rate.over_ms >= 1000, "{rate:?}");
    assert_eq!(rate.kernel_lost, Measured::Known(0));
    let page = Browser::admin(&registry).page("/nodes/web-1");
    assert!(page.contains("s apart; none lost"), "{page}");
}

#[tokio::test]
async fn a_node_is_pinned_and_unpinned_by_operators() {
    let registry = Registry::start();
    deployed(&registry).await;
    registry.publish("1.1.0").await;
    let reader = Browser::of(&registry, &["read"]).await;
    let pin = "/nodes/web-1/pin";
    assert!(!reader.page("/nodes/web-1").contains(pin));
    let fields = [
        ("deployment", "d"),
        ("version", ""),
        ("reason", "a <crash>"),
    ];
    assert_eq!(reader.send(pin, &fields).status, 403);
    let operator = Browser::of(&registry, &["operate"]).await;
    assert!(operator.page("/nodes/web-1").contains("Pin this node"));
    assert_eq!(
        operator
            .send_from(pin, "https://evil.example", &fields)
            .status,
        403
    );
    assert_eq!(operator.press(pin, &fields), "/nodes/web-1");
    let page = operator.page("/nodes/web-1");
    assert!(page.contains("Unpin this node from 1.0.0"), "{page}");
    let reads_itself = "hx-get=\"/nodes/web-1\"";
    assert!(page.contains(reads_itself), "{page}");
    assert!(page.contains("a &#60;crash&#62;"), "{page}");
    let wrong = [
        ("deployment", "d"),
        ("version", "7.7.7"),
        ("reason", "kept"),
    ];
    let answer = operator.send(pin, &wrong);
    assert_eq!(answer.status, 422);
    let page = answer.text();
    for text in [
        "acme/execsnoop has no release 7.7.7",
        "id=\"d-version-mistake\"",
        "value=\"7.7.7\"",
        "value=\"kept\"",
    ] {
        assert!(page.contains(text), "{text} is not in {page}");
    }
    // Else what was typed would go when the page is read again.
    assert!(!page.contains("hx-get"), "{page}");
    // A pin stays to be seen where its deployment gives the node nothing any more.
    let elsewhere = spec("env=elsewhere");
    registry
        .admin()
        .put_deployment("d", &elsewhere)
        .await
        .unwrap();
    let page = operator.page("/nodes/web-1");
    assert!(page.contains("Other pins"), "{page}");
    let unpin = "/nodes/web-1/unpin";
    assert_eq!(
        operator.press(unpin, &[("deployment", "d")]),
        "/nodes/web-1"
    );
    assert!(!operator.page("/nodes/web-1").contains("Other pins"));
    assert_eq!(operator.send(unpin, &[("deployment", "d")]).status, 404);
    let missing = operator.send(pin, &[("deployment", "absent")]);
    assert_eq!(missing.status, 404);
}

#[tokio::test]
async fn a_node_is_forgotten_by_operators() {
    let registry = Registry::start();
    registry.node("web-1", &[]).await;
    let reader = Browser::of(&registry, &["read"]).await;
    let forget = "/nodes/web-1/forget";
    assert!(!reader.page("/nodes/web-1").contains(forget));
    assert_eq!(reader.send(forget, &[]).status, 403);
    let operator = Browser::of(&registry, &["operate"]).await;
    assert!(operator.page("/nodes/web-1").contains("Forget web-1"));
    assert_eq!(operator.press(forget, &[]), "/nodes");
    assert_eq!(operator.ask("/nodes/web-1").status, 404);
    assert_eq!(operator.send(forget, &[]).status, 404);
}
