//! Signatures added to a release after it was published.

use payload::digest::Digest;
use serde_json::json;

use crate::fixture::{envelope, key, made, trusted_key};
use crate::stage::Registry;

#[test]
fn a_second_signature_stands_beside_the_first() {
    let registry = Registry::start();
    registry.trust();
    let second = trusted_key(&key(2), &["acme"]);
    let path = format!("/keys/{}", key(2).public().id());
    registry.admin("PUT", &path, Some(&second)).expect(201);
    let release = made("1.0.0");
    registry.publish(&registry.admin, &release).expect(201);
    let digest = Digest::of(&release.file);
    let sign = |version: &str, digest, signers: &[_]| {
        let body = json!({ "envelope": envelope("acme/small", version, digest, signers) });
        registry.admin(
            "POST",
            &format!("{}/signatures", release.path()),
            Some(&body),
        )
    };
    for (version, digest, signer) in [
        ("1.0.1", digest, key(2)),
        ("1.0.0", Digest::of(b"other"), key(2)),
        // Nobody here knows it.
        ("1.0.0", digest, key(3)),
    ] {
        let refused = sign(version, digest, &[signer]).expect(422);
        assert_eq!(refused.field(), "envelope", "{}", refused.detail());
    }
    let before = registry
        .admin("GET", &release.path(), None)
        .expect(200)
        .json();
    assert_eq!(before["signers"].as_array().unwrap().len(), 1);
    let signed = sign("1.0.0", digest, &[key(2)]).expect(200).json();
    assert_eq!(signed["signers"].as_array().unwrap().len(), 2);
    let both: serde_json::Value =
        serde_json::from_str(signed["envelope"].as_str().unwrap()).unwrap();
    assert_eq!(both["signatures"].as_array().unwrap().len(), 2);
    let first: serde_json::Value = serde_json::from_str(&release.envelope).unwrap();
    assert_eq!(
        both["payload"], first["payload"],
        "the signed bytes are the same"
    );
    // Once more adds nothing.
    let again = sign("1.0.0", digest, &[key(1), key(2)]).expect(200).json();
    assert_eq!(again["envelope"], signed["envelope"]);
    let kept = registry
        .admin("GET", &release.path(), None)
        .expect(200)
        .json();
    assert_eq!(kept, again);
    let body = json!({ "envelope": release.envelope });
    let path = "/payloads/acme/small/versions/9.0.0/signatures";
    registry.admin("POST", path, Some(&body)).expect(404);
}
