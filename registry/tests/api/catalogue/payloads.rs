//! `/payloads` and `/payloads/{namespace}/{name}`.

use crate::browser::Browser;
use crate::fixture;
use crate::fleet::harness::{Registry, spec};

#[tokio::test]
async fn payloads_are_listed_with_their_latest_version_and_channels() {
    let registry = Registry::start();
    let browser = Browser::of(&registry, &["read"]).await;
    let empty = browser.page("/payloads");
    assert!(empty.contains("packer publish FOLDER"), "{empty}");
    registry.stable().await;
    registry.publish("1.1.0").await;
    registry.node("web-1", &[]).await;
    let page = browser.page("/payloads");
    for text in [
        "href=\"/payloads/acme/execsnoop\"",
        "href=\"/payloads/acme/execsnoop/versions/1.1.0\"",
        "<span class=\"badge channel\">stable</span> 1.0.0",
        "Shows &#60;programs&#62; &#38; their arguments.",
        "aria-current=\"page\">Payloads",
    ] {
        assert!(page.contains(text), "{text} is not in {page}");
    }
}

#[tokio::test]
async fn payloads_are_found_by_a_part_of_their_name_and_come_in_pages() {
    let registry = Registry::start();
    for index in 0..52 {
        let name = format!("acme/p{index:02}_x");
        let key = [fixture::key(1)];
        let made = fixture::made_with(fixture::OBJECT, &name, "1.0.0", "of a test", &key);
        registry
            .stage
            .publish(&registry.stage.admin, &made)
            .expect(201);
    }
    let browser = Browser::admin(&registry);
    let found = browser.page("/payloads?q=p07");
    assert!(found.contains(">acme/p07_x<") && !found.contains(">acme/p08_x<"));
    // What people type is no pattern.
    assert!(browser.page("/payloads?q=p0__x").contains("No payload has"));
    assert!(browser.page("/payloads?q=%25").contains("No payload has"));
    let first = browser.page("/payloads?q=_x");
    assert!(first.contains(">acme/p49_x<") && !first.contains(">acme/p50_x<"));
    let next = "/payloads?q=_x&#38;after=acme%2Fp49_x";
    assert!(
        first.contains(&format!("href=\"{next}\" rel=\"next\"")),
        "{first}"
    );
    let second = browser.page(&next.replace("&#38;", "&"));
    assert!(second.contains(">acme/p51_x<") && !second.contains(">acme/p49_x<"));
    assert!(!second.contains("rel=\"next\"") && second.contains("href=\"/payloads?q=_x\""));
    let hostile = browser.page("/payloads?q=%3Cscript%3E%22");
    assert!(!hostile.contains("<script>\""), "{hostile}");
}

#[tokio::test]
async fn a_payload_shows_its_channels_with_who_follows_them_and_lets_curators_remove_them() {
    let registry = Registry::start();
    registry.stable().await;
    registry.node("web-1", &[("env", "prod")]).await;
    registry.node("web-2", &[("env", "prod")]).await;
    registry.node("db-1", &[]).await;
    let admin = registry.admin();
    admin.put_deployment("d", &spec("env=prod")).await.unwrap();
    let reader = Browser::of(&registry, &["read"]).await;
    let page = reader.page("/payloads/acme/execsnoop");
    assert!(page.contains(">2 nodes</td>"), "{page}");
    assert!(page.contains("packer deploy execsnoop --payload acme/execsnoop --channel stable"));
    let remove = "/payloads/acme/execsnoop/channels/stable/remove";
    assert!(!page.contains(remove));
    assert_eq!(reader.send(remove, &[]).status, 403);
    let other = Browser::of(&registry, &["publish:other"]).await;
    assert!(!other.page("/payloads/acme/execsnoop").contains(remove));
    assert_eq!(other.send(remove, &[]).status, 403);
    let publisher = Browser::of(&registry, &["publish:acme"]).await;
    let page = publisher.page("/payloads/acme/execsnoop");
    assert!(page.contains("Remove from 2 nodes"), "{page}");
    assert_eq!(
        publisher
            .send_from(remove, "https://evil.example", &[])
            .status,
        403
    );
    assert_eq!(
        publisher.press(remove, &[]),
        "/payloads/acme/execsnoop#channels"
    );
    let page = publisher.page("/payloads/acme/execsnoop");
    assert!(
        page.contains("packer channel acme/execsnoop stable 1.0.0"),
        "{page}"
    );
    assert_eq!(publisher.send(remove, &[]).status, 404);
}

#[tokio::test]
async fn a_floor_and_versions_that_are_withdrawn_are_told_of() {
    let registry = Registry::start();
    registry.publish("1.0.0").await;
    registry.publish("1.1.0").await;
    registry.floor("1.1.0", 1).await;
    let browser = Browser::admin(&registry);
    let page = browser.page("/payloads/acme/execsnoop");
    assert!(
        page.contains("Nothing older than <strong>1.1.0</strong> may run"),
        "{page}"
    );
    let below = browser.page("/payloads/acme/execsnoop/versions/1.0.0");
    assert!(below.contains("Below the floor."), "{below}");
    assert!(
        !below.contains("Make the channel"),
        "no channel may name it"
    );
}
