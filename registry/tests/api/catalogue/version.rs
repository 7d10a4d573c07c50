//! `/payloads/{namespace}/{name}/versions/{version}`.

use api::registry::{Reason, ReleaseState};

use crate::browser::{Browser, between};
use crate::fixture;
use crate::fleet::harness::{Registry, spec};

/// An object with another privilege than that of the other fixtures.
const READS_KERNEL_MEMORY: &[u8] =
    include_bytes!("../../../../payload/tests/fuzz/corpus/core_registers.bpf.o");
const PAGE: &str = "/payloads/acme/execsnoop/versions/1.1.0";

/// 1.0.0, and 1.1.0 with other programs and privileges.
async fn two_versions(registry: &Registry) {
    registry.stable().await;
    let keys = [fixture::key(1)];
    let about = "Another <object>.";
    let made = fixture::made_with(READS_KERNEL_MEMORY, "acme/execsnoop", "1.1.0", about, &keys);
    registry
        .stage
        .publish(&registry.stage.admin, &made)
        .expect(201);
}

#[tokio::test]
async fn a_version_shows_what_is_in_it() {
    let registry = Registry::start();
    registry.stable().await;
    let admin = registry.admin();
    let release = admin.release("acme/execsnoop", "1.0.0").await.unwrap();
    let browser = Browser::of(&registry, &["read"]).await;
    let page = browser.page("/payloads/acme/execsnoop/versions/1.0.0");
    let listed = |list: &str| release.manifest[list].as_array().unwrap().clone();
    for list in ["programs", "maps", "globals"] {
        for entry in listed(list) {
            let name = format!("<code>{}</code>", entry["name"].as_str().unwrap());
            assert!(page.contains(&name), "{name} is not in {page}");
        }
    }
    for event in listed("events") {
        let name = format!("struct {}", event["struct"].as_str().unwrap());
        assert!(page.contains(&name), "{name} is not in {page}");
        assert!(
            page.contains(">At byte<"),
            "its members are read from the bytes"
        );
    }
    for privilege in &release.privileges {
        assert!(page.contains(privilege.as_str()), "{privilege}");
    }
    assert!(page.contains(&release.digest) && page.contains(&release.signers[0]));
    assert!(page.contains("of a test"), "what is said of the key");
    assert!(
        page.contains("there is nothing to compare it with"),
        "{page}"
    );
    assert!(page.contains("packer pull acme/execsnoop@1.0.0"), "{page}");
}

#[tokio::test]
async fn what_is_new_in_what_it_may_do_is_told_in_words_against_any_version() {
    let registry = Registry::start();
    two_versions(&registry).await;
    let admin = registry.admin();
    let old = admin.release("acme/execsnoop", "1.0.0").await.unwrap();
    let new = admin.release("acme/execsnoop", "1.1.0").await.unwrap();
    let added: Vec<&String> = new
        .privileges
        .iter()
        .filter(|one| !old.privileges.contains(one))
        .collect();
    assert!(!added.is_empty(), "the fixtures differ in their privileges");
    let browser = Browser::admin(&registry);
    let page = browser.page(PAGE);
    assert!(page.contains("<option value=\"1.0.0\" selected>"), "{page}");
    assert!(page.contains("It may do what 1.0.0 could not:"), "{page}");
    for word in &added {
        let told = format!("<li class=\"bad\"><strong>new:</strong> {word}</li>");
        assert!(page.contains(&told), "{told} is not in {page}");
    }
    // The other way round the same words are gone, and none of them new.
    let back = browser.page("/payloads/acme/execsnoop/versions/1.0.0?against=1.1.0");
    for word in &added {
        let told = format!("<strong>new:</strong> {word}");
        assert!(!back.contains(&told), "{told} is in {back}");
    }
    assert!(back.contains("No longer: "), "{back}");
    // The lowest version has nothing before it, and is compared when somebody asks.
    let lowest = browser.page("/payloads/acme/execsnoop/versions/1.0.0");
    assert!(lowest.contains("choose one") && !lowest.contains("No longer: "));
    assert_eq!(browser.ask(&format!("{PAGE}?against=9.0.0")).status, 404);
    assert_eq!(browser.ask(&format!("{PAGE}?against=%3Cb%3E")).status, 400);
    assert_eq!(
        browser
            .ask("/payloads/acme/execsnoop/versions/9.0.0")
            .status,
        404
    );
}

