//! The pages of rollouts and deployments, and their buttons, as a browser without JavaScript has them.

use std::collections::BTreeMap;

use api::registry::{RolloutPhase, SetPin};

use super::actor::{Fleet, Part, furnished, quick, start};
use super::waits::{awaits_promotion, ends, is_paused, stands, until};
use crate::browser::{Browser, hidden, query};

/// The waves of [`quick`], as the form sends them.
pub(super) fn form<'a>(changes: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut fields: BTreeMap<&str, &str> = BTreeMap::from([
        ("deployment", "d"),
        ("version", "1.1.0"),
        ("rows", "4"),
        ("reach1", "1"),
        ("bake1", "0s"),
        ("deadline1", "30s"),
        ("approval1", "on"),
        ("reach2", "50%"),
        ("bake2", "0s"),
        ("deadline2", "30s"),
        ("reach3", "100%"),
        ("bake3", "0s"),
        ("deadline3", "30s"),
        ("reach4", ""),
        ("preflight", "10m"),
        ("failures", "0"),
        ("on_failure", "all"),
        ("lost_ppm", "1000"),
        ("faults", "0"),
        ("run_time", "300"),
        ("samples", "100"),
        ("wait", "10m"),
        ("start_at", ""),
        ("flip_at", ""),
    ]);
    fields.extend(changes.iter().copied());
    fields.into_iter().collect()
}

#[tokio::test]
async fn a_rollout_is_started_by_a_form_watched_promoted_and_taken_back() {
    let registry = furnished(60_000).await;
    let fleet = Fleet::of(&registry, &[Part::Good; 6]).await;
    fleet.all_run("1.0.0").await;
    let browser = Browser::admin(&registry);
    let begun = browser.send("/rollouts", &form(&[]));
    assert_eq!(
        (begun.status, begun.header("location")),
        (303, Some("/rollouts/1")),
        "{}",
        begun.text()
    );
    let detail = stands(&registry, 1, "its first wave is well", awaits_promotion).await;
    assert_eq!(detail.plan.waves.len(), 3);
    let page = browser.page("/rollouts/1");
    let next = match detail.waves[1].nodes {
        1 => "Promote to wave 2, 1 node<".to_owned(),
        nodes => format!("Promote to wave 2, {nodes} nodes<"),
    };
    for text in [
        "Rollout 1 of <a href=\"/deployments/d\">d</a>",
        "at the gate",
        "wave 1 is well; it waits for somebody to promote it",
        &next,
        "Roll back 1 node",
        "Abort, 1 node keeps 1.1.0",
        "Pause, 5 nodes wait",
        "The gate would pass: all 3 figures are within their bounds.",
        "wave 1: 1 node: 1 committed",
        "every node loads and verifies the release, and none runs it",
    ] {
        assert!(page.contains(text), "{text} is not in {page}");
    }
    assert!(!page.contains("/rollouts/1/resume"), "{page}");
    let revision = hidden(&page, "revision");
    let promoted = browser.send("/rollouts/1/promote", &[("revision", &revision)]);
    assert_eq!(promoted.header("location"), Some("/rollouts/1"));
    ends(&registry, 1, RolloutPhase::Succeeded).await;
    fleet.all_run("1.1.0").await;
    let page = browser.page("/rollouts/1");
    assert!(page.contains("Roll back 6 nodes"), "{page}");
    assert!(!page.contains("/rollouts/1/pause"), "{page}");
    let back = browser.send("/rollouts/1/rollback", &[]);
    assert_eq!(back.header("location"), Some("/rollouts/1"));
    ends(&registry, 1, RolloutPhase::RolledBack).await;
    fleet.all_run("1.0.0").await;
    assert!(
        !browser
            .page("/rollouts/1")
            .contains("<button type=\"submit\" class=\"bad\"")
    );
}

