//! Signatures added to a release after it was published.

use payload::digest::Digest;
use serde_json::json;

use crate::fixture::{envelope, key, made, made_with, trusted_key};
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

#[test]
fn publishing_a_release_again_adds_its_new_signatures() {
    let registry = Registry::start();
    registry.trust();
    let first = made("1.0.0");
    registry.publish(&registry.admin, &first).expect(201);
    let by = |signers: &[u8]| {
        let keys: Vec<_> = signers.iter().map(|seed| key(*seed)).collect();
        let object = crate::fixture::OBJECT;
        let again = made_with(object, "acme/small", "1.0.0", "of a test", &keys);
        registry.publish(&registry.admin, &again)
    };
    let changes = registry.audit().len();
    // Nobody here knows the second key, alone or beside the first.
    for signers in [&[2][..], &[1, 2]] {
        let refused = by(signers).expect(422);
        assert_eq!(refused.field(), "envelope", "{}", refused.detail());
    }
    by(&[1]).expect(200);
    assert_eq!(registry.audit().len(), changes, "nothing changed");
    let second = trusted_key(&key(2), &["acme"]);
    let path = format!("/keys/{}", key(2).public().id());
    registry.admin("PUT", &path, Some(&second)).expect(201);
    let signed = by(&[2]).expect(200).json();
    assert_eq!(signed["signers"].as_array().unwrap().len(), 2);
    let get = || registry.admin("GET", &first.path(), None).expect(200);
    assert_eq!(get().json(), signed);
    let audit = registry.audit();
    assert_eq!(audit[0]["what"], "release.sign");
    assert_eq!(by(&[1, 2]).expect(200).json(), signed);
    assert_eq!(registry.audit(), audit);
}
