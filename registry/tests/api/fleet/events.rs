//! Live events: asked of a node that shares them, while somebody views who may; audited, bounded,
//! kept nowhere.

use std::time::Duration;

use api::client::registry::{Doorbell, Viewed};
use api::registry::{LiveEvent, LiveEvents, Reports};
use serde_json::json;
use tokio::time::timeout;

use super::harness::{Registry, TestNode, facts, runs, spec};
use crate::browser::Browser;
use crate::client::Answer;

/// Long enough for a machine that is busy.
const SOON: Duration = Duration::from_secs(20);

/// A node that runs `execs`, and whose operator lets events be viewed.
async fn sharing(registry: &Registry, name: &str) -> TestNode {
    registry.stable().await;
    let mut spec = spec("*");
    spec.instance = Some("execs".to_owned());
    registry.admin().put_deployment("d", &spec).await.unwrap();
    let node = registry.node(name, &[]).await;
    share(&node).await;
    node
}

/// It says that it runs what it should, and shares events.
async fn share(node: &TestNode) {
    let mut facts = facts(&[]);
    facts.shares_events = true;
    let reports = Reports {
        facts,
        instances: node.instances().await.iter().map(runs).collect(),
        outcomes: Vec::new(),
    };
    node.report(reports).await.unwrap();
}

/// Waits until the node is asked for exactly these.
async fn asked(bell: &mut Doorbell, instances: &[&str]) {
    loop {
        let ring = timeout(SOON, bell.next()).await.expect("it does not ring");
        if ring.unwrap().expect("it ended").viewed == instances {
            return;
        }
    }
}

async fn next(viewed: &mut Viewed) -> LiveEvents {
    let batch = timeout(SOON, viewed.next()).await;
    batch.expect("nothing comes").unwrap().expect("it ended")
}

fn batch(instance: &str, events: &[&str]) -> LiveEvents {
    let events = events.iter().map(|text| LiveEvent {
        at_ms: 7,
        event: serde_json::from_str(text).unwrap(),
    });
    LiveEvents {
        instance: instance.to_owned(),
        events: events.collect(),
        skipped: 0,
    }
}

