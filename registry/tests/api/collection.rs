//! Collection: what no release names goes, what one names stays, whatever happens beside it.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use payload::digest::Digest;
use serde_json::{Value, json};

use crate::fixture::{self, key, made, made_with};
use crate::stage::Registry;

const AT_ONCE: [&str; 6] = [
    "--collect-after-s",
    "0",
    "--requests-per-second",
    "100000",
    "--failures-per-minute",
    "1000",
];

fn collect(registry: &Registry, dry_run: bool) -> Value {
    let path = format!("/collect?dry_run={dry_run}");
    registry
        .admin("POST", &path, Some(&json!({})))
        .expect(200)
        .json()
}

fn is_there(registry: &Registry, digest: &str) -> bool {
    let answer = registry.admin("HEAD", &format!("/blobs/{digest}"), None);
    assert!([200, 404].contains(&answer.status));
    answer.status == 200
}

#[test]
fn only_what_no_release_names_is_collected_and_a_dry_run_only_tells() {
    let registry = Registry::start_with(&AT_ONCE);
    registry.trust();
    let release = made("1.0.0");
    registry.publish(&registry.admin, &release).expect(201);
    let bytes = b"published by nobody".to_vec();
    let digest = Digest::of(&bytes).to_string();
    registry
        .put_blob(&registry.admin, &digest, &bytes)
        .expect(201);
    // In memory too: what is collected is not served from there.
    registry
        .admin("GET", &format!("/blobs/{digest}"), None)
        .expect(200);
    let wanted = json!({ "dry_run": true, "digests": [digest], "bytes": bytes.len() });
    assert_eq!(collect(&registry, true), wanted);
    assert!(is_there(&registry, &digest));
    let done = collect(&registry, false);
    assert_eq!(done["digests"], json!([digest]));
    registry
        .admin("GET", &format!("/blobs/{digest}"), None)
        .expect(404);
    assert!(is_there(&registry, &release.digest));
    let path = format!("/blobs/{}", release.digest);
    assert_eq!(
        registry.admin("GET", &path, None).expect(200).body,
        release.file
    );
    assert_eq!(collect(&registry, false)["digests"], json!([]));
    assert_eq!(registry.audit()[0]["what"], "blob.collect");
    // It can be put again.
    registry
        .put_blob(&registry.admin, &digest, &bytes)
        .expect(201);
}

#[test]
fn what_was_put_just_now_is_left_for_its_release() {
    let registry = Registry::start();
    let bytes = b"to be published".to_vec();
    let digest = Digest::of(&bytes).to_string();
    registry
        .put_blob(&registry.admin, &digest, &bytes)
        .expect(201);
    assert_eq!(collect(&registry, false)["digests"], json!([]));
    assert!(is_there(&registry, &digest));
}

#[test]
fn bytes_that_a_crash_left_without_a_row_are_collected() {
    let mut registry = Registry::start_with(&AT_ONCE);
    let bytes = b"left by a crash".to_vec();
    let digest = Digest::of(&bytes);
    let hex = digest.hex();
    let folder = registry.data_dir().join("blobs/sha256").join(&hex[..2]);
    assert!(registry.stop().success());
    std::fs::create_dir_all(&folder).unwrap();
    let write = |name: &str| {
        let mut file = std::fs::File::create(folder.join(name)).unwrap();
        std::io::Write::write_all(&mut file, &bytes).unwrap();
    };
    write(&hex);
    write(&format!("{hex}#1"));
    registry.start_again();
    let names = || std::fs::read_dir(&folder).unwrap().count();
    assert_eq!(names(), 1, "what was half written is gone");
    assert!(!is_there(&registry, &digest.to_string()));
    assert_eq!(
        collect(&registry, false)["digests"],
        json!([digest.to_string()])
    );
    assert_eq!(names(), 0);
}

#[test]
fn a_publisher_beside_a_collection_never_has_a_release_without_bytes() {
    const ROUNDS: usize = 60;
    let registry = Registry::start_with(&AT_ONCE);
    registry.trust();
    // One collection an attempt, at any moment of it: more would leave no publisher a chance.
    let attempts = AtomicUsize::new(0);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut seen = 0;
            while !done.load(Ordering::Relaxed) {
                let now = attempts.load(Ordering::Relaxed);
                if now > seen {
                    seen = now;
                    collect(&registry, false);
                }
                thread::yield_now();
            }
        });
        for round in 0..ROUNDS {
            let version = format!("1.{round}.0");
            let release = made_with(fixture::OBJECT, "acme/small", &version, &version, &[key(1)]);
            loop {
                attempts.fetch_add(1, Ordering::Relaxed);
                // Collected between the two steps: put again, as the refusal says.
                let published = registry.publish(&registry.admin, &release);
                if published.status != 409 {
                    published.expect(201);
                    break;
                }
            }
            let path = format!("/blobs/{}", release.digest);
            let bytes = registry.admin("GET", &path, None).expect(200).body;
            assert_eq!(bytes, release.file);
        }
        done.store(true, Ordering::Relaxed);
    });
    for round in 0..ROUNDS {
        let path = format!("/payloads/acme/small/versions/1.{round}.0");
        let release = registry.admin("GET", &path, None).expect(200).json();
        assert!(is_there(&registry, release["digest"].as_str().unwrap()));
    }
}
