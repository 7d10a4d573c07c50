//! A registry that is killed again and again while four publishers publish: what was answered with
//! success is there afterwards, whole; what is listed is whole; what is refused left nothing.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use payload::digest::Digest;
use payload::signature::{TrustedKeys, Unverified};

use super::registry::{NAMESPACE, Publisher, Registry, client, publish, wait};
use super::release::Release;
use super::waiting::Ends;
use tests::dice::Dice;

const KILLS: u64 = 200;
const PUBLISHERS: u64 = 4;
/// The longest time between a start and its kill, milliseconds.
const LIFE_MS_MAX: usize = 60;

/// Where the registry is now, for publishers that find it gone.
struct Place {
    url: Mutex<String>,
    token: String,
    done: AtomicBool,
    kept: Mutex<Vec<Release>>,
    serial: AtomicU64,
}

#[test]
fn what_was_answered_with_success_survives_two_hundred_kills() {
    let mut registry = Registry::start();
    let publisher = Publisher::new(&registry, 7);
    let base = publisher.sign("acme/base", "1.0.0", "live_1");
    let place = Place {
        url: Mutex::new(registry.url().to_owned()),
        token: registry.token().to_owned(),
        done: AtomicBool::new(false),
        kept: Mutex::default(),
        serial: AtomicU64::new(0),
    };
    std::thread::scope(|scope| {
        let ends = Ends(&place.done);
        for number in 0..PUBLISHERS {
            let (place, publisher, base) = (&place, &publisher, &base);
            scope.spawn(move || publish_until_done(place, publisher, base, number));
        }
        // The same lives in every run, at moments that are not.
        let mut dice = Dice::of(1);
        for _ in 0..KILLS {
            let life_ms = u64::try_from(dice.below(LIFE_MS_MAX)).unwrap();
            std::thread::park_timeout(Duration::from_millis(life_ms));
            registry.kill();
            registry.start_again();
            registry.url().clone_into(&mut place.url.lock().unwrap());
        }
        drop(ends);
    });
    let kept = place.kept.into_inner().unwrap();
    // How many there are is the machine's speed; that there are some is what gives the rest a meaning.
    assert!(!kept.is_empty(), "no release was answered for");
    println!(
        "{KILLS} kills, {} releases answered with success",
        kept.len()
    );
    everything_kept_is_there(&registry, &kept);
    everything_listed_is_whole(&registry);
}

/// Publishes one release after the other, each until the registry has answered for it.
fn publish_until_done(place: &Place, publisher: &Publisher, base: &Release, number: u64) {
    while !place.done.load(Ordering::Relaxed) {
        let serial = place.serial.fetch_add(1, Ordering::Relaxed);
        let name = format!("{NAMESPACE}/kill-{number}");
        let signed = publisher.sign_again(base, &name, &format!("1.0.{serial}"));
        while !place.done.load(Ordering::Relaxed) {
            let url = place.url.lock().unwrap().clone();
            let answer = wait(publish(&client(&url, &place.token), &signed));
            match answer {
                Ok(_) => {
                    place.kept.lock().unwrap().push(signed);
                    break;
                }
                Err(error) => {
                    let refused = matches!(&error, api::client::ClientError::Refused { problem, .. }
                        if problem.status < 500);
                    assert!(!refused, "{error}");
                }
            }
        }
    }
}

fn everything_kept_is_there(registry: &Registry, kept: &[Release]) {
    let admin = registry.admin();
    for signed in kept {
        let release = wait(admin.release(&signed.name, &signed.version)).unwrap();
        assert_eq!(release.digest, signed.digest);
        assert_eq!(release.envelope.as_deref(), Some(signed.envelope.as_str()));
        let bytes = registry.fetch(&signed.digest, signed.file.len() as u64);
        assert!(bytes == signed.file, "{} has other bytes", signed.digest);
    }
}

fn everything_listed_is_whole(registry: &Registry) {
    let admin = registry.admin();
    let mut keys = TrustedKeys::new();
    for key in wait(admin.keys()).unwrap().keys {
        let public = payload::signature::PublicKey::from_pem(key.pem.as_bytes()).unwrap();
        keys.trust(public, NAMESPACE.parse().unwrap()).unwrap();
    }
    let listed = wait(admin.payloads(None)).unwrap();
    assert!(listed.next.is_none(), "a page holds them all");
    for summary in listed.payloads {
        for release in wait(admin.payload(&summary.payload)).unwrap().releases {
            let bytes = registry.fetch(&release.digest, release.size_bytes);
            assert_eq!(Digest::of(&bytes).to_string(), release.digest);
            let envelope = release.envelope.unwrap();
            let unverified = Unverified::decode(bytes, envelope.as_bytes()).unwrap();
            unverified.verify(&keys).unwrap();
        }
    }
}