#[tokio::test]
async fn a_pause_and_a_resume_are_buttons_and_an_abort_leaves_nodes_as_they_are() {
    let registry = furnished(60_000).await;
    let fleet = Fleet::of(&registry, &[Part::Good; 4]).await;
    fleet.all_run("1.0.0").await;
    let mut plan = quick();
    plan.waves[0].approval = true;
    start(&registry, "1.1.0", plan).await;
    stands(&registry, 1, "its first wave is well", awaits_promotion).await;
    let browser = Browser::admin(&registry);
    assert_eq!(browser.send("/rollouts/1/pause", &[]).status, 303);
    stands(&registry, 1, "it is paused", is_paused).await;
    let page = browser.page("/rollouts/1");
    assert!(page.contains("at the gate, paused"), "{page}");
    assert!(page.contains("admin paused it"), "{page}");
    assert!(page.contains("Resume for 3 nodes"), "{page}");
    // What is asked for twice is refused in words, on the page of the rollout.
    let again = browser.send("/rollouts/1/pause", &[]);
    assert_eq!(again.status, 409);
    assert!(again.text().contains("role=\"alert\""), "{}", again.text());
    assert!(
        again.text().contains("it is paused already"),
        "{}",
        again.text()
    );
    assert_eq!(
        browser.ask("/rollouts/1/pause").header("location"),
        Some("/rollouts/1")
    );
    assert_eq!(browser.send("/rollouts/1/resume", &[]).status, 303);
    assert_eq!(browser.send("/rollouts/1/abort", &[]).status, 303);
    ends(&registry, 1, RolloutPhase::Aborted).await;
    assert_eq!(fleet.running("1.1.0"), 1);
}

#[tokio::test]
async fn who_promotes_late_promotes_nothing() {
    let registry = furnished(60_000).await;
    let fleet = Fleet::of(&registry, &[Part::Good; 6]).await;
    fleet.all_run("1.0.0").await;
    let mut plan = quick();
    for wave in &mut plan.waves {
        wave.approval = true;
    }
    start(&registry, "1.1.0", plan).await;
    stands(&registry, 1, "its first wave is well", awaits_promotion).await;
    let browser = Browser::admin(&registry);
    let seen = hidden(&browser.page("/rollouts/1"), "revision");
    let fields = [("revision", seen.as_str())];
    assert_eq!(browser.send("/rollouts/1/promote", &fields).status, 303);
    let is_well = |one: &api::registry::Rollout| one.wave == 2 && awaits_promotion(one);
    stands(&registry, 1, "its second wave is well", is_well).await;
    let late = browser.send("/rollouts/1/promote", &fields);
    assert_eq!(late.status, 409);
    assert!(
        late.text().contains("went on since this page was read"),
        "{}",
        late.text()
    );
    let detail = registry.admin().rollout(1).await.unwrap();
    assert_eq!(detail.rollout.wave, 2);
}

#[tokio::test]
async fn who_may_only_read_sees_no_button_and_presses_none() {
    let registry = furnished(60_000).await;
    let fleet = Fleet::of(&registry, &[Part::Good; 2]).await;
    fleet.all_run("1.0.0").await;
    let mut plan = quick();
    plan.waves[0].approval = true;
    start(&registry, "1.1.0", plan).await;
    stands(&registry, 1, "its first wave is well", awaits_promotion).await;
    let token = registry.token("viewer", &["read"]).await;
    let reader = Browser::with(&registry, &token);
    for path in [
        "/rollouts",
        "/rollouts/1",
        "/deployments",
        "/deployments/d",
        "/rollouts/new?deployment=d",
    ] {
        let page = reader.page(path);
        let own = page.replace("method=\"post\" action=\"/logout\"", "");
        assert!(!own.contains("method=\"post\""), "{path}: {own}");
        assert!(!own.contains("formmethod"), "{path}: {own}");
    }
    let admin = Browser::admin(&registry);
    for (path, fields) in [
        ("/rollouts", form(&[("supersede", "on")])),
        ("/rollouts/1/pause", vec![]),
        ("/rollouts/1/resume", vec![]),
        ("/rollouts/1/promote", vec![("revision", "1")]),
        ("/rollouts/1/abort", vec![]),
        ("/rollouts/1/rollback", vec![]),
        ("/deployments/d/delete", vec![]),
        ("/deployments/d/pins/n0/delete", vec![]),
    ] {
        assert_eq!(reader.send(path, &fields).status, 403, "{path}");
        let foreign = admin.send_from(path, "https://evil.example", &fields);
        assert_eq!(foreign.status, 403, "{path} of another origin");
    }
    let detail = registry.admin().rollout(1).await.unwrap();
    assert!(awaits_promotion(&detail.rollout) && !is_paused(&detail.rollout));
    registry.admin().deployment("d").await.unwrap();
}

