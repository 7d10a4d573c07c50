//! What a start refuses, its dry run and its preview refuse in the same words.

use api::registry::{Reason, StartRollout};

use super::actor::{furnished, quick, start, to};
use super::pages::form;
use crate::browser::{Browser, query};
use crate::fleet::harness::Registry;

/// What both say.
#[track_caller]
fn same(dry: impl std::fmt::Display, begun: impl std::fmt::Display) -> String {
    assert_eq!(dry.to_string(), begun.to_string());
    dry.to_string()
}

async fn refused(registry: &Registry, asked: &StartRollout) -> String {
    let admin = registry.admin();
    let dry = admin.dry_run(asked).await.unwrap_err();
    let begun = admin.start_rollout(asked).await.unwrap_err();
    same(dry, begun)
}

#[tokio::test]
async fn releases_that_no_deployment_may_come_to_are_refused_before_the_start() {
    let registry = furnished(60_000).await;
    let admin = registry.admin();
    for version in ["0.9.0", "1.2.0"] {
        registry.publish(version).await;
    }
    registry.floor("1.0.0", 1).await;
    let reason = Reason {
        reason: "loud".into(),
    };
    admin
        .yank("acme/execsnoop", "1.1.0", &reason)
        .await
        .unwrap();
    admin
        .revoke("acme/execsnoop", "1.2.0", &reason)
        .await
        .unwrap();
    let browser = Browser::admin(&registry);
    for (version, says) in [
        ("9.9.9", "has no release 9.9.9"),
        ("0.9.0", "0.9.0 is below the floor"),
        ("1.0.0", "are given 1.0.0 already"),
        ("1.1.0", "1.1.0 is yanked"),
        ("1.2.0", "1.2.0 is revoked: loud"),
    ] {
        let said = refused(&registry, &to(version, quick())).await;
        assert!(said.contains(says), "{version}: {said}");
        let query = query(&form(&[("version", version)]));
        let part = browser.page(&format!("/rollouts/new/preview?{query}"));
        assert!(part.contains(says), "{version}: {part}");
        assert!(!part.contains("Start for"), "{version}: {part}");
    }
    let page = browser.page("/rollouts/new?deployment=d&version=1.0.0");
    for version in ["0.9.0", "1.1.0", "1.2.0"] {
        let option = format!("<option value=\"{version}\"");
        assert!(!page.contains(&option), "{option} in {page}");
    }
}

#[tokio::test]
async fn times_and_another_rollout_are_refused_before_the_start() {
    let registry = furnished(60_000).await;
    let admin = registry.admin();
    let mut late = to("1.1.0", quick());
    late.start_at_ms = Some(u64::MAX);
    let mut past = quick();
    past.waves.drain(..2);
    past.flip_at_ms = Some(1);
    for (asked, says) in [
        (late, "days from now"),
        (to("1.1.0", past), "which is past"),
    ] {
        let dry = admin.dry_run(&asked).await.unwrap_err().to_string();
        assert!(dry.contains(says), "{dry}");
        let begun = admin.start_rollout(&asked).await.unwrap_err().to_string();
        assert!(begun.contains(says), "{begun}");
    }
    // A node that never says a word keeps it in its preflight.
    let silent = registry.node("silent", &[]).await;
    start(&registry, "1.1.0", quick()).await;
    let mut next = to("1.1.0", quick());
    let said = refused(&registry, &next).await;
    assert!(said.contains("rollout 1 of d has not ended"), "{said}");
    next.supersede = true;
    admin.dry_run(&next).await.unwrap();
    drop(silent);
}

#[tokio::test]
async fn a_filter_by_a_word_that_is_none_and_another_way_to_write_a_number_are_refused() {
    let registry = furnished(60_000).await;
    start(&registry, "1.1.0", quick()).await;
    let browser = Browser::admin(&registry);
    let bearer = format!("Bearer {}", registry.stage.admin);
    for (path, says) in [
        ("/rollouts?phase=xx", "active, ended, scheduled"),
        ("/rollouts/1?stands=xx", "committed, live, offered"),
        ("/rollouts/+1", "not the number of a rollout"),
        ("/rollouts/01", "not the number of a rollout"),
    ] {
        let page = browser.ask(path);
        assert_eq!(page.status, 400, "{path}");
        assert!(page.text().contains(says), "{path}: {}", page.text());
    }
    for (path, status) in [
        ("/api/v1/rollouts?phase=xx", 400),
        ("/api/v1/rollouts/1/nodes?stands=xx", 400),
        ("/api/v1/rollouts/+1", 400),
        ("/api/v1/rollouts/01/nodes", 400),
        ("/api/v1/rollouts?phase=rolling_back", 200),
        ("/api/v1/rollouts/1/nodes?stands=failed", 200),
        ("/api/v1/rollouts/1", 200),
    ] {
        let answer = registry.ask("GET", path, &[("Authorization", &bearer)], "");
        assert_eq!(answer.status, status, "{path}: {}", answer.text());
    }
}
