//! Publishing: the whole way, and every way in which it is refused.

use payload::digest::Digest;
use serde_json::json;

use crate::fixture::{self, key, made, made_with};
use crate::stage::Registry;

#[test]
fn a_release_is_published_listed_fetched_and_the_same_after_a_restart() {
    let mut registry = Registry::start();
    registry.trust();
    let token = registry.token("ci", &["publish:acme"]);
    let release = made("1.0.0");
    let published = registry.publish(&token, &release).expect(201).json();
    assert_eq!(published["digest"], release.digest.as_str());
    assert_eq!(published["envelope"], release.envelope.as_str());
    assert_eq!(
        published["signers"],
        json!([key(1).public().id().to_string()])
    );
    assert_eq!(published["state"], "available");
    assert_eq!(published["published_by"], "ci");
    assert_eq!(published["size_bytes"], release.file.len());
    assert_eq!(published["manifest"]["name"], "acme/small");
    assert!(registry.stop().success());
    registry.start_again();

    let read = registry.token("reader", &["read"]);
    let listed = registry
        .ask(&read, "GET", "/payloads", None)
        .expect(200)
        .json();
    assert_eq!(listed["payloads"][0]["payload"], "acme/small");
    assert_eq!(listed["payloads"][0]["latest"], "1.0.0");
    assert_eq!(listed["payloads"][0]["description"], "of a test");
    assert_eq!(listed["payloads"][0]["releases"], 1);
    let again = registry
        .ask(&read, "GET", &release.path(), None)
        .expect(200)
        .json();
    assert_eq!(again, published);
    let blob = format!("/blobs/{}", release.digest);
    let bytes = registry.ask(&read, "GET", &blob, None).expect(200).body;
    assert_eq!(bytes, release.file);
    let audit = registry.audit();
    let entry = audit
        .iter()
        .find(|entry| entry["what"] == "release.publish")
        .unwrap();
    assert_eq!(entry["who"], "ci");
    assert_eq!(entry["subject"], "acme/small@1.0.0");
    assert_eq!(entry["after"]["digest"], release.digest.as_str());
}

#[test]
fn the_same_again_changes_nothing_and_another_digest_is_a_conflict() {
    let registry = Registry::start();
    registry.trust();
    let token = registry.token("ci", &["publish:acme"]);
    let release = made("1.0.0");
    let first = registry.publish(&token, &release).expect(201).json();
    let again = registry.publish(&token, &release).expect(200).json();
    assert_eq!(first, again);
    let other = made_with(fixture::OBJECT, "acme/small", "1.0.0", "another", &[key(1)]);
    let refused = registry.publish(&token, &other).expect(409);
    assert_eq!(refused.field(), "digest");
    assert!(
        refused.detail().contains(&release.digest),
        "{}",
        refused.detail()
    );
    assert!(
        refused.detail().contains(&other.digest),
        "{}",
        refused.detail()
    );
    let kept = registry
        .admin("GET", &release.path(), None)
        .expect(200)
        .json();
    assert_eq!(kept, first);
}

#[test]
fn a_release_without_bytes_is_refused_until_they_are_there() {
    let registry = Registry::start();
    registry.trust();
    let release = made("1.0.0");
    let refused = registry
        .admin("PUT", &release.path(), Some(&release.body()))
        .expect(409);
    assert_eq!(refused.field(), "digest");
    registry.admin("GET", &release.path(), None).expect(404);
    registry
        .admin("GET", "/payloads/acme/small", None)
        .expect(404);
    registry.publish(&registry.admin, &release).expect(201);
}

#[test]
fn a_publisher_stays_in_its_namespace() {
    let registry = Registry::start();
    registry.trust();
    let release = made("1.0.0");
    let other = registry.token("other", &["publish:other", "operate"]);
    let refused = registry.publish(&other, &release).expect(403);
    assert!(refused.detail().contains("acme"), "{}", refused.detail());
    registry.admin("GET", &release.path(), None).expect(404);
    let all = registry.token("all", &["publish:*"]);
    registry.publish(&all, &release).expect(201);
}

#[test]
fn what_is_not_signed_by_a_key_of_the_namespace_is_refused() {
    let registry = Registry::start();
    registry.trust();
    let stranger = fixture::trusted_key(&key(2), &["other"]);
    let path = format!("/keys/{}", stranger["key"].as_str().unwrap());
    registry.admin("PUT", &path, Some(&stranger)).expect(201);
    let publish = |keys: &[_]| {
        let release = made_with(fixture::OBJECT, "acme/small", "1.0.0", "x", keys);
        registry.publish(&registry.admin, &release)
    };
    for keys in [
        vec![key(3)],
        vec![key(2)],
        // A good one does not carry one that nobody here can check.
        vec![key(1), key(3)],
        vec![key(1), key(2)],
    ] {
        let refused = publish(&keys).expect(422);
        assert_eq!(refused.field(), "envelope", "{}", refused.detail());
    }
    registry
        .admin("GET", "/payloads/acme/small", None)
        .expect(404);
    publish(&[key(1)]).expect(201);
}

