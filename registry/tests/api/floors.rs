//! Floors: signed, only upwards, never by who may not.

use serde_json::json;

use crate::client::Answer;
use crate::fixture::{floor, key, made};
use crate::stage::Registry;

fn set(registry: &Registry, envelope: &str) -> Answer {
    let body = json!({ "envelope": envelope });
    registry.admin("PUT", "/payloads/acme/small/floor", Some(&body))
}

#[test]
fn a_floor_rises_with_its_serial_and_never_falls() {
    let registry = Registry::start();
    registry.trust();
    registry
        .publish(&registry.admin, &made("1.0.0"))
        .expect(201);
    let first = floor("acme/small", "1.0.0", 5, &key(1));
    let kept = set(&registry, &first).expect(200).json();
    assert_eq!(kept["minimum_version"], "1.0.0");
    assert_eq!(kept["serial"], 5);
    assert_eq!(kept["envelope"], first.as_str());
    // The same again, as after an answer that was lost.
    assert_eq!(set(&registry, &first).expect(200).json(), kept);
    for (version, serial) in [("0.9.0", 4), ("0.9.0", 5), ("2.0.0", 5)] {
        let refused = set(&registry, &floor("acme/small", version, serial, &key(1))).expect(409);
        assert!(
            refused.detail().contains("serial 5"),
            "{}",
            refused.detail()
        );
    }
    // A publisher may lower the version with a higher serial: nodes decide by the serial too.
    set(&registry, &floor("acme/small", "0.5.0", 6, &key(1))).expect(200);
    let payload = registry
        .admin("GET", "/payloads/acme/small", None)
        .expect(200)
        .json();
    assert_eq!(payload["floor"]["serial"], 6);
    assert_eq!(registry.audit()[0]["before"]["serial"], 5);
}

#[test]
fn what_is_no_floor_of_this_payload_is_refused() {
    let registry = Registry::start();
    registry.trust();
    let early = floor("acme/small", "1.0.0", 1, &key(1));
    set(&registry, &early).expect(404);
    registry
        .publish(&registry.admin, &made("1.0.0"))
        .expect(201);
    for envelope in [
        floor("acme/other", "1.0.0", 1, &key(1)),
        floor("acme/small", "1.0.0", 1, &key(2)),
        floor("acme/small", "1.0.0", u64::MAX, &key(1)),
        made("1.0.0").envelope,
        String::new(),
    ] {
        let refused = set(&registry, &envelope).expect(422);
        assert_eq!(refused.field(), "envelope", "{}", refused.detail());
    }
    let other = registry.token("other", &["publish:other"]);
    let body = json!({ "envelope": early });
    registry
        .ask(&other, "PUT", "/payloads/acme/small/floor", Some(&body))
        .expect(403);
    let payload = registry
        .admin("GET", "/payloads/acme/small", None)
        .expect(200)
        .json();
    assert_eq!(payload.get("floor"), None);
}