#[tokio::test]
async fn a_version_is_yanked_shown_again_and_revoked_by_buttons() {
    let registry = Registry::start();
    two_versions(&registry).await;
    let publisher = Browser::of(&registry, &["publish:acme"]).await;
    let page = publisher.page(PAGE);
    assert!(page.contains("Yank 1.1.0") && !page.contains("Revoke 1.1.0"));
    let reason = "slow & <odd>";
    assert_eq!(
        publisher.press(&format!("{PAGE}/yank"), &[("reason", reason)]),
        PAGE
    );
    let page = publisher.page(PAGE);
    assert!(page.contains("<strong>Yanked.</strong>"), "{page}");
    assert!(page.contains("slow &#38; &#60;odd&#62;"), "{page}");
    publisher.press(&format!("{PAGE}/unyank"), &[]);
    assert!(!publisher.page(PAGE).contains("<strong>Yanked.</strong>"));
    let revoke = format!("{PAGE}/revoke");
    assert_eq!(publisher.send(&revoke, &[("reason", "x")]).status, 403);
    let operator = Browser::of(&registry, &["operate"]).await;
    assert!(
        operator
            .page(PAGE)
            .contains("Revoke 1.1.0 and take it from 0 nodes")
    );
    operator.press(&revoke, &[("reason", "the key was stolen")]);
    let release = registry.admin().release("acme/execsnoop", "1.1.0").await;
    let release = release.unwrap();
    assert_eq!(release.state, ReleaseState::Revoked);
    assert_eq!(release.reason.as_deref(), Some("the key was stolen"));
    let audit = registry.admin().audit(None).await.unwrap().entries;
    let who = |what: &str| {
        let entry = audit.iter().find(|entry| entry.what == what).unwrap();
        entry.who.clone()
    };
    assert_eq!(who("release.yank"), "publish-acme");
    assert_eq!(who("release.revoke"), "operate");
    // What can't be done any more has no button, and is refused at the top of the page.
    let page = operator.page(PAGE);
    assert!(!page.contains(&format!("action=\"{PAGE}/yank\"")));
    let late = operator.send(&format!("{PAGE}/unyank"), &[]);
    assert_eq!(late.status, 422);
    assert!(late.text().contains("that is for good"), "{}", late.text());
}

#[tokio::test]
async fn a_reason_that_breaks_a_rule_stays_in_its_field_with_what_is_wrong() {
    let registry = Registry::start();
    two_versions(&registry).await;
    let browser = Browser::admin(&registry);
    let reason = format!("\u{7}\"<b>{}", "x".repeat(2000));
    let answer = browser.send(&format!("{PAGE}/yank"), &[("reason", &reason)]);
    assert_eq!(answer.status, 422);
    let page = answer.text();
    assert!(page.contains("at most 1024 are allowed"), "{page}");
    assert!(page.contains("aria-invalid=\"true\" aria-describedby=\"yank-reason-mistake\""));
    assert!(page.contains("id=\"yank-reason-mistake\""));
    assert!(page.contains("&#34;&#60;b&#62;xxx"), "{page}");
    let release = registry.admin().release("acme/execsnoop", "1.1.0").await;
    assert_eq!(release.unwrap().state, ReleaseState::Available);
}

#[tokio::test]
async fn a_channel_is_moved_here_by_a_button_that_names_its_nodes() {
    let registry = Registry::start();
    two_versions(&registry).await;
    registry.node("web-1", &[]).await;
    let admin = registry.admin();
    admin.put_deployment("d", &spec("*")).await.unwrap();
    let browser = Browser::of(&registry, &["publish:acme"]).await;
    let page = browser.page(PAGE);
    assert!(
        page.contains("Move stable here from 1.0.0 (1 node)"),
        "{page}"
    );
    let move_channel = format!("{PAGE}/channel");
    assert_eq!(browser.press(&move_channel, &[("channel", "stable")]), PAGE);
    browser.press(&move_channel, &[("channel", "edge")]);
    let channels = admin.payload("acme/execsnoop").await.unwrap().channels;
    let named: Vec<(&str, &str)> = channels
        .iter()
        .map(|one| (one.channel.as_str(), one.version.as_str()))
        .collect();
    assert_eq!(named, [("edge", "1.1.0"), ("stable", "1.1.0")]);
    let wrong = browser.send(&move_channel, &[("channel", "<not a name>")]);
    assert_eq!(wrong.status, 422);
    let page = wrong.text();
    assert!(page.contains("id=\"channel-mistake\""), "{page}");
    assert!(page.contains("value=\"&#60;not a name&#62;\""), "{page}");
    // A yanked release is named by no channel.
    let reason = Reason::default();
    admin
        .yank("acme/execsnoop", "1.0.0", &reason)
        .await
        .unwrap();
    let yanked = "/payloads/acme/execsnoop/versions/1.0.0";
    assert!(!browser.page(yanked).contains("Make the channel"));
    let late = browser.send(&format!("{yanked}/channel"), &[("channel", "stable")]);
    assert_eq!(late.status, 422);
    assert!(late.text().contains("is yanked"), "{}", late.text());
}

#[tokio::test]
async fn a_link_leads_from_a_version_to_the_nodes_that_run_it() {
    let registry = Registry::start();
    registry.stable().await;
    registry
        .admin()
        .put_deployment("d", &spec("*"))
        .await
        .unwrap();
    registry.node("web-1", &[]).await.settle(&[]).await;
    registry.node("web-2", &[]).await;
    let browser = Browser::admin(&registry);
    let page = browser.page("/payloads/acme/execsnoop/versions/1.0.0");
    let link = between(&page, "<dt>Runs on</dt><dd><a href=\"", "\"");
    let link = link.replace("&#38;", "&");
    assert!(page.contains(">1 node</a>"), "{page}");
    let nodes = browser.page(&link);
    assert!(
        nodes.contains(">web-1<") && !nodes.contains(">web-2<"),
        "{nodes}"
    );
    assert!(nodes.contains("1 node found"), "{nodes}");
}