#[test]
fn an_envelope_about_something_else_is_refused() {
    let registry = Registry::start();
    registry.trust();
    let release = made("1.0.0");
    registry
        .put_blob(&registry.admin, &release.digest, &release.file)
        .expect(201);
    let digest = Digest::of(&release.file);
    let other = Digest::of(b"other");
    let of =
        |name: &str, version: &str, digest| fixture::envelope(name, version, digest, &[key(1)]);
    let with_sig_flipped = {
        let mut envelope: serde_json::Value = serde_json::from_str(&release.envelope).unwrap();
        let sig = envelope["signatures"][0]["sig"].as_str().unwrap();
        let first = if sig.starts_with('A') { "B" } else { "A" };
        envelope["signatures"][0]["sig"] = format!("{first}{}", &sig[1..]).into();
        envelope.to_string()
    };
    for envelope in [
        of("acme/other", "1.0.0", digest),
        of("acme/small", "1.0.1", digest),
        of("acme/small", "1.0.0", other),
        fixture::floor("acme/small", "1.0.0", 1, &key(1)),
        with_sig_flipped,
        String::new(),
        "{}".to_owned(),
        "[".repeat(10_000),
    ] {
        let body = json!({ "digest": release.digest, "envelope": envelope });
        let refused = registry
            .admin("PUT", &release.path(), Some(&body))
            .expect(422);
        assert_eq!(refused.field(), "envelope", "{envelope}");
    }
    registry
        .admin("GET", "/payloads/acme/small", None)
        .expect(404);
}

#[test]
fn a_manifest_that_says_another_name_or_version_is_refused() {
    let registry = Registry::start();
    registry.trust();
    for (name, version) in [("acme/small", "2.0.0"), ("acme/renamed", "1.0.0")] {
        let mut release = made("1.0.0");
        release.name = name.to_owned();
        release.version = version.to_owned();
        release.envelope = fixture::envelope(name, version, Digest::of(&release.file), &[key(1)]);
        let refused = registry.publish(&registry.admin, &release).expect(422);
        assert!(refused.detail().contains("1.0.0") || refused.detail().contains("acme/small"));
        registry.admin("GET", &release.path(), None).expect(404);
    }
}

#[test]
fn signed_bytes_that_are_no_payload_are_refused() {
    let registry = Registry::start();
    registry.trust();
    let good = made("1.0.0");
    let mut flipped = good.file.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    let truncated = good.file[..good.file.len() - 1].to_vec();
    // Its custom sections stand twice: both must not be taken for one.
    let twice = [good.file.as_slice(), &good.file[8..]].concat();
    for file in [
        flipped,
        truncated,
        twice,
        b"\0asm".to_vec(),
        Vec::new(),
        vec![0xff; 4096],
    ] {
        let digest = Digest::of(&file);
        let mut release = good.clone();
        release.digest = digest.to_string();
        release.envelope = fixture::envelope("acme/small", "1.0.0", digest, &[key(1)]);
        release.file = file;
        let refused = registry.publish(&registry.admin, &release).expect(422);
        assert_eq!(refused.field(), "digest", "{}", refused.detail());
        registry.admin("GET", &release.path(), None).expect(404);
    }
    registry.publish(&registry.admin, &good).expect(201);
}

#[test]
fn releases_come_highest_first_with_what_is_different_and_page_by_page() {
    let registry = Registry::start();
    registry.trust();
    for version in ["1.2.0", "1.10.0", "2.0.0-rc.1"] {
        registry
            .publish(&registry.admin, &made(version))
            .expect(201);
    }
    let other = made_with(
        fixture::OTHER_OBJECT,
        "acme/small",
        "2.0.0",
        "other",
        &[key(1)],
    );
    registry.publish(&registry.admin, &other).expect(201);
    let versions = |path: &str| -> (Vec<String>, serde_json::Value) {
        let payload = registry.admin("GET", path, None).expect(200).json();
        let releases = payload["releases"].as_array().unwrap();
        let versions = releases
            .iter()
            .map(|one| one["version"].as_str().unwrap().to_owned());
        (versions.collect(), payload)
    };
    let (all, payload) = versions("/payloads/acme/small");
    assert_eq!(all, ["2.0.0", "2.0.0-rc.1", "1.10.0", "1.2.0"]);
    assert_eq!(payload["next"], serde_json::Value::Null);
    let differences = payload["differences"].as_array().unwrap();
    assert_eq!(differences.len(), 3);
    assert_eq!(differences[0]["from"], "2.0.0-rc.1");
    assert_eq!(differences[0]["to"], "2.0.0");
    assert!(
        !differences[0]["programs_added"]
            .as_array()
            .unwrap()
            .is_empty()
    );
    assert_eq!(differences[1]["programs_added"], json!([]));
    let (first, payload) = versions("/payloads/acme/small?limit=2");
    assert_eq!(first, ["2.0.0", "2.0.0-rc.1"]);
    assert_eq!(payload["next"], "2.0.0-rc.1");
    assert_eq!(payload["differences"].as_array().unwrap().len(), 2);
    let (second, payload) = versions("/payloads/acme/small?limit=2&after=2.0.0-rc.1");
    assert_eq!(second, ["1.10.0", "1.2.0"]);
    assert_eq!(payload["next"], serde_json::Value::Null);
}

#[test]
fn payloads_come_by_name_page_by_page() {
    let registry = Registry::start();
    registry.trust();
    for name in ["acme/c", "acme/a", "acme/b"] {
        let release = made_with(fixture::OBJECT, name, "1.0.0", name, &[key(1)]);
        registry.publish(&registry.admin, &release).expect(201);
    }
    let mut found = Vec::new();
    let mut path = "/payloads?limit=2".to_owned();
    loop {
        let page = registry.admin("GET", &path, None).expect(200).json();
        let payloads = page["payloads"].as_array().unwrap();
        assert!(payloads.len() <= 2);
        found.extend(
            payloads
                .iter()
                .map(|one| one["payload"].as_str().unwrap().to_owned()),
        );
        let Some(next) = page["next"].as_str() else {
            break;
        };
        path = format!("/payloads?limit=2&after={next}");
    }
    assert_eq!(found, ["acme/a", "acme/b", "acme/c"]);
    for limit in ["0", "201", "-1", "x", "4294967296"] {
        registry
            .admin("GET", &format!("/payloads?limit={limit}"), None)
            .expect(400);
    }
}
