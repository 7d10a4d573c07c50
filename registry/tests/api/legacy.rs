//! The predecessor's JSON: an unsigned release, marked so, until somebody signs it.

use payload::digest::Digest;
use payload::unsigned::Unsigned;
use serde_json::{Value, json};

use crate::client::Answer;
use crate::fixture::{envelope, key};
use crate::stage::Registry;

const GENERATIONS: [&[u8]; 4] = [
    include_bytes!("../../../payload/tests/golden/legacy/generation-0.json"),
    include_bytes!("../../../payload/tests/golden/legacy/generation-1.json"),
    include_bytes!("../../../payload/tests/golden/legacy/generation-2.json"),
    include_bytes!("../../../payload/tests/golden/legacy/wrapped.json"),
];

fn post(registry: &Registry, query: &str, json: &[u8]) -> Answer {
    let bearer = format!("Bearer {}", registry.admin);
    let headers = [
        ("authorization", bearer.as_str()),
        ("content-type", "application/json"),
    ];
    registry.send("POST", &format!("/legacy?{query}"), &headers, json)
}

#[test]
fn every_generation_becomes_an_unsigned_release_that_can_be_signed() {
    let registry = Registry::start();
    registry.trust();
    for (generation, json) in GENERATIONS.iter().enumerate() {
        let query = format!("name=acme%2Fold&version=1.{generation}.0");
        let release = post(&registry, &query, json).expect(201).json();
        assert_eq!(release["signers"], Value::Array(Vec::new()));
        assert_eq!(release.get("envelope"), None);
        post(&registry, &query, json).expect(200);
        let blob = format!("/blobs/{}", release["digest"].as_str().unwrap());
        let file = registry.admin("GET", &blob, None).expect(200).body;
        let read = Unsigned::from_payload(&file).unwrap();
        let version = format!("1.{generation}.0");
        assert_eq!(read.contents().manifest.name.as_str(), "acme/old");
        assert_eq!(read.contents().manifest.version.as_str(), version);

        let signed = envelope("acme/old", &version, Digest::of(&file), &[key(1)]);
        let path = format!("/payloads/acme/old/versions/{version}/signatures");
        let body = json!({ "envelope": signed });
        let release = registry
            .admin("POST", &path, Some(&body))
            .expect(200)
            .json();
        assert_eq!(release["envelope"], signed.as_str());
        assert_eq!(
            release["signers"],
            json!([key(1).public().id().to_string()])
        );
    }
    let audit = registry.audit();
    let unsigned = audit
        .iter()
        .filter(|entry| entry["after"]["unsigned"] == true);
    assert_eq!(unsigned.count(), GENERATIONS.len());
}

#[test]
fn what_is_no_legacy_json_or_has_no_name_is_refused() {
    let registry = Registry::start();
    let good = GENERATIONS[0];
    for query in [
        "name=acme/old",
        "version=1.0.0",
        "name=acme&version=1.0.0",
        "name=acme/../old&version=1.0.0",
        "name=acme/old&version=1",
        "name=acme/old&version=1.0.0&x=1",
        "",
    ] {
        post(&registry, query, good).expect(400);
    }
    let query = "name=acme/old&version=1.0.0";
    let deep = "[".repeat(100_000);
    for json in [
        &b""[..],
        b"{}",
        b"{\"data\":1}",
        b"\0asm",
        deep.as_bytes(),
        &good[..good.len() / 2],
    ] {
        post(&registry, query, json).expect(422);
    }
    let list = registry.admin("GET", "/payloads", None).expect(200).json();
    assert_eq!(list["payloads"], Value::Array(Vec::new()));
    post(&registry, query, good).expect(201);
    let other = post(&registry, query, GENERATIONS[1]);
    assert!([200, 409].contains(&other.status));
    let foreign = registry.token("other", &["publish:other"]);
    let bearer = format!("Bearer {foreign}");
    let headers = [("authorization", bearer.as_str())];
    registry
        .send("POST", &format!("/legacy?{query}"), &headers, good)
        .expect(403);
}