#[tokio::test]
async fn verifiers_logs_are_folded_text_and_the_matrix_counts_every_node() {
    let registry = furnished(60_000).await;
    let fleet = Fleet::of(
        &registry,
        &[Part::Good, Part::Good, Part::Rejects, Part::Incompatible],
    )
    .await;
    fleet.all_run("1.0.0").await;
    let mut plan = quick();
    plan.failures_max = 1;
    plan.waves[0].approval = true;
    start(&registry, "1.1.0", plan).await;
    stands(&registry, 1, "its first wave is well", awaits_promotion).await;
    let browser = Browser::admin(&registry);
    for path in ["/rollouts/1", "/rollouts/1/preflight"] {
        let page = browser.page(path);
        for text in [
            "<strong>1 node</strong>: load rejected, while it was staged",
            "R1 invalid mem access &#39;scalar&#39;",
            "<a href=\"/nodes/n2\">n2</a>",
            "6.1.0-18-cloud-amd64",
        ] {
            assert!(page.contains(text), "{text} is not in {path}: {page}");
        }
    }
    let matrix = browser.page("/rollouts/1/preflight");
    let row = "<td class=\"number\">2</td><td class=\"number\">1</td><td class=\"number\">1</td>\
               <td class=\"number\">4</td>";
    assert!(matrix.contains(row), "{matrix}");
    let failed = browser.page("/rollouts/1?stands=failed");
    assert!(
        failed.contains("/nodes/n2") && !failed.contains(">n0</a></th>"),
        "{failed}"
    );
}

#[tokio::test]
async fn what_gates_compare_is_drawn_over_time_with_the_same_as_a_table() {
    let registry = furnished(60_000).await;
    let fleet = Fleet::of(&registry, &[Part::Good; 6]).await;
    fleet.all_run("1.0.0").await;
    let mut plan = quick();
    plan.waves[0].approval = true;
    start(&registry, "1.1.0", plan).await;
    stands(&registry, 1, "its first wave is well", awaits_promotion).await;
    let browser = Browser::admin(&registry);
    until("a point was measured on both sides", || {
        let page = browser.page("/rollouts/1");
        page.contains(
            "Time of a run: with the release 10.00 µs, the others 10.00 µs, at most 30.00 µs",
        )
    })
    .await;
    let page = browser.page("/rollouts/1");
    assert!(page.contains("class=\"line-new\" d=\"M"), "{page}");
    assert!(page.contains("The same as a table"), "{page}");
    assert!(page.contains("Measured since"), "{page}");
}

