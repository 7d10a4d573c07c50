//! `kill -9` at moments that nobody chooses, under four publishers: what was answered 2xx is
//! there, whole, and nothing is there in half.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::mpsc::sync_channel;
use std::thread;

use payload::digest::Digest;
use payload::name::Namespace;
use payload::signature::{TrustedKeys, Unverified};
use serde_json::Value;

use crate::client::send;
use crate::fixture::{self, Made, key, made_with};
use crate::stage::Registry;

const PUBLISHERS: usize = 4;
/// How often in an ordinary run; `MARROW_KILLS` says another number.
const KILLS: usize = 20;

/// Publishes one release; whether it was answered 2xx. Anything else is the crash's.
fn publish(address: SocketAddr, token: &str, release: &Made) -> bool {
    let bearer = format!("Bearer {token}");
    let headers = [
        ("authorization", bearer.as_str()),
        ("content-type", "application/json"),
    ];
    let blob = format!("/api/v1/blobs/{}", release.digest);
    let put = send(address, "PUT", &blob, &headers, &release.file);
    if !put.is_ok_and(|answer| [200, 201].contains(&answer.status)) {
        return false;
    }
    let (path, body) = (
        format!("/api/v1{}", release.path()),
        release.body().to_string(),
    );
    let published = send(address, "PUT", &path, &headers, body.as_bytes());
    published.is_ok_and(|answer| answer.status == 201)
}

/// Publishes with four publishers until so many were answered, then kills the registry.
fn round(registry: &mut Registry, round: usize, answers: usize) -> Vec<Made> {
    let (told, answered) = sync_channel::<Made>(PUBLISHERS * 1024);
    let (address, token) = (registry.address, registry.admin.clone());
    thread::scope(|scope| {
        for publisher in 0..PUBLISHERS {
            let (told, token) = (told.clone(), token.clone());
            scope.spawn(move || {
                let name = format!("acme/p{publisher}");
                for count in 0.. {
                    let version = format!("1.{round}.{count}");
                    let text = format!("{name} {version}");
                    let release = made_with(fixture::OBJECT, &name, &version, &text, &[key(1)]);
                    if !publish(address, &token, &release) || told.send(release).is_err() {
                        return;
                    }
                }
            });
        }
        drop(told);
        let mut all: Vec<Made> = answered.iter().take(answers).collect();
        registry.kill();
        // Those whose answer was on its way.
        all.extend(answered.iter());
        all
    })
}

fn verifies(registry: &Registry, release: &Value, keys: &TrustedKeys) {
    let digest = release["digest"].as_str().unwrap();
    let blob = registry
        .admin("GET", &format!("/blobs/{digest}"), None)
        .expect(200)
        .body;
    assert_eq!(Digest::of(&blob).to_string(), digest);
    let envelope = release["envelope"].as_str().unwrap();
    let verified = Unverified::decode(blob, envelope.as_bytes())
        .unwrap()
        .verify(keys)
        .unwrap();
    assert_eq!(
        verified.statement().name.as_str(),
        release["payload"].as_str().unwrap()
    );
    assert_eq!(
        verified.statement().version.as_str(),
        release["version"].as_str().unwrap()
    );
}

/// Every release that is listed, by name and version.
fn listed(registry: &Registry) -> BTreeMap<(String, String), Value> {
    let mut found = BTreeMap::new();
    for publisher in 0..PUBLISHERS {
        let name = format!("acme/p{publisher}");
        let mut path = format!("/payloads/{name}");
        loop {
            let answer = registry.admin("GET", &path, None);
            if answer.status == 404 {
                break;
            }
            let page = answer.expect(200).json();
            for release in page["releases"].as_array().unwrap() {
                let version = release["version"].as_str().unwrap().to_owned();
                found.insert((name.clone(), version), release.clone());
            }
            let Some(next) = page["next"].as_str() else {
                break;
            };
            path = format!("/payloads/{name}?after={next}");
        }
    }
    found
}

#[test]
fn a_release_that_was_answered_survives_kill_9_and_none_is_there_in_half() {
    let kills = std::env::var("MARROW_KILLS")
        .ok()
        .and_then(|kills| kills.parse().ok());
    let mut registry = Registry::start();
    registry.trust();
    let mut keys = TrustedKeys::new();
    let namespace: Namespace = "acme".parse().unwrap();
    keys.trust(key(1).public(), namespace).unwrap();
    let (mut answered, mut checked) = (0, BTreeMap::new());
    for number in 0..kills.unwrap_or(KILLS) {
        // After one answer, after a few, after some more.
        let published = round(&mut registry, number, 1 + number * 7 % 13);
        registry.start_again();
        let listed = listed(&registry);
        for release in &published {
            let found = &listed[&(release.name.clone(), release.version.clone())];
            assert_eq!(found["digest"], release.digest.as_str());
            assert_eq!(found["envelope"], release.envelope.as_str());
        }
        answered += published.len();
        for (names, release) in listed {
            if !checked.contains_key(&names) {
                verifies(&registry, &release, &keys);
            }
            checked.insert(names, release);
        }
        let list = registry.admin("GET", "/payloads", None).expect(200).json();
        let counts = list["payloads"].as_array().unwrap().iter();
        let count: u64 = counts.map(|one| one["releases"].as_u64().unwrap()).sum();
        assert_eq!(count, checked.len() as u64, "a list shows what there is");
    }
    assert!(answered >= kills.unwrap_or(KILLS), "{answered}");
    // Once more all of it, after everything that happened.
    assert_eq!(listed(&registry), checked);
    for release in checked.values() {
        verifies(&registry, release, &keys);
    }
}