#[tokio::test]
async fn a_node_is_asked_for_events_while_somebody_views_them() {
    let registry = Registry::start();
    let node = sharing(&registry, "web-1").await;
    let mut bell = node.client.doorbell("web-1").await.unwrap();
    asked(&mut bell, &[]).await;
    let operator = registry.token("oncall", &["operate"]).await;
    let operator = registry.client(Some(&operator));
    let mut viewed = operator.view_events("web-1", "execs").await.unwrap();
    asked(&mut bell, &["execs"]).await;
    let told = batch("execs", &["{\"comm\":\"sh\"}", "2"]);
    node.client.pass_events("web-1", &told).await.unwrap();
    let seen = next(&mut viewed).await;
    let texts: Vec<&str> = seen.events.iter().map(|one| one.event.get()).collect();
    assert_eq!(texts, ["{\"comm\":\"sh\"}", "2"]);
    assert_eq!(
        (seen.instance.as_str(), seen.events[0].at_ms, seen.skipped),
        ("execs", 7, 0)
    );
    drop(viewed);
    // That nobody reads any more is known when something is written.
    let unviewed = timeout(SOON, async {
        loop {
            if let Err(error) = node.client.pass_events("web-1", &told).await {
                return error;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    let unviewed = unviewed.await.expect("it is told");
    asked(&mut bell, &[]).await;
    assert!(
        unviewed.to_string().contains("nobody views execs"),
        "{unviewed}"
    );
    let audit = registry.admin().audit(None).await.unwrap();
    let looks = audit.entries.iter().filter(|one| one.what == "node.events");
    let looks: Vec<_> = looks
        .map(|one| (one.who.as_str(), one.subject.as_str()))
        .collect();
    assert_eq!(looks, [("oncall", "web-1")]);
}

#[tokio::test]
async fn nobody_views_who_may_not_nor_what_is_not_shared() {
    let registry = Registry::start();
    let _shares = sharing(&registry, "web-1").await;
    let keeps = registry.node("web-2", &[]).await;
    let reader = registry.token("viewer", &["read"]).await;
    let path = |node: &str| format!("/api/v1/nodes/{node}/instances/execs/events");
    let ask = |bearer: &str, node: &str| registry.ask_as(bearer, "GET", &path(node), "");
    assert_eq!(ask(&reader, "web-1").status, 403);
    assert_eq!(ask(&keeps.credential, "web-1").status, 403);
    assert_eq!(registry.ask("GET", &path("web-1"), &[], "").status, 401);
    let kept = ask(&registry.stage.admin, "web-2");
    assert_eq!((kept.status, kept.field().as_str()), (409, "node"));
    assert!(kept.text().contains("--share-events"), "{}", kept.text());
    assert_eq!(ask(&registry.stage.admin, "web-3").status, 404);
    let other = "/api/v1/nodes/web-1/instances/exec/events";
    let other = registry.ask_as(&registry.stage.admin, "GET", other, "");
    assert_eq!(other.status, 404);
    let detail = other.json()["detail"].clone();
    assert_eq!(detail, "web-1 does not run exec; it runs execs");
    assert_eq!(ask(&registry.stage.admin, "..").status, 400);
    let browser = Browser::with(&registry, &reader);
    for path in [
        "/nodes/web-1/events/execs",
        "/nodes/web-1/events/execs/stream",
    ] {
        assert_eq!(browser.ask(path).status, 403, "{path}");
    }
    // Another node does not speak for it.
    let foreign = keeps.client.pass_events("web-1", &batch("x", &[])).await;
    assert!(foreign.is_err());
}

#[tokio::test]
async fn what_a_node_tells_is_bounded_and_one_line_an_event() {
    let registry = Registry::start();
    let node = sharing(&registry, "web-1").await;
    let admin = registry.admin();
    let mut viewed = admin.view_events("web-1", "execs").await.unwrap();
    let tell = |body: &str| -> Answer {
        registry.ask_as(&node.credential, "POST", "/api/v1/nodes/web-1/events", body)
    };
    let of = |event: &str, count: usize| {
        let events = vec![format!("{{\"at_ms\":1,\"event\":{event}}}"); count].join(",");
        format!("{{\"instance\":\"execs\",\"skipped\":0,\"events\":[{events}]}}")
    };
    let many = tell(&of("1", 51));
    assert_eq!((many.status, many.field().as_str()), (422, "events"));
    let long = tell(&of(&json!("a".repeat(5000)).to_string(), 1));
    assert_eq!(
        (long.status, long.field().as_str()),
        (422, "events[0].event")
    );
    let lines = tell(&of("{\n}", 1));
    assert_eq!(
        (lines.status, lines.field().as_str()),
        (422, "events[0].event")
    );
    assert_eq!(tell(&of("no", 1)).status, 400);
    assert_eq!(tell("{}").status, 400);
    assert_eq!(tell(&of("\"whole\"", 1)).status, 204);
    let seen = next(&mut viewed).await;
    assert_eq!(
        seen.events.len(),
        1,
        "nothing of what was refused is passed on"
    );
}

#[tokio::test]
async fn the_page_of_a_node_leads_to_its_events_where_they_are_shared() {
    let registry = Registry::start();
    registry.stable().await;
    let admin = registry.admin();
    admin.put_deployment("d", &spec("*")).await.unwrap();
    let node = registry.node("web-1", &[]).await;
    node.settle(&[]).await;
    let operator = Browser::of(&registry, &["read", "operate"]).await;
    let page = operator.page("/nodes/web-1");
    assert!(page.contains("--share-events"), "{page}");
    let wanted = node.instances().await;
    share(&node).await;
    let path = format!("/nodes/web-1/events/{}", wanted[0].instance);
    let page = operator.page("/nodes/web-1");
    assert!(page.contains(&format!("href=\"{path}\"")), "{page}");
    let page = operator.page(&path);
    let command = format!("packer events web-1 {}", wanted[0].instance);
    for text in [&format!("data-from=\"{path}/stream\""), &command] {
        assert!(page.contains(text), "{text} is not in {page}");
    }
}