#[tokio::test]
async fn lists_have_those_that_go_on_first_and_pages_and_filters() {
    let registry = furnished(60_000).await;
    let browser = Browser::admin(&registry);
    let empty = browser.page("/rollouts");
    assert!(empty.contains("packer rollout start DEPLOYMENT"), "{empty}");
    // Without a node each ends at once.
    for index in 0..27 {
        let version = if index % 2 == 0 { "1.1.0" } else { "1.0.0" };
        let begun = start(&registry, version, quick()).await.rollout;
        ends(&registry, begun, RolloutPhase::Succeeded).await;
    }
    let node = registry.node("silent", &[]).await;
    start(&registry, "1.0.0", quick()).await;
    let first = browser.page("/rollouts");
    let active = first.find("id=\"active\"").unwrap();
    let others = first.find("id=\"others\"").unwrap();
    let at = first.find(">Rollout 28</a>").unwrap();
    assert!(active < at && at < others, "{first}");
    assert!(first.contains("href=\"/rollouts?before=3\""), "{first}");
    assert!(!first.contains(">Rollout 2</a>"), "{first}");
    let second = browser.page("/rollouts?before=3");
    assert!(second.contains(">Rollout 2</a>") && second.contains(">Rollout 1</a>"));
    assert!(!second.contains("rel=\"next\"") && !second.contains("id=\"active\""));
    let active = browser.page("/rollouts?phase=active&deployment=d");
    assert!(active.contains(">Rollout 28</a>") && !active.contains(">Rollout 27</a>"));
    let rejected = browser.page("/rollouts?phase=rejected");
    assert!(rejected.contains("No rollout is like that."), "{rejected}");
    assert_eq!(browser.ask("/rollouts?deployment=%3Cscript%3E").status, 400);
    drop(node);
}

#[tokio::test]
async fn a_deployment_shows_where_its_nodes_stand_and_is_unpinned_and_deleted() {
    let registry = furnished(60_000).await;
    let fleet = Fleet::of(&registry, &[Part::Good; 3]).await;
    fleet.all_run("1.0.0").await;
    let pin = SetPin {
        version: Some("1.0.0".into()),
        reason: "<b>it's odd</b>".into(),
    };
    registry.admin().set_pin("d", "n1", &pin).await.unwrap();
    let browser = Browser::admin(&registry);
    let list = browser.page("/deployments");
    for text in [
        "href=\"/deployments/d\"",
        "version 1.0.0",
        "acme/execsnoop",
        "<code>*</code>",
    ] {
        assert!(list.contains(text), "{text} is not in {list}");
    }
    let page = browser.page("/deployments/d");
    for text in [
        "gives 1.0.0",
        "<dt>Run what it gives</dt><dd>3</dd>",
        "<dt>Pinned</dt><dd>1</dd>",
        "&#60;b&#62;it&#39;s odd&#60;/b&#62;",
        "packer deploy d --payload acme/execsnoop --version 1.0.0 --selector &#39;*&#39;",
        "Delete, 3 nodes stop it",
        "Unpin n1",
        "/rollouts/new?deployment=d",
    ] {
        assert!(page.contains(text), "{text} is not in {page}");
    }
    let unpinned = browser.send("/deployments/d/pins/n1/delete", &[]);
    assert_eq!(unpinned.header("location"), Some("/deployments/d"));
    assert!(
        browser
            .page("/deployments/d")
            .contains("No node keeps a version")
    );
    let gone = browser.send("/deployments/d/delete", &[]);
    assert_eq!(gone.header("location"), Some("/deployments"));
    assert_eq!(browser.ask("/deployments/d").status, 404);
    assert!(
        browser
            .page("/deployments")
            .contains("Nothing is deployed yet")
    );
}

#[tokio::test]
async fn a_void_deployment_says_why() {
    let registry = furnished(60_000).await;
    registry
        .admin()
        .put_deployment("v", &crate::fleet::harness::spec("env=none"))
        .await
        .unwrap();
    let browser = Browser::admin(&registry);
    for path in ["/deployments", "/deployments/v"] {
        let page = browser.page(path);
        assert!(page.contains("tone-bad\">void"), "{page}");
        assert!(page.contains("stable"), "{page}");
    }
    let query = query(&[("deployment", "v")]);
    let page = browser.page(&format!("/rollouts/new?{query}"));
    assert!(page.contains("<strong>0 nodes</strong>"), "{page}");
}
