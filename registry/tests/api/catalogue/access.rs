//! `/access`.

use crate::browser::{Browser, between};
use crate::fixture;
use crate::fleet::harness::Registry;

#[tokio::test]
async fn everybody_sees_who_they_are_and_which_keys_are_trusted_and_admins_see_tokens() {
    let registry = Registry::start();
    let key = fixture::key(1).public().id().to_string();
    let reader = Browser::of(&registry, &["read"]).await;
    let page = reader.page("/access");
    assert!(
        page.contains("<dd>read</dd>") && page.contains(&key),
        "{page}"
    );
    assert!(
        page.contains("in 89 d") || page.contains("in 90 d"),
        "{page}"
    );
    for hidden in ["New token", "Trust a key", "/remove", "/revoke"] {
        assert!(!page.contains(hidden), "{hidden} is in {page}");
    }
    let page = Browser::admin(&registry).page("/access");
    assert!(
        page.contains("New token") && page.contains("Trust a key"),
        "{page}"
    );
    assert!(
        page.contains("action=\"/access/tokens/read/revoke\""),
        "{page}"
    );
    let own = between(&page, "<dt>Token</dt><dd>", "<");
    assert!(
        !page.contains(&format!("/access/tokens/{own}/revoke")),
        "{page}"
    );
}

#[tokio::test]
async fn a_token_is_made_by_a_form_and_its_secret_is_told_once() {
    let registry = Registry::start();
    let browser = Browser::admin(&registry);
    let fields = [
        ("name", "ci"),
        ("read", "on"),
        ("publish", "acme  tools"),
        ("life_s", "3600"),
        ("uses", ""),
        ("labels", ""),
    ];
    let answer = browser.send("/access/tokens", &fields);
    assert_eq!(answer.status, 201, "{}", answer.text());
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let page = answer.text();
    let secret = between(&page, "id=\"secret\"><code>", "<").to_owned();
    assert!(secret.starts_with("marrow_"), "{page}");
    assert!(!page.contains("http-equiv=\"refresh\"") && !page.contains("hx-get"));
    let me = registry.client(Some(&secret)).whoami().await.unwrap();
    assert_eq!(me.name, "ci");
    assert_eq!(me.scopes, ["read", "publish:acme", "publish:tools"]);
    let page = browser.page("/access");
    assert!(page.contains(">ci<") && !page.contains(&secret), "{page}");
    assert!(
        page.contains("in 59 min") || page.contains("in 60 min"),
        "{page}"
    );
}

#[tokio::test]
async fn a_token_for_enrolling_has_uses_and_labels() {
    let registry = Registry::start();
    let browser = Browser::admin(&registry);
    let fields = [
        ("name", "rack"),
        ("enrol", "on"),
        ("uses", "2"),
        ("labels", "env=prod\r\n\r\n rack=7 \r\n"),
    ];
    let page = browser.send("/access/tokens", &fields).expect(201).text();
    let secret = between(&page, "id=\"secret\"><code>", "<");
    registry.enrol(secret, "web-1", &[]).await.unwrap();
    let labels = registry
        .admin()
        .node("web-1")
        .await
        .unwrap()
        .node
        .facts
        .labels;
    assert_eq!(labels["env"], "prod");
    assert_eq!(labels["rack"], "7");
    assert!(browser.page("/access").contains("1 left"));
}

#[tokio::test]
async fn a_mistake_stands_at_its_field_with_what_was_typed() {
    let registry = Registry::start();
    let browser = Browser::admin(&registry);
    let hostile = "\"><script>";
    for (fields, field, kept) in [
        (
            vec![("name", hostile), ("read", "on")],
            "name",
            "&#34;&#62;&#60;script&#62;",
        ),
        (vec![("name", "t")], "scopes", "value=\"t\""),
        (
            vec![("name", "t"), ("enrol", "on"), ("read", "on")],
            "scopes",
            "checked",
        ),
        (
            vec![("name", "t"), ("publish", "No!")],
            "scopes",
            "value=\"No!\"",
        ),
        (
            vec![("name", "t"), ("enrol", "on"), ("uses", "many")],
            "uses",
            "value=\"many\"",
        ),
        (
            vec![("name", "t"), ("enrol", "on"), ("labels", "env")],
            "labels",
            ">env</textarea>",
        ),
        (
            vec![("name", "t"), ("enrol", "on"), ("labels", "a=b\na=c")],
            "labels",
            "a=b\na=c",
        ),
    ] {
        let answer = browser.send("/access/tokens", &fields);
        assert_eq!(answer.status, 422, "{fields:?}");
        let page = answer.text();
        let mistake = format!("role=\"alert\" id=\"{field}-mistake\"");
        assert!(
            page.contains(&mistake) && page.contains(kept),
            "{fields:?}: {page}"
        );
        assert!(!page.contains("<script>\""), "{page}");
    }
    // A name that is taken is no name either.
    registry.token("taken", &["read"]).await;
    let answer = browser.send("/access/tokens", &[("name", "taken"), ("read", "on")]);
    assert_eq!(answer.status, 422);
    assert!(
        answer.text().contains("id=\"name-mistake\""),
        "{}",
        answer.text()
    );
}

#[tokio::test]
async fn a_token_is_revoked_by_a_button_and_ones_own_is_not() {
    let registry = Registry::start();
    let secret = registry.token("ci", &["read"]).await;
    let browser = Browser::admin(&registry);
    assert_eq!(
        browser.press("/access/tokens/ci/revoke", &[]),
        "/access#tokens"
    );
    assert!(registry.client(Some(&secret)).whoami().await.is_err());
    assert!(browser.page("/access").contains(">revoked<"));
    let page = browser.page("/access");
    let own = between(&page, "<dt>Token</dt><dd>", "<").to_owned();
    assert_eq!(
        browser
            .send(&format!("/access/tokens/{own}/revoke"), &[])
            .status,
        409
    );
}

#[tokio::test]
async fn a_key_is_trusted_and_removed_by_forms() {
    let registry = Registry::start();
    let browser = Browser::admin(&registry);
    let public = fixture::key(2).public();
    let (pem, id) = (public.to_pem().unwrap(), public.id().to_string());
    let fields = [
        ("pem", pem.as_str()),
        ("namespaces", "acme tools"),
        ("comment", "build <server>"),
    ];
    assert_eq!(browser.press("/access/keys", &fields), "/access#keys");
    let keys = registry.admin().keys().await.unwrap().keys;
    let key = keys.iter().find(|key| key.key == id).unwrap();
    assert_eq!(key.namespaces, ["acme", "tools"]);
    let page = browser.page("/access");
    assert!(
        page.contains("build &#60;server&#62;") && page.contains(&id),
        "{page}"
    );
    let remove = format!("/access/keys/{id}/remove");
    assert_eq!(browser.press(&remove, &[]), "/access#keys");
    assert!(!browser.page("/access").contains(&id));
    assert_eq!(browser.send(&remove, &[]).status, 404);
    for (pem, namespaces, field) in [
        ("<b>no key", "acme", "pem"),
        (pem.as_str(), "", "namespaces"),
        (pem.as_str(), "No!", "namespaces"),
    ] {
        let answer = browser.send("/access/keys", &[("pem", pem), ("namespaces", namespaces)]);
        assert_eq!(answer.status, 422, "{field}");
        let page = answer.text();
        assert!(page.contains(&format!("id=\"{field}-mistake\"")), "{page}");
        assert!(!page.contains("<b>no key"), "{page}");
    }
}
